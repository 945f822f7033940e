//! Hostile bytes at the membership log, on a link of a real member whose handshake is done (AT-61 to AT-75): refused,
//! the operations on disk unchanged, little memory, little time, and counted.
#![expect(clippy::unwrap_used, clippy::panic, clippy::disallowed_types, reason = "a test that measures")]

use std::time::{Duration, Instant};

use bytes::Bytes;
use coterie_protocol::testing::party::Party;
use coterie_protocol::{Frame, GroupFrame, Input, JoinState, LinkId};

/// Of one input, also on a busy machine and without optimisation.
const TIME_MAX: Duration = Duration::from_millis(50);
const MEMORY_KIB_MAX: u64 = 50 * 1_024;

/// Ana (0), Ben (1) and Cy (2), the hostile one.
fn party() -> Party {
    let mut party = Party::new(3);
    let group = party.found(0, "Harbour");
    let link = party.invite(0, group, 2);
    (1..3).for_each(|who| assert_eq!(party.join(who, &link), JoinState::Seated));
    party.pass(10_000);
    party
}

fn link(party: &mut Party) -> LinkId {
    for _ in 0..20 {
        if let Some(link) = party.link_from(2, 0) {
            return link;
        }
        party.inject(0, Input::NetworkChanged);
        party.settle();
        party.pass(1_000);
    }
    panic!("no link to the victim any more");
}

fn bstr(bytes: &[u8]) -> Vec<u8> {
    let mut all = vec![0x5a];
    all.extend_from_slice(&u32::try_from(bytes.len()).unwrap().to_be_bytes());
    if bytes.len() < 24 {
        all = vec![0x40 | u8::try_from(bytes.len()).unwrap()];
    } else if bytes.len() < 256 {
        all = vec![0x58, u8::try_from(bytes.len()).unwrap()];
    } else if bytes.len() < 65_536 {
        all = vec![0x59];
        all.extend_from_slice(&u16::try_from(bytes.len()).unwrap().to_be_bytes());
    }
    all.extend_from_slice(bytes);
    all
}

/// MSYNC with this message and these operations beside it.
fn msync(message: &[u8], operations: &[Vec<u8>]) -> Bytes {
    let mut body = vec![0x82];
    body.extend(bstr(message));
    body.push(0x80 | u8::try_from(operations.len()).unwrap());
    operations.iter().for_each(|bytes| body.extend(bstr(bytes)));
    Frame { kind: GroupFrame::Msync.number(), slot: 1, body: body.into() }.to_bytes()
}

/// The most memory this process has had since the last call, and what it has now, KiB.
fn memory_kib() -> (u64, u64) {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let field = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name));
        line.and_then(|rest| rest.split_whitespace().next()?.parse().ok()).unwrap_or(0)
    };
    let most = (field("VmHWM:"), field("VmRSS:"));
    // Linux: the mark starts anew.
    drop(std::fs::write("/proc/self/clear_refs", "5"));
    most
}

fn corpus(target: &str) -> Vec<(String, Vec<u8>)> {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(target);
    let mut files: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .map(|path| (path.file_name().unwrap().to_string_lossy().into_owned(), std::fs::read(path).unwrap()))
        .collect();
    files.sort();
    files
}

/// Messages that say nothing wrong, only nothing useful.
const HARMLESS: &[&str] =
    &["empty", "reset", "nothing-to-say", "bloom-full", "a-thousand-orphans", "endless-1", "endless-2"];

#[test]
fn s39_mb_g03_at_61_at_62_at_63_at_64_at_65_at_66_at_69_at_70_at_72_at_73_hostile_bytes_on_a_members_link() {
    let mut party = party();
    let refused = |party: &Party| party.hosts[0].account.refused().values().sum::<u64>();
    let (mut slowest, mut largest) = ((Duration::ZERO, String::new()), (0, String::new()));
    let messages = corpus("sync_gate").into_iter().map(|(name, bytes)| (name, msync(&bytes, &[])));
    let operations = corpus("operation").into_iter().map(|(name, bytes)| (format!("op {name}"), msync(&[0], &[bytes])));
    let inputs: Vec<(String, Bytes)> = messages.chain(operations).collect();
    for (name, bytes) in &inputs {
        let mut best = Duration::MAX;
        for _ in 0..3 {
            let on = link(&mut party);
            let disk = party.hosts[0].disk.clone();
            let count = refused(&party);
            memory_kib();
            let before = memory_kib().1;
            let start = Instant::now();
            party.inject(0, Input::Received { link: on, bytes: bytes.clone() });
            best = best.min(start.elapsed());
            let more = memory_kib().0.saturating_sub(before);
            assert!(party.hosts[0].disk == disk, "{name}: the disk changed");
            assert!(more < MEMORY_KIB_MAX, "{name}: {more} KiB");
            if !name.starts_with("op ") && !HARMLESS.contains(&name.as_str()) {
                assert!(refused(&party) > count, "{name}: not counted");
            }
            largest = largest.max((more, name.clone()));
            party.settle();
        }
        assert!(best < TIME_MAX, "{name}: {best:?}");
        slowest = slowest.max((best, name.clone()));
    }
    eprintln!("{} inputs; slowest {slowest:?}, most memory {largest:?} KiB", inputs.len());
}
