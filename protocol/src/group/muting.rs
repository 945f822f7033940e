//! A muted group: one's own screens are silent about what is said there, for a while or until it is undone (CV-11).
//!
//! It is a matter of one's own profile, like how long words are kept: nobody else learns of it, and everything else goes on
//! as before. The end is a moment of the wall clock, because it is a promise to a person; nothing but silence rests on it.

use super::{Context, Group};
use crate::command::{CommandError, Mute, Reply};
use crate::event::{Event, Muted};
use crate::limits;

/// Until it is undone: the greatest number that a record can hold (E-02).
const FOR_EVER_MS: u64 = limits::INTEGER_MAX;

impl Group {
    /// Rule CV-11: muted for so long from now on, or heard again.
    pub(crate) fn mute(&mut self, ctx: &mut Context<'_>, mute: Mute) -> Result<Reply, CommandError> {
        let until_ms = match mute {
            Mute::Off => 0,
            Mute::ForMs(0) => return Err(CommandError::BadValue { field: "for_ms" }),
            Mute::ForMs(ms) if ms > limits::MUTE_MS_MAX => return Err(CommandError::BadValue { field: "for_ms" }),
            Mute::ForMs(ms) => ctx.now.wall_ms.saturating_add(ms).min(FOR_EVER_MS.saturating_sub(1)),
            Mute::Always => FOR_EVER_MS,
        };
        self.set_mute(ctx, until_ms);
        self.end_mute(ctx);
        Ok(Reply::Done)
    }

    /// How it stands, for the screens.
    pub(super) fn muted(&self) -> Option<Muted> {
        match self.record.muted_until_ms {
            0 => None,
            FOR_EVER_MS => Some(Muted::Always),
            until_ms => Some(Muted::UntilMs(until_ms)),
        }
    }

    /// It ends by itself. A clock that is set meanwhile is noticed within an hour.
    pub(super) fn end_mute(&mut self, ctx: &mut Context<'_>) {
        match self.record.muted_until_ms {
            0 | FOR_EVER_MS => {}
            until_ms if until_ms <= ctx.now.wall_ms => self.set_mute(ctx, 0),
            until_ms => {
                let left_ms = until_ms.saturating_sub(ctx.now.wall_ms);
                self.duties.look_at_mute_in(ctx.now, left_ms.min(limits::HOUR_MS));
            }
        }
    }

    fn set_mute(&mut self, ctx: &mut Context<'_>, until_ms: u64) {
        if self.record.muted_until_ms == until_ms {
            return;
        }
        self.record.muted_until_ms = until_ms;
        self.put_group(ctx);
        ctx.effects.emit(Event::Group(self.gid()));
    }
}
