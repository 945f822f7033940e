//! One key, sealed to one leaf of one member (E-41, E-47): HPKE (RFC 9180), bound to author, epoch and recipient.

use alloc::vec::Vec;

use rand_core::CryptoRng;

use super::{BuildError, Recipient};
use crate::crypto::seal::{hpke_open, hpke_seal};
use crate::crypto::{Field, Label, Secret, Zeroizing};
use crate::ids::{Digest, GroupId, LogId, MembershipId};

/// What one sealed key is bound to beside the labels: the author's log, and the leaf it goes to.
pub(super) struct SlotInfo<'a> {
    pub(super) gid: &'a GroupId,
    pub(super) author: &'a LogId,
    pub(super) epoch: u64,
    /// Only in Grants.
    pub(super) index: Option<u64>,
    pub(super) mid: &'a MembershipId,
    pub(super) to: &'a Recipient,
}

impl SlotInfo<'_> {
    /// Gives the HPKE info of E-04 (rows `slot` and `grant`) to `f`.
    fn with<T>(&self, f: impl FnOnce((Label, &[Field<'_>])) -> T) -> T {
        let log = [Field::B(&self.gid.0), Field::B(&self.author.mid.0), Field::B(&self.author.inst.0)];
        let leaf =
            [Field::B(&self.mid.0), Field::B(&self.to.inst.0), Field::U(self.to.generation), Field::B(&self.to.pk.0)];
        let index = self.index.map(Field::U);
        let label = if index.is_some() { Label::Grant } else { Label::Slot };
        let fields: Vec<Field<'_>> = log.into_iter().chain([Field::U(self.epoch)]).chain(index).chain(leaf).collect();
        f((label, &fields))
    }

    /// Seals a seed or chain key. Draws 32 bytes.
    pub(super) fn seal(
        &self,
        bound: &Digest,
        secret: &Secret<32>,
        rng: &mut dyn CryptoRng,
    ) -> Result<Vec<u8>, BuildError> {
        self.with(|info| hpke_seal(&self.to.pk, info, &bound.0, secret.expose(), rng))
            .map_err(|_| BuildError::UnusableLeaf)
    }

    /// The secret in a slot, or nothing if it isn't for this leaf at this place.
    pub(super) fn open(&self, leaf: &Secret<32>, bound: &Digest, slot: &[u8]) -> Option<Secret<32>> {
        let opened = self.with(|info| hpke_open(leaf, info, &bound.0, slot)).ok()?;
        let opened = Zeroizing::new(opened);
        Secret::try_from(opened.as_slice()).ok()
    }
}
