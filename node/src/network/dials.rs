//! The books on dials: which connection was made for what, and when an order to dial has come to nothing.
//!
//! An order with a name is one dial with all its addresses; one without a name is one dial per address, and the first
//! that gets through wins (N-104). Whatever happens, the core hears exactly one thing of each order: a link, or that it
//! failed.

use std::collections::BTreeMap;

use coterie_protocol::{Channel, MemberKey};
use libp2p::Multiaddr;
use libp2p::swarm::ConnectionId;

/// One order of the core.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Wish {
    /// Whom it means.
    pub(super) peer: Option<MemberKey>,
    /// What for.
    pub(super) channel: Channel,
}

/// What to do with a connection that was dialled.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Reached {
    /// Open these streams.
    Open(Vec<Wish>),
    /// Another address of the same order was quicker.
    TooLate,
    /// Nobody ordered it.
    Unasked,
}

#[derive(Debug)]
struct Race {
    wishes: Vec<Wish>,
    left: usize,
    won: bool,
}

/// What waits for one stream to open. A link's own task reports it before the books here hear of it, so a link may be
/// over and wanted again while its opening still stands here: that later wish must not get lost.
#[derive(Debug)]
pub(super) struct Openings {
    first: Pending,
    /// The same wish once more, after the first.
    pub(super) later: Option<Pending>,
}

impl Openings {
    /// One for all: the same wish is answered once.
    pub(super) fn into_newest(self) -> Pending {
        self.later.unwrap_or(self.first)
    }
}

/// All dials under way, and all openings on connections.
#[derive(Debug, Default)]
pub(super) struct Dials {
    next: u64,
    races: BTreeMap<u64, Race>,
    by_connection: BTreeMap<ConnectionId, u64>,
    openings: BTreeMap<(ConnectionId, Channel), Openings>,
}

/// A stream that is being opened.
#[derive(Debug)]
pub(super) struct Pending {
    /// For whom.
    pub(super) wish: Wish,
    /// Addresses still to dial if the connection that was there turns out to be dead.
    pub(super) instead: Vec<Multiaddr>,
}

impl Dials {
    /// Adds a wish to a dial to the same person that is under way. False if there is none.
    pub(super) fn join(&mut self, wish: &Wish) -> bool {
        let same = |race: &&mut Race| {
            wish.peer.is_some() && !race.won && race.wishes.iter().any(|other| other.peer == wish.peer)
        };
        let Some(race) = self.races.values_mut().find(same) else { return false };
        if !race.wishes.contains(wish) {
            race.wishes.push(wish.clone());
        }
        true
    }

    /// Dials have begun for one wish.
    pub(super) fn begin(&mut self, wish: Wish, dials: &[ConnectionId]) {
        let number = self.next;
        self.next = self.next.saturating_add(1);
        self.races.insert(number, Race { wishes: vec![wish], left: dials.len(), won: false });
        self.by_connection.extend(dials.iter().map(|dial| (*dial, number)));
    }

    /// A dial got through.
    pub(super) fn reached(&mut self, connection: ConnectionId) -> Reached {
        let Some((race, number)) = self.settle(connection) else { return Reached::Unasked };
        let reached = if race.won { Reached::TooLate } else { Reached::Open(std::mem::take(&mut race.wishes)) };
        race.won = true;
        self.forget_finished(number);
        reached
    }

    /// A dial failed: these wishes came to nothing with it.
    pub(super) fn failed(&mut self, connection: ConnectionId) -> Vec<Wish> {
        let Some((race, number)) = self.settle(connection) else { return Vec::new() };
        let lost = if race.left == 0 && !race.won { std::mem::take(&mut race.wishes) } else { Vec::new() };
        self.forget_finished(number);
        lost
    }

    fn settle(&mut self, connection: ConnectionId) -> Option<(&mut Race, u64)> {
        let number = self.by_connection.remove(&connection)?;
        let race = self.races.get_mut(&number)?;
        race.left = race.left.saturating_sub(1);
        Some((race, number))
    }

    fn forget_finished(&mut self, number: u64) {
        if self.races.get(&number).is_some_and(|race| race.left == 0) {
            self.races.remove(&number);
        }
    }

    /// A stream is wanted on a connection. False if one is being opened there: its outcome decides.
    pub(super) fn opening(&mut self, connection: ConnectionId, pending: Pending) -> bool {
        let place = (connection, pending.wish.channel);
        match self.openings.get_mut(&place) {
            Some(openings) => {
                openings.later = Some(pending);
                false
            }
            None => {
                self.openings.insert(place, Openings { first: pending, later: None });
                true
            }
        }
    }

    /// The opening ended; what it was for.
    pub(super) fn opened(&mut self, connection: ConnectionId, channel: Channel) -> Option<Openings> {
        self.openings.remove(&(connection, channel))
    }

    /// A connection ended: what was being opened on it.
    pub(super) fn closed(&mut self, connection: ConnectionId) -> Vec<Pending> {
        let channels = [Channel::Join, Channel::Group].into_iter();
        channels.filter_map(|channel| self.opened(connection, channel)).map(Openings::into_newest).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn connection(id: usize) -> ConnectionId {
        ConnectionId::new_unchecked(id)
    }

    fn wish(channel: Channel) -> Wish {
        Wish { peer: Some(MemberKey([7; 32])), channel }
    }

    #[test]
    fn n_104_of_several_addresses_the_first_that_answers_wins() {
        let mut dials = Dials::default();
        let wish = Wish { peer: None, channel: Channel::Join };
        dials.begin(wish.clone(), &[connection(1), connection(2), connection(3)]);
        assert_eq!(dials.failed(connection(1)), []);
        assert_eq!(dials.reached(connection(2)), Reached::Open(vec![wish]));
        assert_eq!(dials.reached(connection(3)), Reached::TooLate);
        assert_eq!(dials.reached(connection(9)), Reached::Unasked);
        assert!(dials.races.is_empty() && dials.by_connection.is_empty());
    }

    #[test]
    fn an_order_fails_once_when_its_last_dial_has_failed() {
        let mut dials = Dials::default();
        dials.begin(wish(Channel::Group), &[connection(1), connection(2)]);
        assert_eq!(dials.failed(connection(1)), []);
        assert_eq!(dials.failed(connection(2)), [wish(Channel::Group)]);
        assert_eq!(dials.failed(connection(2)), []);
    }

    #[test]
    fn two_wishes_for_one_person_share_a_dial() {
        let mut dials = Dials::default();
        assert!(!dials.join(&wish(Channel::Join)));
        dials.begin(wish(Channel::Group), &[connection(1)]);
        assert!(dials.join(&wish(Channel::Join)) && dials.join(&wish(Channel::Group)));
        assert_eq!(dials.reached(connection(1)), Reached::Open(vec![wish(Channel::Group), wish(Channel::Join)]));
    }

    #[test]
    fn a_wish_that_comes_before_the_outcome_of_the_same_opening_is_kept() {
        let mut dials = Dials::default();
        let pending = || Pending { wish: wish(Channel::Group), instead: Vec::new() };
        assert!(dials.opening(connection(1), pending()));
        assert!(!dials.opening(connection(1), pending()));
        assert!(dials.opening(connection(2), pending()), "another connection is another stream");
        assert!(dials.opened(connection(1), Channel::Group).is_some_and(|openings| openings.later.is_some()));
        assert!(dials.opened(connection(1), Channel::Group).is_none());
        assert_eq!(dials.closed(connection(2)).len(), 1);
    }
}
