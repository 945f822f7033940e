//! What a group asks of a link: its ends, its slots, and whether more may be given.

use super::control::{One, frame};
use super::{Link, PeerNode, Side};
use crate::ids::GroupId;
use crate::time::Timestamp;
use crate::wire::frame::{Frame, GroupFrame};

impl Link {
    /// Given bytes are committed or discarded: CREDIT, when it is worth a frame (N-405).
    pub fn settled(&mut self, bytes: usize) -> Option<Frame> {
        let total = self.flow.0.settle(u64::try_from(bytes).unwrap_or(u64::MAX))?;
        Some(frame(GroupFrame::Credit, 0, &One(total)))
    }

    /// Whether a GIVE of this many body bytes may go now (N-405).
    #[must_use]
    pub fn may_give(&self, bytes: usize) -> bool {
        self.flow.1.may_give(u64::try_from(bytes).unwrap_or(u64::MAX))
    }

    /// A GIVE of this many body bytes goes.
    pub fn on_given(&mut self, bytes: usize, now: Timestamp) {
        self.flow.1.on_given(u64::try_from(bytes).unwrap_or(u64::MAX), now);
    }

    /// A measured round trip.
    pub const fn set_round_trip_ms(&mut self, ms: u64) {
        self.round_trip_ms = ms;
    }

    /// Which side opened it.
    #[must_use]
    pub const fn side(&self) -> Side {
        self.side
    }

    /// The peer's node, once the handshake is through.
    #[must_use]
    pub const fn peer_node(&self) -> Option<&PeerNode> {
        self.peer.as_ref()
    }

    /// Open slots and their groups.
    pub fn open_slots(&self) -> impl Iterator<Item = (u8, GroupId)> {
        self.slots.iter().filter(|(_, slot)| slot.is_open).map(|(number, slot)| (*number, slot.gid))
    }

    /// The open slot of a group.
    #[must_use]
    pub fn slot_of(&self, gid: &GroupId) -> Option<u8> {
        self.open_slots().find(|(_, open)| open == gid).map(|(slot, _)| slot)
    }
}
