//! Placeholder.

#[cfg(feature = "daemon")]
mod clock;
#[cfg(feature = "daemon")]
mod entropy;
#[cfg(feature = "daemon")]
mod network;
