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
/// Text or bytes of any setting (MB-Y1).
pub const SETTING_BYTES_MAX: usize = 280;
/// Settings are numbered below 64 (MB-Y1).
pub const SETTING_KEY_MAX: u8 = 63;
/// Largest attachment that the setting may allow (MB-Y1).
pub const BLOB_BYTES_MAX: u64 = 2 << 30;
/// Claimed author's clock: milliseconds since 1970 (MB-E4, field 10).
pub const CLOCK_MS_MAX: u64 = 1 << 48;
/// Ids of refused operations that are remembered (MB-A9).
pub const REFUSED_OPERATIONS_MAX: usize = 10_000;
/// Operations of one peer that wait for what they name (MB-L5).
pub const WAITING_PER_PEER_MAX: usize = 256;
/// Their bytes (MB-L5).
pub const WAITING_PER_PEER_BYTES_MAX: usize = 512 * 1_024;
/// Peers whose waiting operations are kept at once; the one that came first goes first. *guess*: a group and a half.
pub const WAITING_PEERS_MAX: usize = 150;
/// Inert Joins and Leaves kept per office that issued them.
pub const POOL_PER_ISSUER_MAX: usize = 500;
/// Inert Joins and Leaves kept per group.
pub const POOL_JOINS_MAX: usize = 2_000;
/// Void operations kept per office.
pub const POOL_PER_OFFICE_MAX: usize = 2_000;
/// Void office operations kept per group: void Promotes make offices, so the bound per office alone is none. *guess*
pub const POOL_VOID_MAX: usize = 4_000;
/// Inert operations that may come in below a Join or Leave that counts. *guess*: a bad week of one admin.
pub const RELEASE_BELOW_MAX: usize = 64;
/// The same, in all, per office that issued the Joins.
pub const RELEASE_PER_ISSUER_MAX: usize = 500;
/// Branches of one chain that are taken without an office's word (MB-L3).
pub const BRANCHES_MAX: usize = 4;
/// Joins by one office's tickets on one output that enter the log without an office's word (MB-L4). Each must have
/// been among the three least when it came, so honest crowds stay far below.
pub const JOINS_PER_OUTPUT_MAX: usize = 64;
/// Rosters remembered by their heads (E-17).
pub const ROSTER_MEMO_MAX: usize = 64;
/// The batch fold checks the incremental one after every batch up to this many operations.
pub const FOLD_CHECK_OPERATIONS_MAX: usize = 512;
/// Beyond it, every so many batches.
pub const FOLD_CHECK_EVERY_BATCHES: u32 = 256;
/// A sync message (MB-T1).
pub const SYNC_MESSAGE_BYTES_MAX: usize = 96 * 1_024;
/// Operations beside one sync message (MB-T1).
pub const SYNC_OPERATIONS_MAX: usize = 31;
/// Hashes in each list of a sync message (MB-T3).
pub const SYNC_HASHES_MAX: usize = 1_024;
/// Entries of a sync message's Bloom filter (MB-T3).
pub const SYNC_FILTER_ENTRIES_MAX: u64 = 20_000;
/// Rounds of sync without a newly admitted operation (MB-T5).
pub const SYNC_IDLE_ROUNDS_MAX: u32 = 20;
/// Operations in one group's document: beyond, Joins wait outside for an office's word (MB-L7, R-33).
pub const OPERATIONS_MAX: usize = 20_000;
/// Operations of one group: admins are told (MB-L7).
pub const OPERATIONS_NOTICE: usize = 5_000;
/// A guest who stays after the session: so long waits the custodian (MB-D14).
pub const GUEST_CUSTODIAN_WAIT_MS: u64 = 60_000;
/// Then one standing office after the other, so far apart (MB-D14).
pub const GUEST_NEXT_OFFICE_WAIT_MS: u64 = 30_000;
/// Operations that an INTRODUCE may bring.
pub const INTRODUCE_OPERATIONS_MAX: usize = 64;

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

// ---- Logs of entries (E-20, E-26, E-74, E-76, R-38) ---------------------------------------------------------------

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
/// Ranges in one item of a vector (N-702).
pub const VECTOR_RANGES_MAX: usize = 16;

// ---- Frames (N-402) ----------------------------------------------------------------------------------------------

/// The largest body of any frame.
pub const FRAME_BODY_BYTES_MAX: usize = 160 * 1_024;
/// kind, slot, length.
pub const FRAME_HEADER_BYTES: usize = 5;

// ---- Invites and the join channel (MB-I1, MB-I6, MB-L6, N-204, N-209) ----------------------------------------------

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
// ---- Links between members (N-301 to N-310, N-405, N-606, N-211) ---------------------------------------------------

/// Groups on one link; slot numbers are 1 to this and never reused (N-304).
pub const LINK_SLOTS_MAX: usize = 64;
/// Tags come in steps of this, up to [`LINK_SLOTS_MAX`] (N-303).
pub const TAGS_STEP: usize = 16;
/// A handshake without READY is reset after this (N-301).
pub const HANDSHAKE_MS: u64 = 10_000;
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
// ---- Handshake secret, lookup keys, address records (N-801 to N-809) ------------------------------------------------

/// `n` of a lookup key record (N-802).
pub const LOOKUP_KEY_NUMBER_MAX: u64 = 1_000;
/// Lookup key records kept (N-802).
pub const LOOKUP_KEYS_MAX: usize = 64;
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

// ---- Storage (ST-14, ST-40) --------------------------------------------------------------------------------------

/// A stored value, sealed.
pub const VALUE_BYTES_MAX: usize = 65_536;
/// What sealing adds to a value (ST-40).
pub const SEAL_OVERHEAD_BYTES: usize = 45;
/// Changes in one batch (ST-14).
pub const BATCH_CHANGES_MAX: usize = 256;
/// Bytes in one batch (ST-14).
pub const BATCH_BYTES_MAX: usize = 4 << 20;
/// Changes that a batch may have before sealing, which adds the census and the list of damaged keys.
pub const SEALED_BATCH_CHANGES_MAX: usize = BATCH_CHANGES_MAX - 2;
/// Bytes that a batch may have before sealing: room for what sealing adds to each value, and for its two own records.
pub const SEALED_BATCH_BYTES_MAX: usize = BATCH_BYTES_MAX - BATCH_CHANGES_MAX * SEAL_OVERHEAD_BYTES - 24 * 1_024;
/// A value before sealing (ST-40).
pub const PLAIN_VALUE_BYTES_MAX: usize = VALUE_BYTES_MAX - SEAL_OVERHEAD_BYTES;
/// Records that one read of a range may ask for (ST-14).
pub const RANGE_RECORDS_MAX: usize = 4_096;
/// Bytes that one read of a range gives (ST-14).
pub const RANGE_BYTES_MAX: usize = 8 << 20;
/// Keys in the list of damaged values; later ones are only counted. A key has at most 27 bytes, so the list fits a
/// value; a store with more damage than this is not mended record by record.
pub const DAMAGED_KEYS_MAX: usize = 256;
/// Secret records sealed anew in one batch when the rotating key changes (ST-66); a page of skipped keys has 20 kB.
pub const RESEAL_RECORDS_MAX: usize = 64;

// ---- Keys (E-39 to E-51, E-72 to E-77, E-93) ---------------------------------------------------------------------

/// A chain is replaced after this long (E-39 b).
pub const EPOCH_AGE_MS_MAX: u64 = 7 * DAY_MS;
/// Keyed members outside the audience beyond which a fresh chain is cheaper than Grants (E-39 i).
pub const OUTSIDE_AUDIENCE_MAX: usize = 64;
/// Between two own Rekeys that others' healing asks for (E-39 c, R-36).
pub const HEAL_INTERVAL_MS: u64 = HOUR_MS;
/// One report "compromised" per member is answered at once in this time.
pub const COMPROMISED_INTERVAL_MS: u64 = DAY_MS;
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

/// An hour.
pub const HOUR_MS: u64 = 60 * 60 * 1_000;
const DAY_MS: u64 = 24 * HOUR_MS;

// ---- Anti-entropy (section 7 of the network document) --------------------------------------------------------------

/// Items in one VECTOR frame: none is shorter than 30 bytes, a frame has 64 KiB.
pub const VECTOR_ITEMS_MAX: usize = 2_184;
/// Items put into one VECTOR frame; leaves room for the heads of the arrays.
pub const VECTOR_FRAME_FILL_BYTES: usize = 65_000;
/// Branches of one log that a neighbour may announce (N-702).
pub const CLAIMED_BRANCHES_MAX: usize = 4;
/// Tags in one WHO (N-402), and names in one LOGS (32 KiB).
pub const WHO_TAGS_MAX: usize = 256;
/// Ranges in one WANT, and in one GONE (N-402).
pub const WANT_RANGES_MAX: usize = 64;
/// Entries in one request (N-705, N-707).
pub const REQUEST_ENTRIES_MAX: u64 = 256;
/// Open requests at one neighbour (N-707).
pub const REQUESTS_PER_SLOT_MAX: usize = 4;
/// Neighbours that one group fetches from at once (N-707).
pub const FETCHED_FROM_MAX: usize = 4;
/// Entries in one GIVE (N-707).
pub const GIVE_ENTRIES_MAX: usize = 64;
/// Bytes of entries put into one GIVE; leaves room for the heads of the arrays.
pub const GIVE_FRAME_FILL_BYTES: usize = 64 * 1_024 - 512;
/// What an entry counts for if its size is not known when a GIVE is planned: most hold one padded text (*guess*).
pub const GIVE_ENTRY_GUESS_BYTES: usize = 2_000;
/// GIVE frames that one neighbour waits for, before a WANT is put off; four requests of 256 single entries.
pub const SERVES_QUEUED_MAX: usize = 1_024;
/// A request without progress is taken away after this (N-707).
pub const REQUEST_STALL_MS: u64 = 10_000;
/// A log whose given entries wait for something else is asked of nobody for this (*guess*).
pub const WAITING_MS: u64 = 5_000;
/// A log that came to nothing at one neighbour is asked of others for this, doubling … (*guess*)
pub const AVOID_MIN_MS: u64 = 15_000;
/// … up to this.
pub const AVOID_MAX_MS: u64 = 600_000;
/// GIVE frames without an accepted entry after which sync with a neighbour rests (N-713).
pub const BARREN_FRAMES_MAX: u32 = 64;
/// The same in bytes (N-713).
pub const BARREN_BYTES_MAX: usize = 2 << 20;
/// Claimed ranges that were not given, after which sync with a neighbour rests (N-713).
pub const UNGIVEN_MAX: u32 = 2;
/// For how long it rests (N-713).
pub const SYNC_REST_MS: u64 = 600_000;
/// What came by anti-entropy is announced to others so much later, together (N-710).
pub const DELTA_MS: u64 = 250;
/// Own digests of the last 10 s count as the same (N-701).
pub const OWN_DIGEST_MS: u64 = 10_000;
/// Own digests remembered for that: forty a second (*guess*).
pub const OWN_DIGESTS_MAX: usize = 64;
/// A foreign digest has so long to become our own (N-701).
pub const DIGEST_GRACE_MS: u64 = 3_000;
/// A predecessor may be missing so long before it is fetched (N-701).
pub const GAP_MS: u64 = 2_000;
/// Membership must be settled within this (N-308).
pub const SETTLE_MS: u64 = 30_000;
/// Requests taken back whose late answers are no fault.
pub const CANCELLED_MAX: usize = 64;
// ---- Dissemination (sections 5 and 6 of the network document) -----------------------------------------------------

/// Items in one PUSH: 64 KiB of the smallest real items; keeps what decoding allocates near what came.
pub const PUSH_ITEMS_MAX: usize = 512;
/// Ids in one IHAVE (N-402).
pub const IHAVE_IDS_MAX: usize = 256;
/// Ids that are announced together (N-510).
pub const IHAVE_BATCH_IDS: usize = 64;
/// How long an announcement waits for company (N-510).
pub const IHAVE_BATCH_MS: u64 = 25;
/// Ids in one GRAFT (N-402, N-510).
pub const GRAFT_IDS_MAX: usize = 64;
/// A receipt (N-403).
pub const RECEIPT_BYTES_MAX: usize = 4_096;
/// How long an item counts as seen (N-505).
pub const SEEN_MS: u64 = 120_000;
/// Items that count as seen (N-505).
pub const SEEN_MAX: usize = 65_536;
/// Announced ids that are waited for (N-510).
pub const MISSING_MAX: usize = 4_096;
/// Announcers remembered of each (N-510).
pub const MISSING_SOURCES_MAX: usize = 8;
/// A neighbour is marked for a comparison of logs at most once in this time (*guess*).
pub const RESYNC_EVERY_MS: u64 = 5_000;
/// Bytes pushed for the GRAFTs of one neighbour (N-511) …
pub const GRAFTED_BYTES_MAX: u64 = 1 << 20;
/// … in this time.
pub const GRAFTED_WINDOW_MS: u64 = 10_000;
/// Up to so many online members there is no tree (N-504).
pub const DIRECT_MEMBERS_MAX: usize = 12;
/// Above so many there is one; between, the old mode stays (N-504).
pub const TREE_MEMBERS_ABOVE: usize = 14;
/// A `direct` field older than this says nothing any more (N-507).
pub const DIRECT_FIELD_MS: u64 = 90_000;
/// One step of an age as told (N-502).
pub const AGE_STEP_MS: u64 = 15_000;
/// Heard of within this time = online (N-503).
pub const ONLINE_MS: u64 = 150_000;
/// What a relayed path adds to its round-trip time when neighbours are compared (N-1006).
pub const RELAYED_PENALTY_MS: u64 = 200;
/// Smallest lead that counts (N-512).
pub const LEAD_MS_MIN: u64 = 40;
/// Leads out of the last 16 announcements that turn a lazy neighbour eager (N-512).
pub const LEADS_NEEDED: u32 = 5;
/// Such turns are so far apart in one group (N-512).
pub const LEAD_TURN_EVERY_MS: u64 = 10_000;
/// A neighbour that was pruned is not turned back for so long (N-512).
pub const LEAD_PRUNED_REST_MS: u64 = 60_000;
/// With fewer eager neighbours the tree is mended at once (N-513).
pub const EAGER_MIN: usize = 2;

const _: () = assert!(ENTRY_BYTES_MAX + 64 + SEAL_OVERHEAD_BYTES <= VALUE_BYTES_MAX);
const _: () = assert!(PLAINTEXT_BYTES_MAX + 16 <= BODY_BYTES_MAX);
const _: () = assert!(HEAD_BYTES_MAX + BODY_BYTES_MAX + 32 + 64 + 16 <= ENTRY_BYTES_MAX);

// ---- A group's duties ----------------------------------------------------------------------------------------------

/// How often seats are looked at without a cause (guess: an expired link is bumped within this).
pub const SEATS_LOOK_MS: u64 = 60_000;
/// A fresh leaf key once a day (E-51).
pub const LEAF_DAILY_MS: u64 = 86_400_000;
/// Erasures wait this long for company after an ack (guess).
pub const ERASURES_DELAY_MS: u64 = 10_000;
/// Erasures are looked at once an hour at least (guess).
pub const ERASURES_EVERY_MS: u64 = 3_600_000;
/// A leaf key older than this is stale (E-13).
pub const LEAF_STALE_MS: u64 = 90 * 86_400_000;
/// Waiting entries that one step tries again (guess: keeps a step short).
pub const RETRIES_PER_STEP_MAX: usize = 64;
/// Messages of one epoch that wait for its key (an epoch has no more, E-72).
pub const UNOPENED_PER_EPOCH_MAX: usize = 1_000;
/// Messages that don't count and are looked at again when membership moves (guess).
pub const VOID_MESSAGES_MAX: usize = 20_000;
/// Envelopes that name one `lookup`: its author makes one; more are somebody's copy (guess).
pub const ENVELOPES_PER_LOOKUP_MAX: usize = 8;
/// Texts that wait in the outbox of one group (guess: a day of talking to oneself).
pub const OUTBOX_MAX: usize = 1_000;
/// Invites of one's own that are remembered per group (guess).
pub const INVITES_MAX: usize = 500;

// ---- An account ------------------------------------------------------------------------------------------------------

/// Groups of one profile (guess: far above what a person follows).
pub const GROUPS_MAX: usize = 256;
/// Alerts that are remembered beside those of groups (guess).
pub const ALERTS_MAX: usize = 256;
/// Peers whose conduct is remembered (guess).
pub const CONDUCTS_MAX: usize = 4_096;
/// GIVE frames that wait for credit on one link (N-404, P3).
pub const GIVES_WAITING_MAX: usize = 4_096;
/// Round trip that is assumed until one was measured.
pub const ROUND_TRIP_GUESS_MS: u64 = 100;
/// Joins under way at once.
pub const JOINS_MAX: usize = 16;
/// Addresses that a person adds to a join, or that were seen for one peer.
pub const VIA_ADDRESSES_MAX: usize = 8;
/// Waits between attempts of a join (N-909; the first ones short, because a host may just be starting).
pub const JOIN_RETRY_MS: [u64; 8] = [1_000, 2_000, 5_000, 10_000, 30_000, 120_000, 300_000, 900_000];
/// Secrets of joins lie under this group number, which no group has (`link` records have one, ST-32).
pub const JOINER_LINK_GROUP: u32 = u32::MAX;
/// Peer records of one group: the group's number times this, plus the owner's.
pub const OWNERS_PER_GROUP: u32 = 1 << 12;
/// First wait before a member is dialled again (N-605).
pub const REDIAL_FIRST_MS: u64 = 1_000;
/// Waits between dials of one member, ± 25 % (N-605).
pub const REDIAL_MS: [u64; 5] = [1_000, 2_000, 5_000, 15_000, 30_000];
/// Up to so many members are all linked (N-601).
pub const LINK_ALL_MAX: usize = 12;
/// Above, so many links are kept (N-601).
pub const LINKS_WANTED: usize = 8;
/// Addresses tried in one dial (N-806).
pub const DIAL_ADDRESSES_MAX: usize = 10;
/// A member introduces itself to one peer at most so often (guess: a minute; hosts are silent anyway).
pub const INTRODUCE_EVERY_MS: u64 = 60_000;
/// Items kept at hand for the tree's answers (guess: two minutes of a busy group).
pub const FRESH_ITEMS_MAX: usize = 512;
/// Above this, operations travel by MSYNC alone.
pub const PUSHED_OPERATIONS_MAX: usize = 32;
/// Bytes of an item beside its own in a PUSH frame.
pub const PUSH_ITEM_OVERHEAD_BYTES: usize = 32;
/// Body bytes of one PUSH (N-402), with room for its head.
pub const PUSH_BODY_BYTES_MAX: usize = 64 * 1_024 - 64;
/// Operations that tell a person how it ended (N-203, R-34).
pub const ENDING_OPERATIONS_MAX: usize = 8;
/// An author gets a word this soon after the commit (N-515).
pub const RECEIPT_TO_AUTHOR_MS: u64 = 100;
/// Everybody by the tree (N-515).
pub const RECEIPT_TO_ALL_MS: u64 = 2_000;
/// Logs in one receipt (N-515).
pub const RECEIPT_LOGS_MAX: usize = 256;
/// Own messages that one receipt may announce as delivered at once (guess).
pub const DELIVERIES_TOLD_MAX: u64 = 64;
/// STATE every 30 s ± 20 % (N-501): at least this,
pub const STATE_MIN_MS: u64 = 24_000;
/// and up to so much more.
pub const STATE_JITTER_MS: u64 = 12_000;
/// Body bytes of a GIVE beside its entries: request, tag, first, two array heads, last.
pub const GIVE_HEAD_BYTES: usize = 64;
/// Who was away so long returns with fresh keys (E-39 f).
pub const AWAY_MS: u64 = 7 * 86_400_000;
/// How often the moment of the last sync is written down (guess: a minute is what people can tell apart).
pub const SYNCED_NOTE_MS: u64 = 60_000;
