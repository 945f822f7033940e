//! What a question may look at: the account, the stored lines, and what the driver knows itself.

use std::collections::BTreeMap;

use coterie_protocol::{Account, RecordId, Store, StoreError, Usage};

use super::diagnosis::Told;
use super::recovery::Health;
use super::{Driver, handle::Question};
use crate::clock::Stopwatch;
use crate::media::Shelf;
use crate::store::{Home, NodeStore};

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
    pub(crate) store: &'a NodeStore,
    /// The folder.
    pub(crate) home: &'a Home,
    /// Files, as far as they are here.
    pub(crate) shelf: &'a Shelf,
    /// The process.
    pub(crate) facts: &'a NodeFacts,
    /// The disk.
    pub(crate) health: Health,
    /// What was found wrong with the store.
    pub(crate) troubles: Vec<Told>,
    /// Whether the node has an address to be reached at.
    pub(crate) listening: &'a [Vec<u8>],
    /// The event position that this state includes (AP-17).
    pub(crate) position: String,
}

impl View<'_> {
    /// Whether the store still answers. A damaged record does not end it, a disk that refuses does (ST-15).
    pub(crate) fn is_readable(&self) -> bool {
        is_readable(self.store)
    }

    /// Free bytes on the disk; none if the system does not say.
    pub(crate) fn free_bytes(&self) -> Option<u64> {
        self.home.directory().free_bytes().ok()
    }

    /// What the store takes on the disk; unlike [`Self::usage`], without a look at every record.
    pub(crate) fn disk_bytes(&self) -> u64 {
        self.store.engine().disk_bytes().unwrap_or(0)
    }

    /// What lies in the store. Reads all of it: for reports, not for a loop.
    pub(crate) fn usage(&self) -> Option<Usage> {
        self.store.usage().ok()
    }
}

fn is_readable(store: &NodeStore) -> bool {
    let probe = store.get(&RecordId::profile().key());
    !matches!(probe, Err(StoreError::Failed | StoreError::Io { .. }))
}

impl Driver {
    /// Opens a store again that failed while it was read: the engine writes then, too.
    pub(super) fn mend_reading(&mut self) {
        if self.recovery.is_sound() && self.is_settled() && self.has_failed_reading() {
            drop(self.on_commit_failed(StoreError::Failed));
        }
    }

    pub(super) fn has_failed_reading(&self) -> bool {
        self.store.as_ref().is_some_and(|store| !is_readable(store))
    }

    pub(super) fn view(&self) -> Option<View<'_>> {
        Some(View {
            account: self.account.as_ref()?,
            store: self.store.as_ref()?,
            home: &self.home,
            shelf: &self.shelf,
            facts: &self.facts,
            health: self.recovery.health(),
            troubles: self.diagnosis.told(),
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
