//! MP4 (ISO/IEC 14496-12): boxes within boxes. A position hides in `moov/udta/©xyz` and in `moov/meta`. Such boxes become
//! `free` boxes of the same size, full of zeros, and times become 0, so that every offset in the file stays true (MM-2).

use super::Bytes;

/// Boxes within boxes: the deepest that a time or a position lies in is four.
const DEPTH_MAX: u8 = 8;
/// Boxes of one file (HM-6).
const BOXES_MAX: u32 = 10_000;

/// Boxes that tell more than the film.
const EMPTIED: [&[u8]; 4] = [b"udta", b"meta", b"uuid", b"skip"];
/// Boxes that are looked into.
const ENTERED: [&[u8]; 4] = [b"moov", b"trak", b"mdia", b"moof"];
/// Boxes that begin with the times at which something was made and changed.
const TIMED: [&[u8]; 3] = [b"mvhd", b"tkhd", b"mdhd"];

/// Without anything but the film.
pub(super) fn cleaned(file: &[u8]) -> Option<Vec<u8>> {
    let mut out = file.to_vec();
    let mut left = BOXES_MAX;
    walk(file, 0, &mut out, 0, &mut left)?;
    Some(out)
}

fn walk(inside: &[u8], base: usize, out: &mut [u8], depth: u8, left: &mut u32) -> Option<()> {
    (depth < DEPTH_MAX).then_some(())?;
    let mut from = Bytes(inside);
    while !from.is_empty() {
        *left = left.checked_sub(1)?;
        let at = base.checked_add(inside.len().checked_sub(from.0.len())?)?;
        let (name, body) = next(&mut from)?;
        let end = base.checked_add(inside.len().checked_sub(from.0.len())?)?;
        let start = end.checked_sub(body.len())?;
        if EMPTIED.contains(&name) || (name == b"free") {
            out.get_mut(at.checked_add(4)?..at.checked_add(8)?)?.copy_from_slice(b"free");
            out.get_mut(start..end)?.fill(0);
        } else if TIMED.contains(&name) {
            // Version 1 has times of eight bytes, version 0 of four; two of them, behind version and flags.
            let times = if *body.first()? == 1 { 16 } else { 8 };
            out.get_mut(start.checked_add(4)?..start.checked_add(4 + times)?)?.fill(0);
        } else if ENTERED.contains(&name) {
            walk(body, start, out, depth.checked_add(1)?, left)?;
        }
    }
    Some(())
}

/// The next box: its name and what is inside.
fn next<'a>(from: &mut Bytes<'a>) -> Option<(&'a [u8], &'a [u8])> {
    let short = from.be32()?;
    let name = from.take(4)?;
    let length = match short {
        0 => from.0.len(),
        1 => {
            let long = u64::from_be_bytes(from.take(8)?.try_into().ok()?);
            usize::try_from(long).ok()?.checked_sub(16)?
        }
        _ => short.checked_sub(8)?,
    };
    Some((name, from.take(length)?))
}
