//! The directed paths between hosts: how each behaves, and why it is down.

use std::collections::BTreeSet;

use rand_chacha::ChaCha8Rng;

use super::{HostId, Quality, Tail};
use crate::chance::{exponential, happens, stream};

/// Retransmissions start after this and double (a usual probe timeout).
pub(super) const RETRANSMIT_US: u64 = 200_000;
/// So many losses in a row end a stream.
const RETRANSMITS_MAX: u32 = 5;

/// One direction between two hosts.
pub(super) struct Pair {
    pub(super) quality: Quality,
    /// Reasons why nothing passes: a split, a cut, a flap … each by its own number, so that one can end before another.
    pub(super) down: BTreeSet<u32>,
    /// When the path last became free of what was sent before.
    pub(super) free_us: u64,
    pub(super) rng: ChaCha8Rng,
}

/// Directed pairs, each made when it is first asked for. Every frame looks one up twice, so they lie in rows.
pub(super) struct Pairs {
    seed: u64,
    rows: Vec<Vec<Option<Box<Pair>>>>,
}

impl Pairs {
    pub(super) const fn new(seed: u64) -> Self {
        Self { seed, rows: Vec::new() }
    }

    pub(super) fn get(&self, from: HostId, to: HostId) -> Option<&Pair> {
        self.rows.get(usize::from(from))?.get(usize::from(to))?.as_deref()
    }

    pub(super) fn make(&mut self, (from, to): (HostId, HostId), quality: Quality) -> &mut Pair {
        let (row, place) = (usize::from(from), usize::from(to));
        if self.rows.len() <= row {
            self.rows.resize_with(row + 1, Vec::new);
        }
        let row = &mut self.rows[row];
        if row.len() <= place {
            row.resize_with(place + 1, || None);
        }
        row[place].get_or_insert_with(|| {
            let rng = stream(self.seed, "pair", u64::from(from) << 16 | u64::from(to));
            Box::new(Pair { quality, down: BTreeSet::new(), free_us: 0, rng })
        })
    }

    /// All that were made, in order.
    pub(super) fn all(&self) -> impl Iterator<Item = ((HostId, HostId), &Pair)> {
        let rows = (0..).zip(&self.rows);
        rows.flat_map(|(from, row)| (0..).zip(row).filter_map(move |(to, pair)| Some(((from, to), pair.as_deref()?))))
    }

    pub(super) fn all_mut(&mut self) -> impl Iterator<Item = &mut Pair> {
        self.rows.iter_mut().flatten().filter_map(Option::as_deref_mut)
    }
}

impl Pair {
    /// How long a packet takes that leaves now; none if it was lost too often.
    pub(super) fn delay(&mut self) -> Option<u64> {
        let Quality { latency_us, jitter_us, tail, loss_ppm, .. } = self.quality;
        let mut delay = latency_us;
        if jitter_us > 0 {
            delay += exponential(&mut self.rng, jitter_us);
        }
        if tail == Tail::On && happens(&mut self.rng, 10_000) {
            delay *= 10;
        }
        let mut wait = RETRANSMIT_US;
        for _ in 0..RETRANSMITS_MAX {
            if loss_ppm == 0 || !happens(&mut self.rng, loss_ppm) {
                return Some(delay);
            }
            delay += wait;
            wait *= 2;
        }
        None
    }
}
