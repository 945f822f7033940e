//! What the system tells this process: to end, or to read its settings again.

use tokio::signal::unix::{Signal, SignalKind, signal};

/// What the system tells this process. Made once for all lives, so that a signal that comes between two is not lost.
pub(super) struct Signals {
    term: Option<Signal>,
    int: Option<Signal>,
    hup: Option<Signal>,
}

impl Signals {
    pub(super) fn new() -> Self {
        let listen = |kind| signal(kind).inspect_err(|error| tracing::error!(%error, "a signal is not heard")).ok();
        Self {
            term: listen(SignalKind::terminate()),
            int: listen(SignalKind::interrupt()),
            hup: listen(SignalKind::hangup()),
        }
    }

    pub(super) async fn next(&mut self) -> Heard {
        tokio::select! {
            () = heard(&mut self.term) => Heard::End,
            () = heard(&mut self.int) => Heard::End,
            () = heard(&mut self.hup) => Heard::HangUp,
        }
    }

    /// Waits until this process is to end.
    pub(super) async fn end(&mut self) {
        while self.next().await == Heard::HangUp {}
    }
}

/// What a signal means.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Heard {
    End,
    HangUp,
}

async fn heard(signal: &mut Option<Signal>) {
    match signal {
        Some(signal) => drop(signal.recv().await),
        None => std::future::pending().await,
    }
}
