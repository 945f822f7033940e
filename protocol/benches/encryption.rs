//! Keys alone, at 2, 10 and 100 members: the bars are seal ≤ 0.1 ms, open ≤ 0.2 ms, a Rekey at 100 ≤ 9,000 bytes,
//! built in ≤ 20 ms and received in ≤ 0.5 ms. Run: `cargo bench -p coterie-protocol --bench encryption`.
#![expect(clippy::expect_used, clippy::print_stdout, reason = "a bench prints, and ends at what it didn't expect")]

use std::cell::RefCell;
use std::hint::black_box;

use coterie_protocol::testing::speakers::Speakers;
use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;

type People = RefCell<Speakers<ChaCha20Rng>>;

fn people(n: u8) -> People {
    RefCell::new(Speakers::new(n, ChaCha20Rng::from_seed([1; 32])))
}

/// A Message, with a new epoch for both sides when the old one is used up.
fn say(people: &People, text: &str) -> Vec<u8> {
    if let Some(message) = people.borrow_mut().say(text) {
        return message;
    }
    let rekey = people.borrow_mut().rekey().expect("a rekey");
    people.borrow_mut().take_rekey(&rekey);
    people.borrow_mut().say(text).expect("a fresh epoch")
}

fn messages(c: &mut Criterion) {
    let text = "x".repeat(192);
    let both = people(2);
    println!("message of 192 bytes of text: {} bytes", say(&both, &text).len());
    c.bench_function("seal 256 B", |bench| bench.iter(|| black_box(say(&both, &text))));
    let both = people(2);
    c.bench_function("open 256 B", |bench| {
        bench.iter_batched(
            || say(&both, &text),
            |message| assert!(both.borrow_mut().open(&message).is_some()),
            BatchSize::PerIteration,
        );
    });
    let message = say(&both, &text);
    c.bench_function("decode and encode a message", |bench| {
        bench.iter(|| black_box(both.borrow().recode(&message)));
    });
}

fn rekeys(c: &mut Criterion) {
    for n in [2, 10, 100] {
        let group = people(n);
        let rekey = group.borrow_mut().rekey().expect("a rekey");
        println!("rekey at {n}: {} bytes", rekey.len());
        c.bench_function(&format!("rekey build at {n}"), |bench| {
            bench.iter(|| black_box(group.borrow_mut().rekey()));
        });
        c.bench_function(&format!("rekey receive at {n}"), |bench| {
            bench.iter_batched(
                || group.borrow_mut().rekey().expect("a rekey"),
                |rekey| assert_eq!(group.borrow_mut().take_rekey(&rekey), Some(true)),
                BatchSize::PerIteration,
            );
        });
        c.bench_function(&format!("rekey decode and encode at {n}"), |bench| {
            bench.iter(|| black_box(group.borrow().recode(&rekey)));
        });
    }
}

criterion_group!(benches, messages, rekeys);
criterion_main!(benches);
