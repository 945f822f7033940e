//! With whom to be linked: with everybody in a small group, with a few chosen by luck in a large one (N-601 to N-605).
//!
//! Links cost the same whether anybody writes or not, so a large group must not be fully linked. Whom we choose is
//! drawn anew each time: nobody can compute itself into our view. Three things keep the graph in one piece. Whoever
//! has too few links dials; once in a while one member who may be cut off from us is tried, for ever, so that a healed
//! split is found; and a link is given up only between two who have plenty and know a way round it.

use alloc::collections::BTreeSet;
use alloc::vec::Vec;

use rand_core::CryptoRng;

use super::{Account, Step};
use crate::crypto::random;
use crate::effects::LinkAction;
use crate::ids::{MemberKey, Neighbour};
use crate::limits;
use crate::link::{ByeCode, bye};

impl Account {
    /// Dials whoever is missing in each group.
    pub(super) fn fill_views(&mut self, step: &mut Step<'_>) {
        let is_probing = self.reach.take_probe(step.now);
        let linked: BTreeSet<MemberKey> = self.links.group.values().map(|link| link.peer).collect();
        let all: Vec<u32> = self.groups.values().filter(|group| group.shares_links()).map(|group| group.g).collect();
        let mut has_large = false;
        for g in all {
            let members = self.members_of(g);
            let mut missing: Vec<MemberKey> = members.iter().filter(|key| !linked.contains(*key)).copied().collect();
            if members.len() <= limits::LINK_ALL_MAX {
                for peer in missing {
                    self.dial_person(step, peer);
                }
                continue;
            }
            has_large = true;
            shuffle(&mut missing, step.rng);
            if let Some(group) = self.groups.get(&g) {
                missing.sort_by_cached_key(|peer| !group.hears_of(peer, step.now));
            }
            self.fill(step, members.len().saturating_sub(missing.len()), &missing);
            if is_probing {
                self.probe(step, g, &missing);
            }
        }
        if has_large {
            self.reach.plan_probe(step.now, step.rng);
        }
    }

    fn members_of(&self, g: u32) -> BTreeSet<MemberKey> {
        let own = self.identity.public();
        let candidates = self.groups.get(&g).into_iter().flat_map(|group| group.membership().roster().candidates());
        candidates.map(|person| person.key).filter(|key| *key != own).collect()
    }

    /// By N-602, as many dials as links are missing, to whoever is heard of first. Whom ten dials did not reach is left
    /// to the probe (N-605): most of a large group may be offline for weeks.
    fn fill(&mut self, step: &mut Step<'_>, linked: usize, missing: &[MemberKey]) {
        let dialling = missing.iter().filter(|peer| self.reach.is_dialling(peer)).count();
        let mut room = limits::LINKS_WANTED.saturating_sub(linked.saturating_add(dialling));
        for peer in
            missing.iter().filter(|peer| self.reach.failures(peer) < limits::DIALS_BEFORE_PROBE).collect::<Vec<_>>()
        {
            if room == 0 {
                return;
            }
            room = room.saturating_sub(usize::from(self.dial_person(step, *peer)));
        }
    }

    /// Rule N-605: one member who is not heard of, or whose link broke, is tried. So a healed split is found.
    fn probe(&mut self, step: &mut Step<'_>, g: u32, missing: &[MemberKey]) {
        let Some(group) = self.groups.get(&g) else { return };
        let is_cut_off = |peer: &&MemberKey| self.reach.is_missed(peer) || !group.hears_of(peer, step.now);
        let is_ready = |peer: &&MemberKey| self.reach.is_ready(peer, step.now);
        let tried: Vec<MemberKey> = missing.iter().filter(is_cut_off).filter(is_ready).copied().collect();
        for peer in tried {
            if self.dial_person(step, peer) {
                return;
            }
        }
    }

    /// By N-602, a neighbour has just said with whom it is linked. If both have more than enough, and others in
    /// common, the link goes.
    pub(super) fn release_spare(&mut self, step: &mut Step<'_>, neighbour: Neighbour, g: u32) {
        if self.links.group.len() <= limits::LINKS_MAX || self.members_of(g).len() <= limits::LINK_ALL_MAX {
            return;
        }
        let is_spare = self.groups.get(&g).is_some_and(|group| group.is_spare(neighbour));
        let Some(held) = self.links.group.get(&neighbour.link).filter(|held| is_spare && held.is_for_one_group())
        else {
            return;
        };
        let peer = held.peer;
        step.effects.send(neighbour.link, &bye(ByeCode::Rebalance, &[]));
        step.effects.link(LinkAction::HangUp { link: neighbour.link, block_ms: 0 });
        self.on_disconnected(step, neighbour.link);
        self.reach.let_go(&peer);
    }
}

/// Every order is as likely as every other, nearly.
fn shuffle(all: &mut [MemberKey], rng: &mut dyn CryptoRng) {
    for last in (1..all.len()).rev() {
        let drawn = usize::from(u16::from_be_bytes(random(rng)));
        all.swap(last, drawn % last.saturating_add(1));
    }
}
