//! What a Rekey means where it arrives: the own slot by place, the commitment, the chains that it ends (E-43 to E-45).
//!
//! Nothing here refuses an entry: admission has done that. What is found is told as an outcome, and a lie is evidence.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use super::ratchet::{Chain, seed_commit};
use super::secrets::{Held, Replaced, SecretChange};
use super::slot::SlotInfo;
use super::{GroupKeys, Recipient};
use crate::crypto::sign::Verified;
use crate::crypto::{Secret, same};
use crate::ids::{Digest, EntryId, MembershipId};
use crate::limits;
use crate::log::body::{LeafNumber, RekeyBody, SealedSeed, Slot, roster_hash};
use crate::log::entry::{Entry, HeadKind, Suspended};
use crate::time::Timestamp;
use crate::wire::from_bytes;

/// What the receiver's logs say about an arriving Rekey or Grant.
pub struct Arrival<'a> {
    /// Keyed at the entry's heads, ascending.
    pub keyed: &'a [MembershipId],
    /// For a Rekey: the Rekey before it in its branch. For a Grant: the Rekey of its epoch.
    pub rekey: Option<EntryId>,
    /// The newest own leaf that this author has shown to know, before this entry (E-43, E-93).
    pub shown: Option<u64>,
}

/// What a Rekey or Grant meant for this installation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyOutcome {
    /// A chain is held that was not held before, or from an earlier index on.
    Opened {
        /// Messages can be read from this index on.
        from: u64,
    },
    /// Nothing new, nothing wrong.
    Nothing,
    /// The author lists this member as left out, and why (E-44): ask for a repair Grant.
    Suspended {
        /// As on the wire.
        why: u64,
    },
    /// Sealed to a leaf that is retired, to another installation, or to nobody: ask for a repair Grant (E-43, E-50).
    Unreadable,
    /// The commitment names another secret: alert `excluded`, nothing derived, the entry is kept as evidence.
    Broken,
    /// Slots or roster are not those of the heads it cites: admission should have refused it (E-24).
    Misfit,
}

/// What was learned from a Rekey or Grant.
pub struct Learned {
    /// What it meant.
    pub outcome: KeyOutcome,
    /// Whether the author sealed to an older leaf than it had shown to know: an alert (E-43).
    pub downgrade: Downgrade,
    /// For the batch of the entry.
    pub changes: Vec<SecretChange>,
    /// The seed of an epoch that was opened, wiped with this value unless the settings ask for it to be kept (E-88).
    pub seed: Option<Secret<32>>,
}

/// See [`Learned`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Downgrade {
    /// Nothing of the kind.
    None,
    /// An older leaf than known: alert.
    Shown,
}

impl Learned {
    pub(super) const fn plain(outcome: KeyOutcome) -> Self {
        Self { outcome, downgrade: Downgrade::None, changes: Vec::new(), seed: None }
    }
}

impl GroupKeys {
    /// Rules E-43, E-44: finds the own slot of an admitted Rekey by place, and takes its chain.
    pub fn on_rekey(&mut self, now: Timestamp, entry: &Verified<Entry>, at: &Arrival<'_>) -> Learned {
        let HeadKind::Rekey { epoch, prev_len, roster_hash: roster, ref suspended, .. } = entry.head.kind else {
            return Learned::plain(KeyOutcome::Misfit);
        };
        if entry.log == self.own {
            return Learned::plain(KeyOutcome::Nothing);
        }
        let mut learned = match self.own_slot(entry, at.keyed, (&roster, suspended)) {
            Ok(Some(slot)) => self.take_seed(now, entry, (epoch, prev_len, &roster), (&slot, at)),
            Ok(None) => Learned::plain(KeyOutcome::Nothing),
            Err(outcome) => Learned::plain(outcome),
        };
        if learned.outcome != KeyOutcome::Misfit {
            let since = self.clock.read(now);
            learned.changes.extend(self.replace_previous(at.rekey, prev_len, since));
        }
        learned
    }

    /// Rule E-45: the chain of the epoch before ends when its messages are done; of the one before that nothing is
    /// kept. Also called for Rekeys that gave no chain.
    fn replace_previous(&mut self, previous: Option<EntryId>, len: u64, since: u64) -> Vec<SecretChange> {
        let Some(previous) = previous else { return Vec::new() };
        let Some(held) = self.chains.get_mut(&previous) else { return Vec::new() };
        let mut changes = Vec::new();
        if held.replaced.is_none() {
            held.replaced = Some(Replaced { len, since });
            changes.push(held.put(previous));
        }
        let before = held.previous;
        changes.extend(before.into_iter().flat_map(|rekey| self.drop_chain(rekey)));
        changes.extend(self.drop_if_done(previous));
        changes
    }

    fn take_seed(
        &mut self,
        now: Timestamp,
        entry: &Verified<Entry>,
        (epoch, prev_len, roster): (u64, u64, &Digest),
        (slot, at): (&SealedSeed, &Arrival<'_>),
    ) -> Learned {
        let rekey = entry.id();
        if self.chains.contains_key(&rekey) {
            return Learned::plain(KeyOutcome::Nothing);
        }
        let downgrade = self.downgrade(slot.leaf, at.shown);
        let with = |outcome, changes| Learned { outcome, downgrade, changes, seed: None };
        let Some(seed) = self.open_slot(entry, epoch, None, (slot.leaf, &slot.slot)) else {
            return with(KeyOutcome::Unreadable, Vec::new());
        };
        let expected = seed_commit(&self.gid, &entry.log, epoch, &seed);
        if !entry.commit.is_some_and(|commit| same(&commit.0, &expected.0)) {
            return with(KeyOutcome::Broken, Vec::new());
        }
        let chain = Chain::first(&self.gid, &entry.log, epoch, (&seed, roster));
        let changes = self.hold(now, rekey, (entry, epoch, at.rekey, prev_len), chain);
        Learned { seed: Some(seed), ..with(KeyOutcome::Opened { from: 0 }, changes) }
    }

    /// Takes a chain into the held ones, within the bounds of E-74.
    pub(super) fn hold(
        &mut self,
        now: Timestamp,
        rekey: EntryId,
        (entry, epoch, previous, prev_len): (&Entry, u64, Option<EntryId>, u64),
        chain: Chain,
    ) -> Vec<SecretChange> {
        let since = self.clock.read(now);
        // A Rekey that came out of order may have been replaced already.
        let follower = self.chains.values().find(|held| held.previous == Some(rekey));
        let replaced = follower.map(|held| Replaced { len: held.prev_len, since });
        let (log, first) = (entry.log, chain.index());
        let held = Held { log, epoch, previous, prev_len, first, since, chain, replaced, skipped: BTreeMap::new() };
        let mut changes = Vec::from([held.put(rekey)]);
        self.chains.insert(rekey, held);
        let mut of_log: Vec<(u64, EntryId)> =
            self.chains.iter().filter(|(_, held)| held.log == log).map(|(&id, held)| (held.epoch, id)).collect();
        of_log.sort_unstable();
        let excess =
            of_log.len().saturating_sub(limits::CHAINS_PER_BRANCH_MAX.saturating_mul(limits::BRANCHES_PER_LOG_MAX));
        changes.extend(of_log.into_iter().take(excess).flat_map(|(_, oldest)| self.drop_chain(oldest)));
        changes
    }

    /// Opens a slot that names a live own leaf; the author's log, epoch and head are what it must be bound to.
    pub(super) fn open_slot(
        &self,
        entry: &Entry,
        epoch: u64,
        index: Option<u64>,
        (leaf, slot): (LeafNumber, &Slot),
    ) -> Option<Secret<32>> {
        if leaf.inst_no != self.inst_no {
            return None;
        }
        let own = self.leaves.get(&leaf.generation)?;
        let to = Recipient { inst: self.own.inst, inst_no: leaf.inst_no, generation: leaf.generation, pk: own.pk };
        let info = SlotInfo { gid: &self.gid, author: &entry.log, epoch, index, mid: &self.own.mid, to: &to };
        info.open(&own.secret, entry.head_digest(), slot.as_ref())
    }

    /// Rule E-43: the author had shown to know a newer leaf of ours than the one it sealed to.
    pub(super) fn downgrade(&self, leaf: LeafNumber, shown: Option<u64>) -> Downgrade {
        let older = shown.is_some_and(|shown| leaf.inst_no < self.inst_no || leaf.generation < shown);
        if older { Downgrade::Shown } else { Downgrade::None }
    }

    /// The own slot by place. `Ok(None)`: not Keyed there, so none was due.
    fn own_slot(
        &self,
        entry: &Entry,
        keyed: &[MembershipId],
        (roster, suspended): (&Digest, &[Suspended]),
    ) -> Result<Option<SealedSeed>, KeyOutcome> {
        let body: RekeyBody = from_bytes(&entry.body, limits::BODY_BYTES_MAX).map_err(|_| KeyOutcome::Misfit)?;
        let why = |place: usize| suspended.iter().find(|one| usize::from(one.place) == place).map(|one| one.why);
        let ascending = suspended.is_sorted_by(|a, b| a.place < b.place);
        let within = suspended.last().is_none_or(|last| usize::from(last.place) < keyed.len());
        let author = keyed.binary_search(&entry.log.mid).map_err(|_| KeyOutcome::Misfit)?;
        let count = keyed.len().checked_sub(1).and_then(|others| others.checked_sub(suspended.len()));
        let fits = ascending && within && why(author).is_none() && count == Some(body.0.len());
        if !fits || *roster != roster_hash(&self.gid, keyed) {
            return Err(KeyOutcome::Misfit);
        }
        let Ok(mine) = keyed.binary_search(&self.own.mid) else { return Ok(None) };
        if let Some(why) = why(mine) {
            return Err(KeyOutcome::Suspended { why });
        }
        let before = (0..mine).filter(|&place| place != author && why(place).is_none()).count();
        // Another installation of the author's own person gets no slot (E-10).
        if mine == author { Ok(None) } else { Ok(body.0.get(before).copied()) }
    }
}
