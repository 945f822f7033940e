//! The archive and its bundles: a giver can leave out, never forge; what is for one opens for nobody else (E-88 to E-91).

use super::super::archive::{Origin, seed_place};
use super::super::bundle::Bundle;
use super::super::secrets::SecretName;
use super::forge::forged;
use super::*;
use crate::ids::{Digest, MemberKey};
use crate::wire::{from_bytes, to_bytes};

const ANA: usize = 0;
const BEN: usize = 1;
const CY: usize = 2;
const BOTH: [usize; 2] = [ANA, BEN];

/// Ana speaks to Ben, who keeps the seed of her epoch: the Rekey, and what she said.
fn kept(world: &mut World) -> (Verified<Entry>, Vec<Verified<Entry>>) {
    let rekey = world.rekey(ANA, &BOTH);
    let keyed = world.keyed(&BOTH);
    let now = world.now;
    let at = Arrival { keyed: &keyed, rekey: None, shown: None };
    let ben = &mut world.people[BEN].group;
    let seed = ben.on_rekey(now, &rekey, &at).seed.unwrap();
    let HeadKind::Rekey { epoch, roster_hash, .. } = rekey.head.kind else { panic!("a rekey") };
    ben.archive(now, (rekey.id(), rekey.log, epoch), (seed, roster_hash), Origin::OwnSlot);
    let said = (0..3).map(|i| world.say(ANA, &i.to_string())).collect();
    (rekey, said)
}

/// Ben's bundle for Cy.
fn bundle(world: &mut World, days: u64) -> Vec<Bundle> {
    let (mid, to) = (world.mid(CY), world.people[CY].leaf);
    let ben = &world.people[BEN];
    let given = ben.group.archive_within(world.now, days);
    ben.group.seal_bundles((mid, &to), &given, &ben.pair, &mut world.rng)
}

fn opens(world: &World, i: usize, bundle: &Bundle, by: &MemberKey) -> bool {
    world.people[i].group.open_bundle(bundle, by).is_some()
}

fn words(world: &World, i: usize, entry: &Verified<Entry>, rekey: EntryId) -> Option<String> {
    match world.people[i].group.open_archived(entry, &rekey)?.content.body {
        Body::Post(post) => Some(post.text),
        _ => None,
    }
}

#[test]
fn e_88_e_91_a_seed_goes_from_holder_to_newcomer_and_opens_all_of_its_epoch_and_no_other() {
    let mut world = World::new(3);
    let (rekey, said) = kept(&mut world);
    let next = world.rekey(ANA, &BOTH);
    let later = world.say(ANA, "under the next epoch");
    let bundles = bundle(&mut world, 0);
    assert_eq!(bundles.len(), 1);
    assert!(to_bytes(&bundles[0]).len() < 430, "10 epochs of one log take 0.43 kB; this is one");
    let (giver, now) = (world.people[BEN].pair.public(), world.now);
    let cy = &mut world.people[CY].group;
    for offered in cy.open_bundle(&bundles[0], &giver).unwrap() {
        assert_eq!(cy.archive_given(now, &rekey, offered.seed).len(), 1);
    }
    let read: Vec<Option<String>> = said.iter().map(|entry| words(&world, CY, entry, rekey.id())).collect();
    assert_eq!(read, ["0", "1", "2"].map(|text| Some(text.to_string())));
    assert_eq!(words(&world, CY, &later, next.id()), None);
    assert_eq!(words(&world, CY, &later, rekey.id()), None);
    assert!(world.people[CY].group.chains.is_empty(), "no live key was made of it");
}

#[test]
fn at_54_e_90_a_wrong_seed_is_dropped() {
    let mut world = World::new(3);
    let (rekey, said) = kept(&mut world);
    let now = world.now;
    let cy = &mut world.people[CY].group;
    assert!(cy.archive_given(now, &rekey, Secret::new([7; 32])).is_empty());
    assert!(!cy.is_archived(&rekey.id()));
    assert!(cy.archive_given(now, &said[0], Secret::new([7; 32])).is_empty(), "no Rekey at all");
    assert_eq!(words(&world, CY, &said[0], rekey.id()), None);
}

#[test]
fn at_54_at_28_a_bundle_opens_for_nobody_else_and_after_no_change() {
    let mut world = World::new(4);
    kept(&mut world);
    let good = bundle(&mut world, 0).remove(0);
    let giver = world.people[BEN].pair.public();
    assert!(opens(&world, CY, &good, &giver));
    // Replayed to another member, or with that one's name on it.
    assert!(!opens(&world, 3, &good, &giver));
    let renamed = Bundle { to: world.mid(3), ..good.clone() };
    assert!(!opens(&world, 3, &renamed, &giver));
    // Another's signature, another group.
    assert!(!opens(&world, CY, &good, &world.people[ANA].pair.public()));
    assert!(!opens(&world, CY, &Bundle { gid: GroupId([1; 32]), ..good.clone() }, &giver));
    for changed in [
        Bundle { part: 1, ..good.clone() },
        Bundle { parts: 2, ..good.clone() },
        Bundle { inst_no: 1, ..good.clone() },
        Bundle { generation: 9, ..good.clone() },
        Bundle { from: world.people[ANA].log, ..good.clone() },
    ] {
        assert!(!opens(&world, CY, &changed, &giver));
    }
    let bytes = to_bytes(&good);
    assert_eq!(from_bytes(&bytes, 65_536), Ok(good.clone()));
    for at in 0..bytes.len() {
        let mut flipped = bytes.clone();
        flipped[at] ^= 1;
        let read = from_bytes::<Bundle>(&flipped, 65_536);
        assert!(read.is_err() || read.is_ok_and(|read| !opens(&world, CY, &read, &giver)), "byte {at}");
        assert!(from_bytes::<Bundle>(&bytes[..at], 65_536).is_err());
    }
}

#[test]
fn e_86_only_epochs_in_force_within_the_days_are_given_and_second_hand_ones_where_all_is() {
    let mut world = World::new(3);
    let (first, _) = kept(&mut world);
    world.now = world.now.plus_ms(8 * DAY);
    let (second, _) = kept(&mut world);
    let epochs = |world: &World, days| -> Vec<u64> {
        world.people[BEN].group.archive_within(world.now, days).iter().map(|given| given.epoch).collect()
    };
    assert_eq!(epochs(&world, 1), [1, 0], "the first was in force until now");
    world.now = world.now.plus_ms(2 * DAY);
    assert_eq!(epochs(&world, 1), [1]);
    assert_eq!((epochs(&world, 2), epochs(&world, 0)), (vec![1, 0], vec![1, 0]), "two days and no moment more");
    let now = world.now;
    let gone = world.people[BEN].group.forget_archive(now, Some(1));
    assert_eq!(gone.len(), 1);
    assert!(!world.people[BEN].group.is_archived(&first.id()) && world.people[BEN].group.is_archived(&second.id()));

    let (giver, bundles) = (world.people[BEN].pair.public(), bundle(&mut world, 0));
    let cy = &mut world.people[CY].group;
    for offered in cy.open_bundle(&bundles[0], &giver).unwrap() {
        cy.archive_given(now, &second, offered.seed);
    }
    assert_eq!((cy.archive_within(now, 0).len(), cy.archive_within(now, 30).len()), (1, 0));
}

#[test]
fn e_87_e_70_the_archive_goes_with_the_setting_and_with_the_group_and_comes_back_from_the_store() {
    let mut world = World::new(3);
    let (rekey, said) = kept(&mut world);
    let now = world.now;
    let value = {
        let ben = &mut world.people[BEN].group;
        let mut copy = ben.forget_archive(now, None);
        assert_eq!((copy.len(), ben.is_archived(&rekey.id())), (1, false));
        assert!(matches!(copy.remove(0), SecretChange::Erase { .. }));
        let (again, _) = kept(&mut world);
        let ben = &mut world.people[BEN].group;
        assert!(ben.is_archived(&again.id()));
        assert!(ben.erase_all().iter().any(|change| matches!(change.name(), SecretName::Seed { .. })));
        assert!(!ben.is_archived(&again.id()));
        again
    };
    assert_eq!(words(&world, BEN, &said[0], value.id()), None);
    // As its record comes back.
    let keyed = world.keyed(&BOTH);
    let third = world.rekey(ANA, &BOTH);
    let text = world.say(ANA, "kept on disk");
    let at = Arrival { keyed: &keyed, rekey: None, shown: None };
    let mut fresh = Person::new(9, now, &mut world.rng).group;
    let ben = &mut world.people[BEN].group;
    ben.leaves.is_empty().then_some(()).expect("Ben has left; his leaf is gone");
    assert!(ben.on_rekey(now, &third, &at).seed.is_none());
    let HeadKind::Rekey { epoch, roster_hash, .. } = third.head.kind else { panic!("a rekey") };
    let put = fresh.archive(now, (third.id(), third.log, epoch), (Secret::new([1; 32]), roster_hash), Origin::Bundle);
    let SecretChange::Put { value, .. } = &put[0] else { panic!("a seed is put") };
    let mut restored = GroupKeys::new(GID, world.people[CY].log, 0);
    restored.restore_seeds([value.as_slice(), &value[1..]]);
    assert!(restored.is_archived(&third.id()));
    assert!(restored.open_archived(&text, &third.id()).is_none(), "the wrong seed opens nothing");
    assert_eq!(restored.archive_within(now, 30).len(), 0, "where it came from is remembered");
}

#[test]
fn e_91_a_bundle_for_another_group_member_or_installation_is_refused_though_it_is_sealed_to_ones_leaf() {
    let mut world = World::new(4);
    kept(&mut world);
    let (leaf, mid, other) = (world.people[CY].leaf, world.mid(CY), world.mid(3));
    let (giver, ben) = (world.people[BEN].pair.public(), world.people[BEN].log);
    let seed = Secret::new([3; 32]);
    let given = || [archive::Given { log: ben, epoch: 0, seed: &seed }];
    let elsewhere = GroupKeys::new(GroupId([8; 32]), ben, 0);
    let here = GroupKeys::new(GID, ben, 0);
    let pair = &world.people[BEN].pair;
    let mut made =
        |by: &GroupKeys, mid, leaf: Recipient| by.seal_bundles((mid, &leaf), &given(), pair, &mut world.rng).remove(0);
    let good = made(&here, mid, leaf);
    let wrong =
        [made(&elsewhere, mid, leaf), made(&here, other, leaf), made(&here, mid, Recipient { inst_no: 1, ..leaf })];
    assert!(opens(&world, CY, &good, &giver));
    for (number, bundle) in wrong.iter().enumerate() {
        assert!(!opens(&world, CY, bundle, &giver), "{number}");
    }
}

#[test]
fn e_90_a_kept_seed_opens_its_own_log_and_epoch_up_to_the_last_index_and_nothing_else() {
    let mut world = World::new(3);
    let (rekey, said) = kept(&mut world);
    let HeadKind::Rekey { roster_hash, .. } = rekey.head.kind else { panic!("a rekey") };
    let ana = rekey.log;
    let seed = world.people[BEN].group.archive_within(world.now, 0)[0].seed.duplicate();
    let chain = |log: &LogId, epoch: u64| Chain::first(&GID, log, epoch, (&seed, &roster_hash));
    let seal = |world: &mut World, by: usize, log: LogId, (epoch, chain): (u64, Chain)| {
        let mut group = GroupKeys::new(GID, log, 0);
        group.speak_from(rekey.id(), epoch, chain);
        let place = HeadPlace { seq: 9, prev: rekey.id(), heads: heads() };
        let pair = &world.people[by].pair;
        let entry = group.seal(place, &content("sealed by a slot holder"), pair, &mut world.rng).unwrap().entry;
        verified(entry, pair)
    };
    assert_eq!(words(&world, BEN, &said[0], rekey.id()), Some("0".to_string()));
    // Another member's log under the chain of Ana's; Ana's under a number that the Rekey hasn't.
    let eva = world.people[CY].log;
    for (log, epoch, of) in [(eva, 0, ana), (eva, 0, eva), (ana, 1, ana)] {
        let entry = seal(&mut world, CY, log, (epoch, chain(&of, epoch)));
        assert_eq!(words(&world, BEN, &entry, rekey.id()), None, "epoch {epoch}");
    }
    // The last index opens; the one after it is no index, though its key can be had.
    let last = seal(&mut world, ANA, ana, (0, chain(&ana, 0).advance_to(999).unwrap()));
    assert_eq!(words(&world, BEN, &last, rekey.id()), Some("sealed by a slot holder".to_string()));
    let mut beyond = chain(&ana, 0).advance_to(1_000).unwrap();
    let (keys, plain) = (message_keys(&beyond.step()), content("beyond").fields());
    let entry = forged(&world, ANA, &said[0], |entry| {
        let HeadKind::Message { index, nonce, .. } = &mut entry.head.kind else { panic!("a message") };
        *index = 1_000;
        let nonce = *nonce;
        let commit = commitment(&plain, &keys.salt);
        let bound = head_digest(&GID, &ana, &to_bytes(&entry.head));
        entry.body = seal_content(&keys, &nonce, (&bound, &commit), &pad(&plain).unwrap());
        entry.commit = Some(commit);
    });
    assert_eq!(words(&world, BEN, &entry, rekey.id()), None, "index 1,000");
}

#[test]
fn e_86_how_long_an_epoch_was_in_force_is_told_by_the_next_one_of_its_own_log_alone() {
    let mut world = World::new(3);
    let (first, _) = kept(&mut world);
    world.now = world.now.plus_ms(DAY);
    // Cy, who made more epochs, is replaced by nobody; and Ana's is not replaced by Cy's.
    let log = world.people[CY].log;
    let now = world.now;
    let ben = &mut world.people[BEN].group;
    ben.archive(now, (EntryId([6; 32]), log, 5), (Secret::new([6; 32]), Digest([6; 32])), Origin::OwnSlot);
    world.now = world.now.plus_ms(5 * DAY);
    let now = world.now;
    let ben = &mut world.people[BEN].group;
    assert_eq!(ben.archive_within(now, 1).len(), 2, "both are in force still");
    assert!(ben.forget_archive(now, Some(1)).is_empty());
    assert!(ben.forget_archive(now, Some(0)).is_empty(), "0 days: all is kept");
    // One that is twice here by a fork ends with what comes after it, not with its twin.
    ben.archive(now, (EntryId([7; 32]), log, 6), (Secret::new([7; 32]), Digest([6; 32])), Origin::OwnSlot);
    let later = now.plus_ms(2 * DAY);
    let given: Vec<u64> = ben.archive_within(later, 1).iter().map(|given| given.epoch).collect();
    assert_eq!(given, [6, 0]);
    assert!(ben.is_archived(&first.id()));
    assert_eq!((ben.forget_archive(later, Some(0)).len(), ben.seeds.len()), (0, 3), "0 days: however old it is");
    assert_eq!((ben.forget_archive(later, Some(1)).len(), ben.seeds.len()), (1, 2));
}

#[test]
fn e_88_of_more_seeds_than_a_group_may_keep_the_oldest_goes() {
    let mut world = World::new(1);
    let log = world.people[ANA].log;
    let ana = &mut world.people[ANA].group;
    let keep = |ana: &mut GroupKeys, number: u64| {
        let id = EntryId(sha256(&number.to_be_bytes()).0);
        let at = world.now.plus_ms(number);
        let changes = ana.archive(at, (id, log, number), (Secret::new([1; 32]), Digest([2; 32])), Origin::OwnSlot);
        (id, changes)
    };
    let most = u64::try_from(limits::SEEDS_PER_GROUP_MAX).unwrap();
    let (oldest, changes) = keep(ana, 0);
    let SecretChange::Put { value, .. } = &changes[0] else { panic!("a seed is put") };
    assert_eq!(seed_place(value), Some(log));
    assert_eq!(seed_place(&value[1..]), None);
    for number in 1..most {
        assert_eq!(keep(ana, number).1.len(), 1);
    }
    assert!(ana.is_archived(&oldest), "so many there may be");
    let (newest, changes) = keep(ana, most);
    assert!(matches!(changes[..], [SecretChange::Put { .. }, SecretChange::Erase { .. }]));
    assert!(!ana.is_archived(&oldest) && ana.is_archived(&newest));
    assert_eq!(ana.seeds.len(), limits::SEEDS_PER_GROUP_MAX);
}
