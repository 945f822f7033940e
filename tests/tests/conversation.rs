//! What people do to each other's messages, with real nodes and the real command line (CV-1 to CV-6).

use coterie_tests::cluster::{Person, SOON, group_of};
use coterie_tests::eventually;
use serde_json::Value;

/// The newest lines that somebody sees.
fn lines(person: &Person) -> Vec<Value> {
    person.json(&["history"])["items"].as_array().cloned().unwrap_or_default()
}

/// Waits until somebody's lines are as they should be.
fn sees(person: &Person, what: &str, is_so: impl Fn(&[Value]) -> bool) {
    eventually(&format!("{} sees {what}", person.name), SOON, || {
        let lines = lines(person);
        if is_so(&lines) { Ok(()) } else { Err(format!("{lines:#?}")) }
    });
}

fn text(lines: &[Value], at: usize) -> &str {
    lines.get(at).and_then(|line| line["text"].as_str()).unwrap_or_default()
}

#[test]
fn cv_01_to_05_a_morning_with_replies_edits_emojis_pins_and_a_deleted_message() {
    let people = group_of(&["Ana", "Ben", "Cy"]);
    let [ana, ben, cy] = &people[..] else { panic!("three") };
    ana.ok(&["send", "The dredger left at noon."]);
    ben.sees("The dredger left at noon.");
    ben.ok(&["send", "Are you sure? @Ana #harbour", "--reply", "last"]);
    ana.sees("Are you sure? @Ana #harbour");
    ana.ok(&["edit", "mine", "The dredger left at dawn."]);
    cy.sees("The dredger left at dawn.");
    let first: String = lines(cy)[0]["id"].as_str().expect("an id").chars().take(8).collect();
    cy.ok(&["react", &first, ":+1:"]);
    ben.ok(&["react", &first, "👍"]);
    ana.ok(&["pin", "mine"]);
    for person in &people {
        sees(person, "the edit, two thumbs, the pin and the answer", |lines| {
            text(lines, 0) == "The dredger left at dawn."
                && lines[0]["edited"].is_string()
                && lines[0]["pinned"] == true
                && lines[0]["reactions"][0]["count"] == 2
                && lines[1]["reply_to"]["text"] == "The dredger left at dawn."
                && lines.len() == 2
        });
        assert_eq!(person.json(&["pins"])["items"].as_array().map(Vec::len), Some(1));
    }
    ben.ok(&["react", &first, "👍", "--remove"]);
    ben.ok(&["send", "sent by mistake"]);
    cy.sees("sent by mistake");
    ben.ok(&["--yes", "delete", "mine"]);
    for person in &people {
        sees(person, "that it is deleted", |lines| {
            lines[2]["kind"] == "deleted" && text(lines, 2).is_empty() && lines[0]["reactions"][0]["count"] == 1
        });
    }
    // The same after a restart, and in words.
    let mut people = people;
    people[2].down();
    people[2].up();
    let shown = people[2].ok(&["history"]);
    for words in ["┌ Ana: The dredger left at dawn.", "(edited) (pinned)", "👍 1", "Ben: deleted"] {
        assert!(shown.out.contains(words), "{words:?} in {shown:?}");
    }
}

#[test]
fn what_cannot_be_done_says_why_and_changes_nothing() {
    let people = group_of(&["Ana", "Ben"]);
    people[0].ok(&["send", "mine"]);
    people[1].sees("mine");
    for (args, exit, code) in [
        (&["edit", "last", "yours"][..], 4, "policy_forbids"),
        (&["--yes", "delete", "last"], 4, "policy_forbids"),
        (&["pin", "last"], 4, "not_admin"),
        (&["react", "last", "yes"], 2, "bad_value"),
        (&["react", "nosuchid", "👍"], 5, "not_found"),
        (&["edit", "mine", "nothing of mine is there"], 5, "not_found"),
        (&["delete", "last"], 2, "usage"),
        (&["send", "x", "--reply", "abc"], 5, "not_found"),
    ] {
        let wrong = people[1].run(&[args, &["--json"]].concat());
        assert_eq!((wrong.code, wrong.error()["code"].as_str()), (exit, Some(code)), "{args:?}: {wrong:?}");
    }
    let line = &lines(&people[0])[0];
    assert!(
        line["text"] == "mine" && line["edited"].is_null() && line["reactions"].as_array().is_some_and(Vec::is_empty)
    );
}

#[test]
fn lo_01_to_06_a_place_by_name_and_by_numbers_blurred_and_told_in_words() {
    let people = group_of(&["Ana", "Ben"]);
    let [ana, ben] = &people[..] else { panic!("two") };
    ana.ok(&["send", "We meet here. @Ben #quay", "--location", "lisbon"]);
    ana.ok(&["send", "--location", "38.7166,-9.1333", "--precision", "district"]);
    ana.ok(&["send", "--location", "-33.8568,151.2153", "--precision", "exact"]);
    sees(ben, "three places", |lines| lines.len() == 3 && lines[2]["location"]["near"].is_string());
    let found = lines(ben);
    let number = |at: usize, field: &str| found[at]["location"][field].as_f64().expect("a number");
    assert_eq!((found[0]["location"]["label"].as_str(), number(0, "radius_m")), (Some("Lisbon, PT"), 10_000.0));
    assert_eq!((number(1, "lat"), number(1, "radius_m")), (38.715, 1_000.0), "the middle of its cell");
    assert_ne!(number(1, "lon"), -9.1333, "not where she is");
    assert_eq!((number(2, "lat"), number(2, "lon"), number(2, "radius_m")), (-33.8568, 151.2153, 25.0));
    let told = ben.ok(&["history"]).out;
    for words in [
        "We meet here. @Ben #quay",
        "Place: Lisbon, PT, within 10 km (38.75000, ",
        "Place: near Lisbon, PT, within 1 km (38.71500, ",
        "Place: near Sydney, AU, within 25 m (-33.85680, 151.21530)",
    ] {
        assert!(told.contains(words), "{words:?} in {told}");
    }
    for (place, code) in [("Xanadu", "not_found"), ("springfield", "ambiguous"), ("91,0", "not_found")] {
        let refused = ana.run(&["send", "lost", "--location", place, "--json"]);
        assert_eq!((refused.error()["code"].as_str(), refused.code), (Some(code), 5), "{refused:?}");
    }
    assert_eq!(lines(ben).len(), 3, "what was refused was not sent");
}
