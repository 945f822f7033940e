//! What people compare to know whom they talk to, and who has not heard of a removal.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{MemberRef, Time, tag};

tag!(FingerprintSchema "coterie.fingerprint/1");
tag!(GroupWordsSchema "coterie.group_words/1");
tag!(SafetySchema "coterie.safety/1");
tag!(StragglerSchema "coterie.straggler/1");

/// One's own key, as it is read out (E-97).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Fingerprint {
    /// Form of this object.
    pub schema: FingerprintSchema,
    /// The public key.
    pub key: String,
    /// Six words that stand for it.
    pub words: Vec<String>,
}

/// Equal for two members exactly if they see the same group, the same members with keys and the same settings (E-97).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct GroupWords {
    /// Form of this object.
    pub schema: GroupWordsSchema,
    /// The group.
    pub group: String,
    /// Eight words.
    pub words: Vec<String>,
}

/// What two people compare, face to face or by voice (E-96).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Safety {
    /// Form of this object.
    pub schema: SafetySchema,
    /// The other one.
    pub member: MemberRef,
    /// Their public key.
    pub key: String,
    /// Twelve groups of five digits, the same on both screens.
    pub number: String,
    /// What a QR code says; the same on both screens.
    pub code: String,
    /// Six words for the other one's key.
    pub words: Vec<String>,
    /// Six words for one's own key.
    pub own_words: Vec<String>,
    /// When it was compared; none if it was not.
    pub verified: Option<Time>,
    /// A word of warning, if this name was compared under another key.
    pub notice: Option<String>,
}

/// `POST /v1/groups/{g}/members/{m}/verify`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Compared {
    /// Whether both screens show the same; false takes an earlier comparison back.
    pub same: bool,
    /// What the other one's code says. If it is given and is another than the own one, nothing is marked.
    #[serde(default)]
    pub code: Option<String>,
}

/// Somebody who may still send to a person who is out (E-85).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Straggler {
    /// Form of this object.
    pub schema: StragglerSchema,
    /// Who.
    pub member: MemberRef,
    /// Who is out.
    pub gone: MemberRef,
    /// When that was decided, by the clock of who did it.
    pub since: Time,
    /// Whether the member has heard of it, and has only not spoken since.
    pub heard: bool,
    /// One sentence (WD-10).
    pub sentence: String,
}

/// Why one's words are not sealed to somebody who sits in the group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Unsealed {
    /// The seat waits for an organiser's Confirm.
    Seat,
    /// No key of their program has come here yet.
    NoKey,
    /// Their newest key is older than 90 days.
    StaleKey,
    /// Two programs write in their name.
    Forked,
}
