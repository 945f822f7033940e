//! Where each entry stands, kept narrow: there is one of these for each entry of a group's past.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use super::Place;
use crate::ids::{EntryId, LogId};

/// Places by entry. A log's name stands once and is a number elsewhere: 48 bytes an entry instead of 96.
#[derive(Default)]
pub(super) struct Places {
    logs: Vec<LogId>,
    numbers: BTreeMap<LogId, u32>,
    by_id: BTreeMap<EntryId, Spot>,
}

#[derive(Clone, Copy)]
struct Spot {
    seq: u64,
    log: u32,
    branch: u8,
}

impl Places {
    pub(super) fn insert(&mut self, id: EntryId, place: Place) {
        let next = u32::try_from(self.logs.len()).unwrap_or(u32::MAX);
        let log = *self.numbers.entry(place.log).or_insert(next);
        if log == next {
            self.logs.push(place.log);
        }
        self.by_id.insert(id, Spot { seq: place.seq, log, branch: place.branch });
    }

    pub(super) fn contains(&self, id: &EntryId) -> bool {
        self.by_id.contains_key(id)
    }

    pub(super) fn get(&self, id: &EntryId) -> Option<Place> {
        self.by_id.get(id).and_then(|spot| self.place(*spot))
    }

    fn place(&self, spot: Spot) -> Option<Place> {
        let log = *self.logs.get(usize::try_from(spot.log).ok()?)?;
        Some(Place { log, branch: spot.branch, seq: spot.seq })
    }

    /// All entries with their places, by their ids.
    #[cfg(test)]
    pub(super) fn iter(&self) -> impl Iterator<Item = (EntryId, Place)> {
        self.by_id.iter().filter_map(|(id, spot)| Some((*id, self.place(*spot)?)))
    }
}
