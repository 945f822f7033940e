//! What is done to a chosen message, and how it looks afterwards.

use super::super::state::About;
use super::*;

/// Ben's first message, chosen.
fn with_chosen(line: Value) -> Screen {
    let mut screen = talk((80, 24), PLAIN, &[line]);
    update(&mut screen, with(KeyModifiers::SHIFT, KeyCode::Up));
    assert_eq!(screen.focus, Focus::Timeline);
    screen
}

#[test]
fn tu_06_r_answers_the_chosen_message_and_esc_thinks_better_of_it() {
    let mut screen = with_chosen(message(1, ("ben", "Ben"), "14:02", "The dredger left at dawn."));
    assert_eq!(update(&mut screen, key(KeyCode::Char('r'))), []);
    types(&mut screen, "really?");
    assert!(drawn(&screen).contains("Answer to Ben"), "{}", drawn(&screen));
    let sent =
        Effect::Send { group: "g1".into(), text: "really?".into(), about: Some(About::Reply { message: "m1".into() }) };
    assert_eq!(update(&mut screen, key(KeyCode::Enter)), [sent]);
    update(&mut screen, with(KeyModifiers::SHIFT, KeyCode::Up));
    update(&mut screen, key(KeyCode::Char('r')));
    types(&mut screen, "no");
    update(&mut screen, key(KeyCode::Esc));
    let sent = Effect::Send { group: "g1".into(), text: "no".into(), about: None };
    assert_eq!(update(&mut screen, key(KeyCode::Enter)), [sent], "what was typed stays");
}

#[test]
fn tu_06_e_changes_an_own_message_and_what_was_being_written_comes_back() {
    let mut screen = with_chosen(message(1, ("ben", "Ben"), "14:02", "Not mine."));
    update(&mut screen, key(KeyCode::Char('e')));
    assert!(matches!(screen.notice, Some(Notice::Bad(_))), "somebody else's");
    let mut screen = talk((80, 24), PLAIN, &[message(1, ("ana", "Ana"), "14:02", "at noon")]);
    types(&mut screen, "half a thought");
    update(&mut screen, with(KeyModifiers::SHIFT, KeyCode::Up));
    update(&mut screen, key(KeyCode::Char('e')));
    update(&mut screen, key(KeyCode::Backspace));
    types(&mut screen, "n, I think");
    let about = Some(About::Edit { message: "m1".into() });
    let change = Effect::Send { group: "g1".into(), text: "at noon, I think".into(), about };
    assert_eq!(update(&mut screen, key(KeyCode::Enter)), [change]);
    assert_eq!(screen.room().unwrap().draft.lines(), ["half a thought"]);
    // It was not taken: the change is in the box once more, and what was being written waits behind it.
    let why = crate::error::Diagnostic::new("disk_full", 7, "not saved", "the disk is full");
    let (group, text, about) = ("g1".into(), "at noon, I think".into(), Some(About::Edit { message: "m1".into() }));
    update(&mut screen, Input::Told(Told::NotSent { group, text, about, why }));
    assert_eq!(screen.room().unwrap().draft.lines(), ["at noon, I think"]);
    update(&mut screen, key(KeyCode::Esc));
    assert_eq!(screen.room().unwrap().draft.lines(), ["half a thought"]);
}

#[test]
fn an_answer_that_could_not_be_sent_is_an_answer_still() {
    let mut screen = talk((80, 24), PLAIN, &[message(1, ("ben", "Ben"), "14:02", "The dredger left at dawn.")]);
    let why = crate::error::Diagnostic::new("disk_full", 7, "not saved", "the disk is full");
    let about = Some(About::Reply { message: "m1".into() });
    let told = Told::NotSent { group: "g1".into(), text: "really?".into(), about: about.clone(), why };
    update(&mut screen, Input::Told(told));
    assert!(drawn(&screen).contains("Answer to Ben"), "{}", drawn(&screen));
    let again = Effect::Send { group: "g1".into(), text: "really?".into(), about };
    assert_eq!(update(&mut screen, key(KeyCode::Enter)), [again]);
}

#[test]
fn tu_06_plus_sets_an_emoji_and_takes_back_ones_own() {
    let mut line = message(1, ("ben", "Ben"), "14:02", "We won.");
    line["reactions"] = json!([{ "emoji": "🎉", "count": 2, "mine": true, "by": [] }]);
    let mut screen = with_chosen(line);
    assert!(drawn(&screen).contains("🎉 2"), "{}", drawn(&screen));
    for (typed, done) in [("1", Done::React("👍")), ("tada", Done::NoEmoji("🎉"))] {
        update(&mut screen, key(KeyCode::Char('+')));
        types(&mut screen, typed);
        let asked = Effect::Do { group: "g1".into(), message: "m1".into(), done };
        assert_eq!(update(&mut screen, key(KeyCode::Enter)), [asked]);
    }
}

#[test]
fn tu_06_deleting_asks_first_and_pinning_does_not() {
    let mut screen = with_chosen(message(1, ("ana", "Ana"), "14:02", "oops"));
    update(&mut screen, key(KeyCode::Char('d')));
    assert!(drawn(&screen).contains("What somebody has read or copied stays with them."));
    assert_eq!(update(&mut screen, key(KeyCode::Char('x'))), []);
    let gone = Effect::Do { group: "g1".into(), message: "m1".into(), done: Done::Delete };
    assert_eq!(update(&mut screen, key(KeyCode::Enter)), [gone]);
    let pin = Effect::Do { group: "g1".into(), message: "m1".into(), done: Done::Pin };
    assert_eq!(update(&mut screen, key(KeyCode::Char('p'))), [pin]);
    let mut told = message(1, ("ana", "Ana"), "14:02", "");
    told["kind"] = json!("deleted");
    told["deleted_by"] = told["author"].clone();
    update(&mut screen, Input::Told(Told::Done(json!({ "message": told, "outbox": null }))));
    assert!(drawn(&screen).contains("deleted") && !drawn(&screen).contains("oops"));
}

#[test]
fn tu_07_answers_edits_pins_and_emojis_stand_beside_the_words() {
    let mut answer = message(2, ("ana", "Ana"), "14:03", "At dawn, I think.");
    answer["reply_to"] =
        json!({ "id": "m1", "kind": "text", "author": { "name": "Ben" }, "text": "When did it leave?\nsay" });
    answer["edited"] = json!("2026-11-21T14:04:00Z");
    answer["pinned"] = json!(true);
    answer["reactions"] = json!([{ "emoji": "👍", "count": 3, "mine": false, "by": [] }]);
    let first = message(1, ("ben", "Ben"), "14:02", "When did it leave?");
    insta::assert_snapshot!("conversation", drawn(&talk((80, 24), PLAIN, &[first.clone(), answer.clone()])));
    insta::assert_snapshot!("conversation-ascii", drawn(&talk((40, 12), ASCII, &[first, answer])));
}
