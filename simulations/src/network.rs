//! The wires between hosts: who reaches whom, how long it takes, what gets lost.
//!
//! This is what a transport like QUIC leaves of a network: streams that carry whole frames in order. Loss shows as
//! delay, a dead path is noticed after a while and then ends the stream (N-103), and nothing arrives twice. Quality is
//! kept per directed pair, so that a path may work one way only. Nothing here knows what a frame means, and nothing
//! here decides when: the world's queue does.

mod pairs;

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use self::pairs::{Pair, Pairs};
use crate::chance::below;
use bytes::Bytes;
use coterie_protocol::Channel;

/// A dead path is noticed by a missing ping, at the soonest after this …
const NOTICE_MIN_US: u64 = 15_000_000;
/// … and at the latest after this (N-103: a ping every 15 s with 10 s patience).
const NOTICE_MAX_US: u64 = 25_000_000;

/// Number of a host: members first, then outsiders.
pub type HostId = u16;

/// How a directed path behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quality {
    /// Least time from one end to the other, µs.
    pub latency_us: u64,
    /// What comes on top, by its mean.
    pub jitter_us: u64,
    /// Whether one frame in a hundred takes ten times as long.
    pub tail: Tail,
    /// Chance that a packet is lost, per million.
    pub loss_ppm: u32,
    /// Bytes a second; none means any.
    pub rate: Option<u64>,
    /// Bytes that may wait for a slow path.
    pub queue_bytes: u64,
}

impl Default for Quality {
    fn default() -> Self {
        Self { latency_us: 50_000, jitter_us: 0, tail: Tail::Off, loss_ppm: 0, rate: None, queue_bytes: 256_000 }
    }
}

/// Whether delays have a heavy tail.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Tail {
    /// No.
    #[default]
    Off,
    /// Yes.
    On,
}

/// A stream between two hosts.
pub struct Stream {
    /// Who opened it, and the other.
    pub ends: [HostId; 2],
    /// In which life of each.
    pub lives: [u64; 2],
    /// What for.
    pub channel: Channel,
    /// When the last frame in each direction arrives, so that none overtakes.
    last_us: [u64; 2],
    /// Frames that wait for the path to come back.
    held: [VecDeque<Bytes>; 2],
    /// Bytes on their way, in each direction.
    pub in_flight: [u64; 2],
    /// Which side has hung up.
    shut: [bool; 2],
}

impl Stream {
    /// Whether that side has hung up: it sends nothing and hears nothing.
    #[must_use]
    pub const fn is_shut(&self, side: usize) -> bool {
        self.shut[side]
    }
}

/// What becomes of a frame.
#[derive(Debug, PartialEq, Eq)]
pub enum Passage {
    /// It arrives then.
    At(u64),
    /// It waits until the path is back or the stream ends.
    Held,
    /// The stream ends: too much was lost.
    Broken,
    /// The queue is full: what waits is dropped (N-406).
    Overflow,
}

/// What happens to a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    /// Nothing passes any more.
    Down,
    /// One reason to be down ends.
    Up,
}

/// Whether a frame may find the queue full.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Room {
    /// What waits is bounded; beyond that it is dropped (N-406).
    Bounded,
    /// It waits as long as it takes: its sender keeps it within a credit of its own.
    Any,
}

/// All paths and streams.
pub struct Network {
    base: Quality,
    pairs: Pairs,
    streams: BTreeMap<u64, Stream>,
    by_pair: BTreeMap<(HostId, HostId), BTreeSet<u64>>,
    next_stream: u64,
    next_reason: u32,
}

impl Network {
    /// A perfect network.
    #[must_use]
    pub fn new(seed: u64, base: Quality) -> Self {
        Self {
            base,
            pairs: Pairs::new(seed),
            streams: BTreeMap::new(),
            by_pair: BTreeMap::new(),
            next_stream: 1,
            next_reason: 1,
        }
    }

    fn pair(&mut self, from: HostId, to: HostId) -> &mut Pair {
        self.pairs.make((from, to), self.base)
    }

    /// Quality of every path from now on.
    pub fn set_base(&mut self, quality: Quality) {
        self.base = quality;
        self.pairs.all_mut().for_each(|pair| pair.quality = quality);
    }

    /// The quality that paths have unless told otherwise.
    #[must_use]
    pub const fn base(&self) -> Quality {
        self.base
    }

    /// Changes one path.
    pub fn set_quality(&mut self, from: HostId, to: HostId, change: impl FnOnce(&mut Quality)) {
        change(&mut self.pair(from, to).quality);
    }

    /// A number for a reason to be down.
    pub fn reason(&mut self) -> u32 {
        self.next_reason += 1;
        self.next_reason
    }

    /// Nothing passes from one host to another, for this reason.
    pub fn cut(&mut self, from: HostId, to: HostId, reason: u32) {
        self.pair(from, to).down.insert(reason);
    }

    /// One reason ends; says whether the path is up again.
    pub fn mend(&mut self, from: HostId, to: HostId, reason: u32) -> bool {
        let pair = self.pair(from, to);
        pair.down.remove(&reason) && pair.down.is_empty()
    }

    /// All reasons of one path end; says whether there was one.
    pub fn mend_all(&mut self, from: HostId, to: HostId) -> bool {
        let pair = self.pair(from, to);
        let was_down = !pair.down.is_empty();
        pair.down.clear();
        was_down
    }

    /// Every path that is down now.
    #[must_use]
    pub fn down(&self) -> Vec<(HostId, HostId)> {
        self.pairs.all().filter(|(_, pair)| !pair.down.is_empty()).map(|(ends, _)| ends).collect()
    }

    /// Whether frames pass.
    #[must_use]
    pub fn is_up(&self, from: HostId, to: HostId) -> bool {
        self.pairs.get(from, to).is_none_or(|pair| pair.down.is_empty())
    }

    /// Whether frames pass both ways.
    #[must_use]
    pub fn is_up_both(&self, a: HostId, b: HostId) -> bool {
        self.is_up(a, b) && self.is_up(b, a)
    }

    /// One way there and back without queues, µs.
    #[must_use]
    pub fn round_trip_us(&self, a: HostId, b: HostId) -> u64 {
        let one = |from, to| self.pairs.get(from, to).map_or(self.base, |pair| pair.quality).latency_us;
        one(a, b) + one(b, a)
    }

    /// Opens a stream.
    pub fn open(&mut self, ends: [HostId; 2], lives: [u64; 2], channel: Channel) -> u64 {
        let id = self.next_stream;
        self.next_stream += 1;
        let held = Default::default();
        let stream = Stream { ends, lives, channel, last_us: [0; 2], held, in_flight: [0; 2], shut: [false; 2] };
        self.streams.insert(id, stream);
        self.by_pair.entry(ordered(ends)).or_default().insert(id);
        id
    }

    /// Ends a stream; gives it if it was open.
    pub fn close(&mut self, id: u64) -> Option<Stream> {
        let stream = self.streams.remove(&id)?;
        if let Some(ids) = self.by_pair.get_mut(&ordered(stream.ends)) {
            ids.remove(&id);
        }
        Some(stream)
    }

    /// An open stream.
    #[must_use]
    pub fn stream(&self, id: u64) -> Option<&Stream> {
        self.streams.get(&id)
    }

    /// Every open stream.
    pub fn streams(&self) -> impl Iterator<Item = (u64, &Stream)> {
        self.streams.iter().map(|(&id, stream)| (id, stream))
    }

    /// Streams of one host.
    #[must_use]
    pub fn streams_of(&self, host: HostId) -> Vec<u64> {
        self.streams.iter().filter(|(_, stream)| stream.ends.contains(&host)).map(|(&id, _)| id).collect()
    }

    /// Streams between two hosts.
    #[must_use]
    pub fn between(&self, a: HostId, b: HostId) -> Vec<u64> {
        self.by_pair.get(&ordered([a, b])).map(|ids| ids.iter().copied().collect()).unwrap_or_default()
    }

    /// A frame goes on its way from end `side` of a stream.
    pub fn send(&mut self, (id, side): (u64, usize), bytes: &Bytes, now: u64, room: Room) -> Option<Passage> {
        let Self { base, pairs, streams, .. } = self;
        let stream = streams.get_mut(&id)?;
        let pair = pairs.make((stream.ends[side], stream.ends[1 - side]), *base);
        if !pair.down.is_empty() || !stream.held[side].is_empty() {
            stream.held[side].push_back(bytes.clone());
            return Some(Passage::Held);
        }
        let size = bytes.len() as u64;
        let start = match pair.quality.rate {
            Some(rate) => {
                let waiting = pair.free_us.saturating_sub(now).saturating_mul(rate) / 1_000_000;
                if room == Room::Bounded && waiting + size > pair.quality.queue_bytes.max(70_000) {
                    return Some(Passage::Overflow);
                }
                pair.free_us = pair.free_us.max(now) + size * 1_000_000 / rate.max(1);
                pair.free_us
            }
            None => now,
        };
        let Some(delay) = pair.delay() else { return Some(Passage::Broken) };
        let at = (start + delay).max(stream.last_us[side] + 1);
        stream.last_us[side] = at;
        stream.in_flight[side] += size;
        Some(Passage::At(at))
    }

    /// A frame has come to the end of its way: whether it may be handed over, or waits because the path is down.
    pub fn arrive(&mut self, id: u64, side: usize, bytes: &Bytes) -> Arrival {
        let Some(stream) = self.streams.get_mut(&id) else { return Arrival::Gone };
        let ends = stream.ends;
        let is_up = self.pairs.get(ends[side], ends[1 - side]).is_none_or(|pair| pair.down.is_empty());
        stream.in_flight[side] = stream.in_flight[side].saturating_sub(bytes.len() as u64);
        if !is_up || !stream.held[side].is_empty() {
            stream.held[side].push_back(bytes.clone());
            return Arrival::Held;
        }
        Arrival::Here(ends[1 - side])
    }

    /// One side hangs up; gives when the other hears of it, behind everything that was sent.
    pub fn shut(&mut self, id: u64, side: usize, now: u64) -> Option<u64> {
        let ends = self.streams.get(&id)?.ends;
        let latency = self.pair(ends[side], ends[1 - side]).quality.latency_us;
        let stream = self.streams.get_mut(&id)?;
        if core::mem::replace(&mut stream.shut[side], true) {
            return None;
        }
        Some((now + latency).max(stream.last_us[side] + 1))
    }

    /// The path is back: frames that were held go out again.
    pub fn release(&mut self, id: u64, side: usize) -> Vec<Bytes> {
        self.streams.get_mut(&id).map(|stream| stream.held[side].drain(..).collect()).unwrap_or_default()
    }

    /// Streams on which something waits longer than this, now that every path is what it was: a computer that finds a
    /// better path does not wait for the queue of the old one. Every queue is empty from here on.
    pub fn drop_backlogs(&mut self, now: u64, longer_us: u64) -> Vec<u64> {
        self.pairs.all_mut().for_each(|pair| pair.free_us = pair.free_us.min(now));
        let waits = |stream: &Stream| stream.last_us.iter().any(|last| *last > now + longer_us);
        self.streams.iter().filter(|(_, stream)| waits(stream)).map(|(&id, _)| id).collect()
    }

    /// When a dead path between two hosts will be noticed.
    pub fn notice_us(&mut self, a: HostId, b: HostId) -> u64 {
        NOTICE_MIN_US + below(&mut self.pair(a, b).rng, NOTICE_MAX_US - NOTICE_MIN_US)
    }
}

/// What an arriving frame meets.
#[derive(Debug, PartialEq, Eq)]
pub enum Arrival {
    /// This host takes it.
    Here(HostId),
    /// The path went down on the way.
    Held,
    /// The stream is gone.
    Gone,
}

const fn ordered([a, b]: [HostId; 2]) -> (HostId, HostId) {
    if a < b { (a, b) } else { (b, a) }
}

#[cfg(test)]
mod tests {
    use super::pairs::RETRANSMIT_US;
    use super::*;

    fn frame(byte: u8) -> Bytes {
        Bytes::from(vec![byte; 100])
    }

    #[test]
    fn frames_keep_their_order_and_take_their_time() {
        let mut net = Network::new(1, Quality { latency_us: 10, jitter_us: 500, ..Quality::default() });
        let id = net.open([0, 1], [1, 1], Channel::Group);
        let mut last = 0;
        for _ in 0..200 {
            let Some(Passage::At(at)) = net.send((id, 0), &frame(1), 1_000, Room::Bounded) else { panic!("held") };
            assert!(at > last && at >= 1_010);
            last = at;
        }
    }

    #[test]
    fn a_cut_holds_one_direction_and_a_second_reason_keeps_it_down() {
        let mut net = Network::new(1, Quality::default());
        let id = net.open([0, 1], [1, 1], Channel::Group);
        let (first, second) = (net.reason(), net.reason());
        net.cut(0, 1, first);
        net.cut(0, 1, second);
        assert_eq!(net.send((id, 0), &frame(1), 0, Room::Bounded), Some(Passage::Held));
        assert!(matches!(net.send((id, 1), &frame(2), 0, Room::Bounded), Some(Passage::At(_))));
        assert!(!net.mend(0, 1, first) && net.mend(0, 1, second) && net.is_up_both(0, 1));
        assert_eq!(net.release(id, 0), [frame(1)]);
    }

    #[test]
    fn loss_is_delay_and_at_last_a_break() {
        let mut net = Network::new(3, Quality { latency_us: 10, loss_ppm: 900_000, ..Quality::default() });
        let id = net.open([0, 1], [1, 1], Channel::Group);
        let outcomes: Vec<_> = (0..60).filter_map(|_| net.send((id, 0), &frame(1), 0, Room::Bounded)).collect();
        assert!(outcomes.contains(&Passage::Broken));
        assert!(outcomes.iter().any(|passage| matches!(passage, Passage::At(at) if *at >= RETRANSMIT_US)));
    }

    #[test]
    fn a_slow_path_takes_a_second_for_a_seconds_worth_and_then_overflows() {
        let mut net = Network::new(1, Quality { latency_us: 0, rate: Some(100), queue_bytes: 1, ..Quality::default() });
        let id = net.open([0, 1], [1, 1], Channel::Group);
        assert_eq!(net.send((id, 0), &frame(1), 0, Room::Bounded), Some(Passage::At(1_000_000)));
        assert_eq!(net.send((id, 0), &frame(1), 0, Room::Bounded), Some(Passage::At(2_000_000)));
        let overflow = (0..1_000).find(|_| net.send((id, 0), &frame(1), 0, Room::Bounded) == Some(Passage::Overflow));
        assert!(overflow.is_some());
    }
}
