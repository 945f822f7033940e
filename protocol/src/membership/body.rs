//! What an operation does: one body per kind, fields in the order of the specification (MB-E4).

mod encoding;

use alloc::string::String;
use alloc::vec::Vec;

pub(super) use encoding::{seat, sorted_ids};

use super::policy::{Setting, SettingKey};
use crate::crypto::Label;
use crate::ids::{MemberKey, MembershipId, Office, OperationId, Output, Point, SeatNumber, SessionId, Signature};

/// What a ticket makes of its holder.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// A member.
    Member,
    /// A guest of one session.
    Guest,
}

/// What all tickets of one link say alike (MB-I3, MB-I4).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Terms {
    /// The office that gives its seats away.
    pub issuer: Office,
    /// Public half of the link's key.
    pub invite_pk: MemberKey,
    /// The only key that may use it, if any.
    pub bound_pk: Option<MemberKey>,
    /// Member or guest.
    pub role: Role,
    /// A guest's session.
    pub session: Option<SessionId>,
    /// Whether newcomers wait for a confirmation.
    pub approve: bool,
    /// Last moment for honest hosts, ms since 1970; the fold knows no time (MB-I7).
    pub not_after: u64,
    /// Removes whose ban this ticket lifts, ascending.
    pub lifts: Vec<OperationId>,
}

/// The body of a Join: who takes which seat, by which ticket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Join {
    /// The newcomer's key.
    pub pk: MemberKey,
    /// Shown until the first profile message.
    pub name: String,
    /// The seat.
    pub seat: SeatNumber,
    /// The output that the ticket permits to consume.
    pub out: Output,
    /// What the ticket says.
    pub terms: Terms,
    /// By the issuer.
    pub ticket_sig: Signature,
    /// By the link's key, over the newcomer's.
    pub invite_sig: Signature,
}

/// What a Demote or Remove says about its target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Blow {
    /// Whom.
    pub target: MembershipId,
    /// The last operation of the target that still counts.
    pub pin: OperationId,
    /// Promotes and Demotes of the target that the author knew of, ascending.
    pub seen: Vec<OperationId>,
}

/// Who may name a new organiser when the founder is lost: `threshold` of these keys together (MB-Z1). Their secrets are
/// printed once, when the group is founded, and kept by people, not by programs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recovery {
    /// How many of them must agree, 1 to the number of keys.
    pub threshold: u8,
    /// Public halves, ascending, at most 7.
    pub keys: Vec<MemberKey>,
}

/// One recovery key's consent: its place in the Genesis, and its signature.
pub type Approval = (u8, Signature);

/// One seat's output.
pub type Pair = (SeatNumber, Output);

/// What an operation does.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the table of kinds in the membership specification says what each field is")]
#[expect(clippy::large_enum_variant, reason = "each body lies behind its operation's Arc; a box would be a second one")]
pub enum Body {
    Genesis { pk: MemberKey, nonce: [u8; 32], policy: Vec<(SettingKey, Setting)>, recovery: Option<Recovery> },
    Join(Join),
    Confirm { join: OperationId },
    Transfer { pairs: Vec<Pair>, to: Office },
    Bump { pairs: Vec<Pair> },
    Reclaim { pairs: Vec<Pair>, after: Option<OperationId> },
    Promote { target: MembershipId },
    Demote(Blow),
    Remove { blow: Blow, cuts: Vec<Point>, ban: bool },
    Leave { heirs: Vec<Office>, cuts: Vec<Point> },
    SetPolicy { sets: Vec<(SettingKey, Option<Setting>)> },
    Depose { office: Office, pin: OperationId, approvals: Vec<Approval> },
}

impl Body {
    /// The kind's number.
    #[must_use]
    pub const fn kind(&self) -> u8 {
        match self {
            Self::Genesis { .. } => 0,
            Self::Join(_) => 1,
            Self::Confirm { .. } => 2,
            Self::Transfer { .. } => 3,
            Self::Bump { .. } => 4,
            Self::Reclaim { .. } => 5,
            Self::Promote { .. } => 6,
            Self::Demote(_) => 7,
            Self::Remove { .. } => 8,
            Self::Leave { .. } => 9,
            Self::SetPolicy { .. } => 10,
            Self::Depose { .. } => 12,
        }
    }

    /// The kind's name, as in the label of its signature.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Genesis { .. } => "genesis",
            Self::Join(_) => "join",
            Self::Confirm { .. } => "confirm",
            Self::Transfer { .. } => "transfer",
            Self::Bump { .. } => "bump",
            Self::Reclaim { .. } => "reclaim",
            Self::Promote { .. } => "promote",
            Self::Demote(_) => "demote",
            Self::Remove { .. } => "remove",
            Self::Leave { .. } => "leave",
            Self::SetPolicy { .. } => "setpolicy",
            Self::Depose { .. } => "depose",
        }
    }

    /// What its signature is made for.
    pub(crate) const fn label(&self) -> Label {
        match self {
            Self::Genesis { .. } => Label::OpGenesis,
            Self::Join(_) => Label::OpJoin,
            Self::Confirm { .. } => Label::OpConfirm,
            Self::Transfer { .. } => Label::OpTransfer,
            Self::Bump { .. } => Label::OpBump,
            Self::Reclaim { .. } => Label::OpReclaim,
            Self::Promote { .. } => Label::OpPromote,
            Self::Demote(_) => Label::OpDemote,
            Self::Remove { .. } => Label::OpRemove,
            Self::Leave { .. } => Label::OpLeave,
            Self::SetPolicy { .. } => Label::OpSetPolicy,
            Self::Depose { .. } => Label::OpDepose,
        }
    }

    /// Whether it needs an office.
    #[must_use]
    pub const fn is_office(&self) -> bool {
        !matches!(self, Self::Genesis { .. } | Self::Join(_) | Self::Leave { .. } | Self::Depose { .. })
    }

    /// Every operation, membership and office that the body names.
    #[must_use]
    pub fn names(&self) -> Vec<OperationId> {
        match self {
            Self::Genesis { .. } | Self::Bump { .. } | Self::SetPolicy { .. } => Vec::new(),
            Self::Join(join) => {
                let mut names = join.terms.lifts.clone();
                names.push(join.terms.issuer);
                names
            }
            Self::Confirm { join } => Vec::from([*join]),
            Self::Transfer { to, .. } => Vec::from([*to]),
            Self::Reclaim { after, .. } => after.iter().copied().collect(),
            Self::Promote { target } => Vec::from([(*target).into()]),
            Self::Demote(blow) | Self::Remove { blow, .. } => {
                let mut names = blow.seen.clone();
                names.extend([blow.target.into(), blow.pin]);
                names
            }
            Self::Leave { heirs, .. } => heirs.clone(),
            Self::Depose { office, pin, .. } => Vec::from([*office, *pin]),
        }
    }
}
