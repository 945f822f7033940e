//! The membership log as people and programs read it: the same in four forms, and the same for everybody.

use coterie_tests::cluster::{Person, SOON, group_of};
use coterie_tests::eventually;

#[test]
fn cl_07_the_group_log_is_told_in_four_forms_and_equal_for_two_people() {
    let people = group_of(&["Ana", "Ben"]);
    eventually("Ana and Ben have the same log", SOON, || {
        let (ana, ben) = (people[0].json(&["group", "log"]), people[1].json(&["group", "log"]));
        if ana == ben { Ok(()) } else { Err(format!("{ana}\n{ben}")) }
    });
    let log = people[0].json(&["group", "log"]);
    assert_eq!(log["schema"], "coterie.group_log/1");
    let kinds: Vec<&str> = log["operations"].as_array().unwrap().iter().filter_map(|op| op["kind"].as_str()).collect();
    assert_eq!(kinds.get(..2), Some(&["genesis", "join"][..]), "{kinds:?}");
    assert_eq!((log["seats"].as_array().unwrap().len(), &log["seats"][1]["name"]), (100, &"Ben".into()));
    assert_eq!(log["offices"][0]["name"], "founder");
    let text = people[0].ok(&["group", "log"]).out;
    for words in ["founds the group: counts", "joins seat 1", "Ben, by a link of founder"] {
        assert!(text.contains(words), "{words} in\n{text}");
    }
    let dot = people[0].ok(&["group", "log", "--dot"]).out;
    assert!(dot.starts_with("digraph log {") && dot.matches("subgraph").count() == 2, "{dot}");
    let svg = people[0].ok(&["group", "log", "--svg"]).out;
    assert!(svg.starts_with("<svg ") && svg.matches("<rect").count() == kinds.len() + 1, "{svg}");
    assert_eq!(people[0].run(&["group", "log", "--dot", "--svg"]).code, 2);
}

#[test]
fn mb_d12_the_one_organiser_is_told_to_name_a_second_before_the_third_person_joins() {
    let people = group_of(&["Ana", "Ben"]);
    let words = "Name a second organiser";
    assert!(people[0].ok(&["group", "info"]).out.contains(words));
    assert!(people[0].ok(&["invite", "create"]).err.contains(words));
    assert!(!people[1].ok(&["group", "info"]).out.contains(words), "a plain member can name nobody");
    people[0].ok(&["member", "promote", "Ben", "--yes"]);
    assert!(!people[0].ok(&["group", "info"]).out.contains(words));
    let free = |person: &Person| person.json(&["group", "info"])["seats"]["mine"].as_u64();
    eventually("the free seats are shared", SOON, || {
        let (ana, ben) = (free(&people[0]), free(&people[1]));
        // 98 are free; what a living link holds stays where it is.
        if ana.zip(ben).is_some_and(|(ana, ben)| ana.abs_diff(ben) <= 1) {
            Ok(())
        } else {
            Err(format!("{ana:?} {ben:?}"))
        }
    });
}
