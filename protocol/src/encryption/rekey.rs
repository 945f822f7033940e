//! Rekeys and Leaf entries: when one is due, how it is made, what a receiver does with it (E-36 to E-45, E-51).
//!
//! A Rekey is read by place: the n-th slot belongs to the n-th Keyed member, the author and the suspended left out, so
//! nobody can be added, skipped in silence or given another's slot.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use rand_core::CryptoRng;

use super::ratchet::{Chain, seed_commit};
use super::secrets::{Held, OwnLeaf, Replaced, SecretChange};
use super::{Built, BuildError, GroupKeys, HeadPlace, Recipient, SlotInfo};
use crate::crypto::seal::leaf_pair;
use crate::crypto::sign::{KeyPair, Verified};
use crate::crypto::{Secret, same};
use crate::ids::{Digest, EntryId, LeafKey, MembershipId, Point};
use crate::limits;
use crate::log::body::{LeafBody, LeafNumber, RekeyBody, SealedSeed, Slot, roster_hash};
use crate::log::entry::{Entry, Head, HeadKind, Suspended, head_digest};
use crate::time::Timestamp;
use crate::wire::{from_bytes, to_bytes};

macro_rules! numbered {
    ($(#[$doc:meta])* $name:ident { $($(#[$of:meta])* $variant:ident = $number:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum $name { $($(#[$of])* $variant),+ }

        impl $name {
            /// As on the wire (E-18).
            #[must_use]
            pub const fn number(self) -> u64 {
                match self { $(Self::$variant => $number),+ }
            }
        }
    };
}

numbered! {
    /// Why a Rekey is made.
    RekeyReason {
        /// There is no epoch yet.
        First = 1,
        /// A thousand messages, or seven days.
        Schedule = 2,
        /// Somebody who could read is no longer to read.
        Membership = 3,
        /// A recipient replaced a leaf that may be known to others.
        Heal = 4,
        /// After an unclean stop, or as a new installation.
        Restart = 5,
        /// The person asked.
        User = 6,
        /// After a week without contact.
        Return = 7,
    }
}

numbered! {
    /// Why a Leaf entry is made.
    LeafReason {
        /// It opens the log.
        Open = 0,
        /// Once a day.
        Daily = 1,
        /// The person wants fresh keys.
        Heal = 2,
        /// The person believes that secrets are known to others.
        Compromised = 3,
        /// After a week away.
        Return = 4,
    }
}

numbered! {
    /// Why a Keyed member gets no slot (E-40).
    Why {
        /// Its leaf is older than 90 days here.
        StaleLeaf = 1,
        /// A guest whose session is over.
        SessionOver = 2,
        /// There is proof that its log forked (E-79).
        Forked = 3,
        /// No leaf of its current installation is known.
        NoLeaf = 4,
        /// It is gone by an operation that the heads could not name (E-20).
        Gone = 5,
    }
}

/// A recipient that wants a fresh seed (E-39 c).
#[derive(Clone, Copy, Debug)]
pub struct Healing {
    /// Who.
    pub mid: MembershipId,
    /// Whether it reported "compromised" (Leaf reason 3); else reason 2 or a further installation.
    pub urgency: Urgency,
}

/// How soon a recipient's wish for a fresh seed is followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Urgency {
    /// At least an hour after the last own Rekey.
    Soon,
    /// At once; from the second within 24 hours on, as `Soon`.
    AtOnce,
}

/// What a sender knows when it asks whether a Rekey or Grants are due.
pub struct SenderView<'a> {
    /// Keyed at the frontier, ascending.
    pub keyed: &'a [MembershipId],
    /// Who can read the own current epoch, and by which leaf (E-25), without the author.
    pub audience: &'a BTreeMap<MembershipId, LeafNumber>,
    /// Who of the Keyed cannot be sealed to, and why.
    pub suspended: &'a BTreeMap<MembershipId, Why>,
    /// Members of the audience with a leaf of reason 2 or 3 newer than the one sealed to, or a further installation.
    pub healing: &'a [Healing],
    /// Restart, User or Return, if one of them applies (E-39 d, e, f).
    pub cause: Option<RekeyReason>,
}

/// Numbers of the next Rekey, from the own log (E-24).
#[derive(Clone, Copy, Debug)]
pub struct NextEpoch {
    /// Last epoch + 1, or 0.
    pub epoch: u64,
    /// Next unused index of the last epoch.
    pub prev_len: u64,
    /// Last leaf number + 1.
    pub generation: u64,
    /// Why.
    pub reason: RekeyReason,
}

/// Whom a Rekey is for.
pub struct Roll<'a> {
    /// Keyed at the entry's heads, ascending.
    pub keyed: &'a [MembershipId],
    /// The leaf to seal to, of everybody that has one.
    pub recipients: &'a BTreeMap<MembershipId, Recipient>,
    /// Who is left out though Keyed. Who has no leaf is left out by itself.
    pub suspended: &'a BTreeMap<MembershipId, Why>,
    /// Whose "compromised" this Rekey answers.
    pub healing: &'a [Healing],
}

/// A Leaf entry to be made.
#[derive(Clone, Debug)]
pub struct LeafPlan {
    /// Last leaf number + 1; 0 opens the log.
    pub generation: u64,
    /// Why.
    pub reason: LeafReason,
    /// Newest known entry of the previous installation; only when opening.
    pub prior: Option<Point>,
    /// Which leaf of each other Keyed member is known, by place.
    pub known: LeafBody,
}

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
        Self { outcome, downgrade: Downgrade::None, changes: Vec::new() }
    }
}

impl GroupKeys {
    /// Rule E-39: whether a Rekey must come before the next Grant or Message, and why.
    #[must_use]
    pub fn rekey_due(&self, now: Timestamp, view: &SenderView<'_>) -> Option<RekeyReason> {
        let Some((_, held)) = self.own_chain() else { return Some(view.cause.unwrap_or(RekeyReason::First)) };
        let age = self.clock.at(now).saturating_sub(held.since);
        let over = |mid: &MembershipId| view.suspended.get(mid) == Some(&Why::SessionOver);
        if view.audience.keys().any(|mid| !is_in(view.keyed, mid) || over(mid)) {
            return Some(RekeyReason::Membership);
        }
        if view.cause.is_some() {
            return view.cause;
        }
        if held.chain.index() >= limits::EPOCH_MESSAGES_MAX || age >= limits::EPOCH_AGE_MS_MAX {
            return Some(RekeyReason::Schedule);
        }
        if view.healing.iter().any(|one| age >= limits::HEAL_INTERVAL_MS || self.answers_at_once(now, one)) {
            return Some(RekeyReason::Heal);
        }
        // Who cannot be sealed to would be outside the next audience too, and ask for a Rekey again and again.
        let outside = |mid: &&MembershipId| {
            **mid != self.own.mid && !view.audience.contains_key(*mid) && !view.suspended.contains_key(*mid)
        };
        let many = view.keyed.iter().filter(outside).count() > limits::OUTSIDE_AUDIENCE_MAX;
        many.then_some(RekeyReason::Membership)
    }

    /// Rules E-40 to E-42: a fresh chain, sealed to every Keyed member that can be sealed to. Draws 32 bytes for the
    /// seed, 32 for the new leaf, then 32 for each slot (E-06).
    ///
    /// # Errors
    /// [`BuildError::UnusableLeaf`]; then nothing has changed.
    pub fn build_rekey(
        &mut self,
        now: Timestamp,
        (place, next): (HeadPlace, NextEpoch),
        roll: &Roll<'_>,
        keys: &KeyPair,
        rng: &mut dyn CryptoRng,
    ) -> Result<Built, BuildError> {
        let seed = Secret::random(rng);
        let (secret, pk) = leaf_pair(&Secret::random(rng));
        let roster = roster_hash(&self.gid, roll.keyed);
        let head = self.rekey_head(place, next, (roster, pk), roll);
        let bound = head_digest(&self.gid, &self.own, &to_bytes(&head));
        let body = self.seal_slots(next.epoch, (&bound, &seed), roll, rng)?;
        let commit = seed_commit(&self.gid, &self.own, next.epoch, &seed);
        let entry = Entry::sign(&self.gid, self.own, head, (Some(commit), to_bytes(&body)), keys);

        let since = self.clock.read(now);
        let mut changes = self.publish_leaf(since, next.generation, OwnLeaf { pk, secret, replaced: None });
        let previous = self.speaking;
        if let Some(old) = previous {
            changes.extend(self.drop_chain(old));
        }
        let chain = Chain::first(&self.gid, &self.own, next.epoch, (&seed, &roster));
        let held = Held {
            log: self.own,
            epoch: next.epoch,
            previous,
            prev_len: next.prev_len,
            first: 0,
            since,
            chain,
            replaced: None,
            skipped: BTreeMap::new(),
        };
        changes.push(held.put(entry.id()));
        self.chains.insert(entry.id(), held);
        self.speaking = Some(entry.id());
        let urgent = roll.healing.iter().filter(|one| one.urgency == Urgency::AtOnce);
        self.answered.extend(urgent.map(|one| (one.mid, since)));
        self.answered.retain(|_, at| since.saturating_sub(*at) < limits::COMPROMISED_INTERVAL_MS);
        Ok(Built { entry, changes })
    }

    /// Rules E-11, E-19, E-51: a Leaf entry with a fresh leaf key. Draws 32 bytes.
    pub fn build_leaf(
        &mut self,
        now: Timestamp,
        place: HeadPlace,
        plan: LeafPlan,
        keys: &KeyPair,
        rng: &mut dyn CryptoRng,
    ) -> (Built, LeafKey) {
        let (secret, pk) = leaf_pair(&Secret::random(rng));
        let LeafPlan { generation, reason, prior, known } = plan;
        let kind = HeadKind::Leaf { inst_no: self.inst_no, generation, pk, reason: reason.number(), prior };
        let head = Head { seq: place.seq, prev: place.prev, heads: place.heads, kind };
        let entry = Entry::sign(&self.gid, self.own, head, (None, to_bytes(&known)), keys);
        let since = self.clock.read(now);
        let mut changes = self.publish_leaf(since, generation, OwnLeaf { pk, secret, replaced: None });
        if reason == LeafReason::Compromised {
            changes.extend(self.erase_older_leaves());
        }
        (Built { entry, changes }, pk)
    }

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
        let with = |outcome, changes| Learned { outcome, downgrade, changes };
        let Some(seed) = self.open_slot(entry, epoch, None, (slot.leaf, &slot.slot)) else {
            return with(KeyOutcome::Unreadable, Vec::new());
        };
        let expected = seed_commit(&self.gid, &entry.log, epoch, &seed);
        if !entry.commit.is_some_and(|commit| same(&commit.0, &expected.0)) {
            return with(KeyOutcome::Broken, Vec::new());
        }
        let chain = Chain::first(&self.gid, &entry.log, epoch, (&seed, roster));
        let changes = self.hold(now, rekey, (entry, epoch, at.rekey, prev_len), chain);
        with(KeyOutcome::Opened { from: 0 }, changes)
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
        let excess = of_log.len().saturating_sub(limits::CHAINS_PER_BRANCH_MAX.saturating_mul(limits::BRANCHES_PER_LOG_MAX));
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
        let info =
            SlotInfo { gid: &self.gid, author: &entry.log, epoch, index, mid: &self.own.mid, to: &to };
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
        let body: RekeyBody =
            from_bytes(&entry.body, limits::BODY_BYTES_MAX).map_err(|_| KeyOutcome::Misfit)?;
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

    fn rekey_head(&self, place: HeadPlace, next: NextEpoch, fresh: (Digest, LeafKey), roll: &Roll<'_>) -> Head {
        let suspended = roll
            .keyed
            .iter()
            .enumerate()
            .filter(|(_, mid)| **mid != self.own.mid)
            .filter_map(|(at, mid)| Some(Suspended { place: u8::try_from(at).ok()?, why: roll.why(mid)?.number() }))
            .collect();
        let kind = HeadKind::Rekey {
            epoch: next.epoch,
            prev_len: next.prev_len,
            roster_hash: fresh.0,
            generation: next.generation,
            pk: fresh.1,
            reason: next.reason.number(),
            suspended,
        };
        Head { seq: place.seq, prev: place.prev, heads: place.heads, kind }
    }

    fn seal_slots(
        &self,
        epoch: u64,
        (bound, seed): (&Digest, &Secret<32>),
        roll: &Roll<'_>,
        rng: &mut dyn CryptoRng,
    ) -> Result<RekeyBody, BuildError> {
        let mut slots = Vec::new();
        for mid in roll.keyed.iter().filter(|mid| **mid != self.own.mid && roll.why(mid).is_none()) {
            let Some(to) = roll.recipients.get(mid) else { continue };
            let info = SlotInfo { gid: &self.gid, author: &self.own, epoch, index: None, mid, to };
            let sealed = info.seal(bound, seed, rng)?;
            let slot = Slot::try_from(sealed.as_slice()).map_err(|_| BuildError::UnusableLeaf)?;
            slots.push(SealedSeed { leaf: LeafNumber { inst_no: to.inst_no, generation: to.generation }, slot });
        }
        Ok(RekeyBody(slots))
    }

    /// The new leaf is the one; those before are on their way out (E-93).
    fn publish_leaf(&mut self, since: u64, generation: u64, leaf: OwnLeaf) -> Vec<SecretChange> {
        let mut changes = Vec::from([leaf.put(generation)]);
        for (&older, leaf) in self.leaves.range_mut(..generation).filter(|(_, leaf)| leaf.replaced.is_none()) {
            leaf.replaced = Some(since);
            changes.push(leaf.put(older));
        }
        self.leaves.insert(generation, leaf);
        changes
    }

    fn answers_at_once(&self, now: Timestamp, one: &Healing) -> bool {
        let last = self.answered.get(&one.mid);
        let recent = |&at: &u64| self.clock.at(now).saturating_sub(at) < limits::COMPROMISED_INTERVAL_MS;
        one.urgency == Urgency::AtOnce && !last.is_some_and(recent)
    }
}

impl Roll<'_> {
    fn why(&self, mid: &MembershipId) -> Option<Why> {
        let listed = self.suspended.get(mid).copied();
        listed.or_else(|| (!self.recipients.contains_key(mid)).then_some(Why::NoLeaf))
    }
}

/// What a reader can see of a member that an author left out (E-44).
#[derive(Clone, Copy, Debug)]
pub struct LeftOut {
    /// Age of the newest leaf held of that member, by the own clock, ms.
    pub leaf_age_ms: Option<u64>,
    /// Whether it is a guest whose session is over.
    pub session: Session,
    /// Whether a fork proof against it, or an operation that ends it, is held.
    pub evidence: Evidence,
}

/// A guest's session as a reader sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Session {
    /// No guest, or before the end.
    NotOver,
    /// Past its end.
    Over,
}

/// What is held against a member that an author left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Evidence {
    /// Nothing.
    None,
    /// Two entries with one number (E-78).
    ForkProof,
    /// An operation by which it is gone.
    Ended,
}

/// Rule E-44: whether a reader can justify that an author left a member out. If it cannot for 24 hours, every node
/// raises `excluded` and names the author. An unknown reason justifies nothing and accuses nobody.
#[must_use]
pub fn is_justified(why: u64, seen: &LeftOut) -> bool {
    match why {
        1 => seen.leaf_age_ms.is_none_or(|age| age >= limits::LEAF_FRESH_MS_MAX),
        2 => seen.session == Session::Over,
        3 => seen.evidence == Evidence::ForkProof,
        4 => seen.leaf_age_ms.is_none(),
        5 => seen.evidence == Evidence::Ended,
        _ => true,
    }
}

pub(super) fn is_in(keyed: &[MembershipId], mid: &MembershipId) -> bool {
    keyed.binary_search(mid).is_ok()
}
