//! How long this computer keeps what is said: by command, with what it does before it does it (ST-110).

use coterie_tests::cluster::group_of;

#[test]
fn st_110_one_keeps_words_for_days_or_for_ever_and_nobody_else_is_told() {
    let people = group_of(&["Ana", "Ben"]);
    let (ana, ben) = (&people[0], &people[1]);
    ana.ok(&["send", "good morning"]);
    ben.sees("good morning");

    let unasked = ana.run(&["group", "keep", "30d", "--json"]);
    assert_eq!((unasked.code, unasked.error()["code"].as_str()), (2, Some("usage")), "{unasked:?}");
    let kept = ana.json(&["group", "keep", "30d", "--yes"]);
    assert_eq!(kept["keep_days"], 30, "{kept}");
    assert!(ana.ok(&["group", "info"]).out.contains("keeps what was said for 30 days"));
    assert_eq!(ben.json(&["group", "info"])["keep_days"], serde_json::Value::Null);
    assert_eq!(ana.texts(), ["good morning"], "it came today");

    for bad in ["0d", "-1", "3654d", "a week"] {
        assert_eq!(ana.run(&["group", "keep", bad, "--yes"]).code, 2, "{bad}");
    }
    assert_eq!(ana.json(&["group", "keep", "all"])["keep_days"], serde_json::Value::Null);
}
