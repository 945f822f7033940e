//! The one encoding of each kind's body: arrays of fixed length, fields in the order of the specification (MB-E4).

use alloc::string::String;
use alloc::vec::Vec;

use super::{Approval, Blow, Body, Join, Pair, Recovery, Role, Terms};
use crate::ids::{MemberKey, OperationId, Point, SeatNumber};
use crate::limits::{
    CUTS_MAX, NAME_BYTES_MAX, NAMED_MAX, PAIRS_MAX, RECOVERY_KEYS_MAX, SEATS, SETS_MAX, SETTING_KEY_MAX,
};
use crate::membership::policy::{Setting, SettingKey, is_plain};
use crate::membership::rule::Rule;
use crate::wire::{DecodeError, Reader, Writer};

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

impl Body {
    pub(in crate::membership) fn write(&self, to: &mut Writer) {
        match self {
            Self::Genesis { pk, nonce, policy, recovery } => {
                to.array(4).bytes(pk).bytes(nonce).array(policy.len());
                for (key, value) in policy {
                    to.array(2).uint(*key).item(value);
                }
                match recovery {
                    Some(recovery) => recovery.write(to),
                    None => drop(to.null()),
                }
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
            Self::Depose { office, pin, approvals } => {
                to.array(3).bytes(office).bytes(pin).array(approvals.len());
                for (place, signature) in approvals {
                    to.array(2).uint(*place).bytes(signature);
                }
            }
        }
    }

    pub(in crate::membership) fn read(kind: u64, from: &mut Reader<'_>) -> Result<Self, Rule> {
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
            12 => {
                from.array(3)?;
                Self::Depose { office: from.fixed()?, pin: from.fixed()?, approvals: read_approvals(from)? }
            }
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
    // Off by default: null, and the bytes are as if there were no such thing.
    let recovery = if from.is_null()? { None } else { Some(Recovery::read(from)?) };
    policy
        .is_sorted_by(|a, b| a.0 < b.0)
        .then_some(Body::Genesis { pk, nonce, policy, recovery })
        .ok_or(DecodeError::OutOfRange)
}

impl Recovery {
    fn write(&self, to: &mut Writer) {
        to.array(2).uint(self.threshold).list(&self.keys);
    }

    /// Rule MB-Z1: 1 ≤ threshold ≤ keys ≤ 7, keys strictly ascending.
    fn read(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
        from.array(2)?;
        let (threshold, keys): (u8, Vec<MemberKey>) = (from.small()?, from.list(RECOVERY_KEYS_MAX)?);
        let fits = threshold >= 1 && usize::from(threshold) <= keys.len() && keys.is_sorted_by(|a, b| a < b);
        fits.then_some(Self { threshold, keys }).ok_or(DecodeError::OutOfRange)
    }
}

fn read_approvals(from: &mut Reader<'_>) -> Result<Vec<Approval>, DecodeError> {
    let len = from.array_up_to(RECOVERY_KEYS_MAX)?;
    let approvals = (0..len)
        .map(|_| {
            from.array(2)?;
            Ok((from.small()?, from.fixed()?))
        })
        .collect::<Result<Vec<Approval>, DecodeError>>()?;
    approvals.is_sorted_by(|a, b| a.0 < b.0).then_some(approvals).ok_or(DecodeError::OutOfRange)
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

pub(in crate::membership) fn seat(from: &mut Reader<'_>) -> Result<SeatNumber, DecodeError> {
    let seat: u8 = from.small()?;
    (usize::from(seat) < SEATS).then_some(SeatNumber(seat)).ok_or(DecodeError::OutOfRange)
}

fn plain_text(from: &mut Reader<'_>, max: usize) -> Result<String, DecodeError> {
    let text = from.text(max)?;
    is_plain(&text).then_some(text).ok_or(DecodeError::OutOfRange)
}

/// Strictly ascending ids.
pub(in crate::membership) fn sorted_ids(from: &mut Reader<'_>, max: usize) -> Result<Vec<OperationId>, DecodeError> {
    let ids: Vec<OperationId> = from.list(max)?;
    ids.is_sorted_by(|a, b| a < b).then_some(ids).ok_or(DecodeError::OutOfRange)
}
