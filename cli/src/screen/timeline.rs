//! The timeline as rows: blocks of one author, day lines, the line where something new begins, and which part of all
//! that is in view (TU-7, TU-9, TU-11). Only what is in view is wrapped, so a long history costs nothing.

use std::collections::VecDeque;

use jiff::tz::TimeZone;
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::{Line as Row, Span};

use super::state::{Anchor, Colour, Delivery, Line, Look, Mark, Marks, Room, Words};
use crate::text;

/// Lines of one author within this time stand in one block.
const BLOCK_MS: i64 = 5 * 60 * 1_000;
/// Columns before the words.
const INDENT: usize = 2;

/// How a timeline is drawn.
#[derive(Clone, Copy)]
pub struct Canvas<'a> {
    pub width: usize,
    pub height: usize,
    pub look: Look,
    pub zone: &'a TimeZone,
}

/// The rows in view, and the lines they belong to: first and one behind the last.
#[must_use]
pub fn window(room: &Room, canvas: Canvas<'_>) -> (Vec<Row<'static>>, std::ops::Range<usize>) {
    let Some((bottom, hidden)) = bottom(room) else { return (Vec::new(), 0..0) };
    let mut rows: VecDeque<Row<'static>> = VecDeque::new();
    let mut index = bottom;
    loop {
        let mut block = rows_of(room, index, canvas);
        if index == bottom {
            block.truncate(block.len().saturating_sub(hidden).max(1));
        }
        for row in block.into_iter().rev() {
            rows.push_front(row);
        }
        if rows.len() >= canvas.height || index == 0 {
            break;
        }
        index -= 1;
    }
    let above = rows.len().saturating_sub(canvas.height);
    (rows.into_iter().skip(above).collect(), index..bottom + 1)
}

/// The lowest line in view, and how many of its rows are below the edge.
fn bottom(room: &Room) -> Option<(usize, usize)> {
    let last = room.lines.len().checked_sub(1)?;
    match &room.anchor {
        Anchor::End => Some((last, 0)),
        Anchor::At(key, hidden) => Some(room.index_of(key).map_or((last, 0), |index| (index, *hidden))),
    }
}

/// The view so many rows further up.
#[must_use]
pub fn up(room: &Room, canvas: Canvas<'_>, by: usize) -> Anchor {
    let Some((mut index, mut hidden)) = bottom(room) else { return Anchor::End };
    hidden += by;
    loop {
        let rows = rows_of(room, index, canvas).len();
        if hidden < rows || index == 0 {
            break;
        }
        hidden -= rows;
        index -= 1;
    }
    let top = fullest(room, canvas);
    at(room, if (index, usize::MAX - hidden) < (top.0, usize::MAX - top.1) { top } else { (index, hidden) })
}

/// The view so many rows further down.
#[must_use]
pub fn down(room: &Room, canvas: Canvas<'_>, mut by: usize) -> Anchor {
    let Some((mut index, mut hidden)) = bottom(room) else { return Anchor::End };
    while by > hidden {
        by -= hidden;
        index += 1;
        if index >= room.lines.len() {
            return Anchor::End;
        }
        hidden = rows_of(room, index, canvas).len();
    }
    at(room, (index, hidden - by))
}

/// The highest view that is still full: its lowest line, and how many rows of it are below the edge.
#[must_use]
pub fn fullest(room: &Room, canvas: Canvas<'_>) -> (usize, usize) {
    let mut filled = 0;
    for index in 0..room.lines.len() {
        let rows = rows_of(room, index, canvas).len();
        if filled + rows >= canvas.height {
            return (index, filled + rows - canvas.height);
        }
        filled += rows;
    }
    (room.lines.len().saturating_sub(1), 0)
}

fn at(room: &Room, (index, hidden): (usize, usize)) -> Anchor {
    match room.lines.get(index) {
        Some(_) if index + 1 == room.lines.len() && hidden == 0 => Anchor::End,
        Some(line) => Anchor::At(line.key.clone(), hidden),
        None => Anchor::End,
    }
}

/// All rows of one line: what stands above it, its author, its words.
fn rows_of(room: &Room, index: usize, canvas: Canvas<'_>) -> Vec<Row<'static>> {
    let Some(line) = room.lines.get(index) else { return Vec::new() };
    let before = index.checked_sub(1).and_then(|before| room.lines.get(before));
    let mut rows = Vec::new();
    let day = day_of(line, canvas);
    let is_new_day = before.is_none_or(|before| day_of(before, canvas) != day);
    if let Some(day) = day.filter(|_| is_new_day) {
        rows.push(ruled(&day, canvas, dim()));
    }
    let is_first_new = room.first_new.as_ref() == Some(&line.key);
    if is_first_new {
        let news = room.lines.len() - index;
        rows.push(ruled(&format!("{news} new"), canvas, accent(canvas.look, Color::Yellow)));
    }
    if is_new_day || is_first_new || before.is_none_or(|before| !is_one_block(before, line)) {
        rows.push(name_row(line, canvas));
    }
    rows.extend(word_rows(room, line, canvas));
    rows
}

fn is_one_block(before: &Line, line: &Line) -> bool {
    let apart = match (before.at, line.at) {
        (Some(before), Some(at)) => (at.as_millisecond() - before.as_millisecond()).abs(),
        _ => 0,
    };
    before.author == line.author && apart < BLOCK_MS
}

fn name_row(line: &Line, canvas: Canvas<'_>) -> Row<'static> {
    let sign = match (line.mark, canvas.look.marks) {
        (Mark::Member, _) => "",
        (Mark::Organiser, Marks::Unicode) => " ★",
        (Mark::Organiser, Marks::Ascii) => " (organiser)",
        (Mark::Guest, Marks::Unicode) => " ◇",
        (Mark::Guest, Marks::Ascii) => " (guest)",
    };
    let clock = clock_of(line, canvas);
    let room = canvas.width.saturating_sub(text::width(sign) + clock.len() + 1);
    let name = fit(&line.name, room);
    let gap = canvas.width.saturating_sub(text::width(&name) + text::width(sign) + clock.len());
    let style = accent(canvas.look, colour_of(&line.author)).add_modifier(Modifier::BOLD);
    Row::from(vec![
        Span::styled(name, style),
        Span::raw(sign.to_owned()),
        Span::raw(" ".repeat(gap)),
        Span::styled(clock, dim()),
    ])
}

fn word_rows(room: &Room, line: &Line, canvas: Canvas<'_>) -> Vec<Row<'static>> {
    let is_chosen = room.chosen.as_ref() == Some(&line.key);
    let style = if is_chosen { Style::new().add_modifier(Modifier::REVERSED) } else { Style::new() };
    let margin = if is_chosen { "> " } else { "  " };
    let (words, style) = match &line.words {
        Words::Said(words) => (words.as_str(), style),
        Words::Absent(why) => (why.as_str(), style.patch(dim())),
    };
    let wide = canvas.width.saturating_sub(INDENT).max(1);
    let mut rows: Vec<Row<'static>> = wrap(format!("{words} {}", line.notes).trim_end(), wide)
        .into_iter()
        .map(|row| Row::from(vec![Span::raw(margin.to_owned()), Span::styled(row, style)]))
        .collect();
    add_delivery(&mut rows, line, canvas);
    let beside = |row: String| Row::from(Span::styled(fit(&format!("  {row}"), canvas.width), dim()));
    let corner = if canvas.look.marks == Marks::Unicode { "┌" } else { "," };
    if let Some(answered) = &line.answers {
        rows.insert(0, beside(format!("{corner} {answered}")));
    }
    rows.extend(line.emojis.clone().map(beside));
    rows
}

/// How far it got, at the right edge of the last row.
fn add_delivery(rows: &mut Vec<Row<'static>>, line: &Line, canvas: Canvas<'_>) {
    let Some(delivery) = line.delivery else { return };
    let mark = delivery_mark(delivery, canvas.look.marks);
    let used = rows.last().map_or(0, Row::width);
    let gap = canvas.width.saturating_sub(used + text::width(&mark));
    match rows.last_mut() {
        Some(last) if gap > 0 => last.spans.extend([Span::raw(" ".repeat(gap)), Span::styled(mark, dim())]),
        _ => rows.push(Row::from(Span::styled(format!("{mark:>width$}", width = canvas.width), dim()))),
    }
}

/// Wrapped at spaces; a word that is too long is cut.
#[must_use]
pub fn wrap(words: &str, width: usize) -> Vec<String> {
    let options = textwrap::Options::new(width).break_words(true);
    textwrap::wrap(words, options).into_iter().map(std::borrow::Cow::into_owned).collect()
}

fn delivery_mark(delivery: Delivery, marks: Marks) -> String {
    match (delivery, marks) {
        (Delivery::Queued, Marks::Unicode) => "…".to_owned(),
        (Delivery::Queued, Marks::Ascii) => "...".to_owned(),
        (Delivery::Saved | Delivery::Reached(_, 0) | Delivery::Reached(0, _), _) => "only here".to_owned(),
        (Delivery::Reached(reached, due), Marks::Unicode) if reached >= due => "✓✓ all".to_owned(),
        (Delivery::Reached(1, _), Marks::Unicode) => "✓".to_owned(),
        (Delivery::Reached(reached, _), Marks::Unicode) => format!("✓✓ {reached}"),
        (Delivery::Reached(reached, due), Marks::Ascii) if reached >= due => "all have it".to_owned(),
        (Delivery::Reached(reached, due), Marks::Ascii) => format!("{reached} of {due}"),
    }
}

fn ruled(words: &str, canvas: Canvas<'_>, style: Style) -> Row<'static> {
    let dash = if canvas.look.marks == Marks::Unicode { "─" } else { "-" };
    let free = canvas.width.saturating_sub(text::width(words) + 2);
    let side = dash.repeat(free / 2);
    Row::from(Span::styled(format!("{side} {words} {side}"), style))
}

fn day_of(line: &Line, canvas: Canvas<'_>) -> Option<String> {
    Some(line.at?.to_zoned(canvas.zone.clone()).strftime("%A %-d %B").to_string())
}

fn clock_of(line: &Line, canvas: Canvas<'_>) -> String {
    line.at.map_or_else(String::new, |at| at.to_zoned(canvas.zone.clone()).strftime("%H:%M").to_string())
}

/// Cut to so many columns.
#[must_use]
pub fn fit(words: &str, columns: usize) -> String {
    if text::width(words) <= columns { words.to_owned() } else { text::pad(words, columns).trim_end().to_owned() }
}

/// Less important.
#[must_use]
pub fn dim() -> Style {
    Style::new().add_modifier(Modifier::DIM)
}

/// A colour, where there are colours.
#[must_use]
pub fn accent(look: Look, colour: Color) -> Style {
    match look.colour {
        Colour::On => Style::new().fg(colour),
        Colour::Off => Style::new(),
    }
}

/// Of eight colours the one of this person; a name beside it says the same (TU-7).
fn colour_of(id: &str) -> Color {
    const PALETTE: [Color; 8] = [
        Color::Cyan,
        Color::Green,
        Color::Yellow,
        Color::Blue,
        Color::Magenta,
        Color::LightCyan,
        Color::LightGreen,
        Color::LightMagenta,
    ];
    let sum = id.bytes().fold(0_usize, |sum, byte| sum.wrapping_mul(31).wrapping_add(usize::from(byte)));
    PALETTE.get(sum % PALETTE.len()).copied().unwrap_or(Color::Cyan)
}
