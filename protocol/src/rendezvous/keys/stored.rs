//! The lookup keys on disk (kind 0x83): each record with the time when it came here, so that its age goes on counting
//! over restarts.
#![cfg_attr(not(test), deny(clippy::arithmetic_side_effects, clippy::as_conversions))]

use alloc::vec::Vec;

use super::{Kept, LookupKeys, LookupRecord, Roll, rank};
use crate::ids::GroupId;
use crate::limits;
use crate::time::Timestamp;
use crate::wire::{DecodeError, Reader, Writer, to_bytes};

impl LookupKeys {
    /// The value to store: the highest in order first, as many as a value holds.
    #[must_use]
    pub fn to_stored(&self, roll: &dyn Roll) -> Vec<u8> {
        let mut all: Vec<&Kept> = self.kept.iter().collect();
        all.sort_by_cached_key(|kept| core::cmp::Reverse(rank(&kept.record, roll)));
        let mut bytes = 0_usize;
        let fits = |kept: &&Kept| {
            bytes = bytes.saturating_add(to_bytes(&*kept.record).len()).saturating_add(16);
            bytes <= limits::ACCESS_BYTES_MAX
        };
        let listed: Vec<&Kept> = all.into_iter().take_while(fits).collect();
        let mut to = Writer::default();
        to.array(2).uint(1_u64).array(listed.len());
        for kept in listed {
            to.array(2).uint(kept.since_wall_ms).item(&*kept.record);
        }
        to.into_bytes()
    }

    /// Takes the stored value back; what is older than its time is left out.
    ///
    /// # Errors
    /// [`DecodeError`] if it is not what [`Self::to_stored`] wrote.
    pub fn restore_stored(&mut self, gid: GroupId, bytes: &[u8], now: Timestamp) -> Result<(), DecodeError> {
        let mut from = Reader::new(bytes);
        from.array(2)?;
        if from.uint()? != 1 {
            return Err(DecodeError::Unknown);
        }
        for _ in 0..from.array_up_to(limits::LOOKUP_KEYS_MAX)? {
            from.array(2)?;
            let since_wall_ms = from.uint()?;
            let record = LookupRecord::decode(gid, from.skip()?)?;
            self.restore(record.trust_own_store(), since_wall_ms);
        }
        self.expire(now);
        Ok(())
    }
}
