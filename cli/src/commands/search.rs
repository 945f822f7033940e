//! `search`: finds messages again by their words, on this computer (SR-1).

use serde_json::{Value, json};

use super::message::{Ids, lines};
use super::place::encoded;
use super::{id_of, name_of, the_group};
use crate::api::Api;
use crate::args::Search;
use crate::error::Diagnostic;
use crate::output::Output;
use crate::text;

/// Hits of one answer of the node.
const PAGE_MAX: usize = 50;

/// `search WORDS`.
///
/// # Errors
/// What the node says.
pub async fn run(api: &Api, output: &Output, search: Search) -> Result<u8, Diagnostic> {
    let words = search.words.join(" ");
    let groups = match &search.group {
        Some(name) => vec![the_group(api, Some(name)).await?],
        None => api.get("/groups").await?["items"].as_array().cloned().unwrap_or_default(),
    };
    let mut found: Vec<(Value, Vec<Value>)> = Vec::new();
    for group in groups {
        let hits = hits(api, &group, (&words, usize::from(search.limit))).await?;
        found.push((group, hits));
    }
    let all: Vec<&Value> = found.iter().flat_map(|(_, hits)| hits).collect();
    let object = json!({ "schema": "coterie.page/1", "items": all, "next": null, "prev": null });
    output.object(&object, || {
        let some = found.iter().filter(|(_, hits)| !hits.is_empty());
        let shown = some.map(|(group, hits)| {
            let hits = lines(output, group, &json!({ "items": hits }), Ids::from(search.ids));
            if found.len() > 1 { format!("{}\n{hits}", output.bold(&text::line(&name_of(group)))) } else { hits }
        });
        let shown: Vec<String> = shown.collect();
        if shown.is_empty() { format!("Nothing with {:?} is on this computer.", words) } else { shown.join("\n\n") }
    });
    Ok(0)
}

/// The newest ones that fit, in the order of the timeline. An answer may be empty and still not be the end.
async fn hits(api: &Api, group: &Value, (words, limit): (&str, usize)) -> Result<Vec<Value>, Diagnostic> {
    let question = format!("q={}", encoded(words));
    let (mut hits, mut before) = (Vec::new(), String::new());
    while hits.len() < limit {
        let room = (limit - hits.len()).min(PAGE_MAX);
        let page = api.get(&format!("/search?{question}&group={}&limit={room}{before}", id_of(group))).await?;
        let mut older = page["items"].as_array().cloned().unwrap_or_default();
        older.append(&mut hits);
        hits = older;
        match page["prev"].as_str() {
            Some(prev) => before = format!("&before={prev}"),
            None => break,
        }
    }
    Ok(hits)
}
