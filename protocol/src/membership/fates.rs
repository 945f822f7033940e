//! What became of somebody, of an output, of a link: whose words count, why somebody has no seat, what ended whom.

use alloc::vec::Vec;

use super::body::Body;
use super::graph::Deed;
use super::operation::SignedOperation;
use super::roster::SeatState;
use super::seats::Took;
use super::{Awaits, Membership};
use crate::ids::{MemberKey, MembershipId, Office, OperationId, Output, Point, SeatNumber};

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
    /// What a host says of a ticket's output.
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
                == Some(Awaits::TaintedLink)
        })
    }

    /// Whether a key is banned for a new Join by a ticket with these lifts (MB-F5), as a host checks it.
    #[must_use]
    pub fn is_banned(&self, key: &MemberKey, issuer: &Office, lifts: &[OperationId]) -> bool {
        let graph = &self.log.graph;
        let bans =
            graph.by_key.get(key).into_iter().flatten().filter_map(|chain| self.log.fold.authority.removed.get(chain));
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
        let own_ban = authority
            .removed
            .get(&chain)
            .into_iter()
            .flatten()
            .any(|&remove| matches!(self.log.graph.nodes[remove].deed, Deed::Remove { ban: true, .. }));
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
            // The Confirm of a rival says nothing without the Join that it confirms.
            Body::Join(join) => {
                signed.mid() != *mid && self.why_unseated(mid).is_some() && self.is_on_output_of(mid, &join.out)
            }
            Body::Genesis { .. }
            | Body::Transfer { .. }
            | Body::Reclaim { .. }
            | Body::Promote { .. }
            | Body::Demote(_)
            | Body::SetPolicy { .. }
            | Body::Depose { .. } => false,
        };
        self.operations().filter(ends).map(SignedOperation::id).collect()
    }

    fn is_on_output_of(&self, mid: &MembershipId, out: &Output) -> bool {
        let graph = &self.log.graph;
        graph.chain_of(mid).and_then(|chain| graph.join_of(chain)).is_some_and(|join| join.out == *out)
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
            | Body::SetPolicy { .. }
            | Body::Depose { .. } => false,
        }
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
        | Body::SetPolicy { .. }
        | Body::Depose { .. } => None,
    }
}
