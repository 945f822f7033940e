//! The `log` record: one branch of one log as it lies in the store, written in the batch of each entry (ST-32, E-64).
//!
//! At start the records give the states and the stored entries give the ids; both together are [`Logs`] as it was.
//! Ages restart with the readings of the own clock that are kept here (E-13).

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use super::body::LeafNumber;
use super::state::{Branch, Epoch, Leaf, LogState, Off};
use super::{Logs, Place};
use crate::ids::{EntryId, LogId, MembershipId};
use crate::limits;
use crate::time::Timestamp;
use crate::wire::{Canonical, DecodeError, Reader, Writer};

/// Layout of this record.
const VERSION: u64 = 1;

/// One branch, without the ids of its entries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogRecord {
    /// The log.
    pub log: LogId,
    /// Number of the branch.
    pub branch: u8,
    /// Where it leaves another branch.
    pub off: Option<Off>,
    /// Whether two entries at one place were ever seen in this log.
    pub is_forked: bool,
    /// All that admitting the next entry needs.
    pub state: LogState,
}

impl Canonical for LogRecord {
    fn write(&self, to: &mut Writer) {
        to.array(6).uint(VERSION).bytes(self.log.mid).bytes(self.log.inst);
        match self.off {
            Some(off) => to.array(3).uint(self.branch).uint(off.parent).uint(off.seq),
            None => to.array(1).uint(self.branch),
        };
        to.bool(self.is_forked).item(&self.state);
    }

    fn read(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
        from.array(6)?;
        if from.uint()? != VERSION {
            return Err(DecodeError::Unknown);
        }
        let log = LogId { mid: from.fixed()?, inst: from.fixed()? };
        let parts = from.array_up_to(3)?;
        let branch = from.small()?;
        let off = match parts {
            1 => None,
            3 => Some(Off { parent: from.small()?, seq: from.uint()? }),
            _ => return Err(DecodeError::WrongShape),
        };
        if usize::from(branch) >= limits::BRANCHES_PER_LOG_MAX || off.is_some_and(|off| off.parent >= branch) {
            return Err(DecodeError::OutOfRange);
        }
        Ok(Self { log, branch, off, is_forked: from.bool()?, state: from.item()? })
    }
}

impl Canonical for LogState {
    fn write(&self, to: &mut Writer) {
        to.array(10).uint(self.seq).bytes(self.head).item(&self.heads).uint(self.inst_no);
        match &self.prior {
            Some(point) => to.item(point),
            None => to.null(),
        };
        to.item(&self.leaf);
        match &self.epoch {
            Some(epoch) => to.item(epoch),
            None => to.null(),
        };
        to.uint(u64::try_from(self.envelopes).unwrap_or(u64::MAX));
        match self.knows_own {
            Some(leaf) => to.item(&leaf),
            None => to.null(),
        };
        let keys: Vec<u8> = self.used_keys.iter().flat_map(|key| key.to_be_bytes()).collect();
        to.bytes(keys);
    }

    fn read(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
        from.array(10)?;
        let (seq, head, heads, inst_no) = (from.uint()?, from.fixed()?, from.item()?, from.small()?);
        let prior = if from.is_null()? { None } else { Some(from.item()?) };
        let leaf = from.item()?;
        let epoch = if from.is_null()? { None } else { Some(from.item()?) };
        let envelopes = from.small()?;
        let knows_own = if from.is_null()? { None } else { Some(from.item()?) };
        let (keys, rest) = from.bytes(limits::LEAF_KEYS_REMEMBERED_MAX.saturating_mul(8))?.as_chunks();
        if !rest.is_empty() {
            return Err(DecodeError::WrongShape);
        }
        let used_keys = keys.iter().map(|key| u64::from_be_bytes(*key)).collect();
        Ok(Self { seq, head, heads, inst_no, prior, leaf, epoch, envelopes, knows_own, used_keys })
    }
}

impl Canonical for LeafNumber {
    fn write(&self, to: &mut Writer) {
        to.array(2).uint(self.inst_no).uint(self.generation);
    }

    fn read(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
        from.array(2)?;
        Ok(Self { inst_no: from.small()?, generation: from.uint()? })
    }
}

impl Canonical for Leaf {
    fn write(&self, to: &mut Writer) {
        to.array(6).uint(self.generation).bytes(self.pk);
        to.uint(self.admitted_at.mono_ms).uint(self.admitted_at.wall_ms);
        for number in [self.healed, self.compromised] {
            match number {
                Some(number) => to.uint(number),
                None => to.null(),
            };
        }
    }

    fn read(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
        from.array(6)?;
        let (generation, pk) = (from.uint()?, from.fixed()?);
        let admitted_at = Timestamp::new(from.uint()?, from.uint()?);
        let mut number = || if from.is_null()? { Ok(None) } else { from.uint().map(Some) };
        Ok(Self { generation, pk, admitted_at, healed: number()?, compromised: number()? })
    }
}

impl Canonical for Epoch {
    fn write(&self, to: &mut Writer) {
        to.array(7).uint(self.number).bytes(self.rekey).uint(self.rekey_seq);
        to.uint(self.admitted_at.mono_ms).uint(self.admitted_at.wall_ms).uint(self.next_index);
        to.array(self.audience.len());
        for (mid, leaf) in &self.audience {
            to.array(3).bytes(mid).uint(leaf.inst_no).uint(leaf.generation);
        }
    }

    fn read(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
        from.array(7)?;
        let (number, rekey, rekey_seq) = (from.uint()?, from.fixed()?, from.uint()?);
        let admitted_at = Timestamp::new(from.uint()?, from.uint()?);
        let next_index = from.uint()?;
        let mut audience = BTreeMap::new();
        for _ in 0..from.array_up_to(limits::SEATS)? {
            from.array(3)?;
            let mid: MembershipId = from.fixed()?;
            audience.insert(mid, LeafNumber { inst_no: from.small()?, generation: from.uint()? });
        }
        Ok(Self { number, rekey, rekey_seq, admitted_at, next_index, audience })
    }
}

impl Logs {
    /// The record of one branch, to be stored in the batch of the entry that moved it.
    #[must_use]
    pub fn record(&self, log: &LogId, branch: u8) -> Option<LogRecord> {
        let held = self.logs.get(log)?.branch(branch)?;
        let (off, state) = (held.off, held.state.clone());
        Some(LogRecord { log: *log, branch, off, is_forked: self.is_forked(log), state })
    }

    /// Takes a record from the own store. The branches of a log come in the order of their numbers; false if this one
    /// does not fit the ones before.
    pub fn restore(&mut self, record: LogRecord) -> bool {
        let held = self.logs.entry(record.log).or_default();
        if held.branches.len() != usize::from(record.branch) {
            return false;
        }
        held.branches.push(Branch { off: record.off, ids: Vec::new(), state: record.state });
        if record.is_forked {
            self.forked.insert(record.log);
        }
        self.tags.insert(self.tag(&record.log), record.log);
        self.version = self.version.wrapping_add(1);
        true
    }

    /// Takes the id of a stored entry; the entries of a branch come in ascending order, after its record. False if it
    /// does not follow the one before.
    pub fn restore_entry(&mut self, place: Place, eid: EntryId) -> bool {
        let held = self.logs.get_mut(&place.log);
        let Some(branch) = held.and_then(|log| log.branches.get_mut(usize::from(place.branch))) else { return false };
        let next = branch.start().saturating_add(u64::try_from(branch.ids.len()).unwrap_or(u64::MAX));
        let is_head = place.seq == branch.state.seq;
        if place.seq != next || place.seq > branch.state.seq || is_head != (eid == branch.state.head) {
            return false;
        }
        branch.ids.push(eid);
        self.version = self.version.wrapping_add(1);
        self.places.insert(eid, place);
        true
    }

    /// Branches whose entries did not all come back: their ids end before the state does.
    pub fn incomplete(&self) -> impl Iterator<Item = Place> + '_ {
        self.logs.iter().flat_map(|(&log, held)| {
            held.numbered().filter_map(move |(number, branch)| {
                let missing = branch.own_id(branch.state.seq).is_none();
                missing.then_some(Place { log, branch: number, seq: branch.state.seq })
            })
        })
    }
}
