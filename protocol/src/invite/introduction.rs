//! The other side of a late acquaintance: a member whom this host does not know yet shows its own Join (N-209), or
//! somebody who was removed meanwhile learns of it.
//!
//! The host's log may be older than the newcomer's, or the two may stand on different sides of a partition. The
//! newcomer brings what makes it a member and is asked for what that names; it never sees anything of the host's log
//! but the operations that ended it.
#![cfg_attr(not(test), deny(clippy::arithmetic_side_effects, clippy::as_conversions))]

use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use rand_core::CryptoRng;

use super::frames::{Answer, Knock, Meeting, Need, Operations, body, frame, kind_of};
use super::joiner::Unfit;
use crate::crypto::{Secret, random, same};
use crate::error::PeerFault;
use crate::ids::{MemberKey, OperationId};
use crate::limits;
use crate::membership::Membership;
use crate::time::Timestamp;
use crate::wire::frame::{Frame, JoinFrame};

/// What an introduction reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Introduced {
    /// The host knows this member now: open the group link.
    Known,
    /// The host shows what ended this membership: ordinary admission decides whether it is true.
    Ended(Vec<Vec<u8>>),
    /// This host is of no use.
    Unfit(Unfit),
}

/// What follows from one input.
pub struct IntroductionStep {
    /// The machine, unless it is at its end.
    pub next: Option<Introducer>,
    /// To send, in order.
    pub send: Vec<Frame>,
    /// What was reached.
    pub outcome: Option<Introduced>,
}

/// A member who makes itself known to one host.
pub struct Introducer {
    own: MemberKey,
    host: MemberKey,
    key: Secret<32>,
    nonce: [u8; 32],
    /// What may be shown, by id; the first to send are in `first`.
    first: Vec<Vec<u8>>,
    shown: usize,
    rounds: u8,
    answered: bool,
    started: Timestamp,
}

impl Introducer {
    /// Knocks under the group's key (`introduce_key`). `first` is the own Join and Confirm; for somebody whom the
    /// host may hold for removed also the office operations and Leaves that void the removal.
    #[must_use]
    pub fn start(
        key: Secret<32>,
        (own, host): (MemberKey, MemberKey),
        first: Vec<Vec<u8>>,
        now: Timestamp,
        rng: &mut dyn CryptoRng,
    ) -> (Self, Vec<Frame>) {
        let nonce = random(rng);
        let knock = Knock { nonce, tag: Meeting::knock_tag(&own, &nonce, &key) };
        let machine = Self { own, host, key, nonce, first, shown: 0, rounds: 0, answered: false, started: now };
        (machine, Vec::from([frame(JoinFrame::Knock, &knock)]))
    }

    /// One frame came. `membership` is the own log, out of which NEED is answered.
    #[must_use]
    pub fn handle(self, frame: &Frame, membership: &Membership) -> IntroductionStep {
        match self.dispatch(frame, membership) {
            Ok(step) => step,
            Err(unfit) => Self::end(Introduced::Unfit(unfit)),
        }
    }

    fn dispatch(self, frame: &Frame, membership: &Membership) -> Result<IntroductionStep, Unfit> {
        let kind = kind_of(frame)?;
        if kind == JoinFrame::Answer && !self.answered {
            self.on_answer(&body(frame)?)
        } else if kind == JoinFrame::Need && self.answered {
            self.on_need(body(frame)?, membership)
        } else if kind == JoinFrame::Ended && self.answered {
            let Operations(mut operations) = body(frame)?;
            operations.truncate(limits::ENDED_OPERATIONS_MAX);
            Ok(Self::end(Introduced::Ended(operations)))
        } else {
            Err(Unfit::Broken(PeerFault::OutOfPlace))
        }
    }

    fn on_answer(mut self, answer: &Answer) -> Result<IntroductionStep, Unfit> {
        let meeting = Meeting { joiner: self.own, host: self.host, joiner_nonce: self.nonce, host_nonce: answer.nonce };
        if !same(&meeting.answer_mac(&self.key), &answer.mac) {
            return Err(Unfit::WrongAnswer);
        }
        self.answered = true;
        let first = core::mem::take(&mut self.first);
        self.show(first)
    }

    /// Only operations of the own log, all rounds together at most 64: more is sync, not acquaintance.
    fn on_need(self, need: Need, membership: &Membership) -> Result<IntroductionStep, Unfit> {
        if need.0.is_empty() {
            return Ok(Self::end(Introduced::Known));
        }
        let asked: BTreeMap<OperationId, Vec<u8>> = need
            .0
            .iter()
            .filter_map(|id| membership.operation(id).map(|signed| (*id, signed.bytes().to_vec())))
            .collect();
        if asked.is_empty() {
            return Err(Unfit::Log);
        }
        self.show(asked.into_values().collect())
    }

    fn show(mut self, operations: Vec<Vec<u8>>) -> Result<IntroductionStep, Unfit> {
        self.shown = self.shown.saturating_add(operations.len());
        self.rounds = self.rounds.saturating_add(1);
        if self.shown > limits::INTRODUCE_OPERATIONS_MAX || self.rounds > limits::INTRODUCE_ROUNDS_MAX {
            return Err(Unfit::TooMuch);
        }
        // One frame a round, so that the host judges them together.
        let size: usize = operations.iter().map(Vec::len).sum();
        if size > limits::JOIN_FRAME_FILL_BYTES {
            return Err(Unfit::TooMuch);
        }
        let send = Vec::from([frame(JoinFrame::Introduce, &Operations(operations))]);
        Ok(IntroductionStep { next: Some(self), send, outcome: None })
    }

    /// When to give this host up (monotonic ms).
    #[must_use]
    pub const fn deadline_mono_ms(&self) -> u64 {
        let life = if self.answered { limits::INTRODUCE_LIFE_MS } else { limits::JOIN_SILENCE_MS };
        self.started.mono_ms.saturating_add(life)
    }

    const fn end(outcome: Introduced) -> IntroductionStep {
        IntroductionStep { next: None, send: Vec::new(), outcome: Some(outcome) }
    }
}
