//! The server: accepts callers of the same user, routes what they ask, and ends within a second when told to.
//!
//! The router is built once, together with its description: `utoipa-axum` takes each path from the annotation of its
//! handler, so there is no route without a line in `openapi.json` (VN-1).

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{HeaderName, HeaderValue, Request};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use utoipa::OpenApi;
use utoipa_axum::router::OpenApiRouter;

use super::problem::{Code, Problem};
use super::routes::{self, Node};
use super::{API_HEADER, API_VERSION, access};

/// Connections at a time (AP-3).
const CONNECTIONS_MAX: usize = 64;
/// Headers of one request (AP-3).
const HEADER_BYTES_MAX: usize = 16 * 1_024;
/// To receive the headers (AP-3).
const HEADER_MS_MAX: u64 = 30_000;
/// What open answers may still take when the node stops (SV-3).
const FAREWELL_MS_MAX: u64 = 300;

#[derive(OpenApi)]
#[openapi(info(
    title = "Coterie, local API",
    description = "What faces and bots ask a running node over its Unix socket. Additive within /v1.",
    license(name = "MIT OR Apache-2.0")
))]
struct Description;

/// The router and the document that describes it.
pub(crate) fn router(node: Arc<Node>) -> (Router, utoipa::openapi::OpenApi) {
    let (router, document) =
        OpenApiRouter::with_openapi(Description::openapi()).nest("/v1", routes::all()).split_for_parts();
    let answered = Arc::clone(&node);
    let router = router
        .fallback(|| async { Problem::new(Code::NotFound, "there is no such address").into_response() })
        .method_not_allowed_fallback(|| async { not_allowed() })
        .layer(middleware::from_fn_with_state(answered, stamp))
        .layer(DefaultBodyLimit::disable())
        .with_state(node);
    (router, document)
}

/// The document that is served at `/v1/openapi.json` and kept beside the crate, as JSON with a last line end.
#[must_use]
pub fn openapi_json() -> String {
    let (_, mut document) =
        OpenApiRouter::with_openapi(Description::openapi()).nest("/v1", routes::all()).split_for_parts();
    // The version of the API, not of the program: the document changes only when the API does.
    API_VERSION.clone_into(&mut document.info.version);
    let mut text = document.to_pretty_json().unwrap_or_default();
    text.push('\n');
    text
}

fn not_allowed() -> Response {
    let problem = Problem::new(Code::BadValue, "this address does not take that method");
    let mut response = problem.because("another method than the documented ones was used").into_response();
    *response.status_mut() = axum::http::StatusCode::METHOD_NOT_ALLOWED;
    response
}

/// Every answer carries the version (AP-17); while the store is being opened, or is locked (AP-11), only the status is
/// answered.
async fn stamp(State(node): State<Arc<Node>>, request: Request<axum::body::Body>, next: Next) -> Response {
    let early = ["/v1/status", "/v1/openapi.json", "/v1/shutdown", "/v1/identity/unlock"];
    let mut response = match node.is_open() || early.contains(&request.uri().path()) {
        true => next.run(request).await,
        false => node.not_open().into_response(),
    };
    response.headers_mut().insert(HeaderName::from_static(API_HEADER), HeaderValue::from_static(API_VERSION));
    response
}

/// What a node was told to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Order {
    /// Nothing yet: it serves.
    Serve,
    /// To end.
    Stop,
    /// To forget its keys until the passphrase is given (AP-11).
    Lock,
}

/// Serves until there is an order; then open answers get a moment, and all is closed but the listener: who calls
/// meanwhile waits for the next to serve.
pub(crate) async fn serve(listener: Arc<UnixListener>, node: Arc<Node>, mut orders: watch::Receiver<Order>) {
    let (router, _) = router(node);
    let room = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    let mut connections = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = told(&mut orders) => break,
            Some(_) = connections.join_next(), if !connections.is_empty() => continue,
        };
        let Ok((stream, _)) = accepted else {
            // Out of file descriptors, most likely: let some be given back.
            tokio::time::sleep(Duration::from_millis(20)).await;
            continue;
        };
        // Rules AP-2 and AP-3: strangers and crowds are closed without a word.
        if let (true, Ok(permit)) = (access::is_own_user(&stream), Arc::clone(&room).try_acquire_owned()) {
            let (router, orders) = (router.clone(), orders.clone());
            connections.spawn(async move {
                connection(stream, router, orders).await;
                drop(permit);
            });
        }
    }
    drop(listener);
    let farewell = async { while connections.join_next().await.is_some() {} };
    if tokio::time::timeout(Duration::from_millis(FAREWELL_MS_MAX), farewell).await.is_err() {
        connections.shutdown().await;
    }
}

/// Waits for an order.
pub(crate) async fn told(orders: &mut watch::Receiver<Order>) -> Order {
    // If the sender is gone, the node is going too.
    orders.wait_for(|&order| order != Order::Serve).await.map_or(Order::Stop, |order| *order)
}

async fn connection(stream: UnixStream, router: Router, mut orders: watch::Receiver<Order>) {
    let service = TowerToHyperService::new(router);
    let mut server = http1::Builder::new();
    server
        .timer(TokioTimer::new())
        .header_read_timeout(Duration::from_millis(HEADER_MS_MAX))
        .max_buf_size(HEADER_BYTES_MAX);
    let connection = server.serve_connection(TokioIo::new(stream), service);
    tokio::pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => Some(ended),
        _ = told(&mut orders) => None,
    };
    let ended = match ended {
        Some(ended) => ended,
        None => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::trace!(%error, "a local connection ended early");
    }
}

#[cfg(test)]
mod tests;
