//! What folding costs: a batch of 10², 10³ and 10⁴ operations, one more operation on top, a roster at older heads.
#![expect(
    clippy::disallowed_types,
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a bench takes the time, prints it, and ends at what it didn't expect"
)]

#[path = "common/lived.rs"]
mod lived;

use std::hint::black_box;
use std::time::{Duration, Instant};

use coterie_protocol::testing::Checking;
use coterie_protocol::testing::membership::{Body, Exchange, Membership};
use coterie_protocol::testing::town::Side;
use criterion::{Criterion, criterion_group, criterion_main};
use lived::{about, lived, one_more};

fn benches(c: &mut Criterion) {
    for count in [100, 1_000, 10_000] {
        let (operations, founder, people) = lived(count);
        let bytes: usize = operations.iter().map(Vec::len).sum();
        let start = Instant::now();
        let log = Membership::<100>::restore(operations.clone()).expect("a sound log");
        let restored = start.elapsed();
        println!("{count} operations: {bytes} bytes, restore (decode, admission, fold) {restored:?}");
        c.bench_function(&format!("batch fold {count}"), |b| b.iter(|| black_box(&log).fold_again()));
        let mut side = Side::of(log);
        c.bench_function(&format!("plain operation at {count}"), |b| {
            b.iter_custom(|times| one_more(&side, &founder, times, Checking::Always, about))
        });
        c.bench_function(&format!("plain operation at {count}, signatures known"), |b| {
            b.iter_custom(|times| one_more(&side, &founder, times, Checking::Once, about))
        });
        if let Some(target) = people.first() {
            c.bench_function(&format!("authority operation at {count}"), |b| {
                b.iter_custom(|times| {
                    one_more(&side, &founder, times, Checking::Always, |_| Body::Promote { target: target.mid })
                })
            });
        }
        let older: Vec<_> = side.log.operations().map(|op| op.id()).collect();
        c.bench_function(&format!("roster at older heads, {count}"), |b| {
            let mut n = 0;
            b.iter(|| {
                n += 1;
                let id = older[older.len() - 1 - (n % (older.len() / 2))];
                black_box(side.log.roster_at(&coterie_protocol::Heads::new(vec![id])).map(|r| r.keyed().len()))
            });
        });
        let start = Instant::now();
        let frames = Exchange::new().generate(&mut side.log).len();
        println!("{count} operations: document built in {:?}, {frames} frame(s) to begin with", start.elapsed());
        merge_last_tenth(&operations);
    }
}

/// A tenth of the log comes when the document stands: admission and fold, then the document alone.
fn merge_last_tenth(operations: &[Vec<u8>]) {
    let (first, last) = operations.split_at(operations.len() * 9 / 10);
    let mut log = Membership::<100>::restore(first.to_vec()).expect("a sound log");
    Exchange::new().generate(&mut log);
    let start = Instant::now();
    log.admit_batch(last.iter().map(Vec::as_slice));
    let admitted = start.elapsed();
    let start = Instant::now();
    Exchange::new().generate(&mut log);
    let merged = start.elapsed();
    let bytes = log.document_bytes();
    println!(
        "{} operations: the last tenth admitted in {admitted:?}, merged in {merged:?}; the document would be {bytes} bytes",
        operations.len()
    );
}

criterion_group!(name = fold; config = Criterion::default().sample_size(10).measurement_time(Duration::from_secs(2)); targets = benches);
criterion_main!(fold);
