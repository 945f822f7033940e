//! A profile's home: its data directory with the open vault; everything that must change both or either, durably.

use std::path::{Path, PathBuf};

use coterie_protocol::{
    Class, Direction, Instance, Key, MetaName, RecordId, SealedStore, Secret, Store, StoreError, StoreKeys,
};
use rand_chacha::ChaCha20Rng;
use rand_core::{CryptoRng, SeedableRng};
use zeroize::Zeroizing;

use super::blobs::Blobs;
use super::directory::{Caution, DataDirectory, MARGIN_BYTES};
use super::refusal::OpenError;
use super::vault::{self, Cost, SlotKey, Vault, VaultError};
use super::{Condition, NodeStore, STORE, SledStore, VAULT, VaultKey, upkeep};

const KEY_FILE: &str = "vault.key";
/// Fingerprint of the store as it was closed; there only between lives.
const CLOSED: &str = "closed";

/// What the last life noted at its end, compared with what is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ClosingMark {
    /// It noted nothing: it did not end well.
    None,
    /// The store is the one that was closed.
    Fits,
    /// It is another or an older one: restored, rolled back, or damaged so that its end is missing.
    Differs,
}

/// What changes with every commit: the census as stored, sealed anew under a random nonce each time.
pub(super) fn store_state(store: &NodeStore) -> Result<Vec<u8>, OpenError> {
    Ok(store.engine().get(&RecordId::meta(MetaName::Census).key())?.unwrap_or_default())
}

/// The data directory with its open vault.
pub struct Home {
    pub(super) directory: DataDirectory,
    pub(super) vault: Vault,
    pub(super) rng: ChaCha20Rng,
}

impl Home {
    /// The folder.
    #[must_use]
    pub const fn directory(&self) -> &DataDirectory {
        &self.directory
    }

    /// The seed of the profile's identity key.
    #[must_use]
    pub const fn identity(&self) -> &Secret<32> {
        &self.vault.body.identity
    }

    /// This installation.
    #[must_use]
    pub const fn instance(&self) -> Instance {
        Instance(self.vault.body.instance)
    }

    /// The attachment files beside the store, under names that only this vault can tell (ST-70). To be opened once;
    /// the rest share clones, and all of them go when the keys are to be forgotten.
    ///
    /// # Errors
    /// What the disk meets.
    pub fn open_blobs(&self) -> Result<Blobs, OpenError> {
        Blobs::open(self.directory.path(), self.vault.body.blob_names.duplicate())
            .map_err(|error| OpenError::io(self.directory.path(), &error))
    }

    /// When the profile was made, milliseconds since 1970.
    #[must_use]
    pub const fn created_ms(&self) -> u64 {
        self.vault.body.created_ms
    }

    /// Takes a new instance, durable before anything else happens (ST-100).
    ///
    /// # Errors
    /// If the vault can't be written: the old one is then still in force.
    pub fn take_new_instance(&mut self) -> Result<Instance, OpenError> {
        rand_core::Rng::fill_bytes(&mut self.rng, &mut self.vault.body.instance);
        self.save_vault()?;
        Ok(self.instance())
    }

    /// Whether this opens the vault as it lies on the disk.
    ///
    /// # Errors
    /// [`VaultError::WrongKey`] if not; what the disk meets.
    pub fn check_key(&self, key: &VaultKey) -> Result<(), OpenError> {
        let key = known_key(&self.directory, key)?;
        let bytes = self.directory.read(VAULT, vault::VAULT_BYTES_MAX)?.unwrap_or_default();
        Vault::open(&bytes, &key).map(drop).map_err(OpenError::from)
    }

    /// Locks the vault another way. The store is untouched.
    ///
    /// # Errors
    /// If the key file or the vault can't be written.
    pub fn set_key(&mut self, key: &VaultKey, cost: Cost) -> Result<(), OpenError> {
        let key = new_key(&self.directory, key, cost, &mut self.rng)?;
        self.vault.set_key(&key, &mut self.rng);
        self.save_vault()?;
        match key {
            SlotKey::Passphrase(..) => self.directory.remove(KEY_FILE),
            SlotKey::KeyFile(_) => Ok(()),
        }
    }

    /// Changes the rotating key and seals every live secret anew; also ends a change that was cut off (ST-66).
    ///
    /// # Errors
    /// What vault or store meet; the next start goes on from there.
    pub fn rotate(&mut self, store: &mut NodeStore) -> Result<(), OpenError> {
        if !store.is_rotating() {
            let Some(key) = self.vault.add_rotating_key(&mut self.rng) else {
                return Err(VaultError::Damaged.into());
            };
            self.save_vault()?;
            store.begin_rotation(key);
        }
        let mut from = None;
        loop {
            from = store.reseal(Class::Secret, from)?;
            if from.is_none() {
                break;
            }
        }
        self.vault.drop_old_rotating_keys();
        self.save_vault()?;
        store.end_rotation();
        Ok(())
    }

    /// The new vault is read back before it takes the place of the old one.
    pub(super) fn save_vault(&mut self) -> Result<(), OpenError> {
        let bytes = self.vault.seal(&mut self.rng);
        self.directory.replace(VAULT, &bytes, &|read| {
            if read == bytes && self.vault.opens(read) { Ok(()) } else { Err(VaultError::Damaged.into()) }
        })
    }

    pub(super) fn store_path(&self) -> PathBuf {
        self.directory.path().join(STORE)
    }

    /// Opens the engine; what does not open is put aside, never thrown away (ST-90).
    pub(crate) fn open_store(&mut self, now_ms: u64) -> Result<(NodeStore, Condition), OpenError> {
        let free = self.directory.free_bytes().map_err(|error| OpenError::io(self.directory.path(), &error))?;
        if free < MARGIN_BYTES {
            self.directory.give_up_reserve()?;
        }
        let put_aside = format!("broken-{}", now_ms / 1_000);
        let existed = self.directory.has(STORE)?;
        match self.open_engine() {
            Ok(store) if existed && self.is_wiped(&store)? => {
                Box::new(store).close().map_err(|error| self.as_full(error))?;
                self.refuse_if_full(StoreError::Failed)?;
            }
            Ok(store) if existed || self.vault.is_first_life() => return Ok((store, Condition::Sound)),
            Ok(store) => return Ok((store, Condition::Lost)),
            Err(OpenError::Store(error @ StoreError::Corrupt { .. })) => {
                self.refuse_if_full(error)?;
                tracing::error!(rule = "ST-90", "the store does not open; trying without its snapshots");
                upkeep::put_snapshots_aside(&self.directory, &put_aside)?;
                if let Ok(store) = self.open_engine()
                    && !self.is_wiped(&store)?
                {
                    let aside = self.directory.path().join(&put_aside);
                    return Ok((store, Condition::SnapshotsPutAside(aside)));
                }
            }
            Err(OpenError::Store(error)) => return Err(self.as_full(error)),
            Err(error) => return Err(error),
        }
        tracing::error!(rule = "ST-90", folder = put_aside, "the store is unusable; put aside, a new one begins");
        upkeep::put_store_aside(&self.directory, &put_aside)?;
        let aside = self.directory.path().join(put_aside);
        Ok((self.open_engine()?, Condition::Replaced(aside)))
    }

    fn open_engine(&mut self) -> Result<NodeStore, OpenError> {
        let engine = SledStore::open(&self.store_path())?;
        self.seal_over(engine)
    }

    /// Damage at the head of a segment makes sled take it for free: it opens without a word, with nothing in it. A
    /// profile's store is never empty after its first life: it holds its layout.
    fn is_wiped(&self, store: &NodeStore) -> Result<bool, OpenError> {
        let first = store.range(&Key::lowest(), &Key::highest(), Direction::Up, 1);
        let records = first.map_err(|error| self.as_full(error))?;
        Ok(!self.vault.is_first_life() && records.is_empty())
    }

    /// Whether the store is an older one than the one that was closed. Taken before the first commit of a
    /// life, and taken away with it; a life that did not end well leaves nothing to compare.
    pub(super) fn take_closing_mark(&self, store: &NodeStore) -> Result<ClosingMark, OpenError> {
        let Some(noted) = self.directory.read(CLOSED, 64)? else { return Ok(ClosingMark::None) };
        let found = vault::fingerprint(&store_state(store)?);
        self.directory.remove(CLOSED)?;
        self.directory.sync()?;
        Ok(if noted == found { ClosingMark::Fits } else { ClosingMark::Differs })
    }

    /// Notes what the store looks like at its close.
    pub(super) fn leave_closing_mark(&self, state: &[u8]) -> Result<(), OpenError> {
        self.directory.replace(CLOSED, &vault::fingerprint(state), &|_| Ok(()))
    }

    /// An engine that can't open for want of room says anything; "damaged" would be the wrong word (ST-84).
    fn refuse_if_full(&self, error: StoreError) -> Result<(), OpenError> {
        match self.as_full(error) {
            full @ OpenError::Full { .. } => Err(full),
            _ => Ok(()),
        }
    }

    fn as_full(&self, error: StoreError) -> OpenError {
        match self.directory.free_bytes() {
            Ok(free) if free < MARGIN_BYTES => OpenError::Full { need: MARGIN_BYTES, free },
            _ => OpenError::Store(error),
        }
    }

    pub(super) fn seal_over(&mut self, engine: SledStore) -> Result<NodeStore, OpenError> {
        Ok(SealedStore::new(engine, self.vault.store_keys(), self.generator())?)
    }

    pub(super) fn store_keys(&self) -> StoreKeys {
        self.vault.store_keys()
    }

    /// A generator of its own for a store.
    pub(super) fn generator(&mut self) -> Box<dyn CryptoRng + Send> {
        Box::new(ChaCha20Rng::from_rng(&mut self.rng))
    }
}

/// Where the directory is now (ST-101): as it is written down, and in the form of before.
pub(super) struct Whereabouts {
    pub(super) place: [u8; 32],
    pub(super) without_birth: [u8; 32],
}

/// Where the directory is now (ST-101).
pub(super) fn find_place(directory: &mut DataDirectory) -> Whereabouts {
    let machine = std::fs::read_to_string("/etc/machine-id").ok();
    let machine = machine.as_deref().map(str::trim).filter(|id| !id.is_empty());
    if machine.is_none() {
        directory.add_caution(Caution::NoMachineId);
    }
    let (inode, born) = directory.origin();
    Whereabouts { place: vault::place(machine, (inode, born)), without_birth: vault::place(machine, (inode, None)) }
}

/// What a slot is to be made with.
pub(super) fn new_key(
    directory: &DataDirectory,
    key: &VaultKey,
    cost: Cost,
    rng: &mut ChaCha20Rng,
) -> Result<SlotKey, OpenError> {
    Ok(match key {
        VaultKey::Passphrase(text) => SlotKey::Passphrase(text.clone(), cost),
        VaultKey::KeyFile(elsewhere) => SlotKey::KeyFile(make_key_file(directory, elsewhere.as_deref(), rng)?),
    })
}

/// What a slot is to be opened with.
pub(super) fn known_key(directory: &DataDirectory, key: &VaultKey) -> Result<SlotKey, OpenError> {
    Ok(match key {
        // The cost is read from the slot.
        VaultKey::Passphrase(text) => SlotKey::Passphrase(text.clone(), Cost::DEFAULT),
        VaultKey::KeyFile(elsewhere) => SlotKey::KeyFile(read_key_file(directory, elsewhere.as_deref())?),
    })
}

/// 32 new bytes in a file of this user's, or the ones that an interrupted creation left there.
fn make_key_file(
    directory: &DataDirectory,
    elsewhere: Option<&Path>,
    rng: &mut ChaCha20Rng,
) -> Result<Secret<32>, OpenError> {
    if elsewhere.is_none() && !directory.has(KEY_FILE)? {
        let key: Secret<32> = Secret::random(rng);
        directory.replace(KEY_FILE, key.expose(), &|_| Ok(()))?;
    }
    // A key file elsewhere is the person's own: it is used, never made or overwritten.
    read_key_file(directory, elsewhere)
}

fn read_key_file(directory: &DataDirectory, elsewhere: Option<&Path>) -> Result<Secret<32>, OpenError> {
    let path = elsewhere.map_or_else(|| directory.path().join(KEY_FILE), Path::to_path_buf);
    let bytes = match elsewhere {
        None => directory.read(KEY_FILE, 32)?,
        Some(path) => std::fs::read(path).ok(),
    };
    let bytes = bytes.map(Zeroizing::new).ok_or_else(|| OpenError::KeyFile { path: path.clone() })?;
    Secret::try_from(bytes.as_slice()).map_err(|_| OpenError::KeyFile { path })
}
