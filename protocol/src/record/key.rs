//! The bytes that name a stored value, and what lies before, behind and between them.

use core::fmt;

use super::LAYOUT;

/// The longest key of any engine (ST-14).
pub const KEY_BYTES_MAX: usize = 64;

/// 1 to 64 bytes that name a stored value; ordered bytewise.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key {
    // Padded with zeroes, then the length: comparing both in this order is comparing bytewise.
    bytes: [u8; KEY_BYTES_MAX],
    len: u8,
}

impl Key {
    /// A key of these bytes, if there are 1 to 64.
    #[must_use]
    pub fn new(bytes: &[u8]) -> Option<Self> {
        let len = u8::try_from(bytes.len()).ok().filter(|&len| len > 0)?;
        let mut padded = [0; KEY_BYTES_MAX];
        padded.get_mut(..bytes.len())?.copy_from_slice(bytes);
        Some(Self { bytes: padded, len })
    }

    /// The bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..usize::from(self.len)).unwrap_or_default()
    }

    /// The number of the kind, known or not: the second byte.
    #[must_use]
    pub fn kind_number(&self) -> Option<u8> {
        self.as_bytes().get(1).copied()
    }

    /// The lowest key there is.
    #[must_use]
    pub const fn lowest() -> Self {
        Self { bytes: [0; KEY_BYTES_MAX], len: 1 }
    }

    /// A key above every key of this layout.
    #[must_use]
    pub fn highest() -> Self {
        Self { bytes: [0xff; KEY_BYTES_MAX], len: 64 }
    }

    /// The key right behind this one: where a page that ended here goes on. A key of full length has its successor
    /// by counting up; [`Self::highest`] has none and gives itself.
    #[must_use]
    pub fn next(&self) -> Self {
        if usize::from(self.len) < KEY_BYTES_MAX {
            return Self { bytes: self.bytes, len: self.len.saturating_add(1) };
        }
        self.after_prefix()
    }

    /// The first key behind all keys that begin with this one.
    #[must_use]
    pub fn after_prefix(&self) -> Self {
        let mut bytes = self.as_bytes().to_vec();
        while let Some(last) = bytes.pop() {
            if let Some(up) = last.checked_add(1) {
                bytes.push(up);
                return Self::new(&bytes).unwrap_or_else(Self::highest);
            }
        }
        Self::highest()
    }

    /// The half-open range of all records of one kind number.
    #[must_use]
    pub fn span_of_kind(number: u8) -> (Self, Self) {
        let from = Self::new(&[LAYOUT, number]).unwrap_or_else(Self::lowest);
        (from, from.after_prefix())
    }
}

/// Hex: a key says nothing about whom or what (ST-31).
impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key(")?;
        self.as_bytes().iter().try_for_each(|byte| write!(f, "{byte:02x}"))?;
        f.write_str(")")
    }
}
