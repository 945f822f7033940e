//! What anti-entropy must know of the own logs, and how [`Logs`] tells it.

use alloc::vec::Vec;

use crate::ids::LogTag;
use crate::log::{Lack, Logs, VectorItem};

/// A stretch of a branch that can be served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shelf {
    /// Number of the branch, as our own logs count them.
    pub branch: u8,
    /// First number held.
    pub from: u64,
    /// Last number held.
    pub to: u64,
}

/// What this machine must know of the own logs.
pub trait Holdings {
    /// What a neighbour holds and we lack.
    fn lacking(&self, theirs: &[VectorItem]) -> Vec<Lack>;
    /// Whether the log is known by its full name.
    fn is_named(&self, tag: &LogTag) -> bool;
    /// The next number of the longest branch; 0 if nothing is held.
    fn next_seq(&self, tag: &LogTag) -> u64;
    /// The branch that was announced by this head (none: the longest), if it is held.
    fn shelf(&self, tag: &LogTag, branch: Option<[u8; 8]>) -> Option<Shelf>;
    /// Size of a stored entry, if it is known without reading it.
    fn entry_bytes(&self, _tag: &LogTag, _branch: u8, _seq: u64) -> Option<usize> {
        None
    }
    /// Newest known activity of the log; logs with a higher one are fetched first (N-705).
    fn activity(&self, _tag: &LogTag) -> u64 {
        0
    }
}

/// How far back a branch is searched for the head by which it was announced.
const HEAD_SEARCH: u64 = 1_024;

impl Holdings for Logs {
    fn lacking(&self, theirs: &[VectorItem]) -> Vec<Lack> {
        self.compare(theirs)
    }

    fn is_named(&self, tag: &LogTag) -> bool {
        self.by_tag(tag).is_some()
    }

    fn next_seq(&self, tag: &LogTag) -> u64 {
        let Some(log) = self.by_tag(tag) else { return 0 };
        let tops = self.branches(&log).filter_map(|(branch, _)| self.branch_state(&log, branch));
        tops.map(|state| state.seq.saturating_add(1)).max().unwrap_or(0)
    }

    fn shelf(&self, tag: &LogTag, branch: Option<[u8; 8]>) -> Option<Shelf> {
        let log = self.by_tag(tag)?;
        let tops = self.branches(&log).filter_map(|(number, _)| {
            let to = self.branch_state(&log, number)?.seq;
            Some(Shelf { branch: number, from: 0, to })
        });
        let Some(head) = branch else { return tops.max_by_key(|shelf| (shelf.to, core::cmp::Reverse(shelf.branch))) };
        let holds_head = |shelf: &Shelf| {
            let recent = shelf.to.saturating_sub(HEAD_SEARCH)..=shelf.to;
            recent.rev().any(|seq| {
                self.eid_at(&log, shelf.branch, seq).is_some_and(|eid| eid.0.first_chunk::<8>() == Some(&head))
            })
        };
        tops.filter(holds_head).max_by_key(|shelf| shelf.to)
    }
}
