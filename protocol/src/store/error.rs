//! What a store can answer when it can't do what was asked.

use crate::record::Key;

/// What is too large (ST-14).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bound {
    /// One stored value.
    ValueBytes,
    /// Changes of a batch.
    BatchChanges,
    /// Bytes of a batch.
    BatchBytes,
    /// Records asked for at once.
    RangeRecords,
}

/// What is damaged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// The engine's own files.
    Engine,
    /// One value, which alone does not open; all others are as good as before.
    Record(Key),
    /// The vault file.
    Vault,
    /// Which layout the records have.
    Schema,
}

/// What was being done when the machine refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IoOperation {
    /// Opening or creating.
    Open,
    /// Reading.
    Read,
    /// Writing.
    Write,
    /// Making durable.
    Sync,
}

/// Why the machine refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IoKind {
    /// No permission.
    Denied,
    /// It isn't there.
    Missing,
    /// Mounted without the right to write.
    ReadOnly,
    /// No space, in spite of the margin.
    NoSpace,
    /// The device reports a failure (EIO).
    Device,
    /// No file descriptor is left.
    Descriptors,
    /// Anything else.
    Other,
}

/// Rule ST-17: what a store can answer. No types of an engine, no texts that control anything; an engine's panic is
/// caught at the border and is [`StoreError::Corrupt`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// Another process has it, with this id if it could be read.
    #[error("the data is in use by another process")]
    Locked {
        /// Process id of the holder.
        pid: Option<u32>,
    },
    /// Not enough free space; nothing was written, nothing is lost.
    #[error("disk full: {free} bytes free, {need} needed")]
    Full {
        /// Bytes that must be free.
        need: u64,
        /// Bytes that are free.
        free: u64,
    },
    /// Over a bound of ST-14; nothing was written. A mistake of ours.
    #[error("too large for the store: {what:?} {len}")]
    TooLarge {
        /// Which bound.
        what: Bound,
        /// What was asked for.
        len: usize,
    },
    /// Damaged.
    #[error("damaged: {place:?}")]
    Corrupt {
        /// What is damaged.
        place: Place,
    },
    /// Written by a later version of the program.
    #[error("written by a newer version (layout {layout})")]
    Newer {
        /// Its layout.
        layout: u32,
    },
    /// The machine refused.
    #[error("the disk refused: {op:?}, {kind:?}")]
    Io {
        /// What was being done.
        op: IoOperation,
        /// Why not.
        kind: IoKind,
    },
    /// It failed before, and answers nothing more (ST-15).
    #[error("the store failed and must be opened again")]
    Failed,
}
