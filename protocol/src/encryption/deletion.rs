//! When each live secret ends, and by which clock (section 16: E-92 to E-94, E-45, E-70, E-73).
//!
//! Forward secrecy is a promise about erasing. So every secret has one moment at which it goes, each moment has a test
//! that looks for the bytes afterwards, and a clock that jumps can neither keep them nor empty the key store.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;

use super::GroupKeys;
use super::secrets::{SecretChange, SecretName};
use crate::ids::{EntryId, MembershipId};
use crate::limits;
use crate::time::Timestamp;

/// Rule E-94: the own clock as far as it is believed. A step of more than 45 days counts only after the program has
/// run for 24 hours since.
#[derive(Debug, Default)]
pub(super) struct AgeClock {
    believed_ms: Option<u64>,
    last_mono_ms: u64,
    doubt_since_mono_ms: Option<u64>,
}

impl AgeClock {
    /// A clock that was last known to show `wall_ms`: the newest stamp among the restored secrets.
    pub(super) fn last_seen(wall_ms: Option<u64>) -> Self {
        Self { believed_ms: wall_ms, ..Self::default() }
    }

    /// The time that ages are taken from; `now` is not taken note of.
    pub(super) fn at(&self, now: Timestamp) -> u64 {
        let Some(believed) = self.believed_ms else { return now.wall_ms };
        let step = now.wall_ms.saturating_sub(believed);
        let proved = |since: u64| now.mono_ms.saturating_sub(since) >= limits::CLOCK_PROOF_MS;
        if step <= limits::CLOCK_STEP_MS_MAX || self.doubt_since_mono_ms.is_some_and(proved) {
            return now.wall_ms;
        }
        let running =
            if self.doubt_since_mono_ms.is_some() { now.mono_ms.saturating_sub(self.last_mono_ms) } else { 0 };
        believed.saturating_add(running)
    }

    /// Takes note of a reading and gives the time that ages are taken from.
    pub(super) fn read(&mut self, now: Timestamp) -> u64 {
        let at = self.at(now);
        self.doubt_since_mono_ms =
            if at == now.wall_ms { None } else { Some(self.doubt_since_mono_ms.unwrap_or(now.mono_ms)) };
        self.believed_ms = Some(at);
        self.last_mono_ms = now.mono_ms;
        at
    }
}

/// What the logs say about who may still seal to an old leaf of ours (E-93).
pub struct ErasureView<'a> {
    /// Keyed now, with or without us.
    pub keyed: &'a [MembershipId],
    /// The newest of our leaf keys (of this installation) that each member has shown to know by a slot, a Grant or an
    /// ack in a log that we hold without a gap.
    pub shown: &'a BTreeMap<MembershipId, u64>,
}

impl GroupKeys {
    /// The time that ages are taken from (E-94), for the ages of foreign leaves too (E-13).
    #[must_use]
    pub fn aged_ms(&self, now: Timestamp) -> u64 {
        self.clock.at(now)
    }

    /// The time of the newest reading, for what is only shown.
    #[must_use]
    pub const fn last_aged_ms(&self) -> Option<u64> {
        self.clock.believed_ms
    }

    /// Takes note of a reading, and gives it with the wall part as far as it is believed (E-94): what is stamped with
    /// it keeps its age when the clock jumps.
    pub fn stamp(&mut self, now: Timestamp) -> Timestamp {
        Timestamp::new(now.mono_ms, self.clock.read(now))
    }

    /// After a start: stamps that lie elsewhere (admitted leaves) say too what the clock showed last.
    pub fn last_stamped(&mut self, wall_ms: u64) {
        self.clock = AgeClock::last_seen(self.newest_stamp().max(Some(wall_ms)));
    }

    /// Everything whose time has come. Call it daily, after each Leaf or Rekey of one's own, and when acks arrive.
    pub fn due_erasures(&mut self, now: Timestamp, view: &ErasureView<'_>) -> Vec<SecretChange> {
        let now_ms = self.clock.read(now);
        let mut changes = self.expired_leaves(now_ms, view);
        let replaced: Vec<EntryId> = self
            .chains
            .iter()
            .filter(|(_, held)| held.replaced.is_some_and(|since| is_old(now_ms, since.since)))
            .map(|(&rekey, _)| rekey)
            .collect();
        for rekey in replaced {
            changes.extend(self.drop_chain(rekey));
        }
        changes.extend(self.expired_skipped(now_ms));
        changes
    }

    /// Rule E-70: everything of the group, in the batch in which it is left.
    pub fn erase_all(&mut self) -> Vec<SecretChange> {
        let mut changes = self.erase_chains();
        let generations: Vec<u64> = self.leaves.keys().copied().collect();
        self.leaves.clear();
        changes.extend(generations.into_iter().map(|generation| erased(SecretName::Leaf { generation })));
        changes
    }

    /// Rule E-70, for a seat that is lost and may come back by a late operation: chains go, leaf secrets stay 30 days.
    pub fn erase_when_lost(&mut self, now: Timestamp) -> Vec<SecretChange> {
        let now_ms = self.clock.read(now);
        let mut changes = self.erase_chains();
        for (&generation, leaf) in &mut self.leaves {
            if leaf.replaced.is_none() {
                leaf.replaced = Some(now_ms);
                changes.push(leaf.put(generation));
            }
        }
        changes
    }

    /// Rule E-93, "compromised": no leaf secret but the newest survives.
    pub(super) fn erase_older_leaves(&mut self) -> Vec<SecretChange> {
        let Some(newest) = self.leaves.keys().next_back().copied() else { return Vec::new() };
        let older: Vec<u64> = self.leaves.range(..newest).map(|(&generation, _)| generation).collect();
        self.erase_leaves(older)
    }

    /// Drops a chain with its skipped keys.
    pub(super) fn drop_chain(&mut self, rekey: EntryId) -> Vec<SecretChange> {
        let Some(held) = self.chains.remove(&rekey) else { return Vec::new() };
        if self.speaking == Some(rekey) {
            self.speaking = None;
        }
        let pages = held.pages().into_iter().map(|page| erased(held.page_name(rekey, page)));
        core::iter::once(erased(held.name(rekey))).chain(pages).collect()
    }

    /// Rule E-73: oldest skipped keys out, first of the member that grew, then of the whole group.
    pub(super) fn trim_skipped(&mut self, member: MembershipId) -> BTreeSet<(EntryId, u16)> {
        let mut touched = self.trim_to(limits::SKIPPED_PER_MEMBER_MAX, Some(member));
        touched.extend(self.trim_to(limits::SKIPPED_PER_GROUP_MAX, None));
        touched
    }

    fn trim_to(&mut self, max: usize, only: Option<MembershipId>) -> BTreeSet<(EntryId, u16)> {
        let counted = || self.chains.iter().filter(|(_, held)| only.is_none_or(|mid| held.log.mid == mid));
        let excess = counted().map(|(_, held)| held.skipped.len()).sum::<usize>().saturating_sub(max);
        if excess == 0 {
            return BTreeSet::new();
        }
        let mut by_age: Vec<(u64, EntryId, u64)> = counted()
            .flat_map(|(&rekey, held)| held.skipped.iter().map(move |(&index, skipped)| (skipped.since, rekey, index)))
            .collect();
        by_age.sort_unstable();
        let gone = by_age.into_iter().take(excess);
        gone.filter_map(|(_, rekey, index)| self.forget_skipped(rekey, index)).collect()
    }

    /// Wipes one skipped key; gives the page it lay on.
    pub(super) fn forget_skipped(&mut self, rekey: EntryId, index: u64) -> Option<(EntryId, u16)> {
        self.chains.get_mut(&rekey)?.skipped.remove(&index)?;
        Some((rekey, super::secrets::page_of(index)))
    }

    fn expired_leaves(&mut self, now_ms: u64, view: &ErasureView<'_>) -> Vec<SecretChange> {
        let Some(newest) = self.leaves.keys().next_back().copied() else { return Vec::new() };
        let others = || view.keyed.iter().filter(|mid| **mid != self.own.mid);
        let all_know = |generation: u64| others().all(|mid| view.shown.get(mid).is_some_and(|&at| at > generation));
        let due =
            |generation: u64, replaced: u64| is_old(now_ms, replaced) || (generation < newest && all_know(generation));
        let gone: Vec<u64> = self
            .leaves
            .iter()
            .filter(|(generation, leaf)| leaf.replaced.is_some_and(|since| due(**generation, since)))
            .map(|(&generation, _)| generation)
            .collect();
        self.erase_leaves(gone)
    }

    fn expired_skipped(&mut self, now_ms: u64) -> Vec<SecretChange> {
        let old: Vec<(EntryId, u64)> = self
            .chains
            .iter()
            .flat_map(|(&rekey, held)| held.skipped.iter().map(move |(&index, skipped)| (rekey, index, skipped.since)))
            .filter(|&(_, _, since)| is_old(now_ms, since))
            .map(|(rekey, index, _)| (rekey, index))
            .collect();
        let touched: BTreeSet<(EntryId, u16)> =
            old.into_iter().filter_map(|(rekey, index)| self.forget_skipped(rekey, index)).collect();
        self.put_pages(touched)
    }

    pub(super) fn erase_leaves(&mut self, generations: Vec<u64>) -> Vec<SecretChange> {
        let gone = generations.into_iter().filter(|generation| self.leaves.remove(generation).is_some());
        gone.map(|generation| erased(SecretName::Leaf { generation })).collect()
    }

    fn erase_chains(&mut self) -> Vec<SecretChange> {
        let rekeys: Vec<EntryId> = self.chains.keys().copied().collect();
        let mut changes: Vec<SecretChange> = rekeys.into_iter().flat_map(|rekey| self.drop_chain(rekey)).collect();
        changes.extend(self.forget_archive(Timestamp::new(0, 0), None));
        changes
    }
}

const fn is_old(now_ms: u64, since_ms: u64) -> bool {
    now_ms.saturating_sub(since_ms) >= limits::SECRET_AGE_MS_MAX
}

const fn erased(name: SecretName) -> SecretChange {
    SecretChange::Erase { name }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: u64 = 24 * 60 * 60 * 1_000;

    #[test]
    fn e_94_a_small_step_is_believed_at_once_also_backwards() {
        let mut clock = AgeClock::default();
        assert_eq!(clock.read(Timestamp::new(0, 1_000)), 1_000);
        assert_eq!(clock.read(Timestamp::new(5, 1_000 + 45 * DAY)), 1_000 + 45 * DAY);
        assert_eq!(clock.read(Timestamp::new(6, 7)), 7);
    }

    #[test]
    fn at_33_a_large_step_is_believed_after_a_day_of_running() {
        let mut clock = AgeClock::last_seen(Some(1_000));
        let far = 1_001 + 45 * DAY;
        assert_eq!(clock.read(Timestamp::new(0, far)), 1_000);
        assert_eq!(clock.read(Timestamp::new(10, far + 10)), 1_010);
        assert_eq!(clock.read(Timestamp::new(DAY - 1, far + DAY - 1)), 1_000 + DAY - 1);
        assert_eq!(clock.read(Timestamp::new(DAY, far + DAY)), far + DAY);
        assert_eq!(clock.read(Timestamp::new(DAY + 1, far + DAY + 1)), far + DAY + 1);
    }

    #[test]
    fn e_94_a_step_that_is_taken_back_leaves_no_doubt() {
        let mut clock = AgeClock::last_seen(Some(1_000));
        clock.read(Timestamp::new(0, 90 * DAY));
        assert_eq!(clock.read(Timestamp::new(DAY / 2, 2_000)), 2_000);
        assert_eq!(clock.read(Timestamp::new(DAY, 90 * DAY)), 2_000);
    }
}
