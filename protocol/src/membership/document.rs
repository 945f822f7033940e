//! The log as an automerge document: one signed operation is one canonical change, rebuilt here and never taken from
//! a peer (MB-G1 to MB-G6).
//!
//! The document only tells what is missing between two replicas; it decides nothing. Every field of a change follows
//! from the operation, so equal operations are equal changes with equal hashes everywhere. The actor begins with the
//! lamport time, which makes nearly every insert an append, and holds the whole id, so no two operations share one.
//! The document is built when a neighbour is first synced with, and follows the log from then on.

use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt::Write as _;
use core::num::NonZeroU64;

use automerge::legacy::{Key, ObjectId, Op, OpType, SortedVec};
use automerge::{ActorId, Automerge, Change, ChangeHash, ExpandedChange, ScalarValue};

use super::operation::SignedOperation;
use crate::ids::OperationId;

/// Bytes of the lamport time in front of an actor.
const LAMPORT_BYTES: usize = 4;

/// Operations as changes.
pub(super) struct Document {
    pub(super) automerge: Automerge,
    hashes: BTreeMap<OperationId, ChangeHash>,
    ids: BTreeMap<ChangeHash, OperationId>,
    /// Hashes of operations that are known and not in the document, so that a peer's heads can be understood.
    shadows: BTreeMap<ChangeHash, OperationId>,
    shadow_hashes: BTreeMap<OperationId, ChangeHash>,
}

impl Document {
    pub(super) fn new<'a>(operations: impl Iterator<Item = &'a SignedOperation>) -> Self {
        let mut document = Self {
            automerge: Automerge::new(),
            hashes: BTreeMap::new(),
            ids: BTreeMap::new(),
            shadows: BTreeMap::new(),
            shadow_hashes: BTreeMap::new(),
        };
        document.extend(operations);
        document
    }

    /// Applies operations that entered the log; what they rest on comes before them.
    pub(super) fn extend<'a>(&mut self, operations: impl Iterator<Item = &'a SignedOperation>) {
        let mut changes = Vec::new();
        for signed in operations {
            if self.hashes.contains_key(&signed.id()) {
                continue;
            }
            let Some(change) = self.change(signed) else { continue };
            self.hashes.insert(signed.id(), change.hash());
            self.ids.insert(change.hash(), signed.id());
            self.shadows.remove(&change.hash());
            self.shadow_hashes.remove(&signed.id());
            changes.push(change);
        }
        if changes.is_empty() {
            return;
        }
        // Our own changes, in an order in which nothing waits: there is nothing that automerge could refuse.
        let applied = self.automerge.apply_changes(changes);
        debug_assert!(applied.is_ok(), "a change of our own was refused");
    }

    /// Rule MB-G1: the one change that an operation is; none if what it rests on has no hash here.
    fn change(&self, signed: &SignedOperation) -> Option<Change> {
        let operation = signed.operation();
        let deps = operation
            .deps
            .iter()
            .map(|id| self.hashes.get(id).or_else(|| self.shadow_hashes.get(id)).copied())
            .collect::<Option<Vec<ChangeHash>>>()?;
        change(signed, deps)
    }

    /// Remembers the hashes of operations that stay outside the document.
    pub(super) fn shade<'a>(&mut self, outside: impl Iterator<Item = &'a SignedOperation>) {
        for signed in outside {
            if !self.shadow_hashes.contains_key(&signed.id())
                && let Some(change) = self.change(signed)
            {
                self.shadow_hashes.insert(signed.id(), change.hash());
                self.shadows.insert(change.hash(), signed.id());
            }
        }
    }

    /// How large automerge's own file of it would be. None is ever written (MB-G5).
    #[cfg(any(test, feature = "testing"))]
    pub(super) fn saved_bytes(&self) -> usize {
        self.automerge.save().len()
    }

    /// The operation outside the document that a hash stands for.
    pub(super) fn shadow(&self, hash: &ChangeHash) -> Option<OperationId> {
        self.shadows.get(hash).copied()
    }

    /// The operation in the document that a hash stands for.
    pub(super) fn id_of(&self, hash: &ChangeHash) -> Option<OperationId> {
        self.ids.get(hash).copied()
    }

    /// The hash of an operation in the document.
    pub(super) fn hash_of(&self, id: &OperationId) -> Option<ChangeHash> {
        self.hashes.get(id).copied()
    }
}

/// The operation that a change of our own carries.
pub(super) fn carried(change: &Change) -> Option<OperationId> {
    OperationId::try_from(change.actor_id().to_bytes().get(LAMPORT_BYTES..)?).ok()
}

fn change(signed: &SignedOperation, mut deps: Vec<ChangeHash>) -> Option<Change> {
    let lamport = signed.operation().lamport;
    let mut actor = u32::try_from(lamport).ok()?.to_be_bytes().to_vec();
    actor.extend_from_slice(signed.id().as_bytes());
    let mut key = String::with_capacity(actor.len() * 2);
    for byte in &actor {
        write!(key, "{byte:02x}").ok()?;
    }
    deps.sort_unstable();
    let put = Op {
        action: OpType::Put(ScalarValue::Bytes(signed.bytes().to_vec())),
        obj: ObjectId::Root,
        key: Key::Map(key.into()),
        pred: SortedVec::new(),
        insert: false,
    };
    Some(Change::from(ExpandedChange {
        operations: Vec::from([put]),
        actor_id: ActorId::from(actor),
        hash: None,
        seq: 1,
        start_op: NonZeroU64::new(lamport)?,
        time: 0,
        message: None,
        deps,
        extra_bytes: Vec::new(),
        author: None,
    }))
}
