//! Files: handed over to go with a message, listed, saved, freed.

use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use coterie_node::api::client::FileToSend;
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;

use super::conversation::the_message_among;
use super::{id_of, name_of, short, the_group};
use crate::api::Api;
use crate::args::{Files, Media, Save};
use crate::error::Diagnostic;
use crate::output::Output;
use crate::{text, when, wording};

/// Of one message (BL-1).
const FILES_MAX: usize = 10;
/// Messages that are looked through for files.
const LOOKED_THROUGH: usize = 2_000;
/// What takes longer shows how far it is (PR-1).
const SILENT: Duration = Duration::from_millis(300);
/// Between two looks of it.
const STEP: Duration = Duration::from_millis(100);

/// `media …`.
///
/// # Errors
/// What the node says, or what this computer's disk refuses.
pub async fn run(api: &Api, output: &Output, verb: Media) -> Result<u8, Diagnostic> {
    match verb {
        Media::List { group } => list(api, output, group.as_deref()).await,
        Media::Save(wanted) => save(api, output, wanted).await,
        Media::Free { which } => {
            let group = the_group(api, which.group.as_deref()).await?;
            let message = the_line(api, &group, &which.message).await?;
            for number in 0..files_of(&message).len() {
                let path = format!("/groups/{}/messages/{}/files/{number}", id_of(&group), id_of(&message));
                api.delete(&path).await?;
            }
            output.object(&json!({ "schema": "coterie.done/1" }), || "Freed. It can be fetched again.".to_owned());
            Ok(0)
        }
    }
}

/// Hands over what goes with a message; what the message is to say of it.
///
/// # Errors
/// What the node says, or why a file can't be read. Nothing is sent then.
pub async fn taken(api: &Api, output: &Output, files: &Files) -> Result<Vec<Value>, Diagnostic> {
    let of =
        |kind: &'static str, paths: &[PathBuf]| paths.iter().map(move |path| (kind, path.clone())).collect::<Vec<_>>();
    let kinds = [("image", &files.image), ("voice", &files.voice), ("video", &files.video), ("file", &files.file)];
    let all: Vec<(&str, PathBuf)> = kinds.iter().flat_map(|(kind, paths)| of(kind, paths)).collect();
    if all.len() > FILES_MAX {
        let why = format!("a message carries at most {FILES_MAX} files, and these are {}", all.len());
        return Err(Diagnostic::usage("nothing was sent", why).hint("send them in two messages"));
    }
    let mut sent = Vec::new();
    for (kind, path) in &all {
        let upload = hand_over(api, output, (kind, path), files).await?;
        let alt = files.alt.as_ref().filter(|_| sent.is_empty());
        sent.push(json!({ "upload": upload["id"], "alt": alt }));
    }
    Ok(sent)
}

async fn hand_over(
    api: &Api,
    output: &Output,
    (kind, path): (&str, &Path),
    files: &Files,
) -> Result<Value, Diagnostic> {
    let unread = |why: String| {
        Diagnostic::new("not_found", 5, "nothing was sent", format!("{}: {why}", path.display()))
            .hint("look whether the file is there and yours to read")
    };
    let file = tokio::fs::File::open(path).await.map_err(|why| unread(why.to_string()))?;
    let about = file.metadata().await.map_err(|why| unread(why.to_string()))?;
    if !about.is_file() {
        return Err(unread("it is no file".to_owned()));
    }
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let mut bar = Bar::new(output, &name, about.len());
    let said = FileToSend { kind, name: &name, size: about.len(), original: files.original };
    api.upload(&said, file, move |gone| bar.show(gone)).await
}

pub(super) fn files_of(message: &Value) -> &[Value] {
    message["files"].as_array().map_or(&[], Vec::as_slice)
}

/// The message that is meant, whole.
async fn the_line(api: &Api, group: &Value, wanted: &str) -> Result<Value, Diagnostic> {
    let id = the_message_among(api, group, (wanted, |line| !files_of(line).is_empty())).await?;
    let line = api.get(&format!("/groups/{}/messages/{id}", id_of(group))).await?;
    let line = if line["message"].is_object() { line["message"].clone() } else { line };
    if files_of(&line).is_empty() {
        let none = Diagnostic::new("not_found", 5, "no file there", "that message came without one");
        return Err(none.hint("coterie media list"));
    }
    Ok(line)
}

async fn save(api: &Api, output: &Output, wanted: Save) -> Result<u8, Diagnostic> {
    let group = the_group(api, wanted.which.group.as_deref()).await?;
    let message = the_line(api, &group, &wanted.which.message).await?;
    let mut saved = Vec::new();
    for (number, file) in files_of(&message).iter().enumerate() {
        let path = one(api, output, (&group, &message), (number, file), &wanted.out).await?;
        saved.push(path.display().to_string());
    }
    let object = json!({ "schema": "coterie.saved/1", "files": saved });
    output.object(&object, || {
        saved.iter().map(|path| format!("Saved {}", text::line(path))).collect::<Vec<_>>().join("\n")
    });
    Ok(0)
}

/// One file, under a name that was free, whole or not there (MM-9).
async fn one(
    api: &Api,
    output: &Output,
    (group, message): (&Value, &Value),
    (number, file): (usize, &Value),
    folder: &Path,
) -> Result<PathBuf, Diagnostic> {
    let name = file["name"].as_str().map_or_else(|| nameless(file), str::to_owned);
    let mut incoming = api.download(id_of(group), id_of(message), number).await?;
    let unwritten = |why: std::io::Error| {
        let why = format!("{}: {why}", folder.display());
        Diagnostic::new("bad_value", 2, "the file was not saved", why).hint("coterie media save MSG --out FOLDER")
    };
    let (path, new) = free_name(folder, &name).map_err(unwritten)?;
    let mut bar = Bar::new(output, &name, incoming.size);
    let mut to = tokio::fs::File::from_std(new);
    let mut come = 0;
    let writing = async {
        while let Some(part) = incoming.next().await.map_err(|problem| Api::explain(&problem))? {
            come += part.len() as u64;
            to.write_all(&part).await.map_err(unwritten)?;
            bar.show(come);
        }
        to.sync_all().await.map_err(unwritten)
    };
    let written = writing.await;
    drop(bar);
    if written.is_err() {
        // Half a file under a whole one's name would be taken for it.
        let _ = std::fs::remove_file(&path);
    }
    written.map(|()| path)
}

pub(super) fn nameless(file: &Value) -> String {
    let ending = match file["type"].as_str() {
        Some("image/jpeg") => "jpg",
        Some("image/png") => "png",
        Some("image/gif") => "gif",
        Some("image/webp") => "webp",
        Some("audio/webm" | "video/webm") => "webm",
        Some("audio/ogg") => "ogg",
        Some("audio/mp4") => "m4a",
        Some("video/mp4") => "mp4",
        _ => "bin",
    };
    format!("{}-{}.{ending}", file["kind"].as_str().unwrap_or("file"), short(&file["blob"]))
}

/// `quay.jpg`, else `quay (2).jpg`: what is there is never written over.
fn free_name(folder: &Path, name: &str) -> std::io::Result<(PathBuf, std::fs::File)> {
    let path = Path::new(name);
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    let ending = path.extension().map(|ending| format!(".{}", ending.to_string_lossy())).unwrap_or_default();
    for number in 1..1_000 {
        let tried = match number {
            1 => folder.join(name),
            _ => folder.join(format!("{stem} ({number}){ending}")),
        };
        match std::fs::File::options().write(true).create_new(true).open(&tried) {
            Err(why) if why.kind() == std::io::ErrorKind::AlreadyExists => {}
            opened => return opened.map(|file| (tried, file)),
        }
    }
    Err(std::io::ErrorKind::AlreadyExists.into())
}

async fn list(api: &Api, output: &Output, group: Option<&str>) -> Result<u8, Diagnostic> {
    let group = the_group(api, group).await?;
    let mut found: Vec<Value> = Vec::new();
    let (mut before, mut looked) = (String::new(), 0);
    while looked < LOOKED_THROUGH {
        let page = api.get(&format!("/groups/{}/messages?limit=200{before}", id_of(&group))).await?;
        let lines = page["items"].as_array().map_or(&[][..], Vec::as_slice);
        looked += lines.len();
        found.extend(lines.iter().rev().filter(|line| !files_of(line).is_empty()).cloned());
        match page["prev"].as_str() {
            Some(prev) => before = format!("&before={prev}"),
            None => break,
        }
    }
    let object = json!({ "schema": "coterie.page/1", "items": found, "next": null, "prev": null });
    output.object(&object, || {
        if found.is_empty() {
            return format!("No files in {} yet.\nnext: coterie send --image PATH", name_of(&group));
        }
        let row = |line: &Value| {
            let files: Vec<String> = files_of(line).iter().map(wording::file).collect();
            let (day, at) = (when::day(&line["at"]), when::clock(&line["at"]));
            format!("{}  {day} {at}  {}: {}", short(&line["id"]), wording::name(&line["author"]), files.join("; "))
        };
        found.iter().map(row).collect::<Vec<_>>().join("\n")
    });
    Ok(0)
}

/// `transfers`: what is on its way.
///
/// # Errors
/// What the node says.
pub async fn transfers(api: &Api, output: &Output) -> Result<u8, Diagnostic> {
    let page = api.get("/transfers").await?;
    output.object(&page, || {
        let rows = page["items"].as_array().into_iter().flatten().map(|one| {
            let (have, size) = (one["have"].as_u64().unwrap_or_default(), one["size"].as_u64().unwrap_or_default());
            let from = match one["sources"].as_u64().unwrap_or_default() {
                0 => "nobody who has it is online".to_owned(),
                sources => format!("from {}", super::count(sources, "member", "members")),
            };
            format!("{}  {} of {}  {from}", short(&one["blob"]), wording::bytes(have), wording::bytes(size))
        });
        let rows: Vec<String> = rows.collect();
        if rows.is_empty() { "Nothing is being fetched.".to_owned() } else { rows.join("\n") }
    });
    Ok(0)
}

/// How far a file is: on a terminal, and only if it takes a while (PR-1, PR-2).
pub(super) struct Bar {
    name: String,
    size: u64,
    start: Instant,
    shown: Option<Instant>,
    wanted: bool,
}

impl Bar {
    pub(super) fn new(output: &Output, name: &str, size: u64) -> Self {
        let wanted = std::io::stderr().is_terminal() && !output.is_json() && !output.is_quiet();
        Self { name: text::line(name), size, start: Instant::now(), shown: None, wanted }
    }

    pub(super) fn show(&mut self, done: u64) {
        let pause = self.shown.map_or(SILENT, |_| STEP);
        if !self.wanted || self.shown.unwrap_or(self.start).elapsed() < pause {
            return;
        }
        self.shown = Some(Instant::now());
        let tenths = usize::try_from(done.saturating_mul(10) / self.size.max(1)).unwrap_or(10).min(10);
        let rate =
            done.saturating_mul(1_000) / u64::try_from(self.start.elapsed().as_millis()).unwrap_or(u64::MAX).max(1);
        let bar = format!("{}{}", "▓".repeat(tenths), "░".repeat(10 - tenths));
        let row = format!(
            "{bar} {} of {}  {}  {}/s",
            wording::bytes(done),
            wording::bytes(self.size),
            self.name,
            wording::bytes(rate)
        );
        let _ = write!(std::io::stderr(), "\r\u{1b}[K{row}");
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        if self.shown.is_some() {
            let _ = write!(std::io::stderr(), "\r\u{1b}[K");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mm_09_what_is_there_is_never_written_over() {
        let folder = tempfile::tempdir().unwrap();
        for expected in ["quay.jpg", "quay (2).jpg", "quay (3).jpg"] {
            let (path, _) = free_name(folder.path(), "quay.jpg").unwrap();
            assert_eq!(path, folder.path().join(expected));
        }
        let (path, _) = free_name(folder.path(), "README").unwrap();
        assert_eq!(path, folder.path().join("README"));
        assert_eq!(free_name(folder.path(), "README").unwrap().0, folder.path().join("README (2)"));
        assert!(free_name(&folder.path().join("none"), "a").is_err());
    }
}
