//! Groups, the people in them, and the seats that wait for a Confirm.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Message, Time, Unsealed, Waiting, tag};

tag!(GroupSchema "coterie.group/1");
tag!(MemberSchema "coterie.member/1");
tag!(RequestSchema "coterie.request/1");
tag!(GoneSchema "coterie.group_gone/1");

/// A person's role.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Made the group.
    Founder,
    /// Invites and removes.
    Admin,
    /// Reads and writes.
    Member,
    /// Reads and writes for a while.
    Guest,
}

/// What one is in a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum GroupState {
    /// In a seat, without keys until an organiser confirms.
    Joining,
    /// In.
    Member,
    /// In, and no organiser is left: nobody can join or be removed.
    Frozen,
    /// Left.
    Left,
    /// Removed by an organiser.
    Removed,
    /// Somebody else's claim to the seat counts.
    SeatLost,
    /// Of a form that needs a newer program (WD-13).
    Newer,
}

/// Seats of a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Seats {
    /// Always 100.
    pub total: u32,
    /// Taken.
    pub occupied: u32,
    /// Of those, not confirmed yet.
    pub provisional: u32,
    /// Of those, guests.
    pub guests: u32,
    /// Not taken, in whoever's hands.
    pub free: u32,
    /// Free and in one's own hands.
    pub mine: u32,
}

/// The membership log, for comparing two nodes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LogState {
    /// How many operations.
    pub operations: u64,
    /// Equal on all who hold the same operations (MB-V6), lower-case hex.
    pub state_hash: String,
}

/// One group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Group {
    /// Form of this object.
    pub schema: GroupSchema,
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// What it is about.
    pub about: String,
    /// One's own membership.
    pub me: String,
    /// One's own role.
    pub role: Role,
    /// What one is there.
    pub state: GroupState,
    /// Settings that everybody in the group follows.
    pub policy: GroupPolicy,
    /// Seats.
    pub seats: Seats,
    /// Others in reach.
    pub online: u32,
    /// Texts that nobody else holds yet.
    pub waiting: Waiting,
    /// The newest line.
    pub last: Option<Message>,
    /// When a comparison with somebody was last complete.
    pub synced: Option<Time>,
    /// The membership log.
    pub log: LogState,
    /// What newcomers get of what was said before they came.
    pub history: History,
    /// For how many days what is said is kept on this computer; none: for ever.
    pub keep_days: Option<u16>,
    /// Whether this profile's screens are silent about it; nobody else knows.
    pub muted: bool,
    /// When they ring again; none, if muted: when it is undone.
    pub muted_until: Option<Time>,
    /// What the group should be told once: a second organiser, a newer program (WD-4, WD-13).
    pub notice: Option<String>,
    /// In the answer to founding only: the recovery codes, if there are some. They are nowhere else.
    pub recovery_codes: Option<Vec<String>>,
}

/// Settings that everybody in a group follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct GroupPolicy {
    /// Newcomers sit there without keys until an organiser confirms them.
    pub require_confirm: bool,
}

/// A group's local copy is gone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct GroupGone {
    /// Form of this object.
    pub schema: GoneSchema,
    /// Which it was.
    pub id: String,
}

/// `POST /v1/groups`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewGroup {
    /// 1–64 bytes.
    pub name: String,
    /// At most 280 bytes.
    #[serde(default)]
    pub about: String,
    /// Recovery codes, if the group is to have some; they are in the answer, and nowhere else.
    #[serde(default)]
    pub recovery: Option<NewRecovery>,
}

/// How many recovery codes a new group gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewRecovery {
    /// So many must agree, 1 to the number of codes.
    pub threshold: u8,
    /// Codes, 1–7.
    pub codes: u8,
}

/// `PATCH /v1/groups/{g}`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangeGroup {
    /// 1–64 bytes; absent: stays.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Whether newcomers wait for an organiser's word; absent: stays.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub require_confirm: Option<bool>,
    /// What newcomers get of the past; absent: stays.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub history: Option<History>,
}

/// `PUT /v1/groups/{g}/keeping`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Keeping {
    /// 1–3653; none: for ever.
    pub days: Option<u16>,
}

/// `PUT /v1/groups/{g}/mute`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Muting {
    /// Whether it is muted.
    pub on: bool,
    /// For so many milliseconds from now on, 1 to 366 days of them; none: until it is undone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub for_ms: Option<u64>,
}

/// What newcomers get of what was said before they came (E-86). Only what is said after this was set is ever given.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case", tag = "mode")]
pub enum History {
    /// Nothing.
    None,
    /// So many days, and up to a week more: keys are those of whole epochs.
    Days {
        /// 1–3660.
        days: u64,
    },
    /// All that was said since this was set.
    All,
}

/// `POST /v1/groups/{g}/leave`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct LeaveGroup {
    /// Go also as the last organiser, which freezes the group (WD-5).
    pub freeze: bool,
}

/// How one is connected to somebody.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Way {
    /// Straight.
    Direct,
    /// Through somebody else.
    Relayed,
    /// Not.
    None,
}

/// What happened to somebody's place (EV-6); from comparing two folded states.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the words of EV-6")]
pub enum Change {
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

/// One person in a group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Member {
    /// Form of this object.
    pub schema: MemberSchema,
    /// The membership.
    pub id: String,
    /// The group.
    pub group: String,
    /// The person's public key.
    pub key: String,
    /// As the person calls themselves.
    pub name: String,
    /// Role.
    pub role: Role,
    /// Seat, 0–99.
    pub seat: u8,
    /// Not confirmed yet.
    pub provisional: bool,
    /// Somebody else used the same seat of a link.
    pub contested: bool,
    /// Oneself.
    pub me: bool,
    /// In reach.
    pub online: bool,
    /// How.
    pub link: Way,
    /// Why one's words do not go to them; none if they do.
    pub unsealed: Option<Unsealed>,
    /// When their key was compared with them.
    pub verified: Option<Time>,
    /// This name was compared under another key: somebody else, or a new installation of theirs.
    pub other_key: bool,
    /// A word of caution, if there is one (WD-8).
    pub notice: Option<String>,
    /// In events only: what happened.
    pub change: Option<Change>,
}

/// A person, named.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct MemberRef {
    /// The membership.
    pub id: String,
    /// The name; empty if it is not known (any more).
    pub name: String,
    /// The role; absent for who is gone.
    pub role: Option<Role>,
    /// The seat; absent for who is gone.
    pub seat: Option<u8>,
}

/// Roles that can be given.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum GivenRole {
    /// Promote.
    Admin,
    /// Demote.
    Member,
}

/// `PATCH /v1/groups/{g}/members/{m}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangeMember {
    /// The new role.
    pub role: GivenRole,
}

/// `POST /v1/groups/{g}/members/{m}/remove`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RemoveMember {
    /// Whether later links stay shut for this key.
    pub ban: bool,
}

/// A seat that waits for an organiser's Confirm.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Request {
    /// Form of this object.
    pub schema: RequestSchema,
    /// The membership to confirm.
    pub id: String,
    /// The group.
    pub group: String,
    /// Who.
    pub member: MemberRef,
    /// Two people used one link: neither gets keys until this is decided.
    pub contested: bool,
    /// One sentence (WD-8).
    pub sentence: String,
}
