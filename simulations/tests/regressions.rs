//! Stories that must go well, and the one thing all others rest on: the same story twice is the same run, also in
//! another process.

use coterie_simulations::scenario::{Act, Pace, Scenario, Timed, Who};
use coterie_simulations::{Options, Outcome, Verdict, World};

const SECOND: u64 = 1_000_000;

fn say(who: &[u16], every_us: u64, for_us: u64) -> Act {
    let pace = Pace { times: 1, every_us, for_us };
    Act::Say { who: Who::Hosts(who.to_vec()), text: None, pace, size: None, label: None }
}

fn partition_and_heal(seed: u64) -> Scenario {
    let mut story = Scenario::quiet("two halves and a peace", seed, 6);
    let timed = [
        (5, say(&[0, 1, 2, 3, 4, 5], 4 * SECOND, 100 * SECOND)),
        (20, Act::Split(vec![vec![0, 1, 2], vec![3, 4, 5]])),
        (110, Act::Heal(None)),
    ];
    story.timed = timed.into_iter().map(|(at, act)| Timed { at_us: at * SECOND, line: 0, act }).collect();
    story
}

fn run(story: Scenario) -> (World, Outcome) {
    let mut world = World::new(story, Options::default());
    let outcome = world.run();
    if let Verdict::Failed(violation) = &outcome.verdict {
        for line in world.trace.lines() {
            println!("{} {:?}>{:?} {} {}", line.t, line.host, line.to, line.kind, line.what);
        }
        panic!("{violation:?}")
    }
    (world, outcome)
}

#[test]
fn inv_l01_two_halves_that_talked_apart_agree_again_after_the_peace() {
    let (_, outcome) = run(partition_and_heal(7));
    assert!(outcome.latencies_us.len() > 100, "{} messages", outcome.latencies_us.len());
    assert!(outcome.t_msg_us.is_some_and(|us| us <= 40 * SECOND), "{:?}", outcome.t_msg_us);
    println!("{} events, T_msg {:?} µs, {:?}", outcome.events, outcome.t_msg_us, outcome.checks);
}

#[test]
fn sim_11_the_same_seed_gives_the_same_trace() {
    let once = run(partition_and_heal(11)).1;
    let again = run(partition_and_heal(11)).1;
    assert_eq!((once.hash, once.events), (again.hash, again.events));
    assert!(run(partition_and_heal(12)).1.hash != run(partition_and_heal(11)).1.hash);
}
