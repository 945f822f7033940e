//! Finding messages again, with real nodes: other scripts, edits, what was taken back, several groups (SR-1, SR-2).

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
