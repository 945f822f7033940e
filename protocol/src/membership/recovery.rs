//! A founder who is lost: so many of the recovery keys that were fixed in the Genesis name somebody in his place (MB-Z).
//!
//! Nothing else can: offices form a strict order, and nobody stands above the founder's (P10). What the keys sign is a
//! *certificate*: which office ends, up to where its word counts, who comes after. It is a statement about the log, not
//! an operation, so it can be signed by people on several machines, and by one who is no member any more. Whoever is
//! named brings it in as a Depose in the own chain: nobody becomes an organiser without saying yes.

use alloc::vec::Vec;

use super::Membership;
use super::body::{Approval, Body, Recovery, Role};
use super::graph::{At, Graph};
use super::rule::Rule;
use crate::crypto::sign::{KeyPair, is_usable, verify};
use crate::crypto::{Field, Label, hash};
use crate::ids::{Digest, GroupId, MembershipId, Office, OperationId, Signature};

/// What the recovery keys sign (MB-Z2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Certificate {
    /// The group.
    pub gid: GroupId,
    /// The name of the office that ends: the group's id for the founder's, else the certificate by which it began.
    pub over: Digest,
    /// The last operation under it that counts.
    pub pin: OperationId,
    /// Who comes after.
    pub successor: MembershipId,
}

impl Certificate {
    const fn fields(&self) -> [Field<'_>; 5] {
        // The second one is the epoch.
        [Field::B(&self.gid.0), Field::U(0), Field::B(&self.over.0), Field::B(&self.pin.0), Field::B(&self.successor.0)]
    }

    /// Its name. Of two certificates for one office the smaller one counts (MB-Z4).
    #[must_use]
    pub fn id(&self) -> Digest {
        hash(Label::RecoveryId, &self.fields())
    }

    /// One recovery key's consent.
    #[must_use]
    pub fn sign(&self, key: &KeyPair) -> Signature {
        key.sign(Label::Recovery, &self.fields())
    }

    /// Whose consent this is, as a place among the recovery keys; none if nobody's.
    #[must_use]
    pub fn signed_by(&self, recovery: &Recovery, signature: &Signature) -> Option<u8> {
        let by = |key| verify(key, Label::Recovery, &self.fields(), signature).is_ok();
        recovery.keys.iter().position(by).and_then(|place| u8::try_from(place).ok())
    }
}

/// What a Depose says, before anybody has signed it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Succession {
    /// The office that ends.
    pub office: Office,
    /// What is signed.
    pub certificate: Certificate,
}

/// Recovery keys must be usable (MB-Z1).
pub(super) fn check_keys(recovery: Option<&Recovery>) -> Result<(), Rule> {
    let usable = recovery.is_none_or(|recovery| recovery.keys.iter().all(is_usable));
    usable.then_some(()).ok_or(Rule::BadSignature)
}

/// Rule MB-Z2, what needs no signature: an office that nobody promoted, a pin in its holder's chain, somebody else and
/// no guest as successor, and as many consents as the Genesis asks for.
pub(super) fn fits(
    graph: &Graph,
    author: Option<At>,
    (office, pin): (&Office, &OperationId),
    given: &[Approval],
) -> bool {
    let (Some(recovery), Some(author)) = (graph.recovery(), author) else { return false };
    let Some(office) = graph.office(office).filter(|&office| graph.offices[office].parent.is_none()) else {
        return false;
    };
    let holder = graph.offices[office].holder;
    let pinned = graph.find(pin).is_some_and(|pin| graph.nodes[pin].chain == holder);
    let guest = graph.join_of(author).is_some_and(|join| join.terms.role == Role::Guest);
    let known = given.iter().all(|(place, _)| usize::from(*place) < recovery.keys.len());
    pinned && holder != author && !guest && known && given.len() == usize::from(recovery.threshold)
}

/// Rule MB-Z2: every consent is its key's.
pub(super) fn check_approvals(graph: &Graph, author: Option<At>, body: &Body) -> Result<(), Rule> {
    let Body::Depose { office, pin, approvals } = body else { return Ok(()) };
    let recovery = graph.recovery().ok_or(Rule::BadTarget)?;
    let office = graph.office(office).ok_or(Rule::BadTarget)?;
    let successor = author.map(|author| graph.chains[author].mid).ok_or(Rule::BadChain)?;
    let certificate = Certificate { gid: graph.gid, over: graph.certificate(office), pin: *pin, successor };
    let holds = |(place, signature): &Approval| {
        let key = recovery.keys.get(usize::from(*place));
        key.is_some_and(|key| verify(key, Label::Recovery, &certificate.fields(), signature).is_ok())
    };
    approvals.iter().all(holds).then_some(()).ok_or(Rule::BadSignature)
}

impl<const S: usize> Membership<S> {
    /// Who may name a new organiser; none if the group was founded without.
    #[must_use]
    pub fn recovery(&self) -> Option<&Recovery> {
        self.log.graph.recovery()
    }

    /// The office above all others and its holder, whether it stands or not: the founder's, or that of the last who took
    /// his place (MB-Z4).
    #[must_use]
    pub fn top_office(&self) -> (Office, MembershipId) {
        let graph = &self.log.graph;
        let top = self.log.fold.authority.top(graph);
        (graph.office_id(top), graph.chains[graph.offices[top].holder].mid)
    }

    /// What would put `successor` above all others. `pin` is the last word of the one before that counts; none for the
    /// newest word that counts (MB-D21). None if the pin is not the holder's, or the successor is nobody.
    #[must_use]
    pub fn succession(&self, successor: &MembershipId, pin: Option<OperationId>) -> Option<Succession> {
        let graph = &self.log.graph;
        let top = self.log.fold.authority.top(graph);
        let holder = graph.offices[top].holder;
        graph.chain_of(successor)?;
        let pin = match pin {
            Some(pin) => graph.find(&pin).filter(|&at| graph.nodes[at].chain == holder)?,
            None => self.log.fold.authority.last_word(graph, top),
        };
        let (over, pin) = (graph.certificate(top), graph.nodes[pin].id());
        let certificate = Certificate { gid: graph.gid, over, pin, successor: *successor };
        Some(Succession { office: graph.office_id(top), certificate })
    }

    /// By what name an office is succeeded; none if it is unknown, or somebody was promoted to it.
    pub(super) fn name_in_line(&self, office: &Office) -> Option<Digest> {
        let graph = &self.log.graph;
        let office = graph.office(office).filter(|&office| graph.offices[office].parent.is_none())?;
        Some(graph.certificate(office))
    }

    /// What the holder of the office above all others did after `pin`, as far as known here: a Depose with this pin would
    /// make it void.
    #[must_use]
    pub fn done_after(&self, pin: &OperationId) -> Vec<OperationId> {
        let graph = &self.log.graph;
        let top = self.log.fold.authority.top(graph);
        let deeds = graph.offices[top].deeds.iter().filter(|&&deed| self.log.fold.authority.honoured[deed]);
        let after = |&&deed: &&At| graph.find(pin).is_none_or(|pin| !graph.precedes(deed, pin));
        deeds.filter(after).map(|&deed| graph.nodes[deed].id()).collect()
    }
}
