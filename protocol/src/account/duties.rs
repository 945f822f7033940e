//! Time: one table of deadlines over everything that waits.

use super::{Account, Step};

impl Account {
    /// When the core wants to be woken next, monotonic ms; the shell answers with `Input::Deadline`.
    #[must_use]
    pub fn next_deadline(&self) -> Option<u64> {
        let groups = self.groups.values().filter_map(crate::group::Group::next_deadline);
        let others = [self.link_deadline(), self.join_deadline(), self.reach_deadline()];
        let owed = (!self.owed.is_empty()).then_some(0);
        groups.chain(others.into_iter().flatten()).chain(owed).min()
    }

    /// Everything whose time has come.
    pub(super) fn on_time(&mut self, step: &mut Step<'_>) {
        self.on_link_times(step);
        self.on_join_times(step);
        self.on_reach_time(step);
        let now = step.now.mono_ms;
        let due = |group: &crate::group::Group| group.next_deadline().is_some_and(|at| at <= now);
        let due: alloc::vec::Vec<u32> = self.groups.iter().filter(|(_, group)| due(group)).map(|(&g, _)| g).collect();
        for g in due {
            self.with_group(step, g, |group, ctx| group.on_time(ctx));
            self.queue_stored(step, g);
        }
    }
}
