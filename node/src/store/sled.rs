//! The engine under the product: sled 0.34, used the only way that survived power cuts. The one file that names it.
//!
//! sled's own `flush` ends in `sync_file_range`, which commits neither file size nor the drive's cache: measured, it
//! loses acknowledged records when the power goes. So a commit here is: one `Batch` on the one tree, `flush`, then
//! `sync_all` on a handle of our own on `store/db` (ST-20). Pages larger than a quarter of a segment go to blob files
//! that sled never syncs at all; with segments of 8 MiB there are none, and a file in `blobs/` is an alarm (ST-21,
//! ST-22). A leftover `snap.*.generating` would be taken for the newest snapshot, so it goes before opening (ST-23).
//!
//! sled takes a damaged message for the end of its log, and opens as a whole and older store. So how far it has come is
//! noted in a small file beside the log as well ([`Mark`], ST-43).
//!
//! sled can panic on a damaged log. Every call into it runs inside `catch_unwind`; a panic is `Corrupt` and the end of
//! this store (ST-17, ST-24). <https://docs.rs/sled/0.34.7/sled/>

mod cooling;
mod mark;

use std::fs::File;
use std::os::fd::OwnedFd;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use coterie_protocol::{
    Batch, Direction, IoOperation, KEY_BYTES_MAX, Key, Place, Store, StoreError, Urgency, Usage, VALUE_BYTES_MAX, page,
};

use self::cooling::Cooling;
use self::mark::Mark;
use super::directory::{MARGIN_BYTES, free_bytes, io_error, sync_folder};
use crate::clock::Stopwatch;

/// Rule ST-21: segments of 8 MiB, set here and nowhere else.
const SEGMENT_BYTES: usize = 8 << 20;
/// Records that sled may put on one page before it splits it.
const PAGE_RECORDS_MAX: usize = 20;
// No page reaches a quarter of a segment, so none becomes a blob file.
const _: () = assert!(PAGE_RECORDS_MAX * (KEY_BYTES_MAX + VALUE_BYTES_MAX + 64) <= SEGMENT_BYTES / 4 - 64);
/// What sled keeps of its pages in memory, counted as on disk; it takes several times that (ST-25).
const CACHE_BYTES: u64 = 4 << 20;
/// What `conf` must begin with (ST-23).
const CONF: &str = "segment_size: 8388608\nuse_compression: false\nversion: 0.34\n";
/// How often the empty folder is looked at (ST-22).
const BLOB_CHECK_COMMITS: u64 = 1_000;
/// Free space that an essential commit leaves: sled writes a whole segment at a time (ST-83).
const ESSENTIAL_MARGIN_BYTES: u64 = 16 << 20;
/// An essential commit is at most this large (ST-83).
const ESSENTIAL_BYTES_MAX: usize = 64 << 10;

/// For how long a lock of sled's that nobody else can hold is waited for (guess), and how often it is looked at.
const LOCK_PATIENCE: Duration = Duration::from_secs(5);
const LOCK_LOOK: Duration = Duration::from_millis(10);

/// A store in a folder of its own.
pub struct SledStore {
    db: sled::Db,
    /// Opened once and kept, so that a write-back error is reported to it.
    file: File,
    folder: PathBuf,
    space: OwnedFd,
    failed: AtomicBool,
    commits: u64,
    suspect: bool,
    mark: Mark,
    cooling: Cooling,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Access {
    Read,
    Write,
}

impl SledStore {
    /// Opens the store in `folder`, or makes one there. The caller holds the lock of the data directory.
    ///
    /// # Errors
    /// `Corrupt` if sled refuses or panics, `Io` if the machine does.
    pub fn open(folder: &Path) -> Result<Self, StoreError> {
        make_folder(folder)?;
        remove_leftovers(folder)?;
        let is_new = !folder.join("db").exists();
        let db = open_engine(folder)?;
        let file = File::options()
            .read(true)
            .write(true)
            .open(folder.join("db"))
            .map_err(|error| io_error(IoOperation::Open, &error))?;
        let space = File::open(folder).map_err(|error| io_error(IoOperation::Open, &error))?.into();
        let mark = Mark::open(folder);
        let failed = AtomicBool::new(false);
        let (folder, cooling) = (folder.to_path_buf(), Cooling::default());
        let mut store = Self { db, file, folder, space, failed, commits: 0, suspect: false, mark, cooling };
        store.check_blobs();
        if is_new {
            store.make_durable()?;
            // Rule ST-28: the names of the new files must survive, too.
            for folder in store.folder.ancestors().take(3) {
                sync_folder(folder).map_err(|error| io_error(IoOperation::Sync, &error))?;
            }
        }
        Ok(store)
    }

    /// Whether something was seen that must not be: a full verification is due (ST-19, ST-22).
    #[must_use]
    pub const fn is_suspect(&self) -> bool {
        self.suspect
    }

    /// Bytes on disk.
    ///
    /// # Errors
    /// What the engine meets.
    pub fn disk_bytes(&self) -> Result<u64, StoreError> {
        self.guard(Access::Read, sled::Db::size_on_disk)
    }

    /// Gives memory back that reading took, if that was much; on a thread of its own (ST-25).
    pub fn cool(&mut self) {
        self.cooling.start(&self.db);
    }

    /// As if the machine had refused something.
    #[cfg(test)]
    pub(crate) fn fail(&self) {
        self.failed.store(true, Ordering::SeqCst);
    }

    /// Rule ST-22: sled never syncs what lies in `blobs/`. A folder that can't be read at the moment accuses nobody.
    fn check_blobs(&mut self) {
        let files = std::fs::read_dir(self.folder.join("blobs"));
        if files.is_ok_and(|mut files| files.next().is_some()) {
            tracing::error!(rule = "ST-22", "the store has put a page outside its log");
            self.suspect = true;
        }
    }

    /// Flush, then our own sync (ST-20), before anybody hears `Ok`.
    fn make_durable(&self) -> Result<(), StoreError> {
        self.guard(Access::Write, |db| db.flush().map(drop))?;
        self.file.sync_all().map_err(|error| {
            self.failed.store(true, Ordering::SeqCst);
            io_error(IoOperation::Sync, &error)
        })
    }

    /// Calls sled. A panic, a refusal of the machine, or any error while writing ends this store; a damaged page met
    /// while reading does not: the others can still be read (ST-15).
    fn guard<T>(&self, access: Access, call: impl FnOnce(&sled::Db) -> sled::Result<T>) -> Result<T, StoreError> {
        if self.failed.load(Ordering::SeqCst) {
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
            self.failed.store(true, Ordering::SeqCst);
        }
        outcome
    }

    /// Rule ST-83: checked before sled is touched, so that a full disk harms nothing.
    fn check_space(&self, batch: &Batch) -> Result<(), StoreError> {
        let small = batch.urgency() == Urgency::Essential && batch.size_bytes() <= ESSENTIAL_BYTES_MAX;
        let need = if small { ESSENTIAL_MARGIN_BYTES } else { MARGIN_BYTES };
        let free = free_bytes(&self.space).map_err(|error| io_error(IoOperation::Read, &error))?;
        if free >= need { Ok(()) } else { Err(StoreError::Full { need, free }) }
    }
}

impl Store for SledStore {
    fn get(&self, key: &Key) -> Result<Option<Vec<u8>>, StoreError> {
        self.cooling.note(key.as_bytes());
        self.guard(Access::Read, |db| Ok(db.get(key.as_bytes())?.map(|value| value.to_vec())))
    }

    fn range(
        &self,
        from: &Key,
        to: &Key,
        direction: Direction,
        limit: usize,
    ) -> Result<Vec<(Key, Vec<u8>)>, StoreError> {
        if from >= to {
            return page(std::iter::empty(), limit);
        }
        // The errors of single records travel inside; what the guard sees are panics.
        let page = self.guard(Access::Read, |db| {
            let records = db.range(from.as_bytes()..to.as_bytes()).inspect(|record| {
                if let Ok((key, _)) = record {
                    self.cooling.note(key);
                }
            });
            Ok(match direction {
                Direction::Up => page(records.map(own), limit),
                Direction::Down => page(records.rev().map(own), limit),
            })
        })?;
        if matches!(page, Err(StoreError::Io { .. })) {
            self.failed.store(true, Ordering::SeqCst);
        }
        page
    }

    fn commit(&mut self, batch: &Batch) -> Result<(), StoreError> {
        if self.failed.load(Ordering::SeqCst) {
            return Err(StoreError::Failed);
        }
        batch.check()?;
        if batch.is_empty() {
            return Ok(());
        }
        self.check_space(batch)?;
        let mut changes = sled::Batch::default();
        for (key, value) in batch.iter() {
            match value {
                Some(value) => changes.insert(key.as_bytes(), value),
                None => changes.remove(key.as_bytes()),
            }
        }
        self.guard(Access::Write, |db| db.apply_batch(changes))?;
        self.make_durable()?;
        self.commits = self.commits.wrapping_add(1);
        if self.commits.is_multiple_of(BLOB_CHECK_COMMITS) {
            self.check_blobs();
        }
        Ok(())
    }

    fn note_commits(&mut self, commits: u64) {
        self.mark.set(commits);
    }

    fn noted_commits(&self) -> u64 {
        self.mark.furthest()
    }

    /// Counts every record: for reports, not for a loop.
    fn usage(&self) -> Result<Usage, StoreError> {
        let (records, live_bytes) = self.guard(Access::Read, |db| {
            db.iter().try_fold((0_u64, 0_u64), |(records, bytes), record| {
                record.map(|(key, value)| (records + 1, bytes + (key.len() + value.len()) as u64))
            })
        })?;
        Ok(Usage { records, live_bytes, disk_bytes: self.disk_bytes()? })
    }

    /// Flush, sync, drop (ST-27).
    fn close(mut self: Box<Self>) -> Result<(), StoreError> {
        self.cooling.end();
        self.make_durable()?;
        self.check_blobs();
        Ok(())
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
fn config(folder: &Path) -> sled::Config {
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

fn conf_is_good(path: &Path) -> bool {
    std::fs::read(path).is_ok_and(|bytes| bytes.starts_with(CONF.as_bytes()))
}

fn own(record: sled::Result<(sled::IVec, sled::IVec)>) -> Result<(Key, Vec<u8>), StoreError> {
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

#[cfg(test)]
mod tests;
