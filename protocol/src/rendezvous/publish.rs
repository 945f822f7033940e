//! When an own address record goes out again.

use crate::limits;
use crate::time::Timestamp;

/// When the next own record is due.
///
/// By N-807, five seconds after a change, never less than a minute after the last, and every twelve hours.
#[derive(Clone, Copy, Debug, Default)]
pub struct PublishTimes {
    changed_mono_ms: Option<u64>,
    published_mono_ms: Option<u64>,
}

impl PublishTimes {
    /// Own addresses or caps changed.
    pub fn changed(&mut self, now: Timestamp) {
        self.changed_mono_ms = Some(now.mono_ms);
    }

    /// A record went out.
    pub fn published(&mut self, now: Timestamp) {
        *self = Self { changed_mono_ms: None, published_mono_ms: Some(now.mono_ms) };
    }

    /// When to publish next (monotonic ms); `None` before the first addresses are known.
    #[must_use]
    pub fn due_mono_ms(&self) -> Option<u64> {
        let renew = self.published_mono_ms.map(|at| at.saturating_add(limits::ADDRESS_RENEW_MS));
        let changed = self.changed_mono_ms.map(|at| {
            let rested = at.saturating_add(limits::ADDRESS_DEBOUNCE_MS);
            // The first record of all goes at once: a newcomer is in nobody's book yet.
            self.published_mono_ms.map_or(at, |last| rested.max(last.saturating_add(limits::ADDRESS_PAUSE_MS)))
        });
        [renew, changed].into_iter().flatten().min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn n_807_records_follow_changes_but_not_each_flutter() {
        let (mut times, start) = (PublishTimes::default(), Timestamp::new(1_000, 0));
        assert_eq!(times.due_mono_ms(), None);
        times.changed(start);
        assert_eq!(times.due_mono_ms(), Some(1_000), "the first one at once");
        times.published(start);
        assert_eq!(times.due_mono_ms(), Some(1_000 + limits::ADDRESS_RENEW_MS));
        times.changed(start.plus_ms(6_000));
        assert_eq!(times.due_mono_ms(), Some(61_000));
        times.changed(start.plus_ms(100_000));
        assert_eq!(times.due_mono_ms(), Some(106_000), "five seconds after a change");
    }
}
