//! Author entry logs: one append-only signed log per member and installation (E-09, E-18).

pub(crate) mod body;
pub(crate) mod entry;
