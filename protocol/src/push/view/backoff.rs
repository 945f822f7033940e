//! When to dial again: per person, and for the whole node (N-605).

use alloc::collections::{BTreeMap, VecDeque};
use rand_core::CryptoRng;

use crate::ids::MembershipId;
use crate::limits;
use crate::time::Timestamp;

/// `ms` give or take `percent`.
pub(super) fn jitter(ms: u64, percent: u64, rng: &mut dyn CryptoRng) -> u64 {
    let span = ms.saturating_mul(percent) / 100;
    let offset = rng.next_u64().checked_rem(span.saturating_mul(2).saturating_add(1)).unwrap_or(0);
    ms.saturating_sub(span).saturating_add(offset)
}

/// Failed dials to one member.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Backoff {
    failures: u32,
    until: u64,
}

impl Backoff {
    /// One more. Gives when to try again.
    pub(super) fn on_failure(&mut self, now: Timestamp, rng: &mut dyn CryptoRng) -> u64 {
        let step =
            usize::try_from(self.failures).ok().and_then(|failures| limits::DIAL_STEPS_MS.get(failures).copied());
        let pause = step.unwrap_or_else(|| jitter(limits::DIAL_LAST_MS, 25, rng));
        self.failures = self.failures.saturating_add(1);
        self.until = now.mono_ms.saturating_add(pause);
        self.until
    }

    pub(super) const fn waits(&self, now: Timestamp) -> bool {
        self.until > now.mono_ms
    }

    pub(super) const fn until(&self) -> u64 {
        self.until
    }

    /// From now on only the probe tries.
    pub(super) const fn is_hopeless(&self) -> bool {
        self.failures >= limits::DIAL_FAILURES_MAX
    }
}

/// Dials of the whole node: at most 4 at once, 30 a minute, 6 a minute for one person.
#[derive(Debug, Default)]
pub struct DialPace {
    recent: VecDeque<(u64, MembershipId)>,
    open: BTreeMap<MembershipId, u64>,
}

impl DialPace {
    /// Takes a dial, or says when to ask again (monotonic ms). A dial that is never reported back counts as over
    /// after a while, so a lost report blocks nothing for good.
    ///
    /// # Errors
    /// The time at which there may be room.
    pub fn may_dial(&mut self, now: Timestamp, mid: &MembershipId) -> Result<(), u64> {
        let cutoff = now.mono_ms.saturating_sub(limits::DIAL_MINUTE_MS);
        while self.recent.front().is_some_and(|(at, _)| *at <= cutoff && now.mono_ms >= limits::DIAL_MINUTE_MS) {
            self.recent.pop_front();
        }
        self.open.retain(|_, until| *until > now.mono_ms);
        if self.open.len() >= limits::DIALS_OPEN_MAX {
            return Err(now.mono_ms.saturating_add(limits::DIAL_RETRY_MS));
        }
        let to_person = self.recent.iter().filter(|(_, dialled)| dialled == mid);
        let crowded = match to_person.clone().count() >= limits::DIALS_PER_PERSON_MAX {
            true => to_person.map(|(at, _)| *at).next(),
            false if self.recent.len() >= limits::DIALS_PER_MINUTE_MAX => self.recent.front().map(|(at, _)| *at),
            false => None,
        };
        if let Some(oldest) = crowded {
            return Err(oldest.saturating_add(limits::DIAL_MINUTE_MS).max(now.mono_ms.saturating_add(1)));
        }
        self.recent.push_back((now.mono_ms, *mid));
        self.open.insert(*mid, now.mono_ms.saturating_add(limits::DIAL_LIFE_MS));
        Ok(())
    }

    /// A dial ended, either way.
    pub fn on_ended(&mut self, mid: &MembershipId) {
        self.open.remove(mid);
    }
}
