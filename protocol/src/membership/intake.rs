//! How operations come in: each is judged once, waits for what it names, and all that entered is folded together.

use alloc::collections::BTreeMap;
use alloc::sync::Arc;
use alloc::vec::Vec;

use super::admission::{self, Signatures};
use super::fold::Fold;
use super::graph::{At, Graph};
use super::heads::{self, Shift};
use super::operation::SignedOperation;
use super::rule::Rule;
use super::{Log, Membership, Source};
use crate::ids::{Heads, OperationId};
use crate::limits::{FOLD_CHECK_EVERY_BATCHES, FOLD_CHECK_OPERATIONS_MAX, INTRODUCE_OPERATIONS_MAX};

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

/// An operation's way through [`Membership::offer`].
enum Offer {
    Entered(OperationId),
    Done(Admission),
}

impl<const S: usize> Membership<S> {
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
    pub fn admit_from<'a>(&mut self, source: Source, operations: impl IntoIterator<Item = &'a [u8]>) -> Vec<Admission> {
        let mut fresh = Vec::new();
        let offers: Vec<Offer> = operations.into_iter().map(|bytes| self.offer(source, bytes, &mut fresh)).collect();
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

    /// What names a refused operation is refused with it (MB-A4).
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
        self.version = self.version.wrapping_add(1);
        let mut fresh = fresh.to_vec();
        fresh.sort_unstable();
        let Log { graph, pool, fold } = &mut self.log;
        let shift = pool.settle(graph, fold, &fresh);
        let overflow = self.log.pool.overflow(&self.log.graph);
        if !overflow.is_empty() {
            self.log.evict(&overflow);
        }
        let advanced = match (shift, fresh.first()) {
            (Shift::Only(shifted), Some(&first)) if overflow.is_empty() => {
                let log = &self.log;
                heads::advance(&log.graph, &log.fold, log.pool.scope(), &self.heads, (&shifted, first))
            }
            (Shift::Only(_) | Shift::Anywhere, _) => None,
        };
        match advanced {
            Some(heads) => self.heads = heads,
            None => self.refresh_heads(),
        }
        self.check_fold();
    }

    /// The batch fold once more, for benches; gives how many sit.
    #[cfg(any(test, feature = "testing"))]
    #[must_use]
    pub fn fold_again(&self) -> usize {
        Fold::<S>::batch(&self.log.graph, self.log.pool.scope()).roster.keyed().len()
    }

    pub(super) fn refresh_heads(&mut self) {
        self.heads = self.swept_heads();
    }

    fn swept_heads(&self) -> Heads {
        heads::sweep(&self.log.graph, &self.log.fold, self.log.pool.scope())
    }

    /// Rules MB-N1 and R-8: the incremental fold equals the batch fold. Asked in debug builds, and in the tests of this
    /// crate however they are built: they are what would notice.
    fn check_fold(&mut self) {
        self.batches = self.batches.wrapping_add(1);
        let due = self.log.graph.nodes.len() <= FOLD_CHECK_OPERATIONS_MAX
            || self.batches.is_multiple_of(FOLD_CHECK_EVERY_BATCHES);
        if !due || !cfg!(any(test, debug_assertions)) {
            return;
        }
        assert!(
            self.log.fold == Fold::batch(&self.log.graph, self.log.pool.scope()),
            "the incremental fold differs from the batch fold"
        );
        assert!(self.heads == self.swept_heads(), "the heads that were carried on differ from the sweep's");
    }

    /// Rule R-35: a correctly signed entry of an *anchored* author names these heads, so what is pooled of them and
    /// their past enters the log, at most `max` operations. The caller keeps the bound per author and day. Gives how
    /// many entered.
    pub fn release_cited(&mut self, heads: &Heads, max: usize) -> usize {
        let known = self.log.pool.len();
        self.version = self.version.wrapping_add(1);
        for id in heads.as_slice() {
            let left = max.saturating_sub(known.saturating_sub(self.log.pool.len()));
            if left == 0 {
                break;
            }
            if let Some(at) = self.log.graph.find(id).filter(|&at| self.log.pool.is_outside(at)) {
                let Log { graph, pool, fold } = &mut self.log;
                pool.release(graph, fold, at, left);
            }
        }
        self.refresh_heads();
        known.saturating_sub(self.log.pool.len())
    }

    /// Rule R-33: operations that an INTRODUCE brings are taken only if the roster then holds the newcomer.
    ///
    /// # Errors
    /// When nothing was taken: what became of each, and the operations of this log that stand against the newcomer.
    pub fn introduce<'a>(
        &mut self,
        operations: impl IntoIterator<Item = &'a [u8]>,
        newcomer: &crate::ids::MemberKey,
    ) -> Result<Vec<Admission>, (Vec<Admission>, Vec<OperationId>)> {
        let operations: Vec<&[u8]> = operations.into_iter().take(INTRODUCE_OPERATIONS_MAX).collect();
        let mut trial = self.fork();
        let verdicts = trial.admit_from(None, operations);
        if trial.roster().mids_of(newcomer).next().is_none() {
            let out: Vec<_> = trial.memberships_of(newcomer).collect();
            let mut ended: Vec<OperationId> = out.iter().flat_map(|mid| trial.endings(mid)).collect();
            ended.retain(|id| self.is_admitted(id));
            return Err((verdicts, ended));
        }
        self.log = trial.log;
        self.version = self.version.wrapping_add(1);
        self.document = None;
        self.refresh_heads();
        Ok(verdicts)
    }

    /// Ids that entered the log since the last call, those set free included: to be stored and passed on. What an
    /// operation names comes before it.
    pub fn take_admitted(&mut self) -> Vec<OperationId> {
        self.log.pool.take_entered()
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
        let offices =
            old.office_of.iter().filter_map(|(id, &office)| graph.office(id).map(|new| (office, new))).collect();
        self.pool = self.pool.moved(&places, &offices, graph.nodes.len());
        self.graph = graph;
        self.fold = Fold::batch(&self.graph, self.pool.scope());
    }
}
