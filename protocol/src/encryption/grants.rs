//! Grants: the current chain key for newcomers, and repairs for who missed a Rekey (E-46 to E-50).
//!
//! A Grant hands out the chain key of the next unused index, so its targets read from there on and never earlier.
//! Every holder of the chain compares it with its own key: nobody can lead a newcomer onto another chain unseen.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use rand_core::CryptoRng;

use super::ratchet::{Chain, chain_commit};
use super::receive::{Arrival, KeyOutcome, Learned};
use super::rekey::{SenderView, is_in};
use super::secrets::{SecretChange, Skipped, page_of};
use super::slot::SlotInfo;
use super::{BuildError, Built, GroupKeys, HeadPlace, Next, Recipient, Staged};
use crate::crypto::same;
use crate::crypto::sign::{KeyPair, Verified};
use crate::ids::{EntryId, MembershipId};
use crate::limits;
use crate::log::body::{GrantBody, LeafNumber, SealedChain, Slot};
use crate::log::entry::{Entry, Head, HeadKind, head_digest};
use crate::time::Timestamp;
use crate::wire::{from_bytes, to_bytes};

/// Why a Grant is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum GrantReason {
    /// Keyed and outside the audience.
    Newcomer,
    /// In the audience by an older installation.
    NewInstance,
    /// Asked for (E-50).
    Repair,
}

impl GrantReason {
    /// As on the wire (E-18); 3 is kept for somebody who is back after a long time.
    #[must_use]
    pub const fn number(self) -> u64 {
        match self {
            Self::Newcomer => 1,
            Self::NewInstance => 2,
            Self::Repair => 4,
        }
    }
}

/// One Grant to be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GrantPlan {
    /// Why.
    pub reason: GrantReason,
    /// For whom: 1 to 32.
    pub targets: BTreeMap<MembershipId, Recipient>,
}

impl GroupKeys {
    /// Rule E-46: the Grants that come before the next Message. Ask after [`GroupKeys::rekey_due`] said none is.
    #[must_use]
    pub fn grants_due(&self, view: &SenderView<'_>, recipients: &BTreeMap<MembershipId, Recipient>) -> Vec<GrantPlan> {
        let sealable = || {
            recipients.iter().filter(|(mid, _)| {
                **mid != self.own.mid && is_in(view.keyed, mid) && !view.suspended.contains_key(*mid)
            })
        };
        let newcomers = sealable().filter(|(mid, _)| !view.audience.contains_key(*mid));
        let moved = sealable().filter(|(mid, to)| view.audience.get(*mid).is_some_and(|at| at.inst_no < to.inst_no));
        let mut plans = Vec::new();
        for (reason, all) in
            [(GrantReason::Newcomer, newcomers.collect::<Vec<_>>()), (GrantReason::NewInstance, moved.collect())]
        {
            for few in all.chunks(limits::GRANT_TARGETS_MAX) {
                let targets = few.iter().map(|&(&mid, &to)| (mid, to)).collect();
                plans.push(GrantPlan { reason, targets });
            }
        }
        plans
    }

    /// Rule E-47: hands the next unused chain key to the targets. Draws 32 bytes for each.
    ///
    /// # Errors
    /// [`BuildError`]; nothing has changed.
    pub fn build_grant(
        &self,
        place: HeadPlace,
        plan: &GrantPlan,
        keys: &KeyPair,
        rng: &mut dyn CryptoRng,
    ) -> Result<Built, BuildError> {
        let (_, held) = self.own_chain().ok_or(BuildError::NoEpoch)?;
        if held.chain.index() >= limits::EPOCH_MESSAGES_MAX {
            return Err(BuildError::EpochFull);
        }
        if plan.targets.is_empty() || plan.targets.len() > limits::GRANT_TARGETS_MAX {
            return Err(BuildError::TargetCount);
        }
        let (epoch, index) = (held.epoch, held.chain.index());
        let kind = HeadKind::KeyGrant { epoch, index, reason: plan.reason.number() };
        let head = Head { seq: place.seq, prev: place.prev, heads: place.heads, kind };
        let bound = head_digest(&self.gid, &self.own, &to_bytes(&head));
        let mut slots = Vec::new();
        for (mid, to) in &plan.targets {
            let info = SlotInfo { gid: &self.gid, author: &self.own, epoch, index: Some(index), mid, to };
            let sealed = info.seal(&bound, held.chain.key(), rng)?;
            let slot = Slot::try_from(sealed.as_slice()).map_err(|_| BuildError::UnusableLeaf)?;
            let leaf = LeafNumber { inst_no: to.inst_no, generation: to.generation };
            slots.push(SealedChain { mid: *mid, leaf, slot });
        }
        let commit = chain_commit(&self.gid, &self.own, epoch, &held.chain);
        let entry = Entry::sign(&self.gid, self.own, head, (Some(commit), to_bytes(&GrantBody(slots))), keys);
        Ok(Built { entry, staged: Staged(Next::Same), seed: None })
    }

    /// Rule E-48: takes the chain if this installation is a target; whoever holds the chain compares.
    pub fn on_grant(&mut self, now: Timestamp, entry: &Verified<Entry>, at: &Arrival<'_>) -> Learned {
        let HeadKind::KeyGrant { epoch, index, .. } = entry.head.kind else {
            return Learned::plain(KeyOutcome::Misfit);
        };
        let Ok(body) = from_bytes::<GrantBody>(&entry.body, limits::BODY_BYTES_MAX) else {
            return Learned::plain(KeyOutcome::Misfit);
        };
        let Some(rekey) = at.rekey.filter(|_| index < limits::EPOCH_MESSAGES_MAX) else {
            return Learned::plain(KeyOutcome::Misfit);
        };
        if entry.log == self.own {
            return Learned::plain(KeyOutcome::Nothing);
        }
        if let Some(differs) = self.compare(entry, rekey, index) {
            return Learned::plain(if differs { KeyOutcome::Broken } else { KeyOutcome::Nothing });
        }
        let Some(mine) = body.0.iter().find(|target| target.mid == self.own.mid) else {
            return Learned::plain(KeyOutcome::Nothing);
        };
        let downgrade = self.downgrade(mine.leaf, at.shown);
        let Some(key) = self.open_slot(entry, epoch, Some(index), (mine.leaf, &mine.slot)) else {
            return Learned { downgrade, ..Learned::plain(KeyOutcome::Unreadable) };
        };
        let chain = Chain::at(key, index);
        let expected = chain_commit(&self.gid, &entry.log, epoch, &chain);
        if !entry.commit.is_some_and(|commit| same(&commit.0, &expected.0)) {
            return Learned { downgrade, ..Learned::plain(KeyOutcome::Broken) };
        }
        let taken = if self.chains.contains_key(&rekey) {
            self.reach_back(now, rekey, chain)
        } else {
            Some(self.hold(now, rekey, (entry, epoch, None, 0), chain))
        };
        let outcome = if taken.is_some() { KeyOutcome::Opened { from: index } } else { KeyOutcome::Broken };
        Learned { outcome, downgrade, changes: taken.unwrap_or_default(), seed: None }
    }

    /// For a holder of the chain: whether the Grant names another chain key than its own. `None` if it cannot tell:
    /// it holds no such chain, or reads only from a later index on.
    fn compare(&self, entry: &Entry, rekey: EntryId, index: u64) -> Option<bool> {
        let held = self.chains.get(&rekey)?;
        if held.log != entry.log {
            return Some(true);
        }
        if index < held.first {
            return None;
        }
        // Behind it, the chain key is gone; that Grant was compared when it was new.
        let Some(there) = held.chain.duplicate().advance_to(index) else { return Some(false) };
        let own = chain_commit(&self.gid, &held.log, held.epoch, &there);
        Some(!entry.commit.is_some_and(|commit| same(&commit.0, &own.0)))
    }

    /// An older Grant for a chain that is held from a later index on: the keys in between become readable. `None` if
    /// it leads to another chain.
    fn reach_back(&mut self, now: Timestamp, rekey: EntryId, mut older: Chain) -> Option<Vec<SecretChange>> {
        let since = self.clock.read(now);
        let held = self.chains.get_mut(&rekey)?;
        let from = older.index();
        let between = older.step_over(held.first.checked_sub(1)?)?;
        if held.chain.index() == held.first && !older.key().same_as(held.chain.key()) {
            return None;
        }
        let mut pages = alloc::collections::BTreeSet::new();
        for (index, key) in between {
            pages.insert((rekey, page_of(index)));
            held.skipped.insert(index, Skipped { key, since });
        }
        held.first = from;
        let member = held.log.mid;
        let mut changes = Vec::from([held.put(rekey)]);
        pages.extend(self.trim_skipped(member));
        changes.extend(self.put_pages(pages));
        Some(changes)
    }
}

/// Rule E-50, asking side: at most one request per epoch in ten minutes. Bounded: the oldest request is forgotten.
#[derive(Debug, Default)]
pub struct RepairRequests {
    asked: BTreeMap<EntryId, u64>,
}

impl RepairRequests {
    /// Whether the author of the epoch may be asked now; if so, that is noted.
    pub fn may_ask(&mut self, now: Timestamp, rekey: EntryId) -> bool {
        let recent = |at: &u64| now.mono_ms.saturating_sub(*at) < limits::REPAIR_INTERVAL_MS;
        self.asked.retain(|_, at| recent(at));
        if self.asked.contains_key(&rekey) || self.asked.len() >= limits::REPAIRS_REMEMBERED_MAX {
            return false;
        }
        self.asked.insert(rekey, now.mono_ms);
        true
    }
}

/// Rule E-50, answering side: at most one answer per member and epoch in ten minutes, 24 a day and member.
#[derive(Debug, Default)]
pub struct RepairAnswers {
    answered: BTreeMap<MembershipId, Vec<(u64, EntryId)>>,
}

impl RepairAnswers {
    /// Whether a Keyed asker gets a repair Grant of the epoch now; if so, that is noted.
    pub fn may_answer(&mut self, now: Timestamp, (asker, rekey): (MembershipId, EntryId)) -> bool {
        let day = |at: u64| now.mono_ms.saturating_sub(at) < limits::COMPROMISED_INTERVAL_MS;
        self.answered.values_mut().for_each(|times| times.retain(|&(at, _)| day(at)));
        self.answered.retain(|_, times| !times.is_empty());
        let times = self.answered.entry(asker).or_default();
        let soon =
            |&&(at, of): &&(u64, EntryId)| of == rekey && now.mono_ms.saturating_sub(at) < limits::REPAIR_INTERVAL_MS;
        if times.len() >= limits::REPAIRS_PER_DAY_MAX || times.iter().any(|one| soon(&one)) {
            return false;
        }
        times.push((now.mono_ms, rekey));
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn at_60_repairs_are_asked_for_and_answered_within_their_bounds() {
        let (epoch, other) = (EntryId([1; 32]), EntryId([2; 32]));
        let asker = MembershipId([3; 32]);
        let at = |ms| Timestamp::new(ms, 0);
        let mut asking = RepairRequests::default();
        assert!(asking.may_ask(at(0), epoch) && asking.may_ask(at(0), other));
        assert!(!asking.may_ask(at(limits::REPAIR_INTERVAL_MS - 1), epoch));
        assert!(asking.may_ask(at(limits::REPAIR_INTERVAL_MS), epoch));
        let mut answering = RepairAnswers::default();
        let given = (0..1_000_u64)
            .filter(|ten| answering.may_answer(at(ten * limits::REPAIR_INTERVAL_MS / 10), (asker, epoch)));
        assert_eq!(given.count(), limits::REPAIRS_PER_DAY_MAX);
        assert!(answering.may_answer(at(limits::COMPROMISED_INTERVAL_MS), (asker, epoch)));
    }

    #[test]
    fn at_60_e_50_intervals_count_from_the_last_time_per_epoch_and_to_the_moment() {
        let (epoch, other) = (EntryId([1; 32]), EntryId([2; 32]));
        let asker = MembershipId([3; 32]);
        // However long the program has run before.
        let at = |ms| Timestamp::new(5 * limits::COMPROMISED_INTERVAL_MS + ms, 0);
        let mut asking = RepairRequests::default();
        assert!(asking.may_ask(at(0), epoch) && !asking.may_ask(at(1), epoch));
        let mut answering = RepairAnswers::default();
        assert!(answering.may_answer(at(0), (asker, epoch)));
        assert!(!answering.may_answer(at(limits::REPAIR_INTERVAL_MS - 1), (asker, epoch)));
        assert!(answering.may_answer(at(1), (asker, other)), "another epoch");
        assert!(answering.may_answer(at(limits::REPAIR_INTERVAL_MS), (asker, epoch)));
    }

    #[test]
    fn at_60_so_many_requests_are_remembered_and_no_more() {
        let mut asking = RepairRequests::default();
        let epoch = |n: u16| EntryId([n.to_be_bytes(); 16].concat().try_into().unwrap());
        let max = u16::try_from(limits::REPAIRS_REMEMBERED_MAX).unwrap();
        assert!((0..max).all(|n| asking.may_ask(Timestamp::new(0, 0), epoch(n))));
        assert!(!asking.may_ask(Timestamp::new(0, 0), epoch(max)));
    }
}
