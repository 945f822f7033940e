//! What one branch of a log has come to: all that admitting its next entry needs, and what senders ask of it.
//!
//! A log that was never forked has one branch. A [`LogState`] is a function of the entries of its branch and of the
//! rosters at their heads, so every node that holds them has the same (only the own-clock readings differ, E-13).

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use super::body::LeafNumber;
use super::entry::{Entry, HeadKind};
use crate::ids::{EntryId, Heads, LeafKey, LogId, MembershipId, Point};
use crate::limits;
use crate::time::Timestamp;

/// State of one branch after its newest entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogState {
    /// Sequence number of the newest entry.
    pub seq: u64,
    /// Its id.
    pub head: EntryId,
    /// Heads in force (E-20).
    pub heads: Heads,
    /// Number of the installation (E-10).
    pub inst_no: u16,
    /// What entry 0 names as the newest entry of the installation before.
    pub prior: Option<Point>,
    /// The leaf key to seal to.
    pub leaf: Leaf,
    /// The epoch that the author speaks in, once it has spoken.
    pub epoch: Option<Epoch>,
    /// GrantEnvelopes so far (E-24).
    pub envelopes: usize,
    /// The newest leaf of *ours* that the author has shown to know, by an ack, a slot or a Grant (E-93).
    pub knows_own: Option<LeafNumber>,
    /// First eight bytes of the newest leaf keys of this log, oldest first.
    pub(super) used_keys: Vec<u64>,
}

/// The newest leaf key of a branch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Leaf {
    /// Its number in the log (E-11).
    pub generation: u64,
    /// The key.
    pub pk: LeafKey,
    /// When it was admitted *here*: its age is counted on the own clock (E-13).
    pub admitted_at: Timestamp,
    /// Number of the newest leaf published with reason 2 (heal), if any (E-39 c).
    pub healed: Option<u64>,
    /// Number of the newest leaf published with reason 3 (compromised), if any (E-39 c).
    pub compromised: Option<u64>,
}

/// The current epoch of a branch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Epoch {
    /// Its number.
    pub number: u64,
    /// The Rekey that opened it; chains are keyed by this (E-45).
    pub rekey: EntryId,
    /// Where that Rekey stands.
    pub rekey_seq: u64,
    /// When it was admitted here, or written.
    pub admitted_at: Timestamp,
    /// Next unused message index.
    pub next_index: u64,
    /// Who can read it besides the author, and the leaf each was sealed to last (E-25).
    pub audience: BTreeMap<MembershipId, LeafNumber>,
}

/// What one admitted entry changes.
#[derive(Clone, Debug)]
pub(super) struct Step {
    /// Heads in force from here on.
    pub(super) heads: Heads,
    /// Leaf of ours that the author shows to know in it.
    pub(super) knows_own: Option<LeafNumber>,
    /// Members sealed to.
    pub(super) sealed: Vec<(MembershipId, LeafNumber)>,
}

impl LogState {
    /// The state after entry 0, or none if it is no Leaf (admission has refused that, E-19).
    fn opened(entry: &Entry, step: Step, now: Timestamp) -> Option<Self> {
        let HeadKind::Leaf { inst_no, generation, pk, prior, .. } = entry.head.kind else { return None };
        let leaf = Leaf { generation, pk, admitted_at: now, healed: None, compromised: None };
        Some(Self {
            seq: entry.head.seq,
            head: entry.id(),
            heads: step.heads,
            inst_no,
            prior,
            leaf,
            epoch: None,
            envelopes: 0,
            knows_own: step.knows_own,
            used_keys: Vec::from([key_mark(&pk)]),
        })
    }

    /// The state after `entry`, which was admitted with `step` on top of `before`.
    pub(super) fn after(before: Option<Self>, entry: &Entry, step: Step, now: Timestamp) -> Option<Self> {
        let Some(mut state) = before else { return Self::opened(entry, step, now) };
        state.seq = entry.head.seq;
        state.head = entry.id();
        state.heads = step.heads;
        state.knows_own = state.knows_own.max(step.knows_own);
        match &entry.head.kind {
            HeadKind::Leaf { generation, pk, reason, .. } => state.take_leaf(*generation, *pk, *reason, now),
            HeadKind::Rekey { epoch, generation, pk, .. } => {
                // A Rekey's reason 4 (heal) speaks of its chain; its leaf is fresh whatever the reason (E-38).
                state.take_leaf(*generation, *pk, 0, now);
                state.epoch = Some(Epoch {
                    number: *epoch,
                    rekey: entry.id(),
                    rekey_seq: entry.head.seq,
                    admitted_at: now,
                    next_index: 0,
                    audience: step.sealed.into_iter().collect(),
                });
            }
            HeadKind::KeyGrant { .. } => {
                if let Some(epoch) = &mut state.epoch {
                    epoch.audience.extend(step.sealed);
                }
            }
            HeadKind::Message { index, .. } => {
                if let Some(epoch) = &mut state.epoch {
                    epoch.next_index = index.saturating_add(1);
                }
            }
            HeadKind::GrantEnvelope { .. } => state.envelopes = state.envelopes.saturating_add(1),
            HeadKind::Opaque { .. } => {}
        }
        Some(state)
    }

    fn take_leaf(&mut self, generation: u64, pk: LeafKey, reason: u64, now: Timestamp) {
        let (healed, compromised) = (self.leaf.healed, self.leaf.compromised);
        self.leaf = Leaf {
            generation,
            pk,
            admitted_at: now,
            healed: if reason == 2 { Some(generation) } else { healed },
            compromised: if reason == 3 { Some(generation) } else { compromised },
        };
        if self.used_keys.len() >= limits::LEAF_KEYS_REMEMBERED_MAX {
            self.used_keys.remove(0);
        }
        self.used_keys.push(key_mark(&pk));
    }

    /// By E-24, whether this leaf key was used before in this log. By its first eight bytes and over the last 4,096
    /// keys, so that the record of a log stays within a stored value; everyone judges alike.
    #[must_use]
    pub fn used_before(&self, pk: &LeafKey) -> bool {
        self.used_keys.contains(&key_mark(pk))
    }

    /// Number that the next Rekey must carry (E-24).
    #[must_use]
    pub fn next_epoch(&self) -> u64 {
        self.epoch.as_ref().map_or(0, |epoch| epoch.number.saturating_add(1))
    }

    /// `prev_len` of the next Rekey: the next unused index of the current epoch (E-24).
    #[must_use]
    pub fn next_index(&self) -> u64 {
        self.epoch.as_ref().map_or(0, |epoch| epoch.next_index)
    }
}

fn key_mark(pk: &LeafKey) -> u64 {
    pk.0.first_chunk().map_or(0, |chunk| u64::from_be_bytes(*chunk))
}

/// Where a branch leaves another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Off {
    /// The other branch of the same log.
    pub parent: u8,
    /// First sequence number that differs.
    pub seq: u64,
}

/// One branch of one log: the entries that it does not share with the branch it left, and its state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Branch {
    pub(super) off: Option<Off>,
    /// Ids from `off.seq` (or 0) on, without a hole.
    pub(super) ids: Vec<EntryId>,
    pub(super) state: LogState,
}

impl Branch {
    pub(super) fn start(&self) -> u64 {
        self.off.map_or(0, |off| off.seq)
    }

    /// The id at `seq`, of the entries that are its own.
    pub(super) fn own_id(&self, seq: u64) -> Option<EntryId> {
        let at = usize::try_from(seq.checked_sub(self.start())?).ok()?;
        self.ids.get(at).copied()
    }
}

/// All branches of one log; the first is the one that came first here.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Log {
    pub(super) branches: Vec<Branch>,
}

impl Log {
    pub(super) fn branch(&self, number: u8) -> Option<&Branch> {
        self.branches.get(usize::from(number))
    }

    /// The branches with their numbers.
    pub(super) fn numbered(&self) -> impl Iterator<Item = (u8, &Branch)> {
        (0..).zip(&self.branches)
    }

    /// The id at `seq` on the way from entry 0 to the head of this branch.
    pub(super) fn id_at(&self, mut number: u8, seq: u64) -> Option<EntryId> {
        // A parent has a smaller number, so this ends.
        loop {
            let branch = self.branch(number)?;
            match branch.off {
                Some(off) if seq < off.seq => number = off.parent,
                Some(_) | None => return branch.own_id(seq),
            }
        }
    }

    /// Whether the entry at (`number`, `seq`) lies on the way to the head of `to`.
    pub(super) fn leads_to(&self, number: u8, seq: u64, to: u8) -> bool {
        self.id_at(number, seq).is_some_and(|id| self.id_at(to, seq) == Some(id))
    }

    /// Lowest sequence number at which this branch differs from another; none if there is no other.
    pub(super) fn differs_from(&self, number: u8) -> Option<u64> {
        let own = self.branch(number)?.off.map(|off| off.seq);
        let left = self.branches.iter().filter_map(|branch| branch.off).filter(|off| off.parent == number);
        left.map(|off| off.seq).chain(own).min()
    }

    /// Number of the installation: the highest that one of the branches claims.
    pub(super) fn inst_no(&self) -> u16 {
        self.branches.iter().map(|branch| branch.state.inst_no).max().unwrap_or(0)
    }
}

/// Where an entry is held here. The number of a branch is local: others count in their own order of arrival.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The log.
    pub log: LogId,
    /// Which branch holds it, 0–3.
    pub branch: u8,
    /// Place in the log.
    pub seq: u64,
}
