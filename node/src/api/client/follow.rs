//! Following events: one long answer, read line by line, taken up again where it broke off.

use std::collections::VecDeque;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::Request;
use hyper::body::Incoming;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::super::problem::{Code, Problem};
use super::{Client, mismatch, read};
use crate::clock::Stopwatch;

/// A line of the stream; above the largest message, far below what would hurt.
const LINE_BYTES_MAX: usize = 4 << 20;
/// Two missed signs of life (EV-1: one every 15 s) mean that the other end is gone.
const SILENCE_MS_MAX: u64 = 40_000;
/// First and longest pause before coming back.
const PAUSE_MS: u64 = 50;
const PAUSE_MS_MAX: u64 = 2_000;

/// One event.
#[derive(Clone, Debug, PartialEq)]
pub struct Heard {
    /// Its position: what to resume from.
    pub position: String,
    /// Its type, a word of EV-2. Unknown ones are to be ignored (AP-13).
    pub kind: String,
    /// The object.
    pub data: Value,
}

impl Heard {
    /// The object as one of the API's types.
    ///
    /// # Errors
    /// `api_mismatch` if it is of another form.
    pub fn read<T: DeserializeOwned>(&self) -> Result<T, Problem> {
        T::deserialize(&self.data).map_err(|error| mismatch(&error.to_string()))
    }
}

/// Follows the events of a node, over breaks and restarts of the node.
///
/// After an event `reset` the snapshots must be read again; it comes whenever something may have been missed.
#[derive(Debug)]
pub struct Follower {
    client: Client,
    query: String,
    last: Option<String>,
    stream: Option<Incoming>,
    partial: Vec<u8>,
    building: Building,
    ready: VecDeque<Heard>,
    patience: Duration,
}

#[derive(Debug, Default)]
struct Building {
    id: String,
    kind: String,
    data: String,
}

impl Client {
    /// Follows from `position` (of an [`super::Answer`]), or from now on. `kinds` empty: all types.
    #[must_use]
    pub fn follow(&self, position: Option<String>, group: Option<&str>, kinds: &[&str]) -> Follower {
        let mut query = String::new();
        if let Some(group) = group {
            query.push_str(&format!("&group={group}"));
        }
        if !kinds.is_empty() {
            query.push_str(&format!("&types={}", kinds.join(",")));
        }
        Follower {
            client: self.clone(),
            query,
            last: position,
            stream: None,
            partial: Vec::new(),
            building: Building::default(),
            ready: VecDeque::new(),
            patience: Duration::from_secs(5),
        }
    }
}

impl Follower {
    /// For how long it tries to come back when nobody answers; 5 s if not said.
    #[must_use]
    pub fn with_patience(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    /// The next event. May be dropped and called again: nothing is lost.
    ///
    /// # Errors
    /// `node_down` when the node stays away longer than the patience; whatever the node refuses with.
    pub async fn next(&mut self) -> Result<Heard, Problem> {
        loop {
            if let Some(heard) = self.ready.pop_front() {
                self.last = Some(heard.position.clone());
                return Ok(heard);
            }
            if self.stream.is_none() {
                self.connect().await?;
            }
            self.fill().await;
        }
    }

    async fn connect(&mut self) -> Result<(), Problem> {
        let waited = Stopwatch::start();
        let mut pause = PAUSE_MS;
        loop {
            match self.open().await {
                Ok(stream) => {
                    self.partial.clear();
                    self.building = Building::default();
                    self.stream = Some(stream);
                    return Ok(());
                }
                Err(problem) => {
                    let passing =
                        matches!(problem.code, Code::NodeDown | Code::NodeStarting | Code::Busy | Code::RateLimited);
                    if !passing || waited.elapsed() >= self.patience {
                        return Err(problem);
                    }
                }
            }
            tokio::time::sleep(Duration::from_millis(pause)).await;
            pause = (pause * 2).min(PAUSE_MS_MAX);
        }
    }

    async fn open(&self) -> Result<Incoming, Problem> {
        let mut uri = format!("/v1/events?{}", self.query.trim_start_matches('&'));
        if let Some(last) = &self.last {
            uri.push_str(&format!("&last_event_id={last}"));
        }
        let request = Request::get(uri).header("host", "coterie").body(Full::new(Bytes::new()));
        let response = self.client.send(request.map_err(|error| mismatch(&error.to_string()))?).await?;
        if response.status().is_success() {
            return Ok(response.into_body());
        }
        read::<Value>(response).await.and(Err(mismatch("its answer was not understood")))
    }

    /// Reads one piece of the stream; drops the stream when it ends, breaks or falls silent.
    async fn fill(&mut self) {
        let Some(stream) = self.stream.as_mut() else { return };
        let piece = tokio::time::timeout(Duration::from_millis(SILENCE_MS_MAX), stream.frame()).await;
        match piece {
            Ok(Some(Ok(frame))) if self.partial.len() <= LINE_BYTES_MAX => {
                if let Ok(bytes) = frame.into_data() {
                    self.partial.extend_from_slice(&bytes);
                    self.split_lines();
                }
            }
            _ => self.stream = None,
        }
    }

    fn split_lines(&mut self) {
        while let Some(end) = self.partial.iter().position(|&byte| byte == b'\n') {
            let line: Vec<u8> = self.partial.drain(..=end).collect();
            let line = String::from_utf8_lossy(&line);
            self.take_line(line.trim_end_matches('\n'));
        }
    }

    fn take_line(&mut self, line: &str) {
        if line.is_empty() {
            let done = std::mem::take(&mut self.building);
            if !done.data.is_empty() {
                let data = serde_json::from_str(&done.data).unwrap_or(Value::Null);
                self.ready.push_back(Heard { position: done.id, kind: done.kind, data });
            }
        } else if let Some((name, value)) = line.split_once(": ") {
            match name {
                "id" => value.clone_into(&mut self.building.id),
                "event" => value.clone_into(&mut self.building.kind),
                "data" => self.building.data.push_str(value),
                _ => {}
            }
        }
    }
}
