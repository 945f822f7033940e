//! The machine of any member who serves a join: it answers those who hold a link, and is silent to everybody else.
//!
//! Nothing about a group leaves before PROVE, and what a stranger sees depends on no group: bytes, counts and times
//! are the same with none and with five (N-206). After PROVE the host is a helper without secrets: it hands over an
//! envelope that it cannot open, judges a ticket by its own log, and carries the newcomer's Join into the group.
#![deny(clippy::arithmetic_side_effects, clippy::as_conversions)]

use alloc::borrow::ToOwned;
use alloc::collections::BTreeSet;
use alloc::vec::Vec;
use rand_core::CryptoRng;

use super::frames::{
    Answer, Claim, Envelope, Fetch, HeadsBody, Knock, Meeting, Need, Operations, Pick, Preview, Prove, Reason, Status,
    body, frame, kind_of,
};
use super::link::knock_key;
use crate::crypto::sign::verify;
use crate::crypto::{Label, Secret, random, same};
use crate::error::PeerFault;
use crate::ids::{Digest, GroupId, MemberKey, MembershipId, OperationId};
use crate::limits;
use crate::membership::grant::verify_ticket;
use crate::membership::{Admission, Body, Membership, OutputState, Role, SignedOperation};
use crate::time::Timestamp;
use crate::wire::frame::{Frame, JoinFrame};

/// An envelope that this node holds, for a group in which it is Keyed and no guest.
#[derive(Clone, Copy)]
pub struct HeldEnvelope<'a> {
    /// The group.
    pub gid: GroupId,
    /// The author's membership.
    pub mid: MembershipId,
    /// The author's key.
    pub author: MemberKey,
    /// Recognises the link.
    pub lookup: Digest,
    /// Checks the proof.
    pub invite_pk: MemberKey,
    /// The link's last moment, ms since 1970.
    pub not_after: u64,
    /// The entry's body.
    pub sealed: &'a [u8],
}

/// What became of an introduction (N-209).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Introduction {
    /// The roster now holds the newcomer.
    Welcome,
    /// These are named by what came, and are not here.
    Needs(Vec<OperationId>),
    /// It is out, and these operations say so; at most eight.
    Ended(Vec<Vec<u8>>),
    /// Neither: nothing is said.
    Nothing,
}

/// What the host asks of the groups. The implementation is where their rules live.
pub trait HostView {
    /// The newest envelopes whose authors hold a standing office, until seven days after their last moment; also of
    /// links that were revoked, so that people get the right reason. At most 256 are tried.
    fn envelopes(&self) -> Vec<HeldEnvelope<'_>>;
    /// Keys for members that this host does not know yet: `introduce_key` of each group (N-801).
    fn introductions(&self) -> Vec<(GroupId, Secret<32>)>;
    /// The log of a group.
    fn membership(&self, gid: &GroupId) -> Option<&Membership>;
    /// Admits Join and entry 0, stores and pushes both; what the own view then says of the newcomer.
    ///
    /// # Errors
    /// The reason to send.
    fn admit_claim(&mut self, gid: &GroupId, joiner: &MemberKey, claim: &Claim) -> Result<Status, Reason>;
    /// Takes what a newcomer brings, all or nothing; see [`introduced`].
    fn introduce(&mut self, gid: &GroupId, newcomer: &MemberKey, operations: &[Vec<u8>]) -> Introduction;
}

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
            (
                State::Silent(_) | State::Knocked(..) | State::Proved(_) | State::Introducing(..) | State::Closed,
                _,
            ) => Err(PeerFault::OutOfPlace),
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
        let meeting =
            Meeting { joiner: self.peer, host: self.own, joiner_nonce: knock.nonce, host_nonce: nonce };
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
            _ => Err(Reason::rejected(crate::membership::Rule::BadTicket)),
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

    /// Rule N-204: when this stream is closed if nothing more comes (monotonic ms).
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

/// Rule MB-I6, step 3: a host's judgement of one ticket, by its own log and its own clock.
///
/// # Errors
/// The reason to send.
pub fn pick_verdict(
    membership: &Membership,
    pick: &Pick,
    joiner: &MemberKey,
    now: Timestamp,
) -> Result<Preview, Reason> {
    let terms = &pick.terms;
    let bad_ticket = || Reason::rejected(crate::membership::Rule::BadTicket);
    let holder = membership.holder(&terms.issuer).ok_or_else(bad_ticket)?;
    let issuer = membership.key_of(&holder).ok_or_else(bad_ticket)?;
    verify_ticket(&membership.gid(), 0, terms, (pick.seat, pick.out), (&issuer, &pick.ticket_sig))
        .map_err(Reason::rejected)?;
    if terms.bound_pk.is_some_and(|bound| bound != *joiner) {
        return Err(bad_ticket());
    }
    if now.wall_ms > terms.not_after.saturating_add(limits::TICKET_GRACE_MS) {
        return Err(Reason::Expired);
    }
    if !membership.standing_offices().any(|(office, _)| office == terms.issuer) {
        return Err(Reason::InviterGone);
    }
    if membership.is_banned(joiner, &terms.issuer, &terms.lifts) {
        return Err(Reason::Banned);
    }
    if membership.roster().mids_of(joiner).next().is_some() {
        return Err(Reason::AlreadyMember);
    }
    if membership.is_tainted(&terms.issuer, &terms.invite_pk) {
        return Err(Reason::Withdrawn);
    }
    match membership.output_state(pick.seat, &pick.out) {
        OutputState::Free { custody } if custody == terms.issuer => Ok(preview(membership)),
        OutputState::Free { .. } | OutputState::Withdrawn => Err(Reason::Withdrawn),
        OutputState::Used => Err(Reason::Used),
        // The issuer may know operations that are not here yet: another host may judge otherwise.
        OutputState::Unknown => Err(Reason::rejected(crate::membership::Rule::BadReference)),
    }
}

fn preview(membership: &Membership) -> Preview {
    let policy = membership.policy();
    let members = membership.roster().seated().count();
    Preview {
        name: policy.name().to_owned(),
        about: policy.about().to_owned(),
        members: u8::try_from(members).unwrap_or(u8::MAX),
        policy: policy.values().iter().map(|(key, value)| (*key, value.clone())).collect(),
    }
}

/// The judgement behind [`HostView::introduce`] (N-209, R-33, R-34); the caller keeps "once per key and hour" for
/// what it answers with ENDED.
pub fn introduced(membership: &mut Membership, newcomer: &MemberKey, operations: &[Vec<u8>]) -> Introduction {
    if membership.roster().mids_of(newcomer).next().is_some() {
        return Introduction::Welcome;
    }
    let verdicts = match membership.introduce(operations.iter().map(Vec::as_slice), newcomer) {
        Ok(_) => return Introduction::Welcome,
        Err(verdicts) => verdicts,
    };
    let mut missing: BTreeSet<OperationId> = BTreeSet::new();
    for verdict in verdicts {
        if let Admission::Waiting { missing: names, .. } = verdict {
            missing.extend(names);
        }
    }
    // What came with the same introduction is not missing.
    operations.iter().filter_map(|bytes| SignedOperation::decode(bytes).ok()).for_each(|signed| {
        missing.remove(&signed.id());
    });
    if !missing.is_empty() {
        return Introduction::Needs(missing.into_iter().collect());
    }
    let ended = ended_by(membership, newcomer);
    if ended.is_empty() { Introduction::Nothing } else { Introduction::Ended(ended) }
}

/// The newest operations that ended the memberships of a key, at most eight.
fn ended_by(membership: &Membership, key: &MemberKey) -> Vec<Vec<u8>> {
    let gone: BTreeSet<MembershipId> =
        membership.memberships_of(key).filter(|mid| membership.departure(mid).is_some()).collect();
    let void: BTreeSet<OperationId> = membership.void().into_iter().collect();
    let ends = |signed: &&SignedOperation| {
        let body = &signed.operation().body;
        let leaves = matches!(body, Body::Leave { .. }) && gone.contains(&signed.mid());
        let removes = matches!(body, Body::Remove { blow, .. } if gone.contains(&blow.target));
        leaves || (removes && !void.contains(&signed.id()))
    };
    let mut ended: Vec<Vec<u8>> =
        membership.operations().filter(ends).map(|signed| signed.bytes().to_vec()).collect();
    let excess = ended.len().saturating_sub(limits::ENDED_OPERATIONS_MAX);
    ended.drain(..excess);
    ended
}

/// Whether a member may serve joins in a group: Keyed there and no guest (N-207).
#[must_use]
pub fn may_host(membership: &Membership, key: &MemberKey) -> bool {
    let roster = membership.roster();
    roster.mids_of(key).filter_map(|mid| roster.person(&mid)).any(|person| person.keyed && person.role == Role::Member)
}
