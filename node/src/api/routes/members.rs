//! The people of a group, and the seats that wait for a Confirm.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use coterie_protocol::{Ban, Command, GroupId, MemberView, MembershipId};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::super::extract::{Body, Named};
use super::super::problem::Problem;
use super::super::shapes;
use super::super::types::{ChangeMember, Done, GivenRole, Member, Page, RemoveMember, Request};
use super::{Node, both, group_id, missing};
use crate::driver::View;

/// The routes of this file.
pub(super) fn routes() -> OpenApiRouter<Arc<Node>> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(show, change))
        .routes(routes!(remove))
        .routes(routes!(requests))
        .routes(routes!(approve))
}

fn members(view: &View<'_>, group: &GroupId) -> Result<Vec<MemberView>, Problem> {
    view.account.members(group).ok_or_else(|| missing("group"))
}

fn find(view: &View<'_>, group: &GroupId, id: &MembershipId) -> Result<Member, Problem> {
    let members = members(view, group)?;
    let found = members.iter().find(|member| member.id == *id).ok_or_else(|| missing("member"))?;
    Ok(shapes::member(group, found, None))
}

/// Who is in, by seat.
#[utoipa::path(get, path = "/groups/{g}/members", tag = "members", params(("g" = String, Path, description = "group")),
    responses((status = 200, body = Page<Member>), (status = "default", body = Problem)))]
async fn list(State(node): State<Arc<Node>>, Named(group): Named<String>) -> Result<Response, Problem> {
    let group = group_id(&group)?;
    let look = node.look(move |view| {
        let members = members(view, &group)?;
        Ok(Page::whole(members.iter().map(|member| shapes::member(&group, member, None)).collect()))
    });
    Ok(look.await?.into_response())
}

/// One person.
#[utoipa::path(get, path = "/groups/{g}/members/{m}", tag = "members",
    params(("g" = String, Path, description = "group"), ("m" = String, Path, description = "membership")),
    responses((status = 200, body = Member), (status = "default", body = Problem)))]
async fn show(
    State(node): State<Arc<Node>>,
    Named((group, member)): Named<(String, String)>,
) -> Result<Response, Problem> {
    let (group, member) = both(&group, &member)?;
    Ok(node.look(move |view| find(view, &group, &member)).await?.into_response())
}

/// Promotes or demotes.
#[utoipa::path(patch, path = "/groups/{g}/members/{m}", tag = "members",
    params(("g" = String, Path, description = "group"), ("m" = String, Path, description = "membership")),
    request_body = ChangeMember, responses((status = 200, body = Member), (status = "default", body = Problem)))]
async fn change(
    State(node): State<Arc<Node>>,
    Named((group, member)): Named<(String, String)>,
    body: Body<ChangeMember>,
) -> Result<Response, Problem> {
    let (group, member) = both(&group, &member)?;
    let command = match body.value.role {
        GivenRole::Admin => Command::Promote { group, member },
        GivenRole::Member => Command::Demote { group, member },
    };
    node.wish(command, "the role was not changed").await?;
    let look = node.look(move |view| find(view, &group, &member));
    Ok(look.await?.with_status(StatusCode::OK).into_response())
}

/// Takes a member's seat.
#[utoipa::path(post, path = "/groups/{g}/members/{m}/remove", tag = "members",
    params(("g" = String, Path, description = "group"), ("m" = String, Path, description = "membership")),
    request_body = RemoveMember, responses((status = 200, body = Done), (status = "default", body = Problem)))]
async fn remove(
    State(node): State<Arc<Node>>,
    Named((group, member)): Named<(String, String)>,
    body: Body<RemoveMember>,
) -> Result<Json<Done>, Problem> {
    let (group, member) = both(&group, &member)?;
    let ban = if body.value.ban { Ban::Yes } else { Ban::No };
    node.simply(Command::Remove { group, member, ban }, "the member was not removed").await
}

/// Seats that wait for an organiser's Confirm.
#[utoipa::path(get, path = "/groups/{g}/requests", tag = "members", params(("g" = String, Path, description = "group")),
    responses((status = 200, body = Page<Request>), (status = "default", body = Problem)))]
async fn requests(State(node): State<Arc<Node>>, Named(group): Named<String>) -> Result<Response, Problem> {
    let group = group_id(&group)?;
    let look = node.look(move |view| {
        let members = members(view, &group)?;
        Ok(Page::whole(members.iter().filter_map(|member| shapes::request(&group, member)).collect()))
    });
    Ok(look.await?.into_response())
}

/// Confirms one.
#[utoipa::path(post, path = "/groups/{g}/requests/{r}/approve", tag = "members",
    params(("g" = String, Path, description = "group"), ("r" = String, Path, description = "membership")),
    responses((status = 200, body = Member), (status = "default", body = Problem)))]
async fn approve(
    State(node): State<Arc<Node>>,
    Named((group, member)): Named<(String, String)>,
) -> Result<Response, Problem> {
    let (group, member) = both(&group, &member)?;
    node.wish(Command::Confirm { group, member }, "the seat was not confirmed").await?;
    let look = node.look(move |view| find(view, &group, &member));
    Ok(look.await?.with_status(StatusCode::OK).into_response())
}
