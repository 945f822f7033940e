//! What a start finds in a journal: everything up to a crash, whatever it cut, and nothing of an earlier round.

use super::*;
use coterie_protocol::RecordId;

fn batch(numbers: std::ops::Range<u32>, value: u8) -> Batch {
    let mut batch = Batch::default();
    numbers.for_each(|number| batch.put(RecordId::peer(number).key(), vec![value; 50]));
    batch.erase(RecordId::peer(1_000).key());
    batch
}

fn open(folder: &Path, applied: u64) -> Found {
    Journal::open(folder, applied).unwrap()
}

fn value(found: &Found, number: u32) -> Option<u8> {
    found.fresh.get(&RecordId::peer(number).key()).map(|value| value.unwrap()[0])
}

/// The bytes of a journal with entries 1 to `count`, and where each ends.
fn written(folder: &Path, count: u8) -> (Vec<u8>, Vec<usize>) {
    let mut journal = open(folder, 0).journal;
    let ends = (1..=count).map(|number| {
        journal.append(&batch(0..3, number)).unwrap();
        usize::try_from(journal.place).unwrap()
    });
    let ends = ends.collect();
    (std::fs::read(folder.join(NAME)).unwrap(), ends)
}

#[test]
fn st_46_each_cut_and_each_flipped_bit_leaves_whole_entries_up_to_it() {
    let root = tempfile::tempdir().unwrap();
    let (bytes, ends) = written(root.path(), 3);
    let used = *ends.last().unwrap();
    for place in 0..used {
        let whole = ends.iter().filter(|end| **end <= place).count();
        let mut flipped = bytes.clone();
        flipped[place] ^= 1 << (place % 8);
        for damaged in [&bytes[..place], &flipped] {
            std::fs::write(root.path().join(NAME), damaged).unwrap();
            let found = open(root.path(), 0);
            let last = (whole > 0).then(|| u8::try_from(whole).unwrap());
            assert_eq!((value(&found, 2), found.journal.last()), (last, whole as u64), "at {place}");
            assert_eq!(found.fresh.is_empty(), whole == 0);
            assert!(!found.has_gap || whole == 0);
        }
    }
}

#[test]
fn st_46_after_a_cut_the_next_entry_stands_where_the_torn_one_was() {
    let root = tempfile::tempdir().unwrap();
    let (bytes, ends) = written(root.path(), 3);
    std::fs::write(root.path().join(NAME), &bytes[..ends[2] - 1]).unwrap();
    let mut journal = open(root.path(), 0).journal;
    journal.append(&batch(5..6, 7)).unwrap();
    let found = open(root.path(), 0);
    assert_eq!((found.journal.last(), value(&found, 2), value(&found, 5)), (3, Some(2), Some(7)));
}

#[test]
fn st_47_what_the_engine_has_is_not_laid_over_it_again_and_a_new_round_hides_the_one_before() {
    let root = tempfile::tempdir().unwrap();
    written(root.path(), 5);
    let mut found = open(root.path(), 5);
    assert!(found.fresh.is_empty() && found.journal.place == 0, "all of it is in the engine");
    found.journal.append(&batch(0..1, 6)).unwrap();
    let found = open(root.path(), 5);
    assert_eq!((found.journal.last(), value(&found, 0), value(&found, 2)), (6, Some(6), None), "not 2 to 5 again");
    let found = open(root.path(), 3);
    assert!(found.has_gap && found.fresh.is_empty(), "4 and 5 are overwritten: 6 alone would be a hole");
    assert_eq!((found.journal.last(), found.journal.size), (3, 0));
    assert!(!open(root.path(), 3).has_gap, "what did not fit is gone");
}

#[test]
fn st_47_a_part_of_the_last_round_before_it_is_overwritten_rolls_nothing_back() {
    let root = tempfile::tempdir().unwrap();
    let (bytes, ends) = written(root.path(), 5);
    // Round two begins with an entry that the power cut in its first sector: the head of number 1 still stands.
    let mut torn = bytes;
    torn[ends[0] - 10..ends[1]].fill(0xaa);
    std::fs::write(root.path().join(NAME), torn).unwrap();
    let found = open(root.path(), 5);
    assert!(found.fresh.is_empty() && found.journal.last() == 5 && !found.has_gap);
}

#[test]
fn st_46_the_file_stays_within_its_bound_and_grows_in_steps() {
    let root = tempfile::tempdir().unwrap();
    let mut journal = open(root.path(), 0).journal;
    let large = {
        let mut batch = Batch::default();
        (0..15).for_each(|number| batch.put(RecordId::peer(number).key(), vec![1; 60_000]));
        batch
    };
    let mut entries = 0;
    while journal.has_room_for(&large) {
        journal.append(&large).unwrap();
        assert_eq!(std::fs::metadata(root.path().join(NAME)).unwrap().len(), journal.disk_bytes());
        entries += 1;
    }
    assert_eq!((entries, journal.disk_bytes()), (4, 3_670_016));
    assert_eq!(open(root.path(), 0).journal.last(), 4);
}

#[test]
fn st_80_a_link_is_no_journal() {
    let root = tempfile::tempdir().unwrap();
    let elsewhere = root.path().join("elsewhere");
    std::fs::write(&elsewhere, b"untouched").unwrap();
    std::os::unix::fs::symlink(&elsewhere, root.path().join(NAME)).unwrap();
    assert!(matches!(Journal::open(root.path(), 0), Err(StoreError::Io { .. })));
    assert_eq!(std::fs::read(&elsewhere).unwrap(), b"untouched");
}
