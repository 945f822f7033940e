//! The names of our channels on the wire, and their negotiation.

use std::convert::Infallible;

use coterie_protocol::Channel;
use futures::future::{Ready, ready};
use libp2p::core::upgrade::{InboundUpgrade, OutboundUpgrade, UpgradeInfo};
use libp2p::swarm::{Stream, StreamProtocol};

const JOIN: StreamProtocol = StreamProtocol::new("/coterie/join/1");
const GROUP: StreamProtocol = StreamProtocol::new("/coterie/group/1");

const fn protocol(channel: Channel) -> StreamProtocol {
    match channel {
        Channel::Join => JOIN,
        Channel::Group => GROUP,
    }
}

/// Offers the given channels, or asks for them; the negotiated one comes out with the stream.
#[derive(Clone, Debug)]
pub(in crate::network) struct Offer(pub(super) Vec<Channel>);

impl UpgradeInfo for Offer {
    type Info = StreamProtocol;
    type InfoIter = std::vec::IntoIter<StreamProtocol>;

    fn protocol_info(&self) -> Self::InfoIter {
        self.0.iter().map(|&channel| protocol(channel)).collect::<Vec<_>>().into_iter()
    }
}

fn channel_of(info: &StreamProtocol) -> Channel {
    if *info == GROUP { Channel::Group } else { Channel::Join }
}

impl InboundUpgrade<Stream> for Offer {
    type Output = (Stream, Channel);
    type Error = Infallible;
    type Future = Ready<Result<Self::Output, Infallible>>;

    fn upgrade_inbound(self, stream: Stream, info: StreamProtocol) -> Self::Future {
        ready(Ok((stream, channel_of(&info))))
    }
}

impl OutboundUpgrade<Stream> for Offer {
    type Output = (Stream, Channel);
    type Error = Infallible;
    type Future = Ready<Result<Self::Output, Infallible>>;

    fn upgrade_outbound(self, stream: Stream, info: StreamProtocol) -> Self::Future {
        ready(Ok((stream, channel_of(&info))))
    }
}
