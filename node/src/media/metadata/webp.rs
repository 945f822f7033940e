//! WebP (RFC 9649): a RIFF file of named chunks. The picture, its transparency, colour profile and frames are kept; EXIF,
//! XMP and unknown chunks go, and the head says so (MM-1).

use super::Bytes;

const KEPT: [&[u8]; 7] = [b"VP8 ", b"VP8L", b"VP8X", b"ALPH", b"ANIM", b"ANMF", b"ICCP"];
/// Bits of the head of an extended file that promise EXIF (0x08) and XMP (0x04).
const PROMISES: u8 = 0x08 | 0x04;

/// Without anything but the picture.
pub(super) fn cleaned(file: &[u8]) -> Option<Vec<u8>> {
    let mut from = riff(file)?;
    let mut body = Vec::with_capacity(file.len());
    body.extend(b"WEBP");
    while !from.is_empty() {
        let name = from.take(4)?;
        let length = from.le32()?;
        let data = from.take(length)?;
        if length % 2 == 1 {
            from.take(1)?;
        }
        if !KEPT.contains(&name) {
            continue;
        }
        let start = body.len().checked_add(8)?;
        body.extend(name);
        body.extend(u32::try_from(length).ok()?.to_le_bytes());
        body.extend(data);
        if name == b"VP8X" {
            *body.get_mut(start)? &= !PROMISES;
        }
        if length % 2 == 1 {
            body.push(0);
        }
    }
    let mut to = b"RIFF".to_vec();
    to.extend(u32::try_from(body.len()).ok()?.to_le_bytes());
    to.extend(body);
    Some(to)
}

/// What the RIFF head promises; what comes behind it is not part of the file.
fn riff(file: &[u8]) -> Option<Bytes<'_>> {
    let mut from = Bytes(file);
    (from.take(4)? == b"RIFF").then_some(())?;
    let length = from.le32()?;
    let mut inside = Bytes(from.take(length)?);
    (inside.take(4)? == b"WEBP").then_some(inside)
}

/// Out of the first chunk, in each of its three forms.
pub(super) fn dims(file: &[u8]) -> Option<(u16, u16)> {
    let mut from = riff(file)?;
    let name = from.take(4)?;
    let length = from.le32()?;
    let data = from.take(length)?;
    let le = |at: usize, count: usize| {
        let bytes = data.get(at..at.checked_add(count)?)?;
        Some(bytes.iter().rev().fold(0u32, |sum, &byte| (sum << 8) | u32::from(byte)))
    };
    let (width, height) = match name {
        b"VP8X" => (le(4, 3)?.checked_add(1)?, le(7, 3)?.checked_add(1)?),
        b"VP8L" => {
            let bits = le(1, 4)?;
            ((bits & 0x3fff) + 1, ((bits >> 14) & 0x3fff) + 1)
        }
        b"VP8 " => (le(6, 2)? & 0x3fff, le(8, 2)? & 0x3fff),
        _ => return None,
    };
    Some((u16::try_from(width).ok()?, u16::try_from(height).ok()?))
}
