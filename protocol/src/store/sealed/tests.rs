//! What sealing promises: nothing readable, nothing movable, nothing silently wrong or gone.

use super::*;
use crate::crypto::Secret;
use crate::limits::{DAMAGED_KEYS_MAX, SEAL_OVERHEAD_BYTES};
use crate::store::MemStore;
use crate::store::fault::{FaultDisk, FaultStore, Faults, PowerCut};
use crate::testing::store_suite;
use alloc::vec;
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;

fn keys() -> StoreKeys {
    StoreKeys {
        vault: [3; 16],
        archive: vec![SealingKey { generation: 1, key: Secret::new([1; 32]) }],
        rotating: vec![SealingKey { generation: 1, key: Secret::new([2; 32]) }],
    }
}

fn rng(seed: u8) -> Box<dyn CryptoRng + Send> {
    Box::new(ChaCha20Rng::from_seed([seed; 32]))
}

fn open(disk: &FaultDisk, seed: u8) -> SealedStore<FaultStore> {
    SealedStore::new(disk.open(), keys(), rng(seed)).unwrap()
}

fn put(store: &mut SealedStore<impl Store>, id: RecordId, value: &[u8]) {
    let mut batch = Batch::default();
    batch.put(id.key(), value.to_vec());
    store.commit(&batch).unwrap();
}

fn erase(store: &mut SealedStore<impl Store>, id: RecordId) {
    let mut batch = Batch::default();
    batch.erase(id.key());
    store.commit(&batch).unwrap();
}

fn contains(disk: &FaultDisk, needle: &[u8]) -> bool {
    disk.snapshot().iter().any(|(_, value)| value.windows(needle.len()).any(|window| window == needle))
}

#[derive(Default)]
struct Sealed(FaultDisk, u8);

impl store_suite::Bench for Sealed {
    fn fresh(&mut self) -> Box<dyn Store> {
        self.0 = FaultDisk::default();
        Box::new(open(&self.0, 0))
    }
    fn reopen(&mut self) -> Option<Box<dyn Store>> {
        self.1 = self.1.wrapping_add(1);
        let store = open(&self.0, self.1);
        assert_eq!(store.recount().unwrap().to_bytes(0), store.census.to_bytes(0), "the census follows every batch");
        Some(Box::new(store))
    }
    fn bounds(&self) -> (usize, usize, usize) {
        (PLAIN_VALUE_BYTES_MAX, SEALED_BATCH_CHANGES_MAX, SEALED_BATCH_BYTES_MAX)
    }
}

#[test]
fn st_130_a_sealed_store_keeps_the_contract() {
    store_suite::run(&mut Sealed::default(), 40);
}

#[test]
fn st_14_the_largest_batch_fits_the_engine_once_it_is_sealed() {
    let mut store = SealedStore::new(MemStore::default(), keys(), rng(0)).unwrap();
    let mut batch = Batch::default();
    let each = SEALED_BATCH_BYTES_MAX / SEALED_BATCH_CHANGES_MAX - 11;
    (0..SEALED_BATCH_CHANGES_MAX).for_each(|n| batch.put(RecordId::peer(n as u32).key(), vec![1; each]));
    assert!(batch.size_bytes() > SEALED_BATCH_BYTES_MAX - 4_096);
    (0..DAMAGED_KEYS_MAX as u64).for_each(|n| store.damage.borrow_mut().note(&RecordId::entry(1, 1, n).key()));
    assert_eq!(store.commit(&batch), Ok(()));
}

#[test]
fn st_40_nothing_is_readable_and_equal_values_differ() {
    let disk = FaultDisk::default();
    let mut store = open(&disk, 1);
    put(&mut store, RecordId::group(1), b"the canary sings");
    put(&mut store, RecordId::group(2), b"the canary sings");
    assert!(!contains(&disk, b"canary"));
    let stored: Vec<_> = disk.snapshot().iter().map(|(_, value)| value.to_vec()).collect();
    assert!(stored.iter().enumerate().all(|(i, a)| stored.iter().skip(i + 1).all(|b| a != b)));
    assert_eq!(store.get(&RecordId::group(1).key()), Ok(Some(b"the canary sings".to_vec())));
}

#[test]
fn st_40_a_value_moved_to_another_key_class_or_vault_does_not_open() {
    let (keys, mut rng) = (keys(), ChaCha20Rng::from_seed([9; 32]));
    let key = RecordId::group(1).key();
    let stored = seal_value(&keys, &key, b"value", &mut rng).unwrap();
    assert_eq!(stored.len(), 5 + SEAL_OVERHEAD_BYTES);
    assert_eq!(open_value(&keys, &key, &stored), Some(b"value".to_vec()));
    assert_eq!(open_value(&keys, &RecordId::group(2).key(), &stored), None);
    assert_eq!(open_value(&keys, &RecordId::access(1).key(), &stored), None);
    assert_eq!(open_value(&StoreKeys { vault: [4; 16], ..self::keys() }, &key, &stored), None);
    for end in 0..stored.len() {
        assert_eq!(open_value(&keys, &key, &stored[..end]), None);
    }
    for bit in 0..stored.len() * 8 {
        let mut flipped = stored.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        assert_eq!(open_value(&keys, &key, &flipped), None, "bit {bit}");
    }
}

#[test]
fn st_40_the_stored_form_is_frozen() {
    let key = RecordId::entry(1, 2, 3).key();
    let stored = seal_value(&keys(), &key, b"coterie", &mut ChaCha20Rng::from_seed([7; 32])).unwrap();
    let hex: alloc::string::String = stored.iter().map(|byte| alloc::format!("{byte:02x}")).collect();
    assert_eq!(hex, GOLDEN_VALUE);
}

/// `version | key id | nonce`, then what XChaCha20-Poly1305 gives for "coterie".
const GOLDEN_VALUE: &str = "0100000001f400927857aaf64114f561baacb379708c79a1dc1476ab57\
    b584f8271c712bb40cf42c1a61c7574df3877332bd76d7";

#[test]
fn st_41_a_damaged_value_is_named_kept_in_the_list_and_never_shown() {
    let disk = FaultDisk::default();
    let mut store = open(&disk, 1);
    (1..=3).for_each(|g| put(&mut store, RecordId::group(g), b"name"));
    let key = RecordId::group(2).key();
    assert!(disk.flip_bit(&key, 300));
    assert_eq!(store.get(&key), Err(StoreError::Corrupt { place: Place::Record(key) }));
    let (from, to) = RecordKind::Group.span();
    let shown: Vec<_> = store.range(&from, &to, Direction::Down, 9).unwrap().into_iter().map(|(key, _)| key).collect();
    assert_eq!(shown, [RecordId::group(3).key(), RecordId::group(1).key()]);
    assert_eq!(store.range(&key, &key.next(), Direction::Up, 1), Ok(vec![]));
    put(&mut store, RecordId::profile(), b"still works");
    drop(store);
    let mut store = open(&disk, 2);
    assert_eq!(store.damaged(), [key], "the list outlives the process");
    let mut records = Vec::new();
    let findings = store.load(&mut |record| records.push(record.id)).unwrap();
    assert_eq!((findings.good, findings.damaged.as_slice()), (3, &[key][..]));
    assert_eq!(records, [RecordId::profile(), RecordId::group(1), RecordId::group(3)]);
    put(&mut store, RecordId::group(2), b"fetched again");
    assert!(store.damaged().is_empty());
    // What stood there is unknown, so the kind stays miscounted until somebody has looked and settled it.
    assert_eq!(store.verify().unwrap().miscounts, [Miscount { kind: 0x10, expected: 3, found: 3 }]);
    store.settle().unwrap();
    assert!(store.verify().unwrap().is_good());
}

#[test]
fn st_41_a_page_of_nothing_but_damage_does_not_look_like_the_end() {
    let disk = FaultDisk::default();
    let mut store = open(&disk, 1);
    (0..6).for_each(|n| put(&mut store, RecordId::peer(n), b"peer"));
    (0..4).for_each(|n| assert!(disk.flip_bit(&RecordId::peer(n).key(), 8)));
    let (from, to) = RecordKind::Peer.span();
    let page = store.range(&from, &to, Direction::Up, 2).unwrap();
    assert_eq!(page.len(), 2);
    assert_eq!(page[0].0, RecordId::peer(4).key());
}

#[test]
fn st_42_a_missing_an_old_and_a_foreign_record_are_noticed() {
    let disk = FaultDisk::default();
    let mut store = open(&disk, 1);
    (0..4).for_each(|n| put(&mut store, RecordId::peer(n), b"peer"));
    assert!(store.verify().unwrap().is_good());
    let old = disk.snapshot();
    put(&mut store, RecordId::peer(1), b"peer, newer");
    drop(store);

    let lost = disk.fork();
    assert!(lost.lose(&RecordId::peer(3).key()));
    let findings = open(&lost, 2).load(&mut |_| {}).unwrap();
    assert_eq!(findings.miscounts, [Miscount { kind: 0x02, expected: 4, found: 3 }]);

    // An old version of one record: it opens, the number is right, and still it is noticed.
    let stale = disk.fork();
    let old_value = old.iter().find(|(key, _)| **key == RecordId::peer(1).key()).unwrap().1.to_vec();
    let mut raw = Batch::default();
    raw.put(RecordId::peer(1).key(), old_value);
    stale.open().commit(&raw).unwrap();
    let mut store = open(&stale, 3);
    assert_eq!(store.verify().unwrap().miscounts, [Miscount { kind: 0x02, expected: 4, found: 4 }]);
    store.settle().unwrap();
    assert!(store.verify().unwrap().is_good());
}

#[test]
fn st_42_a_lost_census_is_said_and_counted_anew() {
    let disk = FaultDisk::default();
    put(&mut open(&disk, 1), RecordId::peer(1), b"peer");
    assert!(disk.flip_bit(&RecordId::meta(MetaName::Census).key(), 99));
    let mut store = open(&disk, 2);
    let findings = store.verify().unwrap();
    assert!(findings.census_lost && findings.miscounts.is_empty() && !findings.is_good());
    store.settle().unwrap();
    assert!(store.verify().unwrap().is_good());
    assert!(open(&disk, 3).verify().unwrap().is_good());
}

#[test]
fn st_42_a_torn_batch_is_noticed() {
    let disk = FaultDisk::default();
    put(&mut open(&disk, 1), RecordId::peer(1), b"one");
    disk.order(Faults { lies: true, ..Faults::default() });
    let mut store = open(&disk, 2);
    let mut batch = Batch::default();
    batch.put(RecordId::peer(2).key(), b"two".to_vec());
    batch.put(RecordId::log(1, 1).key(), b"head".to_vec());
    store.commit(&batch).unwrap();
    // The census sorts first, so it is what a torn batch keeps.
    disk.cut_power(PowerCut::TearLast(2));
    let findings = open(&disk, 3).verify().unwrap();
    assert_eq!(findings.miscounts, [Miscount { kind: 0x12, expected: 1, found: 0 }]);
}

/// Two records and what becomes of a disk that takes the `commit`-th batch so.
fn after(commit: u64, faults: Faults) -> FaultDisk {
    let disk = FaultDisk::default();
    disk.order(faults);
    let mut store = open(&disk, 1);
    for number in 1..=5 {
        let mut batch = Batch::default();
        batch.put(RecordId::peer(number).key(), b"peer".to_vec());
        if store.commit(&batch).is_err() {
            assert_eq!(disk.commits(), commit);
            break;
        }
    }
    disk
}

#[test]
fn st_43_a_store_that_lost_its_last_batches_is_noticed_though_its_census_fits() {
    for lost in 0..=4 {
        let disk = after(0, Faults { lies: true, ..Faults::default() });
        disk.cut_power(PowerCut::LoseLast(lost));
        disk.order(Faults::default());
        let mut store = open(&disk, 2);
        assert!(store.verify().unwrap().is_good(), "what is left fits together");
        assert_eq!(store.lost_end(), lost > 0, "{lost} batches are gone");
        // It is told once; from here on the store counts on from what it had lost.
        put(&mut store, RecordId::peer(9), b"on");
        drop(store);
        assert!(!open(&disk, 3).lost_end());
    }
}

#[test]
fn st_43_a_crash_at_any_commit_is_no_loss() {
    use crate::store::fault::CrashPoint::{After, Before, DuringKept, DuringLost};
    for at in 1..=5 {
        for point in [Before, DuringKept, DuringLost, After] {
            let disk = after(at, Faults { crash_at: Some((at, point)), ..Faults::default() });
            disk.restart();
            assert!(!open(&disk, 2).lost_end(), "{point:?} of {at}");
        }
        let disk = after(at, Faults { failing_sync_at: Some(at), ..Faults::default() });
        disk.restart();
        assert!(!open(&disk, 2).lost_end(), "a failed sync of {at}");
    }
}

#[test]
fn st_43_a_note_that_a_power_cut_made_older_and_a_census_without_a_number_say_nothing() {
    let disk = after(0, Faults::default());
    disk.open().note_commits(2);
    assert!(!open(&disk, 2).lost_end());
    let rows = Census::default().to_bytes(7);
    assert_eq!(Census::from_bytes(&rows).map(|(_, commits)| commits), Some(7));
    assert_eq!(Census::from_bytes(&[]).map(|(_, commits)| commits), Some(0));
    // How far a store had come whose census rotted is not known: that counts as a loss.
    assert!(disk.flip_bit(&RecordId::meta(MetaName::Census).key(), 400));
    assert!(open(&disk, 3).lost_end());
}

fn rotate(store: &mut SealedStore<impl Store>, generation: u32) -> u32 {
    store.begin_rotation(SealingKey { generation, key: Secret::new([generation as u8; 32]) });
    let (mut from, mut steps) = (None, 0);
    loop {
        from = store.reseal(Class::Secret, from).unwrap();
        steps += 1;
        if from.is_none() {
            store.end_rotation();
            return steps;
        }
    }
}

#[test]
fn st_66_after_a_rotation_an_erased_secret_does_not_open_with_any_key_that_is_left() {
    let disk = FaultDisk::default();
    let mut store = open(&disk, 1);
    (0..150).for_each(|n| put(&mut store, RecordId::leaf(1, n), b"leaf secret"));
    put(&mut store, RecordId::group(1), b"name");
    let erased = RecordId::leaf(1, 7);
    let lingering = disk.snapshot().iter().find(|(key, _)| **key == erased.key()).unwrap().1.to_vec();
    erase(&mut store, erased);
    assert!(open_value(&store.keys, &erased.key(), &lingering).is_some(), "until the rotation ends it still opens");
    assert!(rotate(&mut store, 9) >= 3, "150 records do not fit one step");
    assert_eq!(open_value(&store.keys, &erased.key(), &lingering), None);
    assert!(store.verify().unwrap().is_good());
    assert_eq!(store.get(&RecordId::leaf(1, 149).key()), Ok(Some(b"leaf secret".to_vec())));
    assert_eq!(store.get(&RecordId::group(1).key()), Ok(Some(b"name".to_vec())));
}

#[test]
fn st_66_a_rotation_cut_off_anywhere_is_finished_by_the_next_life() {
    let two = || {
        let mut keys = keys();
        keys.rotating.push(SealingKey { generation: 2, key: Secret::new([5; 32]) });
        keys
    };
    for steps in 0..3 {
        let disk = FaultDisk::default();
        let mut store = open(&disk, 1);
        (0..130).for_each(|n| put(&mut store, RecordId::chain(1, 1, n), b"chain"));
        store.begin_rotation(SealingKey { generation: 2, key: Secret::new([5; 32]) });
        let mut from = None;
        for _ in 0..steps {
            from = store.reseal(Class::Secret, from).unwrap();
        }
        drop(store);
        let mut store = SealedStore::new(disk.open(), two(), rng(2)).unwrap();
        assert!(store.is_rotating() && store.verify().unwrap().is_good());
        let mut from = None;
        loop {
            from = store.reseal(Class::Secret, from).unwrap();
            if from.is_none() {
                break;
            }
        }
        drop(store);
        let only_new = StoreKeys { rotating: two().rotating.into_iter().skip(1).collect(), ..keys() };
        let store = SealedStore::new(disk.open(), only_new, rng(3)).unwrap();
        assert!(store.verify().unwrap().is_good(), "cut after {steps} steps");
    }
}

#[test]
fn inv_c3_the_generator_of_a_life_never_gives_a_nonce_twice() {
    let disk = FaultDisk::default();
    let mut store = open(&disk, 1);
    let mut nonces = BTreeSet::new();
    for round in 0..50_u8 {
        put(&mut store, RecordId::group(u32::from(round % 3)), &[round]);
        for (_, value) in disk.snapshot().iter() {
            nonces.insert(value[5..29].to_vec());
        }
    }
    assert_eq!(nonces.len(), 100, "each commit sealed a value and the census");
}

#[test]
fn st_33_the_core_gets_the_kinds_it_needs_in_key_order_and_no_others() {
    let disk = FaultDisk::default();
    let mut store = open(&disk, 1);
    let order = crate::ids::OrderKey([1; 16]);
    let ids = [RecordId::leaf(1, 1), RecordId::view(1, order), RecordId::entry(1, 1, 2), RecordId::entry(1, 1, 1)];
    ids.into_iter().for_each(|id| put(&mut store, id, b"value"));
    let mut given = Vec::new();
    assert!(store.load(&mut |record| given.push(record.id)).unwrap().is_good());
    assert_eq!(given, [RecordId::entry(1, 1, 1), RecordId::entry(1, 1, 2), RecordId::leaf(1, 1)]);
}

#[test]
fn st_44_verifying_opens_also_what_nobody_loads_and_names_unknown_keys() {
    let disk = FaultDisk::default();
    let mut store = open(&disk, 1);
    let view = RecordId::view(1, crate::ids::OrderKey([1; 16])).key();
    let unknown = Key::new(&[1, 0x7f, 9]).unwrap();
    let mut batch = Batch::default();
    batch.put(view, b"line".to_vec());
    batch.put(unknown, b"of a later version".to_vec());
    store.commit(&batch).unwrap();
    assert!(disk.flip_bit(&view, 300));
    assert!(store.load(&mut |_| {}).unwrap().is_good());
    assert_eq!(store.verify().unwrap().damaged, [view, unknown]);
}
