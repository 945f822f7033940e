//! Addresses as others gave them, and which of them may be dialled.
//!
//! A dial is something another person makes this computer do. So a learned address is taken apart completely, and
//! whatever is not one of the few known forms is not dialled: no names, no loopback, no foreign private networks.
//! Binary multiaddr: <https://github.com/multiformats/multiaddr>.
#![cfg_attr(not(test), deny(clippy::arithmetic_side_effects, clippy::as_conversions))]

use alloc::vec::Vec;
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::ids::MemberKey;
use crate::limits::ADDRESS_BYTES_MAX;

const IP4: u64 = 4;
const TCP: u64 = 6;
const IP6: u64 = 41;
const UDP: u64 = 273;
const CIRCUIT: u64 = 290;
const P2P: u64 = 421;
const QUIC_V1: u64 = 461;
/// An Ed25519 PeerId is the identity multihash of its protobuf: 0x00, length 36, key type 1, length 32.
const PEER_PREFIX: &[u8] = &[0x00, 0x24, 0x08, 0x01, 0x12, 0x20];

/// How an address is reached once the network part is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Transport {
    /// UDP with QUIC v1.
    Quic,
    /// TCP.
    Tcp,
}

/// A learned address, taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Learned {
    /// Where.
    pub ip: IpAddr,
    /// Port.
    pub port: u16,
    /// How.
    pub transport: Transport,
    /// The relay's key, if the address goes through one.
    pub relay: Option<MemberKey>,
    /// Whom the address says it leads to.
    pub peer: Option<MemberKey>,
}

impl Learned {
    /// Takes a binary multiaddr apart: `/ip4|ip6` with `/tcp` or `/udp/…/quic-v1`, optional `/p2p`, optional one
    /// `/p2p-circuit` behind a named relay. `None` for everything else.
    #[must_use]
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        if bytes.len() > ADDRESS_BYTES_MAX {
            return None;
        }
        let mut rest = bytes;
        let ip = match code(&mut rest)? {
            IP4 => IpAddr::from(take::<4>(&mut rest)?),
            IP6 => IpAddr::from(take::<16>(&mut rest)?),
            _ => return None,
        };
        let (transport, port) = match code(&mut rest)? {
            TCP => (Transport::Tcp, take::<2>(&mut rest)?),
            UDP => {
                let port = take::<2>(&mut rest)?;
                (code(&mut rest)? == QUIC_V1).then_some((Transport::Quic, port))?
            }
            _ => return None,
        };
        let mut learned = Self { ip, port: u16::from_be_bytes(port), transport, relay: None, peer: None };
        while !rest.is_empty() {
            match code(&mut rest)? {
                P2P if learned.peer.is_none() => learned.peer = Some(peer(&mut rest)?),
                CIRCUIT if learned.relay.is_none() => learned.relay = Some(learned.peer.take()?),
                _ => return None,
            }
        }
        Some(learned)
    }
}

fn take<const N: usize>(rest: &mut &[u8]) -> Option<[u8; N]> {
    let (head, tail) = rest.split_first_chunk::<N>()?;
    *rest = tail;
    Some(*head)
}

/// One unsigned varint of at most two bytes, in its shortest form: no code that we know is longer.
fn code(rest: &mut &[u8]) -> Option<u64> {
    let [low] = take::<1>(rest)?;
    if low < 0x80 {
        return Some(u64::from(low));
    }
    let [high] = take::<1>(rest)?;
    (1..0x80).contains(&high).then(|| u64::from(low & 0x7f) | u64::from(high) << 7)
}

fn peer(rest: &mut &[u8]) -> Option<MemberKey> {
    let prefix = code(rest)?;
    let body = rest.strip_prefix(PEER_PREFIX).filter(|_| prefix == 38)?;
    *rest = body;
    take::<32>(rest).map(MemberKey)
}

/// What the own node knows of its networks.
#[derive(Clone, Debug, Default)]
pub struct Network {
    /// Own interface addresses in use.
    pub own: Vec<IpAddr>,
}

impl Network {
    /// From the own listen addresses, binary multiaddrs.
    #[must_use]
    pub fn from_listening(addresses: &[Vec<u8>]) -> Self {
        Self { own: addresses.iter().filter_map(|address| Learned::parse(address)).map(|own| own.ip).collect() }
    }

    /// Rule R-14: a node that listens on loopback alone may dial loopback, so that a group on one machine meshes.
    fn is_loopback_only(&self) -> bool {
        !self.own.is_empty() && self.own.iter().all(|ip| ip.to_canonical().is_loopback())
    }

    /// Whether an own interface is in the same subnet. Masks are not known here: /24 and /64 are what home and office
    /// networks use; a wider one only costs a dial that is not made.
    fn is_near(&self, ip: IpAddr) -> bool {
        self.own.iter().any(|own| match (own.to_canonical(), ip) {
            (IpAddr::V4(own), IpAddr::V4(ip)) => own.octets().iter().take(3).eq(ip.octets().iter().take(3)),
            (IpAddr::V6(own), IpAddr::V6(ip)) => own.octets().iter().take(8).eq(ip.octets().iter().take(8)),
            (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => false,
        })
    }
}

/// Whether an address learned from somebody else may be dialled. `is_known_relay` answers for roster and keepers.
///
/// Rule N-809: port 443 or from 1,024; never link-local, multicast, unspecified or reserved ranges; loopback by R-14
/// only; private ranges only in an own subnet; one relay at most, and a known one.
#[must_use]
pub fn dialable(address: &[u8], network: &Network, is_known_relay: &dyn Fn(&MemberKey) -> bool) -> bool {
    let Some(learned) = Learned::parse(address) else { return false };
    if learned.relay.is_some_and(|relay| !is_known_relay(&relay)) || (learned.port != 443 && learned.port < 1_024) {
        return false;
    }
    match reach(learned.ip.to_canonical()) {
        Reach::Public => true,
        Reach::Private => network.is_near(learned.ip.to_canonical()),
        Reach::Loopback => network.is_loopback_only(),
        Reach::Never => false,
    }
}

enum Reach {
    Public,
    Private,
    Loopback,
    Never,
}

fn reach(ip: IpAddr) -> Reach {
    match ip {
        IpAddr::V4(ip) => reach_v4(ip),
        IpAddr::V6(ip) => reach_v6(ip),
    }
}

fn reach_v4(ip: Ipv4Addr) -> Reach {
    match ip.octets() {
        [127, ..] => Reach::Loopback,
        // "This network", link-local, multicast, reserved and broadcast.
        [0, ..] | [169, 254, ..] | [224..=255, ..] => Reach::Never,
        // RFC 1918, and the shared space of RFC 6598.
        [10, ..] | [192, 168, ..] | [172, 16..=31, ..] | [100, 64..=127, ..] => Reach::Private,
        _ => Reach::Public,
    }
}

fn reach_v6(ip: Ipv6Addr) -> Reach {
    match ip.segments() {
        [0, 0, 0, 0, 0, 0, 0, 1] => Reach::Loopback,
        [0xfc00..=0xfdff, ..] => Reach::Private,
        // 6to4 and Teredo carry an IPv4 address inside that nobody checked.
        [0x2002, ..] | [0x2001, 0, ..] => Reach::Never,
        [0x2000..=0x3fff, ..] => Reach::Public,
        _ => Reach::Never,
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use alloc::vec;

    pub(crate) fn quic(ip: [u8; 4], port: u16) -> Vec<u8> {
        let mut bytes = vec![4];
        bytes.extend(ip);
        bytes.extend([0x91, 2]);
        bytes.extend(port.to_be_bytes());
        bytes.extend([0xcd, 3]);
        bytes
    }

    fn p2p(key: u8) -> Vec<u8> {
        let mut bytes = vec![0xa5, 3, 38];
        bytes.extend(PEER_PREFIX);
        bytes.extend([key; 32]);
        bytes
    }

    fn joined(parts: &[Vec<u8>]) -> Vec<u8> {
        parts.concat()
    }

    fn at(own: [u8; 4]) -> Network {
        Network { own: vec![IpAddr::from(own)] }
    }

    fn may(address: &[u8], network: &Network) -> bool {
        dialable(address, network, &|relay| relay.0 == [7; 32])
    }

    #[test]
    fn n_809_public_addresses_are_dialled_and_dangerous_ones_never() {
        let network = at([192, 168, 1, 9]);
        assert!(may(&quic([203, 0, 113, 5], 4_001), &network));
        assert!(may(&quic([203, 0, 113, 5], 443), &network));
        assert!(!may(&quic([203, 0, 113, 5], 22), &network));
        for never in [[0, 0, 0, 0], [127, 0, 0, 1], [169, 254, 1, 1], [224, 0, 0, 251], [255, 255, 255, 255]] {
            assert!(!may(&quic(never, 4_001), &network), "{never:?}");
        }
    }

    #[test]
    fn n_809_private_addresses_only_in_an_own_subnet() {
        assert!(may(&quic([192, 168, 1, 77], 4_001), &at([192, 168, 1, 9])));
        assert!(!may(&quic([192, 168, 2, 77], 4_001), &at([192, 168, 1, 9])));
        assert!(!may(&quic([100, 64, 2, 77], 4_001), &at([203, 0, 113, 5])));
    }

    #[test]
    fn r_14_loopback_is_dialled_only_by_a_node_that_listens_nowhere_else() {
        let loopback = quic([127, 0, 0, 1], 4_001);
        assert!(may(&loopback, &at([127, 0, 0, 1])));
        assert!(!may(&loopback, &Network { own: vec![IpAddr::from([127, 0, 0, 1]), IpAddr::from([10, 0, 0, 1])] }));
        assert!(!may(&loopback, &Network::default()));
    }

    #[test]
    fn n_809_version_six_hides_no_version_four() {
        let six = |ip: Ipv6Addr| joined(&[vec![41], ip.octets().to_vec(), vec![6, 0x0f, 0xa1]]);
        let network = at([192, 168, 1, 9]);
        assert!(may(&six("2a00:1450::1".parse().unwrap()), &network));
        for never in [
            "::",
            "::1",
            "::ffff:127.0.0.1",
            "::ffff:192.168.7.1",
            "::7f00:1",
            "fe80::1",
            "ff02::1",
            "fd00::1",
            "2002:7f00:1::",
            "2001::1",
            "64:ff9b::7f00:1",
        ] {
            assert!(!may(&six(never.parse().unwrap()), &network), "{never}");
        }
        assert!(may(&six("::ffff:192.168.1.5".parse().unwrap()), &network));
    }

    #[test]
    fn n_809_one_relay_and_only_a_known_one() {
        let through = |relay| joined(&[quic([203, 0, 113, 5], 4_001), p2p(relay), vec![0xa2, 2], p2p(1)]);
        let network = Network::default();
        assert!(may(&through(7), &network));
        assert!(!may(&through(8), &network));
        // A circuit without a named relay, or a second one.
        assert!(!may(&joined(&[quic([203, 0, 113, 5], 4_001), vec![0xa2, 2]]), &network));
        assert!(!may(&joined(&[through(7), vec![0xa2, 2]]), &network));
    }

    #[test]
    fn every_truncation_and_bit_flip_of_an_address_is_taken_apart_or_refused_without_panic() {
        let whole = joined(&[quic([203, 0, 113, 5], 4_001), p2p(7), vec![0xa2, 2], p2p(1)]);
        for end in 0..whole.len() {
            let _ = Learned::parse(&whole[..end]);
        }
        for bit in 0..whole.len() * 8 {
            let mut flipped = whole.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            let _ = may(&flipped, &Network::default());
        }
        // DNS names and codes of three bytes are not among the known forms.
        assert_eq!(Learned::parse(&[53, 1, b'a', 6, 0x0f, 0xa1]), None);
        assert_eq!(Learned::parse(&[0x84, 0x80, 0, 1, 2, 3, 4]), None);
    }
}
