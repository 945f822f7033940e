//! Entries that wait for an author, a predecessor or membership operations (HOLD, E-27).
//!
//! Bounded three ways (E-76): per author, per peer that gave them, in all; the oldest goes first, and sync brings it
//! back. What waits for a thing is marked ready when the thing comes, so that an arrival costs what it concerns, not
//! the size of the pool.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;

use super::entry::Entry;
use super::state::Place;
use crate::crypto::sign::{Signed, Verified};
use crate::ids::{EntryId, LogId, MemberKey, MembershipId, OperationId};
use crate::limits;

/// What an entry waits for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Missing {
    /// The membership of its author is unknown here.
    Author(MembershipId),
    /// The entry before it.
    Predecessor {
        /// In this log.
        log: LogId,
        /// At this place.
        seq: u64,
        /// With this id.
        eid: EntryId,
    },
    /// Membership operations at or before its heads.
    Operations(Vec<OperationId>),
    /// It leaves its log inside: the stored entries up to here are needed once more ([`super::Logs::rebuild`]).
    Prefix(Place),
}

/// An entry, and whether its signature was checked.
pub(super) enum Proof {
    Unchecked(Signed<Entry>),
    Checked(Verified<Entry>),
}

impl Proof {
    pub(super) fn entry(&self) -> &Entry {
        match self {
            Self::Unchecked(entry) => entry.peek(),
            Self::Checked(entry) => entry,
        }
    }
}

/// One waiting entry.
pub(super) struct Held {
    pub(super) proof: Proof,
    pub(super) need: Missing,
    /// Who gave it; none if it came from the own store.
    pub(super) giver: Option<MemberKey>,
    pub(super) bytes: usize,
}

/// The pool.
#[derive(Default)]
pub(super) struct Pending {
    /// By number of arrival: oldest first.
    held: BTreeMap<u64, Held>,
    arrivals: u64,
    bytes: usize,
    by_id: BTreeSet<(EntryId, u64)>,
    by_place: BTreeSet<(LogId, u64, u64)>,
    by_author: BTreeMap<MembershipId, BTreeSet<u64>>,
    by_giver: BTreeMap<Option<MemberKey>, Given>,
    ready: BTreeSet<(LogId, u64, u64)>,
    /// Those that wait for a state inside a log.
    prefixes: BTreeSet<u64>,
}

#[derive(Default)]
struct Given {
    bytes: usize,
    numbers: BTreeSet<u64>,
}

impl Pending {
    /// What a proved copy of this entry waits for, if one is here.
    pub(super) fn proved_need(&self, eid: &EntryId) -> Option<&Missing> {
        self.numbers(eid).filter_map(|number| self.held.get(&number)).find_map(|held| match held.proof {
            Proof::Checked(_) => Some(&held.need),
            Proof::Unchecked(_) => None,
        })
    }

    fn numbers(&self, eid: &EntryId) -> impl Iterator<Item = u64> + '_ {
        self.by_id.range((*eid, 0)..=(*eid, u64::MAX)).map(|&(_, number)| number)
    }

    /// Takes an entry in; the oldest go if a bound is passed. An unchecked copy of the same bytes is taken once.
    pub(super) fn hold(&mut self, held: Held) {
        let (eid, sig) = (held.proof.entry().id(), held.proof.entry().sig);
        let twin = |other: &Held| other.proof.entry().sig == sig;
        if self.numbers(&eid).filter_map(|number| self.held.get(&number)).any(twin) {
            return;
        }
        let number = self.arrivals;
        self.arrivals = self.arrivals.saturating_add(1);
        self.put(number, held);
    }

    /// Puts back under its number what still waits: it keeps its age.
    pub(super) fn put(&mut self, number: u64, held: Held) {
        let (log, seq) = (held.proof.entry().log, held.proof.entry().head.seq);
        self.bytes = self.bytes.saturating_add(held.bytes);
        self.by_id.insert((held.proof.entry().id(), number));
        self.by_place.insert((log, seq, number));
        self.by_author.entry(log.mid).or_default().insert(number);
        let given = self.by_giver.entry(held.giver).or_default();
        given.bytes = given.bytes.saturating_add(held.bytes);
        given.numbers.insert(number);
        if matches!(held.need, Missing::Prefix(_)) {
            self.prefixes.insert(number);
        }
        let giver = held.giver;
        self.held.insert(number, held);
        self.shrink(&log.mid, giver);
    }

    /// Rule E-76.
    fn shrink(&mut self, author: &MembershipId, giver: Option<MemberKey>) {
        while let Some(oldest) = self.by_author.get(author).and_then(over) {
            self.take(oldest);
        }
        while let Some(oldest) = self.by_giver.get(&giver).and_then(Given::over) {
            self.take(oldest);
        }
        while self.bytes > limits::HELD_BYTES_MAX {
            let Some((&oldest, _)) = self.held.first_key_value() else { break };
            self.take(oldest);
        }
    }

    fn take(&mut self, number: u64) -> Option<Held> {
        let held = self.held.remove(&number)?;
        let (log, seq) = (held.proof.entry().log, held.proof.entry().head.seq);
        self.bytes = self.bytes.saturating_sub(held.bytes);
        self.by_id.remove(&(held.proof.entry().id(), number));
        self.by_place.remove(&(log, seq, number));
        self.ready.remove(&(log, seq, number));
        self.prefixes.remove(&number);
        if let Some(numbers) = self.by_author.get_mut(&log.mid) {
            numbers.remove(&number);
            if numbers.is_empty() {
                self.by_author.remove(&log.mid);
            }
        }
        if let Some(given) = self.by_giver.get_mut(&held.giver) {
            given.numbers.remove(&number);
            given.bytes = given.bytes.saturating_sub(held.bytes);
            if given.numbers.is_empty() {
                self.by_giver.remove(&held.giver);
            }
        }
        Some(held)
    }

    /// The entry at (`log`, `seq`) came or was refused: those behind it are ready.
    pub(super) fn wake_after(&mut self, log: LogId, seq: u64) {
        let next = seq.saturating_add(1);
        let behind = self.by_place.range((log, next, 0)..=(log, next, u64::MAX)).copied();
        self.ready.extend(behind);
    }

    /// Everything whose need is such a one is ready.
    pub(super) fn wake_where(&mut self, is_met: impl Fn(&Missing) -> bool) {
        for (&number, held) in self.held.iter().filter(|(_, held)| is_met(&held.need)) {
            let entry = held.proof.entry();
            self.ready.insert((entry.log, entry.head.seq, number));
        }
    }

    /// Takes the next ready one: log by log, lowest sequence number first.
    pub(super) fn take_ready(&mut self) -> Option<(u64, Held)> {
        while let Some((_, _, number)) = self.ready.pop_first() {
            if let Some(held) = self.take(number) {
                return Some((number, held));
            }
        }
        None
    }

    pub(super) fn has_ready(&self) -> bool {
        !self.ready.is_empty()
    }

    /// The places whose state is waited for, the oldest wait first.
    pub(super) fn prefixes(&self) -> impl Iterator<Item = Place> + '_ {
        self.prefixes.iter().filter_map(|number| match self.held.get(number)?.need {
            Missing::Prefix(place) => Some(place),
            Missing::Author(_) | Missing::Predecessor { .. } | Missing::Operations(_) => None,
        })
    }

    /// All that wait, oldest first.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Held> {
        self.held.values()
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.held.len()
    }
}

impl Given {
    fn over(&self) -> Option<u64> {
        (self.bytes > limits::HELD_PER_GIVER_BYTES_MAX).then(|| self.numbers.first().copied()).flatten()
    }
}

fn over(numbers: &BTreeSet<u64>) -> Option<u64> {
    (numbers.len() > limits::HELD_PER_AUTHOR_MAX).then(|| numbers.first().copied()).flatten()
}
