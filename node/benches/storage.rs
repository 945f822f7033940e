//! What durability costs, as ratios, and how a store of 100,000 messages behaves:
//! `cargo bench -p coterie-node --features testing --bench storage`.
//!
//! A message is what a send commits: its entry, its line, the log's head, the chain key. Each figure stands beside the
//! plain `write` and `fsync` of the same bytes to a file on the same disk, measured in turn with it, so that a slow disk
//! or a busy machine moves both. Ends with an error if a bound is missed.
#![expect(clippy::expect_used, clippy::print_stdout, reason = "a measurement that cannot run has nothing to say")]

use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use coterie_node::testing::{Cost, Holder, NodeStore, Opened, Start, VaultKey, close, create, open};
use coterie_protocol::{Batch, OrderKey, RecordId, Store};
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;

/// A short message, sealed and signed; and its line.
const ENTRY_BYTES: usize = 560;
const VIEW_BYTES: usize = 330;
/// A log's head and a chain key, which replace the ones before.
const HEAD_BYTES: usize = 180;
const CHAIN_BYTES: usize = 120;
const WRITERS: u64 = 100;
/// Messages of one batch: four changes each, within the 254 that a sealed batch takes.
const BATCH_MESSAGES: u64 = 60;
const MESSAGES: u64 = 100_000;
const REOPEN_MAX: Duration = Duration::from_millis(500);

fn start(rng: &mut ChaCha20Rng) -> Start<'_> {
    Start { holder: Holder { started_ms: 0, socket: "none".into() }, rng }
}

/// Changes of one message in a group; gives their bytes.
fn message(batch: &mut Batch, group: u32, n: u64) -> usize {
    let order = OrderKey((u128::from(n) << 64).to_be_bytes());
    batch.put(RecordId::entry(group, 1, n).key(), vec![7; ENTRY_BYTES]);
    batch.put(RecordId::view(group, order).key(), vec![8; VIEW_BYTES]);
    batch.put(RecordId::log(group, 1).key(), vec![9; HEAD_BYTES]);
    batch.put(RecordId::chain(group, 1, 1).key(), vec![1; CHAIN_BYTES]);
    ENTRY_BYTES + VIEW_BYTES + HEAD_BYTES + CHAIN_BYTES
}

struct Pace {
    ours: Duration,
    plain: Duration,
    messages: u64,
}

impl Pace {
    fn ratio(&self) -> f64 {
        self.plain.as_secs_f64() / self.ours.as_secs_f64()
    }

    fn say(&self, what: &str) {
        let per_second = |time: Duration| self.messages as f64 / time.as_secs_f64();
        let (ours, plain) = (per_second(self.ours), per_second(self.plain));
        println!("{what:<58} {ours:>8.0} /s, plain {plain:>8.0} /s, ratio {:.2}", self.ratio());
    }
}

/// Messages in batches of `size`, in turn with the same bytes written plainly, synced after every `plain_size` of them.
fn race(store: &mut NodeStore, plain: &mut File, next: &mut u64, (size, plain_size, rounds): (u64, u64, u64)) -> Pace {
    let (mut ours, mut theirs) = (Duration::ZERO, Duration::ZERO);
    for _ in 0..rounds {
        let mut batch = Batch::default();
        let mut bytes = 0;
        for _ in 0..size {
            *next += 1;
            bytes = message(&mut batch, u32::try_from(*next % 10).unwrap_or(0), *next);
        }
        let begin = Instant::now();
        store.commit(&batch).expect("a commit");
        ours += begin.elapsed();
        let chunk = vec![5; bytes * usize::try_from(plain_size).unwrap_or(1)];
        let begin = Instant::now();
        for _ in 0..size / plain_size {
            plain.write_all(&chunk).and_then(|()| plain.sync_all()).expect("a plain write");
        }
        theirs += begin.elapsed();
    }
    Pace { ours, plain: theirs, messages: size * rounds }
}

fn rss_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap_or_default();
    line.split_whitespace().nth(1).and_then(|text| text.parse().ok()).unwrap_or(0)
}

fn main() -> ExitCode {
    let root = tempfile::tempdir().expect("a temporary folder");
    let path = root.path().join("profile");
    let mut rng = ChaCha20Rng::from_seed([1; 32]);
    let Opened { mut store, home, .. } =
        create(&path, &VaultKey::KeyFile(None), Cost::FLOOR, start(&mut rng)).expect("a profile");
    let mut plain = File::create(root.path().join("plain")).expect("a file");
    let mut next = 0;
    let single = race(&mut store, &mut plain, &mut next, (1, 1, 200));
    single.say("one message a commit");
    let grouped = race(&mut store, &mut plain, &mut next, (BATCH_MESSAGES, 1, WRITERS / 4));
    grouped.say("100 writers, grouped; plain: each its own sync");
    let batched = race(&mut store, &mut plain, &mut next, (BATCH_MESSAGES, BATCH_MESSAGES, WRITERS));
    batched.say("100 writers, grouped; plain: the same groups, unencrypted");
    while next < MESSAGES {
        let mut batch = Batch::default();
        for _ in 0..BATCH_MESSAGES.min(MESSAGES - next) {
            next += 1;
            message(&mut batch, u32::try_from(next % 10).unwrap_or(0), next);
        }
        store.commit(&batch).expect("a commit");
    }
    close(home, store).expect("closed");
    let good = large(&path);
    if grouped.ratio() >= 0.5 && good { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// The store of 100,000 messages: its start, its size, what it takes of memory.
fn large(path: &Path) -> bool {
    let before = rss_kib();
    let mut times: Vec<Duration> = Vec::new();
    for seed in 0..5 {
        let mut rng = ChaCha20Rng::from_seed([seed; 32]);
        let begin = Instant::now();
        let Opened { store, home, .. } = open(path, &VaultKey::KeyFile(None), start(&mut rng)).expect("it opens");
        times.push(begin.elapsed());
        let usage = store.usage().expect("its size");
        if seed == 4 {
            let ratio = usage.disk_bytes as f64 / usage.live_bytes as f64;
            times.sort();
            println!(
                "{} records, {} MB live, {} MB on disk, ratio {ratio:.2} (bound 2.2)",
                usage.records,
                usage.live_bytes / 1_000_000,
                usage.disk_bytes / 1_000_000
            );
            println!("reopen: median {:?} of {times:?} (bound {REOPEN_MAX:?})", times[2]);
            println!("resident: {} MiB more than before, after a scan of all of it", (rss_kib() - before) >> 10);
            close(home, store).expect("closed");
            return ratio <= 2.2 && times[2] <= REOPEN_MAX;
        }
        close(home, store).expect("closed");
    }
    false
}
