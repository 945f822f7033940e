//! Who is meant.

use crate::network::HostId;

/// Hosts, by name or by what they are when the time comes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Who {
    /// These.
    Hosts(Vec<HostId>),
    /// Everyone who sits in the group by the own view.
    Members,
    /// Everyone who holds an office by the own view.
    Admins,
    /// So many of the members, drawn.
    Any(u16),
}
