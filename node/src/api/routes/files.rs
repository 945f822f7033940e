//! Files: taken in before the message that carries them is sent, handed out by the message that carried them (BL-11).

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::Response;
use coterie_protocol::{Attachment, EntryId, GroupId, GroupState};
use futures::{StreamExt, stream};
use serde::Deserialize;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::super::extract::{Asked, Named};
use super::super::problem::{Code, Problem};
use super::super::shapes;
use super::super::types::{Done, DoneSchema, FileKind, Page, Transfer, Upload, UploadSchema, spell_id};
use super::{Node, group_id, id, missing};
use crate::driver::View;
use crate::history;
use crate::media::{self, NotRead, Reader};

/// For the rest of a body that was refused: 500 MB pass a local socket in a second or two.
const REST: Duration = Duration::from_secs(20);

/// The routes of this file.
pub(super) fn routes() -> OpenApiRouter<Arc<Node>> {
    OpenApiRouter::new().routes(routes!(upload)).routes(routes!(read, forget)).routes(routes!(transfers))
}

#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
struct Taken {
    /// What it is for: image, voice, video or file.
    kind: FileKind,
    /// Bytes of the body.
    size: u64,
    /// What it is called.
    name: Option<String>,
    /// Whether it goes out with all its data: place, time, device. Pictures, memos and films are cleaned otherwise.
    original: Option<bool>,
}

/// Takes a file in: the body is the file. Its name and kind go by the query. Durable when it answers; forgotten after a
/// day if no message carries it.
#[utoipa::path(post, path = "/uploads", tag = "files", params(Taken), request_body(content_type = "application/octet-stream"),
    responses((status = 201, body = Upload), (status = "default", body = Problem)))]
async fn upload(
    State(node): State<Arc<Node>>,
    Asked(taken): Asked<Taken>,
    request: Request,
) -> Result<(StatusCode, Json<Upload>), Problem> {
    let kind = request.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    // Rule AP-6: a page in a browser can't send this without being asked first.
    if kind != Some("application/octet-stream") {
        return Err(Problem::new(Code::BadValue, "the file was not taken")
            .because("it needs Content-Type: application/octet-stream")
            .advise(["coterie send --file PATH"]));
    }
    let new = media::NewFile {
        kind: shapes::kind_in(taken.kind),
        name: taken.name,
        size: taken.size,
        original: taken.original.unwrap_or_default(),
    };
    let mut body = request.into_body().into_data_stream();
    let taken = node.media()?.take(new, &mut body).await;
    if taken.is_err() {
        // Who is still talking when the answer comes may not hear it: what is left is let pass.
        let rest = async { while let Some(Ok(_)) = body.next().await {} };
        drop(tokio::time::timeout(REST, rest).await);
    }
    let taken = taken?;
    let file = shapes::file(&taken.file, None);
    Ok((StatusCode::CREATED, Json(Upload { schema: UploadSchema::V1, id: spell_id(&taken.id), file })))
}

fn find(view: &View<'_>, group: &GroupId, entry: &EntryId, number: usize) -> Result<Attachment, Problem> {
    let line = history::line(view, group, entry).filter(|line| line.counts).ok_or_else(|| missing("message"))?;
    let (sum, _) = history::aggregate_of(view, group, &line);
    let file = line.attachments.into_iter().nth(number).filter(|_| sum.retracted_by.is_none());
    file.ok_or_else(|| missing("file in that message"))
}

async fn the_file(node: &Node, (group, entry, number): (String, String, usize)) -> Result<Attachment, Problem> {
    let (group, entry) = (group_id(&group)?, EntryId(id(&entry, "message")?));
    Ok(node.look(move |view| find(view, &group, &entry, number)).await?.body)
}

/// A file of a message, from its beginning. What is not here yet is fetched from members and handed out in order; if
/// nobody has it for half a minute, the answer ends early, or is `no_member_reachable` if nothing was sent.
#[utoipa::path(get, path = "/groups/{g}/messages/{e}/files/{n}", tag = "files",
    params(("g" = String, Path, description = "group"), ("e" = String, Path, description = "message"),
        ("n" = usize, Path, description = "its number among the message's files, from 0")),
    responses((status = 200, content_type = "application/octet-stream"), (status = "default", body = Problem)))]
async fn read(
    State(node): State<Arc<Node>>,
    Named(which): Named<(String, String, usize)>,
) -> Result<Response, Problem> {
    let file = the_file(&node, which.clone()).await?;
    check_reach(&node, which.0, file.clone()).await?;
    let damaged = || not_read(NotRead::Damaged);
    let mut reader = Reader::new(Arc::clone(node.media()?), &file).ok_or_else(damaged)?;
    let first = reader.next().await.map_err(not_read)?.ok_or_else(damaged)?;
    let rest = stream::try_unfold(reader, |mut reader| async move {
        let part = reader.next().await.map_err(std::io::Error::other)?;
        Ok::<_, std::io::Error>(part.map(|part| (part, reader)))
    });
    let whole = stream::iter([Ok::<Bytes, std::io::Error>(first)]).chain(rest);
    let mut response = Response::new(Body::from_stream(whole));
    // Never its own type: nothing that opens an answer of this address by itself runs what somebody sent.
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
    response.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from(file.size));
    Ok(response)
}

/// Who is out of a group keeps what is here; members hand the rest to each other only (BL-11), so nobody is waited for.
async fn check_reach(node: &Node, group: String, file: Attachment) -> Result<(), Problem> {
    let group = group_id(&group)?;
    let looking = move |view: &View<'_>| {
        let state = view.account.group(&group).map(|found| found.state);
        let (have, length) = view.shelf.have(&file);
        Ok((state, have == length))
    };
    let (state, is_here) = node.look(looking).await?.body;
    let code = match state {
        _ if is_here => return Ok(()),
        Some(GroupState::Removed) => Code::Removed,
        Some(GroupState::Left | GroupState::SeatLost) => Code::NotMember,
        _ => return Ok(()),
    };
    Err(Problem::new(code, "the file can't be read")
        .because("it is not on this computer, and only members of the group are handed its files"))
}

fn not_read(why: NotRead) -> Problem {
    let what = "the file can't be read";
    match why {
        NotRead::NobodyHasIt => Problem::new(Code::NoMemberReachable, what)
            .because("nobody who has it is online; it comes when somebody is"),
        NotRead::Damaged => Problem::new(Code::Conflict, what)
            .because("what its sender sealed is not what the message says: it is damaged")
            .advise(["ask its sender to send it again"]),
        NotRead::DiskFull => Problem::new(Code::DiskFull, what),
        NotRead::KeptFree(bytes) => media::kept_free(what, bytes),
        NotRead::Disk => Problem::new(Code::StoreReadOnly, what),
    }
}

/// Frees this computer's copy. It can be fetched again as long as somebody has it.
#[utoipa::path(delete, path = "/groups/{g}/messages/{e}/files/{n}", tag = "files",
    params(("g" = String, Path, description = "group"), ("e" = String, Path, description = "message"),
        ("n" = usize, Path, description = "its number among the message's files, from 0")),
    responses((status = 200, body = Done), (status = "default", body = Problem)))]
async fn forget(
    State(node): State<Arc<Node>>,
    Named(which): Named<(String, String, usize)>,
) -> Result<Json<Done>, Problem> {
    let file = the_file(&node, which).await?;
    let erased = node.media()?.forget(&file).await;
    erased.map_err(|_| Problem::new(Code::StoreReadOnly, "the copy was not erased"))?;
    Ok(Json(Done { schema: DoneSchema::V1 }))
}

/// Files that are being fetched, or wait for somebody who has them.
#[utoipa::path(get, path = "/transfers", tag = "files",
    responses((status = 200, body = Page<Transfer>), (status = "default", body = Problem)))]
async fn transfers(State(node): State<Arc<Node>>) -> Result<Json<Page<Transfer>>, Problem> {
    let under_way = node.media()?.under_way();
    let look = node.look(move |view| Ok(under_way.iter().filter_map(|one| shapes::transfer(view, one)).collect()));
    Ok(Json(Page::whole(look.await?.body)))
}
