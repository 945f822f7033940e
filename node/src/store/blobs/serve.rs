//! Giving: to a person who asked, as a verified stream, and to the screen. Every byte is checked on its way (ST-71).
//!
//! What is found damaged is never given. A damaged chunk is taken away, so that it counts as absent and is fetched
//! again. A damaged tree over a file that is here in full is built anew: of an own file there may be no other copy.

use std::cell::RefCell;
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, ErrorKind, Read, Write};
use std::ops::Range;

use bao_tree::ChunkRanges;
use bao_tree::io::EncodeError;
use bao_tree::io::sync::{ReadAt, encode_ranges_validated, outboard_post_order};

use super::have::is_here;
use super::layout::{Blob, Folder, GROUP_BYTES, chunk_of, make_file};
use super::refusal::ServeError;
use super::{BLOB_CHUNK_BYTES, Blobs, Have, TEMPORARY};

/// The most that one read gives: what it reads stands in memory.
const READ_BYTES_MAX: u64 = 8 << 20;

impl Blobs {
    /// Writes chunks `first..first + count` as bao's combined encoding, without a length before it.
    ///
    /// # Errors
    /// [`ServeError`]. `Absent` comes before the first byte; after `Damaged` the stream must be cut off.
    pub fn encode(&self, blob: Blob, first: u32, count: u32, to: impl Write) -> Result<(), ServeError> {
        let span = blob.span(first, count).ok_or(ServeError::Range)?;
        self.walk(blob, span.clone(), &blob.ranges(&span), None, to).map(drop)
    }

    /// Ciphertext from `offset` on: `length` bytes, at most 8 MiB, less at the end of the blob.
    ///
    /// # Errors
    /// [`ServeError`].
    pub fn read(&self, blob: Blob, offset: u64, length: u64) -> Result<Vec<u8>, ServeError> {
        if blob.chunks() == 0 || offset > blob.length || length > READ_BYTES_MAX {
            return Err(ServeError::Range);
        }
        let end = offset.saturating_add(length).min(blob.length);
        if offset == end {
            return Ok(Vec::new());
        }
        let start = offset - offset % GROUP_BYTES;
        let ranges = blob.ranges_of_bytes(start, end.next_multiple_of(GROUP_BYTES));
        let chunk = |byte: u64| u32::try_from(byte / BLOB_CHUNK_BYTES).unwrap_or(u32::MAX);
        let mut bytes =
            self.walk(blob, chunk(start)..chunk(end - 1) + 1, &ranges, Some(RefCell::default()), io::sink())?;
        let part = |byte: u64| usize::try_from(byte - start).unwrap_or(usize::MAX);
        bytes.truncate(part(end));
        bytes.drain(..part(offset).min(bytes.len()));
        Ok(bytes)
    }

    /// Walks down the tree to `ranges`, which lie in `span`, and gives what was read there into `kept`, all of it checked.
    fn walk(
        &self,
        blob: Blob,
        span: Range<u32>,
        ranges: &ChunkRanges,
        kept: Option<RefCell<Vec<u8>>>,
        to: impl Write,
    ) -> Result<Vec<u8>, ServeError> {
        let folder = self.folder(blob);
        if let Some(chunk) = span.clone().find(|chunk| !is_here(&folder, blob, *chunk)) {
            return Err(ServeError::Absent { chunk });
        }
        let tree = match folder.open_tree(blob, OpenOptions::new().read(true)) {
            Err(error) if error.kind() == ErrorKind::NotFound => {
                return Err(self.on_damaged_tree(blob, &folder, span.start));
            }
            other => other.map_err(ServeError::Disk)?,
        };
        let chunks = Chunks { folder: &folder, open: RefCell::default(), kept };
        let mut sink = Sink { to, failed: None };
        match encode_ranges_validated(&chunks, &tree, ranges, &mut sink) {
            Ok(()) => Ok(chunks.kept.map(RefCell::into_inner).unwrap_or_default()),
            Err(EncodeError::LeafHashMismatch(place)) => Err(on_damaged_chunk(&folder, chunk_of(place))),
            Err(EncodeError::ParentHashMismatch(node)) => {
                let below = chunk_of(node.chunk_range().start).max(span.start);
                Err(self.on_damaged_tree(blob, &folder, below))
            }
            Err(EncodeError::Io(error)) => Err(sink.failed.map_or(ServeError::Disk(error), ServeError::Sink)),
            Err(other) => Err(ServeError::Sink(sink.failed.unwrap_or_else(|| other.into()))),
        }
    }

    /// Without the tree above it nothing shows what `chunk` should be. It is fetched again, and the tree with it.
    fn on_damaged_tree(&self, blob: Blob, folder: &Folder, chunk: u32) -> ServeError {
        tracing::error!(rule = "ST-71", blob = folder.name, "the hash tree of an attachment is damaged");
        let is_mended = match Have::look(folder, blob) {
            Ok(have) if have.complete => self.build_tree_anew(blob, folder),
            other => other.map(|_| false),
        };
        match is_mended {
            Ok(true) => ServeError::Damaged { chunk },
            Ok(false) => on_damaged_chunk(folder, chunk),
            // A full disk, say: no reason to take a chunk away that may be good, and the only one there is.
            Err(error) => ServeError::Disk(error),
        }
    }

    /// Says whether the chunks still make the root; only then the tree is replaced.
    fn build_tree_anew(&self, blob: Blob, folder: &Folder) -> io::Result<bool> {
        let path = folder.path.join(format!("{}{TEMPORARY}", self.next_number()));
        let mut tree = BufWriter::new(make_file(&path)?);
        let chunks = Chunks { folder, open: RefCell::default(), kept: None };
        let whole = Whole { chunks, at: 0 };
        let root = outboard_post_order(whole, blob.tree(), &mut tree)
            .and_then(|root| tree.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all().map(|()| root));
        match root {
            Ok(root) if root == blob.root() => fs::rename(&path, folder.outboard()).map(|()| true),
            other => {
                fs::remove_file(&path)?;
                other.map(|_| false)
            }
        }
    }
}

/// It counts as absent from here on.
fn on_damaged_chunk(folder: &Folder, chunk: u32) -> ServeError {
    tracing::error!(
        rule = "ST-71",
        blob = folder.name,
        chunk,
        "a chunk of an attachment is damaged; it must come again"
    );
    match fs::remove_file(folder.chunk(chunk)) {
        Err(error) if error.kind() != ErrorKind::NotFound => ServeError::Disk(error),
        _ => ServeError::Damaged { chunk },
    }
}

/// The chunks as one long file.
struct Chunks<'a> {
    folder: &'a Folder,
    /// The one that was read last.
    open: RefCell<Option<(u32, File)>>,
    /// What was read, in order, if somebody wants it. It is handed out only when the whole walk has found it right.
    kept: Option<RefCell<Vec<u8>>>,
}

impl Chunks<'_> {
    fn read_part(&self, at: u64, buffer: &mut [u8]) -> io::Result<usize> {
        let chunk = u32::try_from(at / BLOB_CHUNK_BYTES).unwrap_or(u32::MAX);
        let mut open = self.open.borrow_mut();
        let file = match open.take() {
            Some((number, file)) if number == chunk => file,
            _ => File::open(self.folder.chunk(chunk))?,
        };
        let (_, file) = open.insert((chunk, file));
        file.read_at(at % BLOB_CHUNK_BYTES, buffer)
    }
}

impl ReadAt for Chunks<'_> {
    fn read_at(&self, at: u64, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.read_part(at, buffer)?;
        if let Some(kept) = &self.kept {
            kept.borrow_mut().extend_from_slice(buffer.get(..read).unwrap_or_default());
        }
        Ok(read)
    }
}

/// The same, read from the beginning to the end.
struct Whole<'a> {
    chunks: Chunks<'a>,
    at: u64,
}

impl Read for Whole<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.chunks.read_part(self.at, buffer)?;
        self.at += u64::try_from(read).unwrap_or(0);
        Ok(read)
    }
}

/// Remembers why writing failed, so that the taker's fault and the disk's are told apart.
struct Sink<W> {
    to: W,
    failed: Option<io::Error>,
}

impl<W: Write> Write for Sink<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.to.write(bytes).map_err(|error| match error.kind() {
            ErrorKind::Interrupted => error,
            kind => {
                self.failed = Some(error);
                kind.into()
            }
        })
    }

    fn flush(&mut self) -> io::Result<()> {
        self.to.flush()
    }
}
