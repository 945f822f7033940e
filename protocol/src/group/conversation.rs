//! Saying something, and doing something to what was said: what a wish must fulfil, what an entry becomes when it is
//! read, and what is kept of it (CV-1 to CV-7, E-71).

use alloc::string::String;
use alloc::vec::Vec;

use super::{Context, Group, OutboxRecord, Purpose, ViewRecord};
use crate::blob::Attachment;
use crate::command::{CommandError, Reply};
use crate::event::{Event, MessageKind, MessageView};
use crate::ids::{EntryId, Heads, MembershipId, OrderKey};
use crate::limits;
use crate::log::Place;
use crate::membership::Pinners;
use crate::record::{Record, RecordId};
use crate::timeline::annotations::{Annotation, Deed, Right};
use crate::timeline::content::{Body, Content, Location, Post};
use crate::wire::{from_bytes, to_bytes};

/// Under this target all pins of a group are kept once more, so that they are found without their posts (CV-6).
const ALL_PINS: [u8; 16] = [0; 16];

impl Group {
    /// Says something, or keeps it until somebody is in reach (E-71).
    pub(crate) fn send_post(&mut self, ctx: &mut Context<'_>, post: Post) -> Result<Reply, CommandError> {
        match &post.location {
            Some(location) if !location.is_sound() => return Err(CommandError::BadValue { field: "location" }),
            Some(_) if post.text.is_empty() => {}
            None if post.text.is_empty() && !post.attachments.is_empty() => {}
            _ => check_text(&post.text)?,
        }
        self.check_attachments(&post)?;
        if let Some(answered) = post.reply_to {
            self.find_post(&answered)?;
        }
        self.say(ctx, Body::Post(post))
    }

    /// Does something to a message (CV-1 to CV-5). What others would not heed is refused here, with the reason.
    pub(crate) fn annotate(
        &mut self,
        ctx: &mut Context<'_>,
        target: EntryId,
        deed: Deed,
    ) -> Result<Reply, CommandError> {
        let author = self.find_post(&target)?;
        match &deed {
            Deed::Edit { .. } if author != self.me => return Err(CommandError::NotAuthor),
            Deed::Edit { text } => check_text(text)?,
            Deed::Retract if author != self.me && self.own_office().is_err() => return Err(CommandError::NotAuthor),
            Deed::React { emoji, .. } => check_emoji(emoji)?,
            Deed::Pin { .. } if !self.may_pin() => return Err(CommandError::NotAdmin),
            Deed::Retract | Deed::Pin { .. } => {}
        }
        self.say(ctx, Annotation { target, deed, right: Right::Member }.into_body())
    }

    fn say(&mut self, ctx: &mut Context<'_>, body: Body) -> Result<Reply, CommandError> {
        if !self.is_live() {
            return Err(self.why_not_live());
        }
        if self.outbox.len() >= limits::OUTBOX_MAX {
            return Err(CommandError::TooMany { what: "texts in the outbox" });
        }
        let record = OutboxRecord { at_ms: ctx.now.wall_ms, body };
        if self.outbox.is_empty()
            && self.may_speak().is_ok()
            && self.has_listeners(ctx.now)
            && let Some(sealed) = self.seal_words(ctx, &record)?
        {
            return Ok(Reply::Saved(sealed));
        }
        let number =
            self.outbox.last_key_value().map_or(0, |(number, _)| number.saturating_add(1)).max(ctx.now.wall_ms);
        self.put_outbox(ctx, number, record);
        Ok(Reply::Queued(number))
    }

    /// Whose a message is that is shown here.
    fn find_post(&self, entry: &EntryId) -> Result<MembershipId, CommandError> {
        let place = self.logs.place_of(entry).filter(|place| self.shown.get(place).is_some());
        place.map(|place| place.log.mid).ok_or(CommandError::UnknownMessage)
    }

    fn may_pin(&self) -> bool {
        self.own_office().is_ok() || self.membership.policy().pins() == Pinners::Everyone
    }

    /// Rule CV-2: what is done by office names the heads that show the office; so everybody judges it by the same roster.
    pub(super) fn heads_for(&self, body: &Body) -> Result<Heads, CommandError> {
        if is_by_office(body) { Ok(self.frontier()) } else { self.message_heads() }
    }

    /// By which right its author does this (CV-2).
    fn right(&mut self, author: &MembershipId, body: &Body, heads: &Heads) -> Right {
        if !is_by_office(body) || *heads == Heads::default() {
            return Right::Member;
        }
        let Ok(roster) = self.membership.roster_at(heads) else { return Right::Member };
        let holds_office = roster.person(author).is_some_and(|person| person.office.is_some());
        let all_may = matches!(body, Body::Pin { .. }) && roster.policy().pins() == Pinners::Everyone;
        if holds_office || all_may { Right::Office } else { Right::Member }
    }

    /// Writes down what an opened content says, and tells it: a line, or something done to one.
    pub(super) fn keep_words(
        &mut self,
        ctx: &mut Context<'_>,
        (place, heads): (Place, &Heads),
        (entry, order, content): (EntryId, OrderKey, &Content),
        salt: Option<&[u8]>,
    ) {
        let author = place.log.mid;
        let right = self.right(&author, &content.body, heads);
        let Words { kind, text, reply_to, location, attachments } = words_of(&content.body);
        let message = MessageView {
            entry,
            order,
            author,
            sent_at_ms: content.sent_at,
            received_at_ms: self.keys.aged_ms(ctx.now),
            kind,
            text,
            reply_to,
            location,
            attachments,
            annotation: Annotation::of(&content.body, right),
            counts: true,
        };
        let at = (self.numbers.of((place.log, place.branch)), place.seq);
        self.put_view(ctx, &ViewRecord { message: message.clone(), place: at, salt: salt.map(<[u8]>::to_vec) });
        self.shown.insert(place, order);
        self.note_blobs(ctx, &message);
        self.tell_words(ctx, message);
    }

    fn tell_words(&mut self, ctx: &mut Context<'_>, message: MessageView) {
        let group = self.gid();
        let Some(annotation) = &message.annotation else {
            if planted!(ToldTwice) && message.author == self.me {
                ctx.effects.emit(Event::Message { group, message: message.clone() });
            }
            return ctx.effects.emit(Event::Message { group, message });
        };
        let target = annotation.target;
        let post = self.logs.place_of(&target).filter(|place| self.shown.get(place).is_some());
        let takes_back = annotation.deed == Deed::Retract
            && post.is_some_and(|post| post.log.mid == message.author || annotation.right == Right::Office);
        if let Some(post) = post.filter(|_| takes_back) {
            self.forget_blobs(ctx, &target);
            self.read_back(ctx, post, Purpose::Blank(post));
        }
        ctx.effects.emit(Event::Annotated { group, target });
    }

    /// Rule CV-6: a line of the timeline; what is done to another one is kept beside that one too.
    pub(super) fn put_view(&self, ctx: &mut Context<'_>, view: &ViewRecord) {
        let order = view.message.order;
        let bytes = to_bytes(view);
        if let Some(annotation) = &view.message.annotation {
            if let Deed::Pin { .. } = annotation.deed {
                ctx.effects.put(Record { id: self.annotation_record(None, order), bytes: bytes.clone() });
            }
            let id = self.annotation_record(Some(&annotation.target), order);
            ctx.effects.put(Record { id, bytes: bytes.clone() });
        }
        ctx.effects.put(Record { id: RecordId::view(self.g, order), bytes });
    }

    /// Rule CV-3: what was taken back goes from the disk of whoever holds it, as far as the program can reach.
    pub(super) fn blank_line(&self, ctx: &mut Context<'_>, bytes: &[u8]) {
        let Ok(mut view) = from_bytes::<ViewRecord>(bytes, limits::VALUE_BYTES_MAX) else { return };
        view.message.text = String::new();
        view.message.location = None;
        view.message.attachments = Vec::new();
        view.salt = None;
        self.put_view(ctx, &view);
    }

    /// Where something that was done to a post is kept beside it; without a post, beside the group's pins.
    pub(super) fn annotation_record(&self, post: Option<&EntryId>, order: OrderKey) -> RecordId {
        RecordId::annotation(self.g, post.map_or(ALL_PINS, beginning), order)
    }

    /// What was done to a post, first and last record; without a post, the group's pins.
    pub(crate) fn annotation_range(&self, post: Option<&EntryId>) -> (RecordId, RecordId) {
        let at = |byte| self.annotation_record(post, OrderKey([byte; OrderKey::LEN]));
        (at(0), at(0xff))
    }

    /// The record of the line that an entry became.
    pub(crate) fn line_record(&self, entry: &EntryId) -> Option<RecordId> {
        let place = self.logs.place_of(entry)?;
        self.shown.get(&place).map(|order| RecordId::view(self.g, order))
    }
}

/// Whether it may need an office (CV-2).
const fn is_by_office(body: &Body) -> bool {
    matches!(body, Body::Pin { .. } | Body::Retract { .. })
}

/// What a line shows of a content.
struct Words {
    kind: MessageKind,
    text: String,
    reply_to: Option<EntryId>,
    location: Option<Location>,
    attachments: Vec<Attachment>,
}

fn words_of(body: &Body) -> Words {
    let nothing = |kind| Words { kind, text: String::new(), reply_to: None, location: None, attachments: Vec::new() };
    match body {
        Body::Post(Post { text, reply_to, location, attachments, .. }) => Words {
            kind: MessageKind::Text,
            text: text.clone(),
            reply_to: *reply_to,
            location: location.clone(),
            attachments: attachments.clone(),
        },
        Body::Unreadable { .. } => nothing(MessageKind::Broken),
        Body::Edit { .. } | Body::Retract { .. } | Body::React { .. } | Body::Pin { .. } => {
            nothing(MessageKind::Annotation)
        }
        Body::Profile { .. } | Body::Newer { .. } => nothing(MessageKind::Newer),
    }
}

/// The first half of an id: what stands in keys (ST-31).
fn beginning(entry: &EntryId) -> [u8; 16] {
    core::array::from_fn(|n| entry.0.get(n).copied().unwrap_or(0))
}

fn check_text(text: &str) -> Result<(), CommandError> {
    if text.trim().is_empty() {
        return Err(CommandError::BadValue { field: "text" });
    }
    if text.len() > limits::TEXT_BYTES_MAX {
        return Err(CommandError::TooLarge { bytes: text.len(), max: limits::TEXT_BYTES_MAX });
    }
    Ok(())
}

/// By CV-4, at most 32 bytes, and nothing that reads as words. Which sequences are emojis changes every year, so the
/// list is the face's.
fn check_emoji(emoji: &str) -> Result<(), CommandError> {
    let is_word = |letter: char| letter.is_control() || letter.is_whitespace() || letter.is_alphabetic();
    let usable = !emoji.is_empty() && emoji.len() <= limits::EMOJI_BYTES_MAX && !emoji.chars().any(is_word);
    usable.then_some(()).ok_or(CommandError::BadValue { field: "emoji" })
}
