//! A growing table whose positions are handed out by `push`: the arena of the log.
//!
//! Positions are small numbers, so the fold compares and marks operations without hashing or copying ids.

use alloc::vec::Vec;
use core::ops::{Index, IndexMut};

/// Values by position.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Table<T>(Vec<T>);

impl<T> Default for Table<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T> Table<T> {
    /// Appends, and says where.
    pub(super) fn push(&mut self, value: T) -> usize {
        self.0.push(value);
        self.0.len() - 1
    }

    /// How many.
    pub(super) const fn len(&self) -> usize {
        self.0.len()
    }

    /// All values, in order.
    pub(super) fn iter(&self) -> core::slice::Iter<'_, T> {
        self.0.iter()
    }

    /// All values, to change.
    pub(super) fn iter_mut(&mut self) -> core::slice::IterMut<'_, T> {
        self.0.iter_mut()
    }
}

impl<T: Clone> Table<T> {
    /// `len` times the same.
    pub(super) fn filled(value: T, len: usize) -> Self {
        Self(alloc::vec![value; len])
    }

    /// Grows to `len` with `value`.
    pub(super) fn grow(&mut self, len: usize, value: T) {
        if self.0.len() < len {
            self.0.resize(len, value);
        }
    }
}

impl<T> FromIterator<T> for Table<T> {
    fn from_iter<I: IntoIterator<Item = T>>(values: I) -> Self {
        Self(values.into_iter().collect())
    }
}

impl<T> Index<usize> for Table<T> {
    type Output = T;
    #[cfg_attr(not(test), expect(clippy::indexing_slicing, reason = "positions come from push on the same table"))]
    fn index(&self, at: usize) -> &T {
        &self.0[at]
    }
}

impl<T> IndexMut<usize> for Table<T> {
    #[cfg_attr(not(test), expect(clippy::indexing_slicing, reason = "positions come from push on the same table"))]
    fn index_mut(&mut self, at: usize) -> &mut T {
        &mut self.0[at]
    }
}
