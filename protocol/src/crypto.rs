//! The only door to the crypto crates: one suite, one table of labels, secrets that wipe themselves.
//!
//! Suite 1 (E-01): Ed25519, HPKE Base with X25519 / HKDF-SHA256 / ChaCha20-Poly1305, HKDF-SHA256, SHA-256,
//! XChaCha20-Poly1305. Everything that is hashed, signed, derived or bound is the CBOR array `["coterie/1/" ‖ label,
//! fields…]` (E-03), so that bytes made for one use can never stand for another (E-04).

pub(crate) mod derive;
#[cfg(test)]
mod known_answers;
pub(crate) mod label;
pub(crate) mod seal;
pub(crate) mod sign;
pub(crate) mod stretch;

use zeroize::{Zeroize, ZeroizeOnDrop};

/// A buffer that is wiped on drop: plaintext, and secrets on their way into a sealed record.
pub use zeroize::Zeroizing;

pub(crate) use derive::{expand, hash, hash16, kdf, mac, mac16};
pub(crate) use label::{Field, Label, enc};

/// `N` secret bytes: wiped on drop; no `Clone`, `Debug`, `PartialEq` or serialiser (E-68).
///
/// It can't be printed, copied or compared in passing:
///
/// ```compile_fail
/// let secret = coterie_protocol::Secret::<32>::new([7; 32]);
/// println!("{secret:?}");
/// ```
/// ```compile_fail
/// let secret = coterie_protocol::Secret::<32>::new([7; 32]);
/// let copy = secret.clone();
/// ```
/// ```compile_fail
/// let secret = coterie_protocol::Secret::<32>::new([7; 32]);
/// assert!(secret == secret);
/// ```
/// ```
/// let secret = coterie_protocol::Secret::<32>::new([7; 32]);
/// assert!(secret.same_as(&secret.duplicate()));
/// ```
#[derive(Zeroize, ZeroizeOnDrop)]
pub struct Secret<const N: usize>([u8; N]);

impl<const N: usize> Secret<N> {
    /// Takes the bytes over. The caller wipes its own copy.
    #[must_use]
    pub const fn new(bytes: [u8; N]) -> Self {
        Self(bytes)
    }

    /// Draws `N` bytes.
    pub fn random(rng: &mut dyn rand_core::CryptoRng) -> Self {
        let mut secret = Self([0; N]);
        rng.fill_bytes(&mut secret.0);
        secret
    }

    /// The bytes, for a primitive or a sealed record. Never for a log line.
    #[must_use]
    pub const fn expose(&self) -> &[u8; N] {
        &self.0
    }

    /// A second owner, said aloud: chains are tried on a copy before they move.
    #[must_use]
    pub fn duplicate(&self) -> Self {
        Self(self.0)
    }

    /// Equality in constant time.
    #[must_use]
    pub fn same_as(&self, other: &Self) -> bool {
        same(&self.0, &other.0)
    }
}

impl<const N: usize> TryFrom<&[u8]> for Secret<N> {
    type Error = core::array::TryFromSliceError;
    fn try_from(bytes: &[u8]) -> Result<Self, Self::Error> {
        bytes.try_into().map(Self)
    }
}

/// Equality of secret or authenticating bytes, in constant time.
#[must_use]
pub fn same(a: &[u8], b: &[u8]) -> bool {
    subtle::ConstantTimeEq::ct_eq(a, b).into()
}

/// Random bytes that are no secret (nonces, ids).
pub fn random<const N: usize>(rng: &mut dyn rand_core::CryptoRng) -> [u8; N] {
    let mut bytes = [0; N];
    rng.fill_bytes(&mut bytes);
    bytes
}
