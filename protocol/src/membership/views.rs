//! What others ask the log: which operations there are, who holds which office, which seats are free.

use alloc::sync::Arc;
use alloc::vec::Vec;

use super::graph::At;
use super::operation::SignedOperation;
use super::policy::Policy;
use super::roster::{Roster, SeatState};
use super::seats::{Took, Walk};
use super::{Membership, Role};
use crate::ids::{GroupId, Heads, MemberKey, MembershipId, Office, OperationId, Output, SeatNumber};
use crate::limits::{OPERATIONS_MAX, OPERATIONS_NOTICE};

/// How large a log has grown (MB-L7).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum LogSize {
    /// Nothing to say.
    Usual,
    /// More than 5 000 operations: admins are told.
    Large,
    /// More than 20 000: newcomers are kept outside until an office speaks for them.
    Full,
}

impl<const S: usize> Membership<S> {
    /// The group's id.
    #[must_use]
    pub const fn gid(&self) -> GroupId {
        self.log.graph.gid
    }

    /// How many operations are known, pooled ones included.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.log.graph.nodes.len()
    }

    /// Rule MB-L7: whether the log has grown so large that people should know.
    #[must_use]
    pub fn size(&self) -> LogSize {
        match self.log.pool.in_document(&self.log.graph) {
            count if count > OPERATIONS_MAX => LogSize::Full,
            count if count > OPERATIONS_NOTICE => LogSize::Large,
            _ => LogSize::Usual,
        }
    }

    /// Never: a log begins with its Genesis.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// An operation that is known, pooled ones included.
    #[must_use]
    pub fn operation(&self, id: &OperationId) -> Option<&SignedOperation> {
        self.log.graph.find(id).map(|at| &*self.log.graph.nodes[at].signed)
    }

    /// Every operation in the log, in an order that respects what they name.
    pub fn operations(&self) -> impl Iterator<Item = &SignedOperation> {
        self.log
            .graph
            .nodes
            .iter()
            .enumerate()
            .filter(|(at, _)| !self.log.pool.is_outside(*at))
            .map(|(_, node)| &*node.signed)
    }

    /// Every operation that is known, pooled ones included, in an order that respects what they name.
    pub fn known(&self) -> impl Iterator<Item = &SignedOperation> {
        self.log.graph.nodes.iter().map(|node| &*node.signed)
    }

    /// Every output that was ever named, by seat: for tests that claim what isn't theirs.
    #[cfg(any(test, feature = "testing"))]
    #[must_use]
    pub fn known_outputs(&self) -> Vec<(SeatNumber, Output)> {
        (0..=u8::MAX)
            .map(SeatNumber)
            .zip(self.log.graph.seats.iter())
            .flat_map(|(number, seat)| seat.outputs.iter().map(move |out| (number, *out)))
            .collect()
    }

    /// The operation that somebody's next one follows.
    #[must_use]
    pub fn tip(&self, mid: &MembershipId) -> Option<OperationId> {
        let graph = &self.log.graph;
        graph.chain_of(mid).map(|chain| graph.nodes[graph.chains[chain].tip].id())
    }

    /// What the next operation and entry rest on (MB-V7).
    #[must_use]
    pub const fn citable_heads(&self) -> &Heads {
        &self.heads
    }

    /// Everybody, now.
    #[must_use]
    pub fn roster(&self) -> &Roster<S> {
        &self.log.fold.roster
    }

    /// The same, to keep for a later comparison.
    #[must_use]
    pub fn share_roster(&self) -> Arc<Roster<S>> {
        Arc::clone(&self.log.fold.roster)
    }

    /// The settings in force.
    #[must_use]
    pub fn policy(&self) -> &Policy {
        &self.log.fold.policy
    }

    /// One seat; none if the number is beyond the last.
    #[must_use]
    pub fn seat(&self, number: SeatNumber) -> Option<&SeatState> {
        self.roster().seats().get(usize::from(number.0))
    }

    /// Whether every operation of `older` is in the past of `newer` (E-20). False if one of either is not here.
    #[must_use]
    pub fn covers(&self, newer: &Heads, older: &Heads) -> bool {
        let graph = &self.log.graph;
        let places = |heads: &Heads| heads.as_slice().iter().map(|id| graph.find(id)).collect::<Option<Vec<At>>>();
        let (Some(newer), Some(older)) = (places(newer), places(older)) else { return false };
        if older.iter().all(|at| newer.contains(at)) {
            return true;
        }
        let past = graph.past(newer);
        older.iter().all(|&at| past[at])
    }

    /// The past of `heads`, themselves included, in an order that respects what they name. Unknown heads are skipped.
    #[must_use]
    pub fn past_of(&self, heads: &Heads) -> Vec<OperationId> {
        let graph = &self.log.graph;
        let past = graph.past(heads.as_slice().iter().filter_map(|id| graph.find(id)));
        past.iter().zip(graph.nodes.iter()).filter(|(in_past, _)| **in_past).map(|(_, node)| node.id()).collect()
    }

    /// The most senior standing office that a membership holds.
    #[must_use]
    pub fn standing(&self, mid: &MembershipId) -> Option<Office> {
        let graph = &self.log.graph;
        let chain = graph.chain_of(mid)?;
        self.log.fold.standing(graph, chain).map(|office| graph.office_id(office))
    }

    /// Standing offices and their holders, senior first.
    pub fn standing_offices(&self) -> impl Iterator<Item = (Office, MembershipId)> {
        let (graph, fold) = (&self.log.graph, &self.log.fold);
        graph
            .seniority
            .iter()
            .filter(|&&office| fold.authority.stands(office))
            .map(|&office| (graph.office_id(office), graph.chains[graph.offices[office].holder].mid))
    }

    /// Whether `a` is strictly senior to `b`; false if one is no office.
    #[must_use]
    pub fn is_senior(&self, a: &Office, b: &Office) -> bool {
        let graph = &self.log.graph;
        matches!((graph.office(a), graph.office(b)), (Some(a), Some(b)) if graph.is_senior(a, b))
    }

    /// Who holds an office, whether it stands or not.
    #[must_use]
    pub fn holder(&self, office: &Office) -> Option<MembershipId> {
        let graph = &self.log.graph;
        graph.office(office).map(|office| graph.chains[graph.offices[office].holder].mid)
    }

    /// The key of a membership, seated or not.
    #[must_use]
    pub fn key_of(&self, mid: &MembershipId) -> Option<MemberKey> {
        let graph = &self.log.graph;
        graph.chain_of(mid).map(|chain| graph.chains[chain].key)
    }

    /// Every membership of a key, seated or not, in the order they became known.
    pub fn memberships_of(&self, key: &MemberKey) -> impl Iterator<Item = MembershipId> {
        let graph = &self.log.graph;
        graph.by_key.get(key).into_iter().flatten().map(|&chain| graph.chains[chain].mid)
    }

    /// The custodian of a seat's output by convention: its office if that stands, else the nearest standing one up
    /// the line of promoters.
    #[must_use]
    pub fn custodian(&self, seat: SeatNumber) -> Option<Office> {
        let walk = self.walk(seat)?;
        let (graph, fold) = (&self.log.graph, &self.log.fold);
        let mut office = Some(walk.custody);
        while let Some(at) = office.filter(|&at| !fold.authority.stands(at)) {
            let top = fold.authority.top(graph);
            // In the place of a founder who was lost stands the last of the line.
            office = graph.offices[at].parent.or_else(|| (at != top).then_some(top));
        }
        office.map(|office| graph.office_id(office))
    }

    pub(super) fn walk(&self, seat: SeatNumber) -> Option<&Walk> {
        self.log.fold.walks.iter().nth(usize::from(seat.0))
    }

    /// Free outputs in the custody of an office: never occupied ones first, then the one that is free for longest
    /// (MB-D5). How long is read off the log, not a clock.
    #[must_use]
    pub fn free_outputs(&self, office: &Office) -> Vec<(SeatNumber, Output)> {
        let mut free: Vec<(u64, SeatNumber, Output)> = (0..=u8::MAX)
            .map(SeatNumber)
            .zip(self.roster().seats())
            .filter_map(|(number, state)| match state {
                SeatState::Free { out, custody } if custody == office => Some((self.freed_at(number), number, *out)),
                SeatState::Free { .. } | SeatState::Occupied { .. } => None,
            })
            .collect();
        free.sort_unstable();
        free.into_iter().map(|(_, number, out)| (number, out)).collect()
    }

    /// Lamport time at which a free seat lost its last occupant; 0 if nobody ever sat there.
    fn freed_at(&self, seat: SeatNumber) -> u64 {
        let last = self.walk(seat).and_then(|walk| {
            walk.steps.iter().rev().find_map(|step| match step.took {
                Took::Join { join, .. } => Some(join),
                Took::Bump { .. } | Took::Transfer { .. } | Took::Reclaim { .. } => None,
            })
        });
        let Some(join) = last else { return 0 };
        let (graph, authority) = (&self.log.graph, &self.log.fold.authority);
        let chain = graph.nodes[join].chain;
        let ends = [authority.removed.get(&chain), authority.banned.get(&chain), Some(&graph.chains[chain].leaves)];
        ends.into_iter().flatten().flatten().map(|&at| graph.nodes[at].lamport()).min().unwrap_or(1)
    }

    /// The unconfirmed person whose departure freed a seat: to be confirmed before the seat is given away (MB-D6).
    #[must_use]
    pub fn unconfirmed_before(&self, seat: SeatNumber) -> Option<MembershipId> {
        let graph = &self.log.graph;
        match self.walk(seat)?.steps.last()?.took {
            Took::Join { join, by: None } if join != 0 => {
                let chain = &graph.chains[graph.nodes[join].chain];
                self.log.fold.authority.is_gone(graph.nodes[join].chain).then_some(chain.mid)
            }
            Took::Join { .. } | Took::Bump { .. } | Took::Transfer { .. } | Took::Reclaim { .. } => None,
        }
    }

    /// The role of a membership's ticket; none for an unknown one.
    #[must_use]
    pub fn role_of(&self, mid: &MembershipId) -> Option<Role> {
        let graph = &self.log.graph;
        let chain = graph.chain_of(mid)?;
        Some(graph.join_of(chain).map_or(Role::Member, |join| join.terms.role))
    }

    /// Ids that wait for others, ascending.
    pub fn waiting(&self) -> impl Iterator<Item = OperationId> {
        self.waiting.ids()
    }

    /// Ids that were refused, ascending, as far as remembered.
    pub fn refused(&self) -> impl Iterator<Item = OperationId> {
        self.refused.ids()
    }

    /// Office operations that don't count, ascending.
    #[must_use]
    pub fn void(&self) -> Vec<OperationId> {
        let (graph, fold) = (&self.log.graph, &self.log.fold);
        let mut void: Vec<OperationId> = graph
            .nodes
            .iter()
            .enumerate()
            .filter(|(at, node)| node.office.is_some() && !fold.authority.honoured[*at])
            .map(|(_, node)| node.id())
            .collect();
        void.sort_unstable();
        void
    }
}
