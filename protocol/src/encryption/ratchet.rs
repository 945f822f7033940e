//! One sender's chain: a hash ratchet that gives each message its own key (E-42, E-56).
//!
//! `ck_0` comes from the seed of a Rekey; each step replaces the chain key by its successor, so a key that was used
//! and erased cannot be computed again (Sender Keys; analysed in eprint 2023/1385). A chain is moved only by whoever
//! has opened something with it: derivation happens on a copy.

use alloc::vec::Vec;

use crate::crypto::{Field, Label, Secret, expand, hash, kdf};
use crate::ids::{Digest, GroupId, LogId};
use crate::limits;

/// Chain key of `index`: from here on messages can be read.
pub struct Chain {
    key: Secret<32>,
    index: u64,
}

/// What one message is sealed with.
pub struct MessageKeys {
    /// Key of the content.
    pub key: Secret<32>,
    /// Salt of the commitment (E-59).
    pub salt: Secret<32>,
}

impl Chain {
    /// Rule E-42: `ck_0 = KDF(gid, seed, "chain", mid, inst, epoch, roster_hash)`.
    #[must_use]
    pub fn first(gid: &GroupId, log: &LogId, epoch: u64, (seed, roster): (&Secret<32>, &Digest)) -> Self {
        let fields = [Field::B(&log.mid.0), Field::B(&log.inst.0), Field::U(epoch), Field::B(&roster.0)];
        Self { key: kdf(&gid.0, seed.expose(), Label::Chain, &fields), index: 0 }
    }

    /// The chain from `index` on, as a Grant hands it out (E-47).
    #[must_use]
    pub const fn at(key: Secret<32>, index: u64) -> Self {
        Self { key, index }
    }

    /// The next index it can give a key for.
    #[must_use]
    pub const fn index(&self) -> u64 {
        self.index
    }

    /// The chain key, for a Grant, a commitment or a sealed record.
    #[must_use]
    pub const fn key(&self) -> &Secret<32> {
        &self.key
    }

    /// A copy to try things on.
    #[must_use]
    pub fn duplicate(&self) -> Self {
        Self { key: self.key.duplicate(), index: self.index }
    }

    /// The message key `mk` of the current index; the chain moves on, and what it was is wiped.
    #[must_use]
    pub fn step(&mut self) -> Secret<32> {
        let mk = expand(self.key.expose(), Label::Mk, &[]);
        self.key = expand(self.key.expose(), Label::Step, &[]);
        self.index = self.index.saturating_add(1);
        mk
    }

    /// Moves up to and over `index`; gives the message keys on the way with their indices, `index`'s own last.
    /// `None` if it lies behind or beyond an epoch (E-72: at most 999 are jumped over).
    #[must_use]
    pub fn step_over(&mut self, index: u64) -> Option<Vec<(u64, Secret<32>)>> {
        if index < self.index || index >= limits::EPOCH_MESSAGES_MAX {
            return None;
        }
        Some((self.index..=index).map(|at| (at, self.step())).collect())
    }

    /// Moves up to `index` without keeping the keys on the way; `None` as above.
    #[must_use]
    pub fn advance_to(mut self, index: u64) -> Option<Self> {
        if index < self.index || index > limits::EPOCH_MESSAGES_MAX {
            return None;
        }
        while self.index < index {
            drop(self.step());
        }
        Some(self)
    }
}

/// Rule E-56: key and salt from a message key.
#[must_use]
pub fn message_keys(mk: &Secret<32>) -> MessageKeys {
    MessageKeys { key: expand(mk.expose(), Label::MsgKey, &[]), salt: expand(mk.expose(), Label::MsgSalt, &[]) }
}

/// What a Rekey says about its seed before anybody opens it (E-41).
#[must_use]
pub fn seed_commit(gid: &GroupId, log: &LogId, epoch: u64, seed: &Secret<32>) -> Digest {
    let fields =
        [Field::B(&gid.0), Field::B(&log.mid.0), Field::B(&log.inst.0), Field::U(epoch), Field::B(seed.expose())];
    hash(Label::Seed, &fields)
}

/// What a Grant says about the chain key it hands out (E-47).
#[must_use]
pub fn chain_commit(gid: &GroupId, log: &LogId, epoch: u64, chain: &Chain) -> Digest {
    let fields = [
        Field::B(&gid.0),
        Field::B(&log.mid.0),
        Field::B(&log.inst.0),
        Field::U(epoch),
        Field::U(chain.index),
        Field::B(chain.key.expose()),
    ];
    hash(Label::Ck, &fields)
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::collections::BTreeSet;

    fn chain() -> Chain {
        Chain::at(Secret::new([3; 32]), 0)
    }

    #[test]
    fn e_56_every_index_has_its_own_keys_and_none_gives_the_others() {
        let mut seen = BTreeSet::new();
        for (_, mk) in chain().step_over(99).unwrap() {
            let keys = message_keys(&mk);
            for secret in [&mk, &keys.key, &keys.salt] {
                assert!(seen.insert(*secret.expose()));
            }
        }
    }

    #[test]
    fn e_72_a_jump_of_999_is_taken_and_one_more_is_refused() {
        assert_eq!(chain().step_over(999).unwrap().len(), 1_000);
        assert!(chain().step_over(1_000).is_none());
        assert!(chain().advance_to(1_000).is_some());
        assert!(chain().advance_to(1_001).is_none());
        let mut moved = chain();
        assert!(moved.step_over(4).is_some());
        assert!(moved.step_over(4).is_none());
    }

    #[test]
    fn a_chain_granted_midway_gives_the_same_keys_from_there_on() {
        let mut whole = chain();
        let granted = chain().advance_to(7).unwrap();
        let all = whole.step_over(20).unwrap();
        let later = Chain::at(granted.key().duplicate(), 7).step_over(20).unwrap();
        assert!(all.iter().skip(7).zip(&later).all(|(a, b)| a.0 == b.0 && a.1.same_as(&b.1)));
    }
}
