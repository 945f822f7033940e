//! The task that owns the swarm: takes orders, keeps books on connections, passes on news. It never waits for anybody.

mod calls;
mod people;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use libp2p::core::ConnectedPoint;
use libp2p::swarm::{ConnectionId, SwarmEvent};
use libp2p::{PeerId, Swarm, mdns, ping};
use tokio::sync::{mpsc, oneshot};
use tokio::time::{MissedTickBehavior, Sleep, interval, sleep};

use super::behaviour::{Behaviour, BehaviourEvent};
use super::connections::{Connection, Standing};
use super::dials::{Dials, Pending, Reached, Wish};
use super::discovery::{self, Interfaces};
use super::limits::{FAREWELL, LISTENING_SETTLE, NETWORKS_SETTLE, NEWS_MAX, PORT_TRIES};
use super::listen;
use super::peers::Surroundings;
use super::shared::{Ended, Shared};
use super::streams::Outcome;
use super::{FromNetwork, NetworkConfig, NetworkError, ToNetwork};
use crate::clock::Clock;

/// Why the task ended without a panic.
pub(super) enum Why {
    /// It was told to.
    Shutdown(oneshot::Sender<()>),
    /// Rule N-1304: with new sockets it may work again.
    Rebuild,
    /// The driver is gone.
    NoDriver,
}

/// The task.
pub(super) struct NetworkTask {
    shared: Arc<Shared>,
    swarm: Swarm<Behaviour>,
    interfaces: Interfaces,
    surroundings: Surroundings,
    connections: BTreeMap<ConnectionId, Connection>,
    dials: Dials,
    members: BTreeSet<PeerId>,
    news: VecDeque<FromNetwork>,
    port: Option<u16>,
    /// What the core was told last.
    told_addresses: Vec<Vec<u8>>,
    /// Set while addresses have changed and the core doesn't know.
    settled: Option<Pin<Box<Sleep>>>,
    told_networks: Option<Vec<(IpAddr, u8)>>,
    networks_settled: Option<Pin<Box<Sleep>>>,
}

impl NetworkTask {
    /// Listens where the configuration says.
    pub(super) fn listening(
        shared: Arc<Shared>,
        mut swarm: Swarm<Behaviour>,
        config: &NetworkConfig,
    ) -> Result<Self, NetworkError> {
        let port = listen_on(&mut swarm, config)?;
        let interfaces = Interfaces::watch();
        let loopback_only = listen::loopback_only(&config.listen);
        let surroundings = Surroundings { networks: interfaces.networks(), loopback_only };
        swarm.behaviour_mut().gate.follow(&surroundings);
        let mut task = Self {
            shared,
            swarm,
            interfaces,
            surroundings,
            connections: BTreeMap::new(),
            dials: Dials::default(),
            members: BTreeSet::new(),
            news: VecDeque::new(),
            port,
            told_addresses: Vec::new(),
            settled: Some(Box::pin(sleep(LISTENING_SETTLE))),
            told_networks: None,
            networks_settled: Some(Box::pin(sleep(NETWORKS_SETTLE))),
        };
        task.follow_classes();
        Ok(task)
    }

    /// The port that stands for every 0.
    pub(super) const fn port(&self) -> Option<u16> {
        self.port
    }

    /// Runs until the driver wants no more.
    pub(super) async fn run(&mut self, inbox: &mut mpsc::Receiver<ToNetwork>, ends: &mut mpsc::Receiver<Ended>) -> Why {
        let events = self.shared.events.clone();
        let mut tick = interval(Duration::from_secs(1));
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                order = inbox.recv() => match order {
                    Some(ToNetwork::Shutdown(answer)) => {
                        self.say_goodbye(ends).await;
                        return Why::Shutdown(answer);
                    }
                    Some(ToNetwork::Rebuild) => return Why::Rebuild,
                    Some(order) => self.on_order(order),
                    None => return Why::NoDriver,
                },
                event = self.swarm.select_next_some() => self.on_event(event),
                Some(ended) = ends.recv() => self.on_ended(&ended),
                () = self.interfaces.changed() => self.on_interfaces(),
                permit = events.reserve(), if !self.news.is_empty() => match (permit, self.news.pop_front()) {
                    (Ok(permit), Some(news)) => permit.send(news),
                    (Err(_), _) => return Why::NoDriver,
                    (_, None) => {}
                },
                () = due(&mut self.settled) => self.tell_addresses(),
                () = due(&mut self.networks_settled) => self.tell_networks(),
                _ = tick.tick(), if !self.connections.is_empty() => self.close_idle(),
            }
        }
    }

    fn on_order(&mut self, order: ToNetwork) {
        match order {
            ToNetwork::Send { link, frame } => {
                if let Some(link) = self.shared.link(link) {
                    link.send(frame);
                }
            }
            ToNetwork::HangUp { link, block_ms } => self.on_hang_up(link, block_ms),
            ToNetwork::Dial { peer, channel, addresses, source } => {
                self.on_dial(Wish { peer, channel }, &addresses, source);
            }
            ToNetwork::Classes(classes) => self.on_classes(classes),
            ToNetwork::Block(keys) => self.on_listed(&keys),
            ToNetwork::OpenBlob { peer, answer } => self.on_open_blob(&peer, answer),
            ToNetwork::NetworkChanged => self.on_network_changed(),
            // These end the task: `run` has taken them.
            ToNetwork::Shutdown(_) | ToNetwork::Rebuild => {}
            #[cfg(test)]
            ToNetwork::Panic => std::panic::resume_unwind(Box::new("a test wants it")),
            #[cfg(test)]
            ToNetwork::Settled(answer) => answer.send(()).unwrap_or_default(),
        }
    }

    fn on_event(&mut self, event: SwarmEvent<BehaviourEvent>) {
        match event {
            SwarmEvent::Behaviour(event) => self.on_behaviour(event),
            SwarmEvent::ConnectionEstablished { peer_id, connection_id, endpoint, .. } => {
                self.on_established(peer_id, connection_id, &endpoint);
            }
            SwarmEvent::ConnectionClosed { connection_id, .. } => {
                self.connections.remove(&connection_id);
                self.shared.set_round_trip(connection_id, None);
                for pending in self.dials.closed(connection_id) {
                    self.on_not_opened(pending);
                }
            }
            SwarmEvent::OutgoingConnectionError { connection_id, error, .. } => {
                tracing::debug!(%error, "dial failed");
                self.on_dial_failed(connection_id);
            }
            SwarmEvent::NewListenAddr { .. }
            | SwarmEvent::ExpiredListenAddr { .. }
            | SwarmEvent::ListenerClosed { .. } => self.settled = Some(Box::pin(sleep(LISTENING_SETTLE))),
            _ => {}
        }
    }

    fn on_established(&mut self, peer: PeerId, id: ConnectionId, endpoint: &ConnectedPoint) {
        self.connections.insert(id, Connection::new(peer, endpoint, Clock::now().mono_ms));
        match self.dials.reached(id) {
            Reached::Open(wishes) => {
                for wish in wishes {
                    self.open(id, peer, Pending { wish, instead: Vec::new() });
                }
            }
            Reached::TooLate => {
                self.swarm.close_connection(id);
            }
            Reached::Unasked => {}
        }
    }

    fn on_behaviour(&mut self, event: BehaviourEvent) {
        match event {
            BehaviourEvent::Streams(opening) => {
                let Some(openings) = self.dials.opened(opening.connection, opening.channel) else { return };
                match opening.outcome {
                    Outcome::Failed => self.on_not_opened(openings.into_newest()),
                    Outcome::Open => self.on_wished_again(openings.later),
                }
            }
            BehaviourEvent::Gate(refusal) => self.tell(FromNetwork::Refused { reason: refusal.reason() }),
            BehaviourEvent::Ping(ping::Event { connection, result, .. }) => self.on_ping(connection, result),
            BehaviourEvent::Mdns(mdns::Event::Discovered(found)) => {
                for (peer, addresses) in discovery::sighted(found) {
                    self.tell(FromNetwork::Sighted { peer, addresses });
                }
            }
            BehaviourEvent::Mdns(mdns::Event::Expired(_)) | BehaviourEvent::Identify(_) => {}
            BehaviourEvent::Limits(never) | BehaviourEvent::Blobs(never) => match never {},
        }
    }

    fn on_ping(&mut self, id: ConnectionId, result: Result<Duration, ping::Failure>) {
        let Some(connection) = self.connections.get_mut(&id) else { return };
        match result {
            Ok(took) => {
                let path = connection.path;
                let Some(round_trip_ms) = connection.round_trip.measured(took, Clock::now().mono_ms) else { return };
                self.shared.set_round_trip(id, Some(round_trip_ms));
                for link in self.shared.live().iter().filter(|link| link.place.connection == id) {
                    self.tell(FromNetwork::Quality { link: link.id, round_trip_ms, path });
                }
            }
            Err(error) => {
                tracing::debug!(%error, "connection is dead");
                self.swarm.close_connection(id);
            }
        }
    }

    fn on_ended(&mut self, ended: &Ended) {
        if let Some(household) = ended.bad_knock {
            self.swarm.behaviour_mut().gate.knock_failed(household);
        }
        let Some(connection) = self.connections.get_mut(&ended.connection) else { return };
        connection.stream_ended(Clock::now().mono_ms);
        if self.swarm.behaviour().gate.is_blocked(&connection.peer) {
            self.swarm.close_connection(ended.connection);
        }
    }

    /// Closes connections without streams: 10 s after the last one ended, and those of strangers who open none.
    fn close_idle(&mut self) {
        let now = Clock::now().mono_ms;
        for (_, connection) in self.connections.iter_mut().filter(|(id, _)| self.shared.blobs.uses(**id)) {
            // It is in use now; should that end, ten seconds begin.
            connection.stream_ended(now);
        }
        let live = self.shared.live();
        let idle = self.connections.iter().filter(|(id, connection)| {
            let known = self.shared.class(&connection.peer).is_some();
            let standing = if known { Standing::Known } else { Standing::Stranger };
            connection.is_useless(standing, now) && !live.iter().any(|link| link.place.connection == **id)
        });
        let idle: Vec<ConnectionId> = idle.map(|(id, _)| *id).collect();
        for id in idle {
            self.swarm.close_connection(id);
        }
    }

    /// The system tells one address at a time, also at the start: the driver hears once, when it has settled.
    fn on_interfaces(&mut self) {
        self.surroundings.networks = self.interfaces.networks();
        self.networks_settled = Some(Box::pin(sleep(NETWORKS_SETTLE)));
    }

    fn tell_networks(&mut self) {
        self.networks_settled = None;
        let now = self.surroundings.networks.clone();
        let before = self.told_networks.replace(now);
        if before.is_some() && before != self.told_networks {
            self.tell(FromNetwork::InterfacesChanged);
        }
    }

    /// By N-1302, as far as local addresses are known: those of connections that came in.
    fn on_network_changed(&mut self) {
        self.surroundings.networks = self.interfaces.networks();
        let own: BTreeSet<IpAddr> = self.surroundings.networks.iter().map(|(ip, _)| ip.to_canonical()).collect();
        let gone = self.connections.iter().filter(|(_, connection)| {
            connection
                .local
                .is_some_and(|local| !local.is_loopback() && !local.is_unspecified() && !own.contains(&local))
        });
        let gone: Vec<ConnectionId> = gone.map(|(id, _)| *id).collect();
        if own.is_empty() {
            return;
        }
        for id in gone {
            self.swarm.close_connection(id);
        }
    }

    fn tell_addresses(&mut self) {
        self.settled = None;
        let addresses = listen::to_tell(self.swarm.listeners());
        if addresses != self.told_addresses {
            self.told_addresses.clone_from(&addresses);
            self.tell(FromNetwork::Listening { addresses });
        }
    }

    /// News wait here until the driver has room. Too many of the countable kind are dropped; a failed dial never is,
    /// there are only as many as the driver ordered.
    fn tell(&mut self, news: FromNetwork) {
        let countable =
            matches!(news, FromNetwork::Refused { .. } | FromNetwork::Sighted { .. } | FromNetwork::Quality { .. });
        if !countable || self.news.len() < NEWS_MAX {
            self.news.push_back(news);
        }
    }

    /// Rule N-1305: what is queued leaves, at most for a second.
    async fn say_goodbye(&mut self, ends: &mut mpsc::Receiver<Ended>) {
        for link in self.shared.live() {
            link.leave(FAREWELL);
        }
        // Bytes of attachments would only delay the last words.
        self.shared.blobs.cut(|_, _| true);
        let until = sleep(FAREWELL);
        tokio::pin!(until);
        while !self.shared.live().is_empty() {
            tokio::select! {
                () = &mut until => return,
                _ = self.swarm.select_next_some() => {}
                _ = ends.recv() => {}
            }
        }
    }
}

/// Waits for a moment, if one is set.
async fn due(moment: &mut Option<Pin<Box<Sleep>>>) {
    match moment {
        Some(moment) => moment.await,
        None => std::future::pending().await,
    }
}

/// One port number for all, tried anew if another program is quicker (N-102).
fn listen_on(swarm: &mut Swarm<Behaviour>, config: &NetworkConfig) -> Result<Option<u16>, NetworkError> {
    let mut refused = NetworkError::NoPort;
    let mut remembered = config.remembered_port;
    for _ in 0..PORT_TRIES {
        let (port, places) = listen::places(&config.listen, remembered.take())?;
        match listen_on_all(swarm, places) {
            Ok(()) => return Ok(port),
            Err(error) => refused = error,
        }
        if port.is_none() {
            break;
        }
    }
    Err(refused)
}

fn listen_on_all(swarm: &mut Swarm<Behaviour>, places: Vec<listen::Place>) -> Result<(), NetworkError> {
    let mut listeners = Vec::new();
    for place in places {
        let text = place.address.to_string();
        match swarm.listen_on(place.address) {
            Ok(listener) => listeners.push(listener),
            Err(error) if place.optional => tracing::info!(%error, address = text, "not listening there"),
            Err(_) => {
                for listener in listeners {
                    swarm.remove_listener(listener);
                }
                return Err(NetworkError::Refused(text));
            }
        }
    }
    Ok(())
}
