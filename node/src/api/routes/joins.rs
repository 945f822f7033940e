//! Joins: look at what a link leads to, begin, agree, forget.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use coterie_protocol::{Command, Consent, GroupId, InviteLink, JoinState as State_, JoinView, Reply};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::super::extract::{Body, Named};
use super::super::problem::{Code, Problem};
use super::super::types::{Done, Join, JoinSchema, JoinState, NewJoin, NewPreview, Page, Preview, spell_id};
use super::super::{shapes, words};
use super::{Node, find_group, id, missing, unexpected};
use crate::driver::View;
use crate::network;

/// How long a preview looks for somebody.
const PREVIEW_MS: u64 = 30_000;
const PREVIEW_MS_MAX: u64 = 60_000;
/// How often it looks whether there is one.
const LOOK_MS: u64 = 50;
/// Addresses in `via`.
const VIA_MAX: usize = 8;

/// The routes of this file.
pub(super) fn routes() -> OpenApiRouter<Arc<Node>> {
    OpenApiRouter::new()
        .routes(routes!(look_first))
        .routes(routes!(list, begin))
        .routes(routes!(show, cancel))
        .routes(routes!(agree))
}

fn link(text: &str) -> Result<InviteLink, Problem> {
    InviteLink::parse(text).map_err(words::link)
}

fn addresses(via: &[String]) -> Result<Vec<Vec<u8>>, Problem> {
    let read = |text: &String| {
        network::address_bytes(text).ok_or_else(|| {
            Problem::new(Code::BadValue, format!("“{text}” is no address"))
                .because("an address looks like /ip4/192.0.2.7/udp/4001/quic-v1")
                .advise(["coterie join LINK --via /ip4/192.0.2.7/udp/4001/quic-v1"])
        })
    };
    if via.len() > VIA_MAX {
        return Err(
            Problem::new(Code::BadValue, "there are too many addresses").because(format!("{VIA_MAX} is the most"))
        );
    }
    via.iter().map(read).collect()
}

fn find_view(view: &View<'_>, number: u32) -> Result<JoinView, Problem> {
    view.account.joins().into_iter().find(|join| join.id == number).ok_or_else(|| missing("join"))
}

fn find(view: &View<'_>, number: u32) -> Result<Join, Problem> {
    Ok(shapes::join(view, &find_view(view, number)?))
}

async fn number(node: &Node, text: &str) -> Result<u32, Problem> {
    let id = id::<16>(text, "join")?;
    let found = node.look(move |view| shapes::find_join(view, &id).ok_or_else(|| missing("join"))).await?;
    Ok(found.body)
}

/// What a link leads to, without joining. Waits until a member shows it.
#[utoipa::path(post, path = "/joins/preview", tag = "joins", request_body = NewPreview,
    responses((status = 200, body = Preview), (status = "default", body = Problem)))]
async fn look_first(State(node): State<Arc<Node>>, body: Body<NewPreview>) -> Result<Response, Problem> {
    let new = body.value;
    let (link, via) = (link(&new.link)?, addresses(&new.via)?);
    let what = "the group could not be looked at";
    let name = node.look(|view| Ok(view.account.name().to_owned())).await?.body;
    let command = Command::Join { link, name, via, consent: Consent::AskFirst };
    let join = match node.wish(command, what).await? {
        Reply::Join(join) => join,
        Reply::AlreadyMember(group) => return Err(already_member(&node, group).await?),
        _ => return Err(unexpected(what)),
    };
    // Whoever goes away while waiting leaves nothing behind.
    let forget = Forget { node: Arc::clone(&node), join };
    let wait = Duration::from_millis(new.wait_ms.unwrap_or(PREVIEW_MS).min(PREVIEW_MS_MAX));
    let found = tokio::time::timeout(wait, previewed(&node, join)).await;
    drop(forget);
    match found {
        Ok(found) => Ok(Json(found?).into_response()),
        Err(_) => Err(Problem::new(Code::NoMemberReachable, what)),
    }
}

async fn previewed(node: &Node, join: u32) -> Result<Preview, Problem> {
    loop {
        let found = node.look(move |view| find_view(view, join)).await?.body;
        if let Some(reason) = &found.refused {
            return Err(words::join_refusal(reason, found.preview.as_ref().map(|preview| preview.name.as_str())));
        }
        if let (Some(preview), State_::Asking) = (&found.preview, found.state) {
            return Ok(shapes::preview(preview));
        }
        tokio::time::sleep(Duration::from_millis(LOOK_MS)).await;
    }
}

async fn already_member(node: &Node, group: GroupId) -> Result<Problem, Problem> {
    let name = node.look(move |view| Ok(find_group(view, &group)?.name)).await?.body;
    let problem = words::join_refusal(&coterie_protocol::JoinRefusal::AlreadyMember, Some(&name));
    Ok(problem.detail("group", spell_id(group.as_ref())))
}

/// Forgets a join that was begun only to look.
struct Forget {
    node: Arc<Node>,
    join: u32,
}

impl Drop for Forget {
    fn drop(&mut self) {
        let (node, join) = (Arc::clone(&self.node), self.join);
        tokio::spawn(async move {
            if let Err(problem) = node.wish(Command::CancelJoin { join }, "a look was not forgotten").await {
                tracing::debug!(%problem, "a preview's join is gone already");
            }
        });
    }
}

/// Joins under way.
#[utoipa::path(get, path = "/joins", tag = "joins", responses((status = 200, body = Page<Join>), (status = "default", body = Problem)))]
async fn list(State(node): State<Arc<Node>>) -> Result<Response, Problem> {
    let look = node.look(|view| {
        let joins = view.account.joins();
        Ok(Page::whole(joins.iter().map(|join| shapes::join(view, join)).collect()))
    });
    Ok(look.await?.into_response())
}

/// Begins to join, and answers at once: it goes on by itself.
#[utoipa::path(post, path = "/joins", tag = "joins", request_body = NewJoin,
    responses((status = 202, body = Join), (status = 200, body = Join), (status = "default", body = Problem)))]
async fn begin(State(node): State<Arc<Node>>, body: Body<NewJoin>) -> Result<Response, Problem> {
    let new = body.value;
    let (link, via) = (link(&new.link)?, addresses(&new.via)?);
    let what = "you did not join";
    let name = match new.name {
        Some(name) => name,
        None => node.look(|view| Ok(view.account.name().to_owned())).await?.body,
    };
    let consent = if new.ask_first { Consent::AskFirst } else { Consent::Given };
    match node.wish(Command::Join { link, name, via, consent }, what).await? {
        Reply::Join(join) => {
            let look = node.look(move |view| find(view, join));
            Ok(look.await?.with_status(StatusCode::ACCEPTED).into_response())
        }
        Reply::AlreadyMember(group) => {
            let look = node.look(move |view| Ok(in_already(&find_group(view, &group)?.name, &group)));
            Ok(look.await?.with_status(StatusCode::OK).into_response())
        }
        _ => Err(unexpected(what)),
    }
}

/// By QR-5, one is there already, which is no error.
fn in_already(name: &str, group: &GroupId) -> Join {
    Join {
        schema: JoinSchema::V1,
        id: String::new(),
        state: JoinState::Seated,
        preview: None,
        group: Some(spell_id(group.as_ref())),
        already_member: true,
        sentence: format!("You are in “{name}” already."),
        error: None,
    }
}

/// How far a join is.
#[utoipa::path(get, path = "/joins/{j}", tag = "joins", params(("j" = String, Path, description = "join")),
    responses((status = 200, body = Join), (status = "default", body = Problem)))]
async fn show(State(node): State<Arc<Node>>, Named(join): Named<String>) -> Result<Response, Problem> {
    let number = number(&node, &join).await?;
    Ok(node.look(move |view| find(view, number)).await?.into_response())
}

/// Goes on with a join that waits at its preview.
#[utoipa::path(post, path = "/joins/{j}/agree", tag = "joins", params(("j" = String, Path, description = "join")),
    responses((status = 202, body = Join), (status = "default", body = Problem)))]
async fn agree(State(node): State<Arc<Node>>, Named(join): Named<String>) -> Result<Response, Problem> {
    let number = number(&node, &join).await?;
    node.wish(Command::AgreeToJoin { join: number }, "the join does not go on").await?;
    let look = node.look(move |view| find(view, number));
    Ok(look.await?.with_status(StatusCode::ACCEPTED).into_response())
}

/// Forgets a join that is not done.
#[utoipa::path(delete, path = "/joins/{j}", tag = "joins", params(("j" = String, Path, description = "join")),
    responses((status = 200, body = Done), (status = "default", body = Problem)))]
async fn cancel(State(node): State<Arc<Node>>, Named(join): Named<String>) -> Result<Json<Done>, Problem> {
    let number = number(&node, &join).await?;
    node.simply(Command::CancelJoin { join: number }, "the join was not forgotten").await
}
