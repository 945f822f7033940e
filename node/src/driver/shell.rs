//! What carries effects out: one batch to the store, frames and orders to the network, events and reads for later.

use coterie_protocol::{
    AddressSource, Batch, Change, Event, GateClass, Input, LinkAction, RecordId, Shell, Store, StoreError, Stored,
    Transmit,
};
use tokio::sync::mpsc;

use super::keeping::{Touch, touches_rescue};
use crate::network::{self, ToNetwork};
use crate::search::Mark;
use crate::store::NodeStore;

/// A commit of at most this much may use up part of the room that is held back: log heads, erased keys (ST-83).
const ESSENTIAL_BYTES_MAX: usize = 64 << 10;

/// The changes of one or more steps as one batch.
pub(crate) fn batch(changes: Vec<Change>) -> Batch {
    let mut batch = Batch::default();
    for change in changes {
        match change {
            Change::Put(record) => batch.put(record.id.key(), record.bytes),
            Change::Erase(id) => batch.erase(id.key()),
        }
    }
    // A used key must go even when there is hardly any room.
    if batch.size_bytes() <= ESSENTIAL_BYTES_MAX && batch.iter().any(|(_, value)| value.is_none()) {
        batch.mark_essential();
    }
    batch
}

/// The place in a timeline that a change is about.
const fn line_of(change: &Change) -> Option<Mark> {
    let id = match change {
        Change::Put(record) => record.id,
        Change::Erase(id) => *id,
    };
    match id {
        RecordId::View { g, order } => Some((g, order)),
        _ => None,
    }
}

/// One application of effects.
pub(super) struct Outlet<'a> {
    store: &'a mut NodeStore,
    network: &'a mpsc::Sender<ToNetwork>,
    events: Vec<Event>,
    loaded: Vec<Input>,
    /// What the changes mean for the rescue file.
    touched: Touch,
    /// Lines of timelines that were written or erased, for who searches in them.
    lines: Vec<Mark>,
    #[cfg(test)]
    fault: Option<StoreError>,
}

impl<'a> Outlet<'a> {
    pub(super) const fn new(store: &'a mut NodeStore, network: &'a mpsc::Sender<ToNetwork>) -> Self {
        Self {
            store,
            network,
            events: Vec::new(),
            loaded: Vec::new(),
            touched: Touch::None,
            lines: Vec::new(),
            #[cfg(test)]
            fault: None,
        }
    }

    /// Lets the commit fail without touching the disk.
    #[cfg(test)]
    pub(super) const fn fail_with(&mut self, fault: Option<StoreError>) {
        self.fault = fault;
    }

    /// Lines of timelines that changed.
    pub(super) fn take_lines(&mut self) -> Vec<Mark> {
        std::mem::take(&mut self.lines)
    }

    /// What is to be told, what was read, and what it means for the rescue file.
    pub(super) fn into_rest(self) -> (Vec<Event>, Vec<Input>, Touch) {
        (self.events, self.loaded, self.touched)
    }

    fn order(&self, order: ToNetwork) {
        if self.network.blocking_send(order).is_err() {
            tracing::debug!("the network is gone");
        }
    }

    /// A damaged value is an absent one (ST-91); an engine that failed says so at the next commit.
    fn read_value(&self, id: RecordId) -> Option<Vec<u8>> {
        self.store.get(&id.key()).unwrap_or_else(|error| {
            tracing::warn!(%error, kind = id.kind().name(), "a record could not be read");
            None
        })
    }

    fn send_stored(&self, stored: &Stored) {
        let values = stored.records.iter().map(|id| self.read_value(*id)).collect();
        self.order(ToNetwork::Send { link: stored.link, frame: stored.assemble(values) });
    }
}

impl Shell for Outlet<'_> {
    type Error = StoreError;

    fn commit(&mut self, changes: Vec<Change>) -> Result<(), StoreError> {
        #[cfg(test)]
        if let Some(fault) = self.fault.take() {
            return Err(fault);
        }
        self.touched = touches_rescue(&changes);
        self.lines = changes.iter().filter_map(line_of).collect();
        self.store.commit(&batch(changes))
    }

    fn transmit(&mut self, transmit: Transmit) {
        match transmit {
            Transmit::Frame { link, bytes } => self.order(ToNetwork::Send { link, frame: bytes }),
            Transmit::Stored(stored) => self.send_stored(&stored),
        }
    }

    fn link(&mut self, action: LinkAction) {
        self.order(match action {
            LinkAction::Dial { peer, channel, addresses, source } => {
                let source = match source {
                    AddressSource::Person => network::AddressSource::Person,
                    AddressSource::Learned => network::AddressSource::Learned,
                };
                ToNetwork::Dial { peer, channel, addresses, source }
            }
            LinkAction::HangUp { link, block_ms } => ToNetwork::HangUp { link, block_ms },
            LinkAction::Classes(classes) => ToNetwork::Classes(
                classes
                    .into_iter()
                    .map(|(member, class)| match class {
                        GateClass::Member => (member, network::Class::Member),
                        GateClass::Waiting => (member, network::Class::Waiting),
                    })
                    .collect(),
            ),
        });
    }

    fn emit(&mut self, event: Event) {
        self.events.push(event);
    }

    fn read(&mut self, id: RecordId) {
        let bytes = self.read_value(id);
        self.loaded.push(Input::Loaded { id, bytes });
    }
}
