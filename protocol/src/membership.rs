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

mod admission;
mod authority;
mod body;
mod changes;
mod document;
mod drafting;
mod duties;
mod exchange;
mod faults;
mod fold;
mod gate;
pub(crate) mod grant;
mod graph;
mod operation;
mod outputs;
mod policy;
mod pool;
mod roster;
mod rule;
mod seats;
mod state;
mod table;
mod views;
mod waiting;

use alloc::collections::{BTreeMap, VecDeque};
use alloc::sync::Arc;
use alloc::vec::Vec;

pub use body::{Blow, Body, Join, Pair, Role, Terms};
pub use changes::{SeatChange, Subject, changes};
pub use duties::{Ending, Newcomers, Removal};
pub use exchange::{Exchange, ExchangeStep, SyncFrame};
pub use faults::{Double, Faults, Fork};
pub use gate::GateFault;
pub use grant::{SeatGrant, Ticket};
pub use operation::{Operation, SignedOperation};
pub use policy::{History, Pinners, Policy, Quotes, Setting, SettingKey, setting};
pub use roster::{Awaits, Person, Roster, SeatState};
pub use rule::Rule;
pub use state::{OfficeState, State};
pub use views::{Departure, OutputState, Unseated, Words};
pub use waiting::Source;

use crate::ids::{GroupId, Heads, OperationId};
use crate::limits::{
    FOLD_CHECK_EVERY_BATCHES, FOLD_CHECK_OPERATIONS_MAX, INTRODUCE_OPERATIONS_MAX, ROSTER_MEMO_MAX,
};
use admission::Signatures;
use document::Document;
use fold::Fold;
use graph::{At, Graph};
use pool::Pool;
use waiting::{Refused, Waiting};

/// What became of an operation that was offered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Admission {
    /// It is in the log now: store it, pass it on.
    Admitted(OperationId),
    /// It was there before, in the log or waiting.
    Duplicate(OperationId),
    /// It names operations that are not here; it is retried when they come (MB-L5).
    Waiting {
        /// Its id.
        id: OperationId,
        /// What to ask for, ascending.
        missing: Vec<OperationId>,
    },
    /// It is sound, but nothing honest rests on it: kept aside, not stored, not passed on.
    Pooled(OperationId),
    /// It is refused for ever.
    Refused(Rule),
}

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
    document: Option<Document>,
}

/// An operation's way through [`Membership::offer`].
enum Offer {
    Entered(OperationId),
    Done(Admission),
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
        let heads = fold.citable_heads(&graph, pool.scope());
        Ok(Self {
            log: Log { graph, pool, fold },
            heads,
            waiting: Waiting::default(),
            refused: Refused::default(),
            memo: BTreeMap::new(),
            memo_order: VecDeque::new(),
            batches: 0,
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

    /// Offers one operation of the own node.
    pub fn admit(&mut self, bytes: &[u8]) -> Admission {
        let mut verdicts = self.admit_from(None, [bytes]);
        verdicts.pop().unwrap_or(Admission::Refused(Rule::BadEncoding))
    }

    /// Offers operations, in any order; folds once.
    pub fn admit_batch<'a>(&mut self, operations: impl IntoIterator<Item = &'a [u8]>) -> Vec<Admission> {
        self.admit_from(None, operations)
    }

    /// As [`Self::admit_batch`], from a peer, whose waiting operations are counted against its own bound (MB-L5).
    pub fn admit_from<'a>(
        &mut self,
        source: Source,
        operations: impl IntoIterator<Item = &'a [u8]>,
    ) -> Vec<Admission> {
        let mut fresh = Vec::new();
        let offers: Vec<Offer> =
            operations.into_iter().map(|bytes| self.offer(source, bytes, &mut fresh)).collect();
        self.settle(&fresh);
        offers
            .into_iter()
            .map(|offer| match offer {
                Offer::Entered(id) => self.standing_of(id),
                Offer::Done(Admission::Waiting { id, missing }) => {
                    if self.log.graph.find(&id).is_some() {
                        self.standing_of(id)
                    } else if self.refused.contains(&id) {
                        Admission::Refused(Rule::BadReference)
                    } else {
                        Admission::Waiting { id, missing }
                    }
                }
                Offer::Done(
                    done @ (Admission::Admitted(_)
                    | Admission::Duplicate(_)
                    | Admission::Pooled(_)
                    | Admission::Refused(_)),
                ) => done,
            })
            .collect()
    }

    fn standing_of(&self, id: OperationId) -> Admission {
        if self.is_admitted(&id) { Admission::Admitted(id) } else { Admission::Pooled(id) }
    }

    /// Whether an operation is in the log (and not only known).
    #[must_use]
    pub fn is_admitted(&self, id: &OperationId) -> bool {
        self.log.graph.find(id).is_some_and(|at| !self.log.pool.is_outside(at))
    }

    /// Whether an id was refused before (MB-A9): it isn't asked for again.
    #[must_use]
    pub fn is_refused(&self, id: &OperationId) -> bool {
        self.refused.contains(id)
    }

    /// Whether an operation is known in any way: admitted, pooled or waiting.
    #[must_use]
    pub fn knows(&self, id: &OperationId) -> bool {
        self.log.graph.find(id).is_some() || self.waiting.missing(id).is_some()
    }

    fn offer(&mut self, source: Source, bytes: &[u8], fresh: &mut Vec<At>) -> Offer {
        let signed = match SignedOperation::decode(bytes) {
            Ok(signed) => Arc::new(signed),
            Err(rule) => return Offer::Done(Admission::Refused(rule)),
        };
        let id = signed.id();
        if self.log.graph.find(&id).is_some() {
            return Offer::Done(Admission::Duplicate(id));
        }
        let verdict = self.judge(&signed, source);
        match verdict {
            Ok(Some(missing)) => Offer::Done(Admission::Waiting { id, missing }),
            Ok(None) => {
                self.enter(fresh, id);
                Offer::Entered(id)
            }
            Err(rule) => {
                self.refuse(id);
                Offer::Done(Admission::Refused(rule))
            }
        }
    }

    /// Checks one operation; inserts it if all is well, or keeps it waiting and says for what.
    fn judge(&mut self, signed: &Arc<SignedOperation>, source: Source) -> Result<Option<Vec<OperationId>>, Rule> {
        if self.refused.contains(&signed.id()) {
            return Err(Rule::BadReference);
        }
        let graph = &mut self.log.graph;
        admission::belongs(graph, signed)?;
        let missing = admission::missing(graph, signed);
        if missing.iter().any(|id| self.refused.contains(id)) {
            return Err(Rule::BadReference);
        }
        if !missing.is_empty() {
            self.waiting.hold(Arc::clone(signed), source, missing.clone());
            return Ok(Some(missing));
        }
        let key = admission::check(graph, signed, Signatures::Check)?;
        graph.insert(Arc::clone(signed), key);
        Ok(None)
    }

    /// An operation is in the graph: what waited for it is looked at again, without recursion.
    fn enter(&mut self, fresh: &mut Vec<At>, id: OperationId) {
        let mut arrived = Vec::from([id]);
        while let Some(id) = arrived.pop() {
            fresh.extend(self.log.graph.find(&id));
            for (signed, source) in self.waiting.take(&id) {
                match self.judge(&signed, source) {
                    Ok(None) => arrived.push(signed.id()),
                    Ok(Some(_)) => {}
                    Err(_) => self.refuse(signed.id()),
                }
            }
        }
    }

    /// Rule MB-A4: what names a refused operation is refused with it.
    fn refuse(&mut self, id: OperationId) {
        let mut refused = Vec::from([id]);
        while let Some(id) = refused.pop() {
            self.refused.add(id);
            refused.extend(self.waiting.take(&id).into_iter().map(|(signed, _)| signed.id()));
        }
    }

    fn settle(&mut self, fresh: &[At]) {
        if fresh.is_empty() {
            return;
        }
        let mut fresh = fresh.to_vec();
        fresh.sort_unstable();
        let Log { graph, pool, fold } = &mut self.log;
        pool.settle(graph, fold, &fresh);
        let overflow = self.log.pool.overflow(&self.log.graph);
        if !overflow.is_empty() {
            self.log.evict(&overflow);
        }
        self.refresh_heads();
        self.check_fold();
    }

    /// The batch fold once more, for benches; gives how many sit.
    #[cfg(any(test, feature = "testing"))]
    #[must_use]
    pub fn fold_again(&self) -> usize {
        Fold::<S>::batch(&self.log.graph, self.log.pool.scope()).roster.keyed().len()
    }

    fn refresh_heads(&mut self) {
        let log = &self.log;
        self.heads = log.fold.citable_heads(&log.graph, log.pool.scope());
    }

    /// Rules MB-N1 and R-8: the incremental fold equals the batch fold.
    fn check_fold(&mut self) {
        self.batches = self.batches.wrapping_add(1);
        let due = self.log.graph.nodes.len() <= FOLD_CHECK_OPERATIONS_MAX
            || self.batches.is_multiple_of(FOLD_CHECK_EVERY_BATCHES);
        debug_assert!(
            !due || self.log.fold == Fold::batch(&self.log.graph, self.log.pool.scope()),
            "the incremental fold differs from the batch fold"
        );
    }

    /// Rule R-35: a correctly signed entry of an *anchored* author names these heads, so what is pooled of them and
    /// their past enters the log, at most `max` operations. The caller keeps the bound per author and day. Gives how
    /// many entered.
    pub fn release_cited(&mut self, heads: &Heads, max: usize) -> usize {
        let known = self.log.pool.len();
        for id in heads.as_slice() {
            if known.saturating_sub(self.log.pool.len()) >= max {
                break;
            }
            if let Some(at) = self.log.graph.find(id).filter(|&at| self.log.pool.is_outside(at)) {
                let Log { graph, pool, fold } = &mut self.log;
                pool.release(graph, fold, at);
            }
        }
        self.refresh_heads();
        known.saturating_sub(self.log.pool.len())
    }

    /// Rule R-33: operations that an INTRODUCE brings are taken only if the roster then holds the newcomer.
    ///
    /// # Errors
    /// What became of each, when nothing was taken.
    pub fn introduce<'a>(
        &mut self,
        operations: impl IntoIterator<Item = &'a [u8]>,
        newcomer: &crate::ids::MemberKey,
    ) -> Result<Vec<Admission>, Vec<Admission>> {
        let operations: Vec<&[u8]> = operations.into_iter().take(INTRODUCE_OPERATIONS_MAX).collect();
        let mut trial = self.fork();
        let verdicts = trial.admit_from(None, operations);
        if trial.roster().mids_of(newcomer).next().is_none() {
            return Err(verdicts);
        }
        self.log = trial.log;
        self.document = None;
        self.refresh_heads();
        Ok(verdicts)
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
            document: None,
        }
    }

    /// Ids that entered the log since the last call, those set free included: to be stored and passed on. What an
    /// operation names comes before it.
    pub fn take_admitted(&mut self) -> Vec<OperationId> {
        self.log.pool.take_entered()
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
                graph
                    .nodes
                    .iter()
                    .enumerate()
                    .filter(|(at, _)| !pool.is_outside(*at))
                    .map(|(_, node)| &*node.signed),
            )),
        };
        document.shade(pool.outside().map(|at| &*graph.nodes[at].signed));
        document
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

impl<const S: usize> Log<S> {
    /// Builds the graph anew without some operations; nothing that stays names them.
    fn evict(&mut self, gone: &alloc::collections::BTreeSet<At>) {
        let old = &self.graph;
        let mut graph = Graph::new(&old.nodes[0].signed, old.chains[0].key, S);
        let mut places = BTreeMap::from([(0, 0)]);
        for (at, node) in old.nodes.iter().enumerate().skip(1).filter(|(at, _)| !gone.contains(at)) {
            let key = (old.chains[node.chain].root == at).then(|| old.chains[node.chain].key);
            places.insert(at, graph.insert(Arc::clone(&node.signed), key));
        }
        graph.order_offices();
        let offices = old
            .office_of
            .iter()
            .filter_map(|(id, &office)| graph.office(id).map(|new| (office, new)))
            .collect();
        self.pool = self.pool.moved(&places, &offices, graph.nodes.len());
        self.graph = graph;
        self.fold = Fold::batch(&self.graph, self.pool.scope());
    }
}

#[cfg(test)]
mod tests;
