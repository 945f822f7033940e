//! What a person should look at, in the shape of the API (EV-7).

use coterie_protocol::{self as core, GroupId};

use super::super::types::{Alert, AlertSchema, spell_id};
use super::super::words;
use crate::driver::View;

/// What is about the whole profile: its store first, then a second copy, then what the account met.
pub(super) fn alerts(view: &View<'_>) -> Vec<Alert> {
    let of_store = view.troubles.iter().map(|told| Alert {
        schema: AlertSchema::V1,
        kind: "disk".to_owned(),
        group: None,
        member: None,
        what: told.what.clone(),
        why: told.why.clone(),
        tries: told.tries.clone(),
    });
    let found = view.account.alerts();
    // A group that fell silent on its own knows no more than that it did (ST-102).
    let is_told = found.iter().any(|alert| alert.kind == core::AlertKind::Clone);
    let silent = (view.account.sees_twin() && !is_told).then(|| core::Alert {
        kind: core::AlertKind::Clone,
        member: None,
        peer: None,
        reason: "ST-102".to_owned(),
    });
    of_store.chain(silent.iter().chain(&found).map(|found| alert(None, found))).collect()
}

/// One alert of the core.
pub(super) fn alert(group: Option<&GroupId>, found: &core::Alert) -> Alert {
    let (kind, what, tries) = words::alert(found.kind);
    Alert {
        schema: AlertSchema::V1,
        kind: kind.to_owned(),
        group: group.map(|group| spell_id(group.as_ref())),
        member: found.member.map(|member| spell_id(member.as_ref())),
        what: what.to_owned(),
        why: found.reason.clone(),
        tries: vec![tries.to_owned()],
    }
}
