//! People who seal and open, without a network and without membership: for benches of keys alone.

use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;

use rand_core::CryptoRng;

use crate::crypto::Secret;
use crate::crypto::sign::{KeyPair, Signed, Verified};
use crate::encryption::receive::{Arrival, KeyOutcome};
use crate::encryption::rekey::{LeafPlan, LeafReason, NextEpoch, RekeyReason, Roll};
use crate::encryption::{GroupKeys, HeadPlace, Recipient};
use crate::ids::{EntryId, GroupId, Heads, Instance, LogId, MembershipId, OperationId};
use crate::log::body::LeafBody;
use crate::log::entry::{Entry, HeadKind, first_prev};
use crate::time::Timestamp;
use crate::timeline::content::{Body, Content, Post};

const GID: GroupId = GroupId([0x77; 32]);

struct Speaker {
    pair: KeyPair,
    log: LogId,
    group: GroupKeys,
}

/// `n` people, all Keyed. The first one speaks, the last one reads.
pub struct Speakers<R> {
    people: Vec<Speaker>,
    keyed: Vec<MembershipId>,
    recipients: BTreeMap<MembershipId, Recipient>,
    rng: R,
    now: Timestamp,
    seq: u64,
    epoch: u64,
    said: u64,
    rekey: Option<EntryId>,
}

impl<R: CryptoRng> Speakers<R> {
    /// `n` people, at most 256.
    #[must_use]
    pub fn new(n: u8, mut rng: R) -> Self {
        let now = Timestamp::new(0, 1_800_000_000_000);
        let mut recipients = BTreeMap::new();
        let people: Vec<Speaker> = (0..n)
            .map(|i| {
                let (mid, inst) = ([i; 32], [i; 16]);
                let log = LogId { mid: MembershipId(mid), inst: Instance(inst) };
                let pair = KeyPair::from_seed(&Secret::new([i; 32]));
                let mut group = GroupKeys::new(GID, log, 0);
                let place = HeadPlace { seq: 0, prev: first_prev(&GID, &log), heads: heads() };
                let plan =
                    LeafPlan { generation: 0, reason: LeafReason::Open, prior: None, known: LeafBody::default() };
                let (built, pk) = group.build_leaf(now, place, plan, &pair, &mut rng);
                group.take(built.staged);
                recipients.insert(log.mid, Recipient { inst: log.inst, inst_no: 0, generation: 0, pk });
                Speaker { pair, log, group }
            })
            .collect();
        let keyed = recipients.keys().copied().collect();
        Self { people, keyed, recipients, rng, now, seq: 1, epoch: 0, said: 0, rekey: None }
    }

    /// The first one's Rekey, as bytes.
    pub fn rekey(&mut self) -> Option<Vec<u8>> {
        let place = self.place();
        let roll = Roll { keyed: &self.keyed, recipients: &self.recipients, suspended: &BTreeMap::new(), healing: &[] };
        let one = self.people.first_mut()?;
        let next = NextEpoch {
            epoch: self.epoch,
            prev_len: self.said,
            generation: self.epoch.saturating_add(1),
            reason: RekeyReason::Membership,
        };
        let built = one.group.build_rekey(self.now, (place, next), &roll, &one.pair, &mut self.rng).ok()?;
        self.epoch = self.epoch.saturating_add(1);
        self.said = 0;
        self.rekey = Some(built.entry.id());
        one.group.take(built.staged);
        Some(self.wrote(&built.entry))
    }

    /// The last one receives a Rekey: form, signature, own slot, commitment. Whether it opened.
    pub fn take_rekey(&mut self, bytes: &[u8]) -> Option<bool> {
        let entry = self.verified(bytes)?;
        let at = Arrival { keyed: &self.keyed, rekey: None, shown: None };
        let learned = self.people.last_mut()?.group.on_rekey(self.now, &entry, &at);
        Some(matches!(learned.outcome, KeyOutcome::Opened { .. }))
    }

    /// The first one says something, as bytes. `None`: the epoch is used up.
    pub fn say(&mut self, text: &str) -> Option<Vec<u8>> {
        let mut place = self.place();
        place.heads = Heads::default();
        let post = Post { text: String::from(text), ..Post::default() };
        let tick = self.now.wall_ms;
        let content = Content { sent_at: tick, tick, after: Vec::new(), body: Body::Post(post) };
        let one = self.people.first_mut()?;
        let sealed = one.group.seal(place, &content, &one.pair, &mut self.rng).ok()?;
        self.said = self.said.saturating_add(1);
        one.group.take(sealed.staged);
        Some(self.wrote(&sealed.entry))
    }

    /// The last one receives a Message: form, signature, key, content, commitment.
    pub fn open(&mut self, bytes: &[u8]) -> Option<String> {
        let entry = self.verified(bytes)?;
        let opened = self.people.last_mut()?.group.open(self.now, &entry, self.rekey?).ok()?;
        let Body::Post(post) = opened.content.body else { return None };
        Some(post.text)
    }

    /// Decodes an entry of the first one's log and encodes it again.
    #[must_use]
    pub fn recode(&self, bytes: &[u8]) -> Option<Vec<u8>> {
        Some(Entry::decode(&GID, self.people.first()?.log, bytes).ok()?.to_bytes())
    }

    fn verified(&self, bytes: &[u8]) -> Option<Verified<Entry>> {
        let first = self.people.first()?;
        let entry = Entry::decode(&GID, first.log, bytes).ok()?;
        Signed::new(entry).verify(&first.pair.public()).ok()
    }

    fn place(&self) -> HeadPlace {
        HeadPlace { seq: self.seq, prev: EntryId([0; 32]), heads: heads() }
    }

    fn wrote(&mut self, entry: &Entry) -> Vec<u8> {
        self.seq = self.seq.saturating_add(1);
        if let (HeadKind::Rekey { generation, pk, .. }, Some(first)) = (&entry.head.kind, self.people.first()) {
            let leaf = Recipient { inst: first.log.inst, inst_no: 0, generation: *generation, pk: *pk };
            self.recipients.insert(first.log.mid, leaf);
        }
        entry.to_bytes()
    }
}

fn heads() -> Heads {
    Heads::new(Vec::from([OperationId([5; 32])]))
}
