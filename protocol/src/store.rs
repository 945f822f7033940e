//! Where records lie: one small contract, so that the program, the tests and the simulator keep the same promises.
//!
//! A [`Store`] is an ordered map from [`Key`] to bytes with one way to change it: a [`Batch`], which is there whole
//! or not at all, and which has survived a power cut when `commit` says `Ok`. There are three engines: [`MemStore`]
//! here, a disk that fails on command (`fault`, feature `testing`) and the real one of the node. Over any of them
//! lies `SealedStore`, which encrypts every value and notices what is damaged or missing. One conformance suite
//! (`testing::store_suite`) runs over all of them.
//!
//! This module knows nothing of files and keys: bytes only.

mod error;
#[cfg(any(test, feature = "testing"))]
pub(crate) mod fault;
pub(crate) mod sealed;

use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use zeroize::Zeroize;

pub use self::error::{Bound, IoKind, IoOperation, Place, StoreError};
use crate::limits::{BATCH_BYTES_MAX, BATCH_CHANGES_MAX, RANGE_BYTES_MAX, RANGE_RECORDS_MAX, VALUE_BYTES_MAX};
use crate::record::{Class, Key};

/// An ordered, durable map of bytes with one writer.
pub trait Store: Send {
    /// The value of `key` as last committed.
    ///
    /// # Errors
    /// What the engine met; [`StoreError::Corrupt`] with [`Place::Record`] if this one value is damaged.
    fn get(&self, key: &Key) -> Result<Option<Vec<u8>>, StoreError>;

    /// Rule ST-13: records with `from ≤ key < to`, as committed, in bytewise order or against it. At most `limit`
    /// records and at most 8 MiB, but one record at least if there is one: so a page may be shorter than `limit`
    /// though more follows. A reader goes on behind the last key until a page comes back empty.
    ///
    /// # Errors
    /// [`StoreError::TooLarge`] for a limit over 4,096; what the engine met.
    fn range(
        &self,
        from: &Key,
        to: &Key,
        direction: Direction,
        limit: usize,
    ) -> Result<Vec<(Key, Vec<u8>)>, StoreError>;

    /// Rules ST-10, ST-11, ST-12: makes the batch durable, whole; batches survive in the order of their commits.
    ///
    /// Rule ST-15: after `Io` or `Corrupt` from here the store is poisoned: every later call but `close` answers
    /// [`StoreError::Failed`]. A failed sync is never retried, for the kernel may have marked the pages clean.
    ///
    /// # Errors
    /// `TooLarge` and `Full` leave the store unharmed and nothing written; the others as above.
    fn commit(&mut self, batch: &Batch) -> Result<(), StoreError>;

    /// By ST-43, notes that the store has come so far, in a place that a loss of the engine's last batches does not
    /// take along. Called behind each durable commit. It need not survive a power cut: a note that is too old says
    /// nothing. An engine that cannot lose its end keeps none.
    fn note_commits(&mut self, _commits: u64) {}

    /// The furthest that was noted; 0 if nothing was.
    fn noted_commits(&self) -> u64 {
        0
    }

    /// Records, live bytes, bytes on disk.
    ///
    /// # Errors
    /// What the engine met.
    fn usage(&self) -> Result<Usage, StoreError>;

    /// Commits nothing, makes durable, releases.
    ///
    /// # Errors
    /// What the engine met. The store is gone in any case.
    fn close(self: Box<Self>) -> Result<(), StoreError>;
}

/// Which way a range is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// Lowest key first.
    Up,
    /// Highest key first.
    Down,
}

/// How much lies in a store.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Records.
    pub records: u64,
    /// Bytes of keys and values as stored.
    pub live_bytes: u64,
    /// Bytes that the engine takes on disk; 0 without one.
    pub disk_bytes: u64,
}

/// How little free space a batch may still use (ST-83).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Urgency {
    /// Needs the full margin.
    #[default]
    Ordinary,
    /// Small, and worse to lose than to write: a log head, an erased key. May use up part of the margin.
    Essential,
}

/// Changes that happen together or not at all. The last change of a key wins.
#[derive(Default, PartialEq, Eq)]
pub struct Batch {
    changes: BTreeMap<Key, Option<Vec<u8>>>,
    urgency: Urgency,
}

impl Batch {
    /// Sets a value.
    pub fn put(&mut self, key: Key, value: Vec<u8>) {
        self.set(key, Some(value));
    }

    /// Takes a record away.
    pub fn erase(&mut self, key: Key) {
        self.set(key, None);
    }

    fn set(&mut self, key: Key, value: Option<Vec<u8>>) {
        let old = self.changes.insert(key, value).flatten();
        wipe(&key, old);
    }

    /// Lets the batch use up part of the space that is held back (ST-83).
    pub fn mark_essential(&mut self) {
        self.urgency = Urgency::Essential;
    }

    /// Essential if so marked or if it only erases.
    #[must_use]
    pub fn urgency(&self) -> Urgency {
        if self.changes.values().all(Option::is_none) { Urgency::Essential } else { self.urgency }
    }

    /// Adds all changes of a later batch. An essential one doesn't make this one so.
    pub fn append(&mut self, mut later: Self) {
        for (key, value) in core::mem::take(&mut later.changes) {
            self.set(key, value);
        }
    }

    /// Changes, in key order.
    pub fn iter(&self) -> impl Iterator<Item = (&Key, Option<&[u8]>)> {
        self.changes.iter().map(|(key, value)| (key, value.as_deref()))
    }

    /// Number of changes.
    #[must_use]
    pub fn len(&self) -> usize {
        self.changes.len()
    }

    /// Whether nothing changes.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty()
    }

    /// Bytes of keys and values.
    #[must_use]
    pub fn size_bytes(&self) -> usize {
        self.iter().map(|(key, value)| key.as_bytes().len().saturating_add(value.map_or(0, <[u8]>::len))).sum()
    }

    /// Rule ST-14: limits, checked by every engine before anything is written.
    ///
    /// # Errors
    /// [`StoreError::TooLarge`] with what is over.
    pub fn check(&self) -> Result<(), StoreError> {
        within(Bound::BatchChanges, self.len(), BATCH_CHANGES_MAX)?;
        for (_, value) in self.iter() {
            within(Bound::ValueBytes, value.map_or(0, <[u8]>::len), VALUE_BYTES_MAX)?;
        }
        within(Bound::BatchBytes, self.size_bytes(), BATCH_BYTES_MAX)
    }
}

/// The live secrets among the values are wiped (ST-67).
impl Drop for Batch {
    fn drop(&mut self) {
        for (key, value) in core::mem::take(&mut self.changes) {
            wipe(&key, value);
        }
    }
}

/// Which keys change; never what stands in them.
impl core::fmt::Debug for Batch {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_map().entries(self.iter().map(|(key, value)| (key, value.map(<[u8]>::len)))).finish()
    }
}

fn wipe(key: &Key, value: Option<Vec<u8>>) {
    let secret = key.kind_number().map(Class::of_kind) == Some(Class::Secret);
    if let Some(mut value) = value.filter(|_| secret) {
        value.zeroize();
    }
}

/// Checks one number against its bound.
///
/// # Errors
/// [`StoreError::TooLarge`].
pub fn within(what: Bound, len: usize, max: usize) -> Result<(), StoreError> {
    if len <= max { Ok(()) } else { Err(StoreError::TooLarge { what, len }) }
}

/// Cuts a run of records to a page: at most `limit` of them and at most 8 MiB, but one at least.
///
/// # Errors
/// `TooLarge` for the limit; the first error among the records.
pub fn page(
    records: impl Iterator<Item = Result<(Key, Vec<u8>), StoreError>>,
    limit: usize,
) -> Result<Vec<(Key, Vec<u8>)>, StoreError> {
    within(Bound::RangeRecords, limit, RANGE_RECORDS_MAX)?;
    let mut found = Vec::new();
    let mut bytes = 0_usize;
    for record in records.take(limit) {
        let (key, value) = record?;
        bytes = bytes.saturating_add(value.len());
        if bytes > RANGE_BYTES_MAX && !found.is_empty() {
            break;
        }
        found.push((key, value));
    }
    Ok(found)
}

/// Reads a whole range upwards, page by page.
///
/// # Errors
/// What the store or `visit` meets; the first one ends the reading.
pub fn scan(
    store: &(impl Store + ?Sized),
    (from, to): (Key, Key),
    visit: &mut dyn FnMut(Key, Vec<u8>) -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    let mut from = from;
    loop {
        let records = store.range(&from, &to, Direction::Up, SCAN_RECORDS)?;
        let Some((last, _)) = records.last() else { return Ok(()) };
        from = last.next();
        for (key, value) in records {
            visit(key, value)?;
        }
    }
}

/// Records per page of [`scan`]: few enough that a page of ordinary records is under a megabyte (guess).
const SCAN_RECORDS: usize = 512;

/// A store in memory: forgets everything with the process, keeps every other promise.
#[derive(Default)]
pub struct MemStore(BTreeMap<Key, Vec<u8>>);

impl Store for MemStore {
    fn get(&self, key: &Key) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.0.get(key).cloned())
    }

    fn range(
        &self,
        from: &Key,
        to: &Key,
        direction: Direction,
        limit: usize,
    ) -> Result<Vec<(Key, Vec<u8>)>, StoreError> {
        page_of_map(&self.0, (from, to), direction, limit)
    }

    fn commit(&mut self, batch: &Batch) -> Result<(), StoreError> {
        batch.check()?;
        apply_to_map(&mut self.0, batch);
        Ok(())
    }

    fn usage(&self) -> Result<Usage, StoreError> {
        Ok(usage_of_map(&self.0))
    }

    fn close(self: Box<Self>) -> Result<(), StoreError> {
        Ok(())
    }
}

fn page_of_map(
    map: &BTreeMap<Key, Vec<u8>>,
    (from, to): (&Key, &Key),
    direction: Direction,
    limit: usize,
) -> Result<Vec<(Key, Vec<u8>)>, StoreError> {
    if from >= to {
        return page(core::iter::empty(), limit);
    }
    let own = |(key, value): (&Key, &Vec<u8>)| Ok((*key, value.clone()));
    match direction {
        Direction::Up => page(map.range(*from..*to).map(own), limit),
        Direction::Down => page(map.range(*from..*to).rev().map(own), limit),
    }
}

fn apply_to_map(map: &mut BTreeMap<Key, Vec<u8>>, batch: &Batch) {
    for (key, value) in batch.iter() {
        match value {
            Some(value) => map.insert(*key, value.to_vec()),
            None => map.remove(key),
        };
    }
}

fn usage_of_map(map: &BTreeMap<Key, Vec<u8>>) -> Usage {
    let size =
        |(key, value): (&Key, &Vec<u8>)| u64::try_from(key.as_bytes().len().saturating_add(value.len())).unwrap_or(0);
    Usage { records: u64::try_from(map.len()).unwrap_or(0), live_bytes: map.iter().map(size).sum(), disk_bytes: 0 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::store_suite;
    use alloc::format;

    struct InMemory;

    impl store_suite::Bench for InMemory {
        fn fresh(&mut self) -> Box<dyn Store> {
            Box::new(MemStore::default())
        }
        fn reopen(&mut self) -> Option<Box<dyn Store>> {
            None
        }
    }

    #[test]
    fn st_130_the_store_in_memory_keeps_the_contract() {
        store_suite::run(&mut InMemory, 40);
    }

    #[test]
    fn st_13_a_page_ends_at_the_limit_or_at_its_bytes_but_has_one_record_if_there_is_one() {
        let records = |size: usize| {
            let key = |n: u8| Key::new(&[1, n]).unwrap();
            (0..9).map(move |n| Ok((key(n), alloc::vec![n; size])))
        };
        assert_eq!(page(records(1), 4).unwrap().len(), 4);
        assert_eq!(page(records(RANGE_BYTES_MAX / 2), 9).unwrap().len(), 2);
        assert_eq!(page(records(RANGE_BYTES_MAX + 1), 9).unwrap().len(), 1);
        assert_eq!(page(records(1), 0), Ok(Vec::new()));
    }

    #[test]
    fn a_batch_keeps_the_last_change_of_a_key_and_never_prints_values() {
        let key = Key::new(b"k").unwrap();
        let mut batch = Batch::default();
        batch.put(key, b"secret".to_vec());
        assert!(!format!("{batch:?}").contains("secret") && format!("{batch:?}").contains('6'));
        let mut later = Batch::default();
        later.erase(key);
        batch.append(later);
        assert_eq!(batch.iter().collect::<Vec<_>>(), [(&key, None)]);
    }

    #[test]
    fn st_83_a_batch_that_only_erases_is_essential_by_itself() {
        let mut batch = Batch::default();
        batch.erase(Key::new(b"k").unwrap());
        assert_eq!(batch.urgency(), Urgency::Essential);
        batch.put(Key::new(b"l").unwrap(), Vec::new());
        assert_eq!(batch.urgency(), Urgency::Ordinary);
        batch.mark_essential();
        assert_eq!(batch.urgency(), Urgency::Essential);
    }
}
