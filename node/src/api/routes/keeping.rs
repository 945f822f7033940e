//! What a person does against the day on which this computer is lost: a backup, another passphrase, a lock.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use tokio::sync::oneshot;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use zeroize::Zeroizing;

use super::super::extract::Body;
use super::super::problem::{Code, Problem};
use super::super::server::Order;
use super::super::types::{ChangePassphrase, Done, DoneSchema, NewBackup, Unlock};
use super::super::words;
use super::{Node, Unlocking};
use crate::clock::Clock;
use crate::driver::KeyChange;
use crate::entropy;
use crate::store::{self, Backup, Cost, KeyNeeded, Scope};

/// A passphrase is at least so long; what is shorter is guessed whatever Argon2id costs.
const PASSPHRASE_CHARS_MIN: usize = 8;

/// The routes of this file.
pub(super) fn routes() -> OpenApiRouter<Arc<Node>> {
    OpenApiRouter::new()
        .routes(routes!(backup))
        .routes(routes!(change_passphrase))
        .routes(routes!(lock))
        .routes(routes!(unlock))
}

/// A backup: identity, groups and contacts, with `history` also what was said, encrypted under a passphrase of its own.
/// It never holds the keys of messages: who comes back by it reads what is said from then on.
#[utoipa::path(post, path = "/identity/backup", tag = "node", request_body = NewBackup,
    responses((status = 200, description = "the file", content_type = "application/octet-stream"), (status = "default", body = Problem)))]
async fn backup(State(node): State<Arc<Node>>, body: Body<NewBackup>) -> Result<Response, Problem> {
    let what = "no backup was made";
    let NewBackup { passphrase, history } = body.value;
    let passphrase = long_enough(passphrase, what)?;
    let scope = if history { Scope::WithHistory } else { Scope::Essentials };
    let gathered = node.driver()?.ask(move |view| {
        let records = store::collect(view.store, scope)?;
        let identity = view.home.identity().duplicate();
        Ok(Backup { identity, created_ms: Clock::now().wall_ms, scope, records })
    });
    let gathered = gathered.await.map_err(|refused| words::refused(refused, what))?;
    let backup = gathered.map_err(|error: coterie_protocol::StoreError| {
        Problem::new(Code::StoreReadOnly, what).because(error.to_string())
    })?;
    // The passphrase costs half a second on purpose; the node goes on meanwhile.
    let sealing = tokio::task::spawn_blocking(move || {
        let mut rng = entropy::step_rng().map_err(|error| error.to_string())?;
        Ok::<_, String>(store::seal_backup(&backup, &passphrase, Cost::DEFAULT, &mut rng))
    });
    match sealing.await {
        Ok(Ok(file)) => Ok(([(CONTENT_TYPE, "application/octet-stream")], file).into_response()),
        Ok(Err(why)) => Err(Problem::new(Code::Internal, what).because(why)),
        Err(_) => Err(Problem::new(Code::Internal, what)),
    }
}

/// Another passphrase, or none: one small file is written anew, nothing else.
#[utoipa::path(post, path = "/identity/passphrase", tag = "node", request_body = ChangePassphrase,
    responses((status = 200, body = Done), (status = "default", body = Problem)))]
async fn change_passphrase(State(node): State<Arc<Node>>, body: Body<ChangePassphrase>) -> Result<Json<Done>, Problem> {
    let what = "the passphrase was not changed";
    let ChangePassphrase { old, new } = body.value;
    let new = new.map(|text| long_enough(text, what)).transpose()?;
    let changed = node.driver()?.set_key(KeyChange { old: old.map(Zeroizing::new), new }).await;
    changed.map_err(|refused| words::refused(refused, what))?;
    Ok(Json(Done { schema: DoneSchema::V1 }))
}

/// Forgets the keys until the passphrase is given again (ST-67): who walks up to this computer meanwhile reads nothing.
/// Links end, faces are sent away; what is erased becomes unreadable on the disk at once (ST-66).
#[utoipa::path(post, path = "/identity/lock", tag = "node",
    responses((status = 202, body = Done), (status = "default", body = Problem)))]
async fn lock(State(node): State<Arc<Node>>) -> Result<(StatusCode, Json<Done>), Problem> {
    let what = "the identity was not locked";
    let asked = node.driver()?.ask(|view| store::key_needed(view.home.directory().path()));
    let needed = asked.await.map_err(|refused| words::refused(refused, what))?;
    if !matches!(needed, Ok(KeyNeeded::Passphrase)) {
        return Err(Problem::new(Code::Conflict, what)
            .because("it has no passphrase, so who is at this computer could open it again at once")
            .advise(["coterie identity passphrase", "coterie down"]));
    }
    node.order(Order::Lock);
    Ok((StatusCode::ACCEPTED, Json(Done { schema: DoneSchema::V1 })))
}

/// Opens a locked identity. Each try costs half a second, for everybody.
#[utoipa::path(post, path = "/identity/unlock", tag = "node", request_body = Unlock,
    responses((status = 200, body = Done), (status = "default", body = Problem)))]
async fn unlock(State(node): State<Arc<Node>>, body: Body<Unlock>) -> Result<Json<Done>, Problem> {
    let what = "the identity was not unlocked";
    let passphrase = Zeroizing::new(body.value.passphrase);
    let Some(doorkeeper) = &node.doorkeeper else {
        let open = Problem::new(Code::Conflict, what);
        return Err(open.because("it is not locked").advise(["coterie status"]));
    };
    let (answer, answered) = oneshot::channel();
    if doorkeeper.try_send(Unlocking { passphrase, answer }).is_err() {
        return Err(Problem::new(Code::Busy, what));
    }
    answered.await.map_err(|_| Problem::new(Code::NodeDown, what))??;
    Ok(Json(Done { schema: DoneSchema::V1 }))
}

fn long_enough(passphrase: String, what: &str) -> Result<Zeroizing<String>, Problem> {
    let passphrase = Zeroizing::new(passphrase);
    if passphrase.chars().count() >= PASSPHRASE_CHARS_MIN {
        return Ok(passphrase);
    }
    let why = format!("a passphrase has at least {PASSPHRASE_CHARS_MIN} characters; four or five words are better");
    Err(Problem::new(Code::BadValue, what).because(why).advise(["choose a longer one"]))
}
