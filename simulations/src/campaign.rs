//! Many seeds: what failed, how long things took, and how one campaign compares with another.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use coterie_simulations::plan::draw;
use coterie_simulations::report::{Sum, failure_text, verdict_text};
use coterie_simulations::scenario::{Act, Moment, Timed};
use coterie_simulations::{Keep, Scenario, Verdict};

use crate::commands::{How, Sweep, exit_code, live};
use crate::door;

/// Seeds of a campaign that is given neither a count nor a time.
const SEEDS_DEFAULT: u64 = 20;

/// Runs seed after seed.
pub(crate) fn sweep(command: &Sweep) -> Result<u8, String> {
    let watch = door::Stopwatch::start();
    let mut sum = Sum { start: command.start, ..Sum::default() };
    let mut code = 0;
    let is_over = |seeds: u64, ms: u64| match (command.count, command.seconds) {
        (None, None) => seeds >= SEEDS_DEFAULT,
        (count, seconds) => {
            count.is_some_and(|count| seeds >= count) || seconds.is_some_and(|seconds| ms >= seconds * 1_000)
        }
    };
    while !is_over(sum.seeds, watch.ms()) {
        let seed = command.start.wrapping_add(sum.seeds);
        let scenario = draw(seed, command.groups.size());
        let before = watch.ms();
        let (_, outcome) = live(&scenario, command.how.options(Keep::Newest));
        sum.add(&scenario, &outcome, watch.ms() - before);
        door::progress(&format!(
            "seed {seed}: {} runs, {} failed, {} s",
            sum.seeds,
            sum.failures.len(),
            watch.ms() / 1_000
        ));
        if let Verdict::Failed(violation) = &outcome.verdict {
            door::progress("");
            door::say(&failure_text(&scenario, violation));
            door::say(&format!("replay: coterie-sim replay --seed {seed}{}", command.groups.words()));
            let path = command.failures.join(format!("{}-{seed:08x}.scenario", violation.id));
            let about = format!("# {}: {}\n", violation.id, violation.text.replace('\n', " "));
            door::write(&path, &(about + &scenario.to_text()))?;
            door::say(&format!("saved: {}", path.display()));
            if code == 0 {
                code = 1;
            }
            if !command.keep_going {
                break;
            }
        }
    }
    door::progress("");
    door::say(&sum.text(watch.ms()));
    if code == 0 && command.require_marks && !sum.missed_marks().is_empty() {
        door::complain("some marks were never met: what they stand for was not put to the test");
        code = 17;
    }
    if let Some(path) = &command.headline {
        let how = format!("coterie-sim sweep --start {} --seeds {}{}", sum.start, sum.seeds, command.groups.words());
        door::write(path, &sum.headline(&how, watch.ms()))?;
        door::say(&format!("headline: {}", path.display()));
    }
    if let Some(path) = &command.json {
        let json = serde_json::to_string(&sum).map_err(|error| error.to_string())?;
        if path.as_os_str() == "-" { door::say(&json) } else { door::write(path, &json)? }
    }
    Ok(code)
}

/// Rule INV-D4: the story once for each commit of a host and each kind of crash there.
pub(crate) fn crash_every_commit(scenario: &Scenario, host: &str, how: How) -> Result<u8, String> {
    let id = (0..scenario.host_count()).find(|&id| scenario.host_name(id) == host).ok_or(format!("no host {host}"))?;
    let (world, outcome) = live(scenario, how.options(Keep::All));
    if outcome.verdict != Verdict::Good {
        return Err(format!("the story fails without a crash\n{}", verdict_text(scenario, &outcome)));
    }
    let commits =
        world.trace.lines().filter(|line| line.kind == "commit" && line.host == Some(id) && line.t > 0).count() as u64;
    for commit in 1..=commits {
        for point in [Moment::Before, Moment::During, Moment::After] {
            let mut story = scenario.clone();
            story.timed.insert(0, Timed { at_us: 0, line: 0, act: Act::Crash { host: id, commit, point } });
            let (_, outcome) = live(&story, how.options(Keep::Newest));
            door::progress(&format!("commit {commit} of {commits}, {point:?}"));
            if let Verdict::Failed(violation) = &outcome.verdict {
                door::say(&format!("crash at commit {commit}, {point:?}"));
                door::say(&failure_text(&story, violation));
                return Ok(exit_code(&outcome.verdict));
            }
        }
    }
    door::progress("");
    door::say(&format!("{commits} commits of {host}, three crashes at each: all good"));
    Ok(0)
}

fn load(path: &Path) -> Result<Sum, String> {
    let text = door::read(path)?;
    let last = text.lines().rev().find(|line| line.starts_with('{')).unwrap_or_default();
    serde_json::from_str(last).map_err(|error| format!("{}: {error}", path.display()))
}

/// Tables, and a page.
pub(crate) fn report(files: &[PathBuf], html: Option<&Path>) -> Result<u8, String> {
    let mut whole = Sum::default();
    for path in files {
        whole.merge(load(path)?);
    }
    door::say(&whole.text(whole.real_ms));
    door::say(&whole.table());
    if let Some(path) = html {
        door::write(path, &coterie_simulations::report::sum_page(&whole))?;
    }
    Ok(if whole.failures.is_empty() { 0 } else { 17 })
}

/// The same measures of two campaigns; more than a tenth worse is a failure.
pub(crate) fn compare(base: &Path, new: &Path) -> Result<u8, String> {
    let (base, new) = (load(base)?.measures(), load(new)?.measures());
    let names: BTreeMap<&String, ()> = base.keys().chain(new.keys()).map(|name| (name, ())).collect();
    let mut code = 0;
    door::say(&format!("{:<28} {:>14} {:>14} {:>8}", "measure", "base", "new", "change"));
    for name in names.into_keys() {
        let (old, now) = (base.get(name).copied().unwrap_or(0), new.get(name).copied().unwrap_or(0));
        let per_mille = now.saturating_mul(1_000) / old.max(1);
        let is_worse = old > 0 && per_mille > 1_100;
        door::say(&format!(
            "{name:<28} {old:>14} {now:>14} {:>6}.{}%{}",
            per_mille / 10,
            per_mille % 10,
            if is_worse { " WORSE" } else { "" }
        ));
        if is_worse {
            code = 17;
        }
    }
    Ok(code)
}
