//! Level 2: one seat is walked along its outputs, from its root to whoever sits there now.
//!
//! Each output is consumed once, by the first class of claims that is not empty: the custodian's own word, a
//! senior's, a named heir's, and last the bare ticket (section 7). A seat ends free or with one person, so a group
//! of n seats has at most n members in every view, whatever was signed.

mod by_output;

use alloc::collections::BTreeSet;
use alloc::vec::Vec;
use core::cmp::Ordering;

use super::ablation::{FoldRule, holds};
use super::authority::{Authority, Scope};
use super::graph::{At, Deed, Graph, SeatLog, TouchKind};
use super::table::Table;
use crate::ids::Output;
use by_output::ByOutput;

/// One consumed output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Step {
    pub(super) out: Output,
    pub(super) custody: At,
    pub(super) took: Took,
}

/// What consumed it, and the operation whose word counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Took {
    /// A person; `by` is the office's claim, none if the ticket alone spoke (or the founder sits there).
    Join {
        join: At,
        by: Option<At>,
    },
    Bump {
        by: At,
    },
    Transfer {
        by: At,
    },
    Reclaim {
        by: At,
    },
}

/// How the walk ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    Free,
    /// The root of the occupant's chain: a Join, or the Genesis.
    Occupied {
        root: At,
        provisional: bool,
    },
}

/// The outcome of one seat.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Walk {
    /// From the seat's root; the last one is the occupant's, if somebody sits there.
    pub(super) steps: Vec<Step>,
    /// Everybody who sat on the way: the root of the chain, and the chain.
    pub(super) sat: Vec<(At, At)>,
    /// The free output, or the one that the occupant holds.
    pub(super) out: Output,
    pub(super) custody: At,
    pub(super) end: End,
    /// Rule MB-V10: the three Joins that all who cite them judge alike; empty unless the occupant is provisional.
    pub(super) contestants: Vec<At>,
    pub(super) contested: bool,
    /// Joins and void Bumps without which a claim that counts would not be recognised (MB-S2, MB-V7).
    pub(super) recognised: Vec<At>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum What {
    /// The Join and its chain.
    Join(At, At),
    Bump,
    Transfer(At),
    Reclaim,
}

/// An office's claim on one output, after PROVENANCE.
#[derive(Clone, Copy)]
struct Claim {
    office: At,
    node: At,
    seq: u32,
    what: What,
    next: At,
}

/// A Join's own claim on its output.
#[derive(Clone, Copy)]
struct Bid {
    node: At,
    chain: At,
    issuer: Option<At>,
    next: At,
}

/// What an output is made of: the output before, what consumed it, and the operation that shows it.
#[derive(Clone, Copy)]
struct Form {
    before: At,
    what: What,
    shown_by: At,
}

/// The claims of one seat by output.
struct Claims<'a> {
    graph: &'a Graph,
    authority: &'a Authority,
    log: &'a SeatLog,
    by_office: ByOutput<Claim>,
    by_ticket: ByOutput<Bid>,
    recognised: BTreeSet<At>,
}

/// A walk so far.
#[derive(Default)]
struct Way {
    steps: Vec<Step>,
    sat: Vec<(At, At)>,
}

/// Of two claims, the one with the least (seq, id).
fn earlier(graph: &Graph, a: &Claim, b: &Claim) -> Ordering {
    a.seq.cmp(&b.seq).then_with(|| graph.nodes[a.node].id().cmp(&graph.nodes[b.node].id()))
}

/// Walks a seat from its root.
pub(super) fn walk(graph: &Graph, authority: &Authority, scope: Scope<'_>, seat: At) -> Walk {
    Claims::gather(graph, authority, scope, seat).walk(seat)
}

impl<'a> Claims<'a> {
    fn gather(graph: &'a Graph, authority: &'a Authority, scope: Scope<'_>, seat: At) -> Self {
        let log = &graph.seats[seat];
        let count = log.outputs.len();
        let mut claims = Self {
            graph,
            authority,
            log,
            by_office: ByOutput::of(count),
            by_ticket: ByOutput::of(count),
            recognised: BTreeSet::new(),
        };
        // Forms are recognised from all Joins and Bumps, honoured or not (MB-S2).
        let mut forms: Table<Option<Form>> = Table::filled(None, count);
        let mut spoken: Vec<(At, Claim)> = Vec::new();
        for touch in log.touches.iter().filter(|touch| scope.has(touch.node)) {
            let what = match touch.kind {
                TouchKind::Join => {
                    let what = What::Join(touch.node, touch.chain);
                    forms[touch.next] = Some(Form { before: touch.out, what, shown_by: touch.node });
                    let bid = Bid { node: touch.node, chain: touch.chain, issuer: touch.office, next: touch.next };
                    claims.by_ticket.push(touch.out, bid);
                    continue;
                }
                TouchKind::Confirm { join, newcomer } => What::Join(join, newcomer),
                TouchKind::Transfer { to } => What::Transfer(to),
                TouchKind::Bump => {
                    let shown_by = claims.better_witness(forms[touch.next], touch.node);
                    if authority.honoured[touch.node] || holds(FoldRule::FormsOfVoidBumps) {
                        forms[touch.next] = Some(Form { before: touch.out, what: What::Bump, shown_by });
                    }
                    What::Bump
                }
                TouchKind::Reclaim => What::Reclaim,
            };
            let counts = authority.honoured[touch.node] || !holds(FoldRule::HonouredClaims);
            if let (true, Some(office)) = (counts, touch.office) {
                let claim = Claim { office, node: touch.node, seq: touch.seq, what, next: touch.next };
                spoken.push((touch.out, claim));
            }
        }
        spoken.sort_by(|(_, a), (_, b)| earlier(graph, a, b));
        for (out, claim) in spoken {
            claims.speak(&forms, out, claim);
        }
        claims
    }

    /// Of several Bumps of one output the honoured one shows its form, else the one with the smallest id.
    fn better_witness(&self, known: Option<Form>, new: At) -> At {
        if !holds(FoldRule::LeastWitness) {
            return known.map_or(new, |form| form.shown_by);
        }
        let rank = |&node: &At| (!self.authority.honoured[node], self.graph.nodes[node].id());
        known.map_or(new, |form| core::cmp::min_by_key(form.shown_by, new, rank))
    }

    /// Rule MB-S2: enters a claim and what it acknowledges. Claims come least (seq, id) first, so where the same
    /// office has already said the same, all that follows from it stands too, with a smaller number.
    fn speak(&mut self, forms: &Table<Option<Form>>, out: At, claim: Claim) {
        let (mut out, mut claim) = (out, claim);
        loop {
            if self.by_office.at(out).any(|other| other.office == claim.office && other.what == claim.what) {
                return;
            }
            self.by_office.push(out, claim);
            let Some(form) = forms[out].filter(|_| holds(FoldRule::Provenance)) else { return };
            if !self.authority.honoured[form.shown_by] && holds(FoldRule::FormsAreCited) {
                self.recognised.insert(form.shown_by);
            }
            claim = Claim { what: form.what, next: out, ..claim };
            out = form.before;
        }
    }

    fn walk(&self, seat: At) -> Walk {
        let (mut out, mut custody) = (0, 0);
        let mut way = Way::default();
        if seat == 0 {
            way.steps.push(self.step(out, custody, Took::Join { join: 0, by: None }));
            way.sat.push((0, 0));
            if self.stays(0) {
                return self.end(way, out, custody, End::Occupied { root: 0, provisional: false });
            }
            out = 1;
        }
        loop {
            if let Some(claim) = self.strongest(out, custody) {
                let (took, heir) = match claim.what {
                    What::Join(join, _) => (Took::Join { join, by: Some(claim.node) }, custody),
                    What::Bump => (Took::Bump { by: claim.node }, custody),
                    What::Transfer(to) => (Took::Transfer { by: claim.node }, to),
                    What::Reclaim => (Took::Reclaim { by: claim.node }, claim.office),
                };
                way.steps.push(self.step(out, custody, took));
                if let What::Join(join, chain) = claim.what {
                    way.sat.push((join, chain));
                    if self.stays(chain) {
                        return self.end(way, out, custody, End::Occupied { root: join, provisional: false });
                    }
                }
                (out, custody) = (claim.next, heir);
            } else if let Some(bid) = self.least_ticket(out, custody) {
                way.steps.push(self.step(out, custody, Took::Join { join: bid.node, by: None }));
                way.sat.push((bid.node, bid.chain));
                if self.stays(bid.chain) {
                    return self.end(way, out, custody, End::Occupied { root: bid.node, provisional: true });
                }
                out = bid.next;
            } else {
                return self.end(way, out, custody, End::Free);
            }
        }
    }

    fn stays(&self, chain: At) -> bool {
        !self.authority.is_gone(chain) || !holds(FoldRule::GoneFreesTheSeat)
    }

    fn step(&self, out: At, custody: At, took: Took) -> Step {
        Step { out: self.log.outputs[out], custody, took }
    }

    /// Classes c0 to c2: the custodian first, then seniors, then heirs (MB-S3).
    fn strongest(&self, out: At, custody: At) -> Option<Claim> {
        let least = |admits: &dyn Fn(&Claim) -> bool| {
            self.by_office.at(out).filter(|claim| admits(claim)).min_by(|a, b| {
                let place = |claim: &Claim| self.graph.offices[claim.office].place;
                let rank = place(a).cmp(&place(b));
                let seq = earlier(self.graph, a, b);
                let rank = if holds(FoldRule::RankOrder) { rank } else { rank.reverse() };
                rank.then(if holds(FoldRule::SeqOrder) { seq } else { seq.reverse() })
            })
        };
        let own = |claim: &Claim| {
            claim.office == custody
                && match claim.what {
                    What::Join(..) | What::Bump => true,
                    What::Transfer(to) => self.authority.exists(to) || !holds(FoldRule::TransfersToOffices),
                    What::Reclaim => !holds(FoldRule::CustodiansReclaimNothing),
                }
        };
        let seniors = |claim: &Claim| {
            self.graph.is_senior(claim.office, custody)
                && holds(FoldRule::SeniorsClaim)
                && match claim.what {
                    What::Join(..) | What::Bump | What::Reclaim => true,
                    What::Transfer(_) => !holds(FoldRule::SeniorsTransferNothing),
                }
        };
        let heirs = |claim: &Claim| {
            claim.what == What::Reclaim
                && holds(FoldRule::HeirsInherit)
                && matches!(self.graph.nodes[claim.node].deed, Deed::Reclaim { after: Some(after) }
                    if self.authority.inherits(self.graph, custody, claim.office, after))
        };
        if !holds(FoldRule::CustodianFirst) {
            return least(&seniors).or_else(|| least(&own)).or_else(|| least(&heirs)).copied();
        }
        least(&own).or_else(|| least(&seniors)).or_else(|| least(&heirs)).copied()
    }

    fn bids(&self, out: At, custody: At) -> impl Iterator<Item = &Bid> {
        let any = !holds(FoldRule::TicketsOfCustodians);
        self.by_ticket.at(out).filter(move |bid| bid.issuer == Some(custody) || any)
    }

    fn rank_of(&self, node: At) -> ([u8; 32], crate::ids::OperationId) {
        let entry = &self.graph.nodes[node];
        let tie = if let Deed::Join { tie, .. } = entry.deed { tie } else { [0; 32] };
        (tie, entry.id())
    }

    /// Class c3: the ticket alone, while its issuer stands; the least tie comes first. A banned one is skipped
    /// (MB-S5).
    fn least_ticket(&self, out: At, custody: At) -> Option<Bid> {
        if !self.authority.stands(custody) && holds(FoldRule::TicketsNeedStanding) {
            return None;
        }
        if planted!(SeatByArrival) {
            return self.bids(out, custody).next().copied();
        }
        let banned = |bid: &Bid| self.authority.is_banned(bid.chain);
        let mut eligible = self.bids(out, custody).filter(|bid| !banned(bid) || !holds(FoldRule::BannedAreSkipped));
        let rank = |a: &&Bid, b: &&Bid| self.rank_of(a.node).cmp(&self.rank_of(b.node));
        if !holds(FoldRule::LeastTie) {
            return eligible.max_by(rank).copied();
        }
        // Nearly always there is one, and it needs no rank.
        let first = eligible.next()?;
        Some(*eligible.fold(first, |least, next| core::cmp::min_by(least, next, rank)))
    }

    fn end(&self, way: Way, out: At, custody: At, end: End) -> Walk {
        let (contestants, contested) = if let End::Occupied { provisional: true, .. } = end {
            self.contest(out, custody)
        } else {
            (Vec::new(), false)
        };
        Walk {
            steps: way.steps,
            sat: way.sat,
            out: self.log.outputs[out],
            custody,
            end,
            contestants,
            contested,
            recognised: self.recognised.iter().copied().collect(),
        }
    }

    /// Rules MB-V10 and R-31. Whoever was removed or banned still counts as present: else a removed person returns
    /// with a ground key as if the seat had merely been left. Banned Joins count although they are not eligible.
    fn contest(&self, out: At, custody: At) -> (Vec<At>, bool) {
        let mut all: Vec<At> = self.bids(out, custody).map(|bid| bid.node).collect();
        let banned = |node: At| self.authority.is_banned(self.graph.nodes[node].chain);
        all.retain(|&node| !banned(node) || holds(FoldRule::BannedContest));
        all.sort_by_cached_key(|&node| self.rank_of(node));
        let staying = all
            .iter()
            .filter(|&&node| {
                let chain = self.graph.nodes[node].chain;
                let ended = self.authority.is_removed(chain) || self.authority.is_banned(chain);
                if holds(FoldRule::RemovedArePresent) {
                    !self.authority.left[chain] || ended
                } else {
                    !self.authority.is_gone(chain)
                }
            })
            .count();
        let contested = (staying >= 2 && holds(FoldRule::ContestOfTwo))
            || (all.len() >= CONTESTANTS && holds(FoldRule::ContestOfThree));
        all.truncate(if holds(FoldRule::ContestantsAreCited) { CONTESTANTS } else { 0 });
        (all, contested)
    }
}

/// Three cited Joins are enough for all to judge alike (MB-V10).
const CONTESTANTS: usize = 3;
