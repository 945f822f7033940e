//! Known answers made by a second implementation, `tests/vectors/sek.py` (E-106). Frozen: a difference means
//! that an old group could no longer be read.
#![expect(clippy::expect_used, clippy::string_slice, reason = "a vector that is not what it says ends the test")]

use coterie_protocol::testing::vectors::{
    Author, Standing, To, grant, group_code, key_words, leaf, leaf_public, link, member_public, message, ratchet,
    rekey, roster, safety, sha256,
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

fn to(i: u8) -> To {
    To { mid: b(&[1, i]), inst: inst(i), inst_no: 0, generation: 17, pk: leaf_public(b(&[200 + i])) }
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
fn e_41_rekeys_are_what_they_were() {
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
