//! HOLD: what waits, for what, how much of it, and that the order of arrival decides nothing.

use rand_chacha::ChaCha20Rng;
use rand_core::{Rng, SeedableRng};

use super::*;
use crate::log::pending::{Held, Pending, Proof};

fn shuffle<T>(items: &mut [T], rng: &mut ChaCha20Rng) {
    for last in (1..items.len()).rev() {
        let other = usize::try_from(rng.next_u64() % (u64::try_from(last).unwrap() + 1)).unwrap();
        items.swap(last, other);
    }
}

#[test]
fn e_23_an_unknown_author_waits_and_is_taken_once_the_membership_log_knows_it() {
    let mut world = World::of(3);
    world.strangers.insert(mid(1));
    let (mut logs, mut pen) = (logs(&world), Pen::new(&world, 1, 1));
    let entry = pen.write(pen.leaf(&world, 0));
    let waits = give(&mut logs, &world, &entry);
    assert!(matches!(waits, Inserted::Waiting(Missing::Author(who)) if who == mid(1)));
    assert!(!logs.waiting().next().unwrap().is_proved);
    logs.membership_moved();
    assert!(settle(&mut logs, &world).is_empty(), "nothing has come for it yet");
    world.strangers.clear();
    logs.membership_moved();
    assert_taken(&settle(&mut logs, &world)[0]);
    assert_eq!(logs.waiting().count(), 0);
}

#[test]
fn e_26_a_forgery_in_an_unknown_authors_name_does_not_keep_the_good_entry_out() {
    let mut world = World::of(3);
    world.strangers.insert(mid(1));
    let (mut logs, mut pen) = (logs(&world), Pen::new(&world, 1, 1));
    let entry = pen.write(pen.leaf(&world, 0));
    let mut forged = entry.to_bytes();
    *forged.last_mut().unwrap() ^= 1;
    give_bytes(&mut logs, &world, pen.log, &forged);
    give(&mut logs, &world, &entry);
    give(&mut logs, &world, &entry);
    assert_eq!(logs.waiting().count(), 2);
    world.strangers.clear();
    logs.membership_moved();
    let settled = settle(&mut logs, &world);
    assert_refused(&settled[0], EntryRule::Signature);
    assert_taken(&settled[1]);
}

#[test]
fn e_23_missing_operations_are_named_and_wake_what_waits_for_them() {
    let mut world = World::of(3);
    world.add(2, &[1], Effect::Keyed(3));
    world.unknown.insert(op(2));
    let (mut logs, mut pen) = (logs(&world), Pen::new(&world, 1, 1));
    give_all(&mut logs, &world, &pen.speak(&world, 1));
    pen.heads = heads(&[2]);
    let mut next = pen.message(256);
    next.head.heads = heads(&[2]);
    let next = pen.write(next);
    let after = pen.write(pen.message(256));
    assert!(matches!(give(&mut logs, &world, &after), Inserted::Waiting(Missing::Predecessor { seq: 3, .. })));
    assert!(matches!(give(&mut logs, &world, &next), Inserted::Waiting(Missing::Operations(_))));
    assert_eq!(logs.missing_operations(), BTreeSet::from([op(2)]));
    assert_eq!(logs.missing_entries(), BTreeMap::from([(pen.log, 3)]));
    assert!(logs.waiting().all(|waiting| waiting.is_proved));
    world.unknown.clear();
    logs.membership_moved();
    assert_eq!(settle(&mut logs, &world).len(), 2);
    assert_eq!(logs.state(&pen.log).unwrap().head, after.id());
    assert!(logs.missing_operations().is_empty() && logs.missing_entries().is_empty());
}

#[test]
fn e_27_a_second_copy_of_a_waiting_entry_takes_no_room() {
    let world = World::of(3);
    let (mut logs, mut pen) = (logs(&world), Pen::new(&world, 1, 1));
    let entries = pen.speak(&world, 1);
    for _ in 0..3 {
        assert!(matches!(give(&mut logs, &world, &entries[2]), Inserted::Waiting(_)));
    }
    assert_eq!(logs.waiting().count(), 1);
}

/// Three authors who see operations one after the other, one of them with a second installation.
fn busy() -> (World, Vec<Entry>) {
    let mut world = World::of(4);
    world.add(2, &[1], Effect::Keyed(4));
    world.add(3, &[1], Effect::Gone(3));
    world.add(4, &[2, 3], Effect::Pending(5));
    let mut entries = vec![];
    for (who, inst) in [(1, 1), (2, 2), (1, 7)] {
        let mut pen = Pen::new(&world, who, inst);
        pen.inst_no = u16::from(inst == 7);
        entries.extend(pen.speak(&world, 2));
        pen.heads = heads(&[2]);
        entries.push(pen.write(pen.grant(&[4], 1)));
        entries.push(pen.write(pen.leaf(&world, 1)));
        pen.heads = heads(&[2, 3]);
        entries.push(pen.write(pen.rekey(&world, &[])));
        entries.extend(pen.speak(&world, 2));
        pen.heads = heads(&[4]);
        entries.push(pen.write(pen.envelope(30)));
    }
    (world, entries)
}

#[test]
fn at_02_inv_the_order_of_arrival_changes_neither_what_is_admitted_nor_the_state() {
    let (world, entries) = busy();
    let mut in_order = logs(&world);
    give_all(&mut in_order, &world, &entries);
    assert_eq!(in_order.places.iter().count(), entries.len());
    let expected = picture(&in_order);
    let mut rng = ChaCha20Rng::from_seed([7; 32]);
    for round in 0..30 {
        let mut world = world.clone();
        let (mut logs, mut shuffled) = (logs(&world), entries.clone());
        shuffle(&mut shuffled, &mut rng);
        // Operations and members come late in some rounds.
        world.unknown = if round % 2 == 0 { BTreeSet::from([op(2), op(3)]) } else { BTreeSet::new() };
        world.strangers = if round % 3 == 0 { BTreeSet::from([mid(1)]) } else { BTreeSet::new() };
        for (at, entry) in shuffled.iter().enumerate() {
            if at == entries.len() / 2 {
                world.unknown.clear();
                world.strangers.clear();
                logs.membership_moved();
            }
            give(&mut logs, &world, entry);
            settle(&mut logs, &world);
        }
        assert_eq!(picture(&logs), expected, "round {round}");
        assert_eq!(logs.waiting().count(), 0);
    }
}

#[test]
fn e_67_records_and_ids_bring_back_the_logs_and_they_go_on() {
    let (world, entries) = busy();
    let mut logs = logs(&world);
    give_all(&mut logs, &world, &entries[..20]);
    let mut back = reopened(&logs, &world);
    assert_eq!(picture(&back), picture(&logs));
    give_all(&mut logs, &world, &entries[20..]);
    give_all(&mut back, &world, &entries[20..]);
    assert_eq!(picture(&back), picture(&logs));
    assert_eq!(back.vector(&[]), logs.vector(&[]));
}

#[test]
fn e_67_a_store_that_lost_an_entry_says_which_branch_is_incomplete() {
    let world = World::of(3);
    let (mut logs, mut pen) = (logs(&world), Pen::new(&world, 1, 1));
    let entries = pen.speak(&world, 1);
    give_all(&mut logs, &world, &entries);
    let mut back = Logs::new(world.gid, mid(0));
    assert!(back.restore(logs.record(&pen.log, 0).unwrap()));
    let at = |seq| Place { log: pen.log, branch: 0, seq };
    assert!(!back.restore_entry(at(1), entries[1].id()), "the first is missing");
    assert!(back.restore_entry(at(0), entries[0].id()));
    assert!(!back.restore_entry(at(2), entries[2].id()), "one is left out");
    assert_eq!(back.incomplete().collect::<Vec<_>>(), vec![at(2)]);
}

fn held(world: &World, (who, seq): (usize, u64), giver: u8, bytes: usize) -> Held {
    let mut pen = Pen::new(world, who, 1);
    pen.seq = seq;
    let entry = pen.sign(pen.leaf(world, 1));
    let proof = Proof::Unchecked(crate::crypto::sign::Signed::new(entry));
    Held { proof, need: Missing::Author(mid(who)), giver: Some(MemberKey([giver; 32])), bytes }
}

#[test]
fn at_27_e_76_one_author_has_256_waiting_entries_and_the_oldest_goes_first() {
    let world = World::of(3);
    let mut pool = Pending::default();
    pool.hold(held(&world, (2, 0), 1, 300));
    for seq in 0..257 {
        pool.hold(held(&world, (1, seq), 1, 300));
    }
    assert_eq!(pool.len(), 257);
    let seqs: Vec<(MembershipId, u64)> =
        pool.iter().map(|held| (held.proof.entry().log.mid, held.proof.entry().head.seq)).collect();
    assert_eq!(seqs[0], (mid(2), 0), "another author's stays");
    assert_eq!(seqs[1], (mid(1), 1), "the oldest of the author went");
}

#[test]
fn e_76_one_peer_holds_8_mib_of_the_pool_and_all_together_64() {
    let world = World::of(3);
    let mut pool = Pending::default();
    pool.hold(held(&world, (1, 999), 200, 1 << 20));
    for seq in 0..9 {
        pool.hold(held(&world, (1, seq), 1, 1 << 20));
    }
    assert_eq!(pool.len(), 1 + 8);
    assert_eq!(pool.iter().nth(1).unwrap().proof.entry().head.seq, 1);
    for giver in 2..10 {
        for seq in 0..8 {
            pool.hold(held(&world, (usize::from(giver), seq), giver, 1 << 20));
        }
    }
    assert_eq!(pool.len(), 64);
    assert!(pool.iter().all(|held| held.giver != Some(MemberKey([200; 32]))), "the oldest of all went");
}

#[test]
fn st_14_the_largest_state_of_a_branch_fits_a_stored_value() {
    let world = World::of(3);
    let (mut logs, mut pen) = (logs(&world), Pen::new(&world, 1, 1));
    give_all(&mut logs, &world, &pen.speak(&world, 1));
    let mut record = logs.record(&pen.log, 0).unwrap();
    let far = limits::SEQ_END - 1;
    let leaf = LeafNumber { inst_no: u16::MAX, generation: far };
    record.off = Some(Off { parent: 2, seq: far });
    record.branch = 3;
    record.state.seq = far;
    record.state.heads = heads(&(0..64).collect::<Vec<u8>>());
    record.state.inst_no = u16::MAX;
    record.state.prior = Some(Point { inst: pen.log.inst, seq: far, eid: pen.prev });
    record.state.envelopes = 1_024;
    record.state.knows_own = Some(leaf);
    record.state.leaf.generation = far;
    record.state.used_keys = vec![u64::MAX; limits::LEAF_KEYS_REMEMBERED_MAX];
    let epoch = record.state.epoch.as_mut().unwrap();
    epoch.number = far;
    epoch.audience = (0..99).map(|who| (mid(who), leaf)).collect();
    let bytes = to_bytes(&record);
    assert!(bytes.len() + limits::SEAL_OVERHEAD_BYTES + 64 <= limits::VALUE_BYTES_MAX, "{}", bytes.len());
    assert_eq!(from_bytes(&bytes, limits::VALUE_BYTES_MAX), Ok(record));
}

#[test]
fn at_23_a_hundred_thousand_leaf_entries_of_one_log_leave_a_state_of_the_same_size() {
    let world = World::of(3);
    let (mut logs, mut pen) = (logs(&world), Pen::new(&world, 1, 1));
    give_all(&mut logs, &world, &pen.speak(&world, 0));
    let mut record = logs.record(&pen.log, 0).unwrap();
    // Rules and signatures are other tests' matter: here only what an admitted one leaves behind.
    let mut entry = pen.write(pen.leaf(&world, 1));
    let mut sizes = BTreeSet::new();
    for number in 2..100_002_u64 {
        let mark = sha256(&number.to_be_bytes()).0;
        let HeadKind::Leaf { generation, pk, .. } = &mut entry.head.kind else { panic!("a leaf") };
        (*generation, pk.0, entry.head.seq) = (number, mark, number);
        let step = state::Step { heads: heads(&[1]), knows_own: None, sealed: vec![] };
        record.state = LogState::after(Some(record.state), &entry, step, NOW).unwrap();
        if number > 70_000 && number.is_multiple_of(1_000) {
            sizes.insert(to_bytes(&record).len());
        }
    }
    assert_eq!(sizes.len(), 1, "the state of a log grows with its leaf keys: {sizes:?}");
    assert_eq!(record.state.leaf.generation, 100_001);
}

#[test]
fn at_23_e_24_leaf_keys_are_remembered_up_to_a_bound_oldest_out() {
    let world = World::of(3);
    let (mut logs, mut pen) = (logs(&world), Pen::new(&world, 1, 1));
    give_all(&mut logs, &world, &pen.speak(&world, 0));
    let mut state = logs.state(&pen.log).unwrap().clone();
    let first = Pen::new(&world, 1, 1).pk();
    state.used_keys.resize(limits::LEAF_KEYS_REMEMBERED_MAX, 7);
    assert!(state.used_before(&first));
    let entry = pen.write(pen.leaf(&world, 1));
    let step = state::Step { heads: heads(&[1]), knows_own: None, sealed: vec![] };
    let after = LogState::after(Some(state), &entry, step, NOW).unwrap();
    assert_eq!(after.used_keys.len(), limits::LEAF_KEYS_REMEMBERED_MAX);
    assert!(!after.used_before(&first));
}
