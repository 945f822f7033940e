//! Is anybody watching? Every seeded bug of the core, planted in turn, must be found by some seed.

use std::fmt::Write as _;
use std::path::PathBuf;

use clap::Args;
use coterie_protocol::testing::bugs::{Bug, plant};
use coterie_simulations::plan::{Size, draw};
use coterie_simulations::{Keep, Memo, Options, Verdict, Violation};

use crate::commands::live;
use crate::door;

#[derive(Args)]
pub(crate) struct Bugs {
    /// Most seeds for each bug.
    #[arg(long, default_value = "2000")]
    seeds: u64,
    /// Only these.
    names: Vec<String>,
    /// Write the table here, as Markdown.
    #[arg(long)]
    out: Option<PathBuf>,
}

/// How a bug was found.
struct Found {
    seed: u64,
    violation: Violation,
}

/// A bug and what became of it.
struct Row {
    bug: Bug,
    found: Option<Found>,
    seeds: u64,
    ms: u64,
}

/// Plants each bug and looks for the first seed that fails with it and goes well without it.
pub(crate) fn bugs(command: &Bugs) -> Result<u8, String> {
    let is_meant = |bug: &&Bug| command.names.is_empty() || command.names.iter().any(|name| name == bug.name());
    if let Some(odd) = command.names.iter().find(|name| Bug::ALL.iter().all(|bug| bug.name() != name.as_str())) {
        let known: Vec<&str> = Bug::ALL.iter().map(|bug| bug.name()).collect();
        return Err(format!("no bug {odd}; there are: {}", known.join(", ")));
    }
    let mut rows = Vec::new();
    for &bug in Bug::ALL.iter().filter(is_meant) {
        let row = hunt(bug, command.seeds);
        door::progress("");
        door::say(&line(&row));
        rows.push(row);
    }
    let missed = rows.iter().filter(|row| row.found.is_none()).count();
    door::say(&format!("{} of {} bugs found", rows.len() - missed, rows.len()));
    if let Some(path) = &command.out {
        door::write(path, &table(&rows, command.seeds))?;
    }
    Ok(if missed == 0 { 0 } else { 17 })
}

fn hunt(bug: Bug, most: u64) -> Row {
    let watch = door::Stopwatch::start();
    for seed in 1..=most {
        door::progress(&format!("{}: seed {seed}", bug.name()));
        let Some(violation) = outcome_of(seed, Some(bug)) else { continue };
        // A seed that fails anyway shows nothing.
        if outcome_of(seed, None).is_none() {
            return Row { bug, found: Some(Found { seed, violation }), seeds: seed, ms: watch.ms() };
        }
    }
    Row { bug, found: None, seeds: most, ms: watch.ms() }
}

fn outcome_of(seed: u64, bug: Option<Bug>) -> Option<Violation> {
    plant(bug);
    // With a bug in the checking of signatures nothing may be remembered from a run without it; the memo starts
    // anew with each run.
    let (_, outcome) = live(&draw(seed, Size::Small), Options { keep: Keep::Newest, memo: Memo::On });
    plant(None);
    match outcome.verdict {
        Verdict::Good => None,
        Verdict::Failed(violation) => Some(violation),
    }
}

fn line(row: &Row) -> String {
    let Row { bug, seeds, ms, .. } = row;
    match &row.found {
        Some(Found { seed, violation }) => {
            format!("found   {:<24} seed {seed:<5} {:<8} {} ms  {}", bug.name(), violation.id, ms, violation.text)
        }
        None => format!("MISSED  {:<24} {seeds} seeds, {ms} ms  {}", bug.name(), bug.what()),
    }
}

fn table(rows: &[Row], most: u64) -> String {
    let mut out = format!(
        "# Seeded bugs\n\nWritten by `coterie-sim bugs --seeds {most} --out FILE`. Each bug is planted in the core (`protocol/src/testing/bugs.rs`),\nand the plans of the seeds 1, 2, 3 … are run until one fails; the same seed goes well without the bug.\n\n| bug | what is wrong | found by seed | invariant | seconds |\n|---|---|---|---|---|\n"
    );
    for Row { bug, found, ms, .. } in rows {
        let (seed, id) = match found {
            Some(found) => (found.seed.to_string(), found.violation.id.clone()),
            None => ("not found".into(), "–".into()),
        };
        let _ = writeln!(
            out,
            "| `{}` | {} | {seed} | {id} | {}.{} |",
            bug.name(),
            bug.what(),
            ms / 1_000,
            ms % 1_000 / 100
        );
    }
    out
}
