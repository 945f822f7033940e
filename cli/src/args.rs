//! What can be typed: one tree of verbs and flags. The long help is the manual.

mod export;
mod finding;
mod group;
mod identity;
mod member;
mod message;
mod node;
mod recovery;
mod settings;
mod store;
mod times;

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};

pub use self::export::{Export, Form};
pub use self::finding::{History, Search};
pub use self::group::Group;
pub use self::identity::{Backup, Identity, Passphrase, Restore, Unlock};
pub use self::member::Member;
pub use self::message::{Delete, Edit, Files, Media, Pins, Precision, React, Save, Send, Tail, Wait, Which};
pub use self::node::{Doctor, Init, Up};
pub use self::recovery::Recovery;
pub use self::settings::{Admittance, Keep, MuteFor, Past, Setting};
pub use self::store::{Store, Vacuum};
use self::times::duration;

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
    Doctor(Doctor),
    /// Who you are
    #[command(subcommand)]
    Identity(Identity),
    /// The store on this computer's disk
    #[command(subcommand)]
    Store(Store),
    /// Groups: found, list, look into
    #[command(subcommand)]
    Group(Group),
    /// Links that let people in
    #[command(subcommand)]
    Invite(Invite),
    /// Join a group by its link
    Join(Join),
    /// The full screen: read, write, invite
    Chat(Chat),
    /// Say something
    Send(Send),
    /// Give one of your messages other words
    Edit(Edit),
    /// Delete a message for everyone
    Delete(Delete),
    /// Set an emoji under a message
    React(React),
    /// Keep a message at hand for everybody
    Pin(Which),
    /// Pin a message no longer
    Unpin(Which),
    /// What is pinned
    Pins(Pins),
    /// The newest lines, and with -f what comes
    Tail(Tail),
    /// Older lines
    History(History),
    /// Find messages by their words, on this computer
    Search(Search),
    /// Pictures, memos, films and other files that were sent
    #[command(subcommand)]
    Media(Media),
    /// Your own copy of a group, as files to keep and to read
    Export(Export),
    /// Files that are being fetched
    Transfers,
    /// People in a group
    #[command(subcommand)]
    Member(Member),
    /// Leave a group
    Leave(Leave),
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

/// `chat`.
#[derive(Args, Debug)]
pub struct Chat {
    /// Which group to begin with
    pub group: Option<String>,
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

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_tree_of_verbs_is_sound() {
        Arguments::command().debug_assert();
    }
}
