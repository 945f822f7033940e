//! People who come back after a time away: with a restored backup, or to a group that went on without them.

use coterie_protocol::testing::party::Party;
use coterie_protocol::{AlertKind, Ban, Command, CommandError, Event, GroupState, JoinState, RecordId};

fn alerts(party: &Party, who: usize, kind: AlertKind) -> usize {
    let is_one = |event: &&Event| matches!(event, Event::Alert { alert, .. } if alert.kind == kind);
    party.hosts[who].events.iter().filter(is_one).count()
}

#[test]
fn e_80_a_restored_backup_opens_a_new_log_and_goes_on() {
    let (mut party, group) = Party::with_group(3, 3);
    party.say(2, group, "before the backup");
    party.pass(2_000);
    let backup = party.hosts[2].disk.clone();
    party.say(2, group, "after the backup");
    party.pass(2_000);
    party.stop(2);
    party.say(0, group, "while away");
    party.hosts[2].disk = backup;
    party.start_as(2, 77);
    party.pass(60_000);
    party.say(2, group, "back again");
    party.say(1, group, "welcome back");
    party.pass(60_000);
    for who in 0..3 {
        let texts = party.texts(who, &group);
        assert!(texts.contains(&"back again".into()) && texts.contains(&"welcome back".into()), "{who}: {texts:?}");
        assert_eq!(alerts(&party, who, AlertKind::Fork), 0, "{who} saw a number used twice");
        assert_eq!(alerts(&party, who, AlertKind::Clone), 0, "{who}");
    }
    // A start without a restore goes on in the same log.
    party.stop(2);
    party.start_as(2, 77);
    party.pass(60_000);
    party.say(2, group, "after a plain start");
    party.pass(10_000);
    assert!(party.texts(0, &group).contains(&"after a plain start".into()));
}

#[test]
fn e_09_the_leaf_secrets_of_the_installation_before_are_erased_once_its_mail_is_read() {
    let (mut party, group) = Party::with_group(2, 2);
    party.say(0, group, "one");
    party.say(1, group, "two");
    party.pass(5_000);
    let leaves = |party: &Party| -> Vec<Vec<u8>> {
        let is_leaf = |id: &RecordId| id.kind().number() == 0x82;
        party.hosts[1].disk.iter().filter(|(id, _)| is_leaf(id)).map(|(_, bytes)| bytes.to_vec()).collect()
    };
    let before = leaves(&party);
    assert!(before.len() >= 2, "{} leaves", before.len());
    party.stop(1);
    party.say(0, group, "to the old installation");
    party.start_as(1, 77);
    party.pass(60_000);
    assert!(party.texts(1, &group).contains(&"to the old installation".into()), "{:?}", party.texts(1, &group));
    let after = leaves(&party);
    assert!(!after.is_empty() && before.iter().all(|old| !after.contains(old)));
}

#[test]
fn r_34_who_was_removed_while_away_learns_of_it_although_others_came_meanwhile() {
    let (mut party, group) = Party::with_group(4, 3);
    party.stop(2);
    // What the absent one has missed is in the past of its removal.
    let link = party.invite(0, group, 1);
    assert_eq!(party.join(3, &link), JoinState::Seated);
    let cy = party.member(0, &group, 2);
    party.ask(0, Command::Remove { group, member: cy, ban: Ban::No }).unwrap();
    party.pass(5_000);
    party.start(2);
    party.pass(120_000);
    let view = party.hosts[2].account.group(&group).unwrap();
    assert_eq!(view.state, GroupState::Removed);
    assert!(view.operations < party.hosts[0].account.group(&group).unwrap().operations, "it was shown the others' log");
    let refused = party.ask(2, Command::Send { group, text: "anyone?".into() });
    assert_eq!(refused.unwrap_err(), CommandError::Removed);
}
