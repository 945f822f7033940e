//! Which known operations are in the document, and which are kept beside it (R-33, R-35, MB-L3, MB-L4).
//!
//! An operation that nobody honest may rest on changes nothing (P23), so it needn't be kept for ever, forwarded or
//! named: it stays in a bounded pool, is folded along, and enters as soon as it counts or an honoured office
//! operation names it. What must not be folded before somebody vouches for it (further branches of one chain,
//! crowds of Joins on one output, whatever rests on pooled operations without an office) is *held*: known, but
//! outside the fold.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;

use super::ablation::{FoldRule, holds};
use super::authority::Scope;
use super::fold::Fold;
use super::graph::{At, Deed, Graph, TouchKind};
use super::heads::Shift;
use super::table::Table;
use crate::ids::OperationId;
use crate::limits::{
    BRANCHES_MAX, JOINS_PER_OUTPUT_MAX, OPERATIONS_MAX, POOL_JOINS_MAX, POOL_PER_ISSUER_MAX, POOL_PER_OFFICE_MAX,
    POOL_VOID_MAX, RELEASE_BELOW_MAX, RELEASE_PER_ISSUER_MAX,
};

/// Rounds of one settling; each admits or holds something. More would only be reached under attack. *guess*
const ROUNDS_MAX: u32 = 16;

/// The standing of every known operation that is not simply in the document.
#[derive(Clone, Default)]
pub(super) struct Pool {
    /// Known, not in the document.
    outside: BTreeSet<At>,
    /// Not folded either.
    pub(super) held: Table<bool>,
    /// Inert operations that came in below a citable Join or Leave, by issuer.
    released: BTreeMap<At, usize>,
    entered: Vec<OperationId>,
    /// The same, until the document has them.
    unapplied: Vec<At>,
}

impl Pool {
    /// Whether an operation is known, but not in the document.
    pub(super) fn is_outside(&self, at: At) -> bool {
        self.outside.contains(&at)
    }

    /// What is folded.
    pub(super) const fn scope(&self) -> Scope<'_> {
        Scope::Without(&self.held)
    }

    /// What entered the document since the last call, in an order that respects what they name.
    pub(super) fn take_entered(&mut self) -> Vec<OperationId> {
        core::mem::take(&mut self.entered)
    }

    /// What entered and isn't in the document yet.
    pub(super) fn take_unapplied(&mut self) -> Vec<At> {
        core::mem::take(&mut self.unapplied)
    }

    /// Everything outside the document, oldest first.
    pub(super) fn outside(&self) -> impl Iterator<Item = At> {
        self.outside.iter().copied()
    }

    /// Operations of the own store: they were in the document before.
    pub(super) fn trust(&mut self, graph: &Graph) {
        self.held.grow(graph.nodes.len(), false);
    }

    /// Judges operations that were just inserted, and all that they set free.
    pub(super) fn settle<const S: usize>(&mut self, graph: &mut Graph, fold: &mut Fold<S>, fresh: &[At]) -> Shift {
        graph.order_offices();
        self.held.grow(graph.nodes.len(), false);
        let mut new: Vec<At> = Vec::new();
        self.outside.extend(fresh);
        for &at in fresh {
            let node = &graph.nodes[at];
            self.held[at] = node.names.iter().any(|&name| self.held[name]) || self.is_crowded(graph, at);
            if !self.held[at] {
                new.push(at);
            }
        }
        let mut shift = Shift::Only(BTreeSet::new());
        for _ in 0..ROUNDS_MAX {
            shift = shift.and(fold.absorb(graph, Scope::Without(&self.held), &new));
            new.clear();
            let withdrawn = self.round(graph, fold, &mut new);
            if withdrawn {
                *fold = Fold::batch(graph, Scope::Without(&self.held));
                shift = Shift::Anywhere;
            } else if new.is_empty() {
                break;
            }
        }
        shift
    }

    /// One look at everything outside. What is set free to be folded goes to `new`; says whether something that was
    /// folded is held from now on.
    fn round<const S: usize>(&mut self, graph: &Graph, fold: &Fold<S>, new: &mut Vec<At>) -> bool {
        let mut withdrawn = false;
        let outside: Vec<At> = self.outside.iter().copied().collect();
        for at in outside {
            if !self.is_outside(at) {
                continue;
            }
            let node = &graph.nodes[at];
            if self.held[at] {
                let speaks = node.office.is_some() && holds(FoldRule::HonouredBringsIn);
                let vouched = speaks && fold.authority.would_count(graph, at);
                let settled = node.office.is_none()
                    && !node.names.iter().any(|&name| self.is_outside(name))
                    && !self.is_crowded(graph, at);
                if vouched || settled {
                    self.unhold(graph, at, new);
                }
            } else if !new.contains(&at) && (fold.cites(graph, at) || !holds(FoldRule::InertStaysOutside)) {
                let below = self.outside_past(graph, at);
                let governs = node.office.is_some() || matches!(node.deed, Deed::Depose { .. });
                if governs || self.may_release(graph, at, &below) {
                    below.into_iter().for_each(|at| self.admit(graph, at, new));
                } else {
                    self.held[at] = true;
                    withdrawn = true;
                }
            }
        }
        withdrawn
    }

    /// Lets an operation and all that it rests on be folded.
    fn unhold(&mut self, graph: &Graph, at: At, new: &mut Vec<At>) {
        for at in self.outside_past(graph, at) {
            if core::mem::replace(&mut self.held[at], false) {
                new.push(at);
            }
        }
    }

    fn admit(&mut self, graph: &Graph, at: At, new: &mut Vec<At>) {
        if core::mem::replace(&mut self.held[at], false) {
            new.push(at);
        }
        if self.outside.remove(&at) {
            self.entered.push(graph.nodes[at].id());
            self.unapplied.push(at);
        }
    }

    /// An operation and what it rests on outside the document, oldest first. The document is closed downwards.
    fn outside_past(&self, graph: &Graph, at: At) -> BTreeSet<At> {
        let mut past = BTreeSet::new();
        let mut stack = Vec::from([at]);
        while let Some(at) = stack.pop() {
            if self.is_outside(at) && past.insert(at) {
                stack.extend(&graph.nodes[at].names);
            }
        }
        past
    }

    /// A citable Join or Leave brings in a bounded number of inert operations. (With none at all, a newcomer who was
    /// let in on the other side of a partition would be missing here until somebody confirms him.)
    fn may_release(&mut self, graph: &Graph, at: At, below: &BTreeSet<At>) -> bool {
        let inert = below.len().saturating_sub(1);
        let issuer = graph.issuer_of(graph.nodes[at].chain).unwrap_or(0);
        let before = self.released.get(&issuer).copied().unwrap_or(0);
        let after = before.saturating_add(inert);
        let may = inert <= RELEASE_BELOW_MAX && after <= RELEASE_PER_ISSUER_MAX;
        if may && inert > 0 {
            self.released.insert(issuer, after);
        }
        may
    }

    /// Rules MB-L3, MB-L4, MB-L7: one branch too many, one Join too many on an output, or in a log that is full. Joins that are no contestants are
    /// inert and pooled anyway, so only those that once were among the three least are counted: an arrival order can
    /// make replicas differ only beyond 64 of them.
    fn is_crowded(&self, graph: &Graph, at: At) -> bool {
        let node = &graph.nodes[at];
        match &node.deed {
            Deed::Leave { .. } => {
                let leaves = &graph.chains[node.chain].leaves;
                let before = leaves.iter().filter(|&&leave| leave < at && !self.held[leave]).count();
                before >= BRANCHES_MAX && holds(FoldRule::BranchesAreHeld)
            }
            Deed::Join { issuer, .. } => {
                if self.in_document(graph) > OPERATIONS_MAX && holds(FoldRule::FullLogsHoldJoins) {
                    return true;
                }
                let Some(join) = graph.join_of(node.chain) else { return false };
                let log = &graph.seats[usize::from(join.seat.0)];
                let Some(out) = log.find(&join.out) else { return false };
                let rivals = log.touches.iter().filter(|touch| {
                    touch.out == out
                        && touch.node < at
                        && matches!(touch.kind, TouchKind::Join)
                        && !self.is_outside(touch.node)
                        && graph.issuer_of(graph.nodes[touch.node].chain) == Some(*issuer)
                });
                rivals.count() >= JOINS_PER_OUTPUT_MAX && holds(FoldRule::CrowdsAreHeld)
            }
            Deed::Depose { office } => {
                // One word of the keepers can be written down for ever, also by somebody whose time is over.
                let name = graph.certificate(*office);
                let same = graph.successors.values().flatten().filter(|&&other| graph.certificate(other) == name);
                let nodes = same.map(|&other| graph.offices[other].node);
                let before = nodes.filter(|&other| other < at && !self.held[other]).count();
                before >= BRANCHES_MAX && holds(FoldRule::RepeatedDeposesAreHeld)
            }
            Deed::Genesis
            | Deed::Confirm { .. }
            | Deed::Transfer { .. }
            | Deed::Bump
            | Deed::Reclaim { .. }
            | Deed::Promote { .. }
            | Deed::Demote { .. }
            | Deed::Remove { .. }
            | Deed::SetPolicy => false,
        }
    }

    /// An entry of an anchored author rests on this operation, so it and its past enter whatever they are,
    /// the oldest first and at most `max`. (What is left enters with the author's next entry.)
    pub(super) fn release<const S: usize>(&mut self, graph: &mut Graph, fold: &mut Fold<S>, at: At, max: usize) {
        let mut new = Vec::new();
        let max = if holds(FoldRule::EntriesRelease) { max } else { 0 };
        self.outside_past(graph, at).into_iter().take(max).for_each(|at| self.admit(graph, at, &mut new));
        if !new.is_empty() {
            *fold = Fold::batch(graph, Scope::Without(&self.held));
        }
        self.settle(graph, fold, &[]);
    }

    /// How many are in the document.
    pub(super) fn in_document(&self, graph: &Graph) -> usize {
        graph.nodes.len().saturating_sub(self.outside.len())
    }

    /// How many stand outside the document.
    pub(super) fn len(&self) -> usize {
        self.outside.len()
    }

    /// What must go because the pool is full, oldest first and a quarter more than necessary, with all that
    /// rests on it.
    pub(super) fn overflow(&self, graph: &Graph) -> BTreeSet<At> {
        let mut joins: Vec<At> = Vec::new();
        let mut voids: Vec<At> = Vec::new();
        let (mut by_issuer, mut by_office) = (BTreeMap::<At, Vec<At>>::new(), BTreeMap::<At, Vec<At>>::new());
        for &at in &self.outside {
            let node = &graph.nodes[at];
            if let Some(office) = node.office {
                voids.push(at);
                by_office.entry(office).or_default().push(at);
            } else {
                joins.push(at);
                by_issuer.entry(graph.issuer_of(node.chain).unwrap_or(0)).or_default().push(at);
            }
        }
        let mut gone = BTreeSet::new();
        let mut trim = |list: &[At], max: usize| {
            if list.len() > max && holds(FoldRule::PoolIsBounded) {
                gone.extend(list.iter().take(list.len() - max + max / 4));
            }
        };
        trim(&joins, POOL_JOINS_MAX);
        trim(&voids, POOL_VOID_MAX);
        by_issuer.values().for_each(|list| trim(list, POOL_PER_ISSUER_MAX));
        by_office.values().for_each(|list| trim(list, POOL_PER_OFFICE_MAX));
        if !gone.is_empty() {
            for &at in &self.outside {
                if graph.nodes[at].names.iter().any(|name| gone.contains(name)) {
                    gone.insert(at);
                }
            }
        }
        gone
    }

    /// The same standings after the graph was rebuilt without some operations.
    pub(super) fn moved(&self, places: &BTreeMap<At, At>, offices: &BTreeMap<At, At>, nodes: usize) -> Self {
        let mut held = Table::filled(false, nodes);
        for (&old, &new) in places {
            held[new] = self.held[old];
        }
        Self {
            outside: self.outside.iter().filter_map(|at| places.get(at)).copied().collect(),
            held,
            released: self.released.iter().filter_map(|(at, n)| Some((*offices.get(at)?, *n))).collect(),
            entered: self.entered.clone(),
            unapplied: self.unapplied.iter().filter_map(|at| places.get(at)).copied().collect(),
        }
    }
}
