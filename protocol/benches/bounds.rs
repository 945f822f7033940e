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
#[path = "common/memory.rs"]
mod memory;

use std::hint::black_box;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use coterie_protocol::testing::Checking;
use coterie_protocol::testing::membership::{Body, Exchange, Membership};
use coterie_protocol::testing::town::{Person, Side};
use lived::{about, bump, floor, in_a_row, lived, one_more};
use memory::peak_kib;

const OPERATIONS: usize = 10_000;
/// Of so many runs the median counts.
const RUNS: usize = 11;
const PLAIN_MAX: Duration = Duration::from_micros(50);
/// A plain operation costs at most so many times what nobody can save of it.
const FLOORS_MAX: f64 = 2.0;
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
    plain_operations(&mut report, &side, &founder);
    let target = people.first().expect("somebody stays").mid;
    report.time("authority operation, signature checked", Duration::from_millis(2), || {
        one_more(&side, &founder, 20, Checking::Always, |_, _| Body::Promote { target }) / 20
    });
    report.time("document: merge of the last tenth", Duration::from_millis(100), || merge_last_tenth(&operations));

    let mut log = restore(&operations);
    let (peak, saved) = peak_kib(|| log.document_bytes());
    let most = bytes + OVERHEAD_MAX * operations.len();
    report.line("document: saved bytes", saved, most, peak);
    if report.good { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// One plain operation on top: after a copy of the log, whose memory is cold then; and in a row, as a busy organiser's
/// chain comes in. The floor is what no fold can save, so the ratio to it says the same on a slow or busy machine.
fn plain_operations(report: &mut Report, side: &Side<100>, founder: &Person) {
    plain(report, "setting", side, founder, about);
    plain(report, "claim on a seat", side, founder, bump);
}

fn plain(
    report: &mut Report,
    what: &str,
    side: &Side<100>,
    founder: &Person,
    body: impl Fn(&Side<100>, u64) -> Body + Copy,
) {
    report.time(&format!("{what}, signature checked"), PLAIN_MAX, || {
        one_more(side, founder, 20, Checking::Always, body) / 20
    });
    let (peak, runs) = peak_kib(|| {
        let run = |_| {
            let row = |checking| in_a_row(side, founder, 100, checking, body);
            [row(Checking::Always), row(Checking::Once), floor(side, founder, 100)]
        };
        (0..RUNS).map(run).collect::<Vec<_>>()
    });
    // What others do on the machine only adds, so of a row the least counts.
    let least = |which: usize| runs.iter().filter_map(|run| run.get(which)).min().copied().unwrap_or_default();
    let (checked, known, floor) = (least(0), least(1), least(2));
    report.line(&format!("{what}, in a row, signature checked"), checked, PLAIN_MAX, peak);
    println!("  without the signature {known:.1?}; floor (signature, hash) {floor:.1?}");
    let ratio = checked.as_secs_f64() / floor.as_secs_f64();
    report.line(&format!("{what}, in a row, to its floor"), ratio, FLOORS_MAX, peak);
}

/// The document stands; the last tenth was admitted and is merged into it.
fn merge_last_tenth(operations: &[Vec<u8>]) -> Duration {
    let (first, last) = operations.split_at(operations.len() * 9 / 10);
    let mut log = Membership::<100>::restore(first.to_vec()).expect("a sound log");
    Exchange::new().generate(&mut log);
    log.admit_batch(last.iter().map(Vec::as_slice));
    timed(|| Exchange::new().generate(&mut log))
}
