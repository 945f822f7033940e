//! Each row of the deletion schedule: the bytes are there before, and nowhere after (E-92, E-93).

use super::super::deletion::ErasureView;
use super::super::secrets::SecretName;
use super::*;

const ANA: usize = 0;
const BEN: usize = 1;
const EVA: usize = 2;

/// Writes a Leaf for `i` and gives the secret of the leaf before it.
fn new_leaf(world: &mut World, i: usize, reason: LeafReason) -> ([u8; 32], Vec<SecretChange>) {
    let one = &mut world.people[i];
    let before = *one.group.leaves[&one.generation].secret.expose();
    let plan = LeafPlan { generation: one.generation + 1, reason, prior: None, known: LeafBody::default() };
    let (built, _) = one.group.build_leaf(world.now, one.place(), plan, &one.pair, &mut world.rng);
    one.generation += 1;
    one.wrote(built.entry);
    (before, one.group.take(built.staged))
}

fn erase(world: &mut World, i: usize, keyed: &[MembershipId], shown: &BTreeMap<MembershipId, u64>) -> usize {
    let now = world.now;
    world.people[i].group.due_erasures(now, &ErasureView { keyed, shown }).len()
}

fn holds(world: &World, i: usize, secret: &[u8; 32]) -> bool {
    secrets_of(&world.people[i].group).contains(secret)
}

// AT-40, E-68: no secret has a text form, a silent copy, an equality that takes its time from the bytes, or an encoding. This is
// checked by the compiler: a `#[derive(Debug)]` on one of these stops the build.
none_implements!(
    [
        Secret<32>,
        Secret<16>,
        KeyPair,
        GroupKeys,
        Chain,
        ratchet::MessageKeys,
        Held,
        OwnLeaf,
        Skipped,
        Page,
        Staged,
        Next,
        Attempt,
        Built,
        SealedMessage,
        OpenedMessage,
        Unopened,
        SecretChange,
    ],
    [core::fmt::Debug, core::fmt::Display, core::fmt::LowerHex, Clone, PartialEq, core::hash::Hash, crate::wire::Canonical]
);

#[test]
fn at_40_what_holds_a_secret_wipes_it_and_shows_it_to_nobody() {
    fn wiped<T: zeroize::ZeroizeOnDrop>() {}
    wiped::<Secret<32>>();
    wiped::<crate::crypto::Zeroizing<Vec<u8>>>();
    // Whatever holds one is dropped piece by piece, so the Secret in it is wiped.
    assert!(core::mem::needs_drop::<Secret<32>>() && core::mem::needs_drop::<Chain>());
    assert!(core::mem::needs_drop::<OwnLeaf>() && core::mem::needs_drop::<Skipped>());
    // What does have a text form says nothing: errors and outcomes on the way of a key.
    let mut world = World::new(2);
    let both = [ANA, BEN];
    let rekey = world.rekey(ANA, &both);
    world.take_rekey(BEN, &rekey, &both, None);
    let texts = alloc::format!("{:?} {:?} {:?}", *rekey, KeyOutcome::Broken, BuildError::NoEpoch);
    for secret in secrets_of(&world.people[BEN].group) {
        let hex = data_encoding::HEXLOWER.encode(&secret);
        let list = alloc::format!("{:?}", &secret[..4]);
        assert!(!texts.contains(&hex) && !texts.contains(list.trim_matches(['[', ']'])));
    }
}

#[test]
fn at_165_e_61_e_92_message_key_salt_and_the_chain_key_before_are_gone_once_it_was_read_or_sealed() {
    let mut world = World::new(2);
    let both = [ANA, BEN];
    let rekey = world.rekey(ANA, &both);
    world.take_rekey(BEN, &rekey, &both, None);
    let old = world.people[BEN].group.chains[&rekey.id()].chain.duplicate();
    let mk = old.duplicate().step();
    let message = world.say(ANA, "words");
    assert!(!holds(&world, ANA, old.key().expose()) && !holds(&world, ANA, mk.expose()));
    assert!(holds(&world, BEN, old.key().expose()));
    let Ok(opened) = world.people[BEN].group.open(world.now, &message, rekey.id()) else { panic!("it opens") };
    assert!(!holds(&world, BEN, old.key().expose()) && !holds(&world, BEN, mk.expose()));
    // Nor does anything of it go to the reader's disk: what would tie the words to the signature is the salt.
    let keys = message_keys(&mk);
    for change in &opened.changes {
        let SecretChange::Put { value, .. } = change else { continue };
        for gone in [old.key(), &mk, &keys.key, &keys.salt] {
            assert!(!value.windows(32).any(|window| window == gone.expose()), "{:?}", change.name());
        }
    }
    assert!(
        opened.changes.iter().any(|change| matches!(change, SecretChange::Put { .. })),
        "the chain moved on the disk"
    );
}

#[test]
fn e_92_a_seed_is_never_kept_by_its_author_nor_by_a_reader() {
    let mut world = World::new(2);
    let both = [ANA, BEN];
    let mut rng = world.rng.clone();
    let seed = Secret::<32>::random(&mut rng);
    let rekey = world.rekey(ANA, &both);
    assert_eq!(rekey.commit, Some(ratchet::seed_commit(&GID, &rekey.log, 0, &seed)));
    world.take_rekey(BEN, &rekey, &both, None);
    assert!(!holds(&world, ANA, seed.expose()) && !holds(&world, BEN, seed.expose()));
}

#[test]
fn e_92_a_skipped_key_goes_on_use_or_after_thirty_days_with_its_page() {
    let mut world = World::new(2);
    let both = [ANA, BEN];
    let rekey = world.rekey(ANA, &both);
    world.take_rekey(BEN, &rekey, &both, None);
    let chain = world.people[BEN].group.chains[&rekey.id()].chain.duplicate();
    let mks = chain.duplicate().step_over(1).unwrap();
    let said: Vec<Verified<Entry>> = (0..3).map(|i| world.say(ANA, &i.to_string())).collect();
    assert!(world.read(BEN, &said[2], rekey.id()).is_ok());
    assert!(holds(&world, BEN, mks[0].1.expose()) && holds(&world, BEN, mks[1].1.expose()));
    assert!(world.read(BEN, &said[0], rekey.id()).is_ok());
    assert!(!holds(&world, BEN, mks[0].1.expose()));
    world.now = world.now.plus_ms(30 * DAY - 1);
    assert_eq!(erase(&mut world, BEN, &[], &BTreeMap::new()), 0);
    world.now = world.now.plus_ms(1);
    let now = world.now;
    let changes = world.people[BEN].group.due_erasures(now, &ErasureView { keyed: &[], shown: &BTreeMap::new() });
    assert!(matches!(changes.as_slice(), [SecretChange::Erase { name: SecretName::Skipped { page: 0, .. } }]));
    assert!(!holds(&world, BEN, mks[1].1.expose()));
    assert_eq!(world.read(BEN, &said[1], rekey.id()), Err("used"));
}

#[test]
fn e_45_the_chain_of_the_epoch_before_goes_after_thirty_days_at_the_latest() {
    let mut world = World::new(2);
    let both = [ANA, BEN];
    let first = world.rekey(ANA, &both);
    world.say(ANA, "never arrives");
    let second = world.rekey(ANA, &both);
    world.take_rekey(BEN, &first, &both, None);
    let old = *world.people[BEN].group.chains[&first.id()].chain.key().expose();
    world.take_rekey(BEN, &second, &both, Some(first.id()));
    world.now = world.now.plus_ms(30 * DAY - 1);
    erase(&mut world, BEN, &[], &BTreeMap::new());
    assert!(holds(&world, BEN, &old));
    world.now = world.now.plus_ms(1);
    erase(&mut world, BEN, &[], &BTreeMap::new());
    assert!(!holds(&world, BEN, &old));
    assert_eq!(world.people[BEN].group.chains.len(), 1);
}

#[test]
fn e_93_a_leaf_secret_goes_when_every_other_keyed_member_has_shown_to_know_the_next() {
    let mut world = World::new(3);
    let keyed = world.keyed(&[ANA, BEN, EVA]);
    let (old, _) = new_leaf(&mut world, BEN, LeafReason::Daily);
    let mut shown = BTreeMap::from([(world.mid(ANA), 1)]);
    assert_eq!(erase(&mut world, BEN, &keyed, &shown), 0);
    assert!(holds(&world, BEN, &old));
    shown.insert(world.mid(EVA), 0);
    assert_eq!(erase(&mut world, BEN, &keyed, &shown), 0);
    shown.insert(world.mid(EVA), 1);
    assert_eq!(erase(&mut world, BEN, &keyed, &shown), 1);
    assert!(!holds(&world, BEN, &old));
    assert_eq!(world.people[BEN].group.leaves.len(), 1);
}

#[test]
fn at_58_a_leaf_secret_goes_at_thirty_days_whoever_never_acknowledges() {
    let mut world = World::new(2);
    let keyed = world.keyed(&[ANA, BEN]);
    let (old, _) = new_leaf(&mut world, BEN, LeafReason::Daily);
    world.now = world.now.plus_ms(30 * DAY - 1);
    erase(&mut world, BEN, &keyed, &BTreeMap::new());
    assert!(holds(&world, BEN, &old));
    world.now = world.now.plus_ms(1);
    erase(&mut world, BEN, &keyed, &BTreeMap::new());
    assert!(!holds(&world, BEN, &old));
    assert_eq!(world.people[BEN].group.newest_generation(), Some(1));
}

#[test]
fn e_93_compromised_erases_older_leaves_at_once() {
    let mut world = World::new(2);
    new_leaf(&mut world, BEN, LeafReason::Daily);
    let (old, changes) = new_leaf(&mut world, BEN, LeafReason::Compromised);
    assert!(!holds(&world, BEN, &old));
    assert_eq!(world.people[BEN].group.leaves.len(), 1);
    let erased = changes.iter().filter(|change| matches!(change, SecretChange::Erase { .. })).count();
    assert_eq!(erased, 2);
}

#[test]
fn at_33_a_clock_that_jumps_a_year_empties_no_key_store() {
    let mut world = World::new(2);
    let (old, _) = new_leaf(&mut world, BEN, LeafReason::Daily);
    let keyed = world.keyed(&[ANA, BEN]);
    world.now = Timestamp::new(world.now.mono_ms + 1, world.now.wall_ms + 365 * DAY);
    erase(&mut world, BEN, &keyed, &BTreeMap::new());
    assert!(holds(&world, BEN, &old));
    world.now = world.now.plus_ms(DAY);
    erase(&mut world, BEN, &keyed, &BTreeMap::new());
    assert!(!holds(&world, BEN, &old));
}

#[test]
fn e_94_a_stamp_keeps_its_age_when_the_clock_jumps_and_over_a_start() {
    let mut world = World::new(1);
    let keys = &mut world.people[ANA].group;
    let (met, jumped) = (Timestamp::new(1_000, 5_000), Timestamp::new(2_000, 5_000 + 300 * DAY));
    assert_eq!(keys.stamp(met), met);
    assert_eq!(keys.stamp(jumped), Timestamp::new(2_000, 5_000));
    // Nobody has spoken: no secret is stamped, but a leaf that was admitted is.
    keys.last_stamped(5_000);
    assert_eq!(keys.aged_ms(Timestamp::new(0, jumped.wall_ms)), 5_000);
}

#[test]
fn e_70_leaving_erases_every_secret_of_the_group_and_a_lost_seat_keeps_leaves_thirty_days() {
    let mut world = World::new(2);
    let both = [ANA, BEN];
    let rekey = world.rekey(ANA, &both);
    world.take_rekey(BEN, &rekey, &both, None);
    let said: Vec<Verified<Entry>> = (0..2).map(|i| world.say(ANA, &i.to_string())).collect();
    assert!(world.read(BEN, &said[1], rekey.id()).is_ok());
    let now = world.now;
    let changes = world.people[ANA].group.erase_all();
    assert!(secrets_of(&world.people[ANA].group).is_empty() && !world.people[ANA].group.can_seal());
    // Chain and two leaves.
    assert_eq!(changes.iter().filter(|change| matches!(change, SecretChange::Erase { .. })).count(), 3);
    world.people[BEN].group.erase_when_lost(now);
    assert_eq!(world.people[BEN].group.leaves.len(), 1);
    assert!(world.people[BEN].group.chains.is_empty());
    world.now = now.plus_ms(30 * DAY);
    erase(&mut world, BEN, &[], &BTreeMap::new());
    assert!(secrets_of(&world.people[BEN].group).is_empty());
}
