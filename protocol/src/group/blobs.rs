//! Which blobs the messages of a group name: what may be handed to whom, and where to ask for them (BL-11, BL-19).
//!
//! A blob is known here from the moment a message that names it is read, until that message is taken back, no longer kept,
//! or one is out of the group. Whether the message counts is asked each time, because membership moves.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;

use super::{Context, Group};
use crate::blob::AttachmentKind;
use crate::command::CommandError;
use crate::event::{MessageView, NamedBlob, WaitingWords};
use crate::ids::{BlobId, EntryId, MemberKey, MembershipId};
use crate::limits;
use crate::record::{Record, RecordId};
use crate::timeline::content::{Body, Post};
use crate::wire::{Canonical, DecodeError, Reader, Writer, from_bytes, to_bytes};

/// The value of a record of kind 0x22.
const VERSION: u64 = 1;

/// One message names one blob.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Naming {
    blob: BlobId,
    entry: EntryId,
    author: MembershipId,
    /// Bytes of the file, as announced.
    size: u64,
}

/// All namings of a group, by the number of their record; numbers only grow, so the lowest is the oldest.
#[derive(Default)]
pub(super) struct Named {
    by_number: BTreeMap<u32, Naming>,
    by_blob: BTreeMap<BlobId, BTreeSet<u32>>,
    by_entry: BTreeMap<EntryId, BTreeSet<u32>>,
}

impl Named {
    fn insert(&mut self, number: u32, naming: Naming) {
        self.by_blob.entry(naming.blob).or_default().insert(number);
        self.by_entry.entry(naming.entry).or_default().insert(number);
        self.by_number.insert(number, naming);
    }

    fn remove(&mut self, number: u32) {
        let Some(naming) = self.by_number.remove(&number) else { return };
        forget(&mut self.by_blob, naming.blob, number);
        forget(&mut self.by_entry, naming.entry, number);
    }

    fn of(&self, blob: &BlobId) -> impl Iterator<Item = &Naming> {
        self.by_blob.get(blob).into_iter().flatten().filter_map(|number| self.by_number.get(number))
    }

    fn next_number(&self) -> u32 {
        self.by_number.last_key_value().map_or(0, |(number, _)| number.saturating_add(1))
    }

    /// The oldest naming of whoever has the most: a flood of names pushes out its author's own, not those of others.
    fn surplus(&self) -> Option<u32> {
        if self.by_number.len() < limits::BLOBS_PER_GROUP_MAX {
            return None;
        }
        let mut counts: BTreeMap<MembershipId, usize> = BTreeMap::new();
        for naming in self.by_number.values() {
            let count = counts.entry(naming.author).or_default();
            *count = count.saturating_add(1);
        }
        let (most, _) = counts.into_iter().max_by_key(|(_, count)| *count)?;
        self.by_number.iter().find(|(_, naming)| naming.author == most).map(|(number, _)| *number)
    }
}

fn forget<K: Ord>(index: &mut BTreeMap<K, BTreeSet<u32>>, key: K, number: u32) {
    if let Some(numbers) = index.get_mut(&key) {
        numbers.remove(&number);
        if numbers.is_empty() {
            index.remove(&key);
        }
    }
}

impl Group {
    /// What may be sent as attachments: at most ten, each sound and within the limits of its kind and of the group (BL-1),
    /// all of them together in one message (CO-1).
    pub(super) fn check_attachments(&self, post: &Post) -> Result<(), CommandError> {
        if post.attachments.is_empty() {
            return Ok(());
        }
        if post.attachments.len() > limits::ATTACHMENTS_MAX {
            return Err(CommandError::TooMany { what: "files in one message" });
        }
        let max_blob = self.membership.policy().max_blob_bytes();
        for file in &post.attachments {
            let max = AttachmentKind::bytes_max(file.kind).min(max_blob);
            if file.size > max {
                return Err(too_large(file.size, max));
            }
            if !file.is_within(max_blob) || file.descriptor().is_err() {
                return Err(CommandError::BadValue { field: "attachments" });
            }
        }
        let fields = Body::Post(post.clone()).fields();
        let bytes = fields.iter().fold(limits::CONTENT_FRAME_BYTES_MAX, |sum, field| sum.saturating_add(field.len()));
        let max = limits::PLAINTEXT_BYTES_MAX;
        if bytes > max { Err(CommandError::TooLarge { bytes, max }) } else { Ok(()) }
    }

    /// A message was read: the blobs that it names are written down, in the same step.
    pub(super) fn note_blobs(&mut self, ctx: &mut Context<'_>, message: &MessageView) {
        let (entry, author) = (message.entry, message.author);
        for (blob, size) in message.attachments.iter().flat_map(crate::blob::Attachment::blobs) {
            if self.named.of(&blob).any(|naming| naming.entry == entry) {
                continue;
            }
            // The number is taken first: of a full table the newest could be what goes.
            let number = self.named.next_number();
            if let Some(surplus) = self.named.surplus() {
                self.forget_naming(ctx, surplus);
            }
            let naming = Naming { blob, entry, author, size };
            ctx.effects.put(Record { id: RecordId::naming(self.g, number), bytes: to_bytes(&naming) });
            self.named.insert(number, naming);
        }
    }

    /// Who named which blob, and how many bytes the file has; the oldest naming first.
    pub(crate) fn namings(&self) -> impl Iterator<Item = (BlobId, MembershipId, u64)> {
        self.named.by_number.values().map(|naming| (naming.blob, naming.author, naming.size))
    }

    /// Rule BL-19: the message was taken back, or is no longer kept.
    pub(super) fn forget_blobs(&mut self, ctx: &mut Context<'_>, entry: &EntryId) {
        for number in self.named.by_entry.get(entry).cloned().unwrap_or_default() {
            self.forget_naming(ctx, number);
        }
    }

    /// One is out of the group.
    pub(super) fn forget_all_blobs(&mut self, ctx: &mut Context<'_>) {
        let all: Vec<u32> = self.named.by_number.keys().copied().collect();
        all.into_iter().for_each(|number| self.forget_naming(ctx, number));
    }

    fn forget_naming(&mut self, ctx: &mut Context<'_>, number: u32) {
        self.named.remove(number);
        ctx.effects.erase(RecordId::naming(self.g, number));
    }

    pub(super) fn restore_blob(&mut self, number: u32, bytes: &[u8]) {
        // What rotted is named no more: it is not served, and comes again only with another message.
        if let Ok(naming) = from_bytes::<Naming>(bytes, limits::VALUE_BYTES_MAX) {
            self.named.insert(number, naming);
        }
    }

    /// Every message here that names the blob, the oldest first.
    pub(crate) fn blob_views(&self, blob: &BlobId) -> impl Iterator<Item = NamedBlob> {
        self.named.of(blob).map(|naming| NamedBlob {
            group: self.gid(),
            entry: naming.entry,
            author: naming.author,
            size: naming.size,
            counts: self.naming_counts(naming),
        })
    }

    /// What messages name and what queued ones will name, with the bytes of each file as announced.
    pub(crate) fn blobs_in_use(&self) -> Vec<(BlobId, u64)> {
        let queued = self.outbox_view().into_iter().flat_map(|waiting| match waiting.said {
            WaitingWords::Post { attachments, .. } => attachments,
            WaitingWords::Annotation(_) => Vec::new(),
        });
        let named = self.named.by_number.values().map(|naming| (naming.blob, naming.size));
        named.chain(queued.flat_map(|file| file.blobs())).collect()
    }

    fn naming_counts(&self, naming: &Naming) -> bool {
        self.logs.place_of(&naming.entry).is_some_and(|place| self.counts(&place))
    }

    fn names(&self, blob: &BlobId) -> bool {
        self.is_live() && self.named.of(blob).any(|naming| self.naming_counts(naming))
    }

    /// Rule BL-11: a blob goes only to who is in the roster now, and only if an entry of this group that counts names it.
    pub(crate) fn may_fetch(&self, key: &MemberKey, blob: &BlobId) -> bool {
        let roster = self.membership.roster();
        let is_in = roster.mids_of(key).any(|mid| roster.person(&mid).is_some());
        is_in && self.names(blob)
    }

    /// Members with an open group link whom to ask for the blob: its authors, then the others by their keys.
    pub(crate) fn blob_sources(&self, blob: &BlobId) -> Vec<MemberKey> {
        if !self.names(blob) {
            return Vec::new();
        }
        let authors: BTreeSet<MembershipId> = self.named.of(blob).map(|naming| naming.author).collect();
        let roster = self.membership.roster();
        let linked = self.near.slots.values().filter(|near| roster.person(&near.mid).is_some());
        let ranked: BTreeSet<(bool, MemberKey)> = linked.map(|near| (!authors.contains(&near.mid), near.key)).collect();
        ranked.into_iter().map(|(_, key)| key).collect()
    }
}

fn too_large(bytes: u64, max: u64) -> CommandError {
    let of = |bytes: u64| usize::try_from(bytes).unwrap_or(usize::MAX);
    CommandError::TooLarge { bytes: of(bytes), max: of(max) }
}

impl Canonical for Naming {
    fn write(&self, to: &mut Writer) {
        to.array(5).uint(VERSION).bytes(self.blob).bytes(self.entry).bytes(self.author).uint(self.size);
    }

    fn read(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
        from.array(5)?;
        if from.uint()? != VERSION {
            return Err(DecodeError::Unknown);
        }
        Ok(Self { blob: from.fixed()?, entry: from.fixed()?, author: from.fixed()?, size: from.uint()? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn naming(blob: u32, author: u8) -> Naming {
        let mut id = [0; 32];
        id[..4].copy_from_slice(&blob.to_be_bytes());
        Naming { blob: BlobId(id), entry: EntryId(id), author: MembershipId([author; 32]), size: 5 }
    }

    #[test]
    fn bl_11_a_full_table_lets_the_oldest_of_the_most_talkative_go() {
        let mut named = Named::default();
        let most = u32::try_from(limits::BLOBS_PER_GROUP_MAX).unwrap();
        (0..3).for_each(|n| named.insert(n, naming(n, 1)));
        assert_eq!(named.surplus(), None);
        (3..most).for_each(|n| named.insert(n, naming(n, 2)));
        assert_eq!(named.surplus(), Some(3), "not the quiet one's, though they are older");
        named.remove(3);
        assert_eq!((named.surplus(), named.next_number()), (None, most));
        assert_eq!(named.of(&naming(3, 2).blob).count(), 0);
        assert!(!named.by_entry.contains_key(&naming(3, 2).entry) && !named.by_blob.contains_key(&naming(3, 2).blob));
    }

    #[test]
    fn bl_11_a_naming_reads_back_and_another_version_does_not() {
        let good = to_bytes(&naming(7, 1));
        assert_eq!(from_bytes::<Naming>(&good, 200), Ok(naming(7, 1)));
        let mut later = good;
        later[1] = 2;
        assert_eq!(from_bytes::<Naming>(&later, 200), Err(DecodeError::Unknown));
    }
}
