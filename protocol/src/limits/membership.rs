//! Bounds of the membership log (MB-L1 to MB-L7).

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
/// Recovery keys of a group (MB-Z1): as many people as an organiser hands codes to.
pub const RECOVERY_KEYS_MAX: usize = 7;
/// How often the founder's office may pass on (MB-Z2). *guess*: an organiser lost every year for a lifetime.
pub const SUCCESSIONS_MAX: usize = 64;
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
/// Rounds of sync without progress after which the foundations of what was sent go too: an ordinary exchange needs
/// fewer.
pub const SYNC_PATIENCE_ROUNDS: u32 = 4;
/// Operations of which an exchange remembers that it sent them: a whole log.
pub const SYNC_SENT_MAX: usize = 20_000;
/// Rounds of sync without a newly admitted operation (MB-T5).
pub const SYNC_IDLE_ROUNDS_MAX: u32 = 20;
/// A guest who stays after the session: so long waits the custodian (MB-D14).
pub const GUEST_CUSTODIAN_WAIT_MS: u64 = 60_000;
/// Then one standing office after the other, so far apart (MB-D14).
pub const GUEST_NEXT_OFFICE_WAIT_MS: u64 = 30_000;
/// Operations that an INTRODUCE may bring.
pub const INTRODUCE_OPERATIONS_MAX: usize = 64;
/// Operations in one group's document: beyond, Joins wait outside for an office's word (MB-L7, R-33).
pub const OPERATIONS_MAX: usize = 20_000;
/// Operations of one group: admins are told (MB-L7).
pub const OPERATIONS_NOTICE: usize = 5_000;
