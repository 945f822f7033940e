//! Bounds of how news spreads: by push, and by comparing logs.

// Anti-entropy (section 7 of the network document)

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
/// A request that stalled is held against a neighbour only if nothing at all comes within this time: a GIVE of 64 KiB
/// takes as long over a path of 1 KiB/s (guess).
pub const OVERDUE_MS: u64 = 60_000;
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

// Dissemination (sections 5 and 6 of the network document)

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
/// Logs in one receipt (N-515).
pub const RECEIPT_TOPS_MAX: usize = 256;
/// Logs whose tops are kept of one member: as many as fit a stored value at 19 bytes each.
pub const RECEIPTED_LOGS_MAX: usize = 3_200;
/// Installations of a member whose newest receipt is known by its number.
pub const RECEIPT_NUMBERS_MAX: usize = 16;
/// A neighbour whose entries were committed gets a receipt within this (N-515).
pub const RECEIPT_AUTHOR_MS: u64 = 200;
/// Between two own receipts to all in direct mode (N-515).
pub const RECEIPT_DIRECT_MS: u64 = 2_000;
/// The same in tree mode (N-515) …
pub const RECEIPT_TREE_MS: u64 = 10_000;
/// … and if more than [`RECEIPT_FEW_LOGS`] moved.
pub const RECEIPT_MANY_MS: u64 = 30_000;
/// Up to so many moved logs are few (N-515).
pub const RECEIPT_FEW_LOGS: usize = 8;
/// A receipt of all logs follows a move within this (N-515).
pub const RECEIPT_FULL_MS: u64 = 600_000;
/// Pooled operations that one author's entries may release in a day.
pub const RELEASED_PER_DAY_MAX: usize = 64;
