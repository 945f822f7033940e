//! Who can move whom: P8, P9, P12, P14–P16, P24, decided mechanically from the paths of two folds.

use super::cast::*;
use crate::membership::authority::{Authority, Bar, Scope};
use crate::membership::graph::{At, Deed, Graph, TouchKind};
use crate::membership::seats::{End, Step, Took, Walk, walk};
use crate::membership::table::Table;
use crate::testing::histories::{History, Manners};
use alloc::collections::BTreeSet;
use fold::Fold;

const WORLD: usize = 6;
type World = Membership<WORLD>;

fn operations(seed: u64, manners: Manners, steps: usize) -> Vec<Vec<u8>> {
    let mut history = History::<WORLD>::new(seed, manners).unwrap();
    history.run(steps);
    history.operations()
}

fn folded(seed: u64, manners: Manners) -> World {
    World::restore(operations(seed, manners, 60)).unwrap()
}

fn path_joins(walk: &Walk) -> Vec<At> {
    let join = |step: &Step| if let Took::Join { join, .. } = step.took { Some(join) } else { None };
    walk.steps.iter().filter_map(join).collect()
}

fn custodies(walk: &Walk) -> BTreeSet<At> {
    walk.steps.iter().map(|step| step.custody).chain([walk.custody]).collect()
}

fn occupant(walk: &Walk) -> Option<(At, bool)> {
    if let End::Occupied { root, provisional } = walk.end { Some((root, provisional)) } else { None }
}

fn word(took: Took) -> Option<At> {
    match took {
        Took::Join { by, .. } => by,
        Took::Bump { by } | Took::Transfer { by } | Took::Reclaim { by } => Some(by),
    }
}

/// The fold of all but some operations, which others may go on naming.
fn without(log: &World, gone: impl Fn(At) -> bool) -> Fold<WORLD> {
    let marks: Table<bool> = (0..log.log.graph.nodes.len()).map(|at| !gone(at)).collect();
    Fold::batch(&log.log.graph, Scope::Marked(&marks))
}

/// Why the path of a seat goes elsewhere in a larger log, where it first does.
#[derive(Debug, PartialEq, Eq)]
enum Why {
    Status,
    Unanchored,
    BeyondAPin,
    Front,
}

/// Rule P8: everybody who sat in a part of the log and doesn't in the whole lost the seat in one of four ways.
pub(super) fn check_evictions<const S: usize>(
    part: &Membership<S>,
    whole: &Membership<S>,
    manners: Manners,
    seed: u64,
) {
    for (seat, (before, after)) in part.log.fold.walks.iter().zip(whole.log.fold.walks.iter()).enumerate() {
        let Some((root, _)) = occupant(before) else { continue };
        let mid = part.log.graph.chains[part.log.graph.nodes[root].chain].mid;
        let stays = occupant(after).is_some_and(|(root, _)| whole.log.graph.nodes[root].signed.mid() == mid);
        if stays {
            continue;
        }
        let why = displacement(part, whole, before, after);
        let why =
            why.unwrap_or_else(|| panic!("seed {seed}, seat {seat}: displaced without a reason\n{}", whole.listing()));
        assert!(
            manners == Manners::Hostile || why != Why::Front || involves_two_offices((part, before), (whole, after)),
            "seed {seed}, seat {seat}: an honest custodian spent an output twice\n{}",
            whole.listing()
        );
    }
}

fn displacement<const S: usize>(
    part: &Membership<S>,
    whole: &Membership<S>,
    before: &Walk,
    after: &Walk,
) -> Option<Why> {
    let (small, large) = (&part.log, &whole.log);
    let there = |at: At| large.graph.find(&small.graph.nodes[at].id()).unwrap();
    for (n, old) in before.steps.iter().enumerate() {
        let Some(new) = after.steps.get(n) else {
            // The larger log has nothing that consumes this output.
            let still_free = after.end == End::Free && after.out == old.out;
            return still_free.then_some(if word(old.took).is_none() { Why::Unanchored } else { Why::BeyondAPin });
        };
        if new.out != old.out {
            return None;
        }
        let same = doing(part, old.took) == doing(whole, new.took);
        if same {
            if let Took::Join { join, .. } = old.took {
                let (gone, now) = (small.graph.nodes[join].chain, large.graph.nodes[there(join)].chain);
                if small.fold.authority.is_gone(gone) != large.fold.authority.is_gone(now) {
                    return Some(Why::Status);
                }
            }
            continue;
        }
        let Some(by) = word(old.took) else { return Some(Why::Unanchored) };
        let void = !large.fold.authority.honoured[there(by)];
        let heirless = match large.graph.nodes[there(by)].deed {
            Deed::Transfer { to } => !large.fold.authority.exists(to),
            Deed::Reclaim { after: Some(_) } => true,
            _ => false,
        };
        return Some(if void || heirless { Why::BeyondAPin } else { Why::Front });
    }
    // The path went on where it ended before: only a gone occupant lets it.
    None
}

/// Whether the words that decided where the paths part are of different offices, or one is a bare ticket's.
fn involves_two_offices<const S: usize>(
    (part, before): (&Membership<S>, &Walk),
    (whole, after): (&Membership<S>, &Walk),
) -> bool {
    let office = |log: &Membership<S>, took: Took| {
        let graph = &log.log.graph;
        word(took).and_then(|by| graph.nodes[by].office).map(|office| graph.office_id(office))
    };
    let parting =
        before.steps.iter().zip(&after.steps).find(|(old, new)| doing(part, old.took) != doing(whole, new.took));
    parting.is_some_and(|(old, new)| match (office(part, old.took), office(whole, new.took)) {
        (Some(old), Some(new)) => old != new,
        (None, _) | (_, None) => true,
    })
}

/// What a step did, whoever's word it was (several offices may say the same).
fn doing<const S: usize>(log: &Membership<S>, took: Took) -> (u8, Option<OperationId>) {
    let id = |at: At| Some(log.log.graph.nodes[at].id());
    match took {
        Took::Join { join, .. } => (0, id(join)),
        Took::Bump { .. } => (1, None),
        Took::Transfer { by } | Took::Reclaim { by } => (2, id(by)),
    }
}

#[test]
fn p08_whoever_is_evicted_by_a_merge_has_one_of_four_reasons() {
    for seed in 2_000..2_030 {
        for manners in [Manners::Honest, Manners::Hostile] {
            let mut history = History::<WORLD>::new(seed, manners).unwrap();
            history.run(60);
            let parts: Vec<World> = history.sides.iter().map(|side| side.log.fork()).collect();
            history.heal();
            for part in &parts {
                check_evictions(part, &history.sides[0].log, manners, seed);
            }
        }
    }
}

#[test]
fn p09_what_an_office_does_changes_no_senior_office_of_somebody_else() {
    for seed in 2_100..2_125 {
        let log = folded(seed, Manners::Hostile);
        let (graph, fold) = (&log.log.graph, &log.log.fold);
        for office in 1..graph.offices.len() {
            let less = without(&log, |at| graph.nodes[at].office == Some(office)).authority;
            for (other, entry) in graph.offices.iter().enumerate() {
                if graph.is_senior(other, office) && entry.holder != graph.offices[office].holder {
                    let same = (less.exists(other), less.stands(other));
                    assert_eq!(same, (fold.authority.exists(other), fold.authority.stands(other)), "seed {seed}");
                }
            }
        }
    }
}

/// A void Bump may show the form of an output (MB-S2); nothing else of what lies beyond a pin is seen.
#[test]
fn p12_what_lies_beyond_a_pin_changes_nothing() {
    let mut seen = 0;
    for seed in 2_200..2_225 {
        let log = folded(seed, Manners::Hostile);
        let (graph, fold) = (&log.log.graph, &log.log.fold);
        let void = |at: At| {
            let pinned =
                graph.nodes[at].office.is_some_and(|office| matches!(fold.authority.bars[office], Bar::Upto(_)));
            pinned && !fold.authority.honoured[at] && !fold.cites(graph, at)
        };
        seen += (0..graph.nodes.len()).filter(|&at| void(at)).count();
        let less = without(&log, void);
        assert_eq!(less.authority.bars, fold.authority.bars, "seed {seed}");
        assert_eq!(less.walks, fold.walks, "seed {seed}");
        assert_eq!(less.roster, fold.roster, "seed {seed}");
    }
    assert!(seen > 20, "the histories hold such operations");
}

/// One act after the other: what it was, and the folds before and after it.
fn each_act(seeds: core::ops::Range<u64>, mut check: impl FnMut(u64, &Graph, At, &Fold<WORLD>, &Fold<WORLD>)) {
    for seed in seeds {
        let log = folded(seed, Manners::Hostile);
        let graph = &log.log.graph;
        let mut marks = Table::filled(false, graph.nodes.len());
        marks[0] = true;
        let mut before = Fold::<WORLD>::batch(graph, Scope::Marked(&marks));
        for at in 1..graph.nodes.len() {
            marks[at] = true;
            let after = Fold::batch(graph, Scope::Marked(&marks));
            check(seed, graph, at, &before, &after);
            before = after;
        }
    }
}

/// Whether somebody of a path went or came back.
fn status_moved(graph: &Graph, walks: [&Walk; 2], before: &Authority, after: &Authority) -> bool {
    walks.into_iter().flat_map(path_joins).any(|join| {
        let chain = graph.nodes[join].chain;
        before.is_gone(chain) != after.is_gone(chain)
    })
}

/// Custody means that of any output on the path: the custodian of an earlier one comes first there (MB-S3).
#[test]
fn p14_an_anchored_occupant_is_displaced_by_custodians_seniors_or_an_end_only() {
    each_act(2_300..2_325, |seed, graph, at, before, after| {
        for (old, new) in before.walks.iter().zip(after.walks.iter()) {
            let Some((root, false)) =
                occupant(old).filter(|_| occupant(old).map(|o| o.0) != occupant(new).map(|o| o.0))
            else {
                continue;
            };
            let (node, sat) = (&graph.nodes[at], graph.nodes[root].chain);
            let own_leave = node.chain == sat && matches!(node.deed, Deed::Leave { .. });
            let ended = after.authority.is_removed(sat) || after.authority.is_banned(sat);
            let came_back = status_moved(graph, [old, old], &before.authority, &after.authority);
            let least = custodies(old).into_iter().max_by_key(|&office| graph.offices[office].place).unwrap();
            let rules = graph.chains[node.chain].offices.iter().any(|&office| !graph.is_senior(least, office));
            assert!(own_leave || ended || came_back || rules, "seed {seed}: {:?}", node.deed);
            assert!(
                own_leave || !graph.chains[node.chain].offices.is_empty(),
                "seed {seed}: by somebody without office"
            );
        }
    });
}

#[test]
fn p15_people_without_office_change_their_own_seats_and_their_links_only() {
    let mut seen = 0;
    each_act(2_400..2_425, |seed, graph, at, before, after| {
        let node = &graph.nodes[at];
        if node.office.is_some() || !graph.chains[node.chain].offices.is_empty() {
            return;
        }
        seen += 1;
        assert_eq!(before.authority.bars, after.authority.bars, "seed {seed}");
        let honoured = |fold: &Fold<WORLD>| fold.authority.honoured.clone();
        assert_eq!(honoured(before), honoured(after), "seed {seed}");
        let own = graph.join_of(node.chain).unwrap();
        for (seat, (old, new)) in before.walks.iter().zip(after.walks.iter()).enumerate() {
            if seat == usize::from(own.seat.0) {
                let anchored =
                    occupant(old).filter(|(root, provisional)| !provisional && graph.nodes[*root].chain != node.chain);
                assert!(anchored.is_none() || occupant(new) == anchored, "seed {seed}");
            } else {
                assert_eq!(old, new, "seed {seed}");
            }
        }
        for was in before.roster.persons().filter(|was| was.key != own.pk && was.seat != Some(own.seat)) {
            let now = after.roster.person(&was.mid);
            let same = now.is_some_and(|now| now.keyed == was.keyed && now.awaits == was.awaits);
            let by_link = !was.anchored && was.issuer == Some(own.terms.issuer);
            assert!(same || by_link, "seed {seed}: {} changed", was.name);
        }
    });
    assert!(seen > 200, "the histories hold such operations");
}

#[test]
fn p16_an_office_reaches_only_what_is_its_own_or_its_juniors() {
    each_act(2_500..2_525, |seed, graph, at, before, after| {
        let Some(office) = graph.nodes[at].office else { return };
        for (other, (old, new)) in before.authority.bars.iter().zip(after.authority.bars.iter()).enumerate() {
            let own = graph.offices[other].holder == graph.offices[office].holder;
            assert!(old == new || own || graph.is_senior(office, other), "seed {seed}: a senior office moved");
        }
        let inherits = matches!(graph.nodes[at].deed, Deed::Reclaim { after: Some(_) });
        for (old, new) in before.walks.iter().zip(after.walks.iter()) {
            if old.steps == new.steps && old.end == new.end {
                continue;
            }
            let reach = custodies(old).union(&custodies(new)).any(|&custody| !graph.is_senior(custody, office));
            let person = status_moved(graph, [old, new], &before.authority, &after.authority);
            // What a junior's Reclaim had taken by inheritance moves with that junior.
            let through_juniors = old
                .steps
                .iter()
                .filter_map(|step| word(step.took))
                .any(|by| graph.nodes[by].office.is_some_and(|by| !graph.is_senior(by, office)));
            assert!(reach || person || inherits || through_juniors, "seed {seed}: {:?}", graph.nodes[at].deed);
        }
    });
}

/// The outputs on which a claim counts: its own, and what PROVENANCE adds.
fn claimed(graph: &Graph, seat: At, out: At) -> BTreeSet<Output> {
    let log = &graph.seats[seat];
    let (mut out, mut all) = (out, BTreeSet::from([log.outputs[out]]));
    while let Some(touch) =
        log.touches.iter().find(|touch| touch.next == out && matches!(touch.kind, TouchKind::Join | TouchKind::Bump))
    {
        out = touch.out;
        all.insert(log.outputs[out]);
    }
    all
}

#[test]
fn p24_a_claim_of_an_office_that_is_no_custodian_senior_or_heir_never_counts() {
    let mut seen = 0;
    for seed in 2_600..2_640 {
        let log = folded(seed, Manners::Hostile);
        let (graph, authority) = (&log.log.graph, &log.log.fold.authority);
        let all = Table::filled(true, graph.nodes.len());
        for (seat, entry) in graph.seats.iter().enumerate() {
            let path = &log.log.fold.walks[seat];
            for touch in entry.touches.iter().filter(|touch| authority.honoured[touch.node]) {
                let Some(office) = graph.nodes[touch.node].office else { continue };
                let outs = claimed(graph, seat, touch.out);
                let places = path.steps.iter().map(|step| (step.out, step.custody)).chain([(path.out, path.custody)]);
                let entitled = places.filter(|(out, _)| outs.contains(out)).any(|(_, custody)| {
                    let heir = matches!(graph.nodes[touch.node].deed, Deed::Reclaim { after: Some(after) }
                        if authority.inherits(graph, custody, office, after));
                    office == custody || graph.is_senior(office, custody) || heir
                });
                if entitled {
                    continue;
                }
                seen += 1;
                let mut less = authority.clone();
                less.honoured[touch.node] = false;
                let walked = walk(graph, &less, Scope::Marked(&all), seat);
                assert_eq!((walked.steps, walked.end), (path.steps.clone(), path.end), "seed {seed}");
            }
        }
    }
    assert!(seen > 20, "the histories hold such claims");
}

listed![
    p08_whoever_is_evicted_by_a_merge_has_one_of_four_reasons,
    p09_what_an_office_does_changes_no_senior_office_of_somebody_else,
    p12_what_lies_beyond_a_pin_changes_nothing,
    p14_an_anchored_occupant_is_displaced_by_custodians_seniors_or_an_end_only,
    p15_people_without_office_change_their_own_seats_and_their_links_only,
    p16_an_office_reaches_only_what_is_its_own_or_its_juniors,
    p24_a_claim_of_an_office_that_is_no_custodian_senior_or_heir_never_counts,
];
