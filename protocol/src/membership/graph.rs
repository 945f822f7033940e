//! What is known of the log, resolved: operations, chains, branches, offices and what concerns each seat.
//!
//! Everything here is static: it depends on an operation and on what it names, never on who holds which right. The
//! arena is append-only and every operation stands behind all that it names, so positions are a topological order.

mod growth;

use alloc::collections::BTreeMap;
use alloc::sync::Arc;
use alloc::vec::Vec;

use super::body::Body;
use super::operation::SignedOperation;
use super::outputs;
use super::table::Table;
use crate::ids::{Digest, GroupId, MemberKey, MembershipId, OperationId, Output, SeatNumber};
use crate::limits::SUCCESSIONS_MAX;

/// Position of an operation, a chain, a branch or an office in its table.
pub(super) type At = usize;

/// One operation, with everything that it names as positions.
#[derive(Clone)]
pub(super) struct Node {
    pub(super) signed: Arc<SignedOperation>,
    pub(super) chain: At,
    pub(super) branch: At,
    /// Office operations of its chain up to here (MB-A8).
    pub(super) office_ops: u32,
    /// The office it is done under.
    pub(super) office: Option<At>,
    pub(super) names: Vec<At>,
    pub(super) deed: Deed,
    /// Whether another operation of its chain follows it.
    has_next: bool,
}

impl Node {
    pub(super) fn id(&self) -> OperationId {
        self.signed.id()
    }

    pub(super) fn seq(&self) -> u32 {
        self.signed.operation().seq
    }

    pub(super) fn lamport(&self) -> u64 {
        self.signed.operation().lamport
    }
}

/// The body's names as positions.
#[derive(Clone, Debug)]
pub(super) enum Deed {
    Genesis,
    Join { issuer: At, lifts: Vec<At>, tie: [u8; 32] },
    Confirm { join: At },
    Transfer { to: At },
    Bump,
    Reclaim { after: Option<At> },
    Promote { office: At },
    Demote { target: At, pin: At, seen: Vec<At> },
    Remove { target: At, pin: At, seen: Vec<At>, ban: bool },
    Leave { heirs: Vec<At> },
    SetPolicy,
    Depose { office: At },
}

impl Deed {
    /// Operations after which level 1 is done anew (MB-N3).
    pub(super) const fn moves_offices(&self) -> bool {
        matches!(
            self,
            Self::Genesis
                | Self::Promote { .. }
                | Self::Demote { .. }
                | Self::Remove { .. }
                | Self::Leave { .. }
                | Self::Depose { .. }
        )
    }
}

/// All operations of one membership.
#[derive(Clone)]
pub(super) struct Chain {
    pub(super) mid: MembershipId,
    pub(super) key: MemberKey,
    /// The name in the Join.
    pub(super) name: Arc<str>,
    pub(super) root: At,
    pub(super) leaves: Vec<At>,
    pub(super) offices: Vec<At>,
    /// Newest operation to continue from: the highest seq that is no Leave, then the smaller id.
    pub(super) tip: At,
    pub(super) branches: usize,
}

/// How an office came to stand above all others: it took the place of another one (MB-Z3).
#[derive(Clone, Copy)]
pub(super) struct Succession {
    /// The last operation of the one before that counts.
    pub(super) pin: At,
    /// What the recovery keys have signed.
    pub(super) certificate: Digest,
}

/// One office: a Promote, the Genesis, or a Depose.
#[derive(Clone)]
pub(super) struct OfficeNode {
    pub(super) node: At,
    pub(super) holder: At,
    /// The office that promoted its holder; none for those that nobody promoted.
    pub(super) parent: Option<At>,
    pub(super) depth: usize,
    /// How often the founder's office had passed on.
    pub(super) generation: usize,
    pub(super) succession: Option<Succession>,
    pub(super) deeds: Vec<At>,
    /// Position in the order of seniority; valid after [`Graph::order_offices`].
    pub(super) place: usize,
}

/// What an operation has to do with a seat. The walk asks for all that it says of every operation of a seat, so it is
/// kept side by side instead of being looked up in each of them.
#[derive(Clone, Copy)]
pub(super) struct Touch {
    pub(super) node: At,
    pub(super) seq: u32,
    /// The chain that it belongs to.
    pub(super) chain: At,
    /// The office that speaks; of a Join, the one whose ticket it shows.
    pub(super) office: Option<At>,
    /// The output it consumes, as a position in the seat's outputs.
    pub(super) out: At,
    /// The output that follows.
    pub(super) next: At,
    pub(super) kind: TouchKind,
}

#[derive(Clone, Copy)]
pub(super) enum TouchKind {
    Join,
    Confirm { join: At, newcomer: At },
    Transfer { to: At },
    Bump,
    Reclaim,
}

/// Everything that concerns one seat; position 0 of `outputs` is its root.
#[derive(Clone)]
pub(super) struct SeatLog {
    pub(super) outputs: Table<Output>,
    known: BTreeMap<Output, At>,
    pub(super) touches: Vec<Touch>,
}

impl SeatLog {
    fn new(root: Output) -> Self {
        Self { outputs: Table::from_iter([root]), known: BTreeMap::from([(root, 0)]), touches: Vec::new() }
    }

    fn intern(&mut self, out: Output) -> At {
        *self.known.entry(out).or_insert_with(|| self.outputs.push(out))
    }

    pub(super) fn find(&self, out: &Output) -> Option<At> {
        self.known.get(out).copied()
    }
}

#[derive(Clone)]
pub(super) struct Graph {
    pub(super) gid: GroupId,
    pub(super) nodes: Table<Node>,
    pub(super) chains: Table<Chain>,
    /// Each branch's fork point; none for a chain's first.
    branches: Table<Option<At>>,
    pub(super) offices: Table<OfficeNode>,
    /// Offices, senior first; valid after [`Self::order_offices`].
    pub(super) seniority: Vec<At>,
    ordered: bool,
    by_id: BTreeMap<OperationId, At>,
    pub(super) office_of: BTreeMap<OperationId, At>,
    pub(super) by_key: BTreeMap<MemberKey, Vec<At>>,
    /// Joins of one link: same issuer, same key of the link.
    pub(super) by_link: BTreeMap<(At, MemberKey), Vec<At>>,
    /// Offices by what they take the place of: the group's id for the founder's office, else its certificate.
    pub(super) successors: BTreeMap<Digest, Vec<At>>,
    pub(super) settings: Vec<At>,
    pub(super) seats: Table<SeatLog>,
}

impl Graph {
    /// A log with only its Genesis, and its number of seats.
    pub(super) fn new(genesis: &SignedOperation, key: MemberKey, seats: usize) -> Self {
        let gid = GroupId::from(genesis.id());
        let roots = (0..seats)
            .map(|n| SeatLog::new(outputs::root(&gid, SeatNumber(u8::try_from(n).unwrap_or(u8::MAX)))))
            .collect();
        let mut graph = Self {
            gid,
            nodes: Table::default(),
            chains: Table::default(),
            branches: Table::default(),
            offices: Table::default(),
            seniority: Vec::new(),
            ordered: false,
            by_id: BTreeMap::new(),
            office_of: BTreeMap::new(),
            by_key: BTreeMap::new(),
            by_link: BTreeMap::new(),
            successors: BTreeMap::new(),
            settings: Vec::new(),
            seats: roots,
        };
        // The founder leaves this behind; no Join names it.
        graph.seats.iter_mut().take(1).for_each(|seat| {
            seat.intern(outputs::free(&gid.into()));
        });
        graph.insert(Arc::new(genesis.clone()), Some(key));
        graph.order_offices();
        graph
    }

    pub(super) fn find(&self, id: &OperationId) -> Option<At> {
        self.by_id.get(id).copied()
    }

    /// The chain of a membership.
    pub(super) fn chain_of(&self, mid: &MembershipId) -> Option<At> {
        let at = self.find(&(*mid).into())?;
        let chain = self.nodes[at].chain;
        (self.chains[chain].root == at).then_some(chain)
    }

    /// The office that an operation is, if it is one.
    pub(super) fn office(&self, id: &OperationId) -> Option<At> {
        self.office_of.get(id).copied()
    }

    pub(super) fn office_id(&self, office: At) -> OperationId {
        self.nodes[self.offices[office].node].id()
    }

    /// By what name an office that nobody promoted is succeeded: all Deposes that say the same have one (MB-Z3).
    pub(super) fn certificate(&self, office: At) -> Digest {
        self.offices[office].succession.map_or(Digest(self.gid.0), |succession| succession.certificate)
    }

    /// The recovery keys; none if the group has none.
    pub(super) fn recovery(&self) -> Option<&super::body::Recovery> {
        match &self.nodes[0].signed.operation().body {
            Body::Genesis { recovery, .. } => recovery.as_ref(),
            Body::Join(_)
            | Body::Confirm { .. }
            | Body::Transfer { .. }
            | Body::Bump { .. }
            | Body::Reclaim { .. }
            | Body::Promote { .. }
            | Body::Demote(_)
            | Body::Remove { .. }
            | Body::Leave { .. }
            | Body::SetPolicy { .. }
            | Body::Depose { .. } => None,
        }
    }

    /// The Join body of a chain's root; none for the founder.
    pub(super) fn join_of(&self, chain: At) -> Option<&super::body::Join> {
        match &self.nodes[self.chains[chain].root].signed.operation().body {
            Body::Join(join) => Some(join),
            Body::Genesis { .. }
            | Body::Confirm { .. }
            | Body::Transfer { .. }
            | Body::Bump { .. }
            | Body::Reclaim { .. }
            | Body::Promote { .. }
            | Body::Demote(_)
            | Body::Remove { .. }
            | Body::Leave { .. }
            | Body::SetPolicy { .. }
            | Body::Depose { .. } => None,
        }
    }

    /// The office whose ticket a chain's root shows; none for the founder.
    pub(super) fn issuer_of(&self, chain: At) -> Option<At> {
        if let Deed::Join { issuer, .. } = self.nodes[self.chains[chain].root].deed { Some(issuer) } else { None }
    }

    /// The seats that an operation touches.
    pub(super) fn seats_of(&self, at: At) -> Vec<At> {
        let seats = match &self.nodes[at].signed.operation().body {
            Body::Join(join) => Vec::from([join.seat]),
            Body::Confirm { join } => {
                let chain = self.chain_of(&(*join).into());
                chain.and_then(|chain| self.join_of(chain)).map(|join| join.seat).into_iter().collect()
            }
            Body::Transfer { pairs, .. } | Body::Bump { pairs } | Body::Reclaim { pairs, .. } => {
                pairs.iter().map(|pair| pair.0).collect()
            }
            Body::Genesis { .. }
            | Body::Promote { .. }
            | Body::Demote(_)
            | Body::Remove { .. }
            | Body::Leave { .. }
            | Body::SetPolicy { .. }
            | Body::Depose { .. } => Vec::new(),
        };
        seats.into_iter().map(|seat| usize::from(seat.0)).filter(|&seat| seat < self.seats.len()).collect()
    }

    /// Offices by rank (MB-F1). Shorter paths first, then by the promoter's place, seq and id. Of those that nobody
    /// promoted the latest in the line comes first (MB-Z3); those whom it promotes come after those who were promoted
    /// before (MB-Z6), so that an organiser keeps his place among the others when the founder is replaced.
    pub(super) fn order_offices(&mut self) {
        if core::mem::replace(&mut self.ordered, true) {
            return;
        }
        let mut order: Vec<At> = (0..self.offices.len()).collect();
        order.sort_by_key(|&office| self.offices[office].depth);
        self.seniority = Vec::with_capacity(order.len());
        let mut rest = order.as_slice();
        while let Some(&first) = rest.first() {
            let depth = self.offices[first].depth;
            let level = rest.iter().take_while(|&&office| self.offices[office].depth == depth).count();
            let (same, deeper) = rest.split_at(level);
            let mut same = same.to_vec();
            // Paths of one length compare as the promoter's path, then the last step.
            same.sort_by_cached_key(|&office| {
                let node = &self.nodes[self.offices[office].node];
                let above = match self.offices[office].parent {
                    None => (SUCCESSIONS_MAX.saturating_sub(self.offices[office].generation), 0),
                    Some(parent) => (self.offices[parent].generation, self.offices[parent].place),
                };
                let certificate = self.offices[office].succession.map(|succession| succession.certificate);
                (above, certificate, node.seq(), node.id())
            });
            for office in same {
                self.offices[office].place = self.seniority.len();
                self.seniority.push(office);
            }
            rest = deeper;
        }
    }

    /// Whether `a` is strictly senior to `b`.
    pub(super) fn is_senior(&self, a: At, b: At) -> bool {
        self.offices[a].place < self.offices[b].place
    }

    /// Chain order (section 5 of the specification): `a` is `b` or is reached from it by `prev`. Steps by branch.
    pub(super) fn precedes(&self, a: At, b: At) -> bool {
        let (first, mut last) = (&self.nodes[a], &self.nodes[b]);
        if first.chain != last.chain {
            return false;
        }
        loop {
            if first.branch == last.branch {
                return first.seq() <= last.seq();
            }
            let Some(fork) = self.branches[last.branch] else { return false };
            last = &self.nodes[fork];
        }
    }

    /// The last operation that precedes both, which stand in one chain. Branches are numbered as they appear, so
    /// the younger of two branches is never an ancestor of the older.
    pub(super) fn meet(&self, a: At, b: At) -> At {
        let (mut a, mut b) = (a, b);
        loop {
            let (left, right) = (self.nodes[a].branch, self.nodes[b].branch);
            if left == right {
                return if self.nodes[a].seq() <= self.nodes[b].seq() { a } else { b };
            }
            let (younger, fork) =
                if left > right { (&mut a, self.branches[left]) } else { (&mut b, self.branches[right]) };
            let Some(fork) = fork else { return a.min(b) };
            *younger = fork;
        }
    }

    /// Marks everything that `from` are and name, transitively. Positions are a topological order: one sweep down.
    pub(super) fn past(&self, from: impl IntoIterator<Item = At>) -> Table<bool> {
        let mut marks = Table::filled(false, self.nodes.len());
        let mut stack: Vec<At> = from.into_iter().collect();
        while let Some(at) = stack.pop() {
            if !core::mem::replace(&mut marks[at], true) {
                stack.extend(self.nodes[at].names.iter().copied().filter(|&name| !marks[name]));
            }
        }
        marks
    }
}
