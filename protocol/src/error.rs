//! Errors by fault: whose fault it is decides the type.
//!
//! What a peer did wrong is a [`PeerFault`]: it never leaves the core as an `Err`, it becomes points on that
//! neighbour's account, a count in `status` and at some point an event. A refusal that depends on the state of
//! membership, or a missing parent, is no fault at all (N-211).

/// What a peer did that the protocol forbids.
///
/// By N-211, each fault has its points; the sum halves every ten minutes and ends the link at fifty.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, thiserror::Error)]
pub enum PeerFault {
    /// A body that is not the canonical encoding of its kind.
    #[error("undecodable frame")]
    Undecodable,
    /// A body longer than its kind may be.
    #[error("oversized frame")]
    Oversized,
    /// A kind below 0x80 that this version does not know.
    #[error("unknown kind of frame")]
    UnknownKind,
    /// A frame on a slot, or at a time, where its kind has no place.
    #[error("frame out of place")]
    OutOfPlace,
    /// The handshake of a link was not followed, or took too long.
    #[error("failed handshake")]
    Handshake,
    /// A signature that does not hold.
    #[error("bad signature")]
    BadSignature,
    /// An item that decodes but breaks a rule that its bytes alone decide.
    #[error("malformed item")]
    Malformed,
    /// Announced, asked for, and not given.
    #[error("announced but not delivered")]
    Undelivered,
    /// Given without having been asked for.
    #[error("unasked answer")]
    Unasked,
    /// More requests than the rates allow.
    #[error("over a request limit")]
    OverLimit,
    /// More GIVE bytes than the credit allowed.
    #[error("beyond the credit")]
    BeyondCredit,
    /// A knock that fits no link and no group here.
    #[error("knock that fits nothing")]
    Knock,
    /// A proof that does not hold: of a link's secret, or of being a member.
    #[error("wrong proof")]
    Proof,
    /// No progress within the time that strangers and joiners get.
    #[error("too slow")]
    TooSlow,
    /// More bytes than strangers and joiners may send.
    #[error("too many bytes")]
    TooManyBytes,
}

impl PeerFault {
    /// All of them, for tables and tests.
    pub const ALL: &'static [Self] = &[
        Self::Undecodable,
        Self::Oversized,
        Self::UnknownKind,
        Self::OutOfPlace,
        Self::Handshake,
        Self::BadSignature,
        Self::Malformed,
        Self::Undelivered,
        Self::Unasked,
        Self::OverLimit,
        Self::BeyondCredit,
        Self::Knock,
        Self::Proof,
        Self::TooSlow,
        Self::TooManyBytes,
    ];

    /// Points that a neighbour gets for it. Handshakes and knocks are counted apart (N-306, N-204).
    #[must_use]
    pub const fn points(self) -> u32 {
        match self {
            Self::Undecodable | Self::Oversized | Self::UnknownKind | Self::OutOfPlace | Self::BeyondCredit => 20,
            Self::BadSignature | Self::Malformed => 10,
            Self::Undelivered => 5,
            Self::Unasked => 2,
            Self::OverLimit => 1,
            Self::Handshake | Self::Knock | Self::Proof | Self::TooSlow | Self::TooManyBytes => 0,
        }
    }

    /// Its name in `status`: `refused: {reason: count}`. Stable.
    #[must_use]
    pub const fn reason(self) -> &'static str {
        match self {
            Self::Undecodable => "undecodable",
            Self::Oversized => "oversized",
            Self::UnknownKind => "unknown_kind",
            Self::OutOfPlace => "out_of_place",
            Self::Handshake => "handshake",
            Self::BadSignature => "bad_signature",
            Self::Malformed => "malformed",
            Self::Undelivered => "undelivered",
            Self::Unasked => "unasked",
            Self::OverLimit => "over_limit",
            Self::BeyondCredit => "beyond_credit",
            Self::Knock => "knock",
            Self::Proof => "wrong_proof",
            Self::TooSlow => "too_slow",
            Self::TooManyBytes => "too_many_bytes",
        }
    }
}

impl From<crate::wire::DecodeError> for PeerFault {
    fn from(error: crate::wire::DecodeError) -> Self {
        match error {
            crate::wire::DecodeError::TooLarge => Self::Oversized,
            crate::wire::DecodeError::NotCanonical
            | crate::wire::DecodeError::WrongShape
            | crate::wire::DecodeError::OutOfRange
            | crate::wire::DecodeError::Unknown => Self::Undecodable,
        }
    }
}

impl From<crate::crypto::sign::BadSignature> for PeerFault {
    fn from(_: crate::crypto::sign::BadSignature) -> Self {
        Self::BadSignature
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::collections::BTreeSet;

    #[test]
    fn n_211_every_fault_has_its_own_reason_and_the_points_of_the_table() {
        let reasons: BTreeSet<_> = PeerFault::ALL.iter().map(|fault| fault.reason()).collect();
        assert_eq!(reasons.len(), PeerFault::ALL.len());
        assert_eq!(PeerFault::Undecodable.points(), 20);
        assert_eq!(PeerFault::BadSignature.points(), 10);
        assert_eq!(PeerFault::Undelivered.points(), 5);
        assert_eq!(PeerFault::Unasked.points(), 2);
        assert_eq!(PeerFault::OverLimit.points(), 1);
    }
}
