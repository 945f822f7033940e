//! Where opened Messages stand in the timeline, kept narrow: there is one of these for each line of a group's past.

use alloc::collections::BTreeMap;
use core::ops::Range;

use crate::ids::{LogId, MembershipId, OrderKey};
use crate::log::Place;

/// The order keys by place. A log's name stands once for all its lines: 24 bytes a line instead of 80.
#[derive(Default)]
pub(super) struct Shown(BTreeMap<(LogId, u8), BTreeMap<u64, OrderKey>>);

impl Shown {
    pub(super) fn insert(&mut self, place: Place, order: OrderKey) {
        self.0.entry((place.log, place.branch)).or_default().insert(place.seq, order);
    }

    pub(super) fn get(&self, place: &Place) -> Option<OrderKey> {
        self.0.get(&(place.log, place.branch))?.get(&place.seq).copied()
    }

    /// The places of all lines whose authors are wanted.
    pub(super) fn places_of(&self, wants: impl Fn(&MembershipId) -> bool) -> impl Iterator<Item = Place> {
        let branches = self.0.iter().filter(move |((log, _), _)| wants(&log.mid));
        branches.flat_map(|(&(log, branch), lines)| lines.keys().map(move |&seq| Place { log, branch, seq }))
    }

    /// The places of all lines that stand outside of a span of time.
    pub(super) fn outside(&self, span: Range<OrderKey>) -> impl Iterator<Item = Place> {
        self.0.iter().flat_map(move |(&(log, branch), lines)| {
            let span = span.clone();
            let outside = lines.iter().filter(move |&(_, order)| !span.contains(order));
            outside.map(move |(&seq, _)| Place { log, branch, seq })
        })
    }

    pub(super) fn remove(&mut self, place: &Place) {
        if let Some(lines) = self.0.get_mut(&(place.log, place.branch)) {
            lines.remove(&place.seq);
        }
    }

    /// The order keys of all lines.
    pub(super) fn orders(&self) -> impl Iterator<Item = OrderKey> {
        self.0.values().flat_map(|lines| lines.values().copied())
    }
}
