//! What a person asks of a group: may they, what to write, what follows. One small function per wish.

use alloc::string::String;
use alloc::vec::Vec;

use super::{Context, Group, InviteRecord, Issued, Standing};
use crate::command::{Admittance, Ban, CommandError, LastOrganiser, Reply};
use crate::crypto::{Secret, random};
use crate::event::Event;
use crate::ids::{EntryId, InviteId, MembershipId, Office, OrderKey, Output, SeatNumber};
use crate::invite::{InviteLink, seal_grant};
use crate::limits;
use crate::log::entry::{Entry, Head, HeadKind};
use crate::membership::{Body, Ending, History, Pair, Removal, Role, SeatGrant, Setting, Terms, setting};

impl Group {
    /// Takes back what is not sealed yet.
    pub(crate) fn cancel_queued(&mut self, ctx: &mut Context<'_>, outbox: u64) -> Result<Reply, CommandError> {
        if !self.outbox.contains_key(&outbox) {
            return Err(CommandError::UnknownOutbox);
        }
        self.erase_outbox(ctx, outbox);
        ctx.effects.emit(Event::Outbox { group: self.gid(), outbox, sealed: None });
        Ok(Reply::Done)
    }

    /// Makes a link for `uses` people (MB-I3 to MB-I5).
    pub(crate) fn create_invite(
        &mut self,
        ctx: &mut Context<'_>,
        uses: u8,
        not_after_ms: u64,
    ) -> Result<Reply, CommandError> {
        let office = self.own_office()?;
        self.may_speak()?;
        let open = self.invites.values().filter(|issued| !issued.record.revoked).count();
        if open >= limits::INVITES_MAX {
            return Err(CommandError::TooMany { what: "invites" });
        }
        let pairs = self.pairs_for(uses, &office)?;
        self.confirm_departed(ctx, &pairs)?;
        let secret = Secret::<16>::random(ctx.rng);
        let me = ctx.identity.public();
        let link = InviteLink::new(me, secret.duplicate(), Vec::new());
        let keys = link.keys();
        let invite_pk = keys.invite.public();
        let terms = Terms {
            issuer: office,
            invite_pk,
            bound_pk: None,
            role: Role::Member,
            session: None,
            approve: false,
            not_after: not_after_ms,
            lifts: Vec::new(),
        };
        let heads = self.membership.citable_heads().clone();
        let grant = SeatGrant::issue(self.gid(), terms, heads, &pairs, ctx.identity.keys());
        let envelope = seal_grant(&grant, &self.me, &keys, ctx.rng);
        let eid = self.write_envelope(ctx, envelope)?;
        let id = InviteId(random(ctx.rng));
        let record = InviteRecord {
            id,
            created_at_ms: ctx.now.wall_ms,
            not_after_ms,
            revoked: false,
            envelope: eid,
            outputs: pairs,
        };
        let number = self.invites.last_key_value().map_or(0, |(number, _)| number.saturating_add(1));
        self.put_invite(ctx, number, Issued { record, secret });
        ctx.effects.emit(Event::Invite { group: self.gid(), invite: id });
        Ok(Reply::Invite(id))
    }

    fn write_envelope(
        &mut self,
        ctx: &mut Context<'_>,
        (kind, sealed): (HeadKind, Vec<u8>),
    ) -> Result<EntryId, CommandError> {
        let state = self.logs.state(&self.own).ok_or_else(|| CommandError::OwnRule(String::from("E-19")))?;
        let head = Head { seq: state.seq.saturating_add(1), prev: state.head, heads: self.frontier(), kind };
        let entry = Entry::sign(&self.gid(), self.own, head, (None, sealed), ctx.identity.keys());
        self.keep_envelope(&entry);
        let appended = self.append_own(ctx, entry, OrderKey([0; OrderKey::LEN]))?;
        Ok(appended.entry.id())
    }

    /// Free outputs in one's own custody that no live ticket names (MB-D5).
    fn pairs_for(&self, uses: u8, office: &Office) -> Result<Vec<Pair>, CommandError> {
        let free = self.spare_pairs(office);
        if free.len() < usize::from(uses) {
            let occupied = self.membership.roster().seated().count();
            if occupied >= limits::SEATS {
                return Err(CommandError::GroupFull);
            }
            let free = u8::try_from(free.len()).unwrap_or(u8::MAX);
            return Err(CommandError::NoSeat { wanted: uses, free });
        }
        let mut pairs: Vec<Pair> = free.into_iter().take(usize::from(uses)).collect();
        pairs.sort_unstable();
        Ok(pairs)
    }

    fn spare_pairs(&self, office: &Office) -> Vec<Pair> {
        let promised: Vec<Pair> =
            self.invites.values().flat_map(|issued| issued.record.outputs.iter().copied()).collect();
        self.membership.free_outputs(office).into_iter().filter(|pair| !promised.contains(pair)).collect()
    }

    /// Whoever left these seats unconfirmed is confirmed first, so that later people on them stay (MB-D6).
    pub(super) fn confirm_departed(&mut self, ctx: &mut Context<'_>, pairs: &[Pair]) -> Result<(), CommandError> {
        let seats: Vec<SeatNumber> = pairs.iter().map(|(seat, _)| *seat).collect();
        self.act_all(ctx, self.membership.confirms_before(&seats))
    }

    fn act_all(&mut self, ctx: &mut Context<'_>, bodies: Vec<Body>) -> Result<(), CommandError> {
        bodies.into_iter().try_for_each(|body| self.act(ctx, body).map(drop))
    }

    /// Makes a link useless: what nobody has used yet is bumped (MB-D4).
    pub(crate) fn revoke_invite(&mut self, ctx: &mut Context<'_>, invite: InviteId) -> Result<Reply, CommandError> {
        let number = self.invite_number(&invite).ok_or(CommandError::UnknownInvite)?;
        self.own_office()?;
        let pairs = self.free_pairs(number);
        for pairs in pairs.chunks(limits::PAIRS_MAX) {
            self.act(ctx, Body::Bump { pairs: pairs.to_vec() })?;
        }
        if let Some(issued) = self.invites.get_mut(&number) {
            issued.record.revoked = true;
            let record = issued.record.clone();
            self.put_invite_record(ctx, number, &record);
        }
        ctx.effects.emit(Event::Invite { group: self.gid(), invite });
        Ok(Reply::Done)
    }

    fn invite_number(&self, invite: &InviteId) -> Option<u32> {
        self.invites.iter().find(|(_, issued)| issued.record.id == *invite).map(|(&number, _)| number)
    }

    /// The link of an own invite, with the addresses at which this node can be reached now.
    pub(crate) fn invite_link(
        &self,
        invite: &InviteId,
        inviter: crate::ids::MemberKey,
        addresses: &[Vec<u8>],
    ) -> Option<InviteLink> {
        let issued = self.invites.get(&self.invite_number(invite)?)?;
        Some(InviteLink::new(inviter, issued.secret.duplicate(), addresses.to_vec()))
    }

    /// Confirms somebody who waits (MB-D2).
    pub(crate) fn confirm(&mut self, ctx: &mut Context<'_>, member: MembershipId) -> Result<Reply, CommandError> {
        self.own_office()?;
        let person = self.membership.roster().person(&member).ok_or(CommandError::UnknownMember)?;
        if person.anchored {
            return Err(CommandError::NoEffect { member: Some(member) });
        }
        self.act(ctx, Body::Confirm { join: member.into() })?;
        Ok(Reply::Done)
    }

    /// Makes somebody an admin and hands over half of one's own free seats (MB-D11).
    pub(crate) fn promote(&mut self, ctx: &mut Context<'_>, member: MembershipId) -> Result<Reply, CommandError> {
        let office = self.own_office()?;
        let person = self.membership.roster().person(&member).ok_or(CommandError::UnknownMember)?;
        if person.office.is_some() || person.role == Role::Guest {
            return Err(CommandError::NoEffect { member: Some(member) });
        }
        if !person.anchored {
            self.act(ctx, Body::Confirm { join: member.into() })?;
        }
        let promoted = self.act(ctx, Body::Promote { target: member })?;
        let live: Vec<Output> =
            self.invites.values().flat_map(|issued| issued.record.outputs.iter().map(|(_, out)| *out)).collect();
        self.act_all(ctx, self.membership.share(&office, promoted, &live))?;
        Ok(Reply::Done)
    }

    /// Ends a junior's offices (MB-D7).
    pub(crate) fn demote(&mut self, ctx: &mut Context<'_>, member: MembershipId) -> Result<Reply, CommandError> {
        let office = self.own_office()?;
        if self.membership.standing(&member).is_none() {
            return Err(CommandError::NoEffect { member: Some(member) });
        }
        self.must_be_senior(&office, &member)?;
        self.end(ctx, &office, (member, Ending::Demote))
    }

    /// Takes somebody's seat (MB-D7).
    pub(crate) fn remove(
        &mut self,
        ctx: &mut Context<'_>,
        member: MembershipId,
        ban: Ban,
    ) -> Result<Reply, CommandError> {
        let office = self.own_office()?;
        if member == self.me {
            return Err(CommandError::NoEffect { member: Some(member) });
        }
        if self.membership.roster().person(&member).is_none() {
            return Err(CommandError::UnknownMember);
        }
        self.must_be_senior(&office, &member)?;
        let cuts = self.logs.cuts_for(&member);
        self.end(ctx, &office, (member, Ending::Remove { cuts, ban: ban == Ban::Yes }))
    }

    /// The whole batch of a removal, then the seats that it left behind (MB-D7, MB-D9).
    fn end(
        &mut self,
        ctx: &mut Context<'_>,
        office: &Office,
        (target, ending): (MembershipId, Ending),
    ) -> Result<Reply, CommandError> {
        let tickets = self.tickets_like(ctx, &target);
        let removal = Removal { target, ending, pin: None, spare_not: &[], tickets: &tickets };
        self.act_all(ctx, self.membership.ending(office, &removal))?;
        self.reclaim_orphans(ctx, office)?;
        Ok(Reply::Done)
    }

    /// Tickets of the own link by which somebody came: who is removed may still hold the others.
    fn tickets_like(&self, ctx: &Context<'_>, member: &MembershipId) -> Vec<Pair> {
        let Some(Body::Join(join)) = self.membership.operation(&(*member).into()).map(|op| &op.operation().body) else {
            return Vec::new();
        };
        let me = ctx.identity.public();
        let same = |issued: &&Issued| {
            InviteLink::new(me, issued.secret.duplicate(), Vec::new()).keys().invite.public() == join.terms.invite_pk
        };
        self.invites.values().filter(same).flat_map(|issued| issued.record.outputs.iter().copied()).collect()
    }

    fn must_be_senior(&self, office: &Office, member: &MembershipId) -> Result<(), CommandError> {
        match self.membership.standing(member) {
            Some(theirs) if !self.membership.is_senior(office, &theirs) => Err(CommandError::Senior),
            _ => Ok(()),
        }
    }

    pub(super) fn own_office(&self) -> Result<Office, CommandError> {
        if !self.is_live() {
            return Err(self.why_not_live());
        }
        if self.membership.roster().frozen() {
            return Err(CommandError::Frozen);
        }
        self.membership.standing(&self.me).ok_or(CommandError::NotAdmin)
    }

    /// Gives up one's own seat (MB-D8). Live secrets go in the same batch (E-70).
    pub(crate) fn leave(&mut self, ctx: &mut Context<'_>, last: LastOrganiser) -> Result<Reply, CommandError> {
        if !self.is_live() {
            return Err(self.why_not_live());
        }
        let others = self.membership.roster().seated().count() > 1;
        if others && self.membership.is_last_organiser(&self.me) && last == LastOrganiser::Stays {
            return Err(CommandError::LastOrganiser);
        }
        if self.membership.standing(&self.me).is_some() {
            let open: Vec<u32> = self.invites.keys().copied().collect();
            for number in open {
                let pairs = self.free_pairs(number);
                self.bump(ctx, &pairs);
            }
        }
        let cuts = self.logs.cuts_for(&self.me);
        self.act_all(ctx, self.membership.leaving(&self.me, None, cuts))?;
        let erased = self.keys.erase_all();
        self.put_secrets(ctx, erased);
        self.record.standing = Standing::Leaving;
        // From here on it says when one left.
        self.record.heard_at_ms = ctx.now.wall_ms;
        self.put_group(ctx);
        self.roster_moved = true;
        ctx.effects.emit(Event::Group(self.gid()));
        Ok(Reply::Done)
    }

    /// What newcomers get of the past (E-86): for what is said from here on.
    pub(crate) fn set_history(&mut self, ctx: &mut Context<'_>, history: History) -> Result<Reply, CommandError> {
        self.own_office()?;
        if self.membership.policy().history() == history {
            return Err(CommandError::NoEffect { member: None });
        }
        let (mode, days) = match history {
            History::Nothing => (0, 0),
            History::Archive { days } => (1, days),
        };
        if days > limits::HISTORY_DAYS_MAX {
            return Err(CommandError::BadValue { field: "days" });
        }
        self.act(ctx, Body::SetPolicy { sets: Vec::from([(setting::HISTORY, Some(Setting::Pair(mode, days)))]) })?;
        Ok(Reply::Done)
    }

    /// Another name for the group.
    pub(crate) fn rename(&mut self, ctx: &mut Context<'_>, name: &str) -> Result<Reply, CommandError> {
        self.own_office()?;
        check_name(name)?;
        self.act(ctx, Body::SetPolicy { sets: Vec::from([(setting::NAME, Some(Setting::Text(name.into())))]) })?;
        Ok(Reply::Done)
    }

    /// Whether newcomers wait for a word. Those who are in without one keep their keys (MB-D17).
    pub(crate) fn require_confirm(
        &mut self,
        ctx: &mut Context<'_>,
        admittance: Admittance,
    ) -> Result<Reply, CommandError> {
        let office = self.own_office()?;
        let wait = admittance == Admittance::AfterConfirm;
        if self.membership.policy().require_confirm() == wait {
            return Ok(Reply::Done);
        }
        let say = Body::SetPolicy { sets: Vec::from([(setting::REQUIRE_CONFIRM, Some(Setting::Bool(wait)))]) };
        let mut trial = self.membership.fork();
        let said = trial.draft(&self.me, ctx.identity.keys(), say.clone(), ctx.now.wall_ms, Some(office));
        trial.admit(said.bytes());
        if trial.policy().require_confirm() != wait {
            return Err(CommandError::SeniorsWord);
        }
        let bodies = if wait { self.membership.asking_for_confirms(&office, &[]) } else { Vec::from([say]) };
        self.act_all(ctx, bodies)?;
        Ok(Reply::Done)
    }
}

/// A text is 1 byte to 16 KiB and no more than that: nothing in it means anything to the program (E-54).
/// Names are 1 to 64 bytes without control characters.
pub(crate) fn check_name(name: &str) -> Result<(), CommandError> {
    let usable = !name.trim().is_empty() && name.len() <= limits::NAME_BYTES_MAX && !name.chars().any(char::is_control);
    if usable { Ok(()) } else { Err(CommandError::BadValue { field: "name" }) }
}
