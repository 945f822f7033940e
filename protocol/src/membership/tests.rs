//! The numbered scenarios and invariants of the membership specification.

mod cast;
mod scenarios_admins;
mod scenarios_offices;
mod scenarios_seats;
