//! The archive: seeds of epochs that the group's settings keep for newcomers (E-86 to E-90).
//!
//! A group may give up forward secrecy so that newcomers can read what was said before. Then the author and every slot
//! holder of an epoch keep its seed, which opens all of its messages, for as long as the setting says. Nothing here
//! decides whether an epoch is kept: that is read from the settings at the heads of its Rekey, by `group`. A seed that
//! somebody hands out counts only if the Rekey, which its author signed, commits to it: a giver can leave out, never
//! forge.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use super::message::open_content;
use super::ratchet::{Chain, message_keys, seed_commit};
use super::secrets::{SecretChange, SecretName};
use super::{GroupKeys, OpenedMessage};
use crate::crypto::sign::Verified;
use crate::crypto::{Secret, Zeroizing, same};
use crate::ids::{Digest, EntryId, LogId};
use crate::limits;
use crate::log::entry::{Entry, HeadKind};
use crate::time::Timestamp;
use crate::timeline::order_key;
use crate::wire::{DecodeError, Reader, Writer};

/// Format of a seed's record.
const VERSION: u64 = 1;

/// By which way a seed came here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// One made the epoch, or had a slot in it.
    OwnSlot,
    /// A member handed it out later (E-89): how old the epoch is was never seen here.
    Bundle,
}

/// One kept epoch.
pub(super) struct Kept {
    log: LogId,
    epoch: u64,
    roster: Digest,
    seed: Secret<32>,
    /// Since when it is here, own clock, ms.
    since: u64,
    origin: Origin,
}

impl Kept {
    const fn name(&self, rekey: EntryId) -> SecretName {
        SecretName::Seed { log: self.log, epoch: self.epoch, rekey }
    }

    fn put(&self, rekey: EntryId) -> SecretChange {
        let mut to = Writer::with_capacity(256);
        to.array(9).uint(VERSION).bytes(rekey).bytes(self.log.mid).bytes(self.log.inst).uint(self.epoch);
        to.bytes(self.roster).bytes(self.seed.expose()).uint(self.since).bool(self.origin == Origin::Bundle);
        SecretChange::Put { name: self.name(rekey), value: Zeroizing::new(to.into_bytes()) }
    }

    fn decode(value: &[u8]) -> Result<(EntryId, Self), DecodeError> {
        let mut from = Reader::new(value);
        from.array(9)?;
        if from.uint()? != VERSION {
            return Err(DecodeError::Unknown);
        }
        let rekey = from.fixed()?;
        let log = LogId { mid: from.fixed()?, inst: from.fixed()? };
        let (epoch, roster, seed, since) = (from.uint()?, from.fixed()?, from.fixed()?, from.uint()?);
        let origin = if from.bool()? { Origin::Bundle } else { Origin::OwnSlot };
        let kept = Self { log, epoch, roster, seed, since, origin };
        from.is_empty().then_some((rekey, kept)).ok_or(DecodeError::NotCanonical)
    }
}

/// An epoch that may be handed out.
pub struct Given<'a> {
    /// Whose log.
    pub log: LogId,
    /// Its number.
    pub epoch: u64,
    /// What opens it.
    pub seed: &'a Secret<32>,
}

impl GroupKeys {
    /// Rule E-88: keeps the seed of an epoch. The oldest goes if there are too many.
    pub fn archive(
        &mut self,
        now: Timestamp,
        (rekey, log, epoch): (EntryId, LogId, u64),
        (seed, roster): (Secret<32>, Digest),
        origin: Origin,
    ) -> Vec<SecretChange> {
        if self.seeds.contains_key(&rekey) {
            return Vec::new();
        }
        let since = self.clock.read(now);
        let kept = Kept { log, epoch, roster, seed, since, origin };
        let mut changes = Vec::from([kept.put(rekey)]);
        self.seeds.insert(rekey, kept);
        if self.seeds.len() > limits::SEEDS_PER_GROUP_MAX {
            let oldest = self.seeds.iter().min_by_key(|(id, kept)| (kept.since, **id)).map(|(id, _)| *id);
            changes.extend(oldest.into_iter().flat_map(|oldest| self.forget_seed(oldest)));
        }
        changes
    }

    /// Rule E-90: keeps a seed that a member handed out, if it is the one that the Rekey commits to. Nothing else is taken.
    pub fn archive_given(&mut self, now: Timestamp, rekey: &Verified<Entry>, seed: Secret<32>) -> Vec<SecretChange> {
        let HeadKind::Rekey { epoch, roster_hash, .. } = rekey.head.kind else { return Vec::new() };
        let expected = seed_commit(&self.gid, &rekey.log, epoch, &seed);
        if !rekey.commit.is_some_and(|commit| same(&commit.0, &expected.0)) {
            return Vec::new();
        }
        self.archive(now, (rekey.id(), rekey.log, epoch), (seed, roster_hash), Origin::Bundle)
    }

    /// Whether the seed of the epoch that `rekey` started is kept.
    #[must_use]
    pub fn is_archived(&self, rekey: &EntryId) -> bool {
        self.seeds.contains_key(rekey)
    }

    /// Opens a Message of a kept epoch. No live key is touched.
    #[must_use]
    pub fn open_archived(&self, entry: &Verified<Entry>, rekey: &EntryId) -> Option<OpenedMessage> {
        let HeadKind::Message { epoch, index, nonce } = entry.head.kind else { return None };
        let kept = self.seeds.get(rekey).filter(|kept| kept.log == entry.log && kept.epoch == epoch)?;
        let commit = entry.commit?;
        if index >= limits::EPOCH_MESSAGES_MAX {
            return None;
        }
        let first = Chain::first(&self.gid, &kept.log, epoch, (&kept.seed, &kept.roster));
        let key = first.advance_to(index)?.step();
        let bound = (entry.head_digest(), &commit);
        let content = open_content(&message_keys(&key), &nonce, bound, &entry.body).ok()?;
        Some(OpenedMessage { order_key: order_key(content.tick, &entry.id()), content, changes: Vec::new() })
    }

    /// Rule E-86: what a newcomer may get now, newest first: epochs that were in force within the last `days`, 0 = all.
    /// How old a seed is that came in a bundle nobody here knows, so it goes on only where all is given.
    #[must_use]
    pub fn archive_within(&self, now: Timestamp, days: u64) -> Vec<Given<'_>> {
        let now_ms = self.clock.at(now);
        let is_given =
            |kept: &Kept| days == 0 || (kept.origin == Origin::OwnSlot && self.is_within(kept, now_ms, days));
        let mut given: Vec<&Kept> = self.seeds.values().filter(|kept| is_given(kept)).collect();
        given.sort_by_key(|kept| core::cmp::Reverse((kept.since, kept.log, kept.epoch)));
        given.into_iter().map(|kept| Given { log: kept.log, epoch: kept.epoch, seed: &kept.seed }).collect()
    }

    /// What the settings don't ask to be kept any more goes: all of it if they ask for nothing (E-87).
    pub fn forget_archive(&mut self, now: Timestamp, days: Option<u64>) -> Vec<SecretChange> {
        let now_ms = self.clock.at(now);
        let stays = |kept: &Kept| days.is_some_and(|days| days == 0 || self.is_within(kept, now_ms, days));
        let gone: Vec<EntryId> = self.seeds.iter().filter(|(_, kept)| !stays(kept)).map(|(&rekey, _)| rekey).collect();
        gone.into_iter().flat_map(|rekey| self.forget_seed(rekey)).collect()
    }

    /// Takes the values of kind 0x19 back from the store. A damaged one is none (ST-91): a member gives it again.
    pub fn restore_seeds<'a>(&mut self, values: impl IntoIterator<Item = &'a [u8]>) {
        self.seeds.extend(values.into_iter().filter_map(|value| Kept::decode(value).ok()));
    }

    /// In force until the next epoch of its log began, as far as that one is kept here.
    fn is_within(&self, kept: &Kept, now_ms: u64, days: u64) -> bool {
        let later = self.seeds.values().filter(|other| other.log == kept.log && other.epoch > kept.epoch);
        let until = later.map(|other| other.since).min().unwrap_or(now_ms);
        now_ms.saturating_sub(until) <= days.saturating_mul(limits::DAY_MS)
    }

    fn forget_seed(&mut self, rekey: EntryId) -> Option<SecretChange> {
        self.seeds.remove(&rekey).map(|kept| SecretChange::Erase { name: kept.name(rekey) })
    }
}

/// Whose epoch a record of kind 0x19 opens: log, number and Rekey, for whoever numbers records.
#[must_use]
pub fn seed_place(value: &[u8]) -> Option<LogId> {
    Kept::decode(value).ok().map(|(_, kept)| kept.log)
}

/// All kept epochs by their Rekey.
pub(super) type Seeds = BTreeMap<EntryId, Kept>;
