//! What people are told: the difference between two folded states, never single operations, so late operations
//! still give right events (MB-V9).

use alloc::sync::Arc;
use alloc::vec::Vec;

use super::fates::Unseated;
use super::roster::{Person, Roster};
use super::{Membership, Role};
use crate::ids::{MemberKey, MembershipId, Office, SeatNumber};

/// Who it is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subject {
    /// The membership.
    pub mid: MembershipId,
    /// Its key.
    pub key: MemberKey,
    /// The name in its Join.
    pub name: Arc<str>,
    /// Member or guest.
    pub role: Role,
}

impl From<&Person> for Subject {
    fn from(person: &Person) -> Self {
        Self { mid: person.mid, key: person.key, name: Arc::clone(&person.name), role: person.role }
    }
}

/// One thing that changed for people.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "each field is what its type says")]
pub enum SeatChange {
    /// Sits now and didn't.
    Joined { who: Subject, seat: SeatNumber, anchored: bool },
    /// An office has spoken for somebody who sat by ticket only.
    Confirmed { who: Subject },
    /// Several Joins claim the seat: nobody on it gets keys.
    Contested { who: Subject },
    /// Left.
    Left { who: Subject },
    /// Was removed.
    Removed { who: Subject },
    /// Was removed, or sat by a key that is banned.
    Banned { who: Subject },
    /// Lost the seat without having left or been removed.
    SeatLost { who: Subject, reason: Option<Unseated> },
    /// Holds an office now and held none.
    Promoted { who: Subject, office: Office },
    /// Holds none any more.
    Demoted { who: Subject },
    /// A setting changed.
    Settings,
    /// No office stands any more.
    Frozen,
}

/// Rule MB-V9: what changed from a roster that was kept to the log as it is.
#[must_use]
pub fn changes<const S: usize>(before: &Roster<S>, after: &Membership<S>) -> Vec<SeatChange> {
    let now = after.roster();
    let mut changes = Vec::new();
    for old in before.persons().filter(|old| old.seat.is_some()) {
        if now.person(&old.mid).is_none_or(|new| new.seat.is_none()) {
            changes.push(gone(old, after));
        }
    }
    for new in now.persons() {
        let old = before.person(&new.mid);
        person_changes(old, new, &mut changes);
    }
    let demoted = before.persons().filter(|old| old.office.is_some() && after.standing(&old.mid).is_none());
    changes.extend(demoted.map(|old| SeatChange::Demoted { who: old.into() }));
    if before.policy() != now.policy() {
        changes.push(SeatChange::Settings);
    }
    if now.frozen() && !before.frozen() {
        changes.push(SeatChange::Frozen);
    }
    changes
}

fn gone<const S: usize>(old: &Person, after: &Membership<S>) -> SeatChange {
    let who = old.into();
    match after.departure(&old.mid) {
        Some(how) if how.banned => SeatChange::Banned { who },
        Some(how) if how.removed => SeatChange::Removed { who },
        Some(_) => SeatChange::Left { who },
        None => SeatChange::SeatLost { who, reason: after.why_unseated(&old.mid) },
    }
}

fn person_changes(old: Option<&Person>, new: &Person, changes: &mut Vec<SeatChange>) {
    let sat = old.filter(|old| old.seat.is_some());
    match (sat, new.seat) {
        (None, Some(seat)) => changes.push(SeatChange::Joined { who: new.into(), seat, anchored: new.anchored }),
        (Some(old), Some(_)) if new.anchored && !old.anchored => {
            changes.push(SeatChange::Confirmed { who: new.into() });
        }
        (Some(_) | None, _) => {}
    }
    if new.contested && !old.is_some_and(|old| old.contested) {
        changes.push(SeatChange::Contested { who: new.into() });
    }
    if let (Some(office), None) = (new.office, old.and_then(|old| old.office)) {
        changes.push(SeatChange::Promoted { who: new.into(), office });
    }
}
