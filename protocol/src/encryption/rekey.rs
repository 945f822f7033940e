//! Rekeys and Leaf entries: when one is due, and how it is made (E-36 to E-42, E-51).
//!
//! A Rekey is read by place: the n-th slot belongs to the n-th Keyed member, the author and the suspended left out, so
//! nobody can be added, skipped in silence or given another's slot.

use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use rand_core::CryptoRng;

use super::ratchet::{Chain, seed_commit};
use super::secrets::{Held, OwnLeaf, SecretChange};
use super::slot::SlotInfo;
use super::{BuildError, Built, GroupKeys, HeadPlace, Next, Recipient, Staged};
use crate::crypto::Secret;
use crate::crypto::seal::leaf_pair;
use crate::crypto::sign::KeyPair;
use crate::ids::{Digest, LeafKey, MembershipId, Point};
use crate::limits;
use crate::log::body::{LeafBody, LeafNumber, RekeyBody, SealedSeed, Slot, roster_hash};
use crate::log::entry::{Entry, Head, HeadKind, Suspended, head_digest};
use crate::time::Timestamp;
use crate::wire::to_bytes;

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
    /// Why a Rekey is made. 5 (a restart) and 6 (the person asked) are kept free.
    RekeyReason {
        /// There is no epoch yet.
        First = 1,
        /// A thousand messages, or seven days.
        Schedule = 2,
        /// Somebody who could read is no longer to read.
        Membership = 3,
        /// A recipient replaced a leaf that may be known to others.
        Heal = 4,
        /// After a week without contact.
        Return = 7,
    }
}

numbered! {
    /// Why a Leaf entry is made. 2 (the person wants fresh keys) is kept free.
    LeafReason {
        /// It opens the log.
        Open = 0,
        /// Once a day.
        Daily = 1,
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

impl GroupKeys {
    /// Rule E-39: whether a Rekey must come before the next Grant or Message, and why.
    #[must_use]
    pub fn rekey_due(&self, now: Timestamp, view: &SenderView<'_>) -> Option<RekeyReason> {
        let Some((_, held)) = self.own_chain() else { return Some(view.cause.unwrap_or(RekeyReason::First)) };
        let age = self.clock.at(now).saturating_sub(held.since);
        if planted!(NoRekeyAfterRemoval) {
            return None;
        }
        // Gone by an operation that the heads had no room for (E-20) is as gone as any.
        let out = [Why::SessionOver, Why::Gone];
        let over = |mid: &MembershipId| view.suspended.get(mid).is_some_and(|why| out.contains(why));
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
        let previous = self.speaking;
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
        let urgent = roll.healing.iter().filter(|one| one.urgency == Urgency::AtOnce);
        let staged = Next::Epoch {
            rekey: entry.id(),
            held: Box::new(held),
            generation: next.generation,
            leaf: OwnLeaf { pk, secret, replaced: None },
            answered: urgent.map(|one| one.mid).collect(),
        };
        Ok(Built { entry, staged: Staged(staged), seed: Some(seed) })
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
        let leaf = OwnLeaf { pk, secret, replaced: None };
        (Built { entry, staged: Staged(Next::Leaf { since, generation, leaf, reason }), seed: None }, pk)
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
    pub(super) fn publish_leaf(&mut self, since: u64, generation: u64, leaf: OwnLeaf) -> Vec<SecretChange> {
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

pub(super) fn is_in(keyed: &[MembershipId], mid: &MembershipId) -> bool {
    keyed.binary_search(mid).is_ok()
}
