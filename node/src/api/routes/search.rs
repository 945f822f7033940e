//! Finding one's own words again (SR-1): a walk through the stored lines, the newest first. There is no index, so nothing
//! of what was said lies open on the disk or stays in memory, and what was edited, taken back or no longer kept is
//! judged by what stands there now. Nobody else is asked.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use coterie_protocol::{GroupId, MessageKind, OrderKey};
use serde::Deserialize;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::super::extract::Asked;
use super::super::problem::{Code, Problem};
use super::super::shapes::{self, Names};
use super::super::types::{Message, Page, PageSchema, read_id};
use super::{Node, find_group, group_id};
use crate::clock::Stopwatch;
use crate::driver::View;
use crate::folding::Sought;
use crate::history::{self, From};

/// Hits of one answer.
const HITS: std::ops::RangeInclusive<usize> = 1..=50;
/// One answer takes so long at most; `prev` goes on where it stopped.
const TIME_MAX: Duration = Duration::from_millis(250);
/// Lines that are looked at in one go: a few ms, in which nothing else happens on the driver's thread.
const SLICE: usize = 200;
/// Bytes of a question.
const QUESTION_BYTES_MAX: usize = 500;

/// The routes of this file.
pub(super) fn routes() -> OpenApiRouter<Arc<Node>> {
    OpenApiRouter::new().routes(routes!(search))
}

#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
struct Question {
    /// Words that must all be there, as parts of words too, in any letter case and with or without accents.
    q: String,
    /// In which group.
    group: String,
    /// 1–50 hits; 50 if not given.
    limit: Option<usize>,
    /// Only lines before this cursor: `prev` of the answer before.
    before: Option<String>,
}

/// Lines of a group that hold the words, in the order of the timeline, the newest ones first found. `prev` is there as
/// long as there may be older hits, also if this answer has none: looking takes a quarter of a second at most.
#[utoipa::path(get, path = "/search", tag = "messages", params(Question),
    responses((status = 200, body = Page<Message>), (status = "default", body = Problem)))]
async fn search(
    State(node): State<Arc<Node>>,
    Asked(question): Asked<Question>,
) -> Result<Json<Page<Message>>, Problem> {
    let (sought, limit, mut before) = read(&question)?;
    let group = group_id(&question.group)?;
    let (clock, mut items) = (Stopwatch::start(), Vec::new());
    let prev = loop {
        let (sought, room) = (sought.clone(), limit.saturating_sub(items.len()));
        let slice = node.look(move |view| look(view, &group, (&sought, room), before)).await?.body;
        items.extend(slice.hits);
        before = slice.rest;
        if before.is_none() || items.len() >= limit || clock.elapsed() >= TIME_MAX {
            break before;
        }
    };
    items.reverse();
    let prev = prev.map(|order| super::super::types::spell_id(&order.0));
    Ok(Json(Page { schema: PageSchema::V1, items, next: None, prev }))
}

fn read(question: &Question) -> Result<(Arc<Sought>, usize, Option<OrderKey>), Problem> {
    let bad = |why: String| {
        Problem::new(Code::BadValue, "nothing was looked for").because(why).advise(["coterie search dredger"])
    };
    if question.q.len() > QUESTION_BYTES_MAX {
        return Err(bad(format!("the question is longer than {QUESTION_BYTES_MAX} bytes")));
    }
    let sought = Sought::new(&question.q).ok_or_else(|| bad("there is no letter, digit or sign in it".to_owned()))?;
    let limit = question.limit.unwrap_or(*HITS.end());
    if !HITS.contains(&limit) {
        return Err(bad(format!("limit is {} to {}", HITS.start(), HITS.end())));
    }
    let cursor = |text: &String| read_id(text).map(OrderKey);
    let before = match question.before.as_ref().map(|text| cursor(text).ok_or(text)) {
        None => None,
        Some(Ok(order)) => Some(order),
        Some(Err(_)) => return Err(bad("the cursor is not one that this node gave".to_owned())),
    };
    Ok((Arc::new(sought), limit, before))
}

/// What a slice of the timeline had.
struct Slice {
    /// The newest first.
    hits: Vec<Message>,
    /// Where the next slice ends; none if there is nothing older.
    rest: Option<OrderKey>,
}

fn look(
    view: &View<'_>,
    group: &GroupId,
    (sought, room): (&Sought, usize),
    before: Option<OrderKey>,
) -> Result<Slice, Problem> {
    find_group(view, group)?;
    let lines = history::page(view, group, before.map_or(From::End, From::Before), SLICE);
    let names = Names::of(view, group);
    let mut hits = Vec::new();
    for line in lines.items.iter().rev() {
        let is_post = line.counts && line.kind == MessageKind::Text;
        if is_post && history::is_about(view, group, line, sought) {
            hits.push(shapes::message(view, &names, line));
        }
        if hits.len() >= room {
            return Ok(Slice { hits, rest: Some(line.order) });
        }
    }
    let rest = lines.items.first().filter(|_| lines.older).map(|line| line.order);
    Ok(Slice { hits, rest })
}
