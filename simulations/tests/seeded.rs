//! Is anybody watching? A bug that is planted in the core breaks the invariant that it should, and no bug breaks none.
//! All bugs over many seeds: `coterie-sim bugs`.
#![expect(clippy::panic, reason = "a test says what is wrong by failing")]

use std::process::Command;

use coterie_protocol::testing::bugs::{Bug, plant};
use coterie_simulations::plan::{Size, draw};
use coterie_simulations::{Options, Scenario, Verdict, World};

const REMOVAL: &str = "nodes 3\nat 2s n1..n3 say \"to all\"\nat 20s n1 remove n3\nat 30s n1..n2 say \"to two\" every 2s for 6s\n\
                       limit quiesce=60s\n";

/// The invariant that a story breaks with a bug, or none.
fn broken(story: &str, bug: Option<Bug>) -> Option<String> {
    let story = Scenario::parse(story).unwrap_or_else(|faults| panic!("{}", faults[0]));
    plant(bug);
    let outcome = World::new(story, Options::default()).run();
    plant(None);
    match outcome.verdict {
        Verdict::Good => None,
        Verdict::Failed(violation) => Some(violation.id),
    }
}

#[test]
fn without_a_bug_the_story_goes_well() {
    assert_eq!(broken(REMOVAL, None), None);
}

#[test]
fn inv_c01_words_that_are_not_sealed_are_found() {
    assert_eq!(broken(REMOVAL, Some(Bug::WordsInTheClear)).as_deref(), Some("INV-C1"));
}

#[test]
fn inv_c02_old_keys_that_still_open_are_found() {
    assert_eq!(broken(REMOVAL, Some(Bug::NoRekeyAfterRemoval)).as_deref(), Some("INV-C2"));
}

#[test]
fn inv_c03_a_key_that_seals_twice_is_found() {
    let is_found =
        |seed| broken(&draw(seed, Size::Small).to_text(), Some(Bug::KeyUsedTwice)).as_deref() == Some("INV-C3");
    assert!((1..=8).any(is_found));
}

#[test]
fn inv_s02_a_line_that_comes_twice_is_found() {
    assert_eq!(broken(REMOVAL, Some(Bug::ToldTwice)).as_deref(), Some("INV-S2"));
}

#[test]
fn inv_s07_a_tick_too_many_is_found() {
    assert_eq!(broken(REMOVAL, Some(Bug::ReceiptTooMany)).as_deref(), Some("INV-S7"));
}

#[test]
fn inv_s09_a_core_that_never_rests_is_found() {
    assert_eq!(broken(REMOVAL, Some(Bug::TimerInThePast)).as_deref(), Some("INV-S9"));
}

/// A crash at every call that changes the disk, before it, in its middle and after it: between two of them a crash at a
/// reading call leaves the same disk. What the disk holds must be all that was told to anybody, and no more than was begun.
fn crash_everywhere(name: &str, host: &str, story: &str) {
    let file = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}.scenario"));
    assert!(std::fs::write(&file, story).is_ok());
    let mut run = Command::new(env!("CARGO_BIN_EXE_coterie-sim"));
    let output = run.arg("run").arg(&file).args(["--crash-every-commit", host]).output();
    let output = output.unwrap_or_else(|error| panic!("{error}"));
    let told = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success() && told.contains("three crashes at each: all good"), "{name}: {told}");
}

#[test]
fn inv_d04_a_crash_at_each_commit_of_a_short_talk_leaves_everything_whole() {
    crash_everywhere("talk", "n2", "nodes 2\nat 1s n2 say \"one\"\nat 3s n1 say \"two\"\nlimit quiesce=60s\n");
}

#[test]
fn inv_d04_a_crash_at_each_commit_of_an_arrival_leaves_everything_whole() {
    let story =
        "nodes 2\noutsiders 1\nat 1s n1 invite as L\nat 3s x1 join L\nat 20s n1 say \"welcome\"\nlimit quiesce=120s\n";
    crash_everywhere("arrival", "x1", story);
}

#[test]
fn inv_d04_a_crash_at_each_commit_of_a_removal_leaves_everything_whole() {
    let story = "nodes 3\nat 1s n3 say \"hello\"\nat 3s n1 remove n3\nat 20s n2 say \"we two\"\nlimit quiesce=120s\n";
    crash_everywhere("removal", "n1", story);
}
