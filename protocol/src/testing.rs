//! What tests of other crates may use too (feature `testing`). It only adds; nothing of the product changes.

pub mod bugs;
pub mod dice;
pub mod histories;
pub mod keepers;
pub mod party;
pub mod sight;
pub mod speakers;
pub mod store_suite;
pub mod town;
pub mod vectors;

/// The membership log's own types.
pub mod membership {
    pub use crate::membership::*;
}

/// How a simulation of many nodes checks signatures on this thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Checking {
    /// Each time.
    Always,
    /// Once: checking is pure (SIM-20).
    Once,
}

/// Begins anew with an empty memory of checked signatures, or none.
pub fn check_signatures(checking: Checking) {
    match checking {
        Checking::Always => crate::crypto::sign::memo::end(),
        Checking::Once => crate::crypto::sign::memo::begin(),
    }
}
