//! Seats, links and contests: S1–S11, S16–S26, S32, S35–S37, S41, S46, S53–S57.

use super::cast::*;

#[test]
fn at_107_s04_mb_v10_one_output_given_to_two_is_contested_until_confirmed() {
    let (mut town, mut cast) = opening();
    let first = link(&mut town, &cast.b, &[4]);
    let second = link(&mut town, &cast.b, &[4]);
    let mut other = town.split();
    town.join(&mut cast.m, &first, 0);
    other.join(&mut cast.n, &second, 0);
    assert!(town.is_keyed(&cast.m) && other.is_keyed(&cast.n));
    heal(&mut town, &mut other);
    assert!(!town.is_keyed(&cast.m) && !town.is_keyed(&cast.n));
    let roster = town.log.roster();
    assert!(roster.person(&cast.m.mid).is_some() && roster.person(&cast.n.mid).is_some(), "both are Candidates");
    let seated = town.sits(4).unwrap();
    let beaten = if seated == cast.m.mid { cast.n.mid } else { cast.m.mid };
    assert_eq!(town.log.why_unseated(&beaten), Some(Unseated::Beaten));
    let out = town.out(4);
    let least = outputs::tie(&out, &cast.m.key()) < outputs::tie(&out, &cast.n.key());
    assert_eq!(seated == cast.m.mid, least);
}

#[test]
fn s01_a_full_group_has_no_free_output_and_ignores_forged_joins() {
    let mut a = Person::new("A");
    let mut town = Side::<100>::found(&mut a).unwrap();
    let spent = town.link(&a, &[1], &Says::default());
    for seat in 1..100 {
        town.seat(&a, &mut Person::new(&alloc::format!("p{seat}")), seat);
    }
    assert_eq!(town.count(), 100);
    assert!(town.log.free_outputs(&a.office.unwrap()).is_empty());
    let mut late = Person::new("late");
    town.join(&mut late, &spent, 0);
    let forged = town.link_for(&a, &[(SeatNumber(5), Output([9; 32]))], &Says::default());
    let mut later = Person::new("later");
    town.join(&mut later, &forged, 0);
    assert!(!town.is_in(&late) && !town.is_in(&later));
    assert_eq!(town.count(), 100);
}

#[test]
fn at_79_s02_two_halves_seat_exactly_100_nobody_is_thrown_out_and_the_101st_is_refused_on_every_replica() {
    let (mut a, mut b) = (Person::new("A"), Person::new("B"));
    let mut town = Side::<100>::found(&mut a).unwrap();
    town.seat(&a, &mut b, 1);
    let office = town.promote(&a, &mut b);
    let halves: Vec<u8> = (50..100).collect();
    town.transfer(&a, &halves, office);
    let mut other = town.split();
    for seat in 2..50 {
        town.seat(&a, &mut Person::new(&alloc::format!("l{seat}")), seat);
    }
    for seat in 50..100 {
        other.seat(&b, &mut Person::new(&alloc::format!("r{seat}")), seat);
    }
    let before: Vec<MembershipId> =
        town.log.roster().keyed().iter().chain(other.log.roster().keyed()).copied().collect();
    town.merge(&other);
    other.merge(&town);
    assert_eq!(town.log.state_hash(), other.log.state_hash());
    assert_eq!(town.count(), 100);
    assert!(before.iter().all(|mid| town.log.roster().is_keyed(mid)), "nobody is evicted");
    assert!(town.log.free_outputs(&a.office.unwrap()).is_empty() && town.log.free_outputs(&office).is_empty());
    // The 101st, on both replicas: by tickets of both offices for every output that was ever named.
    crate::testing::check_signatures(crate::testing::Checking::Once);
    let outputs = town.log.known_outputs();
    let mut joins = Vec::new();
    for (n, &(seat, out)) in outputs.iter().enumerate() {
        let by = if n % 2 == 0 { &a } else { &b };
        let link = town.link_for(by, &[(seat, out)], &Says::default());
        joins.push(town.draft_join(&Person::new(&alloc::format!("101st {n}")), &link, 0));
    }
    assert!(joins.len() > 200);
    let (state, heads) = (town.log.state_hash(), town.log.citable_heads().clone());
    for side in [&mut town, &mut other] {
        let verdicts = side.log.admit_batch(joins.iter().map(SignedOperation::bytes));
        assert!(verdicts.iter().all(|verdict| matches!(verdict, Admission::Pooled(_))));
        assert!(joins.iter().all(|join| side.log.roster().person(&join.id().into()).is_none()));
        assert_eq!(side.count(), 100);
        assert_eq!((side.log.state_hash(), side.log.citable_heads()), (state, &heads));
    }
}

#[test]
fn s03_tickets_for_seats_of_another_office_are_ignored() {
    let (mut town, mut cast) = opening();
    let link = link(&mut town, &cast.b, &[8]);
    town.join(&mut cast.m, &link, 0);
    assert!(!town.is_in(&cast.m));
    assert_eq!(town.log.why_unseated(&cast.m.mid), Some(Unseated::LostGround));
    assert_eq!(town.log.words(&cast.m.mid), Words::Void);
}

#[test]
fn at_20_s05_the_custodian_decides_a_contest_even_against_the_lower_tie() {
    let (mut town, mut cast) = opening();
    let link = link(&mut town, &cast.b, &[4]);
    let out = town.out(4);
    cast.n = with_tie("n", out, &cast.m, Ordering::Greater);
    town.join(&mut cast.m, &link, 0);
    town.join(&mut cast.n, &link, 0);
    assert_eq!(town.sits(4), Some(cast.m.mid));
    town.confirm(&cast.b, cast.n.mid);
    assert_eq!(town.sits(4), Some(cast.n.mid));
    assert!(town.is_keyed(&cast.n));
}

#[test]
fn at_79_s06_a_forked_double_confirmation_is_decided_by_id_and_shown() {
    let (mut town, mut cast) = opening();
    let link = link(&mut town, &cast.b, &[4]);
    town.join(&mut cast.m, &link, 0);
    town.join(&mut cast.n, &link, 0);
    let tip = town.tip(&cast.b);
    let first = town.write_after(&cast.b, tip, &[], Body::Confirm { join: cast.m.mid.into() });
    let first = if first == tip { tip } else { first };
    let mut other = town.split();
    let deps = [OperationId::from(cast.n.mid)];
    let second = other.write_after(&cast.b, tip, &deps, Body::Confirm { join: cast.n.mid.into() });
    heal(&mut town, &mut other);
    let both_known = town.log.operation(&first).is_some() && town.log.operation(&second).is_some();
    if both_known {
        let winner = if first < second { cast.m.mid } else { cast.n.mid };
        assert_eq!(town.sits(4), Some(winner));
        assert_eq!(town.log.faults().doubles.len(), 1);
        assert_eq!(town.log.faults().forks.len(), 1);
    }
    assert!(both_known, "both confirmations are sound operations");
}

#[test]
fn at_109_s07_a_leaked_used_link_seats_nobody() {
    let (mut town, mut cast) = opening();
    let link = link(&mut town, &cast.b, &[4]);
    town.join(&mut cast.x, &link, 0);
    town.confirm(&cast.b, cast.x.mid);
    let gid = town.log.gid().into();
    cast.y = with_tie("y", town.out(4), &cast.x, Ordering::Less);
    let old = town.forge_join(&cast.y, &link, 0, &[gid, cast.b.office.unwrap()]);
    town.log.admit(old.bytes());
    assert_eq!(town.sits(4), Some(cast.x.mid));
    assert_eq!(town.log.words(&old.id().into()), Words::Void);
}

#[test]
fn s08_s09_a_confirmation_counts_up_to_the_pin() {
    let (mut town, mut cast) = opening();
    let link = link(&mut town, &cast.b, &[4]);
    town.join(&mut cast.n, &link, 0);
    let pin = town.tip(&cast.b);
    let (mut left, mut right) = (town.split(), town.split());
    left.remove(&cast.a, &cast.b, pin);
    let confirm = right.confirm(&cast.b, cast.n.mid);
    let mut early = right.split();
    heal(&mut left, &mut right);
    assert!(!left.is_in(&cast.n));
    assert_eq!(left.log.why_unseated(&cast.n.mid), Some(Unseated::IssuerGone));
    assert_eq!(left.custody(4), cast.b.office);
    assert_eq!(left.log.custodian(SeatNumber(4)), cast.a.office);
    early.remove(&cast.a, &cast.b, confirm);
    assert!(early.is_in(&cast.n), "a pin at the confirmation keeps it");
}

#[test]
fn s10_confirmed_by_a_senior_first_a_newcomer_survives_the_removal() {
    let (mut town, mut cast) = opening();
    let link = link(&mut town, &cast.b, &[4]);
    town.join(&mut cast.n, &link, 0);
    let removal = Removal {
        target: cast.b.mid,
        ending: Ending::Remove { cuts: vec![], ban: false },
        pin: None,
        spare_not: &[],
        tickets: &[],
    };
    let bodies = town.log.ending(&cast.a.office.unwrap(), &removal);
    let (signed, shown) = town.log.draft_batch(&cast.a.mid, &cast.a.keys(), bodies, 9, cast.a.office);
    assert!(shown.iter().any(|change| matches!(change, SeatChange::Confirmed { who } if who.mid == cast.n.mid)));
    assert!(shown.iter().any(|change| matches!(change, SeatChange::Removed { who } if who.mid == cast.b.mid)));
    town.log.admit_batch(signed.iter().map(SignedOperation::bytes));
    assert!(town.is_keyed(&cast.n));
    assert!(!town.is_in(&cast.b));
}

#[test]
fn s22_s23_a_bump_beats_a_bare_join_but_not_an_earlier_confirmation() {
    let (mut town, mut cast) = opening();
    let first = link(&mut town, &cast.b, &[4]);
    let mut other = town.split();
    town.join(&mut cast.m, &first, 0);
    other.bump(&cast.b, &[4]);
    heal(&mut town, &mut other);
    assert_eq!(town.log.why_unseated(&cast.m.mid), Some(Unseated::Withdrawn));
    let second = link(&mut town, &cast.b, &[5]);
    town.join(&mut cast.n, &second, 0);
    let pair = town.pairs(&[5]);
    town.confirm(&cast.b, cast.n.mid);
    town.write(&cast.b, Body::Bump { pairs: pair });
    assert_eq!(town.sits(5), Some(cast.n.mid));
}

#[test]
fn s24_s25_s26_transfers_and_reclaims_against_joins() {
    let (mut town, mut cast) = opening();
    let first = link(&mut town, &cast.b, &[4]);
    let second = link(&mut town, &cast.b, &[5]);
    let (mut left, mut right) = (town.split(), town.split());
    left.transfer(&cast.b, &[4], cast.c.office.unwrap());
    right.join(&mut cast.m, &first, 0);
    left.reclaim(&cast.a, &[5], None);
    right.join(&mut cast.n, &second, 0);
    let mut unconfirmed = right.split();
    let mut reclaimed = left.split();
    heal(&mut reclaimed, &mut unconfirmed);
    assert!(!reclaimed.is_in(&cast.m) && !reclaimed.is_in(&cast.n));
    assert_eq!(reclaimed.custody(4), cast.c.office);
    assert_eq!(reclaimed.custody(5), cast.a.office);
    assert_eq!(reclaimed.log.faults().doubles.len(), 1);
    right.confirm(&cast.b, cast.n.mid);
    heal(&mut left, &mut right);
    assert!(left.is_keyed(&cast.n), "the custodian's word comes before the senior's Reclaim");
}

#[test]
fn s16_s17_s20_s46_removed_twice_given_again_and_invited_again() {
    let (mut town, mut cast) = opening();
    town.seat(&cast.b, &mut cast.x, 4);
    let old = cast.x.clone();
    let mut other = town.split();
    let remove = town.remove(&cast.a, &old, old.mid.into());
    other.remove(&cast.b, &old, old.mid.into());
    heal(&mut town, &mut other);
    assert_eq!(town.out(4), outputs::free(&old.mid));
    town.seat(&cast.b, &mut cast.z, 4);
    assert!(town.is_keyed(&cast.z));
    town.seat(&cast.b, &mut cast.x, 5);
    assert!(town.is_keyed(&cast.x) && cast.x.mid != old.mid);
    let bytes = town.log.operation(&remove).unwrap().bytes().to_vec();
    assert_eq!(town.log.admit(&bytes), Admission::Duplicate(remove));
    town.remove_and_ban(&cast.a, &cast.x, cast.x.mid.into());
    assert!(town.is_keyed(&cast.z), "who sits on a former seat of a banned key is undisturbed");
}

#[test]
fn s36_an_operation_before_its_deps_waits_and_comes_in() {
    let (mut town, mut cast) = opening();
    let mut other = town.split();
    other.seat(&cast.a, &mut cast.m, 8);
    let all: Vec<Vec<u8>> = other.log.known().map(|signed| signed.bytes().to_vec()).collect();
    town.log.take_admitted();
    let (confirm, join) = (&all[all.len() - 1], &all[all.len() - 2]);
    assert!(matches!(town.log.admit(confirm), Admission::Waiting { .. }));
    assert!(matches!(town.log.admit(join), Admission::Admitted(_)));
    assert_eq!(town.log.state_hash(), other.log.state_hash());
    assert_eq!(town.log.take_admitted().len(), 2, "the one that waited entered too");
}

#[test]
fn at_43_s54_a_withdrawal_is_forgiven_once() {
    let (mut town, mut cast) = opening();
    let link = link(&mut town, &cast.b, &[4, 5]);
    let out = town.out(4);
    cast.n = with_tie("n", out, &cast.m, Ordering::Greater);
    town.join(&mut cast.m, &link, 0);
    town.join(&mut cast.n, &link, 0);
    assert!(!town.is_keyed(&cast.m));
    assert_eq!(town.log.gives_way_to(&cast.n.mid, &link.grant, &[0]), Some(1));
    town.leave(&cast.n, &[]);
    assert!(town.is_keyed(&cast.m), "two, one of them gone: not contested");
    town.join(&mut cast.n, &link, 1);
    assert!(town.is_keyed(&cast.n));
    cast.y = with_tie("y", out, &cast.m, Ordering::Greater);
    town.join(&mut cast.y, &link, 0);
    town.leave(&cast.y, &[]);
    assert!(!town.is_keyed(&cast.m), "the third Join makes the output wait");
    town.confirm(&cast.b, cast.m.mid);
    assert!(town.is_keyed(&cast.m));
}

#[test]
fn at_43_r_31_removed_and_back_with_a_ground_key_gets_no_keys() {
    let (mut town, mut cast) = opening();
    let link = link(&mut town, &cast.b, &[4]);
    let out = town.out(4);
    town.join(&mut cast.x, &link, 0);
    town.remove_and_ban(&cast.a, &cast.x, cast.x.mid.into());
    let mut ground = with_tie("x", out, &cast.x, Ordering::Less);
    town.join(&mut ground, &link, 0);
    assert!(!town.is_keyed(&ground));
    assert!(town.log.due_confirms(&cast.b.office.unwrap(), &|_| 1).confirm.is_empty());
    check_past_of_heads(&town);
}

#[test]
fn r_32_a_link_whose_user_was_removed_seats_nobody_without_a_word() {
    let (mut town, mut cast) = opening();
    let link = link(&mut town, &cast.b, &[4, 5]);
    town.join(&mut cast.x, &link, 0);
    town.remove(&cast.a, &cast.x, cast.x.mid.into());
    town.join(&mut cast.y, &link, 1);
    let awaits = town.log.roster().person(&cast.y.mid).unwrap().awaits;
    assert_eq!(awaits, Some(Awaits::TaintedLink));
    assert!(town.log.is_tainted(&cast.b.office.unwrap(), &link.grant.terms.invite_pk));
    town.confirm(&cast.b, cast.y.mid);
    assert!(town.is_keyed(&cast.y));
}

#[test]
fn r_36_after_two_who_came_and_went_a_link_waits_for_a_word() {
    let (mut town, cast) = opening();
    let link = link(&mut town, &cast.a, &[8, 9, 10]);
    for (ticket, name) in [(0, "u"), (1, "v")] {
        let mut guest = Person::new(name);
        town.join(&mut guest, &link, ticket);
        assert!(town.is_keyed(&guest));
        town.leave(&guest, &[]);
    }
    let mut third = Person::new("w");
    town.join(&mut third, &link, 2);
    assert_eq!(town.log.roster().person(&third.mid).unwrap().awaits, Some(Awaits::WornLink));
    check_past_of_heads(&town);
}

#[test]
fn r_33_joins_for_invented_outputs_stay_out_of_the_document() {
    let (mut town, cast) = opening();
    town.log.take_admitted();
    for n in 0..40_u8 {
        let link = town.link_for(&cast.d, &[(SeatNumber(4), Output([n; 32]))], &Says::default());
        let signed = town.draft_join(&Person::new(&alloc::format!("junk{n}")), &link, 0);
        assert!(matches!(town.log.admit(signed.bytes()), Admission::Pooled(_)));
    }
    assert!(town.log.take_admitted().is_empty());
    check_past_of_heads(&town);
}

#[test]
fn r_35_what_an_entry_rests_on_enters_the_log() {
    let (mut town, cast) = opening();
    let link = town.link_for(&cast.d, &[(SeatNumber(4), Output([1; 32]))], &Says::default());
    let signed = town.draft_join(&Person::new("junk"), &link, 0);
    assert_eq!(town.log.admit(signed.bytes()), Admission::Pooled(signed.id()));
    let before = town.log.state_hash();
    assert_eq!(town.log.release_cited(&Heads::new(vec![signed.id()]), 64), 1);
    assert!(town.log.is_admitted(&signed.id()));
    assert_eq!(town.log.state_hash(), before);
}

listed![
    at_107_s04_mb_v10_one_output_given_to_two_is_contested_until_confirmed,
    s01_a_full_group_has_no_free_output_and_ignores_forged_joins,
    at_79_s02_two_halves_seat_exactly_100_nobody_is_thrown_out_and_the_101st_is_refused_on_every_replica,
    s03_tickets_for_seats_of_another_office_are_ignored,
    at_20_s05_the_custodian_decides_a_contest_even_against_the_lower_tie,
    at_79_s06_a_forked_double_confirmation_is_decided_by_id_and_shown,
    at_109_s07_a_leaked_used_link_seats_nobody,
    s08_s09_a_confirmation_counts_up_to_the_pin,
    s10_confirmed_by_a_senior_first_a_newcomer_survives_the_removal,
    s22_s23_a_bump_beats_a_bare_join_but_not_an_earlier_confirmation,
    s24_s25_s26_transfers_and_reclaims_against_joins,
    s16_s17_s20_s46_removed_twice_given_again_and_invited_again,
    s36_an_operation_before_its_deps_waits_and_comes_in,
    at_43_s54_a_withdrawal_is_forgiven_once,
    at_43_r_31_removed_and_back_with_a_ground_key_gets_no_keys,
    r_32_a_link_whose_user_was_removed_seats_nobody_without_a_word,
    r_36_after_two_who_came_and_went_a_link_waits_for_a_word,
    r_33_joins_for_invented_outputs_stay_out_of_the_document,
    r_35_what_an_entry_rests_on_enters_the_log,
];
