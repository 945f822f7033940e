//! The membership log in the shape of the API.

use coterie_protocol::{Chronicle, ChronicleLine, ChronicleSeat, OfficeState};

use super::super::types::{GroupLog, GroupLogSchema, LogOffice, LogOperation, LogProof, LogSeat, Time};

/// All of it.
pub(crate) fn group_log(chronicle: &Chronicle) -> GroupLog {
    let forks = chronicle.faults.forks.iter().map(|fork| proof("fork", &[&fork.mid, &fork.first, &fork.second]));
    let doubles =
        chronicle.faults.doubles.iter().map(|double| proof("double", &[&double.office, &double.first, &double.second]));
    let rivalries = chronicle.faults.rivalries.iter();
    let rivalries = rivalries.map(|rivalry| proof("rivalry", &[&rivalry.office, &rivalry.first, &rivalry.second]));
    GroupLog {
        schema: GroupLogSchema::V1,
        state_hash: chronicle.state_hash.to_string(),
        operations: chronicle.lines.iter().map(operation).collect(),
        waiting: chronicle.waiting.iter().map(ToString::to_string).collect(),
        seats: chronicle.seats.iter().map(seat).collect(),
        offices: chronicle.offices.iter().map(|(state, name)| office(state, name)).collect(),
        proofs: forks.chain(doubles).chain(rivalries).collect(),
    }
}

fn operation(line: &ChronicleLine) -> LogOperation {
    LogOperation {
        id: line.id.to_string(),
        lamport: line.lamport,
        at: Time(line.at_ms),
        kind: line.kind.to_owned(),
        author: line.author.to_string(),
        author_name: line.author_name.clone(),
        office: line.office.map(|office| office.to_string()),
        deps: line.deps.iter().map(ToString::to_string).collect(),
        does: line.does.clone(),
        verdict: line.verdict.to_owned(),
        rule: line.rule.map(str::to_owned),
    }
}

fn seat(seat: &ChronicleSeat) -> LogSeat {
    LogSeat {
        seat: seat.number.0,
        custody: seat.custody.to_string(),
        custodian: seat.custodian.map(|office| office.to_string()),
        occupant: seat.occupant.as_ref().map(|(mid, _)| mid.to_string()),
        name: seat.occupant.as_ref().map(|(_, name)| name.clone()),
        issuer: seat.issuer.map(|office| office.to_string()),
        confirmed_by: seat.confirmed_by.map(|id| id.to_string()),
    }
}

fn office(state: &OfficeState, name: &str) -> LogOffice {
    LogOffice {
        office: state.office.to_string(),
        holder: state.holder.to_string(),
        name: name.to_owned(),
        rank: state.rank.iter().map(|(_, id)| id.to_string()).collect(),
        standing: state.standing,
    }
}

fn proof(kind: &str, [who, first, second]: &[&dyn std::fmt::Display; 3]) -> LogProof {
    LogProof { kind: kind.to_owned(), who: who.to_string(), first: first.to_string(), second: second.to_string() }
}
