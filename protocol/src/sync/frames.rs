//! Bodies of the frames of anti-entropy: VECTOR, WHO, LOGS, WANT, GIVE, GONE, CANCEL, MSYNC, FORK, REPAIR (N-402).
//!
//! Each is one canonical CBOR array. Counts are checked on the heads of the arrays; what is decoded takes memory in
//! proportion to the bytes that came, never to a number in them.
#![cfg_attr(not(test), deny(clippy::arithmetic_side_effects, clippy::as_conversions))]

use alloc::vec::Vec;

use super::Serve;
use crate::ids::{EntryId, LogId, LogTag};
use crate::limits;
use crate::log::VectorItem;
use crate::wire::{Canonical, DecodeError, Reader, Writer, to_bytes};

/// Which logs a vector is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extent {
    /// All.
    Full,
    /// Those that changed.
    Delta,
}

/// VECTOR: what the sender holds of each log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Vector {
    /// Which logs.
    pub extent: Extent,
    /// Another frame of the same vector follows.
    pub more: bool,
    /// One for each branch of each log; those of one log side by side.
    pub items: Vec<VectorItem>,
}

impl Vector {
    /// Cuts items into as many frames as they need (at least one).
    #[must_use]
    pub fn frames(extent: Extent, items: Vec<VectorItem>) -> Vec<Self> {
        let mut frames = Vec::new();
        let (mut items_now, mut bytes) = (Vec::new(), 0_usize);
        for item in items {
            let size = to_bytes(&item).len();
            if bytes.saturating_add(size) > limits::VECTOR_FRAME_FILL_BYTES {
                let items = core::mem::take(&mut items_now);
                frames.push(Self { extent, more: true, items });
                bytes = 0;
            }
            bytes = bytes.saturating_add(size);
            items_now.push(item);
        }
        frames.push(Self { extent, more: false, items: items_now });
        frames
    }
}

impl Canonical for Vector {
    fn write(&self, to: &mut Writer) {
        to.array(3).bool(self.extent == Extent::Delta).bool(self.more).list(&self.items);
    }
    fn read(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
        from.array(3)?;
        let extent = if from.bool()? { Extent::Delta } else { Extent::Full };
        Ok(Self { extent, more: from.bool()?, items: from.list(limits::VECTOR_ITEMS_MAX)? })
    }
}

/// WHO: the full names of these logs, please (N-703).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Who(pub Vec<LogTag>);

impl Canonical for Who {
    fn write(&self, to: &mut Writer) {
        to.array(1).list(&self.0);
    }
    fn read(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
        from.array(1)?;
        from.list(limits::WHO_TAGS_MAX).map(Self)
    }
}

/// A log's short and full name, as claimed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LogName {
    /// Short.
    pub tag: LogTag,
    /// Full; believed only if the tag follows from it.
    pub log: LogId,
}

impl Canonical for LogName {
    fn write(&self, to: &mut Writer) {
        to.array(3).bytes(self.tag).bytes(self.log.mid).bytes(self.log.inst);
    }
    fn read(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
        from.array(3)?;
        Ok(Self { tag: from.fixed()?, log: LogId { mid: from.fixed()?, inst: from.fixed()? } })
    }
}

/// LOGS: the answer to WHO.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogNames(pub Vec<LogName>);

impl Canonical for LogNames {
    fn write(&self, to: &mut Writer) {
        to.list(&self.0);
    }
    fn read(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
        from.list(limits::WHO_TAGS_MAX).map(Self)
    }
}

/// What a WANT asks of a range (N-402).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum What {
    /// Entries, the newest block first.
    NewestFirst,
    /// The newest Rekey and the key entries after it.
    Keys,
    /// Entries, oldest first.
    OldestFirst,
    /// Ids only.
    Ids,
}

impl What {
    const fn number(self) -> u64 {
        match self {
            Self::NewestFirst => 0,
            Self::Keys => 1,
            Self::OldestFirst => 2,
            Self::Ids => 3,
        }
    }
}

/// A run of one branch of one log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WantRange {
    /// The log.
    pub tag: LogTag,
    /// The branch by its announced head; none if there is one only (N-704).
    pub branch: Option<[u8; 8]>,
    /// First number.
    pub from: u64,
    /// Last number.
    pub to: u64,
    /// What of it.
    pub what: What,
}

impl WantRange {
    /// How many entries.
    #[must_use]
    pub const fn count(&self) -> u64 {
        self.to.saturating_sub(self.from).saturating_add(1)
    }
}

impl Canonical for WantRange {
    fn write(&self, to: &mut Writer) {
        let branch = self.branch.as_ref().map_or(&[][..], |head| head);
        to.array(5).bytes(self.tag).bytes(branch).uint(self.from).uint(self.to).uint(self.what.number());
    }

    fn read(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
        from.array(5)?;
        let tag = from.fixed()?;
        let branch = match from.bytes(8)? {
            [] => None,
            head => Some(head.try_into().map_err(|_| DecodeError::OutOfRange)?),
        };
        let (first, last) = read_run(from)?;
        let what = match from.uint()? {
            0 => What::NewestFirst,
            1 => What::Keys,
            2 => What::OldestFirst,
            3 => What::Ids,
            _ => return Err(DecodeError::Unknown),
        };
        Ok(Self { tag, branch, from: first, to: last, what })
    }
}

fn read_run(from: &mut Reader<'_>) -> Result<(u64, u64), DecodeError> {
    let (first, last) = (from.uint()?, from.uint()?);
    (first <= last && last < limits::SEQ_END).then_some((first, last)).ok_or(DecodeError::OutOfRange)
}

/// WANT: a request, numbered by the asker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Want {
    /// Its number; new for each request of a slot.
    pub request: u64,
    /// What is wanted.
    pub ranges: Vec<WantRange>,
}

impl Canonical for Want {
    fn write(&self, to: &mut Writer) {
        to.array(2).uint(self.request).list(&self.ranges);
    }
    fn read(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
        from.array(2)?;
        Ok(Self { request: from.uint()?, ranges: from.list(limits::WANT_RANGES_MAX)? })
    }
}

/// GIVE: entries of one log, ascending from `first`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Give {
    /// The request it answers.
    pub request: u64,
    /// The log.
    pub tag: LogTag,
    /// Number of the first entry.
    pub first: u64,
    /// Entries as stored and signed.
    pub entries: Vec<Vec<u8>>,
    /// Nothing follows for this request.
    pub last: bool,
}

/// The bytes of one entry in a list.
struct EntryBytes(Vec<u8>);

impl Canonical for EntryBytes {
    fn write(&self, to: &mut Writer) {
        to.bytes(&self.0);
    }
    fn read(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
        from.bytes(limits::ENTRY_BYTES_MAX).map(|bytes| Self(bytes.to_vec()))
    }
}

impl Give {
    /// The items in front of the entries and behind them, for a frame whose entries lie in the store.
    #[must_use]
    pub fn around(serve: &Serve) -> (Vec<Vec<u8>>, Vec<Vec<u8>>) {
        let item = |write: &dyn Fn(&mut Writer)| {
            let mut writer = Writer::default();
            write(&mut writer);
            writer.into_bytes()
        };
        let before = Vec::from([
            item(&|to| {
                to.uint(serve.request);
            }),
            item(&|to| {
                to.bytes(serve.tag);
            }),
            item(&|to| {
                to.uint(serve.from);
            }),
        ]);
        let after = Vec::from([item(&|to| {
            to.bool(serve.last);
        })]);
        (before, after)
    }
}

impl Canonical for Give {
    fn write(&self, to: &mut Writer) {
        to.array(5).uint(self.request).bytes(self.tag).uint(self.first).array(self.entries.len());
        for entry in &self.entries {
            to.bytes(entry);
        }
        to.bool(self.last);
    }

    fn read(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
        from.array(5)?;
        let (request, tag, first) = (from.uint()?, from.fixed()?, from.uint()?);
        let entries: Vec<EntryBytes> = from.list(limits::GIVE_ENTRIES_MAX)?;
        if first >= limits::SEQ_END {
            return Err(DecodeError::OutOfRange);
        }
        let entries = entries.into_iter().map(|entry| entry.0).collect();
        Ok(Self { request, tag, first, entries, last: from.bool()? })
    }
}

/// Why a range is not given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// Erased by retention.
    Erased,
    /// Never held here.
    NeverHad,
    /// Ask again later.
    Later,
}

/// A range that is not given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GoneRange {
    /// The log.
    pub tag: LogTag,
    /// First number.
    pub from: u64,
    /// Last number.
    pub to: u64,
    /// Why.
    pub why: Why,
}

impl Canonical for GoneRange {
    fn write(&self, to: &mut Writer) {
        let why: u64 = match self.why {
            Why::Erased => 1,
            Why::NeverHad => 2,
            Why::Later => 3,
        };
        to.array(4).bytes(self.tag).uint(self.from).uint(self.to).uint(why);
    }

    fn read(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
        from.array(4)?;
        let tag = from.fixed()?;
        let (first, last) = read_run(from)?;
        let why = match from.uint()? {
            1 => Why::Erased,
            2 => Why::NeverHad,
            3 => Why::Later,
            _ => return Err(DecodeError::Unknown),
        };
        Ok(Self { tag, from: first, to: last, why })
    }
}

/// GONE: what of a request is not given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gone {
    /// The request.
    pub request: u64,
    /// Ranges of it.
    pub ranges: Vec<GoneRange>,
}

impl Canonical for Gone {
    fn write(&self, to: &mut Writer) {
        to.array(2).uint(self.request).list(&self.ranges);
    }
    fn read(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
        from.array(2)?;
        Ok(Self { request: from.uint()?, ranges: from.list(limits::WANT_RANGES_MAX)? })
    }
}

/// CANCEL: nothing more for this request, please.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cancel(pub u64);

impl Canonical for Cancel {
    fn write(&self, to: &mut Writer) {
        to.array(1).uint(self.0);
    }
    fn read(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
        from.array(1)?;
        from.uint().map(Self)
    }
}

/// REPAIR: a Grant of this epoch, please (E-50).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Repair(pub EntryId);

impl Canonical for Repair {
    fn write(&self, to: &mut Writer) {
        to.array(1).bytes(self.0);
    }
    fn read(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
        from.array(1)?;
        from.fixed().map(Self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::{Instance, MembershipId};
    use crate::wire::frame::GroupFrame;
    use crate::wire::from_bytes;
    use alloc::vec;
    use core::fmt::Debug;

    const TAG: LogTag = LogTag([7; 16]);

    /// Reads back, and every bit flip or truncation fails or is another value with exactly those bytes.
    fn is_sound<T: Canonical + PartialEq + Debug>(value: &T, kind: GroupFrame) {
        let (bytes, max) = (to_bytes(value), kind.body_bytes_max());
        assert_eq!(from_bytes::<T>(&bytes, max).as_ref(), Ok(value));
        for bit in 0..bytes.len() * 8 {
            let mut flipped = bytes.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            if let Ok(other) = from_bytes::<T>(&flipped, max) {
                assert_eq!(to_bytes(&other), flipped);
            }
        }
        assert!((0..bytes.len()).all(|end| from_bytes::<T>(&bytes[..end], max).is_err()));
    }

    fn range(from: u64, to: u64) -> WantRange {
        WantRange { tag: TAG, branch: Some([3; 8]), from, to, what: What::OldestFirst }
    }

    #[test]
    fn n_402_each_body_has_one_encoding_and_survives_harm() {
        let item = VectorItem { tag: TAG, floor: 0, ranges: vec![(0, 30)], head: [1; 8], fork: Some(2) };
        is_sound(&Vector { extent: Extent::Delta, more: false, items: vec![item] }, GroupFrame::Vector);
        is_sound(&Who(vec![TAG]), GroupFrame::Who);
        let log = LogId { mid: MembershipId([1; 32]), inst: Instance([2; 16]) };
        is_sound(&LogNames(vec![LogName { tag: TAG, log }]), GroupFrame::Logs);
        is_sound(&Want { request: 9, ranges: vec![range(3, 300)] }, GroupFrame::Want);
        let give = Give { request: 9, tag: TAG, first: 3, entries: vec![vec![1; 5], vec![2; 30]], last: true };
        is_sound(&give, GroupFrame::Give);
        let gone = GoneRange { tag: TAG, from: 1, to: 2, why: Why::Later };
        is_sound(&Gone { request: 9, ranges: vec![gone] }, GroupFrame::Gone);
        is_sound(&Cancel(70), GroupFrame::Cancel);
        is_sound(&Repair(EntryId([4; 32])), GroupFrame::Repair);
    }

    #[test]
    fn n_402_more_than_the_limits_and_runs_that_run_backwards_are_refused() {
        let many = |count| to_bytes(&Want { request: 1, ranges: vec![range(0, 0); count] });
        assert!(from_bytes::<Want>(&many(64), 4_096).is_ok());
        assert!(from_bytes::<Want>(&many(65), 4_096).is_err());
        assert!(from_bytes::<WantRange>(&to_bytes(&range(4, 3)), 99).is_err());
        assert!(from_bytes::<WantRange>(&to_bytes(&range(4, 1 << 40)), 99).is_err());
        // Lists that claim four billion items fail on their head.
        for claims in [&[0x83, 0xf4, 0xf4, 0x9a, 0xff, 0xff, 0xff, 0xff][..], &[0x9a, 0xff, 0xff, 0xff, 0xff][..]] {
            assert!(from_bytes::<Vector>(claims, 99).is_err() && from_bytes::<LogNames>(claims, 99).is_err());
        }
    }

    #[test]
    fn n_702_a_vector_of_the_most_logs_fits_sixteen_frames_of_64_kib() {
        let item = |n: u64| {
            let mut tag = [9; 16];
            tag[..8].copy_from_slice(&n.to_be_bytes());
            let ranges = vec![(0, limits::SEQ_END - 1)];
            VectorItem { tag: LogTag(tag), floor: 0, ranges, head: [1; 8], fork: None }
        };
        let frames = Vector::frames(Extent::Full, (0..4_096).map(item).collect());
        assert!(frames.len() <= 16 && frames.iter().all(|frame| to_bytes(frame).len() <= 64 * 1_024));
        let more: Vec<bool> = frames.iter().map(|frame| frame.more).collect();
        assert_eq!(more.iter().filter(|more| !**more).count(), 1);
        assert_eq!(frames.iter().map(|frame| frame.items.len()).sum::<usize>(), 4_096);
        assert_eq!(Vector::frames(Extent::Delta, vec![]).len(), 1);
    }

    #[test]
    fn r_03_a_give_put_together_from_its_header_is_the_same_frame() {
        let give = Give { request: 300, tag: TAG, first: 24, entries: vec![vec![1; 40]], last: false };
        let serve = Serve { request: 300, tag: TAG, branch: 0, from: 24, to: 24, last: false };
        let (before, after) = Give::around(&serve);
        let mut body = Writer::default();
        body.array(5);
        before.iter().for_each(|item| {
            body.raw(item);
        });
        body.array(1).bytes([1; 40]);
        after.iter().for_each(|item| {
            body.raw(item);
        });
        assert_eq!(body.into_bytes(), to_bytes(&give));
    }
}
