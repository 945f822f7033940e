//! A log of operations whose ids are taken as given, to compare implementations of the fold (feature `testing`).
//!
//! Sets of operations travel between implementations without bytes: no signature, no size and no hash can be checked
//! then. What they name, their chains, dependencies, times and limits are judged as ever, by the rules of `admission`.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::sync::Arc;
use alloc::vec::Vec;

use super::admission::{self, Signatures};
use super::fold::Fold;
use super::graph::Graph;
use super::{Body, Heads, Log, Membership, Operation, Pool, Refused, Rule, SignedOperation, Waiting, heads};
use crate::ids::{MembershipId, OperationId};

/// A log, and what stayed outside.
pub struct Given<const S: usize> {
    /// Everything that is admitted, folded; nothing is pooled or held.
    pub log: Membership<S>,
    /// Operations that name something absent.
    pub pending: BTreeSet<OperationId>,
    /// Operations that break a rule, or name one that does.
    pub rejected: BTreeMap<OperationId, Rule>,
}

impl<const S: usize> Membership<S> {
    /// Admits operations in any order. `operations` begin with the Genesis, whose id is the group's.
    ///
    /// # Errors
    /// The rule that the Genesis breaks.
    pub fn of_given(
        genesis: (OperationId, Operation),
        others: Vec<(OperationId, Operation)>,
    ) -> Result<Given<S>, Rule> {
        let Body::Genesis { pk, .. } = &genesis.1.body else { return Err(Rule::WrongGroup) };
        let key = *pk;
        let genesis = SignedOperation::given(genesis.0, genesis.1)?;
        admission::check_first(&genesis)?;
        let mut graph = Graph::new(&genesis, key, S);
        let (pending, rejected) = admit(&mut graph, others);
        graph.order_offices();
        let mut pool = Pool::default();
        pool.trust(&graph);
        let fold = Fold::batch(&graph, pool.scope());
        let heads: Heads = heads::sweep(&graph, &fold, pool.scope());
        let log = Self {
            log: Log { graph, pool, fold },
            heads,
            waiting: Waiting::default(),
            refused: Refused::default(),
            memo: BTreeMap::new(),
            memo_order: alloc::collections::VecDeque::new(),
            batches: 0,
            version: 0,
            document: None,
        };
        Ok(Given { log, pending, rejected })
    }

    /// Memberships whose Join is on no seat's path, ascending.
    #[must_use]
    pub fn off_path(&self) -> Vec<MembershipId> {
        let Log { graph, fold, .. } = &self.log;
        let off = graph.chains.iter().enumerate().filter(|(chain, _)| !fold.on_path[*chain]);
        let mut mids: Vec<MembershipId> = off.map(|(_, chain)| chain.mid).collect();
        mids.sort_unstable();
        mids
    }
}

/// Round after round, until nothing moves: the outcome doesn't depend on the order.
fn admit(
    graph: &mut Graph,
    others: Vec<(OperationId, Operation)>,
) -> (BTreeSet<OperationId>, BTreeMap<OperationId, Rule>) {
    let mut rejected = BTreeMap::new();
    // By time first: then nearly all come in the first round.
    let mut open: BTreeMap<(u64, OperationId), Arc<SignedOperation>> = BTreeMap::new();
    for (id, operation) in others {
        match SignedOperation::given(id, operation) {
            Ok(signed) => drop(open.insert((signed.operation().lamport, id), Arc::new(signed))),
            Err(rule) => drop(rejected.insert(id, rule)),
        }
    }
    loop {
        let before = open.len();
        open.retain(|(_, id), signed| match judge(graph, &rejected, signed) {
            Ok(true) => false,
            Ok(false) => true,
            Err(rule) => {
                rejected.insert(*id, rule);
                false
            }
        });
        if open.len() == before {
            return (open.into_keys().map(|(_, id)| id).collect(), rejected);
        }
    }
}

/// Takes an operation in; says whether it could, or must wait for what it names.
fn judge(
    graph: &mut Graph,
    rejected: &BTreeMap<OperationId, Rule>,
    signed: &Arc<SignedOperation>,
) -> Result<bool, Rule> {
    admission::belongs(graph, signed)?;
    let missing = admission::missing(graph, signed);
    if missing.iter().any(|id| rejected.contains_key(id)) {
        return Err(Rule::BadReference);
    }
    if !missing.is_empty() {
        return Ok(false);
    }
    admission::check(graph, signed, Signatures::Given)?;
    let key = if let Body::Join(join) = &signed.operation().body { Some(join.pk) } else { None };
    graph.insert(Arc::clone(signed), key);
    Ok(true)
}
