//! What the account does with streams by itself: silent hosts, and one installation that runs twice.

use super::*;
use crate::event::JoinState;
use crate::ids::{Channel, LinkId, Path};
use crate::input::Opener;
use crate::testing::party::Party;
use crate::{AlertKind, Consent, InviteLink};

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
fn n_310_an_installation_that_runs_twice_is_told_so() {
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
}
