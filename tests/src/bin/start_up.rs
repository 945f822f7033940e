//! How long a start takes: from exec of `coterie up --foreground` to the first answer on its socket, with a
//! group of two and ten thousand messages on disk.
//!
//! `cargo build --release && cargo run --release -p coterie-tests --bin start_up` prints minimum, median and maximum of
//! nine starts and fails if the median is over 0.3 s. Another number of messages: `-- 2000`.

#![expect(clippy::expect_used, reason = "a measurement that cannot go on ends, and says where")]

use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use coterie_tests::cluster::{Person, group_of};
use coterie_tests::rounds::say;

/// The bound of R-28.
const BOUND: Duration = Duration::from_millis(300);
/// Starts that are measured.
const STARTS: usize = 9;

fn main() -> ExitCode {
    let messages: usize = std::env::args().nth(1).and_then(|text| text.parse().ok()).unwrap_or(10_000);
    let mut people = group_of(&["Ana", "Ben"]);
    let line = people[0].line();
    let group = line.group().expect("a group");
    let begin = Instant::now();
    for number in 0..messages {
        assert!(line.say(&group, &format!("message number {number} of a long conversation")), "sent");
    }
    say(&format!("{messages} messages written in {:?}", begin.elapsed()));
    people[0].down();
    let mut times: Vec<Duration> = (0..STARTS).map(|_| start_once(&people[0])).collect();
    times.sort();
    let (least, median, most) = (times[0], times[STARTS / 2], times[STARTS - 1]);
    say(&format!("exec to first answered status: min {least:?}, median {median:?}, max {most:?} (bound {BOUND:?})"));
    if median <= BOUND { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn start_once(person: &Person) -> Duration {
    let begin = Instant::now();
    let mut command: Command = person.command(&["up", "--foreground"]);
    let mut node = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("it starts");
    let deadline = Duration::from_secs(30);
    while begin.elapsed() < deadline {
        if person.line().get("/v1/status").is_some_and(|heard| heard.status == 200) {
            break;
        }
        std::thread::yield_now();
    }
    let took = begin.elapsed();
    person.ok(&["down"]);
    node.wait().expect("it ends");
    took
}
