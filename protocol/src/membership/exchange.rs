//! Finding out with one neighbour which operations each side lacks: automerge's sync messages, guarded (section 14).
//!
//! Only *which* is automerge's business. Operations travel beside the message and pass admission; a message with
//! changes in it is refused, and its header is checked by [`super::gate`] before automerge sees a byte of it. One
//! exchange lives as long as a slot; on any error it is thrown away and a fresh one begins (MB-T1).

use alloc::collections::BTreeSet;
use alloc::vec::Vec;

use automerge::sync::{ChunkList, Message, State, SyncDoc};
use automerge::{Change, ChangeHash};

use super::document::{Document, carried};
use super::gate::{self, GateFault};
use super::{Admission, Membership, Source};
use crate::ids::OperationId;
use crate::limits::{SYNC_IDLE_ROUNDS_MAX, SYNC_OPERATIONS_MAX, SYNC_PATIENCE_ROUNDS, SYNC_SENT_MAX};

/// The message of a frame that only carries operations; the frame with the sync message follows.
const MORE_FOLLOWS: [u8; 1] = [0];

/// One MSYNC frame: the message as it goes out, and the operations beside it, at most 31.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SyncFrame {
    /// A guarded sync message; empty to start anew; one zero byte if more operations follow.
    pub message: Vec<u8>,
    /// In an order that respects what they name.
    pub operations: Vec<OperationId>,
}

/// What came of a frame.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ExchangeStep {
    /// What became of each operation in it.
    pub admissions: Vec<Admission>,
    /// What was wrong with the message, if anything: the peer's fault, and both sides start anew.
    pub fault: Option<GateFault>,
    /// The idle rounds are used up: no more with this neighbour until heads change, or ten minutes (N-709).
    pub idle: bool,
}

/// The state of the sync with one neighbour.
#[derive(Default)]
pub struct Exchange {
    state: State,
    idle_rounds: u32,
    announce_reset: bool,
    /// What went to the neighbour in this exchange, the newest so many.
    sent: BTreeSet<OperationId>,
}

impl Exchange {
    /// A fresh start, as after opening a slot.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Rule MB-T5: forget everything, and ask the neighbour to do so too. For a sync that made no progress for 10 s
    /// although heads differ; once.
    pub fn reset(&mut self) {
        *self = Self { announce_reset: true, ..Self::default() };
    }

    /// Whether the idle rounds are used up (MB-T5).
    #[must_use]
    pub const fn is_idle(&self) -> bool {
        self.idle_rounds >= SYNC_IDLE_ROUNDS_MAX
    }

    /// Rule N-308: whether the neighbour has spoken and everything it announced is here. Operations that were refused,
    /// or lie outside the document, don't count (N-709).
    pub fn holds_all_announced<const S: usize>(&self, log: &mut Membership<S>) -> bool {
        let Some(heads) = &self.state.their_heads else { return false };
        let document = log.document();
        heads.iter().all(|hash| document.id_of(hash).is_some() || document.shadow(hash).is_some())
    }

    /// The own heads changed: the exchange may go on (N-709).
    pub const fn wake(&mut self) {
        self.idle_rounds = 0;
    }

    /// The frames to send now; none if there is nothing to say, or an answer is awaited.
    pub fn generate<const S: usize>(&mut self, log: &mut Membership<S>) -> Vec<SyncFrame> {
        let mut frames = Vec::new();
        if core::mem::take(&mut self.announce_reset) {
            frames.push(SyncFrame { message: Vec::new(), operations: Vec::new() });
        }
        if self.is_idle() {
            return frames;
        }
        let document = log.document();
        if self.has_nothing_to_say(document) {
            return frames;
        }
        let Some(mut message) = document.automerge.generate_sync_message(&mut self.state) else { return frames };
        // The changes are our own bytes (MB-T2); a snapshot of the whole document never comes, for no peer of ours
        // says that it could take one.
        let operations: Vec<OperationId> = message
            .changes
            .iter()
            .filter_map(|bytes| Change::from_bytes(bytes.to_vec()).ok())
            .filter_map(|change| carried(&change))
            .collect();
        let operations = if operations.is_empty() { self.foundations(log) } else { operations };
        if self.sent.len().saturating_add(operations.len()) <= SYNC_SENT_MAX {
            self.sent.extend(&operations);
        }
        message.changes = ChunkList::empty();
        message.flags = None;
        let mut parts: Vec<Vec<OperationId>> =
            operations.chunks(SYNC_OPERATIONS_MAX).map(<[OperationId]>::to_vec).collect();
        let last = parts.pop().unwrap_or_default();
        frames.extend(parts.into_iter().map(|operations| SyncFrame { message: MORE_FOLLOWS.to_vec(), operations }));
        frames.push(SyncFrame { message: message.encode(), operations: last });
        frames
    }

    /// Whether automerge would say nothing, found out without making the filter first: our heads were told, and the
    /// neighbour either has not answered yet or has the same and asks for nothing.
    fn has_nothing_to_say(&self, document: &Document) -> bool {
        let State { their_heads, their_need, their_have, .. } = &self.state;
        let heads = document.automerge.get_heads();
        let is_told = self.state.have_responded && self.state.last_sent_heads == heads;
        let is_same = their_heads.as_ref() == Some(&heads) && their_need.as_ref().is_none_or(Vec::is_empty);
        // Who speaks of a sync that is not known here is told so.
        let mut begun = their_have.iter().flatten().take(1).flat_map(|have| &have.last_sync);
        is_told && (self.state.in_flight || is_same) && begun.all(|hash| document.id_of(hash).is_some())
    }

    /// A Bloom filter says of one change in a hundred that the neighbour has it although it hasn't; what rests on it
    /// then waits there for ever, and every next filter is the same. So when rounds pass without progress, what the
    /// operations sent so far name goes too, one generation deeper each round.
    fn foundations<const S: usize>(&self, log: &Membership<S>) -> Vec<OperationId> {
        if self.idle_rounds < SYNC_PATIENCE_ROUNDS {
            return Vec::new();
        }
        let names = self.sent.iter().filter_map(|id| log.operation(id)).flat_map(|signed| signed.operation().names());
        let fresh: BTreeSet<OperationId> = names.filter(|id| !self.sent.contains(id) && log.is_admitted(id)).collect();
        fresh.into_iter().take(SYNC_OPERATIONS_MAX).collect()
    }

    /// Takes a frame in. Operations are admitted first, whatever the message is.
    pub fn receive<'a, const S: usize>(
        &mut self,
        log: &mut Membership<S>,
        source: Source,
        message: &[u8],
        operations: impl IntoIterator<Item = &'a [u8]>,
    ) -> ExchangeStep {
        let admissions = log.admit_from(source, operations);
        if admissions.iter().any(|admission| matches!(admission, Admission::Admitted(_))) {
            self.idle_rounds = 0;
        }
        let mut step = ExchangeStep { admissions, ..ExchangeStep::default() };
        if message.is_empty() {
            *self = Self::default();
        } else if message != MORE_FOLLOWS {
            self.idle_rounds = self.idle_rounds.saturating_add(1);
            if let Err(fault) = self.take(log, message) {
                self.reset();
                step.fault = Some(fault);
            }
        }
        step.idle = self.is_idle();
        step
    }

    fn take<const S: usize>(&mut self, log: &mut Membership<S>, bytes: &[u8]) -> Result<(), GateFault> {
        gate::check(bytes)?;
        let mut message = Message::decode(bytes).map_err(|_| GateFault::Malformed)?;
        if !message.changes.is_empty() || message.flags.is_some() {
            return Err(GateFault::CarriesChanges);
        }
        message.heads = translate(log, &message.heads);
        message.need.retain(|hash| log.document().shadow(hash).is_none());
        let document = log.document();
        document.automerge.receive_sync_message(&mut self.state, message).map_err(|_| GateFault::Malformed)
    }
}

/// Rule MB-T2: a peer's heads that we keep outside the document count as what they rest on, else the two sides would
/// never agree that they are done.
fn translate<const S: usize>(log: &mut Membership<S>, heads: &[ChangeHash]) -> Vec<ChangeHash> {
    let document = log.document();
    let (mut known, mut unknown) = (Vec::new(), Vec::new());
    let mut has_shadow = false;
    for hash in heads {
        if let Some(id) = document.shadow(hash) {
            has_shadow = true;
            known.push(id);
        } else if let Some(id) = document.id_of(hash) {
            known.push(id);
        } else {
            unknown.push(*hash);
        }
    }
    if !has_shadow {
        return heads.to_vec();
    }
    let inside = log.newest_admitted(&known);
    let document = log.document();
    unknown.extend(inside.iter().filter_map(|id| document.hash_of(id)));
    unknown.sort_unstable();
    unknown.dedup();
    unknown
}
