//! Sealing: XChaCha20-Poly1305 for content, ChaCha20-Poly1305 (RFC 8439) for the segments of a file, HPKE (RFC 9180, Base
//! mode, single shot) for keys handed to one person.

use alloc::vec::Vec;
use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{ChaCha20Poly1305 as SegmentCipher, Nonce, XChaCha20Poly1305, XNonce};
use hpke::aead::ChaCha20Poly1305;
use hpke::kdf::HkdfSha256;
use hpke::kem::X25519HkdfSha256;
use hpke::{Deserializable, Kem, OpModeR, OpModeS, Serializable, single_shot_open, single_shot_seal_with_rng};
use rand_core::CryptoRng;

use super::{Field, Label, Secret, enc};
use crate::ids::LeafKey;

/// It did not open: wrong key, altered bytes or altered binding. Nothing more is ever said.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("does not open")]
pub struct DoesNotOpen;

/// Seals under a message, envelope or record key (E-57).
#[must_use]
pub fn seal(key: &Secret<32>, nonce: &[u8; 24], aad: &[u8], plaintext: &[u8]) -> Vec<u8> {
    let cipher = XChaCha20Poly1305::new(key.expose().into());
    // Fails only for lengths that no bound of ours allows.
    cipher.encrypt(&XNonce::from(*nonce), Payload { msg: plaintext, aad }).unwrap_or_default()
}

/// Opens what [`seal`] made.
///
/// # Errors
/// [`DoesNotOpen`] without a reason.
pub fn open(key: &Secret<32>, nonce: &[u8; 24], aad: &[u8], sealed: &[u8]) -> Result<Vec<u8>, DoesNotOpen> {
    let cipher = XChaCha20Poly1305::new(key.expose().into());
    cipher.decrypt(&XNonce::from(*nonce), Payload { msg: sealed, aad }).map_err(|_| DoesNotOpen)
}

/// Seals one segment of a file. The nonce is a count, so the key must be of this file alone (BL-2, BL-5).
#[must_use]
pub fn seal_segment(key: &Secret<32>, nonce: &[u8; 12], plaintext: &[u8]) -> Vec<u8> {
    let cipher = SegmentCipher::new(key.expose().into());
    // Fails only for lengths far beyond a segment.
    cipher.encrypt(&Nonce::from(*nonce), plaintext).unwrap_or_default()
}

/// Opens what [`seal_segment`] made.
///
/// # Errors
/// [`DoesNotOpen`] without a reason.
pub fn open_segment(key: &Secret<32>, nonce: &[u8; 12], sealed: &[u8]) -> Result<Vec<u8>, DoesNotOpen> {
    let cipher = SegmentCipher::new(key.expose().into());
    cipher.decrypt(&Nonce::from(*nonce), sealed).map_err(|_| DoesNotOpen)
}

/// An X25519 leaf pair from 32 drawn bytes, by DeriveKeyPair of RFC 9180 §7.1.3 (E-06).
#[must_use]
pub fn leaf_pair(ikm: &Secret<32>) -> (Secret<32>, LeafKey) {
    let (secret, public) = X25519HkdfSha256::derive_keypair(ikm.expose());
    (Secret::new(secret.to_bytes().into()), LeafKey(public.to_bytes().into()))
}

/// Rule E-12: a low-order leaf key is refused: its product with any clamped scalar is zero.
#[must_use]
pub fn is_usable_leaf(key: &LeafKey) -> bool {
    let probe = [1; 32];
    let Ok(secret) = <X25519HkdfSha256 as Kem>::PrivateKey::from_bytes(&probe) else { return false };
    let Ok(public) = <X25519HkdfSha256 as Kem>::PublicKey::from_bytes(&key.0) else { return false };
    // Decapsulation of the key itself runs the Diffie-Hellman product and its zero check.
    let Ok(as_sent) = <X25519HkdfSha256 as Kem>::EncappedKey::from_bytes(&public.to_bytes()) else { return false };
    X25519HkdfSha256::decap(&secret, None, &as_sent).is_ok()
}

/// `Seal(pk, L, x…; aad; m)` of E-03: ephemeral key then ciphertext. Draws 32 bytes.
///
/// # Errors
/// [`DoesNotOpen`] if the leaf key is unusable (E-12).
pub fn hpke_seal(
    to: &LeafKey,
    info: (Label, &[Field<'_>]),
    aad: &[u8],
    plaintext: &[u8],
    rng: &mut dyn CryptoRng,
) -> Result<Vec<u8>, DoesNotOpen> {
    seal_to(to, &enc(info.0, info.1), aad, plaintext, rng)
}

/// HPKE's single-shot seal over an info that is already encoded.
pub(super) fn seal_to(
    to: &LeafKey,
    info: &[u8],
    aad: &[u8],
    plaintext: &[u8],
    rng: &mut dyn CryptoRng,
) -> Result<Vec<u8>, DoesNotOpen> {
    let key = <X25519HkdfSha256 as Kem>::PublicKey::from_bytes(&to.0).map_err(|_| DoesNotOpen)?;
    let (ephemeral, ciphertext) = single_shot_seal_with_rng::<ChaCha20Poly1305, HkdfSha256, X25519HkdfSha256>(
        &OpModeS::Base,
        &key,
        info,
        plaintext,
        aad,
        &mut &mut *rng,
    )
    .map_err(|_| DoesNotOpen)?;
    let mut sealed = ephemeral.to_bytes().to_vec();
    sealed.extend_from_slice(&ciphertext);
    Ok(sealed)
}

/// Opens what [`hpke_seal`] made.
///
/// # Errors
/// [`DoesNotOpen`] without a reason.
pub fn hpke_open(
    secret: &Secret<32>,
    info: (Label, &[Field<'_>]),
    aad: &[u8],
    sealed: &[u8],
) -> Result<Vec<u8>, DoesNotOpen> {
    open_from(secret, &enc(info.0, info.1), aad, sealed)
}

/// HPKE's single-shot open over an info that is already encoded.
pub(super) fn open_from(secret: &Secret<32>, info: &[u8], aad: &[u8], sealed: &[u8]) -> Result<Vec<u8>, DoesNotOpen> {
    let (ephemeral, ciphertext) = sealed.split_at_checked(32).ok_or(DoesNotOpen)?;
    let secret = <X25519HkdfSha256 as Kem>::PrivateKey::from_bytes(secret.expose()).map_err(|_| DoesNotOpen)?;
    let ephemeral = <X25519HkdfSha256 as Kem>::EncappedKey::from_bytes(ephemeral).map_err(|_| DoesNotOpen)?;
    single_shot_open::<ChaCha20Poly1305, HkdfSha256, X25519HkdfSha256>(
        &OpModeR::Base,
        &secret,
        &ephemeral,
        info,
        ciphertext,
        aad,
    )
    .map_err(|_| DoesNotOpen)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand_chacha::ChaCha20Rng;
    use rand_core::SeedableRng;

    #[test]
    fn what_is_sealed_to_a_leaf_opens_there_and_only_under_its_info_and_aad() {
        let mut rng = ChaCha20Rng::from_seed([1; 32]);
        let (secret, public) = leaf_pair(&Secret::new([5; 32]));
        let info = (Label::Slot, &[Field::U(1)][..]);
        let sealed = hpke_seal(&public, info, b"aad", b"seed", &mut rng).unwrap();
        assert_eq!(sealed.len(), 4 + 48, "the ephemeral key and the tag");
        assert_eq!(hpke_open(&secret, info, b"aad", &sealed).unwrap(), b"seed");
        assert!(hpke_open(&secret, (Label::Grant, info.1), b"aad", &sealed).is_err());
        assert!(hpke_open(&secret, info, b"other", &sealed).is_err());
    }

    #[test]
    fn e_12_low_order_leaf_keys_are_refused() {
        let mut one = [0; 32];
        one[0] = 1;
        assert!(!is_usable_leaf(&LeafKey([0; 32])));
        assert!(!is_usable_leaf(&LeafKey(one)));
        assert!(is_usable_leaf(&leaf_pair(&Secret::new([9; 32])).1));
    }
}
