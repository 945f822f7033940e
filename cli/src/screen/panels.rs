//! What lies over the panes: the keys, the jump list, one line to type, a link with its code, who has a message. Each is
//! left by Esc, and nothing typed into it is lost by a wrong word.

use jiff::tz::TimeZone;
use ratatui::Frame;
use ratatui::crossterm::event::{KeyCode, KeyEvent};
use ratatui::layout::Rect;
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::{Line as Row, Span};
use ratatui::widgets::{Block, Clear, Paragraph, Wrap};

use super::keys::{Action, CHOSEN, KEYS};
use super::state::{Delivery, Field, Joining, Line, Link, Notice, Panel, Question, Screen, Words};
use super::timeline::{dim, fit};
use super::update::{Done, Effect, OFFERED, act, open, react};
use super::{finding, view};
use crate::error::Diagnostic;
use crate::{qr, text};

/// Where one can jump to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    Group(String),
    Do(Action),
}

/// A key while a panel is open.
pub fn on_key(screen: &mut Screen, key: KeyEvent) -> Vec<Effect> {
    if matches!(key.code, KeyCode::Esc | KeyCode::F(1)) {
        let left = screen.panel.take();
        screen.joining = screen.joining.take().filter(|_| !matches!(left, Some(Panel::Preview(_))));
        match left {
            Some(Panel::Preview(seen)) => return vec![Effect::Cancel(seen.join)],
            Some(Panel::Search(search)) => screen.search = Some(search),
            _ => {}
        }
        return Vec::new();
    }
    match &mut screen.panel {
        Some(Panel::Ask { what, line }) => {
            let what = *what;
            if key.code == KeyCode::Enter {
                let typed = line.lines().join(" ").trim().to_owned();
                return answer(screen, what, typed);
            }
            line.input(key);
        }
        Some(Panel::Search(_)) => return finding::on_key(screen, key),
        Some(Panel::Jump { query, at }) => match key.code {
            KeyCode::Enter => return jump(screen),
            KeyCode::Up => *at = at.saturating_sub(1),
            KeyCode::Down | KeyCode::Tab => *at += 1,
            _ => {
                query.input(key);
                *at = 0;
            }
        },
        Some(Panel::Link(link)) if key.code == KeyCode::Char('y') => {
            let words = link.link.clone();
            screen.notice = Some(Notice::Good("The link is copied.".to_owned()));
            return vec![Effect::Copy(words)];
        }
        Some(Panel::Preview(seen)) if key.code == KeyCode::Enter => {
            let join = seen.join.clone();
            screen.panel = None;
            screen.joining = Some(Joining { id: join.clone(), is_agreed: true });
            return vec![Effect::Agree(join)];
        }
        Some(Panel::Delete(message)) if key.code == KeyCode::Enter => {
            let message = std::mem::take(message);
            screen.panel = None;
            let group = screen.group().map(|group| group.id.clone()).unwrap_or_default();
            return vec![Effect::Do { group, message, done: Done::Delete }];
        }
        Some(Panel::Preview(_) | Panel::Delete(_)) => {}
        Some(Panel::Keys | Panel::Info(_) | Panel::Link(_)) => screen.panel = None,
        None => {}
    }
    Vec::new()
}

/// The panel stays until the node has said yes: a typing mistake costs nothing.
fn answer(screen: &mut Screen, what: Question, typed: String) -> Vec<Effect> {
    if typed.is_empty() {
        let why = match what {
            Question::NewGroup => "a group needs a name",
            Question::Invite => "the link is missing",
            Question::Emoji => "the emoji is missing",
        };
        screen.notice = Some(Notice::Bad(Diagnostic::usage("nothing was typed", why).hint("Esc to go back")));
        return Vec::new();
    }
    match what {
        Question::NewGroup => vec![Effect::Found(typed)],
        Question::Invite => vec![Effect::Join(typed)],
        Question::Emoji => react(screen, &typed),
    }
}

fn jump(screen: &mut Screen) -> Vec<Effect> {
    let Some(Panel::Jump { query, at }) = &screen.panel else { return Vec::new() };
    let wanted = query.lines().join(" ");
    let found = targets(screen, &wanted);
    let Some((_, target)) = found.into_iter().nth(*at) else { return Vec::new() };
    screen.panel = None;
    match target {
        Target::Group(id) => open(screen, &id),
        Target::Do(action) => act(screen, action),
    }
}

/// Groups first, then actions; those whose letters contain what was typed, in order.
fn targets(screen: &Screen, wanted: &str) -> Vec<(String, Target)> {
    let groups = screen.groups.iter().map(|group| (group.name.clone(), Target::Group(group.id.clone())));
    let can_be_chosen = |action| !matches!(action, Action::Send | Action::NewLine | Action::Jump);
    let keys = KEYS.iter().filter(|key| !key.name.is_empty() && can_be_chosen(key.action));
    let actions = keys.map(|key| (format!("{}  ({})", key.what, key.name), Target::Do(key.action)));
    groups.chain(actions).filter(|(name, _)| fits(name, wanted)).collect()
}

/// Whether the letters of `wanted` occur in this order, whatever their case.
fn fits(name: &str, wanted: &str) -> bool {
    let name = name.to_lowercase();
    let mut letters = name.chars();
    wanted.to_lowercase().chars().filter(|c| !c.is_whitespace()).all(|c| letters.any(|letter| letter == c))
}

/// What is known of one message.
#[must_use]
pub fn about(line: &Line, zone: &TimeZone) -> Vec<String> {
    let at = |format: &str| line.at.map(|at| at.to_zoned(zone.clone()).strftime(format).to_string());
    let mut lines = vec![format!("{}, {}", line.name, at("%A %-d %B %Y, %H:%M:%S %Z").unwrap_or_default())];
    if let Words::Said(words) = &line.words {
        lines.push(fit(&text::line(words), 60));
    }
    lines.push(String::new());
    lines.push(match line.delivery {
        None => "Whoever was in the group when it was said can read it.".to_owned(),
        Some(Delivery::Queued) => "Kept on this computer. It is sealed when a member comes in reach.".to_owned(),
        Some(Delivery::Saved | Delivery::Reached(0, _)) => "Sealed, and only on this computer so far.".to_owned(),
        Some(Delivery::Reached(reached, due)) => format!("{reached} of {due} have it on their disks."),
    });
    lines
}

/// Draws the panel that is open.
pub fn draw(screen: &Screen, frame: &mut Frame<'_>) {
    match &screen.panel {
        None => {}
        Some(Panel::Keys) => keys(screen, frame),
        Some(Panel::Jump { query, at }) => jump_list(screen, frame, query, *at),
        Some(Panel::Search(search)) => finding::draw(screen, frame, search),
        Some(Panel::Ask { what, line }) => ask(screen, frame, *what, line),
        Some(Panel::Link(link)) => link_box(screen, frame, link),
        Some(Panel::Preview(seen)) => {
            let mut rows = vec![Row::from(Span::styled(seen.group.clone(), Style::new().add_modifier(Modifier::BOLD)))];
            rows.extend((!seen.about.is_empty()).then(|| Row::from(seen.about.clone())));
            rows.push(Row::from(format!("{} of 100 seats are taken.", seen.members)));
            rows.extend([Row::from(""), Row::from("Enter joins.  Esc leaves it.")]);
            boxed(screen, frame, "Join this group?", rows);
        }
        Some(Panel::Delete(_)) => {
            let rows = [
                "Everybody's program erases it.",
                "What somebody has read or copied stays with them.",
                "",
                "Enter deletes it.  Esc leaves it.",
            ];
            boxed(screen, frame, "Delete for everyone?", rows.map(Row::from).into());
        }
        Some(Panel::Info(lines)) => {
            boxed(screen, frame, "This message", lines.iter().cloned().map(Row::from).collect());
        }
    }
}

fn link_box(screen: &Screen, frame: &mut Frame<'_>, link: &Link) {
    let code = qr::cells(&link.short);
    // The code alone has to fit; a camera needs all of it.
    let below = u16::try_from(link.notice.len()).unwrap_or_default();
    let room = screen.size.1 >= 21 + 6 + below && screen.size.0 >= 45;
    let until = format!("One person, until {}.  y copies the link.  Esc closes.", link.until);
    let mut rows = vec![Row::from(format!("This lets somebody into {}:", link.group)), Row::from("")];
    let wide = usize::from(screen.size.0).saturating_sub(8).min(76);
    rows.extend(cut(&link.link, wide).into_iter().map(Row::from));
    rows.push(Row::from(""));
    let white = Style::new().fg(Color::Black).bg(Color::Gray);
    match code.filter(|_| room) {
        Some(code) => rows.extend(code.into_iter().map(|row| Row::from(Span::styled(row, white)))),
        None => rows.push(Row::from(Span::styled("A taller window shows the code as well.", dim()))),
    }
    rows.push(Row::from(""));
    let bold = Style::new().add_modifier(Modifier::BOLD);
    rows.extend(link.notice.iter().map(|sentence| Row::from(Span::styled(sentence.clone(), bold))));
    rows.push(Row::from(until));
    boxed(screen, frame, "Invite", rows);
}

/// Cut wherever a row is full: a link has no places to break at.
fn cut(link: &str, columns: usize) -> Vec<String> {
    let letters: Vec<char> = link.chars().collect();
    letters.chunks(columns.max(1)).map(|row| row.iter().collect()).collect()
}

fn keys(screen: &Screen, frame: &mut Frame<'_>) {
    let row = |key: &super::keys::Key| Row::from(format!("{:<13}{}", key.name, key.what));
    let mut rows: Vec<Row<'_>> = KEYS.iter().filter(|key| !key.name.is_empty()).map(row).collect();
    let width = usize::from(screen.size.0).saturating_sub(8);
    if rows.len() + 5 > usize::from(screen.size.1) && width >= 72 {
        let right = rows.split_off(rows.len().div_ceil(2));
        for (left, right) in rows.iter_mut().zip(right) {
            let gap = " ".repeat(37_usize.saturating_sub(left.width()));
            left.spans.push(Span::raw(gap));
            left.spans.extend(right.spans);
        }
    }
    let chosen = CHOSEN.iter().filter(|key| !key.name.is_empty()).map(|key| format!("{} {}", key.name, key.what));
    rows.push(Row::from(""));
    rows.push(Row::from(format!("On a chosen message: {}", chosen.collect::<Vec<_>>().join("  "))));
    rows.push(Row::from("In the box: /invite /join LINK /new /find /members /quit"));
    boxed(screen, frame, "Keys", rows);
}

fn jump_list(screen: &Screen, frame: &mut Frame<'_>, query: &Field, at: usize) {
    let found = targets(screen, &query.lines().join(" "));
    let at = at.min(found.len().saturating_sub(1));
    let most = usize::from(screen.size.1).saturating_sub(10).clamp(3, 12);
    let first = at.saturating_sub(most - 1);
    let mut rows = vec![Row::from(format!("> {}", query.lines().join(" "))), Row::from("")];
    for (number, (name, _)) in found.iter().enumerate().skip(first).take(most) {
        let style = if number == at { Style::new().add_modifier(Modifier::REVERSED) } else { Style::new() };
        rows.push(Row::from(Span::styled(fit(name, 56), style)));
    }
    if found.is_empty() {
        rows.push(Row::from(Span::styled("Nothing is called that.", dim())));
    }
    let inner = boxed(screen, frame, "Jump", rows);
    let line = Rect { x: inner.x + 2, width: inner.width.saturating_sub(2), height: 1, ..inner };
    view::cursor_in(query, frame, line);
}

fn ask(screen: &Screen, frame: &mut Frame<'_>, what: Question, typed: &Field) {
    let (title, question) = match what {
        Question::NewGroup => ("Found a group", "What is it called? It has 100 seats; you take the first.".to_owned()),
        Question::Invite => ("Join", "Paste the link that you were given.".to_owned()),
        Question::Emoji => ("Emoji", offered()),
    };
    let rows = vec![
        Row::from(question),
        Row::from(""),
        Row::from(""),
        Row::from(""),
        Row::from(""),
        Row::from(Span::styled("Enter goes on.  Esc goes back.", dim())),
    ];
    let inner = boxed(screen, frame, title, rows);
    let field = Rect { y: inner.y + 2, height: 3.min(inner.height.saturating_sub(2)), ..inner };
    frame.render_widget(typed, field);
    view::cursor_in(typed, frame, field);
}

/// The emojis that have a number.
fn offered() -> String {
    let each = OFFERED.iter().enumerate().map(|(at, emoji)| format!("{} {emoji}", at + 1));
    format!("{}, or its name.", each.collect::<Vec<_>>().join("  "))
}

/// A box in the middle, as large as its rows; gives the inside.
pub fn boxed(screen: &Screen, frame: &mut Frame<'_>, title: &str, rows: Vec<Row<'_>>) -> Rect {
    let all = frame.area();
    let widest = rows.iter().map(Row::width).max().unwrap_or_default().max(56);
    let width = u16::try_from(widest + 4).unwrap_or(all.width).min(all.width.saturating_sub(2));
    let height = u16::try_from(rows.len() + 2).unwrap_or(all.height).min(all.height.saturating_sub(2));
    let area = Rect { x: (all.width - width) / 2, y: (all.height - height) / 2, width, height };
    let block = view::bordered(Block::bordered().title(format!(" {title} ")), screen.look);
    let inner = block.inner(area);
    let inside = Rect { x: inner.x + 1, width: inner.width.saturating_sub(2), ..inner };
    frame.render_widget(Clear, area);
    frame.render_widget(block, area);
    frame.render_widget(Paragraph::new(rows).wrap(Wrap { trim: false }), inside);
    inside
}
