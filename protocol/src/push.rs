//! Broadcast: a new item reaches every member once, at the price of about one copy each.
//!
//! Plumtree (Leitão, Pereira, Rodrigues, "Epidemic Broadcast Trees", SRDS 2007,
//! <https://doi.org/10.1109/SRDS.2007.27>) as a machine per group: to *eager* neighbours an item is pushed, to *lazy*
//! ones only announced. A second copy turns its link lazy (PRUNE); an announcement that no copy follows turns it eager
//! again (GRAFT). What is left of the links after a few items is a tree, and the lazy rest mends it. Differences to
//! the paper: a GRAFT is answered from the store and not from a short cache; timers follow measured round trips; the
//! tree is bettered by lead time instead of hop count; small groups need no tree.
//!
//! The machine holds no bytes, only ids: [`PushAction::Push`] says which item goes where. Push is for speed; what
//! delivers whatever happens is anti-entropy (`sync`).

pub(crate) mod frames;
mod missing;
mod peer;
pub(crate) mod presence;
pub(crate) mod receipt;
mod seen;

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use crate::ids::{ItemId, Neighbour, Path, SeatNumber};
use crate::limits;
use crate::time::Timestamp;
use missing::{Missing, Room, Source, Turn};
use peer::{Edge, Peer};
use presence::SeatSet;
use seen::{Origin, Seen};

/// How items travel (N-504).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Authors push to everybody; others fill in where an author has no link.
    Direct,
    /// Along the tree.
    Tree,
}

/// What the caller is to do. Frames of one step to one link go out together (N-407).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PushAction {
    /// Push the item, from the store.
    Push {
        /// To whom.
        to: Neighbour,
        /// Which.
        id: ItemId,
        /// Links crossed so far.
        hop: u8,
    },
    /// Send IHAVE.
    Have {
        /// To whom.
        to: Neighbour,
        /// At most [`limits::IHAVE_IDS_MAX`].
        ids: Vec<ItemId>,
    },
    /// Send GRAFT; without ids it only asks to be pushed to.
    Graft {
        /// To whom.
        to: Neighbour,
        /// At most [`limits::GRAFT_IDS_MAX`].
        ids: Vec<ItemId>,
    },
    /// Send PRUNE.
    Prune {
        /// To whom.
        to: Neighbour,
    },
    /// Everybody who announced the item was asked in vain: compare logs, if possible with this one.
    Want {
        /// Which.
        id: ItemId,
        /// Who announced it last and is still here.
        from: Option<Neighbour>,
    },
    /// Announcements were dropped for want of room: compare logs with this neighbour.
    Resync {
        /// With whom.
        neighbour: Neighbour,
    },
}

/// An item that was admitted and committed just now.
#[derive(Clone, Copy, Debug)]
pub struct Arrival<'a> {
    /// Its id (N-505).
    pub id: ItemId,
    /// Who pushed it; `None` if it was written here.
    pub from: Option<Neighbour>,
    /// Links crossed before it came here.
    pub hop: u8,
    /// The author's seat, if the author still has one: nothing is sent back there.
    pub author: Option<SeatNumber>,
    /// The seats the author said to be linked with, if that is fresh ([`limits::DIRECT_FIELD_MS`]).
    pub author_links: Option<&'a SeatSet>,
}

/// The broadcast machine of one group.
#[derive(Debug)]
pub struct Tree {
    mode: Mode,
    peers: BTreeMap<Neighbour, Peer>,
    seen: Seen,
    missing: Missing,
    last_turn: Option<u64>,
}

impl Default for Tree {
    fn default() -> Self {
        Self {
            mode: Mode::Direct,
            peers: BTreeMap::new(),
            seen: Seen::default(),
            missing: Missing::default(),
            last_turn: None,
        }
    }
}

impl Tree {
    /// The present mode.
    #[must_use]
    pub const fn mode(&self) -> Mode {
        self.mode
    }

    /// Whether the item came by in the last two minutes. (One that the store holds counts as seen too: the caller
    /// knows that.)
    #[must_use]
    pub fn has_seen(&self, id: &ItemId) -> bool {
        self.seen.get(id).is_some()
    }

    /// A slot left settling: from now on its peer takes part.
    pub fn on_neighbour_up(&mut self, neighbour: Neighbour, seat: Option<SeatNumber>, (rtt_ms, path): (u64, Path)) {
        self.peers.insert(neighbour, Peer::new(seat, rtt_ms, path));
    }

    /// A slot ended. Rule N-513: with fewer than two eager neighbours left, the nearest lazy one is grafted at once.
    pub fn on_neighbour_down(&mut self, now: Timestamp, neighbour: Neighbour) -> Vec<PushAction> {
        self.missing.forget(now, neighbour);
        let was = self.peers.remove(&neighbour).map(|peer| peer.edge);
        if was != Some(Edge::Eager) || self.mode == Mode::Direct || self.eager_count() >= limits::EAGER_MIN {
            return Vec::new();
        }
        let lazy = self.peers.iter_mut().filter(|(_, peer)| peer.edge == Edge::Lazy);
        let nearest = lazy.min_by_key(|(neighbour, peer)| (peer.cost_ms(), **neighbour));
        let graft = nearest.map(|(&to, peer)| {
            peer.edge = Edge::Eager;
            PushAction::Graft { to, ids: Vec::new() }
        });
        graft.into_iter().collect()
    }

    /// The path of a link changed, or its round-trip time did (N-106).
    pub fn on_path(&mut self, neighbour: Neighbour, rtt_ms: u64, path: Path) {
        if let Some(peer) = self.peers.get_mut(&neighbour) {
            peer.set_path(rtt_ms, path);
        }
    }

    /// Rule N-504: `members` are those online as seen from here, the own one counted. A change of mode makes every
    /// neighbour eager, and hurries what was to be announced.
    pub fn on_online(&mut self, now: Timestamp, members: usize) -> Vec<PushAction> {
        let mode = match self.mode {
            Mode::Direct if members > limits::TREE_MEMBERS_ABOVE => Mode::Tree,
            Mode::Tree if members <= limits::DIRECT_MEMBERS_MAX => Mode::Direct,
            Mode::Direct | Mode::Tree => return Vec::new(),
        };
        self.mode = mode;
        let later = now.plus_ms(limits::IHAVE_BATCH_MS);
        let mut actions = Vec::new();
        for (&to, peer) in &mut self.peers {
            peer.edge = Edge::Eager;
            peer.forget_leads();
            while let Some(ids) = peer.take_announcement(later) {
                actions.push(PushAction::Have { to, ids });
            }
        }
        actions
    }

    /// A new item, admitted and committed: forward it (N-507, N-508).
    pub fn on_item(&mut self, now: Timestamp, item: &Arrival<'_>) -> Vec<PushAction> {
        let Arrival { id, from, hop, .. } = *item;
        self.seen.note(now, id, from.map_or(Origin::Own, Origin::Pushed), hop);
        let announcers = self.missing.arrived(&id);
        let mut actions = match from {
            Some(from) if self.mode == Mode::Tree => self.note_leads(now, from, &announcers),
            Some(_) | None => Vec::new(),
        };
        let hop = if from.is_some() { hop.saturating_add(1) } else { 0 };
        let mode = self.mode;
        for (&to, peer) in &mut self.peers {
            let has_it = Some(to) == from
                || (peer.seat.is_some() && peer.seat == item.author)
                || announcers.iter().any(|source| source.neighbour == to);
            if has_it || (mode == Mode::Direct && from.is_some() && was_served_by_author(item, peer)) {
                continue;
            }
            if peer.edge == Edge::Eager || (mode == Mode::Direct && from.is_none()) {
                actions.push(PushAction::Push { to, id, hop });
            } else {
                peer.announce(now, id);
            }
        }
        actions.extend(self.announcements(now));
        actions
    }

    /// A pushed item that has to wait for another one (HOLD): it came, so it is asked of nobody else. If it is
    /// admitted within 10 s the caller gives it to [`Self::on_item`]; later it goes by anti-entropy (N-506).
    pub fn on_held(&mut self, now: Timestamp, id: ItemId, from: Neighbour, hop: u8) {
        self.seen.note(now, id, Origin::Pushed(from), hop);
        self.missing.arrived(&id);
    }

    /// An item came by anti-entropy. It is not pushed on (N-710).
    pub fn on_fetched(&mut self, now: Timestamp, id: ItemId) {
        self.seen.note(now, id, Origin::Fetched, 0);
        self.missing.arrived(&id);
    }

    /// A copy of something already here was pushed. Rule N-509: the link it came by is one too many, unless it also
    /// brought the first copy. A neighbour that goes on pushing over a lazy link is told again, once a round trip.
    pub fn on_duplicate(&mut self, now: Timestamp, from: Neighbour, id: &ItemId) -> Vec<PushAction> {
        self.missing.arrived(id);
        let Some(peer) = self.peers.get_mut(&from) else { return Vec::new() };
        peer.holds(id);
        let redundant = match self.seen.get(id).map(|sighting| sighting.origin) {
            Some(Origin::Pushed(first)) => first != from,
            Some(Origin::Own) => true,
            Some(Origin::Fetched) | None => false,
        };
        let told = peer.pruned_at.is_some_and(|at| now.mono_ms.saturating_sub(at) < peer.cost_ms().max(1_000));
        if !redundant || self.mode == Mode::Direct || (peer.edge == Edge::Lazy && told) {
            return Vec::new();
        }
        peer.edge = Edge::Lazy;
        peer.pruned_at = Some(now.mono_ms);
        alloc::vec![PushAction::Prune { to: from }]
    }

    /// IHAVE. `held` says whether the store holds an item.
    pub fn on_have(
        &mut self,
        now: Timestamp,
        from: Neighbour,
        ids: &[ItemId],
        held: &dyn Fn(&ItemId) -> bool,
    ) -> Vec<PushAction> {
        // Rule N-510, timer 1.
        let eager = self.peers.values().filter(|peer| peer.edge == Edge::Eager);
        let farthest = eager.map(Peer::cost_ms).max().unwrap_or(0);
        let wait_ms = farthest.saturating_mul(2).saturating_add(100).clamp(200, 1_500);
        let Some(peer) = self.peers.get_mut(&from) else { return Vec::new() };
        let mut full = false;
        for id in ids {
            peer.holds(id);
            match self.seen.get(id).map(|sighting| sighting.origin) {
                Some(Origin::Pushed(first)) if first != from => peer.note_lead(0),
                Some(_) => {}
                None if held(id) => {}
                None => full |= self.missing.announce(now, *id, from, wait_ms) == Room::Full,
            }
        }
        let resync = full && peer.may_resync(now);
        resync.then_some(PushAction::Resync { neighbour: from }).into_iter().collect()
    }

    /// GRAFT (N-511). `stored_bytes` gives the size of an item that the store holds.
    pub fn on_graft(
        &mut self,
        now: Timestamp,
        from: Neighbour,
        ids: &[ItemId],
        stored_bytes: &dyn Fn(&ItemId) -> Option<u64>,
    ) -> Vec<PushAction> {
        let Some(peer) = self.peers.get_mut(&from) else { return Vec::new() };
        peer.edge = Edge::Eager;
        let mut actions = Vec::new();
        for (at, id) in ids.iter().enumerate() {
            let Some(bytes) = stored_bytes(id).filter(|_| !ids.iter().take(at).any(|before| before == id)) else {
                continue;
            };
            if peer.may_graft(now, bytes) {
                peer.holds(id);
                let hop = self.seen.get(id).map_or(0, |sighting| sighting.hop).saturating_add(1);
                actions.push(PushAction::Push { to: from, id: *id, hop });
            }
        }
        actions
    }

    /// PRUNE: from now on this neighbour gets announcements.
    pub fn on_prune(&mut self, from: Neighbour) {
        if let Some(peer) = self.peers.get_mut(&from) {
            peer.edge = Edge::Lazy;
            peer.forget_leads();
        }
    }

    /// What is due: announcements, and items that were announced and did not come (N-510).
    pub fn on_deadline(&mut self, now: Timestamp) -> Vec<PushAction> {
        let mut actions = self.announcements(now);
        let mut grafts: BTreeMap<Neighbour, Vec<ItemId>> = BTreeMap::new();
        let peers = &self.peers;
        let cost = |neighbour| peers.get(&neighbour).map_or(u64::MAX, Peer::cost_ms);
        while let Some((id, turn)) = self.missing.pop_due(now, &cost) {
            match turn {
                Turn::Ask(neighbour) => grafts.entry(neighbour).or_default().push(id),
                Turn::Exhausted(from) => actions.push(PushAction::Want { id, from }),
            }
        }
        for (to, ids) in grafts {
            if let Some(peer) = self.peers.get_mut(&to) {
                peer.edge = Edge::Eager;
            }
            let frames = ids.chunks(limits::GRAFT_IDS_MAX);
            actions.extend(frames.map(|ids| PushAction::Graft { to, ids: ids.to_vec() }));
        }
        actions
    }

    /// When [`Self::on_deadline`] has something to do (monotonic ms).
    #[must_use]
    pub fn next_deadline(&self) -> Option<u64> {
        let announce = self.peers.values().filter_map(Peer::announce_due).min();
        announce.into_iter().chain(self.missing.next_deadline()).min()
    }

    fn eager_count(&self) -> usize {
        self.peers.values().filter(|peer| peer.edge == Edge::Eager).count()
    }

    fn announcements(&mut self, now: Timestamp) -> Vec<PushAction> {
        let mut actions = Vec::new();
        for (&to, peer) in &mut self.peers {
            while let Some(ids) = peer.take_announcement(now) {
                actions.push(PushAction::Have { to, ids });
            }
        }
        actions
    }

    /// Rule N-512: a lazy neighbour that again and again announces long before the copy comes takes the place of the
    /// eager one that brought it. IHAVE waits up to 25 ms, so a lead is never over-told.
    fn note_leads(&mut self, now: Timestamp, from: Neighbour, announcers: &[Source]) -> Vec<PushAction> {
        let mut best: Option<(u64, Neighbour)> = None;
        for source in announcers.iter().filter(|source| source.neighbour != from) {
            let Some(peer) = self.peers.get_mut(&source.neighbour) else { continue };
            let lead = now.mono_ms.saturating_sub(source.announced_mono_ms);
            peer.note_lead(lead);
            if peer.leads(now) && best.is_none_or(|(most, _)| lead > most) {
                best = Some((lead, source.neighbour));
            }
        }
        let Some((_, to)) = best else { return Vec::new() };
        if self.last_turn.is_some_and(|at| now.mono_ms.saturating_sub(at) < limits::LEAD_TURN_EVERY_MS) {
            return Vec::new();
        }
        self.last_turn = Some(now.mono_ms);
        if let Some(leader) = self.peers.get_mut(&to) {
            leader.edge = Edge::Eager;
            leader.forget_leads();
        }
        let mut actions = alloc::vec![PushAction::Graft { to, ids: Vec::new() }];
        if let Some(slow) = self.peers.get_mut(&from) {
            slow.edge = Edge::Lazy;
            slow.pruned_at = Some(now.mono_ms);
            slow.no_lead_before = now.mono_ms.saturating_add(limits::LEAD_PRUNED_REST_MS);
            slow.forget_leads();
            actions.push(PushAction::Prune { to: from });
        }
        actions
    }
}

/// Rule N-507: the author pushed to those it is linked with.
fn was_served_by_author(item: &Arrival<'_>, peer: &Peer) -> bool {
    match (item.author_links, peer.seat) {
        (Some(links), Some(seat)) => links.contains(seat),
        (None, _) | (_, None) => false,
    }
}

#[cfg(test)]
mod tests;
