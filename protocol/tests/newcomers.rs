//! What newcomers get of what was said before they came: nothing, unless the group's settings say so (E-86 to E-91).
#![expect(clippy::unwrap_used, reason = "what is missing here ends the test")]

use coterie_protocol::testing::party::{Party, address};
use coterie_protocol::{Command, CommandError, Consent, GroupId, History, InviteLink, JoinState, RecordId};

const ANA: usize = 0;
const BEN: usize = 1;
const CY: usize = 2;
const DAY: u64 = 24 * 60 * 60 * 1_000;

/// Seeds on somebody's disk.
fn seeds(party: &Party, who: usize) -> usize {
    party.hosts[who].disk.keys().filter(|id| matches!(id, RecordId::Seed { .. })).count()
}

fn set(party: &mut Party, group: GroupId, history: History) {
    party.ask(ANA, Command::SetHistory { group, history }).unwrap();
    party.pass(5_000);
}

/// Ana and Ben say something; then Cy comes.
fn spoken(history: Option<History>) -> (Party, GroupId) {
    let (mut party, group) = Party::with_group(3, 2);
    party.say(ANA, group, "long before");
    party.say(BEN, group, "before, by Ben");
    party.pass(5_000);
    if let Some(history) = history {
        set(&mut party, group, history);
    }
    party.say(ANA, group, "kept, by Ana");
    party.say(BEN, group, "kept, by Ben");
    party.pass(5_000);
    (party, group)
}

fn cy_joins(party: &mut Party, group: GroupId) -> Vec<String> {
    let link = party.invite(ANA, group, 1);
    assert_eq!(party.join(CY, &link), JoinState::Seated);
    party.pass(180_000);
    party.texts(CY, &group)
}

#[test]
fn e_87_at_118_without_the_setting_no_seed_is_kept_and_a_newcomer_reads_nothing_of_before() {
    let (mut party, group) = spoken(None);
    assert_eq!((seeds(&party, ANA), seeds(&party, BEN)), (0, 0));
    assert_eq!(cy_joins(&mut party, group), Vec::<String>::new());
    assert_eq!(seeds(&party, CY), 0);
}

#[test]
fn e_86_e_88_a_newcomer_reads_what_was_said_since_the_setting_and_nothing_older() {
    for history in [History::Archive { days: 0 }, History::Archive { days: 1 }] {
        let (mut party, group) = spoken(Some(history));
        assert!(seeds(&party, ANA) >= 2 && seeds(&party, BEN) >= 2, "author and slot holders keep them");
        let mut read = cy_joins(&mut party, group);
        read.sort();
        assert_eq!(read, ["kept, by Ana", "kept, by Ben"], "{history:?}");
        // What it got outlives a restart, and what is said from here on is read like everybody's.
        party.stop(CY);
        party.start(CY);
        party.pass(60_000);
        party.say(BEN, group, "welcome, Cy");
        party.pass(5_000);
        assert_eq!(party.texts(CY, &group).len(), 3);
    }
}

#[test]
fn e_88_the_setting_opens_nothing_older_and_its_end_closes_what_comes_after() {
    let (mut party, group) = spoken(Some(History::Archive { days: 0 }));
    set(&mut party, group, History::Nothing);
    assert_eq!((seeds(&party, ANA), seeds(&party, BEN)), (0, 0), "nothing of the past can be given any more (E-87)");
    party.say(ANA, group, "after the end");
    party.pass(5_000);
    assert_eq!(cy_joins(&mut party, group), Vec::<String>::new());
    let again = party.ask(ANA, Command::SetHistory { group, history: History::Nothing });
    assert!(matches!(again, Err(CommandError::NoEffect { .. })));
    let by_ben = party.ask(BEN, Command::SetHistory { group, history: History::Archive { days: 0 } });
    assert_eq!(by_ben.err(), Some(CommandError::NotAdmin));
}

#[test]
fn e_86_what_is_older_than_the_days_is_neither_kept_nor_given() {
    let (mut party, group) = spoken(Some(History::Archive { days: 10 }));
    for week in 0..4 {
        // Each week has an epoch of its own (E-39 b); steps short enough to be believed (E-94).
        party.now_ms += 8 * DAY;
        party.pass(60_000);
        party.say(ANA, group, &format!("week {week}"));
        party.pass(5_000);
    }
    party.pass(2 * 3_600_000);
    let read = cy_joins(&mut party, group);
    assert!(read.contains(&"week 3".to_owned()) && read.contains(&"week 2".to_owned()), "{read:?}");
    assert!(!read.iter().any(|text| text.starts_with("kept, by Ana") || text == "week 0"), "{read:?}");
}

#[test]
fn at_54_e_89_who_is_not_confirmed_gets_nothing_and_who_is_removed_forgets_it() {
    let (mut party, group) = spoken(Some(History::Archive { days: 0 }));
    // Ana, who confirms, goes before Cy comes: Ben lets Cy in and may not confirm.
    let link = party.invite(ANA, group, 1);
    party.pass(5_000);
    party.stop(ANA);
    let link = InviteLink::parse(&link.to_long()).unwrap();
    let (via, consent) = (vec![address(1)], Consent::Given);
    party.ask(CY, Command::Join { link, name: String::new(), via, consent }).unwrap();
    party.pass(180_000);
    assert!(
        !party.texts(CY, &group).iter().any(|text| text.starts_with("kept")),
        "a leaked link never yields the past"
    );
    assert_eq!(seeds(&party, CY), 0);
    // Confirmed, Cy gets it; removed, the seeds go with all other keys (E-70).
    party.start(ANA);
    party.pass(180_000);
    assert_eq!(party.texts(CY, &group).iter().filter(|text| text.starts_with("kept")).count(), 2);
    let cy = party.member(ANA, &group, CY);
    party.ask(ANA, Command::Remove { group, member: cy, ban: coterie_protocol::Ban::No }).unwrap();
    party.pass(60_000);
    assert_eq!(seeds(&party, CY), 0);
}
