//! Deeds in any order, summed up.

use alloc::string::ToString;
use alloc::vec;

use proptest::prelude::*;

use super::*;
use crate::timeline::order_key;

const POST: EntryId = EntryId([1; 32]);
const ANA: MembershipId = MembershipId([1; 32]);
const BEN: MembershipId = MembershipId([2; 32]);
const CLEO: MembershipId = MembershipId([3; 32]);

/// One deed: whose, when (its tick), on what.
fn deed(author: MembershipId, tick: u64, target: EntryId, deed: Deed) -> (u64, MembershipId, Annotation) {
    (tick, author, Annotation { target, deed, right: if author == CLEO { Right::Office } else { Right::Member } })
}

fn said(deeds: &[(u64, MembershipId, Annotation)]) -> Vec<Said<'_>> {
    let said = deeds.iter().map(|(tick, author, annotation)| {
        let entry = EntryId(core::array::from_fn(|n| if n < 8 { tick.to_be_bytes()[n] } else { author.0[0] }));
        Said { entry, order: order_key(*tick, &entry), author: *author, at_ms: *tick, annotation }
    });
    said.collect()
}

fn edit(text: &str) -> Deed {
    Deed::Edit { text: text.to_string() }
}

fn react((emoji, on): (&str, bool)) -> Deed {
    Deed::React { emoji: emoji.to_string(), on }
}

#[test]
fn cv_01_the_authors_latest_words_are_shown_and_the_earlier_ones_stay() {
    let deeds =
        [deed(ANA, 9, POST, edit("third")), deed(ANA, 5, POST, edit("second")), deed(BEN, 11, POST, edit("forged"))];
    let sum = aggregate((POST, ANA), said(&deeds));
    assert_eq!(sum.revisions.iter().map(|one| one.text.as_str()).collect::<Vec<_>>(), ["second", "third"]);
    assert_eq!(aggregate((EntryId([7; 32]), ANA), said(&deeds)), Aggregate::default(), "of another post");
}

#[test]
fn cv_03_taken_back_is_taken_back_whatever_else_is_done() {
    let by_other = [deed(BEN, 5, POST, Deed::Retract)];
    assert_eq!(aggregate((POST, ANA), said(&by_other)).retracted_by, None, "Ben is no organiser");
    let deeds = [
        deed(ANA, 9, POST, edit("but")),
        deed(BEN, 4, POST, react(("👍", true))),
        deed(CLEO, 8, POST, Deed::Retract),
        deed(ANA, 10, POST, Deed::Retract),
    ];
    let sum = aggregate((POST, ANA), said(&deeds));
    assert_eq!(sum, Aggregate { retracted_by: Some(CLEO), ..Aggregate::default() });
}

#[test]
fn cv_04_each_persons_last_word_on_each_emoji_counts() {
    let deeds = [
        deed(BEN, 5, POST, react(("👍", true))),
        deed(ANA, 6, POST, react(("🎉", true))),
        deed(CLEO, 7, POST, react(("👍", true))),
        deed(BEN, 8, POST, react(("👍", false))),
        deed(ANA, 9, POST, react(("🎉", false))),
    ];
    let sum = aggregate((POST, ANA), said(&deeds));
    assert_eq!(sum.reactions, [Reaction { emoji: "👍".into(), by: vec![CLEO] }]);
    let many: Vec<_> = (0..100).map(|n| deed(BEN, n, POST, react((&n.to_string(), true)))).collect();
    let shown = aggregate((POST, ANA), said(&many)).reactions;
    assert_eq!(shown.len(), limits::REACTIONS_SHOWN_MAX);
    assert_eq!(shown[0].emoji, "0", "those that came first");
}

#[test]
fn cv_05_fifty_pins_the_newest_first() {
    let target = |n: u8| EntryId([n; 32]);
    let mut deeds: Vec<_> = (0..60).map(|n| deed(CLEO, u64::from(n), target(n), Deed::Pin { on: true })).collect();
    deeds.push(deed(CLEO, 100, target(59), Deed::Pin { on: false }));
    deeds.push(deed(CLEO, 101, target(20), Deed::Pin { on: true }));
    deeds.push(deed(BEN, 102, target(3), Deed::Pin { on: true }));
    let pins = pinned(said(&deeds));
    assert_eq!(pins, (10..59).rev().map(target).collect::<Vec<_>>());
}

fn deeds() -> impl Strategy<Value = Vec<(u64, MembershipId, Annotation)>> {
    let who = prop_oneof![Just(ANA), Just(BEN), Just(CLEO)];
    let what = prop_oneof![
        "[a-c]".prop_map(|text| edit(&text)),
        Just(Deed::Retract),
        ("[👍🎉]", any::<bool>()).prop_map(|(emoji, on)| react((&emoji, on))),
        any::<bool>().prop_map(|on| Deed::Pin { on }),
    ];
    let target = prop_oneof![Just(POST), Just(EntryId([9; 32]))];
    prop::collection::vec((0_u64..20, who, target, what), 0..24)
        .prop_map(|all| all.into_iter().map(|(tick, who, target, what)| deed(who, tick, target, what)).collect())
        // Two entries of one author never share a tick (E-53).
        .prop_map(|mut all: Vec<(u64, MembershipId, Annotation)>| {
            all.sort_by_key(|(tick, who, _)| (*tick, *who));
            all.dedup_by_key(|(tick, who, _)| (*tick, *who));
            all
        })
}

proptest! {
    /// CO-3: the view is a function of the set.
    #[test]
    fn co_03_order_and_repetition_of_arrival_change_nothing(all in deeds(), seed in any::<u64>()) {
        let mut other = all.clone();
        let len = other.len().max(1);
        (0..other.len()).for_each(|n| other.swap(n, (usize::try_from(seed % 1_000_003).unwrap() * (n + 7)) % len));
        other.extend(all.iter().take(5).cloned());
        prop_assert_eq!(aggregate((POST, ANA), said(&all)), aggregate((POST, ANA), said(&other)));
        prop_assert_eq!(pinned(said(&all)), pinned(said(&other)));
    }

    /// AB-5: no doing of anybody else, organisers included, puts words into an author's mouth.
    #[test]
    fn ab_05_words_are_only_ever_their_authors(all in deeds()) {
        let own: Vec<_> = all.iter().filter(|(_, who, _)| *who == ANA).cloned().collect();
        let with_all = aggregate((POST, ANA), said(&all));
        let alone = aggregate((POST, ANA), said(&own));
        if with_all.retracted_by.is_none() {
            prop_assert_eq!(with_all.revisions, alone.revisions);
        }
    }
}
