//! The records of one group as a start reads them: of an entry only what the core keeps (H-14).

use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use super::GroupRecord;
use crate::ids::{EntryId, GroupId, LogId, OrderKey};
use crate::limits;
use crate::log::LogRecord;
use crate::log::entry::{Entry, HeadKind};
use crate::membership::Membership;
use crate::wire::from_bytes;

/// The records of one group, as the store gave them, in the order of their keys.
#[derive(Default)]
pub(crate) struct Stored {
    pub(crate) group: Vec<u8>,
    pub(crate) operations: Vec<Vec<u8>>,
    pub(crate) logs: Vec<(u32, Vec<u8>)>,
    pub(crate) entries: Vec<StoredEntry>,
    pub(crate) outbox: Vec<(u64, Vec<u8>)>,
    pub(crate) invites: BTreeMap<u32, Vec<u8>>,
    pub(crate) links: BTreeMap<u32, Vec<u8>>,
    pub(crate) receipts: Vec<(u32, Vec<u8>)>,
    pub(crate) peers: Vec<(u32, Vec<u8>)>,
    pub(crate) blobs: Vec<(u32, Vec<u8>)>,
    pub(crate) access: Vec<u8>,
    pub(crate) seeds: Vec<(u32, Vec<u8>)>,
    pub(crate) chains: Vec<Vec<u8>>,
    pub(crate) skipped: Vec<Vec<u8>>,
    pub(crate) leaves: Vec<Vec<u8>>,
    /// What entries are read with; known when the first of them comes, for groups and logs sort before entries.
    context: Option<(GroupId, BTreeMap<u32, LogId>)>,
}

/// An entry without its body: a hundred thousand of these fit where a tenth of the bodies would.
pub(crate) struct StoredEntry {
    /// The local number of its branch.
    pub(crate) number: u32,
    pub(crate) seq: u64,
    pub(crate) id: EntryId,
    /// Its size as signed.
    pub(crate) bytes: usize,
    pub(crate) rest: Rest,
}

/// What else is kept of an entry, by its kind.
pub(crate) enum Rest {
    /// Where a Message stands in the timeline; zero if it is not shown.
    Message(OrderKey),
    /// Whom a Rekey leaves out stands in it.
    Rekey(Box<Entry>),
    /// Hosts hand it out.
    Envelope(Box<Entry>),
    Nothing,
}

impl Stored {
    /// Takes an entry in. What does not decode, or belongs to no log, counts as missing (ST-91).
    pub(crate) fn take_entry(&mut self, number: u32, seq: u64, bytes: &[u8]) {
        if self.context.is_none() {
            self.context = self.read_context();
        }
        let Some((gid, logs)) = &self.context else { return };
        let Some((order, signed)) = bytes.split_at_checked(OrderKey::LEN) else { return };
        let Some(Ok(entry)) = logs.get(&number).map(|log| Entry::decode(gid, *log, signed)) else { return };
        let id = entry.id();
        let rest = match entry.head.kind {
            HeadKind::Message { .. } => OrderKey::try_from(order).map_or(Rest::Nothing, Rest::Message),
            HeadKind::Rekey { .. } => Rest::Rekey(Box::new(entry)),
            HeadKind::GrantEnvelope { .. } => Rest::Envelope(Box::new(entry)),
            HeadKind::Leaf { .. } | HeadKind::KeyGrant { .. } | HeadKind::Opaque { .. } => Rest::Nothing,
        };
        self.entries.push(StoredEntry { number, seq, id, bytes: signed.len(), rest });
    }

    fn read_context(&self) -> Option<(GroupId, BTreeMap<u32, LogId>)> {
        let record = from_bytes::<GroupRecord>(&self.group, limits::VALUE_BYTES_MAX).map(|record| record.gid).ok();
        // The record may have rotted; the operations say the same (ST-91).
        let rebuilt =
            || Membership::restore(self.operations.clone()).ok().map(|membership: Membership| membership.gid());
        let gid = record.or_else(rebuilt)?;
        let log = |bytes: &[u8]| from_bytes::<LogRecord>(bytes, limits::VALUE_BYTES_MAX).ok().map(|record| record.log);
        let logs = self.logs.iter().filter_map(|(number, bytes)| log(bytes).map(|log| (*number, log)));
        Some((gid, logs.collect()))
    }
}
