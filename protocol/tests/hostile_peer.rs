//! A peer with real keys that sends whatever it likes: nothing panics, nothing refused leaves a trace on disk, what
//! it did is counted by reason, and the honest group goes on.
#![expect(clippy::unwrap_used, clippy::panic, reason = "what is missing here ends the test")]

use bytes::Bytes;
use coterie_protocol::testing::party::Party;
use coterie_protocol::{Ban, Channel, Command, Frame, GroupId, Input, JoinState, LinkId, Opener, Path, RecordId};

/// All numbers of frames on group links, in two halves: tests run side by side.
const GROUP_KINDS: [std::ops::RangeInclusive<u8>; 2] = [0x01..=0x30, 0x31..=0x60];

/// Ana, Ben and Cy chat; every frame is on the tape. The hostile one is Cy (2), the victim Ana (0).
fn taped() -> (Party, GroupId) {
    let mut party = Party::new(5);
    party.tape = Some(Vec::new());
    let group = party.found(0, "Harbour");
    let link = party.invite(0, group, 3);
    (1..4).for_each(|who| assert_eq!(party.join(who, &link), JoinState::Seated));
    party.pass(3_000);
    party.say(0, group, "one");
    party.say(2, group, "two");
    party.pass(3_000);
    party.stop(1);
    for n in 0..40 {
        party.say(2, group, &format!("while Ben was away {n}"));
    }
    party.start(1);
    party.pass(60_000);
    (party, group)
}

/// Everything on the victim's disk but what the passing of time itself writes.
fn disk(party: &Party) -> Vec<(RecordId, Vec<u8>)> {
    party.hosts[0].disk.iter().map(|(&id, bytes)| (id, bytes.clone())).collect()
}

/// A link on which the hostile one may go on: a new one when the last was hung up.
fn link(party: &mut Party, from: usize) -> LinkId {
    for _ in 0..400 {
        if let Some(link) = party.link_from(from, 0) {
            return link;
        }
        // Blocks are kept by the shell; here everybody is dialled again. Short steps: a second of a group's life costs
        // more than a handshake.
        party.inject(0, Input::NetworkChanged);
        party.settle();
        party.pass(50);
    }
    panic!("no link to the victim any more");
}

fn send(party: &mut Party, on: LinkId, bytes: impl Into<Bytes>) {
    party.inject(0, Input::Received { link: on, bytes: bytes.into() });
}

fn refused(party: &Party) -> u64 {
    party.hosts[0].account.refused().values().sum()
}

fn still_chats(party: &mut Party, group: GroupId) {
    party.pass(120_000);
    party.say(0, group, "still here");
    party.say(1, group, "me too");
    party.pass(60_000);
    for who in [0, 1] {
        let seen = party.texts(who, &group);
        assert_eq!(seen[seen.len() - 2..], ["still here", "me too"], "seen by {who}");
    }
}

/// One frame of each kind that went on a group link or a join stream, the shortest ones.
fn one_of_each_kind(party: &Party) -> Vec<Bytes> {
    let mut kinds: std::collections::BTreeMap<u8, Bytes> = std::collections::BTreeMap::new();
    for (_, _, bytes) in party.tape.as_ref().unwrap() {
        let shortest = kinds.entry(bytes[0]).or_insert_with(|| bytes.clone());
        if bytes.len() < shortest.len() && bytes.len() > 8 {
            *shortest = bytes.clone();
        }
    }
    kinds.into_values().collect()
}

#[test]
fn at_88_truncated_frames_of_every_kind_are_refused_counted_and_leave_no_trace() {
    let (mut party, group) = taped();
    let frames = one_of_each_kind(&party);
    assert!(frames.len() >= 14, "kinds on the tape: {:x?}", frames.iter().map(|frame| frame[0]).collect::<Vec<_>>());
    for frame in &frames {
        let step = (frame.len() / 40).max(1);
        for end in (0..frame.len()).step_by(step) {
            // The header says more than comes; then it says what comes, and the body breaks off.
            let on = link(&mut party, 2);
            let (before, count) = (disk(&party), refused(&party));
            send(&mut party, on, frame.slice(..end));
            assert!(refused(&party) > count, "kind {:#x} cut at {end}", frame[0]);
            assert!(disk(&party) == before, "kind {:#x} cut at {end}", frame[0]);
            if end >= 5 {
                let whole = Frame { kind: frame[0], slot: frame[1], body: frame.slice(5..end) };
                let on = link(&mut party, 2);
                let before = disk(&party);
                send(&mut party, on, whole.to_bytes());
                assert!(disk(&party) == before, "kind {:#x} broken off at {end}", frame[0]);
            }
            party.settle();
        }
    }
    still_chats(&mut party, group);
}

#[test]
fn flipped_bits_in_every_other_kind_never_panic_and_never_change_what_members_said() {
    flip_bits_in_kinds_from(0);
}

#[test]
fn flipped_bits_in_the_kinds_between_never_panic_and_never_change_what_members_said() {
    flip_bits_in_kinds_from(1);
}

/// Of each second kind of frame, from this one on.
fn flip_bits_in_kinds_from(first: usize) {
    let (mut party, group) = taped();
    let words = party.texts(0, &group);
    for frame in one_of_each_kind(&party).into_iter().skip(first).step_by(2) {
        let bits = frame.len() * 8;
        for bit in (0..bits).step_by((bits / 64).max(1) | 1) {
            let mut bytes = frame.to_vec();
            bytes[bit / 8] ^= 1 << (bit % 8);
            let on = link(&mut party, 2);
            send(&mut party, on, bytes);
            party.settle();
        }
    }
    party.pass(60_000);
    assert_eq!(party.texts(0, &group), words);
    assert!(refused(&party) > 0);
    still_chats(&mut party, group);
}

#[test]
fn at_88_frames_of_every_low_number_on_every_slot_with_junk_and_claimed_lengths_are_refused() {
    junk_in_frames_of(GROUP_KINDS[0].clone());
}

#[test]
fn at_88_frames_of_every_high_number_on_every_slot_with_junk_and_claimed_lengths_are_refused() {
    junk_in_frames_of(GROUP_KINDS[1].clone());
}

fn junk_in_frames_of(kinds: std::ops::RangeInclusive<u8>) {
    let (mut party, group) = taped();
    // An array of four thousand million items, a byte string as long, nesting, nothing, a lone break.
    let bombs: [&[u8]; 6] = [
        &[0x9a, 0xff, 0xff, 0xff, 0xff],
        &[0x81, 0x9b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
        &[0x82, 0x5a, 0xff, 0xff, 0xff, 0xff, 0x00],
        &[0x81; 2_000],
        &[],
        &[0xff],
    ];
    for kind in kinds {
        for slot in [0, 1, 2, 255] {
            for bomb in bombs {
                let on = link(&mut party, 2);
                let before = disk(&party);
                let frame = Frame { kind, slot, body: Bytes::copy_from_slice(bomb) };
                send(&mut party, on, frame.to_bytes());
                assert!(disk(&party) == before, "kind {kind:#x} slot {slot}");
                party.settle();
            }
        }
    }
    // Longer than any kind may be.
    let on = link(&mut party, 2);
    let count = refused(&party);
    send(&mut party, on, Frame { kind: 0x20, slot: 1, body: Bytes::from(vec![0; 300_000]) }.to_bytes());
    assert!(refused(&party) > count);
    still_chats(&mut party, group);
}

#[test]
fn at_87_floods_of_valid_announcements_wishes_and_unasked_answers_are_bounded_and_cost_points() {
    let (mut party, group) = taped();
    let have = |n: u64| {
        let mut body = vec![0x81, 0x98, 200];
        for i in 0..200_u64 {
            body.push(0x50);
            body.extend_from_slice(&[&n.to_be_bytes()[..], &i.to_be_bytes()[..]].concat());
        }
        Bytes::from(body)
    };
    let before = disk(&party);
    for n in 0..300 {
        let on = link(&mut party, 2);
        send(&mut party, on, Frame { kind: 0x11, slot: 1, body: have(n) }.to_bytes());
        let on = link(&mut party, 2);
        send(&mut party, on, Frame { kind: 0x12, slot: 1, body: have(n) }.to_bytes());
    }
    let frames = party.tape.clone().unwrap();
    for kind in [0x21, 0x22, 0x23, 0x24, 0x25, 0x26, 0x27, 0x31] {
        for (_, _, bytes) in frames.iter().filter(|(from, _, bytes)| *from == 2 && bytes[0] == kind).take(20) {
            for _ in 0..10 {
                let on = link(&mut party, 2);
                send(&mut party, on, bytes.clone());
            }
        }
    }
    let same =
        |id: &RecordId| !matches!(id, RecordId::Receipts { .. } | RecordId::Group { .. } | RecordId::Peer { .. });
    let kept = |disk: Vec<(RecordId, Vec<u8>)>| disk.into_iter().filter(|(id, _)| same(id)).collect::<Vec<_>>();
    assert_eq!(kept(disk(&party)), kept(before));
    still_chats(&mut party, group);
}

#[test]
fn at_86_at_92_strangers_and_removed_members_who_replay_whole_sessions_get_nowhere() {
    let (mut party, group) = taped();
    let dee = party.hosts[3].account.me();
    let members = party.hosts[0].account.members(&group).unwrap();
    let member = members.iter().find(|member| member.key == dee).unwrap().id;
    party.ask(0, Command::Remove { group, member, ban: Ban::Yes }).unwrap();
    party.pass(60_000);
    let frames = party.tape.take().unwrap();
    let before = disk(&party);
    // Once as the stranger (4), once as the removed one (3): all that anybody ever sent to Ana.
    for who in [3, 4] {
        for channel in [Channel::Group, Channel::Join] {
            let to_ana: Vec<Bytes> =
                frames.iter().filter(|(_, to, _)| *to == 0).map(|(_, _, bytes)| bytes.clone()).collect();
            for bytes in to_ana.chunks(50) {
                let on = party.open_raw(who, 0, channel);
                for bytes in bytes {
                    send(&mut party, on, bytes.clone());
                }
                party.inject(0, Input::Disconnected { link: on });
            }
        }
    }
    assert_eq!(disk(&party), before);
    still_chats(&mut party, group);
    assert!(party.hosts[3].account.group(&group).unwrap().occupied <= 3);
}

#[test]
fn at_06_what_was_said_in_one_group_cannot_be_carried_to_another() {
    let (mut party, group) = taped();
    let other = party.found(4, "Elsewhere");
    let link_there = party.invite(4, other, 1);
    assert_eq!(party.join(2, &link_there), JoinState::Seated);
    party.pass(3_000);
    party.tape = Some(Vec::new());
    party.say(2, other, "not for the harbour");
    party.pass(10_000);
    let frames = party.tape.take().unwrap();
    let before = party.texts(0, &group);
    for (_, _, bytes) in frames.iter().filter(|(from, to, _)| *from == 2 && *to == 4) {
        let on = link(&mut party, 2);
        send(&mut party, on, bytes.clone());
        party.settle();
    }
    party.pass(30_000);
    assert_eq!(party.texts(0, &group), before);
    assert_eq!(party.hosts[0].account.groups().len(), 1);
    still_chats(&mut party, group);
}

#[test]
fn inputs_about_links_that_never_were_change_nothing() {
    let (mut party, group) = taped();
    let before = disk(&party);
    let (on, peer) = (LinkId(9_999_999), party.hosts[4].account.me());
    send(&mut party, on, vec![0x10, 1, 0, 0, 0]);
    party.inject(0, Input::Disconnected { link: on });
    party.inject(0, Input::Overflowed { link: on });
    party.inject(0, Input::Quality { link: on, round_trip_ms: u64::MAX, path: Path::DirectQuic });
    party.inject(0, Input::DialFailed { peer: Some(peer), channel: Channel::Group });
    party.inject(0, Input::Sighted { peer, addresses: vec![vec![0xff; 4_000]; 100] });
    for (id, bytes) in before.clone() {
        party.inject(0, Input::Loaded { id, bytes: Some(bytes) });
    }
    let path = Path::DirectQuic;
    for n in 0..2_000 {
        let link = LinkId(10_000_000 + n);
        let opener = if n % 2 == 0 { Opener::Us } else { Opener::Peer };
        let channel = if n % 3 == 0 { Channel::Join } else { Channel::Group };
        party.inject(0, Input::Connected { link, peer, channel, path, opener });
    }
    assert_eq!(disk(&party), before);
    still_chats(&mut party, group);
}
