//! The membership log as the entry logs see it: whose key, who was Keyed, what is older than what (E-23).

use alloc::vec::Vec;

use crate::ids::{Heads, MemberKey, MembershipId, OperationId};
use crate::log::{Authority, Mids};
use crate::membership::Membership;

/// Lends the membership log to the entry logs for one step.
pub(crate) struct Rosters<'a>(pub(crate) &'a mut Membership);

impl Authority for Rosters<'_> {
    fn key_of(&self, mid: &MembershipId) -> Option<MemberKey> {
        self.0.is_admitted(&(*mid).into()).then(|| self.0.key_of(mid)).flatten()
    }

    fn keyed_at(&mut self, heads: &Heads) -> Result<Mids, Vec<OperationId>> {
        self.0.roster_at(heads).map(|roster| Mids::from(roster.keyed()))
    }

    fn candidates_at(&mut self, heads: &Heads) -> Result<Mids, Vec<OperationId>> {
        self.0.roster_at(heads).map(|roster| roster.candidates().map(|person| person.mid).collect())
    }

    fn covers(&self, newer: &Heads, older: &Heads) -> bool {
        self.0.covers(newer, older)
    }

    fn independent(&self, heads: &Heads) -> bool {
        let all = heads.as_slice();
        all.iter().enumerate().all(|(n, head)| {
            let others = all.iter().enumerate().filter(|&(m, _)| m != n).map(|(_, &other)| other).collect();
            !self.0.covers(&Heads::new(others), &Heads::new(Vec::from([*head])))
        })
    }
}
