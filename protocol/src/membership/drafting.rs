//! Writing an operation: what it rests on is chosen so that everybody can judge it (MB-D1, MB-A10).

use alloc::collections::BTreeSet;
use alloc::vec::Vec;

use super::Membership;
use super::body::{Body, Join};
use super::graph::{At, Graph};
use super::operation::{Operation, SignedOperation};
use crate::crypto::sign::KeyPair;
use crate::ids::{MembershipId, Office, OperationId};
use crate::limits::DEPS_MAX;

impl<const S: usize> Membership<S> {
    /// Signs the next operation of `author`. `at_ms` is the own clock, for people; `office` for office operations.
    ///
    /// The caller owns the key of that membership and offers the result to [`Self::admit`]. Of an unknown author an
    /// operation comes that admission refuses.
    #[must_use]
    pub fn draft(
        &self,
        author: &MembershipId,
        keys: &KeyPair,
        body: Body,
        at_ms: u64,
        office: Option<Office>,
    ) -> SignedOperation {
        let tip = self.log.graph.chain_of(author).map(|chain| self.log.graph.chains[chain].tip);
        self.draft_after(tip, keys, body, at_ms, office)
    }

    /// Signs a Join: the first operation of a new membership.
    #[must_use]
    pub fn draft_join(&self, keys: &KeyPair, join: Join, at_ms: u64) -> SignedOperation {
        self.draft_after(None, keys, Body::Join(join), at_ms, None)
    }

    pub(super) fn draft_after(
        &self,
        prev: Option<At>,
        keys: &KeyPair,
        body: Body,
        at_ms: u64,
        office: Option<Office>,
    ) -> SignedOperation {
        let graph = &self.log.graph;
        let before = prev.map(|prev| &graph.nodes[prev]);
        let mut operation = Operation {
            gid: Some(graph.gid),
            epoch: 0,
            mid: before.map(|node| graph.chains[node.chain].mid),
            office,
            seq: before.map_or(0, |node| node.seq().saturating_add(1)),
            prev: before.map(super::graph::Node::id),
            deps: Vec::new(),
            lamport: 0,
            at: at_ms,
            body,
        };
        let named: BTreeSet<At> = operation.names().iter().filter_map(|id| graph.find(id)).collect();
        let heads: Vec<At> = self.heads.as_slice().iter().filter_map(|id| graph.find(id)).collect();
        let deps = choose(graph, prev, &named, &heads);
        let newest = deps.iter().map(|&at| graph.nodes[at].lamport()).max().unwrap_or(0);
        operation.lamport = newest.saturating_add(1);
        operation.deps = deps.iter().map(|&at| graph.nodes[at].id()).collect::<Vec<OperationId>>();
        operation.deps.sort_unstable();
        SignedOperation::sign(operation, keys)
    }
}

/// Rules MB-D1 and MB-A10: prev always; of what is named, whatever the heads don't have in their past; then the
/// heads, highest lamport first, at most 8 in all.
fn choose(graph: &Graph, prev: Option<At>, named: &BTreeSet<At>, heads: &[At]) -> Vec<At> {
    let mut heads = heads.to_vec();
    heads.sort_by_key(|&at| core::cmp::Reverse((graph.nodes[at].lamport(), graph.nodes[at].id())));
    let mut chosen: Vec<At> = prev.into_iter().collect();
    // Newest first: what an earlier choice has in its past needn't be named again.
    let missing = |kept: &[At], chosen: &[At]| -> Vec<At> {
        let past = graph.past(kept.iter().chain(chosen).copied());
        named.iter().rev().copied().filter(|&at| !past[at]).collect()
    };
    for kept in (0..=heads.len().min(DEPS_MAX)).rev() {
        let (kept, _) = heads.split_at(kept);
        let mut deps = chosen.clone();
        deps.extend(kept.iter().filter(|at| Some(**at) != prev));
        while let Some(&next) = missing(kept, &deps).first() {
            deps.push(next);
        }
        if deps.len() <= DEPS_MAX {
            return deps;
        }
    }
    chosen.truncate(DEPS_MAX);
    chosen
}
