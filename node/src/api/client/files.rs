//! Files to and from the node, piece by piece: nothing of them is held in memory at once.

use std::io;
use std::time::Duration;

use bytes::Bytes;
use futures::stream;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::{Body, Frame};
use hyper::{Method, Request, Response};
use tokio::io::{AsyncRead, AsyncReadExt};

use super::super::problem::Problem;
use super::super::types::Upload;
use super::{Client, mismatch, node_down, read, too_late};

/// Read from the disk at a time.
const PART_BYTES: usize = 256 << 10;
/// Without a byte for so long, a call is given up: longer than the node itself waits for members.
const PATIENCE: Duration = Duration::from_secs(60);

/// What is said of a file that is handed over.
#[derive(Clone, Debug)]
pub struct FileToSend<'a> {
    /// `image`, `voice`, `video` or `file`.
    pub kind: &'a str,
    /// What it is called.
    pub name: &'a str,
    /// Bytes.
    pub size: u64,
    /// Whether it goes out with all its data.
    pub original: bool,
}

/// A file that comes.
#[derive(Debug)]
pub struct Incoming {
    body: hyper::body::Incoming,
    /// Bytes of all of it, as the node says.
    pub size: u64,
}

impl Incoming {
    /// The next bytes; none at the end.
    ///
    /// # Errors
    /// When the node stops giving: nobody who has the rest is online, or the node is gone.
    pub async fn next(&mut self) -> Result<Option<Bytes>, Problem> {
        loop {
            let frame = tokio::time::timeout(PATIENCE, self.body.frame()).await.map_err(|_| too_late())?;
            match frame {
                None => return Ok(None),
                Some(Err(_)) => return Err(broke_off()),
                Some(Ok(frame)) => {
                    if let Ok(bytes) = frame.into_data() {
                        return Ok(Some(bytes));
                    }
                }
            }
        }
    }
}

impl Client {
    /// Hands a file over to the node; `told` hears how many bytes have gone.
    ///
    /// # Errors
    /// What the node says, or that the file can't be read.
    pub async fn upload(
        &self,
        file: &FileToSend<'_>,
        from: impl AsyncRead + Send + Unpin + 'static,
        told: impl FnMut(u64) + Send + 'static,
    ) -> Result<Upload, Problem> {
        let query: String = form_urlencoded::Serializer::new(String::new())
            .append_pair("kind", file.kind)
            .append_pair("name", file.name)
            .append_pair("size", &file.size.to_string())
            .append_pair("original", if file.original { "true" } else { "false" })
            .finish();
        let parts = stream::try_unfold((from, told, 0u64), |(mut from, mut told, gone)| async move {
            let mut part = vec![0; PART_BYTES];
            let count = from.read(&mut part).await?;
            part.truncate(count);
            let gone = gone + count as u64;
            told(gone);
            let next = (count > 0).then(|| (Frame::data(Bytes::from(part)), (from, told, gone)));
            Ok::<_, io::Error>(next)
        });
        let request = Request::builder()
            .method(Method::POST)
            .uri(format!("/v1/uploads?{query}"))
            .header("host", "coterie")
            .header("content-type", "application/octet-stream");
        let body = StreamBody::new(Box::pin(parts));
        let request = request.body(body).map_err(|error| mismatch(&error.to_string()))?;
        Ok(read(self.send(request).await?).await?.body)
    }

    /// A file of a message, by its number among the message's files.
    ///
    /// # Errors
    /// What the node says.
    pub async fn download(&self, group: &str, message: &str, number: usize) -> Result<Incoming, Problem> {
        let request = Request::builder()
            .method(Method::GET)
            .uri(format!("/v1/groups/{group}/messages/{message}/files/{number}"))
            .header("host", "coterie")
            .body(Full::new(Bytes::new()));
        let request = request.map_err(|error| mismatch(&error.to_string()))?;
        let asked = tokio::time::timeout(PATIENCE, self.send(request)).await.map_err(|_| too_late())?;
        let response: Response<_> = asked?;
        if !response.status().is_success() {
            return Err(read::<serde_json::Value>(response).await.err().unwrap_or_else(node_down));
        }
        let body = response.into_body();
        let size = body.size_hint().exact().ok_or_else(|| mismatch("it does not say how long the file is"))?;
        Ok(Incoming { body, size })
    }
}

fn broke_off() -> Problem {
    Problem::new(super::Code::NoMemberReachable, "the file broke off")
        .because("nobody who has the rest of it is online; what came is kept")
        .advise(["try it again when somebody is online: it goes on from there"])
}
