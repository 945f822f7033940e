//! A disk that fails on command: slow, full, lying, torn, damaged, gone in the middle of a commit (feature `testing`).
//!
//! [`FaultDisk`] is the hardware: it outlives crashes, can be copied and put back, and takes orders. [`FaultStore`] is
//! one process's view of it. Everything is decided by orders and numbers, nothing by chance or by a clock: the same
//! orders give the same bytes (F-M1 to F-M4, ST-131). After a crash or a failed sync the store answers only `Failed`;
//! the simulator drops it, calls [`FaultDisk::restart`] and opens another.

use alloc::boxed::Box;
use alloc::collections::{BTreeMap, VecDeque};
use alloc::vec::Vec;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::{Batch, Direction, IoKind, IoOperation, Store, StoreError, Usage, apply_to_map, page_of_map, usage_of_map};
use crate::record::Key;

/// The whole content of a disk at one moment, with the note of how far it had come.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Image(BTreeMap<Key, Vec<u8>>, u64);

impl Image {
    /// Every record, to search it for what must not be there.
    pub fn iter(&self) -> impl Iterator<Item = (&Key, &[u8])> {
        self.0.iter().map(|(key, value)| (key, value.as_slice()))
    }

    /// Number of records.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is nothing on it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Where in a commit the process dies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CrashPoint {
    /// Nothing of the batch was written.
    Before,
    /// It was written and not acknowledged: whole on the disk.
    DuringKept,
    /// It was written and not acknowledged: absent from the disk.
    DuringLost,
    /// Durable; the process dies before it can tell anybody.
    After,
}

/// What the next commits meet. All zero and `None`: a good disk.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Faults {
    /// How long a commit takes, in milliseconds, beside what its bytes take.
    pub sync_ms: u32,
    /// Bytes written in a millisecond; 0 means at once.
    pub bytes_per_ms: u32,
    /// Live bytes that fit; `None` means any number. Batches that only erase always fit.
    pub capacity_bytes: Option<u64>,
    /// The commit with this number (counted from 1 over the life of the disk) fails to sync.
    pub failing_sync_at: Option<u64>,
    /// The process dies at the commit with this number.
    pub crash_at: Option<(u64, CrashPoint)>,
    /// The disk says it has synced, and has not: [`PowerCut::LoseLast`] then loses acknowledged batches.
    pub lies: bool,
}

/// What a loss of power does beyond ending the process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PowerCut {
    /// What was acknowledged is there.
    Honest,
    /// Of the batches that a lying disk acknowledged, the last so many are gone.
    LoseLast(usize),
    /// The same with one batch, of which only the first so many changes are there: what an engine that is not atomic
    /// would leave.
    TearLast(usize),
}

type Changes = Vec<(Key, Option<Vec<u8>>)>;

/// One batch that a lying disk holds in its cache.
#[derive(Clone)]
struct Unsynced {
    /// The values before it.
    undo: Changes,
    /// Its own changes.
    redo: Changes,
}

/// Acknowledged batches that a lying disk can lose at once: more than any test asks for (guess).
const UNSYNCED_MAX: usize = 64;

#[derive(Clone, Default)]
struct Disk {
    visible: BTreeMap<Key, Vec<u8>>,
    /// Batches that were acknowledged and never synced: the newest [`UNSYNCED_MAX`].
    unsynced: VecDeque<Unsynced>,
    faults: Faults,
    commits: u64,
    /// By ST-43, in a place of its own; no power cut takes it, for that is the harder case.
    noted: u64,
    last_commit_ms: u64,
    /// What the disk holds in truth, while a process sees more than was synced.
    truth_after_failure: Option<Image>,
    boots: u64,
}

/// The hardware. Clones are handles to the same disk; [`Self::fork`] makes a second one.
#[derive(Clone, Default)]
pub struct FaultDisk(Arc<Mutex<Disk>>);

impl FaultDisk {
    fn lock(&self) -> MutexGuard<'_, Disk> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A process opens the disk.
    #[must_use]
    pub fn open(&self) -> FaultStore {
        FaultStore { boot: self.lock().boots, disk: self.clone(), state: State::Working }
    }

    /// Sets what the next commits meet.
    pub fn order(&self, faults: Faults) {
        self.lock().faults = faults;
    }

    /// What is ordered now.
    #[must_use]
    pub fn faults(&self) -> Faults {
        self.lock().faults
    }

    /// Commits so far, failed and crashed ones included.
    #[must_use]
    pub fn commits(&self) -> u64 {
        self.lock().commits
    }

    /// How long the last commit took by the disk's own numbers, in milliseconds.
    #[must_use]
    pub fn last_commit_ms(&self) -> u64 {
        self.lock().last_commit_ms
    }

    /// Ends the life of every open store; what was written stays. A failed sync shows its truth now.
    pub fn restart(&self) {
        let mut disk = self.lock();
        disk.boots = disk.boots.saturating_add(1);
        if let Some(truth) = disk.truth_after_failure.take() {
            disk.visible = truth.0;
        }
    }

    /// Power goes away. Ends the life of every open store, too.
    pub fn cut_power(&self, cut: PowerCut) {
        self.restart();
        let mut disk = self.lock();
        let mut unsynced = core::mem::take(&mut disk.unsynced);
        let (lost, kept_of_last) = match cut {
            PowerCut::Honest => (0, 0),
            PowerCut::LoseLast(count) => (count, 0),
            PowerCut::TearLast(changes) => (1, changes),
        };
        let mut last = None;
        for _ in 0..lost {
            let Some(batch) = unsynced.pop_back() else { break };
            disk.set_all(batch.undo.iter());
            last = Some(batch.redo);
        }
        disk.set_all(last.iter().flatten().take(kept_of_last));
    }

    /// Flips one bit of a stored value, counted round its length. Says whether there was such a value.
    pub fn flip_bit(&self, key: &Key, bit: usize) -> bool {
        let mut disk = self.lock();
        let Some(value) = disk.visible.get_mut(key).filter(|value| !value.is_empty()) else { return false };
        let place = (bit / 8) % value.len();
        if let Some(byte) = value.get_mut(place) {
            *byte ^= 1 << (bit % 8);
        }
        true
    }

    /// Takes a record away without a trace, as a rotten disk does. Says whether it was there.
    pub fn lose(&self, key: &Key) -> bool {
        self.lock().visible.remove(key).is_some()
    }

    /// A copy of all that is on the disk.
    #[must_use]
    pub fn snapshot(&self) -> Image {
        let disk = self.lock();
        Image(disk.visible.clone(), disk.noted)
    }

    /// Puts an older copy back and ends the life of every open store: a restored backup of the whole directory.
    pub fn put_back(&self, image: &Image) {
        self.restart();
        let mut disk = self.lock();
        disk.visible.clone_from(&image.0);
        disk.noted = image.1;
        disk.unsynced.clear();
    }

    /// A second disk with the same content and no faults: a copied directory.
    #[must_use]
    pub fn fork(&self) -> Self {
        let disk = self.lock();
        let copy = Disk { visible: disk.visible.clone(), noted: disk.noted, ..Disk::default() };
        Self(Arc::new(Mutex::new(copy)))
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Working,
    Poisoned,
}

/// One process's view of a [`FaultDisk`].
pub struct FaultStore {
    disk: FaultDisk,
    boot: u64,
    state: State,
}

impl FaultStore {
    fn working(&self) -> Result<MutexGuard<'_, Disk>, StoreError> {
        let disk = self.disk.lock();
        (self.state == State::Working && disk.boots == self.boot).then_some(disk).ok_or(StoreError::Failed)
    }
}

impl Disk {
    /// What happens to the batch, by the orders. Space and limits were checked.
    fn meet(&mut self, batch: &Batch) -> Result<(), StoreError> {
        let (faults, number) = (self.faults, self.commits);
        if faults.failing_sync_at == Some(number) {
            self.truth_after_failure = Some(Image(self.visible.clone(), self.noted));
            apply_to_map(&mut self.visible, batch);
            return Err(StoreError::Io { op: IoOperation::Sync, kind: IoKind::Device });
        }
        if let Some((_, point)) = faults.crash_at.filter(|(at, _)| *at == number) {
            match point {
                CrashPoint::Before | CrashPoint::DuringLost => {}
                CrashPoint::DuringKept | CrashPoint::After => apply_to_map(&mut self.visible, batch),
            }
            return Err(StoreError::Failed);
        }
        if faults.lies {
            let redo = batch.iter().map(|(key, value)| (*key, value.map(<[u8]>::to_vec))).collect();
            let undo = batch.iter().map(|(key, _)| (*key, self.visible.get(key).cloned())).collect();
            self.unsynced.push_back(Unsynced { undo, redo });
            if self.unsynced.len() > UNSYNCED_MAX {
                self.unsynced.pop_front();
            }
        } else {
            // A true sync makes everything before it durable, too (ST-12).
            self.unsynced.clear();
        }
        apply_to_map(&mut self.visible, batch);
        Ok(())
    }

    fn set_all<'a>(&mut self, changes: impl Iterator<Item = &'a (Key, Option<Vec<u8>>)>) {
        for (key, value) in changes {
            match value {
                Some(value) => self.visible.insert(*key, value.clone()),
                None => self.visible.remove(key),
            };
        }
    }

    fn make_room(&self, batch: &Batch) -> Result<(), StoreError> {
        let Some(capacity) = self.faults.capacity_bytes else { return Ok(()) };
        let live = usage_of_map(&self.visible).live_bytes;
        let need = live.saturating_add(u64::try_from(batch.size_bytes()).unwrap_or(u64::MAX));
        let only_erases = batch.iter().all(|(_, value)| value.is_none());
        if need <= capacity || only_erases {
            return Ok(());
        }
        Err(StoreError::Full { need, free: capacity.saturating_sub(live) })
    }
}

impl Store for FaultStore {
    fn get(&self, key: &Key) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.working()?.visible.get(key).cloned())
    }

    fn range(
        &self,
        from: &Key,
        to: &Key,
        direction: Direction,
        limit: usize,
    ) -> Result<Vec<(Key, Vec<u8>)>, StoreError> {
        page_of_map(&self.working()?.visible, (from, to), direction, limit)
    }

    fn commit(&mut self, batch: &Batch) -> Result<(), StoreError> {
        let outcome = {
            let mut disk = self.working()?;
            batch.check()?;
            disk.make_room(batch)?;
            disk.commits = disk.commits.saturating_add(1);
            let bytes = u64::try_from(batch.size_bytes()).unwrap_or(u64::MAX);
            let writing_ms = bytes.checked_div(u64::from(disk.faults.bytes_per_ms)).unwrap_or(0);
            disk.last_commit_ms = writing_ms.saturating_add(u64::from(disk.faults.sync_ms));
            disk.meet(batch)
        };
        if outcome.is_err() {
            self.state = State::Poisoned;
        }
        outcome
    }

    fn note_commits(&mut self, commits: u64) {
        self.disk.lock().noted = commits;
    }

    fn noted_commits(&self) -> u64 {
        self.disk.lock().noted
    }

    fn usage(&self) -> Result<Usage, StoreError> {
        Ok(usage_of_map(&self.working()?.visible))
    }

    fn close(self: Box<Self>) -> Result<(), StoreError> {
        self.working().map(|_| ())
    }
}

#[cfg(test)]
mod tests;
