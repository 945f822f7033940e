//! What the journal holds and the engine does not have yet: the memtable of a log-structured store.
//!
//! It lies over the engine: what stands here hides what stands there, an erasure, too. Values are sealed already.
//! <https://www.cs.umb.edu/~poneil/lsmtree.pdf>

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::iter::Peekable;

use coterie_protocol::{Batch, Direction, Key, StoreError};

type Record = Result<(Key, Vec<u8>), StoreError>;

/// Changes in key order, the last of each key.
#[derive(Default)]
pub(super) struct Memtable {
    changes: BTreeMap<Key, Option<Vec<u8>>>,
    bytes: usize,
}

impl Memtable {
    /// Takes a batch over what is there.
    pub(super) fn add(&mut self, batch: &Batch) {
        batch.iter().for_each(|(key, value)| self.set(*key, value.map(<[u8]>::to_vec)));
    }

    pub(super) fn set(&mut self, key: Key, value: Option<Vec<u8>>) {
        let size = |value: &Option<Vec<u8>>| value.as_ref().map_or(0, Vec::len);
        let came = size(&value);
        match self.changes.insert(key, value) {
            Some(old) => self.bytes = self.bytes.saturating_sub(size(&old)),
            None => self.bytes = self.bytes.saturating_add(size_of::<Key>()),
        }
        self.bytes = self.bytes.saturating_add(came);
    }

    /// What is said here of a key: its value, that it is erased, or nothing.
    pub(super) fn get(&self, key: &Key) -> Option<Option<&[u8]>> {
        self.changes.get(key).map(Option::as_deref)
    }

    /// Bytes of keys and values.
    pub(super) const fn bytes(&self) -> usize {
        self.bytes
    }

    pub(super) fn is_empty(&self) -> bool {
        self.changes.is_empty()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&Key, Option<&[u8]>)> {
        self.changes.iter().map(|(key, value)| (key, value.as_deref()))
    }

    /// The records of the engine in a span, in one direction, with what is said here laid over them.
    pub(super) fn over<'a>(
        &'a self,
        below: impl Iterator<Item = Record> + 'a,
        (from, to): (&Key, &Key),
        direction: Direction,
    ) -> impl Iterator<Item = Record> + 'a {
        let span = self.changes.range(*from..*to).map(|(key, value)| (key, value.as_deref()));
        let above: Said<'a> = match direction {
            Direction::Up => Box::new(span),
            Direction::Down => Box::new(span.rev()),
        };
        Merge { above: above.peekable(), below: below.peekable(), direction }
    }
}

/// What is said here of a span: values, and `None` for what is erased.
type Said<'a> = Box<dyn Iterator<Item = (&'a Key, Option<&'a [u8]>)> + 'a>;

struct Merge<'a, B: Iterator<Item = Record>> {
    above: Peekable<Said<'a>>,
    below: Peekable<B>,
    direction: Direction,
}

impl<B: Iterator<Item = Record>> Iterator for Merge<'_, B> {
    type Item = Record;

    fn next(&mut self) -> Option<Record> {
        loop {
            let Some((key, value)) = self.above.peek() else { return self.below.next() };
            let order = match self.below.peek() {
                None => Ordering::Less,
                // An error has no key: it is told where the engine met it.
                Some(Err(_)) => return self.below.next(),
                Some(Ok((lower, _))) if self.direction == Direction::Up => (*key).cmp(lower),
                Some(Ok((lower, _))) => lower.cmp(key),
            };
            let record = value.map(|value| Ok((**key, value.to_vec())));
            match order {
                Ordering::Greater => return self.below.next(),
                Ordering::Equal => {
                    self.below.next();
                    self.above.next();
                }
                Ordering::Less => {
                    self.above.next();
                }
            }
            if record.is_some() {
                return record;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use coterie_protocol::RecordId;

    fn key(number: u32) -> Key {
        RecordId::peer(number).key()
    }

    fn seen(table: &Memtable, below: &[u32], direction: Direction) -> Vec<(u32, u8)> {
        let number = |key: &Key| (0..20).find(|number| self::key(*number) == *key).unwrap();
        let mut below: Vec<Record> = below.iter().map(|number| Ok((key(*number), vec![0]))).collect();
        if direction == Direction::Down {
            below.reverse();
        }
        let all = table.over(below.into_iter(), (&Key::lowest(), &Key::highest()), direction);
        all.map(|record| record.map(|(key, value)| (number(&key), value[0])).unwrap()).collect()
    }

    #[test]
    fn what_is_new_hides_what_is_below_in_both_directions() {
        let mut table = Memtable::default();
        for (number, value) in [(1, Some(vec![9])), (3, None), (5, Some(vec![9])), (8, None), (9, Some(vec![9]))] {
            table.set(key(number), value);
        }
        let expected = [(0, 0), (1, 9), (2, 0), (4, 0), (5, 9), (6, 0), (9, 9)];
        assert_eq!(seen(&table, &[0, 1, 2, 3, 4, 6, 8], Direction::Up), expected);
        let down: Vec<_> = expected.iter().rev().copied().collect();
        assert_eq!(seen(&table, &[0, 1, 2, 3, 4, 6, 8], Direction::Down), down);
        assert_eq!(seen(&table, &[], Direction::Down), [(9, 9), (5, 9), (1, 9)]);
    }

    #[test]
    fn its_size_follows_what_is_replaced() {
        let mut table = Memtable::default();
        table.set(key(1), Some(vec![0; 100]));
        table.set(key(1), Some(vec![0; 10]));
        assert_eq!(table.bytes(), size_of::<Key>() + 10);
        table.set(key(1), None);
        assert_eq!(table.bytes(), size_of::<Key>());
    }
}
