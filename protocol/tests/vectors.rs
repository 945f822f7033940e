//! Known answers made by a second implementation, `tests/vectors/sek.py` (E-106). Frozen: a difference means
//! that an old group could no longer be read.
#![expect(clippy::expect_used, clippy::string_slice, reason = "a vector that is not what it says ends the test")]

use coterie_protocol::testing::vectors::reading::{Origin, Reader, Seed, bundles};
use coterie_protocol::testing::vectors::{
    Author, Standing, To, commitment, envelope, grant, group_code, key_words, leaf, leaf_public, link, member_public,
    message, ratchet, rekey, roster, safety, safety_code, sha256,
};
use serde_json::Value;

fn vectors() -> Value {
    serde_json::from_str(include_str!("../../tests/vectors/sek.json")).expect("sek.json is JSON")
}

fn cases(set: &str) -> Vec<Value> {
    let all = vectors();
    let cases = all[set].as_array().cloned().unwrap_or_default();
    assert!(!cases.is_empty(), "no case of {set}");
    cases
}

fn bytes(value: &Value) -> Vec<u8> {
    let text = value.as_str().expect("hex");
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).expect("hex")).collect()
}

fn fixed<const N: usize>(value: &Value) -> [u8; N] {
    bytes(value).try_into().expect("its length")
}

fn number(value: &Value) -> u64 {
    value.as_u64().expect("a number")
}

fn list(value: &Value) -> Vec<Vec<u8>> {
    value.as_array().expect("a list").iter().map(bytes).collect()
}

/// b(…) of the anchors: SHA-256 of these bytes.
fn b(what: &[u8]) -> [u8; 32] {
    sha256(what)
}

fn inst(i: u8) -> [u8; 16] {
    b(&[2, i])[..16].try_into().expect("16 bytes")
}

fn author() -> Author {
    Author { gid: b(&[0]), seed: b(&[0]), mid: b(&[1, 0]), inst: inst(0) }
}

/// Person i, as the second implementation numbers people.
fn person(i: u8) -> Author {
    Author { gid: b(&[0]), seed: b(&[i]), mid: b(&[1, i]), inst: inst(i) }
}

/// Person i's installation, with its one leaf.
fn reader(i: u8) -> Reader {
    Reader::new(&person(i), (17, b(&[200 + i])))
}

/// The Messages whose bytes are frozen whole: index, entry, content.
fn whole_messages() -> Vec<(u64, Vec<u8>, Vec<u8>)> {
    let whole: Vec<_> = cases("message")
        .iter()
        .filter(|case| !case["whole"].is_null())
        .map(|case| (number(&case["index"]), bytes(&case["whole"]), bytes(&case["content"])))
        .collect();
    assert_eq!(whole.iter().map(|(index, ..)| *index).collect::<Vec<_>>(), [0, 1, 2, 999]);
    whole
}

fn seed_of(case: &Value) -> Seed {
    (fixed(&case[0]), fixed(&case[1]), number(&case[2]), fixed(&case[3]))
}

fn to(i: u8) -> To {
    To { mid: b(&[1, i]), inst: inst(i), inst_no: 0, generation: 17, pk: leaf_public(b(&[200 + i])) }
}

#[test]
fn e_106_each_structure_has_a_case_of_the_second_implementation() {
    let made: Vec<String> = vectors().as_object().expect("an object").keys().cloned().collect();
    let expected = [
        "archive",
        "attachment",
        "blob",
        "bundle",
        "chain",
        "code",
        "commit",
        "envelope",
        "grant",
        "leaf",
        "link",
        "message",
        "padme",
        "rekey",
        "roster",
        "safety",
        "words",
    ];
    assert_eq!(made, expected);
    let of = |set: &str, field: &str| cases(set).iter().map(|case| number(&case[field])).collect::<Vec<_>>();
    assert!(of("rekey", "members").contains(&3));
    assert!([0, 1, 999].iter().all(|index| of("message", "index").contains(index)));
}

#[test]
fn e_16_rosters_hash_as_they_did() {
    for case in cases("roster") {
        let count = u8::try_from(number(&case["members"])).expect("at most 100");
        let mids: Vec<[u8; 32]> = (0..count).map(|i| b(&[1, i])).collect();
        assert_eq!(roster(b(&[0]), &mids), fixed(&case["hash"]));
    }
}

#[test]
fn e_06_e_41_rekeys_are_what_they_were() {
    for case in cases("rekey") {
        let count = u8::try_from(number(&case["members"])).expect("at most 100");
        let people: Vec<To> = (0..count).map(to).collect();
        let stale: Vec<[u8; 32]> = case["suspended"]
            .as_array()
            .expect("a list")
            .iter()
            .map(|one| b(&[1, u8::try_from(number(&one[0])).expect("a member")]))
            .collect();
        let at = Standing { seq: 70_000, prev: b(&[97]), heads: vec![b(&[96])] };
        let numbers = (number(&case["epoch"]), 37, 18);
        let (made, chain) = rekey(&author(), at, numbers, (&people, &stale), list(&case["draws"])).expect("a rekey");
        assert_eq!(made.entry, bytes(&case["entry"]));
        assert_eq!((made.eid, made.commit), (fixed(&case["eid"]), bytes(&case["commit"])));
        assert_eq!(chain, fixed(&case["chain"]));
    }
}

#[test]
fn e_56_chains_give_the_same_keys() {
    let start = fixed(&cases("rekey")[1]["chain"]);
    for case in cases("chain") {
        let keys = ratchet(start, number(&case["index"])).expect("within an epoch");
        assert_eq!(keys, ["ck", "mk", "key", "salt"].map(|name| fixed(&case[name])));
    }
}

#[test]
fn e_59_messages_are_sealed_and_committed_to_as_they_were() {
    let rekeys = cases("rekey");
    let start = fixed(&rekeys[1]["chain"]);
    for case in cases("message") {
        let index = number(&case["index"]);
        let [ck, ..] = ratchet(start, index).expect("within an epoch");
        let heads = list(&case["heads"]).into_iter().map(|head| head.try_into().expect("an id")).collect();
        let at = Standing { seq: 70_001, prev: fixed(&rekeys[1]["eid"]), heads };
        let content = bytes(&case["content"]);
        let made = message(&author(), at, (300, index, ck), &content, bytes(&case["nonce"])).expect("a message");
        assert_eq!(made.entry.len() as u64, number(&case["length"]), "index {index}");
        assert_eq!(made.commit, bytes(&case["commit"]), "index {index}");
        assert_eq!(made.eid, fixed(&case["eid"]), "index {index}");
        assert_eq!(sha256(&made.entry), fixed(&case["entry"]), "index {index}");
    }
}

#[test]
fn e_59_each_field_is_committed_to_alone() {
    let sets = cases("commit");
    for case in &sets {
        let (fields, commit) = commitment(&bytes(&case["content"]), fixed(&case["salt"])).expect("a content");
        assert_eq!(fields.iter().map(|digest| digest.to_vec()).collect::<Vec<_>>(), list(&case["fields"]));
        assert_eq!(commit, fixed(&case["commit"]));
    }
    let messages = cases("message");
    let shared = messages.iter().filter(|one| sets.iter().any(|set| set["commit"] == one["commit"])).count();
    assert_eq!(shared, sets.len(), "the salts are those of the messages");
}

#[test]
fn mb_i05_envelopes_are_what_they_were() {
    for case in cases("envelope") {
        let at = Standing { seq: 70_003, prev: fixed(&case["prev"]), heads: vec![b(&[96])] };
        let sealed = (&bytes(&case["grant"])[..], bytes(&case["nonce"]));
        let made = envelope(&author(), at, ([0x55; 32], [0x66; 16]), 1_800_000_000_000, sealed);
        assert_eq!(made.entry, bytes(&case["entry"]));
        assert_eq!(made.eid, fixed(&case["eid"]));
    }
}

#[test]
fn e_47_grants_are_what_they_were() {
    let [ck, ..] = ratchet(fixed(&cases("rekey")[1]["chain"]), 2).expect("within an epoch");
    for case in cases("grant") {
        let people: Vec<To> = (1..=u8::try_from(number(&case["targets"])).expect("at most 32")).map(to).collect();
        let at = Standing { seq: 70_002, prev: fixed(&case["prev"]), heads: vec![b(&[96])] };
        let made = grant(&author(), at, (300, 2, ck), &people, list(&case["draws"])).expect("a grant");
        assert_eq!(made.entry, bytes(&case["entry"]));
        assert_eq!((made.eid, made.commit), (fixed(&case["eid"]), bytes(&case["commit"])));
    }
}

#[test]
fn e_19_leaves_are_what_they_were() {
    for case in cases("leaf") {
        let at = Standing { seq: number(&case["seq"]), prev: fixed(&case["prev"]), heads: vec![b(&[96])] };
        let small = |value: &Value| u16::try_from(number(value)).expect("an installation's number");
        let numbers = (small(&case["inst_no"]), number(&case["generation"]), number(&case["reason"]));
        let known: Vec<Option<(u16, u64)>> = case["known"]
            .as_array()
            .expect("a list")
            .iter()
            .map(|one| one.as_array().map(|one| (small(&one[0]), number(&one[1]))))
            .collect();
        let prior = case["prior"].as_array().map(|prior| (fixed(&prior[0]), number(&prior[1]), fixed(&prior[2])));
        let made = leaf(&author(), at, numbers, (prior, &known), bytes(&case["draw"]));
        assert_eq!(made.entry, bytes(&case["entry"]));
        assert_eq!(made.eid, fixed(&case["eid"]));
    }
}

#[test]
fn e_96_e_97_people_compare_the_same_digits_and_words() {
    for case in cases("safety") {
        assert_eq!(safety(fixed(&case["a"]), fixed(&case["b"])), case["number"].as_str().expect("digits"));
        assert_eq!(safety_code(fixed(&case["a"]), fixed(&case["b"])), case["code"].as_str().expect("a code"));
    }
    assert_eq!(member_public(b(&[0])), fixed(&cases("safety")[0]["a"]));
    let words = |case: &Value| case["words"].as_array().cloned().expect("words");
    for case in cases("words") {
        assert_eq!(key_words(fixed(&case["key"])), words(&case));
    }
    for case in cases("code") {
        assert_eq!(group_code(fixed(&case["gid"]), fixed(&case["roster"]), &bytes(&case["policy"])), words(&case));
    }
}

#[test]
fn mb_i01_mb_i02_links_and_their_keys_are_what_they_were() {
    for case in cases("link") {
        let made = link(fixed(&case["inviter"]), fixed(&case["secret"]), list(&case["addresses"]));
        assert_eq!(made.text.to_uppercase(), case["text"].as_str().expect("a link"));
        assert_eq!(
            (made.lookup, made.invite_pk, made.seal),
            (fixed(&case["lookup"]), fixed(&case["invite_pk"]), fixed(&case["seal"]))
        );
    }
}

#[test]
fn e_43_e_60_a_slot_of_the_other_implementation_opens_for_its_member_and_all_that_follows_is_read() {
    let case = &cases("rekey")[1];
    let (rekey, eid) = (bytes(&case["entry"]), fixed(&case["eid"]));
    let keyed = [0, 1, 2].map(|i| person(i).mid);
    for i in [1, 2] {
        let mut one = reader(i);
        assert_eq!(one.on_rekey(&author(), &rekey, &keyed), Some(fixed(&case["chain"])), "the slot of {i}");
        for (index, entry, content) in whole_messages() {
            assert_eq!(one.open(&author(), &entry, eid), Some(content), "index {index} for {i}");
        }
    }
    assert_eq!(reader(3).on_rekey(&author(), &rekey, &keyed), None, "who has no place has no slot");
    let mut other = Reader::new(&person(1), (17, b(&[202])));
    assert_eq!(other.on_rekey(&author(), &rekey, &keyed), None, "another leaf opens nothing");
}

#[test]
fn e_47_e_48_a_grant_of_the_other_implementation_opens_from_its_index_on() {
    let chain: [u8; 32] = fixed(&cases("chain")[0]["ck"]);
    let [ck, ..] = ratchet(chain, 2).expect("within an epoch");
    let rekey = fixed(&cases("rekey")[1]["eid"]);
    for case in cases("grant") {
        let targets = u8::try_from(number(&case["targets"])).expect("at most 32");
        for i in [1, targets] {
            let mut one = reader(i);
            assert_eq!(one.on_grant(&author(), &bytes(&case["entry"]), rekey), Some((ck, 2)), "target {i}");
            for (index, entry, content) in whole_messages() {
                let read = one.open(&author(), &entry, rekey);
                assert_eq!(read, (index >= 2).then_some(content), "index {index} for {i}");
            }
        }
    }
}

#[test]
fn e_88_e_90_kept_seeds_lie_on_the_disk_as_they_did_and_open_their_epoch() {
    let eid = fixed(&cases("rekey")[1]["eid"]);
    for case in cases("archive") {
        let origin = if case["given"].as_bool().expect("a flag") { Origin::Bundle } else { Origin::OwnSlot };
        let (rekey, seed) = (bytes(&case["rekey"]), fixed(&case["seed"]));
        let mut one = reader(1);
        assert_eq!(one.archive(&author(), &rekey, seed, origin), Some(bytes(&case["record"])));
        let mut restored = reader(2);
        restored.restore_seed(&bytes(&case["record"]));
        for (index, entry, content) in whole_messages() {
            assert_eq!(one.open_archived(&author(), &entry, eid).as_ref(), Some(&content), "index {index}");
            assert_eq!(restored.open_archived(&author(), &entry, eid), Some(content), "index {index}, from the disk");
        }
        assert_eq!(one.archive(&author(), &rekey, b(&[7]), Origin::Bundle), None, "another seed is none");
    }
}

#[test]
fn e_91_bundles_are_what_they_were_and_open_for_who_gets_them() {
    for case in cases("bundle") {
        let i = u8::try_from(number(&case["to"])).expect("a person");
        let count = u16::try_from(number(&case["count"])).expect("a few hundred");
        let seeds: Vec<Seed> = case["seeds"]
            .as_array()
            .map_or_else(|| (0..count).map(numbered_seed).collect(), |seeds| seeds.iter().map(seed_of).collect());
        assert_eq!(seeds.len(), usize::from(count));
        let made = bundles(&person(9), &to(i), &seeds, list(&case["draws"]));
        assert_eq!(made.iter().map(|one| b(one).to_vec()).collect::<Vec<_>>(), list(&case["hashes"]));
        let frozen = case["bundles"].as_array().expect("a list");
        for (one, frozen) in made.iter().zip(frozen).filter(|(_, frozen)| !frozen.is_null()) {
            assert_eq!(*one, bytes(frozen));
        }
        let giver = member_public(b(&[9]));
        let read: Vec<Vec<Seed>> =
            made.iter().map(|one| reader(i).open_bundle(one, giver).expect("it is for this one")).collect();
        let expected: Vec<Vec<Seed>> = seeds
            .chunks(480)
            .map(|part| {
                let mut part = part.to_vec();
                part.sort_unstable();
                part
            })
            .collect();
        assert_eq!(read, expected, "a part at a time, logs and epochs ascending");
        assert!(made.iter().all(|one| reader(4).open_bundle(one, giver).is_none()), "for nobody else");
    }
}

/// Seed `at` of the case that is too long to be written out.
fn numbered_seed(at: u16) -> Seed {
    let [high, low] = at.to_be_bytes();
    let whose = u8::try_from(at % 5).expect("below 5");
    (person(whose).mid, person(whose).inst, 1_000 - u64::from(at), b(&[6, low, high]))
}
