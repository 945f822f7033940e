//! Ed25519 (RFC 8032) over `enc`: strict verification, and types that carry the proof.
//!
//! [`Signed`] is what came; [`Verified`] can only be made by checking it, so no function takes unproved bytes where
//! proved ones are meant (H-16).

use ed25519_dalek::{Signer, SigningKey, VerifyingKey};

use super::{Field, Label, Secret, enc};
use crate::ids::{MemberKey, Signature};

/// The signature does not fit the key and the bytes, or the key is not usable.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("bad signature")]
pub struct BadSignature;

/// An Ed25519 key pair; the secret half is wiped on drop.
pub struct KeyPair(SigningKey);

impl KeyPair {
    /// From its 32 byte seed.
    #[must_use]
    pub fn from_seed(seed: &Secret<32>) -> Self {
        Self(SigningKey::from_bytes(seed.expose()))
    }

    /// The public half.
    #[must_use]
    pub fn public(&self) -> MemberKey {
        MemberKey(self.0.verifying_key().to_bytes())
    }

    /// Signs `enc(label, fields)`. There is no way to sign bytes as they are (E-05).
    #[must_use]
    pub fn sign(&self, label: Label, fields: &[Field<'_>]) -> Signature {
        self.sign_encoded(&enc(label, fields))
    }

    /// The signature itself, over what is already encoded. Never leaves this room (E-05).
    pub(super) fn sign_encoded(&self, message: &[u8]) -> Signature {
        let signature = Signature(self.0.sign(message).to_bytes());
        #[cfg(feature = "testing")]
        memo::learn(self, message, &signature);
        signature
    }
}

/// Checks a signature over `enc(label, fields)`.
///
/// # Errors
/// [`BadSignature`] whatever is wrong: key, signature or bytes.
pub fn verify(key: &MemberKey, label: Label, fields: &[Field<'_>], signature: &Signature) -> Result<(), BadSignature> {
    let message = enc(label, fields);
    #[cfg(feature = "testing")]
    if let Some(verdict) = memo::recall(key, &message, signature) {
        return verdict;
    }
    let verdict = verify_now(key, &message, signature);
    #[cfg(feature = "testing")]
    memo::remember(key, &message, signature, verdict);
    verdict
}

pub(super) fn verify_now(key: &MemberKey, message: &[u8], signature: &Signature) -> Result<(), BadSignature> {
    if planted!(SignaturesUnchecked) {
        return Ok(());
    }
    if !is_canonical(key) {
        return Err(BadSignature);
    }
    let key = VerifyingKey::from_bytes(&key.0).map_err(|_| BadSignature)?;
    let signature = ed25519_dalek::Signature::from_bytes(&signature.0);
    key.verify_strict(message, &signature).map_err(|_| BadSignature)
}

/// Whether these bytes are a usable key: canonical and not of small order (MB-E3).
#[must_use]
pub fn is_usable(key: &MemberKey) -> bool {
    is_canonical(key) && VerifyingKey::from_bytes(&key.0).is_ok_and(|decoded| !decoded.is_weak())
}

/// Whether the y coordinate is below the field's prime 2^255 − 19. (x = 0 with its sign set is of small order.)
fn is_canonical(key: &MemberKey) -> bool {
    match key.0 {
        [low, rest @ .., high] => high & 0x7f != 0x7f || rest.iter().any(|&byte| byte != 0xff) || low < 0xed,
    }
}

/// A value whose signature nobody has checked yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signed<T>(T);

/// A value whose signature was checked here. Only this module makes one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified<T>(T);

/// What must hold for a value to count as signed.
pub trait Provable {
    /// Checks every signature in the value against `key`.
    ///
    /// # Errors
    /// [`BadSignature`] if one does not hold.
    fn prove(&self, key: &MemberKey) -> Result<(), BadSignature>;
}

impl<T: Provable> Signed<T> {
    /// Marks a decoded value as not proved yet.
    #[must_use]
    pub const fn new(value: T) -> Self {
        Self(value)
    }

    /// The value, unproved: to find out whose key must be asked for.
    #[must_use]
    pub const fn peek(&self) -> &T {
        &self.0
    }

    /// Checks the signatures.
    ///
    /// # Errors
    /// [`BadSignature`] if one does not hold; the value is gone with it.
    pub fn verify(self, key: &MemberKey) -> Result<Verified<T>, BadSignature> {
        self.0.prove(key)?;
        Ok(Verified(self.0))
    }

    /// Takes a value over from the own sealed store, where it was put after it had been verified (MB-G5).
    #[must_use]
    pub fn trust_own_store(self) -> Verified<T> {
        Verified(self.0)
    }
}

impl<T> core::ops::Deref for Verified<T> {
    type Target = T;
    fn deref(&self) -> &T {
        &self.0
    }
}

/// Checking is pure, so a simulation of a hundred nodes may check each signature once (SIM-20). Off unless switched
/// on for the running thread.
#[cfg(feature = "testing")]
pub(crate) mod memo {
    use super::{BadSignature, MemberKey, Signature};
    use alloc::collections::BTreeMap;
    use core::cell::RefCell;
    use sha2::{Digest, Sha256};
    use std::thread_local;

    /// Entries kept; beyond it the memo starts anew (SIM-20).
    const ENTRIES_MAX: usize = 1_000_000;

    thread_local! {
        static MEMO: RefCell<Option<BTreeMap<[u8; 32], bool>>> = const { RefCell::new(None) };
    }

    /// From here on this thread remembers which signatures were good; the memo starts empty.
    pub(crate) fn begin() {
        MEMO.with(|memo| *memo.borrow_mut() = Some(BTreeMap::new()));
    }

    /// From here on this thread checks each signature each time.
    pub(crate) fn end() {
        MEMO.with(|memo| *memo.borrow_mut() = None);
    }

    /// Switches the memo of this thread on, and keeps what it knows.
    pub(crate) fn keep() {
        MEMO.with(|memo| {
            memo.borrow_mut().get_or_insert_default();
        });
    }

    fn name(key: &MemberKey, message: &[u8], signature: &Signature) -> [u8; 32] {
        Sha256::new().chain_update(key.0).chain_update(signature.0).chain_update(message).finalize().into()
    }

    /// What is signed here holds, by what a signature is; nobody has to find that out again.
    pub(super) fn learn(pair: &super::KeyPair, message: &[u8], signature: &Signature) {
        if MEMO.with(|memo| memo.borrow().is_some()) {
            let key = pair.public();
            debug_assert_eq!(super::verify_now(&key, message, signature), Ok(()));
            remember(&key, message, signature, Ok(()));
        }
    }

    pub(super) fn recall(key: &MemberKey, message: &[u8], signature: &Signature) -> Option<Result<(), BadSignature>> {
        MEMO.with(|memo| {
            let memo = memo.borrow();
            let good = *memo.as_ref()?.get(&name(key, message, signature))?;
            Some(if good { Ok(()) } else { Err(BadSignature) })
        })
    }

    pub(super) fn remember(key: &MemberKey, message: &[u8], signature: &Signature, verdict: Result<(), BadSignature>) {
        MEMO.with(|memo| {
            if let Some(memo) = memo.borrow_mut().as_mut() {
                if memo.len() >= ENTRIES_MAX {
                    memo.clear();
                }
                memo.insert(name(key, message, signature), verdict.is_ok());
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_holds_for_its_key_label_and_fields_alone() {
        let pair = KeyPair::from_seed(&Secret::new([3; 32]));
        let signature = pair.sign(Label::SigEntry, &[Field::B(b"x")]);
        assert_eq!(verify(&pair.public(), Label::SigEntry, &[Field::B(b"x")], &signature), Ok(()));
        assert_eq!(verify(&pair.public(), Label::SigEntry, &[Field::B(b"y")], &signature), Err(BadSignature));
        assert_eq!(verify(&pair.public(), Label::OpJoin, &[Field::B(b"x")], &signature), Err(BadSignature));
        let other = KeyPair::from_seed(&Secret::new([4; 32])).public();
        assert_eq!(verify(&other, Label::SigEntry, &[Field::B(b"x")], &signature), Err(BadSignature));
    }

    #[cfg(feature = "testing")]
    #[test]
    fn what_was_signed_is_known_to_hold_and_nothing_else_is() {
        memo::begin();
        let pair = KeyPair::from_seed(&Secret::new([3; 32]));
        let signature = pair.sign(Label::SigEntry, &[Field::B(b"x")]);
        let message = enc(Label::SigEntry, &[Field::B(b"x")]);
        assert_eq!(memo::recall(&pair.public(), &message, &signature), Some(Ok(())));
        assert_eq!(verify_now(&pair.public(), &message, &signature), Ok(()));
        let mut bent = signature;
        bent.0[0] ^= 1;
        let other = KeyPair::from_seed(&Secret::new([4; 32])).public();
        assert_eq!(memo::recall(&pair.public(), &message, &bent), None);
        assert_eq!(memo::recall(&other, &message, &signature), None);
        assert_eq!(verify(&pair.public(), Label::SigEntry, &[Field::B(b"x")], &bent), Err(BadSignature));
        assert_eq!(verify(&pair.public(), Label::SigEntry, &[Field::B(b"y")], &signature), Err(BadSignature));
        memo::end();
    }

    #[test]
    fn at_25_keys_of_small_order_are_refused() {
        let mut identity_point = [0; 32];
        identity_point[0] = 1;
        assert!(!is_usable(&MemberKey(identity_point)));
        assert!(!is_usable(&MemberKey([0xff; 32])));
    }
}
