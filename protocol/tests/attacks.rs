//! Attacks that need several whole people to show: rows of `docs/attacks.md` on the public surface alone.
#![expect(clippy::unwrap_used, reason = "what is missing here ends the test")]

use coterie_protocol::testing::party::{Party, address};
use coterie_protocol::{
    AlertKind, Ban, Command, Consent, Event, GroupId, GroupState, InviteLink, JoinState, MessageKind,
};

const ANA: usize = 0;
const BEN: usize = 1;
const CY: usize = 2;
const DEE: usize = 3;
const DAY: u64 = 86_400_000;

fn alerts(party: &Party, who: usize, kind: AlertKind) -> usize {
    let is_it = |event: &&Event| matches!(event, Event::Alert { alert, .. } if alert.kind == kind);
    party.hosts[who].events.iter().filter(is_it).count()
}

/// `who` redeems a link at the person with this number, and at nobody else.
fn join_at(party: &mut Party, who: usize, link: &InviteLink, host: usize) -> JoinState {
    let link = InviteLink::parse(&link.to_short()).unwrap();
    let via = vec![address(u8::try_from(host).unwrap())];
    party.ask(who, Command::Join { link, name: String::new(), via, consent: Consent::Given }).unwrap();
    party.pass(5_000);
    party.hosts[who].account.joins()[0].state
}

/// Everything that `who` sees as words, whether it counts or not.
fn all_words(party: &Party, who: usize, group: &GroupId) -> Vec<String> {
    party.lines(who, group).into_iter().filter(|line| line.kind == MessageKind::Text).map(|line| line.text).collect()
}

#[test]
fn at_20_at_44_one_link_used_in_two_partitions_leaks_what_each_side_said_before_it_learned_and_no_more() {
    let mut party = Party::new(4);
    let group = party.found(ANA, "Harbour");
    let first = party.invite(ANA, group, 1);
    assert_eq!(party.join(BEN, &first), JoinState::Seated);
    let link = party.invite(ANA, group, 1);
    party.pass(5_000);

    party.split(&[ANA, CY], &[BEN, DEE]);
    party.pass(40_000);
    assert_eq!(join_at(&mut party, CY, &link, ANA), JoinState::Seated);
    assert_eq!(join_at(&mut party, DEE, &link, BEN), JoinState::Seated);
    party.say(ANA, group, "Ana to her side");
    party.say(BEN, group, "Ben to his side");
    party.pass(10_000);
    assert_eq!(party.texts(CY, &group), ["Ana to her side"]);
    assert_eq!(party.texts(DEE, &group), ["Ben to his side"]);

    party.heal();
    party.pass(300_000);
    // Ana is the custodian and confirmed the one she saw; the other side learns it.
    let seated: Vec<bool> = [CY, DEE].iter().map(|&who| party.state(who, &group) == GroupState::Member).collect();
    assert_eq!(seated, [true, false], "{:?}", [CY, DEE].map(|who| party.state(who, &group)));
    assert!([ANA, BEN, CY].iter().all(|&who| party.seats(who, &group) == 3));
    for who in [ANA, BEN, CY] {
        party.say(who, group, &format!("after, by {who}"));
    }
    party.pass(120_000);
    let of_dee = all_words(&party, DEE, &group);
    assert_eq!(of_dee, ["Ben to his side"], "exactly what leaked: {of_dee:?}");
    for who in [ANA, BEN, CY] {
        assert_eq!(party.texts(who, &group).iter().filter(|text| text.starts_with("after")).count(), 3, "{who}");
    }
    // What Ben's side said before Cy was in is not his to read.
    assert!(!all_words(&party, CY, &group).contains(&"Ben to his side".into()));
}

#[test]
fn at_38_who_was_away_for_a_hundred_days_gets_no_slots_meanwhile_and_reads_again_on_return() {
    let (mut party, group) = Party::with_group(3, 3);
    party.say(ANA, group, "all are here");
    party.pass(5_000);
    party.stop(CY);
    for _ in 0..4 {
        // Days in which little happens; each step is short enough to be believed (E-94).
        party.now_ms += 25 * DAY;
        party.pass(60_000);
        party.say(BEN, group, "ping");
        party.pass(5_000);
    }
    party.say(ANA, group, "while Cy was away");
    party.pass(5_000);
    let cy = party.member(ANA, &group, CY);
    let seen = party.hosts[ANA].account.members(&group).unwrap();
    assert!(seen.iter().any(|member| member.id == cy && member.unsealed.is_some()), "it is shown that Cy gets no keys");
    assert!(party.texts(BEN, &group).contains(&"while Cy was away".into()));

    party.start(CY);
    party.pass(300_000);
    party.say(ANA, group, "welcome back");
    party.say(CY, group, "I am back");
    party.pass(120_000);
    let of_cy = all_words(&party, CY, &group);
    assert!(of_cy.contains(&"all are here".into()) && of_cy.contains(&"welcome back".into()), "{of_cy:?}");
    assert!(!of_cy.contains(&"while Cy was away".into()), "no slot was made for a key that old: {of_cy:?}");
    assert!([ANA, BEN].iter().all(|&who| party.texts(who, &group).contains(&"I am back".into())));
    let seen = party.hosts[ANA].account.members(&group).unwrap();
    assert!(seen.iter().any(|member| member.id == cy && member.unsealed.is_none()));
}

#[test]
fn at_57_an_installation_opened_with_a_stolen_key_is_told_to_all_and_ends_with_the_removal() {
    let (mut party, group) = Party::with_group(3, 3);
    party.say(CY, group, "really Cy");
    party.pass(5_000);
    // The thief has the key and the disk; Cy's own machine is off.
    party.stop(CY);
    party.start_as(CY, 77);
    party.pass(120_000);
    party.say(CY, group, "not Cy");
    party.pass(30_000);
    for who in [ANA, BEN] {
        assert!(alerts(&party, who, AlertKind::Restored) >= 1, "{who} isn't told of a new installation");
        assert!(party.texts(who, &group).contains(&"not Cy".into()), "the key alone decides, and the page says so");
    }
    let cy = party.member(ANA, &group, CY);
    party.ask(ANA, Command::Remove { group, member: cy, ban: Ban::No }).unwrap();
    party.pass(5_000);
    party.say(ANA, group, "without the thief");
    party.say(BEN, group, "without the thief as well");
    party.pass(60_000);
    assert!(!all_words(&party, CY, &group).iter().any(|text| text.starts_with("without")));
    // What is evidence stays: both installations' words are kept.
    let kept = party.texts(ANA, &group);
    assert!(kept.contains(&"really Cy".into()) && kept.contains(&"not Cy".into()), "{kept:?}");
}

#[test]
fn at_91_whoever_owns_all_links_of_one_node_delays_and_one_honest_link_repairs_everything() {
    let (mut party, group) = Party::with_group(4, 4);
    // Cy reaches Ben alone, and Ben passes on nothing of the others: he has nothing.
    party.split(&[ANA, DEE], &[BEN, CY]);
    party.pass(60_000);
    for n in 0..20 {
        party.say(if n % 2 == 0 { ANA } else { DEE }, group, &format!("unseen {n}"));
    }
    party.say(BEN, group, "only me");
    party.pass(60_000);
    assert_eq!(party.texts(CY, &group), ["only me"]);
    assert_eq!(party.hosts[CY].account.group(&group).unwrap().online, 1, "connected to one person, and that is shown");
    assert_eq!(party.seats(CY, &group), 4, "nobody was made up and nobody lost");
    // One honest link.
    party.cuts.retain(|&(a, b)| (a, b) != (ANA, CY));
    party.inject(CY, coterie_protocol::Input::NetworkChanged);
    party.pass(180_000);
    let (of_cy, of_ana) = (party.texts(CY, &group), party.texts(ANA, &group));
    assert_eq!(of_cy.len(), 21);
    assert_eq!(of_cy, of_ana);
}

#[test]
fn at_108_who_finds_a_link_and_joins_first_is_shown_as_unconfirmed_and_can_be_shown_out() {
    let mut party = Party::new(4);
    let group = party.found(ANA, "Harbour");
    let first = party.invite(ANA, group, 1);
    assert_eq!(party.join(BEN, &first), JoinState::Seated);
    let link = party.invite(ANA, group, 1);
    party.pass(5_000);
    // Ana is away: only she can confirm.
    party.stop(ANA);
    assert_eq!(join_at(&mut party, CY, &link, BEN), JoinState::Seated);
    let finder = party.member(BEN, &group, CY);
    let seen = party.hosts[BEN].account.members(&group).unwrap();
    assert!(seen.iter().any(|member| member.id == finder && member.provisional));
    party.say(BEN, group, "welcome, whoever you are");
    // The one it was meant for comes second, and is told; the custodian, back, is told too and shows the finder out.
    assert_ne!(join_at(&mut party, DEE, &link, BEN), JoinState::Seated);
    party.start(ANA);
    party.pass(60_000);
    let seen = party.hosts[ANA].account.members(&group).unwrap();
    assert!(seen.iter().any(|member| member.id == finder));
    party.ask(ANA, Command::Remove { group, member: finder, ban: Ban::Yes }).unwrap();
    party.pass(10_000);
    party.say(ANA, group, "now without the finder");
    party.say(BEN, group, "indeed");
    party.pass(60_000);
    assert_eq!(all_words(&party, CY, &group), ["welcome, whoever you are"]);
    let again = party.invite(ANA, group, 1);
    assert_eq!(party.join(DEE, &again), JoinState::Seated);
}
