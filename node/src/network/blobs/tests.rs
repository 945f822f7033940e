//! Blob streams between whole nodes on loopback. Every wait has a deadline; nothing sleeps for a fixed time.

use std::io::ErrorKind;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use bytes::Bytes;
use coterie_protocol::{Channel, Frame, GroupFrame, LinkId};
use futures::future::join;
use libp2p::core::UpgradeInfo;
use libp2p::identity::Keypair;
use libp2p::swarm::ConnectionHandler;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::mpsc;
use tokio::time::timeout;

use super::*;
use crate::network::tests::{BOTH, DEADLINE, Node, TCP, config, pair, push};
use crate::network::{Class, ToNetwork};

impl Node {
    async fn blob(&self, peer: MemberKey) -> Option<BlobStream> {
        let (answer, opened) = oneshot::channel();
        self.order(ToNetwork::OpenBlob { peer, answer }).await;
        timeout(DEADLINE, opened).await.unwrap().unwrap()
    }
}

/// Two members with a group link; the second takes streams.
struct Sides {
    one: Node,
    here: LinkId,
    two: Node,
    there: LinkId,
    inbox: mpsc::Receiver<IncomingBlob>,
}

impl Sides {
    async fn new(listen: &[&str], marks: [u8; 2]) -> Self {
        let (one, here, two, there) = pair(listen, marks).await;
        let inbox = two.handle.take_blobs();
        Self { one, here, two, there, inbox }
    }

    /// Both ends of one more stream.
    async fn stream(&mut self) -> (BlobStream, BlobStream) {
        let opened = self.one.blob(self.two.key).await.expect("it is taken");
        let incoming = timeout(DEADLINE, self.inbox.recv()).await.unwrap().unwrap();
        assert_eq!(incoming.peer, self.one.key);
        assert_ne!(incoming.path, Path::Relayed);
        (opened, incoming.stream)
    }

    /// A frame there and another one back.
    async fn round_trip(&mut self, mark: usize) -> Duration {
        let start = Instant::now();
        self.one.send(self.here, push(mark)).await;
        assert_eq!(self.two.received().await, (self.there, push(mark)));
        self.two.send(self.there, push(mark)).await;
        assert_eq!(self.one.received().await, (self.here, push(mark)));
        start.elapsed()
    }
}

/// Writes all, says so, and reads what the other side writes.
async fn exchange(stream: BlobStream, own: &[u8]) -> Vec<u8> {
    let (mut reader, mut writer) = tokio::io::split(stream);
    let mut heard = Vec::new();
    let write = async {
        writer.write_all(own).await.unwrap();
        writer.shutdown().await.unwrap();
    };
    join(write, async { reader.read_to_end(&mut heard).await.unwrap() }).await;
    heard
}

/// Waits until nothing can come any more; says how it ended.
async fn end_of(stream: &mut BlobStream) -> Option<ErrorKind> {
    let mut waste = [0; 1_024];
    loop {
        match timeout(DEADLINE, stream.read(&mut waste)).await.expect("it ends") {
            Ok(0) => return None,
            Ok(_) => {}
            Err(error) => return Some(error.kind()),
        }
    }
}

/// Writes until the stream takes no more.
async fn saturate(stream: &mut BlobStream) -> usize {
    let piece = vec![7; 16 << 10];
    let mut taken = 0;
    while let Ok(written) = timeout(Duration::from_millis(300), stream.write(&piece)).await {
        taken += written.unwrap();
        assert!(taken < 1 << 30, "a GiB was taken without a pause");
    }
    taken
}

/// `length` bytes that no shift of them equals.
fn pattern(mark: usize, length: usize) -> Vec<u8> {
    (0..length).map(|at| u8::try_from((at * 31 + at / 251 + mark) % 256).unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn n_1201_ten_mib_each_way_arrive_as_they_were_sent() {
    for (listen, marks) in [(BOTH, [101, 102]), (TCP, [103, 104])] {
        let mut sides = Sides::new(listen, marks).await;
        let (ours, theirs) = sides.stream().await;
        let (there, back) = (pattern(1, 10 << 20), pattern(2, 10 << 20));
        let both = join(exchange(ours, &there), exchange(theirs, &back));
        let (heard_here, heard_there) = timeout(2 * DEADLINE, both).await.unwrap();
        assert!(heard_here == back && heard_there == there, "other bytes than were sent over {listen:?}");
        // It was no link: nobody heard of one, and the group link lives.
        sides.round_trip(1).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn n_1201_who_has_no_link_or_waits_or_is_a_stranger_gets_no_stream() {
    let (mut one, mut two) = (Node::new(105, BOTH).await, Node::new(106, BOTH).await);
    let _inbox = two.handle.take_blobs();
    one.classes(&[&two]).await;
    assert!(one.blob(two.key).await.is_none(), "without a connection it would have to dial");
    one.dial(&two, Channel::Join).await;
    one.connected().await;
    two.connected().await;
    assert!(one.blob(two.key).await.is_none(), "a stranger has no link");
    two.order(ToNetwork::Classes(vec![(one.key, Class::Waiting)])).await;
    two.settled().await;
    one.dial(&two, Channel::Group).await;
    one.connected().await;
    two.connected().await;
    assert!(one.blob(two.key).await.is_none(), "it waits, and its link is for membership");
    assert!(two.blob(one.key).await.is_none(), "nor is anything asked of somebody who waits");
    // The same connection, as soon as the roster says so.
    two.classes(&[&one]).await;
    assert!(one.blob(two.key).await.is_some());
}

#[tokio::test]
async fn n_201_the_name_is_offered_to_members_alone() {
    let shared = Arc::new(Shared::new(mpsc::channel(1).0, mpsc::channel(1).0));
    let public = Keypair::generate_ed25519().public();
    let peer = MemberKey(public.clone().try_into_ed25519().unwrap().to_bytes());
    let place = Place {
        connection: ConnectionId::new_unchecked(0),
        peer_id: public.to_peer_id(),
        peer,
        path: Path::DirectQuic,
    };
    let handler = Handler::new(Arc::clone(&shared), place);
    let offered =
        || handler.listen_protocol().upgrade().protocol_info().map(|name| name.to_string()).collect::<Vec<_>>();
    assert!(offered().is_empty(), "a stranger");
    shared.set_classes(vec![(peer, Class::Waiting)]);
    assert!(offered().is_empty(), "somebody who waits");
    shared.set_classes(vec![(peer, Class::Member)]);
    assert_eq!(offered(), ["/coterie/blob/1"]);
    shared.set_listed(&[peer]);
    assert!(offered().is_empty(), "a member who is blocked");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn n_1203_the_third_stream_of_one_person_is_refused_until_one_of_the_two_has_ended() {
    for (listen, marks) in [(BOTH, [107, 108]), (TCP, [109, 110])] {
        let mut sides = Sides::new(listen, marks).await;
        let (first, first_there) = sides.stream().await;
        let (mut second, mut second_there) = sides.stream().await;
        let start = Instant::now();
        assert!(sides.one.blob(sides.two.key).await.is_none());
        assert!(start.elapsed() < Duration::from_secs(5), "a refusal is heard, not waited for");
        drop((first, first_there));
        let (third, third_there) = sides.stream().await;
        let both = join(exchange(third, b"there"), exchange(third_there, b"back"));
        assert_eq!(timeout(DEADLINE, both).await.unwrap(), (b"back".to_vec(), b"there".to_vec()));
        // The other one has noticed nothing.
        second.write_all(b"still here").await.unwrap();
        second.flush().await.unwrap();
        let mut heard = [0; 10];
        timeout(DEADLINE, second_there.read_exact(&mut heard)).await.unwrap().unwrap();
        assert_eq!(&heard, b"still here");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn n_203_who_is_no_member_any_more_loses_its_streams_though_nobody_looks() {
    for (listen, marks) in [(BOTH, [111, 112]), (TCP, [113, 114])] {
        let mut sides = Sides::new(listen, marks).await;
        let (mut ours, mut theirs) = sides.stream().await;
        saturate(&mut ours).await;
        let writer = tokio::spawn(async move { while ours.write(&[7; 1_024]).await.is_ok() {} });
        sides.two.classes(&[]).await;
        // The writer is woken without anybody at the other end touching the stream.
        timeout(DEADLINE, writer).await.unwrap().unwrap();
        assert_eq!(end_of(&mut theirs).await, Some(ErrorKind::ConnectionAborted));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r_16_a_block_ends_open_streams_at_both_ends() {
    let mut sides = Sides::new(BOTH, [115, 116]).await;
    let (mut ours, mut theirs) = sides.stream().await;
    let reading = tokio::spawn(async move { end_of(&mut theirs).await });
    sides.two.block(&[sides.one.key]).await;
    assert_eq!(timeout(DEADLINE, reading).await.unwrap().unwrap(), Some(ErrorKind::ConnectionAborted));
    end_of(&mut ours).await;
    assert!(sides.one.blob(sides.two.key).await.is_none() && sides.two.blob(sides.one.key).await.is_none());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn n_211_a_hang_up_with_a_block_ends_open_streams() {
    let mut sides = Sides::new(TCP, [117, 118]).await;
    let (mut ours, mut theirs) = sides.stream().await;
    sides.two.order(ToNetwork::HangUp { link: sides.there, block_ms: 600_000 }).await;
    assert_eq!(end_of(&mut theirs).await, Some(ErrorKind::ConnectionAborted));
    end_of(&mut ours).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn n_1305_a_node_that_stops_ends_its_streams() {
    for (listen, marks) in [(BOTH, [119, 120]), (TCP, [121, 122])] {
        let mut sides = Sides::new(listen, marks).await;
        let (mut ours, mut theirs) = sides.stream().await;
        let Sides { one, two, .. } = sides;
        two.stop().await;
        assert_eq!(end_of(&mut theirs).await, Some(ErrorKind::ConnectionAborted));
        end_of(&mut ours).await;
        assert!(one.blob(MemberKey([0; 32])).await.is_none());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn n_205_a_stream_that_nobody_takes_is_refused() {
    let (one, _, two, _) = pair(BOTH, [123, 124]).await;
    assert!(one.blob(two.key).await.is_none());
    let mut inbox = two.handle.take_blobs();
    let stream = one.blob(two.key).await;
    assert!(stream.is_some() && timeout(DEADLINE, inbox.recv()).await.unwrap().is_some());
    drop((stream, inbox));
    assert!(one.blob(two.key).await.is_none(), "whoever took them has gone");
    // Both sides may take, and open.
    let mut inbox = one.handle.take_blobs();
    let stream = two.blob(one.key).await;
    assert!(stream.is_some() && timeout(DEADLINE, inbox.recv()).await.unwrap().is_some());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn n_1203_streams_that_nobody_reads_hold_up_no_frame() {
    for (listen, marks) in [(BOTH, [125, 126]), (TCP, [127, 128])] {
        let mut sides = Sides::new(listen, marks).await;
        let mut held = Vec::new();
        for _ in 0..2 {
            let (mut ours, mut theirs) = sides.stream().await;
            // Both directions are full.
            assert!(saturate(&mut ours).await > 0 && saturate(&mut theirs).await > 0);
            held.push((ours, theirs));
        }
        for mark in 0..50 {
            sides.round_trip(mark).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn n_1203_a_stream_waits_while_its_link_is_behind() {
    let mut one = Node::new(129, BOTH).await;
    // Two news and no more: soon nobody takes frames any more.
    let mut two = Node::with([130; 32], config(BOTH), 2).await;
    one.classes(&[&two]).await;
    two.classes(&[&one]).await;
    one.dial(&two, Channel::Group).await;
    let (here, ..) = one.connected().await;
    let (there, ..) = two.connected().await;
    let mut inbox = two.handle.take_blobs();
    let mut ours = one.blob(two.key).await.unwrap();
    let theirs = timeout(DEADLINE, inbox.recv()).await.unwrap().unwrap().stream;
    let body = Bytes::from(vec![0; GroupFrame::Push.body_bytes_max()]);
    let large = Frame { kind: GroupFrame::Push.number(), slot: 1, body }.to_bytes();
    // The peer takes every byte of the stream, so only the link holds it back.
    let count = Arc::new(AtomicUsize::new(0));
    let draining = tokio::spawn(drain(theirs, Arc::clone(&count)));
    let flood = async {
        loop {
            one.send(here, large.clone()).await;
            one.settled().await;
        }
    };
    let mut written = tokio::select! {
        written = timeout(DEADLINE, saturate(&mut ours)) => written.unwrap(),
        () = flood => 0,
    };
    assert!(timeout(Duration::from_millis(500), ours.write(b"late")).await.is_err());
    // As soon as frames are taken again, so are bytes.
    let reading = async {
        loop {
            assert_eq!(two.received().await.0, there);
        }
    };
    tokio::select! {
        late = timeout(DEADLINE, ours.write_all(b"late")) => late.unwrap().unwrap(),
        () = reading => {}
    }
    written += 4;
    ours.shutdown().await.unwrap();
    timeout(DEADLINE, draining).await.unwrap().unwrap();
    assert_eq!(count.load(Ordering::Acquire), written);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn n_309_a_connection_with_an_open_stream_is_not_idle() {
    let mut sides = Sides::new(BOTH, [131, 132]).await;
    let (mut ours, mut theirs) = sides.stream().await;
    sides.one.order(ToNetwork::HangUp { link: sides.here, block_ms: 0 }).await;
    sides.one.disconnected(sides.here).await;
    sides.two.disconnected(sides.there).await;
    assert!(sides.one.blob(sides.two.key).await.is_none(), "a new one needs a link");
    // Ten seconds without a link would end the connection.
    let silence = timeout(Duration::from_secs(13), theirs.read(&mut [0])).await;
    assert!(silence.is_err(), "the stream ended: {silence:?}");
    ours.write_all(b"x").await.unwrap();
    ours.flush().await.unwrap();
    assert_eq!(timeout(DEADLINE, theirs.read_u8()).await.unwrap().unwrap(), b'x');
}

/// Takes all that comes, and counts.
async fn drain(mut stream: BlobStream, count: Arc<AtomicUsize>) {
    let mut buffer = vec![0; 64 << 10];
    while let Ok(read @ 1..) = stream.read(&mut buffer).await {
        count.fetch_add(read, Ordering::AcqRel);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bl_14_a_frame_does_not_wait_behind_a_stream_that_never_pauses() {
    for (listen, marks) in [(BOTH, [133, 134]), (TCP, [135, 136])] {
        let mut sides = Sides::new(listen, marks).await;
        let idle = median_of(&mut sides, || false).await;
        let (mut ours, theirs) = sides.stream().await;
        let count = Arc::new(AtomicUsize::new(0));
        let draining = tokio::spawn(drain(theirs, Arc::clone(&count)));
        let pumping = tokio::spawn(async move {
            let bytes = vec![7; 1 << 20];
            while ours.write_all(&bytes).await.is_ok() {}
        });
        let loaded = median_of(&mut sides, || count.load(Ordering::Acquire) < 4 << 20).await;
        println!("{listen:?}: a round trip takes {idle:?} alone and {loaded:?} beside {count:?} bytes");
        // A machine that is busy with other things is slow at both.
        assert!(loaded < Duration::from_millis(200) + 20 * idle, "{loaded:?} instead of {idle:?}");
        pumping.abort();
        draining.abort();
    }
}

/// The middle one of 41 round trips, or of more while there is too little load yet.
async fn median_of(sides: &mut Sides, too_little: impl Fn() -> bool) -> Duration {
    let mut trips = Vec::new();
    while trips.len() < 41 || too_little() {
        let trip = timeout(DEADLINE, sides.round_trip(trips.len())).await.unwrap();
        trips.push(trip);
        assert!(trips.len() < 100_000, "nothing flows beside the frames");
    }
    trips.sort_unstable();
    trips[trips.len() / 2]
}
