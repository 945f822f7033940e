//! What is erased is gone from the process and was never on the disk in the open: values that are known from outside are
//! looked for in the memory of the running node and in every file of its folder (AT-40, E-70).
//!
//! Looked for: the passphrase, the 16 secret bytes of an invite link, and the words of a message. Memory is read through
//! `/proc/PID/mem`, the whole of it, freed blocks included; where the system doesn't allow that, only the files are
//! looked through, and the test says so loudly. What the person asked to see (words, a link's text) may linger in buffers of
//! answers: it is no secret from the one who sits there, and nothing here claims otherwise.
#![expect(clippy::expect_used, clippy::panic, reason = "a test that cannot go on fails, and says where")]

use std::fs::File;
use std::io::{BufRead, Read, Seek, SeekFrom};
use std::path::Path;
use std::process::{Child, Stdio};

use coterie_tests::cluster::{Person, SOON};
use coterie_tests::eventually;

const PASSPHRASE: &str = "quarrel-obelisk-9157-canary-of-the-passphrase";
const WORDS: &str = "canary 4711 in the words";

/// How often each needle lies in the memory of a process that can be written to; `None` if it may not be read.
fn in_memory(pid: u32, needles: &[&[u8]]) -> Option<Vec<usize>> {
    let maps = std::fs::read_to_string(format!("/proc/{pid}/maps")).ok()?;
    let mut memory = File::open(format!("/proc/{pid}/mem")).ok()?;
    let mut counts = vec![0; needles.len()];
    let mut total = 0;
    for line in maps.lines().filter(|line| line.contains(" rw-p ") && !line.contains("[v")) {
        let (from, to) = line.split(' ').next()?.split_once('-')?;
        let (from, to) = (u64::from_str_radix(from, 16).ok()?, u64::from_str_radix(to, 16).ok()?);
        let mut bytes = vec![0; usize::try_from(to - from).ok()?];
        // A region may go while we look.
        if memory.seek(SeekFrom::Start(from)).is_ok() && memory.read_exact(&mut bytes).is_ok() {
            total += bytes.len();
            count(&bytes, needles, &mut counts);
        }
    }
    (total > 1_000_000).then_some(counts)
}

fn count(bytes: &[u8], needles: &[&[u8]], counts: &mut [usize]) {
    for (needle, count) in needles.iter().zip(counts) {
        let mut rest = bytes;
        // The standard library looks for one byte much faster than these tests, built without optimisation, could.
        while let Ok(passed @ 1..) = rest.skip_until(needle[0]) {
            let at = bytes.len() - rest.len();
            debug_assert!(passed <= at);
            *count += usize::from(bytes[at - 1..].starts_with(needle));
        }
    }
}

/// The same in every file below a folder.
fn in_files(folder: &Path, needles: &[&[u8]], counts: &mut Vec<usize>) {
    counts.resize(needles.len(), 0);
    for entry in std::fs::read_dir(folder).expect("the folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            in_files(&path, needles, counts);
        } else if let Ok(bytes) = std::fs::read(&path) {
            count(&bytes, needles, counts);
        }
    }
}

/// The secret of a link: bytes 32 to 48 of its payload, which is base32 after `J/`.
fn secret_of(link: &str) -> Vec<u8> {
    let letters = link.split('/').nth(1).expect("a payload").bytes();
    let (mut bits, mut held, mut out) = (0_u32, 0, Vec::new());
    for letter in letters {
        let value = match letter {
            b'A'..=b'Z' => letter - b'A',
            b'2'..=b'7' => letter - b'2' + 26,
            other => panic!("no base32: {other}"),
        };
        bits = (bits << 5 | u32::from(value)) & 0xfff;
        held += 5;
        if held >= 8 {
            held -= 8;
            out.push(u8::try_from(bits >> held & 0xff).expect("a byte"));
        }
    }
    out[32..48].to_vec()
}

/// A node that was given its passphrase; killed when the test is over.
struct Unlocked(Child);

impl Drop for Unlocked {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn unlocked(person: &Person, passphrase: &str) -> Unlocked {
    let mut command = person.command(&["up", "--foreground", "--passphrase-file", passphrase]);
    let node = Unlocked(command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("it starts"));
    eventually("the node answers", SOON, || {
        let answer = person.run(&["status", "--json"]);
        if answer.code == 0 && answer.json()["state"] != "starting" { Ok(()) } else { Err(format!("{answer:?}")) }
    });
    node
}

#[test]
fn at_40_e_70_planted_secrets_are_not_in_the_process_after_use_and_never_in_a_file() {
    let ana = Person::without_identity("Ana");
    let home = tempfile::tempdir().expect("a folder");
    let file = home.path().join("passphrase");
    std::fs::write(&file, PASSPHRASE).expect("written");
    let file = file.to_str().expect("a path");
    ana.ok(&["init", "--name", "Ana", "--passphrase-file", file]);
    let node = unlocked(&ana, file);
    let ben = Person::online("Ben");

    ana.ok(&["group", "create", "Harbour"]);
    let link = ana.json(&["invite", "create"])["short_link"].as_str().expect("a link").to_owned();
    let secret = secret_of(&link);
    let needles: [&[u8]; 3] = [PASSPHRASE.as_bytes(), &secret, WORDS.as_bytes()];
    let pid = node.0.id();
    let before = in_memory(pid, &needles);

    // Ben comes by another one: the first stays open until Ana leaves.
    let via = ana.json(&["invite", "create"])["link"].as_str().expect("a link").to_owned();
    ben.ok(&["join", &via, "--yes"]);
    ben.sees_seats(2);
    ana.sees_online(1);
    ana.ok(&["send", WORDS]);
    ben.sees(WORDS);
    ana.ok(&["member", "promote", "Ben", "--yes"]);
    ana.ok(&["leave", "Harbour", "--yes"]);

    let mut files = Vec::new();
    in_files(&ana.data(), &needles, &mut files);
    in_files(&ben.data(), &needles, &mut files);
    assert_eq!(files, [0, 0, 0], "passphrase, link secret, words: in the open in a file");

    let Some(before) = before else {
        eprintln!("!!! SKIPPED: /proc/{pid}/mem may not be read here, so only the files were looked through");
        return;
    };
    assert_eq!(before[0], 0, "the passphrase is in memory after the vault was opened");
    assert!(before[1] > 0, "the secret of a living link is in memory, so that what follows can fail: {before:?}");
    // Ben, the only other one, takes the Leave; then all ways to the group are erased.
    eventually("the link's secret is gone from memory", SOON, || {
        let after = in_memory(pid, &needles).expect("as before");
        if after[0] == 0 && after[1] == 0 { Ok(()) } else { Err(format!("{after:?}")) }
    });
}
