//! The corpus against a plain map, and its bounds.

use memchr::memmem::Finder;

use super::*;

fn place(tick: u64) -> OrderKey {
    let mut order = [3; 16];
    order[..8].copy_from_slice(&tick.to_be_bytes());
    OrderKey(order)
}

fn shown(tick: u64, text: &str) -> Shown {
    Shown { order: place(tick), author: MembershipId([1; 32]), at_ms: tick, texts: vec![text.to_owned()] }
}

fn query(word: &str) -> Query {
    Query { finders: vec![Finder::new(word.as_bytes()).into_owned()], authors: None, since_ms: 0, until_ms: None }
}

fn all(corpus: &mut Corpus, number: u32, word: &str) -> Vec<u64> {
    let (mut ticks, mut before) = (Vec::new(), None);
    loop {
        let found = corpus.find(number, &query(word), (before, 7, 2));
        ticks.extend(found.orders.iter().map(|order| u64::from_be_bytes(order.0[..8].try_into().unwrap())));
        before = found.before;
        if before.is_none() {
            return ticks;
        }
    }
}

/// A text that LZ4 makes nothing of.
fn noise(tick: u64, bytes: usize) -> String {
    let mut luck = tick.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut letter = || {
        luck ^= luck << 13;
        luck ^= luck >> 7;
        luck ^= luck << 17;
        char::from(b'a' + u8::try_from(luck % 26).unwrap())
    };
    (0..bytes).map(|_| letter()).collect()
}

#[test]
fn sr_04_what_is_read_changed_and_erased_is_what_a_plain_map_would_hold() {
    let mut corpus = Corpus::default();
    let _ = corpus.group(1, GroupId([1; 32]));
    let mut model: BTreeMap<u64, String> = BTreeMap::new();
    // As filling does it: the newest first, with gaps for what comes late.
    for slice in (0..40_u64).rev() {
        let ticks = (slice * 100..slice * 100 + 100).map(|tick| tick * 2);
        let lines: Vec<Shown> =
            ticks.map(|tick| shown(tick, &format!("Tug {} {}", tick % 7, noise(tick, 60)))).collect();
        model.extend(
            lines.iter().map(|line| (u64::from_be_bytes(line.order.0[..8].try_into().unwrap()), line.texts[0].clone())),
        );
        corpus.read(1, lines, if slice == 0 { Reach::Whole } else { Reach::DownTo(place(slice * 200)) });
    }
    let change = |corpus: &mut Corpus, model: &mut BTreeMap<u64, String>, tick: u64, text: Option<&str>| {
        corpus.put(1, [(place(tick), text.map(|text| shown(tick, text)))].into());
        match text {
            Some(text) => drop(model.insert(tick, text.to_owned())),
            None => drop(model.remove(&tick)),
        }
    };
    for step in 0..300_u64 {
        let tick = step.wrapping_mul(7_919) % 8_100;
        match step % 3 {
            0 => change(&mut corpus, &mut model, tick, None),
            1 => change(&mut corpus, &mut model, tick, Some("Ferry tug 3")),
            _ => change(&mut corpus, &mut model, tick, Some(&noise(tick, 3_000))),
        }
    }
    for word in ["tug 3", "ferry", "t", "qx", "nowhere at all"] {
        let has = |(_, text): &(&u64, &String)| text.to_lowercase().contains(word);
        let expected: Vec<u64> = model.iter().rev().filter(has).map(|(tick, _)| *tick).collect();
        assert_eq!(all(&mut corpus, 1, word), expected, "{word}");
    }
    assert_eq!(corpus.lines(), model.len());
    // Erased altogether, nothing stays.
    corpus.put(1, model.keys().map(|tick| (place(*tick), None)).collect());
    assert_eq!((corpus.lines(), corpus.bytes()), (0, 0));
}

#[test]
fn sr_03_memory_is_bounded_and_every_group_keeps_its_newest_lines() {
    let mut corpus = Corpus::default();
    for number in [1, 2] {
        let _ = corpus.group(number, GroupId([u8::try_from(number).unwrap(); 32]));
        let mut slice = 1_000_u64;
        while corpus.has_room(number) && slice > 0 {
            slice -= 1;
            let lines = (slice * 10..slice * 10 + 10).map(|tick| shown(tick, &noise(tick, 3_000))).collect();
            corpus.read(number, lines, Reach::DownTo(place(slice * 10)));
            assert!(corpus.bytes() <= CORPUS_BYTES_MAX, "{}", corpus.bytes());
        }
    }
    let shares: Vec<usize> = corpus.groups.values().map(GroupText::bytes).collect();
    assert!(shares.iter().all(|share| *share > CORPUS_BYTES_MAX / 3), "{shares:?}");
    for number in [1, 2] {
        let text = corpus.get(number).unwrap();
        let Reach::DownTo(oldest) = text.reach else { panic!("{:?}", text.reach) };
        assert!(oldest > place(0) && text.oldest_ms().is_some_and(|at| at > 0));
        assert!(all(&mut corpus, number, &noise(9_999, 3_000)) == [9_999], "the newest is there");
        assert!(!corpus.has_room(number));
    }
    // What comes later takes the place of what is oldest.
    (10_000..10_400).for_each(|tick| corpus.put(1, [(place(tick), Some(shown(tick, &noise(tick, 3_000))))].into()));
    assert!(corpus.bytes() <= CORPUS_BYTES_MAX && all(&mut corpus, 1, &noise(10_399, 3_000)) == [10_399]);
    corpus.retain(&[(2, GroupId([2; 32]))]);
    assert!(corpus.get(1).is_none() && corpus.get(2).is_some());
}

#[test]
fn sr_04_what_is_older_than_what_is_held_is_left_to_filling() {
    let mut corpus = Corpus::default();
    let _ = corpus.group(1, GroupId([1; 32]));
    corpus.put(1, [(place(5), Some(shown(5, "tug")))].into());
    assert_eq!(corpus.lines(), 0);
    corpus.read(1, vec![shown(9, "tug")], Reach::DownTo(place(9)));
    corpus.put(1, [(place(5), Some(shown(5, "tug"))), (place(11), Some(shown(11, "tug")))].into());
    assert_eq!(all(&mut corpus, 1, "tug"), [11, 9]);
}
