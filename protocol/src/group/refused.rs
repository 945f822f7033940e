//! Refused bytes are known again, so that their signature is not checked twice (N-212).
//!
//! By the hash of all bytes, signature included, and never by the entry's id: the same entry under a good signature must
//! still get in (E-26).

use alloc::collections::{BTreeMap, VecDeque};

use crate::crypto::derive::sha256;
use crate::error::PeerFault;
use crate::ids::Digest;
use crate::limits;
use crate::log::EntryRule;
use crate::time::Timestamp;

/// What was refused a short while ago, and what its givers are charged for.
#[derive(Default)]
pub(super) struct Refused {
    by_digest: BTreeMap<Digest, PeerFault>,
    in_order: VecDeque<(u64, Digest)>,
}

impl Refused {
    /// Rule N-212: remembers bytes whose form or signature is wrong.
    pub(super) fn remember(&mut self, bytes: &[u8], fault: PeerFault, now: Timestamp) {
        let digest = sha256(bytes);
        if self.by_digest.insert(digest, fault).is_none() {
            self.in_order.push_back((now.mono_ms, digest));
        }
        while self.in_order.len() > limits::REFUSED_MAX {
            self.forget_oldest();
        }
    }

    /// What these bytes were refused for, if they were.
    pub(super) fn fault_of(&mut self, bytes: &[u8], now: Timestamp) -> Option<PeerFault> {
        let start = now.mono_ms.saturating_sub(limits::REFUSED_MS);
        while self.in_order.front().is_some_and(|(at, _)| *at < start) {
            self.forget_oldest();
        }
        // Nearly always there is nothing to compare with.
        if self.by_digest.is_empty() { None } else { self.by_digest.get(&sha256(bytes)).copied() }
    }

    fn forget_oldest(&mut self) {
        if let Some((_, digest)) = self.in_order.pop_front() {
            self.by_digest.remove(&digest);
        }
    }
}

/// What the giver of a refused entry is charged for (N-211).
pub(super) fn fault_of(rule: &EntryRule) -> PeerFault {
    if matches!(rule, EntryRule::Undecodable(_)) {
        PeerFault::Undecodable
    } else if *rule == EntryRule::Signature {
        PeerFault::BadSignature
    } else {
        PeerFault::Malformed
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::JoinState;
    use crate::testing::party::Party;
    use alloc::vec::Vec;

    #[test]
    fn n_212_refused_bytes_are_known_again_for_ten_minutes_and_within_bounds() {
        let (mut refused, start) = (Refused::default(), Timestamp::new(1_000, 0));
        let bytes = |n: u32| n.to_be_bytes();
        (0..5_000).for_each(|n| refused.remember(&bytes(n), PeerFault::BadSignature, start));
        assert_eq!(refused.by_digest.len(), limits::REFUSED_MAX);
        assert_eq!(refused.fault_of(&bytes(0), start), None);
        let later = |ms| start.plus_ms(limits::REFUSED_MS + ms);
        assert_eq!(refused.fault_of(&bytes(4_999), later(0)), Some(PeerFault::BadSignature));
        assert_eq!(refused.fault_of(&bytes(4_999), later(1)), None);
        assert!(refused.by_digest.is_empty());
    }

    #[test]
    fn n_212_a_forged_copy_is_refused_by_its_bytes_and_the_good_entry_still_gets_in() {
        let mut party = Party::new(2);
        let group = party.found(0, "Harbour");
        let link = party.invite(0, group, 1);
        assert_eq!(party.join(1, &link), JoinState::Seated);
        party.pass(5_000);
        party.split(&[0], &[1]);
        let mut written = Vec::new();
        party.inside(1, &group, |group, ctx| {
            let leaf = group.write_leaf(ctx, crate::encryption::rekey::LeafReason::Daily, None).unwrap();
            written.push((leaf.place.log, leaf.entry.to_bytes()));
        });
        let (log, good) = written.remove(0);
        let mut forged = good.clone();
        *forged.last_mut().unwrap() ^= 1;
        party.inside(0, &group, |group, ctx| {
            for _ in 0..2 {
                assert_eq!(group.hear(ctx, (log, &forged), None), crate::group::hearing::Heard::Refused);
            }
            assert_eq!(group.refused.by_digest.len(), 1);
            assert_eq!(group.hear(ctx, (log, &good), None), crate::group::hearing::Heard::New);
        });
    }
}
