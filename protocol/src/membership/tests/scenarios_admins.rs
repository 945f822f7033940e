//! Who ends whom: S11–S15, S19, S21, S27, S31, S33, S42–S45, S49, S50.

use super::cast::*;

#[test]
fn s11_s19_whoever_was_removed_changes_nothing_with_old_deps() {
    let (mut town, mut cast) = opening();
    let link = link(&mut town, &cast.b, &[4]);
    town.join(&mut cast.n, &link, 0);
    let prev = town.tip(&cast.b);
    town.remove(&cast.a, &cast.b, cast.b.mid.into());
    let state = town.log.state_hash();
    let join = cast.n.mid.into();
    let void = town.write_after(&cast.b, cast.b.mid.into(), &[join], Body::Confirm { join });
    let later = town.write_after(&cast.b, prev, &[join], Body::Confirm { join });
    assert!(town.log.void().contains(&later));
    assert!(town.log.void().contains(&void));
    assert_eq!(town.log.state_hash(), state);
}

#[test]
fn s12_s13_the_senior_of_two_who_remove_each_other_stays() {
    let (town, cast) = opening();
    for (senior, junior) in [(&cast.a, &cast.b), (&cast.b, &cast.c)] {
        let (mut left, mut right) = (town.split(), town.split());
        left.remove(senior, junior, town.tip(junior));
        right.remove(junior, senior, town.tip(senior));
        heal(&mut left, &mut right);
        assert!(left.is_in(senior) && !left.is_in(junior));
    }
}

#[test]
fn s14_a_circle_of_removals_has_a_top() {
    let (town, cast) = opening();
    for c_first in [true, false] {
        let (mut one, mut two, mut three) = (town.split(), town.split(), town.split());
        let at_c = two.remove(&cast.c, &cast.d, town.tip(&cast.d));
        let pin = if c_first { at_c } else { town.tip(&cast.c) };
        if c_first {
            one.merge(&two);
        }
        one.remove(&cast.b, &cast.c, pin);
        three.remove(&cast.d, &cast.b, town.tip(&cast.b));
        one.merge(&two);
        heal(&mut one, &mut three);
        assert!(one.is_in(&cast.b) && !one.is_in(&cast.c));
        assert_eq!(one.is_in(&cast.d), !c_first);
    }
}

#[test]
fn s15_offices_below_a_pinned_promotion_never_were() {
    let (mut town, mut cast) = opening();
    town.seat(&cast.b, &mut cast.x, 4);
    let pin = cast.b.mid.into();
    town.promote(&cast.d, &mut cast.x);
    assert!(town.log.standing(&cast.x.mid).is_some());
    town.demote(&cast.a, &cast.b, pin);
    assert_eq!(town.log.standing(&cast.d.mid), None);
    assert_eq!(town.log.standing(&cast.x.mid), None);
    assert!(town.is_in(&cast.d), "a seat given by A holds");
    assert!(town.is_in(&cast.b), "a Demote touches no seat");
    assert!(!town.is_in(&cast.x), "the seat that B gave after the pin is gone");
}

#[test]
fn s21_a_ban_follows_the_key_until_somebody_not_junior_lifts_it() {
    let (mut town, mut cast) = opening();
    town.seat(&cast.a, &mut cast.x, 8);
    let mut other = town.split();
    let ban = town.remove_and_ban(&cast.a, &cast.x, cast.x.mid.into());
    let mut again = cast.x.clone();
    other.seat(&cast.b, &mut again, 4);
    heal(&mut town, &mut other);
    assert!(!town.is_in(&again));
    assert_eq!(town.out(4), outputs::free(&again.mid));
    let says = Says { lifts: vec![ban], ..Says::default() };
    let by_b = town.link(&cast.b, &[5], &says);
    let mut third = cast.x.clone();
    town.join(&mut third, &by_b, 0);
    assert!(!town.is_in(&third), "a junior lifts nothing");
    let by_a = town.link(&cast.a, &[9], &says);
    town.join(&mut third, &by_a, 0);
    assert!(town.is_in(&third));
}

#[test]
fn s27_promoted_by_a_senior_while_a_junior_removes() {
    let (mut town, mut cast) = opening();
    town.seat(&cast.a, &mut cast.x, 8);
    let mut other = town.split();
    let plain = cast.x.clone();
    town.promote(&cast.a, &mut cast.x);
    other.remove(&cast.b, &plain, plain.mid.into());
    heal(&mut town, &mut other);
    assert!(town.is_in(&cast.x));
    assert!(town.log.standing(&cast.x.mid).is_some());
}

#[test]
fn s31_one_removal_with_an_early_pin_empties_all_seats_at_once() {
    let (mut town, cast) = opening();
    let pin = town.tip(&cast.b);
    for (seat, name) in [(4, "s1"), (5, "s2")] {
        town.seat(&cast.b, &mut Person::new(name), seat);
    }
    assert_eq!(town.count(), 6);
    town.remove(&cast.a, &cast.b, pin);
    assert_eq!(town.count(), 3);
    town.reclaim(&cast.a, &[4, 5], None);
    assert_eq!((town.custody(4), town.custody(5)), (cast.a.office, cast.a.office));
}

#[test]
fn s33_an_early_leave_on_a_fork_is_healed_by_a_pin() {
    let (mut town, mut cast) = opening();
    town.seat(&cast.b, &mut cast.n, 4);
    let main = town.tip(&cast.b);
    town.write_after(&cast.b, cast.b.mid.into(), &[], Body::Leave { heirs: vec![], cuts: vec![] });
    assert!(!town.is_in(&cast.n), "the Leave voids what B did after it");
    town.remove(&cast.a, &cast.b, main);
    assert!(town.is_in(&cast.n));
    assert!(!town.is_in(&cast.b));
}

#[test]
fn at_78_s42_of_two_pins_the_earlier_holds_in_any_order() {
    let (mut town, mut cast) = opening();
    town.transfer(&cast.b, &[4, 5], cast.d.office.unwrap());
    town.seat(&cast.d, &mut cast.x, 4);
    let early = town.tip(&cast.d);
    town.seat(&cast.d, &mut cast.y, 5);
    let late = town.tip(&cast.d);
    let (mut left, mut right) = (town.split(), town.split());
    left.remove(&cast.a, &cast.d, late);
    assert!(left.is_keyed(&cast.x) && left.is_keyed(&cast.y), "the late pin keeps both");
    right.remove(&cast.c, &cast.d, early);
    assert!(right.is_keyed(&cast.x) && !right.is_in(&cast.y));
    heal(&mut left, &mut right);
    assert!(!left.is_in(&cast.d));
    assert!(left.is_keyed(&cast.x), "what precedes both pins counts");
    assert!(!left.is_in(&cast.y), "what precedes only one doesn't");
    assert!(left.log.void().contains(&late) && !left.log.void().contains(&early));
}

#[test]
fn s43_promoted_again_by_the_same_or_a_senior_only() {
    let (mut town, mut cast) = opening();
    let old = cast.b.office;
    let tip = town.tip(&cast.b);
    town.demote(&cast.a, &cast.b, tip);
    let mut by_c = cast.b.clone();
    town.promote(&cast.c, &mut by_c);
    assert_eq!(town.log.standing(&cast.b.mid), None);
    let new = town.promote(&cast.a, &mut cast.b);
    assert_eq!(town.log.standing(&cast.b.mid), Some(new));
    assert!(town.log.state().offices.iter().any(|office| Some(office.office) == old && !office.standing));
}

#[test]
fn s44_s45_a_former_admin_goes_when_the_demotion_is_cited() {
    let (mut town, cast) = opening();
    let tip = town.tip(&cast.b);
    let demote = town.demote(&cast.a, &cast.b, tip);
    let mut leaver = town.split();
    let plain = Blow { target: cast.b.mid, pin: tip, seen: vec![] };
    town.write(&cast.c, Body::Remove { blow: plain, cuts: vec![], ban: false });
    assert!(town.is_in(&cast.b));
    let citing = Blow { target: cast.b.mid, pin: tip, seen: vec![demote] };
    town.write(&cast.c, Body::Remove { blow: citing, cuts: vec![], ban: false });
    assert!(!town.is_in(&cast.b));
    leaver.leave(&cast.b, &[]);
    assert!(!leaver.is_in(&cast.b));
}

#[test]
fn s49_an_old_membership_is_no_way_to_a_seniors_protege() {
    let (mut town, mut cast) = opening();
    town.seat(&cast.a, &mut cast.x, 8);
    let old = cast.x.clone();
    town.leave(&old, &[]);
    town.seat(&cast.a, &mut cast.x, 9);
    town.promote(&cast.a, &mut cast.x);
    town.remove_and_ban(&cast.d, &old, old.mid.into());
    assert!(town.is_in(&cast.x));
}

#[test]
fn s50_undoing_a_removal_is_shown_before_it_is_signed() {
    let (mut town, mut cast) = opening();
    town.seat(&cast.c, &mut cast.x, 6);
    let pin = town.tip(&cast.b);
    town.remove(&cast.b, &cast.x, cast.x.mid.into());
    town.seat(&cast.c, &mut cast.z, 6);
    let blow = Blow { target: cast.b.mid, pin, seen: vec![cast.b.office.unwrap()] };
    let (_, shown) = town.log.draft_batch(&cast.a.mid, &cast.a.keys(), vec![Body::Demote(blow)], 9, cast.a.office);
    assert!(shown.iter().any(|change| matches!(change, SeatChange::Joined { who, .. } if who.mid == cast.x.mid)));
    assert!(shown.iter().any(|change| matches!(change, SeatChange::SeatLost { who, .. } if who.mid == cast.z.mid)));
}

listed![
    s11_s19_whoever_was_removed_changes_nothing_with_old_deps,
    s12_s13_the_senior_of_two_who_remove_each_other_stays,
    s14_a_circle_of_removals_has_a_top,
    s15_offices_below_a_pinned_promotion_never_were,
    s21_a_ban_follows_the_key_until_somebody_not_junior_lifts_it,
    s27_promoted_by_a_senior_while_a_junior_removes,
    s31_one_removal_with_an_early_pin_empties_all_seats_at_once,
    s33_an_early_leave_on_a_fork_is_healed_by_a_pin,
    at_78_s42_of_two_pins_the_earlier_holds_in_any_order,
    s43_promoted_again_by_the_same_or_a_senior_only,
    s44_s45_a_former_admin_goes_when_the_demotion_is_cited,
    s49_an_old_membership_is_no_way_to_a_seniors_protege,
    s50_undoing_a_removal_is_shown_before_it_is_signed,
];
