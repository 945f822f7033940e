//! Whom to dial, where, and how often: members of all groups, with patience that grows (N-605).

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;

use rand_core::CryptoRng;

use super::{Account, Step};
use crate::crypto::random;
use crate::effects::{AddressSource, LinkAction};
use crate::ids::{Channel, MemberKey};
use crate::limits;
use crate::link::quota::Bucket;
use crate::rendezvous::{Network, dialable};
use crate::time::Timestamp;

/// What is known of reaching one person.
#[derive(Debug, Default)]
struct Person {
    /// Addresses that the person gave, or where it answered: dialled as they are.
    given: Vec<Vec<u8>>,
    /// Seen on the local network.
    sighted: Vec<Vec<u8>>,
    failures: u32,
    next_mono_ms: u64,
    dialling: bool,
    /// A dial failed although somebody is there: it may not know us yet (N-209).
    unknown_to: bool,
    introduced_mono_ms: Option<u64>,
    /// The last link broke, or the last dial failed, and nobody answered since.
    missed: bool,
}

/// All persons.
#[derive(Default)]
pub(super) struct Reach {
    people: BTreeMap<MemberKey, Person>,
    introductions: BTreeMap<MemberKey, u32>,
    /// Who was told how it ended, and how often lately.
    told_end: BTreeMap<MemberKey, Bucket>,
    look_mono_ms: Option<u64>,
    /// When somebody who may be cut off is tried next, in a large group.
    probe_mono_ms: Option<u64>,
}

impl Reach {
    /// Somebody joined, left or told an address: look again at once.
    pub(super) fn look_soon(&mut self, now: Timestamp) {
        self.look_mono_ms = Some(now.mono_ms);
    }

    /// One person is worth a dial now.
    pub(super) fn look_at(&mut self, peer: &MemberKey, now: Timestamp) {
        if let Some(person) = self.people.get_mut(peer) {
            (person.next_mono_ms, person.failures, person.unknown_to) = (now.mono_ms, 0, false);
        }
        self.look_soon(now);
    }

    pub(super) fn remember(&mut self, peer: &MemberKey, addresses: &[Vec<u8>]) {
        let person = self.people.entry(*peer).or_default();
        person.given = addresses.to_vec();
        person.given.truncate(limits::VIA_ADDRESSES_MAX);
    }

    /// A stream is open; whether the groups agree shows later.
    pub(super) fn connected(&mut self, peer: &MemberKey) {
        if let Some(person) = self.people.get_mut(peer) {
            person.dialling = false;
        }
    }

    /// A shared group opened: all is well.
    pub(super) fn reached(&mut self, peer: &MemberKey) {
        let person = self.people.entry(*peer).or_default();
        (person.failures, person.unknown_to, person.dialling, person.missed) = (0, false, false, false);
    }

    /// A link was given up because there are others: nobody is missed.
    pub(super) fn let_go(&mut self, peer: &MemberKey) {
        if let Some(person) = self.people.get_mut(peer) {
            person.missed = false;
        }
    }

    /// This person shares no group with us, as far as it knows.
    pub(super) fn note_unknown_to(&mut self, peer: &MemberKey) {
        self.people.entry(*peer).or_default().unknown_to = true;
    }

    pub(super) fn is_missed(&self, peer: &MemberKey) -> bool {
        self.people.get(peer).is_some_and(|person| person.missed)
    }

    /// Dials in a row that reached nobody.
    pub(super) fn failures(&self, peer: &MemberKey) -> u32 {
        self.people.get(peer).map_or(0, |person| person.failures)
    }

    pub(super) fn is_dialling(&self, peer: &MemberKey) -> bool {
        self.people.get(peer).is_some_and(|person| person.dialling)
    }

    /// Whether a dial would go out now.
    pub(super) fn is_ready(&self, peer: &MemberKey, now: Timestamp) -> bool {
        self.people.get(peer).is_none_or(|person| !person.dialling && person.next_mono_ms <= now.mono_ms)
    }

    /// Whether a probe is due.
    pub(super) fn take_probe(&mut self, now: Timestamp) -> bool {
        let is_due = self.probe_mono_ms.is_some_and(|at| at <= now.mono_ms);
        if is_due {
            self.probe_mono_ms = None;
        }
        is_due
    }

    /// The next probe comes 30 s ± 20 % later, unless one is planned already.
    pub(super) fn plan_probe(&mut self, now: Timestamp, rng: &mut dyn CryptoRng) {
        let jitter = u64::from(u16::from_be_bytes(random(rng))) % limits::PROBE_JITTER_MS;
        let next = now.mono_ms.saturating_add(limits::PROBE_MIN_MS).saturating_add(jitter);
        let at = *self.probe_mono_ms.get_or_insert(next);
        self.wake_at(at);
    }

    fn wake_at(&mut self, at: u64) {
        self.look_mono_ms = Some(self.look_mono_ms.map_or(at, |next| next.min(at)));
    }

    /// The last link is gone: try again soon.
    pub(super) fn lost(&mut self, peer: &MemberKey, now: Timestamp) {
        let Some(person) = self.people.get_mut(peer) else { return self.look_soon(now) };
        (person.dialling, person.missed) = (false, true);
        if planted!(NoRedial) {
            return;
        }
        person.next_mono_ms = person.next_mono_ms.max(now.mono_ms.saturating_add(limits::REDIAL_FIRST_MS));
        let at = person.next_mono_ms;
        self.wake_at(at);
    }

    pub(super) fn take_introduction(&mut self, peer: &MemberKey) -> Option<u32> {
        self.introductions.remove(peer)
    }

    /// Rule R-34: how a person ended is told now and then. Nothing says whether it arrived, and who knocks again has
    /// perhaps not heard it: its address may have changed meanwhile.
    pub(super) fn may_tell_end(&mut self, peer: &MemberKey, now: Timestamp) -> bool {
        if planted!(RemovalNotTold) {
            return false;
        }
        self.told_end.retain(|_, told| now.mono_ms.saturating_sub(told.last_mono_ms()) < limits::HOUR_MS);
        if !self.told_end.contains_key(peer) && self.told_end.len() >= limits::CONDUCTS_MAX {
            return false;
        }
        self.told_end.entry(*peer).or_insert_with(|| Bucket::new(limits::ENDS_TOLD)).take(1, now)
    }
}

impl Account {
    pub(super) fn on_dial_failed(&mut self, step: &Step<'_>, peer: Option<MemberKey>, channel: Channel) {
        let Some(peer) = peer else { return };
        let person = self.reach.people.entry(peer).or_default();
        person.dialling = false;
        if channel == Channel::Group {
            person.unknown_to = true;
        } else {
            self.reach.introductions.remove(&peer);
        }
        self.reach.lost(&peer, step.now);
    }

    pub(super) fn on_listening(&mut self, step: &mut Step<'_>, addresses: Vec<Vec<u8>>) {
        if addresses == self.listening {
            return;
        }
        self.listening = addresses;
        let all: Vec<u32> = self.groups.keys().copied().collect();
        for g in all {
            self.with_group(step, g, |group, ctx| group.addresses_changed(ctx));
        }
        self.reach.look_soon(step.now);
    }

    pub(super) fn on_sighted(&mut self, step: &Step<'_>, peer: MemberKey, addresses: Vec<Vec<u8>>) {
        let known = self.wanted().contains(&peer);
        for join in self.joins.all.values_mut().filter(|join| *join.inviter() == peer && join.is_searching()) {
            join.sightings.clone_from(&addresses);
            join.sightings.truncate(limits::VIA_ADDRESSES_MAX);
            join.retry_now(step.now);
        }
        if known {
            self.reach.people.entry(peer).or_default().sighted = addresses;
            self.reach.look_at(&peer, step.now);
        }
    }

    /// Interfaces changed or the computer woke up: everyone is tried again at once (N-605).
    pub(super) fn on_network_changed(&mut self, step: &Step<'_>) {
        for person in self.reach.people.values_mut() {
            (person.failures, person.next_mono_ms) = (0, step.now.mono_ms);
        }
        let joins = self.joins.all.values_mut().filter(|join| join.is_searching());
        joins.for_each(|join| join.retry_now(step.now));
        self.reach.look_soon(step.now);
    }

    /// Everybody whom a link is worth having with.
    fn wanted(&self) -> BTreeSet<MemberKey> {
        let own = self.identity.public();
        let groups = self.groups.values().filter(|group| group.shares_links());
        groups
            .flat_map(|group| group.membership().roster().candidates().map(|person| person.key))
            .filter(|key| *key != own)
            .collect()
    }

    pub(super) fn on_reach_time(&mut self, step: &mut Step<'_>) {
        if self.reach.look_mono_ms.is_none_or(|at| at > step.now.mono_ms) {
            return;
        }
        self.reach.look_mono_ms = None;
        self.fill_views(step);
    }

    /// Dials somebody whose time has come; says whether it did.
    pub(super) fn dial_person(&mut self, step: &mut Step<'_>, peer: MemberKey) -> bool {
        // Without an address there is nothing to wait for: a new record, or a sighting, looks again at once.
        let Some((addresses, source)) = self.addresses_of(&peer, step.now) else { return false };
        let introduce = self.introduction_for(&peer, step.now);
        let person = self.reach.people.entry(peer).or_default();
        if person.dialling || person.next_mono_ms > step.now.mono_ms {
            let at = person.next_mono_ms.max(step.now.mono_ms.saturating_add(limits::REDIAL_FIRST_MS));
            self.reach.wake_at(at);
            return false;
        }
        let place =
            usize::try_from(person.failures).unwrap_or(usize::MAX).min(limits::REDIAL_MS.len().saturating_sub(1));
        let base = limits::REDIAL_MS.get(place).copied().unwrap_or(limits::REDIAL_FIRST_MS);
        // ± 25 %, so that two sides don't dial in step for ever.
        let jitter = base.saturating_mul(u64::from(random::<1>(step.rng).first().copied().unwrap_or(0))) / 512;
        let wait = (base - base / 4).saturating_add(jitter);
        person.next_mono_ms = step.now.mono_ms.saturating_add(wait);
        person.failures = person.failures.saturating_add(1);
        let at = person.next_mono_ms;
        person.dialling = true;
        let channel = match introduce {
            Some(g) => {
                person.introduced_mono_ms = Some(step.now.mono_ms);
                person.unknown_to = false;
                self.reach.introductions.insert(peer, g);
                Channel::Join
            }
            None => Channel::Group,
        };
        self.reach.wake_at(at);
        step.effects.link(LinkAction::Dial { peer: Some(peer), channel, addresses, source });
        true
    }

    /// A group in which that person seems not to know us, if it is time to say so (N-209).
    fn introduction_for(&self, peer: &MemberKey, now: Timestamp) -> Option<u32> {
        let person = self.reach.people.get(peer)?;
        let lately =
            person.introduced_mono_ms.is_some_and(|at| now.mono_ms.saturating_sub(at) < limits::INTRODUCE_EVERY_MS);
        if !person.unknown_to || lately {
            return None;
        }
        let shares = |group: &&crate::group::Group| {
            group.shares_links() && group.membership().roster().mids_of(peer).next().is_some()
        };
        self.groups.values().find(shares).map(|group| group.g)
    }

    /// Where somebody may be: given by the person, sighted, told by members.
    fn addresses_of(&self, peer: &MemberKey, now: Timestamp) -> Option<(Vec<Vec<u8>>, AddressSource)> {
        let network = Network::from_listening(&self.listening);
        let relay = |_: &MemberKey| false;
        let mut learned: Vec<Vec<u8>> = self.groups.values().flat_map(|group| group.addresses_of(peer, now)).collect();
        let person = self.reach.people.get(peer);
        learned.extend(person.into_iter().flat_map(|person| person.sighted.iter().cloned()));
        learned.retain(|address| dialable(address, &network, &relay));
        learned.dedup();
        learned.truncate(limits::DIAL_ADDRESSES_MAX);
        if !learned.is_empty() {
            return Some((learned, AddressSource::Learned));
        }
        let given = person.map(|person| person.given.clone()).filter(|given| !given.is_empty())?;
        Some((given, AddressSource::Person))
    }

    pub(super) fn reach_deadline(&self) -> Option<u64> {
        self.reach.look_mono_ms
    }

    /// Looks at once after a start.
    pub(super) fn reach_restored(&mut self, now: Timestamp) {
        self.reach.look_soon(now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CEM: MemberKey = MemberKey([3; 32]);

    #[test]
    fn r_34_an_end_is_told_four_times_an_hour_to_each_and_no_more() {
        let mut reach = Reach::default();
        let at = |minutes: u64| Timestamp::new(1_000_000 + minutes * 60_000, 0);
        assert!((0..4).all(|minute| reach.may_tell_end(&CEM, at(minute))));
        assert!(!reach.may_tell_end(&CEM, at(4)));
        assert!(reach.may_tell_end(&MemberKey([4; 32]), at(4)));
        assert!(reach.may_tell_end(&CEM, at(16)));
        assert!(!reach.may_tell_end(&CEM, at(17)));
    }
}
