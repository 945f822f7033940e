//! What tests of other crates may use too (feature `testing`). It only adds; nothing of the product changes.

pub mod histories;
pub mod speakers;
pub mod store_suite;
pub mod town;
pub mod vectors;
pub mod party;

/// The membership log's own types.
pub mod membership {
    pub use crate::membership::*;
}
