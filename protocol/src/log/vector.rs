//! What is held of each log, in the short form in which neighbours compare it (N-501, N-515, N-702).
//!
//! The wire form has ranges and a floor, so that holders of parts can say so. Here a branch is one run from 0 on.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use super::cut::Words;
use super::{Logs, limits};
use crate::crypto::Field;
use crate::crypto::{Label, hash};
use crate::ids::{Digest, EntryId, LogId, LogTag, MembershipId};
use crate::wire::{Canonical, DecodeError, Reader, Writer};

/// One branch of one log: `[lid, floor, [from, to, …], head, fork or null]` (N-702).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VectorItem {
    /// Short name of the log.
    pub tag: LogTag,
    /// Below it nothing is served any more.
    pub floor: u64,
    /// What is held, first and last number of each run, ascending.
    pub ranges: Vec<(u64, u64)>,
    /// First bytes of the newest entry's id.
    pub head: [u8; 8],
    /// Of a forked log: the lowest number at which this branch differs from another.
    pub fork: Option<u64>,
}

impl Canonical for VectorItem {
    fn write(&self, to: &mut Writer) {
        to.array(5).bytes(self.tag).uint(self.floor).array(self.ranges.len().saturating_mul(2));
        for &(first, last) in &self.ranges {
            to.uint(first).uint(last);
        }
        to.bytes(self.head);
        match self.fork {
            Some(seq) => to.uint(seq),
            None => to.null(),
        };
    }

    fn read(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
        from.array(5)?;
        let (tag, floor) = (from.fixed()?, from.uint()?);
        let numbers = from.array_up_to(limits::VECTOR_RANGES_MAX.saturating_mul(2))?;
        let mut ranges: Vec<(u64, u64)> = Vec::new();
        let mut lowest = floor;
        for _ in 0..numbers / 2 {
            let (first, last) = (from.uint()?, from.uint()?);
            if first < lowest || last < first || last >= limits::SEQ_END {
                return Err(DecodeError::OutOfRange);
            }
            // Runs that touch are one run.
            lowest = last.saturating_add(2);
            ranges.push((first, last));
        }
        if numbers % 2 != 0 || ranges.is_empty() {
            return Err(DecodeError::WrongShape);
        }
        let head = from.bytes(8)?.try_into().map_err(|_| DecodeError::OutOfRange)?;
        let fork = if from.is_null()? { None } else { Some(from.uint()?) };
        Ok(Self { tag, floor, ranges, head, fork })
    }
}

/// Entries that a neighbour holds and we do not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lack {
    /// The log; ask WHO if the tag is unknown (N-703).
    pub tag: LogTag,
    /// The log by its full name, if we know it.
    pub log: Option<LogId>,
    /// The branch by its announced head; none if there is one only (N-704).
    pub branch: Option<[u8; 8]>,
    /// First number.
    pub from: u64,
    /// Last number.
    pub to: u64,
}

/// On a branch that differs somewhere below its head, one step back is asked for at a time (N-705 c).
const STEP_BACK: u64 = 64;

impl Logs {
    /// What is held: an item for each branch of each listed log, in the order of the tags.
    #[must_use]
    pub fn vector(&self, keyed: &[MembershipId]) -> Vec<VectorItem> {
        self.listed(keyed).iter().flat_map(|(_, log)| self.items_of(log)).collect()
    }

    /// The items of one log, for a delta (N-710).
    #[must_use]
    pub fn items_of(&self, log: &LogId) -> Vec<VectorItem> {
        let Some(held) = self.logs.get(log) else { return Vec::new() };
        let item = |(number, branch): (u8, &super::state::Branch)| VectorItem {
            tag: self.tag(log),
            floor: 0,
            ranges: Vec::from([(0, branch.state.seq)]),
            head: head_bytes(&branch.state.head),
            fork: held.differs_from(number),
        };
        held.numbered().map(item).collect()
    }

    /// What a neighbour holds and we lack. An announcement is a hint, never a proof (N-703).
    #[must_use]
    pub fn compare(&self, theirs: &[VectorItem]) -> Vec<Lack> {
        theirs.iter().flat_map(|item| self.lacking(item)).collect()
    }

    fn lacking(&self, item: &VectorItem) -> Vec<Lack> {
        let Some(&(_, top)) = item.ranges.last() else { return Vec::new() };
        let log = self.by_tag(&item.tag);
        let held = log.and_then(|log| self.logs.get(&log));
        let branches = held.map_or(0, |held| held.branches.len());
        let ids_at_top = held.into_iter().flat_map(|held| held.numbered().map(|(number, _)| held.id_at(number, top)));
        if ids_at_top.flatten().any(|id| head_bytes(&id) == item.head) {
            return Vec::new();
        }
        let own_top = held.into_iter().flat_map(|held| held.branches.iter().map(|branch| branch.state.seq)).max();
        // Their head is not ours at that place: either it lies beyond ours, or their branch leaves ours somewhere.
        let from = match (item.fork, own_top) {
            (Some(fork), Some(own)) if branches > 0 => fork.min(own.saturating_add(1)),
            (_, Some(own)) if own < top => own.saturating_add(1),
            (_, Some(_)) => top.saturating_add(1).saturating_sub(STEP_BACK),
            (_, None) => 0,
        };
        // Theirs may go on from one of ours that is shorter.
        let is_shorter = held.is_some_and(|held| held.branches.iter().any(|branch| branch.state.seq < top));
        let is_full = branches >= limits::BRANCHES_PER_LOG_MAX && !is_shorter;
        if is_full {
            return Vec::new();
        }
        let branch = (item.fork.is_some() || own_top.is_some_and(|own| own >= top)).then_some(item.head);
        let lack = |&(first, last): &(u64, u64)| {
            let from = first.max(from);
            (from <= last).then_some(Lack { tag: item.tag, log, branch, from, to: last })
        };
        item.ranges.iter().filter_map(lack).collect()
    }

    /// `entries` of STATE (N-501): `H("net/entries", [[lid, highest honoured number, id there]…])` in the order of the
    /// tags, branches of one log by their ids. Void entries are left out, because nobody must hold them all (E-34).
    #[must_use]
    pub fn entries_digest(&self, keyed: &[MembershipId], words_of: &dyn Fn(&MembershipId) -> Words) -> Digest {
        let mut words: BTreeMap<MembershipId, Words> = BTreeMap::new();
        let mut tops: Vec<(LogTag, u64, EntryId)> = Vec::new();
        for (tag, log) in self.listed(keyed) {
            let words = words.entry(log.mid).or_insert_with(|| words_of(&log.mid));
            let mut branches: Vec<(u64, EntryId)> = self
                .branches(&log)
                .filter_map(|(branch, _)| {
                    let top = self.honoured_to(&log, branch, words)?;
                    Some((top, self.eid_at(&log, branch, top)?))
                })
                .collect();
            branches.sort_unstable_by_key(|&(_, eid)| eid);
            branches.dedup();
            tops.extend(branches.into_iter().map(|(top, eid)| (tag, top, eid)));
        }
        digest_of(Label::NetEntries, &tops)
    }

    /// `tips` of a receipt (N-515): over the given logs in the order in which the receipt lists them. None if one of
    /// the tops is not held here.
    #[must_use]
    pub fn tips(&self, tops: &[(LogId, u64)]) -> Option<[u8; 8]> {
        let at = |&(log, top): &(LogId, u64)| {
            Some((self.tag(&log), top, self.eid_at(&log, self.longest_branch(&log)?, top)?))
        };
        let tops: Option<Vec<_>> = tops.iter().map(at).collect();
        digest_of(Label::NetTips, &tops?).0.first_chunk().copied()
    }

    /// Rule R-38: of each member the 32 logs with the highest numbers; of a group 4,096, the Keyed first, each one's
    /// current log first. In the order of the tags.
    #[must_use]
    pub fn listed(&self, keyed: &[MembershipId]) -> Vec<(LogTag, LogId)> {
        let mut mids: Vec<MembershipId> = self.ids().map(|log| log.mid).collect();
        mids.dedup();
        // (not Keyed, rank among the member's, log): what comes first stays.
        let mut ranked: Vec<(bool, usize, LogId)> = Vec::new();
        for mid in mids {
            let last = keyed.binary_search(&mid).is_err();
            let logs = self.ranked(&mid).into_iter().take(limits::LOGS_PER_MEMBER_MAX);
            ranked.extend(logs.enumerate().map(|(rank, (_, log))| (last, rank, log)));
        }
        ranked.sort_unstable();
        ranked.truncate(limits::LOGS_PER_GROUP_MAX);
        let mut listed: Vec<(LogTag, LogId)> = ranked.into_iter().map(|(_, _, log)| (self.tag(&log), log)).collect();
        listed.sort_unstable();
        listed
    }
}

fn head_bytes(eid: &EntryId) -> [u8; 8] {
    eid.0.first_chunk().copied().unwrap_or_default()
}

fn digest_of(label: Label, tops: &[(LogTag, u64, EntryId)]) -> Digest {
    let mut list = Writer::default();
    list.array(tops.len());
    for (tag, top, eid) in tops {
        list.array(3).bytes(tag).uint(*top).bytes(eid);
    }
    hash(label, &[Field::Item(&list.into_bytes())])
}
