//! One value, sealed and opened.

use alloc::vec::Vec;

use rand_core::CryptoRng;

use crate::crypto::{Secret, random, seal};
use crate::limits::SEAL_OVERHEAD_BYTES;
use crate::record::{Class, Key};
use crate::store::{Place, StoreError};

const VERSION: u8 = 1;
const NONCE_BYTES: usize = 24;
const HEADER_BYTES: usize = 1 + 4 + NONCE_BYTES;
const SECRET_BIT: u32 = 1 << 31;
const _: () = assert!(HEADER_BYTES + 16 == SEAL_OVERHEAD_BYTES);

/// One generation of a sealing key.
pub struct SealingKey {
    /// Counts up; below 2^31.
    pub generation: u32,
    /// The key.
    pub key: Secret<32>,
}

/// What a store is sealed under: the vault's id and one or two generations of each key, the newest last.
pub struct StoreKeys {
    /// Id of the vault file that holds the keys.
    pub vault: [u8; 16],
    /// DK: for kinds below 0x80.
    pub archive: Vec<SealingKey>,
    /// VK: for kinds from 0x80 on.
    pub rotating: Vec<SealingKey>,
}

impl StoreKeys {
    fn of(&self, class: Class) -> &[SealingKey] {
        match class {
            Class::Archive => &self.archive,
            Class::Secret => &self.rotating,
        }
    }

    fn newest(&self, class: Class) -> Result<&SealingKey, StoreError> {
        // A vault without a key is refused when it is read; there is nothing to seal under here.
        self.of(class).last().ok_or(StoreError::Corrupt { place: Place::Vault })
    }
}

const fn key_id(class: Class, generation: u32) -> u32 {
    match class {
        Class::Archive => generation & !SECRET_BIT,
        Class::Secret => generation | SECRET_BIT,
    }
}

pub(super) fn class_of(key: &Key) -> Class {
    key.kind_number().map_or(Class::Archive, Class::of_kind)
}

/// Seals one value under the newest key of its class: `1 | key id | nonce | ciphertext | tag` (ST-40).
pub(super) fn seal_value(
    keys: &StoreKeys,
    key: &Key,
    plain: &[u8],
    rng: &mut dyn CryptoRng,
) -> Result<Vec<u8>, StoreError> {
    let class = class_of(key);
    let with = keys.newest(class)?;
    let nonce: [u8; NONCE_BYTES] = random(rng);
    let mut stored = Vec::with_capacity(plain.len().saturating_add(SEAL_OVERHEAD_BYTES));
    stored.push(VERSION);
    stored.extend_from_slice(&key_id(class, with.generation).to_be_bytes());
    stored.extend_from_slice(&nonce);
    stored.extend_from_slice(&seal::seal(&with.key, &nonce, &binding(&keys.vault, key), plain));
    Ok(stored)
}

/// Opens what [`seal_value`] made, or says that it doesn't open.
pub(super) fn open_value(keys: &StoreKeys, key: &Key, stored: &[u8]) -> Option<Vec<u8>> {
    let (&[VERSION, ref rest @ ..], sealed) = stored.split_first_chunk::<HEADER_BYTES>()? else { return None };
    let (id, nonce) = rest.split_first_chunk::<4>()?;
    let class = class_of(key);
    let with = keys.of(class).iter().find(|with| key_id(class, with.generation).to_be_bytes() == *id)?;
    seal::open(&with.key, nonce.first_chunk()?, &binding(&keys.vault, key), sealed).ok()
}

pub(super) fn is_under_newest(keys: &StoreKeys, key: &Key, stored: &[u8]) -> bool {
    let class = class_of(key);
    let id = keys.newest(class).map(|newest| key_id(class, newest.generation).to_be_bytes());
    stored.get(1..5).is_some_and(|bytes| id.is_ok_and(|id| id == bytes))
}

/// Rule ST-40: a value moved to another key, store or class does not open.
fn binding(vault: &[u8; 16], key: &Key) -> Vec<u8> {
    let label = b"coterie/store/1";
    let bytes = [label.len(), vault.len(), key.as_bytes().len(), 1].into_iter().fold(0_usize, usize::saturating_add);
    let mut aad = Vec::with_capacity(bytes);
    aad.extend_from_slice(label);
    aad.extend_from_slice(vault);
    aad.push(u8::try_from(key.as_bytes().len()).unwrap_or(u8::MAX));
    aad.extend_from_slice(key.as_bytes());
    aad
}
