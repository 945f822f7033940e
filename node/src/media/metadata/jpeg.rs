//! JPEG (ITU T.81, annex B): a row of marked segments, then the picture's own data. Kept are the tables, the frame, the
//! scans, JFIF, the colour profile (ICC) and Adobe's APP14, without which colours are wrong. EXIF goes, but for one
//! thing: how the camera was held, as one block of fixed bytes, so that nobody lies on their side.

use super::Bytes;

const SOI: u8 = 0xd8;
const EOI: u8 = 0xd9;
const SOS: u8 = 0xda;
const APP0: u8 = 0xe0;
const APP1: u8 = 0xe1;
const APP2: u8 = 0xe2;
const APP14: u8 = 0xee;

/// Without anything but the picture.
pub(super) fn cleaned(file: &[u8]) -> Option<Vec<u8>> {
    let mut from = Bytes(file);
    let mut to = Vec::with_capacity(file.len());
    (from.take(2)? == [0xff, SOI]).then_some(())?;
    to.extend([0xff, SOI]);
    let mut turned = None;
    let mut has_frame = false;
    loop {
        let mark = marker(&mut from)?;
        match mark {
            EOI => {
                to.extend([0xff, EOI]);
                // What comes behind the end is no picture: a second one, a film, a thumbnail. It goes.
                return has_frame.then_some(to);
            }
            0x01 | 0xd0..=0xd7 => to.extend([0xff, mark]),
            _ => {
                let body = segment(&mut from)?;
                if mark == APP1 {
                    turned = turned.or_else(|| orientation(body));
                }
                if is_frame(mark) {
                    has_frame = true;
                    if let Some(turn) = turned.take().filter(|&turn| turn != 1) {
                        put(&mut to, APP1, &turn_only(turn))?;
                    }
                }
                if is_kept(mark, body) {
                    put(&mut to, mark, body)?;
                }
                if mark == SOS {
                    to.extend(scan(&mut from)?);
                }
            }
        }
    }
}

/// Width and height out of the frame.
pub(super) fn dims(file: &[u8]) -> Option<(u16, u16)> {
    let mut from = Bytes(file);
    from.take(2)?;
    loop {
        let mark = marker(&mut from)?;
        if mark == EOI || mark == SOS {
            return None;
        }
        let body = segment(&mut from)?;
        if is_frame(mark) {
            let side = |at: usize| body.get(at..at.saturating_add(2))?.try_into().ok().map(u16::from_be_bytes);
            return Some((side(3)?, side(1)?));
        }
    }
}

/// Any number of 0xff may stand before a marker.
fn marker(from: &mut Bytes<'_>) -> Option<u8> {
    (from.byte()? == 0xff).then_some(())?;
    loop {
        match from.byte()? {
            0xff => {}
            0 => return None,
            mark => return Some(mark),
        }
    }
}

fn segment<'a>(from: &mut Bytes<'a>) -> Option<&'a [u8]> {
    let length = from.be16()?;
    from.take(length.checked_sub(2)?)
}

fn put(to: &mut Vec<u8>, mark: u8, body: &[u8]) -> Option<()> {
    let length = u16::try_from(body.len().checked_add(2)?).ok()?;
    to.extend([0xff, mark]);
    to.extend(length.to_be_bytes());
    to.extend(body);
    Some(())
}

/// The data of a scan: up to the next marker that is neither a stuffed 0xff nor a restart.
fn scan<'a>(from: &mut Bytes<'a>) -> Option<&'a [u8]> {
    let bytes = from.0;
    let ends = |two: &[u8]| two[0] == 0xff && !matches!(two[1], 0 | 0xff | 0xd0..=0xd7);
    let length = bytes.windows(2).position(ends)?;
    from.take(length)
}

const fn is_frame(mark: u8) -> bool {
    matches!(mark, 0xc0..=0xcf) && !matches!(mark, 0xc4 | 0xc8 | 0xcc)
}

fn is_kept(mark: u8, body: &[u8]) -> bool {
    match mark {
        APP0 => body.starts_with(b"JFIF\0"),
        APP2 => body.starts_with(b"ICC_PROFILE\0"),
        APP14 => body.starts_with(b"Adobe"),
        // Frames, Huffman and arithmetic tables, quantisation, restarts, scans, and the number of lines.
        0xc0..=0xcf | 0xda..=0xdf => true,
        _ => false,
    }
}

const EXIF: &[u8] = b"Exif\0\0";
const ORIENTATION: u16 = 0x0112;
/// Entries of a directory that are looked through; cameras write a dozen.
const ENTRIES_MAX: u16 = 256;

/// How the camera was held, 1 to 8, out of the first directory (TIFF 6.0, section 2).
fn orientation(body: &[u8]) -> Option<u8> {
    let tiff = body.strip_prefix(EXIF)?;
    let little = match tiff.get(..2)? {
        b"II" => true,
        b"MM" => false,
        _ => return None,
    };
    let read16 = |at: usize| {
        let two: [u8; 2] = tiff.get(at..at.checked_add(2)?)?.try_into().ok()?;
        Some(if little { u16::from_le_bytes(two) } else { u16::from_be_bytes(two) })
    };
    let read32 = |at: usize| {
        let four: [u8; 4] = tiff.get(at..at.checked_add(4)?)?.try_into().ok()?;
        usize::try_from(if little { u32::from_le_bytes(four) } else { u32::from_be_bytes(four) }).ok()
    };
    let first = read32(4)?;
    for entry in 0..read16(first)?.min(ENTRIES_MAX) {
        let at = first.checked_add(2)?.checked_add(usize::from(entry).checked_mul(12)?)?;
        if read16(at)? == ORIENTATION {
            return u8::try_from(read16(at.checked_add(8)?)?).ok().filter(|turn| (1..=8).contains(turn));
        }
    }
    None
}

/// One directory with one entry.
fn turn_only(turn: u8) -> Vec<u8> {
    let tiff: [u8; 26] = [b'M', b'M', 0, 42, 0, 0, 0, 8, 0, 1, 0x01, 0x12, 0, 3, 0, 0, 0, 1, 0, turn, 0, 0, 0, 0, 0, 0];
    [EXIF, &tiff].concat()
}
