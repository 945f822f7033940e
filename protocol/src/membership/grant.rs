//! The right to named seats, signed by an office: what lies sealed in a link (MB-I3, MB-I4).
//!
//! A link for k uses holds k tickets, each for one output: the limit is a property of the seats, not a counter. In
//! the documents this is `InviteGrant`; it has nothing to do with the entry kind that hands out keys.

use alloc::vec::Vec;

use super::body::{Join, Terms, seat};
use super::rule::Rule;
use crate::crypto::sign::{KeyPair, verify};
use crate::crypto::{Field, Label, hash};
use crate::ids::{GroupId, Heads, MemberKey, Output, SeatNumber, Signature};
use crate::limits::{DEPS_MAX, TICKETS_MAX};
use crate::wire::{Canonical, DecodeError, Reader, Writer};

/// Format of grants and tickets.
const FORMAT: u64 = 1;

/// Permission to consume one output.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ticket {
    /// The seat.
    pub seat: SeatNumber,
    /// Its output.
    pub out: Output,
    /// By the issuer, over the terms and this output.
    pub signature: Signature,
}

impl Canonical for Ticket {
    fn write(&self, to: &mut Writer) {
        to.array(3).uint(self.seat.0).bytes(self.out).bytes(self.signature);
    }
    fn read(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
        from.array(3)?;
        Ok(Self { seat: seat(from)?, out: from.fixed()?, signature: from.fixed()? })
    }
}

/// All tickets of one link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeatGrant {
    /// The group.
    pub gid: GroupId,
    /// Its epoch.
    pub epoch: u32,
    /// What all tickets say.
    pub terms: Terms,
    /// The issuer's citable heads when it was made, at most 8.
    pub heads: Heads,
    /// One per seat, ascending, 1–99.
    pub tickets: Vec<Ticket>,
}

impl SeatGrant {
    /// Signs a ticket for each output; `pairs` ascending by seat. The caller keeps MB-D5 and MB-D6.
    #[must_use]
    pub fn issue(gid: GroupId, terms: Terms, heads: Heads, pairs: &[(SeatNumber, Output)], keys: &KeyPair) -> Self {
        let epoch = 0;
        let mut tickets: Vec<Ticket> = pairs
            .iter()
            .map(|&(seat, out)| Ticket { seat, out, signature: sign_ticket(&gid, epoch, &terms, (seat, out), keys) })
            .collect();
        tickets.sort_unstable_by_key(|ticket| ticket.seat);
        let newest = heads.as_slice().iter().take(DEPS_MAX).copied().collect();
        Self { gid, epoch, terms, heads: Heads::new(newest), tickets }
    }

    /// Whether every ticket was signed by `issuer`, the key of the issuing office's holder.
    ///
    /// # Errors
    /// [`Rule::BadTicket`].
    pub fn verify(&self, issuer: &MemberKey) -> Result<(), Rule> {
        self.tickets.iter().try_for_each(|ticket| {
            verify_ticket(&self.gid, self.epoch, &self.terms, (ticket.seat, ticket.out), (issuer, &ticket.signature))
        })
    }

    /// Rule MB-I6, step 3: the ticket that a joiner tries first, as a position in `tickets`.
    #[must_use]
    pub fn first_pick(&self, pk: &MemberKey) -> usize {
        let digest = hash(Label::Pick, &[Field::B(&pk.0)]).0;
        let number = digest.iter().take(4).fold(0_usize, |number, &byte| (number << 8) | usize::from(byte));
        number.checked_rem(self.tickets.len()).unwrap_or(0)
    }

    /// The body of the Join by which `keys` takes the seat of `ticket`; `invite` is the link's key pair.
    #[must_use]
    pub fn redeem(&self, ticket: &Ticket, name: &str, pk: MemberKey, invite: &KeyPair) -> Join {
        Join {
            pk,
            name: name.into(),
            seat: ticket.seat,
            out: ticket.out,
            terms: self.terms.clone(),
            ticket_sig: ticket.signature,
            invite_sig: sign_claim(&self.gid, (ticket.seat, ticket.out), &pk, invite),
        }
    }
}

impl Canonical for SeatGrant {
    fn write(&self, to: &mut Writer) {
        to.array(5 + Terms::ITEMS).uint(FORMAT).bytes(self.gid).uint(self.epoch);
        self.terms.write(to);
        to.item(&self.heads).list(&self.tickets);
    }

    fn read(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
        from.array(5 + Terms::ITEMS)?;
        if from.uint()? != FORMAT {
            return Err(DecodeError::Unknown);
        }
        let grant = Self {
            gid: from.fixed()?,
            epoch: from.small()?,
            terms: Terms::read(from)?,
            heads: from.item()?,
            tickets: from.list(TICKETS_MAX)?,
        };
        let good = grant.heads.as_slice().len() <= DEPS_MAX
            && !grant.tickets.is_empty()
            && grant.tickets.is_sorted_by(|a, b| a.seat < b.seat);
        good.then_some(grant).ok_or(DecodeError::OutOfRange)
    }
}

fn ticket_fields<T>(
    gid: &GroupId,
    epoch: u32,
    terms: &Terms,
    (seat, out): (SeatNumber, Output),
    then: impl FnOnce(&[Field<'_>]) -> T,
) -> T {
    // The lists inside are items of their own; everything else is written field by field.
    let mut lifts = Writer::default();
    lifts.list(&terms.lifts);
    let lifts = lifts.into_bytes();
    then(&[
        Field::U(FORMAT),
        Field::B(&gid.0),
        Field::U(epoch.into()),
        Field::B(&terms.issuer.0),
        Field::B(&terms.invite_pk.0),
        Field::O(terms.bound_pk.as_ref().map(AsRef::as_ref)),
        Field::U(match terms.role {
            super::body::Role::Member => 0,
            super::body::Role::Guest => 1,
        }),
        Field::O(terms.session.as_ref().map(AsRef::as_ref)),
        Field::Bool(terms.approve),
        Field::U(terms.not_after),
        Field::Item(&lifts),
        Field::U(seat.0.into()),
        Field::B(&out.0),
    ])
}

/// Signs one ticket (MB-I3).
#[must_use]
pub fn sign_ticket(gid: &GroupId, epoch: u32, terms: &Terms, pair: (SeatNumber, Output), keys: &KeyPair) -> Signature {
    ticket_fields(gid, epoch, terms, pair, |fields| keys.sign(Label::Ticket, fields))
}

/// Rule MB-I3: checks one ticket against the issuer's key.
///
/// # Errors
/// [`Rule::BadTicket`].
pub fn verify_ticket(
    gid: &GroupId,
    epoch: u32,
    terms: &Terms,
    pair: (SeatNumber, Output),
    (issuer, signature): (&MemberKey, &Signature),
) -> Result<(), Rule> {
    ticket_fields(gid, epoch, terms, pair, |fields| verify(issuer, Label::Ticket, fields, signature))
        .map_err(|_| Rule::BadTicket)
}

/// The link's key binds one output to the newcomer's key.
#[must_use]
pub fn sign_claim(gid: &GroupId, (seat, out): (SeatNumber, Output), pk: &MemberKey, invite: &KeyPair) -> Signature {
    invite.sign(Label::Claim, &[Field::B(&gid.0), Field::U(seat.0.into()), Field::B(&out.0), Field::B(&pk.0)])
}

/// Checks what [`sign_claim`] made.
///
/// # Errors
/// [`Rule::BadTicket`].
pub fn verify_claim(gid: &GroupId, join: &Join) -> Result<(), Rule> {
    let fields = [Field::B(&gid.0), Field::U(join.seat.0.into()), Field::B(&join.out.0), Field::B(&join.pk.0)];
    verify(&join.terms.invite_pk, Label::Claim, &fields, &join.invite_sig).map_err(|_| Rule::BadTicket)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::Secret;
    use crate::ids::OperationId;
    use crate::membership::body::Role;
    use crate::wire::{from_bytes, to_bytes};

    fn grant() -> (SeatGrant, KeyPair) {
        let keys = KeyPair::from_seed(&Secret::new([1; 32]));
        let terms = Terms {
            issuer: OperationId([2; 32]),
            invite_pk: KeyPair::from_seed(&Secret::new([3; 32])).public(),
            bound_pk: None,
            role: Role::Member,
            session: None,
            approve: false,
            not_after: 1_800_000_000_000,
            lifts: Vec::new(),
        };
        let pairs = [(SeatNumber(4), Output([4; 32])), (SeatNumber(9), Output([9; 32]))];
        (SeatGrant::issue(GroupId([7; 32]), terms, Heads::new(Vec::new()), &pairs, &keys), keys)
    }

    #[test]
    fn mb_i04_a_grant_reads_back_and_its_tickets_hold() {
        let (grant, keys) = grant();
        let bytes = to_bytes(&grant);
        assert_eq!(from_bytes::<SeatGrant>(&bytes, 16_384), Ok(grant.clone()));
        assert_eq!(grant.verify(&keys.public()), Ok(()));
    }

    #[test]
    fn mb_i03_a_ticket_is_for_its_output_and_its_terms_alone() {
        let (mut grant, keys) = grant();
        grant.terms.approve = true;
        assert_eq!(grant.verify(&keys.public()), Err(Rule::BadTicket));
        grant.terms.approve = false;
        grant.tickets[0].out = Output([5; 32]);
        assert_eq!(grant.verify(&keys.public()), Err(Rule::BadTicket));
    }

    #[test]
    fn mb_i06_the_first_pick_is_one_of_the_tickets() {
        let (grant, _) = grant();
        let picks: alloc::collections::BTreeSet<usize> =
            (0..32).map(|n| grant.first_pick(&MemberKey([n; 32]))).collect();
        assert_eq!(picks, [0, 1].into());
    }
}
