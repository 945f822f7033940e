//! The header of a peer's sync message, read by ourselves before automerge may see it (MB-T3).
//!
//! Automerge 0.12 panics, aborts or computes for seconds on crafted messages, some of them only later, when a Bloom
//! filter is used. So each count, the filter's parameters and the absence of changes are checked first, without
//! allocating anything. Format: automerge's sync message, version 1.

use crate::limits::{SYNC_FILTER_ENTRIES_MAX, SYNC_HASHES_MAX, SYNC_MESSAGE_BYTES_MAX};

/// First byte of a sync message of version 1.
const SYNC_V1: u8 = 0x42;
/// Bytes of a change hash.
const HASH_BYTES: usize = 32;
/// The parameters of the one Bloom filter that automerge makes.
const FILTER_BITS_PER_ENTRY: u64 = 10;
const FILTER_PROBES: u64 = 7;

/// Why a sync message is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GateFault {
    /// Longer than 96 KiB.
    #[error("too large")]
    TooLarge,
    /// Not what it should look like.
    #[error("malformed")]
    Malformed,
    /// More hashes than any honest neighbour names.
    #[error("too many hashes")]
    TooMany,
    /// A filter with other parameters than automerge's.
    #[error("bad filter")]
    BadFilter,
    /// Changes or flags where operations travel by themselves.
    #[error("carries changes")]
    CarriesChanges,
}

struct Cursor<'a>(&'a [u8]);

impl<'a> Cursor<'a> {
    fn take(&mut self, len: usize) -> Result<&'a [u8], GateFault> {
        let (head, rest) = self.0.split_at_checked(len).ok_or(GateFault::Malformed)?;
        self.0 = rest;
        Ok(head)
    }

    /// An unsigned LEB128 number in its shortest form, below 2^35.
    fn number(&mut self) -> Result<u64, GateFault> {
        let mut value = 0_u64;
        for shift in [0_u32, 7, 14, 21, 28] {
            let &[byte] = self.take(1)? else { return Err(GateFault::Malformed) };
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return if byte == 0 && shift > 0 { Err(GateFault::Malformed) } else { Ok(value) };
            }
        }
        Err(GateFault::Malformed)
    }

    fn count(&mut self, max: usize) -> Result<usize, GateFault> {
        usize::try_from(self.number()?).ok().filter(|&count| count <= max).ok_or(GateFault::TooMany)
    }

    /// A list of hashes, strictly ascending: automerge relies on it and doesn't check it.
    fn hashes(&mut self) -> Result<(), GateFault> {
        let count = self.count(SYNC_HASHES_MAX)?;
        let mut last: &[u8] = &[];
        for _ in 0..count {
            let hash = self.take(HASH_BYTES)?;
            if hash <= last {
                return Err(GateFault::Malformed);
            }
            last = hash;
        }
        Ok(())
    }

    fn filter(&mut self) -> Result<(), GateFault> {
        let len = usize::try_from(self.number()?).map_err(|_| GateFault::BadFilter)?;
        let mut filter = Cursor(self.take(len)?);
        if filter.0.is_empty() {
            return Ok(());
        }
        let entries = filter.number()?;
        let good = (1..=SYNC_FILTER_ENTRIES_MAX).contains(&entries)
            && filter.number()? == FILTER_BITS_PER_ENTRY
            && filter.number()? == FILTER_PROBES;
        let bytes = usize::try_from((entries * FILTER_BITS_PER_ENTRY).div_ceil(8)).map_err(|_| GateFault::BadFilter)?;
        if good && filter.0.len() == bytes { Ok(()) } else { Err(GateFault::BadFilter) }
    }
}

/// Rule MB-T3: whether a message may be decoded by automerge.
///
/// # Errors
/// What is wrong with it.
pub(super) fn check(bytes: &[u8]) -> Result<(), GateFault> {
    if bytes.len() > SYNC_MESSAGE_BYTES_MAX {
        return Err(GateFault::TooLarge);
    }
    let mut cursor = Cursor(bytes);
    if cursor.take(1)? != [SYNC_V1] {
        return Err(GateFault::Malformed);
    }
    cursor.hashes()?;
    cursor.hashes()?;
    for _ in 0..cursor.count(1)? {
        cursor.hashes()?;
        cursor.filter()?;
    }
    if cursor.number()? != 0 || !cursor.0.is_empty() {
        return Err(GateFault::CarriesChanges);
    }
    Ok(())
}
