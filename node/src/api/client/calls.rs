//! One method for each thing that can be asked.

use bytes::Bytes;
use hyper::Method;

use super::super::problem::Problem;
use super::super::types::{
    ApproveRequest, ChangeGroup, ChangeIdentity, ChangeMember, ChangePassphrase, Deliveries, Doctor, Done, GivenRole,
    Group, Identity, Invite, Join, Keeping, LeaveGroup, LookAtRequest, Member, Message, Muting, NewBackup, NewGroup,
    NewInvite, NewJoin, NewMessage, NewPreview, Page, Preview, Recovery, RemoveMember, Request, Status,
    SuccessionApproval, SuccessionLook, SuccessionRequest, TakeOver, Unlock,
};
use super::{Answer, Client};

/// The result of a call.
pub type Got<T> = Result<T, Problem>;

#[derive(serde::Serialize)]
struct Nothing {}

const NOTHING: Nothing = Nothing {};

/// Which lines of a timeline.
#[derive(Clone, Debug, Default)]
pub struct Lines<'a> {
    /// 1–200; 50 if not given.
    pub limit: Option<u32>,
    /// Only older than this cursor.
    pub before: Option<&'a str>,
    /// Only newer than this cursor.
    pub after: Option<&'a str>,
}

#[expect(
    clippy::missing_errors_doc,
    reason = "every call fails as `Client::get` says: with the problem the node names"
)]
impl Client {
    /// How the node is.
    pub async fn status(&self) -> Got<Answer<Status>> {
        self.get("/status").await
    }

    /// Ends the node in good order; answers before it is gone.
    pub async fn shutdown(&self) -> Got<Done> {
        self.change(Method::POST, "/shutdown", &NOTHING).await
    }

    /// The node's examination of itself.
    pub async fn doctor(&self) -> Got<Answer<Doctor>> {
        self.get("/doctor").await
    }

    /// Who one is.
    pub async fn identity(&self) -> Got<Answer<Identity>> {
        self.get("/identity").await
    }

    /// Another name for groups joined from now on.
    pub async fn rename_me(&self, name: &str) -> Got<Identity> {
        self.change(Method::PATCH, "/identity", &ChangeIdentity { name: name.to_owned() }).await
    }

    /// This is the computer to go on with, of two live copies of the profile.
    pub async fn go_on_here(&self) -> Got<Identity> {
        self.change(Method::POST, "/identity/installation", &NOTHING).await
    }

    /// A backup, as the bytes of its file.
    pub async fn backup(&self, new: &NewBackup) -> Got<Bytes> {
        self.fetch("/identity/backup", new).await
    }

    /// Another passphrase, or none.
    pub async fn change_passphrase(&self, change: &ChangePassphrase) -> Got<Done> {
        self.change(Method::POST, "/identity/passphrase", change).await
    }

    /// Locks the identity; the node forgets its keys.
    pub async fn lock(&self) -> Got<Done> {
        self.change(Method::POST, "/identity/lock", &NOTHING).await
    }

    /// Opens a locked identity.
    pub async fn unlock(&self, unlock: &Unlock) -> Got<Done> {
        self.change(Method::POST, "/identity/unlock", unlock).await
    }

    /// All groups.
    pub async fn groups(&self) -> Got<Answer<Page<Group>>> {
        self.get("/groups").await
    }

    /// For how many days what is said is kept on this computer; none: for ever.
    pub async fn keep(&self, group: &str, days: Option<u16>) -> Got<Group> {
        self.change(Method::PUT, &format!("/groups/{group}/keeping"), &Keeping { days }).await
    }

    /// Whether this profile's screens are silent about the group.
    pub async fn mute(&self, group: &str, mute: &Muting) -> Got<Group> {
        self.change(Method::PUT, &format!("/groups/{group}/mute"), mute).await
    }

    /// Founds a group.
    pub async fn create_group(&self, new: &NewGroup) -> Got<Group> {
        self.change(Method::POST, "/groups", new).await
    }

    /// One group.
    pub async fn group(&self, group: &str) -> Got<Answer<Group>> {
        self.get(&format!("/groups/{group}")).await
    }

    /// Another name for the group, for everybody.
    pub async fn rename_group(&self, group: &str, name: &str) -> Got<Group> {
        let change = ChangeGroup { name: Some(name.to_owned()), ..ChangeGroup::default() };
        self.change_group(group, &change).await
    }

    /// Another name or other settings, for everybody.
    pub async fn change_group(&self, group: &str, change: &ChangeGroup) -> Got<Group> {
        self.change(Method::PATCH, &format!("/groups/{group}"), change).await
    }

    /// Gives one's seat up.
    pub async fn leave(&self, group: &str, how: &LeaveGroup) -> Got<Done> {
        self.change(Method::POST, &format!("/groups/{group}/leave"), how).await
    }

    /// Whether and how the organiser above all others could be replaced.
    pub async fn recovery(&self, group: &str) -> Got<Answer<Recovery>> {
        self.get(&format!("/groups/{group}/recovery")).await
    }

    /// One's own request to take that place.
    pub async fn succession_request(&self, group: &str) -> Got<Answer<SuccessionRequest>> {
        self.get(&format!("/groups/{group}/recovery/request")).await
    }

    /// What somebody's request asks for.
    pub async fn look_at_request(&self, request: &LookAtRequest) -> Got<SuccessionLook> {
        self.change(Method::POST, "/recovery/look", request).await
    }

    /// Consents with a recovery code.
    pub async fn approve_request(&self, approve: &ApproveRequest) -> Got<SuccessionApproval> {
        self.change(Method::POST, "/recovery/approve", approve).await
    }

    /// Takes the organiser's place.
    pub async fn take_over(&self, group: &str, approvals: &TakeOver) -> Got<Group> {
        self.change(Method::POST, &format!("/groups/{group}/recovery/take"), approvals).await
    }

    /// Who is in.
    pub async fn members(&self, group: &str) -> Got<Answer<Page<Member>>> {
        self.get(&format!("/groups/{group}/members")).await
    }

    /// Promotes or demotes.
    pub async fn set_role(&self, group: &str, member: &str, role: GivenRole) -> Got<Member> {
        self.change(Method::PATCH, &format!("/groups/{group}/members/{member}"), &ChangeMember { role }).await
    }

    /// Takes a member's seat.
    pub async fn remove(&self, group: &str, member: &str, how: &RemoveMember) -> Got<Done> {
        self.change(Method::POST, &format!("/groups/{group}/members/{member}/remove"), how).await
    }

    /// One's own invites to a group, without their links.
    pub async fn invites(&self, group: &str) -> Got<Answer<Page<Invite>>> {
        self.get(&format!("/groups/{group}/invites")).await
    }

    /// Makes an invite. The same `once` makes it only once (AP-14).
    pub async fn create_invite(&self, group: &str, new: &NewInvite, once: Option<&str>) -> Got<Invite> {
        let made = self.call(Method::POST, &format!("/groups/{group}/invites"), Some(new), once).await?;
        Ok(made.body)
    }

    /// One invite with its link.
    pub async fn invite(&self, group: &str, invite: &str) -> Got<Answer<Invite>> {
        self.get(&format!("/groups/{group}/invites/{invite}")).await
    }

    /// Withdraws an invite.
    pub async fn revoke_invite(&self, group: &str, invite: &str) -> Got<Done> {
        self.change(Method::DELETE, &format!("/groups/{group}/invites/{invite}"), &NOTHING).await
    }

    /// Looks at what a link leads to, without joining. Takes as long as `wait_ms` says: give the client more time.
    pub async fn preview(&self, new: &NewPreview) -> Got<Preview> {
        self.change(Method::POST, "/joins/preview", new).await
    }

    /// Joins under way.
    pub async fn joins(&self) -> Got<Answer<Page<Join>>> {
        self.get("/joins").await
    }

    /// Begins to join; it goes on by itself.
    pub async fn join(&self, new: &NewJoin) -> Got<Join> {
        self.change(Method::POST, "/joins", new).await
    }

    /// How far a join is.
    pub async fn join_state(&self, join: &str) -> Got<Answer<Join>> {
        self.get(&format!("/joins/{join}")).await
    }

    /// Goes on with a join that waits at its preview.
    pub async fn agree(&self, join: &str) -> Got<Join> {
        self.change(Method::POST, &format!("/joins/{join}/agree"), &NOTHING).await
    }

    /// Forgets a join that is not done.
    pub async fn cancel_join(&self, join: &str) -> Got<Done> {
        self.change(Method::DELETE, &format!("/joins/{join}"), &NOTHING).await
    }

    /// Seats that wait for a Confirm.
    pub async fn requests(&self, group: &str) -> Got<Answer<Page<Request>>> {
        self.get(&format!("/groups/{group}/requests")).await
    }

    /// Confirms one.
    pub async fn approve(&self, group: &str, request: &str) -> Got<Member> {
        self.change(Method::POST, &format!("/groups/{group}/requests/{request}/approve"), &NOTHING).await
    }

    /// A page of the timeline, oldest first.
    pub async fn messages(&self, group: &str, lines: &Lines<'_>) -> Got<Answer<Page<Message>>> {
        let mut path = format!("/groups/{group}/messages?limit={}", lines.limit.unwrap_or(50));
        for (name, cursor) in [("before", lines.before), ("after", lines.after)] {
            if let Some(cursor) = cursor {
                path.push_str(&format!("&{name}={cursor}"));
            }
        }
        self.get(&path).await
    }

    /// Says something. The same `once` says it only once (AP-14).
    pub async fn send_message(&self, group: &str, text: &str, once: Option<&str>) -> Got<Message> {
        let new = NewMessage { text: text.to_owned(), reply_to: None, location: None, files: Vec::new() };
        let sent = self.call(Method::POST, &format!("/groups/{group}/messages"), Some(&new), once).await?;
        Ok(sent.body)
    }

    /// How far a message of one's own got.
    pub async fn deliveries(&self, group: &str, message: &str) -> Got<Answer<Deliveries>> {
        self.get(&format!("/groups/{group}/messages/{message}/deliveries")).await
    }

    /// What waits to be sealed, of all groups.
    pub async fn outbox(&self) -> Got<Answer<Page<Message>>> {
        self.get("/outbox").await
    }

    /// Takes back what is not sealed yet.
    pub async fn cancel_queued(&self, outbox: &str) -> Got<Done> {
        self.change(Method::DELETE, &format!("/outbox/{outbox}"), &NOTHING).await
    }
}
