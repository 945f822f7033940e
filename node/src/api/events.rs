//! The event hub: numbers, keeps and hands out what became true, to any number of followers.
//!
//! Events are numbered `<boot>.<n>`; `boot` is new with every start of the node, so a follower that comes back after a
//! restart is told to read its snapshots again rather than served from another numbering. The ring keeps the newest
//! events; whoever asks for something older gets `reset` (EV-3). Followers read the ring at their own pace: a slow one
//! costs nothing but its own `reset`. The form is the one of server-sent events
//! (<https://html.spec.whatwg.org/multipage/server-sent-events.html>).

use std::collections::{BTreeSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::Serialize;
use serde_json::{Value, json};
use tokio::sync::watch;

use crate::clock::Clock;

/// Events kept for resuming (EV-3).
const RING_EVENTS_MAX: usize = 10_000;
/// Bytes kept for resuming (EV-3).
const RING_BYTES_MAX: usize = 8 << 20;
/// For how long: a face that was away longer reads everything anew, and words that were erased meanwhile are not told
/// again (ST-110).
const RING_MS_MAX: u64 = 3_600_000;
/// How far a follower may fall behind what it had to catch up with at first (EV-3).
const LAG_EVENTS_MAX: u64 = 1_024;
/// Events handed to a connection in one piece.
const CHUNK_EVENTS: usize = 64;

/// Types of events (EV-2), those of this release.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    Hello,
    Status,
    Group,
    GroupGone,
    Member,
    Request,
    Invite,
    Join,
    Message,
    MessageChanged,
    Delivery,
    Outbox,
    Alert,
    Reset,
    Bye,
}

impl Kind {
    /// Every type.
    pub const ALL: [Self; 15] = [
        Self::Hello,
        Self::Status,
        Self::Group,
        Self::GroupGone,
        Self::Member,
        Self::Request,
        Self::Invite,
        Self::Join,
        Self::Message,
        Self::MessageChanged,
        Self::Delivery,
        Self::Outbox,
        Self::Alert,
        Self::Reset,
        Self::Bye,
    ];

    /// The word on the wire.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Hello => "hello",
            Self::Status => "status",
            Self::Group => "group",
            Self::GroupGone => "group_gone",
            Self::Member => "member",
            Self::Request => "request",
            Self::Invite => "invite",
            Self::Join => "join",
            Self::Message => "message",
            Self::MessageChanged => "message_changed",
            Self::Delivery => "delivery",
            Self::Outbox => "outbox",
            Self::Alert => "alert",
            Self::Reset => "reset",
            Self::Bye => "bye",
        }
    }

    /// The type of a word.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.word() == word)
    }
}

/// One event on its way to the faces.
#[derive(Clone, Debug)]
pub struct Notice {
    kind: Kind,
    group: Option<String>,
    data: Arc<str>,
    at_ms: u64,
}

impl Notice {
    /// An event about `group`, or about the whole node.
    pub fn new(kind: Kind, group: Option<String>, data: &impl Serialize) -> Self {
        // A shape that cannot be written would be our own mistake; the follower then reads its snapshots again.
        let data = serde_json::to_string(data).unwrap_or_else(|_| "null".to_owned());
        Self { kind, group, data: data.into(), at_ms: Clock::now().mono_ms }
    }

    /// The last one: the node, or this life of it, ends.
    pub fn bye() -> Self {
        Self::new(Kind::Bye, None, &json!({ "schema": "coterie.bye/1" }))
    }

    fn cost(&self) -> usize {
        self.data.len() + self.group.as_ref().map_or(0, String::len) + 64
    }

    fn write(&self, id: &str, to: &mut String) {
        // JSON has no raw line breaks, so one `data:` line holds it.
        for part in ["id: ", id, "\nevent: ", self.kind.word(), "\ndata: ", &self.data, "\n\n"] {
            to.push_str(part);
        }
    }
}

/// What a follower wants to see. Leaving things out never changes the numbers (EV-4).
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// Only this group, and what is about no group.
    pub group: Option<String>,
    /// Only these types; `hello`, `reset` and `bye` always come.
    pub kinds: Option<BTreeSet<Kind>>,
}

impl Filter {
    fn lets_through(&self, notice: &Notice) -> bool {
        let kind = self.kinds.as_ref().is_none_or(|kinds| kinds.contains(&notice.kind));
        let group = self.group.is_none() || notice.group.is_none() || self.group == notice.group;
        notice.kind == Kind::Bye || (kind && group)
    }
}

#[derive(Debug, Default)]
struct Ring {
    events: VecDeque<Notice>,
    bytes: usize,
    /// Number of the newest event; 0 before the first.
    newest: u64,
}

impl Ring {
    /// What is too much, or too old.
    fn let_go(&mut self, now_ms: u64) {
        while self.events.len() > RING_EVENTS_MAX
            || self.bytes > RING_BYTES_MAX
            || self.events.front().is_some_and(|first| now_ms.saturating_sub(first.at_ms) > RING_MS_MAX)
        {
            let Some(gone) = self.events.pop_front() else { break };
            self.bytes -= gone.cost();
        }
    }

    fn oldest(&self) -> u64 {
        self.newest + 1 - self.events.len() as u64
    }
}

/// Numbers and keeps events.
#[derive(Debug)]
pub struct Hub {
    boot: String,
    ring: Mutex<Ring>,
    newest: watch::Sender<u64>,
}

impl Hub {
    /// A hub of one start of the node: `boot` makes its numbers different from those of any other start.
    #[must_use]
    pub fn new(boot: [u8; 4]) -> Self {
        let boot = boot.iter().map(|byte| format!("{byte:02x}")).collect();
        Self { boot, ring: Mutex::new(Ring::default()), newest: watch::Sender::new(0) }
    }

    /// Rule EV-4: tells the followers; called only after the change is durable. Never waits.
    pub fn publish(&self, notice: Notice) {
        let mut ring = self.lock();
        ring.bytes += notice.cost();
        ring.newest += 1;
        ring.events.push_back(notice);
        ring.let_go(Clock::now().mono_ms);
        let newest = ring.newest;
        drop(ring);
        self.newest.send_replace(newest);
    }

    /// The position of the newest event, as it stands in headers.
    #[must_use]
    pub fn position(&self) -> String {
        self.spell(self.lock().newest)
    }

    /// A follower that goes on behind `last_seen`, or starts at the newest event.
    #[must_use]
    pub fn follow(self: &Arc<Self>, last_seen: Option<&str>, filter: Filter) -> Follower {
        let newest = self.lock().newest;
        let known = last_seen.map(|text| self.read_position(text));
        let (cursor, stale) = match known {
            None => (newest, None),
            Some(Some(n)) => (n, None),
            Some(None) => (newest, Some("unknown_position")),
        };
        let signal = self.newest.subscribe();
        Follower { hub: Arc::clone(self), cursor, caught_up_at: newest, filter, signal, stale, ended: false }
    }

    fn spell(&self, n: u64) -> String {
        format!("{}.{n}", self.boot)
    }

    /// The number behind a position of this start that can still be followed without a gap.
    fn read_position(&self, text: &str) -> Option<u64> {
        let (boot, n) = text.split_once('.')?;
        let n: u64 = n.parse().ok()?;
        let mut ring = self.lock();
        ring.let_go(Clock::now().mono_ms);
        (boot == self.boot && n <= ring.newest && n + 1 >= ring.oldest()).then_some(n)
    }

    fn lock(&self) -> MutexGuard<'_, Ring> {
        // The ring is whole after each statement, so a panic elsewhere leaves nothing half done.
        self.ring.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One reader of the ring.
#[derive(Debug)]
pub struct Follower {
    hub: Arc<Hub>,
    cursor: u64,
    caught_up_at: u64,
    filter: Filter,
    signal: watch::Receiver<u64>,
    stale: Option<&'static str>,
    ended: bool,
}

impl Follower {
    /// The first event: where the follower stands, with the status that the caller adds.
    #[must_use]
    pub fn hello(&self, status: &Value) -> String {
        let id = self.hub.spell(self.cursor);
        let data = json!({ "schema": "coterie.hello/1", "position": id, "status": status });
        let mut text = String::new();
        Notice::new(Kind::Hello, None, &data).write(&id, &mut text);
        text
    }

    /// Waits for more and gives it in the form of the wire; nothing more comes after `None`.
    pub async fn next(&mut self) -> Option<String> {
        loop {
            if self.ended {
                return None;
            }
            if let Some(reason) = self.stale.take() {
                return Some(self.reset(reason));
            }
            let text = self.take();
            if !text.is_empty() {
                return Some(text);
            }
            self.signal.changed().await.ok()?;
        }
    }

    fn take(&mut self) -> String {
        let hub = Arc::clone(&self.hub);
        let ring = hub.lock();
        self.signal.mark_unchanged();
        let oldest = ring.oldest();
        // Rule EV-3: who lags 1 024 events, or behind the ring, reads the snapshots again.
        let lags = self.cursor >= self.caught_up_at && ring.newest - self.cursor > LAG_EVENTS_MAX;
        if self.cursor + 1 < oldest || lags {
            drop(ring);
            self.ended = true;
            return self.reset("too_slow");
        }
        let skip = usize::try_from(self.cursor + 1 - oldest).unwrap_or(usize::MAX);
        let mut text = String::new();
        let mut found = 0;
        for notice in ring.events.iter().skip(skip) {
            self.cursor += 1;
            if self.filter.lets_through(notice) {
                notice.write(&hub.spell(self.cursor), &mut text);
                found += 1;
            }
            self.ended |= notice.kind == Kind::Bye;
            if found == CHUNK_EVENTS {
                break;
            }
        }
        text
    }

    fn reset(&mut self, reason: &str) -> String {
        self.cursor = self.hub.lock().newest;
        self.caught_up_at = self.cursor;
        let mut text = String::new();
        let data = json!({ "schema": "coterie.reset/1", "reason": reason });
        Notice::new(Kind::Reset, None, &data).write(&self.hub.spell(self.cursor), &mut text);
        text
    }
}

#[cfg(test)]
mod tests;
