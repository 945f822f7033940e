//! What a node does by itself: confirm whom one invited, replace keys in time, erase what is due, tell addresses
//! (section 9 of the membership document, E-51, E-93).

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use super::{Context, Group};
use crate::encryption::deletion::ErasureView;
use crate::encryption::rekey::{LeafReason, RekeyReason};
use crate::event::{AlertKind, Event};
use crate::ids::{MemberKey, MembershipId};
use crate::invite::InviteLink;
use crate::limits;
use crate::membership::{Body, OutputState, Pair, Role};
use crate::time::{TimerTable, Timestamp};

/// Why a group wakes up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Wake {
    /// A new life began: what the last one was about to read is read.
    Start,
    /// Something was left for the next step.
    Soon,
    /// A neighbour that never comes to an end was waited for long enough.
    CaughtUp,
    /// People may be waiting for a Confirm, links may have ended.
    Seats,
    /// Somebody came who lacks our chain.
    Grants,
    /// Something was said before one's time that a member may open.
    History,
    /// A fresh leaf key once a day.
    Leaf,
    /// Secrets whose time has come.
    Erasures,
    /// No fit lookup key: somebody has to make one.
    LookupKey,
    /// What was said before is kept for some days only.
    Keeping,
    /// The group is muted for a while.
    Muting,
}

/// When the own leaf key is replaced.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum LeafDue {
    /// When it is a day old.
    #[default]
    Daily,
    /// As soon as somebody is there.
    AtOnce,
}

/// Timers and marks of one group's duties.
#[derive(Default)]
pub(crate) struct Duties {
    timers: TimerTable<Wake>,
    cause: Option<RekeyReason>,
    leaf: LeafDue,
    twin: bool,
    lost: bool,
}

impl Duties {
    /// After a start: look around soon; a week without contact asks for fresh keys (E-39 f).
    pub(super) fn restored(&mut self, now: Timestamp) {
        self.timers.set(Wake::Start, now.mono_ms);
        self.timers.set(Wake::Soon, now.mono_ms);
        self.timers.set(Wake::Seats, now.mono_ms.saturating_add(limits::SEATS_LOOK_MS));
        self.timers.set(Wake::Muting, now.mono_ms);
        self.begun(now);
    }

    /// A group that was founded or joined just now.
    pub(super) fn begun(&mut self, now: Timestamp) {
        self.timers.set(Wake::Leaf, now.mono_ms.saturating_add(limits::LEAF_DAILY_MS));
        self.timers.set(Wake::Erasures, now.mono_ms.saturating_add(limits::ERASURES_DELAY_MS));
        self.timers.set(Wake::Keeping, now.mono_ms.saturating_add(limits::ERASURES_DELAY_MS));
    }

    /// Old words are looked for then.
    pub(super) fn forget_in(&mut self, now: Timestamp, ms: u64) {
        self.timers.set(Wake::Keeping, now.mono_ms.saturating_add(ms));
    }

    /// Whether the group is still muted is looked at then.
    pub(super) fn look_at_mute_in(&mut self, now: Timestamp, ms: u64) {
        self.timers.set(Wake::Muting, now.mono_ms.saturating_add(ms));
    }

    /// One was away for a week or more: a fresh leaf key at once, for others may have given up the old one (E-51), and the
    /// next words come under a fresh chain (E-39 f, E-84).
    pub(super) fn returned(&mut self) {
        self.cause = Some(RekeyReason::Return);
        self.leaf = LeafDue::AtOnce;
    }

    /// Somebody is here to take a leaf key.
    pub(super) fn leaf_soon(&mut self, now: Timestamp) {
        self.timers.set_earlier(Wake::Leaf, now.mono_ms);
    }

    /// The settings ask for another kind of chain (MB-Y3).
    pub(super) fn want_rekey(&mut self) {
        self.cause = self.cause.or(Some(RekeyReason::Schedule));
    }

    /// Somebody may open what is closed here: asked soon, when more of it may have come.
    pub(super) fn history_soon(&mut self, now: Timestamp) {
        self.timers.set_earlier(Wake::History, now.mono_ms.saturating_add(limits::HISTORY_SOON_MS));
    }

    /// Nobody could be asked, or the answer may not open all.
    pub(super) fn history_later(&mut self, now: Timestamp) {
        self.timers.set(Wake::History, now.mono_ms.saturating_add(limits::HISTORY_LATER_MS));
    }

    pub(super) fn rekey_cause(&self) -> Option<RekeyReason> {
        self.cause
    }

    pub(super) fn rekeyed(&mut self) {
        self.cause = None;
    }

    pub(super) fn is_twin(&self) -> bool {
        self.twin
    }

    /// Rule E-67: the own log is ahead of its chain: this store is a copy of an older one.
    pub(super) fn rolled_back(&mut self) {
        self.twin = true;
    }

    /// As E-10 says, another installation of this member goes on in this one's place.
    pub(super) fn superseded(&mut self) {
        self.twin = true;
    }

    pub(super) fn is_lost(&self) -> bool {
        self.lost
    }

    pub(super) fn lost(&mut self) {
        self.lost = true;
    }

    pub(super) fn wake_soon(&mut self, now: Timestamp) {
        self.timers.set_earlier(Wake::Soon, now.mono_ms);
    }

    pub(super) fn catch_up_by(&mut self, now: Timestamp) {
        self.timers.set(Wake::CaughtUp, now.mono_ms.saturating_add(limits::CATCH_UP_PATIENCE_MS));
    }

    /// What waits to be said goes on then.
    pub(super) fn wake_in(&mut self, now: Timestamp, ms: u64) {
        self.timers.set_earlier(Wake::Soon, now.mono_ms.saturating_add(ms));
    }

    pub(super) fn grant_soon(&mut self, now: Timestamp) {
        self.timers.set_earlier(Wake::Grants, now.mono_ms);
    }

    pub(super) fn grant_in(&mut self, now: Timestamp, ms: u64) {
        self.timers.set_earlier(Wake::Grants, now.mono_ms.saturating_add(ms));
    }

    pub(super) fn membership_moved(&mut self, now: Timestamp) {
        self.timers.set_earlier(Wake::Seats, now.mono_ms);
        self.timers.set_earlier(Wake::Grants, now.mono_ms);
        self.timers.set_earlier(Wake::LookupKey, now.mono_ms);
        self.timers.set_earlier(Wake::Erasures, now.mono_ms.saturating_add(limits::ERASURES_DELAY_MS));
    }

    pub(super) fn acks_moved(&mut self, now: Timestamp) {
        self.timers.set_earlier(Wake::Erasures, now.mono_ms.saturating_add(limits::ERASURES_DELAY_MS));
    }

    pub(super) fn next_deadline(&self) -> Option<u64> {
        if planted!(TimerInThePast) {
            return Some(0);
        }
        self.timers.next().map(|(at, _)| at)
    }
}

impl Group {
    /// Everything whose time has come. What asks for the next step while this one has no room left is not due again in
    /// it.
    pub(super) fn on_duties(&mut self, ctx: &mut Context<'_>) {
        let mut due = Vec::new();
        while let Some(wake) = self.duties.timers.pop_due(ctx.now.mono_ms) {
            due.push(wake);
        }
        for wake in due {
            match wake {
                Wake::Start => {
                    self.history_moved(ctx);
                    self.read_again(ctx);
                    self.tell_twin(ctx);
                }
                Wake::CaughtUp => self.duties.wake_soon(ctx.now),
                Wake::Soon => {
                    self.retry_waiting(ctx);
                    self.open_again(ctx);
                    self.flush_outbox(ctx);
                }
                Wake::Seats => self.look_at_seats(ctx),
                Wake::Grants => self.grant_on_contact(ctx),
                Wake::History => self.seek_history(ctx),
                Wake::Leaf => self.daily_leaf(ctx),
                Wake::Erasures => self.erase_due(ctx),
                Wake::LookupKey => self.look_at_lookup_key(ctx),
                Wake::Keeping => self.forget_old_words(ctx),
                Wake::Muting => self.end_mute(ctx),
            }
        }
        self.publish_addresses(ctx);
    }

    /// Rules MB-D2 to MB-D4: confirm whom one's own tickets let in, in time; bump what late people used, and tickets
    /// that have ended.
    fn look_at_seats(&mut self, ctx: &mut Context<'_>) {
        self.duties.timers.set(Wake::Seats, ctx.now.mono_ms.saturating_add(limits::SEATS_LOOK_MS));
        if !self.is_live() || self.membership.standing(&self.me).is_none() {
            return;
        }
        let alone = self.membership.roster().keyed().len() <= 1;
        if !self.in_touch && !alone {
            return;
        }
        for body in self.newcomers_due(ctx) {
            if let Err(why) = self.act(ctx, body) {
                tracing::warn!(%why, "a confirmation was not made");
            }
        }
        self.end_invites(ctx);
    }

    /// What to do about people on one's own tickets (MB-D2, MB-D3).
    fn newcomers_due(&self, ctx: &Context<'_>) -> Vec<Body> {
        let Some(office) = self.membership.standing(&self.me) else { return Vec::new() };
        let me = ctx.identity.public();
        let tickets = |invite_pk: &MemberKey| {
            let same = |issued: &&super::Issued| {
                InviteLink::new(me, issued.secret.duplicate(), Vec::new()).keys().invite.public() == *invite_pk
            };
            self.invites.values().find(same).map_or(0, |issued| issued.record.outputs.len())
        };
        let due = self.membership.due_confirms(&office, &tickets);
        let confirms = due.confirm.into_iter().map(|join| Body::Confirm { join });
        confirms.chain(due.bump.chunks(limits::PAIRS_MAX).map(|pairs| Body::Bump { pairs: pairs.to_vec() })).collect()
    }

    /// Rule MB-D4: outputs of links that have ended are bumped once a sync has shown who used them in time.
    fn end_invites(&mut self, ctx: &mut Context<'_>) {
        let over = |record: &super::InviteRecord| record.not_after_ms < ctx.now.wall_ms;
        let ended: Vec<u32> =
            self.invites.iter().filter(|(_, issued)| over(&issued.record)).map(|(&number, _)| number).collect();
        for number in ended {
            let pairs = self.free_pairs(number);
            if !pairs.is_empty() {
                self.bump(ctx, &pairs);
            }
        }
    }

    /// The outputs of an invite that nobody has used.
    pub(super) fn free_pairs(&self, number: u32) -> Vec<Pair> {
        let Some(issued) = self.invites.get(&number) else { return Vec::new() };
        let free = |&&(seat, out): &&Pair| matches!(self.membership.output_state(seat, &out), OutputState::Free { .. });
        issued.record.outputs.iter().filter(free).copied().collect()
    }

    /// Bumps outputs, at most 32 in one operation.
    pub(super) fn bump(&mut self, ctx: &mut Context<'_>, pairs: &[Pair]) {
        for pairs in pairs.chunks(limits::PAIRS_MAX) {
            if let Err(why) = self.act(ctx, Body::Bump { pairs: pairs.to_vec() }) {
                tracing::warn!(%why, "outputs were not bumped");
            }
        }
    }

    /// Rule E-51: a fresh leaf key a day while in touch, and at once after a week away. The day counts from the key on,
    /// not from the start of the program: a machine that is switched off every evening replaces its key all the same.
    fn daily_leaf(&mut self, ctx: &mut Context<'_>) {
        let wait_ms = self.leaf_wait_ms(ctx.now);
        let may_write = wait_ms == 0 && self.may_speak().is_ok() && self.membership.roster().keyed().len() > 1;
        // Out of touch: the next contact looks again at once.
        let next_ms = if wait_ms == 0 { limits::LEAF_DAILY_MS } else { wait_ms };
        self.duties.timers.set(Wake::Leaf, ctx.now.mono_ms.saturating_add(next_ms));
        if !may_write {
            return;
        }
        let reason = match self.duties.leaf {
            LeafDue::Daily => LeafReason::Daily,
            LeafDue::AtOnce => LeafReason::Return,
        };
        match self.write_leaf(ctx, reason, None) {
            Ok(_) => self.duties.leaf = LeafDue::Daily,
            Err(why) => tracing::warn!(%why, "no fresh leaf key"),
        }
    }

    /// In how long the own leaf key is due to be replaced.
    fn leaf_wait_ms(&self, now: Timestamp) -> u64 {
        if self.duties.leaf == LeafDue::AtOnce {
            return 0;
        }
        let made = self.logs.state(&self.own).map_or(0, |state| state.leaf.admitted_at.wall_ms);
        limits::LEAF_DAILY_MS.saturating_sub(self.keys.aged_ms(now).saturating_sub(made))
    }

    /// Rules E-45, E-73, E-93: erases what is due, and what is too old to find anybody by.
    fn erase_due(&mut self, ctx: &mut Context<'_>) {
        self.duties.timers.set(Wake::Erasures, ctx.now.mono_ms.saturating_add(limits::ERASURES_EVERY_MS));
        self.expire_sharing(ctx);
        self.end_leaving(ctx);
        self.duties.timers.set_earlier(Wake::LookupKey, ctx.now.mono_ms);
        let keyed = self.membership.roster().keyed().to_vec();
        let own_no = self.logs.state(&self.own).map(|state| state.inst_no);
        let shown: BTreeMap<MembershipId, u64> = keyed
            .iter()
            .filter_map(|mid| Some((*mid, self.logs.knows_own(mid)?)))
            .filter(|(_, leaf)| Some(leaf.inst_no) == own_no)
            .map(|(mid, leaf)| (mid, leaf.generation))
            .collect();
        let changes = self.keys.due_erasures(ctx.now, &ErasureView { keyed: &keyed, shown: &shown });
        self.put_secrets(ctx, changes);
        self.history_moved(ctx);
    }

    /// By N-805, without a fit lookup key admins make one within half a minute, others after ten. Admins also renew it
    /// after thirty days.
    fn look_at_lookup_key(&mut self, ctx: &mut Context<'_>) {
        use crate::rendezvous::keys::Writing;
        let guest = self.membership.role_of(&self.me) == Some(Role::Guest);
        let admin = self.membership.standing(&self.me).is_some();
        let is_served = self.has_fit_lookup_key() && !(admin && self.has_old_lookup_key(ctx.now));
        if guest || !self.is_live() || is_served {
            self.near.lookup_patience = None;
            return;
        }
        let writing = if admin { Writing::Admin } else { Writing::Member };
        let at = match self.near.lookup_patience {
            Some(at) => at,
            None => ctx.now.mono_ms.saturating_add(crate::rendezvous::LookupKeys::patience_ms(writing, ctx.rng)),
        };
        self.near.lookup_patience = Some(at);
        if at <= ctx.now.mono_ms && self.membership.roster().is_keyed(&self.me) {
            self.near.lookup_patience = None;
            self.make_lookup_key(ctx);
        } else {
            self.duties.timers.set(Wake::LookupKey, at.max(ctx.now.mono_ms.saturating_add(1_000)));
        }
    }

    /// Rule E-80: our own log was written by somebody else: a copy of this computer's data is at work. Nothing more is
    /// written in that log until a new installation is opened.
    pub(super) fn on_twin(&mut self, ctx: &mut Context<'_>) {
        if !self.duties.twin {
            self.duties.twin = true;
            self.tell_twin(ctx);
        }
    }

    /// Nothing is written any more until the owner says which computer goes on: it is told so, after a start too.
    fn tell_twin(&mut self, ctx: &mut Context<'_>) {
        if self.duties.twin {
            self.alert(ctx, AlertKind::Clone, Some(self.me), "ST-102".into());
            ctx.effects.emit(Event::Group(self.gid()));
        }
    }
}
