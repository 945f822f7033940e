//! One entry of a log: what is signed, what its id covers, and the five kinds (E-18).
//!
//! ```text
//! Entry = [head: bstr, commit: bstr 0|32, body: bstr, sig: bstr 64]
//! head  = [1, kind, seq, prev, heads, … fields of the kind]
//! eid   = H("entry", hd, commit, H("body", body))
//! ```
//! `eid` does not cover `sig`: a second valid signature makes the same entry, not a new one. Its three inputs are
//! digests, so that an author can later show `commit` and hide the rest.
#![cfg_attr(not(test), deny(clippy::arithmetic_side_effects, clippy::as_conversions))]

use alloc::vec::Vec;

use crate::crypto::sign::{BadSignature, KeyPair, Provable, verify};
use crate::crypto::{Field, Label, hash};
use crate::ids::{Digest, EntryId, GroupId, Heads, LeafKey, LogId, MemberKey, Point, Signature};
use crate::limits;
use crate::wire::{Canonical, DecodeError, Reader, Writer, from_bytes, to_bytes};

/// Suite 1, the first field of every head (E-01).
const SUITE: u64 = 1;

/// The signed head of an entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    /// Place in the log, from 0 (E-19).
    pub seq: u64,
    /// The predecessor's eid; of entry 0 `H("log", gid, mid, inst)`.
    pub prev: EntryId,
    /// The author's membership frontier; empty in a Message means "as before" (E-20).
    pub heads: Heads,
    /// What it does.
    pub kind: HeadKind,
}

/// The fields of each kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HeadKind {
    /// Kind 1: publishes a leaf key.
    Leaf {
        /// Number of this installation among the member's (E-10).
        inst_no: u16,
        /// Number of the leaf key in this log.
        generation: u64,
        /// The key.
        pk: LeafKey,
        /// 0 open, 1 daily, 2 heal, 3 compromised, 4 return.
        reason: u64,
        /// Newest known entry of the previous instance; only in entry 0.
        prior: Option<Point>,
    },
    /// Kind 2: a fresh chain, sealed to every Keyed member.
    Rekey {
        /// Number of the epoch in this log.
        epoch: u64,
        /// Next unused index of the epoch before.
        prev_len: u64,
        /// E-16 at `heads`.
        roster_hash: Digest,
        /// Number of the new leaf key.
        generation: u64,
        /// The new leaf key.
        pk: LeafKey,
        /// 1 first, 2 schedule, 3 membership, 4 heal, 5 restart, 6 user, 7 return.
        reason: u64,
        /// Places that get no slot, and why: 1 stale leaf, 2 session over, 3 forked, 4 no leaf, 5 gone.
        suspended: Vec<Suspended>,
    },
    /// Kind 3: the current chain key, sealed to newcomers.
    KeyGrant {
        /// Epoch of the chain.
        epoch: u64,
        /// First index that the targets read.
        index: u64,
        /// 1 newcomer, 2 new instance, 3 return, 4 repair.
        reason: u64,
    },
    /// Kind 4: words.
    Message {
        /// Epoch of the chain.
        epoch: u64,
        /// Index of the message key.
        index: u64,
        /// Nonce of the content (E-57).
        nonce: [u8; 24],
    },
    /// Kind 5: a sealed seat grant behind an invite link (E-21).
    GrantEnvelope {
        /// By this a joiner's knock is recognised.
        lookup: Digest,
        /// Who holds the link's secret can sign with this key.
        invite_pk: MemberKey,
        /// Last moment, ms since 1970; advisory (MB-I7).
        not_after: u64,
    },
    /// A kind of a later version: kept and relayed, no effect (E-22). The bytes are the encoded fields.
    Opaque {
        /// Its number.
        kind: u64,
        /// The CBOR items after `heads`.
        fields: Vec<Vec<u8>>,
    },
}

/// One place of the roster that a Rekey leaves out, and why (E-40).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Suspended {
    /// Index in Keyed(heads).
    pub place: u8,
    /// Reason.
    pub why: u64,
}

impl Canonical for Suspended {
    fn write(&self, to: &mut Writer) {
        to.array(2).uint(self.place).uint(self.why);
    }
    fn read(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
        from.array(2)?;
        Ok(Self { place: from.small()?, why: from.uint()? })
    }
}

impl HeadKind {
    /// The kind's number.
    #[must_use]
    pub const fn number(&self) -> u64 {
        match self {
            Self::Leaf { .. } => 1,
            Self::Rekey { .. } => 2,
            Self::KeyGrant { .. } => 3,
            Self::Message { .. } => 4,
            Self::GrantEnvelope { .. } => 5,
            Self::Opaque { kind, .. } => *kind,
        }
    }

    fn field_count(&self) -> usize {
        match self {
            Self::Leaf { .. } => 5,
            Self::Rekey { .. } => 7,
            Self::KeyGrant { .. } | Self::Message { .. } | Self::GrantEnvelope { .. } => 3,
            Self::Opaque { fields, .. } => fields.len(),
        }
    }

    fn write_fields(&self, to: &mut Writer) {
        match self {
            Self::Leaf { inst_no, generation, pk, reason, prior } => {
                to.uint(*inst_no).uint(*generation).bytes(pk).uint(*reason);
                match prior {
                    Some(point) => to.item(point),
                    None => to.null(),
                };
            }
            Self::Rekey { epoch, prev_len, roster_hash, generation, pk, reason, suspended } => {
                to.uint(*epoch).uint(*prev_len).bytes(roster_hash).uint(*generation).bytes(pk).uint(*reason);
                to.list(suspended);
            }
            Self::KeyGrant { epoch, index, reason } => {
                to.uint(*epoch).uint(*index).uint(*reason);
            }
            Self::Message { epoch, index, nonce } => {
                to.uint(*epoch).uint(*index).bytes(nonce);
            }
            Self::GrantEnvelope { lookup, invite_pk, not_after } => {
                to.bytes(lookup).bytes(invite_pk).uint(*not_after);
            }
            Self::Opaque { fields, .. } => fields.iter().for_each(|item| {
                to.raw(item);
            }),
        }
    }

    fn read_fields(kind: u64, count: usize, from: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let expect = |n: usize| (count == n).then_some(()).ok_or(DecodeError::WrongShape);
        Ok(match kind {
            1 => {
                expect(5)?;
                Self::Leaf {
                    inst_no: from.small()?,
                    generation: from.uint()?,
                    pk: from.fixed()?,
                    reason: from.uint()?,
                    prior: if from.is_null()? { None } else { Some(from.item()?) },
                }
            }
            2 => {
                expect(7)?;
                Self::Rekey {
                    epoch: from.uint()?,
                    prev_len: from.uint()?,
                    roster_hash: from.fixed()?,
                    generation: from.uint()?,
                    pk: from.fixed()?,
                    reason: from.uint()?,
                    suspended: from.list(limits::SEATS)?,
                }
            }
            3 => {
                expect(3)?;
                Self::KeyGrant { epoch: from.uint()?, index: from.uint()?, reason: from.uint()? }
            }
            4 => {
                expect(3)?;
                let (epoch, index) = (from.uint()?, from.uint()?);
                let nonce = from.bytes(24)?.try_into().map_err(|_| DecodeError::OutOfRange)?;
                Self::Message { epoch, index, nonce }
            }
            5 => {
                expect(3)?;
                Self::GrantEnvelope { lookup: from.fixed()?, invite_pk: from.fixed()?, not_after: from.uint()? }
            }
            _ => Self::Opaque {
                kind,
                fields: (0..count).map(|_| from.canonical_item().map(<[u8]>::to_vec)).collect::<Result<_, _>>()?,
            },
        })
    }
}

impl Canonical for Head {
    fn write(&self, to: &mut Writer) {
        to.array(self.kind.field_count().saturating_add(5)).uint(SUITE).uint(self.kind.number());
        to.uint(self.seq).bytes(self.prev).item(&self.heads);
        self.kind.write_fields(to);
    }

    fn read(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let fields = from.array_up_to(64)?.checked_sub(5).ok_or(DecodeError::WrongShape)?;
        if from.uint()? != SUITE {
            return Err(DecodeError::Unknown);
        }
        let kind = from.uint()?;
        let (seq, prev, heads) = (from.uint()?, from.fixed()?, from.item()?);
        if kind == 0 || seq >= limits::SEQ_END {
            return Err(DecodeError::OutOfRange);
        }
        Ok(Self { seq, prev, heads, kind: HeadKind::read_fields(kind, fields, from)? })
    }
}

/// One entry, with the bytes it came or goes as.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Which log it stands in; named beside the bytes, covered by the id.
    pub log: LogId,
    /// The decoded head.
    pub head: Head,
    /// Commitment to what the body holds, for the kinds that have one.
    pub commit: Option<Digest>,
    /// Body: slots, grants, ciphertext, sealed grant.
    pub body: Vec<u8>,
    /// Signature over the id.
    pub sig: Signature,
    id: EntryId,
    head_digest: Digest,
}

impl Entry {
    /// Decodes an entry of `log`: sizes, canonical form, suite, kind (E-23 steps 1 and 2).
    ///
    /// # Errors
    /// The first thing that is wrong; nothing is remembered of such bytes (E-26).
    pub fn decode(gid: &GroupId, log: LogId, bytes: &[u8]) -> Result<Self, DecodeError> {
        let parts: Parts = from_bytes(bytes, limits::ENTRY_BYTES_MAX)?;
        let head: Head = from_bytes(&parts.head, limits::HEAD_BYTES_MAX)?;
        let needs_commit = match head.kind {
            HeadKind::Leaf { .. } | HeadKind::GrantEnvelope { .. } => Some(false),
            HeadKind::Rekey { .. } | HeadKind::KeyGrant { .. } | HeadKind::Message { .. } => Some(true),
            HeadKind::Opaque { .. } => None,
        };
        if needs_commit.is_some_and(|needed| needed != parts.commit.is_some()) {
            return Err(DecodeError::WrongShape);
        }
        let head_digest = head_digest(gid, &log, &parts.head);
        let id = entry_id(&head_digest, parts.commit.as_ref(), &parts.body);
        Ok(Self { log, head, commit: parts.commit, body: parts.body, sig: parts.sig, id, head_digest })
    }

    /// Signs a new entry of an own log.
    #[must_use]
    pub fn sign(
        gid: &GroupId,
        log: LogId,
        head: Head,
        (commit, body): (Option<Digest>, Vec<u8>),
        keys: &KeyPair,
    ) -> Self {
        let head_digest = head_digest(gid, &log, &to_bytes(&head));
        let id = entry_id(&head_digest, commit.as_ref(), &body);
        let sig = keys.sign(Label::SigEntry, &[Field::B(&id.0)]);
        Self { log, head, commit, body, sig, id, head_digest }
    }

    /// The bytes as stored and sent.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        to_bytes(&Parts { head: to_bytes(&self.head), commit: self.commit, body: self.body.clone(), sig: self.sig })
    }

    /// The entry's id everywhere.
    #[must_use]
    pub const fn id(&self) -> EntryId {
        self.id
    }

    /// `hd`: digest of log and head, the associated data of slots and content.
    #[must_use]
    pub const fn head_digest(&self) -> &Digest {
        &self.head_digest
    }
}

impl Provable for Entry {
    fn prove(&self, key: &MemberKey) -> Result<(), BadSignature> {
        verify(key, Label::SigEntry, &[Field::B(&self.id.0)], &self.sig)
    }
}

/// `prev` of entry 0 (E-19).
#[must_use]
pub fn first_prev(gid: &GroupId, log: &LogId) -> EntryId {
    EntryId(hash(Label::Log, &[Field::B(&gid.0), Field::B(&log.mid.0), Field::B(&log.inst.0)]).0)
}

/// `hd = H("head", gid, mid, inst, head)`.
#[must_use]
pub fn head_digest(gid: &GroupId, log: &LogId, head: &[u8]) -> Digest {
    hash(Label::Head, &[Field::B(&gid.0), Field::B(&log.mid.0), Field::B(&log.inst.0), Field::B(head)])
}

fn entry_id(head_digest: &Digest, commit: Option<&Digest>, body: &[u8]) -> EntryId {
    let commit = commit.map_or(&[][..], |commit| &commit.0);
    let body = hash(Label::Body, &[Field::B(body)]);
    EntryId(hash(Label::Entry, &[Field::B(&head_digest.0), Field::B(commit), Field::B(&body.0)]).0)
}

/// The outer array.
struct Parts {
    head: Vec<u8>,
    commit: Option<Digest>,
    body: Vec<u8>,
    sig: Signature,
}

impl Canonical for Parts {
    fn write(&self, to: &mut Writer) {
        to.array(4).bytes(&self.head).bytes(self.commit.as_ref().map_or(&[][..], |commit| &commit.0));
        to.bytes(&self.body).bytes(self.sig);
    }

    fn read(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
        from.array(4)?;
        let head = from.bytes(limits::HEAD_BYTES_MAX)?.to_vec();
        let commit = match from.bytes(32)? {
            [] => None,
            digest => Some(Digest::try_from(digest).map_err(|_| DecodeError::OutOfRange)?),
        };
        Ok(Self { head, commit, body: from.bytes(limits::BODY_BYTES_MAX)?.to_vec(), sig: from.fixed()? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::Secret;
    use crate::crypto::sign::Signed;
    use crate::ids::{Instance, MembershipId, OperationId};
    use alloc::vec;

    const GID: GroupId = GroupId([1; 32]);
    const LOG: LogId = LogId { mid: MembershipId([2; 32]), inst: Instance([3; 16]) };

    fn keys() -> KeyPair {
        KeyPair::from_seed(&Secret::new([4; 32]))
    }

    fn leaf() -> Entry {
        let kind = HeadKind::Leaf { inst_no: 0, generation: 0, pk: LeafKey([5; 32]), reason: 0, prior: None };
        let heads = Heads::new(vec![OperationId([1; 32])]);
        Entry::sign(&GID, LOG, Head { seq: 0, prev: first_prev(&GID, &LOG), heads, kind }, (None, vec![0x80]), &keys())
    }

    #[test]
    fn e_18_an_entry_reads_back_with_its_id_and_proves_its_author() {
        let entry = leaf();
        let back = Entry::decode(&GID, LOG, &entry.to_bytes()).unwrap();
        assert_eq!(back, entry);
        assert!(Signed::new(back).verify(&keys().public()).is_ok());
    }

    #[test]
    fn at_06_the_same_bytes_in_another_group_or_log_are_another_entry_and_prove_nothing() {
        let bytes = leaf().to_bytes();
        let elsewhere = Entry::decode(&GroupId([9; 32]), LOG, &bytes).unwrap();
        assert_ne!(elsewhere.id(), leaf().id());
        assert!(Signed::new(elsewhere).verify(&keys().public()).is_err());
    }

    #[test]
    fn at_28_every_bit_flip_and_truncation_is_refused_or_proves_nothing() {
        let bytes = leaf().to_bytes();
        for bit in 0..bytes.len() * 8 {
            let mut flipped = bytes.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            if let Ok(entry) = Entry::decode(&GID, LOG, &flipped) {
                assert!(Signed::new(entry).verify(&keys().public()).is_err());
            }
        }
        for end in 0..bytes.len() {
            assert!(Entry::decode(&GID, LOG, &bytes[..end]).is_err());
        }
    }

    #[test]
    fn e_22_an_unknown_kind_keeps_its_bytes() {
        let kind = HeadKind::Opaque { kind: 77, fields: vec![vec![0x05], vec![0x41, 0x01]] };
        let head = Head { seq: 3, prev: EntryId([7; 32]), heads: Heads::new(vec![OperationId([1; 32])]), kind };
        let entry = Entry::sign(&GID, LOG, head, (Some(Digest([8; 32])), vec![1, 2]), &keys());
        assert_eq!(Entry::decode(&GID, LOG, &entry.to_bytes()).unwrap(), entry);
    }
}
