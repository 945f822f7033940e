//! Level 1: which offices stand, which of their operations count, who is gone. One pass, seniors first.
//!
//! Everything that is used for an office comes from strictly senior offices or from its holder's own chain, so there
//! is no cycle to resolve and no order of arrival to remember (MB-F2). Several pins of one chain meet in one
//! operation: the last that precedes them all. Hence each office has a single bar, however many removed it.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use super::ablation::{FoldRule, holds};
use super::graph::{At, Deed, Graph};
use super::table::Table;
use crate::ids::Digest;

/// Which operations are folded.
#[derive(Clone, Copy)]
pub(super) enum Scope<'a> {
    /// Those that are marked.
    Marked(&'a Table<bool>),
    /// All but those that are marked.
    Without(&'a Table<bool>),
}

impl Scope<'_> {
    pub(super) fn has(self, at: At) -> bool {
        match self {
            Self::Marked(marks) => marks[at],
            Self::Without(marks) => !marks[at],
        }
    }
}

/// How far an office's operations count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Bar {
    /// The office was never created validly: none counts.
    Shut,
    /// Only what precedes this operation counts; the office stands no more.
    Upto(At),
    /// The office stands.
    Open,
}

/// The outcome of level 1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Authority {
    /// By office.
    pub(super) bars: Table<Bar>,
    /// By operation; also true for the Genesis and for Deposes in the line.
    pub(super) honoured: Table<bool>,
    /// Who stood above all others, one after the other: the founder's office by the group's id, then each certificate,
    /// with the last operation under it that counts. None: it is the last of the line.
    line: Vec<(Digest, Option<At>)>,
    /// Honoured Removes and Demotes by the target's chain.
    acts: BTreeMap<At, Vec<At>>,
    /// Leaves that count for an office (`leaves[f]`).
    leaves: BTreeMap<At, Vec<At>>,
    /// Removes that count, by the target's chain.
    pub(super) removed: BTreeMap<At, Vec<At>>,
    /// Removes of another membership of the same key that ban this one, by chain.
    pub(super) banned: BTreeMap<At, Vec<At>>,
    /// By chain.
    pub(super) left: Table<bool>,
}

impl Authority {
    /// Rule MB-F1: the one pass.
    pub(super) fn fold(graph: &Graph, scope: Scope<'_>) -> Self {
        let mut fold = Self {
            bars: Table::filled(Bar::Shut, graph.offices.len()),
            honoured: Table::filled(false, graph.nodes.len()),
            line: line(graph, scope),
            acts: BTreeMap::new(),
            leaves: BTreeMap::new(),
            removed: BTreeMap::new(),
            banned: BTreeMap::new(),
            left: Table::filled(false, graph.chains.len()),
        };
        for &office in &graph.seniority {
            if scope.has(graph.offices[office].node) {
                fold.judge(graph, scope, office);
            }
        }
        for (chain, entry) in graph.chains.iter().enumerate() {
            if entry.leaves.iter().any(|&leave| scope.has(leave)) && holds(FoldRule::LeavesCount) {
                fold.left[chain] = true;
            }
        }
        fold.count_removes(graph);
        fold.count_bans(graph, scope);
        fold
    }

    /// One office: does it exist, does it stand, what counts under it.
    fn judge(&mut self, graph: &Graph, scope: Scope<'_>, office: At) {
        let entry = &graph.offices[office];
        let in_line = if entry.parent.is_none() { self.in_line(graph, office) } else { None };
        if in_line.is_some() {
            self.honoured[entry.node] = true;
        }
        let exists = self.honoured[entry.node] || !holds(FoldRule::OfficesExist);
        let mut pin: Option<At> = in_line.flatten().filter(|_| holds(FoldRule::DeposedArePinned));
        for &act in self.acts.get(&entry.holder).map_or(&[][..], Vec::as_slice) {
            if let (true, Some(at)) = (self.reaches(graph, act, office), pin_of(graph, act)) {
                let meet = |pin| if holds(FoldRule::PinsMeet) { graph.meet(pin, at) } else { at };
                pin = Some(pin.map_or(at, meet));
            }
        }
        let obeys = |leave: At| pin.is_none_or(|pin| graph.precedes(leave, pin)) || !holds(FoldRule::LeavesObeyPins);
        let leaves: Vec<At> = graph.chains[entry.holder]
            .leaves
            .iter()
            .copied()
            .filter(|&leave| scope.has(leave) && obeys(leave))
            .collect();
        for &leave in leaves.iter().filter(|_| holds(FoldRule::LeavesEndOffices)) {
            pin = Some(pin.map_or(leave, |pin| graph.meet(pin, leave)));
        }
        if !leaves.is_empty() {
            self.leaves.insert(office, leaves);
        }
        self.bars[office] = match pin {
            _ if !exists => Bar::Shut,
            Some(pin) => Bar::Upto(pin),
            None => Bar::Open,
        };
        for &deed in &entry.deeds {
            if scope.has(deed) && self.counts(graph, deed, office) {
                self.honour(graph, deed);
            }
        }
    }

    /// Whether an office that nobody promoted is in the line, and if so, what its successor pinned.
    #[expect(clippy::option_option, reason = "the outer one says whether it is in the line at all")]
    fn in_line(&self, graph: &Graph, office: At) -> Option<Option<At>> {
        let name = graph.certificate(office);
        self.line.iter().find(|(certificate, _)| *certificate == name).map(|(_, pin)| *pin)
    }

    /// The most senior of the offices that nobody promoted: the last of the line, whether it stands or not.
    pub(super) fn top(&self, graph: &Graph) -> At {
        let last = self.line.last().map(|(certificate, _)| *certificate);
        let named = |&office: &At| graph.offices[office].parent.is_none() && Some(graph.certificate(office)) == last;
        graph.seniority.iter().copied().find(named).unwrap_or(0)
    }

    fn counts(&self, graph: &Graph, deed: At, office: At) -> bool {
        match self.bars[office] {
            Bar::Shut => false,
            Bar::Upto(pin) => graph.precedes(deed, pin) || !holds(FoldRule::PinsBind),
            Bar::Open => true,
        }
    }

    fn honour(&mut self, graph: &Graph, deed: At) {
        self.honoured[deed] = true;
        if let Deed::Demote { target, .. } | Deed::Remove { target, .. } = graph.nodes[deed].deed {
            self.acts.entry(target).or_default().push(deed);
        }
    }

    /// `reaches` of MB-F1: does this Remove or Demote bear on this office of its target?
    fn reaches(&self, graph: &Graph, act: At, office: At) -> bool {
        let Some(by) = graph.nodes[act].office else { return false };
        let Some(promoter) = graph.offices[office].parent else {
            return graph.is_senior(by, office) && holds(FoldRule::SuccessorsReach);
        };
        if !graph.is_senior(by, office) && holds(FoldRule::OnlySeniorsReach) {
            return false;
        }
        let promote = graph.offices[office].node;
        if promoter == by {
            return !graph.precedes(act, promote) || !holds(FoldRule::PromotedAgain);
        }
        (graph.is_senior(by, promoter) && holds(FoldRule::NoRecreation))
            || seen_of(graph, act).contains(&promote)
            || !holds(FoldRule::SeenOffices)
    }

    /// Whether an honoured Remove or Demote ends an office.
    pub(super) fn bears_on(&self, graph: &Graph, act: At, office: At) -> bool {
        self.reaches(graph, act, office)
    }

    /// Rule MB-F3: the target holds an office that this Remove doesn't bear on.
    fn shielded(&self, graph: &Graph, remove: At, chain: At) -> bool {
        let Some(by) = graph.nodes[remove].office else { return true };
        if !holds(FoldRule::Shield) {
            return false;
        }
        graph.chains[chain].offices.iter().any(|&office| {
            self.exists(office) && !self.reaches(graph, remove, office) && {
                let cites_the_demotion = (!graph.is_senior(by, office) || !holds(FoldRule::CitationOfSeniors))
                    && holds(FoldRule::CitedDemotion)
                    && seen_of(graph, remove).iter().any(|&seen| {
                        matches!(graph.nodes[seen].deed, Deed::Demote { target, .. } if target == chain)
                            && self.honoured[seen]
                            && self.reaches(graph, seen, office)
                    });
                !cites_the_demotion
            }
        })
    }

    fn count_removes(&mut self, graph: &Graph) {
        for (&chain, acts) in &self.acts {
            let counting: Vec<At> = acts
                .iter()
                .copied()
                .filter(|&act| matches!(graph.nodes[act].deed, Deed::Remove { .. }))
                .filter(|&act| !self.shielded(graph, act, chain))
                .collect();
            if !counting.is_empty() {
                self.removed.insert(chain, counting);
            }
        }
    }

    fn count_bans(&mut self, graph: &Graph, scope: Scope<'_>) {
        let keys: alloc::collections::BTreeSet<_> = self.removed.keys().map(|&chain| graph.chains[chain].key).collect();
        for key in keys {
            for &chain in graph.by_key.get(&key).map_or(&[][..], Vec::as_slice) {
                if scope.has(graph.chains[chain].root) {
                    self.ban(graph, chain);
                }
            }
        }
    }

    /// Rule MB-F5 for one membership: which Removes of another one of its key ban it.
    fn ban(&mut self, graph: &Graph, chain: At) {
        let key = &graph.chains[chain].key;
        let bans: Vec<At> = graph
            .by_key
            .get(key)
            .map_or(&[][..], Vec::as_slice)
            .iter()
            .filter(|&&other| other != chain)
            .filter_map(|other| self.removed.get(other))
            .flatten()
            .copied()
            .filter(|&remove| matches!(graph.nodes[remove].deed, Deed::Remove { ban: true, .. }))
            .filter(|&remove| !self.shielded(graph, remove, chain) || !holds(FoldRule::BansAreShielded))
            .filter(|&remove| !is_lifted(graph, remove, chain) && holds(FoldRule::Bans))
            .collect();
        if !bans.is_empty() {
            self.banned.insert(chain, bans);
        }
    }

    /// Takes in operations that move no office, against the bars as they are (MB-N3).
    pub(super) fn extend(&mut self, graph: &Graph, new: &[At]) {
        // An office that came since and wasn't judged is held: it isn't there.
        self.bars.grow(graph.offices.len(), Bar::Shut);
        self.honoured.grow(graph.nodes.len(), false);
        self.left.grow(graph.chains.len(), false);
        for &at in new {
            let node = &graph.nodes[at];
            if let Some(office) = node.office {
                self.honoured[at] = self.counts(graph, at, office);
            }
            if matches!(node.deed, Deed::Join { .. }) {
                self.ban(graph, node.chain);
            }
        }
    }

    /// Whether an operation that is not folded yet would count now.
    pub(super) fn would_count(&self, graph: &Graph, at: At) -> bool {
        graph.nodes[at].office.is_some_and(|office| office < self.bars.len() && self.counts(graph, at, office))
    }

    /// The office was validly created; what it did while it stood counts.
    pub(super) fn exists(&self, office: At) -> bool {
        self.bars[office] != Bar::Shut
    }

    /// The office can act now.
    pub(super) fn stands(&self, office: At) -> bool {
        self.bars[office] == Bar::Open || (self.exists(office) && !holds(FoldRule::PinsEndOffices))
    }

    /// Rule MB-D21: the newest word of an office: the Leave that ended it, for its heirs keep what they were given; else
    /// the last operation under it that counts; else what made it. Never what is merely known: a fork of junk has the
    /// highest number.
    pub(super) fn last_word(&self, graph: &Graph, office: At) -> At {
        let newest = |at: &At| (graph.nodes[*at].seq(), core::cmp::Reverse(graph.nodes[*at].id()));
        let leaves = self.leaves.get(&office).into_iter().flatten().copied();
        let deeds = graph.offices[office].deeds.iter().copied().filter(|&deed| self.honoured[deed]);
        leaves.max_by_key(newest).or_else(|| deeds.max_by_key(newest)).unwrap_or(graph.offices[office].node)
    }

    /// No office stands (MB-V5).
    pub(super) fn is_frozen(&self) -> bool {
        !self.bars.iter().any(|&bar| bar == Bar::Open)
    }

    /// Offices that were judged; those that came since were not.
    pub(super) const fn bars_len(&self) -> usize {
        self.bars.len()
    }

    pub(super) fn is_removed(&self, chain: At) -> bool {
        self.removed.contains_key(&chain)
    }

    pub(super) fn is_banned(&self, chain: At) -> bool {
        self.banned.contains_key(&chain)
    }

    /// Rule MB-F6.
    pub(super) fn is_gone(&self, chain: At) -> bool {
        self.left[chain] || self.is_removed(chain) || self.is_banned(chain)
    }

    /// `heir_right` of section 7: the office inherits from `from`, through existing heirs.
    pub(super) fn inherits(&self, graph: &Graph, from: At, office: At, after: At) -> bool {
        let Deed::Leave { heirs } = &graph.nodes[after].deed else { return false };
        if !heirs.contains(&office) && holds(FoldRule::HeirsAreNamed) {
            return false;
        }
        let mut line = Vec::from([from]);
        let mut next = 0;
        while let Some(&testator) = line.get(next) {
            next += 1;
            let leaves = self.leaves.get(&testator).map_or(&[][..], Vec::as_slice);
            if leaves.contains(&after) || !holds(FoldRule::LeavesOfCustodians) {
                return true;
            }
            for &leave in leaves.iter().filter(|_| holds(FoldRule::HeirsOfHeirs)) {
                let Deed::Leave { heirs } = &graph.nodes[leave].deed else { continue };
                for &heir in heirs {
                    if (self.exists(heir) || !holds(FoldRule::HeirsExist)) && !line.contains(&heir) {
                        line.push(heir);
                    }
                }
            }
        }
        false
    }
}

/// Rule MB-Z4: from the founder's office on, of the Deposes of the last in the line those with the least certificate.
fn line(graph: &Graph, scope: Scope<'_>) -> Vec<(Digest, Option<At>)> {
    let mut line = Vec::from([(Digest(graph.gid.0), None)]);
    while let Some((last, pinned)) = line.last_mut() {
        let named = graph.successors.get(last).into_iter().flatten();
        let known = named.filter(|&&office| scope.has(graph.offices[office].node) && holds(FoldRule::DeposesCount));
        let said = known.filter_map(|&office| graph.offices[office].succession);
        let next = if holds(FoldRule::LeastCertificate) {
            said.min_by_key(|said| said.certificate)
        } else {
            said.max_by_key(|said| said.certificate)
        };
        let Some(next) = next else { break };
        *pinned = Some(next.pin);
        line.push((next.certificate, None));
    }
    line
}

fn pin_of(graph: &Graph, act: At) -> Option<At> {
    if let Deed::Demote { pin, .. } | Deed::Remove { pin, .. } = graph.nodes[act].deed { Some(pin) } else { None }
}

fn seen_of(graph: &Graph, act: At) -> &[At] {
    if let Deed::Demote { seen, .. } | Deed::Remove { seen, .. } = &graph.nodes[act].deed { seen } else { &[] }
}

fn is_lifted(graph: &Graph, remove: At, chain: At) -> bool {
    let Deed::Join { issuer, lifts, .. } = &graph.nodes[graph.chains[chain].root].deed else { return false };
    let may = |by: At| !graph.is_senior(by, *issuer) || !holds(FoldRule::JuniorsLiftNothing);
    graph.nodes[remove].office.is_some_and(|by| lifts.contains(&remove) && may(by)) && holds(FoldRule::BansAreLifted)
}
