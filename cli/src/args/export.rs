//! What can be typed about taking one's own copy along.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use jiff::Timestamp;

use super::times::moment;

/// `export`.
#[derive(Args, Debug)]
#[command(
    after_long_help = "Examples:\n  coterie export --out harbour\n  coterie export \"Harbour\" --out harbour --with-files\n  \
        coterie export --out november --as text --since 2026-11-01 --until 2026-12-01\n  \
        coterie export --out harbour --dry-run\n\n\
        It is your own copy. The others have not released these words, and the files prove nothing about who said what. \
        They lie open on your disk: whoever reads your folder reads them, also what is deleted for everyone later."
)]
pub struct Export {
    /// Which group
    pub group: Option<String>,
    /// Where to: a folder that is not there yet, or is empty
    #[arg(long, value_name = "DIR")]
    pub out: PathBuf,
    /// In which form; may be repeated. All three if it is not given
    #[arg(long = "as", value_enum, value_name = "FORM")]
    pub forms: Vec<Form>,
    /// Pictures, memos, films and other files too. What is not here is fetched for as long as --timeout says, else 2m
    #[arg(long)]
    pub with_files: bool,
    /// Only what was said from then on: 2026-11-21, 2026-11-21T14:00:00Z, or so long ago: 7d
    #[arg(long, value_name = "TIME", value_parser = moment)]
    pub since: Option<Timestamp>,
    /// Only what was said before then
    #[arg(long, value_name = "TIME", value_parser = moment)]
    pub until: Option<Timestamp>,
    /// Say how much it would be, and write nothing
    #[arg(long)]
    pub dry_run: bool,
}

/// A form of the copy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Form {
    /// `messages.txt`, to read.
    Text,
    /// `messages.jsonl`, for programs.
    Json,
    /// `messages.html`, to look at in a browser.
    Html,
}
