//! Words found from the screen, and the way to where they stand.

use super::super::state::LINES_MAX;
use super::*;

const CTRL_F: KeyCode = KeyCode::Char('f');

fn search(screen: &mut Screen, words: &str) -> Vec<Effect> {
    update(screen, with(KeyModifiers::CONTROL, CTRL_F));
    words.chars().flat_map(|letter| update(screen, key(KeyCode::Char(letter)))).collect()
}

fn answered(screen: &mut Screen, words: &str, hits: Vec<Value>) {
    update(screen, Input::Told(Told::Hits { words: words.into(), hits, note: None }));
}

/// A message of long ago in the other group.
fn old(number: u8, text: &str) -> Value {
    let mut message = message(number, ("cy", "Cy"), "08:00", text);
    message["group"] = json!("g2");
    message
}

#[test]
fn tu_03_words_are_looked_for_as_they_are_typed_and_the_list_is_drawn() {
    let mut screen = harbour((80, 24), PLAIN);
    let asked = search(&mut screen, "dre");
    assert_eq!(asked, ["d", "dr", "dre"].map(|words| Effect::Search(words.into())));
    assert!(drawn(&screen).contains("Looking."));
    let long = format!("{} the dredger came back", "all the boats are in, ".repeat(4));
    let hits = vec![message(1, ("ben", "Ben"), "14:02", "The dredger left at dawn."), old(90, &long)];
    answered(&mut screen, "dr", vec![message(2, ("ben", "Ben"), "14:05", "late")]);
    assert!(drawn(&screen).contains("Looking."), "an answer to what was typed before is none");
    answered(&mut screen, "dre", hits);
    insta::assert_snapshot!("80x24-find", drawn(&screen));
    assert_eq!(update(&mut screen, key(KeyCode::Down)), []);
    assert_eq!(update(&mut screen, key(KeyCode::Backspace)), [Effect::Search("dr".into())]);
    assert_eq!(update(&mut screen, key(KeyCode::Enter)), [], "these hits are of other words");
    answered(&mut screen, "dr", Vec::new());
    assert!(drawn(&screen).contains("Nothing with these words is on this computer."));
    assert_eq!(update(&mut screen, Input::Paste("edger".into())), [Effect::Search("dredger".into())]);
    update(&mut screen, key(KeyCode::Esc));
    assert!(screen.panel.is_none());
}

#[test]
fn tu_03_enter_goes_to_the_message_esc_comes_back_and_the_list_is_still_there() {
    let mut screen = harbour((80, 24), PLAIN);
    search(&mut screen, "d");
    answered(&mut screen, "d", vec![message(1, ("ben", "Ben"), "14:02", "The dredger left."), old(50, "line 50")]);
    // Where it is loaded, nothing is asked.
    assert_eq!(update(&mut screen, key(KeyCode::Enter)), []);
    assert_eq!((screen.focus, screen.room().unwrap().chosen.as_deref()), (Focus::Timeline, Some("m1")));
    // The list again, and another group, far back.
    update(&mut screen, with(KeyModifiers::CONTROL, CTRL_F));
    assert!(drawn(&screen).contains("Field desk  Cy: line 50"), "{}", drawn(&screen));
    update(&mut screen, key(KeyCode::Down));
    let around = Part::Around { cursor: cursor(50), message: "m50".into() };
    let effects = update(&mut screen, key(KeyCode::Enter));
    assert_eq!(effects, [Effect::ReadPeople("g2".into()), Effect::ReadLines("g2".into(), around.clone())]);
    let lines: Vec<Value> = (20..80).map(|number| old(number, &format!("line {number}"))).collect();
    let page = json!({ "items": lines, "prev": cursor(20), "next": cursor(79) });
    update(&mut screen, Input::Told(Told::Lines { group: "g2".into(), page, part: around }));
    let shown = drawn(&screen);
    assert!(shown.contains("> line 50") && shown.contains("line 54") && !shown.contains("line 55"), "{shown}");
    // Newer lines come when the view comes near their beginning, and not twice.
    let asked: Vec<Effect> = (0..3).flat_map(|_| update(&mut screen, key(KeyCode::PageDown))).collect();
    assert_eq!(asked, [Effect::ReadLines("g2".into(), Part::After(cursor(79)))]);
    let newer: Vec<Value> = (80..90).map(|number| old(number, &format!("line {number}"))).collect();
    let (page, part) = (json!({ "items": newer, "prev": cursor(80) }), Part::After(cursor(79)));
    update(&mut screen, Input::Told(Told::Lines { group: "g2".into(), page, part }));
    let room = screen.room().unwrap();
    assert_eq!((room.lines.len(), room.is_cut, room.older.clone()), (70, false, Some(cursor(20))));
    // Back: first nothing is chosen any more, then the newest line.
    update(&mut screen, key(KeyCode::Esc));
    update(&mut screen, key(KeyCode::Esc));
    assert_eq!(screen.room().unwrap().anchor, Anchor::End);
    assert!(screen.room().unwrap().lines.len() <= LINES_MAX);
}

#[test]
fn tu_03_a_slash_finds_where_it_could_not_be_typed_and_begins_a_command_where_it_can() {
    let mut screen = harbour((80, 24), PLAIN);
    update(&mut screen, with(KeyModifiers::SHIFT, KeyCode::Up));
    update(&mut screen, key(KeyCode::Char('/')));
    assert!(matches!(screen.panel, Some(Panel::Search(_))));
    update(&mut screen, key(KeyCode::Esc));
    update(&mut screen, key(KeyCode::Esc));
    types(&mut screen, "/find");
    assert_eq!(update(&mut screen, key(KeyCode::Enter)), []);
    assert!(matches!(screen.panel, Some(Panel::Search(_))));
}
