//! The only clock of the shell: a monotonic reading for every deadline, a wall reading for people.
//!
//! On Linux the monotonic one is `CLOCK_BOOTTIME`, which goes on while the computer sleeps: a deadline that passed in a
//! closed laptop has passed (N-1301). Elsewhere it is `Instant`, which may stand still in sleep; the jump between the
//! two readings tells. Whatever the system says, a reading is never below an earlier one of this process.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use coterie_protocol::Timestamp;

/// The highest monotonic reading that this process has handed out.
static LATEST_MONO_MS: AtomicU64 = AtomicU64::new(0);

/// The clock. It has no state of its own: all readers of a process share one.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock;

impl Clock {
    /// Both readings, in milliseconds; the monotonic one never goes back.
    #[must_use]
    pub(crate) fn now() -> Timestamp {
        Timestamp::new(not_below(&LATEST_MONO_MS, monotonic_ms()), wall_ms())
    }
}

/// How long something has taken so far, by the monotonic reading.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stopwatch(u64);

impl Stopwatch {
    /// One that starts now.
    #[must_use]
    pub(crate) fn start() -> Self {
        Self(Clock::now().mono_ms)
    }

    /// Since the start.
    #[must_use]
    pub(crate) fn elapsed(self) -> Duration {
        Duration::from_millis(self.elapsed_ms())
    }

    /// Since the start, in milliseconds.
    #[must_use]
    pub(crate) fn elapsed_ms(self) -> u64 {
        Clock::now().mono_ms.saturating_sub(self.0)
    }
}

/// `reading`, or the highest one so far if the system went back.
fn not_below(latest: &AtomicU64, reading: u64) -> u64 {
    latest.fetch_max(reading, Ordering::AcqRel).max(reading)
}

#[cfg(any(target_os = "linux", target_os = "android"))]
fn monotonic_ms() -> u64 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
    let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
    let nanos = u64::try_from(time.tv_nsec).unwrap_or(0);
    seconds.saturating_mul(1_000).saturating_add(nanos / 1_000_000)
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
fn monotonic_ms() -> u64 {
    use std::sync::OnceLock;
    use std::time::Instant;
    static START: OnceLock<Instant> = OnceLock::new();
    u64::try_from(START.get_or_init(Instant::now).elapsed().as_millis()).unwrap_or(u64::MAX)
}

/// Milliseconds since 1970; 0 for a clock set before that.
fn wall_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reading_never_goes_back_even_if_the_system_does() {
        let latest = AtomicU64::new(0);
        assert_eq!(not_below(&latest, 50), 50);
        assert_eq!(not_below(&latest, 20), 50);
        assert_eq!(not_below(&latest, 51), 51);
    }

    #[test]
    fn the_wall_clock_is_in_this_century() {
        let now = Clock::now();
        assert!(now.wall_ms > 1_500_000_000_000 && now.wall_ms < 4_102_444_800_000, "{now:?}");
        assert!(Clock::now().mono_ms >= now.mono_ms);
    }
}
