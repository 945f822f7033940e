//! The sum of a campaign: what was tried, what failed, how long things took.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde::{Deserialize, Serialize};

use crate::scenario::Scenario;
use crate::world::{Outcome, Verdict, percentile_of};

/// Values kept for percentiles, per group size.
const SAMPLES_MAX: usize = 100_000;

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
        let _ = write!(out, "violations: {}", self.failures.len());
        for failure in &self.failures {
            let _ = write!(out, "\n  seed {} {} {}", failure.seed, failure.id, failure.text);
        }
        out
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

fn keep(to: &mut Vec<u64>, values: impl IntoIterator<Item = u64>) {
    let room = SAMPLES_MAX.saturating_sub(to.len());
    to.extend(values.into_iter().take(room));
}
