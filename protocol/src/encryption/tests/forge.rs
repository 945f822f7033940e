//! Makes what no honest program makes: entries changed at will and signed again by their author.

use super::*;
use crate::log::body::RekeyBody;
use crate::wire::from_bytes;

/// Signs the entry again after `change`, as its author could.
pub(super) fn forged(world: &World, author: usize, entry: &Entry, change: impl FnOnce(&mut Entry)) -> Verified<Entry> {
    let mut other = entry.clone();
    change(&mut other);
    let pair = &world.people[author].pair;
    verified(Entry::sign(&GID, other.log, other.head, (other.commit, other.body), pair), pair)
}

/// The slots of a Rekey.
pub(super) fn body_of(entry: &Entry) -> RekeyBody {
    from_bytes(&entry.body, 40_000).unwrap()
}
