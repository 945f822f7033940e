//! What a face may see of the people in a group.

use alloc::string::String;

use super::RoleView;
use crate::ids::{MemberKey, MembershipId, Path, SeatNumber};

/// One person in a group.
#[derive(Clone, Debug)]
pub struct MemberView {
    /// Membership.
    pub id: MembershipId,
    /// Key.
    pub key: MemberKey,
    /// Name as given by the person.
    pub name: String,
    /// Role.
    pub role: RoleView,
    /// Seat.
    pub seat: SeatNumber,
    /// Not confirmed yet.
    pub provisional: bool,
    /// Somebody else used the same seat of a link.
    pub contested: bool,
    /// Oneself.
    pub me: bool,
    /// In reach.
    pub online: bool,
    /// The link to them, if there is one.
    pub link: Option<Path>,
    /// Why what one says now is not sealed to them; none if it is: their key is here and nothing speaks against it (E-39,
    /// E-40).
    pub unsealed: Option<Unsealed>,
    /// When their key was compared with them, ms since 1970 (E-96).
    pub verified_at_ms: Option<u64>,
    /// A key of this name was compared, and this is another one.
    pub other_key: bool,
}

/// Why somebody who sits in a group gets no keys from us.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Unsealed {
    /// Their seat waits for a Confirm.
    Seat,
    /// No key of their program has come here yet.
    NoLeaf,
    /// Their newest key is older than 90 days (E-13).
    StaleLeaf,
    /// Two programs write in their name (E-79).
    Forked,
}

/// Somebody who may still send to a person who is out (E-85).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Straggler {
    /// Who.
    pub member: MembershipId,
    /// Who is out.
    pub gone: MembershipId,
    /// When that was decided, by the clock of who did it, ms since 1970.
    pub since_ms: u64,
    /// Whether the member is known to have heard of it, and has only not spoken since.
    pub heard: bool,
}
