//! The staircase of E-23: from bytes to an entry that stands in its log, waits, or is refused.
//!
//! Cheapest first: size and form, whether it is held already, whose key, the signature, the predecessor, the heads,
//! the author's right to speak, the rules of the kind. The last four are [`Candidate::check`].

use alloc::boxed::Box;
use alloc::vec::Vec;

use super::admission::{Authority, Candidate, EntryRule, Mids, Stop};
use super::entry::{Entry, HeadKind, first_prev};
use super::pending::{Held, Missing, Proof};
use super::state::{Branch, LogState, Off, Place, Step};
use super::{Appended, Arrival, ForkProof, Inserted, Logs, Rebuilt, all_of};
use crate::crypto::sign::{Signed, Verified};
use crate::ids::LogId;
use crate::limits;
use crate::time::Timestamp;

/// State of a log computed again up to a place inside it.
pub(super) struct Rebuilding {
    place: Place,
    next: u64,
    state: Option<LogState>,
}

/// A verdict on one entry.
enum Judged {
    /// Final.
    Settled(Inserted),
    /// It waits; its need is in it.
    Waits(Box<Held>),
}

/// What an entry that passed everything changes, and where.
struct Fit {
    step: Step,
    keyed: Mids,
    stand: Stand,
}

/// Where an entry goes on.
enum Stand {
    /// It opens its log, or (beside another entry 0) a branch of it.
    Opening,
    /// Behind the head of this branch.
    Head(u8),
    /// Behind an entry inside this branch, whose state was computed again.
    Inside(Place, Box<LogState>),
}

impl Logs {
    /// Rule E-23, in its order. An entry of the *own* log that comes this way was not written here: the caller stops
    /// writing in that log (E-80).
    pub fn insert(&mut self, authority: &mut dyn Authority, now: Timestamp, arrival: Arrival<'_>) -> Inserted {
        let entry = match Entry::decode(&self.gid, arrival.log, arrival.bytes) {
            Ok(entry) => entry,
            Err(error) => return Inserted::Refused(EntryRule::Undecodable(error)),
        };
        if self.places.contains(&entry.id()) {
            return Inserted::Duplicate;
        }
        if self.refused.ids.contains(&entry.id()) {
            return Inserted::Refused(EntryRule::Remembered);
        }
        if let Some(need) = self.pending.proved_need(&entry.id()) {
            return Inserted::Waiting(need.clone());
        }
        let held = Held {
            need: Missing::Author(arrival.log.mid),
            proof: Proof::Unchecked(Signed::new(entry)),
            giver: arrival.giver,
            bytes: arrival.bytes.len(),
        };
        match self.judge(authority, now, held) {
            Judged::Settled(inserted) => inserted,
            Judged::Waits(held) => {
                let need = held.need.clone();
                self.pending.hold(*held);
                Inserted::Waiting(need)
            }
        }
    }

    /// By E-26, an author runs admission on its own entry before it commits it. Entry 0 and the head of an unforked
    /// log are the only places to write at (E-80).
    ///
    /// # Errors
    /// The rule that others would refuse it by.
    #[cfg(test)]
    pub fn check_own(&self, authority: &mut dyn Authority, entry: &Entry) -> Result<(), EntryRule> {
        self.prepare_own(authority, entry).map(drop)
    }

    /// Appends an entry just written, after the same checks as a peer makes.
    ///
    /// # Errors
    /// The rule that others would refuse it by; nothing has changed then.
    pub fn append_own(
        &mut self,
        authority: &mut dyn Authority,
        now: Timestamp,
        entry: &Entry,
    ) -> Result<Appended, EntryRule> {
        let (entry, fit) = self.prepare_own(authority, entry)?;
        self.append(entry, fit, now)
    }

    /// Tries entries again whose need has come; at most `most` of them. Gives those that settled, in order.
    pub fn retry(&mut self, authority: &mut dyn Authority, now: Timestamp, most: usize) -> Vec<Inserted> {
        let mut settled = Vec::new();
        for _ in 0..most {
            let Some((number, held)) = self.pending.take_ready() else { break };
            match self.judge(authority, now, held) {
                Judged::Settled(inserted) => settled.push(inserted),
                Judged::Waits(held) => self.pending.put(number, *held),
            }
        }
        settled
    }

    /// Whether [`Self::retry`] has something to do.
    #[must_use]
    pub fn has_ready(&self) -> bool {
        self.pending.has_ready()
    }

    /// Membership operations were admitted: what waits for an author or for operations is tried again by
    /// [`Self::retry`].
    pub fn membership_moved(&mut self) {
        self.pending.wake_where(|need| matches!(need, Missing::Author(_) | Missing::Operations(_)));
    }

    /// Feeds stored entries of the branch of `place`, ascending, until its state at `place` is known again. Needed
    /// only for a fork inside a log ([`Missing::Prefix`]); entries may come in pages, one place at a time.
    pub fn rebuild(
        &mut self,
        authority: &mut dyn Authority,
        now: Timestamp,
        place: Place,
        page: &[Vec<u8>],
    ) -> Rebuilt {
        let mut work = match self.rebuilding.take() {
            Some(work) if work.place == place => work,
            Some(_) | None => Rebuilding { place, next: 0, state: None },
        };
        for bytes in page {
            if work.next > place.seq {
                break;
            }
            let expected = self.eid_at(&place.log, place.branch, work.next);
            let Ok(entry) = Entry::decode(&self.gid, place.log, bytes) else { return Rebuilt::Unfit };
            if expected != Some(entry.id()) {
                return Rebuilt::Unfit;
            }
            let candidate = Candidate { gid: &self.gid, own: &self.own, entry: &entry, before: work.state.as_ref() };
            let Ok((step, _)) = candidate.check(authority) else { return Rebuilt::Unfit };
            work.state = LogState::after(work.state.take(), &entry, step, now);
            work.next = work.next.saturating_add(1);
        }
        if work.next <= place.seq {
            let next = work.next;
            self.rebuilding = Some(work);
            return Rebuilt::NeedsFrom(next);
        }
        if self.rebuilt.len() >= limits::REBUILT_STATES_MAX {
            self.rebuilt.pop_front();
        }
        self.rebuilt.extend(work.state);
        self.pending.wake_where(|need| *need == Missing::Prefix(place));
        Rebuilt::Done
    }

    /// Takes the proofs of forks found since the last call; one for each log, ever.
    pub fn take_fork_proofs(&mut self) -> Vec<ForkProof> {
        core::mem::take(&mut self.fork_proofs)
    }

    /// Checks a proof that somebody sent (FORK), and from then on counts the log as forked (E-79). False if it proves
    /// nothing.
    #[cfg_attr(
        not(test),
        expect(dead_code, reason = "a fork stops its log (E-79); the group does not read the other branch back")
    )]
    pub fn accept_fork(&mut self, authority: &dyn Authority, log: LogId, pair: [&[u8]; 2]) -> bool {
        let Some(key) = authority.key_of(&log.mid) else { return false };
        let [Some(one), Some(other)] = pair.map(|bytes| {
            Entry::decode(&self.gid, log, bytes).ok().and_then(|entry| Signed::new(entry).verify(&key).ok())
        }) else {
            return false;
        };
        let proves = one.head.seq == other.head.seq && one.id() != other.id();
        proves && self.mark_forked(log)
    }

    /// Counts a log as forked, on evidence that was checked before (also at start, from the store). False beyond the
    /// number of logs that one member may have.
    pub fn mark_forked(&mut self, log: LogId) -> bool {
        let known = self.forked.range(all_of(&log.mid)).count();
        self.forked.contains(&log) || (known < limits::LOGS_PER_MEMBER_MAX && self.forked.insert(log))
    }

    /// Steps 4 and 5, then the rest.
    fn judge(&mut self, authority: &mut dyn Authority, now: Timestamp, held: Held) -> Judged {
        let Held { proof, giver, bytes, .. } = held;
        let entry = match proof {
            Proof::Checked(entry) => entry,
            Proof::Unchecked(entry) => {
                let author = entry.peek().log.mid;
                let Some(key) = authority.key_of(&author) else {
                    let need = Missing::Author(author);
                    return Judged::Waits(Box::new(Held { proof: Proof::Unchecked(entry), need, giver, bytes }));
                };
                match entry.verify(&key) {
                    Ok(entry) => entry,
                    Err(_) => return Judged::Settled(Inserted::Refused(EntryRule::Signature)),
                }
            }
        };
        if self.places.contains(&entry.id()) {
            return Judged::Settled(Inserted::Duplicate);
        }
        self.note_fork(&entry);
        let (log, seq, id) = (entry.log, entry.head.seq, entry.id());
        let need = match self.place(authority, &entry) {
            Ok(fit) => {
                let appended = self.append(entry, fit, now);
                return Judged::Settled(
                    appended.map_or_else(Inserted::Refused, |new| Inserted::Appended(Box::new(new))),
                );
            }
            Err(Wait::For(need)) => need,
            Err(Wait::Broken(rule)) => {
                if rule.is_remembered() {
                    self.refused.remember(id);
                    self.pending.wake_after(log, seq);
                }
                return Judged::Settled(Inserted::Refused(rule));
            }
        };
        Judged::Waits(Box::new(Held { proof: Proof::Checked(entry), need, giver, bytes }))
    }

    /// Steps 6 to 9.
    fn place(&self, authority: &mut dyn Authority, entry: &Entry) -> Result<Fit, Wait> {
        let stand = self.stand_of(entry)?;
        let before = match &stand {
            Stand::Opening => None,
            Stand::Head(branch) => self.branch_state(&entry.log, *branch),
            Stand::Inside(_, state) => Some(&**state),
        };
        match (Candidate { gid: &self.gid, own: &self.own, entry, before }).check(authority) {
            Ok((step, keyed)) => Ok(Fit { step, keyed, stand }),
            Err(Stop::Missing(ids)) => Err(Wait::For(Missing::Operations(ids))),
            Err(Stop::Broken(rule)) => Err(Wait::Broken(rule)),
        }
    }

    /// Step 6: the predecessor (E-19).
    fn stand_of(&self, entry: &Entry) -> Result<Stand, Wait> {
        let (log, prev) = (entry.log, entry.head.prev);
        let Some(before) = entry.head.seq.checked_sub(1) else {
            let opens = prev == first_prev(&self.gid, &log);
            self.check_room(entry)?;
            return if opens { Ok(Stand::Opening) } else { Err(Wait::Broken(EntryRule::FirstEntry)) };
        };
        let Some(place) = self.places.get(&prev) else {
            let is_refused = self.refused.ids.contains(&prev);
            return Err(if is_refused {
                Wait::Broken(EntryRule::Predecessor)
            } else {
                Wait::For(Missing::Predecessor { log, seq: before, eid: prev })
            });
        };
        if place.log != log || place.seq != before {
            return Err(Wait::Broken(EntryRule::Predecessor));
        }
        if self.branch_state(&log, place.branch).is_some_and(|state| state.head == prev) {
            return Ok(Stand::Head(place.branch));
        }
        self.check_room(entry)?;
        match self.rebuilt.iter().find(|state| state.head == prev) {
            Some(state) => Ok(Stand::Inside(place, Box::new(state.clone()))),
            None => Err(Wait::For(Missing::Prefix(place))),
        }
    }

    /// Rules E-74 and R-38: room for one more branch, or for one more log of this member.
    fn check_room(&self, entry: &Entry) -> Result<(), Wait> {
        if let Some(log) = self.logs.get(&entry.log) {
            let has_room = log.branches.len() < limits::BRANCHES_PER_LOG_MAX;
            return if has_room { Ok(()) } else { Err(Wait::Broken(EntryRule::Branches)) };
        }
        let HeadKind::Leaf { inst_no, .. } = entry.head.kind else { return Ok(()) };
        let ranked = self.ranked(&entry.log.mid);
        let last_kept = limits::LOGS_PER_MEMBER_MAX.checked_sub(1).and_then(|last| ranked.get(last));
        let is_beyond =
            last_kept.is_some_and(|&(kept, log)| inst_no < kept || (inst_no == kept && entry.log.inst > log.inst));
        if is_beyond { Err(Wait::Broken(EntryRule::Logs)) } else { Ok(()) }
    }

    fn append(&mut self, entry: Verified<Entry>, fit: Fit, now: Timestamp) -> Result<Appended, EntryRule> {
        let Fit { step, keyed, stand } = fit;
        let (id, seq, log) = (entry.id(), entry.head.seq, entry.log);
        let number = self.logs.get(&log).map_or(0, |held| held.branches.len());
        let new = u8::try_from(number).map_err(|_| EntryRule::Branches)?;
        let (before, branch, off) = match stand {
            Stand::Opening => (None, new, (number > 0).then_some(Off { parent: 0, seq: 0 })),
            Stand::Head(branch) => (self.branch_state(&log, branch).cloned(), branch, None),
            Stand::Inside(place, state) => (Some(*state), new, Some(Off { parent: place.branch, seq })),
        };
        let knew_own = before.as_ref().and_then(|state| state.knows_own);
        let audience = before.as_ref().and_then(|state| state.epoch.as_ref()).map(|epoch| &epoch.audience);
        let is_forced = audience.is_some_and(|audience| audience.keys().any(|mid| !keyed.contains(mid)));
        // Admission lets nothing but a Leaf open a log, so there is a state after each entry.
        let state = LogState::after(before, &entry, step, now).ok_or(EntryRule::FirstEntry)?;
        let tag = self.tag(&log);
        let held = self.logs.entry(log).or_default();
        match held.branches.get_mut(usize::from(branch)) {
            Some(known) => {
                known.state = state;
                known.ids.push(id);
            }
            None => held.branches.push(Branch { off, ids: Vec::from([id]), state }),
        }
        self.tags.insert(tag, log);
        self.version = self.version.wrapping_add(1);
        let place = Place { log, branch, seq };
        self.places.insert(id, place);
        self.pending.wake_after(log, seq);
        Ok(Appended { entry, place, keyed, is_forced, knew_own })
    }

    /// Rule E-78: another entry stands at this place on some branch.
    fn note_fork(&mut self, entry: &Verified<Entry>) {
        let (log, seq) = (entry.log, entry.head.seq);
        if self.is_forked(&log) {
            return;
        }
        let Some(branches) = self.logs.get(&log).map(|held| held.branches.len()) else { return };
        let numbers = (0..=u8::MAX).take(branches);
        let Some(held) = numbers.filter_map(|branch| self.stored_at(&log, branch, seq)).next() else { return };
        if self.mark_forked(log) {
            self.fork_proofs.push(ForkProof { held, other: entry.to_bytes() });
        }
    }

    fn prepare_own(&self, authority: &mut dyn Authority, entry: &Entry) -> Result<(Verified<Entry>, Fit), EntryRule> {
        let log = entry.log;
        let decoded = Entry::decode(&self.gid, log, &entry.to_bytes()).map_err(EntryRule::Undecodable)?;
        let key = authority.key_of(&log.mid).ok_or(EntryRule::Unfounded)?;
        let entry = Signed::new(decoded).verify(&key).map_err(|_| EntryRule::Signature)?;
        self.check_prior_number(&entry)?;
        let fit = self.place(authority, &entry).map_err(|wait| match wait {
            Wait::Broken(rule) => rule,
            Wait::For(_) => EntryRule::Unfounded,
        })?;
        let is_first = !self.logs.contains_key(&log);
        match fit.stand {
            Stand::Opening if is_first => Ok((entry, fit)),
            Stand::Head(_) if !self.is_forked(&log) => Ok((entry, fit)),
            Stand::Opening | Stand::Head(_) | Stand::Inside(..) => Err(EntryRule::Branches),
        }
    }

    /// Rule R-38, for the author: the log that `prior` names must have a lower number. Readers check it where `prior`
    /// is *used* (E-29), because they may not hold that log, and a verdict must not depend on that.
    fn check_prior_number(&self, entry: &Entry) -> Result<(), EntryRule> {
        let HeadKind::Leaf { inst_no, prior: Some(point), .. } = &entry.head.kind else { return Ok(()) };
        let before = self.logs.get(&LogId { mid: entry.log.mid, inst: point.inst });
        let is_above = before.is_none_or(|log| log.inst_no() < *inst_no);
        if is_above { Ok(()) } else { Err(EntryRule::PriorNumber) }
    }
}

/// Why an entry does not stand in its log now.
enum Wait {
    For(Missing),
    Broken(EntryRule),
}
