//! The mutation check: each rule of the fold is taken away in turn, and some test must fail for it. The table of
//! rules and of the tests that miss them stands in `docs/membership-rules.md` and is written by
//! `cargo run -p coterie-tests --bin rules`; this test says when it is out of date.

use crate::membership::ablation::{FoldRule, holds, without};
use alloc::collections::BTreeSet;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::cell::Cell;
use std::panic::{catch_unwind, set_hook, take_hook};
use std::sync::Once;

type Test = (&'static str, fn());

/// Every test of this room by file, quick ones first, with the file's text so that none is forgotten.
const LISTS: &[(&[Test], &str)] = &[
    (super::scenarios_seats::LISTED, include_str!("scenarios_seats.rs")),
    (super::scenarios_admins::LISTED, include_str!("scenarios_admins.rs")),
    (super::scenarios_offices::LISTED, include_str!("scenarios_offices.rs")),
    (super::scenarios_links::LISTED, include_str!("scenarios_links.rs")),
    (super::scenarios_partitions::LISTED, include_str!("scenarios_partitions.rs")),
    (super::scenarios_recovery::LISTED, include_str!("scenarios_recovery.rs")),
    (super::recovery::LISTED, include_str!("recovery.rs")),
    (super::rules::LISTED, include_str!("rules.rs")),
    (super::attacks::LISTED, include_str!("attacks.rs")),
    (super::admission::LISTED, include_str!("admission.rs")),
    (super::bounds::LISTED, include_str!("bounds.rs")),
    (super::duties::LISTED, include_str!("duties.rs")),
    (super::displaced::LISTED, include_str!("displaced.rs")),
    (super::invariants::LISTED, include_str!("invariants.rs")),
];

/// Tests that take long and are asked last.
const SLOW: &[&str] = &["p", "s01_", "s02_", "s34_", "s40_", "r_33_the_pool", "r_35_without", "mb_c01", "mb_l05"];

/// As many tests as the table shows for a rule.
const SHOWN: usize = 2;

std::thread_local! {
    static QUIET: Cell<bool> = const { Cell::new(false) };
}

/// What fails on purpose says nothing.
fn be_quiet() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let loud = take_hook();
        set_hook(alloc::boxed::Box::new(move |info| {
            if !QUIET.get() {
                loud(info);
            }
        }));
    });
}

fn misses(rule: FoldRule, test: fn()) -> bool {
    be_quiet();
    QUIET.set(true);
    let failed = without(rule, || catch_unwind(test)).is_err();
    QUIET.set(false);
    failed
}

/// A test's name without the numbers of attacks in front of it.
fn without_attacks(name: &str) -> &str {
    match name.strip_prefix("at_").and_then(|rest| rest.split_once('_')) {
        Some((_, rest)) => without_attacks(rest),
        None => name,
    }
}

/// The first tests that fail without a rule.
fn missed_by(rule: FoldRule) -> Vec<&'static str> {
    let all = || LISTS.iter().flat_map(|(tests, _)| tests.iter());
    let is_slow = |name: &str| SLOW.iter().any(|start| without_attacks(name).starts_with(start));
    let quick = all().filter(|(name, _)| !is_slow(name));
    let mut found: Vec<&str> =
        quick.filter(|(_, test)| misses(rule, *test)).map(|(name, _)| *name).take(SHOWN).collect();
    if found.is_empty() {
        found =
            all().filter(|(name, test)| is_slow(name) && misses(rule, *test)).map(|(name, _)| *name).take(1).collect();
    }
    found
}

#[test]
fn mb_n01_every_rule_of_the_fold_is_missed_by_a_test_when_it_is_taken_away() {
    let mut table = String::new();
    let mut unnoticed = Vec::new();
    for &rule in FoldRule::ALL {
        let tests = missed_by(rule);
        if tests.is_empty() {
            unnoticed.push(rule);
        }
        let named: Vec<String> = tests.iter().map(|name| format!("`{name}`")).collect();
        table.push_str(&format!("| {} | {} | {} |\n", rule.id(), rule.says(), named.join(", ")));
    }
    std::print!("{table}");
    assert!(unnoticed.is_empty(), "no test misses {unnoticed:?}");
    let written = include_str!("../../../docs/membership-rules.md");
    assert!(
        written.contains(&table),
        "docs/membership-rules.md is out of date: cargo run -p coterie-tests --bin rules"
    );
}

#[test]
fn the_lists_name_every_test_of_their_files() {
    for (tests, text) in LISTS {
        let listed: BTreeSet<&str> = tests.iter().map(|(name, _)| *name).collect();
        let mut lines = text.lines();
        let mut written = BTreeSet::new();
        while let Some(line) = lines.next() {
            if line == "#[test]" {
                let name =
                    lines.next().and_then(|line| line.strip_prefix("fn ")).and_then(|line| line.split('(').next());
                written.extend(name);
            }
        }
        assert_eq!(listed, written);
    }
    assert!(holds(FoldRule::PinsBind), "nothing is taken away by itself");
}
