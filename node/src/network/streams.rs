//! Our own streams on a connection: who may open what, and an opening that is acknowledged (N-205).
//!
//! `libp2p-stream` drops inbound streams in silence when the acceptor lags; here the acceptor says so with its first
//! byte, and an opener that hears nothing tries again. Which protocols are offered follows the peer's class, looked up
//! anew for each stream, so a stranger becomes a member on a live connection (N-202).

mod offer;

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::AtomicU8;
use std::task::{Context, Poll, Waker};

use coterie_protocol::Channel;
use futures::FutureExt;
use futures::future::BoxFuture;
use libp2p::PeerId;
use libp2p::core::transport::PortUse;
use libp2p::core::{Endpoint, Multiaddr};
use libp2p::swarm::handler::{ConnectionEvent, DialUpgradeError};
use libp2p::swarm::{
    ConnectionDenied, ConnectionHandler, ConnectionHandlerEvent, ConnectionId, FromSwarm, NetworkBehaviour,
    NotifyHandler, Stream, StreamUpgradeError, SubstreamProtocol, THandler, THandlerInEvent, THandlerOutEvent, ToSwarm,
};
use tokio::time::Sleep;

use self::offer::Offer;
use super::Opener;
use super::gate::Refusal;
use super::limits::{HANDSHAKE, INBOUND_PER_CHANNEL_MAX, OPEN_RETRIES, OPEN_RETRY, RACE_MS};
use super::link::{self, Link};
use super::peers::{Household, member_key, path_of};
use super::shared::{Place, Shared};
use crate::clock::Clock;

/// The streams behaviour: one handler per connection, and orders to open.
pub(super) struct Streams {
    shared: Arc<Shared>,
    orders: VecDeque<(PeerId, ConnectionId, Channel)>,
    news: VecDeque<Opening>,
    waker: Option<Waker>,
}

/// How an order to open ended.
#[derive(Debug)]
pub(super) struct Opening {
    /// Where.
    pub(super) connection: ConnectionId,
    /// What.
    pub(super) channel: Channel,
    /// Whether there is a link now.
    pub(super) outcome: Outcome,
}

/// Whether a stream came to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// Acknowledged; its task runs.
    Open,
    /// Not offered to us, or not acknowledged in four tries.
    Failed,
}

impl Streams {
    pub(super) const fn new(shared: Arc<Shared>) -> Self {
        Self { shared, orders: VecDeque::new(), news: VecDeque::new(), waker: None }
    }

    /// Opens a stream on a connection that is established.
    pub(super) fn open(&mut self, peer: PeerId, connection: ConnectionId, channel: Channel) {
        self.orders.push_back((peer, connection, channel));
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }

    fn handler(
        &self,
        peer_id: PeerId,
        place: (ConnectionId, &Multiaddr),
        dialler: Endpoint,
    ) -> Result<Handler, ConnectionDenied> {
        let (connection, address) = place;
        let peer = member_key(&peer_id).ok_or_else(|| ConnectionDenied::new(Refusal::NotEd25519))?;
        let household = match dialler {
            Endpoint::Dialer => None,
            Endpoint::Listener => Household::of(address),
        };
        let knocks = Arc::new(AtomicU8::new(0));
        let place = Place { connection, peer_id, peer, path: path_of(address), household, knocks };
        Ok(Handler::new(Arc::clone(&self.shared), place, dialler))
    }
}

impl NetworkBehaviour for Streams {
    type ConnectionHandler = Handler;
    type ToSwarm = Opening;

    fn handle_established_inbound_connection(
        &mut self,
        connection: ConnectionId,
        peer: PeerId,
        _: &Multiaddr,
        remote: &Multiaddr,
    ) -> Result<THandler<Self>, ConnectionDenied> {
        self.handler(peer, (connection, remote), Endpoint::Listener)
    }

    fn handle_established_outbound_connection(
        &mut self,
        connection: ConnectionId,
        peer: PeerId,
        address: &Multiaddr,
        _: Endpoint,
        _: PortUse,
    ) -> Result<THandler<Self>, ConnectionDenied> {
        self.handler(peer, (connection, address), Endpoint::Dialer)
    }

    fn on_swarm_event(&mut self, _: FromSwarm<'_>) {}

    fn on_connection_handler_event(&mut self, _: PeerId, connection: ConnectionId, event: THandlerOutEvent<Self>) {
        let Report { channel, outcome } = event;
        self.news.push_back(Opening { connection, channel, outcome });
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<ToSwarm<Self::ToSwarm, THandlerInEvent<Self>>> {
        if let Some(opening) = self.news.pop_front() {
            return Poll::Ready(ToSwarm::GenerateEvent(opening));
        }
        if let Some((peer_id, connection, event)) = self.orders.pop_front() {
            let handler = NotifyHandler::One(connection);
            return Poll::Ready(ToSwarm::NotifyHandler { peer_id, handler, event });
        }
        self.waker = Some(cx.waker().clone());
        Poll::Pending
    }
}

/// What a handler tells the behaviour.
#[derive(Debug)]
pub(super) struct Report {
    channel: Channel,
    outcome: Outcome,
}

/// Our streams on one connection.
pub(super) struct Handler {
    shared: Arc<Shared>,
    place: Place,
    /// `Dialer` if we dialled this connection.
    side: Endpoint,
    /// At most one opening per channel.
    openings: [Option<Attempt>; 2],
    links: Vec<Arc<Link>>,
    reports: VecDeque<Report>,
    waker: Option<Waker>,
}

/// A stream on its way.
struct Attempt {
    channel: Channel,
    retries_left: u8,
    stage: Stage,
}

enum Stage {
    Wanted,
    Negotiating,
    Acknowledging(BoxFuture<'static, Option<Stream>>),
    Pausing(Pin<Box<Sleep>>),
}

impl Handler {
    fn new(shared: Arc<Shared>, place: Place, side: Endpoint) -> Self {
        Self { shared, place, side, openings: [None, None], links: Vec::new(), reports: VecDeque::new(), waker: None }
    }

    fn attempt(&mut self, channel: Channel) -> &mut Option<Attempt> {
        let [join, group] = &mut self.openings;
        match channel {
            Channel::Join => join,
            Channel::Group => group,
        }
    }

    fn wake(&mut self) {
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }

    fn report(&mut self, channel: Channel, outcome: Outcome) {
        *self.attempt(channel) = None;
        self.reports.push_back(Report { channel, outcome });
        self.wake();
    }

    /// Rule N-205: three more tries, a second apart.
    fn on_not_acknowledged(&mut self, channel: Channel) {
        let Some(attempt) = self.attempt(channel) else { return };
        match attempt.retries_left.checked_sub(1) {
            Some(left) => {
                attempt.retries_left = left;
                attempt.stage = Stage::Pausing(Box::pin(tokio::time::sleep(OPEN_RETRY)));
                self.wake();
            }
            None => self.report(channel, Outcome::Failed),
        }
    }

    fn start(&mut self, channel: Channel, opener: Opener, stream: Stream) {
        let link = Link::new(&self.shared, channel, self.place.clone(), opener);
        self.links.push(Arc::clone(&link));
        tokio::spawn(link::run(Arc::clone(&self.shared), link, stream));
    }

    fn live(&mut self, channel: Channel) -> impl Iterator<Item = &Arc<Link>> {
        self.links.retain(|link| !link.is_over());
        self.links.iter().filter(move |link| link.channel == channel)
    }

    /// The peer opened a stream.
    fn on_inbound(&mut self, channel: Channel, stream: Stream) {
        let accepted = match channel {
            // The connection is about to end; until then nothing new starts on it.
            _ if self.shared.is_blocked(&self.place.peer_id) => false,
            Channel::Join => self.live(channel).count() < INBOUND_PER_CHANNEL_MAX,
            Channel::Group => self.shared.class(&self.place.peer_id).is_some() && self.settle_group_race(),
        };
        if accepted {
            self.start(channel, Opener::Peer, stream);
        } else {
            tracing::debug!(?channel, "inbound stream refused");
        }
    }

    /// One group link per connection. When both sides open at once, the dialler's stream stays; a stream that comes
    /// later means that the peer has lost the old one and starts anew.
    fn settle_group_race(&mut self) -> bool {
        if self.attempt(Channel::Group).is_some() {
            if self.side == Endpoint::Dialer {
                return false;
            }
            self.report(Channel::Group, Outcome::Open);
            return true;
        }
        let now = Clock::now().mono_ms;
        let dialler = self.side == Endpoint::Dialer;
        let racing = |link: &Link| dialler && link.opener == Opener::Us && now.saturating_sub(link.since) < RACE_MS;
        if self.live(Channel::Group).any(|link| racing(link)) {
            return false;
        }
        self.live(Channel::Group).for_each(|old| old.leave(std::time::Duration::ZERO));
        true
    }

    fn poll_attempt(&mut self, channel: Channel, cx: &mut Context<'_>) -> Option<SubstreamProtocol<Offer, Channel>> {
        let attempt = self.attempt(channel).as_mut()?;
        match &mut attempt.stage {
            Stage::Wanted => {}
            Stage::Negotiating => return None,
            Stage::Pausing(sleep) => {
                if sleep.poll_unpin(cx).is_pending() {
                    return None;
                }
            }
            Stage::Acknowledging(first_byte) => {
                match first_byte.poll_unpin(cx) {
                    Poll::Pending => {}
                    Poll::Ready(None) => self.on_not_acknowledged(channel),
                    Poll::Ready(Some(stream)) => {
                        self.report(channel, Outcome::Open);
                        self.start(channel, Opener::Us, stream);
                    }
                }
                return None;
            }
        }
        attempt.stage = Stage::Negotiating;
        let offer = Offer(vec![attempt.channel]);
        Some(SubstreamProtocol::new(offer, channel).with_timeout(HANDSHAKE))
    }
}

impl ConnectionHandler for Handler {
    type FromBehaviour = Channel;
    type ToBehaviour = Report;
    type InboundProtocol = Offer;
    type OutboundProtocol = Offer;
    type InboundOpenInfo = ();
    type OutboundOpenInfo = Channel;

    /// Rule N-201: strangers are offered the join channel and nothing else; it is offered always (N-206).
    fn listen_protocol(&self) -> SubstreamProtocol<Self::InboundProtocol> {
        let channels = match self.shared.class(&self.place.peer_id) {
            Some(_) => vec![Channel::Join, Channel::Group],
            None => vec![Channel::Join],
        };
        SubstreamProtocol::new(Offer(channels), ()).with_timeout(HANDSHAKE)
    }

    fn on_behaviour_event(&mut self, channel: Self::FromBehaviour) {
        if self.attempt(channel).is_none() {
            *self.attempt(channel) = Some(Attempt { channel, retries_left: OPEN_RETRIES, stage: Stage::Wanted });
            self.wake();
        }
    }

    fn poll(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<ConnectionHandlerEvent<Self::OutboundProtocol, Self::OutboundOpenInfo, Self::ToBehaviour>> {
        for channel in [Channel::Join, Channel::Group] {
            if let Some(protocol) = self.poll_attempt(channel, cx) {
                return Poll::Ready(ConnectionHandlerEvent::OutboundSubstreamRequest { protocol });
            }
            // A pause that has just begun must be polled to be woken from.
            if let Some(Attempt { stage: Stage::Pausing(sleep), .. }) = self.attempt(channel) {
                let _ = sleep.poll_unpin(cx);
            }
        }
        if let Some(report) = self.reports.pop_front() {
            return Poll::Ready(ConnectionHandlerEvent::NotifyBehaviour(report));
        }
        self.waker = Some(cx.waker().clone());
        Poll::Pending
    }

    fn on_connection_event(
        &mut self,
        event: ConnectionEvent<
            '_,
            Self::InboundProtocol,
            Self::OutboundProtocol,
            Self::InboundOpenInfo,
            Self::OutboundOpenInfo,
        >,
    ) {
        match event {
            ConnectionEvent::FullyNegotiatedInbound(inbound) => {
                let (stream, channel) = inbound.protocol;
                self.on_inbound(channel, stream);
            }
            ConnectionEvent::FullyNegotiatedOutbound(outbound) => {
                let (stream, channel) = outbound.protocol;
                // Otherwise it lost a race against the peer's stream meanwhile.
                if let Some(attempt) = self.attempt(channel) {
                    attempt.stage = Stage::Acknowledging(link::acknowledged(stream).boxed());
                    self.wake();
                }
            }
            ConnectionEvent::DialUpgradeError(DialUpgradeError { info: channel, error }) => match error {
                StreamUpgradeError::NegotiationFailed => self.report(channel, Outcome::Failed),
                StreamUpgradeError::Timeout | StreamUpgradeError::Io(_) => self.on_not_acknowledged(channel),
                StreamUpgradeError::Apply(never) => match never {},
            },
            _ => {}
        }
    }
}
