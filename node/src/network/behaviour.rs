//! The libp2p parts in use, put together with our gate and our streams, and a swarm round them (N-101, N-103).
//!
//! Few parts, because each of them stands before strangers: our gate first, then the library's connection limits with a
//! bypass for members, our streams, ping to notice dead paths, identify stripped to what observed addresses need, and
//! mDNS if the person wants it.

use std::collections::BTreeSet;
use std::sync::Arc;

use libp2p::connection_limits::{self, ConnectionLimits};
use libp2p::identity::Keypair;
use libp2p::swarm::behaviour::toggle::Toggle;
use libp2p::swarm::{self, NetworkBehaviour, Swarm};
use libp2p::{PeerId, identify, mdns, ping};

use super::blobs::Blobs;
use super::gate::Gate;
use super::limits::{
    CONNECTION_EVENTS_MAX, ESTABLISHED_MAX, IDENTIFY_EVERY, IDLE_CONNECTION, NEGOTIATING_INBOUND_MAX, PENDING_IN_MAX,
    PENDING_OUT_MAX, PER_PEER_MAX, PING_EVERY, PING_TIMEOUT,
};
use super::shared::Shared;
use super::streams::Streams;
use super::{NetworkError, discovery, transport};

/// All parts; the gate is asked first.
#[derive(NetworkBehaviour)]
pub(super) struct Behaviour {
    pub(super) gate: Gate,
    pub(super) limits: connection_limits::Behaviour,
    pub(super) streams: Streams,
    pub(super) blobs: Blobs,
    pub(super) ping: ping::Behaviour,
    pub(super) identify: identify::Behaviour,
    pub(super) mdns: Toggle<mdns::tokio::Behaviour>,
}

impl Behaviour {
    /// Members are never refused because of strangers (N-103).
    pub(super) fn set_members(&mut self, before: &BTreeSet<PeerId>, now: &BTreeSet<PeerId>) {
        before.difference(now).for_each(|peer| self.limits.remove_peer_id(peer));
        now.difference(before).for_each(|peer| self.limits.bypass_peer_id(peer));
    }
}

/// Whether this node shows itself on the LAN and looks for others there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lan {
    /// mDNS runs.
    Seen,
    /// No multicast socket is opened.
    Unseen,
}

/// A swarm that doesn't listen yet.
pub(super) fn swarm(keypair: &Keypair, shared: &Arc<Shared>, lan: Lan) -> Result<Swarm<Behaviour>, NetworkError> {
    let peer = keypair.public().to_peer_id();
    let behaviour = Behaviour {
        gate: Gate::new(Arc::clone(shared)),
        limits: connection_limits::Behaviour::new(limits()),
        streams: Streams::new(Arc::clone(shared)),
        blobs: Blobs::new(Arc::clone(shared)),
        ping: ping::Behaviour::new(ping_config()),
        identify: identify::Behaviour::new(identify_config(keypair)),
        mdns: discovery::mdns(lan, peer).into(),
    };
    Ok(Swarm::new(transport::transport(keypair)?, behaviour, peer, swarm_config()))
}

fn swarm_config() -> swarm::Config {
    swarm::Config::with_tokio_executor()
        .with_smart_dial()
        .with_idle_connection_timeout(IDLE_CONNECTION)
        .with_max_negotiating_inbound_streams(NEGOTIATING_INBOUND_MAX)
        .with_per_connection_event_buffer_size(CONNECTION_EVENTS_MAX)
}

fn limits() -> ConnectionLimits {
    ConnectionLimits::default()
        .with_max_pending_incoming(Some(PENDING_IN_MAX))
        .with_max_pending_outgoing(Some(PENDING_OUT_MAX))
        .with_max_established(Some(ESTABLISHED_MAX))
        .with_max_established_per_peer(Some(PER_PEER_MAX))
}

fn ping_config() -> ping::Config {
    ping::Config::new().with_interval(PING_EVERY).with_timeout(PING_TIMEOUT)
}

/// The default agent string names library and version; ours says nothing. Addresses travel in sealed records.
fn identify_config(keypair: &Keypair) -> identify::Config {
    identify::Config::new(String::from("coterie/1"), keypair.public())
        .with_agent_version(String::from("-"))
        .with_hide_listen_addrs(true)
        .with_push_listen_addr_updates(false)
        .with_cache_size(0)
        .with_interval(IDENTIFY_EVERY)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn n_103_the_behaviours_are_built_with_our_values() {
        let limits = format!("{:?}", limits());
        for value in [
            "max_pending_incoming: Some(32)",
            "max_pending_outgoing: Some(64)",
            "max_established_total: Some(64)",
            "max_established_per_peer: Some(3)",
        ] {
            assert!(limits.contains(value), "{limits}");
        }
        let ping = format!("{:?}", ping_config());
        assert!(ping.contains("timeout: 10s") && ping.contains("interval: 15s"), "{ping}");
        let identify = identify_config(&Keypair::generate_ed25519());
        assert_eq!((identify.protocol_version(), identify.agent_version()), ("coterie/1", "-"));
        assert!(identify.hide_listen_addrs() && !identify.push_listen_addr_updates());
        assert_eq!((identify.cache_size(), identify.interval()), (0, Duration::from_secs(300)));
    }
}
