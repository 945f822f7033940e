//! The small frames about the link itself: BYE, DROP, CREDIT, AGAIN, TWIN, and the codes in them (N-402).
#![cfg_attr(not(test), deny(clippy::arithmetic_side_effects, clippy::as_conversions))]

use alloc::vec::Vec;
use bytes::Bytes;

use crate::ids::{Boot, Instance};
use crate::wire::frame::{Frame, GroupFrame};
use crate::wire::{Canonical, DecodeError, Reader, Writer, to_bytes};

macro_rules! codes {
    ($(#[$doc:meta])* $name:ident { $($(#[$item:meta])* $variant:ident = $number:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum $name { $($(#[$item])* $variant),+ }

        impl Canonical for $name {
            fn write(&self, to: &mut Writer) {
                to.uint(match self { $(Self::$variant => { let number: u64 = $number; number })+ });
            }
            fn read(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
                match from.uint()? { $($number => Ok(Self::$variant),)+ _ => Err(DecodeError::Unknown) }
            }
        }
    };
}

codes! {
    /// Why a slot ends (N-308).
    DropCode {
        /// Not shared any more.
        NotShared = 1,
        /// Membership did not settle in time.
        Stalled = 2,
        /// Other neighbours are enough.
        Rebalance = 3,
        /// This person left the group.
        Left = 4,
    }
}

codes! {
    /// Why a link ends (0x05).
    ByeCode {
        /// The program ends.
        Closing = 1,
        /// Other neighbours are enough.
        Rebalance = 2,
        /// No room; the seats name others to try.
        Full = 3,
        /// Another link with this person is better (N-309).
        Moved = 4,
        /// This link was already there.
        Duplicate = 5,
        /// A frame broke the rules of the wire.
        Protocol = 6,
        /// More was given than the credit allowed.
        Flow = 7,
        /// Over a limit.
        Rate = 8,
    }
}

/// A frame of a body.
pub fn frame<T: Canonical>(kind: GroupFrame, slot: u8, body: &T) -> Frame {
    Frame { kind: kind.number(), slot, body: Bytes::from(to_bytes(body)) }
}

/// BYE, with at most three seats to try instead.
#[must_use]
pub fn bye(code: ByeCode, seats: &[u8]) -> Frame {
    frame(GroupFrame::Bye, 0, &Bye { code, seats: seats.iter().take(3).copied().collect() })
}

/// TWIN: an installation runs twice (N-310).
#[must_use]
pub fn twin(instance: Instance, boot: Boot) -> Frame {
    frame(GroupFrame::Twin, 0, &Twin(instance, boot))
}

/// A body without fields.
pub struct Empty;

impl Canonical for Empty {
    fn write(&self, to: &mut Writer) {
        to.array(0);
    }
    fn read(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
        from.array(0).map(|()| Self)
    }
}

/// A body of one field.
pub struct One<T>(pub T);

impl<T: Canonical> Canonical for One<T> {
    fn write(&self, to: &mut Writer) {
        to.array(1).item(&self.0);
    }
    fn read(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
        from.array(1)?;
        from.item().map(Self)
    }
}

/// An installation, and another start of it.
pub struct Twin(pub Instance, pub Boot);

impl Canonical for Twin {
    fn write(&self, to: &mut Writer) {
        to.array(2).bytes(self.0).bytes(self.1);
    }
    fn read(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
        from.array(2)?;
        Ok(Self(from.fixed()?, from.fixed()?))
    }
}

/// The end of a link.
pub struct Bye {
    /// Why.
    pub code: ByeCode,
    /// Seats to try instead.
    pub seats: Vec<u8>,
}

impl Canonical for Bye {
    fn write(&self, to: &mut Writer) {
        to.array(2).item(&self.code).array(self.seats.len());
        self.seats.iter().for_each(|seat| {
            to.uint(*seat);
        });
    }
    fn read(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
        from.array(2)?;
        let code = from.item()?;
        let count = from.array_up_to(3)?;
        Ok(Self { code, seats: (0..count).map(|_| from.small()).collect::<Result<_, _>>()? })
    }
}
