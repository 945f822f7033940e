//! A node with a long past: what 100,000 messages in ten groups take of memory, disk and time.
//!
//! `cargo run --release -p coterie-tests --bin large_store` writes them through the API, then measures: how long a start
//! takes, how much memory the node holds after it, after every line was read, and while it goes on being used: sends,
//! pages read, restless questions, with the memory printed as it grows. `-- --rounds N` sets how many rounds of use
//! (default 30, of 200 messages each). Fails over 120 MiB, but for the first half minute after a start.

#![expect(clippy::expect_used, reason = "a measurement that cannot go on ends, and says where")]

use std::process::ExitCode;
use std::time::{Duration, Instant};

use coterie_tests::cluster::{Person, Rise};
use coterie_tests::ledger::{Ledger, Writers};
use coterie_tests::rounds::{Rounds, Table, say};

const GROUPS: usize = 10;
const MESSAGES: usize = 100_000;
const WRITERS: usize = 8;
/// Messages of one round of use.
const USED: usize = 200;
const RSS_KIB_MAX: u64 = 120 << 10;
/// Until then the node has given back what its start took (ST-25).
const SETTLED: Duration = Duration::from_secs(30);
const PATIENCE: Duration = Duration::from_secs(120);

fn main() -> ExitCode {
    let asked = Rounds::from_arguments(30);
    let mut table = Table::default();
    let mut person = Person::online("Ana");
    (0..GROUPS).for_each(|n| drop(person.ok(&["group", "create", &format!("Harbour {n}")])));
    let line = person.line();
    let page = line.get("/v1/groups").expect("groups").body;
    let groups: Vec<String> = page["items"]
        .as_array()
        .expect("items")
        .iter()
        .filter_map(|item| item["id"].as_str().map(str::to_owned))
        .collect();
    let (begin, ledger) = (Instant::now(), Ledger::default());
    for group in &groups {
        write(&person, group, &ledger, MESSAGES / GROUPS);
    }
    let seconds = begin.elapsed().as_secs().max(1);
    table.count("messages written", ledger.promised() as u64);
    table.count("of them a second, by eight people at once", ledger.promised() as u64 / seconds);
    table.count("resident after writing, MiB", rss_kib(&person) >> 10);
    person.down();
    let log = tempfile::NamedTempFile::new().expect("a file");
    match person.rise(log.path(), PATIENCE) {
        Rise::Up(took) => table.count("start, ms", u64::try_from(took.as_millis()).unwrap_or(0)),
        other => table.fail(format!("{other:?}")),
    }
    table.count("resident right after a start, MiB", rss_kib(&person) >> 10);
    let begin = Instant::now();
    while rss_kib(&person) > RSS_KIB_MAX && begin.elapsed() < SETTLED {
        coterie_tests::let_pass(Duration::from_millis(100));
    }
    measure(&person, &mut table, "resident within half a minute of a start, MiB");
    let disk = line.get("/v1/status").map(|heard| heard.body["disk"]["used"].as_u64().unwrap_or(0));
    table.count("store on disk, MB", disk.unwrap_or(0) / 1_000_000);
    let lines: usize = groups.iter().map(|group| line.lines(group).map_or(0, |lines| lines.len())).sum();
    if lines < ledger.promised() {
        table.fail(format!("{lines} lines are there, {} were promised", ledger.promised()));
    }
    measure(&person, &mut table, "resident after reading all, MiB");
    for round in 0..asked.rounds {
        let group = &groups[usize::try_from(round).unwrap_or(0) % GROUPS];
        write(&person, group, &ledger, USED);
        (0..20).for_each(|_| drop(line.get("/v1/status")));
        let _ = line.lines(group);
        if round.is_multiple_of((asked.rounds / 10).max(1)) {
            say(&format!("round {round}: {} MiB resident", rss_kib(&person) >> 10));
        }
    }
    measure(&person, &mut table, "resident after rounds of use, MiB");
    table.end("a node with 100,000 messages in ten groups")
}

fn write(person: &Person, group: &str, ledger: &Ledger, count: usize) {
    let before = ledger.promised();
    let writers = Writers::chatting(WRITERS, &person.line(), group, ledger, &format!("{before}"));
    while ledger.promised() < before + count {
        coterie_tests::let_pass(Duration::from_millis(2));
    }
    let _ = writers.end();
}

fn measure(person: &Person, table: &mut Table, row: &'static str) {
    let kib = rss_kib(person);
    table.count(row, kib >> 10);
    if kib > RSS_KIB_MAX {
        table.fail(format!("{row}: {} KiB, the bound is {RSS_KIB_MAX} KiB", kib));
    }
}

fn rss_kib(person: &Person) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", person.pid().unwrap_or(0))).unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap_or_default();
    line.split_whitespace().nth(1).and_then(|text| text.parse().ok()).unwrap_or(0)
}
