//! The fold: both levels, and everything that is read off them. Batch is the oracle, incremental must equal it.
//!
//! An operation that moves no office changes only the seats it names, so those are walked again from their root;
//! anything else redoes level 1 and all seats (MB-N1 to MB-N4). No reachability over the graph is asked for.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::sync::Arc;
use alloc::vec::Vec;

use super::ablation::{FoldRule, holds};
use super::authority::{Authority, Scope};
use super::body::Role;
use super::graph::{At, Deed, Graph};
use super::heads::Shift;
use super::policy::Policy;
use super::roster::{Awaits, Person, Roster, SeatState};
use super::seats::{End, Walk, walk};
use super::setting_words::SettingWords;
use super::table::Table;
use crate::ids::{MemberKey, MembershipId, SeatNumber};

/// What a set of operations means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Fold<const S: usize> {
    pub(super) authority: Authority,
    pub(super) walks: Table<Walk>,
    /// By chain: its Join stands on its seat's path (the founder's Genesis always does).
    pub(super) on_path: Table<bool>,
    /// By chain: one of the contestants of a provisional occupant's output.
    pub(super) contesting: Table<bool>,
    /// By operation: shows the form of an output that a counting claim rests on.
    recognised: Table<u32>,
    words: SettingWords,
    pub(super) policy: Arc<Policy>,
    pub(super) roster: Arc<Roster<S>>,
}

/// Whether a walk's marks are made or taken back.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Mark {
    Set,
    Clear,
}

impl<const S: usize> Fold<S> {
    /// The oracle (MB-N1). `graph.order_offices` has run.
    pub(super) fn batch(graph: &Graph, scope: Scope<'_>) -> Self {
        let authority = Authority::fold(graph, scope);
        let walks: Table<Walk> = (0..graph.seats.len()).map(|seat| walk(graph, &authority, scope, seat)).collect();
        let words = SettingWords::gather(graph, &authority);
        let policy = Arc::new(words.policy(graph, &authority));
        let mut fold = Self {
            on_path: Table::filled(false, graph.chains.len()),
            contesting: Table::filled(false, graph.chains.len()),
            recognised: Table::filled(0, graph.nodes.len()),
            roster: Arc::new(empty_roster(graph, &policy)),
            authority,
            walks,
            words,
            policy,
        };
        for seat in 0..graph.seats.len() {
            fold.mark(graph, seat, Mark::Set);
        }
        fold.seat_people(graph, scope);
        fold
    }

    /// Rule MB-N3: takes in operations that were not folded before.
    pub(super) fn absorb(&mut self, graph: &Graph, scope: Scope<'_>, new: &[At]) -> Shift {
        if new.iter().any(|&at| graph.nodes[at].deed.moves_offices()) && holds(FoldRule::OfficesFoldAnew) {
            *self = Self::batch(graph, scope);
            return Shift::Anywhere;
        }
        self.authority.extend(graph, new);
        self.on_path.grow(graph.chains.len(), false);
        self.contesting.grow(graph.chains.len(), false);
        self.recognised.grow(graph.nodes.len(), 0);
        let seats: BTreeSet<At> = new.iter().flat_map(|&at| graph.seats_of(at)).collect();
        let (mut shifted, mut walked) = (BTreeSet::new(), Vec::new());
        for &seat in seats.iter().filter(|_| holds(FoldRule::TouchedSeatsWalkAnew)) {
            self.mark(graph, seat, Mark::Clear);
            let after = walk(graph, &self.authority, scope, seat);
            let before = core::mem::replace(&mut self.walks[seat], after);
            self.mark(graph, seat, Mark::Set);
            marks_moved(graph, &before, &self.walks[seat], &mut shifted);
            walked.push((seat, before));
        }
        let asked = self.policy.require_confirm();
        if new.iter().any(|&at| matches!(graph.nodes[at].deed, Deed::SetPolicy)) {
            new.iter().for_each(|&at| self.words.hear(graph, &self.authority, at));
            self.policy = Arc::new(self.words.policy(graph, &self.authority));
        }
        // Of all settings this one alone decides about people (MB-V1).
        if self.policy.require_confirm() != asked || self.one_person_twice(graph, &walked) {
            self.seat_people(graph, scope);
        } else {
            self.reseat(graph, scope, &walked);
        }
        shifted.extend(new);
        Shift::Only(shifted)
    }

    fn mark(&mut self, graph: &Graph, seat: At, mark: Mark) {
        let on = mark == Mark::Set;
        let walk = &self.walks[seat];
        for &(_, chain) in &walk.sat {
            self.on_path[chain] = on;
        }
        for &join in &walk.contestants {
            self.contesting[graph.nodes[join].chain] = on;
        }
        for &shown_by in &walk.recognised {
            // One Bump may show the forms of several seats' outputs.
            let count = &mut self.recognised[shown_by];
            *count = if on { count.saturating_add(1) } else { count.saturating_sub(1) };
        }
    }

    /// Operations that honest people may rest on (MB-V7).
    pub(super) fn cites(&self, graph: &Graph, at: At) -> bool {
        let node = &graph.nodes[at];
        match &node.deed {
            Deed::Genesis => true,
            Deed::Depose { .. } => self.authority.honoured[at] && holds(FoldRule::DeposesAreCited),
            Deed::Join { .. } => self.on_path[node.chain] || self.contesting[node.chain] || self.recognised[at] > 0,
            Deed::Leave { .. } => {
                let offices = &graph.chains[node.chain].offices;
                let concerns = self.on_path[node.chain] || self.contesting[node.chain];
                (concerns || offices.iter().any(|&office| self.authority.exists(office)))
                    && holds(FoldRule::LeavesAreCited)
            }
            Deed::Confirm { .. }
            | Deed::Transfer { .. }
            | Deed::Bump
            | Deed::Reclaim { .. }
            | Deed::Promote { .. }
            | Deed::Demote { .. }
            | Deed::Remove { .. }
            | Deed::SetPolicy => {
                self.authority.honoured[at] || self.recognised[at] > 0 || !holds(FoldRule::VoidIsNotCited)
            }
        }
    }

    /// Ended as in MB-V1: gone, and on a path or removed by a Remove that counts.
    pub(super) fn is_ended(&self, chain: At) -> bool {
        self.authority.is_gone(chain) && (self.on_path[chain] || self.authority.is_removed(chain))
    }

    /// The most senior standing office of a chain.
    pub(super) fn standing(&self, graph: &Graph, chain: At) -> Option<At> {
        graph.chains[chain]
            .offices
            .iter()
            .copied()
            .filter(|&office| office < self.authority.bars_len() && self.authority.stands(office))
            .min_by_key(|&office| graph.offices[office].place)
    }

    fn seat_people(&mut self, graph: &Graph, scope: Scope<'_>) {
        let mut seats = free_seats::<S>(graph);
        let mut persons = BTreeMap::new();
        let mut taken: BTreeSet<MemberKey> = BTreeSet::new();
        for (number, (walk, cell)) in self.walks.iter().zip(&mut seats).enumerate() {
            let occupant;
            (*cell, occupant) = self.sitting(graph, number, walk);
            if let Some(mut person) = occupant {
                person.duplicate = !taken.insert(person.key) && holds(FoldRule::OneSeatPerKey);
                persons.insert(person.mid, person);
            }
        }
        for person in self.walks.iter().flat_map(|walk| self.contestants(graph, walk)) {
            persons.entry(person.mid).or_insert(person);
        }
        let mut roster = Roster::new(seats, persons, Arc::clone(&self.policy));
        self.waits(graph, scope).into_iter().for_each(|(mid, awaits)| roster.make_wait(&mid, awaits));
        roster.count_keyed();
        if self.authority.is_frozen() {
            roster.freeze();
        }
        self.roster = Arc::new(roster);
    }

    /// The same where no office moved and only these seats were walked again, from how they were before.
    fn reseat(&mut self, graph: &Graph, scope: Scope<'_>, walked: &[(At, Walk)]) {
        let came: Vec<_> =
            walked.iter().map(|&(seat, _)| (seat, self.sitting(graph, seat, &self.walks[seat]))).collect();
        let contest: Vec<Person> =
            walked.iter().flat_map(|&(seat, _)| self.contestants(graph, &self.walks[seat])).collect();
        let waits = if walked.is_empty() { Vec::new() } else { self.waits(graph, scope) };
        let roster = Arc::make_mut(&mut self.roster);
        roster.set_policy(&self.policy);
        if walked.is_empty() {
            return;
        }
        let chain = |join: &At| graph.nodes[*join].chain;
        for (_, before) in walked {
            let sat = before.sat.last().map(|&(_, chain)| chain);
            let gone = before.contestants.iter().map(chain).chain(sat);
            gone.for_each(|chain| roster.forget(&graph.chains[chain].mid));
        }
        for (seat, (state, occupant)) in came {
            roster.seat(seat, state, occupant);
        }
        contest.into_iter().for_each(|person| roster.add(person));
        waits.into_iter().for_each(|(mid, awaits)| roster.make_wait(&mid, awaits));
        roster.count_keyed();
    }

    /// Whether somebody who sits or sat on these seats has another membership too: then all seats are looked at.
    fn one_person_twice(&self, graph: &Graph, walked: &[(At, Walk)]) -> bool {
        let ends = walked.iter().flat_map(|(seat, before)| [before, &self.walks[*seat]]);
        ends.filter_map(|walk| walk.sat.last())
            .any(|&(_, chain)| graph.by_key.get(&graph.chains[chain].key).is_some_and(|chains| chains.len() > 1))
    }

    /// A seat, and who sits there; whether somebody waits or sits twice isn't said yet.
    fn sitting(&self, graph: &Graph, number: At, walk: &Walk) -> (SeatState, Option<Person>) {
        let (custody, out) = (graph.office_id(walk.custody), walk.out);
        let End::Occupied { root, provisional } = walk.end else { return (SeatState::Free { out, custody }, None) };
        let mut person = self.person(graph, graph.nodes[root].chain);
        person.seat = Some(SeatNumber(u8::try_from(number).unwrap_or(u8::MAX)));
        person.anchored = !provisional;
        person.contested = walk.contested;
        (SeatState::Occupied { mid: person.mid, out, custody, provisional }, Some(person))
    }

    fn contestants(&self, graph: &Graph, walk: &Walk) -> impl Iterator<Item = Person> {
        let chains = walk.contestants.iter().map(|&join| graph.nodes[join].chain);
        chains.filter(|&chain| !self.authority.is_gone(chain)).map(|chain| {
            let mut person = self.person(graph, chain);
            person.contested = true;
            person.awaits = Some(Awaits::Contest);
            person
        })
    }

    /// Provisional occupants, and why they get no keys yet.
    fn waits(&self, graph: &Graph, scope: Scope<'_>) -> Vec<(MembershipId, Option<Awaits>)> {
        let mut links: BTreeMap<(At, MemberKey), Option<Awaits>> = BTreeMap::new();
        let mut waits = Vec::new();
        for walk in self.walks.iter() {
            if let End::Occupied { root, provisional: true } = walk.end {
                let chain = graph.nodes[root].chain;
                waits.push((graph.chains[chain].mid, self.awaits(graph, scope, chain, walk, &mut links)));
            }
        }
        waits
    }

    fn person(&self, graph: &Graph, chain: At) -> Person {
        let entry = &graph.chains[chain];
        let terms = graph.join_of(chain).map(|join| &join.terms);
        let role = terms.map_or(Role::Member, |terms| terms.role);
        Person {
            mid: entry.mid,
            key: entry.key,
            seat: None,
            role,
            session: terms.and_then(|terms| terms.session),
            planned_end_ms: terms.filter(|_| role == Role::Guest).map(|terms| terms.not_after),
            name: Arc::clone(&entry.name),
            anchored: false,
            contested: false,
            keyed: false,
            awaits: None,
            duplicate: false,
            issuer: terms.map(|terms| terms.issuer),
            office: self.standing(graph, chain).map(|office| graph.office_id(office)),
        }
    }

    /// Why a provisional occupant gets no keys yet, the weightiest reason first.
    fn awaits(
        &self,
        graph: &Graph,
        scope: Scope<'_>,
        chain: At,
        walk: &Walk,
        links: &mut BTreeMap<(At, MemberKey), Option<Awaits>>,
    ) -> Option<Awaits> {
        let terms = &graph.join_of(chain)?.terms;
        if walk.contested && holds(FoldRule::ContestsWait) {
            return Some(Awaits::Contest);
        }
        if terms.approve && holds(FoldRule::TicketsAsk) {
            return Some(Awaits::Ticket);
        }
        if self.policy.require_confirm() && holds(FoldRule::PolicyAsks) {
            return Some(Awaits::Policy);
        }
        let link = (graph.issuer_of(chain)?, terms.invite_pk);
        *links.entry(link).or_insert_with(|| self.wear(graph, scope, link))
    }

    /// Rules: what those who came by a link before did to it. Only memberships that every roster at the
    /// citable heads knows of are looked at, so that all who cite the same heads judge alike (P23).
    pub(super) fn wear(&self, graph: &Graph, scope: Scope<'_>, link: (At, MemberKey)) -> Option<Awaits> {
        let mut gone = 0_u32;
        for &join in graph.by_link.get(&link).into_iter().flatten().filter(|&&join| scope.has(join)) {
            let chain = graph.nodes[join].chain;
            if self.authority.is_removed(chain) && holds(FoldRule::TaintedLinks) {
                return Some(Awaits::TaintedLink);
            }
            if self.authority.is_gone(chain) && (self.on_path[chain] || self.contesting[chain]) {
                gone += 1;
            }
        }
        (gone >= 2 && holds(FoldRule::WornLinks)).then_some(Awaits::WornLink)
    }
}

/// The operations that are citable after a walk and weren't before, or the other way round: Joins of those who sat or
/// contest, with their Leaves, and what shows a form that counts.
fn marks_moved(graph: &Graph, before: &Walk, after: &Walk, moved: &mut BTreeSet<At>) {
    let joins = |walk: &Walk| {
        let mut joins: Vec<At> =
            walk.sat.iter().map(|&(join, _)| join).chain(walk.contestants.iter().copied()).collect();
        joins.sort_unstable();
        joins
    };
    let (old, new) = (joins(before), joins(after));
    for join in differing(&old, &new) {
        moved.extend(&graph.chains[graph.nodes[join].chain].leaves);
    }
    let with = |joins: &[At], walk: &Walk| {
        let mut all = [joins, &walk.recognised].concat();
        all.sort_unstable();
        all
    };
    moved.extend(differing(&with(&old, before), &with(&new, after)));
}

/// What is in one of two sorted lists and not in the other.
fn differing(a: &[At], b: &[At]) -> Vec<At> {
    let (mut a, mut b) = (a, b);
    let mut found = Vec::new();
    while let (Some(&left), Some(&right)) = (a.first(), b.first()) {
        let least = left.min(right);
        if left != right {
            found.push(least);
        }
        let rest = |list: &mut &[At]| *list = list.split_at(list.iter().take_while(|&&at| at == least).count()).1;
        rest(&mut a);
        rest(&mut b);
    }
    found.extend_from_slice(a);
    found.extend_from_slice(b);
    found
}

fn free_seats<const S: usize>(graph: &Graph) -> [SeatState; S] {
    let custody = graph.office_id(0);
    core::array::from_fn(|number| {
        let out = graph.seats[number].outputs[0];
        SeatState::Free { out, custody }
    })
}

fn empty_roster<const S: usize>(graph: &Graph, policy: &Arc<Policy>) -> Roster<S> {
    Roster::new(free_seats(graph), BTreeMap::<MembershipId, Person>::new(), Arc::clone(policy))
}
