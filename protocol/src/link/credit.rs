//! Flow control of GIVE: the slow disk of the receiver slows the sender, and what is given never delays a message.
//!
//! CREDIT carries the total of body bytes allowed since READY. It rises only when given entries were committed or
//! discarded. Library buffers below us are deep, so the sender keeps a window of its own over what is not yet covered
//! by raised credit; it grows while credit comes back within a round trip and halves when it does not.
#![cfg_attr(not(test), deny(clippy::arithmetic_side_effects, clippy::as_conversions))]

use alloc::collections::VecDeque;

use crate::error::PeerFault;
use crate::limits::{CREDIT_LATE_MS, CREDIT_START_BYTES, GIVEN_FRAMES_MAX, WINDOW_START_BYTES, WINDOW_STEP_BYTES};
use crate::time::Timestamp;

/// The receiver's side.
#[derive(Debug, Default)]
pub struct Intake {
    received: u64,
    settled: u64,
    announced: u64,
}

impl Intake {
    /// A GIVE of this many body bytes came.
    ///
    /// # Errors
    /// Rule N-405: [`PeerFault::BeyondCredit`] past what was allowed.
    pub fn on_give(&mut self, bytes: u64) -> Result<(), PeerFault> {
        self.received = self.received.saturating_add(bytes);
        let allowed = CREDIT_START_BYTES.saturating_add(self.announced);
        if self.received > allowed { Err(PeerFault::BeyondCredit) } else { Ok(()) }
    }

    /// So many received bytes are committed or discarded. The new total, when it is worth a frame: in steps, and
    /// always when nothing is left over, so that a sender with a narrow window is never stuck.
    pub fn settle(&mut self, bytes: u64) -> Option<u64> {
        self.settled = self.settled.saturating_add(bytes).min(self.received);
        let raised = self.settled.saturating_sub(self.announced);
        if raised == 0 || (raised < WINDOW_STEP_BYTES && self.settled < self.received) {
            return None;
        }
        self.announced = self.settled;
        Some(CREDIT_START_BYTES.saturating_add(self.announced))
    }
}

/// The sender's side.
#[derive(Debug)]
pub struct Outflow {
    given: u64,
    covered: u64,
    window: u64,
    /// Where each frame ended, and when it was given; the last one grows when there are too many.
    flight: VecDeque<(u64, Timestamp)>,
    shrunk: Option<Timestamp>,
}

impl Default for Outflow {
    fn default() -> Self {
        Self { given: 0, covered: 0, window: WINDOW_START_BYTES, flight: VecDeque::new(), shrunk: None }
    }
}

impl Outflow {
    /// Whether a GIVE of this many body bytes may go now. A single frame may, when nothing is on its way.
    #[must_use]
    pub fn may_give(&self, bytes: u64) -> bool {
        let uncovered = self.given.saturating_sub(self.covered);
        let fits = uncovered == 0 || uncovered.saturating_add(bytes) <= self.window;
        fits && uncovered.saturating_add(bytes) <= CREDIT_START_BYTES
    }

    /// It went.
    pub fn on_given(&mut self, bytes: u64, now: Timestamp) {
        self.given = self.given.saturating_add(bytes);
        if self.flight.len() >= GIVEN_FRAMES_MAX {
            self.flight.pop_back();
        }
        self.flight.push_back((self.given, now));
    }

    /// CREDIT came. A total that does not rise changes nothing.
    ///
    /// # Errors
    /// [`PeerFault::OutOfPlace`] if it covers more than was given.
    pub fn on_credit(&mut self, total: u64, round_trip_ms: u64, now: Timestamp) -> Result<(), PeerFault> {
        let covered = total.saturating_sub(CREDIT_START_BYTES);
        if covered > self.given {
            return Err(PeerFault::OutOfPlace);
        }
        if covered <= self.covered {
            return Ok(());
        }
        self.covered = covered;
        let mut newest = None;
        while let Some(&(end, at)) = self.flight.front()
            && end <= covered
        {
            newest = Some(at);
            self.flight.pop_front();
        }
        if let Some(at) = newest {
            self.adjust(at, round_trip_ms, now);
        }
        Ok(())
    }

    fn adjust(&mut self, given_at: Timestamp, round_trip_ms: u64, now: Timestamp) {
        if now.since(given_at) <= round_trip_ms.saturating_add(CREDIT_LATE_MS) {
            self.window = self.window.saturating_add(WINDOW_STEP_BYTES).min(CREDIT_START_BYTES);
        } else if self.shrunk.is_none_or(|at| now.since(at) >= round_trip_ms) {
            self.window = (self.window >> 1).max(WINDOW_STEP_BYTES);
            self.shrunk = Some(now);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Timestamp = Timestamp::new(0, 0);

    #[test]
    fn n_405_one_byte_beyond_the_credit_is_a_fault() {
        let mut intake = Intake::default();
        assert_eq!(intake.on_give(CREDIT_START_BYTES), Ok(()));
        assert_eq!(intake.on_give(1), Err(PeerFault::BeyondCredit));
        let mut settled = Intake::default();
        assert_eq!(settled.on_give(CREDIT_START_BYTES), Ok(()));
        assert_eq!(settled.settle(WINDOW_STEP_BYTES), Some(CREDIT_START_BYTES + WINDOW_STEP_BYTES));
        assert_eq!(settled.on_give(WINDOW_STEP_BYTES), Ok(()));
        assert_eq!(settled.on_give(1), Err(PeerFault::BeyondCredit));
    }

    #[test]
    fn n_405_credit_rises_only_with_what_was_settled_and_in_steps() {
        let mut intake = Intake::default();
        assert_eq!(intake.settle(5_000), None, "nothing was received");
        intake.on_give(40_000).unwrap();
        assert_eq!(intake.settle(1_000), None);
        assert_eq!(intake.settle(39_000), Some(CREDIT_START_BYTES + 40_000));
        assert_eq!(intake.settle(39_000), None);
    }

    #[test]
    fn n_405_the_window_grows_while_credit_is_prompt_and_halves_when_late() {
        let mut flow = Outflow::default();
        assert!(flow.may_give(65_536));
        flow.on_given(60_000, START);
        assert!(!flow.may_give(60_000));
        flow.on_credit(CREDIT_START_BYTES + 60_000, 100, START.plus_ms(350)).unwrap();
        assert_eq!(flow.window, WINDOW_START_BYTES + WINDOW_STEP_BYTES);
        let mut now = START.plus_ms(400);
        for _ in 0..8 {
            flow.on_given(10_000, now);
            now = now.plus_ms(351);
            flow.on_credit(CREDIT_START_BYTES + flow.given, 100, now).unwrap();
        }
        assert_eq!(flow.window, WINDOW_STEP_BYTES, "never below the floor");
        assert!(flow.may_give(65_536), "one frame always goes when nothing is on its way");
    }

    #[test]
    fn n_405_credit_for_what_was_never_given_is_a_fault_and_old_credit_is_nothing() {
        let mut flow = Outflow::default();
        assert_eq!(flow.on_credit(CREDIT_START_BYTES + 1, 0, START), Err(PeerFault::OutOfPlace));
        assert_eq!(flow.on_credit(0, 0, START), Ok(()));
    }

    #[test]
    fn n_405_a_sender_and_a_slow_receiver_never_get_stuck_and_never_break_the_rule() {
        let (mut flow, mut intake, mut now, mut moved) = (Outflow::default(), Intake::default(), START, 0_u64);
        for round in 0..2_000_u64 {
            let frame = 1 + round * 7_919 % 65_536;
            if flow.may_give(frame) {
                flow.on_given(frame, now);
                intake.on_give(frame).unwrap();
                moved += frame;
            }
            now = now.plus_ms(40);
            if let Some(total) = intake.settle(20_000) {
                flow.on_credit(total, 50, now).unwrap();
            }
        }
        assert!(moved > 20_000 * 1_500, "{moved}");
    }
}
