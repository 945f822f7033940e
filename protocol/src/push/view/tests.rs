//! Views of a network whose dials succeed, fail or are refused as the test says.

use super::*;
use crate::ids::LinkId;
use alloc::collections::BTreeSet;
use alloc::vec;
use rand_chacha::ChaCha20Rng;
use rand_core::{Rng, SeedableRng};

const HOUR: u64 = 3_600_000;

fn at(ms: u64) -> Timestamp {
    Timestamp::new(ms, 1_700_000_000_000 + ms)
}

fn mid(n: usize) -> MembershipId {
    MembershipId([u8::try_from(n).unwrap(); 32])
}

fn online() -> Candidate {
    Candidate {
        online: true,
        dialable: true,
        linked_elsewhere: false,
        well_connected: false,
        rtt_ms: None,
        last_contact_ms: 0,
    }
}

fn neighbour(n: usize) -> Neighbour {
    Neighbour { link: LinkId(n as u64), slot: 1 }
}

fn number(mid: &MembershipId) -> usize {
    usize::from(mid.0[0])
}

struct Bench {
    view: View,
    pace: DialPace,
    rng: ChaCha20Rng,
}

impl Bench {
    fn new(members: usize, mode: Mode, seed: u64) -> Self {
        let mut rng = ChaCha20Rng::seed_from_u64(seed);
        let mut view = View::new(&mut rng);
        view.on_mode(at(0), mode);
        for n in 0..members {
            let candidate = Candidate { well_connected: n % 10 == 0, rtt_ms: Some(10 + n as u64), ..online() };
            view.on_candidate(at(0), mid(n), candidate);
        }
        Self { view, pace: DialPace::default(), rng }
    }

    fn look(&mut self, now: u64) -> Vec<ViewAction> {
        self.view.on_deadline(at(now), &mut self.pace, &mut self.rng)
    }

    /// Runs until `until`; every dial is answered by `answers`. Gives the dials with their times.
    fn run(&mut self, from: u64, until: u64, answers: &dyn Fn(usize) -> bool) -> Vec<(u64, usize)> {
        let (mut now, mut dials) = (from, vec![]);
        while now <= until {
            for action in self.look(now) {
                match action {
                    ViewAction::Dial(mid) => {
                        dials.push((now, number(&mid)));
                        self.pace.on_ended(&mid);
                        if answers(number(&mid)) {
                            let gone = self.view.on_up(at(now), mid, neighbour(number(&mid)), Opening::Ours);
                            assert!(gone.len() <= 1);
                        } else {
                            self.view.on_dial_failed(at(now), &mid, &mut self.rng);
                        }
                    }
                    ViewAction::Release { .. } => {}
                }
            }
            now = self.view.next_deadline().unwrap_or(u64::MAX).max(now + 1);
        }
        dials
    }
}

#[test]
fn n_601_a_small_group_is_fully_linked() {
    let mut bench = Bench::new(11, Mode::Direct, 1);
    assert_eq!(bench.run(0, 10_000, &|_| true).len(), 11);
    assert_eq!(bench.view.active.len(), 11);
}

#[test]
fn n_601_a_large_group_gets_eight_of_three_kinds_and_nobody_can_foresee_the_random_ones() {
    let random = |seed| {
        let mut bench = Bench::new(60, Mode::Tree, seed);
        bench.run(0, 10_000, &|_| true);
        let view = &bench.view;
        assert_eq!((view.active.len(), view.count(Kind::Random)), (8, 3));
        assert_eq!((view.count(Kind::Near), view.count(Kind::WellConnected)), (3, 2));
        let of = |kind: Kind| -> BTreeSet<usize> {
            view.active.iter().filter(|(_, active)| active.kind == kind).map(|(mid, _)| number(mid)).collect()
        };
        assert!(of(Kind::WellConnected).iter().all(|n| n % 10 == 0));
        assert!(of(Kind::Near).iter().all(|&n| n < 8), "{:?}", of(Kind::Near));
        of(Kind::Random)
    };
    assert!(random(1) != random(2) && random(2) != random(3));
    assert_eq!(random(1), random(1));
}

#[test]
fn n_602_a_lost_neighbour_is_replaced_within_a_second_by_one_that_is_online() {
    let mut bench = Bench::new(20, Mode::Tree, 2);
    (0..10).for_each(|n| bench.view.on_candidate(at(0), mid(n), Candidate { online: false, ..online() }));
    bench.run(0, 10_000, &|_| true);
    let lost = *bench.view.active.keys().next().unwrap();
    let via = bench.view.active[&lost].neighbour;
    bench.view.on_down(at(20_000), &lost, neighbour(99));
    assert_eq!(bench.view.active.len(), 8, "a report about an older slot changes nothing");
    bench.view.on_down(at(20_000), &lost, via);
    bench.view.on_candidate(at(20_000), lost, Candidate { online: false, ..online() });
    let dials = bench.run(20_000, 21_000, &|_| true);
    assert!(matches!(dials[..], [(_, n)] if n >= 10), "{dials:?}");
}

#[test]
fn n_602_above_ten_the_newest_of_the_most_crowded_kind_goes_and_is_left_alone_for_ten_minutes() {
    let mut bench = Bench::new(13, Mode::Direct, 3);
    bench.run(0, 10_000, &|_| true);
    assert_eq!(bench.view.active.len(), 13);
    bench.view.on_mode(at(20_000), Mode::Tree);
    let released = bench.look(20_000);
    let why = |action: &ViewAction| matches!(action, ViewAction::Release { why: Release::Rebalance, .. });
    assert_eq!(released.iter().filter(|action| why(action)).count(), 3, "{released:?}");
    assert_eq!(bench.view.released.len(), 3);
    bench.view.on_mode(at(30_000), Mode::Direct);
    assert_eq!(bench.run(30_000, 600_000, &|_| true), vec![]);
    assert_eq!(bench.run(620_001, 660_000, &|_| true).len(), 3);
}

#[test]
fn n_603_there_is_room_for_fourteen_and_for_the_lonely_up_to_twenty_four() {
    let mut bench = Bench::new(60, Mode::Tree, 4);
    bench.run(0, 10_000, &|_| true);
    let mut full = vec![];
    let strangers: Vec<usize> = (0..60).filter(|n| !bench.view.active.contains_key(&mid(*n))).collect();
    for &n in &strangers[..20] {
        full.push(!bench.view.on_up(at(20_000), mid(n), neighbour(n), Opening::Theirs).is_empty());
    }
    assert_eq!(full.iter().position(|full| *full), Some(6));
    assert_eq!(bench.view.active.len(), 14);
    for &n in &strangers[20..40] {
        bench.view.on_up(at(20_000), mid(n), neighbour(n), Opening::TheirsLonely);
    }
    assert_eq!(bench.view.active.len(), 24);
    assert_eq!(bench.view.count(Kind::Random), 3, "who dials us does not choose our random neighbours");
    assert_eq!(bench.view.others_to_try(at(20_000)).len(), 3);
}

#[test]
fn n_603_an_idle_hour_has_no_dials_and_every_two_hours_one_neighbour_is_exchanged_new_one_first() {
    let mut bench = Bench::new(40, Mode::Tree, 5);
    bench.run(0, 10_000, &|_| true);
    assert_eq!(bench.run(10_001, HOUR, &|_| true), vec![]);
    let before: BTreeSet<MembershipId> = bench.view.active.keys().copied().collect();
    let dials = bench.run(HOUR, 12 * HOUR / 5, &|_| true);
    assert_eq!(dials.len(), 1);
    let after: BTreeSet<MembershipId> = bench.view.active.keys().copied().collect();
    assert_eq!((after.len(), after.difference(&before).count()), (8, 1));
    assert_eq!(bench.view.count(Kind::Random), 3);
}

#[test]
fn n_605_pauses_grow_and_after_ten_failures_only_the_probe_tries_again() {
    let mut bench = Bench::new(1, Mode::Direct, 6);
    let dials: Vec<u64> = bench.run(0, 20 * 60_000, &|_| false).iter().map(|&(at, _)| at).collect();
    let pauses: Vec<u64> = dials.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert_eq!(pauses[..5], [1_000, 2_000, 5_000, 15_000, 30_000]);
    assert!(pauses[5..9].iter().all(|pause| (22_500..=37_500).contains(pause)), "{pauses:?}");
    // It still counts as online somewhere, so no probe either: until there is a reason.
    assert_eq!(dials.len(), 10);
    bench.view.on_candidate(at(20 * 60_000), mid(0), Candidate { online: false, ..online() });
    let probes = bench.run(20 * 60_000, 40 * 60_000, &|_| false);
    assert!((33..=51).contains(&probes.len()), "{} probes in 20 minutes", probes.len());
    bench.view.on_hint(at(41 * 60_000), &mid(0));
    let hinted = bench.run(41 * 60_000, 41 * 60_000 + 5_000, &|_| false);
    assert_eq!(hinted.iter().filter(|(at, _)| *at <= 41 * 60_000 + 4_000).count(), 3);
}

#[test]
fn n_605_four_dials_at_once_six_a_minute_for_one_and_thirty_in_all() {
    let mut pace = DialPace::default();
    for n in 0..4 {
        assert!(pace.may_dial(at(60_000), &mid(n)).is_ok());
    }
    assert_eq!(pace.may_dial(at(60_000), &mid(9)), Err(60_250));
    (0..4).for_each(|n| pace.on_ended(&mid(n)));
    for _ in 0..6 {
        assert!(pace.may_dial(at(61_000), &mid(7)).is_ok());
        pace.on_ended(&mid(7));
    }
    assert_eq!(pace.may_dial(at(61_000), &mid(7)), Err(121_000));
    for n in 10..30 {
        assert!(pace.may_dial(at(62_000), &mid(n)).is_ok());
        pace.on_ended(&mid(n));
    }
    assert_eq!(pace.may_dial(at(62_000), &mid(40)), Err(120_000));
    assert!(pace.may_dial(at(120_000), &mid(40)).is_ok());
    // Dials nobody reports on do not block for good.
    let mut pace = DialPace::default();
    (0..4).for_each(|n| assert!(pace.may_dial(at(0), &mid(n)).is_ok()));
    assert!(pace.may_dial(at(30_000), &mid(9)).is_ok());
}

/// Sixty views that dial each other: the graph is connected, no node is crowded, and it heals when a third dies.
#[test]
fn n_601_the_views_of_sixty_members_make_one_graph_that_heals() {
    let count = 60;
    let mut benches: Vec<Bench> = (0..count).map(|n| Bench::new(0, Mode::Tree, n as u64)).collect();
    let mut rng = ChaCha20Rng::seed_from_u64(9);
    let mut alive = vec![true; count];
    for (n, bench) in benches.iter_mut().enumerate() {
        for other in (0..count).filter(|other| *other != n) {
            let rtt = 10 + u64::from(rng.next_u32() % 200);
            bench.view.on_candidate(at(0), mid(other), Candidate { rtt_ms: Some(rtt), ..online() });
        }
    }
    let settle = |benches: &mut Vec<Bench>, alive: &[bool], from: u64, link: &mut u64| {
        for now in (from..from + 60_000).step_by(100) {
            for n in (0..count).filter(|n| alive[*n]) {
                for action in benches[n].look(now) {
                    let ViewAction::Dial(peer) = action else { continue };
                    benches[n].pace.on_ended(&peer);
                    let other = number(&peer);
                    *link += 1;
                    let via = Neighbour { link: LinkId(*link), slot: 1 };
                    let taken =
                        alive[other] && benches[other].view.on_up(at(now), mid(n), via, Opening::Theirs).is_empty();
                    let Bench { view, rng, .. } = &mut benches[n];
                    if taken {
                        view.on_up(at(now), peer, via, Opening::Ours);
                    } else {
                        view.on_dial_failed(at(now), &peer, rng);
                    }
                }
            }
        }
    };
    let is_one_graph = |benches: &[Bench], alive: &[bool]| {
        let first = alive.iter().position(|alive| *alive).unwrap();
        let (mut reached, mut todo) = (BTreeSet::from([first]), vec![first]);
        while let Some(n) = todo.pop() {
            for peer in benches[n].view.active.keys().map(number).filter(|peer| alive[*peer]) {
                if reached.insert(peer) {
                    todo.push(peer);
                }
            }
        }
        reached.len() == alive.iter().filter(|alive| **alive).count()
    };
    let mut link = 0;
    settle(&mut benches, &alive, 0, &mut link);
    assert!(is_one_graph(&benches, &alive));
    let degrees: Vec<usize> = benches.iter().map(|bench| bench.view.active.len()).collect();
    assert!(degrees.iter().all(|degree| (6..=14).contains(degree)), "{degrees:?}");
    for dead in 0..20 {
        alive[dead * 3] = false;
        for bench in &mut benches {
            if let Some(via) = bench.view.active.get(&mid(dead * 3)).map(|active| active.neighbour) {
                bench.view.on_down(at(60_000), &mid(dead * 3), via);
            }
            bench.view.on_candidate(at(60_000), mid(dead * 3), Candidate { online: false, ..online() });
        }
    }
    settle(&mut benches, &alive, 60_000, &mut link);
    assert!(is_one_graph(&benches, &alive));
    let live = benches.iter().zip(&alive).filter(|(_, alive)| **alive);
    assert!(live.clone().all(|(bench, _)| bench.view.active.len() >= 6));
}
