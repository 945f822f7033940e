//! What a face is told, after it has become true on disk (EV-4), and what it may look at.
//!
//! Views are whole objects, not patches: a face that missed ten events reads one view and is right.

mod message;
mod people;
mod recovery;

use alloc::string::String;
use alloc::vec::Vec;

pub use self::message::{Delivery, DeliveryState, MessageKind, MessageView, NamedBlob, WaitingView, WaitingWords};
pub use self::people::{MemberView, Straggler, Unsealed};
pub use self::recovery::{RecoveryView, SuccessionView};
use crate::ids::{EntryId, GroupId, InviteId, MemberKey, MembershipId, SeatNumber};

/// Something became true.
#[derive(Clone, Debug)]
pub enum Event {
    /// A group is new here, or its name, settings, roles or state changed.
    Group(GroupId),
    /// A group's local copy is gone.
    GroupGone(GroupId),
    /// Somebody's place in a group changed; from comparing two folded states (MB-V9).
    Member {
        /// Where.
        group: GroupId,
        /// Who.
        member: MembershipId,
        /// What.
        change: MemberChange,
    },
    /// Somebody came into reach or went out of it.
    Presence {
        /// Where.
        group: GroupId,
        /// Who.
        member: MembershipId,
    },
    /// A line is new in the timeline.
    Message {
        /// Where.
        group: GroupId,
        /// The line.
        message: MessageView,
    },
    /// A line changed or is hidden now.
    MessageChanged {
        /// Where.
        group: GroupId,
        /// The line.
        message: MessageView,
    },
    /// Something was done to a post, or no longer counts: what is shown of it is to be looked at again.
    Annotated {
        /// Where.
        group: GroupId,
        /// The post; it may not be here yet.
        target: EntryId,
    },
    /// More members hold a message of one's own.
    Delivery {
        /// Where.
        group: GroupId,
        /// Which.
        entry: EntryId,
        /// How far it got.
        delivery: Delivery,
    },
    /// Something queued was sealed, or taken back.
    Outbox {
        /// Where.
        group: GroupId,
        /// Its number.
        outbox: u64,
        /// The sealed message, if it became one.
        sealed: Option<EntryId>,
    },
    /// An invite of one's own changed.
    Invite {
        /// Where.
        group: GroupId,
        /// Which.
        invite: InviteId,
    },
    /// A join moved.
    Join {
        /// Which.
        join: u32,
    },
    /// Something a person should know about.
    Alert {
        /// Where, if it is about one group.
        group: Option<GroupId>,
        /// What.
        alert: Alert,
    },
}

/// What happened to somebody's place (EV-6).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[expect(missing_docs, reason = "the words of EV-6")]
pub enum MemberChange {
    Joined,
    Confirmed,
    Contested,
    Left,
    Removed,
    Banned,
    SeatLost,
    Promoted,
    Demoted,
}

/// A machine's or person's doing that somebody should look at (EV-7).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alert {
    /// Stable word.
    pub kind: AlertKind,
    /// Whom it is about, if a member.
    pub member: Option<MembershipId>,
    /// The peer it came from, if not a member.
    pub peer: Option<MemberKey>,
    /// Rule or reason, short.
    pub reason: String,
}

/// Kinds of alerts (EV-7).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[expect(missing_docs, reason = "the words of EV-7")]
pub enum AlertKind {
    Fork,
    DoubleSpend,
    Rivalry,
    Excluded,
    Restored,
    Clone,
    LinkLeaked,
    KeyChanged,
    BrokenMessage,
    Throttled,
    PeerMisbehaving,
    HandshakeFailed,
    LogLarge,
    Replaced,
    Frozen,
}

/// What one is in a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[expect(missing_docs, reason = "the words of the Group shape")]
pub enum GroupState {
    Member,
    /// In a seat, without keys until an organiser confirms.
    Waiting,
    Frozen,
    Left,
    Removed,
    SeatLost,
    Newer,
}

/// A person's role (membership document, section 10).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[expect(missing_docs, reason = "the four words of the membership document")]
pub enum RoleView {
    Founder,
    Admin,
    Member,
    Guest,
}

/// One group, as its own screen shows it.
#[derive(Clone, Debug)]
pub struct GroupView {
    /// Its id.
    pub id: GroupId,
    /// Its name.
    pub name: String,
    /// What it is about.
    pub about: String,
    /// One's own membership.
    pub me: MembershipId,
    /// One's own role.
    pub role: RoleView,
    /// What one is there.
    pub state: GroupState,
    /// Seats taken, of 100.
    pub occupied: u32,
    /// Of those, not confirmed yet.
    pub provisional: u32,
    /// Of those, guests.
    pub guests: u32,
    /// Free seats in one's own hands.
    pub mine: u32,
    /// Members in reach.
    pub online: u32,
    /// Texts queued or not yet with anybody else.
    pub waiting: u32,
    /// When a sync with somebody was last complete, ms since 1970.
    pub synced_at_ms: Option<u64>,
    /// Number of ops in the membership log.
    pub operations: u64,
    /// Hash of the folded state, equal on all who hold the same ops (MB-V6).
    pub state_hash: [u8; 32],
    /// Whether newcomers wait for an organiser's word (MB-V1).
    pub require_confirm: bool,
    /// Whether one is the only organiser of a group in which somebody else could be named (MB-D12).
    pub name_a_second_organiser: bool,
    /// Days of what was said before that newcomers get, 0 for all; none if they get nothing (E-86).
    pub history_days: Option<u64>,
    /// For how many days one keeps what is said, on this disk; none = for ever.
    pub keep_days: Option<u16>,
    /// For how long one's screens are silent about it; none = they aren't.
    pub muted: Option<Muted>,
}

/// How long a muted group stays silent (CV-11).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Muted {
    /// Until then, ms since 1970.
    UntilMs(u64),
    /// Until it is undone.
    Always,
}

/// One invite of one's own.
#[derive(Clone, Debug)]
pub struct InviteView {
    /// Its id.
    pub id: InviteId,
    /// How many it lets in.
    pub uses: u32,
    /// How many came in by it.
    pub used: u32,
    /// Last moment, ms since 1970.
    pub not_after_ms: u64,
    /// When it was made, ms since 1970.
    pub created_at_ms: u64,
    /// Whether it still lets people in.
    pub state: InviteState,
    /// Members who hold its envelope: from 1 on the link works while this computer is off (MB-I5).
    pub kept_by: u32,
    /// Seats it can fill.
    pub seats: Vec<SeatNumber>,
}

/// Whether a link still lets people in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[expect(missing_docs, reason = "the words of the Invite shape")]
pub enum InviteState {
    Open,
    Used,
    Expired,
    Revoked,
}

/// One join of one's own.
#[derive(Clone, Debug)]
pub struct JoinView {
    /// Its number.
    pub id: u32,
    /// How far it is.
    pub state: JoinState,
    /// What the host showed of the group.
    pub preview: Option<PreviewView>,
    /// The group, once seated.
    pub group: Option<GroupId>,
    /// Why it ended without a seat.
    pub refused: Option<JoinRefusal>,
}

/// How far a join is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[expect(missing_docs, reason = "the words of the Join shape")]
pub enum JoinState {
    Searching,
    Proving,
    Asking,
    Syncing,
    Seated,
    WaitingForAdmin,
    Refused,
}

/// What one sees before joining.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PreviewView {
    /// Group's name.
    pub name: String,
    /// What it is about.
    pub about: String,
    /// Seats taken.
    pub members: u32,
    /// Who made the link.
    pub inviter: MemberKey,
}

/// Why a join ended without a seat (MB-I8, QR-5).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum JoinRefusal {
    /// Every seat of the link is taken.
    Used,
    /// The link was withdrawn.
    Withdrawn,
    /// Its last moment has passed.
    Expired,
    /// Who made it may not invite any more.
    InviterGone,
    /// This key is banned.
    Banned,
    /// The group is full.
    Full,
    /// The seat went elsewhere while joining.
    SeatLost,
    /// One sits there already.
    AlreadyMember,
    /// A member refused it for a reason of form.
    Rejected(String),
}
