//! The gate: who gets a connection at all (N-201, N-204, N-210).
//!
//! Everybody on the internet may knock here, so every step before a proven name is counted: new connections by address,
//! strangers by number and by address, memory. Members pass these counts. Blocked people are refused as soon as their
//! name is proved, or before we dial them.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::convert::Infallible;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use libp2p::PeerId;
use libp2p::core::transport::PortUse;
use libp2p::core::{Endpoint, Multiaddr};
use libp2p::swarm::{
    CloseConnection, ConnectionDenied, ConnectionId, FromSwarm, NetworkBehaviour, THandler, THandlerInEvent,
    THandlerOutEvent, ToSwarm, dummy,
};

use super::limits::{
    ADDRESSES_MAX, ARRIVAL_EVERY_MS, ARRIVALS_BURST, BAD_KNOCKS_MAX, BAD_KNOCKS_MS, BLOCKS_MAX, NEWS_MAX,
    PER_MEMBER_MAX, RESIDENT_BYTES_MAX, STRANGERS_MAX, STRANGERS_PER_ADDRESS_MAX,
};
use super::peers::{Household, Surroundings, is_global, member_key};
use super::shared::Shared;
use crate::clock::Clock;

/// Why somebody got no connection. The text is what `status` counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Refusal {
    #[error("blocked")]
    Blocked,
    #[error("not_ed25519")]
    NotEd25519,
    #[error("too_many_strangers")]
    Strangers,
    #[error("too_many_strangers_from_one_address")]
    StrangersHere,
    #[error("too_many_arrivals_from_one_address")]
    Arrivals,
    #[error("too_many_bad_knocks")]
    BadKnocks,
    #[error("too_many_connections_of_one_member")]
    Member,
    #[error("memory_is_short")]
    Memory,
    #[error("not_a_public_address")]
    DialGuard,
}

impl Refusal {
    /// As `status` counts it.
    pub(super) const fn reason(self) -> &'static str {
        match self {
            Self::Blocked => "blocked",
            Self::NotEd25519 => "not_ed25519",
            Self::Strangers => "too_many_strangers",
            Self::StrangersHere => "too_many_strangers_from_one_address",
            Self::Arrivals => "too_many_arrivals_from_one_address",
            Self::BadKnocks => "too_many_bad_knocks",
            Self::Member => "too_many_connections_of_one_member",
            Self::Memory => "memory_is_short",
            Self::DialGuard => "not_a_public_address",
        }
    }
}

/// The gate.
pub(super) struct Gate {
    shared: Arc<Shared>,
    books: Books,
    refused: VecDeque<Refusal>,
    closing: VecDeque<(PeerId, CloseConnection)>,
    waker: Option<Waker>,
}

/// A connection that passed.
#[derive(Clone, Copy, Debug)]
struct Guest {
    peer: PeerId,
    /// `None` if we dialled.
    household: Option<Household>,
}

/// Who is refused whatever they may be otherwise.
#[derive(Debug, Default)]
pub(super) struct Blocks {
    /// Until when (monotonic ms).
    timed: BTreeMap<PeerId, u64>,
    /// Rule R-16: by the configuration, for as long as it says so.
    pub(super) listed: BTreeSet<PeerId>,
}

impl Blocks {
    pub(super) fn holds(&self, peer: &PeerId, now: u64) -> bool {
        self.listed.contains(peer) || self.timed.get(peer).is_some_and(|&until| now < until)
    }

    fn block(&mut self, peer: PeerId, until: u64, now: u64) {
        self.timed.retain(|_, &mut until| now < until);
        if self.timed.len() >= BLOCKS_MAX
            && let Some(first) = self.timed.iter().min_by_key(|(_, until)| **until).map(|(peer, _)| *peer)
        {
            self.timed.remove(&first);
        }
        let later = self.timed.get(&peer).map_or(until, |&earlier| earlier.max(until));
        self.timed.insert(peer, later);
    }
}

/// What the gate remembers; pure, so that each limit is tested one over.
#[derive(Default)]
struct Books {
    guests: BTreeMap<ConnectionId, Guest>,
    arrivals: BTreeMap<Household, Bucket>,
    bad_knocks: BTreeMap<Household, Knocks>,
    /// Dials that the core asked for.
    asked: BTreeSet<ConnectionId>,
    /// Everybody comes from this one address, so it can't be counted.
    loopback_only: bool,
}

#[derive(Clone, Copy)]
struct Bucket {
    tokens: u32,
    at: u64,
}

#[derive(Clone, Copy)]
struct Knocks {
    count: u32,
    since: u64,
}

impl Books {
    /// By N-204, ten new connections a minute from one address, twenty at once, before any handshake.
    fn arrive(&mut self, household: Household, now: u64) -> Result<(), Refusal> {
        if self.loopback_only {
            return Ok(());
        }
        if let Some(knocks) = self.bad_knocks.get(&household)
            && knocks.count >= BAD_KNOCKS_MAX
            && now.saturating_sub(knocks.since) < BAD_KNOCKS_MS
        {
            return Err(Refusal::BadKnocks);
        }
        make_room(&mut self.arrivals, household, |bucket| bucket.at);
        let bucket = self.arrivals.entry(household).or_insert(Bucket { tokens: ARRIVALS_BURST, at: now });
        let earned = now.saturating_sub(bucket.at) / ARRIVAL_EVERY_MS;
        bucket.at = bucket.at.saturating_add(earned.saturating_mul(ARRIVAL_EVERY_MS));
        bucket.tokens = bucket.tokens.saturating_add(u32::try_from(earned).unwrap_or(u32::MAX)).min(ARRIVALS_BURST);
        bucket.tokens = bucket.tokens.checked_sub(1).ok_or(Refusal::Arrivals)?;
        Ok(())
    }

    /// A KNOCK that nobody answered. The hour starts with the first, and anew with the one that blocks.
    fn knock_failed(&mut self, household: Household, now: u64) {
        make_room(&mut self.bad_knocks, household, |knocks| knocks.since);
        let knocks = self.bad_knocks.entry(household).or_insert(Knocks { count: 0, since: now });
        if now.saturating_sub(knocks.since) >= BAD_KNOCKS_MS {
            *knocks = Knocks { count: 0, since: now };
        }
        knocks.count = knocks.count.saturating_add(1);
        if knocks.count == BAD_KNOCKS_MAX {
            knocks.since = now;
        }
    }

    /// Somebody has proved a name: may they stay?
    fn admit(&self, guest: Guest, is_stranger: impl Fn(&PeerId) -> bool) -> Result<(), Refusal> {
        if member_key(&guest.peer).is_none() {
            return Err(Refusal::NotEd25519);
        }
        if !is_stranger(&guest.peer) {
            let same = self.guests.values().filter(|other| other.peer == guest.peer).count();
            return if same < PER_MEMBER_MAX { Ok(()) } else { Err(Refusal::Member) };
        }
        if guest.household.is_none() {
            return Ok(());
        }
        let strangers = || self.guests.values().filter(|other| other.household.is_some() && is_stranger(&other.peer));
        if strangers().count() >= STRANGERS_MAX {
            return Err(Refusal::Strangers);
        }
        let here = strangers().filter(|other| other.household == guest.household).count();
        if here >= STRANGERS_PER_ADDRESS_MAX && !self.loopback_only {
            return Err(Refusal::StrangersHere);
        }
        Ok(())
    }
}

/// Forgets the oldest address when there are too many.
fn make_room<T>(table: &mut BTreeMap<Household, T>, newcomer: Household, age: impl Fn(&T) -> u64) {
    if table.len() >= ADDRESSES_MAX
        && !table.contains_key(&newcomer)
        && let Some(oldest) = table.iter().min_by_key(|(_, entry)| age(entry)).map(|(household, _)| *household)
    {
        table.remove(&oldest);
    }
}

impl Gate {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        Self { shared, books: Books::default(), refused: VecDeque::new(), closing: VecDeque::new(), waker: None }
    }

    /// Whether all own addresses are loopback ones.
    pub(super) const fn follow(&mut self, surroundings: &Surroundings) {
        self.books.loopback_only = surroundings.loopback_only;
    }

    /// Refuses a peer for so long, and closes what is open once its links are gone.
    pub(super) fn block(&self, peer: PeerId, ms: u64) {
        let now = Clock::now().mono_ms;
        self.shared.blocks().block(peer, now.saturating_add(ms), now);
    }

    /// Connections of those on the configuration's list end at once.
    pub(super) fn cut_off_listed(&mut self) {
        let here: BTreeSet<PeerId> = self.books.guests.values().map(|guest| guest.peer).collect();
        let listed: Vec<PeerId> = here.intersection(&self.shared.blocks().listed).copied().collect();
        self.closing.extend(listed.into_iter().map(|peer| (peer, CloseConnection::All)));
        self.wake();
    }

    /// Whether a peer is refused now.
    pub(super) fn is_blocked(&self, peer: &PeerId) -> bool {
        self.shared.is_blocked(peer)
    }

    /// Rule N-210: the core wants this dial, wherever it leads.
    pub(super) fn ask(&mut self, connection: ConnectionId) {
        self.books.asked.insert(connection);
    }

    /// A stranger's KNOCK came to nothing.
    pub(super) fn knock_failed(&mut self, household: Household) {
        self.books.knock_failed(household, Clock::now().mono_ms);
    }

    fn wake(&mut self) {
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }

    fn refuse(&mut self, refusal: Refusal) -> ConnectionDenied {
        if self.refused.len() < NEWS_MAX {
            self.refused.push_back(refusal);
        }
        self.wake();
        ConnectionDenied::new(refusal)
    }

    fn establish(&mut self, connection: ConnectionId, guest: Guest) -> Result<THandler<Self>, ConnectionDenied> {
        self.books.asked.remove(&connection);
        let shared = Arc::clone(&self.shared);
        let is_stranger = |peer: &PeerId| shared.class(peer).is_none();
        if self.is_blocked(&guest.peer) {
            return Err(self.refuse(Refusal::Blocked));
        }
        let verdict = self.books.admit(guest, is_stranger).and_then(|()| {
            let short = is_stranger(&guest.peer) && guest.household.is_some() && memory_is_short();
            if short { Err(Refusal::Memory) } else { Ok(()) }
        });
        match verdict {
            Ok(()) => {
                self.books.guests.insert(connection, guest);
                Ok(dummy::ConnectionHandler)
            }
            Err(refusal) => Err(self.refuse(refusal)),
        }
    }
}

/// By N-204, above 512 MiB resident every stranger is refused. Unknown (no procfs) counts as enough.
fn memory_is_short() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = resident.and_then(|rest| rest.split_whitespace().next()?.parse::<u64>().ok());
    kib.is_some_and(|kib| kib.saturating_mul(1_024) > RESIDENT_BYTES_MAX)
}

impl NetworkBehaviour for Gate {
    type ConnectionHandler = dummy::ConnectionHandler;
    type ToSwarm = Refusal;

    fn handle_pending_inbound_connection(
        &mut self,
        _: ConnectionId,
        _: &Multiaddr,
        remote: &Multiaddr,
    ) -> Result<(), ConnectionDenied> {
        let Some(household) = Household::of(remote) else { return Ok(()) };
        self.books.arrive(household, Clock::now().mono_ms).map_err(|refusal| self.refuse(refusal))
    }

    fn handle_established_inbound_connection(
        &mut self,
        connection: ConnectionId,
        peer: PeerId,
        _: &Multiaddr,
        remote: &Multiaddr,
    ) -> Result<THandler<Self>, ConnectionDenied> {
        // An address without an IP can't be counted apart: all of those are one household.
        let household = Some(Household::of(remote).unwrap_or(Household::UNKNOWN));
        self.establish(connection, Guest { peer, household })
    }

    fn handle_pending_outbound_connection(
        &mut self,
        connection: ConnectionId,
        peer: Option<PeerId>,
        addresses: &[Multiaddr],
        _: Endpoint,
    ) -> Result<Vec<Multiaddr>, ConnectionDenied> {
        if peer.is_some_and(|peer| self.is_blocked(&peer)) {
            return Err(self.refuse(Refusal::Blocked));
        }
        if !self.books.asked.contains(&connection) && !addresses.iter().all(is_global) {
            return Err(self.refuse(Refusal::DialGuard));
        }
        Ok(Vec::new())
    }

    fn handle_established_outbound_connection(
        &mut self,
        connection: ConnectionId,
        peer: PeerId,
        _: &Multiaddr,
        _: Endpoint,
        _: PortUse,
    ) -> Result<THandler<Self>, ConnectionDenied> {
        self.establish(connection, Guest { peer, household: None })
    }

    fn on_swarm_event(&mut self, event: FromSwarm<'_>) {
        match event {
            FromSwarm::ConnectionClosed(closed) => {
                self.books.guests.remove(&closed.connection_id);
            }
            // Another part of the swarm refused it after us, or it broke before it was reported.
            FromSwarm::ListenFailure(failure) => {
                self.books.guests.remove(&failure.connection_id);
            }
            FromSwarm::DialFailure(failure) => {
                self.books.asked.remove(&failure.connection_id);
                self.books.guests.remove(&failure.connection_id);
            }
            _ => {}
        }
    }

    fn on_connection_handler_event(&mut self, _: PeerId, _: ConnectionId, event: THandlerOutEvent<Self>) {
        let _: Infallible = event;
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<ToSwarm<Self::ToSwarm, THandlerInEvent<Self>>> {
        if let Some((peer_id, connection)) = self.closing.pop_front() {
            return Poll::Ready(ToSwarm::CloseConnection { peer_id, connection });
        }
        if let Some(refusal) = self.refused.pop_front() {
            return Poll::Ready(ToSwarm::GenerateEvent(refusal));
        }
        self.waker = Some(cx.waker().clone());
        Poll::Pending
    }
}

#[cfg(test)]
mod tests {
    use libp2p::identity::Keypair;

    use super::*;

    fn somebody() -> PeerId {
        Keypair::generate_ed25519().public().to_peer_id()
    }

    fn household(number: u16) -> Household {
        Household::of(&format!("/ip4/203.0.{}.{}/tcp/4001", number >> 8, number & 255).parse().unwrap()).unwrap()
    }

    fn let_in(books: &mut Books, guest: Guest, id: usize) {
        books.guests.insert(ConnectionId::new_unchecked(id), guest);
    }

    #[test]
    fn n_204_sixteen_strangers_and_one_over() {
        let mut books = Books::default();
        for number in 0..16 {
            let guest = Guest { peer: somebody(), household: Some(household(number)) };
            assert_eq!(books.admit(guest, |_| true), Ok(()));
            let_in(&mut books, guest, usize::from(number));
        }
        let over = Guest { peer: somebody(), household: Some(household(99)) };
        assert_eq!(books.admit(over, |_| true), Err(Refusal::Strangers));
        assert_eq!(books.admit(over, |peer| *peer != over.peer), Ok(()), "a member passes");
        let dialled = Guest { household: None, ..over };
        assert_eq!(books.admit(dialled, |_| true), Ok(()), "whom we call is no stranger at the gate");
    }

    #[test]
    fn n_204_eight_strangers_of_one_address_and_one_over() {
        let mut books = Books::default();
        for id in 0..8 {
            let guest = Guest { peer: somebody(), household: Some(household(1)) };
            assert_eq!(books.admit(guest, |_| true), Ok(()));
            let_in(&mut books, guest, id);
        }
        let over = Guest { peer: somebody(), household: Some(household(1)) };
        assert_eq!(books.admit(over, |_| true), Err(Refusal::StrangersHere));
    }

    #[test]
    fn n_204_twenty_arrivals_at_once_and_then_ten_a_minute() {
        let mut books = Books::default();
        for _ in 0..20 {
            assert_eq!(books.arrive(household(1), 1_000), Ok(()));
        }
        assert_eq!(books.arrive(household(1), 1_000), Err(Refusal::Arrivals));
        assert_eq!(books.arrive(household(2), 1_000), Ok(()));
        assert_eq!(books.arrive(household(1), 6_999), Err(Refusal::Arrivals));
        assert_eq!(books.arrive(household(1), 7_000), Ok(()));
        let minute = (7_001..=67_000).filter(|&now| books.arrive(household(1), now).is_ok()).count();
        assert_eq!(minute, 10);
    }

    #[test]
    fn n_204_the_twentieth_bad_knock_blocks_the_address_for_an_hour() {
        let mut books = Books::default();
        for _ in 0..19 {
            books.knock_failed(household(1), 0);
        }
        assert_eq!(books.arrive(household(1), 0), Ok(()));
        books.knock_failed(household(1), 5_000);
        assert_eq!(books.arrive(household(1), 3_604_999), Err(Refusal::BadKnocks));
        assert_eq!(books.arrive(household(1), 3_605_000), Ok(()));
    }

    #[test]
    fn n_204_addresses_are_remembered_within_a_bound() {
        let mut books = Books::default();
        for number in 0..=u16::try_from(ADDRESSES_MAX).unwrap() {
            books.arrive(household(number), u64::from(number)).unwrap();
        }
        assert_eq!(books.arrivals.len(), ADDRESSES_MAX);
        assert!(!books.arrivals.contains_key(&household(0)), "the oldest went");
    }

    #[test]
    fn n_201_a_block_refuses_for_its_time_and_a_listed_peer_always() {
        let mut blocks = Blocks::default();
        let peer = somebody();
        blocks.block(peer, 100, 0);
        blocks.block(peer, 50, 0);
        assert!(blocks.holds(&peer, 99) && !blocks.holds(&peer, 100));
        blocks.listed.insert(peer);
        assert!(blocks.holds(&peer, u64::MAX) && !blocks.holds(&somebody(), 0));
    }

    #[test]
    fn n_201_the_block_list_is_bounded_and_the_one_that_ends_first_goes() {
        let mut blocks = Blocks::default();
        let first = somebody();
        blocks.block(first, 1_000, 0);
        for _ in 0..BLOCKS_MAX {
            blocks.block(PeerId::random(), 2_000, 0);
        }
        assert_eq!(blocks.timed.len(), BLOCKS_MAX);
        assert!(!blocks.holds(&first, 0));
    }

    #[test]
    fn n_105_a_name_that_is_no_ed25519_key_gets_no_connection() {
        let guest = Guest { peer: PeerId::random(), household: None };
        assert_eq!(Books::default().admit(guest, |_| false), Err(Refusal::NotEd25519));
    }

    #[test]
    fn n_210_a_dial_that_nobody_asked_for_reaches_public_addresses_only() {
        let (events, _keep) = tokio::sync::mpsc::channel(1);
        let (ended, _keep_too) = tokio::sync::mpsc::channel(1);
        let mut gate = Gate::new(Arc::new(Shared::new(events, ended)));
        let mut dial = |id: usize, address: &str| {
            let id = ConnectionId::new_unchecked(id);
            gate.handle_pending_outbound_connection(id, None, &[address.parse().unwrap()], Endpoint::Dialer).is_ok()
        };
        assert!(dial(1, "/ip4/203.0.113.9/tcp/4001"));
        assert!(!dial(2, "/ip4/192.168.1.1/tcp/80"));
        assert!(!dial(3, "/ip4/127.0.0.1/tcp/5001"));
        assert!(!dial(4, "/dns4/router.local/tcp/80"));
        gate.ask(ConnectionId::new_unchecked(5));
        let asked = ConnectionId::new_unchecked(5);
        let address = ["/ip4/192.168.1.1/tcp/4001".parse().unwrap()];
        assert!(gate.handle_pending_outbound_connection(asked, None, &address, Endpoint::Dialer).is_ok());
    }
}
