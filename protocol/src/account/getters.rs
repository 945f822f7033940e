//! Looking: what a face may see. Views are whole values; nothing here changes anything.

use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;

use super::Account;
use crate::event::{Alert, AlertKind, Delivery, GroupView, InviteView, MemberView};
use crate::group::Group;
use crate::ids::{EntryId, GroupId, Instance, InviteId, MemberKey, MembershipId};
use crate::invite::InviteLink;
use crate::membership::Chronicle;
use crate::record::RecordId;

impl Account {
    /// One's own key.
    #[must_use]
    pub fn me(&self) -> MemberKey {
        self.identity.public()
    }

    /// This installation.
    #[must_use]
    pub const fn instance(&self) -> Instance {
        self.instance
    }

    /// The name that groups joined from now on will see.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    fn held(&self, gid: &GroupId) -> Option<&Group> {
        self.groups.get(self.by_gid.get(gid)?)
    }

    /// All groups, in the order they came.
    #[must_use]
    pub fn groups(&self) -> Vec<GroupView> {
        self.groups.values().map(Group::view).collect()
    }

    /// One group.
    #[must_use]
    pub fn group(&self, gid: &GroupId) -> Option<GroupView> {
        self.held(gid).map(Group::view)
    }

    /// Everybody who sits in a group, by seat.
    #[must_use]
    pub fn members(&self, gid: &GroupId) -> Option<Vec<MemberView>> {
        self.held(gid).map(Group::member_views)
    }

    /// The membership log of a group as data: what became of each operation, with seats, offices and proofs (CL-7).
    #[must_use]
    pub fn chronicle(&self, gid: &GroupId) -> Option<Chronicle> {
        self.held(gid).map(|group| group.membership().chronicle())
    }

    /// The name of anybody who ever was in a group.
    #[must_use]
    pub fn author_name(&self, gid: &GroupId, mid: &MembershipId) -> Option<String> {
        self.held(gid).map(|group| group.author_name(mid))
    }

    /// The key of somebody who sits in a group.
    #[must_use]
    pub fn member_key(&self, gid: &GroupId, mid: &MembershipId) -> Option<MemberKey> {
        let person = self.held(gid)?.membership().roster().person(mid)?;
        person.seat.filter(|_| !person.duplicate).map(|_| person.key)
    }

    /// Invites of one's own; `now_wall_ms` says which have ended.
    #[must_use]
    pub fn invites(&self, gid: &GroupId, now_wall_ms: u64) -> Option<Vec<InviteView>> {
        self.held(gid).map(|group| group.invite_views(now_wall_ms))
    }

    /// The link of an own invite, with the addresses at which this node can be reached now.
    #[must_use]
    pub fn invite_link(&self, gid: &GroupId, invite: &InviteId) -> Option<InviteLink> {
        self.held(gid)?.invite_link(invite, self.me(), &self.listening)
    }

    /// How far an own message got.
    #[must_use]
    pub fn delivery(&self, gid: &GroupId, eid: &EntryId) -> Option<Delivery> {
        self.held(gid)?.delivery(eid)
    }

    /// Texts that wait: number, words, when they were written (ms since 1970).
    #[must_use]
    pub fn outbox(&self, gid: &GroupId) -> Vec<(u64, String, u64)> {
        self.held(gid).map(Group::outbox_view).unwrap_or_default()
    }

    /// First and last key of a group's lines, to be read in order; values by `MessageView::from_record`.
    #[must_use]
    pub fn view_range(&self, gid: &GroupId) -> Option<(RecordId, RecordId)> {
        self.held(gid).map(Group::view_range)
    }

    /// Addresses at which this node can be reached, binary multiaddrs, best first.
    #[must_use]
    pub fn listening(&self) -> &[Vec<u8>] {
        &self.listening
    }

    /// Peers' bytes that were refused, by reason.
    #[must_use]
    pub const fn refused(&self) -> &BTreeMap<&'static str, u64> {
        &self.refused
    }

    /// Whether this installation was seen elsewhere, or behind itself, and is silent until its owner says which computer
    /// goes on (ST-102).
    #[must_use]
    pub fn sees_twin(&self) -> bool {
        self.alerts.iter().any(|alert| alert.kind == AlertKind::Clone) || self.groups.values().any(Group::has_twin)
    }

    /// The newest alerts that are about no single group.
    #[must_use]
    pub fn alerts(&self) -> Vec<Alert> {
        self.alerts.iter().cloned().collect()
    }
}
