//! What folding costs: a batch of 10², 10³ and 10⁴ operations, one more operation on top, a roster at older heads.
#![expect(
    clippy::disallowed_types,
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a bench takes the time, prints it, and ends at what it didn't expect"
)]

use std::hint::black_box;
use std::time::{Duration, Instant};

use coterie_protocol::testing::membership::{Body, Exchange, Membership, Setting, setting};
use coterie_protocol::testing::town::{Person, Side};
use coterie_protocol::testing::{Checking, check_signatures};
use criterion::{Criterion, criterion_group, criterion_main};

/// A group that has lived: people come and go on 90 seats, ten admins, some settings.
fn lived(operations: usize) -> (Vec<Vec<u8>>, Person, Vec<Person>) {
    let mut founder = Person::new("founder");
    let mut town = Side::<100>::found(&mut founder).expect("a sound Genesis");
    let mut turn = 0_u32;
    let mut last: Vec<Option<Person>> = vec![None; 100];
    for seat in 1..4_u8 {
        let mut person = Person::new(&format!("stays{seat}"));
        town.seat(&founder, &mut person, seat);
        last[usize::from(seat)] = Some(person);
    }
    while town.log.len() < operations {
        let seat = 4 + (turn % 96);
        let seat_at = u8::try_from(seat).unwrap_or(1);
        if let Some(person) = last[seat as usize].take() {
            town.remove(&founder, &person, person.mid.into());
        } else if turn.is_multiple_of(7) {
            town.set(&founder, setting::ABOUT, Some(Setting::Text(format!("{turn}"))));
            turn += 1;
            continue;
        }
        // The founder's chain ends at 2 000 office operations, so most seats are only joined and left.
        let mut person = Person::new(&format!("p{turn}"));
        let link = town.link(&founder, &[seat_at], &Default::default());
        town.join(&mut person, &link, 0);
        if turn < 300 {
            town.confirm(&founder, person.mid);
            last[seat as usize] = Some(person);
        } else {
            town.leave(&person, &[]);
        }
        turn += 1;
    }
    let people = last.into_iter().flatten().collect();
    (town.log.operations().map(|op| op.bytes().to_vec()).collect(), founder, people)
}

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

fn about(n: u64) -> Body {
    Body::SetPolicy { sets: vec![(setting::ABOUT, Some(Setting::Text(format!("{n}"))))] }
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

/// Admits one operation after another; each is taken back by copying the side. `Once`: its signature is known already,
/// so that folding shows without checking.
fn one_more(side: &Side<100>, by: &Person, times: u64, checking: Checking, body: impl Fn(u64) -> Body) -> Duration {
    let mut total = Duration::ZERO;
    for n in 0..times {
        let mut copy = side.split();
        // A copy's tables are full to the brim: the first operation after it would pay for moving them all.
        copy.write(by, Body::SetPolicy { sets: Vec::new() });
        let signed = copy.log.draft(&by.mid, &by.keys(), body(n), 1, by.office);
        check_signatures(checking);
        if checking == Checking::Once {
            copy.split().log.admit(signed.bytes());
        }
        let start = Instant::now();
        copy.log.admit(signed.bytes());
        total += start.elapsed();
    }
    total
}

criterion_group!(name = fold; config = Criterion::default().sample_size(10).measurement_time(Duration::from_secs(2)); targets = benches);
criterion_main!(fold);
