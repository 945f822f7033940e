//! Histories by the ten thousand: small worlds, three sides, every invariant that can be read off the outcome.
//!
//! A failure is shrunk to the fewest steps that still show it; its seed then belongs into [`REGRESSIONS`].

use super::cast::*;
use super::displaced::check_evictions;
use crate::membership::fold::Fold;
use crate::testing::histories::{Dice, History, Manners, Opening};
use alloc::collections::BTreeSet;
use std::io::Write;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Histories of each kind that one run of the tests makes.
const HISTORIES: u64 = 20_000;

/// Seeds and steps that once broke an invariant: manners, seats, seed, steps.
const REGRESSIONS: &[(Manners, usize, u64, usize)] = &[
    (Manners::Honest, 6, 2_003, 60),
    (Manners::Hostile, 6, 2_003, 60),
    (Manners::Hostile, 4, 812, 60),
    (Manners::Hostile, 8, 2_516, 60),
];

/// What was looked at, to be printed.
#[derive(Clone, Copy, Debug, Default)]
struct Tally {
    histories: u64,
    operations: usize,
    merges: usize,
    successions: usize,
    /// Healed logs in which somebody more was named, for P27.
    named: usize,
    refused: usize,
    occupied: usize,
}

/// One history, and everything that must hold of it.
fn check<const S: usize>(opening: &Opening<S>, seed: u64, manners: Manners, steps: usize, tally: &mut Tally) {
    let mut history = History::after(opening, seed, manners);
    history.run(steps);
    let parts: Vec<Membership<S>> = history.sides.iter().map(|side| side.log.fork()).collect();
    for part in &parts {
        assert!(seated(part).len() <= S, "P1, seed {seed}");
    }
    history.heal();
    let whole = &history.sides[0].log;
    for side in &history.sides {
        assert_eq!(side.log.state_hash(), whole.state_hash(), "P4, seed {seed}");
        assert_eq!(side.log.citable_heads(), whole.citable_heads(), "P4, seed {seed}");
        assert_eq!(side.log.roster(), whole.roster(), "P4, seed {seed}");
    }
    assert!(seated(whole).len() <= S, "P1, seed {seed}");
    assert!(whole.log.fold == Fold::batch(&whole.log.graph, whole.log.pool.scope()), "P3, seed {seed}");
    for part in &parts {
        check_evictions(part, whole, manners, seed);
    }
    let founder = whole.gid().into();
    let left = whole.departure(&founder).is_some_and(|how| how.left);
    let replaced = whole.top_office().0 != whole.gid().into();
    assert!(left || replaced || whole.standing(&founder) == Some(whole.gid().into()), "P10, seed {seed}");
    check_line(whole, seed);
    if manners == Manners::Honest && whole.recovery().is_some() {
        tally.named += usize::from(check_succession(whole, seed));
    }
    assert_eq!(whole.state().frozen, whole.standing_offices().next().is_none(), "P21, seed {seed}");
    for walk in whole.log.fold.walks.iter() {
        let outs: BTreeSet<Output> = walk.steps.iter().map(|step| step.out).collect();
        assert_eq!(outs.len(), walk.steps.len(), "P13, seed {seed}");
    }
    if manners == Manners::Gentle {
        let union: BTreeSet<MembershipId> = parts.iter().flat_map(seated).collect();
        assert!(union.len() <= S, "P7, seed {seed}");
        assert!(union.is_subset(&seated(whole)), "P6, seed {seed}");
    }
    let cited = whole.past_of(whole.citable_heads());
    let cited = cited.iter().map(|id| whole.operation(id).unwrap().bytes().to_vec());
    let part = Membership::<S>::restore(cited).unwrap();
    assert_eq!(part.state_hash(), whole.state_hash(), "P23, seed {seed}");
    assert_eq!(part.roster(), whole.roster(), "P23, seed {seed}");
    if seed.is_multiple_of(4) {
        check_order(whole, seed);
    }
    tally.histories += 1;
    tally.operations += whole.len();
    tally.merges += history.merges;
    tally.successions += history.successions;
    tally.refused += history.refused;
    tally.occupied += seated(whole).len();
}

/// P25, P26: who stands above all others follows from the Genesis and the keepers' words alone, and it is one person.
fn check_line<const S: usize>(whole: &Membership<S>, seed: u64) {
    let mut words: Vec<(Digest, Certificate)> = Vec::new();
    for signed in whole.known() {
        let Body::Depose { office, pin, .. } = signed.operation().body else { continue };
        let before = words.iter().find(|(id, _)| *id == Digest(office.0));
        let over = before.map_or(Digest(office.0), |(_, word)| word.id());
        let word = Certificate { gid: whole.gid(), over, pin, successor: signed.mid() };
        words.push((Digest(signed.id().0), word));
    }
    let mut top = Digest(whole.gid().0);
    let mut holder = whole.gid().into();
    while let Some((_, word)) = words.iter().filter(|(_, word)| word.over == top).min_by_key(|(_, word)| word.id()) {
        (top, holder) = (word.id(), word.successor);
    }
    assert_eq!(whole.top_office().1, holder, "P25, seed {seed}");
    let promoted = |office: &Office| {
        matches!(whole.operation(office).map(|signed| &signed.operation().body), Some(Body::Promote { .. }))
    };
    let above: BTreeSet<MembershipId> =
        whole.standing_offices().filter(|(office, _)| !promoted(office)).map(|(_, holder)| holder).collect();
    assert!(above.len() <= 1 && above.iter().all(|who| *who == holder), "P26, seed {seed}");
}

/// P27: among honest people, whoever is named by keepers who know the log takes nothing back and unseats nobody whom an
/// office has confirmed.
fn check_succession<const S: usize>(whole: &Membership<S>, seed: u64) -> bool {
    let mut side = Side::of(whole.fork());
    let top = whole.top_office().1;
    let sits = |person: &&Person| whole.roster().person(&person.mid).is_some_and(|p| p.anchored) && person.mid != top;
    let named = (0..40).map(|n| Person::new(&alloc::format!("p{n}"))).chain([Person::new("ben"), Person::new("caro")]);
    let named: Vec<Person> = named
        .flat_map(|person| {
            let mids: Vec<MembershipId> = whole.memberships_of(&person.key()).collect();
            mids.into_iter().map(move |mid| person.clone().with(mid))
        })
        .collect();
    let guests = |person: &&Person| whole.role_of(&person.mid) == Some(Role::Member);
    let Some(mut who) = named.iter().filter(sits).find(guests).cloned() else { return false };
    let (void, before) = (whole.void(), whole.roster().clone());
    let depose = side.depose(&mut who, &Keepers::new("keeper", 2, 3), None);
    assert_eq!(side.log.top_office(), (depose, who.mid), "P27, seed {seed}");
    assert_eq!(side.log.void(), void, "P27, seed {seed}");
    for person in before.seated().filter(|person| person.anchored) {
        assert_eq!(side.log.roster().person(&person.mid).and_then(|p| p.seat), person.seat, "P27, seed {seed}");
    }
    true
}

/// P2, P5: another order of arrival, with repetitions, gives the same verdicts and the same state.
fn check_order<const S: usize>(whole: &Membership<S>, seed: u64) {
    let mut operations: Vec<Vec<u8>> = whole.known().map(|signed| signed.bytes().to_vec()).collect();
    let mut other = Membership::<S>::found(&SignedOperation::decode(&operations[0]).unwrap()).unwrap();
    let mut dice = Dice::new(seed);
    let again = dice.below(operations.len());
    operations.push(operations[again].clone());
    dice.shuffle(&mut operations);
    for bytes in &operations {
        assert!(!matches!(other.admit(bytes), Admission::Refused(_)), "P5, seed {seed}");
    }
    assert_eq!(other.state_hash(), whole.state_hash(), "P2, seed {seed}");
    assert_eq!(other.citable_heads(), whole.citable_heads(), "P2, seed {seed}");
}

/// Everybody who sits, somebody who sits twice by one key included (MB-V4).
fn seated<const S: usize>(log: &Membership<S>) -> BTreeSet<MembershipId> {
    let taken = |seat: &SeatState| if let SeatState::Occupied { mid, .. } = seat { Some(*mid) } else { None };
    log.roster().seats().iter().filter_map(taken).collect()
}

/// The fewest steps with which a seed still fails.
fn shrunk<const S: usize>(opening: &Opening<S>, seed: u64, manners: Manners, steps: usize) -> usize {
    let fails = |steps: &usize| {
        catch_unwind(AssertUnwindSafe(|| check(opening, seed, manners, *steps, &mut Tally::default()))).is_err()
    };
    (1..=steps).find(fails).unwrap_or(steps)
}

fn run<const S: usize>(manners: Manners, seeds: core::ops::Range<u64>, steps: usize, tally: &mut Tally) {
    run_after(&Opening::<S>::new().unwrap(), manners, seeds, steps, tally);
}

fn run_after<const S: usize>(
    opening: &Opening<S>,
    manners: Manners,
    seeds: core::ops::Range<u64>,
    steps: usize,
    tally: &mut Tally,
) {
    for seed in seeds {
        let steps = steps + usize::try_from(seed % 9).unwrap();
        let attempt = catch_unwind(AssertUnwindSafe(|| {
            let mut one = *tally;
            check(opening, seed, manners, steps, &mut one);
            one
        }));
        let Ok(one) = attempt else {
            let least = shrunk(opening, seed, manners, steps);
            panic!("({manners:?}, {S}, {seed}, {least}) breaks an invariant: add it to REGRESSIONS");
        };
        *tally = one;
    }
}

/// Past the harness, which shows what passing tests print only when asked to.
fn tell(what: &str, tally: Tally, since: std::time::Duration) {
    let line = alloc::format!(
        "{what}: {} histories, {} operations, {} merges, {} successions, {} junk refused, {} seats taken at the end, {since:.1?}\n",
        tally.histories,
        tally.operations,
        tally.merges,
        tally.successions,
        tally.refused,
        tally.occupied
    );
    std::io::stderr().write_all(line.as_bytes()).unwrap();
}

#[expect(clippy::disallowed_types, reason = "a campaign says how long it took")]
fn campaign(what: &str, kinds: &[Manners]) {
    let start = std::time::Instant::now();
    let mut tally = Tally::default();
    let share = HISTORIES / 4 / u64::try_from(kinds.len()).unwrap();
    for (n, &manners) in (0..).zip(kinds) {
        let first = 10_000_000 * (n + 1);
        run::<4>(manners, first..first + share, 8, &mut tally);
        run::<5>(manners, first + share..first + 2 * share, 8, &mut tally);
        run::<6>(manners, first + 2 * share..first + 3 * share, 10, &mut tally);
        run::<8>(manners, first + 3 * share..first + 4 * share, 12, &mut tally);
    }
    assert_eq!(tally.histories, HISTORIES);
    tell(what, tally, start.elapsed());
}

#[test]
fn p01_p02_p03_p04_p06_p07_p08_p23_hold_in_20_000_honest_histories() {
    campaign("honest", &[Manners::Gentle, Manners::Honest]);
}

#[test]
fn p01_p02_p03_p04_p05_p10_p13_p21_p23_hold_in_20_000_hostile_histories() {
    campaign("hostile", &[Manners::Hostile]);
}

#[test]
fn p25_p26_p27_hold_in_4_000_histories_in_which_founders_are_replaced() {
    let mut tally = Tally::default();
    for (first, manners) in [(30_000_000, Manners::Honest), (40_000_000, Manners::Hostile)] {
        run_after(&Opening::<5>::recoverable().unwrap(), manners, first..first + 1_000, 10, &mut tally);
        run_after(&Opening::<8>::recoverable().unwrap(), manners, first..first + 1_000, 16, &mut tally);
    }
    tell("founders replaced", tally, core::time::Duration::ZERO);
    assert!(tally.histories == 4_000 && tally.successions > 3_000 && tally.named > 1_500, "the keepers spoke");
}

#[test]
fn p01_p04_p23_hold_in_worlds_of_100_seats() {
    let mut tally = Tally::default();
    for manners in [Manners::Honest, Manners::Hostile] {
        run::<100>(manners, 0..4, 300, &mut tally);
    }
    tell("worlds of 100 seats", tally, core::time::Duration::ZERO);
    assert!(tally.occupied > 100, "the worlds were lived in");
}

#[test]
fn what_once_broke_an_invariant_holds() {
    let mut tally = Tally::default();
    for &(manners, seats, seed, steps) in REGRESSIONS {
        match seats {
            4 => check(&Opening::<4>::new().unwrap(), seed, manners, steps, &mut tally),
            6 => check(&Opening::<6>::new().unwrap(), seed, manners, steps, &mut tally),
            8 => check(&Opening::<8>::new().unwrap(), seed, manners, steps, &mut tally),
            _ => panic!("a world of {seats} seats"),
        }
    }
}
