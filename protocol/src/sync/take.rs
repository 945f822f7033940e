//! The taking side: what is given is matched with what was asked, and what came of it decides what is asked next.

use alloc::vec::Vec;

use super::frames::{Give, Gone, Why};
use super::session::Asked;
use super::{AntiEntropy, Holdings, SyncAction, Timer};
use crate::error::PeerFault;
use crate::ids::{LogTag, Neighbour};
use crate::limits;
use crate::time::Timestamp;

/// Entries that came, to be admitted one by one; then [`AntiEntropy::on_given`] is called with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Intake {
    /// Who gave them.
    pub from: Neighbour,
    /// Their log.
    pub tag: LogTag,
    /// Entries as they came.
    pub entries: Vec<Vec<u8>>,
    request: u64,
    bytes: usize,
    last: bool,
}

/// What became of the entries of an [`Intake`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// New in the logs.
    pub admitted: usize,
    /// Waiting for an operation or a predecessor.
    pub waiting: usize,
}

impl AntiEntropy {
    /// GIVE. What was asked for is to be admitted by the caller, who then calls [`Self::on_given`].
    ///
    /// # Errors
    /// [`PeerFault::Unasked`] for anything that was not asked of this neighbour (N-211).
    pub fn on_give(&mut self, now: Timestamp, from: Neighbour, give: Give) -> Result<Intake, PeerFault> {
        let session = self.sessions.get_mut(&from).ok_or(PeerFault::Unasked)?;
        let Give { request, tag, first, entries, last } = give;
        let bytes = entries.iter().map(Vec::len).sum();
        let end = first.saturating_add(u64::try_from(entries.len()).unwrap_or(u64::MAX));
        let is_late = session.was_cancelled(request);
        match session.requests.get_mut(&request) {
            Some(open) => {
                let fits = |asked: &&mut Asked| {
                    let range = &asked.range;
                    range.tag == tag && range.from <= first && end <= range.to.saturating_add(1)
                };
                let asked = open.asked.iter_mut().find(fits).ok_or(PeerFault::Unasked)?;
                if end > first {
                    asked.given_to = asked.given_to.max(Some(end.saturating_sub(1)));
                    let due = now.mono_ms.saturating_add(limits::REQUEST_STALL_MS);
                    self.timers.set(Timer::Progress(from, request), due);
                }
            }
            None if is_late => {}
            None => return Err(PeerFault::Unasked),
        }
        Ok(Intake { from, tag, entries, request, bytes, last })
    }

    /// The entries of an [`Intake`] went through admission.
    pub fn on_given(
        &mut self,
        now: Timestamp,
        intake: &Intake,
        outcome: Outcome,
        holdings: &dyn Holdings,
    ) -> Vec<SyncAction> {
        let Intake { from, tag, request, bytes, last, .. } = *intake;
        let mut actions = Vec::new();
        if outcome.admitted > 0 {
            self.names.remove(&tag);
            self.on_gained(now, tag, Some(from));
        } else if outcome.waiting > 0 {
            let again = self.waiting.note(now, tag);
            self.timers.set_earlier(Timer::Plan, again);
        }
        let Some(session) = self.sessions.get_mut(&from) else { return actions };
        if outcome.admitted > 0 || self.waiting.is_resting(now, &tag) {
            // It gave what was asked; that the author wrote too much is no fault of the giver.
            (session.barren_frames, session.barren_bytes, session.ungiven, session.overdue) = (0, 0, 0, 0);
            self.timers.clear(Timer::Overdue(from));
            session.stop_avoiding(&tag);
        } else {
            session.barren_frames = session.barren_frames.saturating_add(1);
            session.barren_bytes = session.barren_bytes.saturating_add(bytes);
        }
        let is_over = session.requests.get(&request).is_some_and(|open| open.asked.iter().all(Asked::is_over));
        let is_barren =
            session.barren_frames >= limits::BARREN_FRAMES_MAX || session.barren_bytes >= limits::BARREN_BYTES_MAX;
        if is_barren {
            actions.push(SyncAction::Fault { neighbour: from, fault: PeerFault::Undelivered });
            actions.extend(self.rest(now, from));
        } else if last || is_over {
            actions.extend(self.finish(now, from, request, holdings));
        }
        if outcome.admitted > 0 {
            actions.extend(self.end_rest(now, from));
        }
        actions.extend(self.plan(now, holdings));
        actions
    }

    /// GONE.
    pub fn on_gone(
        &mut self,
        now: Timestamp,
        from: Neighbour,
        gone: &Gone,
        holdings: &dyn Holdings,
    ) -> Vec<SyncAction> {
        let Some(session) = self.sessions.get_mut(&from) else { return Vec::new() };
        let Some(open) = session.requests.get_mut(&gone.request) else {
            let fault = SyncAction::Fault { neighbour: from, fault: PeerFault::Unasked };
            return if session.was_cancelled(gone.request) { Vec::new() } else { Vec::from([fault]) };
        };
        let mut later: Vec<LogTag> = Vec::new();
        for range in &gone.ranges {
            let covers = |asked: &&mut Asked| asked.range.tag == range.tag && asked.range.to <= range.to;
            for asked in open.asked.iter_mut().filter(covers) {
                asked.is_gone = true;
            }
            match range.why {
                // What it does not have it does not claim any more.
                Why::Erased | Why::NeverHad => {
                    session.lacks.retain(|(tag, _), (_, to)| *tag != range.tag || *to < range.from);
                }
                Why::Later => later.push(range.tag),
            }
        }
        let is_over = open.asked.iter().all(Asked::is_over);
        for tag in later {
            self.timers.set_earlier(Timer::Plan, session.avoid(now, tag));
        }
        let mut actions = if is_over { self.finish(now, from, gone.request, holdings) } else { Vec::new() };
        actions.extend(self.plan(now, holdings));
        actions
    }
}
