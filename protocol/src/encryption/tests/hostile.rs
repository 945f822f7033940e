//! Well-signed lies: each is noticed by whom it harms, and moves nothing (AT-04 to AT-17, AT-22 to AT-28, AT-53).

use super::forge::{body_of, forged};
use super::trio::restarted;
use super::*;
use crate::ids::Digest;
use crate::log::body::{GrantBody, SealedSeed, Slot, roster_hash};

const ANA: usize = 0;
const BEN: usize = 1;
const EVA: usize = 2;
const ALL: [usize; 3] = [ANA, BEN, EVA];

#[test]
fn at_16_unequal_seeds_are_noticed_by_each_victim_and_give_nothing() {
    let mut world = World::new(3);
    let rekey = world.rekey(ANA, &ALL);
    let lie = forged(&world, ANA, &rekey, |entry| entry.commit = Some(Digest([9; 32])));
    for reader in [BEN, EVA] {
        // The commitment is outside the slots' binding, so the slot opens, and the commitment tells.
        assert_eq!(world.take_rekey(reader, &lie, &ALL, None), KeyOutcome::Broken);
        assert!(world.people[reader].group.chains.is_empty());
    }
}

#[test]
fn at_16_a_grant_off_the_chain_is_seen_by_every_holder_and_by_its_target() {
    let mut world = World::new(3);
    let rekey = world.rekey(ANA, &[ANA, BEN]);
    world.take_rekey(BEN, &rekey, &[ANA, BEN], None);
    let grant = world.grant(ANA, &[EVA]);
    let lie = forged(&world, ANA, &grant, |entry| entry.commit = Some(Digest([9; 32])));
    assert_eq!(world.take_grant(BEN, &grant, rekey.id(), &ALL), KeyOutcome::Nothing);
    assert_eq!(world.take_grant(BEN, &lie, rekey.id(), &ALL), KeyOutcome::Broken);
    assert_eq!(world.take_grant(EVA, &lie, rekey.id(), &ALL), KeyOutcome::Broken);
    assert!(world.people[EVA].group.chains.is_empty());
}

#[test]
fn at_16_an_older_grant_onto_another_chain_is_noticed_by_who_holds_a_later_one() {
    let mut world = World::new(3);
    let rekey = world.rekey(ANA, &[ANA, BEN]);
    // Made on a chain of another seed, at index 0, for the same epoch.
    let true_chain = world.people[ANA].group.chains[&rekey.id()].chain.duplicate();
    world.people[ANA].group.chains.get_mut(&rekey.id()).unwrap().chain = Chain::at(Secret::new([6; 32]), 0);
    let lie = world.grant(ANA, &[EVA]);
    world.people[ANA].group.chains.get_mut(&rekey.id()).unwrap().chain = true_chain;
    let first = world.say(ANA, "one");
    let honest = world.grant(ANA, &[EVA]);
    assert_eq!(world.take_grant(EVA, &honest, rekey.id(), &ALL), KeyOutcome::Opened { from: 1 });
    assert_eq!(world.take_grant(EVA, &lie, rekey.id(), &ALL), KeyOutcome::Broken);
    assert_eq!(world.read(EVA, &first, rekey.id()), Err("before"));
}

#[test]
fn at_14_at_15_a_roster_other_than_that_of_the_heads_is_a_misfit() {
    let mut world = World::new(3);
    let larger = world.rekey(ANA, &ALL);
    assert_eq!(world.take_rekey(BEN, &larger, &[ANA, BEN], None), KeyOutcome::Misfit);
    let smaller = world.rekey(ANA, &[ANA, BEN]);
    assert_eq!(world.take_rekey(BEN, &smaller, &ALL, None), KeyOutcome::Misfit);
    let keyed = world.keyed(&ALL);
    let silent = forged(&world, ANA, &smaller, |entry| {
        let HeadKind::Rekey { roster_hash: hash, .. } = &mut entry.head.kind else { panic!("a rekey") };
        *hash = roster_hash(&GID, &keyed);
    });
    assert_eq!(world.take_rekey(BEN, &silent, &ALL, None), KeyOutcome::Misfit);
    assert!(world.people[BEN].group.chains.is_empty());
}

#[test]
fn at_15_who_is_listed_as_suspended_is_told_why_and_others_read() {
    let mut world = World::new(3);
    let suspended = BTreeMap::from([(world.mid(EVA), Why::StaleLeaf)]);
    let rekey = world.rekey_without(ANA, &ALL, &suspended);
    assert_eq!(world.take_rekey(EVA, &rekey, &ALL, None), KeyOutcome::Suspended { why: 1 });
    assert_eq!(world.take_rekey(BEN, &rekey, &ALL, None), KeyOutcome::Opened { from: 0 });
}

#[test]
fn at_09_swapped_slots_do_not_open_and_a_repair_is_asked_for() {
    let mut world = World::new(3);
    let rekey = world.rekey(ANA, &ALL);
    let swapped = forged(&world, ANA, &rekey, |entry| {
        let mut body = body_of(entry);
        body.0.swap(0, 1);
        entry.body = to_bytes(&body);
    });
    for reader in [BEN, EVA] {
        assert_eq!(world.take_rekey(reader, &swapped, &ALL, None), KeyOutcome::Unreadable);
    }
}

#[test]
fn at_09_a_slot_to_another_installation_or_a_retired_leaf_is_unreadable() {
    let mut world = World::new(2);
    let rekey = world.rekey(ANA, &[ANA, BEN]);
    for leaf in [LeafNumber { inst_no: 1, generation: 0 }, LeafNumber { inst_no: 0, generation: 7 }] {
        let lie = forged(&world, ANA, &rekey, |entry| {
            let mut body = body_of(entry);
            body.0[0] = SealedSeed { leaf, ..body.0[0] };
            entry.body = to_bytes(&body);
        });
        assert_eq!(world.take_rekey(BEN, &lie, &[ANA, BEN], None), KeyOutcome::Unreadable);
    }
}

#[test]
fn at_06_at_10_anothers_slots_and_commitment_do_not_open_elsewhere() {
    let mut world = World::new(3);
    let rekey = world.rekey(ANA, &ALL);
    let eva = world.rekey(EVA, &ALL);
    let copied = forged(&world, EVA, &eva, |entry| {
        let slot: Vec<Slot> = body_of(&rekey).0.iter().map(|one| one.slot).collect();
        let mut body = body_of(entry);
        body.0.iter_mut().zip(slot).for_each(|(one, slot)| one.slot = slot);
        entry.body = to_bytes(&body);
        entry.commit = rekey.commit;
    });
    assert_eq!(world.take_rekey(BEN, &copied, &ALL, None), KeyOutcome::Unreadable);
    // The same bytes under another group's id are another entry; slots are bound to the group.
    let elsewhere = Entry::decode(&GroupId([8; 32]), rekey.log, &rekey.to_bytes()).unwrap();
    assert!(Signed::new(elsewhere).verify(&world.people[ANA].pair.public()).is_err());
}

#[test]
fn at_04_every_reader_has_the_chain_key_and_none_can_speak_with_it_in_the_authors_name() {
    let mut world = World::new(3);
    let rekey = world.rekey(ANA, &ALL);
    let taken: Vec<KeyOutcome> = [BEN, EVA].map(|reader| world.take_rekey(reader, &rekey, &ALL, None)).into();
    assert_eq!(taken, [KeyOutcome::Opened { from: 0 }; 2]);
    let words = world.say(ANA, "really Ana");
    // Eva seals with Ana's own key of that index, exactly as Ana would have.
    let (eva, ana) = (world.people[EVA].pair.public(), world.people[ANA].log);
    let mut as_ana = GroupKeys::new(GID, ana, 0);
    as_ana.speak_from(rekey.id(), 0, world.people[EVA].group.chains[&rekey.id()].chain.duplicate());
    let place = HeadPlace { seq: words.head.seq, prev: words.head.prev, heads: Heads::default() };
    let sealed = as_ana.seal(place, &content("not Ana"), &world.people[EVA].pair, &mut world.rng).unwrap().entry;
    assert!(Signed::new(sealed.clone()).verify(&world.people[ANA].pair.public()).is_err(), "Ana never signed this");
    let before = secrets_of(&world.people[BEN].group);
    // It is the signature alone that stops it: whoever left that check out would read Eva's words as Ana's.
    let unchecked = Signed::new(sealed).verify(&eva).unwrap();
    assert_eq!(
        restarted(&world.people[BEN].group)
            .open(world.now, &unchecked, rekey.id())
            .map_err(|why| name(&why))
            .map(|_| ()),
        Ok(())
    );
    assert_eq!(secrets_of(&world.people[BEN].group), before);
    assert_eq!(world.read(BEN, &words, rekey.id()), Ok("really Ana".to_string()));
}

#[test]
fn at_05_at_07_a_message_moved_to_another_index_epoch_or_author_does_not_open() {
    let mut world = World::new(3);
    let rekey = world.rekey(ANA, &ALL);
    let eva = world.rekey(EVA, &ALL);
    world.take_rekey(BEN, &rekey, &ALL, None);
    world.take_rekey(BEN, &eva, &ALL, None);
    let message = world.say(ANA, "words");
    let moved = forged(&world, ANA, &message, |entry| {
        let HeadKind::Message { index, .. } = &mut entry.head.kind else { panic!("a message") };
        *index = 1;
    });
    assert_eq!(world.read(BEN, &moved, rekey.id()), Err("broken"));
    let other_epoch = forged(&world, ANA, &message, |entry| {
        let HeadKind::Message { epoch, .. } = &mut entry.head.kind else { panic!("a message") };
        *epoch = 1;
    });
    assert_eq!(world.read(BEN, &other_epoch, rekey.id()), Err("waiting"));
    // Eva signs Ana's ciphertext and commitment as her own: at most her own broken Message.
    let stolen = forged(&world, EVA, &message, |entry| entry.log = eva.log);
    assert_eq!(world.read(BEN, &stolen, rekey.id()), Err("waiting"));
    assert_eq!(world.read(BEN, &stolen, eva.id()), Err("broken"));
    assert_eq!(world.read(BEN, &message, rekey.id()), Ok("words".to_string()));
}

#[test]
fn at_55_e_62_a_broken_message_is_passed_once_and_harms_no_other() {
    let mut world = World::new(2);
    let both = [ANA, BEN];
    let rekey = world.rekey(ANA, &both);
    world.take_rekey(BEN, &rekey, &both, None);
    let (first, second) = (world.say(ANA, "one"), world.say(ANA, "two"));
    let broken = forged(&world, ANA, &first, |entry| entry.commit = Some(Digest([1; 32])));
    assert_eq!(world.read(BEN, &broken, rekey.id()), Err("broken"));
    assert_eq!(world.read(BEN, &second, rekey.id()), Ok("two".to_string()));
    // The key of the index stayed as a skipped one (E-62): a fork's good branch still opens.
    assert_eq!(world.read(BEN, &first, rekey.id()), Ok("one".to_string()));
}

#[test]
fn e_43_at_24_sealing_to_an_older_leaf_than_known_is_a_downgrade() {
    let mut world = World::new(2);
    let both = [ANA, BEN];
    world.rekey(BEN, &both);
    world.people[BEN].leaf =
        Recipient { generation: 0, pk: world.people[BEN].group.leaves[&0].pk, ..world.people[BEN].leaf };
    let rekey = world.rekey(ANA, &both);
    let keyed = world.keyed(&both);
    let now = world.now;
    let at = Arrival { keyed: &keyed, rekey: None, shown: Some(1) };
    let learned = world.people[BEN].group.on_rekey(now, &rekey, &at);
    assert_eq!((learned.outcome, learned.downgrade), (KeyOutcome::Opened { from: 0 }, Downgrade::Shown));
}

#[test]
fn at_22_at_53_only_the_author_grants_its_chain_and_no_index_goes_back() {
    let mut world = World::new(3);
    let rekey = world.rekey(ANA, &[ANA, BEN]);
    world.take_rekey(BEN, &rekey, &[ANA, BEN], None);
    let message = world.say(ANA, "words");
    let grant = world.grant(ANA, &[EVA]);
    // Ben knows Ana's chain; signed by him it stands in his log and is bound to it.
    let by_ben = forged(&world, BEN, &grant, |entry| entry.log = world.people[BEN].log);
    assert_eq!(world.take_grant(EVA, &by_ben, rekey.id(), &ALL), KeyOutcome::Unreadable);
    let earlier = forged(&world, ANA, &grant, |entry| {
        let HeadKind::KeyGrant { index, .. } = &mut entry.head.kind else { panic!("a grant") };
        *index = 0;
    });
    assert_eq!(world.take_grant(EVA, &earlier, rekey.id(), &ALL), KeyOutcome::Unreadable);
    let beyond = forged(&world, ANA, &grant, |entry| {
        let HeadKind::KeyGrant { index, .. } = &mut entry.head.kind else { panic!("a grant") };
        *index = 1_000;
    });
    assert_eq!(world.take_grant(EVA, &beyond, rekey.id(), &ALL), KeyOutcome::Misfit, "an index that no message has");
    let none = forged(&world, ANA, &grant, |entry| entry.body = to_bytes(&GrantBody::default()));
    assert_eq!(world.take_grant(EVA, &none, rekey.id(), &ALL), KeyOutcome::Misfit);
    assert_eq!(world.take_grant(EVA, &grant, rekey.id(), &ALL), KeyOutcome::Opened { from: 1 });
    assert_eq!(world.read(EVA, &message, rekey.id()), Err("before"));
}

#[test]
fn at_31_repeated_randomness_still_gives_each_context_its_own_keys() {
    let mut world = World::new(3);
    world.rng = ChaCha20Rng::from_seed([1; 32]);
    let ana = world.rekey(ANA, &ALL);
    world.rng = ChaCha20Rng::from_seed([1; 32]);
    let ben = world.rekey(BEN, &ALL);
    world.rng = ChaCha20Rng::from_seed([1; 32]);
    let again = world.rekey(ANA, &ALL);
    let key = |i: usize, id: EntryId| *world.people[i].group.chains[&id].chain.key().expose();
    assert_ne!(key(ANA, again.id()), key(BEN, ben.id()));
    world.take_rekey(EVA, &ana, &ALL, None);
    world.take_rekey(EVA, &again, &ALL, Some(ana.id()));
    let chains = secrets_of(&world.people[EVA].group);
    assert_eq!(chains.len(), world.people[EVA].group.chains.len() + 1);
}

#[test]
fn at_28_every_bit_flip_of_key_entries_is_refused_or_moves_nothing() {
    let mut world = World::new(2);
    let both = [ANA, BEN];
    let rekey = world.rekey(ANA, &both);
    let grant = world.grant(ANA, &[BEN]);
    let message = world.say(ANA, "words");
    let public = world.people[ANA].pair.public();
    let mut admitted = 0;
    for entry in [&rekey, &grant, &message] {
        let bytes = entry.to_bytes();
        for bit in 0..bytes.len() * 8 {
            let mut flipped = bytes.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            let decoded = Entry::decode(&GID, entry.log, &flipped);
            admitted += usize::from(decoded.is_ok_and(|entry| Signed::new(entry).verify(&public).is_ok()));
        }
    }
    assert_eq!(admitted, 0);
    assert!(world.people[BEN].group.chains.is_empty());
}
