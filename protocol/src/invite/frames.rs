//! Bodies of the frames on `/coterie/join/1` (N-207 to N-209, MB-I6), and what binds them to keys and nonces.
#![cfg_attr(not(test), deny(clippy::arithmetic_side_effects, clippy::as_conversions))]

use alloc::string::String;
use alloc::vec::Vec;
use bytes::Bytes;

use crate::crypto::{Field, Label, Secret, mac, mac16};
use crate::error::PeerFault;
use crate::ids::{GroupId, Heads, Instance, MemberKey, MembershipId, OperationId, Output, SeatNumber, Signature};
use crate::limits;
use crate::membership::{Setting, SettingKey, Terms};
use crate::wire::frame::{Frame, JoinFrame};
use crate::wire::{Canonical, DecodeError, Reader, Writer, from_bytes, to_bytes};

const VERSION: u64 = 1;
/// The longest word of STATUS.
const STATUS_BYTES_MAX: usize = 16;
/// NEED names at most so many (N-209).
const NEED_MAX: usize = 64;
/// Settings in a preview: keys are at most 63 (MB-Y1).
const PREVIEW_SETTINGS_MAX: usize = 64;

/// A frame of the join channel; slot 0 always.
#[must_use]
pub fn frame<T: Canonical>(kind: JoinFrame, body: &T) -> Frame {
    Frame { kind: kind.number(), slot: 0, body: Bytes::from(to_bytes(body)) }
}

/// Kind, place and size of a frame that came.
///
/// # Errors
/// The fault, before the body is read.
pub fn kind_of(frame: &Frame) -> Result<JoinFrame, PeerFault> {
    let kind = JoinFrame::from_number(frame.kind).ok_or(PeerFault::UnknownKind)?;
    if frame.slot != 0 {
        return Err(PeerFault::OutOfPlace);
    }
    if frame.body.len() > kind.body_bytes_max() { Err(PeerFault::Oversized) } else { Ok(kind) }
}

/// The body of a frame.
///
/// # Errors
/// The fault.
pub fn body<T: Canonical>(frame: &Frame) -> Result<T, PeerFault> {
    Ok(from_bytes(&frame.body, limits::FRAME_BODY_BYTES_MAX)?)
}

/// Both keys and both nonces of one join channel.
#[derive(Clone, Copy)]
pub struct Meeting {
    /// Who joins.
    pub joiner: MemberKey,
    /// Who serves.
    pub host: MemberKey,
    /// Of KNOCK.
    pub joiner_nonce: [u8; 32],
    /// Of ANSWER.
    pub host_nonce: [u8; 32],
}

impl Meeting {
    /// Rule N-207: the tag of KNOCK. Not bound to the host's key: the joiner may not know it.
    #[must_use]
    pub fn knock_tag(joiner: &MemberKey, nonce: &[u8; 32], key: &Secret<32>) -> [u8; 16] {
        mac16(key.expose(), Label::NetKnock, &[Field::B(&joiner.0), Field::B(nonce)])
    }

    /// By N-207, the host proves with ANSWER that it is a member.
    #[must_use]
    pub fn answer_mac(&self, key: &Secret<32>) -> [u8; 32] {
        self.fields(|fields| mac(key.expose(), Label::NetAnswer, fields))
    }

    /// What PROVE signs with the link's key (N-208, MB-I6).
    pub fn fields<T>(&self, then: impl FnOnce(&[Field<'_>]) -> T) -> T {
        then(&[
            Field::B(&self.joiner.0),
            Field::B(&self.host.0),
            Field::B(&self.joiner_nonce),
            Field::B(&self.host_nonce),
        ])
    }
}

/// 0x01, by the joiner.
pub struct Knock {
    /// Fresh.
    pub nonce: [u8; 32],
    /// Shows that the sender holds K.
    pub tag: [u8; 16],
}

impl Canonical for Knock {
    fn write(&self, to: &mut Writer) {
        to.array(3).uint(VERSION).bytes(self.nonce).bytes(self.tag);
    }
    fn read(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
        from.array(3)?;
        if from.uint()? != VERSION {
            return Err(DecodeError::Unknown);
        }
        Ok(Self { nonce: from.fixed()?, tag: from.fixed()? })
    }
}

/// 0x02, by the host.
pub struct Answer {
    /// Fresh.
    pub nonce: [u8; 32],
    /// Shows that the host holds K.
    pub mac: [u8; 32],
}

impl Canonical for Answer {
    fn write(&self, to: &mut Writer) {
        to.array(2).bytes(self.nonce).bytes(self.mac);
    }
    fn read(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
        from.array(2)?;
        Ok(Self { nonce: from.fixed()?, mac: from.fixed()? })
    }
}

/// 0x10, by the joiner.
pub struct Prove {
    /// Whose link it is.
    pub inviter: MemberKey,
    /// By the link's key.
    pub sig: Signature,
}

impl Canonical for Prove {
    fn write(&self, to: &mut Writer) {
        to.array(2).bytes(self.inviter).bytes(self.sig);
    }
    fn read(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
        from.array(2)?;
        Ok(Self { inviter: from.fixed()?, sig: from.fixed()? })
    }
}

/// 0x11, by the host: what the envelope's key opens.
pub struct Envelope {
    /// The group.
    pub gid: GroupId,
    /// The inviter's membership.
    pub mid: MembershipId,
    /// The link's last moment, ms since 1970.
    pub not_after: u64,
    /// Nonce and ciphertext (MB-I5).
    pub sealed: Vec<u8>,
}

impl Canonical for Envelope {
    fn write(&self, to: &mut Writer) {
        to.array(4).bytes(self.gid).bytes(self.mid).uint(self.not_after).bytes(&self.sealed);
    }
    fn read(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
        from.array(4)?;
        let (gid, mid, not_after) = (from.fixed()?, from.fixed()?, from.uint()?);
        Ok(Self { gid, mid, not_after, sealed: from.bytes(limits::ENVELOPE_BYTES_MAX)?.to_vec() })
    }
}

/// 0x12, by the joiner: one ticket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pick {
    /// What all tickets of the link say.
    pub terms: Terms,
    /// The seat.
    pub seat: SeatNumber,
    /// Its output.
    pub out: Output,
    /// By the issuer.
    pub ticket_sig: Signature,
}

impl Canonical for Pick {
    fn write(&self, to: &mut Writer) {
        to.array(Terms::ITEMS.saturating_add(3));
        self.terms.write(to);
        to.uint(self.seat.0).bytes(self.out).bytes(self.ticket_sig);
    }
    fn read(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
        from.array(Terms::ITEMS.saturating_add(3))?;
        let (terms, seat) = (Terms::read(from)?, SeatNumber(from.small()?));
        Ok(Self { terms, seat, out: from.fixed()?, ticket_sig: from.fixed()? })
    }
}

/// 0x13, by the host: what a person sees before agreeing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Preview {
    /// The group's name.
    pub name: String,
    /// What it is about.
    pub about: String,
    /// Seats taken.
    pub members: u8,
    /// Settings that differ from the defaults, by key.
    pub policy: Vec<(SettingKey, Setting)>,
}

impl Canonical for Preview {
    fn write(&self, to: &mut Writer) {
        to.array(4).text(&self.name).text(&self.about).uint(self.members).array(self.policy.len());
        self.policy.iter().for_each(|(key, value)| {
            to.array(2).uint(*key).item(value);
        });
    }
    fn read(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
        from.array(4)?;
        let (name, about) = (from.text(limits::NAME_BYTES_MAX)?, from.text(limits::ABOUT_BYTES_MAX)?);
        let members = from.small()?;
        let settings = (0..from.array_up_to(PREVIEW_SETTINGS_MAX)?).map(|_| {
            from.array(2)?;
            Ok((from.small()?, from.item()?))
        });
        Ok(Self { name, about, members, policy: settings.collect::<Result<_, _>>()? })
    }
}

/// 0x15, by the joiner: the person agreed.
pub struct Fetch;

impl Canonical for Fetch {
    fn write(&self, to: &mut Writer) {
        to.array(0);
    }
    fn read(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
        from.array(0).map(|()| Self)
    }
}

/// 0x16, 0x30, 0x32: operations, each an item of its own, judged by admission.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Operations(pub Vec<Vec<u8>>);

impl Canonical for Operations {
    fn write(&self, to: &mut Writer) {
        to.array(1).array(self.0.len());
        self.0.iter().for_each(|operation| {
            to.raw(operation);
        });
    }
    fn read(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
        from.array(1)?;
        let count = from.array_up_to(limits::JOIN_FRAME_OPERATIONS_MAX)?;
        let operations = (0..count).map(|_| match from.skip()? {
            operation if operation.len() <= limits::OPERATION_BYTES_MAX => Ok(operation.to_vec()),
            _ => Err(DecodeError::TooLarge),
        });
        operations.collect::<Result<_, _>>().map(Self)
    }
}

impl Operations {
    /// Frames of one kind that carry these operations in order.
    #[must_use]
    pub fn frames(kind: JoinFrame, operations: impl IntoIterator<Item = Vec<u8>>) -> Vec<Frame> {
        let (mut frames, mut next, mut size) = (Vec::new(), Self::default(), 0_usize);
        for operation in operations {
            let grown = size.saturating_add(operation.len());
            if grown > limits::JOIN_FRAME_FILL_BYTES || next.0.len() >= limits::JOIN_FRAME_OPERATIONS_MAX {
                frames.push(frame(kind, &core::mem::take(&mut next)));
                size = 0;
            }
            size = size.saturating_add(operation.len());
            next.0.push(operation);
        }
        if !next.0.is_empty() {
            frames.push(frame(kind, &next));
        }
        frames
    }
}

/// 0x17, by the host, after all operations.
pub struct HeadsBody(pub Heads);

impl Canonical for HeadsBody {
    fn write(&self, to: &mut Writer) {
        to.array(1).item(&self.0);
    }
    fn read(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
        from.array(1)?;
        from.item().map(Self)
    }
}

/// 0x18, by the joiner: the Join, and the opening Leaf of its first log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// Bytes of the signed Join.
    pub join: Vec<u8>,
    /// The joiner's installation.
    pub inst: Instance,
    /// Bytes of entry 0.
    pub entry: Vec<u8>,
}

impl Canonical for Claim {
    fn write(&self, to: &mut Writer) {
        to.array(3).raw(&self.join).bytes(self.inst).raw(&self.entry);
    }
    fn read(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
        from.array(3)?;
        let (join, inst, entry) = (from.skip()?.to_vec(), from.fixed()?, from.skip()?.to_vec());
        let fits = join.len() <= limits::OPERATION_BYTES_MAX && entry.len() <= limits::ENTRY_BYTES_MAX;
        fits.then_some(Self { join, inst, entry }).ok_or(DecodeError::TooLarge)
    }
}

/// 0x19, by the host: what its own view says of the newcomer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// Keyed: keys follow.
    Seated,
    /// Waits for a Confirm.
    Pending,
}

impl Canonical for Status {
    fn write(&self, to: &mut Writer) {
        to.array(1).text(match self {
            Self::Seated => "seated",
            Self::Pending => "pending",
        });
    }
    fn read(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
        from.array(1)?;
        match from.text(STATUS_BYTES_MAX)?.as_str() {
            "seated" => Ok(Self::Seated),
            "pending" => Ok(Self::Pending),
            _ => Err(DecodeError::Unknown),
        }
    }
}

/// 0x31, by the host: operations that the newcomer's own have named. Empty: nothing more, the newcomer is in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Need(pub Vec<OperationId>);

impl Canonical for Need {
    fn write(&self, to: &mut Writer) {
        to.array(1).list(&self.0);
    }
    fn read(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
        from.array(1)?;
        from.list(NEED_MAX).map(Self)
    }
}

impl Need {
    /// Of many the first 64.
    #[must_use]
    pub fn of(mut missing: Vec<OperationId>) -> Self {
        missing.truncate(NEED_MAX);
        Self(missing)
    }
}
