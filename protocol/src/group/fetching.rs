//! Anti-entropy of a group: comparing logs with neighbours, fetching what is missing, giving what is asked for
//! (section 7 of the network document). The machine is [`AntiEntropy`]; here it meets logs, store and links.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use super::hearing::Heard;
use super::{Context, Group};
use crate::effects::Stored;
use crate::encryption::grants::{RepairAnswers, RepairRequests};
use crate::ids::{LogId, LogTag, Neighbour};
use crate::limits;
use crate::link::DropCode;
use crate::log::{ForkProof, Lack, Logs, Place, VectorItem};
use crate::record::{Record, RecordId};
use crate::sync::frames::{Cancel, Extent, Give, Gone, LogNames, Vector, Want, Who};
use crate::sync::{AntiEntropy, Holdings, Outcome, Shelf, SyncAction};
use crate::wire::frame::GroupFrame;
use crate::wire::{Canonical, DecodeError, from_bytes, to_bytes};

/// Sizes of stored entries, so that frames are cut without reading bodies.
pub(super) type Sizes = BTreeMap<(LogId, u8), BTreeMap<u64, u32>>;

/// What serves fetching and giving in one group.
#[derive(Default)]
pub(super) struct Fetcher {
    machine: AntiEntropy,
    sizes: Sizes,
    gives: Vec<(Stored, usize)>,
    pub(super) asked: RepairRequests,
    pub(super) answered: RepairAnswers,
}

/// The logs with the sizes of their entries.
struct Shelves<'a> {
    logs: &'a Logs,
    sizes: &'a Sizes,
}

impl Holdings for Shelves<'_> {
    fn lacking(&self, theirs: &[VectorItem]) -> Vec<Lack> {
        self.logs.lacking(theirs)
    }
    fn is_named(&self, tag: &LogTag) -> bool {
        self.logs.is_named(tag)
    }
    fn next_seq(&self, tag: &LogTag) -> u64 {
        self.logs.next_seq(tag)
    }
    fn shelf(&self, tag: &LogTag, branch: Option<[u8; 8]>) -> Option<Shelf> {
        self.logs.shelf(tag, branch)
    }
    fn entry_bytes(&self, tag: &LogTag, branch: u8, seq: u64) -> Option<usize> {
        let log = self.logs.by_tag(tag)?;
        let place = self.logs.stored_at(&log, branch, seq)?;
        size_of(self.sizes, &place)
    }
}

fn size_of(sizes: &Sizes, place: &Place) -> Option<usize> {
    let size = sizes.get(&(place.log, place.branch))?.get(&place.seq)?;
    usize::try_from(*size).ok()
}

macro_rules! shelves {
    ($group:expr) => {
        &Shelves { logs: &$group.logs, sizes: &$group.near.fetcher.sizes }
    };
}

/// Calls the machine with the shelves beside it: two fields of one struct, so no method can lend both.
macro_rules! ask {
    ($group:expr, $method:ident ( $($argument:expr),* )) => {{
        let mut machine = core::mem::take(&mut $group.near.fetcher.machine);
        let actions = machine.$method($($argument,)* shelves!($group));
        $group.near.fetcher.machine = machine;
        actions
    }};
}

impl Group {
    /// Notes the size of an entry that is stored now.
    pub(super) fn note_size(&mut self, place: Place, bytes: usize) {
        let size = u32::try_from(bytes).unwrap_or(u32::MAX);
        self.near.fetcher.sizes.entry((place.log, place.branch)).or_default().insert(place.seq, size);
    }

    /// Numbers of all branches that have records, and the seqs of their entries.
    pub(super) fn stored_entries(&mut self) -> Vec<(u32, Vec<u64>)> {
        let sizes = &self.near.fetcher.sizes;
        let all: Vec<_> = sizes.iter().map(|(&branch, seqs)| (branch, seqs.keys().copied().collect())).collect();
        all.into_iter().map(|(branch, seqs)| (self.numbers.of(branch), seqs)).collect()
    }

    /// A slot opened.
    pub(super) fn fetching_opened(&mut self, ctx: &Context<'_>, neighbour: Neighbour) {
        self.near.fetcher.machine.on_open(ctx.now, neighbour);
    }

    /// Membership has settled on a slot: logs are compared.
    pub(super) fn send_vector(&mut self, ctx: &mut Context<'_>, neighbour: Neighbour) {
        if !self.may_compare(neighbour) {
            return;
        }
        let actions = if self.near.fetcher.machine.is_settled(neighbour) {
            self.near.fetcher.machine.resync(ctx.now, neighbour)
        } else {
            ask!(self, on_settled(ctx.now, neighbour))
        };
        self.do_sync(ctx, actions);
    }

    /// Rules N-201, N-308: logs are named only to who is Keyed, and only once membership has settled.
    fn may_compare(&self, neighbour: Neighbour) -> bool {
        let near = self.near.slots.get(&neighbour);
        near.is_some_and(|near| near.settled && self.membership.roster().is_keyed(&near.mid))
    }

    /// A slot ended: what was asked there is asked elsewhere.
    pub(super) fn drop_fetches(&mut self, ctx: &mut Context<'_>, neighbour: Neighbour) {
        let actions = ask!(self, on_closed(ctx.now, neighbour));
        self.do_sync(ctx, actions);
    }

    /// Something may be missing: compare all logs with this neighbour.
    pub(super) fn compare_later(&mut self, ctx: &mut Context<'_>, neighbour: Neighbour) {
        if !self.may_compare(neighbour) {
            return;
        }
        let actions = self.near.fetcher.machine.resync(ctx.now, neighbour);
        self.do_sync(ctx, actions);
    }

    /// By N-406, the shell dropped a full queue.
    pub(crate) fn on_overflowed(&mut self, ctx: &mut Context<'_>, neighbour: Neighbour) {
        if let Some(near) = self.near.slots.get_mut(&neighbour) {
            // Operations may have been among what was dropped, and the exchange takes them for sent (MB-T5). The next
            // STATE begins anew: what is said at once would meet the same full queue.
            near.exchange.reset();
        }
        self.compare_later(ctx, neighbour);
    }

    /// The full name of a log on the wire.
    pub(super) fn log_of_tag(&self, tag: &LogTag) -> Option<LogId> {
        self.logs.by_tag(tag).or_else(|| self.near.fetcher.machine.name_of(tag)).or_else(|| self.guess_log(tag))
    }

    /// A newcomer's log is known by its Join and by the installation that a waiting entry, or nothing yet, has named:
    /// only WHO tells.
    fn guess_log(&self, tag: &LogTag) -> Option<LogId> {
        self.logs.waiting().map(|waiting| waiting.entry.log).find(|log| self.logs.tag(log) == *tag)
    }

    /// A neighbour's STATE differs.
    pub(super) fn on_entries_digest(&mut self, ctx: &Context<'_>, from: Neighbour, digest: crate::ids::Digest) {
        self.near.fetcher.machine.on_state(ctx.now, from, digest);
    }

    /// The own digest, as told.
    pub(super) fn note_own_digest(&mut self, ctx: &Context<'_>, digest: crate::ids::Digest) {
        self.near.fetcher.machine.on_own_digest(ctx.now, digest);
    }

    /// Entries came in by another way than push, or left the pool: others are told (N-710).
    pub(super) fn tell_gained(&mut self, ctx: &Context<'_>, log: &LogId, from: Option<Neighbour>) {
        let tag = self.logs.tag(log);
        self.near.fetcher.machine.on_gained(ctx.now, tag, from);
    }

    /// An entry waits for its predecessor.
    pub(super) fn tell_waiting(&mut self, ctx: &Context<'_>, from: Neighbour, tag: LogTag, missing_to: u64) {
        self.near.fetcher.machine.on_waiting(ctx.now, from, tag, missing_to);
    }

    /// Nothing more of a log for so long: its author writes too much.
    pub(super) fn rest_log(&mut self, ctx: &Context<'_>, log: &LogId, rest_ms: u64) {
        let tag = self.logs.tag(log);
        self.near.fetcher.machine.rest_log(ctx.now, tag, ctx.now.mono_ms.saturating_add(rest_ms));
    }

    /// Bytes of a stored entry.
    pub(super) fn stored_bytes(&self, place: &Place) -> u64 {
        size_of(&self.near.fetcher.sizes, place).and_then(|size| u64::try_from(size).ok()).unwrap_or(0)
    }

    /// Membership moved: what was stuck may go on.
    pub(super) fn fetching_membership_moved(&mut self, ctx: &mut Context<'_>) {
        let actions = ask!(self, on_membership_moved(ctx.now));
        self.do_sync(ctx, actions);
    }

    pub(super) fn on_vector(&mut self, ctx: &mut Context<'_>, from: Neighbour, body: &[u8]) -> Result<(), DecodeError> {
        let vector: Vector = from_bytes(body, GroupFrame::Vector.body_bytes_max())?;
        let own = self.logs.tag(&self.own);
        let own_is_ahead = self.logs.compare(&vector.items).iter().any(|lack| lack.tag == own);
        let is_whole = vector.extent == Extent::Full && !vector.more;
        let actions = ask!(self, on_vector(ctx.now, from, &vector));
        self.do_sync(ctx, actions);
        if is_whole && !own_is_ahead {
            self.compared(ctx);
        }
        Ok(())
    }

    /// By E-71, own logs and membership were compared with another member: from here on one may speak.
    fn compared(&mut self, ctx: &mut Context<'_>) {
        let away_ms = ctx.now.wall_ms.saturating_sub(self.record.heard_at_ms);
        let was_away = self.record.heard_at_ms > 0 && away_ms >= limits::AWAY_MS;
        if was_away {
            self.duties.returned();
        }
        if was_away || !self.in_touch {
            self.duties.leaf_soon(ctx.now);
        }
        let long_ago = ctx.now.wall_ms.saturating_sub(self.record.synced_at_ms) >= limits::SYNCED_NOTE_MS;
        if !self.in_touch || long_ago {
            self.record.heard_at_ms = ctx.now.wall_ms;
            self.record.synced_at_ms = ctx.now.wall_ms;
            self.put_group(ctx);
        }
        self.in_touch = true;
        if self.compared_mono_ms.is_none() {
            self.compared_mono_ms = Some(ctx.now.mono_ms);
            self.duties.catch_up_by(ctx.now);
        }
        self.open_again(ctx);
        self.flush_outbox(ctx);
        self.duties.grant_soon(ctx.now);
        self.duties.membership_moved(ctx.now);
    }

    pub(super) fn on_who(&mut self, ctx: &mut Context<'_>, from: Neighbour, body: &[u8]) -> Result<(), DecodeError> {
        let Who(tags) = from_bytes(body, GroupFrame::Who.body_bytes_max())?;
        let action = AntiEntropy::on_who(from, &tags, &|tag| self.log_of_tag(tag));
        self.do_sync(ctx, Vec::from([action]));
        Ok(())
    }

    pub(super) fn on_logs(&mut self, ctx: &mut Context<'_>, from: Neighbour, body: &[u8]) -> Result<(), DecodeError> {
        let LogNames(names) = from_bytes(body, GroupFrame::Logs.body_bytes_max())?;
        let mut machine = core::mem::take(&mut self.near.fetcher.machine);
        let tag_of = |log: &LogId| {
            let known = self.membership.is_admitted(&log.mid.into()) && self.membership.key_of(&log.mid).is_some();
            known.then(|| self.logs.tag(log))
        };
        let actions = machine.on_names(ctx.now, from, &names, &tag_of, shelves!(self));
        self.near.fetcher.machine = machine;
        self.do_sync(ctx, actions);
        Ok(())
    }

    pub(super) fn on_want(&mut self, ctx: &mut Context<'_>, from: Neighbour, body: &[u8]) -> Result<(), DecodeError> {
        let want: Want = from_bytes(body, GroupFrame::Want.body_bytes_max())?;
        let actions = ask!(self, on_want(from, &want));
        self.do_sync(ctx, actions);
        Ok(())
    }

    pub(super) fn on_cancel(&mut self, from: Neighbour, body: &[u8]) -> Result<(), DecodeError> {
        let Cancel(request) = from_bytes(body, GroupFrame::Cancel.body_bytes_max())?;
        self.near.fetcher.machine.on_cancel(from, request);
        Ok(())
    }

    pub(super) fn on_gone(&mut self, ctx: &mut Context<'_>, from: Neighbour, body: &[u8]) -> Result<(), DecodeError> {
        let gone: Gone = from_bytes(body, GroupFrame::Gone.body_bytes_max())?;
        let actions = ask!(self, on_gone(ctx.now, from, &gone));
        self.do_sync(ctx, actions);
        Ok(())
    }

    pub(super) fn on_give(&mut self, ctx: &mut Context<'_>, from: Neighbour, body: &[u8]) -> Result<(), DecodeError> {
        let give: Give = from_bytes(body, GroupFrame::Give.body_bytes_max())?;
        let intake = match self.near.fetcher.machine.on_give(ctx.now, from, give) {
            Ok(intake) => intake,
            Err(fault) => {
                self.fault(ctx, from, fault);
                return Ok(());
            }
        };
        let key = self.near.slots.get(&from).map(|near| near.key);
        let mut outcome = Outcome::default();
        if let (Some(log), Some(key)) = (self.log_of_tag(&intake.tag), key) {
            self.near.giving = true;
            for bytes in &intake.entries {
                if self.is_resting(ctx, &log) {
                    break;
                }
                match self.hear(ctx, (log, bytes), Some((from, key))) {
                    Heard::New => outcome.admitted = outcome.admitted.saturating_add(1),
                    Heard::Waiting => outcome.waiting = outcome.waiting.saturating_add(1),
                    Heard::Known | Heard::Refused => {}
                }
            }
            self.near.giving = false;
        }
        let actions = ask!(self, on_given(ctx.now, &intake, outcome));
        self.do_sync(ctx, actions);
        if !self.outbox.is_empty() || self.lacks_own_log() {
            self.duties.wake_soon(ctx.now);
        }
        Ok(())
    }

    /// Whether something that a neighbour holds is still to come.
    pub(super) fn is_catching_up(&self) -> bool {
        self.near.fetcher.machine.is_catching_up(shelves!(self))
    }

    /// What the machine wants done.
    fn do_sync(&mut self, ctx: &mut Context<'_>, actions: Vec<SyncAction>) {
        for action in actions {
            match action {
                SyncAction::FullVector { to } => {
                    let items = self.logs.vector(self.membership.roster().keyed());
                    self.send_vectors(ctx, to, Vector::frames(Extent::Full, items));
                }
                SyncAction::DeltaVector { to, tags } => {
                    let logs = tags.iter().filter_map(|tag| self.logs.by_tag(tag));
                    let items = logs.flat_map(|log| self.logs.items_of(&log)).collect();
                    self.send_vectors(ctx, to, Vector::frames(Extent::Delta, items));
                }
                SyncAction::Who { to, tags } => self.send_body(ctx, to, GroupFrame::Who, &Who(tags)),
                SyncAction::Names { to, names } => self.send_body(ctx, to, GroupFrame::Logs, &names),
                SyncAction::Want { to, want } => self.send_body(ctx, to, GroupFrame::Want, &want),
                SyncAction::Cancel { to, request } => self.send_body(ctx, to, GroupFrame::Cancel, &Cancel(request)),
                SyncAction::Gone { to, gone } => self.send_body(ctx, to, GroupFrame::Gone, &gone),
                SyncAction::Serving { to } => self.serve(to),
                SyncAction::Stalled { neighbour } => self.near.dropped.push((neighbour, DropCode::Stalled)),
                SyncAction::Fault { neighbour, fault } => self.fault(ctx, neighbour, fault),
            }
        }
    }

    pub(super) fn send_body<T: Canonical>(&self, ctx: &mut Context<'_>, to: Neighbour, kind: GroupFrame, body: &T) {
        self.send(ctx, to, kind, &to_bytes(body));
    }

    fn send_vectors(&self, ctx: &mut Context<'_>, to: Neighbour, frames: Vec<Vector>) {
        if planted!(NoAntiEntropy) {
            return;
        }
        frames.iter().for_each(|frame| self.send_body(ctx, to, GroupFrame::Vector, frame));
    }

    /// Turns what is to be given into frames for the account, which knows the link's credit (N-405).
    fn serve(&mut self, to: Neighbour) {
        while let Some(serve) = self.near.fetcher.machine.take_serve(to) {
            let Some(log) = self.logs.by_tag(&serve.tag) else { continue };
            let places: Vec<Place> =
                (serve.from..=serve.to).filter_map(|seq| self.logs.stored_at(&log, serve.branch, seq)).collect();
            let sizes: Vec<usize> =
                places.iter().map(|place| size_of(&self.near.fetcher.sizes, place).unwrap_or(0)).collect();
            let records = places.iter().map(|&place| self.entry_record(place)).collect();
            let (before, after) = Give::around(&serve);
            let kind = GroupFrame::Give.number();
            let stored = Stored { link: to.link, slot: to.slot, kind, before, records, after };
            let bytes = stored.body_bytes(&sizes);
            self.near.fetcher.gives.push((stored, bytes));
        }
    }

    /// Frames for the account to send as credit allows.
    pub(crate) fn take_gives(&mut self) -> Vec<(Stored, usize)> {
        core::mem::take(&mut self.near.fetcher.gives)
    }

    /// Two entries of one author at one place: the bytes that don't stand here are kept as evidence (E-78).
    pub(super) fn keep_evidence(&self, ctx: &mut Context<'_>, proof: &ForkProof) {
        // Named by what it shows, so that no evidence takes another's place, now or after a restart.
        let digest = crate::crypto::hash(crate::crypto::Label::NetTips, &[crate::crypto::Field::B(&proof.other)]);
        let number = digest.0.first_chunk().map_or(0, |first| u32::from_be_bytes(*first));
        ctx.effects.put(Record { id: RecordId::evidence(self.g, number), bytes: proof.other.clone() });
    }

    pub(super) fn fetching_deadline(&self) -> Option<u64> {
        self.near.fetcher.machine.next_deadline()
    }

    pub(super) fn on_fetching_time(&mut self, ctx: &mut Context<'_>) {
        if self.fetching_deadline().is_some_and(|at| at <= ctx.now.mono_ms) {
            self.entries_now(ctx);
            let actions = ask!(self, on_deadline(ctx.now));
            self.do_sync(ctx, actions);
        }
    }
}
