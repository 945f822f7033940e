//! Time as an argument. The shell reads the clocks; the core only compares what it is given.
//!
//! A [`Timestamp`] carries two readings: a monotonic one for every deadline and age, and the wall clock for what is
//! shown to people or written into signed data as a claim. Wall clocks jump; no decision about order, keys or seats
//! may rest on them (F-M9).

use alloc::collections::{BTreeMap, BTreeSet};

/// One reading of both clocks, in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Timestamp {
    /// Never goes back, also not across suspend: deadlines, ages and back-off are differences of these.
    pub mono_ms: u64,
    /// Milliseconds since 1970 by the computer's clock: a claim, for people.
    pub wall_ms: u64,
}

impl Timestamp {
    /// A reading of both clocks.
    #[must_use]
    pub const fn new(mono_ms: u64, wall_ms: u64) -> Self {
        Self { mono_ms, wall_ms }
    }

    /// Milliseconds from `earlier` to here by the monotonic clock; 0 if `earlier` is later (E-94).
    #[must_use]
    pub const fn since(self, earlier: Self) -> u64 {
        self.mono_ms.saturating_sub(earlier.mono_ms)
    }

    /// The same instant, `ms` later by both clocks.
    #[must_use]
    pub const fn plus_ms(self, ms: u64) -> Self {
        Self { mono_ms: self.mono_ms.saturating_add(ms), wall_ms: self.wall_ms.saturating_add(ms) }
    }
}

/// Deadlines by reason: each reason has at most one deadline, and the earliest of all is cheap to read.
///
/// `R` is the organ's own enum of reasons (quinn's timer table is the model).
#[derive(Debug)]
pub struct TimerTable<R> {
    by_reason: BTreeMap<R, u64>,
    by_time: BTreeSet<(u64, R)>,
}

impl<R: Ord + Copy> Default for TimerTable<R> {
    fn default() -> Self {
        Self { by_reason: BTreeMap::new(), by_time: BTreeSet::new() }
    }
}

impl<R: Ord + Copy> TimerTable<R> {
    /// Sets or moves the deadline of `reason` (monotonic ms).
    pub fn set(&mut self, reason: R, at_mono_ms: u64) {
        self.clear(reason);
        self.by_reason.insert(reason, at_mono_ms);
        self.by_time.insert((at_mono_ms, reason));
    }

    /// Sets the deadline unless an earlier one is set.
    pub fn set_earlier(&mut self, reason: R, at_mono_ms: u64) {
        if self.by_reason.get(&reason).is_none_or(|&at| at_mono_ms < at) {
            self.set(reason, at_mono_ms);
        }
    }

    /// Forgets the deadline of `reason`.
    pub fn clear(&mut self, reason: R) {
        if let Some(at) = self.by_reason.remove(&reason) {
            self.by_time.remove(&(at, reason));
        }
    }

    /// Whether `reason` has a deadline.
    #[must_use]
    pub fn is_set(&self, reason: R) -> bool {
        self.by_reason.contains_key(&reason)
    }

    /// The earliest deadline and its reason.
    #[must_use]
    pub fn next(&self) -> Option<(u64, R)> {
        self.by_time.first().copied()
    }

    /// Takes the earliest reason whose deadline has passed. Call until it gives `None`.
    pub fn pop_due(&mut self, now_mono_ms: u64) -> Option<R> {
        let (at, reason) = self.next()?;
        if at > now_mono_ms {
            return None;
        }
        self.clear(reason);
        Some(reason)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_earliest_deadline_comes_first_and_each_reason_has_one() {
        let mut timers = TimerTable::default();
        timers.set('b', 20);
        timers.set('a', 10);
        timers.set('a', 30);
        assert_eq!(timers.next(), Some((20, 'b')));
        assert_eq!(timers.pop_due(19), None);
        assert_eq!(timers.pop_due(40), Some('b'));
        assert_eq!(timers.pop_due(40), Some('a'));
        assert_eq!(timers.next(), None);
    }
}
