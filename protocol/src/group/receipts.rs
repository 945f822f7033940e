//! Receipts in a group: what is acknowledged to whom and when, and how far own messages got (N-515, ST-51).
//!
//! The receipt itself, the fold of all of them and their timing are [`crate::push::receipt`]; here they meet logs,
//! store and links.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use super::{Context, Group};
use crate::error::PeerFault;
use crate::event::Event;
use crate::ids::{EntryId, LogId, LogTag, MembershipId, Neighbour};
use crate::limits;
use crate::log::Place;
use crate::push::frames::{Class, Push, PushItem};
use crate::push::receipt::{self as receipts, Due, Receipt, Receipted, Schedule, Scope};
use crate::record::{Record, RecordId};
use crate::wire::frame::GroupFrame;
use crate::wire::{Canonical, DecodeError, Reader, Writer, from_bytes, to_bytes};

/// What members have acknowledged, and what is to be acknowledged to them.
#[derive(Default)]
pub(super) struct Receipts {
    fold: receipts::Receipts,
    schedule: Schedule,
    /// Local numbers of members' records.
    numbers: BTreeMap<MembershipId, u32>,
    own_number: u64,
}

/// Kind 0x15: what one member has acknowledged.
struct Acknowledged {
    mid: MembershipId,
    reached: Vec<u8>,
}

impl Canonical for Acknowledged {
    fn write(&self, to: &mut Writer) {
        to.array(3).uint(1_u64).bytes(self.mid).bytes(&self.reached);
    }
    fn read(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
        from.array(3)?;
        if from.uint()? != 1 {
            return Err(DecodeError::Unknown);
        }
        Ok(Self { mid: from.fixed()?, reached: from.bytes(limits::VALUE_BYTES_MAX)?.to_vec() })
    }
}

impl Group {
    /// An entry of this author is part of this step's batch: its receipt leaves after the commit (INV-S7).
    pub(super) fn acknowledge(&mut self, ctx: &Context<'_>, log: &LogId) {
        if log.mid == self.me {
            return;
        }
        let author = self.near.slots.iter().find(|(_, near)| near.mid == log.mid).map(|(&at, _)| at);
        let (tag, mode) = (self.logs.tag(log), self.near.tree.mode());
        self.near.receipts.schedule.on_committed(ctx.now, tag, author, mode);
    }

    pub(super) fn receipts_deadline(&self) -> Option<u64> {
        self.near.receipts.schedule.next_deadline()
    }

    /// A slot ended.
    pub(super) fn receipts_closed(&mut self, neighbour: Neighbour) {
        self.near.receipts.schedule.on_neighbour_down(neighbour);
    }

    pub(super) fn on_receipts_time(&mut self, ctx: &mut Context<'_>) {
        for due in self.near.receipts.schedule.on_deadline(ctx.now) {
            if !self.is_live() || !self.membership.roster().is_keyed(&self.me) {
                continue;
            }
            match due {
                Due::ToAuthor { to, tags } => {
                    if self.near.slots.get(&to).is_some_and(|near| near.settled) {
                        self.tell_author(ctx, to, &tags);
                    }
                }
                Due::ByTree { tags, scope: Scope::Moved } => self.tell_all(ctx, &tags, Scope::Moved),
                Due::ByTree { scope: Scope::Full, .. } => {
                    let listed = self.logs.listed(self.membership.roster().keyed());
                    let tags: Vec<LogTag> = listed.into_iter().map(|(tag, _)| tag).collect();
                    tags.chunks(limits::RECEIPT_TOPS_MAX).for_each(|tags| self.tell_all(ctx, tags, Scope::Full));
                }
            }
        }
    }

    fn tell_author(&mut self, ctx: &mut Context<'_>, to: Neighbour, tags: &[LogTag]) {
        let Some(bytes) = self.own_receipt(ctx, tags, Scope::Moved) else { return };
        let item = PushItem { class: Class::Receipt, hop: 0, lid: None, bytes };
        self.send(ctx, to, GroupFrame::Push, &to_bytes(&Push(Vec::from([item]))));
    }

    fn tell_all(&mut self, ctx: &mut Context<'_>, tags: &[LogTag], scope: Scope) {
        if let Some(bytes) = self.own_receipt(ctx, tags, scope) {
            self.spread_receipt(ctx, bytes, None);
        }
    }

    fn own_receipt(&mut self, ctx: &Context<'_>, tags: &[LogTag], scope: Scope) -> Option<Vec<u8>> {
        let logs = tags.iter().filter_map(|tag| self.logs.by_tag(tag));
        let mut held: Vec<(LogId, u64)> =
            logs.filter_map(|log| Some((log, self.logs.state(&log)?.seq))).take(limits::RECEIPT_TOPS_MAX).collect();
        if held.is_empty() {
            return None;
        }
        held.sort_by_key(|(log, _)| receipts::short(&self.logs.tag(log)));
        let tops: Vec<_> = held.iter().map(|(log, top)| (receipts::short(&self.logs.tag(log)), *top)).collect();
        let tips = self.logs.tips(&held).unwrap_or_default();
        // A time, so that it rises over restarts too.
        let number = ctx.now.wall_ms.max(self.near.receipts.own_number.saturating_add(1));
        self.near.receipts.own_number = number;
        Some(Receipt::sign(self.gid(), self.own, (number, scope), &tops, tips, ctx.identity.keys()).to_bytes())
    }

    /// A receipt came; gives whether it is news.
    pub(super) fn take_receipt(&mut self, ctx: &mut Context<'_>, bytes: &[u8], from: Neighbour) -> bool {
        let Ok(signed) = Receipt::decode(self.gid(), bytes) else {
            ctx.faults.push((from.link, PeerFault::Malformed));
            return false;
        };
        let mid = signed.peek().holder.mid;
        // Who is out acknowledges nothing any more; a verdict that depends on what is known costs nothing (N-211).
        let Some(key) = self.membership.key_of(&mid).filter(|_| self.membership.roster().is_keyed(&mid)) else {
            return false;
        };
        if mid == self.me {
            return false;
        }
        let Ok(receipt) = signed.verify(&key) else {
            ctx.faults.push((from.link, PeerFault::BadSignature));
            return false;
        };
        let own = receipts::short(&self.logs.tag(&self.own));
        let before = self.undelivered_from();
        let (moved, newer) = match self.near.receipts.fold.on_receipt(&receipt) {
            Receipted::Newer(moved) => (moved, true),
            Receipted::Older(moved) => (moved, false),
        };
        if !moved.is_empty() {
            self.put_receipts(ctx, mid);
        }
        let top = receipt.tops.iter().find(|(tag, _)| *tag == own).map(|(_, top)| *top);
        if let Some(top) = top.filter(|_| moved.contains(&own)) {
            self.tell_delivered(ctx, before, top);
        }
        newer
    }

    /// The first own message that not everybody has acknowledged is about here.
    fn undelivered_from(&self) -> u64 {
        let head = self.logs.state(&self.own).map_or(0, |state| state.seq);
        head.saturating_sub(limits::DELIVERIES_TOLD_MAX)
    }

    fn put_receipts(&mut self, ctx: &mut Context<'_>, mid: MembershipId) {
        let Some(reached) = self.near.receipts.fold.record(&mid) else { return };
        let next = u32::try_from(self.near.receipts.numbers.len()).unwrap_or(u32::MAX);
        let number = *self.near.receipts.numbers.entry(mid).or_insert(next);
        let mut value = Writer::with_capacity(reached.len().saturating_add(64));
        Acknowledged { mid, reached }.write(&mut value);
        let bytes = value.into_bytes();
        ctx.effects.put(Record { id: RecordId::receipts(self.g, number), bytes });
    }

    /// Own messages that one more member holds now.
    fn tell_delivered(&self, ctx: &mut Context<'_>, from: u64, to: u64) {
        let group = self.gid();
        for seq in from..=to.min(from.saturating_add(limits::DELIVERIES_TOLD_MAX)) {
            let place = Place { log: self.own, branch: 0, seq };
            let Some(entry) = self.shown.get(&place).and_then(|_| self.logs.eid_at(&self.own, 0, seq)) else {
                continue;
            };
            if let Some(delivery) = self.delivery(&entry) {
                ctx.effects.emit(Event::Delivery { group, entry, delivery });
            }
        }
    }

    /// Takes a receipt record back at start.
    pub(super) fn restore_receipt(&mut self, (number, bytes): (u32, &[u8])) {
        let Ok(value) = from_bytes::<Acknowledged>(bytes, limits::VALUE_BYTES_MAX) else { return };
        if self.near.receipts.fold.restore(value.mid, &value.reached).is_ok() {
            self.near.receipts.numbers.insert(value.mid, number);
        }
    }

    /// What this group wrote down about receipts goes.
    pub(super) fn erase_receipts(&self, effects: &mut crate::effects::Effects) {
        let numbers = self.near.receipts.numbers.values();
        numbers.for_each(|&number| effects.erase(RecordId::receipts(self.g, number)));
    }

    /// Distinct members who have acknowledged an entry.
    pub(super) fn holders(&self, eid: &EntryId) -> u32 {
        let Some(place) = self.logs.place_of(eid) else { return 0 };
        let tag = self.logs.tag(&place.log);
        let reached = self.near.receipts.fold.reached(&tag, place.seq, &place.log.mid);
        u32::try_from(reached).unwrap_or(u32::MAX)
    }

    /// Whom the current chain is sealed for.
    pub(super) fn due_of(&self, _place: &Place) -> u32 {
        let audience = self.logs.state(&self.own).and_then(|state| state.epoch.as_ref()).map(|epoch| &epoch.audience);
        u32::try_from(audience.map_or(0, BTreeMap::len)).unwrap_or(u32::MAX)
    }

    /// Own messages that nobody else has acknowledged yet.
    pub(super) fn undelivered(&self) -> usize {
        let tag = self.logs.tag(&self.own);
        let mine = self.shown.places_of(|mid| *mid == self.me).filter(|place| place.log == self.own);
        mine.filter(|place| !self.near.receipts.fold.is_held(&tag, place.seq, &self.me)).count()
    }
}
