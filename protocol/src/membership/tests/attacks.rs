//! Attacks, each shown to succeed without the rule that was made against it, and to fail with it.

use super::cast::*;
use crate::membership::ablation::{FoldRule, without};

/// Two links for one output, as a restored backup or a careless custodian makes them.
fn two_links(town: &mut Town, cast: &Cast) -> (Link, Link) {
    (link(town, &cast.b, &[4]), link(town, &cast.b, &[4]))
}

/// Whether somebody who was removed and banned gets keys again at once, with a fresh key and a lower tie.
fn back_by_a_ground_key() -> bool {
    let (mut town, mut cast) = opening();
    let (first, second) = two_links(&mut town, &cast);
    let out = town.out(4);
    town.join(&mut cast.x, &first, 0);
    town.remove_and_ban(&cast.a, &cast.x, cast.x.mid.into());
    let mut ground = with_tie("x", out, &cast.x, Ordering::Less);
    town.join(&mut ground, &second, 0);
    town.is_keyed(&ground)
}

#[test]
fn r_31_without_its_rule_who_was_removed_is_back_with_a_ground_key() {
    assert!(without(FoldRule::RemovedArePresent, back_by_a_ground_key), "the attack works");
    assert!(!back_by_a_ground_key());
}

/// One key on two seats: the ban of each membership empties the contest of the other.
fn back_behind_two_bans() -> bool {
    let (mut town, mut cast) = opening();
    let (first, second) = two_links(&mut town, &cast);
    let elsewhere = link(&mut town, &cast.a, &[8]);
    town.join(&mut cast.x, &first, 0);
    let mut twin = Person::new("x");
    town.join(&mut twin, &elsewhere, 0);
    town.remove_and_ban(&cast.a, &cast.x, cast.x.mid.into());
    town.remove_and_ban(&cast.a, &twin, twin.mid.into());
    town.join(&mut cast.y, &second, 0);
    town.is_keyed(&cast.y)
}

#[test]
fn r_31_without_its_rule_two_bans_clear_the_way_for_a_third_key() {
    assert!(without(FoldRule::BannedContest, back_behind_two_bans), "the attack works");
    assert!(!back_behind_two_bans());
}

/// Whether the next ticket of a link still gives keys after its user was removed.
fn back_by_the_next_ticket() -> bool {
    let (mut town, mut cast) = opening();
    let link = link(&mut town, &cast.b, &[4, 5]);
    town.join(&mut cast.x, &link, 0);
    town.remove_and_ban(&cast.a, &cast.x, cast.x.mid.into());
    town.join(&mut cast.y, &link, 1);
    town.is_keyed(&cast.y)
}

#[test]
fn r_32_without_its_rule_the_next_ticket_brings_back_who_was_removed() {
    assert!(without(FoldRule::TaintedLinks, back_by_the_next_ticket), "the attack works");
    assert!(!back_by_the_next_ticket());
}

/// By how much somebody who is an admin no more makes everybody's document grow.
fn growth_by_invented_outputs() -> usize {
    let (mut town, cast) = opening();
    let pin = town.tip(&cast.d);
    town.demote(&cast.b, &cast.d, pin);
    let before = town.log.operations().count();
    let mut below = OperationId::from(town.log.gid());
    for n in 0..40_u8 {
        let link = town.link_for(&cast.d, &[(SeatNumber(4), Output([n; 32]))], &Says::default());
        let junk = Person::new(&alloc::format!("junk{n}"));
        let join = town.forge_join(&junk, &link, 0, &[below, cast.d.office.unwrap()]);
        town.log.admit(join.bytes());
        below = join.id();
    }
    town.log.operations().count() - before
}

#[test]
fn r_33_without_its_rule_a_former_admin_fills_the_log() {
    assert_eq!(without(FoldRule::InertStaysOutside, growth_by_invented_outputs), 40, "the attack works");
    assert_eq!(growth_by_invented_outputs(), 0);
}

/// Whether B, who was away and took others for members, believes A's Remove, whose past it doesn't have.
fn learns_of_its_removal() -> bool {
    let (mut town, mut cast) = opening();
    let mut away = town.split();
    town.seat(&cast.a, &mut cast.m, 8);
    let remove = town.remove(&cast.a, &cast.b, cast.b.mid.into());
    away.seat(&cast.b, &mut cast.n, 4);
    let ended = vec![town.log.operation(&remove).unwrap().bytes().to_vec()];
    let ordinary = away.log.fork().admit(&ended[0]);
    assert!(matches!(ordinary, Admission::Waiting { .. }), "ordinary admission waits for ever: {ordinary:?}");
    away.log.is_ended_by(&cast.b.mid, &ended)
}

#[test]
fn r_34_without_its_rule_who_was_removed_while_away_never_learns_of_it() {
    assert!(!without(FoldRule::EndingsAreBelieved, learns_of_its_removal), "the attack works");
    assert!(learns_of_its_removal());
}

/// Two replicas get a flood of Joins in different orders; an honest entry cites one that only one of them took in.
/// Whether the other takes it in when the entry comes.
fn cited_join_enters() -> bool {
    let (mut town, cast) = opening();
    crate::testing::check_signatures(crate::testing::Checking::Once);
    let link = link(&mut town, &cast.b, &[4]);
    let out = town.out(4);
    let mut people: Vec<Person> = (0..65).map(|n| Person::new(&alloc::format!("flood{n}"))).collect();
    // Each comes before all that came earlier, so each is a contestant when it arrives.
    people.sort_by_key(|person| core::cmp::Reverse(outputs::tie(&out, &person.key())));
    let joins: Vec<SignedOperation> = people.iter().map(|person| town.draft_join(person, &link, 0)).collect();
    let mut other = town.split();
    joins.iter().for_each(|join| drop(town.log.admit(join.bytes())));
    let cited = joins[64].id();
    other.log.admit(joins[64].bytes());
    assert!(other.log.is_admitted(&cited) && !town.log.is_admitted(&cited), "it depends on what arrived first");
    let entry = other.log.citable_heads().clone();
    assert!(entry.as_slice().contains(&cited));
    town.log.release_cited(&entry, 64);
    town.log.is_admitted(&cited)
}

#[test]
fn r_35_without_its_rule_an_honest_entry_is_admitted_in_one_place_only() {
    assert!(!without(FoldRule::EntriesRelease, cited_join_enters), "the attack works");
    assert!(cited_join_enters());
}

/// How many times the holder of a link for five becomes Keyed and leaves again: each is a Rekey for every speaker.
fn keyed_turns() -> usize {
    let (mut town, cast) = opening();
    let mut tickets = town.pairs(&[8, 9, 10, 11]);
    tickets.truncate(4);
    let link = town.link_for(&cast.a, &tickets, &Says::default());
    let mut turns = 0;
    for ticket in 0..4 {
        let mut guest = Person::new(&alloc::format!("turn{ticket}"));
        town.join(&mut guest, &link, ticket);
        turns += usize::from(town.is_keyed(&guest));
        town.leave(&guest, &[]);
    }
    turns
}

#[test]
fn r_36_without_its_rule_every_ticket_of_a_link_forces_a_rekey() {
    assert_eq!(without(FoldRule::WornLinks, keyed_turns), 4, "the attack works");
    assert_eq!(keyed_turns(), 2);
}

listed![
    r_31_without_its_rule_who_was_removed_is_back_with_a_ground_key,
    r_31_without_its_rule_two_bans_clear_the_way_for_a_third_key,
    r_32_without_its_rule_the_next_ticket_brings_back_who_was_removed,
    r_33_without_its_rule_a_former_admin_fills_the_log,
    r_34_without_its_rule_who_was_removed_while_away_never_learns_of_it,
    r_35_without_its_rule_an_honest_entry_is_admitted_in_one_place_only,
    r_36_without_its_rule_every_ticket_of_a_link_forces_a_rekey,
];
