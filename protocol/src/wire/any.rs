//! Any one canonical item, whatever it holds: read, and refused if it isn't canonical. And the ids as items.
#![cfg_attr(not(test), deny(clippy::arithmetic_side_effects, clippy::as_conversions))]

use super::{Canonical, DEPTH_MAX, DecodeError, Reader, Writer};
use minicbor::data::Type;

impl<'a> Reader<'a> {
    /// The bytes of the next item, of whatever shape, if its form is canonical: fields of later versions are kept as
    /// they came, but only one encoding of them may exist (E-02).
    ///
    /// # Errors
    /// [`DecodeError::NotCanonical`] for any other form, tags, maps, floats, negative numbers and deep nesting.
    pub fn canonical_item(&mut self) -> Result<&'a [u8], DecodeError> {
        let item = self.skip()?;
        let (mut reader, mut again) = (Reader::new(item), Writer::with_capacity(item.len()));
        copy_item(&mut reader, &mut again, DEPTH_MAX)?;
        (again.into_bytes() == item).then_some(item).ok_or(DecodeError::NotCanonical)
    }
}

fn copy_item(from: &mut Reader<'_>, to: &mut Writer, depth: usize) -> Result<(), DecodeError> {
    #[expect(clippy::wildcard_enum_match_arm, reason = "whatever else CBOR has is not canonical here")]
    match from.datatype()? {
        Type::U8 | Type::U16 | Type::U32 | Type::U64 => to.uint(from.uint()?),
        Type::Bytes => to.bytes(from.bytes(usize::MAX)?),
        Type::String => to.text(&from.text(usize::MAX)?),
        Type::Bool => to.bool(from.bool()?),
        Type::Null => {
            from.is_null()?;
            to.null()
        }
        Type::Array => {
            let depth = depth.checked_sub(1).ok_or(DecodeError::NotCanonical)?;
            let len = from.array_up_to(usize::MAX)?;
            to.array(len);
            for _ in 0..len {
                copy_item(from, to, depth)?;
            }
            to
        }
        _ => return Err(DecodeError::NotCanonical),
    };
    Ok(())
}

macro_rules! canonical_bytes {
    ($($name:ty),+ $(,)?) => {$(
        impl Canonical for $name {
            fn write(&self, to: &mut Writer) {
                to.bytes(self.0);
            }
            fn read(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
                from.fixed()
            }
        }
    )+};
}

canonical_bytes!(
    crate::ids::Digest,
    crate::ids::MemberKey,
    crate::ids::OperationId,
    crate::ids::GroupId,
    crate::ids::MembershipId,
    crate::ids::EntryId,
    crate::ids::Output,
    crate::ids::LeafKey,
    crate::ids::Instance,
    crate::ids::SessionId,
    crate::ids::InviteId,
    crate::ids::LogTag,
    crate::ids::ItemId,
    crate::ids::OrderKey,
    crate::ids::Boot,
    crate::ids::Signature,
);
