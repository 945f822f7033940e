//! One action of the story: subject first for people, verb first for the world.

use super::cursor::{Cursor, Read, percent_ppm, rate, size_bytes};
use super::lexer::FaultCode;
use super::names::Who;
use super::{Act, ClockTurn, DiskOrder, Habit, Moment, Pace, Power, Ways};
use crate::network::HostId;

const PERSON: [&str; 9] = ["say", "invite", "join", "confirm", "promote", "demote", "remove", "leave", "revoke"];
const WORLD: [&str; 25] = [
    "split", "isolate", "bridge", "ring", "graph", "cut", "heal", "flap", "swizzle", "slow", "link", "move", "stop",
    "kill", "restart", "pause", "resume", "crash", "snapshot", "restore", "clone", "wipe", "disk", "clock", "behave",
];
/// Words of the language that this release of the core has nothing for.
const LATER: [&str; 10] =
    ["attach", "edit", "delete", "react", "transfer", "reclaim", "rekey", "lock", "unlock", "nat"];

/// Reads one action; some stand for two moments.
pub(super) fn read(cursor: &mut Cursor<'_>, at_us: u64) -> Read<Vec<(u64, Act)>> {
    if cursor.is_at_hosts() {
        let who = cursor.who()?;
        return person(cursor, who).map(|act| vec![(at_us, act)]);
    }
    let verb = cursor.word("an action")?;
    if verb == "restore" {
        return restore(cursor, at_us);
    }
    world(cursor, verb).map(|act| vec![(at_us, act)])
}

fn unknown(cursor: &Cursor<'_>, verb: &str, legal: &[&'static str]) -> super::Fault {
    if LATER.contains(&verb) {
        return cursor.fault_before(FaultCode::Verb, format!("\"{verb}\" is not in this release of the core"));
    }
    cursor.slip(FaultCode::Verb, "verb", legal)
}

fn person(cursor: &mut Cursor<'_>, who: Who) -> Read<Act> {
    let word = cursor.word("a verb")?;
    let verb = PERSON.iter().find(|verb| word == **verb || word.strip_suffix('s') == Some(verb)).copied();
    Ok(match verb.unwrap_or(word) {
        "say" => return say(cursor, who),
        "invite" => return invite(cursor, who),
        "join" => {
            let label = cursor.name()?;
            Act::Join { who, label, via: if cursor.take("via") { Some(cursor.host()?) } else { None } }
        }
        "confirm" => Act::Confirm { who, whom: cursor.host()? },
        "promote" => Act::Promote { who, whom: cursor.host()? },
        "demote" => Act::Demote { who, whom: cursor.host()? },
        "remove" => {
            let whom = cursor.host()?;
            Act::Remove { who, whom, ban: cursor.take("ban") }
        }
        "leave" => Act::Leave { who },
        "revoke" => Act::Revoke { who, label: cursor.name()? },
        verb => return Err(unknown(cursor, verb, &PERSON)),
    })
}

fn label(cursor: &mut Cursor<'_>) -> Read<Option<String>> {
    if cursor.take("as") { cursor.name().map(Some) } else { Ok(None) }
}

fn times(cursor: &mut Cursor<'_>) -> Read<Option<u32>> {
    let is_times = cursor.peek().is_some_and(|token| {
        token
            .text
            .strip_prefix('x')
            .is_some_and(|digits| !digits.is_empty() && digits.chars().all(|c| c.is_ascii_digit()))
    });
    if !is_times {
        return Ok(None);
    }
    let word = cursor.word("a count")?;
    let count = cursor.number_of(word.trim_start_matches('x'), 1, 100_000)?;
    Ok(u32::try_from(count).ok())
}

fn say(cursor: &mut Cursor<'_>, who: Who) -> Read<Act> {
    let mut pace = Pace { times: 1, every_us: 0, for_us: 0 };
    let (mut text, mut size, mut name) = (None, None, None);
    while !cursor.is_end() {
        if let Some(words) = cursor.text() {
            text = Some(words);
        } else if let Some(count) = times(cursor)? {
            pace.times = count;
        } else if cursor.take("every") {
            pace.every_us = cursor.time()?.max(1_000);
            // Without an end it goes on for a minute.
            pace.for_us = if cursor.take("for") { cursor.time()? } else { 60_000_000 };
        } else if cursor.take("size") {
            let word = cursor.word("a size")?;
            let bytes = size_bytes(word).filter(|bytes| *bytes <= 16_384);
            size = Some(bytes.ok_or_else(|| cursor.fault_before(FaultCode::Value, "a size up to 16KiB"))?);
        } else if cursor.take("as") {
            name = Some(cursor.name()?);
        } else {
            let _ = cursor.next();
            return Err(cursor.slip(FaultCode::Option, "word", &["every", "for", "size", "as"]));
        }
    }
    Ok(Act::Say { who, text, pace, size, label: name })
}

fn invite(cursor: &mut Cursor<'_>, who: Who) -> Read<Act> {
    let (mut links, mut uses, mut expires_us, mut name) = (1, 1, None, None);
    while !cursor.is_end() {
        if let Some(count) = times(cursor)? {
            links = count.min(99);
        } else if let Some((key, values)) = cursor.option() {
            let value = values.first().copied().unwrap_or_default();
            match key {
                "uses" => uses = u8::try_from(cursor.number_of(value, 1, 99)?).unwrap_or(1),
                "expires" => expires_us = Some(cursor.time_of(value)?),
                "role" if value == "member" => {}
                "role" => {
                    return Err(
                        cursor.fault_before(FaultCode::Impossible, "guests are not in this release of the core")
                    );
                }
                _ => return Err(cursor.slip(FaultCode::Option, "option", &["uses", "expires", "role"])),
            }
        } else if let Some(given) = label(cursor)? {
            name = Some(given);
        } else {
            let _ = cursor.next();
            return Err(cursor.slip(FaultCode::Option, "word", &["as", "uses", "expires"]));
        }
    }
    Ok(Act::Invite { who, links, uses, expires_us, label: name })
}

fn world(cursor: &mut Cursor<'_>, verb: &str) -> Read<Act> {
    Ok(match verb {
        "split" => Act::Split(parts(cursor)?),
        "isolate" => Act::Isolate(cursor.hosts()?),
        "bridge" => {
            let (left, right) = (cursor.hosts()?, cursor.hosts()?);
            if !cursor.take("via") {
                return Err(cursor.fault(FaultCode::Token, "expected via and the host between"));
            }
            Act::Bridge { left, right, via: cursor.host()? }
        }
        "ring" => Act::Ring(cursor.hosts()?),
        "graph" => {
            let word = cursor.word("a share such as 30%")?;
            let ppm = percent_ppm(word).ok_or_else(|| cursor.fault_before(FaultCode::Value, "a share such as 30%"))?;
            Act::Graph { ppm }
        }
        "cut" => {
            let from = cursor.hosts()?;
            let ways = if cursor.take("->") { Ways::One } else { Ways::Both };
            Act::Cut { from, to: cursor.hosts()?, ways }
        }
        "heal" if cursor.is_end() => Act::Heal(None),
        "heal" => Act::Heal(Some((cursor.hosts()?, cursor.hosts()?))),
        "flap" => flap(cursor)?,
        "swizzle" => {
            let hosts = cursor.hosts()?;
            Act::Swizzle { hosts, for_us: for_time(cursor)? }
        }
        "slow" => {
            let hosts = cursor.hosts()?;
            let word = cursor.word("a rate such as 2kB/s")?;
            let rate = rate(word).ok_or_else(|| cursor.fault_before(FaultCode::Value, "a rate such as 2kB/s"))?;
            Act::Slow { hosts, rate }
        }
        "link" => Act::Link(super::parser::read_link(cursor)?),
        "move" => Act::Move(cursor.host()?),
        _ => return machine(cursor, verb),
    })
}

fn machine(cursor: &mut Cursor<'_>, verb: &str) -> Read<Act> {
    Ok(match verb {
        "stop" => Act::Stop(cursor.hosts()?),
        "kill" => {
            let hosts = cursor.hosts()?;
            Act::Kill { hosts, power: if cursor.take("powercut") { Power::Cut } else { Power::Stays } }
        }
        "restart" => Act::Restart(cursor.hosts()?),
        "pause" => {
            let hosts = cursor.hosts()?;
            let for_us = if cursor.take("for") { Some(cursor.time()?) } else { None };
            Act::Pause { hosts, for_us }
        }
        "resume" => Act::Resume(cursor.hosts()?),
        "crash" => crash(cursor)?,
        "snapshot" => {
            let host = cursor.host()?;
            let name = label(cursor)?.ok_or_else(|| cursor.fault(FaultCode::Token, "expected as and a name"))?;
            Act::Snapshot { host, label: name }
        }
        "clone" => {
            let host = cursor.host()?;
            if !cursor.take("as") {
                return Err(cursor.fault(FaultCode::Token, "expected as and the host that gets the copy"));
            }
            Act::Clone { host, to: cursor.host()? }
        }
        "wipe" => Act::Wipe(cursor.host()?),
        "disk" => disk(cursor)?,
        "clock" => clock(cursor)?,
        "behave" => {
            let host = cursor.host()?;
            let word = cursor.word("a habit")?;
            let habit = Habit::ALL.iter().find(|(_, name)| *name == word).map(|(habit, _)| *habit);
            let names: Vec<&'static str> = Habit::ALL.iter().map(|(_, name)| *name).collect();
            Act::Behave { host, habit: habit.ok_or_else(|| cursor.slip(FaultCode::Option, "habit", &names))? }
        }
        "dial" => {
            let (from, to) = (cursor.host()?, cursor.host()?);
            Act::Dial { from, to, times: times(cursor)?.unwrap_or(1) }
        }
        verb => return Err(unknown(cursor, verb, &WORLD)),
    })
}

/// Parts of a split; `rest` is everybody not named yet.
fn parts(cursor: &mut Cursor<'_>) -> Read<Vec<Vec<HostId>>> {
    let mut parts: Vec<Vec<HostId>> = Vec::new();
    let mut taken: Vec<HostId> = Vec::new();
    while !cursor.is_end() {
        let part: Vec<HostId> = if cursor.take("rest") {
            cursor.census().all().into_iter().filter(|host| !taken.contains(host)).collect()
        } else {
            cursor.hosts()?
        };
        if part.iter().any(|host| taken.contains(host)) {
            return Err(cursor.fault_before(FaultCode::Parts, "a host stands in two parts"));
        }
        taken.extend(&part);
        parts.push(part);
    }
    let missing = cursor.census().all().into_iter().find(|host| !taken.contains(host));
    match missing {
        _ if parts.len() < 2 => {
            Err(cursor.fault(FaultCode::Parts, "a split has two parts or more; the last may be: rest"))
        }
        Some(_) => Err(cursor.fault_before(FaultCode::Parts, "somebody stands in no part; end with: rest")),
        None => Ok(parts),
    }
}

fn for_time(cursor: &mut Cursor<'_>) -> Read<u64> {
    if cursor.take("for") { cursor.time() } else { Err(cursor.fault(FaultCode::Token, "expected for and a time")) }
}

fn flap(cursor: &mut Cursor<'_>) -> Read<Act> {
    let hosts = cursor.hosts()?;
    let (mut on_us, mut off_us) = (3_000_000, 3_000_000);
    while let Some((key, values)) = cursor.option() {
        let time = cursor.time_of(values.first().copied().unwrap_or_default())?;
        match key {
            "on" => on_us = time,
            "off" => off_us = time,
            _ => return Err(cursor.slip(FaultCode::Option, "option", &["on", "off"])),
        }
    }
    Ok(Act::Flap { hosts, on_us, off_us, for_us: for_time(cursor)? })
}

fn crash(cursor: &mut Cursor<'_>) -> Read<Act> {
    let host = cursor.host()?;
    let commit = match cursor.option() {
        Some(("at", values)) => {
            let number = values.first().and_then(|value| value.strip_prefix("commit:")).unwrap_or_default();
            cursor.number_of(number, 1, u64::from(u32::MAX))?
        }
        _ => return Err(cursor.fault(FaultCode::Token, "expected at=commit:N")),
    };
    let point = match cursor.peek().map(|token| token.text.as_str()) {
        Some("before") => Moment::Before,
        Some("during") => Moment::During,
        Some("after") | None => Moment::After,
        Some(_) => return Err(cursor.fault(FaultCode::Option, "before, during or after")),
    };
    let _ = cursor.next();
    Ok(Act::Crash { host, commit, point })
}

/// `restore H from S`, or from a moment: then the image is taken there.
fn restore(cursor: &mut Cursor<'_>, at_us: u64) -> Read<Vec<(u64, Act)>> {
    let host = cursor.host()?;
    if !cursor.take("from") {
        return Err(cursor.fault(FaultCode::Token, "expected from and a name or a time"));
    }
    let word = cursor.word("a name or a time")?;
    let Some(from_us) = super::cursor::time_us(word) else {
        return Ok(vec![(at_us, Act::Restore { host, label: word.into() })]);
    };
    if from_us >= at_us {
        return Err(cursor.fault_before(FaultCode::TooEarly, "the image is taken before it is put back"));
    }
    let label = format!("image-{host}-{}", from_us / 1_000);
    Ok(vec![(from_us, Act::Snapshot { host, label: label.clone() }), (at_us, Act::Restore { host, label })])
}

fn disk(cursor: &mut Cursor<'_>) -> Read<Act> {
    let hosts = cursor.hosts()?;
    let word = cursor.word("what the disk does")?;
    let order = match word {
        "ok" => DiskOrder::Ok,
        "full" => DiskOrder::Full,
        "failsync" => DiskOrder::FailSync,
        "lies" => DiskOrder::Lies,
        "rot" => DiskOrder::Rot(times(cursor)?.unwrap_or(1)),
        "slow" => DiskOrder::Slow(cursor.time()?),
        _ => return Err(cursor.slip(FaultCode::Option, "order", &["ok", "full", "failsync", "lies", "rot", "slow"])),
    };
    Ok(Act::Disk { hosts, order })
}

fn clock(cursor: &mut Cursor<'_>) -> Read<Act> {
    let hosts = cursor.hosts()?;
    if let Some((key, values)) = cursor.option() {
        let value = values.first().copied().unwrap_or_default();
        let ppm = value.parse().ok().filter(|_| key == "drift");
        let ppm = ppm.ok_or_else(|| cursor.fault_before(FaultCode::Value, "drift= wants parts per million"))?;
        return Ok(Act::Clock { hosts, turn: ClockTurn::Drift(ppm) });
    }
    let word = cursor.word("+T, -T, drift=N or set DATE")?;
    let turn = if word == "set" {
        let date = cursor.word("a date such as 1970-01-01")?;
        ClockTurn::Set(date_ms(date).ok_or_else(|| cursor.fault_before(FaultCode::Value, "a date such as 1970-01-01"))?)
    } else {
        ClockTurn::By(signed_ms(cursor, word)?)
    };
    Ok(Act::Clock { hosts, turn })
}

/// `+3h` or `-2m` in ms.
pub(super) fn signed_ms(cursor: &Cursor<'_>, word: &str) -> Read<i64> {
    let (sign, bare) = match word.split_at_checked(1) {
        Some(("-", rest)) => (-1, rest),
        Some(("+", rest)) => (1, rest),
        _ => (1, word),
    };
    let ms = i64::try_from(cursor.time_of(bare)? / 1_000).unwrap_or(i64::MAX);
    Ok(sign * ms)
}

/// Days since 1970 by the civil calendar (Hinnant's algorithm, <https://howardhinnant.github.io/date_algorithms.html>).
fn date_ms(text: &str) -> Option<u64> {
    let mut parts = text.splitn(3, '-').map(str::parse::<u64>);
    let (year, month, day) = (parts.next()?.ok()?, parts.next()?.ok()?, parts.next()?.ok()?);
    if !(1970..=9999).contains(&year) || !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return None;
    }
    let year = if month <= 2 { year - 1 } else { year };
    let (era, of_era) = (year / 400, year % 400);
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let days = era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year;
    Some((days - 719_468) * 86_400_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_counted_from_1970() {
        assert_eq!(date_ms("1970-01-01"), Some(0));
        assert_eq!(date_ms("2000-03-01"), Some(951_868_800_000));
        assert_eq!(date_ms("2026-13-01"), None);
    }
}
