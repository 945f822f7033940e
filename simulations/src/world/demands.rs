//! What the story demands, looked at when its moment comes.

use coterie_protocol::{JoinRefusal, JoinState};

use super::World;
use crate::host::Running;
use crate::network::HostId;
use crate::scenario::{Expect, Predicate, When};

/// What is known of one demand so far.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Judgement {
    /// It held at some moment.
    held: bool,
    /// It was looked at when its moment had come.
    settled: bool,
}

/// Whether anything was written or told since demands were looked at.
#[derive(Clone, Copy, PartialEq, Eq)]
enum News {
    None,
    Some,
}

/// What a demand says of a message.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Sight {
    Seen,
    Unseen,
}

impl World {
    /// Looks at the demands whose moment it is.
    pub(super) fn look(&mut self) {
        let is_same = self.looked.replace(self.version) == Some(self.version);
        let news = if is_same { News::None } else { News::Some };
        let expects = std::mem::take(&mut self.scenario.expects);
        self.judgements.resize(expects.len(), Judgement::default());
        for (index, expect) in expects.iter().enumerate() {
            self.look_at(index, expect, news);
        }
        self.scenario.expects = expects;
    }

    fn look_at(&mut self, index: usize, expect: &Expect, news: News) {
        let now = self.story_us();
        let known = self.judgements.get(index).cloned().unwrap_or_default();
        let is_due = match expect.when {
            When::Always => news == News::Some,
            When::Some => news == News::Some && !known.held,
            When::At(at) | When::By(at) => now >= at && !known.settled,
            When::ByAfterHeal(after) => {
                now >= self.healed_us.saturating_sub(self.zero_us) + after && !known.settled && self.acts_left == 0
            }
            When::End => false,
        };
        if !is_due {
            return;
        }
        let reason = self.fails(&expect.predicate);
        let judgement = Judgement { held: known.held || reason.is_none(), settled: true };
        if let Some(slot) = self.judgements.get_mut(index) {
            *slot = judgement;
        }
        if let Some(reason) = reason.filter(|_| expect.when != When::Some) {
            self.demand_failed(expect, &reason);
        }
    }

    /// At the end: demands on the end, ones that had to hold from a moment on, and ones that never held.
    pub(super) fn judge_demands(&mut self) {
        if self.oracle.has_failed() {
            return;
        }
        let expects = std::mem::take(&mut self.scenario.expects);
        for (index, expect) in expects.iter().enumerate() {
            let held = self.judgements.get(index).is_some_and(|judgement| judgement.held);
            let reason = match expect.when {
                When::Some if held => None,
                When::End | When::By(_) | When::ByAfterHeal(_) | When::Always | When::Some => {
                    self.fails(&expect.predicate)
                }
                When::At(_) => None,
            };
            if let Some(reason) = reason {
                self.demand_failed(expect, &reason);
            }
        }
        self.scenario.expects = expects;
    }

    fn demand_failed(&mut self, expect: &Expect, reason: &str) {
        let text = format!("line {}: {}: {reason}", expect.line, self.scenario.expect_text(expect));
        self.oracle.violate("EXPECT", 0, self.now_us, text);
    }

    /// Why a predicate does not hold now.
    fn fails(&self, predicate: &Predicate) -> Option<String> {
        match predicate {
            Predicate::Converged(hosts) => {
                let hosts = hosts.clone().unwrap_or_else(|| self.living_members());
                self.disagreement_text(&hosts)
            }
            Predicate::Members { compare, count, on } => self.each(on.as_ref(), |world, id| {
                let seen = world.roster_size(id)?;
                (!compare.holds(seen, *count)).then(|| format!("{} sees {seen}", world.name(id)))
            }),
            Predicate::Roster { hosts, on } => {
                let mut keys: Vec<_> = hosts.iter().map(|&id| self.host(id).key).collect();
                keys.sort_unstable();
                self.each(on.as_ref(), |world, id| {
                    let gid = world.gid?;
                    let mut seen: Vec<_> = world.host(id).members(&gid).iter().map(|member| member.key).collect();
                    seen.sort_unstable();
                    (seen != keys).then(|| format!("{} sees {} members", world.name(id), seen.len()))
                })
            }
            Predicate::Seated(host) => self
                .role(*host)
                .is_none()
                .then(|| format!("{} is not seated ({})", self.name(*host), self.join_text(*host))),
            Predicate::Refused { host, reason } => self.not_refused(*host, reason.as_deref()),
            Predicate::Lost { compare, count } => {
                let lost = self.oracle.lost(&self.living_members());
                (!compare.holds(lost, *count)).then(|| format!("{lost} are lost"))
            }
            // The oracle stops a run at the first duplicate (INV-S2), so none is left to be counted.
            Predicate::Duplicates { compare, count } => (!compare.holds(0, *count)).then(|| "there is none".into()),
            Predicate::Outbox { compare, count, on } => self.each(on.as_ref(), |world, id| {
                let waiting = world.host(id).account()?.outbox(&world.gid?).len() as u64;
                (!compare.holds(waiting, *count)).then(|| format!("{waiting} wait on {}", world.name(id)))
            }),
            Predicate::Seen { label, on } => self.not_on(label, on, Sight::Seen),
            Predicate::Unseen { label, on } => self.not_on(label, on, Sight::Unseen),
            Predicate::Alarm { name, on } => {
                let hosts = on.clone().unwrap_or_else(|| (0..self.scenario.host_count()).collect());
                let missing = hosts.iter().find(|&&id| !self.oracle.has_alarm(id, name));
                let is_told = if on.is_some() {
                    missing.is_none()
                } else {
                    hosts.iter().any(|&id| self.oracle.has_alarm(id, name))
                };
                (!is_told).then(|| format!("no alarm {name}"))
            }
            Predicate::Latency { percentile, compare, time_us } => {
                let took = percentile_of(&self.oracle.latencies_us(), *percentile);
                (!compare.holds(took, *time_us)).then(|| format!("it was {} ms", took / 1_000))
            }
            Predicate::Mark { mark, compare, count } => {
                let met = self.oracle.marks().get(mark).copied().unwrap_or(0);
                (!compare.holds(met, *count)).then(|| format!("it was met {met} times"))
            }
            Predicate::Dials { compare, count } => {
                let most = self.oracle.dials_per_minute_max();
                (!compare.holds(most, *count)).then(|| format!("one host dialled {most} times in a minute"))
            }
        }
    }

    fn each(&self, on: Option<&Vec<HostId>>, fails: impl Fn(&Self, HostId) -> Option<String>) -> Option<String> {
        let hosts = on.cloned().unwrap_or_else(|| self.living_members());
        hosts.into_iter().filter(|&id| self.host(id).running == Running::Up).find_map(|id| fails(self, id))
    }

    fn roster_size(&self, id: HostId) -> Option<u64> {
        Some(self.host(id).members(&self.gid?).len() as u64)
    }

    fn not_on(&self, label: &str, on: &[HostId], wanted: Sight) -> Option<String> {
        let Some(entry) = self.messages.get(label) else { return Some(format!("{label} was never sealed")) };
        let odd = on.iter().find(|&&id| self.oracle.shows(id, entry) != (wanted == Sight::Seen));
        odd.map(|&id| format!("{} {} it", self.name(id), if wanted == Sight::Seen { "does not show" } else { "shows" }))
    }

    fn join_text(&self, id: HostId) -> String {
        let joins = self.host(id).account().map(coterie_protocol::Account::joins).unwrap_or_default();
        joins.last().map_or_else(|| "no join".into(), |join| format!("{:?} {:?}", join.state, join.refused))
    }

    fn not_refused(&self, id: HostId, reason: Option<&str>) -> Option<String> {
        let joins = self.host(id).account().map(coterie_protocol::Account::joins).unwrap_or_default();
        let Some(join) = joins.last() else { return Some(format!("{} has no join", self.name(id))) };
        let code = join.refused.as_ref().map(reason_code);
        let is_it = join.state == JoinState::Refused && reason.is_none_or(|reason| code == Some(reason));
        (!is_it).then(|| format!("{}: {:?}, {code:?}", self.name(id), join.state))
    }
}

const fn reason_code(refusal: &JoinRefusal) -> &'static str {
    match refusal {
        JoinRefusal::Used => "link_used",
        JoinRefusal::Withdrawn => "link_revoked",
        JoinRefusal::Expired => "link_expired",
        JoinRefusal::InviterGone => "inviter_gone",
        JoinRefusal::Banned => "banned",
        JoinRefusal::Full => "group_full",
        JoinRefusal::SeatLost => "seat_lost",
        JoinRefusal::AlreadyMember => "already_member",
        JoinRefusal::Rejected(_) => "rejected",
    }
}

/// A percentile of sorted values; 100 is the largest.
#[must_use]
pub fn percentile_of(sorted: &[u64], percentile: u8) -> u64 {
    let last = sorted.len().saturating_sub(1);
    sorted.get(last * usize::from(percentile.min(100)) / 100).copied().unwrap_or(0)
}
