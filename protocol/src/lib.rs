//! The whole messenger as a value: time, randomness, bytes and wishes go in, one ordered bundle of consequences comes out.
//!
//! No sockets, no clock, no ambient randomness, no hash maps, no async, no panics on a peer's bytes. The crate is
//! `no_std`, so most of what is forbidden here does not even resolve. Start reading at [`Account`]; the rooms and
//! their layers are listed in this crate's README.
#![no_std]
#![forbid(unsafe_code)]
#![deny(clippy::float_arithmetic)]
#![cfg_attr(not(test), deny(clippy::indexing_slicing, clippy::wildcard_enum_match_arm))]
// The core knows more than the program asks of it yet (safety numbers, guests, previews of removals); all of it is under
// test, and the lints look at it with the feature `testing`.
#![cfg_attr(
    not(any(test, feature = "testing")),
    allow(
        dead_code,
        unused_imports,
        unfulfilled_lint_expectations,
        reason = "parts that no verb of the program uses yet"
    )
)]

extern crate alloc;
#[cfg(any(test, feature = "testing"))]
extern crate std;

/// Whether a seeded bug is on (feature `testing`); in the product there is none.
#[cfg(any(test, feature = "testing"))]
macro_rules! planted {
    ($bug:ident) => {
        $crate::testing::bugs::is_planted($crate::testing::bugs::Bug::$bug)
    };
}
#[cfg(not(any(test, feature = "testing")))]
macro_rules! planted {
    ($bug:ident) => {
        false
    };
}

/// Doesn't compile if one of the types implements one of the traits: with both, `_` could stand for two things.
#[cfg(test)]
macro_rules! none_implements {
    ([$($kind:ty),+ $(,)?], $traits:tt) => {
        $(none_implements!(@one $kind, $traits);)+
    };
    (@one $kind:ty, [$($shown:path),+ $(,)?]) => {
        $(const _: fn() = || {
            trait Either<A> {
                fn which() {}
            }
            impl<T: ?Sized> Either<()> for T {}
            struct Shown;
            impl<T: ?Sized + $shown> Either<Shown> for T {}
            let _ = <$kind as Either<_>>::which;
        };)+
    };
}

mod account;
mod blob;
mod command;
mod crypto;
mod effects;
mod encryption;
mod error;
mod event;
mod group;
mod identity;
mod ids;
mod input;
mod invite;
mod limits;
mod link;
mod log;
mod membership;
mod push;
mod record;
mod rendezvous;
mod store;
mod sync;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
mod time;
mod timeline;
mod wire;

pub use account::{Account, RestoreError, Restoring};
pub use blob::{
    Attachment, AttachmentKind, BlobKey, Descriptor, MediaType, NoSuchSize, NotSealed, Poster, SegmentOpener,
    SegmentSealer, Segments, cipher_bytes, clean_name, padded_bytes,
};
pub use command::{
    Admittance, Ban, Command, CommandError, Consent, KnownLater, LastOrganiser, Mute, RecoveryPlan, Reply, Verdict,
};
pub use crypto::Secret;
pub use crypto::seal::DoesNotOpen;
pub use effects::{AddressSource, Change, Class as GateClass, Effects, LinkAction, Shell, Stored, Transmit};
pub use error::PeerFault;
pub use event::*;
pub use identity::fingerprint::{GroupCode, NoMemory, key_words, safety_code, safety_number, safety_text};
pub use identity::{Identity, new_instance};
pub use ids::*;
pub use input::{Input, Opener};
pub use invite::{InviteLink, LinkError};
pub use limits::FRAME_HEADER_BYTES;
pub use limits::{
    BATCH_BYTES_MAX, BATCH_CHANGES_MAX, SEALED_BATCH_BYTES_MAX, SEALED_BATCH_CHANGES_MAX, VALUE_BYTES_MAX,
};
pub use membership::{
    Chronicle, ChronicleLine, ChronicleSeat, Double, Faults as LogFaults, Fork, History, OfficeState, RecoveryCode,
    RecoveryTextError, SuccessionApproval, SuccessionRequest,
};
pub use record::{Backup, Class, KEY_BYTES_MAX, Key, LAYOUT, Load, MetaName, Record, RecordId, RecordKind};
#[cfg(any(test, feature = "testing"))]
pub use store::fault::{CrashPoint, FaultDisk, FaultStore, Faults, Image, PowerCut};
pub use store::sealed::{Findings, Miscount, SealedStore, SealingKey, StoreKeys};
pub use store::{
    Batch, Bound, Direction, IoKind, IoOperation, MemStore, Place, Store, StoreError, Urgency, Usage, page, scan,
    within,
};
pub use time::{TimerTable, Timestamp};
pub use timeline::annotations::{Aggregate, Annotation, Deed, Reaction, Revision, Right, Said, aggregate, pinned};
pub use timeline::content::Location;
pub use wire::frame::{Frame, GroupFrame, JoinFrame, body_length};
