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

pub(super) const DEADLINE: Duration = Duration::from_secs(30);

/// One node, and what it told.
pub(super) struct Node {
    seed: [u8; 32],
    pub(super) key: MemberKey,
    config: NetworkConfig,
    pub(super) handle: NetworkHandle,
    pub(super) events: mpsc::Receiver<FromNetwork>,
    kept: VecDeque<FromNetwork>,
    addresses: Vec<Vec<u8>>,
}

pub(super) fn config(listen: &[&str]) -> NetworkConfig {
    let listen = listen.iter().map(|text| Listen::parse(text).unwrap()).collect();
    NetworkConfig { listen, remembered_port: None, mdns: false }
}

pub(super) const BOTH: &[&str] = &["/ip4/127.0.0.1/udp/0/quic-v1", "/ip4/127.0.0.1/tcp/0"];
pub(super) const TCP: &[&str] = &["/ip4/127.0.0.1/tcp/0"];

impl Node {
    pub(super) async fn new(mark: u8, listen: &[&str]) -> Self {
        Self::with([mark; 32], config(listen), 64).await
    }

    pub(super) async fn with(seed: [u8; 32], config: NetworkConfig, room: usize) -> Self {
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

    pub(super) async fn order(&self, order: ToNetwork) {
        timeout(DEADLINE, self.handle.orders().send(order)).await.unwrap().unwrap();
    }

    /// The first event, old or new, that `pick` takes; others are kept in order.
    pub(super) async fn wait<T>(&mut self, what: &str, pick: impl Fn(&FromNetwork) -> Option<T>) -> T {
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

    pub(super) async fn classes(&self, members: &[&Self]) {
        let table = members.iter().map(|other| (other.key, Class::Member)).collect();
        self.order(ToNetwork::Classes(table)).await;
        self.settled().await;
    }

    pub(super) async fn block(&self, list: &[MemberKey]) {
        self.order(ToNetwork::Block(list.to_vec())).await;
        self.settled().await;
    }

    /// Who dials next is met by the tables that were ordered last, and not by those of before.
    pub(super) async fn settled(&self) {
        let (answer, settled) = oneshot::channel();
        self.order(ToNetwork::Settled(answer)).await;
        timeout(DEADLINE, settled).await.unwrap().unwrap();
    }

    pub(super) async fn dial(&self, other: &Self, channel: Channel) {
        let addresses = other.addresses.clone();
        let dial = ToNetwork::Dial { peer: Some(other.key), channel, addresses, source: AddressSource::Learned };
        self.order(dial).await;
    }

    pub(super) async fn connected(&mut self) -> (LinkId, MemberKey, Path, Opener) {
        self.wait("link", |event| match *event {
            FromNetwork::Connected { link, peer, path, opener, .. } => Some((link, peer, path, opener)),
            _ => None,
        })
        .await
    }

    pub(super) async fn disconnected(&mut self, id: LinkId) {
        let gone =
            |event: &FromNetwork| matches!(event, FromNetwork::Disconnected { link } if *link == id).then_some(());
        self.wait("end of the link", gone).await;
    }

    async fn dial_failed(&mut self) {
        self.wait("failed dial", |event| matches!(event, FromNetwork::DialFailed { .. }).then_some(())).await;
    }

    async fn refused(&mut self, word: &str) {
        self.wait(word, |event| matches!(event, FromNetwork::Refused { reason } if *reason == word).then_some(()))
            .await;
    }

    pub(super) async fn received(&mut self) -> (LinkId, Bytes) {
        self.wait("frame", |event| match event {
            FromNetwork::Received { link, bytes } => Some((*link, bytes.clone())),
            _ => None,
        })
        .await
    }

    pub(super) async fn send(&self, link: LinkId, frame: Bytes) {
        self.order(ToNetwork::Send { link, frame }).await;
    }

    pub(super) async fn stop(self) -> ([u8; 32], NetworkConfig, Option<u16>) {
        let (answer, stopped) = oneshot::channel();
        self.order(ToNetwork::Shutdown(answer)).await;
        timeout(DEADLINE, stopped).await.unwrap().unwrap();
        (self.seed, self.config, self.handle.port())
    }
}

pub(super) fn push(mark: usize) -> Bytes {
    let body = Bytes::copy_from_slice(&mark.to_be_bytes());
    Frame { kind: GroupFrame::Push.number(), slot: 1, body }.to_bytes()
}

/// Two nodes that know each other, and the link that the first opened.
pub(super) async fn pair(listen: &[&str], marks: [u8; 2]) -> (Node, LinkId, Node, LinkId) {
    let (mut one, mut two) = (Node::new(marks[0], listen).await, Node::new(marks[1], listen).await);
    one.classes(&[&two]).await;
    two.classes(&[&one]).await;
    one.dial(&two, Channel::Group).await;
    let (here, peer, path, opener) = one.connected().await;
    let (there, back, path_back, opener_back) = two.connected().await;
    assert_eq!((peer, back), (two.key, one.key));
    assert_eq!((opener, opener_back), (Opener::Us, Opener::Peer));
    assert_eq!(path, path_back);
    // QUIC has a head start only: on a busy machine the other way may be the first.
    assert!(path == Path::DirectTcp || (path == Path::DirectQuic && listen.len() > 1), "{path:?}");
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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn n_201_a_stranger_opens_no_group_stream_until_the_roster_says_so_on_the_same_connection() {
    let (mut one, mut two) = (Node::new(5, BOTH).await, Node::new(6, BOTH).await);
    one.dial(&two, Channel::Join).await;
    let (join, ..) = one.connected().await;
    two.connected().await;
    one.dial(&two, Channel::Group).await;
    one.dial_failed().await;
    two.classes(&[&one]).await;
    // Without addresses there is only the connection that is there (N-202).
    let dial = || ToNetwork::Dial {
        peer: Some(two.key),
        channel: Channel::Group,
        addresses: Vec::new(),
        source: AddressSource::Learned,
    };
    one.order(dial()).await;
    let (group, ..) = one.connected().await;
    assert!(group > join, "numbers of links only rise");
    // A roster that no longer holds it ends the link (N-203).
    let (there, ..) = two.connected().await;
    two.classes(&[]).await;
    two.disconnected(there).await;
    one.disconnected(group).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r_16_a_peer_on_the_block_list_is_cut_off_and_stays_out() {
    let (mut one, here, mut two, there) = pair(BOTH, [7, 8]).await;
    two.block(&[one.key]).await;
    two.disconnected(there).await;
    one.disconnected(here).await;
    one.dial(&two, Channel::Group).await;
    one.dial_failed().await;
    two.refused("blocked").await;
    // Nor is it dialled from here.
    two.dial(&one, Channel::Group).await;
    two.dial_failed().await;
    two.block(&[]).await;
    one.dial(&two, Channel::Group).await;
    assert_eq!(one.connected().await.1, two.key);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn n_211_a_hang_up_with_a_block_ends_the_connection_and_refuses_the_next() {
    let (mut one, here, mut two, there) = pair(BOTH, [9, 10]).await;
    let bye = Frame { kind: GroupFrame::Bye.number(), slot: 0, body: Bytes::from_static(&[0x80]) }.to_bytes();
    two.send(there, bye.clone()).await;
    two.order(ToNetwork::HangUp { link: there, block_ms: 600_000 }).await;
    assert_eq!(one.received().await, (here, bye), "last words leave first");
    one.disconnected(here).await;
    two.disconnected(there).await;
    one.dial(&two, Channel::Group).await;
    one.dial_failed().await;
    two.refused("blocked").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn n_104_quic_has_a_head_start() {
    for mark in 0..5 {
        let (mut one, mut two) = (Node::new(60 + 2 * mark, BOTH).await, Node::new(61 + 2 * mark, BOTH).await);
        one.classes(&[&two]).await;
        two.classes(&[&one]).await;
        one.dial(&two, Channel::Group).await;
        let (_, _, path, _) = one.connected().await;
        two.connected().await;
        if path == Path::DirectQuic {
            return;
        }
    }
    panic!("five times TCP was first, though QUIC was tried before it");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn n_401_a_header_beyond_its_limit_ends_the_link_and_nothing_is_handed_on() {
    for (listen, marks) in [(BOTH, [11, 12]), (TCP, [13, 14])] {
        let (mut one, here, mut two, there) = pair(listen, marks).await;
        let length = u32::try_from(GroupFrame::Push.body_bytes_max() + 1).unwrap().to_be_bytes();
        let header = [GroupFrame::Push.number(), 1, length[1], length[2], length[3]];
        one.send(here, push(1)).await;
        one.send(here, Bytes::copy_from_slice(&header)).await;
        assert_eq!(two.received().await, (there, push(1)));
        two.disconnected(there).await;
        one.disconnected(here).await;
        assert!(two.kept.iter().all(|event| !matches!(event, FromNetwork::Received { .. })));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn n_406_who_reads_slowly_overflows_and_nobody_else_notices() {
    let mut hub = Node::new(15, BOTH).await;
    let mut slow = Node::with([16; 32], config(BOTH), 4).await;
    let mut quick = Node::new(17, BOTH).await;
    hub.classes(&[&slow, &quick]).await;
    slow.classes(&[&hub]).await;
    quick.classes(&[&hub]).await;
    hub.dial(&slow, Channel::Group).await;
    let (to_slow, ..) = hub.connected().await;
    slow.connected().await;
    hub.dial(&quick, Channel::Group).await;
    let (to_quick, ..) = hub.connected().await;
    quick.connected().await;
    let body = Bytes::from(vec![0; GroupFrame::Push.body_bytes_max()]);
    let large = Frame { kind: GroupFrame::Push.number(), slot: 1, body }.to_bytes();
    // Nobody takes from `slow`: first its own queue fills, then the stream's window, then ours.
    let mut sent = 0;
    loop {
        hub.send(to_slow, large.clone()).await;
        hub.send(to_quick, push(sent)).await;
        assert_eq!(quick.received().await.1, push(sent));
        sent += 1;
        assert!(sent < 1_000, "64 MB went to somebody who does not read");
        if let Ok(FromNetwork::Overflowed { link }) = hub.events.try_recv() {
            assert_eq!(link, to_slow);
            break;
        }
    }
    // The link lives on: what was taken before is still read, and later frames get through.
    hub.send(to_slow, push(77)).await;
    while slow.received().await.1 != push(77) {}
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn n_205_an_opener_whose_stream_is_not_taken_tries_again() {
    let mut one = Node::new(18, BOTH).await;
    let mut two = Node::with([19; 32], config(BOTH), 1).await;
    one.classes(&[&two]).await;
    two.classes(&[&one]).await;
    // The one place in the queue of `two` is taken: it can't say yes, so it says nothing.
    let (blocker, ..) = (two.handle.orders().clone(), ());
    let nowhere =
        ToNetwork::Dial { peer: None, channel: Channel::Group, addresses: Vec::new(), source: AddressSource::Person };
    blocker.send(nowhere).await.unwrap();
    one.dial(&two, Channel::Group).await;
    let first = timeout(Duration::from_millis(5_500), one.connected()).await;
    assert!(first.is_err(), "it was acknowledged though nobody could take it");
    two.dial_failed().await;
    let (here, ..) = one.connected().await;
    let (there, ..) = two.connected().await;
    one.send(here, push(1)).await;
    assert_eq!(two.received().await, (there, push(1)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn n_102_a_node_comes_back_on_its_port_and_is_reached_there() {
    for (listen, marks) in [(BOTH, [20, 21]), (TCP, [22, 23])] {
        let (mut one, here, two, _) = pair(listen, marks).await;
        let (seed, mut config, port) = two.stop().await;
        one.disconnected(here).await;
        config.remembered_port = port;
        let mut two = Node::with(seed, config, 64).await;
        assert_eq!(two.handle.port(), port);
        two.classes(&[&one]).await;
        one.dial(&two, Channel::Group).await;
        let (again, ..) = one.connected().await;
        assert!(again > here);
        two.connected().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn n_107_a_panic_rebuilds_the_swarm_and_numbers_of_links_go_on() {
    let (mut one, here, mut two, there) = pair(BOTH, [24, 25]).await;
    two.order(ToNetwork::Panic).await;
    two.disconnected(there).await;
    one.disconnected(here).await;
    two.addresses = two
        .wait("addresses after the rebuild", |event| match event {
            FromNetwork::Listening { addresses } => Some(addresses.clone()),
            _ => None,
        })
        .await;
    one.dial(&two, Channel::Group).await;
    let (_, peer, ..) = one.connected().await;
    assert_eq!(peer, two.key, "the table of classes outlived the swarm");
    let (again, ..) = two.connected().await;
    assert!(again > there);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn n_104_an_address_without_a_name_reaches_whoever_is_there_for_a_join() {
    let (mut one, mut two) = (Node::new(26, BOTH).await, Node::new(27, BOTH).await);
    let dead: Multiaddr = "/ip4/127.0.0.1/tcp/1".parse().unwrap();
    let mut addresses = vec![dead.to_vec()];
    addresses.extend(two.addresses.clone());
    let dial = |channel| {
        let addresses = addresses.clone();
        ToNetwork::Dial { peer: None, channel, addresses, source: AddressSource::Person }
    };
    one.order(dial(Channel::Group)).await;
    one.dial_failed().await;
    one.order(dial(Channel::Join)).await;
    let (link, peer, ..) = one.connected().await;
    assert_eq!(peer, two.key);
    let (there, ..) = two.connected().await;
    let knock = Frame { kind: JoinFrame::Knock.number(), slot: 0, body: Bytes::from_static(&[0x80]) }.to_bytes();
    one.send(link, knock.clone()).await;
    assert_eq!(two.received().await, (there, knock));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn n_204_a_stranger_who_sends_too_much_before_a_valid_knock_is_cut_off() {
    let (mut one, mut two) = (Node::new(28, BOTH).await, Node::new(29, BOTH).await);
    one.dial(&two, Channel::Join).await;
    let (here, ..) = one.connected().await;
    let (there, ..) = two.connected().await;
    let body = Bytes::from(vec![0; 500]);
    let knock = Frame { kind: JoinFrame::Knock.number(), slot: 0, body }.to_bytes();
    for _ in 0..3 {
        one.send(here, knock.clone()).await;
    }
    two.disconnected(there).await;
    one.disconnected(here).await;
    let received = two.kept.iter().filter(|event| matches!(event, FromNetwork::Received { .. })).count();
    assert_eq!(received, 2, "the third was one too many");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn n_1305_a_node_that_stops_still_says_what_it_had_queued() {
    for (listen, marks) in [(BOTH, [55, 56]), (TCP, [57, 58])] {
        let (mut one, here, two, there) = pair(listen, marks).await;
        let bye = Frame { kind: GroupFrame::Bye.number(), slot: 0, body: Bytes::from_static(&[0x80]) }.to_bytes();
        two.send(there, push(1)).await;
        two.send(there, bye.clone()).await;
        two.stop().await;
        let mut heard = [one.received().await, one.received().await];
        heard.sort();
        assert_eq!(heard, [(here, bye), (here, push(1))]);
        one.disconnected(here).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dial_to_nobody_fails_once() {
    let (mut one, two) = (Node::new(30, BOTH).await, Node::new(31, BOTH).await);
    let (absent, addresses) = (two.key, two.addresses.clone());
    two.stop().await;
    let dial =
        ToNetwork::Dial { peer: Some(absent), channel: Channel::Group, addresses, source: AddressSource::Learned };
    one.order(dial).await;
    one.dial_failed().await;
    // Somebody else at the address is not whom we meant.
    let three = Node::new(32, BOTH).await;
    let addresses = three.addresses.clone();
    let dial =
        ToNetwork::Dial { peer: Some(absent), channel: Channel::Group, addresses, source: AddressSource::Learned };
    one.order(dial).await;
    one.dial_failed().await;
    assert!(one.kept.iter().all(|event| !matches!(event, FromNetwork::DialFailed { .. })));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn n_301_both_may_open_at_once_and_one_link_stays() {
    let (mut one, mut two) = (Node::new(33, BOTH).await, Node::new(34, BOTH).await);
    one.classes(&[&two]).await;
    two.classes(&[&one]).await;
    one.dial(&two, Channel::Join).await;
    one.connected().await;
    two.connected().await;
    one.dial(&two, Channel::Group).await;
    two.dial(&one, Channel::Group).await;
    let (mut here, ..) = one.connected().await;
    // Whoever lost may see its link end; a frame finds the way that stayed.
    for mark in 0.. {
        assert!(mark < 1_000, "no link stayed");
        one.send(here, push(mark)).await;
        match timeout(Duration::from_millis(200), two.received()).await {
            Ok((_, frame)) => {
                assert_eq!(frame, push(mark));
                break;
            }
            Err(_) => {
                if let Ok((link, ..)) = timeout(Duration::from_millis(200), one.connected()).await {
                    here = link;
                }
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn n_204_a_stranger_has_ten_seconds_to_knock_and_a_silent_connection_goes_too() {
    let (mut one, mut two) = (Node::new(36, BOTH).await, Node::new(37, BOTH).await);
    one.dial(&two, Channel::Join).await;
    let (here, ..) = one.connected().await;
    let (there, ..) = two.connected().await;
    let opened = Clock::now().mono_ms;
    two.disconnected(there).await;
    one.disconnected(here).await;
    let lived = Clock::now().mono_ms.saturating_sub(opened);
    assert!(lived >= 9_000, "{lived} ms");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn n_204_three_knocks_on_one_connection_and_one_over() {
    let (mut one, mut two) = (Node::new(38, BOTH).await, Node::new(39, BOTH).await);
    let knock = Frame { kind: JoinFrame::Knock.number(), slot: 0, body: Bytes::from_static(&[0x80]) }.to_bytes();
    one.dial(&two, Channel::Join).await;
    let (mut here, ..) = one.connected().await;
    for _ in 0..3 {
        one.send(here, knock.clone()).await;
        let (there, _) = two.received().await;
        two.order(ToNetwork::HangUp { link: there, block_ms: 0 }).await;
        one.disconnected(here).await;
        one.dial(&two, Channel::Join).await;
        here = one.connected().await.0;
    }
    one.send(here, knock).await;
    one.disconnected(here).await;
    assert!(two.kept.iter().all(|event| !matches!(event, FromNetwork::Received { .. })));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn n_204_eight_joins_are_served_at_once_and_one_over_is_not() {
    let mut host = Node::new(40, TCP).await;
    let answer = Frame { kind: JoinFrame::Answer.number(), slot: 0, body: Bytes::from_static(&[0x80]) }.to_bytes();
    let mut joiners = Vec::new();
    for mark in 41..50 {
        let mut joiner = Node::new(mark, TCP).await;
        joiner.dial(&host, Channel::Join).await;
        let (here, ..) = joiner.connected().await;
        let (there, ..) = host.connected().await;
        joiners.push((joiner, here));
        host.send(there, answer.clone()).await;
    }
    let (mut ninth, here) = joiners.pop().unwrap();
    ninth.disconnected(here).await;
    assert!(ninth.kept.iter().all(|event| !matches!(event, FromNetwork::Received { .. })));
    for (joiner, here) in &mut joiners {
        assert_eq!(joiner.received().await, (*here, answer.clone()));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn n_106_both_ends_hear_of_the_round_trip() {
    let (mut one, here, mut two, there) = pair(BOTH, [51, 52]).await;
    for (node, id) in [(&mut one, here), (&mut two, there)] {
        let told = node
            .wait("round trip", |event| match *event {
                FromNetwork::Quality { link, round_trip_ms, path } if link == id => Some((round_trip_ms, path)),
                _ => None,
            })
            .await;
        assert!(told.0 >= 1 && told.0 < 5_000 && told.1 != Path::Relayed, "{told:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn n_1304_a_rebuild_ends_links_and_the_node_is_reached_again_at_its_port() {
    let (mut one, here, mut two, there) = pair(BOTH, [53, 54]).await;
    one.block(&[two.key]).await;
    one.disconnected(here).await;
    two.disconnected(there).await;
    one.order(ToNetwork::Rebuild).await;
    two.dial(&one, Channel::Group).await;
    two.dial_failed().await;
    // The block list outlived the swarm; without it the old addresses work.
    one.block(&[]).await;
    one.dial(&two, Channel::Group).await;
    let (again, ..) = one.connected().await;
    assert!(again > here);
}

#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn n_103_without_mdns_there_is_no_multicast_socket() {
    let _node = Node::new(35, BOTH).await;
    let own: Vec<String> = std::fs::read_dir("/proc/self/fd")
        .unwrap()
        .filter_map(|entry| Some(std::fs::read_link(entry.ok()?.path()).ok()?.to_str()?.to_owned()))
        .filter_map(|link| Some(link.strip_prefix("socket:[")?.strip_suffix(']')?.to_owned()))
        .collect();
    assert!(!own.is_empty());
    let sockets = std::fs::read_to_string("/proc/self/net/udp").unwrap();
    let ports: Vec<u16> = sockets
        .lines()
        .skip(1)
        .map(|line| line.split_whitespace().collect::<Vec<_>>())
        .filter(|columns| own.iter().any(|inode| inode == columns[9]))
        .map(|columns| u16::from_str_radix(columns[1].split(':').nth(1).unwrap(), 16).unwrap())
        .collect();
    assert!(!ports.is_empty(), "QUIC has one");
    assert!(!ports.contains(&5_353), "{ports:?}");
}
