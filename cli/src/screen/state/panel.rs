//! What lies over the panes, and what is said in the last line.

use super::Field;
use crate::error::Diagnostic;

/// What lies over the panes.
pub enum Panel {
    /// The keys.
    Keys,
    /// Find a group or an action by its name.
    Jump { query: Field, at: usize },
    /// One line has to be typed.
    Ask { what: Question, line: Field },
    /// A link to hand out.
    Link(Link),
    /// A group that may be joined.
    Preview(Preview),
    /// Who has a message.
    Info(Vec<String>),
    /// Whether this message is to be deleted for everyone.
    Delete(String),
}

/// What a typed line is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Question {
    /// The name of a group to found.
    NewGroup,
    /// A link to join by.
    Invite,
    /// An emoji for the chosen message.
    Emoji,
}

/// A link to hand out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    pub group: String,
    pub link: String,
    pub short: String,
    pub until: String,
    /// What the group should be told before it grows, a sentence a row.
    pub notice: Vec<String>,
}

/// A join that began here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Joining {
    pub id: String,
    /// Whether the group was shown and agreed to: it is asked once.
    pub is_agreed: bool,
}

/// A group that may be joined.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Preview {
    pub join: String,
    pub group: String,
    pub about: String,
    pub members: u64,
}

/// One thing to be read in the last line.
#[derive(Clone, Debug, PartialEq)]
pub enum Notice {
    Good(String),
    Bad(Diagnostic),
}
