//! What is known of one neighbour of one group: how far it settled, what it holds and we lack, what was asked of it
//! and what it asked of us. The state of a catch-up is nothing but what our logs hold (N-708): all of this may be
//! lost at any moment, and the next vector brings it back.

use alloc::collections::{BTreeMap, BTreeSet, VecDeque};
use alloc::vec::Vec;

use super::Serve;
use super::frames::{Extent, Vector, WantRange};
use crate::ids::LogTag;
use crate::limits::{self, Rate};
use crate::log::Lack;
use crate::time::Timestamp;

/// A branch of a log: by its announced head if there are several.
pub(super) type Branch = (LogTag, Option<[u8; 8]>);

/// How far a session is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// Membership first (N-308).
    Settling,
    Open,
    /// Nothing is fetched from it for a while (N-713); it is served.
    Resting,
}

/// What waits to be announced to a neighbour.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Announce {
    Nothing,
    Logs(BTreeSet<LogTag>),
    All,
}

/// One range of a request, and what came of it.
#[derive(Clone, Debug)]
pub(super) struct Asked {
    pub range: WantRange,
    /// Our next number of that log when it was asked.
    pub next_before: u64,
    /// Highest number given so far.
    pub given_to: Option<u64>,
    pub is_gone: bool,
}

impl Asked {
    /// Nothing of it is to come any more.
    pub(super) fn is_over(&self) -> bool {
        self.is_gone || self.given_to.is_some_and(|to| to >= self.range.to)
    }
}

/// One open WANT.
#[derive(Clone, Debug, Default)]
pub(super) struct Request {
    pub asked: Vec<Asked>,
}

impl Request {
    pub(super) fn entries(&self) -> u64 {
        self.asked.iter().filter(|asked| !asked.is_over()).map(|asked| asked.range.count()).sum()
    }
}

#[derive(Debug)]
pub(super) struct Session {
    pub phase: Phase,
    /// What it claims to hold and we lacked when it said so.
    pub lacks: BTreeMap<Branch, (u64, u64)>,
    /// Between the frames of one full vector.
    is_listing: bool,
    /// We sent a full vector unasked: the next one of theirs is the answer to it.
    pub expects_vector: bool,
    /// A full vector of theirs came.
    pub is_told: bool,
    pub announce: Announce,
    /// Tags to ask the names of, and those asked already.
    unknown: BTreeSet<LogTag>,
    asked_names: BTreeSet<LogTag>,
    pub requests: BTreeMap<u64, Request>,
    next_request: u64,
    cancelled: VecDeque<u64>,
    /// Logs that are asked of others until then, and how often they came to nothing here.
    avoid: BTreeMap<LogTag, (u64, u32)>,
    pub barren_frames: u32,
    pub barren_bytes: usize,
    pub ungiven: u32,
    /// Requests that stalled without an entry, and nothing came since.
    pub overdue: u32,
    pub serving: VecDeque<Serve>,
    pub wants: Allowance,
    pub vectors: Allowance,
    pub whos: Allowance,
    /// A digest of theirs that was not ours when it came.
    pub strange_digest: Option<crate::ids::Digest>,
}

impl Session {
    pub(super) fn new() -> Self {
        // A little below the limits of the other side (N-606), because bursts may meet on the way.
        let modest = |rate: Rate| Allowance::new(Rate { burst: rate.burst.saturating_sub(rate.burst / 4), ..rate });
        Self {
            phase: Phase::Settling,
            lacks: BTreeMap::new(),
            is_listing: false,
            expects_vector: false,
            is_told: false,
            announce: Announce::Nothing,
            unknown: BTreeSet::new(),
            asked_names: BTreeSet::new(),
            requests: BTreeMap::new(),
            next_request: 1,
            cancelled: VecDeque::new(),
            avoid: BTreeMap::new(),
            barren_frames: 0,
            barren_bytes: 0,
            ungiven: 0,
            overdue: 0,
            serving: VecDeque::new(),
            wants: modest(limits::WANTS),
            vectors: modest(limits::VECTORS),
            whos: modest(limits::WHOS),
            strange_digest: None,
        }
    }

    /// Takes one VECTOR frame in: of the logs it lists, and of all others if it is the first frame of a full vector,
    /// what was claimed before is forgotten. At most so many branches are kept as a group lists logs.
    pub(super) fn note(&mut self, vector: &Vector, lacks: Vec<Lack>) {
        if vector.extent == Extent::Full {
            if !self.is_listing {
                self.lacks.clear();
                self.unknown.clear();
                self.asked_names.clear();
            }
            self.is_listing = vector.more;
        }
        for item in &vector.items {
            let branches = (item.tag, None)..=(item.tag, Some([0xff; 8]));
            let stale: Vec<Branch> = self.lacks.range(branches).map(|(branch, _)| *branch).collect();
            for branch in stale {
                self.lacks.remove(&branch);
            }
        }
        for lack in lacks {
            let branches = (lack.tag, None)..=(lack.tag, Some([0xff; 8]));
            let branch = (lack.tag, lack.branch);
            let is_new = !self.lacks.contains_key(&branch);
            let is_full = self.lacks.len() >= limits::LOGS_PER_GROUP_MAX
                || self.lacks.range(branches).count() >= limits::CLAIMED_BRANCHES_MAX;
            if is_new && is_full {
                continue;
            }
            if lack.log.is_none() && !self.asked_names.contains(&lack.tag) {
                self.unknown.insert(lack.tag);
            }
            // Logs are held from 0 on without holes: of several runs the lowest end counts.
            let run = self.lacks.entry(branch).or_insert((lack.from, lack.to));
            *run = (run.0.min(lack.from), run.1.min(lack.to));
        }
    }

    /// Up to one frame of tags whose names nobody told yet.
    pub(super) fn take_unknown(&mut self, is_known: &dyn Fn(&LogTag) -> bool) -> Vec<LogTag> {
        self.unknown.retain(|tag| !is_known(tag));
        let tags: Vec<LogTag> = self.unknown.iter().take(limits::WHO_TAGS_MAX).copied().collect();
        for tag in &tags {
            self.unknown.remove(tag);
            self.asked_names.insert(*tag);
        }
        tags
    }

    pub(super) fn has_unknown(&self) -> bool {
        !self.unknown.is_empty()
    }

    /// Whether a name was asked of it.
    pub(super) fn was_asked_name(&self, tag: &LogTag) -> bool {
        self.asked_names.contains(tag)
    }

    pub(super) fn open_request(&mut self, asked: Vec<Asked>) -> u64 {
        let request = self.next_request;
        self.next_request = request.saturating_add(1);
        self.requests.insert(request, Request { asked });
        request
    }

    /// Takes a request back; answers that are on their way are no fault.
    pub(super) fn take_back(&mut self, request: u64) -> Option<Request> {
        let taken = self.requests.remove(&request)?;
        if self.cancelled.len() >= limits::CANCELLED_MAX {
            self.cancelled.pop_front();
        }
        self.cancelled.push_back(request);
        Some(taken)
    }

    pub(super) fn was_cancelled(&self, request: u64) -> bool {
        self.cancelled.contains(&request)
    }

    /// A log came to nothing here: others are asked for a while, each time twice as long. Gives until when.
    pub(super) fn avoid(&mut self, now: Timestamp, tag: LogTag) -> u64 {
        if self.avoid.len() >= limits::LOGS_PER_GROUP_MAX {
            self.avoid.retain(|_, (until, _)| *until > now.mono_ms);
        }
        let tries = self.avoid.get(&tag).map_or(0, |&(_, tries)| tries);
        let pause = limits::AVOID_MIN_MS.saturating_mul(1 << tries.min(16)).min(limits::AVOID_MAX_MS);
        let until = now.mono_ms.saturating_add(pause);
        self.avoid.insert(tag, (until, tries.saturating_add(1)));
        until
    }

    pub(super) fn avoids(&self, now: Timestamp, tag: &LogTag) -> bool {
        self.avoid.get(tag).is_some_and(|&(until, _)| until > now.mono_ms)
    }

    /// It gave something new of this log.
    pub(super) fn stop_avoiding(&mut self, tag: &LogTag) {
        self.avoid.remove(tag);
    }

    /// What stood in the way may be gone.
    pub(super) fn avoid_nothing(&mut self) {
        self.avoid.clear();
    }

    /// Entries asked of it and not given.
    pub(super) fn outstanding(&self) -> u64 {
        self.requests.values().map(Request::entries).sum()
    }
}

/// What this side lets itself do, so that it stays within the limits of the other.
#[derive(Clone, Copy, Debug)]
pub(super) struct Allowance {
    rate: Rate,
    /// In units of 1/`per_ms`, so that nothing is lost to rounding.
    spent: u64,
    at_mono_ms: u64,
}

impl Allowance {
    const fn new(rate: Rate) -> Self {
        Self { rate, spent: 0, at_mono_ms: 0 }
    }

    /// Takes one, or says how many ms to wait for it.
    pub(super) fn take(&mut self, now: Timestamp) -> Result<(), u64> {
        let melted = now.mono_ms.saturating_sub(self.at_mono_ms).saturating_mul(self.rate.amount);
        self.spent = self.spent.saturating_sub(melted);
        self.at_mono_ms = self.at_mono_ms.max(now.mono_ms);
        let after = self.spent.saturating_add(self.rate.per_ms);
        let over = after.saturating_sub(self.rate.burst.saturating_mul(self.rate.per_ms));
        if over == 0 {
            self.spent = after;
            return Ok(());
        }
        Err(over.div_ceil(self.rate.amount.max(1)).max(1))
    }
}
