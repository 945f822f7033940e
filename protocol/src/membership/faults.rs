//! Proofs that somebody signed two things that don't go together (MB-V8). Nobody is punished by them: a restored
//! backup forks innocently, and an admin must not be able to void his own past.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use super::Membership;
use super::graph::{At, Touch, TouchKind};
use crate::ids::{Digest, MembershipId, Office, OperationId};

/// Two operations of one membership after the same one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Fork {
    /// Whose.
    pub mid: MembershipId,
    /// The smaller id.
    pub first: OperationId,
    /// The other.
    pub second: OperationId,
}

/// Two honoured claims of one office on one output with different results, or a Transfer of an output for which a
/// Join shows the office's own ticket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Double {
    /// The office.
    pub office: Office,
    /// The smaller id.
    pub first: OperationId,
    /// The other.
    pub second: OperationId,
}

/// Two words of the recovery keys about one office that name other people or other pins. Only keys that consented
/// twice make it, or a threshold of at most half of the keys (MB-Z4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Rivalry {
    /// The office that was to pass on.
    pub office: Office,
    /// A Depose by the word that counts, as far as is known.
    pub first: OperationId,
    /// One by another word.
    pub second: OperationId,
}

/// What was proved.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Faults {
    /// Ascending.
    pub forks: Vec<Fork>,
    /// Ascending.
    pub doubles: Vec<Double>,
    /// Ascending.
    pub rivalries: Vec<Rivalry>,
}

/// What a claim makes of an output, for comparison.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Outcome {
    Join(At),
    Bump,
    Handed(At),
}

impl<const S: usize> Membership<S> {
    /// All faults, found when asked for. Of many operations that clash, each is shown with the first one.
    #[must_use]
    pub fn faults(&self) -> Faults {
        let mut faults = Faults { forks: self.forks(), doubles: self.doubles(), rivalries: self.rivalries() };
        faults.rivalries.sort_unstable();
        faults.forks.sort_unstable();
        faults.doubles.sort_unstable();
        faults.doubles.dedup();
        faults
    }

    fn forks(&self) -> Vec<Fork> {
        let graph = &self.log.graph;
        let mut after: BTreeMap<OperationId, Vec<OperationId>> = BTreeMap::new();
        for node in graph.nodes.iter() {
            if let Some(prev) = node.signed.operation().prev {
                after.entry(prev).or_default().push(node.id());
            }
        }
        let mut forks = Vec::new();
        for ids in after.values_mut().filter(|ids| ids.len() > 1) {
            ids.sort_unstable();
            let Some((&first, others)) = ids.split_first() else { continue };
            let Some(mid) = graph.find(&first).map(|at| graph.chains[graph.nodes[at].chain].mid) else { continue };
            forks.extend(others.iter().map(|&second| Fork { mid, first, second }));
        }
        forks
    }

    /// Claims are compared with the least (seq, id) of their office on that output, so the pairs that are shown don't
    /// depend on what arrived first.
    fn doubles(&self) -> Vec<Double> {
        let (graph, authority) = (&self.log.graph, &self.log.fold.authority);
        let scope = self.log.pool.scope();
        let mut doubles = Vec::new();
        for seat in graph.seats.iter() {
            let mut touches: Vec<&Touch> = seat.touches.iter().filter(|touch| scope.has(touch.node)).collect();
            touches.sort_by_key(|touch| (graph.nodes[touch.node].seq(), graph.nodes[touch.node].id()));
            let mut first: BTreeMap<(At, At), (At, Outcome)> = BTreeMap::new();
            let mut transfers: BTreeMap<(At, At), At> = BTreeMap::new();
            for touch in touches.iter().filter(|touch| authority.honoured[touch.node]) {
                let Some(office) = graph.nodes[touch.node].office else { continue };
                let outcome = match touch.kind {
                    TouchKind::Join => continue,
                    TouchKind::Confirm { join, .. } => Outcome::Join(join),
                    TouchKind::Bump => Outcome::Bump,
                    TouchKind::Transfer { .. } => {
                        transfers.entry((touch.out, office)).or_insert(touch.node);
                        Outcome::Handed(touch.node)
                    }
                    TouchKind::Reclaim => Outcome::Handed(touch.node),
                };
                let known = first.entry((touch.out, office)).or_insert((touch.node, outcome));
                if known.1 != outcome {
                    doubles.push(self.double(office, known.0, touch.node));
                }
            }
            for touch in touches {
                if let (TouchKind::Join, Some(issuer)) = (touch.kind, graph.issuer_of(graph.nodes[touch.node].chain))
                    && let Some(&transfer) = transfers.get(&(touch.out, issuer))
                {
                    doubles.push(self.double(issuer, transfer, touch.node));
                }
            }
        }
        doubles
    }

    /// Of what the keepers signed about one office, the word with the least certificate and each other one, each as the
    /// least Depose by it.
    fn rivalries(&self) -> Vec<Rivalry> {
        let graph = &self.log.graph;
        let scope = self.log.pool.scope();
        let mut rivalries = Vec::new();
        for (over, offices) in &graph.successors {
            let mut words: BTreeMap<Digest, OperationId> = BTreeMap::new();
            for &office in offices.iter().filter(|&&office| scope.has(graph.offices[office].node)) {
                let id = graph.office_id(office);
                words.entry(graph.certificate(office)).and_modify(|least| *least = id.min(*least)).or_insert(id);
            }
            let unpromoted = (0..graph.offices.len()).filter(|&office| graph.offices[office].parent.is_none());
            let ended = unpromoted.filter(|&office| graph.certificate(office) == *over);
            let Some(office) = ended.map(|office| graph.office_id(office)).min() else { continue };
            let mut words = words.into_values();
            let Some(first) = words.next() else { continue };
            rivalries.extend(words.map(|second| Rivalry { office, first, second }));
        }
        rivalries
    }

    fn double(&self, office: At, a: At, b: At) -> Double {
        let graph = &self.log.graph;
        let (a, b) = (graph.nodes[a].id(), graph.nodes[b].id());
        Double { office: graph.office_id(office), first: a.min(b), second: a.max(b) }
    }
}
