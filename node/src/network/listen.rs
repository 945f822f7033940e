//! Where this node listens: QUIC and TCP on the same port number, chosen once and kept (N-102, R-17).
//!
//! Port 0 means: the system chooses at the first start, and the profile remembers. A port is tried with plain sockets
//! before the transports get it, because libp2p binds TCP with `SO_REUSEPORT`: two programs would share it in silence.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, UdpSocket};

use libp2p::Multiaddr;
use libp2p::multiaddr::Protocol;

use super::NetworkError;
use super::limits::{PORT_FREE_EVERY, PORT_FREE_TRIES, PORT_TRIES};
use super::peers::{Reach, ip_of};

/// One entry of `node.listen`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listen {
    hosts: Vec<IpAddr>,
    by: By,
    port: u16,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum By {
    Quic,
    Tcp,
}

impl Listen {
    /// Reads `quic`, `tcp`, or a multiaddr `/ip4|ip6/…/udp/…/quic-v1` or `/ip4|ip6/…/tcp/…`.
    ///
    /// # Errors
    /// [`NetworkError::Listen`] with the text, if it is none of these.
    pub fn parse(text: &str) -> Result<Self, NetworkError> {
        let everywhere = || vec![IpAddr::V4(Ipv4Addr::UNSPECIFIED), IpAddr::V6(Ipv6Addr::UNSPECIFIED)];
        match text {
            "quic" => Ok(Self { hosts: everywhere(), by: By::Quic, port: 0 }),
            "tcp" => Ok(Self { hosts: everywhere(), by: By::Tcp, port: 0 }),
            address => Self::from_address(address).ok_or_else(|| NetworkError::Listen(String::from(address))),
        }
    }

    fn from_address(text: &str) -> Option<Self> {
        let address: Multiaddr = text.parse().ok()?;
        let mut parts = address.iter();
        let host = match parts.next()? {
            Protocol::Ip4(ip) => IpAddr::V4(ip),
            Protocol::Ip6(ip) => IpAddr::V6(ip),
            _ => return None,
        };
        let (by, port) = match (parts.next()?, parts.next(), parts.next()) {
            (Protocol::Tcp(port), None, None) => (By::Tcp, port),
            (Protocol::Udp(port), Some(Protocol::QuicV1), None) => (By::Quic, port),
            _ => return None,
        };
        Some(Self { hosts: vec![host], by, port })
    }

    fn is_loopback(&self) -> bool {
        self.hosts.iter().all(|host| Reach::of(*host) == Reach::Loopback)
    }
}

/// Whether everything is on loopback addresses.
pub(super) fn loopback_only(listen: &[Listen]) -> bool {
    !listen.is_empty() && listen.iter().all(Listen::is_loopback)
}

/// One address to listen on, and whether the node can do without it.
#[derive(Debug)]
pub(super) struct Place {
    pub(super) address: Multiaddr,
    /// The IPv6 half of `quic` and `tcp`, where a system has no IPv6.
    pub(super) optional: bool,
}

/// The port for every 0, and the addresses with it filled in.
///
/// Rule N-102: the remembered port if it is free on all of them, else another; an explicit port that is taken is an
/// error with its number.
pub(super) fn places(listen: &[Listen], remembered: Option<u16>) -> Result<(Option<u16>, Vec<Place>), NetworkError> {
    for fixed in listen.iter().filter(|entry| entry.port != 0) {
        if !fixed.hosts.iter().all(|&host| is_free(host, fixed.by, fixed.port)) {
            return Err(NetworkError::PortTaken(fixed.port));
        }
    }
    let open: Vec<&Listen> = listen.iter().filter(|entry| entry.port == 0).collect();
    let port = match open.first() {
        None => None,
        Some(_) => Some(common_port(&open, remembered).ok_or(NetworkError::NoPort)?),
    };
    let places = listen.iter().flat_map(|entry| {
        let port = if entry.port == 0 { port.unwrap_or(0) } else { entry.port };
        entry.hosts.iter().map(move |&host| Place {
            address: address(host, entry.by, port),
            optional: entry.hosts.len() > 1 && host.is_ipv6(),
        })
    });
    Ok((port, places.collect()))
}

/// Waits, for a moment, until the sockets of a dropped swarm have given its port back.
pub(super) async fn released(listen: &[Listen], port: Option<u16>) {
    let is_released = |entry: &Listen| {
        let port = if entry.port == 0 { port.unwrap_or(0) } else { entry.port };
        entry.hosts.iter().all(|&host| is_free(host, entry.by, port))
    };
    for _ in 0..PORT_FREE_TRIES {
        if listen.iter().all(is_released) {
            return;
        }
        tokio::time::sleep(PORT_FREE_EVERY).await;
    }
}

fn common_port(open: &[&Listen], remembered: Option<u16>) -> Option<u16> {
    let fits = |port: u16| open.iter().all(|entry| entry.hosts.iter().all(|&host| is_free(host, entry.by, port)));
    let chosen = (0..PORT_TRIES).filter_map(|_| {
        let host = *open.first()?.hosts.first()?;
        Some(TcpListener::bind((host, 0)).ok()?.local_addr().ok()?.port())
    });
    remembered.filter(|port| *port != 0).into_iter().chain(chosen).find(|&port| fits(port))
}

/// Whether a port can be had. A host that this computer doesn't have (IPv6 off) takes none.
fn is_free(host: IpAddr, by: By, port: u16) -> bool {
    let address = SocketAddr::new(host, port);
    let bound = match by {
        By::Tcp => TcpListener::bind(address).map(drop),
        By::Quic => UdpSocket::bind(address).map(drop),
    };
    match bound {
        Ok(()) => true,
        // `[::]` clashes with a v4 socket of ours only where the system binds both at once; v6-only sockets don't.
        Err(error) => host.is_ipv6() && error.kind() != std::io::ErrorKind::AddrInUse,
    }
}

fn address(host: IpAddr, by: By, port: u16) -> Multiaddr {
    let address = Multiaddr::from(host);
    match by {
        By::Quic => address.with(Protocol::Udp(port)).with(Protocol::QuicV1),
        By::Tcp => address.with(Protocol::Tcp(port)),
    }
}

/// Rule R-17: own addresses for links and records: public, then private per interface, loopback only if there is
/// nothing else; QUIC before TCP.
pub(super) fn to_tell<'a>(listeners: impl Iterator<Item = &'a Multiaddr>) -> Vec<Vec<u8>> {
    let mut ranked: Vec<(u8, bool, bool, Vec<u8>)> = listeners
        .filter_map(|address| {
            let ip = ip_of(address)?;
            let rank = match Reach::of(ip) {
                Reach::Public => 0,
                Reach::Private => 1,
                Reach::Loopback => 2,
                Reach::Nowhere => return None,
            };
            let tcp = address.iter().any(|part| matches!(part, Protocol::Tcp(_)));
            Some((rank, tcp, ip.is_ipv6(), address.to_vec()))
        })
        .collect();
    ranked.sort();
    ranked.dedup();
    let has_more = ranked.iter().any(|(rank, ..)| *rank < 2);
    ranked.into_iter().filter(|(rank, ..)| !has_more || *rank < 2).map(|(.., bytes)| bytes).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn r_17_listen_takes_two_words_or_an_address() {
        assert_eq!(Listen::parse("quic").unwrap().by, By::Quic);
        assert_eq!(Listen::parse("tcp").unwrap().hosts.len(), 2);
        let fixed = Listen::parse("/ip4/127.0.0.1/tcp/443").unwrap();
        assert_eq!((fixed.by, fixed.port, fixed.is_loopback()), (By::Tcp, 443, true));
        for wrong in ["udp", "", "/ip4/127.0.0.1/udp/4001", "/dns4/example/tcp/1", "/ip4/127.0.0.1/tcp/1/ws"] {
            assert!(matches!(Listen::parse(wrong), Err(NetworkError::Listen(text)) if text == wrong));
        }
    }

    #[test]
    fn n_102_udp_and_tcp_get_the_same_number_and_a_remembered_one_comes_back() {
        let listen =
            [Listen::parse("/ip4/127.0.0.1/udp/0/quic-v1").unwrap(), Listen::parse("/ip4/127.0.0.1/tcp/0").unwrap()];
        let (port, places) = places_of(&listen, None);
        assert!(places.iter().all(|text| text.contains(&format!("/{port}"))), "{places:?}");
        assert_eq!(places_of(&listen, Some(port)).0, port);
        let taken = UdpSocket::bind(("127.0.0.1", port)).unwrap();
        assert_ne!(places_of(&listen, Some(port)).0, port, "taken for one, so taken for both");
        drop(taken);
    }

    fn places_of(listen: &[Listen], remembered: Option<u16>) -> (u16, Vec<String>) {
        let (port, places) = places(listen, remembered).unwrap();
        (port.unwrap(), places.iter().map(|place| place.address.to_string()).collect())
    }

    #[test]
    fn n_102_an_explicit_port_that_is_taken_is_an_error_with_its_number() {
        let taken = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let port = taken.local_addr().unwrap().port();
        let listen = [Listen::parse(&format!("/ip4/127.0.0.1/tcp/{port}")).unwrap()];
        assert!(matches!(places(&listen, None), Err(NetworkError::PortTaken(number)) if number == port));
    }

    #[test]
    fn r_17_loopback_is_told_only_if_there_is_nothing_else() {
        let all: Vec<Multiaddr> = [
            "/ip4/127.0.0.1/tcp/4001",
            "/ip4/10.0.0.3/tcp/4001",
            "/ip4/203.0.113.3/tcp/4001",
            "/ip4/10.0.0.3/udp/4001/quic-v1",
            "/ip4/10.0.0.3/udp/4001/quic-v1",
            "/ip6/fe80::1/tcp/4001",
        ]
        .iter()
        .map(|text| text.parse().unwrap())
        .collect();
        let told = |listeners: &[Multiaddr]| -> Vec<String> {
            let told = to_tell(listeners.iter());
            told.into_iter().map(|bytes| Multiaddr::try_from(bytes).unwrap().to_string()).collect()
        };
        let expected = ["/ip4/203.0.113.3/tcp/4001", "/ip4/10.0.0.3/udp/4001/quic-v1", "/ip4/10.0.0.3/tcp/4001"];
        assert_eq!(told(&all), expected);
        assert_eq!(told(&all[..1]), ["/ip4/127.0.0.1/tcp/4001"]);
    }
}
