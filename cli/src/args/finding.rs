//! What can be typed to find something again: words, or a place in the timeline.

use clap::Args;
use jiff::Timestamp;

use super::times::moment;

/// `search`.
#[derive(Args, Debug)]
#[command(
    after_long_help = "Everything happens on this computer: nobody is asked, and nobody learns what you look for.\n\n\
    Examples:\n  coterie search dredger\n  coterie search sao paulo            finds \"In São Paulo\"\n  \
    coterie search \"#quay\" --in Harbour   # and @ are letters like others\n  \
    coterie search invoice --from Ana --since 2026-11-01 --until 2026-12-01\n  \
    coterie search invoice --since 7d --limit 5 --json\n\n\
    What stood before and after a hit: coterie history --around ID (search --ids shows it)."
)]
pub struct Search {
    /// Words that must all be there, as parts of words too; case and accents make no difference
    #[arg(required = true)]
    pub words: Vec<String>,
    /// Which group; all of yours if it is not given
    #[arg(short, long, visible_alias = "in")]
    pub group: Option<String>,
    /// Only what this member said: a name as it is shown, or an id
    #[arg(long, value_name = "MEMBER")]
    pub from: Option<String>,
    /// Only what was said from then on: 2026-11-21, "2026-11-21 14:00", 2026-11-21T14:00:00Z, or so long ago: 7d
    #[arg(long, value_name = "TIME", value_parser = moment)]
    pub since: Option<Timestamp>,
    /// Only what was said before then
    #[arg(long, value_name = "TIME", value_parser = moment)]
    pub until: Option<Timestamp>,
    /// Show the beginning of each message's id, to name it by
    #[arg(long)]
    pub ids: bool,
    /// How many messages of each group, the newest ones
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u16).range(1..=1000))]
    pub limit: u16,
}

/// `history`.
#[derive(Args, Debug)]
#[command(
    after_long_help = "Examples:\n  coterie history\n  coterie history Harbour --at 2026-11-01      from that day on\n  \
        coterie history --at \"2026-11-01 14:00\" --limit 20\n  coterie history --around k3vq7a   what stood round a message"
)]
pub struct History {
    /// Which group
    pub group: Option<String>,
    /// Show the beginning of each message's id, to name it by
    #[arg(long)]
    pub ids: bool,
    /// How many lines
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u16).range(1..=200))]
    pub limit: u16,
    /// Lines before this cursor (from an earlier page's "prev")
    #[arg(long, value_name = "CURSOR", conflicts_with_all = ["after", "at", "around"])]
    pub before: Option<String>,
    /// Lines behind this cursor (from an earlier page's "next")
    #[arg(long, value_name = "CURSOR", conflicts_with_all = ["at", "around"])]
    pub after: Option<String>,
    /// From that moment on: 2026-11-21, "2026-11-21 14:00", 2026-11-21T14:00:00Z, or so long ago: 7d
    #[arg(long, value_name = "TIME", value_parser = moment, conflicts_with = "around")]
    pub at: Option<Timestamp>,
    /// What stood before and after a message: the beginning of its id (history --ids, search --ids)
    #[arg(long, value_name = "MSG")]
    pub around: Option<String>,
}
