//! The faulty disk does what it is ordered to, and nothing else.

use super::*;
use crate::testing::store_suite;
use alloc::vec;

#[derive(Default)]
struct GoodDisk(FaultDisk);

impl store_suite::Bench for GoodDisk {
    fn fresh(&mut self) -> Box<dyn Store> {
        self.0 = FaultDisk::default();
        Box::new(self.0.open())
    }
    fn reopen(&mut self) -> Option<Box<dyn Store>> {
        Some(Box::new(self.0.open()))
    }
}

fn put(store: &mut FaultStore, number: u8) -> Result<(), StoreError> {
    let mut batch = Batch::default();
    batch.put(key(number), vec![number; 3]);
    batch.put(key(number | 0x80), vec![number; 3]);
    store.commit(&batch)
}

fn key(number: u8) -> Key {
    Key::new(&[1, 0x13, number]).unwrap()
}

fn held(disk: &FaultDisk) -> Vec<u8> {
    (0..0x80).filter(|&number| disk.open().get(&key(number)).unwrap().is_some()).collect()
}

#[test]
fn st_130_a_disk_without_orders_keeps_the_contract() {
    store_suite::run(&mut GoodDisk::default(), 40);
}

#[test]
fn st_10_a_crash_leaves_all_or_nothing_of_the_batch_and_ends_the_store() {
    let outcomes = [
        (CrashPoint::Before, vec![1]),
        (CrashPoint::DuringLost, vec![1]),
        (CrashPoint::DuringKept, vec![1, 2]),
        (CrashPoint::After, vec![1, 2]),
    ];
    for (point, expected) in outcomes {
        let disk = FaultDisk::default();
        disk.order(Faults { crash_at: Some((2, point)), ..Faults::default() });
        let mut store = disk.open();
        assert_eq!(put(&mut store, 1), Ok(()));
        assert_eq!(put(&mut store, 2), Err(StoreError::Failed));
        assert_eq!(store.get(&key(1)), Err(StoreError::Failed));
        disk.cut_power(PowerCut::Honest);
        assert_eq!(held(&disk), expected, "{point:?}");
    }
}

#[test]
fn st_15_after_a_failed_sync_nothing_is_acknowledged_and_the_batch_is_gone_at_restart() {
    let disk = FaultDisk::default();
    disk.order(Faults { failing_sync_at: Some(2), ..Faults::default() });
    let mut store = disk.open();
    assert_eq!(put(&mut store, 1), Ok(()));
    assert_eq!(put(&mut store, 2), Err(StoreError::Io { op: IoOperation::Sync, kind: IoKind::Device }));
    assert_eq!(put(&mut store, 3), Err(StoreError::Failed));
    assert_eq!(store.range(&key(0), &key(9), Direction::Up, 1), Err(StoreError::Failed));
    assert_eq!(store.usage(), Err(StoreError::Failed));
    disk.restart();
    assert_eq!(held(&disk), [1]);
}

#[test]
fn st_18_a_full_disk_refuses_whole_batches_goes_on_living_and_lets_erase() {
    let disk = FaultDisk::default();
    disk.order(Faults { capacity_bytes: Some(20), ..Faults::default() });
    let mut store = disk.open();
    assert_eq!(put(&mut store, 1), Ok(()));
    assert_eq!(put(&mut store, 2), Err(StoreError::Full { need: 24, free: 8 }));
    let mut erase = Batch::default();
    erase.erase(key(1));
    erase.erase(key(0x81));
    assert_eq!(store.commit(&erase), Ok(()));
    assert_eq!(put(&mut store, 2), Ok(()));
    assert_eq!(held(&disk), [2]);
}

#[test]
fn f_m3_a_lying_disk_loses_the_last_acknowledged_batches_in_order_or_tears_one() {
    let disk = FaultDisk::default();
    disk.order(Faults { lies: true, ..Faults::default() });
    let mut store = disk.open();
    (1..=5).for_each(|number| put(&mut store, number).unwrap());
    let copy = FaultDisk(Arc::new(Mutex::new(disk.lock().clone())));
    disk.cut_power(PowerCut::LoseLast(2));
    assert_eq!(held(&disk), [1, 2, 3]);
    assert_eq!(put(&mut store, 6), Err(StoreError::Failed), "the old process died with the power");
    copy.cut_power(PowerCut::TearLast(1));
    assert_eq!(held(&copy), [1, 2, 3, 4, 5]);
    assert_eq!(copy.open().get(&key(0x85)), Ok(None), "the second change of the torn batch is gone");
}

#[test]
fn f_m3_a_true_sync_makes_what_went_before_durable() {
    let disk = FaultDisk::default();
    disk.order(Faults { lies: true, ..Faults::default() });
    let mut store = disk.open();
    put(&mut store, 1).unwrap();
    disk.order(Faults::default());
    put(&mut store, 2).unwrap();
    disk.cut_power(PowerCut::LoseLast(9));
    assert_eq!(held(&disk), [1, 2]);
}

#[test]
fn a_copy_lives_its_own_life_and_an_old_image_comes_back_whole() {
    let disk = FaultDisk::default();
    put(&mut disk.open(), 1).unwrap();
    let (old, copy) = (disk.snapshot(), disk.fork());
    put(&mut disk.open(), 2).unwrap();
    assert_eq!((held(&disk), held(&copy)), (vec![1, 2], vec![1]));
    disk.put_back(&old);
    assert_eq!(held(&disk), [1]);
}

#[test]
fn the_time_of_a_commit_follows_from_its_size() {
    let disk = FaultDisk::default();
    disk.order(Faults { sync_ms: 5, bytes_per_ms: 2, ..Faults::default() });
    put(&mut disk.open(), 1).unwrap();
    assert_eq!((disk.last_commit_ms(), disk.commits()), (5 + 12 / 2, 1));
}
