//! Bounds of links that invite, of the join channel, and of the records by which people find each other.

// Invites and the join channel (MB-I1, MB-I6, MB-L6, N-204, N-209)

/// A pasted link with all that chat programs put around it; the longest link is 710 characters (MB-I1).
pub const LINK_TEXT_BYTES_MAX: usize = 4_096;
/// Addresses in one link (MB-I1).
pub const LINK_ADDRESSES_MAX: usize = 3;
/// One binary multiaddr, in links and in address records (MB-I1, N-806).
pub const ADDRESS_BYTES_MAX: usize = 128;
/// Envelopes that a host tries a knock against, newest first (N-207).
pub const HOSTED_ENVELOPES_MAX: usize = 256;
/// How long an envelope is kept and served after its last day (MB-I5).
pub const ENVELOPE_KEPT_MS: u64 = 7 * 86_400_000;
/// How late by the host's clock a ticket still passes (MB-I6).
pub const TICKET_GRACE_MS: u64 = 600_000;
/// Operations that a joiner takes from a host (MB-L6).
pub const JOIN_OPERATIONS_MAX: usize = 20_000;
/// Bytes of operations that a joiner takes from a host, and that a host gives (MB-L6, N-204).
pub const JOIN_OUT_BYTES_MAX: usize = 24 << 20;
/// Bytes that a host takes from a joiner who proved the link's secret (N-204).
pub const JOIN_IN_BYTES_MAX: usize = 256 << 10;
/// Bytes that a host takes before a valid KNOCK (N-204).
pub const STRANGER_BYTES_MAX: usize = 1_024;
/// Bytes that a host takes between a valid KNOCK and PROVE (N-204).
pub const KNOCKED_BYTES_MAX: usize = 4_096;
/// Knocks on one connection (N-204).
pub const KNOCKS_PER_CONNECTION_MAX: u8 = 3;
/// Life of a join channel without a valid KNOCK, and after it without PROVE (N-204).
pub const JOIN_SILENCE_MS: u64 = 10_000;
/// A proved join without progress is closed (N-204).
pub const JOIN_IDLE_MS: u64 = 60_000;
/// A proved join is closed after this (N-204).
pub const JOIN_LIFE_MS: u64 = 600_000;
/// Operations in one OPS frame: none is shorter than 128 bytes, a frame has 64 KiB.
pub const JOIN_FRAME_OPERATIONS_MAX: usize = 512;
/// Bytes of operations put into one OPS frame; leaves room for the array's heads.
pub const JOIN_FRAME_FILL_BYTES: usize = 60_000;
/// Rounds of NEED in one introduction (N-209).
pub const INTRODUCE_ROUNDS_MAX: u8 = 16;
/// Life of an introduction (N-209).
pub const INTRODUCE_LIFE_MS: u64 = 60_000;
/// Operations that a host shows to somebody who was removed while away (N-209).
pub const ENDED_OPERATIONS_MAX: usize = 8;

// Handshake secret, lookup keys, address records (N-801 to N-809)

/// `n` of a lookup key record (N-802).
pub const LOOKUP_KEY_NUMBER_MAX: u64 = 1_000;
/// Lookup key records kept (N-802).
pub const LOOKUP_KEYS_MAX: usize = 64;
/// How long each is kept (N-802).
pub const LOOKUP_KEY_KEPT_MS: u64 = 90 * super::DAY_MS;
/// An admin renews the lookup key after this (N-805).
pub const LOOKUP_KEY_RENEW_MS: u64 = 30 * super::DAY_MS;
/// Lookup keys in their record: what a stored value holds, but for the heads of the arrays (ST-40).
pub const ACCESS_BYTES_MAX: usize = super::PLAIN_VALUE_BYTES_MAX - 128;
/// Expired address records stay this long as last candidates (N-807).
pub const ADDRESS_KEPT_MS: u64 = 30 * super::DAY_MS;
/// Records in one LOOKUPKEY frame, and sent on opening (N-803).
pub const LOOKUP_KEYS_PER_FRAME_MAX: usize = 4;
/// Records of one member accepted in a day (N-803).
pub const LOOKUP_KEYS_PER_DAY_MAX: usize = 4;
/// A lookup key record's bytes: 64 heads and some 200 more.
pub const LOOKUP_KEY_BYTES_MAX: usize = 2_560;
/// Admins wait up to this before they write a missing lookup key (N-805).
pub const LOOKUP_KEY_ADMIN_WAIT_MS: u64 = 30_000;
/// Others wait this long at least, and twice it at most (N-805).
pub const LOOKUP_KEY_MEMBER_WAIT_MS: u64 = 600_000;
/// An address record (N-806).
pub const ADDRESS_RECORD_BYTES_MAX: usize = 1_024;
/// A sealed address record (N-403).
pub const SEALED_RECORD_BYTES_MAX: usize = 1_536;
/// Addresses in one record (N-806).
pub const RECORD_ADDRESSES_MAX: usize = 10;
/// `until` is at most this after `at` (N-806).
pub const ADDRESS_LIFE_MS: u64 = 48 * 3_600_000;
/// How far ahead of the own clock `at` may be; *guess*: laptop clocks, as N-904 allows.
pub const ADDRESS_AHEAD_MS: u64 = 3_600_000;
/// Records kept of one member (N-807).
pub const ADDRESSES_PER_MEMBER_MAX: usize = 10;
/// Owners named in one ADDRESSES frame (64 KiB).
pub const ADDRESS_OWNERS_MAX: usize = 1_024;
/// Records in one ADDRESSES frame: 40 sealed ones fill 60 KiB.
pub const ADDRESSES_PER_FRAME_MAX: usize = 40;
/// Plain records sent to a guest (N-804).
pub const GUEST_RECORDS_MAX: usize = 5;
/// A change of addresses rests this long before it is published (N-807).
pub const ADDRESS_DEBOUNCE_MS: u64 = 5_000;
/// Own records are at least this far apart (N-807).
pub const ADDRESS_PAUSE_MS: u64 = 60_000;
/// An unchanged own record is renewed after this (N-807).
pub const ADDRESS_RENEW_MS: u64 = 12 * 3_600_000;
