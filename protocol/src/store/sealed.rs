//! Every value encrypted and bound to its key, and a census that notices what is missing.
//!
//! A value is sealed with XChaCha20-Poly1305 under one of two keys: the archive key for what a person keeps, the
//! rotating key for live secrets (ST-40). The associated data hold the vault's id and the record's key, so a value
//! that was moved, swapped or taken from another directory does not open. The rotating key is replaced every now and
//! then and all secrets are sealed anew: an erased secret may linger in the engine's old segments, but the key that
//! opens it is gone (ST-66).
//!
//! Sealing shows *damaged* values; the census shows *missing* ones. It holds, per kind, how many records there are
//! and the XOR of a short hash of each, and is written in the same batch as what it counts (ST-42). A store that lost
//! its last batches is whole and older, which no census sees; so it counts its commits, and the engine notes that number
//! elsewhere (ST-43). It is no defence against somebody who can write to the disk: such a person can put back an old
//! copy of all of it.

mod census;
mod reading;
mod value;

use alloc::boxed::Box;
use alloc::collections::BTreeSet;
use alloc::vec::Vec;
use core::cell::RefCell;

use rand_core::CryptoRng;

use self::census::{Census, Damage, Step, is_own};
use self::reading::Reading;
pub use self::value::{SealingKey, StoreKeys};
use self::value::{class_of, is_under_newest, open_value, seal_value};
use super::{Batch, Bound, Direction, Place, Store, StoreError, Urgency, Usage, scan, within};
use crate::limits::{PLAIN_VALUE_BYTES_MAX, RESEAL_RECORDS_MAX, SEALED_BATCH_BYTES_MAX, SEALED_BATCH_CHANGES_MAX};
use crate::record::{Class, Key, Load, MetaName, Record, RecordId, RecordKind};

/// A kind of which not exactly those records are there that were committed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Miscount {
    /// Number of the kind.
    pub kind: u8,
    /// Records that the census tells of.
    pub expected: u64,
    /// Records that are there. If as many as expected, at least one is an old or foreign version.
    pub found: u64,
}

/// What reading through a store has shown.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Findings {
    /// Records that opened.
    pub good: u64,
    /// Keys whose value does not open, or that are no key of this layout.
    pub damaged: Vec<Key>,
    /// Kinds that have lost, gained or swapped records.
    pub miscounts: Vec<Miscount>,
    /// Whether the census itself was lost, so that missing records could not be noticed.
    pub census_lost: bool,
}

impl Findings {
    /// Whether everything that was committed is there and opens.
    #[must_use]
    pub fn is_good(&self) -> bool {
        self.damaged.is_empty() && self.miscounts.is_empty() && !self.census_lost
    }
}

/// A store whose engine sees ciphertext only.
pub struct SealedStore<S: Store> {
    engine: S,
    keys: StoreKeys,
    rng: Box<dyn CryptoRng + Send>,
    census: Census,
    census_lost: bool,
    /// Batches so far; kept with the census.
    commits: u64,
    lost_end: bool,
    damage: RefCell<Damage>,
    /// A live secret was erased or replaced under the present rotating key.
    rotation_due: bool,
}

impl<S: Store> SealedStore<S> {
    /// Seals `engine`. The generator is the store's own: sealing must not depend on what else draws.
    ///
    /// If the census is gone or does not open, everything is counted anew here, and every [`Findings`] of this life
    /// says so.
    ///
    /// # Errors
    /// What the engine meets.
    pub fn new(engine: S, keys: StoreKeys, rng: Box<dyn CryptoRng + Send>) -> Result<Self, StoreError> {
        let mut store = Self {
            engine,
            keys,
            rng,
            census: Census::default(),
            census_lost: false,
            commits: 0,
            lost_end: false,
            damage: RefCell::default(),
            rotation_due: false,
        };
        if let Some(list) = store.own_record(MetaName::Damage)? {
            store.damage = RefCell::new(Damage::from_bytes(&list));
        }
        let census = store.own_record(MetaName::Census)?;
        if let Some((census, commits)) = census.and_then(|bytes| Census::from_bytes(&bytes)) {
            (store.census, store.commits) = (census, commits);
        } else if !store.engine.range(&Key::lowest(), &Key::highest(), Direction::Up, 1)?.is_empty() {
            store.census_lost = true;
            store.census = store.recount()?;
        }
        let noted = store.engine.noted_commits();
        store.lost_end = noted > store.commits;
        // No number is given twice, so that the note stays ahead of what was lost and behind what is there.
        store.commits = store.commits.max(noted);
        Ok(store)
    }

    fn own_record(&self, name: MetaName) -> Result<Option<Vec<u8>>, StoreError> {
        let key = RecordId::meta(name).key();
        Ok(self.engine.get(&key)?.and_then(|stored| open_value(&self.keys, &key, &stored)))
    }

    fn recount(&self) -> Result<Census, StoreError> {
        let mut census = Census::default();
        scan(&self.engine, (Key::lowest(), Key::highest()), &mut |key, stored| {
            census.count(&key, &stored, Step::Came);
            Ok(())
        })?;
        Ok(census)
    }

    /// The engine below.
    pub const fn engine(&self) -> &S {
        &self.engine
    }

    /// The engine below, to be told about space or faults.
    pub const fn engine_mut(&mut self) -> &mut S {
        &mut self.engine
    }

    /// Rule ST-43: whether the store was found behind what the engine had noted of it: committed batches are gone, though
    /// everything that is there fits together. Stays for the life of this value. A lost census counts as this, too: how
    /// far the store had come is then not known.
    #[must_use]
    pub const fn lost_end(&self) -> bool {
        self.lost_end
    }

    /// How many records there should be, by the census.
    #[must_use]
    pub fn records(&self) -> u64 {
        self.census.0.values().map(|kind| kind.count).sum()
    }

    /// Keys whose values are known not to open. The list is kept with the next commit (ST-41).
    #[must_use]
    pub fn damaged(&self) -> Vec<Key> {
        self.damage.borrow().keys.iter().copied().collect()
    }

    /// Rule ST-33: gives every record that the core is restored from, in key order, once, and counts them against
    /// the census. Damaged ones are skipped and named.
    ///
    /// # Errors
    /// What the engine meets.
    pub fn load(&self, visit: &mut dyn FnMut(Record)) -> Result<Findings, StoreError> {
        let mut reading = Reading::new(self);
        for kind in RecordKind::ALL.iter().filter(|kind| kind.load() == Load::AtStart) {
            reading.read(kind.span(), visit)?;
            reading.compare(kind.number());
        }
        Ok(reading.findings)
    }

    /// Rule ST-44: opens every value there is and compares with the census.
    ///
    /// # Errors
    /// What the engine meets.
    pub fn verify(&self) -> Result<Findings, StoreError> {
        let mut reading = Reading::new(self);
        reading.read((Key::lowest(), Key::highest()), &mut |_| {})?;
        let kinds: BTreeSet<u8> = self.census.0.keys().chain(reading.found.0.keys()).copied().collect();
        kinds.into_iter().for_each(|kind| reading.compare(kind));
        Ok(reading.findings)
    }

    /// Takes what is there as what should be there, once the losses were reported and mended.
    ///
    /// # Errors
    /// What the engine meets.
    pub fn settle(&mut self) -> Result<(), StoreError> {
        let census = self.recount()?;
        self.commit_counted(Batch::default(), census)?;
        self.census_lost = false;
        Ok(())
    }

    /// Rule ST-66, step 1, after the vault has both keys: secrets are sealed under `key` from now on; the old key
    /// still opens.
    pub fn begin_rotation(&mut self, key: SealingKey) {
        self.keys.rotating.push(key);
    }

    /// Step 2, in pieces: seals up to 64 records of `class` from `from` on under the newest key, in one batch. Gives
    /// where to go on, or `None` when all are done. It may be repeated from anywhere: what is done is passed over.
    ///
    /// # Errors
    /// What the engine meets; nothing of the piece is done then.
    pub fn reseal(&mut self, class: Class, from: Option<Key>) -> Result<Option<Key>, StoreError> {
        let (low, high) = match class {
            Class::Archive => (Key::lowest(), RecordKind::Chain.span().0),
            Class::Secret => (RecordKind::Chain.span().0, Key::highest()),
        };
        let records = self.engine.range(&from.unwrap_or(low), &high, Direction::Up, RESEAL_RECORDS_MAX)?;
        let Some((last, _)) = records.last() else { return Ok(None) };
        let next = last.next();
        let mut batch = Batch::default();
        for (key, stored) in records {
            if is_own(&key) || is_under_newest(&self.keys, &key, &stored) {
                continue;
            }
            match open_value(&self.keys, &key, &stored) {
                Some(plain) => batch.put(key, plain),
                None => self.damage.borrow_mut().note(&key),
            }
            if batch.size_bytes() > SEALED_BATCH_BYTES_MAX - 2 * PLAIN_VALUE_BYTES_MAX {
                self.commit(&batch)?;
                return Ok(Some(key.next()));
            }
        }
        self.commit(&batch)?;
        Ok(Some(next))
    }

    /// Step 3, when [`Self::reseal`] has given `None`, before the vault forgets the old key: only the newest opens.
    pub fn end_rotation(&mut self) {
        let old = self.keys.rotating.len().saturating_sub(1);
        drop(self.keys.rotating.drain(..old));
        self.rotation_due = false;
    }

    /// Whether a secret was erased or replaced that the present rotating key still opens (ST-66).
    #[must_use]
    pub const fn rotation_is_due(&self) -> bool {
        self.rotation_due
    }

    /// After a life that did not end well it is not known what was erased.
    pub const fn make_rotation_due(&mut self) {
        self.rotation_due = true;
    }

    /// Whether a rotation was begun and not ended.
    #[must_use]
    pub const fn is_rotating(&self) -> bool {
        self.keys.rotating.len() > 1
    }

    /// Commits sealed changes with the census and the number that go with them; the number is noted once it is durable.
    fn commit_counted(&mut self, mut sealed: Batch, census: Census) -> Result<(), StoreError> {
        let commits = self.commits.saturating_add(1);
        self.add_own_records(&census.to_bytes(commits), &mut sealed)?;
        self.engine.commit(&sealed)?;
        self.engine.note_commits(commits);
        (self.census, self.commits) = (census, commits);
        Ok(())
    }

    fn add_own_records(&mut self, census: &[u8], sealed: &mut Batch) -> Result<(), StoreError> {
        let damage = self.damage.get_mut();
        if core::mem::take(&mut damage.changed) {
            let key = RecordId::meta(MetaName::Damage).key();
            sealed.put(key, seal_value(&self.keys, &key, &damage.to_bytes(), &mut self.rng)?);
        }
        let key = RecordId::meta(MetaName::Census).key();
        sealed.put(key, seal_value(&self.keys, &key, census, &mut self.rng)?);
        Ok(())
    }
}

/// Rule ST-14 for values before they are sealed: the census and the list of damaged keys need room too.
fn check(batch: &Batch) -> Result<(), StoreError> {
    within(Bound::BatchChanges, batch.len(), SEALED_BATCH_CHANGES_MAX)?;
    for (_, value) in batch.iter() {
        within(Bound::ValueBytes, value.map_or(0, <[u8]>::len), PLAIN_VALUE_BYTES_MAX)?;
    }
    within(Bound::BatchBytes, batch.size_bytes(), SEALED_BATCH_BYTES_MAX)
}

impl<S: Store> Store for SealedStore<S> {
    /// Rule ST-41: a value that does not open is damaged: an error of its own, never an empty or absent value.
    fn get(&self, key: &Key) -> Result<Option<Vec<u8>>, StoreError> {
        let Some(stored) = self.engine.get(key)? else { return Ok(None) };
        let plain = open_value(&self.keys, key, &stored);
        if plain.is_none() {
            self.damage.borrow_mut().note(key);
            return Err(StoreError::Corrupt { place: Place::Record(*key) });
        }
        Ok(plain)
    }

    /// Damaged records are passed over here and named by [`SealedStore::damaged`].
    fn range(
        &self,
        from: &Key,
        to: &Key,
        direction: Direction,
        limit: usize,
    ) -> Result<Vec<(Key, Vec<u8>)>, StoreError> {
        let (mut from, mut to) = (*from, *to);
        loop {
            let stored = self.engine.range(&from, &to, direction, limit)?;
            let Some((last, _)) = stored.last() else { return Ok(Vec::new()) };
            match direction {
                Direction::Up => from = last.next(),
                Direction::Down => to = *last,
            }
            let mut found = Vec::with_capacity(stored.len());
            for (key, value) in stored {
                match open_value(&self.keys, &key, &value) {
                    Some(plain) => found.push((key, plain)),
                    None => self.damage.borrow_mut().note(&key),
                }
            }
            // An empty page means the end: a page of nothing but damage must not look like one.
            if !found.is_empty() {
                return Ok(found);
            }
        }
    }

    fn commit(&mut self, batch: &Batch) -> Result<(), StoreError> {
        check(batch)?;
        if batch.is_empty() {
            return Ok(());
        }
        let mut census = self.census.clone();
        let mut sealed = Batch::default();
        let mut secret_went = false;
        for (key, value) in batch.iter() {
            if let Some(old) = self.engine.get(key)? {
                census.count(key, &old, Step::Went);
                secret_went |= class_of(key) == Class::Secret;
            }
            let damage = self.damage.get_mut();
            damage.changed |= damage.keys.remove(key);
            match value {
                Some(plain) => {
                    let stored = seal_value(&self.keys, key, plain, &mut self.rng)?;
                    census.count(key, &stored, Step::Came);
                    sealed.put(*key, stored);
                }
                None => sealed.erase(*key),
            }
        }
        if batch.urgency() == Urgency::Essential {
            sealed.mark_essential();
        }
        self.commit_counted(sealed, census)?;
        self.rotation_due |= secret_went;
        Ok(())
    }

    fn usage(&self) -> Result<Usage, StoreError> {
        self.engine.usage()
    }

    fn close(self: Box<Self>) -> Result<(), StoreError> {
        Box::new(self.engine).close()
    }
}

#[cfg(test)]
mod tests;
