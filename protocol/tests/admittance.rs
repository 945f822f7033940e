//! Whether a link is enough, or newcomers wait for an organiser's word (MB-D17): as a person asks for it.
#![expect(clippy::unwrap_used, reason = "what is missing here ends the test")]

use coterie_protocol::testing::party::{Party, address};
use coterie_protocol::{Admittance, Command, CommandError, Consent, GroupId, GroupState, InviteLink, JoinState};

const ANA: usize = 0;
const BEN: usize = 1;
const CY: usize = 2;
const DEE: usize = 3;

fn ask(party: &mut Party, who: usize, group: GroupId, admittance: Admittance) -> Result<(), CommandError> {
    let said = party.ask(who, Command::RequireConfirm { group, admittance }).map(drop);
    party.pass(5_000);
    said
}

fn operations(party: &Party, who: usize, group: &GroupId) -> u64 {
    party.hosts[who].account.group(group).unwrap().operations
}

#[test]
fn mb_d17_newcomers_wait_for_a_word_and_nobody_who_is_in_loses_the_keys() {
    let mut party = Party::new(4);
    let group = party.found(ANA, "Harbour");
    let link = party.invite(ANA, group, 3);
    assert_eq!(party.join(BEN, &link), JoinState::Seated);
    party.pass(60_000);
    assert_eq!(ask(&mut party, BEN, group, Admittance::AfterConfirm), Err(CommandError::NotAdmin));
    // Cy comes while Ana is away, so nobody has said a word for him when Ana returns.
    party.stop(ANA);
    let by_ben = Command::Join {
        link: InviteLink::parse(&link.to_long()).unwrap(),
        name: String::new(),
        via: vec![address(1)],
        consent: Consent::Given,
    };
    party.ask(CY, by_ben).unwrap();
    party.pass(30_000);
    assert_eq!(party.state(CY, &group), GroupState::Member);
    party.start(ANA);
    party.pass(5_000);

    ask(&mut party, ANA, group, Admittance::AfterConfirm).unwrap();
    let log = party.hosts[ANA].account.chronicle(&group).unwrap();
    assert!(log.seats.iter().all(|seat| seat.issuer.is_none() || seat.confirmed_by.is_some()), "confirmed first");
    for who in [ANA, BEN, CY] {
        assert!(party.hosts[who].account.group(&group).unwrap().require_confirm);
        assert_eq!(party.state(who, &group), GroupState::Member);
    }
    let before = operations(&party, ANA, &group);
    ask(&mut party, ANA, group, Admittance::AfterConfirm).unwrap();
    assert_eq!(operations(&party, ANA, &group), before, "it is so already: nothing is written");

    assert_eq!(party.join(DEE, &link), JoinState::WaitingForAdmin);
    party.pass(60_000);
    assert_eq!(party.state(DEE, &group), GroupState::Waiting);
    ask(&mut party, ANA, group, Admittance::ByLink).unwrap();
    party.pass(60_000);
    assert_eq!(party.state(DEE, &group), GroupState::Member, "a link is enough again, also for who waits");
}

#[test]
fn n_201_who_was_let_in_by_a_word_is_heard_at_once() {
    let (mut party, group) = Party::with_group(4, 3);
    ask(&mut party, ANA, group, Admittance::AfterConfirm).unwrap();
    let link = party.invite(ANA, group, 1);
    assert_eq!(party.join(DEE, &link), JoinState::WaitingForAdmin);
    party.pass(60_000);
    party.say(BEN, group, "before");
    party.pass(5_000);
    let dee = party.member(ANA, &group, DEE);
    party.ask(ANA, Command::Confirm { group, member: dee }).unwrap();
    party.pass(1_000);
    party.say(DEE, group, "good evening");
    party.say(BEN, group, "welcome");
    // Without a comparison of logs at the Confirm all waited for the next STATE, half a minute.
    party.pass(3_000);
    for who in [ANA, BEN, CY] {
        assert_eq!(party.texts(who, &group).last().unwrap(), "welcome", "{who}");
        assert!(party.texts(who, &group).contains(&"good evening".to_owned()), "{who}");
    }
    assert!(party.texts(DEE, &group).contains(&"welcome".to_owned()));
    assert!(!party.texts(DEE, &group).contains(&"before".to_owned()), "what was said before isn't for him");
}

#[test]
fn mb_d17_a_word_that_a_seniors_outweighs_is_refused_and_not_written() {
    let (mut party, group) = Party::with_group(3, 3);
    let ben = party.member(ANA, &group, BEN);
    party.ask(ANA, Command::Promote { group, member: ben }).unwrap();
    party.pass(60_000);
    ask(&mut party, BEN, group, Admittance::AfterConfirm).unwrap();
    ask(&mut party, ANA, group, Admittance::ByLink).unwrap();
    let before = operations(&party, BEN, &group);
    assert_eq!(ask(&mut party, BEN, group, Admittance::AfterConfirm), Err(CommandError::SeniorsWord));
    assert_eq!(operations(&party, BEN, &group), before);
    assert!(!party.hosts[CY].account.group(&group).unwrap().require_confirm);
}
