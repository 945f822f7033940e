//! What people do to each other's messages: other words, taking back, emojis, pins (CV-1 to CV-8).
//!
//! Each is an entry of its own that names its target, so nobody's entry is ever changed. What a face shows of a message
//! is computed from the message and the *set* of what was done to it: the order of arrival makes no difference, and a
//! deed whose target is not here yet waits in its place (cf. the aggregation of relations in Matrix,
//! <https://spec.matrix.org/latest/client-server-api/#aggregations>). The rules are in `docs/conversation.md`.

use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;

use crate::ids::{EntryId, MembershipId, OrderKey};
use crate::limits;
use crate::timeline::content::Body;

/// What is done to a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Deed {
    /// Other words for an own post.
    Edit {
        /// The new words, 1 byte to 16 KiB.
        text: String,
    },
    /// Takes a post back: an own one, or as an organiser anybody's.
    Retract,
    /// An emoji, or its removal.
    React {
        /// One emoji sequence, at most 32 bytes.
        emoji: String,
        /// Whether it is set.
        on: bool,
    },
    /// Keeps a post at hand for all, or no longer.
    Pin {
        /// Whether it is pinned.
        on: bool,
    },
}

/// Whether the group let its author do this to other people's posts, by the roster that the entry itself names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Right {
    /// As any member: one's own posts, and emojis.
    Member,
    /// As an organiser; for pins also as any member of a group whose settings say so.
    Office,
}

/// A deed and its target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Annotation {
    /// The post.
    pub target: EntryId,
    /// What is done to it.
    pub deed: Deed,
    /// By which right.
    pub right: Right,
}

impl Annotation {
    /// The content that says it.
    #[must_use]
    pub(crate) fn into_body(self) -> Body {
        let target = self.target;
        match self.deed {
            Deed::Edit { text } => Body::Edit { target, text },
            Deed::Retract => Body::Retract { target },
            Deed::React { emoji, on } => Body::React { target, emoji, on },
            Deed::Pin { on } => Body::Pin { target, on },
        }
    }

    /// What a content does to another message; nothing if it is a message itself.
    #[must_use]
    pub(crate) fn of(body: &Body, right: Right) -> Option<Self> {
        let (target, deed) = match body {
            Body::Edit { target, text } => (*target, Deed::Edit { text: text.clone() }),
            Body::Retract { target } => (*target, Deed::Retract),
            Body::React { target, emoji, on } => (*target, Deed::React { emoji: emoji.clone(), on: *on }),
            Body::Pin { target, on } => (*target, Deed::Pin { on: *on }),
            Body::Post(_) | Body::Profile { .. } | Body::Newer { .. } | Body::Unreadable { .. } => return None,
        };
        Some(Self { target, deed, right })
    }
}

/// An annotation that counts by the present state of membership, and where it stands.
#[derive(Clone, Copy, Debug)]
pub struct Said<'a> {
    /// Its entry.
    pub entry: EntryId,
    /// Its place in the display order (E-53).
    pub order: OrderKey,
    /// Whose it is.
    pub author: MembershipId,
    /// The author's clock, ms since 1970: a claim.
    pub at_ms: u64,
    /// What it says.
    pub annotation: &'a Annotation,
}

/// Other words for a post.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Revision {
    /// The entry that says so.
    pub entry: EntryId,
    /// The author's clock, ms since 1970: a claim.
    pub at_ms: u64,
    /// The words.
    pub text: String,
}

/// One emoji under a post.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reaction {
    /// Which.
    pub emoji: String,
    /// Whose, in the order in which they set it first.
    pub by: Vec<MembershipId>,
}

/// All that was done to a post, summed up.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Aggregate {
    /// Its later words, oldest first; the last one is shown.
    pub revisions: Vec<Revision>,
    /// Who took it back.
    pub retracted_by: Option<MembershipId>,
    /// Emojis, in the order in which they came first.
    pub reactions: Vec<Reaction>,
}

/// Rules CV-1 to CV-4: sums up what was done to a post of this author. What names another target, or was not its
/// author's to do, is left out.
#[must_use]
pub fn aggregate<'a>((post, author): (EntryId, MembershipId), said: impl IntoIterator<Item = Said<'a>>) -> Aggregate {
    let mut sum = Aggregate::default();
    let mut emojis = Emojis::default();
    for one in in_order(said).filter(|one| one.annotation.target == post) {
        match &one.annotation.deed {
            Deed::Edit { text } if one.author == author => {
                sum.revisions.push(Revision { entry: one.entry, at_ms: one.at_ms, text: text.clone() });
            }
            Deed::Retract if one.author == author || one.annotation.right == Right::Office => {
                // The first one in the order is it: who takes back what is taken back changes nothing.
                sum.retracted_by.get_or_insert(one.author);
            }
            Deed::React { emoji, on } => emojis.set(emoji, (one.author, *on)),
            Deed::Edit { .. } | Deed::Retract | Deed::Pin { .. } => {}
        }
    }
    if sum.retracted_by.is_some() {
        // CV-3: of what was taken back nothing is shown but that.
        return Aggregate { retracted_by: sum.retracted_by, ..Aggregate::default() };
    }
    sum.reactions = emojis.standing();
    sum
}

/// Rule CV-5: what is pinned now, the newest pin first. A pin beyond the fiftieth lets the oldest go.
#[must_use]
pub fn pinned<'a>(said: impl IntoIterator<Item = Said<'a>>) -> Vec<EntryId> {
    let mut pins: Vec<EntryId> = Vec::new();
    for one in in_order(said).filter(|one| one.annotation.right == Right::Office) {
        let target = one.annotation.target;
        match one.annotation.deed {
            Deed::Pin { on: false } => pins.retain(|pin| *pin != target),
            // Who pins what is pinned leaves it where it is.
            Deed::Pin { on: true } if !pins.contains(&target) => {
                pins.push(target);
                let over = pins.len().saturating_sub(limits::PINS_MAX);
                pins.drain(..over);
            }
            Deed::Pin { .. } | Deed::Edit { .. } | Deed::Retract | Deed::React { .. } => {}
        }
    }
    pins.reverse();
    pins
}

/// By E-53, oldest first, each entry once.
fn in_order<'a>(said: impl IntoIterator<Item = Said<'a>>) -> impl Iterator<Item = Said<'a>> {
    let by_order: BTreeMap<_, _> = said.into_iter().map(|one| ((one.order, one.entry), one)).collect();
    by_order.into_values()
}

/// Rule CV-4: the last word of each person on each emoji.
#[derive(Default)]
struct Emojis<'a> {
    /// In the order in which they came first.
    words: Vec<(&'a str, Vec<(MembershipId, bool)>)>,
    at: BTreeMap<&'a str, usize>,
}

impl<'a> Emojis<'a> {
    fn set(&mut self, emoji: &'a str, (by, on): (MembershipId, bool)) {
        let at = *self.at.entry(emoji).or_insert(self.words.len());
        if at == self.words.len() {
            self.words.push((emoji, Vec::new()));
        }
        let Some((_, words)) = self.words.get_mut(at) else { return };
        match words.iter_mut().find(|(who, _)| *who == by) {
            Some((_, known)) => *known = on,
            None => words.push((by, on)),
        }
    }

    fn standing(self) -> Vec<Reaction> {
        let standing = self.words.into_iter().map(|(emoji, words)| {
            let by = words.into_iter().filter(|(_, on)| *on).map(|(who, _)| who).collect();
            Reaction { emoji: String::from(emoji), by }
        });
        standing.filter(|reaction| !reaction.by.is_empty()).take(limits::REACTIONS_SHOWN_MAX).collect()
    }
}

#[cfg(test)]
mod tests;
