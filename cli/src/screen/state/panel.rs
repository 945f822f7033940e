//! What lies over the panes, and what is said in the last line.

use super::{Field, Line};
use crate::error::Diagnostic;

/// What lies over the panes.
pub enum Panel {
    /// The keys.
    Keys,
    /// Find a group or an action by its name.
    Jump { query: Field, at: usize },
    /// Find words that were said.
    Search(Search),
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

/// Words that are looked for in all groups, and what was found.
pub struct Search {
    pub query: Field,
    /// What the hits belong to: the query may be further by now.
    pub asked: String,
    /// The newest first.
    pub hits: Vec<Hit>,
    /// Which one Enter jumps to.
    pub at: usize,
    /// What else is to be said about them.
    pub note: Option<String>,
}

impl Default for Search {
    fn default() -> Self {
        Self { query: super::field(), asked: String::new(), hits: Vec::new(), at: 0, note: None }
    }
}

/// A message that has the words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hit {
    pub group: String,
    pub line: Line,
    /// Its place, as the node spells it.
    pub cursor: String,
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
