//! Doing something to a message: other words, taking it back, emojis, pins (CV-1 to CV-5).

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use coterie_protocol::{Command, Deed, EntryId, GroupId, Reply};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::super::extract::{Body, Named};
use super::super::problem::{Code, Problem};
use super::super::shapes::{self, Names};
use super::super::types::{Annotated, AnnotatedSchema, Message, MessageInfo, NewWords, Page};
use super::{Node, find_group, group_id, id, missing, unexpected};
use crate::driver::View;
use crate::history;

/// The routes of this file.
pub(super) fn routes() -> OpenApiRouter<Arc<Node>> {
    OpenApiRouter::new()
        .routes(routes!(info, edit, delete))
        .routes(routes!(react, take_emoji_back))
        .routes(routes!(pin, unpin))
        .routes(routes!(pins))
}

/// A message, and all words that it ever had.
#[utoipa::path(get, path = "/groups/{g}/messages/{e}", tag = "messages",
    params(("g" = String, Path, description = "group"), ("e" = String, Path, description = "message")),
    responses((status = 200, body = MessageInfo), (status = "default", body = Problem)))]
async fn info(
    State(node): State<Arc<Node>>,
    Named((group, entry)): Named<(String, String)>,
) -> Result<Response, Problem> {
    let (group, entry) = named(&group, &entry)?;
    let look = node.look(move |view| shapes::message_info(view, &group, &entry).ok_or_else(|| missing("message")));
    Ok(look.await?.into_response())
}

/// Gives an own message other words; the earlier ones stay readable in its information.
#[utoipa::path(patch, path = "/groups/{g}/messages/{e}", tag = "messages",
    params(("g" = String, Path, description = "group"), ("e" = String, Path, description = "message")),
    request_body = NewWords, responses((status = 202, body = Annotated), (status = "default", body = Problem)))]
async fn edit(
    State(node): State<Arc<Node>>,
    Named(named): Named<(String, String)>,
    body: Body<NewWords>,
) -> Result<(StatusCode, Json<Annotated>), Problem> {
    annotate(&node, &named, Deed::Edit { text: body.value.text }, "the message was not changed").await
}

/// Takes a message back for everyone: an own one, or as an organiser anybody's.
#[utoipa::path(delete, path = "/groups/{g}/messages/{e}", tag = "messages",
    params(("g" = String, Path, description = "group"), ("e" = String, Path, description = "message")),
    responses((status = 202, body = Annotated), (status = "default", body = Problem)))]
async fn delete(
    State(node): State<Arc<Node>>,
    Named(named): Named<(String, String)>,
) -> Result<(StatusCode, Json<Annotated>), Problem> {
    annotate(&node, &named, Deed::Retract, "the message was not deleted").await
}

/// Sets an emoji under a message.
#[utoipa::path(put, path = "/groups/{g}/messages/{e}/reactions/{emoji}", tag = "messages",
    params(("g" = String, Path, description = "group"), ("e" = String, Path, description = "message"),
        ("emoji" = String, Path, description = "one emoji")),
    responses((status = 202, body = Annotated), (status = "default", body = Problem)))]
async fn react(
    State(node): State<Arc<Node>>,
    Named((group, entry, emoji)): Named<(String, String, String)>,
) -> Result<(StatusCode, Json<Annotated>), Problem> {
    if emojis::get(&emoji).is_none() {
        let problem = Problem::new(Code::BadValue, format!("{emoji:?} was not set"));
        return Err(problem
            .because("it is not one emoji")
            .advise(["coterie react last 👍", "coterie react last :tada:"]));
    }
    annotate(&node, &(group, entry), Deed::React { emoji, on: true }, "the emoji was not set").await
}

/// Takes one's own emoji back.
#[utoipa::path(delete, path = "/groups/{g}/messages/{e}/reactions/{emoji}", tag = "messages",
    params(("g" = String, Path, description = "group"), ("e" = String, Path, description = "message"),
        ("emoji" = String, Path, description = "one emoji")),
    responses((status = 202, body = Annotated), (status = "default", body = Problem)))]
async fn take_emoji_back(
    State(node): State<Arc<Node>>,
    Named((group, entry, emoji)): Named<(String, String, String)>,
) -> Result<(StatusCode, Json<Annotated>), Problem> {
    annotate(&node, &(group, entry), Deed::React { emoji, on: false }, "the emoji was not taken back").await
}

/// Keeps a message at hand for everybody.
#[utoipa::path(put, path = "/groups/{g}/messages/{e}/pin", tag = "messages",
    params(("g" = String, Path, description = "group"), ("e" = String, Path, description = "message")),
    responses((status = 202, body = Annotated), (status = "default", body = Problem)))]
async fn pin(
    State(node): State<Arc<Node>>,
    Named(named): Named<(String, String)>,
) -> Result<(StatusCode, Json<Annotated>), Problem> {
    annotate(&node, &named, Deed::Pin { on: true }, "the message was not pinned").await
}

/// Pins a message no longer.
#[utoipa::path(delete, path = "/groups/{g}/messages/{e}/pin", tag = "messages",
    params(("g" = String, Path, description = "group"), ("e" = String, Path, description = "message")),
    responses((status = 202, body = Annotated), (status = "default", body = Problem)))]
async fn unpin(
    State(node): State<Arc<Node>>,
    Named(named): Named<(String, String)>,
) -> Result<(StatusCode, Json<Annotated>), Problem> {
    annotate(&node, &named, Deed::Pin { on: false }, "the message is pinned as before").await
}

/// What is pinned, the newest pin first.
#[utoipa::path(get, path = "/groups/{g}/pins", tag = "messages", params(("g" = String, Path, description = "group")),
    responses((status = 200, body = Page<Message>), (status = "default", body = Problem)))]
async fn pins(State(node): State<Arc<Node>>, Named(group): Named<String>) -> Result<Response, Problem> {
    let group = group_id(&group)?;
    let look = node.look(move |view| {
        find_group(view, &group)?;
        let names = Names::of(view, &group);
        let lines = names.pins(view).iter().filter_map(|entry| history::line(view, &group, entry));
        let shown = lines.map(|line| shapes::message(view, &names, &line));
        Ok(Page::whole(shown.filter(|message| message.pinned).collect()))
    });
    Ok(look.await?.into_response())
}

fn named(group: &str, entry: &str) -> Result<(GroupId, EntryId), Problem> {
    Ok((group_id(group)?, EntryId(id(entry, "message")?)))
}

async fn annotate(
    node: &Node,
    (group, entry): &(String, String),
    deed: Deed,
    what: &str,
) -> Result<(StatusCode, Json<Annotated>), Problem> {
    let (group, target) = named(group, entry)?;
    let outbox = match node.wish(Command::Annotate { group, target, deed }, what).await? {
        Reply::Saved(_) => None,
        Reply::Queued(number) => Some(shapes::outbox_id(&group, number)),
        _ => return Err(unexpected(what)),
    };
    let look = move |view: &View<'_>| {
        let line = history::line(view, &group, &target).ok_or_else(|| missing("message"))?;
        let message = shapes::message(view, &Names::of(view, &group), &line);
        Ok(Annotated { schema: AnnotatedSchema::V1, outbox, message })
    };
    Ok(node.look(look).await?.with_status(StatusCode::ACCEPTED))
}
