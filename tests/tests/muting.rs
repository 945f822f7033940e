//! A group that is silent for one person: by command, for a while and until it is undone, and told to nobody (CV-11).

use coterie_tests::cluster::group_of;
use serde_json::Value;

#[test]
fn cv_11_one_mutes_a_group_for_a_while_or_until_it_is_undone_and_nobody_else_is_told() {
    let mut people = group_of(&["Ana", "Ben"]);
    let muted = people[0].json(&["group", "mute", "--for", "8h"]);
    assert!(muted["muted"] == true && muted["muted_until"].is_string(), "{muted}");
    assert!(people[0].ok(&["group", "info"]).out.contains("muted until "));
    let told = people[1].json(&["group", "info"]);
    assert_eq!((&told["muted"], &told["muted_until"]), (&Value::Bool(false), &Value::Null), "{told}");

    people[0].down();
    people[0].up();
    let kept = people[0].json(&["group", "info"]);
    assert_eq!(kept["muted_until"], muted["muted_until"], "it outlives the program");
    people[0].sees_online(1);
    people[1].ok(&["send", "silent, not deaf"]);
    people[0].sees("silent, not deaf");

    let always = people[0].json(&["group", "mute", "Harbour"]);
    assert_eq!((&always["muted"], &always["muted_until"]), (&Value::Bool(true), &Value::Null), "{always}");
    assert!(people[0].ok(&["group", "info"]).out.contains("muted until you unmute it"));
    for bad in ["0h", "53w", "a while"] {
        assert_eq!(people[0].run(&["group", "mute", "--for", bad]).code, 2, "{bad}");
    }
    assert_eq!(people[0].json(&["group", "unmute"])["muted"], false);
    assert!(!people[0].ok(&["group", "info"]).out.contains("muted"));
}
