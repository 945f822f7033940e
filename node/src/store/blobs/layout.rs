//! Where a blob lies and how it is cut: names, chunks, the shape of its tree. No content passes here.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, ErrorKind};
use std::ops::Range;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use bao_tree::io::outboard::PostOrderOutboard;
use bao_tree::{BaoTree, BlockSize, ChunkNum, ChunkRanges, blake3};
use coterie_protocol::{BlobId, Secret};
use data_encoding::HEXLOWER;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// Ciphertext in one file, and what one have-bit stands for.
pub const BLOB_CHUNK_BYTES: u64 = 1 << 20;
/// Rule BL-6: what is checked at once: 2^4 of BLAKE3's own chunks of 1,024 bytes.
pub(super) const GROUP_BYTES: u64 = 16 << 10;
const GROUP: BlockSize = BlockSize::from_chunk_log(4);
/// BLAKE3's own chunks.
const LEAF_BYTES: u64 = 1_024;
/// The format's 2 GiB, its padding included, and the tags of its segments, 513 KiB (BL-1, BL-5). No file is longer, so
/// a folder has at most 2,049 chunks and its tree 8 MiB.
const LENGTH_MAX: u64 = (2 << 30) + (1 << 20);
const NAME_BYTES: usize = 16;
pub(super) const OUTBOARD: &str = "outboard";

/// Which blob: its root and the length of its ciphertext in bytes. Both together, because the shape of the tree follows
/// from the length, and a descriptor may lie about it: two lengths for one root are two blobs, of which at most one
/// will ever be complete.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Blob {
    /// The root.
    pub id: BlobId,
    /// Bytes of ciphertext.
    pub length: u64,
}

impl Blob {
    /// Number of chunks of 1 MiB; 0 for a length that no blob has.
    #[must_use]
    pub fn chunks(self) -> u32 {
        let count = if is_possible(self.length) { self.length.div_ceil(BLOB_CHUNK_BYTES) } else { 0 };
        u32::try_from(count).unwrap_or(0)
    }

    /// Bytes of one chunk's file.
    pub(super) fn chunk_bytes(self, chunk: u32) -> u64 {
        self.length.saturating_sub(u64::from(chunk) * BLOB_CHUNK_BYTES).min(BLOB_CHUNK_BYTES)
    }

    /// Chunks `first..first + count`, or `None` if that is none of them or more than there are.
    pub(super) fn span(self, first: u32, count: u32) -> Option<Range<u32>> {
        let end = first.checked_add(count)?;
        (count > 0 && end <= self.chunks()).then_some(first..end)
    }

    /// The same in the tree's own terms.
    pub(super) fn ranges(self, span: &Range<u32>) -> ChunkRanges {
        self.ranges_of_bytes(u64::from(span.start) * BLOB_CHUNK_BYTES, u64::from(span.end) * BLOB_CHUNK_BYTES)
    }

    pub(super) fn ranges_of_bytes(self, start: u64, end: u64) -> ChunkRanges {
        ChunkRanges::from(ChunkNum(start / LEAF_BYTES)..ChunkNum(end.min(self.length).div_ceil(LEAF_BYTES)))
    }

    pub(super) fn tree(self) -> BaoTree {
        tree(self.length)
    }

    pub(super) fn root(self) -> blake3::Hash {
        blake3::Hash::from_bytes(self.id.0)
    }
}

/// Whether there can be a blob of this length.
pub(super) fn is_possible(length: u64) -> bool {
    (1..=LENGTH_MAX).contains(&length)
}

/// The shape of the tree over so many bytes.
pub(super) fn tree(length: u64) -> BaoTree {
    BaoTree::new(length, GROUP)
}

/// In which file a place in the tree lies.
pub(super) fn chunk_of(place: ChunkNum) -> u32 {
    u32::try_from(place.to_bytes() / BLOB_CHUNK_BYTES).unwrap_or(u32::MAX)
}

/// A blob's folder.
pub(super) struct Folder {
    pub(super) name: String,
    pub(super) path: PathBuf,
}

impl Folder {
    /// Rule ST-70: the name is HMAC-SHA256(name key, root | length as 8 bytes, big-endian)[..16] in hex, its first two
    /// digits the folder above: a thief who knows a file's root can't tell whether it lies here.
    pub(super) fn of(root: &Path, key: &Secret<32>, blob: Blob) -> Self {
        // HMAC takes keys of any length.
        let tag = Hmac::<Sha256>::new_from_slice(key.expose()).map(|mut mac| {
            mac.update(&blob.id.0);
            mac.update(&blob.length.to_be_bytes());
            mac.finalize().into_bytes()
        });
        let name = HEXLOWER.encode(tag.unwrap_or_default().get(..NAME_BYTES).unwrap_or_default());
        let path = root.join(name.get(..2).unwrap_or_default()).join(&name);
        Self { name, path }
    }

    pub(super) fn chunk(&self, chunk: u32) -> PathBuf {
        self.path.join(chunk_name(chunk))
    }

    pub(super) fn outboard(&self) -> PathBuf {
        self.path.join(OUTBOARD)
    }

    /// The tree as it lies here, to be read and, where a file is being fetched, filled in.
    pub(super) fn open_tree(&self, blob: Blob, options: &OpenOptions) -> io::Result<PostOrderOutboard<File>> {
        Ok(PostOrderOutboard { root: blob.root(), tree: blob.tree(), data: options.open(self.outboard())? })
    }
}

pub(super) fn chunk_name(chunk: u32) -> String {
    format!("c{chunk:06}")
}

/// The number in a chunk's name.
pub(super) fn chunk_number(name: &str) -> Option<u32> {
    let number = name.strip_prefix('c')?.parse().ok()?;
    (chunk_name(number) == name).then_some(number)
}

/// Makes a folder for this user alone; one that is there already is fine.
pub(super) fn make_folder(path: &Path) -> io::Result<()> {
    match DirBuilder::new().mode(0o700).create(path) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
        other => other,
    }
}

/// How a file for this user alone is made.
pub(super) fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false).mode(0o600);
    options
}

/// A file for this user alone that must not be there yet.
pub(super) fn make_file(path: &Path) -> io::Result<File> {
    private().create_new(true).open(path)
}
