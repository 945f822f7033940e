//! Storing an own file: all of it, hashed on the way, durable before the message that names it is committed (ST-72).
//!
//! Everything goes to a temporary folder that takes its name, the root, in one step at the end. So there is never half
//! a file of one's own, and a put that was cut off leaves nothing that the next start doesn't take away.

use std::fs::{self, File};
use std::io::{self, BufWriter, ErrorKind, Read, Write};
use std::path::{Path, PathBuf};

use bao_tree::io::sync::outboard_post_order;

use coterie_protocol::BlobId;

use super::layout::{self, Blob, Folder, chunk_name, make_file, make_folder};
use super::refusal::PutError;
use super::{BLOB_CHUNK_BYTES, Blobs};
use crate::store::directory::sync_folder;

/// What is written of the tree at once.
const TREE_BUFFER_BYTES: usize = 64 << 10;

impl Blobs {
    /// Rule ST-72: stores `length` bytes of ciphertext. When this returns they survive a power cut, tree, folders and
    /// all; only then may a message name them. What was stored before under the same root is replaced.
    ///
    /// # Errors
    /// [`PutError`]; nothing is stored then.
    pub fn put(&self, ciphertext: impl Read, length: u64) -> Result<Blob, PutError> {
        if !layout::is_possible(length) {
            return Err(PutError::Length);
        }
        let place = Unfinished(self.temporary());
        let id = write_all(&place.0, ciphertext, length)?;
        let blob = Blob { id, length };
        self.take_in(&place.0, &self.folder(blob)).map_err(PutError::Disk)?;
        Ok(blob)
    }

    /// Gives a finished folder its name, in the place of an older one, durably.
    fn take_in(&self, finished: &Path, folder: &Folder) -> io::Result<()> {
        if let Some(above) = folder.path.parent() {
            make_folder(above)?;
        }
        while let Err(error) = fs::rename(finished, &folder.path) {
            match error.kind() {
                // Half of it was fetched before, or it is stored already.
                ErrorKind::DirectoryNotEmpty | ErrorKind::AlreadyExists => self.remove_folder(&folder.path)?,
                _ => return Err(error),
            }
        }
        self.progress().remove(&folder.name);
        folder.path.parent().map_or(Ok(()), sync_folder)?;
        sync_folder(&self.shared.root)
    }
}

/// A folder that goes with this value, unless it got its name in the meantime.
struct Unfinished(PathBuf);

impl Drop for Unfinished {
    fn drop(&mut self) {
        // What stays here goes at the next start.
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Chunks, tree and the names of both, synced; gives the root.
fn write_all(place: &Path, from: impl Read, length: u64) -> Result<BlobId, PutError> {
    make_folder(place).map_err(PutError::Disk)?;
    let outboard = make_file(&place.join(layout::OUTBOARD)).map_err(PutError::Disk)?;
    let mut tree = BufWriter::with_capacity(TREE_BUFFER_BYTES, outboard);
    let mut splitter = Splitter { from, place, current: None, passed: 0, failed: None };
    let root = outboard_post_order(&mut splitter, layout::tree(length), &mut tree)
        .map_err(|error| splitter.failed.take().unwrap_or(PutError::Disk(error)))?;
    splitter.finish()?;
    let outboard = tree.into_inner().map_err(|error| PutError::Disk(error.into_error()))?;
    outboard.sync_all().and_then(|()| sync_folder(place)).map_err(PutError::Disk)?;
    Ok(BlobId(*root.as_bytes()))
}

/// Hands on what it reads, and writes it into chunks as it passes.
struct Splitter<'a, R> {
    from: R,
    place: &'a Path,
    current: Option<File>,
    passed: u64,
    failed: Option<PutError>,
}

impl<R: Read> Splitter<'_, R> {
    fn pass(&mut self, buffer: &mut [u8]) -> Result<usize, PutError> {
        let room = BLOB_CHUNK_BYTES - self.passed % BLOB_CHUNK_BYTES;
        let room = usize::try_from(room).unwrap_or(usize::MAX).min(buffer.len());
        let buffer = buffer.get_mut(..room).unwrap_or_default();
        let read = read_some(&mut self.from, buffer).map_err(PutError::Source)?;
        let bytes = buffer.get(..read).unwrap_or_default();
        if bytes.is_empty() {
            return Err(PutError::Length);
        }
        self.write(bytes).map_err(PutError::Disk)?;
        Ok(read)
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        let file = match &mut self.current {
            Some(file) => file,
            none => {
                let chunk = u32::try_from(self.passed / BLOB_CHUNK_BYTES).unwrap_or(u32::MAX);
                none.insert(make_file(&self.place.join(chunk_name(chunk)))?)
            }
        };
        file.write_all(bytes)?;
        self.passed += u64::try_from(bytes.len()).unwrap_or(0);
        if self.passed.is_multiple_of(BLOB_CHUNK_BYTES) { self.close_chunk() } else { Ok(()) }
    }

    fn close_chunk(&mut self) -> io::Result<()> {
        self.current.take().map_or(Ok(()), |file| file.sync_all())
    }

    /// The last chunk, and nothing behind it.
    fn finish(&mut self) -> Result<(), PutError> {
        self.close_chunk().map_err(PutError::Disk)?;
        match read_some(&mut self.from, &mut [0]).map_err(PutError::Source)? {
            0 => Ok(()),
            _ => Err(PutError::Length),
        }
    }
}

impl<R: Read> Read for Splitter<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        self.pass(buffer).map_err(|error| {
            self.failed = Some(error);
            ErrorKind::Other.into()
        })
    }
}

/// One `read`, again if a signal came between.
pub(super) fn read_some(from: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    loop {
        match from.read(buffer) {
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            other => return other,
        }
    }
}
