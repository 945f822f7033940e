//! What somebody who is out believes of its end without the past of it, besides a removal (`attacks`).

use super::cast::*;

#[test]
fn r_34_an_older_copy_of_who_left_believes_its_own_leave_and_nobody_elses() {
    let (mut town, mut cast) = opening();
    let away = town.split();
    town.seat(&cast.a, &mut cast.m, 8);
    let leave = town.leave(&cast.b, &[]);
    let shown = vec![town.log.operation(&leave).unwrap().bytes().to_vec()];
    assert!(matches!(away.log.fork().admit(&shown[0]), Admission::Waiting { .. }));
    assert!(away.log.is_ended_by(&cast.b.mid, &shown));
    assert!(!away.log.is_ended_by(&cast.d.mid, &shown));
}

#[test]
fn r_34_a_withdrawn_ticket_ends_who_came_by_it_until_an_organiser_confirms() {
    let (mut town, mut cast) = opening();
    let by_ticket = link(&mut town, &cast.a, &[5]);
    let mut away = town.split();
    let join = away.draft_join(&cast.n, &by_ticket, 0);
    away.log.admit(join.bytes());
    town.seat(&cast.a, &mut cast.m, 8);
    let bump = town.bump(&cast.a, &[5]);
    let shown = vec![town.log.operation(&bump).unwrap().bytes().to_vec()];
    assert!(matches!(away.log.fork().admit(&shown[0]), Admission::Waiting { .. }));
    assert!(away.log.is_ended_by(&join.mid(), &shown));
    away.confirm(&cast.a, join.mid());
    assert!(!away.log.is_ended_by(&join.mid(), &shown), "an organiser had spoken for it");
}
