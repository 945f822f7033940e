//! One refusal for each rule of E-19 to E-26, and that nothing of a refused entry stays.

use super::*;

/// A world of three, and the log of member 1 with a Leaf, a Rekey and one message taken in.
fn spoken() -> (World, Logs, Pen) {
    let world = World::of(3);
    let (mut logs, mut pen) = (logs(&world), Pen::new(&world, 1, 1));
    give_all(&mut logs, &world, &pen.speak(&world, 1));
    assert_eq!(logs.state(&pen.log).unwrap().seq, 2);
    (world, logs, pen)
}

/// The draft, spoiled, is refused by this rule, and the good one is taken after it.
fn refused_then_good(good: fn(&Pen, &World) -> Draft, spoil: fn(&mut Draft), rule: EntryRule) {
    let (world, mut logs, pen) = spoken();
    let before = picture(&logs);
    let mut bad = good(&pen, &world);
    spoil(&mut bad);
    assert_refused(&give(&mut logs, &world, &pen.sign(bad)), rule);
    assert_eq!(picture(&logs), before, "a refused entry left a trace");
    assert_taken(&give(&mut logs, &world, &pen.sign(good(&pen, &world))));
}

fn message(pen: &Pen, _: &World) -> Draft {
    let mut draft = pen.message(256);
    draft.head.heads = pen.heads.clone();
    draft
}

fn rekey(pen: &Pen, world: &World) -> Draft {
    pen.rekey(world, &[])
}

fn daily(pen: &Pen, world: &World) -> Draft {
    pen.leaf(world, 1)
}

fn leaf_of(draft: &mut Draft) -> (&mut u16, &mut u64, &mut LeafKey, &mut u64, &mut Option<Point>) {
    let HeadKind::Leaf { inst_no, generation, pk, reason, prior } = &mut draft.head.kind else { panic!("no Leaf") };
    (inst_no, generation, pk, reason, prior)
}

fn rekey_of(draft: &mut Draft) -> (&mut u64, &mut u64, &mut Digest, &mut u64, &mut Vec<Suspended>) {
    let HeadKind::Rekey { epoch, prev_len, roster_hash, generation, suspended, .. } = &mut draft.head.kind else {
        panic!("no Rekey")
    };
    (epoch, prev_len, roster_hash, generation, suspended)
}

fn message_of(draft: &mut Draft) -> (&mut u64, &mut u64) {
    let HeadKind::Message { epoch, index, .. } = &mut draft.head.kind else { panic!("no Message") };
    (epoch, index)
}

#[test]
fn at_01_e_23_what_is_held_already_is_a_duplicate_whatever_its_signature() {
    let (world, mut logs, pen) = spoken();
    let entry = Pen::new(&world, 1, 1).speak(&world, 0).remove(0);
    let mut bytes = entry.to_bytes();
    *bytes.last_mut().unwrap() ^= 1;
    assert!(matches!(give_bytes(&mut logs, &world, pen.log, &bytes), Inserted::Duplicate));
}

#[test]
fn at_49_e_26_a_bad_signature_is_not_remembered_and_the_good_entry_still_gets_in() {
    let (world, mut logs, pen) = spoken();
    let entry = pen.sign(pen.message(256));
    let mut bytes = entry.to_bytes();
    *bytes.last_mut().unwrap() ^= 1;
    assert_refused(&give_bytes(&mut logs, &world, pen.log, &bytes), EntryRule::Signature);
    assert_taken(&give(&mut logs, &world, &entry));
}

/// Each kind of entry in Ana's log, signed by everybody else who is here: not one of them speaks for her.
#[test]
fn at_04_at_83_an_entry_that_another_signed_is_refused_before_anything_changes() {
    let (world, mut logs, pen) = spoken();
    let before = picture(&logs);
    let drafts = [pen.leaf(&world, 1), pen.rekey(&world, &[]), pen.message(256), pen.envelope(40)];
    for draft in &drafts {
        for who in people().filter(|&who| who != pen.who).take(5) {
            let entry =
                Entry::sign(&pen.gid, pen.log, draft.head.clone(), (draft.commit, draft.body.clone()), &keys(who));
            assert_refused(&give(&mut logs, &world, &entry), EntryRule::Signature);
            assert_eq!(picture(&logs), before);
        }
    }
    // Her own still gets in: nothing was remembered of the forged ones.
    assert_taken(&give(&mut logs, &world, &pen.sign(drafts[2].clone())));
}

#[test]
fn e_26_an_entry_refused_under_a_good_signature_is_refused_for_ever_and_what_follows_with_it() {
    let (world, mut logs, mut pen) = spoken();
    let mut bad = pen.message(256);
    *message_of(&mut bad).1 = 0;
    bad.head.heads = pen.heads.clone();
    let bad = pen.write(bad);
    let next = pen.write(pen.message(256));
    let last = pen.write(pen.message(256));
    assert!(matches!(give(&mut logs, &world, &last), Inserted::Waiting(Missing::Predecessor { seq: 4, .. })));
    assert!(matches!(give(&mut logs, &world, &next), Inserted::Waiting(Missing::Predecessor { seq: 3, .. })));
    assert_refused(&give(&mut logs, &world, &bad), EntryRule::Index);
    let settled = settle(&mut logs, &world);
    assert_eq!(settled.len(), 2);
    settled.iter().for_each(|inserted| assert_refused(inserted, EntryRule::Predecessor));
    assert_refused(&give(&mut logs, &world, &bad), EntryRule::Remembered);
    assert_refused(&give(&mut logs, &world, &last), EntryRule::Remembered);
}

#[test]
fn e_26_refusals_are_remembered_up_to_a_bound_oldest_out() {
    let mut refused = Refused::default();
    let mut ids = (0..1_025_u64).map(|i| EntryId(sha256(&i.to_be_bytes()).0));
    ids.clone().for_each(|eid| refused.remember(eid));
    assert_eq!((refused.ids.len(), refused.order.len()), (1_024, 1_024));
    assert!(!refused.ids.contains(&ids.clone().next().unwrap()));
    assert!(refused.ids.contains(&ids.next_back().unwrap()));
}

#[test]
fn e_19_a_log_opens_with_a_leaf_of_reason_0_key_0_and_the_logs_own_prev() {
    let world = World::of(3);
    let spoils: [fn(&mut Draft); 4] = [
        |draft| draft.head.prev = EntryId([1; 32]),
        |draft| *leaf_of(draft).1 = 1,
        |draft| *leaf_of(draft).3 = 1,
        |draft| {
            draft.head.kind = HeadKind::Opaque { kind: 99, fields: vec![] };
        },
    ];
    for spoil in spoils {
        let (mut logs, pen) = (logs(&world), Pen::new(&world, 1, 1));
        let mut bad = pen.leaf(&world, 0);
        spoil(&mut bad);
        assert_refused(&give(&mut logs, &world, &pen.sign(bad)), EntryRule::FirstEntry);
        assert_eq!(logs.ids().count(), 0);
        assert_taken(&give(&mut logs, &world, &pen.sign(pen.leaf(&world, 0))));
    }
}

#[test]
fn e_19_the_predecessor_stands_one_below_in_the_same_log() {
    refused_then_good(message, |draft| draft.head.seq += 1, EntryRule::Predecessor);
    let (world, mut logs, pen) = spoken();
    let mut other = Pen::new(&world, 2, 2);
    give_all(&mut logs, &world, &other.speak(&world, 1));
    let mut bad = other.message(256);
    bad.head.prev = pen.prev;
    assert_refused(&give(&mut logs, &world, &other.sign(bad)), EntryRule::Predecessor);
}

#[test]
fn e_19_prior_stands_in_entry_0_of_a_later_installation_and_names_another() {
    let world = World::of(3);
    let point = |inst: u8| Some(Point { inst: Instance([inst; 16]), seq: 0, eid: EntryId([1; 32]) });
    for (inst_no, prior) in [(0, point(9)), (1, point(1))] {
        let (mut logs, pen) = (logs(&world), Pen::new(&world, 1, 1));
        let mut bad = pen.leaf(&world, 0);
        *leaf_of(&mut bad).0 = inst_no;
        *leaf_of(&mut bad).4 = prior;
        assert_refused(&give(&mut logs, &world, &pen.sign(bad)), EntryRule::Prior);
    }
    refused_then_good(
        daily,
        |draft| {
            *leaf_of(draft).4 = Some(Point { inst: Instance([9; 16]), seq: 0, eid: EntryId([1; 32]) });
        },
        EntryRule::Prior,
    );
}

#[test]
fn e_20_all_kinds_but_messages_say_their_heads_and_each_64th_message_does() {
    refused_then_good(rekey, |draft| draft.head.heads = Heads::default(), EntryRule::HeadsMissing);
    refused_then_good(daily, |draft| draft.head.heads = Heads::default(), EntryRule::HeadsMissing);
    refused_then_good(
        |pen, _| pen.grant(&[2], 4),
        |draft| draft.head.heads = Heads::default(),
        EntryRule::HeadsMissing,
    );
    refused_then_good(
        |pen, world| {
            let mut draft = message(pen, world);
            *message_of(&mut draft).1 = 64;
            draft
        },
        |draft| draft.head.heads = Heads::default(),
        EntryRule::HeadsMissing,
    );
}

#[test]
fn at_48_e_20_heads_never_go_back_and_none_is_an_ancestor_of_another() {
    let (mut world, mut logs, mut pen) = spoken();
    world.add(2, &[1], Effect::Pending(9));
    world.add(3, &[1], Effect::Pending(8));
    pen.heads = heads(&[2]);
    let mut forward = pen.message(256);
    forward.head.heads = heads(&[2]);
    assert_taken(&give(&mut logs, &world, &pen.write(forward)));
    assert_eq!(logs.state(&pen.log).unwrap().heads, heads(&[2]));
    for (named, rule) in [
        (heads(&[1]), EntryRule::HeadsBack),
        (heads(&[3]), EntryRule::HeadsBack),
        (heads(&[1, 2]), EntryRule::HeadsDependent),
    ] {
        let mut bad = pen.message(256);
        bad.head.heads = named;
        assert_refused(&give(&mut logs, &world, &pen.sign(bad)), rule);
    }
    let mut both = pen.message(256);
    both.head.heads = heads(&[2, 3]);
    assert_taken(&give(&mut logs, &world, &pen.write(both)));
}

#[test]
fn at_56_e_22_an_unknown_kind_is_kept_without_effect() {
    let (world, mut logs, mut pen) = spoken();
    let kind = HeadKind::Opaque { kind: 77, fields: vec![vec![5]] };
    let opaque = pen.draft(kind, Some(Digest([1; 32])), vec![1, 2, 3]);
    let mut silent = opaque.clone();
    silent.head.heads = Heads::default();
    assert_refused(&give(&mut logs, &world, &pen.sign(silent)), EntryRule::HeadsMissing);
    let before = logs.state(&pen.log).unwrap().clone();
    let entry = pen.write(opaque);
    assert_taken(&give(&mut logs, &world, &entry));
    let after = logs.state(&pen.log).unwrap();
    assert_eq!((after.seq, after.head), (3, entry.id()));
    assert_eq!((&after.leaf, &after.epoch), (&before.leaf, &before.epoch));
}

#[test]
fn e_23_only_the_keyed_speak_and_a_candidate_may_publish_its_leaf() {
    let mut world = World::of(2);
    world.add(2, &[1], Effect::Pending(2));
    let (mut logs, mut pen) = (logs(&world), Pen::new(&world, 2, 1));
    assert_refused(&give(&mut logs, &world, &pen.sign(pen.leaf(&world, 0))), EntryRule::Author);
    pen.heads = heads(&[2]);
    assert_taken(&give(&mut logs, &world, &pen.clone().write(pen.leaf(&world, 0))));
    pen.write(pen.leaf(&world, 0));
    for draft in [pen.rekey(&world, &[]), pen.envelope(40)] {
        assert_refused(&give(&mut logs, &world, &pen.sign(draft)), EntryRule::Author);
    }
    world.add(3, &[2], Effect::Keyed(2));
    pen.heads = heads(&[3]);
    assert_taken(&give(&mut logs, &world, &pen.write(pen.rekey(&world, &[]))));
}

#[test]
fn e_10_the_installation_keeps_its_number() {
    refused_then_good(daily, |draft| *leaf_of(draft).0 = 1, EntryRule::InstanceNumber);
}

#[test]
fn e_11_e_24_leaf_keys_are_numbered_without_holes_and_never_come_again() {
    refused_then_good(daily, |draft| *leaf_of(draft).1 += 1, EntryRule::Generation);
    refused_then_good(daily, |draft| *leaf_of(draft).1 -= 1, EntryRule::Generation);
    refused_then_good(rekey, |draft| *rekey_of(draft).3 += 1, EntryRule::Generation);
    refused_then_good(daily, |draft| *leaf_of(draft).3 = 0, EntryRule::Reason);
    refused_then_good(daily, |draft| *leaf_of(draft).2 = Pen::new(&World::of(3), 1, 1).pk(), EntryRule::LeafReused);
}

#[test]
fn e_12_a_leaf_key_of_low_order_is_refused() {
    refused_then_good(daily, |draft| *leaf_of(draft).2 = LeafKey([0; 32]), EntryRule::LeafKey);
}

#[test]
fn e_18_a_leaf_acknowledges_each_other_keyed_member_once() {
    for count in [1, 3] {
        let (world, mut logs, pen) = spoken();
        let mut bad = pen.leaf(&world, 1);
        bad.body = to_bytes(&LeafBody(vec![None; count]));
        assert_refused(&give(&mut logs, &world, &pen.sign(bad)), EntryRule::Acks);
    }
    refused_then_good(daily, |draft| draft.body.push(0), EntryRule::Body(crate::wire::DecodeError::NotCanonical));
}

#[test]
fn at_07_at_22_e_24_a_rekey_follows_the_epoch_before() {
    refused_then_good(rekey, |draft| *rekey_of(draft).0 += 1, EntryRule::Epoch);
    refused_then_good(rekey, |draft| *rekey_of(draft).0 -= 1, EntryRule::Epoch);
    refused_then_good(rekey, |draft| *rekey_of(draft).1 += 1, EntryRule::PrevLen);
    refused_then_good(rekey, |draft| *rekey_of(draft).1 -= 1, EntryRule::PrevLen);
}

#[test]
fn at_14_e_16_a_rekey_names_the_roster_of_its_heads() {
    refused_then_good(rekey, |draft| rekey_of(draft).2.0[0] ^= 1, EntryRule::RosterHash);
}

#[test]
fn e_24_suspended_places_ascend_lie_in_the_roster_and_are_not_the_author() {
    let own = World::of(3).keyed(&heads(&[1])).binary_search(&mid(1)).unwrap();
    let own = u8::try_from(own).unwrap();
    let others: Vec<u8> = (0..3).filter(|&place| place != own).collect();
    for places in [vec![own], vec![3], vec![others[1], others[0]], vec![others[0], others[0]]] {
        let (world, mut logs, pen) = spoken();
        let mut bad = pen.rekey(&world, &[]);
        *rekey_of(&mut bad).4 = places.iter().map(|&place| Suspended { place, why: 1 }).collect();
        assert_refused(&give(&mut logs, &world, &pen.sign(bad)), EntryRule::Suspended);
    }
    let (world, mut logs, mut pen) = spoken();
    assert_taken(&give(&mut logs, &world, &pen.write(pen.rekey(&world, &others[..1]))));
    let audience: Vec<MembershipId> =
        logs.state(&pen.log).unwrap().epoch.as_ref().unwrap().audience.keys().copied().collect();
    assert_eq!(audience, vec![world.keyed(&heads(&[1]))[usize::from(others[1])]]);
}

#[test]
fn at_14_at_15_at_42_e_24_a_rekey_has_one_slot_for_each_place_left() {
    for count in [1, 3] {
        let (world, mut logs, pen) = spoken();
        let mut bad = pen.rekey(&world, &[]);
        let seed = SealedSeed { leaf: LeafNumber { inst_no: 0, generation: 0 }, slot: Slot([7; SLOT_BYTES]) };
        bad.body = to_bytes(&RekeyBody(vec![seed; count]));
        assert_refused(&give(&mut logs, &world, &pen.sign(bad)), EntryRule::Slots);
    }
}

#[test]
fn at_53_e_24_grant_targets_are_keyed_others_outside_the_audience_unless_it_repairs() {
    let (mut world, mut logs, mut pen) = spoken();
    world.add(2, &[1], Effect::Keyed(3));
    world.add(4, &[2], Effect::Pending(4));
    pen.heads = heads(&[4]);
    for (targets, reason, rule) in [
        (&[0_usize][..], 1, EntryRule::Target),
        (&[0], 9, EntryRule::Target),
        (&[1], 4, EntryRule::Target),
        (&[4], 1, EntryRule::Target),
        (&[3, 4], 1, EntryRule::Target),
    ] {
        assert_refused(&give(&mut logs, &world, &pen.sign(pen.grant(targets, reason))), rule);
    }
    let mut stale = pen.grant(&[3], 1);
    if let HeadKind::KeyGrant { epoch, .. } = &mut stale.head.kind {
        *epoch += 1;
    }
    assert_refused(&give(&mut logs, &world, &pen.sign(stale)), EntryRule::Epoch);
    let mut late = pen.grant(&[3], 1);
    if let HeadKind::KeyGrant { index, .. } = &mut late.head.kind {
        *index -= 1;
    }
    assert_refused(&give(&mut logs, &world, &pen.sign(late)), EntryRule::Index);
    for (targets, reason) in [(&[3_usize][..], 1), (&[0], 2), (&[0], 3), (&[0, 3], 4)] {
        assert_taken(&give(&mut logs, &world, &pen.write(pen.grant(targets, reason))));
    }
    let state = logs.state(&pen.log).unwrap();
    let epoch = state.epoch.as_ref().unwrap();
    assert_eq!(epoch.audience.len(), 3);
    assert_eq!(epoch.audience[&mid(3)], LeafNumber { inst_no: 0, generation: 3 });
    assert_eq!(state.knows_own, Some(LeafNumber { inst_no: 0, generation: 3 }));
}

#[test]
fn at_07_at_53_e_24_e_58_an_index_rises_within_the_current_epoch_and_may_leave_holes() {
    refused_then_good(message, |draft| *message_of(draft).0 += 1, EntryRule::Epoch);
    refused_then_good(message, |draft| *message_of(draft).1 = 0, EntryRule::Index);
    refused_then_good(message, |draft| *message_of(draft).1 = 1_000, EntryRule::Index);
    let (world, mut logs, mut pen) = spoken();
    let mut far = message(&pen, &world);
    *message_of(&mut far).1 = 999;
    assert_taken(&give(&mut logs, &world, &pen.write(far)));
    assert_eq!(logs.state(&pen.log).unwrap().next_index(), 1_000);
    assert_taken(&give(&mut logs, &world, &pen.write(pen.rekey(&world, &[]))));
    assert_eq!(logs.state(&pen.log).unwrap().next_index(), 0);
}

#[test]
fn e_37_who_has_no_epoch_publishes_neither_message_nor_grant() {
    let world = World::of(3);
    let (mut logs, mut pen) = (logs(&world), Pen::new(&world, 1, 1));
    assert_taken(&give(&mut logs, &world, &pen.write(pen.leaf(&world, 0))));
    pen.epoch = 1;
    assert_refused(&give(&mut logs, &world, &pen.sign(pen.message(256))), EntryRule::Epoch);
    assert_refused(&give(&mut logs, &world, &pen.sign(pen.grant(&[2], 1))), EntryRule::Epoch);
}

#[test]
fn at_13_e_25_an_epoch_is_not_used_on_at_heads_where_somebody_of_its_audience_is_gone() {
    let (mut world, mut logs, mut pen) = spoken();
    world.add(2, &[1], Effect::Gone(2));
    pen.heads = heads(&[2]);
    let bad = message(&pen, &world);
    assert_refused(&give(&mut logs, &world, &pen.sign(bad)), EntryRule::Audience);
    assert_refused(&give(&mut logs, &world, &pen.sign(pen.grant(&[0], 4))), EntryRule::Audience);
    assert_taken(&give(&mut logs, &world, &pen.write(pen.rekey(&world, &[]))));
    let good = message(&pen, &world);
    assert_taken(&give(&mut logs, &world, &pen.write(good)));
}

#[test]
fn e_52_a_message_body_is_one_of_eight_sizes() {
    for size in [0, 255, 257, 768, 65_536 / 4 + 1] {
        let (world, mut logs, pen) = spoken();
        assert_refused(&give(&mut logs, &world, &pen.sign(pen.message(size))), EntryRule::BodyLength);
    }
    let (world, mut logs, mut pen) = spoken();
    for k in 0..8 {
        assert_taken(&give(&mut logs, &world, &pen.write(pen.message(256 << k))));
    }
}

#[test]
fn e_24_envelopes_are_bounded_in_size_and_number() {
    let (world, mut logs, mut pen) = spoken();
    assert_refused(&give(&mut logs, &world, &pen.sign(pen.envelope(16_385))), EntryRule::BodyLength);
    for _ in 0..1_024 {
        let envelope = pen.envelope(40);
        assert_taken(&give(&mut logs, &world, &pen.write(envelope)));
    }
    assert_refused(&give(&mut logs, &world, &pen.sign(pen.envelope(40))), EntryRule::Envelopes);
    assert_taken(&give(&mut logs, &world, &pen.write(pen.message(256))));
}

#[test]
fn e_26_an_author_refuses_its_own_entry_by_the_same_rules_and_changes_nothing() {
    let (world, mut logs, mut pen) = spoken();
    let before = picture(&logs);
    let mut bad = pen.message(256);
    *message_of(&mut bad).1 = 1_000;
    let bad = pen.sign(bad);
    assert_eq!(logs.check_own(&mut &world, &bad), Err(EntryRule::Index));
    assert!(logs.append_own(&mut &world, NOW, &bad).is_err());
    let mut loose = pen.message(256);
    loose.head.prev = EntryId([1; 32]);
    assert_eq!(logs.check_own(&mut &world, &pen.sign(loose)), Err(EntryRule::Unfounded));
    assert_eq!(picture(&logs), before);
    let good = pen.write(pen.message(256));
    assert_eq!(logs.check_own(&mut &world, &good), Ok(()));
    assert_eq!(picture(&logs), before);
    let appended = logs.append_own(&mut &world, NOW, &good).unwrap();
    assert_eq!(appended.place, Place { log: pen.log, branch: 0, seq: 3 });
}

/// Every bit of every byte, every truncation, and a byte more: of one entry of each kind.
#[test]
fn at_28_flips_cuts_and_additions_to_every_kind_leave_the_state_as_it_was() {
    let mut world = World::of(3);
    world.add(2, &[1], Effect::Keyed(3));
    let (mut logs, mut pen) = (logs(&world), Pen::new(&world, 1, 1));
    let kinds: [fn(&mut Pen, &World) -> Draft; 5] = [
        |pen, world| pen.leaf(world, 0),
        |pen, world| pen.rekey(world, &[]),
        |pen, world| {
            pen.heads = heads(&[2]);
            message(pen, world)
        },
        |pen, _| pen.grant(&[3], 1),
        |pen, _| pen.envelope(40),
    ];
    let mut tried = 0;
    for kind in kinds {
        let draft = kind(&mut pen, &world);
        let entry = pen.write(draft);
        let (bytes, before) = (entry.to_bytes(), picture(&logs));
        let flips = (0..bytes.len() * 8).map(|bit| {
            let mut flipped = bytes.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            flipped
        });
        let cuts = (0..bytes.len()).map(|end| bytes[..end].to_vec());
        let longer = [0, 0x80, 0xff].map(|more| [&bytes[..], &[more]].concat());
        for spoiled in flips.chain(cuts).chain(longer) {
            let inserted = give_bytes(&mut logs, &world, pen.log, &spoiled);
            assert!(matches!(inserted, Inserted::Refused(_)), "{inserted:?}");
            tried += 1;
        }
        assert_eq!(picture(&logs), before);
        assert_taken(&give(&mut logs, &world, &entry));
    }
    assert!(tried > 10_000, "{tried} spoiled entries");
}

/// Admission looks at form and number of slots; it has no key to try one with, and doesn't read on beyond the limits.
#[test]
fn at_42_slots_by_the_thousand_are_refused_by_their_size_and_too_many_by_their_count() {
    let (world, mut logs, pen) = spoken();
    let before = picture(&logs);
    let seed = SealedSeed { leaf: LeafNumber { inst_no: 0, generation: 0 }, slot: Slot([7; SLOT_BYTES]) };
    for slots in [65_535, 100, 99, 3, 1, 0] {
        let mut draft = pen.rekey(&world, &[]);
        draft.body = to_bytes(&RekeyBody(vec![seed; slots]));
        let inserted = give(&mut logs, &world, &pen.sign(draft));
        if slots <= 99 {
            assert_refused(&inserted, EntryRule::Slots);
        }
        assert!(matches!(inserted, Inserted::Refused(_)), "{slots}: {inserted:?}");
    }
    // A list that only claims to be that long.
    let mut draft = pen.rekey(&world, &[]);
    draft.body = vec![0x99, 0xff, 0xff];
    assert!(matches!(give(&mut logs, &world, &pen.sign(draft)), Inserted::Refused(_)));
    assert_eq!(picture(&logs), before);
}

/// One author, one body, every other kind: no kind passes for another, though the signature is good.
#[test]
fn at_08_a_body_of_one_kind_is_not_taken_for_another() {
    let (world, logs, pen) = spoken();
    let before = picture(&logs);
    let drafts = [pen.leaf(&world, 1), pen.rekey(&world, &[]), pen.grant(&[2], 4), pen.message(256), pen.envelope(40)];
    let mut tried = 0;
    for (i, head) in drafts.iter().enumerate() {
        for (j, body) in drafts.iter().enumerate() {
            // An envelope's body is any bytes; a message's is any of eight sizes, and none of these has one.
            if i == j || i == 4 {
                continue;
            }
            let mixed = Draft { head: head.head.clone(), commit: head.commit, body: body.body.clone() };
            let mut logs = reopened(&logs, &world);
            let inserted = give(&mut logs, &world, &pen.sign(mixed));
            assert!(matches!(inserted, Inserted::Refused(_)), "head {i}, body {j}: {inserted:?}");
            assert_eq!(picture(&logs), before);
            tried += 1;
        }
    }
    assert_eq!(tried, 16);
    // A commitment where there is none, and none where there must be one.
    for (i, draft) in drafts.iter().enumerate() {
        let commit = if draft.commit.is_some() { None } else { Some(Digest([8; 32])) };
        let mut logs = reopened(&logs, &world);
        let inserted = give(&mut logs, &world, &pen.sign(Draft { commit, ..draft.clone() }));
        assert!(matches!(inserted, Inserted::Refused(_)), "kind {i}: {inserted:?}");
    }
}

/// A signature of the right key over the right id, made for any other use.
#[test]
fn at_08_at_83_a_signature_under_another_label_signs_no_entry() {
    let (world, mut logs, pen) = spoken();
    let entry = pen.sign(pen.message(256));
    let mut good = 0;
    for label in Label::ALL {
        let signature = keys(pen.who).sign(*label, &[Field::B(&entry.id().0)]);
        let mut other = entry.clone();
        other.sig = signature;
        match give(&mut logs, &world, &other) {
            Inserted::Appended(_) => good += 1,
            Inserted::Refused(rule) => assert_eq!(rule, EntryRule::Signature, "{label:?}"),
            Inserted::Duplicate => assert!(good == 1, "{label:?}"),
            other => panic!("{label:?}: {other:?}"),
        }
    }
    assert_eq!(good, 1, "one label of {} signs entries", Label::ALL.len());
    // What a person's key signs elsewhere (SSHSIG, libp2p's handshake) never begins like what it signs here (E-05).
    let fields = [Field::U(0); 23];
    for count in 0..=fields.len() - 1 {
        let first = enc(Label::SigEntry, &fields[..count])[0];
        assert!((0x81..=0x97).contains(&first));
        assert!(!b"SnN\x11\x12".contains(&first));
    }
}
