//! Attachment files: stored, given, fetched from liars, cut, rotted, begun again.

use std::io::{Cursor, Read as _};
use std::os::unix::fs::PermissionsExt;
use std::time::{Duration, SystemTime};

use bao_tree::blake3;
use coterie_protocol::BlobId;

use super::*;

const MIB: u64 = BLOB_CHUNK_BYTES;
const LENGTHS: [u64; 6] = [1, 16 << 10, (16 << 10) + 1, MIB, MIB + 1, 5 * MIB + 3];

/// Bytes that repeat nowhere.
fn bytes(length: u64) -> Vec<u8> {
    let mut bytes = vec![0; usize::try_from(length).unwrap()];
    blake3::Hasher::new().update(&length.to_le_bytes()).finalize_xof().fill(&mut bytes);
    bytes
}

struct Person {
    root: tempfile::TempDir,
    blobs: Blobs,
}

impl Person {
    fn new(key: u8) -> Self {
        let root = tempfile::tempdir().unwrap();
        let blobs = open(root.path(), key);
        Self { root, blobs }
    }

    /// With a file of this length stored.
    fn with(length: u64) -> (Self, Blob, Vec<u8>) {
        let (person, bytes) = (Self::new(1), bytes(length));
        let blob = person.blobs.put(&bytes[..], length).unwrap();
        (person, blob, bytes)
    }

    fn encoded(&self, blob: Blob, first: u32, count: u32) -> Vec<u8> {
        let mut encoded = Vec::new();
        self.blobs.encode(blob, first, count, &mut encoded).unwrap();
        encoded
    }

    fn folder(&self, blob: Blob) -> Folder {
        self.blobs.folder(blob)
    }

    fn fetch(&self, from: &Self, blob: Blob, first: u32, count: u32) -> Vec<u32> {
        self.blobs.receive(blob, first, count, &from.encoded(blob, first, count)[..]).unwrap()
    }

    fn all(&self, blob: Blob) -> Vec<u8> {
        (0..blob.length).step_by(1 << 20).flat_map(|at| self.blobs.read(blob, at, MIB).unwrap()).collect()
    }

    fn names(&self) -> Vec<PathBuf> {
        let mut found = Vec::new();
        let mut folders = vec![self.root.path().join(BLOBS)];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(&folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path.clone());
                }
                found.push(path);
            }
        }
        found
    }

    fn temporary_names(&self) -> usize {
        self.names().iter().filter(|path| path.to_str().unwrap().ends_with(TEMPORARY)).count()
    }
}

fn open(path: &Path, key: u8) -> Blobs {
    Blobs::open(path, Secret::new([key; 32])).unwrap()
}

fn flip(path: &Path, at: usize) {
    let mut bytes = fs::read(path).unwrap();
    bytes[at] ^= 1;
    fs::write(path, bytes).unwrap();
}

#[test]
fn st_70_a_file_comes_back_as_it_was_at_every_length_at_which_something_changes() {
    for length in LENGTHS {
        let (ana, blob, bytes) = Person::with(length);
        assert_eq!(ana.all(blob), bytes, "{length}");
        assert!(ana.blobs.have(blob).unwrap().complete);
        assert_eq!(ana.temporary_names(), 0);

        let ben = Person::new(2);
        assert!(!ben.blobs.have(blob).unwrap().complete);
        assert_eq!(ben.fetch(&ana, blob, 0, blob.chunks()), (0..blob.chunks()).collect::<Vec<_>>());
        assert_eq!(ben.all(blob), bytes, "{length}");
        assert!(ben.blobs.have(blob).unwrap().complete && ben.blobs.progress().is_empty());
        assert_eq!(ben.encoded(blob, 0, blob.chunks()), ana.encoded(blob, 0, blob.chunks()));
    }
}

#[test]
fn bl_06_the_id_is_the_blake3_root_whatever_the_length_and_however_the_bytes_come() {
    let person = Person::new(1);
    let around = |n: u64| [n - 1, n, n + 1];
    let lengths = [1_024, 2_048, 16 << 10, 32 << 10, 48 << 10, 64 << 10, 1 << 20, 3 << 20].into_iter().flat_map(around);
    for length in lengths.chain(LENGTHS).chain([2, 1_000_000]) {
        let bytes = bytes(length);
        let (head, tail) = bytes.split_at(bytes.len() / 3);
        let blob = person.blobs.put(head.chain(tail), length).unwrap();
        assert_eq!(blob, Blob { id: BlobId(*blake3::hash(&bytes).as_bytes()), length });
    }
}

#[test]
fn st_70_any_part_can_be_read() {
    let (ana, blob, bytes) = Person::with(2 * MIB + 70_001);
    for offset in [0, 1, 16_383, 16_384, 70_000, MIB - 1, MIB, 2 * MIB + 70_000, 2 * MIB + 70_001] {
        for length in [0, 1, 2, 16_384, 65_536, MIB + 5] {
            let end = (offset + length).min(blob.length);
            let expected = &bytes[usize::try_from(offset).unwrap()..usize::try_from(end).unwrap()];
            assert!(ana.blobs.read(blob, offset, length).unwrap() == expected, "{length} at {offset}");
        }
    }
    assert!(matches!(ana.blobs.read(blob, blob.length + 1, 1), Err(ServeError::Range)));
    assert!(matches!(ana.blobs.read(blob, 0, 9 << 20), Err(ServeError::Range)));
    assert!(matches!(ana.blobs.encode(blob, 2, 2, io::sink()), Err(ServeError::Range)));
    assert!(matches!(ana.blobs.encode(blob, u32::MAX, 2, io::sink()), Err(ServeError::Range)));
    assert!(matches!(ana.blobs.encode(blob, 0, 0, io::sink()), Err(ServeError::Range)));
    for length in [0, u64::MAX] {
        let none = Blob { id: blob.id, length };
        assert!(matches!(ana.blobs.read(none, 0, 1), Err(ServeError::Range)));
        assert!(matches!(ana.blobs.receive(none, 0, 1, io::empty()), Err(ReceiveError::Range)));
        assert!(!ana.blobs.have(none).unwrap().complete);
        assert!(matches!(ana.blobs.put(io::repeat(0), length), Err(PutError::Length)));
    }
}

#[test]
fn bl_16_parts_come_in_any_order_and_a_new_start_goes_on_from_what_is_here() {
    let (ana, blob, bytes) = Person::with(5 * MIB + 3);
    let ben = Person::new(2);
    assert_eq!(ben.fetch(&ana, blob, 5, 1), [5]);
    assert_eq!(ben.fetch(&ana, blob, 2, 2), [2, 3]);
    let have = ben.blobs.have(blob).unwrap();
    assert_eq!(
        (have.bitmap.as_slice(), have.count(), have.missing(), have.complete),
        (&[0b0011_0100][..], 3, 3, false)
    );
    assert!(matches!(ben.blobs.encode(blob, 3, 2, io::sink()), Err(ServeError::Absent { chunk: 4 })));
    assert!(matches!(ben.blobs.read(blob, 0, 1), Err(ServeError::Absent { chunk: 0 })));
    assert!(ben.blobs.read(blob, 3 * MIB - 1, 2).unwrap() == bytes[3 * 1_048_576 - 1..][..2]);

    // Killed in the middle of a chunk: half of it lies there under a temporary name.
    let folder = ben.folder(blob);
    fs::write(folder.path.join("9.tmp"), b"half").unwrap();
    fs::create_dir(ben.root.path().join(BLOBS).join("3.tmp")).unwrap();
    let Person { root, blobs } = ben;
    drop(blobs);
    let ben = Person { blobs: open(root.path(), 2), root };
    assert_eq!(ben.temporary_names(), 0);
    assert_eq!(ben.blobs.have(blob).unwrap(), have);
    ben.fetch(&ana, blob, 4, 1);
    ben.fetch(&ana, blob, 0, 2);
    assert!(ben.blobs.have(blob).unwrap().complete);
    assert_eq!(ben.all(blob), bytes);
}

#[test]
fn bl_16_several_threads_fetch_one_file_some_chunks_twice() {
    let (ana, blob, bytes) = Person::with(9 * MIB + 77);
    let ben = Person::new(2);
    std::thread::scope(|scope| {
        for first in [0, 3, 5, 8, 0, 5] {
            let (ana, ben) = (&ana, &ben);
            scope.spawn(move || (first..10.min(first + 5)).for_each(|chunk| drop(ben.fetch(ana, blob, chunk, 1))));
        }
    });
    assert!(ben.blobs.have(blob).unwrap().complete);
    assert!(ben.all(blob) == bytes);
    assert_eq!(ben.temporary_names(), 0);
}

#[test]
fn bl_10_a_flipped_bit_is_caught_within_its_group_and_nothing_wrong_is_written() {
    let (ana, blob, bytes) = Person::with(2 * MIB + 50_000);
    let good = ana.encoded(blob, 0, 3);
    let mut places: Vec<usize> = (0..good.len()).step_by(99_991).collect();
    places.extend([0, 63, 64, 128, good.len() - 1]);
    for at in places {
        let mut bad = good.clone();
        bad[at] ^= 0x10;
        let (ben, mut stream) = (Person::new(2), Cursor::new(bad));
        let refused = ben.blobs.receive(blob, 0, 3, &mut stream).unwrap_err();
        assert!(matches!(refused, ReceiveError::BadSource { .. }), "{refused:?} at {at}");
        let read = usize::try_from(stream.position()).unwrap();
        assert!(read > at && read - at <= 16 << 10, "{read} read, wrong at {at}");
        assert_eq!(ben.temporary_names(), 0, "{at}");
        // Whatever is here is right.
        let have = ben.blobs.have(blob).unwrap();
        for chunk in (0..3).filter(|chunk| have.has(*chunk)) {
            let start = usize::try_from(MIB).unwrap() * usize::try_from(chunk).unwrap();
            let stored = fs::read(ben.folder(blob).chunk(chunk)).unwrap();
            assert!(stored == bytes[start..][..stored.len()]);
            assert!(!ben.blobs.read(blob, u64::from(chunk) * MIB, MIB).unwrap().is_empty());
        }
        // And the next source goes on from there.
        ben.fetch(&ana, blob, 0, 3);
        assert!(ben.all(blob) == bytes);
    }
}

#[test]
fn bl_10_a_stream_that_is_cut_or_too_long_is_told_apart_from_a_lie() {
    let (ana, blob, _) = Person::with(MIB + 40_000);
    let good = ana.encoded(blob, 0, 2);
    for cut in [0, 1, 64, 5_000, MIB.try_into().unwrap(), good.len() - 1] {
        let ben = Person::new(2);
        let refused = ben.blobs.receive(blob, 0, 2, &good[..cut]).unwrap_err();
        assert!(matches!(&refused, ReceiveError::Source(e) if e.kind() == ErrorKind::UnexpectedEof), "{refused:?}");
        assert_eq!(ben.temporary_names(), 0);
    }
    let ben = Person::new(2);
    let refused = ben.blobs.receive(blob, 0, 2, (&good[..]).chain(&b"x"[..])).unwrap_err();
    assert!(matches!(refused, ReceiveError::TooLong));
    assert!(ben.blobs.have(blob).unwrap().complete, "what was asked for did come");
    let refused = ben.blobs.receive(blob, 0, 2, Broken).unwrap_err();
    assert!(matches!(refused, ReceiveError::Source(e) if e.kind() == ErrorKind::TimedOut));
}

struct Broken;

impl io::Read for Broken {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        Err(ErrorKind::TimedOut.into())
    }
}

impl io::Write for Broken {
    fn write(&mut self, _: &[u8]) -> io::Result<usize> {
        Err(ErrorKind::BrokenPipe.into())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn bl_10_a_wrong_root_and_a_wrong_length_never_fit_and_harm_no_good_file() {
    let (ana, blob, bytes) = Person::with(2 * MIB + 5_000);
    let good = ana.encoded(blob, 0, 3);
    let wrong_root = Blob { id: BlobId([7; 32]), ..blob };
    assert!(matches!(ana.blobs.receive(wrong_root, 0, 3, &good[..]), Err(ReceiveError::BadSource { offset: _ })));
    for length in [1, MIB, blob.length - 5_000, blob.length - 1, blob.length + 1, blob.length + 5 * MIB] {
        let claimed = Blob { length, ..blob };
        let refused = ana.blobs.receive(claimed, 0, claimed.chunks(), &good[..]).unwrap_err();
        let is_refused = match &refused {
            ReceiveError::BadSource { .. } => true,
            ReceiveError::Source(error) => error.kind() == ErrorKind::UnexpectedEof,
            _ => false,
        };
        assert!(is_refused, "{refused:?} for {length}");
        assert!(!ana.blobs.have(claimed).unwrap().complete);
        assert!(ana.blobs.read(claimed, claimed.length - 1, 1).is_err());
    }
    assert!(ana.all(blob) == bytes);
}

#[test]
fn st_71_rot_is_noticed_when_read_and_when_served_and_the_chunk_comes_again() {
    let (ana, blob, bytes) = Person::with(3 * MIB);
    let ben = Person::new(2);
    ben.fetch(&ana, blob, 0, 3);
    for at in [0, 400_000, 1_048_575] {
        flip(&ben.folder(blob).chunk(1), at);
        assert!(matches!(ben.blobs.read(blob, MIB, MIB), Err(ServeError::Damaged { chunk: 1 })));
        assert!(matches!(ben.blobs.read(blob, MIB, MIB), Err(ServeError::Absent { chunk: 1 })));
        ben.fetch(&ana, blob, 1, 1);

        flip(&ben.folder(blob).chunk(1), at);
        let mut given = Vec::new();
        let refused = ben.blobs.encode(blob, 0, 3, &mut given).unwrap_err();
        assert!(matches!(refused, ServeError::Damaged { chunk: 1 }));
        assert!(ana.encoded(blob, 0, 3).starts_with(&given), "nothing damaged was given");
        assert_eq!(ben.blobs.have(blob).unwrap().bitmap, [0b1010_0000]);
        ben.fetch(&ana, blob, 1, 1);
    }
    // What a power cut leaves: a name without all of its bytes.
    fs::write(ben.folder(blob).chunk(2), b"").unwrap();
    assert_eq!(ben.blobs.have(blob).unwrap().bitmap, [0b1100_0000]);
    ben.fetch(&ana, blob, 2, 1);
    assert!(ben.all(blob) == bytes);
}

#[test]
fn st_71_a_damaged_tree_over_a_whole_file_is_built_anew_and_no_chunk_is_lost() {
    let (ana, blob, bytes) = Person::with(3 * MIB + 9);
    let tree = ana.folder(blob).outboard();
    let good = fs::read(&tree).unwrap();
    assert_eq!(good.len(), 64 * 192);
    for at in [0, 40 * 64, good.len() - 1] {
        flip(&tree, at);
        let damaged = ana.blobs.encode(blob, 0, 4, io::sink()).unwrap_err();
        assert!(matches!(damaged, ServeError::Damaged { .. }), "{damaged:?}");
        assert!(ana.blobs.have(blob).unwrap().complete && fs::read(&tree).unwrap() == good);
    }
    fs::remove_file(&tree).unwrap();
    assert!(ana.blobs.read(blob, 0, 1).is_err());
    assert!(ana.all(blob) == bytes);
    assert_eq!(ana.temporary_names(), 0);
}

#[test]
fn st_71_a_damaged_tree_over_a_part_is_filled_in_by_what_comes_again() {
    let (ana, blob, bytes) = Person::with(3 * MIB + 9);
    let ben = Person::new(2);
    ben.fetch(&ana, blob, 0, 2);
    fs::write(ben.folder(blob).outboard(), b"").unwrap();
    let mut rounds = 0;
    while let Some(chunk) = (0..4).find(|chunk| ben.blobs.read(blob, u64::from(*chunk) * MIB, MIB).is_err()) {
        ben.fetch(&ana, blob, chunk, 1);
        rounds += 1;
        assert!(rounds <= 4);
    }
    assert!(ben.all(blob) == bytes);
}

#[test]
fn st_72_a_put_that_fails_leaves_nothing_and_says_whose_fault_it_is() {
    let ana = Person::new(1);
    let bytes = bytes(MIB + 9);
    assert!(matches!(ana.blobs.put(&bytes[..], MIB + 10), Err(PutError::Length)));
    assert!(matches!(ana.blobs.put(&bytes[..], MIB + 8), Err(PutError::Length)));
    let broken = ana.blobs.put((&bytes[..]).chain(Broken), MIB + 10);
    assert!(matches!(broken, Err(PutError::Source(e)) if e.kind() == ErrorKind::TimedOut));
    assert_eq!(ana.names(), Vec::<PathBuf>::new());
    let blob = ana.blobs.put(&bytes[..], MIB + 9).unwrap();
    assert!(
        matches!(ana.blobs.encode(blob, 0, 2, Broken), Err(ServeError::Sink(e)) if e.kind() == ErrorKind::BrokenPipe)
    );
    assert!(ana.blobs.have(blob).unwrap().complete, "the taker's fault harms nothing");
}

#[test]
fn st_72_putting_again_and_over_a_part_that_was_fetched_makes_it_whole() {
    let (ana, blob, bytes) = Person::with(2 * MIB);
    assert_eq!(ana.blobs.put(&bytes[..], blob.length).unwrap(), blob);
    let ben = Person::new(2);
    ben.fetch(&ana, blob, 1, 1);
    ben.blobs.put(&bytes[..], blob.length).unwrap();
    assert!(ben.all(blob) == bytes && ana.all(blob) == bytes);
    assert_eq!(ben.temporary_names() + ana.temporary_names(), 0);
}

#[test]
fn st_72_erased_is_gone_and_what_no_record_knows_goes_after_an_hour() {
    let (ana, blob, bytes) = Person::with(MIB + 1);
    let other = ana.blobs.put(&b"x"[..], 1).unwrap();
    assert_eq!(ana.blobs.usage().unwrap(), MIB + 1 + 64 * 64 + 1);
    ana.blobs.erase(blob).unwrap();
    ana.blobs.erase(blob).unwrap();
    assert_eq!(ana.blobs.have(blob).unwrap().count(), 0);
    assert_eq!(ana.blobs.usage().unwrap(), 1);
    ana.blobs.put(&bytes[..], blob.length).unwrap();

    assert_eq!(ana.blobs.keep_only(&[blob]).unwrap(), 0, "a young one may wait for its record");
    age(&ana.folder(other).path);
    age(&ana.folder(blob).path);
    assert_eq!(ana.blobs.keep_only(&[blob]).unwrap(), 1);
    assert!(ana.blobs.have(blob).unwrap().complete && !ana.blobs.have(other).unwrap().complete);
}

fn age(folder: &Path) {
    let before = SystemTime::now() - Duration::from_secs(2 * 60 * 60);
    fs::File::open(folder).unwrap().set_modified(before).unwrap();
}

#[test]
fn st_72_a_folder_that_never_got_a_chunk_goes_at_a_start_once_it_is_old() {
    let (ana, blob, _) = Person::with(MIB);
    let ben = Person::new(2);
    assert!(ben.blobs.receive(blob, 0, 1, io::empty()).is_err());
    assert!(open(ben.root.path(), 2).folder(blob).path.exists());
    age(&ben.folder(blob).path);
    assert!(!open(ben.root.path(), 2).folder(blob).path.exists());
    age(&ana.folder(blob).path);
    assert!(open(ana.root.path(), 1).have(blob).unwrap().complete, "what is here stays, however old");
}

#[test]
fn st_70_no_name_on_the_disk_tells_what_it_is_and_nobody_else_may_look() {
    let (ana, blob, _) = Person::with(MIB + 1);
    let ben = Person::new(2);
    ben.fetch(&ana, blob, 0, 1);
    assert_ne!(ana.folder(blob).name, ben.folder(blob).name, "names depend on the key");
    assert_ne!(ana.folder(blob).name, ana.folder(Blob { length: MIB, ..blob }).name, "and on the length");
    let root = blake3::Hash::from_bytes(blob.id.0).to_hex();
    for path in ana.names().into_iter().chain(ben.names()) {
        let name = path.file_name().unwrap().to_str().unwrap();
        assert!(name.get(..8).is_none_or(|part| !root.contains(part)), "{name}");
        let mode = fs::metadata(&path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, if path.is_dir() { 0o700 } else { 0o600 }, "{name}");
    }
    let name = ana.folder(blob).name;
    let at = ana.root.path().join(BLOBS).join(name.get(..2).unwrap()).join(&name);
    let mut files: Vec<_> = fs::read_dir(at).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    files.sort();
    assert_eq!(files, ["c000000", "c000001", "outboard"]);
}

#[test]
fn st_80_a_symbolic_link_in_the_place_of_the_folder_is_refused() {
    let (root, elsewhere) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    std::os::unix::fs::symlink(elsewhere.path(), root.path().join(BLOBS)).unwrap();
    assert!(Blobs::open(root.path(), Secret::new([1; 32])).is_err());
}

#[test]
fn st_84_a_full_disk_is_called_so() {
    // Every write to this device meets a full disk.
    let (ana, blob, _) = Person::with(MIB);
    let ben = Person::new(2);
    ben.blobs.make_folders(&ben.folder(blob)).unwrap();
    std::os::unix::fs::symlink("/dev/full", ben.folder(blob).outboard()).unwrap();
    let refused = ben.blobs.receive(blob, 0, 1, &ana.encoded(blob, 0, 1)[..]).unwrap_err();
    assert!(refused.is_want_of_room(), "{refused:?}");
    assert!(PutError::Disk(ErrorKind::StorageFull.into()).is_want_of_room());
    assert!(!PutError::Source(ErrorKind::StorageFull.into()).is_want_of_room(), "somebody else's disk");
    assert!(!ReceiveError::TooLong.is_want_of_room());
}

#[test]
fn st_71_every_sixteen_chunks_are_synced_and_the_rest_at_the_end() {
    let (ana, blob, _) = Person::with(18 * MIB);
    let ben = Person::new(2);
    let name = ben.folder(blob).name;
    let unsynced = || ben.blobs.progress().get(&name).map(|progress| progress.unsynced.len());
    for (chunk, expected) in [(0, 1), (1, 2), (14, 15), (15, 0), (16, 1)] {
        let first = ben.blobs.have(blob).unwrap().count();
        ben.fetch(&ana, blob, first, chunk + 1 - first);
        assert_eq!(unsynced(), Some(expected), "after chunk {chunk}");
    }
    ben.fetch(&ana, blob, 17, 1);
    assert_eq!(unsynced(), None, "complete");
}

#[test]
fn st_15_chunks_whose_sync_failed_do_not_count() {
    let (ana, blob, _) = Person::with(2 * MIB);
    let ben = Person::new(2);
    ben.fetch(&ana, blob, 0, 1);
    fs::remove_file(ben.folder(blob).outboard()).unwrap();
    assert!(receive::sync(&ben.folder(blob), &[0]).is_err());
    assert_eq!(ben.blobs.have(blob).unwrap().count(), 0);
}
