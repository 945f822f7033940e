//! The giving side: a WANT becomes a row of GIVE frames whose entries lie in the store (N-712, R-3).
//!
//! The row is pulled, not pushed: the caller takes the next piece when the link's credit allows (N-405), so a slow
//! asker costs a few numbers here and no bodies.

use alloc::vec::Vec;

use super::frames::{Gone, GoneRange, Want, WantRange, What, Why};
use super::session::Session;
use super::{Holdings, Shelf};
use crate::error::PeerFault;
use crate::ids::LogTag;
use crate::limits;

/// One GIVE frame to come. The caller reads `from..=to` from the store and sends them behind
/// [`super::frames::Give::around`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Serve {
    /// The request it answers.
    pub request: u64,
    /// The log.
    pub tag: LogTag,
    /// Number of the branch, as our own logs count them.
    pub branch: u8,
    /// First number.
    pub from: u64,
    /// Last number; at most [`limits::GIVE_ENTRIES_MAX`] entries.
    pub to: u64,
    /// Nothing follows for this request.
    pub last: bool,
}

/// What a WANT comes to: frames to queue, ranges to refuse, or a fault.
pub(super) fn plan(session: &mut Session, want: &Want, holdings: &dyn Holdings) -> Result<Option<Gone>, PeerFault> {
    let asked: u64 = want.ranges.iter().map(WantRange::count).fold(0, u64::saturating_add);
    if want.ranges.is_empty() || session.serving.iter().any(|serve| serve.request == want.request) {
        return Err(PeerFault::Malformed);
    }
    let (mut serves, mut gone): (Vec<Serve>, Vec<GoneRange>) = (Vec::new(), Vec::new());
    for range in &want.ranges {
        let refuse = |from, to, why| GoneRange { tag: range.tag, from, to, why };
        // Parts of logs and ids alone belong to a later version of this room: it says so, and the asker goes on.
        if matches!(range.what, What::Keys | What::Ids) || asked > limits::REQUEST_ENTRIES_MAX {
            gone.push(refuse(range.from, range.to, Why::Later));
            continue;
        }
        let Some(shelf) = holdings.shelf(&range.tag, range.branch) else {
            gone.push(refuse(range.from, range.to, Why::NeverHad));
            continue;
        };
        let (from, to) = (range.from.max(shelf.from), range.to.min(shelf.to));
        if from > to {
            let why = if range.to < shelf.from { Why::Erased } else { Why::NeverHad };
            gone.push(refuse(range.from, range.to, why));
            continue;
        }
        if range.from < from {
            gone.push(refuse(range.from, from.saturating_sub(1), Why::Erased));
        }
        if to < range.to && gone.len() < limits::WANT_RANGES_MAX {
            gone.push(refuse(to.saturating_add(1), range.to, Why::NeverHad));
        }
        serves.extend(frames(want.request, &range.tag, &shelf, (from, to), holdings));
    }
    if session.serving.len().saturating_add(serves.len()) > limits::SERVES_QUEUED_MAX {
        let ranges = want.ranges.iter();
        let all = ranges.map(|range| GoneRange { tag: range.tag, from: range.from, to: range.to, why: Why::Later });
        return Ok(Some(Gone { request: want.request, ranges: all.collect() }));
    }
    if let Some(end) = serves.last_mut() {
        end.last = true;
    }
    session.serving.extend(serves);
    gone.truncate(limits::WANT_RANGES_MAX);
    Ok((!gone.is_empty()).then_some(Gone { request: want.request, ranges: gone }))
}

/// Cuts a run into frames by count and by bytes.
fn frames(request: u64, tag: &LogTag, shelf: &Shelf, (from, to): (u64, u64), holdings: &dyn Holdings) -> Vec<Serve> {
    let mut serves = Vec::new();
    let (mut start, mut count, mut bytes) = (from, 0_usize, 0_usize);
    for seq in from..=to {
        let size = holdings.entry_bytes(tag, shelf.branch, seq).unwrap_or(limits::GIVE_ENTRY_GUESS_BYTES);
        // Each entry has a head of up to three bytes.
        let after = bytes.saturating_add(size).saturating_add(3);
        if count > 0 && (count >= limits::GIVE_ENTRIES_MAX || after > limits::GIVE_FRAME_FILL_BYTES) {
            let end = seq.saturating_sub(1);
            serves.push(Serve { request, tag: *tag, branch: shelf.branch, from: start, to: end, last: false });
            (start, count, bytes) = (seq, 0, 0);
        }
        count = count.saturating_add(1);
        bytes = bytes.saturating_add(size).saturating_add(3);
    }
    serves.push(Serve { request, tag: *tag, branch: shelf.branch, from: start, to, last: false });
    serves
}
