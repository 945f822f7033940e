//! A group's settings: what SetPolicy may write, and the typed view of what is in force.
//!
//! Settings never decide who sits where; they only decide whether somebody who sits waits for a confirmation, and how
//! clients behave (MB-Y3).

use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;
use minicbor::data::Type;

use super::rule::Rule;
use crate::limits::{ABOUT_BYTES_MAX, BLOB_BYTES_MAX, NAME_BYTES_MAX, SETTING_BYTES_MAX, SETTING_KEY_MAX};
use crate::wire::{Canonical, DecodeError, Reader, Writer};

/// A setting's number (MB-Y1).
pub type SettingKey = u8;

/// Numbers of the settings that format 1 knows (MB-Y1).
pub mod setting {
    use super::SettingKey;
    /// The group's name.
    pub const NAME: SettingKey = 1;
    /// What the group is for.
    pub const ABOUT: SettingKey = 2;
    /// History for newcomers.
    pub const HISTORY: SettingKey = 3;
    /// Newcomers wait for a confirmation.
    pub const REQUIRE_CONFIRM: SettingKey = 4;
    /// Guests may be invited.
    pub const GUESTS: SettingKey = 5;
    /// Who must agree before words are quoted outside.
    pub const QUOTES: SettingKey = 6;
    /// Public lookup may be used.
    pub const PUBLIC_LOOKUP: SettingKey = 7;
    /// Released quotes are announced.
    pub const ANNOUNCE_RELEASES: SettingKey = 8;
    /// The name in released quotes.
    pub const PRESS_NAME: SettingKey = 9;
    /// Largest attachment.
    pub const MAX_BLOB: SettingKey = 10;
    /// Who may pin.
    pub const PINS: SettingKey = 11;
}

/// The value of one setting.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Setting {
    /// A number.
    Uint(u64),
    /// A switch.
    Bool(bool),
    /// A text without control characters.
    Text(String),
    /// Bytes of a setting that this program doesn't know.
    Bytes(Vec<u8>),
    /// Two numbers (only `history`).
    Pair(u64, u64),
}

impl Canonical for Setting {
    fn write(&self, to: &mut Writer) {
        match self {
            Self::Uint(value) => to.uint(*value),
            Self::Bool(value) => to.bool(*value),
            Self::Text(value) => to.text(value),
            Self::Bytes(value) => to.bytes(value),
            Self::Pair(a, b) => to.array(2).uint(*a).uint(*b),
        };
    }

    fn read(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
        #[expect(clippy::wildcard_enum_match_arm, reason = "every CBOR type but these is no setting")]
        match from.datatype()? {
            Type::U8 | Type::U16 | Type::U32 | Type::U64 => Ok(Self::Uint(from.uint()?)),
            Type::Bool => Ok(Self::Bool(from.bool()?)),
            Type::String => {
                let text = from.text(SETTING_BYTES_MAX)?;
                is_plain(&text).then_some(Self::Text(text)).ok_or(DecodeError::OutOfRange)
            }
            Type::Bytes => Ok(Self::Bytes(from.bytes(SETTING_BYTES_MAX)?.to_vec())),
            Type::Array => {
                from.array(2)?;
                Ok(Self::Pair(from.uint()?, from.uint()?))
            }
            _ => Err(DecodeError::WrongShape),
        }
    }
}

/// Rule MB-A1: text has no control characters (U+0000–001F, U+007F–009F).
#[must_use]
pub fn is_plain(text: &str) -> bool {
    !text.chars().any(char::is_control)
}

/// Rule MB-A8: a known setting has exactly its type; an unknown one is a number, a switch, a text or bytes.
///
/// # Errors
/// [`Rule::BadTarget`].
pub fn check(key: SettingKey, value: &Setting) -> Result<(), Rule> {
    let good = match (key, value) {
        (setting::NAME | setting::PRESS_NAME, Setting::Text(text)) => text.len() <= NAME_BYTES_MAX,
        (setting::ABOUT, Setting::Text(text)) => text.len() <= ABOUT_BYTES_MAX,
        (setting::HISTORY, Setting::Pair(mode, _)) => *mode <= 1,
        (
            setting::REQUIRE_CONFIRM | setting::GUESTS | setting::PUBLIC_LOOKUP | setting::ANNOUNCE_RELEASES,
            Setting::Bool(_),
        ) => true,
        (setting::QUOTES, Setting::Uint(value)) => *value <= 2,
        (setting::MAX_BLOB, Setting::Uint(value)) => *value <= BLOB_BYTES_MAX,
        (setting::PINS, Setting::Uint(value)) => *value <= 1,
        (setting::NAME..=setting::PINS, _) | (_, Setting::Pair(..)) => false,
        (key, _) => key <= SETTING_KEY_MAX,
    };
    good.then_some(()).ok_or(Rule::BadTarget)
}

/// What history newcomers get (E-86).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum History {
    /// None.
    Nothing,
    /// An archive, this many days back; 0 is all.
    Archive {
        /// Days.
        days: u64,
    },
}

impl History {
    /// How far back something is given, 0 for all; none if nothing is.
    #[must_use]
    pub const fn days(&self) -> Option<u64> {
        match self {
            Self::Nothing => None,
            Self::Archive { days } => Some(*days),
        }
    }
}

/// Who must agree before somebody's words leave the group as a quote.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Quotes {
    /// Quotes are off.
    Off,
    /// The author.
    Author,
    /// The author and an admin.
    AuthorAndAdmin,
}

/// Who may pin messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Pinners {
    /// Admins.
    Admins,
    /// All members.
    Everyone,
}

/// The settings in force (MB-Y1, MB-Y2).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Policy {
    values: BTreeMap<SettingKey, Setting>,
}

impl Policy {
    /// From what every key's strongest word says.
    #[must_use]
    pub const fn new(values: BTreeMap<SettingKey, Setting>) -> Self {
        Self { values }
    }

    /// What was set, by key, defaults left out.
    #[must_use]
    pub const fn values(&self) -> &BTreeMap<SettingKey, Setting> {
        &self.values
    }

    fn text(&self, key: SettingKey) -> &str {
        match self.values.get(&key) {
            Some(Setting::Text(text)) => text,
            Some(Setting::Uint(_) | Setting::Bool(_) | Setting::Bytes(_) | Setting::Pair(..)) | None => "",
        }
    }

    fn switch(&self, key: SettingKey, default: fn() -> bool) -> bool {
        match self.values.get(&key) {
            Some(Setting::Bool(value)) => *value,
            Some(Setting::Uint(_) | Setting::Text(_) | Setting::Bytes(_) | Setting::Pair(..)) | None => default(),
        }
    }

    fn number(&self, key: SettingKey, default: u64) -> u64 {
        match self.values.get(&key) {
            Some(Setting::Uint(value)) => *value,
            Some(Setting::Bool(_) | Setting::Text(_) | Setting::Bytes(_) | Setting::Pair(..)) | None => default,
        }
    }

    /// The group's name; empty if nobody gave one.
    #[must_use]
    pub fn name(&self) -> &str {
        self.text(setting::NAME)
    }

    /// What the group is for.
    #[must_use]
    pub fn about(&self) -> &str {
        self.text(setting::ABOUT)
    }

    /// The name in released quotes.
    #[must_use]
    pub fn press_name(&self) -> &str {
        self.text(setting::PRESS_NAME)
    }

    /// What history newcomers get.
    #[must_use]
    pub fn history(&self) -> History {
        match self.values.get(&setting::HISTORY) {
            Some(Setting::Pair(1, days)) => History::Archive { days: *days },
            Some(Setting::Pair(..) | Setting::Uint(_) | Setting::Bool(_) | Setting::Text(_) | Setting::Bytes(_))
            | None => History::Nothing,
        }
    }

    /// Whether newcomers wait for a confirmation.
    #[must_use]
    pub fn require_confirm(&self) -> bool {
        self.switch(setting::REQUIRE_CONFIRM, || false)
    }

    /// Whether guests may be invited.
    #[must_use]
    pub fn guests(&self) -> bool {
        self.switch(setting::GUESTS, || true)
    }

    /// Who must agree before words are quoted outside.
    #[must_use]
    pub fn quotes(&self) -> Quotes {
        match self.number(setting::QUOTES, 1) {
            0 => Quotes::Off,
            2 => Quotes::AuthorAndAdmin,
            _ => Quotes::Author,
        }
    }

    /// Whether public lookup may be used (N-910).
    #[must_use]
    pub fn public_lookup(&self) -> bool {
        self.switch(setting::PUBLIC_LOOKUP, || true)
    }

    /// Whether released quotes are announced.
    #[must_use]
    pub fn announce_releases(&self) -> bool {
        self.switch(setting::ANNOUNCE_RELEASES, || false)
    }

    /// Largest attachment, bytes.
    #[must_use]
    pub fn max_blob_bytes(&self) -> u64 {
        self.number(setting::MAX_BLOB, 500_000_000)
    }

    /// Who may pin.
    #[must_use]
    pub fn pins(&self) -> Pinners {
        if self.number(setting::PINS, 0) == 1 { Pinners::Everyone } else { Pinners::Admins }
    }
}
