//! Files between real nodes: pictures that come unasked, files on demand, nodes that die on the way (BL-11, BL-16).
#![expect(clippy::expect_used, reason = "a test that cannot go on fails, and says where")]

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use coterie_tests::cluster::{Person, SOON, group_of};
use coterie_tests::{eventually, house};
use serde_json::Value;
use tempfile::TempDir;

/// Bytes without a pattern, the same at every run.
fn noise(folder: &TempDir, name: &str, length: usize) -> PathBuf {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut bytes = Vec::with_capacity(length + 8);
    while bytes.len() < length {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend(state.to_le_bytes());
    }
    bytes.truncate(length);
    let path = folder.path().join(name);
    fs::write(&path, bytes).expect("written");
    path
}

fn text(path: &Path) -> &str {
    path.to_str().expect("a plain path")
}

fn files(person: &Person) -> Vec<Value> {
    person.json(&["media", "list"])["items"].as_array().cloned().unwrap_or_default()
}

/// Waits for a message with a file, of which `enough` is here.
fn waits(person: &Person, what: &str, enough: impl Fn(&Value) -> bool) {
    eventually(&format!("{}: {what}", person.name), SOON, || {
        let files = files(person);
        if files.first().is_some_and(|line| enough(&line["files"][0])) { Ok(()) } else { Err(format!("{files:?}")) }
    });
}

fn have(person: &Person) -> u64 {
    files(person).first().and_then(|line| line["files"][0]["have"].as_u64()).unwrap_or_default()
}

fn save(person: &Person, folder: &Path) {
    person.ok(&["media", "save", "last", "--out", text(folder)]);
}

#[test]
fn mm_01_a_picture_comes_unasked_without_its_place_and_a_deleted_one_is_read_by_nobody() {
    let people = group_of(&["Ana", "Ben", "Cy"]);
    let photo = house::root().join("node/tests/fixtures/media/photo.jpg");
    people[0].ok(&["send", "--image", text(&photo)]);
    let scan = |file: &[u8]| {
        let start = file.windows(2).position(|two| two == [0xff, 0xda]).expect("a scan");
        let end = start + file[start..].windows(2).position(|two| two == [0xff, 0xd9]).expect("its end");
        file[start..end].to_vec()
    };
    for person in &people {
        waits(person, "the picture is here", |file| file["state"] == "complete");
        let folder = tempfile::tempdir().expect("a folder");
        save(person, folder.path());
        let saved = fs::read(folder.path().join("photo.jpg")).expect("saved");
        for secret in [&b"38.7071"[..], b"SENTINEL"] {
            assert!(!saved.windows(secret.len()).any(|part| part == secret), "{secret:?}");
        }
        assert_eq!(scan(&saved), scan(&fs::read(&photo).expect("the sample")));
    }
    people[0].ok(&["--yes", "delete", "mine"]);
    eventually("Ben hears that it is deleted", SOON, || {
        if files(&people[1]).is_empty() { Ok(()) } else { Err(format!("{:?}", files(&people[1]))) }
    });
    let gone = people[1].run(&["media", "save", "last", "--json"]);
    assert_eq!((gone.code, gone.error()["code"].as_str()), (5, Some("not_found")), "{gone:?}");
}

#[test]
fn bl_16_a_fetch_goes_on_after_kills_and_a_second_holder_gives_when_the_sender_is_gone() {
    let mut people = group_of(&["Ana", "Ben", "Cy"]);
    let folder = tempfile::tempdir().expect("a folder");
    let file = noise(&folder, "noise.bin", 20_000_000);
    people[0].ok(&["send", "--file", text(&file)]);
    waits(&people[1], "the file is named, and not fetched unasked", |file| file["state"] == "absent");
    waits(&people[2], "the file is named", |file| file["state"] == "absent");
    let out = tempfile::tempdir().expect("a folder");
    let mut before = 0;
    for _ in 0..3 {
        let mut saving = people[1].command(&["media", "save", "last", "--out", text(out.path())]);
        let mut saving = saving.spawn().expect("it starts");
        eventually("some more of it is here", SOON, || {
            let now = have(&people[1]);
            if now > before || now == 20_000_000 { Ok(()) } else { Err(now.to_string()) }
        });
        let held = have(&people[1]);
        people[1].kill();
        let _ = saving.wait();
        people[1].up();
        people[1].sees_online(2);
        before = have(&people[1]);
        assert!(before >= held, "{before} of {held} that were here");
    }
    let whole = fs::read(&file).expect("the file");
    let out = tempfile::tempdir().expect("a folder");
    save(&people[1], out.path());
    save(&people[1], out.path());
    for name in ["noise.bin", "noise (2).bin"] {
        assert!(fs::read(out.path().join(name)).expect("saved") == whole, "{name} is equal");
    }
    people[0].kill();
    people[2].sees_online(1);
    let third = tempfile::tempdir().expect("a folder");
    save(&people[2], third.path());
    assert!(fs::read(third.path().join("noise.bin")).expect("saved") == whole, "Cy has it from Ben");
}

/// Pieces that moved since this person's node was started.
fn pieces(person: &Person, which: &str) -> u64 {
    person.json(&["status"])["pieces"][which].as_u64().expect("a number")
}

#[test]
fn bl_16_the_status_counts_pieces_and_one_that_is_here_is_not_fetched_again() {
    const PIECES: u64 = 3;
    let mut people = group_of(&["Ana", "Ben"]);
    let folder = tempfile::tempdir().expect("a folder");
    people[0].ok(&["send", "--file", text(&noise(&folder, "noise.bin", 3_000_000))]);
    waits(&people[1], "the file is named", |file| file["state"] == "absent");
    assert_eq!((pieces(&people[0], "given"), pieces(&people[1], "fetched")), (0, 0), "nothing moves unasked");
    let out = tempfile::tempdir().expect("a folder");
    save(&people[1], out.path());
    // A piece is counted a moment after it is on the disk, and its giver hears of no arrival.
    eventually("both have counted", SOON, || {
        let counted = (pieces(&people[0], "given"), pieces(&people[1], "fetched"));
        if counted.0 >= PIECES && counted.1 >= PIECES { Ok(()) } else { Err(format!("{counted:?}")) }
    });
    save(&people[1], out.path());
    assert_eq!((pieces(&people[1], "fetched"), pieces(&people[1], "given")), (PIECES, 0));
    assert_eq!(pieces(&people[0], "fetched"), 0, "one's own file is fetched from nobody");
    people[1].kill();
    people[1].up();
    save(&people[1], out.path());
    assert_eq!(pieces(&people[1], "fetched"), 0, "what is on the disk is not asked for");
}

#[test]
fn what_cannot_be_sent_is_refused_in_one_error_and_nothing_is_said() {
    let people = group_of(&["Ana", "Ben"]);
    let folder = tempfile::tempdir().expect("a folder");
    let (empty, words) = (folder.path().join("empty"), folder.path().join("words.jpg"));
    fs::write(&empty, "").expect("written");
    fs::write(&words, "only words").expect("written");
    let eleven = ["--file", text(&words)].repeat(11);
    let cases: [(&[&str], i32, &str); 4] = [
        (&["--file", text(&empty)], 2, "bad_value"),
        (&["--image", text(&words)], 2, "bad_value"),
        (&["--file", text(folder.path())], 5, "not_found"),
        (&eleven, 2, "usage"),
    ];
    for (given, exit, code) in cases {
        let answer = people[0].run(&[&["send", "--json"], given].concat());
        assert_eq!((answer.code, answer.error()["code"].as_str()), (exit, Some(code)), "{answer:?}");
        assert!(answer.out.is_empty() && answer.err.lines().count() == 1, "{answer:?}");
    }
    assert!(people[0].texts().is_empty() && files(&people[0]).is_empty());
}

#[test]
fn bl_20_files_leave_the_disk_alone_and_words_still_go() {
    let mut people = group_of(&["Ana", "Ben"]);
    let photo = house::root().join("node/tests/fixtures/media/photo.jpg");
    keeps_free(&mut people[1], "16 MiB", "900 TiB");
    people[0].ok(&["send", "look", "--image", text(&photo)]);
    waits(&people[1], "the picture is named", |file| file["state"] == "absent");
    let full = |arguments: &[&str]| {
        let answer = people[1].run(&[arguments, &["--json"]].concat());
        assert_eq!((answer.code, answer.error()["code"].as_str()), (9, Some("disk_full")), "{answer:?}");
        assert!(answer.error()["why"].as_str().is_some_and(|why| why.contains("media.keep_free")), "{answer:?}");
    };
    let out = tempfile::tempdir().expect("a folder");
    full(&["media", "save", "last", "--out", text(out.path())]);
    full(&["send", "--image", text(&photo)]);
    people[1].ok(&["send", "words need no room"]);
    waits(&people[1], "nothing came meanwhile", |file| file["state"] == "absent");
    keeps_free(&mut people[1], "900 TiB", "16 MiB");
    // The newest that has a file, whatever was said since.
    people[1].ok(&["media", "save", "last", "--out", text(out.path())]);
    assert!(out.path().join("photo.jpg").exists());
}

#[test]
fn bl_11_a_file_waits_for_the_others_and_who_was_removed_gets_nothing() {
    let mut people = group_of(&["Ana", "Ben", "Cy"]);
    let folder = tempfile::tempdir().expect("a folder");
    people[1].down();
    people[2].down();
    people[0].ok(&["send", "while you were away", "--file", text(&noise(&folder, "noise.bin", 3_000_000))]);
    people[1].up();
    people[2].up();
    for person in &people[1..] {
        waits(person, "the file that was sent to nobody is named", |file| file["state"] == "absent");
    }
    people[0].ok(&["--yes", "member", "remove", "Cy"]);
    let out = tempfile::tempdir().expect("a folder");
    eventually("Cy hears that they were removed", SOON, || {
        let group = people[2].json(&["group", "info"]);
        if group["state"] == "removed" { Ok(()) } else { Err(group.to_string()) }
    });
    let refused = people[2].run(&["media", "save", "last", "--out", text(out.path()), "--json"]);
    assert_eq!((refused.code, refused.error()["code"].as_str()), (4, Some("removed")), "{refused:?}");
    assert_eq!(fs::read_dir(out.path()).expect("the folder").count(), 0, "nothing is saved, not even a part");
    assert_eq!(have(&people[2]), 0);
    save(&people[1], out.path());
    let same = fs::read(out.path().join("noise.bin")).expect("saved")
        == fs::read(folder.path().join("noise.bin")).expect("sent");
    assert!(same, "who is a member has it");
}

/// Changes what files leave free, and starts the node anew.
fn keeps_free(person: &mut Person, from: &str, to: &str) {
    let config = fs::read_to_string(person.config()).expect("its settings");
    assert!(config.contains(from), "{config}");
    person.down();
    fs::write(person.config(), config.replace(from, to)).expect("written");
    person.up();
    person.sees_online(1);
}

#[test]
fn sv_03_a_node_stops_soon_while_a_file_comes() {
    let mut people = group_of(&["Ana", "Ben"]);
    let folder = tempfile::tempdir().expect("a folder");
    people[0].ok(&["send", "--file", text(&noise(&folder, "noise.bin", 60_000_000))]);
    waits(&people[1], "the file is named", |file| file["state"] == "absent");
    let mut saving = people[1].command(&["media", "save", "last", "--out", text(folder.path())]);
    let mut saving = saving.spawn().expect("it starts");
    eventually("some of it is here", SOON, || if have(&people[1]) > 0 { Ok(()) } else { Err(String::new()) });
    let start = std::time::Instant::now();
    people[1].down();
    // Starting the command counts too, in a program that is not optimised.
    assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
    let _ = saving.wait();
}
