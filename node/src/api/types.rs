//! The shapes that travel over the local API; command line, bots and tests share these very types.
//!
//! Every object names its form in `schema`. Keys are added, never removed or given another meaning (JS-4). What is
//! absent is `null`, never a missing key (JS-2). Ids are lower-case base32 without padding: 52 characters for 32
//! bytes, 26 for 16 (AP-12). Times are RFC 3339 in UTC with milliseconds. Requests refuse unknown fields (AP-13);
//! answers may grow, so a client ignores what it does not know.

mod conversation;
mod file;
mod group;
mod join;
mod log;
mod message;
mod node;
mod people;
mod place;
mod recovery;
mod search;
mod time;

pub use conversation::*;
pub use file::*;
pub use group::*;
pub use join::*;
pub use log::*;
pub use message::*;
pub use node::*;
pub use people::*;
pub use place::*;
pub use recovery::*;
pub use search::*;
pub use time::{Time, parse_time};

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Names of people and groups have at most this many bytes.
pub const NAME_BYTES_MAX: usize = 64;

/// Lower-case base32 without padding: the one spelling of ids in this API (AP-12).
#[must_use]
pub fn spell_id(bytes: &[u8]) -> String {
    data_encoding::BASE32_NOPAD.encode(bytes).to_ascii_lowercase()
}

/// The bytes of an id as [`spell_id`] spells it; nothing else is accepted, upper case included.
#[must_use]
pub fn read_id<const N: usize>(text: &str) -> Option<[u8; N]> {
    // 32 bytes are 52 characters; nothing longer is looked at.
    if text.len() > 64 || text.bytes().any(|byte| byte.is_ascii_uppercase()) {
        return None;
    }
    data_encoding::BASE32_NOPAD.decode(text.to_ascii_uppercase().as_bytes()).ok()?.try_into().ok()
}

/// Names the form of an object: an enum of one word, so that a foreign form does not parse.
macro_rules! tag {
    ($name:ident $text:tt) => {
        #[doc = concat!("The word `", $text, "`.")]
        #[derive(
            Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema,
        )]
        pub enum $name {
            /// The only form so far.
            #[default]
            #[serde(rename = $text)]
            V1,
        }
    };
}
pub(crate) use tag;

tag!(PageSchema "coterie.page/1");
tag!(DoneSchema "coterie.done/1");

/// Rule AP-15: one page of a list. `next` and `prev` are opaque; none means there is nothing further that way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Page<T> {
    /// Form of this object.
    pub schema: PageSchema,
    /// The things, in their own order.
    pub items: Vec<T>,
    /// Where the following page begins: pass it as `after`.
    pub next: Option<String>,
    /// Where the page before ends: pass it as `before`.
    pub prev: Option<String>,
}

impl<T> Page<T> {
    /// A list that is all here.
    #[must_use]
    pub const fn whole(items: Vec<T>) -> Self {
        Self { schema: PageSchema::V1, items, next: None, prev: None }
    }
}

/// The answer of wishes that give nothing back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Done {
    /// Form of this object.
    pub schema: DoneSchema,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ap_12_ids_have_one_spelling() {
        assert_eq!(spell_id(&[0xff; 32]).len(), 52);
        assert_eq!(spell_id(&[0; 16]), "aaaaaaaaaaaaaaaaaaaaaaaaaa");
        assert_eq!(read_id::<16>("aaaaaaaaaaaaaaaaaaaaaaaaaa"), Some([0; 16]));
        for bad in [
            "",
            "AAAAAAAAAAAAAAAAAAAAAAAAAA",
            "aaaaaaaaaaaaaaaaaaaaaaaaa",
            "aaaaaaaaaaaaaaaaaaaaaaaaa1",
            "aaaaaaaaaaaaaaaaaaaaaaaaab",
            "äaaaaaaaaaaaaaaaaaaaaaaaa",
        ] {
            assert_eq!(read_id::<16>(bad), None, "{bad}");
        }
    }
}
