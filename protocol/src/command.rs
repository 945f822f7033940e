//! All that a person can ask of their own node, and what they get back.
//!
//! A wish may be refused with a [`CommandError`]: a stable code, what, why and what to try. A refused wish changes
//! nothing (H-20).

mod refusal;

pub use refusal::CommandError;

use alloc::string::String;
use alloc::vec::Vec;

use crate::blob::Attachment;
use crate::ids::{EntryId, GroupId, InviteId, MembershipId};
use crate::invite::InviteLink;
use crate::limits::RECOVERY_KEYS_MAX;
use crate::membership::{History, RecoveryCode, SuccessionApproval, SuccessionRequest};
use crate::timeline::annotations::Deed;
use crate::timeline::content::Location;

/// One wish. No `Debug`: a link in it is a secret.
pub enum Command {
    /// Found a group and sit in seat 0.
    CreateGroup {
        /// 1–64 bytes.
        name: String,
        /// ≤ 280 bytes.
        about: String,
        /// Whether others can name an organiser when this one is lost; none is the usual case.
        recovery: Option<RecoveryPlan>,
    },
    /// Consent with a recovery code that somebody takes the place of the organiser above all others (MB-D22).
    ApproveSuccession {
        /// Who asks for what.
        request: SuccessionRequest,
        /// One code. It is used and forgotten.
        code: RecoveryCode,
        /// What to do if the request leaves out what the one before did.
        known_later: KnownLater,
    },
    /// Take the place of the organiser above all others (MB-D23).
    TakeOver {
        /// Where.
        group: GroupId,
        /// The consents of enough codes.
        approvals: Vec<SuccessionApproval>,
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
        /// 1 byte to 16 KiB, or nothing beside a place or a file; `#` and `@` are letters like any other (E-54).
        text: String,
        /// The post that it answers.
        reply_to: Option<EntryId>,
        /// A place, blurred as much as its sender wants (LO-2); with it the text may be empty.
        location: Option<Location>,
        /// Files whose sealed bytes are safe on the disk, at most ten; with one the text may be empty (BL-1, BL-8).
        attachments: Vec<Attachment>,
    },
    /// Do something to a message: other words, take it back, an emoji, a pin (CV-1 to CV-5).
    Annotate {
        /// Where.
        group: GroupId,
        /// The post.
        target: EntryId,
        /// What.
        deed: Deed,
    },
    /// For how long one keeps what is said, on one's own disk (ST-110).
    KeepWords {
        /// Where.
        group: GroupId,
        /// Days, at most ten years of them; 0 = for ever.
        days: u16,
    },
    /// Be silent about what is said in a group, on one's own screens; nobody is told (CV-11).
    Mute {
        /// Where.
        group: GroupId,
        /// For how long.
        mute: Mute,
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
    /// Say whether newcomers wait for an organiser's word before they get keys.
    RequireConfirm {
        /// Which group.
        group: GroupId,
        /// Whether they do from now on.
        admittance: Admittance,
    },
    /// What newcomers get of what was said before they came (E-86).
    SetHistory {
        /// Which group.
        group: GroupId,
        /// Nothing, so many days, or all.
        history: History,
    },
    /// Say whether somebody's key is the one that they read out or showed (E-96).
    Compare {
        /// A group that both are in.
        group: GroupId,
        /// Who.
        member: MembershipId,
        /// What came out.
        verdict: Verdict,
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

/// What comparing a key with its owner came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is the same on both screens.
    Same,
    /// Nothing is known any more.
    Unknown,
}

/// Whether a removal also bans the key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ban {
    /// May be invited again by any link.
    No,
    /// Only a ticket that lifts the ban lets this key in again.
    Yes,
}

/// What a link is worth to whoever comes by it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admittance {
    /// They take part at once.
    ByLink,
    /// They sit there without keys until an organiser confirms them (MB-V1).
    AfterConfirm,
}

/// How many recovery codes a group gets, and how many of them must agree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RecoveryPlan {
    /// 1 to the number of codes.
    pub threshold: u8,
    /// 1–7.
    pub codes: u8,
}

impl RecoveryPlan {
    /// Rule MB-Z1.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        (1..=RECOVERY_KEYS_MAX).contains(&usize::from(self.codes)) && (1..=self.codes).contains(&self.threshold)
    }
}

/// What to do if a request would make void what the organiser is known to have done later.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KnownLater {
    /// Refuse, and say how much.
    Counts,
    /// Consent: the organiser's computer was stolen, and the request says since when.
    IsVoid,
}

/// Whether and how long one's own screens are silent about a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mute {
    /// They ring again.
    Off,
    /// For so many milliseconds from now on, 1 to a year of them; it ends by itself.
    ForMs(u64),
    /// Until it is undone.
    Always,
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
    /// The new group, and the recovery codes, which are nowhere else.
    Recoverable {
        /// The new group.
        group: GroupId,
        /// To be handed to people, and not to be kept.
        codes: Vec<RecoveryCode>,
    },
    /// A consent to be sent back to whoever asked.
    Approval(SuccessionApproval),
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
