//! A scenario as the text that reads back as itself: how plans are shown, saved, edited and replayed.

use std::fmt::Write as _;

use super::cursor::{percent_text, time_text};
use super::{
    Act, ClockTurn, DiskOrder, Expect, Habit, LinkSetting, Moment, Power, Predicate, Scenario, Tie, Ways, When, Who,
};
use crate::network::{HostId, Quality, Tail};

impl Scenario {
    /// The file.
    #[must_use]
    pub fn to_text(&self) -> String {
        let mut out = String::new();
        let mut line = |text: String| {
            out.push_str(&text);
            out.push('\n');
        };
        if !self.name.is_empty() {
            line(format!("scenario {}", quoted(&self.name)));
        }
        line(format!("seed {}", self.seed));
        line(format!("nodes {}", self.nodes));
        if self.outsiders > 0 {
            line(format!("outsiders {}", self.outsiders));
        }
        line(self.group_text());
        for setting in &self.links {
            line(format!("link {}", self.link_text(setting)));
        }
        for setting in &self.hosts {
            line(self.host_text(setting));
        }
        if self.tie == Tie::Shuffle {
            line("tie shuffle".into());
        }
        let limit = &self.limit;
        line(format!(
            "limit time={} events={} quiesce={}",
            time_text(limit.time_us),
            limit.events,
            time_text(limit.quiesce_us)
        ));
        for timed in &self.timed {
            line(format!("at {} {}", time_text(timed.at_us), self.act_text(&timed.act)));
        }
        for expect in &self.expects {
            line(self.expect_text(expect));
        }
        out
    }

    fn group_text(&self) -> String {
        let group = &self.group;
        let names = |hosts: &[HostId]| ranges(self, hosts).join(",");
        format!(
            "group {} founder={} members={} admins={}",
            quoted(&group.name),
            self.host_name(group.founder),
            names(&group.members),
            names(&group.admins)
        )
    }

    fn host_text(&self, setting: &super::HostSetting) -> String {
        let mut text = format!("host {}", self.hosts_text(&setting.hosts));
        if let Some(us) = setting.sync_us {
            let _ = write!(text, " sync={}", time_text(us));
        }
        if let Some(ms) = setting.offset_ms {
            let _ = write!(text, " offset={}", signed(ms));
        }
        if let Some(ppm) = setting.drift_ppm {
            let _ = write!(text, " drift={ppm}");
        }
        text
    }

    fn link_text(&self, setting: &LinkSetting) -> String {
        let Quality { latency_us, jitter_us, tail, loss_ppm, rate, queue_bytes } = setting.quality;
        let arrow = if setting.ways == Ways::One { " -> " } else { " " };
        let mut text = format!("{}{arrow}{}", self.hosts_text(&setting.from), self.hosts_text(&setting.to));
        let _ = write!(
            text,
            " latency={} jitter={} loss={}",
            time_text(latency_us),
            time_text(jitter_us),
            percent_text(loss_ppm)
        );
        if tail == Tail::On {
            text.push_str(" tail=on");
        }
        if let Some(rate) = rate {
            let _ = write!(text, " rate={rate}B/s queue={queue_bytes}B");
        }
        text
    }

    /// Hosts as one word.
    #[must_use]
    pub fn hosts_text(&self, hosts: &[HostId]) -> String {
        if hosts.len() > 1 && hosts.len() == usize::from(self.host_count()) {
            return "all".into();
        }
        let ranges = ranges(self, hosts);
        match ranges.as_slice() {
            [one] => one.clone(),
            many => format!("[{}]", many.join(",")),
        }
    }

    fn who_text(&self, who: &Who) -> String {
        match who {
            Who::Hosts(hosts) => self.hosts_text(hosts),
            Who::Members => "members".into(),
            Who::Admins => "admins".into(),
            Who::Any(count) => format!("any {count}"),
        }
    }

    /// An action.
    #[must_use]
    pub fn act_text(&self, act: &Act) -> String {
        let host = |id: &HostId| self.host_name(*id);
        let hosts = |ids: &[HostId]| self.hosts_text(ids);
        match act {
            Act::Split(parts) => {
                format!("split {}", parts.iter().map(|part| hosts(part)).collect::<Vec<_>>().join(" "))
            }
            Act::Isolate(ids) => format!("isolate {}", hosts(ids)),
            Act::Bridge { left, right, via } => format!("bridge {} {} via {}", hosts(left), hosts(right), host(via)),
            Act::Ring(ids) => format!("ring {}", hosts(ids)),
            Act::Graph { ppm } => format!("graph {}", percent_text(*ppm)),
            Act::Cut { from, to, ways: Ways::One } => format!("cut {} -> {}", hosts(from), hosts(to)),
            Act::Cut { from, to, ways: Ways::Both } => format!("cut {} {}", hosts(from), hosts(to)),
            Act::Heal(None) => "heal".into(),
            Act::Heal(Some((a, b))) => format!("heal {} {}", hosts(a), hosts(b)),
            Act::Flap { hosts: ids, on_us, off_us, for_us } => {
                format!(
                    "flap {} on={} off={} for {}",
                    hosts(ids),
                    time_text(*on_us),
                    time_text(*off_us),
                    time_text(*for_us)
                )
            }
            Act::Swizzle { hosts: ids, for_us } => format!("swizzle {} for {}", hosts(ids), time_text(*for_us)),
            Act::Slow { hosts: ids, rate } => format!("slow {} {rate}B/s", hosts(ids)),
            Act::Link(setting) => format!("link {}", self.link_text(setting)),
            Act::Move(id) => format!("move {}", host(id)),
            Act::Dial { from, to, times } => format!("dial {} {} x{times}", host(from), host(to)),
            Act::Say { .. } | Act::Invite { .. } | Act::Join { .. } | Act::Confirm { .. } | Act::Promote { .. } => {
                self.wish_text(act)
            }
            Act::Demote { .. } | Act::Remove { .. } | Act::Leave { .. } | Act::Revoke { .. } => self.wish_text(act),
            _ => self.machine_text(act),
        }
    }

    fn wish_text(&self, act: &Act) -> String {
        let host = |id: &HostId| self.host_name(*id);
        match act {
            Act::Say { who, text, pace, size, label } => {
                let mut line = format!("{} say", self.who_text(who));
                if let Some(text) = text {
                    let _ = write!(line, " {}", quoted(text));
                }
                if pace.times > 1 {
                    let _ = write!(line, " x{}", pace.times);
                }
                if pace.every_us > 0 {
                    let _ = write!(line, " every {} for {}", time_text(pace.every_us), time_text(pace.for_us));
                }
                if let Some(size) = size {
                    let _ = write!(line, " size {size}B");
                }
                line + &as_label(label.as_ref())
            }
            Act::Invite { who, links, uses, expires_us, label } => {
                let mut line = format!("{} invite x{links} uses={uses}", self.who_text(who));
                if let Some(us) = expires_us {
                    let _ = write!(line, " expires={}", time_text(*us));
                }
                line + &as_label(label.as_ref())
            }
            Act::Join { who, label, via } => {
                let via = via.map_or_else(String::new, |via| format!(" via {}", host(&via)));
                format!("{} join {label}{via}", self.who_text(who))
            }
            Act::Confirm { who, whom } => format!("{} confirm {}", self.who_text(who), host(whom)),
            Act::Promote { who, whom } => format!("{} promote {}", self.who_text(who), host(whom)),
            Act::Demote { who, whom } => format!("{} demote {}", self.who_text(who), host(whom)),
            Act::Remove { who, whom, ban } => {
                format!("{} remove {}{}", self.who_text(who), host(whom), if *ban { " ban" } else { "" })
            }
            Act::Leave { who } => format!("{} leave", self.who_text(who)),
            Act::Revoke { who, label } => format!("{} revoke {label}", self.who_text(who)),
            _ => String::new(),
        }
    }

    fn machine_text(&self, act: &Act) -> String {
        let host = |id: &HostId| self.host_name(*id);
        let hosts = |ids: &[HostId]| self.hosts_text(ids);
        match act {
            Act::Stop(ids) => format!("stop {}", hosts(ids)),
            Act::Kill { hosts: ids, power: Power::Stays } => format!("kill {}", hosts(ids)),
            Act::Kill { hosts: ids, power: Power::Cut } => format!("kill {} powercut", hosts(ids)),
            Act::Restart(ids) => format!("restart {}", hosts(ids)),
            Act::Pause { hosts: ids, for_us: None } => format!("pause {}", hosts(ids)),
            Act::Pause { hosts: ids, for_us: Some(us) } => format!("pause {} for {}", hosts(ids), time_text(*us)),
            Act::Resume(ids) => format!("resume {}", hosts(ids)),
            Act::Crash { host: id, commit, point } => {
                let point = match point {
                    Moment::Before => "before",
                    Moment::During => "during",
                    Moment::After => "after",
                };
                format!("crash {} at=commit:{commit} {point}", host(id))
            }
            Act::Snapshot { host: id, label } => format!("snapshot {} as {label}", host(id)),
            Act::Restore { host: id, label } => format!("restore {} from {label}", host(id)),
            Act::Clone { host: id, to } => format!("clone {} as {}", host(id), host(to)),
            Act::Wipe(id) => format!("wipe {}", host(id)),
            Act::Disk { hosts: ids, order } => format!("disk {} {}", hosts(ids), disk_text(*order)),
            Act::Clock { hosts: ids, turn } => format!("clock {} {}", hosts(ids), clock_text(*turn)),
            Act::Behave { host: id, habit } => format!("behave {} {}", host(id), Habit::word(*habit)),
            _ => String::new(),
        }
    }

    /// A demand.
    #[must_use]
    pub fn expect_text(&self, expect: &Expect) -> String {
        let when = match expect.when {
            When::Always => "always".into(),
            When::At(us) => format!("at {}", time_text(us)),
            When::End => "at end".into(),
            When::By(us) => format!("by {}", time_text(us)),
            When::ByAfterHeal(us) => format!("by +{}", time_text(us)),
            When::Some => "some".into(),
        };
        format!("expect {when} {}", self.predicate_text(&expect.predicate))
    }

    fn predicate_text(&self, predicate: &Predicate) -> String {
        let on = |hosts: &Option<Vec<HostId>>| {
            hosts.as_ref().map_or_else(String::new, |hosts| format!(" on {}", self.hosts_text(hosts)))
        };
        match predicate {
            Predicate::Converged(None) => "converged".into(),
            Predicate::Converged(Some(hosts)) => format!("converged {}", self.hosts_text(hosts)),
            Predicate::Members { compare, count, on: hosts } => {
                format!("members {} {count}{}", compare.sign(), on(hosts))
            }
            Predicate::Roster { hosts, on: at } => format!("roster {}{}", self.hosts_text(hosts), on(at)),
            Predicate::Seated(host) => format!("seated {}", self.host_name(*host)),
            Predicate::Refused { host, reason } => {
                let reason = reason.as_ref().map_or_else(String::new, |reason| format!(" reason={reason}"));
                format!("refused {}{reason}", self.host_name(*host))
            }
            Predicate::Lost { compare, count } => format!("lost {} {count}", compare.sign()),
            Predicate::Duplicates { compare, count } => format!("duplicates {} {count}", compare.sign()),
            Predicate::Outbox { compare, count, on: hosts } => {
                format!("outbox {} {count}{}", compare.sign(), on(hosts))
            }
            Predicate::Seen { label, on } => format!("seen {label} on {}", self.hosts_text(on)),
            Predicate::Unseen { label, on } => format!("unseen {label} on {}", self.hosts_text(on)),
            Predicate::Alarm { name, on: hosts } => format!("alarm {name}{}", on(hosts)),
            Predicate::Latency { percentile, compare, time_us } => {
                let which = if *percentile == 100 { "max".into() } else { format!("p{percentile}") };
                format!("latency {which} {} {}", compare.sign(), time_text(*time_us))
            }
            Predicate::Dials { compare, count } => format!("dials {} {count}", compare.sign()),
            Predicate::Mark { mark, compare, count } => format!("mark {} {} {count}", mark.name(), compare.sign()),
        }
    }
}

fn as_label(label: Option<&String>) -> String {
    label.map_or_else(String::new, |label| format!(" as {label}"))
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

fn signed(ms: i64) -> String {
    let sign = if ms < 0 { '-' } else { '+' };
    format!("{sign}{}", time_text(ms.unsigned_abs().saturating_mul(1_000)))
}

fn disk_text(order: DiskOrder) -> String {
    match order {
        DiskOrder::Ok => "ok".into(),
        DiskOrder::Full => "full".into(),
        DiskOrder::FailSync => "failsync".into(),
        DiskOrder::Lies => "lies".into(),
        DiskOrder::Rot(count) => format!("rot x{count}"),
        DiskOrder::Slow(us) => format!("slow {}", time_text(us)),
    }
}

fn clock_text(turn: ClockTurn) -> String {
    match turn {
        ClockTurn::By(ms) => signed(ms),
        ClockTurn::Drift(ppm) => format!("drift={ppm}"),
        // Plans only ever set clocks back to the beginning.
        ClockTurn::Set(_) => "set 1970-01-01".into(),
    }
}

/// `n1..n3`, `n7`, …
fn ranges(scenario: &Scenario, hosts: &[HostId]) -> Vec<String> {
    let mut found: Vec<(HostId, HostId)> = Vec::new();
    for &host in hosts {
        match found.last_mut() {
            // A range stays among members or among outsiders.
            Some((_, last)) if *last + 1 == host && host != scenario.nodes => *last = host,
            _ => found.push((host, host)),
        }
    }
    let text = |(from, to): (HostId, HostId)| match to - from {
        0 => scenario.host_name(from),
        _ => format!("{}..{}", scenario.host_name(from), scenario.host_name(to)),
    };
    found.into_iter().map(text).collect()
}
