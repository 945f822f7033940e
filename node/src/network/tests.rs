//! Whole nodes on loopback, on ports of the system's choice. Every wait has a deadline; nothing sleeps for a fixed time.

use std::collections::VecDeque;
use std::time::Duration;

use bytes::Bytes;
use coterie_protocol::{Channel, Frame, GroupFrame, JoinFrame, LinkId, MemberKey, Path, Secret};
use libp2p::Multiaddr;
use libp2p::identity::Keypair;
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;

use super::*;

const DEADLINE: Duration = Duration::from_secs(30);

/// One node, and what it told.
struct Node {
    seed: [u8; 32],
    key: MemberKey,
    config: NetworkConfig,
    handle: NetworkHandle,
    events: mpsc::Receiver<FromNetwork>,
    kept: VecDeque<FromNetwork>,
    addresses: Vec<Vec<u8>>,
}

fn config(listen: &[&str]) -> NetworkConfig {
    let listen = listen.iter().map(|text| Listen::parse(text).unwrap()).collect();
    NetworkConfig { listen, remembered_port: None, mdns: false }
}

const BOTH: &[&str] = &["/ip4/127.0.0.1/udp/0/quic-v1", "/ip4/127.0.0.1/tcp/0"];
const TCP: &[&str] = &["/ip4/127.0.0.1/tcp/0"];

impl Node {
    async fn new(mark: u8, listen: &[&str]) -> Self {
        Self::with([mark; 32], config(listen), 64).await
    }

    async fn with(seed: [u8; 32], config: NetworkConfig, room: usize) -> Self {
        let key = Keypair::ed25519_from_bytes(seed).unwrap().public().try_into_ed25519().unwrap();
        let key = MemberKey(key.to_bytes());
        let (sender, events) = mpsc::channel(room);
        let handle = start(config.clone(), &Secret::new(seed), sender).unwrap();
        let mut node = Self { seed, key, config, handle, events, kept: VecDeque::new(), addresses: Vec::new() };
        node.addresses = node
            .wait("addresses", |event| match event {
                FromNetwork::Listening { addresses } => Some(addresses.clone()),
                _ => None,
            })
            .await;
        node
    }

    async fn order(&self, order: ToNetwork) {
        timeout(DEADLINE, self.handle.orders().send(order)).await.unwrap().unwrap();
    }

    /// The first event, old or new, that `pick` takes; others are kept in order.
    async fn wait<T>(&mut self, what: &str, pick: impl Fn(&FromNetwork) -> Option<T>) -> T {
        if let Some((at, found)) = self.kept.iter().enumerate().find_map(|(at, event)| Some((at, pick(event)?))) {
            self.kept.remove(at);
            return found;
        }
        loop {
            let event = timeout(DEADLINE, self.events.recv()).await;
            let event = event.unwrap_or_else(|_| panic!("no {what}; kept {:?}", self.kept)).unwrap();
            match pick(&event) {
                Some(found) => return found,
                None => self.kept.push_back(event),
            }
        }
    }

    async fn classes(&self, members: &[&Self]) {
        let table = members.iter().map(|other| (other.key, Class::Member)).collect();
        self.order(ToNetwork::Classes(table)).await;
    }

    async fn dial(&self, other: &Self, channel: Channel) {
        let addresses = other.addresses.clone();
        let dial = ToNetwork::Dial { peer: Some(other.key), channel, addresses, source: AddressSource::Learned };
        self.order(dial).await;
    }

    async fn connected(&mut self) -> (LinkId, MemberKey, Path, Opener) {
        self.wait("link", |event| match *event {
            FromNetwork::Connected { link, peer, path, opener, .. } => Some((link, peer, path, opener)),
            _ => None,
        })
        .await
    }

    async fn disconnected(&mut self, id: LinkId) {
        let gone = |event: &FromNetwork| matches!(event, FromNetwork::Disconnected { link } if *link == id).then_some(());
        self.wait("end of the link", gone).await;
    }

    async fn dial_failed(&mut self) {
        self.wait("failed dial", |event| matches!(event, FromNetwork::DialFailed { .. }).then_some(())).await;
    }

    async fn refused(&mut self, word: &str) {
        self.wait(word, |event| matches!(event, FromNetwork::Refused { reason } if *reason == word).then_some(())).await;
    }

    async fn received(&mut self) -> (LinkId, Bytes) {
        self.wait("frame", |event| match event {
            FromNetwork::Received { link, bytes } => Some((*link, bytes.clone())),
            _ => None,
        })
        .await
    }

    async fn send(&self, link: LinkId, frame: Bytes) {
        self.order(ToNetwork::Send { link, frame }).await;
    }

    async fn stop(self) -> ([u8; 32], NetworkConfig, Option<u16>) {
        let (answer, stopped) = oneshot::channel();
        self.order(ToNetwork::Shutdown(answer)).await;
        timeout(DEADLINE, stopped).await.unwrap().unwrap();
        (self.seed, self.config, self.handle.port())
    }
}

fn push(mark: usize) -> Bytes {
    let body = Bytes::copy_from_slice(&mark.to_be_bytes());
    Frame { kind: GroupFrame::Push.number(), slot: 1, body }.to_bytes()
}

/// Two nodes that know each other, and the link that the first opened.
async fn pair(listen: &[&str], marks: [u8; 2]) -> (Node, LinkId, Node, LinkId) {
    let (mut one, mut two) = (Node::new(marks[0], listen).await, Node::new(marks[1], listen).await);
    one.classes(&[&two]).await;
    two.classes(&[&one]).await;
    one.dial(&two, Channel::Group).await;
    let (here, peer, path, opener) = one.connected().await;
    let (there, back, path_back, opener_back) = two.connected().await;
    assert_eq!((peer, back), (two.key, one.key));
    assert_eq!((opener, opener_back), (Opener::Us, Opener::Peer));
    assert_eq!(path, path_back);
    let expected = if listen.len() == 1 { Path::DirectTcp } else { Path::DirectQuic };
    assert_eq!(path, expected);
    (one, here, two, there)
}

async fn exchange_thousand(listen: &[&str], marks: [u8; 2]) {
    let (mut one, here, mut two, there) = pair(listen, marks).await;
    // In rounds below the bound of a queue, so that none overflows.
    for round in 0..4 {
        for mark in round * 250..(round + 1) * 250 {
            one.send(here, push(mark)).await;
            two.send(there, push(mark + 5_000)).await;
        }
        for mark in round * 250..(round + 1) * 250 {
            assert_eq!(one.received().await, (here, push(mark + 5_000)));
            assert_eq!(two.received().await, (there, push(mark)));
        }
    }
    one.order(ToNetwork::HangUp { link: here, block_ms: 0 }).await;
    one.disconnected(here).await;
    two.disconnected(there).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn n_101_two_nodes_exchange_a_thousand_frames_over_quic() {
    exchange_thousand(BOTH, [1, 2]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn n_102_two_nodes_exchange_a_thousand_frames_where_only_tcp_is_left() {
    exchange_thousand(TCP, [3, 4]).await;
}
