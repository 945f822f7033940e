//! Why a blob is not stored, not taken or not given. Whose fault it was decides what happens next, so it is kept apart.

use std::io;

use coterie_protocol::IoKind;

use crate::store::directory::io_kind;

/// Why an own file is not stored. Nothing of it is left.
#[derive(Debug, thiserror::Error)]
pub enum PutError {
    /// The bytes were fewer or more than announced, or no blob has so many.
    #[error("the length is not the announced one, or no file may have it")]
    Length,
    /// Whoever gives the bytes failed.
    #[error("reading what is to be stored: {0}")]
    Source(io::Error),
    /// The disk failed.
    #[error("storing a file: {0}")]
    Disk(io::Error),
}

/// Why no more of a blob was taken. The chunks that were complete before stay.
#[derive(Debug, thiserror::Error)]
pub enum ReceiveError {
    /// The blob has no such chunks, or no blob has this length.
    #[error("there are no such chunks")]
    Range,
    /// What came does not fit the root, or the announced length is wrong. Not a byte of it was written.
    #[error("what came at byte {offset} does not fit the root")]
    BadSource {
        /// Where in the blob it was noticed.
        offset: u64,
    },
    /// More came than was asked for.
    #[error("more came than was asked for")]
    TooLong,
    /// The source failed, or ended early (`UnexpectedEof`): a line that broke, which is nobody's fault.
    #[error("reading from a source: {0}")]
    Source(io::Error),
    /// Our own disk failed.
    #[error("storing a fetched file: {0}")]
    Disk(io::Error),
}

/// Why a part of a blob is not given.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The blob has no such part, or no blob has this length.
    #[error("there is no such part")]
    Range,
    /// This chunk isn't here. Nothing was given.
    #[error("chunk {chunk} is not here")]
    Absent {
        /// Which one.
        chunk: u32,
    },
    /// This chunk, or the tree above it, was damaged: the tree was built anew if that was possible, else the chunk is
    /// taken away and must be fetched again. `have` tells. Nothing damaged was given.
    #[error("chunk {chunk} was damaged")]
    Damaged {
        /// Which one.
        chunk: u32,
    },
    /// Whoever takes the bytes failed.
    #[error("giving a file: {0}")]
    Sink(io::Error),
    /// The disk failed.
    #[error("reading a stored file: {0}")]
    Disk(io::Error),
}

impl PutError {
    /// Whether there is no room on the disk: "disk full", not "damaged" (ST-84).
    #[must_use]
    pub fn is_want_of_room(&self) -> bool {
        matches!(self, Self::Disk(error) if is_want_of_room(error))
    }
}

impl ReceiveError {
    /// Whether there is no room on the disk: "disk full", not "damaged" (ST-84).
    #[must_use]
    pub fn is_want_of_room(&self) -> bool {
        matches!(self, Self::Disk(error) if is_want_of_room(error))
    }
}

fn is_want_of_room(error: &io::Error) -> bool {
    io_kind(error) == IoKind::NoSpace
}
