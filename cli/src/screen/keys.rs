//! Which key does what: one table, which the screen obeys and the help shows (TU-3).

use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

/// What a key asks for, where it is not simply typed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    Send,
    NewLine,
    Previous,
    Next,
    NextUnread,
    Jump,
    Search,
    PageUp,
    PageDown,
    Newest,
    ChooseUp,
    ChooseDown,
    Back,
    Copy,
    Info,
    Reply,
    Edit,
    React,
    Pin,
    Delete,
    Invite,
    Join,
    Found,
    Pane,
    Groups,
    Members,
    Help,
    Quit,
}

/// A key, how it is written, and what it does.
pub struct Key {
    code: KeyCode,
    with: KeyModifiers,
    pub action: Action,
    /// As the help writes it; empty: a second key for the same.
    pub name: &'static str,
    pub what: &'static str,
}

const fn key(code: KeyCode, with: KeyModifiers, action: Action, name: &'static str, what: &'static str) -> Key {
    Key { code, with, action, name, what }
}

const NONE: KeyModifiers = KeyModifiers::NONE;
const CTRL: KeyModifiers = KeyModifiers::CONTROL;
const ALT: KeyModifiers = KeyModifiers::ALT;
const SHIFT: KeyModifiers = KeyModifiers::SHIFT;

/// All of them. Letters are typed; only keys that no text has are taken.
pub const KEYS: &[Key] = &[
    key(KeyCode::Enter, NONE, Action::Send, "Enter", "send"),
    key(KeyCode::Enter, ALT, Action::NewLine, "Alt-Enter", "new line"),
    key(KeyCode::Char('j'), CTRL, Action::NewLine, "", ""),
    key(KeyCode::Up, ALT, Action::Previous, "Alt-Up", "previous group"),
    key(KeyCode::Down, ALT, Action::Next, "Alt-Down", "next group"),
    key(KeyCode::Char('a'), ALT, Action::NextUnread, "Alt-a", "next group with news"),
    key(KeyCode::Char('k'), CTRL, Action::Jump, "Ctrl-K", "jump anywhere"),
    key(KeyCode::Char('f'), CTRL, Action::Search, "Ctrl-F", "find words"),
    key(KeyCode::PageUp, NONE, Action::PageUp, "PgUp", "older"),
    key(KeyCode::PageDown, NONE, Action::PageDown, "PgDn", "newer"),
    key(KeyCode::End, CTRL, Action::Newest, "Ctrl-End", "newest"),
    key(KeyCode::Up, SHIFT, Action::ChooseUp, "Shift-Up", "choose a message"),
    key(KeyCode::Down, SHIFT, Action::ChooseDown, "Shift-Down", "the one below"),
    key(KeyCode::Char('y'), CTRL, Action::Copy, "Ctrl-Y", "copy the message"),
    key(KeyCode::Char('g'), CTRL, Action::Info, "Ctrl-G", "who has the message"),
    key(KeyCode::Char('n'), CTRL, Action::Invite, "Ctrl-N", "let somebody in"),
    key(KeyCode::Char('o'), CTRL, Action::Join, "Ctrl-O", "join by a link"),
    key(KeyCode::Char('f'), ALT, Action::Found, "Alt-f", "found a group"),
    key(KeyCode::Tab, NONE, Action::Pane, "Tab", "next pane"),
    key(KeyCode::F(2), NONE, Action::Groups, "F2", "groups"),
    key(KeyCode::F(3), NONE, Action::Members, "F3", "members"),
    key(KeyCode::Esc, NONE, Action::Back, "Esc", "back"),
    key(KeyCode::F(1), NONE, Action::Help, "F1", "these keys"),
    key(KeyCode::Char('c'), CTRL, Action::Quit, "Ctrl-C twice", "quit; the node goes on"),
    key(KeyCode::Char('q'), CTRL, Action::Quit, "", ""),
];

/// Those that mean something while a message is chosen; otherwise they are typed.
pub const CHOSEN: &[Key] = &[
    key(KeyCode::Char('r'), NONE, Action::Reply, "r", "answer"),
    key(KeyCode::Char('+'), NONE, Action::React, "+", "emoji"),
    key(KeyCode::Char('e'), NONE, Action::Edit, "e", "change"),
    key(KeyCode::Char('d'), NONE, Action::Delete, "d", "delete"),
    key(KeyCode::Char('p'), NONE, Action::Pin, "p", "pin"),
    key(KeyCode::Char('/'), NONE, Action::Search, "/", "find"),
    key(KeyCode::Char('y'), NONE, Action::Copy, "", ""),
    key(KeyCode::Char('i'), NONE, Action::Info, "", ""),
];

/// What a key asks for while a message is chosen.
#[must_use]
pub fn action_on_chosen(event: KeyEvent) -> Option<Action> {
    let with = event.modifiers.difference(SHIFT);
    CHOSEN.iter().find(|key| key.code == event.code && key.with == with).map(|key| key.action)
}

/// What a key asks for; none: it is typed.
#[must_use]
pub fn action_of(event: KeyEvent) -> Option<Action> {
    // Terminals disagree on whether Shift comes along with a character.
    let with = if matches!(event.code, KeyCode::Char(_)) { event.modifiers.difference(SHIFT) } else { event.modifiers };
    KEYS.iter().find(|key| key.code == event.code && key.with == with).map(|key| key.action)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_key_means_two_things_and_no_plain_character_is_taken() {
        for (at, one) in KEYS.iter().enumerate() {
            assert!(KEYS.iter().skip(at + 1).all(|other| (one.code, one.with) != (other.code, other.with)));
            assert!(!matches!(one.code, KeyCode::Char(_)) || one.with != NONE, "{:?} could not be typed", one.action);
        }
    }
}
