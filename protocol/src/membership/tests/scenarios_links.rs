//! Links and words: S32, S52, S55–S57.

use super::cast::*;
use crate::limits::RELEASE_BELOW_MAX;

fn point(seq: u64) -> Point {
    Point { inst: Instance([4; 16]), seq, eid: EntryId([5; 32]) }
}

/// Removes somebody whose words count up to a point.
fn cut_off(town: &mut Town, by: &Person, who: &Person, cut: Point) {
    let blow = Blow { target: who.mid, pin: who.mid.into(), seen: vec![] };
    town.write(by, Body::Remove { blow, cuts: vec![cut], ban: false });
}

#[test]
fn s32_mb_d02_five_redeem_a_link_for_three_and_exactly_three_sit() {
    let (mut town, cast) = opening();
    let link = link(&mut town, &cast.a, &[8, 9, 10]);
    let mut people: Vec<Person> = (0..5).map(|n| Person::new(&alloc::format!("j{n}"))).collect();
    let mut sides: Vec<Town> = Vec::new();
    for (n, person) in people.iter_mut().enumerate() {
        let mut side = town.split();
        side.join(person, &link, n % 3);
        assert!(side.is_keyed(person));
        sides.push(side);
    }
    for side in &sides {
        town.merge(side);
    }
    // Each who was beaten gives way to the next free ticket by itself (MB-D15); the others stay.
    let mut tried: Vec<Vec<usize>> = (0..5).map(|n| vec![n % 3]).collect();
    for _ in 0..3 {
        for (person, tried) in people.iter_mut().zip(&mut tried) {
            if let Some(ticket) = town.log.gives_way_to(&person.mid, &link.grant, tried) {
                town.leave(person, &[]);
                town.join(person, &link, ticket);
                tried.push(ticket);
            }
        }
    }
    let due = town.log.due_confirms(&cast.a.office.unwrap(), &|_| 3);
    assert!(due.ask.is_empty(), "a contest on a link with several tickets settles itself");
    for join in due.confirm {
        town.write(&cast.a, Body::Confirm { join });
    }
    let (seated, told): (Vec<&Person>, Vec<&Person>) = people.iter().partition(|person| town.is_keyed(person));
    assert_eq!((seated.len(), told.len()), (3, 2));
    for person in told {
        assert_eq!(town.log.why_unseated(&person.mid), Some(Unseated::Beaten));
        assert_eq!(town.log.gives_way_to(&person.mid, &link.grant, &[]), None);
    }
    let used = |ticket: &Ticket| town.log.output_state(ticket.seat, &ticket.out) == OutputState::Used;
    assert!(link.grant.tickets.iter().all(used), "every ticket says `used`");
    check_past_of_heads(&town);
}

#[test]
fn s52_let_in_by_a_member_while_the_inviter_was_away_past_the_links_end() {
    let (mut town, mut cast) = opening();
    let link = link(&mut town, &cast.b, &[4]);
    let mut away = town.split();
    town.join(&mut cast.m, &link, 0);
    assert!(town.is_keyed(&cast.m), "seated at once");
    // Three days later; the link's last day is over, the Join was made before it.
    away.merge(&town);
    let office = cast.b.office.unwrap();
    let due = away.log.due_confirms(&office, &|_| 1);
    assert_eq!(due.confirm, vec![OperationId::from(cast.m.mid)]);
    assert!(due.bump.is_empty());
    let tickets: Vec<Pair> = link.grant.tickets.iter().map(|ticket| (ticket.seat, ticket.out)).collect();
    assert!(away.log.due_bumps(&office, &tickets).is_empty(), "a used output isn't bumped");
    away.confirm(&cast.b, cast.m.mid);
    heal(&mut town, &mut away);
    assert!(town.log.roster().person(&cast.m.mid).unwrap().anchored);
}

/// A Join that says of itself that it came too late is not confirmed but bumped (MB-D3).
#[test]
fn mb_d03_who_came_too_late_is_bumped() {
    let (mut town, mut cast) = opening();
    let link = link(&mut town, &cast.b, &[4]);
    let late = town.draft_join(&cast.m, &link, 0);
    let mut operation = late.operation().clone();
    operation.at = link.grant.terms.not_after + 1;
    let late = SignedOperation::sign(operation, &cast.m.keys());
    town.log.admit(late.bytes());
    cast.m.mid = late.id().into();
    let due = town.log.due_confirms(&cast.b.office.unwrap(), &|_| 1);
    assert_eq!((due.confirm.len(), due.bump), (0, town.pairs(&[4])));
}

#[test]
fn at_166_s55_mb_v02_who_was_never_seated_keeps_no_words_by_an_own_leave() {
    let (mut town, mut cast) = opening();
    let link = link(&mut town, &cast.b, &[4]);
    let old_heads = [OperationId::from(town.log.gid()), cast.b.office.unwrap()];
    town.join(&mut cast.x, &link, 0);
    town.confirm(&cast.b, cast.x.mid);
    let old = town.forge_join(&cast.y, &link, 0, &old_heads);
    town.log.admit(old.bytes());
    cast.y.mid = old.id().into();
    assert_eq!(town.log.words(&cast.y.mid), Words::Void);
    town.write(&cast.y, Body::Leave { heirs: vec![], cuts: vec![point(3)] });
    assert_eq!(town.log.words(&cast.y.mid), Words::Void, "an own Leave off every path saves nothing");
    cut_off(&mut town, &cast.a, &cast.y, point(2));
    assert_eq!(town.log.words(&cast.y.mid), Words::UpTo(vec![vec![point(2)]]));
    assert_eq!(town.sits(4), Some(cast.x.mid));
    check_past_of_heads(&town);
}

#[test]
fn s56_a_remove_of_somebody_unseated_keeps_the_words_up_to_its_cuts() {
    let (mut town, mut cast) = opening();
    let link = link(&mut town, &cast.b, &[4]);
    let pin = town.tip(&cast.b);
    let mut other = town.split();
    town.join(&mut cast.m, &link, 0);
    assert_eq!(town.log.words(&cast.m.mid), Words::Count);
    other.remove(&cast.a, &cast.b, pin);
    heal(&mut town, &mut other);
    assert_eq!(town.log.why_unseated(&cast.m.mid), Some(Unseated::IssuerGone));
    assert_eq!(town.log.words(&cast.m.mid), Words::Void);
    cut_off(&mut town, &cast.a, &cast.m, point(7));
    assert!(!town.is_in(&cast.m));
    assert_eq!(town.log.words(&cast.m.mid), Words::UpTo(vec![vec![point(7)]]));
    town.leave(&cast.m, &[]);
    assert_eq!(town.log.words(&cast.m.mid), Words::UpTo(vec![vec![point(7)]]), "no cut of an own Leave is added");
    check_past_of_heads(&town);
}

/// What became void stays beside the citable heads in its author's frontier; everybody can still judge such heads.
#[test]
fn at_167_s57_heads_that_hold_a_void_operation_are_judged_alike_everywhere() {
    let (mut town, mut cast) = opening();
    town.seat(&cast.b, &mut cast.x, 4);
    let pin = town.tip(&cast.b);
    let mut other = town.split();
    town.remove(&cast.a, &cast.b, pin);
    let void = other.set(&cast.b, setting::ABOUT, Some(Setting::Text("b".into())));
    let old_heads = other.log.citable_heads().clone();
    assert!(old_heads.as_slice().contains(&void));
    let seen_there = other.log.roster_at(&old_heads).unwrap();
    heal(&mut town, &mut other);
    assert!(town.log.void().contains(&void));
    assert!(!town.log.citable_heads().as_slice().contains(&void));
    let frontier = Heads::new(other.log.citable_heads().as_slice().iter().copied().chain([void]).collect());
    assert!(other.log.covers(&frontier, &old_heads), "the author's heads never go back");
    // An entry of an anchored author names it: it is stored here too, and nothing else moves.
    let before = town.log.state_hash();
    town.log.release_cited(&frontier, RELEASE_BELOW_MAX);
    assert!(town.log.is_admitted(&void));
    assert_eq!(town.log.state_hash(), before);
    assert_eq!(town.log.roster_at(&frontier).unwrap(), other.log.roster_at(&frontier).unwrap());
    assert_eq!(town.log.roster_at(&old_heads).unwrap(), seen_there);
    let now = town.log.share_roster();
    assert_eq!(now, town.log.roster_at(&frontier).unwrap());
}

listed![
    s32_mb_d02_five_redeem_a_link_for_three_and_exactly_three_sit,
    s52_let_in_by_a_member_while_the_inviter_was_away_past_the_links_end,
    mb_d03_who_came_too_late_is_bumped,
    at_166_s55_mb_v02_who_was_never_seated_keeps_no_words_by_an_own_leave,
    s56_a_remove_of_somebody_unseated_keeps_the_words_up_to_its_cuts,
    at_167_s57_heads_that_hold_a_void_operation_are_judged_alike_everywhere,
];
