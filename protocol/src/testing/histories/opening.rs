//! How every history begins.

use alloc::vec::Vec;

use crate::testing::keepers::Keepers;
use crate::testing::town::{Person, Side};

/// How every history begins: a founder, two admins with seats of their own. Made once, copied often.
pub struct Opening<const S: usize> {
    pub(super) side: Side<S>,
    pub(super) people: Vec<Person>,
    pub(super) elsewhere: Vec<Vec<u8>>,
    pub(super) keepers: Option<Keepers>,
}

impl<const S: usize> Opening<S> {
    /// The same each time.
    #[must_use]
    pub fn new() -> Option<Self> {
        Self::of(None)
    }

    /// The same with two of three recovery keys that may replace the founder.
    #[must_use]
    pub fn recoverable() -> Option<Self> {
        Self::of(Some(Keepers::new("keeper", 2, 3)))
    }

    fn of(keepers: Option<Keepers>) -> Option<Self> {
        crate::crypto::sign::memo::keep();
        let mut founder = Person::new("founder");
        let mut side = match &keepers {
            Some(keepers) => Side::<S>::found_with(&mut founder, keepers),
            None => Side::<S>::found(&mut founder),
        }
        .ok()?;
        let mut people = Vec::from([founder.clone()]);
        let last = u8::try_from(S).ok()?.checked_sub(1)?;
        for (seat, name) in [(1, "ben"), (2, "caro")] {
            let mut admin = Person::new(name);
            side.seat(&founder, &mut admin, seat);
            let office = side.promote(&founder, &mut admin);
            let mut given = Vec::from([seat.wrapping_mul(2).wrapping_add(1).min(last)]);
            if last > 64 {
                given.extend(seat.wrapping_mul(20)..seat.wrapping_mul(20).wrapping_add(15));
            }
            side.transfer(&founder, &given, office);
            people.push(admin);
        }
        // A large world is lived in from the beginning.
        for seat in (60..last).filter(|_| last > 64) {
            let mut resident = Person::new(&alloc::format!("resident {seat}"));
            side.seat(&founder, &mut resident, seat);
            people.push(resident);
        }
        let mut other = Person::new("founder of another group");
        let mut there = Side::<S>::found(&mut other).ok()?;
        there.seat(&other, &mut Person::new("caro"), 1);
        let elsewhere = there.log.known().map(|signed| signed.bytes().to_vec()).collect();
        Some(Self { side, people, elsewhere, keepers })
    }
}
