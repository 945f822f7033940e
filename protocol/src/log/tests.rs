//! The rules of the logs, with real signatures and a membership log that is a table.
//!
//! [`World`] knows everybody's keys and what each operation does; [`Pen`] writes good entries of one author, and a test
//! spoils one thing at a time.

mod admission;
mod branches;
mod counting;
mod waiting;

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec;
use alloc::vec::Vec;

use super::body::{GrantBody, LeafBody, LeafNumber, RekeyBody, SLOT_BYTES, SealedChain, SealedSeed, Slot, roster_hash};
use super::entry::{Entry, Head, HeadKind, Suspended, first_prev};
use super::*;
use crate::crypto::derive::sha256;
use crate::crypto::seal::leaf_pair;
use crate::crypto::sign::KeyPair;
use crate::crypto::{Field, Label, Secret, enc};
use crate::ids::{Digest, Heads, LeafKey, Point};
use crate::time::Timestamp;
use crate::wire::{from_bytes, to_bytes};

const NOW: Timestamp = Timestamp::new(1_000, 1_700_000_000_000);

/// What an operation of the table does to one member.
#[derive(Clone, Copy)]
enum Effect {
    Keyed(usize),
    Pending(usize),
    Gone(usize),
}

/// A membership log as a table: operations with what they rest on and what they do.
#[derive(Clone)]
struct World {
    gid: GroupId,
    ops: BTreeMap<OperationId, (Vec<OperationId>, Effect)>,
    unknown: BTreeSet<OperationId>,
    strangers: BTreeSet<MembershipId>,
}

fn op(number: u8) -> OperationId {
    OperationId([number; 32])
}

fn heads(numbers: &[u8]) -> Heads {
    Heads::new(numbers.iter().map(|&number| op(number)).collect())
}

fn mid(who: usize) -> MembershipId {
    MembershipId(sha256(&[1, u8::try_from(who).unwrap()]).0)
}

fn keys(who: usize) -> KeyPair {
    KeyPair::from_seed(&Secret::new(sha256(&[u8::try_from(who).unwrap()]).0))
}

fn people() -> impl Iterator<Item = usize> {
    0..=120
}

impl World {
    /// Operation 1 seats the first `count` members.
    fn of(count: usize) -> Self {
        let mut world = Self {
            gid: GroupId(sha256(&[0]).0),
            ops: BTreeMap::new(),
            unknown: BTreeSet::new(),
            strangers: BTreeSet::new(),
        };
        // One operation can seat one; a chain of hidden ones, tied by operation 1, seats all.
        let hidden = |who: usize| OperationId([0xf0 ^ u8::try_from(who).unwrap(); 32].map(|b| b ^ 0x55));
        let all: Vec<OperationId> = (0..count).map(hidden).collect();
        for (who, id) in all.iter().enumerate() {
            world.ops.insert(*id, (vec![], Effect::Keyed(who)));
        }
        world.ops.insert(op(1), (all, Effect::Keyed(0)));
        world
    }

    fn add(&mut self, number: u8, after: &[u8], effect: Effect) {
        self.ops.insert(op(number), (after.iter().map(|&number| op(number)).collect(), effect));
    }

    fn past(&self, heads: &Heads) -> BTreeSet<OperationId> {
        let mut past = BTreeSet::new();
        let mut open = heads.as_slice().to_vec();
        while let Some(id) = open.pop() {
            if past.insert(id) {
                open.extend(self.ops.get(&id).map(|(after, _)| after.clone()).unwrap_or_default());
            }
        }
        past
    }

    #[expect(clippy::fn_params_excessive_bools, reason = "one of the world's three questions")]
    fn members(&self, heads: &Heads, with_pending: bool) -> Result<Mids, Vec<OperationId>> {
        let past = self.past(heads);
        let missing: Vec<OperationId> =
            past.iter().filter(|id| self.unknown.contains(id) || !self.ops.contains_key(id)).copied().collect();
        if !missing.is_empty() {
            return Err(missing);
        }
        let (mut seated, mut gone) = (BTreeSet::new(), BTreeSet::new());
        for id in &past {
            match self.ops[id].1 {
                Effect::Keyed(who) => drop(seated.insert(mid(who))),
                Effect::Pending(who) if with_pending => drop(seated.insert(mid(who))),
                Effect::Pending(_) => {}
                Effect::Gone(who) => drop(gone.insert(mid(who))),
            }
        }
        Ok(seated.difference(&gone).copied().collect::<Vec<_>>().into())
    }

    fn keyed(&self, heads: &Heads) -> Mids {
        self.members(heads, false).unwrap()
    }
}

impl Authority for &World {
    fn key_of(&self, who: &MembershipId) -> Option<MemberKey> {
        let found = people().find(|&number| mid(number) == *who).filter(|_| !self.strangers.contains(who));
        found.map(|number| keys(number).public())
    }
    fn keyed_at(&mut self, heads: &Heads) -> Result<Mids, Vec<OperationId>> {
        self.members(heads, false)
    }
    fn candidates_at(&mut self, heads: &Heads) -> Result<Mids, Vec<OperationId>> {
        self.members(heads, true)
    }
    fn covers(&self, newer: &Heads, older: &Heads) -> bool {
        self.past(newer).is_superset(&self.past(older))
    }
    fn independent(&self, heads: &Heads) -> bool {
        heads.as_slice().iter().all(|one| {
            let others = heads.as_slice().iter().filter(|other| *other != one).copied().collect();
            !self.past(&Heads::new(others)).contains(one)
        })
    }
}

/// An entry before it is signed.
#[derive(Clone)]
struct Draft {
    head: Head,
    commit: Option<Digest>,
    body: Vec<u8>,
}

/// Writes the log of one author.
#[derive(Clone)]
struct Pen {
    gid: GroupId,
    who: usize,
    log: LogId,
    inst_no: u16,
    seq: u64,
    prev: EntryId,
    heads: Heads,
    generation: u64,
    epoch: u64,
    next_index: u64,
    salt: u8,
}

impl Pen {
    fn new(world: &World, who: usize, inst: u8) -> Self {
        let log = LogId { mid: mid(who), inst: Instance([inst; 16]) };
        Self {
            gid: world.gid,
            who,
            log,
            inst_no: 0,
            seq: 0,
            prev: first_prev(&world.gid, &log),
            heads: heads(&[1]),
            generation: 0,
            epoch: 0,
            next_index: 0,
            salt: 0,
        }
    }

    fn draft(&self, kind: HeadKind, commit: Option<Digest>, body: Vec<u8>) -> Draft {
        Draft { head: Head { seq: self.seq, prev: self.prev, heads: self.heads.clone(), kind }, commit, body }
    }

    fn pk(&self) -> LeafKey {
        let who = u8::try_from(self.who).unwrap();
        let inst = self.log.inst.0[0];
        let number = u8::try_from(self.generation).unwrap();
        leaf_pair(&Secret::new(sha256(&[9, who, inst, number, self.salt]).0)).1
    }

    fn leaf(&self, world: &World, reason: u64) -> Draft {
        let others = world.keyed(&self.heads).iter().filter(|other| **other != self.log.mid).count();
        let (inst_no, generation) = (self.inst_no, self.generation);
        let kind = HeadKind::Leaf { inst_no, generation, pk: self.pk(), reason, prior: None };
        self.draft(kind, None, to_bytes(&LeafBody(vec![None; others])))
    }

    fn rekey(&self, world: &World, suspended: &[u8]) -> Draft {
        let keyed = world.keyed(&self.heads);
        let suspended: Vec<Suspended> = suspended.iter().map(|&place| Suspended { place, why: 4 }).collect();
        let seed = SealedSeed { leaf: LeafNumber { inst_no: 0, generation: 0 }, slot: Slot([7; SLOT_BYTES]) };
        let body = RekeyBody(vec![seed; keyed.len() - 1 - suspended.len()]);
        let kind = HeadKind::Rekey {
            epoch: self.epoch,
            prev_len: self.next_index,
            roster_hash: roster_hash(&self.gid, &keyed),
            generation: self.generation,
            pk: self.pk(),
            reason: 1,
            suspended,
        };
        self.draft(kind, Some(Digest([8; 32])), to_bytes(&body))
    }

    fn grant(&self, targets: &[usize], reason: u64) -> Draft {
        let mut targets: Vec<SealedChain> = targets
            .iter()
            .map(|&who| SealedChain {
                mid: mid(who),
                leaf: LeafNumber { inst_no: 0, generation: 3 },
                slot: Slot([6; SLOT_BYTES]),
            })
            .collect();
        targets.sort_unstable_by_key(|target| target.mid);
        let kind = HeadKind::KeyGrant { epoch: self.epoch - 1, index: self.next_index, reason };
        self.draft(kind, Some(Digest([8; 32])), to_bytes(&GrantBody(targets)))
    }

    fn message(&self, size: usize) -> Draft {
        let index = self.next_index;
        let kind = HeadKind::Message { epoch: self.epoch - 1, index, nonce: [self.salt; 24] };
        let mut draft = self.draft(kind, Some(Digest([8; 32])), vec![5; size + 16]);
        if !index.is_multiple_of(64) {
            draft.head.heads = Heads::default();
        }
        draft
    }

    fn envelope(&self, size: usize) -> Draft {
        let kind = HeadKind::GrantEnvelope { lookup: Digest([4; 32]), invite_pk: keys(0).public(), not_after: 9 };
        self.draft(kind, None, vec![3; size])
    }

    fn sign(&self, draft: Draft) -> Entry {
        Entry::sign(&self.gid, self.log, draft.head, (draft.commit, draft.body), &keys(self.who))
    }

    /// Signs and goes on behind it.
    fn write(&mut self, draft: Draft) -> Entry {
        let entry = self.sign(draft);
        self.seq += 1;
        self.prev = entry.id();
        match &entry.head.kind {
            HeadKind::Leaf { .. } => self.generation += 1,
            HeadKind::Rekey { .. } => {
                self.generation += 1;
                self.epoch += 1;
                self.next_index = 0;
            }
            HeadKind::Message { index, .. } => self.next_index = index + 1,
            HeadKind::KeyGrant { .. } | HeadKind::GrantEnvelope { .. } | HeadKind::Opaque { .. } => {}
        }
        entry
    }

    /// Entry 0, a Rekey, and so many messages.
    fn speak(&mut self, world: &World, messages: usize) -> Vec<Entry> {
        let mut entries = vec![];
        if self.seq == 0 {
            entries.push(self.write(self.leaf(world, 0)));
        }
        if self.epoch == 0 {
            entries.push(self.write(self.rekey(world, &[])));
        }
        entries.extend((0..messages).map(|_| self.write(self.message(256))));
        entries
    }
}

fn logs(world: &World) -> Logs {
    Logs::new(world.gid, mid(0))
}

fn give(logs: &mut Logs, world: &World, entry: &Entry) -> Inserted {
    give_bytes(logs, world, entry.log, &entry.to_bytes())
}

fn give_bytes(logs: &mut Logs, world: &World, log: LogId, bytes: &[u8]) -> Inserted {
    logs.insert(&mut &*world, NOW, Arrival { log, bytes, giver: Some(keys(0).public()) })
}

/// Gives all and lets the pool settle; every entry must be taken in the end.
fn give_all(logs: &mut Logs, world: &World, entries: &[Entry]) {
    for entry in entries {
        give(logs, world, entry);
        settle(logs, world);
    }
}

fn settle(logs: &mut Logs, world: &World) -> Vec<Inserted> {
    let mut settled = vec![];
    while logs.has_ready() {
        settled.extend(logs.retry(&mut &*world, NOW, 16));
    }
    settled
}

fn assert_taken(inserted: &Inserted) {
    assert!(matches!(inserted, Inserted::Appended(_)), "{inserted:?}");
}

fn assert_refused(inserted: &Inserted, rule: EntryRule) {
    assert!(matches!(inserted, Inserted::Refused(found) if *found == rule), "{inserted:?}, not {rule:?}");
}

/// All that the store would hold, in an order that does not depend on arrival: branches by their head.
fn picture(logs: &Logs) -> Vec<u8> {
    let mut records: Vec<(LogId, EntryId, LogState)> = vec![];
    for log in logs.ids() {
        for (branch, _) in logs.branches(log) {
            let state = logs.branch_state(log, branch).unwrap();
            records.push((*log, state.head, state.clone()));
        }
    }
    records.sort_unstable_by_key(|(log, head, _)| (*log, *head));
    let states = records.iter().flat_map(|(_, _, state)| to_bytes(state));
    states.chain(logs.places.iter().flat_map(|(eid, _)| eid.0)).collect()
}

/// A log written to records and ids, and read back.
fn reopened(logs: &Logs, world: &World) -> Logs {
    let mut back = Logs::new(world.gid, mid(0));
    for log in logs.ids() {
        for (branch, _) in logs.branches(log) {
            let bytes = to_bytes(&logs.record(log, branch).unwrap());
            assert!(back.restore(from_bytes(&bytes, limits::VALUE_BYTES_MAX).unwrap()));
        }
    }
    let mut places: Vec<(Place, EntryId)> = logs.places.iter().map(|(eid, place)| (place, eid)).collect();
    places.sort_unstable();
    for (place, eid) in places {
        assert!(back.restore_entry(place, eid));
    }
    assert_eq!(back.incomplete().count(), 0);
    back
}
