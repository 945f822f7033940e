//! What a link does, from HELLO to BYE, and what it refuses.

use super::*;
use crate::crypto::Secret;
use crate::ids::{Instance, MemberKey};
use crate::wire::{Writer, to_bytes};
use alloc::vec;
use bytes::Bytes;
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;

/// Slots and their groups.
type Opened = Vec<(u8, GroupId)>;

const NOW: Timestamp = Timestamp::new(1_000, 0);

fn ends(own: u8, peer: u8) -> Ends {
    Ends {
        own: MemberKey([own; 32]),
        peer: MemberKey([peer; 32]),
        instance: Instance([own; 16]),
        boot: Boot([own; 8]),
        caps: CAP_TREE,
    }
}

/// Groups of a profile, with what each roster says about the one peer of these tests.
struct Groups(Vec<(u8, Secret<32>, Listing)>);

impl Groups {
    fn of(groups: &[(u8, Listing)]) -> Self {
        Self(groups.iter().map(|&(n, listing)| (n, Secret::new([n; 32]), listing)).collect())
    }

    fn members(groups: &[u8]) -> Self {
        Self::of(&groups.iter().map(|&n| (n, Listing::Member)).collect::<Vec<_>>())
    }

    fn doors(&self) -> Vec<Door<'_>> {
        self.0.iter().map(|(n, secret, peer)| Door { gid: GroupId([*n; 32]), secret, peer: *peer }).collect()
    }
}

struct Pair {
    ana: Link,
    ben: Link,
    groups: (Groups, Groups),
    rng: ChaCha20Rng,
    opened: (Opened, Opened),
    sent: Vec<(Side, Frame)>,
    closed: Vec<Close>,
}

impl Pair {
    fn new(ana: Groups, ben: Groups) -> Self {
        let mut rng = ChaCha20Rng::from_seed([1; 32]);
        let (opener, step) = Link::open(ends(1, 2), NOW, &mut rng);
        let mut pair = Self {
            ana: opener,
            ben: Link::accept(ends(2, 1), NOW),
            groups: (ana, ben),
            rng,
            opened: (vec![], vec![]),
            sent: vec![],
            closed: vec![],
        };
        pair.run(step.send.into_iter().map(|frame| (Side::Acceptor, frame)).collect());
        pair
    }

    /// Carries frames until both are silent.
    fn run(&mut self, mut queue: Vec<(Side, Frame)>) {
        while !queue.is_empty() {
            let (to, frame) = queue.remove(0);
            self.sent.push((to, frame.clone()));
            let (link, groups, opened, back) = match to {
                Side::Opener => (&mut self.ana, &self.groups.0, &mut self.opened.0, Side::Acceptor),
                Side::Acceptor => (&mut self.ben, &self.groups.1, &mut self.opened.1, Side::Opener),
            };
            let step = link.handle(NOW, frame, &groups.doors(), &mut self.rng);
            opened.extend(step.opened);
            self.closed.extend(step.close);
            queue.extend(step.send.into_iter().map(|frame| (back, frame)));
        }
    }

    fn again_by_ben(&mut self) {
        let frames = self.ben.again(NOW, &self.groups.1.doors(), &mut self.rng);
        self.run(frames.into_iter().map(|frame| (Side::Opener, frame)).collect());
    }

    fn again_by_ana(&mut self) {
        let frames = self.ana.again(NOW, &self.groups.0.doors(), &mut self.rng);
        self.run(frames.into_iter().map(|frame| (Side::Acceptor, frame)).collect());
    }

    fn groups_open(&self) -> Vec<u8> {
        let mut groups: Vec<u8> = self.ana.open_slots().map(|(_, gid)| gid.0[0]).collect();
        assert_eq!(self.ana.open_slots().collect::<Vec<_>>(), self.ben.open_slots().collect::<Vec<_>>());
        groups.sort_unstable();
        groups
    }
}

fn push(slot: u8) -> Frame {
    Frame { kind: GroupFrame::Push.number(), slot, body: Bytes::from_static(&[0x81, 0x80]) }
}

#[test]
fn n_304_two_members_open_a_slot_for_each_shared_group_with_the_same_numbers() {
    let pair = Pair::new(Groups::members(&[1, 2, 5]), Groups::members(&[2, 3, 1]));
    assert_eq!(pair.groups_open(), [1, 2]);
    assert_eq!(pair.opened.0, pair.opened.1);
    assert_eq!(pair.opened.0.iter().map(|(slot, _)| *slot).collect::<Vec<_>>(), [1, 2]);
    assert_eq!(pair.ana.peer_node().map(|peer| (peer.instance, peer.boot)), Some((Instance([2; 16]), Boot([2; 8]))));
    assert_eq!(pair.ben.peer_node().map(|peer| peer.boot), Some(Boot([1; 8])));
}

#[test]
fn n_302_a_group_opens_only_if_both_rosters_hold_the_other() {
    for (ana, ben) in [(Listing::Absent, Listing::Member), (Listing::Member, Listing::Absent)] {
        let pair = Pair::new(Groups::of(&[(1, ana)]), Groups::of(&[(1, ben)]));
        assert!(pair.groups_open().is_empty() && pair.closed.is_empty());
    }
    let waiting = Pair::new(Groups::members(&[1]), Groups::of(&[(1, Listing::Waiting)]));
    assert_eq!(waiting.groups_open(), [1]);
}

#[test]
fn at_85_n_303_what_a_stranger_sees_is_the_same_with_no_group_one_and_five() {
    let seen: BTreeSet<Vec<(u8, u8, usize)>> = [vec![], vec![1], vec![1, 2, 3, 4, 5]]
        .iter()
        .map(|groups| {
            let stranger = Groups::of(&[]);
            let host = Groups::of(&groups.iter().map(|&n| (n, Listing::Absent)).collect::<Vec<_>>());
            let pair = Pair::new(stranger, host);
            assert!(pair.closed.is_empty());
            pair.sent.iter().map(|(_, frame)| (frame.kind, frame.slot, frame.body.len())).collect()
        })
        .collect();
    assert_eq!(seen.len(), 1);
    // Nor can a member of five groups be told from somebody who shares none.
    let five = Pair::new(Groups::of(&[]), Groups::members(&[1, 2, 3, 4, 5]));
    let lengths = |pair: &Pair| pair.sent.iter().map(|(_, frame)| frame.body.len()).collect::<Vec<_>>();
    assert_eq!(lengths(&five), lengths(&Pair::new(Groups::of(&[]), Groups::of(&[]))));
}

#[test]
fn n_306_an_empty_intersection_ends_like_success() {
    let pair = Pair::new(Groups::members(&[1]), Groups::members(&[2]));
    assert_eq!(pair.sent.iter().map(|(_, frame)| frame.kind).collect::<Vec<_>>(), [1, 2, 3, 4]);
    assert!(pair.ana.peer_node().is_some() && pair.ben.peer_node().is_some());
}

#[test]
fn at_86_n_305_a_recorded_handshake_opens_nothing_with_another_nonce_or_key() {
    let recorded = Pair::new(Groups::members(&[1]), Groups::members(&[1]));
    let answer = recorded.sent.iter().find(|(_, frame)| frame.kind == 3).map(|(_, frame)| frame.clone()).unwrap();
    let hello = recorded.sent[0].1.clone();
    let host = Groups::members(&[1]);
    let mut rng = ChaCha20Rng::from_seed([9; 32]);
    // The same person's recording, and the same bytes by another key.
    for peer in [1, 7] {
        let mut ben = Link::accept(ends(2, peer), NOW);
        ben.handle(NOW, hello.clone(), &host.doors(), &mut rng);
        let step = ben.handle(NOW, answer.clone(), &host.doors(), &mut rng);
        assert!(step.opened.is_empty() && step.ready.is_some());
    }
    // A recorded OFFER shown to an opener with a fresh nonce.
    let offer = recorded.sent.iter().find(|(_, frame)| frame.kind == 2).map(|(_, frame)| frame.clone()).unwrap();
    let (mut ana, _) = Link::open(ends(1, 2), NOW, &mut rng);
    ana.handle(NOW, offer, &host.doors(), &mut rng);
    assert!(matches!(&ana.round, Round::Ready(shared) if shared.is_empty()));
}

#[test]
fn n_307_again_adds_groups_while_open_slots_go_on_and_never_reuses_a_number() {
    let mut pair = Pair::new(Groups::members(&[1]), Groups::members(&[1]));
    pair.groups = (Groups::members(&[1, 2]), Groups::members(&[1, 2]));
    pair.again_by_ana();
    assert_eq!(pair.groups_open(), [1, 2]);
    let drop = pair.ben.drop_slot(NOW, 1, DropCode::NotShared).unwrap();
    pair.run(vec![(Side::Opener, drop)]);
    assert_eq!(pair.groups_open(), [2]);
    pair.groups = (Groups::members(&[1, 2, 3]), Groups::members(&[1, 2, 3]));
    pair.again_by_ben();
    assert_eq!(pair.groups_open(), [1, 2, 3]);
    assert_eq!(pair.ana.open_slots().map(|(slot, _)| slot).collect::<Vec<_>>(), [2, 3, 4]);
    assert!(pair.closed.is_empty());
}

#[test]
fn n_304_the_sixty_fifth_slot_does_not_exist() {
    let mut pair = Pair::new(Groups::members(&[1]), Groups::members(&[1]));
    for _ in 0..70 {
        let Some(slot) = pair.ben.slot_of(&GroupId([1; 32])) else { break };
        let drop = pair.ben.drop_slot(NOW, slot, DropCode::Rebalance).unwrap();
        pair.run(vec![(Side::Opener, drop)]);
        pair.again_by_ben();
    }
    assert!(pair.groups_open().is_empty());
    assert_eq!(pair.ana.slots.len(), LINK_SLOTS_MAX);
    assert!(pair.closed.is_empty());
}

#[test]
fn n_308_after_drop_frames_of_that_slot_are_discarded() {
    let mut pair = Pair::new(Groups::members(&[1]), Groups::members(&[1]));
    let mut rng = ChaCha20Rng::from_seed([3; 32]);
    let step = pair.ben.handle(NOW, push(1), &[], &mut rng);
    assert_eq!(
        step.deliver.map(|frame| (frame.slot, frame.gid, frame.kind)),
        Some((1, GroupId([1; 32]), GroupFrame::Push))
    );
    let drop = pair.ana.drop_slot(NOW, 1, DropCode::Left).unwrap();
    let step = pair.ben.handle(NOW, drop, &[], &mut rng);
    assert_eq!(step.dropped, Some((1, GroupId([1; 32]), DropCode::Left)));
    assert_eq!(pair.ben.handle(NOW, push(1), &[], &mut rng), LinkStep::default());
    assert_eq!(pair.ana.drop_slot(NOW, 1, DropCode::Left), None);
}

#[test]
fn n_308_a_link_without_a_slot_is_given_up_unless_one_opens_again() {
    let mut pair = Pair::new(Groups::members(&[1]), Groups::members(&[1]));
    assert_eq!(pair.ana.deadline_mono_ms(), None);
    let drop = pair.ben.drop_slot(NOW, 1, DropCode::NotShared).unwrap();
    pair.run(vec![(Side::Opener, drop)]);
    let (ana, ben) = (&pair.ana, &pair.ben);
    let idle = NOW.mono_ms + IDLE_LINK_MS;
    assert_eq!((ana.deadline_mono_ms(), ben.deadline_mono_ms()), (Some(idle), Some(idle)));
    assert_eq!(ana.on_time(NOW.plus_ms(IDLE_LINK_MS)), Some(Close::Late));
    pair.groups = (Groups::members(&[2]), Groups::members(&[2]));
    pair.again_by_ben();
    assert_eq!((pair.groups_open(), pair.ana.deadline_mono_ms(), pair.ben.deadline_mono_ms()), (vec![2], None, None));
    let strangers = Pair::new(Groups::members(&[1]), Groups::members(&[2]));
    assert_eq!(strangers.ana.deadline_mono_ms(), Some(idle));
}

#[test]
fn n_301_anything_else_before_ready_resets_without_a_word() {
    let mut rng = ChaCha20Rng::from_seed([3; 32]);
    let mut hello_v2 = Writer::default();
    hello_v2.array(3).uint(2_u64).bytes([1; 32]).bytes([1; 8]);
    let body = |bytes: Vec<u8>| Bytes::from(bytes);
    for frame in [
        push(0),
        push(1),
        bye(ByeCode::Closing, &[]),
        Frame { kind: 1, slot: 0, body: body(hello_v2.into_bytes()) },
        Frame { kind: 1, slot: 1, body: body(to_bytes(&Hello { nonce: [0; 32], boot: Boot([0; 8]) })) },
        Frame { kind: 3, slot: 0, body: body(vec![0x80]) },
        Frame { kind: 0x7f, slot: 0, body: body(vec![0x80]) },
        Frame { kind: 1, slot: 0, body: body(vec![0; 4_000]) },
    ] {
        let step = Link::accept(ends(2, 1), NOW).handle(NOW, frame, &[], &mut rng);
        assert_eq!(step.close, Some(Close::Fault(PeerFault::Handshake)));
        assert!(step.send.is_empty());
    }
    let late = Link::accept(ends(2, 1), NOW);
    assert_eq!(late.on_time(NOW.plus_ms(HANDSHAKE_MS - 1)), None);
    assert_eq!(late.on_time(NOW.plus_ms(HANDSHAKE_MS)), Some(Close::Late));
}

#[test]
fn at_88_n_401_after_ready_a_broken_frame_ends_the_link_with_a_reason() {
    let mut rng = ChaCha20Rng::from_seed([3; 32]);
    let frame = |kind: u8, slot: u8, body: &'static [u8]| Frame { kind, slot, body: Bytes::from_static(body) };
    for (bad, fault) in [
        (frame(0x10, 9, &[0x80]), PeerFault::OutOfPlace),
        (frame(0x10, 0, &[0x80]), PeerFault::OutOfPlace),
        (frame(0x07, 1, &[0x81, 0]), PeerFault::OutOfPlace),
        (frame(0x09, 0, &[0x80]), PeerFault::UnknownKind),
        (frame(0x0E, 1, &[0x81, 0x18, 1]), PeerFault::Undecodable),
        (frame(0x0E, 1, &[0x81, 9]), PeerFault::Undecodable),
        (frame(0x20, 1, &[0; 300]), PeerFault::Oversized),
        (frame(0x01, 0, &[0x80]), PeerFault::Undecodable),
    ] {
        let mut pair = Pair::new(Groups::members(&[1]), Groups::members(&[1]));
        let step = pair.ben.handle(NOW, bad, &[], &mut rng);
        assert_eq!(step.close, Some(Close::Fault(fault)));
        assert_eq!(step.send, [bye(ByeCode::Protocol, &[])]);
        assert!(pair.ben.open_slots().next().is_none());
    }
    let mut pair = Pair::new(Groups::members(&[1]), Groups::members(&[1]));
    assert_eq!(pair.ben.handle(NOW, frame(0x90, 77, &[1, 2, 3]), &[], &mut rng), LinkStep::default());
}

#[test]
fn n_301_a_second_handshake_cannot_change_who_the_peer_is() {
    let mut pair = Pair::new(Groups::members(&[1]), Groups::members(&[1]));
    let frames = pair.ben.again(NOW, &pair.groups.1.doors(), &mut pair.rng);
    let step = pair.ana.handle(NOW, frames[0].clone(), &[], &mut pair.rng);
    let mut answer: Answer = from_bytes(&step.send[0].body, 2_048).unwrap();
    answer.instance = Instance([99; 16]);
    let step = pair.ben.handle(NOW, frame(GroupFrame::Answer, 0, &answer), &[], &mut pair.rng);
    assert_eq!(step.close, Some(Close::Fault(PeerFault::Handshake)));
}

#[test]
fn at_98_n_405_giving_beyond_the_credit_ends_the_link() {
    let mut pair = Pair::new(Groups::members(&[1]), Groups::members(&[1]));
    let give = || Frame { kind: GroupFrame::Give.number(), slot: 1, body: Bytes::from(vec![0; 65_536]) };
    for _ in 0..16 {
        assert!(pair.ben.handle(NOW, give(), &[], &mut pair.rng).deliver.is_some());
    }
    let step = pair.ben.handle(NOW, give(), &[], &mut pair.rng);
    assert_eq!(step.close, Some(Close::Fault(PeerFault::BeyondCredit)));
    assert_eq!(step.send, [bye(ByeCode::Flow, &[])]);
}

#[test]
fn n_405_credit_for_discarded_frames_of_a_dropped_slot_comes_back() {
    let mut pair = Pair::new(Groups::members(&[1]), Groups::members(&[1]));
    pair.ben.drop_slot(NOW, 1, DropCode::Stalled);
    let give = Frame { kind: GroupFrame::Give.number(), slot: 1, body: Bytes::from(vec![0; 65_536]) };
    pair.ana.on_given(65_536, NOW);
    let step = pair.ben.handle(NOW, give, &[], &mut pair.rng);
    assert_eq!(step.send.len(), 1);
    assert!(pair.ana.handle(NOW, step.send[0].clone(), &[], &mut pair.rng).close.is_none());
    assert!(pair.ana.may_give(65_536));
}

#[test]
fn bye_and_twin_say_what_they_say() {
    let mut pair = Pair::new(Groups::members(&[1]), Groups::members(&[1]));
    let step =
        pair.ben.handle(NOW, frame(GroupFrame::Twin, 0, &Twin(Instance([2; 16]), Boot([5; 8]))), &[], &mut pair.rng);
    assert_eq!(step.twin, Some((Instance([2; 16]), Boot([5; 8]))));
    let step = pair.ben.handle(NOW, bye(ByeCode::Full, &[1, 2, 3, 4]), &[], &mut pair.rng);
    assert_eq!(step.close, Some(Close::ByPeer(ByeCode::Full, vec![1, 2, 3])));
}

#[test]
fn every_truncation_and_bit_flip_of_every_frame_of_the_handshake_is_survived() {
    let frames = Pair::new(Groups::members(&[1, 2]), Groups::members(&[1, 2])).sent;
    let groups = Groups::members(&[1, 2]);
    for (to, frame) in frames {
        let whole = frame.to_bytes();
        let mut variants: Vec<Bytes> = (0..whole.len()).map(|end| whole.slice(..end)).collect();
        for bit in (0..whole.len() * 8).step_by(3) {
            let mut flipped = whole.to_vec();
            flipped[bit / 8] ^= 1 << (bit % 8);
            variants.push(Bytes::from(flipped));
        }
        for bytes in variants {
            let Ok(frame) = Frame::from_bytes(&bytes) else { continue };
            let mut rng = ChaCha20Rng::from_seed([1; 32]);
            let mut link = match to {
                Side::Opener => Link::open(ends(1, 2), NOW, &mut rng).0,
                Side::Acceptor => Link::accept(ends(2, 1), NOW),
            };
            let step = link.handle(NOW, frame, &groups.doors(), &mut rng);
            assert!(step.opened.is_empty());
        }
    }
}
