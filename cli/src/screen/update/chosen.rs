//! What one does to the chosen message: answer it, change it, delete it, set an emoji, pin it, copy it, look at it
//! (TU-6). Letters do it as long as a message is chosen; any other letter goes into the box.

use super::super::keys::Action;
use super::super::panels;
use super::super::state::{About, Focus, Line, Notice, Panel, Question, Screen, Words, field};
use super::Effect;
use crate::error::Diagnostic;

/// Does what a key asks of the chosen message.
pub(super) fn act(screen: &mut Screen, action: Action) -> Vec<Effect> {
    if action == Action::Search {
        super::finding::begin(screen);
        return Vec::new();
    }
    let Some((group, me)) = screen.group().map(|group| (group.id.clone(), group.me.clone())) else { return Vec::new() };
    let Some(line) = chosen(screen).cloned() else {
        let none = Diagnostic::usage("no message is chosen", "this is done to one message");
        screen.notice = Some(Notice::Bad(none.hint("Shift-Up chooses one")));
        return Vec::new();
    };
    match action {
        Action::Copy => return copy(screen, &line),
        Action::Info => screen.panel = Some(Panel::Info(panels::about(&line, &screen.zone))),
        _ if line.place.is_none() => waits(screen),
        Action::Reply => begin(screen, About::Reply { message: line.key }, None),
        Action::Edit => match line.words {
            Words::Said(words) if line.author == me => begin(screen, About::Edit { message: line.key }, Some(&words)),
            Words::Said(_) | Words::Absent(_) => not_yours(screen),
        },
        Action::React => screen.panel = Some(Panel::Ask { what: Question::Emoji, line: field() }),
        Action::Delete => screen.panel = Some(Panel::Delete(line.key)),
        Action::Pin => {
            let done = if line.is_pinned { Done::Unpin } else { Done::Pin };
            return vec![Effect::Do { group, message: line.key, done }];
        }
        _ => {}
    }
    Vec::new()
}

/// What is done to a message that is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Done {
    Delete,
    React(&'static str),
    NoEmoji(&'static str),
    Pin,
    Unpin,
}

/// An emoji was typed: itself, its name, or its number in the row that was shown. The same once more takes it back.
pub fn react(screen: &mut Screen, typed: &str) -> Vec<Effect> {
    let Some(emoji) = emoji(typed) else {
        let wrong = Diagnostic::usage("that is not one emoji", "type a number, the emoji, or its name");
        screen.notice = Some(Notice::Bad(wrong.hint("tada")));
        return Vec::new();
    };
    screen.panel = None;
    let (Some(line), Some(group)) = (chosen(screen).cloned(), screen.group()) else { return Vec::new() };
    let done = if line.mine.iter().any(|mine| mine == emoji) { Done::NoEmoji(emoji) } else { Done::React(emoji) };
    vec![Effect::Do { group: group.id.clone(), message: line.key, done }]
}

/// The ones that are offered by number.
pub const OFFERED: [&str; 8] = ["👍", "❤️", "😂", "🎉", "🙏", "👀", "✅", "😢"];

fn emoji(typed: &str) -> Option<&'static str> {
    let typed = typed.trim();
    if let Ok(number) = typed.parse::<usize>() {
        return OFFERED.get(number.checked_sub(1)?).copied();
    }
    let found = emojis::get(typed).or_else(|| emojis::get_by_shortcode(typed.trim_matches(':')));
    found.map(emojis::Emoji::as_str)
}

/// The line that is chosen.
fn chosen(screen: &Screen) -> Option<&Line> {
    let room = screen.room()?;
    room.index_of(room.chosen.as_ref()?).and_then(|at| room.lines.get(at))
}

/// The box is for this message from now on, until it is sent or left by Esc.
fn begin(screen: &mut Screen, about: About, words: Option<&str>) {
    screen.focus = Focus::Composer;
    let Some(room) = screen.room_mut() else { return };
    if let Some(words) = words {
        // What was being written comes back when the change is sent or given up.
        room.laid_aside = Some(room.draft.lines().join("\n"));
        room.draft = field();
        room.draft.insert_str(words);
    }
    room.about = Some(about);
}

fn copy(screen: &mut Screen, line: &Line) -> Vec<Effect> {
    let Words::Said(words) = &line.words else {
        screen.notice = Some(Notice::Bad(Diagnostic::usage("nothing to copy", "this message has no words")));
        return Vec::new();
    };
    screen.notice = Some(Notice::Good("Copied.".to_owned()));
    vec![Effect::Copy(words.clone())]
}

fn not_yours(screen: &mut Screen) {
    let why = "only its author can change a message, as long as it has words";
    screen.notice = Some(Notice::Bad(Diagnostic::usage("not changed", why).hint("r answers it")));
}

fn waits(screen: &mut Screen) {
    let why = "it waits for somebody to come in reach, and nobody has it yet";
    screen.notice = Some(Notice::Bad(Diagnostic::usage("not yet", why).hint("coterie outbox list")));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_emoji_is_a_number_itself_or_its_name() {
        assert_eq!(emoji("1"), Some("👍"));
        assert_eq!(emoji(" 🎉 "), Some("🎉"));
        assert_eq!(emoji(":tada:"), Some("🎉"));
        assert_eq!(emoji("tada"), Some("🎉"));
        for wrong in ["", "0", "9", "yes indeed", "👍👍"] {
            assert_eq!(emoji(wrong), None, "{wrong:?}");
        }
        assert!(OFFERED.iter().all(|offered| emojis::get(offered).is_some()));
    }
}
