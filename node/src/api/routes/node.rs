//! The node itself: status, identity, self-examination, the description of this API, and the end.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use coterie_protocol::Command;
use serde::Deserialize;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::super::extract::{Asked, Body};
use super::super::problem::{Code, Problem};
use super::super::server::Order;
use super::super::types::{
    ChangeIdentity, Doctor, Done, DoneSchema, Identity, NodeState, PiecesMoved, Status, StatusSchema,
};
use super::super::{API_VERSION, doctor, server, shapes, words};
use super::Node;
use crate::driver::Refused;

/// The routes of this file.
pub(super) fn routes() -> OpenApiRouter<Arc<Node>> {
    OpenApiRouter::new()
        .routes(routes!(openapi))
        .routes(routes!(status))
        .routes(routes!(shut_down))
        .routes(routes!(identity, change_identity))
        .routes(routes!(go_on_here))
        .routes(routes!(examine))
}

/// This description.
#[utoipa::path(get, path = "/openapi.json", tag = "node", responses((status = 200, description = "OpenAPI 3.1")))]
async fn openapi() -> Response {
    ([(CONTENT_TYPE, "application/json")], server::openapi_json()).into_response()
}

/// How the node is.
#[utoipa::path(get, path = "/status", tag = "node", responses((status = 200, body = Status), (status = "default", body = Problem)))]
async fn status(State(node): State<Arc<Node>>) -> Result<Response, Problem> {
    if !node.is_open() {
        return Ok(Json(not_open(&node)).into_response());
    }
    Ok(node.look(|view| Ok(shapes::status(view))).await?.into_response())
}

fn not_open(node: &Node) -> Status {
    let state = if node.doorkeeper.is_some() { NodeState::Locked } else { NodeState::Starting };
    Status {
        schema: StatusSchema::V1,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        api: API_VERSION.to_owned(),
        profile: node.profile.clone(),
        pid: std::process::id(),
        uptime_ms: node.started.elapsed_ms(),
        state,
        sentence: super::super::sentence::sentence(state, &[], 0),
        groups: Vec::new(),
        listen: Vec::new(),
        disk: None,
        alerts: Vec::new(),
        refused: std::collections::BTreeMap::new(),
        pieces: PiecesMoved::default(),
    }
}

/// Ends the node in good order.
#[utoipa::path(post, path = "/shutdown", tag = "node", responses((status = 202, body = Done)))]
async fn shut_down(State(node): State<Arc<Node>>) -> (StatusCode, Json<Done>) {
    node.order(Order::Stop);
    (StatusCode::ACCEPTED, Json(Done { schema: DoneSchema::V1 }))
}

/// Who one is.
#[utoipa::path(get, path = "/identity", tag = "node", responses((status = 200, body = Identity), (status = "default", body = Problem)))]
async fn identity(State(node): State<Arc<Node>>) -> Result<Response, Problem> {
    Ok(node.look(|view| Ok(shapes::identity(view))).await?.into_response())
}

/// Another name, for groups joined from now on.
#[utoipa::path(patch, path = "/identity", tag = "node", request_body = ChangeIdentity,
    responses((status = 200, body = Identity), (status = "default", body = Problem)))]
async fn change_identity(State(node): State<Arc<Node>>, body: Body<ChangeIdentity>) -> Result<Response, Problem> {
    node.wish(Command::SetName { name: body.value.name }, "your name was not changed").await?;
    Ok(node.look(|view| Ok(shapes::identity(view))).await?.with_status(StatusCode::OK).into_response())
}

/// This is the computer to go on with: of two live copies of a profile this one opens a new installation (ST-102).
#[utoipa::path(post, path = "/identity/installation", tag = "node",
    responses((status = 200, body = Identity), (status = "default", body = Problem)))]
async fn go_on_here(State(node): State<Arc<Node>>) -> Result<Response, Problem> {
    let done = node.driver()?.take_instance().await;
    done.map_err(|refused| match refused {
        Refused::Command(_) => Problem::new(Code::Conflict, "nothing was changed")
            .because("no second copy of this profile has been seen")
            .advise(["coterie status"]),
        other => words::refused(other, "nothing was changed"),
    })?;
    Ok(node.look(|view| Ok(shapes::identity(view))).await?.into_response())
}

#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
struct Depth {
    /// Whether every record is opened and counted first; with 100,000 of them that takes up to 2 s.
    #[serde(default)]
    deep: bool,
}

/// The node's examination of itself.
#[utoipa::path(get, path = "/doctor", tag = "node", params(Depth), responses((status = 200, body = Doctor), (status = "default", body = Problem)))]
async fn examine(State(node): State<Arc<Node>>, Asked(depth): Asked<Depth>) -> Result<Response, Problem> {
    if depth.deep {
        let looked = node.driver()?.verify().await;
        looked.map_err(|refused| words::refused(refused, "not every record was looked at"))?;
    }
    Ok(node.look(|view| Ok(doctor::examine(view))).await?.into_response())
}
