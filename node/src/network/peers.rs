//! Names and addresses of peers: `MemberKey` ↔ `PeerId`, and which addresses may be dialled (N-105, N-809).
//!
//! A person is a 32-byte Ed25519 key to everything above this folder; a `PeerId` is the same key in libp2p's clothes.
//! Addresses come from strangers' hands sooner or later, so those that the person did not give are read with suspicion:
//! nothing that points back at this computer, at the router or at a neighbour's printer is dialled for them.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use coterie_protocol::{MemberKey, Path};
use libp2p::identity::{PublicKey, ed25519};
use libp2p::multiaddr::Protocol;
use libp2p::{Multiaddr, PeerId};

use super::AddressSource;

/// The name of a person's node on the network.
///
/// Rule N-105: it is the Ed25519 key. `None` if the bytes are no key.
pub(super) fn peer_id(key: &MemberKey) -> Option<PeerId> {
    ed25519::PublicKey::try_from_bytes(key.as_bytes()).ok().map(|key| PublicKey::from(key).to_peer_id())
}

/// The key behind a name; `None` for any other type of key.
pub(super) fn member_key(peer: &PeerId) -> Option<MemberKey> {
    let digest = peer.as_ref();
    let public = PublicKey::try_decode_protobuf(digest.digest()).ok()?;
    let key = MemberKey(public.try_into_ed25519().ok()?.to_bytes());
    // An identity hash of the key and nothing else: a second name for the same key would be a second person.
    (peer_id(&key)? == *peer).then_some(key)
}

/// How a connection to this address gets there.
pub(super) fn path_of(address: &Multiaddr) -> Path {
    if address.iter().any(|part| matches!(part, Protocol::P2pCircuit)) {
        Path::Relayed
    } else if address.iter().any(|part| matches!(part, Protocol::QuicV1)) {
        Path::DirectQuic
    } else {
        Path::DirectTcp
    }
}

/// The host of an address, an IPv4 one in IPv6 clothes undressed.
pub(super) fn ip_of(address: &Multiaddr) -> Option<IpAddr> {
    match address.iter().next()? {
        Protocol::Ip4(ip) => Some(IpAddr::V4(ip)),
        Protocol::Ip6(ip) => Some(IpAddr::V6(ip).to_canonical()),
        _ => None,
    }
}

/// What counts as one address for limits: an IPv4 /32, an IPv6 /64 (N-204).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Household(u64, bool);

impl Household {
    /// All that come from nowhere in particular.
    pub(super) const UNKNOWN: Self = Self(0, true);

    /// Whose door an address is; relayed ones share that of the relay.
    pub(super) fn of(address: &Multiaddr) -> Option<Self> {
        Some(match ip_of(address)? {
            IpAddr::V4(ip) => Self(u64::from(u32::from(ip)), false),
            IpAddr::V6(ip) => Self(u64::try_from(u128::from(ip) >> 64).unwrap_or_default(), true),
        })
    }
}

/// An address without the `/p2p` part that names whom one expects there.
pub(super) fn without_peer(mut address: Multiaddr) -> (Multiaddr, Option<PeerId>) {
    match address.iter().last() {
        Some(Protocol::P2p(peer)) => {
            address.pop();
            (address, Some(peer))
        }
        _ => (address, None),
    }
}

/// Where this node stands: what decides which learned addresses make sense.
#[derive(Clone, Debug, Default)]
pub(super) struct Surroundings {
    /// Own networks: address and prefix length.
    pub(super) networks: Vec<(IpAddr, u8)>,
    /// Every own listen address is a loopback one, so a group on one machine meshes by itself.
    pub(super) loopback_only: bool,
}

impl Surroundings {
    /// Whether an address may be dialled.
    ///
    /// By N-809, those of the person as they are; learned ones only as `ip / tcp` or `ip / udp / quic-v1`, with a
    /// port that belongs to programs and a host that is public or in an own network.
    pub(super) fn may_dial(&self, address: &Multiaddr, source: AddressSource) -> bool {
        match (source, Shape::of(address)) {
            (_, None) => false,
            (AddressSource::Person, Some(_)) => true,
            (AddressSource::Learned, Some(Shape::Named)) => false,
            (AddressSource::Learned, Some(Shape::Direct { ip, port })) => {
                (port == 443 || port >= 1_024) && self.is_plausible(ip)
            }
        }
    }

    fn is_plausible(&self, ip: IpAddr) -> bool {
        match Reach::of(ip) {
            Reach::Public => true,
            Reach::Loopback => self.loopback_only,
            Reach::Private => self.networks.iter().any(|&(own, prefix)| same_network(own, ip, prefix)),
            Reach::Nowhere => false,
        }
    }
}

/// Whether everybody on the internet could mean this address (N-210).
pub(super) fn is_global(address: &Multiaddr) -> bool {
    ip_of(address).is_some_and(|ip| Reach::of(ip) == Reach::Public)
}

/// The forms that this node can dial.
enum Shape {
    Direct { ip: IpAddr, port: u16 },
    Named,
}

impl Shape {
    fn of(address: &Multiaddr) -> Option<Self> {
        let (address, _) = without_peer(address.clone());
        let mut parts = address.iter();
        let host = parts.next()?;
        let port = match (parts.next()?, parts.next(), parts.next()) {
            (Protocol::Tcp(port), None, None) => port,
            (Protocol::Udp(port), Some(Protocol::QuicV1), None) => port,
            _ => return None,
        };
        match host {
            Protocol::Ip4(_) | Protocol::Ip6(_) if port > 0 => Some(Self::Direct { ip: ip_of(&address)?, port }),
            Protocol::Dns(_) | Protocol::Dns4(_) | Protocol::Dns6(_) if port > 0 => Some(Self::Named),
            _ => None,
        }
    }
}

/// How far an IP address carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reach {
    /// Everywhere.
    Public,
    /// Its own network: RFC 1918, carriers' NAT, unique local.
    Private,
    /// This computer.
    Loopback,
    /// Link-local, multicast, unspecified, reserved.
    Nowhere,
}

impl Reach {
    /// Of one address.
    pub(super) fn of(ip: IpAddr) -> Self {
        match ip.to_canonical() {
            IpAddr::V4(ip) => Self::of_v4(ip),
            IpAddr::V6(ip) => Self::of_v6(ip),
        }
    }

    fn of_v4(ip: Ipv4Addr) -> Self {
        let [a, b, ..] = ip.octets();
        if ip.is_loopback() {
            Self::Loopback
        } else if ip.is_private() || (a == 100 && (64..128).contains(&b)) {
            Self::Private
        } else if a == 0 || a >= 224 || ip.is_link_local() {
            Self::Nowhere
        } else {
            Self::Public
        }
    }

    fn of_v6(ip: Ipv6Addr) -> Self {
        if ip.is_loopback() {
            Self::Loopback
        } else if ip.is_unique_local() {
            Self::Private
        } else if ip.octets().first().is_some_and(|first| first & 0xE0 == 0x20) {
            Self::Public
        } else {
            Self::Nowhere
        }
    }
}

fn same_network(own: IpAddr, other: IpAddr, prefix: u8) -> bool {
    let bits = |ip: IpAddr| match ip.to_canonical() {
        IpAddr::V4(ip) => (u128::from(u32::from(ip)) << 96, 32),
        IpAddr::V6(ip) => (u128::from(ip), 128),
    };
    let ((own, width), (other, other_width)) = (bits(own), bits(other));
    let prefix = u32::from(prefix).min(width);
    width == other_width && (prefix == 0 || (own ^ other) >> (128 - prefix) == 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> Multiaddr {
        text.parse().unwrap()
    }

    #[test]
    fn n_105_a_key_and_its_name_lead_to_each_other() {
        let pair = ed25519::Keypair::generate();
        let key = MemberKey(pair.public().to_bytes());
        let peer = peer_id(&key).unwrap();
        assert_eq!(peer, PublicKey::from(pair.public()).to_peer_id());
        assert_eq!(member_key(&peer), Some(key));
    }

    #[test]
    fn n_105_a_name_that_is_no_ed25519_key_is_nobody() {
        assert_eq!(member_key(&PeerId::random()), None);
        // A secp256k1 node of the wide world.
        let other: PeerId = "16Uiu2HAmV8cKzcbRiSzWjQGSiNnMFUsqaLNzcnhZAKHJ9pTyDL7j".parse().unwrap();
        assert_eq!(member_key(&other), None);
    }

    #[test]
    fn n_809_learned_addresses_are_read_with_suspicion() {
        let here = Surroundings { networks: vec![("192.168.7.2".parse().unwrap(), 24)], loopback_only: false };
        let learned = |text: &str| here.may_dial(&address(text), AddressSource::Learned);
        assert!(learned("/ip4/203.0.113.9/tcp/4001"));
        assert!(learned("/ip4/203.0.113.9/udp/443/quic-v1"));
        assert!(learned("/ip6/2001:db8::1/udp/4001/quic-v1"));
        assert!(learned("/ip4/192.168.7.200/tcp/4001"));
        for refused in [
            "/ip4/192.168.8.200/tcp/4001",
            "/ip4/127.0.0.1/tcp/4001",
            "/ip6/::1/tcp/4001",
            "/ip6/::ffff:127.0.0.1/tcp/4001",
            "/ip4/169.254.1.1/tcp/4001",
            "/ip4/224.0.0.251/udp/5353/quic-v1",
            "/ip4/0.0.0.0/tcp/4001",
            "/ip6/fe80::1/tcp/4001",
            "/ip4/203.0.113.9/tcp/22",
            "/ip4/203.0.113.9/udp/4001",
            "/ip4/203.0.113.9/tcp/4001/ws",
            "/dns4/printer.example/tcp/4001",
            "/ip4/203.0.113.9/tcp/0",
        ] {
            assert!(!learned(refused), "{refused}");
        }
    }

    #[test]
    fn n_809_what_the_person_gave_is_dialled_as_it_is() {
        let here = Surroundings::default();
        for given in ["/ip4/127.0.0.1/tcp/4001", "/ip4/10.0.0.9/udp/4001/quic-v1", "/dns4/host.example/tcp/443"] {
            assert!(here.may_dial(&address(given), AddressSource::Person), "{given}");
        }
        assert!(!here.may_dial(&address("/unix/tmp"), AddressSource::Person));
    }

    #[test]
    fn r_14_a_node_that_listens_on_loopback_only_dials_loopback() {
        let alone = Surroundings { networks: Vec::new(), loopback_only: true };
        assert!(alone.may_dial(&address("/ip4/127.0.0.1/tcp/4001"), AddressSource::Learned));
    }

    #[test]
    fn n_204_an_ipv6_household_is_a_64() {
        let of = |text: &str| Household::of(&address(text)).unwrap();
        assert_eq!(of("/ip6/2001:db8::1/tcp/1"), of("/ip6/2001:db8::ffff/tcp/2"));
        assert_ne!(of("/ip6/2001:db8::1/tcp/1"), of("/ip6/2001:db8:0:1::1/tcp/1"));
        assert_ne!(of("/ip4/203.0.113.1/tcp/1"), of("/ip4/203.0.113.2/tcp/1"));
        assert_eq!(of("/ip6/::ffff:203.0.113.1/tcp/1"), of("/ip4/203.0.113.1/tcp/1"));
    }
}
