//! The edges of what is decided about keys, each from both sides: found by changing the code and seeing no test fail
//! (`protocol/docs/mutants.md`).

use super::super::deletion::ErasureView;
use super::forge::forged;
use super::trio::records;
use super::*;

const ANA: usize = 0;
const BEN: usize = 1;
const BOTH: [usize; 2] = [ANA, BEN];

/// The same keys in a new life, from the records of the chains alone.
fn in_a_new_life(group: &GroupKeys) -> GroupKeys {
    let values = group.chains.iter().map(|(&rekey, held)| match held.put(rekey) {
        SecretChange::Put { value, .. } => value.to_vec(),
        SecretChange::Erase { .. } => panic!("a chain is put"),
    });
    let values: Vec<Vec<u8>> = values.collect();
    let mut again = GroupKeys::new(GID, group.own, group.inst_no);
    again.restore(values.iter().map(Vec::as_slice), [], []).unwrap();
    again
}

#[test]
fn e_94_the_newest_stamp_of_a_key_says_after_a_start_what_the_clock_showed_last() {
    let mut world = World::new(2);
    world.rekey(ANA, &BOTH);
    let met = world.now.wall_ms;
    let again = in_a_new_life(&world.people[ANA].group);
    assert_eq!(again.aged_ms(Timestamp::new(0, met + 44 * DAY)), met + 44 * DAY, "a step that is believed");
    assert_eq!(again.aged_ms(Timestamp::new(0, met + 90 * DAY)), met, "a step that is doubted");
}

#[test]
fn e_94_a_newer_stamp_elsewhere_counts_too() {
    let mut world = World::new(2);
    world.rekey(ANA, &BOTH);
    let met = world.now.wall_ms;
    let mut again = in_a_new_life(&world.people[ANA].group);
    again.last_stamped(met + 40 * DAY);
    assert_eq!(again.aged_ms(Timestamp::new(0, met + 80 * DAY)), met + 80 * DAY, "40 days since the last stamp");
    again.last_stamped(met - 40 * DAY);
    assert_eq!(again.aged_ms(Timestamp::new(0, met + 40 * DAY)), met + 40 * DAY, "an older stamp takes nothing back");
}

#[test]
fn at_33_e_94_the_day_of_proof_counts_from_the_doubt_on_however_long_the_program_ran_before() {
    let mut world = World::new(1);
    let keys = &mut world.people[ANA].group;
    let (seen, far) = (world.now.wall_ms, world.now.wall_ms + 200 * DAY);
    let at = |mono: u64| Timestamp::new(mono, far + mono);
    keys.last_stamped(seen);
    keys.stamp(at(20 * DAY));
    assert!(keys.aged_ms(at(20 * DAY + DAY - 1)) < seen + 2 * DAY, "a day less a moment");
    assert_eq!(keys.aged_ms(at(21 * DAY)), far + 21 * DAY, "a day");
}

#[test]
fn e_45_whether_a_chain_is_here_is_told_rightly() {
    let mut world = World::new(2);
    let rekey = world.rekey(ANA, &BOTH);
    assert!(!world.people[BEN].group.holds(&rekey.id()));
    world.take_rekey(BEN, &rekey, &BOTH, None);
    assert!(world.people[BEN].group.holds(&rekey.id()));
}

#[test]
fn e_67_of_two_own_chains_in_a_store_the_newer_one_speaks_in_whatever_order_they_come() {
    let mut world = World::new(2);
    world.rekey(ANA, &BOTH);
    let put = |world: &World| {
        let group = &world.people[ANA].group;
        let rekey = world.people[ANA].rekey.unwrap();
        match group.chains[&rekey].put(rekey) {
            SecretChange::Put { value, .. } => value.to_vec(),
            SecretChange::Erase { .. } => panic!("a chain is put"),
        }
    };
    let older = put(&world);
    world.rekey(ANA, &BOTH);
    let newer = put(&world);
    let expected = world.people[ANA].group.own_chain_key();
    for order in [[&older, &newer], [&newer, &older]] {
        let mut again = GroupKeys::new(GID, world.people[ANA].log, 0);
        again.restore(order.map(Vec::as_slice), [], []).unwrap();
        assert_eq!(again.own_chain_key(), expected);
    }
}

#[test]
fn e_72_a_used_up_epoch_is_granted_to_nobody() {
    let mut world = World::new(2);
    world.rekey(ANA, &BOTH);
    let one = &mut world.people[ANA];
    let rekey = one.rekey.unwrap();
    drop(one.group.chains.get_mut(&rekey).unwrap().chain.step_over(999));
    let targets = BTreeMap::from([(MembershipId([9; 32]), one.leaf)]);
    let plan = GrantPlan { reason: GrantReason::Newcomer, targets };
    let built = one.group.build_grant(one.place(), &plan, &one.pair, &mut world.rng);
    assert_eq!(built.err(), Some(BuildError::EpochFull));
}

#[test]
fn e_43_at_24_an_older_installation_is_a_downgrade_and_the_leaf_that_was_shown_is_none() {
    let mut world = World::new(1);
    let group = &mut world.people[ANA].group;
    group.inst_no = 2;
    let to = |inst_no, generation| LeafNumber { inst_no, generation };
    assert_eq!(group.downgrade(to(2, 5), Some(5)), Downgrade::None);
    assert_eq!(group.downgrade(to(2, 4), Some(5)), Downgrade::Shown);
    assert_eq!(group.downgrade(to(1, 9), Some(5)), Downgrade::Shown);
    assert_eq!(group.downgrade(to(1, 0), None), Downgrade::None, "nothing was shown yet");
}

#[test]
fn e_93_a_lost_seat_keeps_its_newest_leaf_although_everybody_knows_it() {
    let mut world = World::new(2);
    let keyed = world.keyed(&BOTH);
    let newest = world.people[BEN].generation;
    let now = world.now;
    let group = &mut world.people[BEN].group;
    let changed = group.erase_when_lost(now);
    assert_eq!(changed.len(), 1);
    let shown = BTreeMap::from([(keyed[0], newest), (keyed[1], newest)]);
    assert_eq!(group.due_erasures(now, &ErasureView { keyed: &keyed, shown: &shown }).len(), 0);
}

#[test]
fn at_14_e_24_two_who_are_left_out_are_named_once_each_and_in_order() {
    let mut world = World::new(5);
    let all = [0, 1, 2, 3, 4];
    let out = BTreeMap::from([(world.mid(3), Why::StaleLeaf), (world.mid(4), Why::Forked)]);
    let rekey = world.rekey_without(ANA, &all, &out);
    assert_eq!(world.take_rekey(BEN, &rekey, &all, None), KeyOutcome::Opened { from: 0 });
    assert_eq!(world.take_rekey(3, &rekey, &all, None), KeyOutcome::Suspended { why: 1 });
    assert_eq!(world.take_rekey(4, &rekey, &all, None), KeyOutcome::Suspended { why: 3 });
    let author = u8::try_from(world.keyed(&all).binary_search(&world.mid(ANA)).unwrap()).unwrap();
    for lie in 0..4 {
        let forged = forged(&world, ANA, &rekey, |entry| {
            let HeadKind::Rekey { suspended, .. } = &mut entry.head.kind else { panic!("a rekey") };
            match lie {
                0 => suspended[1] = suspended[0],
                1 => suspended.reverse(),
                2 => suspended[1].place = 5,
                _ => {
                    suspended[0].place = author;
                    suspended.sort_by_key(|one| one.place);
                }
            }
        });
        assert_eq!(world.take_rekey(2, &forged, &all, None), KeyOutcome::Misfit, "lie {lie}");
    }
}

#[test]
fn e_92_a_page_of_skipped_keys_is_written_into_one_buffer_that_never_grows() {
    let mut world = World::new(2);
    let rekey = world.rekey(ANA, &BOTH);
    world.take_rekey(BEN, &rekey, &BOTH, None);
    let said: Vec<Verified<Entry>> = (0..40).map(|i| world.say(ANA, &i.to_string())).collect();
    for jump in [1, 39] {
        assert!(world.read(BEN, &said[jump], rekey.id()).is_ok());
        let held = &world.people[BEN].group.chains[&rekey.id()];
        let SecretChange::Put { value, .. } = held.put_page(rekey.id(), 0) else { panic!("there are keys on it") };
        // A buffer that grows leaves a copy of what was in it behind, unwiped.
        assert_eq!(value.capacity(), held.skipped.len() * 48 + 64);
    }
}

#[test]
fn e_65_a_page_of_skipped_keys_holds_only_indices_of_its_own_within_an_epoch() {
    let mut world = World::new(2);
    let rekey = world.rekey(ANA, &BOTH);
    world.take_rekey(BEN, &rekey, &BOTH, None);
    let (chains, _, _) = records(&world.people[BEN].group);
    let restored = |page: u16, index: u64| {
        let mut to = crate::wire::Writer::default();
        to.array(4).uint(1_u64).bytes(rekey.id()).uint(page).array(1);
        to.array(3).uint(index).bytes([7; 32]).uint(5_u64);
        let value = to.into_bytes();
        let mut group = GroupKeys::new(GID, world.people[BEN].log, 0);
        group.restore(chains.iter().map(Vec::as_slice), [value.as_slice()], [])
    };
    assert!([(0, 511), (1, 512), (1, 999)].into_iter().all(|(page, index)| restored(page, index).is_ok()));
    for (page, index) in [(1, 511), (0, 512), (0, 1_000), (1, 1_000), (2, 1_024)] {
        assert_eq!(restored(page, index), Err(DecodeError::OutOfRange), "page {page}, index {index}");
    }
}

#[test]
fn e_09_a_new_installation_seals_nothing_under_the_chain_of_before_and_goes_on_reading_others() {
    let mut world = World::new(2);
    let own = world.rekey(ANA, &BOTH);
    let bens = world.rekey(BEN, &BOTH);
    world.take_rekey(ANA, &bens, &BOTH, None);
    let late = world.say(BEN, "on its way");
    let (now, mid, place) = (world.now, world.mid(ANA), world.people[ANA].place());
    let ana = &mut world.people[ANA];
    assert!(ana.group.can_seal());
    ana.group.silence();
    assert!(!ana.group.can_seal());
    let sealed = ana.group.seal(place, &content("words"), &ana.pair, &mut world.rng);
    assert_eq!(sealed.err(), Some(BuildError::NoEpoch));
    let leaves = ana.group.leaves.len();
    let changes = ana.group.succeed(now, LogId { mid, inst: Instance([0xaa; 16]) }, 1);
    let erased = changes.iter().filter(|change| matches!(change, SecretChange::Erase { .. })).count();
    assert_eq!((erased, ana.group.leaves.len()), (leaves, 0), "what is sealed to the old leaf opens no more");
    assert!(!ana.group.can_seal());
    assert!(ana.group.chains[&own.id()].replaced.is_some(), "the own chain of before ends");
    assert!(ana.group.chains[&bens.id()].replaced.is_none(), "that of another doesn't");
    assert_eq!(world.read(ANA, &late, bens.id()), Ok("on its way".to_string()));
}
