//! Ana, Ben and Eva: everyone reads; who is removed reads nothing more; who is new reads from the Grant on.

use super::*;
use proptest::prelude::*;

const ANA: usize = 0;
const BEN: usize = 1;
const EVA: usize = 2;

#[test]
fn everybody_who_is_keyed_reads_everybody() {
    let mut world = World::new(3);
    let all = [ANA, BEN, EVA];
    for author in all {
        let rekey = world.rekey(author, &all);
        for reader in all.into_iter().filter(|&reader| reader != author) {
            assert_eq!(world.take_rekey(reader, &rekey, &all, None), KeyOutcome::Opened { from: 0 });
        }
        for text in ["The dredger left", "at dawn."] {
            let message = world.say(author, text);
            for reader in all.into_iter().filter(|&reader| reader != author) {
                assert_eq!(world.read(reader, &message, rekey.id()), Ok(text.to_string()));
            }
        }
    }
}

#[test]
fn at_11_who_is_removed_reads_nothing_after_the_rekey_with_any_secret_it_ever_had() {
    let mut world = World::new(3);
    let first = world.rekey(ANA, &[ANA, BEN, EVA]);
    world.take_rekey(EVA, &first, &[ANA, BEN, EVA], None);
    let second = world.rekey(ANA, &[ANA, BEN]);
    let secret = world.say(ANA, "without Eva");
    assert_eq!(world.take_rekey(EVA, &second, &[ANA, BEN], Some(first.id())), KeyOutcome::Nothing);
    assert_eq!(world.read(EVA, &secret, second.id()), Err("waiting"));
    assert_eq!(world.read(EVA, &secret, first.id()), Err("waiting"));
    // By force: every chain key and every leaf secret she holds, at the Message and at every slot.
    let HeadKind::Message { nonce, .. } = secret.head.kind else { panic!("a message") };
    let bound = (secret.head_digest(), &secret.commit.unwrap());
    for bytes in secrets_of(&world.people[EVA].group) {
        let mut chain = Chain::at(Secret::new(bytes), 0);
        for (_, mk) in chain.step_over(20).unwrap() {
            assert!(open_content(&message_keys(&mk), &nonce, bound, &secret.body).is_err());
        }
        let body: crate::log::body::RekeyBody = crate::wire::from_bytes(&second.body, 40_000).unwrap();
        let to = world.people[EVA].leaf;
        let info = SlotInfo {
            gid: &GID,
            author: &second.log,
            epoch: 1,
            index: None,
            mid: &world.people[EVA].log.mid,
            to: &to,
        };
        assert!(
            body.0
                .iter()
                .all(|one| { info.open(&Secret::new(bytes), second.head_digest(), one.slot.as_ref()).is_none() })
        );
    }
    world.take_rekey(BEN, &second, &[ANA, BEN], None);
    assert_eq!(world.read(BEN, &secret, second.id()), Ok("without Eva".to_string()));
}

#[test]
fn at_36_at_118_a_newcomer_reads_from_its_grant_on_and_nothing_before() {
    let mut world = World::new(3);
    let rekey = world.rekey(ANA, &[ANA, BEN]);
    let before = world.say(ANA, "before Eva");
    let grant = world.grant(ANA, &[EVA]);
    let after = world.say(ANA, "welcome, Eva");
    assert_eq!(world.read(EVA, &after, rekey.id()), Err("waiting"));
    assert_eq!(world.take_grant(EVA, &grant, rekey.id(), &[ANA, BEN, EVA]), KeyOutcome::Opened { from: 1 });
    assert_eq!(world.read(EVA, &before, rekey.id()), Err("before"));
    assert_eq!(world.read(EVA, &after, rekey.id()), Ok("welcome, Eva".to_string()));
    // By force: nothing that she holds, before or after she read, leads back.
    let HeadKind::Message { nonce, .. } = before.head.kind else { panic!("a message") };
    let bound = (before.head_digest(), &before.commit.unwrap());
    let opens = |mk: &Secret<32>| open_content(&message_keys(mk), &nonce, bound, &before.body).is_ok();
    for bytes in secrets_of(&world.people[EVA].group) {
        assert!(!opens(&Secret::new(bytes)));
        assert!(!Chain::at(Secret::new(bytes), 0).step_over(20).unwrap().iter().any(|(_, mk)| opens(mk)));
    }
    let early = world.people[ANA].group.chains[&rekey.id()].first;
    assert_eq!(early, 0, "Ana herself had the key of it");
}

#[test]
fn e_38_a_rekey_publishes_a_fresh_leaf_which_the_next_slot_is_sealed_to() {
    let mut world = World::new(2);
    let both = [ANA, BEN];
    let before = world.people[ANA].leaf;
    world.rekey(ANA, &both);
    let fresh = world.people[ANA].leaf;
    assert_eq!(fresh.generation, before.generation + 1);
    assert_ne!(fresh.pk, before.pk);
    let answer = world.rekey(BEN, &both);
    assert_eq!(forge::body_of(&answer).0[0].leaf.generation, fresh.generation);
    // Whoever took Ana's state before has no part in it; Ana has.
    let mut thief = GroupKeys::new(GID, world.people[ANA].log, 0);
    let old = &world.people[ANA].group.leaves[&before.generation];
    let (pk, secret) = (old.pk, old.secret.duplicate());
    thief.leaves.insert(fresh.generation, OwnLeaf { pk, secret, replaced: None });
    let (keyed, now) = (world.keyed(&both), world.now);
    let at = Arrival { keyed: &keyed, rekey: None, shown: None };
    assert_eq!(thief.on_rekey(now, &answer, &at).outcome, KeyOutcome::Unreadable);
    assert_eq!(world.take_rekey(ANA, &answer, &both, None), KeyOutcome::Opened { from: 0 });
}

#[test]
fn e_57_a_state_that_was_put_back_unseen_seals_under_another_nonce() {
    let mut world = World::new(2);
    let rekey = world.rekey(ANA, &[ANA, BEN]);
    world.take_rekey(BEN, &rekey, &[ANA, BEN], None);
    let back = restarted(&world.people[ANA].group);
    let first = world.say(ANA, "words");
    // The same index, key and place again: an unseen rollback. Only the nonce keeps the two apart.
    world.people[ANA].group = back;
    (world.people[ANA].seq, world.people[ANA].prev) = (first.head.seq, first.head.prev);
    let second = world.say(ANA, "words");
    let nonce = |entry: &Entry| match entry.head.kind {
        HeadKind::Message { epoch, index, nonce } => ((epoch, index), nonce),
        _ => panic!("a message"),
    };
    assert_eq!(nonce(&first).0, nonce(&second).0);
    assert_ne!(nonce(&first).1, nonce(&second).1);
    assert_ne!(first.body, second.body);
    // The head is bound: neither opens with the other's nonce.
    let mixed = forge::forged(&world, ANA, &first, |entry| entry.head.kind = second.head.kind.clone());
    assert_eq!(world.read(BEN, &mixed, rekey.id()), Err("broken"));
}

#[test]
fn e_48_an_older_grant_that_comes_late_opens_what_lies_between() {
    let mut world = World::new(3);
    let all = [ANA, BEN, EVA];
    let rekey = world.rekey(ANA, &[ANA, BEN]);
    let early = world.grant(ANA, &[EVA]);
    let first = world.say(ANA, "one");
    let later = world.grant(ANA, &[EVA]);
    let second = world.say(ANA, "two");
    assert_eq!(world.take_grant(EVA, &later, rekey.id(), &all), KeyOutcome::Opened { from: 1 });
    assert_eq!(world.read(EVA, &second, rekey.id()), Ok("two".to_string()));
    assert_eq!(world.take_grant(EVA, &early, rekey.id(), &all), KeyOutcome::Opened { from: 0 });
    assert_eq!(world.read(EVA, &first, rekey.id()), Ok("one".to_string()));
    assert_eq!(world.read(EVA, &first, rekey.id()), Err("used"));
}

#[test]
fn at_01_at_02_at_03_what_comes_late_opens_once() {
    let mut world = World::new(2);
    let rekey = world.rekey(ANA, &[ANA, BEN]);
    world.take_rekey(BEN, &rekey, &[ANA, BEN], None);
    let said: Vec<Verified<Entry>> = (0..5).map(|i| world.say(ANA, &i.to_string())).collect();
    for i in [4, 1, 0, 3, 2] {
        assert_eq!(world.read(BEN, &said[i], rekey.id()), Ok(i.to_string()));
        assert_eq!(world.read(BEN, &said[i], rekey.id()), Err("used"));
    }
    assert!(world.people[BEN].group.chains[&rekey.id()].skipped.is_empty());
}

#[test]
fn e_45_the_chain_before_ends_when_its_messages_are_done_and_the_one_before_that_at_once() {
    let mut world = World::new(2);
    let both = [ANA, BEN];
    let first = world.rekey(ANA, &both);
    let late = world.say(ANA, "late");
    let second = world.rekey(ANA, &both);
    world.take_rekey(BEN, &first, &both, None);
    world.take_rekey(BEN, &second, &both, Some(first.id()));
    assert_eq!(world.people[BEN].group.chains.len(), 2);
    assert_eq!(world.read(BEN, &late, first.id()), Ok("late".to_string()));
    assert_eq!(world.people[BEN].group.chains.len(), 1);
    let never_read = world.say(ANA, "never read");
    let third = world.rekey(ANA, &both);
    let fourth = world.rekey(ANA, &both);
    world.take_rekey(BEN, &third, &both, Some(second.id()));
    world.take_rekey(BEN, &fourth, &both, Some(third.id()));
    assert_eq!(world.read(BEN, &never_read, second.id()), Err("waiting"));
    assert_eq!(world.people[BEN].group.chains.len(), 1);
}

#[test]
fn e_64_what_was_stored_comes_back_and_goes_on() {
    let mut world = World::new(2);
    let both = [ANA, BEN];
    let rekey = world.rekey(ANA, &both);
    world.take_rekey(BEN, &rekey, &both, None);
    let said: Vec<Verified<Entry>> = (0..4).map(|i| world.say(ANA, &i.to_string())).collect();
    assert_eq!(world.read(BEN, &said[2], rekey.id()), Ok("2".to_string()));
    for i in [ANA, BEN] {
        let before = secrets_of(&world.people[i].group);
        let restored = restarted(&world.people[i].group);
        assert_eq!(secrets_of(&restored), before);
        world.people[i].group = restored;
    }
    assert_eq!(world.read(BEN, &said[2], rekey.id()), Err("used"));
    assert_eq!(world.read(BEN, &said[0], rekey.id()), Ok("0".to_string()));
    assert_eq!(world.people[ANA].group.next_index(), Some(4));
    let next = world.say(ANA, "after the restart");
    assert_eq!(world.read(BEN, &next, rekey.id()), Ok("after the restart".to_string()));
}

#[test]
fn e_65_a_damaged_record_is_refused() {
    let mut world = World::new(2);
    world.rekey(ANA, &[ANA, BEN]);
    let (chains, _, _) = records(&world.people[ANA].group);
    for end in 0..chains[0].len() {
        let mut group = GroupKeys::new(GID, world.people[ANA].log, 0);
        assert!(group.restore([&chains[0][..end]], [], []).is_err());
    }
}

type Values = Vec<Vec<u8>>;

/// The group's keys as a store would hold them.
pub(super) fn records(group: &GroupKeys) -> (Values, Values, Values) {
    let value = |change: SecretChange| match change {
        SecretChange::Put { value, .. } => value.to_vec(),
        SecretChange::Erase { .. } => panic!("nothing to erase"),
    };
    let chains = group.chains.iter().map(|(&rekey, held)| value(held.put(rekey))).collect();
    let pages = group
        .chains
        .iter()
        .flat_map(|(&rekey, held)| held.pages().into_iter().map(move |page| held.put_page(rekey, page)));
    let leaves = group.leaves.iter().map(|(&generation, leaf)| value(leaf.put(generation))).collect();
    (chains, pages.map(value).collect(), leaves)
}

pub(super) fn restarted(group: &GroupKeys) -> GroupKeys {
    let (chains, pages, leaves) = records(group);
    let mut back = GroupKeys::new(group.gid, group.own, group.inst_no);
    back.restore(chains.iter().map(Vec::as_slice), pages.iter().map(Vec::as_slice), leaves.iter().map(Vec::as_slice))
        .unwrap();
    back
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    /// AT-02, AT-30, E-81: whatever people do in whatever order, no key and no (key, nonce) serves twice, every reader
    /// opens exactly what it was given a key for, and each once.
    #[test]
    fn at_30_no_key_and_nonce_serves_twice_and_all_orders_read_the_same(
        steps in proptest::collection::vec((0_usize..3, 0_u8..8), 1..40),
        order in proptest::collection::vec(any::<proptest::sample::Index>(), 40),
    ) {
        let all = [ANA, BEN, EVA];
        let mut world = World::new(3);
        let mut rekeys: Vec<(usize, Verified<Entry>, Option<EntryId>)> = vec![];
        let mut said: Vec<(usize, Verified<Entry>, EntryId)> = vec![];
        let (mut keys, mut nonces) = (BTreeSet::new(), BTreeSet::new());
        for (author, what) in steps {
            if what == 0 || world.people[author].rekey.is_none() {
                let previous = world.people[author].rekey;
                let rekey = world.rekey(author, &all);
                rekeys.push((author, rekey, previous));
            } else if what == 1 {
                world.people[author].group = restarted(&world.people[author].group);
            } else {
                let held = world.people[author].group.own_chain().unwrap().1.chain.duplicate().step();
                let message = world.say(author, "words");
                let HeadKind::Message { nonce, .. } = message.head.kind else { panic!("a message") };
                // Each alone: with a fresh nonce a key that came twice would make a new pair, and go unseen.
                prop_assert!(keys.insert(*message_keys(&held).key.expose()));
                prop_assert!(nonces.insert(nonce));
                said.push((author, message, world.people[author].rekey.unwrap()));
            }
        }
        // Rekeys in the order of their logs, and each author's last two epochs in any order of their messages.
        for (author, rekey, previous) in &rekeys {
            for reader in all.into_iter().filter(|reader| reader != author) {
                prop_assert_eq!(world.take_rekey(reader, rekey, &all, *previous), KeyOutcome::Opened { from: 0 });
            }
        }
        let mut left: Vec<usize> = (0..said.len()).collect();
        for pick in order.iter().cycle() {
            if left.is_empty() { break; }
            let (author, message, epoch) = &said[left.swap_remove(pick.index(left.len()))];
            for reader in all.into_iter().filter(|reader| reader != author) {
                let held = world.people[reader].group.chains.contains_key(epoch);
                let expected = if held { Ok("words".to_string()) } else { Err("waiting") };
                prop_assert_eq!(world.read(reader, message, *epoch), expected.clone());
                if expected.is_ok() {
                    prop_assert!(world.read(reader, message, *epoch).is_err());
                }
            }
        }
    }
}
