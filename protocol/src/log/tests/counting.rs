//! What counts (E-29 to E-33), which cut to choose, and the short forms that neighbours compare.

use super::*;

fn point(entry: &Entry) -> Point {
    Point { inst: entry.log.inst, seq: entry.head.seq, eid: entry.id() }
}

fn opened(world: &World, inst: u8, inst_no: u16, prior: Option<Point>) -> (Pen, Entry) {
    let mut pen = Pen::new(world, 1, inst);
    pen.inst_no = inst_no;
    let mut draft = pen.leaf(world, 0);
    if let HeadKind::Leaf { prior: named, .. } = &mut draft.head.kind {
        *named = prior;
    }
    let entry = pen.write(draft);
    (pen, entry)
}

/// Three installations of member 1, one behind the other, with five entries each.
fn moved_twice(world: &World) -> (Logs, [Vec<Entry>; 3]) {
    let mut logs = logs(world);
    let mut all: [Vec<Entry>; 3] = Default::default();
    // The ids do not ascend with the numbers.
    for (number, inst) in [(0_u16, 8), (1, 2), (2, 5)] {
        let prior = number.checked_sub(1).map(|before| point(&all[usize::from(before)][3]));
        let (mut pen, first) = opened(world, inst, number, prior);
        let entries = &mut all[usize::from(number)];
        entries.push(first);
        entries.extend(pen.speak(world, 3));
        give_all(&mut logs, world, entries);
    }
    (logs, all)
}

fn counting(logs: &Logs, entries: &[Entry], words: &Words) -> Vec<bool> {
    entries.iter().map(|entry| logs.honoured(&logs.place_of(&entry.id()).unwrap(), words)).collect()
}

fn first(count: usize) -> Vec<bool> {
    (0..5).map(|at| at < count).collect()
}

#[test]
fn e_29_a_point_includes_what_leads_to_it_by_prev_and_by_prior() {
    let world = World::of(3);
    let (logs, all) = moved_twice(&world);
    let words = Words::UpTo(vec![vec![point(&all[2][2])]]);
    assert_eq!(counting(&logs, &all[2], &words), first(3));
    assert_eq!(counting(&logs, &all[1], &words), first(4), "prior names the fourth entry");
    assert_eq!(counting(&logs, &all[0], &words), first(4));
    let words = Words::UpTo(vec![vec![point(&all[0][1])]]);
    assert_eq!([0, 1, 2].map(|log| counting(&logs, &all[log], &words)), [first(2), first(0), first(0)]);
}

#[test]
fn at_45_e_29_a_cut_without_points_voids_everything_and_the_lost_have_no_words() {
    let world = World::of(3);
    let (logs, all) = moved_twice(&world);
    for words in [Words::UpTo(vec![vec![]]), Words::Void] {
        assert_eq!(counting(&logs, &all[1], &words), first(0));
    }
    assert_eq!(counting(&logs, &all[1], &Words::Count), first(5));
}

#[test]
fn at_12_at_46_e_30_several_cuts_intersect_in_any_order() {
    let world = World::of(3);
    let (logs, all) = moved_twice(&world);
    let mut cuts = vec![
        vec![point(&all[1][3]), point(&all[2][1])],
        vec![point(&all[2][4])],
        vec![point(&all[0][2]), point(&all[1][1])],
    ];
    for _ in 0..3 {
        cuts.rotate_left(1);
        let words = Words::UpTo(cuts.clone());
        let found = [0, 1, 2].map(|log| counting(&logs, &all[log], &words));
        assert_eq!(found, [first(4), first(2), first(0)]);
    }
}

#[test]
fn e_32_a_point_not_held_bounds_by_number_until_it_comes_and_then_its_chain_decides() {
    let world = World::of(3);
    let (mut logs, mut pen) = (logs(&world), Pen::new(&world, 1, 1));
    let entries = pen.speak(&world, 3);
    let mut twin = Pen::new(&world, 1, 1);
    twin.speak(&world, 1);
    twin.salt = 1;
    let fork = twin.write(twin.message(256));
    let far = twin.write(twin.message(256));
    give_all(&mut logs, &world, &entries);
    let words = Words::UpTo(vec![vec![point(&fork)]]);
    assert_eq!(counting(&logs, &entries, &words), first(4), "by number for now");
    assert_eq!(counting(&logs, &entries, &Words::UpTo(vec![vec![point(&far)]])), first(5));
    give_all(&mut logs, &world, core::slice::from_ref(&fork));
    let bytes: Vec<Vec<u8>> = entries.iter().map(Entry::to_bytes).collect();
    logs.rebuild(&mut &world, NOW, Place { log: pen.log, branch: 0, seq: 2 }, &bytes);
    settle(&mut logs, &world);
    assert_eq!(counting(&logs, &entries, &words), first(3), "the other branch is void");
    assert!(logs.honoured(&logs.place_of(&fork.id()).unwrap(), &words));
    assert_eq!(logs.honoured_to(&pen.log, 0, &words), Some(2));
    assert_eq!(logs.honoured_to(&pen.log, 1, &words), Some(3));
}

#[test]
fn at_46_e_32_an_invented_point_in_a_log_that_nobody_has_saves_nothing_elsewhere() {
    let world = World::of(3);
    let (logs, all) = moved_twice(&world);
    let invented = Point { inst: Instance([0x77; 16]), seq: 9, eid: EntryId([1; 32]) };
    assert_eq!(counting(&logs, &all[0], &Words::UpTo(vec![vec![invented]])), first(0));
}

#[test]
fn r_38_prior_counts_only_towards_a_lower_number_and_an_author_must_keep_to_it() {
    let world = World::of(3);
    let mut logs = logs(&world);
    let (_, high) = opened(&world, 1, 5, None);
    let (_, low) = opened(&world, 2, 3, Some(point(&high)));
    assert_taken(&give(&mut logs, &world, &high));
    assert_eq!(logs.check_own(&mut &world, &low), Err(EntryRule::PriorNumber));
    // Others admit it whatever came first, and use nothing of it.
    assert_taken(&give(&mut logs, &world, &low));
    let words = Words::UpTo(vec![vec![point(&low)]]);
    assert!(!logs.honoured(&logs.place_of(&high.id()).unwrap(), &words));
    assert!(logs.honoured(&logs.place_of(&low.id()).unwrap(), &words));
}

#[test]
fn e_31_the_chosen_cut_keeps_all_that_is_held_with_the_fewest_points() {
    let world = World::of(3);
    let (logs, all) = moved_twice(&world);
    let points = logs.cuts_for(&mid(1));
    assert!(points.is_sorted_by(|a, b| a.inst < b.inst));
    // The last entries of the first two lie beyond what the next names as prior, so they need points of their own.
    assert_eq!(points.len(), 3);
    let words = Words::UpTo(vec![points]);
    assert_eq!([0, 1, 2].map(|log| counting(&logs, &all[log], &words)), [first(5), first(5), first(5)]);
    assert!(logs.cuts_for(&mid(2)).is_empty());
}

#[test]
fn e_31_points_within_others_are_left_out_and_at_most_eight_remain_newest_first() {
    let world = World::of(3);
    let mut logs = logs(&world);
    let (_, one) = opened(&world, 1, 0, None);
    let (_, two) = opened(&world, 2, 1, Some(point(&one)));
    give_all(&mut logs, &world, &[one, two.clone()]);
    assert_eq!(logs.cuts_for(&mid(1)), vec![point(&two)]);
    for inst in 3..14 {
        let (_, entry) = opened(&world, inst, u16::from(inst), None);
        give_all(&mut logs, &world, &[entry]);
    }
    let kept: Vec<u8> = logs.cuts_for(&mid(1)).iter().map(|point| point.inst.0[0]).collect();
    assert_eq!(kept, (6..14).collect::<Vec<u8>>());
}

#[test]
fn r_38_of_one_member_32_logs_are_listed_and_a_lower_one_is_not_taken_then() {
    let world = World::of(3);
    let mut logs = logs(&world);
    for inst in 1..=32 {
        let (_, entry) = opened(&world, inst, u16::from(inst), None);
        give_all(&mut logs, &world, &[entry]);
    }
    let (_, lower) = opened(&world, 40, 0, None);
    assert_refused(&give(&mut logs, &world, &lower), EntryRule::Logs);
    let (_, higher) = opened(&world, 41, 99, None);
    assert_taken(&give(&mut logs, &world, &higher));
    let listed = logs.listed(&[]);
    assert_eq!(listed.len(), 32);
    assert!(listed.iter().any(|(_, log)| log.inst == Instance([41; 16])));
    assert!(listed.iter().all(|(_, log)| log.inst != Instance([1; 16])), "the lowest gave way");
}

#[test]
fn n_702_an_item_reads_back_and_disordered_ranges_are_refused() {
    let item =
        VectorItem { tag: LogTag([1; 16]), floor: 3, ranges: vec![(3, 9), (12, 12)], head: [7; 8], fork: Some(5) };
    assert_eq!(from_bytes(&to_bytes(&item), 256), Ok(item.clone()));
    for ranges in
        [vec![], vec![(2, 9)], vec![(9, 8)], vec![(3, 9), (10, 12)], vec![(12, 12), (3, 9)], vec![(3, 1 << 40)]]
    {
        let bad = VectorItem { ranges, ..item.clone() };
        assert!(from_bytes::<VectorItem>(&to_bytes(&bad), 256).is_err());
    }
    let many = VectorItem { ranges: (0..17).map(|at| (at * 4 + 4, at * 4 + 5)).collect(), ..item };
    assert!(from_bytes::<VectorItem>(&to_bytes(&many), 1_024).is_err());
}

#[test]
fn n_702_a_vector_says_what_the_other_lacks_and_nothing_when_both_hold_the_same() {
    let world = World::of(3);
    let (mut ahead, mut behind) = (logs(&world), logs(&world));
    let mut pen = Pen::new(&world, 1, 1);
    let entries = pen.speak(&world, 6);
    give_all(&mut ahead, &world, &entries);
    let tag = ahead.tag(&pen.log);
    let lack = Lack { tag, log: None, branch: None, from: 0, to: 7 };
    assert_eq!(behind.compare(&ahead.vector(&[])), vec![lack.clone()]);
    give_all(&mut behind, &world, &entries[..3]);
    assert_eq!(behind.compare(&ahead.vector(&[])), vec![Lack { log: Some(pen.log), from: 3, ..lack }]);
    assert!(ahead.compare(&behind.vector(&[])).is_empty());
    give_all(&mut behind, &world, &entries[3..]);
    assert!(behind.compare(&ahead.vector(&[])).is_empty());
    assert_eq!(behind.vector(&[]), ahead.vector(&[]));
}

#[test]
fn n_704_another_head_at_a_place_that_is_held_is_asked_for_by_its_branch() {
    let world = World::of(3);
    let (mut one, mut two) = (logs(&world), logs(&world));
    let mut pen = Pen::new(&world, 1, 1);
    let mut entries = pen.speak(&world, 2);
    let mut other = pen.clone();
    other.salt = 1;
    give_all(&mut two, &world, &entries);
    entries.extend((0..3).map(|_| pen.write(pen.message(256))));
    give_all(&mut one, &world, &entries);
    let twin = other.write(other.message(512));
    give_all(&mut two, &world, core::slice::from_ref(&twin));
    let head = two.vector(&[])[0].head;
    assert_eq!(head, twin.id().0[..8]);
    let lack = Lack { tag: one.tag(&pen.log), log: Some(pen.log), branch: Some(head), from: 0, to: 4 };
    assert_eq!(one.compare(&two.vector(&[])), vec![lack.clone()]);
    // Once the fork is known, only what differs is asked for.
    give_all(&mut one, &world, &[twin]);
    let bytes: Vec<Vec<u8>> = entries.iter().map(Entry::to_bytes).collect();
    one.rebuild(&mut &world, NOW, Place { log: pen.log, branch: 0, seq: 3 }, &bytes);
    settle(&mut one, &world);
    let forks: Vec<Option<u64>> = one.vector(&[]).iter().map(|item| item.fork).collect();
    assert_eq!(forks, vec![Some(4), Some(4)]);
    assert!(one.compare(&two.vector(&[])).is_empty());
    let lacks = two.compare(&one.vector(&[]));
    assert_eq!(lacks.iter().map(|lack| (lack.from, lack.to)).collect::<Vec<_>>(), vec![(4, 6)]);
}

#[test]
fn n_501_the_digest_of_entries_is_over_what_counts() {
    let world = World::of(3);
    let (logs_all, all) = moved_twice(&world);
    let mut shorter = logs(&world);
    for entries in &all {
        give_all(&mut shorter, &world, &entries[..4]);
    }
    let count: &dyn Fn(&MembershipId) -> Words = &|_| Words::Count;
    assert_ne!(logs_all.entries_digest(&[], count), shorter.entries_digest(&[], count));
    let cut = Words::UpTo(vec![all.iter().map(|entries| point(&entries[3])).collect()]);
    let cut: &dyn Fn(&MembershipId) -> Words = &move |_| cut.clone();
    assert_eq!(logs_all.entries_digest(&[], cut), shorter.entries_digest(&[], cut));
    let void: &dyn Fn(&MembershipId) -> Words = &|_| Words::Void;
    assert_eq!(logs_all.entries_digest(&[], void), logs(&world).entries_digest(&[], void));
}

#[test]
fn n_515_tips_are_equal_for_equal_tops_and_none_beyond_what_is_held() {
    let world = World::of(3);
    let (logs_all, all) = moved_twice(&world);
    let mut shorter = logs(&world);
    give_all(&mut shorter, &world, &all[0][..4]);
    let log = all[0][0].log;
    assert_eq!(logs_all.tips(&[(log, 3)]), shorter.tips(&[(log, 3)]));
    assert_ne!(logs_all.tips(&[(log, 3)]), logs_all.tips(&[(log, 4)]));
    assert_eq!(shorter.tips(&[(log, 4)]), None);
}
