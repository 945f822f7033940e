//! Writes `protocol/docs/membership-rules.md`: each rule of the fold, and tests that fail when it is taken away.
//!
//! `cargo run -p coterie-tests --bin rules` runs the mutation check of the membership log and writes down what it
//! prints. The check itself says when the page is out of date.

#![expect(clippy::expect_used, reason = "a command that cannot go on ends, and says where")]

use std::fmt::Write as _;
use std::process::{Command, ExitCode};

use coterie_tests::house;

/// The check that prints the table.
const CHECK: &str =
    "membership::tests::ablations::mb_n01_every_rule_of_the_fold_is_missed_by_a_test_when_it_is_taken_away";

const HEAD: &str = "# Rules of the fold, and the tests that miss them

Written by `cargo run -p coterie-tests --bin rules`. Each rule is taken away on its own; the tests named, at most two
and quick ones first, fail then. What the rules mean stands in `membership.md`.

| rule | what it says | tests that fail without it |
|---|---|---|
";

fn main() -> ExitCode {
    let output = Command::new(env!("CARGO"))
        .args(["test", "--locked", "-p", "coterie-protocol", "--lib", CHECK, "--", "--exact", "--nocapture"])
        .current_dir(house::root())
        .output()
        .expect("cargo runs");
    let printed = String::from_utf8_lossy(&output.stdout);
    let mut page = String::from(HEAD);
    let mut rules = 0;
    for line in printed.lines().filter_map(|line| line.find("| ").map(|at| line.split_at(at).1)) {
        if line.ends_with(" |") {
            writeln!(page, "{line}").expect("writing to a string");
            rules += 1;
        }
    }
    if rules == 0 {
        return ExitCode::FAILURE;
    }
    std::fs::write(house::root().join("protocol/docs/membership-rules.md"), page).expect("the page can be written");
    ExitCode::SUCCESS
}
