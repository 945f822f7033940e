//! The sum of a campaign: what was tried, what failed, how long things took.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde::{Deserialize, Serialize};

use crate::oracle::Mark;
use crate::scenario::Scenario;
use crate::world::{Outcome, Verdict, percentile_of};

/// Values kept for percentiles, per group size.
const SAMPLES_MAX: usize = 100_000;

/// What people do; everything else is a fault or its end.
const PEACEFUL: [&str; 12] = [
    "say", "invite", "join", "confirm", "promote", "demote", "remove", "leave", "revoke", "heal", "restart", "snapshot",
];

/// A failure of a campaign.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Failure {
    /// Its seed.
    pub seed: u64,
    /// The invariant.
    pub id: String,
    /// What was seen.
    pub text: String,
}

/// Measures of groups of one size.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Sized {
    /// From the last heal until every message was everywhere, ms.
    pub t_msg_ms: Vec<u64>,
    /// From the last heal until all rosters were equal, ms.
    pub t_members_ms: Vec<u64>,
    /// From *saved* to the last reader, ms.
    pub latency_ms: Vec<u64>,
    /// Bytes sent.
    pub bytes: u64,
    /// Messages said.
    pub messages: u64,
}

/// The sum.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Sum {
    /// The first seed.
    pub start: u64,
    /// Runs.
    pub seeds: u64,
    /// Events.
    pub events: u64,
    /// Simulated time, µs.
    pub time_us: u64,
    /// Real time, ms.
    pub real_ms: u64,
    /// The slowest seed and its real ms.
    pub slowest: (u64, u64),
    /// Actions and faults by word.
    pub faults: BTreeMap<String, u64>,
    /// How often each invariant was looked at.
    pub checks: BTreeMap<String, u64>,
    /// How often each mark was met.
    #[serde(default)]
    pub marks: BTreeMap<String, u64>,
    /// By number of hosts.
    pub sizes: BTreeMap<u16, Sized>,
    /// What failed.
    pub failures: Vec<Failure>,
}

impl Sum {
    /// Adds a run.
    pub fn add(&mut self, scenario: &Scenario, outcome: &Outcome, real_ms: u64) {
        self.seeds += 1;
        self.events += outcome.events;
        self.time_us += outcome.time_us;
        self.real_ms += real_ms;
        self.slowest = self.slowest.max((real_ms, scenario.seed));
        for (word, count) in &outcome.faults {
            *self.faults.entry(word.clone()).or_default() += count;
        }
        for (id, count) in &outcome.checks {
            *self.checks.entry((*id).into()).or_default() += count;
        }
        for (mark, count) in &outcome.marks {
            *self.marks.entry(mark.name().into()).or_default() += count;
        }
        let sized = self.sizes.entry(scenario.nodes).or_default();
        keep(&mut sized.t_msg_ms, outcome.t_msg_us.map(|us| us / 1_000));
        keep(&mut sized.t_members_ms, outcome.t_members_us.map(|us| us / 1_000));
        keep(&mut sized.latency_ms, outcome.latencies_us.iter().map(|us| us / 1_000));
        sized.bytes += outcome.traffic.1;
        sized.messages += outcome.latencies_us.len() as u64;
        if let Verdict::Failed(violation) = &outcome.verdict {
            let (id, text) = (violation.id.clone(), violation.text.clone());
            self.failures.push(Failure { seed: scenario.seed, id, text });
        }
    }

    /// Adds another campaign.
    pub fn merge(&mut self, other: Self) {
        self.seeds += other.seeds;
        self.events += other.events;
        self.time_us += other.time_us;
        self.real_ms += other.real_ms;
        self.slowest = self.slowest.max(other.slowest);
        for (word, count) in other.faults {
            *self.faults.entry(word).or_default() += count;
        }
        for (id, count) in other.checks {
            *self.checks.entry(id).or_default() += count;
        }
        for (name, count) in other.marks {
            *self.marks.entry(name).or_default() += count;
        }
        for (nodes, sized) in other.sizes {
            let own = self.sizes.entry(nodes).or_default();
            keep(&mut own.t_msg_ms, sized.t_msg_ms);
            keep(&mut own.t_members_ms, sized.t_members_ms);
            keep(&mut own.latency_ms, sized.latency_ms);
            own.bytes += sized.bytes;
            own.messages += sized.messages;
        }
        self.failures.extend(other.failures);
    }

    /// For a person.
    #[must_use]
    pub fn text(&self, real_ms: u64) -> String {
        let hours = self.time_us / 3_600_000_000;
        let per_second = self.events.saturating_mul(1_000) / real_ms.max(1);
        let mut out = format!(
            "{} seeds from {}, {hours} simulated hours, {} events ({per_second}/s), {} s; slowest: seed {} ({} ms)\n",
            self.seeds,
            self.start,
            self.events,
            real_ms / 1_000,
            self.slowest.1,
            self.slowest.0
        );
        let words: Vec<String> = self.faults.iter().map(|(word, count)| format!("{word} {count}")).collect();
        let _ = writeln!(out, "actions: {}", words.join(", "));
        let checks: Vec<String> = self.checks.iter().map(|(id, count)| format!("{id} {count}")).collect();
        let _ = writeln!(out, "checks: {}", checks.join(", "));
        let marks: Vec<String> = self.marks.iter().map(|(name, count)| format!("{name} {count}")).collect();
        let _ = writeln!(out, "marks: {}", marks.join(", "));
        let missed = self.missed_marks();
        let of = Mark::ALL.len();
        let _ = writeln!(out, "marks met: {} of {of}; never met: {}", of - missed.len(), listed(&missed));
        let _ = write!(out, "violations: {}", self.failures.len());
        for failure in &self.failures {
            let _ = write!(out, "\n  seed {} {} {}", failure.seed, failure.id, failure.text);
        }
        out
    }

    /// The figures of a campaign for people, and the command that gives them again.
    #[must_use]
    pub fn headline(&self, how: &str, real_ms: u64) -> String {
        let days = self.time_us / 86_400_000_000;
        let hours = self.time_us / 3_600_000_000 % 24;
        let faults: u64 =
            self.faults.iter().filter(|(word, _)| !PEACEFUL.contains(&word.as_str())).map(|(_, n)| n).sum();
        let checks: u64 = self.checks.values().sum();
        let missed = self.missed_marks();
        let mut out = format!(
            "# A campaign\n\nWritten by `{how} --keep-going --headline FILE`.\n\n| figure | value |\n|---|---|\n| lives of groups (seeds) | {} |\n| simulated time | {days} days {hours} hours |\n| real time, one core | {} s |\n| events | {} |\n| faults injected | {faults} |\n| messages | {} |\n| checks of invariants | {checks} |\n| marks met | {} of {} |\n| violations | {} |\n",
            self.seeds,
            real_ms / 1_000,
            self.events,
            self.sizes.values().map(|sized| sized.messages).sum::<u64>(),
            Mark::ALL.len() - missed.len(),
            Mark::ALL.len(),
            self.failures.len()
        );
        let _ = writeln!(out, "\nMarks never met: {}.\n", listed(&missed));
        for failure in &self.failures {
            let _ = writeln!(out, "- seed {}: {}: {}", failure.seed, failure.id, failure.text.replace('\n', " "));
        }
        let _ = write!(out, "\n```\n{}```\n", self.table());
        out
    }

    /// Marks that no run met.
    #[must_use]
    pub fn missed_marks(&self) -> Vec<&'static str> {
        Mark::ALL.iter().map(|mark| mark.name()).filter(|name| !self.marks.contains_key(*name)).collect()
    }

    /// Percentiles by group size.
    #[must_use]
    pub fn table(&self) -> String {
        let mut out = format!(
            "{:>6} {:<12} {:>8} {:>8} {:>8} {:>8} {:>8}\n",
            "hosts", "measure", "runs", "p50 ms", "p95 ms", "p99 ms", "max ms"
        );
        for (nodes, sized) in &self.sizes {
            for (name, values) in sized.rows() {
                let mut sorted = values.clone();
                sorted.sort_unstable();
                let p = |percent| percentile_of(&sorted, percent);
                let _ = writeln!(
                    out,
                    "{nodes:>6} {name:<12} {:>8} {:>8} {:>8} {:>8} {:>8}",
                    sorted.len(),
                    p(50),
                    p(95),
                    p(99),
                    p(100)
                );
            }
            let _ = writeln!(
                out,
                "{nodes:>6} {:<12} {:>8} {:>8}",
                "bytes/msg",
                sized.messages,
                sized.bytes / sized.messages.max(1)
            );
        }
        out
    }

    /// Numbers of which a larger one is worse.
    #[must_use]
    pub fn measures(&self) -> BTreeMap<String, u64> {
        let mut all = BTreeMap::new();
        all.insert("violations".into(), self.failures.len() as u64);
        all.insert("ns per event".into(), self.real_ms.saturating_mul(1_000_000) / self.events.max(1));
        for (nodes, sized) in &self.sizes {
            for (name, values) in sized.rows() {
                let mut sorted = values.clone();
                sorted.sort_unstable();
                all.insert(format!("{nodes} hosts {name} p50"), percentile_of(&sorted, 50));
                all.insert(format!("{nodes} hosts {name} p99"), percentile_of(&sorted, 99));
            }
            all.insert(format!("{nodes} hosts bytes/msg"), sized.bytes / sized.messages.max(1));
        }
        all
    }
}

impl Sized {
    /// Its measures by name.
    pub(super) const fn rows(&self) -> [(&'static str, &Vec<u64>); 3] {
        [("T_msg", &self.t_msg_ms), ("T_members", &self.t_members_ms), ("latency", &self.latency_ms)]
    }
}

fn listed(names: &[&str]) -> String {
    if names.is_empty() { "none".into() } else { names.join(", ") }
}

fn keep(to: &mut Vec<u64>, values: impl IntoIterator<Item = u64>) {
    let room = SAMPLES_MAX.saturating_sub(to.len());
    to.extend(values.into_iter().take(room));
}
