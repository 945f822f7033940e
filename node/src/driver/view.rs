//! What a question may look at: the account, the stored lines, and what the driver knows itself.

use std::collections::BTreeMap;

use coterie_protocol::{Account, Store, Usage};

use super::recovery::Health;
use super::{Driver, handle::Question};
use crate::clock::Stopwatch;
use crate::store::Home;

/// What `status` says about the process.
#[derive(Clone, Debug)]
pub(crate) struct NodeFacts {
    /// The profile.
    pub(crate) profile: String,
    /// When the process began to be a node.
    pub(crate) started: Stopwatch,
    /// Refused by the network, by reason.
    pub(crate) refused: BTreeMap<&'static str, u64>,
}

impl NodeFacts {
    pub(super) fn count_refused(&mut self, reason: &'static str) {
        *self.refused.entry(reason).or_default() += 1;
    }
}

/// The durable state at one event position.
pub(crate) struct View<'a> {
    /// The account.
    pub(crate) account: &'a Account,
    /// Its records.
    pub(crate) store: &'a dyn Store,
    /// The folder.
    pub(crate) home: &'a Home,
    /// The process.
    pub(crate) facts: &'a NodeFacts,
    /// The disk.
    pub(crate) health: Health,
    /// Whether the node has an address to be reached at.
    pub(crate) listening: &'a [Vec<u8>],
    /// The event position that this state includes (AP-17).
    pub(crate) position: String,
}

impl View<'_> {
    /// Free bytes on the disk; none if the system does not say.
    pub(crate) fn free_bytes(&self) -> Option<u64> {
        self.home.directory().free_bytes().ok()
    }

    /// What the store takes.
    pub(crate) fn usage(&self) -> Option<Usage> {
        self.store.usage().ok()
    }
}

impl Driver {
    pub(super) fn view(&self) -> Option<View<'_>> {
        Some(View {
            account: self.account.as_ref()?,
            store: self.store.as_ref()?,
            home: &self.home,
            facts: &self.facts,
            health: self.recovery.health(),
            listening: &self.listening,
            position: self.hub.position(),
        })
    }

    /// A question that panics takes nothing with it: it only looked.
    pub(super) fn answer(&self, question: Question) {
        let asking = std::panic::AssertUnwindSafe(|| question(self.view().as_ref()));
        if std::panic::catch_unwind(asking).is_err() {
            tracing::error!("a question panicked");
        }
    }
}
