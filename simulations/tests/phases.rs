//! The two phases of a run, and who may be asked for what: safety whatever happens, agreement once faults end.
#![expect(clippy::panic, reason = "a test says what is wrong by failing")]

use coterie_simulations::{Options, Outcome, Scenario, Verdict, World};

fn told(story: &str) -> (World, Outcome) {
    let story = Scenario::parse(story).unwrap_or_else(|faults| panic!("{}", faults[0]));
    let mut world = World::new(story, Options::default());
    let outcome = world.run();
    (world, outcome)
}

#[test]
fn sim_30_faults_that_no_story_ends_end_with_it_and_then_all_must_agree() {
    // Nothing heals the split, nobody starts n4, and n1's disk stays full: the second phase does.
    let (world, outcome) = told(
        "nodes 5\nat 2s n1..n5 say \"before\"\nat 10s split [n1..n2] rest\nat 11s n1..n3 say \"apart\" every 2s for 20s\n\
         at 15s kill n4\n",
    );
    assert!(matches!(outcome.verdict, Verdict::Good), "{:?}", outcome.verdict);
    assert_eq!(world.living_members().len(), 5, "all machines are back");
    // The same story with less time for peace than any healing takes: the phase that failed is the second.
    let (_, outcome) = told(
        "nodes 5\nat 2s n1..n5 say \"before\"\nat 10s split [n1..n2] rest\nat 11s n1..n3 say \"apart\" every 2s for 20s\n\
         limit quiesce=1ms\n",
    );
    let Verdict::Failed(violation) = outcome.verdict else { panic!("agreement is demanded within the bound") };
    assert_eq!(violation.id, "INV-L1");
}

#[test]
fn sim_31_what_only_the_dishonest_hold_is_not_asked_for() {
    // The founder passes nothing on, and nobody but the founder is linked with both sides.
    let story = |bad: &str| {
        format!(
            "nodes 4\nat 1s behave {bad} withhold\nat 2s n1..n4 say \"hello\" every 3s for 12s\nlimit quiesce=1ms\n"
        )
    };
    let (_, outcome) = told(&story("n1"));
    assert!(matches!(outcome.verdict, Verdict::Good), "a dishonest founder: no verdict on agreement");
    let two =
        "nodes 4\nat 1s behave n2 withhold\nat 1s behave n3 withhold\nat 2s n1..n4 say \"hello\"\nlimit quiesce=1ms\n";
    let (_, outcome) = told(two);
    assert!(matches!(outcome.verdict, Verdict::Good), "two of four are more than a third: no verdict on agreement");
}

#[test]
fn f_b04_a_crowd_at_the_door_costs_members_nothing_and_learns_nothing() {
    let crowd: String = (1..=20).map(|x| format!("at 10s dial x{x} n1 x20\n")).collect();
    let story = |crowd: &str| {
        format!(
            "nodes 3\noutsiders 20\nat 5s n1..n3 say \"mind the door\" every 4s for 1m\n{crowd}expect always members = 3\n\
             expect at end lost 0\nexpect at end latency p99 < 2s\n"
        )
    };
    let (_, quiet) = told(&story(""));
    let (_, crowded) = told(&story(&crowd));
    for outcome in [&quiet, &crowded] {
        assert!(matches!(outcome.verdict, Verdict::Good), "{:?}", outcome.verdict);
    }
    assert!(
        crowded.events > quiet.events + 400,
        "400 strangers knocked: {} and {} events",
        crowded.events,
        quiet.events
    );
}
