//! The log as a person or a program reads it: each operation with its author, what it does, what became of it and by
//! which rule; each seat with who gave it to whom; offices by rank; proofs that somebody signed two things.

use alloc::string::String;
use alloc::vec::Vec;

use super::faults::Faults;
use super::graph::At;
use super::roster::SeatState;
use super::seats::Took;
use super::state::OfficeState;
use super::{Membership, SignedOperation};
use crate::ids::{Digest, MembershipId, Office, OperationId, Output, SeatNumber};

/// One operation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChronicleLine {
    /// Its id.
    pub id: OperationId,
    /// Its logical time.
    pub lamport: u64,
    /// The author's clock, ms since 1970.
    pub at_ms: u64,
    /// The kind's name.
    pub kind: &'static str,
    /// Whose it is.
    pub author: MembershipId,
    /// The author's name in the Join, or "founder".
    pub author_name: String,
    /// The office it is done under.
    pub office: Option<Office>,
    /// What it rests on.
    pub deps: Vec<OperationId>,
    /// What it does, in words.
    pub does: String,
    /// What became of it, in words.
    pub verdict: &'static str,
    /// The rule by which it is void or changed nothing; none if it counts.
    pub rule: Option<&'static str>,
}

/// One seat.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChronicleSeat {
    /// Its number.
    pub number: SeatNumber,
    /// Its present output.
    pub out: Output,
    /// The office that owns the output.
    pub custody: Office,
    /// The office that stands for it now.
    pub custodian: Option<Office>,
    /// Who sits there, and under what name.
    pub occupant: Option<(MembershipId, String)>,
    /// The office whose ticket the occupant showed; none for the founder.
    pub issuer: Option<Office>,
    /// The operation that confirmed the occupant, if there is one.
    pub confirmed_by: Option<OperationId>,
}

/// All of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chronicle {
    /// Equal logs, equal hash (MB-V6).
    pub state_hash: Digest,
    /// By (lamport, id).
    pub lines: Vec<ChronicleLine>,
    /// What names something that is not here.
    pub waiting: Vec<OperationId>,
    /// By number.
    pub seats: Vec<ChronicleSeat>,
    /// Offices that exist, senior first, each with its holder's name.
    pub offices: Vec<(OfficeState, String)>,
    /// Proofs (MB-V8).
    pub faults: Faults,
}

impl<const S: usize> Membership<S> {
    /// The log for human eyes, as data (CL-7).
    #[must_use]
    pub fn chronicle(&self) -> Chronicle {
        let state = self.state();
        Chronicle {
            state_hash: state.hash(),
            lines: self.in_order().into_iter().map(|at| self.line(at)).collect(),
            waiting: self.waiting().collect(),
            seats: (0..=u8::MAX).map(SeatNumber).zip(&state.seats).map(|(n, seat)| self.seat_line(n, seat)).collect(),
            offices: state
                .offices
                .into_iter()
                .map(|office| (self.name_of(&office.holder), office))
                .map(|(n, o)| (o, n))
                .collect(),
            faults: self.faults(),
        }
    }

    /// Positions by (lamport, id).
    pub(super) fn in_order(&self) -> Vec<At> {
        let graph = &self.log.graph;
        let mut order: Vec<At> = (0..graph.nodes.len()).collect();
        order.sort_by_key(|&at| (graph.nodes[at].lamport(), graph.nodes[at].id()));
        order
    }

    fn line(&self, at: At) -> ChronicleLine {
        let node = &self.log.graph.nodes[at];
        let signed: &SignedOperation = &node.signed;
        let operation = signed.operation();
        let verdict = self.verdict(at);
        ChronicleLine {
            id: signed.id(),
            lamport: operation.lamport,
            at_ms: operation.at,
            kind: operation.body.name(),
            author: signed.mid(),
            author_name: self.name_of(&signed.mid()),
            office: operation.office,
            deps: operation.deps.clone(),
            does: self.effect(&operation.body),
            verdict: verdict.words,
            rule: verdict.rule,
        }
    }

    fn name_of(&self, mid: &MembershipId) -> String {
        let graph = &self.log.graph;
        match graph.chain_of(mid) {
            Some(0) => "founder".into(),
            Some(chain) => String::from(&*graph.chains[chain].name),
            None => String::new(),
        }
    }

    fn seat_line(&self, number: SeatNumber, seat: &SeatState) -> ChronicleSeat {
        let custodian = self.custodian(number);
        match seat {
            SeatState::Free { out, custody } => ChronicleSeat {
                number,
                out: *out,
                custody: *custody,
                custodian,
                occupant: None,
                issuer: None,
                confirmed_by: None,
            },
            SeatState::Occupied { mid, out, custody, .. } => ChronicleSeat {
                number,
                out: *out,
                custody: *custody,
                custodian,
                occupant: Some((*mid, self.name_of(mid))),
                issuer: self.roster().person(mid).and_then(|person| person.issuer),
                confirmed_by: self.confirmed_by(number, mid),
            },
        }
    }

    fn confirmed_by(&self, number: SeatNumber, mid: &MembershipId) -> Option<OperationId> {
        let graph = &self.log.graph;
        let root = graph.chains[graph.chain_of(mid)?].root;
        let took = self.walk(number)?.steps.iter().rev().map(|step| step.took);
        let by = took.into_iter().find_map(|took| match took {
            Took::Join { join, by } if join == root => by,
            Took::Join { .. } | Took::Bump { .. } | Took::Transfer { .. } | Took::Reclaim { .. } => None,
        })?;
        Some(graph.nodes[by].id())
    }
}
