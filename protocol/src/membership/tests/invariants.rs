//! P1–P24 over random histories in small worlds, honest and hostile; every history has its seed in the failure.

use super::cast::*;
use crate::membership::fold::Fold;
use crate::testing::histories::{Dice, History, Manners};
use alloc::collections::BTreeSet;

const WORLD: usize = 6;
type World = Membership<WORLD>;

fn history(seed: u64, manners: Manners, steps: usize) -> History<WORLD> {
    let mut history = History::<WORLD>::new(seed, manners).unwrap();
    history.run(steps);
    history
}

fn fold(operations: &[Vec<u8>]) -> World {
    Membership::restore(operations.to_vec()).unwrap()
}

fn offered(operations: &[Vec<u8>]) -> World {
    let genesis = operations
        .iter()
        .find_map(|bytes| SignedOperation::decode(bytes).ok().filter(|op| op.operation().gid.is_none()));
    let mut log = World::found(&genesis.unwrap()).unwrap();
    log.admit_batch(operations.iter().map(Vec::as_slice));
    log
}

fn many(manners: Manners, seeds: core::ops::Range<u64>, steps: usize, check: impl Fn(u64, Vec<Vec<u8>>)) {
    for seed in seeds {
        check(seed, history(seed, manners, steps).operations());
    }
}

/// Seats taken in the canonical state, each by somebody else.
fn occupied(log: &World) -> usize {
    let state = log.state();
    assert_eq!(state.seats.len(), WORLD);
    let taken: Vec<MembershipId> = state
        .seats
        .iter()
        .filter_map(|seat| if let SeatState::Occupied { mid, .. } = seat { Some(*mid) } else { None })
        .collect();
    assert_eq!(taken.iter().collect::<BTreeSet<_>>().len(), taken.len(), "nobody sits twice by one Join");
    taken.len()
}

#[test]
fn p01_never_more_members_than_seats_whatever_part_of_a_history_is_known() {
    many(Manners::Hostile, 0..25, 60, |seed, operations| {
        let mut dice = Dice::new(seed);
        for _ in 0..4 {
            let mut log = World::found(&SignedOperation::decode(&operations[0]).unwrap()).unwrap();
            for bytes in &operations[1..] {
                let mut bytes = bytes.clone();
                match dice.below(8) {
                    0 | 1 => continue,
                    2 => {
                        let at = dice.below(bytes.len());
                        bytes[at] ^= 1 << dice.below(8);
                    }
                    3 => bytes.truncate(dice.below(bytes.len())),
                    _ => {}
                }
                log.admit(&bytes);
            }
            assert!(occupied(&log) <= WORLD, "seed {seed}");
            assert!(log.roster().seated().count() <= WORLD, "seed {seed}");
        }
    });
}

#[test]
fn p02_p05_the_order_of_arrival_changes_nothing() {
    many(Manners::Hostile, 100..140, 60, |seed, mut operations| {
        let straight = offered(&operations);
        let mut dice = Dice::new(seed);
        let genesis = operations.remove(0);
        dice.shuffle(&mut operations);
        operations.extend(operations.first().cloned());
        operations.insert(0, genesis);
        let shuffled = offered(&operations);
        assert_eq!(straight.state(), shuffled.state(), "seed {seed}");
        assert_eq!(straight.citable_heads(), shuffled.citable_heads(), "seed {seed}");
        assert_eq!(straight.roster(), shuffled.roster(), "seed {seed}");
        assert_eq!(straight.void(), shuffled.void(), "seed {seed}");
    });
}

#[test]
fn p03_mb_n01_mb_n03_incremental_equals_batch_after_every_operation() {
    many(Manners::Hostile, 200..215, 60, |seed, operations| {
        let mut log = offered(&operations[..1]);
        for bytes in &operations[1..] {
            log.admit(bytes);
            let (graph, scope) = (&log.log.graph, log.log.pool.scope());
            let again = Fold::<WORLD>::batch(graph, scope);
            assert!(log.log.fold == again, "seed {seed}");
            assert_eq!(*log.citable_heads(), heads::sweep(graph, &again, scope), "seed {seed}");
        }
        assert_eq!(log.len(), operations.len());
    });
}

#[test]
fn p04_after_full_exchange_all_sides_agree() {
    for seed in 300..330 {
        for manners in [Manners::Honest, Manners::Hostile] {
            let mut history = history(seed, manners, 60);
            history.heal();
            let first = &history.sides[0].log;
            for side in &history.sides {
                assert_eq!(side.log.state(), first.state(), "seed {seed}");
                assert_eq!(side.log.citable_heads(), first.citable_heads(), "seed {seed}");
            }
        }
    }
}

#[test]
fn p06_p07_without_removals_nobody_is_evicted_and_the_union_fits() {
    for seed in 400..425 {
        let mut history = history(seed, Manners::Gentle, 50);
        let seated = |log: &World| log.roster().seated().map(|person| person.mid).collect::<BTreeSet<_>>();
        let views: Vec<BTreeSet<MembershipId>> = history.sides.iter().map(|side| seated(&side.log)).collect();
        let union: BTreeSet<MembershipId> = views.iter().flatten().copied().collect();
        history.heal();
        assert!(union.len() <= WORLD, "seed {seed}");
        assert!(union.is_subset(&seated(&history.sides[0].log)), "seed {seed}");
    }
}

#[test]
fn p10_the_founders_office_stands_unless_he_leaves() {
    many(Manners::Hostile, 500..520, 60, |seed, operations| {
        let log = offered(&operations);
        let founder = log.gid().into();
        let left = log.departure(&founder).is_some_and(|how| how.left);
        assert!(left || log.standing(&founder) == Some(log.gid().into()), "seed {seed}");
        assert_eq!(log.state().frozen, log.standing_offices().next().is_none(), "P21, seed {seed}");
    });
}

/// Without operations that nothing honoured rests on, all stays the same.
#[test]
fn p11_void_operations_are_inert() {
    many(Manners::Hostile, 600..640, 60, |seed, operations| {
        let whole = fold(&operations);
        let cited: BTreeSet<OperationId> = whole.past_of(whole.citable_heads()).into_iter().collect();
        let void: Vec<OperationId> = whole.void().into_iter().filter(|id| !cited.contains(id)).collect();
        for id in void.iter().take(6) {
            let mut gone = BTreeSet::from([*id]);
            let kept: Vec<Vec<u8>> = operations
                .iter()
                .filter(|bytes| {
                    let signed = SignedOperation::decode(bytes).unwrap();
                    let rests =
                        gone.contains(&signed.id()) || signed.operation().names().iter().any(|n| gone.contains(n));
                    if rests {
                        gone.insert(signed.id());
                    }
                    !rests
                })
                .cloned()
                .collect();
            if gone.iter().any(|id| cited.contains(id)) {
                continue;
            }
            let without = fold(&kept);
            assert_eq!(without.state(), whole.state(), "seed {seed}");
            assert_eq!(without.roster(), whole.roster(), "seed {seed}");
        }
    });
}

#[test]
fn p13_outputs_on_a_path_are_distinct() {
    many(Manners::Hostile, 700..715, 60, |seed, operations| {
        let log = fold(&operations);
        for walk in log.log.fold.walks.iter() {
            let outs: BTreeSet<Output> = walk.steps.iter().map(|step| step.out).collect();
            assert_eq!(outs.len(), walk.steps.len(), "seed {seed}");
        }
    });
}

/// The past of the citable heads, and anything between it and the whole, folds to the same.
#[test]
fn p23_the_past_of_the_citable_heads_decides_all() {
    for (manners, seeds) in [(Manners::Hostile, 800..900), (Manners::Honest, 900..930)] {
        many(manners, seeds, 60, |seed, operations| {
            let whole = fold(&operations);
            let cited: BTreeSet<OperationId> = whole.past_of(whole.citable_heads()).into_iter().collect();
            let mut dice = Dice::new(seed);
            for chance in [0, 1, 2] {
                let mut kept_ids = BTreeSet::new();
                let kept: Vec<Vec<u8>> = operations
                    .iter()
                    .filter(|bytes| {
                        let signed = SignedOperation::decode(bytes).unwrap();
                        let closed = signed.operation().names().iter().all(|name| kept_ids.contains(name));
                        let keep = cited.contains(&signed.id()) || (closed && dice.below(3) < chance);
                        if keep {
                            kept_ids.insert(signed.id());
                        }
                        keep
                    })
                    .cloned()
                    .collect();
                let part = fold(&kept);
                assert_eq!(part.state(), whole.state(), "seed {seed}, {manners:?}");
                assert_eq!(part.roster(), whole.roster(), "seed {seed}, {manners:?}");
                assert_eq!(part.citable_heads(), whole.citable_heads(), "seed {seed}, {manners:?}");
            }
        });
    }
}

/// `roster_at` and the current roster agree at the citable heads, and depend on nothing that came later.
#[test]
fn mb_c01_a_roster_at_heads_stays_what_it_was() {
    for seed in 1_000..1_010 {
        let mut history = history(seed, Manners::Hostile, 30);
        let heads = history.sides[0].log.citable_heads().clone();
        let before = history.sides[0].log.share_roster();
        history.run(30);
        history.heal();
        let later = history.sides[0].log.roster_at(&heads).unwrap();
        assert_eq!(*later, *before, "seed {seed}");
    }
}

#[test]
fn at_82_p18_mb_g05_a_rebuild_from_records_keeps_heads_and_state() {
    many(Manners::Hostile, 1_100..1_110, 60, |seed, operations| {
        let log = offered(&operations);
        let records: Vec<Vec<u8>> = log.operations().map(|signed| signed.bytes().to_vec()).collect();
        let again = fold(&records);
        assert_eq!(again.state_hash(), log.state_hash(), "seed {seed}");
        assert_eq!(again.citable_heads(), log.citable_heads(), "seed {seed}");
    });
}

/// Whoever was removed comes back by a new ticket as somebody new; a ban holds until it is lifted.
#[test]
fn p22_old_pins_and_removes_do_not_touch_a_new_membership_but_a_ban_does() {
    let mut seen = (0, 0);
    for seed in 1_200..1_250 {
        let mut history = history(seed, Manners::Honest, 60);
        history.heal();
        let people = history.people.clone();
        let mut side = history.sides.remove(0);
        let founder = &people[0];
        let Some(seat) = side.log.free_outputs(&founder.office.unwrap()).first().map(|(seat, _)| seat.0) else {
            continue;
        };
        let out = people.iter().find(|person| side.log.departure(&person.mid).is_some_and(|how| how.removed));
        let Some(mut person) = out.cloned().filter(|person| !side.is_in(person)) else { continue };
        if side.log.roster().mids_of(&person.key()).next().is_some() {
            continue;
        }
        let removes = |log: &World| -> Vec<OperationId> {
            let bans = log.state().bans;
            bans.into_iter().filter(|(key, _)| *key == person.key()).flat_map(|(_, removes)| removes).collect()
        };
        let banned = side.log.is_banned(&person.key(), &founder.office.unwrap(), &[]);
        let lifts = removes(&side.log);
        side.seat(founder, &mut person, seat);
        assert_eq!(side.is_in(&person), !banned, "seed {seed}");
        if banned {
            seen.1 += 1;
            let Some(seat) = side.log.free_outputs(&founder.office.unwrap()).first().map(|(seat, _)| seat.0) else {
                continue;
            };
            let link =
                side.link(founder, &[seat], &Says { lifts: lifts.into_iter().take(4).collect(), ..Says::default() });
            side.join(&mut person, &link, 0);
            side.confirm(founder, person.mid);
            assert!(side.is_in(&person), "seed {seed}: a ticket of the founder lifts every ban that it names");
        } else {
            seen.0 += 1;
        }
        let known: Vec<Vec<u8>> = side.log.known().map(|signed| signed.bytes().to_vec()).collect();
        let state = side.log.state_hash();
        side.log.admit_batch(known.iter().map(Vec::as_slice));
        assert_eq!(side.log.state_hash(), state, "seed {seed}");
    }
    assert!(seen.0 > 2 && seen.1 > 0, "both kinds were seen: {seen:?}");
}

listed![
    p01_never_more_members_than_seats_whatever_part_of_a_history_is_known,
    p02_p05_the_order_of_arrival_changes_nothing,
    p03_mb_n01_mb_n03_incremental_equals_batch_after_every_operation,
    p04_after_full_exchange_all_sides_agree,
    p06_p07_without_removals_nobody_is_evicted_and_the_union_fits,
    p10_the_founders_office_stands_unless_he_leaves,
    p11_void_operations_are_inert,
    p13_outputs_on_a_path_are_distinct,
    p23_the_past_of_the_citable_heads_decides_all,
    mb_c01_a_roster_at_heads_stays_what_it_was,
    at_82_p18_mb_g05_a_rebuild_from_records_keeps_heads_and_state,
    p22_old_pins_and_removes_do_not_touch_a_new_membership_but_a_ban_does,
];
