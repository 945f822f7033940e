//! When an own receipt is to be written, and about which logs (N-515).

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;

use super::super::Mode;
use super::Scope;
use crate::ids::{LogTag, Neighbour};
use crate::limits;
use crate::time::Timestamp;

/// A receipt to write now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Due {
    /// To the author of new entries, who is a neighbour.
    ToAuthor {
        /// Where the author is.
        to: Neighbour,
        /// Logs, at most [`limits::RECEIPT_TOPS_MAX`].
        tags: Vec<LogTag>,
    },
    /// To all, by the tree.
    ByTree {
        /// Logs that moved; of a full one the caller names all, in as many receipts as they need.
        tags: Vec<LogTag>,
        /// Which kind.
        scope: Scope,
    },
}

/// The timing of own receipts.
#[derive(Debug, Default)]
pub struct Schedule {
    to_authors: BTreeMap<Neighbour, BTreeSet<LogTag>>,
    authors_due: Option<u64>,
    moved: BTreeSet<LogTag>,
    /// When the first of them did.
    moved_since: Option<u64>,
    tree_due: Option<u64>,
    tree_at: Option<u64>,
    /// Anything moved since the last full one.
    full_due: Option<u64>,
}

impl Schedule {
    /// Entries of a log were committed. `author` is where its author has a slot, if it has one.
    pub fn on_committed(&mut self, now: Timestamp, tag: LogTag, author: Option<Neighbour>, mode: Mode) {
        if let Some(author) = author {
            self.to_authors.entry(author).or_default().insert(tag);
            self.authors_due.get_or_insert(now.mono_ms.saturating_add(limits::RECEIPT_AUTHOR_MS));
        }
        if self.moved.len() < limits::LOGS_PER_GROUP_MAX {
            self.moved.insert(tag);
        }
        let pause = match mode {
            Mode::Direct => limits::RECEIPT_DIRECT_MS,
            Mode::Tree if self.moved.len() > limits::RECEIPT_FEW_LOGS => limits::RECEIPT_MANY_MS,
            Mode::Tree => limits::RECEIPT_TREE_MS,
        };
        // From the last one on, so that a burst brings one receipt at once and one when it is over.
        let earliest = self.tree_at.map_or(0, |at| at.saturating_add(pause));
        let since = *self.moved_since.get_or_insert(now.mono_ms);
        self.tree_due = Some(earliest.max(since.saturating_add(limits::RECEIPT_AUTHOR_MS)));
        self.full_due.get_or_insert(now.mono_ms.saturating_add(limits::RECEIPT_FULL_MS));
    }

    /// A slot ended.
    pub fn on_neighbour_down(&mut self, neighbour: Neighbour) {
        self.to_authors.remove(&neighbour);
    }

    /// What is due. The caller signs after the commit of what is counted.
    pub fn on_deadline(&mut self, now: Timestamp) -> Vec<Due> {
        let is_due = |at: &u64| *at <= now.mono_ms;
        let mut due = Vec::new();
        if self.authors_due.take_if(|at| is_due(at)).is_some() {
            for (to, tags) in core::mem::take(&mut self.to_authors) {
                let tags = tags.into_iter().take(limits::RECEIPT_TOPS_MAX).collect();
                due.push(Due::ToAuthor { to, tags });
            }
        }
        if self.full_due.take_if(|at| is_due(at)).is_some() {
            (self.tree_due, self.moved_since, self.tree_at) = (None, None, Some(now.mono_ms));
            due.push(Due::ByTree { tags: core::mem::take(&mut self.moved).into_iter().collect(), scope: Scope::Full });
        } else if self.tree_due.take_if(|at| is_due(at)).is_some() {
            (self.moved_since, self.tree_at) = (None, Some(now.mono_ms));
            let rest: BTreeSet<LogTag> = self.moved.iter().skip(limits::RECEIPT_TOPS_MAX).copied().collect();
            if !rest.is_empty() {
                self.tree_due = Some(now.mono_ms.saturating_add(limits::RECEIPT_MANY_MS));
            }
            let tags = core::mem::replace(&mut self.moved, rest).into_iter().take(limits::RECEIPT_TOPS_MAX).collect();
            due.push(Due::ByTree { tags, scope: Scope::Moved });
        }
        due
    }

    /// When [`Self::on_deadline`] has something to do (monotonic ms).
    #[must_use]
    pub fn next_deadline(&self) -> Option<u64> {
        [self.authors_due, self.tree_due, self.full_due].into_iter().flatten().min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::LinkId;
    use alloc::vec;

    const A: Neighbour = Neighbour { link: LinkId(1), slot: 1 };

    fn at(ms: u64) -> Timestamp {
        Timestamp::new(ms, 0)
    }

    fn tag(n: u8) -> LogTag {
        LogTag([n; 16])
    }

    #[test]
    fn n_515_an_author_hears_within_200_ms_and_the_others_every_two_seconds() {
        let mut schedule = Schedule::default();
        schedule.on_committed(at(1_000), tag(1), Some(A), Mode::Direct);
        schedule.on_committed(at(1_050), tag(1), Some(A), Mode::Direct);
        assert!(schedule.next_deadline().is_some_and(|due| due <= 1_200));
        let to_author = Due::ToAuthor { to: A, tags: vec![tag(1)] };
        let by_tree = |n| Due::ByTree { tags: vec![tag(n)], scope: Scope::Moved };
        assert_eq!(schedule.on_deadline(at(1_199)), vec![]);
        assert_eq!(schedule.on_deadline(at(1_200)), vec![to_author, by_tree(1)]);
        schedule.on_committed(at(1_300), tag(2), None, Mode::Direct);
        assert_eq!(schedule.on_deadline(at(3_199)), vec![]);
        assert_eq!(schedule.on_deadline(at(3_200)), vec![by_tree(2)]);
        // Entries without end do not put it off.
        (3_300..5_300).step_by(50).for_each(|ms| schedule.on_committed(at(ms), tag(3), None, Mode::Direct));
        assert_eq!(schedule.on_deadline(at(5_199)), vec![]);
        assert_eq!(schedule.on_deadline(at(5_200)), vec![by_tree(3)]);
        // Nothing moves: the full one after ten minutes is the last.
        assert_eq!(schedule.next_deadline(), Some(601_000));
        assert_eq!(schedule.on_deadline(at(601_000)), vec![Due::ByTree { tags: vec![], scope: Scope::Full }]);
        assert_eq!(schedule.next_deadline(), None);
    }

    #[test]
    fn n_515_in_a_tree_receipts_are_rarer_and_rarest_when_many_logs_move() {
        let mut schedule = Schedule::default();
        schedule.on_committed(at(0), tag(0), None, Mode::Tree);
        assert_eq!(schedule.on_deadline(at(200)).len(), 1);
        schedule.on_committed(at(300), tag(1), None, Mode::Tree);
        assert_eq!(schedule.next_deadline(), Some(10_200));
        (2..10).for_each(|n| schedule.on_committed(at(400), tag(n), None, Mode::Tree));
        assert_eq!(schedule.next_deadline(), Some(30_200));
        schedule.on_neighbour_down(A);
        assert!(matches!(&schedule.on_deadline(at(30_200))[..], [Due::ByTree { tags, .. }] if tags.len() == 9));
    }
}
