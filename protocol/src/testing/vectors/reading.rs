//! The other half of the known answers: what a reader makes of bytes that the second implementation wrote (E-106).
//!
//! [`super`] shows that both write the same; here slots, Grants, Messages, kept seeds and bundles are opened by the
//! functions that the product opens them with.

use alloc::vec::Vec;

use super::{Author, NOW, Script, To};
use crate::crypto::Secret;
use crate::crypto::sign::{Signed, Verified};
use crate::encryption::archive::Given;
pub use crate::encryption::archive::Origin;
use crate::encryption::bundle::Bundle;
use crate::encryption::receive::{Arrival, KeyOutcome};
use crate::encryption::secrets::SecretChange;
use crate::encryption::{GroupKeys, OpenedMessage, Recipient};
use crate::ids::{EntryId, GroupId, Instance, LeafKey, LogId, MemberKey, MembershipId};
use crate::limits;
use crate::log::entry::{Entry, HeadKind};
use crate::wire::{from_bytes, to_bytes};

/// A seed and where it belongs: member, installation, epoch, seed.
pub type Seed = ([u8; 32], [u8; 16], u64, [u8; 32]);

/// One installation that reads.
pub struct Reader {
    gid: GroupId,
    group: GroupKeys,
}

/// What an entry of `author` proves to be.
fn proved(author: &Author, bytes: &[u8]) -> Option<Verified<Entry>> {
    let entry = Entry::decode(&GroupId(author.gid), author.log(), bytes).ok()?;
    Signed::new(entry).verify(&author.keys().public()).ok()
}

fn content(opened: &OpenedMessage) -> Vec<u8> {
    opened.content.fields().join().to_vec()
}

fn recorded(mut changes: Vec<SecretChange>) -> Option<Vec<u8>> {
    match changes.pop()? {
        SecretChange::Put { value, .. } => Some(value.to_vec()),
        SecretChange::Erase { .. } => None,
    }
}

impl Reader {
    /// Installation 0 of `person`, with one leaf: its number and the bytes it was drawn from.
    #[must_use]
    pub fn new(person: &Author, (generation, drawn): (u64, [u8; 32])) -> Self {
        let mut group = person.group(0);
        group.keep_leaf(generation, &Secret::new(drawn));
        Self { gid: GroupId(person.gid), group }
    }

    /// Takes a Rekey of `author` whose heads make `keyed` Keyed: `ck_0`, if the own slot opens it.
    pub fn on_rekey(&mut self, author: &Author, bytes: &[u8], keyed: &[[u8; 32]]) -> Option<[u8; 32]> {
        let entry = proved(author, bytes)?;
        let keyed = ascending(keyed);
        let learned = self.group.on_rekey(NOW, &entry, &Arrival { keyed: &keyed, rekey: None, shown: None });
        let is_opened = learned.outcome == KeyOutcome::Opened { from: 0 };
        self.group.chain_key(&entry.id()).filter(|_| is_opened).map(|(key, _)| key)
    }

    /// Takes a Grant of `author` for the chain that `rekey` started: the chain key and the index it is of.
    pub fn on_grant(&mut self, author: &Author, bytes: &[u8], rekey: [u8; 32]) -> Option<([u8; 32], u64)> {
        let (entry, rekey) = (proved(author, bytes)?, EntryId(rekey));
        let learned = self.group.on_grant(NOW, &entry, &Arrival { keyed: &[], rekey: Some(rekey), shown: None });
        let KeyOutcome::Opened { from } = learned.outcome else { return None };
        self.group.chain_key(&rekey).filter(|(_, index)| *index == from)
    }

    /// The content of a Message under the chain that `rekey` started.
    pub fn open(&mut self, author: &Author, bytes: &[u8], rekey: [u8; 32]) -> Option<Vec<u8>> {
        let entry = proved(author, bytes)?;
        self.group.open(NOW, &entry, EntryId(rekey)).ok().as_ref().map(content)
    }

    /// Keeps the seed of the epoch that a Rekey of `author` starts, as its holder or out of a bundle: its record.
    pub fn archive(&mut self, author: &Author, rekey: &[u8], seed: [u8; 32], origin: Origin) -> Option<Vec<u8>> {
        let (entry, seed) = (proved(author, rekey)?, Secret::new(seed));
        let HeadKind::Rekey { epoch, roster_hash, .. } = entry.head.kind else { return None };
        recorded(match origin {
            Origin::OwnSlot => self.group.archive(NOW, (entry.id(), entry.log, epoch), (seed, roster_hash), origin),
            Origin::Bundle => self.group.archive_given(NOW, &entry, seed),
        })
    }

    /// Takes the record of a kept seed back.
    pub fn restore_seed(&mut self, record: &[u8]) {
        self.group.restore_seeds([record]);
    }

    /// The content of a Message of a kept epoch.
    #[must_use]
    pub fn open_archived(&self, author: &Author, bytes: &[u8], rekey: [u8; 32]) -> Option<Vec<u8>> {
        self.group.open_archived(&proved(author, bytes)?, &EntryId(rekey)).as_ref().map(content)
    }

    /// What a bundle of a giver with this member key holds.
    #[must_use]
    pub fn open_bundle(&self, bytes: &[u8], giver: [u8; 32]) -> Option<Vec<Seed>> {
        let bundle: Bundle = from_bytes(bytes, limits::BUNDLE_BYTES_MAX.saturating_mul(2)).ok()?;
        let offered = self.group.open_bundle(&bundle, &MemberKey(giver)).filter(|_| bundle.gid == self.gid)?;
        Some(offered.iter().map(|one| (one.log.mid.0, one.log.inst.0, one.epoch, *one.seed.expose())).collect())
    }
}

/// The bundles with which `giver` hands `seeds`, the newest first, to one leaf.
#[must_use]
pub fn bundles(giver: &Author, to: &To, seeds: &[Seed], draws: Vec<Vec<u8>>) -> Vec<Vec<u8>> {
    let leaf =
        Recipient { inst: Instance(to.inst), inst_no: to.inst_no, generation: to.generation, pk: LeafKey(to.pk) };
    let kept: Vec<(LogId, u64, Secret<32>)> = seeds
        .iter()
        .map(|&(mid, inst, epoch, seed)| {
            (LogId { mid: MembershipId(mid), inst: Instance(inst) }, epoch, Secret::new(seed))
        })
        .collect();
    let given: Vec<Given<'_>> =
        kept.iter().map(|(log, epoch, seed)| Given { log: *log, epoch: *epoch, seed }).collect();
    let sealed =
        giver.group(0).seal_bundles((MembershipId(to.mid), &leaf), &given, &giver.keys(), &mut Script::new(draws));
    sealed.iter().map(to_bytes).collect()
}

fn ascending(keyed: &[[u8; 32]]) -> Vec<MembershipId> {
    let mut keyed: Vec<MembershipId> = keyed.iter().copied().map(MembershipId).collect();
    keyed.sort_unstable();
    keyed
}
