//! The power goes while people write: the real node on an ext4 of its own, cut off by the file system's shutdown
//! without a flush of its log, then started again (ST-132).
//!
//! `cargo run --release -p coterie-tests --bin power_cut -- --rounds 200`, as root. What the node said it keeps must be
//! there after every cut, word for word and once. Beside the node a file is written without any sync: if no cut ever
//! takes anything from that one, the cuts are none, and the program fails as blind. Ends with 77 if there is no disk.

#![expect(clippy::expect_used, reason = "a program that cannot go on ends, and says where")]

use std::fs::File;
use std::io::Write;
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use coterie_tests::cluster::{Person, Rise};
use coterie_tests::disk::Disk;
use coterie_tests::ledger::{Ledger, Writers};
use coterie_tests::rounds::{Luck, Rounds, Table, progress, say};

/// People who write at once.
const WRITERS: usize = 6;
/// A profile lives through so many cuts; then a new one begins, so that starts stay comparable.
const CUTS_OF_A_LIFE: u64 = 25;
const PATIENCE: Duration = Duration::from_secs(60);

fn main() -> ExitCode {
    let asked = Rounds::from_arguments(10);
    let disk = match Disk::in_a_file(1_500) {
        Ok(disk) => disk,
        Err(why) => {
            say(&format!("SKIPPED power_cut: needs root and a loop device: {why}"));
            return ExitCode::from(77);
        }
    };
    let mut luck = Luck::of(asked.seed);
    let mut table = Table::default();
    let mut life = None;
    for round in 0..asked.rounds {
        if round.is_multiple_of(CUTS_OF_A_LIFE) {
            drop(life.take());
        }
        let (person, ledger) = life.get_or_insert_with(|| begin(&disk));
        cut_once(&disk, (person, ledger), (round, &mut luck), &mut table);
        look(&disk, (person, ledger), round, &mut table);
        progress(round, asked.rounds, &format!("{} promised, {} failures", ledger.promised(), table.failures()));
        if table.failures() > 0 {
            break;
        }
    }
    drop(life);
    if table.of("rounds in which the unsynced file lost") == 0 && asked.rounds >= 5 {
        table.fail("blind: no cut took anything from a file that was never synced".to_owned());
    }
    table.end("power cuts under the real node")
}

fn begin(disk: &Disk) -> (Person, Ledger) {
    let mut person = Person::new_in(&disk.path(), "Ana");
    rise(disk, &mut person).expect("a new profile starts");
    person.ok(&["group", "create", "Harbour"]);
    person.down();
    (person, Ledger::default())
}

fn rise(disk: &Disk, person: &mut Person) -> Result<Duration, String> {
    match person.rise(&disk.beside().join("up.log"), PATIENCE) {
        Rise::Up(took) => Ok(took),
        other => Err(format!("{other:?}")),
    }
}

fn cut_once(disk: &Disk, (person, ledger): (&mut Person, &Ledger), (round, luck): (u64, &mut Luck), table: &mut Table) {
    if person.pid().is_none()
        && let Err(why) = rise(disk, person)
    {
        return table.fail(format!("round {round}: the node does not start: {why}"));
    }
    let group = person.line().group().expect("a group");
    let control = disk.path().join("unsynced");
    let stop = AtomicBool::new(false);
    let written = std::thread::scope(|scope| {
        let unsynced = scope.spawn(|| write_without_sync(&control, &stop));
        let writers = Writers::begin(WRITERS, &person.line(), &group, ledger, &format!("r{round}"));
        coterie_tests::let_pass(Duration::from_millis(luck.between(150, 1_500)));
        disk.cut().expect("the power can be cut");
        // What is promised from here on counts, too: a disk that is gone must promise nothing.
        coterie_tests::let_pass(Duration::from_millis(20));
        person.kill();
        stop.store(true, Ordering::Relaxed);
        table.count("messages promised", writers.end());
        unsynced.join().unwrap_or(0)
    });
    disk.power_on().expect("the disk comes back");
    table.count("cuts", 1);
    let kept = std::fs::metadata(&control).map_or(0, |file| file.len());
    table.count("rounds in which the unsynced file lost", u64::from(kept < written));
    let _ = std::fs::remove_file(&control);
}

/// A file that nobody syncs; gives how many bytes the system took.
fn write_without_sync(path: &std::path::Path, stop: &AtomicBool) -> u64 {
    let Ok(mut file) = File::create(path) else { return 0 };
    let mut written = 0;
    while !stop.load(Ordering::Relaxed) && file.write_all(&[7; 512]).is_ok() {
        written += 512;
        coterie_tests::let_pass(Duration::from_millis(1));
    }
    written
}

/// After the cut: it starts, and every promise holds.
fn look(disk: &Disk, (person, ledger): (&mut Person, &Ledger), round: u64, table: &mut Table) {
    match rise(disk, person) {
        Ok(took) => table.largest("slowest start after a cut, ms", u64::try_from(took.as_millis()).unwrap_or(0)),
        Err(why) => return table.fail(format!("round {round}: the store does not open: {why}")),
    }
    let line = person.line();
    let texts = line.group().and_then(|group| line.texts(&group));
    let Some(texts) = texts else { return table.fail(format!("round {round}: the timeline can't be read")) };
    let found = ledger.compare(&texts);
    if !found.is_none() {
        table.fail(format!("round {round}: {found:?}"));
    }
    if !person.alerts().is_empty() {
        table.fail(format!("round {round}: {:?}", person.alerts()));
    }
    let blobs = std::fs::read_dir(person.data().join("store").join("blobs"));
    if blobs.is_ok_and(|mut files| files.next().is_some()) {
        table.fail(format!("round {round}: store/blobs is not empty"));
    }
    table.largest("messages in the largest timeline", texts.len() as u64);
}
