//! What the bodies of Leaf, Rekey and Grant entries hold, and the roster hash that a Rekey names (E-16, E-18).
//!
//! A list here is read *by place*: the n-th item stands for the n-th member of `Keyed(heads)` in ascending order, the
//! author left out (and in a Rekey those it suspends). So there is no index that could lie about whose slot it is
//! (E-41). A Grant names its targets instead, because it has few.
#![cfg_attr(not(test), deny(clippy::arithmetic_side_effects, clippy::as_conversions))]

use alloc::vec::Vec;
use core::fmt;

use crate::crypto::{Field, Label, hash};
use crate::ids::{Digest, GroupId, MembershipId};
use crate::limits;
use crate::wire::{Canonical, DecodeError, Reader, Writer};

/// Bytes of a sealed 32 byte key: ephemeral key, ciphertext, tag (E-41, E-47).
pub const SLOT_BYTES: usize = 80;

/// A key sealed to one leaf: 32 bytes of ephemeral key, then 48 of ciphertext.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Slot(pub [u8; SLOT_BYTES]);

impl AsRef<[u8]> for Slot {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl TryFrom<&[u8]> for Slot {
    type Error = core::array::TryFromSliceError;
    fn try_from(bytes: &[u8]) -> Result<Self, Self::Error> {
        bytes.try_into().map(Self)
    }
}

impl fmt::Debug for Slot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Slot(…)")
    }
}

/// One leaf of a member, by number: which installation, which key of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct LeafNumber {
    /// Number of the installation (E-10).
    pub inst_no: u16,
    /// Number of its leaf key (E-11).
    pub generation: u64,
}

/// Body of a Leaf: which leaf of each other Keyed member the author knows, by place; `None` = none known.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LeafBody(pub Vec<Option<LeafNumber>>);

impl Canonical for LeafBody {
    fn write(&self, to: &mut Writer) {
        to.array(self.0.len());
        for known in &self.0 {
            // `gen + 1` on the wire, so that (0, 0) is free to mean "none".
            let (inst_no, next) = known.map_or((0, 0), |leaf| (leaf.inst_no, leaf.generation.saturating_add(1)));
            to.array(2).uint(inst_no).uint(next);
        }
    }

    fn read(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let count = from.array_up_to(limits::SEATS)?;
        let mut acks = Vec::new();
        for _ in 0..count {
            from.array(2)?;
            let (inst_no, next): (u16, u64) = (from.small()?, from.uint()?);
            acks.push(match next.checked_sub(1) {
                Some(generation) => Some(LeafNumber { inst_no, generation }),
                None if inst_no == 0 => None,
                None => return Err(DecodeError::OutOfRange),
            });
        }
        Ok(Self(acks))
    }
}

/// The seed of a new epoch, sealed to one member's leaf (E-41).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SealedSeed {
    /// The leaf it is sealed to.
    pub leaf: LeafNumber,
    /// The sealed seed.
    pub slot: Slot,
}

/// Body of a Rekey: one slot for each Keyed member but the author and the suspended, by place.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RekeyBody(pub Vec<SealedSeed>);

impl Canonical for SealedSeed {
    fn write(&self, to: &mut Writer) {
        to.array(3).uint(self.leaf.inst_no).uint(self.leaf.generation).bytes(self.slot);
    }

    fn read(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
        from.array(3)?;
        let leaf = LeafNumber { inst_no: from.small()?, generation: from.uint()? };
        Ok(Self { leaf, slot: from.fixed()? })
    }
}

impl Canonical for RekeyBody {
    fn write(&self, to: &mut Writer) {
        to.list(&self.0);
    }

    fn read(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
        // The author gets no slot.
        from.list(limits::SEATS.saturating_sub(1)).map(Self)
    }
}

/// The chain key of one index, sealed to one newcomer's leaf (E-47).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SealedChain {
    /// Who may open it.
    pub mid: MembershipId,
    /// The leaf it is sealed to.
    pub leaf: LeafNumber,
    /// The sealed chain key.
    pub slot: Slot,
}

/// Body of a Grant: 1 to 32 targets, strictly ascending by mid (E-75).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GrantBody(pub Vec<SealedChain>);

impl Canonical for SealedChain {
    fn write(&self, to: &mut Writer) {
        to.array(4).bytes(self.mid).uint(self.leaf.inst_no).uint(self.leaf.generation).bytes(self.slot);
    }

    fn read(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
        from.array(4)?;
        let mid = from.fixed()?;
        let leaf = LeafNumber { inst_no: from.small()?, generation: from.uint()? };
        Ok(Self { mid, leaf, slot: from.fixed()? })
    }
}

impl Canonical for GrantBody {
    fn write(&self, to: &mut Writer) {
        to.list(&self.0);
    }

    fn read(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let targets: Vec<SealedChain> = from.list(limits::GRANT_TARGETS_MAX)?;
        let ascending = targets.is_sorted_by(|a, b| a.mid < b.mid);
        (ascending && !targets.is_empty()).then_some(Self(targets)).ok_or(DecodeError::OutOfRange)
    }
}

/// Rule E-16: `roster_hash(h) = H("roster", gid, Keyed(h))`, the mids in ascending byte order.
#[must_use]
pub fn roster_hash(gid: &GroupId, keyed: &[MembershipId]) -> Digest {
    let mut mids = Writer::default();
    mids.list(keyed);
    hash(Label::Roster, &[Field::B(&gid.0), Field::Item(&mids.into_bytes())])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::derive::sha256;
    use crate::wire::{from_bytes, to_bytes};
    use alloc::vec;

    #[test]
    fn e_18_acks_read_back_and_a_number_without_a_key_is_refused() {
        let body = LeafBody(vec![None, Some(LeafNumber { inst_no: 3, generation: 0 })]);
        let bytes = to_bytes(&body);
        assert_eq!(bytes, [0x82, 0x82, 0, 0, 0x82, 3, 1]);
        assert_eq!(from_bytes(&bytes, 64), Ok(body));
        assert_eq!(from_bytes::<LeafBody>(&[0x81, 0x82, 3, 0], 64), Err(DecodeError::OutOfRange));
    }

    #[test]
    fn e_24_grant_targets_ascend_and_there_is_at_least_one() {
        let target = |mid| SealedChain {
            mid: MembershipId([mid; 32]),
            leaf: LeafNumber { inst_no: 0, generation: 17 },
            slot: Slot([mid; SLOT_BYTES]),
        };
        let good = GrantBody(vec![target(1), target(2)]);
        assert_eq!(from_bytes(&to_bytes(&good), 4_096), Ok(good));
        for bad in [GrantBody(vec![]), GrantBody(vec![target(2), target(1)]), GrantBody(vec![target(1), target(1)])] {
            assert_eq!(from_bytes::<GrantBody>(&to_bytes(&bad), 4_096), Err(DecodeError::OutOfRange));
        }
    }

    #[test]
    fn e_75_more_slots_or_targets_than_allowed_are_refused_by_their_count() {
        let leaf = LeafNumber { inst_no: 0, generation: 0 };
        let slots = RekeyBody(vec![SealedSeed { leaf, slot: Slot([0; SLOT_BYTES]) }; 100]);
        assert_eq!(from_bytes::<RekeyBody>(&to_bytes(&slots), 1 << 20), Err(DecodeError::OutOfRange));
        let targets: Vec<SealedChain> =
            (0..33).map(|i| SealedChain { mid: MembershipId([i; 32]), leaf, slot: Slot([0; SLOT_BYTES]) }).collect();
        assert_eq!(from_bytes::<GrantBody>(&to_bytes(&GrantBody(targets)), 1 << 20), Err(DecodeError::OutOfRange));
    }

    #[test]
    fn e_16_the_roster_hash_is_the_one_that_two_implementations_agreed_on() {
        let mut mids: Vec<MembershipId> = (0..3).map(|i| MembershipId(sha256(&[1, i]).0)).collect();
        mids.sort_unstable();
        let hash = roster_hash(&GroupId(sha256(&[0]).0), &mids);
        let known = "b8791cf3641c275ee4583a6571c72cae9a27086c4b2d85b31c2fcf170ce35622";
        assert_eq!(alloc::string::ToString::to_string(&hash), known);
    }
}
