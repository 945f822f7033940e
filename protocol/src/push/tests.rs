//! A small network in virtual time: nodes, links with latencies, a payload count. Anti-entropy is modelled by its
//! contract alone (whoever compares ends with the union), because this room is about speed, not about delivery.

use super::*;
use alloc::collections::BTreeSet;
use alloc::vec;
use core::cell::RefCell;
use rand_chacha::ChaCha20Rng;
use rand_core::{Rng, SeedableRng};

#[derive(Clone, Debug)]
enum Message {
    Push(ItemId, u8),
    Have(Vec<ItemId>),
    Graft(Vec<ItemId>),
    Prune,
}

#[derive(Default)]
struct Node {
    tree: Tree,
    items: BTreeSet<ItemId>,
    links: BTreeMap<Neighbour, usize>,
    payloads_got: usize,
}

struct Net {
    nodes: Vec<Node>,
    latency: BTreeMap<Neighbour, u64>,
    wire: BTreeMap<(u64, u64), (usize, Neighbour, Message)>,
    authors: BTreeMap<ItemId, usize>,
    now: u64,
    sent: u64,
    payloads: usize,
    wants: usize,
    rng: ChaCha20Rng,
    trace: RefCell<Vec<(u64, usize, PushAction)>>,
}

fn below(rng: &mut ChaCha20Rng, end: u64) -> u64 {
    rng.next_u64() % end
}

fn item(n: u64) -> ItemId {
    let mut bytes = [0xA5; 16];
    bytes[..8].copy_from_slice(&n.to_be_bytes());
    ItemId(bytes)
}

impl Net {
    fn new(count: usize, seed: u64) -> Self {
        Self {
            nodes: (0..count).map(|_| Node::default()).collect(),
            latency: BTreeMap::new(),
            wire: BTreeMap::new(),
            authors: BTreeMap::new(),
            now: 1_000,
            sent: 0,
            payloads: 0,
            wants: 0,
            rng: ChaCha20Rng::seed_from_u64(seed),
            trace: RefCell::new(Vec::new()),
        }
    }

    fn at(&self) -> Timestamp {
        Timestamp::new(self.now, self.now)
    }

    /// Links of `degree` on average, connected by a ring, latencies of 5–60 ms.
    fn linked(count: usize, degree: usize, seed: u64) -> Self {
        let mut net = Self::new(count, seed);
        (0..count).for_each(|a| net.link(a, (a + 1) % count));
        while net.latency.len() < (count * degree / 2).min(count * (count - 1) / 2) {
            let (a, b) = (below(&mut net.rng, count as u64) as usize, below(&mut net.rng, count as u64) as usize);
            net.link(a, b);
        }
        net.set_online(count);
        net
    }

    fn full(count: usize, seed: u64) -> Self {
        let mut net = Self::new(count, seed);
        for a in 0..count {
            ((a + 1)..count).for_each(|b| net.link(a, b));
        }
        net
    }

    fn set_online(&mut self, count: usize) {
        for at in 0..self.nodes.len() {
            let actions = self.nodes[at].tree.on_online(Timestamp::new(self.now, 0), count);
            self.act(at, actions);
        }
    }

    fn link(&mut self, a: usize, b: usize) {
        if a == b || self.nodes[a].links.values().any(|&peer| peer == b) {
            return;
        }
        let latency = 5 + below(&mut self.rng, 56);
        self.sent += 1;
        let via = Neighbour { link: crate::ids::LinkId(self.sent), slot: 1 };
        self.latency.insert(via, latency);
        for (node, peer) in [(a, b), (b, a)] {
            self.nodes[node].links.insert(via, peer);
            let seat = SeatNumber(u8::try_from(peer).unwrap());
            self.nodes[node].tree.on_neighbour_up(via, Some(seat), (2 * latency, Path::DirectQuic));
        }
        self.compare(a, b);
    }

    /// The link closes; what was on it is lost.
    fn cut(&mut self, via: Neighbour) {
        self.wire.retain(|_, (_, over, _)| *over != via);
        let ends: Vec<usize> = (0..self.nodes.len()).filter(|&n| self.nodes[n].links.contains_key(&via)).collect();
        for end in ends {
            self.nodes[end].links.remove(&via);
            let actions = self.nodes[end].tree.on_neighbour_down(Timestamp::new(self.now, 0), via);
            self.act(end, actions);
        }
        self.latency.remove(&via);
    }

    /// What anti-entropy promises: both end with the union, and pass on what was new (N-710).
    fn compare(&mut self, a: usize, b: usize) {
        let mut todo = vec![(a, b), (b, a)];
        while let Some((from, to)) = todo.pop() {
            let new: Vec<ItemId> = self.nodes[from].items.difference(&self.nodes[to].items).copied().collect();
            if new.is_empty() {
                continue;
            }
            for id in new {
                self.nodes[to].items.insert(id);
                self.nodes[to].tree.on_fetched(Timestamp::new(self.now, 0), id);
            }
            todo.extend(self.nodes[to].links.values().map(|&next| (to, next)));
        }
    }

    fn publish(&mut self, author: usize, n: u64) {
        let id = item(n);
        self.authors.insert(id, author);
        self.nodes[author].items.insert(id);
        self.arrive(author, id, None, 0);
    }

    fn arrive(&mut self, node: usize, id: ItemId, from: Option<Neighbour>, hop: u8) {
        let author = self.authors[&id];
        let direct: SeatSet =
            self.nodes[author].links.values().map(|&peer| SeatNumber(u8::try_from(peer).unwrap())).collect();
        let seat = SeatNumber(u8::try_from(author).unwrap());
        let arrival = Arrival { id, from, hop, author: Some(seat), author_links: Some(&direct) };
        let actions = self.nodes[node].tree.on_item(Timestamp::new(self.now, 0), &arrival);
        self.act(node, actions);
    }

    fn act(&mut self, node: usize, actions: Vec<PushAction>) {
        for action in actions {
            self.trace.borrow_mut().push((self.now, node, action.clone()));
            match action {
                PushAction::Push { to, id, hop } => {
                    self.payloads += 1;
                    self.send(node, to, Message::Push(id, hop));
                }
                PushAction::Have { to, ids } => self.send(node, to, Message::Have(ids)),
                PushAction::Graft { to, ids } => self.send(node, to, Message::Graft(ids)),
                PushAction::Prune { to } => self.send(node, to, Message::Prune),
                PushAction::Resync { neighbour: with } | PushAction::Want { from: Some(with), .. } => {
                    self.wants += 1;
                    if let Some(&peer) = self.nodes[node].links.get(&with) {
                        self.compare(node, peer);
                    }
                }
                PushAction::Want { from: None, .. } => self.wants += 1,
            }
        }
    }

    fn send(&mut self, from: usize, via: Neighbour, message: Message) {
        let to = self.nodes[from].links[&via];
        self.sent += 1;
        self.wire.insert((self.now + self.latency[&via], self.sent), (to, via, message));
    }

    fn receive(&mut self, node: usize, via: Neighbour, message: Message) {
        let (now, held) = (self.at(), self.nodes[node].items.clone());
        let tree = &mut self.nodes[node].tree;
        let actions = match message {
            Message::Push(id, hop) => {
                self.nodes[node].payloads_got += 1;
                if held.contains(&id) {
                    self.nodes[node].tree.on_duplicate(now, via, &id)
                } else {
                    self.nodes[node].items.insert(id);
                    return self.arrive(node, id, Some(via), hop);
                }
            }
            Message::Have(ids) => tree.on_have(now, via, &ids, &|id| held.contains(id)),
            Message::Graft(ids) => tree.on_graft(now, via, &ids, &|id| held.contains(id).then_some(200)),
            Message::Prune => {
                tree.on_prune(via);
                vec![]
            }
        };
        self.act(node, actions);
    }

    /// Runs until `until`, or until nothing is left to do.
    fn run_until(&mut self, until: u64) {
        loop {
            let frame = self.wire.first_key_value().map(|(&(at, _), _)| at);
            let timer = self.nodes.iter().filter_map(|node| node.tree.next_deadline()).min();
            let Some(next) = frame.into_iter().chain(timer).min().filter(|&at| at <= until) else { break };
            self.now = self.now.max(next);
            for at in 0..self.nodes.len() {
                if self.nodes[at].tree.next_deadline().is_some_and(|due| due <= self.now) {
                    let now = self.at();
                    let actions = self.nodes[at].tree.on_deadline(now);
                    self.act(at, actions);
                    assert!(self.nodes[at].tree.next_deadline().is_none_or(|due| due > self.now), "a timer that spins");
                }
            }
            while let Some(first) = self.wire.first_entry().filter(|first| first.key().0 <= self.now) {
                let (node, via, message) = first.remove();
                self.receive(node, via, message);
            }
        }
        self.now = until;
    }

    fn run_for(&mut self, ms: u64) {
        self.run_until(self.now + ms);
    }

    fn all_have_all(&self) -> bool {
        self.nodes.iter().all(|node| node.items.len() == self.authors.len())
    }
}

#[test]
fn n_507_a_fully_linked_group_needs_one_hop_and_no_second_copy() {
    for count in [2, 3, 12] {
        let mut net = Net::full(count, 1);
        for n in 0..20 {
            net.publish(n as usize % count, n);
            net.run_for(70);
        }
        assert!(net.all_have_all());
        assert_eq!(net.payloads, 20 * (count - 1));
        assert_eq!(net.wants, 0);
    }
}

#[test]
fn n_507_in_direct_mode_others_fill_in_where_the_author_has_no_link() {
    let mut net = Net::full(8, 2);
    let between = *net.nodes[0].links.iter().find(|(_, peer)| **peer == 5).unwrap().0;
    net.cut(between);
    net.publish(0, 1);
    net.run_for(200);
    assert!(net.all_have_all());
    // Six neighbours of the author each pass it to node 5 alone.
    assert_eq!(net.payloads, 6 + 6);
}

#[test]
fn n_504_the_mode_changes_with_hysteresis_and_all_become_eager() {
    let mut tree = Tree::default();
    let at = Timestamp::new(0, 0);
    let a = Neighbour { link: crate::ids::LinkId(1), slot: 1 };
    tree.on_neighbour_up(a, None, (10, Path::DirectTcp));
    for (members, mode) in
        [(12, Mode::Direct), (14, Mode::Direct), (15, Mode::Tree), (13, Mode::Tree), (12, Mode::Direct)]
    {
        tree.on_prune(a);
        let was = tree.mode();
        tree.on_online(at, members);
        assert_eq!(tree.mode(), mode);
        assert_eq!(tree.eager_count(), usize::from(was != mode));
    }
}

/// Gate G-2, and the argument of N-516: with a connected graph and no closing link, push alone reaches all.
#[test]
fn n_516_in_a_steady_tree_of_thirty_every_item_reaches_all_at_less_than_one_point_three_copies() {
    for seed in 0..5 {
        let mut net = Net::linked(30, 8, seed);
        for n in 0..60 {
            net.publish(n as usize % 30, n);
            net.run_for(100);
        }
        net.run_for(5_000);
        let (before, mut worst) = (net.payloads, 0);
        for n in 60..260 {
            let start = net.now;
            let author = below(&mut net.rng, 30) as usize;
            net.publish(author, n);
            net.run_for(100);
            worst = worst.max(net.now - start);
        }
        net.run_for(5_000);
        assert!(net.all_have_all(), "seed {seed}");
        assert_eq!(net.wants, 0, "seed {seed}: push needed no help");
        let (needed, got) = (200 * 29, net.payloads - before);
        std::println!("seed {seed}: {got} payloads for {needed} deliveries");
        assert!(got * 10 <= needed * 13, "seed {seed}: {got} payloads for {needed} deliveries");
    }
}

#[test]
fn n_513_a_broadcast_survives_the_cut_of_eager_links() {
    for seed in 0..10 {
        let mut net = Net::linked(20, 8, seed);
        for n in 0..40 {
            net.publish(n as usize % 20, n);
            net.run_for(100);
        }
        for n in 40..80 {
            net.publish(n as usize % 20, n);
            net.run_for(20);
            // Cut one eager link of some node while the item is on its way; never the last two links of a node.
            let node = below(&mut net.rng, 20) as usize;
            let roomy = |peer: usize| net.nodes[peer].links.len() > 3;
            let eager = net.nodes[node]
                .tree
                .peers
                .iter()
                .find(|(via, peer)| peer.edge == Edge::Eager && roomy(node) && roomy(net.nodes[node].links[via]));
            if let Some((&via, _)) = eager {
                net.cut(via);
            }
            net.run_for(3_000);
            let missing = net.nodes.iter().filter(|node| !node.items.contains(&item(n))).count();
            assert_eq!(missing, 0, "seed {seed}, item {n}");
        }
    }
}

#[test]
fn n_516_links_that_come_and_go_lose_nothing_once_they_are_healed() {
    for seed in 0..10 {
        let count = 3 + seed as usize * 3;
        let mut net = Net::linked(count, 4, seed);
        for n in 0..100 {
            let author = below(&mut net.rng, count as u64) as usize;
            net.publish(author, n);
            net.run_for(30);
            let links: Vec<Neighbour> = net.latency.keys().copied().collect();
            if below(&mut net.rng, 2) == 0 && !links.is_empty() {
                let at = below(&mut net.rng, links.len() as u64) as usize;
                net.cut(links[at]);
            } else {
                let (a, b) = (below(&mut net.rng, count as u64) as usize, below(&mut net.rng, count as u64) as usize);
                net.link(a, b);
            }
        }
        (0..count).for_each(|a| net.link(a, (a + 1) % count));
        net.run_for(10_000);
        assert!(net.all_have_all(), "seed {seed}");
    }
}

#[test]
fn n_510_an_announced_item_is_asked_of_each_source_in_turn_and_then_left_to_anti_entropy() {
    let mut tree = Tree::default();
    let name = |n| Neighbour { link: crate::ids::LinkId(n), slot: 1 };
    tree.on_online(Timestamp::new(0, 0), 20);
    for (n, rtt) in [(1, 90), (2, 30), (3, 500)] {
        tree.on_neighbour_up(name(n), None, (rtt, Path::DirectQuic));
        tree.on_prune(name(n));
        assert!(tree.on_have(Timestamp::new(1_000, 0), name(n), &[item(7)], &|_| false).is_empty());
    }
    // Nobody is eager: timer 1 is its least, 200 ms.
    for (at, to) in [(1_200, 2), (1_360, 1), (1_640, 3)] {
        assert_eq!(tree.next_deadline(), Some(at));
        let asked = vec![PushAction::Graft { to: name(to), ids: vec![item(7)] }];
        assert_eq!(tree.on_deadline(Timestamp::new(at, 0)), asked);
        assert_eq!(tree.on_deadline(Timestamp::new(at, 0)), vec![]);
    }
    assert_eq!(tree.next_deadline(), Some(2_640));
    let end = vec![PushAction::Want { id: item(7), from: Some(name(3)) }];
    assert_eq!(tree.on_deadline(Timestamp::new(2_640, 0)), end);
    assert_eq!(tree.next_deadline(), None);
}

#[test]
fn n_510_announcements_wait_for_company_and_beyond_the_bound_the_logs_are_compared() {
    let mut tree = Tree::default();
    let a = Neighbour { link: crate::ids::LinkId(1), slot: 1 };
    tree.on_online(Timestamp::new(0, 0), 20);
    tree.on_neighbour_up(a, None, (10, Path::DirectQuic));
    tree.on_prune(a);
    let own = |n| Arrival { id: item(n), from: None, hop: 0, author: None, author_links: None };
    for n in 0..63 {
        assert!(tree.on_item(Timestamp::new(100, 0), &own(n)).is_empty());
    }
    assert_eq!(tree.next_deadline(), Some(125));
    let all = tree.on_item(Timestamp::new(101, 0), &own(63));
    assert!(matches!(&all[..], [PushAction::Have { ids, .. }] if ids.len() == 64));

    let many: Vec<ItemId> = (1_000..1_000 + 4_200).map(item).collect();
    let mut resyncs = 0;
    for ids in many.chunks(256) {
        resyncs += tree.on_have(Timestamp::new(200, 0), a, ids, &|_| false).len();
    }
    assert_eq!((tree.missing.len(), resyncs), (4_096, 1));
}

#[test]
fn at_100_n_511_a_graft_gets_each_stored_item_once_and_no_more_than_its_share() {
    let mut tree = Tree::default();
    let a = Neighbour { link: crate::ids::LinkId(1), slot: 1 };
    tree.on_neighbour_up(a, None, (10, Path::DirectQuic));
    tree.on_prune(a);
    let ids: Vec<ItemId> = [1, 1, 2, 3].map(item).to_vec();
    let now = Timestamp::new(50, 0);
    let pushed = tree.on_graft(now, a, &ids, &|id| (*id != item(2)).then_some(100));
    assert_eq!(pushed.len(), 2);
    assert_eq!(tree.eager_count(), 1);
    let big: Vec<ItemId> = (10..74).map(item).collect();
    let pushed = tree.on_graft(now, a, &big, &|_| Some(100 * 1_024));
    assert_eq!(pushed.len(), 10, "1 MiB in 10 s");
}

#[test]
fn n_512_a_lazy_neighbour_that_leads_takes_the_place_of_the_slow_one() {
    let mut tree = Tree::default();
    let (slow, quick) =
        (Neighbour { link: crate::ids::LinkId(1), slot: 1 }, Neighbour { link: crate::ids::LinkId(2), slot: 1 });
    tree.on_online(Timestamp::new(0, 0), 20);
    tree.on_neighbour_up(slow, None, (10, Path::DirectQuic));
    tree.on_neighbour_up(quick, None, (30, Path::DirectQuic));
    tree.on_prune(quick);
    let mut turned = vec![];
    for n in 0..5 {
        let at = 1_000 + n * 1_000;
        tree.on_have(Timestamp::new(at, 0), quick, &[item(n)], &|_| false);
        assert!(turned.is_empty());
        let arrival = Arrival { id: item(n), from: Some(slow), hop: 0, author: None, author_links: None };
        turned = tree.on_item(Timestamp::new(at + 60, 0), &arrival);
    }
    assert_eq!(turned, vec![PushAction::Graft { to: quick, ids: vec![] }, PushAction::Prune { to: slow }]);
}

#[test]
fn at_100_n_509_a_second_copy_prunes_its_link_but_not_the_one_that_brought_the_first() {
    let mut tree = Tree::default();
    let (a, b) =
        (Neighbour { link: crate::ids::LinkId(1), slot: 1 }, Neighbour { link: crate::ids::LinkId(2), slot: 1 });
    tree.on_online(Timestamp::new(0, 0), 20);
    [a, b].into_iter().for_each(|n| tree.on_neighbour_up(n, None, (10, Path::DirectQuic)));
    let now = Timestamp::new(10, 0);
    tree.on_item(now, &Arrival { id: item(1), from: Some(a), hop: 0, author: None, author_links: None });
    assert_eq!(tree.on_duplicate(now, a, &item(1)), vec![]);
    assert_eq!(tree.on_duplicate(now, b, &item(1)), vec![PushAction::Prune { to: b }]);
    assert_eq!(tree.on_duplicate(now, b, &item(1)), vec![], "one PRUNE is on its way");
    let later = now.plus_ms(1_001);
    assert_eq!(tree.on_duplicate(later, b, &item(1)), vec![PushAction::Prune { to: b }], "it did not listen");
    tree.on_fetched(now, item(2));
    assert_eq!(tree.on_duplicate(now, a, &item(2)), vec![], "fetched copies say nothing about the tree");
}

#[test]
fn n_506_what_came_and_waits_or_is_superseded_is_asked_of_nobody_and_goes_on_once_it_is_admitted() {
    let mut tree = Tree::default();
    let (a, b) =
        (Neighbour { link: crate::ids::LinkId(1), slot: 1 }, Neighbour { link: crate::ids::LinkId(2), slot: 1 });
    tree.on_online(Timestamp::new(0, 0), 20);
    [a, b].into_iter().for_each(|n| tree.on_neighbour_up(n, None, (10, Path::DirectQuic)));
    let now = Timestamp::new(10, 0);
    tree.on_have(now, b, &[item(1)], &|_| false);
    tree.on_held(now, item(1), a, 0);
    assert_eq!(tree.next_deadline(), None, "its announcement is answered");
    assert_eq!(tree.on_duplicate(now, b, &item(1)), vec![PushAction::Prune { to: b }]);
    let admitted = Arrival { id: item(1), from: Some(a), hop: 0, author: None, author_links: None };
    assert_eq!(tree.on_item(now.plus_ms(500), &admitted), vec![], "the lazy one is told, not sent");
    let told = tree.on_deadline(now.plus_ms(525));
    assert_eq!(told, vec![PushAction::Have { to: b, ids: vec![item(1)] }]);
}

#[test]
fn inv_s10_the_same_seed_gives_the_same_trace() {
    let trace = |seed| {
        let mut net = Net::linked(20, 6, seed);
        for n in 0..30 {
            net.publish(n as usize % 20, n);
            net.run_for(40);
        }
        net.run_for(5_000);
        net.trace.into_inner()
    };
    assert_eq!(trace(4), trace(4));
    assert_ne!(trace(4), trace(5));
}
