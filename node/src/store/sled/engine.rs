//! sled itself: opened the one way that survived power cuts, and never let panic outwards.
//!
//! sled's own `flush` ends in `sync_file_range`, which commits neither file size nor the drive's cache: measured, it
//! loses acknowledged records when the power goes. So what is written here is one `Batch` on the one tree, `flush`, then
//! `sync_all` on a handle of our own on `store/db` (ST-20). Pages larger than a quarter of a segment go to blob files
//! that sled never syncs at all; with segments of 8 MiB there are none (ST-21). A leftover `snap.*.generating` would be
//! taken for the newest snapshot, so it goes before opening (ST-23).
//!
//! sled can panic on a damaged log. Every call into it runs inside `catch_unwind`; a panic is `Corrupt` and the end of
//! this store (ST-17, ST-24). <https://docs.rs/sled/0.34.7/sled/>

use std::fs::File;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use coterie_protocol::{IoKind, IoOperation, KEY_BYTES_MAX, Key, Place, StoreError, VALUE_BYTES_MAX};

use super::ahead::allocate;
use super::memtable::Memtable;
use crate::clock::Stopwatch;
use crate::store::directory::io_error;

/// Rule ST-21: segments of 8 MiB, set here and nowhere else.
pub(super) const SEGMENT_BYTES: usize = 8 << 20;
/// Records that sled may put on one page before it splits it.
const PAGE_RECORDS_MAX: usize = 20;
// No page reaches a quarter of a segment, so none becomes a blob file.
const _: () = assert!(PAGE_RECORDS_MAX * (KEY_BYTES_MAX + VALUE_BYTES_MAX + 64) <= SEGMENT_BYTES / 4 - 64);
/// What sled keeps of its pages in memory, counted as on disk; it takes several times that (ST-25).
const CACHE_BYTES: u64 = 4 << 20;
/// What `conf` must begin with (ST-23).
const CONF: &str = "segment_size: 8388608\nuse_compression: false\nversion: 0.34\n";
/// The number of the last commit that the engine has, 8 bytes, big-endian. Longer than any key, so behind all of them.
const APPLIED: [u8; KEY_BYTES_MAX + 1] = [0xff; KEY_BYTES_MAX + 1];

/// Allocated behind the beginning of the last segment: the rest of it, and two more (ST-48). Measured, a checkpoint of
/// 2 MiB writes up to 9 MB.
const AHEAD_BYTES: u64 = 3 * SEGMENT_BYTES as u64;

/// For how long a lock of sled's that nobody else can hold is waited for (guess), and how often it is looked at.
const LOCK_PATIENCE: Duration = Duration::from_secs(5);
const LOCK_LOOK: Duration = Duration::from_millis(10);

/// An open sled with a handle of our own on its file.
pub(super) struct Engine {
    db: sled::Db,
    /// Opened once and kept, so that a write-back error is reported to it.
    file: File,
    failed: AtomicBool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Access {
    Read,
    Write,
}

impl Engine {
    /// Opens the engine in `folder`, or makes one there; says whether it is new.
    pub(super) fn open(folder: &Path) -> Result<(Self, bool), StoreError> {
        make_folder(folder)?;
        remove_leftovers(folder)?;
        let is_new = !folder.join("db").exists();
        let db = open_engine(folder)?;
        let file = File::options().read(true).write(true).open(folder.join("db"));
        let file = file.map_err(|error| io_error(IoOperation::Open, &error))?;
        let engine = Self { db, file, failed: AtomicBool::new(false) };
        if is_new {
            engine.make_durable()?;
        }
        // A full disk gives none: then what is here can be read all the same, if sled writes nothing meanwhile.
        let _ = engine.make_room();
        Ok((engine, is_new))
    }

    /// Rule ST-48: room ahead for what a checkpoint writes, and for what sled writes afterwards unasked.
    pub(super) fn make_room(&self) -> Result<(), StoreError> {
        let length = self.file.metadata().map_err(|error| io_error(IoOperation::Read, &error))?.len();
        // The segment in which the file ends may have a hole where nothing was written yet.
        let place = length - length % SEGMENT_BYTES as u64;
        let failed = |error: std::io::Error| match io_error(IoOperation::Write, &error) {
            StoreError::Io { kind: IoKind::NoSpace, .. } => StoreError::Full { need: AHEAD_BYTES, free: 0 },
            error => error,
        };
        allocate(&self.file, place, AHEAD_BYTES).map_err(failed)
    }

    /// The number of the last commit that is in here, 0 if none.
    pub(super) fn applied(&self) -> Result<u64, StoreError> {
        let noted = self.guard(Access::Read, |db| db.get(APPLIED))?;
        let number = noted.map(|bytes| bytes.as_ref().try_into().map(u64::from_be_bytes));
        number.transpose().map(Option::unwrap_or_default).map_err(|_| engine_damage())
    }

    /// Takes changes in, durably and whole, as those up to a commit of that number (ST-20).
    pub(super) fn take(&self, changes: &Memtable, number: u64) -> Result<(), StoreError> {
        let mut batch = sled::Batch::default();
        for (key, value) in changes.iter() {
            match value {
                Some(value) => batch.insert(key.as_bytes(), value),
                None => batch.remove(key.as_bytes()),
            }
        }
        batch.insert(&APPLIED[..], &number.to_be_bytes()[..]);
        self.guard(Access::Write, |db| db.apply_batch(batch))?;
        self.make_durable()
    }

    /// Flush, then our own sync (ST-20), before anybody hears `Ok`.
    pub(super) fn make_durable(&self) -> Result<(), StoreError> {
        self.guard(Access::Write, |db| db.flush().map(drop))?;
        self.file.sync_all().map_err(|error| self.fail_with(IoOperation::Sync, &error))
    }

    pub(super) fn db(&self) -> &sled::Db {
        &self.db
    }

    pub(super) fn is_failed(&self) -> bool {
        self.failed.load(Ordering::SeqCst)
    }

    pub(super) fn fail(&self) {
        self.failed.store(true, Ordering::SeqCst);
    }

    /// The machine refused: the end of this store (ST-15).
    pub(super) fn fail_with(&self, operation: IoOperation, error: &std::io::Error) -> StoreError {
        self.fail();
        io_error(operation, error)
    }

    /// Calls sled. A panic, a refusal of the machine, or any error while writing ends this store; a damaged page met
    /// while reading does not: the others can still be read (ST-15).
    pub(super) fn guard<T>(
        &self,
        access: Access,
        call: impl FnOnce(&sled::Db) -> sled::Result<T>,
    ) -> Result<T, StoreError> {
        if self.is_failed() {
            return Err(StoreError::Failed);
        }
        let (outcome, ends) = match catch_unwind(AssertUnwindSafe(|| call(&self.db))) {
            Err(_) => (Err(engine_damage()), true),
            Ok(Err(error)) => {
                let error = engine_error(error);
                (Err(error), access == Access::Write || matches!(error, StoreError::Io { .. }))
            }
            Ok(Ok(value)) => (Ok(value), false),
        };
        if ends {
            self.fail();
        }
        outcome
    }
}

/// Opens sled. Its own lock on `db` goes with its last thread, and with any process that is being started meanwhile,
/// some ms after a store was closed. The caller's lock keeps other programs out, so this one is waited for.
fn open_engine(folder: &Path) -> Result<sled::Db, StoreError> {
    let waiting = Stopwatch::start();
    loop {
        match catch_unwind(|| config(folder).open()).map_err(|_| engine_damage())? {
            Err(sled::Error::Io(error)) if is_locked(&error) && waiting.elapsed() < LOCK_PATIENCE => {
                std::thread::sleep(LOCK_LOOK);
            }
            opened => return opened.map_err(engine_error),
        }
    }
}

/// sled has no kind of error for this.
fn is_locked(error: &std::io::Error) -> bool {
    error.to_string().starts_with("could not acquire lock")
}

/// A small cache, the flusher as a second net, no compression (ST-25).
pub(super) fn config(folder: &Path) -> sled::Config {
    sled::Config::new()
        .path(folder)
        .segment_size(SEGMENT_BYTES)
        .cache_capacity(CACHE_BYTES)
        .flush_every_ms(Some(500))
        .mode(sled::Mode::LowSpace)
        .use_compression(false)
}

fn make_folder(folder: &Path) -> Result<(), StoreError> {
    use std::os::unix::fs::DirBuilderExt;
    match std::fs::DirBuilder::new().mode(0o700).create(folder) {
        Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => Err(io_error(IoOperation::Open, &error)),
        _ => Ok(()),
    }
}

/// Rule ST-23: an unfinished snapshot and a garbled `conf` go; sled writes them anew.
fn remove_leftovers(folder: &Path) -> Result<(), StoreError> {
    let failed = |error: std::io::Error| io_error(IoOperation::Open, &error);
    for entry in std::fs::read_dir(folder).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        let name = path.file_name().and_then(std::ffi::OsStr::to_str).unwrap_or_default();
        let is_unfinished = name.starts_with("snap.") && name.ends_with(".generating");
        let is_garbled_conf = name == "conf" && !conf_is_good(&path);
        if is_unfinished || is_garbled_conf {
            tracing::warn!(rule = "ST-23", file = name, "removed a leftover before opening the store");
            std::fs::remove_file(&path).map_err(failed)?;
        }
    }
    Ok(())
}

pub(super) fn conf_is_good(path: &Path) -> bool {
    std::fs::read(path).is_ok_and(|bytes| bytes.starts_with(CONF.as_bytes()))
}

/// A record of the engine's in our own words.
pub(super) fn own(record: sled::Result<(sled::IVec, sled::IVec)>) -> Result<(Key, Vec<u8>), StoreError> {
    let (key, value) = record.map_err(engine_error)?;
    Ok((Key::new(&key).ok_or_else(engine_damage)?, value.to_vec()))
}

const fn engine_damage() -> StoreError {
    StoreError::Corrupt { place: Place::Engine }
}

fn engine_error(error: sled::Error) -> StoreError {
    match error {
        sled::Error::Io(error) => io_error(IoOperation::Write, &error),
        sled::Error::CollectionNotFound(_)
        | sled::Error::Unsupported(_)
        | sled::Error::ReportableBug(_)
        | sled::Error::Corruption { .. } => engine_damage(),
    }
}
