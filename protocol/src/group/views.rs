//! What faces may see of a group, as whole objects.

use alloc::string::{String, ToString};
use alloc::vec::Vec;

use super::founding::FOUNDER_NAME;
use super::{Group, Standing};
use crate::event::{
    Delivery, DeliveryState, GroupState, GroupView, InviteState, InviteView, MemberView, RoleView, Unsealed,
    WaitingView, WaitingWords,
};
use crate::ids::{EntryId, MembershipId, OrderKey, SeatNumber};
use crate::limits;
use crate::membership::{OutputState, Person, Role, Setting};
use crate::record::RecordId;
use crate::time::Timestamp;
use crate::timeline::annotations::{Annotation, Right};
use crate::timeline::content::{Body, Post};

impl Group {
    /// The group as its own screen shows it. `now_wall_ms` decides nothing here.
    pub(crate) fn view(&self) -> GroupView {
        let roster = self.membership.roster();
        let seated = roster.seated().count();
        let number = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
        let mine = self.membership.standing(&self.me).map_or(0, |office| self.membership.free_outputs(&office).len());
        GroupView {
            id: self.gid(),
            name: roster.policy().name().to_string(),
            about: roster.policy().about().to_string(),
            me: self.me,
            role: self.role_of(&self.me),
            state: self.state(),
            occupied: number(seated),
            provisional: number(roster.seated().filter(|person| !person.anchored).count()),
            guests: number(roster.seated().filter(|person| person.role == Role::Guest).count()),
            mine: number(mine),
            online: number(self.online_members().len()),
            waiting: number(self.outbox.len().saturating_add(self.undelivered())),
            synced_at_ms: (self.record.synced_at_ms > 0).then_some(self.record.synced_at_ms),
            operations: u64::try_from(self.membership.len()).unwrap_or(u64::MAX),
            state_hash: self.membership.state_hash().0,
            require_confirm: roster.policy().require_confirm(),
            name_a_second_organiser: self.membership.wants_second_organiser(&self.me),
            history_days: roster.policy().history().days(),
            keep_days: Some(self.record.keep_days).filter(|days| *days > 0),
            muted: self.muted(),
        }
    }

    /// Whether somebody else has the seat, by the own log.
    pub(crate) fn has_lost_seat(&self) -> bool {
        self.state() == GroupState::SeatLost
    }

    fn state(&self) -> GroupState {
        match self.record.standing {
            Standing::Leaving => GroupState::Left,
            Standing::Out => match self.membership.departure(&self.me) {
                Some(departure) if !departure.removed && !departure.banned => GroupState::Left,
                // Without a departure in the own log one was told of it.
                Some(_) | None => GroupState::Removed,
            },
            // One of two on one output sits on no seat yet, but nothing is lost before the Confirm (E-15).
            Standing::In
                if self
                    .membership
                    .roster()
                    .person(&self.me)
                    .is_none_or(|person| person.seat.is_none() && !person.contested) =>
            {
                GroupState::SeatLost
            }
            Standing::In if !self.membership.roster().is_keyed(&self.me) => GroupState::Waiting,
            Standing::In if self.membership.roster().frozen() => GroupState::Frozen,
            Standing::In => GroupState::Member,
        }
    }

    fn role_of(&self, mid: &MembershipId) -> RoleView {
        let (top, holder) = self.membership.top_office();
        if holder == *mid && self.membership.standing(mid) == Some(top) {
            return RoleView::Founder;
        }
        match (self.membership.standing(mid), self.membership.role_of(mid)) {
            (Some(_), _) => RoleView::Admin,
            (None, Some(Role::Guest)) => RoleView::Guest,
            (None, _) => RoleView::Member,
        }
    }

    /// Everybody who sits, by seat.
    pub(crate) fn member_views(&self) -> Vec<MemberView> {
        let online = self.online_members();
        let roster = self.membership.roster();
        let mut members: Vec<MemberView> = roster
            .seated()
            .map(|person| MemberView {
                id: person.mid,
                key: person.key,
                name: self.name_of(person),
                role: self.role_of(&person.mid),
                seat: person.seat.unwrap_or(SeatNumber(0)),
                provisional: !person.anchored,
                contested: person.contested,
                me: person.mid == self.me,
                online: person.mid == self.me || online.contains(&person.mid),
                link: self.path_to(&person.mid),
                unsealed: if person.mid == self.me { None } else { self.why_unsealed(&person.mid) },
                verified_at_ms: None,
                other_key: false,
            })
            .collect();
        members.sort_by_key(|member| member.seat);
        members
    }

    /// Why the next words do not go to this member; a newcomer's key may still be on its way.
    fn why_unsealed(&self, mid: &MembershipId) -> Option<Unsealed> {
        let now_ms = self.keys.last_aged_ms().unwrap_or(0);
        let is_stale = |admitted: Timestamp| now_ms.saturating_sub(admitted.wall_ms) > limits::LEAF_STALE_MS;
        match self.logs.leaf_of(mid) {
            _ if !self.membership.roster().is_keyed(mid) => Some(Unsealed::Seat),
            None => Some(Unsealed::NoLeaf),
            Some(known) if known.is_forked => Some(Unsealed::Forked),
            Some(known) => is_stale(known.leaf.admitted_at).then_some(Unsealed::StaleLeaf),
        }
    }

    /// The name of anybody who ever was in the log, seated or not: old lines keep their author's name.
    pub(crate) fn author_name(&self, mid: &MembershipId) -> String {
        if let Some(person) = self.membership.roster().person(mid) {
            return self.name_of(person);
        }
        match self.membership.operation(&(*mid).into()).map(|signed| &signed.operation().body) {
            Some(crate::membership::Body::Join(join)) => join.name.clone(),
            _ => self.founder_name(),
        }
    }

    pub(super) fn name_of(&self, person: &Person) -> String {
        if person.name.is_empty() { self.founder_name() } else { person.name.to_string() }
    }

    pub(super) fn founder_name(&self) -> String {
        let genesis = self.membership.operation(&self.gid().into()).map(|signed| &signed.operation().body);
        let Some(crate::membership::Body::Genesis { policy, .. }) = genesis else { return String::new() };
        let given = policy.iter().find_map(|(key, value)| {
            let Setting::Text(name) = value else { return None };
            (*key == FOUNDER_NAME).then(|| name.clone())
        });
        given.unwrap_or_default()
    }

    /// Invites of one's own, newest first.
    pub(crate) fn invite_views(&self, now_wall_ms: u64) -> Vec<InviteView> {
        let view = |issued: &super::Issued| {
            let record = &issued.record;
            let used = record
                .outputs
                .iter()
                .filter(|(seat, out)| matches!(self.membership.output_state(*seat, out), OutputState::Used));
            let used = u32::try_from(used.count()).unwrap_or(u32::MAX);
            let free = record
                .outputs
                .iter()
                .any(|(seat, out)| matches!(self.membership.output_state(*seat, out), OutputState::Free { .. }));
            let state = match (record.revoked, free, record.not_after_ms < now_wall_ms) {
                (true, _, _) => InviteState::Revoked,
                (false, true, false) => InviteState::Open,
                (false, true, true) => InviteState::Expired,
                (false, false, _) if used > 0 => InviteState::Used,
                (false, false, true) => InviteState::Expired,
                (false, false, false) => InviteState::Revoked,
            };
            InviteView {
                id: record.id,
                uses: u32::try_from(record.outputs.len()).unwrap_or(u32::MAX),
                used,
                not_after_ms: record.not_after_ms,
                created_at_ms: record.created_at_ms,
                state,
                kept_by: self.holders(&record.envelope),
                seats: record.outputs.iter().map(|(seat, _)| *seat).collect(),
            }
        };
        self.invites.values().rev().map(view).collect()
    }

    /// How far an own message got (ST-51).
    pub(crate) fn delivery(&self, eid: &EntryId) -> Option<Delivery> {
        let place = self.logs.place_of(eid).filter(|place| place.log.mid == self.me)?;
        let reached = self.holders(eid);
        let due = self.due_of(&place).max(reached);
        let state = match reached {
            0 => DeliveryState::Saved,
            _ if reached >= due => DeliveryState::All,
            _ => DeliveryState::Sent,
        };
        Some(Delivery { state, reached, due })
    }

    /// Texts that are not sealed yet, oldest first.
    pub(crate) fn outbox_view(&self) -> Vec<WaitingView> {
        let waiting = self.outbox.iter().map(|(&number, words)| WaitingView {
            number,
            at_ms: words.at_ms,
            said: match (&words.body, Annotation::of(&words.body, Right::Member)) {
                (_, Some(annotation)) => WaitingWords::Annotation(annotation),
                (Body::Post(Post { text, reply_to, location, attachments, .. }), None) => WaitingWords::Post {
                    text: text.clone(),
                    reply_to: *reply_to,
                    location: location.clone(),
                    attachments: attachments.clone(),
                },
                // Nothing else is ever put there.
                (_, None) => {
                    WaitingWords::Post { text: String::new(), reply_to: None, location: None, attachments: Vec::new() }
                }
            },
        });
        waiting.collect()
    }

    /// The range of the timeline's records, first and last.
    pub(crate) fn view_range(&self) -> (RecordId, RecordId) {
        (RecordId::view(self.g, OrderKey([0; 16])), RecordId::view(self.g, OrderKey([0xff; 16])))
    }
}
