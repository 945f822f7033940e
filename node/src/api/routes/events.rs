//! The event stream (EV-1 to EV-4).

use std::collections::BTreeSet;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::HeaderMap;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use futures::stream;
use serde::Deserialize;
use serde_json::Value;
use tokio::sync::OwnedSemaphorePermit;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::super::events::{Filter, Follower, Kind};
use super::super::extract::Asked;
use super::super::problem::{Code, Problem};
use super::super::shapes;
use super::Node;

/// A comment line so often (EV-1), so that both ends notice when the other is gone.
const SIGN_OF_LIFE_MS: u64 = 15_000;

/// The routes of this file.
pub(super) fn routes() -> OpenApiRouter<Arc<Node>> {
    OpenApiRouter::new().routes(routes!(follow))
}

#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
struct Wanted {
    /// Only events about this group, and those about none.
    group: Option<String>,
    /// Only these types, separated by commas.
    types: Option<String>,
    /// Where to go on; the header `Last-Event-ID` says the same.
    last_event_id: Option<String>,
}

impl Wanted {
    fn filter(&self) -> Result<Filter, Problem> {
        let unknown = |word: &str| {
            Problem::new(Code::BadValue, "the events cannot be followed")
                .because(format!("there is no event type “{word}”"))
        };
        let read = |words: &String| {
            let kinds = words.split(',').map(|word| Kind::from_word(word).ok_or_else(|| unknown(word)));
            kinds.collect::<Result<BTreeSet<Kind>, Problem>>()
        };
        Ok(Filter { group: self.group.clone(), kinds: self.types.as_ref().map(read).transpose()? })
    }
}

/// Follows what becomes true: `text/event-stream`.
#[utoipa::path(get, path = "/events", tag = "events", params(Wanted),
    responses((status = 200, description = "server-sent events", content_type = "text/event-stream"), (status = "default", body = Problem)))]
async fn follow(
    State(node): State<Arc<Node>>,
    headers: HeaderMap,
    Asked(wanted): Asked<Wanted>,
) -> Result<Response, Problem> {
    let filter = wanted.filter()?;
    let permit = Arc::clone(&node.streams).try_acquire_owned();
    let permit = permit.map_err(|_| Problem::new(Code::RateLimited, "the events cannot be followed"))?;
    let header = headers.get("last-event-id").and_then(|value| value.to_str().ok()).map(str::to_owned);
    let last = header.or(wanted.last_event_id);
    // On the driver's thread nothing is published meanwhile, so status and position belong together.
    let hub = Arc::clone(&node.hub);
    let look = node.look(move |view| {
        let follower = hub.follow(last.as_deref(), filter);
        let status = serde_json::to_value(shapes::status(view)).unwrap_or(Value::Null);
        let hello = follower.hello(&status);
        Ok((follower, hello))
    });
    let (follower, hello) = look.await?.body;
    let stream = Stream { follower, first: Some(hello), _permit: permit };
    let body = Body::from_stream(stream::unfold(stream, Stream::next));
    Ok(([(CONTENT_TYPE, "text/event-stream"), (CACHE_CONTROL, "no-store")], body).into_response())
}

/// One open stream.
struct Stream {
    follower: Follower,
    first: Option<String>,
    /// Its place among the 16 (AP-3).
    _permit: OwnedSemaphorePermit,
}

impl Stream {
    async fn next(mut self) -> Option<(Result<Bytes, Infallible>, Self)> {
        let text = match self.first.take() {
            Some(hello) => hello,
            None => {
                let waiting = tokio::time::timeout(Duration::from_millis(SIGN_OF_LIFE_MS), self.follower.next());
                waiting.await.unwrap_or_else(|_| Some(":\n\n".to_owned()))?
            }
        };
        Some((Ok(Bytes::from(text)), self))
    }
}
