//! All that the world can do to a node: links, frames, addresses, time. None of it can make the core fail.

use alloc::vec::Vec;
use bytes::Bytes;

use crate::ids::{Channel, LinkId, MemberKey, Path};
use crate::record::RecordId;

/// Who opened a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Opener {
    /// We did.
    Us,
    /// The peer did.
    Peer,
}

/// One thing that happened.
#[derive(Clone, Debug)]
pub enum Input {
    /// A stream is open. The transport has proved `peer`.
    Connected {
        /// Number of the stream, never reused in this process.
        link: LinkId,
        /// Who is there.
        peer: MemberKey,
        /// What the stream is for.
        channel: Channel,
        /// How it gets there.
        path: Path,
        /// Who opened it.
        opener: Opener,
    },
    /// One whole frame came.
    Received {
        /// On which stream.
        link: LinkId,
        /// Header and body.
        bytes: Bytes,
    },
    /// The stream is gone.
    Disconnected {
        /// Which.
        link: LinkId,
    },
    /// Round trip and path of a stream changed.
    Quality {
        /// Which.
        link: LinkId,
        /// Smoothed round trip.
        round_trip_ms: u64,
        /// How it gets there now.
        path: Path,
    },
    /// The shell dropped a full send queue: whatever was on it must be settled by sync (N-406).
    Overflowed {
        /// Which stream's.
        link: LinkId,
    },
    /// Nobody answered.
    DialFailed {
        /// Whom we meant; unknown when only an address was dialled.
        peer: Option<MemberKey>,
        /// What for.
        channel: Channel,
    },
    /// Addresses at which this node can be reached now, binary multiaddrs, best first.
    Listening {
        /// All of them.
        addresses: Vec<Vec<u8>>,
    },
    /// A node was seen on the local network.
    Sighted {
        /// Whose.
        peer: MemberKey,
        /// Where.
        addresses: Vec<Vec<u8>>,
    },
    /// Interfaces changed, or the computer woke up: dial again at once.
    NetworkChanged,
    /// A record that was asked for by `Effects::reads`.
    Loaded {
        /// Which.
        id: RecordId,
        /// Its value, if it is there and whole.
        bytes: Option<Vec<u8>>,
    },
    /// The next deadline has come.
    Deadline,
}
