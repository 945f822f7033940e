//! The node itself: status, identity, self-examination, the description of this API, and the end.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::super::problem::Problem;
use super::super::types::{Done, DoneSchema, NodeState, Status, StatusSchema};
use super::super::{API_VERSION, server};
use super::Node;

/// The routes of this file.
pub(super) fn routes() -> OpenApiRouter<Arc<Node>> {
    OpenApiRouter::new().routes(routes!(openapi)).routes(routes!(status)).routes(routes!(shutdown))
}

/// This description.
#[utoipa::path(get, path = "/openapi.json", tag = "node", responses((status = 200, description = "OpenAPI 3.1")))]
async fn openapi() -> Response {
    ([(CONTENT_TYPE, "application/json")], server::openapi_json()).into_response()
}

/// How the node is.
#[utoipa::path(get, path = "/status", tag = "node", responses((status = 200, body = Status)))]
async fn status(State(node): State<Arc<Node>>) -> Result<Json<Status>, Problem> {
    Ok(Json(starting(&node)))
}

fn starting(node: &Node) -> Status {
    Status {
        schema: StatusSchema::V1,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        api: API_VERSION.to_owned(),
        profile: node.profile.clone(),
        pid: std::process::id(),
        uptime_ms: u64::try_from(node.started.elapsed().as_millis()).unwrap_or(u64::MAX),
        state: NodeState::Starting,
        sentence: "Starting".to_owned(),
        groups: Vec::new(),
        disk: None,
        alerts: Vec::new(),
        refused: Default::default(),
    }
}

/// Ends the node in good order.
#[utoipa::path(post, path = "/shutdown", tag = "node", responses((status = 202, body = Done)))]
async fn shutdown(State(node): State<Arc<Node>>) -> Response {
    node.stop.send_replace(true);
    (axum::http::StatusCode::ACCEPTED, Json(Done { schema: DoneSchema::V1 })).into_response()
}
