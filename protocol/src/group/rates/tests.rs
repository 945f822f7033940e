//! A member with a valid seat that writes too much, among honest ones.

use super::*;
use crate::encryption::rekey::LeafReason;
use crate::event::{Event, JoinState};
use crate::group::OutboxRecord;
use crate::ids::GroupId;
use crate::testing::party::Party;
use crate::timeline::content::{Body, Post};
use alloc::string::String;
use alloc::vec::Vec;
use std::format;

const ANA: usize = 0;
const BEN: usize = 1;
const CY: usize = 2;

/// `who` runs a program that keeps to no rate.
fn without_rates(party: &mut Party, who: usize, gid: GroupId, times: usize, act: fn(&mut Group, &mut Context<'_>)) {
    for _ in 0..times {
        party.inside(who, &gid, |group, ctx| {
            group.rates.own = Meter::own();
            act(group, ctx);
        });
    }
}

fn leaf(group: &mut Group, ctx: &mut Context<'_>) {
    group.write_leaf(ctx, LeafReason::Daily, None).unwrap();
}

fn text(group: &mut Group, ctx: &mut Context<'_>) {
    let record =
        OutboxRecord { at_ms: ctx.now.wall_ms, body: Body::Post(Post { text: "spam".into(), ..Post::default() }) };
    group.seal_words(ctx, &record).unwrap().unwrap();
}

/// How many entries of `author` `who` holds.
fn held(party: &mut Party, who: usize, gid: GroupId, author: usize) -> u64 {
    let key = party.hosts[author].account.me();
    let mut count = 0;
    party.inside(who, &gid, |group, _| {
        let mid = group.membership.roster().mids_of(&key).next().unwrap();
        let logs = group.logs.logs_of(&mid).filter_map(|log| group.logs.state(log));
        count = logs.map(|state| state.seq + 1).sum();
    });
    count
}

fn throttled(party: &Party, who: usize) -> usize {
    let alerts = party.hosts[who].events.iter().filter(
        |event| matches!(event, Event::Alert { alert, .. } if alert.kind == AlertKind::Throttled && alert.member.is_some()),
    );
    alerts.count()
}

#[test]
fn at_23_at_87_e_77_who_changes_keys_all_the_time_is_throttled_by_everybody_told_once_and_heard_in_the_end() {
    let (mut party, group) = Party::with_group(3, 3);
    let before = held(&mut party, ANA, group, CY);
    without_rates(&mut party, CY, group, 20, leaf);
    party.pass(60_000);
    for who in [ANA, BEN] {
        let taken = held(&mut party, who, group, CY) - before;
        // The one too many shows it.
        assert!(taken <= limits::AUTHOR_LEAVES.burst + 1, "{who} took {taken}");
        assert_eq!(throttled(&party, who), 1, "{who}");
    }
    // Others are not held up, the spammer hears everything.
    party.say(BEN, group, "hello");
    party.say(CY, group, "late");
    party.pass(5_000);
    assert_eq!(party.texts(ANA, &group), ["hello"]);
    assert_eq!(party.texts(CY, &group).len(), 2);
    // Ten minutes each: nothing was lost.
    party.pass(4 * limits::HOUR_MS);
    let all = held(&mut party, CY, group, CY);
    for who in [ANA, BEN] {
        assert_eq!(held(&mut party, who, group, CY), all, "{who}");
        assert_eq!(party.texts(who, &group).len(), 2, "{who}");
        assert_eq!(throttled(&party, who), 1, "{who}");
    }
}

#[test]
fn at_23_a_flood_of_leaf_entries_takes_no_more_room_at_the_others_than_the_rates_let_in() {
    let (mut party, group) = Party::with_group(3, 3);
    let room = |party: &Party| party.hosts[ANA].disk.values().map(Vec::len).sum::<usize>();
    let before = held(&mut party, ANA, group, CY);
    without_rates(&mut party, CY, group, 150, leaf);
    party.pass(60_000);
    let (full, first) = (room(&party), held(&mut party, ANA, group, CY));
    assert!(first - before <= limits::AUTHOR_LEAVES.burst + 1, "{before} to {first}");
    // Twice as many bring nothing more.
    without_rates(&mut party, CY, group, 150, leaf);
    party.pass(60_000);
    let entry = 600;
    assert!(room(&party) <= full + entry, "{full} bytes became {}", room(&party));
    // Six an hour, hour by hour, and nobody else is slowed down.
    party.pass(3 * limits::HOUR_MS);
    let later = held(&mut party, ANA, group, CY);
    assert!((12..=20).contains(&(later - first)), "{first} to {later} in three hours");
    party.say(BEN, group, "hello");
    party.pass(5_000);
    assert_eq!(party.texts(ANA, &group), ["hello"]);
    assert_eq!(throttled(&party, ANA), 1);
}

#[test]
fn e_77_three_hundred_quick_words_of_one_person_all_arrive() {
    let (mut party, group) = Party::with_group(3, 3);
    let said: Vec<String> = (0..300).map(|n| format!("message {n}")).collect();
    for text in &said {
        party.say(BEN, group, text);
    }
    party.pass(60_000);
    for who in [ANA, BEN, CY] {
        assert_eq!(party.texts(who, &group), said, "{who}");
        assert_eq!(throttled(&party, who), 0, "{who}");
    }
}

#[test]
fn e_77_words_pushed_faster_than_the_rate_are_left_to_the_comparison_of_logs() {
    let (mut party, group) = Party::with_group(3, 3);
    party.tape = Some(Vec::new());
    said_at_once(&mut party, group, 200);
    let pushed = pushes(&party, BEN, ANA);
    assert!(pushed <= limits::AUTHOR_ITEMS.burst + 5, "{pushed} pushes by the author");
    // A program without this rate pushes all: what is too much is not taken that way.
    party.pass(60_000);
    let before = held(&mut party, ANA, group, CY);
    without_rates(&mut party, CY, group, 200, text);
    let taken = held(&mut party, ANA, group, CY) - before;
    assert!(taken < 150, "{taken} of 200 came by push");
    party.pass(60_000);
    assert_eq!(party.texts(ANA, &group).len(), 400);
}

fn said_at_once(party: &mut Party, group: GroupId, count: usize) {
    for n in 0..count {
        party.say(BEN, group, &format!("message {n}"));
    }
}

/// PUSH frames on the tape.
fn pushes(party: &Party, from: usize, to: usize) -> u64 {
    let number = crate::GroupFrame::Push.number();
    let frames = party.tape.iter().flatten().filter(|(a, b, bytes)| (*a, *b) == (from, to) && bytes[0] == number);
    u64::try_from(frames.count()).unwrap()
}

#[test]
fn r_36_people_who_come_and_go_do_not_mute_a_speaker() {
    let mut party = Party::new(20);
    let group = party.found(ANA, "Harbour");
    let link = party.invite(ANA, group, 1);
    assert_eq!(party.join(BEN, &link), JoinState::Seated);
    party.pass(40_000);
    for who in 2..20 {
        let link = party.invite(ANA, group, 1);
        assert_eq!(party.join(who, &link), JoinState::Seated);
        party.pass(40_000);
        party.say(BEN, group, &format!("with {who}"));
        party.pass(1_000);
        let leave = crate::Command::Leave { group, last_organiser: crate::LastOrganiser::Stays };
        party.ask(who, leave).unwrap();
        party.pass(1_000);
        party.say(BEN, group, &format!("without {who}"));
    }
    party.pass(5_000);
    assert_eq!(party.texts(ANA, &group).len(), 36);
    assert_eq!(throttled(&party, ANA), 0);
}

#[test]
fn e_77_an_honest_speaker_waits_before_a_rekey_too_many_and_says_it_later() {
    let (mut party, group) = Party::with_group(3, 3);
    let spend = |group: &mut Group, ctx: &mut Context<'_>| {
        group.rates.own.rekeys.charge(limits::AUTHOR_REKEYS.burst, ctx.now);
    };
    party.inside(BEN, &group, spend);
    // The first words need a first chain.
    assert!(matches!(party.say(BEN, group, "patience"), crate::Reply::Queued(_)));
    party.pass(60_000);
    assert!(party.texts(ANA, &group).is_empty());
    party.pass(limits::HOUR_MS / 12);
    assert_eq!(party.texts(ANA, &group), ["patience"]);
}

#[test]
fn e_77_a_day_has_so_many_entries_and_bytes_and_only_so_many_authors_are_kept() {
    let start = Timestamp::new(1_000, 0);
    let mut meter = Meter::new(0, start);
    (0..50_000).for_each(|_| meter.charge(Kind::Other, 1_000, start));
    assert_eq!(meter.rest_ms(start), 0);
    meter.charge(Kind::Other, 1_000, start);
    assert_eq!(meter.rest_ms(start), 1_728);
    let mut wide = Meter::new(0, start);
    wide.charge(Kind::Other, 64 << 20, start);
    assert_eq!(wide.rest_ms(start), 0);
    wide.charge(Kind::Other, 64 << 20, start);
    assert_eq!(wide.rest_ms(start), limits::DAY_MS);
    let mut rates = Rates::default();
    for n in 0..300_u16 {
        let mut mid = [0; 32];
        mid[..2].copy_from_slice(&n.to_be_bytes());
        rates.of(MembershipId(mid), start, || Seniority::After).charge(Kind::Other, 1, start);
    }
    assert_eq!(rates.authors.len(), limits::METERED_AUTHORS_MAX);
}

#[test]
fn e_77_a_log_that_is_older_than_oneself_or_grew_while_one_was_away_is_taken_at_once() {
    let start = Timestamp::new(1_000, 0);
    let mut rates = Rates::default();
    let (old, new) = (MembershipId([1; 32]), MembershipId([2; 32]));
    for _ in 0..365 {
        rates.of(old, start, || Seniority::Before).charge(Kind::Leaf, 600, start);
    }
    assert_eq!(rates.of(old, start, || Seniority::Before).rest_ms(start), 0, "a year of fresh leaves");
    (0..7).for_each(|_| rates.of(new, start, || Seniority::After).charge(Kind::Leaf, 600, start));
    assert_eq!(rates.of(new, start, || Seniority::After).rest_ms(start), limits::HOUR_MS / 6);
    let mut rates = Rates::default();
    rates.restored(Timestamp::new(1_000, 14 * limits::DAY_MS), 0);
    (0..14).for_each(|_| rates.of(new, start, || Seniority::After).charge(Kind::Leaf, 600, start));
    assert_eq!(rates.of(new, start, || Seniority::After).rest_ms(start), 0);
}
