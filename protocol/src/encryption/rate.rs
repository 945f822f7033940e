//! How many key entries of one author are taken in an hour (E-77). What is over stays with the sender and is asked
//! for later: a delay, never a refusal.

use alloc::vec::Vec;

use super::rekey::is_in;
use crate::ids::MembershipId;
use crate::limits;
use crate::time::Timestamp;

/// The kinds that have a rate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rated {
    /// A Leaf entry.
    Leaf,
    /// A Rekey that nothing forced.
    Rekey,
    /// A Grant.
    Grant,
}

/// The key entries of one author in the last hour.
#[derive(Debug, Default)]
pub struct EntryRate {
    taken: Vec<(u64, Rated)>,
}

impl EntryRate {
    /// Whether one more may be taken now; if so, it is counted. Else the time (monotonic ms) to ask again.
    ///
    /// # Errors
    /// The moment at which the oldest of its kind is an hour old.
    pub fn take(&mut self, now: Timestamp, kind: Rated) -> Result<(), u64> {
        self.taken.retain(|&(at, _)| now.mono_ms.saturating_sub(at) < limits::HEAL_INTERVAL_MS);
        let max = match kind {
            Rated::Leaf => limits::LEAVES_PER_HOUR_MAX,
            Rated::Rekey => limits::REKEYS_PER_HOUR_MAX,
            Rated::Grant => limits::GRANTS_PER_HOUR_MAX,
        };
        let same = || self.taken.iter().filter(|(_, one)| *one == kind);
        if same().count() >= max {
            let oldest = same().next().map_or(now.mono_ms, |&(at, _)| at);
            return Err(oldest.saturating_add(limits::HEAL_INTERVAL_MS));
        }
        self.taken.push((now.mono_ms, kind));
        Ok(())
    }
}

/// Rule R-36: a Rekey is not counted if the audience before it held somebody who is not Keyed at its heads: else
/// people who come and go could mute the speakers.
#[must_use]
pub fn is_forced(audience_before: &[MembershipId], keyed: &[MembershipId]) -> bool {
    audience_before.iter().any(|mid| !is_in(keyed, mid))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn e_77_the_thirteenth_rekey_of_an_hour_waits_and_other_kinds_do_not() {
        let mut rate = EntryRate::default();
        let at = |ms| Timestamp::new(ms, 0);
        for i in 0..12 {
            assert_eq!(rate.take(at(i), Rated::Rekey), Ok(()));
        }
        assert_eq!(rate.take(at(20), Rated::Rekey), Err(limits::HEAL_INTERVAL_MS));
        assert_eq!(rate.take(at(20), Rated::Leaf), Ok(()));
        assert_eq!(rate.take(at(limits::HEAL_INTERVAL_MS), Rated::Rekey), Ok(()));
    }

    #[test]
    fn r_36_a_rekey_that_somebody_leaving_forced_is_known_as_such() {
        let (ana, ben) = (MembershipId([1; 32]), MembershipId([2; 32]));
        assert!(is_forced(&[ana, ben], &[ana]));
        assert!(!is_forced(&[ana], &[ana, ben]));
    }
}
