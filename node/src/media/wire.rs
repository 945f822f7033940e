//! What is said on a stream of files (N-1201, N-1202): one question after another, each for one piece of one file, each
//! answered in turn.
//!
//! Question: root (32 bytes), number of the piece of 1 MiB (u32, big-endian). Answer: one byte, and behind a 0 the
//! length of the whole file (u64, big-endian), that of what follows (u32), and the piece with what proves it (bao's
//! combined encoding). Who asks is
//! known from the connection, so the question needs no name and no proof.

use coterie_protocol::BlobId;

pub(super) const QUESTION_BYTES: usize = 36;
/// Behind the first byte of an answer.
pub(super) const HEAD_BYTES: usize = 12;
/// A piece, and at most 64 bytes for each 16 KiB of it and for each level above.
pub(super) const ANSWER_BYTES_MAX: u32 = (1 << 20) + (16 << 10);

/// What stands between the first byte and the piece.
pub(super) fn head(length: u64, follows: u32) -> [u8; HEAD_BYTES] {
    let mut bytes = [0; HEAD_BYTES];
    let (whole, part) = bytes.split_at_mut(8);
    whole.copy_from_slice(&length.to_be_bytes());
    part.copy_from_slice(&follows.to_be_bytes());
    bytes
}

/// The same, read; none if more would follow than a piece has.
pub(super) fn read_head(bytes: [u8; HEAD_BYTES]) -> Option<(u64, u32)> {
    let (length, follows) = bytes.split_first_chunk::<8>()?;
    let follows = u32::from_be_bytes(follows.try_into().ok()?);
    (follows <= ANSWER_BYTES_MAX).then_some((u64::from_be_bytes(*length), follows))
}

/// One piece of one file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Question {
    pub(super) blob: BlobId,
    pub(super) piece: u32,
}

impl Question {
    pub(super) fn to_bytes(self) -> [u8; QUESTION_BYTES] {
        let mut bytes = [0; QUESTION_BYTES];
        let (root, piece) = bytes.split_at_mut(32);
        root.copy_from_slice(self.blob.as_ref());
        piece.copy_from_slice(&self.piece.to_be_bytes());
        bytes
    }

    pub(super) fn read(bytes: [u8; QUESTION_BYTES]) -> Option<Self> {
        let (root, piece) = bytes.split_first_chunk::<32>()?;
        Some(Self { blob: BlobId(*root), piece: u32::from_be_bytes(piece.try_into().ok()?) })
    }
}

/// The first byte of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Status {
    /// The piece follows.
    Follows,
    /// Not here, or not for you: the same byte for both (BL-11).
    Unknown,
    /// Not now.
    Busy,
}

impl Status {
    pub(super) const fn number(self) -> u8 {
        match self {
            Self::Follows => 0,
            Self::Unknown => 1,
            Self::Busy => 2,
        }
    }

    pub(super) const fn read(byte: u8) -> Option<Self> {
        match byte {
            0 => Some(Self::Follows),
            1 => Some(Self::Unknown),
            2 => Some(Self::Busy),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn n_1201_a_question_and_the_three_answers_have_one_form() {
        let question = Question { blob: BlobId([7; 32]), piece: 0x0102_0304 };
        let bytes = question.to_bytes();
        assert_eq!((bytes[31], &bytes[32..]), (7, &[1, 2, 3, 4][..]));
        assert_eq!(Question::read(bytes), Some(question));
        for status in [Status::Follows, Status::Unknown, Status::Busy] {
            assert_eq!(Status::read(status.number()), Some(status));
        }
        assert_eq!(Status::read(3), None);
        assert_eq!(read_head(head(5_000_000_000, 1_050_000)), Some((5_000_000_000, 1_050_000)));
        assert_eq!(read_head(head(1, u32::MAX)), None);
    }
}
