//! A few people in one room: real accounts, a virtual clock, seeded luck, links that deliver in order. For tests that
//! read as sentences; the simulator has the weather.
#![cfg_attr(not(test), expect(clippy::indexing_slicing, reason = "a person who isn't there ends the test"))]
#![expect(clippy::panic, clippy::unwrap_used, reason = "the callers are tests: what was not expected ends them")]

use std::collections::{BTreeMap, BTreeSet};
use std::string::String;
use std::vec::Vec;

use bytes::Bytes;
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;

use crate::{
    Account, Boot, Channel, Command, CommandError, Effects, Identity, Input, LinkAction, LinkId, MemberKey, Opener,
    Path, Record, Reply, Secret, Timestamp,
};

mod host;
mod people;

pub use host::Host;

/// The room.
pub struct Party {
    /// Everybody, by number.
    pub hosts: Vec<Host>,
    /// The virtual clock, ms.
    pub now_ms: u64,
    links: BTreeMap<LinkId, (usize, LinkId)>,
    next_link: u64,
    /// Pairs that can't reach each other.
    pub cuts: Vec<(usize, usize)>,
    /// If set, every frame that was delivered: from whom, to whom, bytes.
    pub tape: Option<Vec<(usize, usize, Bytes)>>,
}

/// The first moment of every party: a Monday morning.
const START_MS: u64 = 1_795_000_000_000;

fn seeded(tag: u8, n: u8) -> [u8; 32] {
    let mut seed = [tag; 32];
    seed[0] = n;
    seed
}

impl Party {
    /// So many people, each with a profile of their own, all online.
    #[must_use]
    pub fn new(people: u8) -> Self {
        let mut party = Self {
            hosts: Vec::new(),
            now_ms: START_MS,
            links: BTreeMap::new(),
            next_link: 1,
            cuts: Vec::new(),
            tape: None,
        };
        for n in 0..people {
            let identity = Identity::from_seed(Secret::new(seeded(1, n)));
            let (account, effects) = Account::create(identity, crate::Instance([n; 16]), Boot([n; 8]), &name(n));
            let mut host = Host::new(account, n, ChaCha20Rng::from_seed(seeded(2, n)));
            let Ok(()) = effects.apply(&mut host);
            host.inbox.push_back(Input::Listening { addresses: Vec::from([address(n)]) });
            party.hosts.push(host);
        }
        party
    }

    /// The clock's reading.
    #[must_use]
    pub const fn now(&self) -> Timestamp {
        Timestamp::new(self.now_ms - START_MS + 1_000_000, self.now_ms)
    }

    /// What somebody's own wall clock shows.
    fn clock_of(&self, who: usize) -> Timestamp {
        let now = self.now();
        Timestamp::new(now.mono_ms, now.wall_ms.saturating_add_signed(self.hosts[who].skew_ms))
    }

    /// Asks for something and carries it out.
    ///
    /// # Errors
    /// The refusal.
    pub fn ask(&mut self, who: usize, command: Command) -> Result<Reply, CommandError> {
        let now = self.clock_of(who);
        let host = &mut self.hosts[who];
        let (reply, effects) = host.account.execute(now, command, &mut host.rng)?;
        self.apply(who, effects);
        self.settle();
        Ok(reply)
    }

    /// A second machine with a copy of the disk of `who`, which starts at once: both are the same person.
    #[cfg(test)]
    pub(crate) fn copy_of(&mut self, who: usize) -> usize {
        let host = &self.hosts[who];
        let n = host.seed;
        let identity = Identity::from_seed(Secret::new(seeded(1, n)));
        let (account, _) = Account::create(identity, crate::Instance([n; 16]), Boot([n; 8]), &name(n));
        let copy = Host {
            disk: host.disk.clone(),
            installation: host.installation,
            lives: 100,
            ..Host::new(account, n, ChaCha20Rng::from_seed(seeded(4, n)))
        };
        self.hosts.push(copy);
        let at = self.hosts.len() - 1;
        self.start(at);
        at
    }

    /// Does something inside one group of somebody, past every check: a program that keeps to no rule.
    #[cfg(test)]
    pub(crate) fn inside(
        &mut self,
        who: usize,
        group: &crate::GroupId,
        act: impl FnOnce(&mut crate::group::Group, &mut crate::group::Context<'_>),
    ) {
        let now = self.clock_of(who);
        let host = &mut self.hosts[who];
        let effects = host.account.inside(now, group, &mut host.rng, act);
        self.apply(who, effects);
        self.settle();
    }

    fn apply(&mut self, who: usize, effects: Effects) {
        let Ok(()) = effects.apply(&mut self.hosts[who]);
        if self.hosts[who].dead {
            (self.hosts[who].dead, self.hosts[who].commits_left) = (false, None);
            self.stop(who);
            self.start(who);
        }
    }

    /// The power of `who` fails right after its `n`-th commit from now on, before anything else of that step happens;
    /// then it starts again.
    pub fn kill_after(&mut self, who: usize, n: u32) {
        self.hosts[who].commits_left = Some(n);
    }

    /// The power of `who` doesn't fail after all.
    pub fn spare(&mut self, who: usize) {
        self.hosts[who].commits_left = None;
    }

    /// Whether the power failed as [`Self::kill_after`] asked.
    #[must_use]
    pub fn was_killed(&self, who: usize) -> bool {
        self.hosts[who].commits_left.is_none()
    }

    /// The link by which `to` hears `from`, as `to` numbers it.
    #[must_use]
    pub fn link_from(&self, from: usize, to: usize) -> Option<LinkId> {
        let held = self.links.iter().filter(|&(mine, &(other, _))| other == to && self.owner(*mine) == Some(from));
        held.map(|(_, &(_, theirs))| theirs).next_back()
    }

    /// A fresh stream from `from` to `to`, past any gate; only its end at `to` is told. What `to` answers is lost.
    pub fn open_raw(&mut self, from: usize, to: usize, channel: Channel) -> LinkId {
        let link = LinkId(self.next_link);
        self.next_link += 2;
        let (peer, path, opener) = (self.hosts[from].account.me(), Path::DirectQuic, Opener::Peer);
        self.inject(to, Input::Connected { link, peer, channel, path, opener });
        link
    }

    /// Something happens to `who`, whatever the others do.
    pub fn inject(&mut self, who: usize, input: Input) {
        self.give(who, input);
    }

    /// Delivers everything until nothing moves; no time passes.
    pub fn settle(&mut self) {
        for _ in 0..100_000 {
            if !self.step() {
                return;
            }
        }
        panic!("the party never comes to rest");
    }

    fn step(&mut self) -> bool {
        for who in 0..self.hosts.len() {
            let actions = std::mem::take(&mut self.hosts[who].actions);
            let frames = std::mem::take(&mut self.hosts[who].outbox);
            let moved = !actions.is_empty() || !frames.is_empty();
            for (link, bytes) in frames {
                if let Some(&(peer, theirs)) = self.links.get(&link) {
                    if let Some(tape) = self.tape.as_mut() {
                        tape.push((who, peer, bytes.clone()));
                    }
                    self.hosts[peer].inbox.push_back(Input::Received { link: theirs, bytes });
                }
            }
            actions.into_iter().for_each(|action| self.act(who, action));
            if moved {
                return true;
            }
            if let Some(input) = self.hosts[who].inbox.pop_front() {
                self.give(who, input);
                return true;
            }
        }
        false
    }

    fn give(&mut self, who: usize, input: Input) {
        let now = self.clock_of(who);
        let host = &mut self.hosts[who];
        let effects = host.account.handle(now, input, &mut host.rng);
        self.apply(who, effects);
    }

    fn act(&mut self, who: usize, action: LinkAction) {
        match action {
            LinkAction::Dial { peer, channel, addresses, .. } => self.dial(who, peer, channel, &addresses),
            LinkAction::HangUp { link, .. } => self.hang_up(link),
            LinkAction::Classes(classes) => {
                self.hosts[who].gate = classes.into_iter().map(|(key, _)| key).collect();
            }
        }
    }

    fn dial(&mut self, who: usize, peer: Option<MemberKey>, channel: Channel, addresses: &[Vec<u8>]) {
        let found = (0..self.hosts.len()).find(|&n| {
            let at = addresses.contains(&address(self.hosts[n].seed));
            let right = peer.is_none_or(|peer| self.hosts[n].account.me() == peer);
            n != who && at && right && self.hosts[n].online && self.hosts[who].online && !self.is_cut(who, n)
        });
        let me = self.hosts[who].account.me();
        let lets_in = |n: &usize| channel == Channel::Join || self.hosts[*n].gate.contains(&me);
        let Some(other) = found.filter(lets_in) else {
            self.hosts[who].inbox.push_back(Input::DialFailed { peer, channel });
            return;
        };
        let (mine, theirs) = (LinkId(self.next_link), LinkId(self.next_link + 1));
        self.next_link += 2;
        self.links.insert(mine, (other, theirs));
        self.links.insert(theirs, (who, mine));
        let (me, them) = (self.hosts[who].account.me(), self.hosts[other].account.me());
        let path = Path::DirectQuic;
        self.hosts[who].inbox.push_back(Input::Connected { link: mine, peer: them, channel, path, opener: Opener::Us });
        self.hosts[other].inbox.push_back(Input::Connected {
            link: theirs,
            peer: me,
            channel,
            path,
            opener: Opener::Peer,
        });
    }

    fn is_cut(&self, a: usize, b: usize) -> bool {
        self.cuts.contains(&(a, b)) || self.cuts.contains(&(b, a))
    }

    fn hang_up(&mut self, link: LinkId) {
        if let Some((other, theirs)) = self.links.remove(&link) {
            self.links.remove(&theirs);
            self.hosts[other].inbox.push_back(Input::Disconnected { link: theirs });
        }
    }

    /// Nobody of one side reaches anybody of the other.
    pub fn split(&mut self, left: &[usize], right: &[usize]) {
        self.cuts = left.iter().flat_map(|&a| right.iter().map(move |&b| (a, b))).collect();
        let gone: Vec<LinkId> = self
            .links
            .iter()
            .filter(|&(link, &(other, _))| {
                let owner = self.owner(*link);
                owner.is_some_and(|owner| self.is_cut(owner, other))
            })
            .map(|(&link, _)| link)
            .collect();
        for link in gone {
            if let Some(owner) = self.owner(link) {
                self.hosts[owner].inbox.push_back(Input::Disconnected { link });
            }
            self.hang_up(link);
        }
        self.settle();
    }

    /// With whom `who` has a stream.
    #[must_use]
    pub fn linked(&self, who: usize) -> BTreeSet<usize> {
        let mine = self.links.iter().filter(|&(&link, _)| self.owner(link) == Some(who));
        mine.map(|(_, &(other, _))| other).collect()
    }

    fn owner(&self, link: LinkId) -> Option<usize> {
        let &(_, theirs) = self.links.get(&link)?;
        self.links.get(&theirs).map(|&(owner, _)| owner)
    }

    /// The network is whole again.
    pub fn heal(&mut self) {
        self.cuts.clear();
        self.settle();
    }

    /// Lets time pass, waking everybody when they want it.
    pub fn pass(&mut self, ms: u64) {
        let end = self.now_ms + ms;
        loop {
            self.settle();
            let base = START_MS - 1_000_000;
            let online = self.hosts.iter().filter(|host| host.online);
            let next = online.filter_map(|host| host.account.next_deadline()).min().map(|at| at + base);
            match next {
                Some(at) if at <= end => {
                    self.now_ms = self.now_ms.max(at);
                    let now = self.now();
                    for who in 0..self.hosts.len() {
                        let due = self.hosts[who].account.next_deadline().is_some_and(|at| at <= now.mono_ms);
                        if due && self.hosts[who].online {
                            self.give(who, Input::Deadline);
                        }
                    }
                    // A deadline that stands after it was served would never let time pass.
                    self.now_ms += 1;
                }
                _ => break,
            }
        }
        self.now_ms = end;
        self.settle();
    }

    /// The machine stops: links break, memory is gone.
    pub fn stop(&mut self, who: usize) {
        self.hosts[who].online = false;
        let mine: Vec<LinkId> = self.links.keys().copied().filter(|&link| self.owner(link) == Some(who)).collect();
        mine.into_iter().for_each(|link| self.hang_up(link));
        self.hosts[who].inbox.clear();
        self.hosts[who].outbox.clear();
        self.hosts[who].actions.clear();
        self.settle();
    }

    /// The machine starts again from its disk.
    pub fn start(&mut self, who: usize) {
        self.start_as(who, self.hosts[who].installation);
    }

    /// The machine starts with this installation: another number than its own stands for a restored backup (ST-100).
    pub fn start_as(&mut self, who: usize, installation: u8) {
        let now = self.clock_of(who);
        let host = &mut self.hosts[who];
        let n = host.seed;
        let identity = Identity::from_seed(Secret::new(seeded(1, n)));
        let records = host.disk.iter().map(|(&id, bytes)| Record { id, bytes: bytes.clone() });
        let boot = Boot([n.wrapping_add(100).wrapping_add(host.lives); 8]);
        let account = Account::restore(identity, crate::Instance([installation; 16]), boot, now, records).unwrap();
        host.account = account;
        host.installation = installation;
        host.online = true;
        (host.rng, host.lives) = (ChaCha20Rng::from_seed(seeded(host.lives.wrapping_add(3), n)), host.lives + 1);
        host.inbox.push_back(Input::Listening { addresses: Vec::from([address(n)]) });
        self.settle();
    }
}

/// A name for each.
#[must_use]
pub fn name(n: u8) -> String {
    let names = ["Ana", "Ben", "Cy", "Dee", "Eli"];
    names.get(usize::from(n)).map_or_else(|| std::format!("P{n}"), |name| String::from(*name))
}

/// The address of each: loopback, a port of its own.
#[must_use]
pub fn address(n: u8) -> Vec<u8> {
    std::vec![4, 127, 0, 0, 1, 0x91, 2, 0x20, n, 0xcd, 3]
}
