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

// ---- Keys (E-39 to E-51, E-72 to E-77, E-93) ---------------------------------------------------------------------

/// A chain is replaced after this long (E-39 b).
pub const EPOCH_AGE_MS_MAX: u64 = 7 * DAY_MS;
/// Keyed members outside the audience beyond which a fresh chain is cheaper than Grants (E-39 i).
pub const OUTSIDE_AUDIENCE_MAX: usize = 64;
/// Between two own Rekeys that others' healing asks for (E-39 c, R-36).
pub const HEAL_INTERVAL_MS: u64 = HOUR_MS;
/// One report "compromised" per member is answered at once in this time.
pub const COMPROMISED_INTERVAL_MS: u64 = DAY_MS;
/// Skipped keys of one chain (E-73).
pub const SKIPPED_PER_CHAIN_MAX: usize = 1_000;
/// Skipped keys of all chains of one member (E-73).
pub const SKIPPED_PER_MEMBER_MAX: usize = 2_000;
/// Skipped keys of a group (E-73).
pub const SKIPPED_PER_GROUP_MAX: usize = 20_000;
/// Skipped keys in one stored page.
pub const SKIPPED_PER_PAGE: u64 = 512;
/// Skipped keys, chains of the epoch before and replaced leaf secrets are erased after this long at the latest.
pub const SECRET_AGE_MS_MAX: u64 = 30 * DAY_MS;
/// Live chains of one branch of a log (E-74).
pub const CHAINS_PER_BRANCH_MAX: usize = 2;
/// Branches of one log whose chains are kept (E-74).
pub const BRANCHES_PER_LOG_MAX: usize = 4;
/// A step of the wall clock beyond this is believed only after [`CLOCK_PROOF_MS`] (E-94).
pub const CLOCK_STEP_MS_MAX: u64 = 45 * DAY_MS;
/// How long the program must run before a large step of the clock is believed (E-94).
pub const CLOCK_PROOF_MS: u64 = DAY_MS;
/// Between two requests for a repair Grant of one epoch (E-50).
pub const REPAIR_INTERVAL_MS: u64 = 10 * 60 * 1_000;
/// Repair Grants for one member in a day (E-50).
pub const REPAIRS_PER_DAY_MAX: usize = 24;
/// Own repair requests that are remembered; one per sender and epoch, so a hundred senders fit twice.
pub const REPAIRS_REMEMBERED_MAX: usize = 256;
/// Rekeys of one author in an hour (E-77); forced ones are not counted.
pub const REKEYS_PER_HOUR_MAX: usize = 12;
/// Grants of one author in an hour (E-77).
pub const GRANTS_PER_HOUR_MAX: usize = 60;
/// Leaf entries of one author in an hour (E-77).
pub const LEAVES_PER_HOUR_MAX: usize = 6;

// ---- Timeline (E-53, CO-1, CO-3) ---------------------------------------------------------------------------------

/// Fields of a content's body (E-52).
pub const CONTENT_FIELDS_MAX: usize = 12;
/// Messages of others that one Message names as its newest (E-53).
pub const AFTER_MAX: usize = 8;
/// A tick further ahead of the own clock than this does not move the own tick (E-53).
pub const TICK_AHEAD_MS_MAX: u64 = 366 * DAY_MS;
/// Newest opened Messages that the choice of `after` looks at. *Guess*: many times what a hundred people write while
/// one of them types.
pub const RECENT_MESSAGES_MAX: usize = 256;
/// Attachments of one post.
pub const ATTACHMENTS_MAX: usize = 10;
/// One attachment's descriptor: 8,000 bytes of words, 1,000 of alternative text, and the rest (BL-8).
pub const ATTACHMENT_BYTES_MAX: usize = 10_240;
/// One emoji sequence.
pub const EMOJI_BYTES_MAX: usize = 32;
/// What a person says of themselves (kind `profile`).
pub const PROFILE_ABOUT_BYTES_MAX: usize = 200;
/// Name of a place (LO-1).
pub const PLACE_BYTES_MAX: usize = 100;
/// Radius around a place (LO-1).
pub const RADIUS_M_MAX: u32 = 50_000;

const HOUR_MS: u64 = 60 * 60 * 1_000;
const DAY_MS: u64 = 24 * HOUR_MS;

const _: () = assert!(ENTRY_BYTES_MAX + 64 + SEAL_OVERHEAD_BYTES <= VALUE_BYTES_MAX);
const _: () = assert!(PLAINTEXT_BYTES_MAX + 16 <= BODY_BYTES_MAX);
const _: () = assert!(HEAD_BYTES_MAX + BODY_BYTES_MAX + 32 + 64 + 16 <= ENTRY_BYTES_MAX);
