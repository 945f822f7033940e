//! The picture of a run: lanes are hosts, x is time; bands are cut paths, arrows the ways of a few messages, and two
//! strips below say how many rosters were alike and how much was sent.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::page::escape;
use super::strips;
use crate::oracle::Journey;
use crate::scenario::{Act, Scenario};
use crate::trace::{Line, clock_text};
use crate::world::{Outcome, Verdict, World};

pub(super) const WIDTH: u64 = 1_120;
pub(super) const LEFT: u64 = 64;
pub(super) const RIGHT: u64 = 16;
const TOP: u64 = 34;
/// Height of the strips below the lanes.
const STRIPS: u64 = 178;
/// Dots beyond this are merged by place.
const DOTS_MAX: usize = 6_000;
/// Messages whose way is drawn; more would hide the rest.
const WAYS_MAX: usize = 8;
const HUES: [u16; 6] = [212, 24, 140, 285, 55, 340];
/// Seconds between two marks of the time, the first that gives at most ten.
const STEPS_S: [u64; 15] = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1_800, 3_600, 21_600, 86_400, 604_800];

pub(super) struct Frame<'a> {
    scenario: &'a Scenario,
    pub(super) end_us: u64,
    lane: u64,
}

impl Frame<'_> {
    pub(super) fn x(&self, t: u64) -> u64 {
        LEFT + (WIDTH - LEFT - RIGHT).saturating_mul(t.min(self.end_us)) / self.end_us.max(1)
    }

    fn y(&self, host: u16) -> u64 {
        TOP + self.lane * u64::from(host) + self.lane / 2
    }

    pub(super) fn bottom(&self) -> u64 {
        TOP + self.lane * u64::from(self.scenario.host_count())
    }
}

/// The picture and its legend.
pub(super) fn figure(scenario: &Scenario, world: &World, outcome: &Outcome) -> String {
    let lines: Vec<&Line> = world.trace.lines().filter(|line| line.t > 0).collect();
    let lane = if scenario.host_count() > 24 { 12 } else { 26 };
    let frame = Frame { scenario, end_us: outcome.time_us.max(1), lane };
    let height = frame.bottom() + STRIPS;
    let mut out = format!("<figure><svg viewBox=\"0 0 {WIDTH} {height}\" role=\"img\" aria-label=\"timeline\">");
    out.push_str(&hatches());
    out.push_str(&bands(&frame));
    out.push_str(&lanes(&frame));
    out.push_str(&settling(&frame, outcome));
    out.push_str(&downs(&frame, &lines));
    out.push_str(&dots(&frame, &lines));
    out.push_str(&ways(&frame, world));
    out.push_str(&moments(&frame, outcome));
    out.push_str(&strips::alike(&frame, world.census()));
    out.push_str(&strips::everywhere(&frame, &world.oracle.journeys()));
    out.push_str(&strips::traffic(&frame, &lines));
    out.push_str(LEGEND);
    out
}

const LEGEND: &str = "</svg><figcaption><span class=\"k d\"></span>message shown <span class=\"k s\"></span>said <span class=\"k a\"></span>way of a message that the story names <span class=\"k b\"></span>the slowest one <span class=\"k c\"></span>crash <span class=\"k p\"></span>paths cut, a colour for each side <span class=\"k o\"></span>off or asleep <span class=\"k g\"></span>everybody agrees</figcaption></figure>";

fn hatches() -> String {
    let one = |(index, hue): (usize, &u16)| {
        let turn = 45 + 30 * index;
        format!(
            "<pattern id=\"h{index}\" width=\"6\" height=\"6\" patternUnits=\"userSpaceOnUse\" patternTransform=\"rotate({turn})\"><rect width=\"6\" height=\"6\" fill=\"hsl({hue} 70% 60% / .16)\"/><line x1=\"0\" y1=\"0\" x2=\"0\" y2=\"6\" stroke=\"hsl({hue} 70% 50% / .35)\" stroke-width=\"1.2\"/></pattern>"
        )
    };
    let tip = "<marker id=\"tip\" viewBox=\"0 0 8 8\" refX=\"7\" refY=\"4\" markerWidth=\"5\" markerHeight=\"5\" orient=\"auto\"><path d=\"M0 0L8 4L0 8Z\" fill=\"context-stroke\"/></marker>";
    format!("<defs>{tip}{}</defs>", HUES.iter().enumerate().map(one).collect::<String>())
}

/// A time in which paths were cut: from when to when, what it is called, and who stands on which side.
type Cut = (u64, u64, String, Vec<Vec<u16>>);

fn cuts(frame: &Frame<'_>) -> Vec<Cut> {
    let acts = &frame.scenario.timed;
    let heal_after = |at: u64| {
        let heal = acts.iter().find(|timed| timed.at_us > at && matches!(timed.act, Act::Heal(_) | Act::Split(_)));
        heal.map_or(frame.end_us, |timed| timed.at_us)
    };
    let cut = |timed: &crate::scenario::Timed| {
        let (parts, until) = match &timed.act {
            Act::Split(parts) => (parts.clone(), heal_after(timed.at_us)),
            Act::Isolate(hosts) | Act::Ring(hosts) => (vec![hosts.clone()], heal_after(timed.at_us)),
            Act::Bridge { left, right, .. } => (vec![left.clone(), right.clone()], heal_after(timed.at_us)),
            Act::Graph { .. } => (vec![(0..frame.scenario.host_count()).collect()], heal_after(timed.at_us)),
            Act::Flap { hosts, for_us, .. } | Act::Swizzle { hosts, for_us } => {
                (vec![hosts.clone()], timed.at_us + for_us)
            }
            Act::Cut { from, to, .. } => (vec![from.clone(), to.clone()], heal_after(timed.at_us)),
            _ => return None,
        };
        Some((timed.at_us, until, super::act_word(&timed.act).to_owned(), parts))
    };
    acts.iter().filter_map(cut).collect()
}

/// Times in which paths were cut, by side; neighbouring lanes of one side are one box.
fn bands(frame: &Frame<'_>) -> String {
    let mut out = String::new();
    for (from, until, word, parts) in cuts(frame) {
        let (x, end) = (frame.x(from), frame.x(until));
        let width = end.saturating_sub(x).max(2);
        for (side, hosts) in parts.iter().enumerate() {
            for (first, last) in runs(hosts) {
                let (y, bottom) = (frame.y(first) - frame.lane / 2, frame.y(last) + frame.lane / 2);
                let _ = write!(
                    out,
                    "<rect class=\"band\" x=\"{x}\" y=\"{}\" width=\"{width}\" height=\"{}\" rx=\"5\" fill=\"url(#h{})\"><title>{word} at {}</title></rect>",
                    y + 1,
                    bottom - y - 2,
                    side % HUES.len(),
                    clock_text(from)
                );
                if side == 0 && width > 40 {
                    let _ = write!(out, "<text class=\"bandlabel\" x=\"{}\" y=\"{}\">{word}</text>", x + 5, y + 10);
                }
            }
        }
    }
    out
}

/// Ascending numbers as runs of neighbours.
fn runs(hosts: &[u16]) -> Vec<(u16, u16)> {
    let mut sorted = hosts.to_vec();
    sorted.sort_unstable();
    let mut runs: Vec<(u16, u16)> = Vec::new();
    for host in sorted {
        match runs.last_mut() {
            Some((_, last)) if *last + 1 == host => *last = host,
            _ => runs.push((host, host)),
        }
    }
    runs
}

fn lanes(frame: &Frame<'_>) -> String {
    let mut out = String::new();
    let every = if frame.lane < 20 { 10 } else { 1 };
    for host in 0..frame.scenario.host_count() {
        let y = frame.y(host);
        let _ = write!(out, "<line class=\"lane\" x1=\"{LEFT}\" y1=\"{y}\" x2=\"{}\" y2=\"{y}\"/>", WIDTH - RIGHT);
        if host % every == 0 {
            let name = escape(&frame.scenario.host_name(host));
            let _ = write!(out, "<text x=\"{}\" y=\"{}\" text-anchor=\"end\">{name}</text>", LEFT - 10, y + 4);
        }
    }
    let seconds = frame.end_us / 1_000_000;
    let step = STEPS_S.iter().copied().find(|step| seconds / step <= 10).unwrap_or(seconds / 10 + 1);
    for tick in 0..=seconds / step {
        let t = tick * step * 1_000_000;
        let (x, label) = (frame.x(t), tick_text(t));
        let _ = write!(
            out,
            "<line class=\"tick\" x1=\"{x}\" y1=\"{}\" x2=\"{x}\" y2=\"{}\"/><text class=\"time\" x=\"{x}\" y=\"{}\" text-anchor=\"middle\">{label}</text>",
            TOP - 4,
            frame.bottom(),
            TOP - 12
        );
    }
    out
}

/// A moment without its fractions, and without hours if there are none.
fn tick_text(t: u64) -> String {
    let text = clock_text(t);
    let whole = text.split('.').next().unwrap_or_default();
    whole.strip_prefix("00:").unwrap_or(whole).to_owned()
}

/// From the healing until everybody agreed.
fn settling(frame: &Frame<'_>, outcome: &Outcome) -> String {
    let Some(took) = outcome.t_msg_us else { return String::new() };
    let (x, end) = (frame.x(outcome.healed_us), frame.x(outcome.healed_us + took));
    let (width, height) = (end.saturating_sub(x), frame.bottom() - TOP);
    format!("<rect class=\"settle\" x=\"{x}\" y=\"{TOP}\" width=\"{width}\" height=\"{height}\"/>")
}

/// Machines that were off or asleep, and where they crashed.
fn downs(frame: &Frame<'_>, lines: &[&Line]) -> String {
    let mut since: BTreeMap<u16, u64> = BTreeMap::new();
    let mut out = String::new();
    let mut bar = |host: u16, from: u64, to: u64| {
        let (x, y) = (frame.x(from), frame.y(host) - 7);
        let width = frame.x(to).saturating_sub(x).max(2);
        let _ = write!(out, "<rect class=\"off\" x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"14\" rx=\"3\"/>");
    };
    let mut crosses = String::new();
    for line in lines {
        let Some(host) = line.host else { continue };
        match line.kind.as_str() {
            "crash" | "stop" | "pause" => {
                since.entry(host).or_insert(line.t);
                if line.kind == "crash" {
                    let (x, y) = (frame.x(line.t), frame.y(host));
                    let _ = write!(
                        crosses,
                        "<path class=\"crash\" d=\"M{} {}l8 8m0 -8l-8 8\"><title>{}</title></path>",
                        x.saturating_sub(4),
                        y - 4,
                        clock_text(line.t)
                    );
                }
            }
            "boot" | "resume" => {
                if let Some(from) = since.remove(&host) {
                    bar(host, from, line.t);
                }
            }
            _ => {}
        }
    }
    since.into_iter().for_each(|(host, from)| bar(host, from, frame.end_us));
    out + &crosses
}

fn dots(frame: &Frame<'_>, lines: &[&Line]) -> String {
    let mut places: BTreeMap<(u64, u16, bool), u32> = BTreeMap::new();
    for line in lines {
        let is_shown = line.kind == "event" && line.what.starts_with("message");
        let is_said = line.kind == "wish" && line.what.starts_with("say");
        if let Some(host) = line.host.filter(|_| is_shown || is_said) {
            *places.entry((frame.x(line.t), host, is_said)).or_default() += 1;
        }
    }
    let mut out = String::new();
    for ((x, host, is_said), count) in places.into_iter().take(DOTS_MAX) {
        let radius = if count > 4 { "3.4" } else { "2.2" };
        let class = if is_said { "said" } else { "dot" };
        let y = frame.y(host) - if is_said { 6 } else { 0 };
        let _ = write!(out, "<circle class=\"{class}\" cx=\"{x}\" cy=\"{y}\" r=\"{radius}\"/>");
    }
    out
}

/// The ways of messages: those that the story names, the first, and the one that took longest.
fn ways(frame: &Frame<'_>, world: &World) -> String {
    let journeys = world.oracle.journeys();
    let took = |journey: &Journey| journey.shown_us.iter().map(|(_, at)| at.saturating_sub(journey.said_us)).max();
    let mut chosen: Vec<(&Journey, &str, String)> = Vec::new();
    for (name, entry) in world.labelled() {
        if let Some(journey) = journeys.iter().find(|journey| journey.entry == *entry) {
            chosen.push((journey, "named", name.clone()));
        }
    }
    let first = journeys.iter().filter(|journey| journey.said_us > 0).min_by_key(|journey| journey.said_us);
    chosen.extend(first.map(|journey| (journey, "first", "the first message".to_owned())));
    chosen.truncate(WAYS_MAX);
    let slowest = journeys.iter().max_by_key(|journey| took(journey));
    chosen.extend(slowest.map(|journey| (journey, "slow", "the slowest message".to_owned())));
    let mut out = String::new();
    for (journey, class, name) in chosen {
        let (x, y) = (frame.x(journey.said_us), frame.y(journey.author));
        for &(host, at) in journey.shown_us.iter().filter(|(host, _)| *host != journey.author) {
            let (to_x, to_y) = (frame.x(at), frame.y(host));
            // A bow, so that ways in one lane's column do not lie on each other.
            let (mid_x, mid_y) = (x.midpoint(to_x) + 14, y.midpoint(to_y));
            let took = at.saturating_sub(journey.said_us) / 1_000;
            let _ = write!(
                out,
                "<path class=\"way {class}\" d=\"M{x} {y}Q{mid_x} {mid_y} {to_x} {to_y}\"><title>{}: {} to {} in {took} ms</title></path>",
                escape(&name),
                escape(&frame.scenario.host_name(journey.author)),
                escape(&frame.scenario.host_name(host))
            );
        }
    }
    out
}

/// The healing, the agreement, and what failed.
fn moments(frame: &Frame<'_>, outcome: &Outcome) -> String {
    let bottom = frame.bottom();
    let mut out = String::new();
    let mut line = |at: u64, class: &str, anchor: &str, text: &str| {
        let x = frame.x(at);
        let label_x = if anchor == "end" { x.saturating_sub(4) } else { x + 4 };
        let _ = write!(
            out,
            "<line class=\"{class}\" x1=\"{x}\" y1=\"{}\" x2=\"{x}\" y2=\"{bottom}\"/><text class=\"{class}\" x=\"{label_x}\" y=\"{}\" text-anchor=\"{anchor}\">{}</text>",
            TOP - 4,
            bottom + 14,
            escape(text)
        );
    };
    if outcome.healed_us > 0 {
        line(outcome.healed_us, "heal", "end", "last fault ends");
    }
    if let Some(took) = outcome.t_msg_us {
        let text = format!("everybody agrees after {}.{} s", took / 1_000_000, took % 1_000_000 / 100_000);
        let at = outcome.healed_us + took;
        line(at, "agree", if frame.x(at) > WIDTH - 220 { "end" } else { "start" }, &text);
    }
    if let Verdict::Failed(violation) = &outcome.verdict {
        line(violation.story_us, "fail", "end", &violation.id);
    }
    out
}
