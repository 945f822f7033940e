//! A file as its message names it: where the bytes are, the key that opens them, and what the sender says of them.
//!
//! Everything here but blob and key is the sender's claim, good for layout and placeholders until the receiver's own
//! program has looked at the bytes. The form is strict, so that two programs never read one descriptor in two ways.
#![cfg_attr(not(test), deny(clippy::arithmetic_side_effects, clippy::as_conversions))]

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use super::{Descriptor, clean_name};
use crate::crypto::{Secret, Zeroizing};
use crate::ids::BlobId;
use crate::limits;
use crate::wire::{Canonical, DecodeError, Reader, Writer, from_bytes};

/// Rule BL-8: a file that a message carries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attachment {
    /// How it is shown.
    pub kind: AttachmentKind,
    /// The ciphertext.
    pub blob: BlobId,
    /// Opens it, and nothing else.
    pub key: BlobKey,
    /// Bytes of the file itself, 1 to 2 GiB.
    pub size: u64,
    /// What is inside.
    pub media: MediaType,
    /// The file's name as it came, at most 120 bytes: see [`Self::shown_name`].
    pub name: Option<String>,
    /// Width and height in pixels; neither is 0.
    pub dims: Option<(u16, u16)>,
    /// How long it plays, in ms.
    pub duration_ms: Option<u32>,
    /// A blurred preview, at most 32 bytes.
    pub thumbhash: Option<Vec<u8>>,
    /// 64 peaks of 5 bits, packed big-endian.
    pub waveform: Option<[u8; limits::WAVEFORM_BYTES]>,
    /// A picture to show before a video plays.
    pub poster: Option<Poster>,
    /// What a picture shows, for those who can't see it, at most 1,000 bytes.
    pub alt: Option<String>,
    /// What is said in a memo, at most 8,000 bytes.
    pub words: Option<String>,
    /// Whether its metadata were left in, by the sender's will.
    pub original: bool,
}

/// How a file is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AttachmentKind {
    /// A picture.
    Image,
    /// A voice memo.
    Voice,
    /// A video.
    Video,
    /// Anything else.
    File,
}

/// What a file claims to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum MediaType {
    /// 0, and every number that only a later version knows: shown as a file, its post stays readable.
    Unknown(u8),
    /// 1.
    Jpeg,
    /// 2.
    Png,
    /// 3.
    Gif,
    /// 4.
    Webp,
    /// 5.
    WebmAudio,
    /// 6.
    OggAudio,
    /// 7.
    Mp4Audio,
    /// 8.
    Mp4Video,
    /// 9.
    WebmVideo,
}

/// A picture for a video that doesn't play yet; a blob of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Poster {
    /// Its ciphertext.
    pub blob: BlobId,
    /// Opens it.
    pub key: BlobKey,
    /// Its bytes, 1 to 65,536.
    pub size: u32,
}

/// Rule BL-2: the key of one blob, drawn for it alone; the same file sent twice makes two blobs. It travels only inside
/// the message, is wiped on drop, compared in constant time and never printed.
pub struct BlobKey(Secret<32>);

impl BlobKey {
    /// Draws 32 bytes.
    pub fn random(rng: &mut dyn rand_core::CryptoRng) -> Self {
        Self(Secret::random(rng))
    }

    /// Takes a key over.
    #[must_use]
    pub const fn new(key: Secret<32>) -> Self {
        Self(key)
    }

    /// The key, for sealing and opening.
    #[must_use]
    pub const fn secret(&self) -> &Secret<32> {
        &self.0
    }
}

impl Clone for BlobKey {
    fn clone(&self) -> Self {
        Self(self.0.duplicate())
    }
}

impl PartialEq for BlobKey {
    fn eq(&self, other: &Self) -> bool {
        self.0.same_as(&other.0)
    }
}

impl Eq for BlobKey {}

impl fmt::Debug for BlobKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("BlobKey(…)")
    }
}

impl AttachmentKind {
    const ALL: [Self; 4] = [Self::Image, Self::Voice, Self::Video, Self::File];

    /// Rule BL-1: the most bytes of such a file that are sent, and that are fetched.
    #[must_use]
    pub const fn bytes_max(self) -> u64 {
        match self {
            Self::Image => limits::IMAGE_BYTES_MAX,
            Self::Voice => limits::VOICE_BYTES_MAX,
            Self::Video | Self::File => limits::FILE_BYTES_MAX,
        }
    }

    const fn number(self) -> u8 {
        match self {
            Self::Image => 0,
            Self::Voice => 1,
            Self::Video => 2,
            Self::File => 3,
        }
    }
}

impl MediaType {
    const KNOWN: [Self; 9] = [
        Self::Jpeg,
        Self::Png,
        Self::Gif,
        Self::Webp,
        Self::WebmAudio,
        Self::OggAudio,
        Self::Mp4Audio,
        Self::Mp4Video,
        Self::WebmVideo,
    ];

    const fn number(self) -> u8 {
        match self {
            Self::Unknown(number) => number,
            Self::Jpeg => 1,
            Self::Png => 2,
            Self::Gif => 3,
            Self::Webp => 4,
            Self::WebmAudio => 5,
            Self::OggAudio => 6,
            Self::Mp4Audio => 7,
            Self::Mp4Video => 8,
            Self::WebmVideo => 9,
        }
    }

    fn of(number: u8) -> Self {
        Self::KNOWN.into_iter().find(|media| media.number() == number).unwrap_or(Self::Unknown(number))
    }
}

impl Attachment {
    /// A file of which nothing is said but what it is.
    #[must_use]
    pub const fn new(kind: AttachmentKind, blob: BlobId, key: BlobKey, size: u64, media: MediaType) -> Self {
        Self {
            kind,
            blob,
            key,
            size,
            media,
            name: None,
            dims: None,
            duration_ms: None,
            thumbhash: None,
            waveform: None,
            poster: None,
            alt: None,
            words: None,
            original: false,
        }
    }

    /// Whether what it announces is within the limits of its kind and the group's `max_blob` (bytes): checked when it is
    /// sent, and before one byte is fetched (BL-1).
    #[must_use]
    pub fn is_within(&self, max_blob: u64) -> bool {
        let pixels = self.dims.map_or(0, |(width, height)| u32::from(width).saturating_mul(u32::from(height)));
        let is_small = self.kind != AttachmentKind::Image || pixels <= limits::IMAGE_PIXELS_MAX;
        let is_short = self.kind != AttachmentKind::Voice || self.duration_ms.unwrap_or(0) <= limits::VOICE_MS_MAX;
        self.size <= self.kind.bytes_max().min(max_blob) && is_small && is_short
    }

    /// Its name, safe to show and to save under (MM-9).
    #[must_use]
    pub fn shown_name(&self) -> Option<String> {
        self.name.as_deref().map(clean_name)
    }

    /// The blobs that it names: its own, and its poster's, each with the bytes of the file.
    pub fn blobs(&self) -> impl Iterator<Item = (BlobId, u64)> + use<> {
        let poster = self.poster.as_ref().map(|poster| (poster.blob, u64::from(poster.size)));
        [(self.blob, self.size)].into_iter().chain(poster)
    }

    /// As a message carries it.
    ///
    /// # Errors
    /// If something is over its limit.
    pub fn descriptor(&self) -> Result<Descriptor, DecodeError> {
        let mut writer = Writer::with_capacity(limits::ATTACHMENT_BYTES_MAX);
        self.write(&mut writer);
        let item = Zeroizing::new(writer.into_bytes());
        let again = from_bytes::<Self>(&item, limits::ATTACHMENT_BYTES_MAX)?;
        if again != *self {
            return Err(DecodeError::OutOfRange);
        }
        Descriptor::new(&item)
    }
}

impl TryFrom<&Descriptor> for Attachment {
    type Error = DecodeError;

    fn try_from(descriptor: &Descriptor) -> Result<Self, DecodeError> {
        from_bytes(descriptor.as_bytes(), limits::ATTACHMENT_BYTES_MAX)
    }
}

impl Canonical for Attachment {
    fn write(&self, to: &mut Writer) {
        to.array(14).uint(self.kind.number()).bytes(self.blob).bytes(self.key.0.expose()).uint(self.size);
        to.uint(self.media.number());
        text(to, self.name.as_deref());
        match self.dims {
            Some((width, height)) => to.array(2).uint(width).uint(height),
            None => to.null(),
        };
        match self.duration_ms {
            Some(duration) => to.uint(duration),
            None => to.null(),
        };
        to.optional(self.thumbhash.as_ref()).optional(self.waveform);
        match &self.poster {
            Some(poster) => to.item(poster),
            None => to.null(),
        };
        text(to, self.alt.as_deref());
        text(to, self.words.as_deref());
        to.bool(self.original);
    }

    fn read(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
        from.array(14)?;
        let kind = from.small::<u8>()?;
        let kind = AttachmentKind::ALL.into_iter().find(|known| known.number() == kind);
        Ok(Self {
            kind: kind.ok_or(DecodeError::OutOfRange)?,
            blob: from.fixed()?,
            key: BlobKey(from.fixed()?),
            size: in_range(from.uint()?, limits::BLOB_BYTES_MAX)?,
            media: MediaType::of(from.small()?),
            name: or_null(from, |from| from.text(limits::FILE_NAME_BYTES_MAX))?,
            dims: or_null(from, dims)?,
            duration_ms: or_null(from, Reader::small)?,
            thumbhash: or_null(from, |from| from.bytes(limits::THUMBHASH_BYTES_MAX).map(<[u8]>::to_vec))?,
            waveform: or_null(from, Reader::fixed)?,
            poster: or_null(from, Reader::item)?,
            alt: or_null(from, |from| from.text(limits::ALT_BYTES_MAX))?,
            words: or_null(from, |from| from.text(limits::SPOKEN_BYTES_MAX))?,
            original: from.bool()?,
        })
    }
}

impl Canonical for Poster {
    fn write(&self, to: &mut Writer) {
        to.array(3).bytes(self.blob).bytes(self.key.0.expose()).uint(self.size);
    }

    fn read(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
        from.array(3)?;
        let (blob, key) = (from.fixed()?, BlobKey(from.fixed()?));
        Ok(Self { blob, key, size: in_range(from.small()?, limits::POSTER_BYTES_MAX)? })
    }
}

fn dims(from: &mut Reader<'_>) -> Result<(u16, u16), DecodeError> {
    from.array(2)?;
    Ok((in_range(from.small()?, u16::MAX)?, in_range(from.small()?, u16::MAX)?))
}

/// From 1 to `max`.
fn in_range<T: PartialOrd + From<u8>>(number: T, max: T) -> Result<T, DecodeError> {
    (number >= T::from(1) && number <= max).then_some(number).ok_or(DecodeError::OutOfRange)
}

fn text<'a>(to: &'a mut Writer, text: Option<&str>) -> &'a mut Writer {
    match text {
        Some(text) => to.text(text),
        None => to.null(),
    }
}

fn or_null<'a, T>(
    from: &mut Reader<'a>,
    read: impl FnOnce(&mut Reader<'a>) -> Result<T, DecodeError>,
) -> Result<Option<T>, DecodeError> {
    if from.is_null()? { Ok(None) } else { read(from).map(Some) }
}
