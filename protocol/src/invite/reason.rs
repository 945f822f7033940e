//! Why a host refuses a ticket or a claim (REFUSE, 0x14).
#![cfg_attr(not(test), deny(clippy::arithmetic_side_effects, clippy::as_conversions))]

use alloc::borrow::ToOwned;
use alloc::string::String;

use crate::membership::Rule;
use crate::wire::{Canonical, DecodeError, Reader, Writer};

/// The longest reason: `rejected:` and an admission code.
const REASON_BYTES_MAX: usize = 48;
const REJECTED: &str = "rejected:";

/// Why a host refuses. Rule MB-I8: only somebody who proved the secret ever gets one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reason {
    /// The seat's output went to somebody.
    Used,
    /// A Bump, Reclaim or Transfer took it back, or the link is tainted.
    Withdrawn,
    /// Its last moment has passed (MB-I7).
    Expired,
    /// The issuing office stands no more.
    InviterGone,
    /// The joiner's key is banned.
    Banned,
    /// The joiner's key sits there already.
    AlreadyMember,
    /// No seat is free.
    Full,
    /// An operation is not admitted, and by which rule; the word as the host sent it.
    Rejected(String),
}

impl Reason {
    /// From the rule that admission names.
    #[must_use]
    pub fn rejected(rule: Rule) -> Self {
        Self::Rejected(rule.code().to_owned())
    }

    const fn plain(&self) -> Option<&'static str> {
        match self {
            Self::Used => Some("used"),
            Self::Withdrawn => Some("withdrawn"),
            Self::Expired => Some("expired"),
            Self::InviterGone => Some("inviter_gone"),
            Self::Banned => Some("banned"),
            Self::AlreadyMember => Some("already_member"),
            Self::Full => Some("full"),
            Self::Rejected(_) => None,
        }
    }

    /// Whether another ticket of the same link cannot fare better.
    #[must_use]
    pub const fn is_final(&self) -> bool {
        match self {
            Self::Expired | Self::InviterGone | Self::Banned | Self::AlreadyMember | Self::Full => true,
            Self::Used | Self::Withdrawn | Self::Rejected(_) => false,
        }
    }

    /// Rule R-18: of several tickets' reasons the one to show; `withdrawn` wins over `used`, `used` over `rejected`.
    #[must_use]
    pub fn stronger(self, other: Self) -> Self {
        let weight = |reason: &Self| match reason {
            Self::Rejected(_) => 0_u8,
            Self::Used => 1,
            Self::Withdrawn => 2,
            Self::Full | Self::Expired | Self::AlreadyMember | Self::InviterGone | Self::Banned => 3,
        };
        if weight(&other) > weight(&self) { other } else { self }
    }
}

impl Canonical for Reason {
    fn write(&self, to: &mut Writer) {
        to.array(1);
        match (self.plain(), self) {
            (None, Self::Rejected(code)) => to.text(&[REJECTED, code].concat()),
            (word, _) => to.text(word.unwrap_or_default()),
        };
    }
    fn read(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
        from.array(1)?;
        let word = from.text(REASON_BYTES_MAX)?;
        let plain = [
            Self::Used,
            Self::Withdrawn,
            Self::Expired,
            Self::InviterGone,
            Self::Banned,
            Self::AlreadyMember,
            Self::Full,
        ];
        if let Some(reason) = plain.into_iter().find(|reason| reason.plain() == Some(&word)) {
            return Ok(reason);
        }
        let code = word.strip_prefix(REJECTED).ok_or(DecodeError::Unknown)?;
        // A code goes into a person's face: a word, whatever the host sends.
        let is_word = !code.is_empty() && code.bytes().all(|c| c.is_ascii_lowercase() || c == b'_');
        is_word.then(|| Self::Rejected(code.to_owned())).ok_or(DecodeError::OutOfRange)
    }
}
