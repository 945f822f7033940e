//! What the own client does (section 9): each duty read off a folded log.

use super::cast::*;

#[test]
fn mb_d06_somebody_unconfirmed_is_confirmed_before_the_seat_is_given_on() {
    let (mut town, mut cast) = opening();
    let link = link(&mut town, &cast.b, &[4]);
    town.join(&mut cast.m, &link, 0);
    town.leave(&cast.m, &[]);
    let confirm = Body::Confirm { join: cast.m.mid.into() };
    assert_eq!(town.log.confirms_before(&[SeatNumber(4), SeatNumber(5)]), vec![confirm.clone()]);
    town.write(&cast.b, confirm);
    assert!(town.log.confirms_before(&[SeatNumber(4)]).is_empty());
}

#[test]
fn mb_d07_a_removal_confirms_whom_it_keeps_and_cites_the_offices_it_knows() {
    let (mut town, mut cast) = opening();
    let tickets = link(&mut town, &cast.b, &[4, 5]);
    town.join(&mut cast.m, &tickets, 0);
    let pairs: Vec<Pair> = tickets.grant.tickets.iter().map(|ticket| (ticket.seat, ticket.out)).collect();
    let removal = Removal {
        target: cast.b.mid,
        ending: Ending::Remove { cuts: vec![], ban: true },
        pin: None,
        spare_not: &[],
        tickets: &pairs,
    };
    let bodies = town.log.ending(&cast.a.office.unwrap(), &removal);
    assert_eq!(bodies[0], Body::Confirm { join: cast.m.mid.into() });
    assert_eq!(bodies[1], Body::Bump { pairs: town.pairs(&[5]) }, "what is still free of the link (R-32)");
    let Body::Remove { blow, ban: true, .. } = &bodies[2] else { panic!("{bodies:?}") };
    assert_eq!((blow.pin, blow.seen.as_slice()), (town.tip(&cast.b), [cast.b.office.unwrap()].as_slice()));
    let spared = Removal { spare_not: &[cast.m.mid], ..removal };
    assert!(!town.log.ending(&cast.a.office.unwrap(), &spared).contains(&bodies[0]));
}

#[test]
fn mb_d08_an_admin_who_leaves_settles_what_is_open_and_names_heirs() {
    let (mut town, mut cast) = opening();
    let link = link(&mut town, &cast.b, &[4]);
    town.join(&mut cast.m, &link, 0);
    town.transfer(&cast.b, &[5], cast.d.office.unwrap());
    let pin = town.tip(&cast.d);
    town.remove(&cast.b, &cast.d, pin);
    let bodies = town.log.leaving(&cast.b.mid, None, vec![]);
    assert_eq!(bodies[0], Body::Confirm { join: cast.m.mid.into() });
    // Seat 5 is D's, who is gone; D was promoted by B, so B is its custodian by convention.
    assert_eq!(bodies[1], Body::Reclaim { pairs: town.pairs(&[5]), after: None });
    let mut heirs = vec![cast.a.office.unwrap(), cast.c.office.unwrap()];
    heirs.sort_unstable();
    assert_eq!(bodies[2], Body::Leave { heirs, cuts: vec![] });
    assert_eq!(town.log.leaving(&cast.m.mid, Some(vec![]), vec![]), vec![Body::Leave { heirs: vec![], cuts: vec![] }]);
    assert!(!town.log.is_last_organiser(&cast.b.mid));
}

#[test]
fn mb_d09_orphaned_outputs_go_to_the_promoter_or_to_the_heir() {
    let (mut town, cast) = opening();
    let pin = town.tip(&cast.b);
    town.remove(&cast.a, &cast.b, pin);
    let expected: Vec<(Pair, Option<OperationId>)> = town.pairs(&[4, 5]).into_iter().map(|pair| (pair, None)).collect();
    assert_eq!(town.log.reclaimable(&cast.a.office.unwrap()), expected);
    assert!(town.log.reclaimable(&cast.c.office.unwrap()).is_empty());
    let leave = town.leave(&cast.a, &[cast.c.office.unwrap()]);
    let inherited = town.log.reclaimable(&cast.c.office.unwrap());
    assert!(inherited.iter().all(|(_, after)| *after == Some(leave)));
    let seats: Vec<u8> = inherited.iter().map(|((seat, _), _)| seat.0).collect();
    // 4 and 5 stay stranded: A, whose they would have become, took nothing back before leaving.
    assert_eq!(seats, [0, 1, 8, 9, 10, 11]);
}

#[test]
fn mb_d11_a_new_admin_gets_half_of_the_free_seats() {
    let (mut town, cast) = opening();
    let live = [town.out(8)];
    let bodies = town.log.share(&cast.a.office.unwrap(), cast.d.office.unwrap(), &live);
    // Half of 8–11, but not the one in a live ticket (MB-D5).
    assert_eq!(bodies, vec![Body::Transfer { pairs: town.pairs(&[9, 10]), to: cast.d.office.unwrap() }]);
    for body in bodies {
        town.write(&cast.a, body);
    }
    assert_eq!(town.custody(9), cast.d.office);
    assert!(town.log.share(&cast.a.office.unwrap(), cast.d.office.unwrap(), &[town.out(8), town.out(11)]).is_empty());
}

#[test]
fn mb_d11_of_a_hundred_seats_nobody_keeps_more_than_half_of_the_free_ones() {
    let (mut a, mut b) = (Person::new("A"), Person::new("B"));
    let mut town = Side::<100>::found(&mut a).unwrap();
    town.seat(&a, &mut b, 1);
    let (first, second) = (a.office.unwrap(), town.promote(&a, &mut b));
    let bodies = town.log.share(&first, second, &[]);
    assert_eq!(bodies.len(), 2, "32 seats in an operation");
    for body in bodies {
        town.write(&a, body);
    }
    let free = |office: &Office| town.log.free_outputs(office).len();
    assert_eq!((free(&first), free(&second)), (49, 49));
}

#[test]
fn mb_d12_a_second_organiser_is_wanted_before_the_third_person_joins() {
    let mut a = Person::new("A");
    let mut town = Town::found(&mut a).unwrap();
    let (mut p, mut q) = (Person::new("p"), Person::new("q"));
    assert!(!town.log.wants_second_organiser(&a.mid), "there is nobody to name");
    town.seat(&a, &mut p, 1);
    assert!(town.log.wants_second_organiser(&a.mid));
    town.seat(&a, &mut q, 2);
    assert!(town.log.wants_second_organiser(&a.mid) && !town.log.wants_second_organiser(&p.mid));
    assert!(town.log.is_last_organiser(&a.mid));
    town.promote(&a, &mut p);
    assert!(!town.log.wants_second_organiser(&a.mid));
    assert!(!town.log.is_last_organiser(&a.mid) && !town.log.is_last_organiser(&q.mid));
}

#[test]
fn mb_d14_a_guest_who_stays_is_removed_by_the_custodian_first() {
    let (mut town, mut cast) = opening();
    let guest = town.link(&cast.b, &[4], &Says { session: Some(SessionId([3; 16])), ..Says::default() });
    town.join(&mut cast.m, &guest, 0);
    let wait = |town: &Town, who: &Person| town.log.guest_removal_wait_ms(&who.office.unwrap(), &cast.m.mid);
    assert_eq!(wait(&town, &cast.b), Some(60_000));
    assert_eq!(wait(&town, &cast.a), Some(90_000));
    assert_eq!(wait(&town, &cast.c), Some(120_000));
    assert_eq!(wait(&town, &cast.d), Some(150_000));
    let pin = town.tip(&cast.c);
    let office = cast.c.office.unwrap();
    town.demote(&cast.a, &cast.c, pin);
    assert_eq!(town.log.guest_removal_wait_ms(&office, &cast.m.mid), None, "without office, no say");
    assert_eq!(wait(&town, &cast.d), Some(120_000));
}

#[test]
fn mb_d15_there_is_nowhere_to_go_when_every_ticket_is_used() {
    let (mut town, mut cast) = opening();
    let link = link(&mut town, &cast.b, &[4]);
    town.join(&mut cast.m, &link, 0);
    town.join(&mut cast.n, &link, 0);
    for who in [&cast.m, &cast.n] {
        assert_eq!(town.log.gives_way_to(&who.mid, &link.grant, &[]), None);
    }
}

#[test]
fn mb_d16_whoever_lost_the_seat_by_a_pin_is_listed() {
    let (mut town, mut cast) = opening();
    let pin = town.tip(&cast.b);
    town.seat(&cast.b, &mut cast.m, 4);
    town.seat(&cast.b, &mut cast.n, 5);
    town.leave(&cast.n, &[]);
    assert!(town.log.collateral().is_empty());
    town.remove(&cast.a, &cast.b, pin);
    assert_eq!(town.log.collateral(), vec![cast.m.mid], "not whoever left by himself");
}

#[test]
fn mb_d04_of_revoked_tickets_only_free_outputs_are_bumped_and_only_by_whom_they_obey() {
    let (mut town, mut cast) = opening();
    let link = link(&mut town, &cast.b, &[4, 5]);
    town.join(&mut cast.m, &link, 0);
    let tickets: Vec<Pair> = link.grant.tickets.iter().map(|ticket| (ticket.seat, ticket.out)).collect();
    assert_eq!(town.log.due_bumps(&cast.b.office.unwrap(), &tickets), town.pairs(&[5]));
    assert_eq!(town.log.due_bumps(&cast.a.office.unwrap(), &tickets), town.pairs(&[5]), "a senior may");
    assert!(town.log.due_bumps(&cast.c.office.unwrap(), &tickets).is_empty(), "a junior may not");
    town.bump(&cast.b, &[5]);
    assert!(town.log.due_bumps(&cast.b.office.unwrap(), &tickets).is_empty());
}

#[test]
fn mb_d12_whoever_gave_out_codes_is_not_asked_for_a_second_organiser() {
    let keepers = Keepers::new("keeper", 1, 1);
    for (has_codes, is_asked) in [(false, true), (true, false)] {
        let mut founder = Person::new("A");
        let mut town =
            if has_codes { Town::found_with(&mut founder, &keepers) } else { Town::found(&mut founder) }.unwrap();
        town.seat(&founder, &mut Person::new("m"), 1);
        assert_eq!(town.log.wants_second_organiser(&founder.mid), is_asked);
    }
}

#[test]
fn mb_d17_whoever_is_in_keeps_the_keys_when_confirmations_are_asked_for() {
    let (mut town, mut cast) = opening();
    let (by_a, by_b) = (link(&mut town, &cast.a, &[8, 9]), link(&mut town, &cast.b, &[4]));
    town.join(&mut cast.m, &by_b, 0);
    town.join(&mut cast.n, &by_a, 0);
    town.join(&mut cast.x, &by_a, 1);
    assert!([&cast.m, &cast.n, &cast.x].into_iter().all(|who| town.is_keyed(who)));
    let mut careless = town.split();
    careless.set(&cast.a, setting::REQUIRE_CONFIRM, Some(Setting::Bool(true)));
    assert!([&cast.m, &cast.n, &cast.x].into_iter().all(|who| !careless.is_keyed(who)));
    let bodies = town.log.asking_for_confirms(&cast.a.office.unwrap(), &[cast.x.mid]);
    bodies.into_iter().for_each(|body| {
        town.write(&cast.a, body);
    });
    assert!(town.log.policy().require_confirm());
    assert!(town.is_keyed(&cast.m) && town.is_keyed(&cast.n) && !town.is_keyed(&cast.x));
    // An admin speaks for his own newcomers, not for a senior's.
    let by_b = careless.log.asking_for_confirms(&cast.b.office.unwrap(), &[]);
    assert_eq!(by_b.len(), 1, "who waits already is not confirmed by a switch: {by_b:?}");
}

#[test]
fn mb_d21_a_request_counts_all_that_is_known_and_a_departure_too() {
    let (mut town, cast, _) = recoverable();
    let (tip, first) = (town.tip(&cast.a), cast.a.mid.into());
    let pin = |town: &Town, pin| town.log.succession(&cast.b.mid, pin).map(|said| said.certificate.pin);
    assert_eq!(pin(&town, None), Some(tip));
    assert!(town.log.done_after(&tip).is_empty());
    assert_eq!(pin(&town, Some(first)), Some(first), "after a theft somebody chooses");
    assert_eq!(town.log.done_after(&first).len(), 7, "and is told what would not count");
    assert_eq!(pin(&town, Some(town.tip(&cast.c))), None, "but only of the founder's own");
    let leave = town.leave(&cast.a, &[cast.b.office.unwrap()]);
    assert_eq!(pin(&town, None), Some(leave));
}

#[test]
fn mb_d23_who_came_by_the_founders_links_is_handed_on() {
    let (mut town, mut cast, keepers) = recoverable();
    let open = link(&mut town, &cast.a, &[8, 9]);
    let asking = town.link(&cast.a, &[10], &Says { approve: true, ..Says::default() });
    let by_b = link(&mut town, &cast.b, &[4]);
    town.join(&mut cast.m, &open, 0);
    town.join(&mut cast.n, &open, 1);
    town.leave(&cast.n, &[]);
    town.join(&mut cast.x, &asking, 0);
    town.join(&mut cast.y, &by_b, 0);
    let mut kept = vec![cast.m.mid, cast.n.mid];
    kept.sort_unstable();
    assert_eq!(town.log.handed_on(), kept, "not who waits for a word, and not B's own");
    town.depose(&mut cast.b, &keepers, None);
    assert!(!town.is_in(&cast.m));
    kept.into_iter().for_each(|mid| {
        town.confirm(&cast.b, mid);
    });
    assert!(town.is_keyed(&cast.m) && !town.is_in(&cast.x) && town.is_keyed(&cast.y));
    let due = town.log.due_confirms(&cast.b.office.unwrap(), &|_| 1);
    assert_eq!(due.confirm, vec![OperationId::from(cast.y.mid)], "the newcomers of B's other office too");
}

listed![
    mb_d12_whoever_gave_out_codes_is_not_asked_for_a_second_organiser,
    mb_d17_whoever_is_in_keeps_the_keys_when_confirmations_are_asked_for,
    mb_d21_a_request_counts_all_that_is_known_and_a_departure_too,
    mb_d23_who_came_by_the_founders_links_is_handed_on,
    mb_d06_somebody_unconfirmed_is_confirmed_before_the_seat_is_given_on,
    mb_d07_a_removal_confirms_whom_it_keeps_and_cites_the_offices_it_knows,
    mb_d08_an_admin_who_leaves_settles_what_is_open_and_names_heirs,
    mb_d09_orphaned_outputs_go_to_the_promoter_or_to_the_heir,
    mb_d11_a_new_admin_gets_half_of_the_free_seats,
    mb_d11_of_a_hundred_seats_nobody_keeps_more_than_half_of_the_free_ones,
    mb_d12_a_second_organiser_is_wanted_before_the_third_person_joins,
    mb_d14_a_guest_who_stays_is_removed_by_the_custodian_first,
    mb_d15_there_is_nowhere_to_go_when_every_ticket_is_used,
    mb_d16_whoever_lost_the_seat_by_a_pin_is_listed,
    mb_d04_of_revoked_tickets_only_free_outputs_are_bumped_and_only_by_whom_they_obey,
];
