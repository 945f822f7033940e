//! The fold: both levels, and everything that is read off them. Batch is the oracle, incremental must equal it.
//!
//! An operation that moves no office changes only the seats it names, so those are walked again from their root;
//! anything else redoes level 1 and all seats (MB-N1 to MB-N4). No reachability over the graph is asked for.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::sync::Arc;
use core::cmp::Reverse;

use super::ablation::{FoldRule, holds};
use super::authority::{Authority, Scope};
use super::body::{Body, Role};
use super::graph::{At, Deed, Graph};
use super::heads::Shift;
use super::policy::{Policy, Setting, SettingKey};
use super::roster::{Awaits, Person, Roster, SeatState};
use super::seats::{End, Took, Walk, walk};
use super::table::Table;
use crate::ids::{MemberKey, MembershipId, OperationId, SeatNumber};

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
    pub(super) policy: Arc<Policy>,
    pub(super) roster: Arc<Roster<S>>,
}

/// Whether a walk's marks are made or taken back.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Mark {
    Set,
    Clear,
}

/// An office's word on a setting: seq, id, and the value, none if it withdraws.
type Word<'a> = (u32, Reverse<OperationId>, Option<&'a Setting>);

impl<const S: usize> Fold<S> {
    /// The oracle (MB-N1). `graph.order_offices` has run.
    pub(super) fn batch(graph: &Graph, scope: Scope<'_>) -> Self {
        let authority = Authority::fold(graph, scope);
        let walks: Table<Walk> = (0..graph.seats.len()).map(|seat| walk(graph, &authority, scope, seat)).collect();
        let policy = Arc::new(settings(graph, &authority));
        let mut fold = Self {
            on_path: Table::filled(false, graph.chains.len()),
            contesting: Table::filled(false, graph.chains.len()),
            recognised: Table::filled(0, graph.nodes.len()),
            roster: Arc::new(empty_roster(graph, &policy)),
            authority,
            walks,
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
        let mut shifted = BTreeSet::new();
        for &seat in seats.iter().filter(|_| holds(FoldRule::TouchedSeatsWalkAnew)) {
            let before = self.marked(graph, seat);
            self.mark(graph, seat, Mark::Clear);
            self.walks[seat] = walk(graph, &self.authority, scope, seat);
            self.mark(graph, seat, Mark::Set);
            shifted.extend(before.symmetric_difference(&self.marked(graph, seat)));
        }
        let mut people_change = !seats.is_empty();
        if new.iter().any(|&at| matches!(graph.nodes[at].deed, Deed::SetPolicy)) {
            self.policy = Arc::new(settings(graph, &self.authority));
            people_change = true;
        }
        if people_change {
            self.seat_people(graph, scope);
        }
        shifted.extend(new);
        Shift::Only(shifted)
    }

    /// The operations that are citable because of how a seat's walk went.
    fn marked(&self, graph: &Graph, seat: At) -> BTreeSet<At> {
        let walk = &self.walks[seat];
        let mut marked: BTreeSet<At> = walk.recognised.iter().copied().collect();
        let joins = walk.steps.iter().filter_map(|step| match step.took {
            Took::Join { join, .. } => Some(join),
            Took::Bump { .. } | Took::Transfer { .. } | Took::Reclaim { .. } => None,
        });
        for join in joins.chain(walk.contestants.iter().copied()) {
            marked.insert(join);
            marked.extend(&graph.chains[graph.nodes[join].chain].leaves);
        }
        marked
    }

    fn mark(&mut self, graph: &Graph, seat: At, mark: Mark) {
        let on = mark == Mark::Set;
        let walk = &self.walks[seat];
        for step in &walk.steps {
            if let Took::Join { join, .. } = step.took {
                self.on_path[graph.nodes[join].chain] = on;
            }
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
        let mut links: BTreeMap<(At, MemberKey), Option<Awaits>> = BTreeMap::new();
        for (number, (walk, cell)) in self.walks.iter().zip(&mut seats).enumerate() {
            let custody = graph.office_id(walk.custody);
            let out = walk.out;
            let End::Occupied { root, provisional } = walk.end else {
                *cell = SeatState::Free { out, custody };
                continue;
            };
            let chain = graph.nodes[root].chain;
            let mut person = self.person(graph, chain);
            *cell = SeatState::Occupied { mid: person.mid, out, custody, provisional };
            person.seat = Some(SeatNumber(u8::try_from(number).unwrap_or(u8::MAX)));
            person.anchored = !provisional;
            person.contested = walk.contested;
            person.duplicate = !taken.insert(person.key) && holds(FoldRule::OneSeatPerKey);
            person.awaits = if provisional { self.awaits(graph, scope, chain, walk, &mut links) } else { None };
            person.keyed = !person.duplicate && person.awaits.is_none();
            persons.insert(person.mid, person);
        }
        for &join in self.walks.iter().flat_map(|walk| &walk.contestants) {
            let chain = graph.nodes[join].chain;
            if !self.authority.is_gone(chain) {
                let mut person = self.person(graph, chain);
                person.contested = true;
                person.awaits = Some(Awaits::Contest);
                persons.entry(person.mid).or_insert(person);
            }
        }
        let mut roster = Roster::new(seats, persons, Arc::clone(&self.policy));
        if self.authority.is_frozen() {
            roster.freeze();
        }
        self.roster = Arc::new(roster);
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

/// Rule MB-Y2: per setting, of each office the latest honoured word; standing offices before ended ones, then the
/// most senior; if none, the Genesis.
fn settings(graph: &Graph, authority: &Authority) -> Policy {
    let mut latest: BTreeMap<(SettingKey, At), Word<'_>> = BTreeMap::new();
    for &at in graph.settings.iter().filter(|&&at| authority.honoured[at]) {
        let node = &graph.nodes[at];
        let (Some(office), Body::SetPolicy { sets }) = (node.office, &node.signed.operation().body) else { continue };
        for (key, value) in sets.iter().filter(|(_, value)| value.is_some() || holds(FoldRule::WordsAreWithdrawn)) {
            let word = (node.seq(), Reverse(node.id()), value.as_ref());
            let best = latest.entry((*key, office)).or_insert(word);
            if ((word.0, word.1) > (best.0, best.1)) == holds(FoldRule::LatestWord) {
                *best = word;
            }
        }
    }
    let mut strongest: BTreeMap<SettingKey, ((bool, At), &Setting)> = BTreeMap::new();
    for ((key, office), (_, _, value)) in latest {
        let Some(value) = value else { continue };
        let place = graph.offices[office].place;
        let place = if holds(FoldRule::SeniorWordsFirst) { place } else { graph.offices.len() - place };
        let rank = (!authority.stands(office) && holds(FoldRule::StandingWordsFirst), place);
        let best = strongest.entry(key).or_insert((rank, value));
        if rank < best.0 {
            *best = (rank, value);
        }
    }
    let mut values: BTreeMap<SettingKey, Setting> = BTreeMap::new();
    if let Body::Genesis { policy, .. } = &graph.nodes[0].signed.operation().body {
        values.extend(policy.iter().cloned());
    }
    values.extend(strongest.into_iter().map(|(key, (_, value))| (key, value.clone())));
    Policy::new(values)
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
