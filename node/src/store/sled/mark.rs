//! How far a store has come, noted beside its log (ST-43).
//!
//! sled takes a damaged message for the end of its log: after a flipped bit in a log that was not closed it opens with its
//! last batches missing, whole in itself. This file is the witness. It is written in place behind each durable commit and
//! never synced: that costs a few microseconds, survives a kill, and after a power cut it is at worst too old, which says
//! nothing. It can be ahead of the log only if the log has lost something.
//!
//! Two slots of 64 bytes take turns, so that one is whole whatever happens to the other: `COTERIEM | number of commits, 8
//! bytes, big-endian | SHA-256 of these 16 bytes, 32 bytes | 16 zero bytes`.

use std::fs::File;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;

use sha2::{Digest, Sha256};

const NAME: &str = "mark";
const MAGIC: &[u8; 8] = b"COTERIEM";
const SLOT_BYTES: usize = 64;
const SLOTS: u64 = 2;

/// The open file. Without one (no descriptor left, a disk that fails) the store works on, and its end has no witness.
pub(super) struct Mark {
    file: Option<File>,
    furthest: u64,
}

impl Mark {
    /// Opens the mark of the store in `folder`, or makes one.
    pub(super) fn open(folder: &Path) -> Self {
        let mut options = File::options();
        options.read(true).write(true).create(true).truncate(false).mode(0o600);
        let path = folder.join(NAME);
        let file = options.custom_flags(i32::try_from(rustix::fs::OFlags::NOFOLLOW.bits()).unwrap_or(0)).open(path);
        if let Err(error) = &file {
            tracing::warn!(%error, rule = "ST-43", "the end of the store has no witness");
        }
        let file = file.ok();
        let furthest =
            file.as_ref().map_or(0, |file| (0..SLOTS).filter_map(|slot| read(file, slot)).max().unwrap_or(0));
        Self { file, furthest }
    }

    /// The highest number that was noted, 0 if none.
    pub(super) const fn furthest(&self) -> u64 {
        self.furthest
    }

    /// Notes a number, in the slot that does not hold the one before it.
    pub(super) fn set(&mut self, commits: u64) {
        let Some(file) = &self.file else { return };
        if let Err(error) = file.write_all_at(&slot_bytes(commits), place(commits % SLOTS)) {
            tracing::warn!(%error, rule = "ST-43", "the end of the store has no witness");
            self.file = None;
        }
        self.furthest = commits;
    }
}

const fn place(slot: u64) -> u64 {
    slot.saturating_mul(SLOT_BYTES as u64)
}

fn slot_bytes(commits: u64) -> [u8; SLOT_BYTES] {
    let mut bytes = [0; SLOT_BYTES];
    let said: Vec<u8> = MAGIC.iter().copied().chain(commits.to_be_bytes()).collect();
    let print = Sha256::digest(&said);
    bytes.iter_mut().zip(said.into_iter().chain(print)).for_each(|(to, from)| *to = from);
    bytes
}

/// The number in a slot, if it is whole.
fn read(file: &File, slot: u64) -> Option<u64> {
    let mut bytes = [0; SLOT_BYTES];
    file.read_exact_at(&mut bytes, place(slot)).ok()?;
    let (_, rest) = bytes.split_first_chunk::<8>()?;
    let commits = u64::from_be_bytes(*rest.first_chunk()?);
    (bytes == slot_bytes(commits)).then_some(commits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn st_43_the_mark_survives_the_process_and_the_loss_of_either_slot() {
        let root = tempfile::tempdir().unwrap();
        let mut mark = Mark::open(root.path());
        assert_eq!(mark.furthest(), 0);
        (1..=7).for_each(|number| mark.set(number));
        assert_eq!((mark.furthest(), Mark::open(root.path()).furthest()), (7, 7));
        let file = File::options().write(true).open(root.path().join(NAME)).unwrap();
        for (slot, left) in [(1, 6), (0, 0)] {
            file.write_all_at(&[0x55], place(slot) + 9).unwrap();
            assert_eq!(Mark::open(root.path()).furthest(), left, "slot {slot} rotted");
        }
    }

    #[test]
    fn st_43_a_link_is_no_mark_and_the_store_works_without_one() {
        let root = tempfile::tempdir().unwrap();
        let elsewhere = root.path().join("elsewhere");
        std::fs::write(&elsewhere, b"untouched").unwrap();
        std::os::unix::fs::symlink(&elsewhere, root.path().join(NAME)).unwrap();
        let mut mark = Mark::open(root.path());
        mark.set(3);
        assert_eq!(std::fs::read(&elsewhere).unwrap(), b"untouched");
    }
}
