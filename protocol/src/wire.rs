//! Canonical CBOR (RFC 8949 §4.2.1): one value, one encoding, so that bytes can be hashed and signed.
//!
//! A [`Writer`] can only write the canonical form. A [`Reader`] reads the shape, and [`from_bytes`] then encodes the
//! value again and compares, because `minicbor` accepts more than the canonical form (E-02, MB-E1). Lengths are
//! checked before anything is read, and nothing is allocated by a length that a peer claims.
#![cfg_attr(not(test), deny(clippy::arithmetic_side_effects, clippy::as_conversions))]

mod any;
pub(crate) mod frame;

use alloc::string::String;
use alloc::vec::Vec;
use minicbor::data::Type;

use crate::limits::INTEGER_MAX;

/// Why bytes are not what they should be. Never carries the bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
pub enum DecodeError {
    /// Longer than its kind may be.
    #[error("too large")]
    TooLarge,
    /// Not the canonical encoding of anything, or bytes follow (E-02).
    #[error("not canonical")]
    NotCanonical,
    /// Another type or number of fields than expected.
    #[error("wrong shape")]
    WrongShape,
    /// A number, length or text outside its limits.
    #[error("out of range")]
    OutOfRange,
    /// A version or kind this program doesn't know.
    #[error("unknown version or kind")]
    Unknown,
}

/// A value with exactly one encoding.
pub trait Canonical: Sized {
    /// Writes the value.
    fn write(&self, to: &mut Writer);
    /// Reads the shape; canonical form is checked by [`from_bytes`].
    ///
    /// # Errors
    /// Any [`DecodeError`]; the reader's position is then without meaning.
    fn read(from: &mut Reader<'_>) -> Result<Self, DecodeError>;
}

/// The one encoding of `value`.
pub fn to_bytes<T: Canonical>(value: &T) -> Vec<u8> {
    let mut writer = Writer::default();
    value.write(&mut writer);
    writer.into_bytes()
}

/// Reads exactly one value of at most `max` bytes and demands its canonical form.
///
/// # Errors
/// [`DecodeError::TooLarge`] before anything is read, else the first thing that is wrong.
pub fn from_bytes<T: Canonical>(bytes: &[u8], max: usize) -> Result<T, DecodeError> {
    if bytes.len() > max {
        return Err(DecodeError::TooLarge);
    }
    let mut reader = Reader::new(bytes);
    let value = T::read(&mut reader)?;
    // What came says how much room its own encoding needs.
    let mut again = Writer::with_capacity(bytes.len());
    value.write(&mut again);
    if !reader.is_empty() || again.0 != bytes {
        return Err(DecodeError::NotCanonical);
    }
    Ok(value)
}

/// Room that a writer begins with: most values fit, and growing by doubling from nothing would copy each six times.
const ROOM_BYTES: usize = 256;

/// Writes canonical CBOR; cannot fail and cannot write anything else.
pub struct Writer(Vec<u8>);

impl Default for Writer {
    fn default() -> Self {
        Self::with_capacity(ROOM_BYTES)
    }
}

impl Writer {
    /// A writer with room for `bytes` bytes, so that no copy of a secret is left behind by growing.
    #[must_use]
    pub fn with_capacity(bytes: usize) -> Self {
        Self(Vec::with_capacity(bytes))
    }

    fn with(&mut self, write: impl FnOnce(&mut minicbor::Encoder<&mut Vec<u8>>)) -> &mut Self {
        write(&mut minicbor::Encoder::new(&mut self.0));
        self
    }

    /// Opens an array of `len` items.
    pub fn array(&mut self, len: usize) -> &mut Self {
        self.with(|e| drop(e.array(u64::try_from(len).unwrap_or(u64::MAX))))
    }

    /// An unsigned integer below 2^53.
    pub fn uint(&mut self, value: impl Into<u64>) -> &mut Self {
        let value = value.into();
        debug_assert!(value <= INTEGER_MAX, "no reader takes {value}");
        self.with(|e| drop(e.u64(value)))
    }

    /// A byte string.
    pub fn bytes(&mut self, value: impl AsRef<[u8]>) -> &mut Self {
        self.with(|e| drop(e.bytes(value.as_ref())))
    }

    /// A text.
    pub fn text(&mut self, value: &str) -> &mut Self {
        self.with(|e| drop(e.str(value)))
    }

    /// A truth value.
    #[expect(clippy::fn_params_excessive_bools, reason = "a truth value is what is written")]
    pub fn bool(&mut self, value: bool) -> &mut Self {
        self.with(|e| drop(e.bool(value)))
    }

    /// The null.
    pub fn null(&mut self) -> &mut Self {
        self.with(|e| drop(e.null()))
    }

    /// A byte string, or null.
    pub fn optional(&mut self, value: Option<impl AsRef<[u8]>>) -> &mut Self {
        match value {
            Some(value) => self.bytes(value),
            None => self.null(),
        }
    }

    /// A value of its own.
    pub fn item<T: Canonical>(&mut self, value: &T) -> &mut Self {
        value.write(self);
        self
    }

    /// An array of values.
    pub fn list<T: Canonical>(&mut self, values: &[T]) -> &mut Self {
        self.array(values.len());
        values.iter().for_each(|value| value.write(self));
        self
    }

    /// An item that is encoded already.
    pub fn raw(&mut self, item: &[u8]) -> &mut Self {
        self.0.extend_from_slice(item);
        self
    }

    /// What was written.
    #[must_use]
    pub fn into_bytes(self) -> Vec<u8> {
        self.0
    }
}

/// Reads CBOR item by item out of borrowed bytes.
pub struct Reader<'a> {
    decoder: minicbor::Decoder<'a>,
    bytes: &'a [u8],
}

impl<'a> Reader<'a> {
    /// A reader at the start of `bytes`.
    #[must_use]
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { decoder: minicbor::Decoder::new(bytes), bytes }
    }

    /// Whether everything was read.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.decoder.position() >= self.bytes.len()
    }

    /// An array of exactly `len` items opens.
    ///
    /// # Errors
    /// [`DecodeError::WrongShape`] if it is another length or no array.
    pub fn array(&mut self, len: usize) -> Result<(), DecodeError> {
        (self.array_up_to(len)? == len).then_some(()).ok_or(DecodeError::WrongShape)
    }

    /// An array of at most `max` items opens; gives its length.
    ///
    /// # Errors
    /// [`DecodeError::OutOfRange`] if it is longer, [`DecodeError::WrongShape`] if it is none.
    pub fn array_up_to(&mut self, max: usize) -> Result<usize, DecodeError> {
        let len = self.decoder.array().map_err(|_| DecodeError::WrongShape)?.ok_or(DecodeError::NotCanonical)?;
        usize::try_from(len).ok().filter(|&len| len <= max).ok_or(DecodeError::OutOfRange)
    }

    /// An unsigned integer below 2^53.
    ///
    /// # Errors
    /// If it is none, or larger.
    pub fn uint(&mut self) -> Result<u64, DecodeError> {
        let value = self.decoder.u64().map_err(|_| DecodeError::WrongShape)?;
        (value <= INTEGER_MAX).then_some(value).ok_or(DecodeError::OutOfRange)
    }

    /// An unsigned integer that fits `T`.
    ///
    /// # Errors
    /// If it is none, or larger.
    pub fn small<T: TryFrom<u64>>(&mut self) -> Result<T, DecodeError> {
        T::try_from(self.uint()?).map_err(|_| DecodeError::OutOfRange)
    }

    /// A byte string of at most `max` bytes, borrowed.
    ///
    /// # Errors
    /// If it is none, or longer.
    pub fn bytes(&mut self, max: usize) -> Result<&'a [u8], DecodeError> {
        let bytes = self.decoder.bytes().map_err(|_| DecodeError::WrongShape)?;
        (bytes.len() <= max).then_some(bytes).ok_or(DecodeError::OutOfRange)
    }

    /// A byte string that is exactly an id, a key or a signature.
    ///
    /// # Errors
    /// If it is none, or has another length.
    pub fn fixed<T: TryFrom<&'a [u8]>>(&mut self) -> Result<T, DecodeError> {
        T::try_from(self.bytes(usize::MAX)?).map_err(|_| DecodeError::OutOfRange)
    }

    /// As [`Self::fixed`], or null.
    ///
    /// # Errors
    /// As [`Self::fixed`].
    pub fn optional<T: TryFrom<&'a [u8]>>(&mut self) -> Result<Option<T>, DecodeError> {
        if self.is_null()? { Ok(None) } else { self.fixed().map(Some) }
    }

    /// A text of at most `max` bytes, as it stands.
    ///
    /// # Errors
    /// If it is none, longer, or not UTF-8.
    pub fn text(&mut self, max: usize) -> Result<String, DecodeError> {
        let text = self.decoder.str().map_err(|_| DecodeError::WrongShape)?;
        (text.len() <= max).then(|| String::from(text)).ok_or(DecodeError::OutOfRange)
    }

    /// A truth value.
    ///
    /// # Errors
    /// If it is none.
    pub fn bool(&mut self) -> Result<bool, DecodeError> {
        self.decoder.bool().map_err(|_| DecodeError::WrongShape)
    }

    /// Takes a null if one is next.
    ///
    /// # Errors
    /// If nothing is next.
    pub fn is_null(&mut self) -> Result<bool, DecodeError> {
        if self.datatype()? != Type::Null {
            return Ok(false);
        }
        self.decoder.null().map_err(|_| DecodeError::WrongShape)?;
        Ok(true)
    }

    /// The type of the next item.
    ///
    /// # Errors
    /// If nothing is next.
    pub fn datatype(&self) -> Result<Type, DecodeError> {
        self.decoder.datatype().map_err(|_| DecodeError::WrongShape)
    }

    /// A value of its own.
    ///
    /// # Errors
    /// As its `read`.
    pub fn item<T: Canonical>(&mut self) -> Result<T, DecodeError> {
        T::read(self)
    }

    /// An array of at most `max` values.
    ///
    /// # Errors
    /// If it is longer, or as the values' `read`.
    pub fn list<T: Canonical>(&mut self, max: usize) -> Result<Vec<T>, DecodeError> {
        let len = self.array_up_to(max)?;
        // Not `with_capacity(len)`: the length is a peer's claim.
        (0..len).map(|_| T::read(self)).collect()
    }

    /// The bytes of the next item, whatever it is.
    ///
    /// # Errors
    /// If it isn't well formed.
    pub fn skip(&mut self) -> Result<&'a [u8], DecodeError> {
        let start = self.decoder.position();
        self.decoder.skip().map_err(|_| DecodeError::WrongShape)?;
        self.bytes.get(start..self.decoder.position()).ok_or(DecodeError::WrongShape)
    }
}

/// Arrays within arrays in an item of a later version; deeper ones are refused before they are followed.
const DEPTH_MAX: usize = 8;

impl AsRef<[u8]> for crate::ids::Signature {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl TryFrom<&[u8]> for crate::ids::Signature {
    type Error = core::array::TryFromSliceError;
    fn try_from(bytes: &[u8]) -> Result<Self, Self::Error> {
        bytes.try_into().map(Self)
    }
}

impl Canonical for u64 {
    fn write(&self, to: &mut Writer) {
        to.uint(*self);
    }
    fn read(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
        from.uint()
    }
}

impl Canonical for crate::ids::Point {
    fn write(&self, to: &mut Writer) {
        to.array(3).bytes(self.inst).uint(self.seq).bytes(self.eid);
    }
    fn read(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
        from.array(3)?;
        let point = Self { inst: from.fixed()?, seq: from.uint()?, eid: from.fixed()? };
        (point.seq < crate::limits::SEQ_END).then_some(point).ok_or(DecodeError::OutOfRange)
    }
}

impl Canonical for crate::ids::Heads {
    fn write(&self, to: &mut Writer) {
        to.list(self.as_slice());
    }
    fn read(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Self::from_sorted(from.list(crate::limits::ENTRY_HEADS_MAX)?).ok_or(DecodeError::OutOfRange)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::{EntryId, Instance, Point};
    use alloc::vec;

    fn sample() -> Point {
        Point { inst: Instance([7; 16]), seq: 24, eid: EntryId([9; 32]) }
    }

    #[test]
    fn e_02_a_value_has_one_encoding_and_reads_back() {
        let bytes = to_bytes(&sample());
        assert_eq!(from_bytes::<Point>(&bytes, 64), Ok(sample()));
    }

    #[test]
    fn e_02_longer_integers_indefinite_lengths_and_trailing_bytes_are_refused() {
        let good = to_bytes(&sample());
        let mut long = good.clone();
        // 0x18 0x18 is 24; written in two bytes (0x19 0x00 0x18) it is no longer canonical.
        long.splice(18..20, [0x19, 0x00, 0x18]);
        assert_eq!(from_bytes::<Point>(&long, 64), Err(DecodeError::NotCanonical));
        let mut indefinite = good.clone();
        indefinite[0] = 0x9f;
        indefinite.push(0xff);
        assert_eq!(from_bytes::<Point>(&indefinite, 64), Err(DecodeError::NotCanonical));
        let mut trailing = good;
        trailing.push(0);
        assert_eq!(from_bytes::<Point>(&trailing, 64), Err(DecodeError::NotCanonical));
    }

    #[test]
    fn at_88_e_02_size_is_checked_before_reading_and_claimed_lengths_allocate_nothing() {
        assert_eq!(from_bytes::<Point>(&[0; 65], 64), Err(DecodeError::TooLarge));
        let claims_four_billion = [0x9a, 0xff, 0xff, 0xff, 0xff];
        assert_eq!(Reader::new(&claims_four_billion).list::<Point>(usize::MAX), Err(DecodeError::WrongShape));
        assert_eq!(Reader::new(&claims_four_billion).list::<Point>(8), Err(DecodeError::OutOfRange));
    }

    #[test]
    fn e_02_an_item_of_a_later_version_is_kept_only_in_canonical_form() {
        let mut writer = Writer::default();
        writer.array(4).uint(24_u64).text("x").null().array(1).bytes([7; 30]);
        let good = writer.into_bytes();
        assert_eq!(Reader::new(&good).canonical_item(), Ok(&good[..]));
        let long_integer = [0x81, 0x18, 0x05];
        let negative = [0x20];
        let map = [0xa0];
        let deep = [0x81; 9];
        let deep: Vec<u8> = deep.into_iter().chain([0x80]).collect();
        for bad in [&long_integer[..], &negative, &map, &deep] {
            assert!(Reader::new(bad).canonical_item().is_err());
        }
    }

    #[test]
    fn every_truncation_and_bit_flip_is_refused_or_reads_back_to_the_same_bytes() {
        let good = to_bytes(&sample());
        for end in 0..good.len() {
            assert!(from_bytes::<Point>(&good[..end], 64).is_err());
        }
        for bit in 0..good.len() * 8 {
            let mut flipped = good.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            if let Ok(point) = from_bytes::<Point>(&flipped, 64) {
                assert_eq!(to_bytes(&point), flipped);
            }
        }
        assert_eq!(vec![good.len()], vec![1 + 17 + 2 + 34]);
    }
}
