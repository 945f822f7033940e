//! What an own entry makes of the keys, kept apart until the log has taken the entry (E-26).
//!
//! An author runs admission on its own entry like anybody else. Were a key moved before, a refusal would leave the keys
//! in memory ahead of those on disk, or a chain without the Rekey that starts it.

use alloc::boxed::Box;
use alloc::vec::Vec;

use super::GroupKeys;
use super::ratchet::Chain;
use super::rekey::LeafReason;
use super::secrets::{Held, OwnLeaf, SecretChange};
use crate::ids::{EntryId, MembershipId};
use crate::limits;

/// What an own entry makes of the keys, once it is admitted. Dropped with all its secrets if it is not.
pub struct Staged(pub(super) Next);

pub(super) enum Next {
    /// A Grant changes nothing.
    Same,
    /// A Message moves the chain.
    Step { rekey: EntryId, chain: Chain },
    /// A Leaf.
    Leaf { since: u64, generation: u64, leaf: OwnLeaf, reason: LeafReason },
    /// A Rekey: a chain, a leaf, and whose "compromised" it answered.
    Epoch { rekey: EntryId, held: Box<Held>, generation: u64, leaf: OwnLeaf, answered: Vec<MembershipId> },
}

impl GroupKeys {
    /// An own entry was admitted: what it makes of the keys is in force, and goes into the same batch (E-64).
    pub fn take(&mut self, staged: Staged) -> Vec<SecretChange> {
        match staged.0 {
            Next::Same => Vec::new(),
            Next::Step { rekey, chain } => {
                let Some(held) = self.chains.get_mut(&rekey) else { return Vec::new() };
                held.chain = chain;
                Vec::from([held.put(rekey)])
            }
            Next::Leaf { since, generation, leaf, reason } => {
                let mut changes = self.publish_leaf(since, generation, leaf);
                if reason == LeafReason::Compromised {
                    changes.extend(self.erase_older_leaves());
                }
                changes
            }
            Next::Epoch { rekey, held, generation, leaf, answered } => {
                let since = held.since;
                let mut changes = self.publish_leaf(since, generation, leaf);
                if let Some(old) = self.speaking {
                    changes.extend(self.drop_chain(old));
                }
                changes.push(held.put(rekey));
                self.chains.insert(rekey, *held);
                self.speaking = Some(rekey);
                self.answered.extend(answered.into_iter().map(|mid| (mid, since)));
                self.answered.retain(|_, at| since.saturating_sub(*at) < limits::COMPROMISED_INTERVAL_MS);
                changes
            }
        }
    }
}
