//! Operations that name something not seen yet, and ids that were refused for ever.
//!
//! Both are bounded per peer or in all, and forgetting costs only a second transfer: the sync asks again (MB-L5,
//! MB-A9).

use alloc::collections::{BTreeMap, BTreeSet, VecDeque};
use alloc::sync::Arc;
use alloc::vec::Vec;

use super::operation::SignedOperation;
use crate::ids::{MemberKey, OperationId};
use crate::limits::{REFUSED_OPERATIONS_MAX, WAITING_PEERS_MAX, WAITING_PER_PEER_BYTES_MAX, WAITING_PER_PEER_MAX};

/// Who brought an operation; none for the own node.
pub type Source = Option<MemberKey>;

#[derive(Clone)]
struct Waiter {
    signed: Arc<SignedOperation>,
    source: Source,
    missing: Vec<OperationId>,
}

#[derive(Clone, Default)]
struct Queue {
    order: VecDeque<OperationId>,
    bytes: usize,
}

/// Rule MB-L5: what waits, per peer, the one that came first out first.
#[derive(Clone, Default)]
pub(super) struct Waiting {
    by_id: BTreeMap<OperationId, Waiter>,
    wanted: BTreeMap<OperationId, BTreeSet<OperationId>>,
    queues: BTreeMap<Source, Queue>,
    peers: VecDeque<Source>,
}

impl Waiting {
    /// Keeps an operation until one of `missing` arrives.
    pub(super) fn hold(&mut self, signed: Arc<SignedOperation>, source: Source, missing: Vec<OperationId>) {
        let (id, len) = (signed.id(), signed.bytes().len());
        self.forget(&id);
        for name in &missing {
            self.wanted.entry(*name).or_default().insert(id);
        }
        self.by_id.insert(id, Waiter { signed, source, missing });
        if !self.queues.contains_key(&source) {
            self.peers.push_back(source);
        }
        let queue = self.queues.entry(source).or_default();
        queue.order.push_back(id);
        queue.bytes += len;
        while self
            .queues
            .get(&source)
            .is_some_and(|queue| queue.order.len() > WAITING_PER_PEER_MAX || queue.bytes > WAITING_PER_PEER_BYTES_MAX)
        {
            self.drop_oldest_of(source);
        }
        while self.peers.len() > WAITING_PEERS_MAX {
            let Some(oldest) = self.peers.front().copied() else { break };
            while self.queues.contains_key(&oldest) {
                self.drop_oldest_of(oldest);
            }
        }
    }

    fn drop_oldest_of(&mut self, source: Source) {
        if let Some(oldest) = self.queues.get(&source).and_then(|queue| queue.order.front().copied()) {
            self.forget(&oldest);
        }
    }

    fn forget(&mut self, id: &OperationId) -> Option<Waiter> {
        let waiter = self.by_id.remove(id)?;
        for name in &waiter.missing {
            if let Some(waiters) = self.wanted.get_mut(name) {
                waiters.remove(id);
                if waiters.is_empty() {
                    self.wanted.remove(name);
                }
            }
        }
        if let Some(queue) = self.queues.get_mut(&waiter.source) {
            queue.order.retain(|other| other != id);
            queue.bytes = queue.bytes.saturating_sub(waiter.signed.bytes().len());
            if queue.order.is_empty() {
                self.queues.remove(&waiter.source);
                self.peers.retain(|peer| *peer != waiter.source);
            }
        }
        Some(waiter)
    }

    /// Takes out everything that waited for `id`: it arrived, or was refused.
    pub(super) fn take(&mut self, id: &OperationId) -> Vec<(Arc<SignedOperation>, Source)> {
        let waiters = self.wanted.get(id).cloned().unwrap_or_default();
        waiters.iter().filter_map(|waiter| self.forget(waiter)).map(|waiter| (waiter.signed, waiter.source)).collect()
    }

    /// Whether an operation waits, and for what.
    pub(super) fn missing(&self, id: &OperationId) -> Option<&[OperationId]> {
        self.by_id.get(id).map(|waiter| waiter.missing.as_slice())
    }

    /// Ids of all that waits, ascending.
    pub(super) fn ids(&self) -> impl Iterator<Item = OperationId> {
        self.by_id.keys().copied()
    }
}

/// Rule MB-A9: refused ids, the oldest out first.
#[derive(Clone, Default)]
pub(super) struct Refused {
    ids: BTreeSet<OperationId>,
    order: VecDeque<OperationId>,
}

impl Refused {
    pub(super) fn add(&mut self, id: OperationId) {
        if self.ids.insert(id) {
            self.order.push_back(id);
        }
        if self.order.len() > REFUSED_OPERATIONS_MAX
            && let Some(oldest) = self.order.pop_front()
        {
            self.ids.remove(&oldest);
        }
    }

    pub(super) fn contains(&self, id: &OperationId) -> bool {
        self.ids.contains(id)
    }

    /// Ascending.
    pub(super) fn ids(&self) -> impl Iterator<Item = OperationId> {
        self.ids.iter().copied()
    }
}
