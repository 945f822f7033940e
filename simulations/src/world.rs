//! A little universe: a queue of events, a clock that only they move, and machines that know nothing of it.
//!
//! A step takes one event, gives it to one machine, carries out what follows, and tells the oracle. Nothing else
//! happens, and nothing here looks at a real clock, so a seed fixes a whole run (SIM-01, SIM-10). Safety is watched at
//! every step; when the story is over all faults end, and within a bound everybody must agree (SIM-30).

mod actions;
mod agenda;
mod census;
mod demands;
mod ending;
mod faults;
mod streams;
mod wishes;

pub use census::Census;
pub use demands::percentile_of;
pub use ending::{Outcome, Stage, Verdict};
pub use wishes::CANARY;

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use coterie_protocol::testing::{Checking, check_signatures};
use coterie_protocol::{EntryId, Event, GroupId, Image, Input, InviteId, LinkAction};
use rand_chacha::ChaCha8Rng;
use rand_core::Rng;

use crate::chance::stream;
use crate::host::{Host, Running, Work};
use crate::network::{HostId, Network, Quality, Turn};
use crate::oracle::{Mark, Oracle};
use crate::scenario::{Habit, Scenario, Tie};
use crate::trace::{Keep, Trace};

/// Something that will happen.
enum Happening {
    /// A frame reaches the end of its way.
    Arrive { stream: u64, side: usize, bytes: Bytes },
    /// A stream's end reaches the other side.
    Fin { stream: u64, side: usize },
    /// Somebody answers a dial, or nobody.
    DialEnds(streams::DialTry),
    /// A disk has finished a commit.
    Release { host: HostId, life: u64 },
    /// A core wanted to be woken.
    Wake { host: HostId, life: u64, at: u64 },
    /// A path has been silent for so long that both ends give its streams up.
    Notice { a: HostId, b: HostId, epoch: u32 },
    /// The next thing of the story.
    Act { index: usize, round: u32 },
    /// A path goes down or comes back for one reason.
    Path { from: HostId, to: HostId, reason: u32, turn: Turn },
    /// A machine comes back by itself.
    Back { host: HostId, life: u64 },
    /// Predicates that hang on a moment are looked at.
    Look,
}

/// How a run is carried out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// Which lines are kept.
    pub keep: Keep,
    /// Whether each signature is checked once only (SIM-20).
    pub memo: Memo,
}

/// Whether each signature is checked once only.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Memo {
    /// Once in a process.
    #[default]
    On,
    /// Each time.
    Off,
}

/// The universe of one run.
pub struct World {
    /// The story.
    pub scenario: Scenario,
    /// All that happened.
    pub trace: Trace,
    /// Who knows better.
    pub oracle: Oracle,
    now_us: u64,
    /// Moment 0 of the story: before it people were seated.
    zero_us: u64,
    agenda: agenda::Agenda<Happening>,
    ties: ChaCha8Rng,
    hosts: Vec<Host>,
    net: Network,
    epochs: BTreeMap<(HostId, HostId), u32>,
    gid: Option<GroupId>,
    links: BTreeMap<String, String>,
    invites: BTreeMap<String, InviteId>,
    messages: BTreeMap<String, EntryId>,
    queued_labels: BTreeMap<(HostId, u64), String>,
    images: BTreeMap<String, Image>,
    habits: BTreeMap<HostId, Habit>,
    /// Machines whose disk lost something by itself.
    rotten: BTreeSet<HostId>,
    /// Machines that may have earned a mark: a disk that was full, a clock that jumped.
    tried: BTreeSet<(HostId, Mark)>,
    recorded: Vec<(u64, Bytes)>,
    /// Machines whose step is being carried out: what comes in meanwhile waits until all of it has happened.
    releasing: BTreeSet<HostId>,
    events: u64,
    /// When the last fault that stood against full connectivity ended.
    healed_us: u64,
    acts_left: usize,
    /// Counts up whenever something was written or told: until then nobody can agree more or less than before.
    version: u64,
    /// For which version demands were looked at.
    looked: Option<u64>,
    agreed: Option<(u64, bool)>,
    judgements: Vec<demands::Judgement>,
    /// When how many of how many members saw the same roster; kept only for who looks at the run afterwards.
    census: Vec<Census>,
    is_looked_at: bool,
    phase: Phase,
}

/// What is demanded now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// People take their seats over a perfect network.
    Seating,
    /// The story: safety only.
    Story,
    /// Faults are over: everybody must come to agree.
    Healed,
}

impl World {
    /// A universe for a story; machines are off and nobody is seated yet.
    #[must_use]
    pub fn new(scenario: Scenario, options: Options) -> Self {
        check_signatures(if options.memo == Memo::On { Checking::Once } else { Checking::Always });
        let seed = scenario.seed;
        let hosts: Vec<Host> = (0..scenario.host_count()).map(|id| Host::new(seed, id)).collect();
        let perfect = Quality { latency_us: 5_000, ..Quality::default() };
        let oracle = Oracle::new(hosts.iter().map(|host| host.key));
        Self {
            trace: Trace::new(options.keep),
            oracle,
            now_us: 0,
            zero_us: 0,
            agenda: agenda::Agenda::default(),
            ties: stream(seed, "ties", 0),
            hosts,
            net: Network::new(seed, perfect),
            epochs: BTreeMap::new(),
            gid: None,
            links: BTreeMap::new(),
            invites: BTreeMap::new(),
            messages: BTreeMap::new(),
            queued_labels: BTreeMap::new(),
            images: BTreeMap::new(),
            habits: BTreeMap::new(),
            rotten: BTreeSet::new(),
            tried: BTreeSet::new(),
            recorded: Vec::new(),
            releasing: BTreeSet::new(),
            events: 0,
            healed_us: 0,
            acts_left: 0,
            version: 0,
            looked: None,
            agreed: None,
            judgements: Vec::new(),
            census: Vec::new(),
            is_looked_at: options.keep == Keep::All,
            phase: Phase::Seating,
            scenario,
        }
    }

    /// Time of the story, µs; 0 while people are being seated.
    #[must_use]
    pub const fn story_us(&self) -> u64 {
        self.now_us.saturating_sub(self.zero_us)
    }

    /// Events so far.
    #[must_use]
    pub const fn events(&self) -> u64 {
        self.events
    }

    /// All machines.
    #[must_use]
    pub fn hosts(&self) -> &[Host] {
        &self.hosts
    }

    /// The group of the story.
    #[must_use]
    pub const fn gid(&self) -> Option<GroupId> {
        self.gid
    }

    fn host(&self, id: HostId) -> &Host {
        &self.hosts[usize::from(id)]
    }

    fn host_mut(&mut self, id: HostId) -> &mut Host {
        &mut self.hosts[usize::from(id)]
    }

    fn schedule(&mut self, at_us: u64, happening: Happening) {
        let tie = match (self.scenario.tie, self.phase) {
            (Tie::Shuffle, Phase::Story | Phase::Healed) => self.ties.next_u64(),
            (Tie::Fifo, _) | (Tie::Shuffle, Phase::Seating) => 0,
        };
        self.agenda.put(at_us.max(self.now_us), tie, happening);
    }

    /// The next event, if one is due by then.
    fn step(&mut self, until_us: u64) -> bool {
        let Some((at, happening)) = self.agenda.take(until_us) else { return false };
        self.now_us = at;
        self.events += 1;
        self.happen(happening);
        true
    }

    fn happen(&mut self, happening: Happening) {
        match happening {
            Happening::Arrive { stream, side, bytes } => self.on_arrive(stream, side, bytes),
            Happening::Fin { stream, side } => self.on_fin(stream, side),
            Happening::DialEnds(dial) => self.on_dial_ends(dial),
            Happening::Release { host, life } => self.on_release(host, life),
            Happening::Wake { host, life, at } => self.on_wake(host, life, at),
            Happening::Notice { a, b, epoch } => self.on_notice(a, b, epoch),
            Happening::Act { index, round } => self.on_act(index, round),
            Happening::Path { from, to, reason, turn } => self.on_path(from, to, reason, turn),
            Happening::Back { host, life } => {
                if self.host(host).life == life {
                    self.bring_back(host);
                }
            }
            Happening::Look => {}
        }
    }

    // ---- a machine's turn -------------------------------------------------------------------------------------------

    /// Gives a machine something and lets it work.
    fn give(&mut self, host: HostId, input: Input) {
        self.host_mut(host).give(input);
        self.turn(host);
    }

    fn turn(&mut self, host: HostId) {
        if self.releasing.contains(&host) {
            return;
        }
        let now = self.now_us;
        match self.host_mut(host).work(now) {
            Work::Idle => {}
            Work::Until(at) if at == now => {
                let life = self.host(host).life;
                self.on_release(host, life);
            }
            Work::Until(at) => {
                let life = self.host(host).life;
                self.schedule(at, Happening::Release { host, life });
            }
            Work::Died(error, done) => {
                for transmit in &done.transmits {
                    self.send(host, transmit);
                }
                self.on_died(host, &error);
            }
            Work::Panicked(text) => {
                self.oracle.violate("INV-S9", host, self.now_us, format!("panic: {text}"));
                self.crash(host);
            }
        }
        self.plan_wake(host);
    }

    fn plan_wake(&mut self, id: HostId) {
        let now = self.now_us;
        let host = self.host_mut(id);
        // While the disk works nothing can be done; the end of the commit looks again.
        let is_able = host.running == Running::Up && !host.is_writing();
        let Some(at) = host.deadline_us().filter(|_| is_able) else { return };
        let at = at.max(now);
        if host.wake_us.is_some_and(|planned| planned <= at && planned >= now) {
            return;
        }
        host.wake_us = Some(at);
        let life = host.life;
        self.schedule(at, Happening::Wake { host: id, life, at });
    }

    fn on_wake(&mut self, id: HostId, life: u64, at: u64) {
        let host = self.host_mut(id);
        if host.life != life || host.wake_us != Some(at) || host.running != Running::Up {
            return;
        }
        host.wake_us = None;
        if host.is_writing() {
            return;
        }
        // An earlier turn may have moved the deadline; waking too early would be a turn for nothing.
        if host.deadline_us().is_some_and(|deadline| deadline <= at) {
            self.spin(id, at);
            self.give(id, Input::Deadline);
        } else {
            self.plan_wake(id);
        }
    }

    /// Rule INV-S9: a core that asks to be woken at once again and again makes no time pass.
    fn spin(&mut self, id: HostId, at: u64) {
        if self.oracle.count_wake(id, at) {
            self.oracle.violate("INV-S9", id, at, "woken 10,000 times at one moment".into());
            self.crash(id);
        }
    }

    fn on_release(&mut self, id: HostId, life: u64) {
        if self.host(id).life != life || self.host(id).running == Running::Down {
            return;
        }
        if self.host(id).running == Running::Paused {
            // A suspended machine goes on where it stopped.
            return self.schedule(self.now_us + 1_000_000, Happening::Release { host: id, life });
        }
        let Some(done) = self.host_mut(id).release() else { return };
        self.releasing.insert(id);
        let now = self.now_us;
        self.version += u64::from(!done.changes.is_empty() || !done.events.is_empty());
        if self.oracle.was_lied_to(id) {
            let linked = |other: &HostId| *other != id && !self.net.between(id, *other).is_empty();
            let beside = (0..self.scenario.host_count()).filter(linked).map(|other| self.host(other).key).collect();
            self.oracle.note_neighbours(id, beside);
        }
        self.oracle.on_changes(id, now, &done.changes);
        if !done.changes.is_empty() {
            let (count, at) = (done.changes.len(), self.story_us());
            self.trace.note(at, "commit", (Some(id), None), format_args!("{count} changes"));
        }
        for (purpose, answer) in done.answers {
            self.on_answer(id, purpose, answer);
        }
        let mut bytes_out = 0;
        for transmit in &done.transmits {
            bytes_out += self.send(id, transmit);
        }
        if let Some(text) = crate::oracle::excessive(done.bytes_in, bytes_out) {
            self.oracle.violate("INV-S9", id, now, text);
        }
        for action in done.links {
            self.on_link_action(id, action);
        }
        for event in done.events {
            let at = self.story_us();
            if let Some(what) = crate::report::event_text(&event) {
                self.trace.note(at, "event", (Some(id), None), format_args!("{what}"));
            }
            if matches!(event, Event::Join { .. }) {
                self.oracle.on_paths(self.net.down().len());
            }
            self.oracle.on_event(id, now, at, &event, &self.hosts);
        }
        self.releasing.remove(&id);
        self.turn(id);
    }

    fn on_link_action(&mut self, id: HostId, action: LinkAction) {
        match action {
            LinkAction::Dial { peer, channel, addresses, .. } => self.dial(id, peer, channel, &addresses),
            LinkAction::HangUp { link, block_ms } => self.hang_up(id, link.0, block_ms),
            LinkAction::Classes(table) => self.host_mut(id).classes = table.into_iter().collect(),
        }
    }
}
