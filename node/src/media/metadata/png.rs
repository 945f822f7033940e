//! PNG (W3C, third edition): a row of named chunks. Kept are the picture, its palette, transparency, colour space and the
//! frames of an animation (MM-1). Texts, times, EXIF and whatever is named otherwise go, and so does what comes behind
//! the end.

use super::Bytes;

pub(super) const SIGNATURE: &[u8] = b"\x89PNG\r\n\x1a\n";

const KEPT: [&[u8]; 12] =
    [b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND", b"gAMA", b"cHRM", b"sRGB", b"iCCP", b"acTL", b"fcTL", b"fdAT"];

/// Without anything but the picture.
pub(super) fn cleaned(file: &[u8]) -> Option<Vec<u8>> {
    let mut from = Bytes(file);
    let mut to = from.take(SIGNATURE.len())?.to_vec();
    loop {
        let whole = from;
        let length = from.be32()?;
        let name = from.take(4)?;
        from.take(length.checked_add(4)?)?;
        if KEPT.contains(&name) {
            to.extend(whole.0.get(..length.checked_add(12)?)?);
        }
        if name == b"IEND" {
            return Some(to);
        }
    }
}

/// Out of the head.
pub(super) fn dims(file: &[u8]) -> Option<(u16, u16)> {
    let side = |at: usize| {
        let four = file.get(at..at.checked_add(4)?)?.try_into().ok()?;
        u16::try_from(u32::from_be_bytes(four)).ok()
    };
    Some((side(16)?, side(20)?))
}
