//! Looking: what a face may see. Views are whole values; nothing here changes anything.

use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;

use super::Account;
use crate::command::CommandError;
use crate::event::{Alert, AlertKind, Delivery, GroupView, InviteView, RecoveryView, SuccessionView, WaitingView};
use crate::group::Group;
use crate::ids::{EntryId, GroupId, Instance, InviteId, MemberKey, MembershipId};
use crate::invite::InviteLink;
use crate::membership::{Chronicle, SuccessionRequest};
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

    pub(super) fn held(&self, gid: &GroupId) -> Option<&Group> {
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

    /// The membership log of a group as data: what became of each operation, with seats, offices and proofs (CL-7).
    #[must_use]
    pub fn chronicle(&self, gid: &GroupId) -> Option<Chronicle> {
        self.held(gid).map(|group| group.membership().chronicle())
    }

    /// How the organiser above all others could be replaced; none without recovery codes.
    #[must_use]
    pub fn recovery(&self, gid: &GroupId) -> Option<RecoveryView> {
        self.held(gid).and_then(Group::recovery_view)
    }

    /// The request to be named in that organiser's place, for those who keep codes. `until` is the beginning of the id of
    /// the last operation of theirs that shall count; none for the newest that is known.
    ///
    /// # Errors
    /// Why one can't be.
    pub fn succession_request(&self, gid: &GroupId, until: Option<&str>) -> Result<String, CommandError> {
        let group = self.held(gid).ok_or(CommandError::UnknownGroup)?;
        group.ask_to_succeed(until).map(|succession| SuccessionRequest::from(&succession).to_text())
    }

    /// What somebody's request asks for.
    ///
    /// # Errors
    /// Why nobody could consent to it.
    pub fn look_at_request(&self, request: &SuccessionRequest) -> Result<SuccessionView, CommandError> {
        self.held(&request.gid).ok_or(CommandError::UnknownGroup)?.look_at_request(request)
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

    /// What waits to be sealed, oldest first.
    #[must_use]
    pub fn outbox(&self, gid: &GroupId) -> Vec<WaitingView> {
        self.held(gid).map(Group::outbox_view).unwrap_or_default()
    }

    /// First and last key of a group's lines, to be read in order; values by `MessageView::from_record`.
    #[must_use]
    pub fn view_range(&self, gid: &GroupId) -> Option<(RecordId, RecordId)> {
        self.held(gid).map(Group::view_range)
    }

    /// First and last key of what was done to a post, to be read in order; without a post, of the group's pins (CV-6).
    #[must_use]
    pub fn annotation_range(&self, gid: &GroupId, post: Option<&EntryId>) -> Option<(RecordId, RecordId)> {
        self.held(gid).map(|group| group.annotation_range(post))
    }

    /// The record of the line that an entry became, if it is shown here.
    #[must_use]
    pub fn line_record(&self, gid: &GroupId, entry: &EntryId) -> Option<RecordId> {
        self.held(gid)?.line_record(entry)
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
