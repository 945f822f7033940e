//! How much of this computer's disk files may take: what always stays free (BL-20), and how much of a group comes unasked
//! (BL-18). Words never count: they are small, and the store keeps its own margin (ST-83).

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use coterie_protocol::{BlobId, GroupId, MembershipId};

use super::{Media, shelf};
use crate::clock::Stopwatch;
use crate::config::MediaSettings;
use crate::store::{Blob, Blobs};

/// One author may fill a fifth of a group's room (BL-18): nobody can keep everybody else's pictures from coming.
const AUTHOR_SHARE: u64 = 5;
/// For so long a count is believed; what is fetched meanwhile is added to it. Counting looks at each file.
const COUNT_MS_MAX: u64 = 60_000;

/// The bounds, and the folder that they hold for.
#[derive(Clone)]
pub(crate) struct Room {
    blobs: Blobs,
    bounds: MediaSettings,
}

impl Room {
    pub(super) const fn new(blobs: Blobs, bounds: MediaSettings) -> Self {
        Self { blobs, bounds }
    }

    /// Rule BL-20: files stop long before the store does. What can't be known is left to the disk to refuse.
    pub(super) fn takes(&self, bytes: u64) -> bool {
        let needed = self.bounds.keep_free.saturating_add(bytes);
        self.blobs.free_bytes().map_or(true, |free| free >= needed)
    }

    /// Bytes that stay free.
    pub(crate) const fn keep_free(&self) -> u64 {
        self.bounds.keep_free
    }
}

/// What lies here of the files of groups, counted now and then.
#[derive(Default)]
pub(super) struct Counts(BTreeMap<GroupId, Count>);

struct Count {
    since: Stopwatch,
    by_author: BTreeMap<MembershipId, u64>,
}

impl Count {
    /// Rule BL-18: whether so much more of this author fits; takes it in if so.
    fn takes(&mut self, author: MembershipId, bytes: u64, quota: u64) -> bool {
        let all = self.by_author.values().fold(bytes, |sum, held| sum.saturating_add(*held));
        let theirs = self.by_author.entry(author).or_default();
        let more = theirs.saturating_add(bytes);
        let fits = all <= quota && more <= quota / AUTHOR_SHARE;
        if fits {
            *theirs = more;
        }
        fits
    }
}

impl Media {
    /// Whether a file may come unasked. One that no message names any more need not.
    pub(super) async fn has_room_unasked(&self, counts: &mut Counts, blob: Blob) -> bool {
        if !self.room.takes(blob.length) {
            return false;
        }
        let named = self.driver.ask(move |view| view.account.blob(&blob.id)).await.ok().flatten().unwrap_or_default();
        let Some(first) = named.first() else { return false };
        let (group, author) = (first.group, first.author);
        counts.0.retain(|_, count| count.since.elapsed_ms() < COUNT_MS_MAX);
        let count = match counts.0.entry(group) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(place) => {
                let Some(by_author) = self.count(group).await else { return false };
                place.insert(Count { since: Stopwatch::start(), by_author })
            }
        };
        count.takes(author, blob.length, self.room.bounds.quota)
    }

    async fn count(&self, group: GroupId) -> Option<BTreeMap<MembershipId, u64>> {
        let named = self.driver.ask(move |view| view.account.blobs_of(&group)).await.ok()?;
        let blobs = self.blobs.clone();
        tokio::task::spawn_blocking(move || by_author(&blobs, &named)).await.ok()
    }
}

/// A file that several name is counted for the first of them.
fn by_author(blobs: &Blobs, named: &[(BlobId, MembershipId, u64)]) -> BTreeMap<MembershipId, u64> {
    let mut first: BTreeMap<BlobId, (MembershipId, u64)> = BTreeMap::new();
    for (id, author, length) in named {
        first.entry(*id).or_insert((*author, *length));
    }
    let mut sums = BTreeMap::new();
    for (id, (author, length)) in first {
        let sum: &mut u64 = sums.entry(author).or_default();
        *sum = sum.saturating_add(shelf::have(blobs, Blob { id, length }));
    }
    sums
}

#[cfg(test)]
mod tests {
    use coterie_protocol::Secret;

    use super::*;

    #[test]
    fn bl_18_an_author_gets_a_fifth_and_all_of_them_the_quota() {
        let author = |mark: u8| MembershipId([mark; 32]);
        let mut count = Count { since: Stopwatch::start(), by_author: BTreeMap::new() };
        assert!(!count.takes(author(1), 201, 1_000), "more than a fifth in one file");
        assert!(count.takes(author(1), 150, 1_000) && count.takes(author(1), 50, 1_000));
        assert!(!count.takes(author(1), 1, 1_000), "their fifth is full");
        assert!((2..=5).all(|mark| count.takes(author(mark), 200, 1_000)), "the others are not kept out");
        assert!(!count.takes(author(6), 1, 1_000), "the group's room is full");
    }

    #[test]
    fn bl_20_files_stop_before_the_disk_is_full() {
        let root = tempfile::tempdir().unwrap();
        let blobs = Blobs::open(root.path(), Secret::new([1; 32])).unwrap();
        let free = blobs.free_bytes().unwrap();
        let room = |keep_free| Room::new(blobs.clone(), MediaSettings { keep_free, quota: u64::MAX });
        assert!(room(0).takes(1 << 20));
        assert!(!room(free).takes(1 << 30), "more than is left above the bound");
        assert!(!room(u64::MAX).takes(1), "a bound that no disk meets stops everything, without overflow");
    }

    #[test]
    fn bl_18_a_blob_that_two_people_name_counts_once_and_only_what_is_here() {
        let root = tempfile::tempdir().unwrap();
        let blobs = Blobs::open(root.path(), Secret::new([1; 32])).unwrap();
        let here = blobs.put(&[7_u8; 70_000][..], 70_000).unwrap();
        let (one, two) = (MembershipId([1; 32]), MembershipId([2; 32]));
        let absent = (BlobId([9; 32]), two, 5_000_000);
        let named = [(here.id, one, here.length), (here.id, two, here.length), absent];
        assert_eq!(by_author(&blobs, &named), BTreeMap::from([(one, 70_000), (two, 0)]));
    }
}
