//! The numbered scenarios and invariants of the membership specification.

mod admission;
mod bounds;
mod cast;
mod displaced;
mod duties;
mod invariants;
mod scenarios_admins;
mod scenarios_links;
mod scenarios_offices;
mod scenarios_partitions;
mod scenarios_seats;
mod syncing;
