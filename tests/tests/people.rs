//! Comparing keys, as people do it; and what newcomers get of the past.

use coterie_tests::cluster::{Person, SOON, group_of, invite};
use coterie_tests::eventually;

#[test]
fn e_96_two_people_compare_keys_and_the_mark_outlives_a_restart() {
    let mut people = group_of(&["Ana", "Ben"]);
    let own = people[1].json(&["identity", "fingerprint"]);
    let at_ana = people[0].json(&["member", "verify", "Ben"]);
    let at_ben = people[1].json(&["member", "verify", "Ana"]);
    assert_eq!(own["words"], at_ana["words"], "what Ben reads out is what Ana sees");
    assert_eq!(own["words"].as_array().map(Vec::len), Some(6));
    assert_eq!((&at_ana["number"], &at_ana["code"]), (&at_ben["number"], &at_ben["code"]));
    assert!(at_ana["verified"].is_null());
    let words = people[0].ok(&["member", "verify", "Ben", "--words"]);
    let said: Vec<&str> = own["words"].as_array().into_iter().flatten().filter_map(|word| word.as_str()).collect();
    assert!(words.out.contains(&said.join(" ")), "{words:?}");
    assert!(people[0].ok(&["member", "verify", "Ben", "--qr"]).out.contains('█'));

    let wrong = people[0].run(&["member", "verify", "Ben", "--code", "COTERIE:V/00", "--json"]);
    assert_eq!((wrong.code, wrong.error()["code"].as_str()), (1, Some("conflict")), "{wrong:?}");
    assert!(people[0].json(&["member", "verify", "Ben"])["verified"].is_null(), "nothing was marked");
    people[0].ok(&["member", "verify", "Ben", "--code", at_ben["code"].as_str().unwrap_or_default()]);
    people[0].down();
    people[0].up();
    assert!(people[0].json(&["member", "verify", "Ben"])["verified"].is_string(), "the mark is still there");
    people[0].ok(&["member", "verify", "Ben", "--forget"]);
    assert!(people[0].json(&["member", "verify", "Ben"])["verified"].is_null());
}

#[test]
fn e_97_e_85_group_words_are_equal_for_the_same_members_and_who_has_not_heard_is_listed() {
    let mut people = group_of(&["Ana", "Ben", "Cy"]);
    for person in &people {
        person.ok(&["send", &format!("hello from {}", person.name)]);
    }
    for person in &people {
        people[0].sees(&format!("hello from {}", person.name));
    }
    let words = |person: &Person| person.json(&["group", "words"])["words"].clone();
    assert_eq!(words(&people[0]), words(&people[1]));
    let before = words(&people[0]);
    people[1].down();
    people[0].ok(&["member", "remove", "Cy", "--yes"]);
    people[0].sees_seats(2);
    assert_ne!(words(&people[0]), before, "another roster, other words");
    let list = people[0].ok(&["member", "list"]);
    assert!(list.out.contains("Ben hasn't heard yet that Cy is out"), "{list:?}");
    people[1].up();
    people[1].sees_seats(2);
    assert_eq!(words(&people[0]), words(&people[1]));
    people[1].ok(&["send", "now I know"]);
    people[0].sees("now I know");
    eventually("Ben is not listed any more", SOON, || {
        let list = people[0].ok(&["member", "list"]);
        if list.out.contains("hasn't heard") { Err(list.out) } else { Ok(()) }
    });
}

#[test]
fn e_86_a_newcomer_reads_what_was_said_before_only_if_the_group_wants_that() {
    for (setting, reads) in [(None, false), (Some("history=all"), true), (Some("history=7d"), true)] {
        let people = group_of(&["Ana", "Ben"]);
        if let Some(setting) = setting {
            let set = people[0].ok(&["group", "set", setting, "--yes"]);
            assert!(set.out.contains("newcomers get"), "{set:?}");
            eventually("Ben knows the setting", SOON, || {
                let group = people[1].json(&["group", "info"]);
                if group["history"]["mode"] == "none" { Err(group.to_string()) } else { Ok(()) }
            });
        }
        people[0].ok(&["send", "before Cy, by Ana"]);
        people[1].ok(&["send", "before Cy, by Ben"]);
        people[0].sees("before Cy, by Ben");
        people[1].sees("before Cy, by Ana");
        let link = invite(&people[0], 1);
        let mut cy = Person::online("Cy");
        cy.ok(&["join", "--yes", &link]);
        cy.sees_seats(3);
        people[0].ok(&["send", "welcome, Cy"]);
        cy.sees("welcome, Cy");
        if reads {
            cy.sees("before Cy, by Ana");
            cy.sees("before Cy, by Ben");
        } else {
            // Whatever came is on the disk after a new start, and what is said then comes behind it.
            cy.down();
            cy.up();
            people[1].ok(&["send", "still here, Cy?"]);
            cy.sees("still here, Cy?");
            assert!(!cy.texts().iter().any(|text| text.starts_with("before")), "{:?}", cy.texts());
        }
    }
}
