//! Ogg with Opus (RFC 3533, RFC 7845): the second packet holds a vendor's name and comments: title, artist, place, a
//! picture. It is written anew, empty, in the same length: what follows the comments is padding, by RFC 7845, 5.2.

use super::Bytes;

/// Pages that the packet of comments may take: 16 of 64 KiB, a picture among them.
const PAGES_MAX: u32 = 16;
const HEAD: usize = 27;

/// Without anything but the sound.
pub(super) fn cleaned(file: &[u8]) -> Option<Vec<u8>> {
    let mut out = file.to_vec();
    let (first, mut at) = page(file, 0)?;
    first.get(..8).filter(|magic| *magic == b"OpusHead")?;
    let mut is_first = true;
    for _ in 0..PAGES_MAX {
        let (body, end) = page(file, at)?;
        if is_first {
            body.get(..8).filter(|magic| *magic == b"OpusTags")?;
        }
        let start = end.checked_sub(body.len())?;
        // The packet ends with the first piece that is not full.
        let pieces = file.get(at.checked_add(HEAD)?..start)?;
        let last = pieces.iter().position(|&piece| piece < 255);
        let length: usize =
            pieces.iter().take(last.map_or(pieces.len(), |last| last + 1)).map(|&p| usize::from(p)).sum();
        let packet = out.get_mut(start..start.checked_add(length)?)?;
        let kept = if is_first { 8 } else { 0 };
        packet.get_mut(kept..)?.fill(0);
        (!is_first || length >= 16).then_some(())?;
        seal(out.get_mut(at..end)?)?;
        if last.is_some() {
            return every_page_reads(file, end).then_some(out);
        }
        (is_first, at) = (false, end);
    }
    None
}

/// A stream of one kind to the end: a second one behind it would bring comments of its own.
fn every_page_reads(file: &[u8], mut at: usize) -> bool {
    while at < file.len() {
        let Some((_, end)) = page(file, at).filter(|_| file.get(at + 5).is_some_and(|flags| flags & 2 == 0)) else {
            return false;
        };
        at = end;
    }
    true
}

/// What a page holds, and where it ends.
fn page(file: &[u8], at: usize) -> Option<(&[u8], usize)> {
    let mut from = Bytes(file.get(at..)?);
    let head = from.take(HEAD)?;
    head.starts_with(b"OggS\0").then_some(())?;
    let pieces = from.take(usize::from(*head.last()?))?;
    let body = from.take(pieces.iter().map(|&piece| usize::from(piece)).sum())?;
    Some((body, file.len().checked_sub(from.0.len())?))
}

/// The checksum of a page, over all of it with zeros in its place.
fn seal(page: &mut [u8]) -> Option<()> {
    page.get_mut(22..26)?.fill(0);
    let sum = checksum(page);
    page.get_mut(22..26)?.copy_from_slice(&sum.to_le_bytes());
    Some(())
}

/// CRC-32 with polynomial 0x04c11db7, not reflected, from 0 (RFC 3533, section 6).
fn checksum(bytes: &[u8]) -> u32 {
    bytes.iter().fold(0, |sum, &byte| {
        (0..8).fold(sum ^ (u32::from(byte) << 24), |sum, _| {
            let shifted = sum << 1;
            if sum & 0x8000_0000 == 0 { shifted } else { shifted ^ 0x04c1_1db7 }
        })
    })
}
