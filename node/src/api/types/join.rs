//! Invites handed out, and joins under way.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::super::problem::Problem;
use super::{Role, Time, tag};

tag!(InviteSchema "coterie.invite/1");
tag!(PreviewSchema "coterie.preview/1");
tag!(JoinSchema "coterie.join/1");

/// Whether a link still lets people in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum InviteState {
    /// It does.
    Open,
    /// Every seat of it is taken.
    Used,
    /// Its time is over.
    Expired,
    /// It was withdrawn.
    Revoked,
}

/// One invite of one's own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Invite {
    /// Form of this object.
    pub schema: InviteSchema,
    /// Its id, which is no secret.
    pub id: String,
    /// The group.
    pub group: String,
    /// What it makes people.
    pub role: Role,
    /// How many it lets in.
    pub uses: u32,
    /// How many came in by it.
    pub used: u32,
    /// Last moment.
    pub expires: Time,
    /// When it was made.
    pub created: Time,
    /// Whether it still lets people in.
    pub state: InviteState,
    /// Members who hold its envelope: from 1 on it works while this computer is off (MB-I5).
    pub kept_by: u32,
    /// Seats it can fill.
    pub seats: Vec<u8>,
    /// The long link: a secret. Only where one invite is created or asked for.
    pub link: Option<String>,
    /// The short link of the code: a secret, as `link`.
    pub short_link: Option<String>,
    /// What to keep in mind (WD-6, WD-7).
    pub sentence: String,
}

/// `POST /v1/groups/{g}/invites`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct NewInvite {
    /// How many people it lets in, 1–99.
    pub uses: u8,
    /// How long it lives from now on; a minute to a year.
    pub expires_in_ms: u64,
    /// `member` only, until guest sessions exist.
    pub role: Role,
}

impl Default for NewInvite {
    fn default() -> Self {
        Self { uses: 1, expires_in_ms: 24 * 3_600_000, role: Role::Member }
    }
}

/// What one sees of a group before joining it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Preview {
    /// Form of this object.
    pub schema: PreviewSchema,
    /// Name of the group.
    pub group: String,
    /// What it is about.
    pub about: String,
    /// Who made the link: a key. Its name is known after joining.
    pub inviter: String,
    /// Seats taken.
    pub members: u32,
    /// What one would become.
    pub role: Role,
}

/// How far a join is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum JoinState {
    /// Looking for somebody of the group.
    Searching,
    /// Somebody is there; the invite is being proved.
    Proving,
    /// The preview is there and waits for a word: agree or cancel.
    Asking,
    /// Fetching what a member needs.
    Syncing,
    /// In a seat; an organiser has to confirm before there are keys.
    WaitingAdmin,
    /// Done.
    Seated,
    /// It will not come to a seat; `error` says why.
    Refused,
}

/// One join of one's own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Join {
    /// Form of this object.
    pub schema: JoinSchema,
    /// Its id.
    pub id: String,
    /// How far it is.
    pub state: JoinState,
    /// What a member showed of the group.
    pub preview: Option<Preview>,
    /// The group, once there is a seat.
    pub group: Option<String>,
    /// Whether one was in that group before: then nothing was done.
    pub already_member: bool,
    /// One sentence for people.
    pub sentence: String,
    /// Why it was refused.
    pub error: Option<Problem>,
}

/// `POST /v1/joins/preview`: look, and do nothing else.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewPreview {
    /// The link as pasted.
    pub link: String,
    /// Further addresses to try, multiaddrs as text.
    #[serde(default)]
    pub via: Vec<String>,
    /// How long to look for somebody; 30 s if not given, at most 60 s.
    #[serde(default)]
    pub wait_ms: Option<u64>,
}

/// `POST /v1/joins`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewJoin {
    /// The link as pasted.
    pub link: String,
    /// The name to be shown in the group; the identity's if not given.
    #[serde(default)]
    pub name: Option<String>,
    /// Further addresses to try, multiaddrs as text.
    #[serde(default)]
    pub via: Vec<String>,
    /// Stop at the preview, in state `asking`, until `POST /v1/joins/{j}/agree`.
    #[serde(default)]
    pub ask_first: bool,
}
