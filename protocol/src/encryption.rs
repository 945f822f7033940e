//! Sender-epoch keys: every member owns one key chain that only that member may change.
//!
//! There is no group key, no tree and no commit that all must agree on. The membership log says *who*; each sender
//! decides *when* its own chain reacts. A [Rekey](rekey) hands a fresh seed to every Keyed member, a [Grant](grants)
//! hands the current chain key to a newcomer, a hash [ratchet] gives each message its own key, and everything
//! has a moment at which it is [erased](deletion). Two partitions can add and remove people at the same time and
//! nothing here can conflict. The nearest analysed relatives: strengthened Sender Keys (eprint 2023/1385) and
//! decentralised continuous group key agreement (Weidner et al., CCS 2021).
//!
//! [`GroupKeys`] holds the live secrets of one group on one installation and works on plain inputs: who is Keyed and
//! which leaf keys are known comes from the membership log and the entry logs, which have admitted every entry before
//! it gets here. It returns entries, outcomes and [`SecretChange`]s; it decides nothing about the network and nothing
//! about seats.
//!
//! Byte for byte: `protocol/docs/encryption.md`. A second implementation, in Python, shares no code with this one and
//! gives the known answers (`tests/vectors/sek.py`).

pub(crate) mod archive;
mod attempt;
pub(crate) mod bundle;
pub(crate) mod deletion;
pub(crate) mod grants;
pub(crate) mod message;
pub(crate) mod ratchet;
pub(crate) mod receive;
pub(crate) mod rekey;
pub(crate) mod secrets;
mod slot;
mod staged;
mod succession;

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;

use rand_core::CryptoRng;

use crate::crypto::sign::{KeyPair, Verified};
use crate::crypto::{Secret, random};
use crate::ids::{EntryId, GroupId, Heads, Instance, LeafKey, LogId, MembershipId, OrderKey};
use crate::limits;
use crate::log::entry::{Entry, Head, HeadKind, head_digest};
use crate::time::Timestamp;
use crate::timeline::content::Content;
use crate::timeline::order_key;
use crate::wire::{DecodeError, to_bytes};
use attempt::{Attempt, Leftover};
use deletion::AgeClock;
use message::{BrokenMessage, commitment, open_content, pad, seal_content};
use ratchet::{Chain, message_keys};
use secrets::{Held, OwnLeaf, Page, SecretChange, Skipped, page_of};
use staged::Next;
pub use staged::Staged;

/// Where the next own entry stands, and what its author knows of the membership log.
#[derive(Clone, Debug)]
pub struct HeadPlace {
    /// Next number of the own log.
    pub seq: u64,
    /// The entry before (E-19).
    pub prev: EntryId,
    /// The frontier; empty only in a Message whose heads are those in force (E-20).
    pub heads: Heads,
}

/// A member's newest leaf key on its current installation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Recipient {
    /// The installation.
    pub inst: Instance,
    /// Its number (E-10).
    pub inst_no: u16,
    /// Number of the leaf key (E-11).
    pub generation: u64,
    /// The key.
    pub pk: LeafKey,
}

/// An own entry, and what it makes of the keys: nothing of that is in force before the log has taken the entry (E-26).
pub struct Built {
    /// To be admitted like any other before it is committed (E-26).
    pub entry: Entry,
    /// For [`GroupKeys::take`] once it is admitted.
    pub staged: Staged,
    /// Of a Rekey: its seed, wiped with this value unless the settings ask for it to be kept (E-88).
    pub seed: Option<Secret<32>>,
}

/// An own Message, with what only its author keeps.
pub struct SealedMessage {
    /// To be admitted like any other before it is committed (E-26).
    pub entry: Entry,
    /// Salt of the commitment: kept in the author's own view until the words go (E-61).
    pub salt: Secret<32>,
    /// Where it stands in the timeline.
    pub order_key: OrderKey,
    /// For [`GroupKeys::take`] once it is admitted.
    pub staged: Staged,
}

/// A Message that was read.
pub struct OpenedMessage {
    /// What it says.
    pub content: Content,
    /// Where it stands in the timeline.
    pub order_key: OrderKey,
    /// For the same batch as the text: the used key is gone with it (ST-53).
    pub changes: Vec<SecretChange>,
}

/// Why an own entry cannot be made. Nothing has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BuildError {
    /// There is no chain yet: a Rekey comes first (E-39 h).
    #[error("no epoch: a rekey comes first")]
    NoEpoch,
    /// The chain gave its thousand keys (E-72).
    #[error("the epoch is used up: a rekey comes first")]
    EpochFull,
    /// The content is larger than any message may be (E-52).
    #[error("too large for one message")]
    TooLarge,
    /// The content breaks a limit of its kind (CO-1).
    #[error("the content breaks a limit of its kind")]
    BadContent,
    /// A recipient's leaf key cannot be sealed to; admission should have refused it (E-12).
    #[error("a leaf key is unusable")]
    UnusableLeaf,
    /// No targets, or more than 32 (E-75).
    #[error("a grant has 1 to 32 targets")]
    TargetCount,
}

/// Why a Message gave no text.
pub enum Unopened {
    /// No chain of its epoch is held: a slot or Grant may still come; nothing has changed (E-50, E-62).
    WaitingForKey,
    /// The chain was granted from a later index on (E-47).
    BeforeMyTime,
    /// Its key was used, or went by E-73: "key expired".
    UsedOrExpired,
    /// Its author made it wrong (E-62). The chain moves past it all the same.
    Broken {
        /// What is wrong.
        why: BrokenMessage,
        /// For the same batch as the note that it is broken.
        changes: Vec<SecretChange>,
    },
    /// The entry is no Message at all.
    NoMessage,
}

/// All live secrets of one group on one installation. No `Clone`, no `Debug`.
pub struct GroupKeys {
    gid: GroupId,
    own: LogId,
    inst_no: u16,
    leaves: BTreeMap<u64, OwnLeaf>,
    /// By the Rekey that started them, so branches of a forked log have their own (E-45). The own chain is one.
    chains: BTreeMap<EntryId, Held>,
    /// The Rekey of the own current epoch.
    speaking: Option<EntryId>,
    /// Kept for newcomers; empty unless the settings ask for it (E-88).
    seeds: archive::Seeds,
    clock: AgeClock,
    /// When a member's "compromised" was last answered at once.
    answered: BTreeMap<MembershipId, u64>,
}

impl GroupKeys {
    /// The secrets of a log that is about to be opened: none yet (E-09).
    #[must_use]
    pub fn new(gid: GroupId, own: LogId, inst_no: u16) -> Self {
        Self {
            gid,
            own,
            inst_no,
            leaves: BTreeMap::new(),
            chains: BTreeMap::new(),
            speaking: None,
            seeds: BTreeMap::new(),
            clock: AgeClock::default(),
            answered: BTreeMap::new(),
        }
    }

    /// Takes the values of kinds 0x80 (chains), 0x81 (skipped keys) and 0x82 (leaves) back from the sealed store.
    ///
    /// # Errors
    /// [`DecodeError`] if a value is not what this file wrote, or a page has no chain: the store is damaged.
    pub fn restore<'a>(
        &mut self,
        chains: impl IntoIterator<Item = &'a [u8]>,
        pages: impl IntoIterator<Item = &'a [u8]>,
        leaves: impl IntoIterator<Item = &'a [u8]>,
    ) -> Result<(), DecodeError> {
        for value in chains {
            let (rekey, held) = Held::decode(value)?;
            let newest_own = self.own_chain().is_none_or(|(_, own)| own.epoch < held.epoch);
            if held.log == self.own && newest_own {
                self.speaking = Some(rekey);
            }
            self.chains.insert(rekey, held);
        }
        for value in pages {
            let page = Page::decode(value)?;
            let held = self.chains.get_mut(&page.rekey).ok_or(DecodeError::Unknown)?;
            held.skipped.extend(page.keys);
        }
        for value in leaves {
            let (generation, leaf) = OwnLeaf::decode(value)?;
            self.leaves.insert(generation, leaf);
        }
        self.clock = AgeClock::last_seen(self.newest_stamp());
        Ok(())
    }

    /// Rules E-52 to E-59: seals a content under the next own key. Draws 24 bytes.
    ///
    /// # Errors
    /// [`BuildError`].
    pub fn seal(
        &self,
        place: HeadPlace,
        content: &Content,
        keys: &KeyPair,
        rng: &mut dyn CryptoRng,
    ) -> Result<SealedMessage, BuildError> {
        content.check().map_err(|_| BuildError::BadContent)?;
        let fields = content.fields();
        let padded = pad(&fields).map_err(|_| BuildError::TooLarge)?;
        let rekey = self.speaking.ok_or(BuildError::NoEpoch)?;
        let held = self.chains.get(&rekey).ok_or(BuildError::NoEpoch)?;
        let index = held.chain.index();
        if index >= limits::EPOCH_MESSAGES_MAX {
            return Err(BuildError::EpochFull);
        }
        let nonce = random::<24>(rng);
        let mut chain = held.chain.duplicate();
        let sealing = message_keys(&chain.step());
        let kind = HeadKind::Message { epoch: held.epoch, index, nonce };
        let head = Head { seq: place.seq, prev: place.prev, heads: place.heads, kind };
        let commit = commitment(&fields, &sealing.salt);
        let bound = head_digest(&self.gid, &self.own, &to_bytes(&head));
        let body = seal_content(&sealing, &nonce, (&bound, &commit), &padded);
        let entry = Entry::sign(&self.gid, self.own, head, (Some(commit), body), keys);
        let order_key = order_key(content.tick, &entry.id());
        let chain = if planted!(KeyUsedTwice) { held.chain.duplicate() } else { chain };
        let staged = Staged(Next::Step { rekey, chain });
        Ok(SealedMessage { order_key, entry, salt: sealing.salt, staged })
    }

    /// Rules E-60 to E-62: opens an admitted and honoured Message of the epoch that `rekey` started. Everything is
    /// tried on a copy of the chain; only what opened moves it.
    ///
    /// # Errors
    /// [`Unopened`]: without `changes` in it, nothing has changed.
    pub fn open(&mut self, now: Timestamp, entry: &Verified<Entry>, rekey: EntryId) -> Result<OpenedMessage, Unopened> {
        let HeadKind::Message { epoch, index, nonce } = entry.head.kind else { return Err(Unopened::NoMessage) };
        let commit = entry.commit.ok_or(Unopened::NoMessage)?;
        let held = self.chains.get(&rekey).ok_or(Unopened::WaitingForKey)?;
        if held.log != entry.log || held.epoch != epoch || self.speaking == Some(rekey) {
            return Err(Unopened::WaitingForKey);
        }
        let attempt = Attempt::at(held, index)?;
        let bound = (entry.head_digest(), &commit);
        match open_content(&message_keys(&attempt.key), &nonce, bound, &entry.body) {
            Ok(content) => {
                let changes = self.settle(now, rekey, attempt, Leftover::Wiped);
                let tick = if planted!(TickIgnored) { index } else { content.tick };
                Ok(OpenedMessage { order_key: order_key(tick, &entry.id()), content, changes })
            }
            Err(why) => Err(Unopened::Broken { why, changes: self.settle(now, rekey, attempt, Leftover::Kept) }),
        }
    }

    /// Whether the chain that `rekey` started is here.
    #[must_use]
    pub fn holds(&self, rekey: &EntryId) -> bool {
        self.chains.contains_key(rekey)
    }

    /// Whether there is an own chain to seal under.
    #[must_use]
    pub const fn can_seal(&self) -> bool {
        self.speaking.is_some()
    }

    /// The number of the newest own leaf key.
    #[must_use]
    #[cfg(test)]
    pub fn newest_generation(&self) -> Option<u64> {
        self.leaves.keys().next_back().copied()
    }

    /// The next index of the own chain, to be compared with the own log on start: ahead = burned, behind = rollback
    /// (E-67).
    #[must_use]
    pub fn next_index(&self) -> Option<u64> {
        self.own_chain().map(|(_, held)| held.chain.index())
    }

    fn own_chain(&self) -> Option<(EntryId, &Held)> {
        let rekey = self.speaking?;
        Some((rekey, self.chains.get(&rekey)?))
    }

    /// Puts a tried chain in place of the held one.
    fn settle(&mut self, now: Timestamp, rekey: EntryId, attempt: Attempt, leftover: Leftover) -> Vec<SecretChange> {
        let since = self.clock.read(now);
        let Some(held) = self.chains.get_mut(&rekey) else { return Vec::new() };
        let member = held.log.mid;
        let mut pages = BTreeSet::new();
        let mut changes = Vec::new();
        if let Some(chain) = attempt.moved {
            held.chain = chain;
            for (index, key) in attempt.passed {
                held.skipped.insert(index, Skipped { key, since });
                pages.insert((rekey, page_of(index)));
            }
            if matches!(leftover, Leftover::Kept) {
                held.skipped.insert(attempt.index, Skipped { key: attempt.key, since });
                pages.insert((rekey, page_of(attempt.index)));
            }
            changes.push(held.put(rekey));
        } else if matches!(leftover, Leftover::Wiped) {
            held.skipped.remove(&attempt.index);
            pages.insert((rekey, page_of(attempt.index)));
        }
        pages.extend(self.trim_skipped(member));
        changes.extend(self.put_pages(pages));
        changes.extend(self.drop_if_done(rekey));
        changes
    }

    /// By E-45, a replaced chain goes when all of its messages are done.
    fn drop_if_done(&mut self, rekey: EntryId) -> Vec<SecretChange> {
        let done = self.chains.get(&rekey).is_some_and(|held| {
            let finished = |len| held.chain.index() >= len && held.skipped.range(..len).next().is_none();
            held.replaced.is_some_and(|replaced| finished(replaced.len))
        });
        if done { self.drop_chain(rekey) } else { Vec::new() }
    }

    fn put_pages(&self, pages: BTreeSet<(EntryId, u16)>) -> Vec<SecretChange> {
        let put = |(rekey, page)| self.chains.get(&rekey).map(|held| held.put_page(rekey, page));
        pages.into_iter().filter_map(put).collect()
    }

    fn newest_stamp(&self) -> Option<u64> {
        let chains = self.chains.values().flat_map(|held| {
            let skipped = held.skipped.values().map(|skipped| skipped.since);
            skipped.chain(Some(held.since)).chain(held.replaced.map(|replaced| replaced.since))
        });
        chains.chain(self.leaves.values().filter_map(|leaf| leaf.replaced)).max()
    }
}

#[cfg(any(test, feature = "testing"))]
impl GroupKeys {
    /// Puts an own chain in place, as known answers name it.
    pub(crate) fn speak_from(&mut self, rekey: EntryId, epoch: u64, chain: Chain) {
        let (log, first) = (self.own, chain.index());
        let skipped = BTreeMap::new();
        let held = Held { log, epoch, previous: None, prev_len: 0, first, since: 0, chain, replaced: None, skipped };
        self.chains.insert(rekey, held);
        self.speaking = Some(rekey);
    }

    /// The own chain key, to compare with a known answer.
    pub(crate) fn own_chain_key(&self) -> Option<[u8; 32]> {
        self.own_chain().map(|(_, held)| *held.chain.key().expose())
    }

    /// Puts an own leaf in place that is made of 32 drawn bytes.
    pub(crate) fn keep_leaf(&mut self, generation: u64, drawn: &Secret<32>) {
        let (secret, pk) = crate::crypto::seal::leaf_pair(drawn);
        self.leaves.insert(generation, OwnLeaf { pk, secret, replaced: None });
    }

    /// The key and the next index of a held chain, to compare with a known answer.
    pub(crate) fn chain_key(&self, rekey: &EntryId) -> Option<([u8; 32], u64)> {
        self.chains.get(rekey).map(|held| (*held.chain.key().expose(), held.chain.index()))
    }
}

#[cfg(test)]
mod tests;
