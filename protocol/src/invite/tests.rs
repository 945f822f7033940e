//! Joins from end to end: the machines of both sides against each other, in memory.

use super::envelope::open_grant;
use super::frames::Pick;
use super::frames::{self, HeadsBody, Knock, Meeting, Operations, Prove, frame};
use super::host::HostOutcome;
use super::joiner::Unfit;
use super::verdict::pick_verdict;
use super::*;
use crate::crypto::sign::KeyPair;
use crate::crypto::{Label, Secret};
use crate::error::PeerFault;
use crate::ids::{Digest, GroupId, Heads, Instance, LogId, MemberKey, MembershipId, OperationId, Output, SeatNumber};
use crate::limits;
use crate::log::entry::{Entry, Head, HeadKind, first_prev};
use crate::membership::{Admission, Blow, Body, Membership, Role, SeatGrant, Setting, SignedOperation, Terms, setting};
use crate::rendezvous::handshake_secret;
use crate::rendezvous::keys::introduce_key;
use crate::time::Timestamp;
use crate::wire::frame::{Frame, JoinFrame};
use alloc::collections::BTreeSet;
use alloc::vec;
use alloc::vec::Vec;
use bytes::Bytes;
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;

const NOW: Timestamp = Timestamp::new(1_000, 1_700_000_000_000);
const LATER: u64 = NOW.wall_ms + 86_400_000;
/// Ana founds, Ben is a member and serves, Cem and Dee join.
const ANA: u8 = 1;
const BEN: u8 = 2;
const CEM: u8 = 3;
const DEE: u8 = 4;

fn keys(person: u8) -> KeyPair {
    KeyPair::from_seed(&Secret::new([person; 32]))
}

fn key(person: u8) -> MemberKey {
    keys(person).public()
}

fn rng(seed: u8) -> ChaCha20Rng {
    ChaCha20Rng::from_seed([seed; 32])
}

struct Kept {
    mid: MembershipId,
    author: MemberKey,
    lookup: Digest,
    invite_pk: MemberKey,
    not_after: u64,
    sealed: Vec<u8>,
}

/// One node's group, as its host sees it.
struct Room {
    membership: Membership,
    kept: Vec<Kept>,
    nonce: [u8; 32],
    refuse_claims: Vec<Reason>,
}

impl HostView for Room {
    fn envelopes(&self) -> Vec<HeldEnvelope<'_>> {
        let gid = self.membership.gid();
        let held = self.kept.iter().map(|kept| HeldEnvelope {
            gid,
            mid: kept.mid,
            author: kept.author,
            lookup: kept.lookup,
            invite_pk: kept.invite_pk,
            not_after: kept.not_after,
            sealed: &kept.sealed,
        });
        held.collect()
    }
    fn introductions(&self) -> Vec<(GroupId, Secret<32>)> {
        let gid = self.membership.gid();
        vec![(gid, introduce_key(&handshake_secret(&gid, &self.nonce)))]
    }
    fn membership(&self, gid: &GroupId) -> Option<&Membership> {
        Some(&self.membership).filter(|membership| membership.gid() == *gid)
    }
    fn admit_claim(&mut self, gid: &GroupId, joiner: &MemberKey, claim: &Claim) -> Result<Status, Reason> {
        if let Some(reason) = self.refuse_claims.pop() {
            return Err(reason);
        }
        match self.membership.admit(&claim.join) {
            Admission::Admitted(id) => {
                let log = LogId { mid: id.into(), inst: claim.inst };
                Entry::decode(gid, log, &claim.entry).map_err(|_| Reason::Rejected("bad_encoding".into()))?;
                let keyed = self.membership.roster().is_keyed(&id.into());
                assert!(self.membership.roster().mids_of(joiner).next().is_some());
                Ok(if keyed { Status::Seated } else { Status::Pending })
            }
            _ => Err(Reason::Used),
        }
    }
    fn introduce(&mut self, _: &GroupId, newcomer: &MemberKey, operations: &[Vec<u8>]) -> Introduction {
        introduced(&mut self.membership, newcomer, operations)
    }
}

impl Room {
    /// Ana's group, with Ben seated and confirmed.
    fn found() -> Self {
        let nonce = [9; 32];
        let policy = vec![(setting::NAME, Setting::Text("Harbour".into()))];
        let genesis = SignedOperation::genesis(&keys(ANA), nonce, policy, NOW.wall_ms);
        let mut room =
            Self { membership: Membership::found(&genesis).unwrap(), kept: vec![], nonce, refuse_claims: vec![] };
        room.seat(BEN);
        room
    }

    fn copy(&self) -> Self {
        let operations = self.membership.operations().map(|signed| signed.bytes().to_vec());
        Self {
            membership: Membership::restore(operations).unwrap(),
            kept: vec![],
            nonce: self.nonce,
            refuse_claims: vec![],
        }
    }

    fn ana(&self) -> MembershipId {
        self.membership.gid().into()
    }

    fn act(&mut self, body: Body) -> OperationId {
        let office = Some(OperationId::from(self.membership.gid()));
        let signed = self.membership.draft(&self.ana(), &keys(ANA), body, NOW.wall_ms, office);
        assert!(matches!(self.membership.admit(signed.bytes()), Admission::Admitted(_)));
        signed.id()
    }

    /// A person joins by a link of Ana's and is confirmed.
    fn seat(&mut self, person: u8) -> MembershipId {
        let join = self.provisional(person);
        self.act(Body::Confirm { join });
        join.into()
    }

    fn provisional(&mut self, person: u8) -> OperationId {
        let link = InviteLink::new(key(ANA), Secret::new([100 + person; 16]), vec![]);
        let grant = self.grant(&link, 1);
        let join = grant.redeem(&grant.tickets[0], "name", key(person), &link.keys().invite);
        let signed = self.membership.draft_join(&keys(person), join, NOW.wall_ms);
        assert!(matches!(self.membership.admit(signed.bytes()), Admission::Admitted(_)));
        signed.id()
    }

    fn grant(&self, link: &InviteLink, tickets: usize) -> SeatGrant {
        let office = OperationId::from(self.membership.gid());
        let terms = Terms {
            issuer: office,
            invite_pk: link.keys().invite.public(),
            bound_pk: None,
            role: Role::Member,
            session: None,
            approve: false,
            not_after: LATER,
            lifts: vec![],
        };
        let mut pairs = self.membership.free_outputs(&office);
        pairs.truncate(tickets);
        pairs.sort_unstable();
        SeatGrant::issue(self.membership.gid(), terms, self.membership.citable_heads().clone(), &pairs, &keys(ANA))
    }

    fn keep(&mut self, link: &InviteLink, grant: &SeatGrant) {
        let (kind, sealed) = seal_grant(grant, &self.ana(), &link.keys(), &mut rng(50));
        let HeadKind::GrantEnvelope { lookup, invite_pk, not_after } = kind else { panic!("another kind") };
        self.kept.push(Kept { mid: self.ana(), author: key(ANA), lookup, invite_pk, not_after, sealed });
    }

    /// A link for so many uses, and what its tickets name.
    fn invite(&mut self, tickets: usize) -> (InviteLink, SeatGrant) {
        let link = InviteLink::new(key(ANA), Secret::new([66; 16]), vec![]);
        let grant = self.grant(&link, tickets);
        self.keep(&link, &grant);
        (link, grant)
    }
}

/// What a run of both machines came to.
#[derive(Default)]
struct Run {
    outcomes: Vec<&'static str>,
    last: Option<JoinOutcome>,
    to_host: Vec<Frame>,
    to_joiner: Vec<Frame>,
    preview: Option<Preview>,
}

fn word(outcome: &JoinOutcome) -> &'static str {
    match outcome {
        JoinOutcome::Answered => "answered",
        JoinOutcome::Preview(_) => "preview",
        JoinOutcome::Ready(_) => "ready",
        JoinOutcome::Again(_) => "again",
        JoinOutcome::Done(_) => "done",
        JoinOutcome::Refused(_) => "refused",
        JoinOutcome::Unfit(_) => "unfit",
    }
}

impl Run {
    fn refused(&self) -> &Reason {
        match &self.last {
            Some(JoinOutcome::Refused(reason)) => reason,
            other => panic!("not refused but {:?}", other.as_ref().map(word)),
        }
    }

    fn unfit(&self) -> Unfit {
        match &self.last {
            Some(JoinOutcome::Unfit(unfit)) => *unfit,
            other => panic!("not unfit but {:?}", other.as_ref().map(word)),
        }
    }
}

/// Writes Join and opening Leaf, as the group does.
fn claim_of(ready: &Ready, invite: &KeyPair, person: u8) -> Claim {
    let (membership, pair) = (&ready.membership, keys(person));
    let join = ready.grant.redeem(&ready.ticket, "Cem", pair.public(), invite);
    let signed = membership.draft_join(&pair, join, NOW.wall_ms);
    let log = LogId { mid: signed.id().into(), inst: Instance([person; 16]) };
    let gid = membership.gid();
    let leaf = HeadKind::Leaf {
        inst_no: 0,
        generation: 0,
        pk: crate::crypto::seal::leaf_pair(&Secret::new([person; 32])).1,
        reason: 0,
        prior: None,
    };
    let head = Head { seq: 0, prev: first_prev(&gid, &log), heads: Heads::new(vec![signed.id()]), kind: leaf };
    let entry = Entry::sign(&gid, log, head, (None, vec![]), &pair);
    Claim { join: signed.bytes().to_vec(), inst: log.inst, entry: entry.to_bytes() }
}

/// Runs a join of `person` at a host of `server`; `bend` may change each frame on its way to the joiner.
fn join_bent(room: &mut Room, link: &InviteLink, (person, server): (u8, u8), bend: &mut dyn FnMut(&mut Frame)) -> Run {
    let (mut run, mut rng) = (Run::default(), rng(person));
    let mut host = Host::new(key(server), key(person), NOW);
    let (joiner, mut to_host) = Joiner::start(link, key(person), key(server), NOW, &mut rng);
    let mut joiner = Some(joiner);
    while !to_host.is_empty() {
        let mut to_joiner = Vec::new();
        for frame in core::mem::take(&mut to_host) {
            run.to_host.push(frame.clone());
            let step = host.handle(NOW, &frame, room, &mut rng);
            to_joiner.extend(step.send);
        }
        for mut frame in to_joiner {
            bend(&mut frame);
            run.to_joiner.push(frame.clone());
            let Some(machine) = joiner.take() else { continue };
            let mut step = machine.handle(NOW, &frame);
            loop {
                to_host.append(&mut step.send);
                joiner = step.next;
                let Some(outcome) = step.outcome else { break };
                run.outcomes.push(word(&outcome));
                step = match (&outcome, joiner.take()) {
                    (JoinOutcome::Preview(preview), Some(machine)) => {
                        run.preview = Some(preview.clone());
                        machine.agree(NOW)
                    }
                    (JoinOutcome::Ready(ready), Some(machine)) => {
                        let claim = claim_of(ready, &link.keys().invite, person);
                        machine.claim(NOW, &claim)
                    }
                    (_, machine) => JoinStep { next: machine, send: vec![], outcome: None },
                };
                run.last = Some(outcome);
            }
        }
    }
    run
}

fn join(room: &mut Room, link: &InviteLink, person: u8) -> Run {
    join_bent(room, link, (person, BEN), &mut |_| {})
}

#[test]
fn mb_i06_somebody_joins_at_a_member_who_is_not_the_inviter() {
    let mut room = Room::found();
    let (link, _) = room.invite(1);
    let run = join(&mut room, &link, CEM);
    assert_eq!(run.outcomes, ["answered", "preview", "ready", "done"]);
    assert!(matches!(run.last, Some(JoinOutcome::Done(Status::Seated))));
    let preview = run.preview.unwrap();
    assert_eq!((preview.name.as_str(), preview.members), ("Harbour", 2));
    assert!(room.membership.roster().mids_of(&key(CEM)).next().is_some());
}

#[test]
fn mb_i06_a_dry_run_stops_at_the_preview_and_goes_on_later() {
    let mut room = Room::found();
    let (link, _) = room.invite(1);
    let mut host = Host::new(key(BEN), key(CEM), NOW);
    let (mut joiner, mut to_host) = Joiner::start(&link, key(CEM), key(BEN), NOW, &mut rng(1));
    for _ in 0..3 {
        let answer = host.handle(NOW, &to_host.remove(0), &mut room, &mut rng(2)).send.remove(0);
        let step = joiner.handle(NOW, &answer);
        joiner = step.next.unwrap();
        to_host = step.send;
    }
    assert!(to_host.is_empty() && joiner.deadline_mono_ms().is_none());
    let step = joiner.agree(NOW.plus_ms(50_000));
    assert_eq!(step.send[0].kind, JoinFrame::Fetch.number());
}

#[test]
fn at_108_mb_i06_a_ticket_that_waits_for_approval_gives_a_pending_seat() {
    let mut room = Room::found();
    let link = InviteLink::new(key(ANA), Secret::new([66; 16]), vec![]);
    let plain = room.grant(&link, 1);
    let terms = Terms { approve: true, ..plain.terms };
    let pairs = [(plain.tickets[0].seat, plain.tickets[0].out)];
    let grant = SeatGrant::issue(plain.gid, terms, plain.heads, &pairs, &keys(ANA));
    room.keep(&link, &grant);
    assert!(matches!(join(&mut room, &link, CEM).last, Some(JoinOutcome::Done(Status::Pending))));
}

#[test]
fn at_106_at_115_mb_i08_the_second_use_of_a_link_is_told_used_and_the_same_person_already_member() {
    let mut room = Room::found();
    let (link, _) = room.invite(1);
    join(&mut room, &link, CEM);
    assert_eq!(join(&mut room, &link, DEE).refused(), &Reason::Used);
    assert_eq!(join(&mut room, &link, CEM).refused(), &Reason::AlreadyMember);
}

#[test]
fn at_107_mb_i06_a_link_for_two_seats_tries_the_other_ticket() {
    let mut room = Room::found();
    let (link, grant) = room.invite(2);
    assert_eq!(grant.tickets.len(), 2);
    for person in [CEM, DEE] {
        assert!(matches!(join(&mut room, &link, person).last, Some(JoinOutcome::Done(Status::Seated))));
    }
    assert_eq!(join(&mut room, &link, 5).refused(), &Reason::Used);
}

#[test]
fn at_107_mb_i06_a_claim_that_lost_a_race_goes_on_with_the_next_ticket() {
    let mut room = Room::found();
    let (link, _) = room.invite(2);
    room.refuse_claims = vec![Reason::Used];
    let run = join(&mut room, &link, CEM);
    assert_eq!(run.outcomes, ["answered", "preview", "ready", "again", "ready", "done"]);
}

#[test]
fn at_106_r_18_a_bumped_link_is_withdrawn_also_if_another_ticket_was_used() {
    let mut room = Room::found();
    let (link, grant) = room.invite(2);
    let bumped = &grant.tickets[1];
    room.act(Body::Bump { pairs: vec![(bumped.seat, bumped.out)] });
    join(&mut room, &link, CEM);
    assert_eq!(join(&mut room, &link, DEE).refused(), &Reason::Withdrawn);
}

#[test]
fn at_106_mb_i07_a_link_is_refused_ten_minutes_after_its_last_moment() {
    let room = Room::found();
    let link = InviteLink::new(key(ANA), Secret::new([66; 16]), vec![]);
    let grant = room.grant(&link, 1);
    let ticket = &grant.tickets[0];
    let pick = Pick { terms: grant.terms.clone(), seat: ticket.seat, out: ticket.out, ticket_sig: ticket.signature };
    let at = |wall_ms| pick_verdict(&room.membership, &pick, &key(CEM), Timestamp::new(0, wall_ms)).err();
    assert_eq!(at(LATER + limits::TICKET_GRACE_MS), None);
    assert_eq!(at(LATER + limits::TICKET_GRACE_MS + 1), Some(Reason::Expired));
}

#[test]
fn at_115_mb_i08_a_banned_key_is_told_banned_and_a_tainted_link_is_withdrawn() {
    let mut room = Room::found();
    let (link, _) = room.invite(2);
    join(&mut room, &link, CEM);
    let mid = room.membership.roster().mids_of(&key(CEM)).next().unwrap();
    let blow = Blow { target: mid, pin: mid.into(), seen: vec![] };
    room.act(Body::Remove { blow, cuts: vec![], ban: true });
    assert_eq!(join(&mut room, &link, CEM).refused(), &Reason::Banned);
    assert_eq!(join(&mut room, &link, DEE).refused(), &Reason::Withdrawn, "R-32");
}

#[test]
fn mb_i08_an_inviter_who_left_is_gone() {
    let mut room = Room::found();
    let (link, _) = room.invite(1);
    let leave = Body::Leave { heirs: vec![], cuts: vec![] };
    let signed = room.membership.draft(&room.ana(), &keys(ANA), leave, NOW.wall_ms, None);
    assert!(matches!(room.membership.admit(signed.bytes()), Admission::Admitted(_)));
    assert_eq!(join(&mut room, &link, CEM).refused(), &Reason::InviterGone);
}

#[test]
fn at_112_mb_i03_a_changed_or_foreign_ticket_is_a_bad_ticket() {
    let room = Room::found();
    let link = InviteLink::new(key(ANA), Secret::new([66; 16]), vec![]);
    let grant = room.grant(&link, 1);
    let ticket = &grant.tickets[0];
    let good = Pick { terms: grant.terms.clone(), seat: ticket.seat, out: ticket.out, ticket_sig: ticket.signature };
    let verdict = |pick: &Pick| pick_verdict(&room.membership, pick, &key(CEM), NOW).err();
    assert_eq!(verdict(&good), None);
    let bad = Some(Reason::Rejected("bad_ticket".into()));
    assert_eq!(verdict(&Pick { out: Output([1; 32]), ..good.clone() }), bad);
    assert_eq!(verdict(&Pick { seat: SeatNumber(99), ..good.clone() }), bad);
    let foreign = Terms { issuer: OperationId([5; 32]), ..good.terms.clone() };
    assert_eq!(verdict(&Pick { terms: foreign, ..good.clone() }), bad);
    let bound = Terms { bound_pk: Some(key(DEE)), ..good.terms.clone() };
    let pairs = [(ticket.seat, ticket.out)];
    let grant = SeatGrant::issue(room.membership.gid(), bound.clone(), grant.heads.clone(), &pairs, &keys(ANA));
    let pick = Pick { terms: bound, ticket_sig: grant.tickets[0].signature, ..good };
    assert_eq!(verdict(&pick), bad);
    assert_eq!(pick_verdict(&room.membership, &pick, &key(DEE), NOW).err(), None);
}

#[test]
fn mb_i06_a_bound_link_stops_another_key_before_it_picks() {
    let mut room = Room::found();
    let link = InviteLink::new(key(ANA), Secret::new([66; 16]), vec![]);
    let plain = room.grant(&link, 1);
    let terms = Terms { bound_pk: Some(key(DEE)), ..plain.terms };
    let pairs = [(plain.tickets[0].seat, plain.tickets[0].out)];
    room.keep(&link, &SeatGrant::issue(plain.gid, terms, plain.heads, &pairs, &keys(ANA)));
    assert_eq!(join(&mut room, &link, CEM).unfit(), Unfit::Envelope);
    assert!(matches!(join(&mut room, &link, DEE).last, Some(JoinOutcome::Done(_))));
}

#[test]
fn at_112_mb_i05_the_envelope_opens_with_the_link_alone_and_binds_all_that_stands_beside_it() {
    let mut room = Room::found();
    let (link, grant) = room.invite(3);
    let (gid, ana, sealed) = (room.membership.gid(), room.ana(), room.kept[0].sealed.clone());
    let keys = link.keys();
    assert_eq!(open_grant(&sealed, (&gid, &ana), LATER, &keys), Ok(grant));
    assert!(sealed.len() <= limits::ENVELOPE_BYTES_MAX);
    let other = InviteLink::new(key(ANA), Secret::new([67; 16]), vec![]).keys();
    assert!(open_grant(&sealed, (&gid, &ana), LATER, &other).is_err());
    assert!(open_grant(&sealed, (&GroupId([1; 32]), &ana), LATER, &keys).is_err());
    assert!(open_grant(&sealed, (&gid, &MembershipId([1; 32])), LATER, &keys).is_err());
    assert!(open_grant(&sealed, (&gid, &ana), LATER + 1, &keys).is_err());
    for bit in (0..sealed.len() * 8).step_by(7) {
        let mut flipped = sealed.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        assert!(open_grant(&flipped, (&gid, &ana), LATER, &keys).is_err());
    }
    assert!((0..24).all(|end| open_grant(&sealed[..end], (&gid, &ana), LATER, &keys).is_err()));
}

#[test]
fn mb_i05_a_link_for_every_seat_fits_its_envelope() {
    let mut room = Room::found();
    let (_, grant) = room.invite(99);
    assert_eq!(grant.tickets.len(), 98);
    assert!(room.kept[0].sealed.len() <= limits::ENVELOPE_BYTES_MAX, "{}", room.kept[0].sealed.len());
}

#[test]
fn at_110_n_207_a_host_that_cannot_answer_rightly_gets_not_one_more_byte() {
    let mut room = Room::found();
    let (link, _) = room.invite(1);
    let bend = &mut |frame: &mut Frame| {
        let mut bytes = frame.body.to_vec();
        *bytes.last_mut().unwrap() ^= 1;
        frame.body = Bytes::from(bytes);
    };
    let run = join_bent(&mut room, &link, (CEM, BEN), bend);
    assert_eq!(run.unfit(), Unfit::WrongAnswer);
    assert_eq!(run.to_host.len(), 1);
}

#[test]
fn at_110_at_168_n_207_a_recorded_knock_or_proof_is_worth_nothing_to_another_key() {
    let mut room = Room::found();
    let (link, _) = room.invite(1);
    let recorded = join(&mut room.with_same_envelopes(), &link, CEM).to_host;
    let mut thief = Host::new(key(BEN), key(DEE), NOW);
    let step = thief.handle(NOW, &recorded[0], &mut room, &mut rng(1));
    assert_eq!((step.fault, step.send.len()), (Some(PeerFault::Knock), 0));
    // The same key, later: the proof signs the host's fresh nonce.
    let mut again = Host::new(key(BEN), key(CEM), NOW);
    assert_eq!(again.handle(NOW, &recorded[0], &mut room, &mut rng(77)).send.len(), 1);
    let step = again.handle(NOW, &recorded[1], &mut room, &mut rng(78));
    assert_eq!((step.fault, step.send.len(), step.closes), (Some(PeerFault::Proof), 0, false));
    assert_eq!(again.deadline_mono_ms(), NOW.mono_ms + limits::JOIN_SILENCE_MS);
}

impl Room {
    fn with_same_envelopes(&self) -> Self {
        let mut copy = self.copy();
        copy.kept = self.kept.iter().map(|kept| Kept { sealed: kept.sealed.clone(), ..*kept }).collect();
        copy
    }
}

#[test]
fn at_111_at_168_n_208_a_member_who_knows_the_lookup_value_but_not_the_secret_gets_nothing() {
    let mut room = Room::found();
    let (link, _) = room.invite(1);
    let lookup = room.kept[0].lookup;
    let nonce = [5; 32];
    let knock = Knock { nonce, tag: Meeting::knock_tag(&key(DEE), &nonce, &link::knock_key(&lookup)) };
    let mut host = Host::new(key(BEN), key(DEE), NOW);
    let step = host.handle(NOW, &frame(JoinFrame::Knock, &knock), &mut room, &mut rng(1));
    let answer: frames::Answer = frames::body(&step.send[0]).unwrap();
    let meeting = Meeting { joiner: key(DEE), host: key(BEN), joiner_nonce: nonce, host_nonce: answer.nonce };
    let sig = meeting.fields(|fields| keys(DEE).sign(Label::JoinProve, fields));
    let prove = Prove { inviter: *link.inviter(), sig };
    let step = host.handle(NOW, &frame(JoinFrame::Prove, &prove), &mut room, &mut rng(1));
    assert_eq!((step.fault, step.send.len()), (Some(PeerFault::Proof), 0));
}

/// No group at all, or several.
struct Rooms(Vec<Room>);

impl HostView for Rooms {
    fn envelopes(&self) -> Vec<HeldEnvelope<'_>> {
        self.0.iter().flat_map(HostView::envelopes).collect()
    }
    fn introductions(&self) -> Vec<(GroupId, Secret<32>)> {
        self.0.iter().flat_map(HostView::introductions).collect()
    }
    fn membership(&self, gid: &GroupId) -> Option<&Membership> {
        self.0.iter().find_map(|room| room.membership(gid))
    }
    fn admit_claim(&mut self, _: &GroupId, _: &MemberKey, _: &Claim) -> Result<Status, Reason> {
        Err(Reason::Used)
    }
    fn introduce(&mut self, _: &GroupId, _: &MemberKey, _: &[Vec<u8>]) -> Introduction {
        Introduction::Nothing
    }
}

#[test]
fn at_85_n_206_a_stranger_sees_the_same_of_a_node_with_no_group_one_and_five() {
    let raw = |kind: u8, body: Vec<u8>| Frame { kind, slot: 0, body: Bytes::from(body) };
    let knock = || frame(JoinFrame::Knock, &Knock { nonce: [1; 32], tag: [2; 16] });
    let scripts: Vec<Vec<Frame>> = vec![
        vec![knock()],
        vec![knock(), knock(), knock(), knock()],
        vec![raw(0x01, vec![0x80])],
        vec![knock(), frame(JoinFrame::Fetch, &frames::Fetch)],
        vec![frame(JoinFrame::Prove, &Prove { inviter: key(ANA), sig: crate::ids::Signature([0; 64]) })],
        vec![frame(JoinFrame::Introduce, &Operations(vec![]))],
        vec![raw(0x77, vec![])],
        vec![knock(), raw(0x10, vec![0; 2_000])],
    ];
    for (number, script) in scripts.into_iter().enumerate() {
        let seen: BTreeSet<Vec<(usize, bool, u64)>> = [0, 1, 5]
            .into_iter()
            .map(|groups| {
                let mut rooms = Rooms((0..groups).map(|_| Room::found()).collect());
                rooms.0.iter_mut().for_each(|room| drop(room.invite(2)));
                let mut host = Host::new(key(BEN), key(DEE), NOW);
                let steps = script.iter().map(|frame| {
                    let step = host.handle(NOW, frame, &mut rooms, &mut rng(1));
                    (step.send.len(), step.closes, host.deadline_mono_ms())
                });
                steps.collect()
            })
            .collect();
        assert_eq!(seen.len(), 1, "script {number}");
        assert!(seen.iter().flatten().all(|(sent, _, _)| *sent == 0));
    }
}

#[test]
fn n_204_bytes_and_times_of_strangers_and_joiners_are_bounded() {
    let mut room = Room::found();
    let (link, _) = room.invite(1);
    let big = |size: usize| Frame { kind: 0x12, slot: 0, body: Bytes::from(vec![0; size]) };
    let mut host = Host::new(key(BEN), key(CEM), NOW);
    let step = host.handle(NOW, &big(limits::STRANGER_BYTES_MAX), &mut room, &mut rng(1));
    assert_eq!((step.fault, step.closes), (Some(PeerFault::TooManyBytes), true));
    assert!(!Host::new(key(BEN), key(CEM), NOW).is_over(NOW.plus_ms(9_999)));
    assert!(Host::new(key(BEN), key(CEM), NOW).is_over(NOW.plus_ms(10_000)));

    let mut host = Host::new(key(BEN), key(CEM), NOW);
    let (joiner, knock) = Joiner::start(&link, key(CEM), key(BEN), NOW, &mut rng(1));
    let late = NOW.plus_ms(9_000);
    let answer = host.handle(late, &knock[0], &mut room, &mut rng(2));
    assert!(!host.is_over(NOW.plus_ms(18_999)) && host.is_over(NOW.plus_ms(19_000)));
    let prove = joiner.handle(late, &answer.send[0]);
    host.handle(late, &prove.send[0], &mut room, &mut rng(2));
    assert!(!host.is_over(late.plus_ms(59_999)) && host.is_over(late.plus_ms(60_000)));
    let mut closed = false;
    for _ in 0..5 {
        closed |= host.handle(late, &big(60_000), &mut room, &mut rng(2)).closes;
    }
    assert!(closed);
}

#[test]
fn n_204_the_fourth_knock_on_a_connection_closes_it() {
    let mut room = Room::found();
    let knock = frame(JoinFrame::Knock, &Knock { nonce: [1; 32], tag: [2; 16] });
    let mut host = Host::new(key(BEN), key(DEE), NOW);
    let closes: Vec<bool> = (0..4).map(|_| host.handle(NOW, &knock, &mut room, &mut rng(1)).closes).collect();
    assert_eq!(closes, [false, false, false, true]);
}

#[test]
fn at_19_at_110_mb_i06_a_host_without_a_seat_or_with_another_log_is_unfit() {
    let mut room = Room::found();
    let (link, _) = room.invite(1);
    // Dee knows everything but sits nowhere.
    assert_eq!(join_bent(&mut room, &link, (CEM, DEE), &mut |_| {}).unfit(), Unfit::NoMember);
    // Another group's log, an empty one, heads that were not given.
    let foreign = SignedOperation::genesis(&keys(DEE), [1; 32], vec![], NOW.wall_ms).bytes().to_vec();
    for operations in [vec![foreign], vec![]] {
        let bend = &mut |frame: &mut Frame| {
            if frame.kind == JoinFrame::Operations.number() {
                *frame = frames::frame(JoinFrame::Operations, &Operations(operations.clone()));
            }
        };
        assert_eq!(join_bent(&mut room, &link, (CEM, BEN), bend).unfit(), Unfit::Log);
    }
    for heads in [vec![], vec![OperationId([7; 32])]] {
        let bend = &mut |frame: &mut Frame| {
            if frame.kind == JoinFrame::Heads.number() {
                *frame = frames::frame(JoinFrame::Heads, &HeadsBody(Heads::new(heads.clone())));
            }
        };
        assert_eq!(join_bent(&mut room, &link, (CEM, BEN), bend).unfit(), Unfit::Log);
    }
}

#[test]
fn at_19_mb_i06_a_host_whose_log_is_older_than_the_link_is_unfit() {
    let mut room = Room::found();
    let old = room.copy();
    room.act(Body::SetPolicy { sets: vec![(setting::ABOUT, Some(Setting::Text("new".into())))] });
    let (link, _) = room.invite(1);
    let mut behind = room.with_same_envelopes();
    behind.membership = old.membership;
    assert_eq!(join(&mut behind, &link, CEM).unfit(), Unfit::Log);
}

#[test]
fn at_19_mb_l06_more_operations_than_a_joiner_takes_are_refused() {
    let mut room = Room::found();
    let (link, _) = room.invite(1);
    let genesis = room.membership.operations().next().unwrap().bytes().to_vec();
    let mut host = Host::new(key(BEN), key(CEM), NOW);
    let (joiner, mut frames) = Joiner::start(&link, key(CEM), key(BEN), NOW, &mut rng(1));
    let mut joiner = Some(joiner);
    while joiner.as_ref().is_some_and(|joiner| joiner.deadline_mono_ms().is_some()) {
        let back = host.handle(NOW, &frames.remove(0), &mut room, &mut rng(2)).send.remove(0);
        let step = joiner.take().unwrap().handle(NOW, &back);
        (joiner, frames) = (step.next, step.send);
    }
    let mut step = joiner.take().unwrap().agree(NOW);
    let flood = frame(JoinFrame::Operations, &Operations(vec![genesis; limits::JOIN_FRAME_OPERATIONS_MAX / 4]));
    let mut frames = 0;
    while let Some(machine) = step.next {
        step = machine.handle(NOW, &flood);
        frames += 1;
    }
    assert!(matches!(step.outcome, Some(JoinOutcome::Unfit(Unfit::TooMuch))));
    assert_eq!(frames, limits::JOIN_OPERATIONS_MAX / (limits::JOIN_FRAME_OPERATIONS_MAX / 4) + 1);
}

#[test]
fn mb_i06_a_claim_is_only_for_the_own_key_and_a_ticket_that_passed() {
    let mut room = Room::found();
    let (link, _) = room.invite(2);
    let run = join(&mut room.with_same_envelopes(), &link, CEM);
    let (mut host, mut rng) = (Host::new(key(BEN), key(CEM), NOW), rng(CEM));
    // The same seeds make the same run; only the claim is another's.
    let (_, _) = Joiner::start(&link, key(CEM), key(BEN), NOW, &mut rng);
    for frame in &run.to_host {
        if frame.kind != JoinFrame::Claim.number() {
            host.handle(NOW, frame, &mut room, &mut rng);
            continue;
        }
        let mut claim: Claim = frames::body(frame).unwrap();
        let grant = room.grant(&link, 1);
        let other = grant.redeem(&grant.tickets[0], "Dee", key(DEE), &link.keys().invite);
        claim.join = room.membership.draft_join(&keys(DEE), other, NOW.wall_ms).bytes().to_vec();
        let step = host.handle(NOW, &frames::frame(JoinFrame::Claim, &claim), &mut room, &mut rng);
        assert_eq!((step.fault, step.closes), (Some(PeerFault::Malformed), true));
    }
    assert!(room.membership.roster().mids_of(&key(DEE)).next().is_none());
}

fn introduce(host_room: &mut Room, own: &Room, person: u8, first: Vec<Vec<u8>>) -> (Option<Introduced>, Vec<Frame>) {
    let gid = own.membership.gid();
    let secret = introduce_key(&handshake_secret(&gid, &own.nonce));
    let (mut rng, mut sent) = (rng(9), vec![]);
    let mut host = Host::new(key(BEN), key(person), NOW);
    let (machine, mut to_host) = Introducer::start(secret, (key(person), key(BEN)), first, NOW, &mut rng);
    let mut machine = Some(machine);
    while !to_host.is_empty() {
        let step = host.handle(NOW, &to_host.remove(0), host_room, &mut rng);
        for frame in step.send {
            sent.push(frame.clone());
            let Some(current) = machine.take() else { continue };
            let step = current.handle(&frame, &own.membership);
            if step.outcome.is_some() {
                return (step.outcome, sent);
            }
            machine = step.next;
            to_host.extend(step.send);
        }
    }
    (None, sent)
}

fn bytes_of(room: &Room, id: &OperationId) -> Vec<u8> {
    room.membership.operation(id).unwrap().bytes().to_vec()
}

#[test]
fn n_209_a_member_from_the_far_side_brings_its_join_and_what_that_names() {
    let mut far = Room::found();
    let mut near = far.copy();
    // On the far side the group got another description before Cem joined: his Join names that.
    far.act(Body::SetPolicy { sets: vec![(setting::ABOUT, Some(Setting::Text("boats".into())))] });
    let join = far.provisional(CEM);
    let (outcome, sent) = introduce(&mut near, &far, CEM, vec![bytes_of(&far, &join)]);
    assert_eq!(outcome, Some(Introduced::Known));
    assert!(near.membership.roster().mids_of(&key(CEM)).next().is_some());
    // ANSWER, one NEED with hashes that the newcomer named, one empty NEED: nothing of the host's own log.
    assert_eq!(sent.iter().map(|frame| frame.kind).collect::<Vec<_>>(), [0x02, 0x31, 0x31]);
}

#[test]
fn r_33_somebody_whom_the_roster_does_not_take_leaves_nothing_behind() {
    let mut near = Room::found();
    let mut far = near.copy();
    let join = far.provisional(CEM);
    let foreign = bytes_of(&far, &join);
    let before = near.membership.len();
    // Dee brings Cem's Join: the roster then holds Cem, but not Dee.
    let (outcome, sent) = introduce(&mut near, &far, DEE, vec![foreign]);
    assert_eq!((outcome, sent.len()), (None, 1));
    assert_eq!(near.membership.len(), before);
}

#[test]
fn r_34_somebody_removed_while_away_learns_of_it_and_of_nothing_else() {
    let mut near = Room::found();
    let mid = near.seat(CEM);
    let away = near.copy();
    let remove =
        near.act(Body::Remove { blow: Blow { target: mid, pin: mid.into(), seen: vec![] }, cuts: vec![], ban: false });
    near.act(Body::SetPolicy { sets: vec![(setting::ABOUT, Some(Setting::Text("secret".into())))] });
    let (outcome, sent) = introduce(&mut near, &away, CEM, vec![bytes_of(&away, &mid.into())]);
    assert_eq!(outcome, Some(Introduced::Ended(vec![bytes_of(&near, &remove)])));
    assert_eq!(sent.len(), 2);
}

#[test]
fn r_34_whose_claim_was_lost_and_whose_link_was_withdrawn_since_is_told_so() {
    let mut near = Room::found();
    let mut far = near.copy();
    let join = far.provisional(CEM);
    let Body::Join(claimed) = far.membership.operation(&join).unwrap().operation().body.clone() else {
        panic!("a Join")
    };
    let bump = near.act(Body::Bump { pairs: vec![(claimed.seat, claimed.out)] });
    let before = near.membership.len();
    let (outcome, sent) = introduce(&mut near, &far, CEM, vec![bytes_of(&far, &join)]);
    assert_eq!(outcome, Some(Introduced::Ended(vec![bytes_of(&near, &bump)])));
    assert_eq!((sent.len(), near.membership.len()), (2, before));
}

#[test]
fn n_209_a_stranger_cannot_introduce_itself() {
    let mut near = Room::found();
    let mut far = near.copy();
    far.nonce = [1; 32];
    let (outcome, sent) = introduce(&mut near, &far, DEE, vec![]);
    assert_eq!((outcome, sent.len()), (None, 0));
}

#[test]
fn r_33_the_sixty_fifth_operation_of_an_introduction_is_too_many() {
    let mut near = Room::found();
    let gid = near.membership.gid();
    let secret = introduce_key(&handshake_secret(&gid, &near.nonce));
    let nonce = [5; 32];
    let knock = Knock { nonce, tag: Meeting::knock_tag(&key(DEE), &nonce, &secret) };
    let operation = near.membership.operations().next().unwrap().bytes().to_vec();
    for (count, fault) in [(64, None), (65, Some(PeerFault::OverLimit))] {
        let mut host = Host::new(key(BEN), key(DEE), NOW);
        host.handle(NOW, &frame(JoinFrame::Knock, &knock), &mut near, &mut rng(1));
        let brought = frame(JoinFrame::Introduce, &Operations(vec![operation.clone(); count]));
        assert_eq!(host.handle(NOW, &brought, &mut near, &mut rng(1)).fault, fault);
    }
}

#[test]
fn mb_i08_reasons_read_back_and_a_hosts_own_words_do_not_reach_a_face() {
    for reason in [
        Reason::Used,
        Reason::Withdrawn,
        Reason::Expired,
        Reason::InviterGone,
        Reason::Banned,
        Reason::AlreadyMember,
        Reason::Full,
        Reason::Rejected("bad_ticket".into()),
    ] {
        let read: Reason = frames::body(&frame(JoinFrame::Refuse, &reason)).unwrap();
        assert_eq!(read, reason);
    }
    for word in ["rejected:", "rejected:<b>", "rejected:Call 555", "no", ""] {
        let mut writer = crate::wire::Writer::default();
        writer.array(1).text(word);
        let frame = Frame { kind: 0x14, slot: 0, body: Bytes::from(writer.into_bytes()) };
        assert!(frames::body::<Reason>(&frame).is_err(), "{word}");
    }
}

/// Every truncation and many bit flips of every frame of a whole join, at the moment when it is due.
#[test]
fn every_broken_frame_of_a_join_is_survived_by_both_machines() {
    let mut room = Room::found();
    let (link, _) = room.invite(1);
    let frames = join(&mut room.with_same_envelopes(), &link, CEM).to_joiner.len();
    for which in 0..frames {
        for bend in 0..60 {
            let mut number = 0;
            let mut clean = room.with_same_envelopes();
            join_bent(&mut clean, &link, (CEM, BEN), &mut |frame| {
                if number == which && !frame.body.is_empty() {
                    let (mut bytes, place) = (frame.body.to_vec(), bend * 131 % frame.body.len());
                    if bend % 3 == 0 {
                        bytes.truncate(place)
                    } else {
                        bytes[place] ^= 1 << (bend % 8)
                    }
                    frame.body = Bytes::from(bytes);
                }
                number += 1;
            });
        }
    }
    let to_host = join(&mut room.with_same_envelopes(), &link, CEM).to_host;
    for (which, whole) in to_host.iter().enumerate() {
        for bend in 0..60 {
            let mut clean = room.with_same_envelopes();
            let (mut host, mut rng) = (Host::new(key(BEN), key(CEM), NOW), rng(CEM));
            let _ = Joiner::start(&link, key(CEM), key(BEN), NOW, &mut rng);
            to_host.iter().take(which).for_each(|frame| drop(host.handle(NOW, frame, &mut clean, &mut rng)));
            let mut bytes = whole.body.to_vec();
            let place = bend * 131 % bytes.len();
            if bend % 3 == 0 {
                bytes.truncate(place)
            } else {
                bytes[place] ^= 1 << (bend % 8)
            }
            let broken = Frame { body: Bytes::from(bytes), ..whole.clone() };
            let step = host.handle(NOW, &broken, &mut clean, &mut rng);
            // A signed Join still holds only if the broken byte was none of its own.
            if matches!(step.outcome, Some(HostOutcome::Joined(..))) {
                let (bent, sent): (Claim, Claim) = (frames::body(&broken).unwrap(), frames::body(whole).unwrap());
                assert_eq!(bent.join, sent.join);
            }
        }
    }
}
