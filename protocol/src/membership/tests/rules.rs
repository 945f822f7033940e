//! Rules that no numbered scenario shows by itself: who comes before whom, who passes what on, what is cited.

use super::cast::*;
use crate::crypto::{Field, Label, hash};
use crate::limits::{BRANCHES_MAX, DEPS_MAX};

#[test]
fn mb_s03_of_two_seniors_the_most_senior_takes_the_seat() {
    let (mut town, cast) = opening();
    town.transfer(&cast.b, &[4], cast.d.office.unwrap());
    for by_b_first in [true, false] {
        let (mut left, mut right) = (town.split(), town.split());
        left.reclaim(&cast.a, &[4], None);
        right.reclaim(&cast.b, &[4], None);
        if by_b_first {
            heal(&mut right, &mut left)
        } else {
            heal(&mut left, &mut right)
        }
        assert_eq!(left.custody(4), cast.a.office);
    }
}

#[test]
fn mb_s03_only_the_custodian_transfers_and_it_reclaims_nothing() {
    let (mut town, cast) = opening();
    let out = town.out(4);
    town.write(&cast.a, Body::Transfer { pairs: town.pairs(&[4]), to: cast.c.office.unwrap() });
    assert_eq!((town.custody(4), town.out(4)), (cast.b.office, out), "a senior takes back, and doesn't give on");
    town.reclaim(&cast.b, &[4], None);
    assert_eq!((town.custody(4), town.out(4)), (cast.b.office, out), "what is one's own isn't reclaimed");
}

#[test]
fn mb_s03_a_transfer_to_an_office_that_never_was_is_no_claim() {
    let (mut town, cast) = opening();
    let out = town.out(6);
    town.transfer(&cast.c, &[6], cast.d.office.unwrap());
    assert_eq!(town.custody(6), cast.d.office);
    // With B's pin before the promotion D was never an admin.
    town.demote(&cast.a, &cast.b, cast.b.mid.into());
    assert_eq!((town.custody(6), town.out(6)), (cast.c.office, out));
}

#[test]
fn mb_s04_a_leave_gives_away_only_what_its_author_had() {
    let (mut town, cast) = opening();
    let leave = town.leave(&cast.b, &[cast.c.office.unwrap()]);
    town.reclaim(&cast.c, &[8], Some(leave));
    assert_eq!(town.custody(8), cast.a.office);
    town.reclaim(&cast.c, &[4], Some(leave));
    assert_eq!(town.custody(4), cast.c.office);
}

#[test]
fn mb_s04_an_heir_whose_office_never_was_passes_nothing_on() {
    let (mut town, cast) = opening();
    town.demote(&cast.a, &cast.b, cast.b.mid.into());
    town.leave(&cast.a, &[cast.d.office.unwrap()]);
    let leave = town.leave(&cast.d, &[cast.c.office.unwrap()]);
    town.reclaim(&cast.c, &[8], Some(leave));
    assert_eq!(town.custody(8), cast.a.office);
}

#[test]
fn mb_f03_a_senior_who_knows_the_demotion_but_not_the_promotion_removes_nobody() {
    let (mut town, mut cast) = opening();
    town.seat(&cast.a, &mut cast.x, 8);
    town.promote(&cast.a, &mut cast.x);
    let tip = town.tip(&cast.x);
    let demote = town.demote(&cast.a, &cast.x, tip);
    let blow = |seen| Body::Remove { blow: Blow { target: cast.x.mid, pin: tip, seen }, cuts: vec![], ban: false };
    town.write(&cast.b, blow(vec![demote]));
    assert!(town.is_in(&cast.x));
    town.write(&cast.b, blow(vec![cast.x.office.unwrap()]));
    assert!(!town.is_in(&cast.x));
}

#[test]
fn mb_f02_several_pins_meet_in_whatever_order_of_seniority() {
    let (mut town, mut cast) = opening();
    town.transfer(&cast.b, &[4, 5], cast.d.office.unwrap());
    town.seat(&cast.d, &mut cast.x, 4);
    let early = town.tip(&cast.d);
    town.seat(&cast.d, &mut cast.y, 5);
    let late = town.tip(&cast.d);
    let (mut left, mut right) = (town.split(), town.split());
    left.remove(&cast.a, &cast.d, early);
    right.remove(&cast.c, &cast.d, late);
    heal(&mut left, &mut right);
    assert!(left.is_keyed(&cast.x) && !left.is_in(&cast.y));
}

#[test]
fn mb_f05_a_ban_falls_on_every_membership_of_the_key_and_on_no_other() {
    let (mut town, mut cast) = opening();
    town.seat(&cast.a, &mut cast.x, 8);
    let old = cast.x.clone();
    let mut again = cast.x.clone();
    town.seat(&cast.b, &mut again, 4);
    town.seat(&cast.a, &mut cast.y, 9);
    town.remove_and_ban(&cast.a, &old, old.mid.into());
    assert!(!town.is_in(&old) && !town.is_in(&again) && town.is_in(&cast.y));
    let link = link(&mut town, &cast.c, &[6]);
    let mut third = cast.x.clone();
    town.join(&mut third, &link, 0);
    assert!(!town.is_in(&third), "a bare Join of a banned key takes no seat");
    assert_eq!(town.out(6), link.grant.tickets[0].out, "and consumes nothing");
}

/// C confirms on `bump(out)` of B's two void Bumps, neither of which its own operations rest on.
#[test]
fn mb_s02_the_bump_that_shows_a_form_is_cited_and_is_the_same_one_everywhere() {
    let (town, mut cast) = opening();
    let pin = town.tip(&cast.b);
    let pairs = town.pairs(&[6]);
    let bumps: Vec<SignedOperation> = [1, 2]
        .map(|clock_ms| {
            let mut side = town.split();
            side.clock_ms = clock_ms;
            side.forge(&cast.b, pin, &[], Body::Bump { pairs: pairs.clone() })
        })
        .into();
    let mut sides = Vec::new();
    for order in [[0, 1], [1, 0]] {
        let mut side = town.split();
        order.iter().for_each(|&at| drop(side.log.admit(bumps[at].bytes())));
        let link = side.link_for(&cast.c, &[(SeatNumber(6), outputs::bump(&pairs[0].1))], &Says::default());
        let join = side.forge_join(&cast.n, &link, 0, &[cast.c.office.unwrap()]);
        side.log.admit(join.bytes());
        cast.n.mid = join.id().into();
        side.write_after(&cast.c, town.tip(&cast.c), &[join.id()], Body::Confirm { join: join.id() });
        let blow = Blow { target: cast.b.mid, pin, seen: vec![cast.b.office.unwrap()] };
        side.write_after(&cast.a, town.tip(&cast.a), &blow.seen.clone(), Body::Demote(blow));
        assert!(side.is_keyed(&cast.n));
        check_past_of_heads(&side);
        sides.push(side);
    }
    let [left, right] = sides.as_mut_slice() else { unreachable!("two") };
    heal(left, right);
    let least = bumps.iter().map(SignedOperation::id).min().unwrap();
    assert!(left.log.citable_heads().as_slice().contains(&least));
}

/// Of each link only one is gone, so it is not worn; the third Join alone makes the output wait.
#[test]
fn mb_v10_the_third_join_makes_an_output_wait_although_two_have_left() {
    let (mut town, mut cast) = opening();
    let (first, second) = (link(&mut town, &cast.b, &[4]), link(&mut town, &cast.b, &[4]));
    let out = town.out(4);
    cast.n = with_tie("n", out, &cast.m, Ordering::Greater);
    cast.y = with_tie("y", out, &cast.m, Ordering::Greater);
    town.join(&mut cast.m, &first, 0);
    town.join(&mut cast.n, &second, 0);
    town.leave(&cast.n, &[]);
    assert!(town.is_keyed(&cast.m), "one withdrawal is forgiven");
    town.join(&mut cast.y, &first, 0);
    town.leave(&cast.y, &[]);
    assert_eq!(town.log.roster().person(&cast.m.mid).unwrap().awaits, Some(Awaits::Contest));
}

#[test]
fn mb_l03_the_fifth_leave_of_a_chain_waits_outside_the_fold() {
    let (mut town, mut cast) = opening();
    town.seat(&cast.a, &mut cast.x, 8);
    for n in 0..=BRANCHES_MAX {
        town.clock_ms = 10 + u64::try_from(n).unwrap();
        let leave = town.forge(&cast.x, cast.x.mid.into(), &[], Body::Leave { heirs: vec![], cuts: vec![] });
        let verdict = town.log.admit(leave.bytes());
        let in_the_log = matches!(verdict, Admission::Admitted(_));
        assert_eq!(in_the_log, n < BRANCHES_MAX, "{n}: {verdict:?}");
    }
}

#[test]
fn at_119_mb_l04_beyond_sixty_four_joins_on_an_output_further_ones_wait() {
    let (mut town, cast) = opening();
    crate::testing::check_signatures(crate::testing::Checking::Once);
    let link = link(&mut town, &cast.b, &[4]);
    let out = town.out(4);
    let mut people: Vec<Person> = (0..66).map(|n| Person::new(&alloc::format!("crowd{n}"))).collect();
    people.sort_by_key(|person| core::cmp::Reverse(outputs::tie(&out, &person.key())));
    let verdicts: Vec<Admission> = people
        .iter()
        .map(|person| {
            let join = town.draft_join(person, &link, 0);
            town.log.admit(join.bytes())
        })
        .collect();
    let admitted = verdicts.iter().filter(|verdict| matches!(verdict, Admission::Admitted(_))).count();
    assert_eq!(admitted, 64);
    assert!(matches!(verdicts[65], Admission::Pooled(_)), "the least tie of all, and yet it waits");
}

#[test]
fn mb_d01_mb_a10_an_operation_rests_on_its_prev_on_what_it_names_and_on_at_most_eight() {
    let (mut town, mut cast) = opening();
    let mut sides: Vec<Town> = (0..10).map(|_| town.split()).collect();
    let links: Vec<Link> = [4, 5].iter().map(|&seat| link(&mut town, &cast.b, &[seat])).collect();
    for (n, side) in sides.iter_mut().enumerate() {
        side.join(&mut Person::new(&alloc::format!("w{n}")), &links[n % 2], 0);
    }
    sides.iter().for_each(|side| drop(town.merge(side)));
    let inert = link(&mut town, &cast.c, &[4]);
    town.join(&mut cast.x, &inert, 0);
    assert!(town.log.citable_heads().as_slice().len() > 5);
    let prev = town.tip(&cast.b);
    let signed =
        town.log.draft(&cast.b.mid, &cast.b.keys(), Body::Confirm { join: cast.x.mid.into() }, 9, cast.b.office);
    let deps = &signed.operation().deps;
    assert!(deps.len() <= DEPS_MAX && deps.is_sorted());
    assert!(deps.contains(&prev) && deps.contains(&cast.x.mid.into()), "named, and in nobody's past");
    assert!(matches!(town.log.admit(signed.bytes()), Admission::Admitted(_)));
}

#[test]
fn mb_d05_seats_that_nobody_sat_on_are_given_first() {
    let (mut town, mut cast) = opening();
    town.seat(&cast.a, &mut cast.x, 8);
    town.seat(&cast.a, &mut cast.y, 9);
    town.leave(&cast.y, &[]);
    town.leave(&cast.x, &[]);
    let order: Vec<u8> = town.log.free_outputs(&cast.a.office.unwrap()).iter().map(|(seat, _)| seat.0).collect();
    assert_eq!(order, [10, 11, 9, 8], "then the one that is free for longest");
}

#[test]
fn mb_d10_nothing_is_taken_back_from_a_junior_who_stands() {
    let (town, cast) = opening();
    for admin in [&cast.a, &cast.b, &cast.c, &cast.d] {
        assert!(town.log.reclaimable(&admin.office.unwrap()).is_empty());
    }
}

#[test]
fn mb_e04_an_id_covers_body_and_signature() {
    let (town, cast) = opening();
    let signed = town.log.draft(&cast.a.mid, &cast.a.keys(), Body::SetPolicy { sets: vec![] }, 1, cast.a.office);
    assert_eq!(signed.id().0, hash(Label::OpId, &[Field::B(signed.bytes())]).0);
    let forged = town.log.draft(&cast.a.mid, &cast.b.keys(), Body::SetPolicy { sets: vec![] }, 1, cast.a.office);
    assert_ne!(signed.id(), forged.id(), "the same body under another signature is another operation");
}

listed![
    mb_s03_of_two_seniors_the_most_senior_takes_the_seat,
    mb_s03_only_the_custodian_transfers_and_it_reclaims_nothing,
    mb_s03_a_transfer_to_an_office_that_never_was_is_no_claim,
    mb_s04_a_leave_gives_away_only_what_its_author_had,
    mb_s04_an_heir_whose_office_never_was_passes_nothing_on,
    mb_f03_a_senior_who_knows_the_demotion_but_not_the_promotion_removes_nobody,
    mb_f02_several_pins_meet_in_whatever_order_of_seniority,
    mb_f05_a_ban_falls_on_every_membership_of_the_key_and_on_no_other,
    mb_s02_the_bump_that_shows_a_form_is_cited_and_is_the_same_one_everywhere,
    mb_v10_the_third_join_makes_an_output_wait_although_two_have_left,
    mb_l03_the_fifth_leave_of_a_chain_waits_outside_the_fold,
    at_119_mb_l04_beyond_sixty_four_joins_on_an_output_further_ones_wait,
    mb_d01_mb_a10_an_operation_rests_on_its_prev_on_what_it_names_and_on_at_most_eight,
    mb_d05_seats_that_nobody_sat_on_are_given_first,
    mb_d10_nothing_is_taken_back_from_a_junior_who_stands,
    mb_e04_an_id_covers_body_and_signature,
];
