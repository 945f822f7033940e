//! The screen without a terminal: keys and words from the node go in, what is asked for and what is drawn comes out.

use jiff::tz::TimeZone;
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use serde_json::{Value, json};

use super::state::{Anchor, Colour, Focus, Look, Marks, Notice, Panel, Screen};
use super::update::{Done, Effect, Input, Part, Told, update};
use super::view;

const PLAIN: Look = Look { colour: Colour::Off, marks: Marks::Unicode };
const ASCII: Look = Look { colour: Colour::Off, marks: Marks::Ascii };

fn key(code: KeyCode) -> Input {
    Input::Key(KeyEvent::new(code, KeyModifiers::NONE))
}

fn with(modifiers: KeyModifiers, code: KeyCode) -> Input {
    Input::Key(KeyEvent::new(code, modifiers))
}

fn types(screen: &mut Screen, words: &str) {
    for c in words.chars() {
        assert_eq!(update(screen, key(KeyCode::Char(c))), []);
    }
}

fn tell(screen: &mut Screen, kind: &str, data: Value) -> Vec<Effect> {
    update(screen, Input::Told(Told::Event { kind: kind.into(), data }))
}

/// An id as the node spells it: 16 bytes in base32, this number in front.
fn cursor(number: u8) -> String {
    let mut bytes = [0; 16];
    bytes[0] = number;
    coterie_node::api::types::spell_id(&bytes)
}

fn message(number: u8, who: (&str, &str), at: &str, text: &str) -> Value {
    json!({
        "id": format!("m{number}"), "group": "g1", "author": { "id": who.0, "name": who.1, "role": "member", "seat": 1 },
        "at": format!("2026-11-21T{at}:00Z"), "kind": "text", "text": text, "counts": true, "cursor": cursor(number),
    })
}

fn groups() -> Value {
    let group = |id: &str, name: &str, seated: u64, online: u64| {
        json!({
            "id": id, "name": name, "me": "ana", "state": "member", "seats": { "occupied": seated }, "online": online,
            "waiting": { "messages": 0 },
        })
    };
    json!({ "items": [group("g1", "Harbour", 31, 12), group("g2", "Field desk", 7, 0)] })
}

fn people() -> Value {
    let person = |id: &str, name: &str, role: &str, seat: u64, online: bool| json!({ "id": id, "name": name, "role": role, "seat": seat, "online": online, "me": id == "ana" });
    json!({ "items": [
        person("ana", "Ana", "founder", 0, false),
        person("ben", "Ben", "member", 1, true),
        person("cy", "Cy", "admin", 2, false),
    ] })
}

/// The first event, in the form of EV-2.
fn hello(sentence: &str) -> Value {
    json!({ "schema": "coterie.hello/1", "position": "1.1", "status": { "sentence": sentence } })
}

/// A group of three with a morning's talk.
fn harbour(size: (u16, u16), look: Look) -> Screen {
    let mut own = message(3, ("ana", "Ana"), "14:06", "North quay, berth 4. Bring the long lens, the light is good.");
    own["author"]["role"] = json!("founder");
    own["delivery"] = json!({ "state": "sent", "reached": 28, "due": 30 });
    let lines = [
        message(1, ("ben", "Ben"), "14:02", "The dredger left at dawn."),
        message(2, ("ben", "Ben"), "14:05", "From which quay? @ana #harbour"),
        own,
    ];
    talk(size, look, &lines)
}

fn talk(size: (u16, u16), look: Look, lines: &[Value]) -> Screen {
    let mut screen = Screen::new(size, look, TimeZone::UTC);
    let effects = update(&mut screen, Input::Told(Told::Groups(groups())));
    assert_eq!(effects, [Effect::ReadLines("g1".into(), Part::Newest), Effect::ReadPeople("g1".into())]);
    let page = json!({ "items": lines });
    update(&mut screen, Input::Told(Told::Lines { group: "g1".into(), page, part: Part::Newest }));
    update(&mut screen, Input::Told(Told::People { group: "g1".into(), page: people() }));
    assert_eq!(tell(&mut screen, "hello", hello("Online. 12 members in reach.")), []);
    screen
}

fn drawn(screen: &Screen) -> String {
    let mut terminal = Terminal::new(TestBackend::new(screen.size.0, screen.size.1)).unwrap();
    terminal.draw(|frame| view::draw(screen, frame)).unwrap();
    let buffer = terminal.backend().buffer().clone();
    let rows = buffer.content.chunks(usize::from(screen.size.0));
    let text = |row: &[ratatui::buffer::Cell]| {
        // A wide character takes two cells; the second is empty.
        let mut line = String::new();
        let mut skip = 0;
        for cell in row {
            if skip > 0 {
                skip -= 1;
                continue;
            }
            line.push_str(cell.symbol());
            skip = crate::text::width(cell.symbol()).saturating_sub(1);
        }
        line.trim_end().to_owned()
    };
    rows.map(text).collect::<Vec<_>>().join("\n")
}

#[test]
fn tu_01_three_panes_two_panes_one_pane_and_a_sentence() {
    insta::assert_snapshot!("120x40", drawn(&harbour((120, 40), PLAIN)));
    insta::assert_snapshot!("80x24", drawn(&harbour((80, 24), PLAIN)));
    insta::assert_snapshot!("40x12", drawn(&harbour((40, 12), PLAIN)));
    insta::assert_snapshot!("39x12", drawn(&harbour((39, 12), PLAIN)));
    insta::assert_snapshot!("80x24-ascii", drawn(&harbour((80, 24), ASCII)));
}

#[test]
fn tu_08_emoji_wide_and_right_to_left_words_keep_their_place() {
    let lines = [
        message(
            1,
            ("ben", "Бен"),
            "09:00",
            "漢字のメッセージ、とても長いので折り返されます。漢字のメッセージ、とても長いので。",
        ),
        message(2, ("cy", "🙂 Cy"), "09:10", "👨‍👩‍👧 family, 🇳🇱 flag, e\u{301} accent"),
        message(3, ("dov", "דב"), "09:20", "שלום לכולם, מה שלומכם?"),
    ];
    insta::assert_snapshot!("80x24-scripts", drawn(&talk((80, 24), PLAIN, &lines)));
}

#[test]
fn the_first_screen_says_what_can_be_done() {
    let mut screen = Screen::new((80, 24), PLAIN, TimeZone::UTC);
    assert!(!drawn(&screen).contains("no group yet"), "nothing is said before it is known");
    assert_eq!(update(&mut screen, Input::Told(Told::Groups(json!({ "items": [] })))), []);
    insta::assert_snapshot!("80x24-empty", drawn(&screen));
    update(&mut screen, key(KeyCode::Char('n')));
    types(&mut screen, "Harbour");
    insta::assert_snapshot!("80x24-found", drawn(&screen));
    assert_eq!(update(&mut screen, key(KeyCode::Enter)), [Effect::Found("Harbour".into())]);
    assert!(screen.panel.is_some(), "what was typed stays until the node has said yes");
}

#[test]
fn enter_sends_what_was_typed_and_the_box_is_empty() {
    let mut screen = harbour((80, 24), PLAIN);
    types(&mut screen, "Good morning, @ben #now");
    update(&mut screen, with(KeyModifiers::ALT, KeyCode::Enter));
    types(&mut screen, "two lines");
    let sent = Effect::Send { group: "g1".into(), text: "Good morning, @ben #now\ntwo lines".into(), about: None };
    assert_eq!(update(&mut screen, key(KeyCode::Enter)), [sent]);
    assert!(screen.room().unwrap().draft.is_empty());
    assert_eq!(update(&mut screen, key(KeyCode::Enter)), [], "nothing is not sent");
}

#[test]
fn what_could_not_be_said_goes_back_into_the_box() {
    let mut screen = harbour((80, 24), PLAIN);
    types(&mut screen, "hello");
    update(&mut screen, key(KeyCode::Enter));
    let why = crate::error::Diagnostic::new("disk_full", 7, "not saved", "the disk is full");
    update(&mut screen, Input::Told(Told::NotSent { group: "g1".into(), text: "hello".into(), about: None, why }));
    assert_eq!(screen.room().unwrap().draft.lines(), ["hello"]);
    assert!(drawn(&screen).contains("not saved: the disk is full"));
    // Something else was begun meanwhile.
    let why = crate::error::Diagnostic::new("disk_full", 7, "not saved", "the disk is full");
    update(&mut screen, Input::Told(Told::NotSent { group: "g1".into(), text: "first".into(), about: None, why }));
    assert_eq!(screen.room().unwrap().draft.lines(), ["first", "hello"]);
}

#[test]
fn tu_04_a_slash_is_a_command_two_are_a_slash_and_a_wrong_word_is_not_sent() {
    let mut screen = harbour((80, 24), PLAIN);
    types(&mut screen, "//srv/share");
    assert_eq!(
        update(&mut screen, key(KeyCode::Enter)),
        [Effect::Send { group: "g1".into(), text: "/srv/share".into(), about: None }]
    );
    types(&mut screen, "/dance");
    assert_eq!(update(&mut screen, key(KeyCode::Enter)), []);
    assert_eq!(screen.room().unwrap().draft.lines(), ["/dance"], "nothing typed is lost");
    assert!(matches!(&screen.notice, Some(Notice::Bad(why)) if why.what == "there is no /dance"));
    for _ in 0.."/dance".len() {
        update(&mut screen, key(KeyCode::Backspace));
    }
    types(&mut screen, "/invite");
    assert_eq!(update(&mut screen, key(KeyCode::Enter)), [Effect::Invite("g1".into())]);
}

#[test]
fn tu_05_pasted_lines_are_never_sent_and_a_link_offers_to_join() {
    let mut screen = harbour((80, 24), PLAIN);
    assert_eq!(update(&mut screen, Input::Paste("one\r\ntwo\n".into())), []);
    assert_eq!(screen.room().unwrap().draft.lines(), ["one", "two", ""]);
    assert_eq!(update(&mut screen, Input::Paste("coterie:join/abc\n".into())), []);
    assert!(matches!(screen.panel, Some(Panel::Ask { .. })));
    assert_eq!(update(&mut screen, key(KeyCode::Enter)), [Effect::Join("coterie:join/abc".into())]);
}

#[test]
fn a_join_is_agreed_to_only_after_the_group_was_shown() {
    let mut screen = harbour((80, 24), PLAIN);
    let join = |state: &str| json!({ "id": "j1", "state": state, "sentence": "…", "preview": { "group": "Dr. X", "members": 9 } });
    update(&mut screen, Input::Told(Told::Joining(join("searching"))));
    assert_eq!(tell(&mut screen, "join", join("asking")), []);
    insta::assert_snapshot!("80x24-preview", drawn(&screen));
    assert_eq!(update(&mut screen, key(KeyCode::Enter)), [Effect::Agree("j1".into())]);
    assert_eq!(tell(&mut screen, "join", join("asking")), []);
    assert!(screen.panel.is_none(), "it is asked once");
    let mut seated = join("seated");
    seated["group"] = json!("g3");
    assert_eq!(tell(&mut screen, "join", seated), [Effect::ReadGroups]);
    assert_eq!(screen.open.as_deref(), Some("g3"), "the new group is looked at");
    // Somebody else's join, begun at another face, opens nothing here.
    assert_eq!(tell(&mut screen, "join", join("asking")), [Effect::ReadGroups]);
    assert!(screen.panel.is_none());
}

#[test]
fn tu_11_lines_that_come_never_move_the_view() {
    let lines: Vec<Value> = (1..=60).map(|n| message(n, ("ben", "Ben"), "10:00", &format!("line {n}"))).collect();
    let mut screen = talk((80, 24), PLAIN, &lines);
    assert!(drawn(&screen).contains("line 60"));
    update(&mut screen, key(KeyCode::PageUp));
    let body = |screen: &Screen| drawn(screen).lines().skip(1).take(19).map(str::to_owned).collect::<Vec<_>>();
    let before = body(&screen);
    assert!(!before.concat().contains("line 60"));
    tell(&mut screen, "message", message(61, ("cy", "Cy"), "10:01", "news"));
    assert_eq!(body(&screen)[..18], before[..18]);
    assert!(drawn(&screen).contains("newer"));
    update(&mut screen, key(KeyCode::PageDown));
    update(&mut screen, key(KeyCode::PageDown));
    assert_eq!(screen.room().unwrap().anchor, Anchor::End);
    assert!(drawn(&screen).contains("news"));
    for _ in 0..20 {
        update(&mut screen, key(KeyCode::PageUp));
    }
    let top = drawn(&screen);
    assert!(top.contains("Saturday 21 November") && top.contains("line 16"), "the first screen is full:\n{top}");
}

#[test]
fn the_page_before_is_fetched_once_when_the_view_comes_near_it() {
    let lines: Vec<Value> = (101..=160).map(|n| message(n, ("ben", "Ben"), "10:00", &format!("line {n}"))).collect();
    let mut screen = talk((80, 24), PLAIN, &[]);
    let page = json!({ "items": lines, "prev": cursor(101) });
    update(&mut screen, Input::Told(Told::Lines { group: "g1".into(), page, part: Part::Newest }));
    let mut asked = Vec::new();
    for _ in 0..6 {
        asked.extend(update(&mut screen, key(KeyCode::PageUp)));
    }
    let before = Part::Before(cursor(101));
    assert_eq!(asked, [Effect::ReadLines("g1".into(), before.clone())]);
    let older: Vec<Value> = (41..=100).map(|n| message(n, ("ben", "Ben"), "09:00", &format!("line {n}"))).collect();
    let shown = drawn(&screen);
    update(&mut screen, Input::Told(Told::Lines { group: "g1".into(), page: json!({ "items": older }), part: before }));
    let keys: Vec<&str> = screen.room().unwrap().lines.iter().map(|line| line.key.as_str()).collect();
    assert_eq!((keys.len(), keys[0], keys[119]), (120, "m41", "m160"));
    // The day line went up with the first line of the day; nothing else has moved.
    assert!(drawn(&screen).lines().rev().take(15).eq(shown.lines().rev().take(15)));
}

#[test]
fn tu_12_a_long_day_at_the_screen_keeps_a_bounded_number_of_lines() {
    let many = |range: std::ops::Range<u64>| -> Value {
        let line = |n: u64| {
            let mut line = message(0, ("ben", "Ben"), "10:00", &format!("line {n}"));
            let mut place = [0; 16];
            place[..8].copy_from_slice(&n.to_be_bytes());
            (line["id"], line["cursor"]) = (json!(format!("m{n}")), json!(coterie_node::api::types::spell_id(&place)));
            line
        };
        range.map(line).collect()
    };
    let most = super::state::LINES_MAX as u64;
    let mut screen = talk((80, 24), PLAIN, &[]);
    for line in many(10_000..10_000 + most + 50).as_array().unwrap() {
        tell(&mut screen, "message", line.clone());
    }
    assert_eq!(screen.room().unwrap().lines.len() as u64, most);
    assert!(screen.room().unwrap().older.is_some(), "what was let go can be read again");
    // Far back, newer lines go instead, and come again at the end.
    update(&mut screen, key(KeyCode::PageUp));
    let (page, part) = (json!({ "items": many(9_900..10_050) }), Part::Before("x".into()));
    update(&mut screen, Input::Told(Told::Lines { group: "g1".into(), page, part }));
    let room = screen.room().unwrap();
    assert!(room.lines.len() as u64 == most && room.is_cut && room.lines[0].key == "m9900");
    tell(&mut screen, "message", many(99_999..100_000)[0].clone());
    assert_eq!(screen.room().unwrap().lines.len() as u64, most, "there would be a hole before it");
    assert_eq!(update(&mut screen, key(KeyCode::Esc)), [Effect::ReadLines("g1".into(), Part::Newest)]);
}

#[test]
fn what_comes_late_stands_in_its_place_and_what_comes_twice_stands_once() {
    let lines = [message(10, ("ben", "Ben"), "10:00", "ten"), message(30, ("ben", "Ben"), "10:02", "thirty")];
    let mut screen = talk((80, 24), PLAIN, &lines);
    for _ in 0..2 {
        tell(&mut screen, "message", message(20, ("cy", "Cy"), "10:01", "twenty"));
    }
    let keys: Vec<String> = screen.room().unwrap().lines.iter().map(|line| line.key.clone()).collect();
    assert_eq!(keys, ["m10", "m20", "m30"]);
    let mut gone = message(20, ("cy", "Cy"), "10:01", "twenty");
    gone["counts"] = json!(false);
    tell(&mut screen, "message_changed", gone);
    assert_eq!(screen.room().unwrap().lines.len(), 2, "what doesn't count any more is hidden");
}

#[test]
fn words_in_another_group_ring_and_are_counted_until_it_is_looked_at() {
    let mut screen = harbour((80, 24), PLAIN);
    let mut elsewhere = message(9, ("ben", "Ben"), "15:00", "over here");
    elsewhere["group"] = json!("g2");
    assert_eq!(tell(&mut screen, "message", elsewhere), [Effect::Bell]);
    assert_eq!(screen.groups[1].unread, 1);
    let effects = update(&mut screen, with(KeyModifiers::ALT, KeyCode::Char('a')));
    assert_eq!(effects[0], Effect::ReadLines("g2".into(), Part::Newest));
    assert_eq!((screen.open.as_deref(), screen.groups[1].unread), (Some("g2"), 0));
}

#[test]
fn cv_11_a_muted_group_is_counted_and_does_not_ring_and_its_warnings_are_shown() {
    let mut screen = harbour((80, 24), PLAIN);
    let mut page = groups();
    page["items"][1]["muted"] = json!(true);
    update(&mut screen, Input::Told(Told::Groups(page)));
    let mut elsewhere = message(9, ("ben", "Ben"), "15:00", "over here");
    elsewhere["group"] = json!("g2");
    assert_eq!(tell(&mut screen, "message", elsewhere), []);
    assert_eq!(screen.groups[1].unread, 1);
    tell(&mut screen, "alert", json!({ "group": "g2", "what": "w", "why": "y", "try": ["t"] }));
    assert!(matches!(screen.notice, Some(Notice::Bad(_))), "a warning is a warning");
    update(&mut screen, Input::Told(Told::Groups(groups())));
    let mut again = message(10, ("ben", "Ben"), "15:01", "and here");
    again["group"] = json!("g2");
    assert_eq!(tell(&mut screen, "message", again), [Effect::Bell], "it ended");
}

#[test]
fn delivery_grows_on_the_line_and_a_queued_one_becomes_a_message() {
    let mut screen = harbour((80, 24), PLAIN);
    let mut queued = message(0, ("ana", "Ana"), "15:00", "later");
    (queued["id"], queued["cursor"], queued["outbox"]) = (Value::Null, Value::Null, json!("o1"));
    queued["delivery"] = json!({ "state": "queued", "reached": 0, "due": 0 });
    update(&mut screen, Input::Told(Told::Sent(queued)));
    assert_eq!(screen.room().unwrap().lines.last().unwrap().key, "o1");
    tell(&mut screen, "outbox", json!({ "id": "o1", "group": "g1", "message": "m9" }));
    let mut sealed = message(9, ("ana", "Ana"), "15:00", "later");
    sealed["delivery"] = json!({ "state": "saved", "reached": 0, "due": 2 });
    tell(&mut screen, "message", sealed);
    assert!(drawn(&screen).contains("only here"));
    tell(
        &mut screen,
        "delivery",
        json!({ "group": "g1", "message": "m9", "delivery": { "state": "all", "reached": 2, "due": 2 } }),
    );
    assert!(drawn(&screen).contains("✓✓ all"));
}

#[test]
fn a_chosen_line_can_be_copied_and_esc_goes_back() {
    let mut screen = harbour((80, 24), PLAIN);
    update(&mut screen, with(KeyModifiers::SHIFT, KeyCode::Up));
    update(&mut screen, with(KeyModifiers::SHIFT, KeyCode::Up));
    assert_eq!(screen.focus, Focus::Timeline);
    let copied = update(&mut screen, with(KeyModifiers::CONTROL, KeyCode::Char('y')));
    assert_eq!(copied, [Effect::Copy("From which quay? @ana #harbour".into())]);
    update(&mut screen, key(KeyCode::Esc));
    assert_eq!((screen.focus, screen.room().unwrap().chosen.clone()), (Focus::Composer, None));
}

#[test]
fn every_panel_opens_fits_and_is_left_by_esc() {
    let mut screen = harbour((80, 24), PLAIN);
    update(&mut screen, key(KeyCode::F(1)));
    insta::assert_snapshot!("80x24-keys", drawn(&screen));
    update(&mut screen, key(KeyCode::Esc));
    update(&mut screen, with(KeyModifiers::CONTROL, KeyCode::Char('k')));
    types(&mut screen, "fie");
    insta::assert_snapshot!("80x24-jump", drawn(&screen));
    let effects = update(&mut screen, key(KeyCode::Enter));
    assert_eq!((screen.open.as_deref(), effects.len()), (Some("g2"), 2));
    let short = "COTERIE:J/KVKVKVKVKVKVKVKVKVKVKVKVKVKVKVKVKVKVKVKVKVKVKVKVKVKWMZTGMZTGMZTGMZTGMZTGMZTGMIFD";
    let invite =
        json!({ "link": "coterie:join/abcdefghijklmnop", "short_link": short, "expires": "2026-11-22T14:00:00Z" });
    screen.size = (120, 40);
    let group =
        json!({ "name": "Harbour", "notice": "Name a second organiser. If this computer is lost, so are you." });
    update(&mut screen, Input::Told(Told::Link { group, invite }));
    let shown = drawn(&screen);
    assert!(shown.contains('█') && shown.contains("This lets somebody into Harbour"), "the code is there");
    assert!(shown.contains("Name a second organiser. ") && shown.contains("so are you."), "{shown}");
    update(&mut screen, key(KeyCode::Esc));
    assert!(screen.panel.is_none());
}

#[test]
fn tx_01_no_control_byte_of_a_peer_reaches_the_screen() {
    let lines = [message(1, ("ben", "B\u{1b}]0;owned\u{7}en"), "10:00", "a\u{1b}[2Jb\u{202e}c\u{200b}d\u{9b}31m")];
    let screen = talk((80, 24), PLAIN, &lines);
    let shown = drawn(&screen);
    assert!(shown.chars().all(|c| c == '\n' || !c.is_control()) && !shown.contains('\u{202e}'), "{shown:?}");
    assert!(shown.contains("a\u{fffd}[2Jb\u{fffd}c"));
}

#[test]
fn two_times_ctrl_c_quits_and_once_does_not() {
    let mut screen = harbour((80, 24), PLAIN);
    let ctrl_c = || with(KeyModifiers::CONTROL, KeyCode::Char('c'));
    assert_eq!(update(&mut screen, ctrl_c()), []);
    types(&mut screen, "x");
    assert_eq!(update(&mut screen, ctrl_c()), []);
    assert_eq!(update(&mut screen, ctrl_c()), [Effect::Quit]);
}

#[test]
fn after_a_reset_all_is_read_again_and_what_was_being_written_stays() {
    let mut screen = harbour((80, 24), PLAIN);
    types(&mut screen, "half a thou");
    let effects = tell(&mut screen, "reset", json!({}));
    assert!(effects.contains(&Effect::ReadGroups) && effects.contains(&Effect::ReadLines("g1".into(), Part::Newest)));
    assert_eq!(screen.room().unwrap().draft.lines(), ["half a thou"]);
}

#[test]
fn words_do_not_stay_on_the_screen_of_a_locked_identity() {
    let mut screen = harbour((80, 24), PLAIN);
    let why = crate::error::Diagnostic::new("locked", 8, "your identity is locked", "its passphrase is needed");
    assert_eq!(update(&mut screen, Input::Told(Told::Locked(why.clone()))), [Effect::GiveUp(why)]);
}

#[test]
fn a_node_that_was_away_is_said_and_what_happened_meanwhile_is_read_when_it_is_back() {
    let mut screen = harbour((80, 24), PLAIN);
    update(&mut screen, Input::Told(Told::Lost));
    assert!(drawn(&screen).contains("The node doesn't answer"));
    let effects = tell(&mut screen, "hello", hello("Online."));
    assert!(effects.contains(&Effect::ReadLines("g1".into(), Part::Newest)), "{effects:?}");
    assert!(!drawn(&screen).contains("doesn't answer"));
    assert_eq!(tell(&mut screen, "hello", hello("Online.")), [], "nothing is read without a reason");
}

#[test]
fn drawing_any_size_never_panics() {
    for columns in [1, 5, 39, 40, 41, 79, 80, 109, 110, 300] {
        for rows in [1, 3, 11, 12, 13, 24, 100] {
            let mut screen = harbour((columns, rows), PLAIN);
            drop(drawn(&screen));
            for open in [KeyCode::F(1), KeyCode::F(2), KeyCode::F(3)] {
                update(&mut screen, key(open));
                drop(drawn(&screen));
                update(&mut screen, key(KeyCode::PageUp));
                update(&mut screen, key(KeyCode::Esc));
            }
        }
    }
}

/// The page of screens for people who want to see before they try. `COTERIE_WRITE=1 cargo test -p coterie gallery` makes
/// it anew.
#[test]
fn the_gallery_shows_the_screens_as_they_are() {
    let mut page =
        "# Screens\n\nMade by a test (`COTERIE_WRITE=1 cargo test -p coterie gallery`), so this is how they look.\n"
            .to_owned();
    let mut show =
        |title: &str, screen: &Screen| page.push_str(&format!("\n## {title}\n\n```text\n{}\n```\n", drawn(screen)));
    show("A group, on a wide terminal", &harbour((120, 30), PLAIN));
    show("The same on 80 by 24", &harbour((80, 24), PLAIN));
    show("On a telephone's terminal, 40 by 12", &harbour((40, 12), PLAIN));
    show("Without Unicode", &harbour((80, 24), ASCII));
    let mut keys = harbour((80, 24), PLAIN);
    update(&mut keys, key(KeyCode::F(1)));
    show("The keys", &keys);
    let mut empty = Screen::new((80, 14), PLAIN, TimeZone::UTC);
    update(&mut empty, Input::Told(Told::Groups(json!({ "items": [] }))));
    show("The first start", &empty);
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/screens.md");
    if std::env::var_os("COTERIE_WRITE").is_some() {
        std::fs::create_dir_all(concat!(env!("CARGO_MANIFEST_DIR"), "/docs")).unwrap();
        std::fs::write(path, &page).unwrap();
    }
    assert_eq!(std::fs::read_to_string(path).unwrap(), page, "the page is out of date: see above");
}

mod chosen;
mod finding;
