//! Takes out of a picture or a film what its maker did not mean to send: where it was taken, when, with what (MM-1, MM-2).
//!
//! Only the structure is walked, nothing is decoded: pixels and sound stay as they were, byte for byte. What is kept is
//! on a list; everything else goes, whatever it is called. A file that does not read as what it says is not cleaned,
//! and then it is not sent as a picture either: who wants to send it all the same sends it as a file, with its data.

mod gif;
mod jpeg;
mod mp4;
mod ogg;
mod png;
mod webm;
mod webp;

/// What a file is, by its first bytes: its name decides nothing (HM-8).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    /// ITU T.81.
    Jpeg,
    /// W3C PNG, third edition.
    Png,
    /// GIF89a.
    Gif,
    /// RFC 9649.
    Webp,
    /// ISO/IEC 14496-12.
    Mp4,
    /// Matroska's little sister.
    Webm,
    /// RFC 3533.
    Ogg,
    /// Anything else.
    Other,
}

/// Bytes that are looked at to tell what a file is.
pub(crate) const SNIFF_BYTES: usize = 64;

impl Format {
    /// Looks at the first bytes.
    pub(crate) fn of(start: &[u8]) -> Self {
        let at = |from: usize, what: &[u8]| start.get(from..).is_some_and(|rest| rest.starts_with(what));
        match () {
            () if at(0, &[0xff, 0xd8, 0xff]) => Self::Jpeg,
            () if at(0, png::SIGNATURE) => Self::Png,
            () if at(0, b"GIF87a") || at(0, b"GIF89a") => Self::Gif,
            () if at(0, b"RIFF") && at(8, b"WEBP") => Self::Webp,
            () if at(4, b"ftyp") && !is_still(start) => Self::Mp4,
            () if at(0, &[0x1a, 0x45, 0xdf, 0xa3]) && start.windows(4).any(|four| four == b"webm") => Self::Webm,
            () if at(0, b"OggS") => Self::Ogg,
            () => Self::Other,
        }
    }

    /// Whether it is a picture that is shown inline (MM-6).
    pub(crate) const fn is_picture(self) -> bool {
        matches!(self, Self::Jpeg | Self::Png | Self::Gif | Self::Webp)
    }
}

/// HEIC and AVIF begin like a film, and are files here (MM-6).
fn is_still(start: &[u8]) -> bool {
    let brand = start.get(8..12).unwrap_or_default();
    [&b"heic"[..], b"heix", b"hevc", b"mif1", b"msf1", b"avif", b"avis"].contains(&brand)
}

/// A file without what tells more than its picture; none if it does not read as what it says, or is of a kind that
/// nobody here can clean.
pub(crate) fn cleaned(file: &[u8]) -> Option<Vec<u8>> {
    match Format::of(file) {
        Format::Jpeg => jpeg::cleaned(file),
        Format::Png => png::cleaned(file),
        Format::Gif => gif::cleaned(file),
        Format::Webp => webp::cleaned(file),
        Format::Mp4 => mp4::cleaned(file),
        Format::Webm => webm::cleaned(file),
        Format::Ogg => ogg::cleaned(file),
        Format::Other => None,
    }
}

/// Width and height, where the head of the picture says them.
pub(crate) fn dims(file: &[u8]) -> Option<(u16, u16)> {
    match Format::of(file) {
        Format::Jpeg => jpeg::dims(file),
        Format::Png => png::dims(file),
        Format::Gif => gif::dims(file),
        Format::Webp => webp::dims(file),
        _ => None,
    }
}

/// Reads a file from its beginning; every step is checked, so that no length in a file leads outside it.
#[derive(Clone, Copy)]
struct Bytes<'a>(&'a [u8]);

impl<'a> Bytes<'a> {
    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    fn byte(&mut self) -> Option<u8> {
        self.take(1)?.first().copied()
    }

    fn be16(&mut self) -> Option<usize> {
        Some(usize::from(u16::from_be_bytes(self.take(2)?.try_into().ok()?)))
    }

    fn be32(&mut self) -> Option<usize> {
        usize::try_from(u32::from_be_bytes(self.take(4)?.try_into().ok()?)).ok()
    }

    fn le32(&mut self) -> Option<usize> {
        usize::try_from(u32::from_le_bytes(self.take(4)?.try_into().ok()?)).ok()
    }

    const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

#[cfg(test)]
mod tests;
