//! `messages.txt`: the copy as one reads it, words of other people cleaned (TX-1).

use serde_json::Value;

use super::{Head, saved_as};
use crate::{text, when, wording};

/// Of an answered message so much is quoted that it stays one row.
pub(super) const QUOTED_CHARS_MAX: usize = 70;

pub(super) fn head(head: &Head) -> String {
    format!("{}\n\n{}\n", head.group, head.notice)
}

/// What stands instead of the words; none if there are words.
pub(super) fn absent(line: &Value) -> Option<String> {
    if line["kind"] == "deleted" {
        return Some(format!("{} took this back", wording::name(&line["deleted_by"])));
    }
    wording::absent(line)
}

pub(super) fn quoted(line: &Value) -> Option<String> {
    wording::answered(line).map(|words| words.chars().take(QUOTED_CHARS_MAX).collect())
}

/// A message, and before it the day if it is the first of one.
pub(super) fn message(line: &Value, day: &mut String) -> String {
    let mut shown = String::new();
    let of_line = when::whole_day(&line["at"]);
    if of_line != *day {
        shown.push_str(&format!("\n— {of_line} —\n"));
        *day = of_line;
    }
    if let Some(quoted) = quoted(line) {
        shown.push_str(&format!("       ┌ {quoted}\n"));
    }
    let words = absent(line).unwrap_or_else(|| wording::said(line, 7));
    let row =
        format!("{}  {}: {words} {}", when::clock(&line["at"]), wording::name(&line["author"]), wording::notes(line));
    shown.push_str(row.trim_end());
    shown.push('\n');
    for file in line["files"].as_array().into_iter().flatten() {
        match (saved_as(file), file["not_saved"].as_str()) {
            (Some(path), _) => shown.push_str(&format!("       {}\n", text::line(path))),
            (None, Some(why)) => shown.push_str(&format!("       not saved: {}\n", text::line(why))),
            (None, None) => {}
        }
    }
    if let Some(emojis) = wording::emojis(line) {
        shown.push_str(&format!("       {emojis}\n"));
    }
    shown
}
