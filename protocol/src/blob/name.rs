//! File names from strangers, made safe to show and to save.
//!
//! A name is the sender's claim and may be a path, a device of some system, or text that reads backwards. What is left
//! here can be a file's name on every system that the program runs on; whether a file of that name exists is for the shell.
#![cfg_attr(not(test), deny(clippy::arithmetic_side_effects, clippy::as_conversions))]

use alloc::format;
use alloc::string::String;

use crate::limits::FILE_NAME_BYTES_MAX;

/// Names that mean devices on Windows, with any ending.
const DEVICES: [&str; 6] = ["con", "prn", "aux", "nul", "conin$", "conout$"];
/// These too, followed by one digit.
const NUMBERED_DEVICES: [&str; 2] = ["com", "lpt"];
/// An ending up to this long survives when a long name is cut, with its dot.
const ENDING_BYTES_MAX: usize = 16;

/// Rule MM-9: the last component of a path, without control and bidirectional characters and without leading dots, at most
/// 120 bytes, and never a device of Windows. What Windows takes in no name (`< > : " | ? *`) becomes `_`, because `a:b` there
/// means another file. Nothing left: `file`. Cleaning twice changes nothing more.
#[must_use]
pub fn clean_name(name: &str) -> String {
    let is_slash = |c: char| matches!(c, '/' | '\\');
    let last = name.trim_end_matches(is_slash).rsplit(is_slash).next().unwrap_or_default();
    let plain: String = last.chars().filter(|c| !is_harmful(*c)).map(for_every_system).collect();
    let trimmed = plain.trim_start_matches(is_loose).trim_end_matches(is_loose);
    let safe = if is_device(trimmed) { format!("_{trimmed}") } else { String::from(trimmed) };
    let short = cut(&safe);
    if short.is_empty() { String::from("file") } else { short }
}

/// Control characters, and those that change the direction or break the line of what follows.
fn is_harmful(c: char) -> bool {
    c.is_control()
        || matches!(
            c,
            '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}'
        )
}

const fn for_every_system(c: char) -> char {
    if matches!(c, '<' | '>' | ':' | '"' | '|' | '?' | '*') { '_' } else { c }
}

/// At the start it hides a file, at the end Windows drops it.
const fn is_loose(c: char) -> bool {
    c == '.' || c.is_whitespace()
}

fn is_device(name: &str) -> bool {
    let stem = name.split('.').next().unwrap_or_default().trim_end().to_lowercase();
    let is_numbered = |device: &str| {
        let number = stem.strip_prefix(device);
        number.is_some_and(|number| matches!(number, "¹" | "²" | "³") || is_digit(number))
    };
    DEVICES.contains(&stem.as_str()) || NUMBERED_DEVICES.iter().any(|device| is_numbered(device))
}

fn is_digit(text: &str) -> bool {
    text.len() == 1 && text.chars().all(|c| c.is_ascii_digit())
}

/// At most 120 bytes, cut between characters; a short ending stays.
fn cut(name: &str) -> String {
    if name.len() <= FILE_NAME_BYTES_MAX {
        return String::from(name);
    }
    let dot = name.rfind('.').unwrap_or(name.len());
    let (stem, ending) = name.split_at_checked(dot).unwrap_or((name, ""));
    let (stem, ending) = if ending.len() <= ENDING_BYTES_MAX { (stem, ending) } else { (name, "") };
    let room = FILE_NAME_BYTES_MAX.saturating_sub(ending.len());
    let stem = stem.get(..stem.floor_char_boundary(room)).unwrap_or_default();
    format!("{}{ending}", stem.trim_end_matches(is_loose))
}
