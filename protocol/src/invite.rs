//! Joining: how somebody who holds a link becomes a member without the inviter being there.
#![deny(clippy::arithmetic_side_effects, clippy::as_conversions)]

pub(crate) mod link;

pub use link::{InviteLink, LinkError, LinkKeys};
