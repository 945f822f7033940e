//! A new installation takes over from the one before (E-09, E-10): its leaf secrets go, its chains are for reading only.

use alloc::vec::Vec;

use super::GroupKeys;
use super::secrets::{Replaced, SecretChange};
use crate::ids::LogId;
use crate::limits;
use crate::time::Timestamp;

impl GroupKeys {
    /// Nothing more is sealed under the chain that was restored: it is another installation's.
    pub fn silence(&mut self) {
        self.speaking = None;
    }

    /// From here on these are the keys of the log `own`, numbered `inst_no`, which is about to be opened. Every leaf
    /// secret is erased; the own chains of before end like replaced ones (E-45), the others stay as they are.
    pub fn succeed(&mut self, now: Timestamp, own: LogId, inst_no: u16) -> Vec<SecretChange> {
        let since = self.clock.read(now);
        let generations: Vec<u64> = self.leaves.keys().copied().collect();
        let mut changes = self.erase_leaves(generations);
        (self.own, self.inst_no, self.speaking) = (own, inst_no, None);
        for (&rekey, held) in &mut self.chains {
            if held.log.mid == own.mid && held.replaced.is_none() {
                held.replaced = Some(Replaced { len: limits::EPOCH_MESSAGES_MAX, since });
                changes.push(held.put(rekey));
            }
        }
        changes
    }
}
