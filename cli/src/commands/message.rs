//! `send`, `tail`, `history`: words in, words out.

use std::io::Read;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::conversation::the_message;
use super::place::{encoded, the_place};
use super::{count, id_of, media, name_of, short, the_group};
use crate::api::Api;
use crate::args::{History, Send, Tail, Wait};
use crate::error::Diagnostic;
use crate::output::Output;
use crate::{when, wording};

/// Of an answered message so much is shown above the answer that it stays one row.
const ANSWERED_CHARS_MAX: usize = 70;

/// Characters of a whole id (AP-12).
const ID_CHARS: usize = 52;

/// `send`.
///
/// # Errors
/// What the node says; with `--wait`, `not_delivered_yet` if it took too long: the message is kept.
pub async fn send(api: &Api, output: &Output, send: Send, timeout: Option<Duration>) -> Result<u8, Diagnostic> {
    let group = the_group(api, send.group.as_deref()).await?;
    let mut new = json!({ "text": send.text.map(read_words).transpose()?.unwrap_or_default() });
    if let Some(typed) = &send.location {
        new["location"] = the_place(api, typed, send.precision).await?;
    }
    if let Some(wanted) = &send.reply {
        new["reply_to"] = json!(the_message(api, &group, wanted).await?);
    }
    let files = media::taken(api, output, &send.files).await?;
    if !files.is_empty() {
        new["files"] = json!(files);
    }
    let message = api.post(&format!("/groups/{}/messages", id_of(&group)), &new).await?;
    let message = match send.wait {
        Some(wait) => delivered(api, &group, message, (wait, timeout)).await?,
        None => message,
    };
    output.object(&message, || sent(&message["delivery"]));
    Ok(0)
}

fn sent(delivery: &Value) -> String {
    match (delivery["state"].as_str(), delivery["due"].as_u64().unwrap_or_default()) {
        (_, 0) => "Saved. Nobody else is in the group yet.".to_owned(),
        (Some("queued"), _) => "Kept. It goes out as soon as a member is in reach.".to_owned(),
        (Some("saved"), _) => "Saved.".to_owned(),
        (_, due) => format!("Sent: {} of {} have it.", delivery["reached"], count(due, "member", "members")),
    }
}

/// What was typed; "-" stands for the standard input.
pub(super) fn read_words(typed: String) -> Result<String, Diagnostic> {
    if typed != "-" {
        return Ok(typed);
    }
    let mut words = String::new();
    std::io::stdin().read_to_string(&mut words).map_err(|why| Diagnostic::internal(&why.to_string()))?;
    Ok(words.trim_end_matches('\n').to_owned())
}

async fn delivered(
    api: &Api,
    group: &Value,
    mut message: Value,
    (wait, timeout): (Wait, Option<Duration>),
) -> Result<Value, Diagnostic> {
    let deadline = Instant::now() + timeout.unwrap_or(Duration::from_secs(30));
    let late = || {
        let why = "nobody who should have it has answered yet; your node goes on by itself";
        Diagnostic::new("not_delivered_yet", 6, "kept, not delivered yet", why).hint("coterie status")
    };
    loop {
        let state = message["delivery"]["state"].as_str().unwrap_or_default();
        let enough = matches!((wait, state), (_, "all") | (Wait::Sent, "sent"));
        if enough {
            return Ok(message);
        }
        if Instant::now() >= deadline {
            return Err(late());
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
        let Some(id) = message["id"].as_str() else {
            // Still in the outbox: nothing to ask about yet but the group's own state.
            continue;
        };
        let delivery = api.get(&format!("/groups/{}/messages/{id}/deliveries", id_of(group))).await?;
        message["delivery"] = delivery["delivery"].clone();
    }
}

/// `tail`: the newest lines, and with `-f` what comes.
///
/// # Errors
/// What the node says.
pub async fn tail(api: &Api, output: &Output, tail: Tail) -> Result<u8, Diagnostic> {
    let group = the_group(api, tail.group.as_deref()).await?;
    let path = format!("/groups/{}/messages?limit={}", id_of(&group), tail.lines.max(1));
    let (page, position) = api.get_at(&path).await?;
    let ids = Ids::from(tail.ids);
    if !tail.follow {
        output.object(&page, || lines(output, &group, &page, ids));
        return Ok(0);
    }
    for line in page["items"].as_array().into_iter().flatten().filter(|_| tail.lines > 0) {
        output.object(line, || render(output, line, ids));
    }
    let mut events = api.events(id_of(&group), &["message"], position);
    while let Some(event) = events.next().await? {
        if event.name == "message" {
            output.object(&event.data, || render(output, &event.data, ids));
        }
    }
    Ok(0)
}

/// `history`: a page of older lines, of a day, or round a message.
///
/// # Errors
/// What the node says.
pub async fn history(api: &Api, output: &Output, history: History) -> Result<u8, Diagnostic> {
    let group = the_group(api, history.group.as_deref()).await?;
    let mut path = format!("/groups/{}/messages?limit={}", id_of(&group), history.limit);
    let around = match &history.around {
        Some(wanted) => Some(cursor_of(api, &group, wanted).await?),
        None => None,
    };
    let at = history.at.map(|at| format!("{at:.3}"));
    for (name, given) in [("before", history.before), ("after", history.after), ("around", around), ("at", at)] {
        if let Some(given) = given {
            path.push_str(&format!("&{name}={}", encoded(&given)));
        }
    }
    let page = api.get(&path).await?;
    output.object(&page, || lines(output, &group, &page, Ids::from(history.ids)));
    if let Some(older) = page["prev"].as_str() {
        output.remark(&output.dim(&format!("older: coterie history --before {older}")));
    }
    if let Some(newer) = page["next"].as_str() {
        output.remark(&output.dim(&format!("newer: coterie history --after {newer}")));
    }
    Ok(0)
}

/// Where a message stands in its timeline.
async fn cursor_of(api: &Api, group: &Value, wanted: &str) -> Result<String, Diagnostic> {
    let id = if wanted.len() == ID_CHARS { wanted.to_owned() } else { the_message(api, group, wanted).await? };
    let info = api.get(&format!("/groups/{}/messages/{}", id_of(group), encoded(&id))).await?;
    Ok(info["message"]["cursor"].as_str().unwrap_or_default().to_owned())
}

pub(super) fn lines(output: &Output, group: &Value, page: &Value, ids: Ids) -> String {
    let items: Vec<&Value> = page["items"].as_array().into_iter().flatten().collect();
    if items.is_empty() {
        return format!("Nothing was said in {} yet.\nnext: coterie send \"Good morning.\"", name_of(group));
    }
    let mut shown = Vec::new();
    let mut day = when::today();
    for line in items {
        let of_line = when::day(&line["at"]);
        if of_line != day {
            shown.push(output.dim(&format!("— {of_line} —")));
            day = of_line;
        }
        shown.push(render(output, line, ids));
    }
    shown.join("\n")
}

/// Whether each line begins with its id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ids {
    Shown,
    Hidden,
}

impl From<bool> for Ids {
    fn from(asked: bool) -> Self {
        if asked { Self::Shown } else { Self::Hidden }
    }
}

/// `14:02  Ana: words`, later lines of the words under the first; above them what they answer, below them the emojis.
pub(super) fn render(output: &Output, line: &Value, ids: Ids) -> String {
    let at = when::clock(&line["at"]);
    let words = match wording::absent(line) {
        Some(why) => output.dim(&why),
        None => wording::said(line, 7),
    };
    let id = if ids == Ids::Shown { format!("{}  ", output.dim(&short(&line["id"]))) } else { String::new() };
    let notes = wording::notes(line);
    let notes = if notes.is_empty() { notes } else { format!(" {}", output.dim(&notes)) };
    let author = output.bold(&wording::name(&line["author"]));
    let mut shown = format!("{id}{}  {author}: {words}{notes}", output.dim(&at));
    if let Some(answered) = wording::answered(line) {
        let answered: String = answered.chars().take(ANSWERED_CHARS_MAX).collect();
        shown = format!("{}\n{shown}", output.dim(&format!("       ┌ {answered}")));
    }
    if let Some(emojis) = wording::emojis(line) {
        shown = format!("{shown}\n       {emojis}");
    }
    shown
}
