//! A disk fills up and is freed again, again and again, under the real node (ST-135).
//!
//! `cargo run --release -p coterie-tests --bin disk_full -- --rounds 50`, as root. Each round: people write, others fill
//! the disk; the node says *disk full*, refuses what it can't keep, still shows what it has, every third time over a
//! restart; the room comes back, and by itself the node takes new words. What it said it keeps is there. Ends with 77 if
//! there is no disk.

#![expect(clippy::expect_used, reason = "a program that cannot go on ends, and says where")]

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use coterie_tests::cluster::{Person, Rise};
use coterie_tests::disk::Disk;
use coterie_tests::ledger::{Ledger, Writers};
use coterie_tests::rounds::{Luck, Rounds, Table, progress, say};

const WRITERS: usize = 4;
/// Rounds of one profile: each leaves some messages, and the disk is small.
const ROUNDS_OF_A_LIFE: u64 = 10;
const PATIENCE: Duration = Duration::from_secs(60);
const LOG_LINES_SHOWN: usize = 40;

fn main() -> ExitCode {
    let asked = Rounds::from_arguments(5);
    let disk = match Disk::in_memory(400) {
        Ok(disk) => disk,
        Err(why) => {
            say(&format!("SKIPPED disk_full: needs root and mount: {why}"));
            return ExitCode::from(77);
        }
    };
    let mut luck = Luck::of(asked.seed);
    let mut table = Table::default();
    let mut life = None;
    for round in 0..asked.rounds {
        if round.is_multiple_of(ROUNDS_OF_A_LIFE) {
            drop(life.take());
        }
        let (person, ledger) = life.get_or_insert_with(|| begin(&disk));
        if let Err(why) = fill_and_free(&disk, (person, ledger), (round, &mut luck), &mut table) {
            let state = person.line().get("/v1/status").map(|heard| heard.body).unwrap_or_default();
            table.fail(format!("round {round}: {why}\n{state}\n{}", logs_of(&disk)));
            break;
        }
        table.count("rounds", 1);
        progress(round, asked.rounds, &format!("{} promised", ledger.promised()));
    }
    table.end("full disks under the real node")
}

/// What the node said while there was no room for its log, and the log.
fn logs_of(disk: &Disk) -> String {
    let read = |path: PathBuf| std::fs::read_to_string(path).unwrap_or_default();
    let log = find(&disk.path(), "node.log").map(read).unwrap_or_default();
    let last: Vec<&str> = log.lines().rev().take(LOG_LINES_SHOWN).collect();
    let last: Vec<&str> = last.into_iter().rev().collect();
    format!("{}\n{}", read(disk.beside().join("up.log")), last.join("\n"))
}

fn find(folder: &Path, name: &str) -> Option<PathBuf> {
    let entries = std::fs::read_dir(folder).ok()?.flatten();
    entries
        .map(|entry| entry.path())
        .find_map(|path| if path.is_dir() { find(&path, name) } else { path.ends_with(name).then_some(path) })
}

fn begin(disk: &Disk) -> (Person, Ledger) {
    let mut person = Person::new_in(&disk.path(), "Ana");
    rise(disk, &mut person).expect("a new profile starts");
    person.ok(&["group", "create", "Harbour"]);
    (person, Ledger::default())
}

fn rise(disk: &Disk, person: &mut Person) -> Result<(), String> {
    match person.rise(&disk.beside().join("up.log"), PATIENCE) {
        Rise::Up(_) => Ok(()),
        other => Err(format!("{other:?}")),
    }
}

fn fill_and_free(
    disk: &Disk,
    (person, ledger): (&mut Person, &Ledger),
    (round, luck): (u64, &mut Luck),
    table: &mut Table,
) -> Result<(), String> {
    let line = person.line();
    let group = line.group().ok_or("there is no group")?;
    let filler = disk.path().join("filler");
    let writers = Writers::begin(WRITERS, &line, &group, ledger, &format!("r{round}"));
    coterie_tests::let_pass(Duration::from_millis(luck.between(50, 300)));
    // Sometimes to the last byte, sometimes only below what the node wants to keep free.
    let leave = if luck.below(2) == 0 { 0 } else { luck.between(1, 60) << 20 };
    fill(disk, &filler, leave);
    let said = wait_for(|| (line.get("/v1/status")?.body["state"] == "disk_full").then_some(()));
    table.count("messages promised", writers.end());
    said.ok_or("the node does not say that the disk is full")?;
    let refused = line.post(&format!("/v1/groups/{group}/messages"), &serde_json::json!({ "text": "no room" }));
    let code = refused.map(|heard| heard.body["code"].clone()).unwrap_or_default();
    if code != "disk_full" {
        return Err(format!("a message on a full disk is answered with {code}"));
    }
    check(person, &group, ledger)?;
    if round % 3 == 2 {
        if luck.below(2) == 0 {
            person.kill();
        } else {
            person.down();
        }
        rise(disk, person)?;
        check(person, &group, ledger)?;
        table.count("starts on a full disk", 1);
    }
    std::fs::remove_file(&filler).map_err(|error| error.to_string())?;
    let begin = Instant::now();
    let text = format!("r{round} there is room again");
    wait_for(|| ledger.say(&line, &group, &text).then_some(())).ok_or("it takes nothing though there is room")?;
    table.largest("slowest way back, ms", u64::try_from(begin.elapsed().as_millis()).unwrap_or(0));
    check(person, &group, ledger)
}

fn fill(disk: &Disk, filler: &Path, leave: u64) {
    let mut file = std::fs::File::create(filler).expect("a file");
    let chunk = vec![1; 1 << 20];
    while disk.free_bytes() > leave {
        let left = usize::try_from((disk.free_bytes() - leave).min(1 << 20)).unwrap_or(0);
        if file.write_all(&chunk[..left]).is_err() {
            return;
        }
    }
}

fn wait_for<T>(mut ask: impl FnMut() -> Option<T>) -> Option<T> {
    let begin = Instant::now();
    while begin.elapsed() < PATIENCE {
        if let Some(found) = ask() {
            return Some(found);
        }
        coterie_tests::let_pass(Duration::from_millis(50));
    }
    None
}

fn check(person: &Person, group: &str, ledger: &Ledger) -> Result<(), String> {
    // A question that meets the moment of a failure is refused, and told to come back.
    let texts = wait_for(|| person.line().texts(group)).ok_or("the timeline can't be read")?;
    let found = ledger.compare(&texts);
    if found.is_none() { Ok(()) } else { Err(format!("{found:?}")) }
}
