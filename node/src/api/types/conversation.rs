//! What people do to each other's messages, and what comes of it.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{MemberRef, Message, MessageKind, Time, tag};

tag!(AnnotatedSchema "coterie.annotated/1");
tag!(MessageInfoSchema "coterie.message_info/1");

/// The message that another one answers, as far as it is here.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Quoted {
    /// Which.
    pub id: String,
    /// What it is; absent if it isn't here (yet).
    pub kind: Option<MessageKind>,
    /// Who wrote it.
    pub author: Option<MemberRef>,
    /// The beginning of its present words, at most 200 characters.
    pub text: String,
}

/// One emoji under a message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Reaction {
    /// Which.
    pub emoji: String,
    /// How many people set it.
    pub count: u32,
    /// Whether one of them is oneself.
    pub mine: bool,
    /// Who, in the order in which they first did.
    pub by: Vec<MemberRef>,
}

/// `PATCH …/messages/{e}`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewWords {
    /// 1 byte to 16 KiB.
    pub text: String,
}

/// Something was done to a message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Annotated {
    /// Form of this object.
    pub schema: AnnotatedSchema,
    /// Its id in the outbox, while nobody is in reach; it goes out by itself.
    pub outbox: Option<String>,
    /// The message as it is now.
    pub message: Message,
}

/// Words that a message had.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Revision {
    /// Written, by the author's clock.
    pub at: Time,
    /// The words.
    pub text: String,
}

/// `GET …/messages/{e}`: a message and its earlier words.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct MessageInfo {
    /// Form of this object.
    pub schema: MessageInfoSchema,
    /// As it is now.
    pub message: Message,
    /// All words that it ever had, the first ones first; none of a deleted one.
    pub revisions: Vec<Revision>,
}
