//! What is due when (E-39, E-46), and each bound with the one that is over it (E-72 to E-75).

use super::super::grants::GrantReason;
use super::super::rekey::{Healing, SenderView, Urgency};
use super::*;

const ANA: usize = 0;
const BEN: usize = 1;

fn due(world: &World, view: &SenderView<'_>) -> Option<RekeyReason> {
    world.people[ANA].group.rekey_due(world.now, view)
}

struct Views {
    keyed: Vec<MembershipId>,
    audience: BTreeMap<MembershipId, LeafNumber>,
    suspended: BTreeMap<MembershipId, Why>,
    healing: Vec<Healing>,
    cause: Option<RekeyReason>,
}

impl Views {
    fn of(world: &World, who: &[usize]) -> Self {
        let audience = world.people[ANA].audience.clone();
        Self { keyed: world.keyed(who), audience, suspended: BTreeMap::new(), healing: vec![], cause: None }
    }

    fn view(&self) -> SenderView<'_> {
        SenderView {
            keyed: &self.keyed,
            audience: &self.audience,
            suspended: &self.suspended,
            healing: &self.healing,
            cause: self.cause,
        }
    }
}

#[test]
fn at_13_at_51_e_39_a_rekey_is_due_for_each_of_its_reasons_and_for_no_other() {
    let mut world = World::new(3);
    let all = [0, 1, 2];
    assert_eq!(due(&world, &Views::of(&world, &all).view()), Some(RekeyReason::First));
    world.rekey(ANA, &all);
    assert_eq!(due(&world, &Views::of(&world, &all).view()), None);
    assert_eq!(due(&world, &Views::of(&world, &[0, 1]).view()), Some(RekeyReason::Membership));
    // A guest past its end, and somebody gone by an operation that 64 heads had no room for (AT-50), don't read on.
    for (why, wanted) in [
        (Why::SessionOver, Some(RekeyReason::Membership)),
        (Why::Gone, Some(RekeyReason::Membership)),
        (Why::StaleLeaf, None),
        (Why::NoLeaf, None),
    ] {
        let mut over = Views::of(&world, &all);
        over.suspended.insert(world.mid(BEN), why);
        assert_eq!(due(&world, &over.view()), wanted, "{why:?}");
    }
    {
        let cause = RekeyReason::Return;
        let mut views = Views::of(&world, &all);
        views.cause = Some(cause);
        assert_eq!(due(&world, &views.view()), Some(cause));
    }
    world.now = world.now.plus_ms(7 * DAY - 1);
    assert_eq!(due(&world, &Views::of(&world, &all).view()), None);
    world.now = world.now.plus_ms(1);
    assert_eq!(due(&world, &Views::of(&world, &all).view()), Some(RekeyReason::Schedule));
}

#[test]
fn r_36_compromised_is_answered_at_once_only_once_a_day() {
    let mut world = World::new(2);
    let both = [ANA, BEN];
    world.rekey(ANA, &both);
    let mut views = Views::of(&world, &both);
    views.healing = vec![Healing { mid: world.mid(BEN), urgency: Urgency::Soon }];
    assert_eq!(due(&world, &views.view()), None);
    views.healing[0].urgency = Urgency::AtOnce;
    assert_eq!(due(&world, &views.view()), Some(RekeyReason::Heal));
    // Answered; the next one within the day waits for its hour.
    let (keyed, recipients, now) = (world.keyed(&both), world.recipients(), world.now);
    let one = &mut world.people[ANA];
    let next = NextEpoch { epoch: 1, prev_len: 0, generation: 2, reason: RekeyReason::Heal };
    let roll = Roll { keyed: &keyed, recipients: &recipients, suspended: &BTreeMap::new(), healing: &views.healing };
    let built = one.group.build_rekey(now, (one.place(), next), &roll, &one.pair, &mut world.rng).unwrap();
    one.group.take(built.staged);
    assert_eq!(due(&world, &views.view()), None);
    world.now = world.now.plus_ms(limits::HEAL_INTERVAL_MS);
    assert_eq!(due(&world, &views.view()), Some(RekeyReason::Heal));
}

#[test]
fn e_39_more_than_64_outside_the_audience_ask_for_a_rekey_but_the_suspended_do_not_count() {
    let mut world = World::new(66);
    world.rekey(ANA, &[ANA]);
    let who = |n: usize| (0..=n).collect::<Vec<usize>>();
    assert_eq!(due(&world, &Views::of(&world, &who(64)).view()), None);
    let mut views = Views::of(&world, &who(65));
    assert_eq!(due(&world, &views.view()), Some(RekeyReason::Membership));
    views.suspended.insert(world.mid(BEN), Why::StaleLeaf);
    assert_eq!(due(&world, &views.view()), None);
}

#[test]
fn e_46_grants_go_to_sealable_newcomers_and_new_installations_at_most_32_at_a_time() {
    let mut world = World::new(40);
    let who: Vec<usize> = (0..40).collect();
    world.rekey(ANA, &[ANA, BEN]);
    let mut views = Views::of(&world, &who);
    views.suspended.insert(world.mid(5), Why::StaleLeaf);
    let mut recipients = world.recipients();
    recipients.get_mut(&world.mid(BEN)).unwrap().inst_no = 1;
    let plans = world.people[ANA].group.grants_due(&views.view(), &recipients);
    let sizes: Vec<(GrantReason, usize)> = plans.iter().map(|plan| (plan.reason, plan.targets.len())).collect();
    assert_eq!(sizes, vec![(GrantReason::Newcomer, 32), (GrantReason::Newcomer, 5), (GrantReason::NewInstance, 1)]);
    // Who is where it was gets no second one.
    recipients.get_mut(&world.mid(BEN)).unwrap().inst_no = 0;
    let plans = world.people[ANA].group.grants_due(&views.view(), &recipients);
    assert!(plans.iter().all(|plan| plan.reason == GrantReason::Newcomer), "{}", plans.len());
}

#[test]
fn e_75_a_grant_to_33_or_to_nobody_is_not_made() {
    let mut world = World::new(34);
    world.rekey(ANA, &[ANA]);
    let one = &world.people[ANA];
    let everybody: BTreeMap<MembershipId, Recipient> =
        world.recipients().into_iter().filter(|(mid, _)| *mid != one.log.mid).collect();
    assert_eq!(everybody.len(), 33);
    let mut build = |targets| {
        let plan = GrantPlan { reason: GrantReason::Newcomer, targets };
        one.group.build_grant(one.place(), &plan, &one.pair, &mut world.rng).map(|built| built.entry)
    };
    assert_eq!(build(everybody.clone()).err(), Some(BuildError::TargetCount));
    assert_eq!(build(BTreeMap::new()).err(), Some(BuildError::TargetCount));
    assert!(build(everybody.into_iter().take(32).collect()).is_ok());
}

#[test]
fn e_72_the_thousandth_message_is_sealed_and_the_next_needs_a_rekey() {
    let mut world = World::new(2);
    world.rekey(ANA, &[ANA, BEN]);
    let one = &mut world.people[ANA];
    let rekey = one.rekey.unwrap();
    let held = one.group.chains.get_mut(&rekey).unwrap();
    drop(held.chain.step_over(998));
    let last = one.group.seal(one.place(), &content("x"), &one.pair, &mut world.rng).unwrap();
    one.group.take(last.staged);
    let over = one.group.seal(one.place(), &content("x"), &one.pair, &mut world.rng).err();
    assert_eq!(over, Some(BuildError::EpochFull));
    assert_eq!(due(&world, &Views::of(&world, &[ANA, BEN]).view()), Some(RekeyReason::Schedule));
}

#[test]
fn e_73_at_26_a_jump_of_999_is_taken_a_further_one_refused_and_skipped_keys_stay_within_2000_a_member() {
    let mut world = World::new(2);
    let both = [ANA, BEN];
    let mut previous = None;
    for _ in 0..3 {
        let rekey = world.rekey(ANA, &both);
        world.take_rekey(BEN, &rekey, &both, previous);
        previous = Some(rekey.id());
        let one = &mut world.people[ANA];
        drop(one.group.chains.get_mut(&rekey.id()).unwrap().chain.step_over(998));
        one.said = 999;
        let last = world.say(ANA, "far");
        assert_eq!(world.read(BEN, &last, rekey.id()), Ok("far".to_string()));
        let skipped: usize = world.people[BEN].group.chains.values().map(|held| held.skipped.len()).sum();
        assert!(skipped <= limits::SKIPPED_PER_MEMBER_MAX);
    }
    // Bounds by force: two chains of a fork at their most, and one key more.
    let group = &mut world.people[BEN].group;
    let member = group.chains.values().next().unwrap().log.mid;
    let rekeys: Vec<EntryId> = group.chains.keys().copied().collect();
    for (n, rekey) in rekeys.iter().enumerate() {
        let skipped = &mut group.chains.get_mut(rekey).unwrap().skipped;
        skipped.clear();
        for index in 0..(1_000 + n as u64) {
            skipped.insert(index, Skipped { key: Secret::new([0; 32]), since: n as u64 });
        }
    }
    assert_eq!(rekeys.len(), 2);
    let touched = group.trim_skipped(member);
    let left: usize = group.chains.values().map(|held| held.skipped.len()).sum();
    assert_eq!((left, touched.len()), (limits::SKIPPED_PER_MEMBER_MAX, 1));
    assert_eq!(group.chains[&rekeys[0]].skipped.len(), 999);
}

/// Bytes of all that a reader holds and stores of secrets.
fn held_bytes(world: &World, i: usize) -> usize {
    let (chains, pages, leaves) = trio::records(&world.people[i].group);
    chains.iter().chain(&pages).chain(&leaves).map(Vec::len).sum()
}

/// A Rekey of `author` and a message at the last index, so that 999 keys are jumped over.
fn flood(world: &mut World, author: usize, reader: usize, who: &[usize]) {
    let previous = world.people[author].rekey;
    let rekey = world.rekey(author, who);
    world.take_rekey(reader, &rekey, who, previous);
    let one = &mut world.people[author];
    drop(one.group.chains.get_mut(&rekey.id()).unwrap().chain.step_over(998));
    one.said = 999;
    let last = world.say(author, "far");
    assert_eq!(world.read(reader, &last, rekey.id()), Ok("far".to_string()));
}

#[test]
fn at_26_epochs_without_end_take_no_more_room_than_two_of_them() {
    let mut world = World::new(2);
    let mut sizes = vec![];
    for _ in 0..30 {
        flood(&mut world, ANA, BEN, &[ANA, BEN]);
        sizes.push(held_bytes(&world, BEN));
    }
    let most = *sizes[2..4].iter().max().unwrap();
    // Numbers of epochs grow by a byte once.
    assert!(sizes[4..].iter().all(|size| *size <= most + 64), "{sizes:?}");
}

#[test]
fn e_73_at_26_a_whole_group_that_jumps_leaves_20_000_skipped_keys() {
    let mut world = World::new(13);
    let who: Vec<usize> = (0..13).collect();
    for author in 0..12 {
        flood(&mut world, author, 12, &who);
        flood(&mut world, author, 12, &who);
        let skipped: usize = world.people[12].group.chains.values().map(|held| held.skipped.len()).sum();
        assert!(skipped <= limits::SKIPPED_PER_GROUP_MAX, "{skipped} after {author}");
    }
    let skipped: usize = world.people[12].group.chains.values().map(|held| held.skipped.len()).sum();
    assert_eq!(skipped, limits::SKIPPED_PER_GROUP_MAX, "the bound was reached, and not crossed");
}

#[test]
fn e_74_at_most_two_chains_of_four_branches_are_held() {
    let mut world = World::new(2);
    let both = [ANA, BEN];
    for _ in 0..9 {
        // Each as if it began a branch of its own: none names the one before.
        let rekey = world.rekey(ANA, &both);
        assert_eq!(world.take_rekey(BEN, &rekey, &both, None), KeyOutcome::Opened { from: 0 });
    }
    let epochs: Vec<u64> = {
        let mut epochs: Vec<u64> = world.people[BEN].group.chains.values().map(|held| held.epoch).collect();
        epochs.sort_unstable();
        epochs
    };
    assert_eq!(epochs, (1..9).collect::<Vec<u64>>());
}
