//! When a computer, a disk or a passphrase is lost: backup and restore, a store that does not open, copies, changed keys.

#![expect(clippy::expect_used, reason = "a test that cannot go on fails, and says where")]

use std::path::{Path, PathBuf};

use coterie_tests::cluster::{Person, SOON, group_of};
use coterie_tests::eventually;
use tempfile::TempDir;

/// Files that a person keeps elsewhere.
struct Drawer(TempDir);

impl Drawer {
    fn new() -> Self {
        Self(tempfile::tempdir().expect("a folder"))
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn text(&self, name: &str) -> String {
        self.path(name).to_string_lossy().into_owned()
    }

    /// A passphrase in a file.
    fn words(&self, name: &str, words: &str) -> String {
        std::fs::write(self.path(name), format!("{words}\n")).expect("written");
        self.text(name)
    }
}

/// Both directions of talk work.
fn talk(people: &[Person], label: &str) {
    for (from, to) in [(0, 1), (1, 0)] {
        let text = format!("{label}: {} to {}", people[from].name, people[to].name);
        people[from].ok(&["send", &text]);
        people[to].sees(&text);
    }
}

fn holds(folder: &Path, needle: &[u8]) -> bool {
    std::fs::read_dir(folder).expect("a folder").flatten().any(|entry| {
        let path = entry.path();
        if path.is_dir() {
            return holds(&path, needle);
        }
        let bytes = std::fs::read(&path).unwrap_or_default();
        bytes.windows(needle.len()).any(|window| window == needle)
    })
}

#[test]
fn st_105_after_a_lost_computer_a_backup_brings_person_and_groups_back_and_nobody_takes_it_for_a_copy() {
    let drawer = Drawer::new();
    let mut people = group_of(&["Ana", "Ben"]);
    talk(&people, "before");
    let words = drawer.words("words", "four words nobody guesses");
    let file = drawer.text("ana.backup");
    let short = drawer.words("short", "short");
    let refused = people[0].run(&["identity", "backup", &file, "--passphrase-file", &short, "--json"]);
    assert_eq!((refused.code, refused.error()["code"].as_str()), (2, Some("bad_value")), "{refused:?}");
    people[0].ok(&["identity", "backup", &file, "--with-history", "--passphrase-file", &words]);
    let again = people[0].run(&["identity", "backup", &file, "--passphrase-file", &words, "--json"]);
    assert_eq!(again.code, 2, "a file is never overwritten: {again:?}");
    assert!(!holds(drawer.0.path(), b"before: Ana to Ben"), "the backup is ciphertext");
    let key = people[0].key();

    // The computer is gone; what was said meanwhile is not in the backup.
    people[0].kill();
    people[1].ok(&["send", "while Ana had no computer"]);
    let mut new = Person::without_identity("Ana");
    let wrong = drawer.words("wrong", "four words somebody guessed");
    let refused = new.run(&["identity", "restore", &file, "--passphrase-file", &wrong, "--json"]);
    assert_eq!((refused.code, refused.error()["code"].as_str()), (8, Some("wrong_passphrase")), "{refused:?}");
    let cut = drawer.path("cut.backup");
    let bytes = std::fs::read(&file).expect("a backup");
    std::fs::write(&cut, &bytes[..bytes.len() - 1]).expect("written");
    let refused = new.run(&["identity", "restore", &cut.to_string_lossy(), "--passphrase-file", &words, "--json"]);
    assert_eq!(refused.error()["code"], "bad_value", "{refused:?}");
    let restored = new.json(&["identity", "restore", &file, "--passphrase-file", &words]);
    assert_eq!((restored["key"].as_str(), restored["groups"][0].as_str()), (Some(key.as_str()), Some("Harbour")));
    let twice = new.run(&["identity", "restore", &file, "--passphrase-file", &words, "--json"]);
    assert_eq!(twice.error()["code"], "conflict", "{twice:?}");

    new.up();
    assert!(new.texts().contains(&"before: Ana to Ben".to_owned()), "what was said is back: {:?}", new.texts());
    people[0] = new;
    people[0].sees_seats(2);
    people.iter().for_each(|person| person.sees_online(1));
    talk(&people, "after");
    for person in &people {
        let status = person.json(&["status"]);
        assert_eq!(status["alerts"].as_array().map(Vec::len), Some(0), "{}: {status}", person.name);
        let mut texts = person.texts();
        texts.sort();
        texts.dedup();
        assert_eq!(texts.len(), person.texts().len(), "{} sees a line twice", person.name);
    }
}

#[test]
fn st_90_st_92_a_store_that_does_not_open_is_put_aside_said_and_the_group_goes_on() {
    let mut people = group_of(&["Ana", "Ben"]);
    talk(&people, "before");
    people[0].down();
    let db = people[0].data().join("store").join("db");
    let length = std::fs::metadata(&db).expect("a store").len();
    std::fs::write(&db, vec![0xa5; usize::try_from(length).expect("a small store")]).expect("written");
    people[0].up();
    let status = people[0].json(&["status"]);
    let alert = &status["alerts"][0];
    assert_eq!(alert["kind"], "disk", "{status}");
    assert!(alert["why"].as_str().is_some_and(|why| why.contains("broken-") && why.contains("groups")), "{status}");
    let kept = std::fs::read_dir(people[0].data()).expect("a folder").flatten();
    assert!(kept.map(|entry| entry.file_name()).any(|name| name.to_string_lossy().starts_with("broken-")));
    people.iter().for_each(|person| person.sees_online(1));
    talk(&people, "after");
    people[0].down();
    people[0].up();
    let status = people[0].json(&["status"]);
    assert_eq!(status["alerts"].as_array().map(Vec::len), Some(0), "told in the life in which it happened: {status}");
    talk(&people, "and on");
}

#[test]
fn st_19_a_computer_that_was_set_back_says_so_and_goes_on_when_its_owner_says_that_it_is_the_one() {
    let drawer = Drawer::new();
    let mut people = group_of(&["Ana", "Ben"]);
    talk(&people, "before");
    // A snapshot of the running machine, put back after a crash: nothing tells it from a crash at that moment.
    people[0].kill();
    std::fs::create_dir(drawer.path("snapshot")).expect("a folder");
    coterie_tests::cluster::copy_files(&people[0].data(), &drawer.path("snapshot"));
    people[0].up();
    people.iter().for_each(|person| person.sees_online(1));
    talk(&people, "forgotten");
    people[0].kill();
    people[0].set_back(&drawer.path("snapshot"));
    people[0].up();
    eventually("Ana is told", SOON, || {
        let status = people[0].json(&["status"]);
        if status["alerts"][0]["kind"] == "clone" { Ok(()) } else { Err(status.to_string()) }
    });
    people[0].ok(&["identity", "here", "--yes"]);
    people.iter().for_each(|person| person.sees_online(1));
    talk(&people, "after");
}

#[test]
fn st_62_a_changed_passphrase_is_asked_for_at_the_next_start_and_the_old_one_opens_nothing() {
    let drawer = Drawer::new();
    let mut ana = Person::online("Ana");
    let (old, new) = (drawer.words("old", "the first passphrase"), drawer.words("new", "the second passphrase"));
    ana.ok(&["identity", "passphrase", "--new-passphrase-file", &old]);
    assert_eq!(ana.json(&["identity", "show"])["protected"], "passphrase");
    assert!(!ana.data().join("vault.key").exists());
    let unknown = ana.run(&["identity", "passphrase", "--new-passphrase-file", &new, "--json"]);
    assert_eq!(unknown.code, 8, "whoever changes it has to know it: {unknown:?}");
    let change = ["identity", "passphrase", "--passphrase-file", &new, "--new-passphrase-file", &new, "--json"];
    let guessed = ana.run(&change);
    assert_eq!((guessed.code, guessed.error()["code"].as_str()), (8, Some("wrong_passphrase")), "{guessed:?}");
    ana.ok(&["identity", "passphrase", "--passphrase-file", &old, "--new-passphrase-file", &new]);
    ana.down();
    let refused = ana.run(&["up", "--foreground", "--passphrase-file", &old, "--json"]);
    assert_eq!((refused.code, refused.error()["code"].as_str()), (8, Some("wrong_passphrase")), "{refused:?}");
    ana.ok(&["up", "--passphrase-file", &new]);
    ana.ok(&["identity", "passphrase", "--passphrase-file", &new, "--remove"]);
    ana.ok(&["down"]);
    ana.up();
    assert_eq!(ana.json(&["identity", "show"])["protected"], "none");
}

#[test]
fn st_112_a_store_is_written_anew_while_the_node_is_stopped_and_keeps_every_word() {
    let mut people = group_of(&["Ana", "Ben"]);
    talk(&people, "before");
    let busy = people[0].run(&["store", "vacuum", "--json"]);
    assert_eq!(busy.error()["code"], "profile_in_use", "a running node has it open");
    people[0].down();
    let done = people[0].json(&["store", "vacuum"]);
    assert_eq!(
        (&done["schema"], done["told"].as_array().map(Vec::len)),
        (&"coterie.vacuumed/1".into(), Some(0)),
        "{done}"
    );
    assert!(done["records"].as_u64() > Some(0) && done["after"].as_u64() > Some(0), "{done}");
    people[0].up();
    people[0].sees("before: Ben to Ana");
    assert!(people[0].alerts().is_empty(), "{:?}", people[0].alerts());
    people[0].sees_online(1);
    talk(&people, "after");
}
