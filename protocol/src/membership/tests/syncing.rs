//! The document and the exchange: P4, P17–P20, S39, golden change hashes.

use super::cast::*;
use crate::testing::histories::{History, Manners};
use alloc::string::ToString;

/// Two neighbours talk until both have nothing to say; gives the number of frames.
fn talk<const S: usize>(left: &mut Membership<S>, right: &mut Membership<S>, lose: Option<usize>) -> usize {
    let (mut to_right, mut to_left) = (Exchange::new(), Exchange::new());
    let mut sent = 0;
    for turn in 0..200 {
        let left_speaks = turn % 2 == 0;
        let (from, out, into, inn) = if left_speaks {
            (&mut *left, &mut to_right, &mut *right, &mut to_left)
        } else {
            (&mut *right, &mut to_left, &mut *left, &mut to_right)
        };
        let frames = out.generate(from);
        if frames.is_empty() && turn > 2 && (turn > 40 || lose.is_none()) {
            if from.citable_heads() == into.citable_heads() {
                return sent;
            }
            // Ten seconds without progress although heads differ (MB-T5).
            out.reset();
        }
        for frame in frames {
            sent += 1;
            if lose == Some(sent) {
                continue;
            }
            let operations: Vec<Vec<u8>> =
                frame.operations.iter().map(|id| from.operation(id).unwrap().bytes().to_vec()).collect();
            let step = inn.receive(into, None, &frame.message, operations.iter().map(Vec::as_slice));
            assert_eq!(step.fault, None);
        }
    }
    sent
}

#[test]
fn p20_an_honest_pair_converges() {
    for seed in 0..12 {
        let mut history = History::<6>::new(seed, Manners::Honest).unwrap();
        history.run(80);
        let (mut left, mut right) = (history.sides[0].log.fork(), history.sides[1].log.fork());
        talk(&mut left, &mut right, None);
        assert_eq!(left.state_hash(), right.state_hash(), "seed {seed}");
        assert_eq!(left.citable_heads(), right.citable_heads(), "seed {seed}");
    }
}

#[test]
fn p20_an_honest_pair_converges_whatever_message_is_lost() {
    let mut history = History::<6>::new(3, Manners::Honest).unwrap();
    history.run(80);
    for lose in 1..8 {
        let (mut left, mut right) = (history.sides[0].log.fork(), history.sides[1].log.fork());
        talk(&mut left, &mut right, Some(lose));
        assert_eq!(left.state_hash(), right.state_hash(), "frame {lose} lost");
    }
}

#[test]
fn mb_t05_a_sync_with_hostile_histories_ends() {
    for seed in 20..30 {
        let mut history = History::<6>::new(seed, Manners::Hostile).unwrap();
        history.run(80);
        let (mut left, mut right) = (history.sides[0].log.fork(), history.sides[1].log.fork());
        let frames = talk(&mut left, &mut right, None);
        assert!(frames < 150, "seed {seed}: {frames} frames");
        assert_eq!(left.state_hash(), right.state_hash(), "seed {seed}");
    }
}

#[test]
fn s39_p19_the_gate_lets_no_crafted_message_through() {
    let (mut town, cast) = opening();
    let mut other = town.split();
    other.set(&cast.a, setting::NAME, Some(Setting::Text("x".into())));
    let mut exchange = Exchange::new();
    let good = exchange.generate(&mut other.log).pop().unwrap().message;
    let before = town.log.document().automerge.get_heads();
    for bit in 0..good.len() * 8 {
        let mut bad = good.clone();
        bad[bit / 8] ^= 1 << (bit % 8);
        Exchange::new().receive(&mut town.log, None, &bad, []);
    }
    for end in 1..good.len() {
        let step = Exchange::new().receive(&mut town.log, None, &good[..end], []);
        assert!(step.fault.is_some(), "truncated at {end}");
    }
    assert_eq!(town.log.document().automerge.get_heads(), before);
}

#[test]
fn mb_t03_changes_flags_and_bad_filters_are_refused() {
    let header = |tail: &[u8]| [&[0x42, 0, 0][..], tail].concat();
    assert_eq!(gate::check(&header(&[0, 0])), Ok(()));
    assert_eq!(gate::check(&header(&[0, 1, 1, 0])), Err(GateFault::CarriesChanges));
    assert_eq!(gate::check(&header(&[0, 0, 2, 2, 0x80])), Err(GateFault::CarriesChanges));
    assert_eq!(gate::check(&header(&[2])), Err(GateFault::TooMany));
    assert_eq!(gate::check(&header(&[1, 0, 3, 1, 10, 7])), Err(GateFault::BadFilter));
    assert_eq!(gate::check(&header(&[1, 0, 5, 1, 10, 7, 0, 0, 0])), Ok(()));
    assert_eq!(gate::check(&header(&[1, 0, 3, 0, 10, 7, 0, 0])), Err(GateFault::BadFilter));
    assert_eq!(gate::check(&[0x43, 0, 0, 0, 0]), Err(GateFault::Malformed));
    assert_eq!(gate::check(&vec![0x42; 96 * 1_024 + 1]), Err(GateFault::TooLarge));
}

/// An upgrade of automerge that changes these is a change of the protocol (MB-G6).
#[test]
fn mb_g06_p17_operations_give_fixed_change_hashes() {
    let (mut town, _) = opening();
    let heads: Vec<alloc::string::String> =
        town.log.document().automerge.get_heads().iter().map(ToString::to_string).collect();
    let gid = town.log.gid().to_string();
    assert_eq!(
        (gid.as_str(), heads.iter().map(|s| s.as_str()).collect::<Vec<_>>()),
        (
            "3e368e7385ca1410718eaa6316e10037a5eff4dd09ffd79e2f03718b2b777964",
            vec!["0950abbe82a8455f07cf6850251895005ed8d0a5c3143f30bda77f7c6882345a"]
        )
    );
}
