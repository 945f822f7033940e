//! What makes a member a good neighbour, and of which kind (N-601).

use crate::limits;

/// What is known of a member as a possible neighbour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// Heard of within 150 s (N-503).
    pub online: bool,
    /// An address of its is known.
    pub dialable: bool,
    /// A link with it is open for another group: it costs a slot only (N-604).
    pub linked_elsewhere: bool,
    /// Confirmed public address, or relays for members.
    pub well_connected: bool,
    /// Last known round trip.
    pub rtt_ms: Option<u64>,
    /// When it was last linked, wall clock; 0 = never.
    pub last_contact_ms: u64,
}

impl Candidate {
    /// Lower is better. Online first (N-602); then what the kind asks for; then who is linked for another group
    /// (N-604); then the rank.
    pub(super) fn merit(&self, kind: Kind, rank: [u8; 16]) -> (bool, u64, bool, [u8; 16]) {
        let by_kind = match kind {
            Kind::Random | Kind::Inbound => 0,
            Kind::Near => self.rtt_ms.unwrap_or(u64::MAX),
            Kind::WellConnected => u64::from(!self.well_connected),
        };
        let costs_a_link = kind != Kind::Random && !self.linked_elsewhere;
        (!self.online, by_kind, costs_a_link, rank)
    }
}

/// A kind of neighbour (N-601).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    Random,
    Near,
    WellConnected,
    /// Chosen by the other side.
    Inbound,
}

/// The kinds of our own choice, and how many of each.
pub(super) const KINDS: [(Kind, usize); 3] = [
    (Kind::Random, limits::VIEW_RANDOM),
    (Kind::Near, limits::VIEW_NEAR),
    (Kind::WellConnected, limits::VIEW_WELL_CONNECTED),
];
