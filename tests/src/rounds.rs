//! What the programs that harm a node have in common: `--rounds N`, `--seed N`, luck that can be repeated, a table.

use std::collections::BTreeMap;
use std::io::Write;
use std::process::ExitCode;

/// What was asked for on the command line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rounds {
    /// How many.
    pub rounds: u64,
    /// Where luck begins.
    pub seed: u64,
}

impl Rounds {
    /// Reads `--rounds N` and `--seed N`.
    ///
    /// # Panics
    /// With what can be typed, if something else was.
    #[must_use]
    pub fn from_arguments(default: u64) -> Self {
        Self::read(default, std::env::args().skip(1)).unwrap_or_else(|word| {
            panic!("{word:?} is not understood: --rounds N (default {default}), --seed N (default 1)")
        })
    }

    fn read(default: u64, mut words: impl Iterator<Item = String>) -> Result<Self, String> {
        let mut found = Self { rounds: default, seed: 1 };
        while let Some(word) = words.next() {
            let number = words.next().and_then(|text| text.parse().ok());
            match (word.as_str(), number) {
                ("--rounds", Some(number)) => found.rounds = number,
                ("--seed", Some(number)) => found.seed = number,
                _ => return Err(word),
            }
        }
        Ok(found)
    }
}

/// Luck of a seed (`SplitMix64`): the same on every machine. <https://prng.di.unimi.it/splitmix64.c>
#[derive(Clone, Debug)]
pub struct Luck(u64);

impl Luck {
    /// Of this seed.
    #[must_use]
    pub const fn of(seed: u64) -> Self {
        Self(seed)
    }

    /// Below `end`, which is not 0.
    pub const fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % end
    }

    /// From `low` to `high`, both among them.
    pub const fn between(&mut self, low: u64, high: u64) -> u64 {
        low + self.below(high - low + 1)
    }
}

/// What a program counted, and what went wrong.
#[derive(Default)]
pub struct Table {
    counts: BTreeMap<&'static str, u64>,
    most: BTreeMap<&'static str, u64>,
    failures: Vec<String>,
}

impl Table {
    /// Adds to a row.
    pub fn count(&mut self, row: &'static str, more: u64) {
        *self.counts.entry(row).or_default() += more;
    }

    /// Keeps the largest value of a row.
    pub fn largest(&mut self, row: &'static str, value: u64) {
        let most = self.most.entry(row).or_default();
        *most = value.max(*most);
    }

    /// Something that must not be. It is said at once and fails the program.
    pub fn fail(&mut self, what: String) {
        say(&format!("FAIL {what}"));
        self.failures.push(what);
    }

    /// What a row has.
    #[must_use]
    pub fn of(&self, row: &'static str) -> u64 {
        self.counts.get(row).copied().unwrap_or(0)
    }

    /// How many things went wrong.
    #[must_use]
    pub const fn failures(&self) -> usize {
        self.failures.len()
    }

    /// Prints the table; non-zero if anything went wrong.
    #[must_use]
    pub fn end(self, title: &str) -> ExitCode {
        say(&format!("\n{title}"));
        for (row, value) in self.counts.iter().chain(&self.most) {
            say(&format!("  {row:<44} {value:>10}"));
        }
        say(&format!("  {:<44} {:>10}", "failures", self.failures.len()));
        self.failures.iter().for_each(|failure| say(&format!("  FAIL {failure}")));
        if self.failures.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
    }
}

/// One line for whoever runs the program.
pub fn say(text: &str) {
    let _ = writeln!(std::io::stdout().lock(), "{text}");
}

/// A line that shows that something moves: every so many rounds.
pub fn progress(round: u64, rounds: u64, what: &str) {
    if round.is_multiple_of((rounds / 20).max(1)) {
        say(&format!("round {round} of {rounds}: {what}"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_are_numbers_with_names() {
        let read = |text: &str| Rounds::read(7, text.split_whitespace().map(str::to_owned));
        assert_eq!(read(""), Ok(Rounds { rounds: 7, seed: 1 }));
        assert_eq!(read("--seed 5 --rounds 200"), Ok(Rounds { rounds: 200, seed: 5 }));
        assert!(read("--rounds many").is_err() && read("200").is_err());
    }

    #[test]
    fn luck_repeats_and_stays_within_its_bounds() {
        let draw = |seed| {
            let mut luck = Luck::of(seed);
            (0..100).map(|_| luck.between(3, 9)).collect::<Vec<_>>()
        };
        assert_eq!(draw(1), draw(1));
        assert_ne!(draw(1), draw(2));
        assert!((3..=9).all(|value| draw(1).contains(&value)) && draw(1).iter().all(|value| (3..=9).contains(value)));
    }
}
