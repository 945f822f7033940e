//! GIF (89a): a screen, then blocks. Kept are pictures, what steers them (graphic control) and the loop count of an
//! animation; comments, texts and other programs' blocks go, and so does what comes behind the end (MM-1).

use super::Bytes;

/// Without anything but the pictures.
pub(super) fn cleaned(file: &[u8]) -> Option<Vec<u8>> {
    let mut from = Bytes(file);
    let head = from.take(13)?;
    let mut to = head.to_vec();
    to.extend(from.take(colours(head[10]))?);
    loop {
        let start = from.0;
        match from.byte()? {
            0x3b => {
                to.push(0x3b);
                return Some(to);
            }
            0x2c => {
                let flags = *from.take(9)?.last()?;
                from.take(colours(flags).checked_add(1)?)?;
                blocks(&mut from)?;
                to.extend(between(start, from.0)?);
            }
            0x21 => {
                let label = from.byte()?;
                let first = from.0;
                blocks(&mut from)?;
                if label == 0xf9 || (label == 0xff && is_loop(first)) {
                    to.extend(between(start, from.0)?);
                }
            }
            _ => return None,
        }
    }
}

/// Out of the head.
pub(super) fn dims(file: &[u8]) -> Option<(u16, u16)> {
    let side = |at: usize| file.get(at..at.saturating_add(2))?.try_into().ok().map(u16::from_le_bytes);
    Some((side(6)?, side(8)?))
}

/// Bytes of a table of colours.
const fn colours(flags: u8) -> usize {
    if flags & 0x80 == 0 { 0 } else { 3 << ((flags & 7) + 1) }
}

/// Blocks of up to 255 bytes, ended by an empty one.
fn blocks(from: &mut Bytes<'_>) -> Option<()> {
    loop {
        match from.byte()? {
            0 => return Some(()),
            length => from.take(usize::from(length))?,
        };
    }
}

/// Only the count of rounds: a block of that name may carry anything behind it (XMP does).
fn is_loop(blocks: &[u8]) -> bool {
    let named = blocks.starts_with(b"\x0bNETSCAPE2.0") || blocks.starts_with(b"\x0bANIMEXTS1.0");
    named && matches!(blocks.get(12..17), Some([3, 1, _, _, 0]))
}

fn between<'a>(start: &'a [u8], rest: &[u8]) -> Option<&'a [u8]> {
    start.get(..start.len().checked_sub(rest.len())?)
}
