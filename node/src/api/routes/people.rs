//! Whether people are who they say: words, numbers and codes to compare, and who has not heard of a removal.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use coterie_protocol::{Command, NoMemory, Verdict, key_words};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::super::extract::{Body, Named};
use super::super::problem::{Code, Problem};
use super::super::shapes;
use super::super::types::{
    Compared, Fingerprint, FingerprintSchema, GroupWords, GroupWordsSchema, Page, Safety, Straggler, spell_id,
};
use super::{Node, both, group_id, missing};
use crate::driver::Refused;

/// The routes of this file.
pub(super) fn routes() -> OpenApiRouter<Arc<Node>> {
    OpenApiRouter::new()
        .routes(routes!(fingerprint))
        .routes(routes!(words))
        .routes(routes!(safety))
        .routes(routes!(verify))
        .routes(routes!(stragglers))
}

/// Makes words outside of the driver's thread: each takes 64 MiB and a tenth of a second (E-97).
async fn slowly<T: Send + 'static>(make: impl FnOnce() -> Result<T, NoMemory> + Send + 'static) -> Result<T, Problem> {
    let made = tokio::task::spawn_blocking(make).await;
    match made {
        Ok(Ok(made)) => Ok(made),
        Ok(Err(NoMemory)) => {
            Err(Problem::new(Code::Busy, "the words were not made").because("there is too little memory"))
        }
        Err(_) => Err(super::words::refused(Refused::Internal, "the words were not made")),
    }
}

fn owned(words: Vec<&'static str>) -> Vec<String> {
    words.into_iter().map(str::to_owned).collect()
}

/// One's own key in words.
#[utoipa::path(get, path = "/identity/fingerprint", tag = "node",
    responses((status = 200, body = Fingerprint), (status = "default", body = Problem)))]
async fn fingerprint(State(node): State<Arc<Node>>) -> Result<Response, Problem> {
    let seen = node.look(|view| Ok(view.account.me())).await?;
    let key = seen.body;
    let words = owned(slowly(move || key_words(&key)).await?);
    Ok(axum::Json(Fingerprint { schema: FingerprintSchema::V1, key: spell_id(key.as_ref()), words }).into_response())
}

/// The group in words: equal for all who see the same members and settings.
#[utoipa::path(get, path = "/groups/{g}/words", tag = "groups", params(("g" = String, Path, description = "group")),
    responses((status = 200, body = GroupWords), (status = "default", body = Problem)))]
async fn words(State(node): State<Arc<Node>>, Named(group): Named<String>) -> Result<Response, Problem> {
    let id = group_id(&group)?;
    let seen = node.look(move |view| view.account.group_code(&id).ok_or_else(|| missing("group"))).await?;
    let words = owned(slowly(move || seen.body.words()).await?);
    Ok(axum::Json(GroupWords { schema: GroupWordsSchema::V1, group, words }).into_response())
}

/// What to compare with somebody.
#[utoipa::path(get, path = "/groups/{g}/members/{m}/safety", tag = "members",
    params(("g" = String, Path, description = "group"), ("m" = String, Path, description = "membership")),
    responses((status = 200, body = Safety), (status = "default", body = Problem)))]
async fn safety(
    State(node): State<Arc<Node>>,
    Named((group, member)): Named<(String, String)>,
) -> Result<Response, Problem> {
    let (group, member) = both(&group, &member)?;
    let seen =
        node.look(move |view| shapes::safe(view, &group, &member).ok_or_else(|| missing("other member"))).await?;
    Ok(axum::Json(slowly(move || seen.body.compute()).await?).into_response())
}

/// Marks a key as compared, or takes that back.
#[utoipa::path(post, path = "/groups/{g}/members/{m}/verify", tag = "members",
    params(("g" = String, Path, description = "group"), ("m" = String, Path, description = "membership")),
    request_body = Compared, responses((status = 200, body = Safety), (status = "default", body = Problem)))]
async fn verify(
    State(node): State<Arc<Node>>,
    Named((group, member)): Named<(String, String)>,
    body: Body<Compared>,
) -> Result<Response, Problem> {
    let (group, member) = both(&group, &member)?;
    let Compared { same, code } = body.value;
    let look = move |view: &crate::driver::View<'_>| {
        shapes::safe(view, &group, &member).ok_or_else(|| missing("other member"))
    };
    let own = node.look(look).await?.body.code();
    if code.is_some_and(|code| code.trim() != own) {
        return Err(Problem::new(Code::Conflict, "THE KEYS ARE NOT THE SAME; nothing was marked")
            .because("their program sees other keys than yours does: somebody may be in between, or one of the two codes is not theirs")
            .advise(["compare once more, face to face", "say nothing secret to them until it fits"]));
    }
    let verdict = if same { Verdict::Same } else { Verdict::Unknown };
    node.wish(Command::Compare { group, member, verdict }, "the comparison was not noted").await?;
    let seen = node.look(look).await?;
    let found = slowly(move || seen.body.compute()).await?;
    Ok((StatusCode::OK, axum::Json(found)).into_response())
}

/// Who has not heard yet that somebody is out.
#[utoipa::path(get, path = "/groups/{g}/stragglers", tag = "members", params(("g" = String, Path, description = "group")),
    responses((status = 200, body = Page<Straggler>), (status = "default", body = Problem)))]
async fn stragglers(State(node): State<Arc<Node>>, Named(group): Named<String>) -> Result<Response, Problem> {
    let id = group_id(&group)?;
    let look = node.look(move |view| {
        let found = view.account.stragglers(&id).ok_or_else(|| missing("group"))?;
        Ok(Page::whole(found.iter().map(|found| shapes::straggler(view, &id, found)).collect()))
    });
    Ok(look.await?.into_response())
}
