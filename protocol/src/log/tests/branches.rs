//! Forks: proofs, branches, the state inside a log, and the bounds on both.

use super::*;

/// Member 1 with five messages, and another entry that its key signed at `seq` behind the same predecessor.
fn forked_at(world: &World, seq: usize) -> (Vec<Entry>, Pen) {
    let mut pen = Pen::new(world, 1, 1);
    let mut entries = vec![];
    let mut other = pen.clone();
    for at in 0..7 {
        if at == seq {
            other = pen.clone();
        }
        let draft = match at {
            0 => pen.leaf(world, 0),
            1 => pen.rekey(world, &[]),
            _ => pen.message(256),
        };
        entries.push(pen.write(draft));
    }
    other.salt = 1;
    (entries, other)
}

fn rebuild(logs: &mut Logs, world: &World, entries: &[Entry], place: Place) -> Rebuilt {
    let bytes: Vec<Vec<u8>> = entries.iter().map(Entry::to_bytes).collect();
    logs.rebuild(&mut &*world, NOW, place, &bytes)
}

#[test]
fn at_18_e_78_two_good_entries_at_one_place_are_a_proof_and_both_branches_go_on() {
    let world = World::of(3);
    let (mut entries, mut other) = forked_at(&world, 4);
    let mut logs = logs(&world);
    give_all(&mut logs, &world, &entries);
    let twin = other.write(other.message(512));
    let inside = Place { log: other.log, branch: 0, seq: 3 };
    let waits = give(&mut logs, &world, &twin);
    assert!(matches!(waits, Inserted::Waiting(Missing::Prefix(place)) if place == inside));
    // The proof does not wait for the state.
    assert!(logs.is_forked(&other.log));
    let proofs = logs.take_fork_proofs();
    assert_eq!(proofs, vec![ForkProof { held: Place { seq: 4, ..inside }, other: twin.to_bytes() }]);
    assert_eq!(rebuild(&mut logs, &world, &entries[..2], inside), Rebuilt::NeedsFrom(2));
    assert_eq!(rebuild(&mut logs, &world, &entries[2..], inside), Rebuilt::Done);
    let settled = settle(&mut logs, &world);
    assert!(matches!(&settled[..], [Inserted::Appended(new)] if new.place.branch == 1));
    let after = other.write(other.message(256));
    assert_taken(&give(&mut logs, &world, &after));
    entries.extend([twin.clone(), after.clone()]);
    assert!(entries.iter().all(|entry| logs.contains(&entry.id())));
    assert_eq!(logs.branches(&other.log).collect::<Vec<_>>(), vec![(0, None), (1, Some(Off { parent: 0, seq: 4 }))]);
    assert_eq!(logs.eid_at(&other.log, 1, 3), Some(entries[3].id()));
    assert_eq!(logs.eid_at(&other.log, 1, 4), Some(twin.id()));
    assert_eq!(logs.stored_at(&other.log, 1, 3), Some(inside));
    assert_eq!(logs.state(&other.log).unwrap().head, entries[6].id(), "the longest branch speaks for the log");
    assert!(logs.take_fork_proofs().is_empty(), "one proof for each log");
    let back = reopened(&logs, &world);
    assert_eq!(picture(&back), picture(&logs));
    assert!(back.is_forked(&other.log), "a fork is not forgotten at a restart");
}

#[test]
fn e_78_the_branch_that_comes_first_decides_nothing() {
    let world = World::of(3);
    let (entries, mut other) = forked_at(&world, 5);
    let twins = [other.write(other.message(512)), other.write(other.message(256))];
    let (mut one, mut two) = (logs(&world), logs(&world));
    give_all(&mut one, &world, &entries);
    give_all(&mut one, &world, &twins);
    rebuild(&mut one, &world, &entries, Place { log: other.log, branch: 0, seq: 4 });
    settle(&mut one, &world);
    give_all(&mut two, &world, &entries[..5]);
    give_all(&mut two, &world, &twins);
    give_all(&mut two, &world, &entries[5..]);
    let stored: Vec<Entry> = entries[..5].iter().chain(&twins).cloned().collect();
    rebuild(&mut two, &world, &stored, Place { log: other.log, branch: 0, seq: 4 });
    settle(&mut two, &world);
    assert_eq!(one.places.iter().count(), 9);
    assert_eq!(picture(&one), picture(&two));
    assert_eq!(one.entries_digest(&[], &|_| Words::Count), two.entries_digest(&[], &|_| Words::Count));
}

#[test]
fn e_78_an_entry_refused_inside_a_log_still_proves_the_fork() {
    let world = World::of(3);
    let (entries, other) = forked_at(&world, 6);
    let mut logs = logs(&world);
    give_all(&mut logs, &world, &entries);
    let mut bad = other.message(256);
    bad.head.heads = heads(&[1]);
    if let HeadKind::Message { index, .. } = &mut bad.head.kind {
        *index = 0;
    }
    give(&mut logs, &world, &other.sign(bad));
    rebuild(&mut logs, &world, &entries, Place { log: other.log, branch: 0, seq: 5 });
    assert_refused(&settle(&mut logs, &world)[0], EntryRule::Index);
    assert_eq!(logs.take_fork_proofs().len(), 1);
    assert_eq!(logs.branches(&other.log).count(), 1);
}

#[test]
fn e_74_a_fifth_branch_is_not_kept_but_may_come_again() {
    let world = World::of(3);
    let mut logs = logs(&world);
    let entries: Vec<Entry> = (0..5)
        .map(|salt| {
            let mut pen = Pen::new(&world, 1, 1);
            pen.salt = salt;
            pen.write(pen.leaf(&world, 0))
        })
        .collect();
    entries[..4].iter().for_each(|entry| assert_taken(&give(&mut logs, &world, entry)));
    for _ in 0..2 {
        assert_refused(&give(&mut logs, &world, &entries[4]), EntryRule::Branches);
    }
    assert_eq!(logs.branches(&entries[0].log).count(), 4);
    assert_eq!(picture(&reopened(&logs, &world)), picture(&logs));
}

#[test]
fn e_78_rebuilding_takes_only_the_entries_that_stand_there() {
    let world = World::of(3);
    let (entries, other) = forked_at(&world, 4);
    let mut logs = logs(&world);
    give_all(&mut logs, &world, &entries);
    let twin = other.sign(other.message(512));
    give(&mut logs, &world, &twin);
    let place = Place { log: other.log, branch: 0, seq: 3 };
    assert_eq!(rebuild(&mut logs, &world, &entries[1..], place), Rebuilt::Unfit);
    assert_eq!(rebuild(&mut logs, &world, &[entries[0].clone(), twin], place), Rebuilt::Unfit);
    assert!(!logs.has_ready());
}

#[test]
fn e_79_a_proof_from_others_counts_only_if_it_proves() {
    let world = World::of(3);
    let (entries, other) = forked_at(&world, 4);
    let log = other.log;
    let mut logs = logs(&world);
    let twin = other.sign(other.message(512)).to_bytes();
    let (same, next) = (entries[4].to_bytes(), entries[5].to_bytes());
    let mut forged = twin.clone();
    *forged.last_mut().unwrap() ^= 1;
    for pair in [[&same, &same], [&twin, &next], [&same, &forged]] {
        assert!(!logs.accept_fork(&&world, log, pair.map(Vec::as_slice)));
        assert!(!logs.is_forked(&log));
    }
    assert!(logs.accept_fork(&&world, log, [&same, &twin]));
    assert!(logs.is_forked(&log));
    give_all(&mut logs, &world, &entries);
    assert!(logs.leaf_of(&mid(1)).unwrap().is_forked);
}

#[test]
fn e_80_nothing_own_is_written_in_a_forked_log_or_inside_one() {
    let world = World::of(3);
    let (entries, other) = forked_at(&world, 6);
    let mut logs = logs(&world);
    give_all(&mut logs, &world, &entries[..6]);
    let mut late = other.message(256);
    late.head.prev = entries[4].id();
    late.head.seq = 5;
    assert_eq!(logs.check_own(&mut &world, &other.sign(late)), Err(EntryRule::Unfounded));
    let next = other.sign(other.message(256));
    assert_eq!(logs.check_own(&mut &world, &next), Ok(()));
    logs.mark_forked(other.log);
    assert_eq!(logs.check_own(&mut &world, &next), Err(EntryRule::Branches));
    let second_opening = {
        let mut pen = Pen::new(&world, 1, 1);
        pen.salt = 5;
        pen.write(pen.leaf(&world, 0))
    };
    assert_eq!(logs.check_own(&mut &world, &second_opening), Err(EntryRule::Branches));
}

#[test]
fn e_10_the_current_installation_has_the_highest_number_and_on_a_tie_the_smaller_id() {
    let world = World::of(3);
    let mut logs = logs(&world);
    assert_eq!(logs.current_instance(&mid(1)), None);
    for (inst, inst_no, current) in [(5, 0, 5), (3, 1, 3), (4, 1, 3), (2, 1, 2), (1, 0, 2)] {
        let mut pen = Pen::new(&world, 1, inst);
        pen.inst_no = inst_no;
        assert_taken(&give(&mut logs, &world, &pen.write(pen.leaf(&world, 0))));
        assert_eq!(logs.current_instance(&mid(1)).unwrap().0, Instance([current; 16]));
    }
    let leaf = logs.leaf_of(&mid(1)).unwrap();
    assert_eq!((leaf.inst_no, leaf.leaf.generation, leaf.is_forked), (1, 0, false));
}

#[test]
fn e_13_the_newest_leaf_and_its_arrival_here_are_what_senders_use() {
    let world = World::of(3);
    let (mut logs, mut pen) = (logs(&world), Pen::new(&world, 1, 1));
    give_all(&mut logs, &world, &pen.speak(&world, 0));
    let later = NOW.plus_ms(500);
    let healed = pen.write(pen.leaf(&world, 2));
    logs.insert(&mut &world, later, Arrival { log: pen.log, bytes: &healed.to_bytes(), giver: None });
    let leaf = logs.leaf_of(&mid(1)).unwrap().leaf.clone();
    assert_eq!((leaf.generation, leaf.healed, leaf.compromised, leaf.admitted_at), (2, Some(2), None, later));
    give_all(&mut logs, &world, &[pen.write(pen.leaf(&world, 1)), pen.write(pen.leaf(&world, 3))]);
    let leaf = logs.leaf_of(&mid(1)).unwrap().leaf;
    assert_eq!((leaf.generation, leaf.healed, leaf.compromised), (4, Some(2), Some(4)));
}

#[test]
fn e_93_what_others_know_of_our_leaf_is_read_from_acks_slots_and_grants() {
    let world = World::of(3);
    let (mut logs, mut pen) = (logs(&world), Pen::new(&world, 1, 1));
    give_all(&mut logs, &world, &[pen.write(pen.leaf(&world, 0))]);
    assert_eq!(logs.knows_own(&mid(1)), None);
    let own_place = world.keyed(&heads(&[1])).iter().filter(|other| **other != mid(1)).position(|m| *m == mid(0));
    let mut acks = vec![None; 2];
    acks[own_place.unwrap()] = Some(LeafNumber { inst_no: 0, generation: 5 });
    let mut ack = pen.leaf(&world, 1);
    ack.body = to_bytes(&LeafBody(acks));
    give_all(&mut logs, &world, &[pen.write(ack)]);
    assert_eq!(logs.knows_own(&mid(1)), Some(LeafNumber { inst_no: 0, generation: 5 }));
    // A slot to an older leaf is a downgrade: the caller is told what was known before.
    let rekey = pen.write(pen.rekey(&world, &[]));
    let Inserted::Appended(new) = give(&mut logs, &world, &rekey) else { panic!("not taken") };
    assert_eq!(new.knew_own, Some(LeafNumber { inst_no: 0, generation: 5 }));
    assert_eq!(logs.knows_own(&mid(1)), Some(LeafNumber { inst_no: 0, generation: 5 }));
}
