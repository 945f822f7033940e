//! What a host judges by its own log: a ticket, a newcomer, and whether a member may serve joins at all.
#![cfg_attr(not(test), deny(clippy::arithmetic_side_effects, clippy::as_conversions))]

use alloc::borrow::ToOwned;
use alloc::collections::BTreeSet;
use alloc::vec::Vec;

use super::frames::{Pick, Preview};
use super::reason::Reason;
use super::view::Introduction;
use crate::ids::{MemberKey, OperationId};
use crate::limits;
use crate::membership::grant::verify_ticket;
use crate::membership::{Admission, Membership, OutputState, Role, Rule, SignedOperation};
use crate::time::Timestamp;

/// Rule MB-I6, step 3: a host's judgement of one ticket, by its own log and its own clock.
///
/// # Errors
/// The reason to send.
pub fn pick_verdict(
    membership: &Membership,
    pick: &Pick,
    joiner: &MemberKey,
    now: Timestamp,
) -> Result<Preview, Reason> {
    let terms = &pick.terms;
    let bad_ticket = || Reason::rejected(Rule::BadTicket);
    let holder = membership.holder(&terms.issuer).ok_or_else(bad_ticket)?;
    let issuer = membership.key_of(&holder).ok_or_else(bad_ticket)?;
    verify_ticket(&membership.gid(), 0, terms, (pick.seat, pick.out), (&issuer, &pick.ticket_sig))
        .map_err(Reason::rejected)?;
    if terms.bound_pk.is_some_and(|bound| bound != *joiner) {
        return Err(bad_ticket());
    }
    if now.wall_ms > terms.not_after.saturating_add(limits::TICKET_GRACE_MS) {
        return Err(Reason::Expired);
    }
    if !membership.standing_offices().any(|(office, _)| office == terms.issuer) {
        return Err(Reason::InviterGone);
    }
    if membership.is_banned(joiner, &terms.issuer, &terms.lifts) {
        return Err(Reason::Banned);
    }
    if membership.roster().mids_of(joiner).next().is_some() {
        return Err(Reason::AlreadyMember);
    }
    if membership.is_tainted(&terms.issuer, &terms.invite_pk) {
        return Err(Reason::Withdrawn);
    }
    match membership.output_state(pick.seat, &pick.out) {
        OutputState::Free { custody } if custody == terms.issuer => Ok(preview(membership)),
        OutputState::Free { .. } | OutputState::Withdrawn => Err(Reason::Withdrawn),
        OutputState::Used => Err(Reason::Used),
        // The issuer may know operations that are not here yet: another host may judge otherwise.
        OutputState::Unknown => Err(Reason::rejected(Rule::BadReference)),
    }
}

fn preview(membership: &Membership) -> Preview {
    let policy = membership.policy();
    let members = membership.roster().seated().count();
    Preview {
        name: policy.name().to_owned(),
        about: policy.about().to_owned(),
        members: u8::try_from(members).unwrap_or(u8::MAX),
        policy: policy.values().iter().map(|(key, value)| (*key, value.clone())).collect(),
    }
}

/// The judgement behind `account::hosting` (N-209, R-33, R-34); the caller bounds how often it answers with ENDED.
pub fn introduced(membership: &mut Membership, newcomer: &MemberKey, operations: &[Vec<u8>]) -> Introduction {
    if membership.roster().mids_of(newcomer).next().is_some() {
        return Introduction::Welcome;
    }
    let (verdicts, ended) = match membership.introduce(operations.iter().map(Vec::as_slice), newcomer) {
        Ok(_) => return Introduction::Welcome,
        Err(refused) => refused,
    };
    let mut missing: BTreeSet<OperationId> = BTreeSet::new();
    for verdict in verdicts {
        if let Admission::Waiting { missing: names, .. } = verdict {
            missing.extend(names);
        }
    }
    // What came with the same introduction is not missing.
    operations.iter().filter_map(|bytes| SignedOperation::decode(bytes).ok()).for_each(|signed| {
        missing.remove(&signed.id());
    });
    if !missing.is_empty() {
        return Introduction::Needs(missing.into_iter().collect());
    }
    let ended = with_promotions(membership, ended);
    if ended.is_empty() { Introduction::Nothing } else { Introduction::Ended(ended) }
}

/// The newest operations that ended the memberships of a key or gave its seat away, and the promotions behind them, at
/// most eight.
fn with_promotions(membership: &Membership, mut ended: Vec<OperationId>) -> Vec<Vec<u8>> {
    ended.reverse();
    // Then what shows whoever has missed it that the remover held an office.
    let behind: Vec<OperationId> = ended.iter().flat_map(|id| membership.promotions_behind(id)).collect();
    ended.truncate(limits::ENDED_OPERATIONS_MAX / 2);
    for id in behind {
        if ended.len() < limits::ENDED_OPERATIONS_MAX && !ended.contains(&id) {
            ended.push(id);
        }
    }
    ended.iter().filter_map(|id| membership.operation(id)).map(|signed| signed.bytes().to_vec()).collect()
}

/// Whether a member may serve joins in a group: Keyed there and no guest (N-207).
#[must_use]
pub fn may_host(membership: &Membership, key: &MemberKey) -> bool {
    let roster = membership.roster();
    roster.mids_of(key).filter_map(|mid| roster.person(&mid)).any(|person| person.keyed && person.role == Role::Member)
}
