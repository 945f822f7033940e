//! Whether people are who they say, and who may still send to somebody who is out (E-85, E-96, E-97).
#![expect(clippy::unwrap_used, reason = "what is missing here ends the test")]

use coterie_protocol::testing::party::Party;
use coterie_protocol::{Account, AlertKind, Ban, Command, CommandError, Event, GroupId, MemberView, Unsealed, Verdict};

const ANA: usize = 0;
const BEN: usize = 1;
const CY: usize = 2;

fn seen(account: &Account, group: &GroupId, whom: &Account) -> MemberView {
    account.members(group).unwrap().into_iter().find(|member| member.key == whom.me()).unwrap()
}

fn compare(party: &mut Party, group: GroupId, whom: usize, verdict: Verdict) -> Result<(), CommandError> {
    let member = party.member(ANA, &group, whom);
    party.ask(ANA, Command::Compare { group, member, verdict }).map(drop)
}

#[test]
fn e_96_a_compared_key_stays_compared_over_restarts_until_it_is_taken_back() {
    let (mut party, group) = Party::with_group(3, 3);
    compare(&mut party, group, BEN, Verdict::Same).unwrap();
    party.stop(ANA);
    party.start(ANA);
    let view = |party: &Party, whom: usize| seen(&party.hosts[ANA].account, &group, &party.hosts[whom].account);
    assert!(view(&party, BEN).verified_at_ms.is_some() && view(&party, CY).verified_at_ms.is_none());
    assert!(!view(&party, BEN).other_key && !view(&party, CY).other_key);
    // The mark is Ana's own: Ben's program knows nothing of it.
    assert!(seen(&party.hosts[BEN].account, &group, &party.hosts[ANA].account).verified_at_ms.is_none());
    compare(&mut party, group, BEN, Verdict::Unknown).unwrap();
    assert!(view(&party, BEN).verified_at_ms.is_none());
    assert!(matches!(compare(&mut party, group, BEN, Verdict::Unknown), Err(CommandError::NoEffect { .. })));
    assert!(matches!(compare(&mut party, group, ANA, Verdict::Same), Err(CommandError::NoEffect { .. })), "oneself");
}

#[test]
fn e_96_another_key_under_a_known_name_is_a_loud_event_and_stays_marked() {
    let (mut party, group) = Party::with_group(3, 2);
    compare(&mut party, group, BEN, Verdict::Same).unwrap();
    let ben = seen(&party.hosts[ANA].account, &group, &party.hosts[BEN].account);
    let link = party.invite(ANA, group, 1);
    let link = coterie_protocol::InviteLink::parse(&link.to_long()).unwrap();
    let consent = coterie_protocol::Consent::Given;
    party.hosts[ANA].events.clear();
    party.ask(CY, Command::Join { link, name: ben.name.clone(), via: Vec::new(), consent }).unwrap();
    party.pass(30_000);
    let view = |party: &Party, whom: usize| seen(&party.hosts[ANA].account, &group, &party.hosts[whom].account);
    assert!(view(&party, CY).other_key && !view(&party, BEN).other_key);
    let impostor = view(&party, CY).id;
    let is_loud = |event: &&Event| matches!(event, Event::Alert { alert, .. } if alert.kind == AlertKind::KeyChanged && alert.member == Some(impostor));
    assert_eq!(party.hosts[ANA].events.iter().filter(is_loud).count(), 1, "told once, and loudly");
    party.stop(ANA);
    party.start(ANA);
    assert!(view(&party, CY).other_key, "the warning outlives a restart");
    compare(&mut party, group, CY, Verdict::Same).unwrap();
    assert!(!view(&party, CY).other_key, "compared, it is a second person of that name");
}

#[test]
fn e_97_code_words_are_equal_exactly_for_the_same_members_and_settings() {
    let (mut party, group) = Party::with_group(3, 2);
    let code = |party: &Party, who: usize| party.hosts[who].account.group_code(&group).unwrap();
    let two = code(&party, ANA);
    assert_eq!(two, code(&party, BEN));
    let link = party.invite(ANA, group, 1);
    party.join(CY, &link);
    party.pass(30_000);
    let three = code(&party, ANA);
    assert!(three != two && three == code(&party, BEN) && three == code(&party, CY), "another roster");
    party.stop(BEN);
    party.ask(ANA, Command::RenameGroup { group, name: "Quay".into() }).unwrap();
    party.pass(5_000);
    let renamed = code(&party, ANA);
    assert!(renamed != three && renamed == code(&party, CY), "other settings");
    let cy = party.member(ANA, &group, CY);
    party.ask(ANA, Command::Remove { group, member: cy, ban: Ban::No }).unwrap();
    party.pass(5_000);
    assert!(code(&party, ANA) != renamed && code(&party, ANA) != code(&party, BEN), "Ben has not heard");
    party.start(BEN);
    party.pass(30_000);
    assert_eq!(code(&party, ANA), code(&party, BEN));
    assert_eq!(two.words().unwrap().len(), 8);
    assert_ne!(two.words().unwrap(), three.words().unwrap());
}

#[test]
fn e_85_who_has_not_heard_of_a_removal_is_listed_until_they_speak_without_the_removed() {
    let (mut party, group) = Party::with_group(3, 3);
    for who in [ANA, BEN, CY] {
        party.say(who, group, "hello");
    }
    party.pass(5_000);
    let lag = |party: &Party| party.hosts[ANA].account.stragglers(&group).unwrap();
    assert!(lag(&party).is_empty());
    let (ben, cy) = (party.member(ANA, &group, BEN), party.member(ANA, &group, CY));
    party.stop(BEN);
    party.ask(ANA, Command::Remove { group, member: cy, ban: Ban::No }).unwrap();
    party.pass(5_000);
    let found = lag(&party);
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!((found[0].member, found[0].gone, found[0].heard), (ben, cy, false));
    party.start(BEN);
    party.pass(60_000);
    party.say(BEN, group, "I know");
    party.pass(5_000);
    assert!(lag(&party).is_empty(), "{:?}", lag(&party));
}

#[test]
fn e_40_who_gets_no_keys_is_shown_with_the_reason() {
    let (mut party, group) = Party::with_group(3, 3);
    party.say(CY, group, "hello");
    party.pass(5_000);
    let why = |party: &Party| seen(&party.hosts[ANA].account, &group, &party.hosts[CY].account).unsealed;
    assert_eq!(why(&party), None);
    party.stop(CY);
    for _ in 0..4 {
        party.now_ms += 25 * 24 * 60 * 60 * 1_000;
        party.pass(60_000);
        party.say(BEN, group, "ping");
        party.pass(5_000);
    }
    assert_eq!(why(&party), Some(Unsealed::StaleLeaf));
}
