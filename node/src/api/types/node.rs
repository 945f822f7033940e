//! The node and the person who runs it: status, identity, self-examination, alerts.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Time, tag};

tag!(StatusSchema "coterie.status/1");
tag!(IdentitySchema "coterie.identity/1");
tag!(DoctorSchema "coterie.doctor/1");
tag!(AlertSchema "coterie.alert/1");
tag!(RestoredSchema "coterie.restored/1");
tag!(VacuumedSchema "coterie.vacuumed/1");

/// How the node is, as one word (SS-2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum NodeState {
    /// The store is being opened.
    Starting,
    /// A passphrase is missing.
    Locked,
    /// At least one member is in reach.
    Online,
    /// The network is there, nobody is in reach.
    Alone,
    /// No network.
    Offline,
    /// Reading works, nothing is saved until there is room again.
    DiskFull,
    /// The store failed; reading works.
    ReadOnly,
}

/// How the node is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Status {
    /// Form of this object.
    pub schema: StatusSchema,
    /// Version of the program.
    pub version: String,
    /// Version of this API, `1.<minor>`.
    pub api: String,
    /// Which profile.
    pub profile: String,
    /// Its process.
    pub pid: u32,
    /// Since the start of the process.
    pub uptime_ms: u64,
    /// One word.
    pub state: NodeState,
    /// One sentence for people, the same in every face (SS-1).
    pub sentence: String,
    /// Each group.
    pub groups: Vec<GroupStatus>,
    /// Addresses at which this node listens, as multiaddrs: what another person can give to `join --via`.
    pub listen: Vec<String>,
    /// The disk; absent while starting.
    pub disk: Option<DiskStatus>,
    /// What a person should look at.
    pub alerts: Vec<Alert>,
    /// How often bytes of peers were refused, by reason.
    pub refused: BTreeMap<String, u64>,
    /// Pieces of files that moved since the start of the process.
    #[serde(default)]
    pub pieces: PiecesMoved,
}

/// Pieces of files, each of 1 MiB or the end of a file, since the start of the process.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PiecesMoved {
    /// That came from members, were what they should be and were kept.
    pub fetched: u64,
    /// That members asked for and that went out to them whole, whether or not they arrived.
    pub given: u64,
}

/// One group within [`Status`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct GroupStatus {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Members.
    pub seated: u32,
    /// Others in reach.
    pub online: u32,
    /// Of those, straight.
    pub direct: u32,
    /// Of those, through somebody else.
    pub relayed: u32,
    /// Texts that nobody else holds yet.
    pub waiting: Waiting,
    /// When a comparison with somebody was last complete.
    pub synced: Option<Time>,
}

/// What is not with others yet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Waiting {
    /// How many messages.
    pub messages: u32,
}

/// Room on the disk, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DiskStatus {
    /// Free for this user.
    pub free: u64,
    /// Below this nothing new is written.
    pub floor: u64,
    /// Taken by the store.
    pub used: u64,
    /// Whether nothing is written at the moment.
    pub read_only: bool,
}

/// Something a person should look at (EV-7).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Alert {
    /// Form of this object.
    pub schema: AlertSchema,
    /// Stable word.
    pub kind: String,
    /// The group, if it is about one.
    pub group: Option<String>,
    /// The member, if it is about one.
    pub member: Option<String>,
    /// What happened.
    pub what: String,
    /// Why, with the rule if there is one.
    pub why: String,
    /// What to do.
    #[serde(rename = "try")]
    pub tries: Vec<String>,
}

/// How the secrets on the disk are protected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Protection {
    /// By a key file beside them: whoever has the disk has the secrets.
    None,
    /// By a passphrase.
    Passphrase,
}

/// Who one is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Identity {
    /// Form of this object.
    pub schema: IdentitySchema,
    /// The public key.
    pub key: String,
    /// The name given to groups that are joined from now on.
    pub name: String,
    /// This installation.
    pub instance: String,
    /// How the secrets are protected.
    pub protected: Protection,
}

/// `PATCH /v1/identity`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangeIdentity {
    /// 1–64 bytes.
    pub name: String,
}

/// `POST /v1/identity/backup`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewBackup {
    /// Opens the file later; at least 8 characters.
    pub passphrase: String,
    /// Whether what was said is in it, too.
    #[serde(default)]
    pub history: bool,
}

/// `POST /v1/identity/passphrase`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangePassphrase {
    /// The one in force, if there is one.
    pub old: Option<String>,
    /// The next one, at least 8 characters; none: a key file beside the vault takes its place.
    pub new: Option<String>,
}

/// `POST /v1/identity/unlock`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Unlock {
    /// The one in force.
    pub passphrase: String,
}

/// What came out of a backup.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Restored {
    /// Form of this object.
    pub schema: RestoredSchema,
    /// The public key.
    pub key: String,
    /// The name given to groups that are joined from now on.
    pub name: String,
    /// This installation: a new one.
    pub instance: String,
    /// How the secrets are protected.
    pub protected: Protection,
    /// Names of the groups.
    pub groups: Vec<String>,
    /// Whether what was said is back, too.
    pub history: bool,
    /// When the backup was made.
    pub made: Time,
}

/// What writing the store anew has brought.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Vacuumed {
    /// Form of this object.
    pub schema: VacuumedSchema,
    /// Bytes that the store took on disk.
    pub before: u64,
    /// Bytes that it takes now.
    pub after: u64,
    /// Records in it.
    pub records: u64,
    /// What the opening found wrong with the store; empty if nothing was.
    pub told: Vec<String>,
}

/// How one check went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum CheckState {
    /// As it should be.
    Ok,
    /// Works, with a drawback.
    Warn,
    /// Broken.
    Fail,
}

/// One check of the node's own examination (DR).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Check {
    /// Stable word.
    pub name: String,
    /// How it went.
    pub state: CheckState,
    /// One sentence.
    pub text: String,
    /// A command or setting that helps; never absent where the state is `fail` (DR-1).
    pub fix: Option<String>,
}

/// The node's examination of itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Doctor {
    /// Form of this object.
    pub schema: DoctorSchema,
    /// Every check.
    pub checks: Vec<Check>,
}
