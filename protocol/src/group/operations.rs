//! Membership moved: what was admitted is written down and passed on, people are told, and everything that rests on
//! who sits where is looked at again (MB-V9, E-33, N-203).

use alloc::collections::BTreeMap;
use alloc::sync::Arc;
use alloc::vec::Vec;

use super::{Context, Group, Standing};
use crate::command::CommandError;
use crate::error::PeerFault;
use crate::event::{AlertKind, Event, MemberChange};
use crate::ids::{MemberKey, MembershipId, Neighbour, OperationId};
use crate::limits;
use crate::membership::{Admission, Body, LogSize, Roster, Rule, SeatChange, changes};
use crate::time::Timestamp;

/// As R-35 asks: how many pooled operations each author's entries have released in the running day.
#[derive(Default)]
pub(super) struct Released {
    since_mono_ms: u64,
    by_author: BTreeMap<MembershipId, usize>,
}

impl Released {
    /// How many more this author may release.
    pub(super) fn left(&mut self, author: &MembershipId, now: Timestamp) -> usize {
        if now.mono_ms.saturating_sub(self.since_mono_ms) >= limits::DAY_MS {
            (self.since_mono_ms, self.by_author) = (now.mono_ms, BTreeMap::new());
        }
        limits::RELEASED_PER_DAY_MAX.saturating_sub(self.by_author.get(author).copied().unwrap_or(0))
    }

    /// So many were released.
    pub(super) fn count(&mut self, author: MembershipId, released: usize) {
        if released > 0 {
            let count = self.by_author.entry(author).or_default();
            *count = count.saturating_add(released);
        }
    }
}

impl Group {
    /// Offers operations that a peer brought.
    pub(super) fn take_operations(
        &mut self,
        ctx: &mut Context<'_>,
        operations: &[Vec<u8>],
        from: Option<(Neighbour, MemberKey)>,
    ) -> Vec<Admission> {
        let before = self.membership.share_roster();
        let source = from.map(|(_, key)| key);
        let verdicts = self.membership.admit_from(source, operations.iter().map(Vec::as_slice));
        if let Some((neighbour, _)) = from {
            let faults = verdicts.iter().filter_map(|verdict| match verdict {
                Admission::Refused(rule) => fault_of(*rule),
                Admission::Admitted(_) | Admission::Duplicate(_) | Admission::Waiting { .. } | Admission::Pooled(_) => {
                    None
                }
            });
            ctx.faults.extend(faults.map(|fault| (neighbour.link, fault)));
        }
        self.after_operations(ctx, &before, from.map(|(neighbour, _)| neighbour));
        verdicts
    }

    /// Writes an operation of one's own. It is durable before it is sent, like everything (MB-D20).
    ///
    /// # Errors
    /// [`CommandError::OwnRule`] if our own operation is refused: a mistake of ours.
    pub(super) fn act(&mut self, ctx: &mut Context<'_>, body: Body) -> Result<OperationId, CommandError> {
        let office = body.is_office().then(|| self.membership.standing(&self.me)).flatten();
        if body.is_office() && office.is_none() {
            return Err(CommandError::NotAdmin);
        }
        let signed = self.membership.draft(&self.me, ctx.identity.keys(), body, ctx.now.wall_ms, office);
        let before = self.membership.share_roster();
        match self.membership.admit(signed.bytes()) {
            Admission::Admitted(_) | Admission::Duplicate(_) | Admission::Pooled(_) => {}
            Admission::Refused(rule) => return Err(CommandError::OwnRule(alloc::format!("{rule}"))),
            Admission::Waiting { .. } => return Err(CommandError::OwnRule("MB-A4".into())),
        }
        self.after_operations(ctx, &before, None);
        Ok(signed.id())
    }

    /// Whatever entered the log since the last look, and all that follows.
    pub(super) fn after_operations(&mut self, ctx: &mut Context<'_>, before: &Arc<Roster>, from: Option<Neighbour>) {
        let admitted = self.membership.take_admitted();
        if admitted.is_empty() {
            return;
        }
        for id in &admitted {
            self.put_operation(ctx, id);
        }
        self.spread_operations(ctx, &admitted, from);
        if self.membership.size() > LogSize::Usual && self.membership.standing(&self.me).is_some() {
            self.alert(ctx, AlertKind::LogLarge, None, "MB-L7".into());
        }
        self.tell_faults(ctx);
        self.tell_successions(ctx, &admitted);
        let told = changes(before, &self.membership);
        if !told.is_empty() {
            self.roster_moved = true;
            self.tell_changes(ctx, &told);
        }
        self.logs.membership_moved();
        self.retry_waiting(ctx);
        self.recount(ctx);
        self.note_own_standing(ctx);
        self.history_moved(ctx);
        self.duties.membership_moved(ctx.now);
        self.neighbours_after_operations(ctx);
        self.compare_with_newly_keyed(ctx, before);
    }

    /// Rule MB-V8: proofs of forks, of outputs spent twice and of rival successors are shown to admins, with both
    /// operations. A restored backup forks innocently, so nothing else follows.
    fn tell_faults(&mut self, ctx: &mut Context<'_>) {
        if self.membership.standing(&self.me).is_none() {
            return;
        }
        let faults = self.membership.faults();
        for fork in &faults.forks {
            self.alert(ctx, AlertKind::Fork, Some(fork.mid), alloc::format!("MB-V8 {} {}", fork.first, fork.second));
        }
        for double in &faults.doubles {
            let holder = self.membership.holder(&double.office);
            let reason = alloc::format!("MB-V8 {} {}", double.first, double.second);
            self.alert(ctx, AlertKind::DoubleSpend, holder, reason);
        }
        for rivalry in &faults.rivalries {
            let holder = self.membership.holder(&rivalry.second);
            self.alert(ctx, AlertKind::Rivalry, holder, alloc::format!("MB-V8 {} {}", rivalry.first, rivalry.second));
        }
    }

    /// Everybody is told when somebody takes the place of the organiser above all others.
    fn tell_successions(&mut self, ctx: &mut Context<'_>, admitted: &[OperationId]) {
        let (top, holder) = self.membership.top_office();
        if admitted.contains(&top) {
            self.alert(ctx, AlertKind::Replaced, Some(holder), "MB-Z3".into());
            ctx.effects.emit(Event::Group(self.gid()));
        }
    }

    fn tell_changes(&mut self, ctx: &mut Context<'_>, told: &[SeatChange]) {
        let group = self.gid();
        for change in told {
            let (who, change) = match change {
                SeatChange::Joined { who, .. } => (who, MemberChange::Joined),
                SeatChange::Confirmed { who } => (who, MemberChange::Confirmed),
                SeatChange::Contested { who } => (who, MemberChange::Contested),
                SeatChange::Left { who } => (who, MemberChange::Left),
                SeatChange::Removed { who } => (who, MemberChange::Removed),
                SeatChange::Banned { who } => (who, MemberChange::Banned),
                SeatChange::SeatLost { who, .. } => (who, MemberChange::SeatLost),
                SeatChange::Promoted { who, .. } => (who, MemberChange::Promoted),
                SeatChange::Demoted { who } => (who, MemberChange::Demoted),
                SeatChange::Settings => {
                    ctx.effects.emit(Event::Group(group));
                    continue;
                }
                SeatChange::Frozen => {
                    self.alert(ctx, AlertKind::Frozen, None, "MB-V5".into());
                    ctx.effects.emit(Event::Group(group));
                    continue;
                }
            };
            let member = who.mid;
            if change == MemberChange::Contested {
                self.alert(ctx, AlertKind::LinkLeaked, Some(member), "E-15".into());
            }
            ctx.effects.emit(Event::Member { group, member, change });
        }
    }

    /// By E-70, learning that one is out erases the group's live secrets in the same batch.
    fn note_own_standing(&mut self, ctx: &mut Context<'_>) {
        if !self.is_live() || self.membership.roster().person(&self.me).is_some() {
            return;
        }
        if self.membership.departure(&self.me).is_some() {
            self.end_here(ctx);
        } else if !self.duties.is_lost() {
            // The seat is lost, not the person: a late operation may bring it back (E-33).
            let changes = self.keys.erase_when_lost(ctx.now);
            self.put_secrets(ctx, changes);
            self.duties.lost();
            ctx.effects.emit(Event::Group(self.gid()));
        }
    }

    /// One is out: the live secrets go (E-70).
    pub(super) fn end_here(&mut self, ctx: &mut Context<'_>) {
        let changes = self.keys.erase_all();
        self.put_secrets(ctx, changes);
        self.record.standing = Standing::Out;
        self.put_group(ctx);
        ctx.effects.emit(Event::Group(self.gid()));
    }

    /// Why one can't take part any more.
    pub(super) fn why_not_live(&self) -> CommandError {
        match self.membership.departure(&self.me) {
            Some(departure) if departure.removed || departure.banned => CommandError::Removed,
            Some(_) => CommandError::NotMember,
            None if self.record.standing == Standing::Out => CommandError::Removed,
            None => CommandError::SeatLost,
        }
    }
}

/// What a peer is charged for a refused operation; verdicts that depend on what is known cost nothing (N-211).
fn fault_of(rule: Rule) -> Option<PeerFault> {
    match rule.code() {
        "bad_encoding" | "too_large" | "unknown_version" | "unknown_kind" | "wrong_group" | "wrong_epoch" => {
            Some(PeerFault::Malformed)
        }
        "bad_signature" | "bad_ticket" => Some(PeerFault::BadSignature),
        _ => None,
    }
}
