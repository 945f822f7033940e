//! What can be typed behind `member`.

use clap::Subcommand;

/// `member`.
#[derive(Debug, Subcommand)]
pub enum Member {
    /// Everyone, by seat
    List {
        /// Which group
        group: Option<String>,
    },
    /// One person
    #[command(alias = "info")]
    Show {
        /// Name, or the beginning of the id
        member: String,
        /// Which group
        #[arg(short, long)]
        group: Option<String>,
    },
    /// Compare keys with somebody, face to face or by voice: is it really them?
    Verify {
        /// Name, or the beginning of the id
        member: String,
        /// Show the words only
        #[arg(long, conflicts_with = "qr")]
        words: bool,
        /// Show the code only
        #[arg(long)]
        qr: bool,
        /// You have compared: both screens show the same
        #[arg(long, conflicts_with_all = ["forget", "code"])]
        same: bool,
        /// What their code says, as a scanner reads it: it is marked if it fits
        #[arg(long, value_name = "TEXT", conflicts_with = "forget")]
        code: Option<String>,
        /// Take an earlier comparison back
        #[arg(long)]
        forget: bool,
        /// Which group
        #[arg(short, long)]
        group: Option<String>,
    },
    /// Make somebody an organiser
    Promote {
        /// Name, or the beginning of the id
        member: String,
        /// Which group
        #[arg(short, long)]
        group: Option<String>,
    },
    /// Make an organiser a member again
    Demote {
        /// Name, or the beginning of the id
        member: String,
        /// Which group
        #[arg(short, long)]
        group: Option<String>,
    },
    /// Take somebody's seat
    Remove {
        /// Name, or the beginning of the id
        member: String,
        /// Shut the key out of later links too
        #[arg(long)]
        ban: bool,
        /// Which group
        #[arg(short, long)]
        group: Option<String>,
        /// Needed with --ban off a terminal: the member's name
        #[arg(long, value_name = "NAME")]
        confirm: Option<String>,
    },
    /// Confirm somebody who waits
    Confirm {
        /// Name, or the beginning of the id
        member: String,
        /// Which group
        #[arg(short, long)]
        group: Option<String>,
    },
}
