//! Every story that once went wrong, every story of the show-case, and the one thing all others rest on: the same
//! story twice is the same run, also in another process.
#![expect(clippy::panic, clippy::unwrap_used, reason = "a test says what is wrong by failing")]

use std::path::{Path, PathBuf};
use std::process::Command;

use coterie_simulations::report::failure_text;
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

fn run(story: &Scenario) -> Outcome {
    let mut world = World::new(story.clone(), Options::default());
    let outcome = world.run();
    if let Verdict::Failed(violation) = &outcome.verdict {
        panic!("{}: {}", story.name, failure_text(story, violation));
    }
    outcome
}

fn stories(folder: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let mut found: Vec<PathBuf> = std::fs::read_dir(folder)
        .into_iter()
        .flatten()
        .filter_map(|entry| entry.ok().map(|entry| entry.path()))
        .filter(|path| path.extension().is_some_and(|extension| extension == "scenario"))
        .collect();
    found.sort();
    found
}

fn read(path: &Path) -> Scenario {
    let text = std::fs::read_to_string(path).unwrap();
    Scenario::parse(&text).unwrap_or_else(|faults| panic!("{}", faults[0].show(&path.display().to_string())))
}

#[test]
fn inv_l01_two_halves_that_talked_apart_agree_again_after_the_peace() {
    let outcome = run(&partition_and_heal(7));
    assert!(outcome.latencies_us.len() > 100, "{} messages", outcome.latencies_us.len());
    assert!(outcome.t_msg_us.is_some_and(|us| us <= 40 * SECOND), "{:?}", outcome.t_msg_us);
}

#[test]
fn sim_11_the_same_seed_gives_the_same_trace_here_and_in_another_process() {
    let story = partition_and_heal(11);
    let (once, again) = (run(&story), run(&story));
    assert_eq!((&once.hash, once.events), (&again.hash, again.events));
    assert!(run(&partition_and_heal(12)).hash != once.hash);
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join("rerun.scenario");
    std::fs::write(&path, story.to_text()).unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_coterie-sim")).arg("run").arg("-q").arg(&path).output().unwrap();
    let told = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success() && told.contains(once.hash.get(..16).unwrap()), "{told}");
}

#[test]
fn sim_61_stories_that_once_went_wrong_go_well() {
    let stories = stories("regressions");
    assert!(!stories.is_empty());
    stories.iter().for_each(|path| drop(run(&read(path))));
}

#[test]
fn n_909_a_second_host_does_not_displace_the_one_that_took_the_claim() {
    let path = stories("regressions").into_iter().find(|path| path.ends_with("INV-L1-004c4b8c.scenario"));
    let outcome = run(&read(&path.unwrap()));
    assert!(outcome.t_members_us.is_some());
}

#[test]
fn stories_of_the_show_case_hold_what_they_promise() {
    let stories = stories("scenarios");
    assert!(stories.len() >= 12, "{} stories", stories.len());
    for path in &stories {
        let story = read(path);
        assert!(!story.expects.is_empty(), "{} expects nothing", path.display());
        run(&story);
    }
}
