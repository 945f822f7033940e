//! Bounds of a link between two members, and the rates on it.

/// Groups on one link; slot numbers are 1 to this and never reused (N-304).
pub const LINK_SLOTS_MAX: usize = 64;
/// Tags come in steps of this, up to [`LINK_SLOTS_MAX`] (N-303).
pub const TAGS_STEP: usize = 16;
/// A handshake without READY is reset after this (N-301).
pub const HANDSHAKE_MS: u64 = 10_000;
/// A link that carries no group is given up after this: long enough for a Join that is on its way to open a slot (guess).
pub const IDLE_LINK_MS: u64 = 15_000;
/// Failed handshakes with one member in the same time before links with it rest for that time (N-306).
pub const HANDSHAKE_FAILURES_MAX: u32 = 3;
/// Over this the failures of N-306 are counted, and for this links rest.
pub const HANDSHAKE_FAILURES_MS: u64 = 600_000;
/// GIVE bytes allowed before the first CREDIT, and the widest window (N-405).
pub const CREDIT_START_BYTES: u64 = 1 << 20;
/// The sender's first window (N-405).
pub const WINDOW_START_BYTES: u64 = 64 << 10;
/// The window's step up, and its floor (N-405).
pub const WINDOW_STEP_BYTES: u64 = 32 << 10;
/// What a CREDIT may be late beyond a round trip before the window shrinks (N-405).
pub const CREDIT_LATE_MS: u64 = 250;
/// Frames in flight that the sender's window remembers one by one; *guess*: 1 MiB in frames of 4 KiB.
pub const GIVEN_FRAMES_MAX: usize = 256;
/// A neighbour's points at which the link closes (N-211).
pub const PEER_POINTS_MAX: u32 = 50;
/// Points halve in this time (N-211).
pub const PEER_POINTS_HALF_MS: u64 = 600_000;
/// First block of a misbehaving neighbour; doubles (N-211).
pub const PEER_BLOCK_MIN_MS: u64 = 600_000;
/// Longest block of a misbehaving neighbour (N-211).
pub const PEER_BLOCK_MAX_MS: u64 = 86_400_000;
/// Refused bytes remembered (N-212).
pub const REFUSED_MAX: usize = 4_096;
/// For how long (N-212).
pub const REFUSED_MS: u64 = 600_000;
/// A token bucket's numbers: `amount` in `per_ms` on the long run, `burst` at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// Refill.
    pub amount: u64,
    /// … in this many milliseconds.
    pub per_ms: u64,
    /// Depth.
    pub burst: u64,
}

const fn rate(amount: u64, per_ms: u64, burst: u64) -> Rate {
    Rate { amount, per_ms, burst }
}
/// How often a host tells one key how its membership ended: several times, as one may be lost (guess).
pub const ENDS_TOLD: Rate = rate(4, super::HOUR_MS, 4);
/// Pushed items of one author (N-606).
pub const AUTHOR_ITEMS: Rate = rate(20, 1_000, 100);
/// Pushed bytes of one author (N-606).
pub const AUTHOR_PUSH_BYTES: Rate = rate(256 << 10, 1_000, 1 << 20);
/// Entries of one author by any way (N-606).
pub const AUTHOR_DAY_ENTRIES: Rate = rate(50_000, super::DAY_MS, 50_000);
/// Bytes of one author by any way (N-606).
pub const AUTHOR_DAY_BYTES: Rate = rate(64 << 20, super::DAY_MS, 64 << 20);
/// A Rekey, Grants and a Message at their largest: so much must be left before one writes (E-18).
pub const AUTHOR_STEP_BYTES: u64 = 4 * 36_864;
/// Rekeys of one author that nothing forced (E-77, R-36).
pub const AUTHOR_REKEYS: Rate = rate(12, super::HOUR_MS, 12);
/// Grants of one author (E-77).
pub const AUTHOR_GRANTS: Rate = rate(60, super::HOUR_MS, 60);
/// Leaf entries of one author (E-77).
pub const AUTHOR_LEAVES: Rate = rate(6, super::HOUR_MS, 6);
/// What an author may have written while nobody brought it here counts as written in that time, up to this much of it.
/// *guess*: a fresh leaf a day, so that two halves of a group may be apart for years and still catch up at once.
pub const AUTHOR_LATE_MS: u64 = 7 * super::DAY_MS;
/// A life that ended in the middle of catching up goes on with this much (guess).
pub const AUTHOR_RESTART_MS: u64 = super::DAY_MS;
/// Authors whose rates are kept: every seat, and those who sat there before (guess).
pub const METERED_AUTHORS_MAX: usize = 256;
/// Pushed items of one neighbour (N-606).
pub const LINK_ITEMS: Rate = rate(200, 1_000, 1_000);
/// Pushed bytes of one neighbour (N-606).
pub const LINK_PUSH_BYTES: Rate = rate(2 << 20, 1_000, 4 << 20);
/// All bytes of one link (N-606).
pub const LINK_BYTES: Rate = rate(8 << 20, 1_000, 16 << 20);
/// IHAVE ids (N-606).
pub const IHAVE_IDS: Rate = rate(2_000, 1_000, 8_000);
/// GRAFT ids (N-606).
pub const GRAFT_IDS: Rate = rate(50, 1_000, 200);
/// Frames of so long may arrive at once without points: what a queue before a slow path holds (guess).
pub const BUNCHED_MS: u64 = 120_000;
/// WANT frames (N-606).
pub const WANTS: Rate = rate(10, 1_000, 20);
/// VECTOR frames (N-606).
pub const VECTORS: Rate = rate(1, 2_000, 10);
/// MSYNC frames (N-606).
pub const MSYNCS: Rate = rate(20, 1_000, 40);
/// WHO frames (N-606).
pub const WHOS: Rate = rate(2, 1_000, 4);
/// STATE frames (N-606).
pub const STATES: Rate = rate(1, 1_000, 5);
/// ADDRESSES frames (N-606).
pub const ADDRESSES: Rate = rate(1, 1_000, 4);
/// LOOKUPKEY frames (N-606).
pub const LOOKUP_KEYS: Rate = rate(1, 10_000, 4);
/// AUDIT frames (N-606).
pub const AUDITS: Rate = rate(1, 60_000, 4);
/// AGAIN frames; *guess*: rosters change by the minute, a joining crowd by the second.
pub const AGAINS: Rate = rate(1, 2_000, 10);
