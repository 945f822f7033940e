//! Orders to dial: over a connection that is there, by name, or to whoever answers at an address.

use coterie_protocol::{Channel, MemberKey};
use libp2p::swarm::ConnectionId;
use libp2p::swarm::dial_opts::{DialOpts, PeerCondition};
use libp2p::{Multiaddr, PeerId};
use tokio::sync::oneshot;

use super::NetworkTask;
use crate::network::blobs::Wanted;
use crate::network::dials::{Pending, Wish};
use crate::network::limits::DIAL_ADDRESSES_MAX;
use crate::network::peers::{peer_id, without_peer};
use crate::network::{AddressSource, BlobStream, FromNetwork, Opener};

impl NetworkTask {
    pub(super) fn on_dial(&mut self, wish: Wish, addresses: &[Vec<u8>], source: AddressSource) {
        let addresses: Vec<Multiaddr> = addresses
            .iter()
            .filter_map(|bytes| Multiaddr::try_from(bytes.clone()).ok())
            .filter(|address| self.surroundings.may_dial(address, source))
            .take(DIAL_ADDRESSES_MAX)
            .collect();
        match wish.peer.as_ref().map(peer_id) {
            None if wish.channel == Channel::Join => self.dial_unknown(wish, addresses),
            Some(Some(peer)) if peer != *self.swarm.local_peer_id() => self.reach(wish, peer, addresses),
            None | Some(_) => self.fail(wish),
        }
    }

    /// Over a connection that is there, if one has no such stream; else by dialling.
    fn reach(&mut self, wish: Wish, peer: PeerId, addresses: Vec<Multiaddr>) {
        match self.free_connection(peer, wish.channel) {
            Some(connection) => self.open(connection, peer, Pending { wish, instead: addresses }),
            None => self.dial(wish, peer, addresses),
        }
    }

    /// The best connection to a peer that has no live stream of this channel.
    fn free_connection(&self, peer: PeerId, channel: Channel) -> Option<ConnectionId> {
        let live = self.shared.live();
        let used = |id: ConnectionId| {
            live.iter().any(|link| link.place.connection == id && link.channel == channel && !link.is_over())
        };
        let all = self.connections.iter().filter(|(id, connection)| connection.peer == peer && !used(**id));
        all.min_by_key(|(_, connection)| connection.path).map(|(id, _)| *id)
    }

    /// Opens a stream for attachments.
    ///
    /// Rule N-1201: only beside a group link that is open, and it never dials.
    pub(super) fn on_open_blob(&mut self, peer: &MemberKey, answer: oneshot::Sender<Option<BlobStream>>) {
        let peer = peer_id(peer).filter(|peer| self.shared.may_open_blobs(peer));
        let place = peer.and_then(|peer| Some((peer, self.shared.beside_link(&peer)?)));
        let slot = |(peer, at)| Some((peer, at, self.shared.blobs.slot(peer, at, Opener::Us)?));
        match place.and_then(slot) {
            Some((peer, at, slot)) => self.swarm.behaviour_mut().blobs.open(peer, at, Wanted::new(answer, slot)),
            // Whoever asked may have stopped waiting.
            None => drop(answer.send(None)),
        }
    }

    fn dial(&mut self, wish: Wish, peer: PeerId, addresses: Vec<Multiaddr>) {
        if self.dials.join(&wish) {
            return;
        }
        if addresses.is_empty() {
            return self.fail(wish);
        }
        let options = DialOpts::peer_id(peer).condition(PeerCondition::Always).addresses(addresses).build();
        self.dial_all(wish, vec![options]);
    }

    /// Rule N-104: whoever answers must prove itself by what it knows; a name in an address still binds.
    fn dial_unknown(&mut self, wish: Wish, addresses: Vec<Multiaddr>) {
        let options = addresses.into_iter().map(|address| match without_peer(address) {
            (address, Some(peer)) => {
                DialOpts::peer_id(peer).condition(PeerCondition::Always).addresses(vec![address]).build()
            }
            (address, None) => DialOpts::unknown_peer_id().address(address).build(),
        });
        let options = options.collect();
        self.dial_all(wish, options);
    }

    fn dial_all(&mut self, wish: Wish, dials: Vec<DialOpts>) {
        if dials.is_empty() {
            return self.fail(wish);
        }
        let ids: Vec<ConnectionId> = dials.iter().map(DialOpts::connection_id).collect();
        self.dials.begin(wish, &ids);
        for dial in dials {
            let id = dial.connection_id();
            self.swarm.behaviour_mut().gate.ask(id);
            if let Err(error) = self.swarm.dial(dial) {
                tracing::debug!(%error, "dial refused");
                self.on_dial_failed(id);
            }
        }
    }

    pub(super) fn on_dial_failed(&mut self, connection: ConnectionId) {
        for wish in self.dials.failed(connection) {
            self.fail(wish);
        }
    }

    fn fail(&mut self, wish: Wish) {
        self.tell(FromNetwork::DialFailed { peer: wish.peer, channel: wish.channel });
    }

    pub(super) fn open(&mut self, connection: ConnectionId, peer: PeerId, pending: Pending) {
        let channel = pending.wish.channel;
        if self.dials.opening(connection, pending) {
            self.swarm.behaviour_mut().streams.open(peer, connection, channel);
        }
    }

    /// The stream is open, or was: a wish that came later is fulfilled only by a link that still lives.
    pub(super) fn on_wished_again(&mut self, later: Option<Pending>) {
        let Some(Pending { wish, instead }) = later else { return };
        let lives = |peer: MemberKey| {
            let mut live = self.shared.live().into_iter();
            live.any(|link| link.place.peer == peer && link.channel == wish.channel && !link.is_over())
        };
        match wish.peer {
            Some(key) if !lives(key) => match peer_id(&key) {
                Some(peer) => self.reach(wish, peer, instead),
                None => self.fail(wish),
            },
            _ => {}
        }
    }

    /// A stream could not be opened where a connection was: it may be dead, so dial if there is where to.
    pub(super) fn on_not_opened(&mut self, pending: Pending) {
        let Pending { wish, instead } = pending;
        match wish.peer.as_ref().and_then(peer_id) {
            Some(peer) if !instead.is_empty() => self.dial(wish, peer, instead),
            _ => self.fail(wish),
        }
    }
}
