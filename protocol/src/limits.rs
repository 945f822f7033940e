//! Every bound of the protocol, in one place, with its unit last and where the number comes from.
//!
//! What exceeds a bound is refused before a byte is allocated for it (H-22). A number marked *guess* has no
//! measurement behind it.

// ---- Encoding ----------------------------------------------------------------------------------------------------

/// Integers on the wire are below 2^53, so that every language can hold them (E-02).
pub const INTEGER_MAX: u64 = (1 << 53) - 1;

// ---- Membership (MB-L1, MB-L2) -----------------------------------------------------------------------------------

/// Seats of a group. The cap is the length of an array, not a comparison.
pub const SEATS: usize = 100;
/// A membership operation, signature included (MB-A1).
pub const OPERATION_BYTES_MAX: usize = 2_048;
/// Frontier that one operation may name (MB-E4).
pub const DEPS_MAX: usize = 8;
/// Outputs that one Transfer, Bump or Reclaim may name.
pub const PAIRS_MAX: usize = 32;
/// `seen`, `lifts` and `heirs` of one operation.
pub const NAMED_MAX: usize = 4;
/// Points in one Remove or Leave.
pub const CUTS_MAX: usize = 8;
/// Settings in one SetPolicy.
pub const SETS_MAX: usize = 16;
/// Tickets of one link: a group has 99 seats beside the founder's.
pub const TICKETS_MAX: usize = 99;
/// Office operations in one chain (MB-L2).
pub const OFFICE_OPS_MAX: u32 = 2_000;
/// Depth of an office below the founder (MB-L2).
pub const OFFICE_DEPTH_MAX: usize = 8;
/// Lamport values are below this (MB-L2).
pub const LAMPORT_END: u64 = 1 << 24;
/// Group name, person's name (MB-Y1, kind `join`).
pub const NAME_BYTES_MAX: usize = 64;
/// Description of a group (MB-Y1).
pub const ABOUT_BYTES_MAX: usize = 280;

// ---- Entries (E-18, E-72 to E-77) --------------------------------------------------------------------------------

/// A whole entry as stored and sent.
pub const ENTRY_BYTES_MAX: usize = 36_864;
/// Head of an entry.
pub const HEAD_BYTES_MAX: usize = 3_328;
/// Body of an entry.
pub const BODY_BYTES_MAX: usize = 33_000;
/// Heads that one entry may name (E-20).
pub const ENTRY_HEADS_MAX: usize = 64;
/// Sequence numbers of a log are below this (N-403).
pub const SEQ_END: u64 = 1 << 40;
/// Messages in one epoch (E-72).
pub const EPOCH_MESSAGES_MAX: u64 = 1_000;
/// Targets of one Grant (E-75).
pub const GRANT_TARGETS_MAX: usize = 32;
/// Envelope body (MB-I5).
pub const ENVELOPE_BYTES_MAX: usize = 16_384;
/// Envelopes in one log (E-24).
pub const ENVELOPES_PER_LOG_MAX: usize = 1_024;
/// Largest plaintext: 256·2^7 (E-52).
pub const PLAINTEXT_BYTES_MAX: usize = 32_768;
/// Smallest plaintext: every message is padded to 256·2^k (E-52).
pub const PLAINTEXT_BYTES_MIN: usize = 256;
/// Text of one post (CO-1).
pub const TEXT_BYTES_MAX: usize = 16_384;

// ---- Frames (N-402) ----------------------------------------------------------------------------------------------

/// The largest body of any frame.
pub const FRAME_BODY_BYTES_MAX: usize = 160 * 1_024;
/// kind, slot, length.
pub const FRAME_HEADER_BYTES: usize = 5;

// ---- Storage (ST-14, ST-40) --------------------------------------------------------------------------------------

/// A stored value, sealed.
pub const VALUE_BYTES_MAX: usize = 65_536;
/// What sealing adds to a value (ST-40).
pub const SEAL_OVERHEAD_BYTES: usize = 45;
/// Changes in one batch (ST-14).
pub const BATCH_CHANGES_MAX: usize = 256;
/// Bytes in one batch (ST-14).
pub const BATCH_BYTES_MAX: usize = 4 << 20;

const _: () = assert!(ENTRY_BYTES_MAX + 64 + SEAL_OVERHEAD_BYTES <= VALUE_BYTES_MAX);
const _: () = assert!(PLAINTEXT_BYTES_MAX + 16 <= BODY_BYTES_MAX);
const _: () = assert!(HEAD_BYTES_MAX + BODY_BYTES_MAX + 32 + 64 + 16 <= ENTRY_BYTES_MAX);
