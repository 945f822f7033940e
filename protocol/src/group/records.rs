//! The values of the records that a group keeps beside ops and entries: itself, its lines, its outbox, its invites.
//!
//! Each is one canonical array that begins with a version, so that a later program can tell what an older one wrote. What
//! came later stands at the end, and is left out where it says nothing: so the bytes of the first days are the canonical
//! form of what they say, to this day.

use alloc::vec::Vec;

use crate::event::{MessageKind, MessageView};
use crate::ids::{EntryId, GroupId, InviteId, MembershipId, Output, SeatNumber};
use crate::limits;
use crate::timeline::annotations::{Annotation, Right};
use crate::timeline::content::{Body, Post};
use crate::wire::{Canonical, DecodeError, Reader, Writer, from_bytes};

/// Version of every record in this file.
const VERSION: u64 = 1;

fn expect_version(from: &mut Reader<'_>) -> Result<(), DecodeError> {
    (from.uint()? == VERSION).then_some(()).ok_or(DecodeError::Unknown)
}

/// What one is in a group, as stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    /// Taking part, or waiting to.
    In,
    /// One's own Leave was made, and no member is known to have taken it yet (E-70).
    Leaving,
    /// One's own Leave was taken, or one's removal has been learned.
    Out,
}

/// Kind 0x10: a group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct GroupRecord {
    /// Which.
    pub(crate) gid: GroupId,
    /// One's own membership there.
    pub(crate) me: MembershipId,
    /// What one is there.
    pub(crate) standing: Standing,
    /// When a sync was last complete, ms since 1970; 0 = never.
    pub(crate) synced_at_ms: u64,
    /// When one last heard of any member, ms since 1970.
    pub(crate) heard_at_ms: u64,
    /// For how many days one keeps what was said; 0 = for ever (ST-110).
    pub(crate) keep_days: u16,
    /// Until when the group is muted, ms since 1970; 0 = it isn't, 2^53 - 1 = until it is undone (CV-11).
    pub(crate) muted_until_ms: u64,
}

impl Canonical for GroupRecord {
    fn write(&self, to: &mut Writer) {
        let standing = match self.standing {
            Standing::In => 0_u64,
            Standing::Leaving => 1,
            Standing::Out => 2,
        };
        let fields = match (self.keep_days, self.muted_until_ms) {
            (0, 0) => 6,
            (_, 0) => 7,
            _ => 8,
        };
        to.array(fields).uint(VERSION).bytes(self.gid).bytes(self.me).uint(standing);
        to.uint(self.synced_at_ms).uint(self.heard_at_ms);
        if fields > 6 {
            to.uint(self.keep_days);
        }
        if fields > 7 {
            to.uint(self.muted_until_ms);
        }
    }

    fn read(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let fields = from.array_up_to(8)?;
        expect_version(from)?;
        let (gid, me) = (from.fixed()?, from.fixed()?);
        let standing = match from.uint()? {
            0 => Standing::In,
            1 => Standing::Leaving,
            2 => Standing::Out,
            _ => return Err(DecodeError::OutOfRange),
        };
        let (synced_at_ms, heard_at_ms) = (from.uint()?, from.uint()?);
        let (keep_days, muted_until_ms) = match fields {
            6 => (0, 0),
            7 => (from.small()?, 0),
            8 => (from.small()?, from.uint()?),
            _ => return Err(DecodeError::WrongShape),
        };
        Ok(Self { gid, me, standing, synced_at_ms, heard_at_ms, keep_days, muted_until_ms })
    }
}

/// Kind 0x14: a line of the timeline.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ViewRecord {
    /// The line as faces see it.
    pub(crate) message: MessageView,
    /// Where its entry lies: number of the branch and seq.
    pub(crate) place: (u32, u64),
    /// Of an own message, the salt that could prove its words (E-61).
    pub(crate) salt: Option<Vec<u8>>,
}

const fn kind_number(kind: MessageKind) -> u64 {
    match kind {
        MessageKind::Text => 0,
        MessageKind::Waiting => 1,
        MessageKind::BeforeMyTime => 2,
        MessageKind::Broken => 3,
        MessageKind::Newer => 4,
        MessageKind::Annotation => 5,
    }
}

const fn kind_of(number: u64) -> Option<MessageKind> {
    Some(match number {
        0 => MessageKind::Text,
        1 => MessageKind::Waiting,
        2 => MessageKind::BeforeMyTime,
        3 => MessageKind::Broken,
        4 => MessageKind::Newer,
        5 => MessageKind::Annotation,
        _ => return None,
    })
}

impl Canonical for ViewRecord {
    fn write(&self, to: &mut Writer) {
        let line = &self.message;
        let fields = match (&line.location, &line.annotation, line.reply_to) {
            _ if !line.attachments.is_empty() => 16,
            (Some(_), ..) => 15,
            (None, None, None) => 12,
            (None, ..) => 14,
        };
        to.array(fields).uint(VERSION).bytes(line.entry).bytes(line.order).bytes(line.author);
        to.uint(line.sent_at_ms).uint(line.received_at_ms).uint(kind_number(line.kind)).text(&line.text);
        to.bool(line.counts).uint(self.place.0).uint(self.place.1).optional(self.salt.as_ref());
        if fields == 12 {
            return;
        }
        to.optional(line.reply_to);
        match &line.annotation {
            Some(annotation) => to.item(annotation),
            None => to.null(),
        };
        match &line.location {
            Some(location) => {
                to.item(location);
            }
            None if fields == 16 => {
                to.null();
            }
            None => {}
        }
        if fields == 16 {
            to.list(&line.attachments);
        }
    }

    fn read(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let fields = from.array_up_to(16)?;
        expect_version(from)?;
        let (entry, order, author) = (from.fixed()?, from.fixed()?, from.fixed()?);
        let (sent_at_ms, received_at_ms) = (from.uint()?, from.uint()?);
        let kind = kind_of(from.uint()?).ok_or(DecodeError::OutOfRange)?;
        let text = from.text(limits::TEXT_BYTES_MAX)?;
        let counts = from.bool()?;
        let place = (from.small()?, from.uint()?);
        let salt = if from.is_null()? { None } else { Some(from.bytes(32)?.to_vec()) };
        let (reply_to, annotation) = match fields {
            12 => (None, None),
            14..=16 => (from.optional()?, if from.is_null()? { None } else { Some(from.item()?) }),
            _ => return Err(DecodeError::WrongShape),
        };
        let has_place = fields == 15 || (fields == 16 && !from.is_null()?);
        let location = if has_place { Some(from.item()?) } else { None };
        let attachments = if fields == 16 { from.list(limits::ATTACHMENTS_MAX)? } else { Vec::new() };
        let message = MessageView {
            entry,
            order,
            author,
            sent_at_ms,
            received_at_ms,
            kind,
            text,
            reply_to,
            location,
            attachments,
            annotation,
            counts,
        };
        Ok(Self { message, place, salt })
    }
}

impl Canonical for Annotation {
    fn write(&self, to: &mut Writer) {
        let right = match self.right {
            Right::Member => 0_u64,
            Right::Office => 1,
        };
        to.array(4).bytes(self.target).uint(right);
        write_body(to, &self.clone().into_body());
    }

    fn read(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
        from.array(4)?;
        let target: EntryId = from.fixed()?;
        let right = match from.uint()? {
            0 => Right::Member,
            1 => Right::Office,
            _ => return Err(DecodeError::OutOfRange),
        };
        Self::of(&read_body(from)?, right).filter(|read| read.target == target).ok_or(DecodeError::OutOfRange)
    }
}

/// A body as two items: its kind and the list of its fields.
fn write_body(to: &mut Writer, body: &Body) {
    let fields = body.fields();
    to.uint(body.kind()).array(fields.len());
    for field in fields {
        to.bytes(field);
    }
}

fn read_body(from: &mut Reader<'_>) -> Result<Body, DecodeError> {
    let kind = from.uint()?;
    let count = from.array_up_to(limits::CONTENT_FIELDS_MAX)?;
    let mut fields = Vec::new();
    for _ in 0..count {
        fields.push(from.bytes(limits::PLAINTEXT_BYTES_MAX)?);
    }
    Body::read(kind, &fields)
}

impl MessageView {
    /// A line out of its stored record; nothing if it is not one.
    #[must_use]
    pub fn from_record(bytes: &[u8]) -> Option<Self> {
        from_bytes::<ViewRecord>(bytes, limits::VALUE_BYTES_MAX).ok().map(|record| record.message)
    }
}

/// Kind 0x16: something said that is not sealed yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct OutboxRecord {
    /// When it was written, ms since 1970.
    pub(crate) at_ms: u64,
    /// What is said.
    pub(crate) body: Body,
}

impl Canonical for OutboxRecord {
    fn write(&self, to: &mut Writer) {
        if let Body::Post(post) = &self.body
            && *post == (Post { text: post.text.clone(), ..Post::default() })
        {
            to.array(3).uint(VERSION).uint(self.at_ms).text(&post.text);
        } else {
            to.array(4).uint(VERSION).uint(self.at_ms);
            write_body(to, &self.body);
        }
    }

    fn read(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let fields = from.array_up_to(4)?;
        expect_version(from)?;
        let at_ms = from.uint()?;
        let body = match fields {
            // Words only.
            3 => Body::Post(Post { text: from.text(limits::TEXT_BYTES_MAX)?, ..Post::default() }),
            4 => read_body(from)?,
            _ => return Err(DecodeError::WrongShape),
        };
        Ok(Self { at_ms, body })
    }
}

/// Kind 0x1E: an invite of one's own. Its secret lies apart, under the rotating key (kind 0x84).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct InviteRecord {
    /// Its public name.
    pub(crate) id: InviteId,
    /// When it was made, ms since 1970.
    pub(crate) created_at_ms: u64,
    /// Its last moment, ms since 1970.
    pub(crate) not_after_ms: u64,
    /// Whether it was withdrawn by hand.
    pub(crate) revoked: bool,
    /// The entry that carries its envelope.
    pub(crate) envelope: EntryId,
    /// The tickets: which outputs it may consume.
    pub(crate) outputs: Vec<(SeatNumber, Output)>,
}

impl Canonical for InviteRecord {
    fn write(&self, to: &mut Writer) {
        to.array(7).uint(VERSION).bytes(self.id).uint(self.created_at_ms).uint(self.not_after_ms).bool(self.revoked);
        to.bytes(self.envelope).array(self.outputs.len());
        for (seat, output) in &self.outputs {
            to.array(2).uint(seat.0).bytes(output);
        }
    }

    fn read(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
        from.array(7)?;
        expect_version(from)?;
        let (id, created_at_ms, not_after_ms) = (from.fixed()?, from.uint()?, from.uint()?);
        let (revoked, envelope) = (from.bool()?, from.fixed()?);
        let count = from.array_up_to(limits::TICKETS_MAX)?;
        let mut outputs = Vec::new();
        for _ in 0..count {
            from.array(2)?;
            outputs.push((SeatNumber(from.small()?), from.fixed()?));
        }
        Ok(Self { id, created_at_ms, not_after_ms, revoked, envelope, outputs })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::timeline::content::Location;
    use crate::wire::to_bytes;
    use alloc::vec;

    #[test]
    fn a_line_reads_back_as_written_and_its_order_is_tick_then_id() {
        let entry = EntryId([7; 32]);
        let message = MessageView {
            entry,
            order: crate::timeline::order_key(5, &entry),
            author: MembershipId([2; 32]),
            sent_at_ms: 1,
            received_at_ms: 2,
            kind: MessageKind::Text,
            text: "@name #x is plain text".into(),
            reply_to: None,
            location: None,
            attachments: Vec::new(),
            annotation: None,
            counts: true,
        };
        let place =
            Location { lat_e7: 387_100_000, lon_e7: -91_400_000, radius_m: 1_000, label: Some("the quay".into()) };
        for (location, files) in [(None, 0), (Some(place.clone()), 0), (None, 1), (Some(place), 10)] {
            let attachments = vec![crate::blob::a_full_one(); files];
            let message = MessageView { location, attachments, ..message.clone() };
            let record = ViewRecord { message: message.clone(), place: (3, 4), salt: Some(vec![1; 32]) };
            assert_eq!(MessageView::from_record(&to_bytes(&record)), Some(message));
        }
        assert!(crate::timeline::order_key(5, &EntryId([0xff; 32])) < crate::timeline::order_key(6, &EntryId([0; 32])));
    }

    /// What programs wrote before there were answers, and before words could be kept for some days only.
    #[test]
    fn st_120_records_of_the_first_days_read_as_what_they_said_and_are_written_the_same() {
        let mut group = Writer::default();
        group.array(6).uint(VERSION).bytes([1; 32]).bytes([2; 32]).uint(0_u64).uint(3_u64).uint(4_u64);
        let group = group.into_bytes();
        let read = from_bytes::<GroupRecord>(&group, 1_024).unwrap();
        assert_eq!((read.keep_days, read.muted_until_ms, to_bytes(&read)), (0, 0, group));

        let mut view = Writer::default();
        view.array(12).uint(VERSION).bytes([1; 32]).bytes([2; 16]).bytes([3; 32]).uint(5_u64).uint(6_u64).uint(0_u64);
        view.text("words").bool(true).uint(7_u64).uint(8_u64).null();
        let view = view.into_bytes();
        let read = from_bytes::<ViewRecord>(&view, 1_024).unwrap();
        assert_eq!((read.message.text.as_str(), to_bytes(&read)), ("words", view));

        let mut outbox = Writer::default();
        outbox.array(3).uint(VERSION).uint(9_u64).text("soon");
        let outbox = outbox.into_bytes();
        let read = from_bytes::<OutboxRecord>(&outbox, 1_024).unwrap();
        assert!(matches!(&read.body, Body::Post(post) if post.text == "soon"));
        assert_eq!(to_bytes(&read), outbox);
    }

    #[test]
    fn group_outbox_and_invite_read_back() {
        let group = GroupRecord {
            gid: GroupId([1; 32]),
            me: MembershipId([2; 32]),
            standing: Standing::Leaving,
            synced_at_ms: 3,
            heard_at_ms: 4,
            keep_days: 30,
            muted_until_ms: 0,
        };
        assert_eq!(from_bytes::<GroupRecord>(&to_bytes(&group), 1_024), Ok(group.clone()));
        for (keep_days, muted_until_ms) in [(0, 0), (0, 5), (30, limits::INTEGER_MAX)] {
            let other = GroupRecord { keep_days, muted_until_ms, ..group.clone() };
            assert_eq!(from_bytes::<GroupRecord>(&to_bytes(&other), 1_024), Ok(other));
        }
        let outbox = OutboxRecord { at_ms: 9, body: Body::Retract { target: EntryId([4; 32]) } };
        assert_eq!(from_bytes::<OutboxRecord>(&to_bytes(&outbox), 1_024), Ok(outbox));
        let invite = InviteRecord {
            id: InviteId([1; 16]),
            created_at_ms: 1,
            not_after_ms: 2,
            revoked: false,
            envelope: EntryId([3; 32]),
            outputs: vec![(SeatNumber(1), Output([4; 32])), (SeatNumber(2), Output([5; 32]))],
        };
        assert_eq!(from_bytes::<InviteRecord>(&to_bytes(&invite), 1_024), Ok(invite));
    }
}
