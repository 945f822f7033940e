//! People who seal and open, without a network and without seats: for benches of keys and logs alone.

use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;

use rand_core::CryptoRng;

use crate::crypto::Secret;
use crate::crypto::sign::KeyPair;
use crate::encryption::grants::{GrantPlan, GrantReason};
use crate::encryption::receive::{Arrival as KeyArrival, KeyOutcome};
use crate::encryption::rekey::{LeafPlan, LeafReason, NextEpoch, RekeyReason, Roll};
use crate::encryption::secrets::SecretChange;
use crate::encryption::{GroupKeys, HeadPlace, Recipient};
use crate::ids::{EntryId, GroupId, Heads, Instance, LogId, MemberKey, MembershipId, OperationId};
use crate::log::body::{LeafBody, LeafNumber};
use crate::log::entry::{Entry, HeadKind, first_prev};
use crate::log::{Arrival, Authority, Inserted, Logs, Mids};
use crate::time::Timestamp;
use crate::timeline::content::{Body, Content, Post};

const GID: GroupId = GroupId([0x77; 32]);
const START: Timestamp = Timestamp::new(0, 1_800_000_000_000);

/// An entry on its way.
pub struct Given {
    /// Whose log.
    pub log: LogId,
    /// Its bytes.
    pub bytes: Vec<u8>,
}

/// What an entry meant to its reader.
#[derive(Debug, PartialEq, Eq)]
pub enum Taken {
    /// A chain that it can read now.
    Key,
    /// Words.
    Words(String),
    /// Taken into its log, and nothing more.
    Kept,
}

struct Speaker {
    pair: KeyPair,
    log: LogId,
    group: GroupKeys,
    seq: u64,
    prev: EntryId,
    generation: u64,
    epoch: u64,
    said: u64,
    opening: Vec<u8>,
    leaf: Vec<u8>,
}

/// Who is Keyed, at one moment after the other: each moment is one operation.
struct Rosters {
    keys: BTreeMap<MembershipId, MemberKey>,
    moments: Vec<Mids>,
}

/// So many people. Who speaks and who reads says the caller.
pub struct Speakers<R> {
    people: Vec<Speaker>,
    rosters: Rosters,
    recipients: BTreeMap<MembershipId, Recipient>,
    rng: R,
}

fn moment(number: usize) -> OperationId {
    OperationId([u8::try_from(number).unwrap_or(u8::MAX); 32])
}

impl Rosters {
    fn number(&self, heads: &Heads) -> Option<usize> {
        let number = usize::from(heads.as_slice().first()?.0[0]);
        (number < self.moments.len()).then_some(number)
    }

    fn now(&self) -> Heads {
        Heads::new(Vec::from([moment(self.moments.len().saturating_sub(1))]))
    }

    fn keyed(&self) -> &[MembershipId] {
        self.moments.last().map_or(&[], |mids| mids)
    }
}

impl Authority for &Rosters {
    fn key_of(&self, mid: &MembershipId) -> Option<MemberKey> {
        self.keys.get(mid).copied()
    }
    fn keyed_at(&mut self, heads: &Heads) -> Result<Mids, Vec<OperationId>> {
        self.number(heads).and_then(|number| self.moments.get(number).cloned()).ok_or_else(|| heads.as_slice().to_vec())
    }
    fn candidates_at(&mut self, heads: &Heads) -> Result<Mids, Vec<OperationId>> {
        self.keyed_at(heads)
    }
    fn covers(&self, newer: &Heads, older: &Heads) -> bool {
        self.number(newer) >= self.number(older)
    }
    fn independent(&self, _: &Heads) -> bool {
        true
    }
}

impl<R: CryptoRng> Speakers<R> {
    /// `n` people, at most 256; all but the last `outside` are Keyed from the first moment on.
    #[must_use]
    pub fn new(n: u8, outside: u8, mut rng: R) -> Self {
        let (mut recipients, mut keys) = (BTreeMap::new(), BTreeMap::new());
        let mids: Vec<MembershipId> = (0..n).map(|i| MembershipId([i; 32])).collect();
        let keyed = mids.get(..usize::from(n.saturating_sub(outside))).unwrap_or_default().to_vec();
        let rosters = Rosters { keys: BTreeMap::new(), moments: Vec::from([keyed.into()]) };
        let people = mids.iter().map(|&mid| {
            let log = LogId { mid, inst: Instance([mid.0[0]; 16]) };
            let pair = KeyPair::from_seed(&Secret::new(mid.0));
            keys.insert(mid, pair.public());
            let mut group = GroupKeys::new(GID, log, 0);
            let place = HeadPlace { seq: 0, prev: first_prev(&GID, &log), heads: rosters.now() };
            let others = rosters.keyed().iter().filter(|other| **other != mid).map(|_| None).collect();
            let plan = LeafPlan { generation: 0, reason: LeafReason::Open, prior: None, known: LeafBody(others) };
            let (built, pk) = group.build_leaf(START, place, plan, &pair, &mut rng);
            let leaf = value_of(group.take(built.staged));
            recipients.insert(mid, Recipient { inst: log.inst, inst_no: 0, generation: 0, pk });
            let (prev, opening) = (built.entry.id(), built.entry.to_bytes());
            Speaker { pair, log, group, seq: 1, prev, generation: 0, epoch: 0, said: 0, opening, leaf }
        });
        let people = people.collect();
        Self { people, rosters: Rosters { keys, ..rosters }, recipients, rng }
    }

    /// From now on the first `count` people are Keyed.
    pub fn seat(&mut self, count: usize) {
        let keyed: Vec<MembershipId> = self.people.iter().take(count).map(|one| one.log.mid).collect();
        self.rosters.moments.push(keyed.into());
    }

    /// The entry with which everybody's log begins.
    #[must_use]
    pub fn openings(&self) -> Vec<Given> {
        self.people.iter().map(|one| Given { log: one.log, bytes: one.opening.clone() }).collect()
    }

    /// A fresh leaf key of `who`, with what it knows of the others.
    pub fn leaf(&mut self, who: usize) -> Option<Given> {
        let heads = self.rosters.now();
        let one = self.people.get_mut(who)?;
        let others = self.rosters.keyed().iter().filter(|mid| **mid != one.log.mid);
        let known = others
            .map(|mid| Some(LeafNumber { inst_no: 0, generation: self.recipients.get(mid)?.generation }))
            .collect();
        let plan = LeafPlan {
            generation: one.generation.saturating_add(1),
            reason: LeafReason::Daily,
            prior: None,
            known: LeafBody(known),
        };
        let (built, _) = one.group.build_leaf(START, one.place(heads), plan, &one.pair, &mut self.rng);
        one.group.take(built.staged);
        Some(self.wrote(who, &built.entry))
    }

    /// A Rekey of `who` for everybody Keyed.
    pub fn rekey(&mut self, who: usize) -> Option<Given> {
        let (heads, recipients) = (self.rosters.now(), &self.recipients);
        let roll = Roll { keyed: self.rosters.keyed(), recipients, suspended: &BTreeMap::new(), healing: &[] };
        let one = self.people.get_mut(who)?;
        let next = NextEpoch {
            epoch: one.epoch,
            prev_len: one.said,
            generation: one.generation.saturating_add(1),
            reason: RekeyReason::Membership,
        };
        let built = one.group.build_rekey(START, (one.place(heads), next), &roll, &one.pair, &mut self.rng).ok()?;
        one.epoch = one.epoch.saturating_add(1);
        one.said = 0;
        one.group.take(built.staged);
        Some(self.wrote(who, &built.entry))
    }

    /// A Grant of `who` to one newcomer.
    pub fn grant(&mut self, who: usize, to: usize) -> Option<Given> {
        let heads = self.rosters.now();
        let target = self.people.get(to)?.log.mid;
        let targets = BTreeMap::from([(target, *self.recipients.get(&target)?)]);
        let plan = GrantPlan { reason: GrantReason::Newcomer, targets };
        let one = self.people.get_mut(who)?;
        let built = one.group.build_grant(one.place(heads), &plan, &one.pair, &mut self.rng).ok()?;
        Some(self.wrote(who, &built.entry))
    }

    /// `who` says something. `None`: the epoch is used up, or there is none.
    pub fn say(&mut self, who: usize, text: &str) -> Option<Given> {
        let heads = self.rosters.now();
        let one = self.people.get_mut(who)?;
        let heads = if one.said.is_multiple_of(64) { heads } else { Heads::default() };
        let post = Post { text: String::from(text), ..Post::default() };
        let tick = START.wall_ms;
        let content = Content { sent_at: tick, tick, after: Vec::new(), body: Body::Post(post) };
        let sealed = one.group.seal(one.place(heads), &content, &one.pair, &mut self.rng).ok()?;
        one.said = one.said.saturating_add(1);
        one.group.take(sealed.staged);
        Some(self.wrote(who, &sealed.entry))
    }

    /// A machine of `who` that has its first leaf key and nothing else yet: it has read nothing.
    #[must_use]
    pub fn reader(&self, who: usize) -> Option<Reader<'_>> {
        let one = self.people.get(who)?;
        let mut keys = GroupKeys::new(GID, one.log, 0);
        keys.restore([], [], [one.leaf.as_slice()]).ok()?;
        let logs = Logs::new(GID, one.log.mid);
        Some(Reader { rosters: &self.rosters, logs, keys, epochs: BTreeMap::new() })
    }

    /// Decodes an entry and encodes it again.
    #[must_use]
    pub fn recode(given: &Given) -> Option<Vec<u8>> {
        Some(Entry::decode(&GID, given.log, &given.bytes).ok()?.to_bytes())
    }

    fn wrote(&mut self, who: usize, entry: &Entry) -> Given {
        if let Some(one) = self.people.get_mut(who) {
            one.seq = one.seq.saturating_add(1);
            one.prev = entry.id();
            if let HeadKind::Rekey { generation, pk, .. } | HeadKind::Leaf { generation, pk, .. } = entry.head.kind {
                one.generation = generation;
                let leaf = Recipient { inst: one.log.inst, inst_no: 0, generation, pk };
                self.recipients.insert(one.log.mid, leaf);
            }
        }
        Given { log: entry.log, bytes: entry.to_bytes() }
    }
}

impl Speaker {
    fn place(&self, heads: Heads) -> HeadPlace {
        HeadPlace { seq: self.seq, prev: self.prev, heads }
    }
}

/// The record that was written last.
fn value_of(changes: Vec<SecretChange>) -> Vec<u8> {
    let puts = changes.into_iter().rev().find_map(|change| match change {
        SecretChange::Put { value, .. } => Some(value.to_vec()),
        SecretChange::Erase { .. } => None,
    });
    puts.unwrap_or_default()
}

/// Somebody's logs and keys, from nothing on.
pub struct Reader<'a> {
    rosters: &'a Rosters,
    logs: Logs,
    keys: GroupKeys,
    epochs: BTreeMap<(LogId, u64), EntryId>,
}

impl Reader<'_> {
    /// All that receiving costs beside the disk: form, signature, admission, keys, words. `None`: not taken.
    pub fn take(&mut self, given: &Given) -> Option<Taken> {
        let arrival = Arrival { log: given.log, bytes: &given.bytes, giver: None };
        let Inserted::Appended(appended) = self.logs.insert(&mut self.rosters, START, arrival) else { return None };
        let entry = &appended.entry;
        let log = entry.log;
        let rekey_of = |epoch: u64, epochs: &BTreeMap<(LogId, u64), EntryId>| epochs.get(&(log, epoch)).copied();
        match entry.head.kind {
            HeadKind::Rekey { epoch, .. } => {
                let rekey = epoch.checked_sub(1).and_then(|before| rekey_of(before, &self.epochs));
                self.epochs.insert((log, epoch), entry.id());
                let at = KeyArrival { keyed: &appended.keyed, rekey, shown: None };
                Some(told(self.keys.on_rekey(START, entry, &at).outcome))
            }
            HeadKind::KeyGrant { epoch, .. } => {
                let at = KeyArrival { keyed: &appended.keyed, rekey: rekey_of(epoch, &self.epochs), shown: None };
                Some(told(self.keys.on_grant(START, entry, &at).outcome))
            }
            HeadKind::Message { epoch, .. } => {
                let rekey = rekey_of(epoch, &self.epochs)?;
                let Ok(opened) = self.keys.open(START, entry, rekey) else { return Some(Taken::Kept) };
                let Body::Post(post) = opened.content.body else { return Some(Taken::Kept) };
                Some(Taken::Words(post.text))
            }
            HeadKind::Leaf { .. } | HeadKind::GrantEnvelope { .. } | HeadKind::Opaque { .. } => Some(Taken::Kept),
        }
    }
}

fn told(outcome: KeyOutcome) -> Taken {
    if matches!(outcome, KeyOutcome::Opened { .. }) { Taken::Key } else { Taken::Kept }
}
