//! Bounds of a group's duties and of an account.

// A group's duties

/// How long words wait for logs that a neighbour says it has (guess: a whole group of a year comes in less; a neighbour
/// that never ends must not silence anybody).
pub const CATCH_UP_PATIENCE_MS: u64 = 60_000;
/// How often seats are looked at without a cause (guess: an expired link is bumped within this).
pub const SEATS_LOOK_MS: u64 = 60_000;
/// Who has left forgets how to find the group after this at the latest (E-70).
pub const LEAVING_MS: u64 = 7 * 86_400_000;
/// A fresh leaf key once a day (E-51).
pub const LEAF_DAILY_MS: u64 = 86_400_000;
/// Erasures wait this long for company after an ack (guess).
pub const ERASURES_DELAY_MS: u64 = 10_000;
/// Erasures are looked at once an hour at least (guess).
pub const ERASURES_EVERY_MS: u64 = 3_600_000;
/// Longest time for which words may be asked to be kept, short of for ever: ten years (guess).
pub const KEEP_DAYS_MAX: u16 = 3_653;
/// Longest mute that ends by itself: a year. Whoever wants longer mutes until it is undone.
pub const MUTE_MS_MAX: u64 = 366 * 86_400_000;
/// Old words are looked for once an hour (guess).
pub const KEEPING_EVERY_MS: u64 = 3_600_000;
/// Lines that are looked at in one go, so that a long past does not hold up the present (guess).
pub const KEEPING_LINES_MAX: usize = 64;
/// Between two such goes (guess): 100,000 lines take under three minutes.
pub const KEEPING_PAUSE_MS: u64 = 100;
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

// An account

/// Groups of one profile (guess: far above what a person follows).
pub const GROUPS_MAX: usize = 256;
/// Keys of people that were compared: all of them fit the profile's record (E-96).
pub const MARKS_MAX: usize = 512;
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
/// A newcomer without a neighbour turns to its link's addresses again after so long: a slot to the host that let it in
/// has settled by then, or never does (N-308).
pub const LINK_AGAIN_MS: u64 = super::SETTLE_MS;
/// Secrets of joins lie under this group number, which no group has (`link` records have one, ST-32).
pub const JOINER_LINK_GROUP: u32 = u32::MAX;
/// Peer records of one group: the group's number times this, plus the owner's.
pub const OWNERS_PER_GROUP: u32 = 1 << 12;
/// First wait before a member is dialled again (N-605).
pub const REDIAL_FIRST_MS: u64 = 1_000;
/// Waits between dials of one member, ± 25 % (N-605).
pub const REDIAL_MS: [u64; 5] = [1_000, 2_000, 5_000, 15_000, 30_000];
/// So many must have taken one's own Leave before the ways to the group go (E-70),
pub const LEAVE_TAKERS: usize = 2;
/// or one, and so long ago (guess: a day, in which a second one comes by).
pub const LEAVE_ALONE_MS: u64 = 86_400_000;
/// Up to so many members are all linked (N-601).
pub const LINK_ALL_MAX: usize = 12;
/// Above, so many links are kept (N-601).
pub const LINKS_WANTED: usize = 8;
/// After so many failed dials only the probe tries a member of a large group (N-605).
pub const DIALS_BEFORE_PROBE: u32 = 10;
/// Above so many links one may go (N-601),
pub const LINKS_MAX: usize = 14;
/// to a neighbour that has more than this itself (N-602),
pub const LINKS_PLENTY: usize = 10;
/// if so many neighbours are common to both: the graph stays in one piece (guess).
pub const LINKS_COMMON_MIN: usize = 2;
/// Somebody who may be cut off is tried every 30 s ± 20 % (N-605): at least this,
pub const PROBE_MIN_MS: u64 = 24_000;
/// and at most this more.
pub const PROBE_JITTER_MS: u64 = 12_000;
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
/// Own messages that one receipt may announce as delivered at once (guess).
pub const DELIVERIES_TOLD_MAX: u64 = 64;
/// STATE every 30 s ± 20 % (N-501): at least this,
pub const STATE_MIN_MS: u64 = 24_000;
/// and up to so much more.
pub const STATE_JITTER_MS: u64 = 12_000;
/// Who was away so long returns with fresh keys (E-39 f).
pub const AWAY_MS: u64 = 7 * 86_400_000;
/// How often the moment of the last sync is written down (guess: a minute is what people can tell apart).
pub const SYNCED_NOTE_MS: u64 = 60_000;

// History for newcomers (E-86 to E-91, N-712)

/// Seeds that are kept in one group: 100 members for a year, a Rekey a week each, and some more (guess).
pub const SEEDS_PER_GROUP_MAX: usize = 8_192;
/// Seeds in one bundle: at most 97 bytes each when every one is of another log, which fits 48 KiB (E-91).
pub const SEEDS_PER_BUNDLE_MAX: usize = 480;
/// Bytes of a bundle's sealed part (E-91).
pub const BUNDLE_BYTES_MAX: usize = 48 * 1_024;
/// Bundles in one answer, so that it fits the queue of a link; the newest epochs come first (guess).
pub const BUNDLES_MAX: usize = 8;
/// Answers to one member in a day (N-712).
pub const HISTORY_ANSWERS_PER_DAY_MAX: usize = 4;
/// Before the same member is asked again: four times a day (N-712).
pub const HISTORY_ASK_MS: u64 = 6 * 3_600_000;
/// From the first closed line to the question: more of them come together (guess).
pub const HISTORY_SOON_MS: u64 = 2_000;
/// Before the next neighbour is asked (guess).
pub const HISTORY_LATER_MS: u64 = 30_000;
/// Days of history that a setting can name: ten years (guess).
pub const HISTORY_DAYS_MAX: u64 = 3_660;
