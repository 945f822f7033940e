//! Machines that stop, die, come back, forget; and hosts that are not honest.

use bytes::Bytes;
use coterie_protocol::{Account, Channel, CrashPoint, Faults, Input, LinkId, Opener, Path, PowerCut, StoreError};

use super::{Happening, World};
use crate::chance::{below, happens, stream};
use crate::host::Running;
use crate::network::HostId;
use crate::oracle::Mark;
use crate::scenario::{ClockTurn, DiskOrder, Habit, Moment, Power};

/// A driver that lost its disk tries again after this.
const MEND_US: u64 = 5_000_000;
/// A lying disk loses so many of its last commits when the power goes.
const LIES_LOSE: usize = 8;
/// A stranger that is not sent away goes by itself after this.
const STRANGER_STAYS_US: u64 = 3_000_000;
/// From here on a jump of a clock counts as one, ms.
const HOUR_MS: i64 = 3_600_000;
/// Frames that a host with a bad habit remembers.
const RECORDED_MAX: usize = 2_000;

impl World {
    /// Starts a process; other machines meet a new boot.
    pub(super) fn boot(&mut self, id: HostId) {
        if self.host(id).running != Running::Down {
            return;
        }
        let now = self.now_us;
        self.version += 1;
        match self.host_mut(id).boot(now) {
            Ok(()) => {
                let life = self.host(id).life;
                self.trace.note(self.story_us(), "boot", (Some(id), None), format_args!("life {life}"));
                self.oracle.on_boot(id, now, self.hosts[usize::from(id)].store());
                if self.tried.remove(&(id, Mark::DiskFullRecovered)) {
                    self.oracle.mark(Mark::DiskFullRecovered);
                }
                self.drop_stale_streams(id);
                self.turn(id);
            }
            Err(text) => {
                self.trace.note(self.story_us(), "unbootable", (Some(id), None), format_args!("{text}"));
                self.oracle.on_unbootable(id, now, &text);
            }
        }
    }

    /// A new process answers frames of old streams with a reset.
    fn drop_stale_streams(&mut self, id: HostId) {
        let others: Vec<HostId> = self
            .net
            .streams_of(id)
            .into_iter()
            .filter_map(|stream| {
                let ends = self.net.stream(stream)?.ends;
                Some(if ends[0] == id { ends[1] } else { ends[0] })
            })
            .collect();
        for other in others {
            let wait = self.net.round_trip_us(id, other);
            if self.net.is_up_both(id, other) {
                self.schedule(self.now_us + wait, Happening::Notice { a: id, b: other, epoch: u32::MAX });
            }
        }
    }

    /// SIGKILL: whatever had not left is lost, the others notice by silence.
    pub(super) fn crash(&mut self, id: HostId) {
        if self.host(id).running == Running::Down {
            return;
        }
        self.trace.note(self.story_us(), "crash", (Some(id), None), format_args!(""));
        if self.host(id).is_writing() {
            self.oracle.mark(Mark::CrashBeforeTransmit);
        }
        self.version += 1;
        self.host_mut(id).power_off();
        self.oracle.on_down(id);
        let others: Vec<HostId> = (0..self.scenario.host_count()).filter(|&other| other != id).collect();
        for other in others {
            if !self.net.between(id, other).is_empty() {
                self.plan_notice(id, other);
            }
        }
    }

    pub(super) fn kill(&mut self, id: HostId, power: Power) {
        self.crash(id);
        if power == Power::Cut {
            let is_lying = self.host(id).disk.faults().lies;
            let cut = if is_lying { PowerCut::LoseLast(LIES_LOSE) } else { PowerCut::Honest };
            self.host(id).disk.cut_power(cut);
            if is_lying {
                self.oracle.on_lied(id);
            }
        }
    }

    /// A clean stop: links say goodbye.
    pub(super) fn stop(&mut self, id: HostId) {
        for stream in self.net.streams_of(id) {
            self.hang_up(id, stream, 0);
        }
        if self.host(id).running != Running::Down {
            self.trace.note(self.story_us(), "stop", (Some(id), None), format_args!(""));
            self.host_mut(id).power_off();
            self.oracle.on_down(id);
        }
    }

    /// The process met its disk's fault and gave up (ST-15). A driver opens the store again; a crash waits to be
    /// started by somebody.
    pub(super) fn on_died(&mut self, id: HostId, error: &StoreError) {
        self.trace.note(self.story_us(), "died", (Some(id), None), format_args!("{error}"));
        let was_ordered = *error == StoreError::Failed;
        self.crash(id);
        let disk = self.host(id).disk.clone();
        if matches!(disk.faults().crash_at, Some((_, CrashPoint::After))) && was_ordered {
            self.oracle.mark(Mark::CrashBeforeTransmit);
        }
        if matches!(error, StoreError::Full { .. }) {
            self.tried.insert((id, Mark::DiskFullRecovered));
        }
        disk.order(Faults { crash_at: None, failing_sync_at: None, ..disk.faults() });
        if !was_ordered {
            let life = self.host(id).life;
            self.schedule(self.now_us + MEND_US, Happening::Back { host: id, life });
        }
    }

    pub(super) fn pause(&mut self, id: HostId) {
        if self.host(id).running == Running::Up {
            self.host_mut(id).running = Running::Paused;
            self.trace.note(self.story_us(), "pause", (Some(id), None), format_args!(""));
            let others: Vec<HostId> = (0..self.scenario.host_count()).filter(|&other| other != id).collect();
            for other in others {
                if !self.net.between(id, other).is_empty() {
                    self.plan_notice(id, other);
                }
            }
        }
    }

    /// The lid opens: the shell says so, and the core dials again.
    pub(super) fn resume(&mut self, id: HostId) {
        if self.host(id).running == Running::Paused {
            self.host_mut(id).running = Running::Up;
            self.host_mut(id).wake_us = None;
            self.trace.note(self.story_us(), "resume", (Some(id), None), format_args!(""));
            self.give(id, Input::NetworkChanged);
            self.healed_us = self.now_us;
        }
    }

    pub(super) fn bring_back(&mut self, id: HostId) {
        self.resume(id);
        self.boot(id);
        self.healed_us = self.now_us;
    }

    pub(super) fn order_crash(&self, id: HostId, commit: u64, point: Moment) {
        let disk = self.host(id).disk.clone();
        let point = match point {
            Moment::Before => CrashPoint::Before,
            Moment::During if commit.is_multiple_of(2) => CrashPoint::DuringKept,
            Moment::During => CrashPoint::DuringLost,
            Moment::After => CrashPoint::After,
        };
        let at = disk.commits() + commit;
        disk.order(Faults { crash_at: Some((at, point)), ..disk.faults() });
    }

    pub(super) fn order_disk(&mut self, id: HostId, order: DiskOrder) {
        let disk = self.host(id).disk.clone();
        let faults = disk.faults();
        match order {
            DiskOrder::Ok => {
                disk.order(Faults::default());
                self.host_mut(id).sync_us = 1_000;
            }
            DiskOrder::Full => disk.order(Faults { capacity_bytes: Some(0), ..faults }),
            DiskOrder::FailSync => disk.order(Faults { failing_sync_at: Some(disk.commits() + 1), ..faults }),
            DiskOrder::Lies => disk.order(Faults { lies: true, ..faults }),
            DiskOrder::Slow(us) => self.host_mut(id).sync_us = us,
            DiskOrder::Rot(count) => self.rot(id, count),
        }
    }

    fn rot(&mut self, id: HostId, count: u32) {
        let mut rng = stream(self.scenario.seed, "rot", u64::from(id) << 32 | self.now_us);
        let disk = self.host(id).disk.clone();
        let image = disk.snapshot();
        for _ in 0..count {
            let at = below(&mut rng, image.len() as u64);
            let bit = below(&mut rng, 1 << 20);
            let key = image.iter().nth(usize::try_from(at).unwrap_or(0)).map(|(key, _)| *key);
            if let Some(key) = key {
                disk.flip_bit(&key, usize::try_from(bit).unwrap_or(0));
            }
        }
        self.rotten.insert(id);
        self.oracle.on_rot(id);
    }

    /// A disk that lost what its owner wrote looks to the core like a second copy, and the core asks before it goes on
    /// (ST-102). There is no other copy in the story, so the person says: this is the computer I use.
    pub(super) fn answer_questions(&mut self) {
        let asked: Vec<HostId> = self.rotten.iter().copied().filter(|&id| self.asks_for_its_owner(id)).collect();
        for id in asked {
            self.rotten.remove(&id);
            self.crash(id);
            self.host_mut(id).renew_instance();
            self.oracle.on_restored(id);
            self.bring_back(id);
        }
    }

    fn asks_for_its_owner(&self, id: HostId) -> bool {
        let is_honest = self.habits.get(&id).is_none_or(|habit| *habit == Habit::Honest);
        is_honest && self.host(id).account().is_some_and(Account::sees_twin)
    }

    pub(super) fn turn_clock(&mut self, id: HostId, turn: ClockTurn) {
        let now = self.now_us;
        let is_jump = match turn {
            ClockTurn::By(ms) => ms.abs() >= HOUR_MS,
            ClockTurn::Drift(_) => false,
            ClockTurn::Set(_) => true,
        };
        if is_jump {
            self.tried.insert((id, Mark::ClockJumpSurvived));
        }
        let host = self.host_mut(id);
        match turn {
            ClockTurn::By(ms) => host.offset_ms += ms,
            ClockTurn::Drift(ppm) => host.drift_ppm = ppm,
            ClockTurn::Set(wall_ms) => host.set_wall(now, wall_ms),
        }
    }

    // ---- hosts that are not honest ----------------------------------------------------------------------------------

    /// What a host with a habit really sends in place of a frame of its core.
    pub(super) fn bend(&mut self, from: HostId, link: u64, channel: Channel, bytes: &Bytes) -> Vec<Bytes> {
        let habit = self.habits.get(&from).copied().unwrap_or(Habit::Honest);
        if habit == Habit::Honest || channel == Channel::Join {
            return Vec::from([bytes.clone()]);
        }
        let mut rng = stream(self.scenario.seed, "habit", self.events << 16 | u64::from(from));
        if self.recorded.len() < RECORDED_MAX {
            self.recorded.push((link, bytes.clone()));
        }
        let is_handshake = bytes.first().is_some_and(|kind| *kind < 0x10);
        match habit {
            Habit::Honest => Vec::from([bytes.clone()]),
            _ if is_handshake => Vec::from([bytes.clone()]),
            Habit::Mutate => {
                Vec::from([if happens(&mut rng, 200_000) { flipped(bytes, &mut rng) } else { bytes.clone() }])
            }
            Habit::Replay => {
                let old = crate::chance::pick(&mut rng, &self.recorded).map(|(_, bytes)| bytes.clone());
                std::iter::once(bytes.clone()).chain(old).collect()
            }
            Habit::Withhold => Vec::new(),
            Habit::Flood => vec![bytes.clone(); 20],
            Habit::Garbage => {
                let noise: Vec<u8> = (0..40).map(|_| u8::try_from(below(&mut rng, 256)).unwrap_or(0)).collect();
                Vec::from([bytes.clone(), nonsense(bytes, &noise)])
            }
            // Entries of others are not passed on; what is its own goes out.
            Habit::Censor => {
                let is_passing_on = matches!(bytes.first(), Some(0x10 | 0x11 | 0x25));
                if is_passing_on && happens(&mut rng, 500_000) { Vec::new() } else { Vec::from([bytes.clone()]) }
            }
        }
    }

    /// Rule F-B4: a stranger knocks again and again. It has no core: it says nonsense, hears nothing and goes.
    pub(super) fn knock(&mut self, from: HostId, to: HostId) {
        for channel in [Channel::Join, Channel::Group] {
            if !self.may_connect(from, to, channel) {
                continue;
            }
            self.oracle.count_knock(from, channel);
            let id = self.net.open([from, to], [u64::MAX, self.host(to).life], channel);
            self.trace.note(self.story_us(), "knock", (Some(from), Some(to)), format_args!("{id} {channel:?}"));
            let (link, peer) = (LinkId(id), self.host(from).key);
            self.give(to, Input::Connected { link, peer, channel, path: Path::DirectQuic, opener: Opener::Peer });
            let bytes = nonsense(&Bytes::from_static(&[1, 0]), &[0x80; 30]);
            let at = self.now_us + self.net.round_trip_us(from, to) / 2;
            self.schedule(at, Happening::Arrive { stream: id, side: 0, bytes });
            self.schedule(at + STRANGER_STAYS_US, Happening::Fin { stream: id, side: 0 });
        }
    }
}

fn flipped(bytes: &Bytes, rng: &mut rand_chacha::ChaCha8Rng) -> Bytes {
    let mut copy = bytes.to_vec();
    // Behind the header, so that the stream itself stays whole.
    let at = 5 + usize::try_from(below(rng, bytes.len().saturating_sub(5) as u64)).unwrap_or(0);
    let bit = below(rng, 8);
    if let Some(byte) = copy.get_mut(at) {
        *byte ^= 1 << bit;
    }
    Bytes::from(copy)
}

/// A frame of the same kind and slot that says nothing the receiver could understand.
fn nonsense(like: &Bytes, noise: &[u8]) -> Bytes {
    let mut bytes = like.get(..2).unwrap_or(&[0x10, 1]).to_vec();
    let length = u32::try_from(noise.len()).unwrap_or(0).to_be_bytes();
    bytes.extend_from_slice(&length[1..]);
    bytes.extend_from_slice(noise);
    Bytes::from(bytes)
}
