//! Heirs, settings, limits and refusals: S28–S30, S34, S35, S41, S47, S48, S51.

use super::cast::*;

#[test]
fn s28_heirs_reclaim_by_citing_the_leave() {
    let (mut town, mut cast) = opening();
    town.seat(&cast.a, &mut cast.x, 8);
    let leave = town.leave(&cast.a, &[cast.b.office.unwrap()]);
    assert!(!town.is_in(&cast.a) && town.is_in(&cast.x));
    town.reclaim(&cast.c, &[9], Some(leave));
    assert_eq!(town.custody(9), cast.a.office);
    town.reclaim(&cast.b, &[0, 9], Some(leave));
    assert_eq!((town.custody(0), town.custody(9)), (cast.b.office, cast.b.office));
    town.reclaim(&cast.b, &[10], None);
    assert_eq!(town.custody(10), cast.a.office, "without citing the Leave nothing is inherited");
}

#[test]
fn s29_the_last_two_leave_and_the_group_is_frozen() {
    let (mut town, mut cast) = opening();
    town.leave(&cast.a, &[]);
    let link = link(&mut town, &cast.b, &[4]);
    let mut other = town.split();
    town.leave(&cast.b, &[]);
    town.leave(&cast.d, &[]);
    other.leave(&cast.c, &[]);
    heal(&mut town, &mut other);
    assert!(town.log.roster().frozen());
    town.join(&mut cast.m, &link, 0);
    assert!(!town.is_in(&cast.m));
}

#[test]
fn s30_seats_of_a_lost_founder_are_stranded() {
    let (mut town, mut cast) = opening();
    town.seat(&cast.a, &mut cast.m, 8);
    town.remove(&cast.b, &cast.m, cast.m.mid.into());
    assert_eq!(town.custody(8), cast.a.office);
    town.reclaim(&cast.b, &[8], None);
    assert_eq!(town.custody(8), cast.a.office);
}

#[test]
fn at_77_s34_mb_l02_the_2001st_office_operation_is_refused() {
    let (mut town, cast) = opening();
    let mut verdict = Admission::Refused(Rule::Limit);
    let mut prev = town.tip(&cast.d);
    let deps = [prev];
    let mut batch = Vec::new();
    let mut trial = town.split();
    for _ in 0..2_001 {
        let signed = trial.forge(&cast.d, prev, &deps, Body::SetPolicy { sets: vec![] });
        prev = signed.id();
        batch.push(signed.bytes().to_vec());
        if batch.len() % 100 == 0 || batch.len() > 1_999 {
            verdict = trial
                .log
                .admit_batch(batch.iter().skip(batch.len().saturating_sub(1)).map(Vec::as_slice))
                .pop()
                .unwrap();
        } else {
            trial.log.admit_batch([batch.last().unwrap().as_slice()]);
        }
    }
    assert_eq!(verdict, Admission::Refused(Rule::Limit));
    town.merge(&trial);
    assert_eq!(town.log.admit(batch.last().unwrap()), Admission::Refused(Rule::Limit));
}

#[test]
fn at_21_s35_mb_a03_people_without_office_and_strangers_are_refused() {
    let (mut town, mut cast) = opening();
    town.seat(&cast.a, &mut cast.m, 8);
    cast.m.office = cast.b.office;
    let signed = town.log.draft(&cast.m.mid, &cast.m.keys(), Body::Promote { target: cast.d.mid }, 1, cast.m.office);
    assert_eq!(town.log.admit(signed.bytes()), Admission::Refused(Rule::BadOffice));
    let forged = town.log.draft(&cast.m.mid, &cast.z.keys(), Body::Leave { heirs: vec![], cuts: vec![] }, 1, None);
    assert_eq!(town.log.admit(forged.bytes()), Admission::Refused(Rule::BadSignature));
}

#[test]
fn at_80_s41_an_operation_of_another_group_is_refused() {
    let (town, _) = opening();
    let mut founder = Person::new("other");
    let mut other = Town::found(&mut founder).unwrap();
    let last = town.log.known().last().unwrap().bytes().to_vec();
    assert_eq!(other.log.admit(&last), Admission::Refused(Rule::WrongGroup));
}

#[test]
fn s47_claims_planted_on_foreign_outputs_never_come_alive() {
    let (mut town, mut cast) = opening();
    let pair = town.pairs(&[9]);
    let planted = town.link_for(&cast.b, &town.pairs(&[8]), &Says::default());
    town.join(&mut cast.x, &planted, 0);
    town.confirm(&cast.b, cast.x.mid);
    town.write(&cast.b, Body::Transfer { pairs: pair, to: cast.d.office.unwrap() });
    let pin = town.tip(&cast.b);
    town.remove(&cast.a, &cast.b, pin);
    let leave = town.leave(&cast.a, &[cast.c.office.unwrap()]);
    assert!(!town.is_in(&cast.x));
    assert_eq!(town.custody(9), cast.a.office);
    town.reclaim(&cast.c, &[8, 9], Some(leave));
    assert_eq!((town.custody(8), town.custody(9)), (cast.c.office, cast.c.office));
}

#[test]
fn s48_a_line_of_heirs() {
    let (mut town, mut cast) = opening();
    let first = town.leave(&cast.a, &[cast.b.office.unwrap(), cast.c.office.unwrap()]);
    town.reclaim(&cast.b, &[8], Some(first));
    town.seat(&cast.b, &mut cast.n, 8);
    let second = town.leave(&cast.b, &[cast.c.office.unwrap()]);
    assert!(town.is_in(&cast.n));
    town.reclaim(&cast.c, &[9], Some(second));
    town.reclaim(&cast.c, &[4], Some(second));
    assert_eq!((town.custody(9), town.custody(4)), (cast.c.office, cast.c.office));
}

#[test]
fn s51_settings_of_seniors_hold_until_withdrawn() {
    let (mut town, cast) = opening();
    let name = |text: &str| Some(Setting::Text(text.into()));
    let (mut left, mut right) = (town.split(), town.split());
    left.set(&cast.b, setting::NAME, name("b"));
    right.set(&cast.c, setting::NAME, name("c"));
    heal(&mut left, &mut right);
    assert_eq!(left.log.policy().name(), "b");
    left.set(&cast.a, setting::NAME, name("a"));
    assert_eq!(left.log.policy().name(), "a");
    left.set(&cast.a, setting::NAME, None);
    assert_eq!(left.log.policy().name(), "b");
    town.set(&cast.a, setting::REQUIRE_CONFIRM, Some(Setting::Bool(true)));
    let link = link(&mut town, &cast.b, &[4]);
    let mut m = Person::new("m");
    town.join(&mut m, &link, 0);
    assert!(town.is_in(&m) && !town.is_keyed(&m));
    town.confirm(&cast.b, m.mid);
    assert!(town.is_keyed(&m));
}

listed![
    s28_heirs_reclaim_by_citing_the_leave,
    s29_the_last_two_leave_and_the_group_is_frozen,
    s30_seats_of_a_lost_founder_are_stranded,
    at_77_s34_mb_l02_the_2001st_office_operation_is_refused,
    at_21_s35_mb_a03_people_without_office_and_strangers_are_refused,
    at_80_s41_an_operation_of_another_group_is_refused,
    s47_claims_planted_on_foreign_outputs_never_come_alive,
    s48_a_line_of_heirs,
    s51_settings_of_seniors_hold_until_withdrawn,
];
