//! What word from the node changes: lists that were read, events as they come, answers to what was asked.

use ratatui_textarea::TextArea;
use serde_json::Value;

use super::super::state::{About, Anchor, Joining, Notice, Panel, Reach, Room, Screen, field};
use super::super::{finding, reading};
use super::{Effect, Part, Told, open};
use crate::error::Diagnostic;

/// Carries out one step that word from the node asks for.
pub(super) fn on_told(screen: &mut Screen, told: Told) -> Vec<Effect> {
    match told {
        Told::Groups(page) => return on_groups(screen, &page),
        Told::Lines { group, page, part } => on_lines(screen, &group, &page, &part),
        Told::People { group, page } => {
            if let Some(room) = screen.rooms.get_mut(&group) {
                room.people = reading::items(&page).map(reading::person).collect();
                room.people.sort_by_key(|person| person.seat);
            }
        }
        Told::Event { kind, data } => return on_event(screen, &kind, &data),
        Told::Done(done) => {
            on_changed(screen, &done["message"]);
            if done["outbox"].is_string() {
                let words = "Kept. It goes out as soon as a member is in reach.".to_owned();
                screen.notice = Some(Notice::Good(words));
            }
        }
        Told::Sent(message) => drop(on_message(screen, &message)),
        Told::Founded(group) => {
            screen.panel = None;
            screen.notice = Some(Notice::Good("Founded. Ctrl-N makes a link for the first people.".to_owned()));
            screen.open = group["id"].as_str().map(str::to_owned);
            return vec![Effect::ReadGroups];
        }
        Told::Joining(join) => {
            screen.panel = None;
            screen.joining = join["id"].as_str().map(|id| Joining { id: id.to_owned(), is_agreed: false });
            return on_join(screen, &join);
        }
        Told::Link { group, invite } => screen.panel = Some(Panel::Link(reading::link(&group, &invite))),
        Told::Hits { words, hits, note } => finding::on_hits(screen, words, &hits, note),
        Told::Failed(why) => screen.notice = Some(Notice::Bad(why)),
        Told::NotSent { group, text, about, why } => {
            if let Some(room) = screen.rooms.get_mut(&group) {
                take_back(room, &text, about);
            }
            screen.notice = Some(Notice::Bad(why));
        }
        Told::Lost => screen.reach = Reach::Lost,
        Told::Locked(why) => return vec![Effect::GiveUp(why)],
    }
    Vec::new()
}

/// What could not be sent is in the box again, in front of what is being written by now: neither is lost. A change of a
/// message takes the box for itself, as it did before.
fn take_back(room: &mut Room, text: &str, about: Option<About>) {
    let written = room.draft.lines().join("\n").trim_end().to_owned();
    let is_change = matches!(about, Some(About::Edit { .. })) && room.about.is_none();
    room.draft = field();
    if is_change {
        room.draft.insert_str(text);
        room.laid_aside = Some(written);
    } else {
        let gap = if written.is_empty() { "" } else { "\n" };
        room.draft.insert_str(format!("{text}{gap}{written}"));
    }
    room.about = room.about.take().or(about);
}

fn is_blank(draft: &TextArea<'_>) -> bool {
    draft.lines().iter().all(|line| line.trim().is_empty())
}

fn on_groups(screen: &mut Screen, page: &Value) -> Vec<Effect> {
    let mut groups: Vec<_> = reading::items(page).map(reading::group).collect();
    for group in &mut groups {
        let known = screen.groups.iter().find(|known| known.id == group.id);
        group.unread = known.map_or(0, |known| known.unread);
    }
    (screen.groups, screen.is_read) = (groups, true);
    let wanted = screen.open.clone().filter(|open| screen.groups.iter().any(|group| group.id == *open));
    match wanted.or_else(|| screen.groups.first().map(|group| group.id.clone())) {
        Some(id) => open(screen, &id),
        None => {
            screen.open = None;
            Vec::new()
        }
    }
}

fn on_lines(screen: &mut Screen, group: &str, page: &Value, part: &Part) {
    let Some(room) = screen.rooms.get_mut(group) else { return };
    room.is_loading = false;
    let lines: Vec<_> = reading::items(page).filter_map(reading::line).collect();
    let older = page["prev"].as_str().map(str::to_owned);
    match part {
        Part::Newest => {
            (room.lines, room.older, room.is_cut) = (Vec::new(), None, false);
            for line in lines {
                room.put(line);
            }
            room.older = older;
        }
        Part::Before(_) => {
            room.older = None;
            for line in lines {
                room.put(line);
            }
            room.older = older;
            room.shrink();
        }
        Part::After(_) => {
            room.is_cut = false;
            for line in lines {
                room.put(line);
            }
            room.is_cut = page["next"].is_string();
            room.shrink_past();
        }
        Part::Around { message, .. } => {
            (room.lines, room.older, room.is_cut) = (Vec::new(), None, false);
            for line in lines {
                room.put(line);
            }
            (room.older, room.is_cut) = (older, page["next"].is_string());
            finding::look_at(screen, group, message);
        }
    }
}

fn on_event(screen: &mut Screen, kind: &str, data: &Value) -> Vec<Effect> {
    let was = std::mem::replace(&mut screen.reach, Reach::Here);
    match kind {
        "hello" => {
            screen.sentence = reading::plain(&data["status"]["sentence"]);
            // It was away: what happened meanwhile was told to nobody here.
            return if was == Reach::Lost { read_again(screen) } else { Vec::new() };
        }
        "message" => return on_message(screen, data),
        "message_changed" => on_changed(screen, data),
        "delivery" => return on_delivery(screen, data),
        "outbox" => on_outbox(screen, data),
        "status" => screen.sentence = reading::plain(&data["sentence"]),
        "group" | "group_gone" => return vec![Effect::ReadGroups],
        "join" => return on_join(screen, data),
        "member" => {
            let group = data["group"].as_str().unwrap_or_default();
            let mut effects = vec![Effect::ReadGroups];
            if screen.rooms.contains_key(group) {
                effects.push(Effect::ReadPeople(group.to_owned()));
            }
            return effects;
        }
        "alert" => {
            let why = Diagnostic::new("alert", 1, reading::plain(&data["what"]), reading::plain(&data["why"]));
            screen.notice = Some(Notice::Bad(why.hint(reading::plain(&data["try"][0]))));
        }
        "reset" => return read_again(screen),
        "bye" => screen.reach = Reach::Lost,
        _ => {}
    }
    Vec::new()
}

/// Something may have been missed: all is read again. What is being written stays.
fn read_again(screen: &mut Screen) -> Vec<Effect> {
    let open = screen.open.clone();
    screen.rooms.retain(|id, room| Some(id) == open.as_ref() || !is_blank(&room.draft));
    let mut effects = vec![Effect::ReadGroups];
    for group in screen.rooms.keys() {
        effects.push(Effect::ReadLines(group.clone(), Part::Newest));
        effects.push(Effect::ReadPeople(group.clone()));
    }
    effects
}

/// A join that began here. What it shows of the group is agreed to before anything is joined.
fn on_join(screen: &mut Screen, join: &Value) -> Vec<Effect> {
    let begun = screen.joining.as_ref().filter(|begun| join["id"] == begun.id.as_str());
    let Some(is_agreed) = begun.map(|begun| begun.is_agreed) else { return vec![Effect::ReadGroups] };
    match join["state"].as_str() {
        Some("asking") if is_agreed => {}
        Some("asking") => screen.panel = Some(Panel::Preview(reading::preview(join))),
        Some("refused") => {
            screen.joining = None;
            screen.notice = Some(Notice::Bad(Diagnostic::from_api(&join["error"])));
        }
        state => {
            screen.notice = Some(Notice::Good(reading::plain(&join["sentence"])));
            if matches!(state, Some("seated" | "waiting_admin")) || join["already_member"] == true {
                screen.joining = None;
                screen.open = join["group"].as_str().map(str::to_owned).or_else(|| screen.open.take());
                return vec![Effect::ReadGroups];
            }
        }
    }
    Vec::new()
}

fn on_message(screen: &mut Screen, data: &Value) -> Vec<Effect> {
    let (Some(line), Some(id)) = (reading::line(data), data["group"].as_str()) else { return Vec::new() };
    let is_looked_at = screen.open.as_deref() == Some(id);
    let Some(group) = screen.groups.iter_mut().find(|group| group.id == id) else { return vec![Effect::ReadGroups] };
    let (is_mine, is_muted) = (group.me == line.author, group.is_muted);
    let key = line.key.clone();
    let is_new = screen.rooms.get_mut(id).is_none_or(|room| {
        let is_new = room.put(line) || room.is_cut;
        room.shrink();
        is_new
    });
    if !is_new || is_mine {
        return Vec::new();
    }
    if !is_looked_at {
        group.unread += 1;
    }
    if let Some(room) = screen.rooms.get_mut(id).filter(|room| !is_looked_at || room.anchor != Anchor::End) {
        room.first_new.get_or_insert(key);
    }
    if is_looked_at || is_muted { Vec::new() } else { vec![Effect::Bell] }
}

fn on_changed(screen: &mut Screen, data: &Value) {
    let Some(room) = data["group"].as_str().and_then(|id| screen.rooms.get_mut(id)) else { return };
    match reading::line(data) {
        Some(line) => drop(room.put(line)),
        None => room.lines.retain(|line| data["id"] != line.key.as_str()),
    }
}

fn on_delivery(screen: &mut Screen, data: &Value) -> Vec<Effect> {
    let Some(id) = data["group"].as_str() else { return Vec::new() };
    let key = data["message"].as_str().unwrap_or_default();
    let room = screen.rooms.get_mut(id);
    if let Some(line) = room.and_then(|room| room.lines.iter_mut().find(|line| line.key == key)) {
        line.delivery = reading::delivery(&data["delivery"]);
    }
    // What waited for somebody to come waits no more.
    let waits = screen.groups.iter().any(|group| group.id == id && group.waiting > 0);
    if waits { vec![Effect::ReadGroups] } else { Vec::new() }
}

/// What was queued is sealed, or was taken back; sealed, it comes as a message of its own.
fn on_outbox(screen: &mut Screen, data: &Value) {
    let Some(room) = data["group"].as_str().and_then(|id| screen.rooms.get_mut(id)) else { return };
    let key = data["id"].as_str().unwrap_or_default();
    room.lines.retain(|line| line.key != key);
}
