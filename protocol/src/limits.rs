//! Every bound of the protocol, in one place, with its unit last and where the number comes from.
//!
//! What exceeds a bound is refused before a byte is allocated for it (H-22). A number marked *guess* has no
//! measurement behind it.

mod blobs;
mod entries;
mod groups;
mod joins;
mod links;
mod membership;
mod spreading;
mod storage;

pub use blobs::*;
pub use entries::*;
pub use groups::*;
pub use joins::*;
pub use links::*;
pub use membership::*;
pub use spreading::*;
pub use storage::*;

// Encoding

/// Integers on the wire are below 2^53, so that every language can hold them (E-02).
pub const INTEGER_MAX: u64 = (1 << 53) - 1;

// Frames (N-402)

/// The largest body of any frame.
pub const FRAME_BODY_BYTES_MAX: usize = 160 * 1_024;
/// kind, slot, length.
pub const FRAME_HEADER_BYTES: usize = 5;

const _: () = assert!(ENTRY_BYTES_MAX + 64 + SEAL_OVERHEAD_BYTES <= VALUE_BYTES_MAX);
const _: () = assert!(PLAINTEXT_BYTES_MAX + 16 <= BODY_BYTES_MAX);
const _: () = assert!(HEAD_BYTES_MAX + BODY_BYTES_MAX + 32 + 64 + 16 <= ENTRY_BYTES_MAX);
