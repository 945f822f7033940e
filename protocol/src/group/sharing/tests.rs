//! What members know of each other grows old: nothing of it is used, or lies in the store, after its time.

use super::*;
use crate::event::JoinState;
use crate::ids::GroupId;
use crate::testing::party::Party;

const ANA: usize = 0;
const BEN: usize = 1;

fn pair() -> (Party, GroupId) {
    let mut party = Party::new(2);
    let group = party.found(ANA, "Harbour");
    let link = party.invite(ANA, group, 1);
    assert_eq!(party.join(BEN, &link), JoinState::Seated);
    party.pass(60_000);
    (party, group)
}

/// The current lookup key, as `who` sees it.
fn current(party: &mut Party, who: usize, gid: GroupId) -> Option<[u8; 32]> {
    let mut key = None;
    party.inside(who, &gid, |group, _| {
        let log = Log(RefCell::new(&mut group.membership));
        key = group.sharing.keys.current(&log).map(|record| *record.key.expose());
    });
    key
}

/// Whether these bytes stand in some lookup key record on the disk of `who`.
fn stores(party: &Party, who: usize, key: &[u8; 32]) -> bool {
    let access = party.hosts[who].disk.iter().filter(|(id, _)| matches!(id, RecordId::Access { .. }));
    access.into_iter().any(|(_, bytes)| bytes.windows(32).any(|window| window == key))
}

fn peers(party: &Party, who: usize) -> usize {
    party.hosts[who].disk.keys().filter(|id| matches!(id, RecordId::Peer { .. })).count()
}

/// Everybody's machine is off for so long; then `who` starts.
fn sleep(party: &mut Party, who: usize, days: u64) {
    (0..2).for_each(|one| party.stop(one));
    party.now_ms += days * limits::DAY_MS;
    party.start(who);
}

#[test]
fn n_802_a_lookup_key_goes_after_ninety_days_however_often_the_machine_was_restarted() {
    let (mut party, group) = pair();
    let first = current(&mut party, BEN, group).unwrap();
    assert!(stores(&party, BEN, &first));
    sleep(&mut party, BEN, 89);
    assert_eq!(current(&mut party, BEN, group), Some(first));
    sleep(&mut party, BEN, 2);
    assert_eq!(current(&mut party, BEN, group), None);
    party.pass(limits::ERASURES_EVERY_MS + limits::ERASURES_DELAY_MS);
    assert!(!stores(&party, BEN, &first));
    // In a life that lasts so long it goes as well.
    let next = current(&mut party, BEN, group).unwrap();
    party.now_ms += 91 * limits::DAY_MS;
    party.pass(limits::ERASURES_EVERY_MS);
    assert!(!stores(&party, BEN, &next) && current(&mut party, BEN, group) != Some(next));
}

#[test]
fn n_805_an_admin_renews_the_lookup_key_after_thirty_days() {
    let (mut party, group) = pair();
    let first = current(&mut party, ANA, group).unwrap();
    sleep(&mut party, ANA, 29);
    party.pass(limits::LOOKUP_KEY_ADMIN_WAIT_MS * 2);
    assert_eq!(current(&mut party, ANA, group), Some(first));
    sleep(&mut party, ANA, 2);
    party.pass(limits::LOOKUP_KEY_ADMIN_WAIT_MS * 2);
    let second = current(&mut party, ANA, group).unwrap();
    assert_ne!(second, first);
    party.start(BEN);
    party.pass(60_000);
    assert_eq!(current(&mut party, BEN, group), Some(second));
    assert!(stores(&party, BEN, &first) && stores(&party, BEN, &second), "old ones are kept for reading");
}

#[test]
fn n_807_an_address_record_goes_thirty_days_after_its_end_and_with_its_owner() {
    let (mut party, group) = pair();
    assert_eq!(peers(&party, BEN), 2);
    sleep(&mut party, BEN, 31);
    party.pass(limits::ERASURES_DELAY_MS + 5_000);
    assert_eq!(peers(&party, BEN), 2, "a last candidate");
    sleep(&mut party, BEN, 2);
    party.pass(limits::ERASURES_DELAY_MS + 5_000);
    assert_eq!(peers(&party, BEN), 1, "only its own new one");
    party.start(ANA);
    party.pass(120_000);
    assert_eq!(peers(&party, BEN), 1, "they do not find each other any more");
    let _ = group;
}

#[test]
fn n_807_the_address_of_who_has_left_goes_with_the_next_erasures() {
    let (mut party, group) = pair();
    assert_eq!(peers(&party, ANA), 2);
    party.ask(BEN, crate::Command::Leave { group, last_organiser: crate::LastOrganiser::Stays }).unwrap();
    party.pass(limits::ERASURES_DELAY_MS + 5_000);
    assert_eq!(peers(&party, ANA), 1);
    // What is left keeps its number over a restart, so that no older record comes back.
    let before: Vec<_> =
        party.hosts[ANA].disk.keys().filter(|id| matches!(id, RecordId::Peer { .. })).copied().collect();
    party.stop(ANA);
    party.start(ANA);
    party.pass(60_000);
    let after: Vec<_> =
        party.hosts[ANA].disk.keys().filter(|id| matches!(id, RecordId::Peer { .. })).copied().collect();
    assert_eq!(before, after);
}
