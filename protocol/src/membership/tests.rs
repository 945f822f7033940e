//! The numbered scenarios and invariants of the membership specification.

mod cast;
mod invariants;
mod scenarios_admins;
mod scenarios_offices;
mod scenarios_seats;
mod syncing;
