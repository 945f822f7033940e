//! The machine of any member who serves a join: it answers those who hold a link, and is silent to everybody else.
//!
//! Nothing about a group leaves before PROVE, and what a stranger sees depends on no group: bytes, counts and times
//! are the same with none and with five (N-206). After PROVE the host is a helper without secrets: it hands over an
//! envelope that it cannot open, judges a ticket by its own log, and carries the newcomer's Join into the group.
#![cfg_attr(not(test), deny(clippy::arithmetic_side_effects, clippy::as_conversions))]

use alloc::collections::BTreeSet;
use alloc::vec::Vec;
use rand_core::CryptoRng;

use super::frames::{
    Answer, Claim, Envelope, Fetch, HeadsBody, Knock, Meeting, Need, Operations, Pick, Prove, Status, body, frame,
    kind_of,
};
use super::link::knock_key;
use super::reason::Reason;
use super::verdict::pick_verdict;
use super::view::{HeldEnvelope, HostView, Introduction};
use crate::crypto::sign::verify;
use crate::crypto::{Label, Secret, random, same};
use crate::error::PeerFault;
use crate::ids::{Digest, GroupId, MemberKey};
use crate::limits;
use crate::membership::{Body, Rule, SignedOperation};
use crate::time::Timestamp;
use crate::wire::frame::{Frame, JoinFrame};

/// What follows from one input.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct HostStep {
    /// To send, in order.
    pub send: Vec<Frame>,
    /// What the peer did wrong; counted, never answered.
    pub fault: Option<PeerFault>,
    /// What was reached.
    pub outcome: Option<HostOutcome>,
    /// The stream is to be closed once everything is sent.
    pub closes: bool,
}

/// What a host reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HostOutcome {
    /// Somebody holds a link of this group. Counts towards the joins served at once.
    Proved(GroupId),
    /// A newcomer sits there now.
    Joined(GroupId, Status),
    /// A member that was unknown is known now: its group link may open.
    Introduced(GroupId),
}

enum State {
    /// Nobody yet, and so many knocks that fitted nothing.
    Silent(u8),
    /// A link was recognised by its lookup value.
    Knocked(Digest, Meeting),
    /// The secret was proved.
    Proved(Proved),
    /// Somebody who knows a group's handshake secret.
    Introducing(GroupId, Vec<Vec<u8>>, u8),
    Closed,
}

struct Proved {
    gid: GroupId,
    invite_pk: MemberKey,
    may_fetch: bool,
    /// Outputs whose ticket passed here.
    picked: BTreeSet<crate::ids::Output>,
}

/// One join channel, seen from the member's side.
pub struct Host {
    own: MemberKey,
    peer: MemberKey,
    state: State,
    started: Timestamp,
    progress: Timestamp,
    bytes_in: usize,
    bytes_out: usize,
}

impl Host {
    /// A stream was opened by `peer`, whose key the transport proved.
    #[must_use]
    pub const fn new(own: MemberKey, peer: MemberKey, now: Timestamp) -> Self {
        Self { own, peer, state: State::Silent(0), started: now, progress: now, bytes_in: 0, bytes_out: 0 }
    }

    /// Who asks.
    #[must_use]
    pub const fn peer(&self) -> MemberKey {
        self.peer
    }

    /// One frame came.
    pub fn handle(
        &mut self,
        now: Timestamp,
        frame: &Frame,
        view: &mut dyn HostView,
        rng: &mut dyn CryptoRng,
    ) -> HostStep {
        self.bytes_in = self.bytes_in.saturating_add(frame.body.len()).saturating_add(limits::FRAME_HEADER_BYTES);
        let step = self.within_limits().and_then(|()| self.dispatch(now, frame, view, rng));
        step.unwrap_or_else(|fault| {
            self.state = State::Closed;
            HostStep { fault: Some(fault), closes: true, ..HostStep::default() }
        })
    }

    /// Rule N-204: bytes taken before a knock fits, before PROVE, and after it.
    fn within_limits(&self) -> Result<(), PeerFault> {
        let max = match self.state {
            State::Silent(_) => limits::STRANGER_BYTES_MAX,
            State::Knocked(..) => limits::KNOCKED_BYTES_MAX,
            State::Proved(_) | State::Introducing(..) => limits::JOIN_IN_BYTES_MAX,
            State::Closed => 0,
        };
        if self.bytes_in > max { Err(PeerFault::TooManyBytes) } else { Ok(()) }
    }

    fn dispatch(
        &mut self,
        now: Timestamp,
        frame: &Frame,
        view: &mut dyn HostView,
        rng: &mut dyn CryptoRng,
    ) -> Result<HostStep, PeerFault> {
        let kind = kind_of(frame)?;
        let state = core::mem::replace(&mut self.state, State::Closed);
        match (state, kind) {
            (State::Silent(knocks), JoinFrame::Knock) => self.on_knock(now, knocks, &body(frame)?, view, rng),
            (State::Knocked(lookup, meeting), JoinFrame::Prove) => {
                self.on_prove(now, (lookup, meeting), &body(frame)?, view)
            }
            (State::Proved(proved), JoinFrame::Pick) => self.on_pick(now, proved, &body(frame)?, view),
            (State::Proved(proved), JoinFrame::Fetch) => {
                let Fetch = body(frame)?;
                self.on_fetch(now, proved, view)
            }
            (State::Proved(proved), JoinFrame::Claim) => self.on_claim(now, proved, &body(frame)?, view),
            (State::Introducing(gid, held, rounds), JoinFrame::Introduce) => {
                self.on_introduce((gid, held, rounds), body(frame)?, view)
            }
            (State::Silent(_) | State::Knocked(..) | State::Proved(_) | State::Introducing(..) | State::Closed, _) => {
                Err(PeerFault::OutOfPlace)
            }
        }
    }

    /// Rule N-206: a knock that fits nothing is met with silence, and the stream closes at its time.
    fn on_knock(
        &mut self,
        now: Timestamp,
        knocks: u8,
        knock: &Knock,
        view: &dyn HostView,
        rng: &mut dyn CryptoRng,
    ) -> Result<HostStep, PeerFault> {
        if knocks >= limits::KNOCKS_PER_CONNECTION_MAX {
            return Err(PeerFault::Knock);
        }
        let Some((door, key)) = self.recognise(knock, view) else {
            self.state = State::Silent(knocks.saturating_add(1));
            return Ok(HostStep { fault: Some(PeerFault::Knock), ..HostStep::default() });
        };
        let nonce = random(rng);
        let meeting = Meeting { joiner: self.peer, host: self.own, joiner_nonce: knock.nonce, host_nonce: nonce };
        let answer = Answer { nonce, mac: meeting.answer_mac(&key) };
        self.progress = now;
        self.state = match door {
            Door::Link(lookup) => State::Knocked(lookup, meeting),
            Door::Group(gid) => {
                self.started = now;
                State::Introducing(gid, Vec::new(), 0)
            }
        };
        Ok(HostStep { send: Vec::from([frame(JoinFrame::Answer, &answer)]), ..HostStep::default() })
    }

    /// Every envelope and every group is tried, whichever fits.
    fn recognise(&self, knock: &Knock, view: &dyn HostView) -> Option<(Door, Secret<32>)> {
        let fits = |key: &Secret<32>| same(&Meeting::knock_tag(&self.peer, &knock.nonce, key), &knock.tag);
        let links = view.envelopes().into_iter().take(limits::HOSTED_ENVELOPES_MAX);
        let links = links.map(|held| (Door::Link(held.lookup), knock_key(&held.lookup)));
        let groups = view.introductions().into_iter().map(|(gid, key)| (Door::Group(gid), key));
        links.chain(groups).find(|(_, key)| fits(key))
    }

    /// Rule N-208: the link's key over both keys and both nonces; a wrong one is met like a wrong knock.
    fn on_prove(
        &mut self,
        now: Timestamp,
        (lookup, meeting): (Digest, Meeting),
        prove: &Prove,
        view: &dyn HostView,
    ) -> Result<HostStep, PeerFault> {
        let holds = |held: &HeldEnvelope<'_>| {
            held.lookup == lookup
                && held.author == prove.inviter
                && meeting.fields(|f| verify(&held.invite_pk, Label::JoinProve, f, &prove.sig)).is_ok()
        };
        let Some(held) = view.envelopes().into_iter().find(holds) else {
            self.state = State::Silent(limits::KNOCKS_PER_CONNECTION_MAX);
            return Ok(HostStep { fault: Some(PeerFault::Proof), ..HostStep::default() });
        };
        let envelope =
            Envelope { gid: held.gid, mid: held.mid, not_after: held.not_after, sealed: held.sealed.to_vec() };
        self.progress = now;
        self.started = now;
        self.state = State::Proved(Proved {
            gid: held.gid,
            invite_pk: held.invite_pk,
            may_fetch: false,
            picked: BTreeSet::new(),
        });
        Ok(HostStep {
            send: Vec::from([frame(JoinFrame::Envelope, &envelope)]),
            outcome: Some(HostOutcome::Proved(held.gid)),
            ..HostStep::default()
        })
    }

    fn on_pick(
        &mut self,
        now: Timestamp,
        mut proved: Proved,
        pick: &Pick,
        view: &dyn HostView,
    ) -> Result<HostStep, PeerFault> {
        let verdict = match view.membership(&proved.gid) {
            Some(membership) if pick.terms.invite_pk == proved.invite_pk => {
                pick_verdict(membership, pick, &self.peer, now)
            }
            _ => Err(Reason::rejected(Rule::BadTicket)),
        };
        // A joiner goes through its tickets once, and once more after a lost race.
        if verdict.is_ok() {
            self.progress = now;
            proved.may_fetch = true;
            proved.picked.insert(pick.out);
        }
        self.state = State::Proved(proved);
        let answer = match verdict {
            Ok(preview) => frame(JoinFrame::Preview, &preview),
            Err(reason) => frame(JoinFrame::Refuse, &reason),
        };
        Ok(HostStep { send: Vec::from([answer]), ..HostStep::default() })
    }

    /// Rule MB-I6, step 4: everything in the past of the citable heads, then the heads.
    fn on_fetch(&mut self, now: Timestamp, mut proved: Proved, view: &dyn HostView) -> Result<HostStep, PeerFault> {
        if !core::mem::take(&mut proved.may_fetch) {
            return Err(PeerFault::OutOfPlace);
        }
        let Some(membership) = view.membership(&proved.gid) else {
            return Ok(HostStep { closes: true, ..HostStep::default() });
        };
        let heads = membership.citable_heads().clone();
        let past = membership.past_of(&heads);
        let operations = past.iter().filter_map(|id| membership.operation(id)).map(|signed| signed.bytes().to_vec());
        let mut send = Operations::frames(JoinFrame::Operations, operations);
        send.push(frame(JoinFrame::Heads, &HeadsBody(heads)));
        let bytes: usize = send.iter().map(|frame| frame.body.len()).sum();
        self.bytes_out = self.bytes_out.saturating_add(bytes);
        if self.bytes_out > limits::JOIN_OUT_BYTES_MAX {
            return Ok(HostStep { closes: true, ..HostStep::default() });
        }
        self.progress = now;
        self.state = State::Proved(proved);
        Ok(HostStep { send, ..HostStep::default() })
    }

    /// Rule MB-I6, step 5: the Join is the authenticated peer's own, by a ticket that passed here.
    fn on_claim(
        &mut self,
        now: Timestamp,
        proved: Proved,
        claim: &Claim,
        view: &mut dyn HostView,
    ) -> Result<HostStep, PeerFault> {
        let verdict = match SignedOperation::decode(&claim.join) {
            Ok(signed) if self.is_own_claim(&signed, &proved) => view.admit_claim(&proved.gid, &self.peer, claim),
            Ok(_) => return Err(PeerFault::Malformed),
            Err(rule) => Err(Reason::rejected(rule)),
        };
        match verdict {
            Ok(status) => Ok(HostStep {
                send: Vec::from([frame(JoinFrame::Status, &status)]),
                outcome: Some(HostOutcome::Joined(proved.gid, status)),
                closes: true,
                ..HostStep::default()
            }),
            Err(reason) => {
                self.progress = now;
                self.state = State::Proved(proved);
                Ok(HostStep { send: Vec::from([frame(JoinFrame::Refuse, &reason)]), ..HostStep::default() })
            }
        }
    }

    fn is_own_claim(&self, signed: &SignedOperation, proved: &Proved) -> bool {
        let Body::Join(join) = &signed.operation().body else { return false };
        join.pk == self.peer && join.terms.invite_pk == proved.invite_pk && proved.picked.contains(&join.out)
    }

    /// Rules N-209, R-33, R-34: all rounds together bring at most 64 operations; nothing of the own log is sent but
    /// what ended the newcomer.
    fn on_introduce(
        &mut self,
        (gid, mut held, rounds): (GroupId, Vec<Vec<u8>>, u8),
        brought: Operations,
        view: &mut dyn HostView,
    ) -> Result<HostStep, PeerFault> {
        held.extend(brought.0);
        if held.len() > limits::INTRODUCE_OPERATIONS_MAX || rounds >= limits::INTRODUCE_ROUNDS_MAX {
            return Err(PeerFault::OverLimit);
        }
        Ok(match view.introduce(&gid, &self.peer, &held) {
            Introduction::Welcome => HostStep {
                send: Vec::from([frame(JoinFrame::Need, &Need(Vec::new()))]),
                outcome: Some(HostOutcome::Introduced(gid)),
                closes: true,
                ..HostStep::default()
            },
            Introduction::Needs(missing) => {
                self.state = State::Introducing(gid, held, rounds.saturating_add(1));
                HostStep { send: Vec::from([frame(JoinFrame::Need, &Need::of(missing))]), ..HostStep::default() }
            }
            Introduction::Ended(mut operations) => {
                operations.truncate(limits::ENDED_OPERATIONS_MAX);
                let send = Vec::from([frame(JoinFrame::Ended, &Operations(operations))]);
                HostStep { send, closes: true, ..HostStep::default() }
            }
            Introduction::Nothing => HostStep { closes: true, ..HostStep::default() },
        })
    }

    /// By N-204, when this stream is closed if nothing more comes (monotonic ms).
    #[must_use]
    pub fn deadline_mono_ms(&self) -> u64 {
        let after = |from: Timestamp, ms: u64| from.mono_ms.saturating_add(ms);
        match self.state {
            State::Silent(_) => after(self.started, limits::JOIN_SILENCE_MS),
            State::Knocked(..) => after(self.progress, limits::JOIN_SILENCE_MS),
            State::Proved(_) => {
                after(self.progress, limits::JOIN_IDLE_MS).min(after(self.started, limits::JOIN_LIFE_MS))
            }
            State::Introducing(..) => after(self.started, limits::INTRODUCE_LIFE_MS),
            State::Closed => self.started.mono_ms,
        }
    }

    /// Whether the stream's time is over.
    #[must_use]
    pub fn is_over(&self, now: Timestamp) -> bool {
        now.mono_ms >= self.deadline_mono_ms()
    }
}

enum Door {
    Link(Digest),
    Group(GroupId),
}
