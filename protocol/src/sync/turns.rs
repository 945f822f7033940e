//! What [`AntiEntropy`] does by itself: announcing, asking for names, planning, ending requests, resting.

use alloc::vec::Vec;

use super::session::{Announce, Asked, Phase};
use super::{AntiEntropy, Holdings, SyncAction, Timer, fetch};
use crate::error::PeerFault;
use crate::ids::{LogTag, Neighbour};
use crate::limits;
use crate::time::Timestamp;

impl AntiEntropy {
    pub(super) fn on_timer(&mut self, now: Timestamp, timer: Timer, holdings: &dyn Holdings) -> Vec<SyncAction> {
        match timer {
            Timer::Settle(neighbour) => Vec::from([SyncAction::Stalled { neighbour }]),
            Timer::Announce(neighbour) => self.announce(now, neighbour),
            Timer::Names(neighbour) => self.ask_names(now, neighbour, holdings),
            Timer::Digest(neighbour) => self.on_strange_digest(now, neighbour),
            Timer::Progress(neighbour, request) => self.on_stall(now, neighbour, request),
            Timer::Rest(neighbour) => self.end_rest(now, neighbour),
            Timer::Overdue(neighbour) => self.on_overdue(neighbour),
            Timer::Gap(tag) => {
                self.on_gap(tag, holdings);
                Vec::new()
            }
            // Planning follows every step.
            Timer::Plan | Timer::Rested(_) => Vec::new(),
        }
    }

    /// Sends what waits to be announced, or sets a timer until the other side takes a vector again (N-606).
    pub(super) fn announce(&mut self, now: Timestamp, to: Neighbour) -> Vec<SyncAction> {
        let Some(session) = self.sessions.get_mut(&to).filter(|session| session.announce != Announce::Nothing) else {
            return Vec::new();
        };
        if let Err(wait) = session.vectors.take(now) {
            self.timers.set(Timer::Announce(to), now.mono_ms.saturating_add(wait));
            return Vec::new();
        }
        self.timers.clear(Timer::Announce(to));
        let action = match core::mem::replace(&mut session.announce, Announce::Nothing) {
            Announce::All => SyncAction::FullVector { to },
            Announce::Logs(tags) => SyncAction::DeltaVector { to, tags: tags.into_iter().collect() },
            Announce::Nothing => return Vec::new(),
        };
        Vec::from([action])
    }

    pub(super) fn ask_names(&mut self, now: Timestamp, to: Neighbour, holdings: &dyn Holdings) -> Vec<SyncAction> {
        let Some(session) = self.sessions.get_mut(&to).filter(|session| session.phase == Phase::Open) else {
            return Vec::new();
        };
        if !session.has_unknown() || self.timers.is_set(Timer::Names(to)) {
            return Vec::new();
        }
        if let Err(wait) = session.whos.take(now) {
            self.timers.set(Timer::Names(to), now.mono_ms.saturating_add(wait));
            return Vec::new();
        }
        let names = &self.names;
        let tags = session.take_unknown(&|tag| holdings.is_named(tag) || names.contains_key(tag));
        if session.has_unknown() {
            self.timers.set(Timer::Names(to), now.mono_ms.saturating_add(1));
        }
        if tags.is_empty() { Vec::new() } else { Vec::from([SyncAction::Who { to, tags }]) }
    }

    pub(super) fn plan(&mut self, now: Timestamp, holdings: &dyn Holdings) -> Vec<SyncAction> {
        let names = &self.names;
        let is_named = |tag: &LogTag| holdings.is_named(tag) || names.contains_key(tag);
        let plan = fetch::plan(now, &mut self.sessions, &self.waiting, holdings, &is_named);
        for action in &plan.actions {
            if let SyncAction::Want { to, want } = action {
                let due = now.mono_ms.saturating_add(limits::REQUEST_STALL_MS);
                self.timers.set(Timer::Progress(*to, want.request), due);
            }
        }
        if let Some(again) = plan.again_mono_ms {
            self.timers.set_earlier(Timer::Plan, again);
        }
        plan.actions
    }

    /// A request ended: what came of each of its ranges.
    pub(super) fn finish(
        &mut self,
        now: Timestamp,
        from: Neighbour,
        request: u64,
        holdings: &dyn Holdings,
    ) -> Vec<SyncAction> {
        self.timers.clear(Timer::Progress(from, request));
        let Some(done) = self.sessions.get_mut(&from).and_then(|session| session.requests.remove(&request)) else {
            return Vec::new();
        };
        let mut is_empty_handed = false;
        for asked in &done.asked {
            is_empty_handed |= self.settle_range(now, from, asked, holdings);
        }
        if !is_empty_handed {
            return Vec::new();
        }
        let mut actions = Vec::from([SyncAction::Fault { neighbour: from, fault: PeerFault::Undelivered }]);
        actions.extend(self.note_ungiven(now, from));
        actions
    }

    /// Gives whether the range was claimed and not given.
    fn settle_range(&mut self, now: Timestamp, from: Neighbour, asked: &Asked, holdings: &dyn Holdings) -> bool {
        let tag = asked.range.tag;
        let Some(session) = self.sessions.get_mut(&from) else { return false };
        if asked.given_to.is_none() && !asked.is_gone {
            self.timers.set_earlier(Timer::Plan, session.avoid(now, tag));
            return true;
        }
        if asked.range.branch.is_some() {
            // It is not known how much of their branch is one of ours, so a branch is walked from where it leaves to its
            // end; the next comparison says whether more is needed (N-704).
            let key = (tag, asked.range.branch);
            let end = session.lacks.get(&key).map(|&(_, to)| to);
            match (asked.given_to.and_then(|to| to.checked_add(1)), end) {
                (Some(next), Some(end)) if next <= end => drop(session.lacks.insert(key, (next, end))),
                _ => drop(session.lacks.remove(&key)),
            }
        } else if asked.given_to.is_some()
            && holdings.next_seq(&tag) <= asked.next_before
            && !self.waiting.is_resting(now, &tag)
        {
            self.timers.set_earlier(Timer::Plan, session.avoid(now, tag));
        }
        false
    }

    /// Rule N-713: a claimed range was not given; the second time sync with this neighbour rests.
    fn note_ungiven(&mut self, now: Timestamp, from: Neighbour) -> Vec<SyncAction> {
        let Some(session) = self.sessions.get_mut(&from) else { return Vec::new() };
        session.ungiven = session.ungiven.saturating_add(1);
        if session.ungiven < limits::UNGIVEN_MAX { Vec::new() } else { self.rest(now, from) }
    }

    /// N-713: nothing is fetched from it for ten minutes. It may be honest and broken, so it is still served.
    pub(super) fn rest(&mut self, now: Timestamp, neighbour: Neighbour) -> Vec<SyncAction> {
        let Some(session) = self.sessions.get_mut(&neighbour) else { return Vec::new() };
        let mut actions = Vec::new();
        session.phase = Phase::Resting;
        (session.barren_frames, session.barren_bytes, session.ungiven) = (0, 0, 0);
        session.lacks.clear();
        for request in session.requests.keys().copied().collect::<Vec<_>>() {
            session.take_back(request);
            self.timers.clear(Timer::Progress(neighbour, request));
            actions.push(SyncAction::Cancel { to: neighbour, request });
        }
        self.timers.set(Timer::Rest(neighbour), now.mono_ms.saturating_add(limits::SYNC_REST_MS));
        actions
    }

    /// The ten minutes are over, or what was asked before them arrives after all: on a slow path late is not withheld.
    pub(super) fn end_rest(&mut self, now: Timestamp, neighbour: Neighbour) -> Vec<SyncAction> {
        let resting = self.sessions.get_mut(&neighbour).filter(|session| session.phase == Phase::Resting);
        let Some(session) = resting else { return Vec::new() };
        session.phase = Phase::Open;
        self.timers.clear(Timer::Rest(neighbour));
        self.resync(now, neighbour)
    }

    /// N-707: no progress for ten seconds; the ranges go to others.
    fn on_stall(&mut self, now: Timestamp, neighbour: Neighbour, request: u64) -> Vec<SyncAction> {
        let Some(session) = self.sessions.get_mut(&neighbour) else { return Vec::new() };
        let Some(taken) = session.take_back(request) else { return Vec::new() };
        for asked in taken.asked.iter().filter(|asked| !asked.is_over()) {
            self.timers.set_earlier(Timer::Plan, session.avoid(now, asked.range.tag));
        }
        let mut actions = Vec::from([SyncAction::Cancel { to: neighbour, request }]);
        if taken.asked.iter().all(|asked| asked.given_to.is_none()) {
            session.overdue = session.overdue.saturating_add(1);
            self.timers.set_earlier(Timer::Overdue(neighbour), now.mono_ms.saturating_add(limits::OVERDUE_MS));
            actions.extend(self.note_ungiven(now, neighbour));
        }
        actions
    }

    /// Nothing of what was asked came, although there was time enough for a slow path: now it is a fault each.
    fn on_overdue(&mut self, neighbour: Neighbour) -> Vec<SyncAction> {
        let overdue = self.sessions.get_mut(&neighbour).map_or(0, |session| core::mem::take(&mut session.overdue));
        (0..overdue).map(|_| SyncAction::Fault { neighbour, fault: PeerFault::Undelivered }).collect()
    }

    /// Rule N-701: their digest did not become ours in time.
    fn on_strange_digest(&mut self, now: Timestamp, neighbour: Neighbour) -> Vec<SyncAction> {
        let strange = self.sessions.get_mut(&neighbour).and_then(|session| session.strange_digest.take());
        match strange.filter(|strange| !self.own_digests.iter().any(|(_, own)| own == strange)) {
            Some(_) => self.resync(now, neighbour),
            None => Vec::new(),
        }
    }

    /// N-701: a predecessor is missing for too long; who gave the entry must have it.
    fn on_gap(&mut self, tag: LogTag, holdings: &dyn Holdings) {
        let Some((from, to)) = self.gaps.remove(&tag) else { return };
        let next = holdings.next_seq(&tag);
        let Some(session) = self.sessions.get_mut(&from).filter(|_| next <= to) else { return };
        if session.lacks.len() < limits::LOGS_PER_GROUP_MAX {
            let run = session.lacks.entry((tag, None)).or_insert((next, to));
            run.1 = run.1.max(to);
        }
    }
}
