//! A network of nodes with plain logs, in virtual time. Frames cross it as bytes, so every codec is in the path;
//! entries are their own proof here: author, number and a filler, and the tag says which log they belong to.

use super::frames::{Cancel, Give, Who, Why};
use super::*;
use crate::crypto::derive::sha256;
use crate::ids::{Instance, LinkId, MembershipId};
use crate::log::{Lack, VectorItem};
use crate::wire::frame::GroupFrame;
use crate::wire::{from_bytes, to_bytes};
use alloc::vec;
use rand_chacha::ChaCha20Rng;
use rand_core::{Rng, SeedableRng};

const ENTRY_BYTES: usize = 400;

fn log_of(author: u8) -> LogId {
    LogId { mid: MembershipId([author; 32]), inst: Instance([author; 16]) }
}

fn tag_of(log: &LogId) -> Option<LogTag> {
    Some(LogTag(log.inst.0.map(|byte| byte ^ 0xff)))
}

fn tag(author: u8) -> LogTag {
    tag_of(&log_of(author)).unwrap()
}

fn entry(author: u8, seq: u64) -> Vec<u8> {
    let mut bytes = vec![author; ENTRY_BYTES];
    bytes[..8].copy_from_slice(&seq.to_be_bytes());
    bytes
}

fn head(bytes: &[u8]) -> [u8; 8] {
    *sha256(bytes).0.first_chunk().unwrap()
}

/// Logs as plain lists.
#[derive(Clone, Default, PartialEq)]
struct Held(BTreeMap<LogTag, Vec<Vec<u8>>>);

impl Held {
    fn items(&self, tags: Option<&[LogTag]>) -> Vec<VectorItem> {
        let listed = self.0.iter().filter(|(tag, log)| !log.is_empty() && tags.is_none_or(|tags| tags.contains(tag)));
        let item = |(tag, log): (&LogTag, &Vec<Vec<u8>>)| VectorItem {
            tag: *tag,
            floor: 0,
            ranges: vec![(0, log.len() as u64 - 1)],
            head: head(log.last().unwrap()),
            fork: None,
        };
        listed.map(item).collect()
    }

    fn digest(&self) -> Digest {
        sha256(&to_bytes(&Vector { extent: Extent::Full, more: false, items: self.items(None) }))
    }

    /// Appends if it is next; gives whether it was new.
    fn admit(&mut self, tag: LogTag, bytes: &[u8]) -> bool {
        let author = bytes[8];
        assert_eq!(tests::tag(author), tag);
        let log = self.0.entry(tag).or_default();
        let is_next = u64::from_be_bytes(*bytes.first_chunk().unwrap()) == log.len() as u64;
        if is_next {
            log.push(bytes.to_vec());
        }
        is_next
    }

    fn count(&self) -> usize {
        self.0.values().map(Vec::len).sum()
    }
}

impl Holdings for Held {
    fn lacking(&self, theirs: &[VectorItem]) -> Vec<Lack> {
        let lack = |item: &VectorItem| {
            let (next, to) = (self.next_seq(&item.tag), item.ranges.last()?.1);
            let log =
                self.0.contains_key(&item.tag).then_some(LogId { mid: MembershipId([0; 32]), inst: Instance([0; 16]) });
            (next <= to).then_some(Lack { tag: item.tag, log, branch: None, from: next, to })
        };
        theirs.iter().filter_map(lack).collect()
    }
    fn is_named(&self, tag: &LogTag) -> bool {
        self.0.contains_key(tag)
    }
    fn next_seq(&self, tag: &LogTag) -> u64 {
        self.0.get(tag).map_or(0, |log| log.len() as u64)
    }
    fn shelf(&self, tag: &LogTag, _: Option<[u8; 8]>) -> Option<Shelf> {
        let to = (self.0.get(tag)?.len() as u64).checked_sub(1)?;
        Some(Shelf { branch: 0, from: 0, to })
    }
    fn entry_bytes(&self, _: &LogTag, _: u8, _: u64) -> Option<usize> {
        Some(ENTRY_BYTES)
    }
}

/// What a node does wrong.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Lie {
    None,
    /// Claims a hundred entries more of each log than there are, and does not answer.
    Silent,
    /// Claims them, and answers with nothing in it.
    Empty,
    /// Claims them, and gives the same old entries again and again.
    Old,
    /// Says and gives nothing of one author, and is honest about all others.
    Without(u8),
}

struct Node {
    machine: AntiEntropy,
    held: Held,
    links: BTreeMap<Neighbour, usize>,
    lie: Lie,
    got_bytes: usize,
    got_entries: BTreeMap<usize, usize>,
    faults: Vec<(usize, PeerFault)>,
    stalled: usize,
}

/// To whom, from whom, what.
type OnTheWay = (usize, Neighbour, GroupFrame, Vec<u8>);

struct Net {
    nodes: Vec<Node>,
    wire: BTreeMap<(u64, u64), OnTheWay>,
    latency: BTreeMap<Neighbour, u64>,
    next_state: u64,
    now: u64,
    sent: u64,
    frames: usize,
    /// The link is cut when so many frames were delivered.
    cut_at: Option<usize>,
    rates: BTreeMap<(usize, Neighbour, GroupFrame), (u64, u64)>,
    rng: ChaCha20Rng,
    trace: Vec<(u64, usize, SyncAction)>,
}

impl Net {
    fn new(count: usize, seed: u64) -> Self {
        let node = || Node {
            machine: AntiEntropy::default(),
            held: Held::default(),
            links: BTreeMap::new(),
            lie: Lie::None,
            got_bytes: 0,
            got_entries: BTreeMap::new(),
            faults: vec![],
            stalled: 0,
        };
        Self {
            nodes: (0..count).map(|_| node()).collect(),
            wire: BTreeMap::new(),
            latency: BTreeMap::new(),
            next_state: 30_000,
            now: 1_000,
            sent: 0,
            frames: 0,
            cut_at: None,
            rates: BTreeMap::new(),
            rng: ChaCha20Rng::seed_from_u64(seed),
            trace: vec![],
        }
    }

    fn below(&mut self, end: usize) -> usize {
        (self.rng.next_u64() % end as u64) as usize
    }

    fn at(&self) -> Timestamp {
        Timestamp::new(self.now, self.now)
    }

    fn write(&mut self, node: usize, author: u8, count: u64) {
        for _ in 0..count {
            let next = self.nodes[node].held.next_seq(&tag(author));
            assert!(self.nodes[node].held.admit(tag(author), &entry(author, next)));
        }
        self.note_digest(node);
    }

    fn note_digest(&mut self, node: usize) {
        let (now, digest) = (self.at(), self.nodes[node].held.digest());
        self.nodes[node].machine.on_own_digest(now, digest);
    }

    fn link(&mut self, a: usize, b: usize) -> Option<Neighbour> {
        if a == b || self.nodes[a].links.values().any(|&peer| peer == b) {
            return None;
        }
        self.sent += 1;
        let via = Neighbour { link: LinkId(self.sent), slot: 1 };
        let latency = 5 + self.below(56) as u64;
        self.latency.insert(via, latency);
        for (node, peer) in [(a, b), (b, a)] {
            self.nodes[node].links.insert(via, peer);
            let now = self.at();
            self.note_digest(node);
            self.nodes[node].machine.on_open(now, via);
        }
        for node in [a, b] {
            let (now, held) = (self.at(), self.nodes[node].held.clone());
            let actions = self.nodes[node].machine.on_settled(now, via, &held);
            self.act(node, actions);
        }
        Some(via)
    }

    fn cut(&mut self, via: Neighbour) {
        self.wire.retain(|_, (_, over, ..)| *over != via);
        self.latency.remove(&via);
        for node in 0..self.nodes.len() {
            if self.nodes[node].links.remove(&via).is_some() {
                let (now, held) = (self.at(), self.nodes[node].held.clone());
                let actions = self.nodes[node].machine.on_closed(now, via, &held);
                self.act(node, actions);
            }
        }
    }

    fn send(&mut self, from: usize, via: Neighbour, kind: GroupFrame, body: Vec<u8>) {
        let Some(&to) = self.nodes[from].links.get(&via) else { return };
        assert!(body.len() <= kind.body_bytes_max(), "{kind:?} of {} bytes", body.len());
        self.sent += 1;
        self.wire.insert((self.now + self.latency[&via], self.sent), (to, via, kind, body));
    }

    fn vector(&self, node: usize, tags: Option<&[LogTag]>) -> Vec<VectorItem> {
        let mut items = self.nodes[node].held.items(tags);
        match self.nodes[node].lie {
            Lie::None => {}
            Lie::Without(author) => items.retain(|item| item.tag != tag(author)),
            Lie::Silent | Lie::Empty | Lie::Old => items.iter_mut().for_each(|item| item.ranges[0].1 += 100),
        }
        items
    }

    fn act(&mut self, node: usize, actions: Vec<SyncAction>) {
        for action in actions {
            self.trace.push((self.now, node, action.clone()));
            match action {
                SyncAction::FullVector { to } => {
                    for frame in Vector::frames(Extent::Full, self.vector(node, None)) {
                        self.send(node, to, GroupFrame::Vector, to_bytes(&frame));
                    }
                }
                SyncAction::DeltaVector { to, tags } => {
                    for frame in Vector::frames(Extent::Delta, self.vector(node, Some(&tags))) {
                        self.send(node, to, GroupFrame::Vector, to_bytes(&frame));
                    }
                }
                SyncAction::Who { to, tags } => self.send(node, to, GroupFrame::Who, to_bytes(&Who(tags))),
                SyncAction::Names { to, names } => self.send(node, to, GroupFrame::Logs, to_bytes(&names)),
                SyncAction::Want { to, want } => self.send(node, to, GroupFrame::Want, to_bytes(&want)),
                SyncAction::Cancel { to, request } => {
                    self.send(node, to, GroupFrame::Cancel, to_bytes(&Cancel(request)));
                }
                SyncAction::Gone { to, gone } => self.send(node, to, GroupFrame::Gone, to_bytes(&gone)),
                SyncAction::Serving { to } => self.serve(node, to),
                SyncAction::Stalled { .. } => self.nodes[node].stalled += 1,
                SyncAction::Fault { neighbour, fault } => {
                    let peer = self.nodes[node].links[&neighbour];
                    self.nodes[node].faults.push((peer, fault));
                }
            }
        }
    }

    fn serve(&mut self, node: usize, to: Neighbour) {
        while let Some(serve) = self.nodes[node].machine.take_serve(to) {
            let log = &self.nodes[node].held.0[&serve.tag];
            let entries = log[serve.from as usize..=serve.to as usize].to_vec();
            let Serve { request, tag, from, last, .. } = serve;
            let give = Give { request, tag, first: from, entries, last };
            self.send(node, to, GroupFrame::Give, to_bytes(&give));
        }
    }

    /// The receiving side's limits of N-606: an honest node never runs into them.
    fn is_within_rates(&mut self, node: usize, via: Neighbour, kind: GroupFrame) -> bool {
        let rate = match kind {
            GroupFrame::Want => limits::WANTS,
            GroupFrame::Vector => limits::VECTORS,
            GroupFrame::Who => limits::WHOS,
            _ => return true,
        };
        let now = self.now;
        let full = rate.burst * rate.per_ms;
        let (level, at) = self.rates.entry((node, via, kind)).or_insert((full, now));
        *level = (*level + (now - *at) * rate.amount).min(full);
        *at = now;
        let is_within = *level >= rate.per_ms;
        *level = level.saturating_sub(rate.per_ms);
        is_within
    }

    fn receive(&mut self, node: usize, via: Neighbour, kind: GroupFrame, body: &[u8]) {
        self.frames += 1;
        self.nodes[node].got_bytes += body.len() + 5;
        assert!(self.is_within_rates(node, via, kind), "{kind:?} over its rate");
        let (now, max) = (self.at(), kind.body_bytes_max());
        let Node { machine, held, lie, .. } = &mut self.nodes[node];
        let held = &*held;
        let actions = match kind {
            GroupFrame::Vector => machine.on_vector(now, via, &from_bytes(body, max).unwrap(), held),
            GroupFrame::Who => {
                let who: Who = from_bytes(body, max).unwrap();
                let name = |tag: &LogTag| held.0.contains_key(tag).then(|| log_of(tag.0[0] ^ 0xff));
                vec![AntiEntropy::on_who(via, &who.0, &name)]
            }
            GroupFrame::Logs => {
                let names: LogNames = from_bytes(body, max).unwrap();
                machine.on_names(now, via, &names.0, &tag_of, held)
            }
            GroupFrame::Want => {
                let want: Want = from_bytes(body, max).unwrap();
                match *lie {
                    Lie::None => machine.on_want(via, &want, held),
                    Lie::Without(author) if want.ranges.iter().all(|range| range.tag != tag(author)) => {
                        machine.on_want(via, &want, held)
                    }
                    lie => return self.lie(node, via, &want, lie),
                }
            }
            GroupFrame::Give => return self.take_give(node, via, from_bytes(body, max).unwrap()),
            GroupFrame::Gone => machine.on_gone(now, via, &from_bytes(body, max).unwrap(), held),
            GroupFrame::Cancel => {
                machine.on_cancel(via, from_bytes::<Cancel>(body, max).unwrap().0);
                vec![]
            }
            GroupFrame::State => {
                machine.on_state(now, via, from_bytes(body, max).unwrap());
                vec![]
            }
            other => panic!("{other:?}"),
        };
        self.act(node, actions);
    }

    fn lie(&mut self, node: usize, via: Neighbour, want: &Want, lie: Lie) {
        let range = want.ranges[0];
        let entries = match lie {
            Lie::Old => (0..range.count().min(64)).map(|seq| entry(range.tag.0[0] ^ 0xff, seq)).collect(),
            Lie::None | Lie::Silent | Lie::Empty | Lie::Without(_) => vec![],
        };
        if lie != Lie::Silent {
            let give = Give { request: want.request, tag: range.tag, first: range.from, entries, last: true };
            self.send(node, via, GroupFrame::Give, to_bytes(&give));
        }
    }

    fn take_give(&mut self, node: usize, via: Neighbour, give: Give) {
        let now = self.at();
        let peer = self.nodes[node].links[&via];
        match self.nodes[node].machine.on_give(now, via, give) {
            Ok(intake) => {
                let given = intake.entries.len();
                let admitted =
                    intake.entries.iter().filter(|bytes| self.nodes[node].held.admit(intake.tag, bytes)).count();
                *self.nodes[node].got_entries.entry(peer).or_default() += given;
                self.note_digest(node);
                let held = self.nodes[node].held.clone();
                let outcome = Outcome { admitted, waiting: 0 };
                let actions = self.nodes[node].machine.on_given(now, &intake, outcome, &held);
                self.act(node, actions);
            }
            Err(fault) => self.nodes[node].faults.push((peer, fault)),
        }
    }

    fn run_until(&mut self, until: u64) {
        loop {
            let frame = self.wire.first_key_value().map(|(&(at, _), _)| at);
            let timer = self.nodes.iter().filter_map(|node| node.machine.next_deadline()).min();
            let next = frame.into_iter().chain(timer).chain([self.next_state]).min().unwrap();
            if next > until {
                break;
            }
            self.now = self.now.max(next);
            if self.now >= self.next_state {
                self.next_state += 30_000;
                self.tell_states();
            }
            for at in 0..self.nodes.len() {
                if self.nodes[at].machine.next_deadline().is_some_and(|due| due <= self.now) {
                    let (now, held) = (self.at(), self.nodes[at].held.clone());
                    let actions = self.nodes[at].machine.on_deadline(now, &held);
                    self.act(at, actions);
                    assert!(self.nodes[at].machine.next_deadline().is_none_or(|due| due > now.mono_ms), "spins");
                }
            }
            while let Some(first) = self.wire.first_entry().filter(|first| first.key().0 <= self.now) {
                let (node, via, kind, body) = first.remove();
                self.receive(node, via, kind, &body);
                if self.cut_at.is_some_and(|at| self.frames >= at) {
                    self.cut_at = None;
                    return;
                }
            }
        }
        self.now = until;
    }

    fn run_for(&mut self, ms: u64) {
        self.run_until(self.now + ms);
    }

    fn tell_states(&mut self) {
        for node in 0..self.nodes.len() {
            self.note_digest(node);
            let digest = self.nodes[node].held.digest();
            for via in self.nodes[node].links.keys().copied().collect::<Vec<_>>() {
                self.send(node, via, GroupFrame::State, to_bytes(&digest));
            }
        }
    }

    fn all_equal(&self) -> bool {
        self.nodes.iter().all(|node| node.held == self.nodes[0].held)
    }

    fn faults(&self) -> usize {
        self.nodes.iter().map(|node| node.faults.len()).sum()
    }
}

#[test]
fn n_708_two_hundred_missing_entries_cost_at_most_a_tenth_more_than_their_bytes() {
    let mut net = Net::new(2, 1);
    (0..10).for_each(|author| net.write(0, author, 20));
    net.link(0, 1);
    net.run_for(2_000);
    assert!(net.all_equal() && net.nodes[1].held.count() == 200);
    let needed = 200 * ENTRY_BYTES;
    std::println!("{} bytes for {needed}", net.nodes[1].got_bytes);
    assert!(net.nodes[1].got_bytes * 10 <= needed * 11);
    assert_eq!(net.faults(), 0);
}

#[test]
fn n_708_a_catch_up_that_is_cut_after_every_frame_goes_on_where_it_was() {
    for cut_every in [2, 3, 5, 8, 13] {
        let mut net = Net::new(2, cut_every as u64);
        (0..4).for_each(|author| net.write(0, author, 300));
        let mut turns = 0;
        while !net.all_equal() {
            turns += 1;
            assert!(turns < 2_000, "no progress with a cut every {cut_every} frames");
            let via = net.link(0, 1).unwrap();
            // Vectors, names and requests pass first.
            net.cut_at = Some(net.frames + 8 + cut_every);
            net.run_for(20_000);
            net.cut(via);
        }
        let given: usize = net.nodes[1].got_entries.values().sum();
        assert!(given * 10 <= 1_200 * 11, "{given} entries given, cut every {cut_every} frames");
    }
}

#[test]
fn n_707_many_logs_are_spread_over_four_neighbours_and_nothing_comes_twice() {
    let mut net = Net::new(7, 3);
    (0..6).for_each(|node| (0..40).for_each(|author| net.write(node, author, 60)));
    // The newcomer lacks the last fifty of each.
    (0..40).for_each(|author| net.write(6, author, 10));
    (0..6).for_each(|node| {
        net.link(6, node);
    });
    net.run_for(20_000);
    assert!(net.all_equal());
    let got = &net.nodes[6].got_entries;
    assert_eq!(got.values().sum::<usize>(), 40 * 50, "each once: {got:?}");
    assert!(got.values().filter(|&&count| count >= 200).count() >= 3, "{got:?}");
    assert_eq!(net.faults(), 0);
}

#[test]
fn n_710_a_healed_split_flows_hop_by_hop_without_waiting_for_a_state() {
    let mut net = Net::new(8, 4);
    (0..3).for_each(|node| {
        net.link(node, node + 1);
    });
    (4..7).for_each(|node| {
        net.link(node, node + 1);
    });
    net.run_for(2_000);
    net.write(0, 1, 100);
    net.write(7, 2, 100);
    for (a, b) in [(0, 1), (6, 7)] {
        let via = *net.nodes[a].links.iter().find(|(_, peer)| **peer == b).unwrap().0;
        net.cut(via);
        net.link(a, b);
    }
    net.link(3, 4);
    let healed = net.now;
    while !net.all_equal() {
        net.run_for(100);
        assert!(net.now - healed < 10_000, "it waits for something");
    }
    assert_eq!(net.faults(), 0);
}

#[test]
fn at_90_n_701_a_silent_loss_lasts_at_most_thirty_five_seconds_and_a_moment_behind_causes_nothing() {
    let mut net = Net::new(2, 5);
    net.link(0, 1);
    net.run_for(1_000);
    // Written without a push: the neighbour learns of it by STATE alone.
    net.write(0, 1, 5);
    let lost_at = net.now;
    while !net.all_equal() {
        net.run_for(500);
        assert!(net.now - lost_at <= 35_000);
    }
    // Both write the same entry at nearly the same moment (as push would bring it): no vector is sent.
    net.run_for(60_000);
    net.trace.clear();
    net.run_until(net.next_state - 50);
    net.write(0, 1, 1);
    net.run_for(500);
    net.write(1, 1, 1);
    net.run_for(20_000);
    assert!(net.trace.is_empty(), "{:?}", net.trace);
}

#[test]
fn at_90_who_passes_on_everything_but_one_author_hides_nothing_from_whoever_has_another_way() {
    let mut net = Net::new(4, 8);
    let (ana, hal, ben, dee) = (0, 1, 2, 3);
    net.nodes[hal].lie = Lie::Without(1);
    net.link(ana, hal);
    net.link(hal, ben);
    net.write(ana, 1, 40);
    net.write(ana, 2, 40);
    net.run_for(120_000);
    let of = |net: &Net, node: usize, author: u8| net.nodes[node].held.next_seq(&tag(author));
    assert_eq!((of(&net, hal, 1), of(&net, hal, 2)), (40, 40));
    assert_eq!((of(&net, ben, 1), of(&net, ben, 2)), (0, 40), "the lie works while there is no other way");
    // One honest way, however late, and the comparison of logs brings all of it, without anybody's push.
    net.link(dee, ben);
    net.link(dee, ana);
    let opened = net.now;
    while of(&net, ben, 1) < 40 {
        net.run_for(500);
        assert!(net.now - opened <= 70_000, "two comparisons of at most 35 s each");
    }
    net.write(ana, 1, 3);
    net.run_for(70_000);
    assert_eq!(of(&net, ben, 1), 43);
    assert!(net.nodes[ben].faults.is_empty(), "nobody honest is blamed");
}

#[test]
fn at_89_n_713_a_neighbour_that_claims_and_does_not_give_is_dropped_and_the_honest_one_delivers() {
    for lie in [Lie::Silent, Lie::Empty, Lie::Old] {
        let mut net = Net::new(3, 6);
        net.write(0, 1, 500);
        net.write(1, 1, 500);
        net.nodes[1].lie = lie;
        net.link(2, 1);
        net.run_for(300);
        net.link(2, 0);
        net.run_for(120_000);
        assert_eq!((net.nodes[2].held.count(), lie), (500, lie));
        let faults = &net.nodes[2].faults;
        assert!(faults.iter().all(|(peer, _)| *peer == 1), "the honest one got {faults:?}");
        net.run_for(600_000);
        let (from_liar, faults) = (net.nodes[2].got_entries.get(&1).copied().unwrap_or(0), net.nodes[2].faults.len());
        assert!(from_liar <= 64 * 12, "{from_liar} entries of a liar were read");
        assert!((2..=6).contains(&faults) || lie == Lie::Old, "{faults} faults");
        let resting = net.nodes[2].machine.sessions.values().any(|session| session.phase == Phase::Resting);
        assert!(resting || lie == Lie::Old);
        let wants =
            net.trace.iter().filter(|(_, node, action)| *node == 2 && matches!(action, SyncAction::Want { .. }));
        assert!(wants.count() < 40, "it goes on asking");
    }
}

#[test]
fn n_516_thirty_nodes_with_links_that_come_and_go_end_with_all_entries() {
    for seed in 0..3 {
        let mut net = Net::new(30, seed);
        for n in 0..30 {
            net.link(n, (n + 1) % 30);
            let other = net.below(30);
            net.link(n, other);
        }
        for _ in 0..80 {
            let node = net.below(30);
            net.write(node, node as u8, 3);
            let (a, b, at) = (net.below(30), net.below(30), net.below(net.latency.len()));
            let via = *net.latency.keys().nth(at).unwrap();
            net.cut(via);
            net.link(a, b);
            net.run_for(400);
        }
        (0..30).for_each(|n| {
            net.link(n, (n + 1) % 30);
        });
        net.run_for(60_000);
        assert!(net.all_equal(), "seed {seed}");
        assert_eq!(net.nodes[0].held.count(), 240);
        assert_eq!(net.faults(), 0, "seed {seed}: honest nodes blame each other");
    }
}

#[test]
fn n_308_nothing_flows_before_membership_settled_and_after_thirty_seconds_the_slot_is_given_up() {
    let mut machine = AntiEntropy::default();
    let (a, held) = (Neighbour { link: LinkId(1), slot: 1 }, Held::default());
    machine.on_open(Timestamp::new(1_000, 0), a);
    let claim = VectorItem { tag: tag(1), floor: 0, ranges: vec![(0, 5)], head: [0; 8], fork: None };
    let vector = Vector { extent: Extent::Full, more: false, items: vec![claim] };
    assert_eq!(machine.on_vector(Timestamp::new(1_000, 0), a, &vector, &held), vec![]);
    let want = Want { request: 1, ranges: vec![] };
    let refused = machine.on_want(a, &want, &held);
    assert_eq!(refused, vec![SyncAction::Fault { neighbour: a, fault: PeerFault::OutOfPlace }]);
    assert_eq!(machine.next_deadline(), Some(31_000));
    let stalled = machine.on_deadline(Timestamp::new(31_000, 0), &held);
    assert_eq!(stalled, vec![SyncAction::Stalled { neighbour: a }]);
    // It settles after all: now its claim counts, and ours is its answer.
    let settled = machine.on_settled(Timestamp::new(31_500, 0), a, &held);
    assert!(settled.contains(&SyncAction::FullVector { to: a }));
}

#[test]
fn n_211_what_nobody_asked_for_is_a_fault_and_what_comes_after_a_cancel_is_not() {
    let mut machine = AntiEntropy::default();
    let (a, mut held, now) = (Neighbour { link: LinkId(1), slot: 1 }, Held::default(), Timestamp::new(1_000, 0));
    held.admit(tag(1), &entry(1, 0));
    machine.on_open(now, a);
    machine.on_settled(now, a, &held);
    let claim = VectorItem { tag: tag(1), floor: 0, ranges: vec![(0, 9)], head: [0; 8], fork: None };
    let actions = machine.on_vector(now, a, &Vector { extent: Extent::Full, more: false, items: vec![claim] }, &held);
    assert!(matches!(&actions[..], [SyncAction::Want { want, .. }] if want.request == 1));
    let give = |request, tag, first, count| Give {
        request,
        tag,
        first,
        entries: (first..first + count).map(|seq| entry(1, seq)).collect(),
        last: false,
    };
    for (wrong, why) in [
        (give(2, tag(1), 1, 1), "another request"),
        (give(1, tag(2), 1, 1), "another log"),
        (give(1, tag(1), 0, 1), "what is held"),
        (give(1, tag(1), 5, 6), "beyond the end"),
    ] {
        assert_eq!(machine.on_give(now, a, wrong), Err(PeerFault::Unasked), "{why}");
    }
    assert!(machine.on_give(now, a, give(1, tag(1), 1, 3)).is_ok());
    let stall = machine.on_deadline(Timestamp::new(11_000, 0), &held);
    assert!(stall.contains(&SyncAction::Cancel { to: a, request: 1 }));
    assert!(machine.on_give(now, a, give(1, tag(1), 4, 3)).is_ok());
}

/// A machine that asked one neighbour for entries 1 to 9 of two logs, in two requests that stall together.
fn two_stalls() -> (AntiEntropy, Neighbour, Held) {
    let mut machine = AntiEntropy::default();
    let (a, mut held, now) = (Neighbour { link: LinkId(1), slot: 1 }, Held::default(), Timestamp::new(1_000, 0));
    machine.on_open(now, a);
    (1..3).for_each(|n| assert!(held.admit(tag(n), &entry(n, 0))));
    machine.on_settled(now, a, &held);
    for n in 1..3 {
        let item = VectorItem { tag: tag(n), floor: 0, ranges: vec![(0, 9)], head: [0; 8], fork: None };
        machine.on_vector(now, a, &Vector { extent: Extent::Delta, more: false, items: vec![item] }, &held);
    }
    let stalled = machine.on_deadline(Timestamp::new(11_000, 0), &held);
    assert!(stalled.iter().all(|action| matches!(action, SyncAction::Cancel { .. })), "{stalled:?}");
    assert_eq!((stalled.len(), machine.sessions[&a].phase), (2, Phase::Resting));
    (machine, a, held)
}

#[test]
fn n_713_what_comes_late_over_a_slow_path_ends_the_rest_and_is_no_fault() {
    let (mut machine, a, mut held) = two_stalls();
    let entries = (1..10).map(|seq| entry(1, seq)).collect();
    let late = Give { request: 1, tag: tag(1), first: 1, entries, last: true };
    let now = Timestamp::new(11_460, 0);
    let intake = machine.on_give(now, a, late).unwrap();
    intake.entries.iter().for_each(|bytes| assert!(held.admit(tag(1), bytes)));
    let actions = machine.on_given(now, &intake, Outcome { admitted: 9, waiting: 0 }, &held);
    assert!(actions.contains(&SyncAction::FullVector { to: a }));
    assert_eq!(machine.sessions[&a].phase, Phase::Open);
    let later = machine.on_deadline(Timestamp::new(80_000, 0), &held);
    assert!(!later.iter().any(|action| matches!(action, SyncAction::Fault { .. })), "{later:?}");
}

#[test]
fn n_713_a_request_of_which_nothing_came_for_a_minute_is_a_fault() {
    let (mut machine, a, held) = two_stalls();
    assert_eq!(machine.on_deadline(Timestamp::new(70_999, 0), &held), vec![]);
    let faults = machine.on_deadline(Timestamp::new(71_000, 0), &held);
    assert_eq!(faults, vec![SyncAction::Fault { neighbour: a, fault: PeerFault::Undelivered }; 2]);
}

#[test]
fn n_701_entries_that_wait_for_an_operation_are_not_fetched_again_until_membership_moves() {
    let mut machine = AntiEntropy::default();
    let (a, mut held, now) = (Neighbour { link: LinkId(1), slot: 1 }, Held::default(), Timestamp::new(1_000, 0));
    held.admit(tag(1), &entry(1, 0));
    machine.on_open(now, a);
    machine.on_settled(now, a, &held);
    let claim = VectorItem { tag: tag(1), floor: 0, ranges: vec![(0, 4)], head: [0; 8], fork: None };
    machine.on_vector(now, a, &Vector { extent: Extent::Full, more: false, items: vec![claim] }, &held);
    let entries = (1..5).map(|seq| entry(1, seq)).collect();
    let intake = machine.on_give(now, a, Give { request: 1, tag: tag(1), first: 1, entries, last: true }).unwrap();
    let waits = Outcome { admitted: 0, waiting: 4 };
    assert_eq!(machine.on_given(now, &intake, waits, &held), vec![]);
    assert_eq!(machine.on_deadline(Timestamp::new(5_999, 0), &held), vec![]);
    let again = machine.on_membership_moved(Timestamp::new(6_000, 0), &held);
    assert!(matches!(&again[..], [SyncAction::Want { want, .. }] if want.ranges[0].from == 1));
}

#[test]
fn at_98_n_712_a_want_for_the_whole_number_space_queues_nothing() {
    let mut machine = AntiEntropy::default();
    let (a, mut held, now) = (Neighbour { link: LinkId(1), slot: 1 }, Held::default(), Timestamp::new(1_000, 0));
    (0..10).for_each(|seq| assert!(held.admit(tag(1), &entry(1, seq))));
    machine.on_open(now, a);
    machine.on_settled(now, a, &held);
    let range = |from, to| frames::WantRange { tag: tag(1), branch: None, from, to, what: frames::What::OldestFirst };
    let greedy = Want { request: 1, ranges: vec![range(0, limits::SEQ_END - 1); 64] };
    assert!(
        matches!(&machine.on_want(a, &greedy, &held)[..], [SyncAction::Gone { gone, .. }] if gone.ranges.len() == 64)
    );
    assert_eq!(machine.take_serve(a), None);
    let beyond = Want { request: 2, ranges: vec![range(4, 20)] };
    let actions = machine.on_want(a, &beyond, &held);
    let refused = frames::GoneRange { tag: tag(1), from: 10, to: 20, why: Why::NeverHad };
    assert_eq!(actions[0], SyncAction::Gone { to: a, gone: Gone { request: 2, ranges: vec![refused] } });
    let serve = Serve { request: 2, tag: tag(1), branch: 0, from: 4, to: 9, last: true };
    assert_eq!(machine.take_serve(a), Some(serve));
    machine.on_want(a, &Want { request: 3, ranges: vec![range(0, 3)] }, &held);
    machine.on_cancel(a, 3);
    assert_eq!(machine.take_serve(a), None);
}

#[test]
fn n_703_a_name_is_believed_only_if_it_was_asked_for_and_the_tag_follows_from_it() {
    let mut machine = AntiEntropy::default();
    let (a, held, now) = (Neighbour { link: LinkId(1), slot: 1 }, Held::default(), Timestamp::new(1_000, 0));
    machine.on_open(now, a);
    machine.on_settled(now, a, &held);
    let claim = VectorItem { tag: tag(1), floor: 0, ranges: vec![(0, 9)], head: [0; 8], fork: None };
    let actions = machine.on_vector(now, a, &Vector { extent: Extent::Full, more: false, items: vec![claim] }, &held);
    assert_eq!(actions, vec![SyncAction::Who { to: a, tags: vec![tag(1)] }]);
    let wrong = LogName { tag: tag(1), log: log_of(2) };
    let unasked = LogName { tag: tag(3), log: log_of(3) };
    assert_eq!(machine.on_names(now, a, &[wrong, unasked], &tag_of, &held), vec![]);
    assert_eq!((machine.name_of(&tag(1)), machine.name_of(&tag(3))), (None, None));
    let right = LogName { tag: tag(1), log: log_of(1) };
    let actions = machine.on_names(now, a, &[right], &tag_of, &held);
    assert!(matches!(&actions[..], [SyncAction::Want { want, .. }] if want.ranges[0].to == 9));
    assert_eq!(machine.name_of(&tag(1)), Some(log_of(1)));
}

#[test]
fn at_89_n_702_claims_of_a_hostile_neighbour_are_bounded() {
    let mut machine = AntiEntropy::default();
    let (a, held, now) = (Neighbour { link: LinkId(1), slot: 1 }, Held::default(), Timestamp::new(1_000, 0));
    machine.on_open(now, a);
    machine.on_settled(now, a, &held);
    for frame in 0..16_u64 {
        let item = |n: u64| {
            let mut tag = [1; 16];
            tag[..8].copy_from_slice(&(frame * 2_000 + n).to_be_bytes());
            VectorItem { tag: LogTag(tag), floor: 0, ranges: vec![(0, 1 << 39)], head: [1; 8], fork: None }
        };
        let vector = Vector { extent: Extent::Full, more: true, items: (0..2_000).map(item).collect() };
        machine.on_vector(now, a, &vector, &held);
    }
    assert_eq!(machine.sessions[&a].lacks.len(), limits::LOGS_PER_GROUP_MAX);
}

#[test]
fn inv_s10_the_same_seed_gives_the_same_trace() {
    let trace = |seed| {
        let mut net = Net::new(6, seed);
        (0..6).for_each(|node| net.write(node, node as u8, 30));
        (0..6).for_each(|node| {
            net.link(node, (node + 1) % 6);
        });
        net.run_for(40_000);
        assert!(net.all_equal());
        net.trace
    };
    assert!(trace(1) == trace(1) && trace(1) != trace(2));
}
