//! The values of the records that a group keeps beside ops and entries: itself, its lines, its outbox, its invites.
//!
//! Each is one canonical array that begins with a version, so that a later program can tell what an older one wrote.

use alloc::string::String;
use alloc::vec::Vec;

use crate::event::{MessageKind, MessageView};
use crate::ids::{EntryId, GroupId, InviteId, MembershipId, Output, SeatNumber};
use crate::limits;
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
}

impl Canonical for GroupRecord {
    fn write(&self, to: &mut Writer) {
        let standing = match self.standing {
            Standing::In => 0_u64,
            Standing::Leaving => 1,
            Standing::Out => 2,
        };
        to.array(6).uint(VERSION).bytes(self.gid).bytes(self.me).uint(standing);
        to.uint(self.synced_at_ms).uint(self.heard_at_ms);
    }

    fn read(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
        from.array(6)?;
        expect_version(from)?;
        let (gid, me) = (from.fixed()?, from.fixed()?);
        let standing = match from.uint()? {
            0 => Standing::In,
            1 => Standing::Leaving,
            2 => Standing::Out,
            _ => return Err(DecodeError::OutOfRange),
        };
        Ok(Self { gid, me, standing, synced_at_ms: from.uint()?, heard_at_ms: from.uint()? })
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
    }
}

const fn kind_of(number: u64) -> Option<MessageKind> {
    Some(match number {
        0 => MessageKind::Text,
        1 => MessageKind::Waiting,
        2 => MessageKind::BeforeMyTime,
        3 => MessageKind::Broken,
        4 => MessageKind::Newer,
        _ => return None,
    })
}

impl Canonical for ViewRecord {
    fn write(&self, to: &mut Writer) {
        let line = &self.message;
        to.array(12).uint(VERSION).bytes(line.entry).bytes(line.order).bytes(line.author);
        to.uint(line.sent_at_ms).uint(line.received_at_ms).uint(kind_number(line.kind)).text(&line.text);
        to.bool(line.counts).uint(self.place.0).uint(self.place.1).optional(self.salt.as_ref());
    }

    fn read(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
        from.array(12)?;
        expect_version(from)?;
        let (entry, order, author) = (from.fixed()?, from.fixed()?, from.fixed()?);
        let (sent_at_ms, received_at_ms) = (from.uint()?, from.uint()?);
        let kind = kind_of(from.uint()?).ok_or(DecodeError::OutOfRange)?;
        let text = from.text(limits::TEXT_BYTES_MAX)?;
        let counts = from.bool()?;
        let place = (from.small()?, from.uint()?);
        let salt = if from.is_null()? { None } else { Some(from.bytes(32)?.to_vec()) };
        let message = MessageView { entry, order, author, sent_at_ms, received_at_ms, kind, text, counts };
        Ok(Self { message, place, salt })
    }
}

impl MessageView {
    /// A line out of its stored record; nothing if it is not one.
    #[must_use]
    pub fn from_record(bytes: &[u8]) -> Option<Self> {
        from_bytes::<ViewRecord>(bytes, limits::VALUE_BYTES_MAX).ok().map(|record| record.message)
    }
}

/// Kind 0x16: a text that is not sealed yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct OutboxRecord {
    /// When it was written, ms since 1970.
    pub(crate) at_ms: u64,
    /// The words.
    pub(crate) text: String,
}

impl Canonical for OutboxRecord {
    fn write(&self, to: &mut Writer) {
        to.array(3).uint(VERSION).uint(self.at_ms).text(&self.text);
    }

    fn read(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
        from.array(3)?;
        expect_version(from)?;
        Ok(Self { at_ms: from.uint()?, text: from.text(limits::TEXT_BYTES_MAX)? })
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
            counts: true,
        };
        let record = ViewRecord { message: message.clone(), place: (3, 4), salt: Some(vec![1; 32]) };
        assert_eq!(MessageView::from_record(&to_bytes(&record)), Some(message));
        assert!(crate::timeline::order_key(5, &EntryId([0xff; 32])) < crate::timeline::order_key(6, &EntryId([0; 32])));
    }

    #[test]
    fn group_outbox_and_invite_read_back() {
        let group = GroupRecord {
            gid: GroupId([1; 32]),
            me: MembershipId([2; 32]),
            standing: Standing::Leaving,
            synced_at_ms: 3,
            heard_at_ms: 4,
        };
        assert_eq!(from_bytes::<GroupRecord>(&to_bytes(&group), 1_024), Ok(group));
        let outbox = OutboxRecord { at_ms: 9, text: "later".into() };
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
