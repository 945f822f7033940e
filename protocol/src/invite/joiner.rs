//! The machine of the one who joins, on one channel to one host. It trusts nothing that the host says: the envelope
//! is opened with the link's secret, the operations are admitted and folded here, and only then is a seat claimed.
//!
//! ```text
//! Knocking → Proving → Picking → Previewed → Fetching → Ready → Claiming → seated | pending | refused
//! ```
//! The machine consumes itself: each step gives the next one or the end. `Previewed` waits for the person (a dry run
//! stops there), `Ready` for the caller, who writes Join and opening Leaf with the profile's own key.
#![cfg_attr(not(test), deny(clippy::arithmetic_side_effects, clippy::as_conversions))]

use alloc::boxed::Box;
use alloc::vec::Vec;
use rand_core::CryptoRng;

use super::envelope::open_grant;
use super::frames::{
    Answer, Claim, Envelope, Fetch, HeadsBody, Knock, Meeting, Operations, Pick, Preview, Prove, Status, body, frame,
    kind_of,
};
use super::link::{InviteLink, LinkKeys};
use super::reason::Reason;
use super::verdict::may_host;
use crate::crypto::{Label, random, same};
use crate::error::PeerFault;
use crate::ids::{Heads, MemberKey};
use crate::limits;
use crate::membership::{Membership, OutputState, SeatGrant, SignedOperation, Ticket};
use crate::time::Timestamp;
use crate::wire::frame::{Frame, JoinFrame};

/// Why a host is of no use; another one is tried, nobody is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unfit {
    /// It is no member, or knows nothing of this link.
    WrongAnswer,
    /// Its envelope does not open, or says something else than the link.
    Envelope,
    /// Its log is not that group's, is incomplete, or says something else than the envelope (MB-I6, step 4).
    Log,
    /// Its log does not show the host as a member who may serve joins.
    NoMember,
    /// More operations or bytes than a joiner takes (MB-L6).
    TooMuch,
    /// A broken frame, or one out of place.
    Broken(PeerFault),
}

/// A seat may be claimed now.
pub struct Ready {
    /// The group, folded here from what the host sent.
    pub membership: Membership,
    /// The right to the seat.
    pub grant: SeatGrant,
    /// Which of its tickets.
    pub ticket: Ticket,
}

/// What a step reached.
pub enum JoinOutcome {
    /// This host knows the link: other channels may close.
    Answered,
    /// What the person is asked about: go on with [`Joiner::agree`].
    Preview(Preview),
    /// Write Join and opening Leaf, then [`Joiner::claim`].
    Ready(Box<Ready>),
    /// The claim lost a race, and another ticket is tried: forget what was written.
    Again(Reason),
    /// The host took the claim: go on over the group link.
    Done(Status),
    /// Every ticket was tried.
    Refused(Reason),
    /// Try another host.
    Unfit(Unfit),
}

/// What follows from one input.
pub struct JoinStep {
    /// The machine, unless it is at its end: then close the stream once everything is sent.
    pub next: Option<Joiner>,
    /// To send, in order.
    pub send: Vec<Frame>,
    /// What was reached.
    pub outcome: Option<JoinOutcome>,
}

enum State {
    Knocking { nonce: [u8; 32] },
    Proving,
    Picking,
    Previewed,
    Fetching { membership: Option<Box<Membership>>, count: usize, bytes: usize },
    Ready,
    Claiming,
}

/// One attempt at one host.
pub struct Joiner {
    own: MemberKey,
    host: MemberKey,
    inviter: MemberKey,
    keys: LinkKeys,
    state: State,
    progress: Timestamp,
    /// The opened envelope, and how many of its tickets were tried.
    grant: Option<SeatGrant>,
    tried: usize,
    reason: Option<Reason>,
    agreed: bool,
}

impl Joiner {
    /// The channel to `host` is open: knocks. `own` is the profile's key; the transport has proved both.
    #[must_use]
    pub fn start(
        link: &InviteLink,
        own: MemberKey,
        host: MemberKey,
        now: Timestamp,
        rng: &mut dyn CryptoRng,
    ) -> (Self, Vec<Frame>) {
        let keys = link.keys();
        let nonce = random(rng);
        let knock = Knock { nonce, tag: Meeting::knock_tag(&own, &nonce, &keys.knock) };
        let joiner = Self {
            own,
            host,
            inviter: *link.inviter(),
            keys,
            state: State::Knocking { nonce },
            progress: now,
            grant: None,
            tried: 0,
            reason: None,
            agreed: false,
        };
        (joiner, Vec::from([frame(JoinFrame::Knock, &knock)]))
    }

    /// One frame came.
    #[must_use]
    pub fn handle(mut self, now: Timestamp, frame: &Frame) -> JoinStep {
        self.progress = now;
        match self.dispatch(frame) {
            Ok(step) => step,
            Err(unfit) => end(JoinOutcome::Unfit(unfit)),
        }
    }

    fn dispatch(self, frame: &Frame) -> Result<JoinStep, Unfit> {
        let kind = kind_of(frame)?;
        match (&self.state, kind) {
            (State::Knocking { nonce }, JoinFrame::Answer) => {
                let nonce = *nonce;
                self.on_answer(nonce, &body(frame)?)
            }
            (State::Proving, JoinFrame::Envelope) => self.on_envelope(&body(frame)?),
            (State::Picking, JoinFrame::Preview) => Ok(self.on_preview(body(frame)?)),
            (State::Picking | State::Claiming, JoinFrame::Refuse) => Ok(self.on_refuse(body(frame)?)),
            (State::Fetching { .. }, JoinFrame::Operations) => self.on_operations(body(frame)?),
            (State::Fetching { .. }, JoinFrame::Heads) => self.on_heads(body(frame)?),
            (State::Claiming, JoinFrame::Status) => Ok(end(JoinOutcome::Done(body(frame)?))),
            (
                State::Knocking { .. }
                | State::Proving
                | State::Picking
                | State::Previewed
                | State::Fetching { .. }
                | State::Ready
                | State::Claiming,
                _,
            ) => Err(Unfit::Broken(PeerFault::OutOfPlace)),
        }
    }

    /// By N-207, without a correct ANSWER not one further byte is sent.
    fn on_answer(mut self, nonce: [u8; 32], answer: &Answer) -> Result<JoinStep, Unfit> {
        let meeting = Meeting { joiner: self.own, host: self.host, joiner_nonce: nonce, host_nonce: answer.nonce };
        if !same(&meeting.answer_mac(&self.keys.knock), &answer.mac) {
            return Err(Unfit::WrongAnswer);
        }
        let sig = meeting.fields(|fields| self.keys.invite.sign(Label::JoinProve, fields));
        let prove = Prove { inviter: self.inviter, sig };
        self.state = State::Proving;
        Ok(self.going(Vec::from([frame(JoinFrame::Prove, &prove)]), Some(JoinOutcome::Answered)))
    }

    /// Rule MB-I6, step 2: the joiner fills in what the link says and the host cannot know.
    fn on_envelope(mut self, envelope: &Envelope) -> Result<JoinStep, Unfit> {
        let names = (&envelope.gid, &envelope.mid);
        let grant = open_grant(&envelope.sealed, names, envelope.not_after, &self.keys).map_err(|_| Unfit::Envelope)?;
        if grant.epoch != 0 || grant.terms.bound_pk.is_some_and(|bound| bound != self.own) {
            return Err(Unfit::Envelope);
        }
        self.grant = Some(grant);
        Ok(self.pick_next())
    }

    /// The next ticket, beginning with the one that this key hits first (MB-I6, step 3).
    fn pick_next(mut self) -> JoinStep {
        let ticket = self.ticket().cloned();
        let (Some(grant), Some(ticket)) = (&self.grant, ticket) else {
            let reason = self.reason.unwrap_or(Reason::Used);
            return end(JoinOutcome::Refused(reason));
        };
        let pick =
            Pick { terms: grant.terms.clone(), seat: ticket.seat, out: ticket.out, ticket_sig: ticket.signature };
        self.state = State::Picking;
        self.going(Vec::from([frame(JoinFrame::Pick, &pick)]), None)
    }

    fn ticket(&self) -> Option<&Ticket> {
        let grant = self.grant.as_ref()?;
        let place = grant.first_pick(&self.own).checked_add(self.tried)?.checked_rem(grant.tickets.len())?;
        (self.tried < grant.tickets.len()).then(|| grant.tickets.get(place))?
    }

    fn on_preview(mut self, preview: Preview) -> JoinStep {
        // Asked once: a second ticket is for the same group.
        if self.agreed {
            return self.fetch();
        }
        self.state = State::Previewed;
        self.going(Vec::new(), Some(JoinOutcome::Preview(preview)))
    }

    /// The person agreed to what the preview said.
    #[must_use]
    pub fn agree(mut self, now: Timestamp) -> JoinStep {
        self.progress = now;
        self.agreed = true;
        if matches!(self.state, State::Previewed) { self.fetch() } else { self.going(Vec::new(), None) }
    }

    fn fetch(mut self) -> JoinStep {
        self.state = State::Fetching { membership: None, count: 0, bytes: 0 };
        self.going(Vec::from([frame(JoinFrame::Fetch, &Fetch)]), None)
    }

    /// Rule MB-I6, step 3: each ticket once; some reasons no other ticket can change.
    fn on_refuse(mut self, reason: Reason) -> JoinStep {
        let was_claiming = matches!(self.state, State::Claiming);
        let is_final = reason.is_final();
        self.reason = Some(match self.reason.take() {
            Some(earlier) => earlier.stronger(reason.clone()),
            None => reason.clone(),
        });
        self.tried = self.tried.saturating_add(1);
        if is_final || self.ticket().is_none() {
            return end(JoinOutcome::Refused(self.reason.unwrap_or(reason)));
        }
        let mut step = self.pick_next();
        if was_claiming {
            step.outcome = Some(JoinOutcome::Again(reason));
        }
        step
    }

    /// Rule MB-L6: at most 20,000 operations and 24 MiB; each frame is admitted as it comes.
    fn on_operations(mut self, operations: Operations) -> Result<JoinStep, Unfit> {
        let gid = self.grant.as_ref().map(|grant| grant.gid).ok_or(Unfit::Log)?;
        let State::Fetching { membership, count, bytes } = &mut self.state else { return Err(Unfit::Log) };
        *count = count.saturating_add(operations.0.len());
        *bytes = bytes.saturating_add(operations.0.iter().map(Vec::len).sum());
        if *count > limits::JOIN_OPERATIONS_MAX || *bytes > limits::JOIN_OUT_BYTES_MAX {
            return Err(Unfit::TooMuch);
        }
        let mut rest = operations.0.iter().map(Vec::as_slice);
        if membership.is_none() {
            let first = rest.next().ok_or(Unfit::Log)?;
            let genesis = SignedOperation::decode(first).map_err(|_| Unfit::Log)?;
            let found = Membership::found(&genesis).ok().filter(|found| found.gid() == gid).ok_or(Unfit::Log)?;
            *membership = Some(Box::new(found));
        }
        if let Some(membership) = membership {
            membership.admit_from(Some(self.host), rest);
        }
        Ok(self.going(Vec::new(), None))
    }

    fn on_heads(mut self, heads: HeadsBody) -> Result<JoinStep, Unfit> {
        let State::Fetching { membership, .. } = core::mem::replace(&mut self.state, State::Ready) else {
            return Err(Unfit::Log);
        };
        let membership = membership.ok_or(Unfit::Log)?;
        let (Some(grant), Some(ticket)) = (self.grant.clone(), self.ticket().cloned()) else {
            return Err(Unfit::Log);
        };
        match self.judge(&membership, &heads.0, (&grant, &ticket))? {
            Some(reason) => Ok(self.on_refuse(reason)),
            None => {
                let ready = Box::new(Ready { membership: *membership, grant, ticket });
                Ok(self.going(Vec::new(), Some(JoinOutcome::Ready(ready))))
            }
        }
    }

    /// Rule MB-I6, step 4: the joiner's own judgement. A ticket that is spent in the host's own log is a reason to
    /// try the next; everything else makes the host unfit.
    fn judge(
        &self,
        membership: &Membership,
        heads: &Heads,
        (grant, ticket): (&SeatGrant, &Ticket),
    ) -> Result<Option<Reason>, Unfit> {
        let holds_all = |heads: &Heads| heads.as_slice().iter().all(|head| membership.is_admitted(head));
        if !holds_all(heads) || heads.is_empty() || !holds_all(&grant.heads) {
            return Err(Unfit::Log);
        }
        let issuer = grant.terms.issuer;
        let holder = membership.standing_offices().find(|(office, _)| *office == issuer);
        let holder = holder.and_then(|(_, mid)| membership.key_of(&mid)).ok_or(Unfit::Log)?;
        if holder != self.inviter || grant.verify(&holder).is_err() {
            return Err(Unfit::Log);
        }
        if !may_host(membership, &self.host) {
            return Err(Unfit::NoMember);
        }
        match membership.output_state(ticket.seat, &ticket.out) {
            OutputState::Free { custody } if custody == issuer => Ok(None),
            OutputState::Free { .. } | OutputState::Withdrawn => Ok(Some(Reason::Withdrawn)),
            OutputState::Used => Ok(Some(Reason::Used)),
            OutputState::Unknown => Err(Unfit::Log),
        }
    }

    /// Rule MB-I6, step 5: claims the seat with the Join, the own installation and entry 0 of its log.
    #[must_use]
    pub fn claim(mut self, now: Timestamp, claim: &Claim) -> JoinStep {
        if !matches!(self.state, State::Ready) {
            return self.going(Vec::new(), None);
        }
        self.progress = now;
        self.state = State::Claiming;
        self.going(Vec::from([frame(JoinFrame::Claim, claim)]), None)
    }

    /// The link's key pair: for [`SeatGrant::redeem`].
    #[must_use]
    pub const fn keys(&self) -> &LinkKeys {
        &self.keys
    }

    /// When to give this host up (monotonic ms); never while the person or the caller has the word.
    #[must_use]
    pub const fn deadline_mono_ms(&self) -> Option<u64> {
        match self.state {
            State::Previewed | State::Ready => None,
            // Silence is how hosts refuse strangers.
            State::Knocking { .. } => Some(self.progress.mono_ms.saturating_add(limits::JOIN_SILENCE_MS)),
            State::Proving | State::Picking | State::Fetching { .. } | State::Claiming => {
                Some(self.progress.mono_ms.saturating_add(limits::JOIN_IDLE_MS))
            }
        }
    }

    const fn going(self, send: Vec<Frame>, outcome: Option<JoinOutcome>) -> JoinStep {
        JoinStep { next: Some(self), send, outcome }
    }
}

const fn end(outcome: JoinOutcome) -> JoinStep {
    JoinStep { next: None, send: Vec::new(), outcome: Some(outcome) }
}

impl From<PeerFault> for Unfit {
    fn from(fault: PeerFault) -> Self {
        Self::Broken(fault)
    }
}
