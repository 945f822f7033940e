//! Who is Seated, Keyed or a Candidate: the three sets that encryption reads (MB-C1), and what people see of a seat.

use alloc::collections::BTreeMap;
use alloc::sync::Arc;
use alloc::vec::Vec;

use super::body::Role;
use super::policy::Policy;
use crate::crypto::{Field, Label, hash};
use crate::ids::{Digest, GroupId, MemberKey, MembershipId, Office, Output, SeatNumber, SessionId};
use crate::wire::Writer;

/// One seat.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SeatState {
    /// Nobody sits there.
    Free {
        /// The output that the next operation consumes.
        out: Output,
        /// The one office that owns it.
        custody: Office,
    },
    /// Somebody sits there.
    Occupied {
        /// Who.
        mid: MembershipId,
        /// The output that was consumed.
        out: Output,
        /// Whose it was.
        custody: Office,
        /// By ticket only: no office has spoken yet.
        provisional: bool,
    },
}

/// Why somebody on a seat gets no keys yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Awaits {
    /// Another Join claims the same output (MB-V10).
    Contest,
    /// The group asks for confirmations.
    Policy,
    /// The ticket asks for one.
    Ticket,
    /// Somebody who came by the same link was removed.
    TaintedLink,
    /// Two who came by the same link are gone.
    WornLink,
}

/// Somebody who sits in the group, or contests a seat.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person {
    /// The membership.
    pub mid: MembershipId,
    /// The person's key.
    pub key: MemberKey,
    /// The seat; none for a contestant.
    pub seat: Option<SeatNumber>,
    /// Member or guest.
    pub role: Role,
    /// A guest's session.
    pub session: Option<SessionId>,
    /// A guest's planned end, ms since 1970 (E-35).
    pub planned_end_ms: Option<u64>,
    /// The name in the Join; empty for the founder.
    pub name: Arc<str>,
    /// Backed by an office's claim.
    pub anchored: bool,
    /// Several Joins claim the seat's output.
    pub contested: bool,
    /// Takes part in encryption.
    pub keyed: bool,
    /// Why not, if it is a matter of waiting.
    pub awaits: Option<Awaits>,
    /// Sits on a second, higher seat with the same key (MB-V4): in none of the sets.
    pub duplicate: bool,
    /// The office that gave the seat; none for the founder.
    pub issuer: Option<Office>,
    /// The most senior standing office held.
    pub office: Option<Office>,
}

/// Everybody, at some heads. `S` is the number of seats.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Roster<const S: usize = 100> {
    people: Arc<People<S>>,
    policy: Arc<Policy>,
    frozen: bool,
}

/// Who sits where: shared by the rosters between which only settings changed.
#[derive(Clone, Debug, PartialEq, Eq)]
struct People<const S: usize> {
    seats: [SeatState; S],
    persons: BTreeMap<MembershipId, Person>,
    keyed: Vec<MembershipId>,
}

impl<const S: usize> Roster<S> {
    /// Whoever waits is still to be named, and who is Keyed to be counted.
    pub(super) fn new(seats: [SeatState; S], persons: BTreeMap<MembershipId, Person>, policy: Arc<Policy>) -> Self {
        Self { people: Arc::new(People { seats, persons, keyed: Vec::new() }), policy, frozen: false }
    }

    /// The same people under other settings.
    pub(super) fn set_policy(&mut self, policy: &Arc<Policy>) {
        self.policy = Arc::clone(policy);
    }

    /// Somebody neither sits nor contests any more, or is about to be seated anew.
    pub(super) fn forget(&mut self, mid: &MembershipId) {
        Arc::make_mut(&mut self.people).persons.remove(mid);
    }

    /// A seat's new state, and who sits there.
    pub(super) fn seat(&mut self, number: usize, state: SeatState, occupant: Option<Person>) {
        let people = Arc::make_mut(&mut self.people);
        if let Some(cell) = people.seats.get_mut(number) {
            *cell = state;
        }
        if let Some(person) = occupant {
            people.persons.insert(person.mid, person);
        }
    }

    /// Somebody contests a seat, unless he sits there.
    pub(super) fn add(&mut self, contestant: Person) {
        Arc::make_mut(&mut self.people).persons.entry(contestant.mid).or_insert(contestant);
    }

    /// Says of somebody on a bare ticket why he gets no keys yet, if he doesn't.
    pub(super) fn make_wait(&mut self, mid: &MembershipId, awaits: Option<Awaits>) {
        if let Some(person) = Arc::make_mut(&mut self.people).persons.get_mut(mid) {
            person.awaits = awaits;
        }
    }

    /// Who is Keyed: everybody who sits, once, and waits for nothing.
    pub(super) fn count_keyed(&mut self) {
        let people = Arc::make_mut(&mut self.people);
        for person in people.persons.values_mut() {
            person.keyed = person.seat.is_some() && !person.duplicate && person.awaits.is_none();
        }
        people.keyed = people.persons.values().filter(|person| person.keyed).map(|person| person.mid).collect();
    }

    /// No office stands.
    pub(super) const fn freeze(&mut self) {
        self.frozen = true;
    }

    /// All seats, by number.
    #[must_use]
    pub fn seats(&self) -> &[SeatState; S] {
        &self.people.seats
    }

    /// Everybody who sits or contests a seat, duplicates included, by membership.
    pub fn persons(&self) -> impl Iterator<Item = &Person> {
        self.people.persons.values()
    }

    /// Everybody who sits, ascending (E-14).
    pub fn seated(&self) -> impl Iterator<Item = &Person> {
        self.people.persons.values().filter(|person| person.seat.is_some() && !person.duplicate)
    }

    /// Who takes part in encryption, ascending (E-14).
    #[must_use]
    pub fn keyed(&self) -> &[MembershipId] {
        &self.people.keyed
    }

    /// Everybody who sits, and who contests a seat, ascending (E-14).
    pub fn candidates(&self) -> impl Iterator<Item = &Person> {
        self.people.persons.values().filter(|person| !person.duplicate)
    }

    /// Somebody who sits or contests a seat.
    #[must_use]
    pub fn person(&self, mid: &MembershipId) -> Option<&Person> {
        self.people.persons.get(mid)
    }

    /// The memberships of a key among [`Self::candidates`], ascending.
    pub fn mids_of(&self, key: &MemberKey) -> impl Iterator<Item = MembershipId> {
        self.candidates().filter(move |person| person.key == *key).map(|person| person.mid)
    }

    /// Whether somebody takes part in encryption.
    #[must_use]
    pub fn is_keyed(&self, mid: &MembershipId) -> bool {
        self.people.keyed.binary_search(mid).is_ok()
    }

    /// The place of a Keyed member (E-16).
    #[must_use]
    pub fn place(&self, mid: &MembershipId) -> Option<usize> {
        self.people.keyed.binary_search(mid).ok()
    }

    /// What a Rekey is bound to (E-16).
    #[must_use]
    pub fn hash(&self, gid: &GroupId) -> Digest {
        let mut keyed = Writer::default();
        keyed.list(&self.people.keyed);
        hash(Label::Roster, &[Field::B(&gid.0), Field::Item(&keyed.into_bytes())])
    }

    /// The settings in force there.
    #[must_use]
    pub fn policy(&self) -> &Policy {
        &self.policy
    }

    /// Nobody can admit or remove (MB-V5).
    #[must_use]
    pub const fn frozen(&self) -> bool {
        self.frozen
    }
}
