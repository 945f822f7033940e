//! Durable commits per second, single and batched, on the disk of the temporary folder:
//! `cargo bench -p coterie-node --features testing --bench commit`.
//!
//! Each iteration ends in a sync of our own (ST-20), so the figures are those of the disk as much as of the code.
#![expect(clippy::expect_used, reason = "a bench that cannot run has nothing to say")]

use std::hint::black_box;

use coterie_node::testing::{Cost, Holder, Opened, Start, VaultKey, create};
use coterie_protocol::{Batch, RecordId, Store};
use criterion::{BatchSize, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;

/// What a short message takes.
const RECORD_BYTES: usize = 300;

fn commit(criterion: &mut Criterion) {
    let root = tempfile::tempdir().expect("a temporary folder");
    let holder = Holder { started_ms: 0, socket: "none".into() };
    let mut rng = ChaCha20Rng::from_seed([1; 32]);
    let start = Start { holder, rng: &mut rng };
    let Opened { mut store, .. } =
        create(&root.path().join("profile"), &VaultKey::KeyFile(None), Cost::FLOOR, start).expect("a profile");
    let mut next = 0_u64;
    let mut group = criterion.benchmark_group("commit");
    group.sample_size(20);
    for records in [1_u64, 10, 100] {
        group.throughput(Throughput::Elements(records));
        group.bench_function(BenchmarkId::from_parameter(records), |bencher| {
            bencher.iter_batched(
                || {
                    let mut batch = Batch::default();
                    for _ in 0..records {
                        next += 1;
                        batch.put(RecordId::entry(1, 1, next).key(), vec![7; RECORD_BYTES]);
                    }
                    batch
                },
                |batch| store.commit(black_box(&batch)).expect("a commit"),
                BatchSize::PerIteration,
            );
        });
    }
    group.finish();
}

criterion_group!(benches, commit);
criterion_main!(benches);
