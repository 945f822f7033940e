//! Who is within reach: links and rumours of presence, for faces and for the choice of links (N-503, N-601, N-602).

use alloc::collections::BTreeSet;

use super::{Context, Group};
use crate::ids::{MemberKey, MembershipId, Neighbour, SeatNumber};
use crate::limits;
use crate::push::presence::SeatSet;
use crate::time::Timestamp;

impl Group {
    /// Members within reach; oneself is not among them. Where everybody is linked, those who are; in a large group also
    /// whom neighbours hear of (N-503), as long as there are neighbours.
    pub(in crate::group) fn online_members(&self) -> BTreeSet<MembershipId> {
        let roster = self.membership.roster();
        let linked = self.near.slots.values().map(|near| near.mid).filter(|mid| roster.person(mid).is_some());
        let mut online: BTreeSet<MembershipId> = linked.collect();
        if let Some(now) = self.near.heard_at.filter(|_| self.is_large() && !online.is_empty()) {
            let heard = |seat: &SeatNumber| self.near.presence.is_online(now, *seat);
            online.extend(
                roster.seated().filter(|person| person.seat.as_ref().is_some_and(heard)).map(|person| person.mid),
            );
        }
        online.remove(&self.me);
        online
    }

    /// Whether the group has more members than a node keeps links with (N-601).
    pub(crate) fn is_large(&self) -> bool {
        self.membership.roster().candidates().count() > limits::LINK_ALL_MAX.saturating_add(1)
    }

    /// By N-503, whether somebody is said to be online.
    pub(crate) fn hears_of(&self, key: &MemberKey, now: Timestamp) -> bool {
        let roster = self.membership.roster();
        let seats = roster.mids_of(key).filter_map(|mid| self.seat_of(&mid));
        seats.into_iter().any(|seat| self.near.presence.is_online(now, seat))
    }

    /// By N-602, whether both of us have plenty of neighbours and some of them in common.
    pub(crate) fn is_spare(&self, neighbour: Neighbour) -> bool {
        let links = self.near.slots.get(&neighbour).and_then(|near| near.links);
        let own = self.linked_seats();
        links.is_some_and(|(theirs, _)| {
            own.len() > limits::LINKS_MAX
                && theirs.len() > limits::LINKS_PLENTY
                && own.common(&theirs).len() >= limits::LINKS_COMMON_MIN
        })
    }

    pub(super) fn linked_seats(&self) -> SeatSet {
        self.near.slots.values().filter_map(|near| self.seat_of(&near.mid)).collect()
    }

    /// A sign of life, on its own slot.
    pub(in crate::group) fn heard_from(&mut self, ctx: &mut Context<'_>, mid: &MembershipId) {
        if let Some(seat) = self.seat_of(mid) {
            self.near.presence.on_heard(ctx.now, seat);
        }
        self.near.heard_at = Some(ctx.now);
        let online = self.near.presence.online(ctx.now).saturating_add(1);
        let actions = self.near.tree.on_online(ctx.now, online);
        self.carry_out(ctx, actions);
    }
}
