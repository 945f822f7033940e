//! The contested seat, searched in full: a few replicas of the real membership log, every interleaving of what people
//! do there and of the order in which operations arrive, also before what they rest on.
//!
//! Each story is small enough that the search is exhaustive; it prints how many states there were. What people do
//! depends on what their replica shows at that moment, so the same act has other bytes in other interleavings.
#![expect(clippy::unwrap_used, reason = "a model that cannot go on ends the test")]

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{Hash, Hasher};
use std::io::Write;
use std::sync::Mutex;

use coterie_protocol::testing::membership::{Body, Membership, SeatState, SignedOperation};
use coterie_protocol::testing::town::{Link, Person, Says, Side};
use coterie_protocol::testing::{Checking, check_signatures};
use coterie_protocol::{MembershipId, OperationId, SeatNumber};
use stateright::{Checker, Model, Property};

const SEATS: usize = 4;
type Town = Side<SEATS>;

/// What somebody may do once, at one replica.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum Act {
    /// `m` or `n` redeems the link for seat 2 (B's) or seat 3 (A's).
    Join(usize, u8),
    /// Whoever sits there by ticket leaves again, if it is this person.
    Leave(usize, u8),
    /// The custodian speaks for whoever sits there by ticket.
    Confirm(Who, u8),
    /// An organiser withdraws the link of a free seat.
    Bump(Who, u8),
    /// A takes a free seat back from B.
    Reclaim(u8),
    /// A removes B, pinning the newest operation of B that A knows.
    RemoveB,
    /// A removes whoever sits on a seat.
    RemoveFrom(u8),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum Who {
    A,
    B,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum Step {
    Do { replica: usize, act: usize },
    Deliver { to: usize, operation: OperationId },
}

/// One replica. The order of arrival is how it is rebuilt; two that differ in nothing else go on alike.
#[derive(Clone, Debug)]
struct Replica {
    order: Vec<OperationId>,
    has: BTreeSet<OperationId>,
    shown: Shown,
    /// What it stores and passes on: inert operations may stay outside, and which do depends on the order.
    document: BTreeSet<OperationId>,
    /// A log restored from the document alone shows the same (P23).
    restores: bool,
}

impl PartialEq for Replica {
    fn eq(&self, other: &Self) -> bool {
        self.has == other.has && self.shown == other.shown && self.document == other.document
    }
}

impl Hash for Replica {
    fn hash<H: Hasher>(&self, to: &mut H) {
        self.has.hash(to);
        self.shown.hash(to);
        self.document.hash(to);
    }
}

/// Whether somebody's Join was confirmed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum Standing {
    Bare,
    Anchored,
}

/// Everything about a log that anybody can see.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
struct Shown {
    state: [u8; 32],
    heads: Vec<OperationId>,
    seated: BTreeMap<MembershipId, Standing>,
    keyed: Vec<MembershipId>,
    contested: bool,
}

#[derive(Clone, Debug, PartialEq, Hash)]
struct State {
    replicas: Vec<Replica>,
    done: Vec<bool>,
    /// Somebody lost a seat at one step although nothing in that log removes anything.
    evicted: bool,
}

struct Story {
    name: &'static str,
    opening: Mutex<Town>,
    people: [Person; 4],
    links: [Link; 2],
    /// Which replica, and what.
    acts: Vec<(usize, Act)>,
    replicas: usize,
    /// All that was ever signed, by id.
    signed: Mutex<BTreeMap<OperationId, Vec<u8>>>,
    /// Rule: what a set of operations shows, whatever the order was.
    shown: Mutex<BTreeMap<BTreeSet<OperationId>, Shown>>,
}

/// A on seat 0; B on seat 1, an admin who has seat 2; one link for each free seat.
fn story(name: &'static str, replicas: usize, acts: &[(usize, Act)]) -> Story {
    let (mut a, mut b) = (Person::new("A"), Person::new("B"));
    let mut town = Town::found(&mut a).unwrap();
    town.seat(&a, &mut b, 1);
    let office = town.promote(&a, &mut b);
    town.transfer(&a, &[2], office);
    let links = [town.link(&b, &[2], &Says::default()), town.link(&a, &[3], &Says::default())];
    Story {
        name,
        opening: Mutex::new(town),
        people: [Person::new("m"), Person::new("n"), a, b],
        links,
        acts: acts.to_vec(),
        replicas,
        signed: Mutex::default(),
        shown: Mutex::default(),
    }
}

impl Story {
    fn rebuilt(&self, order: &[OperationId]) -> Town {
        let mut town = self.opening.lock().unwrap().split();
        let signed = self.signed.lock().unwrap();
        order.iter().for_each(|id| drop(town.log.admit(&signed[id])));
        town
    }

    fn admin(&self, who: Who) -> &Person {
        &self.people[if who == Who::A { 2 } else { 3 }]
    }

    /// Does an act on a log, if it makes sense there; gives the operation.
    fn perform(&self, town: &mut Town, act: Act) -> Option<OperationId> {
        let bare = |town: &Town, seat: u8| match town.log.seat(SeatNumber(seat)) {
            Some(SeatState::Occupied { mid, provisional: true, .. }) => Some(*mid),
            _ => None,
        };
        let is_free = |town: &Town, seat: u8| town.sits(seat).is_none();
        match act {
            Act::Join(who, seat) => {
                let mut person = self.people[who].clone();
                Some(town.join(&mut person, &self.links[usize::from(seat == 3)], 0).into())
            }
            Act::Leave(who, seat) => {
                let mut person = self.people[who].clone();
                person.mid = bare(town, seat).filter(|mid| town.log.key_of(mid) == Some(person.key()))?;
                Some(town.leave(&person, &[]))
            }
            Act::Confirm(by, seat) => bare(town, seat).map(|mid| town.confirm(self.admin(by), mid)),
            Act::Bump(by, seat) => is_free(town, seat).then(|| town.bump(self.admin(by), &[seat])),
            Act::Reclaim(seat) => is_free(town, seat).then(|| town.reclaim(self.admin(Who::A), &[seat], None)),
            Act::RemoveB => {
                let pin = town.tip(self.admin(Who::B));
                Some(town.remove(self.admin(Who::A), self.admin(Who::B), pin))
            }
            Act::RemoveFrom(seat) => {
                let mut person = self.people[0].clone();
                person.mid = town.sits(seat)?;
                Some(town.remove(self.admin(Who::A), &person, person.mid.into()))
            }
        }
    }

    /// Whether several Joins name the output that this membership's Join names; of an anchored one, whether a Confirm
    /// of another one of them is there too: organisers spoke for both, and only one can sit (MB-S3).
    fn has_rival(&self, has: &BTreeSet<OperationId>, mid: &MembershipId, standing: Standing) -> bool {
        let signed = self.signed.lock().unwrap();
        let body = |id: &OperationId| Some(SignedOperation::decode(signed.get(id)?).unwrap().operation().body.clone());
        let out_of = |id: &OperationId| match body(id)? {
            Body::Join(join) => Some(join.out),
            _ => None,
        };
        let own = (*mid).into();
        let rivals: Vec<_> = has.iter().filter(|id| **id != own && out_of(id) == out_of(&own)).collect();
        let confirmed =
            || has.iter().any(|id| matches!(body(id), Some(Body::Confirm { join }) if rivals.contains(&&join)));
        out_of(&own).is_some() && !rivals.is_empty() && (standing == Standing::Bare || confirmed())
    }

    /// Whether one of these removes somebody; of a seat that was never confirmed, also whether one withdraws it.
    fn removes(&self, has: &BTreeSet<OperationId>, standing: Standing) -> bool {
        let signed = self.signed.lock().unwrap();
        has.iter().any(|id| match &SignedOperation::decode(&signed[id]).unwrap().operation().body {
            Body::Remove { .. } | Body::Demote(_) | Body::Leave { .. } => true,
            Body::Bump { .. } | Body::Reclaim { .. } => standing == Standing::Bare,
            _ => false,
        })
    }

    /// The state after one replica took in one more operation.
    fn after(&self, state: &State, at: usize, town: &Town, id: OperationId) -> State {
        let mut next = state.clone();
        let replica = &mut next.replicas[at];
        replica.order.push(id);
        replica.has.insert(id);
        let before = std::mem::replace(&mut replica.shown, shown(town));
        replica.document = town.log.operations().map(SignedOperation::id).collect();
        replica.restores = restored(town) == replica.shown;
        // Who is alone on an output, or the only one there that was confirmed, loses the seat to nobody.
        let mut gone = before.seated.iter().filter(|(mid, _)| !replica.shown.seated.contains_key(mid));
        next.evicted |= gone.any(|(mid, &standing)| {
            !self.has_rival(&replica.has, mid, standing) && !self.removes(&replica.has, standing)
        });
        next
    }

    fn search(self) {
        check_signatures(Checking::Once);
        let name = self.name;
        let checker = self.checker().spawn_bfs().join();
        let line = format!(
            "{name}: {} states, {} unique, depth {}, {} sets of operations\n",
            checker.state_count(),
            checker.unique_state_count(),
            checker.max_depth(),
            checker.model().shown.lock().unwrap().len()
        );
        std::io::stderr().write_all(line.as_bytes()).unwrap();
        checker.assert_properties();
        assert!(checker.is_done(), "{name}: the search is exhaustive");
    }
}

fn shown(town: &Town) -> Shown {
    let roster = town.log.roster();
    Shown {
        state: town.log.state_hash().0,
        heads: town.log.citable_heads().as_slice().to_vec(),
        seated: roster
            .seated()
            .map(|person| (person.mid, if person.anchored { Standing::Anchored } else { Standing::Bare }))
            .collect(),
        keyed: roster.keyed().to_vec(),
        contested: roster.persons().any(|person| person.contested),
    }
}

/// What the own records would show after a restart.
fn restored(town: &Town) -> Shown {
    let records = town.log.operations().map(|signed| signed.bytes().to_vec());
    shown(&Town::of(Membership::restore(records).unwrap()))
}

impl Model for Story {
    type State = State;
    type Action = Step;

    fn init_states(&self) -> Vec<State> {
        let replica = Replica {
            order: Vec::new(),
            has: BTreeSet::new(),
            shown: shown(&self.rebuilt(&[])),
            document: BTreeSet::new(),
            restores: true,
        };
        vec![State { replicas: vec![replica; self.replicas], done: vec![false; self.acts.len()], evicted: false }]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Step>) {
        for (act, (replica, _)) in self.acts.iter().enumerate().filter(|(act, _)| !state.done[*act]) {
            actions.push(Step::Do { replica: *replica, act });
        }
        let all: BTreeSet<OperationId> =
            state.replicas.iter().flat_map(|replica| replica.has.iter().copied()).collect();
        for (to, replica) in state.replicas.iter().enumerate() {
            actions.extend(all.difference(&replica.has).map(|&operation| Step::Deliver { to, operation }));
        }
    }

    fn next_state(&self, last: &State, step: Step) -> Option<State> {
        check_signatures_once();
        match step {
            Step::Do { replica, act } => {
                let mut town = self.rebuilt(&last.replicas[replica].order);
                let id = self.perform(&mut town, self.acts[act].1)?;
                let bytes = town.log.operation(&id)?.bytes().to_vec();
                self.signed.lock().unwrap().insert(id, bytes);
                let mut next = self.after(last, replica, &town, id);
                next.done[act] = true;
                Some(next)
            }
            Step::Deliver { to, operation } => {
                let mut order = last.replicas[to].order.clone();
                order.push(operation);
                Some(self.after(last, to, &self.rebuilt(&order), operation))
            }
        }
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always("same op set => same state", |story: &Self, state: &State| {
                let mut known = story.shown.lock().unwrap();
                state.replicas.iter().all(|replica| {
                    *known.entry(replica.has.clone()).or_insert_with(|| replica.shown.clone()) == replica.shown
                })
            }),
            Property::always("never more members than seats", |_, state: &State| {
                state.replicas.iter().all(|replica| replica.shown.seated.len() <= SEATS)
            }),
            Property::always("no eviction without removal", |_, state: &State| !state.evicted),
            Property::always("the document alone shows the same", |_, state: &State| {
                state.replicas.iter().all(|replica| replica.restores)
            }),
            Property::sometimes("all replicas have everything", |story: &Self, state: &State| {
                let whole = state.replicas.iter().all(|replica| replica.has == state.replicas[0].has);
                whole && state.replicas[0].has.len() > 1 && state.replicas.len() == story.replicas
            }),
        ]
    }
}

/// Each thread of the search remembers the signatures that it has checked.
fn check_signatures_once() {
    thread_local! {
        static BEGUN: std::cell::Cell<bool> = const { std::cell::Cell::new(false) };
    }
    if !BEGUN.replace(true) {
        check_signatures(Checking::Once);
    }
}

const M: usize = 0;
const N: usize = 1;

#[test]
fn s04_s05_two_redeem_one_link_and_the_custodian_speaks() {
    let acts = [(0, Act::Join(M, 2)), (1, Act::Join(N, 2)), (2, Act::Confirm(Who::B, 2)), (0, Act::Confirm(Who::A, 2))];
    story("two redeem one link, the custodian speaks", 3, &acts).search();
}

#[test]
fn s08_s09_s10_a_custodian_is_removed_while_it_confirms() {
    let acts = [(0, Act::Join(M, 2)), (1, Act::Confirm(Who::B, 2)), (0, Act::RemoveB), (0, Act::Confirm(Who::A, 2))];
    story("a custodian is removed while it confirms", 3, &acts).search();
}

#[test]
fn s22_s25_s26_a_link_is_used_while_it_is_withdrawn_and_the_seat_taken_back() {
    let acts = [(0, Act::Join(M, 2)), (1, Act::Bump(Who::B, 2)), (1, Act::Reclaim(2)), (0, Act::Confirm(Who::B, 2))];
    story("a link is used while it is withdrawn", 3, &acts).search();
}

#[test]
fn s54_r_31_a_contest_with_a_departure_and_a_removal() {
    let acts = [(0, Act::Join(M, 2)), (1, Act::Join(N, 2)), (1, Act::Leave(N, 2)), (0, Act::RemoveFrom(2))];
    story("a contest with a departure and a removal", 3, &acts).search();
}

#[test]
fn p06_p07_two_organisers_seat_people_apart() {
    let acts = [(0, Act::Join(M, 3)), (0, Act::Confirm(Who::A, 3)), (1, Act::Join(N, 2)), (1, Act::Confirm(Who::B, 2))];
    story("two organisers seat people apart", 3, &acts).search();
}
