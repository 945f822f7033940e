//! What is set in a group and decides how people talk there: silence on one's own screens, who may write, how often
//! (CV-9 to CV-11).
#![expect(clippy::expect_used, reason = "what is missing here ends the test")]

use coterie_protocol::testing::party::Party;
use coterie_protocol::{Command, CommandError, GroupId, GroupView, Mute, Muted};

const ANA: usize = 0;
const BEN: usize = 1;
const HOUR: u64 = 3_600_000;

fn view(party: &Party, who: usize, group: &GroupId) -> GroupView {
    let found = party.hosts[who].account.groups().into_iter().find(|view| view.id == *group);
    found.expect("the group")
}

fn is_muted(party: &Party, who: usize, group: &GroupId) -> bool {
    view(party, who, group).muted.is_some()
}

fn mute(party: &mut Party, who: usize, group: GroupId, mute: Mute) {
    party.ask(who, Command::Mute { group, mute }).expect("a setting of one's own");
}

#[test]
fn cv_11_a_mute_is_ones_own_outlives_a_start_and_ends_by_itself() {
    let (mut party, group) = Party::with_group(2, 2);
    let operations = view(&party, BEN, &group).operations;
    mute(&mut party, ANA, group, Mute::ForMs(8 * HOUR));
    party.pass(4 * HOUR);
    party.stop(ANA);
    party.start(ANA);
    party.pass(3 * HOUR);
    assert!(is_muted(&party, ANA, &group), "seven hours of eight");
    assert!(!is_muted(&party, BEN, &group), "nobody else is told");
    assert_eq!(view(&party, BEN, &group).operations, operations, "nothing is written about it");
    party.pass(HOUR + 60_000);
    assert!(!is_muted(&party, ANA, &group), "nine hours later it rings");

    // It ends also while the computer is off.
    mute(&mut party, ANA, group, Mute::ForMs(HOUR));
    party.stop(ANA);
    party.pass(2 * HOUR);
    party.start(ANA);
    party.pass(1_000);
    assert!(!is_muted(&party, ANA, &group));

    mute(&mut party, ANA, group, Mute::Always);
    party.pass(400 * 24 * HOUR);
    party.stop(ANA);
    party.start(ANA);
    assert_eq!(view(&party, ANA, &group).muted, Some(Muted::Always));
    mute(&mut party, ANA, group, Mute::Off);
    assert!(!is_muted(&party, ANA, &group));
    for ms in [0, 367 * 24 * HOUR, u64::MAX] {
        let refused = party.ask(ANA, Command::Mute { group, mute: Mute::ForMs(ms) });
        assert_eq!(refused.expect_err("no span"), CommandError::BadValue { field: "for_ms" });
    }
}
