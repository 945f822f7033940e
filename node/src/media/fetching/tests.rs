//! Who is asked for what: pieces are neither lost nor asked for twice, and whoever lied is left alone.

use std::io::Cursor;

use coterie_protocol::Secret;

use super::*;

fn job(pieces: u32) -> Job {
    Job::new(Blob { id: BlobId([1; 32]), length: u64::from(pieces) << 20 }, None)
}

fn source(mark: u8) -> MemberKey {
    MemberKey([mark; 32])
}

#[test]
fn bl_12_a_piece_is_asked_of_one_source_at_a_time_the_first_missing_one_first() {
    let job = job(3);
    let first = Taken { piece: job.take().unwrap(), job: &job };
    let second = Taken { piece: job.take().unwrap(), job: &job };
    assert_eq!((first.piece, second.piece), (0, 1));
    drop(first);
    assert_eq!(job.take(), Some(0), "what did not come is missing again, and first");
    job.came(0);
    job.came(second.piece);
    drop(second);
    assert!(!job.is_complete());
    job.came(job.take().unwrap());
    assert_eq!((job.take(), job.is_complete()), (None, true));
}

#[test]
fn bl_10_who_gave_a_wrong_byte_is_not_asked_again_and_who_had_nothing_only_later() {
    let job = job(9);
    let online = [source(1), source(2)];
    let asked: Vec<_> = std::iter::from_fn(|| job.next_source(&online, 0)).collect();
    assert_eq!(asked, [source(1), source(2), source(1), source(2)], "two streams each, evenly");
    job.on_end(&source(1), &End::Bad, 0);
    job.on_end(&source(1), &End::Gone, 0);
    job.on_end(&source(2), &End::Without, 0);
    job.on_end(&source(2), &End::Without, 0);
    assert_eq!(job.next_source(&online, LEFT_ALONE_MS - 1), None);
    assert_eq!(job.next_source(&online, LEFT_ALONE_MS), Some(source(2)));
    assert_eq!(job.next_source(&[source(1)], u64::MAX), None, "never again");
}

#[test]
fn n_1203_at_most_eight_sources_are_asked_at_once() {
    let job = job(2_000);
    let online: Vec<MemberKey> = (0..20).map(source).collect();
    let asked: BTreeSet<MemberKey> = std::iter::from_fn(|| job.next_source(&online, 0)).collect();
    assert_eq!(asked.len(), SOURCES_MAX);
}

/// What a source says, byte by byte.
struct Told(Cursor<Vec<u8>>);

impl Read for Told {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        Read::read(&mut self.0, buffer)
    }
}

impl Line for Told {
    fn say(&mut self, _: &[u8]) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn at_101_what_is_not_the_file_is_caught_and_nothing_of_it_is_kept() {
    let (theirs, ours) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let theirs = Blobs::open(theirs.path(), Secret::new([1; 32])).unwrap();
    let ours = Blobs::open(ours.path(), Secret::new([2; 32])).unwrap();
    let bytes: Vec<u8> = (0..300_000_u32).map(|n| n.to_le_bytes()[0] ^ n.to_le_bytes()[1]).collect();
    let blob = theirs.put(&bytes[..], bytes.len() as u64).unwrap();
    let good = crate::media::giving::encoded(&theirs, blob, 0).unwrap();
    let ask = |answer: &[u8]| one(&ours, blob, 0, &mut Told(Cursor::new(answer.to_vec())));
    let refused = |answer: &[u8], why: &str| match (ask(answer), why) {
        (Err(End::Bad), "bad")
        | (Err(End::Gone), "gone")
        | (Err(End::Without), "without")
        | (Err(End::Busy), "busy") => {
            assert!(!ours.have(blob).is_ok_and(|have| have.has(0)), "{why}");
        }
        _ => panic!("{why} was taken otherwise"),
    };
    refused(&[1], "without");
    refused(&[2], "busy");
    refused(&[9], "bad");
    refused(&[], "gone");
    let mut other_length = good.clone();
    other_length[8] ^= 1;
    refused(&other_length, "bad");
    let mut endless = good.clone();
    endless[9..13].copy_from_slice(&u32::MAX.to_be_bytes());
    refused(&endless, "bad");
    for at in [13, 100, good.len() / 2, good.len() - 1] {
        let mut wrong = good.clone();
        wrong[at] ^= 1;
        refused(&wrong, "bad");
    }
    refused(&good[..good.len() / 2], "gone");
    assert!(ask(&good).is_ok());
    assert_eq!(ours.read(blob, 0, 300_000).unwrap(), bytes);
}
