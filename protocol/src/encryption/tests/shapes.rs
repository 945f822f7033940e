//! What an observer sees of words (sizes, commitments), and what lies about kinds and slots come to.

use super::forge::{body_of, forged};
use super::*;
use crate::crypto::{Field, Label, expand, hash};
use crate::log::body::{GrantBody, SealedChain};
use crate::timeline::fields::Fields;
use crate::wire::from_bytes;

const ANA: usize = 0;
const BEN: usize = 1;
const ALL: [usize; 3] = [0, 1, 2];

#[test]
fn at_39_whatever_is_said_only_the_eight_sizes_occur_and_equal_sizes_look_alike() {
    let mut world = World::new(2);
    world.rekey(ANA, &[ANA, BEN]);
    let sizes: Vec<usize> = (0..8).map(|k| 16 + (256 << k)).collect();
    let mut seen: BTreeMap<usize, BTreeSet<usize>> = BTreeMap::new();
    let lengths = (1..400).chain((400..16_300).step_by(97)).chain([16_384]);
    for (number, length) in lengths.enumerate() {
        if number % 900 == 899 {
            world.rekey(ANA, &[ANA, BEN]);
        }
        let said = world.say(ANA, &"x".repeat(length));
        assert!(sizes.contains(&said.body.len()), "{length} bytes of text: {}", said.body.len());
        seen.entry(said.body.len()).or_default().insert(length);
    }
    assert!(seen.len() >= 7, "{:?}", seen.keys());
    // Longer texts never take a smaller size, so a size says a range and nothing else.
    let ranges: Vec<(usize, usize)> =
        seen.values().map(|lengths| (*lengths.first().unwrap(), *lengths.last().unwrap())).collect();
    assert!(ranges.windows(2).all(|pair| pair[0].1 < pair[1].0), "{ranges:?}");
}

#[test]
fn at_164_equal_words_have_unequal_commitments_and_short_ones_cannot_be_tried_out() {
    let mut world = World::new(2);
    let rekey = world.rekey(ANA, &[ANA, BEN]);
    world.take_rekey(BEN, &rekey, &[ANA, BEN], None);
    let (first, second) = (world.say(ANA, "no"), world.say(ANA, "no"));
    assert_ne!(first.commit, second.commit);
    // Somebody outside has the entry and guesses: every word of two letters, without the salt, with values it could think of.
    let letters = b'a'..=b'z';
    let guesses = letters.clone().flat_map(|a| letters.clone().map(move |b| String::from_utf8(vec![a, b]).unwrap()));
    let salts = [[0; 32], GID.0, first.id().0, first.head_digest().0, first.commit.unwrap().0];
    let mut tried = 0;
    for text in guesses {
        let fields = content(&text).fields();
        for salt in salts {
            assert_ne!(Some(commitment(&fields, &Secret::new(salt))), first.commit);
            tried += 1;
        }
    }
    assert_eq!(tried, 26 * 26 * 5);
    // One field is shown with its own salt: that salt opens no sibling.
    let salt = Secret::new([7; 32]);
    let fields = content("no").fields();
    let own = |i: u64| expand(salt.expose(), Label::SaltField, &[Field::U(i)]);
    let shown = own(1);
    let digests: Vec<_> = message::field_digests(&fields, &salt).collect();
    for (i, bytes) in fields.iter().enumerate().filter(|(i, _)| *i != 1) {
        let (at, count) = (i as u64, fields.iter().len() as u64);
        let guess = |with: &Secret<32>| {
            let parts = [Field::U(at), Field::U(count), Field::B(with.expose()), Field::B(bytes)];
            hash(Label::Field, &parts)
        };
        assert_ne!(guess(&shown), digests[i]);
        assert_eq!(guess(&own(at)), digests[i]);
    }
}

#[test]
fn at_08_a_grant_is_no_rekey_and_a_rekey_no_grant_although_both_hold_slots() {
    let mut world = World::new(3);
    let rekey = world.rekey(ANA, &ALL);
    let grant = world.grant(ANA, &[BEN]);
    let ben = world.mid(BEN);
    // The slot of a Rekey as that of a Grant, at the same leaf and index 0; and the other way.
    let others: Vec<_> = world.keyed(&ALL).into_iter().filter(|mid| *mid != world.mid(ANA)).collect();
    let slot = body_of(&rekey).0[others.iter().position(|mid| *mid == ben).unwrap()];
    let as_grant = forged(&world, ANA, &grant, |entry| {
        entry.body = to_bytes(&GrantBody(vec![SealedChain { mid: ben, leaf: slot.leaf, slot: slot.slot }]));
    });
    assert_eq!(world.take_grant(BEN, &as_grant, rekey.id(), &ALL), KeyOutcome::Unreadable);
    let of_grant: GrantBody = from_bytes(&grant.body, 40_000).unwrap();
    let as_rekey = forged(&world, ANA, &rekey, |entry| {
        let mut body = body_of(entry);
        body.0.iter_mut().for_each(|one| one.slot = of_grant.0[0].slot);
        entry.body = to_bytes(&body);
    });
    assert_eq!(world.take_rekey(BEN, &as_rekey, &ALL, None), KeyOutcome::Unreadable);
    // And asked for as the other kind, neither means anything.
    assert_eq!(world.take_grant(BEN, &rekey, rekey.id(), &ALL), KeyOutcome::Misfit);
    assert_eq!(world.take_rekey(BEN, &grant, &ALL, None), KeyOutcome::Misfit);
    assert!(world.people[BEN].group.chains.is_empty());
    assert_eq!(world.take_rekey(BEN, &rekey, &ALL, None), KeyOutcome::Opened { from: 0 });
}

/// Signed again by the author, so that nothing but the slot's own binding stands in the way.
#[test]
fn at_28_every_flipped_bit_of_a_slot_gives_nothing_and_moves_nothing() {
    let mut world = World::new(2);
    let both = [ANA, BEN];
    let rekey = world.rekey(ANA, &both);
    let grant = world.grant(ANA, &[BEN]);
    let before = secrets_of(&world.people[BEN].group);
    for bit in 0..80 * 8 {
        let spoiled = forged(&world, ANA, &rekey, |entry| {
            let mut body = body_of(entry);
            body.0[0].slot.0[bit / 8] ^= 1 << (bit % 8);
            entry.body = to_bytes(&body);
        });
        let outcome = world.take_rekey(BEN, &spoiled, &both, None);
        // The highest bit of an X25519 value is not part of it, but it is part of what HPKE binds.
        assert_eq!(outcome, KeyOutcome::Unreadable, "bit {bit}");
        let spoiled = forged(&world, ANA, &grant, |entry| {
            let mut body: GrantBody = from_bytes(&entry.body, 40_000).unwrap();
            body.0[0].slot.0[bit / 8] ^= 1 << (bit % 8);
            entry.body = to_bytes(&body);
        });
        assert_eq!(world.take_grant(BEN, &spoiled, rekey.id(), &both), KeyOutcome::Unreadable, "bit {bit}");
    }
    assert_eq!(secrets_of(&world.people[BEN].group), before);
}

/// Any bytes at all as the plaintext of a well-sealed Message: shown as words or as broken, never anything else.
#[test]
fn at_55_a_form_that_nobody_writes_is_broken() {
    let good = content("words").fields().join();
    for spoiled in [
        [&good[..], &[1]].concat(),
        good[..good.len() - 1].to_vec(),
        vec![],
        vec![0x9f, 0xff],
        [&[0x98, 0x05][..], &good[1..]].concat(),
    ] {
        let read = Fields::split(&spoiled);
        assert!(read.is_err() || !read.unwrap().1.is_empty(), "{spoiled:02x?}");
    }
}
