//! Address records: where a member's installation can be reached, signed by the member, sealed under the lookup key.
//!
//! They pass from member to member like everything else, so that a person whose address changed is found through
//! anybody who heard of it. Only the newest of each installation counts.
#![cfg_attr(not(test), deny(clippy::arithmetic_side_effects, clippy::as_conversions))]

use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use rand_core::CryptoRng;

use super::exchange::Addresses;
use super::keys::{KeyName, LookupKeys, LookupRecord, Roll, first_eight};
use crate::crypto::sign::{BadSignature, KeyPair, Provable, Signed, Verified, verify};
use crate::crypto::{Field, Label, Secret, enc, expand, hash, random, seal};
use crate::error::PeerFault;
use crate::ids::{GroupId, Instance, MemberKey, MembershipId, Signature};
use crate::limits;
use crate::time::Timestamp;
use crate::wire::{Canonical, DecodeError, Reader, Writer, from_bytes, to_bytes};
/// Whose record: one installation of one membership.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Owner {
    /// Membership.
    pub mid: MembershipId,
    /// Installation.
    pub inst: Instance,
}

impl Owner {
    /// `tag8` of N-808: a short name that only members can connect with the person.
    #[must_use]
    pub fn tag(&self) -> [u8; 8] {
        first_eight(&hash(Label::NetOwner, &[Field::B(&self.mid.0), Field::B(&self.inst.0)]))
    }
}

/// Where one installation can be reached. Rule N-806: at most ten addresses, 48 hours and 1,024 bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AddressRecord {
    /// Whose.
    pub owner: Owner,
    /// Rising number: ms since 1970 of the owner's clock.
    pub seq: u64,
    /// When it was written, ms since 1970.
    pub at: u64,
    /// When it ends, ms since 1970.
    pub until: u64,
    /// Bits by number (1: a confirmed public address); unknown ones are ignored.
    pub caps: u64,
    /// Binary multiaddrs, best first.
    pub addresses: Vec<Vec<u8>>,
    gid: GroupId,
    sig: Signature,
}

struct Raw(Vec<u8>);

impl Canonical for Raw {
    fn write(&self, to: &mut Writer) {
        to.bytes(&self.0);
    }
    fn read(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
        from.bytes(limits::ADDRESS_BYTES_MAX).map(|bytes| Self(bytes.to_vec()))
    }
}

impl AddressRecord {
    /// A new record of the own installation. What does not fit is left out from the end.
    #[must_use]
    pub fn create(
        gid: GroupId,
        owner: Owner,
        (caps, mut addresses): (u64, Vec<Vec<u8>>),
        last_seq: u64,
        now: Timestamp,
        keys: &KeyPair,
    ) -> Verified<Self> {
        addresses.retain(|address| (1..=limits::ADDRESS_BYTES_MAX).contains(&address.len()));
        addresses.truncate(limits::RECORD_ADDRESSES_MAX);
        let at = now.wall_ms;
        let seq = at.max(last_seq.saturating_add(1));
        let until = at.saturating_add(limits::ADDRESS_LIFE_MS);
        let mut record = Self { owner, seq, at, until, caps, addresses, gid, sig: Signature([0; 64]) };
        while to_bytes(&record).len() > limits::ADDRESS_RECORD_BYTES_MAX {
            record.addresses.pop();
        }
        record.sig = record.signed_fields(|fields| keys.sign(Label::NetAddress, fields));
        Signed::new(record).trust_own_store()
    }

    /// Reads a plain record of group `gid`.
    ///
    /// # Errors
    /// What is wrong with the bytes.
    pub fn decode(gid: GroupId, bytes: &[u8]) -> Result<Signed<Self>, DecodeError> {
        let mut record: Self = from_bytes(bytes, limits::ADDRESS_RECORD_BYTES_MAX)?;
        record.gid = gid;
        Ok(Signed::new(record))
    }

    /// Seals the record for everybody who holds the lookup key.
    #[must_use]
    pub fn seal(&self, under: &LookupRecord, rng: &mut dyn CryptoRng) -> Vec<u8> {
        let (kid, nonce) = (under.name(), random::<24>(rng));
        let ct = seal::seal(&record_key(under), &nonce, &aad(&self.gid, &kid), &to_bytes(self));
        to_bytes(&Sealed { kid, nonce, ct })
    }

    /// Opens a sealed record with whichever kept lookup key it names.
    ///
    /// # Errors
    /// A fault of whoever sent it; `None` if that lookup key is not here, or the record does not open.
    pub fn open(gid: GroupId, bytes: &[u8], keys: &LookupKeys) -> Result<Option<Signed<Self>>, PeerFault> {
        let sealed: Sealed = from_bytes(bytes, limits::SEALED_RECORD_BYTES_MAX)?;
        let Some(under) = keys.named(&sealed.kid) else { return Ok(None) };
        let plain = seal::open(&record_key(under), &sealed.nonce, &aad(&gid, &sealed.kid), &sealed.ct)
            .map_err(|_| PeerFault::Malformed)?;
        Ok(Some(Self::decode(gid, &plain)?))
    }

    fn signed_fields<T>(&self, with: impl FnOnce(&[Field<'_>]) -> T) -> T {
        let mut addresses = Writer::default();
        addresses.array(self.addresses.len());
        self.addresses.iter().for_each(|address| {
            addresses.bytes(address);
        });
        with(&[
            Field::B(&self.gid.0),
            Field::U(1),
            Field::B(&self.owner.mid.0),
            Field::B(&self.owner.inst.0),
            Field::U(self.seq),
            Field::U(self.at),
            Field::U(self.until),
            Field::U(self.caps),
            Field::Item(&addresses.into_bytes()),
        ])
    }
}

impl Canonical for AddressRecord {
    fn write(&self, to: &mut Writer) {
        to.array(9).uint(1_u64).bytes(self.owner.mid).bytes(self.owner.inst);
        to.uint(self.seq).uint(self.at).uint(self.until).uint(self.caps).array(self.addresses.len());
        self.addresses.iter().for_each(|address| {
            to.bytes(address);
        });
        to.bytes(self.sig);
    }

    fn read(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
        from.array(9)?;
        if from.uint()? != 1 {
            return Err(DecodeError::Unknown);
        }
        let record = Self {
            owner: Owner { mid: from.fixed()?, inst: from.fixed()? },
            seq: from.uint()?,
            at: from.uint()?,
            until: from.uint()?,
            caps: from.uint()?,
            addresses: from.list::<Raw>(limits::RECORD_ADDRESSES_MAX)?.into_iter().map(|raw| raw.0).collect(),
            gid: GroupId([0; 32]),
            sig: from.fixed()?,
        };
        let in_range = record.until <= record.at.saturating_add(limits::ADDRESS_LIFE_MS)
            && record.addresses.iter().all(|address| !address.is_empty());
        in_range.then_some(record).ok_or(DecodeError::OutOfRange)
    }
}

impl Provable for AddressRecord {
    fn prove(&self, key: &MemberKey) -> Result<(), BadSignature> {
        self.signed_fields(|fields| verify(key, Label::NetAddress, fields, &self.sig))
    }
}

fn record_key(under: &LookupRecord) -> Secret<32> {
    expand(under.key.expose(), Label::NetAddressKey, &[])
}

fn aad(gid: &GroupId, kid: &KeyName) -> Vec<u8> {
    enc(Label::NetAddressAad, &[Field::B(&gid.0), Field::B(kid)])
}

struct Sealed {
    kid: KeyName,
    nonce: [u8; 24],
    ct: Vec<u8>,
}

impl Canonical for Sealed {
    fn write(&self, to: &mut Writer) {
        to.array(3).bytes(self.kid).bytes(self.nonce).bytes(&self.ct);
    }
    fn read(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
        from.array(3)?;
        let (kid, nonce) = (from.fixed()?, from.fixed()?);
        Ok(Self { kid, nonce, ct: from.bytes(limits::SEALED_RECORD_BYTES_MAX)?.to_vec() })
    }
}

/// What became of a record that came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AddressVerdict {
    /// The newest of its owner: keep, pass on to non-guests, dial if wanted.
    Newer(Owner),
    /// Not newer than what is here; not passed on (N-514).
    Stale,
    /// Nobody in the roster, or its lookup key is not here: no fault.
    Ignored,
    /// Bytes or signature are wrong.
    Refused(PeerFault),
}

/// A record with the bytes to pass on.
#[derive(Clone, Debug)]
pub struct Kept {
    /// The record.
    pub record: Verified<AddressRecord>,
    /// As it came sealed; empty if it came plain.
    pub sealed: Vec<u8>,
    /// When somebody answered there last, ms since 1970.
    pub last_success_wall_ms: u64,
}

/// The newest address record of each installation in one group.
#[derive(Default)]
pub struct AddressBook {
    kept: BTreeMap<Owner, Kept>,
}

impl AddressBook {
    /// Takes a sealed record from a neighbour.
    ///
    /// Rule N-807: only with the owner's signature, only from the roster, only a higher number.
    pub fn accept_sealed(
        &mut self,
        gid: GroupId,
        bytes: &[u8],
        keys: &LookupKeys,
        roll: &dyn Roll,
        now: Timestamp,
    ) -> AddressVerdict {
        match AddressRecord::open(gid, bytes, keys) {
            Ok(Some(signed)) => self.accept(signed, bytes.to_vec(), roll, now),
            Ok(None) => AddressVerdict::Ignored,
            Err(fault) => AddressVerdict::Refused(fault),
        }
    }

    /// Takes a plain record, as guests get them.
    pub fn accept_plain(&mut self, gid: GroupId, bytes: &[u8], roll: &dyn Roll, now: Timestamp) -> AddressVerdict {
        match AddressRecord::decode(gid, bytes) {
            Ok(signed) => self.accept(signed, Vec::new(), roll, now),
            Err(error) => AddressVerdict::Refused(error.into()),
        }
    }

    fn accept(
        &mut self,
        signed: Signed<AddressRecord>,
        sealed: Vec<u8>,
        roll: &dyn Roll,
        now: Timestamp,
    ) -> AddressVerdict {
        let record = signed.peek();
        let owner = record.owner;
        if self.kept.get(&owner).is_some_and(|kept| kept.record.seq >= record.seq) {
            return AddressVerdict::Stale;
        }
        let Some(key) = roll.key_of(&owner.mid).filter(|_| roll.is_full_member(&owner.mid)) else {
            return AddressVerdict::Ignored;
        };
        // A number from far ahead would lock out the owner's next records.
        let latest = now.wall_ms.saturating_add(limits::ADDRESS_AHEAD_MS);
        if record.at > latest || record.seq > latest {
            return AddressVerdict::Ignored;
        }
        match signed.verify(&key) {
            Ok(record) => self.keep(record, sealed),
            Err(error) => return AddressVerdict::Refused(error.into()),
        }
        AddressVerdict::Newer(owner)
    }

    /// Keeps an own or a restored record.
    pub fn keep(&mut self, record: Verified<AddressRecord>, sealed: Vec<u8>) {
        let owner = record.owner;
        let last_success_wall_ms = self.kept.get(&owner).map_or(0, |kept| kept.last_success_wall_ms);
        self.kept.insert(owner, Kept { record, sealed, last_success_wall_ms });
        let of_member = || self.kept.iter().filter(|(other, _)| other.mid == owner.mid);
        if of_member().count() > limits::ADDRESSES_PER_MEMBER_MAX {
            let oldest = of_member().min_by_key(|(_, kept)| kept.record.seq).map(|(oldest, _)| *oldest);
            oldest.map(|oldest| self.kept.remove(&oldest));
        }
    }

    /// As N-807 asks: forgets what ended 30 days ago and what belongs to nobody in the group any more.
    pub fn expire(&mut self, roll: &dyn Roll, now: Timestamp) {
        let end = now.wall_ms.saturating_sub(limits::ADDRESS_KEPT_MS);
        let departed = roll.departed();
        self.kept.retain(|owner, kept| kept.record.until >= end && !departed.contains(&owner.mid));
    }

    /// A member's records: those still valid first, each kind by last success, then newest.
    #[must_use]
    pub fn of(&self, mid: &MembershipId, now: Timestamp) -> Vec<&Kept> {
        let mut records: Vec<&Kept> = self.kept.values().filter(|kept| kept.record.owner.mid == *mid).collect();
        records.sort_by_key(|kept| {
            let expired = kept.record.until < now.wall_ms;
            (expired, core::cmp::Reverse((kept.last_success_wall_ms, kept.record.seq)))
        });
        records
    }

    /// All records, by owner.
    pub fn iter(&self) -> impl Iterator<Item = (&Owner, &Kept)> {
        self.kept.iter()
    }

    /// The record of one owner.
    #[must_use]
    pub fn get(&self, owner: &Owner) -> Option<&Kept> {
        self.kept.get(owner)
    }

    /// First ADDRESSES frame on a slot: what is here, by short names and numbers.
    #[must_use]
    pub fn summary(&self) -> Addresses {
        let held = self.kept.iter().map(|(owner, kept)| (owner.tag(), kept.record.seq));
        Addresses { held: held.take(limits::ADDRESS_OWNERS_MAX).collect(), ..Addresses::default() }
    }

    /// The answers: sealed records that are newer than what the other side named.
    #[must_use]
    pub fn newer_than(&self, theirs: &Addresses) -> Vec<Addresses> {
        let known: BTreeMap<[u8; 8], u64> = theirs.held.iter().copied().collect();
        let newer = self.kept.iter().filter(|(owner, kept)| {
            !kept.sealed.is_empty() && known.get(&owner.tag()).is_none_or(|seq| *seq < kept.record.seq)
        });
        let sealed: Vec<Vec<u8>> = newer.map(|(_, kept)| kept.sealed.clone()).collect();
        let frames = sealed.chunks(limits::ADDRESSES_PER_FRAME_MAX);
        frames.map(|sealed| Addresses { sealed: sealed.to_vec(), ..Addresses::default() }).collect()
    }

    /// For a guest: plain records of at most five members, in the order given (admins first, N-804).
    #[must_use]
    pub fn for_guest(&self, members: &[MembershipId], now: Timestamp) -> Addresses {
        let newest = members.iter().filter_map(|mid| self.of(mid, now).first().map(|kept| to_bytes(&*kept.record)));
        Addresses { open: newest.take(limits::GUEST_RECORDS_MAX).collect(), ..Addresses::default() }
    }
}

#[cfg(test)]
mod tests;
