//! Finding words and places again in a long past: how long an answer takes over 100,000 messages, and what it costs in memory.
//!
//! `cargo run --release -p coterie-tests --bin finding` writes them into ten groups through the API, in several scripts,
//! then asks for words that are rare, common, one letter, nowhere, pointed and unspaced, in all groups together; pages of
//! the timeline at random places; and a day. Prints median and 99th percentile of each. Fails above 50 ms for words, 10 ms
//! for a page, 120 MiB of memory. `-- 12000 1` puts them into one group, where a node refuses one author's messages
//! after some 13,000 in a row; other numbers are for trying it.

#![expect(clippy::expect_used, reason = "a measurement that cannot go on ends, and says where")]

use std::process::ExitCode;
use std::time::{Duration, Instant};

use coterie_tests::cluster::{Person, Rise};
use coterie_tests::rounds::{Luck, Table, say};
use coterie_tests::socket::Socket;

const WRITERS: usize = 8;
/// Questions of each kind.
const ASKED: usize = 200;
const WORDS_MAX: Duration = Duration::from_millis(50);
const PAGE_MAX: Duration = Duration::from_millis(10);
const RSS_KIB_MAX: u64 = 120 << 10;
const PATIENCE: Duration = Duration::from_secs(120);
/// Until then the node has given back what its start took (ST-25).
const SETTLED: Duration = Duration::from_secs(90);

/// What people say, a clause each; a message is a few of them.
const CLAUSES: [&str; 24] = [
    "the dredger left at dawn",
    "who has the key of the shed?",
    "see you at the quay",
    "I'll bring the survey of berth",
    "nobody answered the radio",
    "Em São Paulo amanhã",
    "chegámos a São Tomé",
    "שָׁלוֹם לְכוּלָם",
    "הַסְּפִינָה יָצְאָה לַיָּם",
    "مَرْحَبًا بِكُمْ فِي المِينَاءِ",
    "السَّفِينَةُ فِي البَحْرِ",
    "明日は港で会いましょう",
    "船已经离开码头了",
    "die Straße ist gesperrt",
    "ok, thanks",
    "the tide turns at half past",
    "can somebody look at invoice",
    "ο πλοίαρχος έφυγε",
    "корабль вышел в море",
    "that is what the harbour master said",
    "🚢 on its way",
    "no wind until Thursday",
    "tell the others, please",
    "we need two more people for the night watch",
];

/// Kinds of questions, and words of each.
const QUESTIONS: [(&str, &[&str]); 7] = [
    ("rare", &["beacon-77 ", "beacon-4711", "beacon-90001", "BEACON-31337"]),
    ("common", &["dredger", "the", "harbour master", "thanks"]),
    ("one letter", &["e", "q", "z", "ß", "מ"]),
    ("nowhere", &["lighthouse-keeper", "zzz", "dredger unheard-of", "א ة 港 ж"]),
    ("points and vowels", &["שלום", "הספינה", "السفينة", "مرحبا", "sao tome"]),
    ("no spaces", &["港", "码头", "会いま", "離れ"]),
    ("many words", &["dredger quay radio", "watch night invoice", "tide thursday берег"]),
];

fn main() -> ExitCode {
    let mut numbers = std::env::args().skip(1).map(|text| text.parse::<usize>().expect("a number"));
    let (messages, groups) = (numbers.next().unwrap_or(100_000), numbers.next().unwrap_or(10));
    let mut table = Table::default();
    let mut person = Person::online("Ana");
    (0..groups).for_each(|n| drop(person.ok(&["group", "create", &format!("Harbour {n}")])));
    let line = person.line();
    let ids = group_ids(&line);
    let begin = Instant::now();
    write(&line, &ids, messages);
    say(&format!("{messages} messages in {groups} groups, written in {:?}", begin.elapsed()));
    person.down();
    let log = tempfile::NamedTempFile::new().expect("a file");
    match person.rise(log.path(), PATIENCE) {
        Rise::Up(took) => table.count("start, ms", millis(took)),
        other => table.fail(format!("{other:?}")),
    }
    let (cold, begin) = (Instant::now(), Instant::now());
    let _ = everywhere(&line, &ids, "lighthouse-keeper");
    table.count("the first question after a start, nowhere, ms", millis(cold.elapsed()));
    // From then on nothing is read from the disk for it.
    while begin.elapsed() < SETTLED && (rss_kib(&person) > RSS_KIB_MAX || begin.elapsed() < Duration::from_secs(5)) {
        coterie_tests::let_pass(Duration::from_millis(200));
    }
    memory(&person, &mut table, "resident, all words in memory, MiB");
    words(&line, &ids, &mut table);
    pages(&line, &ids, &mut table);
    memory(&person, &mut table, "resident after all questions, MiB");
    table.end("finding again")
}

fn group_ids(line: &Socket) -> Vec<String> {
    let page = line.get("/v1/groups").expect("groups").body;
    let items = page["items"].as_array().expect("items").iter();
    items.filter_map(|item| item["id"].as_str().map(str::to_owned)).collect()
}

fn write(line: &Socket, ids: &[String], messages: usize) {
    std::thread::scope(|scope| {
        for writer in 0..WRITERS {
            let _ = scope.spawn(move || {
                let mut luck = Luck::of(writer as u64 + 1);
                for number in (writer..messages).step_by(WRITERS) {
                    let (id, text) = (&ids[number % ids.len()], text(number, &mut luck));
                    let begin = Instant::now();
                    // A node that has its hands full says so, and takes it a moment later.
                    while !line.say(id, &text) {
                        assert!(begin.elapsed() < PATIENCE, "message {number} is kept");
                        coterie_tests::let_pass(Duration::from_millis(5));
                    }
                }
            });
        }
    });
}

/// Some 80 bytes, as chat has them, and a number that no other has.
fn text(number: usize, luck: &mut Luck) -> String {
    let clauses = (0..luck.between(1, 4)).map(|_| CLAUSES[usize::try_from(luck.below(24)).unwrap_or(0)]);
    let said = clauses.collect::<Vec<_>>().join(", ");
    if number.is_multiple_of(7) { format!("{said} beacon-{number} ") } else { format!("{said} {}", luck.below(1_000)) }
}

/// One question to all groups, as `coterie search` asks them: hits, and the longest of what they wait for together.
fn everywhere(line: &Socket, ids: &[String], words: &str) -> usize {
    let words: String = words.bytes().map(|byte| format!("%{byte:02X}")).collect();
    let mut hits = 0;
    for id in ids {
        let mut before = String::new();
        loop {
            let page = line.get(&format!("/v1/search?q={words}&group={id}&limit=20{before}")).expect("an answer").body;
            assert!(page["looked_back_to"].is_null(), "all is held: {page}");
            let found = page["items"].as_array().expect("items").len();
            hits += found;
            match page["prev"].as_str().filter(|_| found == 0) {
                Some(prev) => before = format!("&before={prev}"),
                None => break,
            }
        }
    }
    hits
}

fn words(line: &Socket, ids: &[String], table: &mut Table) {
    let mut all = Vec::new();
    for (kind, questions) in QUESTIONS {
        let (mut times, mut hits) = (Vec::new(), 0);
        for asked in 0..ASKED / 4 {
            let begin = Instant::now();
            hits += everywhere(line, ids, questions[asked % questions.len()]);
            times.push(begin.elapsed());
        }
        let each = hits / times.len();
        told(&mut times, &format!("words, {kind}: {each} hits a question"));
        if kind == "nowhere" && hits > 0 || ["common", "points and vowels"].contains(&kind) && hits == 0 {
            table.fail(format!("{kind}: {hits} hits"));
        }
        all.extend(times);
    }
    judge(&mut all, "words of every kind, in all groups", WORDS_MAX, table);
}

fn pages(line: &Socket, ids: &[String], table: &mut Table) {
    let mut places = Vec::new();
    for id in ids {
        let mut before = String::new();
        while let Some(page) = line.get(&format!("/v1/groups/{id}/messages?limit=200{before}")) {
            let items = page.body["items"].as_array().cloned().unwrap_or_default();
            let first = items.first().map(|item| (item["cursor"].clone(), item["at"].clone()));
            places
                .extend(first.and_then(|(cursor, at)| {
                    Some((id.as_str(), cursor.as_str()?.to_owned(), at.as_str()?.to_owned()))
                }));
            let Some(prev) = page.body["prev"].as_str() else { break };
            before = format!("&before={prev}");
        }
    }
    let mut luck = Luck::of(1);
    for kind in ["before", "after", "around", "at"] {
        let mut times = Vec::new();
        for _ in 0..ASKED {
            let at = usize::try_from(luck.below(places.len() as u64)).unwrap_or(0);
            let (id, cursor, moment) = &places[at];
            let where_to = if kind == "at" { moment } else { cursor };
            let begin = Instant::now();
            let page = line.get(&format!("/v1/groups/{id}/messages?limit=50&{kind}={where_to}")).expect("a page");
            times.push(begin.elapsed());
            if page.status != 200 {
                return table.fail(format!("{kind}: {}", page.body));
            }
        }
        judge(&mut times, &format!("a page of 50 lines, {kind}"), PAGE_MAX, table);
    }
}

/// Prints median and 99th percentile; gives the latter.
fn told(times: &mut [Duration], what: &str) -> Duration {
    times.sort();
    let (half, late) = (times[times.len() / 2], times[times.len() * 99 / 100]);
    say(&format!("{what}: p50 {half:?}, p99 {late:?}"));
    late
}

fn judge(times: &mut [Duration], what: &str, bound: Duration, table: &mut Table) {
    let late = told(times, what);
    if late > bound {
        table.fail(format!("{what}: p99 {late:?}, the bound is {bound:?}"));
    }
}

fn memory(person: &Person, table: &mut Table, row: &'static str) {
    let kib = rss_kib(person);
    table.count(row, kib >> 10);
    if kib > RSS_KIB_MAX {
        table.fail(format!("{row}: {kib} KiB, the bound is {RSS_KIB_MAX} KiB"));
    }
}

fn rss_kib(person: &Person) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", person.pid().unwrap_or(0))).unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap_or_default();
    line.split_whitespace().nth(1).and_then(|text| text.parse().ok()).unwrap_or(0)
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
