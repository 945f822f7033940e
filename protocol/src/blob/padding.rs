//! How long a sealed file is, and which bytes lie in which segment: arithmetic only.
//!
//! A length says what a file is (a known video has a known size), so lengths are rounded up. Padmé keeps the number of
//! different lengths small and wastes at most 6.3 % above 4 KiB and 3.2 % above 1 MiB (PURBs, PoPETs 2019).
#![cfg_attr(not(test), deny(clippy::arithmetic_side_effects, clippy::as_conversions))]

use core::ops::Range;

use crate::limits;

/// No file has this size: it is empty, or larger than 2 GiB (BL-1, BL-4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a file has 1 byte to 2 GiB")]
pub struct NoSuchSize;

const SEGMENT: u64 = 65_520;
const TAG: u64 = 16;
const _: () = assert!(limits::SEGMENT_BYTES == 65_520 && limits::AEAD_TAG_BYTES == 16);

/// Rule BL-4: zeros are added up to max(4,096, Padmé(size)). With E = ⌊log₂ size⌋ and S = ⌊log₂ E⌋ + 1 that is the next
/// multiple of 2^(E−S): the last E−S bits of a length are always zero. In bytes.
#[must_use]
pub const fn padded_bytes(size: u64) -> u64 {
    if size <= limits::BLOB_PADDED_BYTES_MIN {
        return limits::BLOB_PADDED_BYTES_MIN;
    }
    let exponent = size.ilog2();
    let kept = exponent.ilog2().saturating_add(1);
    let step = 1_u64 << exponent.saturating_sub(kept);
    // Beyond 2^63 nothing is a file any more; the largest multiple stands for it.
    size.saturating_add(step.saturating_sub(1)) & !step.saturating_sub(1)
}

/// Bytes of the ciphertext of a file of `size` bytes: padding, and 16 for each segment (BL-5).
#[must_use]
pub const fn cipher_bytes(size: u64) -> u64 {
    let padded = padded_bytes(size);
    padded.saturating_add(TAG.saturating_mul(padded.div_ceil(SEGMENT)))
}

/// A file's segments, by number from 0: what lies where. All offsets are in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Segments {
    size: u64,
    padded: u64,
}

impl Segments {
    /// Those of a file of `size` bytes.
    ///
    /// # Errors
    /// [`NoSuchSize`] for 0 and for more than 2 GiB.
    pub const fn of(size: u64) -> Result<Self, NoSuchSize> {
        if size == 0 || size > limits::BLOB_BYTES_MAX {
            return Err(NoSuchSize);
        }
        Ok(Self { size, padded: padded_bytes(size) })
    }

    /// The size of the file itself.
    #[must_use]
    pub const fn size(&self) -> u64 {
        self.size
    }

    /// How many segments there are; at least one.
    #[must_use]
    pub const fn count(&self) -> u64 {
        self.padded.div_ceil(SEGMENT)
    }

    /// Bytes of the whole ciphertext.
    #[must_use]
    pub const fn cipher_bytes(&self) -> u64 {
        cipher_bytes(self.size)
    }

    /// The segment in which the byte of the file at `offset` lies (BL-5).
    #[must_use]
    pub const fn holding(&self, offset: u64) -> u64 {
        offset / SEGMENT
    }

    /// Which bytes of the file segment `index` holds: empty where only padding is left.
    #[must_use]
    pub fn plain(&self, index: u64) -> Range<u64> {
        let padded = self.padded_range(index);
        padded.start.min(self.size)..padded.end.min(self.size)
    }

    /// Where segment `index` lies in the ciphertext.
    #[must_use]
    pub fn sealed(&self, index: u64) -> Range<u64> {
        let with_tags = |offset: u64, tags: u64| offset.saturating_add(tags.saturating_mul(TAG));
        let padded = self.padded_range(index);
        let first = index.min(self.count());
        let end = index.saturating_add(1).min(self.count());
        with_tags(padded.start, first)..with_tags(padded.end, end)
    }

    /// Whether `index` is the last one.
    pub(super) const fn is_last(&self, index: u64) -> bool {
        index.saturating_add(1) == self.count()
    }

    /// Which bytes of the padded text segment `index` holds.
    pub(super) fn padded_range(&self, index: u64) -> Range<u64> {
        let start = index.saturating_mul(SEGMENT).min(self.padded);
        start..start.saturating_add(SEGMENT).min(self.padded)
    }
}
