//! Whom an author leaves out of its chain, and whether anything that the reader sees itself justifies it (E-44).
//!
//! A Rekey names those it leaves out, with a reason each. An honest author may know less than a reader; so it is given a
//! day, and only what it writes after that under the same chain accuses it. Who was given the chain by a Grant meanwhile
//! is not left out any more.

use alloc::vec::Vec;

use super::{Context, Group};
use crate::event::AlertKind;
use crate::ids::{LogId, MembershipId};
use crate::limits;
use crate::log::Mids;
use crate::log::entry::{Entry, HeadKind};
use crate::membership::Role;

/// Members that a Rekey leaves out, and the number of the reason (E-18).
pub(super) type LeftOut = Vec<(MembershipId, u64)>;

/// The members whose places a Rekey lists.
fn left_out(entry: &Entry, keyed: &[MembershipId]) -> Option<LeftOut> {
    let HeadKind::Rekey { suspended, .. } = &entry.head.kind else { return None };
    let name = |place: u8, why: u64| keyed.get(usize::from(place)).map(|mid| (*mid, why));
    Some(suspended.iter().filter_map(|one| name(one.place, one.why)).collect())
}

impl Group {
    /// An entry of somebody else stands in its log now: what it leaves out, or goes on leaving out.
    pub(super) fn look_for_exclusion(&mut self, ctx: &mut Context<'_>, log: LogId, (entry, keyed): (&Entry, &Mids)) {
        if let Some(named) = left_out(entry, keyed) {
            self.note_left_out(log, named);
        } else if self.excludes(ctx, &log) {
            self.alert(ctx, AlertKind::Excluded, Some(log.mid), "E-44".into());
        }
    }

    fn note_left_out(&mut self, log: LogId, named: LeftOut) {
        if named.is_empty() {
            self.left_out.remove(&log);
        } else if self.left_out.len() < limits::LOGS_PER_GROUP_MAX || self.left_out.contains_key(&log) {
            self.left_out.insert(log, named);
        }
    }

    /// After a start: the Rekeys in the store say it again.
    pub(super) fn restore_left_out(&mut self, log: LogId, entry: &Entry) {
        let HeadKind::Rekey { suspended, .. } = &entry.head.kind else { return };
        let keyed = if suspended.is_empty() {
            Vec::new()
        } else {
            self.membership.roster_at(&entry.head.heads).map(|roster| roster.keyed().to_vec()).unwrap_or_default()
        };
        if let Some(named) = left_out(entry, &keyed) {
            self.note_left_out(log, named);
        }
    }

    /// Rule E-44: whether the author of a log leaves somebody out, for a day and more, for a reason that nothing here
    /// bears out. An unknown reason justifies nothing and accuses nobody.
    fn excludes(&self, ctx: &Context<'_>, log: &LogId) -> bool {
        let Some(named) = self.left_out.get(log) else { return false };
        let Some(epoch) = self.logs.state(log).and_then(|state| state.epoch.as_ref()) else { return false };
        let now_ms = self.keys.aged_ms(ctx.now);
        let epoch_ms = now_ms.saturating_sub(epoch.admitted_at.wall_ms);
        named.iter().filter(|(mid, _)| !epoch.audience.contains_key(mid)).any(|(mid, why)| {
            let known = self.logs.leaf_of(mid);
            let leaf_ms = known.map(|known| now_ms.saturating_sub(known.leaf.admitted_at.wall_ms));
            let (is_justified, for_ms) = match why {
                1 => (leaf_ms.is_none_or(|age| age >= limits::LEAF_FRESH_MS_MAX), leaf_ms),
                2 => (self.membership.role_of(mid) == Some(Role::Guest), None),
                3 => (self.logs.logs_of(mid).any(|log| self.logs.is_forked(log)), None),
                4 => (leaf_ms.is_none(), leaf_ms),
                5 => (!self.membership.roster().is_keyed(mid), None),
                _ => (true, None),
            };
            !is_justified && for_ms.unwrap_or(epoch_ms).min(epoch_ms) >= limits::EXCLUSION_MS
        })
    }
}
