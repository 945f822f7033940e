//! What folding costs: a batch of 10², 10³ and 10⁴ operations, one more operation on top, a roster at older heads.
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
use std::time::{Duration, Instant};

use coterie_protocol::testing::Checking;
use coterie_protocol::testing::membership::{Body, Exchange, Membership};
use coterie_protocol::testing::town::{Person, Side};
use criterion::{Bencher, Criterion, criterion_group, criterion_main};
use lived::{about, bump, floor, in_a_row, lived, one_more};
use memory::peak_kib;

fn benches(c: &mut Criterion) {
    for count in [100, 1_000, 10_000] {
        let (operations, founder, people) = lived(count);
        let bytes: usize = operations.iter().map(Vec::len).sum();
        let start = Instant::now();
        let (peak, log) = peak_kib(|| Membership::<100>::restore(operations.clone()).expect("a sound log"));
        let restored = start.elapsed();
        println!("{count} operations: {bytes} bytes, restore (decode, admission, fold) {restored:?}, peak +{peak} KiB");
        measured(c, &format!("batch fold {count}"), |b| b.iter(|| black_box(&log).fold_again()));
        let mut side = Side::of(log);
        plain_operations(c, count, &side, &founder);
        if let Some(target) = people.first() {
            measured(c, &format!("authority operation at {count}"), |b| {
                b.iter_custom(|times| {
                    one_more(&side, &founder, times, Checking::Always, |_, _| Body::Promote { target: target.mid })
                })
            });
        }
        let older: Vec<_> = side.log.operations().map(|op| op.id()).collect();
        measured(c, &format!("roster at older heads, {count}"), |b| {
            let mut n = 0;
            b.iter(|| {
                n += 1;
                let id = older[older.len() - 1 - (n % (older.len() / 2))];
                black_box(side.log.roster_at(&coterie_protocol::Heads::new(vec![id])).map(|r| r.keyed().len()))
            });
        });
        let start = Instant::now();
        let (peak, frames) = peak_kib(|| Exchange::new().generate(&mut side.log).len());
        let built = start.elapsed();
        println!("{count} operations: document built in {built:?}, peak +{peak} KiB, {frames} frame(s) to begin with");
        merge_last_tenth(&operations);
    }
}

/// A bench, and the most memory that the process took for it. (Of a single operation that is the copies of the log on
/// which it is tried.)
fn measured(c: &mut Criterion, name: &str, bench: impl FnMut(&mut Bencher<'_>)) {
    let (peak, _) = peak_kib(|| c.bench_function(name, bench));
    println!("{name}: peak +{peak} KiB");
}

/// One more operation, with and without its signature; then a row of them, and what nobody can save of each.
fn plain_operations(c: &mut Criterion, count: usize, side: &Side<100>, founder: &Person) {
    plain(c, &format!("setting at {count}"), side, founder, about);
    plain(c, &format!("claim on a seat at {count}"), side, founder, bump);
    println!("floor of an operation (signature, hash): {:?}", floor(side, founder, 100));
}

fn plain(
    c: &mut Criterion,
    what: &str,
    side: &Side<100>,
    founder: &Person,
    body: impl Fn(&Side<100>, u64) -> Body + Copy,
) {
    measured(c, what, |b| b.iter_custom(|times| one_more(side, founder, times, Checking::Always, body)));
    measured(c, &format!("{what}, signature known"), |b| {
        b.iter_custom(|times| one_more(side, founder, times, Checking::Once, body))
    });
    let row = |checking| in_a_row(side, founder, 100, checking, body);
    let (checked, known) = (row(Checking::Always), row(Checking::Once));
    println!("{what}, in a row: {checked:?}, {known:?} without the signature");
}

/// A tenth of the log comes when the document stands: admission and fold, then the document alone.
fn merge_last_tenth(operations: &[Vec<u8>]) {
    let (first, last) = operations.split_at(operations.len() * 9 / 10);
    let mut log = Membership::<100>::restore(first.to_vec()).expect("a sound log");
    Exchange::new().generate(&mut log);
    let start = Instant::now();
    let (peak_admitted, _) = peak_kib(|| log.admit_batch(last.iter().map(Vec::as_slice)));
    let admitted = start.elapsed();
    let start = Instant::now();
    let (peak_merged, _) = peak_kib(|| Exchange::new().generate(&mut log));
    let merged = start.elapsed();
    let bytes = log.document_bytes();
    println!(
        "{} operations: the last tenth admitted in {admitted:?} (peak +{peak_admitted} KiB), merged in {merged:?} \
         (peak +{peak_merged} KiB); the document would be {bytes} bytes",
        operations.len()
    );
}

criterion_group!(name = fold; config = Criterion::default().sample_size(10).measurement_time(Duration::from_secs(2)); targets = benches);
criterion_main!(fold);
