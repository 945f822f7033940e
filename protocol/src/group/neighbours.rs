//! Neighbours of a group: who has an open slot, whether membership has settled there, and what goes out on it.
//!
//! A slot first settles: only STATE, MSYNC and DROP pass until we hold every operation that the neighbour has announced
//! (N-308), so that a removal one side knows takes effect before words flow. Then it takes part in the tree and in
//! anti-entropy.

mod online;
mod spreading;
mod standing;

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use super::{Context, Group};

use crate::error::PeerFault;
use crate::event::Event;
use crate::ids::{Digest, Heads, ItemId, MemberKey, MembershipId, Neighbour, Path, SeatNumber};
use crate::limits;
use crate::link::DropCode;
use crate::membership::{Exchange, Role, Roster};
use crate::push::Tree;
use crate::push::frames::{Class, Push, PushItem};
use crate::push::presence::{Presence, SeatSet};
use crate::time::Timestamp;
use crate::wire::frame::{Frame, GroupFrame};
use crate::wire::{Writer, to_bytes};

/// One open slot.
pub(super) struct Near1 {
    pub(super) key: MemberKey,
    pub(super) mid: MembershipId,
    pub(super) path: Path,
    pub(super) rtt_ms: u64,
    pub(super) exchange: Exchange,
    pub(super) settled: bool,
    /// When the next STATE goes to it.
    state_mono_ms: u64,
    pub(super) links: Option<(SeatSet, u64)>,
    /// Operations from it whose past is missing, the newest few: what it shows before it ends the slot (N-203).
    pub(super) unfounded: Vec<Vec<u8>>,
}

/// All open slots of a group and what serves them.
#[derive(Default)]
pub(crate) struct Near {
    pub(super) slots: BTreeMap<Neighbour, Near1>,
    /// When the next STATE goes to any of them.
    state_due: Option<u64>,
    pub(super) tree: Tree,
    pub(super) presence: Presence,
    /// When anything last came on a slot: the clock of what is shown of presence.
    heard_at: Option<Timestamp>,
    pub(super) fetcher: super::fetching::Fetcher,
    pub(super) receipts: super::receipts::Receipts,
    /// Items of the last moments, for the tree's answers to GRAFT; older ones come by anti-entropy.
    fresh: BTreeMap<ItemId, PushItem>,
    fresh_order: alloc::collections::VecDeque<ItemId>,
    /// Hop counts of items that are being judged in this step.
    hops: BTreeMap<ItemId, u8>,
    /// Items of this step by neighbour: one frame each at its end (N-407).
    going: BTreeMap<Neighbour, Vec<PushItem>>,
    /// `entries` of STATE, and at which versions of logs and membership.
    entries: Option<((u64, u64), Digest)>,
    /// `heads` of STATE, and of which heads.
    heads: Option<(Heads, Digest)>,
    /// Slots to be ended with their link: the account does it.
    pub(super) dropped: Vec<(Neighbour, DropCode)>,
    pub(super) lookup_patience: Option<u64>,
    /// Entries of this moment came as an answer, not by push.
    pub(super) giving: bool,
}

impl Group {
    /// A slot opened: membership first (N-308).
    pub(crate) fn on_slot_open(
        &mut self,
        ctx: &mut Context<'_>,
        neighbour: Neighbour,
        (key, path, rtt_ms): (MemberKey, Path, u64),
    ) {
        let Some(mid) = self.membership.roster().mids_of(&key).next() else {
            self.near.dropped.push((neighbour, DropCode::NotShared));
            return;
        };
        let near = Near1 {
            key,
            mid,
            path,
            rtt_ms,
            exchange: Exchange::new(),
            settled: false,
            state_mono_ms: ctx.now.mono_ms,
            links: None,
            unfounded: Vec::new(),
        };
        self.near.slots.insert(neighbour, near);
        self.near.plan_state();
        self.fetching_opened(ctx, neighbour);
        self.heard_from(ctx, &mid);
        self.send_state(ctx, neighbour);
        self.send_membership(ctx, neighbour);
        ctx.effects.emit(Event::Presence { group: self.gid(), member: mid });
    }

    /// A slot or its link ended.
    pub(crate) fn on_slot_closed(&mut self, ctx: &mut Context<'_>, neighbour: Neighbour) {
        let Some(near) = self.near.slots.remove(&neighbour) else { return };
        self.near.plan_state();
        self.near.going.remove(&neighbour);
        self.receipts_closed(neighbour);
        let actions = self.near.tree.on_neighbour_down(ctx.now, neighbour);
        self.carry_out(ctx, actions);
        self.drop_fetches(ctx, neighbour);
        if self.path_to(&near.mid).is_none() {
            // In a large group a link ends without its person going offline; neighbours tell.
            if let Some(seat) = self.seat_of(&near.mid).filter(|_| !self.is_large()) {
                self.near.presence.forget(seat);
            }
            ctx.effects.emit(Event::Presence { group: self.gid(), member: near.mid });
        }
    }

    /// Slots that this step decided to end.
    pub(crate) fn take_dropped(&mut self) -> Vec<(Neighbour, DropCode)> {
        core::mem::take(&mut self.near.dropped)
    }

    /// A link's round trip or way changed.
    pub(crate) fn on_quality(&mut self, neighbour: Neighbour, (path, rtt_ms): (Path, u64)) {
        if let Some(near) = self.near.slots.get_mut(&neighbour) {
            (near.path, near.rtt_ms) = (path, rtt_ms);
            self.near.tree.on_path(neighbour, rtt_ms, path);
        }
    }

    /// Sends one frame on a slot.
    pub(super) fn send(&self, ctx: &mut Context<'_>, to: Neighbour, kind: GroupFrame, body: &[u8]) {
        let frame = Frame { kind: kind.number(), slot: to.slot, body: bytes::Bytes::copy_from_slice(body) };
        ctx.effects.send(to.link, &frame);
    }

    /// Sends one frame to every settled neighbour that is a full member.
    pub(super) fn send_to_members(&self, ctx: &mut Context<'_>, kind: GroupFrame, body: &[u8]) {
        let all: Vec<Neighbour> = self.settled().filter(|&to| self.is_full_neighbour(to)).collect();
        all.into_iter().for_each(|to| self.send(ctx, to, kind, body));
    }

    pub(super) fn send_to_members_but(&self, ctx: &mut Context<'_>, but: Neighbour, (kind, body): (GroupFrame, &[u8])) {
        let all: Vec<Neighbour> = self.settled().filter(|&to| to != but && self.is_full_neighbour(to)).collect();
        all.into_iter().for_each(|to| self.send(ctx, to, kind, body));
    }

    pub(super) fn settled(&self) -> impl Iterator<Item = Neighbour> {
        self.near.slots.iter().filter(|(_, near)| near.settled).map(|(&neighbour, _)| neighbour)
    }

    /// Keyed and no guest: gets lookup keys and sealed addresses.
    pub(super) fn is_full_neighbour(&self, neighbour: Neighbour) -> bool {
        self.near.slots.get(&neighbour).is_some_and(|near| {
            let person = self.membership.roster().person(&near.mid);
            person.is_some_and(|person| person.keyed && person.role == Role::Member)
        })
    }

    pub(super) fn seat_of(&self, mid: &MembershipId) -> Option<SeatNumber> {
        self.membership.roster().person(mid).and_then(|person| person.seat)
    }

    /// The best way to a member, if there is a slot.
    pub(super) fn path_to(&self, mid: &MembershipId) -> Option<Path> {
        self.near.slots.values().filter(|near| near.mid == *mid).map(|near| near.path).min()
    }

    // ---- membership on a slot ------------------------------------------------------------------------------------

    /// MSYNC frames that are due for one neighbour (N-709).
    pub(super) fn send_membership(&mut self, ctx: &mut Context<'_>, to: Neighbour) {
        let Some(near) = self.near.slots.get_mut(&to) else { return };
        let frames = near.exchange.generate(&mut self.membership);
        for frame in frames {
            let mut body = Writer::default();
            body.array(2).bytes(&frame.message).array(frame.operations.len());
            for id in &frame.operations {
                let bytes = self.membership.operation(id).map_or(&[][..], crate::membership::SignedOperation::bytes);
                body.bytes(bytes);
            }
            self.send(ctx, to, GroupFrame::Msync, &body.into_bytes());
        }
    }

    /// Whether we hold every operation that the neighbour has announced; the first time, the slot takes part.
    pub(super) fn look_settled(&mut self, ctx: &mut Context<'_>, neighbour: Neighbour) {
        let Some(near) = self.near.slots.get_mut(&neighbour) else { return };
        if near.settled || !near.exchange.holds_all_announced(&mut self.membership) {
            return;
        }
        near.settled = true;
        let (mid, rtt, path) = (near.mid, near.rtt_ms, near.path);
        // By now the neighbour may be out, or somebody else than it was.
        if self.membership.roster().person(&mid).is_none() {
            return self.drop_neighbour(ctx, neighbour);
        }
        let seat = self.seat_of(&mid);
        self.near.tree.on_neighbour_up(neighbour, seat, (rtt, path));
        self.greet_with_addresses(ctx, neighbour);
        if self.membership.roster().is_keyed(&mid) {
            self.look_for_lost_chain(ctx, &mid);
            self.send_vector(ctx, neighbour);
        }
    }

    /// Membership moved: whoever is out is told by the operations that did it and dropped; the others learn (N-203).
    pub(super) fn neighbours_after_operations(&mut self, ctx: &mut Context<'_>) {
        let all: Vec<(Neighbour, MembershipId)> =
            self.near.slots.iter().map(|(&neighbour, near)| (neighbour, near.mid)).collect();
        for (neighbour, mid) in all {
            if self.membership.roster().person(&mid).is_none() {
                // The same key may sit here by a newer membership.
                let key = self.near.slots.get(&neighbour).map(|near| near.key);
                match key.and_then(|key| self.membership.roster().mids_of(&key).next()) {
                    Some(newer) => {
                        if let Some(near) = self.near.slots.get_mut(&neighbour) {
                            near.mid = newer;
                        }
                    }
                    None => self.drop_neighbour(ctx, neighbour),
                }
                continue;
            }
            if let Some(near) = self.near.slots.get_mut(&neighbour) {
                near.exchange.wake();
            }
            self.send_membership(ctx, neighbour);
            self.look_settled(ctx, neighbour);
        }
        self.fetching_membership_moved(ctx);
    }

    /// By N-201, who waited for a seat was told of membership and nothing else. With the word that gives the keys, logs
    /// are compared, with the newcomer and by the newcomer: nobody would begin before the next STATE.
    pub(super) fn compare_with_newly_keyed(&mut self, ctx: &mut Context<'_>, before: &Roster) {
        let roster = self.membership.share_roster();
        let came = |mid: &MembershipId| roster.is_keyed(mid) && !before.is_keyed(mid);
        let i_came = came(&self.me);
        let settled = self.near.slots.iter().filter(|(_, near)| near.settled && (i_came || came(&near.mid)));
        let all: Vec<(Neighbour, MembershipId)> = settled.map(|(&neighbour, near)| (neighbour, near.mid)).collect();
        for (neighbour, mid) in all {
            self.look_for_lost_chain(ctx, &mid);
            self.send_vector(ctx, neighbour);
        }
    }

    /// Rule N-203: sends the operations that ended somebody, then DROP, and nothing more.
    fn drop_neighbour(&mut self, ctx: &mut Context<'_>, neighbour: Neighbour) {
        let Some(near) = self.near.slots.get(&neighbour) else { return };
        let ending = self.membership.endings(&near.mid);
        let items: Vec<PushItem> = ending
            .iter()
            .take(limits::ENDING_OPERATIONS_MAX)
            .filter_map(|id| self.membership.operation(id))
            .map(|signed| PushItem { class: Class::Operation, hop: 0, lid: None, bytes: signed.bytes().to_vec() })
            .collect();
        if !items.is_empty() && !planted!(RemovalNotTold) {
            self.send(ctx, neighbour, GroupFrame::Push, &to_bytes(&Push(items)));
        }
        self.near.dropped.push((neighbour, DropCode::NotShared));
        self.on_slot_closed(ctx, neighbour);
    }

    /// The tree's own timers.
    pub(super) fn on_tree_time(&mut self, ctx: &mut Context<'_>) {
        if self.near.tree.next_deadline().is_some_and(|at| at <= ctx.now.mono_ms) {
            let actions = self.near.tree.on_deadline(ctx.now);
            self.carry_out(ctx, actions);
        }
    }

    /// When this group wants to be woken next (monotonic ms).
    pub(crate) fn next_deadline(&self) -> Option<u64> {
        let timers = [
            self.duties.next_deadline(),
            self.fetching_deadline(),
            self.receipts_deadline(),
            self.state_deadline(),
            self.near.tree.next_deadline(),
            self.sharing.times.due_mono_ms().filter(|_| self.is_live() && !self.sharing.blocked),
        ];
        timers.into_iter().flatten().min()
    }

    /// Everything whose time has come.
    pub(crate) fn on_time(&mut self, ctx: &mut Context<'_>) {
        self.on_duties(ctx);
        self.on_tree_time(ctx);
        self.on_fetching_time(ctx);
        self.on_receipts_time(ctx);
        self.on_state_time(ctx);
    }

    // ---- spreading -------------------------------------------------------------------------------------------------

    /// Ends a link that broke a rule; the account keeps the points (N-211).
    pub(super) fn fault(&self, ctx: &mut Context<'_>, from: Neighbour, fault: PeerFault) {
        ctx.faults.push((from.link, fault));
    }

    /// A member whose address became known may be dialled.
    pub(super) fn candidates_moved(&mut self, _ctx: &mut Context<'_>) {
        self.roster_moved = true;
    }
}
