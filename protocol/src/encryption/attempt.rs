//! A try at one message key, away from the chain that is held: only what opened moves it (E-60, E-62).

use alloc::vec::Vec;

use super::Unopened;
use super::ratchet::Chain;
use super::secrets::Held;
use crate::crypto::Secret;

/// What becomes of the key of a Message that was tried.
pub(super) enum Leftover {
    /// It opened: the key is wiped.
    Wiped,
    /// It is broken: the key stays as a skipped one for its time (E-62).
    Kept,
}

/// A try at one index, away from the held chain.
pub(super) struct Attempt {
    pub(super) index: u64,
    pub(super) key: Secret<32>,
    /// The chain after it, if it had to move.
    pub(super) moved: Option<Chain>,
    /// Keys that were jumped over.
    pub(super) passed: Vec<(u64, Secret<32>)>,
}

impl Attempt {
    /// The key of an index, tried on a copy of the chain.
    pub(super) fn at(held: &Held, index: u64) -> Result<Self, Unopened> {
        if index < held.first {
            return Err(Unopened::BeforeMyTime);
        }
        if index < held.chain.index() {
            let skipped = held.skipped.get(&index).ok_or(Unopened::UsedOrExpired)?;
            return Ok(Self { index, key: skipped.key.duplicate(), moved: None, passed: Vec::new() });
        }
        let mut copy = held.chain.duplicate();
        let mut passed = copy.step_over(index).ok_or(Unopened::UsedOrExpired)?;
        let (_, key) = passed.pop().ok_or(Unopened::UsedOrExpired)?;
        Ok(Self { index, key, moved: Some(copy), passed })
    }
}
