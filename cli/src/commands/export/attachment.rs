//! Files of messages, saved beside the words under names that are ours.

use std::io::Write;
use std::path::Path;
use std::time::Duration;

use serde_json::Value;
use sha2::{Digest, Sha256};
use tokio::time::{Instant, timeout_at};

use super::super::id_of;
use super::super::media::{Bar, files_of, nameless};
use super::folder::{Part, unwritten};
use crate::api::Api;
use crate::error::Diagnostic;
use crate::output::Output;

/// Of what a file is called, so many characters stay.
const STEM_CHARS_MAX: usize = 60;
/// Endings that a browser would run; a sender's page is no page of ours.
const ACTIVE: [&str; 12] = ["html", "htm", "xhtml", "xht", "shtml", "svg", "svgz", "xml", "xsl", "mht", "mhtml", "hta"];

/// The folder `files` of an export.
pub(super) struct Files<'a> {
    part: &'a Part,
    number: u64,
    /// For all that is to be fetched; what is here is saved also after it.
    deadline: Instant,
}

/// A file that was saved.
pub(super) struct Saved {
    /// In the copy.
    pub path: String,
    /// Bytes.
    pub size: u64,
    /// Hexadecimal.
    pub sha256: String,
}

/// Saved, or why not.
type Come = Result<Saved, String>;

impl<'a> Files<'a> {
    pub(super) fn new(part: &'a Part, fetching: Duration) -> Result<Self, Diagnostic> {
        part.folder("files")?;
        let now = Instant::now();
        Ok(Self { part, number: 0, deadline: now.checked_add(fetching).unwrap_or(now) })
    }

    /// Rule XP-5: what cannot be had is said and keeps nothing else from being exported; only this computer's disk does.
    pub(super) async fn save(
        &mut self,
        (api, output): (&Api, &Output),
        (group, message): (&str, &Value),
        which: usize,
    ) -> Result<Come, Diagnostic> {
        let file = files_of(message).get(which).unwrap_or(&Value::Null);
        self.number += 1;
        let path = format!("files/{}", safe_name(self.number, file));
        let coming = self.come((api, output), (group, message), (which, &path));
        let come = if file["state"] == "complete" {
            coming.await
        } else {
            let late = || Ok(Err("nobody gave it in time".to_owned()));
            timeout_at(self.deadline, coming).await.unwrap_or_else(|_| late())
        };
        if !matches!(come, Ok(Ok(_))) {
            self.part.forget(&path);
        }
        come
    }

    async fn come(
        &self,
        (api, output): (&Api, &Output),
        (group, message): (&str, &Value),
        (which, path): (usize, &str),
    ) -> Result<Come, Diagnostic> {
        let mut incoming = match api.download(group, id_of(message), which).await {
            Ok(incoming) => incoming,
            Err(why) => return Ok(Err(format!("{}: {}", why.what, why.why))),
        };
        let mut to = self.part.file(path)?;
        let mut bar = Bar::new(output, path, incoming.size);
        let (mut sum, mut size) = (Sha256::new(), 0);
        loop {
            match incoming.next().await {
                Ok(Some(bytes)) => {
                    to.write_all(&bytes).map_err(unwritten)?;
                    sum.update(&bytes);
                    size += bytes.len() as u64;
                    bar.show(size);
                }
                Ok(None) if size == incoming.size => break,
                Ok(None) => return Ok(Err("it broke off".to_owned())),
                Err(problem) => {
                    let why = Api::explain(&problem);
                    return Ok(Err(format!("{}: {}", why.what, why.why)));
                }
            }
        }
        to.sync_all().map_err(unwritten)?;
        let sha256 = sum.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
        Ok(Ok(Saved { path: path.to_owned(), size, sha256 }))
    }
}

/// Rule XP-6: `000012-quay.jpg`: a number of ours, then what is harmless of the sender's name, and an ending by its type.
/// No two are alike, none leaves the folder, none is a page that a browser would run.
fn safe_name(number: u64, file: &Value) -> String {
    let ours = nameless(file);
    let by_type = Path::new(&ours).extension().and_then(|ending| ending.to_str()).filter(|ending| *ending != "bin");
    let name = file["name"].as_str().unwrap_or(&ours);
    let (stem, ending) = name.rsplit_once('.').unwrap_or((name, ""));
    let harmless = |c: char| if c.is_alphanumeric() || matches!(c, '-' | '_' | ' ') { c } else { '_' };
    let stem: String = stem.chars().take(STEM_CHARS_MAX).map(harmless).collect();
    let ending: String = ending.chars().filter(char::is_ascii_alphanumeric).take(12).collect::<String>().to_lowercase();
    match by_type.filter(|_| file["kind"] != "file") {
        Some(known) => format!("{number:06}-{stem}.{known}"),
        None if ending.is_empty() => format!("{number:06}-{stem}.bin"),
        None if ACTIVE.contains(&ending.as_str()) => format!("{number:06}-{stem}.{ending}.txt"),
        None => format!("{number:06}-{stem}.{ending}"),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn xp_06_a_name_of_somebody_else_is_no_path_no_page_and_no_trick() {
        let of = |kind: &str, media: Option<&str>, name: Option<&str>| {
            safe_name(7, &json!({ "kind": kind, "type": media, "name": name, "blob": "abcdefghij" }))
        };
        assert_eq!(of("image", Some("image/jpeg"), Some("quay.jpg")), "000007-quay.jpg");
        assert_eq!(of("image", Some("image/jpeg"), Some("quay.html")), "000007-quay.jpg");
        assert_eq!(of("voice", Some("audio/ogg"), None), "000007-voice-abcdefgh.ogg");
        assert_eq!(of("file", None, Some("page.HTML")), "000007-page.html.txt");
        assert_eq!(of("file", None, Some("../../etc/passwd")), "000007-____.etcpasswd");
    }

    proptest! {
        #[test]
        fn xp_06_no_name_leaves_the_folder(name in ".*") {
            let safe = safe_name(1, &json!({ "kind": "file", "name": name }));
            let is_bad = safe.contains(['/', '\\', '\0', '<', '"', '\u{1b}', '\u{202e}']);
            prop_assert!(!is_bad && safe.starts_with("000001-"));
            prop_assert!(safe.len() < 255 && !safe.contains(".."));
        }
    }
}
