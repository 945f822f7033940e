//! What lies round the core during one step: the store takes the batch, everything else waits for it (ST-50).

use coterie_protocol::{
    Change, CommandError, Event, FaultStore, LinkAction, Record, RecordId, Reply, SealedStore, Shell, Store,
    StoreError, Transmit,
};

use super::Purpose;

/// What a step of the core led to; held back until the disk is done.
#[derive(Default)]
pub struct Consequences {
    /// What was written.
    pub changes: Vec<Noted>,
    /// Frames to send.
    pub transmits: Vec<Transmit>,
    /// Dials, hang-ups, gates.
    pub links: Vec<LinkAction>,
    /// For faces.
    pub events: Vec<Event>,
    pub(super) reads: Vec<RecordId>,
    /// Answers to wishes.
    pub answers: Vec<(Purpose, Result<Reply, CommandError>)>,
    /// Bytes that came in by links, for the bound on what goes out.
    pub bytes_in: usize,
}

/// A change of the store, as the oracle sees it.
pub enum Noted {
    /// A record was written.
    Put(Record),
    /// A record is gone.
    Erase(RecordId),
}
/// The machine round the core during one `apply`.
pub(super) struct Desk<'a> {
    pub(super) store: &'a mut SealedStore<FaultStore>,
    pub(super) done: Consequences,
}

impl Shell for Desk<'_> {
    type Error = StoreError;

    fn commit(&mut self, changes: Vec<Change>) -> Result<(), StoreError> {
        let mut batch = coterie_protocol::Batch::default();
        for change in changes {
            match change {
                Change::Put(record) => {
                    batch.put(record.id.key(), record.bytes.clone());
                    self.done.changes.push(Noted::Put(record));
                }
                Change::Erase(id) => {
                    batch.erase(id.key());
                    self.done.changes.push(Noted::Erase(id));
                }
            }
        }
        self.store.commit(&batch)
    }

    fn transmit(&mut self, transmit: Transmit) {
        self.done.transmits.push(transmit);
    }

    fn link(&mut self, action: LinkAction) {
        self.done.links.push(action);
    }

    fn emit(&mut self, event: Event) {
        self.done.events.push(event);
    }

    fn read(&mut self, id: RecordId) {
        self.done.reads.push(id);
    }
}
