//! Every number of the network task, with its unit last and where it comes from (H-22).
//!
//! Two kinds stand here: values handed to the transport (N-103) and what strangers may cost (N-204). "Guess" means that
//! there is no measurement behind a number.

use std::time::Duration;

// ---- Transports (N-103) ------------------------------------------------------------------------------------------

/// Short radio gaps are no break.
pub(super) const QUIC_IDLE_MS: u32 = 30_000;
/// Ping already holds NAT mappings, so this only has to be below the idle time.
pub(super) const QUIC_KEEP_ALIVE: Duration = Duration::from_secs(20);
/// A handshake over mobile links.
pub(super) const HANDSHAKE: Duration = Duration::from_secs(8);
/// At most 12 streams are in use on a connection.
pub(super) const STREAMS_PER_CONNECTION_MAX: u32 = 64;
/// 20 MB/s at 100 ms.
pub(super) const QUIC_STREAM_WINDOW_BYTES: u32 = 2 << 20;
/// Strangers can make us hold 16 of these at most.
pub(super) const QUIC_CONNECTION_WINDOW_BYTES: u32 = 6 << 20;
/// Taken by the system and not sent (BL-14): a piece of a blob stream, 130 ms at 1 Mbit/s.
#[cfg(any(target_os = "linux", target_os = "android"))]
pub(super) const TCP_UNSENT_BYTES_MAX: u32 = 16 << 10;
/// Quiet chats must not be cut (rust-libp2p #6039).
pub(super) const IDLE_CONNECTION: Duration = Duration::from_mins(5);
/// Strangers hold little.
pub(super) const NEGOTIATING_INBOUND_MAX: usize = 16;
/// No stalls under bursts.
pub(super) const CONNECTION_EVENTS_MAX: usize = 32;
/// With the timeout: a dead path is noticed within 25 s.
pub(super) const PING_EVERY: Duration = Duration::from_secs(15);
/// The first one closes the connection: on a reliable stream a lost packet is no reason.
pub(super) const PING_TIMEOUT: Duration = Duration::from_secs(10);
/// Observed addresses only.
pub(super) const IDENTIFY_EVERY: Duration = Duration::from_mins(5);
/// How long a sighting on the LAN holds.
pub(super) const MDNS_TTL: Duration = Duration::from_mins(6);
/// How often the LAN is asked.
pub(super) const MDNS_EVERY: Duration = Duration::from_mins(1);
/// Inbound handshakes at once.
pub(super) const PENDING_IN_MAX: u32 = 32;
/// Dials at once.
pub(super) const PENDING_OUT_MAX: u32 = 64;
/// Connections of non-members.
pub(super) const ESTABLISHED_MAX: u32 = 64;
/// Relayed, direct and a race.
pub(super) const PER_PEER_MAX: u32 = 3;
/// The same for a member, whose dead connections of earlier starts may linger for 30 s each (N-310). Guess.
pub(super) const PER_MEMBER_MAX: usize = 8;

// ---- Streams (N-205) ---------------------------------------------------------------------------------------------

/// The acceptor's first byte.
pub(super) const ACKNOWLEDGED: u8 = 0x06;
/// How long the opener waits for it.
pub(super) const ACKNOWLEDGE: Duration = Duration::from_secs(5);
/// Tries after the first.
pub(super) const OPEN_RETRIES: u8 = 3;
/// Between two tries.
pub(super) const OPEN_RETRY: Duration = Duration::from_secs(1);
/// Streams that wait to be taken, or are in use, per connection and channel.
pub(super) const INBOUND_PER_CHANNEL_MAX: usize = 4;
/// An inbound group stream this soon after the own one was opened is the peer's half of a race, not a new start. Guess.
pub(super) const RACE_MS: u64 = 5_000;

// ---- Blob streams (N-1203) ---------------------------------------------------------------------------------------

/// Inbound ones of one person.
pub(super) const BLOBS_IN_PER_PERSON_MAX: usize = 2;
/// Inbound ones in all.
pub(super) const BLOBS_IN_MAX: usize = 6;
/// Own ones with one person: one MiB is asked for in each.
pub(super) const BLOBS_OUT_PER_PERSON_MAX: usize = 4;
/// Own ones in all: eight sources.
pub(super) const BLOBS_OUT_MAX: usize = 32;
/// Bytes taken at a time: a frame of chat waits for one such piece of each stream (BL-14); Yamux cuts there too.
pub(super) const BLOB_PIECE_BYTES_MAX: usize = 16 << 10;
/// While an urgent frame has waited for longer, nothing is written to a blob stream beside it.
pub(super) const CHAT_WAITS_MS: u64 = 100;
/// … and so often it is looked again. Guess.
pub(super) const GIVE_WAY: Duration = Duration::from_millis(20);

// ---- Queues of a link (N-404, N-406) -----------------------------------------------------------------------------

/// Frames of priority 0.
pub(super) const P0_FRAMES_MAX: usize = 256;
/// Frames of priority 1.
pub(super) const P1_FRAMES_MAX: usize = 512;
/// Bytes of priority 1, headers included.
pub(super) const P1_BYTES_MAX: usize = 2 << 20;
/// Frames of priority 2.
pub(super) const P2_FRAMES_MAX: usize = 128;
/// Frames of priority 3.
pub(super) const P3_FRAMES_MAX: usize = 4_096;
/// Bytes of priority 3. Credit (N-405) lets at most 1 MiB of GIVE be under way, so only a fault of ours gets here.
pub(super) const P3_BYTES_MAX: usize = 4 << 20;
/// One frame in so many is of priority 3 when any waits.
pub(super) const P3_TURN: u32 = 8;
/// Bytes handed to the stream and not yet taken by it.
pub(super) const IN_HAND_BYTES_MAX: usize = 32 << 10;
/// A link that takes no byte for so long is closed.
pub(super) const STALLED: Duration = Duration::from_secs(30);
/// What is queued at a hang-up (a BYE) gets so long (N-1305).
pub(super) const FAREWELL: Duration = Duration::from_secs(1);
/// The last words to somebody who is no member any more (N-203).
pub(super) const EXPULSION: Duration = Duration::from_secs(5);
/// Unknown kinds from 0x80 on are skipped up to this body length (N-401).
pub(super) const SKIPPED_BODY_BYTES_MAX: usize = 64 << 10;
/// Closed so long after its last stream (N-309).
pub(super) const STREAMLESS_MS: u64 = 10_000;

// ---- Strangers (N-204) -------------------------------------------------------------------------------------------

/// Inbound connections of strangers, in all.
pub(super) const STRANGERS_MAX: usize = 16;
/// From one address: a conference room behind one NAT joins together.
pub(super) const STRANGERS_PER_ADDRESS_MAX: usize = 8;
/// New inbound connections of one address at once …
pub(super) const ARRIVALS_BURST: u32 = 20;
/// … and then one each so often (10 per minute).
pub(super) const ARRIVAL_EVERY_MS: u64 = 6_000;
/// Addresses remembered for that; the one that came longest ago goes first. Guess.
pub(super) const ADDRESSES_MAX: usize = 4_096;
/// Life without a valid KNOCK.
pub(super) const UNKNOWN_LIFE_MS: u64 = 10_000;
/// Life after it, without PROVE.
pub(super) const KNOCKED_LIFE_MS: u64 = 10_000;
/// Life after PROVE.
pub(super) const PROVED_LIFE_MS: u64 = 600_000;
/// After PROVE: closed without progress.
pub(super) const PROVED_IDLE_MS: u64 = 60_000;
/// Bytes each way before a valid KNOCK.
pub(super) const UNKNOWN_BYTES_MAX: u64 = 1 << 10;
/// Bytes each way before PROVE.
pub(super) const KNOCKED_BYTES_MAX: u64 = 4 << 10;
/// Bytes out after PROVE.
pub(super) const PROVED_BYTES_OUT_MAX: u64 = 24 << 20;
/// Bytes in after PROVE.
pub(super) const PROVED_BYTES_IN_MAX: u64 = 256 << 10;
/// Joins that are served at once.
pub(super) const JOINS_MAX: usize = 8;
/// KNOCKs on one connection.
pub(super) const KNOCKS_PER_CONNECTION_MAX: u8 = 3;
/// KNOCKs of one address and hour that nobody answered, before …
pub(super) const BAD_KNOCKS_MAX: u32 = 20;
/// … it is blocked for so long.
pub(super) const BAD_KNOCKS_MS: u64 = 3_600_000;
/// Above this every stranger is refused.
pub(super) const RESIDENT_BYTES_MAX: u64 = 512 << 20;

// ---- The task (N-107) --------------------------------------------------------------------------------------------

/// Orders of the driver that wait. Guess.
pub(super) const ORDERS_MAX: usize = 4_096;
/// News that wait for the driver beside frames. Guess.
pub(super) const NEWS_MAX: usize = 1_024;
/// Ends of links that the task has not yet seen. Guess.
pub(super) const ENDED_MAX: usize = 256;
/// Peers on the block list with a time.
pub(super) const BLOCKS_MAX: usize = 4_096;
/// Addresses taken from one order to dial.
pub(super) const DIAL_ADDRESSES_MAX: usize = 16;
/// Rebuilds in a row before the pause.
pub(super) const REBUILDS_MAX: usize = 5;
/// … within this time.
pub(super) const REBUILDS_MS: u64 = 600_000;
/// … and the pause.
pub(super) const REBUILD_PAUSE: Duration = Duration::from_mins(5);
/// Ports tried before giving up.
pub(super) const PORT_TRIES: usize = 16;
/// Addresses are told when they have been quiet for so long.
pub(super) const LISTENING_SETTLE: Duration = Duration::from_millis(50);
/// Changes of interfaces are told when they have been quiet for so long (N-1302).
pub(super) const NETWORKS_SETTLE: Duration = Duration::from_secs(1);
/// How often a port that was just given up is tried …
pub(super) const PORT_FREE_EVERY: Duration = Duration::from_millis(20);
/// … and how many times: the sockets of a dropped swarm close a little later. Guess.
pub(super) const PORT_FREE_TRIES: usize = 100;
/// A round-trip time is told on a change above a fifth, or after this.
pub(super) const QUALITY_MS: u64 = 60_000;
