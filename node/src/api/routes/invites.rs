//! Invites: hand out, look, withdraw. The link itself is a secret and stands only in two answers.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use coterie_protocol::{Command, GroupId, InviteId, Reply};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::super::extract::{Body, Named};
use super::super::problem::{Code, Problem};
use super::super::shapes::{self, Secrecy};
use super::super::types::{Done, Invite, NewInvite, Page, Role};
use super::{Node, group_id, id, missing, unexpected};
use crate::clock::Clock;
use crate::driver::View;

/// The shortest and longest life of an invite that this API makes.
const LIFE_MS: std::ops::RangeInclusive<u64> = 60_000..=366 * 24 * 3_600_000;

/// The routes of this file.
pub(super) fn routes() -> OpenApiRouter<Arc<Node>> {
    OpenApiRouter::new().routes(routes!(list, create)).routes(routes!(show, revoke))
}

fn find(view: &View<'_>, group: &GroupId, invite: &InviteId) -> Result<Invite, Problem> {
    let found = shapes::find_invite(view, group, invite).ok_or_else(|| missing("invite"))?;
    Ok(shapes::invite(view, group, &found, Secrecy::WithLink))
}

/// One's own invites, without their links.
#[utoipa::path(get, path = "/groups/{g}/invites", tag = "invites", params(("g" = String, Path, description = "group")),
    responses((status = 200, body = Page<Invite>), (status = "default", body = Problem)))]
async fn list(State(node): State<Arc<Node>>, Named(group): Named<String>) -> Result<Response, Problem> {
    let group = group_id(&group)?;
    let look = node.look(move |view| {
        let invites = view.account.invites(&group, Clock::now().wall_ms).ok_or_else(|| missing("group"))?;
        let shown = invites.iter().map(|invite| shapes::invite(view, &group, invite, Secrecy::WithoutLink));
        Ok(Page::whole(shown.collect()))
    });
    Ok(look.await?.into_response())
}

/// Makes an invite; the answer holds its link. Takes an `Idempotency-Key`.
#[utoipa::path(post, path = "/groups/{g}/invites", tag = "invites", params(("g" = String, Path, description = "group")),
    request_body = NewInvite, responses((status = 201, body = Invite), (status = "default", body = Problem)))]
async fn create(
    State(node): State<Arc<Node>>,
    Named(group): Named<String>,
    headers: HeaderMap,
    body: Body<NewInvite>,
) -> Result<Response, Problem> {
    let request: [&[u8]; 3] = [b"invite", group.as_bytes(), &body.bytes];
    node.once.perform(&headers, &request, make(&node, &group, body.value)).await
}

async fn make(node: &Node, group: &str, new: NewInvite) -> Result<(StatusCode, Json<Invite>), Problem> {
    let group = group_id(group)?;
    let what = "no invite was made";
    if new.role != Role::Member {
        return Err(Problem::new(Code::BadValue, what)
            .because("people come in as members; an organiser is named afterwards, and guests need guest sessions, which this version does not have")
            .advise(["coterie invite create", "coterie member promote SOMEBODY"]));
    }
    if !(1..=99).contains(&new.uses) || !LIFE_MS.contains(&new.expires_in_ms) {
        return Err(Problem::new(Code::BadValue, what)
            .because("an invite is for 1 to 99 people and lives for a minute to a year")
            .advise(["coterie invite create --uses 3 --expires 24h"]));
    }
    let not_after_ms = Clock::now().wall_ms.saturating_add(new.expires_in_ms);
    let command = Command::CreateInvite { group, uses: new.uses, not_after_ms };
    let Reply::Invite(invite) = node.wish(command, what).await? else { return Err(unexpected(what)) };
    Ok(node.look(move |view| find(view, &group, &invite)).await?.with_status(StatusCode::CREATED))
}

/// One invite, with its link.
#[utoipa::path(get, path = "/groups/{g}/invites/{i}", tag = "invites",
    params(("g" = String, Path, description = "group"), ("i" = String, Path, description = "invite")),
    responses((status = 200, body = Invite), (status = "default", body = Problem)))]
async fn show(
    State(node): State<Arc<Node>>,
    Named((group, invite)): Named<(String, String)>,
) -> Result<Response, Problem> {
    let (group, invite) = (group_id(&group)?, InviteId(id(&invite, "invite")?));
    Ok(node.look(move |view| find(view, &group, &invite)).await?.into_response())
}

/// Withdraws an invite.
#[utoipa::path(delete, path = "/groups/{g}/invites/{i}", tag = "invites",
    params(("g" = String, Path, description = "group"), ("i" = String, Path, description = "invite")),
    responses((status = 200, body = Done), (status = "default", body = Problem)))]
async fn revoke(
    State(node): State<Arc<Node>>,
    Named((group, invite)): Named<(String, String)>,
) -> Result<Json<Done>, Problem> {
    let (group, invite) = (group_id(&group)?, InviteId(id(&invite, "invite")?));
    node.simply(Command::RevokeInvite { group, invite }, "the invite was not withdrawn").await
}
