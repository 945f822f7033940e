//! The frame by which neighbours tell each other which address records they hold, and pass on newer ones.
#![cfg_attr(not(test), deny(clippy::arithmetic_side_effects, clippy::as_conversions))]

use alloc::vec::Vec;

use crate::limits;
use crate::wire::{Canonical, DecodeError, Reader, Writer};

/// Body of ADDRESSES (0x40), N-808.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Addresses {
    /// Short name and number of every record the sender holds.
    pub held: Vec<([u8; 8], u64)>,
    /// Sealed records, encoded.
    pub sealed: Vec<Vec<u8>>,
    /// Plain records, encoded: to guests only.
    pub open: Vec<Vec<u8>>,
}

impl Canonical for Addresses {
    fn write(&self, to: &mut Writer) {
        to.array(3).array(self.held.len());
        self.held.iter().for_each(|(tag, seq)| {
            to.array(2).bytes(tag).uint(*seq);
        });
        for records in [&self.sealed, &self.open] {
            to.array(records.len());
            records.iter().for_each(|record| {
                to.raw(record);
            });
        }
    }

    fn read(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
        from.array(3)?;
        let held = (0..from.array_up_to(limits::ADDRESS_OWNERS_MAX)?).map(|_| {
            from.array(2)?;
            Ok((from.fixed()?, from.uint()?))
        });
        let held = held.collect::<Result<_, _>>()?;
        let mut records = |max: usize| -> Result<Vec<Vec<u8>>, DecodeError> {
            let count = from.array_up_to(max)?;
            (0..count).map(|_| from.skip().map(<[u8]>::to_vec)).collect()
        };
        Ok(Self { held, sealed: records(limits::ADDRESSES_PER_FRAME_MAX)?, open: records(limits::GUEST_RECORDS_MAX)? })
    }
}
