//! The node's API as this program uses it: JSON in, JSON out, every refusal a [`Diagnostic`].

use std::time::{Duration, Instant};

use coterie_node::api::client::{Client, FileToSend, Follower, IncomingFile, Method};
use coterie_node::api::problem::{Code, Problem};
use coterie_node::config::{Environment, Flags, Settings};
use serde_json::Value;

use crate::args::Global;
use crate::error::Diagnostic;

/// The way to the profile's node.
#[derive(Clone)]
pub struct Api {
    client: Client,
}

/// One event of the stream.
pub struct Event {
    /// Its type.
    pub name: String,
    /// The object it carries.
    pub data: Value,
}

/// Events as they come; reconnects by itself.
pub struct Events(Follower);

impl Events {
    /// The next event.
    ///
    /// # Errors
    /// When the node is gone.
    pub async fn next(&mut self) -> Result<Option<Event>, Diagnostic> {
        let heard = self.0.next().await.map_err(|problem| Api::explain(&problem))?;
        Ok(Some(Event { name: heard.kind, data: heard.data }))
    }
}

/// The settings in force: what was typed, the environment, the files.
///
/// # Errors
/// A setting that isn't known or doesn't read.
pub fn settings(global: &Global, listen: &[String]) -> Result<Settings, Diagnostic> {
    let flags = Flags { profile: global.profile.clone(), data_dir: global.data_dir.clone(), listen: listen.to_vec() };
    Settings::load(&flags, &Environment::read()).map_err(|problem| Api::explain(&problem))
}

impl Api {
    /// The node of the profile that is meant; nothing is opened yet.
    ///
    /// # Errors
    /// As [`settings`].
    pub fn connect(global: &Global) -> Result<Self, Diagnostic> {
        let settings = settings(global, &[])?;
        let client = Client::new(&settings.paths.socket);
        Ok(Self { client: global.timeout.map_or(client.clone(), |timeout| client.with_timeout(timeout.max(MINIMUM))) })
    }

    /// What a refusal of the node means here.
    #[must_use]
    pub fn explain(problem: &Problem) -> Diagnostic {
        Diagnostic::from_api(&serde_json::to_value(problem).unwrap_or(Value::Null))
    }

    /// An object.
    ///
    /// # Errors
    /// What the node says, or that there is none.
    pub async fn get(&self, path: &str) -> Result<Value, Diagnostic> {
        self.get_at(path).await.map(|(value, _)| value)
    }

    /// An object and the position in the event stream that it includes.
    ///
    /// # Errors
    /// As [`Self::get`].
    pub async fn get_at(&self, path: &str) -> Result<(Value, Option<String>), Diagnostic> {
        let start = Instant::now();
        loop {
            match self.client.get::<Value>(path).await {
                Ok(answer) => return Ok((answer.body, answer.position)),
                Err(problem) if is_starting(&problem, start) => tokio::time::sleep(PAUSE).await,
                Err(problem) => return Err(Self::explain(&problem)),
            }
        }
    }

    /// Asks for something to be made or done.
    ///
    /// # Errors
    /// As [`Self::get`].
    pub async fn post(&self, path: &str, body: &Value) -> Result<Value, Diagnostic> {
        self.change(Method::POST, path, body).await
    }

    /// Asks for a file.
    ///
    /// # Errors
    /// As [`Self::get`].
    pub async fn fetch(&self, path: &str, body: &Value) -> Result<Vec<u8>, Diagnostic> {
        let bytes = self.client.fetch(path, body).await;
        bytes.map(Vec::from).map_err(|problem| Self::explain(&problem))
    }

    /// Asks for something to be changed.
    ///
    /// # Errors
    /// As [`Self::get`].
    pub async fn patch(&self, path: &str, body: &Value) -> Result<Value, Diagnostic> {
        self.change(Method::PATCH, path, body).await
    }

    /// Asks for something to be set.
    ///
    /// # Errors
    /// What the node says.
    pub async fn put(&self, path: &str, body: &Value) -> Result<Value, Diagnostic> {
        self.change(Method::PUT, path, body).await
    }

    /// Asks for something to be ended.
    ///
    /// # Errors
    /// As [`Self::get`].
    pub async fn delete(&self, path: &str) -> Result<Value, Diagnostic> {
        self.change(Method::DELETE, path, &Value::Object(serde_json::Map::new())).await
    }

    /// Hands a file over; `told` hears how many bytes have gone. Gives the upload.
    ///
    /// # Errors
    /// What the node says.
    pub async fn upload(
        &self,
        file: &FileToSend<'_>,
        from: tokio::fs::File,
        told: impl FnMut(u64) + Send + 'static,
    ) -> Result<Value, Diagnostic> {
        let taken = self.client.upload(file, from, told).await.map_err(|problem| Self::explain(&problem))?;
        Ok(serde_json::to_value(taken).unwrap_or(Value::Null))
    }

    /// A file of a message, as it comes.
    ///
    /// # Errors
    /// What the node says.
    pub async fn download(&self, group: &str, message: &str, number: usize) -> Result<IncomingFile, Diagnostic> {
        self.client.download(group, message, number).await.map_err(|problem| Self::explain(&problem))
    }

    async fn change(&self, method: Method, path: &str, body: &Value) -> Result<Value, Diagnostic> {
        let start = Instant::now();
        loop {
            match self.client.change(method.clone(), path, body).await {
                Err(problem) if is_starting(&problem, start) => tokio::time::sleep(PAUSE).await,
                answer => return answer.map_err(|problem| Self::explain(&problem)),
            }
        }
    }

    /// Events of all groups and of the node, from now on.
    #[must_use]
    pub fn all_events(&self) -> Events {
        Events(self.client.follow(None, None, &[]))
    }

    /// Events of one group from a position on.
    #[must_use]
    pub fn events(&self, group: &str, kinds: &[&str], position: Option<String>) -> Events {
        Events(self.client.follow(position, Some(group), kinds))
    }
}

/// A node that is still opening its store has done nothing with the request: it is asked again.
fn is_starting(problem: &Problem, since: Instant) -> bool {
    problem.code == Code::NodeStarting && since.elapsed() < STARTING_MAX
}

/// How long a command waits for a node that is opening its store.
const STARTING_MAX: Duration = Duration::from_secs(10);
/// Between two questions to such a node.
const PAUSE: Duration = Duration::from_millis(20);
/// A call to a node on the same machine gets at least this long, whatever `--timeout` says about the whole.
const MINIMUM: Duration = Duration::from_secs(2);
