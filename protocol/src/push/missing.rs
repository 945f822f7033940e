//! Items that were announced and have not come: who said so, whom to ask next, and when (N-510).

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;

use crate::ids::{ItemId, Neighbour};
use crate::limits::{MISSING_MAX, MISSING_SOURCES_MAX};
use crate::time::Timestamp;

/// A neighbour that announced an item.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Source {
    pub neighbour: Neighbour,
    pub announced_mono_ms: u64,
    asked: bool,
}

#[derive(Debug)]
struct Wanted {
    sources: Vec<Source>,
    due: u64,
}

/// Whether an announcement found room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Room {
    Taken,
    Full,
}

/// What to do about an item whose time is up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Turn {
    Ask(Neighbour),
    /// All were asked; the last one is named if it is still here.
    Exhausted(Option<Neighbour>),
}

/// At most 4 096 ids, with at most 8 sources each.
#[derive(Debug, Default)]
pub(super) struct Missing {
    by_id: BTreeMap<ItemId, Wanted>,
    by_time: BTreeSet<(u64, ItemId)>,
}

impl Missing {
    /// Notes an announcement; the first one of an id starts its timer.
    pub(super) fn announce(&mut self, now: Timestamp, id: ItemId, neighbour: Neighbour, wait_ms: u64) -> Room {
        let source = Source { neighbour, announced_mono_ms: now.mono_ms, asked: false };
        if let Some(wanted) = self.by_id.get_mut(&id) {
            // Eight to ask are plenty: a ninth is no loss, so it asks for no comparison of logs either.
            let is_known = wanted.sources.iter().any(|known| known.neighbour == neighbour);
            if !is_known && wanted.sources.len() < MISSING_SOURCES_MAX {
                wanted.sources.push(source);
            }
            return Room::Taken;
        }
        if self.by_id.len() >= MISSING_MAX {
            return Room::Full;
        }
        let due = now.mono_ms.saturating_add(wait_ms);
        self.by_id.insert(id, Wanted { sources: alloc::vec![source], due });
        self.by_time.insert((due, id));
        Room::Taken
    }

    /// The item came, by whatever way: who had announced it.
    pub(super) fn arrived(&mut self, id: &ItemId) -> Vec<Source> {
        let Some(wanted) = self.by_id.remove(id) else { return Vec::new() };
        self.by_time.remove(&(wanted.due, *id));
        wanted.sources
    }

    /// Rule N-510: an item whose time is up, and the cheapest source not asked yet. The timer starts anew with what
    /// `wait_ms` gives for that source; an exhausted item leaves the table.
    pub(super) fn pop_due(&mut self, now: Timestamp, cost_ms: &dyn Fn(Neighbour) -> u64) -> Option<(ItemId, Turn)> {
        let &(due, id) = self.by_time.first()?;
        if due > now.mono_ms {
            return None;
        }
        self.by_time.pop_first();
        let wanted = self.by_id.get_mut(&id)?;
        let next = wanted.sources.iter_mut().filter(|source| !source.asked);
        match next.min_by_key(|source| (cost_ms(source.neighbour), source.neighbour)) {
            Some(source) => {
                source.asked = true;
                let neighbour = source.neighbour;
                // Rule N-510, timer 2.
                let wait = cost_ms(neighbour).saturating_mul(2).saturating_add(100).clamp(150, 1_000);
                wanted.due = now.mono_ms.saturating_add(wait);
                self.by_time.insert((wanted.due, id));
                Some((id, Turn::Ask(neighbour)))
            }
            None => {
                let last = wanted.sources.last().map(|source| source.neighbour);
                self.by_id.remove(&id);
                Some((id, Turn::Exhausted(last)))
            }
        }
    }

    /// A neighbour is gone: whom it was asked of is due at once.
    pub(super) fn forget(&mut self, now: Timestamp, neighbour: Neighbour) {
        for (id, wanted) in &mut self.by_id {
            let Some(at) = wanted.sources.iter().position(|source| source.neighbour == neighbour) else { continue };
            if wanted.sources.remove(at).asked {
                self.by_time.remove(&(wanted.due, *id));
                wanted.due = wanted.due.min(now.mono_ms);
                self.by_time.insert((wanted.due, *id));
            }
        }
    }

    pub(super) fn next_deadline(&self) -> Option<u64> {
        self.by_time.first().map(|&(due, _)| due)
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.by_id.len()
    }
}
