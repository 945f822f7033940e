//! The numbered scenarios and invariants of the membership specification.

/// Lists the tests of a file, so that the mutation check can run them one by one.
macro_rules! listed {
    ($($name:ident,)*) => {
        pub(super) const LISTED: &[(&str, fn())] = &[$((stringify!($name), $name)),*];
    };
}

mod ablations;
mod admission;
mod attacks;
mod bounds;
mod campaign;
mod cast;
mod displaced;
mod duties;
mod endings;
mod invariants;
mod recovery;
mod rules;
mod scenarios_admins;
mod scenarios_links;
mod scenarios_offices;
mod scenarios_partitions;
mod scenarios_recovery;
mod scenarios_seats;
mod syncing;
