//! The vault: one small file with the identity and the keys of the store, locked by a passphrase or a key file.
//!
//! A random master key seals the body. Each slot wraps the master key for one way of opening: Argon2id over a
//! passphrase (RFC 9106), or HKDF over a key file's bytes. So a passphrase can change without touching the body, and
//! the parameters of a slot are bound into its wrapping: they cannot be lowered by editing the file (ST-60, ST-61).
//! The vault holds nothing that grows: live secrets are records of the store under the one rotating key in here, and
//! replacing that key is what makes erased secrets unreadable (ST-66).

mod body;

use argon2::{Algorithm, Argon2, Params, Version};
use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use coterie_protocol::{SealingKey, Secret, StoreKeys};
use hkdf::Hkdf;
use icu_normalizer::ComposingNormalizerBorrowed;
use rand_core::CryptoRng;
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use self::body::{BODY_BYTES_MAX, Body};

const MAGIC: &[u8; 8] = b"COTERIEV";
const VERSION: u16 = 1;
const SLOTS_MAX: usize = 4;
const SLOT_BYTES: usize = 108;
/// What of a slot stands before its nonce and is bound into its wrapping.
const SLOT_HEAD_BYTES: usize = 32;
const HEADER_BYTES: usize = 36;
const NONCE_BYTES: usize = 24;
const TAG_BYTES: usize = 16;
/// The file is never larger (section 1 of the storage page).
pub(super) const VAULT_BYTES_MAX: u64 = 64 << 10;

/// How much work a guess at the passphrase costs (RFC 9106).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cost {
    memory_kib: u32,
    passes: u32,
    lanes: u32,
}

impl Cost {
    /// Rule ST-62: the second recommended set of RFC 9106.
    pub const DEFAULT: Self = Self { memory_kib: 64 << 10, passes: 3, lanes: 4 };
    /// The least that is ever made or accepted, for machines that are short of memory.
    pub const FLOOR: Self = Self { memory_kib: 19 << 10, passes: 2, lanes: 1 };
    const CEILING: Self = Self { memory_kib: 1 << 20, passes: 16, lanes: 16 };

    fn is_sane(self) -> bool {
        let (low, high) = (Self::FLOOR, Self::CEILING);
        (low.memory_kib..=high.memory_kib).contains(&self.memory_kib)
            && (low.passes..=high.passes).contains(&self.passes)
            && (low.lanes..=high.lanes).contains(&self.lanes)
    }
}

/// What opens a slot.
pub enum SlotKey {
    /// A person knows it; brought to NFC before use, so that keyboards and systems agree.
    Passphrase(Zeroizing<String>, Cost),
    /// 32 bytes in a file that only this user can read.
    KeyFile(Secret<32>),
}

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
    slots: Vec<[u8; SLOT_BYTES]>,
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
        let slot = wrap(&id, &master, key, rng);
        Self { id, generation: 0, slots: vec![slot], made_now: true, master, body }
    }

    /// Opens a vault file.
    ///
    /// # Errors
    /// [`VaultError`].
    pub fn open(bytes: &[u8], key: &SlotKey) -> Result<Self, VaultError> {
        let file = File::parse(bytes)?;
        let master = file.slots.iter().find_map(|slot| unwrap(&file.id, slot, key)).ok_or(VaultError::WrongKey)?;
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
        self.slots = vec![wrap(&self.id, &self.master, key, rng)];
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
    slots: Vec<[u8; SLOT_BYTES]>,
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
        if !slots.iter().all(is_well_formed) {
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

fn part<const N: usize>(bytes: &[u8], at: usize) -> Result<[u8; N], VaultError> {
    bytes.get(at..).and_then(<[u8]>::first_chunk).copied().ok_or(VaultError::Damaged)
}

const KIND_PASSPHRASE: u8 = 1;
const KIND_KEY_FILE: u8 = 2;

fn is_well_formed(slot: &[u8; SLOT_BYTES]) -> bool {
    let cost = slot_cost(slot);
    let cost_fits = match slot.first() {
        Some(&KIND_PASSPHRASE) => cost.is_sane(),
        Some(&KIND_KEY_FILE) => cost == Cost { memory_kib: 0, passes: 0, lanes: 0 },
        _ => false,
    };
    cost_fits && slot.get(1..4) == Some(&[0; 3]) && slot.ends_with(&[0; 4])
}

fn slot_cost(slot: &[u8; SLOT_BYTES]) -> Cost {
    let number = |at| part(slot, at).map_or(0, u32::from_be_bytes);
    Cost { memory_kib: number(4), passes: number(8), lanes: number(12) }
}

/// Rule ST-61: what binds a wrapped master key to its file and its parameters.
fn slot_binding(id: &[u8; 16], slot_head: &[u8]) -> Vec<u8> {
    [MAGIC, &VERSION.to_be_bytes()[..], id, slot_head].concat()
}

fn wrap(id: &[u8; 16], master: &Secret<32>, key: &SlotKey, rng: &mut dyn CryptoRng) -> [u8; SLOT_BYTES] {
    let (kind, cost) = match key {
        SlotKey::Passphrase(_, cost) => (KIND_PASSPHRASE, *cost),
        SlotKey::KeyFile(_) => (KIND_KEY_FILE, Cost { memory_kib: 0, passes: 0, lanes: 0 }),
    };
    let salt: [u8; 16] = drawn(rng);
    let mut slot = vec![kind, 0, 0, 0];
    [cost.memory_kib, cost.passes, cost.lanes].iter().for_each(|number| slot.extend_from_slice(&number.to_be_bytes()));
    slot.extend_from_slice(&salt);
    let nonce: [u8; NONCE_BYTES] = drawn(rng);
    let aad = slot_binding(id, &slot);
    let wrapped = slot_key(key, &salt, cost).and_then(|slot_key| {
        cipher(&slot_key).encrypt(&XNonce::from(nonce), Payload { msg: master.expose(), aad: &aad }).ok()
    });
    slot.extend_from_slice(&nonce);
    slot.extend_from_slice(&wrapped.unwrap_or_default());
    slot.resize(SLOT_BYTES, 0);
    slot.try_into().unwrap_or([0; SLOT_BYTES])
}

fn unwrap(id: &[u8; 16], slot: &[u8; SLOT_BYTES], key: &SlotKey) -> Option<Secret<32>> {
    let kind = slot.first()?;
    let fits = match key {
        SlotKey::Passphrase(..) => *kind == KIND_PASSPHRASE,
        SlotKey::KeyFile(_) => *kind == KIND_KEY_FILE,
    };
    if !fits {
        return None;
    }
    let head = slot.get(..SLOT_HEAD_BYTES)?;
    let nonce: [u8; NONCE_BYTES] = part(slot, SLOT_HEAD_BYTES).ok()?;
    let wrapped = slot.get(SLOT_HEAD_BYTES + NONCE_BYTES..SLOT_BYTES - 4)?;
    let slot_key = slot_key(key, &part(slot, 16).ok()?, slot_cost(slot))?;
    let aad = slot_binding(id, head);
    let master = cipher(&slot_key).decrypt(&XNonce::from(nonce), Payload { msg: wrapped, aad: &aad }).ok()?;
    Secret::try_from(Zeroizing::new(master).as_slice()).ok()
}

/// The key of a slot; `None` only if the memory that Argon2 asks for isn't there.
fn slot_key(key: &SlotKey, salt: &[u8; 16], cost: Cost) -> Option<Secret<32>> {
    match key {
        SlotKey::KeyFile(bytes) => Some(hkdf(salt, bytes.expose(), "coterie/vault/slot/1")),
        SlotKey::Passphrase(text, _) => {
            let params = Params::new(cost.memory_kib, cost.passes, cost.lanes, Some(32)).ok()?;
            let text = Zeroizing::new(ComposingNormalizerBorrowed::new_nfc().normalize(text).into_owned());
            let mut derived = Zeroizing::new([0; 32]);
            Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
                .hash_password_into(text.as_bytes(), salt, derived.as_mut_slice())
                .ok()?;
            Some(Secret::new(*derived))
        }
    }
}

/// SHA-256: tells one state of the store from another.
pub(super) fn fingerprint(bytes: &[u8]) -> [u8; 32] {
    Sha256::digest(bytes).into()
}

fn cipher(key: &Secret<32>) -> XChaCha20Poly1305 {
    XChaCha20Poly1305::new(key.expose().into())
}

fn body_key(master: &Secret<32>) -> Secret<32> {
    hkdf(&[], master.expose(), "coterie/vault/body/1")
}

fn hkdf(salt: &[u8], material: &[u8; 32], info: &str) -> Secret<32> {
    let mut derived = Zeroizing::new([0; 32]);
    // 32 bytes are within HKDF's limits, so this cannot fail.
    let _ = Hkdf::<Sha256>::new(Some(salt), material).expand(info.as_bytes(), derived.as_mut_slice());
    Secret::new(*derived)
}

fn drawn<const N: usize>(rng: &mut dyn CryptoRng) -> [u8; N] {
    let mut bytes = [0; N];
    rng.fill_bytes(&mut bytes);
    bytes
}

/// Rule ST-101: where a data directory is. It changes when the directory is copied or restored, not when it is moved
/// on one disk. A machine without an id (a container) counts as 32 zero bytes.
pub(super) fn place(machine_id: Option<&str>, inode: u64) -> [u8; 32] {
    let mut hash = Sha256::new_with_prefix("coterie/place/1");
    hash.update(machine_id.map_or(&[0; 32][..], str::as_bytes));
    hash.update(inode.to_be_bytes());
    hash.finalize().into()
}

#[cfg(test)]
mod tests;
