//! Citable heads: what the next operation and the next entry rest on (MB-V7).
//!
//! The sweep over the whole log is the definition. A plain operation usually replaces just the heads that it names,
//! so the sweep is made only where that is not certain.

use alloc::collections::BTreeSet;
use alloc::vec::Vec;

use super::authority::Scope;
use super::fold::Fold;
use super::graph::{At, Graph};
use crate::ids::Heads;

/// Whose being citable may have changed in a step of the fold.
#[derive(Debug)]
pub(super) enum Shift {
    /// Nobody's but these, new operations included.
    Only(BTreeSet<At>),
    /// Anybody's.
    Anywhere,
}

impl Shift {
    /// This and then that.
    pub(super) fn and(self, next: Self) -> Self {
        match (self, next) {
            (Self::Only(mut these), Self::Only(those)) => {
                these.extend(those);
                Self::Only(these)
            }
            (Self::Anywhere, _) | (_, Self::Anywhere) => Self::Anywhere,
        }
    }
}

/// Rule MB-V7: citable operations that no citable operation has in its past. One sweep, newest first.
pub(super) fn sweep<const S: usize>(graph: &Graph, fold: &Fold<S>, scope: Scope<'_>) -> Heads {
    let mut below = super::table::Table::filled(false, graph.nodes.len());
    let mut heads = Vec::new();
    for at in (0..graph.nodes.len()).rev().filter(|&at| scope.has(at)) {
        let cited = fold.cites(graph, at);
        if cited && !below[at] {
            heads.push(graph.nodes[at].id());
        }
        if cited || below[at] {
            graph.nodes[at].names.iter().for_each(|&name| below[name] = true);
        }
    }
    Heads::new(heads)
}

/// The heads after operations from `first_new` on were folded, if they follow from the heads before. None where an
/// older operation became citable or ceased to be a head, or where something new rests on what nothing citable knew.
pub(super) fn advance<const S: usize>(
    graph: &Graph,
    fold: &Fold<S>,
    scope: Scope<'_>,
    before: &Heads,
    (shifted, first_new): (&BTreeSet<At>, At),
) -> Option<Heads> {
    let is_cited = |at: At| scope.has(at) && fold.cites(graph, at);
    let mut heads: BTreeSet<At> = before.as_slice().iter().map(|id| graph.find(id)).collect::<Option<_>>()?;
    if shifted.range(..first_new).any(|&at| is_cited(at) || heads.contains(&at)) {
        return None;
    }
    let mut below = BTreeSet::new();
    for at in (first_new..graph.nodes.len()).rev() {
        let cited = is_cited(at);
        if cited && !below.contains(&at) {
            heads.insert(at);
        }
        if !cited && !below.contains(&at) {
            continue;
        }
        for &name in &graph.nodes[at].names {
            if name >= first_new {
                below.insert(name);
            } else if !heads.remove(&name) && !is_cited(name) {
                return None;
            }
        }
    }
    Some(Heads::new(heads.into_iter().map(|at| graph.nodes[at].id()).collect()))
}
