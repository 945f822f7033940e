//! Segments of a file, sealed and opened one at a time, so that nobody ever holds a whole file in memory.
//!
//! Each segment's nonce is its number and whether it is the last, so a cut, swapped or lengthened file does not open
//! (STREAM: Hoang, Reyhanitabar, Rogaway, Vizár, CRYPTO 2015; the age format does the same). The key is of one file
//! alone, which is what makes a counted nonce safe.
#![cfg_attr(not(test), deny(clippy::arithmetic_side_effects, clippy::as_conversions))]

use alloc::vec::Vec;
use core::ops::Range;

use super::padding::{NoSuchSize, Segments};
use crate::crypto::seal::{DoesNotOpen, open_segment, seal_segment};
use crate::crypto::{Secret, Zeroizing};

/// A segment that was not sealed, because it was not the one whose turn it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotSealed {
    /// Segments are sealed in order, each once: the same number twice would be the same nonce twice.
    #[error("segments are sealed in order, each once")]
    OutOfTurn,
    /// The file has another number of bytes there, as [`Segments::plain`] says: it changed while it was read.
    #[error("a segment of another length than the file's size says")]
    WrongLength,
}

/// Seals a file, segment by segment, in order.
pub struct SegmentSealer {
    key: Secret<32>,
    segments: Segments,
    next: u64,
}

impl SegmentSealer {
    /// For a file of `size` bytes under a fresh key of its own.
    ///
    /// # Errors
    /// [`NoSuchSize`] for 0 and for more than 2 GiB.
    pub fn new(key: &Secret<32>, size: u64) -> Result<Self, NoSuchSize> {
        Ok(Self { key: key.duplicate(), segments: Segments::of(size)?, next: 0 })
    }

    /// What lies where.
    #[must_use]
    pub const fn segments(&self) -> &Segments {
        &self.segments
    }

    /// Segment `index` of the ciphertext, from the file's bytes of that segment (none where only padding is left).
    ///
    /// # Errors
    /// [`NotSealed`]; nothing has moved then.
    pub fn seal(&mut self, index: u64, chunk: &[u8]) -> Result<Vec<u8>, NotSealed> {
        if index != self.next || index >= self.segments.count() {
            return Err(NotSealed::OutOfTurn);
        }
        if Ok(chunk.len()) != length(&self.segments.plain(index)) {
            return Err(NotSealed::WrongLength);
        }
        let padded = length(&self.segments.padded_range(index)).map_err(|_| NotSealed::WrongLength)?;
        let mut text = Zeroizing::new(Vec::with_capacity(padded));
        text.extend_from_slice(chunk);
        text.resize(padded, 0);
        self.next = index.saturating_add(1);
        Ok(seal_segment(&self.key, &nonce(&self.segments, index), &text))
    }
}

/// Opens a file's segments, in any order.
pub struct SegmentOpener {
    key: Secret<32>,
    segments: Segments,
}

impl SegmentOpener {
    /// For a file whose descriptor says `size` bytes.
    ///
    /// # Errors
    /// [`NoSuchSize`] for 0 and for more than 2 GiB.
    pub fn new(key: &Secret<32>, size: u64) -> Result<Self, NoSuchSize> {
        Ok(Self { key: key.duplicate(), segments: Segments::of(size)? })
    }

    /// What lies where.
    #[must_use]
    pub const fn segments(&self) -> &Segments {
        &self.segments
    }

    /// The file's own bytes in segment `index`: without padding, which must be zeros (BL-4).
    ///
    /// # Errors
    /// [`DoesNotOpen`]: another key, altered or moved bytes, another length, padding that isn't zeros. The blob is
    /// damaged, whichever it was.
    pub fn open(&self, index: u64, sealed: &[u8]) -> Result<Vec<u8>, DoesNotOpen> {
        if index >= self.segments.count() || Ok(sealed.len()) != length(&self.segments.sealed(index)) {
            return Err(DoesNotOpen);
        }
        let mut text = open_segment(&self.key, &nonce(&self.segments, index), sealed)?;
        let own = length(&self.segments.plain(index)).map_err(|_| DoesNotOpen)?;
        let padding = text.get(own..).ok_or(DoesNotOpen)?;
        if padding.iter().any(|byte| *byte != 0) {
            return Err(DoesNotOpen);
        }
        text.truncate(own);
        Ok(text)
    }
}

/// Rule BL-5: a segment is sealed under `be88(index) ‖ last`, its number in eleven bytes, big-endian, and 1 for the last
/// segment or else 0. A number has eight bytes here, so the highest three are always zero.
fn nonce(segments: &Segments, index: u64) -> [u8; 12] {
    let [a, b, c, d, e, f, g, h] = index.to_be_bytes();
    [0, 0, 0, a, b, c, d, e, f, g, h, u8::from(segments.is_last(index))]
}

fn length(range: &Range<u64>) -> Result<usize, core::num::TryFromIntError> {
    usize::try_from(range.end.saturating_sub(range.start))
}
