//! The header of every frame on a link: `kind u8 ‖ slot u8 ‖ length u24 big-endian ‖ body` (N-401).
//!
//! The limit of its kind is checked on the header, before a byte of the body is taken. Kinds from 0x80 on are skipped
//! unread; numbers are append-only (tidy T9) and those of later releases are reserved here.
#![cfg_attr(not(test), deny(clippy::arithmetic_side_effects, clippy::as_conversions))]

use alloc::vec::Vec;
use bytes::Bytes;

use super::DecodeError;
use crate::limits::FRAME_HEADER_BYTES;

macro_rules! frame_kinds {
    ($(#[$doc:meta])* $name:ident { $($variant:ident = $number:literal, $priority:literal, $limit:expr;)+ }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        #[expect(missing_docs, reason = "the table of N-402 says what each kind is")]
        pub enum $name { $($variant),+ }

        impl $name {
            /// All kinds, by number.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The kind of a number.
            #[must_use]
            pub const fn from_number(number: u8) -> Option<Self> {
                match number { $($number => Some(Self::$variant),)+ _ => None }
            }

            /// The number of a kind.
            #[must_use]
            pub const fn number(self) -> u8 {
                match self { $(Self::$variant => $number),+ }
            }

            /// 0 first … 3 last (N-404).
            #[must_use]
            pub const fn priority(self) -> u8 {
                match self { $(Self::$variant => $priority),+ }
            }

            /// Body bytes at most.
            #[must_use]
            pub const fn body_bytes_max(self) -> usize {
                match self { $(Self::$variant => $limit),+ }
            }
        }
    };
}

const KIB: usize = 1_024;

frame_kinds! {
    /// Frames of `/coterie/group/1` (N-402).
    GroupFrame {
        Hello = 0x01, 0, 2 * KIB;
        Offer = 0x02, 0, 2 * KIB;
        Answer = 0x03, 0, 2 * KIB;
        Ready = 0x04, 0, 2 * KIB;
        Bye = 0x05, 0, 64;
        Twin = 0x06, 0, 64;
        Credit = 0x07, 0, 64;
        Again = 0x08, 0, 64;
        Drop = 0x0E, 0, 16;
        Push = 0x10, 1, 64 * KIB;
        Ihave = 0x11, 0, 8 * KIB;
        Graft = 0x12, 0, 8 * KIB;
        Prune = 0x13, 0, 8 * KIB;
        Fork = 0x14, 1, 96 * KIB;
        State = 0x20, 2, 256;
        Vector = 0x21, 2, 64 * KIB;
        Who = 0x22, 2, 32 * KIB;
        Logs = 0x23, 2, 32 * KIB;
        Want = 0x24, 2, 4 * KIB;
        Give = 0x25, 3, 64 * KIB;
        Gone = 0x26, 2, 4 * KIB;
        Cancel = 0x27, 0, 4 * KIB;
        Audit = 0x28, 2, 20 * KIB;
        Msync = 0x30, 1, 160 * KIB;
        Repair = 0x31, 2, 64;
        HistoryWant = 0x32, 2, 64;
        History = 0x33, 3, 64 * KIB;
        Addresses = 0x40, 2, 64 * KIB;
        LookupKey = 0x41, 1, 16 * KIB;
        BlobWant = 0x50, 2, KIB;
        BlobHave = 0x51, 2, KIB;
    }
}

frame_kinds! {
    /// Frames of `/coterie/join/1` (N-207 to N-209, MB-I6).
    JoinFrame {
        Knock = 0x01, 0, 512;
        Answer = 0x02, 0, 512;
        Prove = 0x10, 0, 64 * KIB;
        Envelope = 0x11, 0, 64 * KIB;
        Pick = 0x12, 0, 64 * KIB;
        Preview = 0x13, 0, 64 * KIB;
        Refuse = 0x14, 0, 64 * KIB;
        Fetch = 0x15, 0, 64 * KIB;
        Operations = 0x16, 0, 64 * KIB;
        Heads = 0x17, 0, 64 * KIB;
        Claim = 0x18, 0, 64 * KIB;
        Status = 0x19, 0, 64 * KIB;
        Introduce = 0x30, 0, 64 * KIB;
        Need = 0x31, 0, 64 * KIB;
        Ended = 0x32, 0, 64 * KIB;
    }
}

/// One frame as it came or goes: a kind's number, a slot and a body that nobody has read yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// Kind number; its meaning depends on the channel.
    pub kind: u8,
    /// Which shared group on this link; 0 = the link itself.
    pub slot: u8,
    /// One canonical CBOR array.
    pub body: Bytes,
}

/// The length that a frame's header claims for its body.
///
/// # Errors
/// `DecodeError::WrongShape` if these are not the five bytes of a header.
pub fn body_length(header: &[u8]) -> Result<usize, DecodeError> {
    let &[_, _, a, b, c] = header else { return Err(DecodeError::WrongShape) };
    Ok(usize::try_from(u32::from_be_bytes([0, a, b, c])).unwrap_or(usize::MAX))
}

impl Frame {
    /// The whole frame.
    #[must_use]
    pub fn to_bytes(&self) -> Bytes {
        let length = u32::try_from(self.body.len()).unwrap_or(u32::MAX).to_be_bytes();
        let mut bytes = Vec::with_capacity(FRAME_HEADER_BYTES.saturating_add(self.body.len()));
        bytes.extend_from_slice(&[self.kind, self.slot]);
        bytes.extend_from_slice(length.get(1..).unwrap_or_default());
        bytes.extend_from_slice(&self.body);
        Bytes::from(bytes)
    }

    /// Exactly one whole frame, as the shell hands it over.
    ///
    /// # Errors
    /// `DecodeError::WrongShape` if the header's length isn't the body's.
    pub fn from_bytes(bytes: &Bytes) -> Result<Self, DecodeError> {
        let header = bytes.get(..FRAME_HEADER_BYTES).ok_or(DecodeError::WrongShape)?;
        let body = bytes.slice(FRAME_HEADER_BYTES..);
        if body_length(header)? != body.len() {
            return Err(DecodeError::WrongShape);
        }
        match header {
            &[kind, slot, ..] => Ok(Self { kind, slot, body }),
            _ => Err(DecodeError::WrongShape),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn n_401_a_frame_reads_back_and_a_wrong_length_is_refused() {
        let frame = Frame { kind: 0x10, slot: 3, body: Bytes::from_static(&[0x80]) };
        let bytes = frame.to_bytes();
        assert_eq!(&bytes[..], &[0x10, 3, 0, 0, 1, 0x80]);
        assert_eq!(Frame::from_bytes(&bytes), Ok(frame));
        assert_eq!(Frame::from_bytes(&bytes.slice(..5)), Err(DecodeError::WrongShape));
        assert_eq!(Frame::from_bytes(&bytes.slice(..4)), Err(DecodeError::WrongShape));
    }

    #[test]
    fn n_402_numbers_are_unique_and_lead_back_to_their_kind() {
        for &kind in GroupFrame::ALL {
            assert_eq!(GroupFrame::from_number(kind.number()), Some(kind));
            assert!(kind.priority() <= 3 && kind.body_bytes_max() <= crate::limits::FRAME_BODY_BYTES_MAX);
        }
        for &kind in JoinFrame::ALL {
            assert_eq!(JoinFrame::from_number(kind.number()), Some(kind));
        }
    }
}
