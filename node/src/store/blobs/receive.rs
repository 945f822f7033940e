//! Fetching: a part of a blob as a verified stream from somebody who may lie. No byte is written that does not fit the
//! root (BL-10).
//!
//! The stream is bao's combined encoding of whole chunks: pairs of hashes and groups of 16 KiB in pre-order, each of
//! them checked as it comes. So a liar is caught within one group. Several threads may fetch different chunks of one
//! blob, or the same one: what two of them write to one place is the same bytes, and a chunk gets its name at its end.

use std::fs::{self, File};
use std::io::{self, ErrorKind, Read, Write};
use std::path::PathBuf;

use bao_tree::io::DecodeError;
use bao_tree::io::sync::{DecodeResponseIter, OutboardMut};
use bao_tree::io::{BaoContentItem, Leaf};

use super::layout::{Blob, Folder, make_file, make_folder, private};
use super::put::read_some;
use super::refusal::ReceiveError;
use super::{BLOB_CHUNK_BYTES, Blobs, TEMPORARY};
use crate::store::directory::sync_folder;

/// So many chunks are synced together (ST-71).
const SYNC_CHUNKS: usize = 16;

/// What the disk may not have kept yet of a blob that is being fetched.
#[derive(Default)]
pub(super) struct Progress {
    /// At most [`SYNC_CHUNKS`].
    pub(super) unsynced: Vec<u32>,
    /// After so many more chunks it may be complete; nobody has looked yet if there is no number.
    left: Option<u32>,
}

impl Blobs {
    /// Rule ST-71: takes chunks `first..first + count` from a stream that has just these, as [`Blobs::encode`] gives
    /// them. A chunk is written to a temporary file and gets its name when all of it has come and fits; every 16
    /// chunks, and when the blob is complete, everything is synced. Gives the numbers of the chunks.
    ///
    /// A part of the tree that fits is kept even if what follows doesn't. The stream must end: its end is waited for.
    ///
    /// # Errors
    /// [`ReceiveError`]. The chunks that were complete before it are here, and [`Blobs::have`] tells them.
    pub fn receive(&self, blob: Blob, first: u32, count: u32, mut from: impl Read) -> Result<Vec<u32>, ReceiveError> {
        let span = blob.span(first, count).ok_or(ReceiveError::Range)?;
        let folder = self.folder(blob);
        self.make_folders(&folder).map_err(ReceiveError::Disk)?;
        let mut tree = folder.open_tree(blob, &private()).map_err(ReceiveError::Disk)?;
        let ranges = blob.ranges(&span);
        let mut arriving = None;
        let mut done = Vec::new();
        for item in DecodeResponseIter::new(blob.root(), blob.tree(), &mut from, &ranges) {
            match item.map_err(refused)? {
                BaoContentItem::Parent(parent) => {
                    tree.save(parent.node, &parent.pair).map_err(ReceiveError::Disk)?;
                }
                BaoContentItem::Leaf(leaf) => {
                    let chunk = self.take(&mut arriving, &leaf, blob, &folder).map_err(ReceiveError::Disk)?;
                    done.extend(chunk);
                }
            }
        }
        match read_some(&mut from, &mut [0]).map_err(ReceiveError::Source)? {
            0 => Ok(done),
            _ => Err(ReceiveError::TooLong),
        }
    }

    pub(super) fn make_folders(&self, folder: &Folder) -> io::Result<()> {
        if fs::exists(&folder.path)? {
            return Ok(());
        }
        if let Some(above) = folder.path.parent() {
            make_folder(above)?;
            sync_folder(&self.shared.root)?;
            make_folder(&folder.path)?;
            sync_folder(above)?;
        }
        Ok(())
    }

    /// One group, which fits. Gives the chunk's number if it is the last one of it.
    fn take(
        &self,
        arriving: &mut Option<Arriving>,
        leaf: &Leaf,
        blob: Blob,
        folder: &Folder,
    ) -> io::Result<Option<u32>> {
        let chunk = u32::try_from(leaf.offset / BLOB_CHUNK_BYTES).unwrap_or(u32::MAX);
        let mut current = match arriving.take() {
            Some(current) => current,
            None => Arriving::begin(folder, chunk, self.next_number())?,
        };
        current.file.write_all(&leaf.data)?;
        current.written += u64::try_from(leaf.data.len()).unwrap_or(0);
        if current.written < blob.chunk_bytes(chunk) {
            *arriving = Some(current);
            return Ok(None);
        }
        current.finish(folder)?;
        self.note(blob, folder, chunk)?;
        Ok(Some(chunk))
    }

    /// Counts a chunk that has just got its name, and syncs what is due.
    fn note(&self, blob: Blob, folder: &Folder, chunk: u32) -> io::Result<()> {
        let due = {
            let mut all = self.progress();
            let progress = all.entry(folder.name.clone()).or_default();
            progress.unsynced.push(chunk);
            progress.left = progress.left.map(|left| left.saturating_sub(1));
            if progress.left.is_none_or(|left| left == 0) {
                // Chunks can be lost to damage or come twice, so the count only says when to look.
                progress.left = Some(super::Have::look(folder, blob)?.missing());
            }
            if progress.left == Some(0) {
                all.remove(&folder.name);
                // An earlier life may have left some unsynced, too.
                (0..blob.chunks()).collect()
            } else if progress.unsynced.len() >= SYNC_CHUNKS {
                std::mem::take(&mut progress.unsynced)
            } else {
                Vec::new()
            }
        };
        if due.is_empty() { Ok(()) } else { sync(folder, &due) }
    }
}

/// A sync that failed is never tried again, nor counted as done (ST-15): its chunks are as good as lost.
pub(super) fn sync(folder: &Folder, chunks: &[u32]) -> io::Result<()> {
    let synced = sync_files(folder, chunks);
    if synced.is_err() {
        for chunk in chunks {
            let _ = fs::remove_file(folder.chunk(*chunk));
        }
    }
    synced
}

fn sync_files(folder: &Folder, chunks: &[u32]) -> io::Result<()> {
    for chunk in chunks {
        match File::open(folder.chunk(*chunk)) {
            // It was damaged, or erased, in the meantime.
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            other => other?.sync_all()?,
        }
    }
    File::open(folder.outboard())?.sync_all()?;
    sync_folder(&folder.path)
}

/// A chunk on its way. Dropped before its end it leaves nothing.
struct Arriving {
    chunk: u32,
    path: PathBuf,
    file: File,
    written: u64,
}

impl Arriving {
    fn begin(folder: &Folder, chunk: u32, number: u64) -> io::Result<Self> {
        let path = folder.path.join(format!("{number}{TEMPORARY}"));
        Ok(Self { chunk, file: make_file(&path)?, path, written: 0 })
    }

    fn finish(&self, folder: &Folder) -> io::Result<()> {
        fs::rename(&self.path, folder.chunk(self.chunk))
    }
}

impl Drop for Arriving {
    fn drop(&mut self) {
        // After the end there is no such name any more.
        let _ = fs::remove_file(&self.path);
    }
}

/// All that can go wrong while decoding lies with the source.
fn refused(error: DecodeError) -> ReceiveError {
    match error {
        DecodeError::ParentHashMismatch(node) => ReceiveError::BadSource { offset: node.mid().to_bytes() },
        DecodeError::LeafHashMismatch(place) => ReceiveError::BadSource { offset: place.to_bytes() },
        DecodeError::ParentNotFound(_) | DecodeError::LeafNotFound(_) => {
            ReceiveError::Source(ErrorKind::UnexpectedEof.into())
        }
        DecodeError::Io(error) => ReceiveError::Source(error),
    }
}
