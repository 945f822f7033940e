//! The membership log: who sits on which of the 100 seats, without a server and without a vote.
//!
//! A group is a set of signed operations that everybody stores. Who sits where is a pure function of that set: no
//! clock, no order of arrival. Three ideas carry it. A seat is a chain of single-use outputs, so what competes,
//! competes for one seat only, and there are never more members than seats. Offices form a strict order and are
//! judged once, seniors first, before any seat is looked at. And each output is owned beforehand by exactly one
//! office, so honest organisers on two sides of a partition never give away the same seat twice.
//!
//! `operation` and `body` are the bytes; `admission` says what may enter; `graph` resolves names to positions;
//! `authority` is level 1 of the fold and `seats` level 2; `fold` ties them and keeps them current; `roster` is what
//! encryption reads. The ideas behind it: Kleppmann, "Making CRDTs Byzantine fault tolerant" (PaPoC 2022), and
//! Balegas et al., "Extending eventually consistent cloud databases for enforcing numeric invariants" (SRDS 2015).

mod ablation;
mod admission;
mod authority;
mod body;
mod changes;
mod chronicle;
mod codes;
mod document;
mod dot;
mod drafting;
mod duties;
mod endings;
mod exchange;
mod fates;
mod faults;
mod fold;
mod gate;
#[cfg(any(test, feature = "testing"))]
mod given;
pub(crate) mod grant;
mod graph;
mod heads;
mod intake;
mod operation;
pub(crate) mod outputs;
mod policy;
mod pool;
mod recovery;
mod roster;
mod rule;
mod seats;
mod setting_words;
mod state;
mod table;
mod views;
mod waiting;

use alloc::collections::{BTreeMap, VecDeque};
use alloc::sync::Arc;
use alloc::vec::Vec;

pub use body::{Approval, Blow, Body, Join, Pair, Recovery, Role, Terms};
pub use changes::{SeatChange, Subject, changes};
pub use chronicle::{Chronicle, ChronicleLine, ChronicleSeat};
pub use codes::{RecoveryCode, RecoveryTextError, SuccessionApproval, SuccessionRequest};
pub use duties::{Ending, Newcomers, Removal};
pub use exchange::{Exchange, ExchangeStep, SyncFrame};
pub use fates::{Departure, OutputState, Unseated, Words};
pub use faults::{Double, Faults, Fork, Rivalry};
pub use gate::GateFault;
#[cfg(any(test, feature = "testing"))]
pub use given::Given;
pub use grant::{SeatGrant, Ticket};
pub use intake::Admission;
pub use operation::{Operation, SignedOperation};
pub use policy::{History, Pinners, Policy, Quotes, Setting, SettingKey, setting};
pub use recovery::{Certificate, Succession};
pub use roster::{Awaits, Person, Roster, SeatState};
pub use rule::Rule;
pub use state::{OfficeState, State};
pub use views::LogSize;
pub use waiting::Source;

use crate::ids::{Heads, OperationId};
use crate::limits::ROSTER_MEMO_MAX;
use admission::Signatures;
use document::Document;
use fold::Fold;
use graph::Graph;
use pool::Pool;
use waiting::{Refused, Waiting};

/// What is folded, as one value: a copy of it tries operations out.
#[derive(Clone)]
struct Log<const S: usize> {
    graph: Graph,
    pool: Pool,
    fold: Fold<S>,
}

/// The log of one group, folded. `SEATS` is 100; small worlds find mistakes sooner.
pub struct Membership<const SEATS: usize = 100> {
    log: Log<SEATS>,
    heads: Heads,
    waiting: Waiting,
    refused: Refused,
    memo: BTreeMap<Heads, Arc<Roster<SEATS>>>,
    memo_order: VecDeque<Heads>,
    batches: u32,
    /// Counts what changes in the log; while it stays, everything that is read off the log stays.
    version: u64,
    document: Option<Document>,
}

impl<const S: usize> Membership<S> {
    /// A log with only its Genesis.
    ///
    /// # Errors
    /// The rule that the Genesis breaks.
    pub fn found(genesis: &SignedOperation) -> Result<Self, Rule> {
        let key = admission::check_genesis(genesis)?;
        let graph = Graph::new(genesis, key, S);
        let mut pool = Pool::default();
        pool.trust(&graph);
        let fold = Fold::batch(&graph, pool.scope());
        let heads = heads::sweep(&graph, &fold, pool.scope());
        Ok(Self {
            log: Log { graph, pool, fold },
            heads,
            waiting: Waiting::default(),
            refused: Refused::default(),
            memo: BTreeMap::new(),
            memo_order: VecDeque::new(),
            batches: 0,
            version: 0,
            document: None,
        })
    }

    /// Rule MB-G5: the log from the own store. Signatures were checked before the operations were stored.
    ///
    /// # Errors
    /// [`Rule::BadReference`] if something that an operation names is gone, [`Rule::WrongGroup`] without a Genesis,
    /// else the rule that a record breaks.
    pub fn restore(operations: impl IntoIterator<Item = Vec<u8>>) -> Result<Self, Rule> {
        let mut decoded = operations
            .into_iter()
            .map(|bytes| SignedOperation::decode(&bytes))
            .collect::<Result<Vec<SignedOperation>, Rule>>()?;
        decoded.sort_by_cached_key(|signed| (signed.operation().lamport, signed.id()));
        decoded.dedup_by_key(|signed| signed.id());
        let mut rest = decoded.into_iter();
        let mut membership = Self::found(&rest.next().ok_or(Rule::WrongGroup)?)?;
        let graph = &mut membership.log.graph;
        // What an operation names beside its deps may have a higher lamport, so some come a second time.
        let mut todo: Vec<SignedOperation> = rest.collect();
        while !todo.is_empty() {
            let before = todo.len();
            let mut later = Vec::new();
            for signed in todo {
                admission::belongs(graph, &signed)?;
                if admission::missing(graph, &signed).is_empty() {
                    let key = admission::check(graph, &signed, Signatures::Trust)?;
                    graph.insert(Arc::new(signed), key);
                } else {
                    later.push(signed);
                }
            }
            if later.len() == before {
                return Err(Rule::BadReference);
            }
            todo = later;
        }
        graph.order_offices();
        membership.log.pool.trust(graph);
        membership.log.fold = Fold::batch(graph, membership.log.pool.scope());
        membership.refresh_heads();
        Ok(membership)
    }

    /// Rises with every change; while it stays, everything that is read off the log stays.
    #[must_use]
    pub const fn version(&self) -> u64 {
        self.version
    }

    /// A copy to try operations on: same log, nothing waiting, nothing remembered.
    pub(crate) fn fork(&self) -> Self {
        Self {
            log: self.log.clone(),
            heads: self.heads.clone(),
            waiting: Waiting::default(),
            refused: Refused::default(),
            memo: BTreeMap::new(),
            memo_order: VecDeque::new(),
            batches: self.batches,
            version: self.version,
            document: None,
        }
    }

    /// Rule MB-C1: everybody by the past of `heads` and nothing else. Equal heads give equal rosters everywhere.
    ///
    /// # Errors
    /// The heads that are not here.
    pub fn roster_at(&mut self, heads: &Heads) -> Result<Arc<Roster<S>>, Vec<OperationId>> {
        if let Some(roster) = self.memo.get(heads) {
            return Ok(Arc::clone(roster));
        }
        let graph = &self.log.graph;
        let missing: Vec<OperationId> =
            heads.as_slice().iter().copied().filter(|id| graph.find(id).is_none()).collect();
        if !missing.is_empty() {
            return Err(missing);
        }
        // The Genesis is in every past, also in that of no heads at all.
        let past = graph.past(heads.as_slice().iter().filter_map(|id| graph.find(id)).chain([0]));
        let roster = Fold::<S>::batch(graph, authority::Scope::Marked(&past)).roster;
        if self.memo_order.len() >= ROSTER_MEMO_MAX
            && let Some(oldest) = self.memo_order.pop_front()
        {
            self.memo.remove(&oldest);
        }
        self.memo.insert(heads.clone(), Arc::clone(&roster));
        self.memo_order.push_back(heads.clone());
        Ok(roster)
    }
}

impl<const S: usize> Membership<S> {
    /// The document, up to date.
    fn document(&mut self) -> &mut Document {
        let Log { graph, pool, .. } = &mut self.log;
        let new = pool.take_unapplied();
        let document = match &mut self.document {
            Some(document) => {
                document.extend(new.iter().map(|&at| &*graph.nodes[at].signed));
                document
            }
            none => none.insert(Document::new(
                graph.nodes.iter().enumerate().filter(|(at, _)| !pool.is_outside(*at)).map(|(_, node)| &*node.signed),
            )),
        };
        document.shade(pool.outside().map(|at| &*graph.nodes[at].signed));
        document
    }

    /// Bytes of the document as automerge would save it, for benches.
    #[cfg(any(test, feature = "testing"))]
    pub fn document_bytes(&mut self) -> usize {
        self.document().saved_bytes()
    }

    /// Of what `ids` are and rest on, the newest operations that are in the document.
    fn newest_admitted(&self, ids: &[OperationId]) -> Vec<OperationId> {
        let Log { graph, pool, .. } = &self.log;
        let past = graph.past(ids.iter().filter_map(|id| graph.find(id)));
        let mut below = table::Table::filled(false, graph.nodes.len());
        let mut newest = Vec::new();
        for at in (0..graph.nodes.len()).rev().filter(|&at| past[at] && !pool.is_outside(at)) {
            if !below[at] {
                newest.push(graph.nodes[at].id());
            }
            graph.nodes[at].names.iter().for_each(|&name| below[name] = true);
        }
        newest
    }
}

#[cfg(test)]
mod tests;
