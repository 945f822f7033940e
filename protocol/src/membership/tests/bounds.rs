//! What is bounded: the pool beside the document, what waits, what an INTRODUCE or an entry may bring in, the log.

use super::cast::*;
use crate::limits::{
    INTRODUCE_OPERATIONS_MAX, OPERATIONS_MAX, POOL_PER_ISSUER_MAX, WAITING_PEERS_MAX, WAITING_PER_PEER_BYTES_MAX,
    WAITING_PER_PEER_MAX,
};
use crate::membership::waiting::Waiting;
use alloc::collections::BTreeSet;
use alloc::sync::Arc;

/// Joins by tickets of `by` for outputs that nobody knows.
fn junk(town: &mut Town, by: &Person, count: usize) -> Vec<SignedOperation> {
    let pairs: Vec<(SeatNumber, Output)> = (4..6).map(|seat| (SeatNumber(seat), Output([seat; 32]))).collect();
    let link = town.link_for(by, &pairs, &Says::default());
    (0..count).map(|n| town.draft_join(&Person::new(&alloc::format!("junk{n}")), &link, n % 2)).collect()
}

#[test]
fn r_33_the_pool_drops_the_oldest_and_what_rests_on_it_and_forgets_nothing_that_counts() {
    let (mut town, mut cast) = opening();
    town.seat(&cast.a, &mut cast.x, 8);
    let before = town.log.state_hash();
    let heads = town.log.citable_heads().clone();
    let joins = junk(&mut town, &cast.d, POOL_PER_ISSUER_MAX + 1);
    // What rests on the first of them goes with it.
    let child = {
        let mut joiner = Person::new("junk0");
        joiner.mid = joins[0].id().into();
        town.log.admit(joins[0].bytes());
        let leave = town.log.draft(&joiner.mid, &joiner.keys(), Body::Leave { heirs: vec![], cuts: vec![] }, 4, None);
        town.log.admit(leave.bytes());
        leave.id()
    };
    town.log.admit_batch(joins[1..].iter().map(SignedOperation::bytes));
    let kept = joins.iter().filter(|signed| town.log.knows(&signed.id())).count();
    assert!(kept <= POOL_PER_ISSUER_MAX, "{kept} are kept");
    assert!(!town.log.knows(&joins[0].id()) && !town.log.knows(&child), "the oldest goes, and what rests on it");
    assert!(town.log.knows(&joins[joins.len() - 1].id()), "the newest stays");
    assert_eq!((town.log.state_hash(), town.log.citable_heads()), (before, &heads));
    let admitted = town.log.operations().count();
    assert!(town.log.log.graph.nodes.iter().all(|node| !node.names.iter().any(|&name| name >= town.log.len())));
    // What was dropped may come again, and an honoured word for one brings it in whole.
    assert!(matches!(town.log.admit(joins[0].bytes()), Admission::Pooled(_)));
    town.write(&cast.a, Body::Confirm { join: joins[0].id() });
    assert_eq!(town.log.operations().count(), admitted + 2);
    check_past_of_heads(&town);
}

#[test]
fn at_74_mb_l05_what_waits_is_bounded_per_peer_in_number_bytes_and_peers() {
    let (town, cast) = opening();
    let mut waiting = Waiting::default();
    let missing = vec![OperationId([1; 32])];
    let draft = |n: usize| {
        let text = Setting::Text(alloc::format!("{n}"));
        let body = Body::SetPolicy { sets: vec![(setting::NAME, Some(text))] };
        Arc::new(town.log.draft(&cast.a.mid, &cast.a.keys(), body, 1, cast.a.office))
    };
    let first = draft(0);
    let peer = |n: u8| Some(MemberKey([n; 32]));
    for n in 0..=WAITING_PER_PEER_MAX {
        waiting.hold(draft(n), peer(1), missing.clone());
    }
    assert_eq!(waiting.ids().count(), WAITING_PER_PEER_MAX);
    assert!(waiting.missing(&first.id()).is_none(), "the oldest went");
    for n in 0..=u8::try_from(WAITING_PEERS_MAX).unwrap() {
        waiting.hold(draft(1_000 + usize::from(n)), peer(n), missing.clone());
    }
    assert!(waiting.ids().count() <= WAITING_PEERS_MAX, "the peer that came first lost its operations");
    let largest = 2_048;
    assert!(WAITING_PER_PEER_MAX * largest <= WAITING_PER_PEER_BYTES_MAX, "so the bound in bytes never bites first");
    assert_eq!(waiting.take(&missing[0]).len(), WAITING_PEERS_MAX);
    assert_eq!(waiting.ids().count(), 0);
}

#[test]
fn r_33_an_introduction_that_seats_nobody_leaves_no_trace() {
    let (mut town, mut cast) = opening();
    let mut other = town.split();
    let link = link(&mut other, &cast.b, &[4]);
    other.join(&mut cast.m, &link, 0);
    let news: Vec<Vec<u8>> =
        other.log.known().filter(|op| !town.log.knows(&op.id())).map(|op| op.bytes().to_vec()).collect();
    let before = (town.log.len(), town.log.state_hash());
    let stranger = Person::new("stranger").key();
    assert!(town.log.introduce(news.iter().map(Vec::as_slice), &stranger).is_err());
    assert_eq!((town.log.len(), town.log.state_hash()), before);
    assert!(town.log.introduce(news.iter().map(Vec::as_slice), &cast.m.key()).is_ok());
    assert!(town.is_keyed(&cast.m));
    assert_eq!(town.log.take_admitted().last(), Some(&cast.m.mid.into()));
}

#[test]
fn r_33_an_introduction_brings_at_most_64_operations() {
    let (mut town, mut cast) = opening();
    let mut other = town.split();
    for n in 0..INTRODUCE_OPERATIONS_MAX {
        other.set(&cast.a, setting::NAME, Some(Setting::Text(alloc::format!("{n}"))));
    }
    let link = link(&mut other, &cast.b, &[4]);
    other.join(&mut cast.m, &link, 0);
    let known: BTreeSet<OperationId> = town.log.known().map(SignedOperation::id).collect();
    let news: Vec<Vec<u8>> =
        other.log.known().filter(|op| !known.contains(&op.id())).map(|op| op.bytes().to_vec()).collect();
    assert_eq!(news.len(), INTRODUCE_OPERATIONS_MAX + 1);
    assert!(town.log.introduce(news.iter().map(Vec::as_slice), &cast.m.key()).is_err());
    assert!(town.log.introduce(news[1..].iter().map(Vec::as_slice), &cast.m.key()).is_err(), "its past is not whole");
}

#[test]
fn r_35_an_entry_sets_free_at_most_its_bound_also_below_one_head() {
    let (mut town, cast) = opening();
    let joins = junk(&mut town, &cast.d, 1);
    town.log.admit(joins[0].bytes());
    let mut below = joins[0].id();
    let link = town.link_for(&cast.d, &[(SeatNumber(4), Output([1; 32]))], &Says::default());
    for n in 0..9 {
        let next = town.forge_join(&Person::new(&alloc::format!("deep{n}")), &link, 0, &[below]);
        assert!(matches!(town.log.admit(next.bytes()), Admission::Pooled(_)));
        below = next.id();
    }
    let heads = Heads::new(vec![below]);
    assert_eq!(town.log.release_cited(&heads, 4), 4);
    assert!(town.log.is_admitted(&joins[0].id()) && !town.log.is_admitted(&below), "the oldest first");
    assert_eq!(town.log.release_cited(&heads, 4), 4);
    assert_eq!(town.log.release_cited(&heads, 4), 2);
    assert!(town.log.is_admitted(&below));
    assert_eq!(town.log.release_cited(&heads, 4), 0);
    let records: Vec<Vec<u8>> = town.log.operations().map(|signed| signed.bytes().to_vec()).collect();
    assert_eq!(Membership::<SEATS>::restore(records).unwrap().state_hash(), town.log.state_hash());
}

/// The number of operations in the document is what counts here, so the graph is filled without signatures.
#[test]
fn mb_l07_beyond_20_000_operations_newcomers_wait_for_an_offices_word() {
    let (mut town, mut cast) = opening();
    assert_eq!(town.log.size(), LogSize::Usual);
    let link = link(&mut town, &cast.b, &[4]);
    let join = town.draft_join(&cast.m, &link, 0);
    let template = town.log.draft(&cast.a.mid, &cast.a.keys(), Body::SetPolicy { sets: vec![] }, 5, cast.a.office);
    let filler = Arc::new(template);
    town.log.admit(filler.bytes());
    let graph = &mut town.log.log.graph;
    while graph.nodes.len() <= 5_000 {
        graph.insert(Arc::clone(&filler), None);
    }
    assert_eq!(town.log.size(), LogSize::Large);
    let graph = &mut town.log.log.graph;
    while graph.nodes.len() <= OPERATIONS_MAX {
        graph.insert(Arc::clone(&filler), None);
    }
    assert_eq!(town.log.size(), LogSize::Full);
    assert_eq!(town.log.admit_from(Some(cast.d.key()), [join.bytes()]), [Admission::Pooled(join.id())]);
    cast.m.mid = join.id().into();
    assert!(!town.is_in(&cast.m));
    let leave = town.log.draft(&cast.d.mid, &cast.d.keys(), Body::Leave { heirs: vec![], cuts: vec![] }, 6, None);
    assert_eq!(town.log.admit_from(Some(cast.c.key()), [leave.bytes()]), [Admission::Admitted(leave.id())]);
    let prev = town.tip(&cast.b);
    let confirm = town.forge(&cast.b, prev, &[join.id()], Body::Confirm { join: join.id() });
    assert_eq!(town.log.admit_from(Some(cast.c.key()), [confirm.bytes()]), [Admission::Admitted(confirm.id())]);
    assert!(town.is_keyed(&cast.m), "what an office speaks for is never refused for its number (R-33)");
    assert!(town.log.is_admitted(&join.id()));
}

listed![
    r_33_the_pool_drops_the_oldest_and_what_rests_on_it_and_forgets_nothing_that_counts,
    at_74_mb_l05_what_waits_is_bounded_per_peer_in_number_bytes_and_peers,
    r_33_an_introduction_that_seats_nobody_leaves_no_trace,
    r_33_an_introduction_brings_at_most_64_operations,
    r_35_an_entry_sets_free_at_most_its_bound_also_below_one_head,
    mb_l07_beyond_20_000_operations_newcomers_wait_for_an_offices_word,
];
