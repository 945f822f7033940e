//! One step's consequences, and the one way to carry them out: commit, then transmit, then tell.
//!
//! A key that is used but not saved before its packet leaves would be used twice after a crash. So nothing leaves
//! before the batch that made it is durable, and nothing is told before that either (E-64, H-11, ST-50). The node's
//! driver and the simulator's host both call [`Effects::apply`]; there is no second order of doing things.

use alloc::vec::Vec;
use bytes::Bytes;

use crate::event::{Event, MemberChange};
use crate::ids::{Channel, GroupId, LinkId, MemberKey, MembershipId, OrderKey};
use crate::limits;
use crate::record::{Record, RecordId};
use crate::wire::Writer;
use crate::wire::frame::Frame;

/// A stored entry begins with its order key (ST-32); the signed bytes follow.
const ORDER_KEY_BYTES: usize = OrderKey::LEN;

/// A change of the store.
#[derive(Debug)]
pub enum Change {
    /// Put a record in place of what was there.
    Put(Record),
    /// Remove a record.
    Erase(RecordId),
}

/// Bytes for a link.
#[derive(Clone, Debug)]
pub enum Transmit {
    /// A whole frame.
    Frame {
        /// To whom.
        link: LinkId,
        /// Header and body.
        bytes: Bytes,
    },
    /// A frame whose items lie in the store: the shell reads them and calls [`Stored::assemble`].
    Stored(Stored),
}

/// A GIVE frame of stored entries.
#[derive(Clone, Debug)]
pub struct Stored {
    /// To whom.
    pub link: LinkId,
    /// The shared group on that link.
    pub slot: u8,
    /// Kind of the frame.
    pub kind: u8,
    /// CBOR items in front of the list of records.
    pub before: Vec<Vec<u8>>,
    /// The records, in order.
    pub records: Vec<RecordId>,
    /// CBOR items behind the list.
    pub after: Vec<Vec<u8>>,
}

impl Stored {
    /// The length of the body that [`Self::assemble`] will make of entries of these sizes. It is exact: what the
    /// sender counts as given and the receiver never sees would narrow the window of the link for ever (N-405).
    pub(crate) fn body_bytes(&self, entries: &[usize]) -> usize {
        let mut room = ROOM_BYTES;
        let fits = |size: &&usize| {
            let left = room.checked_sub(size.saturating_add(5));
            room = left.unwrap_or(room);
            left.is_some()
        };
        let kept: Vec<usize> = entries.iter().take_while(fits).copied().collect();
        let around = self.before.len().saturating_add(self.after.len()).saturating_add(1);
        let given: usize = kept.iter().map(|&size| head_bytes(size).saturating_add(size)).sum();
        let said: usize = self.before.iter().chain(&self.after).map(Vec::len).sum();
        [head_bytes(around), head_bytes(kept.len()), given, said].into_iter().sum()
    }

    /// The frame, from the values of the records as read. Missing ones are left out, and so is what no longer fits.
    #[must_use]
    pub fn assemble(&self, values: Vec<Option<Vec<u8>>>) -> Bytes {
        let mut room = ROOM_BYTES;
        let mut items = Vec::new();
        for entry in values.into_iter().flatten().filter_map(|value| value.get(ORDER_KEY_BYTES..).map(<[u8]>::to_vec)) {
            let size = entry.len().saturating_add(5);
            if size > room {
                break;
            }
            room = room.saturating_sub(size);
            items.push(entry);
        }
        let mut body = Writer::default();
        body.array(self.before.len().saturating_add(self.after.len()).saturating_add(1));
        for item in &self.before {
            body.raw(item);
        }
        body.array(items.len());
        for item in &items {
            body.bytes(item);
        }
        for item in &self.after {
            body.raw(item);
        }
        Frame { kind: self.kind, slot: self.slot, body: Bytes::from(body.into_bytes()) }.to_bytes()
    }
}

/// Entries in one GIVE: its body is at most 64 KiB, and what stands around them is short.
const ROOM_BYTES: usize = 64 * 1_024 - 512;

/// How many bytes CBOR needs to say a length.
const fn head_bytes(length: usize) -> usize {
    match length {
        0..24 => 1,
        24..256 => 2,
        256..65_536 => 3,
        _ => 5,
    }
}

/// What links should do.
#[derive(Clone, Debug)]
pub enum LinkAction {
    /// Open a stream to somebody.
    Dial {
        /// Whose node; unknown for an address out of a link or `--via`.
        peer: Option<MemberKey>,
        /// What for.
        channel: Channel,
        /// Binary multiaddrs to try, best first.
        addresses: Vec<Vec<u8>>,
        /// Where the addresses come from.
        source: AddressSource,
    },
    /// Close a stream; with `block_ms` > 0 also refuse that peer for so long (N-211).
    HangUp {
        /// Which.
        link: LinkId,
        /// How long to refuse its peer.
        block_ms: u64,
    },
    /// Who may reach what from now on; replaces the table (N-201).
    Classes(Vec<(MemberKey, Class)>),
}

/// Who vouches for an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AddressSource {
    /// The person gave it: dialled as it is, loopback and private ones included (N-809).
    Person,
    /// Learned from a member's record or the local network; already filtered by the core.
    Learned,
}

/// What a peer may reach.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Class {
    /// In the roster of a shared group.
    Member,
    /// A candidate without keys: membership only.
    Waiting,
}

/// One step's consequences. Fields are private: only [`Effects::apply`] and [`Effects::merge`] consume them.
#[must_use = "effects that are not applied leave memory ahead of the disk"]
#[derive(Debug, Default)]
pub struct Effects {
    changes: Vec<Change>,
    transmits: Vec<Transmit>,
    links: Vec<LinkAction>,
    events: Vec<Event>,
    reads: Vec<RecordId>,
}

/// The machine round the core: a disk, links, faces.
pub trait Shell {
    /// What can go wrong with the disk.
    type Error;
    /// All or nothing, durable on return.
    ///
    /// # Errors
    /// Then nothing else of this step happens, and the account must be restored from the store (H-12).
    fn commit(&mut self, changes: Vec<Change>) -> Result<(), Self::Error>;
    /// Sends a frame.
    fn transmit(&mut self, transmit: Transmit);
    /// Dials, hangs up, opens or shuts the gate.
    fn link(&mut self, action: LinkAction);
    /// Tells the faces.
    fn emit(&mut self, event: Event);
    /// Reads a record and hands it back as `Input::Loaded` in a later step.
    fn read(&mut self, id: RecordId);
}

impl Effects {
    /// A record takes the place of what was there.
    pub(crate) fn put(&mut self, record: Record) {
        self.changes.push(Change::Put(record));
    }

    /// A record goes.
    pub(crate) fn erase(&mut self, id: RecordId) {
        self.changes.push(Change::Erase(id));
    }

    /// A frame goes out, once everything here is durable.
    pub(crate) fn send(&mut self, link: LinkId, frame: &Frame) {
        self.transmits.push(Transmit::Frame { link, bytes: frame.to_bytes() });
    }

    /// Stored entries go out.
    pub(crate) fn send_stored(&mut self, stored: Stored) {
        self.transmits.push(Transmit::Stored(stored));
    }

    /// A link does something.
    pub(crate) fn link(&mut self, action: LinkAction) {
        self.links.push(action);
    }

    /// A face learns something.
    pub(crate) fn emit(&mut self, event: Event) {
        self.events.push(event);
    }

    /// Who took a seat in this step, and where.
    pub(crate) fn joined(&self) -> Vec<(GroupId, MembershipId)> {
        let joined = |event: &Event| {
            let Event::Member { group, member, change: MemberChange::Joined } = event else { return None };
            Some((*group, *member))
        };
        self.events.iter().filter_map(joined).collect()
    }

    /// A record is wanted back.
    pub(crate) fn read(&mut self, id: RecordId) {
        self.reads.push(id);
    }

    /// How many changes of the store are in here; a driver merges steps only below the limit of a batch.
    #[must_use]
    pub fn change_count(&self) -> usize {
        self.changes.len()
    }

    /// Bytes of the values to be stored.
    #[must_use]
    pub fn change_bytes(&self) -> usize {
        self.changes
            .iter()
            .map(|change| match change {
                Change::Put(record) => record.bytes.len().saturating_add(128),
                Change::Erase(_) => 64,
            })
            .sum()
    }

    /// Whether a further step may be merged into this one's batch (R-4, ST-14).
    #[must_use]
    pub fn has_room(&self) -> bool {
        self.change_count() < limits::BATCH_CHANGES_MAX / 2 && self.change_bytes() < limits::BATCH_BYTES_MAX / 2
    }

    /// Takes a later step's consequences in, behind these.
    pub fn merge(&mut self, later: Self) {
        self.changes.extend(later.changes);
        self.transmits.extend(later.transmits);
        self.links.extend(later.links);
        self.events.extend(later.events);
        self.reads.extend(later.reads);
    }

    /// Whether nothing follows.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty()
            && self.transmits.is_empty()
            && self.links.is_empty()
            && self.events.is_empty()
            && self.reads.is_empty()
    }

    /// Commit → transmit and link → emit → read.
    ///
    /// # Errors
    /// As [`Shell::commit`]; then nothing was sent or told.
    pub fn apply<S: Shell>(mut self, shell: &mut S) -> Result<(), S::Error> {
        if planted!(TransmitBeforeCommit) {
            self.transmits.drain(..).for_each(|transmit| shell.transmit(transmit));
        }
        if !self.changes.is_empty() {
            shell.commit(self.changes)?;
        }
        self.transmits.into_iter().for_each(|transmit| shell.transmit(transmit));
        self.links.into_iter().for_each(|action| shell.link(action));
        self.events.into_iter().for_each(|event| shell.emit(event));
        self.reads.into_iter().for_each(|id| shell.read(id));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;

    /// Notes what it is asked for, in order; its disk is full if so wished.
    #[derive(Default)]
    struct Notes {
        full: bool,
        asked: Vec<&'static str>,
    }

    impl Shell for Notes {
        type Error = ();
        fn commit(&mut self, _: Vec<Change>) -> Result<(), ()> {
            self.asked.push("commit");
            if self.full { Err(()) } else { Ok(()) }
        }
        fn transmit(&mut self, _: Transmit) {
            self.asked.push("transmit");
        }
        fn link(&mut self, _: LinkAction) {
            self.asked.push("link");
        }
        fn emit(&mut self, _: Event) {
            self.asked.push("emit");
        }
        fn read(&mut self, _: RecordId) {
            self.asked.push("read");
        }
    }

    #[test]
    fn a_step_is_saved_then_sent_then_told_and_what_was_not_saved_is_neither() {
        let step = || {
            let mut effects = Effects::default();
            effects.emit(Event::GroupGone(GroupId([1; 32])));
            effects.read(RecordId::Draft { g: 1 });
            effects.transmits.push(Transmit::Frame { link: LinkId(1), bytes: Bytes::new() });
            effects.link(LinkAction::Classes(Vec::new()));
            effects.erase(RecordId::Draft { g: 1 });
            effects
        };
        let (mut good, mut full) = (Notes::default(), Notes { full: true, ..Notes::default() });
        assert_eq!(step().apply(&mut good), Ok(()));
        assert_eq!(good.asked, ["commit", "transmit", "link", "emit", "read"]);
        assert_eq!(step().apply(&mut full), Err(()));
        assert_eq!(full.asked, ["commit"]);
        // Steps of one batch are saved together before anything of any goes out.
        let mut two = step();
        two.merge(step());
        let mut batch = Notes::default();
        assert_eq!(two.apply(&mut batch), Ok(()));
        assert_eq!(batch.asked.iter().filter(|word| **word == "commit").count(), 1);
        assert_eq!(batch.asked.first(), Some(&"commit"));
    }

    #[test]
    fn n_405_the_size_that_is_counted_is_the_size_that_goes_out() {
        for sizes in
            [vec![], vec![1], vec![23, 24, 255, 256], vec![8_388; 7], vec![8_388; 9], vec![60_000; 2], vec![90; 30]]
        {
            let values = sizes.iter().map(|&size| Some(vec![7; ORDER_KEY_BYTES + size])).collect();
            let stored = Stored {
                link: LinkId(1),
                slot: 1,
                kind: 0x25,
                before: vec![vec![1], vec![0x42, 1, 2]],
                records: Vec::new(),
                after: vec![vec![0xf5]],
            };
            let sent = Frame::from_bytes(&stored.assemble(values)).unwrap();
            assert_eq!(sent.body.len(), stored.body_bytes(&sizes), "{sizes:?}");
        }
    }
}
