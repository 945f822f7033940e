//! Saying something: what must be true first, a fresh chain if one is due, keys for newcomers, then the words
//! (section 10 of the encryption document, "Send").

use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;

use super::rates::Kind;
use super::{Context, Group, OutboxRecord, Rosters};
use crate::command::CommandError;
use crate::encryption::grants::{GrantPlan, GrantReason};
use crate::encryption::rekey::{Healing, LeafPlan, LeafReason, NextEpoch, RekeyReason, Roll, SenderView, Urgency, Why};
use crate::encryption::{Built, HeadPlace, Recipient};
use crate::event::Event;
use crate::ids::{EntryId, Heads, MembershipId, OrderKey, Point};
use crate::limits;
use crate::log::body::LeafBody;
use crate::log::entry::{Entry, HeadKind, first_prev};
use crate::log::{Appended, LeafNumber, LogState};
use crate::time::Timestamp;
use crate::timeline::content::Content;

mod frontier;

/// What a sender sees of the others when it is about to write.
struct Scene {
    heads: Heads,
    keyed: Vec<MembershipId>,
    recipients: BTreeMap<MembershipId, Recipient>,
    suspended: BTreeMap<MembershipId, Why>,
    healing: Vec<Healing>,
    audience: BTreeMap<MembershipId, LeafNumber>,
}

impl Scene {
    fn view<'a>(&'a self, cause: Option<RekeyReason>) -> SenderView<'a> {
        let (keyed, audience) = (self.keyed.as_slice(), &self.audience);
        SenderView { keyed, audience, suspended: &self.suspended, healing: &self.healing, cause }
    }

    /// Whether somebody who can read along is out, so that a Rekey may not be put off.
    fn is_forced(&self) -> bool {
        self.audience.keys().any(|mid| !self.keyed.contains(mid))
    }
}

impl Group {
    /// Rule E-71: whether an entry may be written: one is Keyed, and either alone or in touch with somebody.
    pub(super) fn may_speak(&self) -> Result<(), CommandError> {
        if !self.is_live() {
            return Err(self.why_not_live());
        }
        let keyed = self.membership.roster().keyed();
        if !keyed.contains(&self.me) {
            return Err(CommandError::NotMember);
        }
        if self.logs.is_forked(&self.own) || self.duties.is_twin() {
            return Err(CommandError::OwnRule(String::from("E-80")));
        }
        if !self.in_touch && keyed.len() > 1 {
            return Err(CommandError::NoMemberReachable);
        }
        if self.lacks_own_log() {
            // A new installation first hears how far the last one went (E-80).
            return Err(CommandError::NoMemberReachable);
        }
        Ok(())
    }

    /// Rule E-36: log sync with the peer at hand comes before the first words. A newcomer that knows nobody's leaf yet
    /// would seal to nobody, and the Grant that follows begins behind those words: they could never be read (E-47).
    pub(super) fn has_listeners(&self, now: Timestamp) -> bool {
        let keyed = self.membership.roster().keyed();
        let mut others = keyed.iter().filter(|mid| **mid != self.me);
        let all_known = others.clone().all(|mid| self.logs.leaf_of(mid).is_some());
        // Somebody's leaf may be nowhere in reach: once the logs at hand are here, that is no reason to be silent.
        let synced = self.has_caught_up(now) && others.any(|mid| self.logs.leaf_of(mid).is_some());
        all_known || synced
    }

    /// Seals what waits in the outbox, oldest first, as far as it goes.
    pub(super) fn flush_outbox(&mut self, ctx: &mut Context<'_>) {
        while let Some((&number, words)) = self.outbox.first_key_value() {
            let words = words.clone();
            if self.may_speak().is_err() || !self.has_listeners(ctx.now) {
                return;
            }
            let Ok(Some(sealed)) = self.seal_words(ctx, &words) else { return };
            self.erase_outbox(ctx, number);
            let group = self.gid();
            ctx.effects.emit(Event::Outbox { group, outbox: number, sealed: Some(sealed) });
            if !ctx.effects.has_room() {
                // The rest goes with the next step, so that a batch stays within its bound.
                self.duties.wake_soon(ctx.now);
                return;
            }
        }
    }

    /// Seals what was said: Rekey or Grants first if they are due. Nothing if one has written so much that others would not
    /// take more of it now (E-77): then the outbox is tried again in time.
    ///
    /// # Errors
    /// [`CommandError::OwnRule`] if our own entry breaks a rule: a mistake of ours, nothing was sent.
    pub(super) fn seal_words(
        &mut self,
        ctx: &mut Context<'_>,
        words: &OutboxRecord,
    ) -> Result<Option<EntryId>, CommandError> {
        let wait_ms = self.refresh_chain(ctx)?;
        if wait_ms > 0 {
            self.duties.wake_in(ctx.now, wait_ms);
            return Ok(None);
        }
        let place = self.recent.place(&self.me, words.at_ms);
        let content =
            Content { sent_at: words.at_ms, tick: place.tick, after: place.after.clone(), body: words.body.clone() };
        let heads = self.heads_for(&words.body)?;
        let at = self.next_place(heads.clone());
        let sealed = self
            .keys
            .seal(at, &content, ctx.identity.keys(), ctx.rng)
            .map_err(|error| CommandError::OwnRule(alloc::format!("{error}")))?;
        let order = sealed.order_key;
        let appended = self.append_own(ctx, sealed.entry, order)?;
        let changes = self.keys.take(sealed.staged);
        self.put_secrets(ctx, changes);
        let eid = appended.entry.id();
        self.recent.note(self.me, (order, eid), &place.after, &self.me);
        self.keep_words(ctx, (appended.place, &heads), (eid, order, &content), Some(sealed.salt.expose()));
        Ok(Some(eid))
    }

    /// Before each own entry but a Leaf: a fresh chain if one is due, else Grants for whoever lacks the chain (E-36,
    /// E-39, E-46). If the own rates forbid it now, nothing is written, and the ms to wait are given (E-77).
    fn refresh_chain(&mut self, ctx: &mut Context<'_>) -> Result<u64, CommandError> {
        let scene = self.scene(ctx)?;
        let reason = self.keys.rekey_due(ctx.now, &scene.view(self.duties.rekey_cause()));
        let grants =
            if reason.is_none() { self.keys.grants_due(&scene.view(None), &scene.recipients) } else { Vec::new() };
        let wait_ms = match reason {
            Some(_) if scene.is_forced() => self.rates.own_wait_ms(ctx.now, Kind::Other, 2),
            Some(_) => self.rates.own_wait_ms(ctx.now, Kind::Rekey, 1),
            None => self.rates.own_wait_ms(ctx.now, Kind::Grant, grants.len()),
        };
        match reason {
            _ if wait_ms > 0 => {}
            Some(reason) => self.write_rekey(ctx, &scene, reason)?,
            None => self.write_grants(ctx, (&scene, grants))?,
        }
        Ok(wait_ms)
    }

    /// On contact with somebody who lacks the chain: a Grant at once, if there is a chain and it isn't due (E-46).
    pub(super) fn grant_on_contact(&mut self, ctx: &mut Context<'_>) {
        let started = self.logs.state(&self.own).is_some_and(|state| state.next_index() > 0);
        if !started || self.may_speak().is_err() {
            return;
        }
        let Ok(scene) = self.scene(ctx) else { return };
        if self.keys.rekey_due(ctx.now, &scene.view(self.duties.rekey_cause())).is_none() {
            let grants = self.keys.grants_due(&scene.view(None), &scene.recipients);
            match self.rates.own_wait_ms(ctx.now, Kind::Grant, grants.len()) {
                // A failure here is met again, and told, when something is to be said.
                0 => drop(self.write_grants(ctx, (&scene, grants))),
                // Those who came meanwhile get theirs in the same entry.
                wait_ms => self.duties.grant_in(ctx.now, wait_ms),
            }
        }
    }

    fn write_rekey(&mut self, ctx: &mut Context<'_>, scene: &Scene, reason: RekeyReason) -> Result<(), CommandError> {
        let state = self.logs.state(&self.own);
        let next = NextEpoch {
            epoch: state.map_or(0, LogState::next_epoch),
            prev_len: state.map_or(0, LogState::next_index),
            generation: state.map_or(0, |state| state.leaf.generation.saturating_add(1)),
            reason,
        };
        let place = self.next_place(scene.heads.clone());
        let roll = Roll {
            keyed: &scene.keyed,
            recipients: &scene.recipients,
            suspended: &scene.suspended,
            healing: &scene.healing,
        };
        let built = self
            .keys
            .build_rekey(ctx.now, (place, next), &roll, ctx.identity.keys(), ctx.rng)
            .map_err(|error| CommandError::OwnRule(alloc::format!("{error}")))?;
        self.append_built(ctx, built)?;
        self.duties.rekeyed();
        Ok(())
    }

    fn write_grants(
        &mut self,
        ctx: &mut Context<'_>,
        (scene, grants): (&Scene, Vec<GrantPlan>),
    ) -> Result<(), CommandError> {
        if planted!(NoGrants) {
            return Ok(());
        }
        for plan in grants {
            let place = self.next_place(scene.heads.clone());
            let built = self
                .keys
                .build_grant(place, &plan, ctx.identity.keys(), ctx.rng)
                .map_err(|error| CommandError::OwnRule(alloc::format!("{error}")))?;
            self.append_built(ctx, built)?;
        }
        Ok(())
    }

    /// A repair Grant for somebody who asked over a direct link (E-50).
    pub(super) fn write_repair(&mut self, ctx: &mut Context<'_>, to: MembershipId) {
        let Ok(scene) = self.scene(ctx) else { return };
        let Some(&recipient) = scene.recipients.get(&to) else { return };
        if scene.suspended.contains_key(&to) || self.may_speak().is_err() || !self.keys.can_seal() {
            return;
        }
        let plan = GrantPlan { reason: GrantReason::Repair, targets: BTreeMap::from([(to, recipient)]) };
        if self.rates.own_wait_ms(ctx.now, Kind::Grant, 1) > 0 {
            // It asks again (E-50).
            return;
        }
        let place = self.next_place(scene.heads.clone());
        if let Ok(built) = self.keys.build_grant(place, &plan, ctx.identity.keys(), ctx.rng) {
            let _ = self.append_built(ctx, built);
        }
    }

    /// A Leaf entry: opens the own log, or replaces the leaf key (E-11, E-51).
    pub(super) fn write_leaf(
        &mut self,
        ctx: &mut Context<'_>,
        reason: LeafReason,
        prior: Option<Point>,
    ) -> Result<Appended, CommandError> {
        let heads = self.frontier();
        let keyed = self.keyed_at(&heads)?;
        let known = keyed.iter().filter(|mid| **mid != self.me).map(|mid| self.leaf_number(mid)).collect();
        let generation = self.logs.state(&self.own).map_or(0, |state| state.leaf.generation.saturating_add(1));
        let plan = LeafPlan { generation, reason, prior, known: LeafBody(known) };
        let place = self.next_place(heads);
        let (built, _) = self.keys.build_leaf(ctx.now, place, plan, ctx.identity.keys(), ctx.rng);
        self.append_built(ctx, built)
    }

    fn append_built(&mut self, ctx: &mut Context<'_>, built: Built) -> Result<Appended, CommandError> {
        let appended = self.append_own(ctx, built.entry, OrderKey([0; 16]))?;
        let changes = self.keys.take(built.staged);
        self.put_secrets(ctx, changes);
        self.keep_seed(ctx, &appended.entry, built.seed);
        Ok(appended)
    }

    /// By E-26, an own entry passes admission like any other, then it is stored and pushed.
    pub(super) fn append_own(
        &mut self,
        ctx: &mut Context<'_>,
        entry: Entry,
        order: OrderKey,
    ) -> Result<Appended, CommandError> {
        let stamp = self.keys.stamp(ctx.now);
        let appended = self
            .logs
            .append_own(&mut Rosters(&mut self.membership), stamp, &entry)
            .map_err(|rule| CommandError::OwnRule(alloc::format!("{rule}")))?;
        if let HeadKind::Rekey { .. } = appended.entry.head.kind {
            let epochs = self.epochs.entry((appended.place.log, appended.place.branch)).or_default();
            epochs.insert(appended.place.seq, appended.entry.id());
        }
        self.put_entry(ctx, &appended, order);
        self.count_own(ctx, &appended);
        self.spread_entry(ctx, &appended, None);
        Ok(appended)
    }

    /// Where the next own entry stands.
    fn next_place(&self, heads: Heads) -> HeadPlace {
        match self.logs.state(&self.own) {
            Some(state) => HeadPlace { seq: state.seq.saturating_add(1), prev: state.head, heads },
            None => HeadPlace { seq: 0, prev: first_prev(&self.gid(), &self.own), heads },
        }
    }

    /// By E-20, a Message names heads only if they moved, and every 64 messages.
    pub(super) fn message_heads(&self) -> Result<Heads, CommandError> {
        let frontier = self.frontier();
        let state = self.logs.state(&self.own).ok_or_else(|| CommandError::OwnRule(String::from("E-19")))?;
        let due = state.next_index() % limits::HEADS_EVERY_MESSAGES == 0;
        Ok(if due || state.heads != frontier { frontier } else { Heads::default() })
    }

    fn keyed_at(&mut self, heads: &Heads) -> Result<Vec<MembershipId>, CommandError> {
        let roster = self.membership.roster_at(heads).map_err(|_| CommandError::OwnRule(String::from("E-17")))?;
        Ok(roster.keyed().to_vec())
    }

    fn scene(&mut self, ctx: &Context<'_>) -> Result<Scene, CommandError> {
        let heads = self.frontier();
        let keyed = self.keyed_at(&heads)?;
        let audience = self
            .logs
            .state(&self.own)
            .and_then(|state| state.epoch.as_ref())
            .map(|epoch| epoch.audience.clone())
            .unwrap_or_default();
        let (mut recipients, mut suspended) = (BTreeMap::new(), BTreeMap::new());
        let mut healing = Vec::new();
        let now_keyed = self.membership.roster();
        // A clock that jumps must not shut out a whole group at once (E-94).
        let aged_ms = self.keys.aged_ms(ctx.now);
        for mid in keyed.iter().filter(|mid| **mid != self.me) {
            let Some(known) = self.logs.leaf_of(mid) else {
                suspended.insert(*mid, Why::NoLeaf);
                continue;
            };
            let leaf = known.leaf;
            let to = Recipient { inst: known.inst, inst_no: known.inst_no, generation: leaf.generation, pk: leaf.pk };
            recipients.insert(*mid, to);
            if known.is_forked {
                suspended.insert(*mid, Why::Forked);
            } else if !now_keyed.is_keyed(mid) {
                suspended.insert(*mid, Why::Gone);
            } else if aged_ms.saturating_sub(leaf.admitted_at.wall_ms) > limits::LEAF_STALE_MS {
                suspended.insert(*mid, Why::StaleLeaf);
            }
            if let Some(sealed) = audience.get(mid) {
                let newer = |number: Option<u64>| number.is_some_and(|number| number > sealed.generation);
                if newer(leaf.compromised) {
                    healing.push(Healing { mid: *mid, urgency: Urgency::AtOnce });
                } else if newer(leaf.healed) || known.inst_no > sealed.inst_no {
                    healing.push(Healing { mid: *mid, urgency: Urgency::Soon });
                }
            }
        }
        Ok(Scene { heads, keyed, recipients, suspended, healing, audience })
    }

    /// The leaf of a member that we know, for acks (E-18, kind 1).
    fn leaf_number(&self, mid: &MembershipId) -> Option<LeafNumber> {
        let known = self.logs.leaf_of(mid)?;
        Some(LeafNumber { inst_no: known.inst_no, generation: known.leaf.generation })
    }
}

#[cfg(test)]
mod tests;
