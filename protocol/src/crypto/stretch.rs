//! Deliberately slow digests, for what people compare by eye or voice (E-96, E-97). Argon2id: RFC 9106.

use argon2::{Algorithm, Argon2, Params, Version};
use sha2::{Digest as _, Sha512};

use super::{Field, Label, enc};
use crate::ids::MemberKey;

/// Rounds of the safety number (E-96).
const SAFETY_ROUNDS: usize = 5_200;
/// Memory of the words' digest (E-97).
const WORDS_MEMORY_KIB: u32 = 64 * 1_024;
/// Passes of the words' digest.
const WORDS_PASSES: u32 = 2;
/// Salt of the words' digest: fixed, because both sides must get the same words.
const WORDS_SALT: &[u8] = b"coterie/1/words.";

/// `x_5200` of E-96: SHA-512, iterated over the key.
#[must_use]
pub fn safety_digest(key: &MemberKey) -> [u8; 64] {
    let first: [u8; 64] = Sha512::digest(enc(Label::Safety, &[Field::B(&key.0)])).into();
    (0..SAFETY_ROUNDS).fold(first, |x, _| Sha512::new().chain_update(x).chain_update(key.0).finalize().into())
}

/// The 32 bytes that words are cut from (E-97): 64 MiB and about 0.1 s a try. Never inside a step of the core's owner.
///
/// # Errors
/// If the memory cannot be had.
pub fn words_digest(label: Label, fields: &[Field<'_>]) -> Result<[u8; 32], argon2::Error> {
    let params = Params::new(WORDS_MEMORY_KIB, WORDS_PASSES, 1, Some(32))?;
    let mut out = [0; 32];
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params).hash_password_into(
        &enc(label, fields),
        WORDS_SALT,
        &mut out,
    )?;
    Ok(out)
}
