//! What came by, for two minutes: so that an item is handled once, and a second copy names a link too many (N-505).

use alloc::collections::{BTreeMap, VecDeque};

use crate::ids::{ItemId, Neighbour};
use crate::limits::{SEEN_MAX, SEEN_MS};
use crate::time::Timestamp;

/// By which way an item came here first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Origin {
    /// Written here.
    Own,
    /// Pushed by this neighbour.
    Pushed(Neighbour),
    /// Fetched by anti-entropy: says nothing about the tree, so a pushed second copy prunes nobody.
    Fetched,
}

/// One item that came by.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sighting {
    pub origin: Origin,
    pub hop: u8,
    at_mono_ms: u64,
}

/// Rule N-505: at most 65 536 items, each for 120 s.
#[derive(Debug, Default)]
pub(super) struct Seen {
    items: BTreeMap<ItemId, Sighting>,
    order: VecDeque<(u64, ItemId)>,
}

impl Seen {
    pub(super) fn get(&self, id: &ItemId) -> Option<&Sighting> {
        self.items.get(id)
    }

    /// Remembers the first way only.
    pub(super) fn note(&mut self, now: Timestamp, id: ItemId, origin: Origin, hop: u8) {
        self.forget_old(now);
        let at_mono_ms = now.mono_ms;
        if let alloc::collections::btree_map::Entry::Vacant(place) = self.items.entry(id) {
            place.insert(Sighting { origin, hop, at_mono_ms });
            self.order.push_back((at_mono_ms, id));
        }
    }

    fn forget_old(&mut self, now: Timestamp) {
        while let Some(&(at, id)) = self.order.front() {
            if self.items.len() < SEEN_MAX && now.mono_ms.saturating_sub(at) < SEEN_MS {
                return;
            }
            self.order.pop_front();
            if self.items.get(&id).is_some_and(|sighting| sighting.at_mono_ms == at) {
                self.items.remove(&id);
            }
        }
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.items.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn n_505_an_item_is_forgotten_after_two_minutes_and_the_table_is_bounded() {
        let mut seen = Seen::default();
        let id = |n: u64| {
            let mut bytes = [0; 16];
            bytes[..8].copy_from_slice(&n.to_be_bytes());
            ItemId(bytes)
        };
        seen.note(Timestamp::new(0, 0), id(0), Origin::Own, 0);
        seen.note(Timestamp::new(SEEN_MS - 1, 0), id(1), Origin::Own, 0);
        assert!(seen.get(&id(0)).is_some());
        seen.note(Timestamp::new(SEEN_MS, 0), id(2), Origin::Fetched, 0);
        assert!(seen.get(&id(0)).is_none());
        for n in 0..70_000 {
            seen.note(Timestamp::new(SEEN_MS, 0), id(n), Origin::Own, 0);
        }
        assert_eq!(seen.len(), SEEN_MAX);
        assert!(seen.get(&id(69_999)).is_some() && seen.order.len() <= SEEN_MAX);
    }
}
