//! `edit`, `delete`, `react`, `pin`, `unpin`, `pins`: what one does to a message that is there.

use serde_json::{Value, json};

use super::message::{Ids, lines, read_words};
use super::{id_of, short, the_group};
use crate::api::Api;
use crate::args::{Delete, Edit, Pins, React, Which};
use crate::error::Diagnostic;
use crate::output::Output;
use crate::{prompt, text};

/// Pages of two hundred lines that are looked through for the beginning of an id.
const PAGES_MAX: usize = 10;

/// `edit`.
///
/// # Errors
/// What the node says.
pub async fn edit(api: &Api, output: &Output, edit: Edit) -> Result<u8, Diagnostic> {
    let path = path_of(api, &edit.which).await?;
    let words = read_words(edit.text)?;
    let done = api.patch(&path, &json!({ "text": words })).await?;
    output.object(&done, || told(&done, "Changed. The earlier words stay readable in the message's information."));
    Ok(0)
}

/// `delete`.
///
/// # Errors
/// What the node says; `cancelled` if it was not meant.
pub async fn delete(api: &Api, output: &Output, delete: Delete) -> Result<u8, Diagnostic> {
    let path = path_of(api, &delete.which).await?;
    let effect = "Everybody's program erases it; what somebody has read or copied stays with them.";
    prompt::confirm(output, "deleting for everyone", effect)?;
    let done = api.delete(&path).await?;
    output.object(&done, || told(&done, "Deleted for everyone whose computer hears of it."));
    Ok(0)
}

/// `react`.
///
/// # Errors
/// What the node says; `bad_value` for a name that no emoji has.
pub async fn react(api: &Api, output: &Output, react: React) -> Result<u8, Diagnostic> {
    let emoji = emoji(&react.emoji)?;
    let path = format!("{}/reactions/{}", path_of(api, &react.which).await?, text::escaped(emoji));
    let done = if react.remove {
        api.delete(&path).await?
    } else {
        api.put(&path, &Value::Object(serde_json::Map::new())).await?
    };
    output.object(&done, || told(&done, if react.remove { "Taken back." } else { emoji }));
    Ok(0)
}

/// `pin` and `unpin`.
///
/// # Errors
/// What the node says.
pub async fn pin(api: &Api, output: &Output, which: &Which) -> Result<u8, Diagnostic> {
    let path = format!("{}/pin", path_of(api, which).await?);
    let done = api.put(&path, &Value::Object(serde_json::Map::new())).await?;
    output.object(&done, || told(&done, "Pinned for everybody."));
    Ok(0)
}

/// The same, undone.
///
/// # Errors
/// What the node says.
pub async fn unpin(api: &Api, output: &Output, which: &Which) -> Result<u8, Diagnostic> {
    let done = api.delete(&format!("{}/pin", path_of(api, which).await?)).await?;
    output.object(&done, || told(&done, "Pinned no longer."));
    Ok(0)
}

/// `pins`.
///
/// # Errors
/// What the node says.
pub async fn pins(api: &Api, output: &Output, pins: Pins) -> Result<u8, Diagnostic> {
    let group = the_group(api, pins.group.as_deref()).await?;
    let page = api.get(&format!("/groups/{}/pins", id_of(&group))).await?;
    output.object(&page, || match page["items"].as_array() {
        Some(items) if !items.is_empty() => lines(output, &group, &page, Ids::Shown),
        _ => "Nothing is pinned.\nnext: coterie pin last".to_owned(),
    });
    Ok(0)
}

fn told(done: &Value, sentence: &str) -> String {
    match done["outbox"].as_str() {
        Some(_) => "Kept. It goes out as soon as a member is in reach.".to_owned(),
        None => sentence.to_owned(),
    }
}

async fn path_of(api: &Api, which: &Which) -> Result<String, Diagnostic> {
    let group = the_group(api, which.group.as_deref()).await?;
    let message = the_message(api, &group, &which.message).await?;
    Ok(format!("/groups/{}/messages/{message}", id_of(&group)))
}

/// The id of the message that is meant: `last`, `mine`, or the beginning of an id (CL-2).
pub(super) async fn the_message(api: &Api, group: &Value, wanted: &str) -> Result<String, Diagnostic> {
    the_message_among(api, group, (wanted, |_| true)).await
}

/// The same; `last` and `mine` mean the newest of those that `is_meant`.
pub(super) async fn the_message_among(
    api: &Api,
    group: &Value,
    (wanted, is_meant): (&str, fn(&Value) -> bool),
) -> Result<String, Diagnostic> {
    let folded = wanted.to_lowercase();
    let fits = |line: &&Value| match folded.as_str() {
        "last" => is_meant(line),
        "mine" => is_meant(line) && line["author"]["id"] == group["me"],
        beginning => beginning.len() >= 6 && line["id"].as_str().is_some_and(|id| id.starts_with(beginning)),
    };
    let is_one = matches!(folded.as_str(), "last" | "mine");
    let mut path = format!("/groups/{}/messages?limit=200", id_of(group));
    let mut found: Vec<String> = Vec::new();
    for _ in 0..PAGES_MAX {
        let page = api.get(&path).await?;
        let shown = page["items"].as_array().into_iter().flatten().rev().filter(|line| line["counts"] == true);
        found.extend(shown.filter(fits).filter_map(|line| line["id"].as_str().map(str::to_owned)));
        let older = page["prev"].as_str().filter(|_| !is_one || found.is_empty());
        let Some(older) = older else { break };
        path = format!("/groups/{}/messages?limit=200&before={older}", id_of(group));
    }
    if is_one {
        found.truncate(1);
    }
    match found.as_slice() {
        [only] => Ok(only.clone()),
        [] => {
            let spelling = "MSG is last, mine, or at least six characters of a message's id";
            let why = if is_one { "there is none of that kind yet" } else { spelling };
            Err(Diagnostic::new("not_found", 5, format!("no message {wanted:?}"), why).hint("coterie history --ids"))
        }
        several => {
            let ids: Vec<String> = several.iter().take(8).map(|id| short(&json!(id))).collect();
            let why = format!("{} messages fit: {}", several.len(), ids.join(", "));
            let diagnostic = Diagnostic::new("ambiguous", 5, format!("{wanted:?} is not one message"), why);
            Err(diagnostic.hint("coterie history --ids"))
        }
    }
}

/// An emoji as it was typed: itself, or its name between colons.
fn emoji(typed: &str) -> Result<&'static str, Diagnostic> {
    let name = typed.strip_prefix(':').and_then(|rest| rest.strip_suffix(':'));
    let found = match name {
        Some(name) => emojis::get_by_shortcode(name),
        None => emojis::get(typed),
    };
    found.map(emojis::Emoji::as_str).ok_or_else(|| {
        let typed = text::line(typed);
        let wrong =
            Diagnostic::new("bad_value", 2, format!("{typed:?} is not one emoji"), "type the emoji, or its name");
        wrong.hint("coterie react last 👍").hint("coterie react last :tada:")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_emoji_is_itself_or_its_name_between_colons() {
        assert_eq!(emoji("👍"), Ok("👍"));
        assert_eq!(emoji(":tada:"), Ok("🎉"));
        assert_eq!(emoji("👍🏽"), Ok("👍🏽"));
        for wrong in ["", "yes", "👍👍", "::", ":no such thing:", "\u{1b}[31m"] {
            assert_eq!(emoji(wrong).unwrap_err().exit, 2, "{wrong:?}");
        }
    }
}
