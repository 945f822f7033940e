//! What offices said on each setting, and whose word is in force (MB-Y2).
//!
//! Of each office only its latest honoured word on a setting can ever count, so that one alone is kept: a new word
//! costs the number of settings, however often they were changed before.

use alloc::collections::BTreeMap;
use core::cmp::Reverse;

use super::ablation::{FoldRule, holds};
use super::authority::Authority;
use super::body::Body;
use super::graph::{At, Graph};
use super::policy::{Policy, Setting, SettingKey};

/// The latest honoured word of each office on each setting, as the operation that says it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct SettingWords(BTreeMap<(SettingKey, At), At>);

impl SettingWords {
    /// All that is said in the log.
    pub(super) fn gather(graph: &Graph, authority: &Authority) -> Self {
        let mut words = Self::default();
        graph.settings.iter().for_each(|&at| words.hear(graph, authority, at));
        words
    }

    /// Takes in one operation; what isn't honoured says nothing.
    pub(super) fn hear(&mut self, graph: &Graph, authority: &Authority, at: At) {
        let node = &graph.nodes[at];
        let (Some(office), Body::SetPolicy { sets }) = (node.office, &node.signed.operation().body) else { return };
        if !authority.honoured[at] {
            return;
        }
        let order = |at: At| (graph.nodes[at].seq(), Reverse(graph.nodes[at].id()));
        for (key, _) in sets.iter().filter(|(_, value)| value.is_some() || holds(FoldRule::WordsAreWithdrawn)) {
            let best = self.0.entry((*key, office)).or_insert(at);
            if (order(at) > order(*best)) == holds(FoldRule::LatestWord) {
                *best = at;
            }
        }
    }

    /// Rule MB-Y2: of each office the latest honoured word; standing offices before ended ones, then the most senior;
    /// if none, the Genesis. Null withdraws an office's word.
    pub(super) fn policy(&self, graph: &Graph, authority: &Authority) -> Policy {
        let mut strongest: BTreeMap<SettingKey, ((bool, At), &Setting)> = BTreeMap::new();
        for (&(key, office), &at) in &self.0 {
            let Some(value) = value_of(graph, at, key) else { continue };
            let place = graph.offices[office].place;
            let place = if holds(FoldRule::SeniorWordsFirst) { place } else { graph.offices.len() - place };
            let rank = (!authority.stands(office) && holds(FoldRule::StandingWordsFirst), place);
            let best = strongest.entry(key).or_insert((rank, value));
            if rank < best.0 {
                *best = (rank, value);
            }
        }
        let mut values: BTreeMap<SettingKey, Setting> = BTreeMap::new();
        if let Body::Genesis { policy, .. } = &graph.nodes[0].signed.operation().body {
            values.extend(policy.iter().cloned());
        }
        values.extend(strongest.into_iter().map(|(key, (_, value))| (key, value.clone())));
        Policy::new(values)
    }
}

fn value_of(graph: &Graph, at: At, key: SettingKey) -> Option<&Setting> {
    let Body::SetPolicy { sets } = &graph.nodes[at].signed.operation().body else { return None };
    sets.iter().find(|(said, _)| *said == key).and_then(|(_, value)| value.as_ref())
}
