//! `export`: one's own copy of a group as files, read through the API page by page, so that a hundred thousand messages take
//! no more memory than two hundred.

mod attachment;
mod folder;
mod html;
mod plain;

use std::fs::File;
use std::io::{BufWriter, IsTerminal, Seek, SeekFrom, Write};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use serde_json::{Value, json};

use self::attachment::Files;
use self::folder::{Part, free_place, unwritten};
use super::media::files_of;
use super::{count, id_of, name_of, the_group};
use crate::api::Api;
use crate::args::{Export, Form};
use crate::error::Diagnostic;
use crate::output::Output;
use crate::{text, wording};

/// Lines of one page: as many as the API gives (AP-15).
const PAGE: usize = 200;
/// Fetching files that are not here takes no longer than this, unless `--timeout` says so.
const FETCHING: Duration = Duration::from_secs(120);
/// The first line of the JSON is written again with the count, over spaces that it left.
const COUNT_DIGITS: usize = 10;
/// Between two looks at how far it is (PR-2).
const STEP: Duration = Duration::from_millis(300);

/// Rule XP-3: each file of words says whose copy it is, that the others have not released it, and that it proves nothing.
struct Head {
    group: String,
    notice: String,
}

/// `export`.
///
/// # Errors
/// A folder that is not empty, what the node says, or what this computer's disk refuses. Nothing is left then.
pub async fn run(api: &Api, output: &Output, (wanted, timeout): (Export, Option<Duration>)) -> Result<u8, Diagnostic> {
    let place = free_place(&wanted.out)?;
    let group = the_group(api, wanted.group.as_deref()).await?;
    let mut copy = Copy::new(api, output, &wanted, group);
    if wanted.dry_run {
        copy.read_all(&mut Sink::Nowhere).await?;
        let summary = copy.summary(None);
        output.object(&summary, || copy.told(None));
        return Ok(0);
    }
    let part = Part::new(place)?;
    let written = tokio::select! {
        written = copy.write_all(&part, timeout.unwrap_or(FETCHING)) => written,
        _ = tokio::signal::ctrl_c() => {
            let why = "it was interrupted; nothing of it was kept";
            Err(Diagnostic::new("interrupted", 130, "the export was not finished", why).hint("coterie export --out FOLDER"))
        }
    };
    written?;
    let place = part.finish()?.display().to_string();
    output.object(&copy.summary(Some(&place)), || copy.told(Some(&place)));
    Ok(0)
}

/// What is copied, and how much it was.
struct Copy<'a> {
    api: &'a Api,
    output: &'a Output,
    wanted: &'a Export,
    group: Value,
    messages: u64,
    bytes: u64,
    file_bytes: u64,
    saved: u64,
    not_saved: Vec<Value>,
    missing: u64,
    shown: Option<Instant>,
}

/// In the summary so many files that could not be had are named; all of them are named in the copy.
const NAMED_MAX: usize = 20;

/// Where lines go.
enum Sink<'a> {
    Nowhere,
    Into(Box<Writers<'a>>),
}

struct Writers<'a> {
    json: Option<BufWriter<File>>,
    text: Option<BufWriter<File>>,
    html: Option<BufWriter<File>>,
    day_of_text: String,
    day_of_html: String,
    files: Option<Files<'a>>,
}

impl<'a> Copy<'a> {
    const fn new(api: &'a Api, output: &'a Output, wanted: &'a Export, group: Value) -> Self {
        let (messages, bytes, file_bytes, saved, missing) = (0, 0, 0, 0, 0);
        let not_saved = Vec::new();
        Self { api, output, wanted, group, messages, bytes, file_bytes, saved, not_saved, missing, shown: None }
    }

    /// Reads the timeline from its beginning. Memory holds one page.
    async fn read_all(&mut self, sink: &mut Sink<'_>) -> Result<(), Diagnostic> {
        let path = format!("/groups/{}/messages", id_of(&self.group));
        let newest = self.api.get(&format!("{path}?limit=1")).await?;
        let Some(newest) = newest["items"][0]["cursor"].as_str() else { return Ok(()) };
        // A cursor of zeros is before all others: 'a' is base32's zero (RFC 4648).
        let mut after = "a".repeat(newest.len());
        loop {
            let page = self.api.get(&format!("{path}?limit={PAGE}&after={after}")).await?;
            for line in page["items"].as_array().into_iter().flatten() {
                if !self.is_meant(line) {
                    continue;
                }
                let line = self.with_revisions(line).await?;
                self.take(line, sink).await?;
            }
            self.show();
            match page["next"].as_str() {
                Some(next) => next.clone_into(&mut after),
                None => return Ok(()),
            }
        }
    }

    fn is_meant(&self, line: &Value) -> bool {
        let at = line["at"].as_str().and_then(|at| at.parse::<Timestamp>().ok());
        let Some(at) = at else { return self.wanted.since.is_none() && self.wanted.until.is_none() };
        self.wanted.since.is_none_or(|since| at >= since) && self.wanted.until.is_none_or(|until| at < until)
    }

    async fn with_revisions(&self, line: &Value) -> Result<Value, Diagnostic> {
        let mut line = line.clone();
        let is_edited = line["edited"].is_string() && line["kind"] == "text";
        if is_edited && (self.wanted.dry_run || self.wants(Form::Json)) {
            let path = format!("/groups/{}/messages/{}", id_of(&self.group), id_of(&line));
            let info = self.api.get(&path).await?;
            line["revisions"] = info["revisions"].clone();
        }
        Ok(line)
    }

    async fn take(&mut self, mut line: Value, sink: &mut Sink<'_>) -> Result<(), Diagnostic> {
        self.messages += 1;
        if let Sink::Into(writers) = sink {
            for number in 0..files_of(&line).len() {
                self.file(&mut line, number, writers).await?;
            }
            writers.write(&line).map_err(unwritten)?;
        } else {
            self.bytes += line.to_string().len() as u64;
            self.file_bytes += files_of(&line).iter().filter_map(|file| file["size"].as_u64()).sum::<u64>();
        }
        Ok(())
    }

    async fn file(&mut self, line: &mut Value, number: usize, writers: &mut Writers<'_>) -> Result<(), Diagnostic> {
        let Some(files) = &mut writers.files else { return Ok(()) };
        let (group, api) = (id_of(&self.group), self.api);
        let come = files.save((api, self.output), (group, line), number).await?;
        let file = &mut line["files"][number];
        match come {
            Ok(saved) => {
                (file["saved"], file["sha256"]) = (json!(saved.path), json!(saved.sha256));
                // The page was read before it was fetched.
                file["state"] = json!("complete");
                self.file_bytes += saved.size;
                self.saved += 1;
            }
            Err(why) => {
                file["not_saved"] = json!(why);
                self.missing += 1;
                if self.not_saved.len() < NAMED_MAX {
                    self.not_saved
                        .push(json!({ "message": line["id"], "name": line["files"][number]["name"], "why": why }));
                }
            }
        }
        Ok(())
    }

    async fn write_all(&mut self, part: &Part, fetching: Duration) -> Result<(), Diagnostic> {
        let me = self.api.get("/identity").await?;
        let by = wording::name(&me);
        let at = Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
        let notice = format!(
            "Your own copy, exported by {by} on {at}. The others have not released these words; this file proves nothing \
            about who said what."
        );
        let head = Head { group: name_of(&self.group), notice };
        let first = json!({
            "schema": "coterie.export/1", "group": { "id": self.group["id"], "name": self.group["name"] },
            "exported_at": at, "by": me["name"], "notice": head.notice,
        });
        let mut sink = Sink::Into(Box::new(self.open(part, (&head, &first), fetching)?));
        self.read_all(&mut sink).await?;
        if let Sink::Into(writers) = sink {
            self.bytes = writers.close(&first, self.messages)?;
        }
        Ok(())
    }

    fn open<'p>(
        &self,
        part: &'p Part,
        (head, first): (&Head, &Value),
        fetching: Duration,
    ) -> Result<Writers<'p>, Diagnostic> {
        let begun = |form, name: &str, start: String| {
            let writer = self.wants(form).then(|| part.writer(name)).transpose()?;
            let begin = |mut writer: BufWriter<File>| writer.write_all(start.as_bytes()).map(|()| writer);
            writer.map(begin).transpose().map_err(unwritten)
        };
        let files = self.wanted.with_files.then(|| Files::new(part, fetching)).transpose()?;
        Ok(Writers {
            json: begun(Form::Json, "messages.jsonl", first_line(first, 0))?,
            text: begun(Form::Text, "messages.txt", plain::head(head))?,
            html: begun(Form::Html, "messages.html", html::head(head))?,
            day_of_text: String::new(),
            day_of_html: String::new(),
            files,
        })
    }

    fn wants(&self, form: Form) -> bool {
        self.wanted.forms.is_empty() || self.wanted.forms.contains(&form)
    }

    /// How far it is: on a terminal, and only if it takes a while (PR-1).
    fn show(&mut self) {
        let wanted = std::io::stderr().is_terminal() && !self.output.is_json() && !self.output.is_quiet();
        let now = Instant::now();
        let last = *self.shown.get_or_insert(now);
        if wanted && now.duration_since(last) >= STEP {
            self.shown = Some(now);
            let _ = write!(std::io::stderr(), "\r\u{1b}[K{}", count(self.messages, "message", "messages"));
        }
    }

    fn summary(&self, place: Option<&str>) -> Value {
        json!({
            "schema": "coterie.exported/1", "group": self.group["id"], "out": place, "messages": self.messages,
            "bytes": self.bytes, "files": self.saved, "file_bytes": self.file_bytes,
            "files_missing": self.missing, "missing": self.not_saved,
        })
    }

    fn told(&self, place: Option<&str>) -> String {
        let messages = count(self.messages, "message", "messages");
        let Some(place) = place else {
            let (words, files) = (wording::bytes(self.bytes), wording::bytes(self.file_bytes));
            return format!(
                "It would be {messages}: about {words} in each form, and {files} of files. Nothing was written."
            );
        };
        if std::io::stderr().is_terminal() && !self.output.is_quiet() {
            let _ = write!(std::io::stderr(), "\r\u{1b}[K");
        }
        let mut told = format!("Exported {messages} ({}) to {}", wording::bytes(self.bytes), text::line(place));
        if self.wanted.with_files {
            let saved = count(self.saved, "file", "files");
            told.push_str(&format!("\nSaved {saved} ({})", wording::bytes(self.file_bytes)));
        }
        if self.missing > 0 {
            told.push_str(&format!("\nNot to be had just now: {}", count(self.missing, "file", "files")));
            for one in &self.not_saved {
                let (name, why) = (one["name"].as_str().unwrap_or("a file"), one["why"].as_str().unwrap_or_default());
                told.push_str(&format!("\n  {}: {}", text::line(name), text::line(why)));
            }
        }
        told
    }
}

impl Writers<'_> {
    fn write(&mut self, line: &Value) -> std::io::Result<()> {
        if let Some(json) = &mut self.json {
            writeln!(json, "{line}")?;
        }
        // What doesn't count is hidden by every face; the JSON says so of it.
        if line["counts"] == false {
            return Ok(());
        }
        if let Some(text) = &mut self.text {
            text.write_all(plain::message(line, &mut self.day_of_text).as_bytes())?;
        }
        if let Some(html) = &mut self.html {
            html.write_all(html::message(line, &mut self.day_of_html).as_bytes())?;
        }
        Ok(())
    }

    /// Ends the files durably; gives their bytes.
    fn close(mut self, first: &Value, messages: u64) -> Result<u64, Diagnostic> {
        if let Some(html) = &mut self.html {
            html.write_all(html::FOOT.as_bytes()).map_err(unwritten)?;
        }
        if let Some(json) = &mut self.json {
            let again =
                json.seek(SeekFrom::Start(0)).and_then(|_| json.write_all(first_line(first, messages).as_bytes()));
            again.map_err(unwritten)?;
        }
        let mut bytes = 0;
        for writer in [self.json, self.text, self.html].into_iter().flatten() {
            let file = writer.into_inner().map_err(|why| unwritten(why.into_error()))?;
            file.sync_all().map_err(unwritten)?;
            bytes += file.metadata().map_err(unwritten)?.len();
        }
        Ok(bytes)
    }
}

/// The same length, however many messages.
fn first_line(first: &Value, messages: u64) -> String {
    let object = first.to_string();
    let object = object.strip_suffix('}').unwrap_or(&object);
    format!("{object},\"messages\":{messages:>COUNT_DIGITS$}}}\n")
}

/// Where a file lies in the copy.
fn saved_as(file: &Value) -> Option<&str> {
    file["saved"].as_str()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn xp_03_the_first_line_is_an_object_of_one_length_and_knows_the_count() {
        let first = json!({ "schema": "coterie.export/1", "notice": "}" });
        let (none, many) = (first_line(&first, 0), first_line(&first, 100_000));
        assert_eq!(none.len(), many.len());
        assert_eq!(serde_json::from_str::<Value>(&many).unwrap()["messages"], 100_000);
    }
}
