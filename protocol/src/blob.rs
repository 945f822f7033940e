//! Files in a conversation: what is said about one, and how its bytes are padded, cut and sealed.
//!
//! A file is a *blob*: ciphertext under a key of its own that travels inside the message, named by the BLAKE3 root of
//! that ciphertext (BL-2, BL-6). The core does no I/O and hashes no files: the shell reads, asks [`SegmentSealer`] for
//! one segment after the other, and hands a finished [`Attachment`] to the message. Padding is Padmé (PURBs, PoPETs
//! 2019); cutting is STREAM (Hoang, Reyhanitabar, Rogaway, Vizár, CRYPTO 2015), as in the age format.

mod attachment;
mod cipher;
mod descriptor;
mod name;
mod padding;

pub use attachment::{Attachment, AttachmentKind, BlobKey, MediaType, Poster};
pub use cipher::{NotSealed, SegmentOpener, SegmentSealer};
pub use descriptor::Descriptor;
pub use name::clean_name;
pub use padding::{NoSuchSize, Segments, cipher_bytes, padded_bytes};

#[cfg(test)]
mod tests;
#[cfg(test)]
pub use tests::a_full_one;
