//! Joining: how somebody who holds a link becomes a member without the inviter being there.
//!
//! A link is the inviter's key and 16 secret bytes. From the secret follow a lookup value, a key pair and a sealing
//! key ([`link`]). The tickets, signed permissions for named seats, lie sealed in the inviter's own log, where every
//! member keeps and nobody can read them ([`envelope`]). So any member can serve a join: it recognises the knock by the
//! lookup value, checks that the stranger holds the link's key, and hands over what only the stranger can open
//! ([`host`]). The stranger believes nothing of it: it opens the grant, fetches and folds the log itself, and claims
//! a seat with a Join that the ticket's signature carries ([`joiner`]). Two members who don't know each other yet,
//! because one joined on the far side of a partition, meet by the same door ([`introduction`]).
#![cfg_attr(not(test), deny(clippy::arithmetic_side_effects, clippy::as_conversions))]

pub(crate) mod envelope;
pub(crate) mod frames;
pub(crate) mod host;
pub(crate) mod introduction;
pub(crate) mod joiner;
pub(crate) mod link;
pub(crate) mod reason;
pub(crate) mod verdict;
pub(crate) mod view;

pub use envelope::seal_grant;
pub use frames::{Claim, Preview, Status};
pub use host::Host;
pub use introduction::{Introduced, Introducer};
pub use joiner::{JoinOutcome, JoinStep, Joiner, Ready};
pub use link::{InviteLink, LinkError};
pub use reason::Reason;
pub use verdict::{introduced, may_host};
pub use view::{HeldEnvelope, HostView, Introduction};

#[cfg(test)]
mod tests;
