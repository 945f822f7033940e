//! The handshake secret, and the lookup key records: who may write one, which of several counts.
//!
//! Nobody is asked and nobody decides. Each record names the heads of the membership log that its author saw, so
//! every node can tell by itself whether all who have gone were already out when the key was drawn. Concurrent
//! records are no conflict: all fit ones are tried for reading, and the last in one fixed order is used for writing.
#![cfg_attr(not(test), deny(clippy::arithmetic_side_effects, clippy::as_conversions))]

use alloc::vec::Vec;
use rand_core::CryptoRng;

use crate::crypto::sign::{BadSignature, KeyPair, Provable, Signed, Verified, verify};
use crate::crypto::{Field, Label, Secret, expand, hash, kdf};
use crate::error::PeerFault;
use crate::ids::{Digest, GroupId, Heads, MemberKey, MembershipId, OperationId, Signature};
use crate::limits;
use crate::time::Timestamp;
use crate::wire::{Canonical, DecodeError, Reader, Writer, from_bytes, to_bytes};

/// Rule N-801: the handshake secret follows from the Genesis' nonce and never changes. Hides from strangers, not from
/// former members.
#[must_use]
pub fn handshake_secret(gid: &GroupId, genesis_nonce: &[u8; 32]) -> Secret<32> {
    kdf(&gid.0, genesis_nonce, Label::NetHandshake, &[])
}

/// K of N-207 for a member whom the host does not know yet.
#[must_use]
pub fn introduce_key(handshake: &Secret<32>) -> Secret<32> {
    expand(handshake.expose(), Label::NetIntroduce, &[])
}

/// Short name of a lookup key record.
pub type KeyName = [u8; 8];

/// A lookup key with what its author saw of the group, signed.
pub struct LookupRecord {
    /// Number among records with the same lamport.
    pub n: u64,
    /// The key.
    pub key: Secret<32>,
    /// The author's citable heads.
    pub heads: Heads,
    /// Who wrote it.
    pub mid: MembershipId,
    /// When, by the author's clock, ms since 1970: shown, never compared.
    pub at: u64,
    gid: GroupId,
    sig: Signature,
}

impl LookupRecord {
    /// A new record of an own membership.
    #[must_use]
    pub fn create(
        (gid, mid): (GroupId, MembershipId),
        heads: Heads,
        n: u64,
        now: Timestamp,
        keys: &KeyPair,
        rng: &mut dyn CryptoRng,
    ) -> Verified<Self> {
        let mut record =
            Self { n, key: Secret::random(rng), heads, mid, at: now.wall_ms, gid, sig: Signature([0; 64]) };
        record.sig = record.signed_fields(|fields| keys.sign(Label::NetLookupKey, fields));
        Signed::new(record).trust_own_store()
    }

    /// Reads a record of group `gid`; whose signature it is, `peek().mid` says.
    ///
    /// # Errors
    /// What is wrong with the bytes.
    pub fn decode(gid: GroupId, bytes: &[u8]) -> Result<Signed<Self>, DecodeError> {
        let mut record: Self = from_bytes(bytes, limits::LOOKUP_KEY_BYTES_MAX)?;
        record.gid = gid;
        Ok(Signed::new(record))
    }

    /// Its name: `kid` of N-802.
    #[must_use]
    pub fn name(&self) -> KeyName {
        first_eight(&hash(Label::NetKid, &[Field::B(&to_bytes(self))]))
    }

    fn signed_fields<T>(&self, with: impl FnOnce(&[Field<'_>]) -> T) -> T {
        let heads = to_bytes(&self.heads);
        with(&[
            Field::B(&self.gid.0),
            Field::U(1),
            Field::U(self.n),
            Field::B(self.key.expose()),
            Field::Item(&heads),
            Field::B(&self.mid.0),
            Field::U(self.at),
        ])
    }
}

pub(super) fn first_eight(digest: &Digest) -> [u8; 8] {
    let mut out = [0; 8];
    out.iter_mut().zip(digest.0).for_each(|(to, from)| *to = from);
    out
}

impl Canonical for LookupRecord {
    fn write(&self, to: &mut Writer) {
        to.array(7).uint(1_u64).uint(self.n).bytes(self.key.expose()).item(&self.heads);
        to.bytes(self.mid).uint(self.at).bytes(self.sig);
    }

    fn read(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
        from.array(7)?;
        if from.uint()? != 1 {
            return Err(DecodeError::Unknown);
        }
        let record = Self {
            n: from.uint()?,
            key: from.fixed()?,
            heads: from.item()?,
            mid: from.fixed()?,
            at: from.uint()?,
            sig: from.fixed()?,
            gid: GroupId([0; 32]),
        };
        let in_range = record.n <= limits::LOOKUP_KEY_NUMBER_MAX && !record.heads.is_empty();
        in_range.then_some(record).ok_or(DecodeError::OutOfRange)
    }
}

impl Provable for LookupRecord {
    fn prove(&self, key: &MemberKey) -> Result<(), BadSignature> {
        self.signed_fields(|fields| verify(key, Label::NetLookupKey, fields, &self.sig))
    }
}

/// What lookup keys ask of the membership log.
pub trait Roll {
    /// Key of a membership, if its Join is in the log.
    fn key_of(&self, mid: &MembershipId) -> Option<MemberKey>;
    /// Whether somebody is in the roster now and is no guest.
    fn is_full_member(&self, mid: &MembershipId) -> bool;
    /// Lamport of an operation, if it is in the log.
    fn lamport_of(&self, operation: &OperationId) -> Option<u64>;
    /// Everybody, guests aside, whom this node ever had in its roster and who is no Candidate now.
    fn departed(&self) -> Vec<MembershipId>;
    /// Whether somebody was already out in the fold of `heads`.
    fn was_out(&self, mid: &MembershipId, heads: &Heads) -> bool;
}

/// What became of a record that came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyVerdict {
    /// Kept; pass it on to non-guests.
    Accepted,
    /// Had it.
    Known,
    /// Its heads, or its author, are not known here yet: ask again after the next membership sync.
    Waiting,
    /// Not from somebody who may write one, or too many of that person today. No fault.
    Ignored,
    /// Bytes or signature are wrong.
    Refused(PeerFault),
}

struct Kept {
    record: Verified<LookupRecord>,
    name: KeyName,
    since_wall_ms: u64,
}

/// The lookup key records of one group.
#[derive(Default)]
pub struct LookupKeys {
    kept: Vec<Kept>,
}

impl LookupKeys {
    /// Takes a record over from the own sealed store; `since_wall_ms` is when it came.
    pub fn restore(&mut self, record: Verified<LookupRecord>, since_wall_ms: u64) {
        let name = record.name();
        self.keep(Kept { record, name, since_wall_ms });
    }

    /// Takes a record from a neighbour.
    ///
    /// Rule N-803: its heads must be known, its signature good, its author in the roster and no guest; at most four
    /// of one member in a day.
    pub fn accept(&mut self, gid: GroupId, bytes: &[u8], roll: &dyn Roll, now: Timestamp) -> KeyVerdict {
        let signed = match LookupRecord::decode(gid, bytes) {
            Ok(signed) => signed,
            Err(error) => return KeyVerdict::Refused(error.into()),
        };
        let record = signed.peek();
        let name = record.name();
        if self.kept.iter().any(|kept| kept.name == name) {
            return KeyVerdict::Known;
        }
        let Some(key) = roll.key_of(&record.mid) else { return KeyVerdict::Waiting };
        if record.heads.as_slice().iter().any(|head| roll.lamport_of(head).is_none()) {
            return KeyVerdict::Waiting;
        }
        if !roll.is_full_member(&record.mid) || self.is_over_limit(&record.mid, now) {
            return KeyVerdict::Ignored;
        }
        match signed.verify(&key) {
            Ok(record) => self.keep(Kept { record, name, since_wall_ms: now.wall_ms }),
            Err(error) => return KeyVerdict::Refused(error.into()),
        }
        KeyVerdict::Accepted
    }

    fn is_over_limit(&self, mid: &MembershipId, now: Timestamp) -> bool {
        let day = now.wall_ms.saturating_sub(86_400_000);
        let today = self.kept.iter().filter(|kept| kept.record.mid == *mid && kept.since_wall_ms > day);
        today.count() >= limits::LOOKUP_KEYS_PER_DAY_MAX
    }

    fn keep(&mut self, kept: Kept) {
        self.kept.retain(|other| other.name != kept.name);
        self.kept.push(kept);
        if self.kept.len() > limits::LOOKUP_KEYS_MAX {
            let oldest =
                self.kept.iter().enumerate().min_by_key(|(_, kept)| kept.since_wall_ms).map(|(place, _)| place);
            oldest.map(|place| self.kept.remove(place));
        }
    }

    /// Rule N-802: each is kept for 90 days. Gives whether one went.
    pub fn expire(&mut self, now: Timestamp) -> bool {
        let end = now.wall_ms.saturating_sub(limits::LOOKUP_KEY_KEPT_MS);
        let before = self.kept.len();
        self.kept.retain(|kept| kept.since_wall_ms >= end);
        self.kept.len() < before
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.kept.is_empty()
    }

    /// Whether the current one is to be renewed by an admin (N-805).
    #[must_use]
    pub fn is_old(&self, roll: &dyn Roll, now: Timestamp) -> bool {
        let current = self.current(roll).map(LookupRecord::name);
        let since = self.kept.iter().find(|kept| Some(kept.name) == current).map(|kept| kept.since_wall_ms);
        since.is_some_and(|since| now.wall_ms.saturating_sub(since) >= limits::LOOKUP_KEY_RENEW_MS)
    }

    /// The record to write, publish and seal under.
    ///
    /// Rule N-805: the last fit one; fit is a record in whose fold everybody who has gone was already out. Without a
    /// fit one nothing new is sealed.
    #[must_use]
    pub fn current(&self, roll: &dyn Roll) -> Option<&LookupRecord> {
        let departed = roll.departed();
        let fit = self.kept.iter().filter(|kept| is_fit(&kept.record, &departed, roll));
        fit.max_by_key(|kept| rank(&kept.record, roll)).map(|kept| &*kept.record)
    }

    /// Number for the next own record: above those with the same lamport (N-805).
    #[must_use]
    pub fn next_number(&self, heads: &Heads, roll: &dyn Roll) -> u64 {
        let lamport = top_lamport(heads, roll);
        let same = self.kept.iter().filter(|kept| top_lamport(&kept.record.heads, roll) == lamport);
        same.map(|kept| kept.record.n.saturating_add(1)).max().unwrap_or(0).min(limits::LOOKUP_KEY_NUMBER_MAX)
    }

    /// The newest records in order, for a neighbour whose slot has opened (≤ 4, N-803).
    #[must_use]
    pub fn newest(&self, roll: &dyn Roll) -> Vec<&LookupRecord> {
        let mut records: Vec<_> = self.kept.iter().map(|kept| &*kept.record).collect();
        records.sort_by_cached_key(|record| core::cmp::Reverse(rank(record, roll)));
        records.truncate(limits::LOOKUP_KEYS_PER_FRAME_MAX);
        records
    }

    /// The key of a name, fit or not: for reading.
    #[must_use]
    pub fn named(&self, name: &KeyName) -> Option<&LookupRecord> {
        self.kept.iter().find(|kept| kept.name == *name).map(|kept| &*kept.record)
    }

    /// How long to wait with an own record while none is fit: admins 0–30 s, others 10–20 min (N-805).
    #[must_use]
    pub fn patience_ms(writer: Writing, rng: &mut dyn CryptoRng) -> u64 {
        let draw = u64::from(rng.next_u32());
        match writer {
            Writing::Admin => draw.checked_rem(limits::LOOKUP_KEY_ADMIN_WAIT_MS).unwrap_or(0),
            Writing::Member => limits::LOOKUP_KEY_MEMBER_WAIT_MS
                .saturating_add(draw.checked_rem(limits::LOOKUP_KEY_MEMBER_WAIT_MS).unwrap_or(0)),
        }
    }
}

/// In whose place a lookup key is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Writing {
    /// An office stands behind it: nearly at once.
    Admin,
    /// Everybody else lets admins go first.
    Member,
}

fn is_fit(record: &LookupRecord, departed: &[MembershipId], roll: &dyn Roll) -> bool {
    let known = record.heads.as_slice().iter().all(|head| roll.lamport_of(head).is_some());
    known && departed.iter().all(|mid| roll.was_out(mid, &record.heads))
}

fn top_lamport(heads: &Heads, roll: &dyn Roll) -> u64 {
    heads.as_slice().iter().filter_map(|head| roll.lamport_of(head)).max().unwrap_or(0)
}

/// As N-802 orders them: largest lamport among the heads, then n, then the lowest hash; nobody can jump ahead of the log.
fn rank(record: &LookupRecord, roll: &dyn Roll) -> (u64, u64, core::cmp::Reverse<Digest>) {
    let digest = hash(Label::NetKid, &[Field::B(&to_bytes(record))]);
    (top_lamport(&record.heads, roll), record.n, core::cmp::Reverse(digest))
}

/// Body of LOOKUPKEY (0x41): the records' bytes.
///
/// # Errors
/// What is wrong with the frame.
pub fn read_lookup_keys(body: &[u8]) -> Result<Vec<Vec<u8>>, DecodeError> {
    let mut from = Reader::new(body);
    from.array(1)?;
    let count = from.array_up_to(limits::LOOKUP_KEYS_PER_FRAME_MAX)?;
    let records = (0..count).map(|_| from.skip().map(<[u8]>::to_vec)).collect::<Result<Vec<_>, _>>()?;
    let bytes = raw_list(&records);
    (from.is_empty() && bytes == body).then_some(records).ok_or(DecodeError::NotCanonical)
}

/// Body of LOOKUPKEY with these records.
#[must_use]
pub fn write_lookup_keys(records: &[&LookupRecord]) -> Vec<u8> {
    raw_list(&records.iter().map(|record| to_bytes(*record)).collect::<Vec<_>>())
}

fn raw_list(items: &[Vec<u8>]) -> Vec<u8> {
    let mut writer = Writer::default();
    writer.array(1).array(items.len());
    items.iter().for_each(|item| {
        writer.raw(item);
    });
    writer.into_bytes()
}

mod stored;

#[cfg(test)]
mod tests;
