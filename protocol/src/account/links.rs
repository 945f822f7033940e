//! Links with members: the handshake finds the shared groups, frames go to them by slot, and of two links with one
//! person the better stays (section 3 of the network document).

mod table;

use alloc::collections::{BTreeMap, VecDeque};
use alloc::vec::Vec;

use bytes::Bytes;

use super::{Account, Step};
use crate::effects::{Class, LinkAction, Stored};
use crate::error::PeerFault;
use crate::event::AlertKind;
use crate::group::Group;
use crate::ids::{Boot, GroupId, LinkId, MemberKey, Neighbour, Path};
use crate::input::Opener;
use crate::limits;
use crate::link::{
    ByeCode, Close, Conduct, Door, Ends, Link, LinkStep, Listing, PeerNode, Side, Standing, TwinWatch, bye, twin,
};
use crate::wire::frame::{Frame, GroupFrame};

/// One group link, and what waits for its credit.
pub(super) struct GroupLink {
    pub(super) peer: MemberKey,
    pub(super) path: Path,
    pub(super) rtt_ms: u64,
    link: Link,
    waiting: VecDeque<(Stored, usize)>,
}

impl GroupLink {
    /// Whether nothing else would be lost with it.
    pub(super) fn is_for_one_group(&self) -> bool {
        self.link.open_slots().count() == 1
    }
}

/// All streams of this process.
#[derive(Default)]
pub(super) struct Links {
    pub(super) group: table::Table,
    pub(super) join: BTreeMap<LinkId, super::joins::JoinLink>,
    conduct: BTreeMap<MemberKey, Conduct>,
    starts: BTreeMap<MemberKey, TwinWatch>,
}

impl Links {
    pub(super) fn peer_of(&self, link: LinkId) -> Option<MemberKey> {
        let group = self.group.get(&link).map(|link| link.peer);
        group.or_else(|| self.join.get(&link).map(super::joins::JoinLink::peer))
    }

    /// A peer's account; the table is bounded by forgetting it whole (N-211 halves points every ten minutes anyway).
    pub(super) fn conduct(&mut self, peer: MemberKey) -> &mut Conduct {
        if self.conduct.len() >= limits::CONDUCTS_MAX && !self.conduct.contains_key(&peer) {
            self.conduct.clear();
        }
        self.conduct.entry(peer).or_default()
    }

    /// The starts of a person's installation; bounded in the same way.
    fn starts(&mut self, peer: MemberKey) -> &mut TwinWatch {
        if self.starts.len() >= limits::CONDUCTS_MAX && !self.starts.contains_key(&peer) {
            self.starts.clear();
        }
        self.starts.entry(peer).or_default()
    }

    pub(super) fn is_linked(&self, peer: &MemberKey) -> bool {
        self.group.values().any(|link| link.peer == *peer)
    }
}

impl Account {
    pub(super) fn on_group_link(
        &mut self,
        step: &mut Step<'_>,
        id: LinkId,
        (peer, path): (MemberKey, Path),
        opener: Opener,
    ) {
        let ends = Ends {
            own: self.identity.public(),
            peer,
            instance: self.instance,
            boot: self.boot,
            caps: crate::link::CAP_TREE,
        };
        let (link, first) = match opener {
            Opener::Us => Link::open(ends, step.now, step.rng),
            Opener::Peer => (Link::accept(ends, step.now), LinkStep::default()),
        };
        let rtt_ms = limits::ROUND_TRIP_GUESS_MS;
        self.links.group.insert(id, GroupLink { peer, path, rtt_ms, link, waiting: VecDeque::new() });
        self.reach.connected(&peer);
        self.on_link_step(step, id, first);
    }

    pub(super) fn on_received(&mut self, step: &mut Step<'_>, link: LinkId, bytes: &Bytes) {
        let frame = match Frame::from_bytes(bytes) {
            Ok(frame) => frame,
            Err(_) => return self.on_fault(step, link, PeerFault::Undecodable),
        };
        if self.links.join.contains_key(&link) {
            return self.on_join_frame(step, link, &frame);
        }
        let Some(mut held) = self.links.group.get_mut(&link) else { return };
        let give = (frame.kind == GroupFrame::Give.number()).then_some(frame.body.len());
        // Who may open a slot matters only to frames about slots; most are about what was written.
        let asks = Link::asks_for_doors(frame.kind);
        let doors = if asks { doors(&self.groups, &held.peer) } else { Vec::new() };
        let outcome = held.link.handle(step.now, frame, &doors, step.rng);
        drop(held);
        self.on_link_step(step, link, outcome);
        if let Some(bytes) = give {
            let credit = self.links.group.get_mut(&link).and_then(|mut held| held.link.settled(bytes));
            if let Some(credit) = credit {
                step.effects.send(link, &credit);
            }
        }
        self.give_waiting(step, link);
    }

    fn on_link_step(&mut self, step: &mut Step<'_>, id: LinkId, outcome: LinkStep) {
        for frame in &outcome.send {
            step.effects.send(id, frame);
        }
        if let Some(fault) = outcome.fault {
            self.on_fault(step, id, fault);
        }
        if let Some(node) = outcome.ready {
            self.look_for_twin(step, id, &node);
            self.settle_duplicates(step, id);
        }
        if outcome.over_rate {
            // Left aside without a point (N-606), and counted by its name.
            self.count_fault(PeerFault::OverLimit);
        }
        for (slot, gid) in outcome.opened {
            self.on_slot_opened(step, Neighbour { link: id, slot }, &gid);
        }
        if let Some((slot, gid, code)) = outcome.dropped {
            let neighbour = Neighbour { link: id, slot };
            if let Some(&g) = self.by_gid.get(&gid) {
                self.with_group(step, g, |group, ctx| group.on_peer_drop(ctx, neighbour, code));
            }
        }
        if let Some(delivery) = outcome.deliver {
            let neighbour = Neighbour { link: id, slot: delivery.slot };
            if let Some(&g) = self.by_gid.get(&delivery.gid) {
                let frame = (delivery.kind, delivery.body.as_ref());
                self.with_group(step, g, |group, ctx| group.on_frame(ctx, neighbour, frame));
                self.queue_stored(step, g);
                if delivery.kind == GroupFrame::State {
                    self.release_spare(step, neighbour, g);
                }
            }
        }
        if let Some((instance, boot)) = outcome.twin
            && instance == self.instance
            && boot != self.boot
            && !self.alerts.iter().any(|alert| alert.kind == AlertKind::Clone)
        {
            self.raise(step, AlertKind::Clone, None, "ST-102");
        }
        if let Some(close) = outcome.close {
            self.on_close(step, id, &close);
        }
    }

    fn on_close(&mut self, step: &mut Step<'_>, id: LinkId, close: &Close) {
        if let Close::Fault(fault) = close {
            self.on_fault(step, id, *fault);
            if *fault == PeerFault::Handshake
                && let Some(peer) = self.links.peer_of(id)
                && let Some(block_ms) = self.links.conduct(peer).on_failed_handshake(step.now)
            {
                step.effects.link(LinkAction::HangUp { link: id, block_ms });
                self.raise(step, AlertKind::HandshakeFailed, Some(peer), "N-306");
            }
        }
        step.effects.link(LinkAction::HangUp { link: id, block_ms: 0 });
        let released = self.links.peer_of(id).filter(|_| matches!(close, Close::ByPeer(ByeCode::Rebalance, _)));
        self.on_disconnected(step, id);
        released.into_iter().for_each(|peer| self.reach.let_go(&peer));
    }

    fn on_slot_opened(&mut self, step: &mut Step<'_>, neighbour: Neighbour, gid: &GroupId) {
        let Some(&g) = self.by_gid.get(gid) else { return };
        let Some(link) = self.links.group.get(&neighbour.link) else { return };
        let at = (link.peer, link.path, link.rtt_ms);
        self.reach.reached(&link.peer);
        self.with_group(step, g, |group, ctx| group.on_slot_open(ctx, neighbour, at));
        self.queue_stored(step, g);
    }

    pub(super) fn on_disconnected(&mut self, step: &mut Step<'_>, id: LinkId) {
        if self.links.join.contains_key(&id) {
            return self.on_join_link_closed(step, id);
        }
        let Some(held) = self.links.group.remove(&id) else { return };
        for (slot, gid) in held.link.open_slots().collect::<Vec<_>>() {
            self.close_slot(step, Neighbour { link: id, slot }, &gid);
        }
        if !self.links.is_linked(&held.peer) {
            self.reach.lost(&held.peer, step.now);
        }
    }

    fn close_slot(&mut self, step: &mut Step<'_>, neighbour: Neighbour, gid: &GroupId) {
        if let Some(&g) = self.by_gid.get(gid) {
            self.with_group(step, g, |group, ctx| group.on_slot_closed(ctx, neighbour));
        }
    }

    /// Slots that a group has ended: DROP goes out and the link forgets them (N-203).
    pub(super) fn end_dropped_slots(&mut self, step: &mut Step<'_>, g: u32) {
        let dropped = self.groups.get_mut(&g).map(Group::take_dropped).unwrap_or_default();
        for (neighbour, code) in dropped {
            let held = self.links.group.get_mut(&neighbour.link);
            if let Some(frame) = held.and_then(|mut held| held.link.drop_slot(step.now, neighbour.slot, code)) {
                step.effects.send(neighbour.link, &frame);
            }
            self.with_group(step, g, |group, ctx| group.on_slot_closed(ctx, neighbour));
        }
    }

    /// As N-310 asks: a start that comes back after another one shows two live copies. Both are told, each of the other.
    fn look_for_twin(&mut self, step: &mut Step<'_>, id: LinkId, node: &PeerNode) {
        let Some(peer) = self.links.peer_of(id) else { return };
        let Some(other) = self.links.starts(peer).on_ready(node.instance, node.boot) else { return };
        let of_peer = self.links.group.iter().filter(|(_, held)| held.peer == peer);
        let ready: Vec<(LinkId, Boot)> =
            of_peer.filter_map(|(&link, held)| Some((link, held.link.peer_node()?.boot))).collect();
        for (link, boot) in ready {
            let tells = if boot == node.boot { other } else { node.boot };
            step.effects.send(link, &twin(node.instance, tells));
        }
    }

    /// Rules N-309, N-310: of two ready links with one person one stays; both sides choose the same.
    fn settle_duplicates(&mut self, step: &mut Step<'_>, newest: LinkId) {
        let Some(peer) = self.links.peer_of(newest) else { return };
        let own = self.identity.public();
        let standing = |(&id, held): (&LinkId, &GroupLink)| {
            let node = held.link.peer_node()?;
            let opener = if held.link.side() == Side::Opener { own } else { held.peer };
            Some(Standing { link: id, path: held.path, opener, boot: node.boot })
        };
        let mut ready: Vec<Standing> =
            self.links.group.iter().filter(|(_, held)| held.peer == peer).filter_map(standing).collect();
        while let [first, second, ..] = ready.as_slice() {
            let loser = if crate::link::better(first, second) == first { second.link } else { first.link };
            ready.retain(|standing| standing.link != loser);
            step.effects.send(loser, &bye(ByeCode::Moved, &[]));
            step.effects.link(LinkAction::HangUp { link: loser, block_ms: 0 });
            self.on_disconnected(step, loser);
        }
    }

    /// Somebody came or went: links that may share another group now say so (N-307).
    pub(super) fn open_again(&mut self, step: &mut Step<'_>) {
        let ids: Vec<LinkId> = self.links.group.keys().copied().collect();
        for id in ids {
            let Some(mut held) = self.links.group.get_mut(&id) else { continue };
            let doors = doors(&self.groups, &held.peer);
            let has_unopened =
                doors.iter().any(|door| door.peer != Listing::Absent && held.link.slot_of(&door.gid).is_none());
            if held.link.peer_node().is_some() && has_unopened {
                for frame in held.link.again(step.now, &doors, step.rng) {
                    step.effects.send(id, &frame);
                }
            }
        }
    }

    /// The gate's table: who reaches what (N-201).
    pub(super) fn classes(&self) -> Vec<(MemberKey, Class)> {
        let own = self.identity.public();
        let mut classes: BTreeMap<MemberKey, Class> = BTreeMap::new();
        for group in self.groups.values().filter(|group| group.shares_links()) {
            for person in group.membership().roster().candidates().filter(|person| person.key != own) {
                let class = if person.keyed { Class::Member } else { Class::Waiting };
                let known = classes.entry(person.key).or_insert(class);
                *known = (*known).min(class);
            }
        }
        classes.into_iter().collect()
    }

    pub(super) fn on_quality(&mut self, step: &mut Step<'_>, id: LinkId, (rtt_ms, path): (u64, Path)) {
        let Some(mut held) = self.links.group.get_mut(&id) else { return };
        (held.rtt_ms, held.path) = (rtt_ms, path);
        held.link.set_round_trip_ms(rtt_ms);
        let open: Vec<_> = held.link.open_slots().collect();
        drop(held);
        for (slot, gid) in open {
            if let Some(&g) = self.by_gid.get(&gid) {
                self.with_group(step, g, |group, _| group.on_quality(Neighbour { link: id, slot }, (path, rtt_ms)));
            }
        }
    }

    /// By N-406, the shell dropped what waited for this link; comparing logs brings it back.
    pub(super) fn on_overflowed(&mut self, step: &mut Step<'_>, id: LinkId) {
        let Some(held) = self.links.group.get(&id) else { return };
        for (slot, gid) in held.link.open_slots().collect::<Vec<_>>() {
            if let Some(&g) = self.by_gid.get(&gid) {
                self.with_group(step, g, |group, ctx| group.on_overflowed(ctx, Neighbour { link: id, slot }));
            }
        }
    }

    /// GIVE frames that a group wants sent: at once as far as credit goes, the rest as it comes (N-405).
    pub(super) fn queue_stored(&mut self, step: &mut Step<'_>, g: u32) {
        let stored = self.groups.get_mut(&g).map(Group::take_gives).unwrap_or_default();
        let mut touched = Vec::new();
        for (frame, size) in stored {
            let Some(mut held) = self.links.group.get_mut(&frame.link) else { continue };
            if held.waiting.len() >= limits::GIVES_WAITING_MAX {
                // The asker's own time runs out and it asks again.
                continue;
            }
            touched.push(frame.link);
            held.waiting.push_back((frame, size));
        }
        touched.dedup();
        touched.into_iter().for_each(|link| self.give_waiting(step, link));
    }

    fn give_waiting(&mut self, step: &mut Step<'_>, id: LinkId) {
        let Some(mut held) = self.links.group.get_mut(&id) else { return };
        while let Some((_, size)) = held.waiting.front() {
            if !held.link.may_give(*size) {
                return;
            }
            if let Some((frame, size)) = held.waiting.pop_front() {
                held.link.on_given(size, step.now);
                step.effects.send_stored(frame);
            }
        }
    }

    /// Handshakes that take too long are reset without a word (N-301), and so are links that carry no group any more.
    /// Whoever we count in, and who shares no group with us, may count us out: it is asked by an introduction.
    pub(super) fn on_link_times(&mut self, step: &mut Step<'_>) {
        for id in self.links.group.late(step.now.mono_ms) {
            let Some(close) = self.links.group.get(&id).and_then(|held| held.link.on_time(step.now)) else { continue };
            if let Some(held) = self.links.group.get(&id).filter(|held| held.link.peer_node().is_some()) {
                self.reach.note_unknown_to(&held.peer);
            }
            self.on_close(step, id, &close);
        }
    }

    pub(super) fn link_deadline(&self) -> Option<u64> {
        self.links.group.deadline()
    }
}

/// What each group says of a peer (N-302).
fn doors<'a>(groups: &'a BTreeMap<u32, Group>, peer: &MemberKey) -> Vec<Door<'a>> {
    let listing = |group: &Group| {
        let roster = group.membership().roster();
        let mut listed = Listing::Absent;
        for mid in roster.mids_of(peer) {
            if roster.is_keyed(&mid) {
                return Listing::Member;
            }
            listed = Listing::Waiting;
        }
        listed
    };
    groups
        .values()
        .filter(|group| group.shares_links())
        .map(|group| Door { gid: group.gid(), secret: group.handshake(), peer: listing(group) })
        .collect()
}
