//! A content field by field, as the commitment takes it, and as the one item that is sealed (E-52, E-59).
#![cfg_attr(not(test), deny(clippy::arithmetic_side_effects, clippy::as_conversions))]

use alloc::vec::Vec;

use crate::crypto::Zeroizing;
use crate::limits;
use crate::wire::{DecodeError, Reader, Writer};

/// The fields of a content, encoded one by one, as the commitment takes them: kind, sent_at, tick, after, then the
/// body's. Wiped on drop.
pub struct Fields(pub(super) Vec<Zeroizing<Vec<u8>>>);

impl Fields {
    /// The encoded fields, in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &[u8]> {
        self.0.iter().map(|field| field.as_slice())
    }

    /// The content as one item: four fields and the array of the others (E-52). Wiped on drop.
    #[must_use]
    pub fn join(&self) -> Zeroizing<Vec<u8>> {
        let room = self.iter().fold(12, |sum: usize, field| sum.saturating_add(field.len()));
        let mut writer = Writer::with_capacity(room);
        writer.array(5);
        for (i, field) in self.iter().enumerate() {
            if i == 4 {
                writer.array(self.0.len().saturating_sub(4));
            }
            writer.raw(field);
        }
        if self.0.len() == 4 {
            writer.array(0);
        }
        Zeroizing::new(writer.into_bytes())
    }

    /// Takes one canonical content apart; gives what follows it too (the padding).
    ///
    /// # Errors
    /// If it is no content in canonical form.
    pub fn split(bytes: &[u8]) -> Result<(Self, &[u8]), DecodeError> {
        let mut reader = Reader::new(bytes);
        reader.array(5)?;
        let item = |reader: &mut Reader<'_>| reader.canonical_item().map(|item| Zeroizing::new(item.to_vec()));
        let mut fields = Vec::new();
        for _ in 0..4 {
            fields.push(item(&mut reader)?);
        }
        for _ in 0..reader.array_up_to(limits::CONTENT_FIELDS_MAX)? {
            fields.push(item(&mut reader)?);
        }
        let fields = Self(fields);
        let whole = fields.join();
        // The two array heads are the only bytes that the fields' own check did not see.
        bytes.strip_prefix(whole.as_slice()).map(|rest| (fields, rest)).ok_or(DecodeError::NotCanonical)
    }
}
