//! Lines of the timeline as the API shows them: with what was done to them, and what they answer.

use coterie_protocol::{
    self as core, Aggregate, Deed, EntryId, GroupId, MembershipId, MessageView, WaitingView, WaitingWords,
};

use super::super::types::{
    Degrees, Delivery, DeliveryState, Location, Message, MessageInfo, MessageInfoSchema, MessageKind, MessageSchema,
    Quoted, Reaction, Revision, Time, spell_id,
};
use super::{Names, delivery, files, outbox_id, small};
use crate::driver::View;
use crate::history;
use crate::places;

/// Characters of an answered message that are shown above the answer.
const QUOTED_CHARS_MAX: usize = 200;

/// A line.
pub(crate) fn message(view: &View<'_>, names: &Names, line: &MessageView) -> Message {
    let (sum, wants_pin) = history::aggregate_of(view, &names.group, line);
    let mine = names.me == Some(line.author);
    let reached = mine.then(|| view.account.delivery(&names.group, &line.entry)).flatten();
    let is_there = sum.retracted_by.is_none();
    Message {
        schema: MessageSchema::V1,
        id: Some(spell_id(line.entry.as_ref())),
        outbox: None,
        group: spell_id(names.group.as_ref()),
        author: names.get(view, &line.author),
        at: Time(line.sent_at_ms),
        received: Some(Time(line.received_at_ms)),
        kind: kind(line, &sum),
        text: words(line, &sum),
        reply_to: line.reply_to.filter(|_| is_there).map(|entry| quoted(view, names, &entry)),
        location: line.location.as_ref().filter(|_| is_there).map(location_of),
        files: line.attachments.iter().filter(|_| is_there).map(|file| files::file(file, Some(view))).collect(),
        edited: sum.revisions.last().map(|revision| Time(revision.at_ms)),
        deleted_by: sum.retracted_by.map(|who| names.get(view, &who)),
        reactions: sum.reactions.iter().map(|reaction| self::reaction(view, names, reaction)).collect(),
        pinned: is_there && wants_pin && names.pins(view).contains(&line.entry),
        delivery: reached.map(delivery),
        counts: line.counts,
        cursor: Some(spell_id(line.order.as_ref())),
    }
}

/// A line and all words that it ever had.
pub(crate) fn message_info(view: &View<'_>, group: &GroupId, entry: &EntryId) -> Option<MessageInfo> {
    let line = history::line(view, group, entry)?;
    let (sum, _) = history::aggregate_of(view, group, &line);
    let first = Revision { at: Time(line.sent_at_ms), text: line.text.clone() };
    let later = sum.revisions.iter().map(|one| Revision { at: Time(one.at_ms), text: one.text.clone() });
    let revisions = if sum.retracted_by.is_some() { Vec::new() } else { std::iter::once(first).chain(later).collect() };
    let message = message(view, &Names::of(view, group), &line);
    Some(MessageInfo { schema: MessageInfoSchema::V1, message, revisions })
}

/// A place, with what lies there by the table of this computer.
fn location_of(place: &core::Location) -> Location {
    let near = places::near(place.into(), f64::from(place.radius_m) / 1_000.0);
    Location {
        lat: Degrees(place.lat_e7),
        lon: Degrees(place.lon_e7),
        radius_m: place.radius_m,
        label: place.label.clone(),
        near,
    }
}

fn kind(line: &MessageView, sum: &Aggregate) -> MessageKind {
    if sum.retracted_by.is_some() {
        return MessageKind::Deleted;
    }
    match line.kind {
        core::MessageKind::Text => MessageKind::Text,
        core::MessageKind::Waiting => MessageKind::Waiting,
        core::MessageKind::BeforeMyTime => MessageKind::BeforeMyTime,
        core::MessageKind::Broken => MessageKind::Broken,
        core::MessageKind::Newer => MessageKind::Newer,
        core::MessageKind::Annotation => MessageKind::Annotation,
    }
}

/// The words that are shown now.
fn words(line: &MessageView, sum: &Aggregate) -> String {
    match (sum.retracted_by, sum.revisions.last()) {
        (Some(_), _) => String::new(),
        (None, Some(revision)) => revision.text.clone(),
        (None, None) => line.text.clone(),
    }
}

fn quoted(view: &View<'_>, names: &Names, entry: &EntryId) -> Quoted {
    let id = spell_id(entry.as_ref());
    let Some(line) = history::line(view, &names.group, entry).filter(|line| line.counts) else {
        return Quoted { id, kind: None, author: None, text: String::new() };
    };
    let (sum, _) = history::aggregate_of(view, &names.group, &line);
    let text = words(&line, &sum).chars().take(QUOTED_CHARS_MAX).collect();
    Quoted { id, kind: Some(kind(&line, &sum)), author: Some(names.get(view, &line.author)), text }
}

fn reaction(view: &View<'_>, names: &Names, found: &core::Reaction) -> Reaction {
    Reaction {
        emoji: found.emoji.clone(),
        count: small(found.by.len()),
        mine: names.me.is_some_and(|me| found.by.contains(&me)),
        by: found.by.iter().map(|who| names.get(view, who)).collect(),
    }
}

/// The outbox of a group, oldest first.
pub(crate) fn outbox(view: &View<'_>, group: &GroupId) -> Vec<Message> {
    let names = Names::of(view, group);
    let due = small(names.members.len().saturating_sub(1));
    let waiting = view.account.outbox(group);
    waiting.iter().map(|item| queued(view, &names, item, due)).collect()
}

/// Something that waits to be sealed.
fn queued(view: &View<'_>, names: &Names, item: &WaitingView, due: u32) -> Message {
    let nobody = MembershipId([0; 32]);
    let (kind, text, about, place, sent) = match &item.said {
        WaitingWords::Post { text, reply_to, location, attachments } => {
            (MessageKind::Text, text.clone(), *reply_to, location.as_ref().map(location_of), attachments.as_slice())
        }
        WaitingWords::Annotation(found) => {
            (MessageKind::Annotation, deed_text(&found.deed), Some(found.target), None, &[][..])
        }
    };
    Message {
        schema: MessageSchema::V1,
        id: None,
        outbox: Some(outbox_id(&names.group, item.number)),
        group: spell_id(names.group.as_ref()),
        author: names.get(view, names.me.as_ref().unwrap_or(&nobody)),
        at: Time(item.at_ms),
        received: Some(Time(item.at_ms)),
        kind,
        text,
        reply_to: about.map(|entry| quoted(view, names, &entry)),
        location: place,
        files: sent.iter().map(|file| files::file(file, Some(view))).collect(),
        edited: None,
        deleted_by: None,
        reactions: Vec::new(),
        pinned: false,
        delivery: Some(Delivery { state: DeliveryState::Queued, reached: 0, due }),
        counts: true,
        cursor: None,
    }
}

/// What waits to be done to a message, in a word or two.
fn deed_text(deed: &Deed) -> String {
    match deed {
        Deed::Edit { text } => format!("edit: {text}"),
        Deed::Retract => "delete for everyone".into(),
        Deed::React { emoji, on: true } => emoji.clone(),
        Deed::React { emoji, on: false } => format!("no {emoji}"),
        Deed::Pin { on: true } => "pin".into(),
        Deed::Pin { on: false } => "unpin".into(),
    }
}
