//! `send`, `tail`, `history`: words in, words out.

use std::io::Read;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::{count, id_of, name_of, the_group};
use crate::api::Api;
use crate::args::{History, Send, Tail, Wait};
use crate::error::Diagnostic;
use crate::output::Output;
use crate::{text, when};

/// `send`.
///
/// # Errors
/// What the node says; with `--wait`, `not_delivered_yet` if it took too long: the message is kept.
pub async fn send(api: &Api, output: &Output, send: Send, timeout: Option<Duration>) -> Result<u8, Diagnostic> {
    let group = the_group(api, send.group.as_deref()).await?;
    let words = if send.text == "-" { read_text()? } else { send.text };
    let message = api.post(&format!("/groups/{}/messages", id_of(&group)), &json!({ "text": words })).await?;
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

fn read_text() -> Result<String, Diagnostic> {
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
    if !tail.follow {
        output.object(&page, || lines(output, &group, &page));
        return Ok(0);
    }
    for line in page["items"].as_array().into_iter().flatten().filter(|_| tail.lines > 0) {
        output.object(line, || render(output, line));
    }
    let mut events = api.events(id_of(&group), &["message"], position);
    while let Some(event) = events.next().await? {
        if event.name == "message" {
            output.object(&event.data, || render(output, &event.data));
        }
    }
    Ok(0)
}

/// `history`: a page of older lines.
///
/// # Errors
/// What the node says.
pub async fn history(api: &Api, output: &Output, history: History) -> Result<u8, Diagnostic> {
    let group = the_group(api, history.group.as_deref()).await?;
    let mut path = format!("/groups/{}/messages?limit={}", id_of(&group), history.limit);
    if let Some(before) = &history.before {
        path.push_str("&before=");
        path.push_str(before);
    }
    let page = api.get(&path).await?;
    output.object(&page, || lines(output, &group, &page));
    if let Some(older) = page["prev"].as_str() {
        output.remark(&output.dim(&format!("older: coterie history --before {older}")));
    }
    Ok(0)
}

fn lines(output: &Output, group: &Value, page: &Value) -> String {
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
        shown.push(render(output, line));
    }
    shown.join("\n")
}

/// `14:02  Ana: words`, later lines of the words under the first.
fn render(output: &Output, line: &Value) -> String {
    let at = when::clock(&line["at"]);
    let author = text::line(line["author"]["name"].as_str().unwrap_or("?"));
    let words = match line["kind"].as_str() {
        Some("waiting") => output.dim("waiting for a key"),
        Some("before_my_time") => output.dim("said before you joined"),
        Some("newer") => output.dim("a newer kind of message (update to see it)"),
        Some("broken") => output.dim("a message that can't be read"),
        _ => text::block(line["text"].as_str().unwrap_or_default(), 7),
    };
    format!("{}  {}: {words}", output.dim(&at), output.bold(&author))
}
