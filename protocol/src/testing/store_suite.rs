//! One suite over every engine: random work compared step by step with a plain map (ST-130).
//!
//! An engine that answers anything else than the map, keeps a part of a refused batch, or loses something over a
//! reopening, fails here. The generator is seeded per case and each failure names case and step.

use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::vec;
use alloc::vec::Vec;

use crate::limits::{BATCH_BYTES_MAX, BATCH_CHANGES_MAX, RANGE_BYTES_MAX, RANGE_RECORDS_MAX, VALUE_BYTES_MAX};
use crate::record::Key;
use crate::store::{Batch, Bound, Direction, Store, StoreError};

/// The engine under test.
pub trait Bench {
    /// An empty store, in a place of its own.
    fn fresh(&mut self) -> Box<dyn Store>;

    /// The store of the last `fresh`, after it was closed; `None` if it forgets everything by design.
    fn reopen(&mut self) -> Option<Box<dyn Store>>;

    /// Largest value, changes of a batch, bytes of a batch that it takes. A sealed store takes a little less.
    fn bounds(&self) -> (usize, usize, usize) {
        (VALUE_BYTES_MAX, BATCH_CHANGES_MAX, BATCH_BYTES_MAX)
    }
}

/// A small generator of its own, so that the suite needs nothing from outside: splitmix64 (Steele, Lea, Flood 2014).
struct Dice(u64);

impl Dice {
    fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.roll() % u64::try_from(end.max(1)).unwrap_or(1)).unwrap_or(0)
    }
}

impl Dice {
    fn one_of<T: Copy + Default>(&mut self, choices: &[T]) -> T {
        choices.get(self.below(choices.len())).copied().unwrap_or_default()
    }
}

type Model = BTreeMap<Key, Vec<u8>>;

/// Runs `cases` cases of up to 60 steps, then the fixed ones.
///
/// # Panics
/// If the engine breaks the contract: that is what it is for.
pub fn run(bench: &mut dyn Bench, cases: u64) {
    for case in 0..cases {
        random_case(bench, case);
    }
    limits_leave_no_trace(bench);
    large_values_side_by_side(bench);
    pages_are_bounded_and_go_on(bench);
    an_empty_batch_changes_nothing(bench);
}

fn random_case(bench: &mut dyn Bench, case: u64) {
    let mut dice = Dice(case.wrapping_mul(0x5851_f42d_4c95_7f2d));
    let mut store = bench.fresh();
    let mut model = Model::new();
    let steps = 10 + dice.below(51);
    for step in 0..steps {
        match dice.below(10) {
            0..=4 => {
                let batch = random_batch(&mut dice);
                assert_eq!(store.commit(&batch), Ok(()), "case {case} step {step}");
                apply(&mut model, &batch);
            }
            5 => check_get(store.as_ref(), &model, &mut dice, (case, step)),
            6..=8 => check_range(store.as_ref(), &model, &mut dice, (case, step)),
            _ => {
                assert_eq!(store.close(), Ok(()), "case {case} step {step}");
                match bench.reopen() {
                    Some(again) => store = again,
                    None => (store, model) = (bench.fresh(), Model::new()),
                }
                check_all(store.as_ref(), &model, (case, step));
            }
        }
    }
    check_all(store.as_ref(), &model, (case, steps));
    assert_eq!(store.close(), Ok(()));
}

/// Keys close together, of different lengths, with the values of bytes that sort first and last.
fn random_key(dice: &mut Dice) -> Key {
    let mut bytes = vec![1, dice.one_of(&[0x10, 0x13, 0x14, 0x80, 0x84])];
    let tail = dice.one_of(&[0, 1, 4, 12, 16, 62]);
    bytes.extend((0..tail).map(|_| dice.one_of(&[0, 1, 0x7f, 0xff])));
    Key::new(&bytes).unwrap_or_else(Key::lowest)
}

fn random_batch(dice: &mut Dice) -> Batch {
    let mut batch = Batch::default();
    for _ in 0..dice.below(12) {
        let key = random_key(dice);
        if dice.below(4) == 0 {
            batch.erase(key);
        } else {
            let fill = u8::try_from(dice.below(256)).unwrap_or(0);
            let len = dice.one_of(&[0, 1, 80, 300, 300, 4_000]);
            batch.put(key, vec![fill; len]);
        }
    }
    batch
}

fn apply(model: &mut Model, batch: &Batch) {
    for (key, value) in batch.iter() {
        match value {
            Some(value) => model.insert(*key, value.to_vec()),
            None => model.remove(key),
        };
    }
}

fn check_get(store: &dyn Store, model: &Model, dice: &mut Dice, at: (u64, usize)) {
    let key = if dice.below(2) == 0 { random_key(dice) } else { some_key(model, dice) };
    assert_eq!(store.get(&key), Ok(model.get(&key).cloned()), "case and step {at:?}");
}

fn some_key(model: &Model, dice: &mut Dice) -> Key {
    model.keys().nth(dice.below(model.len())).copied().unwrap_or_else(|| random_key(dice))
}

fn check_range(store: &dyn Store, model: &Model, dice: &mut Dice, at: (u64, usize)) {
    let (from, to) = (random_key(dice), random_key(dice));
    let limit = dice.one_of(&[0, 1, 2, 5, 4_096]);
    for direction in [Direction::Up, Direction::Down] {
        let found = store.range(&from, &to, direction, limit);
        let mut expected: Vec<_> = if from < to {
            model.range(from..to).map(|(key, value)| (*key, value.clone())).collect()
        } else {
            Vec::new()
        };
        if direction == Direction::Down {
            expected.reverse();
        }
        expected.truncate(limit);
        assert_eq!(found, Ok(expected), "case and step {at:?}");
    }
}

/// The lowest key of the suite: what lies below may belong to the store itself (census, schema).
fn first_key() -> Key {
    Key::span_of_kind(1).0
}

fn check_all(store: &dyn Store, model: &Model, at: (u64, usize)) {
    let mut found = Model::new();
    let outcome = crate::store::scan(store, (first_key(), Key::highest()), &mut |key, value| {
        found.insert(key, value);
        Ok(())
    });
    assert_eq!(outcome, Ok(()), "case and step {at:?}");
    assert!(found == *model, "case and step {at:?}: the store does not hold what was committed");
    assert!(store.usage().is_ok_and(|usage| usage.records >= u64::try_from(model.len()).unwrap_or(u64::MAX)));
}

fn numbered(number: usize) -> Key {
    let number = u32::try_from(number).unwrap_or(u32::MAX).to_be_bytes();
    Key::new(&[&[1, 0x13][..], &number].concat()).unwrap_or_else(Key::lowest)
}

fn limits_leave_no_trace(bench: &mut dyn Bench) {
    let (value_max, changes_max, bytes_max) = bench.bounds();
    let mut store = bench.fresh();
    let mut large = Batch::default();
    large.put(numbered(1), vec![1]);
    large.put(numbered(2), vec![2; value_max + 1]);
    assert_eq!(store.commit(&large), Err(StoreError::TooLarge { what: Bound::ValueBytes, len: value_max + 1 }));
    let mut many = Batch::default();
    (0..=changes_max).for_each(|number| many.put(numbered(number), vec![3]));
    assert_eq!(store.commit(&many), Err(StoreError::TooLarge { what: Bound::BatchChanges, len: changes_max + 1 }));
    let mut heavy = Batch::default();
    (0..=bytes_max / value_max).for_each(|number| heavy.put(numbered(number), vec![4; value_max]));
    assert!(matches!(store.commit(&heavy), Err(StoreError::TooLarge { what: Bound::BatchBytes, .. })));
    let over = store.range(&first_key(), &Key::highest(), Direction::Up, RANGE_RECORDS_MAX + 1);
    assert_eq!(over, Err(StoreError::TooLarge { what: Bound::RangeRecords, len: RANGE_RECORDS_MAX + 1 }));
    check_all(store.as_ref(), &Model::new(), (0, 0));
    // Unharmed: it goes on, up to the bound itself.
    let mut full = Batch::default();
    (0..changes_max).for_each(|number| full.put(numbered(number), vec![5]));
    assert_eq!(store.commit(&full), Ok(()));
    assert_eq!(store.close(), Ok(()));
}

/// Values of the limit's size next to each other: the shape that breaks engines with small segments (ST-21).
fn large_values_side_by_side(bench: &mut dyn Bench) {
    let (value_max, _, bytes_max) = bench.bounds();
    let mut store = bench.fresh();
    let mut model = Model::new();
    for round in 0..4 {
        let mut batch = Batch::default();
        for number in 0..(bytes_max / (value_max + 64)).min(24) {
            let fill = u8::try_from(round * 64 + number).unwrap_or(0);
            batch.put(numbered(number * 4 + round), vec![fill; value_max]);
        }
        assert_eq!(store.commit(&batch), Ok(()));
        apply(&mut model, &batch);
    }
    check_all(store.as_ref(), &model, (1, 0));
    assert_eq!(store.close(), Ok(()));
    if let Some(store) = bench.reopen() {
        check_all(store.as_ref(), &model, (1, 1));
        assert_eq!(store.close(), Ok(()));
    }
}

fn pages_are_bounded_and_go_on(bench: &mut dyn Bench) {
    let (value_max, _, bytes_max) = bench.bounds();
    let mut store = bench.fresh();
    let each = bytes_max / (value_max + 64);
    let count = RANGE_BYTES_MAX / value_max + 10;
    for from in (0..count).step_by(each) {
        let mut batch = Batch::default();
        (from..count.min(from + each)).for_each(|number| batch.put(numbered(number), vec![7; value_max]));
        assert_eq!(store.commit(&batch), Ok(()));
    }
    let page = store.range(&first_key(), &Key::highest(), Direction::Up, RANGE_RECORDS_MAX).unwrap_or_default();
    let bytes: usize = page.iter().map(|(_, value)| value.len()).sum();
    assert!(!page.is_empty() && page.len() < count && bytes <= RANGE_BYTES_MAX);
    let mut seen = 0;
    let outcome = crate::store::scan(store.as_ref(), (first_key(), Key::highest()), &mut |_, _| {
        seen += 1;
        Ok(())
    });
    assert_eq!((outcome, seen), (Ok(()), count));
    assert_eq!(store.close(), Ok(()));
}

fn an_empty_batch_changes_nothing(bench: &mut dyn Bench) {
    let mut store = bench.fresh();
    assert_eq!(store.commit(&Batch::default()), Ok(()));
    let mut absent = Batch::default();
    absent.erase(numbered(1));
    assert_eq!(store.commit(&absent), Ok(()));
    check_all(store.as_ref(), &Model::new(), (2, 0));
    assert_eq!(store.close(), Ok(()));
}
