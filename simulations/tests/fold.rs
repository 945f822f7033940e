//! The interchange form of the fold: hand-made sets with known meaning, random sets against the log that is kept
//! current operation by operation, and what the command says of malformed input.
#![expect(clippy::unwrap_used, reason = "what is missing here ends the test")]

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write as _;
use std::process::{Command, Stdio};

use coterie_protocol::OperationId;
use coterie_protocol::testing::histories::{Dice, History, Manners};
use coterie_protocol::testing::membership::{Given, Membership, SignedOperation};
use coterie_protocol::testing::{Checking, check_signatures};
use coterie_simulations::interchange::{Kind, dump_text, fold_text, operation_json, state_json};
use serde_json::{Value, json};

fn id(n: u8) -> String {
    format!("{n:02x}").repeat(32)
}

fn folded(operations: &[Value], seats: usize) -> Value {
    let text = Value::Array(operations.to_vec()).to_string();
    serde_json::from_str(&fold_text(&text, seats, &[]).unwrap()).unwrap()
}

/// A founds; the Genesis is `01…`, its key `a1…`.
fn genesis() -> Value {
    json!({ "id": id(1), "kind": "genesis", "mid": null, "office": null, "seq": 0, "prev": null, "deps": [],
        "lamport": 1, "pk": id(0xa1), "policy": [[4, false]] })
}

/// A Join on seat 1 by the founder's ticket, right after the Genesis.
fn join(n: u8, out: &Value) -> Value {
    json!({ "id": id(n), "kind": "join", "mid": null, "office": null, "seq": 0, "prev": null, "deps": [id(1)],
        "lamport": 2, "pk": id(n | 0xa0), "seat": 1, "out": out, "issuer": id(1), "bound_pk": null, "role": 0,
        "session": null, "approve": false, "lifts": [], "remark": "unknown fields are ignored" })
}

/// An operation of the founder.
fn deed(n: u8, seq: u32, prev: u8, deps: &[u8], lamport: u64, body: &Value) -> Value {
    let deps: Vec<String> = deps.iter().map(|&dep| id(dep)).collect();
    let mut all = json!({ "id": id(n), "mid": id(1), "office": id(1), "seq": seq, "prev": id(prev), "deps": deps,
        "lamport": lamport });
    for (key, value) in body.as_object().unwrap() {
        all[key] = value.clone();
    }
    all
}

#[test]
fn mb_v06_a_genesis_alone_is_a_group_of_one() {
    let state = folded(&[genesis(), genesis()], 3);
    assert_eq!(state["gid"], json!(id(1)));
    assert_eq!(state["seats"].as_array().unwrap().len(), 3);
    assert_eq!(state["seats"][0]["pk"], json!(id(0xa1)));
    assert_eq!(state["seats"][0]["provisional"], json!(false));
    assert_eq!(state["seats"][1]["state"], json!("free"));
    assert_eq!(state["offices"], json!([{ "office": id(1), "mid": id(1), "rank": [], "standing": true }]));
    assert_eq!(state["policy"], json!({ "4": false }));
    assert_eq!(state["roster"], json!([{ "mid": id(1), "pk": id(0xa1), "role": 0, "seat": 0 }]));
    assert_eq!(state["citable_heads"], json!([id(1)]));
    for empty in ["ended", "unseated", "bans", "void", "forks", "double", "pending", "rejected"] {
        assert_eq!(state[empty], json!([]), "{empty}");
    }
    let keys: Vec<&String> = state.as_object().unwrap().keys().collect();
    assert!(keys.is_sorted(), "{keys:?}");
}

#[test]
fn mb_v10_two_joins_contest_and_the_custodians_confirm_decides() {
    let out = folded(&[genesis()], 3)["seats"][1]["out"].clone();
    let (m, n) = (join(2, &out), join(3, &out));
    let contest = folded(&[n.clone(), m.clone(), genesis()], 3);
    let seat = &contest["seats"][1];
    assert_eq!(
        (&seat["provisional"], &seat["contested"], &seat["active"]),
        (&json!(true), &json!(true), &json!(false))
    );
    assert_eq!(contest["roster"].as_array().unwrap().len(), 1);
    assert_eq!(contest["citable_heads"], json!([id(2), id(3)]));
    let loser = if seat["mid"] == json!(id(2)) { 3 } else { 2 };
    assert_eq!(contest["unseated"], json!([id(loser)]));
    let confirm = deed(4, 1, 1, &[1, loser], 3, &json!({ "kind": "confirm", "join": id(loser) }));
    let decided = folded(&[confirm, m, n, genesis()], 3);
    let seat = &decided["seats"][1];
    assert_eq!((&seat["mid"], &seat["provisional"], &seat["active"]), (&json!(id(loser)), &json!(false), &json!(true)));
    assert_eq!(decided["unseated"], json!([id(5 - loser)]));
    assert_eq!(decided["citable_heads"], json!([id(4)]));
}

#[test]
fn mb_a04_mb_a05_what_is_absent_makes_wait_and_what_is_wrong_takes_others_with_it() {
    let set = |n, seq, prev, lamport| {
        deed(n, seq, prev, &[prev], lamport, &json!({ "kind": "setpolicy", "sets": [[4, true]] }))
    };
    let (waits, behind) = (set(5, 2, 4, 3), set(6, 3, 5, 4));
    let (late, after_late) = (set(7, 1, 1, 9), set(8, 2, 7, 10));
    let state = folded(&[after_late, behind, genesis(), late, waits], 3);
    assert_eq!(state["pending"], json!([id(5), id(6)]));
    assert_eq!(state["rejected"], json!([id(7), id(8)]));
    assert_eq!(state["policy"], json!({ "4": false }));
}

#[test]
fn mb_v08_a_fork_is_named_and_both_branches_stay() {
    let set = |n, value: Value| deed(n, 1, 1, &[1], 2, &json!({ "kind": "setpolicy", "sets": [[2, value]] }));
    let state = folded(&[genesis(), set(2, json!("x")), set(3, json!("y"))], 3);
    assert_eq!(state["forks"], json!([id(1)]));
    assert_eq!(state["policy"], json!({ "2": "x", "4": false }), "of two words the smaller id");
}

#[test]
fn mb_f06_a_removal_frees_the_seat_and_keeps_its_cuts() {
    let out = folded(&[genesis()], 3)["seats"][1]["out"].clone();
    let cut = json!(["0a".repeat(16), 7, id(0xee)]);
    let blow = json!({ "kind": "remove", "target": id(2), "pin": id(2), "seen": [], "cuts": [cut], "ban": true });
    let all = [genesis(), join(2, &out), deed(3, 1, 1, &[1, 2], 3, &blow)];
    let state = folded(&all, 3);
    assert_eq!(state["seats"][1]["state"], json!("free"));
    assert_ne!(state["seats"][1]["out"], out);
    assert_eq!(state["ended"], json!([{ "mid": id(2), "pk": id(0xa2), "how": ["removed"], "cuts": [[cut]] }]));
    assert_eq!(state["bans"], json!([{ "pk": id(0xa2), "by": [id(3)] }]));
    // Before it, he sat there.
    let text = json!(all).to_string();
    let before: Value = serde_json::from_str(&fold_text(&text, 3, &[OperationId([2; 32])]).unwrap()).unwrap();
    assert_eq!(before["seats"][1]["mid"], json!(id(2)));
    assert!(fold_text(&text, 3, &[OperationId([9; 32])]).unwrap_err().contains(&id(9)));
}

/// The same operations one by one, in another order, into a log that is kept current.
fn kept_current<const S: usize>(operations: &[Vec<u8>], dice: &mut Dice) -> String {
    let mut log = Membership::<S>::found(&SignedOperation::decode(&operations[0]).unwrap()).unwrap();
    let mut shuffled = operations.to_vec();
    dice.shuffle(&mut shuffled);
    shuffled.iter().for_each(|bytes| drop(log.admit(bytes)));
    let given = Given { log, pending: BTreeSet::new(), rejected: BTreeMap::new() };
    state_json(&given).to_string()
}

fn compare<const S: usize>(seeds: std::ops::Range<u64>, manners: Manners) {
    for seed in seeds {
        let mut history = History::<S>::new(seed, manners).unwrap();
        history.run(30);
        let operations = history.operations();
        let list: Vec<Value> =
            operations.iter().map(|bytes| operation_json(&SignedOperation::decode(bytes).unwrap())).collect();
        let batch = fold_text(&Value::Array(list).to_string(), S, &[]).unwrap();
        assert_eq!(batch, kept_current::<S>(&operations, &mut Dice::new(seed)), "{manners:?}, {S} seats, seed {seed}");
    }
}

#[test]
fn p03_random_sets_fold_in_one_go_as_they_do_operation_by_operation() {
    check_signatures(Checking::Once);
    for manners in [Manners::Honest, Manners::Hostile] {
        compare::<4>(0..60, manners);
        compare::<6>(60..120, manners);
        compare::<100>(120..124, manners);
    }
}

#[test]
fn p02_drawn_sets_are_the_same_each_time_and_fold_alike_in_any_order() {
    check_signatures(Checking::Once);
    let mut odd = (0, 0);
    for seed in 0..40 {
        for kind in [Kind::Honest, Kind::Byzantine] {
            let text = dump_text(seed, 50, 6, kind).unwrap();
            assert_eq!(text, dump_text(seed, 50, 6, kind).unwrap());
            let mut list: Vec<Value> = serde_json::from_str(&text).unwrap();
            let line = fold_text(&text, 6, &[]).unwrap();
            Dice::new(seed).shuffle(&mut list);
            list.push(list[3].clone());
            assert_eq!(fold_text(&json!(list).to_string(), 6, &[]).unwrap(), line, "{kind:?}, seed {seed}");
            let state: Value = serde_json::from_str(&line).unwrap();
            let count = |name: &str| state[name].as_array().unwrap().len();
            if kind == Kind::Honest {
                assert_eq!((list.len(), count("pending"), count("rejected")), (51, 0, 0));
            }
            odd = (odd.0 + count("pending"), odd.1 + count("rejected"));
        }
    }
    assert!(odd.0 > 10 && odd.1 > 10, "hostile sets hold what waits and what is refused: {odd:?}");
}

fn command(arguments: &[&str], input: &str) -> (i32, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_coterie-sim"));
    command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    // Who refuses its arguments doesn't read.
    drop(child.stdin.take().unwrap().write_all(input.as_bytes()));
    let output = child.wait_with_output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

#[test]
fn malformed_input_is_exit_code_2_with_the_place() {
    let mut wrong = genesis();
    wrong["pk"] = json!("A1");
    let mut other = genesis();
    other["lamport"] = json!(2);
    let cases = [
        ("[".to_owned(), "line 1 column"),
        (json!([genesis(), 7]).to_string(), "operation 1: not an object"),
        (json!([wrong]).to_string(), "operation 0: field `pk`"),
        (json!([genesis(), { "id": id(2) }]).to_string(), "operation 1: field"),
        (json!([genesis(), other]).to_string(), "operation 1: another one has this id"),
        (json!([]).to_string(), "0 operations of kind genesis"),
    ];
    for (input, says) in cases {
        let (code, out, error) = command(&["fold", "-"], &input);
        assert_eq!((code, out.as_str()), (2, ""), "{input}");
        assert!(error.contains(says), "{input}: {error}");
    }
    assert_eq!(command(&["fold", "--seats", "9", "-"], "[]").0, 2);
    let (code, out, _) = command(&["fold", "--dump", "--seed", "3", "--ops", "40", "--seats", "8", "--byzantine"], "");
    assert_eq!(code, 0);
    let (code, line, _) = command(&["fold", "--seats", "8", "-"], &out);
    assert_eq!((code, line.lines().count(), line.contains(' ')), (0, 1, false));
}
