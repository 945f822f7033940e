//! Each live secret as a record, and nothing else about it: names, values, changes (E-64, E-65, E-92).
//!
//! Values are canonical CBOR in buffers that are wiped; the store seals them under the rotating key. A change is plain
//! data: `group` puts it into the batch of the entries it belongs to, so no ciphertext can leave while its index is
//! still free. Secrets have no serialiser outside this file.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use super::ratchet::Chain;
use crate::crypto::{Secret, Zeroizing};
use crate::ids::{EntryId, Instance, LeafKey, LogId, MembershipId};
use crate::limits;
use crate::wire::{DecodeError, Reader, Writer};

/// Format of these records.
const VERSION: u64 = 1;

/// Which secret a record holds; enough to make its key from.
///
/// Chains carry the Rekey's id beside the epoch: the branches of a forked log have chains of one epoch (E-45).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum SecretName {
    /// Kind 0x80: the chain of one epoch.
    Chain {
        /// Whose log.
        log: LogId,
        /// Its epoch.
        epoch: u64,
        /// The Rekey that started it.
        rekey: EntryId,
    },
    /// Kind 0x81: a page of at most 512 skipped message keys of a chain.
    Skipped {
        /// Whose log.
        log: LogId,
        /// Its epoch.
        epoch: u64,
        /// The Rekey that started it.
        rekey: EntryId,
        /// Index divided by 512.
        page: u16,
    },
    /// Kind 0x19: the seed of an epoch that the settings keep (E-88).
    Seed {
        /// Whose log.
        log: LogId,
        /// Its epoch.
        epoch: u64,
        /// The Rekey that started it.
        rekey: EntryId,
    },
    /// Kind 0x82: the secret half of an own leaf key.
    Leaf {
        /// Its number.
        generation: u64,
    },
}

/// One change of the live secrets. No `Clone`, no `Debug`.
pub enum SecretChange {
    /// This secret is now that.
    Put {
        /// Which.
        name: SecretName,
        /// Its record, to be sealed; wiped on drop.
        value: Zeroizing<Vec<u8>>,
    },
    /// This secret is no more.
    Erase {
        /// Which.
        name: SecretName,
    },
}

impl SecretChange {
    /// Which secret it is about.
    #[must_use]
    pub const fn name(&self) -> &SecretName {
        match self {
            Self::Put { name, .. } | Self::Erase { name } => name,
        }
    }
}

/// A chain that was replaced: what remains to be read of it (E-45).
#[derive(Clone, Copy)]
pub(super) struct Replaced {
    /// Its messages have indices below this.
    pub(super) len: u64,
    /// Since when, own clock, ms.
    pub(super) since: u64,
}

/// A message key that was jumped over (E-73).
pub(super) struct Skipped {
    pub(super) key: Secret<32>,
    /// Since when, own clock, ms.
    pub(super) since: u64,
}

/// A chain that this installation holds: a sender's, or its own.
pub(super) struct Held {
    pub(super) log: LogId,
    pub(super) epoch: u64,
    /// The Rekey of the epoch before in the same branch.
    pub(super) previous: Option<EntryId>,
    /// Length of the epoch before.
    pub(super) prev_len: u64,
    /// First index that this installation can read.
    pub(super) first: u64,
    /// Since when, own clock, ms.
    pub(super) since: u64,
    pub(super) chain: Chain,
    pub(super) replaced: Option<Replaced>,
    pub(super) skipped: BTreeMap<u64, Skipped>,
}

/// The secret half of an own leaf (E-93).
pub(super) struct OwnLeaf {
    pub(super) pk: LeafKey,
    pub(super) secret: Secret<32>,
    /// When the next one was published, own clock, ms.
    pub(super) replaced: Option<u64>,
}

/// The page that an index lies on.
pub(super) fn page_of(index: u64) -> u16 {
    u16::try_from(index.checked_div(limits::SKIPPED_PER_PAGE).unwrap_or(0)).unwrap_or(u16::MAX)
}

impl Held {
    pub(super) const fn name(&self, rekey: EntryId) -> SecretName {
        SecretName::Chain { log: self.log, epoch: self.epoch, rekey }
    }

    pub(super) const fn page_name(&self, rekey: EntryId, page: u16) -> SecretName {
        SecretName::Skipped { log: self.log, epoch: self.epoch, rekey, page }
    }

    pub(super) fn put(&self, rekey: EntryId) -> SecretChange {
        SecretChange::Put { name: self.name(rekey), value: self.encode(rekey) }
    }

    /// The page as it is now, or its end if nothing is left on it.
    pub(super) fn put_page(&self, rekey: EntryId, page: u16) -> SecretChange {
        let keys: Vec<(&u64, &Skipped)> = self.skipped.iter().filter(|(index, _)| page_of(**index) == page).collect();
        let name = self.page_name(rekey, page);
        if keys.is_empty() {
            return SecretChange::Erase { name };
        }
        let mut to = Writer::with_capacity(keys.len().saturating_mul(48).saturating_add(64));
        to.array(4).uint(VERSION).bytes(rekey).uint(page).array(keys.len());
        for (index, skipped) in keys {
            to.array(3).uint(*index).bytes(skipped.key.expose()).uint(skipped.since);
        }
        SecretChange::Put { name, value: Zeroizing::new(to.into_bytes()) }
    }

    /// Every page that has something on it.
    pub(super) fn pages(&self) -> Vec<u16> {
        let mut pages: Vec<u16> = self.skipped.keys().map(|&index| page_of(index)).collect();
        pages.dedup();
        pages
    }

    fn encode(&self, rekey: EntryId) -> Zeroizing<Vec<u8>> {
        let mut to = Writer::with_capacity(256);
        to.array(12).uint(VERSION).bytes(rekey).bytes(self.log.mid).bytes(self.log.inst).uint(self.epoch);
        to.optional(self.previous).uint(self.prev_len).uint(self.first).uint(self.since);
        to.uint(self.chain.index()).bytes(self.chain.key().expose());
        match self.replaced {
            Some(Replaced { len, since }) => to.array(2).uint(len).uint(since),
            None => to.null(),
        };
        Zeroizing::new(to.into_bytes())
    }

    /// Reads a chain back.
    pub(super) fn decode(value: &[u8]) -> Result<(EntryId, Self), DecodeError> {
        let mut from = Reader::new(value);
        from.array(12)?;
        version(&mut from)?;
        let rekey = from.fixed()?;
        let log = LogId { mid: from.fixed::<MembershipId>()?, inst: from.fixed::<Instance>()? };
        let (epoch, previous) = (from.uint()?, from.optional()?);
        let (prev_len, first, since, index) = (from.uint()?, from.uint()?, from.uint()?, from.uint()?);
        let chain = Chain::at(from.fixed()?, index);
        let replaced = if from.is_null()? {
            None
        } else {
            from.array(2)?;
            Some(Replaced { len: from.uint()?, since: from.uint()? })
        };
        let held = Self { log, epoch, previous, prev_len, first, since, chain, replaced, skipped: BTreeMap::new() };
        let again = held.encode(rekey);
        (again.as_slice() == value).then_some((rekey, held)).ok_or(DecodeError::NotCanonical)
    }
}

/// Whose chain a record holds, and from which index on it could be read.
#[cfg(any(test, feature = "testing"))]
pub(crate) fn chain_place(value: &[u8]) -> Option<(LogId, u64, u64)> {
    let (_, held) = Held::decode(value).ok()?;
    Some((held.log, held.epoch, held.first))
}

/// One page of skipped keys: whose, and the keys by index.
pub(super) struct Page {
    pub(super) rekey: EntryId,
    pub(super) keys: Vec<(u64, Skipped)>,
}

impl Page {
    /// Reads a page back.
    pub(super) fn decode(value: &[u8]) -> Result<Self, DecodeError> {
        let mut from = Reader::new(value);
        from.array(4)?;
        version(&mut from)?;
        let rekey = from.fixed()?;
        let page: u16 = from.small()?;
        let mut keys = Vec::new();
        for _ in 0..from.array_up_to(usize::try_from(limits::SKIPPED_PER_PAGE).unwrap_or(0))? {
            from.array(3)?;
            let (index, key, since) = (from.uint()?, from.fixed()?, from.uint()?);
            if page_of(index) != page || index >= limits::EPOCH_MESSAGES_MAX {
                return Err(DecodeError::OutOfRange);
            }
            keys.push((index, Skipped { key, since }));
        }
        from.is_empty().then_some(Self { rekey, keys }).ok_or(DecodeError::NotCanonical)
    }
}

impl OwnLeaf {
    pub(super) fn put(&self, generation: u64) -> SecretChange {
        let mut to = Writer::with_capacity(128);
        to.array(5).uint(VERSION).uint(generation).bytes(self.pk).bytes(self.secret.expose());
        match self.replaced {
            Some(since) => to.uint(since),
            None => to.null(),
        };
        SecretChange::Put { name: SecretName::Leaf { generation }, value: Zeroizing::new(to.into_bytes()) }
    }

    /// Reads a leaf back, with its number.
    pub(super) fn decode(value: &[u8]) -> Result<(u64, Self), DecodeError> {
        let mut from = Reader::new(value);
        from.array(5)?;
        version(&mut from)?;
        let generation = from.uint()?;
        let (pk, secret) = (from.fixed()?, from.fixed()?);
        let replaced = if from.is_null()? { None } else { Some(from.uint()?) };
        from.is_empty().then_some((generation, Self { pk, secret, replaced })).ok_or(DecodeError::NotCanonical)
    }
}

fn version(from: &mut Reader<'_>) -> Result<(), DecodeError> {
    (from.uint()? == VERSION).then_some(()).ok_or(DecodeError::Unknown)
}
