//! One's own copy of a group, written by the real program: what stands in it, and what never comes out of it (XP-1 to XP-6).
#![expect(clippy::expect_used, reason = "a test that cannot go on fails, and says where")]

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use coterie_tests::cluster::{Person, SOON, group_of};
use coterie_tests::{eventually, house};
use serde_json::Value;

fn text(path: &Path) -> &str {
    path.to_str().expect("a plain path")
}

fn conversation() -> Vec<Person> {
    let people = group_of(&["Ana", "Ben"]);
    let photo = house::root().join("node/tests/fixtures/media/photo.jpg");
    people[0].ok(&["send", "<script>alert(1)</script> ../../up \u{1b}[2J"]);
    people[0].ok(&["send", "The dredger left at dusk."]);
    people[0].ok(&["edit", "mine", "The dredger left at dawn."]);
    people[0].ok(&["send", "Nobody reads this."]);
    people[0].ok(&["--yes", "delete", "mine"]);
    people[0].ok(&["send", "--location", "38.71,-9.14"]);
    people[0].ok(&["send", "--image", text(&photo), "--alt", "\"><b>quay"]);
    eventually("Ben has the picture", SOON, || {
        let page = people[1].json(&["media", "list"]);
        if page["items"][0]["files"][0]["state"] == "complete" { Ok(()) } else { Err(page.to_string()) }
    });
    people[1].ok(&["react", "last", ":tada:"]);
    people
}

#[test]
fn xp_01_to_xp_06_a_copy_holds_what_is_shown_and_nothing_leaves_its_folder() {
    let people = conversation();
    let home = tempfile::tempdir().expect("a folder");
    let out = home.path().join("copy");
    let export = ["export", "--out", text(&out), "--with-files"];
    let would = people[1].json(&[&export[..], &["--dry-run"]].concat());
    assert!(would["messages"] == 5 && !out.exists(), "{would}");
    let done = people[1].json(&export);
    assert_eq!(
        (&done["messages"], &done["files"], &done["files_missing"]),
        (&5.into(), &1.into(), &0.into()),
        "{done}"
    );
    assert_eq!(fs::read_dir(home.path()).expect("the home").count(), 1, "nothing lies beside it");
    let mode = |path: &Path| fs::metadata(path).expect("it is there").permissions().mode() & 0o777;
    assert_eq!((mode(&out), mode(&out.join("files")), mode(&out.join("messages.txt"))), (0o700, 0o700, 0o600));

    let jsonl = fs::read_to_string(out.join("messages.jsonl")).expect("JSON lines");
    let lines: Vec<Value> = jsonl.lines().map(|line| serde_json::from_str(line).expect("an object")).collect();
    assert_eq!((&lines[0]["schema"], &lines[0]["messages"]), (&"coterie.export/1".into(), &5.into()), "{}", lines[0]);
    assert_eq!((lines.len(), &lines[0]["by"]), (6, &"Ben".into()));
    assert_eq!(lines[2]["revisions"][0]["text"], "The dredger left at dusk.");
    assert_eq!((&lines[3]["kind"], &lines[3]["deleted_by"]["name"]), (&"deleted".into(), &"Ana".into()));
    assert!(lines[4]["location"]["radius_m"] == 1_000 && lines[5]["reactions"][0]["count"] == 1, "{jsonl}");
    let saved = lines[5]["files"][0]["saved"].as_str().expect("a file");
    assert!(fs::read(out.join(saved)).expect("the picture").starts_with(&[0xff, 0xd8]));
    assert_eq!(lines[5]["files"][0]["sha256"].as_str().map(str::len), Some(64));

    let words = fs::read_to_string(out.join("messages.txt")).expect("text");
    let page = fs::read_to_string(out.join("messages.html")).expect("a page");
    for copy in [&words, &page] {
        assert!(copy.contains("Your own copy, exported by Ben on") && copy.contains("proves nothing"), "{copy}");
        assert!(
            copy.contains("left at dawn.") && copy.contains("(edited)") && copy.contains("Ana took this back"),
            "{copy}"
        );
        assert!(!copy.contains('\u{1b}') && !copy.contains("Nobody reads this"), "{copy}");
    }
    assert!(
        !page.contains("<script") && page.contains("&lt;script&gt;") && page.contains("default-src 'none'"),
        "{page}"
    );
    assert!(page.contains(&format!("<img src=\"{saved}\"")) && !page.contains("<b>quay"), "{page}");

    let again = people[1].run(&["export", "--out", text(&out), "--json"]);
    assert_eq!((again.code, again.error()["code"].as_str()), (2, Some("usage")), "{again:?}");
    assert_eq!(fs::read_to_string(out.join("messages.jsonl")).expect("as it was"), jsonl);
}

#[test]
fn xp_05_a_file_that_nobody_gives_is_said_and_the_rest_is_exported() {
    let mut people = group_of(&["Ana", "Ben"]);
    let home = tempfile::tempdir().expect("a folder");
    let large = home.path().join("large.bin");
    fs::write(&large, vec![7; 5_000_000]).expect("written");
    people[0].ok(&["send", "--file", text(&large)]);
    eventually("Ben knows of the file", SOON, || {
        let page = people[1].json(&["media", "list"]);
        if page["items"][0]["files"][0]["state"] == "absent" { Ok(()) } else { Err(page.to_string()) }
    });
    people[0].kill();
    let out = home.path().join("copy");
    let done = people[1].json(&["export", "--out", text(&out), "--with-files", "--timeout", "3s"]);
    assert_eq!(
        (&done["messages"], &done["files"], &done["files_missing"]),
        (&1.into(), &0.into(), &1.into()),
        "{done}"
    );
    assert_eq!(done["missing"][0]["name"], "large.bin");
    assert_eq!(fs::read_dir(out.join("files")).expect("the folder").count(), 0, "no half file");
    for form in ["messages.txt", "messages.html", "messages.jsonl"] {
        let copy = fs::read_to_string(out.join(form)).expect("a copy");
        assert!(copy.contains("not saved") || copy.contains("not_saved"), "{form}: {copy}");
    }
}
