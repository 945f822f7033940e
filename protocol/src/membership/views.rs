//! What others ask the log: who sits where, whose words count, why somebody has no seat.

use alloc::sync::Arc;
use alloc::vec::Vec;

use super::body::Body;
use super::graph::{At, Deed};
use super::operation::SignedOperation;
use super::policy::Policy;
use super::roster::{Roster, SeatState};
use super::seats::{Took, Walk};
use super::{Membership, Role};
use crate::ids::{
    GroupId, Heads, MemberKey, MembershipId, Office, OperationId, Output, Point, SeatNumber,
};

/// Which of a membership's entries are honoured, by the current fold (MB-C1, E-30, E-33).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Words {
    /// All that were admitted.
    Count,
    /// Ended: those inside *every* one of these cuts. A cut without points voids everything; no cuts, nothing.
    UpTo(Vec<Vec<Point>>),
    /// Lost, or unknown: none.
    Void,
}

/// Why somebody's Join is on no seat's path, the first that fits (MB-V1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Unseated {
    /// The key was banned.
    Banned,
    /// The office that issued the ticket stands no more.
    IssuerGone,
    /// The output was bumped: the link was withdrawn.
    Withdrawn,
    /// The output went to another claim.
    Beaten,
    /// The output is not on the seat's path.
    LostGround,
}

/// What became of an output, for a host that serves a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum OutputState {
    /// It is the seat's free output.
    Free {
        /// In whose custody.
        custody: Office,
    },
    /// Somebody sits or sat on it.
    Used,
    /// A Bump, Reclaim or Transfer consumed it.
    Withdrawn,
    /// It is not on the seat's path.
    Unknown,
}

/// What the log knows of a membership beside its seat.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Departure {
    /// A Remove counts.
    pub removed: bool,
    /// It left.
    pub left: bool,
    /// Its key was banned by the Remove of another membership, or by this one's.
    pub banned: bool,
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

    /// Rule MB-V7: what the next operation and entry rest on.
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
        graph.seniority.iter().filter(|&&office| fold.authority.stands(office)).map(|&office| {
            (graph.office_id(office), graph.chains[graph.offices[office].holder].mid)
        })
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
            office = graph.offices[at].parent;
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
                SeatState::Free { out, custody } if custody == office => {
                    Some((self.freed_at(number), number, *out))
                }
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

    /// Rule R-18: what a host says of a ticket's output.
    #[must_use]
    pub fn output_state(&self, seat: SeatNumber, out: &Output) -> OutputState {
        if let Some(SeatState::Free { out: free, custody }) = self.seat(seat)
            && free == out
        {
            return OutputState::Free { custody: *custody };
        }
        let step = self.walk(seat).and_then(|walk| walk.steps.iter().find(|step| step.out == *out));
        step.map_or(OutputState::Unknown, |step| match step.took {
            Took::Join { .. } => OutputState::Used,
            Took::Bump { .. } | Took::Transfer { .. } | Took::Reclaim { .. } => OutputState::Withdrawn,
        })
    }

    /// Whether hosts refuse a link as withdrawn, because somebody who came by it was removed.
    #[must_use]
    pub fn is_tainted(&self, issuer: &Office, invite_pk: &MemberKey) -> bool {
        self.log.graph.office(issuer).is_some_and(|issuer| {
            self.log.fold.wear(&self.log.graph, self.log.pool.scope(), (issuer, *invite_pk))
                == Some(super::Awaits::TaintedLink)
        })
    }

    /// Whether a key is banned for a new Join by a ticket with these lifts (MB-F5), as a host checks it.
    #[must_use]
    pub fn is_banned(&self, key: &MemberKey, issuer: &Office, lifts: &[OperationId]) -> bool {
        let graph = &self.log.graph;
        let bans = graph.by_key.get(key).into_iter().flatten().filter_map(|chain| {
            self.log.fold.authority.removed.get(chain)
        });
        bans.flatten().any(|&remove| {
            let node = &graph.nodes[remove];
            let bans = matches!(node.deed, Deed::Remove { ban: true, .. });
            let by = node.office.map(|office| graph.office_id(office));
            let lifted = lifts.contains(&node.id()) && by.is_some_and(|by| !self.is_senior(&by, issuer));
            bans && !lifted
        })
    }

    /// Whether a membership is gone, and how; none while it isn't, or is unknown.
    #[must_use]
    pub fn departure(&self, mid: &MembershipId) -> Option<Departure> {
        let chain = self.log.graph.chain_of(mid)?;
        let authority = &self.log.fold.authority;
        let own_ban = authority.removed.get(&chain).into_iter().flatten().any(|&remove| {
            matches!(self.log.graph.nodes[remove].deed, Deed::Remove { ban: true, .. })
        });
        authority.is_gone(chain).then(|| Departure {
            removed: authority.is_removed(chain),
            left: authority.left[chain],
            banned: own_ban || authority.is_banned(chain),
        })
    }

    /// Rules MB-V2, E-30, E-33: which of a membership's entries count, by the current fold.
    #[must_use]
    pub fn words(&self, mid: &MembershipId) -> Words {
        let (graph, fold) = (&self.log.graph, &self.log.fold);
        if self.roster().person(mid).is_some_and(|person| !person.duplicate) {
            return Words::Count;
        }
        let Some(chain) = graph.chain_of(mid).filter(|&chain| fold.is_ended(chain)) else { return Words::Void };
        let removes = fold.authority.removed.get(&chain).into_iter().flatten();
        let leaves = if fold.on_path[chain] { graph.chains[chain].leaves.as_slice() } else { &[] };
        let folded = leaves.iter().filter(|&&leave| self.log.pool.scope().has(leave));
        Words::UpTo(removes.chain(folded).filter_map(|&at| cuts_of(&graph.nodes[at].signed)).collect())
    }

    /// Rule MB-V1: why a membership has no seat; none if it has one, has ended, or is unknown.
    #[must_use]
    pub fn why_unseated(&self, mid: &MembershipId) -> Option<Unseated> {
        let (graph, fold) = (&self.log.graph, &self.log.fold);
        let chain = graph.chain_of(mid)?;
        let join = graph.join_of(chain)?;
        if fold.on_path[chain] || fold.is_ended(chain) {
            return None;
        }
        if fold.authority.is_banned(chain) {
            return Some(Unseated::Banned);
        }
        if graph.issuer_of(chain).is_none_or(|issuer| !fold.authority.stands(issuer)) {
            return Some(Unseated::IssuerGone);
        }
        let step = self.walk(join.seat)?.steps.iter().find(|step| step.out == join.out);
        Some(match step.map(|step| step.took) {
            Some(Took::Bump { .. }) => Unseated::Withdrawn,
            Some(Took::Join { .. } | Took::Transfer { .. } | Took::Reclaim { .. }) => Unseated::Beaten,
            None => Unseated::LostGround,
        })
    }

    /// What ended a membership, for the one it ended (N-203): counting Removes, own Leaves, and what now sits on the
    /// seat instead.
    #[must_use]
    pub fn endings(&self, mid: &MembershipId) -> Vec<OperationId> {
        let void = self.void();
        let ends = |signed: &&SignedOperation| match &signed.operation().body {
            Body::Remove { blow, .. } => blow.target == *mid && !void.contains(&signed.id()),
            Body::Leave { .. } => signed.mid() == *mid,
            Body::Bump { .. } | Body::Confirm { .. } => self.why_unseated(mid).is_some() && self.concerns(signed, mid),
            Body::Genesis { .. }
            | Body::Join(_)
            | Body::Transfer { .. }
            | Body::Reclaim { .. }
            | Body::Promote { .. }
            | Body::Demote(_)
            | Body::SetPolicy { .. } => false,
        };
        self.operations().filter(ends).map(SignedOperation::id).collect()
    }

    /// Whether a Bump or Confirm is about the output that a membership claimed.
    fn concerns(&self, signed: &SignedOperation, mid: &MembershipId) -> bool {
        let graph = &self.log.graph;
        let Some(join) = graph.chain_of(mid).and_then(|chain| graph.join_of(chain)) else { return false };
        match &signed.operation().body {
            Body::Bump { pairs } => pairs.contains(&(join.seat, join.out)),
            Body::Confirm { join: other } => {
                let other = graph.chain_of(&(*other).into()).and_then(|chain| graph.join_of(chain));
                other.is_some_and(|other| other.out == join.out)
            }
            Body::Genesis { .. }
            | Body::Join(_)
            | Body::Transfer { .. }
            | Body::Reclaim { .. }
            | Body::Promote { .. }
            | Body::Demote(_)
            | Body::Remove { .. }
            | Body::Leave { .. }
            | Body::SetPolicy { .. } => false,
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

fn cuts_of(signed: &SignedOperation) -> Option<Vec<Point>> {
    match &signed.operation().body {
        Body::Remove { cuts, .. } | Body::Leave { cuts, .. } => Some(cuts.clone()),
        Body::Genesis { .. }
        | Body::Join(_)
        | Body::Confirm { .. }
        | Body::Transfer { .. }
        | Body::Bump { .. }
        | Body::Reclaim { .. }
        | Body::Promote { .. }
        | Body::Demote(_)
        | Body::SetPolicy { .. } => None,
    }
}
