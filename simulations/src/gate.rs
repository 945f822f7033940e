//! The gate on convergence: how long after a split of a large group every message is everywhere.
//!
//! Two halves talk apart for a hundred seconds and are joined again. Nobody may wait longer than ten seconds and the
//! longest pause between two dials, because a split can heal just after everybody has dialled in vain.

use clap::Args;
use coterie_simulations::{Options, Scenario, Verdict, World, percentile_of};

use crate::door;

/// Ten seconds, and a redial or a probe at the latest after this: 30 s + 25 %.
const BOUND_US: u64 = 10_000_000 + 37_500_000;
/// How long both halves talk, ms.
const TALK_MS: u64 = 100_000;

#[derive(Args)]
pub(crate) struct Gate {
    /// Hosts.
    #[arg(long, default_value = "100", value_parser = clap::value_parser!(u16).range(4..=100))]
    nodes: u16,
    /// Messages of each half.
    #[arg(long, default_value = "1000", value_parser = clap::value_parser!(u64).range(1..=10_000))]
    messages: u64,
    /// The first seed.
    #[arg(long, default_value = "1")]
    start: u64,
    /// How many seeds.
    #[arg(long, default_value = "1")]
    seeds: u64,
}

/// Runs the seeds; 17 if one in a hundred took too long.
pub(crate) fn gate(command: &Gate) -> Result<u8, String> {
    let mut took = Vec::new();
    for seed in command.start..command.start.saturating_add(command.seeds) {
        let watch = door::Stopwatch::start();
        let outcome = World::new(story(command, seed)?, Options::default()).run();
        if let Verdict::Failed(violation) = outcome.verdict {
            return Err(format!("seed {seed}: {}: {}", violation.id, violation.text));
        }
        let us = outcome.t_msg_us.ok_or_else(|| format!("seed {seed}: a message never arrived everywhere"))?;
        let (said, ms) = (outcome.latencies_us.len(), watch.ms());
        door::say(&format!(
            "seed {seed}: {} hosts, {said} messages, T_msg {} ms, {} events in {ms} ms",
            command.nodes,
            us / 1_000,
            outcome.events
        ));
        took.push(us);
    }
    took.sort_unstable();
    let at = |percent| percentile_of(&took, percent) / 1_000;
    let [half, most, nearly_all] = [50, 95, 99].map(at);
    door::say(&format!("T_msg: p50 {half} ms, p95 {most} ms, p99 {nearly_all} ms (at most {} ms)", BOUND_US / 1_000));
    Ok(if nearly_all > BOUND_US / 1_000 { 17 } else { 0 })
}

fn story(command: &Gate, seed: u64) -> Result<Scenario, String> {
    let (nodes, half) = (command.nodes, command.nodes / 2);
    let second = half + 1;
    // Everybody of a half in turn, so that the half says so many in all.
    let every = |speakers: u16| (u64::from(speakers) * TALK_MS / command.messages).max(1);
    let (first_ms, second_ms) = (every(half), every(nodes - half));
    let text = format!(
        "scenario \"two halves of {nodes}\"\nseed {seed}\nnodes {nodes}\nlink all latency=50ms\n\
         at 2s split n1..n{half} rest\nat 5s n1..n{half} say every {first_ms}ms for {TALK_MS}ms\n\
         at 5s n{second}..n{nodes} say every {second_ms}ms for {TALK_MS}ms\nat 120s heal\nexpect at end lost 0\n"
    );
    Scenario::parse(&text).map_err(|faults| faults.iter().map(|fault| fault.show("gate")).collect())
}
