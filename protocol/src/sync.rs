//! Anti-entropy: what delivers, whatever push lost. Neighbours compare what they hold of each log and fetch the rest.
//!
//! Every mitigation below an application's own log only moves a loss elsewhere, so this is the one way by which a
//! node that was away, cut off or unlucky comes to hold all. A vector says in 3 KB what is held of a hundred logs; a
//! WANT asks for runs of them; GIVE brings entries, each of which proves itself (E-23), so a giver can withhold but
//! never alter. Membership settles before data flows (N-308).
//!
//! [`AntiEntropy`] is one group's machine: frames and times go in, [`SyncAction`]s come out. It keeps no progress of
//! its own: what our logs hold is the progress (N-708).

mod fetch;
pub(crate) mod frames;
mod holdings;
mod serve;
mod session;
mod take;
mod turns;

use alloc::collections::{BTreeMap, BTreeSet, VecDeque};
use alloc::vec::Vec;

use crate::error::PeerFault;
use crate::ids::{Digest, LogId, LogTag, Neighbour};
use crate::limits;
use crate::time::{TimerTable, Timestamp};
use fetch::Waiting;
use frames::{Extent, Gone, LogName, LogNames, Vector, Want};
use session::{Announce, Phase, Session};

pub use holdings::{Holdings, Shelf};
pub use serve::Serve;
pub use take::Outcome;

/// What the caller is to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SyncAction {
    /// Send a vector of all listed logs, cut by [`Vector::frames`].
    FullVector {
        /// To whom.
        to: Neighbour,
    },
    /// Send a vector of these logs.
    DeltaVector {
        /// To whom.
        to: Neighbour,
        /// Which.
        tags: Vec<LogTag>,
    },
    /// Send WHO.
    Who {
        /// To whom.
        to: Neighbour,
        /// At most [`limits::WHO_TAGS_MAX`].
        tags: Vec<LogTag>,
    },
    /// Send LOGS.
    Names {
        /// To whom.
        to: Neighbour,
        /// The names.
        names: LogNames,
    },
    /// Send WANT.
    Want {
        /// To whom.
        to: Neighbour,
        /// The request.
        want: Want,
    },
    /// Send CANCEL.
    Cancel {
        /// To whom.
        to: Neighbour,
        /// Which request.
        request: u64,
    },
    /// Send GONE.
    Gone {
        /// To whom.
        to: Neighbour,
        /// What is not given.
        gone: Gone,
    },
    /// GIVE frames wait for this neighbour: take them with [`AntiEntropy::take_serve`] as its link's credit allows.
    Serving {
        /// For whom.
        to: Neighbour,
    },
    /// Membership did not settle in time: DROP(stalled), and another neighbour first (N-308).
    Stalled {
        /// Whose slot.
        neighbour: Neighbour,
    },
    /// Points for the neighbour (N-211).
    Fault {
        /// Whose.
        neighbour: Neighbour,
        /// Which.
        fault: PeerFault,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Timer {
    Settle(Neighbour),
    Announce(Neighbour),
    Names(Neighbour),
    Digest(Neighbour),
    Progress(Neighbour, u64),
    Rest(Neighbour),
    Overdue(Neighbour),
    Gap(LogTag),
    Rested(LogTag),
    Plan,
}

/// The anti-entropy of one group.
#[derive(Debug, Default)]
pub struct AntiEntropy {
    sessions: BTreeMap<Neighbour, Session>,
    /// Names of logs of which nothing is held yet.
    names: BTreeMap<LogTag, LogId>,
    waiting: Waiting,
    /// Own digests of the last 10 s.
    own_digests: VecDeque<(u64, Digest)>,
    /// Entries that wait for a predecessor: who gave them, and up to which number something is missing.
    gaps: BTreeMap<LogTag, (Neighbour, u64)>,
    timers: TimerTable<Timer>,
}

impl AntiEntropy {
    /// A slot opened. Nothing but membership flows until [`Self::on_settled`] (N-308).
    pub fn on_open(&mut self, now: Timestamp, neighbour: Neighbour) {
        self.sessions.insert(neighbour, Session::new());
        self.timers.set(Timer::Settle(neighbour), now.mono_ms.saturating_add(limits::SETTLE_MS));
    }

    /// Every membership head that the neighbour announced is held here: data may flow.
    pub fn on_settled(&mut self, now: Timestamp, neighbour: Neighbour, holdings: &dyn Holdings) -> Vec<SyncAction> {
        self.timers.clear(Timer::Settle(neighbour));
        let Some(session) = self.sessions.get_mut(&neighbour).filter(|session| session.phase == Phase::Settling) else {
            return Vec::new();
        };
        session.phase = Phase::Open;
        let was_told = session.is_told;
        let mut actions = self.resync(now, neighbour);
        if let Some(session) = self.sessions.get_mut(&neighbour).filter(|_| was_told) {
            // Its own full vector came before we settled: ours is the answer, none is to be waited for.
            session.expects_vector = false;
        }
        actions.extend(self.plan(now, holdings));
        actions
    }

    /// Whether data may flow to and from a neighbour.
    #[must_use]
    pub fn is_settled(&self, neighbour: Neighbour) -> bool {
        self.sessions.get(&neighbour).is_some_and(|session| session.phase != Phase::Settling)
    }

    /// A slot ended. What was asked there is asked elsewhere.
    pub fn on_closed(&mut self, now: Timestamp, neighbour: Neighbour, holdings: &dyn Holdings) -> Vec<SyncAction> {
        let Some(session) = self.sessions.remove(&neighbour) else { return Vec::new() };
        for request in session.requests.keys() {
            self.timers.clear(Timer::Progress(neighbour, *request));
        }
        for timer in [Timer::Settle, Timer::Announce, Timer::Names, Timer::Digest, Timer::Rest, Timer::Overdue] {
            self.timers.clear(timer(neighbour));
        }
        self.plan(now, holdings)
    }

    /// Something may be missing on either side (a full queue was dropped, announcements were, a GRAFT failed, the
    /// computer slept): compare all logs with this neighbour.
    pub fn resync(&mut self, now: Timestamp, neighbour: Neighbour) -> Vec<SyncAction> {
        if let Some(session) = self.sessions.get_mut(&neighbour).filter(|session| session.phase != Phase::Settling) {
            session.announce = Announce::All;
            session.expects_vector = true;
        }
        self.announce(now, neighbour)
    }

    /// The own `entries` digest changed, or is about to be sent.
    pub fn on_own_digest(&mut self, now: Timestamp, digest: Digest) {
        let fresh = |at: u64| now.mono_ms.saturating_sub(at) <= limits::OWN_DIGEST_MS;
        // The newest one stays for good: it is what we are now.
        while self.own_digests.get(1).is_some_and(|&(at, _)| !fresh(at))
            || self.own_digests.len() >= limits::OWN_DIGESTS_MAX
        {
            self.own_digests.pop_front();
        }
        if let Some((until, last)) = self.own_digests.back_mut()
            && *last == digest
        {
            *until = now.mono_ms;
            return;
        }
        self.own_digests.push_back((now.mono_ms, digest));
    }

    /// A neighbour's STATE. Rule N-701: a digest that neither was ours in the last 10 s nor becomes so within 3 s
    /// means that one of us lacks something.
    pub fn on_state(&mut self, now: Timestamp, neighbour: Neighbour, entries: Digest) {
        let is_ours = self.own_digests.iter().any(|&(_, own)| own == entries);
        let Some(session) = self.sessions.get_mut(&neighbour) else { return };
        session.strange_digest = (!is_ours).then_some(entries);
        match is_ours {
            true => self.timers.clear(Timer::Digest(neighbour)),
            false => {
                let due = now.mono_ms.saturating_add(limits::DIGEST_GRACE_MS);
                self.timers.set_earlier(Timer::Digest(neighbour), due);
            }
        }
    }

    /// VECTOR.
    pub fn on_vector(
        &mut self,
        now: Timestamp,
        from: Neighbour,
        vector: &Vector,
        holdings: &dyn Holdings,
    ) -> Vec<SyncAction> {
        let Some(session) = self.sessions.get_mut(&from) else { return Vec::new() };
        session.note(vector, holdings.lacking(&vector.items));
        let mut actions = Vec::new();
        if vector.extent == Extent::Full && !vector.more {
            session.is_told = true;
            let is_answer = core::mem::take(&mut session.expects_vector);
            if !is_answer && session.phase != Phase::Settling {
                session.announce = Announce::All;
                actions.extend(self.announce(now, from));
            }
        }
        actions.extend(self.ask_names(now, from, holdings));
        actions.extend(self.plan(now, holdings));
        actions
    }

    /// WHO. `name` gives the full name of a log that is held or known here.
    #[must_use]
    pub fn on_who(from: Neighbour, tags: &[LogTag], name: &dyn Fn(&LogTag) -> Option<LogId>) -> SyncAction {
        let names =
            tags.iter().take(limits::WHO_TAGS_MAX).filter_map(|tag| Some(LogName { tag: *tag, log: name(tag)? }));
        SyncAction::Names { to: from, names: LogNames(names.collect()) }
    }

    /// LOGS. Rule N-703: `tag_of` computes the tag of a log whose mid is a Join in the membership log, else none.
    /// at most 32 logs of a member are named.
    pub fn on_names(
        &mut self,
        now: Timestamp,
        from: Neighbour,
        names: &[LogName],
        tag_of: &dyn Fn(&LogId) -> Option<LogTag>,
        holdings: &dyn Holdings,
    ) -> Vec<SyncAction> {
        let Some(session) = self.sessions.get(&from) else { return Vec::new() };
        for name in names {
            let of_member = self.names.values().filter(|log| log.mid == name.log.mid).count();
            let has_room = of_member < limits::LOGS_PER_MEMBER_MAX && self.names.len() < limits::LOGS_PER_GROUP_MAX;
            if has_room && session.was_asked_name(&name.tag) && tag_of(&name.log) == Some(name.tag) {
                self.names.insert(name.tag, name.log);
            }
        }
        self.plan(now, holdings)
    }

    /// The full name of a log of which nothing is held yet: to decode what is given of it.
    #[must_use]
    pub fn name_of(&self, tag: &LogTag) -> Option<LogId> {
        self.names.get(tag).copied()
    }

    /// WANT: queues what is held, says what is not. Call [`Self::take_serve`] afterwards.
    pub fn on_want(&mut self, from: Neighbour, want: &Want, holdings: &dyn Holdings) -> Vec<SyncAction> {
        let session = self.sessions.get_mut(&from).filter(|session| session.phase != Phase::Settling);
        let Some(session) = session else {
            return Vec::from([SyncAction::Fault { neighbour: from, fault: PeerFault::OutOfPlace }]);
        };
        let mut actions = Vec::new();
        match serve::plan(session, want, holdings) {
            Ok(gone) => actions.extend(gone.map(|gone| SyncAction::Gone { to: from, gone })),
            Err(fault) => actions.push(SyncAction::Fault { neighbour: from, fault }),
        }
        if !session.serving.is_empty() {
            actions.push(SyncAction::Serving { to: from });
        }
        actions
    }

    /// The next GIVE frame for a neighbour. Taken when its link's credit allows.
    pub fn take_serve(&mut self, to: Neighbour) -> Option<Serve> {
        self.sessions.get_mut(&to)?.serving.pop_front()
    }

    /// CANCEL.
    pub fn on_cancel(&mut self, from: Neighbour, request: u64) {
        if let Some(session) = self.sessions.get_mut(&from) {
            session.serving.retain(|serve| serve.request != request);
        }
    }

    /// Entries of a log came in by anti-entropy, or left the waiting pool: others are told, together (N-710).
    pub fn on_gained(&mut self, now: Timestamp, tag: LogTag, from: Option<Neighbour>) {
        for (&neighbour, session) in &mut self.sessions {
            if Some(neighbour) == from || session.phase == Phase::Settling {
                continue;
            }
            match &mut session.announce {
                Announce::All => {}
                Announce::Logs(tags) => {
                    tags.insert(tag);
                    if tags.len() > limits::VECTOR_ITEMS_MAX / limits::CLAIMED_BRANCHES_MAX {
                        session.announce = Announce::All;
                    }
                }
                Announce::Nothing => session.announce = Announce::Logs(BTreeSet::from([tag])),
            }
            self.timers.set_earlier(Timer::Announce(neighbour), now.mono_ms.saturating_add(limits::DELTA_MS));
        }
    }

    /// An entry waits for a predecessor: after 2 s everything below it is asked of who gave it (N-701).
    pub fn on_waiting(&mut self, now: Timestamp, from: Neighbour, tag: LogTag, missing_to: u64) {
        if self.gaps.len() >= limits::LOGS_PER_GROUP_MAX && !self.gaps.contains_key(&tag) {
            return;
        }
        let gap = self.gaps.entry(tag).or_insert((from, missing_to));
        *gap = (from, gap.1.max(missing_to));
        self.timers.set_earlier(Timer::Gap(tag), now.mono_ms.saturating_add(limits::GAP_MS));
    }

    /// As N-606 asks: the author of a log wrote more than its share. Nobody is asked for that log until then; what is left
    /// with the others is fetched afterwards, so that no log gets a hole.
    pub fn rest_log(&mut self, now: Timestamp, tag: LogTag, until_mono_ms: u64) {
        self.waiting.rest(now, tag, until_mono_ms);
        self.timers.set(Timer::Rested(tag), until_mono_ms);
    }

    /// Membership moved: what was stuck for want of an operation may go on.
    pub fn on_membership_moved(&mut self, now: Timestamp, holdings: &dyn Holdings) -> Vec<SyncAction> {
        self.waiting.forget_all();
        self.sessions.values_mut().for_each(Session::avoid_nothing);
        self.plan(now, holdings)
    }

    /// What is due.
    pub fn on_deadline(&mut self, now: Timestamp, holdings: &dyn Holdings) -> Vec<SyncAction> {
        let mut actions = Vec::new();
        while let Some(timer) = self.timers.pop_due(now.mono_ms) {
            actions.extend(self.on_timer(now, timer, holdings));
        }
        actions.extend(self.plan(now, holdings));
        actions
    }

    /// When [`Self::on_deadline`] has something to do (monotonic ms).
    #[must_use]
    pub fn next_deadline(&self) -> Option<u64> {
        self.timers.next().map(|(at, _)| at)
    }

    /// Whether something is being fetched, or known to be missing.
    #[must_use]
    pub fn is_catching_up(&self, holdings: &dyn Holdings) -> bool {
        let lacks = self.sessions.values().flat_map(|session| &session.lacks);
        lacks.into_iter().any(|((tag, _), (_, to))| holdings.next_seq(tag) <= *to)
    }
}

#[cfg(test)]
mod tests;
