//! Bounds of what is stored.

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
