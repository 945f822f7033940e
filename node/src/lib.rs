//! The shell round the protocol: disk, network, clock and one local API.

#[cfg(feature = "daemon")]
mod clock;
#[cfg(feature = "daemon")]
mod entropy;
#[cfg(feature = "daemon")]
mod network;
#[cfg(feature = "daemon")]
mod store;

/// For the tests of whole machines, which cut the power under the real store (feature `testing`).
#[cfg(all(feature = "daemon", feature = "testing"))]
pub mod testing {
    pub use crate::store::{
        Caution, Condition, Cost, Holder, Home, NodeStore, OpenError, Opened, SledStore, Start, VaultKey, close, create,
        open,
    };
}
