//! The group links of this process, with the few of them whose time runs.
//!
//! A link has a deadline while it shakes hands and when it carries no group any more; most have none. Every step asks
//! for the earliest, so it is kept beside the links: whoever changes a link does it through [`Held`], which looks at
//! the deadline again when it is let go.

use alloc::collections::{BTreeMap, BTreeSet};
use core::ops::{Deref, DerefMut};

use super::GroupLink;
use crate::ids::LinkId;

/// All group links.
#[derive(Default)]
pub(in crate::account) struct Table {
    links: BTreeMap<LinkId, GroupLink>,
    /// The deadlines there are.
    due: BTreeSet<(u64, LinkId)>,
}

/// One link that may be changed.
pub(in crate::account) struct Held<'a> {
    id: LinkId,
    link: &'a mut GroupLink,
    due: &'a mut BTreeSet<(u64, LinkId)>,
    before: Option<u64>,
}

impl Table {
    pub(in crate::account) fn insert(&mut self, id: LinkId, link: GroupLink) {
        self.remove(&id);
        self.due.extend(link.link.deadline_mono_ms().map(|at| (at, id)));
        self.links.insert(id, link);
    }

    pub(in crate::account) fn remove(&mut self, id: &LinkId) -> Option<GroupLink> {
        let link = self.links.remove(id)?;
        link.link.deadline_mono_ms().map(|at| self.due.remove(&(at, *id)));
        Some(link)
    }

    pub(in crate::account) fn get_mut(&mut self, id: &LinkId) -> Option<Held<'_>> {
        let link = self.links.get_mut(id)?;
        let before = link.link.deadline_mono_ms();
        Some(Held { id: *id, link, due: &mut self.due, before })
    }

    /// The earliest deadline.
    pub(in crate::account) fn deadline(&self) -> Option<u64> {
        let first = self.due.first().map(|&(at, _)| at);
        debug_assert_eq!(first, self.links.values().filter_map(|held| held.link.deadline_mono_ms()).min());
        first
    }

    /// Links whose time has come, by number.
    pub(in crate::account) fn late(&self, now_mono_ms: u64) -> BTreeSet<LinkId> {
        self.due.iter().take_while(|&&(at, _)| at <= now_mono_ms).map(|&(_, id)| id).collect()
    }
}

impl Deref for Table {
    type Target = BTreeMap<LinkId, GroupLink>;
    fn deref(&self) -> &Self::Target {
        &self.links
    }
}

impl Deref for Held<'_> {
    type Target = GroupLink;
    fn deref(&self) -> &GroupLink {
        self.link
    }
}

impl DerefMut for Held<'_> {
    fn deref_mut(&mut self) -> &mut GroupLink {
        self.link
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        let after = self.link.link.deadline_mono_ms();
        if after != self.before {
            self.before.map(|at| self.due.remove(&(at, self.id)));
            self.due.extend(after.map(|at| (at, self.id)));
        }
    }
}
