//! Blob streams on one connection: opening with one try, accepting if there is a slot and somebody who takes it.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use futures::future::{Ready, ready};
use libp2p::core::upgrade::{InboundUpgrade, OutboundUpgrade, UpgradeInfo};
use libp2p::swarm::handler::ConnectionEvent;
use libp2p::swarm::{ConnectionHandler, ConnectionHandlerEvent, Stream, StreamProtocol, SubstreamProtocol};
use tokio::time::timeout;

use super::{BlobStream, IncomingBlob, Place, Wanted};
use crate::network::Opener;
use crate::network::limits::{ACKNOWLEDGE, HANDSHAKE};
use crate::network::link::{acknowledge, acknowledged};
use crate::network::shared::Shared;

const BLOB: StreamProtocol = StreamProtocol::new("/coterie/blob/1");

/// The one name, or none for those who are not offered it.
#[derive(Clone, Copy, Debug)]
pub(in crate::network) struct Offer {
    open: bool,
}

impl UpgradeInfo for Offer {
    type Info = StreamProtocol;
    type InfoIter = std::option::IntoIter<StreamProtocol>;

    fn protocol_info(&self) -> Self::InfoIter {
        self.open.then_some(BLOB).into_iter()
    }
}

impl InboundUpgrade<Stream> for Offer {
    type Output = Stream;
    type Error = Infallible;
    type Future = Ready<Result<Stream, Infallible>>;

    fn upgrade_inbound(self, stream: Stream, _: StreamProtocol) -> Self::Future {
        ready(Ok(stream))
    }
}

impl OutboundUpgrade<Stream> for Offer {
    type Output = Stream;
    type Error = Infallible;
    type Future = Ready<Result<Stream, Infallible>>;

    fn upgrade_outbound(self, stream: Stream, _: StreamProtocol) -> Self::Future {
        ready(Ok(stream))
    }
}

/// One connection's.
pub(in crate::network) struct Handler {
    shared: Arc<Shared>,
    place: Place,
    wanted: VecDeque<Wanted>,
    waker: Option<Waker>,
}

impl Handler {
    pub(super) const fn new(shared: Arc<Shared>, place: Place) -> Self {
        Self { shared, place, wanted: VecDeque::new(), waker: None }
    }

    /// A stream that this side opened has been negotiated: the first byte decides.
    fn on_outbound(&self, stream: Stream, mut wanted: Wanted) {
        let (shared, connection) = (Arc::clone(&self.shared), self.place.connection);
        tokio::spawn(async move {
            let heard = timeout(wanted.left(), acknowledged(stream)).await.ok().flatten();
            let slot = wanted.slot.take();
            let opened = heard.zip(slot).and_then(|(stream, slot)| BlobStream::new(stream, connection, &shared, slot));
            wanted.answer(opened);
        });
    }

    /// The peer opened a stream: without a slot, or anybody who takes it, it is dropped without a byte.
    fn on_inbound(&self, mut stream: Stream) {
        let Place { connection, peer_id, peer, path } = self.place;
        // The roster may have changed since the name was negotiated. The slot comes first: a change from now on finds it.
        let slot = self.shared.blobs.slot(peer_id, connection, Opener::Peer);
        let slot = slot.filter(|_| self.shared.may_open_blobs(&peer_id));
        let permit = self.shared.blobs.taker().and_then(|taker| taker.try_reserve_owned().ok());
        let Some((slot, permit)) = slot.zip(permit) else {
            tracing::debug!("inbound blob stream refused");
            return;
        };
        let shared = Arc::clone(&self.shared);
        tokio::spawn(async move {
            if !matches!(timeout(ACKNOWLEDGE, acknowledge(&mut stream)).await, Ok(Ok(()))) {
                return;
            }
            if let Some(stream) = BlobStream::new(stream, connection, &shared, slot) {
                permit.send(IncomingBlob { peer, path, stream });
            }
        });
    }
}

impl ConnectionHandler for Handler {
    type FromBehaviour = Wanted;
    type ToBehaviour = Infallible;
    type InboundProtocol = Offer;
    type OutboundProtocol = Offer;
    type InboundOpenInfo = ();
    type OutboundOpenInfo = Wanted;

    /// By N-201, members alone; everybody else hears the same as for a name that nobody knows.
    fn listen_protocol(&self) -> SubstreamProtocol<Self::InboundProtocol> {
        let open = self.shared.may_open_blobs(&self.place.peer_id);
        SubstreamProtocol::new(Offer { open }, ()).with_timeout(HANDSHAKE)
    }

    fn on_behaviour_event(&mut self, wanted: Self::FromBehaviour) {
        self.wanted.push_back(wanted);
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }

    fn poll(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<ConnectionHandlerEvent<Self::OutboundProtocol, Self::OutboundOpenInfo, Self::ToBehaviour>> {
        if let Some(wanted) = self.wanted.pop_front() {
            let left = wanted.left();
            let protocol = SubstreamProtocol::new(Offer { open: true }, wanted).with_timeout(left);
            return Poll::Ready(ConnectionHandlerEvent::OutboundSubstreamRequest { protocol });
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
            ConnectionEvent::FullyNegotiatedInbound(inbound) => self.on_inbound(inbound.protocol),
            ConnectionEvent::FullyNegotiatedOutbound(outbound) => self.on_outbound(outbound.protocol, outbound.info),
            // What could not be negotiated is dropped with its info, and so answered.
            _ => {}
        }
    }
}
