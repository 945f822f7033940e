//! What a person sees who simply types `coterie`, on a real terminal (R-22, QR-3, DG-1).

use coterie_tests::cluster::Person;
use coterie_tests::terminal::{ROWS, Terminal, rows};

#[test]
fn r_22_the_first_start_asks_a_name_starts_the_node_and_says_what_to_do_on_one_screen() {
    let ana = Person::without_identity("Ana");
    let mut first = Terminal::start(ana.command(&[]));
    first.shows("What should people call you?");
    first.types("Ana");
    let (code, screen) = first.ends();
    assert_eq!(code, Some(0), "{screen}");
    for next in ["coterie group create", "coterie invite create", "coterie join LINK", "coterie --help", "coterie down"]
    {
        assert!(screen.contains(next), "{next} is a next step: {screen}");
    }
    assert!(rows(&screen) < ROWS, "one screen: {screen}");
    assert_eq!(ana.json(&["status"])["state"], "alone", "the node goes on in the background");
    assert_eq!(ana.json(&["identity", "show"])["name"], "Ana");

    ana.ok(&["group", "create", "Harbour"]);
    let (code, screen) = Terminal::start(ana.command(&[])).ends();
    assert_eq!(code, Some(0), "{screen}");
    assert!(screen.contains("Harbour") && screen.contains("coterie send"), "status and next steps: {screen}");
    assert!(!screen.contains("What should people call you?"), "{screen}");

    ana.ok(&["down"]);
    let (code, screen) = Terminal::start(ana.command(&[])).ends();
    assert_eq!((code, ana.run(&["status"]).code), (Some(0), 0), "a stopped node is started: {screen}");
}

#[test]
fn a_name_that_cannot_be_one_is_asked_for_again() {
    let ana = Person::without_identity("Ana");
    let mut first = Terminal::start(ana.command(&["init"]));
    first.shows("call you?");
    first.types("");
    first.shows("A name has 1 to 64 bytes.");
    first.types("  Ana ");
    let (code, screen) = first.ends();
    assert!(code == Some(0) && screen.contains("Hello, Ana."), "{screen}");
}

#[test]
fn qr_03_the_code_and_the_words_round_it_fill_a_window_of_80_by_24_at_most() {
    let ana = Person::online("Ana");
    ana.ok(&["group", "create", "Harbour"]);
    let (code, screen) = Terminal::start(ana.command(&["invite", "create", "--uses", "3"])).ends();
    assert_eq!(code, Some(0), "{screen}");
    let link = screen.lines().next().unwrap_or_default();
    assert!(link.starts_with("COTERIE:J/"), "{screen}");
    let rest = screen.split_once('\n').map(|(_, rest)| rest).unwrap_or_default();
    let drawn = rest.lines().filter(|line| line.chars().any(|c| "█▀▄".contains(c))).count();
    assert!((16..=21).contains(&drawn), "the code is there: {screen}");
    assert!(rows(rest) < ROWS, "the prompt below it leaves the whole code in the window: {screen}");
    let piped = ana.ok(&["invite", "create"]);
    assert_eq!(piped.out.lines().count(), 1, "the link alone: {piped:?}");
    assert!(!piped.err.contains('█'), "no code where nobody can scan it: {piped:?}");
}

#[test]
fn dg_01_enter_alone_never_does_what_cannot_be_undone() {
    let ana = Person::online("Ana");
    ana.ok(&["group", "create", "Harbour"]);
    let mut leave = Terminal::start(ana.command(&["leave"]));
    leave.shows("[y/N]");
    leave.types("");
    let (code, screen) = leave.ends();
    assert_eq!(code, Some(1), "{screen}");
    assert_eq!(ana.json(&["group", "info"])["state"], "member");
    let mut leave = Terminal::start(ana.command(&["leave"]));
    leave.shows("[y/N]");
    leave.types("y");
    let (code, screen) = leave.ends();
    assert!(code == Some(0) && screen.contains("You left Harbour."), "{screen}");
}
