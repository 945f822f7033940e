//! One request over a node's Unix socket, without a client in between: what a measuring program needs a thousand times
//! a second, and what goes on working when the node dies in the middle of an answer.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::Value;

/// No answer of a node that lives takes longer.
const PATIENCE: Duration = Duration::from_secs(30);
/// Lines of the largest page (AP-15).
const PAGE: usize = 200;

/// Where a node answers.
#[derive(Clone, Debug)]
pub struct Socket(PathBuf);

/// What it answered.
#[derive(Clone, Debug)]
pub struct Heard {
    /// HTTP status.
    pub status: u16,
    /// The body; null if it was none.
    pub body: Value,
}

impl Socket {
    /// The node at this path, up or not.
    #[must_use]
    pub fn at(path: impl AsRef<Path>) -> Self {
        Self(path.as_ref().to_path_buf())
    }

    /// Asks; nothing if nobody answers, or not to the end.
    #[must_use]
    pub fn get(&self, path: &str) -> Option<Heard> {
        self.call("GET", path, "")
    }

    /// Wishes; nothing if nobody answers, or not to the end.
    #[must_use]
    pub fn post(&self, path: &str, body: &Value) -> Option<Heard> {
        self.call("POST", path, &body.to_string())
    }

    fn call(&self, method: &str, path: &str, body: &str) -> Option<Heard> {
        let mut stream = UnixStream::connect(&self.0).ok()?;
        stream.set_read_timeout(Some(PATIENCE)).ok()?;
        let length = body.len();
        write!(
            stream,
            "{method} {path} HTTP/1.1\r\nhost: coterie\r\nconnection: close\r\ncontent-type: application/json\r\n\
             content-length: {length}\r\n\r\n{body}"
        )
        .ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).ok()?;
        let (head, body) = answer.split_once("\r\n\r\n")?;
        let status = head.split(' ').nth(1)?.parse().ok()?;
        // A body that was cut off is no answer.
        let body = if body.is_empty() { Value::Null } else { serde_json::from_str(body).ok()? };
        Some(Heard { status, body })
    }

    /// The id of the only group.
    #[must_use]
    pub fn group(&self) -> Option<String> {
        let groups = self.get("/v1/groups")?.body;
        groups["items"].as_array()?.first()?["id"].as_str().map(str::to_owned)
    }

    /// Says something; its text counts as promised only if this is true.
    #[must_use]
    pub fn say(&self, group: &str, text: &str) -> bool {
        let said = self.post(&format!("/v1/groups/{group}/messages"), &serde_json::json!({ "text": text }));
        said.is_some_and(|heard| heard.status == 202)
    }

    /// Every line of a group, oldest first; nothing if the node stops answering on the way.
    #[must_use]
    pub fn lines(&self, group: &str) -> Option<Vec<Value>> {
        let mut pages: Vec<Vec<Value>> = Vec::new();
        let mut before = String::new();
        loop {
            let heard = self.get(&format!("/v1/groups/{group}/messages?limit={PAGE}{before}"))?;
            if heard.status != 200 {
                return None;
            }
            pages.push(heard.body["items"].as_array()?.clone());
            match heard.body["prev"].as_str() {
                Some(cursor) => before = format!("&before={cursor}"),
                None => break,
            }
        }
        Some(pages.into_iter().rev().flatten().collect())
    }

    /// The words of every line of text, oldest first.
    #[must_use]
    pub fn texts(&self, group: &str) -> Option<Vec<String>> {
        let lines = self.lines(group)?;
        let texts = lines.iter().filter(|line| line["kind"] == "text");
        Some(texts.filter_map(|line| line["text"].as_str().map(str::to_owned)).collect())
    }
}
