//! What handlers, link tasks and the network task share; it outlives a swarm (N-107).
//!
//! Locks here are held for a look-up, never over a wait.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU8, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use coterie_protocol::{Channel, LinkId, MemberKey, Path};
use libp2p::PeerId;
use libp2p::swarm::ConnectionId;
use tokio::sync::mpsc;

use super::blobs::Books;
use super::gate::Blocks;
use super::limits::JOINS_MAX;
use super::link::Link;
use super::peers::{Household, peer_id};
use super::{Class, FromNetwork};
use crate::clock::Clock;

/// The common ground.
pub(super) struct Shared {
    /// Never falls back, also not when the swarm is rebuilt (N-107).
    next_link: AtomicU64,
    /// Who reaches what, as the driver last said (N-201).
    classes: RwLock<BTreeMap<PeerId, Class>>,
    /// Who is refused; outlives the swarm.
    blocks: Mutex<Blocks>,
    links: Mutex<BTreeMap<LinkId, Arc<Link>>>,
    /// Streams of attachments, which are no links.
    pub(super) blobs: Arc<Books>,
    /// Round trips of connections in milliseconds, for links that start later.
    round_trips: Mutex<BTreeMap<ConnectionId, u64>>,
    /// News for the driver.
    pub(super) events: mpsc::Sender<FromNetwork>,
    /// Ends of links, for the network task.
    ended: mpsc::Sender<Ended>,
    /// Joins that are being served (N-204).
    joins: AtomicUsize,
}

/// A link that is over, for the books of the network task.
#[derive(Debug)]
pub(super) struct Ended {
    /// Its connection.
    pub(super) connection: ConnectionId,
    /// Set if it was a stranger's KNOCK that got no answer: where it came from.
    pub(super) bad_knock: Option<Household>,
}

impl Shared {
    pub(super) fn new(events: mpsc::Sender<FromNetwork>, ended: mpsc::Sender<Ended>) -> Self {
        Self {
            next_link: AtomicU64::new(1),
            classes: RwLock::new(BTreeMap::new()),
            blocks: Mutex::new(Blocks::default()),
            links: Mutex::new(BTreeMap::new()),
            blobs: Arc::default(),
            round_trips: Mutex::new(BTreeMap::new()),
            events,
            ended,
            joins: AtomicUsize::new(0),
        }
    }

    /// The class of a peer now; `None` is a stranger.
    pub(super) fn class(&self, peer: &PeerId) -> Option<Class> {
        self.classes.read().unwrap_or_else(PoisonError::into_inner).get(peer).copied()
    }

    /// The table is replaced whole (N-201).
    pub(super) fn set_classes(&self, classes: Vec<(MemberKey, Class)>) {
        let table = classes.into_iter().filter_map(|(key, class)| Some((peer_id(&key)?, class))).collect();
        *self.classes.write().unwrap_or_else(PoisonError::into_inner) = table;
    }

    /// Everybody in the table.
    pub(super) fn known(&self) -> BTreeSet<PeerId> {
        self.classes.read().unwrap_or_else(PoisonError::into_inner).keys().copied().collect()
    }

    /// The list of the configuration, whole.
    pub(super) fn set_listed(&self, keys: &[MemberKey]) {
        self.blocks().listed = keys.iter().filter_map(peer_id).collect();
    }

    /// Who is refused.
    pub(super) fn blocks(&self) -> MutexGuard<'_, Blocks> {
        self.blocks.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether a peer is refused now.
    pub(super) fn is_blocked(&self, peer: &PeerId) -> bool {
        self.blocks().holds(peer, Clock::now().mono_ms)
    }

    /// Whether a peer is offered blob streams: members are, blocked ones and those who wait aren't (N-201).
    pub(super) fn may_open_blobs(&self, peer: &PeerId) -> bool {
        self.class(peer) == Some(Class::Member) && !self.is_blocked(peer)
    }

    /// Ends the blob streams of all who may have none any more.
    pub(super) fn cut_blobs(&self) {
        self.blobs.cut(|peer, _| !self.may_open_blobs(peer));
    }

    /// The best connection to a peer that carries a live group link (N-1201).
    pub(super) fn beside_link(&self, peer: &PeerId) -> Option<ConnectionId> {
        let live = self.live().into_iter();
        let group =
            live.filter(|link| link.channel == Channel::Group && link.place.peer_id == *peer && !link.is_over());
        group.map(|link| (link.place.path, link.place.connection)).min().map(|(_, connection)| connection)
    }

    /// Whether urgent frames of a connection's group link have waited for longer than that (BL-14).
    pub(super) fn chat_waits(&self, connection: ConnectionId, ms: u64) -> bool {
        let now = Clock::now().mono_ms;
        let behind = |link: &Arc<Link>| link.behind_ms(now).is_some_and(|behind| behind > ms);
        self.links().values().any(|link| link.place.connection == connection && behind(link))
    }

    /// The link of a number, while it lives.
    pub(super) fn link(&self, id: LinkId) -> Option<Arc<Link>> {
        self.links().get(&id).cloned()
    }

    /// All links that live.
    pub(super) fn live(&self) -> Vec<Arc<Link>> {
        self.links().values().cloned().collect()
    }

    /// A number that no link of this process has had.
    pub(super) fn next_link(&self) -> LinkId {
        LinkId(self.next_link.fetch_add(1, Ordering::Relaxed))
    }

    /// A link begins.
    pub(super) fn enter(&self, link: &Arc<Link>) {
        self.links().insert(link.id, Arc::clone(link));
    }

    /// A link is over.
    pub(super) fn leave(&self, link: LinkId) {
        self.links().remove(&link);
    }

    /// Tells the network task that a link is over.
    pub(super) async fn ended(&self, ended: Ended) {
        // Without a task there are no books to keep.
        let _ = self.ended.send(ended).await;
    }

    /// One more join to serve, if fewer than eight are (N-204).
    pub(super) fn begin_join(&self) -> Result<(), &'static str> {
        let room = |joins: usize| (joins < JOINS_MAX).then_some(joins.saturating_add(1));
        let taken = self.joins.fetch_update(Ordering::AcqRel, Ordering::Acquire, room);
        taken.map(drop).map_err(|_| "too many joins at once")
    }

    /// A join that was served is over.
    pub(super) fn end_join(&self) {
        self.joins.fetch_sub(1, Ordering::AcqRel);
    }

    /// The round trip of a connection, once measured.
    pub(super) fn round_trip_ms(&self, connection: ConnectionId) -> Option<u64> {
        self.round_trips().get(&connection).copied()
    }

    /// A measurement, or `None` when the connection is gone.
    pub(super) fn set_round_trip(&self, connection: ConnectionId, ms: Option<u64>) {
        match ms {
            Some(ms) => self.round_trips().insert(connection, ms),
            None => self.round_trips().remove(&connection),
        };
    }

    fn round_trips(&self) -> MutexGuard<'_, BTreeMap<ConnectionId, u64>> {
        self.round_trips.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn links(&self) -> MutexGuard<'_, BTreeMap<LinkId, Arc<Link>>> {
        self.links.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Where a stream runs.
#[derive(Clone, Debug)]
pub(super) struct Place {
    /// On which connection.
    pub(super) connection: ConnectionId,
    /// With whom, in libp2p's words.
    pub(super) peer_id: PeerId,
    /// With whom, in ours.
    pub(super) peer: MemberKey,
    /// How it gets there.
    pub(super) path: Path,
    /// Whose door the connection came through; `None` if we dialled.
    pub(super) household: Option<Household>,
    /// KNOCKs so far on this connection.
    pub(super) knocks: Arc<AtomicU8>,
}
