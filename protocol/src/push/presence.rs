//! Who is online, as a rumour that dies out: ages by seat, and the STATE frame that carries them (N-501 to N-503).
//!
//! An age is rounded up before it is told, so passing it on never makes anybody younger. It is a hint for choosing
//! neighbours and for faces; it never decides delivery, keys or membership.
#![cfg_attr(not(test), deny(clippy::arithmetic_side_effects, clippy::as_conversions))]

use crate::ids::{Digest, SeatNumber};
use crate::limits::{AGE_STEP_MS, ONLINE_MS, SEATS};
use crate::time::Timestamp;
use crate::wire::{Canonical, DecodeError, Reader, Writer};

/// Bytes of a set of seats on the wire.
const SET_BYTES: usize = SEATS.div_ceil(8);
/// Bytes of the ages on the wire: four bits each.
const AGE_BYTES: usize = SEATS.div_ceil(2);
/// The youngest age, as told.
const YOUNGEST: u8 = 15;

/// A set of seats: `direct` of a STATE. Seat 0 is the highest bit of the first byte.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SeatSet([u8; SET_BYTES]);

impl SeatSet {
    /// Adds a seat; numbers beyond the last seat are nobody's.
    pub fn insert(&mut self, seat: SeatNumber) {
        let (at, bit) = Self::place(seat);
        if let Some(byte) = self.0.get_mut(at).filter(|_| usize::from(seat.0) < SEATS) {
            *byte |= bit;
        }
    }

    /// Whether a seat is in.
    #[must_use]
    pub fn contains(&self, seat: SeatNumber) -> bool {
        let (at, bit) = Self::place(seat);
        self.0.get(at).is_some_and(|byte| byte & bit != 0)
    }

    /// How many seats are in.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.iter().map(|byte| usize::try_from(byte.count_ones()).unwrap_or(0)).sum()
    }

    /// The seats that are in both.
    #[must_use]
    pub fn common(&self, other: &Self) -> Self {
        let mut common = *self;
        common.0.iter_mut().zip(other.0).for_each(|(byte, other)| *byte &= other);
        common
    }

    fn place(seat: SeatNumber) -> (usize, u8) {
        (usize::from(seat.0 >> 3), 0x80 >> (seat.0 & 7))
    }
}

impl FromIterator<SeatNumber> for SeatSet {
    fn from_iter<I: IntoIterator<Item = SeatNumber>>(seats: I) -> Self {
        let mut set = Self::default();
        seats.into_iter().for_each(|seat| set.insert(seat));
        set
    }
}

/// Ages as told: 0 unknown, else 15 less the age in steps of 15 s, rounded up (N-502).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ages([u8; AGE_BYTES]);

impl Ages {
    /// What is told of a seat. An even seat is the high half of its byte.
    fn nibble(&self, seat: usize) -> u8 {
        let byte = self.0.get(seat >> 1).copied().unwrap_or(0);
        if seat & 1 == 0 { byte >> 4 } else { byte & 0x0f }
    }
}

/// STATE: where a neighbour stands (N-501).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct State {
    /// H("net/entries", [[lid, highest honoured seq, eid there]…]).
    pub entries: Digest,
    /// H("net/heads", [citable heads, sorted]). Unless it is ours, seats mean nothing.
    pub heads: Digest,
    /// Seats with a slot to the sender.
    pub direct: SeatSet,
    /// When each seat was last heard of.
    pub ages: Ages,
    /// 1 gaps, 2 lonely, 4 metered; unknown bits are ignored.
    pub flags: u64,
}

impl Canonical for State {
    fn write(&self, to: &mut Writer) {
        to.array(5).bytes(self.entries).bytes(self.heads).bytes(self.direct.0).bytes(self.ages.0).uint(self.flags);
    }

    fn read(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
        from.array(5)?;
        let (entries, heads) = (from.fixed()?, from.fixed()?);
        let (direct, ages) = (SeatSet(from.fixed()?), Ages(from.fixed()?));
        // The bits behind the last seat are always 0.
        let spare = direct.0.last().is_some_and(|last| last & 0x0f != 0);
        if spare {
            return Err(DecodeError::NotCanonical);
        }
        Ok(Self { entries, heads, direct, ages, flags: from.uint()? })
    }
}

/// When each seat was last heard of.
#[derive(Debug)]
pub struct Presence {
    /// Monotonic ms by seat.
    heard: [Option<u64>; SEATS],
}

impl Default for Presence {
    fn default() -> Self {
        Self { heard: [None; SEATS] }
    }
}

impl Presence {
    /// Something came from this seat itself: a frame on its own slot.
    pub fn on_heard(&mut self, now: Timestamp, seat: SeatNumber) {
        if let Some(heard) = self.heard.get_mut(usize::from(seat.0)) {
            *heard = (*heard).max(Some(now.mono_ms));
        }
    }

    /// The seat has another owner, or none (a face that left is not online).
    pub fn forget(&mut self, seat: SeatNumber) {
        if let Some(heard) = self.heard.get_mut(usize::from(seat.0)) {
            *heard = None;
        }
    }

    /// Rule N-502: takes the younger of both for every seat. Only for a STATE whose `heads` are ours.
    pub fn merge(&mut self, now: Timestamp, ages: &Ages) {
        for (seat, heard) in self.heard.iter_mut().enumerate() {
            let told = ages.nibble(seat);
            if told != 0 {
                let age = u64::from(YOUNGEST.saturating_sub(told)).saturating_mul(AGE_STEP_MS);
                // A node that runs for less time than the age can't say when that was; it counts from its start.
                *heard = (*heard).max(now.mono_ms.checked_sub(age));
            }
        }
    }

    /// What to tell. `linked` seats have age 0.
    #[must_use]
    pub fn ages(&self, now: Timestamp, linked: &SeatSet) -> Ages {
        let mut bytes = [0; AGE_BYTES];
        for (seat, heard) in self.heard.iter().enumerate() {
            let number = SeatNumber(u8::try_from(seat).unwrap_or(u8::MAX));
            let age = if linked.contains(number) { Some(0) } else { heard.map(|at| now.mono_ms.saturating_sub(at)) };
            let nibble = age.map_or(0, |age| {
                let steps = u8::try_from(age.div_ceil(AGE_STEP_MS)).unwrap_or(u8::MAX);
                YOUNGEST.saturating_sub(steps).max(1)
            });
            if let Some(byte) = bytes.get_mut(seat >> 1) {
                *byte |= if seat & 1 == 0 { nibble << 4 } else { nibble };
            }
        }
        Ages(bytes)
    }

    /// Rule N-503: heard of within 150 s.
    #[must_use]
    pub fn is_online(&self, now: Timestamp, seat: SeatNumber) -> bool {
        let heard = self.heard.get(usize::from(seat.0)).copied().flatten();
        heard.is_some_and(|at| now.mono_ms.saturating_sub(at) <= ONLINE_MS)
    }

    /// How many seats are online.
    #[must_use]
    pub fn online(&self, now: Timestamp) -> usize {
        let fresh = |at: &u64| now.mono_ms.saturating_sub(*at) <= ONLINE_MS;
        self.heard.iter().flatten().filter(|at| fresh(at)).count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::{from_bytes, to_bytes};

    const T0: Timestamp = Timestamp::new(1_000_000, 0);

    fn told(presence: &Presence, now: Timestamp) -> Ages {
        presence.ages(now, &SeatSet::default())
    }

    #[test]
    fn n_501_a_state_reads_back_fits_its_limit_and_has_no_spare_bits() {
        let direct: SeatSet = [0, 7, 8, 99].map(SeatNumber).into_iter().collect();
        let state = State {
            entries: Digest([1; 32]),
            heads: Digest([2; 32]),
            direct,
            ages: Presence::default().ages(T0, &direct),
            flags: 5,
        };
        let bytes = to_bytes(&state);
        assert!(bytes.len() <= 256);
        assert_eq!(from_bytes::<State>(&bytes, 256), Ok(state));
        let mut spare = state;
        spare.direct.0[12] |= 1;
        assert!(from_bytes::<State>(&to_bytes(&spare), 256).is_err());
        assert!((0..100).all(|seat| direct.contains(SeatNumber(seat)) == [0, 7, 8, 99].contains(&seat)));
        assert_eq!([state.ages.nibble(0), state.ages.nibble(1), state.ages.nibble(99)], [15, 0, 15]);
    }

    #[test]
    fn n_502_an_age_is_never_told_younger_and_the_younger_of_two_is_kept() {
        let mut presence = Presence::default();
        presence.on_heard(T0, SeatNumber(3));
        for (age, nibble) in [(0, 15), (1, 14), (15_000, 14), (15_001, 13), (195_000, 2), (900_000, 1)] {
            assert_eq!(told(&presence, T0.plus_ms(age)).nibble(3), nibble, "age {age}");
        }
        let mut other = Presence::default();
        other.merge(T0.plus_ms(20_000), &told(&presence, T0.plus_ms(20_000)));
        assert_eq!(other.heard[3], Some(T0.mono_ms - 10_000), "20 s are told as 30 s");
        other.merge(T0.plus_ms(90_000), &told(&presence, T0.plus_ms(90_000)));
        assert_eq!(other.heard[3], Some(T0.mono_ms), "younger wins");
        other.merge(T0.plus_ms(91_000), &Ages([0x11; AGE_BYTES]));
        assert_eq!(other.heard[3], Some(T0.mono_ms), "older does not");
    }

    #[test]
    fn n_503_online_is_who_was_heard_of_within_150_s_and_nobody_without_a_seat() {
        let mut presence = Presence::default();
        presence.on_heard(T0, SeatNumber(3));
        presence.on_heard(T0, SeatNumber(200));
        assert!(presence.is_online(T0.plus_ms(150_000), SeatNumber(3)));
        assert!(!presence.is_online(T0.plus_ms(150_001), SeatNumber(3)));
        assert!(!presence.is_online(T0, SeatNumber(200)) && presence.online(T0) == 1);
        presence.forget(SeatNumber(3));
        assert!(!presence.is_online(T0, SeatNumber(3)));
    }

    /// A line of 100 nodes, each telling its neighbours every 30 s; the first one stops.
    #[test]
    fn n_502_one_node_stops_and_all_others_show_it_offline_within_240_s() {
        let seat = SeatNumber(0);
        let mut nodes: alloc::vec::Vec<Presence> = (0..100).map(|_| Presence::default()).collect();
        let mut now = T0;
        let tell_all = |nodes: &mut alloc::vec::Vec<Presence>, now: Timestamp, alive: bool| {
            for at in 1..100 {
                if alive && at == 1 {
                    nodes[1].on_heard(now, seat);
                }
                let ages = told(&nodes[at], now);
                nodes[at - 1].merge(now, &ages);
                if at < 99 {
                    nodes[at + 1].merge(now, &ages);
                }
            }
        };
        (0..120).for_each(|_| {
            now = now.plus_ms(1_000);
            tell_all(&mut nodes, now, true);
        });
        // In a line each hop costs up to a step; the nine nearest still hear of it in time.
        assert!(nodes[1..9].iter().all(|node| node.is_online(now, seat)));
        (0..8).for_each(|_| {
            now = now.plus_ms(30_000);
            tell_all(&mut nodes, now, false);
        });
        assert!(nodes[1..].iter().all(|node| !node.is_online(now, seat)));
        assert_eq!(nodes[50].online(now), 0);
    }
}
