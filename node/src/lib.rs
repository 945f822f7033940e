//! The shell round the protocol: disk, network, clock and one local API. It decides nothing about groups.
//!
//! ```text
//!   faces (command line, bots) ──HTTP over a Unix socket──┐
//!                                                         ▼
//!   network task ──FromNetwork──► [one bounded channel] ──► driver thread: Account + SealedStore
//!        ▲                                                │  step → merge → commit → transmit → tell
//!        └───────────────ToNetwork────────────────────────┤
//!                                                         └──► event hub ──► every follower
//! ```
//!
//! One thread owns the [`Account`](coterie_protocol) and the store and may wait for the disk; every other task is
//! async and never does (H-13). Start reading at `daemon`, then `driver`, then `api`. Features: `client` is the local
//! API's types and client and the configuration; `daemon` is everything else.

pub mod api;
pub mod config;

#[cfg(feature = "daemon")]
mod clock;
#[cfg(feature = "daemon")]
pub mod daemon;
#[cfg(feature = "daemon")]
mod driver;
#[cfg(feature = "daemon")]
mod entropy;
#[cfg(feature = "daemon")]
mod folding;
#[cfg(feature = "daemon")]
mod history;
#[cfg(feature = "daemon")]
mod media;
#[cfg(feature = "daemon")]
mod memory;
#[cfg(feature = "daemon")]
mod network;
#[cfg(feature = "daemon")]
mod places;
#[cfg(feature = "daemon")]
mod search;
#[cfg(feature = "daemon")]
pub mod store;

/// For the tests of whole machines, which cut the power under the real store (feature `testing`).
#[cfg(all(feature = "daemon", feature = "testing"))]
pub mod testing {
    pub use crate::store::{
        Caution, Condition, Cost, Holder, Home, NodeStore, OpenError, Opened, SledStore, Start, VaultKey, close,
        create, open,
    };
}
