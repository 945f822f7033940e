//! The routes, and what every handler can reach.

mod node;

use std::sync::Arc;
use std::time::Instant;

use tokio::sync::{Semaphore, watch};
use utoipa_axum::router::OpenApiRouter;

use super::events::Hub;

/// Event streams at a time (AP-3).
const STREAMS_MAX: usize = 16;

/// What the handlers share.
pub(crate) struct Node {
    pub(crate) profile: String,
    pub(crate) started: Instant,
    pub(crate) hub: Arc<Hub>,
    pub(crate) streams: Arc<Semaphore>,
    pub(crate) stop: watch::Sender<bool>,
}

impl Node {
    /// A node that is not open yet.
    pub(crate) fn new(profile: String, hub: Arc<Hub>, stop: watch::Sender<bool>) -> Self {
        Self { profile, started: Instant::now(), hub, streams: Arc::new(Semaphore::new(STREAMS_MAX)), stop }
    }

    /// Whether the store is open.
    pub(crate) fn is_open(&self) -> bool {
        false
    }
}

/// Every route of `/v1`.
pub(crate) fn all() -> OpenApiRouter<Arc<Node>> {
    OpenApiRouter::new().merge(node::routes())
}
