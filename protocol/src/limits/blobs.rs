//! Bounds of files: how large they may be, how they are cut, what may be said about them (BL-1, BL-4, BL-5, BL-8).

/// The largest plaintext that the format can hold: 2 GiB (BL-1). Segment numbers and lengths stay far below 2^53.
pub const BLOB_BYTES_MAX: u64 = 1 << 31;
/// Smaller files are padded to this much, so that short notes look alike (BL-4).
pub const BLOB_PADDED_BYTES_MIN: u64 = 4_096;
/// Plaintext of one segment (BL-5).
pub const SEGMENT_BYTES: usize = 65_520;
/// Ciphertext of one full segment: with its tag 64 KiB, so segments and chunks of 1 MiB end together (BL-5).
pub const SEALED_SEGMENT_BYTES: usize = SEGMENT_BYTES + super::AEAD_TAG_BYTES;

/// A picture (BL-1).
pub const IMAGE_BYTES_MAX: u64 = 20_000_000;
/// Pixels of a picture (BL-1).
pub const IMAGE_PIXELS_MAX: u32 = 40_000_000;
/// A voice memo (BL-1).
pub const VOICE_BYTES_MAX: u64 = 8_000_000;
/// Length of a voice memo: 15 minutes (BL-1).
pub const VOICE_MS_MAX: u32 = 15 * 60 * 1_000;
/// A video or any other file; a group's setting may lower it (BL-1).
pub const FILE_BYTES_MAX: u64 = 500_000_000;

/// A file's name (BL-8, MM-9).
pub const FILE_NAME_BYTES_MAX: usize = 120;
/// A thumbhash (BL-8).
pub const THUMBHASH_BYTES_MAX: usize = 32;
/// A waveform: 64 peaks of 5 bits (BL-8, MM-7).
pub const WAVEFORM_BYTES: usize = 40;
/// A poster (BL-8).
pub const POSTER_BYTES_MAX: u32 = 65_536;
/// What a picture shows, in words (BL-8).
pub const ALT_BYTES_MAX: usize = 1_000;
/// What is said in a memo, in words (BL-8).
pub const SPOKEN_BYTES_MAX: usize = 8_000;

/// Blobs named in one group that are known at a time, posters included: a group's 2 GiB of media (ST-73) hold so many of
/// half a MiB. In memory 1 MiB for a full group.
pub const BLOBS_PER_GROUP_MAX: usize = 4_096;
/// What a content needs beside the fields of its body: kind, two times, eight entries that it comes after, array heads.
pub const CONTENT_FRAME_BYTES_MAX: usize = 5 + 2 * 9 + 1 + 34 * super::AFTER_MAX;

const _: () = assert!(SEALED_SEGMENT_BYTES == 65_536);
// Names, words and everything else of a descriptor, with CBOR around them.
const _: () = assert!(
    FILE_NAME_BYTES_MAX + THUMBHASH_BYTES_MAX + WAVEFORM_BYTES + ALT_BYTES_MAX + SPOKEN_BYTES_MAX + 256
        <= super::ATTACHMENT_BYTES_MAX
);
