//! The books on connections that are established.

use std::net::IpAddr;
use std::time::Duration;

use coterie_protocol::Path;
use libp2p::PeerId;
use libp2p::core::ConnectedPoint;

use super::limits::{QUALITY_MS, STREAMLESS_MS, UNKNOWN_LIFE_MS};
use super::peers::{ip_of, path_of};

/// A connection as the books have it.
pub(super) struct Connection {
    pub(super) peer: PeerId,
    pub(super) path: Path,
    /// Of ours, as far as known.
    pub(super) local: Option<IpAddr>,
    inbound: bool,
    /// When its last stream ended, or it began (monotonic ms).
    idle_since: u64,
    had_stream: bool,
    pub(super) round_trip: RoundTrip,
}

impl Connection {
    /// Established at `now`.
    pub(super) fn new(peer: PeerId, endpoint: &ConnectedPoint, now: u64) -> Self {
        let (address, local, inbound) = match endpoint {
            ConnectedPoint::Dialer { address, .. } => (address, None, false),
            ConnectedPoint::Listener { local_addr, send_back_addr } => (send_back_addr, ip_of(local_addr), true),
        };
        let round_trip = RoundTrip::default();
        Self { peer, path: path_of(address), local, inbound, idle_since: now, had_stream: false, round_trip }
    }

    /// A stream on it has ended.
    pub(super) const fn stream_ended(&mut self, now: u64) {
        self.idle_since = now;
        self.had_stream = true;
    }

    /// Whether it has been without a stream for too long: 10 s after its last one, or if a stranger opens none. Those
    /// that we dialled, or a member did, may wait; libp2p ends them after five minutes.
    pub(super) fn is_useless(&self, standing: Standing, now: u64) -> bool {
        let limit = match (standing, self.had_stream) {
            (Standing::Stranger, _) if self.inbound => UNKNOWN_LIFE_MS,
            (_, true) => STREAMLESS_MS,
            (_, false) => return false,
        };
        now.saturating_sub(self.idle_since) >= limit
    }
}

/// Whether the peer is in the table of classes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// It is.
    Known,
    /// It isn't.
    Stranger,
}

/// Rule N-106: smoothed round trip, told when it has changed.
#[derive(Default)]
pub(super) struct RoundTrip {
    smoothed_us: u64,
    told_us: u64,
    told_at: u64,
}

impl RoundTrip {
    /// A measurement; gives milliseconds when the core should hear.
    pub(super) fn measured(&mut self, took: Duration, now: u64) -> Option<u64> {
        let took = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        self.smoothed_us = match self.smoothed_us {
            0 => took.max(1),
            old => old.saturating_sub(old / 8).saturating_add(took / 8).max(1),
        };
        let changed = self.smoothed_us.abs_diff(self.told_us) > self.told_us / 5;
        if changed || now.saturating_sub(self.told_at) >= QUALITY_MS {
            self.told_us = self.smoothed_us;
            self.told_at = now;
            return Some(self.smoothed_us.div_ceil(1_000));
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn n_106_a_round_trip_is_told_on_a_change_above_a_fifth_or_after_a_minute() {
        let mut trip = RoundTrip::default();
        let ms = Duration::from_millis;
        assert_eq!(trip.measured(ms(100), 0), Some(100));
        assert_eq!(trip.measured(ms(120), 15_000), None, "smoothed by an eighth: 102.5");
        assert_eq!(trip.measured(ms(100), 60_000), Some(103), "a minute is over");
        assert_eq!(trip.measured(ms(900), 61_000), Some(202), "twice as long");
        assert_eq!(RoundTrip::default().measured(Duration::from_micros(30), 0), Some(1), "never 0");
    }

    #[test]
    fn n_309_a_connection_without_streams_goes_after_ten_seconds_and_a_strangers_needs_none() {
        let endpoint = ConnectedPoint::Listener {
            local_addr: "/ip4/127.0.0.1/tcp/1".parse().unwrap(),
            send_back_addr: "/ip4/127.0.0.1/tcp/2".parse().unwrap(),
        };
        let mut connection = Connection::new(PeerId::random(), &endpoint, 0);
        assert!(!connection.is_useless(Standing::Stranger, 9_999) && connection.is_useless(Standing::Stranger, 10_000));
        assert!(!connection.is_useless(Standing::Known, 200_000));
        connection.stream_ended(200_000);
        assert!(!connection.is_useless(Standing::Known, 209_999) && connection.is_useless(Standing::Known, 210_000));
    }
}
