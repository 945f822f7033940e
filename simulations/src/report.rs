//! Words and pages about runs. The only room that prints.

use coterie_protocol::Event;

use crate::scenario::{Act, Scenario};

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
