//! What a face may see of how an organiser could be replaced.

use crate::ids::{GroupId, MembershipId};

/// How the organiser above all others could be replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RecoveryView {
    /// So many codes must agree.
    pub threshold: u8,
    /// Of so many.
    pub codes: u8,
    /// Who is above all others now.
    pub holder: MembershipId,
    /// Whether that office stands; it doesn't after its holder has left.
    pub standing: bool,
}

/// What a request to be named asks for, before anybody consents.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SuccessionView {
    /// The group.
    pub group: GroupId,
    /// Who asks.
    pub successor: MembershipId,
    /// In whose place.
    pub holder: MembershipId,
    /// How much that is known of the holder would become void.
    pub leaves_out: usize,
}
