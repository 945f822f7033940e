//! Receipts: a signed word that entries are durable at a member's; only they make *sent* and *delivered* (N-515, ST-51).
//!
//! `Receipt = [1, mid, inst, n, full, [[first 8 bytes of lid, top]…], tips b8, sig]`. Tops never go down, so what was
//! shown as delivered stays delivered (INV-S7).

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;

use super::{Context, Group};
use crate::crypto::sign::{BadSignature, Provable, Signed, verify};
use crate::crypto::{Field, Label};
use crate::error::PeerFault;
use crate::event::Event;
use crate::ids::{EntryId, GroupId, Instance, LogId, MemberKey, MembershipId, Neighbour, Signature};
use crate::limits;
use crate::log::Place;
use crate::push::frames::{Class, Push, PushItem};
use crate::record::{Record, RecordId};
use crate::wire::frame::GroupFrame;
use crate::wire::{Canonical, DecodeError, Reader, Writer, from_bytes, to_bytes};

/// First eight bytes of a log's tag.
type ShortTag = [u8; 8];

/// One receipt.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Receipt {
    mid: MembershipId,
    inst: Instance,
    n: u64,
    full: bool,
    tops: Vec<(ShortTag, u64)>,
    tips: [u8; 8],
    sig: Signature,
}

impl Receipt {
    /// The signed fields, as one CBOR array each in front of the signature.
    fn fields<T>(&self, gid: &GroupId, then: impl FnOnce(&[Field<'_>]) -> T) -> T {
        let mut tops = Writer::default();
        write_tops(&mut tops, &self.tops);
        let tops = tops.into_bytes();
        then(&[
            Field::B(&gid.0),
            Field::U(1),
            Field::B(&self.mid.0),
            Field::B(&self.inst.0),
            Field::U(self.n),
            Field::Bool(self.full),
            Field::Item(&tops),
            Field::B(&self.tips),
        ])
    }
}

fn write_tops(to: &mut Writer, tops: &[(ShortTag, u64)]) {
    to.array(tops.len());
    for (tag, top) in tops {
        to.array(2).bytes(tag).uint(*top);
    }
}

fn read_tops(from: &mut Reader<'_>) -> Result<Vec<(ShortTag, u64)>, DecodeError> {
    let count = from.array_up_to(limits::RECEIPT_LOGS_MAX)?;
    let mut tops = Vec::new();
    for _ in 0..count {
        from.array(2)?;
        tops.push((from.fixed()?, from.uint()?));
    }
    Ok(tops)
}

impl Canonical for Receipt {
    fn write(&self, to: &mut Writer) {
        to.array(8).uint(1_u64).bytes(self.mid).bytes(self.inst).uint(self.n).bool(self.full);
        write_tops(to, &self.tops);
        to.bytes(self.tips).bytes(self.sig);
    }
    fn read(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
        from.array(8)?;
        if from.uint()? != 1 {
            return Err(DecodeError::Unknown);
        }
        let (mid, inst, n, full) = (from.fixed()?, from.fixed()?, from.uint()?, from.bool()?);
        let tops = read_tops(from)?;
        Ok(Self { mid, inst, n, full, tops, tips: from.fixed()?, sig: from.fixed()? })
    }
}

/// A receipt with the group it is for: signatures cover both.
struct InGroup(GroupId, Receipt);

impl Provable for InGroup {
    fn prove(&self, key: &MemberKey) -> Result<(), BadSignature> {
        self.1.fields(&self.0, |fields| verify(key, Label::NetReceipt, fields, &self.1.sig))
    }
}

/// What members have acknowledged, and what is to be acknowledged to them.
#[derive(Default)]
pub(super) struct Receipts {
    /// By member and installation: number of the newest receipt.
    newest: BTreeMap<(MembershipId, Instance), u64>,
    tops: BTreeMap<MembershipId, BTreeMap<ShortTag, u64>>,
    numbers: BTreeMap<MembershipId, u32>,
    /// Logs that moved since the last receipt by the tree, and authors who wait for a word.
    moved: BTreeSet<LogId>,
    authors: BTreeSet<MembershipId>,
    own_n: u64,
    direct_mono_ms: Option<u64>,
    tree_mono_ms: Option<u64>,
}

/// Kind 0x15: what one member has acknowledged.
struct Acknowledged {
    mid: MembershipId,
    tops: Vec<(ShortTag, u64)>,
}

impl Canonical for Acknowledged {
    fn write(&self, to: &mut Writer) {
        to.array(3).uint(1_u64).bytes(self.mid);
        write_tops(to, &self.tops);
    }
    fn read(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
        from.array(3)?;
        if from.uint()? != 1 {
            return Err(DecodeError::Unknown);
        }
        Ok(Self { mid: from.fixed()?, tops: read_tops(from)? })
    }
}

impl Group {
    /// An entry of this author is part of this step's batch: its receipt leaves after the commit (INV-S7).
    pub(super) fn acknowledge(&mut self, ctx: &Context<'_>, log: &LogId) {
        if log.mid == self.me {
            return;
        }
        let receipts = &mut self.near.receipts;
        receipts.moved.insert(*log);
        receipts.authors.insert(log.mid);
        let at = |wait: u64| ctx.now.mono_ms.saturating_add(wait);
        receipts.direct_mono_ms.get_or_insert(at(limits::RECEIPT_TO_AUTHOR_MS));
        receipts.tree_mono_ms.get_or_insert(at(limits::RECEIPT_TO_ALL_MS));
    }

    pub(super) fn receipts_deadline(&self) -> Option<u64> {
        let receipts = &self.near.receipts;
        receipts.direct_mono_ms.into_iter().chain(receipts.tree_mono_ms).min()
    }

    pub(super) fn on_receipts_time(&mut self, ctx: &mut Context<'_>) {
        let due = |at: Option<u64>| at.is_some_and(|at| at <= ctx.now.mono_ms);
        let (direct, tree) = (due(self.near.receipts.direct_mono_ms), due(self.near.receipts.tree_mono_ms));
        if !self.is_live() {
            (self.near.receipts.direct_mono_ms, self.near.receipts.tree_mono_ms) = (None, None);
            return;
        }
        if !(direct || tree) {
            return;
        }
        let logs: Vec<LogId> = self.near.receipts.moved.iter().take(limits::RECEIPT_LOGS_MAX).copied().collect();
        let bytes = self.own_receipt(ctx, &logs);
        if direct {
            self.near.receipts.direct_mono_ms = None;
            let authors = core::mem::take(&mut self.near.receipts.authors);
            self.tell_authors(ctx, &authors, bytes.as_ref());
        }
        if tree {
            self.near.receipts.tree_mono_ms = None;
            for log in &logs {
                self.near.receipts.moved.remove(log);
            }
            if let Some(bytes) = bytes {
                self.spread_receipt(ctx, bytes, None);
            }
        }
    }

    fn tell_authors(&self, ctx: &mut Context<'_>, authors: &BTreeSet<MembershipId>, receipt: Option<&Vec<u8>>) {
        let Some(bytes) = receipt else { return };
        let slots = self.near.slots.iter().filter(|(_, near)| near.settled && authors.contains(&near.mid));
        let slots: Vec<Neighbour> = slots.map(|(&at, _)| at).collect();
        for to in slots {
            let item = PushItem { class: Class::Receipt, hop: 0, lid: None, bytes: bytes.clone() };
            self.send(ctx, to, GroupFrame::Push, &to_bytes(&Push(Vec::from([item]))));
        }
    }

    fn own_receipt(&mut self, ctx: &Context<'_>, logs: &[LogId]) -> Option<Vec<u8>> {
        let tops: Vec<(LogId, u64)> = logs.iter().filter_map(|log| Some((*log, self.logs.state(log)?.seq))).collect();
        if tops.is_empty() {
            return None;
        }
        let n = ctx.now.wall_ms.max(self.near.receipts.own_n.saturating_add(1));
        self.near.receipts.own_n = n;
        let mut receipt = Receipt {
            mid: self.me,
            inst: self.own.inst,
            n,
            full: false,
            tops: tops.iter().map(|(log, top)| (self.short_tag(log), *top)).collect(),
            tips: self.logs.tips(&tops).unwrap_or_default(),
            sig: Signature([0; 64]),
        };
        receipt.sig = receipt.fields(&self.gid(), |fields| ctx.identity.keys().sign(Label::NetReceipt, fields));
        Some(to_bytes(&receipt))
    }

    fn short_tag(&self, log: &LogId) -> ShortTag {
        let tag = self.logs.tag(log);
        core::array::from_fn(|n| tag.0.get(n).copied().unwrap_or(0))
    }

    /// A receipt came; gives whether it is news.
    pub(super) fn take_receipt(&mut self, ctx: &mut Context<'_>, bytes: &[u8], from: Neighbour) -> bool {
        let Ok(receipt) = from_bytes::<Receipt>(bytes, limits::RECEIPT_BYTES_MAX) else {
            ctx.faults.push((from.link, PeerFault::Malformed));
            return false;
        };
        let name = (receipt.mid, receipt.inst);
        let stale = self.near.receipts.newest.get(&name).is_some_and(|newest| *newest >= receipt.n);
        let Some(key) = self.membership.key_of(&receipt.mid) else { return false };
        if stale || receipt.mid == self.me {
            return false;
        }
        let Ok(receipt) = Signed::new(InGroup(self.gid(), receipt)).verify(&key) else {
            ctx.faults.push((from.link, PeerFault::BadSignature));
            return false;
        };
        self.near.receipts.newest.insert(name, receipt.1.n);
        self.note_tops(ctx, receipt.1.mid, &receipt.1.tops);
        true
    }

    fn note_tops(&mut self, ctx: &mut Context<'_>, mid: MembershipId, tops: &[(ShortTag, u64)]) {
        let own = self.short_tag(&self.own);
        let known = self.near.receipts.tops.entry(mid).or_default();
        let mut raised = None;
        for (tag, top) in tops {
            let held = known.insert(*tag, *top);
            match held {
                Some(before) if before >= *top => drop(known.insert(*tag, before)),
                before if *tag == own => raised = Some((before.map_or(0, |before| before.saturating_add(1)), *top)),
                _ => {}
            }
        }
        let value =
            Acknowledged { mid, tops: known.iter().take(limits::RECEIPT_LOGS_MAX).map(|(t, n)| (*t, *n)).collect() };
        let next = u32::try_from(self.near.receipts.numbers.len()).unwrap_or(u32::MAX);
        let number = *self.near.receipts.numbers.entry(mid).or_insert(next);
        ctx.effects.put(Record { id: RecordId::receipts(self.g, number), bytes: to_bytes(&value) });
        if let Some((from, to)) = raised {
            self.tell_delivered(ctx, from, to);
        }
    }

    /// Own messages that one more member holds now.
    fn tell_delivered(&self, ctx: &mut Context<'_>, from: u64, to: u64) {
        let group = self.gid();
        let oldest = to.saturating_sub(limits::DELIVERIES_TOLD_MAX).max(from);
        for seq in oldest..=to {
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
        self.near.receipts.numbers.insert(value.mid, number);
        self.near.receipts.tops.insert(value.mid, value.tops.into_iter().collect());
    }

    /// Distinct members who have acknowledged an entry.
    pub(super) fn holders(&self, eid: &EntryId) -> u32 {
        let Some(place) = self.logs.place_of(eid) else { return 0 };
        let tag = self.short_tag(&place.log);
        let holds = |tops: &BTreeMap<ShortTag, u64>| tops.get(&tag).is_some_and(|top| *top >= place.seq);
        let holders = self.near.receipts.tops.iter().filter(|(mid, tops)| **mid != place.log.mid && holds(tops));
        u32::try_from(holders.count()).unwrap_or(u32::MAX)
    }

    /// Whom the current chain is sealed for.
    pub(super) fn due_of(&self, _place: &Place) -> u32 {
        let audience = self.logs.state(&self.own).and_then(|state| state.epoch.as_ref()).map(|epoch| &epoch.audience);
        u32::try_from(audience.map_or(0, BTreeMap::len)).unwrap_or(u32::MAX)
    }

    /// Own messages that nobody else has acknowledged yet.
    pub(super) fn undelivered(&self) -> usize {
        let tag = self.short_tag(&self.own);
        let best = self.near.receipts.tops.values().filter_map(|tops| tops.get(&tag)).max();
        let mine = self.shown.keys().filter(|place| place.log == self.own);
        mine.filter(|place| best.is_none_or(|best| place.seq > *best)).count()
    }
}
