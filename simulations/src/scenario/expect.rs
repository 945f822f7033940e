//! What a story demands beside the invariants, which are always on.

use crate::network::HostId;
use crate::oracle::Mark;

/// One demand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expect {
    /// In which line of the file.
    pub line: usize,
    /// When.
    pub when: When,
    /// What.
    pub predicate: Predicate,
}

/// When a demand must hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// Whenever something happened.
    Always,
    /// At this moment, µs.
    At(u64),
    /// When all is over.
    End,
    /// At some moment not later than this, and from then on, µs.
    By(u64),
    /// The same, counted from the last heal, restart or resume.
    ByAfterHeal(u64),
    /// At some moment.
    Some,
}

/// How two numbers are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the five signs of the language")]
pub enum Compare {
    Less,
    AtMost,
    Equal,
    AtLeast,
    More,
}

impl Compare {
    /// All, with their signs; the longer ones first.
    pub const ALL: [(Self, &'static str); 5] =
        [(Self::AtMost, "<="), (Self::AtLeast, ">="), (Self::Less, "<"), (Self::More, ">"), (Self::Equal, "=")];

    /// Whether it holds.
    #[must_use]
    pub const fn holds(self, left: u64, right: u64) -> bool {
        match self {
            Self::Less => left < right,
            Self::AtMost => left <= right,
            Self::Equal => left == right,
            Self::AtLeast => left >= right,
            Self::More => left > right,
        }
    }

    /// Its sign.
    #[must_use]
    pub fn sign(self) -> &'static str {
        Self::ALL.iter().find(|(compare, _)| *compare == self).map_or("=", |(_, sign)| sign)
    }
}

/// What is demanded.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the predicates of the language, described in the README")]
pub enum Predicate {
    Converged(Option<Vec<HostId>>),
    Members { compare: Compare, count: u64, on: Option<Vec<HostId>> },
    Roster { hosts: Vec<HostId>, on: Option<Vec<HostId>> },
    Seated(HostId),
    Refused { host: HostId, reason: Option<String> },
    Lost { compare: Compare, count: u64 },
    Duplicates { compare: Compare, count: u64 },
    Outbox { compare: Compare, count: u64, on: Option<Vec<HostId>> },
    Seen { label: String, on: Vec<HostId> },
    Unseen { label: String, on: Vec<HostId> },
    Alarm { name: String, on: Option<Vec<HostId>> },
    Latency { percentile: u8, compare: Compare, time_us: u64 },
    Dials { compare: Compare, count: u64 },
    Mark { mark: Mark, compare: Compare, count: u64 },
}
