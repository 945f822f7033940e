//! Lines of the timeline as a face sees them, what is done to them, and how far one's own got.

use alloc::string::String;
use alloc::vec::Vec;

use crate::blob::Attachment;
use crate::ids::{EntryId, GroupId, MembershipId, OrderKey};
use crate::timeline::annotations::{Annotation, Said};
use crate::timeline::content::Location;

/// How far a message of one's own got (ST-51). States never go back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Delivery {
    /// The word for it.
    pub state: DeliveryState,
    /// Distinct members whose signed durable receipt is here.
    pub reached: u32,
    /// Members it was sealed for.
    pub due: u32,
}

/// The word for how far a message got.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
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

/// What a line is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum MessageKind {
    /// Words.
    Text,
    /// Sealed; its key is not here yet.
    Waiting,
    /// From before one's first key: it will never open (E-47).
    BeforeMyTime,
    /// Its author made it wrongly; never shown as words (E-62).
    Broken,
    /// Of a newer kind.
    Newer,
    /// Not a line of its own: something that was done to another one.
    Annotation,
}

/// One line of the timeline.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MessageView {
    /// The entry.
    pub entry: EntryId,
    /// Its place; lines are shown in ascending order (E-53).
    pub order: OrderKey,
    /// Who wrote it.
    pub author: MembershipId,
    /// The author's clock, ms since 1970: a claim.
    pub sent_at_ms: u64,
    /// This computer's clock when it was stored.
    pub received_at_ms: u64,
    /// What it is.
    pub kind: MessageKind,
    /// The words, as written.
    pub text: String,
    /// The post that this one answers.
    pub reply_to: Option<EntryId>,
    /// A place that came with the words, or instead of them.
    pub location: Option<Location>,
    /// Files that came with the words, or instead of them, at most ten.
    pub attachments: Vec<Attachment>,
    /// Of [`MessageKind::Annotation`], and only of it: what is done to which post.
    pub annotation: Option<Annotation>,
    /// Whether its author's words count by the present state of membership (E-29 to E-33).
    pub counts: bool,
}

impl MessageView {
    /// What it does to another message, if it does and counts.
    #[must_use]
    pub fn said(&self) -> Option<Said<'_>> {
        let annotation = self.annotation.as_ref().filter(|_| self.counts)?;
        let Self { entry, order, author, sent_at_ms: at_ms, .. } = *self;
        Some(Said { entry, order, author, at_ms, annotation })
    }
}

/// A blob that a message names (BL-11).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NamedBlob {
    /// In which group.
    pub group: GroupId,
    /// The message.
    pub entry: EntryId,
    /// Who wrote it.
    pub author: MembershipId,
    /// Bytes of the file inside, as its author announces them.
    pub size: u64,
    /// Whether its author's words count by the present state of membership (E-29 to E-33).
    pub counts: bool,
}

/// Something said here that is not sealed yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WaitingView {
    /// Its number in the outbox.
    pub number: u64,
    /// When it was written, ms since 1970.
    pub at_ms: u64,
    /// What it says.
    pub said: WaitingWords,
}

/// What waits to be sealed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WaitingWords {
    /// A message.
    Post {
        /// The words.
        text: String,
        /// The post that it answers.
        reply_to: Option<EntryId>,
        /// A place.
        location: Option<Location>,
        /// Files.
        attachments: Vec<Attachment>,
    },
    /// Something done to another message.
    Annotation(Annotation),
}
