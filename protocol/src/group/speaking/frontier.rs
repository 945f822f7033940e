//! Which operations an own entry names: the citable heads and, of what it named before, what is not in their past.

use alloc::collections::BTreeSet;
use alloc::vec::Vec;
use core::cmp::Reverse;

use super::Group;
use crate::ids::{Heads, OperationId};
use crate::limits;
use crate::membership::{Body, SignedOperation};

impl Group {
    /// Rule E-17: the citable heads, and the heads in force of the own log that are not in their past.
    pub(in crate::group) fn frontier(&self) -> Heads {
        let citable = self.membership.citable_heads();
        let Some(state) = self.logs.state(&self.own) else {
            return self.shortest(&[], citable.as_slice().to_vec(), Vec::new());
        };
        let one = |id| Heads::new(Vec::from([id]));
        let in_force = state.heads.as_slice();
        let own: Vec<_> = in_force.iter().copied().filter(|&id| !self.membership.covers(citable, &one(id))).collect();
        let kept = citable
            .as_slice()
            .iter()
            .copied()
            .filter(|&id| own.is_empty() || !self.membership.covers(&Heads::new(own.clone()), &one(id)));
        self.shortest(in_force, kept.collect(), own)
    }

    /// Of more than 64 the ones that matter, as [`most_telling`] says.
    fn shortest(&self, in_force: &[OperationId], kept: Vec<OperationId>, own: Vec<OperationId>) -> Heads {
        if kept.len().saturating_add(own.len()) <= limits::ENTRY_HEADS_MAX {
            return Heads::new(kept.into_iter().chain(own).collect());
        }
        let rank = |id: &OperationId| {
            let operation = self.membership.operation(id).map(SignedOperation::operation);
            let ends = operation.is_some_and(|known| matches!(known.body, Body::Leave { .. } | Body::Remove { .. }));
            (!ends, Reverse(operation.map_or(0, |known| known.lamport)), *id)
        };
        let covers = |newer: &OperationId, older: &OperationId| {
            let heads = |id: &OperationId| Heads::new(Vec::from([*id]));
            newer == older || self.membership.covers(&heads(newer), &heads(older))
        };
        Heads::new(most_telling(in_force, (kept, own), rank, covers))
    }
}

/// Rule E-20, "beyond 64": first what keeps the heads from going back (`own`, and of `kept` one that covers each of those
/// `in_force`), then by rank: those by which somebody left or was removed, then the newest.
fn most_telling<R: Ord>(
    in_force: &[OperationId],
    (mut kept, own): (Vec<OperationId>, Vec<OperationId>),
    rank: impl Fn(&OperationId) -> R,
    covers: impl Fn(&OperationId, &OperationId) -> bool,
) -> Vec<OperationId> {
    kept.sort_unstable_by_key(rank);
    let mut chosen: BTreeSet<OperationId> = own.iter().copied().collect();
    for older in in_force {
        let is_covered = chosen.iter().any(|newer| covers(newer, older));
        if !is_covered && let Some(newer) = kept.iter().find(|newer| covers(newer, older)) {
            chosen.insert(*newer);
        }
    }
    for id in kept {
        if chosen.len() >= limits::ENTRY_HEADS_MAX {
            break;
        }
        chosen.insert(id);
    }
    chosen.into_iter().take(limits::ENTRY_HEADS_MAX).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(number: u8) -> OperationId {
        OperationId([number; 32])
    }

    /// 100 heads: 0 to 9 somebody left by, 99 the newest. Of those in force 200 is in the past of all, 201 in that of 50
    /// alone, and 202 in that of none.
    #[test]
    fn at_50_e_20_of_a_hundred_heads_own_ones_and_leavers_are_named_first() {
        let kept: Vec<OperationId> = (0..100).map(id).collect();
        let rank = |one: &OperationId| (one.0[0] >= 10, Reverse(one.0[0]));
        let covers = |newer: &OperationId, older: &OperationId| {
            newer == older || older.0[0] == 200 || (newer.0[0], older.0[0]) == (50, 201)
        };
        let in_force = [id(200), id(201), id(202)];
        let named = most_telling(&in_force, (kept.clone(), alloc::vec![id(202)]), rank, covers);
        assert_eq!(named.len(), 64);
        for older in in_force {
            assert!(named.iter().any(|newer| covers(newer, &older)), "the heads go back behind {older:?}");
        }
        assert!((0..10).all(|left| named.contains(&id(left))), "somebody who left is not named");
        let newest = (100 - 52..100).filter(|one| named.contains(&id(*one))).count();
        assert_eq!(newest, 52, "own, leavers, what covers 201, and the newest 52: {named:?}");

        // Sixty-four that are needed leave no room for anything else, and all of them are named.
        let in_force: Vec<OperationId> = (0..64).map(|one| id(one + 30)).collect();
        let only_themselves = |newer: &OperationId, older: &OperationId| newer == older;
        let named = most_telling(&in_force, (kept, Vec::new()), rank, only_themselves);
        assert_eq!(named, in_force);
    }
}
