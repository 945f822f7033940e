//! The one sentence that says how the node is, the same in every face (SS-1 to SS-3). Pure: a table is its test.

use super::types::{GroupStatus, NodeState};
use crate::driver::Health;

/// The first word (SS-2).
pub(crate) fn state(health: Health, groups: &[GroupStatus], addresses: usize) -> NodeState {
    match health {
        Health::DiskFull => NodeState::DiskFull,
        Health::ReadOnly => NodeState::ReadOnly,
        Health::Sound if groups.iter().any(|group| group.online > 0) => NodeState::Online,
        Health::Sound if addresses > 0 => NodeState::Alone,
        Health::Sound => NodeState::Offline,
    }
}

/// Rule SS-1: state, who is connected, what waits, when the last sync was; each part left out when empty.
pub(crate) fn sentence(state: NodeState, groups: &[GroupStatus], now_ms: u64) -> String {
    let mut parts = vec![first_word(state).to_owned()];
    let opened = !matches!(state, NodeState::Starting | NodeState::Locked);
    if opened {
        parts.extend(connected(groups));
        parts.extend(waiting(groups));
        parts.extend(synced(groups, now_ms));
    }
    parts.join(" · ")
}

const fn first_word(state: NodeState) -> &'static str {
    match state {
        NodeState::Starting => "Starting",
        NodeState::Locked => "Locked",
        NodeState::Online => "Online",
        NodeState::Alone => "Alone",
        NodeState::Offline => "Offline",
        NodeState::DiskFull => "Disk full",
        NodeState::ReadOnly => "Read-only",
    }
}

/// The best connected group; with several, how many more there are.
fn connected(groups: &[GroupStatus]) -> Option<String> {
    let reached: Vec<&GroupStatus> = groups.iter().filter(|group| group.online > 0).collect();
    let best = reached.iter().max_by_key(|group| group.online)?;
    let others = best.seated.saturating_sub(1).max(best.online);
    let ways = match (best.direct, best.relayed) {
        (0, 0) | (_, 0) => String::new(),
        (0, relayed) => format!(" ({relayed} relayed)"),
        (direct, relayed) => format!(" ({direct} direct, {relayed} relayed)"),
    };
    let more = match reached.len() - 1 {
        0 => String::new(),
        1 => " and 1 other group".to_owned(),
        n => format!(" and {n} other groups"),
    };
    Some(format!("{} of {} {} of {} connected{ways}{more}", best.online, others, noun(others, "member"), best.name))
}

fn waiting(groups: &[GroupStatus]) -> Option<String> {
    let messages: u32 = groups.iter().map(|group| group.waiting.messages).sum();
    (messages > 0).then(|| format!("{messages} {} waiting", noun(messages, "message")))
}

fn synced(groups: &[GroupStatus], now_ms: u64) -> Option<String> {
    let latest = groups.iter().filter_map(|group| group.synced).max()?;
    Some(format!("last sync {} ago", span(now_ms.saturating_sub(latest.0))))
}

fn noun(count: u32, word: &str) -> String {
    if count == 1 { word.to_owned() } else { format!("{word}s") }
}

/// A span of time in its largest unit.
fn span(ms: u64) -> String {
    let seconds = ms / 1_000;
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3_600 => format!("{} min", seconds / 60),
        3_600..172_800 => format!("{} h", seconds / 3_600),
        _ => format!("{} days", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use super::super::types::{Time, Waiting};
    use super::*;

    const NOW: u64 = 1_000_000_000;

    fn harbour(seated: u32, direct: u32, relayed: u32) -> GroupStatus {
        let (id, name) = (String::new(), "Harbour".to_owned());
        let online = direct + relayed;
        GroupStatus { id, name, seated, online, direct, relayed, waiting: Waiting::default(), synced: None }
    }

    fn waits(messages: u32, group: GroupStatus) -> GroupStatus {
        GroupStatus { waiting: Waiting { messages }, ..group }
    }

    fn ago(ms: u64, group: GroupStatus) -> GroupStatus {
        GroupStatus { synced: Some(Time(NOW - ms)), ..group }
    }

    #[test]
    fn ss_01_the_sentence_for_every_state() {
        use NodeState::*;
        let table: Vec<(NodeState, Vec<GroupStatus>, &str)> = vec![
            (Starting, vec![], "Starting"),
            (Starting, vec![waits(2, harbour(3, 1, 0))], "Starting"),
            (Locked, vec![], "Locked"),
            (Alone, vec![], "Alone"),
            (Offline, vec![], "Offline"),
            (DiskFull, vec![], "Disk full"),
            (ReadOnly, vec![], "Read-only"),
            (Alone, vec![harbour(3, 0, 0)], "Alone"),
            (Alone, vec![waits(1, harbour(3, 0, 0))], "Alone · 1 message waiting"),
            (Offline, vec![waits(2, harbour(3, 0, 0))], "Offline · 2 messages waiting"),
            (Online, vec![harbour(2, 1, 0)], "Online · 1 of 1 member of Harbour connected"),
            (Online, vec![harbour(32, 9, 3)], "Online · 12 of 31 members of Harbour connected (9 direct, 3 relayed)"),
            (Online, vec![harbour(32, 0, 3)], "Online · 3 of 31 members of Harbour connected (3 relayed)"),
            (Online, vec![harbour(32, 3, 0)], "Online · 3 of 31 members of Harbour connected"),
            (
                Online,
                vec![harbour(2, 1, 0), harbour(9, 5, 0)],
                "Online · 5 of 8 members of Harbour connected and 1 other group",
            ),
            (
                Online,
                vec![harbour(9, 1, 0), harbour(9, 1, 0), harbour(9, 2, 0)],
                "Online · 2 of 8 members of Harbour connected and 2 other groups",
            ),
            (Online, vec![harbour(9, 2, 0), harbour(9, 0, 0)], "Online · 2 of 8 members of Harbour connected"),
            (
                Online,
                vec![ago(3_000, waits(2, harbour(3, 1, 0)))],
                "Online · 1 of 2 members of Harbour connected · 2 messages waiting · last sync 3 s ago",
            ),
            (Alone, vec![ago(59_999, harbour(3, 0, 0))], "Alone · last sync 59 s ago"),
            (Alone, vec![ago(60_000, harbour(3, 0, 0))], "Alone · last sync 1 min ago"),
            (Offline, vec![ago(7_200_000, harbour(3, 0, 0))], "Offline · last sync 2 h ago"),
            (Offline, vec![ago(259_200_000, harbour(3, 0, 0))], "Offline · last sync 3 days ago"),
            (Offline, vec![ago(9_000, harbour(3, 0, 0)), ago(1_000, harbour(3, 0, 0))], "Offline · last sync 1 s ago"),
            (
                DiskFull,
                vec![waits(1, harbour(3, 1, 0))],
                "Disk full · 1 of 2 members of Harbour connected · 1 message waiting",
            ),
            (ReadOnly, vec![waits(3, harbour(3, 0, 0))], "Read-only · 3 messages waiting"),
        ];
        assert!(table.len() >= 20);
        for (state, groups, expected) in table {
            assert_eq!(sentence(state, &groups, NOW), expected);
        }
    }

    #[test]
    fn ss_02_the_first_word_follows_disk_members_and_network() {
        let reached = [harbour(3, 1, 0)];
        let alone = [harbour(3, 0, 0)];
        assert_eq!(state(Health::Sound, &reached, 2), NodeState::Online);
        assert_eq!(state(Health::Sound, &alone, 2), NodeState::Alone);
        assert_eq!(state(Health::Sound, &alone, 0), NodeState::Offline);
        assert_eq!(state(Health::DiskFull, &reached, 2), NodeState::DiskFull);
        assert_eq!(state(Health::ReadOnly, &reached, 2), NodeState::ReadOnly);
    }
}
