//! `messages.html`: one page without script and without anything from elsewhere, for the eyes.
//!
//! All that people wrote is cleaned, then escaped (OWASP, XSS Prevention, rule 1); the page's own policy (CSP 3) forbids the
//! browser to run or fetch anything but the files beside it.

use std::path::Path;

use serde_json::Value;

use super::super::place::encoded;
use super::{Head, plain, saved_as};
use crate::{text, when, wording};

const STYLE: &str = "body{font:16px/1.5 system-ui,sans-serif;max-width:44rem;margin:0 auto;padding:1rem;color:#1b1b1b;\
background:#fff;overflow-wrap:anywhere}header{border-bottom:1px solid #8888;margin-bottom:1rem}h1{font-size:1.4rem}\
h2{font-size:.9rem;text-align:center;color:#666}article{margin:.7rem 0}time,.note{color:#666;font-size:.85rem}\
p{margin:.1rem 0;white-space:pre-wrap}blockquote{margin:.1rem 0;padding-left:.6rem;border-left:3px solid #8888;color:#666}\
img,video{max-width:100%;height:auto;max-height:80vh;border-radius:.4rem}audio{width:100%}\
@media(prefers-color-scheme:dark){body{color:#e6e6e6;background:#161616}time,.note,h2,blockquote{color:#a0a0a0}a{color:#8ab4f8}}";

/// Rule XP-4: no markup, script or address of anybody else comes into the page; it loads only files that lie beside it.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; img-src 'self' file:; media-src 'self' file:; \
base-uri 'none'; form-action 'none'";

pub(super) fn head(head: &Head) -> String {
    let (group, notice) = (escape(&head.group), escape(&head.notice));
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
        <meta http-equiv=\"Content-Security-Policy\" content=\"{POLICY}\">\n\
        <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
        <meta name=\"referrer\" content=\"no-referrer\">\n<meta name=\"color-scheme\" content=\"light dark\">\n\
        <title>{group}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n\
        <header><h1>{group}</h1><p class=\"note\">{notice}</p></header>\n"
    )
}

pub(super) const FOOT: &str = "</body>\n</html>\n";

/// A message, and before it the day if it is the first of one.
pub(super) fn message(line: &Value, day: &mut String) -> String {
    let mut shown = String::new();
    let of_line = when::whole_day(&line["at"]);
    if of_line != *day {
        shown.push_str(&format!("<h2>{}</h2>\n", escape(&of_line)));
        *day = of_line;
    }
    let author = escape(&wording::name(&line["author"]));
    shown.push_str(&format!("<article><time>{}</time> <b>{author}</b>", escape(&when::clock(&line["at"]))));
    let notes = wording::notes(line);
    if !notes.is_empty() {
        shown.push_str(&format!(" <span class=\"note\">{}</span>", escape(&notes)));
    }
    if let Some(quoted) = plain::quoted(line) {
        shown.push_str(&format!("<blockquote>{}</blockquote>", escape(&quoted)));
    }
    match plain::absent(line) {
        Some(why) => shown.push_str(&format!("<p class=\"note\">{}</p>", escape(&why))),
        None => shown.push_str(&format!("<p>{}</p>", escape(&wording::said(line, 0)))),
    }
    shown.extend(line["files"].as_array().into_iter().flatten().map(file));
    if let Some(emojis) = wording::emojis(line) {
        shown.push_str(&format!("<p>{}</p>", escape(&emojis)));
    }
    shown.push_str("</article>\n");
    shown
}

/// A saved file is shown by the ending that it was given here, not by what its sender calls it.
fn file(file: &Value) -> String {
    let Some(path) = saved_as(file) else {
        let why = file["not_saved"].as_str().map(|why| format!("<p class=\"note\">not saved: {}</p>", escape(why)));
        return why.unwrap_or_default();
    };
    let there = path.split('/').map(encoded).collect::<Vec<_>>().join("/");
    let alt = escape(file["alt"].as_str().unwrap_or_default());
    match (file["kind"].as_str(), Path::new(path).extension().and_then(|ending| ending.to_str())) {
        (Some("image"), Some("jpg" | "png" | "gif" | "webp")) => {
            format!("<p><img src=\"{there}\" alt=\"{alt}\" loading=\"lazy\"></p>")
        }
        (Some("voice"), Some("webm" | "ogg" | "m4a")) => {
            format!("<audio controls preload=\"none\" src=\"{there}\"></audio>")
        }
        (Some("video"), Some("webm" | "mp4")) => {
            format!("<p><video controls preload=\"none\" src=\"{there}\"></video></p>")
        }
        _ => format!("<p><a href=\"{there}\" download>{}</a></p>", escape(path)),
    }
}

/// Cleaned, and no character that means something in a text or a quoted attribute.
fn escape(words: &str) -> String {
    let mut safe = String::new();
    for c in text::block(words, 0).chars() {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            other => safe.push(other),
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn xp_04_nothing_that_people_wrote_becomes_markup() {
        let bad = "\"'><script>alert(1)</script><img src=x onerror=y>\u{1b}[2J";
        let hostile = json!({
            "at": "2026-11-21T14:00:00.000Z", "kind": "text", "text": bad, "author": { "name": bad },
            "reply_to": { "kind": "text", "text": bad, "author": { "name": bad } },
            "location": { "lat": 1.5, "lon": 2.5, "radius_m": 25, "label": bad },
            "reactions": [{ "emoji": bad, "count": 1 }],
            "files": [
                { "kind": "image", "name": bad, "size": 1, "saved": "files/000001-\"><script>.jpg", "alt": bad },
                { "kind": "file", "name": bad, "size": 1, "saved": "files/000002-<b>.txt" },
                { "kind": bad, "name": bad, "size": 1, "not_saved": bad },
            ],
        });
        let head = Head { group: bad.to_owned(), notice: bad.to_owned() };
        let page = super::head(&head) + &message(&hostile, &mut String::new());
        let tags: Vec<&str> = page.split('<').skip(1).filter_map(|tag| tag.split(['>', ' ']).next()).collect();
        let ours = "!doctype html head meta title style body header h1 h2 p span b time article blockquote img a";
        for tag in &tags {
            assert!(ours.split(' ').any(|own| own == tag.trim_start_matches('/')), "{tag:?} in {page}");
        }
        assert_eq!(tags.iter().filter(|tag| **tag == "img").count(), 1, "{page}");
        assert!(!page.contains('\u{1b}') && !page.contains("src=\"files/000001-\""), "{page}");
        let deleted =
            json!({ "kind": "deleted", "deleted_by": { "name": "<i>" }, "author": { "name": "Ben" }, "at": null });
        assert!(message(&deleted, &mut String::new()).contains("&lt;i&gt; took this back"));
    }
}
