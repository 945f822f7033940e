//! The local API: one HTTP/1.1 and JSON interface on a Unix socket, the only way into a running node (IF-1).
//!
//! Command line, terminal UI and bots are clients of it and decide nothing themselves. The socket has mode 0600 in a
//! 0700 folder, and the caller's user id must be the node's (AP-2); there is no token and no other transport.
//!
//! A client reads a snapshot, keeps the `Coterie-Event` header of the answer, and follows `GET /v1/events` from that
//! position: then it misses nothing (AP-17, EV-3). [`types`] are the shapes, [`problem`] is what can go wrong,
//! [`client`] is the typed client. `openapi.json` beside this crate is generated from the router.

#[cfg(feature = "client")]
pub mod client;
pub mod problem;
pub mod types;

#[cfg(feature = "daemon")]
pub(crate) mod access;
#[cfg(feature = "daemon")]
mod doctor;
#[cfg(feature = "daemon")]
pub(crate) mod events;
#[cfg(feature = "daemon")]
mod extract;
#[cfg(feature = "daemon")]
mod once;
#[cfg(feature = "daemon")]
pub(crate) mod routes;
#[cfg(feature = "daemon")]
mod sentence;
#[cfg(feature = "daemon")]
pub mod server;
#[cfg(feature = "daemon")]
pub(crate) mod shapes;
#[cfg(feature = "daemon")]
mod words;

/// Version of the API: `1.<minor>` (VN-2). The minor grows with every addition.
pub const API_VERSION: &str = "1.0";
/// Header of every answer that carries [`API_VERSION`] (AP-17).
pub const API_HEADER: &str = "coterie-api";
/// Header of answers about state: the event position that the answer includes (AP-17).
pub const EVENT_HEADER: &str = "coterie-event";
