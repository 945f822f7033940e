//! People who keep a group's recovery codes, for tests: they name a new organiser, or only seem to.

use alloc::sync::Arc;
use alloc::vec::Vec;

use super::town::{Person, Side};
use crate::crypto::sign::KeyPair;
use crate::ids::{OperationId, Signature};
use crate::membership::{Approval, Body, Certificate, Membership, Recovery, Rule, SignedOperation};

/// The keys behind the codes of one group.
#[derive(Clone)]
pub struct Keepers {
    pairs: Vec<Arc<KeyPair>>,
    threshold: u8,
}

impl Keepers {
    /// So many keys that follow from a name, `threshold` of which must agree.
    #[must_use]
    pub fn new(name: &str, threshold: u8, keys: usize) -> Self {
        let mut pairs: Vec<Arc<KeyPair>> =
            (0..keys).map(|n| Person::new(&alloc::format!("{name} {n}")).keys()).collect();
        pairs.sort_by_key(|pair| pair.public());
        Self { pairs, threshold }
    }

    /// What the Genesis says of them.
    #[must_use]
    pub fn recovery(&self) -> Recovery {
        Recovery { threshold: self.threshold, keys: self.pairs.iter().map(|pair| pair.public()).collect() }
    }

    /// The consents of these keys. A place that doesn't exist signs nothing.
    #[must_use]
    pub fn approvals(&self, certificate: &Certificate, places: &[u8]) -> Vec<Approval> {
        let sign = |place: &u8| {
            let pair = self.pairs.get(usize::from(*place));
            (*place, pair.map_or(Signature([0; 64]), |pair| certificate.sign(pair)))
        };
        places.iter().map(sign).collect()
    }

    /// As many of them as must agree, from the first on.
    #[must_use]
    pub fn enough(&self) -> Vec<u8> {
        (0..self.threshold).collect()
    }
}

impl<const S: usize> Side<S> {
    /// A new group whose founder can be replaced.
    ///
    /// # Errors
    /// Never, with these keys.
    pub fn found_with(founder: &mut Person, keepers: &Keepers) -> Result<Self, Rule> {
        let genesis = SignedOperation::genesis_with(&founder.keys(), [7; 32], Vec::new(), Some(keepers.recovery()), 1);
        let log = Membership::found(&genesis)?;
        founder.mid = log.gid().into();
        founder.office = Some(log.gid().into());
        Ok(Self::of(log))
    }

    /// The body of a Depose of whoever is above all others now, in favour of `who`. Nothing if there is no such pin.
    #[must_use]
    pub fn succession(&self, who: &Person, keepers: &Keepers, pin: Option<OperationId>) -> Option<Body> {
        let said = self.log.succession(&who.mid, pin)?;
        let approvals = keepers.approvals(&said.certificate, &keepers.enough());
        Some(Body::Depose { office: said.office, pin: said.certificate.pin, approvals })
    }

    /// The keepers name `who`, and he takes the office.
    pub fn depose(&mut self, who: &mut Person, keepers: &Keepers, pin: Option<OperationId>) -> OperationId {
        let Some(body) = self.succession(who, keepers, pin) else { return OperationId([0; 32]) };
        let id = self.write(who, body);
        who.office = Some(id);
        id
    }
}
