//! How fast one author may write (E-77, N-606): by push, in a day, and how often keys may change in an hour.
//!
//! A rate delays and never decides. What is pushed too fast is left to the comparison of logs. Who writes more in all
//! than an author may has its logs rest here: nothing of them is taken, nobody is asked for them, a person is told once,
//! and what was left with the others is fetched as the time for it comes. So no log gets a hole, everybody comes to hold
//! the same, and other authors are not held up. An honest node keeps within the same numbers by itself: its texts wait
//! in its outbox.
//!
//! Nobody knows when an entry was written, only when it came. So what an author may have written while nobody brought it
//! here is allowed for, and who was a member before oneself may bring a log of any age.

use alloc::collections::BTreeMap;

use super::{Context, Group};
use crate::event::AlertKind;
use crate::ids::{Heads, LogId, MembershipId, Neighbour};
use crate::limits::{self, Rate};
use crate::link::quota::Bucket;
use crate::log::Appended;
use crate::log::entry::HeadKind;
use crate::time::Timestamp;

/// What an entry is to the rates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A Leaf entry.
    Leaf,
    /// A Rekey that its author could have put off.
    Rekey,
    /// A Grant.
    Grant,
    /// Words, envelopes, and a Rekey that somebody leaving has forced.
    Other,
}

impl Kind {
    fn of(appended: &Appended) -> Self {
        match appended.entry.head.kind {
            HeadKind::Leaf { .. } => Self::Leaf,
            HeadKind::Rekey { .. } if !appended.is_forced => Self::Rekey,
            HeadKind::KeyGrant { .. } => Self::Grant,
            HeadKind::Rekey { .. }
            | HeadKind::Message { .. }
            | HeadKind::GrantEnvelope { .. }
            | HeadKind::Opaque { .. } => Self::Other,
        }
    }
}

/// One author's buckets.
struct Meter {
    entries: Bucket,
    bytes: Bucket,
    leaves: Bucket,
    rekeys: Bucket,
    grants: Bucket,
    pushed: (Bucket, Bucket),
}

impl Meter {
    /// The nominal bursts, and what the author may have written in so much time before.
    fn new(late_ms: u64, now: Timestamp) -> Self {
        let late = late_ms.min(limits::AUTHOR_LATE_MS);
        let bucket = |rate: Rate| {
            let in_ms = |ms: u64| ms.saturating_mul(rate.amount).checked_div(rate.per_ms).unwrap_or(0);
            let deep = Rate { burst: rate.burst.saturating_add(in_ms(limits::AUTHOR_LATE_MS)), ..rate };
            Bucket::holding(deep, rate.burst.saturating_add(in_ms(late)), now)
        };
        Self {
            entries: bucket(limits::AUTHOR_DAY_ENTRIES),
            bytes: bucket(limits::AUTHOR_DAY_BYTES),
            leaves: bucket(limits::AUTHOR_LEAVES),
            rekeys: bucket(limits::AUTHOR_REKEYS),
            grants: bucket(limits::AUTHOR_GRANTS),
            pushed: (Bucket::new(limits::AUTHOR_ITEMS), Bucket::new(limits::AUTHOR_PUSH_BYTES)),
        }
    }

    /// What one lets oneself do: no credit for silence, so one is never above what others allow.
    fn own() -> Self {
        Self {
            entries: Bucket::new(limits::AUTHOR_DAY_ENTRIES),
            bytes: Bucket::new(limits::AUTHOR_DAY_BYTES),
            leaves: Bucket::new(limits::AUTHOR_LEAVES),
            rekeys: Bucket::new(limits::AUTHOR_REKEYS),
            grants: Bucket::new(limits::AUTHOR_GRANTS),
            pushed: (Bucket::new(limits::AUTHOR_ITEMS), Bucket::new(limits::AUTHOR_PUSH_BYTES)),
        }
    }

    fn of_kind(&mut self, kind: Kind) -> Option<&mut Bucket> {
        match kind {
            Kind::Leaf => Some(&mut self.leaves),
            Kind::Rekey => Some(&mut self.rekeys),
            Kind::Grant => Some(&mut self.grants),
            Kind::Other => None,
        }
    }

    fn charge(&mut self, kind: Kind, bytes: u64, now: Timestamp) {
        self.entries.charge(1, now);
        self.bytes.charge(bytes, now);
        if let Some(bucket) = self.of_kind(kind) {
            bucket.charge(1, now);
        }
    }

    /// For how long nothing more is taken of the author: until what was too much has melted.
    fn rest_ms(&mut self, now: Timestamp) -> u64 {
        let all = [&mut self.entries, &mut self.bytes, &mut self.leaves, &mut self.rekeys, &mut self.grants];
        all.into_iter().map(|bucket| bucket.wait(0, now)).max().unwrap_or(0)
    }
}

/// The rates of all authors of a group, and one's own.
pub(super) struct Rates {
    authors: BTreeMap<MembershipId, Meter>,
    own: Meter,
    /// When this life began, and for how long nothing had come before it.
    since: Option<Timestamp>,
    away_ms: u64,
}

impl Default for Rates {
    fn default() -> Self {
        Self { authors: BTreeMap::new(), own: Meter::own(), since: None, away_ms: 0 }
    }
}

impl Rates {
    /// After a start: what was written since the last contact may come now.
    pub(super) fn restored(&mut self, now: Timestamp, last_contact_wall_ms: u64) {
        self.since = Some(now);
        self.away_ms = now.wall_ms.saturating_sub(last_contact_wall_ms).saturating_add(limits::AUTHOR_RESTART_MS);
    }

    fn of(&mut self, author: MembershipId, now: Timestamp, seniority: impl FnOnce() -> Seniority) -> &mut Meter {
        let since = *self.since.get_or_insert(now);
        if self.authors.len() >= limits::METERED_AUTHORS_MAX && !self.authors.contains_key(&author) {
            let quietest = self.authors.iter().min_by_key(|(_, meter)| meter.entries.last_mono_ms());
            if let Some(mid) = quietest.map(|(mid, _)| *mid) {
                self.authors.remove(&mid);
            }
        }
        self.authors.entry(author).or_insert_with(|| {
            let late_ms = match seniority() {
                Seniority::Before => limits::AUTHOR_LATE_MS,
                Seniority::After => self.away_ms.saturating_add(now.since(since)),
            };
            Meter::new(late_ms, now)
        })
    }

    /// In how many ms so many own entries of a kind, and a Message behind them, may be written.
    pub(super) fn own_wait_ms(&mut self, now: Timestamp, kind: Kind, count: usize) -> u64 {
        let count = u64::try_from(count).unwrap_or(u64::MAX);
        let all = self
            .own
            .entries
            .wait(count.saturating_add(1), now)
            .max(self.own.bytes.wait(limits::AUTHOR_STEP_BYTES, now));
        let of_kind = self.own.of_kind(kind).map_or(0, |bucket| bucket.wait(count, now));
        all.max(of_kind)
    }
}

/// Whether an author sat in the group when one came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Seniority {
    /// Or nobody can say: its log may be of any age.
    Before,
    /// Its log began after one's own.
    After,
}

impl Group {
    /// Rule E-77: an entry of somebody else's was admitted.
    pub(super) fn count_foreign(&mut self, ctx: &Context<'_>, appended: &Appended, from: Option<Neighbour>) {
        let log = appended.place.log;
        if log.mid == self.me {
            return;
        }
        let bytes = self.stored_bytes(&appended.place);
        let by_push = from.is_some() && !self.near.giving;
        let meter = self.meter(&log.mid, ctx.now);
        meter.charge(Kind::of(appended), bytes, ctx.now);
        if by_push {
            meter.pushed.0.charge(1, ctx.now);
            meter.pushed.1.charge(bytes, ctx.now);
        }
    }

    /// The same for an own one.
    pub(super) fn count_own(&mut self, ctx: &Context<'_>, appended: &Appended) {
        let bytes = self.stored_bytes(&appended.place);
        self.rates.own.charge(Kind::of(appended), bytes, ctx.now);
    }

    /// Whether a pushed entry of this log is left to the comparison of logs (N-606).
    pub(super) fn is_too_fast(&mut self, ctx: &mut Context<'_>, log: &LogId) -> bool {
        if self.is_resting(ctx, log) {
            return true;
        }
        if log.mid == self.me {
            return false;
        }
        let (items, volume) = &mut self.meter(&log.mid, ctx.now).pushed;
        items.wait(0, ctx.now).max(volume.wait(0, ctx.now)) > 0
    }

    /// Whether nothing is taken of this log for now; a person is told once.
    pub(super) fn is_resting(&mut self, ctx: &mut Context<'_>, log: &LogId) -> bool {
        if log.mid == self.me {
            return false;
        }
        let rest_ms = self.meter(&log.mid, ctx.now).rest_ms(ctx.now);
        if rest_ms > 0 {
            self.rest_log(ctx, log, rest_ms);
            self.alert(ctx, AlertKind::Throttled, Some(log.mid), "N-606".into());
        }
        rest_ms > 0
    }

    /// Whether an own entry goes by push; else it is announced, and others fetch it.
    pub(super) fn may_push_own(&mut self, ctx: &Context<'_>, bytes: usize) -> bool {
        let bytes = u64::try_from(bytes).unwrap_or(u64::MAX);
        let (items, volume) = &mut self.rates.own.pushed;
        let may = items.wait(1, ctx.now).max(volume.wait(bytes, ctx.now)) == 0;
        if may {
            items.charge(1, ctx.now);
            volume.charge(bytes, ctx.now);
        }
        may
    }

    fn meter(&mut self, author: &MembershipId, now: Timestamp) -> &mut Meter {
        let one = |mid: &MembershipId| Heads::new([(*mid).into()].into());
        let (membership, me) = (&self.membership, &self.me);
        self.rates.of(*author, now, || {
            if membership.covers(&one(author), &one(me)) { Seniority::After } else { Seniority::Before }
        })
    }
}

#[cfg(test)]
mod tests;
