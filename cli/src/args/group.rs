//! `group`: what one can do to a group as a whole.

use clap::Subcommand;

use super::recovery::{self, Recovery};
use super::settings::{self, Keep, MuteFor, Setting};

/// `group`.
#[derive(Debug, Subcommand)]
pub enum Group {
    /// Found a group; you sit in seat 0
    Create {
        /// Its name
        name: String,
        /// What it is about
        #[arg(long, default_value = "")]
        about: String,
        /// Print recovery codes for a day when you are lost, for example 2of3: two of three people who keep one can name a
        /// new organiser. They are shown once, and can't be added later
        #[arg(long, value_name = "T of N", value_parser = recovery::plan)]
        recovery: Option<(u8, u8)>,
    },
    /// A new organiser in the place of one who is lost
    #[command(subcommand)]
    Recovery(Recovery),
    /// Your groups
    List,
    /// One group in full
    Info {
        /// Which group
        group: Option<String>,
    },
    /// The membership log: who did what, and what became of it
    Log(crate::commands::Log),
    /// Change a setting for everybody: history=none, history=30d, history=all, require-confirm=on, require-confirm=off
    Set {
        /// NAME=VALUE. history: what newcomers get of what was said before they came. require-confirm: whether they wait
        /// without keys until an organiser confirms them
        #[arg(value_parser = settings::setting)]
        setting: Setting,
        /// Which group
        #[arg(short, long)]
        group: Option<String>,
    },
    /// How long this computer keeps what is said: 30d, or all. Nobody else is told, and nobody else's copy is touched
    Keep {
        /// A number of days such as 30d, or "all"
        #[arg(value_name = "DAYS", value_parser = settings::keeping)]
        days: Keep,
        /// Which group
        #[arg(short, long)]
        group: Option<String>,
    },
    /// Be silent about a group on this profile's screens: for a while, or until you unmute it. Nobody is told; warnings and
    /// news about members still come, and what is new is still counted, dimly
    Mute {
        /// Which group
        group: Option<String>,
        /// How long: 8h, 1w, or always (until: coterie group unmute)
        #[arg(long = "for", value_name = "TIME", default_value = "always", value_parser = settings::muting)]
        span: MuteFor,
    },
    /// Let a muted group ring again
    Unmute {
        /// Which group
        group: Option<String>,
    },
    /// Eight words that are the same for everybody who sees the same members and settings
    Words {
        /// Which group
        group: Option<String>,
    },
    /// Give a group another name
    Rename {
        /// The new name
        name: String,
        /// Which group
        #[arg(short, long)]
        group: Option<String>,
    },
}
