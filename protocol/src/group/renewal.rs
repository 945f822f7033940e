//! A new installation of a member: after a restore or a copy the old log is closed for good and a new one is opened
//! (E-09, E-10, E-80).
//!
//! Sequence numbers, sending chains and leaf secrets never pass from one installation to another: a copy that went on
//! with them could use one key for two messages. The new log opens with a fresh leaf once a peer has shown how far the
//! old one went; what was sent to the old leaf meanwhile is read until then, and chains that others speak under stay for
//! reading, so that a restore loses no words. Of two live installations the one with the higher number, then with the
//! smaller id, goes on; the other stops and tells its owner.

use super::{Context, Group};
use crate::encryption::GroupKeys;
use crate::encryption::rekey::LeafReason;
use crate::ids::{LogId, Point};
use crate::limits;
use crate::log::{LogState, Place};
use crate::time::Timestamp;

impl Group {
    /// The keys to restore the store's secrets into: those of this installation, or of the one before until this one
    /// has opened its log.
    pub(super) fn keys_to_restore(&self) -> GroupKeys {
        let own = self.logs.state(&self.own).map(|state| (self.own.inst, state.inst_no));
        let (inst, number) = own.or_else(|| self.logs.current_instance(&self.me)).unwrap_or((self.own.inst, 0));
        GroupKeys::new(self.gid(), LogId { mid: self.me, inst }, number)
    }

    /// After a restore: nothing is ever sealed under a chain of the installation before (E-09).
    pub(super) fn settle_installation(&mut self) {
        if self.lacks_own_log() {
            self.keys.silence();
        } else if self.is_superseded() {
            self.duties.superseded();
        }
    }

    /// Whether this installation has still to open its log.
    pub(super) fn lacks_own_log(&self) -> bool {
        self.logs.state(&self.own).is_none()
    }

    /// Opens the log of this installation, once the logs at hand are here: its number and `prior` follow from them.
    pub(super) fn open_again(&mut self, ctx: &mut Context<'_>) {
        let alone = self.membership.roster().keyed().iter().all(|mid| *mid == self.me);
        if !self.lacks_own_log() || !self.is_live() || !(alone || self.has_caught_up(ctx.now)) {
            return;
        }
        let before = self.logs.current_instance(&self.me);
        let prior = before.and_then(|(inst, _)| {
            let state: &LogState = self.logs.state(&LogId { mid: self.me, inst })?;
            Some(Point { inst, seq: state.seq, eid: state.head })
        });
        let number = before.map_or(0, |(_, number)| number.saturating_add(1));
        let changes = self.keys.succeed(ctx.now, self.own, number);
        self.put_secrets(ctx, changes);
        if let Err(why) = self.write_leaf(ctx, LeafReason::Open, prior) {
            tracing::error!(%why, "the log of a new installation could not be opened");
            return;
        }
        self.duties.grant_soon(ctx.now);
        ctx.effects.emit(crate::event::Event::Group(self.gid()));
    }

    /// Whether all that a neighbour holds is here. One that never comes to an end must not keep anybody silent.
    pub(super) fn has_caught_up(&self, now: Timestamp) -> bool {
        let Some(since) = self.compared_mono_ms else { return false };
        !self.is_catching_up() || now.mono_ms.saturating_sub(since) >= limits::CATCH_UP_PATIENCE_MS
    }

    /// Rules E-10, E-80: an entry of one's own that was not written here. The log of the installation before is no
    /// news; in the own log, or from an installation that goes before this one, it shows a second live copy.
    pub(super) fn look_for_twin(&mut self, ctx: &mut Context<'_>, place: Place) {
        let is_own = place.log == self.own;
        if place.log.mid == self.me && (is_own || (!self.lacks_own_log() && self.is_superseded())) {
            self.on_twin(ctx);
        }
    }

    /// Whether a second live copy was seen (ST-102).
    pub(crate) fn has_twin(&self) -> bool {
        self.duties.is_twin()
    }

    fn is_superseded(&self) -> bool {
        self.logs.current_instance(&self.me).is_some_and(|(inst, _)| inst != self.own.inst)
    }
}
