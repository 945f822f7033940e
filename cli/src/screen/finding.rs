//! Words found from the full screen: asked for as they are typed, in all groups; Enter goes to the message in its timeline,
//! and the same key comes back to the list (SR-1, TU-3).

use ratatui::Frame;
use ratatui::crossterm::event::{KeyCode, KeyEvent};
use ratatui::layout::Rect;
use ratatui::style::{Modifier, Style};
use ratatui::text::{Line as Row, Span};
use serde_json::Value;

use super::panels::boxed;
use super::reading;
use super::state::{Anchor, Focus, Hit, Panel, Room, Screen, Search, Words};
use super::timeline::{self, dim, fit};
use super::update::{Effect, Part, Told};
use super::view;
use crate::api::Api;
use crate::error::Diagnostic;
use crate::{text, when};

/// Hits of one group, and of all together.
const GROUP_HITS_MAX: usize = 30;
const HITS_MAX: usize = 50;
/// Characters before the first word that was looked for, in its row.
const LEAD: usize = 24;
/// Lines below the message that was gone to, if there are so many.
const BELOW: usize = 4;

/// The search line, with what was last found.
pub fn begin(screen: &mut Screen) {
    screen.panel = Some(Panel::Search(screen.search.take().unwrap_or_default()));
}

fn typed(search: &Search) -> String {
    search.query.lines().join(" ").trim().to_owned()
}

/// A key while the search line is open.
pub fn on_key(screen: &mut Screen, key: KeyEvent) -> Vec<Effect> {
    let Some(Panel::Search(search)) = &mut screen.panel else { return Vec::new() };
    match key.code {
        KeyCode::Enter => return go(screen),
        KeyCode::Up => search.at = search.at.saturating_sub(1),
        KeyCode::Down | KeyCode::Tab => search.at = (search.at + 1).min(search.hits.len().saturating_sub(1)),
        _ => {
            let before = typed(search);
            search.query.input(key);
            return asked_anew(search, &before);
        }
    }
    Vec::new()
}

/// Asks, if the words are others than before.
pub fn asked_anew(search: &mut Search, before: &str) -> Vec<Effect> {
    let words = typed(search);
    if words == before {
        return Vec::new();
    }
    search.at = 0;
    if words.is_empty() {
        (search.hits, search.asked, search.note) = (Vec::new(), String::new(), None);
        return Vec::new();
    }
    vec![Effect::Search(words)]
}

/// What was found, unless other words are typed by now.
pub fn on_hits(screen: &mut Screen, words: String, hits: &[Value], note: Option<String>) {
    let Some(Panel::Search(search)) = &mut screen.panel else { return };
    if typed(search) == words {
        search.hits = hits.iter().filter_map(hit).collect();
        (search.asked, search.note, search.at) = (words, note, 0);
    }
}

fn hit(value: &Value) -> Option<Hit> {
    let (group, cursor) = (value["group"].as_str()?.to_owned(), value["cursor"].as_str()?.to_owned());
    Some(Hit { group, line: reading::line(value)?, cursor })
}

/// Goes to the chosen hit. If it is not among the lines that are loaded, those around it are.
fn go(screen: &mut Screen) -> Vec<Effect> {
    let Some(Panel::Search(search)) = &screen.panel else { return Vec::new() };
    let Some(hit) = search.hits.get(search.at).filter(|_| search.asked == typed(search)).cloned() else {
        return Vec::new();
    };
    if let Some(Panel::Search(search)) = screen.panel.take() {
        screen.search = Some(search);
    }
    let mut effects = Vec::new();
    screen.open = Some(hit.group.clone());
    if let Some(group) = screen.groups.iter_mut().find(|group| group.id == hit.group) {
        group.unread = 0;
    }
    let room = screen.rooms.entry(hit.group.clone()).or_insert_with(|| {
        effects.push(Effect::ReadPeople(hit.group.clone()));
        Room::default()
    });
    screen.focus = Focus::Timeline;
    if room.index_of(&hit.line.key).is_some() {
        look_at(screen, &hit.group, &hit.line.key);
    } else {
        room.is_loading = true;
        effects.push(Effect::ReadLines(hit.group, Part::Around { cursor: hit.cursor, message: hit.line.key }));
    }
    effects
}

/// The view stands where this message is in it, and it is chosen.
pub fn look_at(screen: &mut Screen, group: &str, message: &str) {
    let (area, zone, look) = (view::areas(screen).timeline, screen.zone.clone(), screen.look);
    let Some(room) = screen.rooms.get_mut(group) else { return };
    let found = room.index_of(message);
    let last = room.lines.len().saturating_sub(1);
    let (top, hidden) = timeline::fullest(room, view::canvas(area, look, &zone));
    // A little below it; near the beginning, as much as there is room for.
    let lowest = (found.unwrap_or(last / 2) + BELOW).min(last).max(top);
    room.chosen = found.map(|_| message.to_owned());
    room.anchor = match room.lines.get(lowest) {
        Some(line) if lowest < last || room.is_cut => {
            Anchor::At(line.key.clone(), if lowest == top { hidden } else { 0 })
        }
        _ => Anchor::End,
    };
}

/// Asks the node: every group, and of each its newest hits.
pub async fn find(api: &Api, words: String) -> Told {
    match look(api, &words).await {
        Ok((hits, note)) => Told::Hits { words, hits, note },
        Err(why) => Told::Failed(why),
    }
}

async fn look(api: &Api, words: &str) -> Result<(Vec<Value>, Option<String>), Diagnostic> {
    let (mut hits, mut note) = (Vec::new(), None);
    for group in reading::items(&api.get("/groups").await?) {
        let id = group["id"].as_str().unwrap_or_default();
        let asked = format!("/search?q={}&group={id}&limit={GROUP_HITS_MAX}", text::escaped(words));
        let mut before = String::new();
        loop {
            let page = api.get(&format!("{asked}{before}")).await?;
            hits.extend(reading::items(&page).cloned());
            if page["looked_back_to"].is_string() {
                let (name, day) = (reading::plain(&group["name"]), when::whole_day(&page["looked_back_to"]));
                note = Some(format!("{name}: not looked through before {day}."));
            }
            // An answer without a hit may not be the end.
            match page["prev"].as_str().filter(|_| page["items"].as_array().is_none_or(Vec::is_empty)) {
                Some(prev) => before = format!("&before={prev}"),
                None => break,
            }
        }
    }
    // All times have the same length, so they sort as text.
    hits.sort_by(|a, b| b["at"].as_str().cmp(&a["at"].as_str()));
    if hits.len() > HITS_MAX {
        hits.truncate(HITS_MAX);
        note.get_or_insert_with(|| format!("The newest {HITS_MAX}. More words find less."));
    }
    Ok((hits, note))
}

/// The search line, what was found, and what can be done.
pub fn draw(screen: &Screen, frame: &mut Frame<'_>, search: &Search) {
    let width = usize::from(screen.size.0).saturating_sub(8);
    let most = usize::from(screen.size.1).saturating_sub(10).clamp(3, 20);
    let words = typed(search);
    let mut rows = vec![Row::from(fit(&format!("> {}", search.query.lines().join(" ")), width)), Row::from("")];
    let first = search.at.saturating_sub(most - 1);
    for (number, hit) in search.hits.iter().enumerate().skip(first).take(most) {
        let style = if number == search.at { Style::new().add_modifier(Modifier::REVERSED) } else { Style::new() };
        rows.push(Row::from(Span::styled(fit(&row(screen, hit, &search.asked), width), style)));
    }
    let said = match (words.is_empty(), search.asked == words) {
        (true, _) => Some("Words that must all be there, in any of your groups. Nobody else is asked."),
        (_, false) if search.hits.is_empty() => Some("Looking."),
        (_, true) if search.hits.is_empty() => Some("Nothing with these words is on this computer."),
        _ => None,
    };
    rows.extend(said.map(|said| Row::from(Span::styled(fit(said, width), dim()))));
    rows.push(Row::from(""));
    rows.extend(search.note.iter().map(|note| Row::from(Span::styled(fit(note, width), dim()))));
    rows.push(Row::from(Span::styled("Enter goes there.  Up/Down choose.  Esc goes back.", dim())));
    let inner = boxed(screen, frame, "Find", rows);
    let line = Rect { x: inner.x + 2, width: inner.width.saturating_sub(2), height: 1, ..inner };
    view::cursor_in(&search.query, frame, line);
}

/// `21 Nov 14:02  Harbour  Ana: … words …`.
fn row(screen: &Screen, hit: &Hit, words: &str) -> String {
    let at = hit.line.at.map(|at| at.to_zoned(screen.zone.clone()).strftime("%-d %b %H:%M").to_string());
    let group = screen.groups.iter().find(|group| group.id == hit.group).map_or("?", |group| group.name.as_str());
    let said = match &hit.line.words {
        Words::Said(said) | Words::Absent(said) => text::line(said),
    };
    format!("{}  {group}  {}: {}", at.unwrap_or_default(), hit.line.name, from_first(&said, words))
}

/// From a little before the first word on; as it was written, so accents may hide the place, and it begins at the front.
fn from_first(said: &str, words: &str) -> String {
    let wanted = words.split_whitespace().next().unwrap_or_default().to_lowercase();
    let folded: Vec<char> = said.chars().flat_map(char::to_lowercase).collect();
    let wanted: Vec<char> = wanted.chars().collect();
    let found = folded.windows(wanted.len().max(1)).position(|window| window == wanted).unwrap_or(0);
    if found <= LEAD {
        return said.to_owned();
    }
    format!("…{}", said.chars().skip(found - LEAD / 2).collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tu_03_a_long_message_is_shown_from_where_the_words_are() {
        assert_eq!(from_first("The dredger left at dawn.", "DREDGER left"), "The dredger left at dawn.");
        let long = format!("{} a Ferry came", "x".repeat(90));
        assert_eq!(from_first(&long, "ferry"), "…xxxxxxxxx a Ferry came");
        assert_eq!(from_first("São", "sao"), "São");
        assert_eq!(from_first("", "x"), "");
    }
}
