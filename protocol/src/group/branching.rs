//! A fork inside a log: the state in front of the first entry of the other branch is computed once more (E-78).
//!
//! Of a log only the state at its newest entry is kept. An entry that goes on from inside it can be judged by the state
//! there, so the entries up to that place are read back from the store, a page at a time, and walked through again.
//! Both branches are kept: a disk that lied, or a backup put back, forks a log without any ill will, and the words on
//! either side were meant.

use super::{Context, Group};
use crate::ids::{LogId, OrderKey};
use crate::limits;
use crate::log::{Place, Rebuilt};
use crate::record::RecordId;

/// The walk that is under way.
pub(super) struct Walk {
    /// The state in front of which entry is looked for: the one behind this place.
    to: Place,
    /// The number of the record that comes next.
    next: u64,
    /// The last one that was asked for, and one.
    asked: u64,
}

impl Group {
    /// If an entry waits for the state inside a log: begins to read that log back. One walk at a time; a log has few
    /// branches, so one that asks for more walks than that in one life of the program gets none.
    pub(super) fn walk_back(&mut self, ctx: &mut Context<'_>) {
        if self.walk.is_some() {
            return;
        }
        let may = |log: &LogId| self.walked.get(log).is_none_or(|times| *times < limits::WALKS_PER_LOG_MAX);
        let Some(to) = self.logs.wanted_prefix().find(|place| may(&place.log)) else { return };
        let times = self.walked.entry(to.log).or_default();
        *times = times.saturating_add(1);
        self.walk = Some(Walk { to, next: 0, asked: 0 });
        self.ask_page(ctx);
    }

    fn ask_page(&mut self, ctx: &mut Context<'_>) {
        let Some(Walk { to, asked, .. }) = self.walk.as_ref() else { return };
        let (to, first) = (*to, *asked);
        let end = first.saturating_add(limits::WALK_PAGE).min(to.seq.saturating_add(1));
        for seq in first..end {
            // Entries before the branch stand under the number of the branch that they were first seen on.
            let Some(place) = self.logs.stored_at(&to.log, to.branch, seq) else { return self.walk = None };
            let id = self.entry_record(place);
            ctx.effects.read(id);
        }
        if let Some(walk) = self.walk.as_mut() {
            walk.asked = end;
        }
    }

    /// A record was read. If it is the next of the walk, the walk goes on.
    pub(super) fn walk_on(&mut self, ctx: &mut Context<'_>, id: RecordId, bytes: Option<&[u8]>) {
        let Some((to, next)) = self.walk.as_ref().map(|walk| (walk.to, walk.next)) else { return };
        let is_next = self.logs.stored_at(&to.log, to.branch, next).is_some_and(|place| self.entry_record(place) == id);
        if !is_next {
            return;
        }
        let Some(entry) = bytes.and_then(|bytes| bytes.get(OrderKey::LEN..)) else { return self.walk = None };
        let stamp = self.keys.stamp(ctx.now);
        let rosters = &mut super::Rosters(&mut self.membership);
        match self.logs.rebuild(rosters, stamp, to, &[entry.to_vec()]) {
            Rebuilt::NeedsFrom(next) => {
                let is_page_read = self.walk.as_mut().is_some_and(|walk| {
                    walk.next = next;
                    walk.next == walk.asked
                });
                if is_page_read {
                    self.ask_page(ctx);
                }
            }
            Rebuilt::Done => {
                self.walk = None;
                self.retry_waiting(ctx);
            }
            Rebuilt::Unfit => self.walk = None,
        }
    }
}
