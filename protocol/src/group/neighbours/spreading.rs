//! What is new goes round: by the tree of each group, kept at hand for a while for those who ask again (N-504 ff.).

use super::super::{Context, Group};
use super::*;
use crate::ids::{ItemId, MembershipId, Neighbour, OperationId};
use crate::limits;
use crate::log::{Appended, ForkProof};
use crate::push::frames::{Class, Graft, Ihave, Prune, Push, PushItem, entry_item, operation_item, record_item};
use crate::push::{Arrival, PushAction};
use crate::wire::frame::GroupFrame;
use crate::wire::to_bytes;
use alloc::vec::Vec;

impl Group {
    /// An entry that was admitted or written just now.
    pub(in crate::group) fn spread_entry(
        &mut self,
        ctx: &mut Context<'_>,
        appended: &Appended,
        from: Option<Neighbour>,
    ) {
        let (id, log) = (entry_item(&appended.entry.id()), appended.place.log);
        let lid = Some(self.logs.tag(&log));
        let item = PushItem { class: Class::Entry, hop: 0, lid, bytes: appended.entry.to_bytes() };
        let too_fast = from.is_none() && log == self.own && !self.may_push_own(ctx, item.bytes.len());
        if self.near.giving || too_fast {
            // What came by anti-entropy, or was written faster than others take it by push, goes on in blocks (N-710).
            self.keep_fresh(id, item);
            self.near.tree.on_fetched(ctx.now, id);
            return self.tell_gained(ctx, &log, from);
        }
        self.spread(ctx, (id, item), (from, Some(log.mid)));
    }

    /// Operations that entered the log just now.
    pub(in crate::group) fn spread_operations(
        &mut self,
        ctx: &mut Context<'_>,
        ids: &[OperationId],
        from: Option<Neighbour>,
    ) {
        // Many at once travel by MSYNC, which every neighbour is sent anyway (N-710).
        if ids.len() > limits::PUSHED_OPERATIONS_MAX {
            return;
        }
        for id in ids {
            let Some(bytes) = self.membership.operation(id).map(|signed| signed.bytes().to_vec()) else { continue };
            let author = self.membership.operation(id).map(crate::membership::SignedOperation::mid);
            let item = PushItem { class: Class::Operation, hop: 0, lid: None, bytes };
            self.spread(ctx, (operation_item(id), item), (from, author));
        }
    }

    /// An address record that is news.
    pub(in crate::group) fn spread_address(&mut self, ctx: &mut Context<'_>, sealed: Vec<u8>, from: Option<Neighbour>) {
        let id = record_item(Class::Address, &sealed);
        let item = PushItem { class: Class::Address, hop: 0, lid: None, bytes: sealed };
        self.spread(ctx, (id, item), (from, None));
    }

    /// A receipt that is news.
    pub(in crate::group) fn spread_receipt(
        &mut self,
        ctx: &mut Context<'_>,
        receipt: Vec<u8>,
        from: Option<Neighbour>,
    ) {
        let id = record_item(Class::Receipt, &receipt);
        let item = PushItem { class: Class::Receipt, hop: 0, lid: None, bytes: receipt };
        self.spread(ctx, (id, item), (from, None));
    }

    fn spread(
        &mut self,
        ctx: &mut Context<'_>,
        (id, mut item): (ItemId, PushItem),
        (from, author): (Option<Neighbour>, Option<MembershipId>),
    ) {
        let seat = author.and_then(|mid| self.seat_of(&mid));
        let fresh_links = |near: &&Near1| {
            near.links.is_some_and(|(_, at)| ctx.now.mono_ms.saturating_sub(at) < limits::DIRECT_FIELD_MS)
        };
        let author_near = author.and_then(|mid| self.near.slots.values().find(|near| near.mid == mid));
        let links = author_near.filter(fresh_links).and_then(|near| near.links).map(|(links, _)| links);
        let hop = self.near.hops.remove(&id).unwrap_or(item.hop);
        item.hop = hop;
        self.keep_fresh(id, item);
        let arrival = Arrival { id, from, hop, author: seat, author_links: links.as_ref() };
        let actions = self.near.tree.on_item(ctx.now, &arrival);
        self.carry_out(ctx, actions);
    }

    fn keep_fresh(&mut self, id: ItemId, item: PushItem) {
        if self.near.fresh.insert(id, item).is_none() {
            self.near.fresh_order.push_back(id);
        }
        while self.near.fresh_order.len() > limits::FRESH_ITEMS_MAX {
            if let Some(oldest) = self.near.fresh_order.pop_front() {
                self.near.fresh.remove(&oldest);
            }
        }
    }

    /// What the tree wants done.
    pub(in crate::group) fn carry_out(&mut self, ctx: &mut Context<'_>, actions: Vec<PushAction>) {
        for action in actions {
            match action {
                PushAction::Push { to, id, hop } => self.push_one(to, &id, hop),
                PushAction::Have { to, ids } => self.send(ctx, to, GroupFrame::Ihave, &to_bytes(&Ihave(ids))),
                PushAction::Graft { to, ids } => self.send(ctx, to, GroupFrame::Graft, &to_bytes(&Graft(ids))),
                PushAction::Prune { to } => self.send(ctx, to, GroupFrame::Prune, &to_bytes(&Prune)),
                PushAction::Want { from, .. } => {
                    if let Some(from) = from {
                        self.compare_later(ctx, from);
                    }
                }
                PushAction::Resync { neighbour } => self.compare_later(ctx, neighbour),
            }
        }
    }

    fn push_one(&mut self, to: Neighbour, id: &ItemId, hop: u8) {
        let Some(item) = self.near.fresh.get(id) else { return };
        let allowed = match item.class {
            Class::Address => self.is_full_neighbour(to),
            Class::Operation => true,
            Class::Entry | Class::Receipt => {
                self.near.slots.get(&to).is_some_and(|near| self.membership.roster().is_keyed(&near.mid))
            }
        };
        if allowed {
            let item = PushItem { hop, ..item.clone() };
            self.near.going.entry(to).or_default().push(item);
        }
    }

    /// The end of a step: all items for one neighbour in as few frames as fit (N-407).
    pub(crate) fn flush_pushes(&mut self, ctx: &mut Context<'_>) {
        self.near.hops.clear();
        for (to, items) in core::mem::take(&mut self.near.going) {
            let mut frame: Vec<PushItem> = Vec::new();
            let mut size = 0_usize;
            for item in items {
                let bytes = item.bytes.len().saturating_add(limits::PUSH_ITEM_OVERHEAD_BYTES);
                if size.saturating_add(bytes) > limits::PUSH_BODY_BYTES_MAX && !frame.is_empty() {
                    let full = core::mem::take(&mut frame);
                    self.send(ctx, to, GroupFrame::Push, &to_bytes(&Push(full)));
                    size = 0;
                }
                size = size.saturating_add(bytes);
                frame.push(item);
            }
            if !frame.is_empty() {
                self.send(ctx, to, GroupFrame::Push, &to_bytes(&Push(frame)));
            }
        }
    }

    /// A fork proof, once to each neighbour (N-704).
    pub(in crate::group) fn spread_fork(&mut self, ctx: &mut Context<'_>, proof: &ForkProof) {
        let all: Vec<Neighbour> = self.settled().collect();
        for to in all {
            self.compare_later(ctx, to);
        }
        tracing::warn!(log = ?proof.held.log, "a log has forked");
    }

    /// The hop count of an item that comes by push.
    pub(in crate::group) fn note_hop(&mut self, id: ItemId, item: &PushItem) {
        if !self.near.fresh.contains_key(&id) {
            self.near.hops.insert(id, item.hop);
        }
    }

    /// Bytes of an item that is still at hand.
    pub(in crate::group) fn fresh_size(&self, id: &ItemId) -> Option<u64> {
        self.near.fresh.get(id).and_then(|item| u64::try_from(item.bytes.len()).ok())
    }
}
