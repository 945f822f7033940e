//! Seats, links and contests: S1–S11, S16–S26, S32, S35–S37, S41, S46, S53–S57.

use super::cast::*;

#[test]
fn s04_one_output_given_to_two_is_contested_until_confirmed() {
    let (mut town, mut cast) = opening();
    let first = link(&mut town, &cast.b, &[4]);
    let second = link(&mut town, &cast.b, &[4]);
    let mut other = town.split();
    town.join(&mut cast.m, &first, 0);
    other.join(&mut cast.n, &second, 0);
    assert!(town.is_keyed(&cast.m) && other.is_keyed(&cast.n));
    heal(&mut town, &mut other);
    assert!(!town.is_keyed(&cast.m) && !town.is_keyed(&cast.n));
    let roster = town.log.roster();
    assert!(roster.person(&cast.m.mid).is_some() && roster.person(&cast.n.mid).is_some(), "both are Candidates");
    let seated = town.sits(4).unwrap();
    let beaten = if seated == cast.m.mid { cast.n.mid } else { cast.m.mid };
    assert_eq!(town.log.why_unseated(&beaten), Some(Unseated::Beaten));
    let out = town.out(4);
    let least = outputs::tie(&out, &cast.m.key()) < outputs::tie(&out, &cast.n.key());
    assert_eq!(seated == cast.m.mid, least);
}
