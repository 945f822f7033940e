//! Long partitions and what lies under a seat: S18, S37, S38, S40, S53.

use super::cast::*;
use crate::testing::histories::{History, Manners};
use alloc::collections::BTreeSet;

#[test]
fn s18_a_seat_is_given_on_while_the_other_side_still_shows_its_last_holder() {
    let (mut town, mut cast) = opening();
    town.seat(&cast.a, &mut cast.x, 8);
    let mut other = town.split();
    town.remove(&cast.a, &cast.x, cast.x.mid.into());
    town.seat(&cast.a, &mut cast.z, 8);
    assert_eq!((town.sits(8), other.sits(8)), (Some(cast.z.mid), Some(cast.x.mid)));
    assert!(town.count() <= SEATS && other.count() <= SEATS);
    heal(&mut town, &mut other);
    assert_eq!(other.sits(8), Some(cast.z.mid));
    assert!(!other.is_in(&cast.x));
}

#[test]
fn s37_who_sits_after_somebody_never_confirmed_stays_when_the_custodian_goes() {
    for way_round in [false, true] {
        let (mut town, mut cast) = opening();
        let first = link(&mut town, &cast.b, &[4]);
        town.join(&mut cast.m, &first, 0);
        town.leave(&cast.m, &[]);
        assert_eq!(town.out(4), outputs::free(&cast.m.mid));
        if way_round {
            town.bump(&cast.b, &[4]);
            town.transfer(&cast.b, &[4], cast.c.office.unwrap());
            town.seat(&cast.c, &mut cast.n, 4);
        } else {
            town.seat(&cast.b, &mut cast.n, 4);
        }
        let mut other = town.split();
        let pin = town.tip(&cast.b);
        town.remove(&cast.a, &cast.b, pin);
        assert!(town.is_keyed(&cast.n), "whoever acts on a freed seat acknowledges how it became free");
        heal(&mut town, &mut other);
        assert!(town.is_keyed(&cast.n));
    }
}

#[test]
fn s38_a_restored_backup_forks_and_nobody_is_evicted_unless_an_output_was_spent_twice() {
    let (mut town, cast) = opening();
    let mut backup = town.split();
    let mut people: Vec<Person> = ["p", "q", "r", "s"].iter().map(|name| Person::new(name)).collect();
    let [p, q, r, s] = people.as_mut_slice() else { unreachable!("four") };
    town.seat(&cast.a, p, 8);
    town.seat(&cast.a, r, 10);
    backup.seat(&cast.a, q, 9);
    backup.seat(&cast.a, s, 10);
    heal(&mut town, &mut backup);
    assert!(town.is_keyed(p) && town.is_keyed(q), "both branches count");
    assert!(town.is_in(r) != town.is_in(s), "the output that was spent twice has one winner");
    let faults = town.log.faults();
    assert!(faults.forks.iter().any(|fork| fork.mid == cast.a.mid), "the fork is shown");
    assert_eq!(faults.doubles.len(), 1, "and the output that was spent twice");
    assert!(town.is_in(&cast.b) && town.is_in(&cast.c) && town.is_in(&cast.d));
}

#[test]
fn s53_confirmed_after_a_seniors_bump_that_became_void() {
    let (mut town, mut cast) = opening();
    let pin = town.tip(&cast.b);
    town.bump(&cast.b, &[6]);
    assert_eq!(town.custody(6), cast.c.office);
    town.seat(&cast.c, &mut cast.n, 6);
    let mut other = town.split();
    town.demote(&cast.a, &cast.b, pin);
    assert!(town.is_keyed(&cast.n));
    assert!(town.is_in(&cast.b));
    heal(&mut town, &mut other);
    assert!(town.is_keyed(&cast.n));
}

#[test]
fn s40_three_partitions_of_a_thousand_acts_heal_in_every_order_to_the_same() {
    let mut history = History::<8>::new(40, Manners::Honest).unwrap();
    history.run(1_000);
    let mut hashes = BTreeSet::new();
    for order in [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
        let mut into = history.sides[order[0]].split();
        for &from in &order[1..] {
            assert!(into.count() <= 8, "P1");
            into.merge(&history.sides[from]);
        }
        assert!(into.count() <= 8, "P1");
        hashes.insert((into.log.state_hash(), into.log.citable_heads().clone()));
        let operations: Vec<Vec<u8>> = into.log.operations().map(|signed| signed.bytes().to_vec()).collect();
        let again = Membership::<8>::restore(operations).unwrap();
        assert_eq!(again.state_hash(), into.log.state_hash());
        for side in &history.sides {
            super::displaced::check_evictions(&side.log, &into.log, Manners::Honest, 40);
        }
    }
    assert_eq!(hashes.len(), 1, "equal state, whatever order the partitions heal in");
}

listed![
    s18_a_seat_is_given_on_while_the_other_side_still_shows_its_last_holder,
    s37_who_sits_after_somebody_never_confirmed_stays_when_the_custodian_goes,
    s38_a_restored_backup_forks_and_nobody_is_evicted_unless_an_output_was_spent_twice,
    s53_confirmed_after_a_seniors_bump_that_became_void,
    s40_three_partitions_of_a_thousand_acts_heal_in_every_order_to_the_same,
];
