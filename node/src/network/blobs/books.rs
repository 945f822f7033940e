//! How many blob streams there are, with whom and on which connection, and what ends them early (N-1203).
//!
//! The books outlive a swarm. A slot is taken before a stream exists, so that openings under way count too, and is given
//! back by its drop. Whoever is cut loses slot and stream at once, whether the stream's holder is looking or not.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use libp2p::PeerId;
use libp2p::swarm::ConnectionId;
use tokio::sync::mpsc;

use super::IncomingBlob;
use super::stream::Core;
use crate::network::Opener;
use crate::network::limits::{BLOBS_IN_MAX, BLOBS_IN_PER_PERSON_MAX, BLOBS_OUT_MAX, BLOBS_OUT_PER_PERSON_MAX};

/// All blob streams of this node.
#[derive(Debug, Default)]
pub(in crate::network) struct Books {
    pages: Mutex<Pages>,
}

#[derive(Debug, Default)]
struct Pages {
    /// Who takes inbound streams; without one they are refused.
    taker: Option<mpsc::Sender<IncomingBlob>>,
    next: u64,
    taken: BTreeMap<u64, Entry>,
}

#[derive(Debug)]
struct Entry {
    peer: PeerId,
    connection: ConnectionId,
    opener: Opener,
    /// Nothing while it is being opened.
    core: Weak<Core>,
}

/// The right to one stream, until dropped.
#[derive(Debug)]
pub(in crate::network) struct Slot {
    books: Arc<Books>,
    number: u64,
}

impl Books {
    /// From now on inbound streams go here, and no longer to whoever took them before.
    pub(in crate::network) fn take(&self) -> mpsc::Receiver<IncomingBlob> {
        // Slots bound what waits here, so there is always room.
        let (sender, receiver) = mpsc::channel(BLOBS_IN_MAX);
        self.pages().taker = Some(sender);
        receiver
    }

    /// Who takes inbound streams now.
    pub(super) fn taker(&self) -> Option<mpsc::Sender<IncomingBlob>> {
        self.pages().taker.clone().filter(|taker| !taker.is_closed())
    }

    /// A slot for one more stream, if there is one left.
    ///
    /// Rule N-1203: of inbound streams two of one person and six in all, so that serving attachments never costs more
    /// than that; of our own four with one person and 32 in all (eight sources with four each).
    pub(in crate::network) fn slot(
        self: &Arc<Self>,
        peer: PeerId,
        connection: ConnectionId,
        opener: Opener,
    ) -> Option<Slot> {
        let (person_max, all_max) = match opener {
            Opener::Peer => (BLOBS_IN_PER_PERSON_MAX, BLOBS_IN_MAX),
            Opener::Us => (BLOBS_OUT_PER_PERSON_MAX, BLOBS_OUT_MAX),
        };
        let mut pages = self.pages();
        let same = || pages.taken.values().filter(|entry| entry.opener == opener);
        if same().count() >= all_max || same().filter(|entry| entry.peer == peer).count() >= person_max {
            return None;
        }
        let number = pages.next;
        pages.next = number.saturating_add(1);
        pages.taken.insert(number, Entry { peer, connection, opener, core: Weak::new() });
        Some(Slot { books: Arc::clone(self), number })
    }

    /// Ends every stream that `ends` takes, also those that are still being opened.
    pub(in crate::network) fn cut(&self, ends: impl Fn(&PeerId, &ConnectionId) -> bool) {
        let mut cut = Vec::new();
        self.pages().taken.retain(|_, entry| {
            let stays = !ends(&entry.peer, &entry.connection);
            if !stays {
                cut.extend(entry.core.upgrade());
            }
            stays
        });
        // Without the lock: an end gives its slot back.
        for core in cut {
            core.end();
        }
    }

    /// Whether a connection carries a blob stream, or is about to (N-309).
    pub(in crate::network) fn uses(&self, connection: ConnectionId) -> bool {
        self.pages().taken.values().any(|entry| entry.connection == connection)
    }

    fn pages(&self) -> MutexGuard<'_, Pages> {
        self.pages.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Slot {
    /// Names the stream that has the slot; `false` if it was cut meanwhile.
    pub(super) fn fill(&self, core: &Arc<Core>) -> bool {
        match self.books.pages().taken.get_mut(&self.number) {
            Some(entry) => {
                entry.core = Arc::downgrade(core);
                true
            }
            None => false,
        }
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.books.pages().taken.remove(&self.number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fill(books: &Arc<Books>, opener: Opener, people: usize, each: usize) -> Vec<Slot> {
        let mut slots = Vec::new();
        for _ in 0..people {
            let (peer, at) = (PeerId::random(), ConnectionId::new_unchecked(0));
            slots.extend((0..each).filter_map(|_| books.slot(peer, at, opener)));
            assert!(books.slot(peer, at, opener).is_none(), "one over for one person");
        }
        slots
    }

    #[test]
    fn n_1203_two_inbound_streams_of_one_person_six_in_all_and_one_over() {
        for (opener, people, each) in [(Opener::Peer, 3, 2), (Opener::Us, 8, 4)] {
            let books = Arc::new(Books::default());
            let mut slots = fill(&books, opener, people, each);
            assert_eq!(slots.len(), people * each);
            let (newcomer, at) = (PeerId::random(), ConnectionId::new_unchecked(1));
            assert!(books.slot(newcomer, at, opener).is_none(), "one over in all");
            slots.pop();
            let slot = books.slot(newcomer, at, opener);
            assert!(slot.is_some() && books.uses(at), "what was given back is free again");
            drop(slot);
            assert!(!books.uses(at));
        }
    }

    #[test]
    fn n_1203_streams_of_ours_and_of_the_peer_are_counted_apart_and_a_cut_frees_them() {
        let books = Arc::new(Books::default());
        let (peer, at) = (PeerId::random(), ConnectionId::new_unchecked(0));
        let taken = || [Opener::Us, Opener::Peer].map(|opener| books.slot(peer, at, opener));
        let first = [taken(), taken()];
        assert!(first.iter().flatten().all(Option::is_some));
        let [ours, theirs] = taken();
        assert!(ours.is_some() && theirs.is_none());
        books.cut(|other, _| *other == PeerId::random());
        assert!(books.uses(at));
        books.cut(|other, _| *other == peer);
        assert!(!books.uses(at) && taken().iter().all(Option::is_some));
    }
}
