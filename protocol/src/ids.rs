//! Names of things: keys, memberships, groups, logs, entries, operations, seats, links.
//!
//! Every id is a fixed array with its own type, so that a group's id cannot be passed where a member's is meant.
//! Ids are hashes or public keys: they identify, they never prove.

use alloc::vec::Vec;
use core::fmt;

macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $len:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub [u8; $len]);

        impl $name {
            /// Length in bytes.
            pub const LEN: usize = $len;

            /// The bytes.
            #[must_use]
            pub const fn as_bytes(&self) -> &[u8; $len] {
                &self.0
            }
        }

        impl AsRef<[u8]> for $name {
            fn as_ref(&self) -> &[u8] {
                &self.0
            }
        }

        impl TryFrom<&[u8]> for $name {
            type Error = core::array::TryFromSliceError;
            fn try_from(bytes: &[u8]) -> Result<Self, Self::Error> {
                bytes.try_into().map(Self)
            }
        }

        /// Lower-case hex.
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
            }
        }

        /// The first four bytes: enough to tell things apart in a log line (H-25).
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "("))?;
                self.0.iter().take(4).try_for_each(|byte| write!(f, "{byte:02x}"))?;
                write!(f, "…)")
            }
        }
    };
}

id!(/** SHA-256 of something. */ Digest, 32);
id!(/** A person's Ed25519 public key; also what the transport proves. */ MemberKey, 32);
id!(/** Id of a membership operation: H("op-id", SignedOp) (MB-E4). */ OperationId, 32);
id!(/** Id of a group: the id of its Genesis. */ GroupId, 32);
id!(/** Id of one membership: the id of its Join (founder: of the Genesis). */ MembershipId, 32);
id!(/** Id of a log entry (E-18). */ EntryId, 32);
id!(/** A seat's single-use output (MB-E5). */ Output, 32);
id!(/** X25519 public leaf key (E-11). */ LeafKey, 32);
id!(/** One installation of a person: 16 random bytes (E-09, ST-100). */ Instance, 16);
id!(/** A guest session. */ SessionId, 16);
id!(/** Public name of an invite of one's own, random at creation. */ InviteId, 16);
id!(/** Short name of a log on the wire: H16("net/lid", gid, mid, inst) (N-702). */ LogTag, 16);
id!(/** Short name of a pushed item (N-505). */ ItemId, 16);
id!(/** A position in the timeline: be64(tick) then the first 8 bytes of the entry's id (E-53). */ OrderKey, 16);
id!(/** Eight random bytes of one process start (N-301). */ Boot, 8);
id!(
    /** A sealed file: the BLAKE3 root of its ciphertext (BL-6). The core never computes it; the shell does. */
    BlobId, 32
);

/// An Ed25519 signature.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Signature(pub [u8; 64]);

impl fmt::Debug for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Signature(…)")
    }
}

/// An office is named by the Promote that made it; the founder's by the Genesis.
pub type Office = OperationId;

impl From<OperationId> for MembershipId {
    fn from(id: OperationId) -> Self {
        Self(id.0)
    }
}
impl From<MembershipId> for OperationId {
    fn from(id: MembershipId) -> Self {
        Self(id.0)
    }
}
impl From<GroupId> for OperationId {
    fn from(id: GroupId) -> Self {
        Self(id.0)
    }
}
impl From<GroupId> for MembershipId {
    fn from(id: GroupId) -> Self {
        Self(id.0)
    }
}
impl From<OperationId> for GroupId {
    fn from(id: OperationId) -> Self {
        Self(id.0)
    }
}

/// A seat's number, 0–99.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SeatNumber(pub u8);

/// One append-only log: a membership on one installation (E-09). The group is known from where it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LogId {
    /// Whose.
    pub mid: MembershipId,
    /// On which installation.
    pub inst: Instance,
}

/// A place in a log (E-18): used by cuts and by `prior`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Point {
    /// Installation.
    pub inst: Instance,
    /// Sequence number.
    pub seq: u64,
    /// The entry there.
    pub eid: EntryId,
}

/// A set of operation ids, strictly ascending: the newest ones an author knew.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Heads(Vec<OperationId>);

impl Heads {
    /// Sorts and removes duplicates.
    #[must_use]
    pub fn new(mut ids: Vec<OperationId>) -> Self {
        ids.sort_unstable();
        ids.dedup();
        Self(ids)
    }

    /// Only if strictly ascending.
    #[must_use]
    pub fn from_sorted(ids: Vec<OperationId>) -> Option<Self> {
        ids.is_sorted_by(|a, b| a < b).then_some(Self(ids))
    }

    /// The ids, ascending.
    #[must_use]
    pub fn as_slice(&self) -> &[OperationId] {
        &self.0
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether `id` is one of them.
    #[must_use]
    pub fn contains(&self, id: &OperationId) -> bool {
        self.0.binary_search(id).is_ok()
    }
}

/// One stream between two nodes, numbered by the shell; never reused in a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LinkId(pub u64);

/// A peer in one group: a link, and the number of that group on it (a *slot*, N-304). Small enough to be a key
/// everywhere; never reused, because neither part is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Neighbour {
    /// The link.
    pub link: LinkId,
    /// The group's number on it, from 1.
    pub slot: u8,
}

/// What a stream is for; the shell has already authenticated the peer's key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Channel {
    /// `/coterie/join/1`: the one thing that strangers reach (N-207).
    Join,
    /// `/coterie/group/1`: members, every group the two share (section 3 of the network document).
    Group,
}

/// How a link gets there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Path {
    /// Straight, over QUIC.
    DirectQuic,
    /// Straight, over TCP.
    DirectTcp,
    /// Through a relay.
    Relayed,
}
