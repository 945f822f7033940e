//! Bounds of entries, their logs, their keys and what is shown of them.

// Entries (E-18, E-72 to E-77)

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

// Logs of entries (E-20, E-26, E-74, E-76, R-38)

/// Each Message whose index is a multiple of this says its heads (E-20).
pub const HEADS_EVERY_MESSAGES: u64 = 64;
/// What Poly1305 adds to a plaintext.
pub const AEAD_TAG_BYTES: usize = 16;
/// Leaf keys of a log that a new one is compared with (E-24): eleven years of one a day; 32 KiB of a stored value.
pub const LEAF_KEYS_REMEMBERED_MAX: usize = 4_096;
/// Ids of refused entries that a group remembers (E-26).
pub const REFUSED_ENTRIES_MAX: usize = 1_024;
/// Logs of one member that are listed, fetched and hashed.
pub const LOGS_PER_MEMBER_MAX: usize = 32;
/// Logs of one group that are listed (N-702, R-38).
pub const LOGS_PER_GROUP_MAX: usize = 4_096;
/// Waiting entries of one author (E-76).
pub const HELD_PER_AUTHOR_MAX: usize = 256;
/// Waiting entries that one peer gave (E-76).
pub const HELD_PER_GIVER_BYTES_MAX: usize = 8 << 20;
/// Waiting entries in all (E-76).
pub const HELD_BYTES_MAX: usize = 64 << 20;
/// States inside a log, computed again because a fork leaves there; each serves one entry. A guess.
pub const REBUILT_STATES_MAX: usize = 4;
/// How often one log is read back in one life of the program: once for each branch that it may have, and once more for
/// each that turned out to be none.
pub const WALKS_PER_LOG_MAX: u8 = 8;
/// Entries that are read back at a time: at 64 KiB each they stay below half a batch.
pub const WALK_PAGE: u64 = 32;
/// Ranges in one item of a vector (N-702).
pub const VECTOR_RANGES_MAX: usize = 16;

// Keys (E-39 to E-51, E-72 to E-77, E-93)

/// A chain is replaced after this long (E-39 b).
pub const EPOCH_AGE_MS_MAX: u64 = 7 * DAY_MS;
/// Keyed members outside the audience beyond which a fresh chain is cheaper than Grants (E-39 i).
pub const OUTSIDE_AUDIENCE_MAX: usize = 64;
/// Between two own Rekeys that others' healing asks for (E-39 c, R-36).
pub const HEAL_INTERVAL_MS: u64 = HOUR_MS;
/// One report "compromised" per member is answered at once in this time.
pub const COMPROMISED_INTERVAL_MS: u64 = DAY_MS;
/// A suspension for a stale leaf is justified if the newest leaf held is at least this old (E-44).
pub const LEAF_FRESH_MS_MAX: u64 = 60 * DAY_MS;
/// So long an author may leave somebody out for a reason that a reader cannot see (E-44).
pub const EXCLUSION_MS: u64 = DAY_MS;
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

// Timeline (E-53, CO-1, CO-3)

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
/// Different emojis that are shown under one post (CV-4).
pub const REACTIONS_SHOWN_MAX: usize = 20;
/// Posts that are pinned at a time (CV-5).
pub const PINS_MAX: usize = 50;
/// What a person says of themselves (kind `profile`).
pub const PROFILE_ABOUT_BYTES_MAX: usize = 200;
/// Name of a place (LO-1).
pub const PLACE_BYTES_MAX: usize = 100;
/// Radius around a place (LO-1).
pub const RADIUS_M_MAX: u32 = 50_000;

/// An hour.
pub const HOUR_MS: u64 = 60 * 60 * 1_000;
/// A day.
pub const DAY_MS: u64 = 24 * HOUR_MS;
