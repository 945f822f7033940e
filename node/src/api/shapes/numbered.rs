//! Ids of things that the core only numbers, outbox items and joins: 16 bytes that say nothing outside this installation
//! and whose first letters differ, so that a prefix finds them.

use coterie_protocol::GroupId;
use sha2::{Digest, Sha256};

use super::super::types::spell_id;
use crate::driver::View;

/// The number stands at the end.
fn numbered_id(place: &[u8], n: u64) -> [u8; 16] {
    let hash: [u8; 32] = Sha256::digest([b"coterie/api/number".as_slice(), place, &n.to_be_bytes()].concat()).into();
    let mut id = [0; 16];
    let (head, tail) = id.split_at_mut(8);
    head.copy_from_slice(hash.split_at(8).0);
    tail.copy_from_slice(&n.to_be_bytes());
    id
}

fn number_of(place: &[u8], id: &[u8; 16]) -> Option<u64> {
    let n = u64::from_be_bytes(*id.last_chunk()?);
    (numbered_id(place, n) == *id).then_some(n)
}

/// The API's id of something in the outbox.
pub(crate) fn outbox_id(group: &GroupId, n: u64) -> String {
    spell_id(&numbered_id(group.as_ref(), n))
}

/// Which outbox item an id means.
pub(crate) fn find_outbox(view: &View<'_>, id: &[u8; 16]) -> Option<(GroupId, u64)> {
    view.account.groups().iter().find_map(|group| number_of(group.id.as_ref(), id).map(|n| (group.id, n)))
}

/// The API's id of a join.
pub(crate) fn join_id(view: &View<'_>, n: u32) -> String {
    spell_id(&numbered_id(view.home.instance().as_ref(), u64::from(n)))
}

/// Which join an id means.
pub(crate) fn find_join(view: &View<'_>, id: &[u8; 16]) -> Option<u32> {
    number_of(view.home.instance().as_ref(), id).and_then(|n| u32::try_from(n).ok())
}
