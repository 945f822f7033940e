//! From a folded log to the one line of JSON that implementations compare. serde_json's maps keep their keys sorted.

use coterie_protocol::testing::membership::{Given, Membership, OfficeState, Role, SeatState, Setting, Words};
use coterie_protocol::{MemberKey, MembershipId, Point, SeatNumber};
use serde_json::{Map, Value, json};

/// What a log means, as an object.
#[must_use]
pub fn state_json<const S: usize>(given: &Given<S>) -> Value {
    let log = &given.log;
    let state = log.state();
    let faults = log.faults();
    let mut forks: Vec<String> = faults.forks.iter().map(|fork| fork.mid.to_string()).collect();
    forks.dedup();
    let doubles =
        faults.doubles.iter().map(|double| json!([hex(double.office), hex(double.first), hex(double.second)]));
    let policy: Map<String, Value> =
        state.policy.iter().map(|(key, value)| (key.to_string(), setting_json(value))).collect();
    let bans =
        state.bans.iter().map(|(key, by)| json!({ "pk": hex(key), "by": by.iter().map(hex).collect::<Vec<_>>() }));
    json!({
        "gid": hex(state.gid),
        "epoch": 0,
        "frozen": state.frozen,
        "state_hash": hex(log.state_hash()),
        "seats": state.seats.iter().enumerate().map(|(n, seat)| seat_json(log, n, seat)).collect::<Vec<_>>(),
        "offices": state.offices.iter().map(office_json).collect::<Vec<_>>(),
        "ended": state.ended.iter().map(|(mid, how)| ended_json(log, mid, *how)).collect::<Vec<_>>(),
        "unseated": log.off_path().iter().map(hex).collect::<Vec<_>>(),
        "bans": bans.collect::<Vec<_>>(),
        "policy": policy,
        "roster": roster_json(log),
        "void": log.void().iter().map(hex).collect::<Vec<_>>(),
        "forks": forks,
        "double": doubles.collect::<Vec<_>>(),
        "citable_heads": log.citable_heads().as_slice().iter().map(hex).collect::<Vec<_>>(),
        "pending": given.pending.iter().map(hex).collect::<Vec<_>>(),
        "rejected": given.rejected.keys().map(hex).collect::<Vec<_>>(),
    })
}

fn hex(id: impl std::fmt::Display) -> String {
    id.to_string()
}

/// A setting's value as it is written in operations, too.
pub(super) fn setting_json(value: &Setting) -> Value {
    match value {
        Setting::Uint(number) => json!(number),
        Setting::Bool(on) => json!(on),
        Setting::Text(text) => json!(text),
        Setting::Bytes(bytes) => json!(bytes),
        Setting::Pair(a, b) => json!([a, b]),
    }
}

pub(super) const fn role_number(role: Role) -> u8 {
    match role {
        Role::Member => 0,
        Role::Guest => 1,
    }
}

pub(super) fn cut_json(cut: &Point) -> Value {
    json!([hex(cut.inst), cut.seq, hex(cut.eid)])
}

fn seat_json<const S: usize>(log: &Membership<S>, number: usize, seat: &SeatState) -> Value {
    let at = SeatNumber(u8::try_from(number).unwrap_or(u8::MAX));
    let custodian = log.custodian(at).map(hex);
    match seat {
        SeatState::Free { out, custody } => json!({
            "seat": number, "state": "free", "out": hex(out), "custody": hex(custody), "custodian": custodian,
        }),
        SeatState::Occupied { mid, out, custody, provisional } => {
            let person = log.roster().person(mid);
            json!({
                "seat": number, "state": "occupied", "out": hex(out), "custody": hex(custody), "custodian": custodian,
                "mid": hex(mid),
                "pk": log.key_of(mid).map(hex),
                "role": log.role_of(mid).map(role_number),
                "session": person.and_then(|person| person.session).map(hex),
                "provisional": provisional,
                "contested": person.is_some_and(|person| person.contested),
                "active": log.roster().is_keyed(mid),
                "duplicate": person.is_some_and(|person| person.duplicate),
            })
        }
    }
}

fn office_json(office: &OfficeState) -> Value {
    let rank: Vec<Value> = office.rank.iter().map(|(seq, id)| json!([seq, hex(id)])).collect();
    json!({ "office": hex(office.office), "mid": hex(office.holder), "rank": rank, "standing": office.standing })
}

fn ended_json<const S: usize>(log: &Membership<S>, mid: &MembershipId, how: u8) -> Value {
    let words = [(4, "banned"), (2, "left"), (1, "removed")];
    let how: Vec<&str> = words.iter().filter(|(bit, _)| how & bit != 0).map(|(_, word)| *word).collect();
    let mut cuts = match log.words(mid) {
        Words::UpTo(cuts) => cuts,
        Words::Count | Words::Void => Vec::new(),
    };
    cuts.sort_unstable();
    let cuts: Vec<Vec<Value>> = cuts.iter().map(|cut| cut.iter().map(cut_json).collect()).collect();
    json!({ "mid": hex(mid), "pk": log.key_of(mid).map(hex), "how": how, "cuts": cuts })
}

/// Active members by seat.
fn roster_json<const S: usize>(log: &Membership<S>) -> Vec<Value> {
    let mut active: Vec<(SeatNumber, MembershipId, MemberKey, Role)> = log
        .roster()
        .persons()
        .filter(|person| person.keyed)
        .filter_map(|person| Some((person.seat?, person.mid, person.key, person.role)))
        .collect();
    active.sort_unstable();
    let line = |(seat, mid, pk, role): &(SeatNumber, MembershipId, MemberKey, Role)| json!({ "mid": hex(mid), "pk": hex(pk), "role": role_number(*role), "seat": seat.0 });
    active.iter().map(line).collect()
}
