//! From JSON to operations. A mistake is told with the operation's number and the field.

use std::collections::BTreeMap;

use coterie_protocol::testing::membership::{
    Approval, Blow, Body, Join, Operation, Recovery, Role, Setting, SettingKey, Terms,
};
use coterie_protocol::{EntryId, Instance, MemberKey, OperationId, Output, Point, SeatNumber, SessionId, Signature};
use serde_json::{Map, Value};

/// An operation under the id that it is said to have.
type Named = (OperationId, Operation);

/// A set of operations.
pub struct Input {
    /// The one that founds the group.
    pub genesis: Named,
    /// All others, once each, by id.
    pub others: Vec<Named>,
}

/// Reads the list.
///
/// # Errors
/// The place and what is wrong there.
pub fn read(text: &str) -> Result<Input, String> {
    let list: Vec<Value> = serde_json::from_str(text).map_err(|error| error.to_string())?;
    let mut all: BTreeMap<OperationId, Operation> = BTreeMap::new();
    for (n, value) in list.iter().enumerate() {
        let (id, operation) = operation(value).map_err(|what| format!("operation {n}: {what}"))?;
        if all.insert(id, operation.clone()).is_some_and(|known| known != operation) {
            return Err(format!("operation {n}: another one has this id"));
        }
    }
    let geneses: Vec<OperationId> =
        all.iter().filter(|(_, op)| matches!(op.body, Body::Genesis { .. })).map(|(id, _)| *id).collect();
    let [gid] = geneses[..] else { return Err(format!("{} operations of kind genesis, not one", geneses.len())) };
    let genesis = all.remove(&gid).ok_or("no genesis")?;
    let of_group = |(id, mut operation): Named| {
        operation.gid = Some(gid.into());
        (id, operation)
    };
    Ok(Input { genesis: (gid, genesis), others: all.into_iter().map(of_group).collect() })
}

/// One object, and which field is looked at.
struct Fields<'a>(&'a Map<String, Value>);

impl<'a> Fields<'a> {
    fn get(&self, name: &str) -> Result<&'a Value, String> {
        self.0.get(name).ok_or_else(|| format!("field `{name}` is missing"))
    }

    fn read<T>(&self, name: &str, as_what: impl Fn(&'a Value) -> Option<T>, what: &str) -> Result<T, String> {
        as_what(self.get(name)?).ok_or_else(|| format!("field `{name}` is not {what}"))
    }

    fn id<T: From<OperationId>>(&self, name: &str) -> Result<T, String> {
        self.read(name, |value| id(value).map(T::from), "64 lower-case hex digits")
    }

    fn id_or_null(&self, name: &str) -> Result<Option<OperationId>, String> {
        self.read(name, |value| or_null(value, id), "an id or null")
    }

    fn ids(&self, name: &str) -> Result<Vec<OperationId>, String> {
        self.read(name, |value| list(value, id), "a list of ids")
    }

    fn key(&self, name: &str) -> Result<MemberKey, String> {
        self.read(name, |value| hex(value).map(MemberKey), "64 lower-case hex digits")
    }

    fn number(&self, name: &str) -> Result<u64, String> {
        self.read(name, Value::as_u64, "a number")
    }

    fn small(&self, name: &str) -> Result<u32, String> {
        self.read(name, |value| value.as_u64()?.try_into().ok(), "a number below 2^32")
    }

    fn switch(&self, name: &str) -> Result<bool, String> {
        self.read(name, Value::as_bool, "true or false")
    }
}

fn operation(value: &Value) -> Result<Named, String> {
    let fields = Fields(value.as_object().ok_or("not an object")?);
    let id: OperationId = fields.id("id")?;
    let operation = Operation {
        gid: None,
        epoch: if fields.0.contains_key("epoch") { fields.small("epoch")? } else { 0 },
        mid: fields.id_or_null("mid")?.map(Into::into),
        office: fields.id_or_null("office")?,
        seq: fields.small("seq")?,
        prev: fields.id_or_null("prev")?,
        deps: fields.ids("deps")?,
        lamport: fields.number("lamport")?,
        at: 0,
        body: body(&fields, id)?,
    };
    Ok((id, operation))
}

fn body(fields: &Fields<'_>, id: OperationId) -> Result<Body, String> {
    let pairs = || fields.read("pairs", |value| list(value, pair), "a list of [seat, output]");
    let cuts = || fields.read("cuts", |value| list(value, cut), "a list of [installation, seq, entry]");
    let blow =
        || Ok::<_, String>(Blow { target: fields.id("target")?, pin: fields.id("pin")?, seen: fields.ids("seen")? });
    let kind = fields.read("kind", Value::as_str, "a text")?;
    Ok(match kind {
        "genesis" => {
            let policy = fields.read("policy", |value| list(value, set), "a list of [key, value]")?;
            let policy = policy.into_iter().map(|(key, value)| Some((key, value?))).collect::<Option<Vec<_>>>();
            Body::Genesis {
                pk: fields.key("pk")?,
                nonce: [0; 32],
                policy: policy.ok_or("field `policy` has a value that is null")?,
                recovery: if fields.0.contains_key("recovery") {
                    Some(fields.read("recovery", recovery, "[threshold, keys]")?)
                } else {
                    None
                },
            }
        }
        "join" => Body::Join(join(fields, id)?),
        "confirm" => Body::Confirm { join: fields.id("join")? },
        "transfer" => Body::Transfer { pairs: pairs()?, to: fields.id("to")? },
        "bump" => Body::Bump { pairs: pairs()? },
        "reclaim" => Body::Reclaim { pairs: pairs()?, after: fields.id_or_null("after")? },
        "promote" => Body::Promote { target: fields.id("target")? },
        "demote" => Body::Demote(blow()?),
        "remove" => Body::Remove { blow: blow()?, cuts: cuts()?, ban: fields.switch("ban")? },
        "leave" => Body::Leave { heirs: fields.ids("heirs")?, cuts: cuts()? },
        "setpolicy" => {
            Body::SetPolicy { sets: fields.read("sets", |value| list(value, set), "a list of [key, value or null]")? }
        }
        "depose" => Body::Depose {
            office: fields.id("ends")?,
            pin: fields.id("pin")?,
            approvals: fields.read("approvals", |value| list(value, approval), "a list of places")?,
        },
        other => return Err(format!("field `kind`: there is no kind {other}")),
    })
}

fn join(fields: &Fields<'_>, id: OperationId) -> Result<Join, String> {
    let key_or_null =
        |name: &str| fields.read(name, |value| or_null(value, |v| hex(v).map(MemberKey)), "a key or null");
    let link = if fields.0.contains_key("invite_pk") { key_or_null("invite_pk")? } else { None };
    let role = match fields.number("role")? {
        0 => Role::Member,
        1 => Role::Guest,
        _ => return Err("field `role` is not 0 or 1".into()),
    };
    let terms = Terms {
        issuer: fields.id("issuer")?,
        // A Join of no link shares its link with no other.
        invite_pk: link.unwrap_or(MemberKey(id.0)),
        bound_pk: key_or_null("bound_pk")?,
        role,
        session: fields.read("session", |value| or_null(value, |v| hex(v).map(SessionId)), "32 hex digits or null")?,
        approve: fields.switch("approve")?,
        not_after: 0,
        lifts: fields.ids("lifts")?,
    };
    Ok(Join {
        pk: fields.key("pk")?,
        name: "-".into(),
        seat: fields.read("seat", seat, "a seat")?,
        out: fields.read("out", output, "64 lower-case hex digits")?,
        terms,
        ticket_sig: Signature([0; 64]),
        invite_sig: Signature([0; 64]),
    })
}

#[expect(clippy::option_option, reason = "the outer one says whether it could be read")]
fn or_null<T>(value: &Value, as_what: impl Fn(&Value) -> Option<T>) -> Option<Option<T>> {
    if value.is_null() { Some(None) } else { as_what(value).map(Some) }
}

fn list<T>(value: &Value, as_what: impl Fn(&Value) -> Option<T>) -> Option<Vec<T>> {
    value.as_array()?.iter().map(as_what).collect()
}

/// Lower-case hex of exactly so many bytes.
fn hex<const N: usize>(value: &Value) -> Option<[u8; N]> {
    let text = value.as_str().filter(|text| text.len() == 2 * N)?;
    let digits: Vec<u8> = text
        .bytes()
        .map(|letter| match letter {
            b'0'..=b'9' => Some(letter - b'0'),
            b'a'..=b'f' => Some(letter - b'a' + 10),
            _ => None,
        })
        .collect::<Option<_>>()?;
    let bytes: Vec<u8> = digits.chunks(2).filter_map(|two| Some(two.first()? << 4 | two.get(1)?)).collect();
    bytes.try_into().ok()
}

fn id(value: &Value) -> Option<OperationId> {
    hex(value).map(OperationId)
}

fn output(value: &Value) -> Option<Output> {
    hex(value).map(Output)
}

fn seat(value: &Value) -> Option<SeatNumber> {
    value.as_u64()?.try_into().ok().map(SeatNumber)
}

fn pair(value: &Value) -> Option<(SeatNumber, Output)> {
    let [number, out] = value.as_array()?.as_slice() else { return None };
    Some((seat(number)?, output(out)?))
}

fn cut(value: &Value) -> Option<Point> {
    let [inst, seq, eid] = value.as_array()?.as_slice() else { return None };
    Some(Point { inst: Instance(hex(inst)?), seq: seq.as_u64()?, eid: EntryId(hex(eid)?) })
}

fn recovery(value: &Value) -> Option<Recovery> {
    let [threshold, keys] = value.as_array()?.as_slice() else { return None };
    let keys = list(keys, |key| hex(key).map(MemberKey))?;
    Some(Recovery { threshold: threshold.as_u64()?.try_into().ok()?, keys })
}

fn approval(value: &Value) -> Option<Approval> {
    Some((value.as_u64()?.try_into().ok()?, Signature([0; 64])))
}

fn set(value: &Value) -> Option<(SettingKey, Option<Setting>)> {
    let [key, value] = value.as_array()?.as_slice() else { return None };
    Some((key.as_u64()?.try_into().ok()?, or_null(value, setting)?))
}

fn setting(value: &Value) -> Option<Setting> {
    match value {
        Value::Bool(on) => Some(Setting::Bool(*on)),
        Value::Number(number) => number.as_u64().map(Setting::Uint),
        Value::String(text) => Some(Setting::Text(text.clone())),
        Value::Array(two) => {
            let [a, b] = two.as_slice() else { return None };
            Some(Setting::Pair(a.as_u64()?, b.as_u64()?))
        }
        Value::Null | Value::Object(_) => None,
    }
}
