//! When a node may speak, what it renews by itself, and whose words count: on the public surface alone.

use coterie_protocol::testing::party::Party;
use coterie_protocol::{Ban, Command, Input, RecordId, Reply};

/// Values of one kind on a disk.
fn stored(party: &Party, who: usize, kind: u8) -> Vec<(RecordId, Vec<u8>)> {
    let held = party.hosts[who].disk.iter().filter(|(id, _)| id.kind().number() == kind);
    held.map(|(id, bytes)| (*id, bytes.clone())).collect()
}

const CHAINS: u8 = 0x80;
const LEAVES: u8 = 0x82;

#[test]
fn e_71_a_node_that_has_met_nobody_since_its_start_keeps_its_words() {
    let (mut party, group) = Party::with_group(2, 2);
    party.stop(0);
    party.stop(1);
    party.start(1);
    let reply = party.say(1, group, "is anybody here?");
    assert!(matches!(reply, Reply::Queued(_)), "{reply:?}");
    party.pass(600_000);
    assert!(party.texts(1, &group).is_empty(), "it was sealed before anybody was met");
    party.start(0);
    party.pass(60_000);
    for who in 0..2 {
        assert_eq!(party.texts(who, &group), ["is anybody here?"], "{who}");
    }
}

#[test]
fn e_51_a_fresh_leaf_key_comes_once_a_day_although_nobody_speaks() {
    let (mut party, group) = Party::with_group(2, 2);
    party.say(1, group, "good night");
    party.pass(5_000);
    let before = stored(&party, 1, LEAVES);
    party.pass(29 * 3_600_000);
    let after = stored(&party, 1, LEAVES);
    let newest = |leaves: &[(RecordId, Vec<u8>)]| leaves.last().map(|(id, _)| *id);
    assert!(newest(&after) > newest(&before), "no new leaf in 29 hours");
    party.say(0, group, "good morning");
    party.pass(5_000);
    assert!(party.texts(1, &group).contains(&"good morning".into()));
}

#[test]
fn e_51_a_machine_that_is_switched_off_every_evening_replaces_its_leaf_key_as_well() {
    let (mut party, group) = Party::with_group(2, 2);
    party.say(1, group, "good night");
    party.pass(5_000);
    let newest = |party: &Party| stored(party, 1, LEAVES).last().map(|(id, _)| *id);
    let mut seen = vec![newest(&party)];
    for _ in 0..4 {
        party.stop(1);
        party.now_ms += 16 * 3_600_000;
        party.pass(1_000);
        party.start(1);
        party.pass(8 * 3_600_000);
        seen.push(newest(&party));
    }
    assert!(seen.windows(2).filter(|pair| pair[0] < pair[1]).count() >= 3, "{seen:?}");
    assert!(stored(&party, 0, LEAVES).len() <= 8, "and no more often than that");
    party.say(0, group, "good morning");
    party.pass(5_000);
    assert!(party.texts(1, &group).contains(&"good morning".into()));
}

#[test]
fn e_50_who_lost_a_chain_asks_its_author_and_reads_on() {
    let (mut party, group) = Party::with_group(2, 2);
    party.say(0, group, "before");
    party.pass(5_000);
    party.stop(1);
    let chains: Vec<RecordId> = stored(&party, 1, CHAINS).into_iter().map(|(id, _)| id).collect();
    assert!(!chains.is_empty());
    for id in chains {
        party.hosts[1].disk.remove(&id);
    }
    party.start(1);
    party.pass(30_000);
    party.say(0, group, "lost");
    party.pass(5_000);
    party.say(0, group, "found");
    party.pass(30_000);
    assert!(party.texts(1, &group).contains(&"found".into()), "{:?}", party.texts(1, &group));
}

#[test]
fn at_12_mb_c02_words_said_after_the_own_removal_count_for_nobody_who_knows_of_it() {
    let (mut party, group) = Party::with_group(3, 3);
    party.say(2, group, "in time");
    party.pass(5_000);
    party.split(&[0], &[1, 2]);
    let cy = party.member(0, &group, 2);
    party.ask(0, Command::Remove { group, member: cy, ban: Ban::No }).unwrap();
    party.say(2, group, "too late");
    party.pass(5_000);
    assert!(party.texts(1, &group).contains(&"too late".into()), "who doesn't know of it still reads it");
    party.cuts.clear();
    party.pass(120_000);
    for who in 0..2 {
        assert_eq!(party.texts(who, &group), ["in time"], "{who}");
    }
}

#[test]
fn at_92_n_203_who_is_removed_is_shown_how_and_then_nothing_more() {
    let (mut party, group) = Party::with_group(3, 3);
    let cy = party.member(0, &group, 2);
    party.tape = Some(Vec::new());
    party.ask(0, Command::Remove { group, member: cy, ban: Ban::No }).unwrap();
    party.say(0, group, "among ourselves");
    party.pass(60_000);
    let state = party.hosts[2].account.group(&group).unwrap().state;
    assert_eq!(state, coterie_protocol::GroupState::Removed);
    let told: Vec<usize> =
        party.tape.take().unwrap().iter().filter(|(_, to, _)| *to == 2).map(|(_, _, b)| b.len()).collect();
    // The operation and the end of the slot, from each of the two; a few hundred bytes each.
    assert!(told.iter().sum::<usize>() < 4_000, "{told:?}");
    assert!(party.texts(2, &group).is_empty());
}

#[test]
fn n_406_a_full_queue_is_not_answered_by_filling_it_again() {
    let (mut party, group) = Party::with_group(2, 2);
    let link = party.link_from(0, 1).unwrap();
    party.tape = Some(Vec::new());
    for _ in 0..10 {
        party.inject(1, Input::Overflowed { link });
        party.settle();
    }
    const MSYNC: u8 = 0x30;
    let tape = party.tape.take().unwrap();
    let at_once = tape.iter().filter(|(from, _, bytes)| *from == 1 && bytes[0] == MSYNC).count();
    assert_eq!(at_once, 0, "a shell that is still full would say so again, for ever");
    // What was dropped comes all the same.
    party.say(0, group, "after the jam");
    party.pass(60_000);
    assert_eq!(party.texts(1, &group), ["after the jam"]);
}

#[test]
fn r_04_a_long_outbox_leaves_in_as_many_steps_as_it_needs() {
    let (mut party, group) = Party::with_group(2, 2);
    party.stop(0);
    party.stop(1);
    party.start(1);
    let said: Vec<String> = (0..600).map(|n| format!("text {n}")).collect();
    said.iter().for_each(|text| assert!(matches!(party.say(1, group, text), Reply::Queued(_))));
    party.start(0);
    party.pass(3_600_000);
    assert_eq!(party.texts(0, &group), said);
}
