//! Whether the people in a group are who they say: marks on compared keys, and warnings about names under other keys
//! (E-96, E-97).

use alloc::vec::Vec;

use super::{Account, Step};
use crate::command::{CommandError, Reply, Verdict};
use crate::event::{AlertKind, Event, MemberView, Straggler};
use crate::group::Group;
use crate::identity::fingerprint::GroupCode;
use crate::ids::{GroupId, MembershipId};

impl Account {
    /// By E-96, the person has compared a key with its owner, or takes that back.
    pub(super) fn compare(
        &mut self,
        step: &mut Step<'_>,
        (group, member): (GroupId, MembershipId),
        verdict: Verdict,
    ) -> Result<Reply, CommandError> {
        let held = self.held(&group).ok_or(CommandError::UnknownGroup)?;
        let (mine, name) = (held.view().me, held.author_name(&member));
        let key = self.member_key(&group, &member).ok_or(CommandError::UnknownMember)?;
        let changed = match verdict {
            _ if member == mine => false,
            Verdict::Same => {
                if !self.marks.put(key, (name, step.now.wall_ms)) {
                    return Err(CommandError::TooMany { what: "compared keys" });
                }
                true
            }
            Verdict::Unknown => self.marks.take(&key),
        };
        if !changed {
            return Err(CommandError::NoEffect { member: Some(member) });
        }
        self.put_profile(step.effects);
        step.effects.emit(Event::Presence { group, member });
        Ok(Reply::Done)
    }

    /// Everybody who sits in a group, by seat.
    #[must_use]
    pub fn members(&self, gid: &GroupId) -> Option<Vec<MemberView>> {
        let mut members = self.held(gid)?.member_views();
        for member in &mut members {
            member.verified_at_ms = self.marks.at_ms(&member.key);
            member.other_key = !member.me && self.marks.is_other(&member.name, &member.key);
        }
        Some(members)
    }

    /// Who has not heard yet that somebody is out, or still seals to them (E-85).
    #[must_use]
    pub fn stragglers(&self, gid: &GroupId) -> Option<Vec<Straggler>> {
        self.held(gid).map(Group::stragglers)
    }

    /// What the group's code words are made from; making them takes 64 MiB and a tenth of a second (E-97).
    #[must_use]
    pub fn group_code(&self, gid: &GroupId) -> Option<GroupCode> {
        self.held(gid).map(Group::code)
    }

    /// By E-96, a new key for a known name is a loud event, whether the name was compared or only seen.
    pub(super) fn look_at_newcomers(&mut self, step: &mut Step<'_>) {
        for (gid, mid) in step.effects.joined() {
            let Some(group) = self.held(&gid) else { continue };
            let key = self.member_key(&gid, &mid);
            let name = group.author_name(&mid);
            let is_other = key.is_some_and(|key| self.marks.is_other(&name, &key)) || group.has_namesake(&mid);
            let g = group.g;
            if is_other {
                self.with_group(step, g, |group, ctx| {
                    group.alert(ctx, AlertKind::KeyChanged, Some(mid), "E-96".into());
                });
            }
        }
    }
}
