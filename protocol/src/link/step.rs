//! What goes into a link and what comes out of it, beside frames and time.

use alloc::vec::Vec;
use bytes::Bytes;

use super::control::{ByeCode, DropCode};
use crate::error::PeerFault;
use crate::ids::{Boot, GroupId, Instance, MemberKey};
use crate::wire::frame::{Frame, GroupFrame};

/// caps bit: takes part in the broadcast tree; always set (N-311).
pub const CAP_TREE: u64 = 1;
/// What both ends of a link are.
#[derive(Clone, Copy, Debug)]
pub struct Ends {
    /// The own key.
    pub own: MemberKey,
    /// The peer's, proved by the transport.
    pub peer: MemberKey,
    /// The own installation.
    pub instance: Instance,
    /// The own process start.
    pub boot: Boot,
    /// Own bits of N-311.
    pub caps: u64,
}

/// What a ready peer said of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PeerNode {
    /// Its installation.
    pub instance: Instance,
    /// Its process start.
    pub boot: Boot,
    /// Its bits of N-311; unknown ones are ignored.
    pub caps: u64,
}

/// How a link came to its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Close {
    /// The peer broke a rule. Before READY nothing was sent; after it BYE is among the frames to send.
    Fault(PeerFault),
    /// The handshake took too long (a slow path, a sleeping computer), or the link carried no group for too long: nobody
    /// is blamed.
    Late,
    /// The peer said BYE; the seats are others to try.
    ByPeer(ByeCode, Vec<u8>),
}

/// A frame of a slot, checked for kind, size and place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// The slot.
    pub slot: u8,
    /// Its group.
    pub gid: GroupId,
    /// Kind.
    pub kind: GroupFrame,
    /// Undecoded body.
    pub body: Bytes,
}

/// What follows from one input.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct LinkStep {
    /// To send, in order.
    pub send: Vec<Frame>,
    /// Slots that opened.
    pub opened: Vec<(u8, GroupId)>,
    /// A slot that the peer ended.
    pub dropped: Option<(u8, GroupId, DropCode)>,
    /// A frame for a group.
    pub deliver: Option<Delivery>,
    /// The peer says that this installation runs twice (ST-102).
    pub twin: Option<(Instance, Boot)>,
    /// The handshake is through: for the first time, or again.
    pub ready: Option<PeerNode>,
    /// A fault that does not end the link by itself (N-211).
    pub fault: Option<PeerFault>,
    /// A frame was left aside because there were too many (N-606).
    pub over_rate: bool,
    /// Read nothing from this link for so many ms (N-606).
    pub pause_ms: Option<u64>,
    /// The link is over.
    pub close: Option<Close>,
}
