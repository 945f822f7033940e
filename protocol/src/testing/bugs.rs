//! Seeded bugs: places where this crate can be broken on purpose, one at a time, to see whether anybody notices.
//!
//! A simulator that finds nothing has found nothing wrong, or cannot see. Mutation of the thing under test tells the
//! two apart (DeMillo, Lipton, Sayward 1978); these are the mutations that would hurt people. A bug is planted for
//! one thread. Without the feature `testing` the places do not exist.

use core::cell::Cell;
use std::thread_local;

macro_rules! bugs {
    ($($bug:ident = $name:literal, $what:literal;)+) => {
        /// A way to break this crate.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Bug { $(#[doc = $what] $bug),+ }

        impl Bug {
            /// All.
            pub const ALL: &'static [Self] = &[$(Self::$bug),+];

            /// Its name, stable.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$bug => $name),+ }
            }

            /// What is wrong.
            #[must_use]
            pub const fn what(self) -> &'static str {
                match self { $(Self::$bug => $what),+ }
            }
        }
    };
}

bugs! {
    TransmitBeforeCommit = "transmit-before-commit", "Frames leave before the batch that made them is durable (E-64).";
    SeatByArrival = "seat-by-arrival", "Of two tickets for one seat the one that came first here wins (MB-S5).";
    NoRekeyAfterRemoval = "no-rekey-after-removal", "Who was removed keeps the chains that are in use (E-39).";
    OldInstallation = "old-installation", "A restored profile goes on in its old log, with its old secrets (E-80).";
    OutboxForgotten = "outbox-forgotten", "Texts that waited are gone after a restart (F-M1).";
    RemovalNotTold = "removal-not-told", "Who was removed is hung up on without a word (N-203, R-34).";
    NoRedial = "no-redial", "A link that was lost is not dialled again (N-605).";
    NoAntiEntropy = "no-anti-entropy", "Neighbours do not compare their logs: what a push missed stays away (N-701).";
    KeyUsedTwice = "key-used-twice", "The chain does not move when a message is sealed (E-42).";
    NoGrants = "no-grants", "Newcomers are given no chain keys (E-46).";
    TickIgnored = "tick-ignored", "A receiver orders by place in the chain, not by what the author saw (E-53).";
    WordsInTheClear = "words-in-the-clear", "Messages are padded and not sealed (E-57).";
    SignaturesUnchecked = "signatures-unchecked", "Every signature is good (E-05).";
    ReceiptTooMany = "receipt-too-many", "One more member is said to hold a message than signed for it (N-515).";
    ToldTwice = "told-twice", "A face is told of an own message twice (EV-4).";
    TimerInThePast = "timer-in-the-past", "The core wants to be woken at once, always (H-13).";
}

thread_local! {
    static PLANTED: Cell<Option<Bug>> = const { Cell::new(None) };
}

/// From here on this bug, and no other, is in the code that this thread runs.
pub fn plant(bug: Option<Bug>) {
    PLANTED.with(|planted| planted.set(bug));
}

/// Whether this bug is in.
#[must_use]
pub fn is_planted(bug: Bug) -> bool {
    PLANTED.with(Cell::get) == Some(bug)
}
