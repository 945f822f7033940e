//! The node's examination of itself: each line names what it looked at, and each broken thing names a remedy (DR-1).

use coterie_protocol::{GroupState, GroupView};

use super::types::{Check, CheckState, Doctor, DoctorSchema};
use crate::driver::{Health, View};
use crate::store::Caution;

/// A clock before this was never set: 1 January 2025.
const CLOCK_FLOOR_MS: u64 = 1_735_689_600_000;
/// A warning before the disk is too full to save anything.
const TIGHT_BYTES: u64 = 512 << 20;

/// All checks.
pub(crate) fn examine(view: &View<'_>) -> Doctor {
    let mut checks = vec![store(view), disk(view), data_folder(view), clock(), listening(view)];
    checks.extend(view.account.groups().iter().map(group));
    checks.push(refused(view));
    Doctor { schema: DoctorSchema::V1, checks }
}

fn check(name: &str, state: CheckState, text: impl Into<String>, fix: Option<&str>) -> Check {
    Check { name: name.to_owned(), state, text: text.into(), fix: fix.map(str::to_owned) }
}

fn store(view: &View<'_>) -> Check {
    match view.health {
        Health::Sound if !view.troubles.is_empty() => {
            let told: Vec<String> = view.troubles.iter().map(|told| format!("{}: {}", told.what, told.why)).collect();
            check("store", CheckState::Warn, format!("{}.", told.join("; ")), Some("coterie status"))
        }
        Health::Sound => {
            let records = view.usage().map_or(0, |usage| usage.records);
            check("store", CheckState::Ok, format!("The store is open and takes new things ({records} records)."), None)
        }
        Health::DiskFull => check(
            "store",
            CheckState::Fail,
            "Disk full: nothing new is saved.",
            Some("free 128 MiB on the disk; the rest goes by itself"),
        ),
        Health::ReadOnly => check(
            "store",
            CheckState::Fail,
            "The disk gave errors: nothing new is saved.",
            Some("coterie down && coterie up"),
        ),
    }
}

fn disk(view: &View<'_>) -> Check {
    match view.free_bytes() {
        Some(free) if free >= TIGHT_BYTES => check("disk", CheckState::Ok, format!("{} MiB free.", free >> 20), None),
        Some(free) => {
            check("disk", CheckState::Warn, format!("Only {} MiB free.", free >> 20), Some("free some space"))
        }
        None => check("disk", CheckState::Warn, "The system does not say how much room is left.", None),
    }
}

fn data_folder(view: &View<'_>) -> Check {
    let cautions = view.home.directory().cautions();
    let weak = cautions.iter().find_map(|caution| match caution {
        Caution::WeakFileSystem(kind) => Some(*kind),
        Caution::NoMachineId => None,
    });
    match weak {
        Some(kind) => {
            let text = format!("The data folder lies on {kind}, where a power cut may lose the newest messages.");
            check(
                "data_folder",
                CheckState::Warn,
                text,
                Some("coterie --data-dir DIR up, with a folder on ext4 or APFS"),
            )
        }
        None if cautions.contains(&Caution::NoMachineId) => check(
            "data_folder",
            CheckState::Warn,
            "This machine has no id, so a copied data folder is noticed less surely.",
            Some("never run two copies of one data folder"),
        ),
        None => check("data_folder", CheckState::Ok, "The data folder is yours alone.", None),
    }
}

fn clock() -> Check {
    if crate::clock::Clock::now().wall_ms >= CLOCK_FLOOR_MS {
        return check("clock", CheckState::Ok, "The clock is set.", None);
    }
    check("clock", CheckState::Fail, "The clock is years behind.", Some("set the computer's clock"))
}

fn listening(view: &View<'_>) -> Check {
    match view.listening.len() {
        0 => check("network", CheckState::Warn, "No network: nobody can be reached.", Some("connect to a network")),
        1 => check("network", CheckState::Ok, "Listening at one address.", None),
        n => check("network", CheckState::Ok, format!("Listening at {n} addresses."), None),
    }
}

fn group(group: &GroupView) -> Check {
    let name = &group.name;
    match group.state {
        GroupState::Member | GroupState::Frozen | GroupState::Waiting if group.online > 0 => {
            check("group", CheckState::Ok, format!("{name}: {} in reach.", group.online), None)
        }
        GroupState::Member | GroupState::Frozen | GroupState::Waiting if group.occupied > 1 => {
            check("group", CheckState::Warn, format!("{name}: nobody in reach."), Some("wait until somebody is online"))
        }
        GroupState::Newer => check(
            "group",
            CheckState::Fail,
            format!("{name}: needs a newer Coterie."),
            Some("install the newest Coterie"),
        ),
        _ => check("group", CheckState::Ok, format!("{name}: nothing to do."), None),
    }
}

fn refused(view: &View<'_>) -> Check {
    let count: u64 = view.account.refused().values().chain(view.facts.refused.values()).sum();
    match count {
        0 => check("refused", CheckState::Ok, "Nothing that came in had to be refused.", None),
        n => check("refused", CheckState::Ok, format!("{n} things that came in were refused."), None),
    }
}
