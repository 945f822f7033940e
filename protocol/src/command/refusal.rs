//! Why a wish was not granted: one code each, stable across releases, with words for people in the node.

use alloc::string::String;

use crate::ids::MembershipId;

/// A refused wish. Nothing was changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CommandError {
    /// No such group here.
    #[error("no such group")]
    UnknownGroup,
    /// No such member in this group.
    #[error("no such member")]
    UnknownMember,
    /// No such message here.
    #[error("no such message")]
    UnknownMessage,
    /// Only its author may change a message's words.
    #[error("somebody else's message")]
    NotAuthor,
    /// No such invite of one's own.
    #[error("no such invite")]
    UnknownInvite,
    /// No such join.
    #[error("no such join")]
    UnknownJoin,
    /// Nothing with that number waits in the outbox.
    #[error("not in the outbox")]
    UnknownOutbox,
    /// One is no member (any more).
    #[error("not a member")]
    NotMember,
    /// One was removed from the group.
    #[error("removed from the group")]
    Removed,
    /// Somebody else got the seat, or its link was withdrawn.
    #[error("the seat is lost")]
    SeatLost,
    /// Only an organiser may do this.
    #[error("only an organiser may do this")]
    NotAdmin,
    /// The target is as senior as oneself, or more.
    #[error("that person is senior to you")]
    Senior,
    /// A senior organiser's word on this setting stands, so one's own would change nothing (MB-Y2).
    #[error("a senior organiser has said otherwise")]
    SeniorsWord,
    /// No standing organiser is left: nobody can join or be removed.
    #[error("the group is frozen")]
    Frozen,
    /// One has no free seat to give.
    #[error("no free seat in your hands")]
    NoSeat {
        /// Seats asked for.
        wanted: u8,
        /// Seats one could give.
        free: u8,
    },
    /// All seats are taken.
    #[error("all seats are taken")]
    GroupFull,
    /// The link is one's own.
    #[error("this is your own invite")]
    OwnLink,
    /// A name or text is empty, too long, or has control characters.
    #[error("{field} is not usable")]
    BadValue {
        /// Which one.
        field: &'static str,
    },
    /// A text or file is too large.
    #[error("too large")]
    TooLarge {
        /// Its bytes.
        bytes: usize,
        /// Bytes allowed.
        max: usize,
    },
    /// The group must be in touch with a member first (E-71, R-20).
    #[error("no member in reach")]
    NoMemberReachable,
    /// The last organiser may not simply go (MB-D8).
    #[error("the last organiser")]
    LastOrganiser,
    /// The wish does not fit the state it found, named by a member.
    #[error("no effect")]
    NoEffect {
        /// Whom it was about.
        member: Option<MembershipId>,
    },
    /// Too many of these at once.
    #[error("too many {what}")]
    TooMany {
        /// Of what.
        what: &'static str,
    },
    /// The group was founded without recovery codes.
    #[error("no recovery codes")]
    NoRecovery,
    /// Only somebody with a confirmed seat can become organiser.
    #[error("no confirmed member")]
    NotConfirmed {
        /// Who isn't.
        member: MembershipId,
    },
    /// The code, or whoever signed the approval, has nothing to do with this group.
    #[error("not one of the group's recovery codes")]
    ForeignCode,
    /// The request is not about how things stand by the own log.
    #[error("the request is out of date")]
    OutdatedRequest,
    /// The request would make void what is known of the organiser.
    #[error("the request leaves out {operations} things")]
    LeavesOut {
        /// How many.
        operations: usize,
    },
    /// The approvals are not for one and the same request of one's own.
    #[error("the approval is for something else")]
    OtherApproval,
    /// Not enough different codes.
    #[error("{given} of {wanted} approvals")]
    TooFewApprovals {
        /// By different codes.
        given: u8,
        /// As many as the group asks for.
        wanted: u8,
    },
    /// The node broke a rule of its own: shown with the rule's id, never silently ignored.
    #[error("refused by rule {0}")]
    OwnRule(String),
}
