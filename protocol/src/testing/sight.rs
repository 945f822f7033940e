//! What an observer of a disk can tell of chains and entries: whose, which number, from where on. For invariants about
//! keys (INV-C2 to C4, INV-D3); no secret leaves.

use crate::encryption::secrets::chain_place;
use crate::ids::LogId;
use crate::limits;
use crate::log::entry::{self, HeadKind};
use crate::wire::{Reader, from_bytes};

/// A stored chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Chain {
    /// Whose log.
    pub log: LogId,
    /// Which epoch.
    pub epoch: u64,
    /// The first index that its holder could ever read.
    pub first: u64,
}

/// The head of a stored entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// Its number in the log.
    pub seq: u64,
    /// What it does.
    pub kind: Kind,
}

/// What an entry does, as far as its head says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A leaf key; `opens` a log that goes on from another one of the same person.
    Leaf {
        /// Whether it is the first entry of a further installation.
        opens: bool,
    },
    /// A fresh chain, for this reason.
    Rekey(u64),
    /// The current chain key for somebody, for this reason.
    Grant(u64),
    /// Words, under this key and nonce.
    Message {
        /// The epoch.
        epoch: u64,
        /// The index.
        index: u64,
        /// The nonce.
        nonce: [u8; 24],
    },
    /// Anything else.
    Other,
}

/// Reads the value of a chain's record.
#[must_use]
pub fn chain_of(value: &[u8]) -> Option<Chain> {
    let (log, epoch, first) = chain_place(value)?;
    Some(Chain { log, epoch, first })
}

/// Reads the head of a signed entry.
#[must_use]
pub fn head_of(signed: &[u8]) -> Option<Head> {
    let mut from = Reader::new(signed);
    from.array(4).ok()?;
    let bytes = from.bytes(limits::HEAD_BYTES_MAX).ok()?;
    let head: entry::Head = from_bytes(bytes, limits::HEAD_BYTES_MAX).ok()?;
    let kind = match head.kind {
        HeadKind::Message { epoch, index, nonce } => Kind::Message { epoch, index, nonce },
        HeadKind::Leaf { prior, .. } => Kind::Leaf { opens: prior.is_some() },
        HeadKind::Rekey { reason, .. } => Kind::Rekey(reason),
        HeadKind::KeyGrant { reason, .. } => Kind::Grant(reason),
        HeadKind::GrantEnvelope { .. } | HeadKind::Opaque { .. } => Kind::Other,
    };
    Some(Head { seq: head.seq, kind })
}
