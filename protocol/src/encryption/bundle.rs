//! Bundles of the archive: seeds sealed to one leaf of one confirmed member, and signed by who gives them (E-91).

use alloc::vec::Vec;

use rand_core::CryptoRng;

use super::archive::Given;
use super::{GroupKeys, Recipient};
use crate::crypto::derive::sha256;
use crate::crypto::seal::{hpke_open, hpke_seal};
use crate::crypto::sign::{KeyPair, verify};
use crate::crypto::{Field, Label, Secret, Zeroizing};
use crate::ids::{GroupId, Instance, LogId, MemberKey, MembershipId, Signature};
use crate::limits;
use crate::wire::{Canonical, DecodeError, Reader, Writer};

/// Version of the frame's body.
const VERSION: u64 = 1;

/// Body of HISTORY: `[1, gid, from_mid, from_inst, to_mid, to_inst_no, gen, part, parts, sealed, sig]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bundle {
    /// The group.
    pub gid: GroupId,
    /// Who gives.
    pub from: LogId,
    /// Who gets.
    pub to: MembershipId,
    /// On which installation.
    pub inst_no: u16,
    /// By which leaf.
    pub generation: u64,
    /// Which part of the answer, from 0 on.
    pub part: u64,
    /// Of how many.
    pub parts: u64,
    /// Seeds, sealed.
    pub sealed: Vec<u8>,
    /// By the giver's member key.
    pub signature: Signature,
}

/// One seed out of a bundle; nothing is known of it yet.
pub struct Offered {
    /// Whose log.
    pub log: LogId,
    /// Number of the epoch.
    pub epoch: u64,
    /// What it is said to be.
    pub seed: Secret<32>,
}

impl Canonical for Bundle {
    fn write(&self, to: &mut Writer) {
        to.array(11).uint(VERSION).bytes(self.gid).bytes(self.from.mid).bytes(self.from.inst).bytes(self.to);
        to.uint(self.inst_no).uint(self.generation).uint(self.part).uint(self.parts);
        to.bytes(&self.sealed).bytes(self.signature);
    }

    fn read(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
        from.array(11)?;
        if from.uint()? != VERSION {
            return Err(DecodeError::Unknown);
        }
        let gid = from.fixed()?;
        let giver = LogId { mid: from.fixed()?, inst: from.fixed()? };
        let (to, inst_no, generation) = (from.fixed()?, from.small()?, from.uint()?);
        let (part, parts) = (from.uint()?, from.uint()?);
        let sealed = from.bytes(limits::BUNDLE_BYTES_MAX)?.to_vec();
        Ok(Self { gid, from: giver, to, inst_no, generation, part, parts, sealed, signature: from.fixed()? })
    }
}

impl Bundle {
    /// Gives the HPKE info of E-91 to `f`; `leaf` is the installation and key that it is sealed to.
    fn with<T>(&self, leaf: (&Instance, &[u8]), f: impl FnOnce((Label, &[Field<'_>])) -> T) -> T {
        let fields = [
            Field::B(&self.gid.0),
            Field::B(&self.from.mid.0),
            Field::B(&self.from.inst.0),
            Field::B(&self.to.0),
            Field::B(&leaf.0.0),
            Field::U(self.generation),
            Field::B(leaf.1),
            Field::U(self.part),
            Field::U(self.parts),
        ];
        f((Label::History, &fields))
    }

    fn sign_with<T>(&self, f: impl FnOnce(&[Field<'_>]) -> T) -> T {
        let digest = sha256(&self.sealed);
        f(&[
            Field::B(&self.gid.0),
            Field::B(&self.from.mid.0),
            Field::B(&self.from.inst.0),
            Field::B(&self.to.0),
            Field::U(u64::from(self.inst_no)),
            Field::U(self.generation),
            Field::U(self.part),
            Field::U(self.parts),
            Field::B(&digest.0),
        ])
    }
}

impl GroupKeys {
    /// Rule E-91: seals seeds to one leaf of a member. Draws 32 bytes for each part. Nothing if the leaf is unusable.
    #[must_use]
    pub fn seal_bundles(
        &self,
        (mid, to): (MembershipId, &Recipient),
        seeds: &[Given<'_>],
        keys: &KeyPair,
        rng: &mut dyn CryptoRng,
    ) -> Vec<Bundle> {
        let seeds = seeds.get(..limits::BUNDLES_MAX.saturating_mul(limits::SEEDS_PER_BUNDLE_MAX)).unwrap_or(seeds);
        let parts = u64::try_from(seeds.len().div_ceil(limits::SEEDS_PER_BUNDLE_MAX)).unwrap_or(0);
        let part = |(part, few): (u64, &[Given<'_>])| {
            let (gid, from, generation) = (self.gid, self.own, to.generation);
            let signature = Signature([0; 64]);
            let mut bundle = Bundle {
                gid,
                from,
                to: mid,
                inst_no: to.inst_no,
                generation,
                part,
                parts,
                sealed: Vec::new(),
                signature,
            };
            let plain = written(few);
            bundle.sealed = bundle.with((&to.inst, &to.pk.0), |info| hpke_seal(&to.pk, info, &[], &plain, rng)).ok()?;
            bundle.signature = bundle.sign_with(|fields| keys.sign(Label::SigHistory, fields));
            Some(bundle)
        };
        (0..).zip(seeds.chunks(limits::SEEDS_PER_BUNDLE_MAX)).filter_map(part).collect()
    }

    /// What a bundle holds, if it is for this installation, of this group, and signed by `giver`.
    #[must_use]
    pub fn open_bundle(&self, bundle: &Bundle, giver: &MemberKey) -> Option<Vec<Offered>> {
        if bundle.gid != self.gid || bundle.to != self.own.mid || bundle.inst_no != self.inst_no {
            return None;
        }
        bundle.sign_with(|fields| verify(giver, Label::SigHistory, fields, &bundle.signature)).ok()?;
        let leaf = self.leaves.get(&bundle.generation)?;
        let opened =
            bundle.with((&self.own.inst, &leaf.pk.0), |info| hpke_open(&leaf.secret, info, &[], &bundle.sealed));
        read(&Zeroizing::new(opened.ok()?)).ok()
    }
}

/// `[* [mid, inst, [* [epoch, seed]]]]`, logs ascending.
fn written(seeds: &[Given<'_>]) -> Zeroizing<Vec<u8>> {
    let mut sorted: Vec<&Given<'_>> = seeds.iter().collect();
    sorted.sort_by_key(|given| (given.log, given.epoch));
    let logs: Vec<&[&Given<'_>]> = sorted.chunk_by(|a, b| a.log == b.log).collect();
    // Room for all of it at once: a buffer that grows leaves copies behind (E-92).
    let mut to = Writer::with_capacity(seeds.len().saturating_mul(112).saturating_add(16));
    to.array(logs.len());
    for of_log in logs {
        let Some(first) = of_log.first() else { continue };
        to.array(3).bytes(first.log.mid).bytes(first.log.inst).array(of_log.len());
        for given in of_log {
            to.array(2).uint(given.epoch).bytes(given.seed.expose());
        }
    }
    Zeroizing::new(to.into_bytes())
}

fn read(plain: &[u8]) -> Result<Vec<Offered>, DecodeError> {
    let mut from = Reader::new(plain);
    let mut offered = Vec::new();
    for _ in 0..from.array_up_to(limits::SEEDS_PER_BUNDLE_MAX)? {
        from.array(3)?;
        let log = LogId { mid: from.fixed()?, inst: from.fixed()? };
        for _ in 0..from.array_up_to(limits::SEEDS_PER_BUNDLE_MAX)? {
            from.array(2)?;
            let (epoch, seed) = (from.uint()?, from.fixed()?);
            if offered.len() >= limits::SEEDS_PER_BUNDLE_MAX {
                return Err(DecodeError::OutOfRange);
            }
            offered.push(Offered { log, epoch, seed });
        }
    }
    from.is_empty().then_some(offered).ok_or(DecodeError::NotCanonical)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::Instance;

    fn log(number: u8) -> LogId {
        LogId { mid: MembershipId([number; 32]), inst: Instance([number; 16]) }
    }

    #[test]
    fn e_92_seeds_are_written_into_one_buffer_that_never_grows() {
        let seed = Secret::new([5; 32]);
        for count in [1, 2, 480] {
            // Each of another log and with the longest number: as much room as they can take.
            let given: Vec<Given<'_>> = (0..count)
                .map(|i| Given { log: log(u8::try_from(i % 251).unwrap()), epoch: (1 << 53) - 1, seed: &seed })
                .collect();
            // A buffer that grows leaves a copy of what was in it behind, unwiped.
            assert_eq!(written(&given).capacity(), count * 112 + 16);
        }
    }

    #[test]
    fn e_91_a_part_with_more_seeds_than_one_may_hold_is_refused_whole() {
        let seed = Secret::new([5; 32]);
        let given = |count: u16| -> Vec<Given<'_>> {
            (0..count).map(|i| Given { log: log(u8::from(i >= 300)), epoch: u64::from(i), seed: &seed }).collect()
        };
        let offered = read(&written(&given(480))).expect("as many as there may be");
        let same =
            offered.iter().zip(given(480)).filter(|(one, given)| (one.log, one.epoch) == (given.log, given.epoch));
        assert_eq!((offered.len(), same.count()), (480, 480), "each under its own log");
        assert_eq!(read(&written(&given(481))).err(), Some(DecodeError::OutOfRange), "though no log has more than 300");
        let plain = written(&given(2));
        assert!((0..plain.len()).all(|end| read(&plain[..end]).is_err()));
        assert!(read(&[&plain[..], &[0]].concat()).is_err());
    }
}
