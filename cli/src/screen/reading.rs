//! From the node's objects to what the screen keeps. Here, and only here, words of other people come in: each is
//! cleaned at once (TX-1).

use coterie_node::api::types::read_id;
use serde_json::Value;

use super::state::{Delivery, Group, Line, Link, Mark, Person, Preview, Words};
use crate::{text, when, wording};

/// A group of the list.
#[must_use]
pub fn group(value: &Value) -> Group {
    let number = |value: &Value| value.as_u64().unwrap_or_default();
    Group {
        id: plain(&value["id"]),
        name: plain(&value["name"]),
        seated: number(&value["seats"]["occupied"]),
        online: number(&value["online"]),
        waiting: number(&value["waiting"]["messages"]),
        closed: closed(value["state"].as_str().unwrap_or_default()),
        me: plain(&value["me"]),
        unread: 0,
        is_muted: value["muted"] == true,
    }
}

fn closed(state: &str) -> Option<&'static str> {
    match state {
        "joining" => Some("An organiser has to confirm you first."),
        "left" => Some("You have left this group. What was said stays readable here."),
        "removed" => Some("You were removed from this group. What was said stays readable here."),
        "seat_lost" => Some("Somebody else has your seat. Ask an organiser for a new link."),
        "newer" => Some("This group needs a newer Coterie."),
        _ => None,
    }
}

/// A line of the timeline; none for what doesn't count any more.
#[must_use]
pub fn line(value: &Value) -> Option<Line> {
    let key = value["id"].as_str().or_else(|| value["outbox"].as_str())?;
    // What waits to be done to another message is no line.
    if value["counts"] == false || value["kind"] == "annotation" {
        return None;
    }
    let words = match wording::absent(value) {
        Some(why) => Words::Absent(why),
        None => Words::Said(wording::said(value, 0)),
    };
    Some(Line {
        key: key.to_owned(),
        place: value["cursor"].as_str().and_then(read_id),
        author: plain(&value["author"]["id"]),
        name: wording::name(&value["author"]),
        mark: mark(&value["author"]["role"]),
        at: value["at"].as_str().and_then(|at| at.parse().ok()),
        answers: wording::answered(value),
        words,
        notes: wording::notes(value),
        is_pinned: value["pinned"] == true,
        emojis: wording::emojis(value),
        mine: own_emojis(&value["reactions"]),
        delivery: delivery(&value["delivery"]),
    })
}

fn own_emojis(reactions: &Value) -> Vec<String> {
    let own = reactions.as_array().into_iter().flatten().filter(|one| one["mine"] == true);
    own.map(|one| plain(&one["emoji"])).collect()
}

/// How far it got; none for messages of others.
#[must_use]
pub fn delivery(value: &Value) -> Option<Delivery> {
    match value["state"].as_str()? {
        "queued" => Some(Delivery::Queued),
        "saved" => Some(Delivery::Saved),
        _ => Some(Delivery::Reached(value["reached"].as_u64()?, value["due"].as_u64()?)),
    }
}

/// Somebody in the group.
#[must_use]
pub fn person(value: &Value) -> Person {
    Person {
        id: plain(&value["id"]),
        name: wording::name(value),
        mark: mark(&value["role"]),
        seat: value["seat"].as_u64().unwrap_or_default(),
        online: value["online"] == true,
        me: value["me"] == true,
    }
}

/// A link to hand out.
#[must_use]
pub fn link(group: &Value, value: &Value) -> Link {
    let notice = plain(&group["notice"]);
    Link {
        group: plain(&group["name"]),
        notice: notice.split_inclusive(". ").map(str::to_owned).collect(),
        link: plain(&value["link"]),
        short: plain(&value["short_link"]),
        until: when::day_and_clock(&value["expires"]),
    }
}

/// A group that may be joined.
#[must_use]
pub fn preview(join: &Value) -> Preview {
    let seen = &join["preview"];
    Preview {
        join: plain(&join["id"]),
        group: plain(&seen["group"]),
        about: plain(&seen["about"]),
        members: seen["members"].as_u64().unwrap_or_default(),
    }
}

/// The objects of a page.
pub fn items(page: &Value) -> impl Iterator<Item = &Value> {
    page["items"].as_array().into_iter().flatten()
}

fn mark(role: &Value) -> Mark {
    match role.as_str() {
        Some("founder" | "admin") => Mark::Organiser,
        Some("guest") => Mark::Guest,
        _ => Mark::Member,
    }
}

/// One cleaned line.
#[must_use]
pub fn plain(value: &Value) -> String {
    text::line(value.as_str().unwrap_or_default())
}
