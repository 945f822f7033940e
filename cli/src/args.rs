//! What can be typed: one tree of verbs and flags. The long help is the manual.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};

/// Group chat without a server: found a group, invite people by link, talk end-to-end encrypted.
#[derive(Debug, Parser)]
#[command(
    name = "coterie",
    version,
    max_term_width = 100,
    after_long_help = "Examples:\n  coterie init --name Ana\n  coterie up\n  coterie group create \"Harbour\"\n  \
        coterie invite create --uses 3\n  coterie join LINK\n  coterie send \"The dredger left at dawn.\"\n  coterie tail -f"
)]
pub struct Arguments {
    /// Flags that every verb takes.
    #[command(flatten)]
    pub global: Global,
    /// What to do.
    #[command(subcommand)]
    pub verb: Option<Verb>,
}

/// Flags that every verb takes.
#[derive(Args, Clone, Debug)]
pub struct Global {
    /// Print one JSON object (streams: one per line) and nothing else
    #[arg(long, global = true)]
    pub json: bool,
    /// No colour, no boxes, one record per line
    #[arg(long, global = true)]
    pub plain: bool,
    /// Say only what was asked for
    #[arg(long, short, global = true)]
    pub quiet: bool,
    /// Never ask; a missing answer is an error
    #[arg(long, global = true)]
    pub no_input: bool,
    /// Answer "yes" to every question
    #[arg(long, global = true)]
    pub yes: bool,
    /// When to use colour
    #[arg(long, global = true, value_enum, default_value = "auto")]
    pub color: Color,
    /// Which profile of yours
    #[arg(long, global = true, value_name = "NAME")]
    pub profile: Option<String>,
    /// Where the profile's data lies
    #[arg(long, global = true, value_name = "DIR")]
    pub data_dir: Option<PathBuf>,
    /// How long to wait, for example 30s or 2m
    #[arg(long, global = true, value_name = "TIME", value_parser = duration)]
    pub timeout: Option<Duration>,
}

/// When to use colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Color {
    /// On a terminal.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// The verbs.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Create your identity and its folder
    Init(Init),
    /// Start the node
    Up(Up),
    /// Stop the node
    Down,
    /// How things stand, in one sentence and a table
    Status,
    /// Check this computer and its node
    Doctor,
    /// Who you are
    #[command(subcommand)]
    Identity(Identity),
    /// Groups: found, list, look into
    #[command(subcommand)]
    Group(Group),
    /// Links that let people in
    #[command(subcommand)]
    Invite(Invite),
    /// Join a group by its link
    Join(Join),
    /// Say something
    Send(Send),
    /// The newest lines, and with -f what comes
    Tail(Tail),
    /// Older lines
    History(History),
    /// People in a group
    #[command(subcommand)]
    Member(Member),
    /// Leave a group
    Leave(Leave),
}

/// `init`.
#[derive(Args, Debug)]
pub struct Init {
    /// The name that groups will see
    #[arg(long)]
    pub name: Option<String>,
    /// Protect the identity with the passphrase in this file ("-": standard input)
    #[arg(long, value_name = "FILE")]
    pub passphrase_file: Option<PathBuf>,
}

/// `up`.
#[derive(Args, Debug)]
pub struct Up {
    /// Stay in this terminal
    #[arg(long)]
    pub foreground: bool,
    /// Listen here: quic, tcp or a multiaddr; may be repeated
    #[arg(long, value_name = "ADDRESS")]
    pub listen: Vec<String>,
    /// Read the passphrase from this file ("-": standard input)
    #[arg(long, value_name = "FILE")]
    pub passphrase_file: Option<PathBuf>,
    /// Set by `up` itself for the process it leaves behind.
    #[arg(long, hide = true)]
    pub detached: bool,
}

/// `identity`.
#[derive(Debug, Subcommand)]
pub enum Identity {
    /// Name and key
    Show,
    /// This is the computer I use: go on here, after a second copy was seen
    Here,
    /// Change the name that groups see
    Rename {
        /// The new name
        name: String,
    },
}

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
    },
    /// Your groups
    List,
    /// One group in full
    Info {
        /// Which group
        group: Option<String>,
    },
    /// The membership log: who did what, and what became of it
    Log(crate::commands::Log),
    /// Give a group another name
    Rename {
        /// The new name
        name: String,
        /// Which group
        #[arg(short, long)]
        group: Option<String>,
    },
}

/// `invite`.
#[derive(Debug, Subcommand)]
pub enum Invite {
    /// Make a link
    Create {
        /// Which group
        group: Option<String>,
        /// How long it works, for example 24h or 7d
        #[arg(long, default_value = "24h", value_parser = duration)]
        expires: Duration,
        /// How many people it lets in
        #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u8).range(1..=99))]
        uses: u8,
        /// Guests come with guest sessions, which are not here yet
        #[arg(long, value_enum, default_value = "member")]
        role: Role,
        /// Print the short link, without addresses
        #[arg(long)]
        short: bool,
        /// Draw no code
        #[arg(long, env = "COTERIE_NO_QR", hide_env_values = true, value_parser = clap::builder::FalseyValueParser::new())]
        no_qr: bool,
    },
    /// Links you made
    List {
        /// Which group
        group: Option<String>,
    },
    /// One link again
    Show {
        /// Its id, or the beginning of it
        id: String,
        /// Which group
        #[arg(short, long)]
        group: Option<String>,
        /// Draw no code
        #[arg(long, env = "COTERIE_NO_QR", hide_env_values = true, value_parser = clap::builder::FalseyValueParser::new())]
        no_qr: bool,
    },
    /// Make a link useless
    Revoke {
        /// Its id, or the beginning of it; none with --all or if there is only one
        id: Option<String>,
        /// All that are open
        #[arg(long)]
        all: bool,
        /// Which group
        #[arg(short, long)]
        group: Option<String>,
    },
}

/// What a link makes people.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Role {
    /// A member.
    Member,
    /// A guest.
    Guest,
}

/// `join`.
#[derive(Args, Debug)]
pub struct Join {
    /// The link, as you got it; "-" reads standard input
    pub link: String,
    /// The name to be shown there
    #[arg(long = "as", value_name = "NAME")]
    pub name: Option<String>,
    /// An address of somebody who is online; may be repeated
    #[arg(long, value_name = "ADDRESS")]
    pub via: Vec<String>,
    /// Show the group, join nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Don't wait until it is done
    #[arg(long)]
    pub no_wait: bool,
}

/// `send`.
#[derive(Args, Debug)]
pub struct Send {
    /// The words; "-" reads standard input. # and @ are letters like any other
    pub text: String,
    /// Which group
    #[arg(short, long)]
    pub group: Option<String>,
    /// Wait until somebody else has it ("sent"), or everyone ("all")
    #[arg(long, value_enum)]
    pub wait: Option<Wait>,
}

/// How far `send --wait` waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Wait {
    /// Another member holds it.
    Sent,
    /// Everyone holds it.
    All,
}

/// `tail`.
#[derive(Args, Debug)]
pub struct Tail {
    /// Which group
    pub group: Option<String>,
    /// How many lines to begin with
    #[arg(short = 'n', long = "lines", default_value_t = 20, value_parser = clap::value_parser!(u16).range(0..=200))]
    pub lines: u16,
    /// Go on as they come
    #[arg(short, long)]
    pub follow: bool,
}

/// `history`.
#[derive(Args, Debug)]
pub struct History {
    /// Which group
    pub group: Option<String>,
    /// How many lines
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u16).range(1..=200))]
    pub limit: u16,
    /// Lines before this cursor (from an earlier page's "prev")
    #[arg(long, value_name = "CURSOR")]
    pub before: Option<String>,
}

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

/// `leave`.
#[derive(Args, Debug)]
pub struct Leave {
    /// Which group
    pub group: Option<String>,
    /// Leave without being asked; the last organiser needs it off a terminal: the group's name
    #[arg(long, value_name = "NAME")]
    pub confirm: Option<String>,
}

/// `30s`, `5m`, `24h`, `7d`.
fn duration(text: &str) -> Result<Duration, String> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let number: u64 = digits.parse().map_err(|_| format!("write it like 30s, 5m, 24h or 7d, not {text:?}"))?;
    let unit = match text.strip_prefix(digits).unwrap_or_default() {
        "s" => 1,
        "m" => 60,
        "h" => 3_600,
        "d" => 86_400,
        _ => return Err("give it a unit: s, m, h or d".to_owned()),
    };
    number.checked_mul(unit).map(Duration::from_secs).ok_or_else(|| "that is too long".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_tree_of_verbs_is_sound() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn durations_have_units() {
        assert_eq!(duration("90s"), Ok(Duration::from_secs(90)));
        assert_eq!(duration("7d"), Ok(Duration::from_secs(604_800)));
        assert!(duration("7").is_err() && duration("x").is_err() && duration("18446744073709551615d").is_err());
    }
}
