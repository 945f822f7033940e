//! The timeline: read pages, say something, see how far it got, take back what is not sealed.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use coterie_protocol::{Attachment, Command, EntryId, GroupId, Location, MessageView, OrderKey, Reply};
use serde::Deserialize;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::super::extract::{Asked, Body, Named};
use super::super::problem::{Code, Problem};
use super::super::shapes::{self, Names};
use super::super::types::{Deliveries, Done, Message, NewFile, NewMessage, Page, PageSchema, parse_time, read_id};
use super::places::blurred;
use super::{Node, find_group, group_id, id, missing, unexpected};
use crate::driver::View;
use crate::history::{self, From};

/// Lines of one page (AP-15).
const PAGE: std::ops::RangeInclusive<usize> = 1..=200;
const PAGE_DEFAULT: usize = 50;

/// The routes of this file.
pub(super) fn routes() -> OpenApiRouter<Arc<Node>> {
    OpenApiRouter::new()
        .routes(routes!(list, send))
        .routes(routes!(deliveries))
        .routes(routes!(outbox))
        .routes(routes!(cancel))
}

#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
struct Part {
    /// 1–200; 50 if not given.
    limit: Option<usize>,
    /// Only lines before this cursor.
    before: Option<String>,
    /// Only lines behind this cursor.
    after: Option<String>,
    /// Lines on both sides of this cursor, and the one that is there.
    around: Option<String>,
    /// From the first line on that was said at this moment or later; the newest page, if there is none.
    at: Option<String>,
}

impl Part {
    fn read(&self) -> Result<(From, usize), Problem> {
        let bad = |why: &str| {
            Problem::new(Code::BadValue, "the page was not read").because(why).advise(["GET …/messages?limit=50"])
        };
        let limit = self.limit.unwrap_or(PAGE_DEFAULT);
        if !PAGE.contains(&limit) {
            return Err(bad("limit is 1 to 200"));
        }
        let cursor =
            |text: &String| read_id(text).map(OrderKey).ok_or_else(|| bad("the cursor is not one that this node gave"));
        let moment = |text: &String| {
            let wrong = || bad("a moment is written like 2026-11-21T14:02:09Z");
            parse_time(text).map(|time| time.0).ok_or_else(wrong)
        };
        let from = match (&self.before, &self.after, &self.around, &self.at) {
            (None, None, None, None) => From::End,
            (Some(before), None, None, None) => From::Before(cursor(before)?),
            (None, Some(after), None, None) => From::After(cursor(after)?),
            (None, None, Some(around), None) => From::Around(cursor(around)?),
            (None, None, None, Some(at)) => From::At(moment(at)?),
            _ => return Err(bad("before, after, around and at exclude each other")),
        };
        Ok((from, limit))
    }
}

/// A page of the timeline, oldest line first; without a cursor the newest page.
#[utoipa::path(get, path = "/groups/{g}/messages", tag = "messages", params(("g" = String, Path, description = "group"), Part),
    responses((status = 200, body = Page<Message>), (status = "default", body = Problem)))]
async fn list(
    State(node): State<Arc<Node>>,
    Named(group): Named<String>,
    Asked(part): Asked<Part>,
) -> Result<Response, Problem> {
    let group = group_id(&group)?;
    let (from, limit) = part.read()?;
    Ok(node.look(move |view| page(view, &group, from, limit)).await?.into_response())
}

fn page(view: &View<'_>, group: &GroupId, from: From, limit: usize) -> Result<Page<Message>, Problem> {
    find_group(view, group)?;
    let lines = history::page(view, group, from, limit);
    let names = Names::of(view, group);
    let items: Vec<Message> = lines.items.iter().map(|line| shapes::message(view, &names, line)).collect();
    let prev = items.first().filter(|_| lines.older).and_then(|line| line.cursor.clone());
    let next = items.last().filter(|_| lines.newer).and_then(|line| line.cursor.clone());
    Ok(Page { schema: PageSchema::V1, items, next, prev })
}

/// Says something. Answers when it is durable here: sealed, or queued until somebody is in reach. Takes an
/// `Idempotency-Key`.
#[utoipa::path(post, path = "/groups/{g}/messages", tag = "messages", params(("g" = String, Path, description = "group")),
    request_body = NewMessage, responses((status = 202, body = Message), (status = "default", body = Problem)))]
async fn send(
    State(node): State<Arc<Node>>,
    Named(group): Named<String>,
    headers: HeaderMap,
    body: Body<NewMessage>,
) -> Result<Response, Problem> {
    let request: [&[u8]; 3] = [b"message", group.as_bytes(), &body.bytes];
    node.once.perform(&headers, &request, say(&node, &group, body.value)).await
}

async fn say(node: &Node, group: &str, new: NewMessage) -> Result<(StatusCode, Json<Message>), Problem> {
    let group = group_id(group)?;
    let reply_to = new.reply_to.map(|entry| id(&entry, "message to reply to").map(EntryId)).transpose()?;
    let location = new.location.map(blurred).transpose()?;
    let (uploads, attachments) = uploaded(node, new.files)?;
    let text = new.text;
    let what = "the message was not kept";
    let words = (text.clone(), location.clone(), attachments.clone());
    let done = node.wish(Command::Send { group, text, reply_to, location, attachments }, what).await?;
    for upload in &uploads {
        node.media()?.sent(upload);
    }
    let said = match done {
        Reply::Saved(entry) => node.look(move |view| Ok(written(view, &group, &entry))).await?,
        Reply::Queued(n) => {
            node.look(move |view| Ok(waiting(view, &group, n).or_else(|| just_sealed(view, &group, &words)))).await?
        }
        _ => return Err(unexpected(what)),
    };
    let (status, Json(found)) = said.with_status(StatusCode::ACCEPTED);
    found
        .map(|message| (status, Json(message)))
        .ok_or_else(|| unexpected("the message is kept, but could not be shown"))
}

/// The files that go with a message, as they were taken in.
fn uploaded(node: &Node, files: Vec<NewFile>) -> Result<(Vec<[u8; 16]>, Vec<Attachment>), Problem> {
    let mut found = (Vec::new(), Vec::new());
    for new in files {
        let upload = id::<16>(&new.upload, "file that was taken in")?;
        let mut file = node.media()?.upload(&upload).ok_or_else(|| missing("file that was taken in"))?;
        file.alt = new.alt.filter(|alt| !alt.trim().is_empty());
        found.0.push(upload);
        found.1.push(file);
    }
    Ok(found)
}

/// Lines that are looked through for one just written: it is among the newest.
const NEWEST: usize = 200;

fn written(view: &View<'_>, group: &GroupId, entry: &EntryId) -> Option<Message> {
    let line = history::line(view, group, entry)?;
    Some(shapes::message(view, &Names::of(view, group), &line))
}

/// A text that left the queue between the wish and this look: somebody came into reach in that moment.
fn just_sealed(
    view: &View<'_>,
    group: &GroupId,
    (text, location, files): &(String, Option<Location>, Vec<Attachment>),
) -> Option<Message> {
    let me = view.account.group(group)?.me;
    let lines = history::page(view, group, From::End, NEWEST).items;
    let is_it = |line: &&MessageView| {
        line.author == me && line.text == *text && line.location == *location && line.attachments == *files
    };
    let line = lines.iter().rev().find(is_it)?;
    Some(shapes::message(view, &Names::of(view, group), line))
}

fn waiting(view: &View<'_>, group: &GroupId, n: u64) -> Option<Message> {
    let id = shapes::outbox_id(group, n);
    shapes::outbox(view, group).into_iter().find(|message| message.outbox.as_ref() == Some(&id))
}

/// How far a message of one's own got, in numbers.
#[utoipa::path(get, path = "/groups/{g}/messages/{e}/deliveries", tag = "messages",
    params(("g" = String, Path, description = "group"), ("e" = String, Path, description = "message")),
    responses((status = 200, body = Deliveries), (status = "default", body = Problem)))]
async fn deliveries(
    State(node): State<Arc<Node>>,
    Named((group, entry)): Named<(String, String)>,
) -> Result<Response, Problem> {
    let (group, entry) = (group_id(&group)?, EntryId(id(&entry, "message")?));
    let look =
        node.look(move |view| shapes::deliveries(view, &group, &entry).ok_or_else(|| missing("message of yours")));
    Ok(look.await?.into_response())
}

/// What waits to be sealed, of all groups.
#[utoipa::path(get, path = "/outbox", tag = "messages", responses((status = 200, body = Page<Message>), (status = "default", body = Problem)))]
async fn outbox(State(node): State<Arc<Node>>) -> Result<Response, Problem> {
    let look = node.look(|view| {
        let groups = view.account.groups();
        Ok(Page::whole(groups.iter().flat_map(|group| shapes::outbox(view, &group.id)).collect()))
    });
    Ok(look.await?.into_response())
}

/// Takes back what is not sealed yet.
#[utoipa::path(delete, path = "/outbox/{o}", tag = "messages", params(("o" = String, Path, description = "outbox id")),
    responses((status = 200, body = Done), (status = "default", body = Problem)))]
async fn cancel(State(node): State<Arc<Node>>, Named(waiting): Named<String>) -> Result<Json<Done>, Problem> {
    let id = id::<16>(&waiting, "waiting message")?;
    let found = node.look(move |view| shapes::find_outbox(view, &id).ok_or_else(|| missing("waiting message"))).await?;
    let (group, outbox) = found.body;
    node.simply(Command::CancelQueued { group, outbox }, "the message was not taken back").await
}
