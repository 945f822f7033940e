//! Recovery codes: a new organiser in the place of one who is lost.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{MemberRef, tag};

tag!(RecoverySchema "coterie.recovery/1");
tag!(SuccessionRequestSchema "coterie.succession_request/1");
tag!(SuccessionLookSchema "coterie.succession_look/1");
tag!(SuccessionApprovalSchema "coterie.succession_approval/1");

/// How the organiser above all others could be replaced.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Recovery {
    /// Form of this object.
    pub schema: RecoverySchema,
    /// The group.
    pub group: String,
    /// So many codes must agree; 0 if the group has none.
    pub threshold: u8,
    /// Of so many.
    pub codes: u8,
    /// Who is above all others; absent without codes.
    pub organiser: Option<MemberRef>,
    /// Whether that person can act: not after leaving.
    pub standing: bool,
}

/// To be sent to those who keep codes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SuccessionRequest {
    /// Form of this object.
    pub schema: SuccessionRequestSchema,
    /// The group.
    pub group: String,
    /// One line of text.
    pub request: String,
    /// So many different codes must agree.
    pub threshold: u8,
}

/// `POST /v1/recovery/look`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LookAtRequest {
    /// As it came.
    pub request: String,
}

/// What a request asks for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SuccessionLook {
    /// Form of this object.
    pub schema: SuccessionLookSchema,
    /// The group.
    pub group: String,
    /// Its name.
    pub name: String,
    /// Who asks to become the organiser.
    pub successor: MemberRef,
    /// In whose place.
    pub organiser: MemberRef,
    /// How many known acts of the organiser would not count any more; 0 is usual.
    pub leaves_out: u32,
}

/// `POST /v1/recovery/approve`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ApproveRequest {
    /// As it came.
    pub request: String,
    /// One recovery code. It is used once and forgotten.
    pub code: String,
    /// Also if known acts of the organiser would not count any more.
    #[serde(default)]
    pub anyway: bool,
}

/// To be sent back to whoever asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SuccessionApproval {
    /// Form of this object.
    pub schema: SuccessionApprovalSchema,
    /// The group.
    pub group: String,
    /// One line of text.
    pub approval: String,
}

/// `POST /v1/groups/{g}/recovery/take`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TakeOver {
    /// As they came, at most 16.
    pub approvals: Vec<String>,
}
