//! The log for human eyes: as a list of lines, and as a picture in the DOT language with one lane per person.
//!
//! Both say of each operation what became of it, so that two people who disagree about a group can put their logs side
//! by side; a failing test prints them too. DOT: <https://graphviz.org/doc/info/lang.html>.

use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt::Write as _;

use super::Membership;
use super::body::{Blow, Body, Pair};
use super::fold::Fold;
use super::graph::{At, Deed, Node};
use super::seats::{End, Took};
use crate::ids::OperationId;

/// Characters of an id that are shown.
const SHOWN: usize = 8;

impl<const S: usize> Membership<S> {
    /// Rule CL-7: every operation in the order of (lamport, id) with its author, what it does and what became of it;
    /// what waits; the state's hash.
    #[must_use]
    pub fn listing(&self) -> String {
        let graph = &self.log.graph;
        let mut lines = String::new();
        for at in self.in_order() {
            let node = &graph.nodes[at];
            let (who, what) = (self.author(node.chain), self.effect(&node.signed.operation().body));
            let line = writeln!(
                lines,
                "{:>6} {} {who:<20} {what}: {}",
                node.lamport(),
                short(&node.id()),
                self.verdict(at).words
            );
            debug_assert!(line.is_ok(), "writing to a string");
        }
        for id in self.waiting() {
            lines.push_str(&format!("       {} waiting\n", short(&id)));
        }
        lines.push_str(&format!("state {}\n", self.state_hash()));
        lines
    }

    /// The log as a graph for `dot -Tsvg`: one lane per person, an arrow to what an operation rests on; what is void or
    /// without effect is dashed.
    #[must_use]
    pub fn dot(&self) -> String {
        let graph = &self.log.graph;
        let mut lanes: BTreeMap<At, Vec<At>> = BTreeMap::new();
        for (at, node) in graph.nodes.iter().enumerate() {
            lanes.entry(node.chain).or_default().push(at);
        }
        let mut text = String::from("digraph log {\n  rankdir=RL;\n  node [shape=box, fontname=monospace];\n");
        for (chain, places) in lanes {
            let label = quoted(&self.author(chain));
            text.push_str(&format!("  subgraph cluster_{chain} {{\n    label={label};\n"));
            for at in places {
                let node = &graph.nodes[at];
                let verdict = self.verdict(at).words;
                let label =
                    format!("{} {}\n{}", short(&node.id()), self.effect(&node.signed.operation().body), verdict);
                let style = if verdict.starts_with("counts") { "solid" } else { "dashed" };
                text.push_str(&format!("    n{at} [label={}, style={style}];\n", quoted(&label)));
            }
            text.push_str("  }\n");
        }
        for (at, node) in graph.nodes.iter().enumerate() {
            for dep in node.signed.operation().deps.iter().filter_map(|id| graph.find(id)) {
                text.push_str(&format!("  n{at} -> n{dep};\n"));
            }
        }
        text.push_str("}\n");
        text
    }

    /// Name and membership.
    fn author(&self, chain: At) -> String {
        let entry = &self.log.graph.chains[chain];
        let name = if chain == 0 { "founder" } else { &entry.name };
        format!("{name} {}", short(&entry.mid.into()))
    }

    fn named(&self, id: &OperationId) -> String {
        self.log.graph.chain_of(&(*id).into()).map_or_else(|| short(id), |chain| self.author(chain))
    }

    pub(super) fn effect(&self, body: &Body) -> String {
        let blow =
            |what: &str, blow: &Blow| format!("{what} {}, pin {}", self.named(&blow.target.into()), short(&blow.pin));
        match body {
            Body::Genesis { .. } => "founds the group".to_string(),
            Body::Join(join) => format!("joins seat {} on {}", join.seat.0, head(&join.out.to_string())),
            Body::Confirm { join } => format!("confirms {}", self.named(join)),
            Body::Transfer { pairs, to } => format!("hands seats {} to {}", seats(pairs), short(to)),
            Body::Bump { pairs } => format!("withdraws seats {}", seats(pairs)),
            Body::Reclaim { pairs, .. } => format!("reclaims seats {}", seats(pairs)),
            Body::Promote { target } => format!("promotes {}", self.named(&(*target).into())),
            Body::Demote(demote) => blow("demotes", demote),
            Body::Remove { blow: remove, ban, .. } => blow(if *ban { "removes and bans" } else { "removes" }, remove),
            Body::Leave { heirs, .. } => format!("leaves, {} heir(s)", heirs.len()),
            Body::SetPolicy { sets } => {
                let keys: Vec<String> = sets.iter().map(|(key, _)| key.to_string()).collect();
                format!("sets {}", keys.join(", "))
            }
            Body::Depose { office, pin, .. } => {
                let before = self.holder(office).map_or_else(|| short(office), |mid| self.named(&mid.into()));
                format!("takes the place of {before} by recovery, pin {}", short(pin))
            }
        }
    }

    /// What became of an operation: `counts`, `void: why`, `held`.
    pub(super) fn verdict(&self, at: At) -> Verdict {
        let log = &self.log;
        let node: &Node = &log.graph.nodes[at];
        if !log.pool.scope().has(at) {
            return Verdict::by("MB-L3", "held until an organiser speaks for it");
        }
        if let Some(office) = node.office {
            return match (log.fold.authority.honoured[at], log.fold.authority.exists(office)) {
                (true, _) => self.outcome(at),
                (false, true) => Verdict::by("MB-F1", "void: beyond the pin"),
                (false, false) => Verdict::by("MB-F1", "void: the office never was"),
            };
        }
        match &node.signed.operation().body {
            Body::Join(_) => self.fate(at, node.chain),
            Body::Leave { .. } if !log.fold.cites(&log.graph, at) => Verdict::by("MB-V2", "void: left no seat"),
            Body::Depose { .. } if !log.fold.authority.honoured[at] => {
                Verdict::by("MB-Z4", "void: another successor was named")
            }
            Body::Depose { .. }
            | Body::Leave { .. }
            | Body::Genesis { .. }
            | Body::Confirm { .. }
            | Body::Transfer { .. }
            | Body::Bump { .. }
            | Body::Reclaim { .. }
            | Body::Promote { .. }
            | Body::Demote(_)
            | Body::Remove { .. }
            | Body::SetPolicy { .. } => Verdict::COUNTS,
        }
    }

    /// An office's operation that is honoured and yet moved nothing says so: whoever reads the log looks for what it
    /// did. Removals by MB-F3, claims by MB-S3.
    fn outcome(&self, at: At) -> Verdict {
        let Fold { authority, walks, .. } = &self.log.fold;
        let graph = &self.log.graph;
        let took = || graph.seats_of(at).into_iter().flat_map(|seat| &walks[seat].steps).map(|step| step.took);
        let by_this = |took| match took {
            Took::Bump { by } | Took::Transfer { by } | Took::Reclaim { by } => by == at,
            Took::Join { .. } => false,
        };
        let moved = match graph.nodes[at].deed {
            Deed::Remove { target, .. } => {
                if authority.removed.get(&target).is_some_and(|counting| counting.contains(&at)) {
                    return Verdict::COUNTS;
                }
                return Verdict::by("MB-F3", "no effect: an office out of its reach shields the target");
            }
            Deed::Confirm { join } => {
                took().any(|took| matches!(took, Took::Join { join: on, by: Some(_) } if on == join))
            }
            Deed::Transfer { .. } | Deed::Bump | Deed::Reclaim { .. } => took().any(by_this),
            Deed::Genesis
            | Deed::Join { .. }
            | Deed::Promote { .. }
            | Deed::Demote { .. }
            | Deed::Leave { .. }
            | Deed::SetPolicy
            | Deed::Depose { .. } => true,
        };
        if moved { Verdict::COUNTS } else { Verdict::by("MB-S3", "no effect: another claim came first") }
    }

    fn fate(&self, join: At, chain: At) -> Verdict {
        let fold = &self.log.fold;
        let sits = fold.walks.iter().find_map(|walk| match walk.end {
            End::Occupied { root, provisional } if root == join => Some((provisional, walk.contested)),
            End::Occupied { .. } | End::Free => None,
        });
        let anchored_once = || {
            fold.walks
                .iter()
                .flat_map(|walk| &walk.steps)
                .any(|step| matches!(step.took, Took::Join { join: on, by: Some(_) } if on == join))
        };
        match (sits, self.why_unseated(&self.log.graph.chains[chain].mid)) {
            (Some((false, _)), _) => Verdict::good("counts: seated"),
            (Some((true, true)), _) => Verdict::good("counts: contested"),
            (Some((true, false)), _) => Verdict::good("counts: not confirmed"),
            (None, Some(why)) => why.verdict(),
            (None, None) if anchored_once() => Verdict::good("counts: seated once, gone"),
            (None, None) => Verdict::good("counts: gone"),
        }
    }
}

/// What became of an operation.
#[derive(Clone, Copy)]
pub(super) struct Verdict {
    pub(super) words: &'static str,
    /// The rule by which it is void or changed nothing.
    pub(super) rule: Option<&'static str>,
}

impl Verdict {
    const COUNTS: Self = Self::good("counts");

    const fn good(words: &'static str) -> Self {
        Self { words, rule: None }
    }

    const fn by(rule: &'static str, words: &'static str) -> Self {
        Self { words, rule: Some(rule) }
    }
}

impl super::Unseated {
    /// For people who look for a mistake.
    const fn verdict(self) -> Verdict {
        match self {
            Self::Banned => Verdict::by("MB-F5", "void: banned"),
            Self::IssuerGone => Verdict::by("MB-S3", "void: the issuer stands no more"),
            Self::Withdrawn => Verdict::by("MB-S3", "void: the link was withdrawn"),
            Self::Beaten => Verdict::by("MB-S3", "void: beaten"),
            Self::LostGround => Verdict::by("MB-S1", "void: not on the seat's path"),
        }
    }
}

fn seats(pairs: &[Pair]) -> String {
    let numbers: Vec<String> = pairs.iter().map(|(seat, _)| seat.0.to_string()).collect();
    numbers.join(", ")
}

fn short(id: &OperationId) -> String {
    head(&id.to_string())
}

fn head(hex: &str) -> String {
    hex.chars().take(SHOWN).collect()
}

/// A DOT string; names are people's own words.
fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for letter in text.chars() {
        match letter {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\n' => quoted.push_str("\\n"),
            other => quoted.push(other),
        }
    }
    quoted.push('"');
    quoted
}
