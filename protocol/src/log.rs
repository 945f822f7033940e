//! Author entry logs: one append-only signed log per member and installation (E-09, E-18).
//!
//! An entry comes as bytes, passes the staircase of E-23 and stands in its log for good, or waits for what is missing,
//! or is refused. Nothing is dropped that sync would not bring back. A verdict depends on the entry and its ancestors
//! only, so everybody comes to the same, whatever came first. Whether an admitted entry *counts* is another question,
//! answered from the present membership ([`Logs::honoured`], E-29 to E-34).
//!
//! Two good entries at one place are a fork: both branches are kept, and the pair is a proof (E-78). In this release a
//! branch is held as one run from entry 0 on; what comes further up waits until the run has reached it (E-28 allows
//! segments; the wire form of [`VectorItem`] has them already).

mod admission;
pub(crate) mod body;
mod cut;
pub(crate) mod entry;
mod insert;
mod pending;
mod places;
mod record;
mod state;
mod vector;

#[cfg(test)]
mod tests;

use alloc::boxed::Box;
use alloc::collections::{BTreeMap, BTreeSet, VecDeque};
use alloc::vec::Vec;

use self::entry::Entry;
use self::insert::Rebuilding;
use self::pending::Pending;
use self::pending::Proof;
use self::places::Places;
use self::state::Log;
use crate::crypto::sign::Verified;
use crate::crypto::{Field, Label, hash16};
#[cfg(test)]
use crate::ids::OperationId;
use crate::ids::{EntryId, GroupId, Instance, LogId, LogTag, MemberKey, MembershipId};
use crate::limits;

pub use self::admission::{Authority, EntryRule, Mids};
pub use self::body::LeafNumber;
pub use self::cut::Words;
pub use self::pending::Missing;
pub use self::record::LogRecord;
pub use self::state::{Leaf, LogState, Off, Place};
pub use self::vector::{Lack, VectorItem};

/// What became of an entry.
#[derive(Debug)]
pub enum Inserted {
    /// It stands in its log now.
    Appended(Box<Appended>),
    /// It stood there already.
    Duplicate,
    /// It waits (E-27).
    Waiting(Missing),
    /// It, or these bytes of it, will not be taken.
    Refused(EntryRule),
}

/// An entry that was admitted just now.
#[derive(Debug)]
pub struct Appended {
    /// The entry.
    pub entry: Verified<Entry>,
    /// Where it stands. Its record and the record of its branch go into one batch.
    pub place: Place,
    /// `Keyed` at its heads, ascending: slots and acks are read by place in it (E-16).
    pub keyed: Mids,
    /// Whether somebody of the audience before it is not Keyed at its heads: nobody can put off such a Rekey.
    pub is_forced: bool,
    /// What the author had shown to know of our leaf *before* this entry: a slot to an older one is a downgrade (E-43).
    pub knew_own: Option<LeafNumber>,
}

/// An entry as it came.
#[derive(Clone, Copy, Debug)]
pub struct Arrival<'a> {
    /// The log it is said to stand in.
    pub log: LogId,
    /// Its bytes.
    pub bytes: &'a [u8],
    /// Who gave it: its waiting entries are bounded (E-76). None for the own store.
    pub giver: Option<MemberKey>,
}

/// Two entries of one author at one place: whoever sees both knows (E-78).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ForkProof {
    /// The one that stands here; its bytes are in the store.
    pub held: Place,
    /// The bytes of the other, signature checked.
    pub other: Vec<u8>,
}

/// Entries that wait and what for, as sync and the membership log want to know it.
#[derive(Clone, Copy, Debug)]
pub struct Waiting<'a> {
    /// The entry.
    pub entry: &'a Entry,
    /// Whether the author's signature was checked: only such an entry may release waiting operations.
    pub is_proved: bool,
}

/// How far [`Logs::rebuild`] has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rebuilt {
    /// The state is there; [`Logs::retry`] takes the entry that waited for it.
    Done,
    /// Go on with the entry of this sequence number.
    NeedsFrom(u64),
    /// These are not the entries of that branch, or it is not held.
    Unfit,
}

/// All entry logs of one group, without the bodies.
pub struct Logs {
    gid: GroupId,
    own: MembershipId,
    logs: BTreeMap<LogId, Log>,
    tags: BTreeMap<LogTag, LogId>,
    /// Counts what changes in any log: who has compared it need not do so again.
    version: u64,
    places: Places,
    forked: BTreeSet<LogId>,
    fork_proofs: Vec<ForkProof>,
    refused: Refused,
    pending: Pending,
    rebuilding: Option<Rebuilding>,
    rebuilt: VecDeque<LogState>,
}

/// Ids of entries refused under a good signature (E-26), oldest first.
#[derive(Default)]
struct Refused {
    order: VecDeque<EntryId>,
    ids: BTreeSet<EntryId>,
}

impl Logs {
    /// No logs yet. `own` is the membership of this node's person in the group.
    #[must_use]
    pub fn new(gid: GroupId, own: MembershipId) -> Self {
        Self {
            gid,
            own,
            logs: BTreeMap::new(),
            tags: BTreeMap::new(),
            version: 0,
            places: Places::default(),
            forked: BTreeSet::new(),
            fork_proofs: Vec::new(),
            refused: Refused::default(),
            pending: Pending::default(),
            rebuilding: None,
            rebuilt: VecDeque::new(),
        }
    }

    /// Rises with every entry; while it stays, every log is as it was.
    #[must_use]
    pub const fn version(&self) -> u64 {
        self.version
    }

    /// Rule E-79: whether two entries at one place were ever seen in this log.
    #[must_use]
    pub fn is_forked(&self, log: &LogId) -> bool {
        self.forked.contains(log)
    }

    /// State of the branch that the author most likely goes on in: the longest (tie: smaller id).
    #[must_use]
    pub fn state(&self, log: &LogId) -> Option<&LogState> {
        let branch = self.longest_branch(log)?;
        self.branch_state(log, branch)
    }

    /// The newest stamp of the own clock in any log, ms: the clock showed that much once (E-94).
    #[must_use]
    pub fn newest_stamp(&self) -> Option<u64> {
        let states = self.logs.values().flat_map(|log| log.numbered().map(|(_, branch)| &branch.state));
        states.map(|state| state.leaf.admitted_at.wall_ms).max()
    }

    /// State of one branch.
    #[must_use]
    pub fn branch_state(&self, log: &LogId, branch: u8) -> Option<&LogState> {
        Some(&self.logs.get(log)?.branch(branch)?.state)
    }

    /// The branches of a log, and where each leaves another.
    pub fn branches(&self, log: &LogId) -> impl Iterator<Item = (u8, Option<Off>)> + '_ {
        self.logs.get(log).into_iter().flat_map(|log| log.numbered().map(|(number, branch)| (number, branch.off)))
    }

    /// All logs that are held.
    pub fn ids(&self) -> impl Iterator<Item = &LogId> {
        self.logs.keys()
    }

    /// The logs of one member.
    pub fn logs_of(&self, mid: &MembershipId) -> impl Iterator<Item = &LogId> + use<'_> {
        self.logs.range(all_of(mid)).map(|(log, _)| log)
    }

    /// Whether this entry is admitted here.
    #[must_use]
    #[cfg(test)]
    pub fn contains(&self, eid: &EntryId) -> bool {
        self.places.contains(eid)
    }

    /// Where an entry stands.
    #[must_use]
    pub fn place_of(&self, eid: &EntryId) -> Option<Place> {
        self.places.get(eid)
    }

    /// The entry at `seq` on the way to the head of a branch.
    #[must_use]
    pub fn eid_at(&self, log: &LogId, branch: u8, seq: u64) -> Option<EntryId> {
        self.logs.get(log)?.id_at(branch, seq)
    }

    /// The branch that *stores* the entry at `seq` on the way to the head of `branch`.
    #[must_use]
    pub fn stored_at(&self, log: &LogId, branch: u8, seq: u64) -> Option<Place> {
        self.place_of(&self.eid_at(log, branch, seq)?)
    }

    /// The log that a tag on the wire names (N-702).
    #[must_use]
    pub fn by_tag(&self, tag: &LogTag) -> Option<LogId> {
        self.tags.get(tag).copied()
    }

    /// All that wait, oldest first (R-35, N-701).
    pub fn waiting(&self) -> impl Iterator<Item = Waiting<'_>> {
        self.pending
            .iter()
            .map(|held| Waiting { entry: held.proof.entry(), is_proved: matches!(held.proof, Proof::Checked(_)) })
    }

    /// The places inside forked logs whose state entries wait for ([`Missing::Prefix`]).
    pub fn wanted_prefix(&self) -> impl Iterator<Item = Place> + '_ {
        self.pending.prefixes()
    }

    /// The operations that waiting entries name and nobody here has (never taken out of `need`, R-35).
    #[must_use]
    #[cfg(test)]
    pub fn missing_operations(&self) -> BTreeSet<OperationId> {
        let needs = self.pending.iter().map(|held| &held.need);
        needs
            .filter_map(|need| if let Missing::Operations(ids) = need { Some(ids) } else { None })
            .flatten()
            .copied()
            .collect()
    }

    /// For each log the lowest place that a waiting entry needs next (N-701).
    #[must_use]
    #[cfg(test)]
    pub fn missing_entries(&self) -> BTreeMap<LogId, u64> {
        let mut lowest = BTreeMap::new();
        for held in self.pending.iter() {
            if let Missing::Predecessor { log, seq, .. } = held.need {
                lowest.entry(log).and_modify(|at: &mut u64| *at = seq.min(*at)).or_insert(seq);
            }
        }
        lowest
    }

    /// Rule E-10: the member's installation with the highest number (tie: smaller id).
    #[must_use]
    pub fn current_instance(&self, mid: &MembershipId) -> Option<(Instance, u16)> {
        self.ranked(mid)
            .first()
            .map(|&(_, log)| log)
            .and_then(|log| self.logs.get(&log).map(|held| (log.inst, held.inst_no())))
    }

    /// The newest leaf of the member's current installation, to seal to (E-41).
    #[must_use]
    pub fn leaf_of(&self, mid: &MembershipId) -> Option<CurrentLeaf<'_>> {
        let (inst, inst_no) = self.current_instance(mid)?;
        let log = LogId { mid: *mid, inst };
        let newest = self.logs.get(&log)?.branches.iter().map(|branch| &branch.state.leaf);
        let leaf = newest.max_by_key(|leaf| leaf.generation)?;
        Some(CurrentLeaf { inst, inst_no, leaf, is_forked: self.is_forked(&log) })
    }

    /// Rule E-93: the newest leaf of ours that every branch of the member's current installation shows to know.
    #[must_use]
    pub fn knows_own(&self, mid: &MembershipId) -> Option<LeafNumber> {
        let (inst, _) = self.current_instance(mid)?;
        let log = self.logs.get(&LogId { mid: *mid, inst })?;
        log.branches.iter().map(|branch| branch.state.knows_own).min().flatten()
    }

    /// `lid` of N-702.
    #[must_use]
    pub fn tag(&self, log: &LogId) -> LogTag {
        LogTag(hash16(Label::NetLid, &[Field::B(&self.gid.0), Field::B(&log.mid.0), Field::B(&log.inst.0)]))
    }

    /// The member's logs, the highest number first, then the smaller id (E-10, R-38).
    fn ranked(&self, mid: &MembershipId) -> Vec<(u16, LogId)> {
        let mut logs: Vec<(u16, LogId)> = self.logs.range(all_of(mid)).map(|(id, log)| (log.inst_no(), *id)).collect();
        logs.sort_unstable_by_key(|&(inst_no, log)| (core::cmp::Reverse(inst_no), log.inst));
        logs
    }

    fn longest_branch(&self, log: &LogId) -> Option<u8> {
        let branches = self.logs.get(log)?.numbered();
        let longest = branches.max_by_key(|(_, branch)| (branch.state.seq, core::cmp::Reverse(branch.state.head)));
        longest.map(|(number, _)| number)
    }
}

/// The leaf that a member is sealed to now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CurrentLeaf<'a> {
    /// The installation.
    pub inst: Instance,
    /// Its number.
    pub inst_no: u16,
    /// The key, its number and when it came.
    pub leaf: &'a Leaf,
    /// Nothing is sealed to a forked log (E-79).
    pub is_forked: bool,
}

impl Refused {
    fn remember(&mut self, eid: EntryId) {
        if self.ids.insert(eid) {
            self.order.push_back(eid);
        }
        while self.order.len() > limits::REFUSED_ENTRIES_MAX {
            if let Some(oldest) = self.order.pop_front() {
                self.ids.remove(&oldest);
            }
        }
    }
}

/// All logs of one member, as a range of keys.
fn all_of(mid: &MembershipId) -> core::ops::RangeInclusive<LogId> {
    LogId { mid: *mid, inst: Instance([0; 16]) }..=LogId { mid: *mid, inst: Instance([0xff; 16]) }
}
