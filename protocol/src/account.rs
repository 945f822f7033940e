//! One profile: its groups, its pending joins, its links. The root of the core, and all that a shell ever calls.
//!
//! Four kinds of methods and no fifth. *Birth*: [`Account::create`], [`Account::restore`]. *Wishes*:
//! [`Account::execute`], which may be refused and then has changed nothing. *World*: [`Account::handle`], which never
//! fails, because a bad peer is an event and a hang-up, not an error. *Looking*: everything that takes `&self`.
//!
//! Each step gives [`Effects`], which must be applied (commit, transmit, tell) or merged into ones that are, before the
//! next step's are (H-11). If a commit fails, memory is ahead of the disk: drop the account and restore it (H-12).

mod blobs;
mod duties;
mod getters;
mod hosting;
mod joins;
mod links;
mod marks;
mod people;
mod reach;
mod restore;
mod view;

use alloc::collections::{BTreeMap, VecDeque};
use alloc::string::String;
use alloc::vec::Vec;

use rand_core::CryptoRng;

use crate::command::{Command, CommandError, RecoveryPlan, Reply};
use crate::effects::{Effects, LinkAction};
use crate::error::PeerFault;
use crate::event::{Alert, AlertKind, Event};
use crate::group::{Context, Group};
use crate::identity::Identity;
use crate::ids::{Boot, Channel, GroupId, Instance, LinkId, MemberKey};
use crate::input::Input;
use crate::limits;
use crate::membership::Recovery;
use crate::record::{Record, RecordId};
use crate::time::Timestamp;
use crate::timeline::content::Post;
use crate::wire::Writer;

pub use restore::{RestoreError, Restoring};

/// One profile.
pub struct Account {
    identity: Identity,
    instance: Instance,
    boot: Boot,
    name: String,
    marks: marks::Marks,
    groups: BTreeMap<u32, Group>,
    by_gid: BTreeMap<GroupId, u32>,
    next_group: u32,
    links: links::Links,
    joins: joins::Joins,
    reach: reach::Reach,
    listening: Vec<Vec<u8>>,
    refused: BTreeMap<&'static str, u64>,
    alerts: VecDeque<Alert>,
    /// What a wish that was refused half way had begun: it is in memory, so it goes with the next step's batch.
    owed: Effects,
}

impl Account {
    /// A new profile. The shell has the identity and the installation durable before it applies the effects.
    #[must_use = "the effects hold the profile's first record"]
    pub fn create(identity: Identity, instance: Instance, boot: Boot, name: &str) -> (Self, Effects) {
        let account = Self::empty(identity, instance, boot, name.into());
        let mut effects = Effects::default();
        account.put_profile(&mut effects);
        (account, effects)
    }

    fn empty(identity: Identity, instance: Instance, boot: Boot, name: String) -> Self {
        Self {
            identity,
            instance,
            boot,
            name,
            marks: marks::Marks::default(),
            groups: BTreeMap::new(),
            by_gid: BTreeMap::new(),
            next_group: 0,
            links: links::Links::default(),
            joins: joins::Joins::default(),
            reach: reach::Reach::default(),
            listening: Vec::new(),
            refused: BTreeMap::new(),
            alerts: VecDeque::new(),
            owed: Effects::default(),
        }
    }

    fn put_profile(&self, effects: &mut Effects) {
        let mut value = Writer::default();
        value.array(3).uint(2_u64).text(&self.name);
        self.marks.write(&mut value);
        effects.put(Record { id: RecordId::profile(), bytes: value.into_bytes() });
    }

    /// A person asked for something.
    ///
    /// # Errors
    /// A [`CommandError`] with a stable code: nothing was changed.
    pub fn execute(
        &mut self,
        now: Timestamp,
        command: Command,
        rng: &mut dyn CryptoRng,
    ) -> Result<(Reply, Effects), CommandError> {
        let mut effects = core::mem::take(&mut self.owed);
        let mut step = Step { now, rng, effects: &mut effects };
        let reply = self.dispatch(&mut step, command);
        if reply.is_err() && step.effects.is_empty() {
            return reply.map(|reply| (reply, effects));
        }
        self.after_step(&mut step);
        match reply {
            Ok(reply) => Ok((reply, effects)),
            Err(refusal) => {
                self.owed = effects;
                Err(refusal)
            }
        }
    }

    fn dispatch(&mut self, step: &mut Step<'_>, command: Command) -> Result<Reply, CommandError> {
        match command {
            Command::CreateGroup { name, about, recovery } => self.create_group(step, (&name, &about), recovery),
            Command::ApproveSuccession { request, code, known_later } => {
                self.in_group(step, &request.gid, |group, _| group.approve_succession(&request, &code, known_later))
            }
            Command::TakeOver { group, approvals } => {
                self.in_group(step, &group, |group, ctx| group.take_over(ctx, &approvals))
            }
            Command::CreateInvite { group, uses, not_after_ms } => {
                self.in_group(step, &group, |group, ctx| group.create_invite(ctx, uses, not_after_ms))
            }
            Command::RevokeInvite { group, invite } => {
                self.in_group(step, &group, |group, ctx| group.revoke_invite(ctx, invite))
            }
            Command::Join { link, name, via, consent } => self.start_join(step, link, (name, via), consent),
            Command::AgreeToJoin { join } => self.agree_to_join(step, join),
            Command::CancelJoin { join } => self.cancel_join(step, join),
            Command::Send { group, text, reply_to, location, attachments } => {
                self.in_group(step, &group, |group, ctx| {
                    group.send_post(ctx, Post { text, reply_to, location, attachments, ..Post::default() })
                })
            }
            Command::Annotate { group, target, deed } => {
                self.in_group(step, &group, |group, ctx| group.annotate(ctx, target, deed))
            }
            Command::CancelQueued { group, outbox } => {
                self.in_group(step, &group, |group, ctx| group.cancel_queued(ctx, outbox))
            }
            Command::Promote { group, member } => self.in_group(step, &group, |group, ctx| group.promote(ctx, member)),
            Command::Demote { group, member } => self.in_group(step, &group, |group, ctx| group.demote(ctx, member)),
            Command::Remove { group, member, ban } => {
                self.in_group(step, &group, |group, ctx| group.remove(ctx, member, ban))
            }
            Command::Confirm { group, member } => self.in_group(step, &group, |group, ctx| group.confirm(ctx, member)),
            Command::Leave { group, last_organiser } => {
                self.in_group(step, &group, |group, ctx| group.leave(ctx, last_organiser))
            }
            Command::RenameGroup { group, name } => self.in_group(step, &group, |group, ctx| group.rename(ctx, &name)),
            Command::RequireConfirm { group, admittance } => {
                self.in_group(step, &group, |group, ctx| group.require_confirm(ctx, admittance))
            }
            Command::SetHistory { group, history } => {
                self.in_group(step, &group, |group, ctx| group.set_history(ctx, history))
            }
            Command::KeepWords { group, days } => {
                self.in_group(step, &group, |group, ctx| group.keep_words_for(ctx, days))
            }
            Command::Mute { group, mute } => self.in_group(step, &group, |group, ctx| group.mute(ctx, mute)),
            Command::SetName { name } => self.set_name(step, name),
            Command::Compare { group, member, verdict } => self.compare(step, (group, member), verdict),
        }
    }

    fn create_group(
        &mut self,
        step: &mut Step<'_>,
        (name, about): (&str, &str),
        plan: Option<RecoveryPlan>,
    ) -> Result<Reply, CommandError> {
        crate::group::check_name(name)?;
        if about.len() > limits::ABOUT_BYTES_MAX || about.chars().any(char::is_control) {
            return Err(CommandError::BadValue { field: "about" });
        }
        if self.groups.len() >= limits::GROUPS_MAX {
            return Err(CommandError::TooMany { what: "groups" });
        }
        let g = self.next_group;
        let (recovery, codes) = match plan {
            Some(plan) if !plan.is_sound() => return Err(CommandError::BadValue { field: "recovery" }),
            Some(plan) => {
                let (recovery, codes) = Recovery::draw(plan.threshold, plan.codes, step.rng);
                (Some(recovery), codes)
            }
            None => (None, Vec::new()),
        };
        let group = self.with_context(step, |ctx| Group::found(ctx, g, (name, about), recovery))?;
        let gid = group.gid();
        self.insert_group(group);
        Ok(if codes.is_empty() { Reply::Group(gid) } else { Reply::Recoverable { group: gid, codes } })
    }

    fn insert_group(&mut self, group: Group) {
        self.next_group = self.next_group.max(group.g.saturating_add(1));
        self.by_gid.insert(group.gid(), group.g);
        self.groups.insert(group.g, group);
    }

    fn set_name(&mut self, step: &mut Step<'_>, name: String) -> Result<Reply, CommandError> {
        crate::group::check_name(&name)?;
        self.name = name;
        self.put_profile(step.effects);
        Ok(Reply::Done)
    }

    /// The world did something. Never fails.
    pub fn handle(&mut self, now: Timestamp, input: Input, rng: &mut dyn CryptoRng) -> Effects {
        let mut effects = core::mem::take(&mut self.owed);
        let mut step = Step { now, rng, effects: &mut effects };
        match input {
            Input::Connected { link, peer, channel: Channel::Group, path, opener } => {
                self.on_group_link(&mut step, link, (peer, path), opener);
            }
            Input::Connected { link, peer, channel: Channel::Join, opener, .. } => {
                self.on_join_link(&mut step, link, peer, opener);
            }
            Input::Received { link, bytes } => self.on_received(&mut step, link, &bytes),
            Input::Disconnected { link } => self.on_disconnected(&mut step, link),
            Input::Quality { link, round_trip_ms, path } => self.on_quality(&mut step, link, (round_trip_ms, path)),
            Input::Overflowed { link } => self.on_overflowed(&mut step, link),
            Input::DialFailed { peer, channel } => self.on_dial_failed(&step, peer, channel),
            Input::Listening { addresses } => self.on_listening(&mut step, addresses),
            Input::Sighted { peer, addresses } => self.on_sighted(&step, peer, addresses),
            Input::NetworkChanged => self.on_network_changed(&step),
            Input::Loaded { id, bytes } => self.on_loaded(&mut step, id, bytes.as_deref()),
            Input::Deadline => {}
        }
        self.on_time(&mut step);
        self.after_step(&mut step);
        effects
    }

    fn on_loaded(&mut self, step: &mut Step<'_>, id: RecordId, bytes: Option<&[u8]>) {
        let (RecordId::Entry { g, .. } | RecordId::View { g, .. }) = id else { return };
        self.with_group(step, g, |group, ctx| group.on_loaded(ctx, id, bytes));
    }

    /// What every step ends with: the gate's table if somebody came or went, frames that wait for the end of a step.
    fn after_step(&mut self, step: &mut Step<'_>) {
        self.look_at_newcomers(step);
        let all: Vec<u32> = self.groups.keys().copied().collect();
        let mut moved = false;
        for g in all {
            self.with_group(step, g, |group, ctx| group.flush_pushes(ctx));
            moved |= self.groups.get_mut(&g).is_some_and(Group::take_roster_moved);
            self.end_dropped_slots(step, g);
        }
        if moved {
            step.effects.link(LinkAction::Classes(self.classes()));
            self.open_again(step);
            self.reach.look_soon(step.now);
        }
    }

    // ---- lending a group its surroundings ---------------------------------------------------------------------------

    fn with_context<T>(&self, step: &mut Step<'_>, then: impl FnOnce(&mut Context<'_>) -> T) -> T {
        let mut faults = Vec::new();
        let mut ctx = Context {
            now: step.now,
            rng: step.rng,
            identity: &self.identity,
            instance: self.instance,
            name: &self.name,
            listening: &self.listening,
            effects: step.effects,
            faults: &mut faults,
        };
        then(&mut ctx)
    }

    /// Runs `then` on a group; faults of peers met on the way go on their accounts.
    fn with_group<T>(
        &mut self,
        step: &mut Step<'_>,
        g: u32,
        then: impl FnOnce(&mut Group, &mut Context<'_>) -> T,
    ) -> Option<T> {
        let group = self.groups.get_mut(&g)?;
        let mut faults = Vec::new();
        let mut ctx = Context {
            now: step.now,
            rng: step.rng,
            identity: &self.identity,
            instance: self.instance,
            name: &self.name,
            listening: &self.listening,
            effects: step.effects,
            faults: &mut faults,
        };
        let result = then(group, &mut ctx);
        for (link, fault) in faults {
            self.on_fault(step, link, fault);
        }
        Some(result)
    }

    /// For tests of hostile members: does something to one group, past every check.
    #[cfg(test)]
    pub(crate) fn inside(
        &mut self,
        now: Timestamp,
        gid: &GroupId,
        rng: &mut dyn CryptoRng,
        act: impl FnOnce(&mut Group, &mut Context<'_>),
    ) -> Effects {
        let mut effects = Effects::default();
        let mut step = Step { now, rng, effects: &mut effects };
        let g = self.by_gid.get(gid).copied().unwrap_or_default();
        self.with_group(&mut step, g, act);
        self.after_step(&mut step);
        effects
    }

    fn in_group(
        &mut self,
        step: &mut Step<'_>,
        gid: &GroupId,
        then: impl FnOnce(&mut Group, &mut Context<'_>) -> Result<Reply, CommandError>,
    ) -> Result<Reply, CommandError> {
        let g = *self.by_gid.get(gid).ok_or(CommandError::UnknownGroup)?;
        self.with_group(step, g, then).ok_or(CommandError::UnknownGroup)?
    }

    /// Rule N-211: counts a peer's fault; at fifty points the link ends and the peer is refused for a while.
    fn on_fault(&mut self, step: &mut Step<'_>, link: LinkId, fault: PeerFault) {
        let count = self.refused.entry(fault.reason()).or_default();
        *count = count.saturating_add(1);
        let Some(peer) = self.links.peer_of(link) else { return };
        if let Some(block_ms) = self.links.conduct(peer).on_fault(fault, step.now) {
            step.effects.link(LinkAction::HangUp { link, block_ms });
            self.raise(step, AlertKind::PeerMisbehaving, Some(peer), fault.reason());
            // What still comes on it is not heard, and its slots are free at once.
            self.on_disconnected(step, link);
        }
    }

    fn raise(&mut self, step: &mut Step<'_>, kind: AlertKind, peer: Option<MemberKey>, reason: &str) {
        let alert = Alert { kind, member: None, peer, reason: reason.into() };
        self.alerts.push_back(alert.clone());
        while self.alerts.len() > limits::ALERTS_MAX {
            self.alerts.pop_front();
        }
        step.effects.emit(Event::Alert { group: None, alert });
    }
}

/// One step: the moment, luck, and where consequences go.
struct Step<'a> {
    now: Timestamp,
    rng: &'a mut dyn CryptoRng,
    effects: &'a mut Effects,
}

#[cfg(test)]
mod tests;
