//! What stands where: header, groups, timeline, members, the box to type in, and one last line (TU-1, TU-2). Drawing
//! changes nothing.

use jiff::tz::TimeZone;
use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Position, Rect};
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::{Line as Row, Span};
use ratatui::widgets::{Block, Borders, Paragraph, Wrap};

use super::state::{About, Focus, Group, Look, Mark, Marks, Members, Notice, Person, Reach, Screen};
use super::timeline::{self, Canvas, accent, dim, fit};
use super::{panels, state};
use crate::text;

/// Below this there is room for one sentence only.
const LEAST: (u16, u16) = (40, 12);
/// From so many columns on, groups stand beside the timeline, and from the second number on members do.
const TWO_PANES: u16 = 80;
const THREE_PANES: u16 = 110;
/// Columns of a pane at the side.
const SIDE: u16 = 20;
/// Rows of the box at most; a longer text scrolls in it.
const BOX_ROWS_MAX: u16 = 6;

/// Where everything stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Areas {
    pub header: Rect,
    pub groups: Option<Rect>,
    pub timeline: Rect,
    pub members: Option<Rect>,
    pub composer: Rect,
    pub footer: Rect,
}

/// Where everything stands on a screen of this size.
#[must_use]
pub fn areas(screen: &Screen) -> Areas {
    let (columns, rows) = screen.size;
    let all = Rect::new(0, 0, columns, rows);
    let typed = screen.room().map_or(1, |room| {
        let about = u16::from(room.about.is_some());
        box_rows(room.draft.lines(), columns.saturating_sub(3)) + about
    });
    let parts = [Constraint::Length(1), Constraint::Fill(1), Constraint::Length(typed + 1), Constraint::Length(1)];
    let [header, body, composer, footer] = Layout::vertical(parts).areas(all);
    let is_wide = columns >= TWO_PANES;
    let wants_members = match screen.members {
        Members::Fitting => columns >= THREE_PANES,
        Members::Shown => true,
        Members::Hidden => false,
    };
    // A narrow screen shows one pane, the one that was asked for last.
    let (left, right) = match (is_wide, screen.focus, wants_members) {
        (true, _, true) => (SIDE, SIDE),
        (true, _, false) => (SIDE, 0),
        (false, Focus::Groups, _) => (columns, 0),
        (false, _, true) => (0, columns),
        (false, _, false) => (0, 0),
    };
    let parts = [Constraint::Length(left), Constraint::Fill(1), Constraint::Length(right)];
    let [groups, timeline, members] = Layout::horizontal(parts).areas(body);
    Areas {
        header,
        groups: (left > 0).then_some(groups),
        timeline,
        members: (right > 0).then_some(members),
        composer,
        footer,
    }
}

/// Rows that a text takes in the box.
fn box_rows(lines: &[String], width: u16) -> u16 {
    let width = usize::from(width).max(1);
    let rows: usize = lines.iter().map(|line| text::width(line) / width + 1).sum();
    u16::try_from(rows).unwrap_or(BOX_ROWS_MAX).clamp(1, BOX_ROWS_MAX)
}

/// The part of an area that the timeline is drawn in: a column of air on each side.
#[must_use]
pub const fn canvas(area: Rect, look: Look, zone: &TimeZone) -> Canvas<'_> {
    Canvas { width: (area.width as usize).saturating_sub(2), height: area.height as usize, look, zone }
}

/// Draws everything.
pub fn draw(screen: &Screen, frame: &mut Frame<'_>) {
    let (columns, rows) = screen.size;
    if columns < LEAST.0 || rows < LEAST.1 {
        let words = format!("A little more room, please: at least {} by {}.", LEAST.0, LEAST.1);
        return frame.render_widget(Paragraph::new(words).wrap(Wrap { trim: true }), frame.area());
    }
    let areas = areas(screen);
    header(screen, frame, areas.header);
    if screen.groups.is_empty() {
        welcome(screen, frame, areas);
    } else {
        if let Some(area) = areas.groups {
            groups(screen, frame, area);
        }
        lines(screen, frame, areas.timeline);
        if let Some(area) = areas.members {
            members(screen, frame, area);
        }
        composer(screen, frame, areas.composer);
    }
    footer(screen, frame, areas.footer);
    panels::draw(screen, frame);
}

fn header(screen: &Screen, frame: &mut Frame<'_>, area: Rect) {
    let left = match screen.group() {
        Some(group) => format!(" {}  {} of 100 seats, {} in reach", group.name, group.seated, group.online),
        None => " Coterie".to_owned(),
    };
    let right = match screen.reach {
        Reach::Here => screen.sentence.clone(),
        Reach::Lost => "The node doesn't answer. Trying again.".to_owned(),
    };
    let width = usize::from(area.width);
    let left = fit(&left, width);
    // A sentence that would be cut says little; what matters of it stands on the left, too.
    let free = width.saturating_sub(text::width(&left) + 3);
    let right =
        if text::width(&right) <= free || screen.reach == Reach::Lost { fit(&right, free) } else { String::new() };
    let gap = width.saturating_sub(text::width(&left) + text::width(&right) + 1);
    let row = Row::from(format!("{left}{}{right} ", " ".repeat(gap)));
    frame.render_widget(Paragraph::new(row).style(Style::new().add_modifier(Modifier::REVERSED)), area);
}

fn welcome(screen: &Screen, frame: &mut Frame<'_>, areas: Areas) {
    let words = if screen.is_read {
        vec![
            Row::from("You are in no group yet."),
            Row::from(""),
            Row::from("  n   found a group"),
            Row::from("  j   join by a link that you were given"),
            Row::from(""),
            Row::from(Span::styled("Nobody can search for your group: people come in by your link alone.", dim())),
        ]
    } else {
        vec![Row::from("One moment.")]
    };
    let area = Rect { x: 3, y: areas.header.height + 1, width: areas.header.width.saturating_sub(4), height: 7 };
    frame.render_widget(Paragraph::new(words).wrap(Wrap { trim: false }), area.intersection(frame.area()));
}

fn groups(screen: &Screen, frame: &mut Frame<'_>, area: Rect) {
    let is_focused = screen.focus == Focus::Groups;
    let style = if is_focused { accent(screen.look, Color::Cyan).add_modifier(Modifier::BOLD) } else { dim() };
    let block = pane(screen, "Groups", style, Borders::RIGHT);
    let width = usize::from(area.width).saturating_sub(2);
    let loud = accent(screen.look, Color::Yellow).add_modifier(Modifier::BOLD);
    let row = |group: &Group| {
        let is_open = screen.open.as_ref() == Some(&group.id);
        let mark = match (is_open, screen.look.marks) {
            (true, Marks::Unicode) => "▸",
            (true, Marks::Ascii) => ">",
            (false, _) => " ",
        };
        let count = if group.unread > 0 { format!(" {}", group.unread) } else { String::new() };
        let name = fit(&group.name, width.saturating_sub(count.len() + 2));
        let gap = width.saturating_sub(text::width(&name) + count.len() + 2);
        let is_loud = group.unread > 0 && !group.is_muted;
        let style = if is_loud || is_open { Style::new().add_modifier(Modifier::BOLD) } else { Style::new() };
        let style = if group.closed.is_some() { style.patch(dim()) } else { style };
        Row::from(vec![
            Span::raw(format!("{mark} ")),
            Span::styled(name, style),
            Span::raw(" ".repeat(gap)),
            Span::styled(count, if group.is_muted { dim() } else { loud }),
        ])
    };
    let rows: Vec<Row<'_>> = screen.groups.iter().map(row).collect();
    frame.render_widget(Paragraph::new(rows).block(block), area);
}

fn lines(screen: &Screen, frame: &mut Frame<'_>, area: Rect) {
    let (Some(room), Some(group)) = (screen.room(), screen.group()) else { return };
    let inner = Rect { x: area.x + 1, width: area.width.saturating_sub(2), ..area };
    if room.lines.is_empty() {
        let words = if room.is_loading {
            vec![Row::from("One moment.")]
        } else if group.seated <= 1 {
            vec![Row::from("You are alone here so far."), Row::from("Ctrl-N makes a link that lets people in.")]
        } else {
            vec![Row::from("Nothing was said yet."), Row::from("Say good morning.")]
        };
        return frame.render_widget(Paragraph::new(words).style(dim()), inner);
    }
    let (rows, seen) = timeline::window(room, canvas(area, screen.look, &screen.zone));
    let height = u16::try_from(rows.len()).unwrap_or(area.height).min(area.height);
    let low = Rect { y: area.y + area.height - height, height, ..inner };
    frame.render_widget(Paragraph::new(rows), low);
    let below = room.lines.len() - seen.end;
    if below > 0 || room.is_cut {
        let below = if room.is_cut { format!("{below}+") } else { below.to_string() };
        let arrow = if screen.look.marks == Marks::Unicode { "↓" } else { "v" };
        let words = format!(" {arrow} {below} newer, Esc ");
        let width = u16::try_from(text::width(&words)).unwrap_or(area.width).min(area.width);
        let place = Rect { x: area.right() - width, y: area.bottom() - 1, width, height: 1 };
        frame.render_widget(Paragraph::new(words).style(Style::new().add_modifier(Modifier::REVERSED)), place);
    }
}

fn members(screen: &Screen, frame: &mut Frame<'_>, area: Rect) {
    let Some(room) = screen.room() else { return };
    let width = usize::from(area.width).saturating_sub(2);
    let row = |person: &Person| {
        let mark = match (person.mark, screen.look.marks) {
            (Mark::Organiser, Marks::Unicode) => "★",
            (Mark::Organiser, Marks::Ascii) => "*",
            (Mark::Guest, Marks::Unicode) => "◇",
            (Mark::Guest, Marks::Ascii) => "+",
            (Mark::Member, _) => " ",
        };
        let near = match (person.me, person.online, screen.look.marks) {
            (true, ..) => "you",
            (_, true, Marks::Unicode) => "●",
            (_, true, Marks::Ascii) => "on",
            (_, false, Marks::Unicode) => "○",
            (_, false, Marks::Ascii) => "-",
        };
        let name = fit(&person.name, width.saturating_sub(text::width(near) + 3));
        let gap = width.saturating_sub(text::width(&name) + text::width(near) + 2);
        let style = if person.online || person.me { Style::new() } else { dim() };
        let near = Span::styled(near, if person.online { accent(screen.look, Color::Green) } else { dim() });
        Row::from(vec![Span::raw(mark), Span::raw(" "), Span::styled(name, style), Span::raw(" ".repeat(gap)), near])
    };
    let rows: Vec<Row<'_>> = room.people.iter().map(row).collect();
    let title = format!("{} of 100", room.people.len());
    frame.render_widget(Paragraph::new(rows).block(pane(screen, &title, dim(), Borders::LEFT)), area);
}

fn pane<'a>(screen: &Screen, title: &str, style: Style, borders: Borders) -> Block<'a> {
    let block = Block::new().title(Span::styled(format!(" {title}"), style)).borders(borders);
    bordered(block, screen.look).border_style(dim())
}

/// Lines of the terminal's box characters, or of ASCII.
#[must_use]
pub fn bordered(block: Block<'_>, look: Look) -> Block<'_> {
    const ASCII: ratatui::symbols::border::Set<'_> = ratatui::symbols::border::Set {
        top_left: "+",
        top_right: "+",
        bottom_left: "+",
        bottom_right: "+",
        vertical_left: "|",
        vertical_right: "|",
        horizontal_top: "-",
        horizontal_bottom: "-",
    };
    match look.marks {
        Marks::Unicode => block,
        Marks::Ascii => block.border_set(ASCII),
    }
}

fn composer(screen: &Screen, frame: &mut Frame<'_>, area: Rect) {
    let (Some(room), Some(group)) = (screen.room(), screen.group()) else { return };
    let block = bordered(Block::new().borders(Borders::TOP).border_style(dim()), screen.look);
    let inner = block.inner(area);
    frame.render_widget(block, area);
    if let Some(closed) = group.closed {
        return frame.render_widget(Paragraph::new(format!(" {closed}")).style(dim()), inner);
    }
    let inner = match &room.about {
        None => inner,
        Some(about) => {
            let words = match about {
                About::Reply { message } => {
                    let line = room.index_of(message).and_then(|at| room.lines.get(at));
                    format!("Answer to {}", line.map_or("a message", |line| line.name.as_str()))
                }
                About::Edit { .. } => "Other words for your message".to_owned(),
            };
            let words = fit(&format!("{words}  (Esc: not)"), usize::from(inner.width));
            frame.render_widget(Paragraph::new(words).style(dim()), Rect { height: 1, ..inner });
            Rect { y: inner.y + 1, height: inner.height.saturating_sub(1), ..inner }
        }
    };
    frame.render_widget(Paragraph::new(">"), Rect { width: 1, height: 1, ..inner });
    let field = Rect { x: inner.x + 2, width: inner.width.saturating_sub(2), ..inner };
    if room.draft.is_empty() {
        let words = fit(&format!("Write to {}", group.name), usize::from(field.width));
        frame.render_widget(Paragraph::new(words).style(dim()), field);
    } else {
        frame.render_widget(&room.draft, field);
    }
    if screen.panel.is_none() && screen.focus != Focus::Groups {
        cursor_in(&room.draft, frame, field);
    }
}

/// The terminal's own cursor, where screen readers look for it (TU-14).
pub fn cursor_in(typed: &state::Field, frame: &mut Frame<'_>, area: Rect) {
    let (at, (top, left)) = (typed.screen_cursor(), typed.scroll_offset());
    let column = u16::try_from(at.col).unwrap_or_default().saturating_sub(left).min(area.width.saturating_sub(1));
    let row = u16::try_from(at.row).unwrap_or_default().saturating_sub(top).min(area.height.saturating_sub(1));
    frame.set_cursor_position(Position { x: area.x + column, y: area.y + row });
}

fn footer(screen: &Screen, frame: &mut Frame<'_>, area: Rect) {
    let width = usize::from(area.width).saturating_sub(2);
    let (words, style) = match &screen.notice {
        Some(Notice::Good(words)) => (words.clone(), accent(screen.look, Color::Green)),
        Some(Notice::Bad(why)) => (problem(why), accent(screen.look, Color::Red).add_modifier(Modifier::BOLD)),
        None => (hints(screen), dim()),
    };
    frame.render_widget(Paragraph::new(format!(" {}", fit(&words, width))).style(style), area);
}

fn problem(why: &crate::error::Diagnostic) -> String {
    let hint = why.hints.first().map(|hint| format!(". Try: {hint}")).unwrap_or_default();
    text::line(&format!("{}: {}{hint}", why.what, why.why))
}

fn hints(screen: &Screen) -> String {
    let waiting = screen.group().map_or(0, |group| group.waiting);
    let waits = match waiting {
        0 => String::new(),
        1 => "1 message waits for somebody to come  ".to_owned(),
        several => format!("{several} messages wait for somebody to come  "),
    };
    let keys = match (screen.groups.is_empty(), screen.focus) {
        (true, _) => "n found  j join  F1 keys  Ctrl-C twice quits",
        (_, Focus::Timeline) => "r answer  + emoji  e change  d delete  p pin  y copy  i who has it  Esc back",
        (_, Focus::Groups) => "Up/Down group  Enter open  Esc back  F1 keys",
        (_, Focus::Composer) => "Enter send  Ctrl-K jump  Ctrl-F find  Ctrl-N invite  PgUp older  F1 keys",
    };
    format!("{waits}{keys}")
}
