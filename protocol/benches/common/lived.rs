//! What the benches of the membership log share: a group that has lived, and one more operation in it.

use std::time::{Duration, Instant};

use coterie_protocol::testing::membership::{Body, Setting, setting};
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

/// A change of what the group is for.
pub fn about(n: u64) -> Body {
    Body::SetPolicy { sets: vec![(setting::ABOUT, Some(Setting::Text(format!("{n}"))))] }
}

/// Admits one operation after another; each is taken back by copying the side. `Once`: its signature is known already,
/// so that folding shows without checking.
pub fn one_more(side: &Side<100>, by: &Person, times: u64, checking: Checking, body: impl Fn(u64) -> Body) -> Duration {
    let mut total = Duration::ZERO;
    for n in 0..times {
        let mut copy = side.split();
        // A copy's tables are full to the brim: the first operation after it would pay for moving them all.
        copy.write(by, Body::SetPolicy { sets: Vec::new() });
        let signed = copy.log.draft(&by.mid, &by.keys(), body(n), 1, by.office);
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
