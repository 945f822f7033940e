//! Keeping a store small and whole: vacuum, what a cut one leaves, putting a broken store aside, salvage.
//!
//! sled never gives space back and keeps erased values in old segments. Vacuum copies every live record, in key order,
//! into a new store under a *new* archive key, and swaps folders; then the old key is dropped, so what was erased is
//! unreadable as well (ST-111). Each step leaves a state that the next start recognises.

use std::path::Path;

use coterie_protocol::{Batch, Key, MetaName, RecordId, SealedStore, Store, StoreError, StoreKeys, scan};

use super::directory::{DataDirectory, MARGIN_BYTES};
use super::{Home, NodeStore, OpenError, STORE, SledStore};

const NEW: &str = "store.new";
const OLD: &str = "store.old";
const COMPLETE: &str = "COMPLETE";
/// Batches of a copy end here: well under the store's own bound.
const COPY_BATCH_BYTES: usize = 2 << 20;
const COPY_BATCH_RECORDS: usize = 200;

/// Rule ST-111: the table of what is found at start after a vacuum that was cut off.
pub(super) fn settle_interrupted(directory: &DataDirectory) -> Result<(), OpenError> {
    let (store, new, old) = (directory.has(STORE)?, directory.has(NEW)?, directory.has(OLD)?);
    let complete = new && directory.path().join(NEW).join(COMPLETE).exists();
    match (store, complete, old) {
        (false, true, _) => {
            directory.rename(NEW, STORE)?;
            remove_folder(directory, OLD)
        }
        (false, false, true) => {
            directory.rename(OLD, STORE)?;
            remove_folder(directory, NEW)
        }
        // `store.old` goes only after `store` has opened: see `finish_vacuum`.
        (true, _, true) => Ok(()),
        (true, _, false) => remove_folder(directory, NEW),
        (false, false, false) => Ok(()),
    }
}

/// The rest of a vacuum, once its store has opened: nothing is sealed under the old archive key any more.
pub(super) fn finish_vacuum(home: &mut Home) -> Result<(), OpenError> {
    let complete = home.store_path().join(COMPLETE);
    if complete.exists() {
        home.vault.drop_old_archive_keys();
        home.save_vault()?;
        std::fs::remove_file(&complete).map_err(|error| OpenError::io(&complete, &error))?;
    }
    remove_folder(&home.directory, OLD)
}

fn remove_folder(directory: &DataDirectory, name: &str) -> Result<(), OpenError> {
    if !directory.has(name)? {
        return Ok(());
    }
    let path = directory.path().join(name);
    std::fs::remove_dir_all(&path).map_err(|error| OpenError::io(&path, &error))?;
    directory.sync()
}

/// Rule ST-90, step 1: the snapshots are an aid; the log has everything.
pub(super) fn put_snapshots_aside(directory: &DataDirectory, name: &str) -> Result<(), OpenError> {
    let (store, aside) = (directory.path().join(STORE), directory.path().join(name));
    let failed = |error: std::io::Error| OpenError::io(&store, &error);
    std::fs::create_dir_all(&aside).map_err(failed)?;
    for entry in std::fs::read_dir(&store).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        if entry.file_name().to_string_lossy().starts_with("snap.") {
            std::fs::rename(entry.path(), aside.join(entry.file_name())).map_err(failed)?;
        }
    }
    directory.sync()
}

/// Rule ST-90, step 2: the whole store goes aside and is kept until the person deletes it.
pub(super) fn put_store_aside(directory: &DataDirectory, name: &str) -> Result<(), OpenError> {
    let aside = directory.path().join(name);
    std::fs::create_dir_all(&aside).map_err(|error| OpenError::io(&aside, &error))?;
    directory.rename(STORE, &format!("{name}/{STORE}"))
}

/// Rule ST-112: the store takes more than twice what it holds, and 128 MiB.
///
/// # Errors
/// What the store meets.
pub fn vacuum_is_due(store: &NodeStore) -> Result<bool, StoreError> {
    let usage = store.usage()?;
    Ok(store.engine().is_suspect() || usage.disk_bytes > usage.live_bytes.saturating_mul(2).saturating_add(128 << 20))
}

/// Copies what is alive into a new store and puts that in the place of the old one. Not while the network runs.
/// Damaged records stay behind: the list of them is in the old store's [`SealedStore::damaged`] until then.
///
/// # Errors
/// [`OpenError::Full`] if there is no room for a second copy, before anything is done; else what was met, with the
/// old store still in place.
pub fn vacuum(home: &mut Home, store: NodeStore) -> Result<NodeStore, OpenError> {
    let need = store.usage()?.live_bytes.saturating_mul(2).saturating_add(MARGIN_BYTES);
    let free = home.directory.free_bytes().map_err(|error| OpenError::io(home.directory.path(), &error))?;
    if free < need {
        return Err(OpenError::Full { need, free });
    }
    home.vault.add_archive_key(&mut home.rng);
    home.save_vault()?;
    remove_folder(&home.directory, NEW)?;
    let new_path = home.directory.path().join(NEW);
    let target = SealedStore::new(SledStore::open(&new_path)?, newest_only(home.store_keys()), home.generator())?;
    let mut copy = Copying { target, batch: Batch::default() };
    copy.all_of(&store)?;
    let findings = copy.target.verify()?;
    if !findings.is_good() {
        return Err(StoreError::Failed.into());
    }
    Box::new(copy.target).close()?;
    let complete = new_path.join(COMPLETE);
    std::fs::write(&complete, b"").map_err(|error| OpenError::io(&complete, &error))?;
    super::directory::sync_folder(&new_path).map_err(|error| OpenError::io(&new_path, &error))?;
    Box::new(store).close()?;
    home.directory.rename(STORE, OLD)?;
    home.directory.rename(NEW, STORE)?;
    let engine = SledStore::open(&home.store_path())?;
    finish_vacuum(home)?;
    home.seal_over(engine)
}

/// What was got out of a broken store.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Salvaged {
    /// Records copied.
    pub copied: u64,
    /// Values that do not open.
    pub unreadable: u64,
}

/// Copies every record of the broken store in `folder` that still opens, and that `into` does not have, into `into`.
/// Live secrets are left out: an instance never takes over another's (ST-100). To be done before the next vacuum, which
/// drops the archive key that the broken store is sealed under.
///
/// # Errors
/// What either store meets; an engine that does not open at all is `Corrupt`.
pub fn salvage(home: &mut Home, folder: &Path, into: &mut NodeStore) -> Result<Salvaged, OpenError> {
    let broken = SealedStore::new(SledStore::open(folder)?, home.store_keys(), home.generator())?;
    let mut salvaged = Salvaged::default();
    let mut batch = Batch::default();
    let archive = (Key::span_of_kind(1).0, Key::span_of_kind(0x80).0);
    scan(&broken, archive, &mut |key, value| {
        if into.get(&key)?.is_none() {
            batch.put(key, value);
            salvaged.copied = salvaged.copied.saturating_add(1);
        }
        if batch.len() >= COPY_BATCH_RECORDS || batch.size_bytes() >= COPY_BATCH_BYTES {
            into.commit(&core::mem::take(&mut batch))?;
        }
        Ok(())
    })?;
    into.commit(&batch)?;
    salvaged.unreadable = u64::try_from(broken.damaged().len()).unwrap_or(u64::MAX);
    Ok(salvaged)
}

/// A store under construction holds nothing under old keys.
fn newest_only(mut keys: StoreKeys) -> StoreKeys {
    let old = keys.archive.len().saturating_sub(1);
    drop(keys.archive.drain(..old));
    keys
}

struct Copying {
    target: NodeStore,
    batch: Batch,
}

impl Copying {
    fn all_of(&mut self, store: &NodeStore) -> Result<(), StoreError> {
        scan(store, (Key::lowest(), Key::highest()), &mut |key, value| {
            // The census and the list of damage belong to the store that keeps them.
            if is_own(&key) {
                return Ok(());
            }
            self.batch.put(key, value);
            if self.batch.len() >= COPY_BATCH_RECORDS || self.batch.size_bytes() >= COPY_BATCH_BYTES {
                self.target.commit(&core::mem::take(&mut self.batch))?;
            }
            Ok(())
        })?;
        self.target.commit(&core::mem::take(&mut self.batch))?;
        let damaged = store.damaged().len();
        if damaged > 0 {
            tracing::warn!(rule = "ST-41", damaged, "records that do not open stay behind");
        }
        Ok(())
    }
}

fn is_own(key: &Key) -> bool {
    [MetaName::Census, MetaName::Damage].iter().any(|name| RecordId::meta(*name).key() == *key)
}
