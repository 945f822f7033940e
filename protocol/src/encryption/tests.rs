//! Known answers, and three people who talk: what opens where, and what never does.

use super::grants::{GrantPlan, GrantReason};
use super::receive::{Arrival, Downgrade, KeyOutcome};
use super::rekey::{LeafPlan, LeafReason, NextEpoch, RekeyReason, Roll, Why};
use super::slot::SlotInfo;
use super::*;
use crate::crypto::derive::sha256;
use crate::crypto::seal::leaf_pair;
use crate::crypto::sign::Signed;
use crate::ids::OperationId;
use crate::log::body::{LeafBody, LeafNumber};
use crate::log::entry::first_prev;
use crate::timeline::content::{Body, Post};
use alloc::collections::VecDeque;
use alloc::string::{String, ToString};
use alloc::vec;
use core::convert::Infallible;
use rand_chacha::ChaCha20Rng;
use rand_core::{SeedableRng, TryCryptoRng, TryRng};

mod anchors;
mod bounds;
mod deletion;
mod edges;
mod forge;
mod history;
mod hostile;
mod probes;
mod shapes;
mod trio;

/// Gives exactly the bytes it was told, draw by draw.
pub(crate) struct Script(VecDeque<Vec<u8>>);

impl Script {
    fn new(draws: impl IntoIterator<Item = Vec<u8>>) -> Self {
        Self(draws.into_iter().collect())
    }
}

impl TryRng for Script {
    type Error = Infallible;
    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        panic!("every draw is of bytes");
    }
    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        panic!("every draw is of bytes");
    }
    fn try_fill_bytes(&mut self, to: &mut [u8]) -> Result<(), Infallible> {
        to.copy_from_slice(&self.0.pop_front().expect("a draw is left"));
        Ok(())
    }
}
impl TryCryptoRng for Script {}

/// One person with one installation, and the little that their logs would know.
struct Person {
    pair: KeyPair,
    log: LogId,
    group: GroupKeys,
    seq: u64,
    prev: EntryId,
    epochs: u64,
    said: u64,
    generation: u64,
    audience: BTreeMap<MembershipId, LeafNumber>,
    rekey: Option<EntryId>,
    leaf: Recipient,
}

/// A group of people who are given, and told who is Keyed.
struct World {
    people: Vec<Person>,
    rng: ChaCha20Rng,
    now: Timestamp,
}

const GID: GroupId = GroupId([0x77; 32]);
const DAY: u64 = 24 * 60 * 60 * 1_000;

impl World {
    fn new(count: u8) -> Self {
        let mut rng = ChaCha20Rng::from_seed([42; 32]);
        let now = Timestamp::new(0, 1_800_000_000_000);
        let people = (0..count).map(|i| Person::new(i, now, &mut rng)).collect();
        Self { people, rng, now }
    }

    fn mid(&self, i: usize) -> MembershipId {
        self.people[i].log.mid
    }

    fn keyed(&self, who: &[usize]) -> Vec<MembershipId> {
        let mut keyed: Vec<MembershipId> = who.iter().map(|&i| self.mid(i)).collect();
        keyed.sort_unstable();
        keyed
    }

    fn recipients(&self) -> BTreeMap<MembershipId, Recipient> {
        self.people.iter().map(|one| (one.log.mid, one.leaf)).collect()
    }

    fn rekey(&mut self, i: usize, who: &[usize]) -> Verified<Entry> {
        self.rekey_without(i, who, &BTreeMap::new())
    }

    fn rekey_without(&mut self, i: usize, who: &[usize], suspended: &BTreeMap<MembershipId, Why>) -> Verified<Entry> {
        let (keyed, recipients) = (self.keyed(who), self.recipients());
        let one = &mut self.people[i];
        let next = NextEpoch {
            epoch: one.epochs,
            prev_len: one.said,
            generation: one.generation + 1,
            reason: RekeyReason::Membership,
        };
        let roll = Roll { keyed: &keyed, recipients: &recipients, suspended, healing: &[] };
        let built = one.group.build_rekey(self.now, (one.place(), next), &roll, &one.pair, &mut self.rng).unwrap();
        one.audience = keyed
            .iter()
            .filter(|mid| **mid != one.log.mid && !suspended.contains_key(*mid))
            .map(|mid| (*mid, LeafNumber { inst_no: 0, generation: recipients[mid].generation }))
            .collect();
        one.epochs += 1;
        one.said = 0;
        one.generation += 1;
        let HeadKind::Rekey { pk, .. } = built.entry.head.kind else { panic!("a rekey") };
        one.leaf = Recipient { generation: one.generation, pk, ..one.leaf };
        one.rekey = Some(built.entry.id());
        one.group.take(built.staged);
        one.wrote(built.entry)
    }

    fn grant(&mut self, i: usize, to: &[usize]) -> Verified<Entry> {
        let recipients = self.recipients();
        let targets = to.iter().map(|&t| (self.mid(t), recipients[&self.mid(t)])).collect();
        let one = &mut self.people[i];
        let plan = GrantPlan { reason: GrantReason::Newcomer, targets };
        let built = one.group.build_grant(one.place(), &plan, &one.pair, &mut self.rng).unwrap();
        one.wrote(built.entry)
    }

    fn say(&mut self, i: usize, text: &str) -> Verified<Entry> {
        let one = &mut self.people[i];
        let mut place = one.place();
        place.heads = Heads::default();
        let sealed = one.group.seal(place, &content(text), &one.pair, &mut self.rng).unwrap();
        one.said += 1;
        one.group.take(sealed.staged);
        one.wrote(sealed.entry)
    }

    fn take_rekey(
        &mut self,
        i: usize,
        entry: &Verified<Entry>,
        who: &[usize],
        previous: Option<EntryId>,
    ) -> KeyOutcome {
        let keyed = self.keyed(who);
        let at = Arrival { keyed: &keyed, rekey: previous, shown: None };
        self.people[i].group.on_rekey(self.now, entry, &at).outcome
    }

    fn take_grant(&mut self, i: usize, entry: &Verified<Entry>, rekey: EntryId, who: &[usize]) -> KeyOutcome {
        let keyed = self.keyed(who);
        let at = Arrival { keyed: &keyed, rekey: Some(rekey), shown: None };
        self.people[i].group.on_grant(self.now, entry, &at).outcome
    }

    /// The words, or why there are none.
    fn read(&mut self, i: usize, entry: &Verified<Entry>, rekey: EntryId) -> Result<String, &'static str> {
        match self.people[i].group.open(self.now, entry, rekey) {
            Ok(opened) => match opened.content.body {
                Body::Post(post) => Ok(post.text),
                _ => Err("no post"),
            },
            Err(why) => Err(name(&why)),
        }
    }
}

impl Person {
    fn new(i: u8, now: Timestamp, rng: &mut ChaCha20Rng) -> Self {
        let log = LogId { mid: MembershipId(sha256(&[1, i]).0), inst: Instance([i; 16]) };
        let pair = KeyPair::from_seed(&Secret::new([i; 32]));
        let mut group = GroupKeys::new(GID, log, 0);
        let place = HeadPlace { seq: 0, prev: first_prev(&GID, &log), heads: heads() };
        let plan = LeafPlan { generation: 0, reason: LeafReason::Open, prior: None, known: LeafBody::default() };
        let (built, pk) = group.build_leaf(now, place, plan, &pair, rng);
        let leaf = Recipient { inst: log.inst, inst_no: 0, generation: 0, pk };
        let prev = built.entry.id();
        group.take(built.staged);
        let audience = BTreeMap::new();
        Self { pair, log, group, seq: 1, prev, epochs: 0, said: 0, generation: 0, audience, rekey: None, leaf }
    }

    fn place(&self) -> HeadPlace {
        HeadPlace { seq: self.seq, prev: self.prev, heads: heads() }
    }

    fn wrote(&mut self, entry: Entry) -> Verified<Entry> {
        self.seq += 1;
        self.prev = entry.id();
        verified(entry, &self.pair)
    }
}

fn heads() -> Heads {
    Heads::new(vec![OperationId([5; 32])])
}

fn verified(entry: Entry, pair: &KeyPair) -> Verified<Entry> {
    Signed::new(entry).verify(&pair.public()).expect("signed just now")
}

fn content(text: &str) -> Content {
    let post = Post { text: text.to_string(), ..Post::default() };
    Content { sent_at: 1_800_000_000_000, tick: 1_800_000_000_000, after: vec![], body: Body::Post(post) }
}

fn name(why: &Unopened) -> &'static str {
    match why {
        Unopened::WaitingForKey => "waiting",
        Unopened::BeforeMyTime => "before",
        Unopened::UsedOrExpired => "used",
        Unopened::Broken { .. } => "broken",
        Unopened::NoMessage => "no message",
    }
}

/// Every secret byte string that the group's keys hold now.
fn secrets_of(group: &GroupKeys) -> BTreeSet<[u8; 32]> {
    let chains = group.chains.values().flat_map(|held| {
        let skipped = held.skipped.values().map(|skipped| *skipped.key.expose());
        skipped.chain([*held.chain.key().expose()])
    });
    chains.chain(group.leaves.values().map(|leaf| *leaf.secret.expose())).collect()
}
