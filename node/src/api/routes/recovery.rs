//! A new organiser in the place of one who is lost: the request, the consents, the change.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use coterie_protocol::{self as core, Command, KnownLater, RecoveryCode, RecoveryTextError, Reply};
use serde::Deserialize;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::super::extract::{Asked, Body, Named};
use super::super::problem::{Code, Problem};
use super::super::types::{
    ApproveRequest, Group, LookAtRequest, Recovery, SuccessionApproval, SuccessionApprovalSchema, SuccessionLook,
    SuccessionRequest, SuccessionRequestSchema, TakeOver, spell_id,
};
use super::super::{shapes, words};
use super::{Node, find_group, group_id, unexpected};
use crate::driver::Refused;

/// Approvals that are read: a group has at most seven codes, and a person may paste some twice.
const APPROVALS_MAX: usize = 16;

/// The routes of this file.
pub(super) fn routes() -> OpenApiRouter<Arc<Node>> {
    OpenApiRouter::new()
        .routes(routes!(show))
        .routes(routes!(request))
        .routes(routes!(look))
        .routes(routes!(approve))
        .routes(routes!(take))
}

/// Up to where the organiser's word shall count.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Until {
    until: Option<String>,
}

fn read<T>(found: Result<T, RecoveryTextError>, field: &'static str) -> Result<T, Problem> {
    found.map_err(|error| words::recovery_text(error, field))
}

/// Whether and how the organiser above all others could be replaced.
#[utoipa::path(get, path = "/groups/{g}/recovery", tag = "recovery",
    params(("g" = String, Path, description = "group")),
    responses((status = 200, body = Recovery), (status = "default", body = Problem)))]
async fn show(State(node): State<Arc<Node>>, Named(group): Named<String>) -> Result<Response, Problem> {
    let id = group_id(&group)?;
    let look = node.look(move |view| {
        find_group(view, &id)?;
        Ok(shapes::recovery(view, &id))
    });
    Ok(look.await?.into_response())
}

/// One's own request to take that place, for those who keep codes.
#[utoipa::path(get, path = "/groups/{g}/recovery/request", tag = "recovery",
    params(("g" = String, Path, description = "group"),
        ("until" = Option<String>, Query, description = "beginning of the id of the organiser's last operation that counts")),
    responses((status = 200, body = SuccessionRequest), (status = "default", body = Problem)))]
async fn request(
    State(node): State<Arc<Node>>,
    Named(group): Named<String>,
    Asked(Until { until }): Asked<Until>,
) -> Result<Response, Problem> {
    let id = group_id(&group)?;
    let look = node.look(move |view| {
        find_group(view, &id)?;
        let made = view.account.succession_request(&id, until.as_deref());
        let request = made.map_err(|why| words::refused(Refused::Command(why), "no request was made"))?;
        let threshold = view.account.recovery(&id).map_or(0, |found| found.threshold);
        Ok(SuccessionRequest { schema: SuccessionRequestSchema::V1, group: spell_id(id.as_ref()), request, threshold })
    });
    Ok(look.await?.into_response())
}

/// What somebody's request asks for, before anybody consents.
#[utoipa::path(post, path = "/recovery/look", tag = "recovery", request_body = LookAtRequest,
    responses((status = 200, body = SuccessionLook), (status = "default", body = Problem)))]
async fn look(State(node): State<Arc<Node>>, body: Body<LookAtRequest>) -> Result<Response, Problem> {
    let request = read(core::SuccessionRequest::parse(&body.value.request), "request")?;
    let look = node.look(move |view| {
        let found = view.account.look_at_request(&request);
        let found = found.map_err(|why| words::refused(Refused::Command(why), "this request cannot be granted"))?;
        Ok(shapes::looked_at(view, &find_group(view, &found.group)?, &found))
    });
    Ok(look.await?.into_response())
}

/// Consents with a recovery code.
#[utoipa::path(post, path = "/recovery/approve", tag = "recovery", request_body = ApproveRequest,
    responses((status = 200, body = SuccessionApproval), (status = "default", body = Problem)))]
async fn approve(
    State(node): State<Arc<Node>>,
    body: Body<ApproveRequest>,
) -> Result<Json<SuccessionApproval>, Problem> {
    let ApproveRequest { request, code, anyway } = body.value;
    let request = read(core::SuccessionRequest::parse(&request), "request")?;
    let code = read(RecoveryCode::parse(&code), "code")?;
    let known_later = if anyway { KnownLater::IsVoid } else { KnownLater::Counts };
    let what = "nothing was approved";
    let wish = Command::ApproveSuccession { request, code, known_later };
    let Reply::Approval(approval) = node.wish(wish, what).await? else { return Err(unexpected(what)) };
    Ok(Json(SuccessionApproval {
        schema: SuccessionApprovalSchema::V1,
        group: spell_id(request.gid.as_ref()),
        approval: approval.to_text(),
    }))
}

/// Takes the organiser's place with enough consents.
#[utoipa::path(post, path = "/groups/{g}/recovery/take", tag = "recovery",
    params(("g" = String, Path, description = "group")), request_body = TakeOver,
    responses((status = 200, body = Group), (status = "default", body = Problem)))]
async fn take(
    State(node): State<Arc<Node>>,
    Named(group): Named<String>,
    body: Body<TakeOver>,
) -> Result<Response, Problem> {
    let id = group_id(&group)?;
    let what = "you did not take the organiser's place";
    if body.value.approvals.len() > APPROVALS_MAX {
        return Err(Problem::new(Code::TooLarge, what).detail("max", APPROVALS_MAX));
    }
    let approvals = body.value.approvals.iter().map(|text| read(core::SuccessionApproval::parse(text), "approval"));
    let approvals = approvals.collect::<Result<Vec<_>, Problem>>()?;
    node.wish(Command::TakeOver { group: id, approvals }, what).await?;
    let look = node.look(move |view| Ok(shapes::group(view, &find_group(view, &id)?)));
    Ok(look.await?.into_response())
}
