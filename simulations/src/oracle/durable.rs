//! What must survive: INV-D1 to D4.

use std::collections::BTreeSet;

use coterie_protocol::{
    Direction, EntryId, FaultStore, MemberKey, MessageKind, MessageView, Record, RecordId, RecordKind, SealedStore,
    Store,
};

use sha2::{Digest, Sha256};

use super::{Mark, Oracle, Shown};
use crate::network::HostId;

/// A set of operations, with a sum by which equal sets are found without comparing them one by one. The ids are hashes,
/// so sets that differ have sums that differ.
#[derive(Default)]
pub(crate) struct Operations {
    ids: BTreeSet<[u8; 16]>,
    sum: u128,
}

impl Operations {
    fn insert(&mut self, id: [u8; 16]) {
        if self.ids.insert(id) {
            self.sum = self.sum.wrapping_add(u128::from_be_bytes(id));
        }
    }

    pub(super) fn sum(&self) -> (usize, u128) {
        (self.ids.len(), self.sum)
    }
}

impl Oracle {
    /// A record is on a disk for good.
    pub(super) fn durable_record(&mut self, host: HostId, now_us: u64, record: &Record) {
        match record.id {
            RecordId::Op { id, .. } => {
                self.seen(host).operations.insert(id);
            }
            RecordId::Entry { .. } => {
                // A stored entry begins with its place in the timeline, which ends with half of its id; zeros as long
                // as this host cannot open it.
                let Some((place, signed)) = record.bytes.split_first_chunk::<16>() else { return };
                let hash: [u8; 32] = Sha256::digest(signed).into();
                if let Some(name) = place.last_chunk::<8>().filter(|name| **name != [0; 8]) {
                    self.hashes.insert(*name, hash);
                    self.learn_place(host, *name, &record.id, signed);
                }
                let key = self.keys[usize::from(host)];
                self.holders.entry(hash).or_default().insert(key);
                self.learn_entry(host, now_us, (&record.id, signed), hash);
            }
            _ => {}
        }
    }

    pub(super) fn holders_of(&self, entry: &EntryId) -> impl Iterator<Item = MemberKey> {
        let hash = entry.0.first_chunk::<8>().and_then(|name| self.hashes.get(name));
        hash.and_then(|hash| self.holders.get(hash)).into_iter().flatten().copied()
    }

    /// INV-D1 after a start: what was shown as saved or received is there; and the first half of INV-D4.
    pub(super) fn durable_after_boot(&mut self, host: HostId, now_us: u64, store: &SealedStore<FaultStore>) {
        self.check("INV-D1");
        let lines = read_lines(store);
        let is_excused = self.seen(host).excused;
        let lost = self.seen(host).lines.iter().find_map(|(entry, shown)| match lines.get(entry) {
            None => Some(format!("{entry:?} was shown and is gone")),
            Some(now) if now.kind != shown.kind && shown.kind == MessageKind::Text => {
                Some(format!("{entry:?} was words and is {:?}", now.kind))
            }
            Some(_) => None,
        });
        if let Some(text) = lost.filter(|_| !is_excused) {
            self.violate("INV-D1", host, now_us, text);
        }
        self.check("INV-D4");
        let findings = store.verify();
        let is_whole = findings.as_ref().is_ok_and(coterie_protocol::Findings::is_good);
        if !is_whole {
            self.mark(Mark::DamageFound);
        }
        if !is_whole && !is_excused {
            self.violate("INV-D4", host, now_us, format!("census and records differ: {findings:?}"));
        }
        self.seen(host).lines = lines;
        self.learn_stored(host, now_us, store);
    }

    /// A crash between *durable* and *told* leaves more on the disk than anybody was told of.
    fn learn_stored(&mut self, host: HostId, now_us: u64, store: &SealedStore<FaultStore>) {
        self.seen(host).operations = Operations::default();
        for kind in [RecordKind::Chain, RecordKind::Entry, RecordKind::Op] {
            let (mut from, to) = kind.span();
            while let Ok(page) = store.range(&from, &to, Direction::Up, 256) {
                let Some((last, _)) = page.last() else { break };
                from = last.next();
                for (key, bytes) in page {
                    if let Some(id) = RecordId::from_key(&key) {
                        let record = Record { id, bytes };
                        self.learn_chain(host, &record);
                        self.durable_record(host, now_us, &record);
                    }
                }
            }
        }
    }
}

/// Every line that lies in a store.
pub(super) fn read_lines(store: &SealedStore<FaultStore>) -> std::collections::BTreeMap<EntryId, Shown> {
    let (mut from, to) = RecordKind::View.span();
    let mut lines = std::collections::BTreeMap::new();
    while let Ok(page) = store.range(&from, &to, Direction::Up, 256) {
        let Some((last, _)) = page.last() else { break };
        from = last.next();
        for line in page.iter().filter_map(|(_, bytes)| MessageView::from_record(bytes)) {
            lines.insert(line.entry, Shown { order: line.order, kind: line.kind, counts: line.counts });
        }
    }
    lines
}
