//! Recovery keys, and what only enough of them can do: the rules MB-Z1 to MB-Z6, and the exact bytes.

use super::cast::*;
use crate::limits::SUCCESSIONS_MAX;
use alloc::string::ToString;

fn genesis(recovery: Option<Recovery>) -> SignedOperation {
    SignedOperation::genesis_with(&Person::new("A").keys(), [7; 32], vec![], recovery, 1)
}

#[test]
fn mb_z01_without_recovery_a_genesis_is_what_it_always_was() {
    let plain = SignedOperation::genesis(&Person::new("A").keys(), [7; 32], vec![], 1);
    assert_eq!(genesis(None).bytes(), plain.bytes());
    assert_eq!(Membership::<SEATS>::found(&plain).unwrap().recovery(), None);
    let (town, cast) = opening();
    let said = town.log.succession(&cast.b.mid, None).unwrap();
    let approvals = Keepers::new("keeper", 1, 1).approvals(&said.certificate, &[0]);
    let mut trial = town.split();
    let signed = trial.forge(
        &cast.b,
        town.tip(&cast.b),
        &[],
        Body::Depose { office: said.office, pin: said.certificate.pin, approvals },
    );
    assert_eq!(trial.log.admit(signed.bytes()), Admission::Refused(Rule::BadTarget));
}

#[test]
fn mb_z01_one_to_seven_keys_ascending_and_no_more_agree_than_there_are() {
    for (threshold, keys, good) in
        [(1, 1, true), (2, 3, true), (7, 7, true), (0, 1, false), (3, 2, false), (1, 8, false), (0, 0, false)]
    {
        let recovery = Keepers::new("keeper", threshold, keys).recovery();
        let found = Membership::<SEATS>::restore([genesis(Some(recovery.clone())).bytes().to_vec()]);
        assert_eq!(found.as_ref().ok().and_then(|log| log.recovery().cloned()), good.then_some(recovery));
        assert_eq!(found.err(), (!good).then_some(Rule::BadEncoding));
    }
    let mut recovery = Keepers::new("keeper", 2, 3).recovery();
    recovery.keys.reverse();
    let unsorted = genesis(Some(recovery.clone()));
    assert_eq!(SignedOperation::decode(unsorted.bytes()), Err(Rule::BadEncoding));
    recovery.keys = vec![recovery.keys[0], recovery.keys[0]];
    assert_eq!(SignedOperation::decode(genesis(Some(recovery)).bytes()), Err(Rule::BadEncoding), "one key twice");
    let weak = Recovery { threshold: 1, keys: vec![MemberKey([0; 32])] };
    assert_eq!(Membership::<SEATS>::found(&genesis(Some(weak))).err(), Some(Rule::BadSignature));
}

#[test]
fn mb_z02_fewer_than_enough_consents_or_others_bring_nobody_in() {
    let (town, cast, keepers) = recoverable();
    let said = town.log.succession(&cast.b.mid, None).unwrap();
    let (office, pin) = (said.office, said.certificate.pin);
    let offer = |who: &Person, office: Office, pin: OperationId, approvals: Vec<Approval>| {
        let mut trial = town.split();
        let state = trial.log.state_hash();
        let signed = trial.forge(who, town.tip(who), &[pin], Body::Depose { office, pin, approvals });
        let verdict = trial.log.admit(signed.bytes());
        assert!(matches!(verdict, Admission::Admitted(_)) || trial.log.state_hash() == state);
        verdict
    };
    let by = |places: &[u8]| keepers.approvals(&said.certificate, places);
    let refused = |rule: Rule| Admission::Refused(rule);
    for good in [[0, 1], [0, 2], [1, 2]] {
        assert!(matches!(offer(&cast.b, office, pin, by(&good)), Admission::Admitted(_)));
    }
    assert_eq!(offer(&cast.b, office, pin, by(&[1])), refused(Rule::BadTarget), "one of two");
    assert_eq!(offer(&cast.b, office, pin, by(&[0, 1, 2])), refused(Rule::BadTarget), "one form only");
    assert_eq!(offer(&cast.b, office, pin, by(&[1, 1])), refused(Rule::BadEncoding), "the same one twice");
    let mut twice = by(&[0, 0]);
    twice[1].0 = 1;
    assert_eq!(offer(&cast.b, office, pin, twice), refused(Rule::BadSignature), "one key under two names");
    assert_eq!(offer(&cast.b, office, pin, by(&[0, 3])), refused(Rule::BadTarget), "a key that isn't there");
    let strangers = Keepers::new("stranger", 2, 3).approvals(&said.certificate, &[0, 1]);
    assert_eq!(offer(&cast.b, office, pin, strangers), refused(Rule::BadSignature));
    assert_eq!(offer(&cast.c, office, pin, by(&[0, 1])), refused(Rule::BadSignature), "named was B, not C");
    let other_pin = town.log.gid().into();
    assert_eq!(offer(&cast.b, office, other_pin, by(&[0, 1])), refused(Rule::BadSignature), "another pin");
    let mut foreign = said.certificate;
    foreign.gid = GroupId([9; 32]);
    let foreign = keepers.approvals(&foreign, &[0, 1]);
    assert_eq!(offer(&cast.b, office, pin, foreign), refused(Rule::BadSignature), "said of another group");
}

#[test]
fn mb_z02_only_an_office_that_nobody_promoted_ends_so_and_no_guest_takes_it() {
    let (mut town, mut cast, keepers) = recoverable();
    let offer = |town: &Town, who: &Person, over: Office, pin: OperationId| {
        let mut trial = town.split();
        let certificate = Certificate { gid: town.log.gid(), over: Digest(over.0), pin, successor: who.mid };
        let approvals = keepers.approvals(&certificate, &[0, 1]);
        let signed = trial.forge(who, town.tip(who), &[pin], Body::Depose { office: over, pin, approvals });
        trial.log.admit(signed.bytes())
    };
    let (a, b) = (cast.a.office.unwrap(), cast.b.office.unwrap());
    let pin = town.tip(&cast.a);
    assert_eq!(offer(&town, &cast.c, b, town.tip(&cast.b)), Admission::Refused(Rule::BadTarget), "B was promoted");
    assert_eq!(offer(&town, &cast.c, a, town.tip(&cast.b)), Admission::Refused(Rule::BadTarget), "B's chain");
    assert_eq!(offer(&town, &cast.a, a, pin), Admission::Refused(Rule::BadTarget), "in his own place");
    let guests = town.link(&cast.a, &[8], &Says { session: Some(SessionId([9; 16])), ..Says::default() });
    town.join(&mut cast.m, &guests, 0);
    town.confirm(&cast.a, cast.m.mid);
    assert_eq!(offer(&town, &cast.m, a, pin), Admission::Refused(Rule::BadTarget), "a guest");
    assert!(matches!(offer(&town, &cast.c, a, pin), Admission::Admitted(_)));
}

#[test]
fn mb_z02_an_office_passes_on_sixty_four_times() {
    let (mut town, mut cast, keepers) = recoverable();
    for round in 0..SUCCESSIONS_MAX {
        let who = if round % 2 == 0 { &mut cast.b } else { &mut cast.c };
        let id = town.depose(who, &keepers, None);
        assert_eq!(town.log.top_office(), (id, who.mid));
    }
    let body = town.succession(&cast.b, &keepers, None).unwrap();
    let signed = town.forge(&cast.b, town.tip(&cast.b), &[town.log.top_office().0], body);
    assert_eq!(town.log.admit(signed.bytes()), Admission::Refused(Rule::Limit));
}

/// Whoever has the keepers' word may write it down as often as he likes, with other neighbours, at other places of the
/// own chain: it stays one succession, and nothing that he did under it is void.
#[test]
fn mb_z03_the_same_word_brought_in_twice_is_one_succession() {
    let (town, mut cast, keepers) = recoverable();
    let root = town.tip(&cast.b);
    let body = town.succession(&cast.b, &keepers, None).unwrap();
    for n in 0..8_u8 {
        let mut town = town.split();
        let first = town.depose(&mut cast.b, &keepers, None);
        town.reclaim(&cast.b, &[8, 9], None);
        town.seat(&cast.b, &mut cast.m, 8);
        let state = (town.log.roster().clone(), town.sits(8));
        // A fork before the first, under some other clock: its id is smaller half of the time.
        town.clock_ms = 100 + u64::from(n);
        let second = town.write_after(&cast.b, root, &[], body.clone());
        assert!(town.log.is_admitted(&second) && first != second);
        assert_eq!((town.log.roster().seats(), town.sits(8)), (state.0.seats(), state.1));
        assert!(town.is_keyed(&cast.m));
        assert_eq!(town.log.faults().rivalries, [], "one word is no rivalry");
        // And whoever comes after takes the place of both.
        town.depose(&mut cast.c, &keepers, None);
        assert_eq!(town.log.top_office().1, cast.c.mid);
        assert!(town.log.standing_offices().all(|(office, _)| office != first && office != second));
        check_past_of_heads(&town);
    }
}

/// Operations under a Depose that doesn't count are void; they wait outside the document like any other junk.
#[test]
fn mb_z04_what_the_other_one_does_is_void() {
    let (town, mut cast, keepers) = recoverable();
    let mut whole = town.split();
    let (at_b, at_c) = {
        let mut right = town.split();
        let at_b = whole.depose(&mut cast.b, &keepers, None);
        let at_c = right.depose(&mut cast.c, &keepers, None);
        whole.merge(&right);
        (at_b, at_c)
    };
    let name = |who: &Person| town.log.succession(&who.mid, None).unwrap().certificate.id();
    let (void, loser) = if name(&cast.b) < name(&cast.c) { (at_c, &cast.c) } else { (at_b, &cast.b) };
    let line = whole.log.chronicle().lines.into_iter().find(|line| line.id == void).unwrap();
    assert_eq!((line.rule, line.kind), (Some("MB-Z4"), "depose"));
    assert!(!whole.log.citable_heads().as_slice().contains(&void));
    let state = whole.log.state_hash();
    let deed = whole.reclaim(loser, &[8], None);
    assert!(whole.log.void().contains(&deed));
    assert_eq!(whole.log.state_hash(), state);
    check_past_of_heads(&whole);
}

#[test]
fn mb_z05_only_a_successor_can_remove_or_demote_whose_place_he_took() {
    let (mut town, mut cast, keepers) = recoverable();
    town.remove(&cast.b, &cast.a, town.tip(&cast.a));
    assert!(town.is_in(&cast.a), "an admin can't");
    town.depose(&mut cast.c, &keepers, None);
    town.remove(&cast.b, &cast.a, town.tip(&cast.a));
    assert!(town.is_in(&cast.a), "an admin still can't: he holds an office that the admin doesn't reach");
    town.remove(&cast.c, &cast.a, town.tip(&cast.a));
    assert!(!town.is_in(&cast.a));
    town.remove(&cast.a, &cast.c, town.tip(&cast.c));
    assert!(town.is_in(&cast.c), "and not the other way round");
}

#[test]
fn mb_z06_organisers_keep_their_order_and_newer_ones_come_after() {
    let (mut town, mut cast, keepers) = recoverable();
    town.seat(&cast.a, &mut cast.m, 8);
    town.depose(&mut cast.b, &keepers, None);
    town.promote(&cast.b, &mut cast.m);
    let [top, c, m] = [&cast.b, &cast.c, &cast.m].map(|who| who.office.unwrap());
    assert!(town.log.is_senior(&top, &c) && town.log.is_senior(&c, &m) && town.log.is_senior(&top, &m));
    assert!(town.log.is_senior(&m, &cast.d.office.unwrap()), "D was promoted by B: further below");
    town.remove(&cast.m, &cast.c, town.tip(&cast.c));
    assert!(town.is_in(&cast.c));
    town.remove(&cast.c, &cast.m, town.tip(&cast.m));
    assert!(!town.is_in(&cast.m), "C knew by whom m was promoted, and is senior to him");
}

/// Whoever was away while the founder was replaced, and was then removed, believes it.
#[test]
fn mb_z05_who_was_removed_by_a_successor_while_away_learns_of_it() {
    let (mut town, mut cast, keepers) = recoverable();
    town.seat(&cast.a, &mut cast.m, 8);
    town.seat(&cast.a, &mut cast.n, 9);
    let away = town.split();
    let depose = town.depose(&mut cast.n, &keepers, None);
    let remove = town.remove(&cast.n, &cast.m, cast.m.mid.into());
    let told = |ids: &[OperationId]| -> Vec<Vec<u8>> {
        ids.iter().map(|id| town.log.operation(id).unwrap().bytes().to_vec()).collect()
    };
    assert_eq!(town.log.promotions_behind(&remove), vec![depose]);
    assert!(away.log.is_ended_by(&cast.m.mid, &told(&[remove, depose])));
    assert!(!away.log.is_ended_by(&cast.m.mid, &told(&[remove])), "n was nobody there");
    // And by the one after, of whom he knows as little.
    let mut later = town.split();
    let second = later.depose(&mut cast.c, &keepers, None);
    let x = later.remove(&cast.c, &cast.m, cast.m.mid.into());
    assert_eq!(later.log.promotions_behind(&x), vec![second, depose]);
    let news: Vec<Vec<u8>> =
        [x, second, depose].iter().map(|id| later.log.operation(id).unwrap().bytes().to_vec()).collect();
    assert!(away.log.is_ended_by(&cast.m.mid, &news) && !town.log.is_ended_by(&cast.d.mid, &news));
    // The same, by somebody whom the keepers didn't name.
    let forged = away.split();
    let said = forged.log.succession(&cast.n.mid, None).unwrap();
    let approvals = Keepers::new("stranger", 2, 3).approvals(&said.certificate, &[0, 1]);
    let body = Body::Depose { office: said.office, pin: said.certificate.pin, approvals };
    let false_one = forged.forge(&cast.n, forged.tip(&cast.n), &[said.certificate.pin], body);
    let mut told = told(&[remove]);
    told.push(false_one.bytes().to_vec());
    assert!(!away.log.is_ended_by(&cast.m.mid, &told));
}

/// A word of the keepers could be written down for ever, in forks, by whoever has it; and nobody could pin that away.
#[test]
fn mb_l03_the_fifth_depose_by_one_certificate_waits_outside_the_fold() {
    let (mut town, mut cast, keepers) = recoverable();
    let root = town.tip(&cast.b);
    let body = town.succession(&cast.b, &keepers, None).unwrap();
    town.depose(&mut cast.b, &keepers, None);
    for n in 1..8 {
        town.clock_ms = 100 + n;
        let again = town.write_after(&cast.b, root, &[], body.clone());
        assert_eq!(town.log.is_admitted(&again), n < 4, "{n}");
    }
    town.reclaim(&cast.b, &[8], None);
    assert_eq!(town.custody(8), cast.b.office, "what he does under the first counts as ever");
    town.depose(&mut cast.c, &keepers, None);
    assert_eq!(town.log.top_office().1, cast.c.mid);
    check_past_of_heads(&town);
}

/// The hooks of a roll of epochs are there, and nothing goes through them.
#[test]
fn mb_x01_kinds_and_epochs_that_are_not_built_are_refused() {
    let (mut town, cast, _) = recoverable();
    let good = town.forge(&cast.b, town.tip(&cast.b), &[], Body::Leave { heirs: vec![], cuts: vec![] });
    let mut later = good.operation().clone();
    later.epoch = 1;
    let later = SignedOperation::sign(later, &cast.b.keys());
    assert_eq!(town.log.admit(later.bytes()), Admission::Refused(Rule::WrongEpoch));
    // The body is an array of 12: version, kind.
    for kind in [11, 13, 14] {
        let mut bytes = good.bytes().to_vec();
        let at = bytes.iter().position(|&byte| byte == 0x8c).unwrap() + 2;
        assert_eq!(bytes[at], 9);
        bytes[at] = kind;
        assert_eq!(SignedOperation::decode(&bytes), Err(Rule::UnknownKind), "{kind}");
    }
}

/// Frozen bytes: another implementation makes the same.
#[test]
fn mb_z02_golden_bytes_of_a_recoverable_genesis_and_a_depose() {
    let (mut town, mut cast, keepers) = recoverable();
    let genesis = town.log.known().next().unwrap();
    let sizes = (genesis.bytes().len(), genesis.id().to_string());
    let said = town.log.succession(&cast.b.mid, None).unwrap();
    let depose = town.depose(&mut cast.b, &keepers, None);
    let bytes = town.log.operation(&depose).unwrap().bytes().len();
    assert_eq!(sizes.0, 256);
    assert_eq!(sizes.1, "214cffd1663c0c9dd96ee84ddda16f120d34eea75540926d1b7a4d81efb09dbd");
    assert_eq!(
        (said.certificate.id().to_string(), bytes, depose.to_string()),
        (
            "ae035c6cce1461c972640f847d51d913bc50a0751a1e3ff3397a4c260969de7d".into(),
            455,
            "a75afe609b85701c459841919a95975b3f6885342b41cdf483f069d47d0f957e".into()
        )
    );
}

listed![
    mb_z01_without_recovery_a_genesis_is_what_it_always_was,
    mb_z01_one_to_seven_keys_ascending_and_no_more_agree_than_there_are,
    mb_z02_fewer_than_enough_consents_or_others_bring_nobody_in,
    mb_z02_only_an_office_that_nobody_promoted_ends_so_and_no_guest_takes_it,
    mb_z02_an_office_passes_on_sixty_four_times,
    mb_z03_the_same_word_brought_in_twice_is_one_succession,
    mb_z04_what_the_other_one_does_is_void,
    mb_z05_only_a_successor_can_remove_or_demote_whose_place_he_took,
    mb_z06_organisers_keep_their_order_and_newer_ones_come_after,
    mb_z05_who_was_removed_by_a_successor_while_away_learns_of_it,
    mb_l03_the_fifth_depose_by_one_certificate_waits_outside_the_fold,
    mb_x01_kinds_and_epochs_that_are_not_built_are_refused,
    mb_z02_golden_bytes_of_a_recoverable_genesis_and_a_depose,
];
