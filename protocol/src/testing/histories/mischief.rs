//! What nobody sound would sign, or what was never meant for this group: forged, altered and replayed operations that
//! must be refused, and well-formed ones by people who bend their clocks, their past and their keys.

use alloc::vec::Vec;

use super::History;
use crate::ids::{MembershipId, OperationId, Output};
use crate::membership::{Admission, Body, SignedOperation, outputs};
use crate::testing::town::{Person, Side};

impl<const S: usize> History<S> {
    /// One hostile act beside the ordinary ones.
    pub(super) fn mischief(&mut self, side: &mut Side<S>) {
        match self.dice.below(6) {
            0 => self.forge_signature(side),
            1 => self.replay_from_elsewhere(side),
            2 => self.alter(side),
            3 => side.clock_ms = u64::try_from(self.dice.below(1 << 47)).unwrap_or(0),
            4 => self.join_with_an_old_past(side),
            _ => self.join_with_a_ground_key(side),
        }
    }

    /// Counts what was refused. What is admitted although it may not be ends the run.
    pub(super) fn offer_junk(&mut self, side: &mut Side<S>, bytes: &[u8], what: &str) {
        let before = side.log.state_hash();
        let verdict = side.log.admit(bytes);
        let refused = matches!(verdict, Admission::Refused(_) | Admission::Waiting { .. } | Admission::Duplicate(_));
        assert!(refused && side.log.state_hash() == before, "{what}: {verdict:?}");
        self.refused = self.refused.saturating_add(1);
    }

    fn forge_signature(&mut self, side: &mut Side<S>) {
        let Some(victim) = self.dice.pick(&self.people).cloned() else { return };
        let stranger = self.dice.pick(&self.people).filter(|other| other.key() != victim.key()).cloned();
        let Some(stranger) = stranger else { return };
        let known = side.log.operation(&victim.mid.into()).is_some();
        let body = match victim.office {
            Some(_) => Body::SetPolicy { sets: Vec::new() },
            None => Body::Leave { heirs: Vec::new(), cuts: Vec::new() },
        };
        if !known || victim.office.is_some_and(|office| side.log.operation(&office).is_none()) {
            return;
        }
        let office = victim.office.filter(|_| body.is_office());
        let signed = side.log.draft(&victim.mid, &stranger.keys(), body, 2, office);
        self.offer_junk(side, signed.bytes(), "a forged signature");
    }

    fn replay_from_elsewhere(&mut self, side: &mut Side<S>) {
        if let Some(bytes) = self.dice.pick(&self.elsewhere).cloned() {
            self.offer_junk(side, &bytes, "an operation of another group");
        }
    }

    fn alter(&mut self, side: &mut Side<S>) {
        let known: Vec<OperationId> = side.log.known().map(SignedOperation::id).collect();
        let Some(signed) = self.dice.pick(&known).and_then(|id| side.log.operation(id)) else { return };
        let mut bytes = signed.bytes().to_vec();
        let at = self.dice.below(bytes.len());
        let bit = self.dice.below(8);
        if let Some(byte) = bytes.get_mut(at) {
            *byte ^= 1_u8.checked_shl(u32::try_from(bit).unwrap_or(0)).unwrap_or(1);
        }
        self.offer_junk(side, &bytes, "an altered operation");
    }

    /// A Join that rests on next to nothing: whoever found a link long after.
    fn join_with_an_old_past(&mut self, side: &mut Side<S>) {
        let Some(link) = self.dice.pick(&self.links).cloned() else { return };
        let issuer = link.grant.terms.issuer;
        if side.log.operation(&issuer).is_none()
            || link.grant.terms.lifts.iter().any(|id| side.log.operation(id).is_none())
        {
            return;
        }
        let mut deps = Vec::from([issuer]);
        deps.extend(&link.grant.terms.lifts);
        let ticket = self.dice.below(link.grant.tickets.len());
        let mut person = self.joiner(&link);
        let signed = side.forge_join(&person, &link, ticket, &deps);
        self.enter(side, &mut person, &signed);
    }

    /// Of several fresh keys the one with the least tie, which comes before everybody who sits by ticket alone.
    fn join_with_a_ground_key(&mut self, side: &mut Side<S>) {
        let Some(link) = self.dice.pick(&self.links).cloned() else { return };
        let ticket = self.dice.below(link.grant.tickets.len());
        let out = link.grant.tickets.get(ticket).map_or(Output([0; 32]), |ticket| ticket.out);
        self.born = self.born.saturating_add(1);
        let born = self.born;
        let keys = (0..4).map(|n| Person::new(&alloc::format!("p{born}g{n}")));
        let Some(mut person) = keys.min_by_key(|person| outputs::tie(&out, &person.key())) else { return };
        let signed = side.draft_join(&person, &link, ticket);
        self.enter(side, &mut person, &signed);
    }

    fn enter(&mut self, side: &mut Side<S>, person: &mut Person, signed: &SignedOperation) {
        side.log.admit(signed.bytes());
        if side.log.operation(&signed.id()).is_some() {
            person.mid = MembershipId::from(signed.id());
            person.office = None;
            self.people.push(person.clone());
        }
    }
}
