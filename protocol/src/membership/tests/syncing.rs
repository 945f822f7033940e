//! The document and the exchange: P4, P17–P20, S39, golden change hashes.

use super::cast::*;
use crate::limits::{SYNC_IDLE_ROUNDS_MAX, SYNC_MESSAGE_BYTES_MAX, SYNC_OPERATIONS_MAX, SYNC_PATIENCE_ROUNDS};
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
fn p20_mb_t02_an_honest_pair_converges() {
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
fn at_76_p20_an_honest_pair_converges_whatever_message_is_lost() {
    let mut history = History::<6>::new(3, Manners::Honest).unwrap();
    history.run(80);
    for lose in 1..8 {
        let (mut left, mut right) = (history.sides[0].log.fork(), history.sides[1].log.fork());
        talk(&mut left, &mut right, Some(lose));
        assert_eq!(left.state_hash(), right.state_hash(), "frame {lose} lost");
    }
}

/// A Bloom filter that wrongly says "I have it": automerge then never sends that change, and what rests on it waits.
/// One in a hundred does, so among some hundred pairs of operations there are a few.
#[test]
fn mb_t05_what_a_filter_passes_over_by_mistake_is_sent_when_nothing_moves() {
    let (town, cast) = opening();
    let mut longest = 0;
    for variant in 0..400 {
        let (mut left, mut right) = (town.split(), town.split());
        for name in ["one", "two"] {
            let text = alloc::format!("{name} {variant}");
            left.set(&cast.a, setting::NAME, Some(Setting::Text(text)));
        }
        let (mut to_right, mut to_left) = (Exchange::new(), Exchange::new());
        let agree = |left: &Town, right: &Town| left.log.citable_heads() == right.log.citable_heads();
        let mut rounds = 0;
        while !agree(&left, &right) {
            rounds += 1;
            assert!(rounds < SYNC_IDLE_ROUNDS_MAX, "variant {variant} never agrees");
            for frame in to_right.generate(&mut left.log) {
                let ids = frame.operations.iter();
                let bytes: Vec<Vec<u8>> = ids.map(|id| left.log.operation(id).unwrap().bytes().to_vec()).collect();
                to_left.receive(&mut right.log, None, &frame.message, bytes.iter().map(Vec::as_slice));
            }
            for frame in to_left.generate(&mut right.log) {
                to_right.receive(&mut left.log, None, &frame.message, []);
            }
        }
        longest = longest.max(rounds);
    }
    assert!(longest > SYNC_PATIENCE_ROUNDS, "no filter was mistaken: the test shows nothing");
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

/// A peer whose heads name what it never sends keeps an honest one busy for 20 rounds and no more (N-709).
#[test]
fn at_75_mb_t05_a_peer_that_withholds_what_it_announces_is_left_after_twenty_rounds() {
    let (mut town, cast) = opening();
    let mut withheld = town.split();
    let mut exchange = Exchange::new();
    let mut rounds = 0;
    let idle = loop {
        // New heads each time, so that a whole conversation begins again and again.
        withheld.set(&cast.a, setting::NAME, Some(Setting::Text(alloc::format!("{rounds}"))));
        let message = Exchange::new().generate(&mut withheld.log).pop().unwrap().message;
        let step = exchange.receive(&mut town.log, Some(cast.b.key()), &message, []);
        rounds += 1;
        if step.idle {
            break rounds;
        }
        assert!(exchange.generate(&mut town.log).len() <= 2, "an answer is short");
        assert!(rounds < 100);
    };
    assert_eq!(idle, SYNC_IDLE_ROUNDS_MAX);
    assert!(exchange.generate(&mut town.log).is_empty(), "nothing more is said");
    let message = Exchange::new().generate(&mut withheld.log).pop().unwrap().message;
    assert!(exchange.receive(&mut town.log, Some(cast.b.key()), &message, []).idle);
    assert!(exchange.generate(&mut town.log).is_empty());
    // A refused operation is no progress either; an admitted one is.
    let refused = town.forge(&cast.a, town.tip(&cast.a), &[], Body::Promote { target: cast.a.mid });
    assert!(exchange.receive(&mut town.log, None, &message, [refused.bytes()]).idle);
    exchange.wake();
    assert!(!exchange.is_idle() && !exchange.generate(&mut town.log).is_empty());
}

/// The largest messages that pass the gate: as many hashes as allowed, a filter of 20 000 entries with every bit set.
#[test]
fn s39_the_most_that_passes_the_gate_makes_no_large_answer_and_leaves_no_trace() {
    let hashes = |count: u32, salt: u8| -> Vec<u8> {
        let mut bytes = Vec::new();
        leb(u64::from(count), &mut bytes);
        for n in 0..count {
            bytes.extend_from_slice(&n.to_be_bytes());
            bytes.extend_from_slice(&[salt; 28]);
        }
        bytes
    };
    let mut filter = Vec::new();
    leb(20_000, &mut filter);
    filter.extend_from_slice(&[10, 7]);
    filter.extend_from_slice(&[0xff; 25_000]);
    let (mut town, _) = opening();
    let before = town.log.document().automerge.get_heads();
    for (heads, need, last) in [(1_024, 0, 0), (0, 1_024, 0), (1_000, 0, 1_000), (500, 500, 500)] {
        let mut message = [&[0x42][..], &hashes(heads, 1), &hashes(need, 2), &[1], &hashes(last, 3)].concat();
        leb(filter.len() as u64, &mut message);
        message.extend_from_slice(&filter);
        message.push(0);
        assert_eq!(gate::check(&message), Ok(()));
        let mut exchange = Exchange::new();
        for _ in 0..3 {
            let step = exchange.receive(&mut town.log, None, &message, []);
            assert_eq!(step.fault, None);
            let answer = exchange.generate(&mut town.log);
            let bytes: usize = answer.iter().map(|frame| frame.message.len()).sum();
            assert!(bytes <= SYNC_MESSAGE_BYTES_MAX, "{bytes} bytes");
            assert!(answer.iter().all(|frame| frame.operations.len() <= SYNC_OPERATIONS_MAX));
        }
    }
    assert_eq!(town.log.document().automerge.get_heads(), before);
}

fn leb(mut value: u64, to: &mut Vec<u8>) {
    while value > 0x7f {
        to.push((value & 0x7f) as u8 | 0x80);
        value >>= 7;
    }
    to.push(value as u8);
}

#[test]
fn cl_07_the_listing_and_the_picture_say_what_became_of_each_operation() {
    let (mut town, mut cast) = opening();
    let both = link(&mut town, &cast.b, &[4]);
    town.join(&mut cast.m, &both, 0);
    cast.n.name = "n\"\\".into();
    town.join(&mut cast.n, &both, 0);
    let pin = town.tip(&cast.b);
    town.set(&cast.b, setting::NAME, Some(Setting::Text("late".into())));
    town.demote(&cast.a, &cast.b, pin);
    let listing = town.log.listing();
    assert_eq!(listing.lines().count(), town.log.len() + 1);
    assert!(listing.ends_with(&alloc::format!("state {}\n", town.log.state_hash())));
    for words in
        ["founds the group: counts", "sets 1: void: beyond the pin", "void: the issuer stands no more", "demotes B"]
    {
        assert!(listing.contains(words), "{words} in\n{listing}");
    }
    let lamports: Vec<u64> = listing.lines().filter_map(|line| line.split_whitespace().next()?.parse().ok()).collect();
    assert!(lamports.is_sorted());
    let dot = town.log.dot();
    assert!(dot.starts_with("digraph") && dot.ends_with("}\n"));
    assert_eq!(dot.matches("subgraph").count(), 6, "one lane per person");
    assert!(dot.contains("style=dashed"));
    assert!(dot.contains("n\\\"\\\\"), "names can't end the string");
    let arrows: usize = town.log.known().map(|signed| signed.operation().deps.len()).sum();
    assert_eq!(dot.matches(" -> ").count(), arrows);
}

#[test]
fn cl_07_what_is_honoured_and_moves_nothing_says_so() {
    let (mut town, mut cast) = opening();
    let ticket = link(&mut town, &cast.b, &[5]);
    town.seat(&cast.a, &mut cast.x, 8);
    let (mut other, plain) = (town.split(), cast.x.clone());
    town.promote(&cast.a, &mut cast.x);
    let removal = other.remove(&cast.b, &plain, plain.mid.into());
    town.join(&mut cast.n, &ticket, 0);
    let confirm = town.confirm(&cast.b, cast.n.mid);
    let reclaim = other.reclaim(&cast.a, &[5], None);
    heal(&mut town, &mut other);
    let lines = town.log.chronicle().lines;
    let said = |id: OperationId| lines.iter().find(|line| line.id == id).map(|line| (line.rule, line.verdict)).unwrap();
    assert_eq!(said(confirm), (None, "counts"));
    assert_eq!(said(removal), (Some("MB-F3"), "no effect: an office out of its reach shields the target"));
    assert_eq!(said(reclaim), (Some("MB-S3"), "no effect: another claim came first"));
    assert!(town.log.citable_heads().as_slice().len() > 1, "void they are not: who reads on rests on them");
}

#[test]
fn at_71_s39_p19_the_gate_lets_no_crafted_message_through() {
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
fn at_67_at_68_at_69_mb_t03_mb_g03_changes_flags_and_bad_filters_are_refused() {
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
fn at_81_mb_g01_mb_g06_p17_operations_give_fixed_change_hashes() {
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
