//! What was said is kept for as long as its owner wants: for ever, or for some days (ST-110).
//!
//! It is a matter of one's own disk: nobody else learns of it, and nobody else's copy is touched. What goes are the words
//! (with the salts that could prove them) and what was done to them; entries stay, as ciphertext whose keys were wiped
//! when it was opened, because others fetch them here and the log's chain needs them.
//!
//! What counts is when a line came: who was away for a month still reads what they missed, and no author's claim about the
//! time keeps a line or loses it. Ages are taken from the believed clock, so a clock that jumps empties no timeline (E-94).

use alloc::vec::Vec;

use super::{Context, Group, Purpose, ViewRecord};
use crate::command::{CommandError, Reply};
use crate::ids::OrderKey;
use crate::limits;
use crate::log::Place;
use crate::record::{Record, RecordId};
use crate::time::Timestamp;
use crate::timeline::annotations::Deed;
use crate::wire::from_bytes;

/// Behind the time, in the position of a Message that was shown once and is not kept: no start shows it, and no key that
/// comes later opens it again. The time stays: one's own only grow (E-53).
const FORGOTTEN: [u8; 8] = [0xff; 8];

/// Whether a line with this position was shown once and is not kept.
pub(super) fn is_forgotten(order: &OrderKey) -> bool {
    order.0.ends_with(&FORGOTTEN)
}

impl Group {
    /// Rule ST-110: for how many days one keeps what is said; 0 = for ever.
    pub(crate) fn keep_words_for(&mut self, ctx: &mut Context<'_>, days: u16) -> Result<Reply, CommandError> {
        if days > limits::KEEP_DAYS_MAX {
            return Err(CommandError::BadValue { field: "days" });
        }
        self.record.keep_days = days;
        self.put_group(ctx);
        self.late.clear();
        self.duties.forget_in(ctx.now, 0);
        Ok(Reply::Done)
    }

    /// The moment before which lines go; none if all are kept.
    fn kept_since_ms(&self, now: Timestamp) -> Option<u64> {
        let days = Some(self.record.keep_days).filter(|days| *days > 0)?;
        Some(self.keys.aged_ms(now).saturating_sub(u64::from(days).saturating_mul(limits::DAY_MS)))
    }

    /// Looks at some of the lines that are old enough; at the others soon.
    pub(super) fn forget_old_words(&mut self, ctx: &mut Context<'_>) {
        let Some(since_ms) = self.kept_since_ms(ctx.now) else { return };
        let is_due = |place: &Place| self.late.get(place).is_none_or(|&came_ms| came_ms < since_ms);
        // A time in the future is a claim: when such a line came is looked up as well.
        let ahead_ms = self.keys.aged_ms(ctx.now).saturating_add(limits::DAY_MS);
        let span = start_of(since_ms)..start_of(ahead_ms);
        let late = self.late.iter().filter(|&(_, &came_ms)| came_ms < since_ms).map(|(&place, _)| place);
        let due = late.chain(self.shown.outside(span).filter(is_due));
        let mut due: Vec<Place> = due.take(limits::KEEPING_LINES_MAX.saturating_add(1)).collect();
        let more = due.len() > limits::KEEPING_LINES_MAX;
        due.truncate(limits::KEEPING_LINES_MAX);
        due.into_iter().for_each(|place| self.read_back(ctx, place, Purpose::Expire(place)));
        self.duties.forget_in(ctx.now, if more { limits::KEEPING_PAUSE_MS } else { limits::KEEPING_EVERY_MS });
    }

    /// A line that may be too old is here, or what is left of it.
    pub(super) fn expire_line(&mut self, ctx: &mut Context<'_>, place: Place, bytes: Option<&[u8]>) {
        let (Some(since_ms), Some(order)) = (self.kept_since_ms(ctx.now), self.shown.get(&place)) else { return };
        let view = bytes.and_then(|bytes| from_bytes::<ViewRecord>(bytes, limits::VALUE_BYTES_MAX).ok());
        if let Some(view) = &view {
            let came_ms = view.message.received_at_ms;
            if came_ms >= since_ms {
                self.late.insert(place, came_ms);
                return;
            }
            if let Some(annotation) = &view.message.annotation {
                ctx.effects.erase(self.annotation_record(Some(&annotation.target), order));
                if let Deed::Pin { .. } = annotation.deed {
                    ctx.effects.erase(self.annotation_record(None, order));
                }
            }
        }
        if let Some(entry) = self.logs.eid_at(&place.log, place.branch, place.seq) {
            self.forget_blobs(ctx, &entry);
        }
        ctx.effects.erase(RecordId::view(self.g, order));
        self.late.remove(&place);
        self.shown.remove(&place);
        self.read_back(ctx, place, Purpose::Forget(place));
    }

    /// The entry of a line that is gone keeps its bytes and loses its place in the timeline.
    pub(super) fn forget_line(&mut self, ctx: &mut Context<'_>, place: Place, bytes: &[u8]) {
        let Some((order, signed)) = bytes.split_at_checked(OrderKey::LEN) else { return };
        let time = order.iter().take(OrderKey::LEN.saturating_sub(FORGOTTEN.len())).copied();
        let bytes = time.chain(FORGOTTEN).chain(signed.iter().copied()).collect();
        ctx.effects.put(Record { id: self.entry_record(place), bytes });
    }
}

/// The first position of a moment in the timeline (E-53).
fn start_of(ms: u64) -> OrderKey {
    let mut key = [0; OrderKey::LEN];
    key.iter_mut().zip(ms.to_be_bytes()).for_each(|(to, byte)| *to = byte);
    OrderKey(key)
}
