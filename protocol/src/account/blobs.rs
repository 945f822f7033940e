//! Looking at blobs: what is known of one, who may have it, whom to ask for it (BL-11). The bytes are the shell's.

use alloc::vec::Vec;

use super::Account;
use crate::blob::cipher_bytes;
use crate::event::NamedBlob;
use crate::group::Group;
use crate::ids::{BlobId, GroupId, MemberKey, MembershipId};

impl Account {
    /// Every message that names the blob, in all groups; none if no message does, or none any more: then its bytes and its
    /// key have no use here (BL-19).
    #[must_use]
    pub fn blob(&self, blob: &BlobId) -> Option<Vec<NamedBlob>> {
        let named: Vec<NamedBlob> = self.groups.values().flat_map(|group| group.blob_views(blob)).collect();
        (!named.is_empty()).then_some(named)
    }

    /// Every blob that has a use here, with the length of its ciphertext in bytes: what a message names, and what a queued
    /// one will name. The bytes of all others can go (BL-19).
    #[must_use]
    pub fn blobs(&self) -> Vec<(BlobId, u64)> {
        self.groups.values().flat_map(Group::blobs_in_use).map(|(id, size)| (id, cipher_bytes(size))).collect()
    }

    /// Every blob that messages of the group name, the oldest naming first: by whom, and the length of its ciphertext in
    /// bytes. One that several messages name stands there several times.
    #[must_use]
    pub fn blobs_of(&self, group: &GroupId) -> Vec<(BlobId, MembershipId, u64)> {
        let named = self.held(group).into_iter().flat_map(Group::namings);
        named.map(|(id, author, size)| (id, author, cipher_bytes(size))).collect()
    }

    /// Whether `peer` may be handed the blob: they are now in the roster of a group in which an entry that counts names it
    /// (BL-11). Everybody else gets the same answer as for a blob that nobody knows.
    #[must_use]
    pub fn may_fetch(&self, peer: &MemberKey, blob: &BlobId) -> bool {
        self.groups.values().any(|group| group.may_fetch(peer, blob))
    }

    /// Members with an open group link who may have the blob: those who sent it first, then the others of its groups, each
    /// once.
    #[must_use]
    pub fn blob_sources(&self, blob: &BlobId) -> Vec<MemberKey> {
        let mut sources = Vec::new();
        for key in self.groups.values().flat_map(|group: &Group| group.blob_sources(blob)) {
            if !sources.contains(&key) {
                sources.push(key);
            }
        }
        sources
    }
}
