//! What a Message says: `[kind, sent_at, tick, after, body]`, each part committed to by itself (E-52, E-59, CO-1).
//!
//! A body is an array of at most twelve fields. Kinds of a later version are kept and shown as such ([`Body::Newer`]);
//! a known kind with a wrong field is shown as a message that can't be read ([`Body::Unreadable`]) and never partly
//! applied. Texts are carried as they were written: nobody looks into them for marks of any kind (E-54).
#![cfg_attr(not(test), deny(clippy::arithmetic_side_effects, clippy::as_conversions))]

use alloc::string::String;
use alloc::vec::Vec;

use crate::blob::{Attachment, Descriptor};
use crate::crypto::Zeroizing;
use crate::ids::EntryId;
use crate::limits;
use crate::timeline::fields::Fields;
use crate::wire::{Canonical, DecodeError, Reader, Writer, from_bytes, to_bytes};

/// One content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Content {
    /// The author's wall clock, ms since 1970: a claim, shown as such.
    pub sent_at: u64,
    /// Place in the display order (E-53).
    pub tick: u64,
    /// The newest Messages of others that the author had opened; at most 8.
    pub after: Vec<EntryId>,
    /// What it says.
    pub body: Body,
}

/// The kinds of content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Body {
    /// Kind 0: words, files, a place.
    Post(Post),
    /// Kind 1: other words for an own post.
    Edit {
        /// The post.
        target: EntryId,
        /// The new words.
        text: String,
    },
    /// Kind 2: takes a post back.
    Retract {
        /// The post.
        target: EntryId,
    },
    /// Kind 3: an emoji on a post, or its removal.
    React {
        /// The post.
        target: EntryId,
        /// One emoji sequence.
        emoji: String,
        /// Whether it is set.
        on: bool,
    },
    /// Kind 4: keeps a post at hand for all, or no longer.
    Pin {
        /// The post.
        target: EntryId,
        /// Whether it is pinned.
        on: bool,
    },
    /// Kind 12: how the author wants to be called.
    Profile {
        /// Name.
        name: String,
        /// A line on oneself.
        about: String,
        /// A picture.
        avatar: Option<Descriptor>,
    },
    /// A kind that this program doesn't know; its fields as they came (CO-2).
    Newer {
        /// Its number.
        kind: u64,
        /// The encoded fields.
        fields: Vec<Vec<u8>>,
    },
    /// A known kind whose fields are wrong. Never written, only read.
    Unreadable {
        /// Its number.
        kind: u64,
        /// The encoded fields, for the record.
        fields: Vec<Vec<u8>>,
    },
}

/// Words, files, a place.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Post {
    /// May be empty only with an attachment or a place.
    pub text: String,
    /// The post that this one answers.
    pub reply_to: Option<EntryId>,
    /// Files, at most ten. One whose descriptor can't be read makes the whole post unreadable.
    pub attachments: Vec<Attachment>,
    /// A place.
    pub location: Option<Location>,
    /// What the author's screen said about records when sending.
    pub stamp: Stamp,
}

/// A place, already blurred by its sender (LO-2). On the wire both degrees are shifted to be positive, because
/// integers there are unsigned (E-02).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Location {
    /// Latitude in units of 10⁻⁷ degree, −90°…90°.
    pub lat_e7: i32,
    /// Longitude in units of 10⁻⁷ degree, −180°…180°.
    pub lon_e7: i32,
    /// The circle that is shown, in metres.
    pub radius_m: u32,
    /// A name for it.
    pub label: Option<String>,
}

/// What the author's screen showed when sending.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stamp {
    /// 0 none, then the states of the record banner.
    pub record: u8,
    /// The change that set it.
    pub change: Option<EntryId>,
}

impl Content {
    /// The fields, encoded.
    #[must_use]
    pub fn fields(&self) -> Fields {
        let one = |write: &dyn Fn(&mut Writer) -> &mut Writer| {
            let mut writer = Writer::default();
            write(&mut writer);
            Zeroizing::new(writer.into_bytes())
        };
        let mut fields = Vec::from([
            one(&|to| to.uint(self.body.kind())),
            one(&|to| to.uint(self.sent_at)),
            one(&|to| to.uint(self.tick)),
            one(&|to| to.list(&self.after)),
        ]);
        fields.extend(self.body.fields().into_iter().map(Zeroizing::new));
        Fields(fields)
    }

    /// Reads a content from its fields (E-52). A body that can't be read is no error: the Message keeps its place.
    ///
    /// # Errors
    /// If one of the first four fields is wrong: then the content has no place at all.
    pub fn read(fields: &Fields) -> Result<Self, DecodeError> {
        let mut all = fields.iter();
        let mut next = || all.next().ok_or(DecodeError::WrongShape);
        let kind = whole(next()?, Reader::uint)?;
        let sent_at = whole(next()?, Reader::uint)?;
        let tick = whole(next()?, Reader::uint)?;
        let after = whole(next()?, |from| from.list::<EntryId>(limits::AFTER_MAX))?;
        let rest: Vec<&[u8]> = all.collect();
        let body = Body::read(kind, &rest).unwrap_or_else(|_| Body::Unreadable { kind, fields: owned(&rest) });
        Ok(Self { sent_at, tick, after, body })
    }

    /// Whether this may be sent: everything within its limits (CO-1). What is read is checked the same way.
    ///
    /// # Errors
    /// The first thing that is wrong.
    pub fn check(&self) -> Result<(), DecodeError> {
        let again = Self::read(&self.fields())?;
        if matches!(again.body, Body::Unreadable { .. }) || again != *self {
            return Err(DecodeError::OutOfRange);
        }
        Ok(())
    }
}

impl Body {
    /// The kind's number.
    #[must_use]
    pub const fn kind(&self) -> u64 {
        match self {
            Self::Post(_) => 0,
            Self::Edit { .. } => 1,
            Self::Retract { .. } => 2,
            Self::React { .. } => 3,
            Self::Pin { .. } => 4,
            Self::Profile { .. } => 12,
            Self::Newer { kind, .. } | Self::Unreadable { kind, .. } => *kind,
        }
    }

    /// The encoded fields of this kind.
    pub(crate) fn fields(&self) -> Vec<Vec<u8>> {
        let mut out = Vec::new();
        let mut put = |write: &dyn Fn(&mut Writer) -> &mut Writer| {
            let mut writer = Writer::default();
            write(&mut writer);
            out.push(writer.into_bytes());
        };
        match self {
            Self::Post(post) => {
                put(&|to| to.text(&post.text));
                put(&|to| to.optional(post.reply_to));
                put(&|to| to.list(&post.attachments));
                put(&|to| optional_item(to, post.location.as_ref()));
                put(&|to| to.item(&post.stamp));
            }
            Self::Edit { target, text } => {
                put(&|to| to.bytes(target));
                put(&|to| to.text(text));
            }
            Self::Retract { target } => put(&|to| to.bytes(target)),
            Self::React { target, emoji, on } => {
                put(&|to| to.bytes(target));
                put(&|to| to.text(emoji));
                put(&|to| to.bool(*on));
            }
            Self::Pin { target, on } => {
                put(&|to| to.bytes(target));
                put(&|to| to.bool(*on));
            }
            Self::Profile { name, about, avatar } => {
                put(&|to| to.text(name));
                put(&|to| to.text(about));
                put(&|to| optional_item(to, avatar.as_ref()));
            }
            Self::Newer { fields, .. } | Self::Unreadable { fields, .. } => out.clone_from(fields),
        }
        out
    }

    /// Reads the fields of a kind.
    ///
    /// # Errors
    /// If one of them is wrong.
    pub(crate) fn read(kind: u64, fields: &[&[u8]]) -> Result<Self, DecodeError> {
        let target = |field: &[u8]| whole(field, Reader::fixed::<EntryId>);
        let text = |field: &[u8], max| whole(field, |from| from.text(max));
        Ok(match (kind, fields) {
            (0, [words, reply_to, attachments, location, stamp]) => Self::Post(Post::read_fields(
                text(words, limits::TEXT_BYTES_MAX)?,
                whole(reply_to, Reader::optional::<EntryId>)?,
                whole(attachments, |from| from.list(limits::ATTACHMENTS_MAX))?,
                whole(location, read_optional)?,
                whole(stamp, Reader::item)?,
            )?),
            (1, [post, words]) => Self::Edit { target: target(post)?, text: text(words, limits::TEXT_BYTES_MAX)? },
            (2, [post]) => Self::Retract { target: target(post)? },
            (3, [post, emoji, on]) => {
                let emoji = text(emoji, limits::EMOJI_BYTES_MAX)?;
                if emoji.is_empty() || emoji.chars().any(char::is_control) {
                    return Err(DecodeError::OutOfRange);
                }
                Self::React { target: target(post)?, emoji, on: whole(on, Reader::bool)? }
            }
            (4, [post, on]) => Self::Pin { target: target(post)?, on: whole(on, Reader::bool)? },
            (12, [name, about, avatar]) => Self::Profile {
                name: text(name, limits::NAME_BYTES_MAX)?,
                about: text(about, limits::PROFILE_ABOUT_BYTES_MAX)?,
                avatar: whole(avatar, read_optional)?,
            },
            (0..=4 | 12, _) => return Err(DecodeError::WrongShape),
            (kind, fields) => Self::Newer { kind, fields: owned(fields) },
        })
    }
}

impl Post {
    fn read_fields(
        text: String,
        reply_to: Option<EntryId>,
        attachments: Vec<Attachment>,
        location: Option<Location>,
        stamp: Stamp,
    ) -> Result<Self, DecodeError> {
        if text.is_empty() && attachments.is_empty() && location.is_none() {
            return Err(DecodeError::OutOfRange);
        }
        Ok(Self { text, reply_to, attachments, location, stamp })
    }
}

impl Location {
    /// Whether it is a place on Earth, and its circle and name are within their limits (LO-1).
    #[must_use]
    pub fn is_sound(&self) -> bool {
        from_bytes::<Self>(&to_bytes(self), limits::ATTACHMENT_BYTES_MAX).as_ref() == Ok(self)
    }
}

const LAT_E7_MAX: i32 = 900_000_000;
const LON_E7_MAX: i32 = 1_800_000_000;

impl Canonical for Location {
    fn write(&self, to: &mut Writer) {
        to.array(4).uint(self.lat_e7.abs_diff(LAT_E7_MAX.saturating_neg()));
        to.uint(self.lon_e7.abs_diff(LON_E7_MAX.saturating_neg())).uint(self.radius_m);
        match &self.label {
            Some(label) => to.text(label),
            None => to.null(),
        };
    }

    fn read(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
        from.array(4)?;
        let (lat, lon) = (degrees(from, LAT_E7_MAX)?, degrees(from, LON_E7_MAX)?);
        let radius_m = from.small::<u32>()?;
        if radius_m > limits::RADIUS_M_MAX {
            return Err(DecodeError::OutOfRange);
        }
        let label = if from.is_null()? { None } else { Some(from.text(limits::PLACE_BYTES_MAX)?) };
        Ok(Self { lat_e7: lat, lon_e7: lon, radius_m, label })
    }
}

fn degrees(from: &mut Reader<'_>, max: i32) -> Result<i32, DecodeError> {
    let shifted = i64::from(from.small::<u32>()?).saturating_sub(i64::from(max));
    i32::try_from(shifted).ok().filter(|degrees| *degrees <= max).ok_or(DecodeError::OutOfRange)
}

impl Canonical for Stamp {
    fn write(&self, to: &mut Writer) {
        to.array(2).uint(self.record).optional(self.change);
    }

    fn read(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
        from.array(2)?;
        Ok(Self { record: from.small()?, change: from.optional()? })
    }
}

fn optional_item<'a, T: Canonical>(to: &'a mut Writer, value: Option<&T>) -> &'a mut Writer {
    match value {
        Some(value) => to.item(value),
        None => to.null(),
    }
}

fn read_optional<T: Canonical>(from: &mut Reader<'_>) -> Result<Option<T>, DecodeError> {
    if from.is_null()? { Ok(None) } else { from.item().map(Some) }
}

/// Reads a field that must be used up by it.
fn whole<'a, T>(
    field: &'a [u8],
    read: impl FnOnce(&mut Reader<'a>) -> Result<T, DecodeError>,
) -> Result<T, DecodeError> {
    let mut reader = Reader::new(field);
    let value = read(&mut reader)?;
    reader.is_empty().then_some(value).ok_or(DecodeError::WrongShape)
}

fn owned(fields: &[&[u8]]) -> Vec<Vec<u8>> {
    fields.iter().map(|field| field.to_vec()).collect()
}

#[cfg(test)]
mod tests;
