//! The order in which everybody sees the same messages, from signed data alone (E-53).
//!
//! Each Message carries `sent_at` (its author's clock, a claim), `after` (the newest Messages of others that the
//! author had opened) and `tick`, which is above the ticks of all of them and of the author's own previous Message. So
//! an answer never stands above what it answers, clocks may lie as they like, and two nodes that hold the same entries
//! show the same order (a Lamport clock that follows the wall clock where it can; cf. Kulkarni et al., *Hybrid Logical
//! Clocks*, 2014).

pub(crate) mod annotations;
pub(crate) mod content;
pub(crate) mod fields;

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;

use crate::ids::{EntryId, MembershipId, OrderKey};
use crate::limits;

/// Rule E-53: be64(tick), then the first 8 bytes of the entry's id.
#[must_use]
pub fn order_key(tick: u64, eid: &EntryId) -> OrderKey {
    let mut key = [0; 16];
    let bytes = tick.to_be_bytes().into_iter().chain(eid.0.into_iter().take(8));
    key.iter_mut().zip(bytes).for_each(|(to, from)| *to = from);
    OrderKey(key)
}

/// The tick that an order key was made of.
#[must_use]
pub fn tick_of(key: &OrderKey) -> u64 {
    key.0.iter().take(8).fold(0, |tick, &byte| (tick << 8) | u64::from(byte))
}

/// One Message that was opened (or written) here.
#[derive(Clone, Debug)]
struct Opened {
    author: MembershipId,
    eid: EntryId,
    after: Vec<EntryId>,
}

/// The newest opened Messages of a group, bounded: from them the next own Message takes its `after` and `tick`.
#[derive(Debug, Default)]
pub struct Recent {
    by_order: BTreeMap<OrderKey, Opened>,
    own_tick: Option<u64>,
}

/// What the next own Message says about order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The newest Messages of others, not naming what another of them already names.
    pub after: Vec<EntryId>,
    /// Above all of them and above the own previous Message.
    pub tick: u64,
}

impl Recent {
    /// Takes note of an opened Message of somebody else, or of an own one.
    pub fn note(
        &mut self,
        author: MembershipId,
        (key, eid): (OrderKey, EntryId),
        after: &[EntryId],
        me: &MembershipId,
    ) {
        if author == *me {
            self.own_tick = self.own_tick.max(Some(tick_of(&key)));
        }
        self.by_order.insert(key, Opened { author, eid, after: after.to_vec() });
        while self.by_order.len() > limits::RECENT_MESSAGES_MAX {
            self.by_order.pop_first();
        }
    }

    /// By E-53, `after` and `tick` for a Message that `me` writes at `wall_ms`.
    #[must_use]
    pub fn place(&self, me: &MembershipId, wall_ms: u64) -> Place {
        let named = self.named_by_others(me);
        let (mut after, mut tick) = (Vec::new(), wall_ms.max(self.own_tick.map_or(0, |tick| tick.saturating_add(1))));
        let newest = self.by_order.iter().rev().filter(|(_, one)| one.author != *me && !named.contains(&one.eid));
        for (key, one) in newest.take(limits::AFTER_MAX) {
            after.push(one.eid);
            let theirs = tick_of(key);
            if theirs <= wall_ms.saturating_add(limits::TICK_AHEAD_MS_MAX) {
                tick = tick.max(theirs.saturating_add(1));
            }
        }
        after.sort_unstable();
        Place { after, tick: tick.min(limits::INTEGER_MAX) }
    }

    /// What Messages of others name, directly or through further ones. A liar may name in a circle; each is visited
    /// once.
    fn named_by_others(&self, me: &MembershipId) -> BTreeSet<EntryId> {
        let names: BTreeMap<EntryId, &[EntryId]> =
            self.by_order.values().map(|one| (one.eid, one.after.as_slice())).collect();
        let mut named = BTreeSet::new();
        let others = self.by_order.values().filter(|one| one.author != *me);
        let mut open: Vec<EntryId> = others.flat_map(|one| one.after.iter().copied()).collect();
        while let Some(eid) = open.pop() {
            if named.insert(eid) {
                open.extend(names.get(&eid).into_iter().flat_map(|after| after.iter().copied()));
            }
        }
        named
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;

    const ME: MembershipId = MembershipId([1; 32]);
    const BEN: MembershipId = MembershipId([2; 32]);
    const EVA: MembershipId = MembershipId([3; 32]);

    fn note(recent: &mut Recent, author: MembershipId, tick: u64, eid: u8, after: &[u8]) -> EntryId {
        let id = EntryId([eid; 32]);
        let after: Vec<EntryId> = after.iter().map(|&byte| EntryId([byte; 32])).collect();
        recent.note(author, (order_key(tick, &id), id), &after, &ME);
        id
    }

    #[test]
    fn e_53_the_order_is_by_tick_then_by_id() {
        let (low, high) = (EntryId([1; 32]), EntryId([2; 32]));
        assert!(order_key(1, &high) < order_key(2, &low));
        assert!(order_key(2, &low) < order_key(2, &high));
        assert_eq!(tick_of(&order_key(77, &low)), 77);
    }

    #[test]
    fn e_53_an_own_message_stands_after_all_it_answers_and_after_the_own_previous_one() {
        let mut recent = Recent::default();
        assert_eq!(recent.place(&ME, 100), Place { after: vec![], tick: 100 });
        let ben = note(&mut recent, BEN, 500, 20, &[]);
        assert_eq!(recent.place(&ME, 100), Place { after: vec![ben], tick: 501 });
        note(&mut recent, ME, 501, 10, &[20]);
        assert_eq!(recent.place(&ME, 100).tick, 502);
        assert_eq!(recent.place(&ME, 900).tick, 900);
    }

    #[test]
    fn e_53_what_another_names_is_left_out_also_through_a_third() {
        let mut recent = Recent::default();
        note(&mut recent, BEN, 10, 20, &[]);
        note(&mut recent, ME, 11, 10, &[20]);
        let eva = note(&mut recent, EVA, 12, 30, &[10]);
        assert_eq!(recent.place(&ME, 0).after, vec![eva]);
    }

    #[test]
    fn at_59_a_tick_in_the_far_future_does_not_drag_ours_along() {
        let mut recent = Recent::default();
        let far = note(&mut recent, BEN, 100 + limits::TICK_AHEAD_MS_MAX + 1, 20, &[]);
        note(&mut recent, EVA, 100 + limits::TICK_AHEAD_MS_MAX, 30, &[]);
        let place = recent.place(&ME, 100);
        assert!(place.after.contains(&far));
        assert_eq!(place.tick, 101 + limits::TICK_AHEAD_MS_MAX);
    }

    #[test]
    fn e_53_at_most_eight_are_named_the_newest_and_the_window_is_bounded() {
        let mut recent = Recent::default();
        for tick in 0..300_u64 {
            let mut id = [0; 32];
            id[..8].copy_from_slice(&tick.to_be_bytes());
            recent.note(BEN, (order_key(tick, &EntryId(id)), EntryId(id)), &[], &ME);
        }
        assert_eq!(recent.by_order.len(), limits::RECENT_MESSAGES_MAX);
        let after = recent.place(&ME, 0).after;
        assert_eq!(after.len(), limits::AFTER_MAX);
        assert!(after.iter().all(|eid| eid.0[7] >= 36 && eid.0[6] == 1));
    }
}
