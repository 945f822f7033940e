//! A profile's home: its data directory with the open vault; everything that must change both or either, durably.

use std::path::{Path, PathBuf};

use coterie_protocol::{Class, Instance, SealedStore, Secret, StoreError, StoreKeys};
use rand_chacha::ChaCha20Rng;
use rand_core::{CryptoRng, SeedableRng};
use zeroize::Zeroizing;

use super::directory::{Caution, DataDirectory};
use super::refusal::OpenError;
use super::sled::{MARGIN_BYTES, SledStore};
use super::vault::{self, Cost, SlotKey, Vault, VaultError};
use super::{Condition, NodeStore, STORE, VAULT, VaultKey, upkeep};

const KEY_FILE: &str = "vault.key";

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

    /// From which the names of attachment folders are derived (ST-70).
    #[must_use]
    pub const fn blob_name_key(&self) -> &Secret<32> {
        &self.vault.body.blob_names
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

    /// Locks the vault another way. The store is untouched.
    ///
    /// # Errors
    /// If the key file or the vault can't be written.
    pub fn set_key(&mut self, key: &VaultKey, cost: Cost) -> Result<(), OpenError> {
        let key = match key {
            VaultKey::Passphrase(text) => SlotKey::Passphrase(text.clone(), cost),
            VaultKey::KeyFile(elsewhere) => {
                SlotKey::KeyFile(make_key_file(&self.directory, elsewhere.as_deref(), &mut self.rng)?)
            }
        };
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

    /// Rule ST-65: the new vault is read back before it takes the place of the old one.
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
    pub(super) fn open_store(&mut self, now_ms: u64) -> Result<(NodeStore, Condition), OpenError> {
        let free = self.directory.free_bytes().map_err(|error| OpenError::io(self.directory.path(), &error))?;
        if free < MARGIN_BYTES {
            self.directory.give_up_reserve()?;
        }
        let is_first = self.vault.is_first_life();
        let existed = self.directory.has(STORE)?;
        let put_aside = format!("broken-{}", now_ms / 1_000);
        let condition = if existed || is_first { Condition::Sound } else { Condition::Lost };
        match SledStore::open(&self.store_path()) {
            Ok(engine) => return Ok((self.seal_over(engine)?, condition)),
            Err(error @ StoreError::Corrupt { .. }) => self.refuse_if_full(error)?,
            Err(error) => return Err(self.as_full(error)),
        }
        tracing::error!(rule = "ST-90", "the store does not open; trying without its snapshots");
        upkeep::put_snapshots_aside(&self.directory, &put_aside)?;
        if let Ok(engine) = SledStore::open(&self.store_path()) {
            let aside = self.directory.path().join(&put_aside);
            return Ok((self.seal_over(engine)?, Condition::SnapshotsPutAside(aside)));
        }
        tracing::error!(rule = "ST-90", folder = put_aside, "the store does not open; put aside, a new one begins");
        upkeep::put_store_aside(&self.directory, &put_aside)?;
        let engine = SledStore::open(&self.store_path())?;
        Ok((self.seal_over(engine)?, Condition::Replaced(self.directory.path().join(put_aside))))
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

/// Where the directory is now (ST-101).
pub(super) fn find_place(directory: &mut DataDirectory) -> [u8; 32] {
    let machine = std::fs::read_to_string("/etc/machine-id").ok();
    let machine = machine.as_deref().map(str::trim).filter(|id| !id.is_empty());
    if machine.is_none() {
        directory.add_caution(Caution::NoMachineId);
    }
    vault::place(machine, directory.inode())
}

/// 32 new bytes in a file of this user's, or the ones that an interrupted creation left there.
pub(super) fn make_key_file(
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

pub(super) fn read_key_file(directory: &DataDirectory, elsewhere: Option<&Path>) -> Result<Secret<32>, OpenError> {
    let path = elsewhere.map_or_else(|| directory.path().join(KEY_FILE), Path::to_path_buf);
    let bytes = match elsewhere {
        None => directory.read(KEY_FILE, 32)?,
        Some(path) => std::fs::read(path).ok(),
    };
    let bytes = bytes.map(Zeroizing::new).ok_or_else(|| OpenError::KeyFile { path: path.clone() })?;
    Secret::try_from(bytes.as_slice()).map_err(|_| OpenError::KeyFile { path })
}
