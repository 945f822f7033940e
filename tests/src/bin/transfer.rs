//! What a file costs on its way: from one node to another on loopback, as a ratio to plain TCP with ChaCha20-Poly1305
//! and the same syncs, in the same run; and what the two nodes take of memory for it.
//!
//! `cargo build --release && cargo run --release -p coterie-tests --bin transfer` sends 400 MB three times (`-- 100`:
//! 100 MB). Ours fetches, checks, seals to the disk with its syncs, opens and saves; the plain one reads, encrypts, sends,
//! opens, writes and syncs once. Fails below the bound, or if memory grows with the file.

#![expect(clippy::expect_used, reason = "a measurement that cannot go on ends, and says where")]

use std::fs::{self, File};
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use chacha20poly1305::aead::{AeadInOut, KeyInit};
use chacha20poly1305::{ChaCha20Poly1305, Tag};
use coterie_tests::cluster::{Person, SOON, group_of};
use coterie_tests::eventually;
use coterie_tests::rounds::say;

/// The least share of the plain copy's speed.
const RATIO_MIN: f64 = 0.5;
/// What a node may hold at the highest, whatever the length of the file.
const PEAK_MAX_KIB: u64 = 160 << 10;
const ROUNDS: usize = 3;
/// A segment's plain bytes (BL-5).
const SEGMENT: usize = 65_520;
const TAG: usize = 16;
const KEY: [u8; 32] = [7; 32];

fn main() -> ExitCode {
    let megabytes: usize = std::env::args().nth(1).and_then(|text| text.parse().ok()).unwrap_or(400);
    let people = group_of(&["Ana", "Ben"]);
    let folder = tempfile::tempdir().expect("a folder");
    let mut ratios = Vec::new();
    for round in 1..=ROUNDS {
        let file = folder.path().join(format!("noise-{round}.bin"));
        noise(&file, megabytes, round);
        let begin = Instant::now();
        people[0].ok(&["send", "--file", text(&file)]);
        let sent = begin.elapsed();
        named(&people[1], round);
        let begin = Instant::now();
        people[1].ok(&["media", "save", "last", "--out", text(folder.path()), "--timeout", "600s"]);
        let ours = begin.elapsed();
        let saved = folder.path().join(format!("noise-{round} (2).bin"));
        assert!(fs::read(&saved).expect("saved") == fs::read(&file).expect("sent"), "the bytes are equal");
        let plain = plain_copy(&file, &folder.path().join("plain"));
        let rate = |time: Duration| megabytes as f64 / time.as_secs_f64();
        ratios.push(plain.as_secs_f64() / ours.as_secs_f64());
        say(&format!(
            "{megabytes} MB: taken in {:.0} MB/s, fetched and saved {:.0} MB/s, plain {:.0} MB/s, ratio {:.2}",
            rate(sent),
            rate(ours),
            rate(plain),
            plain.as_secs_f64() / ours.as_secs_f64()
        ));
        fs::remove_file(saved).and_then(|()| fs::remove_file(file)).expect("removed");
    }
    ratios.sort_by(f64::total_cmp);
    let (ratio, peaks) = (ratios[ROUNDS / 2], [peak_kib(&people[0]), peak_kib(&people[1])]);
    say(&format!("median ratio {ratio:.2} (bound {RATIO_MIN})"));
    say(&format!(
        "most memory: sender {} MiB, receiver {} MiB (bound {})",
        peaks[0] >> 10,
        peaks[1] >> 10,
        PEAK_MAX_KIB >> 10
    ));
    let good = ratio >= RATIO_MIN && peaks.iter().all(|peak| *peak <= PEAK_MAX_KIB);
    if good { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn text(path: &Path) -> &str {
    path.to_str().expect("a plain path")
}

/// Bytes without a pattern.
fn noise(path: &Path, megabytes: usize, seed: usize) {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64 ^ seed as u64;
    let mut file = File::create(path).expect("a file");
    for _ in 0..megabytes {
        let mut bytes = Vec::with_capacity(1_000_000);
        while bytes.len() < 1_000_000 {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            bytes.extend(state.to_le_bytes());
        }
        file.write_all(&bytes).expect("written");
    }
    file.sync_all().expect("synced");
}

fn named(person: &Person, files: usize) {
    eventually("the file is named", SOON, || {
        let count = person.json(&["media", "list"])["items"].as_array().map_or(0, Vec::len);
        if count >= files { Ok(()) } else { Err(format!("{count} files")) }
    });
}

fn peak_kib(person: &Person) -> u64 {
    let pid = person.pid().expect("it runs");
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap_or_default();
    line.split_whitespace().nth(1).and_then(|number| number.parse().ok()).unwrap_or(u64::MAX)
}

/// Read, encrypt, send; receive, open, write, sync once.
fn plain_copy(from: &Path, to: &Path) -> Duration {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("its address");
    let mut source = File::open(from).expect("the file");
    let begin = Instant::now();
    let sending = std::thread::spawn(move || {
        let mut stream = TcpStream::connect(address).expect("connected");
        let cipher = ChaCha20Poly1305::new(&KEY.into());
        let mut buffer = vec![0; SEGMENT];
        for number in 0_u64.. {
            let length = fill(&mut source, &mut buffer);
            if length == 0 {
                return;
            }
            let tag =
                cipher.encrypt_inout_detached(&nonce(number), b"", (&mut buffer[..length]).into()).expect("sealed");
            stream.write_all(&buffer[..length]).and_then(|()| stream.write_all(&tag)).expect("sent");
        }
    });
    let (mut stream, _) = listener.accept().expect("accepted");
    let cipher = ChaCha20Poly1305::new(&KEY.into());
    let mut file = File::create(to).expect("a file");
    let mut buffer = vec![0; SEGMENT + TAG];
    for number in 0_u64.. {
        let length = fill(&mut stream, &mut buffer);
        if length == 0 {
            break;
        }
        let (sealed, tag) = buffer[..length].split_at_mut(length - TAG);
        let tag = Tag::try_from(&*tag).expect("a tag");
        cipher.decrypt_inout_detached(&nonce(number), b"", (&mut *sealed).into(), &tag).expect("opened");
        file.write_all(sealed).expect("written");
    }
    file.sync_all().expect("synced");
    sending.join().expect("sent whole");
    begin.elapsed()
}

fn nonce(number: u64) -> chacha20poly1305::Nonce {
    let mut nonce = [0; 12];
    nonce[..8].copy_from_slice(&number.to_be_bytes());
    nonce.into()
}

/// As much as there is, up to the whole buffer.
fn fill(from: &mut impl Read, buffer: &mut [u8]) -> usize {
    let mut length = 0;
    while length < buffer.len() {
        match from.read(&mut buffer[length..]).expect("read") {
            0 => break,
            read => length += read,
        }
    }
    length
}
