//! What stands beside or instead of the words of a message, the same in every view: why there are none, what it answers,
//! which emojis it has. Words of other people are cleaned here (TX-1).

use serde_json::Value;

use crate::text;

/// Why a message shows no words; none if it has some.
#[must_use]
pub fn absent(line: &Value) -> Option<String> {
    Some(match line["kind"].as_str() {
        Some("text") => return None,
        Some("waiting") => "waiting for a key".to_owned(),
        Some("before_my_time") => "said before you joined".to_owned(),
        Some("broken") => "a message that can't be read".to_owned(),
        Some("damaged") => "damaged on this computer's disk".to_owned(),
        Some("deleted") if line["deleted_by"]["id"] == line["author"]["id"] => "deleted".to_owned(),
        Some("deleted") => format!("deleted by {}", name(&line["deleted_by"])),
        _ => "a newer kind of message (update to see it)".to_owned(),
    })
}

/// What a message says: its words, and below them a place and its files.
#[must_use]
pub fn said(line: &Value, indent: usize) -> String {
    let words = line["text"].as_str().filter(|words| !words.is_empty()).map(str::to_owned);
    let files = line["files"].as_array().into_iter().flatten().map(file);
    let rows = words.into_iter().chain(place(&line["location"])).chain(files);
    text::block(&rows.collect::<Vec<_>>().join("\n"), indent)
}

/// `[picture] quay.jpg, 1.2 MB, 4032 × 3024, not fetched yet`.
#[must_use]
pub fn file(file: &Value) -> String {
    let kind = match file["kind"].as_str() {
        Some("image") => "picture",
        Some("voice") => "voice memo",
        Some("video") => "film",
        _ => "file",
    };
    let name = file["name"].as_str().map(text::line).filter(|name| !name.trim().is_empty());
    let size = file["size"].as_u64().unwrap_or_default();
    let sides =
        file["width"].as_u64().zip(file["height"].as_u64()).map(|(width, height)| format!("{width} × {height}"));
    let original = (file["original"] == true).then(|| "with original data".to_owned());
    let state = match file["state"].as_str() {
        Some("absent") => Some("not fetched yet".to_owned()),
        Some("partial") => {
            let have = file["have"].as_u64().unwrap_or_default();
            Some(format!("{} % here", have.saturating_mul(100) / size.max(1)))
        }
        _ => None,
    };
    let alt = file["alt"].as_str().map(text::line).filter(|alt| !alt.trim().is_empty());
    let parts = name.into_iter().chain([bytes(size)]).chain(sides).chain(original).chain(state).chain(alt);
    format!("[{kind}] {}", parts.collect::<Vec<_>>().join(", "))
}

/// `1.2 MB`: thousands, as on the boxes of disks.
#[must_use]
pub fn bytes(count: u64) -> String {
    let (mut whole, mut tenths, mut unit) = (count, 0, "bytes");
    for larger in ["KB", "MB", "GB"] {
        if whole < 1_000 {
            break;
        }
        (tenths, whole, unit) = (whole % 1_000 / 100, whole / 1_000, larger);
    }
    if unit == "bytes" || whole >= 10 { format!("{whole} {unit}") } else { format!("{whole}.{tenths} {unit}") }
}

/// `Place: the quay, near Lisbon, PT, within 1 km (38.71500, -9.14500)`. A name that the sender gave comes
/// first, what this computer knows second, so that nobody is sent elsewhere by a name (LO-6).
fn place(place: &Value) -> Option<String> {
    let (lat, lon) = (place["lat"].as_f64()?, place["lon"].as_f64()?);
    let radius = match place["radius_m"].as_u64()? {
        metres @ 0..1_000 => format!("within {metres} m"),
        metres => format!("within {} km", metres.div_ceil(1_000)),
    };
    let label = place["label"].as_str().map(text::line).filter(|label| !label.trim().is_empty());
    let near = place["near"].as_str().map(str::to_owned);
    let near = near.filter(|near| label.as_ref().is_none_or(|label| *near != format!("near {label}")));
    let parts = label.into_iter().chain(near).chain([radius]);
    Some(format!("Place: {} ({lat:.5}, {lon:.5})", parts.collect::<Vec<_>>().join(", ")))
}

/// The message that another one answers, in one row; none if it answers none.
#[must_use]
pub fn answered(line: &Value) -> Option<String> {
    let quoted = &line["reply_to"];
    quoted.as_object()?;
    let words = quoted["text"].as_str().unwrap_or_default().lines().next().unwrap_or_default();
    Some(match quoted["kind"].as_str() {
        None => "a message that isn't here".to_owned(),
        Some("deleted") => format!("{}: deleted", name(&quoted["author"])),
        Some("text") if words.is_empty() => format!("{}: a place or a file", name(&quoted["author"])),
        Some(_) => format!("{}: {}", name(&quoted["author"]), text::line(words)),
    })
}

/// `👍 3  🎉 1`; none if there are none.
#[must_use]
pub fn emojis(line: &Value) -> Option<String> {
    let each = line["reactions"].as_array()?.iter();
    let each = each.map(|one| format!("{} {}", text::line(one["emoji"].as_str().unwrap_or("?")), one["count"]));
    Some(each.collect::<Vec<_>>().join("  ")).filter(|row| !row.is_empty())
}

/// `(edited) (pinned)`, as far as it is so.
#[must_use]
pub fn notes(line: &Value) -> String {
    let edited = line["edited"].is_string().then_some("(edited)");
    let pinned = (line["pinned"] == true).then_some("(pinned)");
    edited.into_iter().chain(pinned).collect::<Vec<_>>().join(" ")
}

/// What somebody is called.
#[must_use]
pub fn name(person: &Value) -> String {
    let name = text::line(person["name"].as_str().unwrap_or_default());
    if name.trim().is_empty() { "?".to_owned() } else { name }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn lo_06_a_place_is_told_by_its_name_by_what_lies_there_and_by_numbers() {
        let place = |label: Option<&str>, near: Option<&str>, radius: u64| {
            let location = json!({ "lat": 38.715, "lon": -9.145, "radius_m": radius, "label": label, "near": near });
            said(&json!({ "text": "", "location": location }), 0)
        };
        let near = Some("near Lisbon, PT");
        assert_eq!(place(None, near, 1_000), "Place: near Lisbon, PT, within 1 km (38.71500, -9.14500)");
        assert_eq!(place(Some("Lisbon, PT"), near, 10_000), "Place: Lisbon, PT, within 10 km (38.71500, -9.14500)");
        assert_eq!(
            place(Some("the quay"), near, 25),
            "Place: the quay, near Lisbon, PT, within 25 m (38.71500, -9.14500)"
        );
        assert_eq!(place(Some(" "), None, 0), "Place: within 0 m (38.71500, -9.14500)");
        assert!(
            place(Some("Porto, PT"), near, 1_000).contains("Porto, PT, near Lisbon"),
            "a false name sends nobody away"
        );
        let far = place(Some("Lisbon, PT"), Some("480 km W of Lisbon, PT"), 25);
        assert!(far.contains("480 km W"), "{far}");
        let hostile = place(Some("\u{1b}[2J\u{202e}quay\nAna: yes"), near, 1_000);
        assert!(!hostile.contains(['\u{1b}', '\u{202e}', '\n']), "{hostile:?}");
    }

    #[test]
    fn lo_01_words_come_before_the_place_and_a_message_without_one_is_only_words() {
        let location = json!({ "lat": 0.5, "lon": 0.5, "radius_m": 1_000 });
        let both = said(&json!({ "text": "here", "location": location }), 0);
        assert_eq!(both, "here\nPlace: within 1 km (0.50000, 0.50000)");
        assert_eq!(said(&json!({ "text": "@name #x", "location": null }), 0), "@name #x");
        let quoted = json!({ "reply_to": { "kind": "text", "text": "", "author": { "name": "Ana" } } });
        assert_eq!(answered(&quoted).as_deref(), Some("Ana: a place or a file"));
    }

    #[test]
    fn a_file_is_told_by_its_kind_name_and_size_and_its_name_does_nothing() {
        let row = |value: Value| file(&value);
        let photo = json!({ "kind": "image", "name": "quay.jpg", "size": 1_234_567, "width": 4032, "height": 3024,
            "state": "absent", "original": false, "alt": null });
        assert_eq!(row(photo), "[picture] quay.jpg, 1.2 MB, 4032 × 3024, not fetched yet");
        let film = json!({ "kind": "video", "name": null, "size": 52_000_000, "state": "partial", "have": 26_000_000,
            "original": true });
        assert_eq!(row(film), "[film] 52 MB, with original data, 50 % here");
        let hostile =
            row(json!({ "kind": "file", "name": "a\u{1b}[2J\u{202e}b\nAna: yes", "size": 999, "state": "complete" }));
        assert!(!hostile.contains(['\u{1b}', '\u{202e}', '\n']) && hostile.ends_with("999 bytes"), "{hostile:?}");
    }
}
