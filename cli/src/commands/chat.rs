//! `chat`: the full screen, or line by line for screen readers and plain terminals (TU-14).

use std::io::{BufRead, IsTerminal};

use serde_json::json;
use tokio::sync::mpsc;

use super::message::{Ids, render};
use super::{id_of, name_of, the_group};
use crate::api::Api;
use crate::args::{Chat, Global};
use crate::error::Diagnostic;
use crate::output::Output;
use crate::screen::{self, Colour, Look, Marks};

/// `chat`.
///
/// # Errors
/// What the node says, or that there is no terminal to draw on.
pub async fn run(api: Api, output: &Output, (global, chat): (&Global, Chat)) -> Result<u8, Diagnostic> {
    if global.plain || global.json || is_dumb() {
        return lines(&api, output, &chat).await;
    }
    if !output.is_interactive() {
        let why = "the screen needs a terminal on both ends";
        return Err(Diagnostic::usage("there is no terminal here", why).hint("coterie chat --plain"));
    }
    let first = match &chat.group {
        Some(group) => Some(id_of(&the_group(&api, Some(group)).await?).to_owned()),
        None => None,
    };
    screen::run(api, first, look(output)).await
}

/// How this terminal may be drawn on.
pub fn look(output: &Output) -> Look {
    let is_utf8 = ["LC_ALL", "LC_CTYPE", "LANG"].iter().find_map(std::env::var_os).is_none_or(|locale| {
        let locale = locale.to_string_lossy().to_lowercase();
        locale.contains("utf-8") || locale.contains("utf8")
    });
    let ascii = !is_utf8 || std::env::var_os("COTERIE_ASCII").is_some_and(|value| value == "1");
    Look {
        colour: if output.is_coloured() { Colour::On } else { Colour::Off },
        marks: if ascii { Marks::Ascii } else { Marks::Unicode },
    }
}

/// Whether the terminal says of itself that it can't place a cursor.
#[must_use]
pub fn is_dumb() -> bool {
    std::env::var_os("TERM").is_none_or(|term| term == "dumb")
}

/// What was said last, then what comes, and every typed line goes out. Nothing is ever drawn twice.
async fn lines(api: &Api, output: &Output, chat: &Chat) -> Result<u8, Diagnostic> {
    let group = the_group(api, chat.group.as_deref()).await?;
    let (page, position) = api.get_at(&format!("/groups/{}/messages?limit=20", id_of(&group))).await?;
    for line in page["items"].as_array().into_iter().flatten() {
        output.object(line, || render(output, line, Ids::Hidden));
    }
    if std::io::stdin().is_terminal() {
        output.remark(&format!("Every line goes to {}. /quit ends.", name_of(&group)));
    }
    let mut events = api.events(id_of(&group), &["message"], position);
    let mut typed = typed_lines();
    let me = group["me"].as_str().unwrap_or_default().to_owned();
    loop {
        tokio::select! {
            line = typed.recv() => match line {
                None => return Ok(0),
                Some(line) => match spoken(&line) {
                    Spoken::Nothing => {}
                    Spoken::Quit => return Ok(0),
                    Spoken::Unknown(verb) => output.remark(&format!("There is no {verb}. /quit ends; // says a slash.")),
                    Spoken::Words(words) => {
                        let path = format!("/groups/{}/messages", id_of(&group));
                        api.post(&path, &json!({ "text": words })).await?;
                    }
                },
            },
            event = events.next() => match event? {
                None => return Ok(0),
                // One's own words stand there already, as they were typed.
                Some(event) if event.name == "message" && (output.is_json() || event.data["author"]["id"] != me.as_str()) => {
                    output.object(&event.data, || render(output, &event.data, Ids::Hidden));
                }
                Some(_) => {}
            },
        }
    }
}

/// What a typed line asks for.
#[derive(Debug, PartialEq, Eq)]
enum Spoken {
    Nothing,
    Quit,
    Unknown(String),
    Words(String),
}

fn spoken(line: &str) -> Spoken {
    let line = line.trim_end();
    match line.strip_prefix('/') {
        _ if line.trim().is_empty() => Spoken::Nothing,
        None => Spoken::Words(line.to_owned()),
        Some(rest) if rest.starts_with('/') => Spoken::Words(rest.to_owned()),
        Some("quit") => Spoken::Quit,
        Some(_) => Spoken::Unknown(line.split(' ').next().unwrap_or_default().to_owned()),
    }
}

fn typed_lines() -> mpsc::Receiver<String> {
    let (lines, typed) = mpsc::channel(16);
    std::thread::spawn(move || {
        for line in std::io::stdin().lock().lines() {
            let Ok(line) = line else { break };
            if lines.blocking_send(line).is_err() {
                break;
            }
        }
    });
    typed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ab_03_only_a_slash_at_the_beginning_means_anything() {
        assert_eq!(spoken("@ana #news is plain text"), Spoken::Words("@ana #news is plain text".into()));
        assert_eq!(spoken("//srv/share"), Spoken::Words("/srv/share".into()));
        assert_eq!(spoken("/quit"), Spoken::Quit);
        assert_eq!(spoken("/dance now"), Spoken::Unknown("/dance".into()));
        assert_eq!(spoken("   "), Spoken::Nothing);
    }
}
