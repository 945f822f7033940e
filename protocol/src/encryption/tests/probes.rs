//! Somebody copies Ben's whole state at T and has every entry ever sent. What does the copy open? (AT-34, AT-35)
//!
//! The thief does all that the program could do with what is in the copy, and beyond it tries every secret in every place.
//! What must open and what must not is computed from the story alone: when each leaf was replaced, and who had shown to
//! know the next one.

use super::super::deletion::ErasureView;
use super::forge::body_of;
use super::trio::{records, restarted};
use super::*;

const BEN: usize = 1;
const ALL: [usize; 4] = [0, 1, 2, 3];
const STEPS: usize = 70;

struct Spoken {
    author: usize,
    entry: Verified<Entry>,
    rekey: EntryId,
    read: bool,
}

/// Four people over some weeks; Ben is the victim.
struct Story {
    world: World,
    rekeys: Vec<(usize, Verified<Entry>)>,
    said: Vec<Spoken>,
    /// For each of Ben's leaves, when it was replaced.
    leaves: BTreeMap<u64, Option<u64>>,
    /// Ben's newest leaf that each other has sealed to.
    shown: BTreeMap<MembershipId, u64>,
    dice: ChaCha20Rng,
}

impl Story {
    fn new(seed: u8) -> Self {
        Self {
            world: World::new(4),
            rekeys: vec![],
            said: vec![],
            leaves: BTreeMap::from([(0, None)]),
            shown: BTreeMap::new(),
            dice: ChaCha20Rng::from_seed([seed; 32]),
        }
    }

    fn roll(&mut self, sides: u64) -> u64 {
        u64::from(u32::from_le_bytes(random(&mut self.dice))) % sides
    }

    /// A Rekey by `author`, taken by Ben.
    fn rekey(&mut self, author: usize) {
        let previous = self.world.people[author].rekey;
        let sealed_to = self.world.people[BEN].generation;
        let rekey = self.world.rekey(author, &ALL);
        if author == BEN {
            self.replaced(sealed_to);
        } else {
            assert_eq!(self.world.take_rekey(BEN, &rekey, &ALL, previous), KeyOutcome::Opened { from: 0 });
            let mid = self.world.mid(author);
            self.shown.insert(mid, sealed_to);
        }
        self.rekeys.push((author, rekey));
    }

    fn leaf(&mut self) {
        let old = self.world.people[BEN].generation;
        let one = &mut self.world.people[BEN];
        let plan = LeafPlan { generation: old + 1, reason: LeafReason::Daily, prior: None, known: LeafBody::default() };
        let (built, pk) = one.group.build_leaf(self.world.now, one.place(), plan, &one.pair, &mut self.world.rng);
        one.generation += 1;
        one.leaf = Recipient { generation: old + 1, pk, ..one.leaf };
        one.wrote(built.entry);
        one.group.take(built.staged);
        self.replaced(old);
    }

    fn replaced(&mut self, old: u64) {
        self.leaves.insert(old, Some(self.world.now.wall_ms));
        self.leaves.insert(old + 1, None);
    }

    fn say(&mut self, author: usize) {
        if self.world.people[author].rekey.is_none() || self.world.people[author].said >= 30 {
            self.rekey(author);
        }
        let entry = self.world.say(author, "words");
        let rekey = self.world.people[author].rekey.unwrap();
        let read = author != BEN && self.roll(5) > 0;
        if read {
            assert!(self.world.read(BEN, &entry, rekey).is_ok());
        }
        self.said.push(Spoken { author, entry, rekey, read });
    }

    fn step(&mut self) {
        self.world.now = self.world.now.plus_ms(self.dice_days());
        let author = usize::try_from(self.roll(4)).unwrap();
        match self.roll(10) {
            0 => self.rekey(author),
            1 | 2 => self.leaf(),
            3 => self.late(),
            _ => self.say(author),
        }
        self.erase();
    }

    fn dice_days(&mut self) -> u64 {
        self.roll(2 * DAY)
    }

    /// Something that was left unread is read now, if its key is still here.
    fn late(&mut self) {
        if let Some(at) = (0..self.said.len()).find(|&at| self.said[at].author != BEN && !self.said[at].read) {
            let (entry, rekey) = (self.said[at].entry.clone(), self.said[at].rekey);
            self.said[at].read = self.world.read(BEN, &entry, rekey).is_ok();
        }
    }

    fn erase(&mut self) {
        let (keyed, now) = (self.world.keyed(&ALL), self.world.now);
        self.world.people[BEN].group.due_erasures(now, &ErasureView { keyed: &keyed, shown: &self.shown });
    }

    /// Which leaf secrets the table of erasures leaves at this moment.
    fn leaves_left(&self) -> BTreeSet<u64> {
        let all_know = |generation: u64| {
            let others = ALL.iter().filter(|&&i| i != BEN).map(|&i| self.world.mid(i));
            others.into_iter().all(|mid| self.shown.get(&mid).is_some_and(|&shown| shown > generation))
        };
        let young = |since: &u64| self.world.now.wall_ms.saturating_sub(*since) < 30 * DAY;
        let left = self.leaves.iter().filter(|(generation, replaced)| {
            replaced.as_ref().is_none_or(|since| young(since) && !all_know(**generation))
        });
        left.map(|(&generation, _)| generation).collect()
    }

    /// Numbers of the messages that a copy of `group` opens.
    fn opened_by(&self, group: &GroupKeys) -> BTreeSet<usize> {
        let keyed = self.world.keyed(&ALL);
        let at = Arrival { keyed: &keyed, rekey: None, shown: None };
        let mut opened = BTreeSet::new();
        for (number, one) in self.said.iter().enumerate() {
            if restarted(group).open(self.world.now, &one.entry, one.rekey).is_ok() {
                opened.insert(number);
            }
        }
        // Every Rekey again, with the leaf secrets alone.
        let (_, _, leaves) = records(group);
        for (_, rekey) in &self.rekeys {
            let mut thief = GroupKeys::new(GID, group.own, 0);
            thief.restore([], [], leaves.iter().map(Vec::as_slice)).unwrap();
            thief.on_rekey(self.world.now, rekey, &at);
            let of_epoch = self.said.iter().enumerate().filter(|(_, one)| one.rekey == rekey.id());
            opened.extend(of_epoch.filter_map(|(number, one)| {
                thief.open(self.world.now, &one.entry, one.rekey).is_ok().then_some(number)
            }));
        }
        opened
    }

    /// Whether any secret of the copy opens this message, as message key or as chain key of any index before it.
    fn is_forced_by(group: &GroupKeys, entry: &Entry) -> bool {
        let HeadKind::Message { nonce, .. } = entry.head.kind else { panic!("a message") };
        let bound = (entry.head_digest(), &entry.commit.unwrap());
        let opens = |mk: &Secret<32>| open_content(&message_keys(mk), &nonce, bound, &entry.body).is_ok();
        secrets_of(group).into_iter().any(|bytes| {
            opens(&Secret::new(bytes))
                || Chain::at(Secret::new(bytes), 0).step_over(31).unwrap().iter().any(|(_, mk)| opens(mk))
        })
    }
}

#[test]
fn at_34_a_copy_of_the_state_opens_what_the_table_of_erasures_leaves_and_nothing_else_of_the_past() {
    let (mut past, mut by_leaf, mut unread) = (0, 0, 0);
    for seed in 0..16 {
        let mut story = Story::new(seed);
        (0..STEPS).for_each(|_| story.step());
        let copy = restarted(&story.world.people[BEN].group);
        let left = story.leaves_left();
        assert_eq!(copy.leaves.keys().copied().collect::<BTreeSet<_>>(), left, "seed {seed}");
        // The generation that each Rekey was sealed to for Ben, from the Rekey itself.
        let ben = story.world.mid(BEN);
        let sealed_to = |rekey: &EntryId| {
            let (author, entry) = story.rekeys.iter().find(|(_, entry)| entry.id() == *rekey).unwrap();
            let keyed: Vec<_> =
                story.world.keyed(&ALL).into_iter().filter(|m| *m != story.world.mid(*author)).collect();
            let place = keyed.iter().position(|mid| *mid == ben).unwrap();
            body_of(entry).0[place].leaf.generation
        };
        let opened = story.opened_by(&copy);
        for (number, one) in story.said.iter().enumerate().filter(|(_, one)| one.author != BEN) {
            let through_leaf = left.contains(&sealed_to(&one.rekey));
            if one.read {
                assert_eq!(opened.contains(&number), through_leaf, "seed {seed}, message {number}");
                past += 1;
                by_leaf += usize::from(through_leaf);
            } else {
                unread += usize::from(opened.contains(&number));
            }
            if !opened.contains(&number) {
                assert!(!Story::is_forced_by(&copy, &one.entry), "seed {seed}, message {number}");
            }
        }
        let own = story.said.iter().enumerate().filter(|(_, one)| one.author == BEN);
        for (number, one) in own {
            assert!(!opened.contains(&number) && !Story::is_forced_by(&copy, &one.entry), "Ben's own words");
        }
    }
    // So that it can fail: much was read and is gone, some is still open through a leaf, and what was unread is open.
    assert!(past > 300 && by_leaf > 10 && past - by_leaf > 150 && unread > 20, "{past} {by_leaf} {unread}");
}

#[test]
fn at_35_after_the_victim_and_each_peer_have_rekeyed_the_copy_opens_nothing_more() {
    let (mut before_healing, mut after) = (0, 0);
    for seed in 0..16 {
        let mut story = Story::new(seed);
        (0..STEPS / 2).for_each(|_| story.step());
        let copy = restarted(&story.world.people[BEN].group);
        // The thief is there, nobody knows; words go on under the old chains.
        let mark = story.said.len();
        ALL.iter().for_each(|&author| story.say(author));
        before_healing += story.opened_by(&copy).range(mark..).count();
        // Ben heals what he receives; each peer rekeys to his new leaf. Ben's own Rekey heals what he sends.
        story.rekey(BEN);
        [0, 2, 3].into_iter().for_each(|author| story.rekey(author));
        let mark = story.said.len();
        for author in ALL {
            (0..3).for_each(|_| story.say(author));
        }
        assert_eq!(story.opened_by(&copy).range(mark..).count(), 0, "seed {seed}");
        for one in &story.said[mark..] {
            assert!(!Story::is_forced_by(&copy, &one.entry), "seed {seed}");
            after += 1;
        }
    }
    assert!(before_healing > 30 && after == 16 * 12, "{before_healing} opened before, {after} tried after");
}
