//! What befalls a group, on the public surface alone: people come late, leave, are removed while they are away, use one
//! link twice, and computers stop at any moment.
#![expect(clippy::unwrap_used, clippy::panic, reason = "what is missing here ends the test")]

use coterie_protocol::testing::party::{Party, address};
use coterie_protocol::{
    AlertKind, Ban, Command, CommandError, Consent, Event, GroupId, GroupState, InviteLink, JoinState, LastOrganiser,
    Reply, RoleView,
};

fn join_via(party: &mut Party, who: usize, link: &InviteLink, via: u8) -> JoinState {
    let link = InviteLink::parse(&link.to_short()).unwrap();
    let command = Command::Join { link, name: String::new(), via: vec![address(via)], consent: Consent::Given };
    match party.ask(who, command) {
        Ok(Reply::Join(id)) => {
            party.pass(5_000);
            party.hosts[who].account.joins().into_iter().find(|join| join.id == id).unwrap().state
        }
        other => panic!("joining: {other:?}"),
    }
}

#[test]
fn a_newcomer_reads_nothing_from_before_it_came() {
    let mut party = Party::new(3);
    let group = party.found(0, "Harbour");
    let link = party.invite(0, group, 2);
    party.join(1, &link);
    party.pass(2_000);
    party.say(0, group, "before, by Ana");
    party.say(1, group, "before, by Ben");
    party.pass(2_000);
    assert_eq!(party.join(2, &link), JoinState::Seated);
    party.pass(60_000);
    assert!(party.texts(2, &group).is_empty(), "{:?}", party.texts(2, &group));
    party.say(0, group, "welcome");
    party.say(1, group, "hello");
    party.pass(2_000);
    assert_eq!(party.texts(2, &group), ["welcome", "hello"]);
}

#[test]
fn e_15_two_who_use_a_one_use_link_in_two_halves_are_mute_until_one_is_confirmed() {
    let mut party = Party::new(5);
    let group = party.found(0, "Harbour");
    let first = party.invite(0, group, 2);
    (1..3).for_each(|who| assert_eq!(party.join(who, &first), JoinState::Seated));
    let link = party.invite(0, group, 1);
    party.pass(40_000);
    party.stop(0);
    party.split(&[1, 3], &[2, 4]);
    assert_eq!(join_via(&mut party, 3, &link, 1), JoinState::Seated);
    assert_eq!(join_via(&mut party, 4, &link, 2), JoinState::Seated);
    party.heal();
    party.pass(120_000);
    for who in 1..5 {
        assert!(party.hosts[who].account.members(&group).unwrap().iter().any(|member| member.contested), "{who}");
    }
    assert_eq!([3, 4].map(|who| party.state(who, &group)), [GroupState::Waiting; 2]);
    let reply = party
        .ask(3, Command::Send { group, text: "mute".into(), reply_to: None, location: None, attachments: Vec::new() });
    assert!(!matches!(reply, Ok(Reply::Saved(_))), "{reply:?}");
    party.say(1, group, "not for the two");
    party.start(0);
    party.pass(120_000);
    assert_eq!([3, 4].map(|who| party.state(who, &group)), [GroupState::Waiting; 2], "nobody is confirmed by itself");
    let members = party.hosts[0].account.members(&group).unwrap();
    let chosen = members.into_iter().find(|member| member.contested).unwrap();
    party.ask(0, Command::Confirm { group, member: chosen.id }).unwrap();
    party.pass(120_000);
    let (won, lost) = if party.hosts[3].account.me() == chosen.key { (3, 4) } else { (4, 3) };
    assert_eq!(party.state(won, &group), GroupState::Member);
    assert_ne!(party.state(lost, &group), GroupState::Member);
    // What was said while mute is sealed now, if it was kept.
    let queued = usize::from(won == 3 && reply.is_ok());
    party.say(won, group, "here");
    party.say(0, group, "good");
    party.pass(60_000);
    assert_eq!(party.texts(won, &group)[queued..], ["here", "good"]);
    assert_eq!(party.texts(1, &group).last().unwrap(), "good");
    assert!(party.texts(lost, &group).is_empty());
}

#[test]
fn e_70_who_leaves_is_seen_to_leave_at_once_and_keeps_no_live_secret() {
    let (mut party, group) = Party::with_group(3, 3);
    party.say(1, group, "one");
    party.pass(2_000);
    party.ask(1, Command::Leave { group, last_organiser: LastOrganiser::Stays }).unwrap();
    party.pass(2_000);
    assert_eq!(party.state(1, &group), GroupState::Left);
    assert_eq!([0, 2].map(|who| party.seats(who, &group)), [2, 2]);
    let live = party.hosts[1].disk.keys().filter(|id| {
        use coterie_protocol::RecordId::{Chain, Leaf, Skipped};
        matches!(id, Chain { .. } | Leaf { .. } | Skipped { .. })
    });
    assert_eq!(live.count(), 0);
    party.say(0, group, "after");
    party.pass(60_000);
    assert_eq!(party.texts(2, &group), ["one", "after"]);
    assert_eq!(party.texts(1, &group), ["one"]);
    let refused = party
        .ask(1, Command::Send { group, text: "ghost".into(), reply_to: None, location: None, attachments: Vec::new() });
    assert!(refused.is_err());
    // What was left stays left after a restart, and the same person may come again by another link.
    party.stop(1);
    party.start(1);
    party.pass(60_000);
    assert_eq!(party.state(1, &group), GroupState::Left);
}

#[test]
fn e_70_who_leaves_alone_is_seen_to_have_left_when_it_is_reached_again() {
    let (mut party, group) = Party::with_group(3, 3);
    party.split(&[1], &[0, 2]);
    party.pass(20_000);
    party.ask(1, Command::Leave { group, last_organiser: LastOrganiser::Stays }).unwrap();
    assert_eq!(party.seats(0, &group), 3);
    party.heal();
    party.pass(300_000);
    assert_eq!([0, 2].map(|who| party.seats(who, &group)), [2, 2]);
}

#[test]
fn mb_d08_the_last_organiser_may_not_simply_go_and_a_second_one_makes_it_possible() {
    let (mut party, group) = Party::with_group(3, 3);
    let refused = party.ask(0, Command::Leave { group, last_organiser: LastOrganiser::Stays });
    assert!(matches!(refused, Err(CommandError::LastOrganiser)), "{refused:?}");
    let ben = party.member(0, &group, 1);
    party.ask(0, Command::Promote { group, member: ben }).unwrap();
    party.pass(2_000);
    party.ask(0, Command::Leave { group, last_organiser: LastOrganiser::Stays }).unwrap();
    party.pass(5_000);
    assert_eq!(party.state(0, &group), GroupState::Left);
    assert_eq!(party.state(1, &group), GroupState::Member);
    party.say(1, group, "my turn");
    party.pass(2_000);
    assert_eq!(party.texts(2, &group), ["my turn"]);
}

#[test]
fn mb_d11_a_new_admin_invites_and_a_demoted_one_no_longer_can() {
    let mut party = Party::new(4);
    let group = party.found(0, "Harbour");
    let link = party.invite(0, group, 2);
    (1..3).for_each(|who| assert_eq!(party.join(who, &link), JoinState::Seated));
    party.pass(2_000);
    let create = |uses| Command::CreateInvite { group, uses, not_after_ms: u64::MAX / 4 };
    assert!(matches!(party.ask(1, create(1)), Err(CommandError::NotAdmin)));
    let ben = party.member(0, &group, 1);
    party.ask(0, Command::Promote { group, member: ben }).unwrap();
    party.pass(5_000);
    let link = party.invite(1, group, 1);
    assert_eq!(party.join(3, &link), JoinState::Seated);
    party.pass(5_000);
    (0..4).for_each(|who| assert_eq!(party.seats(who, &group), 4, "seen by {who}"));
    party.ask(0, Command::Demote { group, member: ben }).unwrap();
    party.pass(5_000);
    assert!(matches!(party.ask(1, create(1)), Err(CommandError::NotAdmin)));
    let members = party.hosts[2].account.members(&group).unwrap();
    assert!(members.iter().any(|member| member.id == ben && member.role == RoleView::Member));
    party.say(1, group, "still here");
    party.pass(2_000);
    assert_eq!(party.texts(3, &group), ["still here"]);
}

#[test]
fn r_34_who_was_removed_while_away_learns_of_it_on_return_and_erases() {
    let (mut party, group) = Party::with_group(3, 3);
    party.stop(2);
    let cy = party.member(0, &group, 2);
    party.ask(0, Command::Remove { group, member: cy, ban: Ban::No }).unwrap();
    party.say(0, group, "without Cy");
    party.pass(10_000);
    party.start(2);
    party.pass(600_000);
    assert_eq!(party.state(2, &group), GroupState::Removed);
    assert!(party.texts(2, &group).is_empty());
    let live = party.hosts[2].disk.keys().any(|id| matches!(id, coterie_protocol::RecordId::Chain { .. }));
    assert!(!live);
}

#[test]
fn e_32_who_was_removed_by_somebody_whose_office_had_ended_comes_back() {
    let (mut party, group) = Party::with_group(4, 4);
    let (ben, cy) = (party.member(0, &group, 1), party.member(0, &group, 2));
    party.ask(0, Command::Promote { group, member: ben }).unwrap();
    party.pass(5_000);
    party.split(&[0, 2], &[1, 3]);
    party.pass(20_000);
    // Ana removes Ben; Ben, who doesn't know, removes Cy.
    party.ask(0, Command::Remove { group, member: ben, ban: Ban::No }).unwrap();
    party.ask(1, Command::Remove { group, member: cy, ban: Ban::No }).unwrap();
    party.say(2, group, "I am here");
    party.pass(5_000);
    party.heal();
    party.pass(600_000);
    assert_eq!(party.state(1, &group), GroupState::Removed);
    for who in [0, 2, 3] {
        assert_eq!(party.seats(who, &group), 3, "seen by {who}");
        assert_eq!(party.texts(who, &group), ["I am here"], "seen by {who}");
        assert_eq!(party.state(who, &group), GroupState::Member, "{who}");
    }
    party.say(2, group, "still here");
    party.pass(5_000);
    assert_eq!(party.texts(3, &group), ["I am here", "still here"]);
}

#[test]
fn three_hundred_messages_come_in_order_to_who_was_away() {
    let (mut party, group) = Party::with_group(3, 3);
    party.stop(2);
    let said: Vec<String> = (0..300).map(|n| format!("message {n}")).collect();
    for (n, text) in said.iter().enumerate() {
        party.say(n % 2, group, text);
        party.pass(50);
    }
    party.start(2);
    party.pass(120_000);
    let expected = party.texts(0, &group);
    assert_eq!(expected.len(), 300);
    assert_eq!(party.texts(2, &group), expected);
}

#[test]
fn thirty_come_by_one_link_and_all_read_a_word() {
    let mut party = Party::new(31);
    let group = party.found(0, "Harbour");
    let link = party.invite(0, group, 30);
    (1..31).for_each(|who| assert_eq!(party.join(who, &link), JoinState::Seated, "{who}"));
    party.pass(60_000);
    party.say(17, group, "to all");
    party.pass(60_000);
    for who in 0..31 {
        assert_eq!(party.seats(who, &group), 31, "seen by {who}");
        assert_eq!(party.texts(who, &group), ["to all"], "seen by {who}");
    }
}

/// A session in which everything happens once: founding, joining, talk, leaf keys, a removal. Gives whether the power
/// failed in it.
fn session(victim: usize, kill_after: u32) -> (bool, Party, GroupId) {
    let mut party = Party::new(3);
    let group = party.found(0, "Harbour");
    let link = party.invite(0, group, 2);
    party.kill_after(victim, kill_after);
    let mut said = Vec::new();
    for who in 1..3 {
        party.join(who, &link);
        // Whoever was interrupted goes on by itself.
        party.pass(120_000);
        assert_eq!(party.state(who, &group), GroupState::Member, "{victim} after {kill_after}: join of {who}");
    }
    for (who, text) in [(0, "one"), (1, "two"), (2, "three"), (1, "four")] {
        if matches!(
            party.ask(
                who,
                Command::Send { group, text: text.into(), reply_to: None, location: None, attachments: Vec::new() }
            ),
            Ok(Reply::Saved(_) | Reply::Queued(_))
        ) {
            said.push(text);
        }
        party.pass(2_000);
    }
    party.pass(120_000);
    for who in 0..3 {
        let mut seen = party.texts(who, &group);
        seen.sort();
        let mut all = said.clone();
        all.sort_unstable();
        assert_eq!(seen, all, "{victim} after {kill_after}: what {who} sees");
        assert_eq!(party.seats(who, &group), 3, "{victim} after {kill_after}: seats seen by {who}");
        let shown = party.hosts[who].events.iter().filter(|event| {
            matches!(event, Event::Alert { alert, .. }
                if matches!(alert.kind, AlertKind::Fork | AlertKind::Clone | AlertKind::BrokenMessage | AlertKind::Excluded))
        });
        assert_eq!(shown.count(), 0, "{victim} after {kill_after}: {who} saw a number used twice");
    }
    (party.was_killed(victim), party, group)
}

#[test]
fn d_04_the_power_may_fail_after_any_commit_and_nothing_saved_is_lost_or_doubled() {
    for victim in 0..3 {
        for kill_after in 1.. {
            if !session(victim, kill_after).0 {
                assert!(kill_after > 10, "{victim} has only {kill_after} commits");
                break;
            }
        }
    }
}
