//! Replies, edits, emojis, pins and deleted messages among real accounts (CV-1 to CV-7): what one does, all see, in any
//! order of arrival, through splits, restarts and changes of office.
#![expect(clippy::expect_used, clippy::panic, reason = "what is missing here ends the test")]

use coterie_protocol::testing::party::Party;
use coterie_protocol::{
    Aggregate, Ban, Command, CommandError, Deed, EntryId, GroupId, Location, MessageView, RecordKind, Reply,
};

const ANA: usize = 0;
const BEN: usize = 1;
const CLEO: usize = 2;

fn edit(text: &str) -> Deed {
    Deed::Edit { text: text.into() }
}

fn react(emoji: &str) -> Deed {
    Deed::React { emoji: emoji.into(), on: true }
}

/// What everybody sees of a message: it must be the same.
fn seen(party: &Party, group: &GroupId, post: EntryId) -> Aggregate {
    let of = |who: usize| {
        let line = party.lines(who, group).into_iter().find(|line| line.entry == post).expect("the message");
        party.aggregate(who, group, &line)
    };
    let first = of(ANA);
    (1..party.hosts.len()).for_each(|who| assert_eq!(of(who), first, "{who} sees something else"));
    first
}

fn words(party: &mut Party, who: usize, group: GroupId, text: &str) -> EntryId {
    match party.say(who, group, text) {
        Reply::Saved(entry) => entry,
        other => panic!("{other:?}"),
    }
}

fn refused(party: &mut Party, who: usize, group: GroupId, target: EntryId, deed: Deed) -> CommandError {
    party.ask(who, Command::Annotate { group, target, deed }).expect_err("others would not heed it")
}

fn line(party: &Party, who: usize, group: &GroupId, post: EntryId) -> MessageView {
    party.lines(who, group).into_iter().find(|line| line.entry == post).expect("the message")
}

#[test]
fn cv_01_a_reply_an_edit_and_an_emoji_reach_everybody() {
    let (mut party, group) = Party::with_group(3, 3);
    let post = words(&mut party, ANA, group, "the dredger left at noon");
    party.pass(5_000);
    let reply = Command::Send {
        group,
        text: "at dawn, I think".into(),
        reply_to: Some(post),
        location: None,
        attachments: Vec::new(),
    };
    let Ok(Reply::Saved(reply)) = party.ask(BEN, reply) else { panic!("a reply") };
    party.pass(5_000);
    party.annotate(ANA, group, post, edit("the dredger left at dawn"));
    party.annotate(CLEO, group, post, react("👍🏽"));
    party.annotate(BEN, group, post, react("👍🏽"));
    party.pass(5_000);
    let sum = seen(&party, &group, post);
    assert_eq!(sum.revisions.last().expect("an edit").text, "the dredger left at dawn");
    assert_eq!(sum.reactions.len(), 1);
    assert_eq!(sum.reactions[0].by.len(), 2);
    for who in [ANA, BEN, CLEO] {
        assert_eq!(line(&party, who, &group, reply).reply_to, Some(post));
        assert_eq!(party.texts(who, &group).len(), 2, "what is done to a message is no message");
    }
}

fn quay() -> Location {
    Location { lat_e7: 387_150_000, lon_e7: -91_450_000, radius_m: 1_000, label: Some("the quay".into()) }
}

fn place(group: GroupId, text: &str, location: Location) -> Command {
    Command::Send { group, text: text.into(), reply_to: None, location: Some(location), attachments: Vec::new() }
}

#[test]
fn lo_01_a_place_reaches_everybody_alone_and_with_words_and_goes_when_it_is_deleted() {
    let (mut party, group) = Party::with_group(3, 3);
    let Ok(Reply::Saved(alone)) = party.ask(ANA, place(group, "", quay())) else { panic!("a place") };
    let Ok(Reply::Saved(told)) = party.ask(BEN, place(group, "we meet here", quay())) else { panic!("with words") };
    party.pass(5_000);
    party.annotate(BEN, group, told, edit("we meet here at six"));
    party.pass(5_000);
    party.stop(CLEO);
    party.start(CLEO);
    for who in [ANA, BEN, CLEO] {
        assert_eq!(line(&party, who, &group, alone).location, Some(quay()));
        assert_eq!(line(&party, who, &group, told).location, Some(quay()), "other words leave the place");
    }
    party.annotate(BEN, group, told, Deed::Retract);
    party.pass(5_000);
    for who in [ANA, BEN, CLEO] {
        assert_eq!(line(&party, who, &group, told).location, None, "{who} keeps a place that was taken back");
    }
}

#[test]
fn lo_01_a_place_waits_with_its_words_until_somebody_is_there() {
    let (mut party, group) = Party::with_group(2, 2);
    party.stop(BEN);
    party.stop(ANA);
    party.start(ANA);
    let Ok(Reply::Queued(_)) = party.ask(ANA, place(group, "come", quay())) else { panic!("nobody is there") };
    party.stop(ANA);
    party.start(ANA);
    let waiting = party.hosts[ANA].account.outbox(&group);
    let said = coterie_protocol::WaitingWords::Post {
        text: "come".into(),
        reply_to: None,
        location: Some(quay()),
        attachments: Vec::new(),
    };
    assert_eq!(waiting.into_iter().map(|one| one.said).collect::<Vec<_>>(), [said]);
    party.start(BEN);
    party.pass(120_000);
    let last = party.lines(BEN, &group).pop().expect("it came");
    assert_eq!((last.text.as_str(), last.location), ("come", Some(quay())));
}

#[test]
fn lo_01_what_is_no_place_is_refused() {
    let (mut party, group) = Party::with_group(2, 2);
    let bad = [
        Location { lat_e7: 900_000_001, ..quay() },
        Location { lon_e7: -1_800_000_001, ..quay() },
        Location { radius_m: 50_001, ..quay() },
        Location { label: Some("q".repeat(101)), ..quay() },
        Location { lat_e7: i32::MIN, lon_e7: i32::MAX, ..quay() },
    ];
    for location in bad {
        let refused = party.ask(ANA, place(group, "here", location)).expect_err("no place on Earth");
        assert_eq!(refused, CommandError::BadValue { field: "location" });
    }
    let blank = party.ask(ANA, place(group, "  ", quay())).expect_err("blanks are no words");
    assert_eq!(blank, CommandError::BadValue { field: "text" });
}

#[test]
fn cv_01_cv_02_what_is_not_ones_own_to_do_is_refused_with_its_reason() {
    let (mut party, group) = Party::with_group(2, 2);
    let post = words(&mut party, ANA, group, "mine");
    party.pass(5_000);
    assert_eq!(refused(&mut party, BEN, group, post, edit("yours")), CommandError::NotAuthor);
    assert_eq!(refused(&mut party, BEN, group, post, Deed::Retract), CommandError::NotAuthor);
    assert_eq!(refused(&mut party, BEN, group, post, Deed::Pin { on: true }), CommandError::NotAdmin);
    assert_eq!(refused(&mut party, BEN, group, EntryId([9; 32]), react("👍")), CommandError::UnknownMessage);
    for words in ["", "yes", "👍 👍", "\u{1b}[31m", "👍👍👍👍👍👍👍👍👍"] {
        let error = refused(&mut party, BEN, group, post, react(words));
        assert_eq!(error, CommandError::BadValue { field: "emoji" }, "{words:?}");
    }
    assert_eq!(seen(&party, &group, post), Aggregate::default());
}

#[test]
fn cv_03_deleted_for_everyone_is_gone_from_every_disk_and_stays_so() {
    let (mut party, group) = Party::with_group(3, 3);
    let post = words(&mut party, BEN, group, "canary-7141");
    party.pass(5_000);
    party.annotate(BEN, group, post, Deed::Retract);
    party.pass(5_000);
    assert!(seen(&party, &group, post).retracted_by.is_some());
    for who in [ANA, BEN, CLEO] {
        assert_eq!(line(&party, who, &group, post).text, "");
        let holds = |bytes: &[u8]| bytes.windows(11).any(|part| part == b"canary-7141");
        let left: Vec<RecordKind> =
            party.hosts[who].disk.iter().filter(|(_, bytes)| holds(bytes)).map(|(id, _)| id.kind()).collect();
        assert_eq!(left, [], "{who}");
        party.stop(who);
        party.start(who);
    }
    party.pass(5_000);
    assert!(seen(&party, &group, post).retracted_by.is_some());
}

#[test]
fn cv_02_an_organiser_deletes_and_pins_and_it_outlasts_the_office() {
    let (mut party, group) = Party::with_group(3, 3);
    let ben = party.member(ANA, &group, BEN);
    party.ask(ANA, Command::Promote { group, member: ben }).unwrap();
    party.pass(5_000);
    let (spam, pinned) = (words(&mut party, CLEO, group, "buy gold"), words(&mut party, CLEO, group, "job offer"));
    party.pass(5_000);
    party.annotate(BEN, group, spam, Deed::Retract);
    party.annotate(BEN, group, pinned, Deed::Pin { on: true });
    party.pass(5_000);
    party.ask(ANA, Command::Demote { group, member: ben }).unwrap();
    party.pass(5_000);
    let of_ben = seen(&party, &group, spam).retracted_by;
    assert_eq!(of_ben, Some(ben));
    (0..3).for_each(|who| assert_eq!(party.pinned(who, &group), [pinned], "{who}"));
    assert_eq!(refused(&mut party, BEN, group, pinned, Deed::Pin { on: false }), CommandError::NotAdmin);
}

#[test]
fn co_03_two_halves_do_different_things_to_one_message_and_agree_when_they_meet() {
    let (mut party, group) = Party::with_group(4, 4);
    let post = words(&mut party, ANA, group, "one");
    let other = words(&mut party, ANA, group, "two");
    party.pass(5_000);
    party.split(&[ANA, BEN], &[CLEO, 3]);
    party.annotate(ANA, group, post, edit("uno"));
    party.annotate(BEN, group, post, react("🎉"));
    party.annotate(ANA, group, other, Deed::Retract);
    party.annotate(CLEO, group, post, react("🎉"));
    party.annotate(3, group, other, react("👀"));
    party.pass(60_000);
    party.heal();
    party.pass(120_000);
    let sum = seen(&party, &group, post);
    assert_eq!(sum.revisions.len(), 1);
    assert_eq!(sum.reactions[0].by.len(), 2);
    let gone = seen(&party, &group, other);
    assert!(gone.retracted_by.is_some() && gone.reactions.is_empty());
}

#[test]
fn cv_07_what_a_removed_member_did_meanwhile_counts_no_longer() {
    let (mut party, group) = Party::with_group(3, 3);
    let post = words(&mut party, ANA, group, "one");
    party.pass(5_000);
    party.split(&[ANA, CLEO], &[BEN]);
    let member = party.member(ANA, &group, BEN);
    party.ask(ANA, Command::Remove { group, member, ban: Ban::No }).unwrap();
    party.pass(5_000);
    party.annotate(BEN, group, post, react("👍"));
    let sum = party.aggregate(BEN, &group, &line(&party, BEN, &group, post));
    assert_eq!(sum.reactions.len(), 1, "Ben has not heard of it");
    party.heal();
    party.pass(120_000);
    for who in [ANA, BEN, CLEO] {
        assert_eq!(party.aggregate(who, &group, &line(&party, who, &group, post)), Aggregate::default(), "{who}");
    }
}

#[test]
fn e_71_what_is_done_while_alone_waits_over_a_restart_and_goes_out_later() {
    let (mut party, group) = Party::with_group(2, 2);
    let post = words(&mut party, ANA, group, "one");
    party.pass(5_000);
    party.split(&[ANA], &[BEN]);
    party.stop(BEN);
    party.start(BEN);
    party.pass(60_000);
    let waits = party.annotate(BEN, group, post, react("👍"));
    assert!(matches!(waits, Reply::Queued(_)), "{waits:?}");
    party.stop(BEN);
    party.start(BEN);
    assert_eq!(party.hosts[BEN].account.outbox(&group).len(), 1);
    party.heal();
    party.pass(120_000);
    assert_eq!(seen(&party, &group, post).reactions.len(), 1);
}

#[test]
fn cv_06_what_belongs_to_a_message_lies_beside_it_and_pins_are_found_without_their_messages() {
    let (mut party, group) = Party::with_group(2, 2);
    let (post, other) = (words(&mut party, ANA, group, "one"), words(&mut party, ANA, group, "two"));
    party.pass(5_000);
    party.annotate(BEN, group, post, react("👍"));
    party.annotate(ANA, group, post, Deed::Pin { on: true });
    party.pass(5_000);
    for who in [ANA, BEN] {
        let host = &party.hosts[who];
        let count = |of: Option<&EntryId>| {
            let (from, to) = host.account.annotation_range(&group, of).expect("the group");
            host.disk.range(from..=to).count()
        };
        assert_eq!([count(Some(&post)), count(Some(&other)), count(None)], [2, 0, 1], "{who}");
        // A message that isn't here yet has its place all the same.
        assert_eq!(count(Some(&EntryId([9; 32]))), 0);
        assert_eq!(party.pinned(who, &group), [post]);
    }
}
