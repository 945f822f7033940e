//! Words and pages about runs.

mod page;
mod strips;
mod sum;
mod timeline;

pub use page::{page, sum_page};
pub use sum::{Failure, Sized, Sum};

use coterie_protocol::Event;

use crate::oracle::Violation;
use crate::scenario::{Act, Scenario};
use crate::trace::{Line, clock_text};
use crate::world::{Outcome, Verdict, World};

/// A line of the trace in fixed columns.
#[must_use]
pub fn line_text(scenario: &Scenario, line: &Line) -> String {
    let name = |id: u16| scenario.host_name(id);
    let who = match (line.host, line.to) {
        (Some(host), Some(to)) => format!("{}>{}", name(host), name(to)),
        (Some(host), None) => name(host),
        (None, _) => String::new(),
    };
    format!("{} {:>8}  {who:<9} {:<9} {}", clock_text(line.t), line.n, line.kind, line.what)
}

/// What failed, in the first line of its report.
#[must_use]
pub fn failure_text(scenario: &Scenario, violation: &Violation) -> String {
    let host = scenario.host_name(violation.host);
    format!("FAIL {} at {} on {host}: {}", violation.id, clock_text(violation.story_us), violation.text)
}

/// How a run ended.
#[must_use]
pub fn verdict_text(scenario: &Scenario, outcome: &Outcome) -> String {
    let word = if outcome.verdict == Verdict::Good { "PASS" } else { "FAIL" };
    let ms = |us: Option<u64>| us.map_or_else(|| "never".into(), |us| format!("{} ms", us / 1_000));
    format!(
        "{word} \"{}\" seed {}: {} simulated, {} events, {} messages, T_msg {}, T_members {}, trace {}",
        scenario.name,
        scenario.seed,
        clock_text(outcome.time_us),
        outcome.events,
        outcome.latencies_us.len(),
        ms(outcome.t_msg_us),
        ms(outcome.t_members_us),
        outcome.hash.get(..16).unwrap_or_default()
    )
}

/// A run as lines of JSON: a head, the trace, the sum.
#[must_use]
pub fn jsonl(scenario: &Scenario, world: &World, outcome: &Outcome) -> String {
    let head = serde_json::json!({"schema": "coterie.sim/1", "seed": scenario.seed, "scenario": scenario.to_text()});
    let good = outcome.verdict == Verdict::Good;
    let last =
        serde_json::json!({"good": good, "trace": outcome.hash, "events": outcome.events, "time_us": outcome.time_us});
    let lines = world.trace.lines().filter_map(|line| serde_json::to_string(line).ok());
    let all = std::iter::once(head.to_string()).chain(lines).chain([last.to_string()]);
    all.collect::<Vec<_>>().join("\n") + "\n"
}

/// What an event of a core says in the trace; nothing for the frequent ones.
#[must_use]
pub fn event_text(event: &Event) -> Option<String> {
    Some(match event {
        Event::Member { member, change, .. } => format!("member {member:?} {change:?}"),
        Event::Message { message, .. } => format!("message {:?} {:?}", message.entry, message.kind),
        Event::MessageChanged { message, .. } => {
            format!("changed {:?} {:?} counts {}", message.entry, message.kind, message.counts)
        }
        Event::Delivery { entry, delivery, .. } => format!("delivery {entry:?} {}/{}", delivery.reached, delivery.due),
        Event::Outbox { outbox, sealed, .. } => format!("outbox {outbox} {sealed:?}"),
        Event::Join { join } => format!("join {join}"),
        Event::Alert { alert, .. } => format!("alert {:?} {}", alert.kind, alert.reason),
        Event::GroupGone(gid) => format!("gone {gid:?}"),
        Event::Annotated { target, .. } => format!("annotated {target:?}"),
        Event::Group(_) | Event::Presence { .. } | Event::Invite { .. } => return None,
    })
}

/// An action as the scenario language says it.
#[must_use]
pub fn act_text(scenario: &Scenario, act: &Act) -> String {
    scenario.act_text(act)
}

/// The verb of an action.
#[must_use]
pub const fn act_word(act: &Act) -> &'static str {
    match act {
        Act::Say { .. } => "say",
        Act::Invite { .. } => "invite",
        Act::Join { .. } => "join",
        Act::Confirm { .. } => "confirm",
        Act::Promote { .. } => "promote",
        Act::Demote { .. } => "demote",
        Act::Remove { .. } => "remove",
        Act::Leave { .. } => "leave",
        Act::Revoke { .. } => "revoke",
        Act::Split(_) => "split",
        Act::Isolate(_) => "isolate",
        Act::Bridge { .. } => "bridge",
        Act::Ring(_) => "ring",
        Act::Graph { .. } => "graph",
        Act::Cut { .. } => "cut",
        Act::Heal(_) => "heal",
        Act::Flap { .. } => "flap",
        Act::Swizzle { .. } => "swizzle",
        Act::Slow { .. } => "slow",
        Act::Link(_) => "link",
        Act::Move(_) => "move",
        Act::Stop(_) => "stop",
        Act::Kill { .. } => "kill",
        Act::Restart(_) => "restart",
        Act::Pause { .. } => "pause",
        Act::Resume(_) => "resume",
        Act::Crash { .. } => "crash",
        Act::Snapshot { .. } => "snapshot",
        Act::Restore { .. } => "restore",
        Act::Clone { .. } => "clone",
        Act::Wipe(_) => "wipe",
        Act::Disk { .. } => "disk",
        Act::Clock { .. } => "clock",
        Act::Behave { .. } => "behave",
        Act::Dial { .. } => "dial",
    }
}
