//! What group encryption costs at 2, 10 and 100 members, beside what was published for DCGKA. It prints one table and
//! fails if a bar is missed. Run: `cargo bench -p coterie-protocol --bench encryption`.
//!
//! Bytes are exact. Times are those of the processor, the best of several runs, so that a busy machine changes them
//! little. Receiving is all of it but the disk: form, signature, admission to the log, keys, words.
#![expect(clippy::expect_used, clippy::print_stdout, reason = "a bench prints, and ends at what it didn't expect")]

use std::hint::black_box;
use std::time::Duration;

use coterie_protocol::testing::speakers::{Given, Reader, Speakers, Taken};
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;

type People = Speakers<ChaCha20Rng>;

/// Runs of which the best counts.
const RUNS: usize = 15;
/// What a message of 192 bytes of text is padded to.
const PADDED: usize = 256;

fn people(n: u8, outside: u8) -> People {
    Speakers::new(n, outside, ChaCha20Rng::from_seed([1; 32]))
}

/// How long the processor has worked for this thread.
fn worked() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    let seconds = u64::try_from(time.tv_sec).expect("since the start");
    Duration::new(seconds, u32::try_from(time.tv_nsec).expect("below a second"))
}

/// The best time of `act`, each on what `prepare` made afresh.
fn best<T>(mut prepare: impl FnMut() -> T, mut act: impl FnMut(&mut T)) -> Duration {
    let runs = (0..RUNS).map(|_| {
        let mut scene = prepare();
        let since = worked();
        act(&mut scene);
        black_box(&scene);
        worked() - since
    });
    runs.min().expect("some runs")
}

fn take_all<'a>(reader: &mut Reader<'_>, given: impl IntoIterator<Item = &'a Given>) -> usize {
    given.into_iter().filter(|one| matches!(reader.take(one).expect("taken"), Taken::Words(_) | Taken::Key)).count()
}

fn bytes(given: &[Given]) -> usize {
    given.iter().map(|one| one.bytes.len()).sum()
}

fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1_000.0
}

/// What one change costs everybody who speaks, and one reader.
struct Row {
    what: &'static str,
    n: u8,
    speakers: usize,
    bytes: usize,
    send: Duration,
    receive: Duration,
}

impl Row {
    fn print(&self) {
        let Self { what, n, speakers, bytes, .. } = self;
        let (send, receive) = (ms(self.send), ms(self.receive));
        println!("| {what:<7} | {n:>3} | {speakers:>8} | {bytes:>9} | {send:>10.3} | {receive:>10.3} |");
    }

    fn within(&self, bytes_max: usize) {
        assert!(self.bytes <= bytes_max, "{} at {}: {} bytes, not {bytes_max}", self.what, self.n, self.bytes);
    }
}

/// 1, 5 or all of them, as far as there are so many.
fn counts(all: usize) -> Vec<usize> {
    let mut counts: Vec<usize> = [1, 5, all].into_iter().filter(|&count| count <= all).collect();
    counts.dedup();
    counts
}

/// Everybody who speaks has an epoch without the newcomer; then each grants its chain.
fn add(n: u8, speakers: usize) -> Row {
    let last = usize::from(n) - 1;
    let spoken = || {
        let mut group = people(n, 1);
        let before: Vec<Given> = (0..speakers).map(|who| group.rekey(who).expect("a rekey")).collect();
        group.seat(usize::from(n));
        (group, before)
    };
    let grant =
        |group: &mut People| (0..speakers).map(|who| group.grant(who, last).expect("a grant")).collect::<Vec<_>>();
    let send = best(spoken, |(group, _)| drop(black_box(grant(group))));
    let (mut group, before) = spoken();
    let grants = grant(&mut group);
    let prepare = || {
        let mut reader = group.reader(last).expect("a reader");
        take_all(&mut reader, group.openings().iter().take(last).chain(&before));
        reader
    };
    let receive = best(prepare, |reader| assert_eq!(take_all(reader, &grants), speakers));
    Row { what: "add", n, speakers, bytes: bytes(&grants), send, receive }
}

/// The last one is out: each that speaks makes a fresh chain for the others. `n` sat there before.
fn remove(n: u8, speakers: usize) -> Row {
    let left = usize::from(n) - 1;
    let spoken = || {
        let mut group = people(n, 0);
        group.seat(left);
        group
    };
    let rekey = |group: &mut People| (0..speakers).map(|who| group.rekey(who).expect("a rekey")).collect::<Vec<_>>();
    let send = best(spoken, |group| drop(black_box(rekey(group))));
    let mut group = spoken();
    let rekeys = rekey(&mut group);
    // With two members there is nobody left to read; with all speaking, the reader's own costs nothing to receive.
    let me = left - 1;
    let of_others = || rekeys.iter().enumerate().filter(|(who, _)| *who != me).map(|(_, given)| given);
    let prepare = || {
        let mut reader = group.reader(me).expect("a reader");
        take_all(&mut reader, &group.openings());
        reader
    };
    let receive = best(prepare, |reader| assert_eq!(take_all(reader, of_others()), of_others().count()));
    Row { what: "remove", n, speakers, bytes: bytes(&rekeys), send, receive }
}

/// One renews everything it has: its chain and its leaf.
fn heal(n: u8) -> Row {
    let send = best(|| people(n, 0), |group| drop(black_box(group.rekey(0))));
    let mut group = people(n, 0);
    let rekey = group.rekey(0).expect("a rekey");
    let prepare = || {
        let mut reader = group.reader(1).expect("a reader");
        take_all(&mut reader, &group.openings());
        reader
    };
    let receive = best(prepare, |reader| assert_eq!(reader.take(&rekey), Some(Taken::Key)));
    Row { what: "heal", n, speakers: 1, bytes: rekey.bytes.len(), send, receive }
}

/// One message of 192 bytes; the mean of a hundred in a row.
fn message(n: u8) -> Row {
    let text = "x".repeat(192);
    let ready = || {
        let mut group = people(n, 0);
        let rekey = group.rekey(0).expect("a rekey");
        (group, rekey)
    };
    let say = |group: &mut People| (0..100).map(|_| group.say(0, &text).expect("words")).collect::<Vec<_>>();
    let send = best(ready, |(group, _)| drop(black_box(say(group)))) / 100;
    let (mut group, rekey) = ready();
    let said = say(&mut group);
    let prepare = || {
        let mut reader = group.reader(1).expect("a reader");
        take_all(&mut reader, group.openings().iter().take(2).chain([&rekey]));
        reader
    };
    let receive = best(prepare, |reader| assert_eq!(take_all(reader, &said), 100)) / 100;
    let longest = said.iter().map(|one| one.bytes.len()).max().expect("some");
    Row { what: "message", n, speakers: 1, bytes: longest - PADDED, send, receive }
}

fn table() {
    println!("| what    |   n | speakers |     bytes |    send ms | receive ms |");
    println!("|---------|-----|----------|-----------|------------|------------|");
    for n in [2, 10, 100] {
        for speakers in counts(usize::from(n) - 1) {
            let row = add(n, speakers);
            row.print();
            row.within(320 * speakers);
        }
        for speakers in counts(usize::from(n) - 1) {
            let row = remove(n, speakers);
            row.print();
            row.within(9_000 * speakers);
        }
        let row = heal(n);
        row.print();
        row.within(9_000);
        assert!(row.send <= Duration::from_millis(20), "a Rekey takes {:?}", row.send);
        assert!(row.receive <= Duration::from_micros(500), "taking a Rekey takes {:?}", row.receive);
        let row = message(n);
        row.print();
        row.within(232);
        assert!(row.send <= Duration::from_micros(100), "sending takes {:?}", row.send);
        assert!(row.receive <= Duration::from_micros(200), "receiving takes {:?}", row.receive);
    }
    println!("(message: bytes beyond the padded text; add, remove: all speakers together)\n");
    println!(
        "published, DCGKA (Weidner et al., eprint 2020/1281, Java), one change, everybody's bytes and one's own time:"
    );
    println!("  n =  90: add 47.5 kB, remove 28.2 kB, update 28.5 kB, about 40 ms");
    println!("  n = 128: add 77.3 kB, remove 40.3 kB, update 40.6 kB, about 65 ms");
    println!("  message: 171 B beyond a small text\n");
}

/// Nothing was ever read: 10,000 messages of 100 people, of whom the reader is one.
fn cold() {
    let mut group = people(100, 0);
    let mut given: Vec<Given> = group.openings();
    given.extend((0..99).map(|who| group.rekey(who).expect("a rekey")));
    given.extend((0..10_000).map(|number| group.say(number % 99, "The dredger left at dawn.").expect("words")));
    let prepare = || group.reader(99).expect("a reader");
    let time = best(prepare, |reader| assert_eq!(take_all(reader, &given), 10_099));
    println!("10,000 messages of 100 people, opened cold on one core: {:.0} ms (bar 1,500)", ms(time));
    assert!(time <= Duration::from_millis(1_500), "{time:?}");
}

/// Two halves of fifty meet after thirty days: what one member of one half works through of the other. Everybody has
/// replaced its leaf key each day and its chain each week, and said two things a day.
fn merge() {
    let mut group = people(100, 0);
    let mut given: Vec<Given> = group.openings().into_iter().take(50).collect();
    for day in 0..30 {
        for who in 0..50 {
            if day % 7 == 0 {
                given.push(group.rekey(who).expect("a rekey"));
            } else {
                given.push(group.leaf(who).expect("a leaf"));
            }
            given.extend((0..2).map(|_| group.say(who, "The dredger left at dawn.").expect("words")));
        }
    }
    let own = group.rekey(99);
    let prepare = || group.reader(99).expect("a reader");
    let time = best(prepare, |reader| assert_eq!(take_all(reader, &given), 50 * (5 + 60)));
    let (entries, kilobytes) = (given.len(), bytes(&given) / 1_000);
    println!(
        "two halves of 50 merge after 30 days: {:.0} ms for {entries} entries, {kilobytes} kB, and an own Rekey of {} bytes (bar 1,000)",
        ms(time),
        own.map_or(0, |own| own.bytes.len())
    );
    assert!(time <= Duration::from_millis(1_000), "{time:?}");
}

fn main() {
    // `cargo test --benches` only asks whether it starts.
    if std::env::args().any(|argument| argument == "--test") {
        return;
    }
    table();
    cold();
    merge();
}
