//! Keeps the engine's memory near what it was allowed (ST-25).
//!
//! sled counts what it holds in 256 shards, and each of them notes 64 accesses before it looks whether something must go:
//! after every page of a large store was read once, hundreds of megabytes of pages may wait for that look. So some pages,
//! enough to meet every shard, are touched that often now and then; then the allocator gives back what is free. Measured
//! with 200,000 records: 101 MiB before, 49 after; either step alone does next to nothing.
//!
//! It happens on a thread of its own, which ends early when the store is closed.
//! <https://docs.rs/sled/0.34.7/src/sled/lru.rs.html>

use std::cell::{Cell, RefCell};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

use crate::memory;

/// Reads after which it is worth the while (guess).
const READS_MIN: u64 = 4_096;
/// Of the records that are read, one in so many is noted: a page holds at most 20.
const STRIDE: u64 = 32;
/// Keys that are noted. 1,024 pages meet all but four in a thousand of 256 shards.
const KEYS_MAX: usize = 1_024;
/// One more than a shard notes before it looks.
const TOUCHES: usize = 65;

/// What was read, and the thread that makes up for it.
#[derive(Default)]
pub(super) struct Cooling {
    reads: Cell<u64>,
    cooled_at: Cell<u64>,
    keys: RefCell<Vec<Vec<u8>>>,
    running: Option<JoinHandle<()>>,
    stop: Arc<AtomicBool>,
}

impl Cooling {
    /// A record was read.
    pub(super) fn note(&self, key: &[u8]) {
        let reads = self.reads.get().wrapping_add(1);
        self.reads.set(reads);
        if !reads.is_multiple_of(STRIDE) {
            return;
        }
        let mut keys = self.keys.borrow_mut();
        let slot = usize::try_from(reads / STRIDE).unwrap_or(0) % KEYS_MAX;
        match keys.get_mut(slot) {
            Some(kept) => kept.splice(.., key.iter().copied()).for_each(drop),
            None => keys.push(key.to_vec()),
        }
    }

    /// Starts if enough was read and the last time is over.
    pub(super) fn start(&mut self, db: &sled::Db) {
        let since = self.reads.get().wrapping_sub(self.cooled_at.get());
        if since < READS_MIN || self.running.as_ref().is_some_and(|running| !running.is_finished()) {
            return;
        }
        self.cooled_at.set(self.reads.get());
        let (db, keys, stop) = (db.clone(), self.keys.borrow().clone(), Arc::clone(&self.stop));
        // A system that has no thread to spare is left in peace; the next time will do.
        self.running = std::thread::Builder::new().spawn(move || cool(&db, &keys, &stop)).ok();
    }

    /// Waits for the thread: it holds the engine open.
    pub(super) fn end(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(running) = self.running.take()
            && running.join().is_err()
        {
            // sled panics on a damaged page; whoever needs that page meets it, too (ST-24).
            tracing::warn!(rule = "ST-25", "the store's memory was not given back");
        }
    }
}

impl Drop for Cooling {
    fn drop(&mut self) {
        self.end();
    }
}

fn cool(db: &sled::Db, keys: &[Vec<u8>], stop: &AtomicBool) {
    for key in keys {
        for _ in 0..TOUCHES {
            if stop.load(Ordering::Relaxed) || db.get(key).is_err() {
                return;
            }
        }
    }
    memory::give_back();
}
