//! How a person who was away learns that its membership ended: from the operations that did it, although their
//! past is missing here. It was removed; its link was withdrawn before anybody took its Join; or it left, and this disk
//! is an older copy.
//!
//! The others name nothing of what happened since to somebody who is out, so ordinary admission would wait for ever.
//! What is believed instead is no more than any organiser could do anyway: one who holds an office in *this* log, and
//! has signed the removal, could have signed one whose past is known here. An own Leave only the own key can sign.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;

use super::ablation::{FoldRule, holds};
use super::{Body, Certificate, Membership, SignedOperation};
use crate::ids::{Digest, MembershipId, OperationId, Output, SeatNumber};
use crate::limits;

impl<const S: usize> Membership<S> {
    /// Whether one of these operations ends this membership: a removal, or the withdrawal of a ticket that nobody has
    /// confirmed, correctly signed by a senior of it who holds an office here (or, for a member without office, by
    /// somebody whom such an organiser has promoted in another of them); or its own Leave.
    #[must_use]
    pub fn is_ended_by(&self, me: &MembershipId, operations: &[Vec<u8>]) -> bool {
        let told: Vec<SignedOperation> = operations
            .iter()
            .take(limits::ENDED_OPERATIONS_MAX)
            .filter_map(|bytes| SignedOperation::decode(bytes).ok())
            .filter(|signed| self.is_signed_here(signed))
            .collect();
        let own = self.standing(me);
        let named = self.named_by(&told);
        let mut organisers: BTreeSet<MembershipId> = match own {
            None => self.standing_offices().map(|(_, mid)| mid).collect(),
            Some(own) => {
                self.standing_offices().filter(|(at, _)| self.is_senior(at, &own)).map(|(_, mid)| mid).collect()
            }
        };
        // Whom enough of the own group's recovery keys name stands above everybody (MB-Z3).
        organisers.extend(named);
        if own.is_none() {
            // A promotion may stand behind that of its promoter: as many rounds as there are operations.
            for _ in &told {
                let promoted = told.iter().filter(|signed| organisers.contains(&signed.mid())).filter_map(promotes);
                organisers.extend(promoted.collect::<Vec<_>>());
            }
        }
        let ends = |signed: &SignedOperation| match &signed.operation().body {
            Body::Remove { blow, .. } => blow.target == *me && organisers.contains(&signed.mid()),
            // Only the own key signs that; this disk is older than it.
            Body::Leave { .. } => signed.mid() == *me,
            Body::Bump { pairs } => {
                let claimed = self.unconfirmed_claim(me);
                claimed.is_some_and(|claimed| pairs.contains(&claimed)) && organisers.contains(&signed.mid())
            }
            Body::Genesis { .. }
            | Body::Join(_)
            | Body::Confirm { .. }
            | Body::Transfer { .. }
            | Body::Reclaim { .. }
            | Body::Promote { .. }
            | Body::Demote(_)
            | Body::SetPolicy { .. }
            | Body::Depose { .. } => false,
        };
        told.iter().any(ends) && holds(FoldRule::EndingsAreBelieved)
    }

    /// The seat and output that a member claimed by a ticket, while no office has spoken for it.
    fn unconfirmed_claim(&self, mid: &MembershipId) -> Option<(SeatNumber, Output)> {
        let graph = &self.log.graph;
        let join = graph.chain_of(mid).and_then(|chain| graph.join_of(chain))?;
        let is_anchored = self.roster().person(mid).is_some_and(|person| person.anchored);
        (!is_anchored).then_some((join.seat, join.out))
    }

    /// The promotions behind the office of an operation, nearest first: what shows a stranger to it that it may be
    /// believed.
    #[must_use]
    pub fn promotions_behind(&self, id: &OperationId) -> Vec<OperationId> {
        let mut behind = Vec::new();
        let mut office = self.operation(id).and_then(|signed| signed.operation().office);
        while let Some(at) = office.filter(|at| behind.len() < limits::ENDED_OPERATIONS_MAX && !behind.contains(at)) {
            let Some(signed) = self.operation(&at).filter(|signed| makes_organiser(signed)) else { break };
            behind.push(at);
            // Who succeeded a successor is believed by who was away for both.
            office = if let Body::Depose { office, .. } = signed.operation().body {
                Some(office)
            } else {
                signed.operation().office
            };
        }
        behind
    }

    /// Who is named in these operations by enough of the own group's recovery keys. What ends may be an office that only
    /// another one of them tells of: it goes round until nothing is added.
    fn named_by(&self, told: &[SignedOperation]) -> Vec<MembershipId> {
        let Some(recovery) = self.recovery() else { return Vec::new() };
        let mut names: BTreeMap<OperationId, Digest> = BTreeMap::new();
        let mut named = Vec::new();
        // Each is judged once, when the name of what it ends is known.
        let mut waiting: Vec<&SignedOperation> = told.iter().collect();
        loop {
            let before = waiting.len();
            waiting.retain(|signed| {
                let Body::Depose { office, pin, approvals } = &signed.operation().body else { return false };
                let Some(over) = self.name_in_line(office).or_else(|| names.get(office).copied()) else { return true };
                let certificate = Certificate { gid: self.gid(), over, pin: *pin, successor: signed.mid() };
                let given = approvals.iter().all(|(place, by)| certificate.signed_by(recovery, by) == Some(*place));
                if given && approvals.len() == usize::from(recovery.threshold) {
                    names.insert(signed.id(), certificate.id());
                    named.push(signed.mid());
                }
                false
            });
            if waiting.len() == before {
                return named;
            }
        }
    }

    fn is_signed_here(&self, signed: &SignedOperation) -> bool {
        let key = signed.operation().mid.and_then(|mid| self.key_of(&mid));
        signed.operation().gid == Some(self.gid()) && key.is_some_and(|key| signed.verify(&key).is_ok())
    }
}

fn makes_organiser(signed: &SignedOperation) -> bool {
    matches!(signed.operation().body, Body::Promote { .. } | Body::Depose { .. })
}

fn promotes(signed: &SignedOperation) -> Option<MembershipId> {
    let Body::Promote { target } = signed.operation().body else { return None };
    Some(target)
}
