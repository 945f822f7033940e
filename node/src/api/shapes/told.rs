//! What followers are told: one event of the core becomes the whole objects that it is about (EV-2).

use coterie_protocol::{self as core, EntryId, Event, GroupId, MembershipId};
use serde_json::Value;

use super::super::events::{Kind, Notice};
use super::super::types::{Change, GoneSchema, GroupGone, MemberSchema, OutboxChange, OutboxSchema, Way, spell_id};
use super::{Names, Secrecy, alert, deliveries, find_invite, group, invite, join, member, message, outbox_id, request};
use crate::driver::View;
use crate::history;

/// The events of the API that one event of the core becomes.
pub(crate) fn notices(view: &View<'_>, event: &Event) -> Vec<Notice> {
    let about = |id: &GroupId| Some(spell_id(id.as_ref()));
    match event {
        Event::Group(id) => group_notice(view, id).into_iter().collect(),
        Event::GroupGone(id) => {
            let gone = GroupGone { schema: GoneSchema::V1, id: spell_id(id.as_ref()) };
            vec![Notice::new(Kind::GroupGone, about(id), &gone)]
        }
        Event::Member { group, member, change: what } => {
            let mut notices = member_notices(view, group, member, Some(change(*what)));
            notices.extend(group_notice(view, group));
            notices
        }
        Event::Presence { group, member } => member_notices(view, group, member, None),
        Event::Message { group, message: line } => {
            let found = message(view, &Names::of(view, group), line);
            vec![Notice::new(Kind::Message, about(group), &found)]
        }
        Event::MessageChanged { group, message: line } => {
            let found = message(view, &Names::of(view, group), line);
            vec![Notice::new(Kind::MessageChanged, about(group), &found)]
        }
        Event::Annotated { group, target } => {
            // What is done to a message that isn't here is seen when it comes.
            let found = history::line(view, group, target).map(|line| message(view, &Names::of(view, group), &line));
            found.map(|found| Notice::new(Kind::MessageChanged, about(group), &found)).into_iter().collect()
        }
        Event::Delivery { group, entry, .. } => delivery_notice(view, group, entry).into_iter().collect(),
        Event::Outbox { group, outbox, sealed } => {
            let found = OutboxChange {
                schema: OutboxSchema::V1,
                id: outbox_id(group, *outbox),
                group: spell_id(group.as_ref()),
                message: sealed.map(|entry| spell_id(entry.as_ref())),
            };
            vec![Notice::new(Kind::Outbox, about(group), &found)]
        }
        Event::Invite { group, invite: id } => {
            let found = find_invite(view, group, id).map(|found| invite(view, group, &found, Secrecy::WithoutLink));
            found.map(|found| Notice::new(Kind::Invite, about(group), &found)).into_iter().collect()
        }
        Event::Join { join: id } => {
            let found = view.account.joins().iter().find(|found| found.id == *id).map(|found| join(view, found));
            found.map(|found| Notice::new(Kind::Join, None, &found)).into_iter().collect()
        }
        Event::Alert { group, alert: found } => {
            vec![Notice::new(Kind::Alert, group.as_ref().and_then(about), &alert(group.as_ref(), found))]
        }
    }
}

fn group_notice(view: &View<'_>, id: &GroupId) -> Option<Notice> {
    let found = view.account.group(id)?;
    Some(Notice::new(Kind::Group, Some(spell_id(id.as_ref())), &group(view, &found)))
}

fn member_notices(view: &View<'_>, group: &GroupId, id: &MembershipId, what: Option<Change>) -> Vec<Notice> {
    let about = Some(spell_id(group.as_ref()));
    let members = view.account.members(group).unwrap_or_default();
    let Some(found) = members.iter().find(|member| member.id == *id) else {
        // Who is gone has no place any more; what remains is who it was, and what happened.
        let gone = serde_json::json!({
            "schema": MemberSchema::V1, "id": spell_id(id.as_ref()), "group": about, "key": null,
            "name": view.account.author_name(group, id).unwrap_or_default(),
            "role": null, "seat": null, "provisional": false, "contested": false, "me": false, "online": false,
            "link": Way::None, "unsealed": null, "verified": null, "other_key": false, "notice": Value::Null, "change": what,
        });
        return vec![Notice::new(Kind::Member, about, &gone)];
    };
    let mut notices = vec![Notice::new(Kind::Member, about.clone(), &member(group, found, what))];
    if what.is_some()
        && let Some(waiting) = request(group, found)
    {
        notices.push(Notice::new(Kind::Request, about, &waiting));
    }
    notices
}

pub(crate) fn delivery_notice(view: &View<'_>, group: &GroupId, entry: &EntryId) -> Option<Notice> {
    let found = deliveries(view, group, entry)?;
    Some(Notice::new(Kind::Delivery, Some(spell_id(group.as_ref())), &found))
}

const fn change(found: core::MemberChange) -> Change {
    match found {
        core::MemberChange::Joined => Change::Joined,
        core::MemberChange::Confirmed => Change::Confirmed,
        core::MemberChange::Contested => Change::Contested,
        core::MemberChange::Left => Change::Left,
        core::MemberChange::Removed => Change::Removed,
        core::MemberChange::Banned => Change::Banned,
        core::MemberChange::SeatLost => Change::SeatLost,
        core::MemberChange::Promoted => Change::Promoted,
        core::MemberChange::Demoted => Change::Demoted,
    }
}
