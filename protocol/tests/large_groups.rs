//! Groups in which not everybody is linked with everybody (N-601 to N-605): links stay few, and halves that were apart
//! find each other again.

use coterie_protocol::testing::party::Party;
use coterie_protocol::{Command, GroupId, JoinState};

const PEOPLE: u8 = 26;

/// So many that the half of them is a large group, too (13 others).
fn crowd() -> (Party, GroupId) {
    let (mut party, group) = Party::with_group(PEOPLE, PEOPLE);
    party.pass(300_000);
    (party, group)
}

fn everyone() -> std::ops::Range<usize> {
    0..usize::from(PEOPLE)
}

/// Who lacks one of these texts.
fn lacking(party: &Party, group: &GroupId, texts: &[&str]) -> Vec<usize> {
    let lacks = |who: &usize| {
        let read = party.texts(*who, group);
        texts.iter().any(|text| !read.iter().any(|line| line == text))
    };
    everyone().filter(lacks).collect()
}

fn link_counts(party: &Party) -> Vec<usize> {
    everyone().map(|who| party.linked(who).len()).collect()
}

#[test]
fn n_605_two_halves_of_a_large_group_find_each_other_within_half_a_minute() {
    let (mut party, group) = crowd();
    let (left, right): (Vec<usize>, Vec<usize>) = everyone().partition(|who| who % 2 == 0);
    party.split(&left, &right);
    party.pass(600_000);
    party.say(0, group, "from the left");
    party.say(1, group, "from the right");
    party.pass(10_000);
    assert!(left.iter().all(|&who| party.linked(who).iter().all(|other| left.contains(other))));
    assert_eq!((party.texts(2, &group).len(), party.texts(3, &group).len()), (1, 1));
    party.heal();
    party.pass(40_000);
    assert_eq!(lacking(&party, &group, &["from the left", "from the right"]), [0; 0], "{:?}", link_counts(&party));
}

#[test]
fn n_601_everybody_keeps_about_eight_links_and_every_word_arrives() {
    let (mut party, group) = crowd();
    party.say(3, group, "hello all");
    party.pass(5_000);
    assert_eq!(lacking(&party, &group, &["hello all"]), [0; 0], "{:?}", link_counts(&party));
    let links = link_counts(&party);
    assert!(links.iter().all(|&count| (6..25).contains(&count)), "{links:?}");
    let all: usize = links.iter().sum();
    assert!(all < 16 * links.len(), "{links:?}");
    let online: Vec<u32> = everyone().map(|who| party.hosts[who].account.group(&group).unwrap().online).collect();
    assert!(online.iter().all(|&count| count == u32::from(PEOPLE) - 1), "N-503: {online:?}");
}

#[test]
fn n_602_who_loses_its_neighbours_has_others_within_seconds() {
    let (mut party, group) = crowd();
    let gone = party.linked(0);
    let gone: Vec<usize> = gone.into_iter().take(10).collect();
    gone.iter().for_each(|&who| party.stop(who));
    party.pass(5_000);
    let left = party.linked(0).len();
    assert!(left >= 6, "{left} links");
    party.say(0, group, "still here");
    party.pass(5_000);
    let present = everyone().filter(|who| !gone.contains(who));
    let left_out: Vec<usize> = present.filter(|&who| party.texts(who, &group) != ["still here"]).collect();
    assert_eq!(left_out, [0; 0], "{:?}", link_counts(&party));
    // Who comes back is found, and reads on.
    gone.iter().for_each(|&who| party.start(who));
    party.pass(60_000);
    assert_eq!(lacking(&party, &group, &["still here"]), [0; 0], "{:?}", link_counts(&party));
}

#[test]
fn n_601_after_everybody_started_anew_words_go_round_and_links_are_few() {
    let (mut party, group) = crowd();
    everyone().skip(1).for_each(|who| party.stop(who));
    everyone().skip(1).for_each(|who| party.start(who));
    party.pass(600_000);
    let links = link_counts(&party);
    assert!(links.iter().all(|&count| (6..25).contains(&count)), "{links:?}");
    party.say(25, group, "and all are here");
    party.pass(5_000);
    assert_eq!(lacking(&party, &group, &["and all are here"]), [0; 0], "{links:?}");
}

#[test]
fn two_small_groups_with_many_people_in_all_are_both_linked() {
    let mut party = Party::new(15);
    let group = |party: &mut Party, name: &str, who: std::ops::Range<usize>| {
        let group = party.found(0, name);
        let link = party.invite(0, group, 10);
        who.for_each(|who| assert_eq!(party.join(who, &link), JoinState::Seated));
        group
    };
    let first = group(&mut party, "Harbour", 1..8);
    let second = group(&mut party, "Newsroom", 8..15);
    party.pass(60_000);
    party.stop(0);
    party.start(0);
    party.pass(60_000);
    assert_eq!(party.linked(0).len(), 14);
    party
        .ask(
            0,
            Command::Send { group: first, text: "one".into(), reply_to: None, location: None, attachments: Vec::new() },
        )
        .unwrap();
    party
        .ask(
            0,
            Command::Send {
                group: second,
                text: "two".into(),
                reply_to: None,
                location: None,
                attachments: Vec::new(),
            },
        )
        .unwrap();
    party.pass(5_000);
    assert!((1..8).all(|who| party.texts(who, &first) == ["one"]));
    assert!((8..15).all(|who| party.texts(who, &second) == ["two"]));
}
