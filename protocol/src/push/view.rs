//! Whom to keep links with: everybody in a small group, some chosen ones in a large one (N-601 to N-605).
//!
//! After HyParView (Leitão, Pereira, Rodrigues, DSN 2007, <https://doi.org/10.1109/DSN.2007.56>): a small active view
//! that is repaired at once, and a passive one, here simply all other members, since a group has at most a hundred.
//! The active view mixes three kinds, so that no single trick captures it: *random* ones, by a rank nobody else can
//! compute; *near* ones, by round trip; *well-connected* ones. What an hour brings to an idle group is no dial at all
//! but one exchange every two hours, and a probe for members who are not online: a healed split is found by it.

mod backoff;
mod candidate;

use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use rand_core::CryptoRng;

use super::Mode;
use crate::crypto::{Field, Label, Secret, mac16};
use crate::ids::{MembershipId, Neighbour};
use crate::limits;
use crate::time::Timestamp;
use backoff::{Backoff, jitter};
use candidate::{KINDS, Kind};

pub use backoff::DialPace;
pub use candidate::Candidate;

/// Why a slot was opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Opening {
    /// We wanted it.
    Ours,
    /// The other side did.
    Theirs,
    /// The other side did, and has nobody else: its caps say lonely (N-603).
    TheirsLonely,
}

/// Why a slot is given up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Release {
    /// Too many of one kind: BYE(rebalance).
    Rebalance,
    /// No room: BYE(full), with seats of others to try.
    Full,
}

/// What the caller is to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ViewAction {
    /// Dial the member, or open a slot on the link that is there for another group.
    Dial(MembershipId),
    /// Give the slot up.
    Release {
        /// Which.
        neighbour: Neighbour,
        /// Why.
        why: Release,
    },
}

#[derive(Clone, Copy, Debug)]
struct Active {
    neighbour: Neighbour,
    kind: Kind,
    since_mono_ms: u64,
}

/// The view of one group.
pub struct View {
    /// Ranks cannot be foreseen without it, so nobody computes itself into the view.
    seed: Secret<32>,
    mode: Mode,
    members: BTreeMap<MembershipId, Candidate>,
    active: BTreeMap<MembershipId, Active>,
    backoff: BTreeMap<MembershipId, Backoff>,
    /// Released ones are not dialled again until then.
    released: BTreeMap<MembershipId, u64>,
    /// Dials under way: as which kind, and until when a report is waited for.
    dialling: BTreeMap<MembershipId, (Kind, u64)>,
    next_probe: Option<u64>,
    next_exchange: Option<u64>,
    /// A random neighbour that goes as soon as its successor is linked.
    leaving: Option<MembershipId>,
    next_look: Option<u64>,
}

impl View {
    /// A view without members; draws its seed.
    #[must_use]
    pub fn new(rng: &mut dyn CryptoRng) -> Self {
        Self {
            seed: Secret::random(rng),
            mode: Mode::Direct,
            members: BTreeMap::new(),
            active: BTreeMap::new(),
            backoff: BTreeMap::new(),
            released: BTreeMap::new(),
            dialling: BTreeMap::new(),
            next_probe: None,
            next_exchange: None,
            leaving: None,
            next_look: None,
        }
    }

    /// A member that links are allowed with, as it is known now.
    pub fn on_candidate(&mut self, now: Timestamp, mid: MembershipId, candidate: Candidate) {
        if self.members.insert(mid, candidate) != Some(candidate) {
            self.look_at(now.mono_ms);
        }
    }

    /// It is no member any more. (Its slot is ended by who found that out.)
    pub fn on_gone(&mut self, mid: &MembershipId) {
        self.members.remove(mid);
        self.backoff.remove(mid);
        self.released.remove(mid);
        self.dialling.remove(mid);
    }

    /// Rule N-504's mode, from the tree: it decides whether all are linked.
    pub fn on_mode(&mut self, now: Timestamp, mode: Mode) {
        if self.mode != mode {
            self.mode = mode;
            self.look_at(now.mono_ms);
        }
    }

    /// A slot is open. Gives what has to go for it, which may be itself (N-602, N-603).
    pub fn on_up(
        &mut self,
        now: Timestamp,
        mid: MembershipId,
        neighbour: Neighbour,
        opening: Opening,
    ) -> Vec<ViewAction> {
        let wanted_as = self.dialling.remove(&mid).map(|(kind, _)| kind);
        self.backoff.remove(&mid);
        let room = match opening {
            Opening::Ours | Opening::Theirs => limits::VIEW_INBOUND_MAX,
            Opening::TheirsLonely => limits::VIEW_LONELY_MAX,
        };
        let is_inbound = opening != Opening::Ours;
        if self.mode == Mode::Tree && is_inbound && self.active.len() >= room && !self.active.contains_key(&mid) {
            return Vec::from([ViewAction::Release { neighbour, why: Release::Full }]);
        }
        let kind = wanted_as.unwrap_or(if is_inbound { Kind::Inbound } else { Kind::Near });
        self.active.insert(mid, Active { neighbour, kind, since_mono_ms: now.mono_ms });
        self.look_at(now.mono_ms);
        let leaving = self.leaving.take_if(|leaving| *leaving != mid && kind == Kind::Random);
        leaving.and_then(|leaving| self.release(now, &leaving, Release::Rebalance)).into_iter().collect()
    }

    /// A slot ended. Its place is filled within a second (N-602).
    pub fn on_down(&mut self, now: Timestamp, mid: &MembershipId, neighbour: Neighbour) {
        // A newer slot of the same member may have taken its place.
        if self.active.get(mid).is_some_and(|active| active.neighbour == neighbour) {
            self.active.remove(mid);
            self.look_at(now.mono_ms);
        }
    }

    /// Nobody answered (N-605).
    pub fn on_dial_failed(&mut self, now: Timestamp, mid: &MembershipId, rng: &mut dyn CryptoRng) {
        self.dialling.remove(mid);
        if self.members.contains_key(mid) {
            let next = self.backoff.entry(*mid).or_default().on_failure(now, rng);
            self.look_at(next);
        }
    }

    /// A reason to try one member at once: a new address record, a sighting on the local network (N-605).
    pub fn on_hint(&mut self, now: Timestamp, mid: &MembershipId) {
        self.backoff.remove(mid);
        self.dialling.remove(mid);
        self.look_at(now.mono_ms);
    }

    /// The network changed or the computer woke up: all back-off is forgotten (N-605, N-1301).
    pub fn on_network_changed(&mut self, now: Timestamp) {
        self.backoff.clear();
        self.dialling.clear();
        self.look_at(now.mono_ms);
    }

    /// Up to three online members to try instead, for BYE(full) (N-603): those that rank lowest here.
    #[must_use]
    pub fn others_to_try(&self, now: Timestamp) -> Vec<MembershipId> {
        let mut online: Vec<_> = self.members.iter().filter(|(_, candidate)| candidate.online).collect();
        online.sort_unstable_by_key(|(mid, _)| self.rank(now, mid));
        online.into_iter().take(limits::BYE_SEATS_MAX).map(|(mid, _)| *mid).collect()
    }

    /// Fills the view, thins it out, probes for those not online. `pace` is shared by all groups of the profile.
    pub fn on_deadline(&mut self, now: Timestamp, pace: &mut DialPace, rng: &mut dyn CryptoRng) -> Vec<ViewAction> {
        if self.next_look.take_if(|at| *at <= now.mono_ms).is_none() {
            return Vec::new();
        }
        self.released.retain(|_, until| *until > now.mono_ms);
        self.dialling.retain(|_, (_, until)| *until > now.mono_ms);
        let mut actions = self.thin_out(now);
        self.exchange(now, rng);
        let mut wanted = self.wanted(now);
        wanted.extend(self.probe(now, rng).map(|mid| (mid, Kind::Near)));
        for (mid, kind) in wanted {
            match pace.may_dial(now, &mid) {
                Ok(()) => {
                    self.dialling.insert(mid, (kind, now.mono_ms.saturating_add(limits::DIAL_LIFE_MS)));
                    actions.push(ViewAction::Dial(mid));
                }
                Err(again) => self.look_at(again),
            }
        }
        // Ours to look at, or nothing is due before these.
        let reports = self.dialling.values().map(|(_, until)| *until).min();
        let released = self.released.values().min().copied();
        let later = [self.next_probe, self.next_exchange, released, reports, self.next_try(now)];
        if let Some(at) = later.into_iter().flatten().filter(|at| *at > now.mono_ms).min() {
            self.look_at(at);
        }
        actions
    }

    /// When [`Self::on_deadline`] has something to do (monotonic ms).
    #[must_use]
    pub const fn next_deadline(&self) -> Option<u64> {
        self.next_look
    }

    fn look_at(&mut self, at_mono_ms: u64) {
        self.next_look = Some(self.next_look.map_or(at_mono_ms, |at| at.min(at_mono_ms)));
    }

    /// Lower is better; changes by the hour.
    fn rank(&self, now: Timestamp, mid: &MembershipId) -> [u8; 16] {
        let hour = now.mono_ms / limits::VIEW_RANK_MS;
        mac16(self.seed.expose(), Label::NetView, &[Field::B(&mid.0), Field::U(hour)])
    }

    fn count(&self, kind: Kind) -> usize {
        self.active.values().filter(|active| active.kind == kind).count()
    }

    /// Whether a member may be dialled now.
    fn is_free(&self, now: Timestamp, mid: &MembershipId, candidate: &Candidate) -> bool {
        let waits = self.backoff.get(mid).is_some_and(|backoff| backoff.waits(now));
        let reachable = candidate.dialable || candidate.linked_elsewhere;
        let busy = self.active.contains_key(mid) || self.dialling.contains_key(mid);
        reachable && !waits && !busy && !self.released.contains_key(mid)
    }

    /// How many of a kind are linked or being dialled, without the one that is leaving.
    fn held(&self, kind: Kind) -> usize {
        let dialled = self.dialling.values().filter(|(dialled, _)| *dialled == kind).count();
        let leaving = self.leaving.and_then(|mid| self.active.get(&mid)).is_some_and(|active| active.kind == kind);
        self.count(kind).saturating_add(dialled).saturating_sub(usize::from(leaving))
    }

    /// Rule N-601: who is to be linked and is not, and as what. Neighbours that chose us count for the number, but
    /// never for the random ones: who dials us a hundred times still can't choose those.
    fn wanted(&self, now: Timestamp) -> Vec<(MembershipId, Kind)> {
        let free = self.members.iter().filter(|(mid, candidate)| self.is_free(now, mid, candidate));
        // Those who never answer are reached by the probe alone.
        let free = free.filter(|(mid, _)| !self.backoff.get(*mid).is_some_and(Backoff::is_hopeless));
        let mut free: Vec<(&MembershipId, &Candidate)> = free.collect();
        if self.mode == Mode::Direct {
            return free.into_iter().map(|(mid, _)| (*mid, Kind::Near)).collect();
        }
        let mut held: BTreeMap<Kind, usize> = KINDS.iter().map(|&(kind, _)| (kind, self.held(kind))).collect();
        let mut total = held.values().sum::<usize>().saturating_add(self.held(Kind::Inbound));
        let mut wanted = Vec::new();
        loop {
            let lacks = |(kind, most): &(Kind, usize)| held.get(kind).is_none_or(|held| held < most);
            let kind = KINDS.into_iter().find(lacks).map_or(Kind::Random, |(kind, _)| kind);
            let is_guard = kind == Kind::Random && lacks(&(Kind::Random, limits::VIEW_RANDOM));
            if total >= limits::VIEW_ACTIVE && !is_guard {
                return wanted;
            }
            let best =
                free.iter().enumerate().min_by_key(|(_, (mid, candidate))| candidate.merit(kind, self.rank(now, mid)));
            let Some(at) = best.map(|(at, _)| at) else { return wanted };
            wanted.push((*free.swap_remove(at).0, kind));
            *held.entry(kind).or_default() += 1;
            total += 1;
        }
    }

    /// Rule N-602: above ten of our own choice, the newest of the most crowded kind goes.
    fn thin_out(&mut self, now: Timestamp) -> Vec<ViewAction> {
        let mut actions = Vec::new();
        while self.mode == Mode::Tree && self.active.len() - self.count(Kind::Inbound) > limits::VIEW_OWN_MAX {
            let crowd = |kind: Kind, most: usize| self.count(kind).saturating_sub(most);
            let Some((kind, _)) = KINDS.into_iter().max_by_key(|&(kind, most)| crowd(kind, most)) else { break };
            let of_kind = self.active.iter().filter(|(_, active)| active.kind == kind);
            let newest = of_kind.max_by_key(|(mid, active)| (active.since_mono_ms, **mid)).map(|(mid, _)| *mid);
            let Some(released) = newest.and_then(|mid| self.release(now, &mid, Release::Rebalance)) else { break };
            actions.push(released);
        }
        actions
    }

    fn release(&mut self, now: Timestamp, mid: &MembershipId, why: Release) -> Option<ViewAction> {
        let active = self.active.remove(mid)?;
        self.released.insert(*mid, now.mono_ms.saturating_add(limits::VIEW_RELEASED_MS));
        Some(ViewAction::Release { neighbour: active.neighbour, why })
    }

    /// Rule N-603: every two hours the oldest random neighbour makes room for another one, which is linked first.
    fn exchange(&mut self, now: Timestamp, rng: &mut dyn CryptoRng) {
        if self.mode == Mode::Direct {
            (self.next_exchange, self.leaving) = (None, None);
            return;
        }
        let due = *self
            .next_exchange
            .get_or_insert_with(|| now.mono_ms.saturating_add(jitter(limits::VIEW_EXCHANGE_MS, 20, rng)));
        if due > now.mono_ms {
            return;
        }
        self.next_exchange = Some(now.mono_ms.saturating_add(jitter(limits::VIEW_EXCHANGE_MS, 20, rng)));
        let random = self.active.iter().filter(|(_, active)| active.kind == Kind::Random);
        self.leaving = random.min_by_key(|(mid, active)| (active.since_mono_ms, **mid)).map(|(mid, _)| *mid);
    }

    /// Rule N-605: every 30 s one member that is not online, for ever, those of late first.
    fn probe(&mut self, now: Timestamp, rng: &mut dyn CryptoRng) -> Option<MembershipId> {
        let due = *self.next_probe.get_or_insert(now.mono_ms.saturating_add(jitter(limits::PROBE_MS, 20, rng)));
        if due > now.mono_ms {
            return None;
        }
        self.next_probe = Some(now.mono_ms.saturating_add(jitter(limits::PROBE_MS, 20, rng)));
        let weight = |candidate: &Candidate| {
            let hours = now.wall_ms.saturating_sub(candidate.last_contact_ms) / limits::VIEW_RANK_MS;
            (limits::PROBE_WEIGHT_MAX / hours.saturating_add(1)).max(1)
        };
        let away: Vec<(MembershipId, u64)> = self
            .members
            .iter()
            .filter(|(mid, candidate)| !candidate.online && candidate.dialable && !self.active.contains_key(*mid))
            .map(|(mid, candidate)| (*mid, weight(candidate)))
            .collect();
        let total: u64 = away.iter().map(|(_, weight)| weight).sum();
        let mut at = rng.next_u64().checked_rem(total)?;
        away.into_iter()
            .find(|(_, weight)| {
                let here = at < *weight;
                at = at.saturating_sub(*weight);
                here
            })
            .map(|(mid, _)| mid)
    }

    /// When the next back-off ends of somebody who may be wanted then.
    fn next_try(&self, now: Timestamp) -> Option<u64> {
        let waits = self.backoff.values().filter(|backoff| !backoff.is_hopeless()).map(Backoff::until);
        waits.filter(|at| *at > now.mono_ms).min()
    }
}

#[cfg(test)]
mod tests;
