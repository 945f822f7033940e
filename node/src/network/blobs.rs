//! Raw streams for attachments beside a group link: `/coterie/blob/1` (N-1201, N-1203).
//!
//! The core knows nothing of these bytes: whoever serves or fetches an attachment asks for a stream and gets one to read
//! from and write to, with the one byte that says yes (N-205) already exchanged. A stream is no link. It is offered to
//! members alone (N-201), looked up anew for each, and ends when its peer is no member any more, is blocked, or the
//! connection ends. This file is the behaviour; `handler` opens and accepts on one connection, `books` counts and cuts,
//! `stream` is what its users hold.

mod books;
mod handler;
mod stream;

use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use coterie_protocol::{MemberKey, Path};
use libp2p::PeerId;
use libp2p::core::transport::PortUse;
use libp2p::core::{Endpoint, Multiaddr};
use libp2p::swarm::{
    ConnectionDenied, ConnectionId, FromSwarm, NetworkBehaviour, NotifyHandler, THandler, THandlerInEvent,
    THandlerOutEvent, ToSwarm,
};
use tokio::sync::oneshot;

pub(super) use self::books::Books;
use self::books::Slot;
use self::handler::Handler;
pub use self::stream::BlobStream;
use super::gate::Refusal;
use super::limits::ACKNOWLEDGE;
use super::peers::{member_key, path_of};
use super::shared::Shared;
use crate::clock::Stopwatch;

/// A stream that a member opened, acknowledged.
#[derive(Debug)]
pub struct IncomingBlob {
    /// Whose key the transport has proved.
    pub peer: MemberKey,
    /// How it gets here.
    #[cfg_attr(not(test), expect(dead_code, reason = "asked for once films don't go over a relay unasked (BL-15)"))]
    pub path: Path,
    /// Its bytes; the opener's request comes first.
    pub stream: BlobStream,
}

/// Somebody waits for a stream. Dropped unanswered it says no.
#[derive(Debug)]
pub(super) struct Wanted {
    answer: Option<oneshot::Sender<Option<BlobStream>>>,
    slot: Option<Slot>,
    /// By N-205, the five seconds are for its negotiation and the first byte together.
    since: Stopwatch,
}

impl Wanted {
    pub(super) fn new(answer: oneshot::Sender<Option<BlobStream>>, slot: Slot) -> Self {
        Self { answer: Some(answer), slot: Some(slot), since: Stopwatch::start() }
    }

    fn left(&self) -> Duration {
        ACKNOWLEDGE.saturating_sub(self.since.elapsed())
    }

    /// Whoever asked may have stopped waiting: then the stream is dropped, and its slot is free.
    fn answer(mut self, stream: Option<BlobStream>) {
        if let Some(answer) = self.answer.take() {
            let _ = answer.send(stream);
        }
    }
}

impl Drop for Wanted {
    fn drop(&mut self) {
        if let Some(answer) = self.answer.take() {
            let _ = answer.send(None);
        }
    }
}

/// The blobs behaviour: one handler per connection, and orders to open.
pub(super) struct Blobs {
    shared: Arc<Shared>,
    orders: VecDeque<(PeerId, ConnectionId, Wanted)>,
    waker: Option<Waker>,
}

impl Blobs {
    pub(super) const fn new(shared: Arc<Shared>) -> Self {
        Self { shared, orders: VecDeque::new(), waker: None }
    }

    /// Opens a stream on a connection that is established. Slots bound how many orders wait.
    pub(super) fn open(&mut self, peer: PeerId, connection: ConnectionId, wanted: Wanted) {
        self.orders.push_back((peer, connection, wanted));
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }

    fn handler(&self, peer_id: PeerId, connection: ConnectionId, at: &Multiaddr) -> Result<Handler, ConnectionDenied> {
        let peer = member_key(&peer_id).ok_or_else(|| ConnectionDenied::new(Refusal::NotEd25519))?;
        let place = Place { connection, peer_id, peer, path: path_of(at) };
        Ok(Handler::new(Arc::clone(&self.shared), place))
    }
}

/// Where a blob stream runs.
#[derive(Clone, Copy, Debug)]
struct Place {
    connection: ConnectionId,
    peer_id: PeerId,
    peer: MemberKey,
    path: Path,
}

impl NetworkBehaviour for Blobs {
    type ConnectionHandler = Handler;
    type ToSwarm = Infallible;

    fn handle_established_inbound_connection(
        &mut self,
        connection: ConnectionId,
        peer: PeerId,
        _: &Multiaddr,
        remote: &Multiaddr,
    ) -> Result<THandler<Self>, ConnectionDenied> {
        self.handler(peer, connection, remote)
    }

    fn handle_established_outbound_connection(
        &mut self,
        connection: ConnectionId,
        peer: PeerId,
        address: &Multiaddr,
        _: Endpoint,
        _: PortUse,
    ) -> Result<THandler<Self>, ConnectionDenied> {
        self.handler(peer, connection, address)
    }

    fn on_swarm_event(&mut self, event: FromSwarm<'_>) {
        if let FromSwarm::ConnectionClosed(closed) = event {
            self.shared.blobs.cut(|_, connection| *connection == closed.connection_id);
        }
    }

    fn on_connection_handler_event(&mut self, _: PeerId, _: ConnectionId, event: THandlerOutEvent<Self>) {
        match event {}
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<ToSwarm<Self::ToSwarm, THandlerInEvent<Self>>> {
        if let Some((peer_id, connection, event)) = self.orders.pop_front() {
            let handler = NotifyHandler::One(connection);
            return Poll::Ready(ToSwarm::NotifyHandler { peer_id, handler, event });
        }
        self.waker = Some(cx.waker().clone());
        Poll::Pending
    }
}

#[cfg(test)]
mod tests;
