//! What comes on a slot: one small function per kind of frame.

use alloc::vec::Vec;

use super::hearing::Heard;
use super::{Context, Group};
use crate::error::PeerFault;
use crate::ids::Neighbour;
use crate::limits;
use crate::link::DropCode;
use crate::membership::Admission;
use crate::push::frames::{Class, Graft, Ihave, Prune, Push, PushItem, entry_item, operation_item, record_item};
use crate::push::presence::State;
use crate::wire::frame::GroupFrame;
use crate::wire::{Canonical, DecodeError, Reader, Writer, from_bytes};

/// Body of MSYNC: the guarded sync message, and operations beside it (N-402).
struct Msync {
    message: Vec<u8>,
    operations: Vec<Vec<u8>>,
}

impl Canonical for Msync {
    fn write(&self, to: &mut Writer) {
        to.array(2).bytes(&self.message).array(self.operations.len());
        for bytes in &self.operations {
            to.bytes(bytes);
        }
    }
    fn read(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
        from.array(2)?;
        let message = from.bytes(limits::SYNC_MESSAGE_BYTES_MAX)?.to_vec();
        let count = from.array_up_to(limits::SYNC_OPERATIONS_MAX)?;
        let operations = (0..count).map(|_| from.bytes(limits::OPERATION_BYTES_MAX).map(<[u8]>::to_vec));
        Ok(Self { message, operations: operations.collect::<Result<_, _>>()? })
    }
}

impl Group {
    /// One frame on an open slot. Nothing here can fail: what is wrong becomes a fault of the peer.
    pub(crate) fn on_frame(&mut self, ctx: &mut Context<'_>, from: Neighbour, (kind, body): (GroupFrame, &[u8])) {
        let Some(near) = self.near.slots.get(&from) else { return };
        let (mid, settled) = (near.mid, near.settled);
        let keyed = self.membership.roster().is_keyed(&mid);
        self.heard_from(ctx, &mid);
        // Who waits for a seat gets membership and nothing else (N-201).
        let passes = keyed
            || matches!(kind, GroupFrame::State | GroupFrame::Msync | GroupFrame::Addresses)
            || matches!(kind, GroupFrame::Push | GroupFrame::Prune | GroupFrame::Ihave | GroupFrame::Graft);
        if !passes {
            return;
        }
        if !settled && !matches!(kind, GroupFrame::State | GroupFrame::Msync) {
            // The peer has settled and we have not: what it sends now counts all the same, entries simply wait.
            tracing::trace!(?kind, "before settling");
        }
        let done = self.dispatch(ctx, from, kind, body);
        if let Err(error) = done {
            self.fault(ctx, from, error.into());
        }
        self.flush_pushes(ctx);
    }

    fn dispatch(
        &mut self,
        ctx: &mut Context<'_>,
        from: Neighbour,
        kind: GroupFrame,
        body: &[u8],
    ) -> Result<(), DecodeError> {
        let max = kind.body_bytes_max();
        match kind {
            GroupFrame::Push => self.on_push(ctx, from, from_bytes::<Push>(body, max)?),
            GroupFrame::Ihave => self.on_have(ctx, from, &from_bytes::<Ihave>(body, max)?),
            GroupFrame::Graft => self.on_graft(ctx, from, &from_bytes::<Graft>(body, max)?),
            GroupFrame::Prune => {
                let Prune = from_bytes(body, max)?;
                self.near.tree.on_prune(from);
            }
            GroupFrame::State => self.on_state(ctx, from, &from_bytes::<State>(body, max)?),
            GroupFrame::Msync => self.on_msync(ctx, from, &from_bytes::<Msync>(body, max)?),
            GroupFrame::Addresses => self.on_addresses(ctx, from, body),
            GroupFrame::LookupKey => self.on_lookup_keys(ctx, from, body),
            GroupFrame::Vector => self.on_vector(ctx, from, body)?,
            GroupFrame::Who => self.on_who(ctx, from, body)?,
            GroupFrame::Logs => self.on_logs(ctx, from, body)?,
            GroupFrame::Want => self.on_want(ctx, from, body)?,
            GroupFrame::Give => self.on_give(ctx, from, body)?,
            GroupFrame::Gone => self.on_gone(ctx, from, body)?,
            GroupFrame::Repair => self.on_repair(ctx, from, body)?,
            GroupFrame::HistoryWant => self.on_history_want(ctx, from, body)?,
            GroupFrame::History => self.on_history(ctx, from, body)?,
            // Kinds of later releases, and requests that this one never makes: nothing to do, no fault.
            GroupFrame::Cancel => self.on_cancel(from, body)?,
            GroupFrame::Fork | GroupFrame::Audit | GroupFrame::BlobWant | GroupFrame::BlobHave => {}
            // The link itself has taken these.
            GroupFrame::Hello
            | GroupFrame::Offer
            | GroupFrame::Answer
            | GroupFrame::Ready
            | GroupFrame::Bye
            | GroupFrame::Twin
            | GroupFrame::Credit
            | GroupFrame::Again
            | GroupFrame::Drop => self.fault(ctx, from, PeerFault::OutOfPlace),
        }
        Ok(())
    }

    fn on_push(&mut self, ctx: &mut Context<'_>, from: Neighbour, Push(items): Push) {
        for item in items {
            match item.class {
                Class::Entry => self.on_pushed_entry(ctx, from, &item),
                Class::Operation => self.on_pushed_operation(ctx, from, &item),
                Class::Address => self.on_pushed_address(ctx, from, item),
                Class::Receipt => self.on_pushed_receipt(ctx, from, item),
            }
        }
    }

    fn on_pushed_entry(&mut self, ctx: &mut Context<'_>, from: Neighbour, item: &PushItem) {
        let Some(near) = self.near.slots.get(&from) else { return };
        let Some(tag) = item.lid else { return };
        let key = near.key;
        let Some(log) = self.log_of_tag(&tag) else {
            // Whose log that is, its giver knows (N-703); the entry comes again by comparison.
            self.compare_later(ctx, from);
            return;
        };
        let id = crate::log::entry::Entry::decode(&self.gid(), log, &item.bytes).ok().map(|entry| entry.id());
        if let Some(id) = id {
            self.note_hop(entry_item(&id), item);
            if self.is_too_fast(ctx, &log) {
                // It came, so the tree need not ask others for it; comparing logs brings it in its time.
                self.near.tree.on_held(ctx.now, entry_item(&id), from, item.hop);
                return self.compare_later(ctx, from);
            }
        }
        match self.hear(ctx, (log, &item.bytes), Some((from, key))) {
            Heard::Known => {
                if let Some(id) = id {
                    let actions = self.near.tree.on_duplicate(ctx.now, from, &entry_item(&id));
                    self.carry_out(ctx, actions);
                }
            }
            Heard::Waiting => {
                // It came, so the tree need not ask others for it.
                if let Some(id) = id {
                    self.near.tree.on_held(ctx.now, entry_item(&id), from, item.hop);
                }
                self.compare_later(ctx, from);
            }
            Heard::New | Heard::Refused => {}
        }
    }

    fn on_pushed_operation(&mut self, ctx: &mut Context<'_>, from: Neighbour, item: &PushItem) {
        let Some(near) = self.near.slots.get(&from) else { return };
        let key = near.key;
        let verdicts = self.take_operations(ctx, core::slice::from_ref(&item.bytes), Some((from, key)));
        match verdicts.first() {
            Some(Admission::Duplicate(id)) => {
                let actions = self.near.tree.on_duplicate(ctx.now, from, &operation_item(id));
                self.carry_out(ctx, actions);
            }
            Some(Admission::Waiting { .. }) => {
                if let Some(near) = self.near.slots.get_mut(&from) {
                    near.exchange.wake();
                    near.unfounded.truncate(limits::ENDED_OPERATIONS_MAX.saturating_sub(1));
                    near.unfounded.insert(0, item.bytes.clone());
                }
                self.send_membership(ctx, from);
            }
            _ => {}
        }
    }

    fn on_pushed_address(&mut self, ctx: &mut Context<'_>, from: Neighbour, item: PushItem) {
        let id = record_item(Class::Address, &item.bytes);
        if self.near.tree.has_seen(&id) {
            let actions = self.near.tree.on_duplicate(ctx.now, from, &id);
            self.carry_out(ctx, actions);
        } else if self.take_sealed_address(ctx, &item.bytes, from) {
            self.spread_address(ctx, item.bytes, Some(from));
        } else {
            // Superseded or not for us: it came, so its announcements are answered (N-514).
            self.near.tree.on_held(ctx.now, id, from, item.hop);
        }
    }

    fn on_pushed_receipt(&mut self, ctx: &mut Context<'_>, from: Neighbour, item: PushItem) {
        let id = record_item(Class::Receipt, &item.bytes);
        if self.near.tree.has_seen(&id) {
            let actions = self.near.tree.on_duplicate(ctx.now, from, &id);
            self.carry_out(ctx, actions);
        } else if self.take_receipt(ctx, &item.bytes, from) {
            self.spread_receipt(ctx, item.bytes, Some(from));
        } else {
            self.near.tree.on_held(ctx.now, id, from, item.hop);
        }
    }

    fn on_have(&mut self, ctx: &mut Context<'_>, from: Neighbour, Ihave(ids): &Ihave) {
        let held = |_: &crate::ids::ItemId| false;
        let actions = self.near.tree.on_have(ctx.now, from, ids, &held);
        self.carry_out(ctx, actions);
    }

    fn on_graft(&mut self, ctx: &mut Context<'_>, from: Neighbour, Graft(ids): &Graft) {
        let sizes: Vec<_> = ids.iter().map(|id| (*id, self.fresh_size(id))).collect();
        let size = |id: &crate::ids::ItemId| sizes.iter().find(|(one, _)| one == id).and_then(|(_, size)| *size);
        let actions = self.near.tree.on_graft(ctx.now, from, ids, &size);
        self.carry_out(ctx, actions);
        if sizes.iter().any(|(_, size)| size.is_none()) {
            // Not among the fresh ones any more: the neighbour compares logs with us and gets it so.
            self.send_vector(ctx, from);
        }
    }

    fn on_msync(&mut self, ctx: &mut Context<'_>, from: Neighbour, msync: &Msync) {
        let before = self.membership.share_roster();
        let Some(near) = self.near.slots.get_mut(&from) else { return };
        let operations = msync.operations.iter().map(Vec::as_slice);
        let step = near.exchange.receive(&mut self.membership, Some(near.key), &msync.message, operations);
        if step.fault.is_some() {
            self.fault(ctx, from, PeerFault::Malformed);
        }
        self.after_operations(ctx, &before, Some(from));
        self.send_membership(ctx, from);
        self.look_settled(ctx, from);
    }

    /// The peer ended the slot.
    pub(crate) fn on_peer_drop(&mut self, ctx: &mut Context<'_>, neighbour: Neighbour, code: DropCode) {
        tracing::debug!(?code, "slot ended by the peer");
        // It counts us out and has shown why; nothing more comes from it (N-203), nor the past of what it showed.
        let shown = self.near.slots.get_mut(&neighbour).map(|near| core::mem::take(&mut near.unfounded));
        if let Some(shown) = shown.filter(|shown| code == DropCode::NotShared && !shown.is_empty()) {
            self.told_of_end(ctx, &shown);
        }
        let by = self.near.slots.get(&neighbour).map(|near| near.key);
        self.on_slot_closed(ctx, neighbour);
        if let Some(by) = by.filter(|_| code == DropCode::NotShared) {
            self.leave_was_taken(ctx, by);
        }
    }
}
