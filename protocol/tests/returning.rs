//! People who come back after a time away: with a restored backup, or to a group that went on without them.

use coterie_protocol::testing::party::Party;
use coterie_protocol::{AlertKind, Ban, Command, CommandError, Event, GroupState, JoinState, RecordId};

fn alerts(party: &Party, who: usize, kind: AlertKind) -> usize {
    let is_one = |event: &&Event| matches!(event, Event::Alert { alert, .. } if alert.kind == kind);
    party.hosts[who].events.iter().filter(is_one).count()
}

#[test]
fn at_29_e_80_a_restored_backup_opens_a_new_log_and_goes_on() {
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
    let refused = party.ask(
        2,
        Command::Send { group, text: "anyone?".into(), reply_to: None, location: None, attachments: Vec::new() },
    );
    assert_eq!(refused.unwrap_err(), CommandError::Removed);
}

/// How many records of one kind lie on the disk of `who`.
fn records(party: &Party, who: usize, kind: u8) -> usize {
    party.hosts[who].disk.keys().filter(|id| id.kind().number() == kind).count()
}

#[test]
fn mb_d13_after_a_restored_backup_nothing_is_written_before_a_member_is_met() {
    const OPERATION: u8 = 0x11;
    const ENTRY: u8 = 0x13;
    let (mut party, group) = Party::with_group(3, 2);
    let old_link = party.invite(0, group, 1);
    party.pass(2_000);
    party.stop(0);
    party.split(&[0], &[1, 2]);
    let before = (records(&party, 0, OPERATION), records(&party, 0, ENTRY));
    party.start_as(0, 77);
    party
        .ask(
            0,
            Command::Send {
                group,
                text: "is anybody there?".into(),
                reply_to: None,
                location: None,
                attachments: Vec::new(),
            },
        )
        .unwrap();
    let not_after_ms = party.now_ms + 86_400_000;
    let asked = party.ask(0, Command::CreateInvite { group, uses: 1, not_after_ms });
    party.pass(6 * 3_600_000);
    assert_eq!((records(&party, 0, OPERATION), records(&party, 0, ENTRY)), before, "{asked:?}");
    assert!(asked.is_err(), "a ticket on an output that may be spent: {asked:?}");
    party.heal();
    party.pass(120_000);
    assert_eq!(party.texts(1, &group), ["is anybody there?"]);
    let link = party.invite(0, group, 1);
    assert_ne!(link.to_long(), old_link.to_long());
    assert_eq!(party.join(2, &link), JoinState::Seated);
    party.pass(60_000);
    assert!((0..3).all(|who| party.seats(who, &group) == 3));
    assert_eq!(alerts(&party, 1, AlertKind::Fork) + alerts(&party, 2, AlertKind::Fork), 0);
}

#[test]
fn mb_d18_who_joins_again_starts_new_entry_logs() {
    const LOG: u8 = 0x12;
    let (mut party, group) = Party::with_group(3, 3);
    party.say(2, group, "the first time");
    party.pass(5_000);
    let first = party.member(0, &group, 2);
    party.ask(0, Command::Remove { group, member: first, ban: Ban::No }).unwrap();
    party.pass(5_000);
    let logs = records(&party, 1, LOG);
    let link = party.invite(0, group, 1);
    assert_eq!(party.join(2, &link), JoinState::Seated);
    party.say(2, group, "the second time");
    party.pass(60_000);
    let again = party.member(0, &group, 2);
    assert_ne!(first, again);
    let lines = party.lines(1, &group);
    let author = |text: &str| lines.iter().find(|line| line.text == text).map(|line| line.author);
    assert_eq!((author("the first time"), author("the second time")), (Some(first), Some(again)));
    assert_eq!(records(&party, 1, LOG), logs + 1, "one more log, none went on");
}

#[test]
fn mb_d20_own_operations_are_durable_before_they_are_sent() {
    let mut reached = 0;
    for commit in 1..=3 {
        let (mut party, group) = Party::with_group(2, 2);
        let ben = party.member(0, &group, 1);
        party.kill_after(0, commit);
        party.ask(0, Command::Promote { group, member: ben }).unwrap();
        party.pass(1_000);
        reached += u32::from(party.was_killed(0));
        party.pass(60_000);
        let state = |who: usize| party.hosts[who].account.group(&group).unwrap().state_hash;
        assert_eq!(state(0), state(1), "power cut after commit {commit}");
        let not_after_ms = party.now_ms + 86_400_000;
        assert!(party.ask(1, Command::CreateInvite { group, uses: 1, not_after_ms }).is_ok(), "Ben's office stands");
    }
    assert!(reached > 0, "no power cut met the operation");
}

#[test]
fn e_78_both_branches_of_a_log_that_forked_inside_come_to_everybody() {
    let (mut party, group) = Party::with_group(4, 4);
    for text in ["one", "two", "three"] {
        party.say(2, group, text);
    }
    party.pass(5_000);
    let backup = party.hosts[2].disk.clone();
    // Only 0 hears this.
    party.stop(1);
    party.stop(3);
    party.say(2, group, "to one of you");
    party.pass(5_000);
    // The disk forgets it, and nobody who knows better is there.
    party.stop(2);
    party.stop(0);
    party.hosts[2].disk = backup;
    party.start(2);
    party.start(1);
    party.pass(60_000);
    for text in ["to another", "to another again", "and once more"] {
        party.say(2, group, text);
    }
    party.pass(10_000);
    party.stop(2);
    party.start(0);
    party.start(3);
    party.pass(180_000);
    for who in [0, 1, 3] {
        let texts = party.texts(who, &group);
        assert!(alerts(&party, who, AlertKind::Fork) > 0, "{who} was not told of the fork");
        for text in ["to another again", "and once more"] {
            assert!(texts.contains(&text.into()), "{who} lacks {text:?}: {texts:?}");
        }
    }
    assert!(party.texts(0, &group).contains(&"to one of you".into()));
}
