//! A signed operation: its twelve fields, its one encoding, its id (MB-E4).

use alloc::vec::Vec;

use super::body::{Body, Recovery, sorted_ids};
use super::policy::{Setting, SettingKey};
use super::rule::Rule;
use crate::crypto::sign::{KeyPair, is_usable, verify};
use crate::crypto::{Field, Label, hash};
use crate::ids::{GroupId, MemberKey, MembershipId, Office, OperationId, Signature};
use crate::limits::{CLOCK_MS_MAX, DEPS_MAX, LAMPORT_END, OPERATION_BYTES_MAX};
use crate::wire::{Reader, Writer};

/// Format of operations.
const FORMAT: u64 = 1;

/// The twelve fields.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Operation {
    /// The group; none in the Genesis, whose id it is.
    pub gid: Option<GroupId>,
    /// 0 until epochs can be rolled.
    pub epoch: u32,
    /// Author; none in Genesis and Join, whose ids they are.
    pub mid: Option<MembershipId>,
    /// The office it is done under, exactly for office operations.
    pub office: Option<Office>,
    /// Position in the author's chain.
    pub seq: u32,
    /// The author's operation before.
    pub prev: Option<OperationId>,
    /// The author's frontier, ascending.
    pub deps: Vec<OperationId>,
    /// One more than the largest of `deps`.
    pub lamport: u64,
    /// The author's clock, ms since 1970: for people, never read by the fold.
    pub at: u64,
    /// What it does.
    pub body: Body,
}

impl Operation {
    fn encode(&self) -> Vec<u8> {
        let mut to = Writer::default();
        to.array(12)
            .uint(FORMAT)
            .uint(self.body.kind())
            .optional(self.gid)
            .uint(self.epoch)
            .optional(self.mid)
            .optional(self.office)
            .uint(self.seq)
            .optional(self.prev)
            .list(&self.deps)
            .uint(self.lamport)
            .uint(self.at);
        self.body.write(&mut to);
        to.into_bytes()
    }

    fn decode(bytes: &[u8]) -> Result<Self, Rule> {
        let mut from = Reader::new(bytes);
        let len = from.array_up_to(64)?;
        if from.uint()? != FORMAT {
            return Err(Rule::UnknownVersion);
        }
        if len != 12 {
            return Err(Rule::BadEncoding);
        }
        let kind = from.uint()?;
        // 11 is never used; 13 is kept for the roll of epochs.
        if !matches!(kind, 0..=10 | 12) {
            return Err(Rule::UnknownKind);
        }
        let operation = Self {
            gid: from.optional()?,
            epoch: from.small()?,
            mid: from.optional()?,
            office: from.optional()?,
            seq: from.small()?,
            prev: from.optional()?,
            deps: sorted_ids(&mut from, DEPS_MAX).map_err(|_| Rule::BadDeps)?,
            lamport: from.uint()?,
            at: from.uint()?,
            body: Body::read(kind, &mut from)?,
        };
        let in_range = operation.lamport < LAMPORT_END && operation.at <= CLOCK_MS_MAX;
        if !in_range || !from.is_empty() || operation.encode() != bytes {
            return Err(Rule::BadEncoding);
        }
        Ok(operation)
    }

    /// Every id it names, in no order, perhaps twice: what must be admitted before it (MB-A4).
    #[must_use]
    pub fn names(&self) -> Vec<OperationId> {
        let mut names = self.body.names();
        names.extend(&self.deps);
        names.extend(self.prev);
        names.extend(self.office);
        names.extend(self.mid.map(OperationId::from));
        names
    }
}

/// An operation with its bytes and id. Whether its signatures hold is for admission to say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedOperation {
    id: OperationId,
    bytes: Vec<u8>,
    signature: Signature,
    operation: Operation,
}

impl SignedOperation {
    /// Reads one operation; checks size, shape and canonical form only (MB-A1, the bytes' part of MB-A2).
    ///
    /// # Errors
    /// The rule that the bytes break.
    pub fn decode(bytes: &[u8]) -> Result<Self, Rule> {
        if bytes.len() > OPERATION_BYTES_MAX {
            return Err(Rule::TooLarge);
        }
        let mut from = Reader::new(bytes);
        from.array(2)?;
        let body = from.bytes(OPERATION_BYTES_MAX)?;
        let signature: Signature = from.fixed()?;
        if !from.is_empty() {
            return Err(Rule::BadEncoding);
        }
        let signed = Self::assemble(Operation::decode(body)?, body, signature);
        if signed.bytes != bytes {
            return Err(Rule::BadEncoding);
        }
        Ok(signed)
    }

    fn assemble(operation: Operation, body: &[u8], signature: Signature) -> Self {
        let mut to = Writer::default();
        to.array(2).bytes(body).bytes(signature);
        let bytes = to.into_bytes();
        let id = OperationId(hash(Label::OpId, &[Field::B(&bytes)]).0);
        Self { id, bytes, signature, operation }
    }

    /// An operation whose id is taken as given; its fields must be such as bytes could say.
    #[cfg(any(test, feature = "testing"))]
    pub(super) fn given(id: OperationId, operation: Operation) -> Result<Self, Rule> {
        let bytes = operation.encode();
        let operation = Operation::decode(&bytes)?;
        Ok(Self { id, bytes, signature: Signature([0; 64]), operation })
    }

    /// Signs with the author's key.
    #[must_use]
    pub fn sign(operation: Operation, keys: &KeyPair) -> Self {
        let body = operation.encode();
        let signature = keys.sign(operation.body.label(), &[Field::B(&body)]);
        Self::assemble(operation, &body, signature)
    }

    /// The first operation of a new group. `nonce` is random; `at_ms` the own clock.
    #[must_use]
    pub fn genesis(keys: &KeyPair, nonce: [u8; 32], policy: Vec<(SettingKey, Setting)>, at_ms: u64) -> Self {
        Self::genesis_with(keys, nonce, policy, None, at_ms)
    }

    /// The same for a group whose founder can be replaced (MB-Z1).
    #[must_use]
    pub fn genesis_with(
        keys: &KeyPair,
        nonce: [u8; 32],
        policy: Vec<(SettingKey, Setting)>,
        recovery: Option<Recovery>,
        at_ms: u64,
    ) -> Self {
        let body = Body::Genesis { pk: keys.public(), nonce, policy, recovery };
        let operation = Operation {
            gid: None,
            epoch: 0,
            mid: None,
            office: None,
            seq: 0,
            prev: None,
            deps: Vec::new(),
            lamport: 1,
            at: at_ms,
            body,
        };
        Self::sign(operation, keys)
    }

    /// Its id.
    #[must_use]
    pub const fn id(&self) -> OperationId {
        self.id
    }

    /// Its bytes, as stored and sent.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Its fields.
    #[must_use]
    pub const fn operation(&self) -> &Operation {
        &self.operation
    }

    /// Whose membership it belongs to: the author's, or the one that it begins.
    #[must_use]
    pub fn mid(&self) -> MembershipId {
        self.operation.mid.unwrap_or_else(|| self.id.into())
    }

    /// Rule MB-A3, first half: the author's own signature.
    ///
    /// # Errors
    /// [`Rule::BadSignature`].
    pub(super) fn verify(&self, key: &MemberKey) -> Result<(), Rule> {
        let mut from = Reader::new(&self.bytes);
        from.array(2)?;
        let body = from.bytes(OPERATION_BYTES_MAX)?;
        verify(key, self.operation.body.label(), &[Field::B(body)], &self.signature).map_err(|_| Rule::BadSignature)
    }

    /// The author's own signature, for benches: a floor under what an operation costs.
    #[cfg(any(test, feature = "testing"))]
    #[must_use]
    pub fn is_signed_by(&self, key: &MemberKey) -> bool {
        self.verify(key).is_ok()
    }

    /// The hash that is its id, for benches.
    #[cfg(any(test, feature = "testing"))]
    #[must_use]
    pub fn is_named_by_its_bytes(&self) -> bool {
        self.id.0 == hash(Label::OpId, &[Field::B(&self.bytes)]).0
    }

    /// The key in a Genesis or Join, if it is usable (MB-E3).
    pub(super) fn own_key(&self) -> Result<Option<MemberKey>, Rule> {
        let pk = match &self.operation.body {
            Body::Genesis { pk, .. } => *pk,
            Body::Join(join) => join.pk,
            Body::Confirm { .. }
            | Body::Transfer { .. }
            | Body::Bump { .. }
            | Body::Reclaim { .. }
            | Body::Promote { .. }
            | Body::Demote(_)
            | Body::Remove { .. }
            | Body::Leave { .. }
            | Body::SetPolicy { .. }
            | Body::Depose { .. } => return Ok(None),
        };
        is_usable(&pk).then_some(Some(pk)).ok_or(Rule::BadSignature)
    }
}
