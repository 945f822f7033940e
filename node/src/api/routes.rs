//! The routes, and what every handler can reach. A handler reads what came in, asks the driver, and spells the answer.

mod conversation;
mod events;
mod files;
mod groups;
mod invites;
mod joins;
mod keeping;
mod members;
mod messages;
mod node;
mod people;
mod places;
mod recovery;
mod search;

use std::sync::{Arc, OnceLock};

use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use coterie_protocol::{Command, GroupId, GroupView, MembershipId, Reply};
use serde::Serialize;
use tokio::sync::{Semaphore, mpsc, oneshot, watch};
use utoipa_axum::router::OpenApiRouter;
use zeroize::Zeroizing;

use super::EVENT_HEADER;
use super::events::Hub;
use super::once::Once;
use super::problem::{Code, Problem};
use super::server::Order;
use super::types::{Done, DoneSchema, read_id};
use super::words;
use crate::clock::Stopwatch;
use crate::driver::{DriverHandle, Refused, View};
use crate::media::Media;
use crate::search::Desk;

/// Event streams at a time (AP-3).
const STREAMS_MAX: usize = 16;

/// What the handlers share.
pub(crate) struct Node {
    pub(crate) profile: String,
    pub(crate) started: Stopwatch,
    pub(crate) hub: Arc<Hub>,
    pub(crate) streams: Arc<Semaphore>,
    pub(crate) orders: watch::Sender<Order>,
    pub(crate) once: Once,
    pub(crate) driver: OnceLock<DriverHandle>,
    pub(crate) media: OnceLock<Arc<Media>>,
    /// Where words are looked for.
    pub(crate) desk: OnceLock<Arc<Desk>>,
    /// Who takes a passphrase, while the identity is locked.
    pub(crate) doorkeeper: Option<mpsc::Sender<Unlocking>>,
}

/// A passphrase that was given, and who waits to hear whether it was the right one.
pub(crate) struct Unlocking {
    pub(crate) passphrase: Zeroizing<String>,
    pub(crate) answer: oneshot::Sender<Result<(), Problem>>,
}

impl Node {
    /// A node that is not open yet.
    pub(crate) fn new(profile: String, hub: Arc<Hub>, orders: watch::Sender<Order>) -> Self {
        let streams = Arc::new(Semaphore::new(STREAMS_MAX));
        let (once, driver, media, desk) = (Once::default(), OnceLock::new(), OnceLock::new(), OnceLock::new());
        Self { profile, started: Stopwatch::start(), hub, streams, orders, once, driver, media, desk, doorkeeper: None }
    }

    /// Tells the node what to do. Who was told to stop does not lock instead.
    pub(crate) fn order(&self, order: Order) {
        self.orders.send_if_modified(|now| {
            let changes = *now != Order::Stop && *now != order;
            if changes {
                *now = order;
            }
            changes
        });
    }

    /// Why nothing can be asked yet.
    pub(crate) fn not_open(&self) -> Problem {
        match self.doorkeeper {
            Some(_) => Problem::new(Code::Locked, "your identity is locked").advise(["coterie identity unlock"]),
            None => Problem::new(Code::NodeStarting, "the node is not ready yet"),
        }
    }

    /// Whether the driver runs.
    pub(crate) fn is_open(&self) -> bool {
        self.driver.get().is_some()
    }

    fn driver(&self) -> Result<&DriverHandle, Problem> {
        self.driver.get().ok_or_else(|| self.not_open())
    }

    fn media(&self) -> Result<&Arc<Media>, Problem> {
        self.media.get().ok_or_else(|| self.not_open())
    }

    fn desk(&self) -> Result<&Arc<Desk>, Problem> {
        self.desk.get().ok_or_else(|| self.not_open())
    }

    /// Looks at the durable state; the answer carries its event position (AP-17).
    async fn look<T: Send + 'static>(
        &self,
        question: impl FnOnce(&View<'_>) -> Result<T, Problem> + Send + 'static,
    ) -> Result<Seen<T>, Problem> {
        let asked = self.driver()?.ask(move |view| (question(view), view.position.clone())).await;
        let (found, position) = asked.map_err(|refused| words::refused(refused, "the node could not look"))?;
        Ok(Seen { body: found?, position })
    }

    /// Carries a wish out; `what` names it if it is refused.
    async fn wish(&self, command: Command, what: &str) -> Result<Reply, Problem> {
        let done = self.driver()?.execute(command).await;
        done.map_err(|refused| words::refused(refused, what))
    }

    /// A wish whose answer is all there is to say.
    async fn simply(&self, command: Command, what: &str) -> Result<axum::Json<Done>, Problem> {
        self.wish(command, what).await?;
        Ok(axum::Json(Done { schema: DoneSchema::V1 }))
    }
}

/// An object with the event position that it includes.
pub(crate) struct Seen<T> {
    body: T,
    position: String,
}

impl<T: Serialize> IntoResponse for Seen<T> {
    fn into_response(self) -> Response {
        let mut response = axum::Json(self.body).into_response();
        if let Ok(position) = HeaderValue::from_str(&self.position) {
            response.headers_mut().insert(HeaderName::from_static(EVENT_HEADER), position);
        }
        response
    }
}

impl<T> Seen<T> {
    /// As the answer to a wish: another status, and no position to follow from is promised.
    fn with_status(self, status: StatusCode) -> (StatusCode, axum::Json<T>) {
        (status, axum::Json(self.body))
    }
}

/// An answer whose wish did something other than expected: our own mistake.
fn unexpected(what: &str) -> Problem {
    words::refused(Refused::Internal, what)
}

fn missing(what: &str) -> Problem {
    Problem::new(Code::NotFound, format!("there is no such {what}"))
}

/// Rule AP-12: an id that is not well-formed names nothing.
fn id<const N: usize>(text: &str, what: &str) -> Result<[u8; N], Problem> {
    read_id(text).ok_or_else(|| missing(what))
}

fn group_id(text: &str) -> Result<GroupId, Problem> {
    id(text, "group").map(GroupId)
}

fn both(group: &str, member: &str) -> Result<(GroupId, MembershipId), Problem> {
    Ok((group_id(group)?, MembershipId(id(member, "member")?)))
}

fn find_group(view: &View<'_>, id: &GroupId) -> Result<GroupView, Problem> {
    view.account.group(id).ok_or_else(|| missing("group"))
}

/// Every route of `/v1`.
pub(crate) fn all() -> OpenApiRouter<Arc<Node>> {
    OpenApiRouter::new()
        .merge(node::routes())
        .merge(keeping::routes())
        .merge(groups::routes())
        .merge(members::routes())
        .merge(people::routes())
        .merge(invites::routes())
        .merge(joins::routes())
        .merge(recovery::routes())
        .merge(messages::routes())
        .merge(files::routes())
        .merge(places::routes())
        .merge(conversation::routes())
        .merge(search::routes())
        .merge(events::routes())
}
