//! What the tree knows of one neighbour: eager or lazy, how far, what to announce to it, how often it leads.

use alloc::vec::Vec;

use crate::ids::{ItemId, Path, SeatNumber};
use crate::limits;
use crate::time::Timestamp;

/// Whether items are pushed to a neighbour or only announced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Edge {
    Eager,
    Lazy,
}

/// One neighbour, as the tree sees it.
#[derive(Debug)]
pub(super) struct Peer {
    pub seat: Option<SeatNumber>,
    pub edge: Edge,
    rtt_ms: u64,
    path: Path,
    /// Ids to announce, and when at the latest.
    announce: Vec<ItemId>,
    announce_due: Option<u64>,
    leads: Leads,
    /// Until then it is not turned eager for its lead.
    pub no_lead_before: u64,
    /// When a PRUNE was last sent to it.
    pub pruned_at: Option<u64>,
    resync_at: Option<u64>,
    /// Bytes pushed for its GRAFTs, and since when.
    grafted: (u64, u64),
}

impl Peer {
    /// A new neighbour starts eager (N-509).
    pub(super) fn new(seat: Option<SeatNumber>, rtt_ms: u64, path: Path) -> Self {
        Self {
            seat,
            edge: Edge::Eager,
            rtt_ms,
            path,
            announce: Vec::new(),
            announce_due: None,
            leads: Leads::default(),
            no_lead_before: 0,
            pruned_at: None,
            resync_at: None,
            grafted: (0, 0),
        }
    }

    pub(super) const fn set_path(&mut self, rtt_ms: u64, path: Path) {
        self.rtt_ms = rtt_ms;
        self.path = path;
    }

    /// Round-trip time; a relayed path counts 200 ms more, so that the tree prefers direct ones (N-1006).
    pub(super) const fn cost_ms(&self) -> u64 {
        match self.path {
            Path::DirectQuic | Path::DirectTcp => self.rtt_ms,
            Path::Relayed => self.rtt_ms.saturating_add(limits::RELAYED_PENALTY_MS),
        }
    }

    /// Puts an id into the next announcement.
    pub(super) fn announce(&mut self, now: Timestamp, id: ItemId) {
        self.announce.push(id);
        self.announce_due.get_or_insert_with(|| now.mono_ms.saturating_add(limits::IHAVE_BATCH_MS));
        if self.announce.len() >= limits::IHAVE_BATCH_IDS {
            self.announce_due = Some(now.mono_ms);
        }
    }

    /// It has shown that it holds the item: no need to tell it.
    pub(super) fn holds(&mut self, id: &ItemId) {
        self.announce.retain(|queued| queued != id);
        if self.announce.is_empty() {
            self.announce_due = None;
        }
    }

    pub(super) const fn announce_due(&self) -> Option<u64> {
        self.announce_due
    }

    /// Up to one frame's worth of ids to announce, if their time has come.
    pub(super) fn take_announcement(&mut self, now: Timestamp) -> Option<Vec<ItemId>> {
        self.announce_due.filter(|&due| due <= now.mono_ms)?;
        let rest = self.announce.split_off(self.announce.len().min(limits::IHAVE_IDS_MAX));
        let ids = core::mem::replace(&mut self.announce, rest);
        if self.announce.is_empty() {
            self.announce_due = None;
        }
        Some(ids)
    }

    /// Rule N-511: whether so many bytes more may be pushed for its GRAFTs.
    pub(super) const fn may_graft(&mut self, now: Timestamp, bytes: u64) -> bool {
        let (spent, since) = self.grafted;
        let (spent, since) = match now.mono_ms.saturating_sub(since) < limits::GRAFTED_WINDOW_MS {
            true => (spent, since),
            false => (0, now.mono_ms),
        };
        let after = spent.saturating_add(bytes);
        if after > limits::GRAFTED_BYTES_MAX {
            return false;
        }
        self.grafted = (after, since);
        true
    }

    /// Whether a comparison of logs may be asked for again.
    pub(super) fn may_resync(&mut self, now: Timestamp) -> bool {
        let free = self.resync_at.is_none_or(|at| now.mono_ms.saturating_sub(at) >= limits::RESYNC_EVERY_MS);
        if free {
            self.resync_at = Some(now.mono_ms);
        }
        free
    }

    /// Notes one announced item: how long before the pushed copy it was announced, 0 if after.
    pub(super) fn note_lead(&mut self, lead_ms: u64) {
        let led = lead_ms >= self.rtt_ms.max(limits::LEAD_MS_MIN);
        self.leads.0 = self.leads.0 << 1 | u16::from(led);
    }

    /// N-512: whether it led in 5 of its last 16 announcements.
    pub(super) fn leads(&self, now: Timestamp) -> bool {
        self.edge == Edge::Lazy && now.mono_ms >= self.no_lead_before && self.leads.count() >= limits::LEADS_NEEDED
    }

    pub(super) fn forget_leads(&mut self) {
        self.leads = Leads::default();
    }
}

/// The last 16 announcements, newest in the lowest bit.
#[derive(Clone, Copy, Debug, Default)]
struct Leads(u16);

impl Leads {
    const fn count(self) -> u32 {
        self.0.count_ones()
    }
}
