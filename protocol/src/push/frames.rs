//! Bodies of the frames that carry items and the tree's own signals: PUSH, IHAVE, GRAFT, PRUNE (N-402).
//!
//! Each is one canonical CBOR array. What is inside an item is not read here: its class says who reads it.
#![cfg_attr(not(test), deny(clippy::arithmetic_side_effects, clippy::as_conversions))]

use alloc::vec::Vec;

use crate::crypto::{Field, Label, hash16};
use crate::ids::{EntryId, ItemId, LogTag, OperationId};
use crate::limits;
use crate::wire::{Canonical, DecodeError, Reader, Writer};

/// What kind of thing an item is (N-402).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Class {
    /// An entry of a log.
    Entry,
    /// A membership operation.
    Operation,
    /// An address record, sealed for members.
    Address,
    /// A receipt.
    Receipt,
}

impl Class {
    const fn number(self) -> u64 {
        match self {
            Self::Entry => 0,
            Self::Operation => 1,
            Self::Address => 2,
            Self::Receipt => 3,
        }
    }

    const fn from_number(number: u64) -> Option<Self> {
        match number {
            0 => Some(Self::Entry),
            1 => Some(Self::Operation),
            2 => Some(Self::Address),
            3 => Some(Self::Receipt),
            _ => None,
        }
    }

    /// Bytes of one such item at most (N-403).
    #[must_use]
    pub const fn bytes_max(self) -> usize {
        match self {
            Self::Entry => limits::ENTRY_BYTES_MAX,
            Self::Operation => limits::OPERATION_BYTES_MAX,
            Self::Address => limits::SEALED_RECORD_BYTES_MAX,
            Self::Receipt => limits::RECEIPT_BYTES_MAX,
        }
    }
}

/// The short id of an entry (N-505).
#[must_use]
pub fn entry_item(eid: &EntryId) -> ItemId {
    first16(&eid.0)
}

/// The short id of an operation (N-505).
#[must_use]
pub fn operation_item(id: &OperationId) -> ItemId {
    first16(&id.0)
}

/// The short id of an address record or a receipt: of its bytes (N-505).
#[must_use]
pub fn record_item(class: Class, bytes: &[u8]) -> ItemId {
    ItemId(hash16(Label::NetItem, &[Field::U(class.number()), Field::B(bytes)]))
}

fn first16(bytes: &[u8; 32]) -> ItemId {
    let mut id = [0; 16];
    id.iter_mut().zip(bytes).for_each(|(to, from)| *to = *from);
    ItemId(id)
}

/// One item on its way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PushItem {
    /// What it is.
    pub class: Class,
    /// Links crossed so far; saturates at 255 and has no effect but on statistics.
    pub hop: u8,
    /// The log of an entry; other classes have none.
    pub lid: Option<LogTag>,
    /// The item as stored and signed.
    pub bytes: Vec<u8>,
}

impl Canonical for PushItem {
    fn write(&self, to: &mut Writer) {
        let lid = self.lid.as_ref().map_or(&[][..], |lid| &lid.0);
        to.array(4).uint(self.class.number()).uint(self.hop).bytes(lid).bytes(&self.bytes);
    }

    fn read(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
        from.array(4)?;
        let class = Class::from_number(from.uint()?).ok_or(DecodeError::Unknown)?;
        let hop = from.small()?;
        let lid = read_empty_or(from)?;
        let bytes = from.bytes(class.bytes_max())?.to_vec();
        if bytes.is_empty() || lid.is_some() != (class == Class::Entry) {
            return Err(DecodeError::OutOfRange);
        }
        Ok(Self { class, hop, lid, bytes })
    }
}

/// A byte string that is empty or exactly one id.
fn read_empty_or<'a, T: TryFrom<&'a [u8]>>(from: &mut Reader<'a>) -> Result<Option<T>, DecodeError> {
    match from.bytes(usize::MAX)? {
        [] => Ok(None),
        id => T::try_from(id).map(Some).map_err(|_| DecodeError::OutOfRange),
    }
}

/// PUSH: items, oldest first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Push(pub Vec<PushItem>);

impl Canonical for Push {
    fn write(&self, to: &mut Writer) {
        to.list(&self.0);
    }
    fn read(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
        from.list(limits::PUSH_ITEMS_MAX).map(Self)
    }
}

/// IHAVE: "these are here, ask if you want them".
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ihave(pub Vec<ItemId>);

impl Canonical for Ihave {
    fn write(&self, to: &mut Writer) {
        to.array(1).list(&self.0);
    }
    fn read(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
        from.array(1)?;
        from.list(limits::IHAVE_IDS_MAX).map(Self)
    }
}

/// GRAFT: "push to me, beginning with these"; without ids it only asks for the first half (N-511).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Graft(pub Vec<ItemId>);

impl Canonical for Graft {
    fn write(&self, to: &mut Writer) {
        to.array(1).list(&self.0);
    }
    fn read(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
        from.array(1)?;
        from.list(limits::GRAFT_IDS_MAX).map(Self)
    }
}

/// PRUNE: "others push to me already; only announce".
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Prune;

impl Canonical for Prune {
    fn write(&self, to: &mut Writer) {
        to.array(0);
    }
    fn read(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
        from.array(0).map(|()| Self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::{from_bytes, to_bytes};
    use alloc::vec;

    fn sample() -> Push {
        Push(vec![
            PushItem { class: Class::Entry, hop: 3, lid: Some(LogTag([7; 16])), bytes: vec![1, 2, 3] },
            PushItem { class: Class::Receipt, hop: 255, lid: None, bytes: vec![9; 40] },
        ])
    }

    /// Every bit flip and truncation either fails or is another value with exactly those bytes.
    fn survives_harm<T: Canonical>(bytes: &[u8]) {
        for bit in 0..bytes.len() * 8 {
            let mut flipped = bytes.to_vec();
            flipped[bit / 8] ^= 1 << (bit % 8);
            if let Ok(value) = from_bytes::<T>(&flipped, 1 << 16) {
                assert_eq!(to_bytes(&value), flipped);
            }
        }
        assert!((0..bytes.len()).all(|end| from_bytes::<T>(&bytes[..end], 1 << 16).is_err()));
    }

    #[test]
    fn n_402_each_body_has_one_encoding_reads_back_and_survives_harm() {
        let bytes = to_bytes(&sample());
        assert_eq!(from_bytes::<Push>(&bytes, 1 << 16), Ok(sample()));
        survives_harm::<Push>(&bytes);
        let ids = vec![ItemId([1; 16]), ItemId([2; 16])];
        assert_eq!(from_bytes::<Ihave>(&to_bytes(&Ihave(ids.clone())), 99), Ok(Ihave(ids.clone())));
        survives_harm::<Ihave>(&to_bytes(&Ihave(ids.clone())));
        assert_eq!(from_bytes::<Graft>(&to_bytes(&Graft(ids.clone())), 99), Ok(Graft(ids)));
        assert_eq!(to_bytes(&Graft(vec![])), [0x81, 0x80]);
        assert_eq!(to_bytes(&Prune), [0x80]);
        assert_eq!(from_bytes::<Prune>(&[0x80], 9), Ok(Prune));
        assert!(from_bytes::<Prune>(&[0x81, 0x00], 9).is_err());
    }

    #[test]
    fn n_403_an_item_over_the_size_of_its_class_is_refused() {
        for class in [Class::Entry, Class::Operation, Class::Address, Class::Receipt] {
            let lid = (class == Class::Entry).then_some(LogTag([7; 16]));
            let item = |len| PushItem { class, hop: 0, lid, bytes: vec![0; len] };
            assert!(from_bytes::<PushItem>(&to_bytes(&item(class.bytes_max())), 1 << 16).is_ok());
            assert_eq!(
                from_bytes::<PushItem>(&to_bytes(&item(class.bytes_max() + 1)), 1 << 16),
                Err(DecodeError::OutOfRange)
            );
            assert!(from_bytes::<PushItem>(&to_bytes(&item(0)), 1 << 16).is_err());
        }
    }

    #[test]
    fn n_402_more_ids_than_the_limit_and_a_log_beside_no_entry_are_refused() {
        assert!(from_bytes::<Graft>(&to_bytes(&Graft(vec![ItemId([1; 16]); 64])), 1 << 16).is_ok());
        assert!(from_bytes::<Graft>(&to_bytes(&Graft(vec![ItemId([1; 16]); 65])), 1 << 16).is_err());
        assert!(from_bytes::<Ihave>(&to_bytes(&Ihave(vec![ItemId([1; 16]); 257])), 1 << 16).is_err());
        let stray = PushItem { class: Class::Operation, hop: 0, lid: Some(LogTag([7; 16])), bytes: vec![1] };
        assert!(from_bytes::<PushItem>(&to_bytes(&stray), 1 << 16).is_err());
        let unknown = [0x84, 0x04, 0x00, 0x40, 0x41, 0x00];
        assert_eq!(from_bytes::<PushItem>(&unknown, 99), Err(DecodeError::Unknown));
    }
}
