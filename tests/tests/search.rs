//! Finding messages again, with real nodes: other scripts, edits, what was taken back, several groups, by whom and when, and
//! the place in the timeline (SR-1 to SR-6).

use coterie_tests::cluster::{Person, group_of};

fn found(person: &Person, words: &[&str]) -> Vec<String> {
    let page = person.json(&[&["search"], words].concat());
    let texts = page["items"].as_array().cloned().unwrap_or_default();
    texts.iter().map(|line| line["text"].as_str().unwrap_or_default().to_owned()).collect()
}

#[test]
fn sr_01_messages_are_found_as_they_stand_now_in_any_script_on_this_computer() {
    let people = group_of(&["Ana", "Ben"]);
    let (ana, ben) = (&people[0], &people[1]);
    for text in ["Em São Paulo amanhã", "שָׁלוֹם לכולם", "明日、東京で", "The dredger left at noon. #quay", "the end"]
    {
        ana.ok(&["send", text]);
    }
    ben.sees("the end");
    assert_eq!(found(ben, &["sao", "AMANHA"]), ["Em São Paulo amanhã"]);
    assert_eq!(found(ben, &["שלום"]), ["שָׁלוֹם לכולם"]);
    assert_eq!(found(ben, &["東京"]), ["明日、東京で"]);
    assert_eq!(found(ben, &["#quay"]).len(), 1);
    assert_eq!(found(ben, &["@quay"]).len(), 0);
    assert_eq!(found(ben, &["e", "--limit", "2"]), ["The dredger left at noon. #quay", "the end"], "the newest ones");
    // What was edited or taken back is found as it is shown, not as it was.
    ana.ok(&["edit", "mine", "the very last word"]);
    ben.sees("the very last word");
    assert_eq!((found(ben, &["the end"]).len(), found(ben, &["very last"]).len()), (0, 1));
    ana.ok(&["--yes", "delete", "mine"]);
    ana.ok(&["send", "that was wrong"]);
    ben.sees("that was wrong");
    assert_eq!(found(ben, &["very", "last"]).len(), 0);
    // All groups, unless one is named.
    ben.ok(&["group", "create", "Pier"]);
    ben.ok(&["send", "-g", "Pier", "A dredger of our own"]);
    assert_eq!(found(ben, &["dredger"]).len(), 2);
    assert_eq!(found(ben, &["dredger", "-g", "Pier"]), ["A dredger of our own"]);
    let said = ben.ok(&["search", "dredger"]).out;
    assert!(said.contains("Pier\n") && said.contains("Ana: The dredger left at noon. #quay"), "{said}");
    let nothing = ben.ok(&["search", "lighthouse"]).out;
    assert!(nothing.starts_with("Nothing with \"lighthouse\""), "{nothing}");
    let refused = ben.run(&["search", " ", "--json"]);
    assert_eq!((refused.code, refused.error()["code"].as_str()), (2, Some("bad_value")), "{refused:?}");
}

#[test]
fn sr_04_what_comes_changes_and_goes_while_the_words_are_in_memory_is_found_as_it_stands() {
    let mut people = group_of(&["Ana", "Ben", "Cy"]);
    let (ana, ben, cy) = (&people[0], &people[1], &people[2]);
    // Enough for several slices of filling, and for a second page.
    let (line, group) = (ana.line(), ana.line().group().expect("a group"));
    (0..250).for_each(|number| assert!(line.say(&group, &format!("row {number} of nets")), "{number}"));
    ana.ok(&["send", "the tug is late"]);
    ben.sees("the tug is late");
    assert_eq!(found(ben, &["tug"]), ["the tug is late"]);
    assert_eq!(found(ben, &["nets", "--limit", "1000"]).len(), 250);
    assert_eq!(found(ben, &["nets", "17", "77"]), ["row 177 of nets"]);
    // From now on nothing is read from the beginning again.
    ana.ok(&["edit", "mine", "the ferry is late"]);
    ben.sees("the ferry is late");
    assert_eq!((found(ben, &["ferry"]).len(), found(ben, &["tug"]).len()), (1, 0));
    ben.ok(&["send", "another ferry"]);
    assert_eq!(found(ben, &["ferry"]), ["the ferry is late", "another ferry"], "at once");
    cy.sees("another ferry");
    cy.ok(&["send", "a third ferry"]);
    ben.sees("a third ferry");
    ana.ok(&["--yes", "delete", "mine"]);
    cy.ok(&["send", "that was wrong"]);
    ben.sees("that was wrong");
    assert_eq!(found(ben, &["ferry"]), ["another ferry", "a third ferry"]);
    // After a start all is read anew.
    ben.ok(&["edit", "mine", "another dredger"]);
    people[1].down();
    people[1].up();
    assert_eq!(found(&people[1], &["dredger"]), ["another dredger"]);
    assert_eq!(found(&people[1], &["ferry"]), ["a third ferry"]);
    assert_eq!(found(&people[1], &["nets", "--limit", "1000"]).len(), 250);
}

#[test]
fn sr_05_by_whom_when_and_where() {
    let people = group_of(&["Ana", "Ben"]);
    let (ana, ben) = (&people[0], &people[1]);
    ana.ok(&["send", "the ferry of Ana"]);
    ben.ok(&["send", "the ferry of Ben"]);
    ana.sees("the ferry of Ben");
    ana.ok(&["group", "create", "Pier"]);
    ana.ok(&["send", "-g", "Pier", "a ferry at the pier"]);
    assert_eq!(found(ana, &["ferry", "--from", "ben"]), ["the ferry of Ben"], "who is in one group only");
    assert_eq!(found(ana, &["ferry", "--from", "ANA"]).len(), 2);
    assert_eq!(found(ana, &["ferry", "--in", "Pier"]), ["a ferry at the pier"]);
    assert_eq!(found(ana, &["ferry", "--since", "1h"]).len(), 3);
    assert_eq!(found(ana, &["ferry", "--until", "1h"]).len(), 0);
    let page = ana.json(&["search", "ferry", "--from", "ben"]);
    let (at, id) = (page["items"][0]["at"].as_str().expect("a time"), page["items"][0]["author"]["id"].as_str());
    assert_eq!(found(ana, &["ferry", "--since", at, "--from", id.expect("an id")]), ["the ferry of Ben"]);
    assert_eq!(found(ana, &["ferry of", "--until", at]), ["the ferry of Ana"]);
    assert!(page["looked_back_to"].is_null() && page["prev"].is_null(), "{page}");
    for (args, exit) in [
        (&["search", "ferry", "--from", "Nobody"][..], 5),
        (&["search", "ferry", "--in", "Nowhere"], 5),
        (&["search", "ferry", "--since", "1h", "--until", "2h"], 2),
        (&["search", "ferry", "--since", "soon"], 2),
    ] {
        let refused = ana.run(&[args, &["--json"]].concat());
        assert_eq!(refused.code, exit, "{args:?}: {refused:?}");
    }
}

#[test]
fn sr_06_history_goes_to_a_day_and_to_what_stood_round_a_message() {
    let people = group_of(&["Ana", "Ben"]);
    let ana = &people[0];
    let (line, group) = (ana.line(), ana.line().group().expect("a group"));
    (0..60).for_each(|number| assert!(line.say(&group, &format!("row {number}.")), "{number}"));
    let history = |args: &[&str]| ana.json(&[&["history", "--limit", "5"], args].concat());
    let texts = |page: &serde_json::Value| -> Vec<String> {
        let items = page["items"].as_array().cloned().unwrap_or_default();
        items.iter().map(|line| line["text"].as_str().unwrap_or_default().to_owned()).collect()
    };
    let hit = ana.json(&["search", "row 30."])["items"][0].clone();
    let (id, at) = (hit["id"].as_str().expect("an id"), hit["at"].as_str().expect("a time"));
    let around = history(&["--around", id.get(..10).expect("ten characters")]);
    assert_eq!(texts(&around), ["row 28.", "row 29.", "row 30.", "row 31.", "row 32."]);
    let (older, newer) = (around["prev"].as_str().expect("older"), around["next"].as_str().expect("newer"));
    assert_eq!(texts(&history(&["--before", older]))[4], "row 27.");
    assert_eq!(texts(&history(&["--after", newer]))[0], "row 33.");
    assert_eq!(texts(&history(&["--around", id])), texts(&around), "a whole id");
    // Two rows may have been said in one millisecond.
    let then = history(&["--at", at]);
    let first = &then["items"][0];
    assert!(first["at"].as_str() == Some(at) && then["prev"].is_string() && then["next"].is_string(), "{then}");
    assert_eq!(texts(&history(&["--at", "2020-01-01"]))[..2], ["row 0.", "row 1."]);
    assert_eq!(texts(&history(&["--at", "2999-01-01"]))[4], "row 59.", "the newest, if nothing was said since");
    assert_eq!(ana.run(&["history", "--at", "soon"]).code, 2);
    assert_eq!(ana.run(&["history", "--at", "7d", "--around", "last"]).code, 2);
    let bad = line.get(&format!("/v1/groups/{group}/messages?at=2026-11-01T00:00:00Z&before={older}")).expect("heard");
    assert_eq!(bad.status, 400, "{}", bad.body);
}
