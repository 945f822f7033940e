//! What the benches of the membership log share: a group that has lived, and one more operation in it.

use std::time::{Duration, Instant};

use coterie_protocol::testing::membership::{Body, Setting, SignedOperation, setting};
use coterie_protocol::testing::town::{Person, Side};
use coterie_protocol::testing::{Checking, check_signatures};

/// A group that has lived: people come and go on 90 seats, ten admins, some settings.
pub fn lived(operations: usize) -> (Vec<Vec<u8>>, Person, Vec<Person>) {
    let mut founder = Person::new("founder");
    let mut town = Side::<100>::found(&mut founder).expect("a sound Genesis");
    let mut turn = 0_u32;
    let mut last: Vec<Option<Person>> = vec![None; 100];
    for seat in 1..4_u8 {
        let mut person = Person::new(&format!("stays{seat}"));
        town.seat(&founder, &mut person, seat);
        last[usize::from(seat)] = Some(person);
    }
    while town.log.len() < operations {
        let seat = 4 + (turn % 96);
        let seat_at = u8::try_from(seat).unwrap_or(1);
        if let Some(person) = last[seat as usize].take() {
            town.remove(&founder, &person, person.mid.into());
        } else if turn.is_multiple_of(7) {
            town.set(&founder, setting::ABOUT, Some(Setting::Text(format!("{turn}"))));
            turn += 1;
            continue;
        }
        // The founder's chain ends at 2 000 office operations, so most seats are only joined and left.
        let mut person = Person::new(&format!("p{turn}"));
        let link = town.link(&founder, &[seat_at], &Default::default());
        town.join(&mut person, &link, 0);
        if turn < 300 {
            town.confirm(&founder, person.mid);
            last[seat as usize] = Some(person);
        } else {
            town.leave(&person, &[]);
        }
        turn += 1;
    }
    let people = last.into_iter().flatten().collect();
    (town.log.operations().map(|op| op.bytes().to_vec()).collect(), founder, people)
}

/// A change of what the group is for: it concerns no seat.
pub fn about(_: &Side<100>, n: u64) -> Body {
    Body::SetPolicy { sets: vec![(setting::ABOUT, Some(Setting::Text(format!("{n}"))))] }
}

/// A free seat's output is made useless: a claim on a seat that has seen many people, so that seat is walked again.
pub fn bump(side: &Side<100>, n: u64) -> Body {
    let free = side.log.free_outputs(&side.log.gid().into());
    let pair = usize::try_from(n).ok().and_then(|n| free.get(n % free.len())).expect("the founder has free seats");
    Body::Bump { pairs: vec![*pair] }
}

/// Admits one operation after another; each is taken back by copying the side. `Once`: its signature is known already,
/// so that folding shows without checking.
pub fn one_more(
    side: &Side<100>,
    by: &Person,
    times: u64,
    checking: Checking,
    body: impl Fn(&Side<100>, u64) -> Body,
) -> Duration {
    let mut total = Duration::ZERO;
    for n in 0..times {
        let mut copy = side.split();
        // A copy's tables are full to the brim: the first operation after it would pay for moving them all.
        copy.write(by, Body::SetPolicy { sets: Vec::new() });
        let signed = copy.log.draft(&by.mid, &by.keys(), body(&copy, n), 1, by.office);
        check_signatures(checking);
        if checking == Checking::Once {
            copy.split().log.admit(signed.bytes());
        }
        let start = Instant::now();
        copy.log.admit(signed.bytes());
        total += start.elapsed();
    }
    total
}

/// So many of one office's operations in a row, as a busy organiser's chain comes in; gives the time of one.
pub fn in_a_row(
    side: &Side<100>,
    by: &Person,
    count: u32,
    checking: Checking,
    body: impl Fn(&Side<100>, u64) -> Body,
) -> Duration {
    check_signatures(checking);
    let mut first = side.split();
    let mut row = Vec::new();
    for n in 0..=u64::from(count) {
        let signed = first.log.draft(&by.mid, &by.keys(), body(&first, n), 1, by.office);
        first.log.admit(signed.bytes());
        row.push(signed);
    }
    let mut second = side.split();
    let mut rest = row.iter();
    // A copy's tables are full to the brim: the first operation after it would pay for moving them all.
    rest.next().map(|signed| second.log.admit(signed.bytes()));
    let start = Instant::now();
    rest.for_each(|signed| drop(second.log.admit(signed.bytes())));
    let total = start.elapsed();
    assert_eq!(second.log.state_hash(), first.log.state_hash());
    total / count
}

/// What nobody can save of one operation: its signature is checked and its id is the hash of its bytes.
pub fn floor(side: &Side<100>, by: &Person, times: u32) -> Duration {
    check_signatures(Checking::Always);
    let row: Vec<SignedOperation> =
        (0..times).map(|n| side.log.draft(&by.mid, &by.keys(), about(side, n.into()), 1, by.office)).collect();
    let start = Instant::now();
    let good = row.iter().filter(|signed| signed.is_signed_by(&by.key()) && signed.is_named_by_its_bytes()).count();
    let total = start.elapsed();
    assert_eq!(good, row.len());
    total / times
}
