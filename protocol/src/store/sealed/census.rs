//! What should be there, and what is known to be damaged.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;

use crate::crypto::derive;
use crate::limits::DAMAGED_KEYS_MAX;
use crate::record::{Key, MetaName, RecordId};

/// How many records of a kind, and the XOR of a hash of each.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Tally {
    pub(super) count: u64,
    xor: [u8; 16],
}

/// The tallies of all kinds but of the two records that the sealing itself keeps.
#[derive(Clone, Default, PartialEq, Eq)]
pub(super) struct Census(pub(super) BTreeMap<u8, Tally>);

const TALLY_BYTES: usize = 1 + 8 + 16;
const COMMITS_BYTES: usize = 8;

impl Census {
    pub(super) fn count(&mut self, key: &Key, stored: &[u8], step: Step) {
        if is_own(key) {
            return;
        }
        let tally = self.0.entry(key.kind_number().unwrap_or_default()).or_default();
        tally.count = match step {
            Step::Came => tally.count.saturating_add(1),
            Step::Went => tally.count.saturating_sub(1),
        };
        let print = derive::sha256(&[b"coterie/census/1", key.as_bytes(), stored].concat());
        tally.xor.iter_mut().zip(print.0).for_each(|(to, from)| *to ^= from);
    }

    pub(super) fn of(&self, kind: u8) -> Tally {
        self.0.get(&kind).copied().unwrap_or_default()
    }

    /// The rows, and behind them how many batches were committed so far.
    pub(super) fn to_bytes(&self, commits: u64) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(self.0.len().saturating_mul(TALLY_BYTES).saturating_add(COMMITS_BYTES));
        for (kind, tally) in self.0.iter().filter(|(_, tally)| **tally != Tally::default()) {
            bytes.push(*kind);
            bytes.extend_from_slice(&tally.count.to_be_bytes());
            bytes.extend_from_slice(&tally.xor);
        }
        bytes.extend_from_slice(&commits.to_be_bytes());
        bytes
    }

    /// The census and the number of commits; stores of before that number was kept have none.
    pub(super) fn from_bytes(bytes: &[u8]) -> Option<(Self, u64)> {
        let mut census = Self::default();
        let (rows, commits) = if bytes.len() % TALLY_BYTES == COMMITS_BYTES {
            let (rows, commits) = bytes.split_last_chunk()?;
            (rows, u64::from_be_bytes(*commits))
        } else {
            (bytes, 0)
        };
        for row in rows.chunks(TALLY_BYTES) {
            let (&[kind], rest) = row.split_first_chunk::<1>()?;
            let (count, xor) = rest.split_first_chunk()?;
            census.0.insert(kind, Tally { count: u64::from_be_bytes(*count), xor: xor.try_into().ok()? });
        }
        Some((census, commits))
    }
}

#[derive(Clone, Copy)]
pub(super) enum Step {
    Came,
    Went,
}

/// Whether it is one of the two records that the sealing itself keeps.
pub(super) fn is_own(key: &Key) -> bool {
    [MetaName::Census, MetaName::Damage].iter().any(|name| RecordId::meta(*name).key() == *key)
}

/// Keys whose values are known not to open.
#[derive(Default)]
pub(super) struct Damage {
    pub(super) keys: BTreeSet<Key>,
    pub(super) changed: bool,
}

impl Damage {
    pub(super) fn note(&mut self, key: &Key) {
        if self.keys.len() < DAMAGED_KEYS_MAX && self.keys.insert(*key) {
            self.changed = true;
        }
    }

    pub(super) fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        for key in &self.keys {
            bytes.push(u8::try_from(key.as_bytes().len()).unwrap_or(u8::MAX));
            bytes.extend_from_slice(key.as_bytes());
        }
        bytes
    }

    pub(super) fn from_bytes(mut bytes: &[u8]) -> Self {
        let mut keys = BTreeSet::new();
        while let Some((&len, rest)) = bytes.split_first() {
            let Some((key, rest)) = rest.split_at_checked(usize::from(len)) else { break };
            keys.extend(Key::new(key));
            bytes = rest;
        }
        Self { keys, changed: false }
    }
}
