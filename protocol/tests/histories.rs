//! Random histories of whole people: splits, merges, joins, removals, weeks away, restored backups, power cuts between
//! two effects (AT-37). At the end everybody agrees, each message was read by whom its author held Keyed and by nobody
//! else, and no key sealed two messages.
//!
//! The story is told to a small ledger that knows nothing of the code's decisions: who sat in the author's view at the moment
//! of sealing, which chain keys ever lay on whose disk, and which key each stored message stands under.
#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "what is missing here ends the test")]

use std::collections::{BTreeMap, BTreeSet};

use coterie_protocol::testing::party::Party;
use coterie_protocol::testing::sight::{Chain, Head, Kind, chain_of, head_of};
use coterie_protocol::{
    AlertKind, Ban, Command, Event, GroupId, GroupState, Instance, JoinState, MembershipId, MessageKind, RecordId,
};
use rand_chacha::ChaCha20Rng;
use rand_core::{Rng, SeedableRng};

const PEOPLE: usize = 6;
const DAY: u64 = 86_400_000;

type Log = (MembershipId, Instance);

struct Said {
    author: usize,
    text: String,
    /// Keyed in the author's view when it was sealed; unknown while it waits in the outbox.
    readers: Option<BTreeSet<usize>>,
    /// Keyed in the author's view at any moment since it was asked for.
    at_most: BTreeSet<usize>,
    sealed_at: usize,
}

#[derive(Default)]
struct Ledger {
    said: Vec<Said>,
    /// (log, epoch, index) → what was sealed there; and all nonces with their keys.
    sealed: BTreeMap<(Log, u64, u64), BTreeSet<Vec<u8>>>,
    nonces: BTreeSet<(Log, u64, u64, [u8; 24])>,
    /// From which index on a person could ever read a chain.
    chains: BTreeMap<(Log, u64), BTreeMap<usize, u64>>,
    /// Whose log a number stands for on a disk.
    logs: BTreeMap<(usize, u32, u32), Log>,
    counts: BTreeMap<&'static str, usize>,
}

struct History {
    party: Party,
    group: GroupId,
    dice: ChaCha20Rng,
    ledger: Ledger,
    /// For each person the last step at which it (re)joined or lost state: before that nothing is demanded of it.
    since: [usize; PEOPLE],
    /// A disk of before, for a restore.
    backups: BTreeMap<usize, BTreeMap<RecordId, Vec<u8>>>,
    /// Put back, and not known to all in their new installation yet.
    restored: BTreeSet<usize>,
    installation: u8,
    step: usize,
}

impl History {
    fn new(seed: u64) -> Self {
        let (mut party, group) = Party::with_group(u8::try_from(PEOPLE).unwrap(), 4);
        let ben = party.member(0, &group, 1);
        party.ask(0, Command::Promote { group, member: ben }).unwrap();
        party.pass(5_000);
        let dice = ChaCha20Rng::seed_from_u64(seed);
        let (ledger, since, backups) = (Ledger::default(), [0; PEOPLE], BTreeMap::new());
        Self { party, group, dice, ledger, since, backups, restored: BTreeSet::new(), installation: 100, step: 0 }
    }

    fn roll(&mut self, sides: usize) -> usize {
        usize::try_from(self.dice.next_u32()).unwrap() % sides
    }

    fn note(&mut self, what: &'static str) {
        *self.ledger.counts.entry(what).or_default() += 1;
    }

    fn keyed(&self, author: usize) -> BTreeSet<usize> {
        let members = self.party.hosts[author].account.members(&self.group).unwrap_or_default();
        let seated = members.iter().filter(|member| !member.contested);
        let number = |key| (0..PEOPLE).find(|&who| self.party.hosts[who].account.me() == key);
        seated.filter_map(|member| number(member.key)).collect()
    }

    fn is_member(&self, who: usize) -> bool {
        self.party.hosts[who].account.group(&self.group).is_some_and(|group| group.state == GroupState::Member)
    }

    fn act(&mut self) {
        self.step += 1;
        let who = self.roll(PEOPLE);
        match self.roll(20) {
            0..=8 => self.say(who),
            9 => self.split(),
            10 => {
                self.party.heal();
                self.note("heal");
            }
            11 => self.power(who),
            12 => self.leave_for_days(),
            13 => self.remove(who),
            14 => self.let_in(who),
            15 => self.restore(who),
            16 => self.cut_power_within(who),
            _ => {
                let ms = u64::try_from(self.roll(180_000)).unwrap();
                self.party.pass(ms);
                if ms > 60_000 && self.party.cuts.is_empty() {
                    self.all_know_the_restored();
                }
            }
        }
        self.look();
    }

    fn say(&mut self, who: usize) {
        if !self.party.hosts[who].is_on() || !self.is_member(who) {
            return;
        }
        let text = format!("{} says {}", who, self.ledger.said.len());
        let at_most = self.keyed(who);
        if self
            .party
            .ask(
                who,
                Command::Send {
                    group: self.group,
                    text: text.clone(),
                    reply_to: None,
                    location: None,
                    attachments: Vec::new(),
                },
            )
            .is_ok()
        {
            let said = Said { author: who, text, readers: None, at_most, sealed_at: self.step };
            self.ledger.said.push(said);
            self.note("say");
        }
    }

    fn split(&mut self) {
        let sides: Vec<bool> = (0..PEOPLE).map(|_| self.roll(2) == 0).collect();
        let side = |which: bool| (0..PEOPLE).filter(|&who| sides[who] == which).collect::<Vec<_>>();
        let (left, right) = (side(true), side(false));
        self.party.split(&left, &right);
        self.note("split");
    }

    fn power(&mut self, who: usize) {
        if self.party.hosts[who].is_on() {
            self.party.stop(who);
        } else {
            self.party.start(who);
        }
        self.note("power");
    }

    fn leave_for_days(&mut self) {
        self.party.now_ms += DAY * u64::try_from(1 + self.roll(12)).unwrap();
        self.party.pass(30_000);
        self.note("days");
    }

    fn remove(&mut self, by: usize) {
        let target = self.roll(PEOPLE);
        if target == 0 || target == by || !self.party.hosts[by].is_on() || !self.is_member(by) {
            return;
        }
        let key = self.party.hosts[target].account.me();
        let members = self.party.hosts[by].account.members(&self.group).unwrap();
        let Some(member) = members.into_iter().find(|member| member.key == key) else { return };
        let command = Command::Remove { group: self.group, member: member.id, ban: Ban::No };
        if self.party.ask(by, command).is_ok() {
            self.note("remove");
        }
    }

    fn let_in(&mut self, who: usize) {
        let host = &self.party.hosts[who];
        if !host.is_on()
            || !self.party.hosts[0].is_on()
            || host.account.group(&self.group).is_some_and(|group| group.state == GroupState::Member)
        {
            return;
        }
        let not_after_ms = self.party.now_ms + DAY;
        let asked = self.party.ask(0, Command::CreateInvite { group: self.group, uses: 1, not_after_ms });
        let Ok(coterie_protocol::Reply::Invite(id)) = asked else { return };
        let link = self.party.hosts[0].account.invite_link(&self.group, &id).unwrap();
        // Who is not in at once may come in at any later moment; nothing is demanded of it then.
        self.since[who] = usize::MAX;
        if self.party.join(who, &link) == JoinState::Seated {
            self.since[who] = self.step;
            self.note("join");
        }
    }

    /// A backup is made, or the last one is put back as another installation (ST-100): no live secret is in it.
    fn restore(&mut self, who: usize) {
        if let Some(disk) = self.backups.remove(&who) {
            self.party.stop(who);
            self.party.hosts[who].disk = disk;
            self.installation += 1;
            self.party.start_as(who, self.installation);
            // What is said before the others know of the new installation is sealed to the old one, whose keys are gone.
            self.since[who] = usize::MAX;
            self.restored.insert(who);
            self.ledger.logs.retain(|(host, ..), _| *host != who);
            self.note("restore");
        } else {
            let is_secret = |id: &RecordId| id.kind().number() >= 0x80;
            let disk = &self.party.hosts[who].disk;
            let kept = disk.iter().filter(|(id, _)| !is_secret(id)).map(|(&id, bytes)| (id, bytes.clone())).collect();
            self.backups.insert(who, kept);
        }
    }

    fn all_know_the_restored(&mut self) {
        if (0..PEOPLE).all(|who| self.party.hosts[who].is_on() || !self.is_member(who)) {
            for who in std::mem::take(&mut self.restored) {
                self.since[who] = self.step;
            }
        }
    }

    fn cut_power_within(&mut self, who: usize) {
        if !self.party.hosts[who].is_on() || !self.is_member(who) {
            return;
        }
        let commits = u32::try_from(self.roll(3)).unwrap() + 1;
        self.party.kill_after(who, commits);
        self.say(who);
        self.party.pass(5_000);
        if self.party.was_killed(who) {
            self.note("killed");
        }
    }

    /// What lies on the disks now, and which queued words have been sealed since the last look.
    fn look(&mut self) {
        for number in 0..self.ledger.said.len() {
            if self.ledger.said[number].readers.is_some() {
                continue;
            }
            let author = self.ledger.said[number].author;
            let now = self.keyed(author);
            let said = &mut self.ledger.said[number];
            said.at_most.extend(now);
            if self.party.lines(author, &self.group).iter().any(|line| line.text == said.text) {
                said.readers = Some(said.at_most.clone());
                said.sealed_at = self.step;
            }
        }
        for who in 0..PEOPLE {
            let disk = &self.party.hosts[who].disk;
            for (id, bytes) in disk {
                if let RecordId::Chain { g, l, .. } = *id
                    && let Some(Chain { log, epoch, first }) = chain_of(bytes)
                {
                    let log = (log.mid, log.inst);
                    self.ledger.logs.insert((who, g, l), log);
                    let from = self.ledger.chains.entry((log, epoch)).or_default().entry(who).or_insert(first);
                    *from = first.min(*from);
                }
            }
            for (id, bytes) in disk {
                if let RecordId::Entry { g, l, .. } = *id
                    && let Some(&log) = self.ledger.logs.get(&(who, g, l))
                    && let Some((_, signed)) = bytes.split_first_chunk::<16>()
                    && let Some(Head { kind: Kind::Message { epoch, index, nonce }, .. }) = head_of(signed)
                {
                    self.ledger.sealed.entry((log, epoch, index)).or_default().insert(signed.to_vec());
                    self.ledger.nonces.insert((log, epoch, index, nonce));
                }
            }
        }
    }

    /// Peace: everybody is on, nothing is cut, and there is time.
    fn settle(&mut self) {
        self.party.cuts.clear();
        (0..PEOPLE).for_each(|who| self.party.spare(who));
        for who in 0..PEOPLE {
            if !self.party.hosts[who].is_on() {
                self.party.start(who);
            }
        }
        self.party.heal();
        for _ in 0..6 {
            self.party.pass(120_000);
            self.look();
        }
    }

    fn judge(&self, seed: u64) -> Verdict {
        let live: Vec<usize> = (0..PEOPLE).filter(|&who| self.is_member(who)).collect();
        let state = |who: usize| self.party.hosts[who].account.group(&self.group).unwrap().state_hash;
        for &who in &live {
            assert_eq!(state(who), state(live[0]), "seed {seed}: {who} has another roster than {}", live[0]);
            let clones = self.party.hosts[who].events.iter().filter(
                |event| matches!(event, Event::Alert { alert, .. } if alert.kind == AlertKind::Fork || alert.kind == AlertKind::Excluded),
            );
            assert_eq!(clones.count(), 0, "seed {seed}: {who} saw a number used twice or somebody shut out");
        }
        for (place, entries) in &self.ledger.sealed {
            assert_eq!(entries.len(), 1, "seed {seed}: one key sealed several messages: {place:?}");
        }
        assert_eq!(self.ledger.nonces.len(), self.ledger.sealed.len(), "seed {seed}");

        let mut verdict = Verdict { messages: self.ledger.sealed.len(), ..Verdict::default() };
        let words: Vec<BTreeMap<String, bool>> = (0..PEOPLE).map(|who| self.words(who)).collect();
        for said in &self.ledger.said {
            let Some(readers) = &said.readers else {
                verdict.never_sealed += 1;
                continue;
            };
            for (who, seen) in words.iter().enumerate() {
                let reads = seen.contains_key(&said.text);
                if who == said.author {
                    continue;
                }
                if reads {
                    assert!(
                        readers.contains(&who),
                        "seed {seed}: {who} reads {:?}, not for it: {readers:?}",
                        said.text
                    );
                    verdict.read += 1;
                } else if !readers.contains(&who) {
                    verdict.kept_from += 1;
                }
            }
            // Whether it counts is the same for all who are in.
            let counting: BTreeSet<bool> = live.iter().filter_map(|&who| words[who].get(&said.text).copied()).collect();
            assert!(counting.len() <= 1, "seed {seed}: {:?} counts for some", said.text);
            // Everybody who sat there all the time and lost nothing reads it, if it counts at all.
            if counting.contains(&true) && live.contains(&said.author) && self.since[said.author] < said.sealed_at {
                let due = |who: usize| readers.contains(&who) && who != said.author && self.since[who] < said.sealed_at;
                for &who in live.iter().filter(|&&who| due(who)) {
                    verdict.due += 1;
                    assert!(words[who].contains_key(&said.text), "seed {seed}: {who} lacks {:?}", said.text);
                }
            }
        }
        verdict
    }

    /// The words that somebody sees, and whether they count.
    fn words(&self, who: usize) -> BTreeMap<String, bool> {
        let lines = self.party.lines(who, &self.group).into_iter();
        lines.filter(|line| line.kind == MessageKind::Text).map(|line| (line.text, line.counts)).collect()
    }
}

#[derive(Debug, Default)]
struct Verdict {
    messages: usize,
    never_sealed: usize,
    read: usize,
    due: usize,
    kept_from: usize,
}

fn histories(seeds: std::ops::Range<u64>) {
    let mut sum = Verdict::default();
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for seed in seeds {
        let mut history = History::new(seed);
        (0..60).for_each(|_| history.act());
        history.settle();
        let verdict = history.judge(seed);
        sum.messages += verdict.messages;
        sum.never_sealed += verdict.never_sealed;
        sum.read += verdict.read;
        sum.due += verdict.due;
        sum.kept_from += verdict.kept_from;
        for (what, count) in history.ledger.counts {
            *counts.entry(what).or_default() += count;
        }
    }
    println!("{sum:?} {counts:?}");
    // So that it can fail: all of it happened, and often.
    for (what, least) in [
        ("say", 100),
        ("split", 5),
        ("heal", 5),
        ("days", 5),
        ("remove", 3),
        ("join", 3),
        ("restore", 3),
        ("killed", 3),
    ] {
        assert!(counts.get(what).is_some_and(|&count| count >= least), "{what}: {counts:?}");
    }
    assert!(sum.due > 200 && sum.kept_from > 50, "{sum:?}");
}

#[test]
fn at_37_whatever_happens_all_agree_and_each_reads_what_was_sealed_to_it_and_no_key_serves_twice() {
    histories(0..12);
}

#[test]
fn at_37_whatever_happens_all_agree_a_second_time() {
    histories(12..24);
}
