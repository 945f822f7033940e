//! A seed becomes a story: who is there, what people do, and which faults are on.
//!
//! Swarm testing: each class of fault is on or off by a coin (Groce et al., ISSTA 2012: leaving features out at random
//! finds more than having all of them always). A plan is a scenario like any other; it can be printed, saved, edited
//! and replayed (SIM-40).

use rand_chacha::ChaCha8Rng;

use crate::chance::{MILLION, below, between, happens, log_uniform, pick, shuffle, stream};
use crate::network::{HostId, Quality};
use crate::scenario::{
    Act, ClockTurn, DiskOrder, Habit, LinkSetting, Moment, Pace, Power, Scenario, Tie, Timed, Ways, Who,
};

const SECOND: u64 = 1_000_000;

/// Which groups a campaign draws.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Size {
    /// 2 to 6 hosts: many lives a minute.
    Small,
    /// As the design says: 2 to 100.
    Any,
    /// So many.
    Of(u16),
}

/// A plan in the making.
struct Draft {
    rng: ChaCha8Rng,
    story: Scenario,
    length_us: u64,
    labels: u32,
    /// How many may still be dishonest, wiped or put back (SIM-31).
    victims: u16,
}

/// The story of a seed.
#[must_use]
pub fn draw(seed: u64, size: Size) -> Scenario {
    let mut rng = stream(seed, "plan", 0);
    let nodes = match size {
        Size::Small => u16::try_from(between(&mut rng, 2, 6)).unwrap_or(2),
        Size::Any => any_size(&mut rng),
        Size::Of(nodes) => nodes.max(2),
    };
    let mut story = Scenario::quiet(&format!("seed {seed}"), seed, nodes);
    let length_us = SECOND * if nodes > 20 { between(&mut rng, 30, 90) } else { between(&mut rng, 60, 240) };
    story.outsiders = u16::try_from(below(&mut rng, 3)).unwrap_or(0);
    if happens(&mut rng, MILLION / 2) {
        story.tie = Tie::Shuffle;
    }
    let victims = (nodes - 1) / 3;
    let mut draft = Draft { rng, story, length_us, labels: 0, victims };
    draft.people();
    if !happens(&mut draft.rng, MILLION / 10) {
        draft.faults();
    }
    let mut story = draft.story;
    story.timed.sort_by_key(|timed| timed.at_us);
    story
}

fn any_size(rng: &mut ChaCha8Rng) -> u16 {
    match below(rng, 100) {
        0..20 => 2,
        20..40 => 3,
        40..60 => 5,
        60..80 => 10,
        80..95 => 30,
        _ => 99,
    }
}

impl Draft {
    fn at(&mut self, at_us: u64, act: Act) {
        // Whole milliseconds, so that the printed plan is the plan.
        self.story.timed.push(Timed { at_us: at_us / 1_000 * 1_000, line: 0, act });
    }

    fn moment(&mut self) -> u64 {
        between(&mut self.rng, SECOND, self.length_us)
    }

    fn coin(&mut self, per_million: u32) -> bool {
        happens(&mut self.rng, per_million)
    }

    fn ms(&mut self, low_ms: u64, high_ms: u64) -> u64 {
        log_uniform(&mut self.rng, low_ms, high_ms) * 1_000
    }

    fn member(&mut self) -> HostId {
        u16::try_from(below(&mut self.rng, u64::from(self.story.nodes))).unwrap_or(0)
    }

    fn all(&self) -> Vec<HostId> {
        (0..self.story.host_count()).collect()
    }

    fn some(&mut self) -> Vec<HostId> {
        let mut hosts: Vec<HostId> = (0..self.story.nodes).collect();
        shuffle(&mut self.rng, &mut hosts);
        let count = between(&mut self.rng, 1, u64::from(self.story.nodes.div_ceil(2)));
        hosts.truncate(usize::try_from(count).unwrap_or(1));
        hosts.sort_unstable();
        hosts
    }

    // ---- what people do ---------------------------------------------------------------------------------------------

    fn people(&mut self) {
        for _ in 0..between(&mut self.rng, 1, 3) {
            let (who, at) = (Who::Hosts(self.some()), self.moment());
            let every_us = self.ms(2_000, 30_000);
            let for_us = self.length_us.saturating_sub(at).max(SECOND);
            let size = if self.coin(100_000) { Some(between(&mut self.rng, 100, 8_000)) } else { None };
            let pace = Pace { times: 1, every_us, for_us: for_us / 1_000 * 1_000 };
            self.at(at, Act::Say { who, text: None, pace, size, label: None });
        }
        if self.story.outsiders > 0 && self.coin(700_000) {
            self.newcomers();
        }
        if self.story.nodes > 2 && self.coin(500_000) {
            let (at, whom) = (self.moment(), between(&mut self.rng, 1, u64::from(self.story.nodes - 1)));
            let whom = u16::try_from(whom).unwrap_or(1);
            self.at(at, Act::Promote { who: Who::Hosts(vec![0]), whom });
            if self.coin(400_000) {
                let at = between(&mut self.rng, at, self.length_us);
                self.at(at, Act::Demote { who: Who::Hosts(vec![0]), whom });
            }
        }
        if self.story.nodes > 3 && self.coin(350_000) {
            let (at, whom) = (self.moment(), self.story.nodes - 1);
            let ban = self.coin(300_000);
            self.at(at, Act::Remove { who: Who::Hosts(vec![0]), whom, ban });
        }
        if self.story.nodes > 3 && self.coin(250_000) {
            let (at, who) = (self.moment(), self.story.nodes - 2);
            self.at(at, Act::Leave { who: Who::Hosts(vec![who]) });
        }
    }

    fn newcomers(&mut self) {
        let nodes = self.story.nodes;
        let outsiders: Vec<HostId> = (nodes..self.story.host_count()).collect();
        let mut invited_at = None;
        for host in outsiders {
            if let Some(invited_at) = invited_at.filter(|_| self.coin(400_000)) {
                // A link that somebody else was given too.
                let (at, via) = (invited_at + self.ms(1_000, 60_000), Some(self.member()));
                self.at(at, Act::Join { who: Who::Hosts(vec![host]), label: format!("L{}", self.labels), via });
                continue;
            }
            self.labels += 1;
            let (label, at) = (format!("L{}", self.labels), between(&mut self.rng, SECOND, self.length_us / 2));
            let uses = u8::try_from(between(&mut self.rng, 1, 3)).unwrap_or(1);
            let invite =
                Act::Invite { who: Who::Hosts(vec![0]), links: 1, uses, expires_us: None, label: Some(label.clone()) };
            self.at(at, invite);
            invited_at = Some(at);
            let join_at = at + self.ms(1_000, 60_000);
            self.at(join_at, Act::Join { who: Who::Hosts(vec![host]), label: label.clone(), via: None });
            if self.coin(150_000) {
                let at = at + self.ms(500, 60_000);
                self.at(at, Act::Revoke { who: Who::Hosts(vec![0]), label });
            }
        }
    }

    // ---- what goes wrong --------------------------------------------------------------------------------------------

    fn faults(&mut self) {
        self.weather();
        let classes: [fn(&mut Self); 14] = [
            Self::split,
            Self::cut,
            Self::flap,
            Self::swizzle,
            Self::shape,
            Self::slow,
            Self::kill,
            Self::crash,
            Self::pause,
            Self::clock,
            Self::disk,
            Self::moving,
            Self::strangers,
            Self::ill_will,
        ];
        for class in classes {
            if self.coin(MILLION / 2) {
                class(self);
            }
        }
        if self.victims > 0 && self.coin(150_000) {
            self.old_image();
        }
        if self.victims > 0 && self.coin(100_000) {
            self.damage();
        }
    }

    fn weather(&mut self) {
        let latency_us = self.ms(1, 400);
        let jitter_us = if self.coin(MILLION / 2) { self.ms(1, 200) } else { 0 };
        // From a tenth of a per cent to thirty per cent.
        let loss_ppm = if self.coin(MILLION / 2) {
            u32::try_from(log_uniform(&mut self.rng, 100, 30_000)).unwrap_or(0) * 10
        } else {
            0
        };
        let quality = Quality { latency_us, jitter_us, loss_ppm, ..Quality::default() };
        let all = self.all();
        self.story.links.push(LinkSetting { from: all.clone(), to: all, ways: Ways::Both, quality });
    }

    fn split(&mut self) {
        let mut hosts = self.all();
        shuffle(&mut self.rng, &mut hosts);
        if hosts.len() < 2 {
            return;
        }
        let middle = usize::try_from(between(&mut self.rng, 1, hosts.len() as u64 - 1)).unwrap_or(1);
        let mut right = hosts.split_off(middle);
        hosts.sort_unstable();
        right.sort_unstable();
        let at = self.moment();
        self.at(at, Act::Split(vec![hosts, right]));
        self.maybe_heal(at);
    }

    fn maybe_heal(&mut self, at: u64) {
        if self.coin(700_000) {
            let at = at + self.ms(100, 120_000);
            self.at(at, Act::Heal(None));
        }
    }

    fn cut(&mut self) {
        let (a, b, at) = (self.member(), self.member(), self.moment());
        let ways = if self.coin(MILLION / 2) { Ways::One } else { Ways::Both };
        if a != b {
            self.at(at, Act::Cut { from: vec![a], to: vec![b], ways });
        }
    }

    fn flap(&mut self) {
        let (hosts, at) = (self.some(), self.moment());
        let (on_us, off_us, for_us) = (self.ms(1_000, 10_000), self.ms(1_000, 10_000), self.ms(5_000, 60_000));
        self.at(at, Act::Flap { hosts, on_us, off_us, for_us });
    }

    fn swizzle(&mut self) {
        let (hosts, at, for_us) = (self.some(), self.moment(), self.ms(5_000, 60_000));
        self.at(at, Act::Swizzle { hosts, for_us });
    }

    fn shape(&mut self) {
        let at = self.moment();
        let act = if self.coin(MILLION / 2) { Act::Ring(self.all()) } else { Act::Graph { ppm: 300_000 } };
        self.at(at, act);
        self.maybe_heal(at);
    }

    fn slow(&mut self) {
        let (host, at) = (self.member(), self.moment());
        let rate = log_uniform(&mut self.rng, 1_000, 100_000);
        self.at(at, Act::Slow { hosts: vec![host], rate });
        if self.coin(200_000) {
            // More than such a path can take.
            let pace = Pace { times: 2, every_us: SECOND, for_us: 30 * SECOND };
            let who = Who::Hosts(vec![self.member()]);
            self.at(at, Act::Say { who, text: None, pace, size: Some(8_000), label: None });
        }
    }

    fn kill(&mut self) {
        for _ in 0..between(&mut self.rng, 1, 3) {
            let (host, at) = (self.member(), self.moment());
            let power = if self.coin(MILLION / 2) { Power::Cut } else { Power::Stays };
            let act = if self.coin(250_000) { Act::Stop(vec![host]) } else { Act::Kill { hosts: vec![host], power } };
            self.at(at, act);
            if self.coin(700_000) {
                let at = at + self.ms(100, 60_000);
                self.at(at, Act::Restart(vec![host]));
            }
        }
    }

    fn crash(&mut self) {
        let (host, at) = (self.member(), self.moment());
        let commit = log_uniform(&mut self.rng, 1, 60);
        let point =
            pick(&mut self.rng, &[Moment::Before, Moment::During, Moment::After]).copied().unwrap_or(Moment::After);
        self.at(at, Act::Crash { host, commit, point });
        let back = at + self.ms(1_000, 90_000);
        self.at(back, Act::Restart(vec![host]));
    }

    fn pause(&mut self) {
        let (host, at, for_us) = (self.member(), self.moment(), self.ms(1_000, 300_000));
        self.at(at, Act::Pause { hosts: vec![host], for_us: Some(for_us) });
    }

    fn clock(&mut self) {
        let (host, at) = (self.member(), self.moment());
        let ms = i64::try_from(log_uniform(&mut self.rng, 1_000, 100_000_000_000) / 1_000 * 1_000).unwrap_or(0);
        let turn = match below(&mut self.rng, 4) {
            0 => ClockTurn::By(ms),
            1 => ClockTurn::By(-ms),
            2 => ClockTurn::Drift(i64::try_from(below(&mut self.rng, 400)).unwrap_or(0) - 200),
            _ => ClockTurn::Set(0),
        };
        self.at(at, Act::Clock { hosts: vec![host], turn });
    }

    fn disk(&mut self) {
        let (host, at) = (self.member(), self.moment());
        let order = match below(&mut self.rng, 3) {
            0 => DiskOrder::Full,
            1 => DiskOrder::FailSync,
            _ => DiskOrder::Slow(self.ms(1, 500)),
        };
        self.at(at, Act::Disk { hosts: vec![host], order });
        let back = at + self.ms(1_000, 60_000);
        self.at(back, Act::Disk { hosts: vec![host], order: DiskOrder::Ok });
    }

    fn moving(&mut self) {
        let (host, at) = (self.member(), self.moment());
        self.at(at, Act::Move(host));
    }

    fn strangers(&mut self) {
        if self.story.outsiders > 0 {
            let (from, to, at) = (self.story.nodes, self.member(), self.moment());
            let times = u32::try_from(between(&mut self.rng, 1, 40)).unwrap_or(1);
            self.at(at, Act::Dial { from, to, times });
        }
    }

    fn ill_will(&mut self) {
        if self.victims == 0 || !self.coin(400_000) {
            return;
        }
        self.victims -= 1;
        let habits = [Habit::Mutate, Habit::Replay, Habit::Withhold, Habit::Flood, Habit::Garbage, Habit::Censor];
        let habit = pick(&mut self.rng, &habits).copied().unwrap_or(Habit::Mutate);
        // Never the founder: with a dishonest founder only safety could be judged.
        let host = u16::try_from(between(&mut self.rng, 1, u64::from(self.story.nodes - 1))).unwrap_or(1);
        let at = self.moment();
        self.at(at, Act::Behave { host, habit });
    }

    fn old_image(&mut self) {
        self.victims -= 1;
        let host = u16::try_from(between(&mut self.rng, 1, u64::from(self.story.nodes - 1))).unwrap_or(1);
        let (at, label) = (self.moment(), "old".to_owned());
        self.at(at, Act::Snapshot { host, label: label.clone() });
        let back = at + self.ms(1_000, 120_000);
        self.at(back, Act::Restore { host, label });
    }
}

impl Draft {
    /// What a machine does not get over by itself: a damaged disk, a lost one, a directory that runs twice.
    fn damage(&mut self) {
        self.victims -= 1;
        let host = u16::try_from(between(&mut self.rng, 1, u64::from(self.story.nodes - 1))).unwrap_or(1);
        let at = self.moment();
        let back = at + self.ms(1_000, 30_000);
        match below(&mut self.rng, 4) {
            0 => self.at(at, Act::Disk { hosts: vec![host], order: DiskOrder::Rot(1) }),
            1 => self.at(at, Act::Disk { hosts: vec![host], order: DiskOrder::Lies }),
            2 => self.at(at, Act::Wipe(host)),
            _ if self.story.outsiders > 0 => {
                let to = self.story.host_count() - 1;
                return self.at(at, Act::Clone { host, to });
            }
            _ => return,
        }
        self.at(back, Act::Kill { hosts: vec![host], power: Power::Cut });
        self.at(back + SECOND, Act::Restart(vec![host]));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sim_40_a_seed_is_one_plan_and_the_plan_is_a_file_that_reads_back() {
        for seed in 0..300 {
            let plan = draw(seed, if seed % 3 == 0 { Size::Any } else { Size::Small });
            assert_eq!(plan.to_text(), draw(seed, if seed % 3 == 0 { Size::Any } else { Size::Small }).to_text());
            let text = plan.to_text();
            let read = Scenario::parse(&text).unwrap_or_else(|faults| panic!("{}\n{text}", faults[0]));
            assert_eq!(read.to_text(), text, "seed {seed}");
        }
    }

    #[test]
    fn every_class_of_fault_is_drawn_by_some_seed_and_some_seeds_have_none() {
        let words: std::collections::BTreeSet<&str> = (0..400)
            .flat_map(|seed| draw(seed, Size::Small).timed)
            .map(|timed| crate::report::act_word(&timed.act))
            .collect();
        for word in [
            "split", "cut", "flap", "swizzle", "ring", "graph", "slow", "kill", "stop", "crash", "pause", "clock",
            "disk", "move", "dial", "behave", "restore", "say", "invite", "join", "revoke", "promote", "demote",
            "remove", "leave", "wipe", "clone",
        ] {
            assert!(words.contains(word), "{word}");
        }
        assert!((0..100).any(|seed| draw(seed, Size::Small).links.is_empty()));
    }
}
