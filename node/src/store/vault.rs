//! The vault: one small file with the identity and the keys of the store, locked by a passphrase or a key file.
//!
//! A random master key seals the body. Each slot wraps the master key for one way of opening: Argon2id over a
//! passphrase (RFC 9106), or HKDF over a key file's bytes. So a passphrase can change without touching the body, and
//! the parameters of a slot are bound into its wrapping: they cannot be lowered by editing the file (ST-60, ST-61).
//! The vault holds nothing that grows: live secrets are records of the store under the one rotating key in here, and
//! replacing that key is what makes erased secrets unreadable (ST-66).

mod body;
pub(super) mod slot;

use std::time::Duration;

use chacha20poly1305::XNonce;
use chacha20poly1305::aead::{Aead, Payload};
use coterie_protocol::{SealingKey, Secret, StoreKeys};
use rand_core::CryptoRng;
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use self::body::{BODY_BYTES_MAX, Body};
pub use self::slot::{Cost, SlotKey};
use self::slot::{KIND_KEY_FILE, SLOT_BYTES, Slot, cipher, drawn, hkdf};

const MAGIC: &[u8; 8] = b"COTERIEV";
const VERSION: u16 = 1;
const SLOTS_MAX: usize = 4;
const HEADER_BYTES: usize = 36;
const NONCE_BYTES: usize = 24;
const TAG_BYTES: usize = 16;
/// The file is never larger (section 1 of the storage page).
pub(super) const VAULT_BYTES_MAX: u64 = 64 << 10;

/// Which kind of key a vault asks for, read without opening it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyNeeded {
    /// A key file, so nobody has to be asked.
    KeyFile,
    /// A passphrase.
    Passphrase,
}

/// Why a vault does not open.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum VaultError {
    /// A wrong passphrase and a damaged slot look alike (ST-62).
    #[error("wrong passphrase or key file")]
    WrongKey,
    /// The file is not what was written.
    #[error("the vault file is damaged")]
    Damaged,
    /// A later version of the program wrote it.
    #[error("the vault file was written by a newer version")]
    Newer,
}

/// An open vault.
pub struct Vault {
    id: [u8; 16],
    generation: u64,
    slots: Vec<Slot>,
    made_now: bool,
    master: Secret<32>,
    /// What it keeps.
    pub(super) body: Body,
}

impl Vault {
    /// A new vault around `identity`, with fresh keys.
    pub fn create(identity: Secret<32>, key: &SlotKey, place: [u8; 32], now_ms: u64, rng: &mut dyn CryptoRng) -> Self {
        let first = |rng: &mut dyn CryptoRng| vec![SealingKey { generation: 1, key: Secret::random(rng) }];
        let (id, master) = (drawn(rng), Secret::random(rng));
        let body = Body {
            identity,
            instance: drawn(rng),
            place,
            rotating: first(rng),
            archive: first(rng),
            blob_names: Secret::random(rng),
            created_ms: now_ms,
        };
        let slot = slot::wrap(&bound_to(&id), &master, key, rng);
        Self { id, generation: 0, slots: vec![slot], made_now: true, master, body }
    }

    /// Opens a vault file.
    ///
    /// # Errors
    /// [`VaultError`].
    pub fn open(bytes: &[u8], key: &SlotKey) -> Result<Self, VaultError> {
        let file = File::parse(bytes)?;
        let master = file
            .slots
            .iter()
            .find_map(|slot| slot::unwrap(&bound_to(&file.id), slot, key))
            .ok_or(VaultError::WrongKey)?;
        // The master key is right, so whatever is wrong from here on is damage.
        let body = file.open_body(&master)?;
        Ok(Self { id: file.id, generation: file.generation, slots: file.slots, made_now: false, master, body })
    }

    /// Which key the file asks for.
    ///
    /// # Errors
    /// [`VaultError`].
    pub fn key_needed(bytes: &[u8]) -> Result<KeyNeeded, VaultError> {
        let file = File::parse(bytes)?;
        let has_key_file = file.slots.iter().any(|slot| slot.first() == Some(&KIND_KEY_FILE));
        Ok(if has_key_file { KeyNeeded::KeyFile } else { KeyNeeded::Passphrase })
    }

    /// The file's bytes, sealed anew, one generation on.
    pub fn seal(&mut self, rng: &mut dyn CryptoRng) -> Vec<u8> {
        self.generation = self.generation.saturating_add(1);
        let mut bytes = MAGIC.to_vec();
        bytes.extend_from_slice(&VERSION.to_be_bytes());
        bytes.extend_from_slice(&[u8::try_from(self.slots.len()).unwrap_or(u8::MAX), 0]);
        bytes.extend_from_slice(&self.id);
        bytes.extend_from_slice(&self.generation.to_be_bytes());
        self.slots.iter().for_each(|slot| bytes.extend_from_slice(slot));
        let nonce: [u8; NONCE_BYTES] = drawn(rng);
        let body = self.body.to_bytes();
        let sealed = cipher(&body_key(&self.master))
            .encrypt(&XNonce::from(nonce), Payload { msg: &body, aad: &bytes })
            .unwrap_or_default();
        bytes.extend_from_slice(&nonce);
        bytes.extend_from_slice(&u32::try_from(sealed.len().saturating_sub(TAG_BYTES)).unwrap_or(0).to_be_bytes());
        bytes.extend_from_slice(&sealed);
        bytes
    }

    /// Puts one slot in the place of all others: a changed passphrase, or a change between the two kinds.
    pub fn set_key(&mut self, key: &SlotKey, rng: &mut dyn CryptoRng) {
        self.slots = vec![slot::wrap(&bound_to(&self.id), &self.master, key, rng)];
    }

    /// The keys that the store is sealed under.
    #[must_use]
    pub fn store_keys(&self) -> StoreKeys {
        StoreKeys { vault: self.id, archive: copies(&self.body.archive), rotating: copies(&self.body.rotating) }
    }

    /// Rule ST-66, step 1: adds the next rotating key, unless two are there already; gives the newest.
    pub fn add_rotating_key(&mut self, rng: &mut dyn CryptoRng) -> Option<SealingKey> {
        let newest = self.body.rotating.last()?;
        if self.body.rotating.len() == 1 {
            let generation = newest.generation.checked_add(1).filter(|generation| *generation < 1 << 31)?;
            self.body.rotating.push(SealingKey { generation, key: Secret::random(rng) });
        }
        self.body.rotating.last().map(copy)
    }

    /// Step 3: forgets all rotating keys but the newest.
    pub fn drop_old_rotating_keys(&mut self) {
        let old = self.body.rotating.len().saturating_sub(1);
        drop(self.body.rotating.drain(..old));
    }

    /// The next archive key, for a store that is written anew; if two are there already, the newer one serves.
    pub(super) fn add_archive_key(&mut self, rng: &mut dyn CryptoRng) {
        let [only] = self.body.archive.as_slice() else { return };
        let generation = only.generation.saturating_add(1);
        self.body.archive.push(SealingKey { generation, key: Secret::random(rng) });
    }

    /// Forgets all archive keys but the newest: nothing is sealed under the old one any more.
    pub(super) fn drop_old_archive_keys(&mut self) {
        let old = self.body.archive.len().saturating_sub(1);
        drop(self.body.archive.drain(..old));
    }

    /// Whether a file's body opens under this vault's master key: the check before it replaces the old file.
    pub(super) fn opens(&self, bytes: &[u8]) -> bool {
        File::parse(bytes).is_ok_and(|file| file.open_body(&self.master).is_ok())
    }

    /// The key of one written-anew file of what can't be fetched again (ST-92); `file` is drawn for each writing.
    pub(super) fn rescue_key(&self, file: &[u8; 16]) -> Secret<32> {
        hkdf(file, self.master.expose(), "coterie/rescue/1")
    }

    /// Whether the vault was written for the first time in this process.
    pub(super) const fn is_first_life(&self) -> bool {
        self.made_now
    }
}

fn copy(key: &SealingKey) -> SealingKey {
    SealingKey { generation: key.generation, key: key.key.duplicate() }
}

fn copies(keys: &[SealingKey]) -> Vec<SealingKey> {
    keys.iter().map(copy).collect()
}

/// The parts of a vault file, checked for form.
struct File<'a> {
    id: [u8; 16],
    generation: u64,
    slots: Vec<Slot>,
    /// All that stands before the nonce.
    bound: &'a [u8],
    nonce: &'a [u8],
    sealed: &'a [u8],
}

impl<'a> File<'a> {
    fn parse(bytes: &'a [u8]) -> Result<Self, VaultError> {
        let (header, _) = bytes.split_first_chunk::<HEADER_BYTES>().ok_or(VaultError::Damaged)?;
        if !header.starts_with(MAGIC) {
            return Err(VaultError::Damaged);
        }
        if u16::from_be_bytes(part(header, 8)?) > VERSION {
            return Err(VaultError::Newer);
        }
        let [count, padding] = part(header, 10)?;
        let count = usize::from(count);
        if padding != 0 || !(1..=SLOTS_MAX).contains(&count) || u16::from_be_bytes(part(header, 8)?) != VERSION {
            return Err(VaultError::Damaged);
        }
        let bound = bytes.get(..HEADER_BYTES + count * SLOT_BYTES).ok_or(VaultError::Damaged)?;
        let (slots, _) = bound.get(HEADER_BYTES..).unwrap_or_default().as_chunks::<SLOT_BYTES>();
        if !slots.iter().all(slot::is_well_formed) {
            return Err(VaultError::Damaged);
        }
        let rest = bytes.get(bound.len()..).unwrap_or_default();
        let (nonce, rest) = rest.split_at_checked(NONCE_BYTES).ok_or(VaultError::Damaged)?;
        let (length, sealed) = rest.split_first_chunk::<4>().ok_or(VaultError::Damaged)?;
        let length = usize::try_from(u32::from_be_bytes(*length)).unwrap_or(usize::MAX);
        if length > BODY_BYTES_MAX || sealed.len() != length + TAG_BYTES {
            return Err(VaultError::Damaged);
        }
        let generation = u64::from_be_bytes(part(header, 28)?);
        Ok(Self { id: part(header, 12)?, generation, slots: slots.to_vec(), bound, nonce, sealed })
    }

    fn open_body(&self, master: &Secret<32>) -> Result<Body, VaultError> {
        let nonce: [u8; NONCE_BYTES] = part(self.nonce, 0)?;
        let plain = cipher(&body_key(master))
            .decrypt(&XNonce::from(nonce), Payload { msg: self.sealed, aad: self.bound })
            .map(Zeroizing::new)
            .map_err(|_| VaultError::Damaged)?;
        Body::from_bytes(&plain).ok_or(VaultError::Damaged)
    }
}

/// Rule ST-61: what binds a wrapped master key to its file.
fn bound_to(id: &[u8; 16]) -> Vec<u8> {
    [MAGIC, &VERSION.to_be_bytes()[..], id].concat()
}

fn part<const N: usize>(bytes: &[u8], at: usize) -> Result<[u8; N], VaultError> {
    bytes.get(at..).and_then(<[u8]>::first_chunk).copied().ok_or(VaultError::Damaged)
}

/// SHA-256: tells one state of the store from another.
pub(super) fn fingerprint(bytes: &[u8]) -> [u8; 32] {
    Sha256::digest(bytes).into()
}

fn body_key(master: &Secret<32>) -> Secret<32> {
    hkdf(&[], master.expose(), "coterie/vault/body/1")
}

/// Rule ST-101: where a data directory is. It changes when the directory is copied or restored, not when it is moved
/// on one disk. A machine without an id (a container) counts as 32 zero bytes.
///
/// An inode alone is a weak witness: the number of a folder that was deleted is given to the next one. No copying sets
/// the time of birth, so it stands beside it wherever the file system keeps one. The first form is without it.
pub(super) fn place(machine_id: Option<&str>, (inode, born): (u64, Option<Duration>)) -> [u8; 32] {
    let form = if born.is_some() { "coterie/place/2" } else { "coterie/place/1" };
    let mut hash = Sha256::new_with_prefix(form);
    hash.update(machine_id.map_or(&[0; 32][..], str::as_bytes));
    hash.update(inode.to_be_bytes());
    if let Some(born) = born {
        hash.update(born.as_nanos().to_be_bytes());
    }
    hash.finalize().into()
}

#[cfg(test)]
mod tests;
