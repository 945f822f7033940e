//! QUIC, and TCP with Noise and Yamux behind it: the two ways to a peer, with the times and windows of N-103.
//!
//! QUIC is dialled from the socket that listens, so that one NAT mapping serves both directions. TCP is dialled from a
//! fresh port each time: reusing the listening port made dials fail right after a restart (ceramic PR 440); only hole
//! punching asks for it. QUIC prefers X25519MLKEM768, Noise is classical: no rule rests on either.

use std::pin::Pin;
use std::task::{Context, Poll};

use libp2p::core::muxing::StreamMuxerBox;
use libp2p::core::transport::{Boxed, DialOpts, ListenerId, OrTransport, PortUse, TransportError, TransportEvent};
use libp2p::core::{Endpoint, upgrade};
use libp2p::identity::Keypair;
use libp2p::{Multiaddr, PeerId, Transport, dns, noise, quic, tcp, yamux};

use super::NetworkError;
use super::limits::{
    HANDSHAKE, QUIC_CONNECTION_WINDOW_BYTES, QUIC_IDLE_MS, QUIC_KEEP_ALIVE, QUIC_STREAM_WINDOW_BYTES,
    STREAMS_PER_CONNECTION_MAX, TCP_UNSENT_BYTES_MAX,
};

/// Both transports, and names looked up for addresses that the person typed.
///
/// Without a resolver the node still works for everybody whose address is a number.
pub(super) fn transport(keypair: &Keypair) -> Result<Boxed<(PeerId, StreamMuxerBox)>, NetworkError> {
    match dns::tokio::Transport::system(by_number(keypair)?) {
        Ok(named) => Ok(named.boxed()),
        Err(error) => {
            tracing::info!(%error, "no resolver: only numeric addresses can be dialled");
            by_number(keypair)
        }
    }
}

fn by_number(keypair: &Keypair) -> Result<Boxed<(PeerId, StreamMuxerBox)>, NetworkError> {
    let noise = noise::Config::new(keypair).map_err(|_| NetworkError::Identity)?;
    let plain = FreshPorts(tcp::tokio::Transport::new(tcp_config()))
        .map(|stream, _| {
            keep_unsent_short(&stream.0);
            stream
        })
        .upgrade(upgrade::Version::V1Lazy)
        .authenticate(noise)
        .multiplex(yamux_config())
        .timeout(HANDSHAKE)
        .map(|(peer, muxer), _| (peer, StreamMuxerBox::new(muxer)));
    let quic = quic::tokio::Transport::new(quic_config(keypair))
        .map(|(peer, connection), _| (peer, StreamMuxerBox::new(connection)));
    Ok(OrTransport::new(quic, plain).map(|either, _| either.into_inner()).boxed())
}

/// Rule N-103: the values of QUIC.
fn quic_config(keypair: &Keypair) -> quic::Config {
    let mut config = quic::Config::new(keypair);
    config.max_idle_timeout = QUIC_IDLE_MS;
    config.keep_alive_interval = QUIC_KEEP_ALIVE;
    config.handshake_timeout = HANDSHAKE;
    config.max_concurrent_stream_limit = STREAMS_PER_CONNECTION_MAX;
    config.max_stream_data = QUIC_STREAM_WINDOW_BYTES;
    config.max_connection_data = QUIC_CONNECTION_WINDOW_BYTES;
    config
}

fn tcp_config() -> tcp::Config {
    tcp::Config::new().nodelay(true)
}

/// By BL-14: what the system has taken but not sent can't be overtaken, and by itself it takes megabytes. With a short queue
/// there the bytes wait in Yamux, which turns from stream to stream. What is on its way isn't bounded by this, so a
/// long line stays full. Elsewhere than on Linux the system's own bound stays.
fn keep_unsent_short(stream: &::tokio::net::TcpStream) {
    #[cfg(any(target_os = "linux", target_os = "android"))]
    if let Err(error) = socket2::SockRef::from(stream).set_tcp_notsent_lowat(TCP_UNSENT_BYTES_MAX) {
        tracing::debug!(%error, "the system keeps its own bound of unsent bytes");
    }
    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    let _ = stream;
}

fn yamux_config() -> yamux::Config {
    let mut config = yamux::Config::default();
    config.set_max_num_streams(usize::try_from(STREAMS_PER_CONNECTION_MAX).unwrap_or(usize::MAX));
    config
}

/// A transport that dials from a new port unless the dial is half of a hole punch.
struct FreshPorts<T>(T);

impl<T: Transport + Unpin> Transport for FreshPorts<T> {
    type Output = T::Output;
    type Error = T::Error;
    type ListenerUpgrade = T::ListenerUpgrade;
    type Dial = T::Dial;

    fn listen_on(&mut self, id: ListenerId, address: Multiaddr) -> Result<(), TransportError<T::Error>> {
        self.0.listen_on(id, address)
    }

    fn remove_listener(&mut self, id: ListenerId) -> bool {
        self.0.remove_listener(id)
    }

    fn dial(&mut self, address: Multiaddr, mut options: DialOpts) -> Result<T::Dial, TransportError<T::Error>> {
        if options.role == Endpoint::Dialer {
            options.port_use = PortUse::New;
        }
        self.0.dial(address, options)
    }

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<TransportEvent<Self::ListenerUpgrade, Self::Error>> {
        Pin::new(&mut self.get_mut().0).poll(cx)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn n_103_the_transports_are_built_with_our_values() {
        let keypair = Keypair::generate_ed25519();
        let quic = quic_config(&keypair);
        assert_eq!(quic.max_idle_timeout, 30_000);
        assert_eq!(quic.keep_alive_interval, Duration::from_secs(20));
        assert_eq!(quic.handshake_timeout, Duration::from_secs(8));
        assert_eq!(quic.max_concurrent_stream_limit, 64);
        assert_eq!(quic.max_stream_data, 2 * 1_024 * 1_024);
        assert_eq!(quic.max_connection_data, 6 * 1_024 * 1_024);
        let tcp = format!("{:?}", tcp_config());
        assert!(tcp.contains("nodelay: true"), "{tcp}");
        let yamux = format!("{:?}", yamux_config());
        assert!(yamux.contains("max_num_streams: 64"), "{yamux}");
    }

    #[cfg(any(target_os = "linux", target_os = "android"))]
    #[tokio::test]
    async fn bl_14_the_system_takes_little_that_it_can_not_send_yet() {
        let door = ::tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let stream = ::tokio::net::TcpStream::connect(door.local_addr().unwrap()).await.unwrap();
        keep_unsent_short(&stream);
        assert_eq!(socket2::SockRef::from(&stream).tcp_notsent_lowat().unwrap(), 16 << 10);
    }
}
