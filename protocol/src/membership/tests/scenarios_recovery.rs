//! A founder is lost and somebody takes his place: S58–S66.

use super::cast::*;

/// A founds and is lost; B is named in his place. Without recovery keys that was S30.
#[test]
fn s58_seats_of_a_lost_founder_go_to_whoever_is_named() {
    let (mut town, mut cast, keepers) = recoverable();
    town.seat(&cast.a, &mut cast.m, 8);
    let before = town.log.roster().seated().count();
    town.depose(&mut cast.b, &keepers, None);
    assert_eq!(town.log.standing(&cast.b.mid), cast.b.office);
    assert_eq!(town.log.standing(&cast.a.mid), None, "the founder's office ended");
    assert!(town.is_in(&cast.a) && town.is_keyed(&cast.a), "he keeps his seat as a plain member");
    assert_eq!(town.log.roster().seated().count(), before, "nobody lost a seat");
    assert_eq!(town.custody(9), cast.a.office);
    assert_eq!(town.log.custodian(SeatNumber(9)), cast.b.office);
    town.reclaim(&cast.b, &[9, 10, 11], None);
    assert_eq!((town.custody(9), town.custody(11)), (cast.b.office, cast.b.office));
    town.seat(&cast.b, &mut cast.n, 9);
    assert!(town.is_keyed(&cast.n));
    town.remove(&cast.b, &cast.m, cast.m.mid.into());
    town.reclaim(&cast.b, &[8], None);
    assert_eq!(town.custody(8), cast.b.office);
    check_past_of_heads(&town);
}

#[test]
fn s59_what_the_founder_did_beyond_the_pin_is_void_and_before_it_stays() {
    let (mut town, mut cast, keepers) = recoverable();
    town.seat(&cast.a, &mut cast.m, 8);
    let (mut left, mut right) = (town.split(), town.split());
    left.seat(&cast.a, &mut cast.n, 9);
    left.promote(&cast.a, &mut cast.n);
    right.depose(&mut cast.b, &keepers, None);
    heal(&mut left, &mut right);
    assert!(left.is_in(&cast.m) && !left.is_in(&cast.n));
    assert_eq!(left.log.why_unseated(&cast.n.mid), Some(Unseated::IssuerGone));
    assert_eq!(left.log.standing(&cast.n.mid), None);
    assert_eq!(left.log.standing(&cast.c.mid), cast.c.office, "C was promoted before the pin");
    left.confirm(&cast.b, cast.n.mid);
    assert!(left.is_in(&cast.n), "the successor may take him in again");
}

/// The founder's device was stolen: the thief demotes, removes, bans and seats accomplices.
#[test]
fn s60_a_pin_before_the_theft_undoes_all_that_the_thief_did() {
    let (mut town, mut cast, keepers) = recoverable();
    town.seat(&cast.a, &mut cast.x, 8);
    let good = town.log.tip(&cast.a.mid).unwrap();
    let mut safe = town.split();
    town.remove_and_ban(&cast.a, &cast.b, town.tip(&cast.b));
    town.demote(&cast.a, &cast.c, cast.c.mid.into());
    town.seat(&cast.a, &mut cast.y, 9);
    assert!(!town.is_in(&cast.b) && town.is_in(&cast.y));
    safe.depose(&mut cast.b, &keepers, Some(good));
    heal(&mut town, &mut safe);
    assert!(town.is_in(&cast.b) && town.is_in(&cast.x) && !town.is_in(&cast.y));
    assert_eq!(town.log.standing(&cast.c.mid), cast.c.office);
    town.remove_and_ban(&cast.b, &cast.a, town.tip(&cast.a));
    assert!(!town.is_in(&cast.a));
    town.reclaim(&cast.b, &[0], None);
    assert_eq!(town.custody(0), cast.b.office, "the thief's own seat too");
    check_past_of_heads(&town);
}

/// S29, and then: the group was frozen, not lost.
#[test]
fn s61_a_frozen_group_gets_an_organiser_again() {
    let (mut town, mut cast, keepers) = recoverable();
    town.seat(&cast.b, &mut cast.m, 4);
    town.leave(&cast.a, &[]);
    town.leave(&cast.b, &[]);
    town.leave(&cast.c, &[]);
    town.leave(&cast.d, &[]);
    assert!(town.log.roster().frozen());
    town.depose(&mut cast.m, &keepers, None);
    assert!(!town.log.roster().frozen());
    town.reclaim(&cast.m, &[0, 1, 2, 9], None);
    town.seat(&cast.m, &mut cast.n, 1);
    assert!(town.is_keyed(&cast.n));
}

#[test]
fn s62_of_two_who_are_named_at_once_one_stands_everywhere() {
    let (town, mut cast, keepers) = recoverable();
    let (mut left, mut right) = (town.split(), town.split());
    let (at_b, at_c) = (left.depose(&mut cast.b, &keepers, None), right.depose(&mut cast.c, &keepers, None));
    left.reclaim(&cast.b, &[8, 9], None);
    left.seat(&cast.b, &mut cast.m, 8);
    right.reclaim(&cast.c, &[8, 9], None);
    right.seat(&cast.c, &mut cast.n, 8);
    heal(&mut left, &mut right);
    let name = |who: &Person| town.log.succession(&who.mid, None).unwrap().certificate.id();
    let b_first = name(&cast.b) < name(&cast.c);
    let ((first, seated), (second, lost)) =
        if b_first { ((at_b, &cast.m), (at_c, &cast.n)) } else { ((at_c, &cast.n), (at_b, &cast.m)) };
    assert_eq!(left.log.top_office().0, first);
    assert!(left.is_in(seated) && !left.is_in(lost));
    let other = left.log.holder(&second).unwrap();
    assert_ne!(left.log.standing(&other), Some(second), "the other one keeps what he had, and no more");
    assert!(left.log.standing(&other).is_some());
    // That the keepers said two things is kept and shown (MB-V8).
    let rivalry = Rivalry { office: town.log.gid().into(), first, second };
    assert_eq!((left.log.faults().rivalries, right.log.faults().rivalries), (vec![rivalry], vec![rivalry]));
    assert_eq!(town.log.faults().rivalries, []);
    // Whoever keeps the keys can still have their way.
    let loser = if b_first { &mut cast.c } else { &mut cast.b };
    left.depose(loser, &keepers, None);
    assert_eq!(left.log.top_office().1, loser.mid);
    assert_eq!(left.log.faults().rivalries, [rivalry], "about another office: no rivalry");
    check_past_of_heads(&left);
}

#[test]
fn s63_a_successor_can_be_lost_too_and_the_founder_come_back() {
    let (mut town, mut cast, keepers) = recoverable();
    town.depose(&mut cast.b, &keepers, None);
    town.reclaim(&cast.b, &[8, 9, 10, 11], None);
    town.seat(&cast.b, &mut cast.m, 8);
    town.promote(&cast.b, &mut cast.m);
    let first = cast.b.office.unwrap();
    town.depose(&mut cast.m, &keepers, None);
    assert_eq!(town.log.top_office(), (cast.m.office.unwrap(), cast.m.mid));
    assert_ne!(town.log.standing(&cast.b.mid), Some(first));
    town.reclaim(&cast.m, &[9], None);
    assert_eq!(town.custody(9), cast.m.office);
    town.depose(&mut cast.a, &keepers, None);
    assert_eq!(town.log.top_office(), (cast.a.office.unwrap(), cast.a.mid));
    assert!(town.is_in(&cast.m));
    town.reclaim(&cast.a, &[10], None);
    assert_eq!(town.custody(10), cast.a.office);
    check_past_of_heads(&town);
}

#[test]
fn s64_who_came_by_the_founders_link_waits_for_the_successor() {
    let (mut town, mut cast, keepers) = recoverable();
    let link = link(&mut town, &cast.a, &[8, 9]);
    town.join(&mut cast.m, &link, 0);
    assert!(town.is_keyed(&cast.m));
    town.depose(&mut cast.b, &keepers, None);
    assert!(!town.is_in(&cast.m), "a link of who stands no more seats nobody");
    town.confirm(&cast.b, cast.m.mid);
    assert!(town.is_keyed(&cast.m));
    town.join(&mut cast.n, &link, 1);
    assert!(!town.is_in(&cast.n));
}

#[test]
fn s65_an_old_word_of_the_keepers_brings_nobody_back() {
    let (mut town, mut cast, keepers) = recoverable();
    let body = town.succession(&cast.b, &keepers, None).unwrap();
    let first = town.depose(&mut cast.b, &keepers, None);
    let bytes = town.log.operation(&first).unwrap().bytes().to_vec();
    town.depose(&mut cast.c, &keepers, None);
    let top = town.log.top_office();
    assert_eq!(town.log.admit(&bytes), Admission::Duplicate(first));
    let again = town.write(&cast.b, body);
    assert_eq!(town.log.top_office(), top);
    assert!(town.log.standing_offices().all(|(office, _)| office != first && office != again));
    // Before, C was one of two admins; what B does under the old word is nothing.
    let mut b = cast.b.clone();
    b.office = Some(again);
    town.reclaim(&b, &[8], None);
    assert_eq!(town.custody(8), cast.a.office);
}

/// The founder left to an heir; later others named somebody.
#[test]
fn s66_a_successor_comes_before_heirs_and_moves_nobody_whom_they_seated() {
    let (mut town, mut cast, keepers) = recoverable();
    let leave = town.leave(&cast.a, &[cast.b.office.unwrap()]);
    town.reclaim(&cast.b, &[8, 9], Some(leave));
    town.seat(&cast.b, &mut cast.m, 8);
    town.depose(&mut cast.c, &keepers, None);
    assert!(town.is_in(&cast.m));
    assert_eq!(town.log.custodian(SeatNumber(10)), cast.c.office);
    let mut right = town.split();
    town.reclaim(&cast.c, &[10], None);
    right.reclaim(&cast.b, &[10], Some(leave));
    heal(&mut town, &mut right);
    assert_eq!(town.custody(10), cast.c.office);
    assert!(town.is_in(&cast.m));
    assert_eq!(town.custody(9), cast.b.office);
}

listed![
    s58_seats_of_a_lost_founder_go_to_whoever_is_named,
    s59_what_the_founder_did_beyond_the_pin_is_void_and_before_it_stays,
    s60_a_pin_before_the_theft_undoes_all_that_the_thief_did,
    s61_a_frozen_group_gets_an_organiser_again,
    s62_of_two_who_are_named_at_once_one_stands_everywhere,
    s63_a_successor_can_be_lost_too_and_the_founder_come_back,
    s64_who_came_by_the_founders_link_waits_for_the_successor,
    s65_an_old_word_of_the_keepers_brings_nobody_back,
    s66_a_successor_comes_before_heirs_and_moves_nobody_whom_they_seated,
];
