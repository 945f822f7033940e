//! What the parser reads, what it refuses, and how it says so.

use super::super::{Act, Predicate, When};
use super::*;

const RACE: &str = r#"
scenario "two halves race"
seed 0x9f_3c
nodes 6
outsiders 2
group founder=n1 members=n1..n5 admins=n1,n4
link all latency=20..80ms loss=2%
link n1 -> n2 latency=1s rate=2kB/s
host n3 sync=20ms offset=+3h drift=-200
tie shuffle
limit time=10m quiesce=2m
at 10s  n1..n3 says "hi # there" every 5s for 2m as M
at 30s  split [n1..n3,x1] rest
at 40s  n1 invite x2 uses=3 as A ; n4 invite as B
at 45s  x1 join A.1 ; x2 join B       # a comment
at 1m   cut n3 -> n4 ; isolate n2 ; ring all ; graph 30%
at 90s  flap n2 on=3s off=4s for 30s ; swizzle n1..n3 for 1m
at 2m   kill n5 powercut ; clock n2 +3h ; slow n3 2kB/s ; disk n1 rot x3
at 3m   restart n5 ; restore n6 from 1m ; pause n2 for 30s ; crash n1 at=commit:7 during
at 4m   n1 removes n2 ban ; n4 promote n3 ; members say x2 size 4KiB
at 5m   heal ; behave n6 mutate ; dial x1 n1 x40 ; clock n1 set 1970-01-01
expect always members <= 7
expect by +40s converged
expect at end lost 0
expect at end refused x2 reason=link_used
expect some latency p99 < 2s
expect at 3m seen M.2 on n1..n3
"#;

#[test]
fn a_story_reads_and_what_it_prints_reads_back_as_itself() {
    let story = Scenario::parse(RACE).unwrap_or_else(|faults| panic!("{}", faults[0]));
    assert_eq!((story.nodes, story.outsiders, story.seed), (6, 2, 0x9f3c));
    assert!(story.timed.is_sorted_by_key(|timed| timed.at_us));
    assert!(story.timed.iter().any(|timed| matches!(timed.act, Act::Snapshot { .. }) && timed.at_us == 60_000_000));
    assert_eq!(story.expects.len(), 6);
    assert!(matches!(
        (story.expects[0].when, &story.expects[0].predicate),
        (When::Always, Predicate::Members { count: 7, .. })
    ));
    let printed = story.to_text();
    let again = Scenario::parse(&printed).unwrap_or_else(|faults| panic!("{}\n{printed}", faults[0]));
    let without_lines = |story: &Scenario| {
        let mut story = story.clone();
        story.timed.iter_mut().for_each(|timed| timed.line = 0);
        story.expects.iter_mut().for_each(|expect| expect.line = 0);
        story
    };
    assert_eq!(without_lines(&again).to_text(), printed);
    assert_eq!(without_lines(&again).timed, without_lines(&story).timed);
}

fn first_fault(text: &str) -> String {
    Scenario::parse(text).expect_err("it has a mistake")[0].show("race.scenario")
}

#[test]
fn scn_03_a_slip_of_a_verb_is_shown_with_its_place_and_the_nearest_verb() {
    let shown = first_fault("nodes 4\nat 30s  splt [n1,n2] rest\n");
    assert_eq!(
        shown,
        "race.scenario:2:9: SCN-03 unknown verb \"splt\"; did you mean \"split\"?\n  2 | at 30s  splt [n1,n2] rest\n    |         ^^^^"
    );
}

#[test]
fn every_kind_of_mistake_has_its_number() {
    let cases = [
        ("seed 1", "SCN-11"),
        ("nodes 4\nnodes 5", "SCN-12"),
        ("nodes 4\nat 1s n9 say", "SCN-06"),
        ("nodes 4\nat 1s split [n1,n2] [n2,n3,n4]", "SCN-07"),
        ("nodes 4\nat 1s split [n1,n2] n3", "SCN-07"),
        ("nodes 4\nat 1s n2 join A", "SCN-08"),
        ("nodes 4\nat 9s n1 invite as A\nat 1s n2 join A", "SCN-09"),
        ("nodes 4\nlimit time=1m\nat 2m heal", "SCN-10"),
        ("nodes 4\nlink all corrupt=1%", "SCN-13"),
        ("nodes 4\nat 1s n3..n1 say", "SCN-14"),
        ("nodes 4\ngroup cap=12", "SCN-16"),
        ("nodes 4\nat 1s n1 say \"open", "SCN-02"),
        ("nodes 4\nat soon heal", "SCN-05"),
        ("nodes 4\nexpect at end sen M on n1", "SCN-04"),
        ("nodes 4\nexpect at end refused n1 reason=link_usd", "did you mean \"link_used\"?"),
        ("nodes 4\nat 1s n1 edit M", "not in this release"),
    ];
    for (text, expected) in cases {
        let shown = first_fault(text);
        assert!(shown.contains(expected), "{text:?} gave {shown}");
    }
}

#[test]
fn several_mistakes_are_told_at_once_and_never_more_than_twenty() {
    let many = format!("nodes 2\n{}", "at 1s frobnicate\n".repeat(50));
    assert_eq!(Scenario::parse(&many).unwrap_err().len(), 20);
}
