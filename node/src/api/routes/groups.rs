//! Groups: found, look, rename, leave.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use coterie_protocol::{Command, LastOrganiser, Reply};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::super::extract::{Body, Named};
use super::super::problem::Problem;
use super::super::shapes;
use super::super::types::{ChangeGroup, Done, Group, GroupLog, LeaveGroup, NewGroup, Page};
use super::{Node, find_group, group_id, unexpected};

/// The routes of this file.
pub(super) fn routes() -> OpenApiRouter<Arc<Node>> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(show, rename))
        .routes(routes!(log))
        .routes(routes!(leave))
}

/// All groups.
#[utoipa::path(get, path = "/groups", tag = "groups", responses((status = 200, body = Page<Group>), (status = "default", body = Problem)))]
async fn list(State(node): State<Arc<Node>>) -> Result<Response, Problem> {
    let look = node.look(|view| {
        let groups = view.account.groups();
        Ok(Page::whole(groups.iter().map(|group| shapes::group(view, group)).collect()))
    });
    Ok(look.await?.into_response())
}

/// Founds a group.
#[utoipa::path(post, path = "/groups", tag = "groups", request_body = NewGroup,
    responses((status = 201, body = Group), (status = "default", body = Problem)))]
async fn create(State(node): State<Arc<Node>>, body: Body<NewGroup>) -> Result<Response, Problem> {
    let NewGroup { name, about } = body.value;
    let what = "the group was not made";
    let Reply::Group(id) = node.wish(Command::CreateGroup { name, about }, what).await? else {
        return Err(unexpected(what));
    };
    let look = node.look(move |view| Ok(shapes::group(view, &find_group(view, &id)?)));
    Ok(look.await?.with_status(StatusCode::CREATED).into_response())
}

/// One group.
#[utoipa::path(get, path = "/groups/{g}", tag = "groups", params(("g" = String, Path, description = "group")),
    responses((status = 200, body = Group), (status = "default", body = Problem)))]
async fn show(State(node): State<Arc<Node>>, Named(group): Named<String>) -> Result<Response, Problem> {
    let id = group_id(&group)?;
    Ok(node.look(move |view| Ok(shapes::group(view, &find_group(view, &id)?))).await?.into_response())
}

/// The membership log: who did what, what became of it, who sits where by whose word.
#[utoipa::path(get, path = "/groups/{g}/log", tag = "groups", params(("g" = String, Path, description = "group")),
    responses((status = 200, body = GroupLog), (status = "default", body = Problem)))]
async fn log(State(node): State<Arc<Node>>, Named(group): Named<String>) -> Result<Response, Problem> {
    let id = group_id(&group)?;
    let look = node.look(move |view| {
        find_group(view, &id)?;
        view.account.chronicle(&id).as_ref().map(shapes::group_log).ok_or_else(|| unexpected("there is no log"))
    });
    Ok(look.await?.into_response())
}

/// Another name, for everybody.
#[utoipa::path(patch, path = "/groups/{g}", tag = "groups", params(("g" = String, Path, description = "group")),
    request_body = ChangeGroup, responses((status = 200, body = Group), (status = "default", body = Problem)))]
async fn rename(
    State(node): State<Arc<Node>>,
    Named(group): Named<String>,
    body: Body<ChangeGroup>,
) -> Result<Response, Problem> {
    let id = group_id(&group)?;
    node.wish(Command::RenameGroup { group: id, name: body.value.name }, "the group was not renamed").await?;
    let look = node.look(move |view| Ok(shapes::group(view, &find_group(view, &id)?)));
    Ok(look.await?.with_status(StatusCode::OK).into_response())
}

/// Gives one's own seat up and forgets the group's keys.
#[utoipa::path(post, path = "/groups/{g}/leave", tag = "groups", params(("g" = String, Path, description = "group")),
    request_body = LeaveGroup, responses((status = 200, body = Done), (status = "default", body = Problem)))]
async fn leave(
    State(node): State<Arc<Node>>,
    Named(group): Named<String>,
    body: Body<LeaveGroup>,
) -> Result<Json<Done>, Problem> {
    let last_organiser = if body.value.freeze { LastOrganiser::MayFreeze } else { LastOrganiser::Stays };
    let command = Command::Leave { group: group_id(&group)?, last_organiser };
    node.simply(command, "you did not leave the group").await
}
