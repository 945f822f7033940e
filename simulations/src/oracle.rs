//! Who knows better: ground truth, and the invariants that every run is held to, one function each.
//!
//! The oracle is told what the world did (who wanted to say what, who was crashed, who was sent what) and what each
//! machine made durable and showed. It is written from the documents, not from the code it judges, and asks that code
//! for nothing but what a face could see.

mod alive;
mod durable;
mod safety;
mod secret;

use std::collections::{BTreeMap, BTreeSet};

use coterie_protocol::{
    Channel, Delivery, EntryId, Event, FaultStore, GroupId, MemberKey, MemberView, MembershipId, MessageKind,
    MessageView, OrderKey, SealedStore,
};

use crate::host::{Host, Noted};
use crate::network::HostId;
use crate::scenario::Habit;

pub use alive::Accord;
pub use safety::excessive;

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
    /// Keys of those who sat in the author's group when it was sealed.
    due: BTreeSet<MemberKey>,
    /// Counts up over each author.
    number: u64,
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
    operations: BTreeSet<[u8; 16]>,
    alarms: Vec<(String, u64)>,
    queued: BTreeMap<u64, String>,
    wakes: (u64, u32),
    dials: Vec<u64>,
    excused: bool,
    twin: bool,
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
    /// Who holds the bytes of an entry durably, by the hash of the bytes.
    holders: BTreeMap<[u8; 32], BTreeSet<HostId>>,
    /// The hash by the first half of the entry's id, from whoever could open it.
    hashes: BTreeMap<[u8; 8], [u8; 32]>,
    /// Keys of people whose end was wanted by somebody: their words may stop to count.
    ends: BTreeSet<HostId>,
    states: BTreeMap<BTreeSet<[u8; 16]>, [u8; 32]>,
    places: BTreeMap<EntryId, OrderKey>,
    checks: BTreeMap<&'static str, u64>,
    violations: Vec<Violation>,
    traffic: (u64, u64),
    zero_us: u64,
    is_healed: bool,
    is_provoked: bool,
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
            is_provoked: false,
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
        self.seen(host).excused = true;
        self.is_provoked = true;
    }

    /// A host's process is gone.
    pub fn on_down(&mut self, host: HostId) {
        self.seen(host).wakes = (0, 0);
    }

    /// A host lost its disk.
    pub fn on_wiped(&mut self, host: HostId) {
        for holders in self.holders.values_mut() {
            holders.remove(&host);
        }
        let habit = self.seen(host).habit;
        *self.seen(host) = Seen { excused: true, habit, ..Seen::default() };
    }

    /// Another person sits at that machine now.
    pub fn on_new_person(&mut self, host: HostId, key: MemberKey) {
        self.keys[usize::from(host)] = key;
    }

    /// An older image lies on the disk: what the machine knew after it is lost to it.
    pub fn on_restored(&mut self, host: HostId) {
        self.excuse(host);
        self.seen(host).lines.clear();
        self.seen(host).queued.clear();
    }

    /// A second machine runs the first one's directory.
    pub fn on_cloned(&mut self, from: HostId, to: HostId, key: MemberKey) {
        self.excuse(from);
        self.excuse(to);
        self.seen(to).twin = true;
        self.seen(from).twin = true;
        self.keys[usize::from(to)] = key;
    }

    /// Whether a host is one of two with one directory.
    #[must_use]
    pub fn is_twin(&self, host: HostId) -> bool {
        self.seen[usize::from(host)].twin
    }

    /// A host is not honest from here on.
    pub fn on_habit(&mut self, host: HostId, habit: Habit) {
        self.is_provoked |= habit != Habit::Honest;
        self.seen(host).habit = Some(habit);
    }

    // ---- what a machine did -----------------------------------------------------------------------------------------

    /// A process started and its records are read.
    pub fn on_boot(&mut self, host: HostId, now_us: u64, store: Option<&SealedStore<FaultStore>>) {
        if let Some(store) = store {
            self.durable_after_boot(host, now_us, store);
        }
    }

    /// The records do not make a profile.
    pub fn on_unbootable(&mut self, host: HostId, now_us: u64, text: &str) {
        if !self.seen(host).excused {
            self.violate("INV-D4", host, now_us, format!("cannot be restored: {text}"));
        }
    }

    /// These changes are durable on that host.
    pub fn on_changes(&mut self, host: HostId, now_us: u64, changes: &[Noted]) {
        for change in changes {
            if let Noted::Put(record) = change {
                self.durable_record(host, now_us, record);
            }
        }
    }

    /// The author's person was told *saved*.
    pub fn on_saved(
        &mut self,
        host: &Host,
        gid: Option<GroupId>,
        (at, story): (u64, u64),
        entry: EntryId,
        text: String,
    ) {
        let members = host.account().zip(gid).and_then(|(account, gid)| account.members(&gid)).unwrap_or_default();
        let due = due(&members);
        self.note_said(host.id, (at, story), entry, text, due);
    }

    fn note_said(
        &mut self,
        author: HostId,
        (at_us, story_us): (u64, u64),
        entry: EntryId,
        text: String,
        due: BTreeSet<MemberKey>,
    ) {
        self.wanted.remove(&(author, text.clone()));
        // The number of the text, not of the sealing: what is said first stands first.
        let number = text_number(&text);
        let shown = BTreeMap::new();
        let said = Said { author, text, story_us, at_us, due, number, shown, acknowledged: false };
        match self.said.get_mut(&entry) {
            None => drop(self.said.insert(entry, said)),
            // It was seen before its author's person was told.
            Some(known) if known.due.is_empty() && known.text == said.text => known.due = said.due,
            Some(_) => self.violate("INV-D3", author, at_us, format!("{entry:?} was said twice")),
        }
    }

    /// The author's person was told *queued*.
    pub fn on_queued(&mut self, host: HostId, outbox: u64, text: String) {
        self.seen(host).queued.insert(outbox, text);
    }

    /// A machine told its faces something.
    pub fn on_event(&mut self, host: HostId, now_us: u64, story_us: u64, event: &Event, hosts: &[Host]) {
        match event {
            Event::Message { group, message } => self.on_line(host, now_us, (*group, message, Novelty::New), hosts),
            Event::MessageChanged { group, message } => {
                self.on_line(host, now_us, (*group, message, Novelty::Changed), hosts)
            }
            Event::Delivery { entry, delivery, .. } => self.safety_delivery(host, now_us, entry, *delivery),
            Event::Outbox { group, outbox, sealed } => {
                let Some(text) = self.seen(host).queued.remove(outbox) else { return };
                if let Some(entry) = sealed {
                    let account = hosts.get(usize::from(host)).and_then(Host::account);
                    let members = account.and_then(|account| account.members(group)).unwrap_or_default();
                    let due = due(&members);
                    self.note_said(host, (now_us, story_us), *entry, text, due);
                }
            }
            Event::Group(gid) | Event::Member { group: gid, .. } => self.safety_roster(host, now_us, gid, hosts),
            Event::Alert { alert, .. } => {
                self.seen(host).alarms.push((format!("{:?}", alert.kind), now_us));
                self.safety_alarm(host, now_us, alert);
            }
            Event::GroupGone(_) | Event::Presence { .. } | Event::Invite { .. } | Event::Join { .. } => {}
        }
    }

    fn on_line(
        &mut self,
        host: HostId,
        now_us: u64,
        (gid, message, novelty): (GroupId, &MessageView, Novelty),
        hosts: &[Host],
    ) {
        let author = self.author_host(host, &gid, &message.author, hosts);
        self.learn_unanswered(now_us, message);
        self.safety_line(host, now_us, message, novelty, author);
        let shown = Shown { order: message.order, kind: message.kind, counts: message.counts };
        self.seen(host).lines.insert(message.entry, shown);
        if message.kind == MessageKind::Text
            && let Some(said) = self.said.get_mut(&message.entry)
        {
            said.shown.entry(host).or_insert(now_us);
        }
    }

    /// A text whose author crashed between *durable* and *told*: nobody knows the outcome until it is seen somewhere.
    fn learn_unanswered(&mut self, now_us: u64, message: &MessageView) {
        if message.kind != MessageKind::Text || self.said.contains_key(&message.entry) {
            return;
        }
        let wanted = self.wanted.iter().find(|(_, text)| *text == message.text).cloned();
        if let Some((author, text)) = wanted {
            let story_us = now_us.saturating_sub(self.zero_us);
            self.note_said(author, (now_us, story_us), message.entry, text, BTreeSet::new());
        }
    }

    /// Whose membership that is, by the view of the host that shows it.
    fn author_host(&self, host: HostId, gid: &GroupId, author: &MembershipId, hosts: &[Host]) -> Option<HostId> {
        let members = hosts.get(usize::from(host))?.account()?.members(gid)?;
        let key = members.iter().find(|member| member.id == *author)?.key;
        self.keys.iter().position(|known| *known == key).and_then(|at| u16::try_from(at).ok())
    }

    /// A host dialled somebody.
    pub fn count_dial(&mut self, host: HostId, now_us: u64) {
        self.seen(host).dials.push(now_us);
    }

    /// A machine without a core knocked; nonsense on the group channel is a cause for an alarm.
    pub fn count_knock(&mut self, channel: Channel) {
        self.check("F-B4");
        self.is_provoked |= channel == Channel::Group;
    }

    /// A core was woken; says whether it spins.
    pub fn count_wake(&mut self, host: HostId, now_us: u64) -> bool {
        let wakes = &mut self.seen(host).wakes;
        *wakes = if wakes.0 == now_us { (now_us, wakes.1 + 1) } else { (now_us, 0) };
        wakes.1 > 10_000
    }
}

/// The number that every text of the simulator begins with.
fn text_number(text: &str) -> u64 {
    let rest = text.strip_prefix(crate::world::CANARY).unwrap_or_default();
    rest.split(' ').next().and_then(|number| number.parse().ok()).unwrap_or(0)
}

/// Whether a line is new or known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Novelty {
    /// New.
    New,
    /// Known.
    Changed,
}

/// Who must come to read what an author says now: everybody who sits there undisputed and whose key the author holds.
/// Words that were said before a newcomer's key arrived are not for the newcomer (E-47).
fn due(members: &[MemberView]) -> BTreeSet<MemberKey> {
    members.iter().filter(|member| !member.contested && member.reads).map(|member| member.key).collect()
}
