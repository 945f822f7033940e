//! The shell round the protocol: disk, network, clock and one local API.

#[cfg(feature = "daemon")]
mod clock;
#[cfg(feature = "daemon")]
mod entropy;
#[cfg(feature = "daemon")]
mod network;
#[cfg(feature = "daemon")]
mod store;
