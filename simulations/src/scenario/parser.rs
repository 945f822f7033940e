//! A file's text to a [`Scenario`]: settings first, for everything else hangs on who is there.

use super::cursor::{Census, Cursor, Read, percent_ppm, rate, size_bytes};
use super::lexer::{Fault, FaultCode, Token, tokens};
use super::{HostSetting, LinkSetting, Scenario, Tie, Timed, Ways};
use crate::network::{Quality, Tail};

/// Faults that one reading tells of.
const FAULTS_MAX: usize = 20;
const BYTES_MAX: usize = 1 << 20;
const LINES_MAX: usize = 10_000;
const LINE_CHARS_MAX: usize = 1_000;

const SETTINGS: [&str; 12] =
    ["scenario", "seed", "nodes", "outsiders", "keepers", "group", "link", "host", "tie", "limit", "at", "expect"];

struct Line<'a> {
    number: usize,
    source: &'a str,
    tokens: Vec<Token>,
}

/// # Errors
/// Up to twenty faults.
pub(super) fn parse(text: &str) -> Result<Scenario, Vec<Fault>> {
    let mut faults = Vec::new();
    let lines = lines(text, &mut faults);
    let mut scenario = Scenario::quiet("", 1, 0);
    if let Err(fault) = count(&lines, &mut scenario) {
        faults.push(fault);
        return Err(faults);
    }
    let census = Census { nodes: scenario.nodes, outsiders: scenario.outsiders };
    scenario.group.members = (0..scenario.nodes).collect();
    for pass in [Pass::Settings, Pass::Story] {
        for line in &lines {
            let mut cursor = Cursor::new(&line.tokens, line.number, line.source, census);
            if let Err(fault) = read_line(&mut cursor, line.number, pass, &mut scenario) {
                faults.push(fault);
            }
        }
    }
    if faults.is_empty() {
        faults.extend(super::labels::check(&scenario, &|line| source_of(&lines, line)));
    }
    faults.sort_by_key(|fault| (fault.line, fault.column));
    faults.truncate(FAULTS_MAX);
    if faults.is_empty() {
        scenario.timed.sort_by_key(|timed| (timed.at_us, timed.line));
        Ok(scenario)
    } else {
        Err(faults)
    }
}

fn source_of(lines: &[Line<'_>], number: usize) -> String {
    lines.iter().find(|line| line.number == number).map_or_else(String::new, |line| line.source.to_owned())
}

fn whole(code: FaultCode, line: usize, text: &str) -> Fault {
    Fault { code, line, column: 1, length: 1, text: text.into(), source: String::new() }
}

fn lines<'a>(text: &'a str, faults: &mut Vec<Fault>) -> Vec<Line<'a>> {
    if text.len() > BYTES_MAX || text.lines().count() > LINES_MAX {
        faults.push(whole(FaultCode::Encoding, 1, "at most 1 MiB and 10,000 lines"));
        return Vec::new();
    }
    let mut found = Vec::new();
    for (index, source) in text.lines().enumerate() {
        let number = index + 1;
        if source.chars().count() > LINE_CHARS_MAX {
            faults.push(whole(FaultCode::Encoding, number, "a line of more than 1,000 characters"));
            continue;
        }
        match tokens(source) {
            Ok(tokens) if tokens.is_empty() => {}
            Ok(tokens) => found.push(Line { number, source, tokens }),
            Err(column) => {
                let text = "a text without its second quote".into();
                faults.push(Fault {
                    code: FaultCode::Token,
                    line: number,
                    column,
                    length: 1,
                    text,
                    source: source.into(),
                });
            }
        }
    }
    found
}

/// Who is there.
fn count(lines: &[Line<'_>], scenario: &mut Scenario) -> Read<()> {
    for line in lines {
        let mut cursor = Cursor::new(&line.tokens, line.number, line.source, Census::default());
        if cursor.take("nodes") {
            if scenario.nodes > 0 {
                return Err(cursor.fault_before(FaultCode::Twice, "nodes is given twice"));
            }
            scenario.nodes = u16::try_from(cursor.number(1, 128)?).unwrap_or(128);
        } else if cursor.take("outsiders") {
            scenario.outsiders = u16::try_from(cursor.number(0, 400)?).unwrap_or(400);
        } else if cursor.take("keepers") && cursor.number(0, 8)? > 0 {
            return Err(cursor.fault_before(FaultCode::Impossible, "keepers are not in the core yet"));
        }
    }
    if scenario.nodes == 0 {
        return Err(whole(FaultCode::NoNodes, 1, "a scenario needs a line such as: nodes 5"));
    }
    Ok(())
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Pass {
    Settings,
    Story,
}

fn read_line(cursor: &mut Cursor<'_>, line: usize, pass: Pass, scenario: &mut Scenario) -> Read<()> {
    let word = cursor.word("a setting, at, or expect")?;
    match (word, pass) {
        ("at", Pass::Story) => return read_timed(cursor, line, scenario),
        ("expect", Pass::Story) => {
            let expect = super::demands::read(cursor, line)?;
            scenario.expects.push(expect);
        }
        ("at" | "expect", Pass::Settings) => return Ok(()),
        (_, Pass::Story) => return Ok(()),
        ("scenario", _) => {
            scenario.name = cursor.text().ok_or_else(|| cursor.fault(FaultCode::Token, "expected a \"text\""))?
        }
        ("seed", _) => scenario.seed = cursor.number(0, u64::MAX)?,
        ("nodes" | "outsiders" | "keepers", _) => {
            let _ = cursor.next();
        }
        ("group", _) => read_group(cursor, scenario)?,
        ("link", _) => {
            let setting = read_link(cursor)?;
            scenario.links.push(setting);
        }
        ("host", _) => {
            let setting = read_host(cursor)?;
            scenario.hosts.push(setting);
        }
        ("tie", _) => {
            scenario.tie = match cursor.word("fifo or shuffle")? {
                "fifo" => Tie::Fifo,
                "shuffle" => Tie::Shuffle,
                _ => return Err(cursor.slip(FaultCode::Option, "order", &["fifo", "shuffle"])),
            }
        }
        ("limit", _) => read_limit(cursor, scenario)?,
        _ => return Err(cursor.slip(FaultCode::Verb, "setting", &SETTINGS)),
    }
    cursor.end()
}

fn read_timed(cursor: &mut Cursor<'_>, line: usize, scenario: &mut Scenario) -> Read<()> {
    let at_us = cursor.time()?;
    if at_us > scenario.limit.time_us {
        return Err(cursor.fault_before(FaultCode::TooLate, "behind the limit of the run (limit time=…)"));
    }
    loop {
        for (at_us, act) in super::verbs::read(cursor, at_us)? {
            scenario.timed.push(Timed { at_us, line, act });
        }
        cursor.end()?;
        if !cursor.take(";") {
            return Ok(());
        }
    }
}

fn read_group(cursor: &mut Cursor<'_>, scenario: &mut Scenario) -> Read<()> {
    const KEYS: [&str; 8] = ["cap", "founder", "members", "admins", "seats", "history", "confirm", "retention"];
    if let Some(name) = cursor.text() {
        scenario.group.name = name;
    }
    let mut admins = None;
    while let Some((key, values)) = cursor.option() {
        match key {
            "founder" => scenario.group.founder = first(cursor, &cursor.hosts_of_values(&values)?)?,
            "members" => scenario.group.members = cursor.hosts_of_values(&values)?,
            "admins" => admins = Some(cursor.hosts_of_values(&values)?),
            "cap" if values == ["100"] => {}
            "cap" => {
                return Err(cursor.fault_before(
                    FaultCode::Impossible,
                    "a group has 100 seats; a smaller one is modelled by fewer links",
                ));
            }
            "history" if values == ["none"] => {}
            "confirm" if values == ["off"] => {}
            _ if KEYS.contains(&key) => {
                return Err(cursor.fault_before(FaultCode::Impossible, format!("{key} cannot be set in this release")));
            }
            _ => return Err(cursor.slip(FaultCode::Option, "option", &KEYS)),
        }
    }
    let group = &mut scenario.group;
    if !group.members.contains(&group.founder) {
        group.members.push(group.founder);
        group.members.sort_unstable();
    }
    group.admins = admins.unwrap_or_else(|| vec![group.founder]);
    if let Some(stranger) = group.admins.iter().find(|admin| !group.members.contains(admin)) {
        let text = format!("n{} is an admin and no member", stranger + 1);
        return Err(cursor.fault_before(FaultCode::Impossible, text));
    }
    if group.members.len() > 100 {
        return Err(cursor.fault_before(FaultCode::Impossible, "a group has 100 seats: name the others after members="));
    }
    Ok(())
}

fn first(cursor: &Cursor<'_>, hosts: &[u16]) -> Read<u16> {
    hosts.first().copied().ok_or_else(|| cursor.fault_before(FaultCode::Nobody, "nobody is meant"))
}

/// Also the action of the same name.
pub(super) fn read_link(cursor: &mut Cursor<'_>) -> Read<LinkSetting> {
    const KEYS: [&str; 9] = ["latency", "jitter", "tail", "loss", "dup", "reorder", "corrupt", "rate", "queue"];
    let from = cursor.hosts()?;
    let mut ways = Ways::Both;
    let to = if cursor.take("->") {
        ways = Ways::One;
        cursor.hosts()?
    } else if cursor.is_at_hosts() {
        cursor.hosts()?
    } else {
        cursor.census().all()
    };
    let mut quality = Quality::default();
    while let Some((key, values)) = cursor.option() {
        let value = values.first().copied().unwrap_or_default();
        let bad = |form: &str| cursor.fault_before(FaultCode::Value, format!("{key}= wants {form}"));
        match key {
            "latency" => {
                let (low, high) = range(value).ok_or_else(|| bad("a time such as 50ms or 20..80ms"))?;
                (quality.latency_us, quality.jitter_us) = (low, quality.jitter_us.max((high - low) / 2));
            }
            "jitter" => quality.jitter_us = super::cursor::time_us(value).ok_or_else(|| bad("a time"))?,
            "tail" => quality.tail = if value == "on" { Tail::On } else { Tail::Off },
            "loss" => quality.loss_ppm = percent_ppm(value).ok_or_else(|| bad("a share such as 2%"))?,
            "rate" => quality.rate = Some(rate(value).ok_or_else(|| bad("a rate such as 20kB/s"))?),
            "queue" => quality.queue_bytes = size_bytes(value).ok_or_else(|| bad("a size such as 256kB"))?,
            "mode" if value == "stream" => {}
            "dup" | "reorder" | "corrupt" | "mode" => {
                return Err(cursor
                    .fault_before(FaultCode::Datagram, "only streams are modelled: they neither double nor reorder"));
            }
            _ => return Err(cursor.slip(FaultCode::Option, "option", &KEYS)),
        }
    }
    Ok(LinkSetting { from, to, ways, quality })
}

/// `50ms` or `20..80ms`.
fn range(value: &str) -> Option<(u64, u64)> {
    let Some((low, high)) = value.split_once("..") else {
        let one = super::cursor::time_us(value)?;
        return Some((one, one));
    };
    let unit = high.trim_start_matches(|c: char| c.is_ascii_digit());
    let low = if low.chars().all(|c| c.is_ascii_digit()) { format!("{low}{unit}") } else { low.into() };
    let (low, high) = (super::cursor::time_us(&low)?, super::cursor::time_us(high)?);
    (low <= high).then_some((low, high))
}

fn read_host(cursor: &mut Cursor<'_>) -> Read<HostSetting> {
    const KEYS: [&str; 4] = ["name", "sync", "offset", "drift"];
    let hosts = cursor.hosts()?;
    let mut setting = HostSetting { hosts, sync_us: None, offset_ms: None, drift_ppm: None };
    while let Some((key, values)) = cursor.option() {
        let value = values.first().copied().unwrap_or_default();
        match key {
            "name" => {}
            "sync" => setting.sync_us = Some(cursor.time_of(value)?),
            "offset" => setting.offset_ms = Some(super::verbs::signed_ms(cursor, value)?),
            "drift" => setting.drift_ppm = value.parse().ok(),
            "reach" if value == "open" => {}
            _ => return Err(cursor.slip(FaultCode::Option, "option", &KEYS)),
        }
    }
    Ok(setting)
}

fn read_limit(cursor: &mut Cursor<'_>, scenario: &mut Scenario) -> Read<()> {
    while let Some((key, values)) = cursor.option() {
        let value = values.first().copied().unwrap_or_default();
        match key {
            "time" => scenario.limit.time_us = cursor.time_of(value)?,
            "quiesce" => scenario.limit.quiesce_us = cursor.time_of(value)?,
            "events" => {
                let plain = value.replace('M', "000000");
                scenario.limit.events = cursor.number_of(&plain, 1, u64::MAX)?;
            }
            _ => return Err(cursor.slip(FaultCode::Option, "option", &["time", "events", "quiesce"])),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
