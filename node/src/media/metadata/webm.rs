//! WebM (a Matroska profile, RFC 9559; EBML, RFC 8794): elements within elements. Tags, attachments, title, date and the
//! programs' names become `Void` elements of the same size, so that every offset in the file stays true (MM-2).

use super::Bytes;

const SEGMENT: u32 = 0x1853_8067;
const CLUSTER: u32 = 0x1f43_b675;
const INFO: u32 = 0x1549_a966;
/// Tags, attachments, and of the info: date, the two programs' names, title.
const VOIDED: [u32; 6] = [0x1254_c367, 0x1941_a469, 0x4461, 0x4d80, 0x5741, 0x7ba9];
/// Elements of one file: an hour of sound has some hundred thousand blocks.
const ELEMENTS_MAX: u32 = 4_000_000;
const VOID: u8 = 0xec;

/// Without anything but picture and sound.
pub(super) fn cleaned(file: &[u8]) -> Option<Vec<u8>> {
    let mut out = file.to_vec();
    let mut from = Bytes(file);
    let mut left = ELEMENTS_MAX;
    let mut has_segment = false;
    while !from.is_empty() {
        left = left.checked_sub(1)?;
        let at = file.len().checked_sub(from.0.len())?;
        let id = id(&mut from)?;
        let size = size(&mut from)?;
        has_segment |= id == SEGMENT;
        // Names are unique in all of a file, so what is inside is read in the same row; only so can a recording be
        // read whose length nobody knew when it began.
        if matches!(id, SEGMENT | CLUSTER | INFO) {
            continue;
        }
        from.take(usize::try_from(size?).ok()?)?;
        if VOIDED.contains(&id) {
            let end = file.len().checked_sub(from.0.len())?;
            void(out.get_mut(at..end)?)?;
        }
    }
    has_segment.then_some(out)
}

/// Overwrites an element.
fn void(element: &mut [u8]) -> Option<()> {
    let length = element.len();
    element.fill(0);
    let (name, rest) = element.split_first_mut()?;
    *name = VOID;
    match length {
        0..9 => *rest.first_mut()? = 0x80 | u8::try_from(length.checked_sub(2)?).ok()?,
        _ => {
            let inside = u64::try_from(length.checked_sub(9)?).ok()?;
            rest.get_mut(..8)?.copy_from_slice(&(inside | 1 << 56).to_be_bytes());
        }
    }
    Some(())
}

/// One to four bytes; the marker stays in it.
fn id(from: &mut Bytes<'_>) -> Option<u32> {
    let width = usize::try_from(from.0.first()?.leading_zeros()).ok()?.checked_add(1)?;
    let bytes = from.take((width <= 4).then_some(width)?)?;
    Some(bytes.iter().fold(0, |sum, &byte| (sum << 8) | u32::from(byte)))
}

/// One to eight bytes without the marker; inside none: nobody knew.
fn size(from: &mut Bytes<'_>) -> Option<Option<u64>> {
    let width = from.0.first()?.leading_zeros().checked_add(1)?;
    let bytes = from.take(usize::try_from((width <= 8).then_some(width)?).ok()?)?;
    let whole = bytes.iter().fold(0u64, |sum, &byte| (sum << 8) | u64::from(byte));
    let mask = (1u64 << (7 * width)).checked_sub(1)?;
    Some(Some(whole & mask).filter(|&value| value != mask))
}
