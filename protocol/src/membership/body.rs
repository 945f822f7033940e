//! What an operation does: one body per kind, fields in the order of the specification (MB-E4).

use alloc::string::String;
use alloc::vec::Vec;

use super::policy::{Setting, SettingKey, is_plain};
use super::rule::Rule;
use crate::crypto::Label;
use crate::ids::{MemberKey, MembershipId, Office, OperationId, Output, Point, SeatNumber, SessionId, Signature};
use crate::limits::{CUTS_MAX, NAME_BYTES_MAX, NAMED_MAX, PAIRS_MAX, SEATS, SETS_MAX, SETTING_KEY_MAX};
use crate::wire::{DecodeError, Reader, Writer};

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

impl Terms {
    /// Number of CBOR items.
    pub(crate) const ITEMS: usize = 8;

    /// Writes the items, without an array around them.
    pub(crate) fn write(&self, to: &mut Writer) {
        to.bytes(self.issuer)
            .bytes(self.invite_pk)
            .optional(self.bound_pk)
            .uint(match self.role {
                Role::Member => 0_u64,
                Role::Guest => 1,
            })
            .optional(self.session)
            .bool(self.approve)
            .uint(self.not_after)
            .list(&self.lifts);
    }

    /// Reads what [`Self::write`] wrote.
    pub(crate) fn read(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self {
            issuer: from.fixed()?,
            invite_pk: from.fixed()?,
            bound_pk: from.optional()?,
            role: match from.uint()? {
                0 => Role::Member,
                1 => Role::Guest,
                _ => return Err(DecodeError::OutOfRange),
            },
            session: from.optional()?,
            approve: from.bool()?,
            not_after: from.uint()?,
            lifts: sorted_ids(from, NAMED_MAX)?,
        })
    }
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

impl Join {
    fn write(&self, to: &mut Writer) {
        to.array(6 + Terms::ITEMS).bytes(self.pk).text(&self.name).uint(self.seat.0).bytes(self.out);
        self.terms.write(to);
        to.bytes(self.ticket_sig).bytes(self.invite_sig);
    }

    fn read(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
        from.array(6 + Terms::ITEMS)?;
        Ok(Self {
            pk: from.fixed()?,
            name: plain_text(from, NAME_BYTES_MAX)?,
            seat: seat(from)?,
            out: from.fixed()?,
            terms: Terms::read(from)?,
            ticket_sig: from.fixed()?,
            invite_sig: from.fixed()?,
        })
    }
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

/// One seat's output.
pub type Pair = (SeatNumber, Output);

/// What an operation does.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the table of kinds in the membership specification says what each field is")]
pub enum Body {
    Genesis { pk: MemberKey, nonce: [u8; 32], policy: Vec<(SettingKey, Setting)> },
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
        }
    }

    /// Whether it needs an office.
    #[must_use]
    pub const fn is_office(&self) -> bool {
        !matches!(self, Self::Genesis { .. } | Self::Join(_) | Self::Leave { .. })
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
        }
    }

    pub(super) fn write(&self, to: &mut Writer) {
        match self {
            Self::Genesis { pk, nonce, policy } => {
                to.array(4).bytes(pk).bytes(nonce).array(policy.len());
                for (key, value) in policy {
                    to.array(2).uint(*key).item(value);
                }
                to.null();
            }
            Self::Join(join) => join.write(to),
            Self::Confirm { join } => drop(to.array(1).bytes(join)),
            Self::Transfer { pairs, to: office } => {
                to.array(2);
                write_pairs(pairs, to);
                to.bytes(office);
            }
            Self::Bump { pairs } => {
                to.array(1);
                write_pairs(pairs, to);
            }
            Self::Reclaim { pairs, after } => {
                to.array(2);
                write_pairs(pairs, to);
                to.optional(*after);
            }
            Self::Promote { target } => drop(to.array(1).bytes(target)),
            Self::Demote(blow) => {
                to.array(3);
                blow.write(to);
            }
            Self::Remove { blow, cuts, ban } => {
                to.array(5);
                blow.write(to);
                to.list(cuts).bool(*ban);
            }
            Self::Leave { heirs, cuts } => drop(to.array(2).list(heirs).list(cuts)),
            Self::SetPolicy { sets } => {
                to.array(1).array(sets.len());
                for (key, value) in sets {
                    to.array(2).uint(*key);
                    match value {
                        Some(value) => to.item(value),
                        None => to.null(),
                    };
                }
            }
        }
    }

    pub(super) fn read(kind: u64, from: &mut Reader<'_>) -> Result<Self, Rule> {
        Ok(match kind {
            0 => read_genesis(from)?,
            1 => Self::Join(Join::read(from)?),
            2 => {
                from.array(1)?;
                Self::Confirm { join: from.fixed()? }
            }
            3 => {
                from.array(2)?;
                Self::Transfer { pairs: read_pairs(from)?, to: from.fixed()? }
            }
            4 => {
                from.array(1)?;
                Self::Bump { pairs: read_pairs(from)? }
            }
            5 => {
                from.array(2)?;
                Self::Reclaim { pairs: read_pairs(from)?, after: from.optional()? }
            }
            6 => {
                from.array(1)?;
                Self::Promote { target: from.fixed()? }
            }
            7 => {
                from.array(3)?;
                Self::Demote(Blow::read(from)?)
            }
            8 => {
                from.array(5)?;
                Self::Remove { blow: Blow::read(from)?, cuts: read_cuts(from)?, ban: from.bool()? }
            }
            9 => {
                from.array(2)?;
                Self::Leave { heirs: sorted_ids(from, NAMED_MAX)?, cuts: read_cuts(from)? }
            }
            10 => read_sets(from)?,
            _ => return Err(Rule::UnknownKind),
        })
    }
}

impl Blow {
    fn write(&self, to: &mut Writer) {
        to.bytes(self.target).bytes(self.pin).list(&self.seen);
    }

    fn read(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self { target: from.fixed()?, pin: from.fixed()?, seen: sorted_ids(from, NAMED_MAX)? })
    }
}

fn read_genesis(from: &mut Reader<'_>) -> Result<Body, DecodeError> {
    from.array(4)?;
    let (pk, nonce) = (from.fixed()?, from.fixed()?);
    let len = from.array_up_to(usize::from(SETTING_KEY_MAX))?;
    let policy = (0..len)
        .map(|_| {
            from.array(2)?;
            Ok((from.small()?, from.item()?))
        })
        .collect::<Result<Vec<(SettingKey, Setting)>, DecodeError>>()?;
    // MB-X7: recovery is reserved.
    let reserved = from.is_null()?;
    (reserved && policy.is_sorted_by(|a, b| a.0 < b.0))
        .then_some(Body::Genesis { pk, nonce, policy })
        .ok_or(DecodeError::OutOfRange)
}

fn read_sets(from: &mut Reader<'_>) -> Result<Body, DecodeError> {
    from.array(1)?;
    let len = from.array_up_to(SETS_MAX)?;
    let sets = (0..len)
        .map(|_| {
            from.array(2)?;
            let key = from.small()?;
            Ok((key, if from.is_null()? { None } else { Some(from.item()?) }))
        })
        .collect::<Result<Vec<(SettingKey, Option<Setting>)>, DecodeError>>()?;
    sets.is_sorted_by(|a, b| a.0 < b.0).then_some(Body::SetPolicy { sets }).ok_or(DecodeError::OutOfRange)
}

fn write_pairs(pairs: &[Pair], to: &mut Writer) {
    to.array(pairs.len());
    for (seat, out) in pairs {
        to.array(2).uint(seat.0).bytes(out);
    }
}

fn read_pairs(from: &mut Reader<'_>) -> Result<Vec<Pair>, DecodeError> {
    let len = from.array_up_to(PAIRS_MAX)?;
    let pairs = (0..len)
        .map(|_| {
            from.array(2)?;
            Ok((seat(from)?, from.fixed()?))
        })
        .collect::<Result<Vec<Pair>, DecodeError>>()?;
    (!pairs.is_empty() && pairs.is_sorted_by(|a, b| a.0 < b.0)).then_some(pairs).ok_or(DecodeError::OutOfRange)
}

fn read_cuts(from: &mut Reader<'_>) -> Result<Vec<Point>, DecodeError> {
    let cuts: Vec<Point> = from.list(CUTS_MAX)?;
    cuts.is_sorted_by(|a, b| a.inst < b.inst).then_some(cuts).ok_or(DecodeError::OutOfRange)
}

pub(super) fn seat(from: &mut Reader<'_>) -> Result<SeatNumber, DecodeError> {
    let seat: u8 = from.small()?;
    (usize::from(seat) < SEATS).then_some(SeatNumber(seat)).ok_or(DecodeError::OutOfRange)
}

fn plain_text(from: &mut Reader<'_>, max: usize) -> Result<String, DecodeError> {
    let text = from.text(max)?;
    is_plain(&text).then_some(text).ok_or(DecodeError::OutOfRange)
}

/// Strictly ascending ids.
pub(super) fn sorted_ids(from: &mut Reader<'_>, max: usize) -> Result<Vec<OperationId>, DecodeError> {
    let ids: Vec<OperationId> = from.list(max)?;
    ids.is_sorted_by(|a, b| a < b).then_some(ids).ok_or(DecodeError::OutOfRange)
}
