//! Rates per neighbour and points for misdeeds.
//!
//! Limits delay, they never decide (N-607): what is dropped here is still valid, whoever has it keeps and serves it,
//! and anti-entropy fetches it later. So nodes may drop different things without drifting apart.
#![cfg_attr(not(test), deny(clippy::arithmetic_side_effects, clippy::as_conversions))]

use alloc::collections::{BTreeMap, VecDeque};

use crate::error::PeerFault;
use crate::limits::{self, Rate};
use crate::time::Timestamp;
use crate::wire::Reader;
use crate::wire::frame::GroupFrame;

/// A token bucket in whole numbers: what is spent melts away with time.
#[derive(Clone, Copy, Debug)]
pub struct Bucket {
    rate: Rate,
    /// Tokens times `per_ms`, so that nothing is lost to rounding.
    spent: u64,
    at_mono_ms: u64,
}

impl Bucket {
    /// A full bucket.
    #[must_use]
    pub const fn new(rate: Rate) -> Self {
        Self { rate, spent: 0, at_mono_ms: 0 }
    }

    /// A bucket with so many tokens in it now.
    #[must_use]
    pub const fn holding(rate: Rate, tokens: u64, now: Timestamp) -> Self {
        let spent = rate.burst.saturating_sub(tokens).saturating_mul(rate.per_ms);
        Self { rate, spent, at_mono_ms: now.mono_ms }
    }

    /// When it was last used.
    #[must_use]
    pub const fn last_mono_ms(&self) -> u64 {
        self.at_mono_ms
    }

    fn melt(&mut self, now: Timestamp) {
        let elapsed = now.mono_ms.saturating_sub(self.at_mono_ms);
        self.spent = self.spent.saturating_sub(elapsed.saturating_mul(self.rate.amount));
        self.at_mono_ms = self.at_mono_ms.max(now.mono_ms);
    }

    const fn depth(&self) -> u64 {
        self.rate.burst.saturating_mul(self.rate.per_ms)
    }

    /// Takes `count` if they are there; else takes nothing.
    pub fn take(&mut self, count: u64, now: Timestamp) -> bool {
        self.melt(now);
        let spent = self.spent.saturating_add(count.saturating_mul(self.rate.per_ms));
        let fits = spent <= self.depth();
        if fits {
            self.spent = spent;
        }
        fits
    }

    /// Takes `count` whatever is there, and says for how many ms to pause before the next.
    pub fn charge(&mut self, count: u64, now: Timestamp) -> u64 {
        self.melt(now);
        self.spent = self.spent.saturating_add(count.saturating_mul(self.rate.per_ms));
        self.wait(0, now)
    }

    /// In how many ms `count` could be taken; takes nothing. With 0: when what was taken too much has melted.
    pub fn wait(&mut self, count: u64, now: Timestamp) -> u64 {
        self.melt(now);
        let spent = self.spent.saturating_add(count.saturating_mul(self.rate.per_ms));
        spent.saturating_sub(self.depth()).div_ceil(self.rate.amount.max(1))
    }
}

/// What to do with a frame that came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Passage {
    /// Use it.
    Pass,
    /// Use it, then read nothing from this link for so many ms.
    Pause(u64),
    /// Leave it.
    Ignore,
    /// Leave it; it costs a point.
    Fault,
}

/// Rule N-606: the rates of one link.
#[derive(Debug)]
pub struct LinkRates {
    bytes: Bucket,
    push_items: Bucket,
    push_bytes: Bucket,
    ihave: Bucket,
    graft: Bucket,
    /// By kind: what is used, and what costs nothing.
    requests: BTreeMap<GroupFrame, (Bucket, Bucket)>,
}

impl Default for LinkRates {
    fn default() -> Self {
        let requests = [
            (GroupFrame::Want, limits::WANTS),
            (GroupFrame::Vector, limits::VECTORS),
            (GroupFrame::Msync, limits::MSYNCS),
            (GroupFrame::Who, limits::WHOS),
            (GroupFrame::State, limits::STATES),
            (GroupFrame::Addresses, limits::ADDRESSES),
            (GroupFrame::LookupKey, limits::LOOKUP_KEYS),
            (GroupFrame::Audit, limits::AUDITS),
            (GroupFrame::Again, limits::AGAINS),
        ];
        Self {
            bytes: Bucket::new(limits::LINK_BYTES),
            push_items: Bucket::new(limits::LINK_ITEMS),
            push_bytes: Bucket::new(limits::LINK_PUSH_BYTES),
            ihave: Bucket::new(limits::IHAVE_IDS),
            graft: Bucket::new(limits::GRAFT_IDS),
            requests: requests.map(|(kind, rate)| (kind, (Bucket::new(rate), Bucket::new(bunched(rate))))).into(),
        }
    }
}

impl LinkRates {
    /// Judges one frame. The rates of requests are per slot in effect: `slots` groups share the link.
    pub fn admit(&mut self, kind: GroupFrame, body: &[u8], slots: u64, now: Timestamp) -> Passage {
        let size = u64::try_from(body.len()).unwrap_or(u64::MAX);
        let mut pause = self.bytes.charge(size, now);
        if kind == GroupFrame::Push {
            pause = pause.max(self.push_items.charge(pushed(body), now)).max(self.push_bytes.charge(size, now));
        }
        let ids = [(GroupFrame::Ihave, &mut self.ihave), (GroupFrame::Graft, &mut self.graft)];
        if ids.into_iter().any(|(of, bucket)| of == kind && !bucket.take(ids_in(body), now)) {
            return Passage::Ignore;
        }
        // A link that carries n groups carries n groups' requests: each then costs an n-th.
        if let Some((used, free)) = self.requests.get_mut(&kind) {
            used.rate = Self::shared(kind, slots).unwrap_or(used.rate);
            free.rate = bunched(used.rate);
            match (free.take(1, now), used.take(1, now)) {
                (false, _) => return Passage::Fault,
                (true, false) => return Passage::Ignore,
                (true, true) => {}
            }
        }
        if pause == 0 { Passage::Pass } else { Passage::Pause(pause) }
    }

    fn shared(kind: GroupFrame, slots: u64) -> Option<Rate> {
        let fresh = Self::default().requests.get(&kind)?.0.rate;
        let times = slots.clamp(1, 64);
        Some(Rate { amount: fresh.amount.saturating_mul(times), burst: fresh.burst.saturating_mul(times), ..fresh })
    }
}

/// A slow path lets frames that were sent one by one arrive together: only who sends more than it may over this long
/// gets points.
const fn bunched(rate: Rate) -> Rate {
    let held = limits::BUNCHED_MS.saturating_mul(rate.amount).div_ceil(rate.per_ms);
    Rate { burst: rate.burst.saturating_add(held), ..rate }
}

/// How many ids a body `[[id…]]` lists, by its heads alone.
fn ids_in(body: &[u8]) -> u64 {
    let mut reader = Reader::new(body);
    if reader.array(1).is_err() {
        return 1;
    }
    length(&mut reader)
}

/// How many items a PUSH `[item…]` brings, by its head alone (N-402).
fn pushed(body: &[u8]) -> u64 {
    length(&mut Reader::new(body))
}

fn length(reader: &mut Reader<'_>) -> u64 {
    let count = reader.array_up_to(limits::FRAME_BODY_BYTES_MAX);
    count.ok().and_then(|count| u64::try_from(count).ok()).unwrap_or(1)
}

/// A neighbour's points (N-211), and how its links fail (N-306).
#[derive(Debug, Default)]
pub struct Conduct {
    points: u32,
    since_mono_ms: u64,
    blocks: u32,
    failures: VecDeque<u64>,
}

impl Conduct {
    /// A fault: `Some(ms)` when it was one too many: close, and block for so long. Doubles each time, to a day.
    pub fn on_fault(&mut self, fault: PeerFault, now: Timestamp) -> Option<u64> {
        self.halve(now);
        self.points = self.points.saturating_add(fault.points());
        if self.points < limits::PEER_POINTS_MAX {
            return None;
        }
        self.points = 0;
        let block = limits::PEER_BLOCK_MIN_MS.checked_shl(self.blocks.min(16)).unwrap_or(u64::MAX);
        self.blocks = self.blocks.saturating_add(1);
        Some(block.min(limits::PEER_BLOCK_MAX_MS))
    }

    fn halve(&mut self, now: Timestamp) {
        let elapsed = now.mono_ms.saturating_sub(self.since_mono_ms);
        let times = elapsed.checked_div(limits::PEER_POINTS_HALF_MS).unwrap_or(0);
        let shift = u32::try_from(times).unwrap_or(u32::MAX);
        self.points = self.points.checked_shr(shift).unwrap_or(0);
        self.since_mono_ms = self.since_mono_ms.saturating_add(times.saturating_mul(limits::PEER_POINTS_HALF_MS));
    }

    /// A handshake failed: `Some(ms)` when no new link should be tried for so long.
    pub fn on_failed_handshake(&mut self, now: Timestamp) -> Option<u64> {
        let start = now.mono_ms.saturating_sub(limits::HANDSHAKE_FAILURES_MS);
        self.failures.retain(|at| *at >= start);
        self.failures.push_back(now.mono_ms);
        let count = u32::try_from(self.failures.len()).unwrap_or(u32::MAX);
        if count < limits::HANDSHAKE_FAILURES_MAX {
            return None;
        }
        self.failures.clear();
        Some(limits::HANDSHAKE_FAILURES_MS)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::Writer;
    use alloc::vec;

    const START: Timestamp = Timestamp::new(1_000, 0);

    #[test]
    fn a_bucket_gives_its_burst_then_its_rate_and_loses_nothing_to_rounding() {
        let mut bucket = Bucket::new(Rate { amount: 1, per_ms: 2_000, burst: 10 });
        assert_eq!((0..20).filter(|_| bucket.take(1, START)).count(), 10);
        assert!(!bucket.take(1, START.plus_ms(1_999)));
        assert!(bucket.take(1, START.plus_ms(2_000)));
        let later = (1..=3_000).filter(|ms| bucket.take(1, START.plus_ms(2_000 + ms * 20))).count();
        assert_eq!(later, 30);
        let mut wide = Bucket::new(Rate { amount: 64 << 20, per_ms: 86_400_000, burst: 64 << 20 });
        assert!(wide.take(64 << 20, START) && !wide.take(1, START));
    }

    #[test]
    fn at_87_n_606_one_want_more_than_allowed_is_left_and_one_more_than_a_path_can_have_held_costs_a_point() {
        let mut rates = LinkRates::default();
        assert!((0..20).all(|_| rates.admit(GroupFrame::Want, &[], 1, START) == Passage::Pass));
        // Two minutes' worth, sent one by one and held by a slow path.
        assert!((0..1_200).all(|_| rates.admit(GroupFrame::Want, &[], 1, START) == Passage::Ignore));
        assert_eq!(rates.admit(GroupFrame::Want, &[], 1, START), Passage::Fault);
        assert_eq!(rates.admit(GroupFrame::Want, &[], 1, START.plus_ms(100)), Passage::Pass, "time melts both");
        assert_eq!(rates.admit(GroupFrame::Want, &[], 1, START.plus_ms(100)), Passage::Fault);
        assert_eq!(
            rates.admit(GroupFrame::Want, &[], 2, START.plus_ms(100)),
            Passage::Pass,
            "a second group has its own"
        );
    }

    #[test]
    fn n_606_ids_beyond_the_rate_are_dropped_and_pushes_make_the_reader_wait() {
        let mut rates = LinkRates::default();
        let mut writer = Writer::default();
        writer.array(1).array(200);
        for n in 0..200_u8 {
            writer.bytes([n; 16]);
        }
        let ids = writer.into_bytes();
        assert_eq!(rates.admit(GroupFrame::Graft, &ids, 1, START), Passage::Pass);
        assert_eq!(rates.admit(GroupFrame::Graft, &ids, 1, START), Passage::Ignore);
        let mut writer = Writer::default();
        writer.array(200);
        for _ in 0..200 {
            writer.array(4).uint(1_u8).uint(0_u8).bytes([]).bytes([1]);
        }
        let items = writer.into_bytes();
        for _ in 0..5 {
            assert_eq!(rates.admit(GroupFrame::Push, &items, 1, START), Passage::Pass);
        }
        assert_eq!(rates.admit(GroupFrame::Push, &items, 1, START), Passage::Pause(1_000));
    }

    #[test]
    fn n_211_fifty_points_close_and_each_block_is_twice_as_long() {
        let mut conduct = Conduct::default();
        assert_eq!(conduct.on_fault(PeerFault::Undecodable, START), None);
        assert_eq!(conduct.on_fault(PeerFault::Undecodable, START), None);
        assert_eq!(conduct.on_fault(PeerFault::Undecodable, START), Some(600_000));
        let mut block = 0;
        for _ in 0..27 {
            block = conduct.on_fault(PeerFault::Undecodable, START).unwrap_or(block);
        }
        assert_eq!(block, limits::PEER_BLOCK_MAX_MS);
    }

    #[test]
    fn n_211_points_halve_every_ten_minutes() {
        let (mut conduct, start) = (Conduct::default(), Timestamp::new(0, 0));
        for _ in 0..4 {
            conduct.on_fault(PeerFault::BadSignature, start);
        }
        assert_eq!(conduct.on_fault(PeerFault::BadSignature, start.plus_ms(600_000)), None);
        assert_eq!(conduct.points, 30);
        assert_eq!(conduct.on_fault(PeerFault::OverLimit, start.plus_ms(6_000_000)), None);
        assert_eq!(conduct.points, 1);
    }

    #[test]
    fn n_306_the_third_failed_handshake_in_ten_minutes_rests_the_person() {
        let mut conduct = Conduct::default();
        assert_eq!(conduct.on_failed_handshake(START), None);
        assert_eq!(conduct.on_failed_handshake(START.plus_ms(600_001)), None);
        assert_eq!(conduct.on_failed_handshake(START.plus_ms(600_002)), None);
        assert_eq!(conduct.on_failed_handshake(START.plus_ms(600_003)), Some(600_000));
    }

    #[test]
    fn a_body_that_is_no_list_counts_as_one_item() {
        for body in [vec![], vec![0xff], vec![0x81, 0x9f], vec![0x82, 0x80, 0x80]] {
            assert_eq!(ids_in(&body), 1);
        }
    }
}
