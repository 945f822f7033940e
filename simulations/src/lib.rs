//! Whole groups in virtual time: hundreds of lives a minute over the real core, every fault on call, all of it from
//! one seed.
//!
//! [`World`] is the universe: a queue of events and a clock that only they move. [`host`] is one person's machine,
//! [`network`] what lies between machines, [`oracle`] knows what really happened and holds every run to the
//! invariants. A story is a [`Scenario`], written by hand or drawn from a seed. There are no threads, no sockets, no
//! files and no clock in a run: the same story gives the same trace, event for event (SIM-01, SIM-10).
#![forbid(unsafe_code)]

pub mod chance;
pub mod host;
pub mod interchange;
pub mod network;
pub mod oracle;
pub mod plan;
pub mod report;
pub mod scenario;
pub mod shrink;
pub mod trace;
pub mod world;

pub use oracle::{Mark, Violation};
pub use scenario::Scenario;
pub use trace::{Keep, Trace};
pub use world::{Memo, Options, Outcome, Stage, Verdict, World, percentile_of};
