//! Words found in milliseconds (SR-1 to SR-4): a corpus in memory, made of what lies sealed in the store, and no index on
//! the disk.
//!
//! After a start, and group by group, the lines are read into a [`Corpus`] in slices that the driver hardly notices. What is
//! written, changed or erased later is marked by the driver behind each commit and read again before the next question is
//! answered. The corpus only proposes: whether a line holds the words is judged by what stands in the store at that moment.

mod block;
mod corpus;
mod filling;
mod looking;

use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

use coterie_protocol::OrderKey;
use tokio::sync::Notify;

pub(crate) use self::corpus::Corpus;
pub(crate) use self::filling::keep_filled;
pub(crate) use self::looking::{Rest, Wanted, look};

/// Lines that changed and were not read again yet. With more the corpus is read anew, which takes about as long.
const MARKS_MAX: usize = 20_000;

/// A line's place: the group's number in the store, and where in its timeline.
pub(crate) type Mark = (u32, OrderKey);

/// What driver, filling and API share; dropped with the life of the node, and the corpus is wiped then (SR-3).
#[derive(Default)]
pub(crate) struct Desk {
    corpus: tokio::sync::Mutex<Corpus>,
    marks: Mutex<Marks>,
    marked: Notify,
}

#[derive(Default)]
struct Marks {
    overflowed: bool,
    places: BTreeSet<Mark>,
}

impl Desk {
    /// Lines were written or erased; called on the driver's thread behind the commit, and never waits for a search.
    pub(crate) fn mark(&self, lines: Vec<Mark>) {
        if lines.is_empty() {
            return;
        }
        let mut marks = self.marks();
        if marks.overflowed {
            return;
        }
        marks.places.extend(lines);
        if marks.places.len() > MARKS_MAX {
            *marks = Marks { overflowed: true, places: BTreeSet::new() };
        }
        drop(marks);
        self.marked.notify_one();
    }

    /// The store was opened anew: what the corpus has may be of another one.
    pub(crate) fn upset(&self) {
        *self.marks() = Marks { overflowed: true, places: BTreeSet::new() };
        self.marked.notify_one();
    }

    /// Up to `limit` marks, which are taken away; none if there were too many to be kept.
    fn take_marks(&self, limit: usize) -> Option<Vec<Mark>> {
        let mut marks = self.marks();
        if std::mem::take(&mut marks.overflowed) {
            return None;
        }
        Some(std::iter::from_fn(|| marks.places.pop_first()).take(limit).collect())
    }

    fn marks(&self) -> MutexGuard<'_, Marks> {
        self.marks.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(tick: u8) -> OrderKey {
        OrderKey([tick; 16])
    }

    #[test]
    fn sr_03_marks_are_bounded_and_too_many_of_them_say_so_once() {
        let desk = Desk::default();
        desk.mark(vec![(1, place(2)), (1, place(1)), (1, place(2))]);
        assert_eq!(desk.take_marks(1), Some(vec![(1, place(1))]));
        assert_eq!(desk.take_marks(9), Some(vec![(1, place(2))]));
        let many = |g: u32| (0..=u8::MAX).map(move |tick| (g, place(tick)));
        (0..100).for_each(|g| desk.mark(many(g).collect()));
        assert_eq!(desk.take_marks(9), None);
        assert_eq!(desk.take_marks(9), Some(Vec::new()), "and it goes on");
        desk.upset();
        assert_eq!(desk.take_marks(9), None);
    }
}
