//! The committed corpora of the fuzz targets, and a few thousand mutants of sound bytes, through the same checks.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "what is missing here ends the test")]

#[path = "../fuzz/targets.rs"]
mod targets;

use coterie_protocol::testing::histories::{Dice, History, Manners};
use coterie_protocol::testing::membership::Exchange;
use coterie_protocol::testing::party::Party;

/// Replays what is committed for a target, written by hand or found by the search; gives how many there were by hand.
fn replay(target: &str, check: fn(&[u8])) -> usize {
    let [written, found] = ["corpus", "found"].map(|room| {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz").join(room).join(target);
        let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
        files.sort();
        files.iter().for_each(|path| check(&std::fs::read(path).unwrap()));
        files.len()
    });
    assert!(found > 0, "{target}: what the search found is committed, too");
    written
}

/// Flipped bits, cut ends and doubled middles of sound bytes.
fn mutants(sound: &[Vec<u8>], times: usize, check: fn(&[u8])) {
    let mut dice = Dice::new(7);
    for _ in 0..times {
        let mut bytes = dice.pick(sound).unwrap().clone();
        for _ in 0..=dice.below(3) {
            let at = dice.below(bytes.len().max(1));
            match dice.below(4) {
                0 => bytes.truncate(at),
                1 => bytes.insert(at.min(bytes.len()), u8::try_from(dice.below(256)).unwrap()),
                _ if at < bytes.len() => bytes[at] ^= 1 << dice.below(8),
                _ => {}
            }
        }
        check(&bytes);
    }
}

#[test]
fn p17_operations_of_the_corpus_are_refused_or_encode_to_the_same() {
    assert!(replay("operation", targets::operation) >= 27);
    let mut history = History::<6>::new(1, Manners::Hostile).unwrap();
    history.run(40);
    mutants(&history.operations(), 1_000, targets::operation);
}

#[test]
fn n_401_frames_of_the_corpus_are_refused_or_encode_to_the_same() {
    assert!(replay("frame", targets::frame) >= 100);
    let mut party = Party::new(2);
    party.tape = Some(Vec::new());
    let group = party.found(0, "Harbour");
    let link = party.invite(0, group, 1);
    party.join(1, &link);
    party.pass(3_000);
    let frames: Vec<Vec<u8>> = party.tape.take().unwrap().iter().map(|(_, _, bytes)| bytes.to_vec()).collect();
    frames.iter().for_each(|bytes| targets::frame(bytes));
    mutants(&frames, 3_000, targets::frame);
}

#[test]
fn p19_s39_sync_messages_of_the_corpus_leave_the_document_as_it_is() {
    assert!(replay("sync_gate", targets::sync_gate) >= 28);
    let mut history = History::<6>::new(2, Manners::Honest).unwrap();
    history.run(40);
    let sound: Vec<Vec<u8>> = history
        .sides
        .iter_mut()
        .flat_map(|side| Exchange::new().generate(&mut side.log))
        .map(|frame| frame.message)
        .collect();
    mutants(&sound, 500, targets::sync_gate);
}

#[test]
fn qr_05_links_of_the_corpus_are_refused_or_read_the_same_again() {
    assert!(replay("invite_link", targets::invite_link) >= 18);
    let sound = std::fs::read(concat!(env!("CARGO_MANIFEST_DIR"), "/fuzz/corpus/invite_link/long")).unwrap();
    mutants(&[sound], 3_000, targets::invite_link);
}
