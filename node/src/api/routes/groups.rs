//! Groups: found, look, change, leave.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use coterie_protocol::{
    self as core, Admittance, Command, GroupId, LastOrganiser, Mute, RecoveryCode, RecoveryPlan, Reply,
};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::super::extract::{Body, Named};
use super::super::problem::{Code, Problem};
use super::super::shapes;
use super::super::types::{ChangeGroup, Done, Group, GroupLog, History, Keeping, LeaveGroup, Muting, NewGroup, Page};
use super::{Node, find_group, group_id, unexpected};

/// The routes of this file.
pub(super) fn routes() -> OpenApiRouter<Arc<Node>> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(show, change))
        .routes(routes!(log))
        .routes(routes!(keep))
        .routes(routes!(mute))
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
    let NewGroup { name, about, recovery } = body.value;
    let recovery = recovery.map(|new| RecoveryPlan { threshold: new.threshold, codes: new.codes });
    let what = "the group was not made";
    let (id, codes) = match node.wish(Command::CreateGroup { name, about, recovery }, what).await? {
        Reply::Group(id) => (id, None),
        Reply::Recoverable { group, codes } => (group, Some(codes)),
        _ => return Err(unexpected(what)),
    };
    let recovery_codes = codes.map(|codes| codes.iter().map(RecoveryCode::to_text).collect::<Vec<String>>());
    let look = node.look(move |view| {
        let group = shapes::group(view, &find_group(view, &id)?);
        Ok(Group { recovery_codes, ..group })
    });
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

/// Another name or other settings, for everybody.
#[utoipa::path(patch, path = "/groups/{g}", tag = "groups", params(("g" = String, Path, description = "group")),
    request_body = ChangeGroup, responses((status = 200, body = Group), (status = "default", body = Problem)))]
async fn change(
    State(node): State<Arc<Node>>,
    Named(group): Named<String>,
    body: Body<ChangeGroup>,
) -> Result<Response, Problem> {
    let id = group_id(&group)?;
    let ChangeGroup { name, require_confirm, history } = body.value;
    if let Some(name) = name {
        node.wish(Command::RenameGroup { group: id, name }, "the group was not renamed").await?;
    }
    if let Some(wait) = require_confirm {
        let admittance = if wait { Admittance::AfterConfirm } else { Admittance::ByLink };
        node.wish(Command::RequireConfirm { group: id, admittance }, "the setting was not changed").await?;
    }
    if let Some(history) = history {
        let history = match history {
            History::None => core::History::Nothing,
            History::Days { days } if days > 0 => core::History::Archive { days },
            History::Days { .. } => return Err(Problem::new(Code::BadValue, "the setting was not changed")),
            History::All => core::History::Archive { days: 0 },
        };
        node.wish(Command::SetHistory { group: id, history }, "the setting was not changed").await?;
    }
    changed(&node, id).await
}

/// The group as it is after a change.
async fn changed(node: &Node, id: GroupId) -> Result<Response, Problem> {
    let look = node.look(move |view| Ok(shapes::group(view, &find_group(view, &id)?)));
    Ok(look.await?.with_status(StatusCode::OK).into_response())
}

/// For how long what is said there is kept on this computer (ST-110). It concerns nobody else, and nobody else is told.
#[utoipa::path(put, path = "/groups/{g}/keeping", tag = "groups", params(("g" = String, Path, description = "group")),
    request_body = Keeping, responses((status = 200, body = Group), (status = "default", body = Problem)))]
async fn keep(
    State(node): State<Arc<Node>>,
    Named(group): Named<String>,
    body: Body<Keeping>,
) -> Result<Response, Problem> {
    let id = group_id(&group)?;
    let what = "what is kept was not changed";
    let days = match body.value.days {
        None => 0,
        Some(0) => {
            let zero = Problem::new(Code::BadValue, what).because("0 days would keep nothing");
            return Err(zero.advise(["coterie group keep 1d", "coterie group keep all"]));
        }
        Some(days) => days,
    };
    node.wish(Command::KeepWords { group: id, days }, what).await?;
    changed(&node, id).await
}

/// Whether this profile's screens are silent about what is said there (CV-11). Nobody else is told; alerts still come.
#[utoipa::path(put, path = "/groups/{g}/mute", tag = "groups", params(("g" = String, Path, description = "group")),
    request_body = Muting, responses((status = 200, body = Group), (status = "default", body = Problem)))]
async fn mute(
    State(node): State<Arc<Node>>,
    Named(group): Named<String>,
    body: Body<Muting>,
) -> Result<Response, Problem> {
    let id = group_id(&group)?;
    let what = "whether the group is muted was not changed";
    let mute = match body.value {
        Muting { on: false, for_ms: None } => Mute::Off,
        Muting { on: false, for_ms: Some(_) } => {
            let both = Problem::new(Code::BadValue, what).because("a group that is not muted is not muted for a while");
            return Err(both.advise(["coterie group unmute", "coterie group mute --for 8h"]));
        }
        Muting { on: true, for_ms: Some(ms) } => Mute::ForMs(ms),
        Muting { on: true, for_ms: None } => Mute::Always,
    };
    node.wish(Command::Mute { group: id, mute }, what).await?;
    changed(&node, id).await
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
