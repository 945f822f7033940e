//! Dials, streams and frames: what lies between an effect of one core and an input of another.

use bytes::Bytes;
use coterie_protocol::{Channel, GateClass, GroupFrame, Input, LinkId, MemberKey, Opener, Path, Transmit};

use super::{Happening, World};
use crate::host::Running;
use crate::network::{Arrival, HostId, Passage, Room, Turn};
use crate::oracle::Mark;

/// Nobody answers for so long: a dial is given up.
const DIAL_PATIENCE_US: u64 = 5_000_000;

/// A dial on its way.
pub(super) struct DialTry {
    from: HostId,
    life: u64,
    to: Option<HostId>,
    peer: Option<MemberKey>,
    channel: Channel,
}

impl World {
    /// By N-104, a dial takes one and a half round trips, or the whole patience if the path is dead.
    pub(super) fn dial(&mut self, from: HostId, peer: Option<MemberKey>, channel: Channel, addresses: &[Vec<u8>]) {
        let at = |address: &Vec<u8>| self.hosts.iter().find(|host| host.address() == *address).map(|host| host.id);
        let is_meant = |to: &HostId| peer.is_none_or(|peer| self.host(*to).key == peer);
        let to = addresses.iter().filter_map(at).filter(|to| *to != from).find(is_meant);
        let is_alive = |to: HostId| self.net.is_up_both(from, to) && self.host(to).running == Running::Up;
        let takes = match to {
            Some(to) if is_alive(to) => self.net.round_trip_us(from, to) * 3 / 2,
            Some(to) if self.net.is_up_both(from, to) => self.net.round_trip_us(from, to),
            Some(_) => DIAL_PATIENCE_US,
            None => 1_000,
        };
        let life = self.host(from).life;
        self.oracle.count_dial(from, self.now_us);
        self.trace.note(self.story_us(), "dial", (Some(from), to), format_args!("{channel:?}"));
        self.schedule(self.now_us + takes, Happening::DialEnds(DialTry { from, life, to, peer, channel }));
    }

    pub(super) fn on_dial_ends(&mut self, dial: DialTry) {
        let DialTry { from, life, to, peer, channel } = dial;
        if self.host(from).life != life || self.host(from).running == Running::Down {
            return;
        }
        if self.host(from).running == Running::Paused {
            // A suspended machine learns of it when it wakes; by then nobody waits at the other end.
            let late = DialTry { from, life, to: None, peer, channel };
            return self.schedule(self.now_us + 1_000_000, Happening::DialEnds(late));
        }
        match to.filter(|&to| self.may_connect(from, to, channel)) {
            Some(to) => self.connect(from, to, channel),
            None => {
                self.trace.note(self.story_us(), "undialled", (Some(from), to), format_args!("{channel:?}"));
                self.give(from, Input::DialFailed { peer, channel });
            }
        }
    }

    /// By N-201, strangers reach the join channel and nothing else; the blocked reach nothing.
    pub(super) fn may_connect(&self, from: HostId, to: HostId, channel: Channel) -> bool {
        let (asker, host) = (self.host(from), self.host(to));
        let refuses =
            |here: &crate::host::Host, key: &MemberKey| here.blocked.get(key).is_some_and(|until| *until > self.now_us);
        let is_known = matches!(host.classes.get(&asker.key), Some(GateClass::Member | GateClass::Waiting));
        host.running == Running::Up
            && self.net.is_up_both(from, to)
            && !refuses(host, &asker.key)
            && !refuses(asker, &host.key)
            && (channel == Channel::Join || is_known)
    }

    fn connect(&mut self, from: HostId, to: HostId, channel: Channel) {
        if self.host(from).has_moved() || self.host(to).has_moved() {
            self.oracle.mark(Mark::MovedAndReached);
        }
        let lives = [self.host(from).life, self.host(to).life];
        let id = self.net.open([from, to], lives, channel);
        let round_trip_ms = self.net.round_trip_us(from, to) / 1_000;
        self.trace.note(self.story_us(), "open", (Some(from), Some(to)), format_args!("{id} {channel:?}"));
        for (host, other, opener) in [(from, to, Opener::Us), (to, from, Opener::Peer)] {
            let (link, peer, path) = (LinkId(id), self.host(other).key, Path::DirectQuic);
            let machine = self.host_mut(host);
            machine.give(Input::Connected { link, peer, channel, path, opener });
            machine.give(Input::Quality { link, round_trip_ms, path });
            self.turn(host);
        }
    }

    /// Puts a frame of a core on its way; gives its size, of which stored entries do not count: they go by credit.
    pub(super) fn send(&mut self, from: HostId, transmit: &Transmit) -> usize {
        let link = match transmit {
            Transmit::Frame { link, .. } => *link,
            Transmit::Stored(stored) => stored.link,
        };
        let bytes = self.host(from).frame(transmit);
        self.oracle.on_frame(from, self.now_us, &bytes);
        let Some(channel) = self.net.stream(link.0).map(|stream| stream.channel) else { return 0 };
        for bytes in self.bend(from, link.0, channel, &bytes) {
            self.put_on_way(from, link.0, &bytes);
        }
        let is_by_credit = matches!(transmit, Transmit::Stored(_)) || channel == Channel::Join;
        if is_by_credit { 0 } else { bytes.len() }
    }

    pub(super) fn put_on_way(&mut self, from: HostId, id: u64, bytes: &Bytes) {
        let Some(stream) = self.net.stream(id) else { return };
        let side = usize::from(stream.ends[0] != from);
        if stream.is_shut(side) || stream.lives[side] != self.host(from).life {
            return;
        }
        let (to, channel) = (stream.ends[1 - side], stream.channel);
        let kind = bytes.first().copied().unwrap_or(0);
        let is_news =
            channel == Channel::Group && GroupFrame::from_number(kind).is_some_and(|kind| kind.priority() == 1);
        let room = if is_news { Room::Bounded } else { Room::Any };
        let passage = self.net.send((id, side), bytes, self.now_us, room);
        let word = match &passage {
            Some(Passage::At(_)) => "frame",
            Some(Passage::Held) => "held",
            Some(Passage::Broken) => "broken",
            Some(Passage::Overflow) | None => "dropped",
        };
        match (channel, GroupFrame::from_number(kind), &passage) {
            (Channel::Group, Some(GroupFrame::Graft), _) => self.oracle.mark(Mark::GraftSent),
            (_, _, Some(Passage::Overflow)) => self.oracle.mark(Mark::QueueOverflow),
            _ => {}
        }
        let name = FrameName(channel, kind);
        self.trace.note(self.story_us(), word, (Some(from), Some(to)), format_args!("{name} {} B", bytes.len()));
        match passage {
            Some(Passage::At(at)) => self.schedule(at, Happening::Arrive { stream: id, side, bytes: bytes.clone() }),
            Some(Passage::Broken) => self.break_stream(id),
            Some(Passage::Overflow) => self.give(from, Input::Overflowed { link: LinkId(id) }),
            Some(Passage::Held) | None => {}
        }
    }

    pub(super) fn on_arrive(&mut self, id: u64, side: usize, bytes: Bytes) {
        let Arrival::Here(to) = self.net.arrive(id, side, &bytes) else { return };
        let Some(stream) = self.net.stream(id) else { return };
        let is_current = stream.lives[1 - side] == self.host(to).life && !stream.is_shut(1 - side);
        if is_current && self.host(to).running == Running::Up {
            self.give(to, Input::Received { link: LinkId(id), bytes });
        } else if is_current && self.host(to).running == Running::Paused {
            // The kernel's buffers of a suspended machine: it reads on when it wakes.
            self.schedule(self.now_us + 1_000_000, Happening::Arrive { stream: id, side, bytes });
        }
    }

    /// By N-211, what was said before the end still arrives; then the other side hears of it.
    pub(super) fn hang_up(&mut self, from: HostId, id: u64, block_ms: u64) {
        let Some(stream) = self.net.stream(id) else { return };
        let side = usize::from(stream.ends[0] != from);
        let to = stream.ends[1 - side];
        self.trace.note(self.story_us(), "hangup", (Some(from), Some(to)), format_args!("{id} block {block_ms} ms"));
        if block_ms > 0 {
            self.oracle.mark(Mark::PeerSentAway);
            let until = self.now_us.saturating_add(block_ms.saturating_mul(1_000));
            let key = self.host(to).key;
            self.host_mut(from).blocked.insert(key, until);
        }
        if let Some(at) = self.net.shut(id, side, self.now_us) {
            self.schedule(at, Happening::Fin { stream: id, side });
        }
    }

    pub(super) fn on_fin(&mut self, id: u64, side: usize) {
        let Some(stream) = self.net.stream(id) else { return };
        let (from, to) = (stream.ends[side], stream.ends[1 - side]);
        if !self.net.is_up(from, to) {
            // The news of the end is lost like everything else; silence will tell.
            return self.plan_notice(from, to);
        }
        if let Some(stream) = self.net.close(id)
            && stream.lives[1 - side] == self.host(to).life
        {
            self.give(to, Input::Disconnected { link: LinkId(id) });
        }
    }

    /// A stream ends under both its users.
    pub(super) fn break_stream(&mut self, id: u64) {
        let Some(stream) = self.net.close(id) else { return };
        self.trace.note(self.story_us(), "broke", (Some(stream.ends[0]), Some(stream.ends[1])), format_args!("{id}"));
        for side in [0, 1] {
            let host = stream.ends[side];
            if stream.lives[side] == self.host(host).life {
                self.give(host, Input::Disconnected { link: LinkId(id) });
            }
        }
    }

    // ---- paths ------------------------------------------------------------------------------------------------------

    fn epoch(&self, a: HostId, b: HostId) -> u32 {
        self.epochs.get(&(a.min(b), a.max(b))).copied().unwrap_or(0)
    }

    /// Silence begins: unless it ends before, both ends give up their streams after a while.
    pub(super) fn plan_notice(&mut self, a: HostId, b: HostId) {
        let (wait, epoch) = (self.net.notice_us(a, b), self.epoch(a, b));
        self.schedule(self.now_us + wait, Happening::Notice { a, b, epoch });
    }

    /// Nothing passes from here to there any more; both will notice after a while.
    pub(super) fn cut(&mut self, from: HostId, to: HostId, reason: u32) {
        if from != to {
            self.net.cut(from, to, reason);
            self.plan_notice(from, to);
        }
    }

    /// The path is back: what was held goes on.
    pub(super) fn path_is_back(&mut self, from: HostId, to: HostId) {
        if self.net.is_up_both(from, to) {
            *self.epochs.entry((from.min(to), from.max(to))).or_default() += 1;
        }
        for id in self.net.between(from, to) {
            let Some(stream) = self.net.stream(id) else { continue };
            let side = usize::from(stream.ends[0] != from);
            for bytes in self.net.release(id, side) {
                self.put_on_way(from, id, &bytes);
            }
        }
        self.healed_us = self.now_us;
    }

    pub(super) fn on_path(&mut self, from: HostId, to: HostId, reason: u32, turn: Turn) {
        if turn == Turn::Down {
            self.cut(from, to, reason);
        } else if self.net.mend(from, to, reason) {
            self.path_is_back(from, to);
        }
    }

    /// By N-103, pings went unanswered all the while, or the process behind a stream is another one now.
    pub(super) fn on_notice(&mut self, a: HostId, b: HostId, epoch: u32) {
        let is_dead = !self.net.is_up_both(a, b) || [a, b].iter().any(|&id| self.host(id).running != Running::Up);
        let is_same_silence = self.epoch(a, b) == epoch && is_dead;
        for id in self.net.between(a, b) {
            let Some(stream) = self.net.stream(id) else { continue };
            let is_stale = [0, 1].iter().any(|&side| stream.lives[side] != self.host(stream.ends[side]).life);
            if is_same_silence || is_stale {
                self.break_stream(id);
            }
        }
    }
}

/// What a frame is called.
pub(super) struct FrameName(pub(super) Channel, pub(super) u8);

impl std::fmt::Display for FrameName {
    fn fmt(&self, to: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self(channel, kind) = *self;
        let join = (channel == Channel::Join).then(|| coterie_protocol::JoinFrame::from_number(kind)).flatten();
        let group = (channel == Channel::Group).then(|| GroupFrame::from_number(kind)).flatten();
        match (group, join) {
            (Some(kind), _) => write!(to, "{kind:?}"),
            (None, Some(kind)) => write!(to, "Join/{kind:?}"),
            (None, None) => write!(to, "kind {kind:#04x}"),
        }
    }
}
