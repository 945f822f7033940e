//! The asking side: which range of which log from whom (N-705, N-707, N-713).
//!
//! Logs are held from 0 on without holes, so each is fetched oldest first and from one neighbour at a time; several
//! logs go in parallel, spread over up to four neighbours. A neighbour from whom a log came to nothing is
//! asked for other logs meanwhile, and others for this one; one that claims and does not give is asked for nothing.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;
use core::cmp::Reverse;

use super::frames::{Want, WantRange, What};
use super::session::{Asked, Branch, Phase, Session};
use super::{Holdings, SyncAction};
use crate::ids::{LogTag, Neighbour};
use crate::limits;
use crate::time::Timestamp;

/// Logs that nobody is asked for now: their entries wait for something else, an operation mostly, and asking again
/// would bring the same; or their author wrote more than its share (N-606).
#[derive(Debug, Default)]
pub(super) struct Waiting {
    until: BTreeMap<LogTag, u64>,
    resting: BTreeMap<LogTag, u64>,
}

impl Waiting {
    /// Gives when to try again.
    pub(super) fn note(&mut self, now: Timestamp, tag: LogTag) -> u64 {
        let until = now.mono_ms.saturating_add(limits::WAITING_MS);
        self.until.retain(|_, until| *until > now.mono_ms);
        if self.until.len() < limits::LOGS_PER_GROUP_MAX {
            self.until.insert(tag, until);
        }
        until
    }

    /// Nothing of this log until then, whatever happens meanwhile.
    pub(super) fn rest(&mut self, now: Timestamp, tag: LogTag, until: u64) {
        self.resting.retain(|_, until| *until > now.mono_ms);
        if self.resting.len() < limits::LOGS_PER_GROUP_MAX {
            self.resting.insert(tag, until);
        }
    }

    /// What logs waited for may be here; time alone ends a rest.
    pub(super) fn forget_all(&mut self) {
        self.until.clear();
    }

    fn holds(&self, now: Timestamp, tag: &LogTag) -> bool {
        [&self.until, &self.resting].into_iter().any(|map| map.get(tag).is_some_and(|until| *until > now.mono_ms))
    }

    pub(super) fn is_resting(&self, now: Timestamp, tag: &LogTag) -> bool {
        self.resting.get(tag).is_some_and(|until| *until > now.mono_ms)
    }
}

/// One branch that could be fetched now, and from whom.
struct Offer {
    from: u64,
    /// Each with the last number it claims.
    holders: Vec<(Neighbour, u64)>,
}

/// A WANT being filled.
#[derive(Default)]
struct Draft {
    asked: Vec<Asked>,
    entries: u64,
}

/// New requests, and when to plan again if an allowance stood in the way.
pub(super) struct Plan {
    pub actions: Vec<SyncAction>,
    pub again_mono_ms: Option<u64>,
}

/// Plans all requests that can go out now.
pub(super) fn plan(
    now: Timestamp,
    sessions: &mut BTreeMap<Neighbour, Session>,
    waiting: &Waiting,
    holdings: &dyn Holdings,
    is_named: &dyn Fn(&LogTag) -> bool,
) -> Plan {
    let mut plan = Plan { actions: Vec::new(), again_mono_ms: None };
    // Each turn fills at most one WANT per neighbour.
    for _ in 0..limits::REQUESTS_PER_SLOT_MAX {
        let busy = outstanding(sessions);
        let offers = offers(now, sessions, &busy, (waiting, holdings, is_named));
        let drafts = spread(sessions, offers, holdings);
        if drafts.is_empty() {
            break;
        }
        for (to, draft) in drafts {
            let Some(session) = sessions.get_mut(&to) else { continue };
            if let Err(wait) = session.wants.take(now) {
                let again = now.mono_ms.saturating_add(wait);
                plan.again_mono_ms = Some(plan.again_mono_ms.map_or(again, |at| at.min(again)));
                continue;
            }
            let ranges = draft.asked.iter().map(|asked| asked.range).collect();
            let request = session.open_request(draft.asked);
            plan.actions.push(SyncAction::Want { to, want: Want { request, ranges } });
        }
        if plan.again_mono_ms.is_some() {
            break;
        }
    }
    plan
}

/// Branches that are being fetched: from whom, up to which number, in how many pieces.
type Busy = BTreeMap<Branch, (Neighbour, u64, usize)>;

/// Which branch is being fetched from whom, up to which number, in how many pieces.
fn outstanding(sessions: &BTreeMap<Neighbour, Session>) -> Busy {
    let mut busy: Busy = BTreeMap::new();
    for (&neighbour, session) in sessions {
        let asked = session.requests.values().flat_map(|request| &request.asked);
        for asked in asked.filter(|asked| !asked.is_over()) {
            let place = busy.entry((asked.range.tag, asked.range.branch)).or_insert((neighbour, 0, 0));
            place.1 = place.1.max(asked.range.to);
            place.2 = place.2.saturating_add(1);
        }
    }
    busy
}

/// What planning looks up: logs that wait, the own logs, whether a tag has a name.
type Known<'a> = (&'a Waiting, &'a dyn Holdings, &'a dyn Fn(&LogTag) -> bool);

/// N-705 as this version keeps it: the logs with the newest known activity first.
type Offers = BTreeMap<(Reverse<u64>, Branch), Offer>;

fn offers(
    now: Timestamp,
    sessions: &mut BTreeMap<Neighbour, Session>,
    busy: &Busy,
    (waiting, holdings, is_named): Known<'_>,
) -> Offers {
    let mut offers = Offers::new();
    // With one neighbour the pipe is kept full; with several nobody takes all the work before the next one answers.
    let is_alone = sessions.values().filter(|session| session.phase == Phase::Open).count() < 2;
    let most = if is_alone { limits::REQUESTS_PER_SLOT_MAX } else { limits::REQUESTS_PER_SLOT_MAX / 2 };
    for (&neighbour, session) in sessions.iter_mut() {
        // What came in the meantime is lacked no more.
        session.lacks.retain(|(tag, branch), (_, to)| branch.is_some() || holdings.next_seq(tag) <= *to);
        if session.phase != Phase::Open || session.requests.len() >= most {
            continue;
        }
        for (&(tag, branch), &(from, to)) in &session.lacks {
            let is_idle = waiting.holds(now, &tag) || session.avoids(now, &tag) || !is_named(&tag);
            let mut from = from.max(if branch.is_none() { holdings.next_seq(&tag) } else { 0 });
            if let Some(&(giver, asked_to, pieces)) = busy.get(&(tag, branch)) {
                // A link keeps order, so a second piece may follow the first on the same one, and only there.
                if giver != neighbour || pieces > 1 {
                    continue;
                }
                from = from.max(asked_to.saturating_add(1));
            }
            if is_idle || from > to {
                continue;
            }
            let place = (Reverse(holdings.activity(&tag)), (tag, branch));
            let offer = offers.entry(place).or_insert(Offer { from, holders: Vec::new() });
            offer.from = offer.from.min(from);
            offer.holders.push((neighbour, to));
        }
    }
    offers
}

/// Rule N-707: each range to the holder with the fewest entries outstanding, over at most four neighbours.
fn spread(
    sessions: &BTreeMap<Neighbour, Session>,
    offers: Offers,
    holdings: &dyn Holdings,
) -> BTreeMap<Neighbour, Draft> {
    let mut drafts: BTreeMap<Neighbour, Draft> = BTreeMap::new();
    let load = |drafts: &BTreeMap<Neighbour, Draft>, neighbour: &Neighbour| {
        let open = sessions.get(neighbour).map_or(0, Session::outstanding);
        open.saturating_add(drafts.get(neighbour).map_or(0, |draft| draft.entries))
    };
    let mut used: BTreeSet<Neighbour> =
        sessions.iter().filter(|(_, session)| !session.requests.is_empty()).map(|(neighbour, _)| *neighbour).collect();
    for ((_, (tag, branch)), offer) in offers {
        let has_room = |neighbour: &Neighbour| {
            let draft = drafts.get(neighbour);
            draft.is_none_or(|draft| {
                draft.entries < limits::REQUEST_ENTRIES_MAX && draft.asked.len() < limits::WANT_RANGES_MAX
            })
        };
        let free = used.len() < limits::FETCHED_FROM_MAX;
        let holders = offer
            .holders
            .iter()
            .filter(|(holder, to)| has_room(holder) && *to >= offer.from && (free || used.contains(holder)));
        let Some(&(giver, to)) = holders.min_by_key(|(holder, _)| (load(&drafts, holder), *holder)) else { continue };
        used.insert(giver);
        let draft = drafts.entry(giver).or_default();
        let room = limits::REQUEST_ENTRIES_MAX.saturating_sub(draft.entries);
        let to = to.min(offer.from.saturating_add(room).saturating_sub(1));
        let range = WantRange { tag, branch, from: offer.from, to, what: What::OldestFirst };
        draft.entries = draft.entries.saturating_add(range.count());
        let next_before = holdings.next_seq(&tag);
        draft.asked.push(Asked { range, next_before, given_to: None, is_gone: false });
    }
    drafts
}
