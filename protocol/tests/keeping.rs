//! What was said is kept for some days, on one's own disk: it goes there, nowhere else, and does not come back (ST-110).
#![expect(clippy::expect_used, clippy::panic, reason = "what is missing here ends the test")]

use coterie_protocol::testing::party::Party;
use coterie_protocol::{Command, CommandError, Deed, EntryId, GroupId, RecordKind, Reply};

const ANA: usize = 0;
const BEN: usize = 1;
const CLEO: usize = 2;
const HOUR: u64 = 3_600_000;
const DAY: u64 = 24 * HOUR;

fn words(party: &mut Party, who: usize, group: GroupId, text: &str) -> EntryId {
    match party.say(who, group, text) {
        Reply::Saved(entry) => entry,
        other => panic!("{other:?}"),
    }
}

fn keep(party: &mut Party, who: usize, group: GroupId, days: u16) {
    party.ask(who, Command::KeepWords { group, days }).expect("a setting of one's own");
}

/// The kinds of records on a disk that hold these words.
fn holding(party: &Party, who: usize, words: &str) -> Vec<RecordKind> {
    let holds = |bytes: &[u8]| bytes.windows(words.len()).any(|part| part == words.as_bytes());
    party.hosts[who].disk.iter().filter(|(_, bytes)| holds(bytes)).map(|(id, _)| id.kind()).collect()
}

#[test]
fn st_110_old_words_go_from_ones_own_disk_with_all_that_was_done_to_them_and_from_no_other() {
    let (mut party, group) = Party::with_group(2, 2);
    let post = words(&mut party, BEN, group, "canary-one");
    party.pass(5_000);
    party.annotate(BEN, group, post, Deed::Edit { text: "canary-two".into() });
    party.annotate(ANA, group, post, Deed::Pin { on: true });
    words(&mut party, ANA, group, "canary-own");
    party.pass(5_000);
    keep(&mut party, ANA, group, 1);
    party.pass(DAY - 2 * HOUR);
    words(&mut party, BEN, group, "canary-new");
    party.pass(HOUR);
    assert_eq!(party.texts(ANA, &group).len(), 3, "nothing is a day old yet");

    party.pass(3 * HOUR);
    assert_eq!(party.texts(ANA, &group), ["canary-new"]);
    for gone in ["canary-one", "canary-two", "canary-own"] {
        assert_eq!(holding(&party, ANA, gone), [], "{gone}");
    }
    assert_eq!(party.pinned(ANA, &group), []);
    let left = |kind| party.hosts[ANA].disk.keys().filter(|id| id.kind() == kind).count();
    assert_eq!((left(RecordKind::View), left(RecordKind::Annotation)), (1, 0));
    assert_eq!(party.texts(BEN, &group), ["canary-one", "canary-own", "canary-new"], "others keep theirs");

    // It is gone for good: after a start, and after another comparison with whoever has it.
    party.stop(ANA);
    party.start(ANA);
    party.pass(2 * HOUR);
    assert_eq!(party.texts(ANA, &group), ["canary-new"]);
    assert_eq!(holding(&party, ANA, "canary-one"), []);
    let refused = party.ask(ANA, Command::Annotate { group, target: post, deed: Deed::Pin { on: true } });
    assert_eq!(refused.expect_err("it isn't there"), CommandError::UnknownMessage);
    keep(&mut party, ANA, group, 0);
    party.pass(2 * DAY);
    assert_eq!(party.texts(ANA, &group), ["canary-new"], "for ever, from now on");
}

#[test]
fn st_110_who_was_away_reads_what_they_missed_and_a_newcomer_gets_it_from_those_who_erased_its_words() {
    let (mut party, group) = Party::with_group(3, 3);
    keep(&mut party, CLEO, group, 1);
    keep(&mut party, ANA, group, 1);
    party.pass(5_000);
    party.stop(CLEO);
    words(&mut party, BEN, group, "while Cleo is away");
    party.pass(2 * DAY);
    assert_eq!(party.texts(ANA, &group), [""; 0]);
    party.stop(BEN);

    // Only Ana is there, who has no words left: what she passes on is what she holds sealed.
    party.start(CLEO);
    party.pass(2 * HOUR);
    assert_eq!(party.texts(CLEO, &group), ["while Cleo is away"], "it came today");
    party.pass(DAY);
    assert_eq!(party.texts(CLEO, &group), [""; 0]);
}

#[test]
fn st_110_what_a_crash_left_half_forgotten_is_forgotten_by_the_next_life() {
    let (mut party, group) = Party::with_group(2, 2);
    let post = words(&mut party, BEN, group, "canary");
    party.pass(2 * DAY);
    party.stop(ANA);
    party.hosts[ANA].disk.retain(|id, _| id.kind() != RecordKind::View);
    let shown = |party: &Party| {
        let entries = party.hosts[ANA].disk.iter().filter(|(id, _)| id.kind() == RecordKind::Entry);
        let position = |bytes: &[u8]| u64::from_be_bytes(*bytes[8..].first_chunk().expect("a position"));
        entries.filter(|(_, bytes)| ![0, u64::MAX].contains(&position(bytes))).count()
    };
    assert_eq!(shown(&party), 1, "its position still stands with its entry");
    party.start(ANA);
    keep(&mut party, ANA, group, 1);
    party.pass(HOUR);
    assert_eq!(shown(&party), 0);
    party.stop(ANA);
    party.start(ANA);
    let refused = party.ask(ANA, Command::Annotate { group, target: post, deed: Deed::Pin { on: true } });
    assert_eq!(refused.expect_err("it isn't there"), CommandError::UnknownMessage);
}

#[test]
fn st_110_e_94_a_clock_that_jumps_empties_no_timeline() {
    let (mut party, group) = Party::with_group(2, 2);
    keep(&mut party, ANA, group, 30);
    words(&mut party, BEN, group, "precious");
    party.pass(HOUR);
    party.hosts[ANA].skew_ms = i64::try_from(400 * DAY).expect("a time");
    party.pass(3 * HOUR);
    assert_eq!(party.texts(ANA, &group), ["precious"]);
    party.stop(ANA);
    party.start(ANA);
    party.pass(3 * HOUR);
    assert_eq!(party.texts(ANA, &group), ["precious"], "not by a restart either");
}

#[test]
fn st_110_e_53_ones_own_words_stay_in_order_when_those_before_are_forgotten() {
    let (mut party, group) = Party::with_group(2, 2);
    party.hosts[BEN].skew_ms = i64::try_from(200 * DAY).expect("a time");
    words(&mut party, BEN, group, "from the future");
    party.pass(5_000);
    words(&mut party, ANA, group, "an answer, behind it");
    keep(&mut party, ANA, group, 1);
    party.pass(DAY + 2 * HOUR);
    assert_eq!(party.texts(ANA, &group), [""; 0]);
    party.stop(ANA);
    party.start(ANA);
    party.pass(HOUR);
    words(&mut party, ANA, group, "a day later");
    party.pass(5_000);
    assert_eq!(party.texts(BEN, &group), ["from the future", "an answer, behind it", "a day later"]);
}

#[test]
fn st_110_a_time_that_somebody_claims_keeps_nothing_and_a_strange_wish_is_refused() {
    let (mut party, group) = Party::with_group(2, 2);
    keep(&mut party, ANA, group, 1);
    party.hosts[BEN].skew_ms = i64::try_from(200 * DAY).expect("a time");
    words(&mut party, BEN, group, "from the future");
    party.pass(5_000);
    assert_eq!(party.texts(ANA, &group).len(), 1);
    party.pass(DAY + 2 * HOUR);
    assert_eq!(party.texts(ANA, &group), [""; 0]);
    // Not by less than it is kept either: what is noted as ahead goes when it came that long ago.
    party.hosts[BEN].skew_ms = i64::try_from(2 * DAY).expect("a time");
    keep(&mut party, ANA, group, 3);
    words(&mut party, BEN, group, "a little ahead");
    party.pass(3 * DAY - HOUR);
    assert_eq!(party.texts(ANA, &group), ["a little ahead"]);
    party.pass(3 * HOUR);
    assert_eq!(party.texts(ANA, &group), [""; 0]);
    let refused = party.ask(ANA, Command::KeepWords { group, days: 4_000 });
    assert_eq!(refused.expect_err("too long"), CommandError::BadValue { field: "days" });
}
