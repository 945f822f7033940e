//! May an operation enter the log? The verdict depends on its bytes and on what it names, never on who holds which
//! right and never on what arrived first (section 4). Powerless operations may enter; the fold ignores them.

use alloc::vec::Vec;

use super::body::{Blow, Body, Join, Role};
use super::grant::{verify_claim, verify_ticket};
use super::graph::{At, Deed, Graph};
use super::operation::SignedOperation;
use super::policy;
use super::recovery;
use super::rule::Rule;
use crate::ids::{MemberKey, OperationId};
use crate::limits::{DEPS_MAX, OFFICE_DEPTH_MAX, OFFICE_OPS_MAX, SUCCESSIONS_MAX};

/// Whether signatures are checked: not for the own store, whose records are authenticated at rest (MB-G5).
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Signatures {
    Check,
    Trust,
    /// There are no bytes: nor is a key looked at (see `given`).
    #[cfg(any(test, feature = "testing"))]
    Given,
}

/// Rule MB-A2: is it of this group?
pub(super) fn belongs(graph: &Graph, signed: &SignedOperation) -> Result<(), Rule> {
    let operation = signed.operation();
    if matches!(operation.body, Body::Genesis { .. }) || operation.gid != Some(graph.gid) {
        return Err(Rule::WrongGroup);
    }
    if operation.epoch != 0 {
        return Err(Rule::WrongEpoch);
    }
    Ok(())
}

/// Rule MB-A4: what it names and the log doesn't have.
pub(super) fn missing(graph: &Graph, signed: &SignedOperation) -> Vec<OperationId> {
    let mut missing = signed.operation().names();
    missing.retain(|id| graph.find(id).is_none());
    missing.sort_unstable();
    missing.dedup();
    missing
}

/// Rules MB-A3 and MB-A5 to MB-A8, once all that it names is here. Gives the key of a Join.
pub(super) fn check(
    graph: &Graph,
    signed: &SignedOperation,
    signatures: Signatures,
) -> Result<Option<MemberKey>, Rule> {
    let author = check_chain(graph, signed)?;
    let office = check_office(graph, signed, author)?;
    check_body(graph, signed, author)?;
    check_limits(graph, signed, office)?;
    #[cfg(any(test, feature = "testing"))]
    if signatures == Signatures::Given {
        return Ok(None);
    }
    let own = signed.own_key()?;
    let key = own.or_else(|| author.map(|chain| graph.chains[chain].key)).ok_or(Rule::BadChain)?;
    if signatures == Signatures::Check {
        signed.verify(&key)?;
        if let Body::Join(join) = &signed.operation().body {
            check_ticket(graph, join)?;
        }
        recovery::check_approvals(graph, author, &signed.operation().body)?;
    }
    Ok(own)
}

/// The first operation of a group, and its key.
pub(super) fn check_genesis(signed: &SignedOperation) -> Result<MemberKey, Rule> {
    check_first(signed)?;
    let key = signed.own_key()?.ok_or(Rule::BadSignature)?;
    signed.verify(&key)?;
    Ok(key)
}

/// The first operation of a group stands alone.
pub(super) fn check_first(signed: &SignedOperation) -> Result<(), Rule> {
    let operation = signed.operation();
    let Body::Genesis { policy, recovery, .. } = &operation.body else { return Err(Rule::WrongGroup) };
    if operation.gid.is_some() {
        return Err(Rule::WrongGroup);
    }
    if operation.epoch != 0 {
        return Err(Rule::WrongEpoch);
    }
    if operation.mid.is_some() || operation.prev.is_some() || operation.seq != 0 {
        return Err(Rule::BadChain);
    }
    if !operation.deps.is_empty() {
        return Err(Rule::BadDeps);
    }
    if operation.lamport != 1 {
        return Err(Rule::BadLamport);
    }
    if operation.office.is_some() {
        return Err(Rule::BadOffice);
    }
    recovery::check_keys(recovery.as_ref())?;
    policy.iter().try_for_each(|(key, value)| policy::check(*key, value))
}

/// Rule MB-A5. Gives the author's chain; none for a Join.
fn check_chain(graph: &Graph, signed: &SignedOperation) -> Result<Option<At>, Rule> {
    let operation = signed.operation();
    if operation.deps.is_empty() || operation.deps.len() > DEPS_MAX {
        return Err(Rule::BadDeps);
    }
    let newest = operation.deps.iter().filter_map(|id| graph.find(id)).map(|at| graph.nodes[at].lamport()).max();
    if newest.and_then(|newest| newest.checked_add(1)) != Some(operation.lamport) {
        return Err(Rule::BadLamport);
    }
    if matches!(operation.body, Body::Join(_)) {
        let alone = operation.mid.is_none() && operation.prev.is_none() && operation.seq == 0;
        return if alone { Ok(None) } else { Err(Rule::BadChain) };
    }
    let (Some(mid), Some(prev)) = (operation.mid, operation.prev) else { return Err(Rule::BadChain) };
    let (Some(chain), Some(prev_at)) = (graph.chain_of(&mid), graph.find(&prev)) else { return Err(Rule::BadChain) };
    let before = &graph.nodes[prev_at];
    let follows = before.chain == chain
        && before.seq().checked_add(1) == Some(operation.seq)
        && !matches!(before.deed, Deed::Leave { .. })
        && operation.deps.contains(&prev);
    if follows { Ok(Some(chain)) } else { Err(Rule::BadChain) }
}

/// Rule MB-A6. Gives the office.
fn check_office(graph: &Graph, signed: &SignedOperation, author: Option<At>) -> Result<Option<At>, Rule> {
    let operation = signed.operation();
    match (operation.body.is_office(), operation.office) {
        (false, None) => Ok(None),
        (true, Some(id)) => {
            let office = graph.office(&id).ok_or(Rule::BadOffice)?;
            if Some(graph.offices[office].holder) == author { Ok(Some(office)) } else { Err(Rule::BadOffice) }
        }
        (true, None) | (false, Some(_)) => Err(Rule::BadOffice),
    }
}

/// Rule MB-A7, and the types of settings (MB-A8).
fn check_body(graph: &Graph, signed: &SignedOperation, author: Option<At>) -> Result<(), Rule> {
    let is_office = |id: &OperationId| graph.office(id).is_some();
    let good = match &signed.operation().body {
        Body::Genesis { .. } => false,
        Body::Join(join) => {
            let lifts_bans = join
                .terms
                .lifts
                .iter()
                .filter_map(|id| graph.find(id))
                .all(|at| matches!(graph.nodes[at].deed, Deed::Remove { ban: true, .. }));
            is_office(&join.terms.issuer)
                && lifts_bans
                && (join.terms.role == Role::Guest) == join.terms.session.is_some()
                && usize::from(join.seat.0) < graph.seats.len()
        }
        Body::Confirm { join } => graph.find(join).is_some_and(|at| matches!(graph.nodes[at].deed, Deed::Join { .. })),
        Body::Transfer { pairs, to } => is_office(to) && fit(graph, pairs),
        Body::Bump { pairs } => fit(graph, pairs),
        Body::Reclaim { pairs, after } => {
            let left =
                |id: &OperationId| graph.find(id).is_some_and(|at| matches!(graph.nodes[at].deed, Deed::Leave { .. }));
            after.as_ref().is_none_or(left) && fit(graph, pairs)
        }
        Body::Promote { target } => {
            let chain = graph.chain_of(target);
            let member =
                chain.and_then(|chain| graph.join_of(chain)).is_some_and(|join| join.terms.role == Role::Member);
            member && chain != author
        }
        Body::Demote(blow) | Body::Remove { blow, .. } => check_blow(graph, blow, author),
        Body::Leave { heirs, .. } => heirs.iter().all(is_office),
        Body::SetPolicy { sets } => {
            return sets.iter().try_for_each(|(key, value)| match value {
                Some(value) => policy::check(*key, value),
                None if *key <= crate::limits::SETTING_KEY_MAX => Ok(()),
                None => Err(Rule::BadTarget),
            });
        }
        Body::Depose { office, pin, approvals } => recovery::fits(graph, author, (office, pin), approvals),
    };
    good.then_some(()).ok_or(Rule::BadTarget)
}

fn fit(graph: &Graph, pairs: &[super::body::Pair]) -> bool {
    pairs.iter().all(|(seat, _)| usize::from(seat.0) < graph.seats.len())
}

fn check_blow(graph: &Graph, blow: &Blow, author: Option<At>) -> bool {
    let Some(chain) = graph.chain_of(&blow.target) else { return false };
    let pinned = graph.find(&blow.pin).is_some_and(|pin| graph.nodes[pin].chain == chain);
    let seen = blow
        .seen
        .iter()
        .filter_map(|id| graph.find(id))
        .all(|at| matches!(graph.nodes[at].deed, Deed::Promote { .. } | Deed::Demote { .. }));
    Some(chain) != author && pinned && seen
}

/// Rule MB-A8.
fn check_limits(graph: &Graph, signed: &SignedOperation, office: Option<At>) -> Result<(), Rule> {
    let operation = signed.operation();
    let succeeds = if let Body::Depose { office, .. } = &operation.body { graph.office(office) } else { None };
    if succeeds.is_some_and(|ended| graph.offices[ended].generation >= SUCCESSIONS_MAX) {
        return Err(Rule::Limit);
    }
    let Some(office) = office.or(succeeds) else { return Ok(()) };
    let before = operation.prev.and_then(|prev| graph.find(&prev)).map_or(0, |prev| graph.nodes[prev].office_ops);
    let too_deep = matches!(operation.body, Body::Promote { .. }) && graph.offices[office].depth >= OFFICE_DEPTH_MAX;
    if before >= OFFICE_OPS_MAX || too_deep { Err(Rule::Limit) } else { Ok(()) }
}

/// Rule MB-A3, second half: the ticket is its issuer's, the claim the link's, and it is bound to nobody else.
fn check_ticket(graph: &Graph, join: &Join) -> Result<(), Rule> {
    let issuer = graph.office(&join.terms.issuer).ok_or(Rule::BadTarget)?;
    let key = &graph.chains[graph.offices[issuer].holder].key;
    if join.terms.bound_pk.is_some_and(|bound| bound != join.pk) {
        return Err(Rule::BadTicket);
    }
    verify_claim(&graph.gid, join)?;
    verify_ticket(&graph.gid, 0, &join.terms, (join.seat, join.out), (key, &join.ticket_sig))
}
