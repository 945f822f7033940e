//! Blocks that files get before they need them (ST-48).
//!
//! sled writes when it likes: a read may split a page, its flusher comes every half a second, and a start fills the rest
//! of a segment with zeros. If the disk is full at that moment, what was readable no longer is. So the blocks of what it
//! writes next are allocated beforehand, without a change of the file's length.
//! <https://man7.org/linux/man-pages/man2/fallocate.2.html>

use std::fs::File;

use rustix::fs::FallocateFlags;
use rustix::io::Errno;

/// Allocates `length` bytes from `place` on; what is allocated already stays as it is. A file system that can't gives
/// no room ahead, and no error.
pub(super) fn allocate(file: &File, place: u64, length: u64) -> std::io::Result<()> {
    match rustix::fs::fallocate(file, FallocateFlags::KEEP_SIZE, place, length) {
        Err(Errno::OPNOTSUPP | Errno::NOSYS) => Ok(()),
        other => other.map_err(Into::into),
    }
}
