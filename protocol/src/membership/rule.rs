//! Why an operation is refused for ever: one name per rule of admission (MB-A1 to MB-A8).

use crate::wire::DecodeError;

/// The rule that an operation breaks. The verdict depends on its bytes and on what it names, never on who asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
pub enum Rule {
    /// Longer than 2 048 bytes.
    #[error("too large")]
    TooLarge,
    /// Not canonical, a wrong shape, or text with control characters.
    #[error("bad encoding")]
    BadEncoding,
    /// Written by a version that this program doesn't know.
    #[error("unknown version")]
    UnknownVersion,
    /// A kind that format 1 doesn't have.
    #[error("unknown kind")]
    UnknownKind,
    /// Made for another group, or a second Genesis.
    #[error("wrong group")]
    WrongGroup,
    /// Made for another epoch.
    #[error("wrong epoch")]
    WrongEpoch,
    /// A signature or key that doesn't hold.
    #[error("bad signature")]
    BadSignature,
    /// The ticket or the claim under the link's key doesn't hold, or is bound to another key.
    #[error("bad ticket")]
    BadTicket,
    /// It names an operation that was refused.
    #[error("bad reference")]
    BadReference,
    /// `prev`, `seq` or the author's chain don't fit.
    #[error("bad chain")]
    BadChain,
    /// No dependencies, too many, unsorted, or without `prev`.
    #[error("bad deps")]
    BadDeps,
    /// Not one more than the largest of its dependencies.
    #[error("bad lamport")]
    BadLamport,
    /// The office isn't the author's, is missing, or stands where none belongs.
    #[error("bad office")]
    BadOffice,
    /// The body names something of the wrong kind, or a setting has the wrong type.
    #[error("bad target")]
    BadTarget,
    /// Too many office operations in one chain, or too deep an office.
    #[error("limit")]
    Limit,
}

impl Rule {
    /// The rule's id in the membership specification.
    #[must_use]
    pub const fn id(self) -> &'static str {
        match self {
            Self::TooLarge | Self::BadEncoding => "MB-A1",
            Self::UnknownVersion | Self::UnknownKind | Self::WrongGroup | Self::WrongEpoch => "MB-A2",
            Self::BadSignature | Self::BadTicket => "MB-A3",
            Self::BadReference => "MB-A4",
            Self::BadChain | Self::BadDeps | Self::BadLamport => "MB-A5",
            Self::BadOffice => "MB-A6",
            Self::BadTarget => "MB-A7",
            Self::Limit => "MB-A8",
        }
    }

    /// The word on the wire (`rejected:<code>`, MB-I8) and in diagnostics.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::TooLarge => "too_large",
            Self::BadEncoding => "bad_encoding",
            Self::UnknownVersion => "unknown_version",
            Self::UnknownKind => "unknown_kind",
            Self::WrongGroup => "wrong_group",
            Self::WrongEpoch => "wrong_epoch",
            Self::BadSignature => "bad_signature",
            Self::BadTicket => "bad_ticket",
            Self::BadReference => "bad_reference",
            Self::BadChain => "bad_chain",
            Self::BadDeps => "bad_deps",
            Self::BadLamport => "bad_lamport",
            Self::BadOffice => "bad_office",
            Self::BadTarget => "bad_target",
            Self::Limit => "limit",
        }
    }
}

impl From<DecodeError> for Rule {
    fn from(error: DecodeError) -> Self {
        match error {
            DecodeError::TooLarge => Self::TooLarge,
            DecodeError::NotCanonical | DecodeError::WrongShape | DecodeError::OutOfRange | DecodeError::Unknown => {
                Self::BadEncoding
            }
        }
    }
}
