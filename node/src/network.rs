//! The network: one task that owns the swarm, and nothing that knows what a group is.
//!
//! The core (owned by the driver's thread) says whom to dial, what to send and who counts as a member; this room says
//! who is connected and what came. It checks what can be checked without knowing anything: names, lengths, numbers,
//! addresses (N-201 to N-210, N-401, N-404). libp2p is named in this folder and nowhere else.
//!
//! Orders and news travel in bounded queues. The task never waits for the driver, or the two could wait for each other:
//! frames are handed over by the links' own tasks, which may wait as long as they like. A panic in the task leads to a
//! rebuilt swarm (N-107); nothing of a group is lost, because nothing of a group is here.

mod behaviour;
mod blobs;
mod connections;
mod dials;
mod discovery;
mod frames;
mod gate;
mod limits;
mod link;
mod listen;
mod peers;
mod queues;
mod shared;
mod stranger;
mod streams;
mod task;
mod transport;

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use coterie_protocol::{Channel, LinkId, MemberKey, Path, Secret};
use futures::FutureExt;
use libp2p::identity::Keypair;
use tokio::sync::{mpsc, oneshot};

use self::behaviour::Lan;
pub use self::blobs::{BlobStream, IncomingBlob};
use self::limits::{ENDED_MAX, ORDERS_MAX, REBUILD_PAUSE, REBUILDS_MAX, REBUILDS_MS};
pub use self::listen::Listen;
use self::shared::{Ended, Shared};
use self::task::{NetworkTask, Why};
use crate::clock::Clock;

/// What the driver tells the network.
#[derive(Debug)]
pub enum ToNetwork {
    /// Sends one whole frame: kind u8 ‖ slot u8 ‖ length u24 ‖ body. Its queue follows from its kind (N-404).
    Send {
        /// On which link; ignored if that is gone.
        link: LinkId,
        /// Header and body.
        frame: Bytes,
    },
    /// Ends a link. What is queued gets a second to leave (N-1305).
    HangUp {
        /// Which.
        link: LinkId,
        /// More than 0: its peer is refused for so long, and its connections end (N-211).
        block_ms: u64,
    },
    /// Opens a stream, over a connection that is there or a new one.
    Dial {
        /// Whose node; `None` for an address out of a link or `--via` (N-104: the join channel only).
        peer: Option<MemberKey>,
        /// What for.
        channel: Channel,
        /// Binary multiaddrs, at most 16 are tried.
        addresses: Vec<Vec<u8>>,
        /// Who vouches for them (N-809).
        source: AddressSource,
    },
    /// Opens a stream for attachments beside a group link that is open; never dials, and tries once (N-1201). `None`
    /// without such a link, without a slot (N-1203), or if the peer doesn't take it within five seconds.
    OpenBlob {
        /// With whom.
        peer: MemberKey,
        /// Always answered; by being dropped if the network itself is gone.
        answer: oneshot::Sender<Option<BlobStream>>,
    },
    /// Who may reach what from now on; replaces the table (N-201). All others are strangers.
    Classes(Vec<(MemberKey, Class)>),
    /// By R-16, the hidden setting `node.block`, whole. Open connections of these people end at once.
    Block(Vec<MemberKey>),
    /// Interfaces changed: connections from addresses that are gone end (N-1302).
    NetworkChanged,
    /// Drops the swarm with all its sockets and builds a new one on the same port: after sleep, or when nobody has been
    /// reached for long (N-1301, N-1304). Every link ends; blocks and classes stay.
    #[cfg_attr(not(test), expect(dead_code, reason = "asked for by the driver once it judges N-1301 and N-1304"))]
    Rebuild,
    /// Ends all links within a second, then the task (N-1305). The answer comes when the sockets are closed.
    Shutdown(oneshot::Sender<()>),
    /// Makes the task panic, to see it come back.
    #[cfg(test)]
    Panic,
    /// Answers when all that was ordered before it is done: without it a peer may be quicker than an order.
    #[cfg(test)]
    Settled(oneshot::Sender<()>),
}

/// Who vouches for an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AddressSource {
    /// The person gave it: dialled as it is, loopback and private ones included.
    Person,
    /// Learned from a member's record, the LAN or a lookup.
    Learned,
}

/// What a peer may reach (N-201).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Class {
    /// In the roster of a shared group.
    Member,
    /// A candidate without keys: the core lets membership pass and nothing else.
    Waiting,
}

/// Who opened a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Opener {
    /// We did.
    Us,
    /// The peer did.
    Peer,
}

/// What the network tells the driver.
#[derive(Debug)]
pub enum FromNetwork {
    /// A stream is open and acknowledged (N-205).
    Connected {
        /// Its number, never used again in this process.
        link: LinkId,
        /// Whose key the transport has proved.
        peer: MemberKey,
        /// What for.
        channel: Channel,
        /// How it gets there.
        path: Path,
        /// Who opened it.
        opener: Opener,
    },
    /// One whole frame whose length is within its kind's limit.
    Received {
        /// On which link.
        link: LinkId,
        /// Header and body.
        bytes: Bytes,
    },
    /// The link is gone; nothing more comes of it.
    Disconnected {
        /// Which.
        link: LinkId,
    },
    /// No stream came of a dial.
    DialFailed {
        /// Whom we meant.
        peer: Option<MemberKey>,
        /// What for.
        channel: Channel,
    },
    /// A full send queue was dropped whole: the link's slots must be settled by sync (N-406).
    Overflowed {
        /// Which link's.
        link: LinkId,
    },
    /// Round trip of a link, smoothed; on a change above a fifth, or every minute (N-106).
    Quality {
        /// Which.
        link: LinkId,
        /// In milliseconds, at least 1.
        round_trip_ms: u64,
        /// How it gets there.
        path: Path,
    },
    /// Where this node can be reached, best first, binary, without `/p2p`.
    Listening {
        /// All of them.
        addresses: Vec<Vec<u8>>,
    },
    /// Somebody called out on the LAN.
    Sighted {
        /// Who.
        peer: MemberKey,
        /// Where; not yet filtered.
        addresses: Vec<Vec<u8>>,
    },
    /// An interface came or went. The driver decides, and says `NetworkChanged` when it has settled.
    InterfacesChanged,
    /// Somebody was refused; counted in `status`.
    Refused {
        /// A stable word.
        reason: &'static str,
    },
}

/// What the network needs to know before it starts.
#[derive(Clone, Debug)]
pub struct NetworkConfig {
    /// `node.listen`.
    pub listen: Vec<Listen>,
    /// The port of the last start, tried again.
    pub remembered_port: Option<u16>,
    /// `node.mdns`.
    pub mdns: bool,
}

/// Why the network can't start.
#[derive(Debug, thiserror::Error)]
pub enum NetworkError {
    /// The identity is no key pair for the transports.
    #[error("the identity key cannot be used on the network")]
    Identity,
    /// An entry of `node.listen`.
    #[error("`{0}` is not something to listen on: use quic, tcp, /ip4/…/tcp/PORT or /ip4/…/udp/PORT/quic-v1")]
    Listen(String),
    /// An explicit port.
    #[error("port {0} is taken by another program")]
    PortTaken(u16),
    /// Not one of several.
    #[error("no free port was found for UDP and TCP")]
    NoPort,
    /// The system refused.
    #[error("the system refused to listen on {0}")]
    Refused(String),
}

/// The driver's end.
#[derive(Clone, Debug)]
pub struct NetworkHandle {
    orders: mpsc::Sender<ToNetwork>,
    port: Option<u16>,
    blobs: Arc<blobs::Books>,
}

impl NetworkHandle {
    /// The port that the system or the profile chose, to be remembered; `None` if all are explicit.
    #[must_use]
    pub const fn port(&self) -> Option<u16> {
        self.port
    }

    /// The bounded queue of orders. The task always empties it, so waiting for room is safe.
    #[must_use]
    pub const fn orders(&self) -> &mpsc::Sender<ToNetwork> {
        &self.orders
    }

    /// The streams that members open for attachments, from now on: at most six live at once (N-1203), so six places are
    /// enough. Whoever took them before gets no more; while nobody does, they are refused.
    #[must_use]
    pub fn take_blobs(&self) -> mpsc::Receiver<IncomingBlob> {
        self.blobs.take()
    }
}

/// The binary form of an address that a person typed; `None` if it is none.
#[must_use]
pub fn address_bytes(text: &str) -> Option<Vec<u8>> {
    text.parse::<libp2p::Multiaddr>().ok().map(|address| address.to_vec())
}

/// The text of an address in its binary form; `None` if the bytes are none.
#[must_use]
pub fn address_text(bytes: &[u8]) -> Option<String> {
    libp2p::Multiaddr::try_from(bytes.to_vec()).ok().map(|address| address.to_string())
}

/// Listens and starts the task. Must be called within a tokio runtime.
///
/// # Errors
/// [`NetworkError`] if the node can't listen where it should.
pub fn start(
    config: NetworkConfig,
    identity_seed: &Secret<32>,
    events: mpsc::Sender<FromNetwork>,
) -> Result<NetworkHandle, NetworkError> {
    let mut seed = zeroize::Zeroizing::new(*identity_seed.expose());
    let keypair = Keypair::ed25519_from_bytes(&mut *seed).map_err(|_| NetworkError::Identity)?;
    let (orders, inbox) = mpsc::channel(ORDERS_MAX);
    let (ended, ends) = mpsc::channel(ENDED_MAX);
    let mut watchdog = Watchdog { shared: Arc::new(Shared::new(events, ended)), config, keypair, inbox, ends };
    let task = watchdog.build()?;
    let port = task.port();
    watchdog.config.remembered_port = port;
    let blobs = Arc::clone(&watchdog.shared.blobs);
    tokio::spawn(watchdog.run(task));
    Ok(NetworkHandle { orders, port, blobs })
}

/// Rule N-107: builds the swarm anew when its task has panicked or ended.
struct Watchdog {
    shared: Arc<Shared>,
    config: NetworkConfig,
    keypair: Keypair,
    inbox: mpsc::Receiver<ToNetwork>,
    ends: mpsc::Receiver<Ended>,
}

impl Watchdog {
    fn build(&self) -> Result<NetworkTask, NetworkError> {
        let lan = if self.config.mdns { Lan::Seen } else { Lan::Unseen };
        let swarm = behaviour::swarm(&self.keypair, &self.shared, lan)?;
        NetworkTask::listening(Arc::clone(&self.shared), swarm, &self.config)
    }

    async fn run(mut self, first: NetworkTask) {
        let mut breaks: Vec<u64> = Vec::new();
        let mut next = Some(first);
        loop {
            let Some(mut task) = next.take() else {
                if let Some(answer) = self.pause_if_it_breaks_too_often(&mut breaks).await {
                    let _ = answer.send(());
                    return;
                }
                next = self.rebuild().await;
                continue;
            };
            let life = AssertUnwindSafe(task.run(&mut self.inbox, &mut self.ends)).catch_unwind().await;
            // The sockets and all connections go first; links notice and say so themselves.
            drop(task);
            match life {
                Ok(Why::Shutdown(answer)) => {
                    listen::released(&self.config.listen, self.config.remembered_port).await;
                    // Whoever asked may have stopped waiting.
                    let _ = answer.send(());
                    return;
                }
                Ok(Why::NoDriver) => return,
                Ok(Why::Rebuild) => next = self.rebuild().await,
                Err(_) => tracing::error!("the network task broke; its swarm is rebuilt"),
            }
        }
    }

    async fn rebuild(&mut self) -> Option<NetworkTask> {
        for link in self.shared.live() {
            link.leave(Duration::ZERO);
        }
        self.shared.blobs.cut(|_, _| true);
        listen::released(&self.config.listen, self.config.remembered_port).await;
        let built = self.build().inspect_err(|error| tracing::error!(%error, "the network could not be rebuilt")).ok();
        if let Some(task) = &built {
            self.config.remembered_port = task.port();
        }
        built
    }

    /// Five times in ten minutes, then every five minutes. Gives the answer to a shutdown that came meanwhile.
    async fn pause_if_it_breaks_too_often(&mut self, breaks: &mut Vec<u64>) -> Option<oneshot::Sender<()>> {
        let now = Clock::now().mono_ms;
        breaks.retain(|at| now.saturating_sub(*at) < REBUILDS_MS);
        breaks.push(now);
        if breaks.len() <= REBUILDS_MAX {
            return None;
        }
        tracing::error!("the network broke five times in ten minutes; the next try is in five");
        let pause = tokio::time::sleep(REBUILD_PAUSE);
        tokio::pin!(pause);
        loop {
            tokio::select! {
                () = &mut pause => return None,
                order = self.inbox.recv() => match order {
                    Some(ToNetwork::Shutdown(answer)) => return Some(answer),
                    Some(order) => self.without_swarm(order),
                    None => pause.as_mut().await,
                },
                _ = self.ends.recv() => {}
            }
        }
    }

    /// The driver may go on while there is no swarm: tables are kept, and nobody can be reached.
    fn without_swarm(&self, order: ToNetwork) {
        match order {
            ToNetwork::Classes(classes) => self.shared.set_classes(classes),
            ToNetwork::Block(keys) => self.shared.set_listed(&keys),
            ToNetwork::Dial { peer, channel, .. } => {
                // If the driver has no room, it hears of enough other failures.
                let _ = self.shared.events.try_send(FromNetwork::DialFailed { peer, channel });
            }
            ToNetwork::OpenBlob { answer, .. } => drop(answer.send(None)),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests;
