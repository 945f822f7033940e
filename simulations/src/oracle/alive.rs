//! What must come true once faults are over: INV-L1, INV-L2, INV-D2, and how long it took.

use coterie_protocol::{EntryId, GroupState, MemberKey, MessageKind};

use super::Oracle;
use crate::host::Host;
use crate::network::HostId;
use crate::scenario::Scenario;

/// What hosts agree on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Accord {
    /// Not even on who is a member.
    None,
    /// On who is a member.
    Rosters,
    /// On that and on every message.
    All,
}

/// The way of one message.
#[derive(Clone, Debug)]
pub struct Journey {
    /// Which.
    pub entry: EntryId,
    /// Whose.
    pub author: HostId,
    /// When its author was told that it is saved, µs of the story.
    pub said_us: u64,
    /// Who showed it when.
    pub shown_us: Vec<(HostId, u64)>,
}

/// Since when all agree.
#[derive(Default)]
pub(crate) struct Agreement {
    rosters_us: Option<u64>,
    all_us: Option<u64>,
}

impl Oracle {
    /// Whether everybody agrees at this moment.
    pub fn note_agreement(&mut self, now_us: u64, accord: Accord) {
        self.check("INV-L1");
        let since = |known: Option<u64>, least| if accord >= least { known.or(Some(now_us)) } else { None };
        self.agreement.rosters_us = since(self.agreement.rosters_us, Accord::Rosters);
        self.agreement.all_us = since(self.agreement.all_us, Accord::All);
    }

    /// Since when rosters have been equal.
    #[must_use]
    pub const fn rosters_equal_us(&self) -> Option<u64> {
        self.agreement.rosters_us
    }

    /// When the last of the messages that were said before the healing reached its last reader, if all agree.
    #[must_use]
    pub fn all_arrived_us(&self, healed_us: u64) -> Option<u64> {
        self.agreement.all_us?;
        let before = self.said.values().filter(|said| said.at_us <= healed_us);
        Some(before.flat_map(|said| said.shown.values()).copied().max().unwrap_or(0))
    }

    /// For each message, how long it took from its author's *saved* to its last reader.
    #[must_use]
    pub fn latencies_us(&self) -> Vec<u64> {
        let took = |said: &super::Said| said.shown.values().max().map(|at| at.saturating_sub(said.at_us));
        let mut all: Vec<u64> = self.said.values().filter_map(took).collect();
        all.sort_unstable();
        all
    }

    /// The way of each message: its id, its author, when it was said and when each host showed it, µs of the story.
    #[must_use]
    pub fn journeys(&self) -> Vec<Journey> {
        let story = |at: u64| at.saturating_sub(self.zero_us);
        let journey = |(entry, said): (&EntryId, &super::Said)| Journey {
            entry: *entry,
            author: said.author,
            said_us: said.story_us,
            shown_us: said.shown.iter().map(|(&host, &at)| (host, story(at))).collect(),
        };
        self.said.iter().map(journey).collect()
    }

    /// INV-L1, INV-D2: a message that somebody of these is due and does not show. One whose author and every holder
    /// are gone is lost by rule; a removed author's words must be shown by all or by none.
    #[must_use]
    pub fn missing_message(&self, hosts: &[Host], who: &[HostId], scenario: &Scenario) -> Option<String> {
        let shows = |id: HostId, entry| self.shows(id, entry);
        for (entry, said) in &self.said {
            if self.seen[usize::from(said.author)].twin {
                continue;
            }
            let is_due = |id: &&HostId| said.due.contains(&self.keys[usize::from(**id)]);
            let due: Vec<HostId> = who.iter().filter(is_due).copied().collect();
            let is_held = said.acknowledged || due.iter().any(|&id| shows(id, entry));
            let must = !self.ends.contains(&said.author);
            let is_lost = self.is_lost(said.author, entry, &due);
            // What only a dishonest author holds is out of reach (SIM-31).
            if self.is_dishonest(said.author) && !due.iter().any(|&id| shows(id, entry)) {
                continue;
            }
            let is_running = hosts.iter().any(|host| host.id == said.author && who.contains(&host.id));
            if is_lost || self.shares_its_key(entry) || !(must || is_held) || !(is_running || is_held) {
                continue;
            }
            let is_missing = |id: HostId| {
                !shows(id, entry) && !self.seen[usize::from(id)].excused && !self.was_let_in_behind(entry, id)
            };
            let missing = due.iter().find(|&&id| is_missing(id));
            // An author who was sent away may have spoken behind its cut: then nobody needs to show it.
            let is_cut = self.ends.contains(&said.author);
            if let Some(&missing) = missing.filter(|_| !is_cut) {
                let (name, author) = (scenario.host_name(missing), scenario.host_name(said.author));
                return Some(format!(
                    "{name} lacks {entry:?} of {author}, said at {}",
                    crate::trace::clock_text(said.story_us)
                ));
            }
        }
        None
    }

    /// Whether words went with their author's disk: a restored author's if no other member has them, although somebody
    /// who was sent away since had acknowledged them; a damaged disk's also if the author still shows them, for what
    /// stood before them in the log is gone.
    fn is_lost(&self, author: HostId, entry: &EntryId, due: &[HostId]) -> bool {
        let seen = &self.seen[usize::from(author)];
        let holders: Vec<MemberKey> = self.holders_of(entry).collect();
        let has = |id: &HostId| self.shows(*id, entry) || holders.contains(&self.keys[usize::from(*id)]);
        let with_others = due.iter().filter(|id| **id != author).any(has);
        seen.excused && !with_others && (seen.damaged || !self.shows(author, entry))
    }

    /// Whether a host shows the words of an entry.
    #[must_use]
    pub fn shows(&self, host: HostId, entry: &EntryId) -> bool {
        self.seen[usize::from(host)].lines.get(entry).is_some_and(|line| line.kind == MessageKind::Text)
    }

    /// Acknowledged messages that one of these is due and does not show.
    #[must_use]
    pub fn lost(&self, who: &[HostId]) -> u64 {
        let is_missing = |entry, said: &super::Said| {
            let is_due = |id: HostId| said.due.contains(&self.keys[usize::from(id)]);
            who.iter().any(|&id| is_due(id) && !self.shows(id, entry) && !self.was_let_in_behind(entry, id))
        };
        let lost = self
            .said
            .iter()
            .filter(|(entry, said)| said.acknowledged && !self.ends.contains(&said.author) && is_missing(entry, said));
        lost.count() as u64
    }

    /// Whether a host's person was told this.
    #[must_use]
    pub fn has_alarm(&self, host: HostId, name: &str) -> bool {
        let bare = |text: &str| text.replace(['_', '-'], "").to_lowercase();
        self.seen[usize::from(host)].alarms.iter().any(|(kind, _)| bare(kind) == bare(name))
    }

    /// The most dials of one host in one minute of the story.
    #[must_use]
    pub fn dials_per_minute_max(&self) -> u64 {
        let mut most = 0;
        for seen in &self.seen {
            let mut minutes = std::collections::BTreeMap::<u64, u64>::new();
            for at in seen.dials.iter().filter(|at| **at >= self.zero_us) {
                *minutes.entry((at - self.zero_us) / 60_000_000).or_default() += 1;
            }
            most = most.max(minutes.values().copied().max().unwrap_or(0));
        }
        most
    }

    /// All is over: what can only be judged now.
    pub fn at_rest(&mut self, hosts: &[Host], now_us: u64) {
        self.s3_causality(hosts, now_us);
        self.d4_views_are_stored(hosts, now_us);
        self.c1_disks_are_sealed(hosts, now_us);
        self.c2_only_the_circle_can_read(now_us);
        self.d1_outboxes_keep(hosts, now_us);
    }

    /// INV-S3 *Causality*: the lines of one author stand in the order in which they were said, as far as the author can
    /// know its own earlier words.
    fn s3_causality(&mut self, hosts: &[Host], now_us: u64) {
        for host in hosts {
            self.check("INV-S3");
            let lines = &self.seen[usize::from(host.id)].lines;
            let mut said: Vec<_> = lines
                .iter()
                .filter_map(|(entry, line)| {
                    self.said.get(entry).map(|said| ((said.author, said.memory), said.number, line.order))
                })
                .collect();
            said.sort_unstable();
            let wrong = said.windows(2).find(|pair| pair[0].0 == pair[1].0 && pair[0].2 > pair[1].2);
            if let Some(&[((author, _), number, _), _]) = wrong.and_then(<[_]>::first_chunk::<2>) {
                let text = format!("message {number} of host {author} stands behind its successor");
                self.violate("INV-S3", host.id, now_us, text);
                return;
            }
        }
    }

    /// INV-D1, the part on texts that wait: what a person was told is queued waits still or was sealed.
    fn d1_outboxes_keep(&mut self, hosts: &[Host], now_us: u64) {
        for host in hosts {
            let Some(account) = host.account() else { continue };
            self.check("INV-D1");
            let groups = account.groups();
            let waiting: Vec<u64> =
                groups.iter().flat_map(|group| account.outbox(&group.id)).map(|waiting| waiting.number).collect();
            let is_in = groups.iter().any(|group| group.state == GroupState::Member);
            let seen = &self.seen[usize::from(host.id)];
            // A crash between *durable* and *told*: it was sealed, and its own screen shows it, but nobody was told so.
            let shows = |text: &String| {
                let own = self.said.iter().filter(|(_, said)| said.author == host.id && said.text == *text);
                own.into_iter().any(|(entry, _)| seen.lines.contains_key(entry))
            };
            let lost = seen.queued.iter().find(|(number, text)| !waiting.contains(number) && !shows(text));
            if let Some((number, text)) = lost.filter(|_| is_in && !seen.excused) {
                let text = format!("text {number} was queued and is gone: {text:?}");
                self.violate("INV-D1", host.id, now_us, text);
            }
        }
    }

    /// INV-D4, second half: what faces were told is what lies in the store.
    fn d4_views_are_stored(&mut self, hosts: &[Host], now_us: u64) {
        for host in hosts {
            let Some(store) = host.store() else { continue };
            self.check("INV-D4");
            let stored = super::durable::read_lines(store);
            if stored != self.seen[usize::from(host.id)].lines && !self.seen[usize::from(host.id)].excused {
                let text = format!(
                    "{} lines are stored, {} were told",
                    stored.len(),
                    self.seen[usize::from(host.id)].lines.len()
                );
                self.violate("INV-D4", host.id, now_us, text);
            }
        }
    }
}
