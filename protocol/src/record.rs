//! Every kind of record that is ever stored: its number, its key bytes, its class.
//!
//! A key is `layout | kind | tail` (ST-30), integers big-endian and of fixed width, so that byte order is numeric
//! order and one range over a kind gives its records in a meaningful order. Keys are not sealed, so nothing in them
//! means anything outside one data directory: groups, logs and peers are local numbers, the rest are prefixes of
//! hashes (ST-31). What a value means belongs to the room that writes it; here it is bytes.
//!
//! Adding a kind is one line in the table below and one in `docs/storage.md`; a test compares the two.

mod key;

use core::fmt;

use alloc::vec::Vec;

pub use self::key::{KEY_BYTES_MAX, Key};
use crate::ids::OrderKey;

/// The only layout of keys so far; the first byte of every key (ST-30).
pub const LAYOUT: u8 = 1;
/// Kinds from here on are sealed under the rotating key and never leave the machine (ST-32).
pub const SECRET_KINDS_FROM: u8 = 0x80;

/// Under which of the two keys a value is sealed (ST-40).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Class {
    /// Under the archive key DK: kept for as long as the person wants it.
    Archive,
    /// Under the rotating key VK: a live secret, whose erasure must be final (ST-66).
    Secret,
}

impl Class {
    /// The class of a kind number, known or not.
    #[must_use]
    pub const fn of_kind(number: u8) -> Self {
        if number < SECRET_KINDS_FROM { Self::Archive } else { Self::Secret }
    }
}

/// Whether a kind goes into a backup file (ST-104).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Backup {
    /// Always.
    Yes,
    /// Not: it is fetched again or rebuilt.
    No,
    /// Only if the person asks for the history too.
    WithHistory,
    /// A live secret: under no circumstances.
    Never,
}

impl Backup {
    /// The word in the table of `docs/storage.md`.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Yes => "yes",
            Self::No => "no",
            Self::WithHistory => "with history",
            Self::Never => "never",
        }
    }
}

/// Whether the core gets a kind when it is restored (ST-33).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Load {
    /// All of its records, in key order, once.
    AtStart,
    /// By id or page, when asked for.
    OnDemand,
}

/// One field of a tail. Implemented here and nowhere else.
trait Part: Sized {
    fn put(&self, to: &mut Vec<u8>);
    fn take(from: &mut &[u8]) -> Option<Self>;
}

macro_rules! integer_parts {
    ($($int:ty),+) => {$(
        impl Part for $int {
            fn put(&self, to: &mut Vec<u8>) {
                to.extend_from_slice(&self.to_be_bytes());
            }
            fn take(from: &mut &[u8]) -> Option<Self> {
                let (head, rest) = from.split_first_chunk()?;
                *from = rest;
                Some(Self::from_be_bytes(*head))
            }
        }
    )+};
}
integer_parts!(u8, u16, u32, u64);

impl Part for [u8; 16] {
    fn put(&self, to: &mut Vec<u8>) {
        to.extend_from_slice(self);
    }
    fn take(from: &mut &[u8]) -> Option<Self> {
        let (head, rest) = from.split_first_chunk()?;
        *from = rest;
        Some(*head)
    }
}

impl Part for OrderKey {
    fn put(&self, to: &mut Vec<u8>) {
        self.0.put(to);
    }
    fn take(from: &mut &[u8]) -> Option<Self> {
        <[u8; 16]>::take(from).map(Self)
    }
}

/// The records about the store itself (kind `meta`), in the order of their names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum MetaName {
    /// Per kind, how many records there are and what they look like (ST-42).
    Census,
    /// Present while the store is closed in good order (ST-82).
    Clean,
    /// The core's counters of local numbers.
    Counters,
    /// Keys of values that would not open (ST-41).
    Damage,
    /// Layout, oldest reader, writer (ST-120).
    Schema,
}

impl MetaName {
    /// Every name.
    pub const ALL: [Self; 5] = [Self::Census, Self::Clean, Self::Counters, Self::Damage, Self::Schema];

    /// The tail of its key.
    #[must_use]
    pub const fn text(self) -> &'static str {
        match self {
            Self::Census => "census",
            Self::Clean => "clean",
            Self::Counters => "counters",
            Self::Damage => "damage",
            Self::Schema => "schema",
        }
    }
}

impl Part for MetaName {
    fn put(&self, to: &mut Vec<u8>) {
        to.extend_from_slice(self.text().as_bytes());
    }
    fn take(from: &mut &[u8]) -> Option<Self> {
        let name = Self::ALL.into_iter().find(|name| name.text().as_bytes() == *from)?;
        *from = &[];
        Some(name)
    }
}

macro_rules! records {
    ($($(#[$doc:meta])* $number:literal $variant:ident $name:ident { $($field:ident: $type:ty),* } $load:ident $backup:ident;)+) => {
        /// Rule ST-32: what kinds of record there are. Numbers are append-only; from 0x80 on they are secret.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u8)]
        pub enum RecordKind { $($(#[$doc])* $variant = $number),+ }

        impl RecordKind {
            /// Every kind, in the order of their numbers.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The kind of a number, if it is known.
            #[must_use]
            pub const fn from_number(number: u8) -> Option<Self> {
                match number { $($number => Some(Self::$variant),)+ _ => None }
            }

            /// The number in the second byte of its keys.
            #[must_use]
            pub const fn number(self) -> u8 {
                match self { $(Self::$variant => $number),+ }
            }

            /// The name in documents and reports.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => stringify!($name)),+ }
            }

            /// Whether the core gets it when it is restored.
            #[must_use]
            pub const fn load(self) -> Load {
                match self { $(Self::$variant => Load::$load),+ }
            }

            /// Whether a backup holds it.
            #[must_use]
            pub const fn backup(self) -> Backup {
                match self { $(Self::$variant => Backup::$backup),+ }
            }
        }

        /// Rule ST-30: which record. Ordered as its key is. `g`, `l`, `p`, `b` are the local numbers of a group, a
        /// branch of a log, a peer, a blob; `n` counts up.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[expect(missing_docs, reason = "the fields are those of the key table: local numbers and prefixes of hashes")]
        pub enum RecordId { $($(#[$doc])* $variant { $($field: $type),* }),+ }

        impl RecordId {
            $($(#[$doc])*
            #[must_use]
            pub const fn $name($($field: $type),*) -> Self {
                Self::$variant { $($field),* }
            })+

            /// Its kind.
            #[must_use]
            pub const fn kind(&self) -> RecordKind {
                match self { $(Self::$variant { .. } => RecordKind::$variant),+ }
            }

            fn put_tail(&self, to: &mut Vec<u8>) {
                match self { $(Self::$variant { $($field),* } => { $($field.put(to);)* let _ = &to; }),+ }
            }

            fn take(kind: RecordKind, from: &mut &[u8]) -> Option<Self> {
                match kind { $(RecordKind::$variant => { $(let $field = Part::take(from)?;)* let _ = &from; Some(Self::$variant { $($field),* }) }),+ }
            }
        }
    };
}

records! {
    /// The store about itself.
    0x00 Meta meta { name: MetaName } AtStart No;
    /// Display name, picture, settings.
    0x01 Profile profile {} AtStart Yes;
    /// A peer: member key, last addresses, verification mark.
    0x02 Peer peer { p: u32 } AtStart Yes;
    /// A group: id, local name, policy view, retention, mute.
    0x10 Group group { g: u32 } AtStart Yes;
    /// A signed membership operation as received.
    0x11 Op op { g: u32, lamport: u32, id: [u8; 16] } AtStart Yes;
    /// A branch of a log: author, instance, head, floor, ranges held. Fetched again: a head without its entries is none.
    0x12 Log log { g: u32, l: u32 } AtStart No;
    /// A signed entry as received. Loaded at start: the core keeps its id and place and drops the body (H-14).
    0x13 Entry entry { g: u32, l: u32, seq: u64 } AtStart No;
    /// What is shown at one place of the timeline.
    0x14 View view { g: u32, order: OrderKey } OnDemand WithHistory;
    /// The newest full receipt of a member and what changed since.
    0x15 Receipts receipts { g: u32, p: u32 } AtStart No;
    /// Composed here, not yet encrypted or not yet acknowledged by anybody.
    0x16 Outbox outbox { g: u32, n: u64 } AtStart Yes;
    /// An entry that waits for its parents.
    0x17 Waiting waiting { g: u32, hash: [u8; 16] } AtStart No;
    /// Proof that somebody misbehaved.
    0x18 Evidence evidence { g: u32, n: u32 } AtStart Yes;
    /// The seed of an epoch that policy archives (E-88).
    0x19 Seed seed { g: u32, l: u32, epoch: u32 } AtStart WithHistory;
    /// A quote request or release.
    0x1B Quote quote { g: u32, n: u32 } AtStart Yes;
    /// Unsent text of the composer.
    0x1C Draft draft { g: u32 } AtStart Yes;
    /// A join in progress; its secret is a `link`.
    0x1D Joiner joiner { n: u32 } AtStart No;
    /// A link issued here; its secret is a `link`.
    0x1E Invite invite { g: u32, n: u32 } AtStart No;
    /// What was done to a post, under the beginning of the post's id; of pins also under 16 zeros (CV-6).
    0x1F Annotation annotation { g: u32, target: [u8; 16], order: OrderKey } OnDemand WithHistory;
    /// An attachment: root, size, file key, state. Not written yet.
    0x20 Blob blob { b: u32 } AtStart Yes;
    /// An upload in progress.
    0x21 Upload upload { n: u32 } AtStart No;
    /// A blob that a message names: root, entry, author, size (BL-11). Its bytes are files.
    0x22 Naming naming { g: u32, n: u32 } AtStart WithHistory;
    /// Keeper only: an envelope kept for others.
    0x40 Kept kept { g: u32, l: u32, pos: u8, hash: [u8; 16] } OnDemand No;
    /// Keeper only: a capability as granted, and the use of its quota.
    0x41 Capability capability { n: u32 } AtStart No;
    /// A chain key and its index (E-45).
    0x80 Chain chain { g: u32, l: u32, epoch: u32 } AtStart Never;
    /// A page of skipped message keys.
    0x81 Skipped skipped { g: u32, l: u32, epoch: u32, page: u16 } AtStart Never;
    /// An X25519 leaf secret.
    0x82 Leaf leaf { g: u32, gen_no: u32 } AtStart Never;
    /// Handshake secret and lookup key of a group.
    0x83 Access access { g: u32 } AtStart Never;
    /// The secret of a link issued or being redeemed.
    0x84 Link link { g: u32, n: u32 } AtStart Never;
    /// Keeper only: its key and unspent enrolment tokens.
    0x85 Keeper keeper {} AtStart Never;
}

impl RecordKind {
    /// Under which key it is sealed.
    #[must_use]
    pub const fn class(self) -> Class {
        Class::of_kind(self.number())
    }

    /// The half-open range of its keys.
    #[must_use]
    pub fn span(self) -> (Key, Key) {
        Key::span_of_kind(self.number())
    }

    /// The half-open range of its keys that belong to one group; for kinds whose tail begins with `g`.
    #[must_use]
    pub fn span_in_group(self, g: u32) -> (Key, Key) {
        let mut bytes = alloc::vec![LAYOUT, self.number()];
        g.put(&mut bytes);
        let from = Key::new(&bytes).unwrap_or_else(Key::lowest);
        (from, from.after_prefix())
    }
}

impl RecordId {
    /// The key it is stored under.
    #[must_use]
    pub fn key(&self) -> Key {
        let mut bytes = alloc::vec![LAYOUT, self.kind().number()];
        self.put_tail(&mut bytes);
        // The longest tail is that of `kept`, 25 bytes.
        Key::new(&bytes).unwrap_or_else(Key::highest)
    }

    /// The record of a key, if the key is one of this layout's.
    #[must_use]
    pub fn from_key(key: &Key) -> Option<Self> {
        let (&[layout, kind], mut tail) = key.as_bytes().split_first_chunk::<2>()?;
        let id = Self::take(RecordKind::from_number(kind)?, &mut tail)?;
        (layout == LAYOUT && tail.is_empty()).then_some(id)
    }
}

/// A record with its value, as the core reads and writes it.
#[derive(Clone, PartialEq, Eq)]
pub struct Record {
    /// Which one.
    pub id: RecordId,
    /// Its value, unsealed.
    pub bytes: Vec<u8>,
}

/// How long it is, never what it says (H-23).
impl fmt::Debug for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Record({:?}, {} bytes)", self.id, self.bytes.len())
    }
}

#[cfg(test)]
mod tests;
