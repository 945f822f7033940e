//! A node is killed while people write, again and again, in the middle of a start too: the real node, SIGKILL, somebody
//! else's node beside it (ST-133).
//!
//! `cargo run --release -p coterie-tests --bin kill_loop -- --rounds 500`. What the node said it keeps must be there
//! after every kill, word for word and once; at the end of each life the other person has all of it, and nobody saw one
//! author say two things under one number.

#![expect(clippy::expect_used, reason = "a program that cannot go on ends, and says where")]

use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use coterie_tests::cluster::{Person, Rise, group_of};
use coterie_tests::eventually;
use coterie_tests::ledger::{Discrepancies, Ledger, Writers};
use coterie_tests::rounds::{Luck, Rounds, Table, progress};

const WRITERS: usize = 4;
/// Two people live through so many kills of one of them; then two others begin.
const KILLS_OF_A_LIFE: u64 = 25;
const PATIENCE: Duration = Duration::from_secs(60);
/// A restart after a kill takes no longer (ST-133).
const RESTART_MS_MAX: u64 = 2_000;

fn main() -> ExitCode {
    let asked = Rounds::from_arguments(20);
    let mut luck = Luck::of(asked.seed);
    let mut table = Table::default();
    let mut done = 0;
    while done < asked.rounds && table.failures() == 0 {
        let kills = KILLS_OF_A_LIFE.min(asked.rounds - done);
        live(done, kills, &mut luck, &mut table);
        done += kills;
        progress(done, kills.max(asked.rounds), &format!("{} promised", table.of("messages promised")));
    }
    table.end("kills of the real node")
}

fn live(first: u64, kills: u64, luck: &mut Luck, table: &mut Table) {
    let mut people = group_of(&["Ana", "Ben"]);
    let folder = tempfile::tempdir().expect("a folder");
    let log = folder.path().join("up.log");
    let ledger = Ledger::default();
    let group = people[0].line().group().expect("a group");
    for round in first..first + kills {
        let writers = Writers::begin(WRITERS, &people[0].line(), &group, &ledger, &format!("r{round}"));
        coterie_tests::let_pass(Duration::from_millis(luck.between(1, 400)));
        people[0].kill();
        table.count("messages promised", writers.end());
        table.count("kills", 1);
        if round % 4 == 3 {
            people[0].rise_and_fall(&log, Duration::from_millis(luck.between(1, 200)));
            table.count("of them in the middle of a start, besides", 1);
        }
        if let Err(why) = come_back(&mut people[0], &log, table) {
            return table.fail(format!("round {round}: {why}"));
        }
        // Reading everything after every kill would mostly measure reading.
        let is_due = round % 5 == 4 || round + 1 == first + kills;
        if is_due && let Err(why) = holds(&people[0], &group, &ledger) {
            return table.fail(format!("round {round}: {why}"));
        }
    }
    let other = &people[1];
    let texts = || other.line().texts(&group).map(|texts| ledger.compare(&texts)).unwrap_or_default();
    let begin = std::time::Instant::now();
    let mut found = texts();
    while found != Discrepancies::default() && begin.elapsed() < PATIENCE {
        coterie_tests::let_pass(Duration::from_millis(200));
        found = texts();
    }
    if !found.is_none() {
        table.fail(format!("life from round {first}: the other person has not the same: {found:?}"));
    }
    for person in &people {
        let alerts = person.alerts();
        if !alerts.is_empty() {
            table.fail(format!("life from round {first}: {} is told {alerts:?}", person.name));
        }
    }
}

fn come_back(person: &mut Person, log: &Path, table: &mut Table) -> Result<(), String> {
    match person.rise(log, PATIENCE) {
        Rise::Up(took) => {
            let took = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
            table.largest("slowest restart, ms", took);
            table.count("restarts over 2 s", u64::from(took > RESTART_MS_MAX));
            Ok(())
        }
        other => Err(format!("it does not start: {other:?}")),
    }
}

/// Every promise is kept, here. What was only queued when it died may be sealed a moment later, and is then a line.
fn holds(person: &Person, group: &str, ledger: &Ledger) -> Result<(), String> {
    let line = person.line();
    let found = eventually("all that was promised is a line", PATIENCE, || {
        let texts = line.texts(group).ok_or("the timeline can't be read")?;
        let found = ledger.compare(&texts);
        if found.lost.is_empty() { Ok(found) } else { Err(format!("{found:?}")) }
    });
    if found.is_none() { Ok(()) } else { Err(format!("{found:?}")) }
}
