//! A store that begins anew: from a backup in an empty folder, or beside one that would not open, from the rescue file.
//!
//! Who begins anew is a new installation (ST-100): sequence numbers, chains and leaf secrets never come with it. What the
//! others still hold is fetched from them; what is damaged is put aside and kept until the person deletes it (ST-90).

use std::path::{Path, PathBuf};

use coterie_protocol::{Batch, Key, RecordId, RecordKind, Store, StoreError};
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;

use super::backup::{self, Backup, Pair, Scope};
use super::directory::DataDirectory;
use super::home::{find_place, new_key};
use super::refusal::OpenError;
use super::vault::Vault;
use super::{Condition, Cost, Found, Home, NodeStore, Opened, STORE, Start, VAULT, VaultKey, finish_opening, upkeep};

const RESCUE: &str = "rescue";
/// A rescue file is at most this large; a group of 10,000 operations takes about 4 MiB.
const RESCUE_BYTES_MAX: u64 = 16 << 20;
/// What a store never loses but on purpose, and then the rescue file is written at once.
const WITNESSES: [RecordKind; 3] = [RecordKind::Profile, RecordKind::Group, RecordKind::Op];
/// Batches end here: well under the store's own bound.
const BATCH_BYTES: usize = 2 << 20;
const BATCH_RECORDS: usize = 200;

/// Rule ST-105: a profile out of a backup, in a folder that has none: the same person, a new installation with new keys.
///
/// The vault is written last: a restore that was cut off leaves no profile, and can be done again.
///
/// # Errors
/// [`OpenError::ProfileExists`] if there is one; the others as they say.
pub fn restore(
    path: &Path,
    backup: &Backup,
    key: &VaultKey,
    cost: Cost,
    start: Start<'_>,
) -> Result<Opened, OpenError> {
    let mut directory = DataDirectory::open(path, &start.holder)?;
    if directory.has(VAULT)? {
        return Err(OpenError::ProfileExists { path: path.into() });
    }
    let mut rng = ChaCha20Rng::from_rng(&mut &mut *start.rng);
    let key = new_key(&directory, key, cost, &mut rng)?;
    let now_ms = start.holder.started_ms;
    if directory.has(STORE)? {
        // Without its vault nobody can read it; it is not ours to throw away.
        upkeep::put_store_aside(&directory, &format!("broken-{}", now_ms / 1_000))?;
    }
    let place = find_place(&mut directory).place;
    let vault = Vault::create(backup.identity.duplicate(), &key, place, now_ms, &mut rng);
    let mut home = Home { directory, vault, rng };
    let (mut store, _) = home.open_store(now_ms)?;
    put_all(&mut store, &backup.records)?;
    home.save_vault()?;
    finish_opening(home, store, Found { place_changed: false, condition: Condition::Sound })
}

fn is_profile(key: &Key) -> bool {
    *key == RecordId::profile().key()
}

/// Puts records in, except where there is one already.
pub(super) fn put_all(store: &mut NodeStore, records: &[Pair]) -> Result<(), StoreError> {
    let mut batch = Batch::default();
    for (key, value) in records {
        if store.get(key).is_ok_and(|there| there.is_some()) {
            continue;
        }
        batch.put(*key, value.clone());
        if batch.len() >= BATCH_RECORDS || batch.size_bytes() >= BATCH_BYTES {
            store.commit(&core::mem::take(&mut batch))?;
        }
    }
    store.commit(&batch)
}

impl Home {
    /// Rule ST-92: writes down, beside the store, what nobody else could give back if the store were lost.
    ///
    /// # Errors
    /// What the store or the disk meet; the file before is then still there.
    pub fn write_rescue(&mut self, store: &NodeStore, now_ms: u64) -> Result<(), OpenError> {
        let records = backup::collect(store, Scope::Essentials)?;
        let bytes = backup::seal_rescue(&self.vault, &records, now_ms, &mut self.rng);
        if u64::try_from(bytes.len()).unwrap_or(u64::MAX) > RESCUE_BYTES_MAX {
            tracing::warn!(rule = "ST-92", bytes = bytes.len(), "too much for the rescue file; the last one stays");
            return Ok(());
        }
        self.directory.replace(RESCUE, &bytes, &|read| {
            if read == bytes { Ok(()) } else { Err(StoreError::Failed.into()) }
        })
    }

    /// What the rescue file holds; nothing if there is none that opens.
    pub(super) fn read_rescue(&self) -> Vec<Pair> {
        let bytes = self.directory.read(RESCUE, RESCUE_BYTES_MAX).ok().flatten().unwrap_or_default();
        let found = backup::open_rescue(&self.vault, &bytes);
        if found.is_none() {
            tracing::warn!(rule = "ST-92", "there is no rescue file that opens");
        }
        found.unwrap_or_default()
    }

    /// Fills a store that was made anew. Says whether there was something to fill it with.
    ///
    /// # Errors
    /// What the store meets.
    pub fn fill_from_rescue(&self, store: &mut NodeStore) -> Result<bool, OpenError> {
        let records = self.read_rescue();
        put_all(store, &records)?;
        Ok(records.iter().any(|(key, _)| is_profile(key)))
    }

    /// Whether a store has lost what is in its rescue file, which is only ever written behind it: groups and operations
    /// that are gone. They are put back; the end of the store is missing, so a new installation is due (ST-100).
    ///
    /// # Errors
    /// What the store meets.
    pub fn put_lost_back(&self, store: &mut NodeStore) -> Result<bool, OpenError> {
        let is_kept = |key: &Key| RecordId::from_key(key).is_some_and(|id| WITNESSES.contains(&id.kind()));
        let records: Vec<Pair> = self.read_rescue().into_iter().filter(|(key, _)| is_kept(key)).collect();
        // What is there and damaged is no witness: its key is still known.
        let is_lost = |(key, _): &Pair| !is_profile(key) && store.get(key) == Ok(None);
        if !records.iter().any(is_lost) {
            return Ok(false);
        }
        put_all(store, &records)?;
        Ok(true)
    }

    /// The profile record out of the rescue file, for a store that lost just that one.
    #[must_use]
    pub fn rescued_profile(&self) -> Option<Vec<u8>> {
        self.read_rescue().into_iter().find(|(key, _)| is_profile(key)).map(|(_, value)| value)
    }

    /// Rule ST-91: the records of an open store do not make a profile any more. It is put aside, and a new one begins
    /// with what the rescue file holds, as a new installation. Gives the store, and where the old one lies.
    ///
    /// # Errors
    /// What the disk meets; without a rescued profile [`StoreError::Failed`], before anything is done.
    pub fn renew_store(&mut self, store: NodeStore, now_ms: u64) -> Result<(NodeStore, PathBuf), OpenError> {
        if self.rescued_profile().is_none() {
            Box::new(store).close()?;
            return Err(StoreError::Failed.into());
        }
        if let Err(error) = Box::new(store).close() {
            tracing::warn!(%error, "closing the store that is put aside");
        }
        let name = format!("broken-{}", now_ms / 1_000);
        upkeep::put_store_aside(&self.directory, &name)?;
        self.take_new_instance()?;
        let (mut store, _) = self.open_store(now_ms)?;
        self.fill_from_rescue(&mut store)?;
        super::write_first_batch(&mut store)?;
        Ok((store, self.directory.path().join(name)))
    }
}
