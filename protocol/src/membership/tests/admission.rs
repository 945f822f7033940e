//! What may enter (MB-A1 to MB-A9), and what the fold's rules say one by one.

use super::cast::*;

/// The next operation of somebody, changed, signed again and offered to a copy of the log.
fn changed(town: &Town, who: &Person, body: Body, change: impl FnOnce(&mut Operation)) -> Admission {
    let office = who.office.filter(|_| body.is_office());
    let mut operation = town.log.draft(&who.mid, &who.keys(), body, 5, office).operation().clone();
    change(&mut operation);
    town.split().log.admit(SignedOperation::sign(operation, &who.keys()).bytes())
}

fn nothing() -> Body {
    Body::SetPolicy { sets: vec![] }
}

#[test]
fn at_77_at_81_mb_a01_mb_l01_what_is_too_large_or_not_canonical_is_refused() {
    let (mut town, cast) = opening();
    let refused = |town: &mut Town, bytes: &[u8]| town.log.admit(bytes);
    assert_eq!(refused(&mut town, &[0; 2_049]), Admission::Refused(Rule::TooLarge));
    let good = town.log.draft(&cast.a.mid, &cast.a.keys(), nothing(), 5, cast.a.office);
    let mut trailing = good.bytes().to_vec();
    trailing.push(0);
    assert_eq!(refused(&mut town, &trailing), Admission::Refused(Rule::BadEncoding));
    for text in ["line\nbreak", "bell\u{7}", "c1\u{85}"] {
        let set = Body::SetPolicy { sets: vec![(setting::NAME, Some(Setting::Text(text.into())))] };
        let verdict = changed(&town, &cast.a, set, |_| {});
        assert!(matches!(verdict, Admission::Refused(Rule::BadTarget | Rule::BadEncoding)), "{text:?}: {verdict:?}");
    }
}

#[test]
fn at_80_mb_a02_other_groups_epochs_and_a_second_genesis_are_refused() {
    let (town, cast) = opening();
    let gid = GroupId([9; 32]);
    assert_eq!(changed(&town, &cast.a, nothing(), |op| op.gid = Some(gid)), Admission::Refused(Rule::WrongGroup));
    assert_eq!(changed(&town, &cast.a, nothing(), |op| op.epoch = 1), Admission::Refused(Rule::WrongEpoch));
    let second = SignedOperation::genesis(&cast.a.keys(), [8; 32], vec![], 1);
    assert_eq!(town.split().log.admit(second.bytes()), Admission::Refused(Rule::WrongGroup));
}

#[test]
fn mb_a04_what_names_a_refused_operation_is_refused_with_it() {
    let (mut town, cast) = opening();
    let bad = town.forge(&cast.a, town.tip(&cast.a), &[], Body::Promote { target: cast.a.mid });
    let mut other = town.split();
    let on_top = {
        let mut operation = bad.operation().clone();
        operation.body = nothing();
        operation.prev = Some(bad.id());
        operation.seq += 1;
        operation.deps = vec![bad.id()];
        operation.lamport += 1;
        SignedOperation::sign(operation, &cast.a.keys())
    };
    assert!(matches!(town.log.admit(on_top.bytes()), Admission::Waiting { .. }));
    assert_eq!(town.log.admit(bad.bytes()), Admission::Refused(Rule::BadTarget));
    assert_eq!(town.log.waiting().count(), 0);
    assert!(town.log.is_refused(&on_top.id()));
    other.log.admit(bad.bytes());
    assert_eq!(other.log.admit(on_top.bytes()), Admission::Refused(Rule::BadReference), "the same in the other order");
}

#[test]
fn at_77_mb_a05_a_chain_has_no_gaps_and_goes_on_after_no_leave() {
    let (mut town, cast) = opening();
    let seq = |op: &mut Operation| op.seq += 1;
    assert_eq!(changed(&town, &cast.a, nothing(), seq), Admission::Refused(Rule::BadChain));
    let lamport = |op: &mut Operation| op.lamport += 1;
    assert_eq!(changed(&town, &cast.a, nothing(), lamport), Admission::Refused(Rule::BadLamport));
    let deps = |op: &mut Operation| op.deps = vec![];
    assert_eq!(changed(&town, &cast.a, nothing(), deps), Admission::Refused(Rule::BadDeps));
    let leave = town.leave(&cast.d, &[]);
    let after = town.forge(&cast.d, leave, &[], nothing());
    assert_eq!(town.log.admit(after.bytes()), Admission::Refused(Rule::BadChain));
}

#[test]
fn mb_a06_the_office_is_the_authors_own() {
    let (town, cast) = opening();
    let others = |op: &mut Operation| op.office = cast.b.office;
    assert_eq!(changed(&town, &cast.c, nothing(), others), Admission::Refused(Rule::BadOffice));
    let none = |op: &mut Operation| op.office = None;
    assert_eq!(changed(&town, &cast.c, nothing(), none), Admission::Refused(Rule::BadOffice));
    let leave = Body::Leave { heirs: vec![], cuts: vec![] };
    let some = |op: &mut Operation| op.office = cast.c.office;
    assert_eq!(changed(&town, &cast.c, leave, some), Admission::Refused(Rule::BadOffice));
}

#[test]
fn mb_a07_bodies_name_things_of_the_right_kind() {
    let (mut town, mut cast) = opening();
    let guest = town.link(&cast.b, &[4], &Says { session: Some(SessionId([1; 16])), ..Says::default() });
    town.join(&mut cast.m, &guest, 0);
    let (join, office) = (OperationId::from(cast.m.mid), cast.b.office.unwrap());
    let blow = |target: MembershipId, pin: OperationId, seen: Vec<OperationId>| Blow { target, pin, seen };
    let remove = |blow: Blow| Body::Remove { blow, cuts: vec![], ban: false };
    let bodies = [
        Body::Confirm { join: office },
        Body::Promote { target: cast.m.mid },
        Body::Promote { target: cast.a.mid },
        Body::Transfer { pairs: town.pairs(&[8]), to: join },
        Body::Reclaim { pairs: town.pairs(&[4]), after: Some(office) },
        remove(blow(cast.a.mid, cast.a.mid.into(), vec![])),
        remove(blow(cast.b.mid, join, vec![])),
        remove(blow(cast.b.mid, cast.b.mid.into(), vec![join])),
        Body::Demote(blow(office.into(), cast.b.mid.into(), vec![])),
    ];
    for body in bodies {
        let text = alloc::format!("{body:?}");
        assert_eq!(changed(&town, &cast.a, body, |_| {}), Admission::Refused(Rule::BadTarget), "{text}");
    }
}

#[test]
fn mb_a08_offices_are_at_most_eight_deep() {
    let mut a = Person::new("A");
    let mut town = Side::<12>::found(&mut a).unwrap();
    let mut last = a.clone();
    for depth in 1..=9_u8 {
        let mut next = Person::new(&alloc::format!("d{depth}"));
        town.seat(&a, &mut next, depth);
        let promote = town.log.draft(&last.mid, &last.keys(), Body::Promote { target: next.mid }, 1, last.office);
        let verdict = town.log.admit(promote.bytes());
        if depth == 9 {
            assert_eq!(verdict, Admission::Refused(Rule::Limit));
        } else {
            assert_eq!(verdict, Admission::Admitted(promote.id()));
        }
        next.office = Some(promote.id());
        last = next;
    }
}

#[test]
fn mb_a09_a_refused_operation_is_remembered_and_not_asked_for() {
    let (mut town, cast) = opening();
    let bad = town.forge(&cast.a, town.tip(&cast.a), &[], Body::Promote { target: cast.a.mid });
    assert_eq!(town.log.admit(bad.bytes()), Admission::Refused(Rule::BadTarget));
    assert!(town.log.is_refused(&bad.id()));
    assert_eq!(town.log.refused().collect::<Vec<_>>(), [bad.id()]);
    assert_eq!(town.log.admit(bad.bytes()), Admission::Refused(Rule::BadReference));
}

#[test]
fn mb_f01_shorter_ranks_are_senior_and_then_the_earlier_promotion() {
    let (mut town, mut cast) = opening();
    town.seat(&cast.a, &mut cast.x, 8);
    town.promote(&cast.a, &mut cast.x);
    let order: Vec<Office> = town.log.standing_offices().map(|(office, _)| office).collect();
    let [a, b, c, x, d] = [&cast.a, &cast.b, &cast.c, &cast.x, &cast.d].map(|who| who.office.unwrap());
    assert_eq!(order, [a, b, c, x, d], "D's path is longer, however early it was made");
}

#[test]
fn mb_f03_a_junior_removes_no_senior_and_an_unaware_admin_no_seniors_protege() {
    let (mut town, cast) = opening();
    let tip = town.tip(&cast.b);
    town.remove(&cast.c, &cast.b, tip);
    assert!(town.is_in(&cast.b), "C is junior to B");
    let unaware = Blow { target: cast.d.mid, pin: town.tip(&cast.d), seen: vec![] };
    town.write(&cast.c, Body::Remove { blow: unaware, cuts: vec![], ban: false });
    assert!(town.is_in(&cast.d), "D's office was made by B, and C didn't cite it");
    let pin = town.tip(&cast.d);
    town.remove(&cast.c, &cast.d, pin);
    assert!(!town.is_in(&cast.d), "citing it, C, who is senior to D, may");
}

#[test]
fn mb_s02_a_claim_on_a_freed_output_acknowledges_how_it_became_free() {
    let (mut town, mut cast) = opening();
    let first = link(&mut town, &cast.b, &[4]);
    town.join(&mut cast.m, &first, 0);
    town.leave(&cast.m, &[]);
    town.seat(&cast.b, &mut cast.n, 4);
    let walk = &town.log.log.fold.walks[4];
    let confirm = town.log.log.graph.find(&town.tip(&cast.b)).unwrap();
    let acknowledges = walk.steps.iter().any(|step| {
        matches!(step.took, seats::Took::Join { join, by: Some(by) }
            if by == confirm && town.log.log.graph.nodes[join].signed.mid() == cast.m.mid)
    });
    assert!(acknowledges, "the Confirm of n is the office's word for m, too");
}

#[test]
fn mb_v01_each_reason_for_having_no_seat() {
    let (mut town, mut cast) = opening();
    let link = link(&mut town, &cast.b, &[4, 5]);
    town.join(&mut cast.m, &link, 0);
    town.join(&mut cast.n, &link, 1);
    assert_eq!(town.log.why_unseated(&cast.m.mid), None);
    let mut withdrawn = town.split();
    withdrawn.write(&cast.b, Body::Bump { pairs: town.pairs(&[4]) });
    assert_eq!(withdrawn.log.why_unseated(&cast.m.mid), Some(Unseated::Withdrawn));
    let mut beaten = town.split();
    beaten.transfer(&cast.b, &[4], cast.c.office.unwrap());
    assert_eq!(beaten.log.why_unseated(&cast.m.mid), Some(Unseated::Beaten));
    let mut ended = town.split();
    let pin = town.tip(&cast.b);
    ended.remove(&cast.a, &cast.b, pin);
    assert_eq!(ended.log.why_unseated(&cast.m.mid), Some(Unseated::IssuerGone));
    town.leave(&cast.m, &[]);
    assert_eq!(town.log.why_unseated(&cast.m.mid), None, "ended is not unseated");
}

#[test]
fn mb_v04_one_key_on_two_seats_is_shown_on_the_lower_and_keyed_once() {
    let (mut town, mut cast) = opening();
    town.seat(&cast.a, &mut cast.x, 8);
    let mut twin = cast.x.clone();
    town.seat(&cast.a, &mut twin, 9);
    assert!(town.is_keyed(&cast.x) && !town.is_keyed(&twin));
    assert!(town.log.roster().person(&twin.mid).unwrap().duplicate);
    assert_eq!(town.log.roster().candidates().filter(|person| person.key == twin.key()).count(), 1);
}

#[test]
fn mb_v05_p21_frozen_is_when_no_office_stands() {
    let mut a = Person::new("A");
    let mut town = Town::found(&mut a).unwrap();
    let mut m = Person::new("m");
    town.seat(&a, &mut m, 1);
    assert!(!town.log.roster().frozen());
    let before = town.log.share_roster();
    town.leave(&a, &[]);
    assert!(town.log.roster().frozen() && town.log.state().frozen);
    assert!(town.is_in(&m), "members are unchanged");
    assert!(changes(&before, &town.log).contains(&SeatChange::Frozen));
    town.leave(&m, &[]);
    assert!(!town.is_in(&m), "leaving works");
}

#[test]
fn mb_v06_equal_logs_have_equal_hashes_and_others_have_not() {
    let (town, cast) = opening();
    let again = opening().0;
    assert_eq!(town.log.state_hash(), again.log.state_hash());
    let mut other = town.split();
    other.set(&cast.a, setting::NAME, Some(Setting::Text("x".into())));
    assert_ne!(town.log.state_hash(), other.log.state_hash());
}

#[test]
fn mb_v07_heads_are_carried_on_as_the_sweep_finds_them() {
    let (mut town, mut cast) = opening();
    let swept = |town: &Town| heads::sweep(&town.log.log.graph, &town.log.log.fold, town.log.log.pool.scope());
    let link = link(&mut town, &cast.b, &[4]);
    // A contest, then a word: those who lose it were heads and are none any more.
    let mut other = town.split();
    town.join(&mut cast.m, &link, 0);
    other.join(&mut cast.n, &link, 0);
    town.merge(&other);
    assert_eq!(town.log.citable_heads().as_slice().len(), 2);
    assert_eq!(*town.log.citable_heads(), swept(&town));
    let prev = town.tip(&cast.b);
    town.write_after(&cast.b, prev, &[cast.m.mid.into()], Body::Confirm { join: cast.m.mid.into() });
    assert_eq!(*town.log.citable_heads(), swept(&town));
    assert!(!town.log.citable_heads().as_slice().contains(&cast.n.mid.into()));
}

#[test]
fn at_78_mb_v08_doubles_do_not_depend_on_what_arrived_first() {
    let (mut town, cast) = opening();
    let pair = town.pairs(&[4]);
    let tip = town.tip(&cast.b);
    let offices = [cast.a.office.unwrap(), cast.c.office.unwrap(), cast.d.office.unwrap()];
    let signed: Vec<SignedOperation> =
        offices.iter().map(|&to| town.forge(&cast.b, tip, &[to], Body::Transfer { pairs: pair.clone(), to })).collect();
    let mut reports = Vec::new();
    for order in [[0, 1, 2], [2, 1, 0], [1, 2, 0]] {
        let mut side = town.split();
        for at in order {
            side.log.admit(signed[at].bytes());
        }
        reports.push(side.log.faults().doubles);
    }
    let least = signed.iter().map(SignedOperation::id).min().unwrap();
    assert_eq!(reports[0].len(), 2);
    assert!(reports[0].iter().all(|double| double.first == least));
    assert!(reports.iter().all(|report| *report == reports[0]));
    town.merge(&town.split());
}

#[test]
fn mb_v09_people_are_told_of_the_difference_between_two_folds() {
    let (mut town, mut cast) = opening();
    let link = link(&mut town, &cast.b, &[4]);
    let before = town.log.share_roster();
    town.join(&mut cast.m, &link, 0);
    town.confirm(&cast.b, cast.m.mid);
    let told = changes(&before, &town.log);
    assert!(matches!(told.as_slice(), [SeatChange::Joined { anchored: true, seat: SeatNumber(4), .. }]), "{told:?}");
    let before = town.log.share_roster();
    town.promote(&cast.a, &mut cast.m);
    let pin = town.tip(&cast.m);
    town.demote(&cast.a, &cast.m, pin);
    assert!(changes(&before, &town.log).is_empty(), "what came and went between two looks is no news");
}

#[test]
fn mb_y02_standing_offices_come_before_ended_ones() {
    let (mut town, cast) = opening();
    let name = |text: &str| Some(Setting::Text(text.into()));
    town.set(&cast.b, setting::NAME, name("b"));
    town.set(&cast.c, setting::NAME, name("c"));
    assert_eq!(town.log.policy().name(), "b");
    let pin = town.tip(&cast.b);
    town.demote(&cast.a, &cast.b, pin);
    assert_eq!(town.log.policy().name(), "c", "B's word counts still, but after that of an office that stands");
    town.set(&cast.c, setting::NAME, None);
    assert_eq!(town.log.policy().name(), "b");
}

#[test]
fn mb_e05_each_output_leads_to_one_next() {
    let (mut town, mut cast) = opening();
    let (gid, root) = (town.log.gid(), outputs::root(&town.log.gid(), SeatNumber(8)));
    assert_eq!(town.out(8), root);
    let bump = town.bump(&cast.a, &[8]);
    assert_eq!(town.out(8), outputs::bump(&root));
    assert_ne!(town.out(8), outputs::handed(&bump, SeatNumber(8)));
    let transfer = town.transfer(&cast.a, &[8], cast.d.office.unwrap());
    assert_eq!(town.out(8), outputs::handed(&transfer, SeatNumber(8)));
    town.seat(&cast.d, &mut cast.m, 8);
    town.leave(&cast.m, &[]);
    assert_eq!(town.out(8), outputs::free(&cast.m.mid));
    assert_ne!(outputs::root(&gid, SeatNumber(7)), root);
}

#[test]
fn e_14_seated_keyed_and_candidates() {
    let (mut town, mut cast) = opening();
    let asking = town.link(&cast.b, &[4], &Says { approve: true, ..Says::default() });
    town.join(&mut cast.m, &asking, 0);
    let roster = town.log.roster();
    let waiting = roster.person(&cast.m.mid).unwrap();
    assert_eq!((waiting.awaits, waiting.keyed), (Some(Awaits::Ticket), false));
    assert_eq!((roster.seated().count(), roster.keyed().len(), roster.candidates().count()), (5, 4, 5));
    assert_eq!(roster.place(&cast.m.mid), None);
}

listed![
    at_77_at_81_mb_a01_mb_l01_what_is_too_large_or_not_canonical_is_refused,
    at_80_mb_a02_other_groups_epochs_and_a_second_genesis_are_refused,
    mb_a04_what_names_a_refused_operation_is_refused_with_it,
    at_77_mb_a05_a_chain_has_no_gaps_and_goes_on_after_no_leave,
    mb_a06_the_office_is_the_authors_own,
    mb_a07_bodies_name_things_of_the_right_kind,
    mb_a08_offices_are_at_most_eight_deep,
    mb_a09_a_refused_operation_is_remembered_and_not_asked_for,
    mb_f01_shorter_ranks_are_senior_and_then_the_earlier_promotion,
    mb_f03_a_junior_removes_no_senior_and_an_unaware_admin_no_seniors_protege,
    mb_s02_a_claim_on_a_freed_output_acknowledges_how_it_became_free,
    mb_v01_each_reason_for_having_no_seat,
    mb_v04_one_key_on_two_seats_is_shown_on_the_lower_and_keyed_once,
    mb_v05_p21_frozen_is_when_no_office_stands,
    mb_v06_equal_logs_have_equal_hashes_and_others_have_not,
    mb_v07_heads_are_carried_on_as_the_sweep_finds_them,
    at_78_mb_v08_doubles_do_not_depend_on_what_arrived_first,
    mb_v09_people_are_told_of_the_difference_between_two_folds,
    mb_y02_standing_offices_come_before_ended_ones,
    mb_e05_each_output_leads_to_one_next,
    e_14_seated_keyed_and_candidates,
];
