//! How members of a group find each other's computers: the secret of the handshake, the changing lookup key, signed
//! address records that members pass among themselves, and which learned addresses may be dialled.
//!
//! Two secrets with two jobs. The *handshake secret* follows from the Genesis: every member can derive it, it never
//! changes, and it keeps strangers from asking "are you in that group?". It does not keep former members from
//! anything (E-07). The *lookup key* is random and is replaced whenever somebody goes, so it hides addresses from
//! everybody who is not a member now. Guests never get it: they are sent a few plain records instead, so the end of a
//! guest session changes no key.

pub(crate) mod address;
pub(crate) mod exchange;
pub(crate) mod keys;
pub(crate) mod publish;
pub(crate) mod records;

pub use address::{Network, dialable};
pub use exchange::Addresses;
pub use keys::{KeyVerdict, LookupKeys, LookupRecord, Roll, handshake_secret};
pub use publish::PublishTimes;
pub use records::{AddressBook, AddressRecord, AddressVerdict, Owner};
