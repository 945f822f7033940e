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
    seats: [SeatState; S],
    persons: BTreeMap<MembershipId, Person>,
    keyed: Vec<MembershipId>,
    policy: Arc<Policy>,
    frozen: bool,
}

impl<const S: usize> Roster<S> {
    pub(super) fn new(seats: [SeatState; S], persons: BTreeMap<MembershipId, Person>, policy: Arc<Policy>) -> Self {
        let keyed = persons.values().filter(|person| person.keyed).map(|person| person.mid).collect();
        Self { seats, persons, keyed, policy, frozen: false }
    }

    /// No office stands.
    pub(super) const fn freeze(&mut self) {
        self.frozen = true;
    }

    /// All seats, by number.
    #[must_use]
    pub const fn seats(&self) -> &[SeatState; S] {
        &self.seats
    }

    /// Everybody who sits or contests a seat, duplicates included, by membership.
    pub fn persons(&self) -> impl Iterator<Item = &Person> {
        self.persons.values()
    }

    /// Everybody who sits, ascending (E-14).
    pub fn seated(&self) -> impl Iterator<Item = &Person> {
        self.persons.values().filter(|person| person.seat.is_some() && !person.duplicate)
    }

    /// Who takes part in encryption, ascending (E-14).
    #[must_use]
    pub fn keyed(&self) -> &[MembershipId] {
        &self.keyed
    }

    /// Everybody who sits, and who contests a seat, ascending (E-14).
    pub fn candidates(&self) -> impl Iterator<Item = &Person> {
        self.persons.values().filter(|person| !person.duplicate)
    }

    /// Somebody who sits or contests a seat.
    #[must_use]
    pub fn person(&self, mid: &MembershipId) -> Option<&Person> {
        self.persons.get(mid)
    }

    /// The memberships of a key among [`Self::candidates`], ascending.
    pub fn mids_of(&self, key: &MemberKey) -> impl Iterator<Item = MembershipId> {
        self.candidates().filter(move |person| person.key == *key).map(|person| person.mid)
    }

    /// Whether somebody takes part in encryption.
    #[must_use]
    pub fn is_keyed(&self, mid: &MembershipId) -> bool {
        self.keyed.binary_search(mid).is_ok()
    }

    /// The place of a Keyed member (E-16).
    #[must_use]
    pub fn place(&self, mid: &MembershipId) -> Option<usize> {
        self.keyed.binary_search(mid).ok()
    }

    /// What a Rekey is bound to (E-16).
    #[must_use]
    pub fn hash(&self, gid: &GroupId) -> Digest {
        let mut keyed = Writer::default();
        keyed.list(&self.keyed);
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
