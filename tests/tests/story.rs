//! The mission's story, with thirteen real nodes: a group is founded, twelve join, a conference is reported with a picture, a
//! memo and a film, a job is pinned, people vote by reactions, one is away and catches up, one message is changed and one
//! taken back. At the end everybody's screen says the same.

#![expect(clippy::expect_used, reason = "a test that cannot go on fails, and says where")]

use std::path::PathBuf;
use std::time::Duration;

use coterie_tests::cluster::{Person, invite};
use coterie_tests::{eventually, house};
use serde_json::{Value, json};

/// Thirteen nodes of a debug build share the machine with the other tests.
const PATIENCE: Duration = Duration::from_secs(120);

const OTHERS: [&str; 12] = ["Noa", "Ben", "Cy", "Dee", "Eli", "Fay", "Gal", "Hila", "Ido", "Jo", "Kim", "Lior"];

fn sample(name: &str) -> String {
    let path: PathBuf = house::root().join("node/tests/fixtures/media").join(name);
    path.to_str().expect("a plain path").to_owned()
}

/// What one sees of each message, and nothing that differs from computer to computer.
fn screen(person: &Person) -> Vec<Value> {
    let page = person.json(&["history", "--limit", "200"]);
    let files = |line: &Value| -> Vec<Value> {
        let files = line["files"].as_array().cloned().unwrap_or_default();
        files.iter().map(|file| json!([file["name"], file["kind"], file["size"]])).collect()
    };
    let votes = |line: &Value| -> Vec<Value> {
        let votes = line["reactions"].as_array().cloned().unwrap_or_default();
        votes.iter().map(|vote| json!([vote["emoji"], vote["count"]])).collect()
    };
    let line = |line: &Value| {
        json!({ "id": line["id"], "by": line["author"]["name"], "kind": line["kind"], "text": line["text"],
            "reply": line["reply_to"]["id"], "edited": line["edited"].is_string(), "pinned": line["pinned"],
            "votes": votes(line), "files": files(line) })
    };
    page["items"].as_array().into_iter().flatten().map(line).collect()
}

fn finds<'a>(screen: &'a [Value], text: &str) -> Option<&'a Value> {
    screen.iter().find(|line| line["text"] == text)
}

fn id(person: &Person, text: &str) -> String {
    eventually(&format!("{} sees {text:?}", person.name), PATIENCE, || {
        let found = finds(&screen(person), text).and_then(|line| line["id"].as_str().map(str::to_owned));
        found.ok_or_else(|| format!("{:#?}", screen(person)))
    })
}

#[test]
fn thirteen_people_report_a_conference_and_everybody_sees_the_same() {
    let tal = Person::online("Tal");
    tal.ok(&["group", "create", "Tech IL"]);
    let link = invite(&tal, OTHERS.len());
    let mut others: Vec<Person> = OTHERS.iter().map(|name| Person::online(name)).collect();
    for person in &others {
        person.ok(&["join", "--yes", &link]);
    }
    for person in others.iter().chain([&tal]) {
        eventually(&format!("{} sees thirteen seats taken", person.name), PATIENCE, || {
            let seats = &person.json(&["group", "info"])["seats"];
            if seats["occupied"] == 13 { Ok(()) } else { Err(seats.to_string()) }
        });
    }
    let (noa, rest) = others.split_first_mut().expect("Noa");
    let [ben, cy, dee, ..] = rest else { panic!("twelve people") };

    tal.ok(&["send", "Good morning from the conference. Live from 9:00. @all #techil are plain words."]);
    ben.ok(&["send", "The stage", "--image", &sample("photo.jpg")]);
    id(noa, "The stage");
    noa.down();
    cy.ok(&["send", "--voice", &sample("memo.ogg"), "What the keynote said"]);
    dee.ok(&["send", "--video", &sample("film.mp4"), "The demo"]);
    for number in 1..=20 {
        ben.ok(&["send", &format!("Panel, note {number}")]);
    }
    let job = "We hire two Rust engineers in Haifa. Write to me.";
    cy.ok(&["send", job]);
    let offer = id(&tal, job);
    tal.ok(&["pin", &offer]);
    let poll = "Dinner at eight? 👍 or 👎";
    tal.ok(&["send", poll]);
    ben.ok(&["send", "Sent to the wrong group, sorry"]);
    dee.ok(&["send", "The bus leaves at 17:00"]);
    ben.ok(&["--yes", "delete", "mine"]);
    dee.ok(&["edit", "mine", "The bus leaves at 18:00"]);
    for (at, person) in rest.iter().enumerate() {
        let asked = id(person, poll);
        person.ok(&["react", &asked, if at < 7 { "👍" } else { "👎" }]);
    }

    noa.up();
    let asked = id(noa, poll);
    noa.ok(&["react", &asked, "👍"]);
    let whole = eventually("Tal sees it all", PATIENCE, || {
        let screen = screen(&tal);
        is_whole(&screen).map(|()| screen)
    });
    for person in &others {
        eventually(&format!("{} sees what Tal sees", person.name), PATIENCE, || {
            let theirs = screen(person);
            if theirs == whole { Ok(()) } else { Err(format!("{theirs:#?}\n--- Tal:\n{whole:#?}")) }
        });
        let files = person.json(&["media", "list"])["items"].as_array().map_or(0, Vec::len);
        assert_eq!(files, 3, "{} lists the picture, the memo and the film", person.name);
    }
    // Who was away saves the film: from whoever has it, byte for byte what its sender's node cleaned.
    let (folder, at_dee) = (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
    let film = id(&others[0], "The demo");
    for (person, to) in [(&others[0], &folder), (&others[3], &at_dee)] {
        person.ok(&["media", "save", &film, "--out", to.path().to_str().expect("a plain path")]);
    }
    let read = |folder: &tempfile::TempDir| std::fs::read(folder.path().join("film.mp4")).expect("saved");
    assert!(read(&folder) == read(&at_dee) && !read(&folder).is_empty());
}

/// All that happened, as it should stand in the end.
fn is_whole(screen: &[Value]) -> Result<(), String> {
    let line = |text: &str| finds(screen, text).ok_or_else(|| format!("{text:?} is missing in {screen:#?}"));
    let expect = |what: &str, holds: bool| if holds { Ok(()) } else { Err(format!("{what}: {screen:#?}")) };
    expect("as many lines as were said", screen.len() == 28)?;
    let poll = line("Dinner at eight? 👍 or 👎")?;
    expect(
        "the vote",
        poll["votes"] == json!([["👍", 8], ["👎", 4]]) || poll["votes"] == json!([["👎", 4], ["👍", 8]]),
    )?;
    expect("the pin", line("We hire two Rust engineers in Haifa. Write to me.")?["pinned"] == true)?;
    expect("the edit", line("The bus leaves at 18:00")?["edited"] == true)?;
    let gone: Vec<&Value> = screen.iter().filter(|line| line["kind"] == "deleted").collect();
    expect("what was taken back says nothing", gone.len() == 1 && gone[0]["text"] == "")?;
    expect("the notes", (1..=20).all(|number| finds(screen, &format!("Panel, note {number}")).is_some()))
}
