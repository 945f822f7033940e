//! What a key, or word from the node, changes: one pure step from what is known to what is known next, and what the
//! shell should do about it (TU-13).

mod chosen;
mod moving;
mod told;

use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyEventKind, MouseEventKind};
use serde_json::Value;

pub use self::chosen::{Done, OFFERED, react};
use super::keys::{Action, action_of, action_on_chosen};
use super::state::{About, Anchor, Focus, Members, Notice, Panel, Question, Room, Screen, field};
use super::{finding, panels, view};
use crate::error::Diagnostic;

/// Something that happened.
pub enum Input {
    Key(KeyEvent),
    Mouse(MouseEventKind),
    Paste(String),
    Size(u16, u16),
    Told(Told),
}

/// Word from the node.
pub enum Told {
    Groups(Value),
    /// A page of a group's timeline, older than all that is loaded, or the newest one.
    Lines {
        group: String,
        page: Value,
        part: Part,
    },
    People {
        group: String,
        page: Value,
    },
    Event {
        kind: String,
        data: Value,
    },
    /// What was said is durable.
    Sent(Value),
    /// What was done to a message is durable.
    Done(Value),
    Founded(Value),
    Joining(Value),
    Link {
        group: Value,
        invite: Value,
    },
    /// Messages that have the words.
    Hits {
        words: String,
        hits: Vec<Value>,
        note: Option<String>,
    },
    Failed(Diagnostic),
    /// What could not be said; it goes back into the box.
    NotSent {
        group: String,
        text: String,
        about: Option<About>,
        why: Diagnostic,
    },
    Lost,
    /// The identity was locked: what is on the screen is not for whoever sits there now.
    Locked(Diagnostic),
}

/// Which part of a timeline.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Part {
    Newest,
    Before(String),
    After(String),
    /// What stands round a message.
    Around {
        cursor: String,
        message: String,
    },
}

/// What the shell should do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    Quit,
    /// Leave the terminal as it was, and say why.
    GiveUp(Diagnostic),
    ReadGroups,
    ReadLines(String, Part),
    ReadPeople(String),
    Send {
        group: String,
        text: String,
        about: Option<About>,
    },
    /// Something is done to a message.
    Do {
        group: String,
        message: String,
        done: Done,
    },
    /// Words are looked for; what was looked for before is of no interest any more.
    Search(String),
    Found(String),
    Join(String),
    /// The group that was shown is the one that was meant.
    Agree(String),
    /// It is not.
    Cancel(String),
    Invite(String),
    /// Into the terminal's clipboard.
    Copy(String),
    /// Somebody said something in a group that is not looked at.
    Bell,
}

/// Carries out one step.
pub fn update(screen: &mut Screen, input: Input) -> Vec<Effect> {
    match input {
        Input::Key(key) if key.kind == KeyEventKind::Release => Vec::new(),
        Input::Key(key) => on_key(screen, key),
        Input::Mouse(MouseEventKind::ScrollUp) => moving::scroll(screen, Action::PageUp, 3),
        Input::Mouse(MouseEventKind::ScrollDown) => moving::scroll(screen, Action::PageDown, 3),
        Input::Mouse(_) => Vec::new(),
        Input::Paste(text) => on_paste(screen, &text),
        Input::Size(columns, rows) => {
            screen.size = (columns, rows);
            Vec::new()
        }
        Input::Told(told) => told::on_told(screen, told),
    }
}

fn on_key(screen: &mut Screen, key: KeyEvent) -> Vec<Effect> {
    screen.notice = None;
    let action = action_of(key);
    let was_leaving = std::mem::take(&mut screen.is_leaving);
    if action == Some(Action::Quit) {
        if was_leaving || key.code == KeyCode::Char('q') {
            return vec![Effect::Quit];
        }
        screen.is_leaving = true;
        screen.notice = Some(Notice::Good("Ctrl-C once more quits. Your node goes on.".to_owned()));
        return Vec::new();
    }
    if screen.panel.is_some() {
        return panels::on_key(screen, key);
    }
    match action {
        Some(action) => act(screen, action),
        None => on_typed(screen, key),
    }
}

fn on_typed(screen: &mut Screen, key: KeyEvent) -> Vec<Effect> {
    match (screen.focus, key.code) {
        (Focus::Groups, KeyCode::Up) => return step_group(screen, Action::Previous),
        (Focus::Groups, KeyCode::Down) => return step_group(screen, Action::Next),
        (Focus::Groups, KeyCode::Char('/')) => return act(screen, Action::Search),
        // Without a group there is nothing to type in: the two letters of the empty screen.
        (Focus::Timeline, _) => {
            if let Some(action) = action_on_chosen(key) {
                return chosen::act(screen, action);
            }
        }
        (_, KeyCode::Char('n')) if screen.groups.is_empty() => return act(screen, Action::Found),
        (_, KeyCode::Char('j')) if screen.groups.is_empty() => return act(screen, Action::Join),
        _ => {}
    }
    if screen.group().is_none_or(|group| group.closed.is_some()) {
        return Vec::new();
    }
    screen.focus = Focus::Composer;
    if let Some(room) = screen.room_mut() {
        room.chosen = None;
        room.draft.input(key);
    }
    Vec::new()
}

/// Does what a key, or a chosen action, asks for.
pub fn act(screen: &mut Screen, action: Action) -> Vec<Effect> {
    match action {
        Action::Send => return send(screen),
        Action::NewLine => {
            if let Some(room) = screen.room_mut() {
                room.draft.insert_newline();
            }
        }
        Action::Previous | Action::Next | Action::NextUnread => return step_group(screen, action),
        Action::PageUp | Action::PageDown => {
            let page = usize::from(view::areas(screen).timeline.height).saturating_sub(2).max(1);
            return moving::scroll(screen, action, page);
        }
        Action::Newest => {
            if let Some(room) = screen.room_mut() {
                (room.anchor, room.chosen) = (Anchor::End, None);
            }
            return newest(screen);
        }
        Action::ChooseUp | Action::ChooseDown => return moving::choose(screen, action),
        Action::Back => {
            back(screen);
            return newest(screen);
        }
        Action::Copy | Action::Info | Action::Reply | Action::Edit | Action::React | Action::Pin | Action::Delete => {
            return chosen::act(screen, action);
        }
        Action::Invite => {
            if let Some(group) = screen.group() {
                return vec![Effect::Invite(group.id.clone())];
            }
        }
        Action::Jump => screen.panel = Some(Panel::Jump { query: field(), at: 0 }),
        Action::Search => finding::begin(screen),
        Action::Join => screen.panel = Some(Panel::Ask { what: Question::Invite, line: field() }),
        Action::Found => screen.panel = Some(Panel::Ask { what: Question::NewGroup, line: field() }),
        Action::Help => screen.panel = Some(Panel::Keys),
        Action::Pane => {
            screen.focus = if screen.focus == Focus::Groups { Focus::Composer } else { Focus::Groups };
        }
        Action::Groups => screen.focus = Focus::Groups,
        Action::Members => {
            let is_shown = view::areas(screen).members.is_some();
            screen.members = if is_shown { Members::Hidden } else { Members::Shown };
        }
        Action::Quit => return vec![Effect::Quit],
    }
    Vec::new()
}

/// What is in the box goes out. `/verb` is an action, `//` says a slash; anything else with a slash stays (TU-4).
fn send(screen: &mut Screen) -> Vec<Effect> {
    if screen.focus == Focus::Groups {
        screen.focus = Focus::Composer;
        return Vec::new();
    }
    let Some(group) = screen.group().filter(|group| group.closed.is_none()).map(|group| group.id.clone()) else {
        return Vec::new();
    };
    let Some(room) = screen.room_mut() else { return Vec::new() };
    let typed = room.draft.lines().join("\n");
    let words = typed.trim_end();
    if words.trim().is_empty() {
        return Vec::new();
    }
    let text = match words.strip_prefix('/') {
        Some(rest) if rest.starts_with('/') => rest.to_owned(),
        Some(verb) => return command(screen, verb),
        None => words.to_owned(),
    };
    room.draft = field();
    let about = room.about.take();
    if let Some(words) = room.laid_aside.take() {
        room.draft.insert_str(words);
    }
    (room.anchor, room.chosen, room.first_new) = (Anchor::End, None, None);
    let mut effects = newest(screen);
    effects.push(Effect::Send { group, text, about });
    effects
}

fn command(screen: &mut Screen, verb: &str) -> Vec<Effect> {
    let (verb, rest) = verb.split_once(' ').unwrap_or((verb, ""));
    let action = match verb {
        "invite" => Action::Invite,
        "join" if !rest.trim().is_empty() => {
            clear(screen);
            return vec![Effect::Join(rest.trim().to_owned())];
        }
        "join" => Action::Join,
        "new" => Action::Found,
        "members" => Action::Members,
        "find" => Action::Search,
        "help" => Action::Help,
        "quit" => Action::Quit,
        _ => {
            let why = "a line that starts with / is a command: /invite /join LINK /new /find /members /help /quit";
            let unknown = Diagnostic::usage(format!("there is no /{verb}"), why);
            screen.notice = Some(Notice::Bad(unknown.hint("// at the start says one slash")));
            return Vec::new();
        }
    };
    clear(screen);
    act(screen, action)
}

fn clear(screen: &mut Screen) {
    if let Some(room) = screen.room_mut() {
        room.draft = field();
    }
}

fn step_group(screen: &mut Screen, action: Action) -> Vec<Effect> {
    let count = screen.groups.len();
    let Some(now) = screen.groups.iter().position(|group| Some(&group.id) == screen.open.as_ref()) else {
        return Vec::new();
    };
    let next = match action {
        Action::Previous => (now + count - 1) % count,
        Action::NextUnread => {
            let others = (1..count).map(|step| (now + step) % count);
            let mut unread = others.filter(|at| screen.groups.get(*at).is_some_and(|group| group.unread > 0));
            let Some(next) = unread.next() else { return Vec::new() };
            next
        }
        _ => (now + 1) % count,
    };
    let id = screen.groups.get(next).map(|group| group.id.clone());
    id.map_or_else(Vec::new, |id| open(screen, &id))
}

/// Looks at a group: what came meanwhile is no longer unread, and its beginning stays marked.
pub fn open(screen: &mut Screen, id: &str) -> Vec<Effect> {
    if let Some(room) = screen.room_mut() {
        // Left for another group: what is new begins anew.
        room.first_new = None;
    }
    screen.open = Some(id.to_owned());
    if let Some(group) = screen.groups.iter_mut().find(|group| group.id == id) {
        group.unread = 0;
    }
    if screen.rooms.contains_key(id) {
        return Vec::new();
    }
    screen.rooms.insert(id.to_owned(), Room::default());
    vec![Effect::ReadLines(id.to_owned(), Part::Newest), Effect::ReadPeople(id.to_owned())]
}

/// Lines that were let go while somebody read far back are read again.
fn newest(screen: &mut Screen) -> Vec<Effect> {
    let open = screen.open.clone().unwrap_or_default();
    match screen.room_mut() {
        Some(room) if room.is_cut && room.anchor == Anchor::End => {
            room.is_loading = true;
            vec![Effect::ReadLines(open, Part::Newest)]
        }
        Some(_) | None => Vec::new(),
    }
}

/// One step back: from a chosen line, from another pane, at last to the newest line.
fn back(screen: &mut Screen) {
    let was = std::mem::replace(&mut screen.focus, Focus::Composer);
    if screen.members == Members::Shown {
        screen.members = Members::Fitting;
        return;
    }
    let Some(room) = screen.room_mut().filter(|_| was != Focus::Groups) else { return };
    if let Some(about) = room.about.take() {
        if let About::Edit { .. } = about {
            room.draft = field();
            room.draft.insert_str(room.laid_aside.take().unwrap_or_default());
        }
        return;
    }
    if room.chosen.take().is_none() {
        room.anchor = Anchor::End;
    }
}

/// Several lines go into the box and are never sent; a link offers to join (TU-5).
fn on_paste(screen: &mut Screen, text: &str) -> Vec<Effect> {
    screen.notice = None;
    let is_link = |text: &str| text.trim().starts_with("coterie:") || text.trim().starts_with("COTERIE:J/");
    if is_link(text) && !matches!(screen.panel, Some(Panel::Ask { .. })) {
        let mut line = field();
        line.insert_str(text.trim());
        screen.panel = Some(Panel::Ask { what: Question::Invite, line });
        return Vec::new();
    }
    let text = text.replace("\r\n", "\n").replace('\r', "\n");
    let is_open = screen.group().is_some_and(|group| group.closed.is_none());
    match &mut screen.panel {
        Some(Panel::Ask { line, .. } | Panel::Jump { query: line, .. }) => {
            line.insert_str(text.replace('\n', " ").trim());
        }
        Some(Panel::Search(search)) => {
            search.query.insert_str(text.replace('\n', " ").trim());
            return finding::asked_anew(search, "");
        }
        Some(_) => {}
        None => {
            if let Some(room) = screen.room_mut().filter(|_| is_open) {
                room.draft.insert_str(text);
            }
        }
    }
    Vec::new()
}
