//! Two people at the full screen, on real terminals, with real nodes: everything by keys, as they would (TU-15).

#![expect(clippy::print_stderr, reason = "a skipped test says so, and the screens can be looked at")]

use coterie_tests::cluster::{Person, SOON, group_of};
use coterie_tests::tmux::{self, Screen};
use coterie_tests::{eventually, house};

fn skipped() -> bool {
    if tmux::is_here() {
        return false;
    }
    eprintln!("SKIPPED: there is no tmux here; `apt-get install tmux` brings it");
    true
}

/// Prints the screen, if somebody wants to look: `COTERIE_SHOW=1 cargo test -p coterie-tests --test screen -- --nocapture`.
fn look(title: &str, screen: &Screen) {
    if std::env::var_os("COTERIE_SHOW").is_some() {
        eprintln!("--- {title}\n{}", screen.text());
    }
}

#[test]
fn tu_15_two_people_found_invite_join_and_chat_at_the_full_screen() {
    if skipped() {
        return;
    }
    let (ana, ben) = (Person::without_identity("Ana"), Person::without_identity("Ben"));
    let at_ana = Screen::start(&ana.command(&[]), (120, 40));
    at_ana.shows("What should people call you?");
    at_ana.types("Ana");
    at_ana.presses("Enter");
    at_ana.shows("You are in no group yet.");
    at_ana.types("n");
    at_ana.shows("What is it called?");
    at_ana.types("Harbour");
    at_ana.presses("Enter");
    at_ana.shows("Harbour  1 of 100 seats");
    at_ana.presses("C-n");
    at_ana.shows("This lets somebody into Harbour");
    look("the invite", &at_ana);
    let link = link_on(&at_ana.text());
    assert!(link.starts_with("COTERIE:J/"), "the link is on the screen: {link:?}");
    at_ana.presses("Escape");

    let at_ben = Screen::start(&ben.command(&[]), (80, 24));
    at_ben.shows("What should people call you?");
    at_ben.types("Ben");
    at_ben.presses("Enter");
    at_ben.shows("You are in no group yet.");
    at_ben.types("j");
    at_ben.shows("Paste the link");
    at_ben.types(&link);
    at_ben.presses("Enter");
    at_ben.shows("Join this group?");
    look("the preview", &at_ben);
    at_ben.presses("Enter");
    at_ben.shows("Harbour  2 of 100 seats");

    at_ben.types("Good morning, @Ana. #quay is just a word.");
    at_ben.presses("Enter");
    at_ben.shows("  Good morning, @Ana");
    at_ana.shows("Good morning, @Ana. #quay is just a word.");
    at_ana.types("And to you.");
    at_ana.presses("Enter");
    at_ben.shows("And to you.");
    // Typed faster than a node answers: they stand in the order of the typing.
    for number in 1..=9 {
        at_ana.types(&format!("number {number}"));
        at_ana.presses("Enter");
    }
    at_ben.shows("number 9");
    let said = at_ben.text();
    let order: Vec<&str> = said.lines().filter_map(|row| row.split_once("  number ")).map(|(_, n)| n.trim()).collect();
    assert_eq!(order, ["1", "2", "3", "4", "5", "6", "7", "8", "9"], "{said}");
    at_ana.shows("✓✓ all");
    look("Ana", &at_ana);
    look("Ben", &at_ben);

    at_ben.resizes(60, 14);
    at_ben.shows("And to you.");
    at_ben.presses("C-c");
    at_ben.shows("Ctrl-C once more quits");
    at_ben.presses("C-c");
    at_ben.shows("ended with 0");
    assert_eq!(ben.run(&["status"]).code, 0, "the node goes on");
}

#[test]
fn tx_10_hostile_text_leaves_the_screen_as_its_cleaned_form_would() {
    if skipped() {
        return;
    }
    let ana = Person::online("Ana");
    ana.ok(&["group", "create", "Harbour"]);
    let screen = Screen::start(&ana.command(&["chat"]), (100, 30));
    screen.shows("Write to Harbour");
    for nasty in ["a\u{1b}]0;owned\u{7}b", "c\u{1b}[2J\u{1b}[1;1Hd", "e\u{1b}P+q544e\u{1b}\\f", "g\u{9b}31mh\u{202e}i"]
    {
        ana.ok(&["send", nasty]);
    }
    ana.ok(&["send", "the end"]);
    screen.shows("the end");
    let text = screen.text();
    look("hostile words", &screen);
    for cleaned in [
        "a\u{fffd}]0;owned\u{fffd}b",
        "c\u{fffd}[2J\u{fffd}[1;1Hd",
        "e\u{fffd}P+q544e\u{fffd}\\f",
        "g\u{fffd}31mh\u{fffd}i",
    ] {
        assert!(text.contains(cleaned), "{cleaned:?} is not on the screen:\n{text}");
    }
    assert!(
        text.contains("Harbour  1 of 100 seats") && text.contains("Write to Harbour"),
        "all else is in place:\n{text}"
    );
}

#[test]
fn ev_02_who_looks_at_a_message_sees_its_file_come_and_go() {
    if skipped() {
        return;
    }
    let people = group_of(&["Ana", "Ben"]);
    let screen = Screen::start(&people[1].command(&["chat"]), (100, 30));
    screen.shows("Write to");
    let photo = house::root().join("node/tests/fixtures/media/photo.jpg");
    people[0].ok(&["send", "look", "--image", photo.to_str().expect("a plain path")]);
    screen.shows("[picture] photo.jpg");
    eventually("the picture is there, on the open screen", SOON, || {
        let text = screen.text();
        if text.contains("[picture]") && !text.contains("not fetched yet") { Ok(()) } else { Err(text) }
    });
    people[1].ok(&["media", "free", "last"]);
    screen.shows("not fetched yet");
}

#[test]
fn tu_03_words_are_found_on_the_screen_and_enter_goes_to_where_they_stand() {
    if skipped() {
        return;
    }
    let ana = Person::online("Ana");
    ana.ok(&["group", "create", "Harbour"]);
    let (line, group) = (ana.line(), ana.line().group().expect("a group"));
    assert!(line.say(&group, "Em São Paulo, amanhã"));
    (0..300).for_each(|number| assert!(line.say(&group, &format!("row {number} of nets")), "{number}"));
    ana.ok(&["group", "create", "Pier"]);
    let screen = Screen::start(&ana.command(&["chat", "Pier"]), (100, 30));
    screen.shows("Write to Pier");
    screen.presses("C-f");
    screen.shows("Words that must all be there");
    screen.types("sao paulo");
    screen.shows("Harbour  Ana: Em São Paulo, amanhã");
    look("found", &screen);
    screen.presses("Enter");
    screen.shows("> Em São Paulo, amanhã");
    screen.shows("row 3 of nets");
    look("where it stands", &screen);
    screen.presses("C-f");
    screen.shows("> sao paulo");
    screen.presses("Escape");
    screen.presses("Escape");
    screen.presses("Escape");
    screen.shows("row 299 of nets");
}

#[test]
fn tu_14_line_by_line_the_same_can_be_said_without_a_screen() {
    let ana = Person::online("Ana");
    ana.ok(&["group", "create", "Harbour"]);
    ana.ok(&["send", "before"]);
    let mut chat = ana.command(&["chat", "--plain"]);
    chat.stdin(std::process::Stdio::piped()).stdout(std::process::Stdio::piped());
    let mut chat = chat.spawn().expect("it starts");
    {
        use std::io::Write;
        let mut typed = chat.stdin.take().expect("a pipe");
        writeln!(typed, "one line\n//usr\n/dance\n/quit").expect("it takes lines");
    }
    let output = chat.wait_with_output().expect("it ends");
    assert_eq!(output.status.code(), Some(0));
    assert!(String::from_utf8_lossy(&output.stdout).contains("Ana: before"));
    let said = ana.ok(&["tail"]).out;
    assert!(said.contains("one line") && said.contains("/usr") && !said.contains("dance"), "{said}");
    // A terminal that could show the screen, but not on this end.
    let refused = ana.command(&["chat"]).env("TERM", "xterm").output().expect("it runs");
    assert_eq!(refused.status.code(), Some(2), "{refused:?}");
    assert!(String::from_utf8_lossy(&refused.stderr).contains("--plain"), "{refused:?}");
}

/// The link in the panel: it begins with `COTERIE:` and goes on over rows until an empty one.
fn link_on(screen: &str) -> String {
    let inside = |row: &str| row.split('│').nth(2).map(|row| row.trim().to_owned());
    let rows: Vec<String> = screen.lines().filter_map(inside).collect();
    let first = rows.iter().position(|row| row.starts_with("COTERIE:")).unwrap_or(rows.len());
    rows[first..].iter().take_while(|row| !row.is_empty()).cloned().collect()
}
