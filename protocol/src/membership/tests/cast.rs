//! The people of the scenarios: A founds, B and C are promoted in that order, D by B; m, n, x, y, z are plain.

pub(super) use crate::ids::*;
pub(super) use crate::membership::*;
pub(super) use crate::testing::keepers::Keepers;
pub(super) use crate::testing::town::{Link, Person, Says, Side};
pub(super) use alloc::vec;
pub(super) use alloc::vec::Vec;
pub(super) use core::cmp::Ordering;

pub(super) const SEATS: usize = 12;
pub(super) type Town = Side<SEATS>;

pub(super) struct Cast {
    pub(super) a: Person,
    pub(super) b: Person,
    pub(super) c: Person,
    pub(super) d: Person,
    pub(super) m: Person,
    pub(super) n: Person,
    pub(super) x: Person,
    pub(super) y: Person,
    pub(super) z: Person,
}

/// Seats: A 0, B 1, C 2, D 3. Free: 4, 5 in B's custody, 6, 7 in C's, 8–11 in A's.
pub(super) fn opening() -> (Town, Cast) {
    opening_of(|founder| Town::found(founder).unwrap())
}

/// The same group, whose founder can be replaced by two of three keepers.
pub(super) fn recoverable() -> (Town, Cast, Keepers) {
    let keepers = Keepers::new("keeper", 2, 3);
    let (town, cast) = opening_of(|founder| Town::found_with(founder, &keepers).unwrap());
    (town, cast, keepers)
}

fn opening_of(found: impl Fn(&mut Person) -> Town) -> (Town, Cast) {
    let mut cast = Cast {
        a: Person::new("A"),
        b: Person::new("B"),
        c: Person::new("C"),
        d: Person::new("D"),
        m: Person::new("m"),
        n: Person::new("n"),
        x: Person::new("x"),
        y: Person::new("y"),
        z: Person::new("z"),
    };
    let mut town = found(&mut cast.a);
    town.seat(&cast.a, &mut cast.b, 1);
    town.seat(&cast.a, &mut cast.c, 2);
    town.seat(&cast.a, &mut cast.d, 3);
    town.promote(&cast.a, &mut cast.b);
    town.promote(&cast.a, &mut cast.c);
    town.promote(&cast.b, &mut cast.d);
    town.transfer(&cast.a, &[4, 5], cast.b.office.unwrap());
    town.transfer(&cast.a, &[6, 7], cast.c.office.unwrap());
    assert_eq!(town.count(), 4);
    (town, cast)
}

/// Both sides learn everything, in both orders; they must agree.
pub(super) fn heal(left: &mut Town, right: &mut Town) {
    left.merge(right);
    right.merge(left);
    assert_eq!(left.log.state_hash(), right.log.state_hash(), "both sides fold to the same state");
    assert_eq!(left.log.citable_heads(), right.log.citable_heads());
    assert_eq!(left.log.roster(), right.log.roster());
    check_past_of_heads(left);
}

/// Rule P23: what the citable heads have in their past folds to the same.
pub(super) fn check_past_of_heads(town: &Town) {
    let past = town.log.past_of(town.log.citable_heads());
    let bytes = past.iter().map(|id| town.log.operation(id).unwrap().bytes().to_vec());
    let again = Membership::<SEATS>::restore(bytes).unwrap();
    assert_eq!(again.state(), town.log.state(), "P23");
    assert_eq!(again.roster(), town.log.roster(), "P23");
}

/// A link of `issuer` for these seats, with nothing special.
pub(super) fn link(town: &mut Town, issuer: &Person, seats: &[u8]) -> Link {
    town.link(issuer, seats, &Says::default())
}

/// Somebody whose tie on an output comes before (or after) that of `other`.
pub(super) fn with_tie(name: &str, out: Output, other: &Person, side: Ordering) -> Person {
    (0..200)
        .map(|n| Person::new(&alloc::format!("{name}{n}")))
        .find(|person| outputs::tie(&out, &person.key()).cmp(&outputs::tie(&out, &other.key())) == side)
        .unwrap()
}
