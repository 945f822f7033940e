//! A mistake of our own must not part the keys in memory from those on disk.

use super::*;
use crate::Command;
use crate::event::{AlertKind, JoinState};
use crate::ids::GroupId;
use crate::testing::party::Party;
use crate::timeline::content::{Body, Post};

const ANA: usize = 0;
const BEN: usize = 1;
const CY: usize = 2;

#[test]
fn e_26_an_own_entry_that_admission_refuses_moves_no_key() {
    let mut party = Party::new(2);
    let group = party.found(ANA, "Harbour");
    let link = party.invite(ANA, group, 1);
    assert_eq!(party.join(BEN, &link), JoinState::Seated);
    party.pass(5_000);
    party.say(BEN, group, "one");
    party.pass(5_000);
    let disk = party.hosts[BEN].disk.clone();
    party.inside(BEN, &group, |group, ctx| {
        let before = (group.keys.next_index(), group.keys.newest_generation());
        // A fork of the own log refuses every further entry in it (E-80).
        let own = group.own;
        assert!(group.logs.mark_forked(own));
        let text =
            OutboxRecord { at_ms: ctx.now.wall_ms, body: Body::Post(Post { text: "never".into(), ..Post::default() }) };
        assert!(group.seal_words(ctx, &text).is_err());
        assert!(group.write_leaf(ctx, LeafReason::Daily, None).is_err());
        let scene = group.scene(ctx).unwrap();
        assert!(group.write_rekey(ctx, &scene, RekeyReason::Schedule).is_err());
        assert_eq!((group.keys.next_index(), group.keys.newest_generation()), before);
    });
    assert!(disk == party.hosts[BEN].disk, "nothing was written");
    // The next life forgets the mark; the next words are read.
    party.stop(BEN);
    party.start(BEN);
    party.pass(60_000);
    party.say(BEN, group, "two");
    party.pass(5_000);
    assert_eq!(party.texts(ANA, &group), ["one", "two"]);
}

/// Ben's next chain leaves Cy out, as if nothing were known of her leaf.
fn leave_out(party: &mut Party, gid: GroupId) {
    let key = party.hosts[CY].account.me();
    party.inside(BEN, &gid, |group, ctx| {
        let mut scene = group.scene(ctx).unwrap();
        let cy = group.membership.roster().mids_of(&key).next().unwrap();
        scene.suspended.insert(cy, Why::NoLeaf);
        group.write_rekey(ctx, &scene, RekeyReason::Schedule).unwrap();
    });
}

fn leaf(party: &mut Party, gid: GroupId) {
    party.inside(BEN, &gid, |group, ctx| drop(group.write_leaf(ctx, LeafReason::Daily, None).unwrap()));
    party.pass(1_000);
}

fn excluded(party: &Party, who: usize) -> usize {
    let accuses = |event: &&Event| matches!(event, Event::Alert { alert, .. } if alert.kind == AlertKind::Excluded && alert.reason == "E-44");
    party.hosts[who].events.iter().filter(accuses).count()
}

#[test]
fn e_44_who_leaves_somebody_out_for_a_day_without_a_reason_is_named_on_every_node() {
    let (mut party, group) = Party::with_group(3, 3);
    // She cannot ask him for a repair (E-50).
    party.split(&[BEN], &[CY]);
    leave_out(&mut party, group);
    party.pass(1_000);
    party.now_ms += limits::EXCLUSION_MS - 3_600_000;
    leaf(&mut party, group);
    assert_eq!([ANA, CY].map(|who| excluded(&party, who)), [0; 2], "the author has a day");
    // A restart does not forget it.
    party.stop(ANA);
    party.start(ANA);
    party.pass(60_000);
    party.now_ms += 2 * 3_600_000;
    leaf(&mut party, group);
    leaf(&mut party, group);
    assert_eq!([ANA, CY].map(|who| excluded(&party, who)), [1; 2]);
    assert_eq!(excluded(&party, BEN), 0);
}

#[test]
fn e_44_who_is_given_the_chain_within_the_day_is_not_left_out() {
    let (mut party, group) = Party::with_group(3, 3);
    leave_out(&mut party, group);
    party.pass(1_000);
    party.say(BEN, group, "all of you");
    party.pass(1_000);
    assert_eq!(party.texts(CY, &group), ["all of you"]);
    party.now_ms += limits::EXCLUSION_MS * 2;
    leaf(&mut party, group);
    assert_eq!([ANA, CY].map(|who| excluded(&party, who)), [0; 2]);
}

#[test]
fn at_167_e_17_words_name_what_is_citable_and_what_was_cited_before_although_it_ended() {
    let (mut party, gid) = Party::with_group(4, 3);
    let ben = party.member(ANA, &gid, BEN);
    party.ask(ANA, Command::Promote { group: gid, member: ben }).unwrap();
    party.pass(5_000);
    // Ben lets somebody in and speaks of it while Ana, unseen, takes his office away.
    party.split(&[ANA, CY], &[BEN, 3]);
    let link = party.invite(BEN, gid, 1);
    assert_eq!(party.join(3, &link), JoinState::Seated);
    party.say(BEN, gid, "welcome");
    party.ask(ANA, Command::Demote { group: gid, member: ben }).unwrap();
    party.pass(5_000);
    party.heal();
    party.pass(120_000);
    party.inside(BEN, &gid, |group, _| {
        let (frontier, citable) = (group.frontier(), group.membership.citable_heads().clone());
        let named = group.logs.state(&group.own).unwrap().heads.clone();
        assert!(!group.membership.covers(&citable, &named), "what Ben named is void by now: {named:?} {citable:?}");
        for heads in [&citable, &named] {
            assert!(group.membership.covers(&frontier, heads), "{frontier:?} leaves out some of {heads:?}");
        }
        // None of it is in the past of another: what is named is as short as it can be.
        for &id in frontier.as_slice() {
            let others: Vec<_> = frontier.as_slice().iter().copied().filter(|&other| other != id).collect();
            let covered =
                !others.is_empty() && group.membership.covers(&Heads::new(others), &Heads::new(Vec::from([id])));
            assert!(!covered, "{frontier:?}");
        }
    });
    party.say(BEN, gid, "still here");
    party.pass(60_000);
    assert!(party.texts(ANA, &gid).contains(&"still here".into()), "{:?}", party.texts(ANA, &gid));
}
