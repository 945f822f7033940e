//! All that a person can ask of their own node, and what they get back.
//!
//! A wish may be refused with a [`CommandError`]: a stable code, what, why and what to try. A refused wish changes
//! nothing (H-20).

mod refusal;

pub use refusal::CommandError;

use alloc::string::String;
use alloc::vec::Vec;

use crate::ids::{EntryId, GroupId, InviteId, MembershipId};
use crate::invite::InviteLink;

/// One wish. No `Debug`: a link in it is a secret.
pub enum Command {
    /// Found a group and sit in seat 0.
    CreateGroup {
        /// 1–64 bytes.
        name: String,
        /// ≤ 280 bytes.
        about: String,
    },
    /// Hand out a link for some of one's own free seats.
    CreateInvite {
        /// Where to.
        group: GroupId,
        /// How many people it lets in, 1–99.
        uses: u8,
        /// Last moment, ms since 1970.
        not_after_ms: u64,
    },
    /// Make a link useless: its free outputs are bumped.
    RevokeInvite {
        /// Whose invite.
        group: GroupId,
        /// Which.
        invite: InviteId,
    },
    /// Redeem a link.
    Join {
        /// The link.
        link: InviteLink,
        /// The name to be shown in the group.
        name: String,
        /// Further addresses to try, binary multiaddrs given by the person (`--via`).
        via: Vec<Vec<u8>>,
        /// Whether to stop at the preview.
        consent: Consent,
    },
    /// Go on with a join that waits for consent.
    AgreeToJoin {
        /// Which join.
        join: u32,
    },
    /// Forget a join that is not done.
    CancelJoin {
        /// Which join.
        join: u32,
    },
    /// Say something.
    Send {
        /// Where.
        group: GroupId,
        /// 1 byte to 16 KiB; `#` and `@` are letters like any other (E-54).
        text: String,
    },
    /// Take back what is queued and not sealed yet.
    CancelQueued {
        /// Where.
        group: GroupId,
        /// Its number in the outbox.
        outbox: u64,
    },
    /// Make a member an admin and hand over half of one's own free seats.
    Promote {
        /// Where.
        group: GroupId,
        /// Whom.
        member: MembershipId,
    },
    /// End a junior's office.
    Demote {
        /// Where.
        group: GroupId,
        /// Whom.
        member: MembershipId,
    },
    /// Take a member's seat.
    Remove {
        /// Where.
        group: GroupId,
        /// Whom.
        member: MembershipId,
        /// Whether the key stays shut out of later links.
        ban: Ban,
    },
    /// Confirm a provisional or contested member.
    Confirm {
        /// Where.
        group: GroupId,
        /// Whom.
        member: MembershipId,
    },
    /// Give up one's own seat and forget the group's keys.
    Leave {
        /// Which group.
        group: GroupId,
        /// Whether the last organiser may go, which freezes the group.
        last_organiser: LastOrganiser,
    },
    /// Change the group's name.
    RenameGroup {
        /// Which group.
        group: GroupId,
        /// 1–64 bytes.
        name: String,
    },
    /// The name shown in groups joined from now on, and in profiles.
    SetName {
        /// 1–64 bytes.
        name: String,
    },
}

/// Whether a join may go through without another word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Consent {
    /// Join as soon as the preview is there.
    Given,
    /// Stop at the preview and wait for [`Command::AgreeToJoin`].
    AskFirst,
}

/// Whether a removal also bans the key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ban {
    /// May be invited again by any link.
    No,
    /// Only a ticket that lifts the ban lets this key in again.
    Yes,
}

/// What leaving means for the last organiser.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LastOrganiser {
    /// Refuse, and say what to do first.
    Stays,
    /// Go anyway: nobody can join or be removed any more.
    MayFreeze,
}

/// What a granted wish gives back.
#[derive(Debug)]
pub enum Reply {
    /// Done; nothing more to say.
    Done,
    /// The new group.
    Group(GroupId),
    /// The new invite.
    Invite(InviteId),
    /// The join that is now under way.
    Join(u32),
    /// One is in that group already; nothing was done.
    AlreadyMember(GroupId),
    /// The text is sealed and saved.
    Saved(EntryId),
    /// The text is kept and will be sealed when somebody is in reach (E-71).
    Queued(u64),
}
