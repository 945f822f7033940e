//! What the users of a blob stream hold: bytes in both directions, and an end that nobody can hold up.
//!
//! The stream itself sits behind a lock, so that the network can take it away from a holder that isn't looking: both
//! halves then fail at the next touch, and the peer sees a reset at once. The lock is held for a poll, never over a wait.

use std::io::{Error, ErrorKind, Result};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::{Context, Poll, Waker, ready};

use futures::FutureExt;
use futures::io::{AsyncRead as _, AsyncWrite as _};
use libp2p::swarm::{ConnectionId, Stream};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::task::coop;
use tokio::time::{Sleep, sleep};

use super::books::Slot;
use crate::network::limits::{BLOB_PIECE_BYTES_MAX, CHAT_WAITS_MS, GIVE_WAY};
use crate::network::shared::Shared;

/// An acknowledged stream with a member; read and written as any other, at most 16 KiB at a time.
///
/// Whoever has written all says so by a shutdown and then reads to the end: a stream that is dropped is reset, and the
/// peer may lose what it has not read yet. Fails with `ConnectionAborted` once the network has ended it.
#[derive(Debug)]
pub struct BlobStream(Arc<Core>);

/// The part that the books know.
#[derive(Debug)]
pub(super) struct Core {
    live: Mutex<Option<Live>>,
}

#[derive(Debug)]
struct Live {
    stream: Stream,
    connection: ConnectionId,
    /// Weak, for it holds the driver's queue.
    shared: Weak<Shared>,
    reader: Option<Waker>,
    writer: Option<Waker>,
    /// Set while chat goes first.
    pause: Option<Pin<Box<Sleep>>>,
    _slot: Slot,
}

impl BlobStream {
    /// A stream with its slot; `None` if it was cut while it was being opened.
    pub(super) fn new(stream: Stream, connection: ConnectionId, shared: &Arc<Shared>, slot: Slot) -> Option<Self> {
        let core = Arc::new(Core { live: Mutex::new(None) });
        // Under the lock, so that a cut that comes now finds the stream.
        let mut live = core.live();
        let filled = slot.fill(&core);
        let shared = Arc::downgrade(shared);
        *live = Some(Live { stream, connection, shared, reader: None, writer: None, pause: None, _slot: slot });
        drop(live);
        filled.then_some(Self(core))
    }
}

impl Core {
    fn live(&self) -> MutexGuard<'_, Option<Live>> {
        self.live.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes the stream away and tells both halves.
    pub(super) fn end(&self) {
        let ended = self.live().take();
        if let Some(Live { stream, reader, writer, .. }) = ended {
            drop(stream);
            reader.into_iter().chain(writer).for_each(Waker::wake);
        }
    }
}

impl Live {
    /// By BL-14, chat goes first: nothing is written while an urgent frame has waited too long for its turn.
    fn poll_turn(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            if let Some(pause) = &mut self.pause {
                ready!(pause.poll_unpin(cx));
                self.pause = None;
            }
            let Some(shared) = self.shared.upgrade() else { return Poll::Ready(()) };
            if !shared.chat_waits(self.connection, CHAT_WAITS_MS) {
                return Poll::Ready(());
            }
            self.pause = Some(Box::pin(sleep(GIVE_WAY)));
        }
    }

    /// Something to do with the writing half; remembers whom to wake if it must wait.
    fn write<T>(
        &mut self,
        cx: &mut Context<'_>,
        act: impl FnOnce(&mut Self, &mut Context<'_>) -> Poll<Result<T>>,
    ) -> Poll<Result<T>> {
        // A holder that never has to wait must still let others on its thread run.
        let coop = ready!(coop::poll_proceed(cx));
        let done = act(self, cx);
        if done.is_pending() {
            self.writer = Some(cx.waker().clone());
        } else {
            coop.made_progress();
        }
        done
    }
}

fn ended() -> Error {
    Error::new(ErrorKind::ConnectionAborted, "the network has ended this stream")
}

impl AsyncRead for BlobStream {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<Result<()>> {
        let coop = ready!(coop::poll_proceed(cx));
        let mut live = self.0.live();
        let Some(live) = live.as_mut() else { return Poll::Ready(Err(ended())) };
        let room = buffer.initialize_unfilled_to(buffer.remaining().min(BLOB_PIECE_BYTES_MAX));
        let read = Pin::new(&mut live.stream).poll_read(cx, room);
        if read.is_pending() {
            live.reader = Some(cx.waker().clone());
        } else {
            coop.made_progress();
        }
        read.map_ok(|count| buffer.advance(count))
    }
}

impl AsyncWrite for BlobStream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<Result<usize>> {
        let mut live = self.0.live();
        let Some(live) = live.as_mut() else { return Poll::Ready(Err(ended())) };
        let piece = bytes.get(..BLOB_PIECE_BYTES_MAX).unwrap_or(bytes);
        live.write(cx, |live, cx| {
            ready!(live.poll_turn(cx));
            Pin::new(&mut live.stream).poll_write(cx, piece)
        })
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<()>> {
        match self.0.live().as_mut() {
            Some(live) => live.write(cx, |live, cx| Pin::new(&mut live.stream).poll_flush(cx)),
            None => Poll::Ready(Err(ended())),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<()>> {
        match self.0.live().as_mut() {
            Some(live) => live.write(cx, |live, cx| Pin::new(&mut live.stream).poll_close(cx)),
            None => Poll::Ready(Err(ended())),
        }
    }
}
