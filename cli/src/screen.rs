//! The full screen: groups, timeline, members, and a box to type in.
//!
//! The Elm architecture, as ratatui's own guide lays it out (<https://ratatui.rs/concepts/application-patterns>): what
//! happened goes into [`update()`], a pure step, which says what is to be done; [`view`] draws what is known. This file is
//! the shell around both: it reads keys, follows the node, does what is to be done, and draws at most thirty times a
//! second and never without a reason (TU-12).

mod finding;
mod keys;
mod panels;
mod reading;
mod state;
#[cfg(test)]
mod tests;
mod timeline;
mod update;
mod view;

use std::cell::Cell;
use std::io::{Write, stdout};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use jiff::tz::TimeZone;
use ratatui::crossterm::clipboard::CopyToClipboard;
use ratatui::crossterm::event::{
    DisableBracketedPaste, DisableMouseCapture, EnableBracketedPaste, EnableMouseCapture, Event, poll, read,
};
use ratatui::crossterm::execute;
use serde_json::{Value, json};
use tokio::sync::mpsc::{self, Receiver, Sender};
use tokio::task::AbortHandle;
use tokio::time::Instant;

use crate::api::Api;
use crate::error::Diagnostic;
use crate::text;
use state::{About, Screen};
pub use state::{Colour, Look, Marks};
use update::{Done, Effect, Input, Part, Told, update};

/// Inputs that wait; a reader of keys or of events then waits too.
const INPUTS_MAX: usize = 256;
/// Texts that wait for the node; nobody types faster than it takes them.
const SAYS_MAX: usize = 64;
/// Between two drawings: thirty a second.
const FRAME: Duration = Duration::from_millis(33);
/// Lines of one page; four screens.
const PAGE: usize = 100;
/// How often the reader of keys looks whether it is over.
const KEYS_PAUSE: Duration = Duration::from_millis(100);

/// Shows the screen until the person quits. Begins with the group of this id, if one is named.
///
/// # Errors
/// If the terminal can't be used, or the node isn't there to begin with.
pub async fn run(api: Api, first: Option<String>, look: Look) -> Result<u8, Diagnostic> {
    // A node that isn't there is said in the plain form, before the screen is taken.
    let groups = api.get("/groups").await?;
    let mut terminal = Terminal::enter()?;
    let (inputs, mut heard) = mpsc::channel(INPUTS_MAX);
    let over = Arc::new(AtomicBool::new(false));
    let keys = read_keys(inputs.clone(), Arc::clone(&over));
    tokio::spawn(follow(api.clone(), inputs.clone()));
    let (says, said) = mpsc::channel(SAYS_MAX);
    tokio::spawn(say_in_order(api.clone(), inputs.clone(), said));
    let size = terminal.size();
    let mut screen = Screen::new(size, look, TimeZone::system());
    screen.open = first;
    let hands = Hands { api, inputs, says, searching: Cell::new(None) };
    for effect in update(&mut screen, Input::Told(Told::Groups(groups))) {
        hands.carry_out(effect);
    }
    let ended = show(&mut terminal, &mut screen, &hands, &mut heard).await;
    over.store(true, Ordering::Relaxed);
    drop(terminal);
    // The thread ends at its next look; it holds nothing that anybody waits for.
    drop(keys);
    ended.map(|()| 0)
}

/// What the shell asks the node with.
struct Hands {
    api: Api,
    inputs: Sender<Input>,
    says: Sender<Say>,
    /// The search that is on its way.
    searching: Cell<Option<AbortHandle>>,
}

/// Words on their way to the node.
struct Say {
    group: String,
    text: String,
    about: Option<About>,
}

async fn show(
    terminal: &mut Terminal,
    screen: &mut Screen,
    hands: &Hands,
    heard: &mut Receiver<Input>,
) -> Result<(), Diagnostic> {
    let mut next_frame = Instant::now();
    loop {
        terminal.draw(screen)?;
        next_frame = next_frame.max(Instant::now()) + FRAME;
        let mut input = heard.recv().await;
        if input.is_none() {
            return Ok(());
        }
        // What comes within one frame is drawn together.
        while let Some(one) = input {
            for effect in update(screen, one) {
                match effect {
                    Effect::Quit => return Ok(()),
                    Effect::GiveUp(why) => return Err(why),
                    Effect::Bell => terminal.bell(),
                    Effect::Copy(words) => terminal.copy(&words),
                    effect => hands.carry_out(effect),
                }
            }
            input = tokio::time::timeout_at(next_frame, heard.recv()).await.ok().flatten();
        }
    }
}

impl Hands {
    /// Asks the node; its answer comes back as an input.
    fn carry_out(&self, effect: Effect) {
        let (api, inputs) = (self.api.clone(), self.inputs.clone());
        // What is said goes one after the other, so that it stands in the order in which it was typed.
        let not_said = match effect {
            Effect::Send { group, text, about } => match self.says.try_send(Say { group, text, about }) {
                Ok(()) => return,
                Err(full) => full.into_inner(),
            },
            effect => {
                let is_search = matches!(effect, Effect::Search(_));
                let asking = tokio::spawn(async move {
                    if let Some(told) = ask(&api, effect).await {
                        let _ = inputs.send(Input::Told(told)).await;
                    }
                });
                // Who types on has no interest in the words of before.
                if let Some(before) = is_search.then(|| self.searching.replace(Some(asking.abort_handle()))).flatten() {
                    before.abort();
                }
                return;
            }
        };
        let Say { group, text, about } = not_said;
        let why = Diagnostic::new("busy", 1, "not sent", "the node takes nothing at the moment").hint("coterie status");
        tokio::spawn(async move { inputs.send(Input::Told(Told::NotSent { group, text, about, why })).await });
    }
}

/// Says one thing after the other.
async fn say_in_order(api: Api, inputs: Sender<Input>, mut said: Receiver<Say>) {
    while let Some(Say { group, text, about }) = said.recv().await {
        let path = format!("/groups/{group}/messages");
        let answer = match &about {
            None => api.post(&path, &json!({ "text": text })).await.map(Told::Sent),
            Some(About::Reply { message }) => {
                api.post(&path, &json!({ "text": text, "reply_to": message })).await.map(Told::Sent)
            }
            Some(About::Edit { message }) => {
                api.patch(&format!("{path}/{message}"), &json!({ "text": text })).await.map(Told::Done)
            }
        };
        let told = answer.unwrap_or_else(|why| Told::NotSent { group, text, about, why });
        if inputs.send(Input::Told(told)).await.is_err() {
            return;
        }
    }
}

async fn ask(api: &Api, effect: Effect) -> Option<Told> {
    let answer = match effect {
        Effect::ReadGroups => api.get("/groups").await.map(Told::Groups),
        Effect::ReadLines(group, part) => {
            let mut path = format!("/groups/{group}/messages?limit={PAGE}");
            match &part {
                Part::Newest => {}
                Part::Before(cursor) => path.push_str(&format!("&before={cursor}")),
                Part::After(cursor) => path.push_str(&format!("&after={cursor}")),
                Part::Around { cursor, .. } => path.push_str(&format!("&around={cursor}")),
            }
            api.get(&path).await.map(|page| Told::Lines { group, page, part })
        }
        Effect::ReadPeople(group) => {
            api.get(&format!("/groups/{group}/members")).await.map(|page| Told::People { group, page })
        }
        Effect::Do { group, message, done } => {
            do_to(api, &format!("/groups/{group}/messages/{message}"), done).await.map(Told::Done)
        }
        Effect::Search(words) => return Some(finding::find(api, words).await),
        Effect::Found(name) => api.post("/groups", &json!({ "name": name })).await.map(Told::Founded),
        Effect::Join(link) => api.post("/joins", &json!({ "link": link, "ask_first": true })).await.map(Told::Joining),
        Effect::Agree(join) => {
            let agreed = api.post(&format!("/joins/{join}/agree"), &json!({})).await;
            return agreed.err().map(Told::Failed);
        }
        Effect::Cancel(join) => return api.delete(&format!("/joins/{join}")).await.err().map(Told::Failed),
        Effect::Invite(group) => {
            let invite = api.post(&format!("/groups/{group}/invites"), &json!({})).await;
            match (invite, api.get(&format!("/groups/{group}")).await) {
                (Ok(invite), Ok(group)) => Ok(Told::Link { group, invite }),
                (Err(why), _) | (_, Err(why)) => Err(why),
            }
        }
        Effect::Send { .. } | Effect::Quit | Effect::GiveUp(_) | Effect::Bell | Effect::Copy(_) => return None,
    };
    Some(answer.unwrap_or_else(Told::Failed))
}

/// Does something to the message at this path.
async fn do_to(api: &Api, path: &str, done: Done) -> Result<Value, Diagnostic> {
    match done {
        Done::Delete => api.delete(path).await,
        Done::React(emoji) => api.put(&format!("{path}/reactions/{}", text::escaped(emoji)), &json!({})).await,
        Done::NoEmoji(emoji) => api.delete(&format!("{path}/reactions/{}", text::escaped(emoji))).await,
        Done::Pin => api.put(&format!("{path}/pin"), &json!({})).await,
        Done::Unpin => api.delete(&format!("{path}/pin")).await,
    }
}

/// Events of the node as they come. While it is gone it is asked again, a little later each time.
async fn follow(api: Api, inputs: Sender<Input>) {
    let mut pause = Duration::from_millis(200);
    loop {
        let mut events = api.all_events();
        let told = loop {
            match events.next().await {
                Ok(Some(event)) => {
                    pause = Duration::from_millis(200);
                    let told = Told::Event { kind: event.name, data: event.data };
                    if inputs.send(Input::Told(told)).await.is_err() {
                        return;
                    }
                }
                Err(why) if why.code == "locked" => break Told::Locked(why),
                Ok(None) | Err(_) => break Told::Lost,
            }
        };
        if inputs.send(Input::Told(told)).await.is_err() {
            return;
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(Duration::from_secs(5));
    }
}

fn read_keys(inputs: Sender<Input>, over: Arc<AtomicBool>) -> std::thread::JoinHandle<()> {
    std::thread::spawn(move || {
        while !over.load(Ordering::Relaxed) {
            match poll(KEYS_PAUSE) {
                Ok(false) => continue,
                Ok(true) => {}
                // The terminal is gone.
                Err(_) => break,
            }
            let input = match read() {
                Ok(Event::Key(key)) => Input::Key(key),
                Ok(Event::Paste(text)) => Input::Paste(text),
                Ok(Event::Mouse(mouse)) => Input::Mouse(mouse.kind),
                Ok(Event::Resize(columns, rows)) => Input::Size(columns, rows),
                Ok(Event::FocusGained | Event::FocusLost) => continue,
                Err(_) => break,
            };
            if inputs.blocking_send(input).is_err() {
                break;
            }
        }
    })
}

/// The terminal while the screen has it. However the screen ends, a panic included, the terminal is as it was.
struct Terminal(ratatui::DefaultTerminal);

impl Terminal {
    fn enter() -> Result<Self, Diagnostic> {
        let terminal = ratatui::try_init().map_err(|why| unusable(&why))?;
        let entered = Self(terminal);
        execute!(stdout(), EnableBracketedPaste, EnableMouseCapture).map_err(|why| unusable(&why))?;
        Ok(entered)
    }

    fn size(&self) -> (u16, u16) {
        self.0.size().map_or((80, 24), |size| (size.width, size.height))
    }

    fn draw(&mut self, screen: &Screen) -> Result<(), Diagnostic> {
        self.0.draw(|frame| view::draw(screen, frame)).map(drop).map_err(|why| unusable(&why))
    }

    fn bell(&self) {
        let mut out = stdout();
        let _ = out.write_all(b"\x07");
        let _ = out.flush();
    }

    fn copy(&self, words: &str) {
        let _ = execute!(stdout(), CopyToClipboard::to_clipboard_from(words));
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = execute!(stdout(), DisableBracketedPaste, DisableMouseCapture);
        ratatui::restore();
    }
}

fn unusable(why: &std::io::Error) -> Diagnostic {
    Diagnostic::new("terminal", 1, "this terminal can't show the screen", why.to_string())
        .hint("coterie chat --plain")
        .hint("coterie tail -f")
}
