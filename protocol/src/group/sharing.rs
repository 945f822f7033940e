//! What members tell each other so that they find each other: lookup keys, and address records sealed under them
//! (section 8 of the network document). Guests get neither the key nor the sealed records.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use core::cell::RefCell;

use super::{Context, Group};
use crate::crypto::Secret;
use crate::crypto::sign::Verified;
use crate::error::PeerFault;
use crate::ids::{Heads, MemberKey, MembershipId, Neighbour, OperationId};
use crate::limits;
use crate::membership::{Membership, Role};
use crate::record::{Record, RecordId};
use crate::rendezvous::keys::{read_lookup_keys, write_lookup_keys};
use crate::rendezvous::{
    AddressBook, AddressRecord, AddressVerdict, Addresses, KeyVerdict, LookupKeys, LookupRecord, Owner, PublishTimes,
    Roll,
};
use crate::time::Timestamp;
use crate::wire::frame::GroupFrame;
use crate::wire::{Canonical, DecodeError, Reader, Writer, from_bytes, to_bytes};

/// Number of peer records per group: above this the oldest owner's number is used again.
const OWNERS_PER_GROUP: u32 = 1 << 12;

/// Secrets and records by which members of one group find each other.
pub(crate) struct Sharing {
    pub(crate) handshake: Secret<32>,
    pub(super) keys: LookupKeys,
    pub(super) book: AddressBook,
    pub(super) times: PublishTimes,
    /// Nothing can be told until a fit lookup key, or an own address, is here.
    pub(super) blocked: bool,
    numbers: BTreeMap<Owner, u32>,
}

impl Sharing {
    pub(super) fn new(handshake: Secret<32>) -> Self {
        Self {
            handshake,
            keys: LookupKeys::default(),
            book: AddressBook::default(),
            times: PublishTimes::default(),
            blocked: false,
            numbers: BTreeMap::new(),
        }
    }

    /// Whether anything is left by which members find each other.
    pub(super) fn knows_a_way(&self) -> bool {
        !self.keys.is_empty() || !self.numbers.is_empty()
    }

    fn number(&mut self, g: u32, owner: Owner) -> u32 {
        // Owners come and go, so the lowest number that is free.
        let free = || (0..OWNERS_PER_GROUP).find(|number| !self.numbers.values().any(|taken| taken == number));
        let number = self.numbers.get(&owner).copied().or_else(free).unwrap_or(0);
        self.numbers.insert(owner, number);
        g.wrapping_mul(OWNERS_PER_GROUP) | number
    }
}

/// The membership log as the records see it.
struct Log<'a>(RefCell<&'a mut Membership>);

impl Roll for Log<'_> {
    fn key_of(&self, mid: &MembershipId) -> Option<MemberKey> {
        self.0.borrow().key_of(mid)
    }

    fn is_full_member(&self, mid: &MembershipId) -> bool {
        let membership = self.0.borrow();
        membership.roster().is_keyed(mid) && membership.role_of(mid) == Some(Role::Member)
    }

    fn lamport_of(&self, operation: &OperationId) -> Option<u64> {
        let membership = self.0.borrow();
        membership
            .is_admitted(operation)
            .then(|| membership.operation(operation))
            .flatten()
            .map(|signed| signed.operation().lamport)
    }

    fn departed(&self) -> Vec<MembershipId> {
        let membership = self.0.borrow();
        let joined = membership.operations().filter(|signed| signed.operation().mid.is_none());
        let mids = joined.map(crate::membership::SignedOperation::mid);
        mids.filter(|mid| membership.role_of(mid) == Some(Role::Member) && membership.roster().person(mid).is_none())
            .collect()
    }

    fn was_out(&self, mid: &MembershipId, heads: &Heads) -> bool {
        self.0.borrow_mut().roster_at(heads).is_ok_and(|roster| roster.person(mid).is_none())
    }
}

/// Kind 0x02: an address record of one installation, as it came.
struct PeerRecord {
    sealed: Vec<u8>,
    plain: Vec<u8>,
    success_wall_ms: u64,
}

impl Canonical for PeerRecord {
    fn write(&self, to: &mut Writer) {
        to.array(4).uint(1_u64).bytes(&self.sealed).bytes(&self.plain).uint(self.success_wall_ms);
    }
    fn read(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
        from.array(4)?;
        if from.uint()? != 1 {
            return Err(DecodeError::Unknown);
        }
        let sealed = from.bytes(limits::SEALED_RECORD_BYTES_MAX)?.to_vec();
        let plain = from.bytes(limits::ADDRESS_RECORD_BYTES_MAX)?.to_vec();
        Ok(Self { sealed, plain, success_wall_ms: from.uint()? })
    }
}

impl Group {
    /// The founder makes the first lookup key; later a member does when none is fit (N-802, N-805).
    pub(super) fn make_lookup_key(&mut self, ctx: &mut Context<'_>) {
        let heads = self.membership.citable_heads().clone();
        let (gid, me) = (self.gid(), self.me);
        let log = Log(RefCell::new(&mut self.membership));
        let n = self.sharing.keys.next_number(&heads, &log);
        let record = LookupRecord::create((gid, me), heads, n, ctx.now, ctx.identity.keys(), ctx.rng);
        let body = write_lookup_keys(&[&record]);
        self.sharing.keys.restore(record, ctx.now.wall_ms);
        self.put_access(ctx);
        self.send_to_members(ctx, GroupFrame::LookupKey, &body);
        self.sharing.times.changed(ctx.now);
        self.sharing.blocked = false;
    }

    /// Whether there is a lookup key that shuts out everybody who has gone.
    pub(super) fn has_fit_lookup_key(&mut self) -> bool {
        let log = Log(RefCell::new(&mut self.membership));
        self.sharing.keys.current(&log).is_some()
    }

    /// The lookup keys, sealed under the rotating key of the store (kind 0x83).
    fn put_access(&mut self, ctx: &mut Context<'_>) {
        let log = Log(RefCell::new(&mut self.membership));
        let bytes = self.sharing.keys.to_stored(&log);
        ctx.effects.put(Record { id: RecordId::access(self.g), bytes });
    }

    /// What this group wrote down about finding each other goes.
    pub(super) fn erase_sharing(&self, effects: &mut crate::effects::Effects) {
        effects.erase(RecordId::access(self.g));
        for number in self.sharing.numbers.values() {
            effects.erase(RecordId::peer(self.g.wrapping_mul(OWNERS_PER_GROUP) | *number));
        }
    }

    /// Takes the lookup keys back at start.
    pub(super) fn restore_access(&mut self, bytes: &[u8], now: Timestamp) {
        let gid = self.gid();
        if !bytes.is_empty()
            && let Err(error) = self.sharing.keys.restore_stored(gid, bytes, now)
        {
            // The next member who is met brings them again.
            tracing::warn!(%error, "the lookup keys could not be read");
        }
    }

    /// After a start: what is too old is not used, not even until it is erased.
    pub(super) fn forget_old_addresses(&mut self, now: Timestamp) {
        // A clock that jumps must not erase the ways to the group (E-94). Lookup keys are secrets: they go by any clock,
        // and the next member who is met brings them again.
        let now = self.keys.stamp(now);
        let log = Log(RefCell::new(&mut self.membership));
        self.sharing.book.expire(&log, now);
    }

    /// Rules N-802, N-807: lookup keys go after 90 days, address records 30 days after their end and with their owner.
    pub(super) fn expire_sharing(&mut self, ctx: &mut Context<'_>) {
        if self.sharing.keys.expire(ctx.now) {
            self.put_access(ctx);
        }
        self.forget_old_addresses(ctx.now);
        let book = &self.sharing.book;
        let gone: Vec<Owner> = self.sharing.numbers.keys().filter(|owner| book.get(owner).is_none()).copied().collect();
        for owner in gone {
            if let Some(number) = self.sharing.numbers.remove(&owner) {
                ctx.effects.erase(RecordId::peer(self.g.wrapping_mul(OWNERS_PER_GROUP) | number));
            }
        }
    }

    /// Whether an admin should write a new lookup key though there is a fit one (N-805).
    pub(super) fn has_old_lookup_key(&mut self, now: Timestamp) -> bool {
        let log = Log(RefCell::new(&mut self.membership));
        self.sharing.keys.is_old(&log, now)
    }

    /// Takes an address record back at start.
    pub(super) fn restore_peer(&mut self, (number, bytes): (u32, &[u8])) {
        let Ok(peer) = from_bytes::<PeerRecord>(bytes, limits::VALUE_BYTES_MAX) else { return };
        if let Ok(signed) = AddressRecord::decode(self.gid(), &peer.plain) {
            let record = signed.trust_own_store();
            self.sharing.numbers.insert(record.owner, number % OWNERS_PER_GROUP);
            self.sharing.book.keep(record, peer.sealed);
        }
    }

    /// By N-807, a new own address record, sealed and pushed, if one is due and can be sealed.
    pub(super) fn publish_addresses(&mut self, ctx: &mut Context<'_>) {
        let due = self.sharing.times.due_mono_ms().is_some_and(|due| due <= ctx.now.mono_ms);
        if !due || self.sharing.blocked || !self.is_live() {
            return;
        }
        let is_guest = self.membership.role_of(&self.me) == Some(Role::Guest);
        if is_guest || ctx.listening.is_empty() {
            self.sharing.blocked = true;
            return;
        }
        let owner = Owner { mid: self.me, inst: self.own.inst };
        let last = self.sharing.book.get(&owner).map_or(0, |kept| kept.record.seq);
        let what = (0, ctx.listening.to_vec());
        let record = AddressRecord::create(self.gid(), owner, what, last, ctx.now, ctx.identity.keys());
        let log = Log(RefCell::new(&mut self.membership));
        let Some(key) = self.sharing.keys.current(&log) else {
            self.sharing.blocked = true;
            return;
        };
        let sealed = record.seal(key, ctx.rng);
        self.sharing.times.published(ctx.now);
        self.keep_address(ctx, record, sealed.clone());
        self.spread_address(ctx, sealed, None);
    }

    fn keep_address(&mut self, ctx: &mut Context<'_>, record: Verified<AddressRecord>, sealed: Vec<u8>) {
        let owner = record.owner;
        let value = PeerRecord { sealed: sealed.clone(), plain: to_bytes(&*record), success_wall_ms: 0 };
        let id = RecordId::peer(self.sharing.number(self.g, owner));
        ctx.effects.put(Record { id, bytes: to_bytes(&value) });
        self.sharing.book.keep(record, sealed);
    }

    /// A sealed record came by push or in an answer; gives whether it is news.
    pub(super) fn take_sealed_address(&mut self, ctx: &mut Context<'_>, bytes: &[u8], from: Neighbour) -> bool {
        let gid = self.gid();
        let log = Log(RefCell::new(&mut self.membership));
        let verdict = self.sharing.book.accept_sealed(gid, bytes, &self.sharing.keys, &log, ctx.now);
        self.on_address(ctx, verdict, from)
    }

    fn on_address(&mut self, ctx: &mut Context<'_>, verdict: AddressVerdict, from: Neighbour) -> bool {
        match verdict {
            AddressVerdict::Newer(owner) => {
                if let Some(kept) = self.sharing.book.get(&owner) {
                    let (plain, sealed) = (to_bytes(&*kept.record), kept.sealed.clone());
                    let id = RecordId::peer(self.sharing.number(self.g, owner));
                    let bytes = to_bytes(&PeerRecord { sealed, plain, success_wall_ms: 0 });
                    ctx.effects.put(Record { id, bytes });
                }
                self.candidates_moved(ctx);
                true
            }
            AddressVerdict::Refused(fault) => {
                ctx.faults.push((from.link, fault));
                false
            }
            AddressVerdict::Stale | AddressVerdict::Ignored => false,
        }
    }

    /// ADDRESSES on a slot: names come first, answers bring what is newer (N-808).
    pub(super) fn on_addresses(&mut self, ctx: &mut Context<'_>, from: Neighbour, body: &[u8]) {
        let theirs = match from_bytes::<Addresses>(body, GroupFrame::Addresses.body_bytes_max()) {
            Ok(theirs) => theirs,
            Err(_) => return ctx.faults.push((from.link, PeerFault::Undecodable)),
        };
        for sealed in &theirs.sealed {
            if self.take_sealed_address(ctx, sealed, from) {
                self.spread_address(ctx, sealed.clone(), Some(from));
            }
        }
        for plain in &theirs.open {
            let gid = self.gid();
            let log = Log(RefCell::new(&mut self.membership));
            let verdict = self.sharing.book.accept_plain(gid, plain, &log, ctx.now);
            self.on_address(ctx, verdict, from);
        }
        let is_greeting = theirs.sealed.is_empty() && theirs.open.is_empty();
        if is_greeting && self.is_full_neighbour(from) {
            for answer in self.sharing.book.newer_than(&theirs) {
                self.send(ctx, from, GroupFrame::Addresses, &to_bytes(&answer));
            }
        }
    }

    /// LOOKUPKEY: records of the key that address records are sealed under (N-803).
    pub(super) fn on_lookup_keys(&mut self, ctx: &mut Context<'_>, from: Neighbour, body: &[u8]) {
        let Ok(records) = read_lookup_keys(body) else {
            return ctx.faults.push((from.link, PeerFault::Undecodable));
        };
        let mut news = Vec::new();
        for bytes in records {
            let gid = self.gid();
            let log = Log(RefCell::new(&mut self.membership));
            match self.sharing.keys.accept(gid, &bytes, &log, ctx.now) {
                KeyVerdict::Accepted => news.push(bytes),
                KeyVerdict::Refused(fault) => ctx.faults.push((from.link, fault)),
                KeyVerdict::Known | KeyVerdict::Waiting | KeyVerdict::Ignored => {}
            }
        }
        if news.is_empty() {
            return;
        }
        self.put_access(ctx);
        self.sharing.times.changed(ctx.now);
        self.sharing.blocked = false;
        // An answer that could not be opened before may be opened now.
        self.send(ctx, from, GroupFrame::Addresses, &to_bytes(&self.sharing.book.summary()));
        let mut body = Writer::default();
        body.array(1).array(news.len());
        for record in &news {
            body.raw(record);
        }
        self.send_to_members_but(ctx, from, (GroupFrame::LookupKey, &body.into_bytes()));
    }

    /// What a newly opened slot is greeted with, once membership has settled: keys first, then addresses.
    pub(super) fn greet_with_addresses(&mut self, ctx: &mut Context<'_>, to: Neighbour) {
        if self.is_full_neighbour(to) {
            let log = Log(RefCell::new(&mut self.membership));
            let keys = self.sharing.keys.newest(&log);
            let body = (!keys.is_empty()).then(|| write_lookup_keys(&keys));
            if let Some(body) = body {
                self.send(ctx, to, GroupFrame::LookupKey, &body);
            }
            self.send(ctx, to, GroupFrame::Addresses, &to_bytes(&self.sharing.book.summary()));
        } else {
            let mut members: Vec<MembershipId> = self.membership.standing_offices().map(|(_, mid)| mid).collect();
            members.extend(self.membership.roster().keyed());
            let answer = self.sharing.book.for_guest(&members, ctx.now);
            self.send(ctx, to, GroupFrame::Addresses, &to_bytes(&answer));
        }
    }
}

#[cfg(test)]
mod tests;
