//! What happened, line by line, and one number over all of it.
//!
//! Rule SIM-11: the hash over the trace is what makes two runs equal or not. The newest lines are kept for the report
//! of a failure; all of them only if somebody wants to look at the run afterwards.

use std::collections::VecDeque;
use std::fmt::Write as _;

use sha2::{Digest, Sha256};

/// Lines kept for the report of a failure.
const NEWEST_LINES: usize = 400;
/// Lines kept when a run is to be looked at: 2 million of about 100 bytes are all that a small machine holds (guess).
const KEPT_LINES_MAX: usize = 2_000_000;

/// One line.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Line {
    /// Simulated time, µs.
    pub t: u64,
    /// Number of the event.
    pub n: u64,
    /// A stable word.
    pub kind: String,
    /// Whose; none for the world.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<u16>,
    /// The other end, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<u16>,
    /// For people.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub what: String,
}

/// Whether all lines are kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Keep {
    /// The newest.
    #[default]
    Newest,
    /// All, up to a bound.
    All,
}

/// The trace of a run.
pub struct Trace {
    hash: Sha256,
    lines: VecDeque<Line>,
    keep: Keep,
    count: u64,
    text: String,
}

impl Trace {
    /// An empty one.
    #[must_use]
    pub fn new(keep: Keep) -> Self {
        Self { hash: Sha256::new(), lines: VecDeque::new(), keep, count: 0, text: String::new() }
    }

    /// Adds a line.
    pub fn note(&mut self, t: u64, kind: &str, (host, to): (Option<u16>, Option<u16>), what: std::fmt::Arguments<'_>) {
        self.count += 1;
        self.text.clear();
        // Writing to a string cannot fail.
        let _ = self.text.write_fmt(what);
        self.hash.update(t.to_be_bytes());
        self.hash.update(kind.as_bytes());
        self.hash.update([0]);
        self.hash.update(host.map_or(u16::MAX, |host| host).to_be_bytes());
        self.hash.update(to.map_or(u16::MAX, |host| host).to_be_bytes());
        self.hash.update(self.text.as_bytes());
        self.hash.update([b'\n']);
        let most = if self.keep == Keep::All { KEPT_LINES_MAX } else { NEWEST_LINES };
        // The oldest line gives its room to the new one: nearly all are never read.
        let oldest = if self.lines.len() >= most { self.lines.pop_front() } else { None };
        let (mut word, mut text) = oldest.map(|line| (line.kind, line.what)).unwrap_or_default();
        kind.clone_into(&mut word);
        self.text.clone_into(&mut text);
        self.lines.push_back(Line { t, n: self.count, kind: word, host, to, what: text });
    }

    /// The hash so far, hex.
    #[must_use]
    pub fn hash(&self) -> String {
        let digest: [u8; 32] = self.hash.clone().finalize().into();
        digest.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// Lines so far.
    #[must_use]
    pub const fn count(&self) -> u64 {
        self.count
    }

    /// The kept lines, oldest first.
    pub fn lines(&self) -> impl DoubleEndedIterator<Item = &Line> {
        self.lines.iter()
    }
}

/// `hh:mm:ss.mmm`, with days in front if there are any.
#[must_use]
pub fn clock_text(t: u64) -> String {
    let (ms, s, m, h) = (t / 1_000 % 1_000, t / 1_000_000 % 60, t / 60_000_000 % 60, t / 3_600_000_000);
    let days = h / 24;
    let day = if days > 0 { format!("{days}d ") } else { String::new() };
    format!("{day}{:02}:{m:02}:{s:02}.{ms:03}", h % 24)
}
