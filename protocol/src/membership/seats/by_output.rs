//! Lists by output of one seat, in one piece: a seat has many outputs and few of them have more than one claim, so a
//! list of lists would be a hundred tiny ones.

use alloc::vec::Vec;

use super::At;
use crate::membership::table::Table;

/// What was said of each output, in the order in which it was said.
pub(super) struct ByOutput<T> {
    said: Vec<(T, Option<At>)>,
    /// First and last of an output's list.
    ends: Table<Option<(At, At)>>,
}

impl<T> ByOutput<T> {
    pub(super) fn of(outputs: usize) -> Self {
        Self { said: Vec::with_capacity(outputs), ends: Table::filled(None, outputs) }
    }

    pub(super) fn push(&mut self, out: At, value: T) {
        let at = self.said.len();
        self.said.push((value, None));
        let first = match self.ends[out] {
            Some((first, last)) => {
                if let Some((_, next)) = self.said.get_mut(last) {
                    *next = Some(at);
                }
                first
            }
            None => at,
        };
        self.ends[out] = Some((first, at));
    }

    pub(super) fn at(&self, out: At) -> impl Iterator<Item = &T> {
        let mut next = self.ends[out].map(|(first, _)| first);
        core::iter::from_fn(move || {
            let (value, after) = self.said.get(next?)?;
            next = *after;
            Some(value)
        })
    }
}
