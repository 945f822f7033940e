//! The membership log at ten thousand operations against its bounds: time, size and peak memory of each, one line per
//! bound; ends with 1 if one is missed.
#![expect(
    clippy::disallowed_types,
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a bench takes the time, prints it, and ends at what it didn't expect"
)]

#[path = "common/lived.rs"]
mod lived;

use std::hint::black_box;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use coterie_protocol::testing::Checking;
use coterie_protocol::testing::membership::{Body, Exchange, Membership};
use coterie_protocol::testing::town::Side;
use lived::{about, lived, one_more};

const OPERATIONS: usize = 10_000;
/// Of so many runs the median counts.
const RUNS: usize = 11;
/// Bytes that the saved document may spend on an operation beside the operation itself.
const OVERHEAD_MAX: usize = 45;

/// What was measured, and whether all of it was good.
struct Report {
    good: bool,
}

impl Report {
    /// Runs something a few times; it says itself what part of it counts.
    fn time(&mut self, what: &str, most: Duration, mut run: impl FnMut() -> Duration) {
        let (peak, mut times) = peak_kib(|| (0..RUNS).map(|_| run()).collect::<Vec<Duration>>());
        times.sort_unstable();
        let median = times.get(RUNS / 2).copied().unwrap_or_default();
        self.line(what, median, most, peak);
    }

    fn line<T: PartialOrd + std::fmt::Debug>(&mut self, what: &str, got: T, most: T, peak: u64) {
        let good = got <= most;
        self.good &= good;
        let (got, most) = (format!("{got:.1?}"), format!("{most:.1?}"));
        let verdict = if good { "ok" } else { "MISSED" };
        println!("{what:<44} {got:>10}  (at most {most:>8})  peak +{peak:>6} KiB  {verdict}");
    }
}

/// How much more memory the process had, at most, while something ran. Linux; elsewhere 0.
fn peak_kib<T>(run: impl FnOnce() -> T) -> (u64, T) {
    // The mark of the most memory starts anew.
    drop(std::fs::write("/proc/self/clear_refs", "5"));
    let before = status_kib("VmRSS:");
    let result = run();
    (status_kib("VmHWM:").saturating_sub(before), result)
}

fn status_kib(name: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix(name));
    line.and_then(|rest| rest.split_whitespace().next()?.parse().ok()).unwrap_or(0)
}

fn timed<T>(run: impl FnOnce() -> T) -> Duration {
    let start = Instant::now();
    black_box(run());
    start.elapsed()
}

fn main() -> ExitCode {
    // `cargo test` builds benches and runs them with this word: a look at whether they build is enough then.
    if !std::env::args().any(|word| word == "--bench") {
        return ExitCode::SUCCESS;
    }
    let (operations, founder, people) = lived(OPERATIONS);
    let bytes: usize = operations.iter().map(Vec::len).sum();
    println!("{} operations, {bytes} bytes", operations.len());
    let mut report = Report { good: true };
    let restore = |operations: &[Vec<u8>]| Membership::<100>::restore(operations.to_vec()).expect("a sound log");

    report.time("load (decode, admission, fold)", Duration::from_millis(300), || timed(|| restore(&operations)));
    let log = restore(&operations);
    report.time("batch fold", Duration::from_millis(5), || timed(|| log.fold_again()));
    let side = Side::of(log);
    let times = 20;
    report.time("plain operation, signature checked", Duration::from_micros(50), || {
        one_more(&side, &founder, times, Checking::Always, about) / 20
    });
    let target = people.first().expect("somebody stays").mid;
    report.time("authority operation, signature checked", Duration::from_millis(2), || {
        one_more(&side, &founder, times, Checking::Always, |_| Body::Promote { target }) / 20
    });
    report.time("document: merge of the last tenth", Duration::from_millis(100), || merge_last_tenth(&operations));

    let mut log = restore(&operations);
    let (peak, saved) = peak_kib(|| log.document_bytes());
    let most = bytes + OVERHEAD_MAX * operations.len();
    report.line("document: saved bytes", saved, most, peak);
    if report.good { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// The document stands; the last tenth was admitted and is merged into it.
fn merge_last_tenth(operations: &[Vec<u8>]) -> Duration {
    let (first, last) = operations.split_at(operations.len() * 9 / 10);
    let mut log = Membership::<100>::restore(first.to_vec()).expect("a sound log");
    Exchange::new().generate(&mut log);
    log.admit_batch(last.iter().map(Vec::as_slice));
    timed(|| Exchange::new().generate(&mut log))
}
