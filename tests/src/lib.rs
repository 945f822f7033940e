//! The real program, run as people run it: real processes, real disks, loopback or namespaces of the test's own.
//!
//! What a unit or the simulator can show is shown there. Here: that the pieces are really connected, that the program
//! starts, survives, and says what it should. Every wait has a deadline; nothing here sleeps and hopes.

#![expect(clippy::expect_used, clippy::panic, reason = "a test that cannot go on fails, and says where")]

pub mod cluster;
pub mod disk;
pub mod house;
pub mod ledger;
pub mod rounds;
pub mod socket;
pub mod terminal;
pub mod tmux;

use std::time::{Duration, Instant};

/// Lets time pass, for whoever harms a node at a moment of chance. A test that waits for something uses [`eventually`].
pub fn let_pass(time: Duration) {
    std::thread::sleep(time);
}

/// Asks again and again until `ask` gives something; after `deadline` the test fails with what was last seen.
///
/// # Panics
/// After the deadline, with `what` and the last answer.
#[track_caller]
pub fn eventually<T>(what: &str, deadline: Duration, mut ask: impl FnMut() -> Result<T, String>) -> T {
    let start = Instant::now();
    let mut pause = Duration::from_millis(5);
    loop {
        let last = match ask() {
            Ok(value) => return value,
            Err(last) => last,
        };
        assert!(start.elapsed() < deadline, "not within {deadline:?}: {what}; last seen: {last}");
        std::thread::sleep(pause);
        pause = (pause * 2).min(Duration::from_millis(200));
    }
}
