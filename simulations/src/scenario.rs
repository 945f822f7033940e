//! A story for the simulator: who is there, what happens when, and what must be true.
//!
//! A plan drawn from a seed and a file written by hand are the same thing, this value; it prints as the text that
//! parses to it. Hosts are numbers from 0: first the members, then the outsiders.

mod cursor;
mod demands;
mod expect;
mod labels;
mod lexer;
mod names;
mod parser;
mod print;
mod verbs;

pub use expect::{Compare, Expect, Predicate, When};
pub use lexer::{Fault, FaultCode};
pub use names::Who;

use crate::network::{HostId, Quality};

/// Everything about one run but its faults' luck, which the seed fixes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scenario {
    /// For people.
    pub name: String,
    /// Fixes all luck.
    pub seed: u64,
    /// Members, seated before time 0.
    pub nodes: u16,
    /// Hosts that are nobody's member at first.
    pub outsiders: u16,
    /// The group.
    pub group: GroupSetting,
    /// Paths, later ones over earlier ones.
    pub links: Vec<LinkSetting>,
    /// Machines.
    pub hosts: Vec<HostSetting>,
    /// Which of two events at one moment comes first.
    pub tie: Tie,
    /// When to stop.
    pub limit: Limit,
    /// What happens, in the order of time, line and place.
    pub timed: Vec<Timed>,
    /// What must be true beside the invariants.
    pub expects: Vec<Expect>,
}

/// Who sits in the group at time 0.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupSetting {
    /// For people.
    pub name: String,
    /// Who makes it.
    pub founder: HostId,
    /// Who is in it (the founder too).
    pub members: Vec<HostId>,
    /// Who is promoted before time 0.
    pub admins: Vec<HostId>,
}

/// Quality of some paths.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LinkSetting {
    /// From these …
    pub from: Vec<HostId>,
    /// … to these, and back unless one-way.
    pub to: Vec<HostId>,
    /// Whether back too.
    pub ways: Ways,
    /// How.
    pub quality: Quality,
}

/// Which directions a change touches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ways {
    /// There.
    One,
    /// There and back.
    Both,
}

/// One machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostSetting {
    /// Which.
    pub hosts: Vec<HostId>,
    /// How long a commit takes, µs.
    pub sync_us: Option<u64>,
    /// Its clock against the true one, ms.
    pub offset_ms: Option<i64>,
    /// How fast it runs wrong, parts per million.
    pub drift_ppm: Option<i64>,
}

/// Order of events at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Tie {
    /// As they were made.
    #[default]
    Fifo,
    /// Drawn.
    Shuffle,
}

/// When to stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit {
    /// Simulated time, µs.
    pub time_us: u64,
    /// Events.
    pub events: u64,
    /// Time from the last heal until everybody must agree, µs.
    pub quiesce_us: u64,
}

impl Default for Limit {
    fn default() -> Self {
        Self { time_us: 2 * 3_600_000_000, events: 50_000_000, quiesce_us: 600_000_000 }
    }
}

/// One thing that happens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Timed {
    /// When, µs from time 0.
    pub at_us: u64,
    /// In which line of the file (1 for the first), for reports.
    pub line: usize,
    /// What.
    pub act: Act,
}

/// When something is repeated.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pace {
    /// At each moment so often.
    pub times: u32,
    /// Again after this, µs; 0 is once.
    pub every_us: u64,
    /// Until this after the first, µs.
    pub for_us: u64,
}

/// An action.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the verbs and their arguments are described in the README")]
pub enum Act {
    Say { who: Who, text: Option<String>, pace: Pace, size: Option<u64>, label: Option<String> },
    Invite { who: Who, links: u32, uses: u8, expires_us: Option<u64>, label: Option<String> },
    Join { who: Who, label: String, via: Option<HostId> },
    Confirm { who: Who, whom: HostId },
    Promote { who: Who, whom: HostId },
    Demote { who: Who, whom: HostId },
    Remove { who: Who, whom: HostId, ban: bool },
    Leave { who: Who },
    Revoke { who: Who, label: String },
    Split(Vec<Vec<HostId>>),
    Isolate(Vec<HostId>),
    Bridge { left: Vec<HostId>, right: Vec<HostId>, via: HostId },
    Ring(Vec<HostId>),
    Graph { ppm: u32 },
    Cut { from: Vec<HostId>, to: Vec<HostId>, ways: Ways },
    Heal(Option<(Vec<HostId>, Vec<HostId>)>),
    Flap { hosts: Vec<HostId>, on_us: u64, off_us: u64, for_us: u64 },
    Swizzle { hosts: Vec<HostId>, for_us: u64 },
    Slow { hosts: Vec<HostId>, rate: u64 },
    Link(LinkSetting),
    Move(HostId),
    Stop(Vec<HostId>),
    Kill { hosts: Vec<HostId>, power: Power },
    Restart(Vec<HostId>),
    Pause { hosts: Vec<HostId>, for_us: Option<u64> },
    Resume(Vec<HostId>),
    Crash { host: HostId, commit: u64, point: Moment },
    Snapshot { host: HostId, label: String },
    Restore { host: HostId, label: String },
    Clone { host: HostId, to: HostId },
    Wipe(HostId),
    Disk { hosts: Vec<HostId>, order: DiskOrder },
    Clock { hosts: Vec<HostId>, turn: ClockTurn },
    Behave { host: HostId, habit: Habit },
    Dial { from: HostId, to: HostId, times: u32 },
}

/// What ends together with a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Power {
    /// The process only.
    Stays,
    /// The machine too: what the disk had not synced is gone.
    Cut,
}

/// Where in a commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    /// Nothing was written.
    Before,
    /// Written or not, as the disk likes.
    During,
    /// Durable, and nobody was told.
    After,
}

/// What a disk is told to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DiskOrder {
    /// Works.
    Ok,
    /// Takes no more.
    Full,
    /// The next sync fails.
    FailSync,
    /// Says it has synced, and has not.
    Lies,
    /// So many stored values lose a bit.
    Rot(u32),
    /// Each commit takes this long, µs.
    Slow(u64),
}

/// What a clock is told to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClockTurn {
    /// Jump, ms.
    By(i64),
    /// Run wrong, parts per million.
    Drift(i64),
    /// Stand at this moment, ms since 1970.
    Set(u64),
}

/// How a host that is not honest behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[expect(missing_docs, reason = "each is a word of the scenario language, described in the README")]
pub enum Habit {
    Honest,
    Mutate,
    Replay,
    Withhold,
    Flood,
    Garbage,
    Censor,
}

impl Habit {
    /// All, with their words.
    pub const ALL: [(Self, &'static str); 7] = [
        (Self::Honest, "honest"),
        (Self::Mutate, "mutate"),
        (Self::Replay, "replay"),
        (Self::Withhold, "withhold"),
        (Self::Flood, "flood"),
        (Self::Garbage, "garbage"),
        (Self::Censor, "censor"),
    ];

    /// Its word.
    #[must_use]
    pub fn word(self) -> &'static str {
        Self::ALL.iter().find(|(habit, _)| *habit == self).map_or("honest", |(_, word)| word)
    }
}

impl Act {
    /// Whether a machine loses something by this that no rule gives back.
    #[must_use]
    pub const fn loses_data(&self) -> bool {
        matches!(
            self,
            Self::Restore { .. }
                | Self::Clone { .. }
                | Self::Wipe(_)
                | Self::Disk { order: DiskOrder::Lies | DiskOrder::Rot(_), .. }
        )
    }
}

impl Scenario {
    /// A quiet group of so many.
    #[must_use]
    pub fn quiet(name: &str, seed: u64, nodes: u16) -> Self {
        Self {
            name: name.into(),
            seed,
            nodes,
            outsiders: 0,
            group: GroupSetting {
                name: "group".into(),
                founder: 0,
                members: (0..nodes).collect(),
                admins: Vec::from([0]),
            },
            links: Vec::new(),
            hosts: Vec::new(),
            tie: Tie::Fifo,
            limit: Limit::default(),
            timed: Vec::new(),
            expects: Vec::new(),
        }
    }

    /// Reads a file's text.
    ///
    /// # Errors
    /// Up to twenty faults, each with its line and column.
    pub fn parse(text: &str) -> Result<Self, Vec<Fault>> {
        parser::parse(text)
    }

    /// All hosts.
    #[must_use]
    pub const fn host_count(&self) -> u16 {
        self.nodes + self.outsiders
    }

    /// The name of a host in a file.
    #[must_use]
    pub fn host_name(&self, host: HostId) -> String {
        if host < self.nodes { format!("n{}", host + 1) } else { format!("x{}", host - self.nodes + 1) }
    }
}
