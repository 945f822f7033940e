//! The write-ahead log in front of the engine (ST-46): a commit is durable with one write in place and one sync.
//!
//! sled writes three times for a commit and three times its bytes; here they are appended once, and the engine gets
//! them later, many at a time. The file is filled with zeros before it is used and used again from its beginning after
//! each checkpoint, so that a sync has no sizes and extents to write. SQLite's WAL and LevelDB's log do the same:
//! <https://www.sqlite.org/wal.html>, <https://github.com/google/leveldb/blob/main/doc/log_format.md>
//!
//! An entry, integers big-endian: `number, 8 bytes | length of what follows the hash, 4 | SHA-256 of the number, the
//! length and what follows, 32 | changes`; a change: `length of the key, 1 | key | length of the value, 4, or ff ff ff ff
//! for an erasure | value`. Numbers go up by one. Reading ends at the first place that holds no whole entry, or one whose
//! number is not the next: what the last round left there has lower ones.

use std::fs::File;
use std::io::Read;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;

use coterie_protocol::{Batch, IoOperation, Key, StoreError};
use sha2::{Digest, Sha256};

use super::ahead::allocate;
use super::memtable::Memtable;
use crate::store::directory::{io_error, sync_folder};

const NAME: &str = "journal";
/// The largest the file gets. A start reads all of it, a checkpoint comes before it is full.
pub(super) const JOURNAL_BYTES_MAX: u64 = 4 << 20;
/// It grows by so much at a time, so that few commits have a size to sync.
const STEP_BYTES: u64 = 256 << 10;
const NUMBER_BYTES: usize = 8;
const LENGTH_BYTES: usize = 4;
const HASH_BYTES: usize = 32;
const HEAD_BYTES: usize = NUMBER_BYTES + LENGTH_BYTES + HASH_BYTES;
const ERASED: u32 = u32::MAX;

/// The open file and where the next entry goes.
pub(super) struct Journal {
    file: File,
    place: u64,
    size: u64,
    next: u64,
}

/// What was found at a start.
pub(super) struct Found {
    pub(super) journal: Journal,
    /// What the engine does not have.
    pub(super) fresh: Memtable,
    /// Whether there are entries, but not the one that the engine needs next: it has lost its end.
    pub(super) has_gap: bool,
}

impl Journal {
    /// Opens the journal of the store in `folder`, or makes one, and reads what came after the entry `applied`, the
    /// last one that the engine has.
    pub(super) fn open(folder: &Path, applied: u64) -> Result<Found, StoreError> {
        let path = folder.join(NAME);
        let is_new = !path.exists();
        let mut options = File::options();
        options.read(true).write(true).create(true).truncate(false).mode(0o600);
        let options = options.custom_flags(i32::try_from(rustix::fs::OFlags::NOFOLLOW.bits()).unwrap_or(0));
        let file = options.open(path).map_err(|error| io_error(IoOperation::Open, &error))?;
        if is_new {
            sync_folder(folder).map_err(|error| io_error(IoOperation::Sync, &error))?;
        }
        // Rule ST-48 here: all of it at once, if the disk has room.
        drop(allocate(&file, 0, JOURNAL_BYTES_MAX));
        let mut bytes = Vec::new();
        let read = (&file).take(JOURNAL_BYTES_MAX).read_to_end(&mut bytes);
        read.map_err(|error| io_error(IoOperation::Read, &error))?;
        let mut found = Found {
            journal: Self { file, place: 0, size: bytes.len() as u64, next: applied.wrapping_add(1) },
            fresh: Memtable::default(),
            has_gap: false,
        };
        found.replay(&bytes, applied);
        if found.has_gap {
            found.journal.forget()?;
        } else {
            found.journal.write_again(&bytes)?;
        }
        Ok(found)
    }

    /// Whether a batch has room before the end of the file.
    pub(super) fn has_room_for(&self, batch: &Batch) -> bool {
        self.place.saturating_add(entry_bytes(batch)) <= JOURNAL_BYTES_MAX
    }

    /// Makes a batch durable.
    pub(super) fn append(&mut self, batch: &Batch) -> std::io::Result<()> {
        let mut bytes = entry(self.next, batch);
        let end = self.place.saturating_add(bytes.len() as u64);
        if end > self.size {
            self.size = end.next_multiple_of(STEP_BYTES).min(JOURNAL_BYTES_MAX);
            bytes.resize(usize::try_from(self.size.saturating_sub(self.place)).unwrap_or(bytes.len()), 0);
        }
        self.file.write_all_at(&bytes, self.place)?;
        self.file.sync_data()?;
        self.place = end;
        self.next = self.next.wrapping_add(1);
        Ok(())
    }

    /// The number of the last entry, 0 before the first.
    pub(super) const fn last(&self) -> u64 {
        self.next.wrapping_sub(1)
    }

    /// The engine has everything, durably: the next entry goes to the beginning.
    pub(super) const fn begin_again(&mut self) {
        self.place = 0;
    }

    /// Bytes on disk.
    pub(super) const fn disk_bytes(&self) -> u64 {
        self.size
    }

    /// What a start builds on is on the disk, not only in the system's memory: after a sync that failed, pages may be
    /// there, and clean, that were never written (ST-19).
    fn write_again(&self, bytes: &[u8]) -> Result<(), StoreError> {
        let used = usize::try_from(self.place).ok().and_then(|place| bytes.get(..place)).unwrap_or_default();
        if used.is_empty() {
            return Ok(());
        }
        self.file.write_all_at(used, 0).map_err(|error| io_error(IoOperation::Write, &error))?;
        self.file.sync_data().map_err(|error| io_error(IoOperation::Sync, &error))
    }

    /// What is here does not fit the engine. It goes, so that no later start takes it for something newer.
    fn forget(&mut self) -> Result<(), StoreError> {
        self.file.set_len(0).map_err(|error| io_error(IoOperation::Write, &error))?;
        self.file.sync_all().map_err(|error| io_error(IoOperation::Sync, &error))?;
        (self.place, self.size) = (0, 0);
        Ok(())
    }
}

impl Found {
    fn replay(&mut self, bytes: &[u8], applied: u64) {
        let mut rest = bytes;
        let mut before = None;
        while let Some((number, changes, behind)) = split_entry(rest) {
            if before.is_some_and(|before: u64| number != before.wrapping_add(1)) {
                break;
            }
            if before.is_none() && number > self.journal.next {
                self.has_gap = true;
                break;
            }
            before = Some(number);
            if number > applied {
                changes.into_iter().for_each(|(key, value)| self.fresh.set(key, value));
                self.journal.next = number.wrapping_add(1);
                self.journal.place = bytes.len().saturating_sub(behind.len()) as u64;
            }
            rest = behind;
        }
    }
}

fn entry_bytes(batch: &Batch) -> u64 {
    let changes = batch.len().saturating_mul(1 + LENGTH_BYTES);
    HEAD_BYTES.saturating_add(changes).saturating_add(batch.size_bytes()) as u64
}

fn entry(number: u64, batch: &Batch) -> Vec<u8> {
    let mut changes = Vec::with_capacity(usize::try_from(entry_bytes(batch)).unwrap_or(0));
    for (key, value) in batch.iter() {
        changes.push(u8::try_from(key.as_bytes().len()).unwrap_or(u8::MAX));
        changes.extend_from_slice(key.as_bytes());
        let length = value.map_or(ERASED, |value| u32::try_from(value.len()).unwrap_or(ERASED));
        changes.extend_from_slice(&length.to_be_bytes());
        changes.extend_from_slice(value.unwrap_or_default());
    }
    let length = u32::try_from(changes.len()).unwrap_or(u32::MAX);
    let hash = hash(number, length, &changes);
    let mut bytes = Vec::with_capacity(HEAD_BYTES.saturating_add(changes.len()));
    bytes.extend_from_slice(&number.to_be_bytes());
    bytes.extend_from_slice(&length.to_be_bytes());
    bytes.extend_from_slice(&hash);
    bytes.append(&mut changes);
    bytes
}

fn hash(number: u64, length: u32, changes: &[u8]) -> [u8; HASH_BYTES] {
    let digest = Sha256::new().chain_update(number.to_be_bytes()).chain_update(length.to_be_bytes());
    digest.chain_update(changes).finalize().into()
}

type Changes = Vec<Change>;
/// A key and its new value; `None` erases.
type Change = (Key, Option<Vec<u8>>);

/// The entry at the beginning, if it is whole, and what follows it.
fn split_entry(bytes: &[u8]) -> Option<(u64, Changes, &[u8])> {
    let (number, rest) = bytes.split_first_chunk::<NUMBER_BYTES>()?;
    let (length, rest) = rest.split_first_chunk::<LENGTH_BYTES>()?;
    let (said, rest) = rest.split_first_chunk::<HASH_BYTES>()?;
    let (number, length) = (u64::from_be_bytes(*number), u32::from_be_bytes(*length));
    let (changes, behind) = rest.split_at_checked(usize::try_from(length).ok()?)?;
    if *said != hash(number, length, changes) {
        return None;
    }
    let mut read = Vec::new();
    let mut rest = changes;
    while !rest.is_empty() {
        let (change, behind) = split_change(rest)?;
        read.push(change);
        rest = behind;
    }
    Some((number, read, behind))
}

fn split_change(bytes: &[u8]) -> Option<(Change, &[u8])> {
    let (length, rest) = bytes.split_first()?;
    let (key, rest) = rest.split_at_checked(usize::from(*length))?;
    let (length, rest) = rest.split_first_chunk::<LENGTH_BYTES>()?;
    let key = Key::new(key)?;
    match u32::from_be_bytes(*length) {
        ERASED => Some(((key, None), rest)),
        length => {
            let (value, rest) = rest.split_at_checked(usize::try_from(length).ok()?)?;
            Some(((key, Some(value.to_vec())), rest))
        }
    }
}

#[cfg(test)]
mod tests;
