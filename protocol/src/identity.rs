//! Who a profile is: one Ed25519 key, and the installation that uses it now.
//!
//! The key is the person in every group and on every link; labels keep its uses apart (E-05). An *instance* is one
//! installation: 16 random bytes, new at install, restore, copy and rollback (E-09, ST-100), so that two copies of one
//! profile never write one log. Leaf keys, chains and log heads never pass from one instance to another.

pub(crate) mod fingerprint;

use rand_core::CryptoRng;

use crate::crypto::Secret;
use crate::crypto::sign::KeyPair;
use crate::ids::{Instance, MemberKey};

/// A profile's identity key. No `Clone`, no `Debug`: it lives in one place, and in the vault.
pub struct Identity {
    seed: Secret<32>,
    keys: KeyPair,
}

impl Identity {
    /// A new person. Draws 32 bytes.
    #[must_use]
    pub fn generate(rng: &mut dyn CryptoRng) -> Self {
        Self::from_seed(Secret::random(rng))
    }

    /// The person whose seed a vault or backup holds.
    #[must_use]
    pub fn from_seed(seed: Secret<32>) -> Self {
        let keys = KeyPair::from_seed(&seed);
        Self { seed, keys }
    }

    /// The public key: how others know this person.
    #[must_use]
    pub fn public(&self) -> MemberKey {
        self.keys.public()
    }

    /// The pair, to sign labelled values with (E-05).
    #[must_use]
    pub const fn keys(&self) -> &KeyPair {
        &self.keys
    }

    /// The seed, for the vault, the backup and the transport's own key object. Never for a log line.
    #[must_use]
    pub const fn seed(&self) -> &Secret<32> {
        &self.seed
    }
}

/// A name for a new installation (E-09). Draws 16 bytes.
#[must_use]
pub fn new_instance(rng: &mut dyn CryptoRng) -> Instance {
    Instance(crate::crypto::random(rng))
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand_chacha::ChaCha20Rng;
    use rand_core::SeedableRng;

    #[test]
    fn an_identity_comes_back_from_its_seed_and_each_installation_has_its_own_name() {
        let mut rng = ChaCha20Rng::from_seed([7; 32]);
        let ana = Identity::generate(&mut rng);
        assert_eq!(Identity::from_seed(ana.seed().duplicate()).public(), ana.public());
        assert_ne!(Identity::generate(&mut rng).public(), ana.public());
        assert_ne!(new_instance(&mut rng), new_instance(&mut rng));
    }
}
