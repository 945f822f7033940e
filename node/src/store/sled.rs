//! The store of the product: a journal, a table in memory, and sled under both. These files alone name it.
//!
//! A commit is an entry in the journal, synced (ST-46), and then lies in a table in memory over the engine; when the
//! table or the journal is full, and at the close, the engine takes all of it at once (ST-47). So sled is written seldom
//! and in large pieces, always in the one way that survived power cuts ([`engine`]); a start lays the journal's entries
//! over it that it does not have yet.
//!
//! sled takes a damaged message for the end of its log, and opens as a whole and older store. So how far it has come is
//! noted in a small file beside the log as well ([`Mark`], ST-43).

mod ahead;
mod cooling;
mod engine;
mod journal;
mod mark;
mod memtable;

use std::fs::File;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use coterie_protocol::{Batch, Direction, IoOperation, Key, Store, StoreError, Urgency, Usage, page, scan};

use self::cooling::Cooling;
use self::engine::{Access, Engine, own};
use self::journal::Journal;
use self::mark::Mark;
use self::memtable::Memtable;
use super::directory::{MARGIN_BYTES, free_bytes, io_error, sync_folder};

/// How often the empty folder is looked at (ST-22).
const BLOB_CHECK_COMMITS: u64 = 1_000;
/// Free space that an essential commit leaves: sled writes a whole segment at a time (ST-83).
const ESSENTIAL_MARGIN_BYTES: u64 = 16 << 20;
/// An essential commit is at most this large (ST-83).
const ESSENTIAL_BYTES_MAX: usize = 64 << 10;
/// The engine takes the table when it holds so much: half of a journal, whose entries replace each other (guess).
const TABLE_BYTES_MAX: usize = 2 << 20;
/// A batch as large as this one is not worth writing twice.
const LARGE_BATCH_BYTES: usize = 1 << 20;

/// A store in a folder of its own.
pub struct SledStore {
    engine: Engine,
    journal: Journal,
    /// What the journal has and the engine has not.
    fresh: Memtable,
    folder: PathBuf,
    space: OwnedFd,
    commits: u64,
    suspect: bool,
    mark: Mark,
    cooling: Cooling,
}

impl SledStore {
    /// Opens the store in `folder`, or makes one there. The caller holds the lock of the data directory.
    ///
    /// # Errors
    /// `Corrupt` if sled refuses or panics, `Io` if the machine does.
    pub fn open(folder: &Path) -> Result<Self, StoreError> {
        let (engine, is_new) = Engine::open(folder)?;
        let space = File::open(folder).map_err(|error| io_error(IoOperation::Open, &error))?.into();
        let found = Journal::open(folder, engine.applied()?)?;
        if found.has_gap {
            tracing::error!(rule = "ST-46", "the engine is older than its journal; it has lost its end");
        }
        let mark = Mark::open(folder);
        let (journal, fresh, suspect) = (found.journal, found.fresh, found.has_gap);
        let (folder, cooling) = (folder.to_path_buf(), Cooling::default());
        let mut store = Self { engine, journal, fresh, folder, space, commits: 0, suspect, mark, cooling };
        store.check_blobs();
        if is_new {
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
        Ok(self.engine.guard(Access::Read, sled::Db::size_on_disk)?.saturating_add(self.journal.disk_bytes()))
    }

    /// Gives memory back that reading took, if that was much; on a thread of its own (ST-25).
    pub fn cool(&mut self) {
        self.cooling.start(self.engine.db());
    }

    /// As if the machine had refused something.
    #[cfg(test)]
    pub(crate) fn fail(&self) {
        self.engine.fail();
    }

    /// Rule ST-22: sled never syncs what lies in `blobs/`. A folder that can't be read at the moment accuses nobody.
    fn check_blobs(&mut self) {
        let files = std::fs::read_dir(self.folder.join("blobs"));
        if files.is_ok_and(|mut files| files.next().is_some()) {
            tracing::error!(rule = "ST-22", "the store has put a page outside its log");
            self.suspect = true;
        }
    }

    /// Rule ST-83: checked before sled is touched, so that a full disk harms nothing.
    fn check_space(&self, batch: &Batch) -> Result<(), StoreError> {
        let small = batch.urgency() == Urgency::Essential && batch.size_bytes() <= ESSENTIAL_BYTES_MAX;
        let need = if small { ESSENTIAL_MARGIN_BYTES } else { MARGIN_BYTES };
        let free = free_bytes(&self.space).map_err(|error| io_error(IoOperation::Read, &error))?;
        if free >= need { Ok(()) } else { Err(StoreError::Full { need, free }) }
    }

    /// Rule ST-47: the engine takes what the journal has, and the journal begins again. Said only once it is durable: a
    /// crash on the way finds all of it in the journal.
    fn checkpoint(&mut self) -> Result<(), StoreError> {
        self.engine.make_room()?;
        self.hand_over()
    }

    fn hand_over(&mut self) -> Result<(), StoreError> {
        if !self.fresh.is_empty() {
            self.engine.take(&self.fresh, self.journal.last())?;
            self.fresh = Memtable::default();
        }
        self.journal.begin_again();
        Ok(())
    }

    /// Rule ST-46: durable once the journal has it.
    fn note(&mut self, batch: &Batch) -> Result<(), StoreError> {
        if self.fresh.bytes() >= TABLE_BYTES_MAX || !self.journal.has_room_for(batch) {
            self.checkpoint()?;
        }
        self.journal.append(batch).map_err(|error| self.engine.fail_with(IoOperation::Sync, &error))?;
        self.fresh.add(batch);
        Ok(())
    }

    /// A batch that the engine takes at once, together with what waits for it: they are there both or neither.
    fn take_large(&mut self, batch: &Batch) -> Result<(), StoreError> {
        self.engine.make_room()?;
        self.fresh.add(batch);
        self.hand_over()
    }
}

impl Store for SledStore {
    fn get(&self, key: &Key) -> Result<Option<Vec<u8>>, StoreError> {
        self.cooling.note(key.as_bytes());
        if let (Some(value), false) = (self.fresh.get(key), self.engine.is_failed()) {
            return Ok(value.map(<[u8]>::to_vec));
        }
        self.engine.guard(Access::Read, |db| Ok(db.get(key.as_bytes())?.map(|value| value.to_vec())))
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
        let page = self.engine.guard(Access::Read, |db| {
            let records = db.range(from.as_bytes()..to.as_bytes()).inspect(|record| {
                if let Ok((key, _)) = record {
                    self.cooling.note(key);
                }
            });
            let span = (from, to);
            Ok(match direction {
                Direction::Up => page(self.fresh.over(records.map(own), span, direction), limit),
                Direction::Down => page(self.fresh.over(records.rev().map(own), span, direction), limit),
            })
        })?;
        if matches!(page, Err(StoreError::Io { .. })) {
            self.engine.fail();
        }
        page
    }

    fn commit(&mut self, batch: &Batch) -> Result<(), StoreError> {
        if self.engine.is_failed() {
            return Err(StoreError::Failed);
        }
        batch.check()?;
        if batch.is_empty() {
            return Ok(());
        }
        self.check_space(batch)?;
        if batch.size_bytes() < LARGE_BATCH_BYTES {
            self.note(batch)?;
        } else {
            self.take_large(batch)?;
        }
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
        let (mut records, mut live_bytes) = (0_u64, 0_u64);
        scan(self, (Key::lowest(), Key::highest()), &mut |key, value| {
            records = records.saturating_add(1);
            live_bytes = live_bytes.saturating_add(key.as_bytes().len().saturating_add(value.len()) as u64);
            Ok(())
        })?;
        Ok(Usage { records, live_bytes, disk_bytes: self.disk_bytes()? })
    }

    /// A last checkpoint (ST-27). On a full disk the journal keeps what it has; that is as durable.
    fn close(mut self: Box<Self>) -> Result<(), StoreError> {
        self.cooling.end();
        if self.engine.is_failed() {
            return Err(StoreError::Failed);
        }
        if free_bytes(&self.space).is_ok_and(|free| free >= ESSENTIAL_MARGIN_BYTES) {
            self.checkpoint()?;
        }
        self.check_blobs();
        Ok(())
    }
}

#[cfg(test)]
mod tests;
