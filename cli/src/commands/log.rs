//! `group log`: the membership log as text, as JSON, as a graph for `dot`, as a picture. All four say the same.
//!
//! DOT: <https://graphviz.org/doc/info/lang.html>. Names are other people's words: no picture trusts them.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use clap::Args;
use serde_json::Value;

use super::{id_of, the_group};
use crate::api::Api;
use crate::error::Diagnostic;
use crate::output::Output;
use crate::text;

/// `group log`.
#[derive(Debug, Args)]
pub struct Log {
    /// Which group
    group: Option<String>,
    /// As a graph for `dot -Tpdf`, one lane per person
    #[arg(long, conflicts_with = "svg")]
    dot: bool,
    /// As a picture, one lane per person
    #[arg(long)]
    svg: bool,
}

/// Characters of an id that are shown.
const SHOWN: usize = 8;

/// `group log`.
///
/// # Errors
/// What the node says, or a name that fits nothing.
pub async fn run(api: &Api, output: &Output, wish: Log) -> Result<(), Diagnostic> {
    let group = the_group(api, wish.group.as_deref()).await?;
    let log = api.get(&format!("/groups/{}/log", id_of(&group))).await?;
    output.object(&log, || match (wish.dot, wish.svg) {
        (true, _) => dot(&log),
        (_, true) => svg(&log),
        (false, false) => listing(&log),
    });
    Ok(())
}

fn items<'a>(log: &'a Value, name: &str) -> impl Iterator<Item = &'a Value> {
    log[name].as_array().into_iter().flatten()
}

fn word<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name].as_str().unwrap_or_default()
}

fn short(id: &str) -> String {
    id.chars().take(SHOWN).collect()
}

/// A name, and what tells two of the same name apart.
fn author(operation: &Value) -> String {
    format!("{} {}", text::line(word(operation, "author_name")), short(word(operation, "author")))
}

/// What became of an operation, and by which rule.
fn verdict(operation: &Value) -> String {
    match operation["rule"].as_str() {
        Some(rule) => format!("{} ({rule})", word(operation, "verdict")),
        None => word(operation, "verdict").to_owned(),
    }
}

fn does(operation: &Value) -> String {
    text::line(word(operation, "does"))
}

fn listing(log: &Value) -> String {
    let mut lines = Vec::new();
    for operation in items(log, "operations") {
        let (id, who) = (short(word(operation, "id")), author(operation));
        let (at, does, verdict) = (operation["lamport"].to_string(), does(operation), verdict(operation));
        lines.push(format!("{at:>6} {id} {who:<20} {does}: {verdict}"));
    }
    lines.extend(log["waiting"].as_array().into_iter().flatten().filter_map(Value::as_str).map(|id| {
        let id = short(id);
        format!("       {id} waits for operations that are not here")
    }));
    lines.push("\noffices, senior first".to_owned());
    let mut holders: BTreeMap<&str, String> = BTreeMap::new();
    for (place, office) in items(log, "offices").enumerate() {
        let name = text::line(word(office, "name"));
        let standing = if office["standing"] == true { "stands" } else { "stands no more" };
        let depth = office["rank"].as_array().map_or(0, Vec::len);
        let id = short(word(office, "office"));
        lines.push(format!("{:>6} {id} {name}, {depth} promotion(s) from the founder: {standing}", place + 1));
        holders.insert(word(office, "office"), name);
    }
    // Names are people's own choice, and somebody may be called like another: the office tells them apart.
    let holder = |id: &str| holders.get(id).map_or_else(|| short(id), |name| format!("{name} {}", short(id)));
    let founders = log["operations"][0]["id"].as_str().unwrap_or_default();
    lines.push("\nseats".to_owned());
    lines.extend(items(log, "seats").filter_map(|seat| seat_line(seat, founders, &holder)));
    for proof in items(log, "proofs") {
        let (first, second) = (short(word(proof, "first")), short(word(proof, "second")));
        let what = match word(proof, "kind") {
            "fork" => "wrote two next operations",
            "rivalry" => "got two successors by the recovery codes",
            _ => "gave one seat twice",
        };
        lines.push(format!("\n{} {what}: {first} and {second}", short(word(proof, "who"))));
    }
    lines.push(format!("\nstate {}", word(log, "state_hash")));
    lines.join("\n")
}

/// A seat, unless it is free and the founder's: of these most logs have many.
fn seat_line(seat: &Value, founders: &str, holder: &impl Fn(&str) -> String) -> Option<String> {
    let (number, custody) = (seat["seat"].to_string(), holder(word(seat, "custody")));
    let Some(name) = seat["name"].as_str().map(text::line) else {
        let is_elsewhere = word(seat, "custody") != founders;
        return is_elsewhere.then(|| format!("{number:>6} free, in the hands of {custody}"));
    };
    let given = match (seat["issuer"].as_str(), seat["confirmed_by"].as_str()) {
        (None, _) => String::new(),
        (Some(by), Some(confirm)) => format!(", by a link of {}, confirmed by {}", holder(by), short(confirm)),
        (Some(by), None) => format!(", by a link of {}, not confirmed", holder(by)),
    };
    Some(format!("{number:>6} {name}{given}; custody {custody}"))
}

/// People in the order in which they come, each with the places of their operations.
fn lanes(log: &Value) -> Vec<(String, Vec<(usize, &Value)>)> {
    let mut lanes: Vec<(String, Vec<(usize, &Value)>)> = Vec::new();
    for (place, operation) in items(log, "operations").enumerate() {
        let name = author(operation);
        match lanes.iter_mut().find(|lane| lane.0 == name) {
            Some(lane) => lane.1.push((place, operation)),
            None => lanes.push((name, vec![(place, operation)])),
        }
    }
    lanes
}

/// From an operation to those that it rests on, by place.
fn arrows(log: &Value) -> Vec<(usize, usize)> {
    let places: BTreeMap<&str, usize> =
        items(log, "operations").enumerate().map(|(place, operation)| (word(operation, "id"), place)).collect();
    let to = |dep: &Value| places.get(dep.as_str()?).copied();
    items(log, "operations")
        .enumerate()
        .flat_map(|(from, operation)| items(operation, "deps").filter_map(to).map(move |to| (from, to)))
        .collect()
}

fn dot(log: &Value) -> String {
    let mut text = "digraph log {\n  rankdir=RL;\n  node [shape=box, fontname=monospace];\n".to_owned();
    for (lane, (name, operations)) in lanes(log).into_iter().enumerate() {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "  subgraph cluster_{lane} {{\n    label={};", quoted(&name));
        for (place, operation) in operations {
            let label = format!("{} {}\n{}", short(word(operation, "id")), does(operation), verdict(operation));
            let style = if operation["rule"].is_null() { "solid" } else { "dashed" };
            let _ = writeln!(text, "    n{place} [label={}, style={style}];", quoted(&label));
        }
        text.push_str("  }\n");
    }
    for (from, to) in arrows(log) {
        let _ = writeln!(text, "  n{from} -> n{to};");
    }
    text.push('}');
    text
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n"))
}

/// Sizes of the picture, in pixels.
const LANE: usize = 70;
const COLUMN: usize = 190;
const BOX: (usize, usize) = (170, 44);
const MARGIN: usize = 160;

fn svg(log: &Value) -> String {
    let lanes = lanes(log);
    let columns = items(log, "operations").count();
    let (width, height) = (MARGIN + columns * COLUMN + 20, lanes.len() * LANE + 30);
    let mut text = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" \
         font-family=\"monospace\" font-size=\"10\">\n\
         <rect width=\"{width}\" height=\"{height}\" fill=\"#fff\"/>\n"
    );
    let mut at: BTreeMap<usize, (usize, usize)> = BTreeMap::new();
    for (lane, (_, operations)) in lanes.iter().enumerate() {
        at.extend(operations.iter().map(|(place, _)| (*place, (MARGIN + place * COLUMN, 20 + lane * LANE))));
    }
    for (from, to) in arrows(log) {
        let (Some(&(x1, y1)), Some(&(x2, y2))) = (at.get(&from), at.get(&to)) else { continue };
        let (y1, x2, y2) = (y1 + BOX.1 / 2, x2 + BOX.0, y2 + BOX.1 / 2);
        let _ = writeln!(text, "<line x1=\"{x1}\" y1=\"{y1}\" x2=\"{x2}\" y2=\"{y2}\" stroke=\"#888\"/>");
    }
    for (lane, (name, operations)) in lanes.iter().enumerate() {
        let _ = writeln!(text, "<text x=\"8\" y=\"{}\">{}</text>", 20 + lane * LANE + BOX.1 / 2, escaped(name));
        for (place, operation) in operations {
            let (x, y) = at.get(place).copied().unwrap_or_default();
            text.push_str(&picture_of(operation, x, y));
        }
    }
    text.push_str("</svg>");
    text
}

/// One operation: a box, dashed if it is void, with the whole text as its title.
fn picture_of(operation: &Value, x: usize, y: usize) -> String {
    let (id, does, verdict) = (short(word(operation, "id")), does(operation), verdict(operation));
    let dash = if operation["rule"].is_null() { "" } else { " stroke-dasharray=\"4 3\"" };
    let (width, height) = BOX;
    let line = |n: usize, text: &str| {
        let cut: String = text.chars().take(27).collect();
        format!("<text x=\"{}\" y=\"{}\">{}</text>", x + 5, y + 12 * n, escaped(&cut))
    };
    let title = escaped(&format!("{id} {does}: {verdict}"));
    format!(
        "<g><title>{title}</title><rect x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{height}\" fill=\"#eef\" \
         stroke=\"#333\"{dash}/>{}{}{}</g>\n",
        line(1, &id),
        line(2, &does),
        line(3, &verdict)
    )
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn log() -> Value {
        let one = |id: &str, author: &str, deps: &[&str], rule: Option<&str>| {
            json!({ "id": id, "lamport": 1, "author": author, "author_name": "A\u{1b}[2J\"<b>", "deps": deps,
                "does": "sets 1", "verdict": if rule.is_some() { "void: beyond the pin" } else { "counts" }, "rule": rule })
        };
        json!({ "operations": [one("aa", "m1", &[], None), one("bb", "m2", &["aa"], Some("MB-F1"))], "waiting": ["cc"],
            "offices": [{ "office": "aa", "holder": "m1", "name": "founder", "rank": [], "standing": true },
                { "office": "bb", "holder": "m2", "name": "founder", "rank": [[1, "bb"]], "standing": true }],
            "seats": [{ "seat": 3, "custody": "bb", "custodian": "bb", "occupant": "m2", "name": "founder",
                "issuer": "bb", "confirmed_by": "bb" }, { "seat": 4, "custody": "bb", "custodian": "bb" },
                { "seat": 5, "custody": "aa", "custodian": "aa" }],
            "proofs": [{ "kind": "fork", "who": "m1", "first": "aa", "second": "bb" },
                { "kind": "rivalry", "who": "aa", "first": "bb", "second": "ff" }], "state_hash": "dd" })
    }

    #[test]
    fn cl_07_the_four_forms_say_the_same_and_names_end_no_string() {
        let (list, graph, picture) = (listing(&log()), dot(&log()), svg(&log()));
        for said in [&list, &graph, &picture] {
            assert!(said.contains("void: beyond the pin (MB-F1)") && !said.contains('\u{1b}'), "{said}");
        }
        for line in [
            "     3 founder, by a link of founder bb, confirmed by bb; custody founder bb",
            "     4 free, in the hands of founder bb",
            "m1 wrote two next operations: aa and bb",
            "aa got two successors by the recovery codes: bb and ff",
        ] {
            assert!(list.contains(line), "{line} in\n{list}");
        }
        assert!(!list.contains("     5 "), "free seats of the founder are many");
        assert!(list.contains("cc waits") && list.ends_with("state dd"));
        assert!(graph.contains("n1 -> n0") && graph.contains("style=dashed") && graph.contains("\\\"<b>"));
        assert!(
            picture.contains("&quot;&lt;b&gt;") && !picture.contains("<b>") && picture.matches("<line").count() == 1
        );
        assert_eq!(picture.matches("stroke-dasharray").count(), 1);
    }
}
