//! Lines of the timeline, how far they got, and what still waits to be sealed.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{File, Location, MemberRef, NewFile, NewLocation, Quoted, Reaction, Time, tag};

tag!(MessageSchema "coterie.message/1");
tag!(DeliverySchema "coterie.delivery/1");
tag!(OutboxSchema "coterie.outbox/1");

/// What a line is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum MessageKind {
    /// Words.
    Text,
    /// Sealed; its key is not here yet (AP-19).
    Waiting,
    /// From before one's first key: it will never open.
    BeforeMyTime,
    /// Made wrongly by its author; never shown as words.
    Broken,
    /// Of a kind that needs a newer program.
    Newer,
    /// Damaged on this computer's disk.
    Damaged,
    /// Taken back for everyone (CV-3).
    Deleted,
    /// In the outbox only: something done to another message.
    Annotation,
}

/// How far a message of one's own got (ST-51). It never goes back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum DeliveryState {
    /// Kept here, not sealed yet.
    Queued,
    /// Sealed and durable here.
    Saved,
    /// At least one other member holds it durably.
    Sent,
    /// Everyone it was sealed for holds it durably.
    All,
}

/// How far a message of one's own got, with numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Delivery {
    /// The word for it.
    pub state: DeliveryState,
    /// Members whose signed durable receipt is here.
    pub reached: u32,
    /// Members it was sealed for.
    pub due: u32,
}

/// One line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Message {
    /// Form of this object.
    pub schema: MessageSchema,
    /// The entry; absent while it is only queued.
    pub id: Option<String>,
    /// Its id in the outbox, while it is queued.
    pub outbox: Option<String>,
    /// The group.
    pub group: String,
    /// Who wrote it.
    pub author: MemberRef,
    /// Written, by the author's clock: a claim.
    pub at: Time,
    /// Stored here, by this computer's clock.
    pub received: Option<Time>,
    /// What it is.
    pub kind: MessageKind,
    /// The words, as written: never interpreted.
    pub text: String,
    /// The message that it answers.
    pub reply_to: Option<Quoted>,
    /// A place that came with the words, or instead of them.
    pub location: Option<Location>,
    /// Files that came with the words, or instead of them.
    pub files: Vec<File>,
    /// When its author last gave it other words.
    pub edited: Option<Time>,
    /// Who took it back for everyone.
    pub deleted_by: Option<MemberRef>,
    /// Emojis, in the order in which they came.
    pub reactions: Vec<Reaction>,
    /// Whether it is kept at hand for everybody.
    pub pinned: bool,
    /// Of one's own messages.
    pub delivery: Option<Delivery>,
    /// Whether it counts by the present state of membership; what does not is hidden by the faces.
    pub counts: bool,
    /// Its place, for `before` and `after`; absent while queued.
    pub cursor: Option<String>,
}

/// `POST /v1/groups/{g}/messages`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewMessage {
    /// 1 byte to 16 KiB; may be missing beside a place or a file. `#` and `@` are letters like any other.
    #[serde(default)]
    pub text: String,
    /// The message that it answers.
    #[serde(default)]
    pub reply_to: Option<String>,
    /// A place; the node blurs it before anybody else sees it.
    #[serde(default)]
    pub location: Option<NewLocation>,
    /// Files that were taken in by `POST /v1/uploads`, at most ten.
    #[serde(default)]
    pub files: Vec<NewFile>,
}

/// How far one message got: `GET …/deliveries`, and the event `delivery`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Deliveries {
    /// Form of this object.
    pub schema: DeliverySchema,
    /// The group.
    pub group: String,
    /// The message.
    pub message: String,
    /// How far.
    pub delivery: Delivery,
}

/// Something queued was sealed, or taken back: the event `outbox`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct OutboxChange {
    /// Form of this object.
    pub schema: OutboxSchema,
    /// Its id in the outbox.
    pub id: String,
    /// The group.
    pub group: String,
    /// The message it became; absent if it was taken back.
    pub message: Option<String>,
}
