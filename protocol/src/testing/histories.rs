//! Random histories of a group: honest people on several sides of a partition, and hostile ones who fork, drop what
//! they know, spend outputs twice, claim what isn't theirs and pin at random. The same seed gives the same history.

mod mischief;
mod opening;
mod successions;

use alloc::vec::Vec;

pub use self::opening::Opening;
pub use super::dice::Dice;
use super::keepers::Keepers;
use super::town::{Link, Person, Says, Side};
use crate::ids::{EntryId, Instance, OperationId, Output, Point, SeatNumber, SessionId};
use crate::membership::{Blow, Body, Setting, SignedOperation, setting};

/// How people behave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Manners {
    /// By section 9, without Removes, Demotes, Leaves, Bumps and Reclaims.
    Gentle,
    /// By section 9.
    Honest,
    /// Any own operation as `prev`, any known output, any pin.
    Hostile,
}

/// Partitions of a history.
const SIDES: usize = 3;

/// A group in the making.
pub struct History<const S: usize> {
    /// What each partition knows.
    pub sides: Vec<Side<S>>,
    /// Everybody who ever tried to join.
    pub people: Vec<Person>,
    links: Vec<Link>,
    dice: Dice,
    manners: Manners,
    born: usize,
    /// The side on which somebody acts now.
    here: usize,
    /// Outputs that were given away already (MB-D5).
    live: Vec<Output>,
    /// Operations of another group, for replay.
    elsewhere: Vec<Vec<u8>>,
    /// Who may name a new organiser, and when they do: dice of their own, so that other histories stay what they are.
    keepers: Option<(Keepers, Dice)>,
    /// How often somebody took the founder's place.
    pub successions: usize,
    /// How many merges there were.
    pub merges: usize,
    /// How much junk was offered and refused.
    pub refused: usize,
}

impl<const S: usize> History<S> {
    /// A founder, two admins with seats of their own, and three sides that all know it.
    ///
    /// # Panics
    /// Never, with these keys.
    #[must_use]
    pub fn new(seed: u64, manners: Manners) -> Option<Self> {
        Some(Self::after(&Opening::new()?, seed, manners))
    }

    /// The same, without making the opening again.
    #[must_use]
    pub fn after(opening: &Opening<S>, seed: u64, manners: Manners) -> Self {
        Self {
            sides: (0..SIDES).map(|_| opening.side.split()).collect(),
            people: opening.people.clone(),
            links: Vec::new(),
            dice: Dice::new(seed),
            manners,
            born: 0,
            here: 0,
            live: Vec::new(),
            elsewhere: opening.elsewhere.clone(),
            keepers: opening.keepers.clone().map(|keepers| (keepers, Dice::new(!seed))),
            successions: 0,
            merges: 0,
            refused: 0,
        }
    }

    /// `steps` random acts on random sides, with a merge now and then.
    pub fn run(&mut self, steps: usize) {
        for _ in 0..steps {
            let side = self.dice.below(self.sides.len());
            if self.dice.below(12) == 0 {
                let other = self.dice.below(self.sides.len());
                self.merge(side, other);
            } else {
                self.act(side);
            }
        }
    }

    fn merge(&mut self, into: usize, from: usize) {
        if into == from {
            return;
        }
        if let Ok([side, other]) = self.sides.get_disjoint_mut([into, from]) {
            side.merge(other);
            self.merges = self.merges.saturating_add(1);
        }
    }

    /// All sides learn everything.
    pub fn heal(&mut self) {
        // A second time, for what waited on one side for what only another had.
        for _ in 0..2 {
            (1..self.sides.len()).for_each(|from| self.merge(0, from));
            (1..self.sides.len()).for_each(|into| self.merge(into, 0));
        }
    }

    /// Every operation that anybody knows, once, in an order in which nothing waits.
    #[must_use]
    pub fn operations(&mut self) -> Vec<Vec<u8>> {
        self.heal();
        self.sides.first().map(|side| side.log.known().map(|op| op.bytes().to_vec()).collect()).unwrap_or_default()
    }

    fn act(&mut self, at: usize) {
        if at >= self.sides.len() {
            return;
        }
        let mut side = self.sides.remove(at);
        self.here = at;
        self.maybe_succeed(&mut side);
        if self.manners == Manners::Hostile && self.dice.below(5) == 0 {
            self.mischief(&mut side);
            self.sides.insert(at, side);
            return;
        }
        match self.dice.below(10) {
            0..=3 => self.invite_or_join(&mut side),
            4 | 5 => self.confirm(&mut side),
            _ => self.govern(&mut side),
        }
        self.sides.insert(at, side);
    }

    /// Nobody honest is in two places: each person acts on one side only.
    fn home(&self, person: &Person) -> usize {
        usize::from(person.key().0.first().copied().unwrap_or(0)).checked_rem(SIDES).unwrap_or(0)
    }

    /// Free outputs of an office that weren't given away yet; a hostile author doesn't care.
    fn giveable(&self, side: &Side<S>, office: &crate::ids::Office) -> Vec<(SeatNumber, Output)> {
        let mut pairs = side.log.free_outputs(office);
        if self.manners != Manners::Hostile {
            pairs.retain(|(_, out)| !self.live.contains(out));
        }
        pairs
    }

    fn admin(&mut self, side: &Side<S>) -> Option<Person> {
        let hostile = self.manners == Manners::Hostile;
        let admins: Vec<Person> = self
            .people
            .iter()
            .filter(|person| person.office.is_some_and(|office| side.log.operation(&office).is_some()))
            .filter(|person| hostile || side.log.standing(&person.mid) == person.office)
            .filter(|person| hostile || self.home(person) == self.here)
            .cloned()
            .collect();
        self.dice.pick(&admins).cloned()
    }

    fn invite_or_join(&mut self, side: &mut Side<S>) {
        if self.links.is_empty() || self.dice.below(2) == 0 {
            let Some(issuer) = self.admin(side) else { return };
            let Some(office) = issuer.office else { return };
            let mut pairs = self.giveable(side, &office);
            if self.manners == Manners::Hostile && self.dice.below(3) == 0 {
                pairs = self.any_pair(side).into_iter().collect();
            }
            pairs.truncate(self.dice.below(2).saturating_add(1));
            pairs.sort_unstable();
            if !pairs.is_empty() {
                self.live.extend(pairs.iter().map(|pair| pair.1));
                let says = self.says(side);
                self.links.push(side.link_for(&issuer, &pairs, &says));
            }
            return;
        }
        let Some(link) = self.dice.pick(&self.links).cloned() else { return };
        let ticket = self.dice.below(link.grant.tickets.len());
        if self.manners == Manners::Gentle {
            self.links.retain(|other| other.grant != link.grant);
        }
        let mut person = self.joiner(&link);
        person.name = alloc::format!("{}'", person.name);
        let mid = side.join(&mut person, &link, ticket);
        if side.log.operation(&mid.into()).is_some() {
            self.people.push(person);
        }
    }

    /// What a new link's tickets say: sometimes a question, a guest's session, one key only, a ban lifted.
    fn says(&mut self, side: &Side<S>) -> Says {
        let bans = self.known(side, |body| matches!(body, Body::Remove { ban: true, .. }));
        let session = (self.dice.below(6) == 0).then_some(SessionId([9; 16]));
        let bound = if self.dice.below(8) == 0 { self.dice.pick(&self.people).map(Person::key) } else { None };
        let lifts = if self.dice.below(2) == 0 { self.dice.pick(&bans).copied() } else { None };
        Says { approve: self.dice.below(8) == 0, session, bound, lifts: lifts.into_iter().collect() }
    }

    /// Whoever uses a link: whom it is bound to, somebody who was here before, or a stranger.
    fn joiner(&mut self, link: &Link) -> Person {
        let bound = link.grant.terms.bound_pk;
        let again = self.dice.below(5) == 0 && self.manners != Manners::Gentle;
        let known = if let Some(key) = bound {
            self.people.iter().find(|person| person.key() == key).cloned()
        } else if again {
            self.dice.pick(&self.people).cloned()
        } else {
            None
        };
        known.unwrap_or_else(|| {
            self.born = self.born.saturating_add(1);
            Person::new(&alloc::format!("p{}", self.born))
        })
    }

    /// Ids of the known operations of a kind.
    fn known(&self, side: &Side<S>, is: impl Fn(&Body) -> bool) -> Vec<OperationId> {
        side.log.known().filter(|signed| is(&signed.operation().body)).map(SignedOperation::id).collect()
    }

    fn confirm(&mut self, side: &mut Side<S>) {
        let Some(by) = self.admin(side) else { return };
        let Some(office) = by.office else { return };
        if self.manners == Manners::Hostile {
            let joins = self.known(side, |body| matches!(body, Body::Join(_)));
            if let Some(&join) = self.dice.pick(&joins) {
                self.write(side, &by, Body::Confirm { join });
            }
            return;
        }
        for join in side.log.due_confirms(&office, &|_| 2).confirm {
            side.write(&by, Body::Confirm { join });
        }
    }

    fn govern(&mut self, side: &mut Side<S>) {
        let Some(by) = self.admin(side) else { return };
        let people: Vec<Person> =
            self.people.iter().filter(|person| side.log.operation(&person.mid.into()).is_some()).cloned().collect();
        let Some(target) = self.dice.pick(&people).cloned() else { return };
        match self.dice.below(8) {
            0 | 1 => self.promote(side, &by, &target),
            2 => self.hand_over(side, &by),
            3 => {
                let value = (self.dice.below(4) != 0).then(|| Setting::Bool(self.dice.below(2) == 0));
                self.write(side, &by, Body::SetPolicy { sets: Vec::from([(setting::REQUIRE_CONFIRM, value)]) });
            }
            _ if self.manners == Manners::Gentle => {}
            4 => self.strike(side, &by, &target),
            5 => {
                if let Some(pair) = self.pair_for(side, &by) {
                    self.write(side, &by, Body::Bump { pairs: Vec::from([pair]) });
                }
            }
            6 => {
                let after = self.leave_to_cite(side);
                if let Some(pair) = self.any_pair(side) {
                    self.write(side, &by, Body::Reclaim { pairs: Vec::from([pair]), after });
                }
            }
            _ => {
                // The founder's departure would freeze many a history at its beginning.
                if self.dice.below(3) == 0 && target.mid != side.log.gid().into() {
                    let heirs = by.office.filter(|_| by.mid != target.mid).into_iter().collect();
                    let cuts = self.cuts();
                    self.write(side, &target, Body::Leave { heirs, cuts });
                }
            }
        }
    }

    fn promote(&mut self, side: &mut Side<S>, by: &Person, target: &Person) {
        let known =
            side.log.roster().person(&target.mid).is_some_and(|person| person.anchored && person.office.is_none());
        if self.manners != Manners::Hostile && !known {
            return;
        }
        let office = self.write(side, by, Body::Promote { target: target.mid });
        if side.log.operation(&office).is_some() {
            let mut admin = target.clone();
            admin.office = Some(office);
            self.people.push(admin);
        }
    }

    fn hand_over(&mut self, side: &mut Side<S>, by: &Person) {
        let Some(to) = self.admin(side).and_then(|admin| admin.office) else { return };
        if let Some(pair) = self.pair_for(side, by) {
            self.write(side, by, Body::Transfer { pairs: Vec::from([pair]), to });
        }
    }

    fn strike(&mut self, side: &mut Side<S>, by: &Person, target: &Person) {
        let chain: Vec<OperationId> =
            side.log.known().filter(|signed| signed.mid() == target.mid).map(SignedOperation::id).collect();
        let pin = if self.manners == Manners::Hostile || self.dice.below(3) == 0 {
            self.dice.pick(&chain).copied()
        } else {
            chain.last().copied()
        };
        let Some(pin) = pin else { return };
        let mut seen: Vec<OperationId> = target.office.into_iter().collect();
        if self.manners == Manners::Hostile && self.dice.below(3) == 0 {
            seen = self.known(side, |body| matches!(body, Body::Demote(_)));
            seen.truncate(1);
        }
        let blow = Blow { target: target.mid, pin, seen };
        let body = if self.dice.below(3) == 0 {
            Body::Demote(blow)
        } else {
            Body::Remove { blow, cuts: self.cuts(), ban: self.dice.below(3) == 0 }
        };
        self.write(side, by, body);
    }

    /// Up to where somebody's words count: nowhere, or in one log.
    fn cuts(&mut self) -> Vec<Point> {
        let seq = u64::try_from(self.dice.below(3)).unwrap_or(0);
        let point = Point { inst: Instance([1; 16]), seq, eid: EntryId([2; 32]) };
        core::iter::repeat_n(point, self.dice.below(2)).collect()
    }

    fn leave_to_cite(&mut self, side: &Side<S>) -> Option<OperationId> {
        let leaves = self.known(side, |body| matches!(body, Body::Leave { .. }));
        self.dice.pick(&leaves).copied()
    }

    /// An output that the author may consume; a hostile one takes any.
    fn pair_for(&mut self, side: &Side<S>, by: &Person) -> Option<(SeatNumber, Output)> {
        if self.manners == Manners::Hostile && self.dice.below(2) == 0 {
            return self.any_pair(side);
        }
        let free = self.giveable(side, &by.office?);
        let pair = self.dice.pick(&free).copied();
        self.live.extend(pair.map(|pair| pair.1));
        pair
    }

    /// Any output of any seat that was ever named, or follows from one.
    fn any_pair(&mut self, side: &Side<S>) -> Option<(SeatNumber, Output)> {
        let known = side.log.known_outputs();
        self.dice.pick(&known).copied()
    }

    /// Writes after the tip; a hostile author sometimes after any own operation, with little in its past.
    fn write(&mut self, side: &mut Side<S>, who: &Person, body: Body) -> OperationId {
        if self.manners == Manners::Hostile && self.dice.below(3) == 0 {
            let own: Vec<OperationId> =
                side.log.known().filter(|signed| signed.mid() == who.mid).map(SignedOperation::id).collect();
            if let Some(&prev) = self.dice.pick(&own) {
                return side.write_after(who, prev, &[], body);
            }
        }
        side.write(who, body)
    }
}
