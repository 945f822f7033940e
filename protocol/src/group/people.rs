//! What lets people see with whom they really talk: code words, namesakes, and who has not heard of a removal (E-85, E-96,
//! E-97).

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;

use super::Group;
use crate::event::Straggler;
use crate::identity::fingerprint::GroupCode;
use crate::ids::{LogId, MembershipId, OperationId};
use crate::log::body::roster_hash;
use crate::membership::{Body, SignedOperation};
use crate::wire::Writer;

impl Group {
    /// By E-97, what the group's code words are made from.
    pub(crate) fn code(&self) -> GroupCode {
        let roster = self.membership.roster();
        let mut policy = Writer::default();
        policy.array(roster.policy().values().len());
        for (key, value) in roster.policy().values() {
            policy.array(2).uint(*key).item(value);
        }
        GroupCode { gid: self.gid(), roster: roster_hash(&self.gid(), roster.keyed()), policy: policy.into_bytes() }
    }

    /// Whether somebody of another key is or was here under the name of this member.
    pub(crate) fn has_namesake(&self, mid: &MembershipId) -> bool {
        let Some(person) = self.membership.roster().person(mid) else { return false };
        let name = self.name_of(person);
        let founder = self.membership.key_of(&self.gid().into()).filter(|_| self.founder_name() == name);
        let joins = self.membership.known().filter_map(|signed| {
            let Body::Join(join) = &signed.operation().body else { return None };
            (join.name == name).then_some(join.pk)
        });
        !name.is_empty() && joins.chain(founder).any(|key| key != person.key)
    }

    /// Rule E-85: of everybody who is out, who of the rest may still send to them: because what they wrote last names a
    /// state of before, or because their chain still includes them.
    pub(crate) fn stragglers(&self) -> Vec<Straggler> {
        let void: BTreeSet<OperationId> = self.membership.void().into_iter().collect();
        let mut departed: BTreeMap<MembershipId, Vec<&SignedOperation>> = BTreeMap::new();
        for signed in self.membership.operations().filter(|signed| !void.contains(&signed.id())) {
            if let Some(gone) = ended_by(signed).filter(|gone| self.membership.departure(gone).is_some()) {
                departed.entry(gone).or_default().push(signed);
            }
        }
        if departed.is_empty() {
            return Vec::new();
        }
        let others = self.membership.roster().keyed().iter().filter(|mid| **mid != self.me);
        others.flat_map(|member| self.lag_of(*member, &departed)).collect()
    }

    fn lag_of(&self, member: MembershipId, departed: &BTreeMap<MembershipId, Vec<&SignedOperation>>) -> Vec<Straggler> {
        let inst = self.logs.current_instance(&member);
        let state = inst.and_then(|(inst, _)| self.logs.state(&LogId { mid: member, inst }));
        // Who never wrote anything sends to nobody.
        let Some(state) = state else { return Vec::new() };
        let known: BTreeSet<OperationId> = self.membership.past_of(&state.heads).into_iter().collect();
        let seals = |gone: &MembershipId| state.epoch.as_ref().is_some_and(|epoch| epoch.audience.contains_key(gone));
        let lag = |(gone, ends): (&MembershipId, &Vec<&SignedOperation>)| {
            let heard = ends.iter().any(|end| known.contains(&end.id()));
            let since_ms = ends.iter().map(|end| end.operation().at).min()?;
            (!heard || seals(gone)).then_some(Straggler { member, gone: *gone, since_ms, heard })
        };
        departed.iter().filter_map(lag).collect()
    }
}

/// Whose place an operation ended.
fn ended_by(signed: &SignedOperation) -> Option<MembershipId> {
    if let Body::Remove { blow, .. } = &signed.operation().body {
        return Some(blow.target);
    }
    matches!(signed.operation().body, Body::Leave { .. }).then(|| signed.mid())
}
