//! The sealed `GrantEnvelope`: the right to a seat, kept by every member and readable by none of them.
//!
//! It lies in the inviter's own entry log (kind 5), so whoever is online can hand it out. Its key follows from the
//! link's secret alone; 128 random bits stand between a member and the tickets.
#![cfg_attr(not(test), deny(clippy::arithmetic_side_effects, clippy::as_conversions))]

use alloc::vec::Vec;
use rand_core::CryptoRng;

use super::link::LinkKeys;
use crate::crypto::seal::{self, DoesNotOpen};
use crate::crypto::{Field, Label, enc, random};
use crate::ids::{GroupId, MembershipId};
use crate::limits::ENVELOPE_BYTES_MAX;
use crate::log::entry::HeadKind;
use crate::membership::SeatGrant;
use crate::wire::{from_bytes, to_bytes};

const NONCE_BYTES: usize = 24;

fn aad(gid: &GroupId, inviter: &MembershipId, not_after: u64, keys: &LinkKeys) -> Vec<u8> {
    enc(
        Label::InviteEnv,
        &[
            Field::B(&gid.0),
            Field::B(&inviter.0),
            Field::B(&keys.lookup.0),
            Field::B(&keys.invite.public().0),
            Field::U(not_after),
        ],
    )
}

/// Rule MB-I5: kind and body of the entry that carries a link's tickets. `inviter` is the author's membership.
#[must_use]
pub fn seal_grant(
    grant: &SeatGrant,
    inviter: &MembershipId,
    keys: &LinkKeys,
    rng: &mut dyn CryptoRng,
) -> (HeadKind, Vec<u8>) {
    let not_after = grant.terms.not_after;
    seal_encoded((&grant.gid, inviter), not_after, keys, &to_bytes(grant), rng)
}

/// [`seal_grant`] of a grant that is encoded already: for it, and for known answers, which know no grant.
pub fn seal_encoded(
    (gid, inviter): (&GroupId, &MembershipId),
    not_after: u64,
    keys: &LinkKeys,
    grant: &[u8],
    rng: &mut dyn CryptoRng,
) -> (HeadKind, Vec<u8>) {
    let nonce: [u8; NONCE_BYTES] = random(rng);
    let mut body = nonce.to_vec();
    body.extend(seal::seal(&keys.seal, &nonce, &aad(gid, inviter, not_after, keys), grant));
    (HeadKind::GrantEnvelope { lookup: keys.lookup, invite_pk: keys.invite.public(), not_after }, body)
}

/// Opens what a host handed over; every field beside the sealed bytes is bound to them.
///
/// # Errors
/// [`DoesNotOpen`] if anything is wrong, the grant's own group and key included.
pub fn open_grant(
    sealed: &[u8],
    (gid, inviter): (&GroupId, &MembershipId),
    not_after: u64,
    keys: &LinkKeys,
) -> Result<SeatGrant, DoesNotOpen> {
    let (nonce, ct) = sealed.split_first_chunk::<NONCE_BYTES>().ok_or(DoesNotOpen)?;
    let plain = seal::open(&keys.seal, nonce, &aad(gid, inviter, not_after, keys), ct)?;
    let grant: SeatGrant = from_bytes(&plain, ENVELOPE_BYTES_MAX).map_err(|_| DoesNotOpen)?;
    let fits = grant.gid == *gid && grant.terms.invite_pk == keys.invite.public() && grant.terms.not_after == not_after;
    fits.then_some(grant).ok_or(DoesNotOpen)
}
