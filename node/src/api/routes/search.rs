//! Finding one's own words again (SR-1): the corpus in memory says which lines may hold them, and each is judged by what
//! stands in the store now. What was edited, taken back or is no longer kept is not found, and nobody else is asked.

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
use super::super::types::{Found, Message, PageSchema, Time, parse_time, read_id, spell_id};
use super::super::words;
use super::{Node, find_group, group_id, missing};
use crate::clock::Stopwatch;
use crate::driver::View;
use crate::folding::Sought;
use crate::history;
use crate::search::{Rest, Wanted, look};

/// Hits of one answer.
const HITS: std::ops::RangeInclusive<usize> = 1..=50;
/// One answer takes so long at most, also while the corpus is being filled; `prev` goes on where it stopped.
const TIME_MAX: Duration = Duration::from_millis(250);
/// Hits that are judged in one go: a millisecond or two, in which nothing else happens on the driver's thread.
const JUDGED: usize = 25;
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
    /// Only by this member: an id, or a name as it is shown.
    from: Option<String>,
    /// Only what was said from this moment on.
    since: Option<String>,
    /// Only what was said before this moment.
    until: Option<String>,
    /// 1–50 hits; 50 if not given.
    limit: Option<usize>,
    /// Only lines before this cursor: `prev` of the answer before.
    before: Option<String>,
}

/// Lines of a group that hold the words, in the order of the timeline, the newest ones first found. `prev` is there as
/// long as there may be older hits, also if this answer has none: looking takes a quarter of a second at most.
#[utoipa::path(get, path = "/search", tag = "messages", params(Question),
    responses((status = 200, body = Found), (status = "default", body = Problem)))]
async fn search(State(node): State<Arc<Node>>, Asked(question): Asked<Question>) -> Result<Json<Found>, Problem> {
    let (wanted, limit, mut before) = read(question)?;
    let (driver, desk, group) = (node.driver()?, node.desk()?, wanted.group);
    node.look(move |view| find_group(view, &group).map(drop)).await?;
    let (clock, mut items) = (Stopwatch::start(), Vec::new());
    let rest = loop {
        let room = limit.saturating_sub(items.len());
        let looked = look(driver, desk, &wanted, (before, room)).await;
        let (orders, rest) = looked.map_err(|refused| words::refused(refused, "the words were not looked for"))?;
        for some in orders.chunks(JUDGED) {
            let (some, sought) = (some.to_vec(), Arc::clone(&wanted.sought));
            items.extend(node.look(move |view| Ok(judged(view, &group, &some, &sought))).await?.body);
        }
        match rest {
            Rest::Before(order) if items.len() < limit && clock.elapsed() < TIME_MAX => before = Some(order),
            rest => break rest,
        }
    };
    items.reverse();
    let mut found = Found { schema: PageSchema::V1, items, next: None, prev: None, looked_back_to: None };
    match rest {
        Rest::Nothing => {}
        Rest::Before(order) => found.prev = Some(spell_id(&order.0)),
        Rest::NotHeld(since) => found.looked_back_to = since.map(Time),
        Rest::Nobody => return Err(missing("member")),
    }
    Ok(Json(found))
}

/// Those that hold the words as they are shown now, the newest first.
fn judged(view: &View<'_>, group: &GroupId, orders: &[OrderKey], sought: &Sought) -> Vec<Message> {
    let names = Names::of(view, group);
    let lines = orders.iter().filter_map(|order| history::record_at(view, group, *order));
    let is_post = |line: &coterie_protocol::MessageView| line.counts && line.kind == MessageKind::Text;
    let hits = lines.filter(|line| is_post(line) && history::is_about(view, group, line, sought));
    hits.map(|line| shapes::message(view, &names, &line)).collect()
}

fn bad(why: impl Into<String>) -> Problem {
    Problem::new(Code::BadValue, "nothing was looked for").because(why).advise(["coterie search dredger"])
}

fn read(question: Question) -> Result<(Wanted, usize, Option<OrderKey>), Problem> {
    if question.q.len() > QUESTION_BYTES_MAX {
        return Err(bad(format!("the question is longer than {QUESTION_BYTES_MAX} bytes")));
    }
    let sought = Sought::new(&question.q).ok_or_else(|| bad("there is no letter, digit or sign in it"))?;
    let limit = question.limit.unwrap_or(*HITS.end());
    if !HITS.contains(&limit) {
        return Err(bad(format!("limit is {} to {}", HITS.start(), HITS.end())));
    }
    let cursor = |text: String| read_id(&text).map(OrderKey);
    let before =
        question.before.map(|text| cursor(text).ok_or_else(|| bad("the cursor is not one that this node gave")));
    let (since, until) = (moment(question.since)?, moment(question.until)?);
    if until.is_some_and(|until| until <= since.unwrap_or_default()) {
        return Err(bad("since is not earlier than until"));
    }
    let wanted = Wanted {
        group: group_id(&question.group)?,
        sought: Arc::new(sought),
        from: question.from,
        since_ms: since.unwrap_or_default(),
        until_ms: until,
    };
    Ok((wanted, limit, before.transpose()?))
}

fn moment(text: Option<String>) -> Result<Option<u64>, Problem> {
    let wrong = || bad("a moment is written like 2026-11-21T14:02:09Z").advise(["coterie search dredger --since 7d"]);
    text.map(|text| parse_time(&text).map(|time| time.0).ok_or_else(wrong)).transpose()
}
