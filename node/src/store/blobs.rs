//! Attachment files on disk: ciphertext only, in chunks of 1 MiB, each checked against the BLAKE3 tree whenever it moves.
//!
//! ```text
//! <data dir>/blobs/xx/<name>/c000000, c000001, …   1 MiB of ciphertext each, the last shorter
//! <data dir>/blobs/xx/<name>/outboard              the tree: 64 bytes for each 16 KiB, in post order
//! ```
//!
//! A chunk that came from outside is checked before it is written, and every chunk before it is shown or served (bao,
//! O'Connor et al.: a hash tree as a verified stream). So nothing on the disk has to be believed: after an unclean stop
//! nothing is read again in advance. A chunk that does not fit any more, cut short by a power cut or rotted, is found
//! by the first read that needs it, taken away, and fetched again like any that never came.
//!
//! Plain blocking calls: whoever is on an async thread sends them elsewhere. One handle per data directory, whose lock
//! (ST-81) keeps other processes out; clones of it and threads may share it.

mod have;
mod layout;
mod put;
mod receive;
mod refusal;
mod serve;
mod sweep;

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use coterie_protocol::Secret;

pub use self::have::Have;
use self::layout::Folder;
pub use self::layout::{BLOB_CHUNK_BYTES, Blob};
use self::receive::Progress;
pub use self::refusal::{PutError, ReceiveError, ServeError};
use super::directory::{free_bytes, sync_folder};

const BLOBS: &str = "blobs";
/// Ends the names of what is not finished, or not wanted any more; none outlives the next start.
const TEMPORARY: &str = ".tmp";

/// The attachment files of one profile. Clones share everything.
#[derive(Clone)]
pub struct Blobs {
    shared: Arc<Shared>,
}

struct Shared {
    root: PathBuf,
    /// Never leaves this room, and no path or log line holds a root: who sees the disk can't ask for what lies there.
    name_key: Secret<32>,
    /// Makes names of temporary files unlike each other.
    counter: AtomicU64,
    /// Of blobs that are being fetched: what is not synced yet. One small entry for each, gone when it is complete.
    progress: Mutex<BTreeMap<String, Progress>>,
}

impl Blobs {
    /// Opens `<data_dir>/blobs`, makes it if it isn't there, and takes leftovers of the last life away.
    ///
    /// # Errors
    /// What the disk meets; a symbolic link in its place is refused (ST-80).
    pub fn open(data_dir: &Path, name_key: Secret<32>) -> io::Result<Self> {
        let root = data_dir.join(BLOBS);
        layout::make_folder(&root)?;
        if !fs::symlink_metadata(&root)?.is_dir() {
            return Err(ErrorKind::NotADirectory.into());
        }
        sync_folder(data_dir)?;
        sweep::take_leftovers(&root)?;
        let progress = Mutex::new(BTreeMap::new());
        Ok(Self { shared: Arc::new(Shared { root, name_key, counter: AtomicU64::new(0), progress }) })
    }

    /// Which chunks are here: their files, in full length. What is in them is checked when it is read.
    ///
    /// # Errors
    /// What the disk meets; a blob of which nothing is here is none.
    pub fn have(&self, blob: Blob) -> io::Result<Have> {
        Have::look(&self.folder(blob), blob)
    }

    /// Takes a blob away, at once for every later call; its bytes are gone when this returns. One that isn't here is
    /// gone already. A fetch that is under way meets an error, or begins anew.
    ///
    /// # Errors
    /// What the disk meets. What is left then goes at the next start.
    pub fn erase(&self, blob: Blob) -> io::Result<()> {
        let folder = self.folder(blob);
        self.progress().remove(&folder.name);
        self.remove_folder(&folder.path)
    }

    /// Takes away folders that no record knows and that nothing has touched for an hour (ST-72). Gives their number. For the start, when the records are loaded; also what an erasure left that was cut off.
    ///
    /// # Errors
    /// What the disk meets; the next start tries again.
    pub fn keep_only(&self, known: &[Blob]) -> io::Result<usize> {
        let names = known.iter().map(|blob| self.folder(*blob).name).collect();
        let unknown = sweep::unknown_folders(&self.shared.root, &names)?;
        unknown.iter().try_for_each(|folder| self.remove_folder(folder))?;
        Ok(unknown.len())
    }

    /// Bytes of all files, by their length. Looks at each of them: for once a minute, not for each message.
    ///
    /// # Errors
    /// What the disk meets.
    pub fn usage(&self) -> io::Result<u64> {
        sweep::bytes_below(&self.shared.root)
    }

    /// Bytes that the disk has left for this user.
    ///
    /// # Errors
    /// What the disk meets.
    pub fn free_bytes(&self) -> io::Result<u64> {
        free_bytes(fs::File::open(&self.shared.root)?)
    }

    fn folder(&self, blob: Blob) -> Folder {
        Folder::of(&self.shared.root, &self.shared.name_key, blob)
    }

    /// A new name next to the folders, for what is not finished or not wanted.
    fn temporary(&self) -> PathBuf {
        self.shared.root.join(format!("{}{TEMPORARY}", self.next_number()))
    }

    fn next_number(&self) -> u64 {
        self.shared.counter.fetch_add(1, Ordering::Relaxed)
    }

    fn progress(&self) -> MutexGuard<'_, BTreeMap<String, Progress>> {
        self.shared.progress.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Out of everybody's sight in one step, so that nobody sees half a folder; then the files.
    fn remove_folder(&self, folder: &Path) -> io::Result<()> {
        let aside = self.temporary();
        match fs::rename(folder, &aside) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
            other => other?,
        }
        folder.parent().map_or(Ok(()), sync_folder)?;
        fs::remove_dir_all(&aside)?;
        sync_folder(&self.shared.root)
    }
}

#[cfg(test)]
mod tests;
