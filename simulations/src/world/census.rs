//! How many members see the same seats, moment by moment: for the page of a run, never for its verdict.

use super::World;

/// How many members saw the same at a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Census {
    /// When, µs of the story.
    pub at_us: u64,
    /// The largest number of machines that show the same roster.
    pub alike: u16,
    /// Members' machines that run.
    pub of: u16,
}

impl World {
    /// When how many saw the same roster.
    #[must_use]
    pub fn census(&self) -> &[Census] {
        &self.census
    }

    pub(super) fn take_census(&mut self) {
        let Some(gid) = self.gid.filter(|_| self.is_looked_at) else { return };
        let mut alike = std::collections::BTreeMap::<[u8; 32], u16>::new();
        for id in self.living_members() {
            if let Some(group) = self.host(id).group(&gid) {
                *alike.entry(group.state_hash).or_default() += 1;
            }
        }
        let at_us = self.story_us();
        let census = Census { at_us, alike: alike.values().copied().max().unwrap_or(0), of: alike.values().sum() };
        let is_news = self.census.last().is_none_or(|last| (last.alike, last.of) != (census.alike, census.of));
        if is_news {
            self.census.push(census);
        }
    }
}
