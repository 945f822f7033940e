//! Taking a profile back from its records.

use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;

use super::Account;
use super::marks::Marks;
use crate::group::{Group, GroupStored};
use crate::identity::Identity;
use crate::ids::{Boot, Instance};
use crate::limits;
use crate::record::{Record, RecordId};
use crate::time::Timestamp;
use crate::wire::Reader;

/// The store's records do not make a profile (ST-90, ST-91).
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RestoreError {
    /// There is no profile record.
    #[error("no profile in the store")]
    NoProfile,
    /// A record that everything else rests on is damaged or missing.
    #[error("the {kind} record of a group is damaged")]
    Damaged {
        /// Its kind.
        kind: &'static str,
    },
}

impl Account {
    /// Takes a profile back. `records` come in the order of their keys (ST-33); `now` is the first reading of this
    /// life.
    ///
    /// # Errors
    /// [`RestoreError`]: the store needs repair; nothing was sent.
    pub fn restore(
        identity: Identity,
        instance: Instance,
        boot: Boot,
        now: Timestamp,
        records: impl IntoIterator<Item = Record>,
    ) -> Result<Self, RestoreError> {
        let mut restoring = Restoring::default();
        records.into_iter().for_each(|record| restoring.take(record));
        restoring.finish(identity, instance, boot, now)
    }
}

/// A profile that is read back record by record: what the core doesn't keep is dropped at once, so that a long past
/// never lies in memory whole (H-14).
#[derive(Default)]
pub struct Restoring(Sorted);

impl Restoring {
    /// Takes the next record, in the order of the keys (ST-33).
    pub fn take(&mut self, record: Record) {
        self.0.take(record.id, record.bytes);
    }

    /// Makes the profile of what was taken; `now` is the first reading of this life.
    ///
    /// # Errors
    /// [`RestoreError`]: the store needs repair; nothing was sent.
    pub fn finish(
        self,
        identity: Identity,
        instance: Instance,
        boot: Boot,
        now: Timestamp,
    ) -> Result<Account, RestoreError> {
        let sorted = self.0;
        let (name, marks) = sorted.profile.as_deref().and_then(read_profile).ok_or(RestoreError::NoProfile)?;
        let mut account = Account::empty(identity, instance, boot, name);
        account.marks = marks;
        for (g, mut stored) in sorted.groups {
            if !stored.has_group(&account.identity.public(), now) {
                continue;
            }
            stored.peers = sorted.peers.iter().filter(|(p, _)| p / limits::OWNERS_PER_GROUP == g).cloned().collect();
            let group = Group::restore(g, stored, instance, now).map_err(|kind| RestoreError::Damaged { kind })?;
            account.insert_group(group);
        }
        account.restore_joins(sorted.joiners, &sorted.join_secrets, now);
        account.reach_restored(now);
        Ok(account)
    }
}

#[derive(Default)]
struct Sorted {
    profile: Option<Vec<u8>>,
    groups: BTreeMap<u32, GroupStored>,
    peers: Vec<(u32, Vec<u8>)>,
    joiners: BTreeMap<u32, Vec<u8>>,
    join_secrets: BTreeMap<u32, Vec<u8>>,
}

impl Sorted {
    fn group(&mut self, g: u32) -> &mut GroupStored {
        self.groups.entry(g).or_default()
    }

    fn take(&mut self, id: RecordId, bytes: Vec<u8>) {
        match id {
            RecordId::Profile {} => self.profile = Some(bytes),
            RecordId::Peer { p } => self.peers.push((p, bytes)),
            RecordId::Group { g } => self.group(g).group = bytes,
            RecordId::Op { g, .. } => self.group(g).operations.push(bytes),
            RecordId::Log { g, l } => self.group(g).logs.push((l, bytes)),
            RecordId::Entry { g, l, seq } => self.group(g).take_entry(l, seq, &bytes),
            RecordId::Receipts { g, p } => self.group(g).receipts.push((p, bytes)),
            RecordId::Outbox { g, n } => self.group(g).outbox.push((n, bytes)),
            RecordId::Naming { g, n } => self.group(g).blobs.push((n, bytes)),
            RecordId::Invite { g, n } => drop(self.group(g).invites.insert(n, bytes)),
            RecordId::Seed { g, l, .. } => self.group(g).seeds.push((l, bytes)),
            RecordId::Chain { g, .. } => self.group(g).chains.push(bytes),
            RecordId::Skipped { g, .. } => self.group(g).skipped.push(bytes),
            RecordId::Leaf { g, .. } => self.group(g).leaves.push(bytes),
            RecordId::Access { g } => self.group(g).access = bytes,
            RecordId::Link { g: limits::JOINER_LINK_GROUP, n } => drop(self.join_secrets.insert(n, bytes)),
            RecordId::Link { g, n } => drop(self.group(g).links.insert(n, bytes)),
            RecordId::Joiner { n } => drop(self.joiners.insert(n, bytes)),
            // Kept for people (pictures of the timeline, proofs, what a face stored): nothing of it steers the core.
            RecordId::Meta { .. }
            | RecordId::Blob { .. }
            | RecordId::View { .. }
            | RecordId::Annotation { .. }
            | RecordId::Waiting { .. }
            | RecordId::Evidence { .. }
            | RecordId::Quote { .. }
            | RecordId::Draft { .. }
            | RecordId::Upload { .. }
            | RecordId::Kept { .. }
            | RecordId::Capability { .. }
            | RecordId::Keeper {} => {}
        }
    }
}

/// The name, and the compared keys: a profile of before there were any has two fields.
fn read_profile(bytes: &[u8]) -> Option<(String, Marks)> {
    let mut from = Reader::new(bytes);
    if from.array(3).is_err() {
        from = Reader::new(bytes);
        from.array(2).ok()?;
        let name = (from.uint().ok()? == 1).then(|| from.text(limits::NAME_BYTES_MAX).ok())??;
        return Some((name, Marks::default()));
    }
    let name = (from.uint().ok()? == 2).then(|| from.text(limits::NAME_BYTES_MAX).ok())??;
    Some((name, Marks::read(&mut from).ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::Writer;

    #[test]
    fn a_profile_of_before_keys_were_compared_is_read() {
        let mut old = Writer::default();
        old.array(2).uint(1_u64).text("Ana");
        assert_eq!(read_profile(&old.into_bytes()), Some(("Ana".into(), Marks::default())));
        assert_eq!(read_profile(&[0x82, 2, 0x61, b'A']), None, "a form that nobody wrote");
    }
}
