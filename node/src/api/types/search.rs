//! What a search found.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Message, PageSchema, Time};

/// `GET /v1/search`: a page of what was found, and how far it went.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Found {
    /// Form of this object: a page.
    pub schema: PageSchema,
    /// In the order of the timeline; the newest ones were found first.
    pub items: Vec<Message>,
    /// Always none.
    pub next: Option<String>,
    /// There may be older ones, also if this answer has none: pass it as `before`.
    pub prev: Option<String>,
    /// Lines from before this moment were not looked through: they did not fit into memory. None: all were, or `prev` goes
    /// on.
    pub looked_back_to: Option<Time>,
}
