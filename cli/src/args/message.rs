//! What can be typed about messages.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

/// `send`.
#[derive(Args, Debug)]
pub struct Send {
    /// The words; "-" reads standard input. # and @ are letters like any other
    #[arg(required_unless_present_any = ["location", "image", "voice", "video", "file"])]
    pub text: Option<String>,
    /// Which group
    #[arg(short, long)]
    pub group: Option<String>,
    /// The message that it answers: "last", "mine" (your newest), or the beginning of its id (history --ids)
    #[arg(long, value_name = "MSG")]
    pub reply: Option<String>,
    /// A place beside the words, or alone: "Lisbon", "London, CA", "38.71,-9.14", "geo:38.71,-9.14". No map or server is
    /// asked; the node has a list of towns
    #[arg(long, value_name = "WHERE", allow_hyphen_values = true)]
    pub location: Option<String>,
    /// How exactly others learn the place: within 10 km, 1 km or 25 m. "city" if a town was named, else "district"
    #[arg(long, value_enum, requires = "location")]
    pub precision: Option<Precision>,
    #[command(flatten)]
    pub files: Files,
    /// Wait until somebody else has it ("sent"), or everyone ("all")
    #[arg(long, value_enum)]
    pub wait: Option<Wait>,
}

/// Files that go with a message, at most ten.
#[derive(Args, Debug)]
pub struct Files {
    /// A picture (JPEG, PNG, GIF, WebP), without what it tells of place, time and device; may be repeated
    #[arg(long, value_name = "PATH")]
    pub image: Vec<PathBuf>,
    /// Something spoken (Ogg/Opus, WebM, MP4)
    #[arg(long, value_name = "PATH")]
    pub voice: Vec<PathBuf>,
    /// A film (MP4, WebM), without what it tells of place, time and device
    #[arg(long, value_name = "PATH")]
    pub video: Vec<PathBuf>,
    /// Any file, as it is; may be repeated
    #[arg(long, value_name = "PATH")]
    pub file: Vec<PathBuf>,
    /// Send pictures, memos and films with all their data
    #[arg(long)]
    pub original: bool,
    /// What is to be seen or heard, for who can't see or hear it; goes with the first file
    #[arg(long, value_name = "TEXT")]
    pub alt: Option<String>,
}

/// `media`.
#[derive(Debug, Subcommand)]
pub enum Media {
    /// The files of a group, newest first
    List {
        /// Which group
        group: Option<String>,
    },
    /// Save the files of a message, fetching them first if they are not here
    Save(Save),
    /// Free this computer's copy; it can be fetched again as long as somebody has it
    Free {
        #[command(flatten)]
        which: Which,
    },
}

/// `media save`.
#[derive(Args, Debug)]
pub struct Save {
    #[command(flatten)]
    pub which: Which,
    /// Where to; this folder if it is not given
    #[arg(long, value_name = "DIR", default_value = ".")]
    pub out: PathBuf,
}

/// How exactly a place is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Precision {
    /// Within 10 km.
    City,
    /// Within 1 km.
    District,
    /// Within 25 m.
    Exact,
}

/// How far `send --wait` waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Wait {
    /// Another member holds it.
    Sent,
    /// Everyone holds it.
    All,
}

/// One message: `pin`, `unpin`.
#[derive(Args, Debug)]
pub struct Which {
    /// "last", "mine" (your newest), or the beginning of its id (history --ids)
    #[arg(value_name = "MSG")]
    pub message: String,
    /// Which group
    #[arg(short, long)]
    pub group: Option<String>,
}

/// `edit`.
#[derive(Args, Debug)]
pub struct Edit {
    #[command(flatten)]
    pub which: Which,
    /// The new words; "-" reads standard input. The earlier ones stay readable in the message's information
    pub text: String,
}

/// `delete`.
#[derive(Args, Debug)]
#[command(
    after_long_help = "Every member's program is told to erase it. What somebody has read, copied or exported is out of \
        reach, and so is a computer that never comes online again."
)]
pub struct Delete {
    #[command(flatten)]
    pub which: Which,
}

/// `react`.
#[derive(Args, Debug)]
#[command(
    after_long_help = "Examples:\n  coterie react last 👍\n  coterie react last :tada:\n  coterie react last 👍 --remove"
)]
pub struct React {
    #[command(flatten)]
    pub which: Which,
    /// The emoji, or its name between colons, such as :tada:
    pub emoji: String,
    /// Take it back
    #[arg(long)]
    pub remove: bool,
}

/// `pins`.
#[derive(Args, Debug)]
pub struct Pins {
    /// Which group
    pub group: Option<String>,
}

/// `tail`.
#[derive(Args, Debug)]
pub struct Tail {
    /// Which group
    pub group: Option<String>,
    /// Show the beginning of each message's id, to name it by
    #[arg(long)]
    pub ids: bool,
    /// How many lines to begin with
    #[arg(short = 'n', long = "lines", default_value_t = 20, value_parser = clap::value_parser!(u16).range(0..=200))]
    pub lines: u16,
    /// Go on as they come
    #[arg(short, long)]
    pub follow: bool,
}
