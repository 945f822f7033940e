//! One line of what must be true.

use super::cursor::{Cursor, Read, number};
use super::expect::{Compare, Expect, Predicate, When};
use super::lexer::FaultCode;
use crate::network::HostId;
use crate::oracle::Mark;

const PREDICATES: [&str; 14] = [
    "converged",
    "members",
    "roster",
    "seated",
    "refused",
    "lost",
    "duplicates",
    "outbox",
    "seen",
    "unseen",
    "alarm",
    "latency",
    "dials",
    "mark",
];
const REASONS: [&str; 9] = [
    "link_used",
    "link_revoked",
    "link_expired",
    "inviter_gone",
    "banned",
    "group_full",
    "seat_lost",
    "already_member",
    "rejected",
];

pub(super) fn read(cursor: &mut Cursor<'_>, line: usize) -> Read<Expect> {
    let when = when(cursor)?;
    let predicate = predicate(cursor)?;
    cursor.end()?;
    Ok(Expect { line, when, predicate })
}

fn when(cursor: &mut Cursor<'_>) -> Read<When> {
    let word = cursor.word("always, at, by or some")?;
    Ok(match word {
        "always" => When::Always,
        "some" => When::Some,
        "at" if cursor.take("end") => When::End,
        "at" => When::At(cursor.time()?),
        "by" => {
            let word = cursor.word("a time")?;
            match word.strip_prefix('+') {
                Some(after) => When::ByAfterHeal(cursor.time_of(after)?),
                None => When::By(cursor.time_of(word)?),
            }
        }
        _ => return Err(cursor.slip(FaultCode::Token, "moment", &["always", "at", "by", "some"])),
    })
}

fn compared(cursor: &mut Cursor<'_>) -> Read<(Compare, u64)> {
    let word = cursor.word("a number, with <, <=, =, >= or > before it")?;
    let (compare, rest) = sign(word);
    let word = if rest.is_empty() { cursor.word("a number")? } else { rest };
    let count =
        number(word).ok_or_else(|| cursor.fault_before(FaultCode::Value, format!("\"{word}\" is no number")))?;
    Ok((compare, count))
}

fn sign(word: &str) -> (Compare, &str) {
    let found = Compare::ALL.iter().find_map(|(compare, sign)| word.strip_prefix(sign).map(|rest| (*compare, rest)));
    found.unwrap_or((Compare::Equal, word))
}

fn on(cursor: &mut Cursor<'_>) -> Read<Option<Vec<HostId>>> {
    if cursor.take("on") { cursor.hosts().map(Some) } else { Ok(None) }
}

fn seen(cursor: &mut Cursor<'_>) -> Read<(String, Vec<HostId>)> {
    let label = cursor.name()?;
    let hosts = on(cursor)?.ok_or_else(|| cursor.fault(FaultCode::Token, "expected on and hosts"))?;
    Ok((label, hosts))
}

fn predicate(cursor: &mut Cursor<'_>) -> Read<Predicate> {
    let word = cursor.word("what must hold")?;
    Ok(match word {
        "converged" if cursor.is_end() => Predicate::Converged(None),
        "converged" => Predicate::Converged(Some(cursor.hosts()?)),
        "members" => {
            let (compare, count) = compared(cursor)?;
            Predicate::Members { compare, count, on: on(cursor)? }
        }
        "roster" => {
            let _ = cursor.take("=");
            let hosts = cursor.hosts()?;
            Predicate::Roster { hosts, on: on(cursor)? }
        }
        "seated" => Predicate::Seated(cursor.host()?),
        "refused" => refused(cursor)?,
        "lost" => {
            let (compare, count) = compared(cursor)?;
            Predicate::Lost { compare, count }
        }
        "duplicates" => {
            let (compare, count) = compared(cursor)?;
            Predicate::Duplicates { compare, count }
        }
        "outbox" => {
            let (compare, count) = compared(cursor)?;
            Predicate::Outbox { compare, count, on: on(cursor)? }
        }
        "seen" => {
            let (label, on) = seen(cursor)?;
            Predicate::Seen { label, on }
        }
        "unseen" => {
            let (label, on) = seen(cursor)?;
            Predicate::Unseen { label, on }
        }
        "alarm" => {
            let name = cursor.name()?;
            Predicate::Alarm { name, on: on(cursor)? }
        }
        "latency" => latency(cursor)?,
        "mark" => mark(cursor)?,
        "dials" => {
            let (compare, count) = compared(cursor)?;
            Predicate::Dials { compare, count }
        }
        _ => return Err(cursor.slip(FaultCode::Option, "predicate", &PREDICATES)),
    })
}

fn refused(cursor: &mut Cursor<'_>) -> Read<Predicate> {
    let host = cursor.host()?;
    let reason = match cursor.option() {
        None => None,
        Some(("reason", values)) => {
            let word = values.first().copied().unwrap_or_default();
            if !REASONS.contains(&word) {
                let near = super::lexer::nearest(word, REASONS);
                let hint = near.map_or_else(
                    || format!("one of: {}", REASONS.join(", ")),
                    |near| format!("did you mean \"{near}\"?"),
                );
                return Err(cursor.fault_before(FaultCode::Option, format!("unknown reason \"{word}\"; {hint}")));
            }
            Some(word.to_owned())
        }
        Some(_) => return Err(cursor.slip(FaultCode::Option, "option", &["reason"])),
    };
    Ok(Predicate::Refused { host, reason })
}

fn mark(cursor: &mut Cursor<'_>) -> Read<Predicate> {
    let word = cursor.word("the name of a mark")?;
    let Some(mark) = Mark::ALL.iter().copied().find(|mark| mark.name() == word) else {
        let names: Vec<&'static str> = Mark::ALL.iter().map(|mark| mark.name()).collect();
        return Err(cursor.slip(FaultCode::Option, "mark", &names));
    };
    let (compare, count) = if cursor.is_end() { (Compare::AtLeast, 1) } else { compared(cursor)? };
    Ok(Predicate::Mark { mark, compare, count })
}

fn latency(cursor: &mut Cursor<'_>) -> Read<Predicate> {
    let percentile = match cursor.word("p50, p99 or max")? {
        "p50" => 50,
        "p95" => 95,
        "p99" => 99,
        "max" => 100,
        _ => return Err(cursor.slip(FaultCode::Option, "percentile", &["p50", "p95", "p99", "max"])),
    };
    let word = cursor.word("a time")?;
    let (compare, rest) = sign(word);
    let time_us = if rest.is_empty() { cursor.time()? } else { cursor.time_of(rest)? };
    Ok(Predicate::Latency { percentile, compare, time_us })
}
