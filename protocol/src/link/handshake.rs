//! Mutual proof of membership that tells a stranger nothing.
//!
//! ```text
//! opener                                   acceptor
//! HELLO [1, nonce, boot]            ──▶
//!                                   ◀──    OFFER [1, nonce, tags]
//! ANSWER [tags, caps, instance]     ──▶
//!                                   ◀──    READY [caps, instance, boot]
//! ```
//! Each shared group has a tag that only somebody with the group's handshake secret can compute or recognise; it
//! covers both keys that the transport proved, the roles and both nonces, because neither Noise nor TLS gives us a
//! channel binding through libp2p. What is not a real tag is random, so neither order nor number tells anything.
#![cfg_attr(not(test), deny(clippy::arithmetic_side_effects, clippy::as_conversions))]

use alloc::collections::BTreeSet;
use rand_core::CryptoRng;

use crate::crypto::{Field, Label, Secret, expand, mac16, random};
use crate::ids::{Boot, GroupId, Instance, MemberKey};
use crate::limits::{LINK_SLOTS_MAX, TAGS_STEP};
use crate::wire::{Canonical, DecodeError, Reader, Writer};

/// Version of the handshake.
const VERSION: u64 = 1;

/// What a group's roster says about the peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Listing {
    /// Keyed.
    Member,
    /// In Candidates, not Keyed: contested, or waiting for a Confirm.
    Waiting,
    /// Neither: for this group the peer is a stranger.
    Absent,
}

/// A group that may be shared with the peer.
pub struct Door<'a> {
    /// Which.
    pub gid: GroupId,
    /// Its handshake secret (N-801).
    pub secret: &'a Secret<32>,
    /// The peer in its roster.
    pub peer: Listing,
}

impl Door<'_> {
    /// Rule N-302: only groups in whose roster or Candidates the peer stands. (The network document lets the opener
    /// look at the roster alone; then somebody who waits for a Confirm is never reached by a member who dials.)
    pub(super) const fn is_open(&self) -> bool {
        matches!(self.peer, Listing::Member | Listing::Waiting)
    }
}

/// Which end of the link a tag is made by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// Who opened the stream.
    Opener,
    /// Who accepted it.
    Acceptor,
}

/// One tag.
pub type Tag = [u8; 16];

/// What a tag is bound to.
#[derive(Clone, Copy)]
pub struct Transcript {
    /// Key of the opener, proved by the transport.
    pub opener: MemberKey,
    /// Key of the acceptor.
    pub acceptor: MemberKey,
    /// Nonce of HELLO.
    pub opener_nonce: [u8; 32],
    /// Nonce of the newest OFFER.
    pub acceptor_nonce: [u8; 32],
}

impl Transcript {
    /// Rule N-305: a recorded handshake with other keys, roles or nonces opens nothing.
    #[must_use]
    pub fn tag(&self, side: Side, secret: &Secret<32>) -> Tag {
        let label = match side {
            Side::Opener => Label::NetTagO,
            Side::Acceptor => Label::NetTagA,
        };
        let key = expand(secret.expose(), label, &[]);
        let fields = [
            Field::B(&self.opener.0),
            Field::B(&self.acceptor.0),
            Field::B(&self.opener_nonce),
            Field::B(&self.acceptor_nonce),
        ];
        mac16(key.expose(), Label::NetTag, &fields)
    }
}

/// Real and random tags, told apart by nobody but those who can compute them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tags(BTreeSet<Tag>);

impl Tags {
    /// Rule N-303: 16, 32, 48 or 64 tags, ascending; the rest is random. Of more than 64 the first are taken.
    #[must_use]
    pub fn padded(real: impl IntoIterator<Item = Tag>, rng: &mut dyn CryptoRng) -> Self {
        let mut tags: BTreeSet<Tag> = real.into_iter().take(LINK_SLOTS_MAX).collect();
        let count = tags.len().max(1).next_multiple_of(TAGS_STEP);
        while tags.len() < count {
            tags.insert(random(rng));
        }
        Self(tags)
    }

    /// Whether `tag` is one of them.
    #[must_use]
    pub fn contains(&self, tag: &Tag) -> bool {
        self.0.contains(tag)
    }

    /// How many there are, real or not.
    #[must_use]
    #[cfg(test)]
    pub fn len(&self) -> usize {
        self.0.len()
    }
}

impl Canonical for Tags {
    fn write(&self, to: &mut Writer) {
        to.array(self.0.len());
        self.0.iter().for_each(|tag| {
            to.bytes(tag);
        });
    }

    fn read(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let count = from.array_up_to(LINK_SLOTS_MAX)?;
        // Unsorted or equal tags do not survive the comparison with the canonical form.
        let tags = (0..count).map(|_| from.fixed()).collect::<Result<BTreeSet<Tag>, _>>()?;
        (count != 0 && count.is_multiple_of(TAGS_STEP)).then_some(Self(tags)).ok_or(DecodeError::OutOfRange)
    }
}

fn version(from: &mut Reader<'_>) -> Result<(), DecodeError> {
    (from.uint()? == VERSION).then_some(()).ok_or(DecodeError::Unknown)
}

/// 0x01, by the opener.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hello {
    /// Fresh.
    pub nonce: [u8; 32],
    /// The opener's process start.
    pub boot: Boot,
}

impl Canonical for Hello {
    fn write(&self, to: &mut Writer) {
        to.array(3).uint(VERSION).bytes(self.nonce).bytes(self.boot);
    }
    fn read(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
        from.array(3)?;
        version(from)?;
        Ok(Self { nonce: from.fixed()?, boot: from.fixed()? })
    }
}

/// 0x02, by the acceptor: first, and after each AGAIN.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offer {
    /// Fresh.
    pub nonce: [u8; 32],
    /// Groups in which the acceptor knows the opener.
    pub tags: Tags,
}

impl Canonical for Offer {
    fn write(&self, to: &mut Writer) {
        to.array(3).uint(VERSION).bytes(self.nonce).item(&self.tags);
    }
    fn read(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
        from.array(3)?;
        version(from)?;
        Ok(Self { nonce: from.fixed()?, tags: from.item()? })
    }
}

/// 0x03, by the opener.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// Offered groups in which the opener knows the acceptor.
    pub tags: Tags,
    /// Bits of N-311.
    pub caps: u64,
    /// The opener's installation.
    pub instance: Instance,
}

impl Canonical for Answer {
    fn write(&self, to: &mut Writer) {
        to.array(3).item(&self.tags).uint(self.caps).bytes(self.instance);
    }
    fn read(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
        from.array(3)?;
        Ok(Self { tags: from.item()?, caps: from.uint()?, instance: from.fixed()? })
    }
}

/// 0x04, by the acceptor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ready {
    /// Bits of N-311.
    pub caps: u64,
    /// The acceptor's installation.
    pub instance: Instance,
    /// The acceptor's process start.
    pub boot: Boot,
}

impl Canonical for Ready {
    fn write(&self, to: &mut Writer) {
        to.array(3).uint(self.caps).bytes(self.instance).bytes(self.boot);
    }
    fn read(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
        from.array(3)?;
        Ok(Self { caps: from.uint()?, instance: from.fixed()?, boot: from.fixed()? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::{from_bytes, to_bytes};
    use alloc::vec;
    use alloc::vec::Vec;
    use rand_chacha::ChaCha20Rng;
    use rand_core::SeedableRng;

    fn transcript() -> Transcript {
        Transcript {
            opener: MemberKey([1; 32]),
            acceptor: MemberKey([2; 32]),
            opener_nonce: [3; 32],
            acceptor_nonce: [4; 32],
        }
    }

    #[test]
    fn at_86_n_305_a_tag_is_bound_to_keys_roles_and_nonces() {
        let secret = Secret::new([9; 32]);
        let base = transcript().tag(Side::Opener, &secret);
        assert_ne!(base, transcript().tag(Side::Acceptor, &secret));
        assert_ne!(base, transcript().tag(Side::Opener, &Secret::new([8; 32])));
        for change in 0..4 {
            let mut other = transcript();
            match change {
                0 => other.opener.0[0] ^= 1,
                1 => other.acceptor.0[0] ^= 1,
                2 => other.opener_nonce[0] ^= 1,
                _ => other.acceptor_nonce[0] ^= 1,
            }
            assert_ne!(base, other.tag(Side::Opener, &secret));
        }
        let swapped = Transcript { opener: transcript().acceptor, acceptor: transcript().opener, ..transcript() };
        assert_ne!(base, swapped.tag(Side::Opener, &secret));
    }

    #[test]
    fn n_303_tags_come_in_steps_of_sixteen_and_other_counts_are_refused() {
        let mut rng = ChaCha20Rng::from_seed([1; 32]);
        for (real, count) in [(0, 16), (1, 16), (16, 16), (17, 32), (64, 64), (70, 64)] {
            let tags = Tags::padded((0..real).map(|n| [n; 16]), &mut rng);
            assert_eq!(tags.len(), count);
            assert_eq!(from_bytes::<Tags>(&to_bytes(&tags), 2_048), Ok(tags));
        }
        let of = |tags: &[Tag]| {
            let mut writer = Writer::default();
            writer.array(tags.len());
            tags.iter().for_each(|tag| {
                writer.bytes(tag);
            });
            from_bytes::<Tags>(&writer.into_bytes(), 2_048)
        };
        let sorted: Vec<Tag> = (0..16).map(|n| [n; 16]).collect();
        assert!(of(&sorted).is_ok());
        assert_eq!(of(&[]), Err(DecodeError::OutOfRange));
        assert_eq!(of(&sorted[..15]), Err(DecodeError::OutOfRange));
        let mut unsorted = sorted.clone();
        unsorted.swap(3, 4);
        assert_eq!(of(&unsorted), Err(DecodeError::NotCanonical));
        let mut equal = sorted;
        equal[1] = equal[0];
        assert_eq!(of(&equal), Err(DecodeError::NotCanonical));
    }

    #[test]
    fn every_truncation_and_bit_flip_of_the_four_frames_is_refused_or_reads_back() {
        fn check<T: Canonical>(value: &T) {
            let bytes = to_bytes(value);
            (0..bytes.len()).for_each(|end| assert!(from_bytes::<T>(&bytes[..end], 2_048).is_err()));
            for bit in 0..bytes.len() * 8 {
                let mut flipped = bytes.clone();
                flipped[bit / 8] ^= 1 << (bit % 8);
                if let Ok(read) = from_bytes::<T>(&flipped, 2_048) {
                    assert_eq!(to_bytes(&read), flipped);
                }
            }
        }
        let mut rng = ChaCha20Rng::from_seed([1; 32]);
        let tags = Tags::padded(vec![[7; 16]], &mut rng);
        check(&Hello { nonce: [1; 32], boot: Boot([2; 8]) });
        check(&Offer { nonce: [1; 32], tags: tags.clone() });
        check(&Answer { tags, caps: 1, instance: Instance([3; 16]) });
        check(&Ready { caps: 1, instance: Instance([3; 16]), boot: Boot([2; 8]) });
    }
}
