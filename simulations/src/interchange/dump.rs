//! Random sets of operations in the input form, from the generators of the property tests.

use coterie_protocol::OperationId;
use coterie_protocol::testing::histories::{Dice, History, Manners};
use coterie_protocol::testing::membership::{Blow, Body, Join, Pair, SignedOperation};
use serde_json::{Map, Value, json};

use super::Kind;
use super::write::{cut_json, role_number, setting_json};

/// Acts between two looks at how many operations there are.
const ACTS: usize = 8;
/// Of a hostile set, one operation in so many is missing, is there twice, or is there in a broken copy too.
const ODD_ONE_IN: usize = 24;

/// So many operations of the history of this seed, shuffled. A hostile set lacks some, so that others wait, and holds
/// some twice, and some in copies that break a rule.
///
/// # Errors
/// If there can be no such history.
pub fn dump<const S: usize>(seed: u64, operations: usize, kind: Kind) -> Result<String, String> {
    let manners = if kind == Kind::Byzantine { Manners::Hostile } else { Manners::Honest };
    let mut history = History::<S>::new(seed, manners).ok_or("no such history")?;
    let mut known: Vec<Vec<u8>> = Vec::new();
    while known.len() < operations {
        let before = known.len();
        for _ in 0..20 {
            history.run(ACTS);
            known = history.operations();
            if known.len() > before {
                break;
            }
        }
        if known.len() == before {
            return Err(format!("nothing happens any more after {before} operations"));
        }
    }
    known.truncate(operations);
    let mut dice = Dice::new(seed);
    let mut list = Vec::new();
    for bytes in &known {
        let signed = SignedOperation::decode(bytes).map_err(|rule| rule.to_string())?;
        list.push(operation_json(&signed));
    }
    if kind == Kind::Byzantine {
        make_odd(&mut list, &mut dice);
    }
    dice.shuffle(&mut list);
    Ok(Value::Array(list).to_string())
}

fn make_odd(list: &mut Vec<Value>, dice: &mut Dice) {
    for _ in 0..list.len() / ODD_ONE_IN {
        // The Genesis stands first, and stays.
        let at = 1 + dice.below(list.len() - 1);
        match dice.below(3) {
            0 => drop(list.remove(at)),
            1 => list.push(list[at].clone()),
            _ => list.push(broken(&list[at], dice)),
        }
    }
}

/// A copy under another id that breaks a rule.
fn broken(operation: &Value, dice: &mut Dice) -> Value {
    let mut copy = operation.clone();
    let id: String = (0..32).map(|_| format!("{:02x}", dice.below(256))).collect();
    copy["id"] = json!(id);
    match dice.below(3) {
        0 => copy["lamport"] = json!(copy["lamport"].as_u64().unwrap_or(0) + 1),
        1 => copy["seq"] = json!(copy["seq"].as_u64().unwrap_or(0) + 1),
        _ => copy["deps"] = json!([]),
    }
    copy
}

fn hex(id: impl std::fmt::Display) -> String {
    id.to_string()
}

fn hexes(ids: &[OperationId]) -> Vec<String> {
    ids.iter().map(hex).collect()
}

/// One operation in the input form.
#[must_use]
pub fn operation_json(signed: &SignedOperation) -> Value {
    let operation = signed.operation();
    let mut fields = Map::new();
    let mut put = |name: &str, value: Value| drop(fields.insert(name.into(), value));
    put("id", json!(hex(signed.id())));
    put("kind", json!(operation.body.name()));
    put("mid", json!(operation.mid.map(hex)));
    put("office", json!(operation.office.map(hex)));
    put("seq", json!(operation.seq));
    put("prev", json!(operation.prev.map(hex)));
    put("deps", json!(hexes(&operation.deps)));
    put("lamport", json!(operation.lamport));
    put("epoch", json!(operation.epoch));
    if let Value::Object(body) = body_json(&operation.body) {
        fields.extend(body);
    }
    Value::Object(fields)
}

fn body_json(body: &Body) -> Value {
    match body {
        Body::Genesis { pk, policy, recovery, .. } => {
            let policy: Vec<Value> = policy.iter().map(|(key, value)| json!([key, setting_json(value)])).collect();
            let mut fields = json!({ "pk": hex(pk), "policy": policy });
            if let Some(recovery) = recovery {
                let keys: Vec<String> = recovery.keys.iter().map(hex).collect();
                fields["recovery"] = json!([recovery.threshold, keys]);
            }
            fields
        }
        Body::Join(join) => join_json(join),
        Body::Confirm { join } => json!({ "join": hex(join) }),
        Body::Transfer { pairs, to } => json!({ "pairs": pairs_json(pairs), "to": hex(to) }),
        Body::Bump { pairs } => json!({ "pairs": pairs_json(pairs) }),
        Body::Reclaim { pairs, after } => json!({ "pairs": pairs_json(pairs), "after": after.map(hex) }),
        Body::Promote { target } => json!({ "target": hex(target) }),
        Body::Demote(blow) => blow_json(blow),
        Body::Remove { blow, cuts, ban } => {
            let mut fields = blow_json(blow);
            fields["cuts"] = cuts.iter().map(cut_json).collect();
            fields["ban"] = json!(ban);
            fields
        }
        Body::Leave { heirs, cuts } => {
            json!({ "heirs": hexes(heirs), "cuts": cuts.iter().map(cut_json).collect::<Vec<_>>() })
        }
        Body::SetPolicy { sets } => {
            let sets: Vec<Value> =
                sets.iter().map(|(key, value)| json!([key, value.as_ref().map(setting_json)])).collect();
            json!({ "sets": sets })
        }
        // Who has consented can't be checked without bytes; how many have, can.
        Body::Depose { office, pin, approvals } => {
            let places: Vec<u8> = approvals.iter().map(|(place, _)| *place).collect();
            json!({ "ends": hex(office), "pin": hex(pin), "approvals": places })
        }
    }
}

fn join_json(join: &Join) -> Value {
    let terms = &join.terms;
    json!({
        "pk": hex(join.pk),
        "seat": join.seat.0,
        "out": hex(join.out),
        "issuer": hex(terms.issuer),
        "bound_pk": terms.bound_pk.map(hex),
        "role": role_number(terms.role),
        "session": terms.session.map(hex),
        "approve": terms.approve,
        "lifts": hexes(&terms.lifts),
        "invite_pk": hex(terms.invite_pk),
    })
}

fn blow_json(blow: &Blow) -> Value {
    json!({ "target": hex(blow.target), "pin": hex(blow.pin), "seen": hexes(&blow.seen) })
}

fn pairs_json(pairs: &[Pair]) -> Vec<Value> {
    pairs.iter().map(|(seat, out)| json!([seat.0, hex(out)])).collect()
}
