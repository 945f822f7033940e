//! What is around this computer: its own networks, and nodes that call out on the LAN (N-809).
//!
//! The LAN sees a `PeerId` and addresses under `_p2p._udp.local`, a service name fixed in libp2p; nothing about groups.
//! Whoever is sighted is only told to the core, which dials it if it knows the key.

use std::collections::BTreeMap;
use std::net::IpAddr;

use coterie_protocol::MemberKey;
use futures::StreamExt;
use if_watch::IfEvent;
use if_watch::tokio::IfWatcher;
use libp2p::{Multiaddr, PeerId, mdns};

use super::behaviour::Lan;
use super::limits::{MDNS_EVERY, MDNS_TTL};
use super::peers::{member_key, without_peer};

/// The mDNS part, if wanted and possible.
pub(super) fn mdns(lan: Lan, peer: PeerId) -> Option<mdns::tokio::Behaviour> {
    match lan {
        Lan::Unseen => None,
        Lan::Seen => mdns::tokio::Behaviour::new(mdns_config(), peer)
            .inspect_err(|error| tracing::info!(%error, "no mDNS on this computer"))
            .ok(),
    }
}

fn mdns_config() -> mdns::Config {
    mdns::Config { ttl: MDNS_TTL, query_interval: MDNS_EVERY, enable_ipv6: false }
}

/// Sightings by person, binary addresses without their `/p2p` part; other kinds of keys are nobody.
pub(super) fn sighted(found: Vec<(PeerId, Multiaddr)>) -> BTreeMap<MemberKey, Vec<Vec<u8>>> {
    let mut people: BTreeMap<MemberKey, Vec<Vec<u8>>> = BTreeMap::new();
    for (peer, address) in found {
        if let Some(key) = member_key(&peer) {
            people.entry(key).or_default().push(without_peer(address).0.to_vec());
        }
    }
    people
}

/// The own networks, kept up to date by the system.
pub(super) struct Interfaces(Option<IfWatcher>);

impl Interfaces {
    /// Starts watching. Where the system doesn't tell, no private address counts as near.
    pub(super) fn watch() -> Self {
        Self(IfWatcher::new().inspect_err(|error| tracing::info!(%error, "own networks unknown")).ok())
    }

    /// Waits for a change.
    pub(super) async fn changed(&mut self) {
        let change = match &mut self.0 {
            Some(watcher) => watcher.next().await,
            None => std::future::pending().await,
        };
        match change {
            Some(Ok(IfEvent::Up(network))) => tracing::debug!(%network, "network up"),
            Some(Ok(IfEvent::Down(network))) => tracing::debug!(%network, "network down"),
            Some(Err(error)) => tracing::debug!(%error, "own networks unclear"),
            None => self.0 = None,
        }
    }

    /// Address and prefix length of each.
    pub(super) fn networks(&self) -> Vec<(IpAddr, u8)> {
        let networks = self.0.iter().flat_map(IfWatcher::iter);
        networks.map(|network| (network.addr(), network.prefix_len())).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn n_103_mdns_is_built_with_our_values() {
        let config = mdns_config();
        assert_eq!(config.ttl, Duration::from_secs(360));
        assert_eq!(config.query_interval, Duration::from_secs(60));
        assert!(!config.enable_ipv6);
        assert!(mdns(Lan::Unseen, PeerId::random()).is_none());
    }

    #[test]
    fn n_809_sightings_are_told_by_person_without_the_name_in_the_address() {
        let peer = libp2p::identity::Keypair::generate_ed25519().public().to_peer_id();
        let plain: Multiaddr = "/ip4/192.168.7.9/tcp/4001".parse().unwrap();
        let named = plain.clone().with(libp2p::multiaddr::Protocol::P2p(peer));
        let people = sighted(vec![(peer, named), (PeerId::random(), plain.clone())]);
        assert_eq!(people, BTreeMap::from([(member_key(&peer).unwrap(), vec![plain.to_vec()])]));
    }
}
