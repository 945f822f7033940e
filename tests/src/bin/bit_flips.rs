//! One bit of a data folder rots, a thousand times over: the real node on copies of a real folder (ST-134).
//!
//! `cargo run --release -p coterie-tests --bin bit_flips -- --rounds 1000`. Two people have written to each other and
//! stopped, one time in good order, one time by a kill. Each round puts the folder back, flips one bit of one file, and
//! starts. There are three good ends: *all good* (every word is there), *mended* (something is missing, the person is
//! told, and with the other one in reach the group goes on in both directions), *refused* with the name of an error.
//! A word that is wrong, a loss that nobody tells of, a crash, or a start over 30 s fails.

#![expect(clippy::expect_used, reason = "a program that cannot go on ends, and says where")]

use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use coterie_tests::cluster::{Person, Rise, copy_files, group_of};
use coterie_tests::ledger::words;
use coterie_tests::rounds::{Luck, Rounds, Table, progress, say};

/// Lines of each of the two, in a long run and in a short one.
const LINES: [usize; 2] = [300, 40];
const SHORT_ROUNDS: u64 = 50;
/// A start takes no longer, whatever it finds (ST-134).
const PATIENCE: Duration = Duration::from_secs(30);
/// How often the one speaks whom the other can't hear.
const SPEAKING: Duration = Duration::from_secs(3);
/// How long the way back to the other person may take.
const MENDING: Duration = Duration::from_secs(60);

/// Two people as they stopped, to be put back again and again.
struct Scene {
    people: Vec<Person>,
    group: String,
    /// What each of the timelines says.
    texts: BTreeSet<String>,
    /// Copies of both folders, by how they ended.
    closed: [PathBuf; 2],
    killed: [PathBuf; 2],
    folder: tempfile::TempDir,
    /// Whether the person was asked in this round which computer goes on.
    was_asked: bool,
}

/// How the two had stopped.
#[derive(Clone, Copy, Debug)]
enum Stop {
    InGoodOrder,
    Killed,
}

/// How a round ended.
enum End {
    AllGood,
    Mended(String),
    Refused(String),
    Failed(String),
}

fn main() -> ExitCode {
    let asked = Rounds::from_arguments(20);
    let mut scene = Scene::set(LINES[usize::from(asked.rounds < SHORT_ROUNDS)]);
    let mut luck = Luck::of(asked.seed);
    let mut table = Table::default();
    let mut reasons: BTreeMap<String, u64> = BTreeMap::new();
    for round in 0..asked.rounds {
        let (place, end) = scene.play(round, &mut luck);
        match end {
            End::AllGood => table.count("all good", 1),
            End::Mended(how) => {
                table.count("told and mended", 1);
                *reasons.entry(format!("told: {how}")).or_default() += 1;
            }
            End::Refused(code) => {
                table.count("refused by name", 1);
                *reasons.entry(format!("refused: {code}")).or_default() += 1;
            }
            End::Failed(why) => table.fail(format!("round {round}, {place}: {why}")),
        }
        let panics = scene.log().matches("a panic").count() as u64;
        table.count("panics of the engine that were caught", panics);
        progress(round, asked.rounds, &format!("{} failures", table.failures()));
    }
    reasons.iter().for_each(|(reason, count)| say(&format!("{count:>6}  {reason}")));
    table.end("flipped bits in the real data folder")
}

impl Scene {
    fn set(lines: usize) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let mut people = group_of(&["Ana", "Ben"]);
        let group = people[0].line().group().expect("a group");
        for number in 0..lines {
            for person in &people {
                let text = words(&format!("{} {number}", person.name), number);
                assert!(person.line().say(&group, &text), "said");
            }
        }
        let last = words(&format!("Ben {}", lines - 1), lines - 1);
        people[0].sees(&last);
        people[1].sees(&words(&format!("Ana {}", lines - 1), lines - 1));
        let texts = people[0].line().texts(&group).expect("a timeline").into_iter().collect();
        let copies = |name: &str| ["Ana", "Ben"].map(|person| folder.path().join(format!("{name}-{person}")));
        let (closed, killed) = (copies("closed"), copies("killed"));
        people.iter_mut().for_each(Person::kill);
        let save = |people: &[Person], to: &[PathBuf; 2]| {
            for (person, to) in people.iter().zip(to) {
                std::fs::create_dir(to).expect("a folder");
                copy_files(&person.data(), to);
            }
        };
        save(&people, &killed);
        people.iter_mut().for_each(Person::up);
        people.iter().for_each(|person| person.sees_online(1));
        people.iter_mut().for_each(Person::down);
        save(&people, &closed);
        Self { people, group, texts, closed, killed, folder, was_asked: false }
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("0.log")).unwrap_or_default()
    }

    fn rise(&mut self, who: usize) -> Rise {
        let log = self.folder.path().join(format!("{who}.log"));
        self.people[who].rise(&log, PATIENCE)
    }

    fn put_back(&self, who: usize, stop: Stop) {
        let copies = match stop {
            Stop::InGoodOrder => &self.closed,
            Stop::Killed => &self.killed,
        };
        self.people[who].set_back(&copies[who]);
    }

    fn play(&mut self, round: u64, luck: &mut Luck) -> (String, End) {
        let stop = if round % 2 == 1 { Stop::Killed } else { Stop::InGoodOrder };
        self.was_asked = false;
        self.put_back(0, stop);
        let place = flip(&self.people[0].data(), luck);
        let place = format!("{place}, {stop:?}");
        let end = match self.rise(0) {
            Rise::Up(_) => self.look(stop),
            Rise::Refused(status, said) => refusal(&said, status.code()),
            Rise::Stuck(said) => End::Failed(format!("no answer within {PATIENCE:?}: {said}")),
        };
        for person in &mut self.people {
            if person.pid().is_some() {
                person.kill();
            }
        }
        (place, end)
    }

    fn look(&mut self, stop: Stop) -> End {
        // Every record is opened and counted, as happens by itself half a minute after a start.
        if self.people[0].line().get("/v1/doctor?deep=true").is_none_or(|heard| heard.status != 200) {
            return End::Failed(format!("it can't examine itself: {}", self.people[0].status()));
        }
        let seen = match self.missing() {
            Ok(missing) => missing,
            Err(why) => return End::Failed(why),
        };
        if seen == 0 && self.people[0].alerts().is_empty() {
            return End::AllGood;
        }
        self.put_back(1, stop);
        if !matches!(self.rise(1), Rise::Up(_)) {
            return End::Failed("the other person's node does not start".to_owned());
        }
        for (from, to) in [(1, 0), (0, 1)] {
            if let Err(why) = self.is_heard(from, to) {
                return End::Failed(format!("{why}; {seen} lines were missing; {}", self.told()));
            }
        }
        let told = self.told();
        if told.is_empty() {
            return End::Failed(format!("{seen} lines are missing, and nobody tells of it"));
        }
        End::Mended(told)
    }

    /// One speaks until the other reads it. What was sealed under a key that rotted away stays closed, and is shown so; the
    /// next words are sealed anew.
    fn is_heard(&mut self, from: usize, to: usize) -> Result<(), String> {
        let (begin, mut said) = (Instant::now(), Vec::new());
        while begin.elapsed() < MENDING {
            // A computer that is behind what it once said asks whether it is the one to go on (ST-102). It is.
            if self.people[0].alerts().iter().any(|alert| alert["kind"] == "clone") {
                let _ = self.people[0].run(&["identity", "here", "--yes"]);
                self.was_asked = true;
            }
            if begin.elapsed() >= SPEAKING * u32::try_from(said.len()).unwrap_or(u32::MAX) {
                let text = format!("{} says it goes on, {}", self.people[from].name, said.len());
                if self.people[from].line().say(&self.group, &text) {
                    said.push(text);
                }
            }
            let texts = self.people[to].line().texts(&self.group).unwrap_or_default();
            if texts.iter().rev().take(50).any(|line| said.contains(line)) {
                return Ok(());
            }
            coterie_tests::let_pass(Duration::from_millis(100));
        }
        let name = &self.people[from].name;
        Err(format!("{name} was not heard (said {} times); {}", said.len(), self.people[0].status()))
    }

    /// What the person was told, without its numbers.
    fn told(&self) -> String {
        let alerts = self.people[0].alerts();
        let mut kinds: BTreeSet<String> = alerts
            .iter()
            .filter_map(|alert| alert["what"].as_str())
            .map(|what| what.trim_start_matches(|c: char| c.is_ascii_digit() || c == ' ').to_owned())
            .collect();
        if self.was_asked {
            kinds.insert("asked whether this computer goes on".to_owned());
        }
        kinds.into_iter().collect::<Vec<_>>().join(" + ")
    }

    /// How many lines are not there; a line that nobody wrote is an error.
    fn missing(&self) -> Result<usize, String> {
        let Some(texts) = self.people[0].line().texts(&self.group) else { return Ok(self.texts.len()) };
        let seen: BTreeSet<String> = texts.into_iter().collect();
        if let Some(wrong) = seen.difference(&self.texts).next() {
            return Err(format!("a line that nobody wrote: {wrong:?}"));
        }
        Ok(self.texts.difference(&seen).count())
    }
}

fn refusal(said: &str, code: Option<i32>) -> End {
    let object = said.lines().rfind(|line| line.starts_with('{'));
    let parsed = object.and_then(|line| serde_json::from_str::<serde_json::Value>(line).ok());
    match parsed.as_ref().and_then(|error| error["code"].as_str()) {
        Some("internal") | None => End::Failed(format!("it ended with {code:?} and no name for it: {said}")),
        Some(name) => End::Refused(name.to_owned()),
    }
}

/// Flips one bit: of a file by its size three times of four, else of any file. Gives where.
fn flip(data: &Path, luck: &mut Luck) -> String {
    let mut files = Vec::new();
    list(data, &mut files);
    files.sort();
    let total: u64 = files.iter().map(|(_, size)| size).sum();
    let mut at = luck.below(total);
    let by_size = files.iter().find(|(_, size)| {
        let is_here = at < *size;
        at = if is_here { at } else { at - size };
        is_here
    });
    let any = &files[usize::try_from(luck.below(files.len() as u64)).unwrap_or(0)];
    let (path, size) = if luck.below(4) > 0 { by_size.unwrap_or(any) } else { any };
    let (byte, bit) = (luck.below(*size), luck.below(8));
    let file = std::fs::File::options().read(true).write(true).open(path).expect("a file");
    let mut value = [0];
    file.read_exact_at(&mut value, byte).expect("a byte");
    file.write_all_at(&[value[0] ^ (1 << bit)], byte).expect("written");
    format!("bit {bit} of byte {byte} of {}", path.strip_prefix(data).unwrap_or(path).display())
}

/// Files with something in them; of the reserve nobody reads a byte.
fn list(folder: &Path, found: &mut Vec<(PathBuf, u64)>) {
    for entry in std::fs::read_dir(folder).expect("a folder").flatten() {
        let (path, kind) = (entry.path(), entry.file_type().expect("a kind"));
        if kind.is_dir() {
            list(&path, found);
        } else if kind.is_file() && !path.ends_with("reserve") {
            let size = entry.metadata().map_or(0, |metadata| metadata.len());
            found.extend((size > 0).then_some((path, size)));
        }
    }
}
