//! Who knows better: ground truth, and the invariants that every run is held to, one function each.
//!
//! The oracle is told what the world did (who wanted to say what, who was crashed, who was sent what) and what each
//! machine made durable and showed. It is written from the documents, not from the code it judges, and asks that code
//! for nothing but what a face could see.

mod alive;
mod durable;
mod keys;
mod marks;
mod safety;
mod secret;
mod watch;

use std::collections::{BTreeMap, BTreeSet};

use coterie_protocol::{Channel, Delivery, EntryId, MemberKey, MessageKind, OrderKey};

use crate::network::HostId;
use crate::scenario::Habit;

pub use alive::{Accord, Journey};
pub use marks::Mark;
pub use safety::excessive;
pub(crate) use watch::Novelty;

/// An invariant that did not hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// Its id.
    pub id: String,
    /// On which host.
    pub host: HostId,
    /// When, µs of the world.
    pub at_us: u64,
    /// When, µs of the story.
    pub story_us: u64,
    /// What was seen.
    pub text: String,
}

/// A message as its author's person meant it.
pub(crate) struct Said {
    author: HostId,
    text: String,
    story_us: u64,
    at_us: u64,
    /// Keys of those who sat in the author's group when it was sealed, for a while at least: they must get it.
    due: BTreeSet<MemberKey>,
    /// Keys of everybody who sat there just before or just after: nobody else may be able to read it. None if it is
    /// not known when it was sealed.
    readers: Option<BTreeSet<MemberKey>>,
    /// Counts up over each author.
    number: u64,
    /// Which memory of its author: see [`Seen::memory`].
    memory: u32,
    /// Whether two machines had its author's chain keys when it was sealed.
    copied: bool,
    /// When each host showed it, µs.
    shown: BTreeMap<HostId, u64>,
    /// Whether the author was told that somebody else holds it.
    acknowledged: bool,
}

/// A line as one machine shows it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Shown {
    order: OrderKey,
    kind: MessageKind,
    counts: bool,
}

/// What one machine has shown and stored.
#[derive(Default)]
pub(crate) struct Seen {
    lines: BTreeMap<EntryId, Shown>,
    delivered: BTreeMap<EntryId, Delivery>,
    operations: durable::Operations,
    alarms: Vec<(String, u64)>,
    queued: BTreeMap<u64, String>,
    /// Who sat in this host's roster when it was looked at last.
    seated: BTreeSet<MemberKey>,
    wakes: (u64, u32),
    dials: Vec<u64>,
    excused: bool,
    /// Counts up when it loses what it knew: it can't read its own older words then, nor place new ones after them.
    memory: u32,
    /// A record of its disk was damaged: the next life may know less of who holds what.
    damaged: bool,
    twin: bool,
    lied: bool,
    habit: Option<Habit>,
}

/// Ground truth.
pub struct Oracle {
    keys: Vec<MemberKey>,
    seen: Vec<Seen>,
    said: BTreeMap<EntryId, Said>,
    texts: u64,
    /// What people wanted to say and were not told to be saved yet: a crash may come between (F-M1).
    wanted: BTreeSet<(HostId, String)>,
    /// Who ever held the bytes of an entry durably, by the hash of the bytes.
    holders: BTreeMap<[u8; 32], BTreeSet<MemberKey>>,
    /// The hash by the first half of the entry's id, from whoever could open it.
    hashes: BTreeMap<[u8; 8], [u8; 32]>,
    /// Keys of people whose end was wanted by somebody: their words may stop to count.
    ends: BTreeSet<HostId>,
    /// The state that a set of operations gave, by the sum over the set.
    states: BTreeMap<(usize, u128), [u8; 32]>,
    places: BTreeMap<EntryId, OrderKey>,
    checks: BTreeMap<&'static str, u64>,
    violations: Vec<Violation>,
    traffic: (u64, u64),
    zero_us: u64,
    is_healed: bool,
    /// Hosts that gave others a cause: a bad habit, an old image, a damaged disk, nonsense as a stranger.
    provoked: BTreeSet<HostId>,
    keyring: keys::Keyring,
    marks: BTreeMap<Mark, u64>,
    is_split: bool,
    agreement: alive::Agreement,
}

impl Oracle {
    /// For hosts with these keys.
    pub fn new(keys: impl Iterator<Item = MemberKey>) -> Self {
        let keys: Vec<MemberKey> = keys.collect();
        Self {
            seen: keys.iter().map(|_| Seen::default()).collect(),
            keys,
            said: BTreeMap::new(),
            texts: 0,
            wanted: BTreeSet::new(),
            holders: BTreeMap::new(),
            hashes: BTreeMap::new(),
            ends: BTreeSet::new(),
            states: BTreeMap::new(),
            places: BTreeMap::new(),
            checks: BTreeMap::new(),
            violations: Vec::new(),
            traffic: (0, 0),
            zero_us: 0,
            is_healed: false,
            provoked: BTreeSet::new(),
            keyring: keys::Keyring::default(),
            marks: BTreeMap::new(),
            is_split: false,
            agreement: alive::Agreement::default(),
        }
    }

    /// The story begins now.
    pub const fn begin(&mut self, now_us: u64) {
        self.zero_us = now_us;
        self.traffic = (0, 0);
    }

    /// Faults are over.
    pub const fn heal(&mut self) {
        self.is_healed = true;
    }

    fn seen(&mut self, host: HostId) -> &mut Seen {
        &mut self.seen[usize::from(host)]
    }

    fn check(&mut self, id: &'static str) {
        *self.checks.entry(id).or_default() += 1;
    }

    /// An invariant did not hold.
    pub fn violate(&mut self, id: &str, host: HostId, at_us: u64, text: String) {
        let story_us = at_us.saturating_sub(self.zero_us);
        self.violations.push(Violation { id: id.into(), host, at_us, story_us, text });
    }

    /// Whether anything did not hold.
    #[must_use]
    pub fn has_failed(&self) -> bool {
        !self.violations.is_empty()
    }

    /// The first that did not hold.
    #[must_use]
    pub fn first_violation(&self) -> Option<Violation> {
        self.violations.first().cloned()
    }

    /// How often each was looked at.
    #[must_use]
    pub fn checks(&self) -> BTreeMap<&'static str, u64> {
        self.checks.clone()
    }

    /// Frames and bytes since time 0.
    #[must_use]
    pub const fn traffic(&self) -> (u64, u64) {
        self.traffic
    }

    /// A number for the next text.
    pub const fn next_text(&mut self) -> u64 {
        self.texts += 1;
        self.texts
    }

    /// A person pressed the key.
    pub fn on_wanted(&mut self, host: HostId, text: &str) {
        self.wanted.insert((host, text.into()));
    }

    // ---- what the world did -----------------------------------------------------------------------------------------

    /// Somebody wanted this host's person out: from here on its words may stop to count.
    pub fn on_end_wanted(&mut self, host: HostId) {
        self.ends.insert(host);
    }

    /// The host lost what no rule gives back.
    pub fn excuse(&mut self, host: HostId) {
        let seen = self.seen(host);
        seen.excused = true;
        seen.memory += 1;
        self.provoked.insert(host);
        self.keyring.forget_numbers(host);
    }

    /// A record on a host's disk was damaged.
    pub fn on_rot(&mut self, host: HostId) {
        self.excuse(host);
        self.seen(host).damaged = true;
    }

    /// A host's process is gone.
    pub fn on_down(&mut self, host: HostId) {
        let seen = self.seen(host);
        seen.wakes = (0, 0);
        if seen.damaged {
            seen.delivered.clear();
        }
    }

    /// A host lost its disk.
    pub fn on_wiped(&mut self, host: HostId) {
        self.provoked.insert(host);
        self.keyring.forget_numbers(host);
        let Seen { habit, memory, .. } = *self.seen(host);
        *self.seen(host) = Seen { excused: true, habit, memory: memory + 1, ..Seen::default() };
    }

    /// Another person sits at that machine now.
    pub fn on_new_person(&mut self, host: HostId, key: MemberKey) {
        self.keys[usize::from(host)] = key;
    }

    /// An older image lies on the disk: what the machine knew after it is lost to it.
    pub fn on_restored(&mut self, host: HostId) {
        self.excuse(host);
        let seen = self.seen(host);
        seen.lines.clear();
        seen.queued.clear();
        seen.delivered.clear();
    }

    /// A second machine runs the first one's directory.
    pub fn on_cloned(&mut self, from: HostId, to: HostId, key: MemberKey) {
        self.excuse(from);
        self.excuse(to);
        self.seen(to).twin = true;
        self.seen(from).twin = true;
        self.keys[usize::from(to)] = key;
        let seated = self.seen(from).seated.clone();
        self.keyring.learn_copy(key, [from, to], &seated);
        self.seen(to).seated = seated;
    }

    fn is_dishonest(&self, host: HostId) -> bool {
        self.seen[usize::from(host)].habit.is_some_and(|habit| habit != Habit::Honest)
    }

    /// A disk that said it had synced lost what it took last: the installation may not speak again (F-M3, E-67).
    pub fn on_lied(&mut self, host: HostId) {
        self.excuse(host);
        self.lose_what_nobody_else_holds(host);
        let seen = self.seen(host);
        seen.lied = true;
        seen.delivered.clear();
    }

    /// Whether that happened.
    #[must_use]
    pub fn was_lied_to(&self, host: HostId) -> bool {
        self.seen[usize::from(host)].lied
    }

    /// Whether a host is one of two with one directory.
    #[must_use]
    pub fn is_twin(&self, host: HostId) -> bool {
        self.seen[usize::from(host)].twin
    }

    /// A host is not honest from here on.
    pub fn on_habit(&mut self, host: HostId, habit: Habit) {
        if habit != Habit::Honest {
            self.provoked.insert(host);
        }
        self.seen(host).habit = Some(habit);
    }

    /// A host dialled somebody.
    pub fn count_dial(&mut self, host: HostId, now_us: u64) {
        self.seen(host).dials.push(now_us);
    }

    /// A machine without a core knocked; nonsense on the group channel is a cause for an alarm.
    pub fn count_knock(&mut self, from: HostId, channel: Channel) {
        self.check("F-B4");
        if channel == Channel::Group {
            self.provoked.insert(from);
        }
    }

    /// A core was woken; says whether it spins.
    pub fn count_wake(&mut self, host: HostId, now_us: u64) -> bool {
        let wakes = &mut self.seen(host).wakes;
        *wakes = if wakes.0 == now_us { (now_us, wakes.1 + 1) } else { (now_us, 0) };
        wakes.1 > 10_000
    }
}
