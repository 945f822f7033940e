//! What a host asks of the groups that it serves.

use alloc::vec::Vec;

use super::frames::{Claim, Status};
use super::reason::Reason;
use crate::crypto::Secret;
use crate::ids::{Digest, GroupId, MemberKey, MembershipId, OperationId};
use crate::membership::Membership;

/// An envelope that this node holds, for a group in which it is Keyed and no guest.
#[derive(Clone, Copy)]
pub struct HeldEnvelope<'a> {
    /// The group.
    pub gid: GroupId,
    /// The author's membership.
    pub mid: MembershipId,
    /// The author's key.
    pub author: MemberKey,
    /// Recognises the link.
    pub lookup: Digest,
    /// Checks the proof.
    pub invite_pk: MemberKey,
    /// The link's last moment, ms since 1970.
    pub not_after: u64,
    /// The entry's body.
    pub sealed: &'a [u8],
}

/// What became of an introduction (N-209).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Introduction {
    /// The roster now holds the newcomer.
    Welcome,
    /// These are named by what came, and are not here.
    Needs(Vec<OperationId>),
    /// It is out, and these operations say so; at most eight.
    Ended(Vec<Vec<u8>>),
    /// Neither: nothing is said.
    Nothing,
}

/// What the host asks of the groups. The implementation is where their rules live.
pub trait HostView {
    /// The newest envelopes whose authors hold a standing office, until seven days after their last moment; also of
    /// links that were revoked, so that people get the right reason. At most 256 are tried.
    fn envelopes(&self) -> Vec<HeldEnvelope<'_>>;
    /// Keys for members that this host does not know yet: `introduce_key` of each group (N-801).
    fn introductions(&self) -> Vec<(GroupId, Secret<32>)>;
    /// The log of a group.
    fn membership(&self, gid: &GroupId) -> Option<&Membership>;
    /// Admits Join and entry 0, stores and pushes both; what the own view then says of the newcomer.
    ///
    /// # Errors
    /// The reason to send.
    fn admit_claim(&mut self, gid: &GroupId, joiner: &MemberKey, claim: &Claim) -> Result<Status, Reason>;
    /// Takes what a newcomer brings, all or nothing; see `invite::introduced`.
    fn introduce(&mut self, gid: &GroupId, newcomer: &MemberKey, operations: &[Vec<u8>]) -> Introduction;
}
