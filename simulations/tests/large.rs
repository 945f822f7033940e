//! Large groups: nobody is linked with everybody (N-601), and two halves find each other again all the same (N-605).
#![expect(clippy::panic, reason = "a test says what is wrong by failing")]

use coterie_simulations::host::Host;
use coterie_simulations::report::failure_text;
use coterie_simulations::{Options, Outcome, Scenario, Verdict, World};

/// Links that a node looks for, and those of others that it also takes; both limits are the protocol's.
const LINKS: std::ops::RangeInclusive<usize> = 6..=24;

fn told(text: &str) -> (World, Outcome) {
    let story = Scenario::parse(text).unwrap_or_else(|faults| panic!("{}", faults[0].show("story")));
    let mut world = World::new(story.clone(), Options::default());
    let outcome = world.run();
    if let Verdict::Failed(violation) = &outcome.verdict {
        panic!("{}", failure_text(&story, violation));
    }
    (world, outcome)
}

#[test]
fn n_601_in_a_group_of_thirty_nobody_is_linked_with_everybody_and_nobody_with_few() {
    let (world, _) = told("seed 3\nnodes 30\nat 5m heal\n");
    let gid = world.gid().unwrap();
    let linked = |host: &Host| host.members(&gid).iter().filter(|member| member.link.is_some()).count();
    let links: Vec<usize> = world.hosts().iter().map(linked).collect();
    assert!(links.len() == 30 && links.iter().all(|links| LINKS.contains(links)), "{links:?}");
    assert!(links.iter().sum::<usize>() <= 30 * 16, "{links:?}");
}

#[test]
fn n_605_two_halves_of_a_large_group_that_talked_apart_find_each_other_by_a_probe() {
    let (_, outcome) = told(concat!(
        "seed 5\nnodes 24\nlink all latency=50ms\nat 2s split n1..n12 rest\n",
        "at 5s n1..n12 say every 10s for 2m ; n13..n24 say every 10s for 2m\n",
        "at 4m heal\nexpect by +48s converged\n",
    ));
    assert!(outcome.latencies_us.len() > 200, "{} messages", outcome.latencies_us.len());
}
