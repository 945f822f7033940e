//! `search`: finds messages again by their words, on this computer (SR-1).

use jiff::Timestamp;
use serde_json::{Value, json};

use super::message::{Ids, lines};
use super::place::encoded;
use super::{id_of, name_of, the_group};
use crate::api::Api;
use crate::args::Search;
use crate::error::Diagnostic;
use crate::output::Output;
use crate::{text, when};

/// Hits of one answer of the node.
const PAGE_MAX: usize = 50;

/// What one group has.
struct Found {
    group: Value,
    /// In the order of the timeline.
    hits: Vec<Value>,
    /// Null, or from when on lines were looked through (SR-3).
    looked_back_to: Value,
}

/// `search WORDS`.
///
/// # Errors
/// What the node says.
pub async fn run(api: &Api, output: &Output, search: Search) -> Result<u8, Diagnostic> {
    let groups = match &search.group {
        Some(name) => vec![the_group(api, Some(name)).await?],
        None => api.get("/groups").await?["items"].as_array().cloned().unwrap_or_default(),
    };
    let (mut found, mut nobody) = (Vec::new(), None);
    for group in groups {
        match look(api, group, &search).await {
            Ok(some) => found.push(some),
            // Somebody may be in one group and not in another.
            Err(why) if why.code == "not_found" && search.from.is_some() => nobody = Some(why),
            Err(why) => return Err(why),
        }
    }
    if let Some(why) = nobody.filter(|_| found.is_empty()) {
        return Err(why.hint("coterie member list"));
    }
    let all: Vec<&Value> = found.iter().flat_map(|found| &found.hits).collect();
    let short = found.iter().filter(|found| found.looked_back_to.is_string());
    let latest = short.max_by_key(|found| found.looked_back_to.as_str());
    let object = json!({
        "schema": "coterie.page/1", "items": all, "next": null, "prev": null,
        "looked_back_to": latest.map(|found| &found.looked_back_to),
    });
    output.object(&object, || shown(output, &found, &search));
    if let Some(Found { group, looked_back_to, .. }) = latest {
        let (name, day) = (text::line(&name_of(group)), when::whole_day(looked_back_to));
        output.remark(&format!("{name} was looked through back to {day}: what is older does not fit into memory."));
    }
    Ok(0)
}

fn shown(output: &Output, found: &[Found], search: &Search) -> String {
    let some = found.iter().filter(|found| !found.hits.is_empty()).map(|of_group| {
        let hits = lines(output, &of_group.group, &json!({ "items": of_group.hits }), Ids::from(search.ids));
        let name = || output.bold(&text::line(&name_of(&of_group.group)));
        if found.len() > 1 { format!("{}\n{hits}", name()) } else { hits }
    });
    let shown: Vec<String> = some.collect();
    let words = search.words.join(" ");
    if shown.is_empty() { format!("Nothing with {words:?} is on this computer.") } else { shown.join("\n\n") }
}

/// The newest ones that fit. An answer may be empty and still not be the end.
async fn look(api: &Api, group: Value, search: &Search) -> Result<Found, Diagnostic> {
    let limit = usize::from(search.limit);
    let mut question = format!("q={}&group={}", encoded(&search.words.join(" ")), id_of(&group));
    let moment = |moment: Option<Timestamp>| moment.map(|moment| format!("{moment:.3}"));
    for (name, given) in
        [("from", search.from.clone()), ("since", moment(search.since)), ("until", moment(search.until))]
    {
        if let Some(given) = given {
            question.push_str(&format!("&{name}={}", encoded(&given)));
        }
    }
    let (mut hits, mut before): (Vec<Value>, String) = (Vec::new(), String::new());
    loop {
        let room = (limit - hits.len()).min(PAGE_MAX);
        let page = api.get(&format!("/search?{question}&limit={room}{before}")).await?;
        let mut older = page["items"].as_array().cloned().unwrap_or_default();
        older.append(&mut hits);
        hits = older;
        match page["prev"].as_str().filter(|_| hits.len() < limit) {
            Some(prev) => before = format!("&before={prev}"),
            None => return Ok(Found { group, hits, looked_back_to: page["looked_back_to"].clone() }),
        }
    }
}
