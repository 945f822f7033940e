//! The typed client of the local API, for command line, terminal UI, bots and tests (VN-3).
//!
//! Each call opens its own connection to the Unix socket: on one machine that costs less than keeping one alive, and
//! nothing is left half read when a caller goes away. Each call has a deadline. [`Follower`] follows the events and
//! comes back by itself after a break, without missing anything or with a `reset`.

mod calls;
mod files;
mod follow;

pub use calls::{Got, Lines};
pub use files::{FileToSend, Incoming as IncomingFile};
pub use follow::{Follower, Heard};

use std::io;
use std::ops::Deref;
use std::path::PathBuf;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
pub use hyper::Method;
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper::{HeaderMap, Request, Response};
use hyper_util::rt::TokioIo;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::net::UnixStream;

use super::problem::{Code, Problem};
use super::{API_HEADER, API_VERSION, EVENT_HEADER};
use crate::clock::Stopwatch;

/// An answer of the node; far above the largest page.
const ANSWER_BYTES_MAX: usize = 32 << 20;
/// A file that the node makes: a backup with the history of years.
const FILE_BYTES_MAX: usize = 1 << 30;
/// How long a call may take, if the caller does not say.
const CALL_MS: u64 = 30_000;

/// A way to one running node.
#[derive(Clone, Debug)]
pub struct Client {
    socket: PathBuf,
    timeout: Duration,
}

/// What a GET gave, and the event position that it includes: follow from there and miss nothing (AP-17).
#[derive(Clone, Debug)]
pub struct Answer<T> {
    /// The object.
    pub body: T,
    /// The event position, if the answer is about state.
    pub position: Option<String>,
}

impl<T> Deref for Answer<T> {
    type Target = T;
    fn deref(&self) -> &T {
        &self.body
    }
}

impl Client {
    /// A client of the node behind this socket. Nothing is opened yet.
    #[must_use]
    pub fn new(socket: impl Into<PathBuf>) -> Self {
        Self { socket: socket.into(), timeout: Duration::from_millis(CALL_MS) }
    }

    /// The same, with another deadline for each call.
    #[must_use]
    pub fn with_timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Waits until the node is open, for as long as `patience`; its status then.
    ///
    /// # Errors
    /// `node_down` or `node_starting` when that takes too long, and whatever else the node answers.
    pub async fn wait_ready(&self, patience: Duration) -> Result<super::types::Status, Problem> {
        let waited = Stopwatch::start();
        loop {
            let found = match self.status().await {
                Ok(status) if status.state != super::types::NodeState::Starting => return Ok(status.body),
                Ok(_) => Problem::new(Code::NodeStarting, "the node is not ready yet"),
                Err(problem) if problem.code == Code::NodeDown => problem,
                Err(problem) => return Err(problem),
            };
            if waited.elapsed() >= patience {
                return Err(found);
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// A GET of any path under `/v1`.
    ///
    /// # Errors
    /// What the node answers, or `node_down`, `socket_denied`, `api_mismatch`.
    pub async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<Answer<T>, Problem> {
        self.call(Method::GET, path, None::<&()>, None).await
    }

    /// A request that changes something, with a JSON body.
    ///
    /// # Errors
    /// As [`Self::get`].
    pub async fn change<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        body: &impl Serialize,
    ) -> Result<T, Problem> {
        self.call(method, path, Some(body), None).await.map(|answer| answer.body)
    }

    pub(super) async fn call<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        body: Option<&impl Serialize>,
        once: Option<&str>,
    ) -> Result<Answer<T>, Problem> {
        let calling = async {
            let mut request = Request::builder().method(method).uri(format!("/v1{path}")).header("host", "coterie");
            if let Some(key) = once {
                request = request.header("idempotency-key", key);
            }
            let text = match body {
                Some(body) => {
                    request = request.header("content-type", "application/json");
                    serde_json::to_vec(body).map_err(|error| mismatch(&error.to_string()))?
                }
                None => Vec::new(),
            };
            let request = request.body(Full::new(Bytes::from(text))).map_err(|error| mismatch(&error.to_string()))?;
            read(self.send(request).await?).await
        };
        tokio::time::timeout(self.timeout, calling).await.unwrap_or_else(|_| Err(too_late()))
    }

    /// A request that answers with a file.
    ///
    /// # Errors
    /// As [`Self::get`].
    pub async fn fetch(&self, path: &str, body: &impl Serialize) -> Result<Bytes, Problem> {
        let fetching = async {
            let text = serde_json::to_vec(body).map_err(|error| mismatch(&error.to_string()))?;
            let request = Request::builder().method(Method::POST).uri(format!("/v1{path}")).header("host", "coterie");
            let request = request.header("content-type", "application/json").body(Full::new(Bytes::from(text)));
            let response = self.send(request.map_err(|error| mismatch(&error.to_string()))?).await?;
            let good = response.status().is_success();
            let body = Limited::new(response.into_body(), FILE_BYTES_MAX).collect().await;
            let body = body.map_err(|_| node_down())?.to_bytes();
            if good {
                return Ok(body);
            }
            Err(serde_json::from_slice(&body).unwrap_or_else(|_| mismatch("its answer was not understood")))
        };
        tokio::time::timeout(self.timeout, fetching).await.unwrap_or_else(|_| Err(too_late()))
    }

    pub(super) async fn send<B>(&self, request: Request<B>) -> Result<Response<Incoming>, Problem>
    where
        B: hyper::body::Body<Data = Bytes> + Send + 'static,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let stream = UnixStream::connect(&self.socket).await.map_err(|error| unreachable_node(&error))?;
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(|_| node_down())?;
        // It ends with the answer, or when the answer is dropped.
        tokio::spawn(connection);
        let response = sender.send_request(request).await.map_err(|_| node_down())?;
        check_version(response.headers())?;
        Ok(response)
    }
}

/// Rule VN-2: same major, and the node's minor is not below ours.
fn check_version(headers: &HeaderMap) -> Result<(), Problem> {
    let theirs = headers.get(API_HEADER).and_then(|value| value.to_str().ok()).and_then(version);
    match (theirs, version(API_VERSION)) {
        (Some((major, minor)), Some((our_major, our_minor))) if major == our_major && minor >= our_minor => Ok(()),
        _ => Err(mismatch("it speaks another version of the local API")),
    }
}

fn version(text: &str) -> Option<(u32, u32)> {
    let (major, minor) = text.split_once('.')?;
    Some((major.parse().ok()?, minor.parse().ok()?))
}

async fn read<T: DeserializeOwned>(response: Response<Incoming>) -> Result<Answer<T>, Problem> {
    let good = response.status().is_success();
    let position = response.headers().get(EVENT_HEADER).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let body =
        Limited::new(response.into_body(), ANSWER_BYTES_MAX).collect().await.map_err(|_| node_down())?.to_bytes();
    if !good {
        return Err(serde_json::from_slice(&body).unwrap_or_else(|_| mismatch("its answer was not understood")));
    }
    let body = serde_json::from_slice(&body).map_err(|error| mismatch(&error.to_string()))?;
    Ok(Answer { body, position })
}

fn unreachable_node(error: &io::Error) -> Problem {
    match error.kind() {
        io::ErrorKind::PermissionDenied => Problem::new(Code::SocketDenied, "the node may not be asked"),
        _ => node_down(),
    }
}

fn node_down() -> Problem {
    Problem::new(Code::NodeDown, "the node does not answer")
}

fn too_late() -> Problem {
    Problem::new(Code::Busy, "the node did not answer in time")
}

fn mismatch(why: &str) -> Problem {
    Problem::new(Code::ApiMismatch, "the node and this program do not understand each other").because(why)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn vn_02_a_node_of_another_major_or_a_lower_minor_is_not_talked_to() {
        let (major, minor) = version(API_VERSION).unwrap();
        let check = |text: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(API_HEADER, text.parse().unwrap());
            check_version(&headers)
        };
        for good in [API_VERSION.to_owned(), format!("{major}.{}", minor + 1)] {
            assert!(check(&good).is_ok(), "{good}");
        }
        let lower = minor.checked_sub(1).map(|minor| format!("{major}.{minor}"));
        let others = [format!("{}.{minor}", major + 1), major.to_string(), "1.x".to_owned(), String::new()];
        for bad in others.into_iter().chain(lower) {
            assert_eq!(check(&bad).unwrap_err().code, Code::ApiMismatch, "{bad}");
        }
        assert_eq!(check_version(&HeaderMap::new()).unwrap_err().code, Code::ApiMismatch, "no node of ours");
    }
}
