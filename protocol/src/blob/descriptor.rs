//! A descriptor as it travels: one canonical item that holds a key, whatever else is in it.
//!
//! Kept apart from [`Attachment`](super::Attachment), so that an item can be carried before, or without, being understood.
#![cfg_attr(not(test), deny(clippy::arithmetic_side_effects, clippy::as_conversions))]

use alloc::vec::Vec;
use core::fmt;

use crate::crypto::Zeroizing;
use crate::limits;
use crate::wire::{Canonical, DecodeError, Reader, Writer};

/// An attachment's descriptor: one canonical item whose inside belongs to the room of blobs. It holds a key: wiped on
/// drop and never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Descriptor(Zeroizing<Vec<u8>>);

impl fmt::Debug for Descriptor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Descriptor({} bytes)", self.0.len())
    }
}

impl Descriptor {
    /// Takes one canonical item of at most 10 KiB.
    ///
    /// # Errors
    /// If it is longer, several, or not canonical.
    pub fn new(item: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(item);
        let one = reader.canonical_item()?;
        let fits = reader.is_empty() && one.len() <= limits::ATTACHMENT_BYTES_MAX;
        fits.then(|| Self(Zeroizing::new(one.to_vec()))).ok_or(DecodeError::OutOfRange)
    }

    /// The item.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl Canonical for Descriptor {
    fn write(&self, to: &mut Writer) {
        to.raw(&self.0);
    }

    fn read(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Self::new(from.canonical_item()?)
    }
}
