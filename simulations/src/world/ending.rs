//! A run from first to last: people take their seats, the story, the healing, and what is true at the end.

use coterie_protocol::{Command, GroupState};

use super::{Happening, Phase, World};
use crate::host::{Purpose, Running};
use crate::network::{HostId, Quality};
use crate::oracle::{Accord, Mark, Violation};
use crate::scenario::{Habit, Scenario, When};

/// Seating a full group over a perfect network takes less than this, µs.
const SEATING_US: u64 = 1_800_000_000;
/// Between two newcomers while seating, µs.
const SEATING_STEP_US: u64 = 200_000;
/// How often it is asked whether everybody agrees, µs.
const LOOK_US: u64 = 250_000;
/// After everybody agrees for the first time they must still agree this much later, µs.
const STAY_US: u64 = 35_000_000;

/// How a run ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Everything that must hold held.
    Good,
    /// The first invariant or demand that did not.
    Failed(Violation),
}

/// How far a run is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Everybody sits: the story begins.
    Seated,
    /// The last act is over: faults end.
    Told,
}

/// A run's result.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// Good or not.
    pub verdict: Verdict,
    /// The trace hash.
    pub hash: String,
    /// Events.
    pub events: u64,
    /// Simulated time, µs, from time 0 to the end.
    pub time_us: u64,
    /// When the last fault that stood against full connectivity ended, µs of the story.
    pub healed_us: u64,
    /// From then until every message was everywhere, µs.
    pub t_msg_us: Option<u64>,
    /// From then until all rosters were equal for good, µs.
    pub t_members_us: Option<u64>,
    /// How often each invariant was looked at.
    pub checks: std::collections::BTreeMap<&'static str, u64>,
    /// What the run met.
    pub marks: std::collections::BTreeMap<Mark, u64>,
    /// Messages said, and how long each took to its last reader, µs.
    pub latencies_us: Vec<u64>,
    /// Frames sent, and their bytes.
    pub traffic: (u64, u64),
    /// Faults that were injected, by word.
    pub faults: std::collections::BTreeMap<String, u64>,
}

impl World {
    /// The whole run.
    pub fn run(&mut self) -> Outcome {
        self.run_watched(&mut |_, _| {})
    }

    /// The whole run; `watch` is told when people sit and when the last act is over, with the events so far.
    pub fn run_watched(&mut self, watch: &mut dyn FnMut(Stage, u64)) -> Outcome {
        if self.seat_everyone() {
            watch(Stage::Seated, self.events);
            self.tell_story();
            watch(Stage::Told, self.events);
            self.come_to_rest();
        }
        self.judge_demands();
        self.outcome()
    }

    fn is_over(&self) -> bool {
        self.oracle.has_failed()
    }

    // ---- seating ----------------------------------------------------------------------------------------------------

    fn seat_everyone(&mut self) -> bool {
        let settings = self.scenario.group.clone();
        for id in 0..self.scenario.host_count() {
            self.boot(id);
        }
        let create = Command::CreateGroup { name: settings.name.clone(), about: String::new(), recovery: None };
        self.wish(settings.founder, create, Purpose::Found);
        self.pass(1_000_000);
        let others: Vec<HostId> = settings.members.iter().copied().filter(|&id| id != settings.founder).collect();
        if let Ok(uses @ 1..) = u8::try_from(others.len()) {
            self.invite(settings.founder, uses, 86_400_000, "seating".into());
            self.pass(1_000_000);
        }
        for id in others {
            self.join(id, "seating", None);
            self.pass(SEATING_STEP_US);
        }
        let promote: Vec<HostId> = settings.admins.iter().copied().filter(|&id| id != settings.founder).collect();
        let is_seated = self.pass_until(SEATING_US, |world| world.all_agree(&settings.members));
        for whom in promote {
            let act = crate::scenario::Act::Promote { who: crate::scenario::Who::Hosts(vec![settings.founder]), whom };
            self.on_wish(&act, 0);
            self.pass(1_000_000);
        }
        let is_seated = is_seated && self.pass_until(SEATING_US, |world| world.all_agree(&settings.members));
        if !is_seated && !self.is_over() {
            let text = format!("people could not take their seats: {}", self.disagreement(&settings.members));
            self.oracle.violate("INV-L4", settings.founder, self.now_us, text);
        }
        is_seated && !self.is_over()
    }

    /// Lets time pass.
    fn pass(&mut self, us: u64) {
        let until = self.now_us + us;
        while !self.is_over() && self.step(until) {}
        self.now_us = until;
    }

    /// Lets time pass until something holds; says whether it came to hold.
    fn pass_until(&mut self, patience_us: u64, mut holds: impl FnMut(&mut Self) -> bool) -> bool {
        let until = self.now_us + patience_us;
        while self.now_us < until && !self.is_over() {
            if holds(self) {
                return true;
            }
            self.pass(LOOK_US);
        }
        holds(self)
    }

    // ---- the story --------------------------------------------------------------------------------------------------

    fn tell_story(&mut self) {
        self.zero_us = self.now_us;
        self.healed_us = self.now_us;
        self.phase = Phase::Story;
        self.net.set_base(Quality::default());
        for setting in self.scenario.links.clone() {
            self.set_link(&setting);
        }
        for setting in self.scenario.hosts.clone() {
            for id in setting.hosts {
                let host = self.host_mut(id);
                host.sync_us = setting.sync_us.unwrap_or(host.sync_us);
                host.offset_ms += setting.offset_ms.unwrap_or(0);
                host.drift_ppm = setting.drift_ppm.unwrap_or(host.drift_ppm);
            }
        }
        self.oracle.begin(self.now_us);
        self.schedule_story();
        for at in self.moments() {
            self.schedule(self.zero_us + at, Happening::Look);
        }
        let until = self.zero_us + self.scenario.limit.time_us;
        let mut next_look = 0;
        while self.acts_left > 0 && self.events < self.scenario.limit.events && !self.is_over() {
            if !self.step(until) {
                break;
            }
            self.look();
            if self.now_us >= next_look {
                next_look = self.now_us + 4 * LOOK_US;
                self.everybody_agrees();
            }
        }
    }

    /// Moments that demands hang on.
    fn moments(&self) -> Vec<u64> {
        let at = |when: &When| match when {
            When::At(at) | When::By(at) => Some(*at),
            When::Always | When::End | When::ByAfterHeal(_) | When::Some => None,
        };
        self.scenario.expects.iter().filter_map(|expect| at(&expect.when)).collect()
    }

    // ---- the healing ------------------------------------------------------------------------------------------------

    /// Rule SIM-30: faults end, honest machines come back, nobody wants anything any more.
    fn come_to_rest(&mut self) {
        if self.is_over() {
            return;
        }
        self.let_the_story_settle();
        self.phase = Phase::Healed;
        self.oracle.heal();
        let was_down = !self.net.down().is_empty();
        self.heal_network();
        for id in 0..self.scenario.host_count() {
            self.order_disk(id, crate::scenario::DiskOrder::Ok);
            if self.host(id).running != Running::Up {
                self.bring_back(id);
            }
        }
        for id in 0..self.scenario.host_count() {
            if self.host(id).has_moved() {
                self.sight(id);
            }
        }
        if was_down {
            self.healed_us = self.now_us;
        }
        let patience = self.scenario.limit.quiesce_us;
        let agreed = self.pass_until(patience, |world| {
            world.answer_questions();
            world.everybody_agrees()
        });
        self.pass(STAY_US);
        let still = agreed && self.pass_until(patience, |world| world.everybody_agrees());
        let is_judged = self.is_liveness_judged();
        if !still && is_judged && !self.is_over() {
            let hosts = self.living_members();
            let text = format!("no agreement within {} s: {}", patience / 1_000_000, self.disagreement(&hosts));
            self.oracle.violate("INV-L1", hosts.first().copied().unwrap_or(0), self.now_us, text);
        }
        self.oracle.at_rest(&self.hosts, self.now_us);
    }

    /// Demands of the form `by …` may lie behind the last act: time goes on until they are due.
    fn let_the_story_settle(&mut self) {
        let zero = self.zero_us;
        let due = |when: &When| match when {
            When::At(at) | When::By(at) => zero + at,
            When::ByAfterHeal(after) => self.healed_us + after,
            When::Always | When::End | When::Some => 0,
        };
        let last = self.scenario.expects.iter().map(|expect| due(&expect.when)).max().unwrap_or(0);
        while self.now_us < last && !self.is_over() && self.step(last) {
            self.look();
        }
        self.now_us = self.now_us.max(last);
        self.look();
    }

    /// Rule SIM-31: with too many hosts that are not honest only safety counts.
    fn is_liveness_judged(&self) -> bool {
        let bad = self.habits.values().filter(|habit| **habit != Habit::Honest).count();
        let is_founder_bad = self.habits.get(&self.scenario.group.founder).is_some_and(|habit| *habit != Habit::Honest);
        !is_founder_bad && bad <= usize::from(self.scenario.nodes.saturating_sub(1)) / 3
    }

    /// Honest, running, and a member by its own view.
    #[must_use]
    pub fn living_members(&self) -> Vec<HostId> {
        (0..self.scenario.host_count()).filter(|&id| self.is_living_member(id)).collect()
    }

    fn is_living_member(&self, id: HostId) -> bool {
        let is_honest = self.habits.get(&id).is_none_or(|habit| *habit == Habit::Honest);
        let view = self.gid.and_then(|gid| self.host(id).group(&gid));
        let is_in = view.is_some_and(|group| matches!(group.state, GroupState::Member | GroupState::Frozen));
        is_honest && is_in && self.host(id).running == Running::Up && !self.oracle.is_twin(id)
    }

    fn everybody_agrees(&mut self) -> bool {
        self.take_census();
        if let Some((version, agree)) = self.agreed
            && version == self.version
        {
            return agree;
        }
        let hosts = self.living_members();
        let agree = self.all_agree(&hosts);
        let accord = match (agree, self.disagreement_of_rosters(&hosts)) {
            (true, _) => Accord::All,
            (false, None) => Accord::Rosters,
            (false, Some(_)) => Accord::None,
        };
        self.oracle.note_agreement(self.now_us, accord);
        self.agreed = Some((self.version, agree));
        agree
    }

    /// Rules INV-L1, INV-L2: equal rosters, states and messages, and nothing waits.
    pub(super) fn all_agree(&self, hosts: &[HostId]) -> bool {
        self.disagreement_text(hosts).is_none()
    }

    fn disagreement(&self, hosts: &[HostId]) -> String {
        self.disagreement_text(hosts).unwrap_or_else(|| "they agree now".into())
    }

    pub(super) fn disagreement_text(&self, hosts: &[HostId]) -> Option<String> {
        self.disagreement_of_rosters(hosts)
            .or_else(|| self.oracle.missing_message(&self.hosts, hosts, &self.scenario))
            .or_else(|| self.full_outbox(hosts))
    }

    fn disagreement_of_rosters(&self, hosts: &[HostId]) -> Option<String> {
        let gid = self.gid?;
        let view = |id: HostId| self.host(id).group(&gid);
        let Some(first) = hosts.first().copied() else { return Some("nobody is left".into()) };
        let Some(expected) = view(first) else { return Some(format!("{} has no group", self.name(first))) };
        for &id in hosts {
            let Some(group) = view(id) else { return Some(format!("{} has no group", self.name(id))) };
            if (group.state_hash, group.occupied, group.state)
                != (expected.state_hash, expected.occupied, expected.state)
            {
                return Some(format!(
                    "{} sees {} members ({} ops, {:?}), {} sees {} ({} ops, {:?})",
                    self.name(first),
                    expected.occupied,
                    expected.operations,
                    expected.state,
                    self.name(id),
                    group.occupied,
                    group.operations,
                    group.state
                ));
            }
        }
        // Whom the others count in must count itself in: nobody is a member without knowing it. Who waits for an
        // organiser, as both do who came by a one-use link, knows.
        let waits = |id: HostId| view(id).is_some_and(|group| group.state == GroupState::Waiting);
        let members = self.host(first).members(&gid);
        let absent = members.iter().find(|member| {
            let host = self.hosts.iter().find(|host| host.key == member.key && !self.oracle.is_twin(host.id));
            host.is_some_and(|host| {
                host.running == Running::Up && self.is_honest(host.id) && !hosts.contains(&host.id) && !waits(host.id)
            })
        });
        absent
            .filter(|_| self.phase == Phase::Healed)
            .map(|member| format!("{} sits there and does not know it", member.name))
    }

    fn is_honest(&self, id: HostId) -> bool {
        self.habits.get(&id).is_none_or(|habit| *habit == Habit::Honest)
    }

    fn full_outbox(&self, hosts: &[HostId]) -> Option<String> {
        let gid = self.gid?;
        let waiting = |id: HostId| self.host(id).account().map_or(0, |account| account.outbox(&gid).len());
        let is_alone = hosts.len() < 2;
        hosts
            .iter()
            .find(|&&id| waiting(id) > 0 && !is_alone && !self.oracle.was_lied_to(id))
            .map(|&id| format!("{} texts wait in the outbox of {}", waiting(id), self.name(id)))
    }

    pub(super) fn name(&self, id: HostId) -> String {
        self.scenario.host_name(id)
    }

    fn outcome(&self) -> Outcome {
        let verdict = self.oracle.first_violation().map_or(Verdict::Good, Verdict::Failed);
        let healed = self.healed_us;
        Outcome {
            verdict,
            hash: self.trace.hash(),
            events: self.events,
            time_us: self.story_us(),
            healed_us: healed.saturating_sub(self.zero_us),
            t_msg_us: self.oracle.all_arrived_us(healed).map(|at| at.saturating_sub(healed)),
            t_members_us: self.oracle.rosters_equal_us().map(|at| at.saturating_sub(healed)),
            checks: self.oracle.checks(),
            marks: self.oracle.marks(),
            latencies_us: self.oracle.latencies_us(),
            traffic: self.oracle.traffic(),
            faults: fault_counts(&self.scenario),
        }
    }
}

fn fault_counts(scenario: &Scenario) -> std::collections::BTreeMap<String, u64> {
    let mut counts = std::collections::BTreeMap::new();
    for timed in &scenario.timed {
        *counts.entry(crate::report::act_word(&timed.act).to_owned()).or_default() += 1;
    }
    counts
}
