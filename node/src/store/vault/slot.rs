//! One way of opening a file: the file's master key, wrapped under a passphrase or a key file (ST-60, ST-61).
//!
//! The vault has one to four of them, a backup one. The parameters of a slot are bound into its wrapping, so they cannot
//! be lowered by editing the file. Argon2id: RFC 9106; HKDF: RFC 5869.

use argon2::{Algorithm, Argon2, Params, Version};
use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use coterie_protocol::Secret;
use hkdf::Hkdf;
use icu_normalizer::ComposingNormalizerBorrowed;
use rand_core::CryptoRng;
use sha2::Sha256;
use zeroize::Zeroizing;

/// Bytes of a slot.
pub(in crate::store) const SLOT_BYTES: usize = 108;
/// A slot as it stands in the file.
pub(in crate::store) type Slot = [u8; SLOT_BYTES];
/// What of a slot stands before its nonce and is bound into its wrapping.
pub(super) const SLOT_HEAD_BYTES: usize = 32;
const NONCE_BYTES: usize = 24;

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

const KIND_PASSPHRASE: u8 = 1;
pub(super) const KIND_KEY_FILE: u8 = 2;

/// Whether nothing stands in it that this program would not write.
pub(in crate::store) fn is_well_formed(slot: &Slot) -> bool {
    let cost = slot_cost(slot);
    let cost_fits = match slot.first() {
        Some(&KIND_PASSPHRASE) => cost.is_sane(),
        Some(&KIND_KEY_FILE) => cost == Cost { memory_kib: 0, passes: 0, lanes: 0 },
        _ => false,
    };
    cost_fits && slot.get(1..4) == Some(&[0; 3]) && slot.ends_with(&[0; 4])
}

fn slot_cost(slot: &Slot) -> Cost {
    let number = |at| part(slot, at).map_or(0, u32::from_be_bytes);
    Cost { memory_kib: number(4), passes: number(8), lanes: number(12) }
}

/// Wraps the master key of a file. `bound` names the file: a slot does not open in another one.
pub(in crate::store) fn wrap(bound: &[u8], master: &Secret<32>, key: &SlotKey, rng: &mut dyn CryptoRng) -> Slot {
    let (kind, cost) = match key {
        SlotKey::Passphrase(_, cost) => (KIND_PASSPHRASE, *cost),
        SlotKey::KeyFile(_) => (KIND_KEY_FILE, Cost { memory_kib: 0, passes: 0, lanes: 0 }),
    };
    let salt: [u8; 16] = drawn(rng);
    let mut slot = vec![kind, 0, 0, 0];
    [cost.memory_kib, cost.passes, cost.lanes].iter().for_each(|number| slot.extend_from_slice(&number.to_be_bytes()));
    slot.extend_from_slice(&salt);
    let nonce: [u8; NONCE_BYTES] = drawn(rng);
    let aad = [bound, &slot].concat();
    let wrapped = slot_key(key, &salt, cost).and_then(|slot_key| {
        cipher(&slot_key).encrypt(&XNonce::from(nonce), Payload { msg: master.expose(), aad: &aad }).ok()
    });
    slot.extend_from_slice(&nonce);
    slot.extend_from_slice(&wrapped.unwrap_or_default());
    slot.resize(SLOT_BYTES, 0);
    slot.try_into().unwrap_or([0; SLOT_BYTES])
}

/// The master key, if this key opens this slot of this file.
pub(in crate::store) fn unwrap(bound: &[u8], slot: &Slot, key: &SlotKey) -> Option<Secret<32>> {
    let kind = slot.first()?;
    let fits = match key {
        SlotKey::Passphrase(..) => *kind == KIND_PASSPHRASE,
        SlotKey::KeyFile(_) => *kind == KIND_KEY_FILE,
    };
    if !fits {
        return None;
    }
    let head = slot.get(..SLOT_HEAD_BYTES)?;
    let nonce: [u8; NONCE_BYTES] = part(slot, SLOT_HEAD_BYTES)?;
    let wrapped = slot.get(SLOT_HEAD_BYTES + NONCE_BYTES..SLOT_BYTES - 4)?;
    let slot_key = slot_key(key, &part(slot, 16)?, slot_cost(slot))?;
    let aad = [bound, head].concat();
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

/// The cipher of everything that lies in files of this program.
pub(in crate::store) fn cipher(key: &Secret<32>) -> XChaCha20Poly1305 {
    XChaCha20Poly1305::new(key.expose().into())
}

/// One key out of another.
pub(in crate::store) fn hkdf(salt: &[u8], material: &[u8; 32], info: &str) -> Secret<32> {
    let mut derived = Zeroizing::new([0; 32]);
    // 32 bytes are within HKDF's limits, so this cannot fail.
    let _ = Hkdf::<Sha256>::new(Some(salt), material).expand(info.as_bytes(), derived.as_mut_slice());
    Secret::new(*derived)
}

/// Fresh bytes.
pub(in crate::store) fn drawn<const N: usize>(rng: &mut dyn CryptoRng) -> [u8; N] {
    let mut bytes = [0; N];
    rng.fill_bytes(&mut bytes);
    bytes
}

fn part<const N: usize>(slot: &[u8], at: usize) -> Option<[u8; N]> {
    slot.get(at..).and_then(<[u8]>::first_chunk).copied()
}
