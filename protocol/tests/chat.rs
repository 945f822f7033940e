//! The main job on the public surface alone: found, join by a link, chat; removal, restart, a split and its healing.

use coterie_protocol::testing::party::Party;
use coterie_protocol::{Ban, Command, JoinState, Reply};

#[test]
fn three_people_found_join_by_a_link_and_read_each_other() {
    let mut party = Party::new(3);
    let group = party.found(0, "Harbour");
    let link = party.invite(0, group, 2);
    assert_eq!(party.join(1, &link), JoinState::Seated);
    assert_eq!(party.join(2, &link), JoinState::Seated);
    party.pass(3_000);
    for who in 0..3 {
        assert_eq!(party.seats(who, &group), 3, "seen by {who}");
        assert_eq!(party.hosts[who].account.group(&group).unwrap().online, 2, "seen by {who}");
    }
    for (who, text) in [(0, "one"), (1, "two, @Ana #x"), (2, "three")] {
        assert!(matches!(party.say(who, group, text), Reply::Saved(_)));
        party.pass(1_000);
    }
    for who in 0..3 {
        assert_eq!(party.texts(who, &group), ["one", "two, @Ana #x", "three"], "seen by {who}");
    }
}

#[test]
fn a_member_lets_a_newcomer_in_while_the_inviter_is_away() {
    let mut party = Party::new(3);
    let group = party.found(0, "Harbour");
    let both = party.invite(0, group, 1);
    assert_eq!(party.join(1, &both), JoinState::Seated);
    let link = party.invite(0, group, 1);
    party.pass(2_000);
    party.stop(0);
    let address = coterie_protocol::testing::party::address(1);
    let short = coterie_protocol::InviteLink::parse(&link.to_short()).unwrap();
    let command = Command::Join {
        link: short,
        name: String::new(),
        via: vec![address],
        consent: coterie_protocol::Consent::Given,
    };
    party.ask(2, command).unwrap();
    party.pass(5_000);
    assert_eq!(party.hosts[2].account.joins()[0].state, JoinState::Seated);
    party.say(2, group, "in without Ana");
    party.pass(1_000);
    assert_eq!(party.texts(1, &group), ["in without Ana"]);
    party.start(0);
    party.pass(60_000);
    assert_eq!(party.texts(0, &group), ["in without Ana"]);
    assert_eq!(party.seats(0, &group), 3);
}

#[test]
fn a_removed_member_reads_nothing_that_is_sent_afterwards() {
    let mut party = Party::new(3);
    let group = party.found(0, "Harbour");
    let link = party.invite(0, group, 2);
    party.join(1, &link);
    party.join(2, &link);
    party.pass(3_000);
    party.say(1, group, "before");
    party.pass(1_000);
    let cy = party.hosts[0].account.members(&group).unwrap().into_iter().find(|member| member.name == "Cy").unwrap();
    party.ask(0, Command::Remove { group, member: cy.id, ban: Ban::No }).unwrap();
    party.pass(1_000);
    party.say(0, group, "after, by Ana");
    party.say(1, group, "after, by Ben");
    party.pass(60_000);
    assert_eq!(party.texts(1, &group), ["before", "after, by Ana", "after, by Ben"]);
    assert_eq!(party.texts(2, &group), ["before"]);
    assert_eq!(party.hosts[2].account.group(&group).unwrap().state, coterie_protocol::GroupState::Removed);
}

#[test]
fn two_halves_go_on_and_converge_after_healing() {
    let mut party = Party::new(4);
    let group = party.found(0, "Harbour");
    let link = party.invite(0, group, 3);
    (1..4).for_each(|who| assert_eq!(party.join(who, &link), JoinState::Seated));
    party.pass(5_000);
    party.split(&[0, 1], &[2, 3]);
    party.pass(40_000);
    party.say(0, group, "left");
    party.say(3, group, "right");
    party.pass(10_000);
    assert_eq!(party.texts(1, &group), ["left"]);
    assert_eq!(party.texts(2, &group), ["right"]);
    party.heal();
    party.pass(120_000);
    let expected = party.texts(0, &group);
    assert_eq!(expected.len(), 2, "{expected:?}");
    (1..4).for_each(|who| assert_eq!(party.texts(who, &group), expected, "seen by {who}"));
}

#[test]
fn a_restarted_member_goes_on_where_it_was() {
    let mut party = Party::new(2);
    let group = party.found(0, "Harbour");
    let link = party.invite(0, group, 1);
    party.join(1, &link);
    party.pass(2_000);
    party.say(0, group, "one");
    party.say(1, group, "two");
    party.pass(1_000);
    party.stop(0);
    party.say(1, group, "while you were away");
    party.start(0);
    party.pass(60_000);
    party.say(0, group, "back");
    party.pass(2_000);
    for who in 0..2 {
        assert_eq!(party.texts(who, &group), ["one", "two", "while you were away", "back"], "seen by {who}");
    }
}

#[test]
fn e_36_what_a_newcomer_says_at_once_is_read_by_everybody() {
    let mut party = Party::new(4);
    let group = party.found(0, "Harbour");
    let link = party.invite(0, group, 3);
    party.join(1, &link);
    party.join(2, &link);
    party.pass(5_000);
    let link = coterie_protocol::InviteLink::parse(&link.to_long()).unwrap();
    let consent = coterie_protocol::Consent::Given;
    party.ask(3, Command::Join { link, name: String::new(), via: Vec::new(), consent }).unwrap();
    party.say(3, group, "hello all, at once");
    party.pass(10_000);
    for who in 0..3 {
        assert_eq!(party.texts(who, &group), ["hello all, at once"], "seen by {who}");
    }
}
