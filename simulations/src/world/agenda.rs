//! What will happen, in the order in which it will.
//!
//! A heap of small keys, and what they stand for in places that are used again: a run puts in and takes out a million.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// Things to come.
pub(super) struct Agenda<T> {
    /// When, the tie, the number of the thing, and its place.
    queue: BinaryHeap<Reverse<(u64, u64, u64, usize)>>,
    things: Vec<Option<T>>,
    /// Places that are empty.
    free: Vec<usize>,
    count: u64,
}

impl<T> Default for Agenda<T> {
    fn default() -> Self {
        Self { queue: BinaryHeap::new(), things: Vec::new(), free: Vec::new(), count: 0 }
    }
}

impl<T> Agenda<T> {
    /// Something will happen then; of what happens at one moment the smaller tie comes first, then what was put in first.
    pub(super) fn put(&mut self, at_us: u64, tie: u64, thing: T) {
        let place = self.free.pop().unwrap_or_else(|| {
            self.things.push(None);
            self.things.len() - 1
        });
        self.things[place] = Some(thing);
        self.count += 1;
        self.queue.push(Reverse((at_us, tie, self.count, place)));
    }

    /// What comes next, and when, if that is by then.
    pub(super) fn take(&mut self, until_us: u64) -> Option<(u64, T)> {
        let Reverse((at, _, _, place)) = self.queue.peek().copied().filter(|Reverse((at, ..))| *at <= until_us)?;
        self.queue.pop();
        let thing = self.things[place].take()?;
        self.free.push(place);
        Some((at, thing))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn things_come_by_time_then_by_tie_then_as_they_were_put_in() {
        let mut agenda = Agenda::default();
        agenda.put(20, 0, 'd');
        agenda.put(10, 7, 'b');
        agenda.put(10, 7, 'c');
        agenda.put(10, 1, 'a');
        assert_eq!(agenda.take(9), None);
        let first: Vec<char> = (0..3).filter_map(|_| agenda.take(10)).map(|(_, thing)| thing).collect();
        assert_eq!(first, ['a', 'b', 'c']);
        // A place that was left is taken again, and nothing is mixed up by it.
        agenda.put(15, 0, 'x');
        assert_eq!((agenda.take(30), agenda.take(30), agenda.take(30)), (Some((15, 'x')), Some((20, 'd')), None));
        assert_eq!(agenda.things.len(), 4);
    }
}
