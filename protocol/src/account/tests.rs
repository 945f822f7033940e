//! What the account does with streams by itself: silent hosts, and one installation that runs twice.

use super::*;
use crate::event::JoinState;
use crate::ids::{Channel, LinkId, Path};
use crate::input::Opener;
use crate::testing::party::Party;
use crate::{AlertKind, Consent, InviteLink, Unsealed};

// AT-40: what holds the keys of a person, a link, a group or a store can't be printed or copied in passing.
none_implements!(
    [
        Account,
        Identity,
        InviteLink,
        crate::invite::link::LinkKeys,
        crate::rendezvous::keys::LookupRecord,
        crate::SealingKey,
        crate::StoreKeys,
        Group,
    ],
    [core::fmt::Debug, core::fmt::Display, Clone, PartialEq]
);

#[test]
fn mb_i06_a_silent_host_is_given_up_in_time_and_the_next_one_lets_the_joiner_in() {
    let mut party = Party::new(3);
    let group = party.found(0, "Harbour");
    let link = party.invite(0, group, 1);
    party.stop(0);
    assert_eq!(party.join(1, &link), JoinState::Searching);
    // Somebody answers the dial and never says a word.
    let (peer, path, opener) = (party.hosts[2].account.me(), Path::DirectQuic, Opener::Us);
    party.inject(1, Input::Connected { link: LinkId(999), peer, channel: Channel::Join, path, opener });
    let asks = |party: &Party| party.hosts[1].account.links.join.contains_key(&LinkId(999));
    party.pass(limits::JOIN_SILENCE_MS - 100);
    assert!(asks(&party));
    party.pass(200);
    assert!(!asks(&party));
    party.start(0);
    party.pass(limits::JOIN_IDLE_MS * 3);
    assert_eq!(party.hosts[1].account.joins()[0].state, JoinState::Seated);
}

#[test]
fn n_909_a_newcomer_whose_host_falls_silent_turns_to_the_links_other_addresses_and_makes_itself_known() {
    let (mut party, group) = Party::with_group(3, 2);
    let link = InviteLink::parse(&party.invite(0, group, 1).to_long()).unwrap();
    party.pass(5_000);
    // Only the member at an address that the newcomer adds answers; the one who made the link knows nothing of it.
    party.split(&[0], &[1, 2]);
    let via = std::vec![crate::testing::party::address(1)];
    let command = Command::Join { link, name: String::new(), via, consent: Consent::AskFirst };
    let Ok(Reply::Join(join)) = party.ask(2, command) else { panic!("no join") };
    party.pass(2_000);
    // The host takes the claim on the stream that is open, and can't be reached again.
    party.cuts = std::vec![(0, 1), (1, 2)];
    party.ask(2, Command::AgreeToJoin { join }).unwrap();
    assert_eq!(party.hosts[2].account.joins()[0].state, JoinState::Seated);
    assert_eq!((party.seats(0, &group), party.seats(1, &group)), (2, 3));
    party.pass(limits::LINK_AGAIN_MS + 10_000);
    assert_eq!(party.seats(0, &group), 3);
    party.say(2, group, "Here I am");
    party.pass(5_000);
    assert_eq!(party.texts(0, &group), ["Here I am"]);
}

#[test]
fn mb_i06_a_person_has_all_the_time_to_agree() {
    let mut party = Party::new(2);
    let group = party.found(0, "Harbour");
    let link = InviteLink::parse(&party.invite(0, group, 1).to_long()).unwrap();
    let command = Command::Join { link, name: String::new(), via: Vec::new(), consent: Consent::AskFirst };
    let Ok(Reply::Join(id)) = party.ask(1, command) else { panic!("no join") };
    party.pass(2_000);
    assert_eq!(party.hosts[1].account.joins()[0].state, JoinState::Asking);
    // The host's patience is over long before.
    party.pass(600_000);
    assert_eq!(party.hosts[1].account.joins()[0].state, JoinState::Asking);
    party.ask(1, Command::AgreeToJoin { join: id }).unwrap();
    party.pass(10_000);
    assert_eq!(party.hosts[1].account.joins()[0].state, JoinState::Seated);
}

#[test]
fn at_32_n_310_an_installation_that_runs_twice_is_told_so() {
    let mut party = Party::new(2);
    let group = party.found(0, "Harbour");
    let link = party.invite(0, group, 1);
    assert_eq!(party.join(1, &link), JoinState::Seated);
    party.pass(5_000);
    let told = |party: &Party, who: usize| {
        let is_clone = |event: &&Event| matches!(event, Event::Alert { alert, .. } if alert.kind == AlertKind::Clone);
        party.hosts[who].events.iter().filter(is_clone).count()
    };
    // A restart is no twin.
    party.stop(1);
    party.start(1);
    party.pass(120_000);
    assert_eq!(told(&party, 1), 0);
    let copy = party.copy_of(1);
    party.pass(120_000);
    assert!(told(&party, 1) > 0 && told(&party, copy) > 0);
    assert_eq!(told(&party, 0), 0);
    // Both owners go on typing: at most one of the two writes, so no number of the log is given twice.
    for who in [1, copy] {
        let _ = party.ask(
            who,
            Command::Send {
                group,
                text: std::format!("by {who}"),
                reply_to: None,
                location: None,
                attachments: Vec::new(),
            },
        );
        party.pass(1_000);
    }
    party.pass(60_000);
    assert!(party.texts(0, &group).len() <= 1, "{:?}", party.texts(0, &group));
    let is_fork = |event: &Event| matches!(event, Event::Alert { alert, .. } if alert.kind == AlertKind::Fork);
    assert!([0, 1, copy].iter().all(|&who| !party.hosts[who].events.iter().any(is_fork)));
}

#[test]
fn at_18_e_79_who_wrote_two_things_at_one_place_is_told_of_to_all_and_gets_no_more_keys() {
    let (mut party, group) = Party::with_group(3, 3);
    party.say(2, group, "before");
    party.pass(5_000);
    // Two halves, a copy of Cy in each: what it says in them stands at the same place of its log.
    let copy = party.hosts.len();
    party.split(&[0, 2], &[1, copy]);
    assert_eq!(party.copy_of(2), copy);
    party.pass(40_000);
    party.say(2, group, "to Ana's half");
    party.say(copy, group, "to Ben's half");
    party.pass(30_000);
    assert!(party.texts(0, &group).contains(&"to Ana's half".into()));
    assert!(party.texts(1, &group).contains(&"to Ben's half".into()));
    party.heal();
    party.pass(180_000);
    let cy = party.member(0, &group, 2);
    for who in [0, 1] {
        // What was read stays; the other branch is sealed under the same key, which went when it was used.
        let said = if who == 0 { "to Ana's half" } else { "to Ben's half" };
        assert!(party.texts(who, &group).contains(&said.into()), "{who}");
        let is_fork = |event: &&Event| matches!(event, Event::Alert { alert, .. } if alert.kind == AlertKind::Fork && alert.member == Some(cy));
        assert!(party.hosts[who].events.iter().filter(is_fork).count() > 0, "{who} isn't told");
        let members = party.hosts[who].account.members(&group).unwrap();
        let unsealed = members.iter().find(|member| member.id == cy).and_then(|member| member.unsealed);
        assert_eq!(unsealed, Some(Unsealed::Forked), "{who} shows no reason why Cy gets no keys");
    }
    party.say(0, group, "not for a forked log");
    party.pass(60_000);
    assert!(party.texts(1, &group).contains(&"not for a forked log".into()));
    for one in [2, copy] {
        assert!(!party.texts(one, &group).contains(&"not for a forked log".into()), "{one}");
    }
}
