//! Recovery in the shape of the API.

use coterie_protocol::{GroupId, GroupView, SuccessionView};

use super::super::types::{Recovery, RecoverySchema, SuccessionLook, SuccessionLookSchema, spell_id};
use super::Names;
use crate::driver::View;

/// How the organiser above all others could be replaced.
pub(crate) fn recovery(view: &View<'_>, id: &GroupId) -> Recovery {
    let found = view.account.recovery(id);
    let names = Names::of(view, id);
    Recovery {
        schema: RecoverySchema::V1,
        group: spell_id(id.as_ref()),
        threshold: found.map_or(0, |found| found.threshold),
        codes: found.map_or(0, |found| found.codes),
        organiser: found.map(|found| names.get(view, &found.holder)),
        standing: found.is_some_and(|found| found.standing),
    }
}

/// What a request asks for.
pub(crate) fn looked_at(view: &View<'_>, group: &GroupView, look: &SuccessionView) -> SuccessionLook {
    let names = Names::of(view, &group.id);
    SuccessionLook {
        schema: SuccessionLookSchema::V1,
        group: spell_id(group.id.as_ref()),
        name: group.name.clone(),
        successor: names.get(view, &look.successor),
        organiser: names.get(view, &look.holder),
        leaves_out: u32::try_from(look.leaves_out).unwrap_or(u32::MAX),
    }
}
