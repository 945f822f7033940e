//! People, links and replicas for tests of the membership log: real keys, real signatures, any number of seats.
//!
//! A [`Side`] is what one partition knows. People act on a side; sides are merged by handing over every operation.

use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;

use crate::crypto::Secret;
use crate::crypto::derive::sha256;
use crate::crypto::sign::KeyPair;
use crate::ids::{Heads, MemberKey, MembershipId, Office, OperationId, Output, SeatNumber, SessionId};
use crate::membership::{
    Admission, Blow, Body, Membership, Operation, Role, Rule, SeatGrant, SeatState, Setting, SettingKey,
    SignedOperation, Terms,
};

/// Somebody with a key; a membership and an office once there are.
#[derive(Clone)]
pub struct Person {
    /// For failing tests.
    pub name: String,
    seed: [u8; 32],
    pair: Arc<KeyPair>,
    key: MemberKey,
    /// The current membership.
    pub mid: MembershipId,
    /// The office acted under.
    pub office: Option<Office>,
}

impl Person {
    /// Somebody whose key follows from the name.
    #[must_use]
    pub fn new(name: &str) -> Self {
        let seed = sha256(name.as_bytes()).0;
        let pair = KeyPair::from_seed(&Secret::new(seed));
        let key = pair.public();
        Self { name: name.into(), seed, pair: Arc::new(pair), key, mid: MembershipId([0; 32]), office: None }
    }

    /// The same person in another membership, without an office.
    #[must_use]
    pub fn with(mut self, mid: MembershipId) -> Self {
        (self.mid, self.office) = (mid, None);
        self
    }

    /// The key pair.
    #[must_use]
    pub fn keys(&self) -> Arc<KeyPair> {
        Arc::clone(&self.pair)
    }

    /// The public key.
    #[must_use]
    pub const fn key(&self) -> MemberKey {
        self.key
    }
}

impl core::fmt::Debug for Person {
    fn fmt(&self, to: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        to.write_str(&self.name)
    }
}

/// A link: its grant and its key.
#[derive(Clone)]
pub struct Link {
    /// The tickets.
    pub grant: SeatGrant,
    pair: Arc<KeyPair>,
}

impl Link {
    /// The link's key pair.
    #[must_use]
    pub fn keys(&self) -> Arc<KeyPair> {
        Arc::clone(&self.pair)
    }
}

/// What a link's tickets say beyond their outputs.
#[derive(Clone, Default)]
pub struct Says {
    /// A guest's session.
    pub session: Option<SessionId>,
    /// Newcomers wait for a confirmation.
    pub approve: bool,
    /// Only this key.
    pub bound: Option<MemberKey>,
    /// Bans that are lifted.
    pub lifts: Vec<OperationId>,
}

/// What one partition knows.
pub struct Side<const S: usize> {
    /// Its log.
    pub log: Membership<S>,
    links: u64,
    /// What the authors' clocks say (shown to people, never read by the fold).
    pub clock_ms: u64,
}

impl<const S: usize> Side<S> {
    /// A new group.
    ///
    /// # Errors
    /// Never, with these keys.
    pub fn found(founder: &mut Person) -> Result<Self, Rule> {
        let genesis = SignedOperation::genesis(&founder.keys(), [7; 32], Vec::new(), 1);
        let log = Membership::found(&genesis)?;
        founder.mid = log.gid().into();
        founder.office = Some(log.gid().into());
        Ok(Self::of(log))
    }

    /// What a log knows.
    #[must_use]
    pub const fn of(log: Membership<S>) -> Self {
        Self { log, links: 0, clock_ms: 2 }
    }

    /// A copy: from here on the two sides know different things.
    #[must_use]
    pub fn split(&self) -> Self {
        Self { log: self.log.fork(), links: self.links.saturating_add(1_000), clock_ms: self.clock_ms }
    }

    /// Takes over every operation that the other side knows and this one doesn't.
    pub fn merge(&mut self, other: &Self) -> Vec<Admission> {
        let news = other.log.known().filter(|signed| self.log.operation(&signed.id()).is_none());
        let known: Vec<Vec<u8>> = news.map(|signed| signed.bytes().to_vec()).collect();
        self.log.admit_batch(known.iter().map(Vec::as_slice))
    }

    /// `who` writes the next operation of the own chain, under the own office if it needs one.
    pub fn write(&mut self, who: &Person, body: Body) -> OperationId {
        let office = who.office.filter(|_| body.is_office());
        let signed = self.log.draft(&who.mid, &who.keys(), body, self.clock_ms, office);
        self.log.admit(signed.bytes());
        signed.id()
    }

    /// As [`Self::write`], after an operation of the past and resting on nothing newer than `deps` and what it names.
    pub fn write_after(&mut self, who: &Person, prev: OperationId, deps: &[OperationId], body: Body) -> OperationId {
        let signed = self.forge(who, prev, deps, body);
        self.log.admit(signed.bytes());
        signed.id()
    }

    /// An operation after any earlier one, not offered yet.
    #[must_use]
    pub fn forge(&self, who: &Person, prev: OperationId, deps: &[OperationId], body: Body) -> SignedOperation {
        let office = who.office.filter(|_| body.is_office());
        let before = self.log.operation(&prev).map_or(0, |signed| signed.operation().seq);
        let mut operation = Operation {
            gid: Some(self.log.gid()),
            epoch: 0,
            mid: Some(who.mid),
            office,
            seq: before.saturating_add(1),
            prev: Some(prev),
            deps: Vec::new(),
            lamport: 0,
            at: self.clock_ms,
            body,
        };
        let mut all = deps.to_vec();
        all.push(prev);
        self.rest_on(&mut operation, all);
        SignedOperation::sign(operation, &who.keys())
    }

    fn rest_on(&self, operation: &mut Operation, deps: Vec<OperationId>) {
        operation.deps = Heads::new(deps).as_slice().to_vec();
        let newest =
            operation.deps.iter().filter_map(|id| self.log.operation(id)).map(|op| op.operation().lamport).max();
        operation.lamport = newest.unwrap_or(0).saturating_add(1);
    }

    /// A link for these seats' present outputs.
    #[must_use]
    pub fn link(&mut self, issuer: &Person, seats: &[u8], says: &Says) -> Link {
        let pairs: Vec<(SeatNumber, Output)> = seats.iter().map(|&seat| (SeatNumber(seat), self.out(seat))).collect();
        self.link_for(issuer, &pairs, says)
    }

    /// A link for any outputs.
    #[must_use]
    pub fn link_for(&mut self, issuer: &Person, pairs: &[(SeatNumber, Output)], says: &Says) -> Link {
        self.links = self.links.saturating_add(1);
        let mut name = issuer.seed.to_vec();
        name.extend_from_slice(&self.links.to_be_bytes());
        let pair = KeyPair::from_seed(&Secret::new(sha256(&name).0));
        let terms = Terms {
            issuer: issuer.office.unwrap_or(OperationId([0; 32])),
            invite_pk: pair.public(),
            bound_pk: says.bound,
            role: if says.session.is_some() { Role::Guest } else { Role::Member },
            session: says.session,
            approve: says.approve,
            not_after: 1_000,
            lifts: says.lifts.clone(),
        };
        let heads = self.log.citable_heads().clone();
        let grant = SeatGrant::issue(self.log.gid(), terms, heads, pairs, &issuer.keys());
        Link { grant, pair: Arc::new(pair) }
    }

    /// `who` joins by one ticket of a link.
    pub fn join(&mut self, who: &mut Person, link: &Link, ticket: usize) -> MembershipId {
        let signed = self.draft_join(who, link, ticket);
        self.log.admit(signed.bytes());
        who.mid = signed.id().into();
        who.office = None;
        who.mid
    }

    /// The Join by one ticket of a link, not offered yet. A ticket that doesn't exist is the last one.
    #[must_use]
    pub fn draft_join(&self, who: &Person, link: &Link, ticket: usize) -> SignedOperation {
        let ticket = ticket.min(link.grant.tickets.len().saturating_sub(1));
        let mut body = None;
        if let Some(ticket) = link.grant.tickets.get(ticket) {
            body = Some(link.grant.redeem(ticket, &who.name, who.key(), &link.keys()));
        }
        body.map_or_else(
            || SignedOperation::genesis(&who.keys(), [0; 32], Vec::new(), 0),
            |join| self.log.draft_join(&who.keys(), join, 3),
        )
    }

    /// The Join by one ticket, resting on `deps` alone.
    #[must_use]
    pub fn forge_join(&self, who: &Person, link: &Link, ticket: usize, deps: &[OperationId]) -> SignedOperation {
        let mut operation = self.draft_join(who, link, ticket).operation().clone();
        self.rest_on(&mut operation, deps.to_vec());
        SignedOperation::sign(operation, &who.keys())
    }

    /// `who` joins on a seat by a link of `issuer`, and is confirmed.
    pub fn seat(&mut self, issuer: &Person, who: &mut Person, seat: u8) -> MembershipId {
        let link = self.link(issuer, &[seat], &Says::default());
        self.join(who, &link, 0);
        self.confirm(issuer, who.mid);
        who.mid
    }

    /// `issuer` makes `who` an admin.
    pub fn promote(&mut self, issuer: &Person, who: &mut Person) -> Office {
        let office = self.write(issuer, Body::Promote { target: who.mid });
        who.office = Some(office);
        office
    }

    /// Confirms a Join.
    pub fn confirm(&mut self, by: &Person, who: MembershipId) -> OperationId {
        self.write(by, Body::Confirm { join: who.into() })
    }

    /// Present outputs of seats.
    #[must_use]
    pub fn pairs(&self, seats: &[u8]) -> Vec<(SeatNumber, Output)> {
        seats.iter().map(|&seat| (SeatNumber(seat), self.out(seat))).collect()
    }

    /// Hands free seats to an office.
    pub fn transfer(&mut self, by: &Person, seats: &[u8], to: Office) -> OperationId {
        let mut last = OperationId([0; 32]);
        for part in seats.chunks(32) {
            last = self.write(by, Body::Transfer { pairs: self.pairs(part), to });
        }
        last
    }

    /// Withdraws what was given away of free seats.
    pub fn bump(&mut self, by: &Person, seats: &[u8]) -> OperationId {
        self.write(by, Body::Bump { pairs: self.pairs(seats) })
    }

    /// Takes free seats back, perhaps citing a Leave.
    pub fn reclaim(&mut self, by: &Person, seats: &[u8], after: Option<OperationId>) -> OperationId {
        self.write(by, Body::Reclaim { pairs: self.pairs(seats), after })
    }

    /// The Promote by which somebody came to the own office; nothing for who was promoted by nobody.
    fn promotion_of(&self, who: &Person) -> Vec<OperationId> {
        let promoted = |id: &OperationId| {
            self.log.operation(id).is_none_or(|signed| matches!(signed.operation().body, Body::Promote { .. }))
        };
        who.office.into_iter().filter(promoted).collect()
    }

    /// A Remove without ban and cuts, citing all known offices of the target.
    pub fn remove(&mut self, by: &Person, who: &Person, pin: OperationId) -> OperationId {
        let blow = Blow { target: who.mid, pin, seen: self.promotion_of(who) };
        self.write(by, Body::Remove { blow, cuts: Vec::new(), ban: false })
    }

    /// The same, with a ban.
    pub fn remove_and_ban(&mut self, by: &Person, who: &Person, pin: OperationId) -> OperationId {
        let blow = Blow { target: who.mid, pin, seen: self.promotion_of(who) };
        self.write(by, Body::Remove { blow, cuts: Vec::new(), ban: true })
    }

    /// A Demote.
    pub fn demote(&mut self, by: &Person, who: &Person, pin: OperationId) -> OperationId {
        self.write(by, Body::Demote(Blow { target: who.mid, pin, seen: self.promotion_of(who) }))
    }

    /// Leaves, naming heirs.
    pub fn leave(&mut self, who: &Person, heirs: &[Office]) -> OperationId {
        self.write(who, Body::Leave { heirs: Heads::new(heirs.to_vec()).as_slice().to_vec(), cuts: Vec::new() })
    }

    /// Changes one setting.
    pub fn set(&mut self, by: &Person, key: SettingKey, value: Option<Setting>) -> OperationId {
        self.write(by, Body::SetPolicy { sets: Vec::from([(key, value)]) })
    }

    /// The newest operation of somebody's chain.
    #[must_use]
    pub fn tip(&self, who: &Person) -> OperationId {
        self.log.tip(&who.mid).unwrap_or(OperationId([0; 32]))
    }

    /// A seat's free output, or the one its occupant holds.
    #[must_use]
    pub fn out(&self, seat: u8) -> Output {
        match self.log.seat(SeatNumber(seat)) {
            Some(SeatState::Free { out, .. } | SeatState::Occupied { out, .. }) => *out,
            None => Output([0; 32]),
        }
    }

    /// Who sits there.
    #[must_use]
    pub fn sits(&self, seat: u8) -> Option<MembershipId> {
        match self.log.seat(SeatNumber(seat)) {
            Some(SeatState::Occupied { mid, .. }) => Some(*mid),
            Some(SeatState::Free { .. }) | None => None,
        }
    }

    /// In whose custody a free seat, or the occupant's output, is.
    #[must_use]
    pub fn custody(&self, seat: u8) -> Option<Office> {
        match self.log.seat(SeatNumber(seat)) {
            Some(SeatState::Occupied { custody, .. } | SeatState::Free { custody, .. }) => Some(*custody),
            None => None,
        }
    }

    /// How many seats are taken.
    #[must_use]
    pub fn count(&self) -> usize {
        self.log.roster().seats().iter().filter(|seat| matches!(seat, SeatState::Occupied { .. })).count()
    }

    /// Whether somebody sits anywhere.
    #[must_use]
    pub fn is_in(&self, who: &Person) -> bool {
        self.log.roster().person(&who.mid).is_some_and(|person| person.seat.is_some())
    }

    /// Whether somebody takes part in encryption.
    #[must_use]
    pub fn is_keyed(&self, who: &Person) -> bool {
        self.log.roster().is_keyed(&who.mid)
    }
}
