//! One stream between two nodes, while it lives: a reader, a writer and whoever tells the core what happened.
//!
//! Each link is a task of its own, so that a peer who reads slowly, or a core that is busy, holds up nobody else. The
//! reader stops when the core's queue is full, and the stream's own flow control then slows the peer. All that the core
//! hears of a link comes from this task in order: connected, frames, disconnected.

use std::panic::AssertUnwindSafe;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use coterie_protocol::{Channel, LinkId};
use futures::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader};
use futures::{FutureExt, future};
use tokio::sync::Notify;
use tokio::time::timeout;

use super::frames::{self, Admitted};
use super::limits::{ACKNOWLEDGE, ACKNOWLEDGED, KNOCKS_PER_CONNECTION_MAX, STALLED};
use super::queues::{Offered, SendQueues};
use super::shared::{Ended, Place, Shared};
use super::stranger::{JoinWatch, Step};
use super::{FromNetwork, Opener};
use crate::clock::Clock;

/// One stream.
pub(super) struct Link {
    pub(super) id: LinkId,
    pub(super) channel: Channel,
    pub(super) place: Place,
    pub(super) opener: Opener,
    /// Monotonic ms.
    pub(super) since: u64,
    queues: Mutex<SendQueues>,
    /// Since when urgent frames wait, or the writing of those that did (monotonic ms).
    behind: Mutex<Option<u64>>,
    overflowed: AtomicBool,
    /// When it ends at the latest, once it is leaving (monotonic ms).
    leaving: Mutex<Option<u64>>,
    over: AtomicBool,
    /// Something to write, or to leave for.
    wake: Notify,
    /// An overflow to tell.
    tell: Notify,
    /// Set while a stranger joins by us (N-204).
    watch: Option<Mutex<JoinWatch>>,
    /// Whether it is one of the joins at once.
    served: AtomicBool,
}

impl Link {
    /// A link that is about to start, with the next free number.
    pub(super) fn new(shared: &Shared, channel: Channel, place: Place, opener: Opener) -> Arc<Self> {
        let since = Clock::now().mono_ms;
        let stranger = shared.class(&place.peer_id).is_none();
        let guest = channel == Channel::Join && opener == Opener::Peer && stranger;
        Arc::new(Self {
            id: shared.next_link(),
            channel,
            place,
            opener,
            since,
            queues: Mutex::new(SendQueues::new()),
            behind: Mutex::new(None),
            overflowed: AtomicBool::new(false),
            leaving: Mutex::new(None),
            over: AtomicBool::new(false),
            wake: Notify::new(),
            tell: Notify::new(),
            watch: guest.then(|| Mutex::new(JoinWatch::new(since))),
            served: AtomicBool::new(false),
        })
    }

    /// Queues a whole frame. What can't be queued is told to the core, or ends the link (N-406).
    pub(super) fn send(&self, frame: Bytes) {
        let offered = {
            let mut queues = self.queues();
            let offered = queues.offer(self.channel, frame);
            if queues.is_urgent() {
                self.behind().get_or_insert_with(|| Clock::now().mono_ms);
            }
            offered
        };
        match offered {
            Offered::Queued => self.wake.notify_one(),
            Offered::Overflowed => {
                self.overflowed.store(true, Ordering::Release);
                self.tell.notify_one();
            }
            Offered::Broken => self.leave(Duration::ZERO),
        }
    }

    /// Ends the link once what is queued has been taken, or after `grace`.
    pub(super) fn leave(&self, grace: Duration) {
        let grace = u64::try_from(grace.as_millis()).unwrap_or(u64::MAX);
        let until = Clock::now().mono_ms.saturating_add(grace);
        let mut leaving = self.leaving.lock().unwrap_or_else(PoisonError::into_inner);
        *leaving = Some(leaving.map_or(until, |earlier| earlier.min(until)));
        self.wake.notify_one();
    }

    /// Whether its task has ended or is about to.
    pub(super) fn is_over(&self) -> bool {
        self.over.load(Ordering::Acquire) || self.farewell_ms().is_some()
    }

    /// For how long urgent frames have waited and nothing was finished, if any wait.
    pub(super) fn behind_ms(&self, now: u64) -> Option<u64> {
        self.behind().map(|since| now.saturating_sub(since))
    }

    /// What was in hand is written: those that still wait start anew.
    fn on_written(&self) {
        let queues = self.queues();
        *self.behind() = queues.is_urgent().then(|| Clock::now().mono_ms);
    }

    /// Always locked inside `queues`, if with it.
    fn behind(&self) -> MutexGuard<'_, Option<u64>> {
        self.behind.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Milliseconds left for last words, if it is leaving.
    fn farewell_ms(&self) -> Option<u64> {
        let until = *self.leaving.lock().unwrap_or_else(PoisonError::into_inner);
        until.map(|until| until.saturating_sub(Clock::now().mono_ms))
    }

    fn queues(&self) -> MutexGuard<'_, SendQueues> {
        self.queues.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn watch(&self) -> Option<MutexGuard<'_, JoinWatch>> {
        self.watch.as_ref().map(|watch| watch.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Why a link ended; for the log alone, the core only learns that it did.
#[derive(Debug)]
enum End {
    /// The peer closed it, or the connection broke.
    Closed,
    /// A header that is not allowed (N-401).
    BadFrame,
    /// It took no byte for 30 s (N-406).
    Stalled,
    /// The core wanted it.
    HungUp,
    /// A limit for strangers (N-204).
    Limit(&'static str),
    /// The driver is gone.
    NobodyListens,
}

/// Runs an opened stream to its end. A panic in here ends this link and nothing else.
pub(super) async fn run<S>(shared: Arc<Shared>, link: Arc<Link>, stream: S)
where
    S: AsyncRead + AsyncWrite + Unpin + Send,
{
    let told = AtomicBool::new(false);
    let life = AssertUnwindSafe(live(&shared, &link, stream, &told)).catch_unwind();
    match life.await {
        Ok(End::Limit(limit)) => tracing::debug!(link = link.id.0, limit, "link over"),
        Ok(end) => tracing::debug!(link = link.id.0, ?end, "link over"),
        Err(_) => tracing::error!(link = link.id.0, "link task panicked"),
    }
    link.over.store(true, Ordering::Release);
    shared.leave(link.id);
    if link.served.load(Ordering::Acquire) {
        shared.end_join();
    }
    let bad_knock = link.watch().is_some_and(|watch| watch.was_refused()).then_some(link.place.household).flatten();
    if told.load(Ordering::Acquire) {
        // Nobody listens any more: the process is about to end.
        let _ = shared.events.send(FromNetwork::Disconnected { link: link.id }).await;
    }
    shared.ended(Ended { connection: link.place.connection, bad_knock }).await;
}

async fn live<S>(shared: &Shared, link: &Arc<Link>, mut stream: S, told: &AtomicBool) -> End
where
    S: AsyncRead + AsyncWrite + Unpin + Send,
{
    // The acceptor says yes only when the core has room for the news: a yes that is lost would be a lie (N-205).
    let Ok(permit) = shared.events.reserve().await else { return End::NobodyListens };
    if link.opener == Opener::Peer
        && timeout(ACKNOWLEDGE, acknowledge(&mut stream)).await.ok().is_none_or(|r| r.is_err())
    {
        return End::Closed;
    }
    shared.enter(link);
    told.store(true, Ordering::Release);
    permit.send(FromNetwork::Connected {
        link: link.id,
        peer: link.place.peer,
        channel: link.channel,
        path: link.place.path,
        opener: link.opener,
    });
    if let Some(round_trip_ms) = shared.round_trip_ms(link.place.connection) {
        let quality = FromNetwork::Quality { link: link.id, round_trip_ms, path: link.place.path };
        if shared.events.send(quality).await.is_err() {
            return End::NobodyListens;
        }
    }
    let (reader, writer) = stream.split();
    let (mut reader, mut writer) = (BufReader::new(reader), writer);
    let end = {
        let reading = std::pin::pin!(read(shared, link, &mut reader));
        let writing = std::pin::pin!(write(shared, link, &mut writer));
        let telling = std::pin::pin!(tell(shared, link));
        let watching = std::pin::pin!(watch(link));
        tokio::select! {
            end = reading => end,
            end = writing => end,
            end = telling => end,
            end = watching => end,
        }
    };
    if matches!(end, End::HungUp) {
        let left = Duration::from_millis(link.farewell_ms().unwrap_or_default());
        let _ = timeout(left, part(&mut reader, &mut writer)).await;
    }
    end
}

/// The acceptor's first byte (N-205).
pub(super) async fn acknowledge<S: AsyncWrite + Unpin>(stream: &mut S) -> std::io::Result<()> {
    stream.write_all(&[ACKNOWLEDGED]).await?;
    stream.flush().await
}

/// The opener's half: waits for that byte.
pub(super) async fn acknowledged<S: AsyncRead + Unpin>(mut stream: S) -> Option<S> {
    let mut first = [0; 1];
    let read = timeout(ACKNOWLEDGE, stream.read_exact(&mut first)).await;
    (matches!(read, Ok(Ok(()))) && first == [ACKNOWLEDGED]).then_some(stream)
}

/// Says that no more will come and waits until the peer has seen it: whoever closes a connection right after writing
/// takes back what the peer has not read yet.
async fn part<R: AsyncRead + Unpin, W: AsyncWrite + Unpin>(reader: &mut R, writer: &mut W) {
    let mut waste = [0; 1_024];
    if writer.close().await.is_ok() {
        while matches!(reader.read(&mut waste).await, Ok(read) if read > 0) {}
    }
}

async fn read<R: AsyncRead + Unpin>(shared: &Shared, link: &Link, reader: &mut R) -> End {
    loop {
        let bytes = match frames::read(link.channel, reader).await {
            Ok(Admitted::Frame(bytes)) => bytes,
            Ok(Admitted::Skipped) => continue,
            Err(frames::Fault::Closed) => return End::Closed,
            Err(frames::Fault::Refused) => return End::BadFrame,
        };
        if let Err(limit) = on_incoming(link, &bytes) {
            return End::Limit(limit);
        }
        if shared.events.send(FromNetwork::Received { link: link.id, bytes }).await.is_err() {
            return End::NobodyListens;
        }
    }
}

/// A stranger's frame came: is it still within what strangers may cost?
fn on_incoming(link: &Link, bytes: &Bytes) -> Result<(), &'static str> {
    let Some(mut watch) = link.watch() else { return Ok(()) };
    match watch.on_received(bytes, Clock::now().mono_ms)? {
        Step::Knocked if link.place.knocks.fetch_add(1, Ordering::AcqRel) >= KNOCKS_PER_CONNECTION_MAX => {
            Err("too many knocks on one connection")
        }
        Step::Knocked | Step::Answered | Step::Other => Ok(()),
    }
}

/// A frame for a stranger goes out: the same, and only so many joins at once.
fn on_outgoing(shared: &Shared, link: &Link, frame: &Bytes) -> Result<(), &'static str> {
    let Some(mut watch) = link.watch() else { return Ok(()) };
    if watch.on_sent(frame, Clock::now().mono_ms)? == Step::Answered && !link.served.load(Ordering::Acquire) {
        shared.begin_join()?;
        link.served.store(true, Ordering::Release);
    }
    Ok(())
}

async fn write<W: AsyncWrite + Unpin>(shared: &Shared, link: &Link, writer: &mut W) -> End {
    loop {
        let batch = link.queues().next_batch();
        if batch.is_empty() {
            if link.farewell_ms().is_some() {
                return End::HungUp;
            }
            link.wake.notified().await;
            continue;
        }
        for frame in &batch {
            if let Err(limit) = on_outgoing(shared, link, frame) {
                return End::Limit(limit);
            }
        }
        let bytes = batch.concat();
        if let Some(end) = within_farewell(link, write_all(writer, &bytes, STALLED)).await {
            return end;
        }
        link.on_written();
    }
}

/// A hang-up doesn't wait longer than its grace for a peer that reads slowly.
async fn within_farewell(link: &Link, written: impl Future<Output = Option<End>>) -> Option<End> {
    let mut written = std::pin::pin!(written);
    loop {
        let farewell = link.farewell_ms();
        let over = async {
            match farewell {
                Some(left) => tokio::time::sleep(Duration::from_millis(left)).await,
                None => future::pending().await,
            }
        };
        tokio::select! {
            end = &mut written => {
                // A wake-up may have been swallowed meanwhile: look again.
                link.wake.notify_one();
                return end;
            }
            () = over => return Some(End::HungUp),
            () = link.wake.notified() => {}
        }
    }
}

/// Writes all; every single step may take so long at most (N-406: 30 s).
async fn write_all<W: AsyncWrite + Unpin>(writer: &mut W, mut bytes: &[u8], step: Duration) -> Option<End> {
    while !bytes.is_empty() {
        match timeout(step, writer.write(bytes)).await {
            Err(_) => return Some(End::Stalled),
            Ok(Ok(taken)) if taken > 0 => bytes = bytes.get(taken..).unwrap_or_default(),
            Ok(_) => return Some(End::Closed),
        }
    }
    match timeout(step, writer.flush()).await {
        Err(_) => Some(End::Stalled),
        Ok(Err(_)) => Some(End::Closed),
        Ok(Ok(())) => None,
    }
}

/// Tells the core of overflows, however long it takes.
async fn tell(shared: &Shared, link: &Link) -> End {
    loop {
        link.tell.notified().await;
        if link.overflowed.swap(false, Ordering::AcqRel)
            && shared.events.send(FromNetwork::Overflowed { link: link.id }).await.is_err()
        {
            return End::NobodyListens;
        }
    }
}

/// Ends a stranger's link when its time is over.
async fn watch(link: &Link) -> End {
    loop {
        let Some(left) = link.watch().map(|watch| watch.left_ms(Clock::now().mono_ms)) else {
            return future::pending().await;
        };
        if left == 0 {
            return End::Limit("a stranger's time is over");
        }
        tokio::time::sleep(Duration::from_millis(left)).await;
    }
}

#[cfg(test)]
mod tests {
    use std::pin::Pin;
    use std::task::{Context, Poll};

    use coterie_protocol::{Frame, GroupFrame, MemberKey, Path};
    use futures::io::Cursor;
    use libp2p::PeerId;
    use libp2p::swarm::ConnectionId;
    use tokio::sync::mpsc;

    use super::*;

    #[tokio::test]
    async fn n_205_only_the_one_byte_is_a_yes() {
        let hears = |bytes: &[u8]| acknowledged(Cursor::new(bytes.to_vec()));
        assert!(hears(&[0x06]).await.is_some() && hears(&[0x06, 0x10]).await.is_some());
        for no in [&[0x05][..], &[], &[0x00, 0x06]] {
            assert!(hears(no).await.is_none(), "{no:?}");
        }
        let mut said = Cursor::new(Vec::new());
        acknowledge(&mut said).now_or_never().unwrap().unwrap();
        assert_eq!(said.into_inner(), [0x06]);
    }

    #[test]
    fn n_1203_a_link_is_behind_while_urgent_frames_wait_or_are_being_written() {
        let shared = Shared::new(mpsc::channel(1).0, mpsc::channel(1).0);
        let peer = MemberKey([0; 32]);
        let place = Place {
            connection: ConnectionId::new_unchecked(0),
            peer_id: PeerId::random(),
            peer,
            path: Path::DirectTcp,
            household: None,
            knocks: Arc::default(),
        };
        let link = Link::new(&shared, Channel::Group, place, Opener::Us);
        let later = || Clock::now().mono_ms.saturating_add(1_000);
        let send = |kind: GroupFrame| link.send(Frame { kind: kind.number(), slot: 1, body: Bytes::new() }.to_bytes());
        send(GroupFrame::Give);
        assert_eq!(link.behind_ms(later()), None, "who catches up can wait");
        send(GroupFrame::Push);
        assert!(link.behind_ms(later()).is_some_and(|ms| ms >= 1_000));
        assert_eq!(link.queues().next_batch().len(), 2);
        assert!(link.behind_ms(later()).is_some(), "taken is not written");
        link.on_written();
        assert_eq!(link.behind_ms(later()), None);
        send(GroupFrame::Graft);
        link.on_written();
        assert!(link.behind_ms(later()).is_some(), "one came meanwhile");
    }

    /// Takes so many bytes and then none.
    struct Takes(usize);

    impl AsyncWrite for Takes {
        fn poll_write(mut self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<std::io::Result<usize>> {
            let taken = self.0.min(bytes.len());
            self.0 -= taken;
            if taken == 0 { Poll::Pending } else { Poll::Ready(Ok(taken)) }
        }

        fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<std::io::Result<()>> {
            Poll::Ready(Ok(()))
        }

        fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<std::io::Result<()>> {
            Poll::Ready(Ok(()))
        }
    }

    #[tokio::test]
    async fn n_406_a_link_that_takes_no_byte_for_its_time_is_over() {
        let step = Duration::from_millis(20);
        assert!(write_all(&mut Takes(100), &[0; 100], step).await.is_none());
        assert!(matches!(write_all(&mut Takes(99), &[0; 100], step).await, Some(End::Stalled)));
    }
}
