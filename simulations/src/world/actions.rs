//! The story, act by act.

use super::{Happening, Phase, World};
use crate::chance::{between, happens, shuffle, stream};
use crate::network::{HostId, Quality, Turn};
use crate::scenario::{Act, LinkSetting, Pace, Ways};

/// A queue that takes longer than this is left behind when the path heals.
const BACKLOG_US: u64 = 30_000_000;

impl World {
    /// Puts the whole story into the queue.
    pub(super) fn schedule_story(&mut self) {
        let zero = self.zero_us;
        let starts: Vec<(usize, u64)> =
            self.scenario.timed.iter().enumerate().map(|(index, timed)| (index, timed.at_us)).collect();
        for (index, at) in starts {
            self.acts_left += 1;
            self.schedule(zero + at, Happening::Act { index, round: 0 });
        }
    }

    pub(super) fn on_act(&mut self, index: usize, round: u32) {
        self.acts_left -= 1;
        let Some(timed) = self.scenario.timed.get(index) else { return };
        let (act, start) = (timed.act.clone(), self.zero_us + timed.at_us);
        if self.phase != Phase::Story {
            return;
        }
        if round == 0 {
            let at = self.story_us();
            self.trace.note(at, "act", (None, None), format_args!("{}", crate::report::act_text(&self.scenario, &act)));
        }
        if let Act::Say { pace: Pace { times, every_us, for_us }, .. } = &act {
            for number in 0..(*times).max(1) {
                self.on_wish(&act, round * (*times).max(1) + number);
            }
            let next = self.now_us + every_us;
            if *every_us > 0 && next < start + for_us {
                self.acts_left += 1;
                self.schedule(next, Happening::Act { index, round: round + 1 });
            }
            return;
        }
        self.carry_out(&act);
    }

    fn carry_out(&mut self, act: &Act) {
        match act {
            Act::Split(parts) => self.split(parts),
            Act::Isolate(hosts) => {
                let others = self.others(hosts);
                self.split(&[hosts.clone(), others]);
            }
            Act::Bridge { left, right, via } => {
                let without = |side: &[HostId]| side.iter().copied().filter(|host| host != via).collect::<Vec<_>>();
                self.split(&[without(left), without(right)]);
            }
            Act::Ring(hosts) => self.ring(hosts),
            Act::Graph { ppm } => self.graph(*ppm),
            Act::Cut { from, to, ways } => {
                let reason = self.net.reason();
                self.each_pair(from, to, *ways, |world, a, b| world.cut(a, b, reason));
            }
            Act::Heal(None) => self.heal_network(),
            Act::Heal(Some((a, b))) => {
                self.each_pair(a, b, Ways::Both, |world, a, b| {
                    if world.net.mend_all(a, b) {
                        world.path_is_back(a, b);
                    }
                });
            }
            Act::Flap { hosts, on_us, off_us, for_us } => self.flap(hosts, (*on_us, *off_us), *for_us),
            Act::Swizzle { hosts, for_us } => self.swizzle(hosts, *for_us),
            Act::Slow { hosts, rate } => {
                let all: Vec<HostId> = (0..self.scenario.host_count()).collect();
                self.each_pair(hosts, &all, Ways::Both, |world, a, b| {
                    world.net.set_quality(a, b, |quality| quality.rate = Some(*rate));
                });
            }
            Act::Link(setting) => self.set_link(setting),
            Act::Move(host) => self.move_host(*host),
            _ => self.handle_machine(act),
        }
    }

    fn handle_machine(&mut self, act: &Act) {
        match act {
            Act::Stop(hosts) => hosts.iter().for_each(|&host| self.stop(host)),
            Act::Kill { hosts, power } => hosts.iter().for_each(|&host| self.kill(host, *power)),
            Act::Restart(hosts) => hosts.iter().for_each(|&host| self.bring_back(host)),
            Act::Pause { hosts, for_us } => {
                for &host in hosts {
                    self.pause(host);
                    if let Some(us) = for_us {
                        let life = self.host(host).life;
                        self.schedule(self.now_us + us, Happening::Back { host, life });
                    }
                }
            }
            Act::Resume(hosts) => hosts.iter().for_each(|&host| self.resume(host)),
            Act::Crash { host, commit, point } => self.order_crash(*host, *commit, *point),
            Act::Snapshot { host, label } => {
                let image = self.host(*host).disk.snapshot();
                self.images.insert(label.clone(), image);
            }
            Act::Restore { host, label } => self.restore(*host, label),
            Act::Clone { host, to } => self.clone_host(*host, *to),
            Act::Wipe(host) => {
                self.crash(*host);
                self.oracle.on_wiped(*host);
                self.host_mut(*host).wipe();
                let key = self.host(*host).key;
                self.oracle.on_new_person(*host, key);
                self.boot(*host);
            }
            Act::Disk { hosts, order } => hosts.iter().for_each(|&host| self.order_disk(host, *order)),
            Act::Clock { hosts, turn } => hosts.iter().for_each(|&host| self.turn_clock(host, *turn)),
            Act::Behave { host, habit } => {
                self.habits.insert(*host, *habit);
                self.oracle.on_habit(*host, *habit);
            }
            Act::Dial { from, to, times } => (0..*times).for_each(|_| self.knock(*from, *to)),
            _ => self.on_wish(act, 0),
        }
    }

    fn restore(&mut self, host: HostId, label: &str) {
        let Some(image) = self.images.get(label).cloned() else {
            return self.trace.note(self.story_us(), "skipped", (Some(host), None), format_args!("no image {label}"));
        };
        self.crash(host);
        self.host(host).disk.put_back(&image);
        self.oracle.on_restored(host);
        // The vault lies beside the store and notices that its place has changed (ST-100).
        self.host_mut(host).renew_instance();
        self.bring_back(host);
    }

    fn clone_host(&mut self, from: HostId, to: HostId) {
        self.crash(to);
        let (low, high) = self.hosts.split_at_mut(usize::from(from.max(to)));
        let (Some(a), Some(b)) = (low.get_mut(usize::from(from.min(to))), high.first_mut()) else { return };
        let (from_host, to_host) = if from < to { (a, b) } else { (b, a) };
        to_host.become_copy_of(from_host);
        let key = to_host.key;
        self.oracle.on_cloned(from, to, key);
        self.bring_back(to);
    }

    fn others(&self, hosts: &[HostId]) -> Vec<HostId> {
        (0..self.scenario.host_count()).filter(|id| !hosts.contains(id)).collect()
    }

    fn each_pair(
        &mut self,
        from: &[HostId],
        to: &[HostId],
        ways: Ways,
        mut then: impl FnMut(&mut Self, HostId, HostId),
    ) {
        for &a in from {
            for &b in to {
                if a != b {
                    then(self, a, b);
                    if ways == Ways::Both {
                        then(self, b, a);
                    }
                }
            }
        }
    }

    fn split(&mut self, parts: &[Vec<HostId>]) {
        let reason = self.net.reason();
        for (index, part) in parts.iter().enumerate() {
            for other in parts.iter().skip(index + 1) {
                self.each_pair(part, other, Ways::Both, |world, a, b| world.cut(a, b, reason));
            }
        }
    }

    fn ring(&mut self, hosts: &[HostId]) {
        let reason = self.net.reason();
        let count = hosts.len();
        for (i, &a) in hosts.iter().enumerate() {
            for (j, &b) in hosts.iter().enumerate() {
                let apart = i.abs_diff(j);
                if i != j && apart != 1 && apart != count - 1 {
                    self.cut(a, b, reason);
                }
            }
        }
    }

    /// Each pair keeps its path by chance, but a ring always remains, so that everybody reaches everybody by others.
    fn graph(&mut self, ppm: u32) {
        let reason = self.net.reason();
        let mut rng = stream(self.scenario.seed, "graph", self.story_us());
        let count = self.scenario.host_count();
        for a in 0..count {
            for b in a + 1..count {
                let is_in_ring = b == a + 1 || (a == 0 && b == count - 1);
                if !is_in_ring && !happens(&mut rng, ppm) {
                    self.cut(a, b, reason);
                    self.cut(b, a, reason);
                }
            }
        }
    }

    fn flap(&mut self, hosts: &[HostId], (on_us, off_us): (u64, u64), for_us: u64) {
        let reason = self.net.reason();
        let others: Vec<HostId> = (0..self.scenario.host_count()).collect();
        let mut at = self.now_us;
        let end = at + for_us;
        while at < end {
            for turn in [Turn::Down, Turn::Up] {
                self.each_pair(hosts, &others, Ways::Both, |world, from, to| {
                    world.schedule(at, Happening::Path { from, to, reason, turn });
                });
                at = (at + if turn == Turn::Up { on_us.max(1_000) } else { off_us.max(1_000) }).min(end);
            }
        }
    }

    /// FoundationDB's swizzle: paths stop one after another and come back in another order.
    fn swizzle(&mut self, hosts: &[HostId], for_us: u64) {
        let mut rng = stream(self.scenario.seed, "swizzle", self.story_us());
        let reason = self.net.reason();
        let mut order = hosts.to_vec();
        for turn in [Turn::Down, Turn::Up] {
            shuffle(&mut rng, &mut order);
            let base = self.now_us + if turn == Turn::Up { for_us / 2 } else { 0 };
            for &host in &order {
                let at = base + between(&mut rng, 0, for_us / 2);
                let others = self.others(&[host]);
                self.each_pair(&[host], &others, Ways::Both, |world, from, to| {
                    world.schedule(at, Happening::Path { from, to, reason, turn });
                });
            }
        }
        // Whatever order was drawn, at the end every path is back.
        let others: Vec<HostId> = (0..self.scenario.host_count()).collect();
        let end = self.now_us + for_us + 1;
        self.each_pair(hosts, &others, Ways::Both, |world, from, to| {
            world.schedule(end, Happening::Path { from, to, reason, turn: Turn::Up });
        });
    }

    pub(super) fn set_link(&mut self, setting: &LinkSetting) {
        let quality: Quality = setting.quality;
        if setting.from.len() == usize::from(self.scenario.host_count()) && setting.to.len() == setting.from.len() {
            return self.net.set_base(quality);
        }
        self.each_pair(&setting.from, &setting.to, setting.ways, |world, a, b| {
            world.net.set_quality(a, b, |of_pair| *of_pair = quality);
        });
    }

    fn move_host(&mut self, id: HostId) {
        for stream in self.net.streams_of(id) {
            self.break_stream(stream);
        }
        let count = self.scenario.host_count();
        let host = self.host_mut(id);
        host.port += count;
        let addresses = Vec::from([host.address()]);
        self.give(id, coterie_protocol::Input::Listening { addresses });
        self.give(id, coterie_protocol::Input::NetworkChanged);
        self.sight(id);
    }

    /// As N-809 has it, a machine on another address is seen on the local network by those whom it reaches, and sees them.
    /// Lookup in public comes with its own rules; without either, two people who both lost the other's address could
    /// never meet again.
    pub(super) fn sight(&mut self, moved: HostId) {
        let reached = (0..self.scenario.host_count())
            .filter(|&other| other != moved && self.net.is_up_both(moved, other))
            .filter(|&other| self.host(other).running == crate::host::Running::Up);
        for other in reached.collect::<Vec<_>>() {
            for (here, there) in [(other, moved), (moved, other)] {
                let seen = self.host(there);
                let (peer, addresses) = (seen.key, Vec::from([seen.address()]));
                self.give(here, coterie_protocol::Input::Sighted { peer, addresses });
            }
        }
    }

    /// Every fault of the network ends.
    pub(super) fn heal_network(&mut self) {
        let base = self.net.base();
        let down = self.net.down();
        if !down.is_empty() {
            self.oracle.mark(crate::oracle::Mark::HealAfterSplit);
        }
        for (a, b) in down {
            if self.net.mend_all(a, b) {
                self.path_is_back(a, b);
            }
        }
        let count = self.scenario.host_count();
        for a in 0..count {
            for b in 0..count {
                self.net.set_quality(a, b, |quality| (quality.rate, quality.loss_ppm) = (base.rate, base.loss_ppm));
            }
        }
        for stream in self.net.drop_backlogs(self.now_us, BACKLOG_US) {
            self.break_stream(stream);
        }
    }
}
