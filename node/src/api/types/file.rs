//! Files that come with a message, and files on their way to become part of one (BL-8, UD-1).

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{MemberRef, tag};

tag!(UploadSchema "coterie.upload/1");
tag!(TransferSchema "coterie.transfer/1");

/// What a file is for, by its sender.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum FileKind {
    /// A picture.
    Image,
    /// Something spoken.
    Voice,
    /// A film.
    Video,
    /// Anything else.
    File,
}

/// How much of a file is on this computer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum FileState {
    /// Nothing of it.
    Absent,
    /// Some of it.
    Partial,
    /// All of it.
    Complete,
}

/// A file of a message. All but `state` and `have` is what its sender says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct File {
    /// The file, for all who have it: the root of its sealed bytes.
    pub blob: String,
    /// What it is for.
    pub kind: FileKind,
    /// What it is called.
    pub name: Option<String>,
    /// `image/jpeg`; none if it is not known.
    #[serde(rename = "type")]
    pub media: Option<String>,
    /// Bytes.
    pub size: u64,
    /// Of a picture.
    pub width: Option<u16>,
    /// Of a picture.
    pub height: Option<u16>,
    /// Of sound and film.
    pub duration_ms: Option<u32>,
    /// What is to be seen or heard, for who can't.
    pub alt: Option<String>,
    /// Whether it came with all its data: place, time, device.
    pub original: bool,
    /// How much of it is here.
    pub state: FileState,
    /// Bytes of it that are here.
    pub have: u64,
}

/// `POST /v1/uploads`: taken in, and not part of a message yet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Upload {
    /// Form of this object.
    pub schema: UploadSchema,
    /// Names it in a new message; good for a day.
    pub id: String,
    /// The file.
    pub file: File,
}

/// A file to go with a new message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewFile {
    /// The upload's id.
    pub upload: String,
    /// What is to be seen or heard, for who can't; at most 1,000 bytes.
    #[serde(default)]
    pub alt: Option<String>,
}

/// A file that is being fetched.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Transfer {
    /// Form of this object.
    pub schema: TransferSchema,
    /// The group.
    pub group: String,
    /// Who sent it.
    pub author: Option<MemberRef>,
    /// The file.
    pub blob: String,
    /// Bytes that are here, sealed.
    pub have: u64,
    /// Of so many.
    pub size: u64,
    /// Members who are giving it just now.
    pub sources: u32,
}
