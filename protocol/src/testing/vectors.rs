//! What the known-answer tests may call: the innermost functions of keys, entries and links, on plain bytes (E-106).
//!
//! Each takes every draw of randomness as an argument, in the order of E-06. Nothing here decides anything; the
//! product has no way to reach it.

pub mod reading;

use alloc::collections::{BTreeMap, VecDeque};
use alloc::string::String;
use alloc::vec::Vec;
use core::convert::Infallible;

use rand_core::{TryCryptoRng, TryRng};

use crate::crypto::seal::leaf_pair;
use crate::crypto::sign::KeyPair;
use crate::crypto::{Secret, derive};
use crate::encryption::grants::{GrantPlan, GrantReason};
use crate::encryption::message::{self, field_digests};
use crate::encryption::ratchet::{Chain, message_keys};
use crate::encryption::rekey::{LeafPlan, LeafReason, NextEpoch, RekeyReason, Roll, Why};
use crate::encryption::{Built, GroupKeys, HeadPlace, Recipient};
use crate::identity::fingerprint;
use crate::ids::{
    Digest, EntryId, GroupId, Heads, Instance, LeafKey, LogId, MemberKey, MembershipId, OperationId, Point,
};
use crate::invite::InviteLink;
use crate::invite::envelope::seal_encoded;
use crate::log::body::{LeafBody, LeafNumber, roster_hash};
use crate::log::entry::{Entry, Head};
use crate::time::Timestamp;
use crate::timeline::content::Content;
use crate::timeline::fields::Fields;

/// One author on one installation.
#[derive(Clone, Copy)]
pub struct Author {
    /// The group.
    pub gid: [u8; 32],
    /// Seed of the member key.
    pub seed: [u8; 32],
    /// The membership.
    pub mid: [u8; 32],
    /// The installation.
    pub inst: [u8; 16],
}

/// Where an entry stands.
pub struct Standing {
    /// Its number.
    pub seq: u64,
    /// The entry before.
    pub prev: [u8; 32],
    /// Its heads.
    pub heads: Vec<[u8; 32]>,
}

/// A leaf to seal to.
#[derive(Clone, Copy)]
pub struct To {
    /// Whose.
    pub mid: [u8; 32],
    /// On which installation.
    pub inst: [u8; 16],
    /// Its number.
    pub inst_no: u16,
    /// Number of the leaf.
    pub generation: u64,
    /// The key.
    pub pk: [u8; 32],
}

/// An entry that was made.
#[derive(Debug, PartialEq, Eq)]
pub struct Made {
    /// Its bytes.
    pub entry: Vec<u8>,
    /// Its id.
    pub eid: [u8; 32],
    /// Its commitment; empty for kinds without one.
    pub commit: Vec<u8>,
}

impl From<Entry> for Made {
    fn from(entry: Entry) -> Self {
        let commit = entry.commit.map_or_else(Vec::new, |commit| commit.0.to_vec());
        Self { entry: entry.to_bytes(), eid: entry.id().0, commit }
    }
}

/// A link and what follows from it.
#[derive(Debug, PartialEq, Eq)]
pub struct LinkAnswer {
    /// The text.
    pub text: String,
    /// By this members recognise it.
    pub lookup: [u8; 32],
    /// With this key the joiner signs.
    pub invite_pk: [u8; 32],
    /// This opens the envelope.
    pub seal: [u8; 32],
}

/// Randomness that was written down beforehand, draw by draw. A missing draw gives zeros, so answers differ.
pub struct Script(VecDeque<Vec<u8>>);

impl Script {
    /// Gives `draws`, in order.
    #[must_use]
    pub fn new(draws: Vec<Vec<u8>>) -> Self {
        Self(draws.into())
    }
}

impl TryRng for Script {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        Ok(0)
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        Ok(0)
    }

    fn try_fill_bytes(&mut self, to: &mut [u8]) -> Result<(), Infallible> {
        let draw = self.0.pop_front().unwrap_or_default();
        to.fill(0);
        to.iter_mut().zip(draw).for_each(|(to, from)| *to = from);
        Ok(())
    }
}

impl TryCryptoRng for Script {}

impl Author {
    fn log(&self) -> LogId {
        LogId { mid: MembershipId(self.mid), inst: Instance(self.inst) }
    }

    fn keys(&self) -> KeyPair {
        KeyPair::from_seed(&Secret::new(self.seed))
    }

    fn group(&self, inst_no: u16) -> GroupKeys {
        GroupKeys::new(GroupId(self.gid), self.log(), inst_no)
    }

    /// The group's keys as if the own chain of `epoch` stood at `index`.
    fn speaking(&self, epoch: u64, index: u64, ck: [u8; 32]) -> GroupKeys {
        let mut group = self.group(0);
        group.speak_from(EntryId([0; 32]), epoch, Chain::at(Secret::new(ck), index));
        group
    }
}

impl From<Standing> for HeadPlace {
    fn from(at: Standing) -> Self {
        let heads = Heads::new(at.heads.into_iter().map(OperationId).collect());
        Self { seq: at.seq, prev: EntryId(at.prev), heads }
    }
}

const NOW: Timestamp = Timestamp::new(0, 1_795_269_731_480);

fn recipients(to: &[To]) -> BTreeMap<MembershipId, Recipient> {
    to.iter()
        .map(|to| {
            let leaf = Recipient {
                inst: Instance(to.inst),
                inst_no: to.inst_no,
                generation: to.generation,
                pk: LeafKey(to.pk),
            };
            (MembershipId(to.mid), leaf)
        })
        .collect()
}

/// E-16.
#[must_use]
pub fn roster(gid: [u8; 32], mids: &[[u8; 32]]) -> [u8; 32] {
    let mut keyed: Vec<MembershipId> = mids.iter().copied().map(MembershipId).collect();
    keyed.sort_unstable();
    roster_hash(&GroupId(gid), &keyed).0
}

/// DeriveKeyPair of E-06: the public half.
#[must_use]
pub fn leaf_public(ikm: [u8; 32]) -> [u8; 32] {
    leaf_pair(&Secret::new(ikm)).1.0
}

/// The member key of a seed.
#[must_use]
pub fn member_public(seed: [u8; 32]) -> [u8; 32] {
    KeyPair::from_seed(&Secret::new(seed)).public().0
}

/// SHA-256.
#[must_use]
pub fn sha256(bytes: &[u8]) -> [u8; 32] {
    derive::sha256(bytes).0
}

/// A Rekey for schedule (reason 2) of epoch, `prev_len` and leaf number; with it `ck_0`. All of `to` but the author are
/// Keyed and sealed to, except those in `stale`.
#[must_use]
pub fn rekey(
    author: &Author,
    at: Standing,
    (epoch, prev_len, generation): (u64, u64, u64),
    (to, stale): (&[To], &[[u8; 32]]),
    draws: Vec<Vec<u8>>,
) -> Option<(Made, [u8; 32])> {
    let recipients = recipients(to);
    let keyed: Vec<MembershipId> = recipients.keys().copied().collect();
    let suspended = stale.iter().map(|mid| (MembershipId(*mid), Why::StaleLeaf)).collect();
    let roll = Roll { keyed: &keyed, recipients: &recipients, suspended: &suspended, healing: &[] };
    let next = NextEpoch { epoch, prev_len, generation, reason: RekeyReason::Schedule };
    let (mut group, mut rng) = (author.group(0), Script::new(draws));
    let Built { entry, staged, .. } =
        group.build_rekey(NOW, (at.into(), next), &roll, &author.keys(), &mut rng).ok()?;
    group.take(staged);
    let chain = group.own_chain_key()?;
    Some((entry.into(), chain))
}

/// A Grant (reason 1) of the chain key `ck` of `index`.
#[must_use]
pub fn grant(
    author: &Author,
    at: Standing,
    (epoch, index, ck): (u64, u64, [u8; 32]),
    to: &[To],
    draws: Vec<Vec<u8>>,
) -> Option<Made> {
    let plan = GrantPlan { reason: GrantReason::Newcomer, targets: recipients(to) };
    let group = author.speaking(epoch, index, ck);
    let built = group.build_grant(at.into(), &plan, &author.keys(), &mut Script::new(draws)).ok()?;
    Some(built.entry.into())
}

/// A Message of `content` (canonical bytes) under the chain key `ck` of `index`.
#[must_use]
pub fn message(
    author: &Author,
    at: Standing,
    (epoch, index, ck): (u64, u64, [u8; 32]),
    content: &[u8],
    nonce: Vec<u8>,
) -> Option<Made> {
    let (fields, []) = Fields::split(content).ok()? else { return None };
    let content = Content::read(&fields).ok()?;
    let group = author.speaking(epoch, index, ck);
    let mut rng = Script::new(Vec::from([nonce]));
    let sealed = group.seal(at.into(), &content, &author.keys(), &mut rng).ok()?;
    Some(sealed.entry.into())
}

/// An earlier entry as a Leaf names it: installation, seq, eid.
pub type Earlier = ([u8; 16], u64, [u8; 32]);

/// What is known of the other seats: numbers of installation and leaf.
pub type KnownLeaves = [Option<(u16, u64)>];

/// E-59: the digest of each field of a content (canonical bytes), and the commitment to them.
#[must_use]
pub fn commitment(content: &[u8], salt: [u8; 32]) -> Option<(Vec<[u8; 32]>, [u8; 32])> {
    let (fields, []) = Fields::split(content).ok()? else { return None };
    let salt = Secret::new(salt);
    let digests = field_digests(&fields, &salt).map(|digest| digest.0).collect();
    Some((digests, message::commitment(&fields, &salt).0))
}

/// A `GrantEnvelope` of a grant (its bytes) under the keys of the link of `inviter` and `secret`.
#[must_use]
pub fn envelope(
    author: &Author,
    at: Standing,
    (inviter, secret): ([u8; 32], [u8; 16]),
    not_after: u64,
    (grant, nonce): (&[u8], Vec<u8>),
) -> Made {
    let keys = InviteLink::new(MemberKey(inviter), Secret::new(secret), Vec::new()).keys();
    let names = (&GroupId(author.gid), &MembershipId(author.mid));
    let mut rng = Script::new(Vec::from([nonce]));
    let (kind, body) = seal_encoded(names, not_after, &keys, grant, &mut rng);
    let HeadPlace { seq, prev, heads } = at.into();
    let head = Head { seq, prev, heads, kind };
    Entry::sign(names.0, author.log(), head, (None, body), &author.keys()).into()
}

/// A Leaf: numbers of installation and leaf, reason (0 or 1), `prior` (installation, seq, eid), what is known of the
/// others by place.
#[must_use]
pub fn leaf(
    author: &Author,
    at: Standing,
    (inst_no, generation, reason): (u16, u64, u64),
    (prior, known): (Option<Earlier>, &KnownLeaves),
    draw: Vec<u8>,
) -> Made {
    let known = known.iter().map(|one| one.map(|(inst_no, generation)| LeafNumber { inst_no, generation })).collect();
    let plan = LeafPlan {
        generation,
        reason: if reason == 0 { LeafReason::Open } else { LeafReason::Daily },
        prior: prior.map(|(inst, seq, eid)| Point { inst: Instance(inst), seq, eid: EntryId(eid) }),
        known: LeafBody(known),
    };
    let mut rng = Script::new(Vec::from([draw]));
    author.group(inst_no).build_leaf(NOW, at.into(), plan, &author.keys(), &mut rng).0.entry.into()
}

/// Chain key, message key, content key and salt of `index`, from `ck_0`.
#[must_use]
pub fn ratchet(ck: [u8; 32], index: u64) -> Option<[[u8; 32]; 4]> {
    let chain = Chain::at(Secret::new(ck), 0).advance_to(index)?;
    let mk = chain.duplicate().step();
    let keys = message_keys(&mk);
    Some([*chain.key().expose(), *mk.expose(), *keys.key.expose(), *keys.salt.expose()])
}

/// E-96, as people read it.
#[must_use]
pub fn safety(a: [u8; 32], b: [u8; 32]) -> String {
    fingerprint::safety_text(&fingerprint::safety_number(&MemberKey(a), &MemberKey(b)))
}

/// E-96, as a code to be scanned or pasted.
#[must_use]
pub fn safety_code(a: [u8; 32], b: [u8; 32]) -> String {
    fingerprint::safety_code(&MemberKey(a), &MemberKey(b))
}

/// E-97, key words.
#[must_use]
pub fn key_words(key: [u8; 32]) -> Vec<&'static str> {
    fingerprint::key_words(&MemberKey(key)).unwrap_or_default()
}

/// E-97, group code.
#[must_use]
pub fn group_code(gid: [u8; 32], roster: [u8; 32], policy: &[u8]) -> Vec<&'static str> {
    fingerprint::group_code(&GroupId(gid), &Digest(roster), policy).unwrap_or_default()
}

/// MB-I1, MB-I2.
#[must_use]
pub fn link(inviter: [u8; 32], secret: [u8; 16], addresses: Vec<Vec<u8>>) -> LinkAnswer {
    let link = InviteLink::new(MemberKey(inviter), Secret::new(secret), addresses);
    let keys = link.keys();
    LinkAnswer {
        text: link.to_long(),
        lookup: keys.lookup.0,
        invite_pk: keys.invite.public().0,
        seal: *keys.seal.expose(),
    }
}
